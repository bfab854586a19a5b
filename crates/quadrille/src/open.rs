//! Opening a store whose backend is chosen by its location.
//!
//! What flows in: a [`Location`] and how to open it. What flows out: a `QuadStore<AnyBackend>`. What always holds:
//! only [`OpenMode::CreateOrOpen`] makes files; a folder that holds a store of another engine is refused untouched.

use crate::location::Engine;
use crate::{AnyBackend, Location};
use quadrille_backend::{Durability, ErrorKind, InMemoryBackend, StorageError, StorageResult};
use quadrille_store::{QuadStore, StoreOptions};
use std::path::Path;

/// Whether the store must be there already, and whether it may be written.
///
/// A store in memory is always new, empty and writable, whatever the mode.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum OpenMode {
    /// Opens the store for reading and writing; makes an empty one when there is none.
    #[default]
    CreateOrOpen,
    /// Opens the store for reading and writing; no store is [`ErrorKind::NotFound`].
    MustExist,
    /// Opens the store for reading; no store is [`ErrorKind::NotFound`], and nothing is ever written.
    ReadOnly,
}

/// Opens the store at a location for reading and writing, making an empty one when there is none.
///
/// ```
/// let store = quadrille::open("memory:")?;
/// assert!(store.is_empty()?);
/// # Ok::<(), quadrille::StorageError>(())
/// ```
///
/// # Errors
/// `Misuse` (no location, or the folder holds a store of another engine), `Unsupported` (a backend that is not
/// compiled in), `Locked` (another process writes to it), and what the backend and the store report.
pub fn open(location: &str) -> StorageResult<QuadStore<AnyBackend>> {
    open_with(
        &location.parse()?,
        OpenMode::CreateOrOpen,
        StoreOptions::default(),
    )
}

/// Opens the store at a location for reading and writing; it must be there.
///
/// # Errors
/// `NotFound` when there is no store, else as [`open()`].
pub fn open_existing(location: &str) -> StorageResult<QuadStore<AnyBackend>> {
    open_with(
        &location.parse()?,
        OpenMode::MustExist,
        StoreOptions::default(),
    )
}

/// Opens the store at a location for reading; it must be there.
///
/// # Errors
/// `NotFound` when there is no store, else as [`open()`].
pub fn open_read_only(location: &str) -> StorageResult<QuadStore<AnyBackend>> {
    open_with(
        &location.parse()?,
        OpenMode::ReadOnly,
        StoreOptions::default(),
    )
}

/// Opens the store at a location, with the mode and the store's options as given.
///
/// # Errors
/// As [`open()`], and `NotFound` when the mode asks for a store that is not there.
pub fn open_with(
    location: &Location,
    mode: OpenMode,
    options: StoreOptions,
) -> StorageResult<QuadStore<AnyBackend>> {
    let backend = open_backend(location, mode)?;
    match (location, mode) {
        (Location::Memory, _) | (_, OpenMode::CreateOrOpen | OpenMode::MustExist) => {
            QuadStore::open_with(backend, options)
        }
        (_, OpenMode::ReadOnly) => QuadStore::open_read_only(backend),
    }
}

/// Opens the backend of a location, without a quad store over it: for tools that look at keyspaces.
///
/// # Errors
/// As [`open_with`].
pub fn open_backend(location: &Location, mode: OpenMode) -> StorageResult<AnyBackend> {
    open_backend_with(location, mode, Durability::Durable)
}

/// Opens the backend of a location with commits that survive what `durability` says. A backend in memory keeps nothing,
/// whatever it says.
///
/// # Errors
/// As [`open_with`].
pub fn open_backend_with(
    location: &Location,
    mode: OpenMode,
    durability: Durability,
) -> StorageResult<AnyBackend> {
    let (Some(engine), Some(path)) = (location.engine(), location.path()) else {
        return Ok(InMemoryBackend::new().into());
    };
    check_folder(engine, path, mode)?;
    match engine {
        #[cfg(feature = "lmdb")]
        Engine::Lmdb if mode == OpenMode::ReadOnly => {
            Ok(quadrille_backend_lmdb::LmdbBackend::open_read_only(path)?.into())
        }
        #[cfg(feature = "lmdb")]
        Engine::Lmdb => {
            let options = quadrille_backend_lmdb::LmdbOptions::new().durability(durability);
            Ok(quadrille_backend_lmdb::LmdbBackend::open_with(path, options)?.into())
        }
        #[cfg(feature = "rocksdb")]
        Engine::RocksDb if mode == OpenMode::ReadOnly => {
            Ok(quadrille_backend_rocksdb::RocksDbBackend::open_read_only(path)?.into())
        }
        #[cfg(feature = "rocksdb")]
        Engine::RocksDb => {
            let options = quadrille_backend_rocksdb::RocksDbOptions::new().durability(durability);
            Ok(quadrille_backend_rocksdb::RocksDbBackend::open_with(path, options)?.into())
        }
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

/// Refuses a path that cannot be, or must not become, a store of this engine.
pub(crate) fn check_folder(engine: Engine, path: &Path, mode: OpenMode) -> StorageResult<()> {
    if path.exists() && !path.is_dir() {
        return Err(StorageError::misuse(format!(
            "{} is a file; a store is a folder",
            path.display()
        )));
    }
    match Engine::found_in(path) {
        Some(found) if found == engine => Ok(()),
        Some(found) => Err(StorageError::misuse(format!(
            "{path} holds a {} store: open it as `{}:{path}`",
            found.title(),
            found.scheme(),
            path = path.display()
        ))),
        None if mode == OpenMode::CreateOrOpen => Ok(()),
        None => Err(StorageError::new(
            ErrorKind::NotFound,
            format!("there is no {} store at {}", engine.title(), path.display()),
        )),
    }
}
