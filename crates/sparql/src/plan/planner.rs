//! From the algebra to a plan.
//!
//! What flows in: a rewritten [`Algebra`]. What flows out: a [`Plan`] for it. What always holds: whatever is chosen here is
//! chosen by cost among ways that give the same rows.

use super::driven::KnownDriving;
use super::estimate::Estimator;
use super::nodes::{
    distinct, extended, grouped, leaf, project, sorted, united, unpack, values, wrapped,
};
use super::normalize::normalize;
use super::parallel::{PARALLEL_MIN, run_in_parallel};
use super::price;
use super::prune::prune;
use super::services::service_leaf;
use super::sorted::Wanted;
use super::star::is_of_one_subject;
use super::{AggregatePlan, Node, Plan, SortKeyPlan};
use crate::algebra::{
    Aggregate, Algebra, HIDDEN, Quads, Scalar, Slices, Slot, SlotSet, SortBy, at_once,
};
use crate::error::QueryError;
use crate::execution::Execution;
use crate::operators::top::TOP_ROWS_MAX;
use spargebra::algebra::{AggregateExpression, AggregateFunction, Expression};
use std::sync::Arc;

/// Makes the plan of one query.
pub(crate) struct Planner<'a> {
    pub(super) execution: &'a Arc<Execution>,
    pub(super) estimator: Estimator<'a>,
    /// The names of the slots; the planner makes some more.
    pub(super) names: &'a mut Vec<String>,
    /// The slots that are constants by the time that the plan runs.
    pub(super) parameters: SlotSet,
    /// Which rows of the next join are wanted.
    pub(super) wanted: Wanted,
    /// Whether the figures of patterns are asked for even where no choice rests on them.
    is_shown: bool,
    /// Whether no choice rests on them.
    pub(super) needs_no_figures: bool,
    /// How many parts that begin with other rows are around the one at hand.
    pub(super) driven_depth: usize,
    pub(super) known_driving: KnownDriving,
    /// How many parts that are matched in each graph are around the one at hand.
    each_graph_depth: usize,
}

/// Within so many others, what is matched in each graph is planned graph by graph only.
const EACH_GRAPH_DEPTH_MAX: usize = 2;

impl<'a> Planner<'a> {
    pub(crate) fn new(execution: &'a Arc<Execution>, names: &'a mut Vec<String>) -> Self {
        Self {
            execution,
            estimator: Estimator::new(execution),
            names,
            parameters: SlotSet::default(),
            wanted: Wanted::default(),
            is_shown: false,
            needs_no_figures: false,
            driven_depth: 0,
            known_driving: KnownDriving::default(),
            each_graph_depth: 0,
        }
    }

    /// Plans with all figures, for people to read.
    pub(crate) fn shown(mut self, is_shown: bool) -> Self {
        self.is_shown = is_shown;
        self
    }

    /// The plan of a whole query, whose rows have these columns.
    ///
    /// # Errors
    /// What reading the counts fails with.
    pub(crate) fn plan_query(
        mut self,
        algebra: Algebra,
        columns: &[Slot],
    ) -> Result<Plan, QueryError> {
        if self.execution.as_written {
            return self.plan(algebra);
        }
        let algebra = normalize(algebra);
        self.needs_no_figures = !self.is_shown && reads_one_pattern(&algebra);
        let mut plan = self.plan(algebra)?;
        prune(&mut plan, &columns.iter().copied().collect());
        if self.execution.threads > 1 {
            run_in_parallel(&mut plan, PARALLEL_MIN);
        }
        Ok(plan)
    }

    pub(super) fn hidden(&mut self) -> Slot {
        self.names.push(format!("{HIDDEN}{}", self.names.len()));
        Slot(self.names.len() as u32 - 1)
    }

