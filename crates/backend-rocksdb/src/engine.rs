//! The open RocksDB database: its files and lock, and its column families, one for each keyspace.
//!
//! A store's folder holds `rocksdb/`, the database itself; `ingest/`, files on their way into it; `settings` and
//! `files.seal`, of the modules of that name; and `writer.lock`.
//! What always holds: `columns` names the keyspaces that exist, and is replaced, never changed, so that a snapshot
//! keeps the handles it was taken with: RocksDB keeps a dropped column family readable as long as a handle to it is
//! there. Handles, snapshots and iterators are dropped before the database they belong to.

use crate::RocksDbOptions;
use crate::catalogue;
use crate::error::{after_background_errors, storage_error};
use crate::figures;
use crate::open_files;
use crate::seal::{self, SEAL_FILE, SealOnDrop};
use crate::settings::{NEW_SETTINGS_FILE, SETTINGS_FILE, Settings};
use quadrille_backend::{
    Durability, ErrorKind, Keyspace, StorageError, StorageResult, StoreLock, sync_with_parent,
};
use rocksdb::{
    BottommostLevelCompaction, BoundColumnFamily, Cache, ColumnFamilyDescriptor, CompactOptions,
    DBWithThreadMode, FlushOptions, MultiThreaded, Options, ReadOptions, WriteBatch, WriteOptions,
};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

/// The database, its column families behind a lock of their own.
pub(crate) type Database = DBWithThreadMode<MultiThreaded>;
/// A handle of a column family, with a borrow of the database that the engine's owners see to.
pub(crate) type Column = Arc<BoundColumnFamily<'static>>;
/// The keyspaces that exist.
pub(crate) type Columns = BTreeMap<Keyspace, Column>;

const DATABASE_FOLDER: &str = "rocksdb";
const INGEST_FOLDER: &str = "ingest";
const WRITER_FILE: &str = "writer.lock";
/// RocksDB's first file, which names the manifest.
const CURRENT_FILE: &str = "CURRENT";
/// Column families of keyspaces carry this before their name; the one named `default` holds the catalogue.
const COLUMN_PREFIX: &str = "keyspace:";

const FORMAT_KEY: &[u8] = b"format";
const FORMAT: &[u8] = b"quadrille rocksdb 1";

/// How long a commit waits for files to be written when writing some has failed before.
const STALL_MAX: Duration = Duration::from_secs(5);
/// How long it waits before it tries again.
const STALL_STEP: Duration = Duration::from_millis(1);

/// How a database is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    Write,
    Read,
}

/// An open database.
pub(crate) struct Engine {
    // The order of the fields matters: handles, then the database, then the seal on its files, then the lock.
    columns: RwLock<Arc<Columns>>,
    database: Database,
    keyspace_options: Options,
    /// Options that read the last commit; making them costs an allocation.
    read_options: ReadOptions,
    options: RocksDbOptions,
    settings: Settings,
    mode: Mode,
    folder: PathBuf,
    seal: SealOnDrop,
    writer: Mutex<Option<StoreLock>>,
    _open_files: open_files::Budget,
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Engine")
            .field("folder", &self.folder)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

fn column_name(keyspace: &Keyspace) -> String {
    format!("{COLUMN_PREFIX}{keyspace}")
}

impl Engine {
    /// Opens the database of a folder; in write mode both are created when absent.
    pub(crate) fn open(folder: &Path, options: &RocksDbOptions, mode: Mode) -> StorageResult<Self> {
        options.check()?;
        let writer = match mode {
            Mode::Write => Some(prepare_for_writing(folder)?),
            Mode::Read => None,
        };
        let path = folder.join(DATABASE_FOLDER);
        seal::check(folder, &path)?;
        let fresh = is_fresh(folder, mode)?;
        let stored = Settings::read(folder)?;
        if mode == Mode::Write {
            seal::remove(folder)?;
        }
        let (engine, nothing_there) = Self::open_database(folder, options, mode, stored, writer)?;
        let fresh = fresh || nothing_there;
        engine.check_format(fresh)?;
        if mode == Mode::Write && (fresh || engine.settings != stored) {
            engine.settings.write(folder)?;
        }
        if fresh {
            // RocksDB syncs its own folder.
            sync_with_parent(folder)?;
        } else if mode == Mode::Write {
            catalogue::settle(&engine)?;
        }
        Ok(engine)
    }

