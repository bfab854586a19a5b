//! The nodes of a plan with the figures that follow from those below.
//!
//! What flows in: plans. What flows out: a plan around them. What always holds: columns, certain slots and order are those
//! that the operator keeps; rows and cost are guesses where the search for the join order has not set better ones.

use super::price;
use super::{AggregatePlan, JoinKind, JoinMethod, Node, Plan, Probed, SortKeyPlan};
use crate::algebra::{Algebra, Place, Quads, Scalar, Slot, SlotSet};
use crate::expression::IdRange;
use quadrille_store::Permutation;
use spargebra::algebra::Expression;
use std::sync::Arc;

/// How many of the rows a condition lets pass, by its form.
pub(super) fn selectivity(expression: &Expression) -> f64 {
    match expression {
        Expression::Equal(..) | Expression::SameTerm(..) => 0.05,
        Expression::In(_, list) => (0.05 * list.len() as f64).min(0.5),
        Expression::Greater(..)
        | Expression::GreaterOrEqual(..)
        | Expression::Less(..)
        | Expression::LessOrEqual(..) => 0.33,
        Expression::FunctionCall(..) => 0.2,
        Expression::Not(inner) => 1.0 - selectivity(inner),
        Expression::And(left, right) => selectivity(left) * selectivity(right),
        Expression::Or(left, right) => (selectivity(left) + selectivity(right)).min(1.0),
        _ => 0.5,
    }
}

/// About what a condition costs a row, in nanoseconds: ids tell the outcome of most comparisons, functions read terms.
pub(super) fn filter_price(expression: &Expression) -> f64 {
    match expression {
        Expression::FunctionCall(_, arguments) => {
            price::CALLED + arguments.iter().map(filter_price).sum::<f64>()
        }
        Expression::Equal(left, right)
        | Expression::SameTerm(left, right)
        | Expression::Greater(left, right)
        | Expression::GreaterOrEqual(left, right)
        | Expression::Less(left, right)
        | Expression::LessOrEqual(left, right)
        | Expression::And(left, right)
        | Expression::Or(left, right)
        | Expression::Add(left, right)
        | Expression::Subtract(left, right)
        | Expression::Multiply(left, right)
        | Expression::Divide(left, right) => {
            price::FILTERED + filter_price(left) + filter_price(right)
        }
        Expression::Not(inner)
        | Expression::UnaryPlus(inner)
        | Expression::UnaryMinus(inner)
        | Expression::In(inner, _) => price::FILTERED + filter_price(inner),
        Expression::If(condition, _, _) => price::CALLED + filter_price(condition),
        Expression::Coalesce(_) | Expression::Exists(_) => price::CALLED,
        Expression::Variable(_)
        | Expression::NamedNode(_)
        | Expression::Literal(_)
        | Expression::Bound(_) => 0.0,
    }
}

pub(super) fn leaf(node: Node, columns: Vec<Slot>, certain: SlotSet, rows: f64) -> Plan {
    Plan {
        node,
        columns,
        certain,
        order: Vec::new(),
        rows,
        cost: price::SCAN_START + rows * price::SCANNED,
    }
}

pub(super) fn unit() -> Plan {
    Plan {
        node: Node::Unit,
        columns: Vec::new(),
        certain: SlotSet::default(),
        order: Vec::new(),
        rows: 1.0,
        cost: 0.0,
    }
}

pub(super) fn values(slots: Vec<Slot>, rows: Vec<Vec<u64>>) -> Plan {
    let algebra = Algebra::Values { slots, rows };
    let certain = algebra.certain();
    match algebra {
        Algebra::Values { slots, rows } => {
            let number = rows.len() as f64;
            leaf(Node::Values(rows), slots, certain, number)
        }
        _ => unit(),
    }
}

pub(super) fn scan(
    quads: Quads,
    permutation: Option<Permutation>,
    objects: Option<Arc<[IdRange]>>,
) -> Plan {
    let slots = quads.slots();
    let node = Node::Scan {
        quads,
        permutation,
        objects,
    };
    leaf(node, slots.iter().collect(), slots, 0.0)
}

pub(super) fn multiway(patterns: Vec<Quads>, variables: Vec<Slot>) -> Plan {
    let node = Node::Multiway {
        patterns,
        variables: variables.clone(),
    };
    let certain = variables.iter().copied().collect();
    leaf(node, variables, certain, 0.0)
}

/// A plan for the rows of the batch that another plan gives, each with its number in a slot.
pub(super) fn input_of(plan: &Plan, number: Slot) -> Plan {
    let mut columns = plan.columns.clone();
    columns.push(number);
    Plan {
        node: Node::Input,
        columns,
        certain: plan.certain.clone(),
        order: Vec::new(),
        rows: plan.rows,
        cost: 0.0,
    }
}

/// A plan with the same columns and figures around another.
pub(super) fn wrapped(input: Plan, node: impl FnOnce(Plan) -> Node) -> Plan {
    Plan {
        columns: input.columns.clone(),
        certain: input.certain.clone(),
        order: input.order.clone(),
        rows: input.rows,
        cost: input.cost,
        node: node(input),
    }
}

