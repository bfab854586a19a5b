//! Whether pairs of nodes are related, searched for from both ends.
//!
//! What flows in: pairs of nodes, each of which is a search. What flows out: those that the path relates. What always holds:
//! both ends walk one automaton, the one along its transitions, the other against them, so that they meet in the same node
//! and state exactly when a walk leads from the one end to the other; whichever is thought to have less to walk from goes
//! on; a search ends when its ends have met, or one of them can reach nothing more.

use super::automaton::Automaton;
use super::edges::Edges;
use super::reach::Reached;
use super::scope::Scope;
use super::visits::{Frontier, Visit, Visits};
use super::walk::{FIRST_STARTS, size_of_next_group};
use crate::error::QueryError;
use crate::execution::Execution;

/// Pairs to be searched for within one graph, in groups.
pub(crate) struct Meeting {
    /// What the end is walked from by: the automaton, against its transitions.
    reversed: Automaton,
    /// Along the path, and against it.
    edges: [Edges; 2],
    /// About how many edges lead on from a node, along the path and against it.
    fan_outs: [f64; 2],
    starts: Vec<u64>,
    /// The pairs: a start, by its number, and the node at the other end.
    asked: Vec<Reached>,
    /// The pairs that are being searched for, or were last.
    group: (usize, usize),
    group_size: usize,
    searches: Option<Searches>,
}

impl Meeting {
    /// Searches for pairs along an automaton; the edges are those of its steps, and of the same steps the other way round.
    pub(crate) fn new(
        automaton: &Automaton,
        edges: [Edges; 2],
        fan_outs: [f64; 2],
        starts: Vec<u64>,
        asked: Vec<Reached>,
    ) -> Self {
        Self {
            reversed: automaton.reversed(),
            edges,
            fan_outs,
            starts,
            asked,
            group: (0, 0),
            group_size: FIRST_STARTS,
            searches: None,
        }
    }

    pub(crate) fn scope(&self) -> &Scope {
        self.edges[0].scope()
    }

    /// The edges, for another search in the same graph.
    pub(crate) fn into_edges(self) -> [Edges; 2] {
        self.edges
    }

    pub(crate) fn start(&self, number: u32) -> u64 {
        self.starts[number as usize]
    }

    /// Sets the next pairs that are related, which may be none; false when there are no more.
    ///
    /// # Errors
    /// `Memory` when the nodes visited do not fit, a stop, and what reading fails with.
    pub(crate) fn advance(
        &mut self,
        automaton: &Automaton,
        pairs: &mut Vec<Reached>,
    ) -> Result<bool, QueryError> {
        pairs.clear();
        let execution = self.edges[0].shared_execution();
        let automata = [automaton, &self.reversed];
        let mut met = Vec::new();
        match &mut self.searches {
            None => {
                let start = self.group.1;
                let end = self.asked.len().min(start + self.group_size);
                self.group = (start, end);
                if start == end {
                    return Ok(false);
                }
                let ends = self.asked[start..end].iter();
                let ends = ends.map(|(start, target)| [self.starts[*start as usize], *target]);
                let mut searches = Searches::new(end - start, &execution);
                searches.begin(automata, ends, &execution, &mut met)?;
                self.searches = Some(searches);
            }
            Some(searches) => {
                if !searches.go_on(automata, &mut self.edges, self.fan_outs, &mut met)? {
                    let visits = searches.visits();
                    self.group_size = size_of_next_group(visits, self.group.1 - self.group.0);
                    self.searches = None;
                }
            }
        }
        let asked = &self.asked[self.group.0..];
        pairs.extend(met.iter().filter_map(|search| asked.get(*search as usize)));
        Ok(true)
    }
}

/// What is known of one end of all searches of a group.
struct Side {
    frontier: Frontier,
    visits: Visits,
}

/// The searches of a group.
struct Searches {
    /// Walked along the path, and against it.
    sides: [Side; 2],
    /// The side that is being walked from.
    turn: usize,
    /// The searches that go on, and for each of all whether it does.
    open: Vec<u32>,
    is_open: Vec<bool>,
    /// For each search, whether either side has something to walk from.
    leads_on: Vec<[bool; 2]>,
}

