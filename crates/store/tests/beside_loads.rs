//! Transactions beside a load, and loads that are folded into the blocks there are: what must be there afterwards, and
//! what it costs.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use oxrdf::{BlankNode, GraphName, GraphNameRef, Literal, NamedNode, Quad, Term, Triple};
use quadrille_backend::{ErrorKind, InMemoryBackend, Keyspace, StorageBackend};
use quadrille_backend_testkit::{Fault, Moment, Operation};
use quadrille_store::{BlankNodes, LoadReport, QuadPattern, QuadStore, StoreOptions};
use std::collections::BTreeSet;
use std::sync::Arc;

type Faulty = quadrille_backend_testkit::Faulty<InMemoryBackend>;
type Store = QuadStore<Arc<Faulty>>;

fn options() -> StoreOptions {
    StoreOptions {
        block_bytes: Some(500),
        chunk_bytes: Some(500),
        delta_quads_max: 200,
        ..StoreOptions::default()
    }
}

/// Blocks of a few quads, so that a small store has many.
fn small_blocks() -> StoreOptions {
    StoreOptions {
        block_bytes: Some(StoreOptions::BLOCK_BYTES_MIN),
        ..options()
    }
}

fn open(options: StoreOptions) -> (Arc<Faulty>, Store) {
    let backend = Arc::new(Faulty::new(InMemoryBackend::new()));
    let store = QuadStore::open_with(Arc::clone(&backend), options).unwrap();
    (backend, store)
}

fn node(kind: &str, number: usize) -> NamedNode {
    NamedNode::new(format!("http://example.org/{kind}/{number}")).unwrap()
}

/// A quad of a subject of its own: quads of near numbers lie near each other in all permutations but OCSP.
fn quad(number: usize) -> Quad {
    let object: Term = match number % 5 {
        0 if number % 100 == 50 => {
            Literal::new_simple_literal("long ".repeat(450) + &number.to_string()).into()
        }
        1 => Triple::new(
            node("thing", number),
            node("predicate", 0),
            Literal::new_simple_literal(format!("the inner text {number}")),
        )
        .into(),
        2 => BlankNode::new(format!("b{number}")).unwrap().into(),
        3 => Literal::from(number as i64).into(),
        _ => node("object", number).into(),
    };
    let graph = match number % 2 {
        0 => GraphName::DefaultGraph,
        _ => node("graph", 0).into(),
    };
    Quad::new(
        node("thing", number / 3),
        node("predicate", number / 1000),
        object,
        graph,
    )
}

fn load(store: &Store, quads: impl IntoIterator<Item = Quad>) -> LoadReport {
    let mut load = store.bulk_load().unwrap();
    for quad in quads {
        load.push(quad.as_ref()).unwrap();
    }
    load.finish().unwrap()
}

fn generation(backend: &Faulty) -> String {
    let keyspaces = backend.keyspaces().unwrap();
    keyspaces[0].as_str()[..9].to_owned()
}

fn held(store: &Store) -> BTreeSet<String> {
    let quads = store.match_quads(&QuadPattern::new()).unwrap();
    quads.map(|quad| quad.unwrap().to_string()).collect()
}

/// The store holds these quads and is sound, and so it is when it is opened again.
fn assert_holds(backend: &Arc<Faulty>, store: Store, expected: &BTreeSet<String>) -> Store {
    for round in 0..2 {
        let store = match round {
            0 => store.clone(),
            _ => QuadStore::open_with(Arc::clone(backend), options()).unwrap(),
        };
        assert_eq!(store.len().unwrap(), expected.len() as u64);
        assert!(held(&store) == *expected, "round {round}");
        assert_eq!(store.verify().unwrap().problems, []);
    }
    store
}

fn texts(quads: impl IntoIterator<Item = Quad>) -> BTreeSet<String> {
    quads.into_iter().map(|quad| quad.to_string()).collect()
}

/// What transactions do beside a load of `2000..2100`, which doubles quads of theirs and names terms that they name.
fn change_beside(store: &Store) {
    // New terms in another order than the load's, so that the same ids are given to others.
    for number in (2050..2150).rev() {
        assert!(store.insert(&quad(number)).unwrap());
    }
    for number in 2060..2070 {
        assert!(store.remove(&quad(number)).unwrap());
    }
    for number in 10..20 {
        assert!(store.remove(&quad(number)).unwrap());
    }
    assert!(
        !store.remove(&quad(2010)).unwrap(),
        "the load is not there yet"
    );
}

