//! SPARQL over a Quadrille store.
//!
//! What flows in: query text and a view of a store (a snapshot, a store, a running transaction). What flows out: solutions,
//! a boolean or triples, as an iterator or written in one of the result formats. What always holds: this crate reads
//! through [`QuadSource`] alone and never sees a block or a backend; a query sees one unchanging view; a failed read ends
//! the query with an error, it never shortens the answer silently.
//!
//! ```no_run
//! # fn example<B: quadrille_store::StorageBackend>(store: &quadrille_store::QuadStore<B>) -> Result<(), quadrille_sparql::QueryError> {
//! use quadrille_sparql::{QueryResults, SparqlExt};
//!
//! if let QueryResults::Solutions(solutions) = store.query("SELECT ?s ?o WHERE { ?s ?p ?o }")? {
//!     for solution in solutions {
//!         println!("{:?}", solution?.get("s"));
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod algebra;
mod batch;
mod build;
mod construct;
mod dataset;
mod erased;
mod error;
mod evaluate;
mod execution;
mod explain;
mod expression;
mod extension;
mod extensions;
mod local_terms;
mod operators;
mod options;
mod outline;
mod paths;
mod plan;
mod plans;
mod probed_graphs;
mod query;
mod query_terms;
mod results;
mod rows;
mod scan_rows;
mod scanned;
mod seen;
mod service;
mod source;
mod table;
mod values;
mod write;

pub use error::{QueryError, SyntaxError};
pub use explain::{ActualFigures, Explanation};
pub use extension::SparqlExt;
pub use extensions::AggregateAccumulator;
pub use options::QueryOptions;
/// The types of XML Schema that [`SolutionValues`] gives: the `oxsdatatypes` crate.
pub use oxsdatatypes as datatypes;
pub use query::{PreparedQuery, Query, QueryForm};
pub use results::{QueryResults, Solutions, Triples};
pub use service::{ServiceError, ServiceHandler, ServiceRequest, ServiceRows};
pub use source::{QuadLookup, QuadScan, QuadSource, QuadTrie, QuadValues};
pub use sparesults::QuerySolution;
pub use values::{SolutionColumn, SolutionValues, ValueError};
pub use write::{QueryTimings, ResultFormat, ResultWriter, run_prepared, run_query};
