//! What can be reached from some nodes by a path.
//!
//! What flows in: nodes to start from. What flows out: pairs of a start, by its number, and a node reached. What always
//! holds: each pair comes once; a node is walked from once for each start and state (semi-naive evaluation), and its edges
//! are looked up once for all starts that reach it in one round; nodes are looked up in their order; no recursion.

use super::automaton::Automaton;
use super::edges::Edges;
use super::scope::Scope;
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use crate::operators::row_table::RowHasher;
use crate::operators::sort_keys::sort_stable;
use hashbrown::HashTable;

/// A node reached from a start, in a state of the automaton.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Visit {
    state: u32,
    node: u64,
    start: u32,
}

/// How many nodes are looked up at once.
const WALKED_AT_ONCE: usize = 1_024;

/// How many pairs are found before they are given, about.
const FOUND_AT_ONCE: usize = 1_000;

/// Walks from some nodes, in rounds.
pub(crate) struct Reach {
    /// What was reached in the round before; those from `next` on are still to be walked from.
    round: Vec<Visit>,
    next: usize,
    has_begun: bool,
    /// The nodes that are being walked from, and where their visits begin in the round.
    nodes: Vec<u64>,
    places: Vec<usize>,
    visits: Visits,
}

/// A pair of a start, by its number, and a node reached from it.
pub(crate) type Reached = (u32, u64);

impl Reach {
    /// Walks from these nodes.
    pub(crate) fn new(automaton: &Automaton, starts: &[u64], execution: &Execution) -> Self {
        let round = (0..).zip(starts).map(|(start, node)| Visit {
            state: 0,
            node: *node,
            start,
        });
        let accepting = automaton.states.iter().filter(|state| state.is_accepting);
        Self {
            round: round.collect(),
            next: 0,
            has_begun: false,
            nodes: Vec::new(),
            places: Vec::new(),
            visits: Visits {
                visited: VisitSet::new(),
                reached: Vec::new(),
                given: (accepting.count() > 1).then(VisitSet::new),
                account: execution.memory.account(),
            },
        }
    }

    /// How many visits there were, which is what the walk has cost.
    pub(crate) fn visits(&self) -> usize {
        self.visits.visited.table.len()
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
        if !std::mem::replace(&mut self.has_begun, true) {
            for visit in std::mem::take(&mut self.round) {
                self.visits.add(automaton, visit, edges.scope(), found)?;
            }
            return Ok(true);
        }
        if self.next == self.round.len() {
            self.next = 0;
            std::mem::swap(&mut self.round, &mut self.visits.reached);
            self.visits.reached.clear();
            sort_stable(&mut self.round, Visit::cmp, edges.execution())?;
        }
        while self.next < self.round.len() && found.len() < FOUND_AT_ONCE {
            self.walk(automaton, edges, found)?;
        }
        self.visits
            .account_for(self.round.capacity(), found.capacity())?;
        Ok(self.next > 0)
    }

    /// Walks from the next nodes of one state, for all starts that reached them.
    fn walk(
        &mut self,
        automaton: &Automaton,
        edges: &mut Edges,
        found: &mut Vec<Reached>,
    ) -> Result<(), QueryError> {
        let state = self.round[self.next].state;
        self.nodes.clear();
        self.places.clear();
        let rest = self.round.iter().enumerate().skip(self.next);
        for (place, visit) in rest.take_while(|(_, visit)| visit.state == state) {
            if self.nodes.last() != Some(&visit.node) {
                if self.nodes.len() == WALKED_AT_ONCE {
                    break;
                }
                self.nodes.push(visit.node);
                self.places.push(place);
            }
            self.next = place + 1;
        }
        self.places.push(self.next);
        let (round, places, visits) = (&self.round, &self.places, &mut self.visits);
        let scope = edges.scope().clone();
        for (step, target) in &automaton.states[state as usize].transitions {
            edges.walk(*step, &self.nodes, |place, node| {
                for from in &round[places[place]..places[place + 1]] {
                    let visit = Visit {
                        state: *target as u32,
                        node,
                        start: from.start,
                    };
                    visits.add(automaton, visit, &scope, found)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// What was visited.
struct Visits {
    visited: VisitSet,
    /// What is being reached in this round.
    reached: Vec<Visit>,
    /// Pairs given, where one could come by several accepting states.
    given: Option<VisitSet>,
    account: Account,
}

impl Visits {
    /// Notes a visit. If it is the first of its kind, it is walked from in the next round, and given if it is accepted.
    #[inline]
    fn add(
        &mut self,
        automaton: &Automaton,
        visit: Visit,
        scope: &Scope,
        found: &mut Vec<Reached>,
    ) -> Result<(), QueryError> {
        if self.visited.is_full() {
            self.grow(scope.execution(), found.capacity())?;
        }
        if !self.visited.insert(visit) {
            return Ok(());
        }
        if self.visited.table.len().is_multiple_of(1_024) {
            scope.execution().check()?;
        }
        let state = &automaton.states[visit.state as usize];
        if !state.transitions.is_empty() {
            self.reached.push(visit);
        }
        let is_new = match &mut self.given {
            Some(given) if state.is_accepting => {
                if given.is_full() {
                    given.grow();
                }
                given.insert(Visit { state: 0, ..visit })
            }
            _ => state.is_accepting,
        };
        if is_new {
            found.push((visit.start, visit.node));
        }
        Ok(())
    }

    fn grow(&mut self, execution: &Execution, found: usize) -> Result<(), QueryError> {
        execution.check()?;
        let bytes = self.visited.bytes_grown() + self.bytes_beside(0, found);
        self.account.require(bytes)?;
        self.visited.grow();
        Ok(())
    }

    fn bytes_beside(&self, round: usize, found: usize) -> usize {
        let given = self.given.as_ref().map_or(0, VisitSet::bytes);
        // A round is sorted with as much room again.
        let rounds = 2 * (round + self.reached.capacity());
        rounds * size_of::<Visit>() + found * size_of::<Reached>() + given
    }

    fn account_for(&mut self, round: usize, found: usize) -> Result<(), QueryError> {
        let bytes = self.visited.bytes() + self.bytes_beside(round, found);
        self.account.require(bytes)
    }
}

/// Visits, each once.
struct VisitSet {
    table: HashTable<Visit>,
    hasher: RowHasher,
}

impl VisitSet {
    fn new() -> Self {
        Self {
            table: HashTable::new(),
            hasher: RowHasher::new(),
        }
    }

    fn hash(hasher: RowHasher, visit: &Visit) -> u64 {
        let place = u64::from(visit.state) << 32 | u64::from(visit.start);
        hasher.hash(&[visit.node, place])
    }

    fn is_full(&self) -> bool {
        self.table.len() == self.table.capacity()
    }

    fn bytes(&self) -> usize {
        self.table.allocation_size()
    }

    /// The bytes while it grows: the old table and one of twice its size.
    fn bytes_grown(&self) -> usize {
        self.bytes() * 3
    }

    fn grow(&mut self) {
        let hasher = self.hasher;
        self.table
            .reserve(1 + self.table.len(), |visit| Self::hash(hasher, visit));
    }

    /// Adds a visit, for which there is room; false if it is in the set.
    fn insert(&mut self, visit: Visit) -> bool {
        use hashbrown::hash_table::Entry;
        let hasher = self.hasher;
        let entry = self.table.entry(
            Self::hash(hasher, &visit),
            |other| *other == visit,
            |visit| Self::hash(hasher, visit),
        );
        match entry {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert(visit);
                true
            }
        }
    }
}
