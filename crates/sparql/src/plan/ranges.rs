//! Conditions that a scan takes part in: which ids its objects may have, and which slots are constants.
//!
//! What flows in: the conditions of a join, a pattern. What flows out: ranges of ids that the pattern's objects are read
//! from. What always holds: a quad outside the ranges passes none of the conditions, and those inside are still held to
//! them. The ranges are those of one view of the data: they begin at ids that are there.

use super::estimate::Estimate;
use super::planner::Planner;
use crate::algebra::{Algebra, Place, Quads, Scalar, Slot};
use crate::error::QueryError;
use crate::execution::Execution;
use crate::expression::{
    Comparison, IdRange, Relation, constant, id_ranges, ids_of_years, is_identity,
};
use quadrille_store::{Permutation, ScanRequest};
use spargebra::algebra::{Expression, Function};
use std::sync::Arc;

/// A scan of more than this part of a pattern's quads is one of all of them.
const PART_MAX: f64 = 0.8;

/// The ranges that the objects of a pattern are read from.
pub(super) struct Ranged {
    /// Ascending and apart from each other.
    pub(super) ranges: Arc<[IdRange]>,
    /// About how many quads they hold.
    pub(super) rows: f64,
    /// How many quads the pattern has in all.
    pub(super) all: f64,
    /// The conditions, by number, that tell no more than the ranges.
    pub(super) counted: Vec<usize>,
}

impl Ranged {
    /// Whether reading the ranges is less than reading all.
    pub(super) fn pays(&self) -> bool {
        self.rows <= self.all * PART_MAX
    }

    /// The estimate of the pattern, as far as it lies in the ranges.
    pub(super) fn narrow(&self, estimate: &mut Estimate, object: Slot) {
        let part = (self.rows / self.all.max(1.0)).min(1.0);
        estimate.rows *= part;
        for values in &mut estimate.values {
            if values.slot == object {
                values.distinct = (values.distinct * part).max(1.0);
            }
        }
    }
}

/// The ranges that conditions leave, and the numbers of the conditions that tell no more than these.
type Left = (Vec<IdRange>, Vec<usize>);

impl Planner<'_> {
    /// The ranges of a pattern's objects that some conditions leave; `None` where they leave all, or where no permutation
    /// has the objects in their order.
    pub(super) fn ranged(
        &mut self,
        quads: &Quads,
        filters: &[Scalar],
    ) -> Result<Option<Ranged>, QueryError> {
        match self.left(quads, filters)? {
            Some((ranges, counted)) => self.with_figures(quads, ranges, counted).map(Some),
            None => Ok(None),
        }
    }

    /// The ranges, whether or not they hold a quad.
    pub(super) fn left(
        &self,
        quads: &Quads,
        filters: &[Scalar],
    ) -> Result<Option<Left>, QueryError> {
        let [
            Place::Slot(subject),
            Place::Constant(_),
            Place::Slot(object),
        ] = quads.triple
        else {
            return Ok(None);
        };
        if self.parameters.contains(subject) || self.parameters.contains(object) {
            return Ok(None);
        }
        let mut left: Option<Vec<IdRange>> = None;
        let mut counted = Vec::new();
        for (number, filter) in filters.iter().enumerate() {
            if !filter.slots.contains(object) {
                continue;
            }
            let own = restriction(&filter.expression, object, self.execution)?;
            if own.is_some() && filter.slots.len() == 1 {
                counted.push(number);
            }
            left = both(left, own);
        }
        Ok(left.map(|ranges| (ranges, counted)))
    }

    /// Drops ranges without a quad, begins the others at their first id, and counts.
    fn with_figures(
        &mut self,
        quads: &Quads,
        ranges: Vec<IdRange>,
        counted: Vec<usize>,
    ) -> Result<Ranged, QueryError> {
        let pattern = self.estimator.pattern(quads);
        let all = self.estimator.count(pattern)?;
        let explain = |error| self.execution.explain(error);
        let source = self.execution.source();
        let mut kept = Vec::new();
        let mut rows = 0.0;
        if all > 0.0 {
            let context = self.execution.dataset.limits.context();
            let trie = source.trie(Permutation::Pocs, &pattern, context);
            let mut trie = trie.map_err(explain)?;
            let mut first = None;
            for (low, high) in ranges {
                if first.is_none_or(|first| first < low) {
                    first = trie.seek(&[], low).map_err(explain)?;
                }
                let Some(first) = first else { break };
                if first <= high {
                    kept.push((first, high));
                    let request = ScanRequest::new(pattern)
                        .in_order(Permutation::Pocs)
                        .with_range(first, high);
                    rows += source.estimate_request(&request).map_err(explain)? as f64;
                }
            }
        }
        Ok(Ranged {
            ranges: kept.into(),
            rows: rows.min(all),
            all,
            counted,
        })
    }

    /// The parts of a join and its conditions, where those that hold for one term only are tables of this term: it then
    /// stands for the slot in all patterns.
    pub(super) fn with_fixed(
        &self,
        mut parts: Vec<Algebra>,
        filters: Vec<Scalar>,
    ) -> Result<(Vec<Algebra>, Vec<Scalar>), QueryError> {
        let mut others = Vec::with_capacity(filters.len());
        for filter in filters {
            match fixed(&filter.expression, self.execution)? {
                Some((slot, id)) if filter.exists.is_empty() && is_matched(&parts, slot) => {
                    parts.push(Algebra::Values {
                        slots: vec![slot],
                        rows: vec![vec![id]],
                    });
                }
                _ => others.push(filter),
            }
        }
        Ok((parts, others))
    }
}

