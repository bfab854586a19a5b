//! [`LmdbBackend`]: the contract on an LMDB environment.

use crate::catalogue::{self, Row, missing};
use crate::config::LmdbOptions;
use crate::engine::{self, DATA_FILE, Engine, Mode};
use crate::ingest;
use crate::pages::check_pages;
use crate::snapshot::{KEY_BYTES_MAX, LmdbSnapshot};
use crate::transaction::LmdbTransaction;
use quadrille_backend::{
    Capabilities, Durability, EntrySource, ErrorKind, Keyspace, OperationCounters, StorageBackend,
    StorageError, StorageResult, StorageStats, Wait, WriterGate, WriterPermit, allocated_bytes,
    prepare_empty_folder,
};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Instant;

/// How often a checkpoint is made again when its pages do not hang together.
const COPY_TRIES: usize = 3;

/// A backend that keeps everything in an LMDB file.
///
/// One process writes; other processes may read the same store with [`open_read_only`](Self::open_read_only). What
/// survives a crash, and how the address space grows, is told in the documentation of the [crate]. A snapshot that lives long keeps the space of what is deleted meanwhile from being used again.
///
/// ```
/// use quadrille_backend::{Keyspace, StorageBackend};
/// use quadrille_backend_lmdb::LmdbBackend;
///
/// # let folder = tempfile::tempdir().expect("a temporary folder");
/// # let path = folder.path().join("birds");
/// let backend = LmdbBackend::open(&path)?;
/// let birds = Keyspace::new("birds")?;
/// backend.create_keyspace(&birds)?;
/// backend.put(&birds, b"wren", b"small")?;
/// backend.close()?;
///
/// let backend = LmdbBackend::open_read_only(&path)?;
/// assert_eq!(backend.get(&birds, b"wren")?.as_deref(), Some(&b"small"[..]));
/// # Ok::<(), quadrille_backend::StorageError>(())
/// ```
#[derive(Debug)]
pub struct LmdbBackend {
    /// `None` once closed. Snapshots hold shares of the engine, so that it stays open as long as they need it.
    engine: RwLock<Option<Arc<Engine>>>,
    gate: WriterGate,
    counters: Arc<OperationCounters>,
    options: LmdbOptions,
    capabilities: Capabilities,
    mode: Mode,
}

impl LmdbBackend {
    /// Opens the store in a folder for reading and writing, with the default settings; creates it when absent.
    ///
    /// # Errors
    /// `Locked` when another process, or this one, has it open for writing; `Corrupted` when the files are damaged or
    /// of another program; `Io`.
    pub fn open(path: impl AsRef<Path>) -> StorageResult<Self> {
        Self::open_with(path, LmdbOptions::default())
    }

    /// Opens with settings of one's own.
    ///
    /// # Errors
    /// As [`open`](Self::open), and `Misuse` for a setting that is not legal.
    pub fn open_with(path: impl AsRef<Path>, options: LmdbOptions) -> StorageResult<Self> {
        Self::open_mode(path.as_ref(), options, Mode::Write)
    }

    /// Opens a store that exists for reading, beside a process that may be writing. Changes nothing.
    ///
    /// # Errors
    /// `NotFound` when there is no store; `Locked` when this process has it open, or when it may not write LMDB's table of
    /// readers while another writes; `Busy` when another commits too fast for the file to be looked at; `Corrupted`, `Io`.
    pub fn open_read_only(path: impl AsRef<Path>) -> StorageResult<Self> {
        Self::open_read_only_with(path, LmdbOptions::default())
    }

    /// Opens for reading with settings of one's own. Of these, the address space, reading ahead and how long to wait for
    /// own snapshots when the writer has outgrown the address space matter.
    ///
    /// # Errors
    /// As [`open_read_only`](Self::open_read_only), and `Misuse` for a setting that is not legal.
    pub fn open_read_only_with(
        path: impl AsRef<Path>,
        options: LmdbOptions,
    ) -> StorageResult<Self> {
        Self::open_mode(path.as_ref(), options, Mode::Read)
    }

