//! The evaluation of compiled expressions, row by row of a batch.

use super::arithmetic::{calculate, negated, signed};
use super::functions::Functions;
use super::value::Value;
use super::{Comparison, Compiled};
use crate::batch::{Batch, UNBOUND};
use crate::error::QueryError;
use crate::execution::Execution;
use oxrdf::Term;
use oxsdatatypes::DateTime;
use quadrille_store::{Tag, TermId};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

/// How many decoded values are remembered.
const REMEMBERED_MAX: usize = 4096;

/// The value of a part of an expression.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    /// A term by its id, which may not be decoded yet.
    Id(u64),
    Value(Value),
}

/// Evaluates one expression.
pub(crate) struct Evaluator {
    compiled: Arc<Compiled>,
    context: Context,
}

/// What the evaluation of all parts shares.
pub(super) struct Context {
    execution: Arc<Execution>,
    values: HashMap<u64, Value>,
    pub(super) functions: Functions,
    /// The blank nodes that labels stand for in the row at hand.
    pub(super) labels: HashMap<String, String>,
}

impl Evaluator {
    pub(crate) fn new(compiled: Arc<Compiled>, execution: Arc<Execution>) -> Self {
        Self {
            compiled,
            context: Context {
                execution,
                values: HashMap::new(),
                functions: Functions::default(),
                labels: HashMap::new(),
            },
        }
    }

    /// Sets the mask to whether each row passes: its effective boolean value is true.
    ///
    /// # Errors
    /// What reading terms fails with.
    pub(crate) fn filter(&mut self, batch: &Batch, mask: &mut Vec<bool>) -> Result<(), QueryError> {
        mask.clear();
        for row in 0..batch.len() {
            self.context.labels.clear();
            let truth = self.context.truth(&self.compiled, batch, row)?;
            mask.push(truth == Some(true));
        }
        Ok(())
    }

    /// Sets the values to the ids of the results, unbound where there is an error.
    ///
    /// # Errors
    /// What reading terms fails with.
    pub(crate) fn values(
        &mut self,
        batch: &Batch,
        values: &mut Vec<u64>,
    ) -> Result<(), QueryError> {
        values.clear();
        for row in 0..batch.len() {
            self.context.labels.clear();
            let operand = self.context.operand(&self.compiled, batch, row)?;
            values.push(match operand {
                Some(operand) => self.context.id(operand)?,
                None => UNBOUND,
            });
        }
        Ok(())
    }
}

impl Context {
    /// The effective boolean value of an expression; `None` is an error.
    fn truth(
        &mut self,
        compiled: &Compiled,
        batch: &Batch,
        row: usize,
    ) -> Result<Option<bool>, QueryError> {
        Ok(match compiled {
            Compiled::Or(left, right) => {
                let left = self.truth(left, batch, row)?;
                if left == Some(true) {
                    return Ok(left);
                }
                match (left, self.truth(right, batch, row)?) {
                    (_, Some(true)) => Some(true),
                    (Some(false), right) => right,
                    _ => None,
                }
            }
            Compiled::And(left, right) => {
                let left = self.truth(left, batch, row)?;
                if left == Some(false) {
                    return Ok(left);
                }
                match (left, self.truth(right, batch, row)?) {
                    (_, Some(false)) => Some(false),
                    (Some(true), right) => right,
                    _ => None,
                }
            }
            Compiled::Not(inner) => self.truth(inner, batch, row)?.map(|truth| !truth),
            Compiled::Equal(left, right) => {
                let operands = self.two(left, right, batch, row)?;
                match operands {
                    Some((left, right)) => self.equals(&left, &right)?,
                    None => None,
                }
            }
            Compiled::SameTerm(left, right) => {
                let operands = self.two(left, right, batch, row)?;
                match operands {
                    Some((left, right)) => Some(self.id(left)? == self.id(right)?),
                    None => None,
                }
            }
            Compiled::Compare(comparison, left, right) => {
                let operands = self.two(left, right, batch, row)?;
                match operands {
                    Some((left, right)) => self.compares(*comparison, &left, &right)?,
                    None => None,
                }
            }
            Compiled::In(left, list) => self.is_in(left, list, batch, row)?,
            Compiled::Bound(column) => {
                Some(column.is_some_and(|column| batch.value(row, column) != UNBOUND))
            }
            other => match self.operand(other, batch, row)? {
                Some(operand) => self.value(&operand)?.truth(),
                None => None,
            },
        })
    }

    pub(super) fn operand(
        &mut self,
        compiled: &Compiled,
        batch: &Batch,
        row: usize,
    ) -> Result<Option<Operand>, QueryError> {
        Ok(match compiled {
            Compiled::Constant(id) => Some(Operand::Id(*id)),
            Compiled::Column(column) => Some(batch.value(row, *column))
                .filter(|id| *id != UNBOUND)
                .map(Operand::Id),
            Compiled::Unbound => None,
            Compiled::Or(..)
            | Compiled::And(..)
            | Compiled::Not(_)
            | Compiled::Equal(..)
            | Compiled::SameTerm(..)
            | Compiled::Compare(..)
            | Compiled::In(..)
            | Compiled::Bound(_) => self
                .truth(compiled, batch, row)?
                .map(|truth| Operand::Value(Value::Boolean(truth))),
            Compiled::Arithmetic(operator, left, right) => {
                let Some((left, right)) = self.two(left, right, batch, row)? else {
                    return Ok(None);
                };
                let (left, right) = (self.value(&left)?, self.value(&right)?);
                calculate(*operator, &left, &right).map(Operand::Value)
            }
            Compiled::Signed(inner) => match self.operand(inner, batch, row)? {
                Some(operand) => signed(self.value(&operand)?).map(Operand::Value),
                None => None,
            },
            Compiled::Negated(inner) => match self.operand(inner, batch, row)? {
                Some(operand) => negated(&self.value(&operand)?).map(Operand::Value),
                None => None,
            },
            Compiled::If(condition, then, otherwise) => match self.truth(condition, batch, row)? {
                Some(true) => self.operand(then, batch, row)?,
                Some(false) => self.operand(otherwise, batch, row)?,
                None => None,
            },
            Compiled::Coalesce(list) => {
                for part in list {
                    let operand = self.operand(part, batch, row)?;
                    if operand.is_some() {
                        return Ok(operand);
                    }
                }
                None
            }
            Compiled::Call(function, arguments) => self.call(function, arguments, batch, row)?,
            Compiled::Custom(function, arguments) => {
                self.custom_call(function, arguments, batch, row)?
            }
        })
    }

