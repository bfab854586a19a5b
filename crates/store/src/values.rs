//! Distinct values of a column with their counts, and requests cut into parts.
//!
//! What flows in: a [`ScanRequest`]. What flows out: the values of the first column that it leaves open, or requests that
//! together ask for the same. What always holds: what is exact says so, what is an estimate is cheap.

use crate::context::ReadContext;
use crate::index::split::split_range;
use crate::index::values::RowValues;
use crate::permutation::IdPattern;
use crate::request::ScanRequest;
use crate::snapshot::Snapshot;
use quadrille_backend::{StorageBackend, StorageError, StorageResult};

/// The distinct values of a column, ascending. Owns its view; `Send + 'static`.
pub struct IdValues<B: StorageBackend> {
    /// `None` when there can be none.
    values: Option<RowValues<B::Snapshot>>,
    position: usize,
}

impl<B: StorageBackend> IdValues<B> {
    /// The position (0 subject, 1 predicate, 2 object, 3 graph) whose values they are.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Clears the vectors and fills them with the next values, as raw ids, and with the number of quads that have each; the
    /// counts stay empty if they were not asked for. False when there are no more, or after an error.
    ///
    /// # Errors
    /// `Cancelled` when the context says so, `Corrupted`, what the backend fails with.
    pub fn next_batch(
        &mut self,
        values: &mut Vec<u64>,
        counts: &mut Vec<u64>,
    ) -> StorageResult<bool> {
        match &mut self.values {
            Some(rows) => rows.fill(values, counts),
            None => {
                values.clear();
                counts.clear();
                Ok(false)
            }
        }
    }
}

impl<B: StorageBackend> Snapshot<B> {
    /// The distinct values of the first column behind the bound prefix of a request's permutation, ascending, among the
    /// quads that it asks for. With counts, which are exact, a value of many quads costs a look at the summaries, without
    /// them less; bound positions that the order does not begin with make it a scan, unless one of them is a graph that
    /// holds every quad.
    ///
    /// # Errors
    /// `Misuse` for a request that names no permutation or leaves no column open behind the prefix; as
    /// [`scan_request`](Self::scan_request).
    pub fn values(
        &self,
        request: &ScanRequest,
        with_counts: bool,
        context: ReadContext,
    ) -> StorageResult<IdValues<B>> {
        let Some(permutation) = request.permutation else {
            return Err(StorageError::misuse(
                "a request for distinct values names no permutation",
            ));
        };
        let bound = request.pattern.map(|id| id.is_some());
        let column = permutation.bound_prefix(bound);
        if column == 4 {
            return Err(StorageError::misuse(
                "a request for distinct values leaves no column open",
            ));
        }
        let position = permutation.position_of(column);
        let filters_graph = bound[3] && permutation.column_of(3) > column;
        let mut request = *request;
        if filters_graph && self.is_in_one_graph(&request.pattern)? {
            request.pattern[3] = None;
        }
        let Some(range) = request.range_in(permutation)? else {
            return Ok(IdValues {
                values: None,
                position,
            });
        };
        let inner = &*self.inner;
        let values = RowValues::new(
            &inner.view,
            inner.places.permutation(permutation),
            inner.delta.permutation(permutation).clone(),
            (range, column),
            with_counts,
            context,
        )?;
        Ok(IdValues {
            values: Some(values),
            position,
        })
    }

    /// How many distinct values [`values`](Self::values) gives; exact.
    ///
    /// # Errors
    /// As [`values`](Self::values).
    pub fn count_values(&self, request: &ScanRequest, context: ReadContext) -> StorageResult<u64> {
        let mut rows = self.values(request, false, context)?;
        let (mut values, mut count) = (Vec::new(), 0);
        while rows.next_batch(&mut values, &mut Vec::new())? {
            count += values.len() as u64;
        }
        Ok(count)
    }

    /// Cuts a request into at most so many that together ask for the same rows, one after the other in the order of their
    /// permutation, which they name: of about equal size by the summaries, and none smaller than a block. Threads can scan
    /// them side by side.
    ///
    /// # Errors
    /// As [`scan_request`](Self::scan_request).
    pub fn split(&self, request: &ScanRequest, parts: usize) -> StorageResult<Vec<ScanRequest>> {
        let permutation = self.choose(request)?;
        let request = request.in_order(permutation);
        let Some(range) = request.range_in(permutation)? else {
            return Ok(vec![request]);
        };
        let inner = &*self.inner;
        let places = inner.places.permutation(permutation);
        let begins = split_range(&inner.view, places, &range.start, range.end, parts)?;
        let mut start = range.start;
        let ends = begins.into_iter().map(Some).chain([range.end]);
        let parts = ends.map(|end| {
            let rows = Some((start, end));
            start = end.unwrap_or(start);
            ScanRequest { rows, ..request }
        });
        Ok(parts.collect())
    }

    /// Whether the graph of a pattern holds every quad.
    fn is_in_one_graph(&self, pattern: &IdPattern) -> StorageResult<bool> {
        let graph = [None, None, None, pattern[3]];
        Ok(self.count_ids(graph)? == self.len())
    }
}
