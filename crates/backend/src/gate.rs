//! The gate before the one write transaction: who may write, who waits, who is told that it would wait for itself.
//!
//! Every backend of this project puts it before its engine's own lock, so that waiting, time-outs and the error for a
//! nested `begin` are the same everywhere. What always holds: at most one [`WriterPermit`] exists, and the thread that
//! acquired it is the one that drops it (a permit is not `Send`).

use crate::{ErrorKind, StorageError, StorageResult, Wait};
use std::marker::PhantomData;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Instant;

/// A lock for writers that knows its owner; for those who implement a backend.
#[derive(Debug, Default)]
pub struct WriterGate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct GateState {
    owner: Option<ThreadId>,
    closed: bool,
}

impl WriterGate {
    /// Waits for the permit to write, as long as told.
    ///
    /// # Errors
    /// `Misuse` when this thread holds the permit already, `Busy` when the time is over, `Closed` after
    /// [`close`](Self::close).
    pub fn acquire(&self, wait: Wait) -> StorageResult<WriterPermit<'_>> {
        let deadline = match wait {
            Wait::AtMost(time) => Instant::now().checked_add(time),
            Wait::Forever | Wait::No => None,
        };
        let mut state = self.lock();
        loop {
            if state.closed {
                return Err(closed());
            }
            let Some(owner) = state.owner else {
                state.owner = Some(thread::current().id());
                return Ok(WriterPermit {
                    gate: self,
                    not_send: PhantomData,
                });
            };
            if owner == thread::current().id() {
                return Err(StorageError::misuse(
                    "this thread holds the write transaction and would wait for itself",
                ));
            }
            state = self.wait(state, wait, deadline)?;
        }
    }

    /// Lets nobody through from now on; closing again is no error.
    ///
    /// # Errors
    /// `Busy` while a permit is held.
    pub fn close(&self) -> StorageResult<()> {
        let mut state = self.lock();
        if state.owner.is_some() {
            return Err(StorageError::new(
                ErrorKind::Busy,
                "a write transaction is open",
            ));
        }
        state.closed = true;
        drop(state);
        self.changed.notify_all();
        Ok(())
    }

    /// Whether [`close`](Self::close) succeeded.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, GateState>,
        wait: Wait,
        deadline: Option<Instant>,
    ) -> StorageResult<MutexGuard<'a, GateState>> {
        let busy = || StorageError::new(ErrorKind::Busy, "another write transaction is open");
        let Some(deadline) = deadline else {
            if wait == Wait::No {
                return Err(busy());
            }
            return Ok(self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner));
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(busy());
        }
        let (state, _) = self
            .changed
            .wait_timeout(state, left)
            .unwrap_or_else(PoisonError::into_inner);
        Ok(state)
    }

    /// The state is whole after every statement, so a panic elsewhere cannot have broken it.
    fn lock(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to write, given back when dropped.
#[derive(Debug)]
pub struct WriterPermit<'a> {
    gate: &'a WriterGate,
    not_send: PhantomData<*const ()>,
}

impl Drop for WriterPermit<'_> {
    fn drop(&mut self) {
        self.gate.lock().owner = None;
        self.gate.changed.notify_all();
    }
}

/// The error of every operation on a closed backend.
pub(crate) fn closed() -> StorageError {
    StorageError::new(ErrorKind::Closed, "the backend is closed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_owner_is_told_at_once_and_others_wait() {
        let gate = WriterGate::default();
        let permit = gate.acquire(Wait::No).expect("free");
        for wait in [
            Wait::No,
            Wait::Forever,
            Wait::AtMost(Duration::from_secs(9)),
        ] {
            let error = gate.acquire(wait).expect_err("held by this thread");
            assert_eq!(error.kind(), ErrorKind::Misuse);
        }
        assert_eq!(gate.close().map_err(|e| e.kind()), Err(ErrorKind::Busy));
        thread::scope(|scope| {
            let other = scope.spawn(|| {
                let refused = gate.acquire(Wait::No).map(drop).map_err(|e| e.kind());
                let started = Instant::now();
                let late = gate.acquire(Wait::AtMost(Duration::from_millis(20)));
                let late = late.map(drop).map_err(|e| e.kind());
                (refused, late, started.elapsed())
            });
            let (refused, late, waited) = other.join().expect("no panic");
            assert_eq!(refused, Err(ErrorKind::Busy));
            assert_eq!(late, Err(ErrorKind::Busy));
            assert!(waited >= Duration::from_millis(20));
            let waiting = scope.spawn(|| gate.acquire(Wait::Forever).map(drop).is_ok());
            thread::sleep(Duration::from_millis(5));
            drop(permit);
            assert!(waiting.join().expect("no panic"));
        });
        gate.close().expect("nobody writes");
        let error = gate.acquire(Wait::Forever).expect_err("closed");
        assert_eq!(error.kind(), ErrorKind::Closed);
    }
}