/// Whether a slot is a place of a pattern, so that it holds a stored term.
fn is_matched(parts: &[Algebra], slot: Slot) -> bool {
    parts.iter().any(|part| match part {
        Algebra::Quads(quads) => quads.slots().contains(slot),
        _ => false,
    })
}

/// The slot and the only term for which a condition holds, if it is of this form.
fn fixed(
    condition: &Expression,
    execution: &Arc<Execution>,
) -> Result<Option<(Slot, u64)>, QueryError> {
    let Some((slot, relation, other)) = compared(condition) else {
        return Ok(None);
    };
    let Some(id) = constant(other, execution)? else {
        return Ok(None);
    };
    Ok(is_identity(relation, id, execution)?.then_some((slot, id)))
}

/// A comparison of a slot: the slot, how it is compared, and what with.
fn compared(expression: &Expression) -> Option<(Slot, Relation, &Expression)> {
    let ways = sides(expression)?.into_iter();
    ways.filter_map(|(left, relation, right)| Some((slot_of(left)?, relation, right)))
        .next()
}

/// The same of the year of a slot.
fn compared_year(expression: &Expression) -> Option<(Slot, Relation, &Expression)> {
    let year_of = |side: &Expression| match side {
        Expression::FunctionCall(Function::Year, arguments) => slot_of(arguments.first()?),
        _ => None,
    };
    let ways = sides(expression)?.into_iter();
    ways.filter_map(|(left, relation, right)| Some((year_of(left)?, relation, right)))
        .next()
}

/// The sides of a comparison, and how the first is compared with the second: both ways.
fn sides(expression: &Expression) -> Option<[(&Expression, Relation, &Expression); 2]> {
    use Comparison as C;
    use Expression as E;
    let (left, right, relation, turned) = match expression {
        E::Equal(left, right) => (left, right, Relation::Equal, Relation::Equal),
        E::SameTerm(left, right) => (left, right, Relation::SameTerm, Relation::SameTerm),
        E::Less(left, right) => (left, right, C::Less.into(), C::Greater.into()),
        E::LessOrEqual(left, right) => {
            (left, right, C::LessOrEqual.into(), C::GreaterOrEqual.into())
        }
        E::Greater(left, right) => (left, right, C::Greater.into(), C::Less.into()),
        E::GreaterOrEqual(left, right) => {
            (left, right, C::GreaterOrEqual.into(), C::LessOrEqual.into())
        }
        _ => return None,
    };
    Some([(left, relation, right), (right, turned, left)])
}

fn slot_of(expression: &Expression) -> Option<Slot> {
    match expression {
        Expression::Variable(name) => Slot::of_variable(name),
        _ => None,
    }
}

