//! What can be reached from some nodes by a path.
//!
//! What flows in: nodes to start from. What flows out: pairs of a start, by its number, and a node reached. What always
//! holds: each pair comes once; a start of which nothing more is asked is walked from no further after its round.

use super::automaton::Automaton;
use super::edges::Edges;
use super::visits::{Frontier, Visit, VisitSet, Visits};
use crate::error::QueryError;
use crate::execution::Execution;

/// How many pairs are found before they are given, about.
const FOUND_AT_ONCE: usize = 1_000;

/// Walks from some nodes, in rounds.
pub(crate) struct Reach {
    /// The starts, before the first round.
    starts: Vec<Visit>,
    frontier: Frontier,
    accepted: Accepted,
    /// Of which starts nothing more is asked, and whether there are any.
    finished: Vec<bool>,
    has_finished: bool,
}

/// A pair of a start, by its number, and a node reached from it.
pub(crate) type Reached = (u32, u64);

impl Reach {
    /// Walks from these nodes.
    pub(crate) fn new(automaton: &Automaton, starts: &[u64], execution: &Execution) -> Self {
        let visits = (0..).zip(starts).map(|(search, node)| Visit {
            state: 0,
            node: *node,
            search,
        });
        let accepting = automaton.states.iter().filter(|state| state.is_accepting);
        Self {
            starts: visits.collect(),
            frontier: Frontier::default(),
            accepted: Accepted {
                visits: Visits::new(execution),
                given: (accepting.count() > 1).then(VisitSet::new),
            },
            finished: vec![false; starts.len()],
            has_finished: false,
        }
    }

    /// How many visits there were, which is what the walk has cost.
    pub(crate) fn visits(&self) -> usize {
        self.accepted.visits.len()
    }

    /// Takes note that nothing more is asked of a start.
    pub(crate) fn finish(&mut self, start: u32) {
        if let Some(is_finished) = self.finished.get_mut(start as usize) {
            *is_finished = true;
            self.has_finished = true;
        }
    }

    /// Appends the next pairs, if any; false when nothing more can be reached.
    ///
    /// # Errors
    /// `Memory` when the nodes visited do not fit, a stop, and what reading fails with.
    pub(crate) fn advance(
        &mut self,
        automaton: &Automaton,
        edges: &mut Edges,
        found: &mut Vec<Reached>,
    ) -> Result<bool, QueryError> {
        let execution = edges.shared_execution();
        let accepted = &mut self.accepted;
        if !self.starts.is_empty() {
            for visit in std::mem::take(&mut self.starts) {
                accepted.add(automaton, visit, &execution, found)?;
            }
            return Ok(true);
        }
        if self.frontier.is_done() {
            if self.has_finished {
                let is_asked = |visit: &Visit| !self.finished[visit.search as usize];
                accepted.visits.reached.retain(is_asked);
            }
            self.frontier.begin(&mut accepted.visits, &execution)?;
            if self.frontier.is_done() {
                return Ok(false);
            }
        }
        while !self.frontier.is_done() && found.len() < FOUND_AT_ONCE {
            self.frontier.walk(automaton, edges, |visit| {
                accepted.add(automaton, visit, &execution, found)
            })?;
        }
        accepted.account_for(found)?;
        Ok(true)
    }
}

/// What was visited, and what of it was given.
struct Accepted {
    visits: Visits,
    /// Pairs given, where one could come by several accepting states.
    given: Option<VisitSet>,
}

impl Accepted {
    /// Notes a visit. If it is the first of its kind, it is given if it is accepted.
    #[inline]
    fn add(
        &mut self,
        automaton: &Automaton,
        visit: Visit,
        execution: &Execution,
        found: &mut Vec<Reached>,
    ) -> Result<(), QueryError> {
        let given = self.given.as_ref();
        let beside = || bytes_beside(given, found);
        if !self.visits.note(automaton, visit, execution, beside)? {
            return Ok(());
        }
        let is_accepting = automaton.states[visit.state as usize].is_accepting;
        let is_new = match &mut self.given {
            Some(given) if is_accepting => {
                given.insert_growing(Visit { state: 0, ..visit }, execution)?
            }
            _ => is_accepting,
        };
        if is_new {
            found.push((visit.search, visit.node));
        }
        Ok(())
    }

    fn account_for(&mut self, found: &Vec<Reached>) -> Result<(), QueryError> {
        let beside = bytes_beside(self.given.as_ref(), found);
        self.visits.account_for(beside)
    }
}

/// What pairs take that are found or were given.
fn bytes_beside(given: Option<&VisitSet>, found: &Vec<Reached>) -> usize {
    given.map_or(0, VisitSet::bytes) + found.capacity() * size_of::<Reached>()
}
