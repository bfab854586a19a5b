//! Faults of the backend: what the store does when an operation fails, and what it keeps of a backend.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use oxrdf::{GraphName, NamedNode, Quad};
use quadrille_backend::{
    Capabilities, Entry, EntrySource, ErrorKind, InMemoryBackend, Keyspace, MemorySnapshot,
    MemoryTransaction, StorageBackend, StorageError, StorageResult, StorageSnapshot, StorageStats,
    Transaction, Wait,
};
use quadrille_store::{QuadPattern, QuadStore, StoreOptions};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A backend whose next operations of one name fail, and that counts the snapshots which are alive.
#[derive(Default)]
struct Faulty {
    inner: InMemoryBackend,
    failing: Mutex<&'static str>,
    alive: Arc<AtomicUsize>,
    /// A writer that commits whenever a snapshot has been taken.
    rival: Mutex<Option<(Store, usize)>>,
    /// A reader that looks at the store just before the backend closes.
    closing: Mutex<Option<Store>>,
}

impl Faulty {
    fn fail(&self, operation: &'static str) {
        *self.failing.lock().unwrap() = operation;
    }

    fn check(&self, operation: &str) -> StorageResult<()> {
        if *self.failing.lock().unwrap() == operation {
            return Err(StorageError::new(ErrorKind::Full, "the disk is full"));
        }
        Ok(())
    }

    fn snapshots(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }
}

struct Counted {
    inner: MemorySnapshot,
    alive: Arc<AtomicUsize>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

impl StorageSnapshot for Counted {
    type Cursor = <MemorySnapshot as StorageSnapshot>::Cursor;

    fn cursor(&self, keyspace: &Keyspace) -> StorageResult<Self::Cursor> {
        self.inner.cursor(keyspace)
    }
}

struct FaultyTransaction<'a> {
    inner: MemoryTransaction<'a>,
    backend: &'a Faulty,
}

impl Transaction for FaultyTransaction<'_> {
    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        self.inner.get(keyspace, key)
    }

    fn seek(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Entry>> {
        self.inner.seek(keyspace, key)
    }

    fn put(&mut self, keyspace: &Keyspace, key: &[u8], value: &[u8]) -> StorageResult<()> {
        self.backend.check("put")?;
        self.inner.put(keyspace, key, value)
    }

    fn delete(&mut self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<()> {
        self.inner.delete(keyspace, key)
    }

    fn commit(self) -> StorageResult<()> {
        self.backend.check("commit")?;
        self.inner.commit()
    }
}

impl StorageBackend for Faulty {
    type Snapshot = Counted;
    type Transaction<'a> = FaultyTransaction<'a>;

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn keyspaces(&self) -> StorageResult<Vec<Keyspace>> {
        self.inner.keyspaces()
    }

    fn create_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        self.check("create_keyspace")?;
        self.inner.create_keyspace(keyspace)
    }

    fn drop_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        self.check("drop_keyspace")?;
        self.inner.drop_keyspace(keyspace)
    }

    fn snapshot(&self) -> StorageResult<Counted> {
        let inner = self.inner.snapshot()?;
        self.alive.fetch_add(1, Ordering::SeqCst);
        let alive = Arc::clone(&self.alive);
        let rival = self.rival.lock().unwrap().take();
        if let Some((store, number)) = rival {
            store.insert(&quad(number)).unwrap();
            *self.rival.lock().unwrap() = Some((store, number + 1));
        }
        Ok(Counted { inner, alive })
    }

    fn begin_with(&self, wait: Wait) -> StorageResult<FaultyTransaction<'_>> {
        let inner = self.inner.begin_with(wait)?;
        Ok(FaultyTransaction {
            inner,
            backend: self,
        })
    }

    fn ingest(&self, keyspace: &Keyspace, entries: &mut dyn EntrySource) -> StorageResult<u64> {
        // The full disk shows late: some indexes are written already.
        if keyspace.as_str().ends_with(".statistics") {
            self.check("ingest")?;
        }
        self.inner.ingest(keyspace, entries)
    }

    fn flush(&self) -> StorageResult<()> {
        self.inner.flush()
    }

    fn compact(&self) -> StorageResult<()> {
        self.inner.compact()
    }

    fn stats(&self) -> StorageResult<StorageStats> {
        self.inner.stats()
    }

    fn checkpoint(&self, folder: &Path) -> StorageResult<()> {
        self.inner.checkpoint(folder)
    }

    fn close(&self) -> StorageResult<()> {
        let reader = self.closing.lock().unwrap().take();
        if let Some(store) = reader {
            store.len().unwrap();
        }
        self.inner.close()
    }

    fn destroy(&self) -> StorageResult<()> {
        self.inner.destroy()
    }
}

