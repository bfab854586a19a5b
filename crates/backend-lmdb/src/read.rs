//! Read transactions: what they own, what they know, and those that the next reader of the same commit shares.
//!
//! Beginning one costs more than a look-up in it: LMDB takes a lock between processes and clears a record for every
//! slot. So the process that writes keeps some transactions of the last commit for those who read next.
//!
//! What always holds: nobody is given one of another commit than the last; none is kept beyond a commit, or while the
//! map is to grow, so that they keep no page from being used again and the map from no growth.

use crate::catalogue;
use crate::engine::{Engine, RawDatabase};
use crate::map::{Map, MapUse};
use crate::snapshot::lookup;
use heed::{Env, RoTxn, WithoutTls};
use quadrille_backend::{Keyspace, StorageResult};
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// How many transactions are kept at most: about as many threads as look up at once.
const KEPT_MAX: usize = 8;
/// Of this many reader slots one may hold a kept transaction. The others are for snapshots: a process that reads cannot
/// ask the one that writes for a slot.
const SLOTS_PER_KEPT: usize = 16;

/// A read transaction that owns a share of its environment.
pub(crate) struct ReadTransaction {
    transaction: RoTxn<'static, WithoutTls>,
    // Dropped last: then the map may move.
    _map: MapUse,
}

impl ReadTransaction {
    /// A transaction, with the right to use the map that it was begun under.
    pub(crate) fn new(transaction: RoTxn<'static, WithoutTls>, map: MapUse) -> Self {
        Self {
            transaction,
            _map: map,
        }
    }
}

impl Deref for ReadTransaction {
    type Target = RoTxn<'static, WithoutTls>;

    fn deref(&self) -> &Self::Target {
        &self.transaction
    }
}

/// Begins a read transaction that surely sees the commit whose number it bears.
///
/// LMDB first takes the number of the last published commit N and then copies its roots from the one of two meta pages
/// that belongs to it, which commit N + 2 overwrites. A reader that is held up between the two could take the roots of a
/// commit that is still being written, even half of them. N + 2 begins to write only when N + 1 is published. So when the
/// last commit is still N once the copy is made, or a transaction begun then still gets the number N, the copy is whole.
///
/// The second transaction is for the time when N + 1 is written, which shows, and not yet published: a reader must not wait
/// for its disk, and a writer killed just then never publishes it. Both may fail for want of a slot, which whoever reads
/// as well may free the next moment.
pub(crate) fn read_whole_commit<'e, 't>(
    environment: &'e Env<WithoutTls>,
    begin: impl Fn(&'e Env<WithoutTls>) -> heed::Result<RoTxn<'t, WithoutTls>>,
) -> heed::Result<RoTxn<'t, WithoutTls>> {
    loop {
        let transaction = begin(environment)?;
        if environment.info().last_txn_id <= transaction.id()
            || begin(environment)?.id() == transaction.id()
        {
            return Ok(transaction);
        }
    }
}

/// A commit to read: a transaction for one thread at a time, and where its keyspaces are.
pub(crate) struct Commit {
    id: usize,
    transaction: Mutex<ReadTransaction>,
    known: Known,
}

impl Commit {
    pub(crate) fn new(transaction: ReadTransaction) -> Self {
        Self {
            id: transaction.id(),
            transaction: Mutex::new(transaction),
            known: Known::default(),
        }
    }

    /// LMDB's number of the commit.
    pub(crate) fn id(&self) -> usize {
        self.id
    }

    /// LMDB leaves a read transaction usable whatever happened in another thread that held the lock.
    pub(crate) fn lock(&self) -> MutexGuard<'_, ReadTransaction> {
        self.transaction
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The database that a keyspace lives in, or `NotFound`.
    pub(crate) fn database(
        &self,
        engine: &Engine,
        keyspace: &Keyspace,
    ) -> StorageResult<RawDatabase> {
        if let Some(database) = self.known.find(keyspace) {
            return Ok(database);
        }
        let (_, database) = catalogue::resolve(engine, &self.lock(), keyspace)?;
        self.known.add(keyspace.clone(), database);
        Ok(database)
    }

