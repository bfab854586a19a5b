//! Stars: several properties of one subject, which lie together in an index that begins with subjects.
//!
//! What flows in: the parts of a join. What flows out: the states in which the arms of a star are joined by one look-up a
//! subject. What always holds: the subject of an arm is a constant or has a value in each row; its predicate is a constant,
//! its graph one, and what its object binds is bound by nothing else.

use super::group::{JoinPart, Search, State, Step, member};
use super::nodes::{looked_up, unit};
use super::planner::Planner;
use super::price;
use super::ways::joined_rows;
use super::{JoinKind, Plan, Probed};
use crate::algebra::{Algebra, GraphPlace, Place, Quads, Slot, SlotSet};
use crate::error::QueryError;
use std::rc::Rc;

/// About how many quads a subject has that are passed over for its arms.
const SUBJECT_ROWS: f64 = 32.0;

/// Of a subject with so few quads several are found soonest by passing over all of them.
const SUBJECT_FEW: f64 = 64.0;

/// With more arms that are joined already, by which the subjects are few, those that are missing are no star of their own.
const JOINED_MAX: usize = 2;

/// What a pattern is to a star.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Arm {
    pub(super) subject: Place,
    graph: GraphPlace,
    object: Option<Slot>,
    /// How many quads the subject has, if it is a constant.
    rows: Option<f64>,
}

impl Arm {
    /// The arm that a pattern can be, whose graph is one. Rows are those of a constant subject.
    pub(super) fn new(quads: &Quads, rows: Option<f64>) -> Option<Self> {
        let [subject, Place::Constant(_), object] = quads.triple else {
            return None;
        };
        let is_one_graph = !matches!(quads.graph, GraphPlace::Named(Place::Slot(_)));
        (is_one_graph && (subject.slot().is_none() || subject != object)).then(|| Self {
            subject,
            graph: quads.graph,
            object: object.slot(),
            rows,
        })
    }
}

/// The sets of two arms and more that can be one star.
pub(super) fn stars(parts: &[JoinPart]) -> Vec<Vec<usize>> {
    let mut stars: Vec<Vec<usize>> = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let Some(arm) = &part.arm else { continue };
        let is_same = |other: &&mut Vec<usize>| {
            let first = other.first().and_then(|first| parts[*first].arm.as_ref());
            first.is_some_and(|first| (first.subject, first.graph) == (arm.subject, arm.graph))
        };
        match stars.iter_mut().find(is_same) {
            Some(star) => star.push(index),
            None => stars.push(vec![index]),
        }
    }
    stars.retain(|star| star.len() > 1);
    stars
}

impl Planner<'_> {
    /// The plan of patterns that are all arms of one star, whose subject is a constant with few quads: no other way is as
    /// cheap.
    pub(super) fn only_star(
        &mut self,
        parts: &[Algebra],
        start: Option<&Plan>,
    ) -> Result<Option<Plan>, QueryError> {
        if !self.needs_no_figures || start.is_some() || !is_of_one_subject(parts) {
            return Ok(None);
        }
        let (mut arms, mut objects) = (Vec::with_capacity(parts.len()), SlotSet::default());
        let mut graph = None;
        for part in parts {
            let Algebra::Quads(quads) = part else {
                return Ok(None);
            };
            let Some(arm) = self.arm(quads)? else {
                return Ok(None);
            };
            let is_new = arm.object.is_none_or(|object| !objects.contains(object));
            let is_few = arm.rows.is_some_and(|rows| rows <= SUBJECT_FEW);
            if !is_new || !is_few || *graph.get_or_insert(arm.graph) != arm.graph {
                return Ok(None);
            }
            arm.object
                .into_iter()
                .for_each(|object| objects.insert(object));
            arms.push(*quads);
        }
        let star = Probed::Star(arms);
        Ok(Some(looked_up(unit(), star, JoinKind::Inner, Vec::new())))
    }
}

