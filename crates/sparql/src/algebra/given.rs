//! Values that are given with a query for some of its variables.
//!
//! What flows in: the parts of a query, translated. What flows out: the same parts, joined with the values where these can
//! make a difference. What always holds: the rows are those of the query with one row of `VALUES` at the beginning of its
//! outermost group, which conditions deeper within see too; a subquery sees the values of the variables that it selects.

use super::graph_variable::is_own_scope;
use super::translate::Translator;
use super::{Algebra, Slot, SlotSet};
use crate::error::QueryError;
use oxrdf::{Term, Variable};
use spargebra::algebra::Expression;

impl Translator<'_> {
    /// Notes that a slot of the scope at hand was mentioned.
    pub(super) fn meet(&mut self, slot: Slot) {
        if self.given.iter().any(|(known, _)| *known == slot) {
            self.met.insert(slot);
        }
    }

    /// Refuses a value for a variable that was not mentioned: it would be without effect.
    ///
    /// # Errors
    /// `Evaluation`, with the name.
    pub(super) fn check_met(&self, given: &[(Variable, Term)]) -> Result<(), QueryError> {
        for ((variable, _), (slot, _)) in given.iter().zip(&self.given) {
            if !self.met.contains(*slot) {
                return Err(QueryError::Evaluation(format!(
                    "the query has no variable {variable}, outside of subqueries that do not select it, to give a value to"
                )));
            }
        }
        Ok(())
    }

    /// Refuses an expression that would replace a given value which conditions below have seen.
    ///
    /// # Errors
    /// `Evaluation`, with the name.
    pub(super) fn check_unused(&self, variable: &Variable, slot: Slot) -> Result<(), QueryError> {
        if self.given.iter().any(|(known, _)| *known == slot) {
            return Err(QueryError::Evaluation(format!(
                "the query computes {variable} where the value that was given to it is in use"
            )));
        }
        Ok(())
    }

    /// The value that was given with the query for a slot.
    pub(super) fn given_value(&self, slot: Slot) -> Result<Option<Term>, QueryError> {
        let Some((_, id)) = self.given.iter().find(|(known, _)| *known == slot) else {
            return Ok(None);
        };
        let term = self.execution().terms.decode(*id);
        term.map_err(|error| self.execution().explain(error))
    }

    /// Joins the given values of variables that a pattern mentions.
    pub(super) fn with_given(&self, algebra: Algebra) -> Algebra {
        if self.given.is_empty() {
            return algebra;
        }
        let mentioned = algebra.possible();
        self.with_given_if(algebra, |slot| mentioned.contains(slot))
    }

    /// Joins the given values of slots that the rows do not bind.
    pub(super) fn with_given_of(&self, algebra: Algebra, slots: &SlotSet) -> Algebra {
        if self.given.is_empty() {
            return algebra;
        }
        let certain = algebra.certain();
        self.with_given_if(algebra, |slot| {
            slots.contains(slot) && !certain.contains(slot)
        })
    }

    /// Joins the given values of the variables of an expression that the rows do not bind.
    pub(super) fn with_given_for(&self, algebra: Algebra, expression: &Expression) -> Algebra {
        if self.given.is_empty() {
            return algebra;
        }
        self.with_given_of(algebra, &self.seen_by(expression))
    }

    /// The same for an expression whose value a slot gets, but for a given value of that one.
    pub(super) fn with_given_for_value(
        &self,
        algebra: Algebra,
        expression: &Expression,
        slot: Slot,
    ) -> Algebra {
        if self.given.is_empty() {
            return algebra;
        }
        let itself = std::iter::once(slot).collect();
        self.with_given_of(algebra, &self.seen_by(expression).difference(&itself))
    }

    /// The slots of the variables that an expression mentions.
    fn seen_by(&self, expression: &Expression) -> SlotSet {
        let names = self.scope.iter();
        let seen = names.filter(|(name, _)| is_own_scope(expression, name));
        seen.map(|(_, slot)| *slot).collect()
    }

    /// Joins all given values of the scope at hand that the rows do not bind.
    pub(super) fn with_all_given(&self, algebra: Algebra) -> Algebra {
        if self.given.is_empty() {
            return algebra;
        }
        let known = self.scope.values().copied().collect();
        self.with_given_of(algebra, &known)
    }

    fn with_given_if(&self, mut algebra: Algebra, is_joined: impl Fn(Slot) -> bool) -> Algebra {
        for (slot, id) in &self.given {
            if is_joined(*slot) {
                algebra = algebra.join(value_of(*slot, *id));
            }
        }
        algebra
    }
}

/// One row that binds a slot.
pub(super) fn value_of(slot: Slot, id: u64) -> Algebra {
    Algebra::Values {
        slots: vec![slot],
        rows: vec![vec![id]],
    }
}
