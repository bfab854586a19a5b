//! [`Mutant`]: a backend in memory that does one thing wrong, or nothing.
//!
//! What flows in: calls of the contract. What flows out: what the backend beneath says, but for the one [`Defect`].
//! What always holds: without a defect it passes every case that some mutant of its kind must fail. What is opened again
//! at a path is what was there, kept in a table of its factory, unless the factory makes volatile ones; locks, copies and
//! figures of files it has none.

use crate::defects::Defect;
use crate::reading::MutantSnapshot;
use crate::writing::MutantTransaction;
use quadrille_backend::{
    BatchOperation, Capabilities, Entry, EntrySource, ErrorKind, InMemoryBackend, InMemoryOptions,
    Keyspace, StorageBackend, StorageError, StorageResult, StorageStats, Transaction, Wait,
};
use quadrille_backend_testkit::Factory;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Keys are refused above this length.
pub(crate) const KEY_BYTES_MAX: usize = 1000;
/// And values.
pub(crate) const VALUE_BYTES_MAX: usize = 1 << 30;
/// More operations in one transaction are refused.
const OPERATIONS_MAX: usize = 5000;

/// What stays of a store while it is not open.
pub(crate) struct Kept {
    pub(crate) inner: InMemoryBackend,
    /// Its room for keys and values, if it is a small store.
    pub(crate) bytes_max: Option<usize>,
    /// Filled by an ingest since it was opened.
    pub(crate) ingested: Mutex<HashSet<Keyspace>>,
    /// Whether it was closed after it was last opened.
    was_closed: AtomicBool,
}

impl Kept {
    fn new(bytes_max: Option<usize>) -> Self {
        let options = InMemoryOptions::new().batch_operations_max(OPERATIONS_MAX);
        let options = match bytes_max {
            Some(bytes) => options.bytes_max(bytes as u64),
            None => options,
        };
        Self {
            inner: InMemoryBackend::with_options(options),
            bytes_max,
            ingested: Mutex::default(),
            was_closed: AtomicBool::new(false),
        }
    }
}

/// Opens mutants with one defect, or sound ones.
#[derive(Clone, Default)]
pub(crate) struct Mutants {
    defect: Option<Defect>,
    volatile: bool,
    kept: Arc<Mutex<HashMap<PathBuf, Arc<Kept>>>>,
}

impl Mutants {
    pub(crate) fn with(defect: Option<Defect>) -> Self {
        Self {
            defect,
            ..Self::default()
        }
    }

    /// Mutants that keep nothing when they are closed.
    pub(crate) fn volatile(defect: Option<Defect>) -> Self {
        Self {
            volatile: true,
            ..Self::with(defect)
        }
    }

