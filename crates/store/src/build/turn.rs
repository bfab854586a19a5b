//! Whose turn it is to build: bulk loads, compactions and whatever else writes a generation go one after the other.
//!
//! What flows in: a store. What flows out: the commit that a build starts from. What always holds: while a turn lasts,
//! the store stays at its generation, unless the turn's own build replaces it, and the log keeps a record of every commit
//! since the one that the build started from, so that it can [catch up](super::catch_up) with them. Writers go on. A turn
//! comes before the writer lock: whoever holds that one does not wait for a turn.

use crate::snapshot::Snapshot;
use crate::store::QuadStore;
use crate::writer_lock::WriterGuard;
use quadrille_backend::{StorageBackend, StorageResult, Wait};
use std::sync::atomic::Ordering;

/// No build needs the log.
pub(crate) const NOT_NEEDED: u64 = u64::MAX;

/// The turn to build; dropping it lets the next one build.
pub(crate) struct BuildTurn<'a, B: StorageBackend> {
    store: &'a QuadStore<B>,
    _guard: WriterGuard<'a, ()>,
}

impl<'a, B: StorageBackend> BuildTurn<'a, B> {
    /// Waits for the turn, and then for a transaction that is open; the turn, and the last commit.
    ///
    /// # Errors
    /// `ReadOnly`; `Misuse` when this thread builds already, or has a transaction open; what the backend fails with.
    pub(crate) fn begin(store: &'a QuadStore<B>) -> StorageResult<(Self, Snapshot<B>)> {
        store.inner.writer.refuse_owner()?;
        let turn = Self {
            store,
            _guard: store.inner.builder.acquire(Wait::Forever)?,
        };
        let (writer, base) = store.begin(Wait::Forever)?;
        // Still as the writer: the next commit may delete log records.
        let needed = &store.inner.log_needed_from;
        needed.store(base.epoch(), Ordering::SeqCst);
        drop(writer);
        Ok((turn, base))
    }

    /// The turn, if nobody builds, for a caller that holds the writer lock and so is up to date.
    pub(crate) fn try_begin(store: &'a QuadStore<B>) -> Option<Self> {
        let guard = store.inner.builder.acquire(Wait::No).ok()?;
        Some(Self {
            store,
            _guard: guard,
        })
    }
}

impl<B: StorageBackend> Drop for BuildTurn<'_, B> {
    fn drop(&mut self) {
        let needed = &self.store.inner.log_needed_from;
        needed.store(NOT_NEEDED, Ordering::SeqCst);
    }
}
