//! Operators over two inputs, and those whose right side is built again and again.

use super::leaves::positions;
use super::{Builder, Built, Environment};
use crate::algebra::{GraphPlace, Place, Quads, Slot, SlotSet};
use crate::batch::{Batch, UNBOUND};
use crate::error::QueryError;
use crate::operators::BoxedOperator;
use crate::operators::correlated::{EachGraph, PerBatch, PerBatchParts, PerRow, PerRowParts};
use crate::operators::hash_join::{HashJoin, HashJoinParts, HashRight};
use crate::operators::join::{Output, Side};
use crate::operators::lookup_join::{LookupJoin, LookupJoinParts, Probe};
use crate::operators::merge_join::{MergeJoin, MergeJoinParts};
use crate::plan::{JoinKind, JoinMethod, Node, Plan, Probed};
use crate::probed_graphs::ProbedGraphs;
use std::collections::HashMap;
use std::sync::Arc;

impl Builder {
    pub(super) fn join(&self, plan: &Plan, environment: &Environment) -> Result<Built, QueryError> {
        match &plan.node {
            Node::Join { .. } => self.two_sided(plan, environment),
            Node::Lookup { .. } => self.looked_up(plan, environment),
            Node::ServiceJoin { .. } => self.service_join(plan, environment),
            Node::PerBatch {
                kind,
                number,
                first,
                left,
                right,
                filters,
            } => {
                let left = self.build(left, environment)?;
                let shape = (*kind, *number, *first);
                self.per_batch(plan, shape, left, right, filters, environment)
            }
            Node::PerRow {
                kind,
                left,
                right,
                shared,
            } => {
                let left = self.build(left, environment)?;
                self.per_row(plan, *kind, left, right, shared, environment)
            }
            Node::EachGraph {
                graph,
                inner,
                bound,
            } => self.each_graph(plan, *graph, inner, *bound, environment),
            _ => self.build(plan, environment),
        }
    }

    fn per_batch(
        &self,
        plan: &Plan,
        (kind, number, first): (JoinKind, Slot, Option<usize>),
        left: Built,
        right: &Arc<Plan>,
        filters: &[crate::algebra::Scalar],
        environment: &Environment,
    ) -> Result<Built, QueryError> {
        let mut input_columns = left.columns.clone();
        input_columns.push(number);
        let input_columns: Arc<[Slot]> = input_columns.into();
        // Built once without rows, to learn which columns the right side has.
        let mut probe = environment.clone();
        probe.input = Some((
            Arc::clone(&input_columns),
            Arc::new(Batch::new(input_columns.len())),
        ));
        let right_columns = self.right_of_batch(right, filters, &probe)?.columns;
        let columns = output_columns(plan, &left.columns, &right_columns, kind);
        let output = self.output(&columns, &left.columns, &right_columns, kind, &[]);
        let place = |slot: &Slot| right_columns.iter().position(|column| column == slot);
        let of_right = columns.iter().filter_map(place).collect();
        let Some(number_column) = place(&number) else {
            return Err(QueryError::Evaluation(
                "the number of a left row was lost on its way".to_owned(),
            ));
        };
        let builder = self.clone();
        let (right, filters, environment) =
            (Arc::clone(right), filters.to_vec(), environment.clone());
        let factory = move |batch: &Batch| {
            let mut rows = Batch::new(batch.width() + 1);
            rows.append_with(batch.len(), |column, values| {
                if column < batch.width() {
                    values.extend_from_slice(batch.column(column));
                } else {
                    values.extend(0..batch.len() as u64);
                }
            });
            let mut environment = environment.clone();
            environment.input = Some((Arc::clone(&input_columns), Arc::new(rows)));
            let built = builder.right_of_batch(&right, &filters, &environment)?;
            Ok(built.operator)
        };
        let operator = PerBatch::new(
            Arc::clone(&self.execution),
            PerBatchParts {
                left: left.operator,
                factory: Box::new(factory),
                of_right,
                output,
                number: number_column,
                first,
            },
        );
        Ok(Built {
            operator: Box::new(operator),
            columns,
        })
    }

