//! Scans a range of an index merged with the changes that are not in its blocks yet, batch by batch.
//!
//! A scan owns its cursor and its delta, so it outlives everything that made it. It can carry filters: columns after the
//! first unbound one that must equal a value. Then it skips: past the rest of a run that cannot match any more, past blocks
//! whose column range excludes the value, and past whole groups of such blocks. Columns that nobody wants stay undecoded.

use super::reader::{BlockCursor, SummaryCursor};
use super::successor;
use crate::block::Block;
use crate::context::ReadContext;
use crate::delta::ChangeSet;
use crate::keyspaces::IndexPlaces;
use crate::permutation::Row;
use crate::view::View;
use quadrille_backend::{StorageResult, StorageSnapshot};
use std::ops::Range;

/// How many blocks in a row may turn out empty before the summaries are asked for a longer skip.
const EMPTY_BLOCKS_BEFORE_SKIP: u32 = 4;

/// A scan without a filter gives no more rows than this at first: many a caller wants the first one only.
const FIRST_ROWS: usize = 32;

/// Matching rows that follow each other are decoded column by column when they are at least so many.
const RUN_DECODED_MIN: usize = 4;

/// Rows by column, in the order of the permutation that was scanned. The columns that are not wanted are empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowBatch {
    pub(crate) columns: [Vec<u64>; 4],
    rows: usize,
}

impl RowBatch {
    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub(crate) fn clear(&mut self) {
        self.columns.iter_mut().for_each(Vec::clear);
        self.rows = 0;
    }

    /// Appends the wanted columns of a row.
    pub(crate) fn push(&mut self, row: Row, wanted: [bool; 4]) {
        for ((column, value), wanted) in self.columns.iter_mut().zip(row).zip(wanted) {
            if wanted {
                column.push(value);
            }
        }
        self.rows += 1;
    }

    /// Appends rows: `fill` appends so many values to each wanted column.
    pub(crate) fn append_with(
        &mut self,
        rows: usize,
        wanted: [bool; 4],
        mut fill: impl FnMut(usize, &mut Vec<u64>),
    ) {
        for (index, (column, wanted)) in self.columns.iter_mut().zip(wanted).enumerate() {
            if wanted {
                fill(index, column);
            }
        }
        self.rows += rows;
    }

    /// Appends the wanted columns of some rows of another batch, which has them.
    pub(crate) fn append(&mut self, from: &Self, rows: Range<usize>, wanted: [bool; 4]) {
        self.append_with(rows.len(), wanted, |column, out| {
            out.extend_from_slice(&from.columns[column][rows.clone()]);
        });
    }

    /// A row, with zeros for the columns that are not wanted.
    pub(crate) fn row(&self, index: usize) -> Row {
        assert!(index < self.rows, "a row past the end of a batch");
        std::array::from_fn(|column| self.columns[column].get(index).copied().unwrap_or(0))
    }

    /// The first of the rows from one on that is not below a given one, which is close; the batch has all columns.
    fn first_from(&self, mut index: usize, row: &Row) -> usize {
        let mut step = 1;
        while index + step <= self.rows && self.row(index + step - 1) < *row {
            index += step;
            step *= 2;
        }
        let mut end = self.rows.min(index + step - 1);
        while index < end {
            let middle = index + (end - index) / 2;
            if self.row(middle) < *row {
                index = middle + 1;
            } else {
                end = middle;
            }
        }
        index
    }
}

impl<S: StorageSnapshot> RowScan<S> {
    /// An empty batch, with room from an earlier scan if there is any.
    pub(crate) fn lend_batch(&self) -> RowBatch {
        RowBatch {
            columns: self.view.lend_columns(),
            rows: 0,
        }
    }

    /// Which columns are given.
    pub(crate) fn wanted(&self) -> [bool; 4] {
        self.range.wanted
    }

    /// Keeps the room of a batch for a later scan.
    pub(crate) fn take_back(&self, batch: RowBatch) {
        self.view.take_back_columns(batch.columns);
    }
}

/// What a scan is to find.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScanRange {
    /// The first row that may match.
    pub(crate) start: Row,
    /// The first row above that may not; `None` is open.
    pub(crate) end: Option<Row>,
    /// How many leading columns are the same in all rows of the range.
    pub(crate) bound: usize,
    /// Whether all rows that begin with these columns are in the range.
    pub(crate) is_prefix: bool,
    /// The values that columns behind the first open one must have.
    pub(crate) filters: [Option<u64>; 4],
    /// Which columns are to be given.
    pub(crate) wanted: [bool; 4],
}

impl ScanRange {
    /// The columns that must have a value, and the values.
    pub(crate) fn filters(&self) -> impl Iterator<Item = (usize, u64)> + use<> {
        let filters = self.filters.into_iter().enumerate();
        filters.filter_map(|(column, value)| value.map(|value| (column, value)))
    }

    fn has_filter(&self) -> bool {
        self.filters != [None; 4]
    }
}

