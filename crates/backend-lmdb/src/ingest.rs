//! The bulk path: entries appended in ascending order, in commits of bounded size.
//!
//! Appending fills every page and splits none, so a keyspace that was ingested takes the least space LMDB can give.

use crate::catalogue;
use crate::engine::{Engine, WriteTransaction};
use crate::error::storage_error;
use crate::key::stored;
use crate::transaction::check_key;
use heed::PutFlags;
use quadrille_backend::{EntrySource, Keyspace, StorageError, StorageResult, Wait};
use std::sync::Arc;

/// Appends all entries to an empty keyspace; the caller holds the permit to write.
pub(crate) fn ingest(
    engine: &Arc<Engine>,
    keyspace: &Keyspace,
    entries: &mut dyn EntrySource,
    commit_bytes: usize,
) -> StorageResult<u64> {
    let mut transaction = engine.begin_write(Wait::Forever)?;
    let (mut row, database) = catalogue::resolve(engine, &transaction, keyspace)?;
    let empty = database.is_empty(&transaction);
    if !empty.map_err(|error| storage_error("ingest", error))? {
        let message = "only an empty keyspace can be ingested into";
        return Err(StorageError::misuse(message).in_keyspace(keyspace));
    }
    let mut count = 0;
    let mut committed = 0;
    let mut last = Vec::new();
    while let Some((key, value)) = entries.next_entry()? {
        check_key(keyspace, key)?;
        if count > 0 && key <= last.as_slice() {
            let error = StorageError::misuse("ingested keys must ascend strictly");
            return Err(error.in_keyspace(keyspace).at_key(key));
        }
        last.clear();
        last.extend_from_slice(key);
        database
            .put_with_flags(&mut transaction, PutFlags::APPEND, &stored(key), value)
            .map_err(|error| engine.write_failed("ingest", error).in_keyspace(keyspace))?;
        count += 1;
        row.bytes = row.bytes.saturating_add((key.len() + value.len()) as u64);
        if row.bytes - committed >= commit_bytes as u64 {
            committed = row.bytes;
            commit(engine, transaction, keyspace, row)?;
            transaction = engine.begin_write(Wait::Forever)?;
        }
    }
    commit(engine, transaction, keyspace, row)?;
    Ok(count)
}

fn commit(
    engine: &Engine,
    mut transaction: WriteTransaction,
    keyspace: &Keyspace,
    row: catalogue::Row,
) -> StorageResult<()> {
    catalogue::write(engine, &mut transaction, keyspace, row)?;
    transaction.commit()
}
