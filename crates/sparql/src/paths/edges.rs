//! The edges of a path's steps within a graph.
//!
//! What flows in: nodes, best ascending, and the number of a step. What flows out: the nodes behind them. What always holds:
//! an edge that several graphs of a merged default graph hold may come several times; nothing else does. Edges are looked
//! up, all nodes of a round at once; once so many were looked up that reading all edges of the step costs no more, these
//! are read and kept in memory, if the budget has the room.

use super::automaton::{Label, Step};
use super::scope::{PREDICATE, Scope, ends, pattern};
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use crate::operators::sort_keys::sort_stable;
use crate::source::QuadLookup;
use quadrille_store::{
    ColumnBatch, LookupBatch, LookupPosition, LookupRequest, Permutation, TermId,
};
use std::sync::Arc;

/// How many edges are read and sorted in the time of one look-up, about.
const EDGES_PER_LOOKUP: u64 = 4;

/// Edges fewer than these are not worth a thought.
const FEW_EDGES: u64 = 1_000;

/// After how many nodes, or targets of one node, it is asked whether the run may go on.
const NODES_BETWEEN_CHECKS: usize = 1_024;

/// The edges of the steps of a path.
pub(crate) struct Edges {
    scope: Scope,
    steps: Vec<StepEdges>,
    batch: LookupBatch,
    account: Account,
}

/// The edges of a step.
struct StepEdges {
    step: Step,
    /// A look-up for each graph of the scope; none before the first use.
    lookups: Vec<Box<dyn QuadLookup>>,
    looked_up: u64,
    /// From how many look-ups on all edges are read; `None` before the first use.
    worth_reading: Option<u64>,
    in_memory: Option<Adjacency>,
}