    fn right_of_batch(
        &self,
        right: &Plan,
        filters: &[crate::algebra::Scalar],
        environment: &Environment,
    ) -> Result<Built, QueryError> {
        let right = self.build(right, environment)?;
        self.filtered(right, filters, environment)
    }

    fn per_row(
        &self,
        plan: &Plan,
        kind: JoinKind,
        left: Built,
        right: &Arc<Plan>,
        shared: &[Slot],
        environment: &Environment,
    ) -> Result<Built, QueryError> {
        let shared: Vec<Slot> = shared
            .iter()
            .copied()
            .filter(|slot| left.place(*slot).is_some())
            .collect();
        let places = shared.iter().filter_map(|slot| left.place(*slot)).collect();
        let columns = output_columns(plan, &left.columns, &[], kind);
        let output = self.output(&columns, &left.columns, &[], kind, &[]);
        let builder = self.clone();
        let (right, environment) = (Arc::clone(right), environment.clone());
        let factory = move |values: &[u64]| {
            let mut parameters: HashMap<Slot, u64> = (*environment.parameters).clone();
            // A slot that the row does not bind is any slot of the pattern.
            let bound = shared.iter().copied().zip(values.iter().copied());
            parameters.extend(bound.filter(|(_, id)| *id != UNBOUND));
            let mut environment = environment.clone();
            environment.parameters = Arc::new(parameters);
            Ok(builder.build(&right, &environment)?.operator)
        };
        let operator = PerRow::new(
            Arc::clone(&self.execution),
            PerRowParts {
                left: left.operator,
                shared: places,
                factory: Box::new(factory),
                output,
            },
        );
        Ok(Built {
            operator: Box::new(operator),
            columns,
        })
    }

    fn each_graph(
        &self,
        plan: &Plan,
        graph: Slot,
        inner: &Arc<Plan>,
        bound: Slot,
        environment: &Environment,
    ) -> Result<Built, QueryError> {
        let within = move |builder: &Self, environment: &Environment, name: u64, inner: &Plan| {
            let mut parameters: HashMap<Slot, u64> = (*environment.parameters).clone();
            parameters.insert(graph, name);
            let mut environment = environment.clone();
            environment.parameters = Arc::new(parameters);
            builder.build(inner, &environment)
        };
        // Built once within no graph, to learn which columns the inner side has.
        let inner_columns = within(self, environment, UNBOUND, inner)?.columns;
        let place = |slot: Slot| inner_columns.iter().position(|column| *column == slot);
        let columns: Vec<Slot> = plan
            .columns
            .iter()
            .copied()
            .filter(|slot| *slot == bound || place(*slot).is_some())
            .collect();
        let sources = columns
            .iter()
            .map(|slot| place(*slot).filter(|_| *slot != bound))
            .collect();
        let wanted = environment.parameters.get(&bound).copied();
        let graphs = self.named_graphs(wanted);
        let builder = self.clone();
        let (inner, environment) = (Arc::clone(inner), environment.clone());
        let factory = move |name: u64| Ok(within(&builder, &environment, name, &inner)?.operator);
        let operator = EachGraph::new(
            Arc::clone(&self.execution),
            graphs,
            Box::new(factory),
            place(bound),
            sources,
        );
        Ok(Built {
            operator: Box::new(operator),
            columns,
        })
    }
}

/// The columns of a join that the plan wants and the sides have.
pub(super) fn output_columns(
    plan: &Plan,
    left: &[Slot],
    right: &[Slot],
    kind: JoinKind,
) -> Vec<Slot> {
    let gives_right = matches!(kind, JoinKind::Inner | JoinKind::Left);
    plan.columns
        .iter()
        .copied()
        .filter(|slot| {
            left.contains(slot)
                || gives_right && right.contains(slot)
                || kind == JoinKind::Mark(*slot)
        })
        .collect()
}

