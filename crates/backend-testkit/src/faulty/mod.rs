//! [`Faulty`]: any backend, with operations that fail when told to.
//!
//! What flows in: any call of the storage contract. What flows out: what the backend beneath answers, or the error
//! that a [`Fault`] asks for. What always holds: an operation that is made to fail does nothing before it does, as the
//! contract wants it, except that an ingest cut off at an entry leaves all entries before it behind.

mod faults;
mod parts;

pub use faults::{Fault, Faults, Moment, Operation};
pub use parts::{FaultyCursor, FaultySnapshot, FaultyTransaction};

use parts::CutOff;
use quadrille_backend::{
    Capabilities, EntrySource, Keyspace, StorageBackend, StorageResult, StorageStats, Wait,
};
use std::path::Path;
use std::sync::Arc;

/// A backend over another one, whose operations fail when told to.
///
/// With no fault set it does what the backend beneath does, counts the operations by kind and the snapshots that are
/// alive. So a test can count what some work needs, and then repeat it with each of its operations failing in turn.
///
/// ```
/// use quadrille_backend::{ErrorKind, InMemoryBackend, Keyspace, StorageBackend};
/// use quadrille_backend_testkit::{Fault, Faulty, Operation};
///
/// let backend = Faulty::new(InMemoryBackend::new());
/// let birds = Keyspace::new("birds")?;
/// backend.create_keyspace(&birds)?;
///
/// // The second put from now on meets a full disk.
/// backend.faults().add(Fault::on(Operation::Put).after(1));
/// backend.put(&birds, b"wren", b"small")?;
/// let error = backend.put(&birds, b"rhea", b"tall").expect_err("the disk is full");
/// assert_eq!(error.kind(), ErrorKind::Full);
/// backend.put(&birds, b"rhea", b"tall")?;
/// assert_eq!(backend.faults().count(Operation::Put), 3);
/// # Ok::<(), quadrille_backend::StorageError>(())
/// ```
#[derive(Debug)]
pub struct Faulty<B> {
    inner: B,
    faults: Arc<Faults>,
}

impl<B: StorageBackend> Faulty<B> {
    /// A backend that does what `inner` does, until told otherwise.
    pub fn new(inner: B) -> Self {
        Self::sharing(inner, Arc::default())
    }

    /// A backend with the faults of another: for stores that are opened again in the course of a test.
    pub fn sharing(inner: B, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }

    /// What is to fail, and what was counted.
    #[must_use]
    pub fn faults(&self) -> &Arc<Faults> {
        &self.faults
    }

    /// The backend beneath, where nothing fails.
    pub fn inner(&self) -> &B {
        &self.inner
    }
}

impl<B: StorageBackend> StorageBackend for Faulty<B> {
    type Snapshot = FaultySnapshot<B::Snapshot>;
    type Transaction<'a> = FaultyTransaction<'a, B>;

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn keyspaces(&self) -> StorageResult<Vec<Keyspace>> {
        let list = || self.inner.keyspaces();
        self.faults.during(Operation::Keyspaces, None, list)
    }

    fn create_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        let create = || self.inner.create_keyspace(keyspace);
        self.faults
            .during(Operation::CreateKeyspace, Some(keyspace), create)
    }

    fn drop_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        let drop = || self.inner.drop_keyspace(keyspace);
        self.faults
            .during(Operation::DropKeyspace, Some(keyspace), drop)
    }

    fn snapshot(&self) -> StorageResult<Self::Snapshot> {
        self.faults.during(Operation::Snapshot, None, || {
            let inner = self.inner.snapshot()?;
            Ok(FaultySnapshot::new(inner, &self.faults))
        })
    }

    fn begin_with(&self, wait: Wait) -> StorageResult<FaultyTransaction<'_, B>> {
        self.faults.during(Operation::Begin, None, || {
            let inner = self.inner.begin_with(wait)?;
            Ok(FaultyTransaction::new(inner, &self.faults))
        })
    }

    fn ingest(&self, keyspace: &Keyspace, entries: &mut dyn EntrySource) -> StorageResult<u64> {
        self.faults.during(Operation::Ingest, Some(keyspace), || {
            let mut source = CutOff::new(entries, keyspace, &self.faults);
            let count = self.inner.ingest(keyspace, &mut source)?;
            source.fault().map_or(Ok(count), Err)
        })
    }

    fn flush(&self) -> StorageResult<()> {
        self.faults
            .during(Operation::Flush, None, || self.inner.flush())
    }

    fn compact(&self) -> StorageResult<()> {
        self.faults
            .during(Operation::Compact, None, || self.inner.compact())
    }

    fn stats(&self) -> StorageResult<StorageStats> {
        self.faults
            .during(Operation::Stats, None, || self.inner.stats())
    }

    fn keyspace_size(&self, keyspace: &Keyspace) -> StorageResult<(u64, u64)> {
        let size = || self.inner.keyspace_size(keyspace);
        self.faults.during(Operation::Stats, Some(keyspace), size)
    }

    fn checkpoint(&self, folder: &Path) -> StorageResult<()> {
        let copy = || self.inner.checkpoint(folder);
        self.faults.during(Operation::Checkpoint, None, copy)
    }

    fn close(&self) -> StorageResult<()> {
        self.faults
            .during(Operation::Close, None, || self.inner.close())
    }

    fn destroy(&self) -> StorageResult<()> {
        self.faults
            .during(Operation::Destroy, None, || self.inner.destroy())
    }
}