    fn mutant(&self, kept: Arc<Kept>, read_only: bool) -> Mutant {
        Mutant {
            kept,
            defect: self.defect,
            volatile: self.volatile,
            read_only,
            state: Arc::default(),
            ghosts: Mutex::default(),
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Factory for Mutants {
    type Backend = Mutant;

    fn open(&self, folder: &Path) -> StorageResult<Mutant> {
        if self.volatile && self.defect != Some(Defect::WhatIsNotPersistentIsThereAgain) {
            return Ok(self.mutant(Arc::new(Kept::new(None)), false));
        }
        let mut table = lock(&self.kept);
        let kept = table.entry(folder.to_owned());
        let kept = Arc::clone(kept.or_insert_with(|| Arc::new(Kept::new(None))));
        drop(table);
        let was_closed = kept.was_closed.swap(false, Ordering::SeqCst);
        for keyspace in kept.inner.keyspaces()? {
            let empty = kept.inner.keyspace_size(&keyspace)? == (0, 0);
            let ingested = lock(&kept.ingested).remove(&keyspace);
            let forgotten = match self.defect {
                Some(Defect::NewKeyspacesDoNotLast) => empty,
                Some(Defect::IngestsDoNotLast) => ingested,
                Some(Defect::WhatIsDroppedIsLost) => !was_closed,
                Some(Defect::WhatIsClosedIsLost) => was_closed,
                _ => false,
            };
            if forgotten {
                kept.inner.drop_keyspace(&keyspace)?;
            }
        }
        Ok(self.mutant(kept, false))
    }

    fn open_small(&self, _: &Path, bytes: usize) -> Option<StorageResult<Mutant>> {
        Some(Ok(self.mutant(Arc::new(Kept::new(Some(bytes))), false)))
    }

    fn open_read_only(&self, folder: &Path) -> Option<StorageResult<Mutant>> {
        if self.defect == Some(Defect::ReadingCreatesTheStore) {
            return Some(self.open(folder));
        }
        let kept = lock(&self.kept).get(folder).map(Arc::clone);
        let missing = || StorageError::new(ErrorKind::NotFound, "there is no store");
        let kept = kept.ok_or_else(missing);
        Some(kept.map(|kept| self.mutant(kept, true)))
    }
}

/// What a mutant's parts share.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) closed: AtomicBool,
    pub(crate) writing: AtomicBool,
    pub(crate) snapshots: AtomicUsize,
    half_filled: AtomicBool,
    /// Bytes of keys and values put so far, and how many puts and deletes were rolled back.
    pub(crate) put_bytes: AtomicUsize,
    pub(crate) rolled_back: AtomicUsize,
}

/// A backend with one defect, or none.
pub(crate) struct Mutant {
    pub(crate) kept: Arc<Kept>,
    pub(crate) defect: Option<Defect>,
    volatile: bool,
    read_only: bool,
    pub(crate) state: Arc<State>,
    /// What dropped keyspaces held.
    ghosts: Mutex<HashMap<Keyspace, Vec<Entry>>>,
}

/// Waits until something is over; what waits for itself does so for ever.
pub(crate) fn wait_while(condition: impl Fn() -> bool) {
    while condition() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn busy() -> StorageError {
    StorageError::new(ErrorKind::Busy, "somebody is in the way")
}

impl Mutant {
    pub(crate) fn is(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    fn inner(&self) -> StorageResult<&InMemoryBackend> {
        if self.state.closed.load(Ordering::SeqCst) && !self.is(Defect::ClosedStillAnswers) {
            return Err(StorageError::new(ErrorKind::Closed, "closed"));
        }
        Ok(&self.kept.inner)
    }

    /// What is beneath, for a write.
    fn writable(&self) -> StorageResult<&InMemoryBackend> {
        if self.read_only && !self.is(Defect::ReadOnlyIsWritten) {
            let message = "opened for reading only";
            return Err(StorageError::new(ErrorKind::ReadOnly, message));
        }
        self.inner()
    }

    /// What became of an ingest, as far as the defect tells it.
    fn ingested(&self, keyspace: &Keyspace, result: StorageResult<u64>) -> StorageResult<u64> {
        let error = match result {
            Ok(count) => return Ok(count + u64::from(self.is(Defect::EntriesAreMiscounted))),
            Err(error) => error,
        };
        match (error.kind(), self.defect) {
            (ErrorKind::Cancelled, Some(Defect::ErrorsOfTheSourceAreReplaced)) => {
                Err(StorageError::new(ErrorKind::Io, "the source failed"))
            }
            (ErrorKind::Full, Some(Defect::FullIngestsDropEverything)) => {
                let others = self.kept.inner.keyspaces()?;
                for other in others.iter().filter(|other| *other != keyspace) {
                    self.kept.inner.drop_keyspace(other)?;
                    self.kept.inner.create_keyspace(other)?;
                }
                Err(error)
            }
            _ => Err(error),
        }
    }

    /// Misuse by the thread that holds the transaction, made worse.
    fn inside<T>(
        &self,
        result: StorageResult<T>,
        waits: Defect,
        is_busy: Defect,
    ) -> StorageResult<T> {
        match result {
            Err(error) if error.kind() == ErrorKind::Misuse && self.is(waits) => {
                wait_while(|| true);
                Err(error)
            }
            Err(error) if error.kind() == ErrorKind::Misuse && self.is(is_busy) => Err(busy()),
            result => result,
        }
    }

    /// Ingests entries as a transaction would write them, in any order and over what is there.
    fn ingest_loosely(
        &self,
        keyspace: &Keyspace,
        entries: &mut dyn EntrySource,
    ) -> StorageResult<u64> {
        let mut transaction = self.inner()?.begin()?;
        let mut count = 0;
        while let Some((key, value)) = entries.next_entry()? {
            transaction.put(keyspace, key, value)?;
            count += 1;
        }
        transaction.commit()?;
        Ok(count)
    }
}

/// The first entry of a keyspace.
fn first(backend: &InMemoryBackend, keyspace: &Keyspace) -> StorageResult<Option<Entry>> {
    backend
        .range_scan(keyspace, &[], None, Some(1))?
        .next()
        .transpose()
}

impl StorageBackend for Mutant {
    type Snapshot = MutantSnapshot;
    type Transaction<'a> = MutantTransaction<'a>;

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::volatile();
        capabilities.persistent = !self.volatile;
        capabilities.key_bytes_max = KEY_BYTES_MAX;
        capabilities.value_bytes_max = VALUE_BYTES_MAX;
        capabilities.batch_operations_max = Some(OPERATIONS_MAX);
        if self.is(Defect::DeclaredKeysAreRefused) {
            capabilities.key_bytes_max += 1;
        }
        if self.is(Defect::DeclarationsChange) {
            let written = self.state.put_bytes.load(Ordering::SeqCst);
            capabilities.value_bytes_max = VALUE_BYTES_MAX.saturating_sub(written);
        }
        capabilities
    }

    fn keyspaces(&self) -> StorageResult<Vec<Keyspace>> {
        let mut keyspaces = self.inner()?.keyspaces()?;
        if self.is(Defect::KeyspacesAreListedBackwards) {
            keyspaces.reverse();
        }
        Ok(keyspaces)
    }

    fn create_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        let inner = self.writable()?;
        if self.is(Defect::CreatingDoesNotWait) && self.state.writing.load(Ordering::SeqCst) {
            return Err(busy());
        }
        if self.is(Defect::CreatingAgainEmpties) && inner.keyspaces()?.contains(keyspace) {
            inner.drop_keyspace(keyspace)?;
        }
        self.inside(
            inner.create_keyspace(keyspace),
            Defect::CreatingWaitsForItself,
            Defect::CreatingInsideIsBusy,
        )?;
        if self.is(Defect::DroppedEntriesComeBack) {
            for (key, value) in lock(&self.ghosts).remove(keyspace).unwrap_or_default() {
                inner.put(keyspace, &key, &value)?;
            }
        }
        Ok(())
    }

    fn drop_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        let inner = self.writable()?;
        if self.is(Defect::HalfFilledKeyspacesStay) && self.state.half_filled.load(Ordering::SeqCst)
        {
            return Err(busy());
        }
        let held = inner.range_scan(keyspace, &[], None, None)?;
        let held = held.collect::<StorageResult<_>>()?;
        inner.drop_keyspace(keyspace)?;
        lock(&self.ghosts).insert(keyspace.clone(), held);
        Ok(())
    }

    fn snapshot(&self) -> StorageResult<MutantSnapshot> {
        let inner = self.inner()?.snapshot()?;
        match (self.defect, self.state.snapshots.load(Ordering::SeqCst)) {
            (Some(Defect::SnapshotsAreFew), 50..) => return Err(busy()),
            (Some(Defect::OneSnapshotTooManyIsIo), 200..) => {
                return Err(StorageError::new(ErrorKind::Io, "no reader slot left"));
            }
            _ => {}
        }
        if self.is(Defect::SnapshotsWaitForTheWriter) {
            wait_while(|| self.state.writing.load(Ordering::SeqCst));
        }
        let (kept, state) = (Arc::clone(&self.kept), Arc::clone(&self.state));
        Ok(MutantSnapshot::new(inner, kept, state, self.defect))
    }

    fn begin_with(&self, wait: Wait) -> StorageResult<MutantTransaction<'_>> {
        let wait = match wait {
            Wait::Forever | Wait::AtMost(_) if self.is(Defect::NobodyWaits) => Wait::No,
            Wait::AtMost(_) if self.is(Defect::TimeOutsAreForgotten) => Wait::Forever,
            wait => wait,
        };
        let mut before = self.writable()?.snapshot()?;
        if self.is(Defect::WritersReadWhatWasBeforeTheyWaited) {
            // Long enough for others to come in between.
            std::thread::sleep(Duration::from_millis(2));
        }
        let inner = self.inside(
            self.kept.inner.begin_with(wait),
            Defect::BeginningWaitsForItself,
            Defect::BeginningInsideIsBusy,
        )?;
        if !self.is(Defect::WritersReadWhatWasBeforeTheyWaited) {
            before = self.kept.inner.snapshot()?;
        }
        self.state.writing.store(true, Ordering::SeqCst);
        Ok(MutantTransaction::new(inner, before, self))
    }

