//! Hash joins whose right rows are more than there is memory for: pass by pass, the left rows meet as many of the right ones as
//! fit.
//!
//! What flows in: the left rows, as the first pass reads them, and the right rows that the first table had no room for. What
//! flows out: the left rows again for each pass, tables of the other right rows, and in the end the left rows with the
//! knowledge of which had a partner. What always holds: each left row meets each right row in one pass; keys that are many or
//! may be unbound, and joins without keys, are as good as any.

use super::Operator;
use super::hash_table::{Overflow, Table};
use super::spill::{Run, RunReader, SpillFile};
use crate::batch::Batch;
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use std::sync::Arc;

/// The passes of one join.
pub(super) struct Passes {
    /// The right rows of later passes, and those of them that the last table had no room for.
    right: RunReader,
    left_over: Batch,
    /// How many of them one pass takes at most.
    rows_max: usize,
    file: Arc<SpillFile>,
    run: Run,
    width: usize,
    /// The left rows in a pass behind the first.
    reader: Option<RunReader>,
    /// Whether the left rows come for the last time, without a table.
    is_last: bool,
    /// Whether it matters which left rows have had a partner: a bit each.
    remembers: bool,
    matched: Vec<u64>,
    account: Account,
    /// The number of the first left row at hand.
    first: usize,
}

impl Passes {
    /// The passes behind a first one. Left rows are told apart by their partners if that is remembered.
    pub(super) fn new(
        overflow: &Overflow,
        rows_max: usize,
        remembers: bool,
        execution: &Execution,
    ) -> Result<Self, QueryError> {
        Ok(Self {
            right: overflow.reader(),
            left_over: Batch::default(),
            rows_max,
            file: SpillFile::new()?,
            run: Run::default(),
            width: 0,
            reader: None,
            is_last: false,
            remembers,
            matched: Vec::new(),
            account: execution.memory.account(),
            first: 0,
        })
    }

    /// The next left rows: of the operator in the first pass, which are kept for the others.
    pub(super) fn next_left(
        &mut self,
        left: &mut dyn Operator,
        rows: &mut Batch,
    ) -> Result<bool, QueryError> {
        self.first += rows.len();
        if let Some(reader) = &mut self.reader {
            return reader.next(rows);
        }
        let more = left.next(rows)?;
        if more {
            self.width = rows.width();
            self.file.write(rows, &mut self.run)?;
        }
        Ok(more)
    }

    /// Whether the left rows come for the last time, to be given by what is known of their partners.
    pub(super) fn is_last(&self) -> bool {
        self.is_last
    }

    /// Remembers which of the left rows at hand have had a partner.
    pub(super) fn remember(&mut self, matched: &[bool]) -> Result<(), QueryError> {
        if !self.remembers {
            return Ok(());
        }
        let words = (self.first + matched.len()).div_ceil(64);
        if words > self.matched.len() {
            self.account.require(2 * words * size_of::<u64>())?;
            self.matched.resize(words, 0);
        }
        for (row, _) in matched.iter().enumerate().filter(|(_, had)| **had) {
            let bit = self.first + row;
            self.matched[bit / 64] |= 1 << (bit % 64);
        }
        Ok(())
    }

    /// Which of so many left rows at hand have had a partner in any pass.
    pub(super) fn remembered(&self, rows: usize, matched: &mut Vec<bool>) {
        let had = |bit: usize| self.matched[bit / 64] >> (bit % 64) & 1 == 1;
        matched.clear();
        matched.extend((self.first..self.first + rows).map(had));
    }

    /// Goes on to the next pass and gives its table, which has no rows in the [last](Self::is_last); `None` when there is no
    /// pass more. The table of the pass before has been dropped.
    pub(super) fn advance(
        &mut self,
        columns: &[usize],
        execution: &Execution,
    ) -> Result<Option<Table>, QueryError> {
        if self.is_last {
            return Ok(None);
        }
        let mut table = Table::new(execution);
        let (right, rows_max) = (&mut self.right, self.rows_max);
        table.fill(right, &mut self.left_over, rows_max, execution)?;
        self.is_last = table.rows.is_empty();
        if self.is_last && !self.remembers {
            return Ok(None);
        }
        table.index(columns, execution)?;
        let run = self.run.clone();
        self.reader = Some(RunReader::new(Arc::clone(&self.file), run, self.width));
        self.first = 0;
        Ok(Some(table))
    }
}
