//! Plans with exchanges around every pipeline, against the same plans without.

use super::parallel::{Cut, cut_of, run_in_parallel};
use super::{Node, Plan, Planner};
use crate::algebra::{Place, Slot, Translator};
use crate::batch::Batch;
use crate::build::Builder;
use crate::dataset::GraphSelection;
use crate::error::QueryError;
use crate::execution::Execution;
use crate::operators::scan::{Scan, ScanPart, ScanShape};
use crate::operators::test_support::{collect, execution_over};
use crate::options::QueryOptions;
use oxrdf::{GraphName, Literal, NamedNode, Quad};
use quadrille_backend::InMemoryBackend;
use quadrille_store::{CancelToken, QuadStore, StoreOptions, TermId};
use spargebra::{Query, SparqlParser};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Things with a name, a number and links to others, in blocks enough to be cut; some links are in a named graph.
fn store() -> QuadStore<InMemoryBackend> {
    let store = QuadStore::open(InMemoryBackend::new()).expect("an empty store");
    let node = |name: String| NamedNode::new_unchecked(format!("http://example.com/{name}"));
    let mut quads = Vec::new();
    for number in 0..6_000_u32 {
        let thing = node(format!("n{number}"));
        let other = node(format!("n{}", number * 7 % 6_000));
        let graph = match number % 3 {
            0 => GraphName::NamedNode(node("g".to_owned())),
            _ => GraphName::DefaultGraph,
        };
        let own = Literal::from(i64::from(number % 50));
        let default = GraphName::DefaultGraph;
        quads.push(Quad::new(
            thing.clone(),
            node("link".to_owned()),
            other,
            graph,
        ));
        quads.push(Quad::new(
            thing.clone(),
            node("number".to_owned()),
            own,
            default.clone(),
        ));
        if number % 2 == 0 {
            let name = Literal::from(format!("the name of {number}"));
            quads.push(Quad::new(thing, node("name".to_owned()), name, default));
        }
    }
    store.extend(quads).expect("loaded");
    store
}

fn run_on_two_threads(options: QueryOptions) -> Arc<Execution> {
    let two = NonZeroUsize::new(2).expect("two");
    let options = options.with_threads(two);
    Arc::new(execution_over(&store(), 1 << 30, &options))
}

/// The plan of a query, with exchanges wherever they can be and without.
fn plans(execution: &Arc<Execution>, pattern: &str) -> [Plan; 2] {
    let text = format!("PREFIX : <http://example.com/> {pattern}");
    let query = SparqlParser::new().parse_query(&text).expect("a query");
    let Query::Select { pattern, .. } = query else {
        panic!("not a SELECT: {text}");
    };
    let translation = Translator::new(execution).translate(&pattern, &[]);
    let mut translation = translation.expect("an algebra");
    let slots: Vec<Slot> = translation.scope.values().copied().collect();
    let planner = Planner::new(execution, &mut translation.names);
    let plan = planner.plan_query(translation.algebra, &slots);
    let plan = plan.expect("a plan");
    let mut parallel = plan.clone();
    run_in_parallel(&mut parallel, 0.0);
    [plan, parallel]
}

fn exchanges(plan: &Plan) -> usize {
    let below: usize = plan.children().into_iter().map(exchanges).sum();
    below + usize::from(matches!(plan.node, Node::Exchange(_)))
}

fn rows(execution: &Arc<Execution>, plan: &Plan) -> Result<Vec<Vec<u64>>, QueryError> {
    let built = Builder::new(Arc::clone(execution))?.build_root(plan)?;
    let mut operator = built.operator;
    let mut rows = collect(operator.as_mut(), built.columns.len())?;
    rows.sort();
    Ok(rows)
}