    fn ingest(&self, keyspace: &Keyspace, entries: &mut dyn EntrySource) -> StorageResult<u64> {
        let inner = self.writable()?;
        if self.is(Defect::UnknownKeyspacesAreFilled) && !inner.keyspaces()?.contains(keyspace) {
            inner.create_keyspace(keyspace)?;
        }
        let result = match self.defect {
            Some(Defect::FilledKeyspacesAreFilledMore | Defect::KeysNeedNotAscend) => {
                self.ingest_loosely(keyspace, entries)
            }
            Some(Defect::TheLastEntryIsLost) => {
                let count = inner.ingest(keyspace, entries)?;
                let last = inner.range_scan(keyspace, &[], None, None)?.last();
                if let Some((key, _)) = last.transpose()? {
                    inner.delete(keyspace, &key)?;
                }
                Ok(count)
            }
            _ => inner.ingest(keyspace, entries),
        };
        let failed = result.is_err();
        self.state.half_filled.store(failed, Ordering::SeqCst);
        lock(&self.kept.ingested).insert(keyspace.clone());
        self.ingested(keyspace, result)
    }

    fn flush(&self) -> StorageResult<()> {
        self.inner()?.flush()
    }

    fn compact(&self) -> StorageResult<()> {
        let inner = self.writable()?;
        if self.is(Defect::CompactingLosesAnEntry) {
            for keyspace in inner.keyspaces()? {
                if let Some((key, _)) = first(inner, &keyspace)? {
                    inner.delete(&keyspace, &key)?;
                }
            }
        }
        inner.compact()
    }

