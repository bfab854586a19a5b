//! Snapshots and cursors: LMDB read transactions that many threads share.
//!
//! An LMDB read transaction may move between threads but not be used by two at once. So a snapshot keeps its one
//! transaction behind a mutex, taken for each descent and for each handful of entries that a scan fetches ahead. What
//! a cursor lends points into the memory map and needs no lock: the pages of a commit do not change while a read
//! transaction of that commit is open.

use crate::catalogue;
use crate::engine::{Engine, RawDatabase, ReadTransaction};
use crate::error::storage_error;
use crate::key::{original, stored};
use heed::types::Bytes;
use heed::{RoRange, RoTxn};
use quadrille_backend::{
    Keyspace, OpenSnapshot, OperationCounters, StorageCursor, StorageError, StorageResult,
    StorageSnapshot,
};
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most entries that a scan fetches under one lock.
const AHEAD_MAX: usize = 32;

/// A view of one commit of an [`LmdbBackend`](crate::LmdbBackend). Each holds one of LMDB's reader slots.
#[derive(Clone)]
pub struct LmdbSnapshot {
    view: Arc<View>,
}

/// A read transaction and what it needs. `Sync` because the transaction is reached through the mutex alone.
struct View {
    // Dropped first: ending the transaction needs the environment, of which it owns a share as well.
    transaction: Mutex<ReadTransaction>,
    engine: Arc<Engine>,
    counters: Arc<OperationCounters>,
    _open: OpenSnapshot,
}

impl View {
    /// LMDB leaves a read transaction usable whatever happened in another thread that held the lock.
    fn lock(&self) -> MutexGuard<'_, ReadTransaction> {
        self.transaction
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LmdbSnapshot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.view.lock().id();
        formatter.debug_tuple("LmdbSnapshot").field(&id).finish()
    }
}

impl LmdbSnapshot {
    pub(crate) fn new(
        engine: Arc<Engine>,
        counters: Arc<OperationCounters>,
    ) -> StorageResult<Self> {
        let view = View {
            transaction: Mutex::new(engine.begin_read()?),
            engine,
            _open: counters.snapshot_taken(),
            counters,
        };
        Ok(Self {
            view: Arc::new(view),
        })
    }

    /// The keyspaces of this commit with their entries and bytes.
    pub(crate) fn sizes(&self) -> StorageResult<Vec<(Keyspace, u64, u64)>> {
        let transaction = self.view.lock();
        let rows = catalogue::all(&self.view.engine, &transaction)?;
        let size = |(keyspace, row): (Keyspace, catalogue::Row)| {
            let database = self.view.engine.slot(row.slot as usize)?;
            let count = database
                .len(&transaction)
                .map_err(|error| storage_error("stats", error))?;
            Ok((keyspace, count, row.bytes))
        };
        rows.into_iter().map(size).collect()
    }

    /// The keyspaces of this commit, sorted by name.
    pub(crate) fn keyspaces(&self) -> StorageResult<Vec<Keyspace>> {
        let rows = catalogue::all(&self.view.engine, &self.view.lock())?;
        Ok(rows.into_iter().map(|(keyspace, _)| keyspace).collect())
    }
}

impl StorageSnapshot for LmdbSnapshot {
    type Cursor = LmdbCursor;

    fn cursor(&self, keyspace: &Keyspace) -> StorageResult<LmdbCursor> {
        let (_, database) = catalogue::resolve(&self.view.engine, &self.view.lock(), keyspace)?;
        Ok(LmdbCursor {
            range: None,
            ahead: Vec::with_capacity(AHEAD_MAX),
            index: 0,
            failed: None,
            reads: 0,
            database,
            view: Arc::clone(&self.view),
        })
    }

    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        self.view.counters.add_reads(1);
        let transaction = self.view.lock();
        let (_, database) = catalogue::resolve(&self.view.engine, &transaction, keyspace)?;
        Ok(lookup(database, &transaction, keyspace, key)?.map(<[u8]>::to_vec))
    }

    fn contains(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<bool> {
        self.view.counters.add_reads(1);
        let transaction = self.view.lock();
        let (_, database) = catalogue::resolve(&self.view.engine, &transaction, keyspace)?;
        Ok(lookup(database, &transaction, keyspace, key)?.is_some())
    }
}

/// The value of a key; `None` also for a key too long for LMDB to hold.
pub(crate) fn lookup<'t>(
    database: RawDatabase,
    transaction: &'t RoTxn<'_>,
    keyspace: &Keyspace,
    key: &[u8],
) -> StorageResult<Option<&'t [u8]>> {
    if key.len() > KEY_BYTES_MAX {
        return Ok(None);
    }
    let value = database.get(transaction, &stored(key));
    value.map_err(|error| storage_error("get", error).in_keyspace(keyspace))
}

/// LMDB takes keys of 511 bytes; one is kept for the stored form of all-zero keys.
pub(crate) const KEY_BYTES_MAX: usize = 510;

