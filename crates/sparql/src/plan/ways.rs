//! The ways to join what is joined already with more, and what each costs.
//!
//! What flows in: two sets of joined parts, or one and the parts that follow. What flows out: the state of their join. What
//! always holds: the order of a state is one that its rows have whatever the data.

use super::driven::Driving;
use super::estimate::Values;
use super::group::{JoinFilter, JoinPart, Search, State, Step, Tree, is_dear, member};
use super::price;
use crate::algebra::{Slot, SlotSet};
use smallvec::SmallVec;
use std::rc::Rc;

/// The rows of a tree, what they cost, and what of that comes before the first row.
pub(super) type Figures = (f64, f64, f64);

impl Search<'_> {
    /// Keeps the way to look a part up, if it is one of the best.
    pub(super) fn look_up(&self, left: &State, index: usize, kept: &mut Vec<State>) {
        let part = &self.parts[index];
        let part_values = part.values();
        let part_figures = (part.estimate.rows, part_values.as_slice());
        let rows = rows_of_join(left.figures(), part_figures);
        let looked_up = self.cost_of_lookup(left, part);
        let figures = (
            rows,
            left.tree.cost + looked_up + rows * price::GIVEN,
            left.tree.begin,
        );
        let order = self.order_of_lookup(left, part);
        if !self.may_keep(kept, order.first().copied(), figures) {
            return;
        }
        let values = values_of_join(rows, left.figures(), part_figures);
        let state = self.made(
            Step::Lookup {
                left: Rc::clone(&left.tree),
                part: index,
            },
            order,
            figures,
            [(&left.members, &std::iter::once(member(index)).collect())],
            (&left.applied, &SlotSet::default()),
            (
                left.possible.union(&part.possible),
                left.certain.union(&part.certain),
            ),
            values,
        );
        self.keep(kept, state);
    }

    /// The cheapest way to begin a part with rows, if it can begin so.
    pub(super) fn driving<'a>(&self, left: &State, part: &'a JoinPart) -> Option<&'a Driving> {
        let shared = left.possible.intersection(&part.possible);
        let cost = |driving: &&Driving| driving.cost(left.tree.rows);
        let known = part.driving.iter();
        let known = known.filter(|driving| driving.slots.is_subset(&shared));
        known
            .filter(|_| shared.is_subset(&left.certain))
            .min_by(|one, other| cost(one).total_cmp(&cost(other)))
    }

    pub(super) fn cost_of_lookup(&self, left: &State, part: &JoinPart) -> f64 {
        let probes = left.tree.rows;
        if let Some(driving) = self.driving(left, part) {
            return driving.cost(probes);
        }
        let probed = left.possible.intersection(&part.possible);
        if !left.certain.meets(&part.possible) {
            return probes * (price::LOOKED_UP + part.estimate.rows * price::SCANNED);
        }
        let Some(probing) = &part.probing else {
            return probes * price::LOOKED_UP;
        };
        let known = left.values.iter();
        let distinct: f64 = known
            .filter(|values| probed.contains(values.slot))
            .map(|values| values.distinct.max(1.0))
            .product();
        let in_order = left.tree.order.first();
        let in_order = in_order.is_some_and(|slot| probed.contains(*slot));
        probing.cost(&probed, (probes, distinct), in_order)
    }

    /// The order in which a look-up gives its rows. It sorts its probes, and gives what it finds for equal ones in turn to each
    /// of their rows: so no more stays than the order by the one slot that is probed for.
    pub(super) fn order_of_lookup(&self, left: &State, part: &JoinPart) -> Vec<Slot> {
        let probed = left.possible.intersection(&part.possible);
        let by_probe = left.tree.order.iter().take(1);
        let stays = |slot: &&Slot| probed.len() == 1 && probed.contains(**slot);
        by_probe
            .filter(|_| part.keeps_order)
            .filter(stays)
            .filter(|slot| left.certain.contains(**slot))
            .copied()
            .collect()
    }

    /// Keeps the ways to join two sets that are among the best.
    pub(super) fn join(&self, left: &State, right: &State, kept: &mut Vec<State>) {
        let rows = rows_of_join(left.figures(), right.figures());
        let hashed = |(left, right)| (left, right, hash_figures(left, right, rows));
        let [one, other] = [(left, right), (right, left)].map(hashed);
        let is_other_cheaper = self.price_of(None, other.2) < self.price_of(None, one.2);
        let (streams, built, figures) = if is_other_cheaper { other } else { one };
        if self.may_keep(kept, None, figures) {
            self.keep(kept, self.hash(streams, built));
        }
        let Some(keys) = merge_keys(left, right) else {
            return;
        };
        let cost = left.tree.cost
            + right.tree.cost
            + (left.tree.rows + right.tree.rows) * price::MERGED
            + rows * price::GIVEN;
        let figures = (rows, cost, left.tree.begin + right.tree.begin);
        if self.may_keep(kept, left.tree.order.first().copied(), figures) {
            let step = Step::Merge {
                left: Rc::clone(&left.tree),
                right: Rc::clone(&right.tree),
            };
            let order = left.tree.order[..keys].to_vec();
            self.keep(kept, self.of_two(step, order, left, right, figures));
        }
    }

    /// A hash join, the right side of which is built. It gives its rows in no order: one that has to spill changes it.
    pub(super) fn hash(&self, left: &State, right: &State) -> State {
        let rows = rows_of_join(left.figures(), right.figures());
        let step = Step::Hash {
            left: Rc::clone(&left.tree),
            right: Rc::clone(&right.tree),
        };
        let figures = hash_figures(left, right, rows);
        self.of_two(step, Vec::new(), left, right, figures)
    }

    /// A join whose rows, cost and beginning are known.
    fn of_two(
        &self,
        step: Step,
        order: Vec<Slot>,
        left: &State,
        right: &State,
        figures: Figures,
    ) -> State {
        let values = values_of_join(figures.0, left.figures(), right.figures());
        self.made(
            step,
            order,
            figures,
            [(&left.members, &right.members)],
            (&left.applied, &right.applied),
            (
                left.possible.union(&right.possible),
                left.certain.union(&right.certain),
            ),
            values,
        )
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "the fields of a state, each from two sides"
    )]
    pub(super) fn made(
        &self,
        step: Step,
        order: Vec<Slot>,
        (rows, cost, begin): Figures,
        [(left, right)]: [(&SlotSet, &SlotSet); 1],
        (left_applied, right_applied): (&SlotSet, &SlotSet),
        (possible, certain): (SlotSet, SlotSet),
        values: Vec<Values>,
    ) -> State {
        let mut state = State {
            tree: Rc::new(Tree {
                step,
                filters: Vec::new(),
                order,
                rows,
                cost,
                begin,
            }),
            members: left.union(right),
            applied: left_applied.union(right_applied),
            possible,
            certain,
            values,
        };
        self.apply_filters(&mut state);
        state
    }

    /// Applies the filters whose slots have their final values.
    pub(super) fn apply_filters(&self, state: &mut State) {
        let is_whole = state.members.len() == self.parts.len();
        for (index, filter) in self.filters.iter().enumerate() {
            if self.is_late && is_dear(filter) && !is_whole {
                continue;
            }
            if state.applied.contains(member(index)) || !self.is_settled(state, filter) {
                continue;
            }
            state.applied.insert(member(index));
            if let Some(tree) = Rc::get_mut(&mut state.tree) {
                tree.cost += tree.rows * filter.price;
                tree.rows *= filter.selectivity;
                tree.filters.push(index);
            }
        }
    }

    fn is_settled(&self, state: &State, filter: &JoinFilter) -> bool {
        filter.slots.iter().all(|slot| {
            state.certain.contains(slot)
                || self
                    .binders
                    .get(&slot)
                    .is_none_or(|parts| parts.is_subset(&state.members))
        })
    }
}

