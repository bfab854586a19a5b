//! From what spargebra parsed to our algebra.
//!
//! What flows in: the graph pattern of a query. What flows out: an [`Algebra`] and the names of its slots. What always
//! holds: the two mean the same multiset of solutions on every dataset, as SPARQL 1.1 (section 18) defines it.

use super::given::value_of;
use super::graph_variable::may_share;
use super::rename::rename;
use super::{Aggregate, Algebra, GraphPlace, Path, Place, Quads, Scalar, Slot, SlotSet, SortBy};
use crate::batch::UNBOUND;
use crate::error::QueryError;
use crate::execution::Execution;
use oxrdf::{BlankNode, NamedNode, Term, Triple, Variable};
use spargebra::algebra::{
    AggregateExpression, Expression, GraphPattern, OrderExpression, PropertyPathExpression,
};
use spargebra::term::{GroundTerm, GroundTriple, NamedNodePattern, TermPattern, TriplePattern};
use std::collections::HashMap;

/// What the names of slots begin with that no variable of the query names.
pub(crate) const HIDDEN: &str = "?#";

/// A query's pattern in our algebra.
pub(crate) struct Translation {
    pub(crate) algebra: Algebra,
    /// The names of the slots, for people; the number of slots.
    pub(crate) names: Vec<String>,
    /// The slot of each variable that is visible outside.
    pub(crate) scope: HashMap<Variable, Slot>,
    /// The ids of the terms that the pattern names.
    pub(crate) constants: Vec<u64>,
    /// The slots of the values that were given with the query, and the ids of these.
    pub(crate) given: Vec<(Slot, u64)>,
}

/// A translation under way.
pub(crate) struct Translator<'a> {
    execution: &'a Execution,
    names: Vec<String>,
    pub(super) scope: HashMap<Variable, Slot>,
    blank_nodes: HashMap<BlankNode, Slot>,
    /// Variables whose values were given with the query.
    pub(super) given: Vec<(Slot, u64)>,
    /// Those of them that the query was seen to mention where they mean the same.
    pub(super) met: SlotSet,
    /// What is wanted of the rows of the query, and the slots of the given values that are.
    wanted: &'a [Variable],
    shown: Vec<Slot>,
    /// Whether the next selection is that of the query itself, which every form of query has: all others are subqueries.
    is_selecting: bool,
    constants: Vec<u64>,
    /// What the rows outside of the `EXISTS` around may bind.
    outer: SlotSet,
    graph: GraphPlace,
    /// Whether the slot of `graph` is a constant when the pattern is matched.
    is_each: bool,
}

impl<'a> Translator<'a> {
    pub(crate) fn new(execution: &'a Execution) -> Self {
        Self {
            execution,
            names: Vec::new(),
            scope: HashMap::new(),
            blank_nodes: HashMap::new(),
            given: Vec::new(),
            met: SlotSet::default(),
            wanted: &[],
            shown: Vec::new(),
            is_selecting: false,
            constants: Vec::new(),
            outer: SlotSet::default(),
            graph: GraphPlace::Default,
            is_each: false,
        }
    }

    /// Names the variables that are wanted of the rows of the query: a template may want others than the pattern binds.
    pub(crate) fn showing(mut self, wanted: &'a [Variable]) -> Self {
        self.wanted = wanted;
        self
    }

    /// Translates the pattern of a query, of which some variables have their values already.
    ///
    /// # Errors
    /// What encoding the constants fails with; `Evaluation` for a pattern beyond SPARQL 1.1, and for a value of a variable
    /// that the pattern does not have.
    pub(crate) fn translate(
        mut self,
        pattern: &GraphPattern,
        given: &[(Variable, Term)],
    ) -> Result<Translation, QueryError> {
        self.is_selecting = !given.is_empty();
        for (variable, term) in given {
            let slot = self.slot(variable);
            let id = encoded(self.execution, term.clone())?;
            self.given.push((slot, id));
            if self.wanted.contains(variable) {
                self.meet(slot);
                self.shown.push(slot);
            }
        }
        let algebra = self.pattern(pattern)?;
        self.check_met(given)?;
        Ok(Translation {
            algebra,
            names: self.names,
            scope: self.scope,
            constants: self.constants,
            given: self.given,
        })
    }

