//! LMDB's errors in the words of the contract.

use heed::{Error, MdbError};
use quadrille_backend::{ErrorKind, StorageError};

/// Adds what was being done, and finds the kind.
pub(crate) fn storage_error(operation: &'static str, error: Error) -> StorageError {
    let kind = match &error {
        Error::Io(_) => return from_io(operation, error),
        Error::EnvAlreadyOpened => ErrorKind::Locked,
        Error::Encoding(_) | Error::Decoding(_) => ErrorKind::Corrupted,
        Error::Mdb(error) => kind_of(*error),
    };
    StorageError::new(kind, message_of(kind))
        .during(operation)
        .with_source(error)
}

fn from_io(operation: &'static str, error: Error) -> StorageError {
    match error {
        Error::Io(error) => {
            StorageError::from_io("LMDB met an error of the operating system", error)
                .during(operation)
        }
        other => StorageError::new(ErrorKind::Io, "LMDB failed").with_source(other),
    }
}

fn kind_of(error: MdbError) -> ErrorKind {
    match error {
        MdbError::MapFull | MdbError::DbsFull | MdbError::TxnFull => ErrorKind::Full,
        MdbError::ReadersFull | MdbError::MapResized => ErrorKind::Busy,
        MdbError::PageNotFound
        | MdbError::Corrupted
        | MdbError::Invalid
        | MdbError::VersionMismatch
        | MdbError::CursorFull
        | MdbError::Incompatible => ErrorKind::Corrupted,
        MdbError::BadValSize => ErrorKind::Misuse,
        _ => ErrorKind::Io,
    }
}

fn message_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Full => "a table of LMDB is full",
        ErrorKind::Busy => {
            "no reader slot is left (the setting readers_max), or the map grew under this process"
        }
        ErrorKind::Corrupted => "the file is damaged or not an LMDB file",
        ErrorKind::Locked => "the store is open in this process already",
        ErrorKind::Misuse => "a key or value has a length that LMDB does not take",
        _ => "LMDB failed",
    }
}