/// When transactions come, beside a load.
#[derive(Clone, Copy, PartialEq, Debug)]
enum When {
    Begun,
    Within,
    /// Before the nth operation of a sort, while it is being finished.
    At(Operation, u32),
}

fn load_and_change(base: usize, when: When, folds: bool, options: &StoreOptions) {
    let (backend, store) = open(options.clone());
    load(&store, (0..base).map(quad));
    let before = generation(&backend);
    let mut loading = store.bulk_load().unwrap();
    store.insert(&quad(5000)).unwrap();
    if when == When::Begun {
        change_beside(&store);
    }
    let loaded = || (2000..2100).chain(12..16).map(quad);
    for (number, quad) in loaded().enumerate() {
        if when == When::Within && number == 50 {
            change_beside(&store);
        }
        loading.push(quad.as_ref()).unwrap();
    }
    if let When::At(operation, nth) = when {
        let (other, mut left) = (store.clone(), nth);
        backend.faults().call(Moment::Before, operation, move || {
            left = left.wrapping_sub(1);
            if left == 0 {
                change_beside(&other);
            }
        });
    }
    let report = loading.finish().unwrap();
    backend.faults().forget_calls();
    assert_eq!(generation(&backend) == before, folds, "{when:?}");
    let mut expected = texts((0..base).chain(2050..2150).chain([5000]).map(quad));
    for gone in texts((2060..2070).chain(10..20).map(quad)) {
        expected.remove(&gone);
    }
    let now = expected.len();
    expected.extend(texts(loaded()));
    assert_eq!(report.quads_new as usize, expected.len() - now, "{when:?}");
    let store = assert_holds(&backend, store, &expected);
    // What comes after it goes on, also what is folded then.
    for number in 3000..3400 {
        store.insert(&quad(number)).unwrap();
    }
    expected.extend(texts((3000..3400).map(quad)));
    assert_holds(&backend, store, &expected);
}

#[test]
fn a_load_that_is_folded_in_and_transactions_beside_it_are_both_there() {
    for when in [When::Begun, When::Within] {
        load_and_change(1990, when, true, &small_blocks());
    }
}

#[test]
fn a_load_of_a_generation_and_transactions_beside_it_are_both_there() {
    let few_in_the_log = StoreOptions {
        delta_quads_max: 3,
        ..options()
    };
    for options in [options(), few_in_the_log] {
        for when in [
            When::Begun,
            When::Within,
            When::At(Operation::Ingest, 1),
            When::At(Operation::Ingest, 13),
            When::At(Operation::Snapshot, 1),
            When::At(Operation::Snapshot, 2),
        ] {
            load_and_change(40, when, false, &options);
        }
    }
}

/// More quads than fit into the load's memory, all of them there already, and some removed meanwhile.
#[test]
fn quads_that_a_spilled_load_doubles_are_there_though_they_were_removed_meanwhile() {
    let options = StoreOptions {
        memory_bytes: 1 << 16,
        ..options()
    };
    let short = |number: usize| Quad {
        object: node("object", number % 7).into(),
        ..quad(number)
    };
    let (backend, store) = open(options);
    load(&store, (0..9000).map(short));
    let mut loading = store.bulk_load().unwrap();
    for number in (0..18_000).step_by(2) {
        loading.push(short(number).as_ref()).unwrap();
    }
    for number in 0..100 {
        assert!(store.remove(&short(number)).unwrap());
    }
    let report = loading.finish().unwrap();
    assert_eq!(report.quads_new, 4500 + 50);
    let there = (100..9000).chain((0..18_000).step_by(2));
    assert_holds(&backend, store, &texts(there.map(short)));
}