type Store = QuadStore<Arc<Faulty>>;

fn store() -> (Arc<Faulty>, Store) {
    let backend = Arc::new(Faulty::default());
    let options = StoreOptions {
        delta_quads_max: 10,
        ..StoreOptions::default()
    };
    let store = QuadStore::open_with(Arc::clone(&backend), options).unwrap();
    (backend, store)
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
    backend.fail("");
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
    for operation in ["put", "commit"] {
        // At each distance from a fold.
        for quads in 0..25 {
            let (backend, store) = store();
            for number in 0..quads {
                store.insert(&quad(number)).unwrap();
            }
            backend.fail(operation);
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
    for operation in ["ingest", "commit"] {
        let (backend, store) = store();
        load(&store, 0..100).unwrap();
        let keyspaces = backend.keyspaces().unwrap();
        backend.fail(operation);
        assert_full(load(&store, 50..5000));
        assert_eq!(backend.keyspaces().unwrap(), keyspaces, "{operation}");
        assert_full(store.clear_graph(&GraphName::DefaultGraph));
        assert_eq!(backend.keyspaces().unwrap(), keyspaces, "{operation}");
        assert_goes_on(&backend, store, 100);
    }
}

#[test]
fn a_read_only_store_at_rest_holds_no_snapshot() {
    let (backend, store) = store();
    load(&store, 0..100).unwrap();
    drop(store);
    assert_eq!(backend.snapshots(), 0);
    // A snapshot that stays open keeps the writing process from using space again.
    let reader = QuadStore::open_read_only(Arc::clone(&backend)).unwrap();
    assert_eq!(backend.snapshots(), 0);
    assert_eq!(
        reader.match_quads(&QuadPattern::new()).unwrap().count(),
        100
    );
    assert_eq!(backend.snapshots(), 0);
    let writer = QuadStore::open(Arc::clone(&backend)).unwrap();
    writer.insert(&quad(500)).unwrap();
    drop(writer);
    assert_eq!(reader.len().unwrap(), 101);
    let held = reader.snapshot().unwrap();
    assert_eq!(held.len(), 101);
    assert_eq!(backend.snapshots(), 1);
    drop(held);
    assert_eq!(backend.snapshots(), 0);
}

#[test]
fn a_read_only_store_keeps_up_with_a_writer_that_never_rests() {
    let (backend, store) = store();
    let reader = QuadStore::open_read_only(Arc::clone(&backend)).unwrap();
    store.insert(&quad(0)).unwrap();
    *backend.rival.lock().unwrap() = Some((store, 1));
    let mut before = 0;
    for _ in 0..20 {
        let snapshot = reader.snapshot().unwrap();
        assert!(
            snapshot.len() > before,
            "each sees commits from before it was taken"
        );
        before = snapshot.len();
    }
    *backend.rival.lock().unwrap() = None;
    assert!(before < 200, "{before} commits went by");
}

#[test]
fn a_commit_that_stands_is_no_error_when_the_old_generation_stays() {
    let (backend, store) = store();
    load(&store, 0..100).unwrap();
    backend.fail("drop_keyspace");
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
    *backend.closing.lock().unwrap() = Some(store.clone());
    store.close().unwrap();
    *backend.closing.lock().unwrap() = None;
    assert_eq!(store.len().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(held.len(), 1);
    drop(held);
    assert_eq!(backend.snapshots(), 0);
}
