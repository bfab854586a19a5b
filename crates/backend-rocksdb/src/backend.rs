//! [`RocksDbBackend`]: the contract on a RocksDB database.

use crate::catalogue::{self, Size, missing};
use crate::config::RocksDbOptions;
use crate::engine::{self, Engine, Mode};
use crate::error::storage_error;
use crate::figures::{self, RocksDbFigures};
use crate::ingest;
use crate::snapshot::RocksDbSnapshot;
use crate::transaction::{KEY_BYTES_MAX, RocksDbTransaction, VALUE_BYTES_MAX};
use quadrille_backend::{
    Capabilities, EntrySource, ErrorKind, Keyspace, OperationCounters, StorageBackend,
    StorageError, StorageResult, StorageStats, Wait, WriterGate, WriterPermit, allocated_bytes,
    prepare_empty_folder,
};
use rocksdb::WriteBatch;
use rocksdb::checkpoint::Checkpoint;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

/// A backend that keeps everything in a RocksDB database.
///
/// One process writes, and one backend in it; the error for a second names the process. Others may open the store for
/// reading at any time: they take no lock, change nothing, and see what was committed when they opened it, not later
/// commits; opening again shows those. Files that the writer deletes stay readable for them, unless the process may not
/// open all files at once: then a read of one is an error of kind `Io`.
///
/// A write to files that fails in the background, as on a full disk, is told by the next commit, which is `Full` or
/// `Io` and says how often it happened; reads go on. Opening the store again, with space on the disk, goes on from the
/// last commit.
///
/// ```
/// use quadrille_backend::{Keyspace, StorageBackend};
/// use quadrille_backend_rocksdb::RocksDbBackend;
///
/// # let folder = tempfile::tempdir().expect("a temporary folder");
/// # let path = folder.path().join("birds");
/// let backend = RocksDbBackend::open(&path)?;
/// let birds = Keyspace::new("birds")?;
/// backend.create_keyspace(&birds)?;
/// backend.put(&birds, b"wren", b"small")?;
/// backend.close()?;
///
/// let backend = RocksDbBackend::open_read_only(&path)?;
/// assert_eq!(backend.get(&birds, b"wren")?.as_deref(), Some(&b"small"[..]));
/// # Ok::<(), quadrille_backend::StorageError>(())
/// ```
#[derive(Debug)]
pub struct RocksDbBackend {
    /// `None` once closed. Snapshots hold shares of the engine, so that it stays open as long as they need it.
    engine: RwLock<Option<Arc<Engine>>>,
    gate: WriterGate,
    ingest_gate: WriterGate,
    counters: Arc<OperationCounters>,
    capabilities: Capabilities,
    mode: Mode,
}

impl RocksDbBackend {
    /// Opens the store in a folder for reading and writing, with the default settings; creates it when absent.
    ///
    /// # Errors
    /// `Locked` when another process, or this one, has it open for writing, naming it; `Corrupted` when the files are
    /// damaged or of another program; `Io`.
    pub fn open(path: impl AsRef<Path>) -> StorageResult<Self> {
        Self::open_with(path, RocksDbOptions::default())
    }

    /// Opens with settings of one's own.
    ///
    /// # Errors
    /// As [`open`](Self::open), and `Misuse` for a setting out of range.
    pub fn open_with(path: impl AsRef<Path>, options: RocksDbOptions) -> StorageResult<Self> {
        Self::open_mode(path.as_ref(), &options, Mode::Write)
    }

    /// Opens a store that exists for reading: what was committed at this time. Changes nothing.
    ///
    /// # Errors
    /// `NotFound` when there is no store; `Corrupted`, `Io`.
    pub fn open_read_only(path: impl AsRef<Path>) -> StorageResult<Self> {
        Self::open_read_only_with(path, RocksDbOptions::default())
    }