    pub(super) fn plan(&mut self, algebra: Algebra) -> Result<Plan, QueryError> {
        match algebra {
            Algebra::Join { parts, filters } => self.join(parts, filters, None),
            leaf @ (Algebra::Quads(_) | Algebra::Path(_)) => {
                self.join(vec![leaf], Vec::new(), None)
            }
            Algebra::NamedGraphs(slot) => self.named_graphs(slot),
            Algebra::Unpack {
                inner,
                triple,
                parts,
            } => {
                let input = self.plan(*inner)?;
                Ok(unpack(input, triple, parts))
            }
            Algebra::LeftJoin {
                left,
                right,
                filters,
            } => {
                let left = self.plan(*left)?;
                self.left_join(left, *right, filters)
            }
            Algebra::Minus { left, right } => {
                let left = self.plan(*left)?;
                self.minus(left, *right)
            }
            Algebra::Union(parts) => self.union(parts),
            Algebra::Extend { inner, slot, value } => {
                let input = self.plan(*inner)?;
                self.extend(input, slot, value)
            }
            Algebra::Values { slots, rows } => Ok(values(slots, rows)),
            Algebra::Project { inner, slots } => Ok(project(self.plan(*inner)?, slots)),
            modifier => self.modifier(modifier),
        }
    }

    fn modifier(&mut self, algebra: Algebra) -> Result<Plan, QueryError> {
        match algebra {
            Algebra::Distinct(inner) => self.distinct(*inner),
            Algebra::Reduced(inner) => {
                let input = self.plan(*inner)?;
                Ok(wrapped(input, |input| Node::Reduced(Box::new(input))))
            }
            Algebra::Slice {
                inner,
                start,
                length,
            } => self.slice(*inner, start, length),
            Algebra::SliceOfEach {
                inner,
                slot,
                start,
                length,
            } => {
                let input = self.plan(*inner)?;
                let most =
                    self.graphs_named_by(slot)? * length.map_or(f64::MAX, |rows| rows as f64);
                let mut plan = wrapped(input, |input| Node::SliceOfEach {
                    input: Box::new(input),
                    slot,
                    start,
                    length,
                });
                plan.cost += plan.rows * price::PROBED;
                plan.rows = plan.rows.min(most);
                Ok(plan)
            }
            Algebra::Sort { inner, keys } => self.sort(*inner, keys, None),
            Algebra::Group {
                inner,
                keys,
                aggregates,
            } => self.group(*inner, keys, aggregates),
            Algebra::EachGraph {
                graph,
                inner,
                bound,
            } => self.each_graph(graph, *inner, bound, None),
            Algebra::Service(service) => Ok(service_leaf(*service)),
            other => self.plan(other),
        }
    }

    fn union(&mut self, parts: Vec<Algebra>) -> Result<Plan, QueryError> {
        let mut plans = Vec::with_capacity(parts.len());
        for part in parts {
            plans.push(self.plan(part)?);
        }
        Ok(united(plans))
    }

    pub(super) fn extend(
        &mut self,
        input: Plan,
        slot: Slot,
        mut value: Scalar,
    ) -> Result<Plan, QueryError> {
        let input = self.with_marks(input, &mut value)?;
        Ok(extended(input, slot, value))
    }

    fn named_graphs(&mut self, slot: Slot) -> Result<Plan, QueryError> {
        let certain: SlotSet = std::iter::once(slot).collect();
        let graphs = self.graphs_named_by(slot)?;
        Ok(leaf(Node::NamedGraphs(slot), vec![slot], certain, graphs))
    }

    /// About how many graphs a slot names: a constant names one.
    fn graphs_named_by(&mut self, slot: Slot) -> Result<f64, QueryError> {
        match self.parameters.contains(slot) {
            true => Ok(1.0),
            false => self.estimator.named_graphs(),
        }
    }

    /// A part that is matched in each graph by itself, or in all at once and cut by graph, as is cheaper. Deep within others
    /// there is no choice: each doubles the plans that are made.
    fn each_graph(
        &mut self,
        graph: Slot,
        inner: Algebra,
        bound: Slot,
        first: Option<usize>,
    ) -> Result<Plan, QueryError> {
        let is_chosen = !self.execution.as_written && self.each_graph_depth < EACH_GRAPH_DEPTH_MAX;
        self.each_graph_depth += 1;
        let plan = self.cheaper_of_graphs(graph, inner, bound, (is_chosen, first));
        self.each_graph_depth -= 1;
        plan
    }

