//! Paths over random graphs, against sets of pairs put together as the specification defines them, and against spareval.

use super::{Directions, PathEnd, PathGraph, PathOperator, PathPattern, WalkFrom};
use crate::batch::UNBOUND;
use crate::dataset::DefaultGraph;
use crate::error::QueryError;
use crate::execution::Execution;
use crate::extension::SparqlExt;
use crate::operators::test_support::{Random, collect, execution_over, input};
use crate::options::QueryOptions;
use crate::results::QueryResults;
use oxrdf::{GraphName, NamedNode, Quad};
use quadrille_backend::InMemoryBackend;
use quadrille_store::{CancelToken, QuadPattern, QuadStore, TermId};
use spargebra::algebra::PropertyPathExpression as P;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

type Store = QuadStore<InMemoryBackend>;
type Pairs = BTreeSet<(u64, u64)>;
/// For each graph, the triples of ids.
type Graphs = BTreeMap<u64, BTreeSet<[u64; 3]>>;

fn node(name: impl std::fmt::Display) -> NamedNode {
    NamedNode::new_unchecked(format!("http://example.com/{name}"))
}

fn id(execution: &Execution, name: impl std::fmt::Display) -> u64 {
    execution.terms.encode(node(name).into()).expect("encoded")
}

/// Few nodes with random edges of predicates p0, p1 and p2 in the default graph and in g0, g1 and g2.
fn random_store(random: &mut Random, nodes: u64, edges: u64) -> Store {
    let store = QuadStore::open(InMemoryBackend::new()).expect("an empty store");
    let mut transaction = store.transaction().expect("a transaction");
    for _ in 0..edges {
        let graph = match random.below(6) {
            graph @ 0..3 => GraphName::NamedNode(node(format!("g{graph}"))),
            _ => GraphName::DefaultGraph,
        };
        let mut any = || node(format!("n{}", random.below(nodes)));
        let (subject, object) = (any(), any());
        let predicate = node(format!("p{}", random.below(3)));
        let quad = Quad::new(subject, predicate, object, graph);
        transaction.insert(&quad).expect("inserted");
    }
    transaction.commit().expect("committed");
    store
}

fn graphs(store: &Store) -> Graphs {
    let mut graphs = Graphs::new();
    let snapshot = store.snapshot().expect("a snapshot");
    for quad in snapshot.match_quads(&QuadPattern::new()).expect("a scan") {
        let quad = quad.expect("a quad");
        let encode = |term: oxrdf::TermRef<'_>| {
            snapshot
                .encode(term)
                .expect("encoded")
                .expect("known")
                .raw()
        };
        let graph = match &quad.graph_name {
            GraphName::NamedNode(name) => encode(name.as_ref().into()),
            _ => UNBOUND,
        };
        let triple = [
            encode(quad.subject.as_ref().into()),
            encode(quad.predicate.as_ref().into()),
            encode(quad.object.as_ref()),
        ];
        graphs.entry(graph).or_default().insert(triple);
    }
    graphs
}

fn random_path(random: &mut Random, depth: u32) -> P {
    let inner = |random: &mut Random| Box::new(random_path(random, depth.saturating_sub(1)));
    match random.below(if depth == 0 { 2 } else { 9 }) {
        0 => P::NamedNode(node(format!("p{}", random.below(3)))),
        1 if random.below(3) > 0 => P::NamedNode(node(format!("p{}", random.below(3)))),
        1 => {
            let excluded = (0..random.below(3)).map(|_| node(format!("p{}", random.below(4))));
            P::NegatedPropertySet(excluded.collect())
        }
        2 => P::Reverse(inner(random)),
        3 => P::Sequence(inner(random), inner(random)),
        4 => P::Alternative(inner(random), inner(random)),
        5 => P::ZeroOrOne(inner(random)),
        6 => P::OneOrMore(inner(random)),
        _ => P::ZeroOrMore(inner(random)),
    }
}

/// A path as it stands for itself: with a closure on top.
fn random_pattern_path(random: &mut Random) -> P {
    let inner = Box::new(random_path(random, 3));
    match random.below(4) {
        0 => P::ZeroOrOne(inner),
        1 => P::OneOrMore(inner),
        _ => P::ZeroOrMore(inner),
    }
}

