//! Faults of the backend: what the store does when an operation fails, and what it keeps of a backend.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use oxrdf::{GraphName, NamedNode, Quad};
use quadrille_backend::{ErrorKind, InMemoryBackend, Keyspace, StorageBackend, StorageResult};
use quadrille_backend_testkit::{Fault, Moment, Operation};
use quadrille_store::{QuadPattern, QuadStore, StoreOptions};
use std::sync::Arc;

type Faulty = quadrille_backend_testkit::Faulty<InMemoryBackend>;
type Store = QuadStore<Arc<Faulty>>;

fn store() -> (Arc<Faulty>, Store) {
    let backend = Arc::new(Faulty::new(InMemoryBackend::new()));
    let options = StoreOptions {
        delta_quads_max: 10,
        ..StoreOptions::default()
    };
    let store = QuadStore::open_with(Arc::clone(&backend), options).unwrap();
    (backend, store)
}

/// From now on, operations of one sort meet a full disk. With ingests it shows late: some indexes are written already.
fn fail(backend: &Faulty, operation: Operation) {
    let fault = Fault::on(operation).from_then_on();
    backend.faults().add(match operation {
        Operation::Ingest => fault.in_keyspaces(is_written_late),
        _ => fault,
    });
}

fn is_written_late(keyspace: &Keyspace) -> bool {
    keyspace.as_str().ends_with(".statistics")
}

fn snapshots(backend: &Faulty) -> usize {
    backend.faults().snapshots_alive()
}

fn quad(number: usize) -> Quad {
    let node = |number: usize| NamedNode::new(format!("http://example.org/{number}")).unwrap();
    Quad::new(node(number), node(1), node(2), GraphName::DefaultGraph)
}

fn assert_full<T>(result: StorageResult<T>) {
    assert_eq!(result.map(drop).unwrap_err().kind(), ErrorKind::Full);
}

fn load(store: &Store, numbers: std::ops::Range<usize>) -> StorageResult<()> {
    let mut load = store.bulk_load()?;
    for number in numbers {
        load.push(quad(number).as_ref())?;
    }
    load.finish().map(drop)
}

/// Nothing is lost and nothing is stuck: the store goes on, and another look at it finds the same.
fn assert_goes_on(backend: &Arc<Faulty>, store: Store, mut quads: u64) {
    backend.faults().clear();
    for number in 0..30 {
        quads += u64::from(store.insert(&quad(1000 + number)).unwrap());
        assert_eq!(store.len().unwrap(), quads);
    }
    assert_eq!(store.verify().unwrap().problems, []);
    drop(store);
    let store = QuadStore::open(Arc::clone(backend)).unwrap();
    assert_eq!(store.len().unwrap(), quads);
    assert_eq!(store.verify().unwrap().problems, []);
}

#[test]
fn a_failed_commit_leaves_the_store_as_it_was() {
    for operation in [Operation::Put, Operation::Commit] {
        // At each distance from a fold.
        for quads in 0..25 {
            let (backend, store) = store();
            for number in 0..quads {
                store.insert(&quad(number)).unwrap();
            }
            fail(&backend, operation);
            assert_full(store.insert(&quad(500)));
            assert_eq!(store.len().unwrap(), quads as u64);
            assert_full(store.clear());
            assert_full(load(&store, 100..200));
            assert_goes_on(&backend, store, quads as u64);
        }
    }
}

#[test]
fn a_failed_load_gives_its_space_back_at_once() {
    for operation in [Operation::Ingest, Operation::Commit] {
        let (backend, store) = store();
        load(&store, 0..100).unwrap();
        let keyspaces = backend.keyspaces().unwrap();
        fail(&backend, operation);
        assert_full(load(&store, 50..5000));
        assert_eq!(backend.keyspaces().unwrap(), keyspaces, "{operation:?}");
        assert_full(store.clear_graph(&GraphName::DefaultGraph));
        assert_eq!(backend.keyspaces().unwrap(), keyspaces, "{operation:?}");
        assert_goes_on(&backend, store, 100);
    }
}

