//! What every case works with: fresh stores in temporary folders, and short ways to say what is expected.

use crate::child::Process;
use crate::tasks::{self, Task};
use quadrille_backend::{
    BatchOperation, Entry, EntrySource, ErrorKind, Keyspace, StorageBackend, StorageError,
    StorageResult, StorageSnapshot,
};
use std::ops::Deref;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tempfile::TempDir;

/// Opens stores of the backend under test.
pub trait Factory: Clone + Send + Sync + 'static {
    /// The backend under test.
    type Backend: StorageBackend;

    /// Opens the store in a folder, creating it when there is none. A backend without files opens an empty store.
    ///
    /// # Errors
    /// What opening failed with.
    fn open(&self, folder: &Path) -> StorageResult<Self::Backend>;

    /// Opens a fresh store that has room for some `bytes` of keys and values and no more, whatever is measured. `None`,
    /// which skips the cases about it, when the backend cannot be limited.
    fn open_small(&self, _folder: &Path, _bytes: usize) -> Option<StorageResult<Self::Backend>> {
        None
    }

    /// Opens the store in a folder for reading only. `None`, which skips the cases about it, when the backend cannot.
    fn open_read_only(&self, _folder: &Path) -> Option<StorageResult<Self::Backend>> {
        None
    }
}

/// A function that opens stores is a factory, where nothing else is to be told.
impl<B, O> Factory for O
where
    B: StorageBackend,
    O: Fn(&Path) -> StorageResult<B> + Clone + Send + Sync + 'static,
{
    type Backend = B;

    fn open(&self, folder: &Path) -> StorageResult<B> {
        self(folder)
    }
}

/// The room of a small store, in bytes.
pub(crate) const SMALL_BYTES: usize = 1 << 20;

/// A temporary folder.
pub(crate) fn temporary() -> StorageResult<TempDir> {
    tempfile::tempdir().map_err(|error| StorageError::from_io("no temporary folder", error))
}

/// The factory, and folders to open stores in.
#[derive(Debug)]
pub(crate) struct Context<F> {
    factory: F,
    suite: Option<String>,
}

impl<F: Factory> Context<F> {
    /// A context over a factory; with the name of its suite, other processes can be started.
    pub(crate) fn new(factory: F, suite: Option<String>) -> Self {
        Self { factory, suite }
    }

    /// The factory under test.
    pub(crate) fn factory(&self) -> &F {
        &self.factory
    }

    /// Whether the runner can start this program again.
    pub(crate) fn has_processes(&self) -> bool {
        self.suite.is_some()
    }

    /// Starts another process on a store.
    pub(crate) fn start(&self, task: Task, folder: &Path) -> Process {
        self.start_by(task, folder, Process::start)
    }

    /// Starts another process in some way of its own.
    pub(crate) fn start_by(
        &self,
        task: Task,
        folder: &Path,
        start: impl FnOnce(&str, &Path) -> Process,
    ) -> Process {
        let suite = self.suite.as_deref().expect("asked for beforehand");
        tasks::start(suite, task, folder, start)
    }

    /// A fresh store with little room, and a keyspace in it.
    pub(crate) fn small_store_with(&self, name: &str) -> StorageResult<(Store<F>, Keyspace)> {
        let folder = temporary()?;
        let path = folder.path().join("store");
        let opened = self.factory.open_small(&path, SMALL_BYTES);
        let backend = opened.expect("asked for beforehand")?;
        let store = Store::new(backend, folder, self.factory.clone());
        let keyspace = Keyspace::new(name)?;
        store.create_keyspace(&keyspace)?;
        Ok((store, keyspace))
    }

    /// A fresh store in a folder of its own, deleted at the end.
    pub(crate) fn store(&self) -> StorageResult<Store<F>> {
        let folder = temporary()?;
        let backend = self.factory.open(&folder.path().join("store"))?;
        Ok(Store::new(backend, folder, self.factory.clone()))
    }

    /// A fresh store with one keyspace.
    pub(crate) fn store_with(&self, name: &str) -> StorageResult<(Store<F>, Keyspace)> {
        let store = self.store()?;
        let keyspace = Keyspace::new(name)?;
        store.create_keyspace(&keyspace)?;
        Ok((store, keyspace))
    }
}

