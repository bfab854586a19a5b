//! The operator of a property path.
//!
//! What flows in: rows. What flows out: for each row, a row for each pair of ends that agrees with it. What always holds:
//! a row of which one end is bound is walked from there, one of which neither is from the end that is thought to be better;
//! where both are bound, the ends are walked from in turn until they meet, or many rows share the walks from the end that
//! has fewer nodes, and are left for those from the other where they become long; rows of a batch that start at one node
//! share the walk.

use super::automaton::{Automaton, Step};
use super::directions::{Directions, WalkFrom};
use super::edges::{Edges, are_nodes};
use super::meeting::Meeting;
use super::reach::Reached;
use super::scope::{Scope, graphs_of_steps};
use super::walk::Walk;
use super::{PathEnd, PathGraph, PathPattern};
use crate::batch::{Batch, UNBOUND};
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use crate::operators::{BoxedOperator, Operator};
use quadrille_store::TermId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many visits are few enough for a walk for pairs to make them before the other end is tried.
const VISITS_BEFORE_TURNING: usize = 8 * 1_024;

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
    forward: Automaton,
    backward: Automaton,
    /// What is still to be done for the rows at hand, the last one first.
    tasks: Vec<Task>,
    current: Option<Current>,
    directions: Directions,
    /// How many visits the first walk for pairs makes before the other end is tried.
    pub(super) visits_max: usize,
    /// The edges that walks have used in the graph of the last one: forward and backward.
    edges: [Option<Edges>; 2],
    edges_of: u64,
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
    from: WalkFrom,
    starts: Starts,
    /// The pairs that are asked for, each with the rows that ask for it; `None` is all.
    asked: Option<BTreeMap<Reached, Vec<usize>>>,
    /// How many visits walks for pairs make before the other end is tried.
    visits_max: usize,
}

enum Starts {
    /// These nodes, each with the rows that start there, which are looked at where no pairs are asked for.
    Given(Vec<u64>, Vec<Vec<usize>>),
    /// All nodes of a graph that the path can begin at, for one row.
    All([usize; 1]),
}

impl Wanted {
    /// What the pairs that a walk has given up are asked for from its other end, with twice the visits: however wrong the
    /// choice of an end was, and however often, all walks together cost a few times what the better end would have.
    fn turned(&self, walk: &Walk, given_up: &BTreeSet<Reached>) -> Self {
        let mut starts_of: BTreeMap<u64, Vec<(u64, Vec<usize>)>> = BTreeMap::new();
        for pair in given_up {
            let other = (walk.start(pair.0), self.rows(pair).to_vec());
            starts_of.entry(pair.1).or_default().push(other);
        }
        let starts = starts_of.keys().copied().collect();
        let numbered = (0..).zip(starts_of.into_values());
        let asked = numbered.flat_map(|(number, others)| {
            let others = others.into_iter();
            others.map(move |(node, rows)| ((number, node), rows))
        });
        Self {
            from: match self.from {
                WalkFrom::Object => WalkFrom::Subject,
                WalkFrom::Subject | WalkFrom::Both => WalkFrom::Object,
            },
            asked: Some(asked.collect()),
            starts: Starts::Given(starts, Vec::new()),
            visits_max: self.visits_max.saturating_mul(2),
        }
    }

    /// Whether walks start at the object.
    fn is_backward(&self) -> bool {
        self.from == WalkFrom::Object
    }

    /// The ends of the path by where a pair starts.
    fn ends(&self, start: u64, node: u64) -> [u64; 2] {
        if self.is_backward() {
            [node, start]
        } else {
            [start, node]
        }
    }

    /// The rows that a pair is for.
    fn rows(&self, pair: &Reached) -> &[usize] {
        match (&self.asked, &self.starts) {
            (Some(asked), _) => asked.get(pair).map_or(&[], Vec::as_slice),
            (None, Starts::Given(_, rows)) => rows.get(pair.0 as usize).map_or(&[], Vec::as_slice),
            (None, Starts::All(row)) => row,
        }
    }
}

/// A walk from one end, or from both.
enum Search {
    Walk(Box<Walk>),
    Meeting(Box<Meeting>),
}

