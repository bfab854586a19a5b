//! The operator of a property path.
//!
//! What flows in: rows. What flows out: for each row, a row for each pair of ends that agrees with it. What always holds:
//! a row whose subject is bound is walked forward from, one whose object alone is bound backward; rows of a batch that
//! start at one node share the walk.

use super::automaton::{Automaton, Step};
use super::edges::Edges;
use super::reach::Reached;
use super::scope::{Scope, graphs_of_steps};
use super::walk::{Route, Walk};
use super::{PathEnd, PathGraph, PathPattern};
use crate::batch::{Batch, UNBOUND};
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use crate::operators::{BoxedOperator, Operator};
use quadrille_store::TermId;
use spargebra::algebra::PropertyPathExpression;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Rows joined with the pairs that a path relates.
pub(crate) struct PathOperator {
    execution: Arc<Execution>,
    /// `None` when all its rows have come.
    left: Option<BoxedOperator>,
    rows: Batch,
    pub(super) width: usize,
    subject: End,
    object: End,
    graph: Option<End>,
    forward: Route,
    backward: Route,
    /// What is still to be done for the rows at hand, the last one first.
    tasks: Vec<Task>,
    current: Option<Current>,
    /// The edges that the last walk has used, its graph and whether it went backward.
    edges: Option<(Edges, u64, bool)>,
    pairs: Vec<Reached>,
    next_pair: usize,
    /// What the names of graphs and the starts take.
    account: Account,
    row: Vec<u64>,
}

/// An end of the path or its graph: what the query says of it, and where its value goes.
#[derive(Clone, Copy)]
struct End {
    from: PathEnd,
    to: Option<usize>,
}

impl End {
    /// What is known of it in a row.
    fn value(self, rows: &Batch, row: usize) -> u64 {
        match self.from {
            PathEnd::Constant(id) => id,
            PathEnd::Column(column) => rows.value(row, column),
            PathEnd::New => UNBOUND,
        }
    }
}

/// The graphs that rows are to be matched in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Graphs {
    Default,
    One(u64),
    Every,
}

/// Which ends of the path are bound in a row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bound {
    Subject,
    Object,
    Both,
    /// Neither, in this row.
    Neither(usize),
}

/// Walks to be made in some graphs.
struct Task {
    /// The graphs still to be walked in, [`UNBOUND`] for the default graph.
    graphs: Vec<u64>,
    wanted: Arc<Wanted>,
}

/// What a walk is made for.
struct Wanted {
    is_backward: bool,
    starts: Starts,
    /// The pairs that are asked for, each with the rows that ask for it; `None` is all.
    asked: Option<BTreeMap<Reached, Vec<usize>>>,
}

enum Starts {
    /// These nodes, each with the rows that start there.
    Given(Vec<u64>, Vec<Vec<usize>>),
    /// All nodes of a graph that the path can begin at, for one row.
    All([usize; 1]),
}

impl Wanted {
    /// The rows that a pair is for.
    fn rows(&self, pair: &Reached) -> &[usize] {
        match (&self.asked, &self.starts) {
            (Some(asked), _) => asked.get(pair).map_or(&[], Vec::as_slice),
            (None, Starts::Given(_, rows)) => rows.get(pair.0 as usize).map_or(&[], Vec::as_slice),
            (None, Starts::All(row)) => row,
        }
    }
}

/// A walk under way.
struct Current {
    walk: Walk,
    graph: u64,
    wanted: Arc<Wanted>,
}

impl PathOperator {
    /// Joins rows of so many columns, one row without values if there are none, with a path. New columns come behind them:
    /// the subject's, the object's, the graph's, as far as they are [`New`](PathEnd::New).
    ///
    /// # Errors
    /// What looking up the predicates fails with.
    pub(crate) fn new(
        execution: Arc<Execution>,
        left: BoxedOperator,
        left_width: usize,
        pattern: &PathPattern,
    ) -> Result<Self, QueryError> {
        let mut width = left_width;
        let mut end = |from| {
            let to = match from {
                PathEnd::Constant(_) => None,
                PathEnd::Column(column) => Some(column),
                PathEnd::New => {
                    width += 1;
                    Some(width - 1)
                }
            };
            End { from, to }
        };
        let subject = end(pattern.subject);
        let object = if pattern.is_loop {
            subject
        } else {
            end(pattern.object)
        };
        let graph = match pattern.graph {
            PathGraph::Default => None,
            PathGraph::Named(graph) => Some(end(graph)),
        };
        let [forward, backward] = [false, true].map(|backward| {
            let automaton = Automaton::new(&pattern.path, backward, &execution)?;
            Ok::<_, QueryError>(route(&pattern.path, automaton))
        });
        Ok(Self {
            account: execution.memory.account(),
            left: Some(left),
            rows: Batch::default(),
            width,
            subject,
            object,
            graph,
            forward: forward?,
            backward: backward?,
            tasks: Vec::new(),
            current: None,
            edges: None,
            pairs: Vec::new(),
            next_pair: 0,
            row: Vec::new(),
            execution,
        })
    }

