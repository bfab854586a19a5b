//! Conditions and computed columns.

use super::{BoxedOperator, Operator};
use crate::batch::Batch;
use crate::error::QueryError;

/// Tells which rows of a batch are kept.
pub(crate) trait RowFilter: Send {
    /// Sets the mask to one value a row.
    ///
    /// # Errors
    /// What reading terms fails with.
    fn keep(&mut self, batch: &Batch, mask: &mut Vec<bool>) -> Result<(), QueryError>;
}

/// A filter of any sort.
pub(crate) type BoxedFilter = Box<dyn RowFilter>;

/// Computes a value for each row of a batch.
pub(crate) trait RowValues: Send {
    /// Sets the values to one a row, unbound where there is an error.
    ///
    /// # Errors
    /// What reading terms fails with.
    fn values(&mut self, batch: &Batch, values: &mut Vec<u64>) -> Result<(), QueryError>;
}

/// The rows that pass a condition.
pub(crate) struct Filter {
    input: BoxedOperator,
    filter: BoxedFilter,
    mask: Vec<bool>,
}

impl Filter {
    pub(crate) fn new(input: BoxedOperator, filter: BoxedFilter) -> Self {
        Self {
            input,
            filter,
            mask: Vec::new(),
        }
    }
}

impl Operator for Filter {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        while self.input.next(batch)? {
            self.filter.keep(batch, &mut self.mask)?;
            batch.keep(&self.mask);
            if !batch.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The rows with a computed column more, behind the others.
pub(crate) struct Extend {
    input: BoxedOperator,
    expression: Box<dyn RowValues>,
    rows: Batch,
    values: Vec<u64>,
}

impl Extend {
    pub(crate) fn new(input: BoxedOperator, expression: Box<dyn RowValues>) -> Self {
        Self {
            input,
            expression,
            rows: Batch::default(),
            values: Vec::new(),
        }
    }
}

impl Operator for Extend {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        let more = self.input.next(&mut self.rows)?;
        let width = self.rows.width();
        batch.reset(width + 1);
        if !more {
            return Ok(false);
        }
        self.expression.values(&self.rows, &mut self.values)?;
        let (rows, computed) = (&self.rows, &self.values);
        batch.append_with(rows.len(), |column, values| {
            let source = if column < width {
                rows.column(column)
            } else {
                computed
            };
            values.extend_from_slice(source);
        });
        Ok(true)
    }
}

/// The rows of several inputs with the same columns, one input after the other.
pub(crate) struct Union {
    inputs: std::vec::IntoIter<BoxedOperator>,
    current: Option<BoxedOperator>,
    width: usize,
}

impl Union {
    pub(crate) fn new(inputs: Vec<BoxedOperator>, width: usize) -> Self {
        Self {
            inputs: inputs.into_iter(),
            current: None,
            width,
        }
    }
}

impl Operator for Union {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        loop {
            if let Some(current) = &mut self.current {
                if current.next(batch)? {
                    return Ok(true);
                }
                self.current = None;
            }
            match self.inputs.next() {
                Some(input) => self.current = Some(input),
                None => {
                    batch.reset(self.width);
                    return Ok(false);
                }
            }
        }
    }
}