/// The pairs that a path relates in a graph.
fn naive(path: &P, triples: &BTreeSet<[u64; 3]>, execution: &Execution) -> Pairs {
    let nodes = || {
        triples
            .iter()
            .flat_map(|[subject, _, object]| [*subject, *object])
    };
    let same = || nodes().map(|node| (node, node)).collect::<Pairs>();
    let inner = |path: &P| naive(path, triples, execution);
    let encode = |name: &NamedNode| {
        execution
            .terms
            .encode(name.clone().into())
            .expect("encoded")
    };
    match path {
        P::NamedNode(name) => {
            let edges = triples.iter().filter(|triple| triple[1] == encode(name));
            edges.map(|triple| (triple[0], triple[2])).collect()
        }
        P::NegatedPropertySet(names) => {
            let excluded: Vec<_> = names.iter().map(encode).collect();
            let edges = triples
                .iter()
                .filter(|triple| !excluded.contains(&triple[1]));
            edges.map(|triple| (triple[0], triple[2])).collect()
        }
        P::Reverse(path) => inner(path)
            .into_iter()
            .map(|(from, to)| (to, from))
            .collect(),
        P::Sequence(first, second) => compose(&inner(first), &inner(second)),
        P::Alternative(left, right) => &inner(left) | &inner(right),
        P::ZeroOrOne(path) => &same() | &inner(path),
        P::OneOrMore(path) => closure(inner(path)),
        P::ZeroOrMore(path) => &same() | &closure(inner(path)),
    }
}

fn compose(first: &Pairs, second: &Pairs) -> Pairs {
    let after = |(from, middle): &(u64, u64)| {
        let from = *from;
        let next = second.range((*middle, 0)..=(*middle, u64::MAX));
        next.map(move |(_, to)| (from, *to)).collect::<Vec<_>>()
    };
    first.iter().flat_map(after).collect()
}

fn closure(pairs: Pairs) -> Pairs {
    let mut all = pairs.clone();
    loop {
        let more = &all | &compose(&all, &pairs);
        if more.len() == all.len() {
            return all;
        }
        all = more;
    }
}

fn is_nullable(path: &P) -> bool {
    match path {
        P::NamedNode(_) | P::NegatedPropertySet(_) => false,
        P::Reverse(inner) | P::OneOrMore(inner) => is_nullable(inner),
        P::Sequence(first, second) => is_nullable(first) && is_nullable(second),
        P::Alternative(left, right) => is_nullable(left) || is_nullable(right),
        P::ZeroOrOne(_) | P::ZeroOrMore(_) => true,
    }
}

/// What a path relates in a graph, as rows.
fn related(
    path: &P,
    triples: &BTreeSet<[u64; 3]>,
    constants: &[u64],
    execution: &Execution,
) -> Vec<(u64, u64)> {
    let mut pairs = naive(path, triples, execution);
    if is_nullable(path) {
        pairs.extend(constants.iter().map(|constant| (*constant, *constant)));
    }
    pairs.into_iter().collect()
}

/// The graphs of the execution that the pattern is matched in, each with its name.
fn scopes(pattern: &PathPattern, execution: &Execution, graphs: &Graphs) -> Graphs {
    let dataset = &execution.dataset;
    if pattern.graph == PathGraph::Default {
        let merged = match &dataset.default_graph {
            DefaultGraph::Stored => graphs.get(&UNBOUND).cloned().unwrap_or_default(),
            DefaultGraph::Union => graphs.values().flatten().copied().collect(),
            DefaultGraph::Merge(merged) => {
                let merged = merged.iter().filter_map(|graph| graphs.get(&graph.raw()));
                merged.flatten().copied().collect()
            }
        };
        return BTreeMap::from([(UNBOUND, merged)]);
    }
    let is_named = |graph: u64| match &dataset.named_graphs {
        Some(named) => named.contains(&TermId::from_raw(graph)),
        None => graph != UNBOUND,
    };
    let named = graphs.iter().filter(|(graph, _)| is_named(**graph));
    named
        .map(|(graph, triples)| (*graph, triples.clone()))
        .collect()
}

