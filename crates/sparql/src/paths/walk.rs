//! A walk from given nodes, or from all, in one direction: groups of starts, one after the other.
//!
//! What flows in: nodes to start from, perhaps the pairs that are asked for. What flows out: pairs of a start, by its
//! number, and a node reached. What always holds: as many starts are walked from at once as will not visit too many nodes
//! together, by what those before them have visited; a group is left once all that is asked for of it is found; a walk that
//! has become long gives up what it was asked for and has not decided, for the other end to be tried.

use super::automaton::Automaton;
use super::edges::Edges;
use super::reach::{Reach, Reached};
use super::scope::Scope;
use crate::error::QueryError;
use std::collections::BTreeSet;

/// How many starts the first group has.
pub(super) const FIRST_STARTS: usize = 16;

/// How many starts a group has at most.
const MOST_STARTS: usize = 4 * 1024;

/// How many visits a group should make, about.
const VISITS_OF_GROUP: usize = 256 * 1024;

/// How many starts a group should have after one that has made so many visits from its own.
pub(super) fn size_of_next_group(visits: usize, starts: usize) -> usize {
    let visits_of_start = (visits / starts.max(1)).max(1);
    (VISITS_OF_GROUP / visits_of_start).clamp(1, MOST_STARTS)
}

/// A walk within one graph.
pub(crate) struct Walk {
    edges: Edges,
    starts: Vec<u64>,
    /// The pairs that are asked for and not decided yet; `None` is all.
    asked: Option<BTreeSet<Reached>>,
    /// How many visits may be made before the other end is to be tried.
    visits_max: usize,
    /// How many were made in the groups before.
    visits: usize,
    /// The starts that are being walked from, or were last.
    group: (usize, usize),
    group_size: usize,
    reach: Option<Reach>,
    /// For each start of this group, how many of the pairs asked for were not found yet, and how many starts have any.
    open_pairs: Vec<usize>,
    open_starts: usize,
    found: Vec<Reached>,
}

impl Walk {
    pub(crate) fn new(
        edges: Edges,
        starts: Vec<u64>,
        asked: Option<BTreeSet<Reached>>,
        visits_max: usize,
    ) -> Self {
        Self {
            edges,
            starts,
            asked,
            visits_max,
            visits: 0,
            group: (0, 0),
            group_size: FIRST_STARTS,
            reach: None,
            open_pairs: Vec::new(),
            open_starts: 0,
            found: Vec::new(),
        }
    }

    pub(crate) fn scope(&self) -> &Scope {
        self.edges.scope()
    }

    /// The edges, for another walk in the same graph and direction.
    pub(crate) fn into_edges(self) -> Edges {
        self.edges
    }

    pub(crate) fn start(&self, number: u32) -> u64 {
        self.starts[number as usize]
    }

    /// Sets the next pairs, of those asked for; false when there are no more.
    pub(crate) fn advance(
        &mut self,
        automaton: &Automaton,
        pairs: &mut Vec<Reached>,
    ) -> Result<bool, QueryError> {
        pairs.clear();
        self.found.clear();
        let Some(reach) = &mut self.reach else {
            return Ok(self.next_group(automaton));
        };
        if !reach.advance(automaton, &mut self.edges, &mut self.found)? {
            self.end_group();
            self.decide_group();
        }
        let first = self.group.0 as u32;
        let found = self
            .found
            .iter()
            .map(|(start, node)| (first + start, *node));
        match &mut self.asked {
            None => pairs.extend(found),
            Some(asked) => pairs.extend(found.filter(|pair| asked.remove(pair))),
        }
        if self.asked.is_some() {
            self.note_found(pairs);
        }
        Ok(true)
    }

    /// The pairs that are not decided yet, if more visits were made than should be before the other end is tried.
    pub(crate) fn given_up(&self) -> Option<&BTreeSet<Reached>> {
        let visits = self.visits + self.reach.as_ref().map_or(0, Reach::visits);
        let asked = self.asked.as_ref();
        asked.filter(|asked| visits > self.visits_max && !asked.is_empty())
    }

    /// Forgets the pairs asked for of a group of which all is known.
    fn decide_group(&mut self) {
        if let Some(asked) = &mut self.asked {
            *asked = asked.split_off(&(self.group.1 as u32, 0));
        }
    }

    /// Takes pairs that were asked for off those still to be found.
    fn note_found(&mut self, pairs: &[Reached]) {
        let Some(reach) = &mut self.reach else {
            return;
        };
        for (start, _) in pairs {
            let start = start - self.group.0 as u32;
            if let Some(open) = self.open_pairs.get_mut(start as usize) {
                *open = open.saturating_sub(1);
                if *open == 0 {
                    self.open_starts = self.open_starts.saturating_sub(1);
                    reach.finish(start);
                }
            }
        }
        if self.open_starts == 0 {
            self.end_group();
        }
    }

    fn next_group(&mut self, automaton: &Automaton) -> bool {
        let start = self.group.1;
        let end = self.starts.len().min(start + self.group_size);
        self.group = (start, end);
        if start == end {
            return false;
        }
        if let Some(asked) = &self.asked {
            self.open_pairs.clear();
            self.open_pairs.resize(end - start, 0);
            for (number, _) in asked.range((start as u32, 0)..(end as u32, 0)) {
                self.open_pairs[*number as usize - start] += 1;
            }
            self.open_starts = self.open_pairs.iter().filter(|open| **open > 0).count();
        }
        let starts = &self.starts[start..end];
        self.reach = Some(Reach::new(automaton, starts, self.edges.execution()));
        true
    }

    fn end_group(&mut self) {
        if let Some(reach) = self.reach.take() {
            self.visits += reach.visits();
            self.group_size = size_of_next_group(reach.visits(), self.group.1 - self.group.0);
        }
    }
}
