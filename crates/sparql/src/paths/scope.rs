//! The graph that a path is walked in: which edges there are, and where walks may begin.
//!
//! What flows in: steps. What flows out: edges and nodes. What always holds: an edge that several graphs of
//! a merged default graph hold may come several times; nothing else does.

use super::automaton::{Label, Step};
use crate::dataset::DefaultGraph;
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use crate::operators::sort_keys::sort_stable;
use quadrille_store::{ColumnBatch, IdPattern, ScanRequest, TermId};
use std::sync::Arc;

/// The graphs of the store in which edges are looked for.
#[derive(Clone)]
pub(crate) struct Scope {
    execution: Arc<Execution>,
    graphs: Vec<Option<TermId>>,
}

/// Quad positions.
const SUBJECT: usize = 0;
pub(crate) const PREDICATE: usize = 1;
const OBJECT: usize = 2;
const GRAPH: usize = 3;

impl Scope {
    /// The default graph of the query.
    pub(crate) fn default_graph(execution: Arc<Execution>) -> Self {
        let graphs = match &execution.dataset.default_graph {
            DefaultGraph::Stored => vec![Some(TermId::DEFAULT_GRAPH)],
            DefaultGraph::Union => vec![None],
            DefaultGraph::Merge(graphs) => graphs.iter().copied().map(Some).collect(),
        };
        Self { execution, graphs }
    }

    /// A named graph of the query.
    pub(crate) fn named_graph(execution: Arc<Execution>, graph: u64) -> Self {
        let graph = TermId::from_raw(graph);
        Self {
            execution,
            graphs: vec![Some(graph)],
        }
    }

    pub(crate) fn execution(&self) -> &Execution {
        &self.execution
    }

    pub(crate) fn shared_execution(&self) -> Arc<Execution> {
        Arc::clone(&self.execution)
    }

    /// The graphs of the store in which edges are looked for; `None` is all of them.
    pub(crate) fn graphs(&self) -> &[Option<TermId>] {
        &self.graphs
    }

    /// How many edges a step may take, counting one of several graphs for each.
    pub(crate) fn count(&self, step: &Step) -> Result<u64, QueryError> {
        let mut count = 0_u64;
        for graph in &self.graphs {
            let pattern = pattern(step, None, *graph);
            if !has_local(&pattern) {
                let context = self.execution.dataset.limits.context();
                let more = self.execution.source().count(pattern, context);
                count = count.saturating_add(more.map_err(|error| self.execution.explain(error))?);
            }
        }
        Ok(count)
    }

    /// The nodes that walks may begin at with one of some steps, sorted.
    pub(crate) fn beginnings<'a>(
        &self,
        steps: impl Iterator<Item = &'a Step>,
        account: &mut Account,
    ) -> Result<Vec<u64>, QueryError> {
        let mut nodes = Nodes::new(account, &self.execution);
        for step in steps {
            let [from, _] = ends(step);
            self.scan(step, [from, from], |batch| {
                let column = batch.column(from).iter();
                match &step.label {
                    Label::Predicate(_) => nodes.extend(column.copied()),
                    Label::NoneOf(excluded) => {
                        let rows = column.zip(batch.column(PREDICATE));
                        let kept = rows
                            .filter(|(_, predicate)| excluded.binary_search(predicate).is_err());
                        nodes.extend(kept.map(|(node, _)| *node))
                    }
                }
            })?;
        }
        nodes.finish()
    }

    /// All subjects and objects, sorted.
    pub(crate) fn nodes(&self, account: &mut Account) -> Result<Vec<u64>, QueryError> {
        let mut nodes = Nodes::new(account, &self.execution);
        for graph in &self.graphs {
            let mut request = ScanRequest::new([None, None, None, *graph]);
            request.columns = [true, false, true, false];
            scan_request(&self.execution, &request, |batch| {
                nodes.extend(batch.column(SUBJECT).iter().copied())?;
                nodes.extend(batch.column(OBJECT).iter().copied())
            })?;
        }
        nodes.finish()
    }

    /// Gives the quads that a step may take, with the ids of some positions, and with their predicates if the step is not
    /// of a single one.
    pub(crate) fn scan(
        &self,
        step: &Step,
        positions: [usize; 2],
        mut visit: impl FnMut(&ColumnBatch) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        for graph in &self.graphs {
            let mut request = ScanRequest::new(pattern(step, None, *graph));
            request.columns = [false; 4];
            request.columns[PREDICATE] = matches!(step.label, Label::NoneOf(_));
            for position in positions {
                request.columns[position] = true;
            }
            scan_request(&self.execution, &request, &mut visit)?;
        }
        Ok(())
    }
}

