//! RocksDB's errors in the words of the contract.

use quadrille_backend::{ErrorKind, StorageError};
use rocksdb::Error;

/// Adds what was being done, and finds the kind.
pub(crate) fn storage_error(operation: &'static str, error: Error) -> StorageError {
    with_message("RocksDB failed", operation, error)
}

/// The error of a write that RocksDB refuses since it failed to write files in the background.
pub(crate) fn after_background_errors(
    operation: &'static str,
    error: Error,
    count: u64,
) -> StorageError {
    let message = format!(
        "RocksDB failed; it has failed in the background {count} times since the store was opened, and may take no \
         more commits before it is opened again"
    );
    with_message(message, operation, error)
}

fn with_message(message: impl Into<String>, operation: &'static str, error: Error) -> StorageError {
    let kind = kind_of(&error);
    StorageError::new(kind, message)
        .during(operation)
        .with_source(error)
}

/// What RocksDB and the system say when a disk, a quota or the size of a file is at its limit.
const FULL: [&str; 4] = [
    "No space left",
    "NoSpace",
    "Disk quota exceeded",
    "File too large",
];
/// What RocksDB says when somebody else has its lock.
const LOCKED: [&str; 2] = ["While lock file", "lock hold by current process"];

fn kind_of(error: &Error) -> ErrorKind {
    let message: &str = error.as_ref();
    match error.kind() {
        rocksdb::ErrorKind::Corruption => ErrorKind::Corrupted,
        rocksdb::ErrorKind::NotSupported => ErrorKind::Unsupported,
        rocksdb::ErrorKind::IOError if FULL.iter().any(|full| message.contains(full)) => {
            ErrorKind::Full
        }
        rocksdb::ErrorKind::IOError if LOCKED.iter().any(|held| message.contains(held)) => {
            ErrorKind::Locked
        }
        rocksdb::ErrorKind::NotFound => ErrorKind::NotFound,
        rocksdb::ErrorKind::TimedOut | rocksdb::ErrorKind::Busy | rocksdb::ErrorKind::TryAgain => {
            ErrorKind::Busy
        }
        _ => ErrorKind::Io,
    }
}
