//! The write transaction: changes in sorted maps above the last commit, written as one batch.
//!
//! What always holds: while the transaction is open nobody else writes, so the last commit below it does not change.

use crate::catalogue::{self, Size, missing};
use crate::engine::{Column, Columns, Database, Engine};
use crate::error::storage_error;
use quadrille_backend::{
    Entry, Keyspace, OperationCounters, StorageError, StorageResult, Transaction, WriterPermit,
};
use rocksdb::{DBRawIteratorWithThreadMode, ReadOptions, WriteBatch};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

/// RocksDB keeps lengths of keys in 32 bits; this is what the backend in memory takes.
pub(crate) const KEY_BYTES_MAX: usize = 65_535;
/// RocksDB keeps lengths of values in 32 bits as well; half of that leaves its batches room.
pub(crate) const VALUE_BYTES_MAX: usize = 2 << 30;

/// Changes of one keyspace: a value, or `None` for a deletion.
type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;
type Iterators = BTreeMap<Keyspace, DBRawIteratorWithThreadMode<'static, Database>>;

/// The write transaction of a [`RocksDbBackend`](crate::RocksDbBackend). Its changes are in memory until it commits.
pub struct RocksDbTransaction<'a> {
    // The order of the fields matters: iterators, then what they read from.
    iterators: RefCell<Iterators>,
    changes: BTreeMap<Keyspace, Changes>,
    columns: Arc<Columns>,
    engine: Arc<Engine>,
    writes: u64,
    deletes: u64,
    counters: &'a OperationCounters,
    _permit: WriterPermit<'a>,
}

impl fmt::Debug for RocksDbTransaction<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RocksDbTransaction")
            .field("writes", &self.writes)
            .field("deletes", &self.deletes)
            .finish_non_exhaustive()
    }
}

/// Refuses a key or a value that is too long.
pub(crate) fn check_entry(keyspace: &Keyspace, key: &[u8], value: &[u8]) -> StorageResult<()> {
    let message = if key.len() > KEY_BYTES_MAX {
        let length = key.len();
        format!("a key of {length} bytes; at most {KEY_BYTES_MAX} are legal")
    } else if value.len() > VALUE_BYTES_MAX {
        let length = value.len();
        format!("a value of {length} bytes; at most {VALUE_BYTES_MAX} are legal")
    } else {
        return Ok(());
    };
    let error = StorageError::misuse(message);
    Err(error.in_keyspace(keyspace).at_key(key))
}

impl<'a> RocksDbTransaction<'a> {
    pub(crate) fn new(
        engine: Arc<Engine>,
        counters: &'a OperationCounters,
        permit: WriterPermit<'a>,
    ) -> Self {
        Self {
            iterators: RefCell::default(),
            changes: BTreeMap::new(),
            columns: engine.columns(),
            engine,
            writes: 0,
            deletes: 0,
            counters,
            _permit: permit,
        }
    }

    fn column(&self, keyspace: &Keyspace) -> StorageResult<&Column> {
        let column = self.columns.get(keyspace);
        column.ok_or_else(|| missing(keyspace))
    }

    /// What `found` makes of a key's value, own writes included.
    fn lookup<T>(
        &self,
        keyspace: &Keyspace,
        key: &[u8],
        found: impl FnOnce(&[u8]) -> T,
    ) -> StorageResult<Option<T>> {
        self.counters.add_reads(1);
        let column = self.column(keyspace)?;
        let changes = self.changes.get(keyspace);
        if let Some(changed) = changes.and_then(|changes| changes.get(key)) {
            return Ok(changed.as_deref().map(found));
        }
        self.engine.committed(column, keyspace, key, found)
    }

    /// The first committed entry at or above `key` that this transaction neither replaces nor deletes.
    fn seek_committed(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Entry>> {
        let column = self.column(keyspace)?;
        let changes = self.changes.get(keyspace);
        let mut iterators = self.iterators.borrow_mut();
        if !iterators.contains_key(keyspace) {
            iterators.insert(keyspace.clone(), self.iterator(column));
        }
        let Some(iterator) = iterators.get_mut(keyspace) else {
            return Ok(None);
        };
        iterator.seek(key);
        while let Some((key, value)) = iterator.item() {
            if !changes.is_some_and(|changes| changes.contains_key(key)) {
                return Ok(Some((key.to_vec(), value.to_vec())));
            }
            iterator.next();
        }
        let status = iterator.status();
        status.map_err(|error| storage_error("seek", error).in_keyspace(keyspace))?;
        Ok(None)
    }

    fn iterator(&self, column: &Column) -> DBRawIteratorWithThreadMode<'static, Database> {
        let database = self.engine.database();
        let iterator = database.raw_iterator_cf_opt(column, ReadOptions::default());
        #[expect(unsafe_code, reason = "rocksdb's iterators cannot own their database")]
        // SAFETY: the iterator borrows the database, which lies in the allocation of `self.engine` and so does not
        // move, and reads a column family whose handle `self.columns` keeps. Both are fields of this transaction that
        // are dropped after `iterators`.
        let iterator = unsafe {
            std::mem::transmute::<
                DBRawIteratorWithThreadMode<'_, Database>,
                DBRawIteratorWithThreadMode<'static, Database>,
            >(iterator)
        };
        iterator
    }