/// The store names the blank nodes of a source, and a transaction uses such a name at the same time.
#[test]
fn blank_nodes_of_a_source_stay_apart_from_those_that_a_transaction_names() {
    let named = |number: u64| BlankNode::new(format!("qb{number:014x}")).unwrap();
    let about = |subject: BlankNode, number: usize| {
        Quad::new(
            subject,
            node("predicate", 0),
            node("value", number),
            GraphName::DefaultGraph,
        )
    };
    for base in [3000, 10] {
        let (backend, store) = open(options());
        load(&store, (0..base).map(quad));
        let mut batch = store.quad_batch().unwrap();
        let mut loading = store.bulk_load().unwrap();
        for number in 0..3 {
            let quad = about(BlankNode::new(format!("x{number}")).unwrap(), number);
            batch.push(quad.as_ref(), BlankNodes::OfSource(0)).unwrap();
        }
        // A name of the store's kind that both give means the same to both.
        batch
            .push(about(named(100), 7).as_ref(), BlankNodes::AsWritten)
            .unwrap();
        loading.add(&batch).unwrap();
        for number in [1, 2, 3, 4, 100] {
            store.insert(&about(named(number), 50)).unwrap();
        }
        assert_eq!(loading.finish().unwrap().quads_new, 4);
        assert_eq!(store.verify().unwrap().problems, []);
        let subjects = |number: usize| -> BTreeSet<String> {
            let pattern = QuadPattern::new().with_object(node("value", number));
            let quads = store.match_quads(&pattern).unwrap();
            quads
                .map(|quad| quad.unwrap().subject.to_string())
                .collect()
        };
        let of_transaction = subjects(50);
        assert_eq!(of_transaction.len(), 5);
        let of_source: BTreeSet<String> = (0..3).flat_map(subjects).collect();
        assert_eq!(of_source.len(), 3, "{of_source:?}");
        assert!(
            of_source.is_disjoint(&of_transaction),
            "{of_source:?} {of_transaction:?}"
        );
        assert_eq!(subjects(7), BTreeSet::from([named(100).to_string()]));
        assert!(of_transaction.contains(&named(100).to_string()));
        // And the next one is another one again.
        let mut loading = store.bulk_load().unwrap();
        batch.clear();
        let quad = about(BlankNode::new("x").unwrap(), 60);
        batch.push(quad.as_ref(), BlankNodes::OfSource(0)).unwrap();
        loading.add(&batch).unwrap();
        loading.finish().unwrap();
        assert!(subjects(60).is_disjoint(&of_transaction));
        assert!(subjects(60).is_disjoint(&of_source));
        drop(store);
        let store = QuadStore::open(backend).unwrap();
        assert_eq!(store.len().unwrap(), base as u64 + 10);
    }
}

/// A thread may write beside its own load, and would never wait for itself.
#[test]
fn a_thread_with_a_load_open_commits_and_is_told_what_would_wait_for_ever() {
    let (backend, store) = open(options());
    let mut loading = store.bulk_load().unwrap();
    loading.push(quad(1).as_ref()).unwrap();
    assert!(store.insert(&quad(2)).unwrap());
    assert!(store.remove(&quad(2)).unwrap());
    let kinds = [
        store.bulk_load().err().map(|error| error.kind()),
        store.compact().err().map(|error| error.kind()),
        store.clear().err().map(|error| error.kind()),
    ];
    assert_eq!(kinds, [Some(ErrorKind::Misuse); 3]);
    let transaction = store.transaction().unwrap();
    let kind = store.bulk_load().err().map(|error| error.kind());
    assert_eq!(kind, Some(ErrorKind::Misuse));
    // Its end would wait for the transaction.
    let error = loading.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misuse);
    drop(transaction);
    assert_eq!(load(&store, [quad(1)]).quads_new, 1);
    assert_holds(&backend, store, &texts([quad(1)]));
}

/// Neither a transaction of more changes than the log may hold, nor a load beside it, is lost.
#[test]
fn large_transactions_beside_a_load_are_whole() {
    for loaded in [2000..2010, 2000..6000] {
        let (backend, store) = open(options());
        load(&store, (0..2000).map(quad));
        let mut loading = store.bulk_load().unwrap();
        for number in loaded.clone() {
            loading.push(quad(number).as_ref()).unwrap();
        }
        for round in 0..3 {
            let mut transaction = store.transaction().unwrap();
            for number in 7000 + 1000 * round..7500 + 1000 * round {
                assert!(transaction.insert(&quad(number)).unwrap());
            }
            for number in (round..2000).step_by(5) {
                assert!(transaction.remove(&quad(number)).unwrap());
            }
            transaction.commit().unwrap();
        }
        loading.finish().unwrap();
        let base = (0..2000).filter(|number| number % 5 > 2);
        let rounds = (7000..10_000).filter(|number| number % 1000 < 500);
        let there = base.chain(rounds).chain(loaded);
        assert_holds(&backend, store, &texts(there.map(quad)));
    }
}

/// What the log says was removed is not removed again when it is replayed.
#[test]
fn a_quad_that_was_removed_and_is_loaded_again_stays() {
    let (backend, store) = open(options());
    load(&store, (0..2000).map(quad));
    for number in 0..150 {
        assert!(store.remove(&quad(number)).unwrap());
    }
    // Some of them are in the blocks no more, in some of the permutations.
    for number in 5000..5055 {
        assert!(store.insert(&quad(number)).unwrap());
    }
    let before = generation(&backend);
    assert_eq!(load(&store, (100..160).map(quad)).quads_new, 50);
    assert_eq!(generation(&backend), before);
    let there = texts((100..2000).chain(5000..5055).map(quad));
    let store = assert_holds(&backend, store, &there);
    assert_eq!(load(&store, (100..160).map(quad)).quads_new, 0);
    assert!(store.remove(&quad(120)).unwrap());
    let there = texts(
        (100..2000)
            .filter(|n| *n != 120)
            .chain(5000..5055)
            .map(quad),
    );
    assert_holds(&backend, store, &there);
}