    /// Opens the database itself; whether it is one in which nothing was ever written, left by a process that died
    /// while it created the store.
    fn open_database(
        folder: &Path,
        options: &RocksDbOptions,
        mode: Mode,
        stored: Settings,
        writer: Option<StoreLock>,
    ) -> StorageResult<(Self, bool)> {
        let failed = |error| storage_error("open", error);
        let path = folder.join(DATABASE_FOLDER);
        let open_files = match mode {
            Mode::Write => open_files::budget(options.open_files_max)?,
            Mode::Read => open_files::budget_of_reader(&path, options.open_files_max)?,
        };
        let database_options = options.database(mode == Mode::Read, stored.log, open_files.files);
        let names = match path.join(CURRENT_FILE).exists() {
            true => Database::list_cf(&database_options, &path).map_err(failed)?,
            false => vec!["default".to_owned()],
        };
        let settings = stored.with(options);
        let cache = Cache::new_lru_cache(options.cache_bytes);
        let keyspace_options = options.keyspace(settings, &cache);
        let describe =
            |name: &String| ColumnFamilyDescriptor::new(name.clone(), keyspace_options.clone());
        let descriptors = names.iter().map(describe);
        let database = match mode {
            Mode::Write => Database::open_cf_descriptors(&database_options, &path, descriptors),
            Mode::Read => Database::open_cf_descriptors_read_only(
                &database_options,
                &path,
                descriptors,
                false,
            ),
        };
        let engine = Self {
            columns: RwLock::default(),
            database: database.map_err(failed)?,
            keyspace_options,
            read_options: ReadOptions::default(),
            options: options.clone(),
            settings,
            mode,
            folder: folder.to_owned(),
            seal: SealOnDrop::new(folder, &path),
            writer: Mutex::new(writer),
            _open_files: open_files,
        };
        engine.take_columns(&names)?;
        let nothing_there = mode == Mode::Write
            && names == ["default"]
            && engine.database.latest_sequence_number() == 0;
        Ok((engine, nothing_there))
    }

    /// Refuses files of another program, and marks new ones as ours.
    fn check_format(&self, fresh: bool) -> StorageResult<()> {
        let failed = |error| storage_error("open", error);
        match self.database.get(FORMAT_KEY).map_err(failed)?.as_deref() {
            Some(FORMAT) => Ok(()),
            Some(_) => {
                let message = "the store was written by a newer version of this program";
                Err(StorageError::new(ErrorKind::Unsupported, message))
            }
            None if fresh => {
                let mut batch = WriteBatch::default();
                batch.put(FORMAT_KEY, FORMAT);
                self.write_lasting(batch)
            }
            None => {
                let message = format!("{} is not a Quadrille store", self.folder.display());
                Err(StorageError::corrupted(message))
            }
        }
    }

    fn take_columns(&self, names: &[String]) -> StorageResult<()> {
        let mut columns = Columns::new();
        for name in names {
            let Some(keyspace) = name.strip_prefix(COLUMN_PREFIX) else {
                continue;
            };
            let keyspace = Keyspace::new(keyspace)
                .map_err(|_| StorageError::corrupted("a column family has an illegal name"))?;
            let column = self.handle(&keyspace)?;
            columns.insert(keyspace, column);
        }
        self.set_columns(columns);
        Ok(())
    }

