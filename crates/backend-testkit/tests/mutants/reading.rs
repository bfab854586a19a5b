//! The read side of a mutant: snapshots and cursors.

use crate::defects::Defect;
use crate::mutant::{Kept, State, lock};
use quadrille_backend::{
    Entry, ErrorKind, Keyspace, MemoryCursor, MemorySnapshot, RangeScan, StorageBackend,
    StorageCursor, StorageError, StorageResult, StorageSnapshot, prefix_end,
};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Weak};

/// The key under which a mutant keeps an entry.
pub(crate) fn stored(defect: Option<Defect>, key: &[u8]) -> Vec<u8> {
    match defect {
        Some(Defect::BytesAreSigned) => key.iter().map(|byte| byte ^ 0x80).collect(),
        Some(Defect::ZerosAtTheEndAreCut) => {
            let end = key.iter().rposition(|byte| *byte != 0);
            key[..end.map_or(0, |last| last + 1)].to_vec()
        }
        _ => key.to_vec(),
    }
}

/// A snapshot of a mutant.
pub(crate) struct MutantSnapshot {
    inner: MemorySnapshot,
    kept: Arc<Kept>,
    state: Arc<State>,
    defect: Option<Defect>,
    alive: Arc<()>,
    /// The key that some cursor stands at.
    position: Arc<Mutex<Vec<u8>>>,
}

impl MutantSnapshot {
    pub(crate) fn new(
        inner: MemorySnapshot,
        kept: Arc<Kept>,
        state: Arc<State>,
        defect: Option<Defect>,
    ) -> Self {
        state.snapshots.fetch_add(1, Ordering::SeqCst);
        Self {
            inner,
            kept,
            state,
            defect,
            alive: Arc::default(),
            position: Arc::default(),
        }
    }

    fn is(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    /// What is read, as far as the defect lets it be read.
    fn view(&self, keyspace: &Keyspace) -> StorageResult<MemorySnapshot> {
        if self.is(Defect::SnapshotsEndWithTheBackend) && self.state.closed.load(Ordering::SeqCst) {
            return Err(StorageError::new(ErrorKind::Closed, "closed"));
        }
        if self.is(Defect::DroppingReachesSnapshots) {
            self.kept.inner.keyspace_size(keyspace)?;
        }
        match self.is(Defect::SnapshotsSeeLaterCommits) {
            true => self.kept.inner.snapshot(),
            false => Ok(self.inner.clone()),
        }
    }
}

impl Drop for MutantSnapshot {
    fn drop(&mut self) {
        self.state.snapshots.fetch_sub(1, Ordering::SeqCst);
    }
}

impl StorageSnapshot for MutantSnapshot {
    type Cursor = MutantCursor;

    fn cursor(&self, keyspace: &Keyspace) -> StorageResult<MutantCursor> {
        let mut inner = self.view(keyspace)?.cursor(keyspace)?;
        if self.is(Defect::CursorsStartAtTheFirst) {
            inner.seek(&[])?;
        }
        let mut cursor = MutantCursor {
            inner,
            present: None,
            highest: Vec::new(),
            ended: false,
            snapshot: Arc::downgrade(&self.alive),
            position: Arc::clone(&self.position),
            live: (Arc::clone(&self.kept), keyspace.clone()),
            defect: self.defect,
        };
        cursor.look();
        Ok(cursor)
    }

    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        let got = self
            .view(keyspace)?
            .get(keyspace, &stored(self.defect, key));
        match got {
            Err(error)
                if error.kind() == ErrorKind::NotFound
                    && self.is(Defect::UnknownKeyspacesAreEmpty) =>
            {
                Ok(None)
            }
            got => got,
        }
    }

