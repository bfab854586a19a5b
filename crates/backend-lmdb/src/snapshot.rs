//! Snapshots and cursors: LMDB read transactions that many threads share.
//!
//! An LMDB read transaction may move between threads but not be used by two at once. So a snapshot keeps its one
//! transaction behind a mutex, taken for each descent and for each handful of entries that a scan fetches ahead. What
//! a cursor lends points into the memory map and needs no lock: the pages of a commit do not change while a read
//! transaction of that commit is open.

use crate::catalogue;
use crate::engine::{Engine, RawDatabase};
use crate::error::storage_error;
use crate::key::{original, stored};
use crate::read::Commit;
use heed::types::Bytes;
use heed::{RoRange, RoTxn};
use quadrille_backend::{
    Keyspace, OpenSnapshot, OperationCounters, StorageCursor, StorageError, StorageResult,
    StorageSnapshot,
};
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

/// The most entries that a scan fetches under one lock.
const AHEAD_MAX: usize = 32;

/// A view of one commit of an [`LmdbBackend`](crate::LmdbBackend). Each holds one of LMDB's reader slots.
#[derive(Clone)]
pub struct LmdbSnapshot {
    view: Arc<View>,
}

/// A commit and what reading it needs.
struct View {
    // Dropped first: ending the transaction needs the environment, of which it owns a share as well.
    commit: Arc<Commit>,
    engine: Arc<Engine>,
    counters: Arc<OperationCounters>,
    _open: OpenSnapshot,
}

impl fmt::Debug for LmdbSnapshot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.view.commit.id();
        formatter.debug_tuple("LmdbSnapshot").field(&id).finish()
    }
}

impl LmdbSnapshot {
    pub(crate) fn new(
        engine: Arc<Engine>,
        counters: Arc<OperationCounters>,
    ) -> StorageResult<Self> {
        let view = View {
            commit: engine.last_commit()?,
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
        let transaction = self.view.commit.lock();
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
        let rows = catalogue::all(&self.view.engine, &self.view.commit.lock())?;
        Ok(rows.into_iter().map(|(keyspace, _)| keyspace).collect())
    }
}

impl StorageSnapshot for LmdbSnapshot {
    type Cursor = LmdbCursor;

    fn cursor(&self, keyspace: &Keyspace) -> StorageResult<LmdbCursor> {
        let view = &self.view;
        Ok(LmdbCursor {
            range: None,
            current: None,
            ahead: Vec::new(),
            index: 0,
            failed: None,
            reads: 0,
            database: view.commit.database(&view.engine, keyspace)?,
            view: Arc::clone(view),
        })
    }

    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        let view = &self.view;
        view.counters.add_reads(1);
        view.commit.get(&view.engine, keyspace, key, <[u8]>::to_vec)
    }

    fn contains(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<bool> {
        let view = &self.view;
        view.counters.add_reads(1);
        let found = view.commit.get(&view.engine, keyspace, key, |_| ())?;
        Ok(found.is_some())
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

/// A key, as stored, and its value.
type Lent = (&'static [u8], &'static [u8]);

/// A position in one keyspace of an [`LmdbSnapshot`].
pub struct LmdbCursor {
    range: Option<OpenRange>,
    /// The entry it is at. It points into the memory map, as those of `ahead`.
    current: Option<Lent>,
    /// Entries fetched; those from `index` on are to come.
    ahead: Vec<Lent>,
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
        let transaction = self.view.commit.lock();
        self.range = None;
        let range = self
            .database
            .range(&transaction, &(start, Bound::Unbounded))
            .map_err(failed)?;
        #[expect(unsafe_code, reason = "a cursor and its transaction live in one value")]
        // SAFETY: the range borrows the read transaction of `self.view.commit`, and the entries it lends lie in the
        // memory map, whose pages of this commit stay as they are until that transaction ends. The transaction ends
        // with the last share of the commit; the view that this cursor keeps a share of has one, and is dropped after
        // the range and the entries. `entry` lends them for no longer than a borrow of the cursor.
        let mut range = unsafe { std::mem::transmute::<RoRange<'_, Bytes, Bytes>, Range>(range) };
        let first = range.next().transpose();
        self.range = Some(OpenRange(range));
        drop(transaction);
        self.current = first.map_err(failed)?;
        Ok(())
    }

    /// Moves to the next entry when those fetched are passed.
    #[cold]
    fn next_fetched(&mut self) -> StorageResult<bool> {
        if self.current.take().is_none() {
            return Ok(false);
        }
        self.fetch()?;
        self.current = self.ahead.first().copied();
        self.index = self.ahead.len().min(1);
        Ok(self.current.is_some())
    }

    /// Forgets what was fetched, and counts what of it was read.
    fn clear_ahead(&mut self) {
        self.reads += self.index as u64;
        self.index = 0;
        self.ahead.clear();
    }

    /// Fetches more entries from where the range stands. A scan that goes on fetches more and more at once; a seek never
    /// pays for entries nobody asks for.
    fn fetch(&mut self) -> StorageResult<()> {
        let count = (self.ahead.len() * 2).clamp(2, AHEAD_MAX);
        self.clear_ahead();
        let _transaction = self.view.commit.lock();
        if let Some(error) = self.failed.take() {
            self.range = None;
            return Err(error);
        }
        let Some(OpenRange(range)) = &mut self.range else {
            return Ok(());
        };
        self.ahead.reserve(AHEAD_MAX);
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
        self.current = None;
        self.failed = None;
        self.clear_ahead();
        self.open(key)?;
        self.reads += u64::from(self.current.is_some());
        Ok(self.current.is_some())
    }

    #[inline]
    fn next(&mut self) -> StorageResult<bool> {
        let Some(entry) = self.ahead.get(self.index) else {
            return self.next_fetched();
        };
        self.current = Some(*entry);
        self.index += 1;
        Ok(true)
    }

    #[inline]
    fn entry(&self) -> Option<(&[u8], &[u8])> {
        let (key, value) = self.current?;
        Some((original(key), value))
    }
}

impl Drop for LmdbCursor {
    fn drop(&mut self) {
        self.clear_ahead();
        self.view.counters.add_reads(self.reads);
        if self.range.is_some() {
            let _transaction = self.view.commit.lock();
            self.range = None;
        }
    }
}
