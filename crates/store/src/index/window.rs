//! A part of an index in hand: the rows of one block, merged with the changes there, searched from where the last search
//! ended.
//!
//! What flows in: ranges of rows, most often ascending and close to each other. What flows out: where such a range lies in
//! the rows in hand, and their values. What always holds: the rows in hand are all that the snapshot has between two
//! bounds; a search within these bounds touches no backend; the first searches in a block read it in place, and when
//! more follow it is decoded once and they gallop through plain arrays.

use super::reader::BlockCursor;
use super::successor;
use crate::context::ReadContext;
use crate::delta::ChangeSet;
use crate::keyspaces::Place;
use crate::permutation::Row;
use crate::view::View;
use quadrille_backend::{StorageResult, StorageSnapshot};
use std::ops::Range;

/// A block is searched in place once for so many of its values before it is decoded, and once at least: decoding costs
/// some times as much as these searches, but the next ones cost a tenth.
const VALUES_PER_SEARCH: usize = 512;

/// The most changes that are merged at once, and the fewest where there are more.
const CHANGES_MAX: usize = 512;
const CHANGES_MIN: usize = 16;

/// How many rows are decoded to find the first that has not been removed.
const ROWS_FOR_FIRST: usize = 16;

/// How many blocks are sought directly after one that was not the next, before the next one is tried again.
const SEEKS_AFTER_MISS: u8 = 8;

/// The rows in `[lower, upper)`; an upper bound of `None` is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Span {
    lower: Row,
    upper: Option<Row>,
}

impl Span {
    fn covers(&self, row: &Row) -> bool {
        self.lower <= *row && is_below(row, self.upper)
    }
}

/// Whether a row is below a bound; `None` is open.
fn is_below(row: &Row, bound: Option<Row>) -> bool {
    bound.is_none_or(|bound| *row < bound)
}

/// The lower of two upper bounds.
fn lower_of(a: Option<Row>, b: Option<Row>) -> Option<Row> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// A range of rows to be found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The first row that may be meant.
    pub(crate) start: Row,
    /// The first row above that may not; `None` is open.
    pub(crate) end: Option<Row>,
    /// When the range is all rows that begin as `start` does: in how many columns; else 0.
    pub(crate) prefix: usize,
    /// Whether only the first row is of interest.
    pub(crate) first_only: bool,
}

/// A part of a wanted range.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Its rows, as the window numbers them until it is asked for others.
    pub(crate) rows: Range<usize>,
    /// The row with which to go on; `None` when this was all.
    pub(crate) next: Option<Row>,
}

/// What a window is opened with.
pub(crate) struct WindowOptions<'a> {
    /// Leading columns that are the same in all rows ever asked for.
    pub(crate) constants: &'a [u64],
    /// Which other columns are searched or read.
    pub(crate) needed: [bool; 4],
    pub(crate) context: ReadContext,
}

/// A window over the rows that begin with some constants.
pub(crate) struct Window<S: StorageSnapshot> {
    cursor: BlockCursor<S, 4>,
    delta: ChangeSet<4>,
    context: ReadContext,
    /// The rows that begin with the constants.
    limits: Span,
    constants: usize,
    needed: [bool; 4],
    /// What the block at the cursor and the changes beside it cover; `None` before the first search.
    covered: Option<Span>,
    /// Whether the cursor is at a block: behind the last one there are changes only.
    has_block: bool,
    has_changes: bool,
    /// Whether there are too many changes in what is covered to be merged at once.
    is_crowded: bool,
    /// How many more searches read the block in place.
    searches_due: usize,
    /// How many times the next block is not to be tried.
    seeks_due: u8,
    /// What is decoded, and the rows by column; constants are left out.
    decoded: Option<Span>,
    columns: [Vec<u64>; 4],
    len: usize,
    /// Where the last search in the decoded rows ended.
    position: usize,
    /// How many changes the next decoding merges.
    changes_due: usize,
}

impl<S: StorageSnapshot> Window<S> {
    pub(crate) fn new(
        view: &View<S>,
        place: &Place,
        delta: ChangeSet<4>,
        options: WindowOptions<'_>,
    ) -> StorageResult<Self> {
        let (lower, upper) = super::prefix_range::<4>(options.constants);
        Ok(Self {
            cursor: BlockCursor::new(view, place)?,
            delta,
            context: options.context,
            limits: Span { lower, upper },
            constants: options.constants.len(),
            needed: options.needed,
            covered: None,
            has_block: false,
            has_changes: false,
            is_crowded: false,
            searches_due: 0,
            seeks_due: 0,
            decoded: None,
            columns: Default::default(),
            len: 0,
            position: 0,
            changes_due: CHANGES_MIN,
        })
    }

