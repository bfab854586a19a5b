//! Quadrille, an embeddable RDF quad store: the crate that programs depend on.
//!
//! What flows in: quads, patterns and SPARQL. What flows out: quads, counts and query results. What always holds: this
//! crate stores nothing and evaluates nothing itself; it names what the crates below it do, by purpose, and chooses a
//! backend by [`Location`] for programs that learn it at run time.
//!
//! A store in memory, a pattern and a query:
//!
//! ```
//! use quadrille::{InMemoryBackend, QuadPattern, QuadStore};
//! use quadrille::model::{GraphName, Literal, NamedNode, Quad};
//! use quadrille::sparql::{QueryResults, SparqlExt};
//!
//! let store = QuadStore::open(InMemoryBackend::new())?;
//! let (vase, made) = (NamedNode::new("http://example.org/vase")?, NamedNode::new("http://example.org/made")?);
//! store.insert(&Quad::new(vase.clone(), made.clone(), Literal::from(1889), GraphName::DefaultGraph))?;
//! assert_eq!(store.count(&QuadPattern::new().with_predicate(made))?, 1);
//! if let QueryResults::Solutions(solutions) = store.query("SELECT ?what { ?what ?p 1889 }")? {
//!     for solution in solutions { assert_eq!(solution?.get("what"), Some(&vase.clone().into())); }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The same on disk. The iterator owns its snapshot: it may outlive the variable, the store handle and the thread.
//!
//! ```no_run
//! # #[cfg(feature = "lmdb")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use quadrille::{LmdbBackend, QuadPattern, QuadStore};
//! # let label = oxrdf::NamedNode::new("http://www.w3.org/2000/01/rdf-schema#label")?;
//! let store = QuadStore::open(LmdbBackend::open("museum")?)?;
//! for quad in store.snapshot()?.match_quads(&QuadPattern::new().with_predicate(label))? { let quad: oxrdf::Quad = quad?; }
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "lmdb"))]
//! # fn main() {}
//! ```
//!
//! # Which backend
//!
//! | location | type | cargo feature | keeps its quads |
//! |---|---|---|---|
//! | `memory:` | [`InMemoryBackend`] | always there | until the process ends |
//! | `lmdb:PATH` | `LmdbBackend` | `lmdb` (default) | in an LMDB environment; other processes can read while one writes |
//! | `rocksdb:PATH` | `RocksDbBackend` | `rocksdb` | in a RocksDB database |
//!
//! `all-backends` is all of them. A program that knows its backend says `QuadStore<LmdbBackend>`; one that learns it at
//! run time says [`open()`], or [`OpenOptions`] to set more, and gets a `QuadStore<AnyBackend>`.
//!
//! # Where things are
//!
//! * This level: the store, its snapshots, transactions and patterns, opening, errors.
//! * [`model`]: RDF terms and quads.
//! * [`io`]: RDF files to quads and back.
//! * [`sparql`]: queries and their results.
//! * [`backend`]: the storage contract, for those who bring a backend of their own.

mod any;
mod check;
mod location;
mod machine;
mod open;
mod options;

pub use any::{AnyBackend, AnyCursor, AnySnapshot, AnyTransaction};
pub use check::{FilesReport, check_files};
pub use location::{Location, LocationError};
pub use machine::default_load_memory_bytes;
pub use open::{OpenMode, open, open_existing, open_read_only};
pub use options::OpenOptions;

pub use quadrille_backend::{
    ErrorKind, InMemoryBackend, InMemoryOptions, StorageError, StorageResult,
};
#[cfg(feature = "lmdb")]
pub use quadrille_backend_lmdb::{LmdbBackend, LmdbOptions};
#[cfg(feature = "rocksdb")]
pub use quadrille_backend_rocksdb::{RocksDbBackend, RocksDbOptions};
pub use quadrille_store::{
    BulkLoad, CancelToken, Checkpoint, GraphIter, GraphStatistics, InspectTarget,
    KeyspaceStatistics, LoadReport, LoadStage, PredicateStatistics, QuadIter, QuadPattern,
    QuadStore, ReadContext, ResumedLoad, Snapshot, StageProgress, StoreOptions, StoreStatistics,
    StoreTransaction, VerifyReport,
};

/// RDF terms, triples and quads: the `oxrdf` crate.
pub use oxrdf as model;

/// RDF files to quads and back: formats, loading, writing.
pub use quadrille_io as io;

/// SPARQL queries: preparing, running, results.
pub use quadrille_sparql as sparql;

/// The storage contract, for those who bring a backend of their own or look below the store.
pub mod backend {
    pub use quadrille_backend::{
        BatchOperation, Capabilities, Durability, Entry, EntrySource, ErrorKind, InMemoryBackend,
        Keyspace, OperationCounters, RangeScan, StorageBackend, StorageCursor, StorageError,
        StorageResult, StorageSnapshot, StorageStats, Transaction, Wait, prefix_end,
    };
    #[cfg(feature = "lmdb")]
    pub use quadrille_backend_lmdb as lmdb;
    #[cfg(feature = "rocksdb")]
    pub use quadrille_backend_rocksdb as rocksdb;
}

/// The example of the repository's README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
