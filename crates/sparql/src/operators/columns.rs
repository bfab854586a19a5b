//! Columns in another order, dropped, repeated, or of one value.

use super::{BoxedOperator, Operator};
use crate::batch::{Batch, UNBOUND};
use crate::error::QueryError;

/// Where an output column comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Column {
    /// A column of the input.
    Input(usize),
    /// The same value in each row.
    Constant(u64),
}

impl Column {
    /// A column without values.
    pub(crate) const UNBOUND: Self = Self::Constant(UNBOUND);
}

/// The rows of its input with other columns.
pub(crate) struct Columns {
    input: BoxedOperator,
    columns: Vec<Column>,
    rows: Batch,
}

impl Columns {
    pub(crate) fn new(input: BoxedOperator, columns: Vec<Column>) -> Self {
        Self {
            input,
            columns,
            rows: Batch::default(),
        }
    }
}

impl Operator for Columns {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.columns.len());
        if !self.input.next(&mut self.rows)? {
            return Ok(false);
        }
        let (rows, columns) = (&self.rows, &self.columns);
        batch.append_with(rows.len(), |column, values| match columns[column] {
            Column::Input(column) => values.extend_from_slice(rows.column(column)),
            Column::Constant(id) => values.resize(rows.len(), id),
        });
        Ok(true)
    }
}