#[test]
fn plans_in_parallel_give_the_same_rows() {
    let execution = run_on_two_threads(QueryOptions::new());
    for (query, least) in [
        ("SELECT * { ?a :link ?b }", 1),
        ("SELECT * { ?a ?p ?b }", 1),
        ("SELECT * { GRAPH ?g { ?a ?p ?b } }", 0),
        ("SELECT * { GRAPH ?g { ?a :link ?b } }", 1),
        (
            "SELECT * { ?a :link ?b . ?b :number ?n . FILTER (?n + 1 > 20) }",
            1,
        ),
        ("SELECT * { ?a :link ?b . ?b :link ?c . ?c :name ?n }", 1),
        (
            "SELECT * { ?a :link ?b OPTIONAL { ?b :name ?n . ?b :number ?m } }",
            1,
        ),
        (
            "SELECT * { ?a :link ?b FILTER NOT EXISTS { ?b :name ?n } }",
            1,
        ),
        ("SELECT ?b (COUNT(*) AS ?n) { ?a :link ?b } GROUP BY ?b", 0),
        ("SELECT (SUM(?n) AS ?m) { ?a :link ?b . ?b :number ?n }", 1),
        (
            "SELECT ?n (COUNT(*) AS ?c) { ?a :number ?m BIND (?m / 7 AS ?n) } GROUP BY ?n",
            1,
        ),
        ("SELECT DISTINCT ?a { ?a :link ?b . ?a :number ?n }", 0),
        (
            "SELECT * { ?a :name ?n . ?b :number 8 . ?a :link ?b } ORDER BY ?n",
            0,
        ),
        ("SELECT * { { ?a :link ?b } UNION { ?a :name ?b } }", 2),
        ("SELECT * { ?a :number ?n FILTER (?n > 3 && ?n <= 40) }", 1),
        (
            "SELECT * { ?a :number ?n . ?a :link ?b FILTER (?n IN (3, 7, 49)) }",
            1,
        ),
    ] {
        let [plan, parallel] = plans(&execution, query);
        assert!(exchanges(&parallel) >= least, "{query}: {parallel:#?}");
        let expected = rows(&execution, &plan).expect("no limits");
        let given = rows(&execution, &parallel).expect("no limits");
        assert!(!expected.is_empty(), "{query} has no rows");
        assert!(expected == given, "{query}");
    }
}

/// A store in blocks, of things that know others in a ring and far off, and that like few.
fn network(graph: &GraphName) -> QuadStore<InMemoryBackend> {
    let options = StoreOptions {
        block_bytes: Some(400),
        ..StoreOptions::default()
    };
    let store = QuadStore::open_with(InMemoryBackend::new(), options).expect("an empty store");
    let node = |name: String| NamedNode::new_unchecked(format!("http://example.com/{name}"));
    let mut quads = Vec::new();
    let mut add = |subject: u32, predicate: &str, object: u32| {
        quads.push(Quad::new(
            node(format!("n{subject}")),
            node(predicate.to_owned()),
            node(format!("n{object}")),
            graph.clone(),
        ));
    };
    for number in 0..3_000 {
        for step in [1, 2, 3, 50] {
            add(number, "knows", (number + step) % 3_000);
        }
        add(number, "likes", number % 3);
        add(number, "is", number % 5);
        if number % 2 == 0 {
            add(number, "has", number % 7);
        }
    }
    add(8, "only", 4);
    store.extend(quads).expect("added");
    store.compact().expect("put into blocks");
    store
}

#[test]
fn merge_joins_and_multiway_joins_are_cut_by_values() {
    let two = NonZeroUsize::new(2).expect("two");
    let options = QueryOptions::new().with_threads(two);
    let store = network(&GraphName::DefaultGraph);
    let execution = Arc::new(execution_over(&store, 1 << 30, &options));
    for query in [
        "SELECT * { ?a :knows ?b . ?b :knows ?c . ?a :knows ?c }",
        "SELECT ?c { ?a :knows ?b . ?b :knows ?c . ?a :knows ?c . ?a :is ?i FILTER(?i != :n3) }",
        "SELECT ?a { ?a :is :n1 . ?a :likes :n2 }",
        "SELECT * { ?a :is :n1 . ?a :likes :n2 . ?a :has :n4 . ?a :knows ?b }",
        "SELECT * { ?a :is :n1 . ?a :likes :n2 FILTER NOT EXISTS { ?a :has :n4 } }",
        "SELECT * { ?a :is :n1 . ?a :likes :n2 FILTER EXISTS { ?a :has :n4 } }",
        "SELECT (COUNT(*) AS ?n) { ?a :is :n1 . ?a :likes :n2 }",
    ] {
        let [plan, parallel] = plans(&execution, query);
        let [mut cut, mut exchanges] = [0, 0];
        let mut open = vec![&parallel];
        while let Some(plan) = open.pop() {
            if let Node::Exchange(input) = &plan.node {
                exchanges += 1;
                cut += usize::from(cut_of(input) == Some(Cut::Values));
            }
            open.extend(plan.children());
        }
        assert!(cut > 0, "{query}: {exchanges} exchanges\n{parallel:#?}");
        let expected = rows(&execution, &plan).expect("no limits");
        assert!(!expected.is_empty(), "{query} has no rows");
        assert!(
            rows(&execution, &parallel).expect("no limits") == expected,
            "{query}"
        );
        let builder = Builder::new(Arc::clone(&execution)).expect("a builder");
        let parts = builder.parts_of(&parallel).expect("parts");
        assert!(parts > 1, "{query}: one part\n{parallel:#?}");
    }
}