pub(super) fn filter(input: Plan, filters: Vec<Scalar>) -> Plan {
    let kept: f64 = filters
        .iter()
        .map(|filter| selectivity(&filter.expression))
        .product();
    let each: f64 = filters
        .iter()
        .map(|filter| filter_price(&filter.expression))
        .sum();
    let mut plan = wrapped(input, |input| Node::Filter {
        input: Box::new(input),
        filters,
    });
    plan.cost += plan.rows * each;
    plan.rows *= kept;
    plan
}

pub(super) fn extended(input: Plan, slot: Slot, value: Scalar) -> Plan {
    let is_bound = value.is_bound(&input.certain);
    let mut plan = wrapped(input, |input| Node::Extend {
        input: Box::new(input),
        slot,
        value,
    });
    plan.columns.retain(|column| *column != slot);
    plan.columns.push(slot);
    if is_bound {
        plan.certain.insert(slot);
    }
    plan.cost += plan.rows * price::FILTERED;
    plan
}

pub(super) fn with_constants(input: Plan, values: Vec<(Slot, u64)>) -> Plan {
    let mut plan = wrapped(input, |input| Node::Constants {
        input: Box::new(input),
        values: values.clone(),
    });
    for (slot, _) in values {
        plan.columns.push(slot);
        plan.certain.insert(slot);
    }
    plan
}

pub(super) fn unpack(input: Plan, triple: Slot, parts: [Place; 3]) -> Plan {
    let mut plan = wrapped(input, |input| Node::Unpack {
        input: Box::new(input),
        triple,
        parts,
    });
    for slot in parts.iter().filter_map(|place| place.slot()) {
        if !plan.columns.contains(&slot) {
            plan.columns.push(slot);
        }
        plan.certain.insert(slot);
    }
    plan
}

pub(super) fn united(plans: Vec<Plan>) -> Plan {
    let mut possible = SlotSet::default();
    let mut certain: Option<SlotSet> = None;
    for plan in &plans {
        possible.add_all(&plan.possible());
        certain = Some(match certain {
            Some(certain) => certain.intersection(&plan.certain),
            None => plan.certain.clone(),
        });
    }
    Plan {
        columns: possible.iter().collect(),
        certain: certain.unwrap_or_default(),
        order: Vec::new(),
        rows: plans.iter().map(|plan| plan.rows).sum(),
        cost: plans.iter().map(|plan| plan.cost).sum(),
        node: Node::Union(plans),
    }
}

pub(super) fn project(input: Plan, slots: Vec<Slot>) -> Plan {
    let mut plan = wrapped(input, |input| Node::Project(Box::new(input)));
    let selected: SlotSet = slots.iter().copied().collect();
    plan.certain = plan.certain.intersection(&selected);
    let sorted = plan
        .order
        .iter()
        .take_while(|slot| selected.contains(**slot))
        .count();
    plan.order.truncate(sorted);
    plan.columns = slots;
    plan
}

/// The columns among some that the rows of a plan are sorted by, before all others.
fn leading(plan: &Plan, columns: &SlotSet) -> Vec<Slot> {
    let order = plan.order.iter().copied();
    order.take_while(|slot| columns.contains(*slot)).collect()
}

/// Whether equal rows of these columns lie one behind the other where they come in the order of some slots.
pub(crate) fn lie_together(columns: &[Slot], grouped: &[Slot]) -> bool {
    columns.iter().all(|slot| grouped.contains(slot))
}

pub(super) fn distinct(input: Plan) -> Plan {
    let columns = input.possible();
    let grouped = leading(&input, &columns);
    let is_sorted = lie_together(&input.columns, &grouped);
    let mut plan = wrapped(input, |input| Node::Distinct {
        input: Box::new(input),
        grouped,
    });
    if !is_sorted {
        // Rows that are kept aside for want of memory come last.
        plan.order.clear();
        plan.cost += plan.rows * price::BUILT;
    }
    plan
}

/// The rows in the order of some keys, the first only if a number is given; `is_sorted` if they come in this order.
pub(super) fn sorted(
    input: Plan,
    keys: Vec<SortKeyPlan>,
    first: Option<usize>,
    is_sorted: bool,
) -> Plan {
    let mut plan = wrapped(input, |input| Node::Sort {
        input: Box::new(input),
        keys,
        first,
        sorted: is_sorted,
    });
    if !is_sorted {
        plan.order.clear();
        plan.cost += plan.rows * price::ORDERED;
    }
    plan
}

pub(super) fn grouped(input: Plan, keys: Vec<Slot>, aggregates: Vec<AggregatePlan>) -> Plan {
    let key_set: SlotSet = keys.iter().copied().collect();
    let grouped = leading(&input, &key_set);
    let columns = keys
        .iter()
        .copied()
        .chain(aggregates.iter().map(|aggregate| aggregate.slot))
        .collect();
    Plan {
        columns,
        certain: input.certain.intersection(&key_set),
        order: Vec::new(),
        rows: if keys.is_empty() {
            1.0
        } else {
            input.rows.sqrt().max(1.0)
        },
        cost: input.cost + input.rows * price::BUILT,
        node: Node::Group {
            input: Box::new(input),
            keys,
            aggregates,
            grouped,
        },
    }
}

