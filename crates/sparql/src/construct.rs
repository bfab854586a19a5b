//! `CONSTRUCT` and `DESCRIBE`: from rows to triples.
//!
//! What flows in: rows of terms or ids. What flows out: triples, each once. What always holds: a template's blank nodes are
//! new ones in each row; a triple that the template cannot make, with a literal as its subject for example, is left out.

use crate::dataset::GraphSelection;
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use crate::rows::{IdRows, TermRows};
use oxrdf::{BlankNode, NamedOrBlankNode, Term, Triple, Variable};
use quadrille_store::{IdQuad, TermId};
use spargebra::term::{NamedNodePattern, TermPattern, TriplePattern};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// About how many bytes a triple takes in a set, beside its texts.
const TRIPLE_BYTES: usize = 256;

/// The triples that were given, which are not given again.
struct Given {
    triples: HashSet<Triple>,
    account: Account,
}

impl Given {
    fn new(execution: &Execution) -> Self {
        Self {
            triples: HashSet::new(),
            account: execution.memory.account(),
        }
    }

    /// Whether the triple is new.
    fn insert(&mut self, triple: &Triple) -> Result<bool, QueryError> {
        if self.triples.contains(triple) {
            return Ok(false);
        }
        self.account
            .require((self.triples.len() + 1).next_power_of_two() * TRIPLE_BYTES)?;
        Ok(self.triples.insert(triple.clone()))
    }
}

/// A term of a template.
enum TemplateTerm {
    Constant(Term),
    /// A column of the rows.
    Column(usize),
    /// A blank node, by its number in the template.
    BlankNode(usize),
    Triple(Box<[TemplateTerm; 3]>),
}

/// The triples of a `CONSTRUCT`.
pub(crate) struct Template {
    rows: TermRows,
    triples: Vec<[TemplateTerm; 3]>,
    made: VecDeque<Triple>,
    given: Given,
    /// How many blank nodes the template has.
    blank_nodes: usize,
}

impl Template {
    /// A template over rows whose columns are these variables.
    pub(crate) fn new(
        patterns: &[TriplePattern],
        variables: &[Variable],
        rows: TermRows,
        execution: &Execution,
    ) -> Self {
        let mut labels = HashMap::new();
        let triples = patterns
            .iter()
            .map(|pattern| template_triple(pattern, variables, &mut labels))
            .collect();
        Self {
            rows,
            triples,
            made: VecDeque::new(),
            given: Given::new(execution),
            blank_nodes: labels.len(),
        }
    }

    pub(crate) fn next_triple(&mut self) -> Result<Option<Triple>, QueryError> {
        loop {
            while let Some(triple) = self.made.pop_front() {
                if self.given.insert(&triple)? {
                    return Ok(Some(triple));
                }
            }
            let Some(row) = self.rows.next_row()? else {
                return Ok(None);
            };
            let blank_nodes: Vec<_> = (0..self.blank_nodes)
                .map(|_| BlankNode::default())
                .collect();
            let triples = self
                .triples
                .iter()
                .filter_map(|triple| triple_of(triple, &row, &blank_nodes));
            self.made.extend(triples);
        }
    }
}

fn template_triple(
    pattern: &TriplePattern,
    variables: &[Variable],
    labels: &mut HashMap<BlankNode, usize>,
) -> [TemplateTerm; 3] {
    let column = |variable: &Variable| {
        let column = variables.iter().position(|known| known == variable);
        TemplateTerm::Column(column.unwrap_or(usize::MAX))
    };
    let mut term = |pattern: &TermPattern| match pattern {
        TermPattern::NamedNode(node) => TemplateTerm::Constant(node.clone().into()),
        TermPattern::Literal(literal) => TemplateTerm::Constant(literal.clone().into()),
        TermPattern::Variable(variable) => column(variable),
        TermPattern::BlankNode(node) => {
            let next = labels.len();
            TemplateTerm::BlankNode(*labels.entry(node.clone()).or_insert(next))
        }
        TermPattern::Triple(triple) => {
            TemplateTerm::Triple(Box::new(template_triple(triple, variables, labels)))
        }
    };
    let subject = term(&pattern.subject);
    let object = term(&pattern.object);
    let predicate = match &pattern.predicate {
        NamedNodePattern::NamedNode(node) => TemplateTerm::Constant(node.clone().into()),
        NamedNodePattern::Variable(variable) => column(variable),
    };
    [subject, predicate, object]
}