    fn contains(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<bool> {
        if self.is(Defect::ContainsLooksAbove) {
            return self.cursor(keyspace)?.seek(key);
        }
        let view = self.view(keyspace)?;
        view.contains(keyspace, &stored(self.defect, key))
    }

    fn range_scan(
        &self,
        keyspace: &Keyspace,
        start: &[u8],
        end: Option<&[u8]>,
        limit: Option<usize>,
    ) -> StorageResult<RangeScan<MutantCursor>> {
        let limit = limit.filter(|_| !self.is(Defect::LimitsAreIgnored));
        let mut end = end.map(<[u8]>::to_vec);
        if let Some(end) = end.as_mut().filter(|_| self.is(Defect::TheEndIsIncluded)) {
            end.push(0);
        }
        let cursor = self.cursor(keyspace)?;
        Ok(RangeScan::new(cursor, start, end.as_deref(), limit))
    }

    fn prefix_scan(
        &self,
        keyspace: &Keyspace,
        prefix: &[u8],
    ) -> StorageResult<RangeScan<MutantCursor>> {
        let ends_high = prefix.last() == Some(&0xff);
        let end = match self.defect {
            Some(Defect::PrefixesThatEndIn0xffHaveNoEnd) if ends_high => None,
            Some(Defect::PrefixesOf0xffAreEmpty) if ends_high => Some(vec![0]),
            _ => prefix_end(prefix),
        };
        self.range_scan(keyspace, prefix, end.as_deref(), None)
    }
}

/// A cursor of a mutant.
pub(crate) struct MutantCursor {
    inner: MemoryCursor,
    present: Option<Entry>,
    /// The highest key sought.
    highest: Vec<u8>,
    ended: bool,
    snapshot: Weak<()>,
    /// The position that the cursors of a snapshot share, where that is the defect.
    position: Arc<Mutex<Vec<u8>>>,
    /// The store and the keyspace, which are looked at anew where that is the defect.
    live: (Arc<Kept>, Keyspace),
    defect: Option<Defect>,
}

impl MutantCursor {
    fn is(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    /// Takes over the entry that the cursor beneath stands at.
    fn look(&mut self) -> bool {
        let entry = self.inner.entry();
        let entry = entry.map(|(key, value)| match self.defect {
            Some(Defect::BytesAreSigned) => (stored(self.defect, key), value.to_vec()),
            _ => (key.to_vec(), value.to_vec()),
        });
        let found = entry.is_some();
        if let Some((key, _)) = self.inner.entry() {
            key.clone_into(&mut lock(&self.position));
        }
        if found || !self.is(Defect::TheLastEntryStays) {
            self.present = entry;
        }
        found
    }

    fn check(&self) -> StorageResult<()> {
        if self.is(Defect::CursorsEndWithTheirSnapshot) && self.snapshot.upgrade().is_none() {
            return Err(StorageError::new(ErrorKind::Io, "the snapshot is gone"));
        }
        Ok(())
    }
}

impl StorageCursor for MutantCursor {
    fn seek(&mut self, key: &[u8]) -> StorageResult<bool> {
        self.check()?;
        if self.ended && self.is(Defect::TheEndIsForEver) {
            return Ok(false);
        }
        let mut sought = stored(self.defect, key);
        if self.is(Defect::SeeksGoAbove) {
            sought.push(0);
        }
        if self.is(Defect::SeeksGoForwardOnly) {
            self.highest = sought.clone().max(std::mem::take(&mut self.highest));
            sought.clone_from(&self.highest);
        }
        self.inner.seek(&sought)?;
        self.ended = !self.look();
        Ok(!self.ended)
    }

    fn next(&mut self) -> StorageResult<bool> {
        self.check()?;
        let stood = self.inner.entry().is_some();
        match (self.defect, &self.present) {
            (Some(Defect::ScansSeeLaterWrites), Some((key, _))) => {
                let (kept, keyspace) = &self.live;
                self.inner = kept.inner.snapshot()?.cursor(keyspace)?;
                self.inner.seek(key)?;
            }
            (Some(Defect::CursorsShareAPosition), Some(_)) => {
                self.inner.seek(&lock(&self.position))?;
            }
            _ => {}
        }
        self.inner.next()?;
        if self.is(Defect::StepsAreOfTwo) {
            self.inner.next()?;
        }
        if self.is(Defect::NextStartsAgain) && stood && self.inner.entry().is_none() {
            self.inner.seek(&[])?;
        }
        let found = self.look();
        self.ended |= stood && !found;
        Ok(found)
    }

    fn entry(&self) -> Option<(&[u8], &[u8])> {
        let present = self.present.as_ref();
        present.map(|(key, value)| (key.as_slice(), value.as_slice()))
    }
}
