//! The open LMDB environment: its files and locks, its physical databases, its transactions.
//!
//! LMDB binds a *handle* to a database name for as long as the environment is open, closing handles under readers is
//! not safe, and a transaction knows only handles that were there when it began. Keyspaces come and go, so they do not
//! map to LMDB databases by name: a pool of databases `slot-000`, `slot-001`, … is opened once and never closed, and
//! the catalogue says which keyspace lives in which. Dropping a keyspace empties its slot; readers keep the old pages.
//!
//! What always holds: handles are added under the write side of `slots`, transactions begin under its read side; the
//! environment is dropped before the locks that guard it.

use crate::LmdbOptions;
use crate::error::storage_error;
use crate::map::{Map, MapUse, whole_pages};
use crate::pages::{check_length, freed_bytes_since};
use crate::read::read_whole_commit;
use crate::read::{Commit, KeptCommits, ReadTransaction};
use crate::readers::{self, Readers};
use heed::types::Bytes;
use heed::{
    CommitOrAbort, CommitToken, CompactionOption, Database, DatabaseOpener, Env, EnvFlags,
    EnvOpenOptions, Error, MdbError, OnCommit, RoTxn, RwTxn, WithoutTls,
};
use quadrille_backend::{
    Durability, ErrorKind, StorageError, StorageResult, StoreLock, Wait, sync_folder,
    sync_with_parent,
};
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

/// A physical database. The handle stays valid as long as the environment, which outlives all users of it here.
pub(crate) type RawDatabase = Database<'static, Bytes, Bytes>;

pub(crate) const DATA_FILE: &str = "data.mdb";
const COMPACTED_FILE: &str = "data.mdb.compacted";
const LOCK_FILE: &str = "lock.mdb";
/// Made when a store is complete: an empty or missing data file beside it is a loss and no new store.
const CREATED_FILE: &str = "store.created";
const WRITER_FILE: &str = "writer.lock";
const READERS_FILE: &str = "readers.lock";

/// How often a snapshot is tried, each time with another obstacle removed.
const READ_ATTEMPTS: usize = 4;

/// How often a snapshot is tried when all reader slots are taken, and the pause before each try but the second. Slots may be
/// free again at once: who begins to read while a commit is being published holds two for a moment.
const SLOT_ATTEMPTS: usize = 20;
const SLOT_PAUSE: Duration = Duration::from_millis(5);

/// How often a writer looks for slots of dead processes, which keep it from using free pages again.
const CLEAR_EVERY: Duration = Duration::from_secs(1);

/// How much is written to learn whether a disk is full.
const PROBE_BYTES: usize = 64 << 10;

const FORMAT_KEY: &[u8] = b"format";
const FORMAT: &[u8] = b"quadrille lmdb 1";
const SLOT_COUNT_KEY: &[u8] = b"slots";
/// How many slots are created at a time.
const SLOTS_STEP: usize = 16;
/// LMDB's limit on named databases; a transaction allocates some 50 bytes for each.
const SLOTS_MAX: usize = 256;

/// How an environment is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    Write,
    Read,
}

/// An open environment.
#[derive(Debug)]
pub(crate) struct Engine {
    // Dropped first: they use the environment.
    kept: KeptCommits,
    environment: Env<WithoutTls>,
    main: RawDatabase,
    slots: RwLock<Vec<RawDatabase>>,
    map: Arc<Map>,
    mode: Mode,
    folder: PathBuf,
    /// Shared with all who have the store open; who holds it alone may replace the data file.
    readers: Option<StoreLock>,
    /// Who writes holds it alone; a reader that may not write LMDB's lock file shares it, so that nobody writes.
    writer: Option<StoreLock>,
    /// When slots of dead processes were last looked for.
    cleared: Mutex<Instant>,
    // Behind the environment, which must be closed first.
    table: readers::Table,
}

/// Handles on their way from the transaction that opened them to general use.
struct Handles<'e> {
    main: Database<'e, Bytes, Bytes>,
    slots: Vec<Database<'e, Bytes, Bytes>>,
}

