//! From the batches of a running query to single rows.
//!
//! What flows in: an operator. What flows out: rows of ids, or of terms, which are decoded a batch at a time. What always
//! holds: a row that is given was allowed by the limits of the run when it was asked for.

use crate::batch::{Batch, UNBOUND};
use crate::error::QueryError;
use crate::execution::Execution;
use crate::operators::BoxedOperator;
use oxrdf::Term;
use quadrille_store::StorageResult;
use std::sync::Arc;

/// Rows of ids.
pub(crate) struct IdRows {
    execution: Arc<Execution>,
    operator: BoxedOperator,
    /// Where each value of a row stands in the batch; `None` is never bound.
    columns: Vec<Option<usize>>,
    batch: Batch,
    next: usize,
}

impl IdRows {
    pub(crate) fn new(
        execution: Arc<Execution>,
        operator: BoxedOperator,
        columns: Vec<Option<usize>>,
    ) -> Self {
        Self {
            execution,
            operator,
            columns,
            batch: Batch::default(),
            next: 0,
        }
    }

    /// Whether there is another row; it is then in the batch.
    fn advance(&mut self) -> Result<bool, QueryError> {
        self.execution.check()?;
        if self.next < self.batch.len() {
            return Ok(true);
        }
        self.next = 0;
        let (operator, batch) = (&mut self.operator, &mut self.batch);
        self.execution.with_stack(|| operator.next(batch))
    }

    /// The next row.
    ///
    /// # Errors
    /// What the operators fail with.
    pub(crate) fn next_row(&mut self) -> Result<Option<Vec<u64>>, QueryError> {
        if !self.advance()? {
            return Ok(None);
        }
        let row = self.next;
        self.next += 1;
        let value =
            |column: &Option<usize>| column.map_or(UNBOUND, |column| self.batch.value(row, column));
        Ok(Some(self.columns.iter().map(value).collect()))
    }
}

/// Rows of terms.
pub(crate) struct TermRows {
    rows: IdRows,
    /// The terms of the batch by column, those of rows that were given taken out.
    terms: Vec<Vec<Option<Term>>>,
}

impl TermRows {
    pub(crate) fn new(rows: IdRows) -> Self {
        Self {
            rows,
            terms: Vec::new(),
        }
    }

    /// The next row.
    ///
    /// # Errors
    /// What the operators fail with, or decoding.
    pub(crate) fn next_row(&mut self) -> Result<Option<Vec<Option<Term>>>, QueryError> {
        if !self.rows.advance()? {
            return Ok(None);
        }
        if self.rows.next == 0 {
            self.decode()?;
        }
        let row = self.rows.next;
        self.rows.next += 1;
        let terms = self
            .terms
            .iter_mut()
            .map(|column| column.get_mut(row).and_then(Option::take))
            .collect();
        Ok(Some(terms))
    }

    /// The id of a column in the row that was given last.
    pub(crate) fn last_id(&self, column: usize) -> u64 {
        let row = self.rows.next.checked_sub(1);
        match (row, self.rows.columns.get(column)) {
            (Some(row), Some(Some(column))) => self.rows.batch.value(row, *column),
            _ => UNBOUND,
        }
    }

    /// Decodes the batch: in parts on all cores, if it is large.
    fn decode(&mut self) -> Result<(), QueryError> {
        let rows = &self.rows;
        self.terms.clear();
        for column in &rows.columns {
            let terms = match column {
                Some(column) => decoded_in_parts(&rows.execution, rows.batch.column(*column))?,
                None => Vec::new(),
            };
            self.terms.push(terms);
        }
        Ok(())
    }
}

/// After how many terms it is asked whether the run may go on.
const DECODED_AT_ONCE: usize = 4 * 1024;

fn decoded_in_parts(execution: &Execution, ids: &[u64]) -> Result<Vec<Option<Term>>, QueryError> {
    let mut terms = Vec::with_capacity(ids.len());
    for part in ids.chunks(DECODED_AT_ONCE) {
        execution.check()?;
        let decoded = decoded(execution, part);
        terms.append(&mut decoded.map_err(|error| execution.explain(error))?);
    }
    Ok(terms)
}

/// Fewer terms than twice as many are not worth another thread.
const DECODED_ALONE: usize = 512;

/// The terms of some ids.
fn decoded(execution: &Execution, ids: &[u64]) -> StorageResult<Vec<Option<Term>>> {
    if ids.len() < 2 * DECODED_ALONE || rayon::current_num_threads() < 2 {
        return execution.terms.decode_all(ids);
    }
    let (first, second) = ids.split_at(ids.len() / 2);
    let (first, second) = rayon::join(|| decoded(execution, first), || decoded(execution, second));
    let mut terms = first?;
    terms.append(&mut second?);
    Ok(terms)
}
