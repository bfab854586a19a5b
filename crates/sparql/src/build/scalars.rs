//! Expressions over columns.

use super::{Builder, Built, Environment};
use crate::algebra::{Scalar, Slot};
use crate::batch::Batch;
use crate::error::QueryError;
use crate::expression::{Compiled, Evaluator, RowLabels};
use crate::operators::columns::{Column, Columns};
use crate::operators::filter::{BoxedFilter, Extend, Filter, RowFilter, RowValues};
use std::sync::Arc;

/// The slot of a column that is not read.
const NOBODY: Slot = Slot(u32::MAX);

/// Conditions that must all hold.
struct Conditions(Vec<Evaluator>);

impl RowFilter for Conditions {
    fn keep(&mut self, batch: &Batch, mask: &mut Vec<bool>) -> Result<(), QueryError> {
        mask.clear();
        mask.resize(batch.len(), true);
        for condition in &mut self.0 {
            condition.filter(batch, mask)?;
        }
        Ok(())
    }
}

/// The value of an expression.
struct Value(Evaluator);

impl RowValues for Value {
    fn values(&mut self, batch: &Batch, values: &mut Vec<u64>) -> Result<(), QueryError> {
        self.0.values(batch, values)
    }
}

impl Builder {
    fn evaluator(&self, scalar: &Scalar, columns: &[Slot]) -> Result<Evaluator, QueryError> {
        let column_of = |variable: &oxrdf::Variable| {
            let slot = Slot::of_variable(variable)?;
            columns.iter().position(|column| *column == slot)
        };
        let compiled = Compiled::new(&scalar.expression, &column_of, &self.execution)?;
        Evaluator::new(compiled, Arc::clone(&self.execution))
    }

    /// A filter over rows of these columns.
    pub(super) fn row_filter(
        &self,
        filters: &[Scalar],
        columns: &[Slot],
    ) -> Result<BoxedFilter, QueryError> {
        let conditions: Result<Vec<_>, _> = filters
            .iter()
            .map(|filter| self.evaluator(filter, columns))
            .collect();
        Ok(Box::new(Conditions(conditions?)))
    }

    /// A filter over pairs of rows, if there is a condition. What both sides have is read on the left, unless it may be
    /// unbound there and not on the right.
    pub(super) fn pair_filter(
        &self,
        filters: &[Scalar],
        left: &[Slot],
        right: &[Slot],
    ) -> Result<Option<BoxedFilter>, QueryError> {
        if filters.is_empty() {
            return Ok(None);
        }
        let columns: Vec<Slot> = left.iter().chain(right).copied().collect();
        self.row_filter(filters, &columns).map(Some)
    }

    /// The rows of an operator that pass some conditions.
    pub(super) fn filtered(
        &self,
        built: Built,
        filters: &[Scalar],
        environment: &Environment,
    ) -> Result<Built, QueryError> {
        if filters.is_empty() {
            return Ok(built);
        }
        let built = self.with_parameters(built, filters, environment);
        let filter = self.row_filter(filters, &built.columns)?;
        Ok(Built {
            operator: Box::new(Filter::new(built.operator, filter)),
            columns: built.columns,
        })
    }

    /// The rows of an operator with the value of an expression as a column more. The labels of `BNODE` are shared with the
    /// expressions of the operator, where there are any.
    pub(super) fn extended(
        &self,
        built: Built,
        slot: Slot,
        value: &Scalar,
        (labels, are_shared): (RowLabels, bool),
    ) -> Result<Built, QueryError> {
        let evaluator = self.evaluator(value, &built.columns)?;
        let evaluator = evaluator.with_labels(labels, are_shared);
        // What had the slot before is no column of it any more.
        let before = |column: &Slot| if *column == slot { NOBODY } else { *column };
        let mut columns: Vec<Slot> = built.columns.iter().map(before).collect();
        columns.push(slot);
        Ok(Built {
            operator: Box::new(Extend::new(built.operator, Box::new(Value(evaluator)))),
            columns,
        })
    }

    /// The operator with the constants that some expressions read as columns.
    pub(super) fn with_parameters(
        &self,
        built: Built,
        scalars: &[Scalar],
        environment: &Environment,
    ) -> Built {
        if environment.parameters.is_empty() {
            return built;
        }
        let slots: Vec<Slot> = scalars
            .iter()
            .flat_map(|scalar| scalar.slots.iter())
            .collect();
        self.with_slots(built, &slots, environment)
    }

    /// The operator with the constants among some slots as columns.
    pub(super) fn with_slots(
        &self,
        built: Built,
        slots: &[Slot],
        environment: &Environment,
    ) -> Built {
        let mut columns = built.columns.clone();
        let mut sources: Vec<Column> = (0..columns.len()).map(Column::Input).collect();
        for slot in slots {
            if let Some(id) = environment.parameters.get(slot)
                && !columns.contains(slot)
            {
                columns.push(*slot);
                sources.push(Column::Constant(*id));
            }
        }
        if columns.len() == built.columns.len() {
            return built;
        }
        Built {
            operator: Box::new(Columns::new(built.operator, sources)),
            columns,
        }
    }
}
