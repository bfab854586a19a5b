//! Joins of two inputs that are sorted by the columns which they share.
//!
//! What flows in: two inputs whose key columns ascend by raw id and are bound in each row. What flows out: joined rows, or
//! left rows that have a partner or none; pairs in the order of the left input, except that of a left join the rows without
//! a partner come behind the others of their batch. What always holds: of the right input only rows that have a partner are
//! kept, and of these not many more than those of one key.

use super::filter::BoxedFilter;
use super::join::{Output, PairFilter};
use super::{BoxedOperator, Operator};
use crate::batch::{BATCH_ROWS, Batch};
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use crate::plan::JoinKind;
use std::cmp::Ordering;
use std::sync::Arc;

/// What a merge join is made of.
pub(crate) struct MergeJoinParts {
    pub(crate) left: BoxedOperator,
    pub(crate) right: BoxedOperator,
    /// The columns that both are sorted by, the first first: all that they share.
    pub(crate) keys: Vec<(usize, usize)>,
    pub(crate) output: Output,
    /// The condition on a pair: over all left columns and then all right ones.
    pub(crate) filter: Option<BoxedFilter>,
}

/// The right input, with the batch that is being read.
struct Right {
    input: BoxedOperator,
    rows: Batch,
    row: usize,
    is_done: bool,
}

impl Right {
    /// Whether there is a row to read; fetches the next batch if need be.
    fn has_row(&mut self, execution: &Execution) -> Result<bool, QueryError> {
        while self.row >= self.rows.len() && !self.is_done {
            execution.check()?;
            self.row = 0;
            self.is_done = !self.input.next(&mut self.rows)?;
        }
        Ok(!self.is_done)
    }

    /// Passes over a row, and over those of the batch whose value in a column that ascends is below one, by steps that
    /// double.
    fn pass(&mut self, column: usize, value: u64) {
        self.row += 1;
        let rest = &self.rows.column(column)[self.row..];
        let mut step = 1;
        while rest.get(step).is_some_and(|found| *found < value) {
            step *= 2;
        }
        let window = &rest[..rest.len().min(step + 1)];
        self.row += window.partition_point(|found| *found < value);
    }
}

/// A merge join.
pub(crate) struct MergeJoin {
    execution: Arc<Execution>,
    left: BoxedOperator,
    right: Right,
    keys: Vec<(usize, usize)>,
    output: Output,
    filter: PairFilter,
    account: Account,
    left_rows: Batch,
    matched: Vec<bool>,
    /// The left row that is being joined.
    left_row: usize,
    /// The key that the right input has been read up to, inclusive, once it is started.
    key: Vec<u64>,
    is_started: bool,
    /// Right rows that are in pairs; the last ones, from `run` on, have the key.
    kept: Batch,
    run: usize,
    /// The kept row that the left row is to be paired with next, if some have been.
    next: Option<usize>,
    pairs: Vec<(usize, usize)>,
}

impl MergeJoin {
    pub(crate) fn new(execution: Arc<Execution>, parts: MergeJoinParts) -> Self {
        Self {
            account: execution.memory.account(),
            execution,
            left: parts.left,
            right: Right {
                input: parts.right,
                rows: Batch::default(),
                row: 0,
                is_done: false,
            },
            keys: parts.keys,
            output: parts.output,
            filter: PairFilter::new(parts.filter),
            left_rows: Batch::default(),
            matched: Vec::new(),
            left_row: 0,
            key: Vec::new(),
            is_started: false,
            kept: Batch::default(),
            run: 0,
            next: None,
            pairs: Vec::new(),
        }
    }

    /// Whether one partner of a left row says all about it.
    fn needs_one(&self) -> bool {
        !self.output.gives_pairs() && !self.filter.is_some()
    }

    /// Reads the right input up to the key of the left row.
    fn meet(&mut self) -> Result<(), QueryError> {
        let (left, row) = (&self.left_rows, self.left_row);
        let wanted = self.keys.iter().map(|(column, _)| left.value(row, *column));
        if self.is_started && wanted.clone().eq(self.key.iter().copied()) {
            return Ok(());
        }
        self.is_started = true;
        self.key.clear();
        self.key.extend(wanted);
        self.run = self.kept.len();
        let needs_one = self.needs_one();
        let key = &self.key;
        while self.right.has_row(&self.execution)? {
            let (rows, row) = (&self.right.rows, self.right.row);
            let values = self.keys.iter().map(|(_, column)| rows.value(row, *column));
            match values.cmp(key.iter().copied()) {
                Ordering::Less => {
                    self.right.pass(self.keys[0].1, key[0]);
                    continue;
                }
                Ordering::Equal => {
                    if self.kept.width() != rows.width() {
                        self.kept.reset(rows.width());
                        self.run = 0;
                    }
                    if !needs_one || self.kept.len() == self.run {
                        self.kept.push(rows.row(row));
                    }
                    if self.kept.len().is_multiple_of(BATCH_ROWS) {
                        self.account.require(self.kept.bytes())?;
                    }
                }
                Ordering::Greater => break,
            }
            self.right.row += 1;
        }
        Ok(())
    }

    /// Gathers pairs, as many as fit into a batch.
    fn gather(&mut self) -> Result<(), QueryError> {
        self.pairs.clear();
        // Nothing is paired with what lies before the rows of the key any more.
        self.kept.drop_first(self.run);
        self.next = self.next.map(|next| next - self.run);
        self.run = 0;
        while self.left_row < self.left_rows.len() {
            let start = match self.next.take() {
                Some(next) => next,
                None => {
                    self.meet()?;
                    self.run
                }
            };
            let room = BATCH_ROWS.saturating_sub(self.pairs.len());
            let end = self.kept.len().min(start + room);
            let row = self.left_row;
            self.pairs.extend((start..end).map(|right| (row, right)));
            if end < self.kept.len() {
                self.next = Some(end);
                break;
            }
            self.left_row += 1;
        }
        self.account.require(self.kept.bytes())
    }

    /// Whether no left row that is still to come can be due.
    fn is_over(&self) -> bool {
        let needs_partner = matches!(self.output.kind, JoinKind::Inner | JoinKind::Semi);
        needs_partner && self.right.is_done && self.run == self.kept.len()
    }
}

impl Operator for MergeJoin {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.output.columns.len());
        loop {
            self.execution.check()?;
            while self.left_row < self.left_rows.len() {
                self.gather()?;
                self.filter
                    .apply(&self.left_rows, &self.kept, &mut self.pairs)?;
                for (left, _) in &self.pairs {
                    self.matched[*left] = true;
                }
                if self.output.gives_pairs() && !self.pairs.is_empty() {
                    self.output
                        .give_pairs(&self.left_rows, &self.kept, &self.pairs, batch);
                    return Ok(true);
                }
            }
            if !self.left_rows.is_empty() {
                self.output.give_left(&self.left_rows, &self.matched, batch);
                self.left_rows.clear();
                self.left_row = 0;
                if !batch.is_empty() {
                    return Ok(true);
                }
            }
            if self.is_over() || !self.left.next(&mut self.left_rows)? {
                return Ok(false);
            }
            self.matched.clear();
            self.matched.resize(self.left_rows.len(), false);
        }
    }
}
