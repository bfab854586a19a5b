//! What a search has visited, and how it goes on from there in rounds.
//!
//! What flows in: nodes reached, each in a state of an automaton. What flows out: those that were not visited before, and
//! the nodes behind them. What always holds: a visit is walked from once (semi-naive evaluation); the edges of a node are
//! looked up once for all searches that reach it in one round and state; nodes are looked up in their order; no recursion.

use super::automaton::Automaton;
use super::edges::Edges;
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use crate::operators::row_table::RowHasher;
use crate::operators::sort_keys::sort_stable;
use hashbrown::HashTable;

/// How many nodes are looked up at once.
const WALKED_AT_ONCE: usize = 1_024;

/// A node reached in a state of the automaton.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Visit {
    pub(super) state: u32,
    pub(super) node: u64,
    /// The number of the search that reached it.
    pub(super) search: u32,
}

/// What was reached in the round before, as far as it is still to be walked from.
#[derive(Default)]
pub(super) struct Frontier {
    round: Vec<Visit>,
    /// Those before this one were walked from.
    next: usize,
    /// The nodes that are being walked from, and where their visits begin in the round.
    nodes: Vec<u64>,
    places: Vec<usize>,
}

impl Frontier {
    /// Whether all of the round was walked from.
    pub(super) fn is_done(&self) -> bool {
        self.next == self.round.len()
    }

    /// Begins a round of what was reached in the one before.
    pub(super) fn begin(
        &mut self,
        visits: &mut Visits,
        execution: &Execution,
    ) -> Result<(), QueryError> {
        self.next = 0;
        std::mem::swap(&mut self.round, &mut visits.reached);
        visits.reached.clear();
        visits.round = self.round.capacity();
        sort_stable(&mut self.round, Visit::cmp, execution)
    }

    /// Walks from the next nodes of one state, for all searches that reached them, and gives what is behind their edges.
    pub(super) fn walk(
        &mut self,
        automaton: &Automaton,
        edges: &mut Edges,
        mut visit: impl FnMut(Visit) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let Some(first) = self.round.get(self.next) else {
            return Ok(());
        };
        let state = first.state;
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
        let (round, places) = (&self.round, &self.places);
        for (step, target) in &automaton.states[state as usize].transitions {
            edges.walk(*step, &self.nodes, |place, node| {
                for from in &round[places[place]..places[place + 1]] {
                    visit(Visit {
                        state: *target as u32,
                        node,
                        search: from.search,
                    })?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// What was visited.
pub(super) struct Visits {
    visited: VisitSet,
    /// What is being reached in this round, as far as it leads on.
    pub(super) reached: Vec<Visit>,
    /// The room that the round has which is being walked from.
    round: usize,
    account: Account,
}

impl Visits {
    pub(super) fn new(execution: &Execution) -> Self {
        Self {
            visited: VisitSet::new(),
            reached: Vec::new(),
            round: 0,
            account: execution.memory.account(),
        }
    }

    /// How many visits there were, which is what the search has cost.
    pub(super) fn len(&self) -> usize {
        self.visited.len()
    }

    pub(super) fn contains(&self, visit: &Visit) -> bool {
        self.visited.contains(visit)
    }

    /// Notes a visit, beside which so many bytes are kept; false if it is not the first of its kind. One that is the first,
    /// and leads on, is walked from in the next round.
    #[inline]
    pub(super) fn note(
        &mut self,
        automaton: &Automaton,
        visit: Visit,
        execution: &Execution,
        beside: impl FnOnce() -> usize,
    ) -> Result<bool, QueryError> {
        if self.visited.is_full() {
            execution.check()?;
            let bytes = self.visited.bytes_grown() + self.bytes_of_rounds() + beside();
            self.account.require(bytes)?;
            self.visited.grow(execution)?;
        }
        if !self.visited.insert(visit) {
            return Ok(false);
        }
        if self.visited.len().is_multiple_of(1_024) {
            execution.check()?;
        }
        if !automaton.states[visit.state as usize]
            .transitions
            .is_empty()
        {
            self.reached.push(visit);
        }
        Ok(true)
    }

    fn bytes_of_rounds(&self) -> usize {
        // A round is sorted with as much room again.
        2 * (self.round + self.reached.capacity()) * size_of::<Visit>()
    }

    /// Puts what is kept on the account, with so many bytes beside it.
    pub(super) fn account_for(&mut self, beside: usize) -> Result<(), QueryError> {
        let bytes = self.visited.bytes() + self.bytes_of_rounds() + beside;
        self.account.require(bytes)
    }
}

/// Visits, each once.
pub(super) struct VisitSet {
    table: HashTable<Visit>,
    hasher: RowHasher,
}

impl VisitSet {
    pub(super) fn new() -> Self {
        Self {
            table: HashTable::new(),
            hasher: RowHasher::new(),
        }
    }

    fn hash(hasher: RowHasher, visit: &Visit) -> u64 {
        let place = u64::from(visit.state) << 32 | u64::from(visit.search);
        hasher.hash(&[visit.node, place])
    }

    fn len(&self) -> usize {
        self.table.len()
    }

    fn is_full(&self) -> bool {
        self.table.len() == self.table.capacity()
    }

    pub(super) fn bytes(&self) -> usize {
        self.table.allocation_size()
    }

    /// The bytes while it grows: the old table and one of twice its size.
    fn bytes_grown(&self) -> usize {
        self.bytes() * 3
    }

    /// Makes a table of twice the size, which a stop reaches soon.
    fn grow(&mut self, execution: &Execution) -> Result<(), QueryError> {
        let hash = |visit: &Visit| Self::hash(self.hasher, visit);
        let mut table = HashTable::with_capacity(1 + 2 * self.table.len());
        for (number, visit) in self.table.iter().enumerate() {
            if number % 1_024 == 0 {
                execution.check()?;
            }
            table.insert_unique(hash(visit), *visit, hash);
        }
        self.table = table;
        Ok(())
    }

    fn contains(&self, visit: &Visit) -> bool {
        let hash = Self::hash(self.hasher, visit);
        self.table.find(hash, |other| other == visit).is_some()
    }

    /// Adds a visit, and makes room for it before; false if it is in the set.
    ///
    /// # Errors
    /// A stop.
    pub(super) fn insert_growing(
        &mut self,
        visit: Visit,
        execution: &Execution,
    ) -> Result<bool, QueryError> {
        if self.is_full() {
            self.grow(execution)?;
        }
        Ok(self.insert(visit))
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