    /// The value of a key, or what is made of it, while it is lent.
    pub(crate) fn get<T>(
        &self,
        engine: &Engine,
        keyspace: &Keyspace,
        key: &[u8],
        found: impl FnOnce(&[u8]) -> T,
    ) -> StorageResult<Option<T>> {
        let database = self.database(engine, keyspace)?;
        Ok(lookup(database, &self.lock(), keyspace, key)?.map(found))
    }
}

/// The keyspaces of one commit that were looked up so far: few, so that a search through them is quick. They are read
/// without a lock, as a commit never changes.
#[derive(Default)]
struct Known(OnceLock<Box<KnownKeyspace>>);

struct KnownKeyspace {
    keyspace: Keyspace,
    database: RawDatabase,
    next: Known,
}

impl Known {
    fn find(&self, keyspace: &Keyspace) -> Option<RawDatabase> {
        let mut place = self;
        while let Some(known) = place.0.get() {
            if known.keyspace == *keyspace {
                return Some(known.database);
            }
            place = &known.next;
        }
        None
    }

    /// Adds a keyspace at the end. Two threads may add the same one; the first is found.
    fn add(&self, keyspace: Keyspace, database: RawDatabase) {
        let mut added = Box::new(KnownKeyspace {
            keyspace,
            database,
            next: Self::default(),
        });
        let mut place = self;
        while let Err(back) = place.0.set(added) {
            added = back;
            match place.0.get() {
                Some(known) => place = &known.next,
                None => return,
            }
        }
    }
}

/// Commits kept for those who read next.
pub(crate) struct KeptCommits {
    kept: Mutex<Kept>,
    count_max: usize,
}

#[derive(Default)]
struct Kept {
    commits: Vec<Arc<Commit>>,
    paused: bool,
}

impl fmt::Debug for KeptCommits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.lock().commits.len();
        formatter.debug_tuple("KeptCommits").field(&count).finish()
    }
}

/// While it lives, nothing is kept.
pub(crate) struct Pause<'a>(&'a KeptCommits);

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.0.lock().paused = false;
    }
}

impl KeptCommits {
    /// None yet, and room by the reader slots of the environment.
    pub(crate) fn new(environment: &Env<WithoutTls>) -> Self {
        let slots = environment.info().maximum_number_of_readers as usize;
        Self {
            kept: Mutex::default(),
            count_max: (slots / SLOTS_PER_KEPT).min(KEPT_MAX),
        }
    }

    /// The list is whole after every statement, so a panic elsewhere cannot have broken it.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that nobody reads and that is still the last commit.
    pub(crate) fn take(&self, environment: &Env<WithoutTls>) -> Option<Arc<Commit>> {
        let kept = self.lock();
        let mut idle = kept.commits.iter();
        let found = idle.find(|commit| Arc::strong_count(commit) == 1)?;
        is_last(found, environment).then(|| Arc::clone(found))
    }

    /// Keeps one that was just begun, when there is room for it and it is in nobody's way.
    pub(crate) fn keep(&self, commit: &Arc<Commit>, environment: &Env<WithoutTls>, map: &Map) {
        let mut kept = self.lock();
        let room = !kept.paused && kept.commits.len() < self.count_max;
        // Asked under the lock: a commit becomes the last one, and the map is to grow, before what is kept is forgotten.
        if room && !map.is_to_grow() && is_last(commit, environment) {
            kept.commits.push(Arc::clone(commit));
        }
    }

    /// Lets all go. Those that somebody reads end with their last reader.
    pub(crate) fn forget(&self) {
        self.lock().commits.clear();
    }

    /// Lets all go, and keeps none until what is returned is dropped.
    pub(crate) fn pause(&self) -> Pause<'_> {
        let mut kept = self.lock();
        kept.paused = true;
        kept.commits.clear();
        Pause(self)
    }
}

/// Whether a commit is the last one. LMDB shows a commit here before any new transaction sees it, so that what follows
/// a commit somebody has seen is never taken for the last. The map stays while the commit's transaction is open.
fn is_last(commit: &Commit, environment: &Env<WithoutTls>) -> bool {
    environment.info().last_txn_id == commit.id()
}