impl OnCommit for Handles<'_> {
    type Committed = Handles<'static>;

    fn on_commit(self, token: &CommitToken) -> Handles<'static> {
        let slots = self.slots.into_iter();
        Handles {
            main: self.main.on_commit(token),
            slots: slots.map(|slot| slot.on_commit(token)).collect(),
        }
    }
}

fn slot_name(index: usize) -> String {
    format!("slot-{index:03}")
}

impl Engine {
    /// Opens the environment of a folder; in write mode both are created when absent.
    pub(crate) fn open(folder: &Path, options: &LmdbOptions, mode: Mode) -> StorageResult<Self> {
        let writer = match mode {
            Mode::Write => Some(prepare_for_writing(folder)?),
            Mode::Read => None,
        };
        Self::open_locked(folder, options, mode, writer)
    }

    fn open_locked(
        folder: &Path,
        options: &LmdbOptions,
        mode: Mode,
        writer: Option<StoreLock>,
    ) -> StorageResult<Self> {
        let data = folder.join(DATA_FILE);
        let fresh = fs::metadata(&data).map_or(true, |metadata| metadata.len() == 0);
        if mode == Mode::Read && fresh && !folder.join(CREATED_FILE).exists() {
            let message = format!("{} holds no LMDB store", folder.display());
            return Err(StorageError::new(ErrorKind::NotFound, message));
        }
        let readers = StoreLock::shared(&folder.join(READERS_FILE));
        let readers = match (mode, readers) {
            // A folder that only can be read, or a copy without the file: nobody can compact it from here.
            (Mode::Read, Err(error)) if error.kind() == ErrorKind::NotFound => None,
            (_, readers) => Some(readers?),
        };
        if fresh {
            check_may_be_new(folder)?;
        } else {
            check_length(&data)?;
        }
        let (environment, writer) = open_environment(folder, options, mode, writer)?;
        // Those of processes that were killed, which keep old pages from being used again.
        clear_stale_readers(&environment)?;
        let map = Map::new(&environment, options);
        let kept = KeptCommits::new(&environment);
        let handles = open_first_handles(&environment, &map, &kept)?;
        let engine = Self {
            kept,
            main: handles.main,
            slots: RwLock::new(handles.slots),
            map,
            environment,
            mode,
            folder: folder.to_owned(),
            readers,
            writer,
            cleared: Mutex::new(Instant::now()),
            table: readers::Table::open(&folder.join(LOCK_FILE)),
        };
        engine.check_format(fresh)?;
        if mode == Mode::Write && !folder.join(CREATED_FILE).exists() {
            // The mark says that there is more than an empty file: it may not reach the disk before that is true there.
            engine.sync()?;
            mark_created(folder)?;
        }
        if fresh {
            sync_with_parent(folder)?;
        }
        Ok(engine)
    }

    /// Refuses files of another program, untouched, and marks new ones as ours.
    fn check_format(&self, fresh: bool) -> StorageResult<()> {
        let transaction = self.begin_plain_read()?;
        let format = self
            .main
            .get(&transaction, FORMAT_KEY)
            .map_err(|error| storage_error("open", error))?;
        match format {
            Some(FORMAT) => return Ok(()),
            Some(_) => {
                let message = "the store was written by a newer version of this program";
                return Err(StorageError::new(ErrorKind::Unsupported, message));
            }
            None => {}
        }
        let empty = self.main.is_empty(&transaction);
        let empty = empty.map_err(|error| storage_error("open", error))?;
        drop(transaction);
        // A process that died while it created the store left one that is empty and has no mark. One with a mark had more.
        let unfinished = empty && !self.folder.join(CREATED_FILE).exists();
        if self.mode == Mode::Read || !(fresh || unfinished) {
            let message = format!("{} is not a Quadrille store", self.folder.display());
            return Err(StorageError::corrupted(message));
        }
        self.add_slots()
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The longest value that, with a 32-byte key, shares a page with another: LMDB moves an entry of more than half a
    /// page to pages of its own. A page keeps 16 bytes for itself and 2 an entry, an entry 8.
    pub(crate) fn value_bytes_preferred(&self) -> usize {
        let page = self.environment.unnamed_database_stat().page_size as usize;
        (((page - 16) / 2) & !1) - 2 - 8 - 32
    }

    /// The unnamed database: our rows lie between LMDB's own records of the slots.
    pub(crate) fn main(&self) -> RawDatabase {
        self.main
    }

    pub(crate) fn slot_count(&self) -> usize {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.len()
    }

    /// The physical database of a slot.
    pub(crate) fn slot(&self, index: usize) -> StorageResult<RawDatabase> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.get(index).copied().ok_or_else(|| {
            StorageError::corrupted(format!(
                "the catalogue names slot {index}, which is missing"
            ))
        })
    }

