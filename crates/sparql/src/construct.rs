//! `CONSTRUCT` and `DESCRIBE`: from rows to triples.
//!
//! What flows in: rows of terms or ids. What flows out: triples, each once. What always holds: a template's blank nodes are
//! new ones in each row; a triple that the template cannot make, with a literal as its subject for example, is left out.

use crate::batch::UNBOUND;
use crate::dataset::GraphSelection;
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use crate::operators::row_table::{RowHasher, RowTable};
use crate::rows::{IdRows, TermRows};
use oxrdf::{BlankNode, NamedOrBlankNode, Term, Triple, Variable};
use quadrille_store::{IdQuad, TermId};
use spargebra::term::{NamedNodePattern, TermPattern, TriplePattern};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// The triples that were given, which are not given again, as ids: equal ids are equal terms.
struct Given {
    execution: Arc<Execution>,
    triples: RowTable,
}

impl Given {
    fn new(execution: &Arc<Execution>) -> Self {
        Self {
            triples: RowTable::new(3, RowHasher::new(), execution),
            execution: Arc::clone(execution),
        }
    }

    /// Whether the triple is new.
    fn insert(&mut self, triple: [u64; 3]) -> Result<bool, QueryError> {
        if !self.triples.make_room(1, &self.execution)? {
            return Err(self.execution.memory.exceeded());
        }
        let hash = self.triples.hasher().hash(&triple);
        Ok(self.triples.insert(hash, &triple).1)
    }

    fn id(&self, term: Term) -> Result<u64, QueryError> {
        let id = self.execution.terms.encode(term);
        id.map_err(|error| self.execution.explain(error))
    }
}

/// A term of a template.
enum TemplateTerm {
    /// A term and its id.
    Constant(Term, u64),
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
    ///
    /// # Errors
    /// What looking its terms up fails with.
    pub(crate) fn new(
        patterns: &[TriplePattern],
        variables: &[Variable],
        rows: TermRows,
        execution: &Arc<Execution>,
    ) -> Result<Self, QueryError> {
        let mut labels = HashMap::new();
        let mut triples: Vec<_> = patterns
            .iter()
            .map(|pattern| template_triple(pattern, variables, &mut labels))
            .collect();
        let given = Given::new(execution);
        for term in triples.iter_mut().flatten() {
            if let TemplateTerm::Constant(term, id) = term {
                *id = given.id(term.clone())?;
            }
        }
        Ok(Self {
            rows,
            triples,
            made: VecDeque::new(),
            given,
            blank_nodes: labels.len(),
        })
    }

    pub(crate) fn next_triple(&mut self) -> Result<Option<Triple>, QueryError> {
        loop {
            if let Some(triple) = self.made.pop_front() {
                return Ok(Some(triple));
            }
            let Some(row) = self.rows.next_row()? else {
                return Ok(None);
            };
            self.make(&row)?;
        }
    }

    /// Makes the triples of a row that were not given before.
    fn make(&mut self, row: &[Option<Term>]) -> Result<(), QueryError> {
        let blank_nodes: Vec<_> = (0..self.blank_nodes)
            .map(|_| BlankNode::default())
            .collect();
        for triple in &self.triples {
            let has_new_nodes = triple.iter().any(TemplateTerm::has_blank_node);
            let ids = triple.each_ref().map(|term| match term {
                TemplateTerm::Constant(_, id) => Some(*id),
                TemplateTerm::Column(column) => Some(self.rows.last_id(*column)),
                TemplateTerm::BlankNode(_) | TemplateTerm::Triple(_) => None,
            });
            if let [Some(subject), Some(predicate), Some(object)] = ids {
                let is_whole = ![subject, predicate, object].contains(&UNBOUND);
                if is_whole && self.given.insert([subject, predicate, object])? {
                    self.made.extend(triple_of(triple, row, &blank_nodes));
                }
                continue;
            }
            let Some(made) = triple_of(triple, row, &blank_nodes) else {
                continue;
            };
            // A triple of a new blank node can only be one of this row.
            let is_new = if has_new_nodes {
                !self.made.contains(&made)
            } else {
                let subject = self.given.id(made.subject.clone().into())?;
                let predicate = self.given.id(made.predicate.clone().into())?;
                let object = self.given.id(made.object.clone())?;
                self.given.insert([subject, predicate, object])?
            };
            if is_new {
                self.made.push_back(made);
            }
        }
        Ok(())
    }
}

impl TemplateTerm {
    fn has_blank_node(&self) -> bool {
        match self {
            Self::Constant(..) | Self::Column(_) => false,
            Self::BlankNode(_) => true,
            Self::Triple(triple) => triple.iter().any(Self::has_blank_node),
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
        TermPattern::NamedNode(node) => TemplateTerm::Constant(node.clone().into(), UNBOUND),
        TermPattern::Literal(literal) => TemplateTerm::Constant(literal.clone().into(), UNBOUND),
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
        NamedNodePattern::NamedNode(node) => TemplateTerm::Constant(node.clone().into(), UNBOUND),
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
        TemplateTerm::Constant(term, _) => Some(term.clone()),
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
