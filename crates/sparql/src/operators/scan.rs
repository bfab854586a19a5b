//! Scans of one quad pattern within the query's dataset.
//!
//! What flows in: constants, a selection of graphs. What flows out: the wanted positions of the quads that match, as
//! columns. What always holds: a default graph put together from several graphs gives each triple once.

use super::Operator;
use crate::batch::Batch;
use crate::dataset::{Filter, GraphSelection, Patterns};
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use crate::expression::IdRange;
use crate::source::QuadScan;
use quadrille_store::{ColumnBatch, IdPattern, Permutation, ScanRequest, StorageResult, TermId};
use std::sync::Arc;

/// What a scan gives.
#[derive(Clone, Debug)]
pub(crate) struct ScanShape {
    /// The constants of subject, predicate and object.
    pub(crate) triple: [Option<TermId>; 3],
    pub(crate) graphs: GraphSelection,
    /// The positions of the columns: 0 subject, 1 predicate, 2 object, 3 graph.
    pub(crate) columns: Vec<usize>,
    /// Pairs of positions that must be equal.
    pub(crate) equal: Vec<(usize, usize)>,
    /// The order of the rows, where all come from one graph or from all of them.
    pub(crate) permutation: Option<Permutation>,
    /// The ranges of ids that the objects are read from, ascending, if not all; the predicate is a constant then, and subject
    /// and object are none.
    pub(crate) objects: Option<Arc<[IdRange]>>,
    /// The part of the rows that is read, of a scan that has been [split](ScanShape::split).
    pub(crate) part: Option<ScanPart>,
    /// The values of the first column behind the constants that are read, if not all; the order of the rows is given then.
    pub(crate) leading: Option<IdRange>,
}

/// Some of the rows of a scan: the order in which they lie, the first row and the first row above the last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScanPart {
    permutation: Permutation,
    rows: ([u64; 4], Option<[u64; 4]>),
}

impl ScanShape {
    /// Cuts the rows into about so many parts of about equal size, and each range that is read by itself; none if they cannot
    /// be cut: where they come from several graphs that are scanned one by one or whose equal triples come once, and where
    /// the ranges are more than the parts.
    pub(crate) fn split(
        &self,
        execution: &Execution,
        parts: usize,
    ) -> Result<Vec<ScanPart>, QueryError> {
        let Some(request) = self.only_request(execution)? else {
            return Ok(Vec::new());
        };
        let Some(ranges) = &self.objects else {
            // All of them or none: together they have all rows.
            let all: Option<Vec<ScanPart>> = split(&request, parts, execution)?.collect();
            return Ok(all.unwrap_or_default());
        };
        let of_each = parts / ranges.len().max(1);
        let mut all = Vec::new();
        for range in ranges.iter().filter(|_| of_each > 0) {
            // What is in no rows has none.
            all.extend(split(&in_range(&request, *range), of_each, execution)?.flatten());
        }
        Ok(all)
    }

    /// The request for the rows, if one has all of them and none has to be compared with others.
    fn only_request(&self, execution: &Execution) -> Result<Option<ScanRequest>, QueryError> {
        let explain = |error| execution.explain(error);
        let parts = execution.dataset.parts(self.triple, self.graphs);
        let (mut patterns, filter) = parts.map_err(explain)?;
        let is_single = patterns.size_hint().1 == Some(1);
        let is_row_by_row = matches!(filter, Filter::Every | Filter::Named);
        let pattern = patterns.next().transpose().map_err(explain)?;
        let pattern = pattern.filter(|_| is_single && is_row_by_row);
        Ok(pattern.map(|pattern| {
            let mut request = ScanRequest::new(pattern);
            request.permutation = self.permutation;
            request
        }))
    }

