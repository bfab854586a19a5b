//! The gate before the one write transaction: who may write, who waits, who is told that it would wait for itself.
//!
//! Every backend of this project puts it before its engine's own lock, so that waiting, time-outs and the error for a
//! nested `begin` are the same everywhere. What always holds: at most one [`WriterPermit`] exists, and the thread that
//! acquired it is the one that drops it (a permit is not `Send`); those who wait pass in the order in which they came,
//! so that one who comes again and again holds up nobody.

use crate::{ErrorKind, StorageError, StorageResult, Wait};
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Instant;

/// Those who wait for something, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct WaitingLine {
    tickets: VecDeque<u64>,
    next: u64,
}

impl WaitingLine {
    /// Joins the line; the ticket tells when it is one's turn.
    pub fn join(&mut self) -> u64 {
        let ticket = self.next;
        self.next += 1;
        self.tickets.push_back(ticket);
        ticket
    }

    /// Whether whoever has the ticket is the first.
    #[must_use]
    pub fn is_first(&self, ticket: u64) -> bool {
        self.tickets.front() == Some(&ticket)
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tickets.is_empty()
    }

    /// Leaves the line: it was one's turn, or one waits no longer.
    pub fn leave(&mut self, ticket: u64) {
        self.tickets.retain(|other| *other != ticket);
    }
}

/// A lock for writers that knows its owner; for those who implement a backend.
#[derive(Debug, Default)]
pub struct WriterGate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct GateState {
    owner: Option<ThreadId>,
    line: WaitingLine,
    closed: bool,
}

impl WriterGate {
    /// Waits for the permit to write, as long as told. Whoever does not wait at all takes a permit that is free, also
    /// when others are about to take it.
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
        if state.owner == Some(thread::current().id()) {
            return Err(StorageError::misuse(
                "this thread holds the write transaction and would wait for itself",
            ));
        }
        if state.closed {
            return Err(closed());
        }
        if state.owner.is_none() && (state.line.is_empty() || wait == Wait::No) {
            return Ok(self.permit(&mut state));
        }
        if wait == Wait::No {
            return Err(busy());
        }
        let ticket = state.line.join();
        loop {
            let (after, in_time) = self.wait(state, deadline);
            state = after;
            let is_free = state.owner.is_none() && state.line.is_first(ticket);
            if !is_free && !state.closed && in_time {
                continue;
            }
            state.line.leave(ticket);
            if state.closed || !is_free {
                let error = if state.closed { closed() } else { busy() };
                drop(state);
                // The next one may be the first now.
                self.changed.notify_all();
                return Err(error);
            }
            return Ok(self.permit(&mut state));
        }
    }

    fn permit(&self, state: &mut GateState) -> WriterPermit<'_> {
        state.owner = Some(thread::current().id());
        WriterPermit {
            gate: self,
            not_send: PhantomData,
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

    /// Waits for a change; whether there is time left.
    fn wait<'a>(
        &self,
        state: MutexGuard<'a, GateState>,
        deadline: Option<Instant>,
    ) -> (MutexGuard<'a, GateState>, bool) {
        let Some(deadline) = deadline else {
            let state = self.changed.wait(state);
            return (state.unwrap_or_else(PoisonError::into_inner), true);
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return (state, false);
        }
        let waited = self.changed.wait_timeout(state, left);
        (waited.unwrap_or_else(PoisonError::into_inner).0, true)
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

fn busy() -> StorageError {
    StorageError::new(ErrorKind::Busy, "another write transaction is open")
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
    #[test]
    fn a_thread_that_comes_again_and_again_lets_others_pass() {
        let gate = WriterGate::default();
        let permit = gate.acquire(Wait::No).expect("free");
        thread::scope(|scope| {
            let waiting = scope.spawn(|| gate.acquire(Wait::Forever).map(drop).is_ok());
            while gate.lock().line.is_empty() {
                thread::yield_now();
            }
            drop(permit);
            // It waits until the other one has passed.
            let permit = gate.acquire(Wait::Forever).expect("it came free");
            assert!(gate.lock().line.is_empty());
            assert!(waiting.join().expect("no panic"));
            drop(permit);
        });
    }

    #[test]
    fn one_who_stops_waiting_holds_up_nobody() {
        let gate = &WriterGate::default();
        let permit = gate.acquire(Wait::No).expect("free");
        thread::scope(|scope| {
            let brief = Wait::AtMost(Duration::from_millis(20));
            let first = scope.spawn(move || gate_kind(gate.acquire(brief)));
            while gate.lock().line.is_empty() {
                thread::yield_now();
            }
            let second = scope.spawn(move || gate_kind(gate.acquire(Wait::Forever)));
            assert_eq!(first.join().expect("no panic"), Some(ErrorKind::Busy));
            drop(permit);
            assert_eq!(second.join().expect("no panic"), None);
        });
    }

    fn gate_kind(result: StorageResult<WriterPermit<'_>>) -> Option<ErrorKind> {
        result.err().map(|error| error.kind())
    }
}