#[test]
fn what_is_aggregated_without_groups_needs_no_order() {
    let execution = run_on_two_threads(QueryOptions::new());
    let query = "SELECT (SUM(?n) AS ?m) { ?a :link ?b . ?b :number ?n }";
    let [_, parallel] = plans(&execution, query);
    let mut open = vec![&parallel];
    while let Some(plan) = open.pop() {
        if let Node::Group { input, .. } = &plan.node {
            assert!(matches!(input.node, Node::Exchange(_)), "{input:#?}");
            return;
        }
        open.extend(plan.children());
    }
    panic!("no group: {parallel:#?}");
}

#[test]
fn what_is_joined_by_its_graph_is_cut_by_nothing_else() {
    let two = NonZeroUsize::new(2).expect("two");
    let options = QueryOptions::new().with_threads(two);
    let node = |name| NamedNode::new_unchecked(format!("http://example.com/{name}"));
    let store = network(&node("g").into());
    let id = |name| store.snapshot().and_then(|view| view.encode(&node(name)));
    let [graph, other] = ["g", "n7"].map(|name| id(name).expect("read").expect("known"));
    for named in [None, Some(vec![graph]), Some(vec![graph, other])] {
        let mut execution = execution_over(&store, 1 << 30, &options);
        execution.dataset.named_graphs = named.clone();
        let execution = Arc::new(execution);
        for body in [
            "?a :is :n1 FILTER EXISTS { ?m :only :n4 }",
            "?a :is :n1 FILTER NOT EXISTS { ?m :only :n4 }",
            "?a :is :n1 FILTER EXISTS { :n4 :has :n4 }",
            "?a :is :n1 . ?a :likes :n2",
            "?a :knows ?b . ?b :knows ?c . ?a :knows ?c",
        ] {
            let query = format!("SELECT * {{ GRAPH ?g {{ {body} }} }}");
            let [plan, parallel] = plans(&execution, &query);
            if body.contains("only") && named.as_ref().is_none_or(|named| named.len() == 1) {
                let below_exchange = parallel.children();
                let is_cut = below_exchange
                    .iter()
                    .any(|plan| cut_of(plan) == Some(Cut::Values));
                assert!(is_cut, "{query} is not merged by the graph\n{parallel:#?}");
            }
            let expected = rows(&execution, &plan).expect("no limits");
            assert_eq!(expected.is_empty(), body.contains("NOT"), "{query}");
            let given = rows(&execution, &parallel).expect("no limits");
            assert!(given == expected, "{query} of {named:?}\n{parallel:#?}");
        }
    }
}

#[test]
fn scans_of_ranges_are_cut() {
    let execution = run_on_two_threads(QueryOptions::new());
    let query = "SELECT * { ?a :number ?n FILTER (?n < 5 || ?n > 8 && ?n <= 40) }";
    let [plan, _] = plans(&execution, query);
    let mut scan = &plan;
    while let [below] = scan.children().as_slice() {
        scan = below;
    }
    let Node::Scan {
        quads,
        objects: objects @ Some(_),
        ..
    } = &scan.node
    else {
        panic!("no ranges are scanned: {plan:#?}");
    };
    let constant = |place: Place| match place {
        Place::Constant(id) => Some(TermId::from_raw(id)),
        Place::Slot(_) => None,
    };
    let shape = ScanShape {
        triple: quads.triple.map(constant),
        graphs: GraphSelection::Default,
        columns: vec![0, 2],
        equal: Vec::new(),
        permutation: None,
        objects: objects.clone(),
        part: None,
        leading: None,
    };
    let parts = shape.split(&execution, 8).expect("parts");
    assert!(parts.len() > 1, "{parts:?}");
    let rows = |part: Option<ScanPart>| {
        let shape = ScanShape {
            part,
            ..shape.clone()
        };
        let mut scan = Scan::new(Arc::clone(&execution), shape).expect("a scan");
        collect(&mut scan, 2).expect("rows")
    };
    let all: Vec<_> = parts
        .into_iter()
        .flat_map(|part| rows(Some(part)))
        .collect();
    assert!(!all.is_empty() && all == rows(None));
}

