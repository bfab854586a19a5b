//! The aggregates of SPARQL (section 18.5.1), but for counts, which need no values.
//!
//! What flows in: ids, unbound for errors. What flows out: the id of the aggregate, unbound for an error.

use super::arithmetic::{Arithmetic, calculate};
use super::functions::{divided, integer};
use super::ids::{IdMap, ids_compare};
use super::order::OrderKey;
use super::value::Value;
use crate::batch::UNBOUND;
use crate::error::QueryError;
use crate::execution::Execution;
use crate::extensions::{AggregateAccumulator, CustomAggregate};
use crate::operators::aggregate::{Accumulator, MakeAccumulator};
use quadrille_store::TermId;
use spargebra::algebra::AggregateFunction;
use std::sync::{Arc, Mutex, PoisonError};

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

/// How many values are remembered that had to be decoded, and how long their texts are at most.
const VALUES_MAX: usize = 4096;
const VALUE_TEXT_MAX: usize = 2048;

/// From this length on it is asked before a text is copied into the query's terms.
const LONG_TEXT: usize = 64 * 1024;

/// The values that were decoded, for all groups.
type Values = Arc<Mutex<IdMap<Value>>>;

/// What was gathered.
struct Gathered {
    execution: Arc<Execution>,
    values: Values,
    kind: Kind,
    count: i64,
    /// Whether a value could not be computed, or not be added.
    failed: bool,
    /// The sum.
    sum: Value,
    /// The least, greatest or first id.
    best: Option<u64>,
    /// The key of that id, once it was needed.
    best_key: Option<OrderKey>,
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
    let values = Values::default();
    Ok(Box::new(move || {
        Box::new(Gathered {
            execution: Arc::clone(&execution),
            kind: kind.clone(),
            count: 0,
            failed: false,
            sum: integer(0),
            best: None,
            best_key: None,
            values: Arc::clone(&values),
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
        if let Some(value) = Value::of_id(id) {
            return Ok(Some(value));
        }
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = values.get(&id) {
            return Ok(Some(value.clone()));
        }
        let term = self.execution.terms.decode(id);
        let term = term.map_err(|error| self.execution.explain(error))?;
        let value = term.map(Value::from);
        if let Some(value) = &value
            && value.text_bytes() <= VALUE_TEXT_MAX
        {
            if values.len() >= VALUES_MAX {
                values.clear();
            }
            values.insert(id, value.clone());
        }
        Ok(value)
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

    /// Keeps the better of the best id so far and another one, which is bound.
    fn take_better(&mut self, id: u64) -> Result<(), QueryError> {
        let Some(best) = self.best else {
            self.best = Some(id);
            return Ok(());
        };
        if best == id {
            return Ok(());
        }
        let mut key = None;
        // Numbers of several types are ordered by more than what their types promote to.
        let is_same_sort = TermId::from_raw(id).tag_byte() == TermId::from_raw(best).tag_byte();
        let ordering = match ids_compare(id, best) {
            Some(Some(ordering)) if is_same_sort => ordering,
            _ => {
                let own = self.key(id)?;
                let best_key = match self.best_key.take() {
                    Some(known) => known,
                    None => self.key(best)?,
                };
                let ordering = own.cmp(&best_key);
                self.best_key = Some(best_key);
                key = Some(own);
                ordering
            }
        };
        let is_better = match self.kind {
            Kind::Least => ordering.is_lt(),
            _ => ordering.is_gt(),
        };
        if is_better {
            self.best = Some(id);
            self.best_key = key;
        }
        Ok(())
    }

    /// The query's terms keep the text beside that which was gathered.
    fn has_room_for_text(&self) -> Result<(), QueryError> {
        if self.text.len() < LONG_TEXT {
            return Ok(());
        }
        let mut account = self.execution.memory.account();
        account.require(self.text.len())
    }

    fn key(&self, id: u64) -> Result<OrderKey, QueryError> {
        let value = self.value(id)?;
        Ok(value.map_or(OrderKey::Unbound, |value| OrderKey::of(&value)))
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
                self.best = Some(id);
            }
            return Ok(());
        }
        if matches!(self.kind, Kind::Least | Kind::Greatest) && id != UNBOUND {
            return self.take_better(id);
        }
        let Some(value) = self.value(id)? else {
            self.failed = true;
            return Ok(());
        };
        self.count += 1;
        match self.kind {
            Kind::Sum | Kind::Average => self.add_to_sum(&value),
            Kind::Concatenate(_) => self.concatenate(&value),
            Kind::Least | Kind::Greatest | Kind::Sample => {}
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
                return Ok(self.best.unwrap_or(UNBOUND));
            }
            Kind::Concatenate(_) => {
                self.has_room_for_text()?;
                Some(Value::String(std::mem::take(&mut self.text)))
            }
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
        let key = self.best_key.as_ref().map_or(0, OrderKey::heap_bytes);
        size_of::<Self>() + self.text.capacity() + key
    }
}