/// The ids that a slot may have where a condition is true; `None` is all.
fn restriction(
    condition: &Expression,
    slot: Slot,
    execution: &Arc<Execution>,
) -> Result<Option<Vec<IdRange>>, QueryError> {
    let of = |part: &Expression| restriction(part, slot, execution);
    let related = |relation, other: &Expression| match constant(other, execution)? {
        Some(id) => Ok(id_ranges(relation, id, execution)?.map(tidy)),
        None => Ok(None),
    };
    match condition {
        Expression::And(left, right) => Ok(both(of(left)?, of(right)?)),
        Expression::Or(left, right) => Ok(match (of(left)?, of(right)?) {
            (Some(left), Some(right)) => Some(tidy([left, right].concat())),
            _ => None,
        }),
        Expression::In(left, list) if slot_of(left) == Some(slot) => {
            let mut all = Vec::new();
            for member in list {
                match related(Relation::Equal, member)? {
                    Some(ranges) => all.extend(ranges),
                    None => return Ok(None),
                }
            }
            Ok(Some(tidy(all)))
        }
        other => match (compared(other), compared_year(other)) {
            (Some((compared, relation, constant)), _) if compared == slot => {
                related(relation, constant)
            }
            (_, Some((compared, relation, year))) if compared == slot => {
                match constant(year, execution)? {
                    Some(id) => Ok(ids_of_years(relation, id, execution)?.map(tidy)),
                    None => Ok(None),
                }
            }
            _ => Ok(None),
        },
    }
}

/// What two restrictions leave.
fn both(left: Option<Vec<IdRange>>, right: Option<Vec<IdRange>>) -> Option<Vec<IdRange>> {
    match (left, right) {
        (Some(left), Some(right)) => Some(common(&left, &right)),
        (left, right) => left.or(right),
    }
}

/// Ascending, with those that touch each other made one.
fn tidy(mut ranges: Vec<IdRange>) -> Vec<IdRange> {
    ranges.sort_unstable();
    let mut apart: Vec<IdRange> = Vec::with_capacity(ranges.len());
    for (low, high) in ranges {
        match apart.last_mut() {
            Some((_, end)) if low <= end.saturating_add(1) => *end = high.max(*end),
            _ => apart.push((low, high)),
        }
    }
    apart
}

/// The ids that are in ranges of both sides, each of which is tidy.
fn common(left: &[IdRange], right: &[IdRange]) -> Vec<IdRange> {
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    let mut shared = Vec::new();
    while let (Some((first, first_end)), Some((second, second_end))) = (left.peek(), right.peek()) {
        let (low, high) = (*first.max(second), *first_end.min(second_end));
        if low <= high {
            shared.push((low, high));
        }
        if first_end < second_end {
            left.next();
        } else {
            right.next();
        }
    }
    shared
}

impl From<Comparison> for Relation {
    fn from(comparison: Comparison) -> Self {
        Self::Compare(comparison)
    }
}

#[cfg(test)]
mod tests {
    use super::{common, tidy};

    #[test]
    fn ranges_are_sets() {
        assert_eq!(tidy(vec![(5, 7), (1, 2), (3, 3), (6, 9)]), [(1, 3), (5, 9)]);
        assert_eq!(tidy(vec![(0, u64::MAX), (4, 5)]), [(0, u64::MAX)]);
        let mut state = 1_u64;
        let mut draw = |bound: u64| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (state >> 33) % bound
        };
        for _ in 0..2_000 {
            let mut ranges = || {
                let number = draw(5);
                let drawn = (0..number).map(|_| (draw(20), draw(6)));
                tidy(drawn.map(|(low, length)| (low, low + length)).collect())
            };
            let (left, right) = (ranges(), ranges());
            let holds = |ranges: &[(u64, u64)], id| {
                ranges
                    .iter()
                    .any(|(low, high)| (*low..=*high).contains(&id))
            };
            let shared = common(&left, &right);
            let all = tidy([left.clone(), right.clone()].concat());
            for id in 0..30 {
                let (in_left, in_right) = (holds(&left, id), holds(&right, id));
                assert_eq!(
                    holds(&shared, id),
                    in_left && in_right,
                    "{left:?} {right:?}"
                );
                assert_eq!(holds(&all, id), in_left || in_right, "{left:?} {right:?}");
            }
            assert!(shared.is_sorted_by(|(_, end), (low, _)| end < low));
            assert!(all.is_sorted_by(|(_, end), (low, _)| end + 1 < *low));
        }
    }
}