// ----- Joins of two inputs, and look-ups -----

/// The shared columns of two sides: those that hold a value in each row of both, and those that may not.
type Shared = (Vec<(usize, usize)>, Vec<(usize, usize)>);

impl Builder {
    fn two_sided(&self, plan: &Plan, environment: &Environment) -> Result<Built, QueryError> {
        let Node::Join {
            kind,
            method,
            left: left_plan,
            right: right_plan,
            filters,
        } = &plan.node
        else {
            return self.build(plan, environment);
        };
        let left = self.build(left_plan, environment)?;
        let left = self.with_parameters(left, filters, environment);
        let certain = left_plan.certain.intersection(&right_plan.certain);
        let (right, right_columns) = match &environment.part {
            Some(part) if *method == JoinMethod::Hash => {
                let keys = |columns: &[Slot]| {
                    let (keys, _) = shared(&left.columns, columns, &certain);
                    keys.into_iter().map(|(_, right)| right).collect()
                };
                let right = part.shared(plan, right_plan, keys)?;
                (HashRight::Shared(right.table), right.columns)
            }
            _ => {
                let built = self.build(right_plan, environment)?;
                (HashRight::Own(built.operator), built.columns)
            }
        };
        let (keys, loose) = shared(&left.columns, &right_columns, &certain);
        let columns = output_columns(plan, &left.columns, &right_columns, *kind);
        let output = self.output(&columns, &left.columns, &right_columns, *kind, &loose);
        let filter = self.pair_filter(filters, &left.columns, &right_columns)?;
        let execution = Arc::clone(&self.execution);
        let sorted = match method {
            JoinMethod::Merge if loose.is_empty() => {
                sorted_keys(&left_plan.order, &left.columns, &right_columns, &keys)
            }
            _ => None,
        };
        let operator: BoxedOperator = match (sorted, right) {
            (Some(keys), HashRight::Own(right)) => {
                let parts = MergeJoinParts {
                    left: left.operator,
                    right,
                    keys,
                    output,
                    filter,
                };
                Box::new(MergeJoin::new(execution, parts))
            }
            (_, right) => {
                let parts = HashJoinParts {
                    left: left.operator,
                    right,
                    keys,
                    loose,
                    output,
                    filter,
                };
                Box::new(HashJoin::new(execution, parts))
            }
        };
        Ok(Built { operator, columns })
    }

    fn looked_up(&self, plan: &Plan, environment: &Environment) -> Result<Built, QueryError> {
        let Node::Lookup {
            kind,
            left: left_plan,
            probed,
            filters,
        } = &plan.node
        else {
            return self.build(plan, environment);
        };
        let left = self.build(left_plan, environment)?;
        let left = self.with_parameters(left, filters, environment);
        let quads = match probed {
            Probed::Quads(quads) => quads,
            Probed::Path(walked) => {
                let built = self.path_over(left, walked, environment)?;
                let built = self.filtered(built, filters, environment)?;
                return Ok(self.projected(built, plan));
            }
            Probed::Star(arms) => {
                let built = self.star_over(left, arms, plan, environment)?;
                return self.filtered(built, filters, environment);
            }
        };
        let constant = |place: Place| match place {
            Place::Constant(id) => Some(id),
            Place::Slot(slot) => environment.parameters.get(&slot).copied(),
        };
        let probe = |place: Place| match (constant(place), place) {
            (Some(id), _) => Probe::Constant(id),
            (None, Place::Slot(slot)) => left.place(slot).map_or(Probe::Free, Probe::Column),
            (None, Place::Constant(_)) => Probe::Free,
        };
        let dataset = &self.execution.dataset;
        let graphs = match quads.graph {
            GraphPlace::Default => ProbedGraphs::default(dataset),
            GraphPlace::Named(place) => match probe(place) {
                Probe::Constant(graph) => ProbedGraphs::named(dataset, graph),
                Probe::Column(column) => ProbedGraphs::every_named(dataset, Some(column)),
                Probe::Free => ProbedGraphs::every_named(dataset, None),
            },
        };
        let (right_columns, right, equal) = right_positions(quads, &constant);
        let columns = output_columns(plan, &left.columns, &right_columns, *kind);
        let (_, loose) = shared(&left.columns, &right_columns, &left_plan.certain);
        let output = self.output(&columns, &left.columns, &right_columns, *kind, &loose);
        let filter = self.pair_filter(filters, &left.columns, &right_columns)?;
        let parts = LookupJoinParts {
            triple: quads.triple.map(probe),
            graphs,
            equal,
            right,
            output,
            filter,
            left: left.operator,
        };
        Ok(Built {
            operator: Box::new(LookupJoin::new(Arc::clone(&self.execution), parts)),
            columns,
        })
    }
}