    fn handle(&self, keyspace: &Keyspace) -> StorageResult<Column> {
        let handle = self.database.cf_handle(&column_name(keyspace));
        let handle = handle.ok_or_else(|| {
            StorageError::corrupted("a column family is missing").in_keyspace(keyspace)
        })?;
        #[expect(unsafe_code, reason = "rocksdb's handles cannot own their database")]
        // SAFETY: the handle borrows the database, and only its lifetime changes here. It is kept in `Columns` alone,
        // which the engine drops before the database (order of fields), and everybody else holds beside, and drops
        // before, a share of the engine.
        let handle = unsafe { std::mem::transmute::<Arc<BoundColumnFamily<'_>>, Column>(handle) };
        Ok(handle)
    }

    fn set_columns(&self, columns: Columns) {
        *self.columns.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(columns);
    }

    /// The keyspaces that exist now.
    pub(crate) fn columns(&self) -> Arc<Columns> {
        let columns = self.columns.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&columns)
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Takes the lock that keeps other writers out: to be dropped when the files are gone.
    pub(crate) fn take_writer(&self) -> Option<StoreLock> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.take()
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn settings(&self) -> Settings {
        self.settings
    }

    /// The most bytes of keys and values, if they are limited.
    pub(crate) fn bytes_max(&self) -> Option<u64> {
        self.options.bytes_max
    }

    pub(crate) fn keyspace_options(&self) -> &Options {
        &self.keyspace_options
    }

    /// What `found` makes of the value of a key in the last commit.
    pub(crate) fn committed<T>(
        &self,
        column: &Column,
        keyspace: &Keyspace,
        key: &[u8],
        found: impl FnOnce(&[u8]) -> T,
    ) -> StorageResult<Option<T>> {
        self.lookup(column, (keyspace, key), &self.read_options, found)
    }

    /// What `found` makes of the value of a key, in the commit that the options read.
    pub(crate) fn lookup<T>(
        &self,
        column: &Column,
        (keyspace, key): (&Keyspace, &[u8]),
        options: &ReadOptions,
        found: impl FnOnce(&[u8]) -> T,
    ) -> StorageResult<Option<T>> {
        let value = self.database.get_pinned_cf_opt(column, key, options);
        let value = value.map_err(|error| storage_error("get", error).in_keyspace(keyspace))?;
        Ok(value.map(|value| found(&value)))
    }

    /// Writes a batch, as durably as the settings say.
    pub(crate) fn write(&self, batch: WriteBatch) -> StorageResult<()> {
        self.write_with(&batch, &mut self.options.write())
    }

    /// Writes a batch so that it lasts, whatever the settings say: what goes with a change of the column families,
    /// which RocksDB makes lasting at once.
    pub(crate) fn write_lasting(&self, batch: WriteBatch) -> StorageResult<()> {
        let mut options = WriteOptions::default();
        options.set_sync(true);
        self.write_with(&batch, &mut options)
    }

    /// RocksDB makes writes wait while its files fall behind. When they do so because the disk is full it would wait
    /// until there is space again; who commits is told instead.
    fn write_with(&self, batch: &WriteBatch, options: &mut WriteOptions) -> StorageResult<()> {
        options.set_no_slowdown(true);
        let mut errors_known = figures::background_errors(self);
        let started = Instant::now();
        loop {
            // Trying consumes the batch; copying it costs little beside writing it.
            let attempt = WriteBatch::from_data(batch.data());
            let error = match self.database.write_opt(attempt, options) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if error.kind() != rocksdb::ErrorKind::Incomplete {
                return Err(self.failed("commit", error));
            }
            let errors = figures::background_errors(self);
            if errors > errors_known || (errors > 0 && started.elapsed() > STALL_MAX) {
                // The flush that it waits for fails at once with the cause, unless the cause is gone: then a write passes.
                self.flush_tables()?;
                if started.elapsed() > 4 * STALL_MAX {
                    return Err(after_background_errors("commit", error, errors));
                }
                errors_known = errors;
            }
            thread::sleep(STALL_STEP);
        }
    }

    /// Rewrites all files, the smaller and the larger ones.
    pub(crate) fn compact(&self) -> StorageResult<()> {
        let errors_before = figures::background_errors(self);
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::ForceOptimized);
        for column in self.columns().values() {
            self.database
                .compact_range_cf_opt(column, None::<&[u8]>, None::<&[u8]>, &options);
        }
        // A compaction does not say that it failed; the count of failures does.
        if figures::background_errors(self) == errors_before {
            return Ok(());
        }
        self.flush_tables()?;
        let message = "RocksDB could not write the compacted files";
        Err(StorageError::new(ErrorKind::Io, message).during("compact"))
    }

    /// The error of something that writes, which may have failed long before and in the background.
    fn failed(&self, operation: &'static str, error: rocksdb::Error) -> StorageError {
        match figures::background_errors(self) {
            0 => storage_error(operation, error),
            count => after_background_errors(operation, error, count),
        }
    }

    /// Creates a column family; the caller holds the permit to write.
    pub(crate) fn create_column(&self, keyspace: &Keyspace) -> StorageResult<()> {
        self.database
            .create_cf(column_name(keyspace), &self.keyspace_options)
            .map_err(|error| storage_error("create_keyspace", error).in_keyspace(keyspace))?;
        let mut columns = (*self.columns()).clone();
        columns.insert(keyspace.clone(), self.handle(keyspace)?);
        self.set_columns(columns);
        Ok(())
    }

