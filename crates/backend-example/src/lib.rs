//! A storage backend to copy, whole and small: ordered maps in memory, and a journal on disk that brings them back.
//!
//! What flows in: calls of the contract. What flows out: entries of the maps, and a record in the journal for each
//! commit. What always holds: the maps of a commit are never changed, the next one copies those that it touches; a
//! commit is published once its record has reached the disk.

mod journal;

use journal::{Change, Entries, Journal, Keyspaces, cannot};
use quadrille_backend::{
    Capabilities, Durability, Entry, EntrySource, ErrorKind, Keyspace, OpenSnapshot,
    OperationCounters, StorageBackend, StorageCursor, StorageError, StorageResult, StorageSnapshot,
    StorageStats, StoreLock, Transaction, Wait, WriterGate, WriterPermit, allocated_bytes,
    prepare_empty_folder, sync_folder, sync_with_parent,
};
use std::fs;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

const LOCK_FILE: &str = "lock";

/// A store in a folder: all of it in memory, every commit in the journal.
pub struct JournalBackend {
    folder: PathBuf,
    /// The last commit; `None` once closed.
    published: RwLock<Option<View>>,
    /// Used under the gate only.
    journal: Mutex<Journal>,
    gate: WriterGate,
    counters: Arc<OperationCounters>,
}

/// One commit, and the right to the folder: nobody else opens the store while a snapshot lives.
#[derive(Clone)]
struct View {
    state: Arc<Keyspaces>,
    lock: Arc<StoreLock>,
}

impl JournalBackend {
    /// Opens the store in a folder, or makes one.
    ///
    /// # Errors
    /// `Locked` when somebody has it open, `Corrupted` when the journal is damaged, `Io`.
    pub fn open(folder: &Path) -> StorageResult<Self> {
        fs::create_dir_all(folder).map_err(cannot("create", folder))?;
        let lock = Arc::new(StoreLock::exclusive(&folder.join(LOCK_FILE))?);
        let (journal, state) = Journal::open(folder)?;
        let state = Arc::new(state);
        Ok(Self {
            folder: folder.to_owned(),
            published: RwLock::new(Some(View { state, lock })),
            journal: Mutex::new(journal),
            gate: WriterGate::default(),
            counters: Arc::default(),
        })
    }

    fn view(&self) -> StorageResult<View> {
        let view = self.published.read();
        let view = view.unwrap_or_else(PoisonError::into_inner).clone();
        view.ok_or_else(|| StorageError::new(ErrorKind::Closed, "the backend is closed"))
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
        let mut capabilities = Capabilities::volatile();
        capabilities.persistent = true;
        capabilities.durability = Durability::Durable;
        capabilities
    }

    fn keyspaces(&self) -> StorageResult<Vec<Keyspace>> {
        Ok(self.view()?.state.keys().cloned().collect())
    }

