//! An evaluator of the algebra that is as plain as the definitions of SPARQL 1.1, section 18: bottom-up, on lists of rows.
//!
//! What flows in: the algebra of a query and a dataset. What flows out: rows, or that it would take too long. What always
//! holds: an operator sees whole answers of its parts and nothing else. Only EXISTS looks outward: the row that it is asked
//! for goes into its patterns. SPARQL 1.1 leaves open how exactly; [`Reading`] lists the ways, and each is right.

use crate::compare::{Failure, Row};
use crate::evaluation::{Prepared, boolean};
use crate::{aggregation, ordering, walking};
use oxrdf::{NamedNode, NamedOrBlankNode, Term, Triple, Variable};
use spargebra::algebra::{Expression, GraphPattern, OrderExpression};
use spargebra::term::{GroundTerm, NamedNodePattern, TermPattern, TriplePattern};
use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// How many rows are looked at, over all operators.
const STEPS_MAX: u64 = 400_000;

/// The default graph and the named ones; each triple once.
#[derive(Default)]
pub(crate) struct Graphs {
    pub(crate) default: Vec<Triple>,
    pub(crate) named: BTreeMap<NamedNode, Vec<Triple>>,
}

/// How what SPARQL leaves open is read: above all, how the row outside goes into the patterns of EXISTS.
#[derive(Clone, Copy)]
pub(crate) struct Reading {
    /// Whether MINUS counts a variable that the row binds among those that both its sides share.
    pub(crate) minus_shares: bool,
    /// Whether the row goes into subqueries, before they group and slice; else it is joined with what they give.
    pub(crate) enters_subqueries: bool,
    /// Whether ill-typed booleans and numbers are false, as SPARQL 1.1 has it; else errors, as many engines do.
    pub(crate) ill_typed_is_false: bool,
    /// Whether an end of a path that the row binds is a constant; else the path is joined with the row.
    pub(crate) ends_constant: bool,
}

impl Reading {
    /// All of them.
    pub(crate) fn all() -> Vec<Self> {
        let reading = |bits: u8| Self {
            minus_shares: bits & 1 == 0,
            enters_subqueries: bits & 2 == 0,
            ends_constant: bits & 4 == 0,
            ill_typed_is_false: bits & 8 == 0,
        };
        (0..16).map(reading).collect()
    }
}

/// Where a pattern is evaluated.
#[derive(Clone, Copy)]
struct Scope<'a> {
    /// The triples of the active graph.
    graph: &'a [Triple],
    /// What an EXISTS around binds.
    outer: &'a Row,
}

/// Evaluates over one dataset.
pub(crate) struct Reference<'a> {
    graphs: &'a Graphs,
    reading: Reading,
    steps: Cell<u64>,
}

type Rows = Result<Vec<Row>, Failure>;

/// The key under which a row holds what a blank node of the query stands for.
const BLANK: &str = "_:";

impl<'a> Reference<'a> {
    pub(crate) fn new(graphs: &'a Graphs, reading: Reading) -> Self {
        let steps = Cell::new(0);
        Self {
            graphs,
            reading,
            steps,
        }
    }

    /// The rows of a whole query.
    pub(crate) fn rows(&self, pattern: &GraphPattern) -> Rows {
        let scope = Scope {
            graph: &self.graphs.default,
            outer: &Row::new(),
        };
        let mut rows = self.evaluate(pattern, scope)?;
        for row in &mut rows {
            row.retain(|name, _| !name.starts_with(BLANK));
        }
        Ok(rows)
    }

    fn prepared(&self, expression: &Expression) -> Prepared {
        Prepared::new(expression, self.reading.ill_typed_is_false)
    }

    /// Counts work, so that no case takes long.
    fn charge(&self, steps: usize) -> Result<(), Failure> {
        self.steps.set(self.steps.get() + steps as u64);
        if self.steps.get() > STEPS_MAX {
            return Err(Failure::TooLarge);
        }
        Ok(())
    }

