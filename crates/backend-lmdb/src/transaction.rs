//! The write transaction: LMDB's own, with the catalogue rows of the keyspaces it touches kept aside until commit.

use crate::catalogue::{self, Row};
use crate::engine::{RawDatabase, WriteTransaction};
use crate::error::storage_error;
use crate::key::{original, stored};
use crate::snapshot::{KEY_BYTES_MAX, lookup, seek_bound};
use quadrille_backend::{
    Entry, Keyspace, OperationCounters, StorageError, StorageResult, Transaction, WriterPermit,
};
use std::cell::RefCell;
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

/// The write transaction of an [`LmdbBackend`](crate::LmdbBackend).
pub struct LmdbTransaction<'a> {
    transaction: WriteTransaction,
    /// Keyspaces looked up so far; few, so that a search through them is quick.
    known: RefCell<Vec<Known>>,
    writes: u64,
    deletes: u64,
    counters: &'a OperationCounters,
    // Dropped last: the next writer may come when LMDB's own lock is free.
    _permit: WriterPermit<'a>,
}

struct Known {
    keyspace: Keyspace,
    database: RawDatabase,
    row: Row,
    changed: bool,
}

impl fmt::Debug for LmdbTransaction<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LmdbTransaction")
            .field("writes", &self.writes)
            .field("deletes", &self.deletes)
            .finish_non_exhaustive()
    }
}

/// Refuses a key that is too long.
pub(crate) fn check_key(keyspace: &Keyspace, key: &[u8]) -> StorageResult<()> {
    if key.len() > KEY_BYTES_MAX {
        let message = format!(
            "a key of {} bytes; at most {KEY_BYTES_MAX} are legal",
            key.len()
        );
        return Err(StorageError::misuse(message)
            .in_keyspace(keyspace)
            .at_key(key));
    }
    Ok(())
}

impl<'a> LmdbTransaction<'a> {
    pub(crate) fn new(
        transaction: WriteTransaction,
        counters: &'a OperationCounters,
        permit: WriterPermit<'a>,
    ) -> Self {
        Self {
            transaction,
            known: RefCell::default(),
            writes: 0,
            deletes: 0,
            counters,
            _permit: permit,
        }
    }

    fn database(&self, keyspace: &Keyspace) -> StorageResult<RawDatabase> {
        let mut known = self.known.borrow_mut();
        if let Some(found) = known.iter().find(|known| known.keyspace == *keyspace) {
            return Ok(found.database);
        }
        let engine = self.transaction.engine();
        let (row, database) = catalogue::resolve(engine, &self.transaction, keyspace)?;
        known.push(Known {
            keyspace: keyspace.clone(),
            database,
            row,
            changed: false,
        });
        Ok(database)
    }

    /// Notes that the bytes of a keyspace, already looked up, changed.
    fn resize(&mut self, keyspace: &Keyspace, removed: usize, added: usize) {
        let known = self.known.get_mut();
        if let Some(found) = known.iter_mut().find(|known| known.keyspace == *keyspace) {
            found.row.bytes = found
                .row
                .bytes
                .saturating_add(added as u64)
                .saturating_sub(removed as u64);
            found.changed = true;
        }
    }
}

impl Transaction for LmdbTransaction<'_> {
    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        self.counters.add_reads(1);
        let database = self.database(keyspace)?;
        let value = lookup(database, &self.transaction, keyspace, key)?;
        Ok(value.map(<[u8]>::to_vec))
    }

    fn contains(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<bool> {
        self.counters.add_reads(1);
        let database = self.database(keyspace)?;
        Ok(lookup(database, &self.transaction, keyspace, key)?.is_some())
    }

    fn seek(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Entry>> {
        let failed = |error| storage_error("seek", error).in_keyspace(keyspace);
        let database = self.database(keyspace)?;
        let (bound, after) = seek_bound(key);
        let found = if after {
            let range = (Bound::Excluded(bound.as_ref()), Bound::Unbounded);
            let mut range = database.range(&self.transaction, &range).map_err(failed)?;
            range.next().transpose()
        } else {
            database.get_greater_than_or_equal_to(&self.transaction, &bound)
        };
        let entry = found.map_err(failed)?;
        self.counters.add_reads(u64::from(entry.is_some()));
        Ok(entry.map(|(key, value)| (original(key).to_vec(), value.to_vec())))
    }

    fn put(&mut self, keyspace: &Keyspace, key: &[u8], value: &[u8]) -> StorageResult<()> {
        check_key(keyspace, key)?;
        let database = self.database(keyspace)?;
        let old = lookup(database, &self.transaction, keyspace, key)?;
        let removed = old.map_or(0, |old| key.len() + old.len());
        let engine = Arc::clone(self.transaction.engine());
        database
            .put(&mut self.transaction, &stored(key), value)
            .map_err(|error| engine.write_failed("put", error).in_keyspace(keyspace))?;
        self.resize(keyspace, removed, key.len() + value.len());
        self.writes += 1;
        Ok(())
    }

    fn delete(&mut self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<()> {
        let database = self.database(keyspace)?;
        self.deletes += 1;
        let Some(old) = lookup(database, &self.transaction, keyspace, key)?.map(<[u8]>::len) else {
            return Ok(());
        };
        let engine = Arc::clone(self.transaction.engine());
        database
            .delete(&mut self.transaction, &stored(key))
            .map_err(|error| engine.write_failed("delete", error).in_keyspace(keyspace))?;
        self.resize(keyspace, key.len() + old, 0);
        Ok(())
    }

    fn commit(self) -> StorageResult<()> {
        let mut transaction = self.transaction;
        let engine = Arc::clone(transaction.engine());
        for known in self.known.into_inner().iter().filter(|known| known.changed) {
            catalogue::write(&engine, &mut transaction, &known.keyspace, known.row)?;
        }
        transaction.commit()?;
        self.counters.add_writes(self.writes);
        self.counters.add_deletes(self.deletes);
        Ok(())
    }
}
