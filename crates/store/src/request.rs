//! What readers of ids ask for beyond a pattern: an order, a range, the columns that they want.
//!
//! What flows in: patterns of ids. What flows out: ranges of a permutation's rows. What always holds: a request says what is
//! wanted and nothing of how it is found; one that contradicts itself is `Misuse`.

use crate::index::scan::ScanRange;
use crate::index::{prefix_range, successor};
use crate::permutation::{IdPattern, IdQuad, Permutation, Row};
use crate::term::TermId;
use quadrille_backend::{StorageError, StorageResult};

/// Quads to be scanned, counted or estimated.
///
/// ```
/// use quadrille_store::{Permutation, ScanRequest, TermId};
///
/// # let (predicate, low, high) = (TermId::DEFAULT_GRAPH, 10, 20);
/// // The objects of a predicate that lie between two ids, ascending, and nothing else of the quads.
/// let request = ScanRequest::new([None, Some(predicate), None, None])
///     .in_order(Permutation::Pocs)
///     .with_range(low, high)
///     .with_columns([false, false, true, false]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScanRequest {
    /// Which quads.
    pub pattern: IdPattern,
    /// The order of the rows; `None`: that of the permutation which answers the pattern with the least work. Bound
    /// positions that the order does not begin with are compared row by row, with skips.
    pub permutation: Option<Permutation>,
    /// The smallest and the largest raw id, both included, that the first column behind the bound prefix of the permutation
    /// may have. Needs a permutation that is named, and one that has such a column.
    pub range: Option<(u64, u64)>,
    /// The positions (subject, predicate, object, graph) whose ids are wanted. The others are not decoded:
    /// [`ColumnBatch::column`](crate::ColumnBatch::column) is empty for them, also where the pattern binds them.
    pub columns: [bool; 4],
    /// The first row and the first row above the last, in the permutation's order, as
    /// [`split`](crate::Snapshot::split) gives them; an end of `None` is open. Needs a permutation that is named.
    pub rows: Option<([u64; 4], Option<[u64; 4]>)>,
}

impl ScanRequest {
    /// All columns of the quads that match a pattern, in the best order.
    #[must_use]
    pub fn new(pattern: IdPattern) -> Self {
        Self {
            pattern,
            permutation: None,
            range: None,
            columns: [true; 4],
            rows: None,
        }
    }

    /// Asks for the rows in the order of a permutation.
    #[must_use]
    pub fn in_order(mut self, permutation: Permutation) -> Self {
        self.permutation = Some(permutation);
        self
    }

    /// Asks only for rows whose first column behind the bound prefix is at least `low` and at most `high`.
    #[must_use]
    pub fn with_range(mut self, low: u64, high: u64) -> Self {
        self.range = Some((low, high));
        self
    }

    /// Asks only for the ids of some positions: subject, predicate, object, graph.
    #[must_use]
    pub fn with_columns(mut self, columns: [bool; 4]) -> Self {
        self.columns = columns;
        self
    }

    /// Whether a quad is among those asked for; it is to come in the order of a permutation.
    #[must_use]
    pub fn matches(&self, permutation: Permutation, quad: &IdQuad) -> bool {
        let row = permutation.permute(quad.map(TermId::raw));
        let bound = permutation.bound_prefix(self.pattern.map(|id| id.is_some()));
        let in_range = |(low, high): (u64, u64)| {
            row.get(bound)
                .is_some_and(|value| (low..=high).contains(value))
        };
        let in_rows =
            |(start, end): (Row, Option<Row>)| start <= row && end.is_none_or(|end| row < end);
        let mut pairs = self.pattern.iter().zip(quad);
        pairs.all(|(id, value)| id.is_none_or(|id| id == *value))
            && self.range.is_none_or(in_range)
            && self.rows.is_none_or(in_rows)
    }

    /// Whether it asks for all that its pattern matches.
    pub(crate) fn is_whole(&self) -> bool {
        self.range.is_none() && self.rows.is_none()
    }

    /// The rows asked for, in a permutation; `None` when there can be none.
    ///
    /// # Errors
    /// `Misuse` when the request contradicts itself.
    pub(crate) fn range_in(&self, permutation: Permutation) -> StorageResult<Option<ScanRange>> {
        if self.permutation.is_none() && !self.is_whole() {
            return Err(StorageError::misuse(
                "a request for a range of rows names no permutation",
            ));
        }
        let mut scan = ScanRange::of_pattern(permutation, &self.pattern);
        scan.wanted = permutation.permute(self.columns);
        if let Some((low, high)) = self.range {
            if scan.bound == 4 {
                return Err(StorageError::misuse(
                    "a request for a range binds every column of its permutation",
                ));
            }
            if low > high {
                return Ok(None);
            }
            scan.narrow_column(low, high);
        }
        if let Some((start, end)) = self.rows {
            scan.narrow_rows(start, end);
        }
        Ok(Some(scan).filter(|scan| scan.end.is_none_or(|end| scan.start < end)))
    }
}

impl ScanRange {
    /// The rows of a permutation that a pattern asks for, all columns wanted.
    pub(crate) fn of_pattern(permutation: Permutation, pattern: &IdPattern) -> Self {
        let columns = permutation
            .permute(*pattern)
            .map(|id| id.map(|id| id.raw()));
        let bound = columns.iter().take_while(|id| id.is_some()).count();
        let words = columns.map(Option::unwrap_or_default);
        let (start, end) = prefix_range::<4>(&words[..bound]);
        let mut filters = columns;
        filters[..bound].fill(None);
        Self {
            start,
            end,
            bound,
            is_prefix: true,
            filters,
            wanted: [true; 4],
        }
    }

    /// All rows from one on.
    pub(crate) fn from(start: Row) -> Self {
        Self {
            start,
            ..Self::of_pattern(Permutation::Spoc, &[None; 4])
        }
    }

    /// Keeps the rows whose first column behind the prefix is between two values; there is such a column.
    fn narrow_column(&mut self, low: u64, high: u64) {
        let column = self.bound;
        let mut last = self.start;
        last[column] = high;
        last[column + 1..].fill(u64::MAX);
        self.start[column] = low;
        self.end = successor(last);
        if low == high {
            self.bound += 1;
            // What is right behind the prefix belongs to it.
            while let Some(value) = self.filters.get_mut(self.bound).and_then(Option::take) {
                self.start[self.bound] = value;
                self.bound += 1;
            }
            self.end = prefix_range::<4>(&self.start[..self.bound]).1;
        } else {
            self.is_prefix = false;
        }
    }

    /// Keeps the rows in `[start, end)`.
    fn narrow_rows(&mut self, start: Row, end: Option<Row>) {
        self.is_prefix &= start <= self.start
            && match (end, self.end) {
                (Some(end), Some(own)) => own <= end,
                (Some(_), None) => false,
                (None, _) => true,
            };
        self.start = self.start.max(start);
        self.end = match (self.end, end) {
            (Some(own), Some(end)) => Some(own.min(end)),
            (own, end) => own.or(end),
        };
    }
}