    /// Creates some more slots, in a transaction of their own; the caller holds the permit to write.
    pub(crate) fn add_slots(&self) -> StorageResult<()> {
        let (transaction, _map) = self.begin_plain_write(Wait::Forever)?;
        let present = self.slot_count();
        let count = (present + SLOTS_STEP).min(SLOTS_MAX);
        if count == present {
            let message = format!("{SLOTS_MAX} keyspaces exist, and no more are possible");
            return Err(StorageError::new(ErrorKind::Full, message));
        }
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        let main = self.main;
        let opened = self.environment.create_databases_and_commit(
            transaction,
            |opener, transaction| -> heed::Result<CommitOrAbort<Handles<'_>, ()>> {
                let mut handles = Handles {
                    main,
                    slots: Vec::new(),
                };
                for index in present..count {
                    let name = slot_name(index);
                    handles
                        .slots
                        .push(opener.create_database(transaction, Some(&name))?);
                }
                main.put(transaction, FORMAT_KEY, FORMAT)?;
                main.put(transaction, SLOT_COUNT_KEY, &(count as u32).to_le_bytes())?;
                Ok(CommitOrAbort::Commit(handles))
            },
        );
        self.kept.forget();
        let opened = opened.map_err(|error| self.write_failed("create_keyspace", error))?;
        slots.extend(opened.commit().into_iter().flat_map(|added| added.slots));
        Ok(())
    }

    /// The last commit. In the process that writes, readers that follow each other share one transaction; a process
    /// that only reads keeps none, as nothing tells it when the writer needs the pages.
    pub(crate) fn last_commit(&self) -> StorageResult<Arc<Commit>> {
        if let Some(commit) = self.kept.take(&self.environment) {
            return Ok(commit);
        }
        let commit = Arc::new(Commit::new(self.begin_read()?));
        if self.mode == Mode::Write {
            self.kept.keep(&commit, &self.environment, &self.map);
        }
        Ok(commit)
    }

    /// A read transaction that sees the last commit and can use every slot that commit speaks of.
    fn begin_read(&self) -> StorageResult<ReadTransaction> {
        loop {
            let transaction = self.begin_plain_read()?;
            if self.mode == Mode::Write {
                return Ok(transaction);
            }
            let told = self.stored_slot_count(&transaction)?;
            if told <= self.slot_count() {
                return Ok(transaction);
            }
            // The writing process has added slots. Handles opened now serve transactions that begin later.
            drop(transaction);
            self.open_new_slots()?;
            let present = self.slot_count();
            if present < told {
                let message =
                    format!("the catalogue tells of {told} slots, and there are {present}");
                return Err(StorageError::corrupted(message).during("snapshot"));
            }
        }
    }

    fn open_new_slots(&self) -> StorageResult<()> {
        try_to_read(&self.environment, &self.map, &self.kept, || {
            let _map = self.map.enter(&self.environment)?;
            let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
            Ok(open_handles(&self.environment).map(|handles| {
                let found = handles.map_or_else(Vec::new, |handles| handles.slots);
                if found.len() > slots.len() {
                    *slots = found;
                }
            }))
        })
    }

    fn clear_stale_readers_at_times(&self) -> StorageResult<()> {
        let mut cleared = self.cleared.lock().unwrap_or_else(PoisonError::into_inner);
        if cleared.elapsed() < CLEAR_EVERY {
            return Ok(());
        }
        *cleared = Instant::now();
        drop(cleared);
        clear_stale_readers(&self.environment)
    }

    fn begin_plain_read(&self) -> StorageResult<ReadTransaction> {
        let attempt = || self.try_read();
        try_to_read(&self.environment, &self.map, &self.kept, attempt)
    }

    fn try_read(&self) -> StorageResult<heed::Result<ReadTransaction>> {
        let _slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        let map = self.map.enter(&self.environment)?;
        let transaction = read_whole_commit(&self.environment, |environment| {
            environment.clone().static_read_txn()
        });
        Ok(transaction.map(|transaction| ReadTransaction::new(transaction, map)))
    }

    fn stored_slot_count(&self, transaction: &ReadTransaction) -> StorageResult<usize> {
        let stored = self.main.get(transaction, SLOT_COUNT_KEY);
        let stored = stored.map_err(|error| storage_error("snapshot", error))?;
        let bytes: Option<[u8; 4]> = stored.and_then(|bytes| bytes.try_into().ok());
        let count = bytes.map(u32::from_le_bytes).ok_or_else(|| {
            StorageError::corrupted("the catalogue does not say how many slots there are")
        })?;
        Ok(count as usize)
    }

    /// A write transaction and what it holds of the map, to be dropped in this order.
    fn begin_plain_write(&self, wait: Wait) -> StorageResult<(RwTxn<'_>, MapUse)> {
        self.clear_stale_readers_at_times()?;
        // The map may have to grow, for which nobody may be inside.
        let _pause = self.kept.pause();
        let map = self.map.enter_to_write(&self.environment, wait)?;
        let transaction = self.environment.write_txn();
        let transaction = transaction.map_err(|error| storage_error("begin", error))?;
        Ok((transaction, map))
    }

    /// The error of a write, by who holds the permit; a full map is noted, so that it grows.
    pub(crate) fn write_failed(&self, operation: &'static str, error: Error) -> StorageError {
        match error {
            Error::Mdb(MdbError::MapFull) => {
                let full = self.map.found_full();
                self.kept.forget();
                full.during(operation).with_source(error)
            }
            Error::Io(_) => self
                .disk_is_full()
                .unwrap_or_else(|| storage_error(operation, error))
                .during(operation),
            error => storage_error(operation, error),
        }
    }

    /// `Full` when the file could not be longer. LMDB takes a write that a full disk, a quota or a limit on the length of
    /// files has cut short for an error of the device; another write there tells.
    fn disk_is_full(&self) -> Option<StorageError> {
        // A name that is cleared away when a store is opened, and not in use: who compacts holds the permit as well.
        let path = compacted_path(&self.folder);
        let end = fs::metadata(self.folder.join(DATA_FILE)).ok()?.len();
        let written = File::create(&path).and_then(|mut file| {
            file.seek(SeekFrom::Start(end))?;
            file.write_all(&[0; PROBE_BYTES])
        });
        let _ = fs::remove_file(&path);
        let message = "the transaction does not fit on the disk and is rolled back";
        let error = StorageError::from_io(message, written.err()?);
        (error.kind() == ErrorKind::Full).then_some(error)
    }

    /// The write transaction; the caller holds the permit to write, so LMDB's own lock is free. What is waited for is the
    /// growth of the map.
    pub(crate) fn begin_write(self: &Arc<Self>, wait: Wait) -> StorageResult<WriteTransaction> {
        let (transaction, map) = self.begin_plain_write(wait)?;
        #[expect(
            unsafe_code,
            reason = "heed's write transaction cannot own its environment"
        )]
        // SAFETY: the transaction borrows `self.environment`, which lies in the allocation of the `Arc` and so does
        // not move. `WriteTransaction` keeps a share of that `Arc` and, by the order of its fields, drops the
        // transaction first; it hands the transaction out only by reference. So the borrow ends before its owner.
        let transaction = unsafe { std::mem::transmute::<RwTxn<'_>, RwTxn<'static>>(transaction) };
        Ok(WriteTransaction {
            transaction,
            _map: map,
            engine: Arc::clone(self),
        })
    }

    /// Bytes of pages that were freed after the commit that the oldest open snapshot of any process sees, `None` where
    /// that cannot be told.
    pub(crate) fn pinned_bytes(&self) -> StorageResult<Option<u64>> {
        match self.table.oldest()? {
            Readers::Unknown => Ok(None),
            Readers::None => Ok(Some(0)),
            Readers::Oldest(commit) => freed_bytes_since(&self.folder.join(DATA_FILE), commit),
        }
    }

    /// Forces everything written to the disk.
    pub(crate) fn sync(&self) -> StorageResult<()> {
        if self.mode == Mode::Read {
            return Ok(());
        }
        let _map = self.map.enter(&self.environment)?;
        let synced = self.environment.force_sync();
        synced.map_err(|error| storage_error("flush", error))
    }

    /// Writes a copy of the last commit without free pages, and forces it to the disk.
    pub(crate) fn copy_to(&self, path: &Path) -> StorageResult<()> {
        let _map = self.map.enter(&self.environment)?;
        let file = self
            .environment
            .copy_to_path(path, CompactionOption::Enabled)
            .map_err(|error| storage_error("copy", error))?;
        file.sync_all()
            .map_err(|error| StorageError::from_io("cannot force the copy to the disk", error))?;
        path.parent().map_or(Ok(()), sync_with_parent)
    }

    /// Replaces the data file by a compacted copy, unless another process has the store open.
    ///
    /// Gives the engine back with what happened; none, when the store could not be opened again.
    pub(crate) fn compact(mut self, options: &LmdbOptions) -> (Option<Self>, StorageResult<()>) {
        let path = self.folder.join(READERS_FILE);
        // The own shared lock is in the way of the exclusive one, which keeps new readers out until all is done.
        self.readers = None;
        let copied = StoreLock::exclusive(&path).and_then(|alone| {
            self.copy_to(&compacted_path(&self.folder))?;
            Ok(alone)
        });
        let alone = match copied {
            Ok(alone) => alone,
            Err(error) => {
                self.readers = StoreLock::shared(&path).ok();
                let busy = error.kind() == ErrorKind::Locked;
                let error = if busy {
                    StorageError::new(ErrorKind::Busy, "another process has the store open")
                        .with_source(error)
                } else {
                    error
                };
                return (Some(self), Err(error.during("compact")));
            }
        };
        let (folder, writer) = (self.folder.clone(), self.writer.take());
        drop(self);
        let cannot = |error| StorageError::from_io("cannot swap the compacted file in", error);
        let swapped = fs::rename(compacted_path(&folder), folder.join(DATA_FILE))
            .map_err(cannot)
            .and_then(|()| sync_folder(&folder));
        drop(alone);
        match Self::open_locked(&folder, options, Mode::Write, writer) {
            Ok(engine) => (Some(engine), swapped),
            Err(error) => (None, Err(error)),
        }
    }
}

