//! Figures about a backend: what it holds, what it was asked to do, what it takes on disk.

use crate::open_snapshots::OpenSnapshots;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a backend holds and what it has done since it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StorageStats {
    /// Entries in all keyspaces.
    pub key_count: u64,
    /// Bytes of all keys and values, as the caller sees them.
    pub total_bytes: u64,
    /// Keys read: one per `get` or `contains`, one per entry that a cursor or a scan reached, counted when it is dropped.
    pub reads: u64,
    /// Entries written by commits, batches and ingests.
    pub writes: u64,
    /// Deletions made by commits and batches, whether or not the key existed.
    pub deletes: u64,
    /// Bytes of the disk blocks that the backend's files occupy; 0 for a backend without files.
    pub disk_bytes: u64,
    /// Snapshots open in this process, those that only a cursor keeps alive included.
    pub open_snapshots: u64,
    /// How long the oldest of them has been open; `None` when there is none.
    pub oldest_snapshot_age: Option<Duration>,
    /// Bytes of the files that hold only what was deleted or replaced since the oldest open snapshot, of any process,
    /// was taken, and that are used again once it is gone; `None` where the engine does not tell.
    pub pinned_bytes: Option<u64>,
}

/// Counters that a backend keeps as it works; cheap enough to be on always.
#[derive(Debug, Default)]
pub struct OperationCounters {
    reads: AtomicU64,
    writes: AtomicU64,
    deletes: AtomicU64,
    pub(crate) open_snapshots: OpenSnapshots,
}

impl OperationCounters {
    /// Counts keys read.
    pub fn add_reads(&self, count: u64) {
        self.reads.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts entries written.
    pub fn add_writes(&self, count: u64) {
        self.writes.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts deletions.
    pub fn add_deletes(&self, count: u64) {
        self.deletes.fetch_add(count, Ordering::Relaxed);
    }

    /// The statistics, with sizes as given; what snapshots pin is not told.
    #[must_use]
    pub fn stats(&self, key_count: u64, total_bytes: u64, disk_bytes: u64) -> StorageStats {
        let (open_snapshots, oldest_snapshot_age) = self.open_snapshots.figures();
        StorageStats {
            key_count,
            total_bytes,
            reads: self.reads.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
            deletes: self.deletes.load(Ordering::Relaxed),
            disk_bytes,
            open_snapshots,
            oldest_snapshot_age,
            pinned_bytes: None,
        }
    }
}
