//! The aggregates of SPARQL (section 18.5.1), but for counts, which need no values.
//!
//! What flows in: ids, unbound for errors. What flows out: the id of the aggregate, unbound for an error.

use super::arithmetic::{Arithmetic, calculate};
use super::functions::{divided, integer};
use super::order::OrderKey;
use super::value::Value;
use crate::batch::UNBOUND;
use crate::error::QueryError;
use crate::execution::Execution;
use crate::extensions::{AggregateAccumulator, CustomAggregate};
use crate::operators::aggregate::{Accumulator, MakeAccumulator};
use spargebra::algebra::AggregateFunction;
use std::sync::Arc;

/// What an aggregate does with its values.
#[derive(Clone)]
enum Kind {
    Sum,
    Average,
    Least,
    Greatest,
    Sample,
    Concatenate(String),
}

/// What was gathered.
struct Gathered {
    execution: Arc<Execution>,
    kind: Kind,
    count: i64,
    /// Whether a value could not be computed, or not be added.
    failed: bool,
    /// The sum.
    sum: Value,
    /// The least, greatest or first id, with its key.
    best: Option<(OrderKey, u64)>,
    text: String,
}

/// Makes the accumulators of an aggregate.
///
/// # Errors
/// `Evaluation` for a custom one that is not known.
pub(crate) fn accumulator(
    function: &AggregateFunction,
    execution: &Arc<Execution>,
) -> Result<MakeAccumulator, QueryError> {
    let kind = match function {
        AggregateFunction::Sum => Kind::Sum,
        AggregateFunction::Avg => Kind::Average,
        AggregateFunction::Min => Kind::Least,
        AggregateFunction::Max => Kind::Greatest,
        AggregateFunction::Sample => Kind::Sample,
        AggregateFunction::GroupConcat { separator } => {
            Kind::Concatenate(separator.clone().unwrap_or_else(|| " ".to_owned()))
        }
        AggregateFunction::Custom(name)
            if let Some(aggregate) = execution.extensions.aggregate(name) =>
        {
            return Ok(custom(CustomAggregate::clone(aggregate), execution));
        }
        other => {
            return Err(QueryError::Evaluation(format!(
                "the aggregate {other} is not known"
            )));
        }
    };
    let execution = Arc::clone(execution);
    Ok(Box::new(move || {
        Box::new(Gathered {
            execution: Arc::clone(&execution),
            kind: kind.clone(),
            count: 0,
            failed: false,
            sum: integer(0),
            best: None,
            text: String::new(),
        })
    }))
}

/// What an aggregate of the caller's own has gathered.
struct CustomGathered {
    execution: Arc<Execution>,
    accumulator: Box<dyn AggregateAccumulator>,
}

fn custom(aggregate: CustomAggregate, execution: &Arc<Execution>) -> MakeAccumulator {
    let execution = Arc::clone(execution);
    Box::new(move || {
        Box::new(CustomGathered {
            execution: Arc::clone(&execution),
            accumulator: aggregate(),
        })
    })
}

impl Accumulator for CustomGathered {
    fn add(&mut self, id: u64) -> Result<(), QueryError> {
        let term = self.execution.terms.decode(id);
        let term = term.map_err(|error| self.execution.explain(error))?;
        self.accumulator.add(term);
        Ok(())
    }

    fn finish(&mut self) -> Result<u64, QueryError> {
        match self.accumulator.finish() {
            Some(term) => self
                .execution
                .terms
                .encode(term)
                .map_err(|error| self.execution.explain(error)),
            None => Ok(UNBOUND),
        }
    }

    fn bytes(&self) -> usize {
        size_of::<Self>().saturating_add(self.accumulator.bytes())
    }
}

impl Gathered {
    fn value(&self, id: u64) -> Result<Option<Value>, QueryError> {
        let term = self.execution.terms.decode(id);
        let term = term.map_err(|error| self.execution.explain(error))?;
        Ok(term.map(Value::from))
    }

    fn add_to_sum(&mut self, value: &Value) {
        let sum = if value.is_numeric() {
            calculate(Arithmetic::Add, &self.sum, value)
        } else {
            None
        };
        match sum {
            Some(sum) => self.sum = sum,
            None => self.failed = true,
        }
    }

    fn take_better(&mut self, value: &Value, id: u64) {
        let key = OrderKey::of(value);
        let is_better = match (&self.best, &self.kind) {
            (None, _) => true,
            (Some((best, _)), Kind::Least) => key < *best,
            (Some((best, _)), _) => key > *best,
        };
        if is_better {
            self.best = Some((key, id));
        }
    }

    fn concatenate(&mut self, value: &Value) {
        let Kind::Concatenate(separator) = &self.kind else {
            return;
        };
        let Some((text, _)) = value.text() else {
            self.failed = true;
            return;
        };
        if self.count > 1 {
            self.text.push_str(separator);
        }
        self.text.push_str(text);
    }
}

impl Accumulator for Gathered {
    fn add(&mut self, id: u64) -> Result<(), QueryError> {
        if matches!(self.kind, Kind::Sample) {
            if self.best.is_none() && id != UNBOUND {
                self.best = Some((OrderKey::Unbound, id));
            }
            return Ok(());
        }
        let Some(value) = self.value(id)? else {
            self.failed = true;
            return Ok(());
        };
        self.count += 1;
        match self.kind {
            Kind::Sum | Kind::Average => self.add_to_sum(&value),
            Kind::Least | Kind::Greatest => self.take_better(&value, id),
            Kind::Concatenate(_) => self.concatenate(&value),
            Kind::Sample => {}
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<u64, QueryError> {
        let value = match &self.kind {
            _ if self.failed => None,
            Kind::Sum => Some(self.sum.clone()),
            Kind::Average if self.count == 0 => Some(integer(0)),
            Kind::Average => divided(&self.sum, self.count),
            Kind::Least | Kind::Greatest | Kind::Sample => {
                return Ok(self.best.as_ref().map_or(UNBOUND, |(_, id)| *id));
            }
            Kind::Concatenate(_) => Some(Value::String(std::mem::take(&mut self.text))),
        };
        match value {
            Some(value) => self
                .execution
                .terms
                .encode(value.into_term())
                .map_err(|error| self.execution.explain(error)),
            None => Ok(UNBOUND),
        }
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.text.capacity()
    }
}