    /// Opens for reading with settings of one's own. Of these, the cache and the most open files matter.
    ///
    /// # Errors
    /// As [`open_read_only`](Self::open_read_only), and `Misuse` for a setting out of range.
    pub fn open_read_only_with(
        path: impl AsRef<Path>,
        options: RocksDbOptions,
    ) -> StorageResult<Self> {
        Self::open_mode(path.as_ref(), &options, Mode::Read)
    }

    fn open_mode(path: &Path, options: &RocksDbOptions, mode: Mode) -> StorageResult<Self> {
        let engine = Engine::open(path, options, mode)?;
        let mut capabilities = Capabilities::volatile();
        capabilities.persistent = true;
        capabilities.key_bytes_max = KEY_BYTES_MAX;
        capabilities.value_bytes_max = VALUE_BYTES_MAX;
        capabilities.value_bytes_preferred = 4096;
        capabilities.durability = options.durability;
        Ok(Self {
            engine: RwLock::new(Some(Arc::new(engine))),
            gate: WriterGate::default(),
            ingest_gate: WriterGate::default(),
            counters: Arc::default(),
            capabilities,
            mode,
        })
    }

    /// A property of RocksDB's, by the name that RocksDB gives it (such as `rocksdb.stats`), of a keyspace or of the
    /// database; `None` for a name that it does not know.
    ///
    /// # Errors
    /// `NotFound` (no such keyspace), `Misuse` (a name with a NUL), `Closed`.
    pub fn property(
        &self,
        keyspace: Option<&Keyspace>,
        name: &str,
    ) -> StorageResult<Option<String>> {
        figures::property(&*self.engine()?, keyspace, name)
    }

    /// The usual properties of RocksDB as numbers.
    ///
    /// # Errors
    /// `Closed`, `Io`.
    pub fn figures(&self) -> StorageResult<RocksDbFigures> {
        figures::figures(&*self.engine()?)
    }

    /// Whoever ingests passes it: one at a time.
    pub(crate) fn ingest_gate(&self) -> &WriterGate {
        &self.ingest_gate
    }

    fn engine(&self) -> StorageResult<Arc<Engine>> {
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        engine.clone().ok_or_else(closed)
    }

    /// What `found` makes of the value of a key in the last commit.
    fn lookup<T>(
        &self,
        keyspace: &Keyspace,
        key: &[u8],
        found: impl FnOnce(&[u8]) -> T,
    ) -> StorageResult<Option<T>> {
        let engine = self.engine()?;
        self.counters.add_reads(1);
        let columns = engine.columns();
        let column = columns.get(keyspace).ok_or_else(|| missing(keyspace))?;
        engine.committed(column, keyspace, key, found)
    }

    fn take_engine(&self) -> Option<Arc<Engine>> {
        let mut engine = self.engine.write().unwrap_or_else(PoisonError::into_inner);
        engine.take()
    }

    /// The permit to write and the engine to write to.
    pub(crate) fn writable(&self, wait: Wait) -> StorageResult<(WriterPermit<'_>, Arc<Engine>)> {
        let engine = self.engine()?;
        if self.mode == Mode::Read {
            return Err(read_only());
        }
        let permit = self.gate.acquire(wait)?;
        Ok((permit, engine))
    }
}

fn read_only() -> StorageError {
    StorageError::new(ErrorKind::ReadOnly, "the store was opened for reading only")
}

fn closed() -> StorageError {
    StorageError::new(ErrorKind::Closed, "the backend is closed")
}

impl StorageBackend for RocksDbBackend {
    type Snapshot = RocksDbSnapshot;
    type Transaction<'a> = RocksDbTransaction<'a>;

    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    fn keyspaces(&self) -> StorageResult<Vec<Keyspace>> {
        Ok(self.engine()?.columns().keys().cloned().collect())
    }