    fn evaluate(&self, pattern: &GraphPattern, scope: Scope<'_>) -> Rows {
        match pattern {
            GraphPattern::Bgp { patterns } => self.triples(patterns, scope),
            GraphPattern::Path {
                subject,
                path,
                object,
            } => {
                let triple = (subject, object);
                self.path(triple, path, scope)
            }
            GraphPattern::Values {
                variables,
                bindings,
            } => Ok(self.within(values(variables, bindings), scope)),
            GraphPattern::Join { left, right } => {
                let (left, right) = (self.evaluate(left, scope)?, self.evaluate(right, scope)?);
                self.join(&left, &right)
            }
            GraphPattern::LeftJoin {
                left,
                right,
                expression,
            } => {
                let (left, right) = (self.evaluate(left, scope)?, self.evaluate(right, scope)?);
                self.left_join(&left, &right, expression.as_ref(), scope)
            }
            GraphPattern::Union { left, right } => {
                let mut rows = self.evaluate(left, scope)?;
                rows.extend(self.evaluate(right, scope)?);
                Ok(rows)
            }
            GraphPattern::Minus { left, right } => {
                let (left, right) = (self.evaluate(left, scope)?, self.evaluate(right, scope)?);
                self.minus(left, &right)
            }
            GraphPattern::Filter { expr, inner } => {
                let rows = self.evaluate(inner, scope)?;
                self.filter(rows, expr, scope)
            }
            GraphPattern::Graph { name, inner } => self.graph(name, inner, scope),
            GraphPattern::Extend {
                inner,
                variable,
                expression,
            } => {
                let rows = self.evaluate(inner, scope)?;
                self.extend(rows, variable, expression, scope)
            }
            _ => self.modified(pattern, scope),
        }
    }

    /// The operators on whole solutions.
    fn modified(&self, pattern: &GraphPattern, scope: Scope<'_>) -> Rows {
        match pattern {
            GraphPattern::Project { inner, variables } => self.project(inner, variables, scope),
            GraphPattern::Reduced { inner } => self.evaluate(inner, scope),
            GraphPattern::Distinct { inner } => {
                let mut rows = self.evaluate(inner, scope)?;
                let mut seen = std::collections::BTreeSet::new();
                rows.retain(|row| seen.insert(format!("{row:?}")));
                Ok(rows)
            }
            GraphPattern::Slice {
                inner,
                start,
                length,
            } => {
                let rows = self.evaluate(inner, scope)?.into_iter().skip(*start);
                Ok(rows.take(length.unwrap_or(usize::MAX)).collect())
            }
            GraphPattern::OrderBy { inner, expression } => {
                let rows = self.evaluate(inner, scope)?;
                self.order(rows, expression, scope)
            }
            GraphPattern::Group {
                inner,
                variables,
                aggregates,
            } => {
                let rows = self.evaluate(inner, scope)?;
                self.charge(rows.len() * aggregates.len().max(1))?;
                for (name, _) in aggregates {
                    self.refuse_bound(name, scope)?;
                }
                aggregation::group(&rows, variables, aggregates, |expression, row| {
                    self.value(expression, row, scope)
                })
            }
            other => Err(Failure::Error(format!("{other} has no reference"))),
        }
    }

    /// The solutions of a basic graph pattern. Its blank nodes are variables of names that no variable has.
    fn triples(&self, patterns: &[TriplePattern], scope: Scope<'_>) -> Rows {
        let mut rows = vec![Row::new()];
        for pattern in patterns {
            let mut next = Vec::new();
            self.charge(rows.len() * scope.graph.len())?;
            for row in &rows {
                for triple in scope.graph {
                    next.extend(matched(row, pattern, triple));
                }
            }
            rows = next;
        }
        Ok(self.within(rows, scope))
    }

    fn path(
        &self,
        (subject, object): (&TermPattern, &TermPattern),
        path: &spargebra::algebra::PropertyPathExpression,
        scope: Scope<'_>,
    ) -> Rows {
        let end = |pattern: &TermPattern| match pattern {
            TermPattern::Variable(name) if self.reading.ends_constant => {
                scope.outer.get(name.as_str()).cloned()
            }
            other => constant(other),
        };
        let (start, goal) = (end(subject), end(object));
        let charge = |steps| self.charge(steps);
        let pairs = walking::pairs(scope.graph, path, start.as_ref(), goal.as_ref(), &charge)?;
        let mut rows = Vec::new();
        for (from, to) in pairs {
            let row = bound(&Row::new(), subject, &from);
            rows.extend(row.and_then(|row| bound(&row, object, &to)));
        }
        Ok(self.within(rows, scope))
    }

    /// Of the rows of a leaf, those that go with the row outside.
    fn within(&self, rows: Vec<Row>, scope: Scope<'_>) -> Vec<Row> {
        if scope.outer.is_empty() {
            return rows;
        }
        let mut rows: Vec<Row> = rows
            .into_iter()
            .filter(|row| merged(row, scope.outer).is_some())
            .collect();
        if !self.reading.minus_shares {
            for row in &mut rows {
                row.retain(|name, _| !scope.outer.contains_key(name));
            }
        }
        rows
    }

