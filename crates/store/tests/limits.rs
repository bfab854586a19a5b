//! What the store refuses, and that it says so at once: terms it could not give back, files of others, rows behind damage, wrong counts.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use oxrdf::{GraphName, NamedNode, Quad, Term, Triple};
use quadrille_backend::{InMemoryBackend, Keyspace, StorageBackend};
use quadrille_store::{
    ColumnBatch, ErrorKind, QuadPattern, QuadStore, ReadContext, StorageResult, StoreOptions,
};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64_with_seed;

type Store = QuadStore<Arc<InMemoryBackend>>;

fn node(number: usize) -> NamedNode {
    NamedNode::new(format!("http://example.org/{number}")).unwrap()
}

fn quad(number: usize) -> Quad {
    Quad::new(node(number), node(1), node(2), GraphName::DefaultGraph)
}

fn kind<T>(result: StorageResult<T>) -> ErrorKind {
    result.map(drop).unwrap_err().kind()
}

fn store() -> (Arc<InMemoryBackend>, Store) {
    let backend = Arc::new(InMemoryBackend::new());
    let options = StoreOptions {
        block_bytes: Some(300),
        ..StoreOptions::default()
    };
    let store = QuadStore::open_with(Arc::clone(&backend), options).unwrap();
    (backend, store)
}

/// A quad whose object is a triple term that many deep.
fn nested(depth: usize) -> Quad {
    let mut object = Term::from(node(0));
    for _ in 0..depth {
        object = Triple::new(node(1), node(2), object).into();
    }
    Quad::new(node(3), node(4), object, GraphName::DefaultGraph)
}

#[test]
fn triple_terms_are_refused_when_they_could_not_be_read_back() {
    let (_, store) = store();
    for depth in [1, 127, 128] {
        assert!(store.insert(&nested(depth)).unwrap());
        assert!(store.contains(&nested(depth)).unwrap());
    }
    assert_eq!(kind(store.insert(&nested(129))), ErrorKind::Misuse);
    let mut load = store.bulk_load().unwrap();
    load.push(nested(2).as_ref()).unwrap();
    assert_eq!(kind(load.push(nested(400).as_ref())), ErrorKind::Misuse);
    drop(load);
    assert!(!store.contains(&nested(400)).unwrap());
    let found: StorageResult<Vec<Quad>> = store.match_quads(&QuadPattern::new()).unwrap().collect();
    assert_eq!(found.unwrap().len(), 3);
}

#[test]
fn a_scan_that_failed_does_not_go_on_behind_the_damage() {
    let (backend, store) = store();
    store.extend((0..5000).map(quad)).unwrap();
    store.compact().unwrap();
    let keyspace = Keyspace::new("g00000002.spoc").unwrap();
    let entries: Vec<_> = backend
        .range_scan(&keyspace, &[], None, None)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let (key, mut value) = entries[2].clone();
    value[5] ^= 1;
    backend.put(&keyspace, &key, &value).unwrap();
    drop(store);
    let store = QuadStore::open(backend).unwrap();
    let snapshot = store.snapshot().unwrap();
    let mut scan = snapshot.scan([None; 4], ReadContext::new()).unwrap();
    let mut batch = ColumnBatch::new();
    let mut errors = 0;
    for _ in 0..entries.len() {
        match scan.next_batch(&mut batch) {
            Ok(true) => assert_eq!(errors, 0, "rows came behind the damage"),
            Ok(false) => break,
            Err(_) => errors += 1,
        }
    }
    assert_eq!(errors, 1);
}

#[test]
fn what_is_no_store_is_refused_whichever_way_it_is_opened() {
    let empty = Arc::new(InMemoryBackend::new());
    assert_eq!(
        kind(QuadStore::open_read_only(Arc::clone(&empty))),
        ErrorKind::NotFound
    );
    let foreign = Arc::new(InMemoryBackend::new());
    let birds = Keyspace::new("birds").unwrap();
    foreign.create_keyspace(&birds).unwrap();
    foreign.put(&birds, b"wren", b"small").unwrap();
    for _ in 0..2 {
        assert_eq!(
            kind(QuadStore::open_read_only(Arc::clone(&foreign))),
            ErrorKind::Unsupported
        );
        assert_eq!(
            kind(QuadStore::open(Arc::clone(&foreign))),
            ErrorKind::Unsupported
        );
    }
    assert_eq!(foreign.keyspaces().unwrap(), [birds]);
}

/// Writes a number into the root record as a program that miscounts would: with a checksum that holds.
fn set_in_root(backend: &InMemoryBackend, position: usize, number: u64) {
    let keyspace = Keyspace::new("root").unwrap();
    let mut record = backend.get(&keyspace, b"root").unwrap().unwrap();
    record.truncate(record.len() - 4);
    record[position..position + 8].copy_from_slice(&number.to_le_bytes());
    let seed = xxh3_64_with_seed(b"root", xxh3_64_with_seed(b"root", 0));
    let sum = xxh3_64_with_seed(&record, seed).to_le_bytes();
    record.extend_from_slice(&sum[..4]);
    backend.put(&keyspace, b"root", &record).unwrap();
}

