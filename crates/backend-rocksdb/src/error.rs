//! RocksDB's errors in the words of the contract.

use quadrille_backend::{ErrorKind, StorageError};
use rocksdb::Error;

/// Adds what was being done, and finds the kind.
pub(crate) fn storage_error(operation: &'static str, error: Error) -> StorageError {
    let kind = kind_of(&error);
    StorageError::new(kind, "RocksDB failed")
        .during(operation)
        .with_source(error)
}

fn kind_of(error: &Error) -> ErrorKind {
    let message: &str = error.as_ref();
    match error.kind() {
        rocksdb::ErrorKind::Corruption => ErrorKind::Corrupted,
        rocksdb::ErrorKind::NotSupported => ErrorKind::Unsupported,
        rocksdb::ErrorKind::IOError if message.contains("No space left") => ErrorKind::Full,
        rocksdb::ErrorKind::IOError if message.contains("lock") => ErrorKind::Locked,
        rocksdb::ErrorKind::NotFound => ErrorKind::NotFound,
        rocksdb::ErrorKind::TimedOut | rocksdb::ErrorKind::Busy | rocksdb::ErrorKind::TryAgain => {
            ErrorKind::Busy
        }
        _ => ErrorKind::Io,
    }
}
