//! Scans a range of an index merged with the changes that are not in its blocks yet, batch by batch.
//!
//! A scan owns its cursor and its delta, so it outlives everything that made it. It can carry one filter: a column
//! right after the first unbound one must equal a value. Then it skips: past the rest of a run that cannot match any
//! more, past blocks whose column range excludes the value, and past whole groups of such blocks.

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

/// Rows by column, in the order of the permutation that was scanned.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowBatch {
    pub(crate) columns: [Vec<u64>; 4],
}

impl RowBatch {
    pub(crate) fn len(&self) -> usize {
        self.columns[0].len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn clear(&mut self) {
        for column in &mut self.columns {
            column.clear();
        }
    }

    pub(crate) fn push(&mut self, row: Row) {
        for (column, value) in self.columns.iter_mut().zip(row) {
            column.push(value);
        }
    }

    pub(crate) fn row(&self, index: usize) -> Row {
        std::array::from_fn(|column| self.columns[column][index])
    }
}

impl<S: StorageSnapshot> RowScan<S> {
    /// An empty batch, with room from an earlier scan if there is any.
    pub(crate) fn lend_batch(&self) -> RowBatch {
        RowBatch {
            columns: self.view.lend_columns(),
        }
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
    /// A column and the value that it must have; the column stands right after the first one that is not bound.
    pub(crate) filter: Option<(usize, u64)>,
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
        if !begins || self.range.filter.is_some() || rows.len() <= FIRST_ROWS {
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
        if self.range.bound > 0 && *position == self.range.start {
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
        if !self.delta.changes_within(&start, end) {
            if let Some((block, bytes)) = self.cursor.block() {
                self.append(block, bytes, rows, batch);
            }
            return;
        }
        let changes = self.delta.range(start, end);
        let mut stored = RowBatch::default();
        if let Some((block, bytes)) = self.cursor.block() {
            self.append(block, bytes, rows, &mut stored);
        }
        let matches = |row: &Row| {
            self.range
                .filter
                .is_none_or(|(column, value)| row[column] == value)
        };
        let mut next = 0;
        for (change, inserted) in changes {
            while next < stored.len() && stored.row(next) < change {
                batch.push(stored.row(next));
                next += 1;
            }
            if inserted && matches(&change) {
                batch.push(change);
            } else if !inserted && next < stored.len() && stored.row(next) == change {
                next += 1;
            }
        }
        for index in next..stored.len() {
            batch.push(stored.row(index));
        }
    }

    /// Appends the matching rows of a part of a block.
    fn append(&self, block: &Block<4>, bytes: &[u8], rows: Range<usize>, batch: &mut RowBatch) {
        if rows.is_empty() {
            return;
        }
        let Some((filtered, value)) = self.range.filter else {
            for (column, out) in batch.columns.iter_mut().enumerate() {
                if column < self.range.bound {
                    out.resize(out.len() + rows.len(), self.range.start[column]);
                } else {
                    block.decode_column(bytes, column, rows.clone(), out);
                }
            }
            return;
        };
        if value < block.min(filtered) || value > block.max(filtered) {
            return;
        }
        let mut values = Vec::with_capacity(rows.len());
        block.decode_column(bytes, filtered, rows.clone(), &mut values);
        let mut next = 0;
        while let Some(skipped) = values[next..].iter().position(|&other| other == value) {
            let first = next + skipped;
            let run = values[first..].iter().take_while(|&&other| other == value);
            next = first + run.count();
            let run = rows.start + first..rows.start + next;
            if run.len() < RUN_DECODED_MIN {
                run.for_each(|row| batch.push(block.row(bytes, row)));
                continue;
            }
            for (column, out) in batch.columns.iter_mut().enumerate() {
                block.decode_column(bytes, column, run.clone(), out);
            }
        }
    }

    /// Moves the position past the rest of a run that cannot match: after a row with the run's value and a filtered
    /// column above the wanted value, the next match is in the next run.
    fn skip_run(&mut self, last: Row, next: Row) {
        let Some((column, value)) = self.range.filter else {
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

    /// Moves the position past groups whose column range excludes the filter's value, unless changes lie there.
    fn skip_groups(&mut self) -> StorageResult<()> {
        let Some((column, value)) = self.range.filter else {
            return Ok(());
        };
        let mut cursor = SummaryCursor::<S, 4>::new(&self.view, &self.places)?;
        let Some(mut position) = self.position else {
            return Ok(());
        };
        let mut found = cursor.seek(&position)?;
        while found {
            let (_, ranges) = cursor.header()?;
            let (min, max) = ranges[column];
            let behind = successor(cursor.separator()?);
            if (min..=max).contains(&value) || self.delta.changes_within(&position, behind) {
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
