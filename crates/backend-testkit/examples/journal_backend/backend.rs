//! [`JournalBackend`]: the contract, on maps and a journal.

use crate::journal::{self, CREATE, DELETE, DROP, Entries, Journal, Keyspaces, PUT};
use quadrille_backend::{
    Capabilities, Durability, Entry, EntrySource, ErrorKind, Keyspace, OpenSnapshot,
    OperationCounters, StorageBackend, StorageCursor, StorageError, StorageResult, StorageSnapshot,
    StorageStats, StoreLock, Transaction, Wait, WriterGate, WriterPermit, allocated_bytes,
    prepare_empty_folder,
};
use std::fs;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

const LOCK_FILE: &str = "lock";

/// A store in a folder: all of it in memory, every commit in the journal.
pub(crate) struct JournalBackend {
    folder: PathBuf,
    /// The last commit and the right to the folder; `None` once closed.
    published: RwLock<Option<View>>,
    /// Written under the gate only.
    journal: Mutex<Journal>,
    gate: WriterGate,
    counters: Arc<OperationCounters>,
}

/// One commit. It holds the lock of the folder, so nobody else opens the store while a snapshot lives.
#[derive(Clone)]
struct View {
    state: Arc<Keyspaces>,
    lock: Arc<StoreLock>,
}

fn missing(keyspace: &Keyspace) -> StorageError {
    StorageError::new(ErrorKind::NotFound, "there is no such keyspace").in_keyspace(keyspace)
}

fn find<'a>(state: &'a Keyspaces, keyspace: &Keyspace) -> StorageResult<&'a Arc<Entries>> {
    state.get(keyspace).ok_or_else(|| missing(keyspace))
}

fn size(entries: &Entries) -> (u64, u64) {
    let bytes = entries.iter().map(|(key, value)| key.len() + value.len());
    (entries.len() as u64, bytes.sum::<usize>() as u64)
}

fn capabilities() -> Capabilities {
    let mut capabilities = Capabilities::volatile();
    capabilities.persistent = true;
    capabilities.durability = Durability::Durable;
    capabilities
}

impl JournalBackend {
    /// Opens the store in a folder, or makes one.
    pub(crate) fn open(folder: &Path) -> StorageResult<Self> {
        fs::create_dir_all(folder).map_err(|error| {
            StorageError::from_io(format!("cannot create {}", folder.display()), error)
        })?;
        let lock = StoreLock::exclusive(&folder.join(LOCK_FILE))?;
        let (journal, state) = Journal::open(folder)?;
        let view = View {
            state: Arc::new(state),
            lock: Arc::new(lock),
        };
        Ok(Self {
            folder: folder.to_owned(),
            published: RwLock::new(Some(view)),
            journal: Mutex::new(journal),
            gate: WriterGate::default(),
            counters: Arc::default(),
        })
    }

    fn view(&self) -> StorageResult<View> {
        let published = self
            .published
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let closed = || StorageError::new(ErrorKind::Closed, "the backend is closed");
        published.clone().ok_or_else(closed)
    }

    fn publish(&self, view: Option<View>) {
        let published = self.published.write();
        *published.unwrap_or_else(PoisonError::into_inner) = view;
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StorageBackend for JournalBackend {
    type Snapshot = JournalSnapshot;
    type Transaction<'a> = JournalTransaction<'a>;

    fn capabilities(&self) -> Capabilities {
        capabilities()
    }

    fn keyspaces(&self) -> StorageResult<Vec<Keyspace>> {
        Ok(self.view()?.state.keys().cloned().collect())
    }

    fn create_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        let mut transaction = self.begin()?;
        if transaction.state.contains_key(keyspace) {
            let error = StorageError::misuse("the keyspace exists already");
            return Err(error.in_keyspace(keyspace));
        }
        transaction.state.insert(keyspace.clone(), Arc::default());
        transaction.note(CREATE, &[keyspace.as_str().as_bytes()]);
        transaction.commit()
    }

    fn drop_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        let mut transaction = self.begin()?;
        let dropped = transaction.state.remove(keyspace);
        dropped.ok_or_else(|| missing(keyspace))?;
        transaction.note(DROP, &[keyspace.as_str().as_bytes()]);
        transaction.commit()
    }