#[test]
fn what_needs_an_order_or_the_first_rows_is_left_alone() {
    let execution = run_on_two_threads(QueryOptions::new());
    for query in [
        "SELECT * { ?a :link ?b } LIMIT 10",
        "SELECT DISTINCT ?b { ?a :link ?b }",
        "SELECT * { ?a :link ?b BIND (RAND() AS ?r) FILTER (?r >= 0) } LIMIT 1",
    ] {
        let [_, parallel] = plans(&execution, query);
        assert_eq!(0, exchanges(&parallel), "{query}: {parallel:#?}");
    }
    let [_, random] = plans(&execution, "SELECT * { ?a :link ?b BIND (BNODE() AS ?r) }");
    assert_eq!(1, exchanges(&random), "{random:#?}");
    // The scan below it may be.
    let mut below = vec![&random];
    while let Some(plan) = below.pop() {
        if let Node::Exchange(input) = &plan.node {
            assert!(matches!(input.node, Node::Scan { .. }), "{random:#?}");
        }
        below.extend(plan.children());
    }
}

/// Six thousand rows by as many.
const PRODUCT: &str = "SELECT * { ?a :number ?n . ?b :number ?m . FILTER (?n + ?m < 0) }";

#[test]
fn a_run_in_parallel_is_cancelled_in_time() {
    let token = CancelToken::new();
    let execution = run_on_two_threads(QueryOptions::new().with_cancel_token(token.clone()));
    let [_, parallel] = plans(&execution, PRODUCT);
    assert!(exchanges(&parallel) > 0, "{parallel:#?}");
    let canceller = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        token.cancel();
        Instant::now()
    });
    let ended = rows(&execution, &parallel);
    assert!(matches!(ended, Err(QueryError::Cancelled)), "{ended:?}");
    let cancelled = canceller.join().expect("cancelled");
    assert!(cancelled.elapsed() < Duration::from_millis(500));
}

#[test]
fn a_run_in_parallel_that_is_dropped_ends_at_once() {
    let execution = run_on_two_threads(QueryOptions::new());
    let [_, parallel] = plans(&execution, &PRODUCT.replace("< 0", "> 97"));
    let builder = Builder::new(Arc::clone(&execution)).expect("a builder");
    let mut built = builder.build_root(&parallel).expect("an operator");
    assert!(built.operator.next(&mut Batch::default()).expect("rows"));
    let dropped = Instant::now();
    drop(built);
    assert!(dropped.elapsed() < Duration::from_millis(500));
}

#[test]
fn tables_beyond_the_budget_go_on_in_files_in_parallel_too() {
    let store = store();
    let two = NonZeroUsize::new(2).expect("two");
    let options = QueryOptions::new().with_threads(two);
    let execution = |budget| Arc::new(execution_over(&store, budget, &options));
    let (large, small) = (execution(1 << 30), execution(300_000));
    for query in [
        "SELECT * { ?a :link ?b OPTIONAL { ?b ?p ?o } }",
        "SELECT * { ?a :link ?b FILTER NOT EXISTS { ?b ?p ?o . ?b :name ?n } }",
        "SELECT * { ?a :link ?b MINUS { ?b ?p ?o . ?b :name ?n } }",
    ] {
        let [plan, parallel] = plans(&large, query);
        let expected = rows(&large, &plan).expect("no limits");
        assert!(!expected.is_empty(), "{query} has no rows");
        assert!(rows(&small, &plan).expect("passes") == expected, "{query}");
        let given = rows(&small, &parallel).expect("passes in parallel");
        assert!(given == expected, "{query}");
    }
}

#[test]
fn a_budget_without_room_for_a_batch_is_an_error_in_parallel_too() {
    let store = store();
    let two = NonZeroUsize::new(2).expect("two");
    let options = QueryOptions::new().with_threads(two);
    let execution = Arc::new(execution_over(&store, 20_000, &options));
    let [_, parallel] = plans(&execution, PRODUCT);
    let ended = rows(&execution, &parallel);
    assert!(
        matches!(ended, Err(QueryError::Memory { budget: 20_000 })),
        "{ended:?}"
    );
}
