//! What every read carries, how it can be stopped, and what is counted of reads.

use quadrille_backend::{ErrorKind, StorageError, StorageResult};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

thread_local! {
    static BLOCKS_READ: Cell<u64> = const { Cell::new(0) };
}

/// How many blocks this thread has read since it started, of all stores and indexes: what a read cost is the difference of
/// two calls around it.
#[must_use]
pub fn blocks_read() -> u64 {
    BLOCKS_READ.get()
}

/// Counts a block.
pub(crate) fn count_block() {
    BLOCKS_READ.set(BLOCKS_READ.get() + 1);
}

/// A switch that stops the reads that carry it, from any thread. Clones share the switch.
#[derive(Clone, Debug, Default)]
pub struct CancelToken {
    is_cancelled: Arc<AtomicBool>,
    parent: Option<Arc<Self>>,
}

impl CancelToken {
    /// A token that has not been cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that is cancelled when this one is, and can be cancelled without it: for a part of what this one stops.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            is_cancelled: Arc::default(),
            parent: Some(Arc::new(self.clone())),
        }
    }

    /// Stops every read that carries this token or a [child](Self::child) of it, at its next check.
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether [`cancel`](Self::cancel) was called, for this token or one that it is a child of.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        let mut token = Some(self);
        while let Some(asked) = token {
            if asked.is_cancelled.load(Ordering::Relaxed) {
                return true;
            }
            token = asked.parent.as_deref();
        }
        false
    }
}

/// The context of a read: a cancel token and a deadline. The default has neither and never stops.
#[derive(Clone, Debug, Default)]
pub struct ReadContext {
    cancel: Option<CancelToken>,
    deadline: Option<Instant>,
}

impl ReadContext {
    /// A context that never stops a read.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops the read when the token is cancelled.
    #[must_use]
    pub fn with_cancel_token(mut self, token: CancelToken) -> Self {
        self.cancel = Some(token);
        self
    }

    /// Stops the read at an instant.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Whether the read may go on.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`] when the token was cancelled or the deadline has passed.
    pub fn check(&self) -> StorageResult<()> {
        if self.cancel.as_ref().is_some_and(CancelToken::is_cancelled) {
            return Err(StorageError::new(ErrorKind::Cancelled, "cancelled"));
        }
        if self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
        {
            return Err(StorageError::new(
                ErrorKind::Cancelled,
                "the deadline has passed",
            ));
        }
        Ok(())
    }
}