    fn create_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        let (_permit, engine) = self.writable(Wait::Forever)?;
        if engine.columns().contains_key(keyspace) {
            let message = "the keyspace exists already";
            return Err(StorageError::misuse(message).in_keyspace(keyspace));
        }
        let mut batch = WriteBatch::default();
        catalogue::put(&mut batch, keyspace, Size::default());
        engine.write_lasting(batch)?;
        engine.create_column(keyspace)
    }

    fn drop_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        let (_permit, engine) = self.writable(Wait::Forever)?;
        if !engine.columns().contains_key(keyspace) {
            return Err(missing(keyspace));
        }
        engine.drop_column(keyspace)?;
        let mut batch = WriteBatch::default();
        catalogue::remove(&mut batch, keyspace);
        engine.write_lasting(batch)
    }

    fn snapshot(&self) -> StorageResult<RocksDbSnapshot> {
        let counters = Arc::clone(&self.counters);
        Ok(RocksDbSnapshot::new(self.engine()?, counters))
    }

    fn begin_with(&self, wait: Wait) -> StorageResult<RocksDbTransaction<'_>> {
        let (permit, engine) = self.writable(wait)?;
        Ok(RocksDbTransaction::new(engine, &self.counters, permit))
    }

    fn ingest(&self, keyspace: &Keyspace, entries: &mut dyn EntrySource) -> StorageResult<u64> {
        let count = ingest::ingest(self, keyspace, entries)?;
        self.counters.add_writes(count);
        Ok(count)
    }

    fn flush(&self) -> StorageResult<()> {
        self.engine()?.sync()
    }

    fn compact(&self) -> StorageResult<()> {
        let (_permit, engine) = self.writable(Wait::Forever)?;
        engine.flush_tables()?;
        engine.compact()
    }

    fn stats(&self) -> StorageResult<StorageStats> {
        let engine = self.engine()?;
        let snapshot = self.snapshot()?;
        let mut all = Size::default();
        for keyspace in snapshot.keyspaces() {
            all = all.plus(snapshot.size(&keyspace)?);
        }
        // It is not the caller's, and not to be counted.
        drop(snapshot);
        let disk = allocated_bytes(engine.folder())?;
        Ok(self.counters.stats(all.count, all.bytes, disk))
    }

    fn keyspace_size(&self, keyspace: &Keyspace) -> StorageResult<(u64, u64)> {
        let size = self.snapshot()?.size(keyspace)?;
        Ok((size.count, size.bytes))
    }

    /// One look-up sees one commit also without a snapshot.
    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        self.lookup(keyspace, key, <[u8]>::to_vec)
    }

    fn contains(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<bool> {
        Ok(self.lookup(keyspace, key, |_| ())?.is_some())
    }

    fn checkpoint(&self, folder: &Path) -> StorageResult<()> {
        let engine = self.engine()?;
        prepare_empty_folder(folder)?;
        let failed = |error| storage_error("checkpoint", error);
        let checkpoint = Checkpoint::new(engine.database()).map_err(failed)?;
        checkpoint
            .create_checkpoint(engine::database_path(folder))
            .map_err(failed)?;
        engine.settings().write(folder)
    }

    /// Writes what is in memory into files, so that no log is left behind, and closes.
    fn close(&self) -> StorageResult<()> {
        // An ingest under way needs the database until it ends.
        let _no_ingest = self.ingest_gate.acquire(Wait::No)?;
        self.gate.close()?;
        match self.take_engine() {
            Some(engine) => engine.flush_tables(),
            None => Ok(()),
        }
    }

    /// As the contract says, and `Busy` while a snapshot or cursor is open, which RocksDB's files must outlive.
    fn destroy(&self) -> StorageResult<()> {
        let mut place = self.engine.write().unwrap_or_else(PoisonError::into_inner);
        let engine = place.as_ref().ok_or_else(closed)?;
        if self.mode == Mode::Read {
            return Err(read_only());
        }
        // Whoever holds a share besides this place is a transaction, a snapshot, a cursor or a call under way.
        if Arc::strong_count(engine) > 1 {
            let message = "a transaction, a snapshot or a cursor is open";
            return Err(StorageError::new(ErrorKind::Busy, message).during("destroy"));
        }
        self.gate.close()?;
        let folder = engine.folder().to_owned();
        // Nobody may make a store there while its files go.
        let _writer = engine.take_writer();
        *place = None;
        engine::remove_files(&folder)
    }
}