/// An open store and its folder. When it ends, its figures are compared with what a scan finds.
pub(crate) struct Store<F: Factory> {
    // Before the folder: files are closed, then deleted. Absent only while the store is opened again.
    backend: Option<F::Backend>,
    folder: TempDir,
    factory: F,
}

impl<F: Factory> Deref for Store<F> {
    type Target = F::Backend;

    fn deref(&self) -> &F::Backend {
        self.backend.as_ref().expect("open")
    }
}

impl<F: Factory> Store<F> {
    fn new(backend: F::Backend, folder: TempDir, factory: F) -> Self {
        Self {
            backend: Some(backend),
            folder,
            factory,
        }
    }

    /// Where the store is.
    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("store")
    }

    /// A second backend over the same folder.
    pub(crate) fn open_again(&self) -> StorageResult<F::Backend> {
        self.factory.open(&self.path())
    }

    /// A store beside this one.
    pub(crate) fn open_beside(&self, name: &str) -> StorageResult<F::Backend> {
        self.factory.open(&self.folder.path().join(name))
    }

    /// Closes the store and opens it again.
    pub(crate) fn reopen(self) -> StorageResult<Self> {
        check_figures(&*self);
        self.close()?;
        self.drop_and_open()
    }

    /// Drops the backend without closing it, and opens the store again.
    pub(crate) fn drop_and_open(mut self) -> StorageResult<Self> {
        self.backend = None;
        self.backend = Some(self.open_again()?);
        Ok(self)
    }
}

impl<F: Factory> Drop for Store<F> {
    fn drop(&mut self) {
        if let Some(backend) = self.backend.as_ref().filter(|_| !thread::panicking()) {
            check_figures(backend);
        }
    }
}

/// The most bytes in a store of which every entry is counted whenever it ends.
const COUNTED_BYTES_MAX: u64 = 16 << 20;

/// Compares the figures of a store with what a scan finds, unless it is closed or large.
#[track_caller]
pub(crate) fn check_figures<B: StorageBackend>(backend: &B) {
    let stats = match backend.stats() {
        Err(error) if error.kind() == ErrorKind::Closed => return,
        stats => stats.expect("an open store has figures"),
    };
    if stats.total_bytes > COUNTED_BYTES_MAX {
        return;
    }
    let (mut count, mut bytes) = (0, 0);
    for keyspace in backend.keyspaces().expect("an open store has a list") {
        let all = entries(backend, &keyspace).expect("an open store can be read");
        let counted = (all.len() as u64, all.iter().map(entry_bytes).sum());
        let size = backend.keyspace_size(&keyspace).expect("it was listed");
        assert_eq!(size, counted, "the size of {keyspace}");
        count += counted.0;
        bytes += counted.1;
    }
    assert_eq!((stats.key_count, stats.total_bytes), (count, bytes));
}

fn entry_bytes((key, value): &Entry) -> u64 {
    (key.len() + value.len()) as u64
}

/// Expects an error of a kind.
#[track_caller]
pub(crate) fn refused<T>(result: StorageResult<T>, kind: ErrorKind) {
    match result {
        Ok(_) => panic!("expected an error of kind {kind:?}"),
        Err(error) => assert_eq!(error.kind(), kind, "{error}"),
    }
}

/// All entries of a keyspace in the last commit.
pub(crate) fn entries<B: StorageBackend>(
    backend: &B,
    keyspace: &Keyspace,
) -> StorageResult<Vec<Entry>> {
    whole(backend.range_scan(keyspace, &[], None, None)?)
}

/// More entries than any case writes.
const SCANNED_MAX: usize = 1 << 20;

/// All entries of a scan, which must come to an end.
#[track_caller]
fn whole(scan: impl Iterator<Item = StorageResult<Entry>>) -> StorageResult<Vec<Entry>> {
    let entries: Vec<Entry> = scan.take(SCANNED_MAX + 1).collect::<StorageResult<_>>()?;
    assert!(entries.len() <= SCANNED_MAX, "a scan does not end");
    Ok(entries)
}

/// All entries of a keyspace in a snapshot.
pub(crate) fn snapshot_entries<S: StorageSnapshot>(
    snapshot: &S,
    keyspace: &Keyspace,
) -> StorageResult<Vec<Entry>> {
    whole(snapshot.range_scan(keyspace, &[], None, None)?)
}

