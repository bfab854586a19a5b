//! The bulk path: entries appended in ascending order, in commits of bounded size.
//!
//! Appending fills every page and splits none, so a keyspace that was ingested takes the least space LMDB can give. What
//! always holds: the permit to write is held while a piece is appended and committed, not while the source makes it, so
//! other transactions wait for a piece at most.

use crate::backend::LmdbBackend;
use crate::catalogue::{self, Row};
use crate::engine::{Engine, RawDatabase, WriteTransaction};
use crate::error::storage_error;
use crate::key::stored;
use crate::transaction::check_key;
use heed::PutFlags;
use quadrille_backend::{EntrySource, Keyspace, StorageError, StorageResult, Wait};

/// Consecutive entries, one after the other.
#[derive(Default)]
struct Piece {
    bytes: Vec<u8>,
    /// The lengths of each key and value.
    entries: Vec<(usize, usize)>,
}

impl Piece {
    /// Takes entries until they have `bytes_max` bytes, all above `last`, which then is the last of them; whether there
    /// may be more.
    fn fill(
        &mut self,
        keyspace: &Keyspace,
        source: &mut dyn EntrySource,
        bytes_max: usize,
        last: &mut Option<Vec<u8>>,
    ) -> StorageResult<bool> {
        self.bytes.clear();
        self.entries.clear();
        while self.bytes.len() < bytes_max {
            let Some((key, value)) = source.next_entry()? else {
                return Ok(false);
            };
            check_key(keyspace, key)?;
            if last.as_deref().is_some_and(|last| key <= last) {
                let error = StorageError::misuse("ingested keys must ascend strictly");
                return Err(error.in_keyspace(keyspace).at_key(key));
            }
            let last = last.get_or_insert_default();
            last.clear();
            last.extend_from_slice(key);
            self.bytes.extend_from_slice(key);
            self.bytes.extend_from_slice(value);
            self.entries.push((key.len(), value.len()));
        }
        Ok(true)
    }

    fn append(
        &self,
        engine: &Engine,
        transaction: &mut WriteTransaction,
        keyspace: &Keyspace,
        database: RawDatabase,
    ) -> StorageResult<()> {
        let mut rest = self.bytes.as_slice();
        for &(key, value) in &self.entries {
            let (entry, behind) = rest.split_at(key + value);
            let (key, value) = entry.split_at(key);
            rest = behind;
            database
                .put_with_flags(transaction, PutFlags::APPEND, &stored(key), value)
                .map_err(|error| engine.write_failed("ingest", error).in_keyspace(keyspace))?;
        }
        Ok(())
    }
}

/// Appends all entries to an empty keyspace, in commits of so many bytes.
pub(crate) fn ingest(
    backend: &LmdbBackend,
    keyspace: &Keyspace,
    source: &mut dyn EntrySource,
    commit_bytes: usize,
) -> StorageResult<u64> {
    refuse_filled(backend, keyspace)?;
    let mut piece = Piece::default();
    let mut last = None;
    let (mut count, mut bytes) = (0, 0);
    let mut goes_on = true;
    while goes_on {
        goes_on = piece.fill(keyspace, source, commit_bytes, &mut last)?;
        let (_permit, engine) = backend.writable(Wait::Forever)?;
        let mut transaction = engine.begin_write(Wait::Forever)?;
        let (row, database) = catalogue::resolve(&engine, &transaction, keyspace)?;
        if row.bytes != bytes {
            let message = "another one has written into the keyspace while it was ingested into";
            return Err(StorageError::misuse(message).in_keyspace(keyspace));
        }
        piece.append(&engine, &mut transaction, keyspace, database)?;
        bytes += piece.bytes.len() as u64;
        count += piece.entries.len() as u64;
        let row = Row { bytes, ..row };
        catalogue::write(&engine, &mut transaction, keyspace, row)?;
        transaction.commit()?;
    }
    Ok(count)
}

fn refuse_filled(backend: &LmdbBackend, keyspace: &Keyspace) -> StorageResult<()> {
    let (_permit, engine) = backend.writable(Wait::Forever)?;
    let transaction = engine.begin_write(Wait::Forever)?;
    let (_, database) = catalogue::resolve(&engine, &transaction, keyspace)?;
    let empty = database.is_empty(&transaction);
    if empty.map_err(|error| storage_error("ingest", error))? {
        return Ok(());
    }
    let message = "only an empty keyspace can be ingested into";
    Err(StorageError::misuse(message).in_keyspace(keyspace))
}
