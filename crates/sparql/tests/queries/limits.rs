//! What stops a query: a timeout, a deadline, a cancel token, a limit on rows, its own depth.

use crate::common::{Store, answer, answer_with, store};
use oxrdf::{GraphName, NamedNode, Quad};
use quadrille_sparql::{Query, QueryError, QueryOptions, QueryResults, SparqlExt};
use quadrille_store::{CancelToken, QuadStore};
use std::thread;
use std::time::{Duration, Instant};

/// A query whose answer has 400³ rows on [`many`]: hours of work, and one row at the end.
const ENDLESS: &str =
    "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i FILTER(?c != ?f || ?f != ?i) }";
/// The same as rows.
const ENDLESS_ROWS: &str = "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }";

fn many() -> Store {
    let store = QuadStore::open(quadrille_backend::InMemoryBackend::new()).unwrap();
    let node = |n: u32| NamedNode::new_unchecked(format!("http://example.com/{n}"));
    let quads =
        (0..400).map(|n| Quad::new(node(n), node(n % 7), node(n + 1), GraphName::DefaultGraph));
    store.extend(quads).unwrap();
    store
}

#[test]
fn a_timeout_stops_a_cross_product_in_time() {
    let store = many();
    let options = QueryOptions::new().with_timeout(Duration::from_millis(200));
    let started = Instant::now();
    let answer = answer_with(&store, ENDLESS, &options);
    assert!(matches!(answer, Err(QueryError::Timeout)), "{answer:?}");
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn a_timeout_stops_rows_that_have_begun_to_come() {
    let store = many();
    let options = QueryOptions::new().with_timeout(Duration::from_millis(200));
    let QueryResults::Solutions(mut solutions) = store.query_with(ENDLESS_ROWS, &options).unwrap()
    else {
        panic!("a SELECT")
    };
    assert!(solutions.next().unwrap().is_ok());
    let last = solutions.by_ref().last().unwrap();
    assert!(matches!(last, Err(QueryError::Timeout)), "{last:?}");
    assert!(solutions.next().is_none(), "nothing follows an error");
}

/// A query of so many patterns in a chain.
fn chain(patterns: usize) -> String {
    let pattern = |n| format!("?v{n} :{} ?v{} . ", n % 7, n + 1);
    let patterns: String = (0..patterns).map(pattern).collect();
    format!("SELECT * {{ {patterns} }}")
}

#[test]
fn the_search_for_a_join_order_stops_at_the_deadline() {
    let store = many();
    let options = QueryOptions::new().with_timeout(Duration::from_millis(5));
    let started = Instant::now();
    let answer = answer_with(&store, &chain(900), &options);
    assert!(matches!(answer, Err(QueryError::Timeout)), "{answer:?}");
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn a_query_of_many_parts_runs_on_a_small_stack() {
    let store = many();
    let query = chain(900);
    let run = move || {
        let found = answer(&store, &query).unwrap().len();
        assert_eq!(found, 0, "no chain is that long");
        let query = format!("PREFIX : <http://example.com/> {query}");
        let query = Query::parse(&query, None)
            .unwrap()
            .prepare(QueryOptions::new());
        let explained = query.explain_analyze(&store).unwrap();
        assert_eq!(explained.actual.unwrap().rows, 0);
    };
    let thread = thread::Builder::new().stack_size(1 << 20).spawn(run);
    thread.unwrap().join().unwrap();
}

#[test]
fn a_deadline_that_has_passed_stops_every_form() {
    let store = many();
    let options = QueryOptions::new().with_deadline(Instant::now());
    for query in [
        "SELECT * { ?s ?p ?o }",
        "ASK { ?s ?p ?o }",
        "CONSTRUCT WHERE { ?s ?p ?o }",
        "DESCRIBE :1",
        "SELECT ?g { GRAPH ?g {} }",
    ] {
        let answer = answer_with(&store, query, &options);
        assert!(
            matches!(answer, Err(QueryError::Timeout)),
            "{query}: {answer:?}"
        );
    }
}

#[test]
fn the_timeout_counts_from_each_execution() {
    let store = many();
    let options = QueryOptions::new().with_timeout(Duration::from_millis(300));
    let query = Query::parse("ASK { ?s ?p ?o }", None)
        .unwrap()
        .prepare(options);
    thread::sleep(Duration::from_millis(350));
    assert!(matches!(
        query.execute(&store).unwrap(),
        QueryResults::Boolean(true)
    ));
}

#[test]
fn another_thread_cancels() {
    let store = many();
    let token = CancelToken::new();
    let options = QueryOptions::new().with_cancel_token(token.clone());
    let canceller = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        token.cancel();
    });
    let answer = answer_with(&store, ENDLESS, &options);
    canceller.join().unwrap();
    assert!(matches!(answer, Err(QueryError::Cancelled)), "{answer:?}");
}

#[test]
fn a_cancelled_expression_is_an_error_and_not_an_empty_answer() {
    let store = many();
    let token = CancelToken::new();
    let options = QueryOptions::new().with_cancel_token(token.clone());
    let query = "SELECT ?s { ?s ?p ?o FILTER(STRLEN(STR(?o)) > 0) }";
    let QueryResults::Solutions(mut solutions) = store.query_with(query, &options).unwrap() else {
        panic!("a SELECT")
    };
    assert!(solutions.next().unwrap().is_ok());
    token.cancel();
    assert!(matches!(solutions.next(), Some(Err(QueryError::Cancelled))));
    assert!(solutions.next().is_none());
}

