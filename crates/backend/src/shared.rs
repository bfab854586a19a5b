//! A backend behind an `Arc` is a backend: for callers that keep a handle beside the store that owns it.

use crate::{
    Capabilities, EntrySource, Keyspace, StorageBackend, StorageResult, StorageStats, Wait,
};
use std::path::Path;
use std::sync::Arc;

impl<B: StorageBackend> StorageBackend for Arc<B> {
    type Snapshot = B::Snapshot;
    type Transaction<'a> = B::Transaction<'a>;

    fn capabilities(&self) -> Capabilities {
        B::capabilities(self)
    }

    fn keyspaces(&self) -> StorageResult<Vec<Keyspace>> {
        B::keyspaces(self)
    }

    fn create_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        B::create_keyspace(self, keyspace)
    }

    fn drop_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        B::drop_keyspace(self, keyspace)
    }

    fn snapshot(&self) -> StorageResult<Self::Snapshot> {
        B::snapshot(self)
    }

    fn begin_with(&self, wait: Wait) -> StorageResult<Self::Transaction<'_>> {
        B::begin_with(self, wait)
    }

    fn ingest(&self, keyspace: &Keyspace, entries: &mut dyn EntrySource) -> StorageResult<u64> {
        B::ingest(self, keyspace, entries)
    }

    fn flush(&self) -> StorageResult<()> {
        B::flush(self)
    }

    fn compact(&self) -> StorageResult<()> {
        B::compact(self)
    }

    fn stats(&self) -> StorageResult<StorageStats> {
        B::stats(self)
    }

    fn keyspace_size(&self, keyspace: &Keyspace) -> StorageResult<(u64, u64)> {
        B::keyspace_size(self, keyspace)
    }

    fn checkpoint(&self, folder: &Path) -> StorageResult<()> {
        B::checkpoint(self, folder)
    }

    fn close(&self) -> StorageResult<()> {
        B::close(self)
    }

    fn destroy(&self) -> StorageResult<()> {
        B::destroy(self)
    }
}
