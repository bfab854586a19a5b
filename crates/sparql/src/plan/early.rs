//! `ORDER BY` with `LIMIT` over a join: the rows of one pattern in order, a batch at a time, until there are enough.
//!
//! What flows in: an algebra, the slot that its rows are wanted in the order of, how many are wanted. What flows out: a plan
//! that scans a pattern in this order, runs the others from each batch of its rows, and sorts what each batch gives. What
//! always holds: rows of a batch come before those of the next in the order of the slot's ids, whatever is joined to them.

use super::nodes::{input_of, per_batch, sorted};
use super::planner::Planner;
use super::sorted::Wanted;
use super::{JoinKind, Node, Plan, SortKeyPlan, price};
use crate::algebra::{Algebra, Quads, Scalar, Slot};
use crate::batch::BATCH_ROWS;
use crate::error::QueryError;

/// How many rows of the pattern that a join begins with are looked at first, at least.
const BEGIN_MIN: usize = 16;

impl Planner<'_> {
    /// A plan for the first rows of an algebra in the order of a slot, with the cost of these alone; `None` where no scan
    /// to begin with has this order.
    pub(super) fn early(
        &mut self,
        algebra: &Algebra,
        slot: Slot,
        first: usize,
    ) -> Result<Option<Plan>, QueryError> {
        let mut rest = algebra.clone();
        let Some((leading, filters)) = take_leading(&mut rest, slot) else {
            return Ok(None);
        };
        self.wanted = Wanted {
            first: None,
            sorted_by: Some(slot),
        };
        let left = self.join(vec![Algebra::Quads(leading)], filters, None)?;
        self.wanted = Wanted::default();
        if left.order.first() != Some(&slot) {
            return Ok(None);
        }
        let number = self.hidden();
        let mut input = input_of(&left, number);
        let batch = first.saturating_mul(2).clamp(BEGIN_MIN, BATCH_ROWS);
        input.rows = left.rows.min(batch as f64).max(1.0);
        let rounds_max = (left.rows / input.rows).max(1.0);
        let right = self.over(rest, input)?;
        let key = SortKeyPlan {
            slot,
            descending: false,
        };
        let right = sorted(right, vec![key], Some(first), false);
        let rounds = (first as f64 / right.rows.max(0.01)).clamp(1.0, rounds_max);
        let (rows, cost) = (right.rows * rounds_max, right.cost + price::OPENED);
        let mut plan = per_batch(left, right, JoinKind::Inner, number, Vec::new());
        if let Node::PerBatch { left, first, .. } = &mut plan.node {
            *first = Some(batch);
            plan.cost = left.cost * (rounds / rounds_max) + cost * rounds;
        }
        plan.order = vec![slot];
        plan.rows = rows;
        Ok(Some(plan))
    }

    /// The plan of what is left of an algebra, run from rows of what was taken out of it.
    fn over(&mut self, rest: Algebra, input: Plan) -> Result<Plan, QueryError> {
        match rest {
            Algebra::Join { parts, filters } => self.join(parts, filters, Some(input)),
            Algebra::LeftJoin {
                left,
                right,
                filters,
            } => {
                let left = self.over(*left, input)?;
                self.left_join(left, *right, filters)
            }
            Algebra::Extend { inner, slot, value } => {
                let inner = self.over(*inner, input)?;
                self.extend(inner, slot, value)
            }
            _ => Ok(input),
        }
    }
}

/// Takes the pattern whose objects are a slot out of the join that an algebra begins with, and the conditions on it alone.
/// Only of what may be run again and again: patterns, and what they bind.
fn take_leading(algebra: &mut Algebra, slot: Slot) -> Option<(Quads, Vec<Scalar>)> {
    match algebra {
        Algebra::Join { parts, filters } if parts.len() > 1 => take_part(parts, filters, slot),
        Algebra::LeftJoin {
            left,
            right,
            filters,
        } if is_plain(right) && !have_exists(filters) => {
            if let Algebra::Join { parts, filters } = &mut **left {
                return take_part(parts, filters, slot);
            }
            take_leading(left, slot)
        }
        Algebra::Extend { inner, value, .. } if value.exists.is_empty() => {
            take_leading(inner, slot)
        }
        _ => None,
    }
}

fn take_part(
    parts: &mut Vec<Algebra>,
    filters: &mut Vec<Scalar>,
    slot: Slot,
) -> Option<(Quads, Vec<Scalar>)> {
    if !parts.iter().all(is_pattern) || have_exists(filters) {
        return None;
    }
    let of = |part: &Algebra| match part {
        Algebra::Quads(quads) if quads.triple[2].slot() == Some(slot) => Some(*quads),
        _ => None,
    };
    let (place, leading) = parts
        .iter()
        .enumerate()
        .find_map(|(place, part)| Some((place, of(part)?)))?;
    parts.remove(place);
    let (own, others) = std::mem::take(filters)
        .into_iter()
        .partition(|filter| filter.slots.is_subset(&leading.slots()));
    *filters = others;
    Some((leading, own))
}

fn is_pattern(part: &Algebra) -> bool {
    matches!(part, Algebra::Quads(_) | Algebra::Path(_))
}

/// Whether an algebra is a join of patterns, with conditions that look into no others.
pub(super) fn is_plain(algebra: &Algebra) -> bool {
    match algebra {
        Algebra::Join { parts, filters } => parts.iter().all(is_pattern) && !have_exists(filters),
        other => is_pattern(other),
    }
}

fn have_exists(filters: &[Scalar]) -> bool {
    filters.iter().any(|filter| !filter.exists.is_empty())
}
