//! Opening a store whose backend is chosen by its location.
//!
//! What flows in: the text of a location; [`OpenOptions`] takes more. What flows out: a `QuadStore<AnyBackend>`. What always holds:
//! only [`OpenMode::CreateOrOpen`] makes files; a folder that holds a store of another engine is refused untouched.

use crate::location::Engine;
use crate::{AnyBackend, OpenOptions};
use quadrille_backend::{ErrorKind, StorageError, StorageResult};
use quadrille_store::QuadStore;
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
    OpenOptions::new()
        .mode(OpenMode::CreateOrOpen)
        .open(&location.parse()?)
}

/// Opens the store at a location for reading and writing; it must be there.
///
/// # Errors
/// `NotFound` when there is no store, else as [`open()`].
pub fn open_existing(location: &str) -> StorageResult<QuadStore<AnyBackend>> {
    OpenOptions::new()
        .mode(OpenMode::MustExist)
        .open(&location.parse()?)
}

/// Opens the store at a location for reading; it must be there.
///
/// # Errors
/// `NotFound` when there is no store, else as [`open()`].
pub fn open_read_only(location: &str) -> StorageResult<QuadStore<AnyBackend>> {
    OpenOptions::new()
        .mode(OpenMode::ReadOnly)
        .open(&location.parse()?)
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