fn triple_of(
    [subject, predicate, object]: &[TemplateTerm; 3],
    row: &[Option<Term>],
    blank_nodes: &[BlankNode],
) -> Option<Triple> {
    let subject = match term_of(subject, row, blank_nodes)? {
        Term::NamedNode(node) => NamedOrBlankNode::from(node),
        Term::BlankNode(node) => node.into(),
        Term::Literal(_) | Term::Triple(_) => return None,
    };
    let Term::NamedNode(predicate) = term_of(predicate, row, blank_nodes)? else {
        return None;
    };
    Some(Triple::new(
        subject,
        predicate,
        term_of(object, row, blank_nodes)?,
    ))
}

fn term_of(term: &TemplateTerm, row: &[Option<Term>], blank_nodes: &[BlankNode]) -> Option<Term> {
    match term {
        TemplateTerm::Constant(term) => Some(term.clone()),
        TemplateTerm::Column(column) => row.get(*column)?.clone(),
        TemplateTerm::BlankNode(number) => Some(blank_nodes.get(*number)?.clone().into()),
        TemplateTerm::Triple(triple) => {
            triple_of(triple, row, blank_nodes).map(|triple| triple.into())
        }
    }
}

/// The triples of a `DESCRIBE`: those whose subject is one of the resources, and so on for their blank nodes.
pub(crate) struct Description {
    execution: Arc<Execution>,
    rows: IdRows,
    described: HashSet<u64>,
    open: Vec<u64>,
    quads: Option<crate::dataset::Quads>,
    account: Account,
}

impl Description {
    pub(crate) fn new(execution: Arc<Execution>, rows: IdRows) -> Self {
        Self {
            rows,
            described: HashSet::new(),
            open: Vec::new(),
            quads: None,
            account: execution.memory.account(),
            execution,
        }
    }

    pub(crate) fn next_triple(&mut self) -> Result<Option<Triple>, QueryError> {
        loop {
            if let Some(quads) = &mut self.quads {
                match quads.next().transpose() {
                    Ok(Some(quad)) => return self.described_triple(quad).map(Some),
                    Ok(None) => self.quads = None,
                    Err(error) => return Err(self.execution.explain(error)),
                }
            }
            if let Some(node) = self.open.pop() {
                let subject = Some(TermId::from_raw(node));
                let quads = self
                    .execution
                    .dataset
                    .quads([subject, None, None], GraphSelection::Default)
                    .map_err(|error| self.execution.explain(error))?;
                self.quads = Some(quads);
                continue;
            }
            let Some(row) = self.rows.next_row()? else {
                return Ok(None);
            };
            for id in row.into_iter().rev() {
                self.describe(id)?;
            }
        }
    }

    /// Has a resource described, if it was not before.
    fn describe(&mut self, id: u64) -> Result<(), QueryError> {
        if id != crate::batch::UNBOUND && self.described.insert(id) {
            self.account
                .require((self.described.len() + 1).next_power_of_two() * 16)?;
            self.open.push(id);
        }
        Ok(())
    }

    fn described_triple(&mut self, quad: IdQuad) -> Result<Triple, QueryError> {
        let [subject, predicate, object, _] = quad.map(TermId::raw);
        let subject = match self.term(subject)? {
            Term::NamedNode(node) => NamedOrBlankNode::from(node),
            Term::BlankNode(node) => node.into(),
            Term::Literal(_) | Term::Triple(_) => return Err(misplaced()),
        };
        let Term::NamedNode(predicate) = self.term(predicate)? else {
            return Err(misplaced());
        };
        let term = self.term(object)?;
        if term.is_blank_node() {
            self.describe(object)?;
        }
        Ok(Triple::new(subject, predicate, term))
    }

    fn term(&self, id: u64) -> Result<Term, QueryError> {
        self.execution
            .terms
            .decode(id)
            .map_err(|error| self.execution.explain(error))?
            .ok_or_else(misplaced)
    }
}

fn misplaced() -> QueryError {
    quadrille_store::StorageError::corrupted("a quad has a term where it cannot stand").into()
}
