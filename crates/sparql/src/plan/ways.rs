//! The ways to join what is joined already with more, and what each costs.
//!
//! What flows in: two sets of joined parts, or one and the parts that follow. What flows out: the state of their join. What
//! always holds: the order of a state is one that its rows have whatever the data.

use super::driven::Driving;
use super::estimate::Values;
use super::group::{JoinFilter, JoinPart, Search, State, Step, Tree, is_dear, member};
use super::price;
use crate::algebra::{Slot, SlotSet};
use std::rc::Rc;

impl Search<'_> {
    pub(super) fn looked_up(&self, left: &State, index: usize) -> State {
        let part = &self.parts[index];
        let (rows, values) = joined_rows(left.figures(), (part.estimate.rows, &part.values()));
        let looked_up = self.cost_of_lookup(left, part);
        let cost = left.tree.cost + looked_up + rows * price::GIVEN;
        self.made(
            Step::Lookup {
                left: Rc::clone(&left.tree),
                part: index,
            },
            self.order_of_lookup(left, part),
            (rows, cost, left.tree.begin),
            [(&left.members, &std::iter::once(member(index)).collect())],
            (&left.applied, &SlotSet::default()),
            (
                left.possible.union(&part.possible),
                left.certain.union(&part.certain),
            ),
            values,
        )
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

    /// The ways to join two sets.
    pub(super) fn joined(&self, left: &State, right: &State) -> Vec<State> {
        let mut ways = vec![self.hash(left, right), self.hash(right, left)];
        ways.extend(self.merged(left, right));
        ways
    }

    pub(super) fn hash(&self, left: &State, right: &State) -> State {
        let (rows, values) = joined_rows(left.figures(), right.figures());
        let cost = left.tree.cost
            + right.tree.cost
            + right.tree.rows * price::BUILT
            + left.tree.rows * price::PROBED
            + rows * price::GIVEN;
        let step = Step::Hash {
            left: Rc::clone(&left.tree),
            right: Rc::clone(&right.tree),
        };
        let begin = left.tree.begin + right.tree.cost + right.tree.rows * price::BUILT;
        let mut state = self.of_two(step, left, right, (rows, cost, begin), values);
        // A join that has to spill gives its rows in another order.
        if let Some(tree) = Rc::get_mut(&mut state.tree) {
            tree.order.clear();
        }
        state
    }

    /// A merge join, if both sides are sorted by all that they share.
    fn merged(&self, left: &State, right: &State) -> Option<State> {
        let shared = left.possible.intersection(&right.possible);
        let keys = shared.len();
        let (left_order, right_order) = (&left.tree.order, &right.tree.order);
        let is_sorted = keys > 0
            && left_order.len() >= keys
            && right_order.len() >= keys
            && left_order[..keys] == right_order[..keys]
            && left_order[..keys].iter().all(|slot| shared.contains(*slot))
            && shared.is_subset(&left.certain)
            && shared.is_subset(&right.certain);
        if !is_sorted {
            return None;
        }
        let (rows, values) = joined_rows(left.figures(), right.figures());
        let cost = left.tree.cost
            + right.tree.cost
            + (left.tree.rows + right.tree.rows) * price::MERGED
            + rows * price::GIVEN;
        let step = Step::Merge {
            left: Rc::clone(&left.tree),
            right: Rc::clone(&right.tree),
        };
        let begin = left.tree.begin + right.tree.begin;
        let mut state = self.of_two(step, left, right, (rows, cost, begin), values);
        if let Some(tree) = Rc::get_mut(&mut state.tree) {
            tree.order.truncate(keys);
        }
        Some(state)
    }

    fn of_two(
        &self,
        step: Step,
        left: &State,
        right: &State,
        figures: (f64, f64, f64),
        values: Vec<Values>,
    ) -> State {
        self.made(
            step,
            left.tree.order.clone(),
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
        (rows, cost, begin): (f64, f64, f64),
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

/// The rows of a join, and the fewest distinct values of each slot from then on. The values of the side with fewer may all be
/// among those of the other, or among all that a predicate has by chance: the rows lie in the middle between what the two
/// would give. Values that are shared together depend on each other, most of all where a join closes a cycle: each slot more
/// counts with the root of what the one before it does.
pub(super) fn joined_rows(
    (left_rows, left_values): (f64, &[Values]),
    (right_rows, right_values): (f64, &[Values]),
) -> (f64, Vec<Values>) {
    let mut all = left_values.to_vec();
    let mut shared = Vec::new();
    for right in right_values {
        match all.iter_mut().find(|known| known.slot == right.slot) {
            Some(left) => {
                let most = left.most(*right);
                shared.push((most * left.domain.max(right.domain).max(most)).sqrt());
                left.distinct = left.distinct.min(right.distinct);
                left.domain = match left.domain > 0.0 {
                    true => left.domain.min(right.domain),
                    false => right.domain,
                };
            }
            None => all.push(*right),
        }
    }
    shared.sort_by(|left, right| right.total_cmp(left));
    let exponents = std::iter::successors(Some(1.0), |exponent| Some(exponent * 0.5));
    let divisors = shared.iter().zip(exponents);
    let divisor: f64 = divisors
        .map(|(values, exponent)| values.powf(exponent))
        .product();
    let rows = left_rows * right_rows / divisor;
    for values in &mut all {
        values.distinct = values.distinct.min(rows.max(1.0));
    }
    (rows, all)
}