/// Runs of rows of a block; most often one.
enum SmallRuns {
    One(Range<usize>),
    Many(Vec<Range<usize>>),
}

impl IntoIterator for SmallRuns {
    type Item = Range<usize>;
    type IntoIter =
        std::iter::Chain<std::option::IntoIter<Self::Item>, std::vec::IntoIter<Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        let (one, many) = match self {
            Self::One(run) => (Some(run), Vec::new()),
            Self::Many(runs) => (None, runs),
        };
        one.into_iter().chain(many)
    }
}

/// The parts of some runs in which a column has a value.
fn runs_of_value(
    block: &Block<4>,
    bytes: &[u8],
    runs: SmallRuns,
    (column, value): (usize, u64),
) -> Vec<Range<usize>> {
    let (mut kept, mut values) = (Vec::new(), Vec::new());
    for run in runs {
        values.clear();
        block.decode_column(bytes, column, run.clone(), &mut values);
        let mut next = 0;
        while let Some(skipped) = values[next..].iter().position(|&other| other == value) {
            let first = next + skipped;
            let length = values[first..].iter().take_while(|&&other| other == value);
            next = first + length.count();
            kept.push(run.start + first..run.start + next);
        }
    }
    kept
}

/// A running scan.
pub(crate) struct RowScan<S: StorageSnapshot> {
    view: View<S>,
    places: IndexPlaces,
    cursor: BlockCursor<S, 4>,
    delta: ChangeSet<4>,
    context: ReadContext,
    range: ScanRange,
    /// The first row not looked at; `None` when the scan is over.
    position: Option<Row>,
    /// Whether the block after the cursor's is the one that holds the position.
    in_sequence: bool,
    /// Whether no rows have been given yet.
    begins: bool,
    empty_blocks: u32,
}

impl<S: StorageSnapshot> RowScan<S> {
    pub(crate) fn new(
        view: &View<S>,
        places: &IndexPlaces,
        delta: ChangeSet<4>,
        range: ScanRange,
        context: ReadContext,
    ) -> StorageResult<Self> {
        Ok(Self {
            view: view.clone(),
            places: places.clone(),
            cursor: BlockCursor::new(view, &places.blocks)?,
            delta,
            context,
            range,
            position: Some(range.start),
            in_sequence: false,
            begins: true,
            empty_blocks: 0,
        })
    }

    /// Clears the batch and fills it with the next rows, those of a block or fewer; false when there are no more. After
    /// an error there are none: what could not be read must not be passed over.
    pub(crate) fn fill(&mut self, batch: &mut RowBatch) -> StorageResult<bool> {
        let filled = self.fill_or_fail(batch);
        if filled.is_err() {
            self.position = None;
            batch.clear();
        }
        filled
    }

    fn fill_or_fail(&mut self, batch: &mut RowBatch) -> StorageResult<bool> {
        batch.clear();
        while let Some(position) = self.position {
            self.context.check()?;
            self.step(position, batch)?;
            if !batch.is_empty() {
                self.empty_blocks = 0;
                return Ok(true);
            }
            self.empty_blocks += 1;
            if self.empty_blocks >= EMPTY_BLOCKS_BEFORE_SKIP {
                self.skip_groups()?;
            }
        }
        Ok(false)
    }

    /// Appends the matches between the position and the end of the block there, and moves the position behind it.
    fn step(&mut self, position: Row, batch: &mut RowBatch) -> StorageResult<()> {
        let found = if self.in_sequence {
            self.cursor.next()?
        } else {
            self.cursor.seek(&position)?
        };
        if !found {
            self.position = None;
            self.merge(position, self.range.end, 0..0, batch);
            return Ok(());
        }
        let separator = self.cursor.separator()?;
        let behind = successor(separator);
        let is_last = match (self.range.end, behind) {
            (Some(end), Some(behind)) => end <= behind,
            (Some(_), None) => true,
            (None, behind) => behind.is_none(),
        };
        let piece_end = if is_last { self.range.end } else { behind };
        let mut rows = self.rows_in_block(&position, piece_end.filter(|_| is_last));
        if let Some(next) = self.cut_first(&mut rows) {
            self.merge(position, Some(next), rows, batch);
            self.position = Some(next);
            return Ok(());
        }
        self.merge(position, piece_end, rows, batch);
        self.position = behind.filter(|_| !is_last);
        self.in_sequence = true;
        if let Some(next) = self.position {
            self.skip_run(separator, next);
        }
        Ok(())
    }

    /// Cuts the first rows of a scan short; the row to go on with, if there are more in the block.
    fn cut_first(&mut self, rows: &mut Range<usize>) -> Option<Row> {
        let begins = std::mem::take(&mut self.begins);
        if !begins || self.range.has_filter() || rows.len() <= FIRST_ROWS {
            return None;
        }
        let (block, bytes) = self.cursor.block()?;
        rows.end = rows.start + FIRST_ROWS;
        self.in_sequence = false;
        Some(block.row(bytes, rows.end))
    }