    fn cheaper_of_graphs(
        &mut self,
        graph: Slot,
        inner: Algebra,
        bound: Slot,
        (is_chosen, first): (bool, Option<usize>),
    ) -> Result<Plan, QueryError> {
        let lifted = match is_chosen {
            true => at_once(graph, &inner, bound, Slices::Counted),
            false => None,
        };
        let apart = self.graph_by_graph(graph, inner, bound)?;
        let Some(lifted) = lifted else {
            return Ok(apart);
        };
        // The first rows may be those of the first graphs.
        let share = first.map_or(1.0, |first| (first as f64 / apart.rows.max(1.0)).min(1.0));
        let together = self.plan(normalize(lifted))?;
        Ok(match together.cost < apart.cost * share {
            true => together,
            false => apart,
        })
    }

    fn graph_by_graph(
        &mut self,
        graph: Slot,
        inner: Algebra,
        bound: Slot,
    ) -> Result<Plan, QueryError> {
        let outer = self.parameters.clone();
        self.parameters.insert(graph);
        let inner = self.plan(inner);
        self.parameters = outer;
        let inner = inner?;
        let mut columns: Vec<Slot> = inner
            .columns
            .iter()
            .copied()
            .filter(|slot| *slot != graph && *slot != bound)
            .collect();
        columns.push(bound);
        let mut certain = inner.certain.clone();
        certain.remove(graph);
        certain.insert(bound);
        let graphs = self.graphs_named_by(bound)?;
        Ok(Plan {
            columns,
            certain,
            order: Vec::new(),
            rows: inner.rows * graphs,
            cost: (cost_with_limit(&inner) + price::STARTED) * graphs,
            node: Node::EachGraph {
                graph,
                inner: Arc::new(inner),
                bound,
            },
        })
    }

    // ----- Whole solutions -----

    fn distinct(&mut self, inner: Algebra) -> Result<Plan, QueryError> {
        if self.execution.as_written {
            return Ok(distinct(self.plan(inner)?));
        }
        // Sorting what is distinct gives the same as making distinct what is sorted, if the keys are among its columns.
        if let Algebra::Project { inner, slots } = inner {
            let selected: SlotSet = slots.iter().copied().collect();
            return match *inner {
                Algebra::Sort { inner, keys }
                    if keys.iter().all(|sort| sort.key.slots.is_subset(&selected)) =>
                {
                    let project = Algebra::Project { inner, slots };
                    self.sort(Algebra::Distinct(Box::new(project)), keys, None)
                }
                inner => {
                    if let [slot] = slots.as_slice()
                        && let Some(values) = self.values_of(&inner, *slot, None)?
                    {
                        return Ok(values);
                    }
                    let input = project(self.plan(inner)?, slots);
                    Ok(distinct(input))
                }
            };
        }
        Ok(distinct(self.plan(inner)?))
    }

    fn slice(
        &mut self,
        inner: Algebra,
        start: usize,
        length: Option<usize>,
    ) -> Result<Plan, QueryError> {
        let first = length
            .and_then(|length| length.checked_add(start))
            .filter(|_| !self.execution.as_written);
        let input = match (inner, first) {
            (Algebra::Sort { inner, keys }, first) => self.sort(*inner, keys, first)?,
            (Algebra::Project { inner, slots }, first) => {
                let input = match *inner {
                    Algebra::Sort { inner, keys } => self.sort(*inner, keys, first)?,
                    inner => self.plan_first(inner, first)?,
                };
                project(input, slots)
            }
            (Algebra::Distinct(inner), first) => {
                let mut input = self.distinct(*inner)?;
                if let Node::Sort { first: wanted, .. } = &mut input.node {
                    *wanted = kept_at_once(first);
                }
                input
            }
            (inner, first) => self.plan_first(inner, first)?,
        };
        let rows = length.map_or(input.rows, |length| input.rows.min(length as f64));
        let mut plan = wrapped(input, |input| Node::Slice {
            input: Box::new(input),
            start,
            length,
        });
        plan.rows = rows;
        Ok(plan)
    }