    fn join(&self, left: &[Row], right: &[Row]) -> Rows {
        self.charge(left.len() * right.len())?;
        let pairs = left
            .iter()
            .flat_map(|one| right.iter().map(move |other| (one, other)));
        Ok(pairs
            .filter_map(|(one, other)| merged(one, other))
            .collect())
    }

    fn left_join(
        &self,
        left: &[Row],
        right: &[Row],
        condition: Option<&Expression>,
        scope: Scope<'_>,
    ) -> Rows {
        let condition = condition.map(|condition| self.prepared(condition));
        self.charge(left.len() * right.len())?;
        let mut rows = Vec::new();
        for one in left {
            let before = rows.len();
            for row in right.iter().filter_map(|other| merged(one, other)) {
                let holds = match &condition {
                    Some(condition) => condition.holds(&self.seen(condition, &row, scope)?),
                    None => true,
                };
                if holds {
                    rows.push(row);
                }
            }
            if rows.len() == before {
                rows.push(one.clone());
            }
        }
        Ok(rows)
    }

    fn minus(&self, left: Vec<Row>, right: &[Row]) -> Rows {
        self.charge(left.len() * right.len())?;
        let shares = |one: &Row, other: &Row| one.keys().any(|name| other.contains_key(name));
        let gone = |one: &Row| {
            right
                .iter()
                .any(|other| shares(one, other) && merged(one, other).is_some())
        };
        Ok(left.into_iter().filter(|row| !gone(row)).collect())
    }

    fn filter(&self, rows: Vec<Row>, condition: &Expression, scope: Scope<'_>) -> Rows {
        let condition = self.prepared(condition);
        self.charge(rows.len())?;
        let mut kept = Vec::new();
        for row in rows {
            if condition.holds(&self.seen(&condition, &row, scope)?) {
                kept.push(row);
            }
        }
        Ok(kept)
    }

    fn extend(
        &self,
        rows: Vec<Row>,
        variable: &Variable,
        expression: &Expression,
        scope: Scope<'_>,
    ) -> Rows {
        self.refuse_bound(variable, scope)?;
        let expression = self.prepared(expression);
        self.charge(rows.len())?;
        let mut extended = Vec::new();
        for mut row in rows {
            if let Some(value) = expression.value(&self.seen(&expression, &row, scope)?) {
                row.insert(variable.as_str().to_owned(), value);
            }
            extended.push(row);
        }
        Ok(extended)
    }

    /// SPARQL does not say what it means to make a variable that the row outside binds.
    fn refuse_bound(&self, variable: &Variable, scope: Scope<'_>) -> Result<(), Failure> {
        if scope.outer.contains_key(variable.as_str()) {
            return Err(Failure::Undefined);
        }
        Ok(())
    }

    /// What an expression sees: the row, the row outside, and whether its patterns have solutions.
    fn seen(&self, prepared: &Prepared, row: &Row, scope: Scope<'_>) -> Result<Row, Failure> {
        let mut seen = scope.outer.clone();
        seen.extend(row.clone());
        seen.retain(|name, _| !name.starts_with(BLANK));
        let outer = seen.clone();
        for (name, pattern) in &prepared.exists {
            let inside = Scope {
                graph: scope.graph,
                outer: &outer,
            };
            let found = !self.evaluate(pattern, inside)?.is_empty();
            seen.insert(name.clone(), boolean(found));
        }
        Ok(seen)
    }

    fn value(
        &self,
        expression: &Expression,
        row: &Row,
        scope: Scope<'_>,
    ) -> Result<Option<Term>, Failure> {
        let prepared = self.prepared(expression);
        Ok(prepared.value(&self.seen(&prepared, row, scope)?))
    }

    fn graph(&self, name: &NamedNodePattern, inner: &GraphPattern, scope: Scope<'_>) -> Rows {
        let variable = match name {
            NamedNodePattern::NamedNode(name) => {
                return match self.graphs.named.get(name) {
                    Some(graph) => self.evaluate(inner, Scope { graph, ..scope }),
                    None => Ok(Vec::new()),
                };
            }
            NamedNodePattern::Variable(variable) => variable.as_str(),
        };
        let mut rows = Vec::new();
        for (name, graph) in &self.graphs.named {
            let named = Row::from([(variable.to_owned(), name.clone().into())]);
            let named = self.within(vec![named], scope);
            let inside = self.evaluate(inner, Scope { graph, ..scope })?;
            rows.extend(self.join(&inside, &named)?);
        }
        Ok(rows)
    }

