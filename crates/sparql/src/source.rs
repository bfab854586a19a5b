//! The trait that this crate reads a store through, and its implementation for snapshots.
//!
//! What flows in: patterns of term ids, terms to look up. What flows out: batches of id columns in a known order, exact
//! counts, estimates, terms. What always holds: a source is one unchanging view, so two scans of one source agree, and
//! equal ids mean the same RDF term.

use crate::scanned::{self, CollectedScan, CollectedTrie, CollectedValues, ScannedLookup};
use oxrdf::{Term, TermRef};
use quadrille_store::{
    ColumnBatch, IdLookup, IdPattern, IdScan, IdTrie, IdValues, LookupBatch, LookupRequest,
    Permutation, QuadFigures, ReadContext, ScanRequest, Snapshot, StorageBackend, StorageResult,
    TermId, ViewIdentity,
};

/// A scan of a [`QuadSource`]: batches of id columns, in the order of a permutation.
pub trait QuadScan: Send + 'static {
    /// The order of the rows: sorted by the columns in this permutation's order.
    fn permutation(&self) -> Permutation;

    /// Clears the batch and fills it with the next rows, some hundreds; false when there are no more.
    ///
    /// # Errors
    /// What reading the store fails with; `Cancelled` when the scan's context says so.
    fn next_batch(&mut self, batch: &mut ColumnBatch) -> StorageResult<bool>;
}

/// Look-ups of many probes; see [`IdLookup`], whose methods these are.
pub trait QuadLookup: Send + 'static {
    /// The order of the rows of one probe.
    fn permutation(&self) -> Permutation;

    /// Takes probes, by column, for [`next_batch`](Self::next_batch), and forgets those before.
    ///
    /// # Errors
    /// `Misuse` for [probes that the request does not fit](LookupRequest::check_probes).
    fn set_probes(&mut self, columns: &[&[u64]]) -> StorageResult<()>;

    /// Clears the batch and fills it with the next rows, at most 1 024; false when the probes have no more. Rows come in
    /// the order of the probes, and those of one probe in the order of the permutation.
    ///
    /// # Errors
    /// What reading the store fails with; `Cancelled` when the context says so.
    fn next_batch(&mut self, batch: &mut LookupBatch) -> StorageResult<bool>;

    /// Which of some probes have a row: one value for each, in place of what the vector held.
    ///
    /// # Errors
    /// As [`set_probes`](Self::set_probes) and [`next_batch`](Self::next_batch).
    fn contains(&mut self, columns: &[&[u64]], found: &mut Vec<bool>) -> StorageResult<()>;

    /// How many rows each of some probes has, exactly, in place of what the vector held.
    ///
    /// # Errors
    /// As [`contains`](Self::contains).
    fn count(&mut self, columns: &[&[u64]], counts: &mut Vec<u64>) -> StorageResult<()>;
}

/// Quads as a trie whose levels are the open positions of a pattern; see [`IdTrie`], whose methods these are.
pub trait QuadTrie: Send + 'static {
    /// The order of the levels.
    fn permutation(&self) -> Permutation;

    /// How many levels there are.
    fn levels(&self) -> usize;

    /// The first value at or above `value` of the level behind `prefix`, which has the values of all levels before it;
    /// `None` when there is none. A value of any level but the last may turn out to have none below it: constants of the
    /// pattern that lie deeper are taken into account with the level before them.
    ///
    /// # Errors
    /// `Misuse` when there is no level behind the prefix; what reading fails with; `Cancelled` when the context says so.
    fn seek(&mut self, prefix: &[u64], value: u64) -> StorageResult<Option<u64>>;

    /// The values of the level that the last [`seek`](Self::seek) was about, from the one that it found on, below the same
    /// prefix: ascending, each perhaps several times in a row, as far as they are in hand. Not empty when that seek has found
    /// a value. What comes behind the last of them only a further seek tells.
    ///
    /// # Errors
    /// As [`seek`](Self::seek).
    fn run(&mut self) -> StorageResult<&[u64]>;
}

/// The distinct values of a column, ascending; see [`IdValues`], whose methods these are.
pub trait QuadValues: Send + 'static {
    /// Clears the vectors and fills them with the next values, as raw ids, and with the number of quads that have each; the
    /// counts stay empty if they were not asked for. False when there are no more.
    ///
    /// # Errors
    /// What reading the store fails with; `Cancelled` when the context says so.
    fn next_batch(&mut self, values: &mut Vec<u64>, counts: &mut Vec<u64>) -> StorageResult<bool>;
}