    /// Drops a column family, whose files go when nobody holds a handle any more; the caller holds the permit.
    ///
    /// Commits made before must not be lost when this is not: one of them may be why nobody needs the keyspace.
    pub(crate) fn drop_column(&self, keyspace: &Keyspace) -> StorageResult<()> {
        self.sync()?;
        self.database
            .drop_cf(&column_name(keyspace))
            .map_err(|error| storage_error("drop_keyspace", error).in_keyspace(keyspace))?;
        let mut columns = (*self.columns()).clone();
        columns.remove(keyspace);
        self.set_columns(columns);
        Ok(())
    }

    /// Forces every commit to the disk: the log, or where there is none, the memory tables.
    pub(crate) fn sync(&self) -> StorageResult<()> {
        match self.options.durability {
            _ if self.mode == Mode::Read => Ok(()),
            Durability::Unsafe => self.flush_tables(),
            _ => {
                let flushed = self.database.flush_wal(true);
                flushed.map_err(|error| self.failed("flush", error))
            }
        }
    }

    /// Writes all memory tables into files, after which the log is empty.
    pub(crate) fn flush_tables(&self) -> StorageResult<()> {
        if self.mode == Mode::Read {
            return Ok(());
        }
        let columns = self.columns();
        let default = self.database.cf_handle("default");
        let all: Vec<&Arc<BoundColumnFamily<'_>>> = columns.values().chain(&default).collect();
        let mut options = FlushOptions::default();
        options.set_wait(true);
        let flushed = self.database.flush_cfs_opt(&all, &options);
        flushed.map_err(|error| self.failed("flush", error))
    }

    /// A fresh path for a file to be ingested.
    pub(crate) fn ingest_path(&self, number: usize) -> StorageResult<PathBuf> {
        let folder = self.folder.join(INGEST_FOLDER);
        fs::create_dir_all(&folder).map_err(|error| {
            StorageError::from_io(format!("cannot create {}", folder.display()), error)
        })?;
        Ok(folder.join(format!("{number:06}.sst")))
    }

    /// Removes what an ingest has left.
    pub(crate) fn remove_ingest_files(&self) -> StorageResult<()> {
        remove_folder(&self.folder.join(INGEST_FOLDER))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.seal.synced = self.mode == Mode::Write && self.database.flush_wal(true).is_ok();
    }
}

/// Whether a folder holds no database yet; one that lost its first file is not taken for that.
fn is_fresh(folder: &Path, mode: Mode) -> StorageResult<bool> {
    let path = folder.join(DATABASE_FOLDER);
    if path.join(CURRENT_FILE).exists() {
        return Ok(false);
    }
    let names = fs::read_dir(&path).into_iter().flatten().flatten();
    let holds_entries = |name: &str| name.ends_with(".sst") || name.ends_with(".log");
    if names
        .into_iter()
        .any(|item| holds_entries(&item.file_name().to_string_lossy()))
    {
        let message = format!("{} has lost its file {CURRENT_FILE}", path.display());
        return Err(StorageError::corrupted(message).during("open"));
    }
    if mode == Mode::Read {
        let message = format!("{} holds no RocksDB store", folder.display());
        return Err(StorageError::new(ErrorKind::NotFound, message));
    }
    Ok(true)
}

fn prepare_for_writing(folder: &Path) -> StorageResult<StoreLock> {
    let cannot = |error| StorageError::from_io(format!("cannot open {}", folder.display()), error);
    fs::create_dir_all(folder).map_err(cannot)?;
    let writer = StoreLock::exclusive(&folder.join(WRITER_FILE))?;
    remove_folder(&folder.join(INGEST_FOLDER))?;
    Ok(writer)
}

fn remove_folder(folder: &Path) -> StorageResult<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StorageError::from_io(
            format!("cannot remove {}", folder.display()),
            error,
        )),
        _ => Ok(()),
    }
}

/// Where the database of a store lies.
pub(crate) fn database_path(folder: &Path) -> PathBuf {
    folder.join(DATABASE_FOLDER)
}

/// Removes the files of a store that nobody has open.
pub(crate) fn remove_files(folder: &Path) -> StorageResult<()> {
    remove_folder(&folder.join(DATABASE_FOLDER))?;
    remove_folder(&folder.join(INGEST_FOLDER))?;
    let cannot =
        |error| StorageError::from_io(format!("cannot remove {}", folder.display()), error);
    for name in [SEAL_FILE, SETTINGS_FILE, NEW_SETTINGS_FILE, WRITER_FILE] {
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