#[test]
fn a_read_only_store_at_rest_holds_no_snapshot() {
    let (backend, store) = store();
    load(&store, 0..100).unwrap();
    drop(store);
    assert_eq!(snapshots(&backend), 0);
    // A snapshot that stays open keeps the writing process from using space again.
    let reader = QuadStore::open_read_only(Arc::clone(&backend)).unwrap();
    assert_eq!(snapshots(&backend), 0);
    assert_eq!(
        reader.match_quads(&QuadPattern::new()).unwrap().count(),
        100
    );
    assert_eq!(snapshots(&backend), 0);
    let writer = QuadStore::open(Arc::clone(&backend)).unwrap();
    writer.insert(&quad(500)).unwrap();
    drop(writer);
    assert_eq!(reader.len().unwrap(), 101);
    let held = reader.snapshot().unwrap();
    assert_eq!(held.len(), 101);
    assert_eq!(snapshots(&backend), 1);
    drop(held);
    assert_eq!(snapshots(&backend), 0);
}

#[test]
fn snapshots_of_a_read_only_store_are_one_view_until_a_commit() {
    let (backend, store) = store();
    load(&store, 0..100).unwrap();
    let reader = QuadStore::open_read_only(Arc::clone(&backend)).unwrap();
    let identity = |store: &QuadStore<_>| store.snapshot().unwrap().identity();
    let before = identity(&reader);
    assert_eq!(identity(&reader), before, "the first has been dropped");
    store.insert(&quad(500)).unwrap();
    let after = identity(&reader);
    assert_ne!(after, before);
    assert_eq!(identity(&reader), after);
    assert_ne!(identity(&store), after, "the view of another store");
}

#[test]
fn a_read_only_store_keeps_up_with_a_writer_that_never_rests() {
    let (backend, store) = store();
    let reader = QuadStore::open_read_only(Arc::clone(&backend)).unwrap();
    store.insert(&quad(0)).unwrap();
    // A writer that commits whenever a snapshot has been taken.
    let mut numbers = 1..;
    let commit = move || assert!(store.insert(&quad(numbers.next().unwrap())).unwrap());
    let faults = backend.faults();
    faults.call(Moment::After, Operation::Snapshot, commit);
    let mut before = 0;
    for _ in 0..20 {
        let snapshot = reader.snapshot().unwrap();
        assert!(
            snapshot.len() > before,
            "each sees commits from before it was taken"
        );
        before = snapshot.len();
    }
    faults.forget_calls();
    assert!(before < 200, "{before} commits went by");
}

#[test]
fn a_commit_that_stands_is_no_error_when_the_old_generation_stays() {
    let (backend, store) = store();
    load(&store, 0..100).unwrap();
    fail(&backend, Operation::DropKeyspace);
    load(&store, 50..150).unwrap();
    assert_eq!(store.len().unwrap(), 150);
    store.clear().unwrap();
    assert_eq!(store.len().unwrap(), 0);
    assert_goes_on(&backend, store, 0);
    assert_eq!(backend.keyspaces().unwrap().len(), 15);
}

#[test]
fn a_store_that_was_closed_holds_nothing_and_reads_nothing() {
    let (backend, store) = store();
    store.insert(&quad(0)).unwrap();
    let held = store.snapshot().unwrap();
    // A rival reader takes a snapshot while the store is being closed.
    let reader = store.clone();
    let faults = backend.faults();
    faults.call(Moment::Before, Operation::Close, move || {
        assert_eq!(reader.len().unwrap(), 1);
    });
    store.close().unwrap();
    faults.forget_calls();
    assert_eq!(store.len().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(held.len(), 1);
    drop(held);
    assert_eq!(snapshots(&backend), 0);
}
