//! Drops the columns that nobody reads.
//!
//! What flows in: a plan, the columns that are wanted of it. What flows out: the same plan with fewer columns. What always
//! holds: the number of rows stays, and so do the values in the columns that are wanted.

use super::{JoinKind, Node, Plan};
use crate::algebra::{Scalar, SlotSet};
use std::sync::Arc;

/// Keeps the wanted columns of a plan, and below them what they are made of.
pub(super) fn prune(plan: &mut Plan, wanted: &SlotSet) {
    below(plan, wanted);
    // A set of rows is what it is by all of its columns.
    if matches!(plan.node, Node::Distinct { .. } | Node::Reduced(_)) {
        return;
    }
    if let Node::Values(rows) = &mut plan.node {
        for row in rows {
            let mut slots = plan.columns.iter();
            row.retain(|_| slots.next().is_some_and(|slot| wanted.contains(*slot)));
        }
    }
    plan.columns.retain(|slot| wanted.contains(*slot));
    let sorted = plan
        .order
        .iter()
        .take_while(|slot| wanted.contains(**slot))
        .count();
    plan.order.truncate(sorted);
}

fn below(plan: &mut Plan, wanted: &SlotSet) {
    match &plan.node {
        Node::Join { .. }
        | Node::PerBatch { .. }
        | Node::PerRow { .. }
        | Node::Lookup { .. }
        | Node::ServiceJoin { .. } => {
            below_join(plan, wanted);
        }
        Node::Filter { .. }
        | Node::Extend { .. }
        | Node::Unpack { .. }
        | Node::Constants { .. }
        | Node::EachGraph { .. }
        | Node::Union(_) => below_rows(plan, wanted),
        Node::Exchange(_)
        | Node::Project(_)
        | Node::Slice { .. }
        | Node::SliceOfEach { .. }
        | Node::Distinct { .. }
        | Node::Reduced(_)
        | Node::Sort { .. }
        | Node::Group { .. } => below_whole(plan, wanted),
        Node::Unit
        | Node::Input
        | Node::Scan { .. }
        | Node::Multiway { .. }
        | Node::Path(_)
        | Node::NamedGraphs(_)
        | Node::Values(_)
        | Node::Count { .. }
        | Node::DistinctValues { .. }
        | Node::Service(_) => {}
    }
}

/// Below an operator of two inputs.
fn below_join(plan: &mut Plan, wanted: &SlotSet) {
    match &mut plan.node {
        Node::Join {
            kind,
            left,
            right,
            filters,
            ..
        } => {
            let read = read_by(filters, wanted);
            let shared = left.possible().intersection(&right.possible());
            prune(left, &read.union(&shared));
            prune(right, &of_right(*kind, &read, filters).union(&shared));
        }
        Node::PerBatch {
            kind,
            number,
            left,
            right,
            filters,
            ..
        } => {
            let mut read = read_by(filters, wanted);
            read.insert(*number);
            let begun = left.possible();
            // Which of the left columns the right plan needs shows in its input, once it is pruned.
            let mut of_right = of_right(*kind, &read, filters);
            of_right.insert(*number);
            prune(Arc::make_mut(right), &of_right);
            let mut needed = read.clone();
            needed.add_all(&inputs(right));
            prune(left, &needed.intersection(&begun));
        }
        Node::PerRow { left, shared, .. } => {
            prune(left, &wanted.union(&shared.iter().copied().collect()));
        }
        Node::Lookup {
            left,
            probed,
            filters,
            ..
        } => {
            let read = read_by(filters, wanted);
            prune(left, &read.union(&probed.slots()));
        }
        Node::ServiceJoin {
            left,
            service,
            filters,
            ..
        } => prune(left, &read_by(filters, wanted).union(&service.slots())),
        _ => {}
    }
}

/// Below an operator that works row by row.
fn below_rows(plan: &mut Plan, wanted: &SlotSet) {
    match &mut plan.node {
        Node::Filter { input, filters } => prune(input, &read_by(filters, wanted)),
        Node::Extend { input, slot, value } => {
            let mut needed = wanted.clone();
            needed.remove(*slot);
            needed.add_all(&value.slots);
            prune(input, &needed);
        }
        Node::Unpack {
            input,
            triple,
            parts,
        } => {
            let mut needed = wanted.clone();
            needed.insert(*triple);
            for slot in parts.iter().filter_map(|place| place.slot()) {
                needed.insert(slot);
            }
            prune(input, &needed);
        }
        Node::EachGraph {
            graph,
            inner,
            bound,
        } => {
            let mut needed = wanted.clone();
            needed.insert(*graph);
            needed.insert(*bound);
            prune(Arc::make_mut(inner), &needed);
        }
        Node::Constants { input, values } => {
            values.retain(|(slot, _)| wanted.contains(*slot));
            prune(input, wanted);
        }
        Node::Union(parts) => parts.iter_mut().for_each(|part| prune(part, wanted)),
        _ => {}
    }
}

/// Below an operator that works on all rows.
fn below_whole(plan: &mut Plan, wanted: &SlotSet) {
    let all = plan.possible();
    match &mut plan.node {
        Node::Exchange(input) | Node::Project(input) | Node::Slice { input, .. } => {
            prune(input, wanted);
        }
        Node::SliceOfEach { input, slot, .. } => {
            let mut needed = wanted.clone();
            needed.insert(*slot);
            prune(input, &needed);
        }
        Node::Distinct { input, .. } | Node::Reduced(input) => prune(input, &all),
        Node::Sort { input, keys, .. } => {
            let mut needed = wanted.clone();
            keys.iter().for_each(|key| needed.insert(key.slot));
            prune(input, &needed);
        }
        Node::Group {
            input,
            keys,
            aggregates,
            ..
        } => {
            let mut needed: SlotSet = keys.iter().copied().collect();
            let rows = aggregates.iter().flat_map(|aggregate| &aggregate.row);
            rows.for_each(|slot| needed.insert(*slot));
            let inputs = aggregates.iter().filter_map(|aggregate| aggregate.input);
            inputs.for_each(|slot| needed.insert(slot));
            prune(input, &needed);
        }
        _ => {}
    }
}

fn read_by(filters: &[Scalar], wanted: &SlotSet) -> SlotSet {
    let mut read = wanted.clone();
    filters
        .iter()
        .for_each(|filter| read.add_all(&filter.slots));
    read
}

/// What is read of the right rows beside the shared columns: nothing where only their being there counts.
fn of_right(kind: JoinKind, read: &SlotSet, filters: &[Scalar]) -> SlotSet {
    match kind {
        JoinKind::Inner | JoinKind::Left => read.clone(),
        JoinKind::Semi | JoinKind::Anti | JoinKind::Minus | JoinKind::Mark(_) => {
            read_by(filters, &SlotSet::default())
        }
    }
}

/// The columns of the inputs within a plan.
fn inputs(plan: &Plan) -> SlotSet {
    let mut slots = SlotSet::default();
    let mut open = vec![plan];
    while let Some(plan) = open.pop() {
        if matches!(plan.node, Node::Input) {
            slots.add_all(&plan.possible());
        }
        open.extend(plan.children());
    }
    slots
}
