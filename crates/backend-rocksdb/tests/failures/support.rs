//! What these tests share: folders, a filled store, its files.

use quadrille_backend::{
    ErrorKind, Keyspace, StorageBackend, StorageError, StorageResult, Transaction,
};
use quadrille_backend_rocksdb::{RocksDbBackend, RocksDbOptions};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

pub(crate) fn birds() -> Keyspace {
    Keyspace::new("birds").expect("a legal name")
}

/// A closed store with some megabytes in it.
pub(crate) fn filled(path: &Path, options: RocksDbOptions) -> StorageResult<()> {
    let backend = RocksDbBackend::open_with(path, options)?;
    backend.create_keyspace(&birds())?;
    let mut transaction = backend.begin()?;
    for n in 0..2000_u32 {
        transaction.put(&birds(), &n.to_be_bytes(), &[n as u8; 1000])?;
    }
    transaction.commit()?;
    backend.close()
}

#[track_caller]
pub(crate) fn refused<T>(result: StorageResult<T>, kind: ErrorKind) -> StorageError {
    let error = match result {
        Ok(_) => panic!("expected an error of kind {kind:?}"),
        Err(error) => error,
    };
    assert_eq!(error.kind(), kind, "{error}");
    error
}

/// Names and contents of all files below a folder.
pub(crate) fn files(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for item in fs::read_dir(path).expect("a folder") {
        let path = item.expect("an item").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push((path.clone(), fs::read(&path).expect("a file")));
        }
    }
    files.sort();
    files
}

/// The bytes of the tables of a closed store. When the engine deletes old logs, and what it reserves on the disk for new
/// ones, is its own affair.
pub(crate) fn table_bytes(path: &Path) -> usize {
    let is_table = |path: &Path| path.extension().is_some_and(|extension| extension == "sst");
    let tables = files(path).into_iter().filter(|(path, _)| is_table(path));
    tables.map(|(_, contents)| contents.len()).sum()
}
