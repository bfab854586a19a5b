//! Operators without an input.

use super::exchange::PartRows;
use super::{Builder, Built, Environment};
use crate::algebra::{GraphPlace, Place, Quads, Slot};
use crate::dataset::GraphSelection;
use crate::error::QueryError;
use crate::operators::BoxedOperator;
use crate::operators::aggregate::id_of_count;
use crate::operators::correlated::OneBatch;
use crate::operators::distinct_values::DistinctValues;
use crate::operators::leapfrog::tries::{JoinPattern, join_pattern};
use crate::operators::leapfrog::{ALL_VALUES, Leapfrog, LeapfrogParts};
use crate::operators::leaves::{NamedGraphs, Table, one_row};
use crate::operators::scan::{Scan, ScanShape};
use crate::paths::{PathEnd, PathGraph, PathOperator, PathPattern};
use crate::plan::{Node, PathPlan, Plan};
use quadrille_store::TermId;
use std::sync::Arc;

impl Builder {
    pub(super) fn leaf(&self, plan: &Plan, environment: &Environment) -> Result<Built, QueryError> {
        let (operator, columns): (BoxedOperator, Vec<Slot>) = match &plan.node {
            Node::Unit => (one_row(), Vec::new()),
            Node::Input => self.input(plan, environment),
            Node::Scan { .. } => match scan_of(plan, environment) {
                (Some(mut shape), columns) => {
                    match environment.part.as_ref().map(|part| part.rows) {
                        Some(PartRows::Scan(part)) => shape.part = Some(part),
                        Some(PartRows::Values(values)) => shape.leading = Some(values),
                        None => {}
                    }
                    let operator = Scan::new(Arc::clone(&self.execution), shape)?;
                    (Box::new(operator), columns)
                }
                (None, columns) => (Box::new(Table::new(Vec::new(), columns.len())), columns),
            },
            Node::Multiway {
                patterns,
                variables,
            } => self.multiway(patterns, variables, plan, environment)?,
            Node::Path(walked) => {
                let nothing = Built {
                    operator: one_row(),
                    columns: Vec::new(),
                };
                let built = self.path_over(nothing, walked, environment)?;
                return Ok(self.projected(built, plan));
            }
            Node::NamedGraphs(slot) => {
                let wanted = environment.parameters.get(slot).copied();
                let columns = if wanted.is_none() && plan.columns.contains(slot) {
                    vec![*slot]
                } else {
                    Vec::new()
                };
                let built = Built {
                    operator: self.named_graphs(wanted),
                    columns: vec![*slot],
                };
                return Ok(self.arranged(built, &columns, environment));
            }
            Node::Values(rows) => return Ok(self.table(rows, plan, environment)),
            Node::Count { quads, slot } => (self.count(quads, environment)?, vec![*slot]),
            Node::DistinctValues {
                reading,
                slot,
                counts,
            } => {
                let execution = Arc::clone(&self.execution);
                let operator = DistinctValues::new(execution, *reading, counts.is_some())?;
                let columns = std::iter::once(*slot).chain(*counts).collect();
                (Box::new(operator), columns)
            }
            Node::Service(service) => {
                let (operator, columns) = self.service(service, environment);
                return Ok(self.projected(Built { operator, columns }, plan));
            }
            _ => (Box::new(Table::new(Vec::new(), 0)), Vec::new()),
        };
        Ok(Built { operator, columns })
    }

    fn multiway(
        &self,
        patterns: &[Quads],
        variables: &[Slot],
        plan: &Plan,
        environment: &Environment,
    ) -> Result<(BoxedOperator, Vec<Slot>), QueryError> {
        let part = environment.part.as_ref();
        let first = match part.map(|part| part.rows) {
            Some(PartRows::Values(values)) => values,
            _ => ALL_VALUES,
        };
        let columns: Vec<Slot> = plan.columns.clone();
        let parts = LeapfrogParts {
            patterns: join_patterns(patterns, variables),
            variables: variables.len(),
            columns: columns
                .iter()
                .map(|slot| number(variables, *slot))
                .collect(),
            first,
            kept: part.map_or_else(Arc::default, |part| part.tries(plan)),
        };
        let operator = Leapfrog::new(Arc::clone(&self.execution), parts)?;
        Ok((Box::new(operator), columns))
    }

    /// The names of the named graphs, or a single one.
    pub(super) fn named_graphs(&self, wanted: Option<u64>) -> BoxedOperator {
        Box::new(NamedGraphs::new(Arc::clone(&self.execution), wanted))
    }

    fn input(&self, plan: &Plan, environment: &Environment) -> (BoxedOperator, Vec<Slot>) {
        let Some((slots, batch)) = &environment.input else {
            return (Box::new(Table::new(Vec::new(), 0)), Vec::new());
        };
        let place = |slot: &Slot| slots.iter().position(|column| column == slot);
        let columns: Vec<Slot> = plan
            .columns
            .iter()
            .copied()
            .filter(|slot| place(slot).is_some())
            .collect();
        let places = columns.iter().filter_map(place).collect();
        (Box::new(OneBatch::new(Arc::clone(batch), places)), columns)
    }

