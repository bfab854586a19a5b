//! The lock that makes write transactions one at a time, and refuses a thread that would wait for itself.

use quadrille_backend::{ErrorKind, StorageError, StorageResult, Wait};
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
}

impl<T> WriterLock<T> {
    pub(crate) fn new(state: T) -> Self {
        Self {
            slot: Mutex::new(Slot {
                state: Some(state),
                owner: None,
            }),
            released: Condvar::new(),
        }
    }

    /// Takes the state, waiting as told.
    ///
    /// # Errors
    /// `Misuse` when this thread has it already, `Busy` when it did not come free in time.
    pub(crate) fn acquire(&self, wait: Wait) -> StorageResult<WriterGuard<'_, T>> {
        let deadline = match wait {
            Wait::AtMost(time) => Instant::now().checked_add(time),
            Wait::No => Some(Instant::now()),
            Wait::Forever => None,
        };
        let mut slot = self.lock();
        loop {
            if let Some(state) = slot.state.take() {
                slot.owner = Some(thread::current().id());
                return Ok(WriterGuard {
                    lock: self,
                    state: Some(state),
                });
            }
            if slot.owner == Some(thread::current().id()) {
                return Err(StorageError::misuse(
                    "this thread has a write transaction open; a second one would wait for it for ever",
                ));
            }
            slot = self.wait(slot, deadline)?;
        }
    }

    fn wait<'a>(
        &'a self,
        slot: MutexGuard<'a, Slot<T>>,
        deadline: Option<Instant>,
    ) -> StorageResult<MutexGuard<'a, Slot<T>>> {
        let Some(deadline) = deadline else {
            return Ok(self
                .released
                .wait(slot)
                .unwrap_or_else(PoisonError::into_inner));
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(StorageError::new(
                ErrorKind::Busy,
                "another write transaction is open",
            ));
        }
        Ok(self
            .released
            .wait_timeout(slot, left)
            .unwrap_or_else(PoisonError::into_inner)
            .0)
    }

    fn lock(&self) -> MutexGuard<'_, Slot<T>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        self.lock.released.notify_one();
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
}