/// The keys of a join in the order that its inputs are sorted by; `None` when they are not sorted by all of them.
fn sorted_keys(
    order: &[Slot],
    left: &[Slot],
    right: &[Slot],
    keys: &[(usize, usize)],
) -> Option<Vec<(usize, usize)>> {
    let place = |slot: &Slot| {
        let of = |columns: &[Slot]| columns.iter().position(|column| column == slot);
        Some((of(left)?, of(right)?))
    };
    let mut sorted: Vec<_> = order.iter().filter_map(place).collect();
    sorted.truncate(keys.len());
    let is_all = keys.iter().all(|key| sorted.contains(key));
    (is_all && !keys.is_empty()).then_some(sorted)
}

/// The positions of a pattern that a look-up join reads: those of its slots, and
/// pairs that must be equal because their slot comes twice.
fn right_positions(
    quads: &Quads,
    constant: &dyn Fn(Place) -> Option<u64>,
) -> (Vec<Slot>, Vec<usize>, Vec<(usize, usize)>) {
    let mut slots: Vec<Slot> = Vec::new();
    let mut places = Vec::new();
    let mut equal = Vec::new();
    for (position, place) in positions(quads) {
        let Place::Slot(slot) = place else {
            continue;
        };
        if constant(place).is_some() {
            continue;
        }
        match slots.iter().position(|known| *known == slot) {
            Some(before) => equal.push((places[before], position)),
            None => {
                slots.push(slot);
                places.push(position);
            }
        }
    }
    (slots, places, equal)
}

fn shared(left: &[Slot], right: &[Slot], certain: &SlotSet) -> Shared {
    let (mut keys, mut loose) = (Vec::new(), Vec::new());
    for (column, slot) in left.iter().enumerate() {
        let Some(other) = right.iter().position(|known| known == slot) else {
            continue;
        };
        if certain.contains(*slot) {
            keys.push((column, other));
        } else {
            loose.push((column, other));
        }
    }
    (keys, loose)
}

impl Builder {
    /// What a join gives: these columns, from where each side has them.
    pub(super) fn output(
        &self,
        columns: &[Slot],
        left: &[Slot],
        right: &[Slot],
        kind: JoinKind,
        loose: &[(usize, usize)],
    ) -> Output {
        Output {
            kind,
            columns: sides(columns, left, right, kind, loose),
            marks: self.marks,
        }
    }
}

/// Where the columns of joined rows come from.
fn sides(
    columns: &[Slot],
    left: &[Slot],
    right: &[Slot],
    kind: JoinKind,
    loose: &[(usize, usize)],
) -> Vec<Side> {
    columns
        .iter()
        .map(|slot| {
            if kind == JoinKind::Mark(*slot) {
                return Side::Mark;
            }
            let first = left.iter().position(|column| column == slot);
            let second = right.iter().position(|column| column == slot);
            match (first, second) {
                (Some(first), Some(second)) if loose.contains(&(first, second)) => {
                    Side::Either(first, second)
                }
                (Some(first), _) => Side::Left(first),
                (None, Some(second)) => Side::Right(second),
                (None, None) => Side::Mark,
            }
        })
        .collect()
}