    /// Reads rows and prepares what is to be done for them; false at the end.
    fn read_rows(&mut self) -> Result<bool, QueryError> {
        let Some(left) = &mut self.left else {
            return Ok(false);
        };
        if !left.next(&mut self.rows)? {
            self.left = None;
            return Ok(false);
        }
        let mut alike: BTreeMap<(Graphs, Bound), Vec<usize>> = BTreeMap::new();
        for row in 0..self.rows.len() {
            let ends = [self.subject, self.object].map(|end| end.value(&self.rows, row));
            let bound = match ends.map(|id| id != UNBOUND) {
                [true, true] => Bound::Both,
                [true, false] => Bound::Subject,
                [false, true] => Bound::Object,
                [false, false] => Bound::Neither(row),
            };
            let graphs = match self.graph.map(|graph| graph.value(&self.rows, row)) {
                None => Graphs::Default,
                Some(UNBOUND) => Graphs::Every,
                Some(graph) => Graphs::One(graph),
            };
            alike.entry((graphs, bound)).or_default().push(row);
        }
        for ((graphs, bound), rows) in alike {
            self.prepare(graphs, bound, &rows)?;
        }
        self.tasks.reverse();
        Ok(true)
    }

    /// Prepares the walks for rows of which the same is known.
    fn prepare(&mut self, graphs: Graphs, bound: Bound, rows: &[usize]) -> Result<(), QueryError> {
        let is_backward = bound == Bound::Object;
        if let Bound::Neither(row) = bound {
            let graphs = self.graphs(graphs, None, is_backward)?;
            let starts = Starts::All([row]);
            self.push_task(graphs, is_backward, starts, None);
            return Ok(());
        }
        let (from, to) = match is_backward {
            false => (self.subject, self.object),
            true => (self.object, self.subject),
        };
        let mut rows_of_start: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for &row in rows {
            let start = from.value(&self.rows, row);
            rows_of_start.entry(start).or_default().push(row);
        }
        let mut starts_of_graphs: BTreeMap<Vec<u64>, Vec<(u64, Vec<usize>)>> = BTreeMap::new();
        for (start, rows) in rows_of_start {
            let graphs = self.graphs(graphs, Some(start), is_backward)?;
            let starts = starts_of_graphs.entry(graphs).or_default();
            starts.push((start, rows));
        }
        for (graphs, starts) in starts_of_graphs {
            let asked = (bound == Bound::Both).then(|| {
                let mut asked: BTreeMap<Reached, Vec<usize>> = BTreeMap::new();
                for (number, (_, rows)) in (0..).zip(&starts) {
                    for &row in rows {
                        let pair = (number, to.value(&self.rows, row));
                        asked.entry(pair).or_default().push(row);
                    }
                }
                asked
            });
            let (starts, rows) = starts.into_iter().unzip();
            self.push_task(graphs, is_backward, Starts::Given(starts, rows), asked);
        }
        Ok(())
    }

    fn push_task(
        &mut self,
        mut graphs: Vec<u64>,
        is_backward: bool,
        starts: Starts,
        asked: Option<BTreeMap<Reached, Vec<usize>>>,
    ) {
        graphs.reverse();
        let wanted = Arc::new(Wanted {
            is_backward,
            starts,
            asked,
        });
        self.tasks.push(Task { graphs, wanted });
    }

    /// The graphs in which walks from a start, or from anywhere, can relate anything.
    fn graphs(
        &mut self,
        graphs: Graphs,
        start: Option<u64>,
        is_backward: bool,
    ) -> Result<Vec<u64>, QueryError> {
        let explain = |error| self.execution.explain(error);
        let dataset = &self.execution.dataset;
        match graphs {
            Graphs::Default => return Ok(vec![UNBOUND]),
            Graphs::One(graph) => {
                let is_there = dataset.contains_named_graph(TermId::from_raw(graph));
                let graph = Some(graph).filter(|_| is_there.as_ref().is_ok_and(|is| *is));
                is_there.map_err(explain)?;
                return Ok(graph.into_iter().collect());
            }
            Graphs::Every => {}
        }
        let route = match is_backward {
            false => &self.forward,
            true => &self.backward,
        };
        if !route.accepts_nothing() {
            let steps = route.first_steps().into_iter();
            return graphs_of_steps(&self.execution, steps, start, &mut self.account);
        }
        if let (Some(start), false) = (start, self.has_constant()) {
            let steps = [false, true].map(Step::any);
            return graphs_of_steps(
                &self.execution,
                steps.iter(),
                Some(start),
                &mut self.account,
            );
        }
        let names = dataset.named_graph_ids().map_err(explain)?;
        let names = names.map(|name| name.map(TermId::raw).map_err(explain));
        let names: Vec<_> = names.collect::<Result<_, _>>()?;
        self.account.require(names.capacity() * size_of::<u64>())?;
        Ok(names)
    }