    fn create_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        let mut transaction = self.begin()?;
        transaction.change((Change::Create, keyspace, &[], &[]))?;
        transaction.commit()
    }

    fn drop_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        let mut transaction = self.begin()?;
        transaction.change((Change::Drop, keyspace, &[], &[]))?;
        transaction.commit()
    }

    fn snapshot(&self) -> StorageResult<JournalSnapshot> {
        let View { state, lock } = self.view()?;
        let held = Arc::new(Held {
            counters: Arc::clone(&self.counters),
            _lock: lock,
            _open: self.counters.snapshot_taken(),
        });
        Ok(JournalSnapshot { state, held })
    }

    fn begin_with(&self, wait: Wait) -> StorageResult<JournalTransaction<'_>> {
        let permit = self.gate.acquire(wait)?;
        Ok(JournalTransaction {
            backend: self,
            view: self.view()?,
            changes: Vec::new(),
            writes: 0,
            deletes: 0,
            _permit: permit,
        })
    }

    fn ingest(&self, keyspace: &Keyspace, entries: &mut dyn EntrySource) -> StorageResult<u64> {
        let misuse = |message: &str| StorageError::misuse(message).in_keyspace(keyspace);
        let mut transaction = self.begin()?;
        if !journal::find(&transaction.view.state, keyspace)?.is_empty() {
            return Err(misuse("only an empty keyspace can be ingested into"));
        }
        let mut last: Option<Vec<u8>> = None;
        while let Some((key, value)) = entries.next_entry()? {
            if last.as_deref().is_some_and(|last| last >= key) {
                return Err(misuse("ingested keys must ascend strictly").at_key(key));
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
        *self.journal() = Journal::write_anew(&self.folder, &self.view()?.state)?;
        sync_folder(&self.folder)
    }

    fn stats(&self) -> StorageResult<StorageStats> {
        let state = self.view()?.state;
        let entries = || state.values().flat_map(|entries| entries.iter());
        let bytes: usize = entries().map(|(key, value)| key.len() + value.len()).sum();
        let disk_bytes = allocated_bytes(&self.folder)?;
        let count = entries().count() as u64;
        Ok(self.counters.stats(count, bytes as u64, disk_bytes))
    }

    fn checkpoint(&self, folder: &Path) -> StorageResult<()> {
        let state = self.view()?.state;
        prepare_empty_folder(folder)?;
        Journal::write_anew(folder, &state)?;
        sync_with_parent(folder)
    }

    fn close(&self) -> StorageResult<()> {
        self.gate.close()?;
        // The view holds the lock until the journal is sealed; once closed there is none.
        let sealed = match self.view() {
            Ok(_view) => self.journal().seal(&self.folder),
            Err(_) => Ok(()),
        };
        self.publish(None);
        sealed
    }

    fn destroy(&self) -> StorageResult<()> {
        let _view = self.view()?;
        self.close()?;
        for name in journal::FILES.into_iter().chain([LOCK_FILE]) {
            let path = self.folder.join(name);
            if path.exists() {
                fs::remove_file(&path).map_err(cannot("remove", &path))?;
            }
        }
        fs::remove_dir(&self.folder).map_err(cannot("remove", &self.folder))
    }
}

impl Drop for JournalBackend {
    fn drop(&mut self) {
        // A journal that is not sealed is taken for one that a crash left, and loses nothing.
        let _ = self.close();
    }
}

/// A view of one commit.
pub struct JournalSnapshot {
    state: Arc<Keyspaces>,
    held: Arc<Held>,
}

/// What a snapshot and its cursors hold on to.
struct Held {
    counters: Arc<OperationCounters>,
    _lock: Arc<StoreLock>,
    _open: OpenSnapshot,
}

impl StorageSnapshot for JournalSnapshot {
    type Cursor = JournalCursor;

    fn cursor(&self, keyspace: &Keyspace) -> StorageResult<JournalCursor> {
        Ok(JournalCursor {
            entries: Arc::clone(journal::find(&self.state, keyspace)?),
            present: None,
            held: Arc::clone(&self.held),
        })
    }

    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        self.held.counters.add_reads(1);
        let value = journal::find(&self.state, keyspace)?.get(key);
        Ok(value.map(|value| value.to_vec()))
    }

    fn contains(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<bool> {
        Ok(self.get(keyspace, key)?.is_some())
    }
}

/// A position in one keyspace of a snapshot.
pub struct JournalCursor {
    entries: Arc<Entries>,
    present: Option<(Vec<u8>, Arc<[u8]>)>,
    held: Arc<Held>,
}

impl JournalCursor {
    fn move_to(&mut self, from: Bound<&[u8]>) -> bool {
        let range = (from, Bound::Unbounded);
        let found = self.entries.range::<[u8], _>(range).next();
        self.present = found.map(|(key, value)| (key.clone(), Arc::clone(value)));
        self.held.counters.add_reads(u64::from(found.is_some()));
        found.is_some()
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

/// The write transaction: a view of its own, and the changes that led to it.
pub struct JournalTransaction<'a> {
    backend: &'a JournalBackend,
    view: View,
    changes: Vec<u8>,
    writes: u64,
    deletes: u64,
    _permit: WriterPermit<'a>,
}

impl JournalTransaction<'_> {
    fn change(&mut self, change: (Change, &Keyspace, &[u8], &[u8])) -> StorageResult<()> {
        journal::apply(Arc::make_mut(&mut self.view.state), change)?;
        journal::add(&mut self.changes, change);
        Ok(())
    }
}

impl Transaction for JournalTransaction<'_> {
    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        self.backend.counters.add_reads(1);
        let value = journal::find(&self.view.state, keyspace)?.get(key);
        Ok(value.map(|value| value.to_vec()))
    }

    fn seek(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Entry>> {
        let from = (Bound::Included(key), Bound::Unbounded);
        let entries = journal::find(&self.view.state, keyspace)?;
        let found = entries.range::<[u8], _>(from).next();
        self.backend.counters.add_reads(u64::from(found.is_some()));
        Ok(found.map(|(key, value)| (key.clone(), value.to_vec())))
    }

    fn put(&mut self, keyspace: &Keyspace, key: &[u8], value: &[u8]) -> StorageResult<()> {
        let longest = self.backend.capabilities().key_bytes_max;
        if key.len() > longest {
            let error = StorageError::misuse(format!("keys have at most {longest} bytes"));
            return Err(error.in_keyspace(keyspace).at_key(key));
        }
        self.change((Change::Put, keyspace, key, value))?;
        self.writes += 1;
        Ok(())
    }

    fn delete(&mut self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<()> {
        self.change((Change::Delete, keyspace, key, &[]))?;
        self.deletes += 1;
        Ok(())
    }

    fn commit(self) -> StorageResult<()> {
        if !self.changes.is_empty() {
            self.backend.journal().append(&self.changes)?;
            self.backend.publish(Some(self.view));
            self.backend.counters.add_writes(self.writes);
            self.backend.counters.add_deletes(self.deletes);
        }
        Ok(())
    }
}