/// Where a compacted copy is written.
fn compacted_path(folder: &Path) -> PathBuf {
    folder.join(COMPACTED_FILE)
}

fn prepare_for_writing(folder: &Path) -> StorageResult<StoreLock> {
    let cannot = |error| StorageError::from_io(format!("cannot open {}", folder.display()), error);
    fs::create_dir_all(folder).map_err(cannot)?;
    let writer = StoreLock::exclusive(&folder.join(WRITER_FILE))?;
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    options.open(folder.join(READERS_FILE)).map_err(cannot)?;
    // What a compaction that did not end has left.
    match fs::remove_file(compacted_path(folder)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(cannot(error)),
        _ => Ok(writer),
    }
}

/// Refuses to take an empty or missing data file for a new store where there was one.
fn check_may_be_new(folder: &Path) -> StorageResult<()> {
    let data = folder.join(DATA_FILE);
    if folder.join(CREATED_FILE).exists() {
        let message = format!(
            "{} is empty or missing, its contents are lost",
            data.display()
        );
        return Err(StorageError::corrupted(message).during("open"));
    }
    Ok(())
}

/// Makes a folder with a copy of a data file a store like any other: with the mark, and with the file by which its readers
/// are known to whoever wants to replace the data.
pub(crate) fn complete_copy(folder: &Path) -> StorageResult<()> {
    let readers = folder.join(READERS_FILE);
    let cannot =
        |error| StorageError::from_io(format!("cannot create {}", readers.display()), error);
    File::create(&readers).map_err(cannot)?;
    mark_created(folder)
}

