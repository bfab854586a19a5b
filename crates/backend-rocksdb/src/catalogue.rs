//! The catalogue: how many entries and bytes each keyspace holds, in a row of the column family `default`.
//!
//! RocksDB itself only estimates them. What always holds: a row changes in the same batch as the entries it speaks of,
//! so it is exact; a row without a keyspace, left by a crash, is overwritten before one of that name exists.

use crate::engine::Engine;
use crate::error::storage_error;
use quadrille_backend::{ErrorKind, Keyspace, StorageError, StorageResult};
use rocksdb::{ReadOptions, WriteBatch};

/// How much a keyspace holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Size {
    /// Entries.
    pub(crate) count: u64,
    /// Bytes of all keys and values.
    pub(crate) bytes: u64,
}

impl Size {
    fn encode(self) -> [u8; 16] {
        let mut encoded = [0; 16];
        encoded[..8].copy_from_slice(&self.count.to_le_bytes());
        encoded[8..].copy_from_slice(&self.bytes.to_le_bytes());
        encoded
    }

    fn decode(encoded: &[u8]) -> StorageResult<Self> {
        let parts = encoded.split_first_chunk::<8>();
        let size = parts.and_then(|(count, bytes)| {
            Some(Self {
                count: u64::from_le_bytes(*count),
                bytes: u64::from_le_bytes(bytes.try_into().ok()?),
            })
        });
        size.ok_or_else(|| StorageError::corrupted("a row of the catalogue has another length"))
    }
}

fn row_key(keyspace: &Keyspace) -> String {
    format!("size:{keyspace}")
}

/// The error of every operation on an unknown keyspace.
pub(crate) fn missing(keyspace: &Keyspace) -> StorageError {
    StorageError::new(ErrorKind::NotFound, "there is no such keyspace").in_keyspace(keyspace)
}

/// The size of a keyspace, as of the snapshot that the options name, or now.
pub(crate) fn size(
    engine: &Engine,
    keyspace: &Keyspace,
    options: &ReadOptions,
) -> StorageResult<Size> {
    let row = engine.database().get_pinned_opt(row_key(keyspace), options);
    let row = row.map_err(|error| storage_error("catalogue", error).in_keyspace(keyspace))?;
    row.map_or(Ok(Size::default()), |row| Size::decode(&row))
}

/// Adds a row to a batch.
pub(crate) fn put(batch: &mut WriteBatch, keyspace: &Keyspace, size: Size) {
    batch.put(row_key(keyspace), size.encode());
}

/// Adds the removal of a row to a batch.
pub(crate) fn remove(batch: &mut WriteBatch, keyspace: &Keyspace) {
    batch.delete(row_key(keyspace));
}