    /// The slot of a name in the scope at hand.
    pub(super) fn slot(&mut self, variable: &Variable) -> Slot {
        if let Some(slot) = self.scope.get(variable).copied() {
            self.meet(slot);
            return slot;
        }
        let slot = self.named(format!("?{}", variable.as_str()));
        self.scope.insert(variable.clone(), slot);
        slot
    }

    pub(super) fn execution(&self) -> &'a Execution {
        self.execution
    }

    fn named(&mut self, name: String) -> Slot {
        self.names.push(name);
        Slot(self.names.len() as u32 - 1)
    }

    /// A slot that no variable of the query names.
    pub(super) fn hidden(&mut self) -> Slot {
        self.named(format!("{HIDDEN}{}", self.names.len()))
    }

    /// The slot that nothing binds.
    pub(super) fn unbound(&self) -> Slot {
        Slot(u32::MAX)
    }

    /// The pattern of an `EXISTS`, whose rows outside may bind these slots. What they cannot bind is another variable of the
    /// same name: rows that are joined to them later may bind that one.
    pub(super) fn correlated(
        &mut self,
        pattern: &GraphPattern,
        visible: &SlotSet,
    ) -> Result<Algebra, QueryError> {
        let is_seen =
            |slot: &Slot| visible.contains(*slot) || self.given.iter().any(|(it, _)| it == slot);
        let seen = self.scope.iter().filter(|(_, slot)| is_seen(slot));
        let scope = seen.map(|(name, slot)| (name.clone(), *slot)).collect();
        let outer_scope = std::mem::replace(&mut self.scope, scope);
        let outer = std::mem::replace(&mut self.outer, visible.clone());
        let algebra = self.pattern(pattern);
        self.outer = outer;
        self.scope = outer_scope;
        algebra
    }

    fn encode(&mut self, term: Term) -> Result<u64, QueryError> {
        let id = encoded(self.execution, term)?;
        self.constants.push(id);
        Ok(id)
    }

    #[allow(
        unreachable_patterns,
        reason = "whether spargebra has more patterns depends on the other crates of the build"
    )]
    fn pattern(&mut self, pattern: &GraphPattern) -> Result<Algebra, QueryError> {
        match pattern {
            GraphPattern::Bgp { patterns } => self.basic(patterns),
            GraphPattern::Path {
                subject,
                path,
                object,
            } => self.path_pattern(subject, path, object),
            GraphPattern::Join { left, right } => {
                Ok(self.pattern(left)?.join(self.pattern(right)?))
            }
            GraphPattern::LeftJoin {
                left,
                right,
                expression,
            } => self.left_join(left, right, expression.as_ref()),
            GraphPattern::Filter { expr, inner } => self.filter(expr, inner),
            GraphPattern::Union { left, right } => self.union(left, right),
            GraphPattern::Graph { name, inner } => self.graph(name, inner),
            GraphPattern::Extend {
                inner,
                variable,
                expression,
            } => self.extend(inner, variable, expression),
            GraphPattern::Minus { left, right } => {
                let left = self.pattern(left)?;
                let right = Box::new(self.subtrahend(right)?);
                let left = Box::new(self.with_given_of(left, &right.possible()));
                Ok(Algebra::Minus { left, right })
            }
            GraphPattern::Values {
                variables,
                bindings,
            } => self.values(variables, bindings),
            GraphPattern::Project { inner, variables } => self.project(inner, variables),
            GraphPattern::Service {
                name,
                inner,
                silent,
            } => self.service(name, inner, *silent),
            _ => self.modifier(pattern),
        }
    }

    /// The right side of a `MINUS`. The graph in which both sides are matched is no variable that they share.
    fn subtrahend(&mut self, pattern: &GraphPattern) -> Result<Algebra, QueryError> {
        let inner = self.pattern(pattern)?;
        let graph = match self.graph {
            GraphPlace::Named(Place::Slot(graph)) if self.is_each => graph,
            _ => return Ok(inner),
        };
        let possible = inner.possible();
        if !possible.contains(graph) {
            return Ok(inner);
        }
        let slots = possible.iter().filter(|slot| *slot != graph).collect();
        let inner = Box::new(inner);
        Ok(Algebra::Project { inner, slots })
    }

    /// What works on whole solutions.
    fn modifier(&mut self, pattern: &GraphPattern) -> Result<Algebra, QueryError> {
        match pattern {
            GraphPattern::OrderBy { inner, expression } => self.sort(inner, expression),
            GraphPattern::Distinct { inner } => {
                Ok(Algebra::Distinct(Box::new(self.pattern(inner)?)))
            }
            GraphPattern::Reduced { inner } => Ok(Algebra::Reduced(Box::new(self.pattern(inner)?))),
            GraphPattern::Slice {
                inner,
                start,
                length,
            } => Ok(Algebra::Slice {
                inner: Box::new(self.pattern(inner)?),
                start: *start,
                length: *length,
            }),
            GraphPattern::Group {
                inner,
                variables,
                aggregates,
            } => self.group(inner, variables, aggregates),
            _ => Err(QueryError::Evaluation(
                "the query has a pattern beyond SPARQL 1.1 that is not known here".to_owned(),
            )),
        }
    }

    fn basic(&mut self, patterns: &[TriplePattern]) -> Result<Algebra, QueryError> {
        let mut parts = Vec::with_capacity(patterns.len());
        let mut unpacked = Vec::new();
        for pattern in patterns {
            let triple = self.triple(pattern, &mut unpacked)?;
            parts.push(Algebra::Quads(Quads {
                triple,
                graph: self.graph,
            }));
        }
        let joined = Algebra::Join {
            parts,
            filters: Vec::new(),
        };
        Ok(self.with_given(unpack(joined, unpacked)))
    }

    /// The places of a triple pattern; the triple terms in it that hold variables are to be unpacked.
    fn triple(
        &mut self,
        pattern: &TriplePattern,
        unpacked: &mut Vec<(Slot, [Place; 3])>,
    ) -> Result<[Place; 3], QueryError> {
        Ok([
            self.place(&pattern.subject, unpacked)?,
            self.name_place(&pattern.predicate)?,
            self.place(&pattern.object, unpacked)?,
        ])
    }

    fn place(
        &mut self,
        pattern: &TermPattern,
        unpacked: &mut Vec<(Slot, [Place; 3])>,
    ) -> Result<Place, QueryError> {
        Ok(match pattern {
            TermPattern::NamedNode(node) => Place::Constant(self.encode(node.clone().into())?),
            TermPattern::Literal(literal) => Place::Constant(self.encode(literal.clone().into())?),
            TermPattern::Variable(variable) => Place::Slot(self.slot(variable)),
            TermPattern::BlankNode(node) => Place::Slot(self.blank_node(node)),
            TermPattern::Triple(triple) => {
                if let Some(ground) = ground_triple(triple) {
                    return Ok(Place::Constant(self.encode(ground.into())?));
                }
                let slot = self.hidden();
                let parts = self.triple(triple, unpacked)?;
                unpacked.push((slot, parts));
                Place::Slot(slot)
            }
        })
    }

    pub(super) fn name_place(&mut self, pattern: &NamedNodePattern) -> Result<Place, QueryError> {
        Ok(match pattern {
            NamedNodePattern::NamedNode(node) => Place::Constant(self.encode(node.clone().into())?),
            NamedNodePattern::Variable(variable) => Place::Slot(self.slot(variable)),
        })
    }

    fn blank_node(&mut self, node: &BlankNode) -> Slot {
        if let Some(slot) = self.blank_nodes.get(node) {
            return *slot;
        }
        let slot = self.hidden();
        self.blank_nodes.insert(node.clone(), slot);
        slot
    }

    fn path_pattern(
        &mut self,
        subject: &TermPattern,
        path: &PropertyPathExpression,
        object: &TermPattern,
    ) -> Result<Algebra, QueryError> {
        let mut unpacked = Vec::new();
        let subject = self.place(subject, &mut unpacked)?;
        let object = self.place(object, &mut unpacked)?;
        let algebra = self.path(subject, path, object)?;
        Ok(self.with_given(unpack(algebra, unpacked)))
    }

    /// A path as joins and unions (section 18.2.2.4), down to the closures. A negated property set gives its ends once for
    /// each triple, as a pattern with a condition on its predicate does.
    fn path(
        &mut self,
        subject: Place,
        path: &PropertyPathExpression,
        object: Place,
    ) -> Result<Algebra, QueryError> {
        use PropertyPathExpression as P;
        Ok(match path {
            P::NamedNode(node) => Algebra::Quads(Quads {
                triple: [
                    subject,
                    Place::Constant(self.encode(node.clone().into())?),
                    object,
                ],
                graph: self.graph,
            }),
            P::Reverse(inner) => self.path(object, inner, subject)?,
            P::Sequence(first, second) => {
                let between = Place::Slot(self.hidden());
                let first = self.path(subject, first, between)?;
                first.join(self.path(between, second, object)?)
            }
            P::Alternative(left, right) => {
                let left = self.path(subject, left, object)?;
                unite(left, self.path(subject, right, object)?)
            }
            P::NegatedPropertySet(excluded) => self.other_than(subject, excluded, object),
            P::ZeroOrMore(_) | P::OneOrMore(_) | P::ZeroOrOne(_) => Algebra::Path(Box::new(Path {
                subject,
                path: path.clone(),
                object,
                graph: self.graph,
            })),
        })
    }

    /// The triples of all predicates but some.
    fn other_than(&mut self, subject: Place, excluded: &[NamedNode], object: Place) -> Algebra {
        let predicate = self.hidden();
        let quads = Algebra::Quads(Quads {
            triple: [subject, Place::Slot(predicate), object],
            graph: self.graph,
        });
        if excluded.is_empty() {
            return quads;
        }
        let names = excluded.iter().cloned().map(Expression::from);
        let is_excluded = Expression::In(
            Box::new(Expression::Variable(predicate.variable())),
            names.collect(),
        );
        Algebra::Join {
            parts: vec![quads],
            filters: vec![Scalar {
                expression: Expression::Not(Box::new(is_excluded)),
                slots: std::iter::once(predicate).collect(),
                exists: Vec::new(),
            }],
        }
    }

    fn left_join(
        &mut self,
        left: &GraphPattern,
        right: &GraphPattern,
        expression: Option<&Expression>,
    ) -> Result<Algebra, QueryError> {
        let left = self.pattern(left)?;
        let right = self.pattern(right)?;
        let left = match expression {
            Some(expression) => self.with_given_for(left, expression),
            None => left,
        };
        let left = self.in_each_graph(left);
        let filters = match expression {
            Some(expression) => {
                let visible = left.possible().union(&right.possible());
                self.conditions(expression, &visible)?
            }
            None => Vec::new(),
        };
        Ok(Algebra::LeftJoin {
            left: Box::new(left),
            right: Box::new(right),
            filters,
        })
    }

    /// The same rows, each with the graph that is being matched in.
    fn in_each_graph(&self, algebra: Algebra) -> Algebra {
        match self.graph.slot() {
            Some(slot) if !self.is_each && !algebra.certain().contains(slot) => {
                Algebra::NamedGraphs(slot).join(algebra)
            }
            _ => algebra,
        }
    }

    fn filter(
        &mut self,
        expression: &Expression,
        inner: &GraphPattern,
    ) -> Result<Algebra, QueryError> {
        let inner = self.pattern(inner)?;
        let inner = self.with_given_for(inner, expression);
        let more = self.conditions(expression, &inner.possible())?;
        Ok(match inner {
            Algebra::Join { parts, mut filters } => {
                filters.extend(more);
                Algebra::Join { parts, filters }
            }
            inner => Algebra::Join {
                parts: vec![inner],
                filters: more,
            },
        })
    }

    /// A condition as several that must all hold.
    fn conditions(
        &mut self,
        expression: &Expression,
        visible: &SlotSet,
    ) -> Result<Vec<Scalar>, QueryError> {
        let mut conditions = Vec::new();
        let mut open = vec![expression];
        while let Some(expression) = open.pop() {
            if let Expression::And(left, right) = expression {
                open.extend([right.as_ref(), left.as_ref()]);
            } else {
                conditions.push(self.scalar(expression, visible)?);
            }
        }
        Ok(conditions)
    }

    fn scalar(&mut self, expression: &Expression, visible: &SlotSet) -> Result<Scalar, QueryError> {
        let visible = visible.union(&self.outer);
        rename(self, expression, &visible)
    }

    fn union(&mut self, left: &GraphPattern, right: &GraphPattern) -> Result<Algebra, QueryError> {
        let left = self.pattern(left)?;
        Ok(unite(left, self.pattern(right)?))
    }

    /// `GRAPH`. Its variable is that of the patterns where that makes no difference, else each graph is matched by itself.
    fn graph(
        &mut self,
        name: &NamedNodePattern,
        inner: &GraphPattern,
    ) -> Result<Algebra, QueryError> {
        let place = self.name_place(name)?;
        let outer = self.graph;
        let (graph, is_each) = match (place, name) {
            (Place::Slot(_), NamedNodePattern::Variable(name)) if may_share(inner, name) => {
                (place, false)
            }
            (Place::Slot(_), _) => (Place::Slot(self.hidden()), true),
            (Place::Constant(_), _) => (place, false),
        };
        self.graph = GraphPlace::Named(graph);
        let outer_each = std::mem::replace(&mut self.is_each, is_each);
        let inner = self.pattern(inner)?;
        let algebra = match (graph, place) {
            (Place::Slot(graph), Place::Slot(bound)) if is_each => Algebra::EachGraph {
                graph,
                inner: Box::new(inner),
                bound,
            },
            (Place::Constant(id), _) if !inner.is_matched(GraphPlace::Named(place)) => {
                self.if_graph(id).join(inner)
            }
            _ => self.in_each_graph(inner),
        };
        self.is_each = outer_each;
        self.graph = outer;
        Ok(self.with_given(algebra))
    }

    /// One row without values, if there is such a named graph.
    fn if_graph(&mut self, id: u64) -> Algebra {
        let slot = self.hidden();
        Algebra::Project {
            inner: Box::new(Algebra::NamedGraphs(slot).join(value_of(slot, id))),
            slots: Vec::new(),
        }
    }

    fn extend(
        &mut self,
        inner: &GraphPattern,
        variable: &Variable,
        expression: &Expression,
    ) -> Result<Algebra, QueryError> {
        let inner = self.pattern(inner)?;
        let slot = self.slot(variable);
        let inner = self.with_given_for_value(inner, expression, slot);
        let mut value = self.scalar(expression, &inner.possible())?;
        if inner.possible().contains(slot) {
            self.check_unused(variable, slot)?;
            // Only a key of GROUP BY may be named as a variable before it. Without a value of its own, it keeps that one's.
            let old = Expression::Variable(slot.variable());
            value.expression = Expression::Coalesce(vec![value.expression, old]);
            value.slots.insert(slot);
        }
        Ok(Algebra::Extend {
            inner: Box::new(inner),
            slot,
            value,
        })
    }

    fn values(
        &mut self,
        variables: &[Variable],
        bindings: &[Vec<Option<GroundTerm>>],
    ) -> Result<Algebra, QueryError> {
        let slots = variables.iter().map(|name| self.slot(name)).collect();
        let mut rows = Vec::with_capacity(bindings.len());
        for binding in bindings {
            let row: Result<Vec<u64>, QueryError> = binding
                .iter()
                .map(|term| match term {
                    Some(term) => self.encode(ground_term(term)),
                    None => Ok(UNBOUND),
                })
                .collect();
            rows.push(row?);
        }
        Ok(self.with_given(Algebra::Values { slots, rows }))
    }

    /// A subquery, or the query itself: only what it selects is known outside.
    fn project(
        &mut self,
        inner: &GraphPattern,
        variables: &[Variable],
    ) -> Result<Algebra, QueryError> {
        let mut slots: Vec<Slot> = variables
            .iter()
            .map(|variable| self.slot(variable))
            .collect();
        let is_own = std::mem::take(&mut self.is_selecting);
        if is_own {
            let shown = self.shown.iter().copied();
            slots.extend(
                shown
                    .filter(|slot| !slots.contains(slot))
                    .collect::<Vec<_>>(),
            );
        }
        let scope = match is_own {
            // What is given with the query is known in all of it.
            true => self.scope.clone(),
            false => variables
                .iter()
                .cloned()
                .zip(slots.iter().copied())
                .collect(),
        };
        let outer = std::mem::replace(&mut self.scope, scope);
        let inner = self.pattern(inner)?;
        let inner = Box::new(self.with_all_given(inner));
        self.scope = outer;
        Ok(Algebra::Project { inner, slots })
    }

    fn sort(
        &mut self,
        inner: &GraphPattern,
        keys: &[OrderExpression],
    ) -> Result<Algebra, QueryError> {
        let inner = self.pattern(inner)?;
        // Joined later, they would have to keep the order.
        let inner = self.with_all_given(inner);
        let visible = inner.possible();
        let mut sort_keys = Vec::with_capacity(keys.len());
        for key in keys {
            let (expression, descending) = match key {
                OrderExpression::Asc(expression) => (expression, false),
                OrderExpression::Desc(expression) => (expression, true),
            };
            let key = self.scalar(expression, &visible)?;
            sort_keys.push(SortBy { key, descending });
        }
        Ok(Algebra::Sort {
            inner: Box::new(inner),
            keys: sort_keys,
        })
    }

    fn group(
        &mut self,
        inner: &GraphPattern,
        variables: &[Variable],
        aggregates: &[(Variable, AggregateExpression)],
    ) -> Result<Algebra, QueryError> {
        let inner = self.pattern(inner)?;
        let inner = self.with_all_given(inner);
        let visible = inner.possible();
        let keys = variables.iter().map(|name| self.slot(name)).collect();
        let mut translated = Vec::with_capacity(aggregates.len());
        for (variable, function) in aggregates {
            let input = match function {
                AggregateExpression::CountSolutions { .. } => None,
                AggregateExpression::FunctionCall { expr, .. } => {
                    Some(self.scalar(expr, &visible)?)
                }
            };
            translated.push(Aggregate {
                slot: self.slot(variable),
                function: function.clone(),
                input,
            });
        }
        Ok(Algebra::Group {
            inner: Box::new(inner),
            keys,
            aggregates: translated,
        })
    }
}

