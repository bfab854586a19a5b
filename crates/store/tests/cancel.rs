//! A load that is stopped: in whichever stage, it ends with `Cancelled`, leaves nothing, and the next one goes through.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use oxrdf::{GraphName, Literal, NamedNode, Quad};
use quadrille_backend::InMemoryBackend;
use quadrille_store::{
    CancelToken, ErrorKind, LoadStage, Permutation, QuadStore, ReadContext, StoreOptions,
};

fn quad(number: usize) -> Quad {
    let node = |name: &str| NamedNode::new_unchecked(format!("http://example.org/{name}"));
    Quad::new(
        node(&format!("item/{number}")),
        node("label"),
        Literal::new_simple_literal(format!("the item of number {number}")),
        GraphName::DefaultGraph,
    )
}

fn store(memory_bytes: usize) -> QuadStore<InMemoryBackend> {
    let options = StoreOptions {
        memory_bytes,
        ..StoreOptions::default()
    };
    let store = QuadStore::open_with(InMemoryBackend::new(), options).unwrap();
    store.insert(&quad(0)).unwrap();
    store
}

/// The stages that a load goes through, in their order.
fn stages() -> Vec<LoadStage> {
    let of_each = |permutation| {
        [
            LoadStage::Sorting(permutation),
            LoadStage::WritingIndex(permutation),
        ]
    };
    let of_terms = [
        LoadStage::WritingHashes,
        LoadStage::WritingTerms,
        LoadStage::Committing,
    ];
    let indexes = Permutation::ALL.into_iter().flat_map(of_each);
    indexes.chain(of_terms).collect()
}

const QUADS: usize = 20_000;

#[test]
fn every_stage_is_told_in_its_order() {
    for memory_bytes in [0, 1 << 30] {
        let store = store(memory_bytes);
        let mut load = store.bulk_load().unwrap();
        (0..QUADS).for_each(|number| load.push(quad(number).as_ref()).unwrap());
        let mut told = Vec::new();
        let mut done = 0;
        let report = load.finish_observed(&mut |progress| {
            if told.last() != Some(&progress.stage) {
                told.push(progress.stage);
                done = 0;
            }
            assert!(progress.done >= done, "{progress:?}");
            assert!(progress.total.is_none_or(|total| progress.done <= total));
            done = progress.done;
        });
        assert_eq!(report.unwrap().quads_new as usize, QUADS - 1);
        assert_eq!(told, stages(), "with {memory_bytes} bytes");
    }
}

#[test]
fn a_load_that_is_stopped_in_any_stage_leaves_nothing() {
    for memory_bytes in [0, 1 << 30] {
        let store = store(memory_bytes);
        for stage in stages() {
            let token = CancelToken::new();
            let context = ReadContext::new().with_cancel_token(token.clone());
            let mut load = store.bulk_load_within(context).unwrap();
            (0..QUADS).for_each(|number| load.push(quad(number).as_ref()).unwrap());
            let mut cancelled = false;
            let result = load.finish_observed(&mut |progress| {
                assert!(!cancelled || progress.stage == stage, "{progress:?}");
                if progress.stage == stage {
                    cancelled = true;
                    token.cancel();
                }
            });
            // At the commit it is too late.
            let expected = if stage == LoadStage::Committing {
                QUADS
            } else {
                1
            };
            assert_eq!(
                result.err().map(|error| error.kind()),
                (expected == 1).then_some(ErrorKind::Cancelled),
                "{stage:?}"
            );
            assert_eq!(store.len().unwrap() as usize, expected, "{stage:?}");
        }
        assert!(store.verify().unwrap().problems.is_empty());
    }
}

#[test]
fn a_load_with_little_memory_is_stopped_while_it_spills() {
    let store = store(0);
    let token = CancelToken::new();
    let context = ReadContext::new().with_cancel_token(token.clone());
    let mut load = store.bulk_load_within(context).unwrap();
    token.cancel();
    let error = (0..QUADS).find_map(|number| load.push(quad(number).as_ref()).err());
    assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::Cancelled));
    drop(load);
    assert_eq!(store.len().unwrap(), 1);
}