fn mark_created(folder: &Path) -> StorageResult<()> {
    let mark = folder.join(CREATED_FILE);
    if mark.exists() {
        return Ok(());
    }
    let cannot = |error| StorageError::from_io(format!("cannot create {}", mark.display()), error);
    File::create(&mark).map_err(cannot)?;
    sync_folder(folder)
}

/// Opens the environment, with what keeps writers out where that is needed.
///
/// Readers enter themselves into LMDB's lock file, or the writer would overwrite what they read. A reader without the
/// right to do so reads without, and keeps writers out instead.
fn open_environment(
    folder: &Path,
    options: &LmdbOptions,
    mode: Mode,
    writer: Option<StoreLock>,
) -> StorageResult<(Env<WithoutTls>, Option<StoreLock>)> {
    let failed = |error| storage_error("open", error);
    match open_plain(folder, options, mode, EnvFlags::empty()) {
        Err(Error::Io(error))
            if mode == Mode::Read && error.kind() == std::io::ErrorKind::PermissionDenied =>
        {
            let lock = StoreLock::shared(&folder.join(WRITER_FILE))?;
            let opened = open_plain(folder, options, mode, EnvFlags::NO_LOCK);
            Ok((opened.map_err(failed)?, Some(lock)))
        }
        opened => Ok((opened.map_err(failed)?, writer)),
    }
}