    fn two(
        &mut self,
        left: &Compiled,
        right: &Compiled,
        batch: &Batch,
        row: usize,
    ) -> Result<Option<(Operand, Operand)>, QueryError> {
        let Some(left) = self.operand(left, batch, row)? else {
            return Ok(None);
        };
        let right = self.operand(right, batch, row)?;
        Ok(right.map(|right| (left, right)))
    }

    fn is_in(
        &mut self,
        left: &Compiled,
        list: &[Compiled],
        batch: &Batch,
        row: usize,
    ) -> Result<Option<bool>, QueryError> {
        let Some(left) = self.operand(left, batch, row)? else {
            return Ok(None);
        };
        let mut failed = false;
        for part in list {
            let equals = match self.operand(part, batch, row)? {
                Some(right) => self.equals(&left, &right)?,
                None => None,
            };
            match equals {
                Some(true) => return Ok(Some(true)),
                Some(false) => {}
                None => failed = true,
            }
        }
        Ok(if failed { None } else { Some(false) })
    }

    fn equals(&mut self, left: &Operand, right: &Operand) -> Result<Option<bool>, QueryError> {
        if let (Operand::Id(left), Operand::Id(right)) = (left, right)
            && let Some(equals) = ids_equal(*left, *right)
        {
            return Ok(Some(equals));
        }
        let (left, right) = (self.value(left)?, self.value(right)?);
        Ok(left.equals(&right))
    }

    fn compares(
        &mut self,
        comparison: Comparison,
        left: &Operand,
        right: &Operand,
    ) -> Result<Option<bool>, QueryError> {
        if let (Operand::Id(left), Operand::Id(right)) = (left, right)
            && let Some(ordering) = ids_compare(*left, *right)
        {
            return Ok(Some(comparison.holds(ordering)));
        }
        let (left, right) = (self.value(left)?, self.value(right)?);
        Ok(left
            .compare(&right)
            .map(|ordering| comparison.holds(ordering)))
    }

    pub(super) fn value(&mut self, operand: &Operand) -> Result<Value, QueryError> {
        let id = match operand {
            Operand::Value(value) => return Ok(value.clone()),
            Operand::Id(id) => *id,
        };
        if let Some(value) = self.values.get(&id) {
            return Ok(value.clone());
        }
        let term = self.execution.terms.decode(id);
        let term = term.map_err(|error| self.execution.explain(error))?;
        let value = term.map_or_else(|| Value::String(String::new()), Value::from);
        if self.values.len() >= REMEMBERED_MAX {
            self.values.clear();
        }
        self.values.insert(id, value.clone());
        Ok(value)
    }

    /// What `NOW` gives.
    pub(super) fn now(&self) -> DateTime {
        *self.execution.now.get_or_init(DateTime::now)
    }

    /// What `IRI` resolves against.
    pub(super) fn base_iri(&self) -> Option<&str> {
        self.execution.base_iri.as_deref()
    }

    /// The term as it stands in the store, not its value.
    pub(super) fn term(&self, operand: Operand) -> Result<Term, QueryError> {
        let id = match operand {
            Operand::Value(value) => return Ok(value.into_term()),
            Operand::Id(id) => id,
        };
        let term = self.execution.terms.decode(id);
        let term = term.map_err(|error| self.execution.explain(error))?;
        Ok(term.unwrap_or_else(|| Value::String(String::new()).into_term()))
    }

    fn id(&self, operand: Operand) -> Result<u64, QueryError> {
        match operand {
            Operand::Id(id) => Ok(id),
            Operand::Value(value) => self.encode(value.into_term()),
        }
    }

    pub(super) fn encode(&self, term: Term) -> Result<u64, QueryError> {
        self.execution
            .terms
            .encode(term)
            .map_err(|error| self.execution.explain(error))
    }
}

/// Whether two terms are equal, as far as their ids tell.
fn ids_equal(left: u64, right: u64) -> Option<bool> {
    let (left, right) = (TermId::from_raw(left), TermId::from_raw(right));
    let tags = (left.tag()?, right.tag()?);
    let is_node = |tag| matches!(tag, Tag::Iri | Tag::SerialBlank | Tag::LabelledBlank);
    if is_node(tags.0) && is_node(tags.1) {
        return Some(left == right);
    }
    // A NaN differs from itself: floating numbers are compared by value.
    let is_exact = (Tag::Integer..=Tag::UnsignedByte).contains(&tags.0);
    (tags.0 == tags.1 && is_exact).then_some(left == right)
}

/// How two terms compare, as far as their ids tell: within a sort of inlined integers, ids ascend by value.
fn ids_compare(left: u64, right: u64) -> Option<Ordering> {
    let (left, right) = (TermId::from_raw(left), TermId::from_raw(right));
    let tag = left.tag()?;
    let is_exact = (Tag::Integer..=Tag::UnsignedByte).contains(&tag);
    (right.tag() == Some(tag) && is_exact).then(|| left.cmp(&right))
}