fn expected(
    rows: &[Vec<u64>],
    pattern: &PathPattern,
    execution: &Execution,
    graphs: &Graphs,
) -> Vec<Vec<u64>> {
    let graph_end = match pattern.graph {
        PathGraph::Default => None,
        PathGraph::Named(end) => Some(end),
    };
    let constants = [pattern.subject, pattern.object].into_iter();
    let constants: Vec<_> = constants
        .filter_map(|end| match end {
            PathEnd::Constant(id) => Some(id),
            _ => None,
        })
        .collect();
    let mut expected = Vec::new();
    for (graph, triples) in scopes(pattern, execution, graphs) {
        let pairs = related(&pattern.path, &triples, &constants, execution);
        for row in rows {
            for (subject, object) in &pairs {
                let mut joined = row.clone();
                let mut agrees = !pattern.is_loop || subject == object;
                let ends = [
                    (Some(pattern.subject), *subject),
                    (Some(pattern.object).filter(|_| !pattern.is_loop), *object),
                    (graph_end, graph),
                ];
                for (end, value) in ends {
                    match end {
                        Some(PathEnd::Constant(constant)) => agrees &= constant == value,
                        Some(PathEnd::Column(column)) => {
                            agrees &= [UNBOUND, value].contains(&joined[column]);
                            joined[column] = value;
                        }
                        Some(PathEnd::New) => joined.push(value),
                        None => {}
                    }
                }
                if agrees {
                    expected.push(joined);
                }
            }
        }
    }
    expected.sort_unstable();
    expected
}

fn random_end(random: &mut Random, column: usize, execution: &Execution) -> PathEnd {
    match random.below(4) {
        0 => PathEnd::Constant(id(execution, format!("n{}", random.below(12)))),
        1 | 2 => PathEnd::Column(column),
        _ => PathEnd::New,
    }
}

/// Figures that let either end, or neither, be better.
fn random_directions(random: &mut Random) -> Directions {
    let mut number = || [0.1, 1.0, 10.0][random.below(3) as usize];
    Directions::of(|| [number(), number(), number()])
}

fn random_pattern(random: &mut Random, execution: &Execution) -> PathPattern {
    let graph = match random.below(6) {
        0 => PathGraph::Named(PathEnd::New),
        1 => PathGraph::Named(PathEnd::Column(3)),
        2 => PathGraph::Named(PathEnd::Constant(id(
            execution,
            format!("g{}", random.below(4)),
        ))),
        _ => PathGraph::Default,
    };
    let subject = random_end(random, 0, execution);
    let object = match random.below(6) {
        0 => subject,
        _ => random_end(random, 1, execution),
    };
    PathPattern {
        subject,
        path: random_pattern_path(random),
        object,
        graph,
        is_loop: subject == object && subject == PathEnd::New && random.below(2) == 0,
        directions: random_directions(random),
    }
}

/// Rows of a subject, an object, something else and a graph, any of which may be unbound.
fn random_rows(random: &mut Random, execution: &Execution) -> Vec<Vec<u64>> {
    let count = [1, 1, 3, 40][random.below(4) as usize];
    let mut value = |prefix: &str, bound| match random.below(4) {
        0 => UNBOUND,
        _ => id(execution, format!("{prefix}{}", random.below(bound))),
    };
    let row = || vec![value("n", 12), value("n", 12), value("n", 3), value("g", 4)];
    std::iter::repeat_with(row).take(count).collect()
}

fn random_execution(random: &mut Random, store: &Store) -> Execution {
    let mut execution = execution_over(store, usize::MAX, &QueryOptions::new());
    let graph = |name| TermId::from_raw(id(&execution, name));
    let (g0, g1, g3) = (graph("g0"), graph("g1"), graph("g3"));
    execution.dataset.default_graph = match random.below(4) {
        0 => DefaultGraph::Union,
        1 => DefaultGraph::Merge(vec![g0, g1]),
        _ => DefaultGraph::Stored,
    };
    if random.below(4) == 0 {
        execution.dataset.named_graphs = Some(vec![g1, g3]);
    }
    execution
}