    fn project(&self, inner: &GraphPattern, variables: &[Variable], scope: Scope<'_>) -> Rows {
        let shown = |name: &String| variables.iter().any(|variable| variable.as_str() == name);
        let mut outer = scope.outer.clone();
        outer.retain(|name, _| shown(name));
        let none = Row::new();
        let inside = if self.reading.enters_subqueries {
            &outer
        } else {
            &none
        };
        let mut rows = self.evaluate(
            inner,
            Scope {
                outer: inside,
                ..scope
            },
        )?;
        for row in &mut rows {
            row.retain(|name, _| shown(name));
        }
        Ok(self.within(
            rows,
            Scope {
                outer: &outer,
                ..scope
            },
        ))
    }

    fn order(&self, rows: Vec<Row>, keys: &[OrderExpression], scope: Scope<'_>) -> Rows {
        let mut keyed = Vec::new();
        for row in rows {
            let mut values = Vec::new();
            for key in keys {
                let (OrderExpression::Asc(key) | OrderExpression::Desc(key)) = key;
                values.push(self.value(key, &row, scope)?);
            }
            keyed.push((values, row));
        }
        // The bubbles of a sort that asks for no total order.
        let mut sorted: Vec<(Vec<Option<Term>>, Row)> = Vec::new();
        for entry in keyed {
            let before = |known: &(Vec<Option<Term>>, Row)| {
                ordering::compare_keys(&known.0, &entry.0, keys) == Some(Ordering::Greater)
            };
            self.charge(sorted.len())?;
            let place = sorted.iter().position(before).unwrap_or(sorted.len());
            sorted.insert(place, entry);
        }
        Ok(sorted.into_iter().map(|(_, row)| row).collect())
    }
}

/// Both rows as one, if they agree on the variables that both bind.
pub(crate) fn merged(one: &Row, other: &Row) -> Option<Row> {
    let mut row = one.clone();
    for (name, term) in other {
        if row.entry(name.clone()).or_insert_with(|| term.clone()) != term {
            return None;
        }
    }
    Some(row)
}

fn values(variables: &[Variable], bindings: &[Vec<Option<GroundTerm>>]) -> Vec<Row> {
    let row = |values: &Vec<Option<GroundTerm>>| {
        let cells = variables.iter().zip(values);
        let bound = cells.filter_map(|(name, value)| {
            let value = value.clone()?;
            Some((name.as_str().to_owned(), value.into()))
        });
        bound.collect()
    };
    bindings.iter().map(row).collect()
}

fn constant(pattern: &TermPattern) -> Option<Term> {
    match pattern {
        TermPattern::NamedNode(node) => Some(node.clone().into()),
        TermPattern::Literal(literal) => Some(literal.clone().into()),
        TermPattern::Triple(triple) => {
            let subject: NamedOrBlankNode = match constant(&triple.subject)? {
                Term::NamedNode(node) => node.into(),
                _ => return None,
            };
            let NamedNodePattern::NamedNode(predicate) = &triple.predicate else {
                return None;
            };
            let object = constant(&triple.object)?;
            Some(Triple::new(subject, predicate.clone(), object).into())
        }
        TermPattern::BlankNode(_) | TermPattern::Variable(_) => None,
    }
}

/// A row with a part of a triple pattern bound to a term, if that is possible.
fn bound(row: &Row, pattern: &TermPattern, term: &Term) -> Option<Row> {
    let name = match pattern {
        TermPattern::Variable(name) => name.as_str().to_owned(),
        TermPattern::BlankNode(node) => format!("{BLANK}{}", node.as_str()),
        TermPattern::Triple(pattern) => {
            return match term {
                Term::Triple(triple) => matched(row, pattern, triple),
                _ => None,
            };
        }
        other => return (constant(other).as_ref() == Some(term)).then(|| row.clone()),
    };
    merged(row, &Row::from([(name, term.clone())]))
}

/// A row that a triple extends by a triple pattern, if it fits.
fn matched(row: &Row, pattern: &TriplePattern, triple: &Triple) -> Option<Row> {
    let row = bound(row, &pattern.subject, &triple.subject.clone().into())?;
    let predicate = match &pattern.predicate {
        NamedNodePattern::NamedNode(node) => node.clone().into(),
        NamedNodePattern::Variable(variable) => TermPattern::from(variable.clone()),
    };
    let row = bound(&row, &predicate, &triple.predicate.clone().into())?;
    bound(&row, &pattern.object, &triple.object)
}