    fn stats(&self) -> StorageResult<StorageStats> {
        let mut stats = self.inner()?.stats()?;
        if self.is(Defect::StatsAreOffByOne) {
            stats.key_count += 1;
        }
        if self.is(Defect::ReadsAreNotCounted) {
            stats.reads = 0;
        }
        if self.is(Defect::RolledBackWritesAreCounted) {
            stats.writes += self.state.rolled_back.load(Ordering::SeqCst) as u64;
        }
        if self.is(Defect::SnapshotsAreNotCounted) {
            (stats.open_snapshots, stats.oldest_snapshot_age) = (0, None);
        }
        if self.is(Defect::CursorsKeepNoSnapshotCounted) {
            stats.open_snapshots = self.state.snapshots.load(Ordering::SeqCst) as u64;
        }
        Ok(stats)
    }

    fn keyspace_size(&self, keyspace: &Keyspace) -> StorageResult<(u64, u64)> {
        let (count, bytes) = self.inner()?.keyspace_size(keyspace)?;
        Ok((count + u64::from(self.is(Defect::SizesAreOffByOne)), bytes))
    }

    fn checkpoint(&self, folder: &Path) -> StorageResult<()> {
        match self.inner()?.checkpoint(folder) {
            Err(_) if self.is(Defect::CheckpointsOfNothingSucceed) => Ok(()),
            result => result,
        }
    }

    fn close(&self) -> StorageResult<()> {
        let open = self.state.writing.load(Ordering::SeqCst);
        if open && !self.is(Defect::ClosingCutsTheTransactionOff) {
            return Err(busy());
        }
        let closed = self.state.closed.swap(true, Ordering::SeqCst);
        self.kept.was_closed.store(true, Ordering::SeqCst);
        if closed && self.is(Defect::ClosingTwiceFails) {
            return Err(StorageError::new(ErrorKind::Closed, "closed"));
        }
        Ok(())
    }

    fn destroy(&self) -> StorageResult<()> {
        let inner = self.writable()?;
        self.close()?;
        for keyspace in inner.keyspaces()? {
            inner.drop_keyspace(&keyspace)?;
        }
        Ok(())
    }

    fn batch(&self, operations: &[BatchOperation]) -> StorageResult<()> {
        if operations.len() > OPERATIONS_MAX && self.is(Defect::LongBatchesAreTaken) {
            let mut some = operations.chunks(OPERATIONS_MAX);
            return some.try_for_each(|some| self.batch(some));
        }
        let mut operations: Vec<_> = operations.iter().collect();
        if self.is(Defect::TheEarlierOperationWins) {
            operations.reverse();
        }
        let mut transaction = self.begin()?;
        for operation in operations {
            match operation {
                BatchOperation::Put {
                    keyspace,
                    key,
                    value,
                } => transaction.put(keyspace, key, value)?,
                BatchOperation::Delete { keyspace, key } => transaction.delete(keyspace, key)?,
            }
            if self.is(Defect::BatchesAreOneByOne) {
                transaction.commit()?;
                transaction = self.begin()?;
            }
        }
        transaction.commit()
    }
}