#[test]
fn random_paths_relate_what_the_specification_says() {
    for seed in 0..1_500 {
        let mut random = Random(seed);
        let (nodes, edges) = (2 + random.below(8), random.below(30));
        let store = random_store(&mut random, nodes, edges);
        let mut graphs = graphs(&store);
        let execution = Arc::new(random_execution(&mut random, &store));
        if let Some(named) = &execution.dataset.named_graphs {
            // A graph that the query names is there, without triples.
            for graph in named {
                graphs.entry(graph.raw()).or_default();
            }
        }
        let pattern = random_pattern(&mut random, &execution);
        let rows = random_rows(&mut random, &execution);
        let mut operator =
            PathOperator::new(Arc::clone(&execution), input(&rows, 4), 4, &pattern).expect("ready");
        let width = operator.width;
        let mut found = collect(&mut operator, width).expect("walked");
        found.sort_unstable();
        assert_eq!(
            expected(&rows, &pattern, &execution, &graphs),
            found,
            "seed {seed}: {} of {pattern:?} over {rows:x?}",
            pattern.path
        );
    }
}

/// A path from the first column to the second, over rows of two.
fn between_columns(path: P, directions: Directions) -> PathPattern {
    PathPattern {
        subject: PathEnd::Column(0),
        path,
        object: PathEnd::Column(1),
        graph: PathGraph::Default,
        is_loop: false,
        directions,
    }
}

/// Directions of which one is ten times as good.
fn better(from: WalkFrom) -> Directions {
    let (forward, backward) = match from {
        WalkFrom::Subject => (1.0, 10.0),
        WalkFrom::Object => (10.0, 1.0),
        WalkFrom::Both => (1.0, 1.0),
    };
    let mut figures = [forward, backward].into_iter();
    Directions::of(|| [figures.next().unwrap_or(1.0); 3])
}

#[test]
fn pairs_are_found_from_either_end_and_from_both() {
    for seed in 0..400 {
        let mut random = Random(seed);
        let (nodes, edges) = (2 + random.below(8), random.below(30));
        let store = random_store(&mut random, nodes, edges);
        let graphs = graphs(&store);
        let execution = Arc::new(random_execution(&mut random, &store));
        let path = random_pattern_path(&mut random);
        // Some of these nodes have no edges.
        let ids: Vec<_> = (0..10)
            .map(|number| id(&execution, format!("n{number}")))
            .collect();
        let each_with = |offset: usize| (0..10).map(move |place| (place, (place + offset) % 10));
        let all: Vec<_> = (0..10).flat_map(each_with).collect();
        for (from, pairs) in [
            (WalkFrom::Subject, all.clone()),
            (WalkFrom::Object, all),
            (
                WalkFrom::Both,
                each_with(random.below(10) as usize).collect(),
            ),
            (WalkFrom::Both, vec![(0, 1)]),
        ] {
            let distinct = pairs.len().min(10);
            let directions = better(from);
            assert_eq!(from, directions.for_pairs(distinct, distinct, pairs.len()));
            let pattern = between_columns(path.clone(), directions);
            let rows = pairs.iter().map(|(from, to)| vec![ids[*from], ids[*to]]);
            let rows: Vec<_> = rows.collect();
            let mut operator =
                PathOperator::new(Arc::clone(&execution), input(&rows, 2), 2, &pattern)
                    .expect("ready");
            if random.below(2) == 0 {
                // So few that walks turn, several times.
                operator.visits_max = 1 + random.below(20) as usize;
            }
            let mut found = collect(&mut operator, 2).expect("walked");
            found.sort_unstable();
            assert_eq!(
                expected(&rows, &pattern, &execution, &graphs),
                found,
                "seed {seed}: {path} from {from:?}"
            );
        }
    }
}

/// One row without values.
fn unit() -> crate::operators::BoxedOperator {
    input(&[Vec::new()], 0)
}

