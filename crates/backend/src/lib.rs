//! The storage contract of Quadrille: ordered keyspaces of opaque keys and values.
//!
//! What flows in: byte keys and byte values, already encoded by the store. What flows out: the same bytes, in
//! ascending bytewise order of their keys. What always holds: a backend knows nothing of quads, terms or blocks, and
//! its own error type never shows in a public signature.
//!
//! * [`StorageBackend`] is the contract; its `# Behaviour` bullets are what the conformance suite checks.
//! * [`StorageSnapshot`] and [`StorageCursor`] are the read side, [`Transaction`] is the write side.
//! * [`InMemoryBackend`] is the reference implementation.
//! * [`WriterGate`], [`StoreLock`] and [`allocated_bytes`] are for those who implement a backend.

mod contract;
mod error;
mod files;
mod gate;
mod keyspace;
mod memory;
mod open_snapshots;
mod range;
mod shared;
mod stats;

pub use contract::{
    BatchOperation, Capabilities, Durability, EntrySource, StorageBackend, StorageCursor,
    StorageSnapshot, Transaction, Wait,
};
pub use error::{ErrorKind, StorageError, StorageResult};
pub use files::{StoreLock, allocated_bytes, prepare_empty_folder, sync_folder, sync_with_parent};
pub use gate::{WaitingLine, WriterGate, WriterPermit};
pub use keyspace::Keyspace;
pub use memory::{
    InMemoryBackend, InMemoryOptions, MemoryCursor, MemorySnapshot, MemoryTransaction,
};
pub use open_snapshots::OpenSnapshot;
pub use range::{Entry, RangeScan, prefix_end};
pub use stats::{OperationCounters, StorageStats};