    /// A plan of which the first rows only may be wanted.
    fn plan_first(&mut self, algebra: Algebra, first: Option<usize>) -> Result<Plan, QueryError> {
        if let Algebra::EachGraph {
            graph,
            inner,
            bound,
        } = algebra
        {
            return self.each_graph(graph, *inner, bound, first);
        }
        let begins_with_join = match &algebra {
            Algebra::LeftJoin { left, .. } => matches!(**left, Algebra::Join { .. }),
            other => matches!(other, Algebra::Join { .. }),
        };
        self.wanted = Wanted {
            first: first.filter(|_| begins_with_join).map(|first| first as f64),
            sorted_by: None,
        };
        self.plan(algebra)
    }

    fn sort(
        &mut self,
        inner: Algebra,
        keys: Vec<SortBy>,
        first: Option<usize>,
    ) -> Result<Plan, QueryError> {
        let in_order = self.key_in_order(&inner, &keys)?;
        let (mut input, is_sorted) = self.below_sort(inner, in_order, first)?;
        let mut key_plans = Vec::with_capacity(keys.len());
        for SortBy { key, descending } in keys {
            let slot = match own_slot(&key) {
                Some(slot) if input.possible().contains(slot) => slot,
                _ => {
                    let slot = self.hidden();
                    input = self.extend(input, slot, key)?;
                    slot
                }
            };
            key_plans.push(SortKeyPlan { slot, descending });
        }
        Ok(sorted(input, key_plans, kept_at_once(first), is_sorted))
    }

    fn group(
        &mut self,
        inner: Algebra,
        keys: Vec<Slot>,
        aggregates: Vec<Aggregate>,
    ) -> Result<Plan, QueryError> {
        if keys.is_empty()
            && let [aggregate] = aggregates.as_slice()
            && let Some(quads) = self.counted(&inner, aggregate)
        {
            let columns = vec![aggregate.slot];
            let certain = columns.iter().copied().collect();
            let slot = aggregate.slot;
            return Ok(leaf(Node::Count { quads, slot }, columns, certain, 1.0));
        }
        if let Some(plan) = self.counted_values(&inner, &keys, &aggregates)? {
            return Ok(plan);
        }
        let mut input = self.plan(inner)?;
        let mut aggregates = aggregates;
        if let [aggregate] = aggregates.as_mut_slice()
            && !self.execution.as_written
            && let Some(slot) = counted_distinct(aggregate)
            && is_sorted_by(&input, &keys, slot)
        {
            // What lies together is told apart by a look at the row before.
            let mut columns: Vec<Slot> = Vec::with_capacity(keys.len() + 1);
            for key in keys.iter().chain([&slot]) {
                if !columns.contains(key) {
                    columns.push(*key);
                }
            }
            input = distinct(project(input, columns));
            aggregate.function = AggregateExpression::FunctionCall {
                name: AggregateFunction::Count,
                expr: Expression::Variable(slot.variable()),
                distinct: false,
            };
        }
        self.grouped(input, keys, aggregates)
    }

    /// The groups of some rows.
    pub(super) fn grouped(
        &mut self,
        mut input: Plan,
        keys: Vec<Slot>,
        aggregates: Vec<Aggregate>,
    ) -> Result<Plan, QueryError> {
        let is_variable = |slot: &Slot| {
            let name = self.names.get(slot.0 as usize);
            name.is_some_and(|name| !name.starts_with(HIDDEN))
        };
        let variables: Vec<Slot> = input.columns.iter().copied().filter(is_variable).collect();
        let mut aggregate_plans = Vec::with_capacity(aggregates.len());
        for aggregate in aggregates {
            let input_slot = match aggregate.input {
                None => None,
                Some(value) => Some(match own_slot(&value) {
                    Some(slot) if input.possible().contains(slot) => slot,
                    _ => {
                        let slot = self.hidden();
                        input = self.extend(input, slot, value)?;
                        slot
                    }
                }),
            };
            aggregate_plans.push(AggregatePlan {
                slot: aggregate.slot,
                row: match (&aggregate.function, input_slot) {
                    (AggregateExpression::CountSolutions { distinct: true }, None) => {
                        variables.clone()
                    }
                    _ => Vec::new(),
                },
                function: aggregate.function,
                input: input_slot,
            });
        }
        Ok(grouped(input, keys, aggregate_plans))
    }