    fn open_mode(path: &Path, options: LmdbOptions, mode: Mode) -> StorageResult<Self> {
        options.check()?;
        let engine = Engine::open(path, &options, mode)?;
        let mut capabilities = Capabilities::volatile();
        capabilities.persistent = true;
        capabilities.key_bytes_max = KEY_BYTES_MAX;
        capabilities.value_bytes_max = u32::MAX as usize;
        capabilities.value_bytes_preferred = engine.value_bytes_preferred();
        capabilities.concurrent_reader_processes = true;
        capabilities.durability = options.durability;
        Ok(Self {
            engine: RwLock::new(Some(Arc::new(engine))),
            gate: WriterGate::default(),
            counters: Arc::default(),
            options,
            capabilities,
            mode,
        })
    }

    fn engine(&self) -> StorageResult<Arc<Engine>> {
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        engine.clone().ok_or_else(closed)
    }

    fn engine_mut(&self) -> RwLockWriteGuard<'_, Option<Arc<Engine>>> {
        self.engine.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The permit to write and the engine to write to.
    pub(crate) fn writable(&self, wait: Wait) -> StorageResult<(WriterPermit<'_>, Arc<Engine>)> {
        let engine = self.engine()?;
        if self.mode == Mode::Read {
            return Err(read_only());
        }
        let permit = self.gate.acquire(wait)?;
        drop(engine);
        // Asked again: a compaction that ended meanwhile has replaced it.
        Ok((permit, self.engine()?))
    }
}

fn read_only() -> StorageError {
    StorageError::new(ErrorKind::ReadOnly, "the store was opened for reading only")
}

fn closed() -> StorageError {
    StorageError::new(ErrorKind::Closed, "the backend is closed")
}

impl StorageBackend for LmdbBackend {
    type Snapshot = LmdbSnapshot;
    type Transaction<'a> = LmdbTransaction<'a>;

    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    fn keyspaces(&self) -> StorageResult<Vec<Keyspace>> {
        self.snapshot()?.keyspaces()
    }