fn encoded(execution: &Execution, term: Term) -> Result<u64, QueryError> {
    let id = execution.terms.encode(term);
    id.map_err(|error| execution.explain(error))
}

fn unite(left: Algebra, right: Algebra) -> Algebra {
    let mut parts = Vec::new();
    for side in [left, right] {
        match side {
            Algebra::Union(more) => parts.extend(more),
            side => parts.push(side),
        }
    }
    Algebra::Union(parts)
}

fn unpack(mut algebra: Algebra, unpacked: Vec<(Slot, [Place; 3])>) -> Algebra {
    // A triple term within another comes before it in the list, and can be unpacked only behind it.
    for (triple, parts) in unpacked.into_iter().rev() {
        algebra = Algebra::Unpack {
            inner: Box::new(algebra),
            triple,
            parts,
        };
    }
    algebra
}

fn ground_term(term: &GroundTerm) -> Term {
    match term {
        GroundTerm::NamedNode(node) => node.clone().into(),
        GroundTerm::Literal(literal) => literal.clone().into(),
        GroundTerm::Triple(triple) => ground_triple_term(triple).into(),
    }
}

fn ground_triple_term(triple: &GroundTriple) -> Triple {
    Triple::new(
        triple.subject.clone(),
        triple.predicate.clone(),
        ground_term(&triple.object),
    )
}

/// The triple of a pattern without variables.
fn ground_triple(pattern: &TriplePattern) -> Option<Triple> {
    let TermPattern::NamedNode(subject) = &pattern.subject else {
        return None;
    };
    let NamedNodePattern::NamedNode(predicate) = &pattern.predicate else {
        return None;
    };
    let object: Term = match &pattern.object {
        TermPattern::NamedNode(node) => node.clone().into(),
        TermPattern::Literal(literal) => literal.clone().into(),
        TermPattern::Triple(triple) => ground_triple(triple)?.into(),
        TermPattern::BlankNode(_) | TermPattern::Variable(_) => return None,
    };
    Some(Triple::new(subject.clone(), predicate.clone(), object))
}