/// The named graphs of the query, sorted, in which walks may begin with one of some steps, at a node or anywhere.
pub(crate) fn graphs_of_steps<'a>(
    execution: &Execution,
    steps: impl Iterator<Item = &'a Step>,
    node: Option<u64>,
    account: &mut Account,
) -> Result<Vec<u64>, QueryError> {
    let mut graphs = Nodes::new(account, execution);
    for step in steps {
        let mut request = ScanRequest::new(pattern(step, node, None));
        request.columns = [false, true, false, true];
        scan_request(execution, &request, |batch| {
            let rows = batch.column(GRAPH).iter().zip(batch.column(PREDICATE));
            let kept = rows.filter(|(graph, predicate)| {
                **graph != TermId::DEFAULT_GRAPH.raw()
                    && match &step.label {
                        Label::Predicate(_) => true,
                        Label::NoneOf(excluded) => excluded.binary_search(predicate).is_err(),
                    }
            });
            graphs.extend(kept.map(|(graph, _)| *graph))
        })?;
    }
    let mut graphs = graphs.finish()?;
    if let Some(named) = &execution.dataset.named_graphs {
        graphs.retain(|graph| named.contains(&TermId::from_raw(*graph)));
    }
    Ok(graphs)
}

fn scan_request(
    execution: &Execution,
    request: &ScanRequest,
    mut visit: impl FnMut(&ColumnBatch) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    if has_local(&request.pattern) {
        return Ok(());
    }
    let explain = |error| execution.explain(error);
    let context = execution.dataset.limits.context();
    let scan = execution.source().scan_request(request, context);
    let mut scan = scan.map_err(explain)?;
    let mut batch = ColumnBatch::new();
    while scan.next_batch(&mut batch).map_err(explain)? {
        execution.check()?;
        visit(&batch)?;
    }
    Ok(())
}

/// Whether a pattern has a term that no quad can hold.
fn has_local(pattern: &IdPattern) -> bool {
    pattern.iter().flatten().any(|id| id.is_query_local())
}

/// The quad positions at which a step begins and ends.
pub(crate) fn ends(step: &Step) -> [usize; 2] {
    if step.inverse {
        [OBJECT, SUBJECT]
    } else {
        [SUBJECT, OBJECT]
    }
}

pub(crate) fn pattern(step: &Step, node: Option<u64>, graph: Option<TermId>) -> IdPattern {
    let mut pattern = [None, None, None, graph];
    pattern[ends(step)[0]] = node.map(TermId::from_raw);
    if let Label::Predicate(predicate) = step.label {
        pattern[PREDICATE] = Some(TermId::from_raw(predicate));
    }
    pattern
}

/// Distinct ids: those that came, sorted and made distinct whenever they are twice as many as they were then.
struct Nodes<'a> {
    ids: Vec<u64>,
    distinct: usize,
    account: &'a mut Account,
    execution: &'a Execution,
}

/// How many ids are gathered before they are first made distinct.
const FIRST_NODES: usize = 4 * 1024;

impl<'a> Nodes<'a> {
    fn new(account: &'a mut Account, execution: &'a Execution) -> Self {
        Self {
            ids: Vec::new(),
            distinct: 0,
            account,
            execution,
        }
    }

    fn extend(&mut self, ids: impl Iterator<Item = u64>) -> Result<(), QueryError> {
        self.ids.extend(ids);
        if self.ids.len() > 2 * self.distinct.max(FIRST_NODES) {
            self.tidy()?;
        }
        Ok(())
    }

    fn tidy(&mut self) -> Result<(), QueryError> {
        // Sorting takes as much again.
        self.account
            .require(2 * self.ids.capacity() * size_of::<u64>())?;
        sort_stable(&mut self.ids, u64::cmp, self.execution)?;
        self.ids.dedup();
        self.distinct = self.ids.len();
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<u64>, QueryError> {
        self.tidy()?;
        self.ids.shrink_to_fit();
        self.account
            .require(self.ids.capacity() * size_of::<u64>())?;
        Ok(self.ids)
    }
}
