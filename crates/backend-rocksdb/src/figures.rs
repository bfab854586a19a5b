//! What RocksDB says of itself: its properties as text, and the usual ones as numbers.

use crate::catalogue::missing;
use crate::engine::Engine;
use crate::error::storage_error;
use quadrille_backend::{Keyspace, StorageError, StorageResult};

/// Figures of the engine as a whole, for those who watch it; see [`RocksDbBackend::figures`].
///
/// [`RocksDbBackend::figures`]: crate::RocksDbBackend::figures
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct RocksDbFigures {
    /// Writes to files in the background that failed since the store was opened. After one, commits fail.
    pub background_errors: u64,
    /// Bytes of the buffers that hold writes not yet in files.
    pub write_buffer_bytes: u64,
    /// Bytes in the block cache.
    pub cache_bytes: u64,
    /// Bytes of indexes and filters of open files.
    pub table_reader_bytes: u64,
    /// Table files of all keyspaces that the last commit needs.
    pub table_files: u64,
    /// Bytes of all table files, those included that only snapshots need.
    pub table_bytes: u64,
    /// Bytes that compactions have yet to rewrite, as RocksDB estimates.
    pub compaction_pending_bytes: u64,
    /// Compactions that run now.
    pub compactions_running: u64,
}

/// A property as RocksDB words it, of a keyspace or of the database.
pub(crate) fn property(
    engine: &Engine,
    keyspace: Option<&Keyspace>,
    name: &str,
) -> StorageResult<Option<String>> {
    if name.contains('\0') {
        return Err(StorageError::misuse("a property's name holds no NUL").during("property"));
    }
    let database = engine.database();
    let value = match keyspace {
        None => database.property_value(name),
        Some(keyspace) => {
            let columns = engine.columns();
            let column = columns.get(keyspace).ok_or_else(|| missing(keyspace))?;
            database.property_value_cf(column, name)
        }
    };
    value.map_err(|error| storage_error("property", error))
}

/// A number that RocksDB knows of the database.
fn number(engine: &Engine, name: &str) -> StorageResult<u64> {
    let value = engine.database().property_int_value(name);
    let value = value.map_err(|error| storage_error("property", error))?;
    Ok(value.unwrap_or_default())
}

/// A number that RocksDB knows of each keyspace, added up.
fn sum(engine: &Engine, name: &str) -> StorageResult<u64> {
    let mut sum = number(engine, name)?;
    for column in engine.columns().values() {
        let value = engine.database().property_int_value_cf(column, name);
        let value = value.map_err(|error| storage_error("property", error))?;
        sum += value.unwrap_or_default();
    }
    Ok(sum)
}

/// How many writes in the background failed; zero also when RocksDB does not tell.
pub(crate) fn background_errors(engine: &Engine) -> u64 {
    number(engine, "rocksdb.background-errors").unwrap_or_default()
}

pub(crate) fn figures(engine: &Engine) -> StorageResult<RocksDbFigures> {
    let live_files = engine.database().live_files();
    let live_files = live_files.map_err(|error| storage_error("property", error))?;
    Ok(RocksDbFigures {
        background_errors: background_errors(engine),
        write_buffer_bytes: sum(engine, "rocksdb.cur-size-all-mem-tables")?,
        cache_bytes: number(engine, "rocksdb.block-cache-usage")?,
        table_reader_bytes: sum(engine, "rocksdb.estimate-table-readers-mem")?,
        table_files: live_files.len() as u64,
        table_bytes: sum(engine, "rocksdb.total-sst-files-size")?,
        compaction_pending_bytes: sum(engine, "rocksdb.estimate-pending-compaction-bytes")?,
        compactions_running: number(engine, "rocksdb.num-running-compactions")?,
    })
}