impl Edges {
    pub(crate) fn new(scope: Scope, steps: impl IntoIterator<Item = Step>) -> Self {
        let steps = steps.into_iter().map(|step| StepEdges {
            step,
            lookups: Vec::new(),
            looked_up: 0,
            worth_reading: None,
            in_memory: None,
        });
        Self {
            steps: steps.collect(),
            batch: LookupBatch::new(),
            account: scope.execution().memory.account(),
            scope,
        }
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    pub(crate) fn execution(&self) -> &Execution {
        self.scope.execution()
    }

    /// The execution, for who walks along the edges meanwhile.
    pub(crate) fn shared_execution(&self) -> Arc<Execution> {
        self.scope.shared_execution()
    }

    /// Gives the nodes that a step leads to from some nodes, each with the place of the node that it comes from.
    pub(crate) fn walk(
        &mut self,
        step: usize,
        nodes: &[u64],
        visit: impl FnMut(usize, u64) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        self.consider_reading(step, nodes.len())?;
        if let Some(adjacency) = &self.steps[step].in_memory {
            return adjacency.walk(nodes, || self.scope.execution().check(), visit);
        }
        self.look_up(step, nodes, visit)
    }

    /// Looks up the edges of a step at some nodes; gives the place of the node and the node behind.
    fn look_up(
        &mut self,
        step: usize,
        nodes: &[u64],
        mut visit: impl FnMut(usize, u64) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let (scope, batch) = (&self.scope, &mut self.batch);
        let edges = &mut self.steps[step];
        if edges.lookups.is_empty() {
            edges.lookups = open_lookups(scope, &edges.step)?;
        }
        let [_, to] = ends(&edges.step);
        let explain = |error| scope.execution().explain(error);
        for lookup in &mut edges.lookups {
            lookup.set_probes(&[nodes]).map_err(explain)?;
            while lookup.next_batch(batch).map_err(explain)? {
                scope.execution().check()?;
                let rows = batch.probes().iter().zip(batch.column(to));
                match &edges.step.label {
                    Label::Predicate(_) => {
                        for (probe, node) in rows {
                            visit(*probe as usize, *node)?;
                        }
                    }
                    Label::NoneOf(excluded) => {
                        for ((probe, node), predicate) in rows.zip(batch.column(PREDICATE)) {
                            if excluded.binary_search(predicate).is_err() {
                                visit(*probe as usize, *node)?;
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Counts look-ups, and reads all edges of a step when that is worth it.
    fn consider_reading(&mut self, step: usize, lookups: usize) -> Result<(), QueryError> {
        let edges = &mut self.steps[step];
        edges.looked_up += lookups as u64;
        let worth_reading = match edges.worth_reading {
            Some(lookups) => lookups,
            None if edges.looked_up < FEW_EDGES => return Ok(()),
            None => {
                let count = self.scope.count(&edges.step)?;
                let lookups = (count / EDGES_PER_LOOKUP).max(FEW_EDGES);
                *edges.worth_reading.insert(lookups)
            }
        };
        if edges.in_memory.is_some() || edges.looked_up < worth_reading {
            return Ok(());
        }
        edges.in_memory = Adjacency::read(&self.scope, &edges.step, &mut self.account)?;
        if edges.in_memory.is_none() {
            // No room for them; the look-ups go on.
            edges.worth_reading = Some(u64::MAX);
        }
        Ok(())
    }
}

/// Which of some nodes, best ascending, are the subject or the object of any edge.
pub(super) fn are_nodes(scope: &Scope, nodes: &[u64]) -> Result<Vec<bool>, QueryError> {
    let explain = |error| scope.execution().explain(error);
    let mut are_nodes = vec![false; nodes.len()];
    let mut open: Vec<usize> = (0..nodes.len()).collect();
    let (mut probes, mut found) = (Vec::new(), Vec::new());
    for step in [false, true].map(Step::any) {
        for mut lookup in open_lookups(scope, &step)? {
            if open.is_empty() {
                return Ok(are_nodes);
            }
            probes.clear();
            probes.extend(open.iter().map(|place| nodes[*place]));
            lookup.contains(&[&probes], &mut found).map_err(explain)?;
            for (place, is_found) in open.iter().zip(&found) {
                are_nodes[*place] = *is_found;
            }
            open.retain(|place| !are_nodes[*place]);
        }
    }
    Ok(are_nodes)
}

fn open_lookups(scope: &Scope, step: &Step) -> Result<Vec<Box<dyn QuadLookup>>, QueryError> {
    let explain = |error| scope.execution().explain(error);
    let is_local = |label: &Label| match label {
        Label::Predicate(predicate) => TermId::from_raw(*predicate).is_query_local(),
        Label::NoneOf(_) => false,
    };
    if is_local(&step.label) {
        return Ok(Vec::new());
    }
    let open = |graph: &Option<TermId>| {
        let [from, to] = ends(step);
        let mut positions = pattern(step, None, *graph).map(|id| match id {
            Some(id) => LookupPosition::Constant(id),
            None => LookupPosition::Open,
        });
        positions[from] = LookupPosition::Probe(0);
        let mut columns = [false; 4];
        columns[to] = true;
        columns[PREDICATE] = matches!(step.label, Label::NoneOf(_));
        let bound = positions.map(|position| position != LookupPosition::Open);
        let permutation = Permutation::candidates(bound).first();
        let request = LookupRequest {
            permutation: permutation.copied().unwrap_or(Permutation::Spoc),
            positions,
            range: None,
            columns,
        };
        let context = scope.execution().dataset.limits.context();
        let lookup = scope.execution().source().lookup(&request, context);
        lookup.map_err(explain)
    };
    scope.graphs().iter().map(open).collect()
}

/// All edges of a step, by the nodes that they come from.
struct Adjacency {
    /// The nodes, ascending.
    nodes: Vec<u64>,
    /// For each node, and once more at the end, where its edges begin.
    starts: Vec<u32>,
    targets: Vec<u64>,
}

impl Adjacency {
    /// Reads the edges; `None` when the budget has no room for them.
    fn read(scope: &Scope, step: &Step, account: &mut Account) -> Result<Option<Self>, QueryError> {
        let count = usize::try_from(scope.count(step)?).unwrap_or(usize::MAX);
        // The pairs, the same again for sorting them, and what is made of them.
        let bytes = count.saturating_mul(2 * size_of::<(u64, u64)>() + 20);
        if u32::try_from(count).is_err() || !account.set(bytes) {
            return Ok(None);
        }
        let [from, to] = ends(step);
        let mut pairs: Vec<(u64, u64)> = Vec::with_capacity(count);
        scope.scan(step, [from, to], |batch: &ColumnBatch| {
            let rows = batch.column(from).iter().zip(batch.column(to));
            match &step.label {
                Label::Predicate(_) => pairs.extend(rows.map(|(from, to)| (*from, *to))),
                Label::NoneOf(excluded) => {
                    let rows = rows.zip(batch.column(PREDICATE));
                    let kept =
                        rows.filter(|(_, predicate)| excluded.binary_search(predicate).is_err());
                    pairs.extend(kept.map(|((from, to), _)| (*from, *to)));
                }
            }
            Ok(())
        })?;
        if !pairs.is_sorted() {
            sort_stable(&mut pairs, Ord::cmp, scope.execution())?;
        }
        pairs.dedup();
        let adjacency = Self::new(&pairs);
        let bytes = adjacency.bytes();
        drop(pairs);
        // Less than before is always granted.
        let _granted = account.set(bytes);
        Ok(Some(adjacency))
    }

    /// The edges of pairs that are sorted and fewer than 2^32.
    fn new(pairs: &[(u64, u64)]) -> Self {
        let (mut nodes, mut starts) = (Vec::new(), Vec::new());
        for (place, (from, _)) in (0..).zip(pairs) {
            if nodes.last() != Some(from) {
                nodes.push(*from);
                starts.push(place);
            }
        }
        starts.push(pairs.len() as u32);
        Self {
            nodes,
            starts,
            targets: pairs.iter().map(|(_, to)| *to).collect(),
        }
    }

    fn bytes(&self) -> usize {
        let ids = self.nodes.capacity() + self.targets.capacity();
        ids * size_of::<u64>() + self.starts.capacity() * size_of::<u32>()
    }

    /// Each node is searched for behind the one before, as long as they ascend.
    fn walk(
        &self,
        nodes: &[u64],
        check: impl Fn() -> Result<(), QueryError>,
        mut visit: impl FnMut(usize, u64) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let (mut at, mut before) = (0, 0);
        for (probe, &node) in nodes.iter().enumerate() {
            if probe % NODES_BETWEEN_CHECKS == 0 {
                check()?;
            }
            if node < before {
                at = 0;
            }
            before = node;
            at += self.nodes[at..].partition_point(|other| *other < node);
            if self.nodes.get(at) != Some(&node) {
                continue;
            }
            let range = self.starts[at] as usize..self.starts[at + 1] as usize;
            for targets in self.targets[range].chunks(NODES_BETWEEN_CHECKS) {
                if targets.len() == NODES_BETWEEN_CHECKS {
                    check()?;
                }
                for target in targets {
                    visit(probe, *target)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Adjacency;

    #[test]
    fn adjacent_nodes_are_found_in_any_order() {
        let pairs = [(2, 5), (2, 7), (3, 1), (9, 2), (9, 3), (9, 9)];
        let adjacency = Adjacency::new(&pairs);
        for nodes in [&[][..], &[2, 3, 9], &[9, 1, 2, 9, 4], &[0, 10, 5], &[3, 3]] {
            let mut found = Vec::new();
            let walked = adjacency.walk(
                nodes,
                || Ok(()),
                |probe, node| {
                    found.push((probe, node));
                    Ok(())
                },
            );
            assert!(walked.is_ok());
            let of = |(probe, node): (usize, &u64)| {
                let edges = pairs.iter().filter(move |(from, _)| from == node);
                edges.map(|(_, to)| (probe, *to)).collect::<Vec<_>>()
            };
            let expected: Vec<_> = nodes.iter().enumerate().flat_map(of).collect();
            assert_eq!(expected, found);
        }
    }
}