#[test]
fn random_paths_relate_what_spareval_says() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let store = random_store(&mut random, 8, 40);
        let pattern = PathPattern {
            subject: PathEnd::New,
            path: random_pattern_path(&mut random),
            object: PathEnd::New,
            graph: PathGraph::Default,
            is_loop: false,
            directions: random_directions(&mut random),
        };
        let query = format!("SELECT ?s ?o {{ ?s {} ?o }}", pattern.path);
        if query.contains("!()") {
            // The parser does not take an empty set.
            continue;
        }
        let execution = Arc::new(execution_over(&store, usize::MAX, &QueryOptions::new()));
        let QueryResults::Solutions(solutions) = store.query(&query).expect("evaluated") else {
            panic!("no solutions");
        };
        let encode = |term: &oxrdf::Term| execution.terms.encode(term.clone()).expect("encoded");
        let mut expected: Vec<_> = solutions
            .map(|solution| {
                let solution = solution.expect("a solution");
                ["s", "o"].map(|name| encode(&solution[name])).to_vec()
            })
            .collect();
        expected.sort_unstable();
        let mut operator =
            PathOperator::new(Arc::clone(&execution), unit(), 0, &pattern).expect("ready");
        let mut found = collect(&mut operator, 2).expect("walked");
        found.sort_unstable();
        assert_eq!(expected, found, "seed {seed}: {query}");
    }
}

/// A chain n0 → n1 → … of p0.
fn chain(length: u64) -> Store {
    let store = QuadStore::open(InMemoryBackend::new()).expect("an empty store");
    let mut transaction = store.transaction().expect("a transaction");
    for number in 0..length {
        let [from, to] = [number, number + 1].map(|number| node(format!("n{number}")));
        let quad = Quad::new(from, node("p0"), to, GraphName::DefaultGraph);
        transaction.insert(&quad).expect("inserted");
    }
    transaction.commit().expect("committed");
    store
}

fn plus(subject: PathEnd, object: PathEnd) -> PathPattern {
    PathPattern {
        subject,
        path: P::OneOrMore(Box::new(P::NamedNode(node("p0")))),
        object,
        graph: PathGraph::Default,
        is_loop: false,
        directions: Directions::default(),
    }
}

#[test]
fn long_chains_are_walked_to_their_end() {
    let length = 100_000;
    let store = chain(length);
    let execution = Arc::new(execution_over(&store, usize::MAX, &QueryOptions::new()));
    let [first, last] =
        [0, length].map(|number| PathEnd::Constant(id(&execution, format!("n{number}"))));
    for (pattern, rows) in [
        (plus(first, PathEnd::New), length),
        (plus(PathEnd::New, last), length),
        (plus(first, last), 1),
        (plus(last, first), 0),
    ] {
        let mut operator =
            PathOperator::new(Arc::clone(&execution), unit(), 0, &pattern).expect("ready");
        let width = operator.width;
        let found = collect(&mut operator, width).expect("walked");
        assert_eq!(rows as usize, found.len());
    }
}

/// A tree in which each node but the last ones has two children, n2 and n3 those of n1.
fn tree(nodes: u64) -> Store {
    let store = QuadStore::open(InMemoryBackend::new()).expect("an empty store");
    let mut transaction = store.transaction().expect("a transaction");
    for number in 2..=nodes {
        let [from, to] = [number / 2, number].map(|number| node(format!("n{number}")));
        let quad = Quad::new(from, node("p0"), to, GraphName::DefaultGraph);
        transaction.insert(&quad).expect("inserted");
    }
    transaction.commit().expect("committed");
    store
}

#[test]
fn the_end_with_less_to_walk_from_goes_on() {
    let nodes = 30_000;
    let store = tree(nodes);
    // What is below the root does not fit, what is above a leaf does.
    let execution = Arc::new(execution_over(&store, 50_000, &QueryOptions::new()));
    let end = |number| PathEnd::Constant(id(&execution, format!("n{number}")));
    for (pattern, rows) in [
        (plus(end(1), end(nodes)), 1),
        (plus(end(nodes), end(1)), 0),
        (plus(end(2), end(nodes)), 0),
    ] {
        let mut operator =
            PathOperator::new(Arc::clone(&execution), unit(), 0, &pattern).expect("ready");
        assert_eq!(rows, collect(&mut operator, 0).expect("found").len());
    }
}

