//! `ORDER BY` by a column that scans give in its order.
//!
//! What flows in: the keys of an `ORDER BY`, the algebra below. What flows out: the slot of the key, where its ids ascend as
//! its values do. What always holds: that is known of every row, whatever the plan; whether the rows of a plan come in the
//! order of these ids is for [`Plan::order`] to tell. It is known of one view of the data.

use super::joins::with_constants;
use super::planner::{Planner, own_slot};
use super::values::order_of_values;
use super::{Plan, price};
use crate::algebra::{Algebra, Quads, Scalar, Slot, SortBy};
use crate::error::QueryError;
use crate::expression::{IdRange, ordered_ids};
use crate::source::QuadTrie;
use quadrille_store::{StorageResult, TermId};

/// How many times a plan that ends early must be cheaper than one that makes all rows: how soon it ends is a guess.
const EARLY_MARGIN: f64 = 2.0;

/// Which rows of a join are wanted.
#[derive(Clone, Copy, Default)]
pub(super) struct Wanted {
    /// How many of the first, if not all.
    pub(super) first: Option<f64>,
    /// The slot that they are to be sorted by, ascending by id, if there is one.
    pub(super) sorted_by: Option<Slot>,
}

impl Planner<'_> {
    /// The plan below an `ORDER BY`, of which the `first` rows only may be wanted, and whether its rows come in the order of
    /// the slot that is the key.
    pub(super) fn below_sort(
        &mut self,
        inner: Algebra,
        key: Option<Slot>,
        first: Option<usize>,
    ) -> Result<(Plan, bool), QueryError> {
        let Some(slot) = key else {
            return Ok((self.plan(inner)?, false));
        };
        if is_join_in_order(&inner) {
            self.wanted = Wanted {
                first: first.map(|first| first as f64),
                sorted_by: key,
            };
        }
        let again = first.map(|first| (first, inner.clone()));
        let plan = self.plan(inner)?;
        self.wanted = Wanted::default();
        if plan.order.first() == Some(&slot) {
            return Ok((plan, true));
        }
        if let Some((first, algebra)) = again
            && let Some(early) = self.early(&algebra, slot, first)?
            && early.cost * EARLY_MARGIN < plan.cost + plan.rows * price::ORDERED
        {
            return Ok((early, true));
        }
        Ok((plan, false))
    }

    /// The slot that is the only key of an `ORDER BY`, if the order of its ids is that of its values.
    pub(super) fn key_in_order(
        &mut self,
        inner: &Algebra,
        keys: &[SortBy],
    ) -> Result<Option<Slot>, QueryError> {
        let [only] = keys else {
            return Ok(None);
        };
        let Some(slot) = own_slot(&only.key) else {
            return Ok(None);
        };
        // There are no scans backwards.
        let is_out = self.execution.as_written || only.descending || self.parameters.contains(slot);
        let in_order = !is_out && self.ids_ascend(inner, slot)?;
        Ok(in_order.then_some(slot))
    }

    /// Whether a slot has, in each row of an algebra, one of some ids that ascend as their values do.
    fn ids_ascend(&mut self, algebra: &Algebra, slot: Slot) -> Result<bool, QueryError> {
        match algebra {
            Algebra::Join { parts, filters } => {
                for part in &with_constants(parts.clone()) {
                    let ascend = match part {
                        Algebra::Quads(quads) => self.objects_ascend(quads, filters, slot)?,
                        other => self.ids_ascend(other, slot)?,
                    };
                    if ascend {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Algebra::Quads(quads) => self.objects_ascend(quads, &[], slot),
            Algebra::LeftJoin { left, .. } | Algebra::Minus { left, .. } => {
                self.ids_ascend(left, slot)
            }
            Algebra::Extend {
                inner, slot: made, ..
            } => Ok(*made != slot && self.ids_ascend(inner, slot)?),
            Algebra::Project { inner, slots } => {
                Ok(slots.contains(&slot) && self.ids_ascend(inner, slot)?)
            }
            Algebra::Group { inner, keys, .. } => {
                Ok(keys.contains(&slot) && self.ids_ascend(inner, slot)?)
            }
            Algebra::Distinct(inner)
            | Algebra::Reduced(inner)
            | Algebra::Slice { inner, .. }
            | Algebra::SliceOfEach { inner, .. }
            | Algebra::Sort { inner, .. } => self.ids_ascend(inner, slot),
            _ => Ok(false),
        }
    }

    /// The same of the slot of a pattern's objects, as far as conditions leave them. The objects of all graphs are looked at:
    /// no order has them in turn with their graph.
    fn objects_ascend(
        &self,
        quads: &Quads,
        filters: &[Scalar],
        slot: Slot,
    ) -> Result<bool, QueryError> {
        if quads.triple[2].slot() != Some(slot) {
            return Ok(false);
        }
        let [subject, predicate, ..] = self.estimator.pattern(quads);
        let pattern = [None, predicate, None, None];
        let Some(permutation) = order_of_values(pattern, 2) else {
            return Ok(false);
        };
        // The objects of one subject are sorted sooner than looked at, and the plan then serves other subjects.
        if subject.is_some() {
            return Ok(false);
        }
        if pattern.iter().flatten().any(|id| id.is_query_local()) {
            return Ok(false);
        }
        let ranges = match self.left(quads, filters)? {
            Some((ranges, _)) => ranges,
            None => vec![(0, u64::MAX)],
        };
        let explain = |error| self.execution.explain(error);
        let context = self.execution.dataset.limits.context();
        let trie = self.execution.source().trie(permutation, &pattern, context);
        let mut trie = trie.map_err(explain)?;
        are_in_order(&mut *trie, &ranges).map_err(explain)
    }
}

/// Whether the values of a trie's first level in some ranges, ascending, are all among ids that ascend as their values do.
fn are_in_order(trie: &mut dyn QuadTrie, ranges: &[IdRange]) -> StorageResult<bool> {
    let mut ordered: Option<IdRange> = None;
    for &(low, high) in ranges {
        let Some(first) = trie.seek(&[], low)? else {
            break;
        };
        if first > high {
            continue;
        }
        let of_tag = || TermId::from_raw(first).tag().and_then(ordered_ids);
        let Some((least, greatest)) = ordered.or_else(of_tag) else {
            return Ok(false);
        };
        ordered = Some((least, greatest));
        if first < least || first > greatest {
            return Ok(false);
        }
        let is_beyond = |next: u64| next <= high;
        if greatest < high && trie.seek(&[], greatest + 1)?.is_some_and(is_beyond) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the rows of an algebra are those of a join, one by one in its order.
fn is_join_in_order(algebra: &Algebra) -> bool {
    match algebra {
        Algebra::Join { .. } | Algebra::Quads(_) => true,
        Algebra::Extend { inner, .. } | Algebra::Project { inner, .. } => is_join_in_order(inner),
        _ => false,
    }
}
