//! Checking the files of a store without opening it.
//!
//! What flows in: a [`Location`]. What flows out: what is wrong with the files below the level of entries, where the
//! backend can tell. What always holds: nothing is written, locked or mapped.

use crate::Location;
#[cfg(feature = "lmdb")]
use crate::location::Engine;
use crate::open::{OpenMode, check_folder};
use quadrille_backend::StorageResult;

/// What [`check_files`] found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct FilesReport {
    /// Pages of the files that are in use and were looked at.
    pub pages_checked: u64,
    /// Pages that are free.
    pub pages_free: u64,
    /// What is wrong, in words that name the file and the page; at most 1000.
    pub problems: Vec<String>,
    /// Further problems.
    pub problems_left_out: u64,
}

impl FilesReport {
    /// Whether no problem was found.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Checks the files of a store by reading them, without opening it: damage there can end a process that opens it.
///
/// `None` where the backend has no such check: a store in memory has no files, and RocksDB checks what it reads.
///
/// # Errors
/// `NotFound` when there is no store, `Misuse` when the folder holds one of another engine, `Busy` when the store was
/// written to all the time, `Io`.
pub fn check_files(location: &Location) -> StorageResult<Option<FilesReport>> {
    let (Some(engine), Some(path)) = (location.engine(), location.path()) else {
        return Ok(None);
    };
    check_folder(engine, path, OpenMode::ReadOnly)?;
    match engine {
        #[cfg(feature = "lmdb")]
        Engine::Lmdb => {
            let report = quadrille_backend_lmdb::check_pages(path)?;
            Ok(Some(FilesReport {
                pages_checked: report.pages_checked,
                pages_free: report.pages_free,
                problems: report.faults.iter().map(ToString::to_string).collect(),
                problems_left_out: report.faults_left_out,
            }))
        }
        _ => Ok(None),
    }
}
