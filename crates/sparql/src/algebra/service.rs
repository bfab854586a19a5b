//! `SERVICE`: a part of the query that becomes a query of its own.
//!
//! What flows in: the pattern as parsed. What flows out: a [`Service`] with the pattern as text. What always holds: the
//! pattern is evaluated by itself, as it was written; only values given with the query are added to it.

use super::service_text::text_of;
use super::translate::Translator;
use super::{Algebra, Service, Slot, SlotSet};
use crate::error::QueryError;
use oxrdf::{NamedOrBlankNode, Term, Triple, Variable};
use spargebra::algebra::GraphPattern;
use spargebra::term::{GroundTerm, GroundTriple, NamedNodePattern};

impl Translator<'_> {
    pub(super) fn service(
        &mut self,
        name: &NamedNodePattern,
        inner: &GraphPattern,
        silent: bool,
    ) -> Result<Algebra, QueryError> {
        let name = self.name_place(name)?;
        let mut names = Vec::new();
        inner.on_in_scope_variable(|variable| {
            if !names.contains(variable) {
                names.push(variable.clone());
            }
        });
        let variables: Vec<(Variable, Slot)> = names
            .iter()
            .map(|variable| (variable.clone(), self.slot(variable)))
            .collect();
        let certain = match silent {
            true => SlotSet::default(),
            false => self.certain_of(inner, &variables),
        };
        let query = text_of(&self.with_given_values(inner, &variables)?, names);
        let service = Algebra::Service(Box::new(Service {
            name,
            query,
            variables,
            certain,
            silent,
        }));
        Ok(self.with_given(service))
    }

    /// The variables that each row of the pattern binds.
    fn certain_of(&self, inner: &GraphPattern, variables: &[(Variable, Slot)]) -> SlotSet {
        let Ok(translation) = Translator::new(self.execution()).translate(inner, &[]) else {
            return SlotSet::default();
        };
        let certain = translation.algebra.certain();
        let is_certain = |variable: &Variable| {
            let slot = translation.scope.get(variable);
            slot.is_some_and(|slot| certain.contains(*slot))
        };
        variables
            .iter()
            .filter(|(variable, _)| is_certain(variable))
            .map(|(_, slot)| *slot)
            .collect()
    }

    /// The pattern, with the values of variables that were given with the query.
    fn with_given_values(
        &self,
        inner: &GraphPattern,
        variables: &[(Variable, Slot)],
    ) -> Result<GraphPattern, QueryError> {
        let mut pattern = inner.clone();
        for (variable, slot) in variables {
            let Some(term) = self.given_value(*slot)?.and_then(ground_term) else {
                continue;
            };
            let value = GraphPattern::Values {
                variables: vec![variable.clone()],
                bindings: vec![vec![Some(term)]],
            };
            pattern = GraphPattern::Join {
                left: Box::new(value),
                right: Box::new(pattern),
            };
        }
        Ok(pattern)
    }
}

/// A term as it may stand in `VALUES`; a blank node, also within a triple term, may not.
fn ground_term(mut term: Term) -> Option<GroundTerm> {
    let mut around = Vec::new();
    while let Term::Triple(triple) = term {
        let Triple {
            subject: NamedOrBlankNode::NamedNode(subject),
            predicate,
            object,
        } = *triple
        else {
            return None;
        };
        around.push((subject, predicate));
        term = object;
    }
    let mut ground = match term {
        Term::NamedNode(node) => GroundTerm::NamedNode(node),
        Term::Literal(literal) => GroundTerm::Literal(literal),
        Term::BlankNode(_) | Term::Triple(_) => return None,
    };
    for (subject, predicate) in around.into_iter().rev() {
        ground = GroundTerm::Triple(Box::new(GroundTriple {
            subject,
            predicate,
            object: ground,
        }));
    }
    Some(ground)
}