    /// The values of a position at which the rows can be [cut](leading_cuts); `None` if they cannot be: where the position is
    /// not the first behind the constants in their order. A single named graph is a constant, whatever the plan says.
    pub(crate) fn leading_cuts(
        &self,
        execution: &Execution,
        position: usize,
        parts: usize,
    ) -> Result<Option<Vec<u64>>, QueryError> {
        let request = self.only_request(execution)?;
        let Some(request) = request.filter(|_| self.objects.is_none()) else {
            return Ok(None);
        };
        match leading_position(&request) {
            Some(leading) if leading == position => {
                leading_cuts(&request, parts, execution).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// The position of the first column behind the constants of a request, if its order is given and there is such a column.
fn leading_position(request: &ScanRequest) -> Option<usize> {
    let permutation = request.permutation?;
    let prefix = permutation.bound_prefix(request.pattern.map(|id| id.is_some()));
    (prefix < 4).then(|| permutation.position_of(prefix))
}

/// Where to cut the rows of a request, whose order is given, into at most so many parts of about equal size: values of the
/// first column behind the constants, ascending, each of which begins a part.
pub(crate) fn leading_cuts(
    request: &ScanRequest,
    parts: usize,
    execution: &Execution,
) -> Result<Vec<u64>, QueryError> {
    let bound = request.pattern.map(|id| id.is_some());
    let begins = split(request, parts, execution)?.flatten().skip(1);
    let value = |part: ScanPart| {
        let column = part.permutation.bound_prefix(bound);
        part.rows.0.get(column).copied()
    };
    let mut cuts: Vec<u64> = begins.filter_map(value).collect();
    cuts.dedup();
    Ok(cuts)
}

/// A request with objects in a range alone.
fn in_range(request: &ScanRequest, (low, high): IdRange) -> ScanRequest {
    request.in_order(Permutation::Pocs).with_range(low, high)
}

/// The parts of a request; `None` for one that names no rows.
fn split(
    request: &ScanRequest,
    parts: usize,
    execution: &Execution,
) -> Result<impl Iterator<Item = Option<ScanPart>>, QueryError> {
    let requests = execution.source().split(request, parts);
    let requests = requests.map_err(|error| execution.explain(error))?;
    Ok(requests.into_iter().map(|request| {
        Some(ScanPart {
            permutation: request.permutation?,
            rows: request.rows?,
        })
    }))
}

/// A running scan.
pub(crate) struct Scan {
    execution: Arc<Execution>,
    shape: ScanShape,
    state: Option<(Patterns, Filter)>,
    is_single: bool,
    /// The pattern that is scanned range by range, and the number of the next range.
    open: Option<(IdPattern, usize)>,
    current: Option<Box<dyn QuadScan>>,
    rows: ColumnBatch,
    kept: Vec<usize>,
    /// The triples that were seen, where several graphs have the same.
    account: Account,
}

impl Scan {
    pub(crate) fn new(execution: Arc<Execution>, shape: ScanShape) -> Result<Self, QueryError> {
        let parts = execution
            .dataset
            .parts(shape.triple, shape.graphs)
            .map_err(|error| execution.explain(error))?;
        let is_single = parts.0.size_hint().1 == Some(1);
        Ok(Self {
            account: execution.memory.account(),
            execution,
            shape,
            state: Some(parts),
            is_single,
            open: None,
            current: None,
            rows: ColumnBatch::new(),
            kept: Vec::new(),
        })
    }

    /// Opens the next scan; false when there is none.
    fn advance(&mut self) -> StorageResult<bool> {
        let Some((pattern, range)) = self.next_range()? else {
            return Ok(false);
        };
        let Some((_, filter)) = &self.state else {
            return Ok(false);
        };
        let mut columns = filter.needs();
        for position in &self.shape.columns {
            columns[*position] = true;
        }
        for (left, right) in &self.shape.equal {
            columns[*left] = true;
            columns[*right] = true;
        }
        let mut request = ScanRequest::new(pattern).with_columns(columns);
        request.permutation = self.shape.permutation.filter(|_| self.is_single);
        if let Some(part) = self.shape.part {
            request = request.in_order(part.permutation);
            request.rows = Some(part.rows);
        }
        if let Some((low, high)) = self.shape.leading {
            request = request.with_range(low, high);
        }
        if let Some(range) = range {
            request = in_range(&request, range);
        }
        let context = self.execution.dataset.limits.context();
        self.current = Some(self.execution.source().scan_request(&request, context)?);
        Ok(true)
    }

    /// The next pattern to scan, or the next range of its objects.
    fn next_range(&mut self) -> StorageResult<Option<(IdPattern, Option<IdRange>)>> {
        let Some((patterns, _)) = &mut self.state else {
            return Ok(None);
        };
        // The rows of a part lie in one range.
        let ranges = self.shape.objects.as_ref();
        let Some(ranges) = ranges.filter(|_| self.shape.part.is_none()) else {
            let pattern = patterns.next().transpose()?;
            return Ok(pattern.map(|pattern| (pattern, None)));
        };
        loop {
            if let Some((pattern, number)) = &mut self.open
                && let Some(range) = ranges.get(*number)
            {
                *number += 1;
                return Ok(Some((*pattern, Some(*range))));
            }
            match patterns.next().transpose()? {
                Some(pattern) => self.open = Some((pattern, 0)),
                None => return Ok(None),
            }
            if ranges.is_empty() {
                return Ok(None);
            }
        }
    }

    /// Appends the rows of a batch that are kept.
    fn give(&mut self, permutation: Permutation, batch: &mut Batch) {
        let Some((_, filter)) = &mut self.state else {
            return;
        };
        let rows = &self.rows;
        let columns = &self.shape.columns;
        if self.shape.equal.is_empty() && matches!(filter, Filter::Every) {
            batch.append_with(rows.len(), |column, values| {
                values.extend_from_slice(rows.column(columns[column]));
            });
            return;
        }
        self.kept.clear();
        for row in 0..rows.len() {
            let is_equal = |(left, right): &(usize, usize)| {
                rows.column(*left)[row] == rows.column(*right)[row]
            };
            if self.shape.equal.iter().all(is_equal)
                && filter.keeps_row(rows, row, permutation, self.is_single)
            {
                self.kept.push(row);
            }
        }
        let kept = &self.kept;
        batch.append_with(kept.len(), |column, values| {
            let source = rows.column(columns[column]);
            values.extend(kept.iter().map(|row| source[*row]));
        });
    }
}

impl Operator for Scan {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.shape.columns.len());
        loop {
            self.execution.check()?;
            let Some(scan) = &mut self.current else {
                let more = self.advance();
                if !more.map_err(|error| self.execution.explain(error))? {
                    self.state = None;
                    return Ok(false);
                }
                continue;
            };
            let permutation = scan.permutation();
            let more = scan.next_batch(&mut self.rows);
            if !more.map_err(|error| self.execution.explain(error))? {
                self.current = None;
                continue;
            }
            self.give(permutation, batch);
            if let Some((_, filter)) = &self.state {
                self.account.require(filter.bytes())?;
            }
            if !batch.is_empty() {
                return Ok(true);
            }
        }
    }
}
