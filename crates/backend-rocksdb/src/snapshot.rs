//! Snapshots and cursors, each owning what it reads: RocksDB's own borrow the database.

use crate::catalogue::{self, Size, missing};
use crate::engine::{Column, Columns, Database, Engine};
use crate::error::storage_error;
use quadrille_backend::{
    Keyspace, OpenSnapshot, OperationCounters, StorageCursor, StorageResult, StorageSnapshot,
};
use rocksdb::{DBRawIteratorWithThreadMode, ReadOptions, SnapshotWithThreadMode};
use std::fmt;
use std::sync::Arc;

/// A view of one commit of a [`RocksDbBackend`](crate::RocksDbBackend).
#[derive(Clone)]
pub struct RocksDbSnapshot {
    view: Arc<View>,
}

/// A snapshot of RocksDB's and all it needs, in the order in which it is to be dropped.
struct View {
    /// Options that read as of the snapshot, for look-ups; making them costs an allocation.
    options: ReadOptions,
    snapshot: SnapshotWithThreadMode<'static, Database>,
    columns: Arc<Columns>,
    engine: Arc<Engine>,
    counters: Arc<OperationCounters>,
    _open: OpenSnapshot,
}

impl View {
    fn column(&self, keyspace: &Keyspace) -> StorageResult<&Column> {
        let column = self.columns.get(keyspace);
        column.ok_or_else(|| missing(keyspace))
    }
}

/// Options that read as of a snapshot, which must outlive their use.
fn as_of(snapshot: &SnapshotWithThreadMode<'_, Database>) -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_snapshot(snapshot);
    options
}

impl fmt::Debug for RocksDbSnapshot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.view.snapshot.sequence_number();
        formatter
            .debug_tuple("RocksDbSnapshot")
            .field(&number)
            .finish()
    }
}

impl RocksDbSnapshot {
    pub(crate) fn new(engine: Arc<Engine>, counters: Arc<OperationCounters>) -> Self {
        let (columns, snapshot) = loop {
            let columns = engine.columns();
            let snapshot = engine.database().snapshot();
            // A keyspace that came or went between the two could be missing from a commit that the snapshot shows.
            if Arc::ptr_eq(&columns, &engine.columns()) {
                break (columns, snapshot);
            }
        };
        #[expect(unsafe_code, reason = "rocksdb's snapshots cannot own their database")]
        // SAFETY: the snapshot borrows the database, which lies in the allocation of `engine` and so does not move.
        // `View` keeps a share of the engine and, by the order of its fields, drops the snapshot first.
        let snapshot = unsafe {
            std::mem::transmute::<
                SnapshotWithThreadMode<'_, Database>,
                SnapshotWithThreadMode<'static, Database>,
            >(snapshot)
        };
        let view = View {
            options: as_of(&snapshot),
            snapshot,
            columns,
            engine,
            _open: counters.snapshot_taken(),
            counters,
        };
        Self {
            view: Arc::new(view),
        }
    }

    /// The keyspaces of this commit, sorted by name.
    pub(crate) fn keyspaces(&self) -> Vec<Keyspace> {
        self.view.columns.keys().cloned().collect()
    }

    /// How much a keyspace holds at this commit.
    pub(crate) fn size(&self, keyspace: &Keyspace) -> StorageResult<Size> {
        let view = &*self.view;
        let column = view.column(keyspace)?;
        catalogue::size(&view.engine, (keyspace, column), as_of(&view.snapshot))
    }

    fn lookup<T>(
        &self,
        keyspace: &Keyspace,
        key: &[u8],
        found: impl FnOnce(&[u8]) -> T,
    ) -> StorageResult<Option<T>> {
        let view = &*self.view;
        view.counters.add_reads(1);
        let column = view.column(keyspace)?;
        let (engine, options) = (&view.engine, &view.options);
        engine.lookup(column, (keyspace, key), options, found)
    }
}

impl StorageSnapshot for RocksDbSnapshot {
    type Cursor = RocksDbCursor;

    fn cursor(&self, keyspace: &Keyspace) -> StorageResult<RocksDbCursor> {
        let view = Arc::clone(&self.view);
        let column = view.column(keyspace)?;
        let database = view.engine.database();
        let iterator = database.raw_iterator_cf_opt(column, as_of(&view.snapshot));
        #[expect(unsafe_code, reason = "rocksdb's iterators cannot own their database")]
        // SAFETY: the iterator borrows the database and reads through the snapshot and the column family. The cursor
        // keeps a share of the view, which holds all three, and, by the order of its fields, drops the iterator first.
        let iterator = unsafe {
            std::mem::transmute::<
                DBRawIteratorWithThreadMode<'_, Database>,
                DBRawIteratorWithThreadMode<'static, Database>,
            >(iterator)
        };
        Ok(RocksDbCursor {
            iterator,
            positioned: false,
            reads: 0,
            view,
        })
    }

    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        self.lookup(keyspace, key, <[u8]>::to_vec)
    }

    fn contains(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<bool> {
        Ok(self.lookup(keyspace, key, |_| ())?.is_some())
    }
}

/// A position in one keyspace of a [`RocksDbSnapshot`].
///
/// Making one costs some microseconds, a seek less: keep it where it is used again.
pub struct RocksDbCursor {
    // The order of the fields matters: see `RocksDbSnapshot::cursor`.
    iterator: DBRawIteratorWithThreadMode<'static, Database>,
    positioned: bool,
    reads: u64,
    view: Arc<View>,
}

impl fmt::Debug for RocksDbCursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RocksDbCursor")
            .field("entry", &self.entry())
            .finish_non_exhaustive()
    }
}

impl RocksDbCursor {
    /// Whether the iterator arrived somewhere; if not, whether that is the end or an error.
    fn arrived(&mut self, operation: &'static str) -> StorageResult<bool> {
        self.positioned = self.iterator.valid();
        self.reads += u64::from(self.positioned);
        if !self.positioned {
            let status = self.iterator.status();
            status.map_err(|error| storage_error(operation, error))?;
        }
        Ok(self.positioned)
    }
}

impl StorageCursor for RocksDbCursor {
    fn seek(&mut self, key: &[u8]) -> StorageResult<bool> {
        self.iterator.seek(key);
        self.arrived("seek")
    }

    fn next(&mut self) -> StorageResult<bool> {
        // RocksDB forbids stepping from nowhere.
        if !self.positioned {
            return Ok(false);
        }
        self.iterator.next();
        self.arrived("scan")
    }

    fn entry(&self) -> Option<(&[u8], &[u8])> {
        self.iterator.item().filter(|_| self.positioned)
    }
}

impl Drop for RocksDbCursor {
    fn drop(&mut self) {
        self.view.counters.add_reads(self.reads);
    }
}