/// One unchanging view of a quad store, as queries read it.
///
/// Only the methods without a body must be written. The others have bodies that scan, collect and sort; snapshots of stores
/// have quicker ones.
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
    fn graphs(
        &self,
    ) -> StorageResult<impl Iterator<Item = StorageResult<(TermId, u64)>> + Send + 'static>;

    /// Which view this is: plans are kept for it. `None` keeps none.
    fn identity(&self) -> Option<ViewIdentity> {
        None
    }

    /// Whether a graph holds a quad.
    ///
    /// # Errors
    /// What reading the store fails with.
    fn contains_graph(&self, graph: TermId) -> StorageResult<bool> {
        Ok(self.count([None, None, None, Some(graph)])? > 0)
    }

    /// The quads that a request asks for, each once, in its order. Columns that it does not want may be empty.
    ///
    /// # Errors
    /// `Misuse` for a request that contradicts itself; as [`scan`](Self::scan).
    fn scan_request(
        &self,
        request: &ScanRequest,
        context: &ReadContext,
    ) -> StorageResult<Box<dyn QuadScan>> {
        if request.permutation.is_none() && request.range.is_none() && request.rows.is_none() {
            return Ok(Box::new(self.scan(request.pattern, context)?));
        }
        Ok(Box::new(CollectedScan::new(self, request, context)?))
    }

    /// How many quads a request asks for, exactly.
    ///
    /// # Errors
    /// As [`scan_request`](Self::scan_request).
    fn count_request(&self, request: &ScanRequest, context: &ReadContext) -> StorageResult<u64> {
        if request.range.is_none() && request.rows.is_none() {
            return self.count(request.pattern);
        }
        let mut scan = self.scan_request(request, context)?;
        let (mut count, mut batch) = (0, ColumnBatch::new());
        while scan.next_batch(&mut batch)? {
            count += batch.len() as u64;
        }
        Ok(count)
    }

    /// About how many quads a scan of a request passes, cheaply enough to ask for each pattern of a plan.
    ///
    /// # Errors
    /// As [`scan_request`](Self::scan_request).
    fn estimate_request(&self, request: &ScanRequest) -> StorageResult<u64> {
        self.estimate(request.pattern)
    }

    /// Opens look-ups of many probes.
    ///
    /// # Errors
    /// `Misuse` for a request that contradicts itself; what reading the store fails with.
    fn lookup(
        &self,
        request: &LookupRequest,
        context: &ReadContext,
    ) -> StorageResult<Box<dyn QuadLookup>> {
        Ok(Box::new(ScannedLookup::new(self, request, context)))
    }

    /// Opens the quads that match a pattern as a trie, in the order of a permutation.
    ///
    /// # Errors
    /// What reading the store fails with.
    fn trie(
        &self,
        permutation: Permutation,
        pattern: &IdPattern,
        context: &ReadContext,
    ) -> StorageResult<Box<dyn QuadTrie>> {
        let trie = CollectedTrie::new(self, permutation, pattern, context)?;
        Ok(Box::new(trie))
    }

    /// The distinct values of the first column behind the bound prefix of a request's permutation, ascending, among the
    /// quads that it asks for; with the number of quads of each, which is exact, if they are wanted.
    ///
    /// # Errors
    /// `Misuse` for a request that names no permutation or leaves no column open behind the prefix; as
    /// [`scan_request`](Self::scan_request).
    fn values(
        &self,
        request: &ScanRequest,
        with_counts: bool,
        context: &ReadContext,
    ) -> StorageResult<Box<dyn QuadValues>> {
        let values = CollectedValues::new(self, request, with_counts, context)?;
        Ok(Box::new(values))
    }

    /// How many distinct values [`values`](Self::values) gives, exactly.
    ///
    /// # Errors
    /// As [`values`](Self::values).
    fn count_values(&self, request: &ScanRequest, context: &ReadContext) -> StorageResult<u64> {
        let mut rows = self.values(request, false, context)?;
        let (mut values, mut count) = (Vec::new(), 0);
        while rows.next_batch(&mut values, &mut Vec::new())? {
            count += values.len() as u64;
        }
        Ok(count)
    }

    /// Cuts a request into at most so many, of about equal size, that together ask for the same rows one after the other, so
    /// that threads can scan them side by side.
    ///
    /// # Errors
    /// As [`scan_request`](Self::scan_request).
    fn split(&self, request: &ScanRequest, _parts: usize) -> StorageResult<Vec<ScanRequest>> {
        Ok(vec![*request])
    }

    /// About how many distinct values [`values`](Self::values) gives, cheaply enough to ask while planning.
    ///
    /// # Errors
    /// As [`values`](Self::values).
    fn estimate_values(&self, request: &ScanRequest) -> StorageResult<u64> {
        self.count_values(request, &ReadContext::new())
    }

    /// The figures of all quads, for planning.
    ///
    /// # Errors
    /// What reading the store fails with.
    fn figures(&self) -> StorageResult<QuadFigures> {
        scanned::figures(self, [None; 4])
    }

    /// The figures of the quads of a predicate, for planning.
    ///
    /// # Errors
    /// What reading the store fails with.
    fn predicate_figures(&self, predicate: TermId) -> StorageResult<QuadFigures> {
        scanned::figures(self, [None, Some(predicate), None, None])
    }

    /// The figures of the quads of a graph, for planning.
    ///
    /// # Errors
    /// What reading the store fails with.
    fn graph_figures(&self, graph: TermId) -> StorageResult<QuadFigures> {
        scanned::figures(self, [None, None, None, Some(graph)])
    }

    /// The terms of many ids, in their order, in place of what the vector held.
    ///
    /// # Errors
    /// As [`decode`](Self::decode) for the first of them that it fails for.
    fn decode_all(&self, ids: &[TermId], terms: &mut Vec<Term>) -> StorageResult<()> {
        terms.clear();
        for id in ids {
            terms.push(self.decode(*id)?);
        }
        Ok(())
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

impl<B: StorageBackend> QuadLookup for IdLookup<B> {
    fn permutation(&self) -> Permutation {
        IdLookup::permutation(self)
    }

    fn set_probes(&mut self, columns: &[&[u64]]) -> StorageResult<()> {
        IdLookup::set_probes(self, columns)
    }

    fn next_batch(&mut self, batch: &mut LookupBatch) -> StorageResult<bool> {
        IdLookup::next_batch(self, batch)
    }

    fn contains(&mut self, columns: &[&[u64]], found: &mut Vec<bool>) -> StorageResult<()> {
        IdLookup::contains(self, columns, found)
    }

    fn count(&mut self, columns: &[&[u64]], counts: &mut Vec<u64>) -> StorageResult<()> {
        IdLookup::count(self, columns, counts)
    }
}

impl<B: StorageBackend> QuadTrie for IdTrie<B> {
    fn permutation(&self) -> Permutation {
        IdTrie::permutation(self)
    }

    fn levels(&self) -> usize {
        IdTrie::levels(self)
    }

    fn seek(&mut self, prefix: &[u64], value: u64) -> StorageResult<Option<u64>> {
        IdTrie::seek(self, prefix, value)
    }

    fn run(&mut self) -> StorageResult<&[u64]> {
        IdTrie::run(self)
    }
}

impl<B: StorageBackend> QuadValues for IdValues<B> {
    fn next_batch(&mut self, values: &mut Vec<u64>, counts: &mut Vec<u64>) -> StorageResult<bool> {
        IdValues::next_batch(self, values, counts)
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
    ) -> StorageResult<impl Iterator<Item = StorageResult<(TermId, u64)>> + Send + 'static> {
        self.graph_ids()
    }

    fn scan_request(
        &self,
        request: &ScanRequest,
        context: &ReadContext,
    ) -> StorageResult<Box<dyn QuadScan>> {
        let scan = Snapshot::scan_request(self, request, context.clone())?;
        Ok(Box::new(scan))
    }

    fn count_request(&self, request: &ScanRequest, context: &ReadContext) -> StorageResult<u64> {
        Snapshot::count_request(self, request, context)
    }

    fn estimate_request(&self, request: &ScanRequest) -> StorageResult<u64> {
        Snapshot::estimate_request(self, request)
    }

    fn lookup(
        &self,
        request: &LookupRequest,
        context: &ReadContext,
    ) -> StorageResult<Box<dyn QuadLookup>> {
        let lookup = Snapshot::lookup(self, request, context.clone())?;
        Ok(Box::new(lookup))
    }

    fn trie(
        &self,
        permutation: Permutation,
        pattern: &IdPattern,
        context: &ReadContext,
    ) -> StorageResult<Box<dyn QuadTrie>> {
        let trie = Snapshot::trie(self, permutation, pattern, context.clone())?;
        Ok(Box::new(trie))
    }

    fn values(
        &self,
        request: &ScanRequest,
        with_counts: bool,
        context: &ReadContext,
    ) -> StorageResult<Box<dyn QuadValues>> {
        let values = Snapshot::values(self, request, with_counts, context.clone())?;
        Ok(Box::new(values))
    }

    fn count_values(&self, request: &ScanRequest, context: &ReadContext) -> StorageResult<u64> {
        Snapshot::count_values(self, request, context.clone())
    }

    fn split(&self, request: &ScanRequest, parts: usize) -> StorageResult<Vec<ScanRequest>> {
        Snapshot::split(self, request, parts)
    }

    fn estimate_values(&self, request: &ScanRequest) -> StorageResult<u64> {
        Snapshot::estimate_values(self, request)
    }

    fn figures(&self) -> StorageResult<QuadFigures> {
        Snapshot::figures(self)
    }

    fn predicate_figures(&self, predicate: TermId) -> StorageResult<QuadFigures> {
        Snapshot::predicate_figures(self, predicate)
    }

    fn identity(&self) -> Option<ViewIdentity> {
        Some(Snapshot::identity(self))
    }

    fn graph_figures(&self, graph: TermId) -> StorageResult<QuadFigures> {
        Snapshot::graph_figures(self, graph)
    }

    fn decode_all(&self, ids: &[TermId], terms: &mut Vec<Term>) -> StorageResult<()> {
        Snapshot::decode_all(self, ids, terms)
    }
}
