//! Which snapshots are open, and since when; for those who implement a backend.
//!
//! What always holds: what was noted is forgotten when its [`OpenSnapshot`] is dropped.

use crate::OperationCounters;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The open snapshots of one backend, by the order in which they were taken.
#[derive(Debug, Default)]
pub(crate) struct OpenSnapshots(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    next: u64,
    taken: BTreeMap<u64, Instant>,
}

impl OpenSnapshots {
    /// The map is whole after every statement, so a panic elsewhere cannot have broken it.
    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are open, and how long the oldest has been.
    pub(crate) fn figures(&self) -> (u64, Option<Duration>) {
        let noted = self.lock();
        let oldest = noted.taken.values().next().map(Instant::elapsed);
        (noted.taken.len() as u64, oldest)
    }
}

/// An open snapshot in the statistics, until dropped; made by [`OperationCounters::snapshot_taken`].
#[derive(Debug)]
pub struct OpenSnapshot {
    number: u64,
    counters: Arc<OperationCounters>,
}

impl OperationCounters {
    /// Notes that a snapshot was taken. All that keep it alive, cursors too, share what this returns.
    #[must_use]
    pub fn snapshot_taken(self: &Arc<Self>) -> OpenSnapshot {
        let mut noted = self.open_snapshots.lock();
        let number = noted.next;
        noted.next += 1;
        noted.taken.insert(number, Instant::now());
        OpenSnapshot {
            number,
            counters: Arc::clone(self),
        }
    }
}

impl Drop for OpenSnapshot {
    fn drop(&mut self) {
        let mut noted = self.counters.open_snapshots.lock();
        noted.taken.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_open_snapshot_counts() {
        let counters = Arc::<OperationCounters>::default();
        let open = || counters.open_snapshots.figures();
        assert_eq!(open(), (0, None));
        let first = counters.snapshot_taken();
        std::thread::sleep(Duration::from_millis(30));
        let second = counters.snapshot_taken();
        let (count, age) = open();
        assert!(
            count == 2 && age >= Some(Duration::from_millis(30)),
            "{age:?}"
        );
        drop(first);
        let (count, younger) = open();
        assert!(count == 1 && younger < age, "{younger:?}");
        drop(second);
        assert_eq!(open(), (0, None));
    }
}
