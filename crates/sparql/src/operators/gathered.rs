//! Gathers the rows of an operator into larger batches, for operators that work better on many rows at once.
//!
//! What flows in: batches. What flows out: larger ones. What always holds: the first is about as large as a batch, each next
//! one up to twice as large as the one before, so that few rows come soon and many in few rounds; without memory for more,
//! those at hand are given. Where still fewer rows may be enough, the first have as many as are asked for, and no more.

use super::BoxedOperator;
use crate::batch::{BATCH_ROWS, Batch};
use crate::error::QueryError;
use crate::execution::{Account, Execution};

/// Up to so many rows are gathered.
pub(crate) const GATHERED_MAX: usize = 64 * BATCH_ROWS;

/// How many rows are gathered next.
pub(crate) struct GatheredRows {
    wanted: usize,
    account: Account,
    batch: Batch,
    /// Whether no more rows are given than are wanted.
    is_cut: bool,
    /// The rows above what was wanted last.
    rest: Batch,
}

impl GatheredRows {
    pub(crate) fn new(execution: &Execution) -> Self {
        Self {
            wanted: BATCH_ROWS,
            account: execution.memory.account(),
            batch: Batch::default(),
            is_cut: false,
            rest: Batch::default(),
        }
    }

    /// Gives no more rows than so many first, and then twice as many each time.
    pub(crate) fn beginning_with(self, rows: usize) -> Self {
        Self {
            wanted: rows.max(1),
            is_cut: true,
            ..self
        }
    }

    /// Sets `rows` to the next rows of an operator; false when there are no more.
    ///
    /// # Errors
    /// What the operator fails with.
    pub(crate) fn gather(
        &mut self,
        operator: &mut BoxedOperator,
        rows: &mut Batch,
    ) -> Result<bool, QueryError> {
        if !self.rest.is_empty() {
            std::mem::swap(rows, &mut self.rest);
            self.rest.clear();
        } else if !operator.next(rows)? {
            return Ok(false);
        }
        while rows.len() < self.wanted {
            let has_room = self.account.set(2 * rows.bytes());
            if !has_room || !operator.next(&mut self.batch)? {
                break;
            }
            rows.append(&self.batch);
        }
        if self.is_cut && rows.len() > self.wanted {
            self.rest = rows.split_off(self.wanted);
        }
        self.wanted = (2 * self.wanted).min(GATHERED_MAX);
        Ok(true)
    }
}
