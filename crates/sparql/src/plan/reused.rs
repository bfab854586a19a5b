//! Plans for other values than those that they were made for.
//!
//! What flows in: a plan, the ids of values that were given with the query. What flows out: the plan with other ids in their
//! places. What always holds: only a plan of one pattern or one constant subject is taken, in which no choice rests on a value but
//! what is read; whatever is not known to be so is planned again.

use super::{Node, Plan, Probed};
use crate::algebra::{GraphPlace, Place, Quads, Scalar, SlotSet};

impl Plan {
    /// Whether the plan reads one pattern, or properties of one constant subject, and works on its rows, without a look at
    /// the values of these slots.
    pub(crate) fn is_reusable(&self, given: &SlotSet) -> bool {
        let looks_away = |scalar: &Scalar| !scalar.slots.meets(given) && scalar.exists.is_empty();
        match &self.node {
            Node::Unit
            | Node::Scan {
                quads: _,
                permutation: _,
                objects: None,
            } => true,
            Node::Filter { input, filters } => {
                filters.iter().all(looks_away) && input.is_reusable(given)
            }
            Node::Extend { input, value, .. } => looks_away(value) && input.is_reusable(given),
            // With a subject that is a constant, there is no other way.
            Node::Lookup {
                left,
                probed: Probed::Star(_),
                filters,
                ..
            } if matches!(left.node, Node::Unit) => filters.iter().all(looks_away),
            Node::Constants { input, .. }
            | Node::Project(input)
            | Node::Distinct { input, .. }
            | Node::Reduced(input)
            | Node::Slice { input, .. }
            // Other values need not be sorted by their ids.
            | Node::Sort {
                input,
                sorted: false,
                ..
            } => input.is_reusable(given),
            _ => false,
        }
    }

    /// Puts another id in the place of each; false when the plan is not one to be reused.
    pub(crate) fn replace_ids(&mut self, other: &impl Fn(u64) -> u64) -> bool {
        match &mut self.node {
            Node::Unit => true,
            Node::Scan {
                quads,
                permutation: _,
                objects: None,
            } => {
                *quads = replaced(*quads, other);
                true
            }
            Node::Lookup {
                left,
                probed: Probed::Star(arms),
                ..
            } => {
                arms.iter_mut().for_each(|arm| *arm = replaced(*arm, other));
                left.replace_ids(other)
            }
            Node::Constants { input, values } => {
                values.iter_mut().for_each(|(_, id)| *id = other(*id));
                input.replace_ids(other)
            }
            Node::Filter { input, .. }
            | Node::Extend { input, .. }
            | Node::Project(input)
            | Node::Distinct { input, .. }
            | Node::Reduced(input)
            | Node::Slice { input, .. }
            | Node::Sort { input, .. } => input.replace_ids(other),
            _ => false,
        }
    }
}

fn replaced(quads: Quads, other: &impl Fn(u64) -> u64) -> Quads {
    let place = |place: Place| match place {
        Place::Constant(id) => Place::Constant(other(id)),
        slot @ Place::Slot(_) => slot,
    };
    Quads {
        triple: quads.triple.map(place),
        graph: match quads.graph {
            GraphPlace::Named(name) => GraphPlace::Named(place(name)),
            GraphPlace::Default => GraphPlace::Default,
        },
    }
}