/// Every operation of a load fails in turn, be it folded in or a generation that has to catch up.
#[test]
fn a_load_beside_transactions_that_fails_leaves_what_they_left() {
    for base in [300, 30] {
        for passing in 0.. {
            let (backend, store) = open(StoreOptions {
                delta_quads_max: 8,
                ..small_blocks()
            });
            load(&store, (0..base).map(quad));
            let before = generation(&backend);
            let mut loading = store.bulk_load().unwrap();
            for number in 400..404 {
                loading.push(quad(number).as_ref()).unwrap();
            }
            for number in 402..411 {
                store.insert(&quad(number)).unwrap();
            }
            store.remove(&quad(3)).unwrap();
            backend.faults().reset_counts();
            let fault = Fault::on_any().after(passing).with_kind(ErrorKind::Io);
            backend.faults().add(fault);
            let finished = loading.finish();
            let struck = backend.faults().count_all() > passing;
            backend.faults().clear();
            let mut there = texts((0..base).filter(|n| *n != 3).chain(402..411).map(quad));
            if finished.is_ok() {
                there.extend(texts((400..402).map(quad)));
            }
            let folded = generation(&backend) == before;
            let store = assert_holds(&backend, store, &there);
            assert_eq!(backend.keyspaces().unwrap().len(), 15);
            assert_eq!(load(&store, [quad(3)]).quads_new, 1);
            if !struck {
                assert!(finished.is_ok() && passing > 20, "{passing}");
                assert_eq!(folded, base == 300);
                break;
            }
        }
    }
}

/// A load, and the entries that it writes.
fn writes(backend: &Faulty, work: impl FnOnce() -> LoadReport) -> (LoadReport, u64) {
    let before = backend.stats().unwrap().writes;
    let report = work();
    (report, backend.stats().unwrap().writes - before)
}

/// One quad in a hundred: together, and scattered.
#[test]
fn additions_that_belong_together_cost_what_changed() {
    let small = |number: usize| {
        Quad::new(
            node("thing", number / 10),
            node("predicate", number % 10),
            Literal::from((number / 3) as i64),
            GraphNameRef::DefaultGraph,
        )
    };
    let (backend, store) = open(small_blocks());
    let (_, all) = writes(&backend, || load(&store, (0..100_000).map(small)));
    let before = generation(&backend);
    // New subjects, which have values of their own.
    let new = || (110_000..111_000).map(small);
    let (report, together) = writes(&backend, || load(&store, new()));
    assert_eq!(
        (report.quads_new, generation(&backend)),
        (1000, before.clone())
    );
    assert!(together * 8 < all, "{together} entries of {all}");
    // The same again is new nowhere.
    let (report, nothing) = writes(&backend, || load(&store, new()));
    assert_eq!((report.quads_new, nothing), (0, 0));
    let others = (0..100_000).step_by(100).map(|number| Quad {
        object: Literal::from(1 + (number * 7919 % 10_007) as i64).into(),
        ..small(number)
    });
    let (report, scattered) = writes(&backend, || load(&store, others));
    assert!(report.quads_new > 950);
    assert!(
        scattered > 3 * together,
        "{scattered} entries; {together} together"
    );
    assert_eq!(store.verify().unwrap().problems, []);
}

/// While a load goes on, the log keeps what it needs; afterwards it shrinks again.
#[test]
fn the_log_is_kept_for_a_load_and_no_longer() {
    let (backend, store) = open(options());
    let records = || {
        let log = Keyspace::new("log").unwrap();
        backend.keyspace_size(&log).unwrap().0
    };
    load(&store, (0..500).map(quad));
    let loading = store.bulk_load().unwrap();
    for number in 1000..2000 {
        store.insert(&quad(number)).unwrap();
    }
    assert!(records() >= 1000);
    assert_holds(
        &backend,
        store.clone(),
        &texts((0..500).chain(1000..2000).map(quad)),
    );
    drop(loading);
    for number in 2000..2600 {
        store.insert(&quad(number)).unwrap();
    }
    assert!(records() < 700, "{} records", records());
    let there = (0..500).chain(1000..2600);
    assert_holds(&backend, store, &texts(there.map(quad)));
}
