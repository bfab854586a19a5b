//! Expressions over slots: variables get the names of their slots, and `EXISTS` gives way to a slot for its answer.
//!
//! What flows in: an expression as parsed, and the slots that its rows may bind. What flows out: a [`Scalar`]. What always
//! holds: a variable that no row below can bind is one that nothing binds.

use super::translate::Translator;
use super::{Exists, Scalar, SlotSet};
use crate::error::QueryError;
use spargebra::algebra::Expression;

/// An expression being renamed.
struct Renaming<'a, 'b> {
    translator: &'a mut Translator<'b>,
    /// The slots that the rows may bind, or the row outside of an `EXISTS` around.
    visible: &'a SlotSet,
    slots: SlotSet,
    exists: Vec<Exists>,
}

/// The expression over slots.
pub(super) fn rename(
    translator: &mut Translator<'_>,
    expression: &Expression,
    visible: &SlotSet,
) -> Result<Scalar, QueryError> {
    let mut renaming = Renaming {
        translator,
        visible,
        slots: SlotSet::default(),
        exists: Vec::new(),
    };
    let expression = renaming.expression(expression)?;
    Ok(Scalar {
        expression,
        slots: renaming.slots,
        exists: renaming.exists,
    })
}

impl Renaming<'_, '_> {
    fn expression(&mut self, expression: &Expression) -> Result<Expression, QueryError> {
        use Expression as E;
        Ok(match expression {
            E::NamedNode(_) | E::Literal(_) => expression.clone(),
            E::Variable(variable) => E::Variable(self.variable(variable)),
            E::Bound(variable) => E::Bound(self.variable(variable)),
            E::Exists(pattern) => self.exists(pattern)?,
            E::Or(left, right) => E::Or(self.boxed(left)?, self.boxed(right)?),
            E::And(left, right) => E::And(self.boxed(left)?, self.boxed(right)?),
            E::Equal(left, right) => E::Equal(self.boxed(left)?, self.boxed(right)?),
            E::SameTerm(left, right) => E::SameTerm(self.boxed(left)?, self.boxed(right)?),
            E::Greater(left, right) => E::Greater(self.boxed(left)?, self.boxed(right)?),
            E::GreaterOrEqual(left, right) => {
                E::GreaterOrEqual(self.boxed(left)?, self.boxed(right)?)
            }
            E::Less(left, right) => E::Less(self.boxed(left)?, self.boxed(right)?),
            E::LessOrEqual(left, right) => E::LessOrEqual(self.boxed(left)?, self.boxed(right)?),
            E::Add(left, right) => E::Add(self.boxed(left)?, self.boxed(right)?),
            E::Subtract(left, right) => E::Subtract(self.boxed(left)?, self.boxed(right)?),
            E::Multiply(left, right) => E::Multiply(self.boxed(left)?, self.boxed(right)?),
            E::Divide(left, right) => E::Divide(self.boxed(left)?, self.boxed(right)?),
            E::UnaryPlus(inner) => E::UnaryPlus(self.boxed(inner)?),
            E::UnaryMinus(inner) => E::UnaryMinus(self.boxed(inner)?),
            E::Not(inner) => E::Not(self.boxed(inner)?),
            E::If(condition, then, otherwise) => E::If(
                self.boxed(condition)?,
                self.boxed(then)?,
                self.boxed(otherwise)?,
            ),
            E::In(left, list) => E::In(self.boxed(left)?, self.all(list)?),
            E::Coalesce(list) => E::Coalesce(self.all(list)?),
            E::FunctionCall(function, arguments) => {
                E::FunctionCall(function.clone(), self.all(arguments)?)
            }
        })
    }

    fn boxed(&mut self, expression: &Expression) -> Result<Box<Expression>, QueryError> {
        self.expression(expression).map(Box::new)
    }

    fn all(&mut self, expressions: &[Expression]) -> Result<Vec<Expression>, QueryError> {
        expressions
            .iter()
            .map(|expression| self.expression(expression))
            .collect()
    }

    fn variable(&mut self, variable: &oxrdf::Variable) -> oxrdf::Variable {
        let slot = self.translator.slot(variable);
        if !self.visible.contains(slot) {
            return self.translator.unbound().variable();
        }
        self.slots.insert(slot);
        slot.variable()
    }

    fn exists(
        &mut self,
        pattern: &spargebra::algebra::GraphPattern,
    ) -> Result<Expression, QueryError> {
        let pattern = self.translator.correlated(pattern, self.visible)?;
        let shared = pattern.mentioned().intersection(self.visible);
        let mark = self.translator.hidden();
        self.slots.insert(mark);
        self.slots.add_all(&shared);
        self.exists.push(Exists {
            mark,
            pattern: Box::new(pattern),
            shared,
        });
        Ok(Expression::Variable(mark.variable()))
    }
}
