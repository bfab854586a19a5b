//! The trait that this crate reads a store through, and its implementation for snapshots.
//!
//! What flows in: patterns of term ids, terms to look up. What flows out: batches of id columns in a known order, exact
//! counts, estimates, terms. What always holds: a source is one unchanging view, so two scans of one source agree, and
//! equal ids mean the same RDF term.

use oxrdf::{Term, TermRef};
use quadrille_store::{
    ColumnBatch, IdPattern, IdScan, Permutation, ReadContext, Snapshot, StorageBackend,
    StorageResult, TermId,
};

/// A scan of a [`QuadSource`]: batches of id columns, in the order of a permutation.
pub trait QuadScan: 'static {
    /// The order of the rows: sorted by the columns in this permutation's order.
    fn permutation(&self) -> Permutation;

    /// Clears the batch and fills it with the next rows, some hundreds; false when there are no more.
    ///
    /// # Errors
    /// What reading the store fails with; `Cancelled` when the scan's context says so.
    fn next_batch(&mut self, batch: &mut ColumnBatch) -> StorageResult<bool>;
}

/// One unchanging view of a quad store, as queries read it.
pub trait QuadSource: Clone + Send + Sync + 'static {
    /// A running scan. It keeps what it reads alive.
    type Scan: QuadScan;

    /// The quads that match a pattern of ids, each once.
    ///
    /// # Errors
    /// What reading the store fails with; `Cancelled` when the context says so.
    fn scan(&self, pattern: IdPattern, context: &ReadContext) -> StorageResult<Self::Scan>;

    /// How many quads match a pattern, exactly.
    ///
    /// # Errors
    /// What reading the store fails with.
    fn count(&self, pattern: IdPattern) -> StorageResult<u64>;

    /// About how many quads match a pattern, cheaply enough to ask for each pattern of a plan.
    ///
    /// # Errors
    /// What reading the store fails with.
    fn estimate(&self, pattern: IdPattern) -> StorageResult<u64>;

    /// The id of a term; `None` when no quad of the source can hold it.
    ///
    /// # Errors
    /// What reading the store fails with.
    fn encode(&self, term: TermRef<'_>) -> StorageResult<Option<TermId>>;

    /// The term of an id that a scan or [`encode`](Self::encode) gave.
    ///
    /// # Errors
    /// `Corrupted` for an id that the source does not know, `Misuse` for the default graph's, and what reading fails with.
    fn decode(&self, id: TermId) -> StorageResult<Term>;

    /// The graphs that hold a quad, each with its number of quads; the default graph is among them when it holds one.
    ///
    /// # Errors
    /// What reading the store fails with.
    fn graphs(&self)
    -> StorageResult<impl Iterator<Item = StorageResult<(TermId, u64)>> + 'static>;

    /// Whether a graph holds a quad.
    ///
    /// # Errors
    /// What reading the store fails with.
    fn contains_graph(&self, graph: TermId) -> StorageResult<bool> {
        Ok(self.count([None, None, None, Some(graph)])? > 0)
    }
}

impl<B: StorageBackend> QuadScan for IdScan<B> {
    fn permutation(&self) -> Permutation {
        IdScan::permutation(self)
    }

    fn next_batch(&mut self, batch: &mut ColumnBatch) -> StorageResult<bool> {
        IdScan::next_batch(self, batch)
    }
}

impl<B: StorageBackend> QuadSource for Snapshot<B> {
    type Scan = IdScan<B>;

    fn scan(&self, pattern: IdPattern, context: &ReadContext) -> StorageResult<Self::Scan> {
        Snapshot::scan(self, pattern, context.clone())
    }

    fn count(&self, pattern: IdPattern) -> StorageResult<u64> {
        self.count_ids(pattern)
    }

    fn estimate(&self, pattern: IdPattern) -> StorageResult<u64> {
        self.estimate_ids(pattern)
    }

    fn encode(&self, term: TermRef<'_>) -> StorageResult<Option<TermId>> {
        Snapshot::encode(self, term)
    }

    fn decode(&self, id: TermId) -> StorageResult<Term> {
        Snapshot::decode(self, id)
    }

    fn graphs(
        &self,
    ) -> StorageResult<impl Iterator<Item = StorageResult<(TermId, u64)>> + 'static> {
        self.graph_ids()
    }
}
