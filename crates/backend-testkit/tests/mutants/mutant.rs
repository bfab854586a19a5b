//! [`Mutant`]: a backend in memory that does one thing wrong, or nothing.
//!
//! What flows in: calls of the contract. What flows out: what the backend beneath says, but for the one [`Defect`].
//! What always holds: without a defect it passes every case that some mutant must fail. What is opened again at a path is
//! what was there, kept in a table of its factory; locks, copies and figures of files it has none.

use crate::defects::Defect;
use crate::reading::{MutantSnapshot, stored};
use quadrille_backend::{
    BatchOperation, Capabilities, Entry, EntrySource, ErrorKind, InMemoryBackend, Keyspace,
    MemorySnapshot, MemoryTransaction, StorageBackend, StorageError, StorageResult,
    StorageSnapshot, StorageStats, Transaction, Wait,
};
use quadrille_backend_testkit::Factory;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Keys are refused above this length.
const KEY_BYTES_MAX: usize = 1000;

/// What stays of a store while it is not open.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) inner: InMemoryBackend,
    /// Filled by an ingest since it was opened.
    ingested: Mutex<HashSet<Keyspace>>,
}

/// Opens mutants with one defect, or sound ones.
#[derive(Clone, Default)]
pub(crate) struct Mutants {
    defect: Option<Defect>,
    kept: Arc<Mutex<HashMap<PathBuf, Arc<Kept>>>>,
}

