//! Expressions: compiled once, then evaluated over batches of ids.
//!
//! What flows in: an expression whose variables are columns, batches. What flows out: a mask, or a column of ids. What
//! always holds: an error of SPARQL is an unbound value, or false for a filter; what fails in reading is an error of the run.
//! A function that is not known is an error when it is compiled. What an id tells by itself is not decoded (`ids`), what does
//! not depend on the row is computed once (`prepare`), and what depends on one column only once for each of its values.

mod aggregates;
mod arithmetic;
mod calls;
mod casts;
mod evaluate;
mod functions;
mod ids;
mod labels;
mod made;
mod order;
mod prepare;
mod ranges;
mod temporal;
mod value;

pub(crate) use aggregates::accumulator;
pub(crate) use evaluate::Evaluator;
pub(crate) use labels::RowLabels;
pub(crate) use order::{TermOrdering, ordered_ids};
pub(crate) use ranges::{IdRange, Relation, constant, id_ranges, ids_of_years, is_identity};
pub(crate) use value::{Temporal, Value};

use crate::error::QueryError;
use crate::execution::Execution;
use crate::extensions::CustomFunction;
use arithmetic::Arithmetic;
use calls::is_known;
use ids::IdSet;
use oxrdf::{Term, Variable};
use spargebra::algebra::{Expression, Function};
use std::cmp::Ordering;

/// An expression over columns.
#[derive(Clone, Debug)]
pub(crate) enum Compiled {
    Constant(u64),
    Column(usize),
    /// A variable that nothing binds.
    Unbound,
    Or(Box<Self>, Box<Self>),
    And(Box<Self>, Box<Self>),
    Not(Box<Self>),
    Equal(Box<Self>, Box<Self>),
    SameTerm(Box<Self>, Box<Self>),
    Compare(Comparison, Box<Self>, Box<Self>),
    In {
        left: Box<Self>,
        list: Vec<Self>,
        /// The list as a set, if all of it are constants to which nothing else is equal; else empty.
        exact: IdSet,
    },
    Arithmetic(Arithmetic, Box<Self>, Box<Self>),
    Signed(Box<Self>),
    Negated(Box<Self>),
    /// Whether a column is bound; `None` never is.
    Bound(Option<usize>),
    If(Box<Self>, Box<Self>, Box<Self>),
    Coalesce(Vec<Self>),
    Call(Function, Vec<Self>),
    /// A part that depends on one column only: its value is remembered by the ids of the column.
    Remembered {
        column: usize,
        /// The number of the part, from 0 on.
        number: usize,
        inner: Box<Self>,
    },
    /// A function that the caller of the query brings.
    Custom(CustomFunction, Vec<Self>),
}

/// An operator that compares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl Compiled {
    /// Compiles an expression; a variable that is no column is never bound.
    ///
    /// # Errors
    /// What encoding the constants fails with; `Evaluation` for a function that is not known.
    pub(crate) fn new(
        expression: &Expression,
        column_of: &dyn Fn(&Variable) -> Option<usize>,
        execution: &Execution,
    ) -> Result<Self, QueryError> {
        use Expression as E;
        let of = |expression: &Expression| -> Result<Box<Self>, QueryError> {
            Self::new(expression, column_of, execution).map(Box::new)
        };
        let all = |list: &[Expression]| -> Result<Vec<Self>, QueryError> {
            let compile = |expression| Self::new(expression, column_of, execution);
            list.iter().map(compile).collect()
        };
        let compared = |comparison, left: &Expression, right: &Expression| {
            Ok(Self::Compare(comparison, of(left)?, of(right)?))
        };
        let calculated = |operator, left: &Expression, right: &Expression| {
            Ok(Self::Arithmetic(operator, of(left)?, of(right)?))
        };
        Ok(match expression {
            E::NamedNode(node) => Self::constant(node.clone().into(), execution)?,
            E::Literal(literal) => Self::constant(literal.clone().into(), execution)?,
            E::Variable(variable) => column_of(variable).map_or(Self::Unbound, Self::Column),
            E::Bound(variable) => Self::Bound(column_of(variable)),
            E::Or(left, right) => Self::Or(of(left)?, of(right)?),
            E::And(left, right) => Self::And(of(left)?, of(right)?),
            E::Not(inner) => Self::Not(of(inner)?),
            E::Equal(left, right) => Self::Equal(of(left)?, of(right)?),
            E::SameTerm(left, right) => Self::SameTerm(of(left)?, of(right)?),
            E::Less(left, right) => return compared(Comparison::Less, left, right),
            E::LessOrEqual(left, right) => return compared(Comparison::LessOrEqual, left, right),
            E::Greater(left, right) => return compared(Comparison::Greater, left, right),
            E::GreaterOrEqual(left, right) => {
                return compared(Comparison::GreaterOrEqual, left, right);
            }
            E::Add(left, right) => return calculated(Arithmetic::Add, left, right),
            E::Subtract(left, right) => return calculated(Arithmetic::Subtract, left, right),
            E::Multiply(left, right) => return calculated(Arithmetic::Multiply, left, right),
            E::Divide(left, right) => return calculated(Arithmetic::Divide, left, right),
            E::UnaryPlus(inner) => Self::Signed(of(inner)?),
            E::UnaryMinus(inner) => Self::Negated(of(inner)?),
            E::In(left, list) => Self::In {
                left: of(left)?,
                list: all(list)?,
                exact: IdSet::default(),
            },
            E::If(condition, then, otherwise) => {
                Self::If(of(condition)?, of(then)?, of(otherwise)?)
            }
            E::Coalesce(list) => Self::Coalesce(all(list)?),
            E::FunctionCall(Function::Custom(name), list)
                if let Some(function) = execution.extensions.function(name) =>
            {
                Self::Custom(CustomFunction::clone(function), all(list)?)
            }
            E::FunctionCall(Function::Custom(name), _) if !is_known(name.as_ref()) => {
                return Err(QueryError::Evaluation(format!(
                    "the function {name} is not known"
                )));
            }
            E::FunctionCall(function, list) => Self::Call(function.clone(), all(list)?),
            E::Exists(_) => {
                return Err(QueryError::Evaluation(
                    "an EXISTS was left within an expression".to_owned(),
                ));
            }
        })
    }

    fn constant(term: Term, execution: &Execution) -> Result<Self, QueryError> {
        // A list may have very many, and each of the pipelines compiles it.
        execution.check()?;
        let id = execution
            .terms
            .encode(term)
            .map_err(|error| execution.explain(error))?;
        Ok(Self::Constant(id))
    }
}
