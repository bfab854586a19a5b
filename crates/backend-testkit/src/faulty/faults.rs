//! Which operations are to fail, how often each was asked for, and what is to happen beside them.

use quadrille_backend::{ErrorKind, Keyspace, StorageError, StorageResult};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

macro_rules! operations {
    ($($(#[$doc:meta])* $operation:ident = $name:literal),* $(,)?) => {
        /// What can be made to fail, and is counted.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum Operation {
            $($(#[$doc])* $operation,)*
        }

        impl Operation {
            /// Every operation, for sweeps over all of them.
            pub const ALL: &[Self] = &[$(Self::$operation),*];

            /// The name, as error messages show it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$operation => $name,)*
                }
            }
        }
    };
}

operations! {
    /// Listing the keyspaces.
    Keyspaces = "keyspaces",
    /// Creating a keyspace.
    CreateKeyspace = "create_keyspace",
    /// Dropping a keyspace.
    DropKeyspace = "drop_keyspace",
    /// Taking a snapshot.
    Snapshot = "snapshot",
    /// Making a cursor of a snapshot.
    Cursor = "cursor",
    /// Reading a key, in a snapshot or a transaction.
    Get = "get",
    /// A seek of a cursor or of a transaction.
    Seek = "seek",
    /// A step of a cursor.
    Next = "next",
    /// Beginning a transaction.
    Begin = "begin",
    /// A put of a transaction.
    Put = "put",
    /// A delete of a transaction.
    Delete = "delete",
    /// Committing a transaction.
    Commit = "commit",
    /// Beginning an ingest; nothing is written when it fails.
    Ingest = "ingest",
    /// Taking one entry into an ingest; when it fails, the entries before it are in the keyspace.
    IngestEntry = "ingest_entry",
    /// Making commits durable.
    Flush = "flush",
    /// Giving space back.
    Compact = "compact",
    /// Asking for figures, of the backend or of a keyspace.
    Stats = "stats",
    /// Writing a copy.
    Checkpoint = "checkpoint",
    /// Closing.
    Close = "close",
    /// Deleting everything.
    Destroy = "destroy",
}

type Chooser = Box<dyn Fn(&Keyspace) -> bool + Send>;

/// One fault: which operation fails, when, and with what kind of error.
pub struct Fault {
    operation: Option<Operation>,
    kind: ErrorKind,
    /// Operations that still pass.
    passing: u64,
    lasts: bool,
    chosen: Option<Chooser>,
}

impl fmt::Debug for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Fault")
            .field("operation", &self.operation)
            .field("kind", &self.kind)
            .field("passing", &self.passing)
            .field("lasts", &self.lasts)
            .finish_non_exhaustive()
    }
}

impl Fault {
    /// The next operation of this sort fails with `Full`, once.
    #[must_use]
    pub fn on(operation: Operation) -> Self {
        Self {
            operation: Some(operation),
            kind: ErrorKind::Full,
            passing: 0,
            lasts: false,
            chosen: None,
        }
    }

    /// The next operation of any sort fails with `Full`, once.
    #[must_use]
    pub fn on_any() -> Self {
        Self {
            operation: None,
            ..Self::on(Operation::Put)
        }
    }

    /// So many operations pass before the one that fails.
    #[must_use]
    pub fn after(mut self, operations: u64) -> Self {
        self.passing = operations;
        self
    }

    /// It fails with this kind of error.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// All later operations fail as well, until the faults are cleared.
    #[must_use]
    pub fn from_then_on(mut self) -> Self {
        self.lasts = true;
        self
    }

    /// Only operations on these keyspaces count and fail; those on no keyspace pass.
    #[must_use]
    pub fn in_keyspaces(mut self, chosen: impl Fn(&Keyspace) -> bool + Send + 'static) -> Self {
        self.chosen = Some(Box::new(chosen));
        self
    }

    /// Whether it strikes at this operation.
    fn strikes(&mut self, operation: Operation, keyspace: Option<&Keyspace>) -> bool {
        if self.operation.is_some_and(|own| own != operation) {
            return false;
        }
        if let Some(chosen) = &self.chosen
            && !keyspace.is_some_and(chosen)
        {
            return false;
        }
        let strikes = self.passing == 0;
        self.passing = self.passing.saturating_sub(1);
        strikes
    }
}

/// Whether something happens before an operation or after it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Moment {
    /// Before the operation, whether it will fail or not.
    Before,
    /// After the operation, when it succeeded.
    After,
}

