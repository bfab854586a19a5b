//! Which parts of a plan run on several threads.
//!
//! What flows in: the plan of a whole query, pruned. What flows out: the same plan with a [`Node::Exchange`] around each large
//! pipeline: a scan, a merge join of scans or a multiway join, and what is done with its rows one by one. What always holds:
//! no operator above loses an order that it relies on; nothing whose first rows may be enough is run ahead; an expression
//! that may give something else each time is left on the caller's thread.

use super::nodes::lie_together;
use super::{JoinMethod, Node, Plan, Probed};
use crate::algebra::{Scalar, Slot};

/// What a pipeline must be thought to cost, in nanoseconds, for threads to be worth their start.
pub(super) const PARALLEL_MIN: f64 = 5_000_000.0;

/// What is asked of the rows of a plan.
#[derive(Clone, Copy)]
struct Demand {
    /// That they come in their order.
    ordered: bool,
    /// That the first come before the others are made.
    first: bool,
    /// What a pipeline costs at least that threads share.
    cost_min: f64,
}

impl Demand {
    /// All rows in any order.
    fn all(self) -> Self {
        Self {
            ordered: false,
            first: false,
            ..self
        }
    }
}

/// Puts exchanges around the pipelines of a plan that cost at least so many nanoseconds.
pub(super) fn run_in_parallel(plan: &mut Plan, cost_min: f64) {
    let demand = Demand {
        ordered: false,
        first: false,
        cost_min,
    };
    below(plan, demand);
}

fn below(plan: &mut Plan, demand: Demand) {
    let is_free = !demand.ordered && !demand.first;
    if is_free && is_pipeline(plan) && cost_of_pipeline(plan) >= demand.cost_min {
        build_sides(plan, demand);
        let input = std::mem::replace(plan, super::nodes::unit());
        *plan = super::nodes::wrapped(input, |input| Node::Exchange(Box::new(input)));
        plan.order.clear();
        return;
    }
    match &mut plan.node {
        Node::Join {
            method,
            left,
            right,
            ..
        } => {
            let is_merged = *method == JoinMethod::Merge;
            let ordered = demand.ordered || is_merged;
            below(left, Demand { ordered, ..demand });
            let of_right = Demand {
                ordered: is_merged,
                first: is_merged && demand.first,
                ..demand
            };
            below(right, of_right);
        }
        Node::Lookup { left, .. }
        | Node::ServiceJoin { left, .. }
        | Node::PerBatch { left, .. }
        | Node::PerRow { left, .. } => below(left, demand),
        Node::Filter { input, .. }
        | Node::Extend { input, .. }
        | Node::Unpack { input, .. }
        | Node::Constants { input, .. }
        | Node::Project(input)
        | Node::SliceOfEach { input, .. }
        | Node::Reduced(input) => below(input, demand),
        Node::Slice { input, length, .. } => {
            let first = demand.first || length.is_some();
            below(input, Demand { first, ..demand });
        }
        Node::Union(parts) => parts.iter_mut().for_each(|part| below(part, demand)),
        // What these run again and again is small each time.
        Node::EachGraph { .. }
        | Node::Exchange(_)
        | Node::Unit
        | Node::Input
        | Node::Scan { .. }
        | Node::Multiway { .. }
        | Node::Path(_)
        | Node::NamedGraphs(_)
        | Node::Values(_)
        | Node::Count { .. }
        | Node::DistinctValues { .. }
        | Node::Service(_) => {}
        Node::Distinct { .. } | Node::Sort { .. } | Node::Group { .. } => below_order(plan, demand),
    }
}

/// The same below what sorts or makes use of an order.
fn below_order(plan: &mut Plan, demand: Demand) {
    match &mut plan.node {
        Node::Distinct { input, grouped } => {
            let is_whole = lie_together(&input.columns, grouped);
            give_up(grouped, is_whole, demand);
            let ordered = demand.ordered || is_whole || !grouped.is_empty();
            below(input, Demand { ordered, ..demand });
        }
        Node::Sort {
            input,
            sorted: true,
            ..
        } => {
            let ordered = true;
            below(input, Demand { ordered, ..demand });
        }
        Node::Sort { input, .. } => below(input, demand.all()),
        Node::Group {
            input,
            keys,
            grouped,
            ..
        } => {
            let is_whole = !keys.is_empty() && keys.iter().all(|key| grouped.contains(key));
            give_up(grouped, is_whole, demand);
            let ordered = is_whole || !grouped.is_empty();
            let first = demand.first && ordered;
            let demand = Demand {
                ordered,
                first,
                ..demand
            };
            below(input, demand);
        }
        _ => {}
    }
}

