//! From which end a path is walked.
//!
//! What flows in: a path, and the plan whose rows it is looked up for. What flows out: the path with the end. What always
//! holds: figures are asked for only where a choice rests on them, which is where both ends are bound, or neither, or where
//! rows differ in that.

use super::Plan;
use super::planner::Planner;
use crate::algebra::{Path, Place};
use crate::error::QueryError;
use crate::paths::{Directions, WalkFrom};

/// A path and how it is walked.
#[derive(Clone, Debug)]
pub(crate) struct PathPlan {
    pub(crate) path: Path,
    pub(crate) directions: Directions,
    /// The end that walks start at; `None` where rows differ in what they bind.
    pub(crate) from: Option<WalkFrom>,
}

impl PathPlan {
    /// A path by itself, of whose predicates nothing is known.
    pub(super) fn as_written(path: Path) -> Self {
        let is_bound = |place: Place| Some(place.slot().is_none());
        let directions = Directions::default();
        Self {
            from: from([is_bound(path.subject), is_bound(path.object)], &directions),
            path,
            directions,
        }
    }
}

/// The end that walks start at, by whether each is bound; `None` is in some rows.
fn from(are_bound: [Option<bool>; 2], directions: &Directions) -> Option<WalkFrom> {
    Some(match are_bound {
        [Some(true), Some(true)] => WalkFrom::Both,
        [Some(true), Some(false)] => WalkFrom::Subject,
        [Some(false), Some(true)] => WalkFrom::Object,
        [Some(false), Some(false)] => directions.for_all(),
        [None, _] | [_, None] => return None,
    })
}

impl Planner<'_> {
    /// A path that is walked by itself, or for the rows of a plan.
    pub(super) fn path(&self, path: &Path, left: Option<&Plan>) -> Result<PathPlan, QueryError> {
        let is_bound = |place: Place| {
            let Some(slot) = place.slot() else {
                return Some(true);
            };
            if self.parameters.contains(slot) {
                return Some(true);
            }
            match left {
                Some(left) if left.certain.contains(slot) => Some(true),
                Some(left) if left.columns.contains(&slot) => None,
                _ => Some(false),
            }
        };
        let are_bound = [is_bound(path.subject), is_bound(path.object)];
        let directions = match are_bound {
            [Some(subject), Some(object)] if subject != object => Directions::default(),
            _ => Directions::estimate(&path.path, self.execution)?,
        };
        Ok(PathPlan {
            path: path.clone(),
            from: from(are_bound, &directions),
            directions,
        })
    }
}