/// Writes entries in one batch.
pub(crate) fn fill<B: StorageBackend>(
    backend: &B,
    keyspace: &Keyspace,
    entries: &[(&[u8], &[u8])],
) -> StorageResult<()> {
    let puts: Vec<_> = entries
        .iter()
        .map(|(key, value)| put(keyspace, key, value))
        .collect();
    backend.batch(&puts)
}

/// Writes keys, each with itself as its value.
pub(crate) fn fill_keys<B: StorageBackend>(
    backend: &B,
    keyspace: &Keyspace,
    keys: &[&[u8]],
) -> StorageResult<()> {
    let entries: Vec<_> = keys.iter().map(|key| (*key, *key)).collect();
    fill(backend, keyspace, &entries)
}

/// A put of a batch.
pub(crate) fn put(keyspace: &Keyspace, key: &[u8], value: &[u8]) -> BatchOperation {
    BatchOperation::Put {
        keyspace: keyspace.clone(),
        key: key.to_vec(),
        value: value.to_vec(),
    }
}

/// A delete of a batch.
pub(crate) fn delete(keyspace: &Keyspace, key: &[u8]) -> BatchOperation {
    BatchOperation::Delete {
        keyspace: keyspace.clone(),
        key: key.to_vec(),
    }
}

/// Owned entries from borrowed ones.
pub(crate) fn owned(entries: &[(&[u8], &[u8])]) -> Vec<Entry> {
    let own = |(key, value): &(&[u8], &[u8])| (key.to_vec(), value.to_vec());
    entries.iter().map(own).collect()
}

/// A source over entries in memory.
pub(crate) struct Entries<I> {
    rest: I,
    present: Entry,
}

impl<I: Iterator<Item = StorageResult<Entry>>> Entries<I> {
    pub(crate) fn new(rest: impl IntoIterator<IntoIter = I>) -> Self {
        Self {
            rest: rest.into_iter(),
            present: Entry::default(),
        }
    }
}

impl<I: Iterator<Item = StorageResult<Entry>>> EntrySource for Entries<I> {
    fn next_entry(&mut self) -> StorageResult<Option<(&[u8], &[u8])>> {
        let Some(entry) = self.rest.next() else {
            return Ok(None);
        };
        self.present = entry?;
        Ok(Some((&self.present.0, &self.present.1)))
    }
}

/// Ingests entries in memory.
pub(crate) fn ingest<B: StorageBackend>(
    backend: &B,
    keyspace: &Keyspace,
    entries: &[Entry],
) -> StorageResult<u64> {
    backend.ingest(keyspace, &mut Entries::new(entries.iter().cloned().map(Ok)))
}

/// Tells readers that there is nothing more to read beside, also when the work ends in a panic.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Has so many threads read round by round beside some work. They begin together with it, and end with a round that began
/// when it was done, so that none comes too late to read at all.
pub(crate) fn read_beside(
    threads: usize,
    round: impl Fn() -> StorageResult<()> + Sync,
    work: impl FnOnce() -> StorageResult<()>,
) -> StorageResult<()> {
    let (start, done) = (Barrier::new(threads + 1), AtomicBool::new(false));
    let read = || -> StorageResult<()> {
        start.wait();
        loop {
            let last = done.load(Ordering::Relaxed);
            round()?;
            if last {
                return Ok(());
            }
        }
    };
    thread::scope(|scope| {
        let readers: Vec<_> = (0..threads).map(|_| scope.spawn(read)).collect();
        start.wait();
        let ends = Done(&done);
        let worked = work();
        drop(ends);
        for reader in readers {
            reader.join().expect("no panic")?;
        }
        worked
    })
}

/// A small deterministic generator of numbers that look random.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// A key of few distinct bytes and lengths, so that keys meet, nest and border on 0x00 and 0xff.
    pub(crate) fn key(&mut self) -> Vec<u8> {
        let length = self.below(5);
        let byte = |random: &mut Self| [0, 1, 0x7f, 0xfe, 0xff][random.below(5) as usize];
        (0..length).map(|_| byte(self)).collect()
    }

    /// A value of up to some hundred bytes.
    pub(crate) fn value(&mut self) -> Vec<u8> {
        let length = self.below(300) as usize;
        vec![self.below(256) as u8; length]
    }
}