impl Search {
    /// Sets the next pairs; false when there are no more.
    fn advance(
        &mut self,
        automaton: &Automaton,
        pairs: &mut Vec<Reached>,
    ) -> Result<bool, QueryError> {
        match self {
            Self::Walk(walk) => walk.advance(automaton, pairs),
            Self::Meeting(meeting) => meeting.advance(automaton, pairs),
        }
    }

    fn scope(&self) -> &Scope {
        match self {
            Self::Walk(walk) => walk.scope(),
            Self::Meeting(meeting) => meeting.scope(),
        }
    }

    fn start(&self, number: u32) -> u64 {
        match self {
            Self::Walk(walk) => walk.start(number),
            Self::Meeting(meeting) => meeting.start(number),
        }
    }
}

/// A walk under way.
struct Current {
    search: Search,
    graph: u64,
    wanted: Arc<Wanted>,
    /// Which of the given starts the graph holds; `None` before the first question.
    are_nodes: Option<Vec<bool>>,
}

impl Current {
    /// What is to be done from the other end, if the walk has given up.
    fn turned(&self) -> Option<Task> {
        let Search::Walk(walk) = &self.search else {
            return None;
        };
        let given_up = walk.given_up()?;
        Some(Task {
            graphs: vec![self.graph],
            wanted: Arc::new(self.wanted.turned(walk, given_up)),
        })
    }