    /// Whether an end is a constant, which is related to itself even where no graph holds it.
    fn has_constant(&self) -> bool {
        let is_constant = |end: End| matches!(end.from, PathEnd::Constant(_));
        is_constant(self.subject) || is_constant(self.object)
    }

    /// Begins the next walk; false when there is none.
    fn begin_walk(&mut self) -> Result<bool, QueryError> {
        let Some(task) = self.tasks.last_mut() else {
            return Ok(false);
        };
        let Some(graph) = task.graphs.pop() else {
            self.tasks.pop();
            return Ok(true);
        };
        let wanted = Arc::clone(&task.wanted);
        let scope = match graph {
            UNBOUND => Scope::default_graph(Arc::clone(&self.execution)),
            graph => Scope::named_graph(Arc::clone(&self.execution), graph),
        };
        let starts = match &wanted.starts {
            Starts::Given(starts, _) => starts.clone(),
            Starts::All(_) if self.forward.accepts_nothing() => scope.nodes(&mut self.account)?,
            Starts::All(_) => {
                let steps = self.forward.first_steps().into_iter();
                scope.beginnings(steps, &mut self.account)?
            }
        };
        let asked = wanted.asked.as_ref();
        let asked = asked.map(|asked| asked.keys().copied().collect::<BTreeSet<_>>());
        self.current = Some(Current {
            walk: Walk::new(self.edges(scope, graph, wanted.is_backward), starts, asked),
            graph,
            wanted,
        });
        Ok(true)
    }

    /// The edges of a graph in a direction: those of the walk before if they are the same.
    fn edges(&mut self, scope: Scope, graph: u64, is_backward: bool) -> Edges {
        match self.edges.take() {
            Some((edges, of_graph, was_backward))
                if (of_graph, was_backward) == (graph, is_backward) =>
            {
                edges
            }
            _ => {
                let steps = self.route(is_backward).steps().iter().cloned();
                Edges::new(scope, steps)
            }
        }
    }

    fn route(&self, is_backward: bool) -> &Route {
        if is_backward {
            &self.backward
        } else {
            &self.forward
        }
    }

    /// Appends the rows of the pairs at hand until the batch is full.
    fn give_pairs(&mut self, current: &Current, batch: &mut Batch) -> Result<(), QueryError> {
        while let Some(pair) = self.pairs.get(self.next_pair) {
            if batch.is_full() {
                return Ok(());
            }
            self.next_pair += 1;
            let start = current.walk.start(pair.0);
            let given = matches!(current.wanted.starts, Starts::Given(..));
            if start == pair.1
                && given
                && self.forward.accepts_nothing()
                && !self.has_constant()
                && !current.walk.scope().contains_node(start)?
            {
                continue;
            }
            let [subject, object] = match current.wanted.is_backward {
                false => [start, pair.1],
                true => [pair.1, start],
            };
            let ends = [
                (self.subject.to, subject),
                (self.object.to, object),
                (self.graph.and_then(|graph| graph.to), current.graph),
            ];
            for &row in current.wanted.rows(pair) {
                if join(&self.rows, row, self.width, &ends, &mut self.row) {
                    batch.push(self.row.iter().copied());
                }
            }
        }
        Ok(())
    }
}

/// The path as it is walked: a single step relates a pair for each triple.
fn route(path: &PropertyPathExpression, automaton: Automaton) -> Route {
    use PropertyPathExpression as P;
    let mut inner = path;
    while let P::Reverse(path) = inner {
        inner = path;
    }
    match (inner, automaton.steps.as_slice()) {
        (P::NamedNode(_) | P::NegatedPropertySet(_), [step]) => Route::Triples(step.clone()),
        _ => Route::Set(automaton),
    }
}

/// Sets a row to one that came in and the ends found for it; false when they do not agree.
fn join(
    rows: &Batch,
    number: usize,
    width: usize,
    ends: &[(Option<usize>, u64)],
    row: &mut Vec<u64>,
) -> bool {
    row.clear();
    row.extend(rows.row(number));
    row.resize(width, UNBOUND);
    ends.iter().all(|&(to, value)| {
        let Some(place) = to.and_then(|to| row.get_mut(to)) else {
            return true;
        };
        if *place == UNBOUND {
            *place = value;
        }
        *place == value
    })
}

impl Operator for PathOperator {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.width);
        while !batch.is_full() {
            self.execution.check()?;
            let Some(mut current) = self.current.take() else {
                if self.begin_walk()? || self.read_rows()? {
                    continue;
                }
                break;
            };
            if self.next_pair == self.pairs.len() {
                self.next_pair = 0;
                let route = match current.wanted.is_backward {
                    false => &self.forward,
                    true => &self.backward,
                };
                if !current.walk.advance(route, &mut self.pairs)? {
                    let is_backward = current.wanted.is_backward;
                    self.edges = Some((current.walk.into_edges(), current.graph, is_backward));
                    continue;
                }
            }
            self.give_pairs(&current, batch)?;
            self.current = Some(current);
        }
        Ok(!batch.is_empty())
    }
}