    /// The pattern whose matches an aggregate counts, if the source can count them.
    fn counted(&self, inner: &Algebra, aggregate: &Aggregate) -> Option<Quads> {
        let is_count = matches!(
            aggregate.function,
            AggregateExpression::CountSolutions { distinct: false }
        );
        let pattern = self.only_pattern(inner)?;
        let one_graph = self.estimator.pattern(&pattern)[3].is_some();
        (is_count && one_graph).then_some(pattern)
    }
}

/// The slot whose distinct values an aggregate counts.
pub(super) fn counted_distinct(aggregate: &Aggregate) -> Option<Slot> {
    match aggregate.function {
        AggregateExpression::FunctionCall {
            name: AggregateFunction::Count,
            distinct: true,
            ..
        } => aggregate.input.as_ref().and_then(own_slot),
        _ => None,
    }
}

/// Whether rows come in the order of some slots, whichever comes first, and then of another.
fn is_sorted_by(plan: &Plan, slots: &[Slot], last: Slot) -> bool {
    let all: SlotSet = slots.iter().copied().collect();
    let leading = plan.order.get(..all.len()).unwrap_or_default();
    let is_leading = leading.len() == all.len() && leading.iter().all(|slot| all.contains(*slot));
    is_leading && plan.order.get(all.len()) == Some(&last)
}

/// Whether a query reads one pattern, or those of one subject, and works on its rows one by one, so that there is little to
/// choose by cost.
fn reads_one_pattern(algebra: &Algebra) -> bool {
    let mut patterns = 0;
    let mut open = vec![algebra];
    while let Some(part) = open.pop() {
        match part {
            Algebra::Quads(_) => patterns += 1,
            Algebra::Join { parts, .. } if is_of_one_subject(parts) => patterns += 1,
            Algebra::Values { rows, .. } if rows.len() == 1 => {}
            Algebra::Join { .. }
            | Algebra::Extend { .. }
            | Algebra::Project { .. }
            | Algebra::Slice { .. }
            | Algebra::Sort { .. } => open.extend(part.children()),
            _ => return false,
        }
        let mut has_exists = false;
        part.scalars(&mut |scalar| has_exists |= !scalar.exists.is_empty());
        if has_exists {
            return false;
        }
    }
    patterns == 1
}

/// What a plan costs with what its `LIMIT` leaves to be done: not all rows are read, or not all are put in order.
fn cost_with_limit(plan: &Plan) -> f64 {
    match &plan.node {
        Node::Project(input) => cost_with_limit(input),
        Node::Slice { input, start, .. } if is_streamed(input) => {
            let read = plan.rows + *start as f64;
            plan.cost * (read / input.rows.max(1.0)).min(1.0)
        }
        Node::Slice { input, .. } => cost_with_limit(input),
        Node::Sort {
            first: Some(_),
            sorted: false,
            ..
        } => plan.cost - plan.rows * (price::ORDERED - price::FILTERED),
        _ => plan.cost,
    }
}

/// Whether rows are given as they are read, from the first on.
fn is_streamed(plan: &Plan) -> bool {
    match &plan.node {
        Node::Scan { .. } => true,
        Node::Filter { input, .. }
        | Node::Extend { input, .. }
        | Node::Unpack { input, .. }
        | Node::Constants { input, .. }
        | Node::Project(input)
        | Node::Reduced(input)
        | Node::Lookup { left: input, .. } => is_streamed(input),
        Node::Union(parts) => parts.iter().all(is_streamed),
        _ => false,
    }
}

/// The slot of an expression that is a variable.
pub(super) fn own_slot(scalar: &Scalar) -> Option<Slot> {
    match &scalar.expression {
        Expression::Variable(name) if scalar.exists.is_empty() => Slot::of_variable(name),
        _ => None,
    }
}

/// How many of the first rows a sort keeps; none if they are so many that it had better sort all of them.
fn kept_at_once(first: Option<usize>) -> Option<usize> {
    first.filter(|first| *first <= TOP_ROWS_MAX)
}