    /// The rows of an operator with the ends of a path that begins or ends in them.
    pub(super) fn path_over(
        &self,
        left: Built,
        walked: &PathPlan,
        environment: &Environment,
    ) -> Result<Built, QueryError> {
        let path = &walked.path;
        let end = |place: Place| match place {
            Place::Constant(id) => PathEnd::Constant(id),
            Place::Slot(slot) => match environment.parameters.get(&slot) {
                Some(id) => PathEnd::Constant(*id),
                None => left.place(slot).map_or(PathEnd::New, PathEnd::Column),
            },
        };
        let pattern = PathPattern {
            subject: end(path.subject),
            path: path.path.clone(),
            object: end(path.object),
            graph: match path.graph {
                GraphPlace::Default => PathGraph::Default,
                GraphPlace::Named(place) => PathGraph::Named(end(place)),
            },
            is_loop: path.subject == path.object && end(path.subject) == PathEnd::New,
            directions: walked.directions,
        };
        let mut columns = left.columns.clone();
        let places = [
            Some(path.subject),
            Some(path.object),
            match path.graph {
                GraphPlace::Default => None,
                GraphPlace::Named(place) => Some(place),
            },
        ];
        for place in places.into_iter().flatten() {
            if let Place::Slot(slot) = place
                && end(place) == PathEnd::New
                && !columns.contains(&slot)
            {
                columns.push(slot);
            }
        }
        let execution = Arc::clone(&self.execution);
        let width = left.width();
        let operator = PathOperator::new(execution, left.operator, width, &pattern)?;
        Ok(Built {
            operator: Box::new(operator),
            columns,
        })
    }

    /// A table, whose rows agree with the constants.
    fn table(&self, rows: &[Vec<u64>], plan: &Plan, environment: &Environment) -> Built {
        // The plan's columns may be fewer than the table's: the table keeps all, by the order in which it was made.
        let slots = &plan.columns;
        let agrees = |row: &&Vec<u64>| {
            slots.iter().zip(row.iter()).all(|(slot, id)| {
                let wanted = environment.parameters.get(slot);
                *id == crate::batch::UNBOUND || wanted.is_none_or(|wanted| wanted == id)
            })
        };
        let rows: Vec<Vec<u64>> = rows.iter().filter(agrees).cloned().collect();
        Built {
            operator: Box::new(Table::new(rows, slots.len())),
            columns: slots.clone(),
        }
    }

    fn count(&self, quads: &Quads, environment: &Environment) -> Result<BoxedOperator, QueryError> {
        let (shape, _) = shape_of(quads, &[], environment);
        let explain = |error| self.execution.explain(error);
        let (patterns, _) = self
            .execution
            .dataset
            .parts(shape.triple, shape.graphs)
            .map_err(explain)?;
        let (mut count, context) = (0, self.execution.dataset.limits.context());
        for pattern in patterns {
            count += self
                .execution
                .source()
                .count(pattern.map_err(explain)?, context)
                .map_err(explain)?;
        }
        let id = id_of_count(count, &self.execution)?;
        Ok(Box::new(Table::new(vec![vec![id]], 1)))
    }
}

/// The patterns of a multiway join, over the numbers of its variables.
pub(super) fn join_patterns(patterns: &[Quads], variables: &[Slot]) -> Vec<JoinPattern> {
    let patterns = patterns.iter();
    let pattern = |quads| join_pattern(quads, |slot| number(variables, slot));
    patterns.map(pattern).collect()
}

/// The number of a variable. A slot that is none has a number beyond all of them, which the operator refuses.
fn number(variables: &[Slot], slot: Slot) -> usize {
    let place = variables.iter().position(|variable| *variable == slot);
    place.unwrap_or(variables.len())
}

/// What a scan gives: the plan's columns, as far as they are no constants. Of another plan there is no shape.
pub(super) fn scan_of(plan: &Plan, environment: &Environment) -> (Option<ScanShape>, Vec<Slot>) {
    let Node::Scan {
        quads,
        permutation,
        objects,
    } = &plan.node
    else {
        return (None, Vec::new());
    };
    let (mut shape, columns) = shape_of(quads, &plan.columns, environment);
    let is_by_object = matches!(shape.triple, [None, Some(_), None]);
    shape.permutation = *permutation;
    shape.objects = objects.clone().filter(|_| is_by_object);
    (Some(shape), columns)
}

/// What a scan of a pattern gives for some slots.
fn shape_of(quads: &Quads, wanted: &[Slot], environment: &Environment) -> (ScanShape, Vec<Slot>) {
    let constant = |place: Place| match place {
        Place::Constant(id) => Some(id),
        Place::Slot(slot) => environment.parameters.get(&slot).copied(),
    };
    let id = |place: Place| constant(place).map(TermId::from_raw);
    let graphs = match quads.graph {
        GraphPlace::Default => GraphSelection::Default,
        GraphPlace::Named(place) => match id(place) {
            Some(graph) => GraphSelection::Named(graph),
            None => GraphSelection::EveryNamed,
        },
    };
    let mut first: Vec<(Slot, usize)> = Vec::new();
    let mut equal = Vec::new();
    for (position, place) in positions(quads) {
        let Place::Slot(slot) = place else {
            continue;
        };
        if constant(place).is_some() {
            continue;
        }
        match first.iter().find(|(known, _)| *known == slot) {
            Some((_, before)) => equal.push((*before, position)),
            None => first.push((slot, position)),
        }
    }
    let columns: Vec<Slot> = wanted
        .iter()
        .copied()
        .filter(|slot| first.iter().any(|(known, _)| known == slot))
        .collect();
    let position = |slot: &Slot| first.iter().find(|(known, _)| known == slot);
    let shape = ScanShape {
        triple: quads.triple.map(id),
        graphs,
        columns: columns
            .iter()
            .filter_map(|slot| position(slot).map(|(_, position)| *position))
            .collect(),
        equal,
        permutation: None,
        objects: None,
        part: None,
        leading: None,
    };
    (shape, columns)
}

/// The places of a pattern with their positions; the default graph has none.
pub(super) fn positions(quads: &Quads) -> impl Iterator<Item = (usize, Place)> {
    let graph = match quads.graph {
        GraphPlace::Default => None,
        GraphPlace::Named(place) => Some(place),
    };
    quads.triple.into_iter().chain(graph).enumerate()
}