fn open_plain(
    folder: &Path,
    options: &LmdbOptions,
    mode: Mode,
    mut flags: EnvFlags,
) -> heed::Result<Env<WithoutTls>> {
    let mut open = EnvOpenOptions::new().read_txn_without_tls();
    open.map_size(whole_pages(options.map_bytes));
    open.max_readers(options.readers_max);
    open.max_dbs(SLOTS_MAX as u32);
    flags.set(EnvFlags::NO_READ_AHEAD, !options.read_ahead);
    if mode == Mode::Read {
        flags |= EnvFlags::READ_ONLY;
    } else {
        flags |= match options.durability {
            Durability::Durable => EnvFlags::empty(),
            Durability::Prefix => EnvFlags::NO_META_SYNC,
            Durability::Unsafe => EnvFlags::NO_SYNC,
        };
    }
    #[expect(unsafe_code, reason = "mapping a file is unsafe in itself")]
    // SAFETY: LMDB maps the file, so nobody may change it but through LMDB: the exclusive lock on the writer's file
    // keeps other writers of this program out, and `check_length` has refused a file that ends before its last page.
    // NO_LOCK is given where the shared lock on the same file keeps all writers out.
    // READ_ONLY, NO_META_SYNC, NO_SYNC and NO_READ_AHEAD change speed and what survives a crash, not memory safety; heed
    // adds NO_TLS by its own type.
    unsafe {
        open.flags(flags);
        open.open(folder)
    }
}

/// Frees the reader slots of processes that ended without doing so, which keep old pages from being used again.
fn clear_stale_readers(environment: &Env<WithoutTls>) -> StorageResult<()> {
    let cleared = environment.clear_stale_readers();
    cleared
        .map(drop)
        .map_err(|error| storage_error("snapshot", error))
}