    /// The rows that begin with the constants: the first that may, and the first that may not any more.
    pub(crate) fn limits(&self) -> (Row, Option<Row>) {
        (self.limits.lower, self.limits.upper)
    }

    /// Finds the first part of a range, which lies within the limits.
    pub(crate) fn find(&mut self, wanted: &Wanted) -> StorageResult<Found> {
        let covered = self.cover(&wanted.start)?;
        let end = lower_of(wanted.end, covered.upper);
        let next = covered
            .upper
            .filter(|upper| is_below(upper, wanted.end))
            .filter(|upper| is_below(upper, self.limits.upper));
        if let Some(decoded) = self.decoded.filter(|span| span.covers(&wanted.start)) {
            return Ok(self.find_decoded(decoded, wanted, next));
        }
        let is_whole = self.searches_due == 0 && !self.is_crowded;
        if !is_whole {
            self.searches_due = self.searches_due.saturating_sub(1);
            let rows = self.find_in_place(wanted, &covered);
            if !self.has_changes || !self.is_changed(wanted, end, &rows) {
                self.decoded = None;
                return Ok(Found { rows, next });
            }
        }
        let decoded = self.decode(wanted, &covered, is_whole);
        Ok(self.find_decoded(decoded, wanted, next))
    }

    /// Whether there are changes among rows of the block, or where there could be.
    fn is_changed(&self, wanted: &Wanted, end: Option<Row>, rows: &Range<usize>) -> bool {
        let block = self.cursor.block().filter(|_| self.has_block);
        let end = match block.filter(|_| wanted.first_only && !rows.is_empty()) {
            Some((block, bytes)) => successor(block.row(bytes, rows.start)),
            None => end,
        };
        self.delta.changes_within(&wanted.start, end)
    }

    /// [`find`](Self::find), after which the rows found are [decoded](Self::decoded_column).
    pub(crate) fn find_to_decode(&mut self, wanted: &Wanted) -> StorageResult<Found> {
        let covered = self.cover(&wanted.start)?;
        if self.decoded.is_none_or(|span| !span.covers(&wanted.start)) {
            self.decode(wanted, &covered, true);
        }
        self.find(wanted)
    }

    /// Makes a row one of those that are covered.
    fn cover(&mut self, row: &Row) -> StorageResult<Span> {
        if let Some(covered) = &mut self.covered {
            if covered.covers(row) {
                return Ok(*covered);
            }
            // What lies between the first row of a block and the last is in this block, too.
            if *row < covered.lower
                && let Some((block, bytes)) = self.cursor.block().filter(|_| self.has_block)
            {
                let first = block.row(bytes, 0);
                if first <= *row {
                    covered.lower = first;
                    self.has_changes = self.delta.changes_within(&first, covered.upper);
                    self.is_crowded = false;
                    return Ok(*covered);
                }
            }
        }
        self.load(row)
    }

    /// Moves to the block that would hold a row.
    fn load(&mut self, row: &Row) -> StorageResult<Span> {
        let before = self.covered.take();
        self.decoded = None;
        self.context.check()?;
        let upper = before.and_then(|covered| covered.upper);
        let ahead = self.has_block && upper.is_some_and(|upper| upper <= *row);
        self.has_block = false;
        if ahead && (self.seeks_due == 0 || upper == Some(*row)) {
            let (found, was_next) = self.cursor.next_or_seek(row)?;
            self.has_block = found;
            self.seeks_due = if was_next { 0 } else { SEEKS_AFTER_MISS };
        } else {
            self.seeks_due = self.seeks_due.saturating_sub(1);
            self.has_block = self.cursor.seek(row)?;
        }
        let upper = if self.has_block {
            successor(self.cursor.separator()?)
        } else {
            None
        };
        let covered = Span { lower: *row, upper };
        self.has_changes = !self.delta.is_empty() && self.delta.changes_within(row, upper);
        self.is_crowded = false;
        let rows = self.cursor.block().filter(|_| self.has_block);
        let rows = rows.map_or(CHANGES_MAX, |(block, _)| block.len());
        let columns = self.needed.iter().filter(|needed| **needed).count();
        self.searches_due = 1 + rows * columns / VALUES_PER_SEARCH;
        self.changes_due = CHANGES_MIN;
        self.covered = Some(covered);
        Ok(covered)
    }

    fn find_in_place(&self, wanted: &Wanted, covered: &Span) -> Range<usize> {
        let Some((block, bytes)) = self.cursor.block().filter(|_| self.has_block) else {
            return 0..0;
        };
        if wanted.prefix > 0 {
            return block.prefix_range(bytes, &wanted.start[..wanted.prefix]);
        }
        let start = block.lower_bound(bytes, &wanted.start);
        let end = match wanted.end {
            Some(end) if is_below(&end, covered.upper) => block.lower_bound(bytes, &end),
            _ => block.len(),
        };
        start..end.max(start)
    }