    fn rows_in_block(&self, position: &Row, end: Option<Row>) -> Range<usize> {
        let Some((block, bytes)) = self.cursor.block() else {
            return 0..0;
        };
        if self.range.is_prefix && self.range.bound > 0 && *position == self.range.start {
            // The rows of the range are those that begin with its prefix: one descent finds both ends.
            return block.prefix_range(bytes, &position[..self.range.bound]);
        }
        let from = block.lower_bound(bytes, position);
        let to = match end {
            Some(end) => block.lower_bound(bytes, &end),
            None => block.len(),
        };
        from..to.max(from)
    }

    /// Appends block rows and changes in `[start, end)`, in order.
    fn merge(&self, start: Row, end: Option<Row>, rows: Range<usize>, batch: &mut RowBatch) {
        let wanted = self.range.wanted;
        if !self.delta.changes_within(&start, end) {
            if let Some((block, bytes)) = self.cursor.block() {
                self.append(block, bytes, rows, wanted, batch);
            }
            return;
        }
        // Changes are compared with whole rows.
        let mut stored = RowBatch::default();
        if let Some((block, bytes)) = self.cursor.block() {
            self.append(block, bytes, rows, [true; 4], &mut stored);
        }
        let mut next = 0;
        for (change, inserted) in self.delta.range(start, end) {
            let place = stored.first_from(next, &change);
            batch.append(&stored, next..place, wanted);
            next = place;
            if inserted {
                if self
                    .range
                    .filters()
                    .all(|(column, value)| change[column] == value)
                {
                    batch.push(change, wanted);
                }
            } else if next < stored.len() && stored.row(next) == change {
                next += 1;
            }
        }
        batch.append(&stored, next..stored.len(), wanted);
    }

    /// Appends the matching rows of a part of a block.
    fn append(
        &self,
        block: &Block<4>,
        bytes: &[u8],
        rows: Range<usize>,
        wanted: [bool; 4],
        batch: &mut RowBatch,
    ) {
        if rows.is_empty() {
            return;
        }
        for run in self.matching_runs(block, bytes, rows) {
            if self.range.has_filter() && run.len() < RUN_DECODED_MIN {
                for row in run {
                    batch.append_with(1, wanted, |column, out| {
                        out.push(block.get(bytes, row, column));
                    });
                }
                continue;
            }
            batch.append_with(run.len(), wanted, |column, out| {
                if column < self.range.bound {
                    out.resize(out.len() + run.len(), self.range.start[column]);
                } else {
                    block.decode_column(bytes, column, run.clone(), out);
                }
            });
        }
    }

    /// The runs of rows that have the values of the filters.
    fn matching_runs(&self, block: &Block<4>, bytes: &[u8], rows: Range<usize>) -> SmallRuns {
        let mut runs = SmallRuns::One(rows);
        for (column, value) in self.range.filters() {
            let (min, max) = (block.min(column), block.max(column));
            if !(min..=max).contains(&value) {
                return SmallRuns::Many(Vec::new());
            }
            if min < max {
                runs = SmallRuns::Many(runs_of_value(block, bytes, runs, (column, value)));
            }
        }
        runs
    }

    /// Moves the position past the rest of a run that cannot match: after a row with the run's value and a filtered
    /// column above the wanted value, the next match is in the next run.
    fn skip_run(&mut self, last: Row, next: Row) {
        let Some((column, value)) = self.range.filters().next() else {
            return;
        };
        let mut target = last;
        target[column..].fill(0);
        target[column] = value;
        if last[column] > value {
            let Some(next_run) = super::prefix_range::<4>(&last[..column]).1 else {
                self.position = None;
                return;
            };
            target = next_run;
        }
        if target > next {
            self.position =
                Some(target).filter(|target| self.range.end.is_none_or(|end| *target < end));
            self.in_sequence = false;
        }
    }

    /// Moves the position past groups whose column ranges exclude a filter's value, unless changes lie there.
    fn skip_groups(&mut self) -> StorageResult<()> {
        if !self.range.has_filter() {
            return Ok(());
        }
        let mut cursor = SummaryCursor::<S, 4>::new(&self.view, &self.places)?;
        let Some(mut position) = self.position else {
            return Ok(());
        };
        let mut found = cursor.seek(&position)?;
        while found {
            let (_, ranges) = cursor.header()?;
            let may_match = |(column, value): (usize, u64)| {
                let (min, max) = ranges[column];
                (min..=max).contains(&value)
            };
            let behind = successor(cursor.separator()?);
            if self.range.filters().all(may_match) || self.delta.changes_within(&position, behind) {
                break;
            }
            let behind = behind.filter(|behind| self.range.end.is_none_or(|end| *behind < end));
            let Some(behind) = behind else {
                self.position = None;
                return Ok(());
            };
            position = behind;
            self.in_sequence = false;
            found = cursor.next()?;
        }
        self.position = Some(position);
        Ok(())
    }
}
