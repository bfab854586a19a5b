//! How a store is opened: [`OpenOptions`].
//!
//! What flows in: a [`Location`], and whatever a program wants set. What flows out: a `QuadStore<AnyBackend>`, or its
//! backend alone. What always holds: only [`OpenMode::CreateOrOpen`] makes files; settings of backends other than that of
//! the location have no effect.

#[cfg(any(feature = "lmdb", feature = "rocksdb"))]
use crate::location::Engine;
use crate::open::{OpenMode, check_folder};
use crate::{AnyBackend, Location, default_load_memory_bytes};
use quadrille_backend::{Durability, InMemoryBackend, InMemoryOptions, StorageResult};
#[cfg(not(all(feature = "lmdb", feature = "rocksdb")))]
use quadrille_backend::{ErrorKind, StorageError};
#[cfg(feature = "lmdb")]
use quadrille_backend_lmdb::{LmdbBackend, LmdbOptions};
#[cfg(feature = "rocksdb")]
use quadrille_backend_rocksdb::{RocksDbBackend, RocksDbOptions};
use quadrille_store::{QuadStore, StoreOptions};
#[cfg(any(feature = "lmdb", feature = "rocksdb"))]
use std::path::Path;
use std::path::PathBuf;

/// How a store is opened whose backend is chosen by its location.
///
/// The settings of every backend can be given; those of the location's apply.
///
/// ```
/// use quadrille::backend::Durability;
/// use quadrille::{ErrorKind, InMemoryOptions, OpenOptions};
///
/// let options = OpenOptions::new().durability(Durability::Prefix).memory(InMemoryOptions::new().bytes_max(100));
/// let opened = options.open(&"memory:".parse()?);
/// assert!(opened.is_err_and(|error| error.kind() == ErrorKind::Full));
/// # Ok::<(), quadrille::StorageError>(())
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions {
    mode: OpenMode,
    durability: Option<Durability>,
    store: StoreOptions,
    memory: InMemoryOptions,
    #[cfg(feature = "lmdb")]
    lmdb: LmdbOptions,
    #[cfg(feature = "rocksdb")]
    rocksdb: RocksDbOptions,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            mode: OpenMode::default(),
            durability: None,
            store: StoreOptions {
                memory_bytes: default_load_memory_bytes(),
                ..StoreOptions::default()
            },
            memory: InMemoryOptions::default(),
            #[cfg(feature = "lmdb")]
            lmdb: LmdbOptions::default(),
            #[cfg(feature = "rocksdb")]
            rocksdb: RocksDbOptions::default(),
        }
    }
}

impl OpenOptions {
    /// The default settings: for reading and writing, making an empty store when there is none; loads take a quarter of
    /// the machine's memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the store must be there already, and whether it may be written.
    #[must_use]
    pub fn mode(mut self, mode: OpenMode) -> Self {
        self.mode = mode;
        self
    }

    /// What a returned commit survives, on whichever backend, in place of what the backend's own settings say. A store
    /// in memory keeps nothing, whatever this says.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }

    /// The memory that a load may take, in bytes, in place of [`default_load_memory_bytes`]; see
    /// [`StoreOptions::memory_bytes`].
    #[must_use]
    pub fn load_memory_bytes(mut self, bytes: usize) -> Self {
        self.store.memory_bytes = bytes;
        self
    }

    /// Where loads put temporary files, in place of the system's folder.
    #[must_use]
    pub fn temporary_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.store.temporary_folder = Some(folder.into());
        self
    }

    /// The settings of the quad store itself, all of them. One that is opened for reading has no use for them.
    #[must_use]
    pub fn store(mut self, options: StoreOptions) -> Self {
        self.store = options;
        self
    }

    /// The settings of a store in memory.
    #[must_use]
    pub fn memory(mut self, options: InMemoryOptions) -> Self {
        self.memory = options;
        self
    }

    /// The settings of an LMDB store.
    #[cfg(feature = "lmdb")]
    #[must_use]
    pub fn lmdb(mut self, options: LmdbOptions) -> Self {
        self.lmdb = options;
        self
    }

    /// The settings of a RocksDB store.
    #[cfg(feature = "rocksdb")]
    #[must_use]
    pub fn rocksdb(mut self, options: RocksDbOptions) -> Self {
        self.rocksdb = options;
        self
    }

    /// Opens the store at a location.
    ///
    /// # Errors
    /// `Misuse` (a setting that is not legal, or the folder holds a store of another engine), `NotFound` (the mode asks
    /// for a store that is not there), `Unsupported` (a backend that is not compiled in), `Locked` (another process writes
    /// to it), and what the backend and the store report.
    pub fn open(&self, location: &Location) -> StorageResult<QuadStore<AnyBackend>> {
        let backend = self.open_backend(location)?;
        match (location, self.mode) {
            (Location::Memory, _) | (_, OpenMode::CreateOrOpen | OpenMode::MustExist) => {
                QuadStore::open_with(backend, self.store.clone())
            }
            (_, OpenMode::ReadOnly) => QuadStore::open_read_only(backend),
        }
    }

    /// Opens the backend of a location, without a quad store over it: for tools that look at keyspaces.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_backend(&self, location: &Location) -> StorageResult<AnyBackend> {
        let (Some(engine), Some(path)) = (location.engine(), location.path()) else {
            return Ok(InMemoryBackend::with_options(self.memory.clone()).into());
        };
        check_folder(engine, path, self.mode)?;
        match engine {
            #[cfg(feature = "lmdb")]
            Engine::Lmdb => self.open_lmdb(path),
            #[cfg(feature = "rocksdb")]
            Engine::RocksDb => self.open_rocksdb(path),
            #[cfg(not(all(feature = "lmdb", feature = "rocksdb")))]
            missing => Err(StorageError::new(
                ErrorKind::Unsupported,
                format!(
                    "{location} needs the {} backend, which is not in this build: compile with the cargo feature `{}`",
                    missing.title(),
                    missing.scheme()
                ),
            )),
        }
    }

    #[cfg(feature = "lmdb")]
    fn open_lmdb(&self, path: &Path) -> StorageResult<AnyBackend> {
        let own = self.lmdb.clone();
        let options = match self.durability {
            Some(durability) => own.durability(durability),
            None => own,
        };
        let opened = match self.mode {
            OpenMode::ReadOnly => LmdbBackend::open_read_only_with(path, options),
            OpenMode::CreateOrOpen | OpenMode::MustExist => LmdbBackend::open_with(path, options),
        };
        Ok(opened?.into())
    }

    #[cfg(feature = "rocksdb")]
    fn open_rocksdb(&self, path: &Path) -> StorageResult<AnyBackend> {
        let own = self.rocksdb.clone();
        let options = match self.durability {
            Some(durability) => own.durability(durability),
            None => own,
        };
        let opened = match self.mode {
            OpenMode::ReadOnly => RocksDbBackend::open_read_only_with(path, options),
            OpenMode::CreateOrOpen | OpenMode::MustExist => {
                RocksDbBackend::open_with(path, options)
            }
        };
        Ok(opened?.into())
    }
}