/// Whether parts are several patterns of one constant subject.
pub(super) fn is_of_one_subject(parts: &[Algebra]) -> bool {
    let subject = |part: &Algebra| match part {
        Algebra::Quads(quads) => Some(quads.triple[0]).filter(|place| place.slot().is_none()),
        _ => None,
    };
    let first = parts.first().and_then(subject);
    parts.len() > 1 && first.is_some() && parts.iter().all(|part| subject(part) == first)
}

impl Search<'_> {
    /// The stars whose subject is a constant.
    pub(super) fn constant_stars(&self) -> Vec<State> {
        let stars = self.stars.iter();
        stars
            .filter(|star| self.subject(star).is_none())
            .filter_map(|star| self.star(None, star))
            .collect()
    }

    /// The ways to join all arms of a star that are missing, if it has several and the subject has its values.
    pub(super) fn stars_of(&self, left: &State) -> Vec<State> {
        let stars = self.stars.iter();
        stars
            .filter(|star| {
                let subject = self.subject(star);
                subject.is_some_and(|subject| left.certain.contains(subject))
            })
            .filter_map(|star| self.star(Some(left), star))
            .collect()
    }

    fn subject(&self, star: &[usize]) -> Option<Slot> {
        let arm = star.first().and_then(|arm| self.parts[*arm].arm.as_ref());
        arm.and_then(|arm| arm.subject.slot())
    }

    fn star(&self, left: Option<&State>, star: &[usize]) -> Option<State> {
        let none = SlotSet::default();
        let mut possible = left.map_or_else(SlotSet::default, |left| left.possible.clone());
        let mut arms = Vec::new();
        let is_joined = |part: &usize| {
            let part = member(*part);
            left.is_some_and(|left| left.members.contains(part))
        };
        if star.iter().filter(|part| is_joined(part)).count() > JOINED_MAX {
            return None;
        }
        for part in star {
            let object = self.parts[*part].arm.as_ref()?.object;
            if is_joined(part) || object.is_some_and(|object| possible.contains(object)) {
                continue;
            }
            possible.add_all(&self.parts[*part].possible);
            arms.push(*part);
        }
        let first = self.parts.get(*arms.first()?).filter(|_| arms.len() > 1)?;
        let (mut rows, mut values) = left.map_or((1.0, Vec::new()), |left| {
            (left.tree.rows, left.values.clone())
        });
        let found = self.cost_of_subjects(left, first);
        for part in arms.iter().map(|arm| &self.parts[*arm]) {
            let own = part.values();
            (rows, values) = joined_rows((rows, &values), (part.estimate.rows, &own));
        }
        let before = left.map_or(0.0, |left| left.tree.cost);
        let begin = left.map_or(price::SCAN_START, |left| left.tree.begin);
        let order = left.map_or_else(Vec::new, |left| self.order_of_lookup(left, first));
        Some(
            self.made(
                Step::Star {
                    left: left.map(|left| Rc::clone(&left.tree)),
                    parts: arms.clone(),
                },
                order,
                (rows, before + found + rows * price::GIVEN, begin),
                [(
                    left.map_or(&none, |left| &left.members),
                    &arms.iter().map(|arm| member(*arm)).collect(),
                )],
                (left.map_or(&none, |left| &left.applied), &none),
                (
                    possible.clone(),
                    left.map_or_else(SlotSet::default, |left| left.certain.clone())
                        .union(&possible_of(self.parts, &arms)),
                ),
                values,
            ),
        )
    }

    /// What it costs to find the subjects and to pass over their quads.
    fn cost_of_subjects(&self, left: Option<&State>, arm: &JoinPart) -> f64 {
        let Some(left) = left else {
            let rows = arm.arm.as_ref().and_then(|arm| arm.rows);
            return price::SCAN_START + rows.unwrap_or(SUBJECT_ROWS) * price::SCANNED;
        };
        let passed = left.tree.rows * SUBJECT_ROWS * price::SCANNED;
        self.cost_of_lookup(left, arm) + passed
    }
}

fn possible_of(parts: &[JoinPart], arms: &[usize]) -> SlotSet {
    let mut slots = SlotSet::default();
    for arm in arms {
        slots.add_all(&parts[*arm].possible);
    }
    slots
}
