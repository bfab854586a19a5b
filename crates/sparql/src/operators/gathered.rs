//! Gathers the rows of an operator into larger batches, for operators that work better on many rows at once.
//!
//! What flows in: batches. What flows out: larger ones. What always holds: the first is about as large as a batch, each next
//! one up to twice as large as the one before, so that few rows come soon and many in few rounds; without memory for more,
//! those at hand are given.

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
}

impl GatheredRows {
    pub(crate) fn new(execution: &Execution) -> Self {
        Self {
            wanted: BATCH_ROWS,
            account: execution.memory.account(),
            batch: Batch::default(),
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
        if !operator.next(rows)? {
            return Ok(false);
        }
        while rows.len() < self.wanted {
            let has_room = self.account.set(2 * rows.bytes());
            if !has_room || !operator.next(&mut self.batch)? {
                break;
            }
            rows.append(&self.batch);
        }
        self.wanted = (2 * self.wanted).min(GATHERED_MAX);
        Ok(true)
    }
}
