//! From which end a path is better walked.
//!
//! What flows in: the figures of the predicates of a path, how many nodes are known at either end. What flows out: an end,
//! or both. What always holds: it is a guess and decides only how fast a path is.

use super::automaton::{Automaton, Label, Step};
use crate::error::QueryError;
use crate::execution::Execution;
use quadrille_store::{QuadFigures, TermId};
use spargebra::algebra::PropertyPathExpression;

/// How many rounds of a walk are thought through, if the automaton has no more states.
const ROUNDS_MIN: usize = 4;

/// Which end a path is walked from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WalkFrom {
    Subject,
    Object,
    /// From both in turn, until they meet.
    Both,
}

/// What walks from one end of a path are thought to meet.
#[derive(Clone, Copy, Debug)]
struct Direction {
    /// How many nodes they begin at when none is given.
    starts: f64,
    /// How many nodes one of them visits.
    visits: f64,
    /// How many edges lead on from a node.
    fan_out: f64,
}

/// What walks from the subject and from the object of a path are thought to meet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Directions {
    forward: Direction,
    backward: Direction,
}

impl Default for Directions {
    /// Neither end is better.
    fn default() -> Self {
        let direction = Direction {
            starts: 1.0,
            visits: 1.0,
            fan_out: 1.0,
        };
        Self {
            forward: direction,
            backward: direction,
        }
    }
}

impl Directions {
    /// What the figures of the predicates let think.
    ///
    /// # Errors
    /// What reading figures and looking up predicates fail with.
    pub(crate) fn estimate(
        path: &PropertyPathExpression,
        execution: &Execution,
    ) -> Result<Self, QueryError> {
        let direction = |backward| {
            let automaton = Automaton::new(path, backward, execution)?;
            Direction::estimate(&automaton, execution)
        };
        Ok(Self {
            forward: direction(false)?,
            backward: direction(true)?,
        })
    }

    /// Directions of these starts, visits and fan-outs.
    #[cfg(test)]
    pub(crate) fn of(mut figures: impl FnMut() -> [f64; 3]) -> Self {
        let mut direction = || {
            let [starts, visits, fan_out] = figures();
            Direction {
                starts,
                visits,
                fan_out,
            }
        };
        Self {
            forward: direction(),
            backward: direction(),
        }
    }

    /// The end to walk from when neither is bound.
    pub(crate) fn for_all(&self) -> WalkFrom {
        let [forward, backward] = [self.forward, self.backward].map(|way| way.starts * way.visits);
        if backward < forward {
            WalkFrom::Object
        } else {
            WalkFrom::Subject
        }
    }

    /// The end to walk from for so many pairs of nodes with so many distinct ones at the ends: that with the fewer walks and
    /// edges where these serve many pairs each, and both where they do not.
    pub(crate) fn for_pairs(&self, subjects: usize, objects: usize, pairs: usize) -> WalkFrom {
        if pairs <= subjects.min(objects).saturating_mul(2) {
            return WalkFrom::Both;
        }
        let forward = subjects as f64 * self.forward.visits;
        let backward = objects as f64 * self.backward.visits;
        if backward < forward {
            WalkFrom::Object
        } else {
            WalkFrom::Subject
        }
    }

    /// About how many edges lead on from a node along the path and against it.
    pub(crate) fn fan_outs(&self) -> [f64; 2] {
        [self.forward.fan_out, self.backward.fan_out]
    }
}

impl Direction {
    fn estimate(automaton: &Automaton, execution: &Execution) -> Result<Self, QueryError> {
        let spreads = automaton.steps.iter().map(|step| spread(step, execution));
        let spreads: Vec<_> = spreads.collect::<Result<_, _>>()?;
        let starts = if automaton.accepts_nothing() {
            // All nodes, whichever the end is.
            1.0
        } else {
            let first = automaton.states.first().into_iter();
            let first = first.flat_map(|state| &state.transitions);
            first.map(|(step, _)| spreads[*step].nodes).sum()
        };
        let (mut at, mut visits) = (vec![0.0; automaton.states.len()], 1.0);
        if let Some(first) = at.first_mut() {
            *first = 1.0;
        }
        let (mut walked, mut edges) = (0.0, 0.0);
        for _ in 0..ROUNDS_MIN.max(automaton.states.len()) {
            let mut next = vec![0.0; at.len()];
            for (state, count) in automaton.states.iter().zip(&at) {
                for (step, target) in &state.transitions {
                    next[*target] += count * spreads[*step].fan_out;
                }
                if !state.transitions.is_empty() {
                    walked += count;
                }
            }
            let reached: f64 = next.iter().sum();
            edges += reached;
            visits += reached;
            at = next;
        }
        Ok(Self {
            starts,
            visits,
            fan_out: edges / walked.max(1.0),
        })
    }
}

/// The nodes that a step leads from, and the edges that each of them has.
struct Spread {
    nodes: f64,
    fan_out: f64,
}

fn spread(step: &Step, execution: &Execution) -> Result<Spread, QueryError> {
    let source = execution.source();
    let figures = match &step.label {
        Label::Predicate(predicate) => match TermId::from_raw(*predicate) {
            predicate if predicate.is_query_local() => Ok(QuadFigures::default()),
            predicate => source.predicate_figures(predicate),
        },
        Label::NoneOf(_) => source.figures(),
    };
    let figures = figures.map_err(|error| execution.explain(error))?;
    let nodes = match step.inverse {
        false => figures.subjects,
        true => figures.objects,
    };
    let nodes = nodes as f64;
    Ok(Spread {
        nodes,
        fan_out: figures.quads as f64 / nodes.max(1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::{Directions, WalkFrom};

    /// Directions of these starts and visits.
    fn directions(forward: [f64; 2], backward: [f64; 2]) -> Directions {
        let mut figures = [forward, backward].into_iter();
        Directions::of(|| {
            let [starts, visits] = figures.next().unwrap_or([1.0; 2]);
            [starts, visits, 1.0]
        })
    }

    #[test]
    fn many_pairs_of_few_nodes_are_walked_to_from_the_fewer() {
        let alike = Directions::default();
        assert_eq!(WalkFrom::Both, alike.for_pairs(1, 1, 1));
        assert_eq!(WalkFrom::Both, alike.for_pairs(100, 80, 160));
        assert_eq!(WalkFrom::Subject, alike.for_pairs(1, 100, 100));
        assert_eq!(WalkFrom::Object, alike.for_pairs(100, 1, 100));
        let unlike = directions([1.0, 1_000.0], [1.0, 2.0]);
        assert_eq!(WalkFrom::Object, unlike.for_pairs(10, 20, 200));
    }

    #[test]
    fn all_pairs_are_walked_to_from_the_end_with_less_to_visit() {
        for (forward, backward, from) in [
            ([10.0, 2.0], [10.0, 2.0], WalkFrom::Subject),
            ([10.0, 2.0], [5.0, 2.0], WalkFrom::Object),
            ([10.0, 2.0], [5.0, 8.0], WalkFrom::Subject),
        ] {
            assert_eq!(from, directions(forward, backward).for_all());
        }
    }
}