/// The stored form of the first key that can be at or above `key`.
///
/// LMDB refuses to look for a key longer than it can hold. Such a key lies between two that it can: above its own
/// prefix, so the search starts just after that one.
pub(crate) fn seek_bound(key: &[u8]) -> (std::borrow::Cow<'_, [u8]>, bool) {
    match key.get(..KEY_BYTES_MAX) {
        Some(prefix) if key.len() > KEY_BYTES_MAX => (stored(prefix), true),
        _ => (stored(key), false),
    }
}

type Range = RoRange<'static, Bytes, Bytes>;

/// An LMDB cursor that outlives the borrow it was made from.
struct OpenRange(Range);

#[expect(unsafe_code, reason = "heed leaves its cursors without the marker")]
// SAFETY: LMDB allows a cursor of a read transaction to be used by any thread, one at a time, when the environment was
// opened without thread-local storage, as ours always is. `LmdbCursor` uses it, and drops it, only while it holds the
// mutex of the transaction that the cursor belongs to.
unsafe impl Send for OpenRange {}

/// A position in one keyspace of an [`LmdbSnapshot`].
pub struct LmdbCursor {
    range: Option<OpenRange>,
    /// Entries fetched and not yet passed, the present one at `index`. They point into the memory map.
    ahead: Vec<(&'static [u8], &'static [u8])>,
    index: usize,
    /// What a fetch met behind entries that it found; told when the scan gets there.
    failed: Option<StorageError>,
    reads: u64,
    database: RawDatabase,
    // Dropped last: the fields above point into its transaction.
    view: Arc<View>,
}

impl fmt::Debug for LmdbCursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LmdbCursor")
            .field("entry", &self.entry())
            .finish_non_exhaustive()
    }
}

impl LmdbCursor {
    /// Opens a range at `key` and takes its first entry.
    fn open(&mut self, key: &[u8]) -> StorageResult<()> {
        let failed = |error| storage_error("seek", error);
        let (bound, after) = seek_bound(key);
        let start = match after {
            true => Bound::Excluded(bound.as_ref()),
            false => Bound::Included(bound.as_ref()),
        };
        let transaction = self.view.lock();
        self.range = None;
        let range = self
            .database
            .range(&transaction, &(start, Bound::Unbounded))
            .map_err(failed)?;
        #[expect(unsafe_code, reason = "a cursor and its transaction live in one value")]
        // SAFETY: the range borrows the read transaction inside `self.view`, and the entries it lends lie in the
        // memory map, whose pages of this commit stay as they are until that transaction ends. The transaction ends
        // with the last share of the view; this cursor keeps one, and drops it after the range and the entries.
        // `entry` lends them for no longer than a borrow of the cursor.
        let mut range = unsafe { std::mem::transmute::<RoRange<'_, Bytes, Bytes>, Range>(range) };
        let first = range.next().transpose();
        self.range = Some(OpenRange(range));
        drop(transaction);
        self.ahead.extend(first.map_err(failed)?);
        Ok(())
    }

    /// Fetches up to `count` entries from where the range stands.
    fn fetch(&mut self, count: usize) -> StorageResult<()> {
        self.ahead.clear();
        self.index = 0;
        if let Some(error) = self.failed.take() {
            self.range = None;
            return Err(error);
        }
        let Some(OpenRange(range)) = &mut self.range else {
            return Ok(());
        };
        let _transaction = self.view.lock();
        for _ in 0..count {
            match range.next() {
                Some(Ok(entry)) => self.ahead.push(entry),
                Some(Err(error)) => {
                    self.failed = Some(storage_error("scan", error));
                    break;
                }
                None => break,
            }
        }
        match self.failed.take_if(|_| self.ahead.is_empty()) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

impl StorageCursor for LmdbCursor {
    fn seek(&mut self, key: &[u8]) -> StorageResult<bool> {
        self.ahead.clear();
        self.index = 0;
        self.failed = None;
        self.open(key)?;
        self.reads += self.ahead.len() as u64;
        Ok(!self.ahead.is_empty())
    }

    fn next(&mut self) -> StorageResult<bool> {
        if self.ahead.is_empty() {
            return Ok(false);
        }
        self.index += 1;
        if self.index == self.ahead.len() {
            // A scan that goes on fetches more and more at once; a seek never pays for entries nobody asks for.
            self.fetch((self.ahead.len() * 2).min(AHEAD_MAX))?;
        }
        let found = self.index < self.ahead.len();
        self.reads += u64::from(found);
        Ok(found)
    }

    fn entry(&self) -> Option<(&[u8], &[u8])> {
        let (key, value) = self.ahead.get(self.index)?;
        Some((original(key), value))
    }
}

impl Drop for LmdbCursor {
    fn drop(&mut self) {
        self.view.counters.add_reads(self.reads);
        self.ahead.clear();
        let _transaction = self.view.lock();
        self.range = None;
    }
}
