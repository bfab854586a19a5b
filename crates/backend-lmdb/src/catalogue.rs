//! The catalogue: which keyspace lives in which slot, and how many bytes of keys and values it holds.
//!
//! Its rows lie in LMDB's unnamed database, beside the records of the slots themselves: a commit rewrites that page
//! anyway. What always holds: rows change in the same transaction as the entries they speak of, so they are exact.

use crate::engine::{Engine, RawDatabase};
use crate::error::storage_error;
use heed::{RoTxn, RwTxn};
use quadrille_backend::{ErrorKind, Keyspace, StorageError, StorageResult};

const PREFIX: &str = "keyspace:";

/// What the catalogue says of a keyspace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    /// Index of the slot.
    pub(crate) slot: u32,
    /// Bytes of all its keys and values, as the caller sees them.
    pub(crate) bytes: u64,
}

impl Row {
    fn encode(self) -> [u8; 12] {
        let mut encoded = [0; 12];
        encoded[..4].copy_from_slice(&self.slot.to_le_bytes());
        encoded[4..].copy_from_slice(&self.bytes.to_le_bytes());
        encoded
    }

    fn decode(encoded: &[u8]) -> StorageResult<Self> {
        let parts = encoded.split_first_chunk::<4>();
        let row = parts.and_then(|(slot, bytes)| {
            Some(Self {
                slot: u32::from_le_bytes(*slot),
                bytes: u64::from_le_bytes(bytes.try_into().ok()?),
            })
        });
        row.ok_or_else(|| StorageError::corrupted("a row of the catalogue has another length"))
    }
}

fn row_key(keyspace: &Keyspace) -> Vec<u8> {
    [PREFIX.as_bytes(), keyspace.as_str().as_bytes()].concat()
}

/// The error of every operation on an unknown keyspace.
pub(crate) fn missing(keyspace: &Keyspace) -> StorageError {
    StorageError::new(ErrorKind::NotFound, "there is no such keyspace").in_keyspace(keyspace)
}

/// The row of a keyspace.
pub(crate) fn find(
    engine: &Engine,
    transaction: &RoTxn<'_>,
    keyspace: &Keyspace,
) -> StorageResult<Option<Row>> {
    let row = engine.main().get(transaction, &row_key(keyspace));
    let row = row.map_err(|error| storage_error("catalogue", error).in_keyspace(keyspace))?;
    row.map(Row::decode).transpose()
}

/// The row of a keyspace and the database it lives in, or `NotFound`.
pub(crate) fn resolve(
    engine: &Engine,
    transaction: &RoTxn<'_>,
    keyspace: &Keyspace,
) -> StorageResult<(Row, RawDatabase)> {
    let row = find(engine, transaction, keyspace)?.ok_or_else(|| missing(keyspace))?;
    Ok((row, engine.slot(row.slot as usize)?))
}

/// All rows, sorted by name.
pub(crate) fn all(engine: &Engine, transaction: &RoTxn<'_>) -> StorageResult<Vec<(Keyspace, Row)>> {
    let failed = |error| storage_error("catalogue", error);
    let rows = engine.main().prefix_iter(transaction, PREFIX.as_bytes());
    let mut all = Vec::new();
    for item in rows.map_err(failed)? {
        let (key, row) = item.map_err(failed)?;
        let name = key.get(PREFIX.len()..).unwrap_or_default();
        let name = std::str::from_utf8(name)
            .map_err(|_| StorageError::corrupted("a name in the catalogue is not text"))?;
        let keyspace = Keyspace::new(name)
            .map_err(|_| StorageError::corrupted("a name in the catalogue is not legal"))?;
        all.push((keyspace, Row::decode(row)?));
    }
    Ok(all)
}

/// Writes the row of a keyspace.
pub(crate) fn write(
    engine: &Engine,
    transaction: &mut RwTxn<'_>,
    keyspace: &Keyspace,
    row: Row,
) -> StorageResult<()> {
    let written = engine
        .main()
        .put(transaction, &row_key(keyspace), &row.encode());
    written.map_err(|error| {
        engine
            .write_failed("catalogue", error)
            .in_keyspace(keyspace)
    })
}

/// Removes the row of a keyspace.
pub(crate) fn remove(
    engine: &Engine,
    transaction: &mut RwTxn<'_>,
    keyspace: &Keyspace,
) -> StorageResult<()> {
    let removed = engine.main().delete(transaction, &row_key(keyspace));
    removed.map(drop).map_err(|error| {
        engine
            .write_failed("catalogue", error)
            .in_keyspace(keyspace)
    })
}