    fn snapshot(&self) -> StorageResult<JournalSnapshot> {
        Ok(JournalSnapshot {
            view: self.view()?,
            counters: Arc::clone(&self.counters),
            open: Arc::new(self.counters.snapshot_taken()),
        })
    }

    fn begin_with(&self, wait: Wait) -> StorageResult<JournalTransaction<'_>> {
        let permit = self.gate.acquire(wait)?;
        Ok(JournalTransaction {
            state: Keyspaces::clone(&self.view()?.state),
            backend: self,
            changes: Vec::new(),
            writes: 0,
            deletes: 0,
            _permit: permit,
        })
    }

    fn ingest(&self, keyspace: &Keyspace, entries: &mut dyn EntrySource) -> StorageResult<u64> {
        let mut transaction = self.begin()?;
        if !find(&transaction.state, keyspace)?.is_empty() {
            let error = StorageError::misuse("only an empty keyspace can be ingested into");
            return Err(error.in_keyspace(keyspace));
        }
        let mut last: Option<Vec<u8>> = None;
        while let Some((key, value)) = entries.next_entry()? {
            if last.as_deref().is_some_and(|last| last >= key) {
                let error = StorageError::misuse("ingested keys must ascend strictly");
                return Err(error.in_keyspace(keyspace).at_key(key));
            }
            transaction.put(keyspace, key, value)?;
            last = Some(key.to_vec());
        }
        let count = transaction.writes;
        transaction.commit()?;
        Ok(count)
    }

    /// Every commit has waited for the disk already.
    fn flush(&self) -> StorageResult<()> {
        self.view().map(drop)
    }

    fn compact(&self) -> StorageResult<()> {
        let _permit = self.gate.acquire(Wait::Forever)?;
        let state = self.view()?.state;
        *self.journal() = Journal::write_anew(&self.folder, &state)?;
        Ok(())
    }

    fn stats(&self) -> StorageResult<StorageStats> {
        let view = self.view()?;
        let sizes = view.state.values().map(|entries| size(entries));
        let (count, bytes) = sizes.fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1));
        let disk = allocated_bytes(&self.folder)?;
        Ok(self.counters.stats(count, bytes, disk))
    }

    fn keyspace_size(&self, keyspace: &Keyspace) -> StorageResult<(u64, u64)> {
        Ok(size(find(&self.view()?.state, keyspace)?))
    }

    fn checkpoint(&self, folder: &Path) -> StorageResult<()> {
        let view = self.view()?;
        prepare_empty_folder(folder)?;
        Journal::write_anew(folder, &view.state).map(drop)
    }

    fn close(&self) -> StorageResult<()> {
        self.gate.close()?;
        // The view holds the lock until the note is written; once closed there is none.
        let sealed = match self.view() {
            Ok(_view) => self.journal().seal(&self.folder),
            Err(_) => Ok(()),
        };
        self.publish(None);
        sealed
    }

    fn destroy(&self) -> StorageResult<()> {
        let view = self.view()?;
        self.close()?;
        journal::remove(&self.folder)?;
        drop(view);
        fs::remove_file(self.folder.join(LOCK_FILE))
            .and_then(|()| fs::remove_dir(&self.folder))
            .map_err(journal::cannot("remove the folder of"))
    }
}

impl Drop for JournalBackend {
    fn drop(&mut self) {
        // Without the note of the length the next opening takes this for a crash, and no commit is lost.
        let _ = self.close();
    }
}

/// A view of one commit.
pub(crate) struct JournalSnapshot {
    view: View,
    counters: Arc<OperationCounters>,
    open: Arc<OpenSnapshot>,
}

impl StorageSnapshot for JournalSnapshot {
    type Cursor = JournalCursor;

    fn cursor(&self, keyspace: &Keyspace) -> StorageResult<JournalCursor> {
        Ok(JournalCursor {
            entries: Arc::clone(find(&self.view.state, keyspace)?),
            present: None,
            reads: 0,
            counters: Arc::clone(&self.counters),
            _lock: Arc::clone(&self.view.lock),
            _open: Arc::clone(&self.open),
        })
    }

    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        self.counters.add_reads(1);
        let value = find(&self.view.state, keyspace)?.get(key);
        Ok(value.map(|value| value.to_vec()))
    }

    fn contains(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<bool> {
        self.counters.add_reads(1);
        Ok(find(&self.view.state, keyspace)?.contains_key(key))
    }
}

