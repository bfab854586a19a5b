//! Snapshots, cursors, transactions and sources of entries of a [`Faulty`](super::Faulty) backend.

use super::faults::{Faults, Operation};
use quadrille_backend::{
    Entry, EntrySource, Keyspace, StorageBackend, StorageCursor, StorageError, StorageResult,
    StorageSnapshot, Transaction,
};
use std::fmt;
use std::sync::Arc;

/// Counts one snapshot for as long as it, or a cursor of it, lives.
#[derive(Debug)]
struct Alive(Arc<Faults>);

impl Alive {
    fn new(faults: &Arc<Faults>) -> Arc<Self> {
        faults.snapshot_taken();
        Arc::new(Self(Arc::clone(faults)))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.snapshot_dropped();
    }
}

/// A snapshot of a [`Faulty`](super::Faulty) backend.
#[derive(Debug)]
pub struct FaultySnapshot<S> {
    // Before the count: when that falls, the snapshot is gone.
    inner: S,
    alive: Arc<Alive>,
}

impl<S: StorageSnapshot> FaultySnapshot<S> {
    pub(super) fn new(inner: S, faults: &Arc<Faults>) -> Self {
        Self {
            inner,
            alive: Alive::new(faults),
        }
    }

    fn faults(&self) -> &Faults {
        &self.alive.0
    }
}

impl<S: StorageSnapshot> StorageSnapshot for FaultySnapshot<S> {
    type Cursor = FaultyCursor<S::Cursor>;

    fn cursor(&self, keyspace: &Keyspace) -> StorageResult<Self::Cursor> {
        self.faults().during(Operation::Cursor, Some(keyspace), || {
            Ok(FaultyCursor {
                inner: self.inner.cursor(keyspace)?,
                keyspace: keyspace.clone(),
                alive: Arc::clone(&self.alive),
            })
        })
    }

    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        let get = || self.inner.get(keyspace, key);
        self.faults().during(Operation::Get, Some(keyspace), get)
    }

    fn contains(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<bool> {
        let contains = || self.inner.contains(keyspace, key);
        self.faults()
            .during(Operation::Get, Some(keyspace), contains)
    }
}

/// A cursor of a [`Faulty`](super::Faulty) backend.
#[derive(Debug)]
pub struct FaultyCursor<C> {
    inner: C,
    keyspace: Keyspace,
    alive: Arc<Alive>,
}

impl<C: StorageCursor> StorageCursor for FaultyCursor<C> {
    fn seek(&mut self, key: &[u8]) -> StorageResult<bool> {
        let seek = || self.inner.seek(key);
        self.alive
            .0
            .during(Operation::Seek, Some(&self.keyspace), seek)
    }

    fn next(&mut self) -> StorageResult<bool> {
        let next = || self.inner.next();
        self.alive
            .0
            .during(Operation::Next, Some(&self.keyspace), next)
    }

    fn entry(&self) -> Option<(&[u8], &[u8])> {
        self.inner.entry()
    }
}

/// The write transaction of a [`Faulty`](super::Faulty) backend.
pub struct FaultyTransaction<'a, B: StorageBackend> {
    inner: B::Transaction<'a>,
    faults: &'a Faults,
}

impl<'a, B: StorageBackend> FaultyTransaction<'a, B> {
    pub(super) fn new(inner: B::Transaction<'a>, faults: &'a Faults) -> Self {
        Self { inner, faults }
    }
}

impl<B: StorageBackend> fmt::Debug for FaultyTransaction<'_, B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FaultyTransaction")
            .field("faults", self.faults)
            .finish_non_exhaustive()
    }
}

impl<B: StorageBackend> Transaction for FaultyTransaction<'_, B> {
    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        let get = || self.inner.get(keyspace, key);
        self.faults.during(Operation::Get, Some(keyspace), get)
    }

    fn contains(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<bool> {
        let contains = || self.inner.contains(keyspace, key);
        self.faults.during(Operation::Get, Some(keyspace), contains)
    }

    fn seek(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Entry>> {
        let seek = || self.inner.seek(keyspace, key);
        self.faults.during(Operation::Seek, Some(keyspace), seek)
    }

    fn range_scan(
        &self,
        keyspace: &Keyspace,
        start: &[u8],
        end: Option<&[u8]>,
        limit: Option<usize>,
    ) -> StorageResult<Vec<Entry>> {
        let scan = || self.inner.range_scan(keyspace, start, end, limit);
        self.faults.during(Operation::Seek, Some(keyspace), scan)
    }

    fn put(&mut self, keyspace: &Keyspace, key: &[u8], value: &[u8]) -> StorageResult<()> {
        let inner = &mut self.inner;
        let put = || inner.put(keyspace, key, value);
        self.faults.during(Operation::Put, Some(keyspace), put)
    }

    fn delete(&mut self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<()> {
        let inner = &mut self.inner;
        let delete = || inner.delete(keyspace, key);
        self.faults
            .during(Operation::Delete, Some(keyspace), delete)
    }

    fn commit(self) -> StorageResult<()> {
        let inner = self.inner;
        self.faults
            .during(Operation::Commit, None, || inner.commit())
    }
}

/// A source that ends where a fault strikes, so that the entries before it are ingested all the same.
pub(super) struct CutOff<'a> {
    entries: &'a mut dyn EntrySource,
    keyspace: &'a Keyspace,
    faults: &'a Faults,
    fault: Option<StorageError>,
}

impl<'a> CutOff<'a> {
    pub(super) fn new(
        entries: &'a mut dyn EntrySource,
        keyspace: &'a Keyspace,
        faults: &'a Faults,
    ) -> Self {
        Self {
            entries,
            keyspace,
            faults,
            fault: None,
        }
    }

    /// The fault that struck, if one did.
    pub(super) fn fault(self) -> Option<StorageError> {
        self.fault
    }
}

impl EntrySource for CutOff<'_> {
    fn next_entry(&mut self) -> StorageResult<Option<(&[u8], &[u8])>> {
        let Some(entry) = self.entries.next_entry()? else {
            return Ok(None);
        };
        let struck = self
            .faults
            .during(Operation::IngestEntry, Some(self.keyspace), || Ok(()));
        match struck {
            Ok(()) => Ok(Some(entry)),
            Err(fault) => {
                self.fault = Some(fault);
                Ok(None)
            }
        }
    }
}