impl Mutants {
    pub(crate) fn with(defect: Option<Defect>) -> Self {
        Self {
            defect,
            ..Self::default()
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Factory for Mutants {
    type Backend = Mutant;

    fn open(&self, folder: &Path) -> StorageResult<Mutant> {
        let kept = Arc::clone(lock(&self.kept).entry(folder.to_owned()).or_default());
        for keyspace in kept.inner.keyspaces()? {
            let empty = kept.inner.keyspace_size(&keyspace)? == (0, 0);
            let ingested = lock(&kept.ingested).remove(&keyspace);
            let forgotten = match self.defect {
                Some(Defect::NewKeyspacesDoNotLast) => empty,
                Some(Defect::IngestsDoNotLast) => ingested,
                _ => false,
            };
            if forgotten {
                kept.inner.drop_keyspace(&keyspace)?;
            }
        }
        Ok(Mutant {
            kept,
            defect: self.defect,
            state: Arc::default(),
            ghosts: Mutex::default(),
        })
    }
}

/// What a mutant's parts share.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) closed: AtomicBool,
    writing: AtomicBool,
    pub(crate) snapshots: AtomicUsize,
    half_filled: AtomicBool,
}

/// A backend with one defect, or none.
pub(crate) struct Mutant {
    kept: Arc<Kept>,
    defect: Option<Defect>,
    state: Arc<State>,
    /// What dropped keyspaces held.
    ghosts: Mutex<HashMap<Keyspace, Vec<Entry>>>,
}

/// Waits until something is over; what waits for itself does so for ever.
fn wait_while(condition: impl Fn() -> bool) {
    while condition() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn busy() -> StorageError {
    StorageError::new(ErrorKind::Busy, "somebody is in the way")
}

impl Mutant {
    fn is(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    fn inner(&self) -> StorageResult<&InMemoryBackend> {
        if self.state.closed.load(Ordering::SeqCst) && !self.is(Defect::ClosedStillAnswers) {
            return Err(StorageError::new(ErrorKind::Closed, "closed"));
        }
        Ok(&self.kept.inner)
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
        capabilities.persistent = true;
        capabilities.key_bytes_max = KEY_BYTES_MAX;
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
        let inner = self.inner()?;
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
        let inner = self.inner()?;
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
        let inner = self.inside(
            self.inner()?.begin_with(wait),
            Defect::BeginningWaitsForItself,
            Defect::BeginningInsideIsBusy,
        )?;
        self.state.writing.store(true, Ordering::SeqCst);
        Ok(MutantTransaction {
            inner: Some(inner),
            before: self.kept.inner.snapshot()?,
            backend: self,
            refused: false,
        })
    }

    fn ingest(&self, keyspace: &Keyspace, entries: &mut dyn EntrySource) -> StorageResult<u64> {
        let inner = self.inner()?;
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
            Some(Defect::EntriesAreMiscounted) => {
                inner.ingest(keyspace, entries).map(|count| count + 1)
            }
            _ => inner.ingest(keyspace, entries),
        };
        let failed = result.is_err();
        self.state.half_filled.store(failed, Ordering::SeqCst);
        lock(&self.kept.ingested).insert(keyspace.clone());
        result
    }

    fn flush(&self) -> StorageResult<()> {
        self.inner()?.flush()
    }

    fn compact(&self) -> StorageResult<()> {
        let inner = self.inner()?;
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
        Ok(stats)
    }

    fn keyspace_size(&self, keyspace: &Keyspace) -> StorageResult<(u64, u64)> {
        let (count, bytes) = self.inner()?.keyspace_size(keyspace)?;
        Ok((count + u64::from(self.is(Defect::SizesAreOffByOne)), bytes))
    }

    fn checkpoint(&self, folder: &Path) -> StorageResult<()> {
        self.inner()?.checkpoint(folder)
    }

    fn close(&self) -> StorageResult<()> {
        let open = self.state.writing.load(Ordering::SeqCst);
        if open && !self.is(Defect::ClosingCutsTheTransactionOff) {
            return Err(busy());
        }
        let closed = self.state.closed.swap(true, Ordering::SeqCst);
        if closed && self.is(Defect::ClosingTwiceFails) {
            return Err(StorageError::new(ErrorKind::Closed, "closed"));
        }
        Ok(())
    }

    fn destroy(&self) -> StorageResult<()> {
        let inner = self.inner()?;
        self.close()?;
        for keyspace in inner.keyspaces()? {
            inner.drop_keyspace(&keyspace)?;
        }
        Ok(())
    }

    fn batch(&self, operations: &[BatchOperation]) -> StorageResult<()> {
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

/// The write transaction of a mutant.
pub(crate) struct MutantTransaction<'a> {
    /// `None` once it has ended.
    inner: Option<MemoryTransaction<'a>>,
    before: MemorySnapshot,
    backend: &'a Mutant,
    refused: bool,
}

impl MutantTransaction<'_> {
    fn is(&self, defect: Defect) -> bool {
        self.backend.is(defect)
    }

    fn inner(&self) -> StorageResult<&MemoryTransaction<'_>> {
        let inner: Option<&MemoryTransaction<'_>> = self.inner.as_ref();
        inner.ok_or_else(|| StorageError::misuse("the transaction has ended"))
    }

    /// What was committed when the transaction began, where that is the defect.
    fn stale(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Option<Entry>>> {
        let stale = match self.backend.defect {
            Some(Defect::OwnWritesAreNotRead) => true,
            Some(Defect::OwnDeletesAreNotSeen) => {
                self.inner()?.seek(keyspace, key)?
                    != self
                        .before
                        .range_scan(keyspace, key, None, Some(1))?
                        .next()
                        .transpose()?
            }
            _ => false,
        };
        if !stale {
            return Ok(None);
        }
        let mut scan = self.before.range_scan(keyspace, key, None, Some(1))?;
        scan.next().transpose().map(Some)
    }

    fn write(
        &mut self,
        write: impl FnOnce(&mut MemoryTransaction<'_>) -> StorageResult<()>,
    ) -> StorageResult<()> {
        if self.refused && self.is(Defect::ARefusedWriteEndsIt) {
            return Err(StorageError::new(ErrorKind::Io, "the transaction failed"));
        }
        let at_once = self.is(Defect::PutsAreVisibleAtOnce);
        let Some(inner) = &mut self.inner else {
            return Err(StorageError::misuse("the transaction has ended"));
        };
        let result = write(inner);
        self.refused |= result.is_err();
        if at_once && let Some(inner) = self.inner.take() {
            inner.commit()?;
            self.inner = Some(self.backend.kept.inner.begin()?);
        }
        result
    }
}

impl Transaction for MutantTransaction<'_> {
    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        if let Some(entry) = self.stale(keyspace, key)? {
            return Ok(entry.filter(|entry| entry.0 == key).map(|entry| entry.1));
        }
        self.inner()?
            .get(keyspace, &stored(self.backend.defect, key))
    }

    fn seek(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Entry>> {
        if let Some(entry) = self.stale(keyspace, key)? {
            return Ok(entry);
        }
        self.inner()?.seek(keyspace, key)
    }

    fn put(&mut self, keyspace: &Keyspace, key: &[u8], value: &[u8]) -> StorageResult<()> {
        let defect = self.backend.defect;
        if key.len() > KEY_BYTES_MAX && !self.is(Defect::LongKeysAreAccepted) {
            self.refused = true;
            if self.is(Defect::LongKeysAreRefusedAndWritten) {
                let cut = &key[..KEY_BYTES_MAX];
                self.write(|inner| inner.put(keyspace, cut, value))?;
                self.inner.take().map_or(Ok(()), Transaction::commit)?;
            }
            return Err(StorageError::misuse("the key is too long"));
        }
        let there = || -> StorageResult<bool> { self.inner()?.contains(keyspace, key) };
        let ignored = match defect {
            Some(Defect::EmptyKeysAreLost) => key.is_empty(),
            Some(Defect::TheFirstValueStays) => there()?,
            _ => false,
        };
        if ignored {
            return Ok(());
        }
        if value.is_empty() && self.is(Defect::EmptyValuesAreDeletions) {
            return self.delete(keyspace, key);
        }
        self.write(|inner| inner.put(keyspace, &stored(defect, key), value))
    }

    fn delete(&mut self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<()> {
        let defect = self.backend.defect;
        if self.is(Defect::DeletesAreNeverVisible) {
            return self.inner()?.contains(keyspace, key).map(drop);
        }
        self.write(|inner| inner.delete(keyspace, &stored(defect, key)))
    }

    fn commit(mut self) -> StorageResult<()> {
        if self.is(Defect::CommitsWaitForSnapshots) {
            wait_while(|| self.backend.state.snapshots.load(Ordering::SeqCst) > 0);
        }
        self.inner.take().map_or(Ok(()), Transaction::commit)
    }
}

impl Drop for MutantTransaction<'_> {
    fn drop(&mut self) {
        self.backend.state.writing.store(false, Ordering::SeqCst);
        let dropped = self.inner.take();
        if self.is(Defect::DroppedTransactionsCommit)
            && let Some(inner) = dropped
        {
            // The case looks at what is there afterwards.
            let _ = inner.commit();
        }
    }
}
