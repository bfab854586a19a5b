//! A source behind a pointer, so that the evaluator is compiled once and not for each backend.
//!
//! What flows in: any [`QuadSource`]. What flows out: the calls that evaluation makes on it. What always holds: a call
//! behind the pointer is one a scan or a batch of rows, never one a row.

use crate::source::{QuadLookup, QuadScan, QuadSource, QuadTrie, QuadValues};
use oxrdf::{Term, TermRef};
use quadrille_store::{
    IdPattern, LookupRequest, Permutation, QuadFigures, ReadContext, ScanRequest, StorageResult,
    TermId, ViewIdentity,
};
use std::sync::Arc;

/// The graphs of a source with their numbers of quads.
pub(crate) type Graphs = Box<dyn Iterator<Item = StorageResult<(TermId, u64)>> + Send>;

/// What evaluation asks of a source; see [`QuadSource`].
pub(crate) trait ErasedSource {
    fn identity(&self) -> Option<ViewIdentity>;
    fn scan(&self, pattern: IdPattern, context: &ReadContext) -> StorageResult<Box<dyn QuadScan>>;
    fn count(&self, pattern: IdPattern, context: &ReadContext) -> StorageResult<u64>;
    fn estimate(&self, pattern: IdPattern) -> StorageResult<u64>;
    fn estimate_request(&self, request: &ScanRequest) -> StorageResult<u64>;
    fn encode(&self, term: TermRef<'_>) -> StorageResult<Option<TermId>>;
    fn decode(&self, id: TermId) -> StorageResult<Term>;
    fn graphs(&self) -> StorageResult<Graphs>;
    fn contains_graph(&self, graph: TermId) -> StorageResult<bool>;
    fn scan_request(
        &self,
        request: &ScanRequest,
        context: &ReadContext,
    ) -> StorageResult<Box<dyn QuadScan>>;
    fn lookup(
        &self,
        request: &LookupRequest,
        context: &ReadContext,
    ) -> StorageResult<Box<dyn QuadLookup>>;
    fn trie(
        &self,
        permutation: Permutation,
        pattern: &IdPattern,
        context: &ReadContext,
    ) -> StorageResult<Box<dyn QuadTrie>>;
    fn split(&self, request: &ScanRequest, parts: usize) -> StorageResult<Vec<ScanRequest>>;
    fn figures(&self) -> StorageResult<QuadFigures>;
    fn predicate_figures(&self, predicate: TermId) -> StorageResult<QuadFigures>;
    fn values(
        &self,
        request: &ScanRequest,
        with_counts: bool,
        context: &ReadContext,
    ) -> StorageResult<Box<dyn QuadValues>>;
    fn estimate_values(&self, request: &ScanRequest) -> StorageResult<u64>;
    fn decode_all(&self, ids: &[TermId], terms: &mut Vec<Term>) -> StorageResult<()>;
}

/// A shared source of any kind.
pub(crate) type SharedSource = Arc<dyn ErasedSource + Send + Sync>;

impl<S: QuadSource> ErasedSource for S {
    fn identity(&self) -> Option<ViewIdentity> {
        QuadSource::identity(self)
    }

    fn scan(&self, pattern: IdPattern, context: &ReadContext) -> StorageResult<Box<dyn QuadScan>> {
        Ok(Box::new(QuadSource::scan(self, pattern, context)?))
    }

    fn count(&self, pattern: IdPattern, context: &ReadContext) -> StorageResult<u64> {
        QuadSource::count_request(self, &ScanRequest::new(pattern), context)
    }

    fn estimate(&self, pattern: IdPattern) -> StorageResult<u64> {
        QuadSource::estimate(self, pattern)
    }

    fn estimate_request(&self, request: &ScanRequest) -> StorageResult<u64> {
        QuadSource::estimate_request(self, request)
    }

    fn encode(&self, term: TermRef<'_>) -> StorageResult<Option<TermId>> {
        QuadSource::encode(self, term)
    }

    fn decode(&self, id: TermId) -> StorageResult<Term> {
        QuadSource::decode(self, id)
    }

    fn graphs(&self) -> StorageResult<Graphs> {
        Ok(Box::new(QuadSource::graphs(self)?))
    }

    fn contains_graph(&self, graph: TermId) -> StorageResult<bool> {
        QuadSource::contains_graph(self, graph)
    }

    fn scan_request(
        &self,
        request: &ScanRequest,
        context: &ReadContext,
    ) -> StorageResult<Box<dyn QuadScan>> {
        QuadSource::scan_request(self, request, context)
    }

    fn lookup(
        &self,
        request: &LookupRequest,
        context: &ReadContext,
    ) -> StorageResult<Box<dyn QuadLookup>> {
        QuadSource::lookup(self, request, context)
    }

    fn trie(
        &self,
        permutation: Permutation,
        pattern: &IdPattern,
        context: &ReadContext,
    ) -> StorageResult<Box<dyn QuadTrie>> {
        QuadSource::trie(self, permutation, pattern, context)
    }

    fn split(&self, request: &ScanRequest, parts: usize) -> StorageResult<Vec<ScanRequest>> {
        QuadSource::split(self, request, parts)
    }

    fn figures(&self) -> StorageResult<QuadFigures> {
        QuadSource::figures(self)
    }

    fn predicate_figures(&self, predicate: TermId) -> StorageResult<QuadFigures> {
        QuadSource::predicate_figures(self, predicate)
    }

    fn values(
        &self,
        request: &ScanRequest,
        with_counts: bool,
        context: &ReadContext,
    ) -> StorageResult<Box<dyn QuadValues>> {
        QuadSource::values(self, request, with_counts, context)
    }

    fn estimate_values(&self, request: &ScanRequest) -> StorageResult<u64> {
        QuadSource::estimate_values(self, request)
    }

    fn decode_all(&self, ids: &[TermId], terms: &mut Vec<Term>) -> StorageResult<()> {
        QuadSource::decode_all(self, ids, terms)
    }
}
