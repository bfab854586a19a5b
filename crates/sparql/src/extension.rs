//! `query` on everything that can be queried: stores, snapshots, transactions.
//!
//! What flows in: query text. What flows out: [`QueryResults`]. What always holds: the results read the state at the call;
//! in a transaction that is its own writes over what it began with.

use crate::error::QueryError;
use crate::options::QueryOptions;
use crate::query::Query;
use crate::results::QueryResults;
use crate::source::QuadSource;
use quadrille_store::{QuadStore, Snapshot, StorageBackend, StorageResult, StoreTransaction};

/// SPARQL queries on a store, a snapshot or a transaction.
pub trait SparqlExt {
    /// The view that queries read.
    type Source: QuadSource;

    /// The state as it stands now.
    ///
    /// # Errors
    /// What reading the store fails with.
    fn query_source(&self) -> StorageResult<Self::Source>;

    /// Runs a query with the options of [`QueryOptions::new`]: without limits but 1 GiB of memory.
    ///
    /// # Errors
    /// Every [`QueryError`] but format and output; those of the evaluation mostly come with the results.
    fn query(&self, text: &str) -> Result<QueryResults, QueryError> {
        self.query_with(text, &QueryOptions::new())
    }

    /// Runs a query with options.
    ///
    /// # Errors
    /// As [`query`](Self::query), and `Cancelled` and `Timeout` when the options ask for it.
    fn query_with(&self, text: &str, options: &QueryOptions) -> Result<QueryResults, QueryError> {
        Query::parse_with(text, options)?
            .prepare(options.clone())
            .execute(self)
    }
}

impl<B: StorageBackend> SparqlExt for Snapshot<B> {
    type Source = Self;

    fn query_source(&self) -> StorageResult<Self> {
        Ok(self.clone())
    }
}

impl<B: StorageBackend> SparqlExt for QuadStore<B> {
    type Source = Snapshot<B>;

    fn query_source(&self) -> StorageResult<Snapshot<B>> {
        self.snapshot()
    }
}

impl<B: StorageBackend> SparqlExt for StoreTransaction<'_, B> {
    type Source = Snapshot<B>;

    fn query_source(&self) -> StorageResult<Snapshot<B>> {
        Ok(self.snapshot())
    }
}