/// A position in one keyspace of a snapshot.
pub(crate) struct JournalCursor {
    entries: Arc<Entries>,
    present: Option<(Vec<u8>, Arc<[u8]>)>,
    reads: u64,
    counters: Arc<OperationCounters>,
    _lock: Arc<StoreLock>,
    _open: Arc<OpenSnapshot>,
}

impl JournalCursor {
    fn move_to(&mut self, from: Bound<&[u8]>) -> bool {
        let found = self
            .entries
            .range::<[u8], _>((from, Bound::Unbounded))
            .next();
        self.present = found.map(|(key, value)| (key.clone(), Arc::clone(value)));
        self.reads += u64::from(self.present.is_some());
        self.present.is_some()
    }
}

impl StorageCursor for JournalCursor {
    fn seek(&mut self, key: &[u8]) -> StorageResult<bool> {
        Ok(self.move_to(Bound::Included(key)))
    }

    fn next(&mut self) -> StorageResult<bool> {
        let present = self.present.take();
        Ok(present.is_some_and(|(key, _)| self.move_to(Bound::Excluded(&key))))
    }

    fn entry(&self) -> Option<(&[u8], &[u8])> {
        let present = self.present.as_ref();
        present.map(|(key, value)| (key.as_slice(), &**value))
    }
}

impl Drop for JournalCursor {
    fn drop(&mut self) {
        self.counters.add_reads(self.reads);
    }
}

/// The write transaction: a state of its own, and the changes that lead to it.
pub(crate) struct JournalTransaction<'a> {
    backend: &'a JournalBackend,
    state: Keyspaces,
    changes: Vec<u8>,
    writes: u64,
    deletes: u64,
    _permit: WriterPermit<'a>,
}

impl JournalTransaction<'_> {
    fn note(&mut self, sort: u8, parts: &[&[u8]]) {
        journal::add_change(&mut self.changes, sort, parts);
    }

    fn entries_mut(&mut self, keyspace: &Keyspace) -> StorageResult<&mut Entries> {
        let entries = self.state.get_mut(keyspace);
        entries.map(Arc::make_mut).ok_or_else(|| missing(keyspace))
    }
}

impl Transaction for JournalTransaction<'_> {
    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        self.backend.counters.add_reads(1);
        let value = find(&self.state, keyspace)?.get(key);
        Ok(value.map(|value| value.to_vec()))
    }

    fn seek(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Entry>> {
        let bounds = (Bound::Included(key), Bound::Unbounded);
        let found = find(&self.state, keyspace)?.range::<[u8], _>(bounds).next();
        self.backend.counters.add_reads(u64::from(found.is_some()));
        Ok(found.map(|(key, value)| (key.clone(), value.to_vec())))
    }

    fn put(&mut self, keyspace: &Keyspace, key: &[u8], value: &[u8]) -> StorageResult<()> {
        let longest = capabilities().key_bytes_max;
        if key.len() > longest {
            let error = StorageError::misuse(format!("keys have at most {longest} bytes"));
            return Err(error.in_keyspace(keyspace).at_key(key));
        }
        let entries = self.entries_mut(keyspace)?;
        entries.insert(key.to_vec(), value.into());
        self.note(PUT, &[keyspace.as_str().as_bytes(), key, value]);
        self.writes += 1;
        Ok(())
    }

    fn delete(&mut self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<()> {
        self.entries_mut(keyspace)?.remove(key);
        self.note(DELETE, &[keyspace.as_str().as_bytes(), key]);
        self.deletes += 1;
        Ok(())
    }

    fn commit(self) -> StorageResult<()> {
        if self.changes.is_empty() {
            return Ok(());
        }
        let lock = self.backend.view()?.lock;
        self.backend.journal().append(&self.changes)?;
        self.backend.publish(Some(View {
            state: Arc::new(self.state),
            lock,
        }));
        self.backend.counters.add_writes(self.writes);
        self.backend.counters.add_deletes(self.deletes);
        Ok(())
    }
}
