//! The write side of a mutant: transactions.

use crate::defects::Defect;
use crate::mutant::{KEY_BYTES_MAX, Mutant, VALUE_BYTES_MAX, busy, lock, wait_while};
use crate::reading::stored;
use quadrille_backend::{
    Entry, ErrorKind, InMemoryBackend, Keyspace, MemorySnapshot, MemoryTransaction, StorageBackend,
    StorageError, StorageResult, StorageSnapshot, Transaction,
};
use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Large values, to the mutant that cuts them.
const LARGE: usize = 65_535;

fn full() -> StorageError {
    StorageError::new(ErrorKind::Full, "there is no room")
}

/// The write transaction of a mutant.
pub(crate) struct MutantTransaction<'a> {
    /// `None` once it has ended.
    inner: Option<MemoryTransaction<'a>>,
    before: MemorySnapshot,
    backend: &'a Mutant,
    refused: bool,
    full: bool,
    /// What was put, where the defect writes it again.
    written: Vec<(Keyspace, Entry)>,
    /// Puts and deletes.
    count: usize,
}

impl<'a> MutantTransaction<'a> {
    pub(crate) fn new(
        inner: MemoryTransaction<'a>,
        before: MemorySnapshot,
        backend: &'a Mutant,
    ) -> Self {
        Self {
            inner: Some(inner),
            before,
            backend,
            refused: false,
            full: false,
            written: Vec::new(),
            count: 0,
        }
    }
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
            Some(Defect::WritersReadWhatWasBeforeTheyWaited) => self.count == 0,
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
        let Some(inner) = &mut self.inner else {
            return Err(StorageError::misuse("the transaction has ended"));
        };
        let result = write(inner);
        self.refused |= result.is_err();
        self.count += usize::from(result.is_ok());
        match result {
            Ok(()) => self.publish_at_once(),
            Err(error) if error.kind() == ErrorKind::Full => Err(self.no_room(error)),
            Err(error) => Err(error),
        }
    }

    /// Commits what there is and goes on, where that is the defect.
    fn publish_at_once(&mut self) -> StorageResult<()> {
        let half_done = self.is(Defect::CommitsAreSeenHalfDone);
        if !half_done && !self.is(Defect::PutsAreVisibleAtOnce) {
            return Ok(());
        }
        if let Some(inner) = self.inner.take() {
            inner.commit()?;
            self.inner = Some(self.backend.kept.inner.begin()?);
        }
        if half_done {
            // Long enough for others to look.
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// What is said when there is no room.
    fn no_room(&mut self, error: StorageError) -> StorageError {
        self.full = true;
        if self.is(Defect::FullTransactionsLeaveTheirBeginning) {
            self.inner = None;
            // But for the last, which found no room.
            self.written.pop();
            let written = std::mem::take(&mut self.written);
            let kept = &self.backend.kept.inner;
            if let Err(error) = write_again(kept, &written) {
                return error;
            }
        }
        match self.is(Defect::FullIsBusy) {
            true => busy(),
            false => error,
        }
    }

    /// Counts what is put, and says whether a small store has taken all it ever will, where that is the defect.
    fn uses_up_the_room(&self, bytes: usize) -> bool {
        let put_bytes = &self.backend.state.put_bytes;
        let before = put_bytes.fetch_add(bytes, Ordering::SeqCst);
        let most = self.backend.kept.bytes_max;
        self.is(Defect::DeletingMakesNoRoom) && most.is_some_and(|most| before + bytes > most)
    }

    /// Refuses what is longer than declared, with the error of the defect.
    fn check_lengths(
        &mut self,
        keyspace: &Keyspace,
        key: &[u8],
        value: &[u8],
    ) -> StorageResult<()> {
        let key_is_long = key.len() > KEY_BYTES_MAX && !self.is(Defect::LongKeysAreAccepted);
        if !key_is_long && value.len() <= VALUE_BYTES_MAX {
            return Ok(());
        }
        self.refused = true;
        if key_is_long && self.is(Defect::LongKeysAreRefusedAndWritten) {
            let cut = &key[..KEY_BYTES_MAX];
            self.write(|inner| inner.put(keyspace, cut, value))?;
            self.inner.take().map_or(Ok(()), Transaction::commit)?;
        }
        match self.backend.defect {
            Some(Defect::LongValuesAreFull) => return Err(full()),
            Some(Defect::LongValuesAreRefusedAndWritten) => {
                self.write(|inner| inner.put(keyspace, key, &value[..LARGE]))?;
            }
            _ => {}
        }
        Err(StorageError::misuse("the key or the value is too long"))
    }
}

/// Puts entries as a commit of their own.
fn write_again(backend: &InMemoryBackend, entries: &[(Keyspace, Entry)]) -> StorageResult<()> {
    let mut transaction = backend.begin()?;
    for (keyspace, (key, value)) in entries {
        transaction.put(keyspace, key, value)?;
    }
    transaction.commit()
}

/// The value that a mutant keeps for one.
fn kept_value(defect: Option<Defect>, value: &[u8]) -> Cow<'_, [u8]> {
    match defect {
        Some(Defect::BytesThatAreNoTextAreReplaced) => match String::from_utf8_lossy(value) {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        },
        Some(Defect::LargeValuesAreCut) => Cow::Borrowed(&value[..value.len().min(LARGE)]),
        _ => Cow::Borrowed(value),
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
        self.check_lengths(keyspace, key, value)?;
        if self.uses_up_the_room(key.len() + value.len()) {
            return Err(self.no_room(full()));
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
        if self.is(Defect::FullTransactionsLeaveTheirBeginning) {
            let entry = (key.to_vec(), value.to_vec());
            self.written.push((keyspace.clone(), entry));
        }
        let value = kept_value(defect, value);
        self.write(|inner| inner.put(keyspace, &stored(defect, key), &value))
    }

    fn delete(&mut self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<()> {
        let defect = self.backend.defect;
        if self.is(Defect::DeletesAreNeverVisible) {
            return self.inner()?.contains(keyspace, key).map(drop);
        }
        if self.is(Defect::AbsentKeysAreNotFound) && !self.inner()?.contains(keyspace, key)? {
            return Err(StorageError::new(ErrorKind::NotFound, "there is no key"));
        }
        if self.is(Defect::IngestedEntriesAreNotDeleted)
            && lock(&self.backend.kept.ingested).contains(keyspace)
        {
            return Ok(());
        }
        self.write(|inner| inner.delete(keyspace, &stored(defect, key)))
    }

    fn commit(mut self) -> StorageResult<()> {
        if self.is(Defect::CommitsWaitForSnapshots) {
            wait_while(|| self.backend.state.snapshots.load(Ordering::SeqCst) > 0);
        }
        let committed = self.inner.take().map_or(Ok(()), Transaction::commit);
        match self.full && self.is(Defect::CommitsAfterFullAreNoError) {
            true => Ok(()),
            false => committed,
        }
    }
}

impl Drop for MutantTransaction<'_> {
    fn drop(&mut self) {
        self.backend.state.writing.store(false, Ordering::SeqCst);
        let Some(dropped) = self.inner.take() else {
            return;
        };
        let rolled_back = &self.backend.state.rolled_back;
        rolled_back.fetch_add(self.count, Ordering::SeqCst);
        if self.is(Defect::DroppedTransactionsCommit) {
            // The case looks at what is there afterwards.
            let _ = dropped.commit();
        } else if self.is(Defect::PanicsKeepTheTransaction) && std::thread::panicking() {
            std::mem::forget(dropped);
        }
    }
}