impl Searches {
    fn new(count: usize, execution: &Execution) -> Self {
        let side = || Side {
            frontier: Frontier::default(),
            visits: Visits::new(execution),
        };
        Self {
            sides: [side(), side()],
            turn: 0,
            open: (0..).take(count).collect(),
            is_open: vec![true; count],
            leads_on: vec![[false; 2]; count],
        }
    }

    /// How many visits there were, which is what the searches have cost.
    fn visits(&self) -> usize {
        self.sides.iter().map(|side| side.visits.len()).sum()
    }

    /// Visits the ends of all searches; those met there are appended.
    fn begin(
        &mut self,
        [automaton, reversed]: [&Automaton; 2],
        ends: impl Iterator<Item = [u64; 2]>,
        execution: &Execution,
        met: &mut Vec<u32>,
    ) -> Result<(), QueryError> {
        let [along, against] = &mut self.sides;
        for (search, [start, target]) in (0..).zip(ends) {
            let visit = |state, node| Visit {
                state,
                node,
                search,
            };
            let first = visit(0, start);
            along.visits.note(automaton, first, execution, || 0)?;
            for (state, _) in (0..)
                .zip(&automaton.states)
                .filter(|(_, state)| state.is_accepting)
            {
                let last = visit(state, target);
                against.visits.note(reversed, last, execution, || 0)?;
                if last == first {
                    self.is_open[search as usize] = false;
                    met.push(search);
                }
            }
        }
        Ok(())
    }

    /// Walks on from some nodes of one side; the searches whose ends meet there are appended. False when all have ended.
    fn go_on(
        &mut self,
        automata: [&Automaton; 2],
        edges: &mut [Edges; 2],
        fan_outs: [f64; 2],
        met: &mut Vec<u32>,
    ) -> Result<bool, QueryError> {
        let execution = edges[0].shared_execution();
        if self.sides[self.turn].frontier.is_done() {
            self.close();
            self.turn = self.next_turn(fan_outs);
            let Side { frontier, visits } = &mut self.sides[self.turn];
            frontier.begin(visits, &execution)?;
        }
        if self.open.is_empty() {
            return Ok(false);
        }
        let turn = self.turn;
        let [along, against] = &mut self.sides;
        let (own, other) = match turn {
            0 => (along, against),
            _ => (against, along),
        };
        let (is_open, before) = (&mut self.is_open, met.len());
        own.frontier
            .walk(automata[turn], &mut edges[turn], |visit| {
                let is_open = &mut is_open[visit.search as usize];
                if *is_open
                    && own.visits.note(automata[turn], visit, &execution, || 0)?
                    && other.visits.contains(&visit)
                {
                    *is_open = false;
                    met.push(visit.search);
                }
                Ok(())
            })?;
        own.visits.account_for(0)?;
        if met.len() > before {
            self.open.retain(|search| self.is_open[*search as usize]);
        }
        Ok(true)
    }

    /// The side that is thought to have fewer edges to walk along; of two that have as many, the one that has cost less.
    fn next_turn(&self, fan_outs: [f64; 2]) -> usize {
        let [along, against] = [0, 1].map(|side| {
            let visits = &self.sides[side].visits;
            (visits.reached.len() as f64 * fan_outs[side], visits.len())
        });
        usize::from(against < along)
    }

    /// Ends the searches one end of which can reach nothing more, and forgets what is to be walked from for those that ended.
    fn close(&mut self) {
        for search in &self.open {
            self.leads_on[*search as usize] = [false; 2];
        }
        for (side, of) in self.sides.iter().enumerate() {
            for visit in &of.visits.reached {
                self.leads_on[visit.search as usize][side] = true;
            }
        }
        let (is_open, leads_on) = (&mut self.is_open, &self.leads_on);
        self.open.retain(|search| {
            let is_open = &mut is_open[*search as usize];
            *is_open &= leads_on[*search as usize] == [true; 2];
            *is_open
        });
        for side in &mut self.sides {
            let reached = &mut side.visits.reached;
            reached.retain(|visit| is_open[visit.search as usize]);
        }
    }
}