/// The columns and the certain slots of a join.
pub(super) fn join_columns(left: &Plan, right: &Plan, kind: JoinKind) -> (Vec<Slot>, SlotSet) {
    let mut columns = left.columns.clone();
    let mut certain = left.certain.clone();
    match kind {
        JoinKind::Inner | JoinKind::Left => {
            let known = left.possible();
            let more = right.columns.iter().filter(|slot| !known.contains(**slot));
            columns.extend(more);
            if kind == JoinKind::Inner {
                certain.add_all(&right.certain);
            }
        }
        JoinKind::Mark(slot) => {
            columns.push(slot);
            certain.insert(slot);
        }
        JoinKind::Semi | JoinKind::Anti | JoinKind::Minus => {}
    }
    (columns, certain)
}

/// About how many rows a join gives that is not planned by the search.
pub(super) fn join_rows(left: &Plan, pairs: f64, kind: JoinKind) -> f64 {
    match kind {
        JoinKind::Inner => pairs,
        JoinKind::Left => pairs.max(left.rows),
        JoinKind::Semi | JoinKind::Anti | JoinKind::Minus => left.rows * 0.5,
        JoinKind::Mark(_) => left.rows,
    }
}

/// How two plans are joined: merged if both are sorted by all that they share.
pub(super) fn method_for(left: &Plan, right: &Plan) -> JoinMethod {
    let shared = left.possible().intersection(&right.possible());
    let begins = |plan: &Plan| plan.order.get(..shared.len()).map(<[Slot]>::to_vec);
    let is_certain = shared.is_subset(&left.certain) && shared.is_subset(&right.certain);
    match (begins(left), begins(right)) {
        (Some(first), Some(second))
            if is_certain
                && !first.is_empty()
                && first == second
                && first.iter().all(|slot| shared.contains(*slot)) =>
        {
            JoinMethod::Merge
        }
        _ => JoinMethod::Hash,
    }
}

pub(super) fn joined(
    left: Plan,
    right: Plan,
    kind: JoinKind,
    method: JoinMethod,
    filters: Vec<Scalar>,
) -> Plan {
    let (columns, certain) = join_columns(&left, &right, kind);
    let matching = match method {
        JoinMethod::Hash => right.rows * price::BUILT + left.rows * price::PROBED,
        JoinMethod::Merge => (left.rows + right.rows) * price::MERGED,
    };
    Plan {
        columns,
        certain,
        order: match (method, kind) {
            (JoinMethod::Merge, JoinKind::Semi | JoinKind::Anti | JoinKind::Minus) => {
                left.order.clone()
            }
            _ => Vec::new(),
        },
        rows: join_rows(&left, left.rows.max(right.rows), kind),
        cost: left.cost + right.cost + matching + left.rows * price::GIVEN,
        node: Node::Join {
            kind,
            method,
            left: Box::new(left),
            right: Box::new(right),
            filters,
        },
    }
}

pub(super) fn looked_up(left: Plan, probed: Probed, kind: JoinKind, filters: Vec<Scalar>) -> Plan {
    let slots = probed.slots();
    let right = leaf(Node::Unit, slots.iter().collect(), slots, left.rows);
    let (columns, certain) = join_columns(&left, &right, kind);
    Plan {
        columns,
        certain,
        // Rows with a partner go before those without, and those of equal probes in turn.
        order: match kind {
            JoinKind::Semi | JoinKind::Anti | JoinKind::Minus => left.order.clone(),
            _ => Vec::new(),
        },
        rows: join_rows(&left, left.rows, kind),
        cost: left.cost + left.rows * (price::LOOKED_UP + price::GIVEN),
        node: Node::Lookup {
            kind,
            left: Box::new(left),
            probed,
            filters,
        },
    }
}

pub(super) fn per_batch(
    left: Plan,
    right: Plan,
    kind: JoinKind,
    number: Slot,
    filters: Vec<Scalar>,
) -> Plan {
    let (mut columns, mut certain) = join_columns(&left, &right, kind);
    columns.retain(|slot| *slot != number);
    certain.remove(number);
    Plan {
        columns,
        certain,
        order: Vec::new(),
        rows: join_rows(&left, right.rows, kind),
        cost: left.cost + right.cost + left.rows * price::GIVEN,
        node: Node::PerBatch {
            kind,
            number,
            first: None,
            left: Box::new(left),
            right: Arc::new(right),
            filters,
        },
    }
}

pub(super) fn per_row(left: Plan, right: Plan, kind: JoinKind, shared: Vec<Slot>) -> Plan {
    let (columns, certain) = join_columns(&left, &right, kind);
    Plan {
        columns,
        certain,
        order: left.order.clone(),
        rows: join_rows(&left, left.rows, kind),
        cost: left.cost + left.rows * (right.cost + price::STARTED),
        node: Node::PerRow {
            kind,
            left: Box::new(left),
            right: Arc::new(right),
            shared,
        },
    }
}