/// Makes what needs a read transaction; tries again when what stands in the way can be removed.
fn try_to_read<T>(
    environment: &Env<WithoutTls>,
    map: &Map,
    kept: &KeptCommits,
    attempt: impl Fn() -> StorageResult<heed::Result<T>>,
) -> StorageResult<T> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match attempt()? {
            Ok(made) => return Ok(made),
            // The process that writes has given the map another size.
            Err(Error::Mdb(MdbError::MapResized)) if attempts < READ_ATTEMPTS => {
                map.adopt(environment)?;
            }
            // A process that was killed has left its slots; what is free after looking is free.
            Err(Error::Mdb(MdbError::ReadersFull)) if attempts < SLOT_ATTEMPTS => {
                if attempts > 1 {
                    thread::sleep(SLOT_PAUSE);
                }
                kept.forget();
                clear_stale_readers(environment)?;
            }
            Err(error) => return Err(storage_error("snapshot", error)),
        }
    }
}

/// The handles of an environment that was just opened.
fn open_first_handles(
    environment: &Env<WithoutTls>,
    map: &Arc<Map>,
    kept: &KeptCommits,
) -> StorageResult<Handles<'static>> {
    let opened = try_to_read(environment, map, kept, || {
        let _map = map.enter(environment)?;
        Ok(open_handles(environment))
    });
    let missing = || StorageError::corrupted("the unnamed database is missing");
    opened?.ok_or_else(missing)
}

/// Handles of all databases that are there; `None` without the unnamed one.
fn open_handles(environment: &Env<WithoutTls>) -> heed::Result<Option<Handles<'static>>> {
    fn open<'e>(
        opener: &DatabaseOpener<'e, WithoutTls>,
        transaction: &RoTxn<'e, WithoutTls>,
    ) -> heed::Result<Option<Handles<'e>>> {
        let Some(main) = opener.open_database(transaction, None)? else {
            return Ok(None);
        };
        let mut slots = Vec::new();
        while slots.len() < SLOTS_MAX {
            let name = slot_name(slots.len());
            let Some(slot) = opener.open_database(transaction, Some(&name))? else {
                break;
            };
            slots.push(slot);
        }
        Ok(Some(Handles { main, slots }))
    }
    let transaction = read_whole_commit(environment, Env::read_txn)?;
    let opened = environment.open_databases_and_commit(
        transaction,
        |opener, transaction| -> heed::Result<CommitOrAbort<Option<Handles<'_>>, ()>> {
            open(opener, transaction).map(CommitOrAbort::Commit)
        },
    )?;
    Ok(opened.commit().flatten())
}

/// A write transaction that owns a share of its environment. Dropping it rolls back.
pub(crate) struct WriteTransaction {
    // The order of the fields matters: see `Engine::begin_write`.
    transaction: RwTxn<'static>,
    _map: MapUse,
    engine: Arc<Engine>,
}

impl WriteTransaction {
    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    pub(crate) fn commit(self) -> StorageResult<()> {
        let committed = self.transaction.commit();
        self.engine.kept.forget();
        committed.map_err(|error| self.engine.write_failed("commit", error))
    }
}

impl Deref for WriteTransaction {
    type Target = RwTxn<'static>;

    fn deref(&self) -> &Self::Target {
        &self.transaction
    }
}

impl DerefMut for WriteTransaction {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.transaction
    }
}

/// The files of a store, for `destroy`.
pub(crate) fn remove_files(folder: &Path) -> StorageResult<()> {
    let cannot =
        |error| StorageError::from_io(format!("cannot remove {}", folder.display()), error);
    for name in [
        CREATED_FILE,
        DATA_FILE,
        COMPACTED_FILE,
        LOCK_FILE,
        READERS_FILE,
        WRITER_FILE,
    ] {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(cannot(error));
            }
            _ => {}
        }
    }
    // Files of somebody else stay, and with them the folder.
    match fs::remove_dir(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::DirectoryNotEmpty => Err(cannot(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