/// What a hash join has and costs, the right side of which is built.
fn hash_figures(left: &State, right: &State, rows: f64) -> Figures {
    let built = right.tree.cost + right.tree.rows * price::BUILT;
    let cost = left.tree.cost + built + left.tree.rows * price::PROBED + rows * price::GIVEN;
    (rows, cost, left.tree.begin + built)
}

/// By how many slots two sides can be merged: all that they share, if both are sorted by these.
fn merge_keys(left: &State, right: &State) -> Option<usize> {
    let (left_order, right_order) = (&left.tree.order, &right.tree.order);
    if left_order.is_empty() || left_order.first() != right_order.first() {
        return None;
    }
    let shared = left.possible.intersection(&right.possible);
    let keys = shared.len();
    let is_sorted = keys > 0
        && left_order.len() >= keys
        && right_order.len() >= keys
        && left_order[..keys] == right_order[..keys]
        && left_order[..keys].iter().all(|slot| shared.contains(*slot))
        && shared.is_subset(&left.certain)
        && shared.is_subset(&right.certain);
    is_sorted.then_some(keys)
}

/// About how many rows a join has. The values of the side with fewer may all be among those of the other, or among all that a
/// predicate has by chance: the rows lie in the middle between what the two would give. Values that are shared together
/// depend on each other, most of all where a join closes a cycle: each slot more counts with the root of what the one
/// before it does.
fn rows_of_join(
    (left_rows, left_values): (f64, &[Values]),
    (right_rows, right_values): (f64, &[Values]),
) -> f64 {
    let mut shared: SmallVec<[f64; 4]> = SmallVec::new();
    for right in right_values {
        if let Some(left) = left_values.iter().find(|known| known.slot == right.slot) {
            let most = left.most(*right);
            shared.push((most * left.domain.max(right.domain).max(most)).sqrt());
        }
    }
    shared.sort_by(|left, right| right.total_cmp(left));
    let exponents = std::iter::successors(Some(1.0), |exponent| Some(exponent * 0.5));
    let divisors = shared.iter().zip(exponents);
    let divisor: f64 = divisors
        .map(|(values, exponent)| values.powf(exponent))
        .product();
    left_rows * right_rows / divisor
}

/// The fewest distinct values of each slot from a join of so many rows on.
fn values_of_join(
    rows: f64,
    (_, left_values): (f64, &[Values]),
    (_, right_values): (f64, &[Values]),
) -> Vec<Values> {
    let mut all = Vec::with_capacity(left_values.len() + right_values.len());
    all.extend_from_slice(left_values);
    for right in right_values {
        match all.iter_mut().find(|known| known.slot == right.slot) {
            Some(left) => {
                left.distinct = left.distinct.min(right.distinct);
                left.domain = match left.domain > 0.0 {
                    true => left.domain.min(right.domain),
                    false => right.domain,
                };
            }
            None => all.push(*right),
        }
    }
    for values in &mut all {
        values.distinct = values.distinct.min(rows.max(1.0));
    }
    all
}

/// The rows of a join, and the distinct values of each slot from then on.
pub(super) fn joined_rows(left: (f64, &[Values]), right: (f64, &[Values])) -> (f64, Vec<Values>) {
    let rows = rows_of_join(left, right);
    (rows, values_of_join(rows, left, right))
}