    /// Whether the graph holds a start of those that rows have given. All are looked up at the first question.
    fn is_node(&mut self, start: u32) -> Result<bool, QueryError> {
        let Starts::Given(starts, _) = &self.wanted.starts else {
            return Ok(true);
        };
        let known = match self.are_nodes.take() {
            Some(known) => known,
            None => are_nodes(self.search.scope(), starts)?,
        };
        let is_node = known.get(start as usize).copied().unwrap_or(false);
        self.are_nodes = Some(known);
        Ok(is_node)
    }
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
        let [forward, backward] =
            [false, true].map(|backward| Automaton::new(&pattern.path, backward, &execution));
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
            directions: pattern.directions,
            visits_max: VISITS_BEFORE_TURNING,
            edges: [None, None],
            edges_of: UNBOUND,
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
        let from = match bound {
            Bound::Subject => WalkFrom::Subject,
            Bound::Object => WalkFrom::Object,
            Bound::Both => self.end_for_pairs(rows),
            Bound::Neither(row) => {
                let from = self.directions.for_all();
                let graphs = self.graphs(graphs, None, from)?;
                self.push_task(graphs, from, Starts::All([row]), None);
                return Ok(());
            }
        };
        let (start, to) = match from {
            WalkFrom::Subject | WalkFrom::Both => (self.subject, self.object),
            WalkFrom::Object => (self.object, self.subject),
        };
        let mut rows_of_start: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for &row in rows {
            let start = start.value(&self.rows, row);
            rows_of_start.entry(start).or_default().push(row);
        }
        let mut starts_of_graphs: BTreeMap<Vec<u64>, Vec<(u64, Vec<usize>)>> = BTreeMap::new();
        for (start, rows) in rows_of_start {
            let graphs = self.graphs(graphs, Some(start), from)?;
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
            self.push_task(graphs, from, Starts::Given(starts, rows), asked);
        }
        Ok(())
    }

    /// Which end to walk from for rows that bind both.
    fn end_for_pairs(&self, rows: &[usize]) -> WalkFrom {
        let pairs = rows.iter().map(|row| {
            let ends = [self.subject, self.object];
            ends.map(|end| end.value(&self.rows, *row))
        });
        let pairs: BTreeSet<_> = pairs.collect();
        let nodes = |end: usize| pairs.iter().map(move |pair| pair[end]);
        let [subjects, objects] = [0, 1].map(|end| nodes(end).collect::<BTreeSet<_>>().len());
        self.directions.for_pairs(subjects, objects, pairs.len())
    }

    fn push_task(
        &mut self,
        mut graphs: Vec<u64>,
        from: WalkFrom,
        starts: Starts,
        asked: Option<BTreeMap<Reached, Vec<usize>>>,
    ) {
        graphs.reverse();
        let wanted = Arc::new(Wanted {
            from,
            starts,
            asked,
            visits_max: self.visits_max,
        });
        self.tasks.push(Task { graphs, wanted });
    }

    /// The graphs in which walks from a start, or from anywhere, can relate anything.
    fn graphs(
        &mut self,
        graphs: Graphs,
        start: Option<u64>,
        from: WalkFrom,
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
        let automaton = self.automaton(from);
        if !automaton.accepts_nothing() {
            let steps: Vec<_> = automaton.first_steps().cloned().collect();
            let account = &mut self.account;
            return graphs_of_steps(&self.execution, steps.iter(), start, account);
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
        let automaton = self.automaton(wanted.from);
        let starts = match &wanted.starts {
            Starts::Given(starts, _) => starts.clone(),
            Starts::All(_) if automaton.accepts_nothing() => scope.nodes(&mut self.account)?,
            Starts::All(_) => {
                let steps: Vec<_> = automaton.first_steps().cloned().collect();
                scope.beginnings(steps.iter(), &mut self.account)?
            }
        };
        self.current = Some(Current {
            search: self.search(&scope, graph, &wanted, starts),
            graph,
            wanted,
            are_nodes: None,
        });
        Ok(true)
    }

    /// A search from some starts.
    fn search(&mut self, scope: &Scope, graph: u64, wanted: &Wanted, starts: Vec<u64>) -> Search {
        let asked = wanted.asked.as_ref();
        let asked = asked.map(|asked| asked.keys().copied());
        match (wanted.from, asked) {
            (WalkFrom::Both, Some(asked)) => {
                let ends = [WalkFrom::Subject, WalkFrom::Object];
                let edges = ends.map(|end| self.edges(scope, graph, end));
                let fan_outs = self.directions.fan_outs();
                let asked = asked.collect();
                let meeting = Meeting::new(&self.forward, edges, fan_outs, starts, asked);
                Search::Meeting(Box::new(meeting))
            }
            (end, asked) => {
                let edges = self.edges(scope, graph, end);
                let asked = asked.map(Iterator::collect);
                Search::Walk(Box::new(Walk::new(edges, starts, asked, wanted.visits_max)))
            }
        }
    }

    /// The edges of a graph for walks from an end: those of a walk before if the graph is the same.
    fn edges(&mut self, scope: &Scope, graph: u64, from: WalkFrom) -> Edges {
        if self.edges_of != graph {
            self.edges = [None, None];
            self.edges_of = graph;
        }
        self.edges[usize::from(from == WalkFrom::Object)]
            .take()
            .unwrap_or_else(|| {
                let steps = self.automaton(from).steps.iter().cloned();
                Edges::new(scope.clone(), steps)
            })
    }

    /// Keeps the edges of a search that has ended for the next one.
    fn keep_edges(&mut self, search: Search, wanted: &Wanted) {
        match search {
            Search::Walk(walk) => {
                self.edges[usize::from(wanted.is_backward())] = Some(walk.into_edges());
            }
            Search::Meeting(meeting) => self.edges = meeting.into_edges().map(Some),
        }
    }

    /// The path as it is walked from an end; from both it begins at the subject.
    fn automaton(&self, from: WalkFrom) -> &Automaton {
        match from {
            WalkFrom::Subject | WalkFrom::Both => &self.forward,
            WalkFrom::Object => &self.backward,
        }
    }

    /// Appends the rows of the pairs at hand until the batch is full.
    fn give_pairs(&mut self, current: &mut Current, batch: &mut Batch) -> Result<(), QueryError> {
        while let Some(pair) = self.pairs.get(self.next_pair) {
            if batch.is_full() {
                return Ok(());
            }
            self.next_pair += 1;
            let start = current.search.start(pair.0);
            if start == pair.1
                && self.forward.accepts_nothing()
                && !self.has_constant()
                && !current.is_node(pair.0)?
            {
                continue;
            }
            let [subject, object] = current.wanted.ends(start, pair.1);
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
                if let Some(turned) = current.turned() {
                    self.pairs.clear();
                    self.tasks.push(turned);
                    self.keep_edges(current.search, &current.wanted);
                    continue;
                }
                let automaton = match current.wanted.from {
                    WalkFrom::Subject | WalkFrom::Both => &self.forward,
                    WalkFrom::Object => &self.backward,
                };
                if !current.search.advance(automaton, &mut self.pairs)? {
                    self.keep_edges(current.search, &current.wanted);
                    continue;
                }
            }
            self.give_pairs(&mut current, batch)?;
            self.current = Some(current);
        }
        Ok(!batch.is_empty())
    }
}
