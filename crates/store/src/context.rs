//! What every read carries: how it can be stopped.

use quadrille_backend::{ErrorKind, StorageError, StorageResult};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A switch that stops the reads that carry it, from any thread. Clones share the switch.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token that has not been cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops every read that carries this token, at its next check.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
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
