//! One backend type for a choice made at run time.
//!
//! What flows in: calls of the storage contract. What flows out: the same calls, to the backend that was chosen. What
//! always holds: nothing is decided here but which backend answers; a value holds hundreds of quads, so the one branch
//! per call is lost in the work behind it. A program that knows its backend uses that backend's type instead.

use quadrille_backend::{
    BatchOperation, Capabilities, EntrySource, InMemoryBackend, Keyspace, StorageBackend,
    StorageCursor, StorageResult, StorageSnapshot, StorageStats, Transaction, Wait,
};
#[cfg(feature = "lmdb")]
use quadrille_backend_lmdb::LmdbBackend;
#[cfg(feature = "rocksdb")]
use quadrille_backend_rocksdb::RocksDbBackend;
use std::path::Path;

type SnapshotOf<B> = <B as StorageBackend>::Snapshot;
type CursorOf<B> = <SnapshotOf<B> as StorageSnapshot>::Cursor;
type TransactionOf<'a, B> = <B as StorageBackend>::Transaction<'a>;

/// Declares an enum with one variant per backend that is compiled in.
macro_rules! one_per_backend {
    ($(#[$attribute:meta])* $name:ident $(<$lifetime:lifetime>)? of $part:ident) => {
        $(#[$attribute])*
        #[non_exhaustive]
        pub enum $name $(<$lifetime>)? {
            /// Of the in-memory backend.
            Memory($part<$($lifetime,)? InMemoryBackend>),
            /// Of the LMDB backend.
            #[cfg(feature = "lmdb")]
            Lmdb($part<$($lifetime,)? LmdbBackend>),
            /// Of the RocksDB backend.
            #[cfg(feature = "rocksdb")]
            RocksDb($part<$($lifetime,)? RocksDbBackend>),
        }
    };
}

/// Calls the same method on whichever variant it is.
macro_rules! forward {
    ($enum:ident, $value:expr, $inner:ident => $call:expr) => {
        match $value {
            $enum::Memory($inner) => $call,
            #[cfg(feature = "lmdb")]
            $enum::Lmdb($inner) => $call,
            #[cfg(feature = "rocksdb")]
            $enum::RocksDb($inner) => $call,
        }
    };
}

/// Calls the same method on whichever variant it is, and wraps what it returns in the variant of that name.
macro_rules! forward_and_wrap {
    ($enum:ident, $value:expr, $inner:ident => $call:expr, $wrapper:ident) => {
        Ok(match $value {
            $enum::Memory($inner) => $wrapper::Memory($call?),
            #[cfg(feature = "lmdb")]
            $enum::Lmdb($inner) => $wrapper::Lmdb($call?),
            #[cfg(feature = "rocksdb")]
            $enum::RocksDb($inner) => $wrapper::RocksDb($call?),
        })
    };
}

type Backend<B> = B;

one_per_backend! {
    /// A backend chosen at run time; what [`open`](crate::open()) gives a store over.
    AnyBackend of Backend
}
one_per_backend! {
    /// The snapshot of an [`AnyBackend`].
    AnySnapshot of SnapshotOf
}
one_per_backend! {
    /// The cursor of an [`AnySnapshot`].
    AnyCursor of CursorOf
}
one_per_backend! {
    /// The write transaction of an [`AnyBackend`].
    AnyTransaction<'a> of TransactionOf
}

impl StorageBackend for AnyBackend {
    type Snapshot = AnySnapshot;
    type Transaction<'a> = AnyTransaction<'a>;

    fn capabilities(&self) -> Capabilities {
        forward!(Self, self, backend => backend.capabilities())
    }

    fn keyspaces(&self) -> StorageResult<Vec<Keyspace>> {
        forward!(Self, self, backend => backend.keyspaces())
    }

    fn create_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        forward!(Self, self, backend => backend.create_keyspace(keyspace))
    }

    fn drop_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        forward!(Self, self, backend => backend.drop_keyspace(keyspace))
    }

    fn snapshot(&self) -> StorageResult<AnySnapshot> {
        forward_and_wrap!(Self, self, backend => backend.snapshot(), AnySnapshot)
    }

    fn begin_with(&self, wait: Wait) -> StorageResult<AnyTransaction<'_>> {
        forward_and_wrap!(Self, self, backend => backend.begin_with(wait), AnyTransaction)
    }

    fn ingest(&self, keyspace: &Keyspace, entries: &mut dyn EntrySource) -> StorageResult<u64> {
        forward!(Self, self, backend => backend.ingest(keyspace, entries))
    }

    fn flush(&self) -> StorageResult<()> {
        forward!(Self, self, backend => backend.flush())
    }

    fn compact(&self) -> StorageResult<()> {
        forward!(Self, self, backend => backend.compact())
    }

    fn stats(&self) -> StorageResult<StorageStats> {
        forward!(Self, self, backend => backend.stats())
    }

    fn keyspace_size(&self, keyspace: &Keyspace) -> StorageResult<(u64, u64)> {
        forward!(Self, self, backend => backend.keyspace_size(keyspace))
    }

    fn checkpoint(&self, folder: &Path) -> StorageResult<()> {
        forward!(Self, self, backend => backend.checkpoint(folder))
    }

    fn close(&self) -> StorageResult<()> {
        forward!(Self, self, backend => backend.close())
    }

    fn destroy(&self) -> StorageResult<()> {
        forward!(Self, self, backend => backend.destroy())
    }

    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        forward!(Self, self, backend => backend.get(keyspace, key))
    }

    fn contains(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<bool> {
        forward!(Self, self, backend => backend.contains(keyspace, key))
    }

    fn put(&self, keyspace: &Keyspace, key: &[u8], value: &[u8]) -> StorageResult<()> {
        forward!(Self, self, backend => backend.put(keyspace, key, value))
    }

    fn delete(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<()> {
        forward!(Self, self, backend => backend.delete(keyspace, key))
    }

    fn batch(&self, operations: &[BatchOperation]) -> StorageResult<()> {
        forward!(Self, self, backend => backend.batch(operations))
    }
}

impl StorageSnapshot for AnySnapshot {
    type Cursor = AnyCursor;

    fn cursor(&self, keyspace: &Keyspace) -> StorageResult<AnyCursor> {
        forward_and_wrap!(Self, self, snapshot => snapshot.cursor(keyspace), AnyCursor)
    }

    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        forward!(Self, self, snapshot => snapshot.get(keyspace, key))
    }

    fn contains(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<bool> {
        forward!(Self, self, snapshot => snapshot.contains(keyspace, key))
    }
}

impl StorageCursor for AnyCursor {
    fn seek(&mut self, key: &[u8]) -> StorageResult<bool> {
        forward!(Self, self, cursor => cursor.seek(key))
    }

    fn next(&mut self) -> StorageResult<bool> {
        forward!(Self, self, cursor => cursor.next())
    }

    fn entry(&self) -> Option<(&[u8], &[u8])> {
        forward!(Self, self, cursor => cursor.entry())
    }
}

impl Transaction for AnyTransaction<'_> {
    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        forward!(Self, self, transaction => transaction.get(keyspace, key))
    }

    fn seek(
        &self,
        keyspace: &Keyspace,
        key: &[u8],
    ) -> StorageResult<Option<quadrille_backend::Entry>> {
        forward!(Self, self, transaction => transaction.seek(keyspace, key))
    }

    fn put(&mut self, keyspace: &Keyspace, key: &[u8], value: &[u8]) -> StorageResult<()> {
        forward!(Self, self, transaction => transaction.put(keyspace, key, value))
    }

    fn delete(&mut self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<()> {
        forward!(Self, self, transaction => transaction.delete(keyspace, key))
    }

    fn commit(self) -> StorageResult<()> {
        forward!(Self, self, transaction => transaction.commit())
    }

    fn rollback(self) {
        forward!(Self, self, transaction => transaction.rollback());
    }

    fn contains(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<bool> {
        forward!(Self, self, transaction => transaction.contains(keyspace, key))
    }

    fn range_scan(
        &self,
        keyspace: &Keyspace,
        start: &[u8],
        end: Option<&[u8]>,
        limit: Option<usize>,
    ) -> StorageResult<Vec<quadrille_backend::Entry>> {
        forward!(Self, self, transaction => transaction.range_scan(keyspace, start, end, limit))
    }
}

impl AnyBackend {
    /// The name of the backend, as a location writes it: `memory`, `lmdb` or `rocksdb`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Memory(_) => "memory",
            #[cfg(feature = "lmdb")]
            Self::Lmdb(_) => "lmdb",
            #[cfg(feature = "rocksdb")]
            Self::RocksDb(_) => "rocksdb",
        }
    }
}

impl From<InMemoryBackend> for AnyBackend {
    fn from(backend: InMemoryBackend) -> Self {
        Self::Memory(backend)
    }
}

#[cfg(feature = "lmdb")]
impl From<LmdbBackend> for AnyBackend {
    fn from(backend: LmdbBackend) -> Self {
        Self::Lmdb(backend)
    }
}

#[cfg(feature = "rocksdb")]
impl From<RocksDbBackend> for AnyBackend {
    fn from(backend: RocksDbBackend) -> Self {
        Self::RocksDb(backend)
    }
}
