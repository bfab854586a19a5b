//! Joins with several properties of a subject.
//!
//! What flows in: the plan of such a join, the operator of its left side. What flows out: an operator. What always holds:
//! the arms have one subject, which is a constant or a column of the left rows, and one graph.

use super::joins::output_columns;
use super::{Builder, Built, Environment};
use crate::algebra::{GraphPlace, Place, Quads, Slot};
use crate::error::QueryError;
use crate::operators::join::Side;
use crate::operators::lookup_join::Probe;
use crate::operators::star::{StarArm, StarJoin, StarJoinParts};
use crate::plan::{JoinKind, Plan};
use crate::probed_graphs::ProbedGraphs;
use std::sync::Arc;

impl Builder {
    pub(super) fn star_over(
        &self,
        left: Built,
        arms: &[Quads],
        plan: &Plan,
        environment: &Environment,
    ) -> Result<Built, QueryError> {
        let malformed = || QueryError::Evaluation("a star was planned without arms".to_owned());
        let first = arms.first().ok_or_else(malformed)?;
        let constant = |place: Place| match place {
            Place::Constant(id) => Some(id),
            Place::Slot(slot) => environment.parameters.get(&slot).copied(),
        };
        let [subject, ..] = first.triple;
        let subject = match (constant(subject), subject.slot()) {
            (Some(id), _) => Probe::Constant(id),
            (None, slot) => {
                let column = slot.and_then(|slot| left.place(slot));
                Probe::Column(column.ok_or_else(malformed)?)
            }
        };
        let dataset = &self.execution.dataset;
        let graphs = match first.graph {
            GraphPlace::Default => ProbedGraphs::default(dataset),
            GraphPlace::Named(place) => {
                ProbedGraphs::named(dataset, constant(place).ok_or_else(malformed)?)
            }
        };
        let graph = match graphs.fixed() {
            Some(Probe::Constant(graph)) => Some(graph),
            _ => None,
        };
        let mut objects: Vec<Option<Slot>> = Vec::with_capacity(arms.len());
        let mut star_arms = Vec::with_capacity(arms.len());
        for arm in arms {
            let [_, predicate, object] = arm.triple;
            objects.push(object.slot().filter(|_| constant(object).is_none()));
            star_arms.push(StarArm {
                predicate: constant(predicate).ok_or_else(malformed)?,
                object: constant(object),
            });
        }
        let right: Vec<Slot> = objects.iter().flatten().copied().collect();
        let columns = output_columns(plan, &left.columns, &right, JoinKind::Inner);
        let side = |slot: &Slot| match left.place(*slot) {
            Some(column) => Ok(Side::Left(column)),
            None => {
                let arm = objects.iter().position(|object| *object == Some(*slot));
                arm.map(Side::Right).ok_or_else(malformed)
            }
        };
        let output: Result<Vec<_>, _> = columns.iter().map(side).collect();
        let parts = StarJoinParts {
            output: output?,
            left: left.operator,
            subject,
            graph,
            arms: star_arms,
        };
        Ok(Built {
            operator: Box::new(StarJoin::new(Arc::clone(&self.execution), parts)),
            columns,
        })
    }
}
