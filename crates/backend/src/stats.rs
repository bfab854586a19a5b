//! Figures about a backend: what it holds, what it was asked to do, what it takes on disk.

use std::sync::atomic::{AtomicU64, Ordering};

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
}

/// Counters that a backend keeps as it works; cheap enough to be on always.
#[derive(Debug, Default)]
pub struct OperationCounters {
    reads: AtomicU64,
    writes: AtomicU64,
    deletes: AtomicU64,
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

    /// The statistics, with sizes as given.
    #[must_use]
    pub fn stats(&self, key_count: u64, total_bytes: u64, disk_bytes: u64) -> StorageStats {
        StorageStats {
            key_count,
            total_bytes,
            reads: self.reads.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
            deletes: self.deletes.load(Ordering::Relaxed),
            disk_bytes,
        }
    }
}