/// Gives up an order by some of the columns that are compared, which saves memory, for threads: not where the first rows may
/// be enough, which it gives before the others.
fn give_up(grouped: &mut Vec<Slot>, is_whole: bool, demand: Demand) {
    if !is_whole && !demand.first {
        grouped.clear();
    }
}

/// Whether a plan is one whose rows can be [cut](Cut), or works on such rows by themselves.
fn is_pipeline(plan: &Plan) -> bool {
    cut_of(plan).is_some()
}

/// How the rows of a pipeline are shared between threads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cut {
    /// Each has some rows of the scan.
    Rows,
    /// Each has some values of a slot, by which all that the pipeline begins with is sorted.
    Values,
}

/// How a pipeline is shared between threads; `None` when it is none.
pub(crate) fn cut_of(plan: &Plan) -> Option<Cut> {
    if let Some(input) = input_of_pipeline(plan) {
        return cut_of(input);
    }
    match &plan.node {
        Node::Scan { .. } => Some(Cut::Rows),
        Node::Multiway { .. } => Some(Cut::Values),
        Node::Join { .. } => is_cut_by(plan, leading(plan)?).then_some(Cut::Values),
        _ => None,
    }
}

/// The slot by which what a pipeline begins with is sorted first. The order of a join whose keys nobody reads is forgotten,
/// that of its inputs is not.
fn leading(plan: &Plan) -> Option<Slot> {
    match &plan.node {
        Node::Multiway { variables, .. } => variables.first().copied(),
        Node::Join {
            method: JoinMethod::Merge,
            left,
            ..
        } => leading(left),
        _ => match input_of_pipeline(plan) {
            Some(input) => leading(input),
            None => plan.order.first().copied(),
        },
    }
}

/// Whether the rows of some values of a slot alone can be had from the first on.
fn is_cut_by(plan: &Plan, slot: Slot) -> bool {
    if let Some(input) = input_of_pipeline(plan) {
        return is_cut_by(input, slot);
    }
    match &plan.node {
        Node::Scan { objects: None, .. } | Node::Multiway { .. } => leading(plan) == Some(slot),
        Node::Join {
            method: JoinMethod::Merge,
            left,
            right,
            filters,
            ..
        } => are_repeatable(filters) && is_cut_by(left, slot) && is_cut_by(right, slot),
        _ => false,
    }
}

/// What a plan is below that works on each of its rows by itself.
pub(crate) fn input_of_pipeline(plan: &Plan) -> Option<&Plan> {
    match &plan.node {
        Node::Lookup {
            left,
            probed: Probed::Quads(_) | Probed::Star(_),
            filters,
            ..
        }
        | Node::Join {
            method: JoinMethod::Hash,
            left,
            filters,
            ..
        } => Some(&**left).filter(|_| are_repeatable(filters)),
        Node::Filter { input, filters } => Some(&**input).filter(|_| are_repeatable(filters)),
        Node::Extend { input, value, .. } => Some(&**input).filter(|_| value.is_repeatable()),
        Node::Unpack { input, .. } | Node::Project(input) => Some(input),
        _ => None,
    }
}

fn are_repeatable(filters: &[Scalar]) -> bool {
    filters.iter().all(Scalar::is_repeatable)
}

/// What a pipeline costs without the right sides of its hash joins, which are read before.
fn cost_of_pipeline(plan: &Plan) -> f64 {
    let mut cost = plan.cost;
    let mut open = vec![plan];
    while let Some(plan) = open.pop() {
        match &plan.node {
            Node::Join {
                method: JoinMethod::Hash,
                left,
                right,
                ..
            } => {
                cost -= right.cost;
                open.push(left);
            }
            _ => open.extend(plan.children()),
        }
    }
    cost
}

/// Looks for pipelines in the right sides of a pipeline's hash joins.
fn build_sides(plan: &mut Plan, demand: Demand) {
    match &mut plan.node {
        Node::Join {
            method: JoinMethod::Merge,
            left,
            right,
            ..
        } => {
            build_sides(left, demand);
            build_sides(right, demand);
        }
        Node::Join { left, right, .. } => {
            build_sides(left, demand);
            below(right, demand.all());
        }
        Node::Lookup { left: input, .. }
        | Node::Filter { input, .. }
        | Node::Extend { input, .. }
        | Node::Unpack { input, .. }
        | Node::Project(input) => build_sides(input, demand),
        _ => {}
    }
}