    fn create_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        let (_permit, engine) = self.writable(Wait::Forever)?;
        loop {
            let mut transaction = engine.begin_write(Wait::Forever)?;
            let rows = catalogue::all(&engine, &transaction)?;
            if rows.iter().any(|(name, _)| name == keyspace) {
                let message = "the keyspace exists already";
                return Err(StorageError::misuse(message).in_keyspace(keyspace));
            }
            let taken = |slot: &u32| rows.iter().any(|(_, row)| row.slot == *slot);
            let mut slots = 0..engine.slot_count() as u32;
            if let Some(slot) = slots.find(|slot| !taken(slot)) {
                let row = Row { slot, bytes: 0 };
                catalogue::write(&engine, &mut transaction, keyspace, row)?;
                return transaction.commit();
            }
            drop(transaction);
            engine.add_slots()?;
        }
    }

    fn drop_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        let (_permit, engine) = self.writable(Wait::Forever)?;
        let mut transaction = engine.begin_write(Wait::Forever)?;
        let (_, database) = catalogue::resolve(&engine, &transaction, keyspace)?;
        database.clear(&mut transaction).map_err(|error| {
            engine
                .write_failed("drop_keyspace", error)
                .in_keyspace(keyspace)
        })?;
        catalogue::remove(&engine, &mut transaction, keyspace)?;
        transaction.commit()
    }

    fn snapshot(&self) -> StorageResult<LmdbSnapshot> {
        LmdbSnapshot::new(self.engine()?, Arc::clone(&self.counters))
    }

    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        let engine = self.engine()?;
        self.counters.add_reads(1);
        let commit = engine.last_commit()?;
        commit.get(&engine, keyspace, key, <[u8]>::to_vec)
    }

    fn contains(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<bool> {
        let engine = self.engine()?;
        self.counters.add_reads(1);
        let found = engine.last_commit()?.get(&engine, keyspace, key, |_| ())?;
        Ok(found.is_some())
    }

    fn begin_with(&self, wait: Wait) -> StorageResult<LmdbTransaction<'_>> {
        let start = Instant::now();
        let (permit, engine) = self.writable(wait)?;
        let wait = match wait {
            Wait::AtMost(time) => Wait::AtMost(time.saturating_sub(start.elapsed())),
            wait => wait,
        };
        let transaction = engine.begin_write(wait)?;
        Ok(LmdbTransaction::new(transaction, &self.counters, permit))
    }

    fn ingest(&self, keyspace: &Keyspace, entries: &mut dyn EntrySource) -> StorageResult<u64> {
        let bytes = self.options.ingest_commit_bytes;
        let count = ingest::ingest(self, keyspace, entries, bytes)?;
        self.counters.add_writes(count);
        Ok(count)
    }

    fn flush(&self) -> StorageResult<()> {
        self.engine()?.sync()
    }

    /// Writes a compacted copy beside the file and swaps it in. LMDB cannot give space back in place, and a file
    /// cannot be replaced under its readers, so this is `Busy` while any snapshot, cursor or reader process is there.
    fn compact(&self) -> StorageResult<()> {
        let (_permit, engine) = self.writable(Wait::Forever)?;
        drop(engine);
        let mut place = self.engine_mut();
        let shared = place.take().ok_or_else(closed)?;
        let engine = match Arc::try_unwrap(shared) {
            Ok(engine) => engine,
            Err(shared) => {
                *place = Some(shared);
                let message = "snapshots or cursors are open";
                return Err(StorageError::new(ErrorKind::Busy, message).during("compact"));
            }
        };
        let (engine, result) = engine.compact(&self.options);
        // Without an engine there is nothing left to answer from, and the backend is closed.
        *place = engine.map(Arc::new);
        result
    }

    fn stats(&self) -> StorageResult<StorageStats> {
        let engine = self.engine()?;
        // First: the snapshot below is not the caller's.
        let pinned = engine.pinned_bytes()?;
        let sizes = self.snapshot()?.sizes()?;
        // What a damaged catalogue says adds up to nonsense, and to no panic.
        let sum = |all: u64, part: u64| all.saturating_add(part);
        let count = sizes.iter().map(|(_, count, _)| *count).fold(0, sum);
        let bytes = sizes.iter().map(|(_, _, bytes)| *bytes).fold(0, sum);
        let disk = allocated_bytes(engine.folder())?;
        let mut stats = self.counters.stats(count, bytes, disk);
        stats.pinned_bytes = pinned;
        Ok(stats)
    }

    fn keyspace_size(&self, keyspace: &Keyspace) -> StorageResult<(u64, u64)> {
        let sizes = self.snapshot()?.sizes()?;
        let size = sizes.into_iter().find(|(name, _, _)| name == keyspace);
        let (_, count, bytes) = size.ok_or_else(|| missing(keyspace))?;
        Ok((count, bytes))
    }

    // A copy is looked at before it counts: LMDB begins it beside the writer without the care of `read_whole_commit`.
    fn checkpoint(&self, folder: &Path) -> StorageResult<()> {
        let engine = self.engine()?;
        prepare_empty_folder(folder)?;
        let copy = folder.join(DATA_FILE);
        for _ in 0..COPY_TRIES {
            engine.copy_to(&copy)?;
            if usize::BITS != 64 || check_pages(folder)?.is_sound() {
                return engine::complete_copy(folder);
            }
            std::fs::remove_file(&copy)
                .map_err(|error| StorageError::from_io("cannot remove a copy", error))?;
        }
        let message = "every copy was made of pages that do not hang together";
        Err(StorageError::corrupted(message).during("checkpoint"))
    }

    fn close(&self) -> StorageResult<()> {
        self.gate.close()?;
        let engine = self.engine_mut().take();
        // Commits that did not wait for the disk are forced there now, so that an orderly end loses nothing.
        match engine {
            Some(engine) if self.options.durability != Durability::Durable => engine.sync(),
            _ => Ok(()),
        }
    }

    fn destroy(&self) -> StorageResult<()> {
        let engine = self.engine()?;
        if self.mode == Mode::Read {
            return Err(read_only());
        }
        self.gate.close()?;
        *self.engine_mut() = None;
        engine::remove_files(engine.folder())
    }
}