    /// Decodes what is covered; or from the beginning of what is wanted on, to its end at most when the whole is not asked for,
    /// and as far as there are not too many changes.
    fn decode(&mut self, wanted: &Wanted, covered: &Span, is_whole: bool) -> Span {
        let mut span = *covered;
        let mut changes = Vec::new();
        if is_whole && !self.is_crowded {
            span = self.down_to_first_row(covered);
            if self.has_changes {
                changes.extend(self.changes(&span).take(CHANGES_MAX + 1));
            }
            self.is_crowded = changes.len() > CHANGES_MAX;
        }
        if !is_whole || self.is_crowded {
            let goes_on = self.decoded.and_then(|span| span.upper) == Some(wanted.start);
            self.changes_due = if goes_on {
                (self.changes_due * 4).min(CHANGES_MAX)
            } else {
                CHANGES_MIN
            };
            span.lower = wanted.start;
            if !is_whole {
                span.upper = lower_of(span.upper, self.end_of_part(wanted));
            }
            changes.clear();
            changes.extend(self.changes(&span).take(self.changes_due + 1));
            if let Some((row, _)) = changes.get(self.changes_due) {
                span.upper = Some(*row);
                changes.truncate(self.changes_due);
            }
        }
        self.columns.iter_mut().for_each(Vec::clear);
        let rows = self.block_rows(&span);
        self.len = rows.len();
        if changes.is_empty() {
            self.decode_block(rows, self.needed);
        } else {
            self.decode_block(rows, [true; 4]);
            self.merge(&changes);
        }
        self.position = 0;
        self.decoded = Some(span);
        span
    }

    /// How far a part is decoded for what is wanted.
    fn end_of_part(&self, wanted: &Wanted) -> Option<Row> {
        if !wanted.first_only {
            return wanted.end;
        }
        let (block, bytes) = self.cursor.block().filter(|_| self.has_block)?;
        let end = block.lower_bound(bytes, &wanted.start) + ROWS_FOR_FIRST;
        (end < block.len())
            .then(|| block.row(bytes, end))
            .filter(|row| *row > wanted.start)
    }

    /// What is covered when the rows of the block before the one that was sought are counted in, if no changes lie there.
    fn down_to_first_row(&mut self, covered: &Span) -> Span {
        let Some((block, bytes)) = self.cursor.block().filter(|_| self.has_block) else {
            return *covered;
        };
        let first = block.row(bytes, 0);
        if first >= covered.lower || self.delta.changes_within(&first, Some(covered.lower)) {
            return *covered;
        }
        let lowered = Span {
            lower: first,
            ..*covered
        };
        self.covered = Some(lowered);
        lowered
    }

    /// The changes in a span to rows within the limits.
    fn changes(&self, span: &Span) -> impl Iterator<Item = (Row, bool)> + use<'_, S> {
        let start = span.lower.max(self.limits.lower);
        self.delta
            .range(start, lower_of(span.upper, self.limits.upper))
    }

    /// The rows of the block that lie in a span and within the limits.
    fn block_rows(&self, span: &Span) -> Range<usize> {
        let Some((block, bytes)) = self.cursor.block().filter(|_| self.has_block) else {
            return 0..0;
        };
        let mut rows = 0..block.len();
        if self.constants > 0 {
            rows = block.prefix_range(bytes, &self.limits.lower[..self.constants]);
        }
        rows.start = rows.start.max(block.lower_bound(bytes, &span.lower));
        if let Some(upper) = span.upper {
            rows.end = rows.end.min(block.lower_bound(bytes, &upper));
        }
        rows.start..rows.end.max(rows.start)
    }

    fn decode_block(&mut self, rows: Range<usize>, needed: [bool; 4]) {
        let Some((block, bytes)) = self.cursor.block().filter(|_| self.has_block) else {
            return;
        };
        let columns = self.columns.iter_mut().zip(needed).enumerate();
        for (column, (values, needed)) in columns.skip(self.constants) {
            if needed {
                block.decode_column(bytes, column, rows.clone(), values);
            }
        }
    }

    /// Merges changes into the decoded rows of a block, all columns of which are there.
    fn merge(&mut self, changes: &[(Row, bool)]) {
        let mut next = 0;
        // For each change, the rows before it, and where those after it begin.
        let mut places = Vec::with_capacity(changes.len());
        for (change, inserted) in changes {
            let place = self.lower_bound(next, change);
            let removed = !inserted && place < self.len && self.is_at_most(place, change);
            let before = next..place;
            next = place + usize::from(removed);
            places.push(before);
        }
        let rest = next..self.len;
        // Also columns that nobody reads: the row with which a search goes on may lie among these.
        for column in self.constants..4 {
            let old = std::mem::take(&mut self.columns[column]);
            let mut merged = Vec::with_capacity(old.len() + changes.len());
            for (before, (change, inserted)) in places.iter().zip(changes) {
                merged.extend_from_slice(&old[before.clone()]);
                if *inserted {
                    merged.push(change[column]);
                }
            }
            merged.extend_from_slice(&old[rest.clone()]);
            self.columns[column] = merged;
        }
        let inserted = changes.iter().filter(|(_, inserted)| *inserted).count();
        let kept: usize = places.iter().map(ExactSizeIterator::len).sum();
        self.len = kept + rest.len() + inserted;
    }
}

