//! The quad store of Quadrille: RDF quads over any storage backend, in four sorted orders, with snapshots and
//! transactions.
//!
//! What flows in: quads ([`QuadStore::insert`], [`QuadStore::transaction`], [`QuadStore::bulk_load`]) and patterns. What
//! flows out: quads and ids, lazily, from a [`Snapshot`]. What always holds: all four permutations hold the same quads,
//! a commit is visible whole or not at all, and the store parses no file and knows no query language.
//!
//! A quad's way to disk: `term` (ids) → `dictionary` (chunks of terms) and `permutation` (orders) → `block` (packed
//! rows) → `index` (blocks and summaries) → the backend. Small commits go through `log` and `delta` and reach the blocks
//! by `folding`; loads go through `build`.

mod block;
mod build;
mod bytes;
mod checksum;
mod context;
mod delta;
mod dictionary;
mod encodings;
mod figures;
mod folding;
#[doc(hidden)]
pub mod fuzzing;
mod index;
mod inspect;
mod joins;
mod keyspaces;
mod log;
mod options;
mod pattern;
mod permutation;
mod quads;
mod replay;
mod request;
#[cfg(test)]
mod resealed_reads_tests;
#[cfg(test)]
mod resealed_tests;
mod root;
mod snapshot;
mod statistics;
mod statistics_rows;
mod store;
mod term;
mod terms;
mod transaction;
mod values;
mod verify;
mod view;
mod writer_lock;

pub use build::batch::{BatchMark, BatchTerm, BlankNodes, QuadBatch};
pub use build::bulk::{BulkLoad, LoadReport};
pub use build::checkpoint::{Checkpoint, ResumedLoad};
pub use build::progress::{LoadStage, StageProgress};
pub use context::{CancelToken, ReadContext, blocks_read};
pub use figures::QuadFigures;
pub use inspect::InspectTarget;
pub use joins::{IdLookup, IdTrie, LookupBatch, LookupPosition, LookupRequest};
pub use options::StoreOptions;
pub use pattern::QuadPattern;
pub use permutation::{IdPattern, IdQuad, Permutation};
pub use quadrille_backend::{ErrorKind, StorageBackend, StorageError, StorageResult};
pub use quads::{ColumnBatch, GraphIdIter, GraphIter, IdScan, QuadIter};
pub use request::ScanRequest;
pub use snapshot::{Snapshot, ViewIdentity};
pub use statistics::{GraphStatistics, KeyspaceStatistics, PredicateStatistics, StoreStatistics};
pub use store::QuadStore;
pub use term::{InlinedDate, InlinedNumber, Tag, TagKind, TermId};
pub use transaction::StoreTransaction;
pub use values::IdValues;
pub use verify::{Problem, VerifyReport};