#[test]
fn a_row_limit_gives_so_many_rows_and_then_an_error() {
    let store = store(":a :p 1, 2, 3 .");
    let solutions = "SELECT ?o { ?s ?p ?o }";
    let graph = "CONSTRUCT { ?s :q ?o } WHERE { ?s ?p ?o }";
    for query in [solutions, graph, "DESCRIBE :a"] {
        let options = QueryOptions::new().with_max_rows(3);
        assert_eq!(answer_with(&store, query, &options).unwrap().len(), 3);
        let options = QueryOptions::new().with_max_rows(2);
        let answer = answer_with(&store, query, &options);
        assert!(
            matches!(answer, Err(QueryError::Rows { limit: 2 })),
            "{query}: {answer:?}"
        );
    }
    let options = QueryOptions::new().with_max_rows(2);
    let QueryResults::Solutions(mut rows) = store.query_with(solutions, &options).unwrap() else {
        panic!("a SELECT")
    };
    assert!(rows.next().unwrap().is_ok() && rows.next().unwrap().is_ok());
    assert!(matches!(
        rows.next(),
        Some(Err(QueryError::Rows { limit: 2 }))
    ));
    assert!(rows.next().is_none(), "nothing follows an error");
}

#[test]
fn a_row_limit_is_about_rows_given_and_not_about_rows_read() {
    let store = store(":a :p 1, 2, 3 .");
    let options = QueryOptions::new().with_max_rows(1);
    let count = "SELECT (COUNT(?o) AS ?n) { ?s ?p ?o }";
    assert_eq!(answer_with(&store, count, &options).unwrap(), ["3"]);
    let options = QueryOptions::new().with_max_rows(0);
    assert_eq!(
        answer_with(&store, "ASK { ?s ?p ?o }", &options).unwrap(),
        ["true"]
    );
}

#[test]
fn terms_that_a_query_makes_count_against_its_memory() {
    let store = many();
    let options = QueryOptions::new().with_memory(1 << 18);
    let made = "SELECT ?made { ?a ?b ?c . ?d ?e ?f BIND(CONCAT(STR(?a), STR(?d)) AS ?made) }";
    for query in [
        made.to_owned(),
        format!("SELECT (COUNT(?made) AS ?n) {{ {made} }}"),
    ] {
        let answer = answer_with(&store, &query, &options);
        assert!(
            matches!(answer, Err(QueryError::Memory { budget }) if budget == 1 << 18),
            "{answer:?}"
        );
    }
}

#[test]
fn what_tells_the_triples_of_graphs_apart_counts_against_the_memory() {
    let triples: String = (0..10_000).map(|n| format!(":s{n} :p {n} .")).collect();
    let store = store(&format!(":g {{ {triples} }} :h {{ {triples} }}"));
    let query = "SELECT (COUNT(*) AS ?n) FROM :g FROM :h { ?s :p ?o }";
    assert!(answer(&store, query).unwrap()[0].starts_with("10000"));
    let options = QueryOptions::new().with_memory(1 << 18);
    let answer = answer_with(&store, query, &options);
    assert!(
        matches!(answer, Err(QueryError::Memory { .. })),
        "{answer:?}"
    );
}

/// Every way to build a deep query, each with `depth` levels or parts.
fn deep_queries(depth: usize) -> Vec<String> {
    let wrapped = |open: &str, middle: &str, close: &str| {
        format!("{}{middle}{}", open.repeat(depth), close.repeat(depth))
    };
    let binds: String = (0..depth).map(|n| format!("BIND(1 AS ?v{n})")).collect();
    vec![
        format!("SELECT * {{ FILTER({}) }}", wrapped("(", "1", ")")),
        format!("SELECT * {}", wrapped("{", "", "}")),
        format!("SELECT * {{ ?s ?p {} }}", wrapped("(", "", ")")),
        format!("SELECT * {{ ?s ?p {} }}", wrapped("[ ?q ", "1", "]")),
        format!("SELECT * {{ ?s {} ?o }}", wrapped("(", "<a:b>", ")*")),
        format!("SELECT * {{ FILTER({}1) }}", "!".repeat(depth)),
        format!("SELECT * {{ FILTER(1{}) }}", "||1".repeat(depth)),
        format!("SELECT * {{ FILTER(1{}) }}", "+1".repeat(depth)),
        format!("SELECT * {{ {{}} {} }}", "UNION {}".repeat(depth)),
        format!("SELECT * {{ {} }}", "OPTIONAL { ?s ?p ?o }".repeat(depth)),
        format!("SELECT * {{ {} }}", "MINUS { ?s ?p ?o }".repeat(depth)),
        format!(
            "SELECT * {{ {} }}",
            "FILTER EXISTS { ?s ?p ?o }".repeat(depth)
        ),
        format!("SELECT * {{ ?s <a:b>{} ?o }}", "/<a:b>".repeat(depth)),
        format!("SELECT * {{ ?s <a:b>{} ?o }}", "|<a:b>".repeat(depth)),
        format!("SELECT * {{ ?s ?p 1 {} }}", ", 1".repeat(depth)),
        format!("SELECT * {{ ?s ?p 1 {} }}", "; ?p 1".repeat(depth)),
        format!("SELECT * {{ {} }}", "?s ?p ?o .".repeat(depth)),
        format!("SELECT * {{ {binds} }}"),
    ]
}

#[test]
fn queries_as_deep_as_allowed_run_on_the_stack_of_a_thread_and_deeper_ones_are_refused() {
    let store = store("");
    let mut refused = 0;
    for depth in [48, 95, 330, 100_000] {
        for query in deep_queries(depth) {
            match answer(&store, &query) {
                Err(QueryError::TooComplex { count, limit, .. }) => {
                    assert!(count > limit);
                    refused += 1;
                }
                other => assert!(other.is_ok(), "{depth}: {}…: {other:?}", &query[..40]),
            }
        }
    }
    assert!(
        refused >= deep_queries(1).len(),
        "all are refused in the end"
    );
}