type Callback = Box<dyn FnMut() + Send>;

/// What is to go wrong in a [`Faulty`](super::Faulty) backend, and what went on in it. Shared by all its parts.
#[derive(Default)]
pub struct Faults {
    /// Whether there are faults or callbacks at all: without them an operation costs an addition.
    armed: AtomicBool,
    faults: Mutex<Vec<Fault>>,
    callbacks: Mutex<HashMap<(Moment, Operation), Callback>>,
    counts: [AtomicU64; Operation::ALL.len()],
    alive: AtomicUsize,
}

impl fmt::Debug for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Faults")
            .field("faults", &*lock(&self.faults))
            .field("snapshots_alive", &self.snapshots_alive())
            .finish_non_exhaustive()
    }
}

/// What the locks guard is whole after every statement, so a panic elsewhere cannot have broken it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Faults {
    /// Adds a fault. Of several that strike at once, the first counts.
    pub fn add(&self, fault: Fault) {
        lock(&self.faults).push(fault);
        self.armed.store(true, Ordering::SeqCst);
    }

    /// Forgets all faults; callbacks and counts stay.
    pub fn clear(&self) {
        lock(&self.faults).clear();
    }

    /// Calls a function before or after each operation of a sort, in place of the one that was called there. What it
    /// does to the same backend does not call it again.
    pub fn call(
        &self,
        moment: Moment,
        operation: Operation,
        callback: impl FnMut() + Send + 'static,
    ) {
        lock(&self.callbacks).insert((moment, operation), Box::new(callback));
        self.armed.store(true, Ordering::SeqCst);
    }

    /// Forgets all callbacks.
    pub fn forget_calls(&self) {
        let forgotten = std::mem::take(&mut *lock(&self.callbacks));
        // What a callback owns may use the backend when it is dropped: not under the lock.
        drop(forgotten);
    }

    /// How often an operation was asked for, whether it failed or not, since the counts were reset.
    #[must_use]
    pub fn count(&self, operation: Operation) -> u64 {
        self.counts[operation as usize].load(Ordering::SeqCst)
    }

    /// How often any operation was asked for since the counts were reset.
    #[must_use]
    pub fn count_all(&self) -> u64 {
        Operation::ALL.iter().map(|own| self.count(*own)).sum()
    }

    /// Sets all counts to 0.
    pub fn reset_counts(&self) {
        for count in &self.counts {
            count.store(0, Ordering::SeqCst);
        }
    }

    /// How many snapshots are held, by themselves or by a cursor.
    #[must_use]
    pub fn snapshots_alive(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }

    pub(super) fn snapshot_taken(&self) {
        self.alive.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn snapshot_dropped(&self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }

    /// Counts an operation, does what was asked for beside it, and does the operation unless a fault strikes.
    pub(super) fn during<T>(
        &self,
        operation: Operation,
        keyspace: Option<&Keyspace>,
        body: impl FnOnce() -> StorageResult<T>,
    ) -> StorageResult<T> {
        self.counts[operation as usize].fetch_add(1, Ordering::SeqCst);
        if !self.armed.load(Ordering::SeqCst) {
            return body();
        }
        self.call_back(Moment::Before, operation);
        self.strike(operation, keyspace)?;
        let result = body()?;
        self.call_back(Moment::After, operation);
        Ok(result)
    }

    fn call_back(&self, moment: Moment, operation: Operation) {
        let at = (moment, operation);
        let Some(mut callback) = lock(&self.callbacks).remove(&at) else {
            return;
        };
        callback();
        lock(&self.callbacks).entry(at).or_insert(callback);
    }

    fn strike(&self, operation: Operation, keyspace: Option<&Keyspace>) -> StorageResult<()> {
        let mut faults = lock(&self.faults);
        // Each fault counts on its own, so all of them are asked.
        let mut struck = Vec::new();
        for (index, fault) in faults.iter_mut().enumerate() {
            if fault.strikes(operation, keyspace) {
                struck.push((index, fault.kind));
            }
        }
        let Some((_, kind)) = struck.first().copied() else {
            return Ok(());
        };
        for (index, _) in struck.into_iter().rev() {
            if !faults[index].lasts {
                faults.remove(index);
            }
        }
        let error = StorageError::new(kind, "a fault that a test asked for");
        let error = error.during(operation.as_str());
        Err(match keyspace {
            Some(keyspace) => error.in_keyspace(keyspace),
            None => error,
        })
    }
}
