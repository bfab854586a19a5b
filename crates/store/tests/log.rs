//! The commit log and the folding of its changes into blocks: what stays in the log, and that it is always complete.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use oxrdf::{GraphName, NamedNode, Quad};
use quadrille_backend::{InMemoryBackend, Keyspace, StorageBackend};
use quadrille_store::{QuadStore, StoreOptions};
use std::sync::Arc;

type Store = QuadStore<Arc<InMemoryBackend>>;

/// A fold takes at least 64 changes at each commit, so a pass over more than that needs several.
const DELTA_QUADS_MAX: usize = 600;

fn quad(number: usize) -> Quad {
    let node = |kind: &str, number: usize| {
        NamedNode::new(format!("http://example.org/{kind}/{number}")).unwrap()
    };
    Quad::new(
        node("thing", number),
        node("predicate", number % 3),
        node("thing", number / 7),
        GraphName::DefaultGraph,
    )
}

fn open(backend: &Arc<InMemoryBackend>) -> Store {
    let options = StoreOptions {
        delta_quads_max: DELTA_QUADS_MAX,
        ..StoreOptions::default()
    };
    QuadStore::open_with(Arc::clone(backend), options).unwrap()
}

/// A store in the middle of a pass, and the number of its quads.
fn amid_a_pass(backend: &Arc<InMemoryBackend>) -> (Store, usize) {
    let store = open(backend);
    let mut transaction = store.transaction().unwrap();
    for number in 1..DELTA_QUADS_MAX {
        transaction.insert(&quad(number)).unwrap();
    }
    transaction.commit().unwrap();
    // The commit that reaches the cap begins the pass, and its piece is too small for all changes.
    store.insert(&quad(0)).unwrap();
    (store, DELTA_QUADS_MAX)
}

fn records(backend: &InMemoryBackend) -> u64 {
    backend
        .keyspace_size(&Keyspace::new("log").unwrap())
        .unwrap()
        .0
}

/// Commits until any pass is over, then looks at the store as another process would find it.
fn assert_reopens(backend: &Arc<InMemoryBackend>, store: Store, mut quads: usize) {
    for number in 0..20 {
        store.insert(&quad(1_000_000 + number)).unwrap();
        quads += 1;
    }
    drop(store);
    let store = open(backend);
    assert_eq!(store.len().unwrap(), quads as u64);
    assert_eq!(store.verify().unwrap().problems, []);
}

#[test]
fn a_new_generation_ends_the_pass_over_the_old_one() {
    let backend = Arc::new(InMemoryBackend::new());
    let (store, quads) = amid_a_pass(&backend);
    store.compact().unwrap();
    assert_reopens(&backend, store, quads);

    let backend = Arc::new(InMemoryBackend::new());
    let (store, _) = amid_a_pass(&backend);
    store.clear().unwrap();
    assert_reopens(&backend, store, 0);

    let backend = Arc::new(InMemoryBackend::new());
    let (store, quads) = amid_a_pass(&backend);
    let mut load = store.bulk_load().unwrap();
    load.push(quad(500_000).as_ref()).unwrap();
    load.finish().unwrap();
    assert_reopens(&backend, store, quads + 1);
}

#[test]
fn changes_that_cancel_each_other_do_not_pile_up_in_the_log() {
    let backend = Arc::new(InMemoryBackend::new());
    let store = open(&backend);
    let flag = quad(1);
    for _ in 0..2 * DELTA_QUADS_MAX {
        assert!(store.insert(&flag).unwrap());
        assert!(store.remove(&flag).unwrap());
    }
    let left = records(&backend);
    assert!(
        left <= 3 * DELTA_QUADS_MAX as u64,
        "{left} records are left"
    );
    assert_reopens(&backend, store, 0);
}

#[test]
fn no_commit_trims_more_than_a_piece_of_the_log() {
    let backend = Arc::new(InMemoryBackend::new());
    let store = open(&backend);
    let mut largest = 0;
    for number in 0..4 * DELTA_QUADS_MAX {
        let before = records(&backend);
        store.insert(&quad(number)).unwrap();
        largest = largest.max((before + 1).saturating_sub(records(&backend)));
    }
    assert!(
        (1..=128).contains(&largest),
        "{largest} records in one commit"
    );
    assert!(records(&backend) <= 2 * DELTA_QUADS_MAX as u64);
    assert_reopens(&backend, store, 4 * DELTA_QUADS_MAX);
}
