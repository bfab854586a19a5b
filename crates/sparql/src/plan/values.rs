//! Answers that the summaries of an index know: the distinct values of a pattern's position, with the number of quads of
//! each.
//!
//! What flows in: an [`Algebra`] below `DISTINCT` or `GROUP BY`. What flows out: the plan that reads values instead of rows,
//! where that is less. What always holds: counts are exact; a pattern whose order does not begin with its graph is asked
//! for the count of each value, where these are few.

use super::estimate::places_of;
use super::nodes::leaf;
use super::planner::{Planner, counted_distinct};
use super::price;
use super::{AggregatePlan, Node, Plan};
use crate::algebra::{Aggregate, Algebra, GraphPlace, Quads, Slot};
use crate::dataset::DefaultGraph;
use crate::error::QueryError;
use quadrille_store::{IdPattern, Permutation, ScanRequest};
use spargebra::algebra::AggregateExpression;

/// Where the distinct values of a position are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ValuesReading {
    /// What the values are read of; names a permutation.
    pub(crate) request: ScanRequest,
    /// The position whose values they are.
    pub(crate) position: usize,
    /// The pattern whose quads count, if it is narrower than the request.
    pub(crate) narrowed: Option<IdPattern>,
}

impl Planner<'_> {
    /// The distinct values of a slot among the matches of a single pattern, if that is all that an algebra is.
    pub(super) fn values_of(
        &mut self,
        inner: &Algebra,
        slot: Slot,
        counts: Option<Slot>,
    ) -> Result<Option<Plan>, QueryError> {
        let Some(quads) = self.only_pattern(inner) else {
            return Ok(None);
        };
        let Some(reading) = self.values_reading(&quads, slot)? else {
            return Ok(None);
        };
        let values = self.estimator.values(&reading.request)?;
        let rows = self.estimator.count(self.estimator.pattern(&quads))?;
        let cost = match reading.narrowed {
            Some(_) => values * (price::OPENED + price::LOOKED_UP) * 2.0,
            None => 0.0,
        };
        if cost > rows * price::PASSED {
            return Ok(None);
        }
        let columns: Vec<Slot> = std::iter::once(slot).chain(counts).collect();
        let certain = columns.iter().copied().collect();
        let node = Node::DistinctValues {
            reading,
            slot,
            counts,
        };
        let mut plan = leaf(node, columns, certain, values);
        plan.order = vec![slot];
        plan.cost += cost;
        Ok(Some(plan))
    }

    /// The groups of a single pattern by one slot with the number of their rows; or, without a slot, the number of its
    /// distinct values.
    pub(super) fn counted_values(
        &mut self,
        inner: &Algebra,
        keys: &[Slot],
        aggregates: &[Aggregate],
    ) -> Result<Option<Plan>, QueryError> {
        let [aggregate] = aggregates else {
            return Ok(None);
        };
        match (keys, &aggregate.function) {
            ([key], AggregateExpression::CountSolutions { distinct: false }) => {
                self.values_of(inner, *key, Some(aggregate.slot))
            }
            ([], _) => {
                let Some(slot) = counted_distinct(aggregate) else {
                    return Ok(None);
                };
                let Some(values) = self.values_of(inner, slot, None)? else {
                    return Ok(None);
                };
                let count = AggregatePlan {
                    slot: aggregate.slot,
                    function: AggregateExpression::CountSolutions { distinct: false },
                    input: None,
                    row: Vec::new(),
                };
                Ok(Some(super::nodes::grouped(values, Vec::new(), vec![count])))
            }
            _ => Ok(None),
        }
    }

    /// The pattern that an algebra is, if it is no more than that and each variable stands in it once.
    pub(super) fn only_pattern(&self, algebra: &Algebra) -> Option<Quads> {
        if self.execution.as_written {
            return None;
        }
        let quads = match algebra {
            Algebra::Join { parts, filters } if filters.is_empty() => match parts.as_slice() {
                [Algebra::Quads(quads)] => *quads,
                _ => return None,
            },
            Algebra::Quads(quads) => *quads,
            _ => return None,
        };
        let places = places_of(&quads);
        let slots = places.iter().flatten().filter_map(|place| place.slot());
        let has_repeated = slots.count() != quads.slots().len();
        (!has_repeated && !quads.slots().meets(&self.parameters)).then_some(quads)
    }

    /// Where the values of a slot of a pattern are read, if an order has them behind the pattern's constants.
    fn values_reading(
        &mut self,
        quads: &Quads,
        slot: Slot,
    ) -> Result<Option<ValuesReading>, QueryError> {
        let places = places_of(quads);
        let is_slot = |place: &Option<crate::algebra::Place>| {
            place.and_then(crate::algebra::Place::slot) == Some(slot)
        };
        let Some(position) = places.iter().position(is_slot) else {
            return Ok(None);
        };
        let pattern = self.estimator.pattern(quads);
        let dataset = &self.estimator.execution().dataset;
        let is_readable = match quads.graph {
            GraphPlace::Default => {
                pattern[3].is_some() || matches!(dataset.default_graph, DefaultGraph::Union)
            }
            GraphPlace::Named(_) if pattern[3].is_some() => {
                pattern[3].is_some_and(|graph| dataset.may_name(graph))
            }
            // The names of graphs are those of all graphs but one, which is passed over.
            GraphPlace::Named(_) => {
                position == 3 && pattern == [None; 4] && dataset.named_graphs.is_none()
            }
        };
        if !is_readable || pattern.iter().flatten().any(|id| id.is_query_local()) {
            return Ok(None);
        }
        let without_graph = [pattern[0], pattern[1], pattern[2], None];
        let found = [(pattern, None), (without_graph, Some(pattern))]
            .into_iter()
            .find_map(|(read, narrowed)| {
                let permutation = order_of_values(read, position)?;
                let request = ScanRequest::new(read).in_order(permutation);
                Some(ValuesReading {
                    request,
                    position,
                    narrowed: narrowed.filter(|_| pattern[3].is_some()),
                })
            });
        // Each triple of a merged graph counts once, however many graphs it is in: that no header knows.
        let is_merged = quads.graph == GraphPlace::Default && pattern[3].is_none();
        Ok(found.filter(|_| !is_merged))
    }
}

/// The permutation that begins with all constants of a pattern and goes on with a position.
pub(super) fn order_of_values(pattern: IdPattern, position: usize) -> Option<Permutation> {
    let bound = pattern.map(|id| id.is_some());
    let constants = bound.iter().filter(|bound| **bound).count();
    Permutation::ALL.into_iter().find(|permutation| {
        let prefix = permutation.bound_prefix(bound);
        prefix == constants && prefix < 4 && permutation.position_of(prefix) == position
    })
}
