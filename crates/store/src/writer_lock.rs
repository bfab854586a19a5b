//! The lock that makes write transactions one at a time, and refuses a thread that would wait for itself. Those who wait
//! pass in the order in which they came, so a thread that writes without rest holds up nobody.

use quadrille_backend::{ErrorKind, StorageError, StorageResult, Wait, WaitingLine};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Instant;

/// Holds the writer's state between transactions.
pub(crate) struct WriterLock<T> {
    slot: Mutex<Slot<T>>,
    released: Condvar,
}

struct Slot<T> {
    state: Option<T>,
    owner: Option<ThreadId>,
    line: WaitingLine,
}

impl<T> WriterLock<T> {
    pub(crate) fn new(state: T) -> Self {
        Self {
            slot: Mutex::new(Slot {
                state: Some(state),
                owner: None,
                line: WaitingLine::default(),
            }),
            released: Condvar::new(),
        }
    }

    /// Takes the state, waiting as told. Whoever does not wait at all takes a state that is free, also when others are
    /// about to take it.
    ///
    /// # Errors
    /// `Misuse` when this thread has it already, `Busy` when it did not come free in time.
    pub(crate) fn acquire(&self, wait: Wait) -> StorageResult<WriterGuard<'_, T>> {
        let deadline = match wait {
            Wait::AtMost(time) => Instant::now().checked_add(time),
            Wait::Forever | Wait::No => None,
        };
        let mut slot = self.lock();
        slot.refuse_owner()?;
        if slot.line.is_empty() || wait == Wait::No {
            if let Some(state) = slot.state.take() {
                return Ok(self.guard(&mut slot, state));
            }
            if wait == Wait::No {
                return Err(busy());
            }
        }
        let ticket = slot.line.join();
        loop {
            let (after, in_time) = self.wait(slot, deadline);
            slot = after;
            let state = match slot.line.is_first(ticket) {
                true => slot.state.take(),
                false => None,
            };
            if let Some(state) = state {
                slot.line.leave(ticket);
                return Ok(self.guard(&mut slot, state));
            }
            if !in_time {
                slot.line.leave(ticket);
                drop(slot);
                // The next one may be the first now.
                self.released.notify_all();
                return Err(busy());
            }
        }
    }

    /// # Errors
    /// `Misuse` when this thread has the state: it must not wait for somebody who may wait for it.
    pub(crate) fn refuse_owner(&self) -> StorageResult<()> {
        self.lock().refuse_owner()
    }

    fn guard(&self, slot: &mut Slot<T>, state: T) -> WriterGuard<'_, T> {
        slot.owner = Some(thread::current().id());
        WriterGuard {
            lock: self,
            state: Some(state),
        }
    }

    /// Waits for a change; whether there is time left.
    fn wait<'a>(
        &'a self,
        slot: MutexGuard<'a, Slot<T>>,
        deadline: Option<Instant>,
    ) -> (MutexGuard<'a, Slot<T>>, bool) {
        let Some(deadline) = deadline else {
            let slot = self.released.wait(slot);
            return (slot.unwrap_or_else(PoisonError::into_inner), true);
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return (slot, false);
        }
        let waited = self.released.wait_timeout(slot, left);
        (waited.unwrap_or_else(PoisonError::into_inner).0, true)
    }

    fn lock(&self) -> MutexGuard<'_, Slot<T>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Slot<T> {
    fn refuse_owner(&self) -> StorageResult<()> {
        if self.owner == Some(thread::current().id()) {
            return Err(StorageError::misuse(
                "this thread has a write transaction or a load open; another one would wait for it for ever",
            ));
        }
        Ok(())
    }
}

fn busy() -> StorageError {
    StorageError::new(ErrorKind::Busy, "another write transaction is open")
}

/// The writer's state, on loan; dropping the guard gives it back.
pub(crate) struct WriterGuard<'a, T> {
    lock: &'a WriterLock<T>,
    state: Option<T>,
}

impl<T> std::ops::Deref for WriterGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.state
            .as_ref()
            .expect("the state is there until the guard is dropped")
    }
}

impl<T> std::ops::DerefMut for WriterGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.state
            .as_mut()
            .expect("the state is there until the guard is dropped")
    }
}

impl<T> Drop for WriterGuard<'_, T> {
    fn drop(&mut self) {
        let mut slot = self.lock.lock();
        slot.state = self.state.take();
        slot.owner = None;
        drop(slot);
        self.lock.released.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_second_acquisition_is_refused_here_and_busy_elsewhere() {
        let lock = WriterLock::new(1);
        let guard = lock.acquire(Wait::Forever).expect("it is free");
        let kind = |wait| lock.acquire(wait).err().map(|error| error.kind());
        assert_eq!(kind(Wait::Forever), Some(ErrorKind::Misuse));
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(kind(Wait::No), Some(ErrorKind::Busy)));
            scope.spawn(|| {
                let wait = Wait::AtMost(Duration::from_millis(5));
                assert_eq!(kind(wait), Some(ErrorKind::Busy));
            });
        });
        let waiter = thread::scope(|scope| {
            let waiter = scope.spawn(|| lock.acquire(Wait::Forever).map(|guard| *guard));
            drop(guard);
            waiter.join().expect("the thread ends")
        });
        assert_eq!(waiter.expect("it came free"), 1);
    }
    #[test]
    fn a_thread_that_comes_again_and_again_lets_others_pass() {
        let lock = WriterLock::new(0);
        let mut guard = lock.acquire(Wait::No).expect("it is free");
        thread::scope(|scope| {
            scope.spawn(|| *lock.acquire(Wait::Forever).expect("it came free") += 1);
            while lock.lock().line.is_empty() {
                thread::yield_now();
            }
            *guard = 1;
            drop(guard);
            let guard = lock.acquire(Wait::Forever).expect("it came free");
            assert_eq!(*guard, 2, "the other one was first");
        });
    }
}