    /// Adds the changes of one keyspace to the batch, and its new size; gives the size before and after.
    fn add_changes(
        &self,
        batch: &mut WriteBatch,
        keyspace: &Keyspace,
        changes: &Changes,
    ) -> StorageResult<(Size, Size)> {
        let column = self.column(keyspace)?;
        let before = catalogue::size(&self.engine, (keyspace, column), ReadOptions::default())?;
        // Nothing to look up in a keyspace without entries.
        let filled = before.count > 0;
        let mut size = before;
        for (key, value) in changes {
            let old = match filled {
                true => self.engine.committed(column, keyspace, key, <[u8]>::len)?,
                false => None,
            };
            let value = value.as_ref();
            size = resized(size, key.len(), old, value.map(Vec::len));
            match value {
                Some(value) => batch.put_cf(column, key, value),
                None if old.is_some() => batch.delete_cf(column, key),
                None => {}
            }
        }
        catalogue::put(batch, keyspace, size);
        Ok((before, size))
    }
}

/// The size of a keyspace after the value of a key changed, given the lengths of both values.
fn resized(mut size: Size, key: usize, old: Option<usize>, new: Option<usize>) -> Size {
    if let Some(old) = old {
        size.count = size.count.saturating_sub(1);
        size.bytes = size.bytes.saturating_sub((key + old) as u64);
    }
    match new {
        Some(new) => size.plus_entry(key + new),
        None => size,
    }
}

impl Transaction for RocksDbTransaction<'_> {
    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        self.lookup(keyspace, key, <[u8]>::to_vec)
    }

    fn contains(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<bool> {
        Ok(self.lookup(keyspace, key, |_| ())?.is_some())
    }

    fn seek(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Entry>> {
        let committed = self.seek_committed(keyspace, key)?;
        let bounds = (Bound::Included(key), Bound::Unbounded);
        let own = self.changes.get(keyspace).and_then(|changes| {
            let mut puts = changes.range::<[u8], _>(bounds);
            puts.find_map(|(key, value)| Some((key, value.as_ref()?)))
        });
        let entry = match (own, committed) {
            (Some((key, value)), Some(below)) if *key < below.0 => {
                Some((key.clone(), value.clone()))
            }
            (Some((key, value)), None) => Some((key.clone(), value.clone())),
            (_, committed) => committed,
        };
        self.counters.add_reads(u64::from(entry.is_some()));
        Ok(entry)
    }

    fn put(&mut self, keyspace: &Keyspace, key: &[u8], value: &[u8]) -> StorageResult<()> {
        check_entry(keyspace, key, value)?;
        self.column(keyspace)?;
        let changes = self.changes.entry(keyspace.clone()).or_default();
        changes.insert(key.to_vec(), Some(value.to_vec()));
        self.writes += 1;
        Ok(())
    }

    fn delete(&mut self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<()> {
        self.column(keyspace)?;
        let changes = self.changes.entry(keyspace.clone()).or_default();
        changes.insert(key.to_vec(), None);
        self.deletes += 1;
        Ok(())
    }

    fn commit(self) -> StorageResult<()> {
        let mut batch = WriteBatch::default();
        let (mut all_before, mut all_after) = (Size::default(), Size::default());
        for (keyspace, changes) in &self.changes {
            let (before, after) = self.add_changes(&mut batch, keyspace, changes)?;
            (all_before, all_after) = (all_before.plus(before), all_after.plus(after));
        }
        if all_after.bytes > all_before.bytes {
            let room = catalogue::room(&self.engine)?;
            catalogue::check_room(room, all_after.bytes - all_before.bytes)?;
        }
        if !batch.is_empty() {
            self.engine.write(batch)?;
        }
        self.counters.add_writes(self.writes);
        self.counters.add_deletes(self.deletes);
        Ok(())
    }
}