/// The first index of a range for which `is_before` does not hold, found by steps that grow.
fn partition(range: Range<usize>, is_before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut step) = (range.start, 1);
    while low + step <= range.end && is_before(low + step - 1) {
        low += step;
        step *= 2;
    }
    let mut high = range.end.min(low + step - 1);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// Searches and reads of the rows in hand.
impl<S: StorageSnapshot> Window<S> {
    fn find_decoded(&mut self, span: Span, wanted: &Wanted, next: Option<Row>) -> Found {
        let ends_within = wanted
            .end
            .filter(|end| wanted.end != self.limits.upper && is_below(end, span.upper));
        let start = if wanted.start == span.lower {
            0
        } else {
            let from = if self.is_at_most(self.position, &wanted.start) {
                self.position
            } else {
                0
            };
            self.lower_bound(from, &wanted.start)
        };
        let end = match ends_within {
            Some(end) => self.lower_bound(start, &end),
            None => self.len,
        };
        self.position = start;
        let next = if ends_within.is_some() {
            None
        } else {
            // Where not all that is covered is decoded, the rest comes first.
            let rest = span.upper.filter(|upper| is_below(upper, wanted.end));
            rest.filter(|upper| is_below(upper, self.limits.upper))
                .or(next)
        };
        Found {
            rows: start..end,
            next,
        }
    }

    /// Whether a decoded row is not above another, as far as its columns are decoded.
    fn is_at_most(&self, index: usize, row: &Row) -> bool {
        let columns = self.columns.iter().zip(row);
        for (values, bound) in columns.skip(self.constants) {
            match values.get(index) {
                Some(value) if value < bound => return true,
                Some(value) if value > bound => return false,
                Some(_) => {}
                None => return index < self.len,
            }
        }
        true
    }

    /// The first decoded row from an index on that is not below a given one.
    fn lower_bound(&self, from: usize, row: &Row) -> usize {
        let mut rows = from..self.len;
        for column in self.constants..4 {
            let Some(values) = self.columns[column].get(..self.len) else {
                break;
            };
            let wanted = row[column];
            let start = partition(rows.clone(), |index| values[index] < wanted);
            let ends = row[column + 1..].iter().all(|value| *value == 0);
            if ends || start == rows.end || values[start] != wanted {
                return start;
            }
            rows = start..partition(start..rows.end, |index| values[index] <= wanted);
        }
        rows.start
    }

    /// Whether no row of the block in hand has a value in a column; false when it is not known.
    pub(crate) fn excludes(&self, column: usize, value: u64) -> bool {
        let block = self.cursor.block();
        match block.filter(|_| self.has_block && self.decoded.is_none()) {
            Some((block, _)) => value < block.min(column) || value > block.max(column),
            None => false,
        }
    }

    /// A value of a row in hand, in a column that is needed.
    pub(crate) fn value(&self, column: usize, index: usize) -> u64 {
        if column < self.constants {
            return self.limits.lower[column];
        }
        if self.decoded.is_some() {
            return self.columns[column].get(index).copied().unwrap_or(0);
        }
        match self.cursor.block() {
            Some((block, bytes)) => block.get(bytes, index, column),
            None => 0,
        }
    }

    /// Appends the values of rows in hand, in a column that is needed.
    pub(crate) fn append(&self, column: usize, rows: Range<usize>, out: &mut Vec<u64>) {
        let end = out.len() + rows.len();
        if column < self.constants {
            out.resize(end, self.limits.lower[column]);
        } else if self.decoded.is_some() {
            out.extend_from_slice(self.columns[column].get(rows).unwrap_or_default());
        } else if let Some((block, bytes)) = self.cursor.block() {
            block.decode_column(bytes, column, rows, out);
        }
        // Other than for damaged blocks, they are all there.
        out.resize(end, 0);
    }

    /// The decoded values of a column that is needed and no constant; empty when nothing is decoded.
    pub(crate) fn decoded_column(&self, column: usize) -> &[u64] {
        match self.decoded {
            Some(_) => self.columns[column].get(..self.len).unwrap_or_default(),
            None => &[],
        }
    }
}