const GENERATION: usize = 86;
const EPOCH: usize = GENERATION + 8;
const LOG_START: usize = GENERATION + 16;
const FOLDS: usize = GENERATION + 24;
const QUADS: usize = GENERATION + 32;

#[test]
fn a_wrong_number_in_the_root_record_is_an_error_and_no_panic() {
    for (position, number) in [
        (GENERATION, u64::MAX),
        (EPOCH, u64::MAX),
        (LOG_START, u64::MAX),
        (LOG_START, 1000),
        (FOLDS, u64::MAX),
        (QUADS, u64::MAX),
    ] {
        let (backend, store) = store();
        store.extend((0..10).map(quad)).unwrap();
        drop(store);
        set_in_root(&backend, position, number);
        let refused = kind(QuadStore::open(Arc::clone(&backend)));
        assert_eq!(refused, ErrorKind::Corrupted, "{number} at {position}");
    }
}

#[test]
fn a_wrong_count_of_quads_is_an_error_and_no_panic() {
    let with_count = |count: u64| {
        let (backend, store) = store();
        store.extend((0..10).map(quad)).unwrap();
        drop(store);
        set_in_root(&backend, QUADS, count);
        let options = StoreOptions {
            delta_quads_max: 5,
            ..StoreOptions::default()
        };
        QuadStore::open_with(backend, options).unwrap()
    };
    assert_eq!(kind(with_count(0).remove(&quad(3))), ErrorKind::Corrupted);
    for count in [0, 5, 20] {
        let store = with_count(count);
        let mut load = store.bulk_load().unwrap();
        load.push(quad(10).as_ref()).unwrap();
        load.finish().unwrap();
        assert_eq!(store.len().unwrap(), 11, "a new generation counts anew");
        let store = with_count(count);
        assert_eq!(store.clear_graph(&GraphName::DefaultGraph).unwrap(), 10);
        assert!(store.is_empty().unwrap());
    }
}

#[test]
fn an_open_that_fails_drops_nothing() {
    let (backend, store) = store();
    store.extend((0..10).map(quad)).unwrap();
    drop(store);
    let keyspaces = backend.keyspaces().unwrap();
    set_in_root(&backend, GENERATION, 7);
    QuadStore::open(Arc::clone(&backend)).map(drop).unwrap_err();
    assert_eq!(backend.keyspaces().unwrap(), keyspaces);
    set_in_root(&backend, GENERATION, 1);
    assert_eq!(QuadStore::open(backend).unwrap().len().unwrap(), 10);
}

#[test]
fn verify_names_a_keyspace_that_is_missing() {
    let backend = Arc::new(InMemoryBackend::new());
    let store = QuadStore::open(Arc::clone(&backend)).unwrap();
    store.insert(&quad(1)).unwrap();
    drop(store);
    let missing = Keyspace::new("g00000001.ocsp.summary").unwrap();
    backend.drop_keyspace(&missing).unwrap();
    let store = QuadStore::open(backend).unwrap();
    let problems = store.verify().unwrap().problems;
    let named: Vec<&str> = problems
        .iter()
        .map(|problem| problem.keyspace.as_str())
        .collect();
    assert_eq!(named, [missing.as_str()]);
}

#[test]
fn a_remembered_name_is_that_of_its_commit() {
    let (_, store) = store();
    store.insert(&quad(1)).expect("it is inserted");
    let with_predicate = |name: &str| {
        let predicate = NamedNode::new_unchecked(format!("http://example.com/{name}"));
        let quad = Quad {
            predicate: predicate.clone(),
            ..quad(1)
        };
        (quad, QuadPattern::new().with_predicate(predicate))
    };
    let (of_a, a) = with_predicate("a");
    let (of_b, b) = with_predicate("b");
    let mut transaction = store.transaction().expect("it begins");
    transaction.insert(&of_a).expect("it is inserted");
    let within = transaction.snapshot();
    assert_eq!(within.count(&a).expect("it counts"), 1);
    drop((within, transaction));
    let before = store.snapshot().expect("it is taken");

    // The id that the first predicate had for a while is now the second one's.
    assert!(store.insert(&of_b).expect("it is inserted"));
    let after = store.snapshot().expect("it is taken");
    for _ in 0..2 {
        assert_eq!(after.count(&a).expect("it counts"), 0);
        assert_eq!(after.count(&b).expect("it counts"), 1);
        assert_eq!(before.encode_pattern(&b).expect("it encodes"), None);
    }
    assert!(store.remove(&of_b).expect("it is removed"));
    store.clear().expect("it is emptied");
    assert!(store.insert(&of_a).expect("it is inserted"));
    assert_eq!(store.count(&b).expect("it counts"), 0);
    assert_eq!(store.count(&a).expect("it counts"), 1);
}