#[test]
fn a_walk_from_one_end_stops_when_all_is_found() {
    let nodes = 30_000;
    let store = tree(nodes);
    let execution = Arc::new(execution_over(&store, 300_000, &QueryOptions::new()));
    let node = |number| id(&execution, format!("n{number}"));
    // Three nodes for one start are walked to from it; all that is below it does not fit.
    let rows = [2, 3, 4].map(|number| vec![node(1), node(number)]);
    let path = P::OneOrMore(Box::new(P::NamedNode(self::node("p0"))));
    let pattern = between_columns(path, better(WalkFrom::Subject));
    let mut operator =
        PathOperator::new(Arc::clone(&execution), input(&rows, 2), 2, &pattern).expect("ready");
    assert_eq!(3, collect(&mut operator, 2).expect("found").len());
}

#[test]
fn a_walk_that_has_become_long_is_left_for_one_from_the_other_end() {
    let nodes = 30_000;
    let store = tree(nodes);
    let execution = Arc::new(execution_over(&store, 1_000_000, &QueryOptions::new()));
    let node = |number| id(&execution, format!("n{number}"));
    // All that is below the root does not fit; one of the leaves is not below it.
    let leaves = (nodes - 30..nodes).chain([nodes + 1]);
    let rows: Vec<_> = leaves.map(|leaf| vec![node(1), node(leaf)]).collect();
    let path = P::OneOrMore(Box::new(P::NamedNode(self::node("p0"))));
    let pattern = between_columns(path, better(WalkFrom::Subject));
    let mut operator =
        PathOperator::new(Arc::clone(&execution), input(&rows, 2), 2, &pattern).expect("ready");
    assert_eq!(30, collect(&mut operator, 2).expect("found").len());
    let all = plus(PathEnd::Constant(node(1)), PathEnd::New);
    let mut operator = PathOperator::new(execution, unit(), 0, &all).expect("ready");
    assert!(collect(&mut operator, 1).is_err());
}

/// The path of one predicate along a chain is cancelled soon after it is asked to be.
fn is_cancelled_in_time(rows: impl FnOnce(&Execution) -> Vec<Vec<u64>>, pattern: &PathPattern) {
    let store = chain(20_000);
    let token = CancelToken::new();
    let options = QueryOptions::new().with_cancel_token(token.clone());
    let execution = Arc::new(execution_over(&store, usize::MAX, &options));
    let rows = rows(&execution);
    let width = rows.first().map_or(0, Vec::len);
    let input = input(&rows, width);
    let mut operator = PathOperator::new(execution, input, width, pattern).expect("ready");
    let canceller = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        token.cancel();
        Instant::now()
    });
    let error = collect(&mut operator, 2);
    let ended = Instant::now();
    assert!(matches!(error, Err(QueryError::Cancelled)));
    let waited = ended.duration_since(canceller.join().expect("cancelled"));
    // Some milliseconds on an idle machine; a busy one may not let the thread run at once.
    assert!(waited < Duration::from_secs(2), "it took {waited:?}");
}

#[test]
fn a_runaway_path_is_cancelled_in_time() {
    let pattern = plus(PathEnd::New, PathEnd::New);
    is_cancelled_in_time(|_| vec![Vec::new()], &pattern);
}

#[test]
fn a_runaway_search_from_both_ends_is_cancelled_in_time() {
    let pattern = plus(PathEnd::Column(0), PathEnd::Column(1));
    // Each of these has much before it and behind it, but not the one the other.
    let rows = |execution: &Execution| {
        let node = |number| id(execution, format!("n{number}"));
        let pairs = (9_000..11_000).map(|number| vec![node(number + 1), node(number)]);
        pairs.collect()
    };
    is_cancelled_in_time(rows, &pattern);
}

#[test]
fn a_path_beyond_the_budget_is_an_error() {
    let store = chain(50_000);
    let execution = Arc::new(execution_over(&store, 500_000, &QueryOptions::new()));
    let [start, end] = [0, 50_000].map(|number| id(&execution, format!("n{number}")));
    for object in [PathEnd::New, PathEnd::Constant(end)] {
        let pattern = plus(PathEnd::Constant(start), object);
        let mut operator =
            PathOperator::new(Arc::clone(&execution), unit(), 0, &pattern).expect("ready");
        let width = operator.width;
        let error = collect(&mut operator, width);
        assert!(matches!(error, Err(QueryError::Memory { budget: 500_000 })));
    }
}
