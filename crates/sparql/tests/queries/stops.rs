//! How soon after its deadline, or a cancellation, a query ends that would go on for hours, and what ends one whose texts
//! would fill the memory.

use crate::common::{Store, answer, answer_with, store};
use oxrdf::{GraphName, NamedNode, Quad};
use quadrille_sparql::{QueryError, QueryOptions};
use quadrille_store::{CancelToken, QuadStore};
use std::thread;
use std::time::{Duration, Instant};

/// How long a query may go on that has to stop.
const LATE_MAX: Duration = Duration::from_millis(50);
/// How often it is tried: other processes may have the processor.
const TRIES: usize = 10;
/// When a query is stopped.
const STOP: Duration = Duration::from_millis(150);

/// On a thousand quads: a million pairs by a million pairs, as a count and as rows; a sort, a table of distinct rows and
/// groups that grow until the end; paths from everywhere to everywhere.
const RUNAWAYS: [&str; 8] = [
    "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l FILTER(?c != ?f || ?i != ?l) }",
    "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }",
    "SELECT ?a ?d ?g { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . } ORDER BY STR(?c) ?f",
    "SELECT DISTINCT ?a ?d ?g { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
    "SELECT ?a ?d ?g (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } GROUP BY ?a ?d ?g",
    "SELECT (COUNT(*) AS ?n) { ?a (!:none)* ?b . ?c (!:none)* ?d }",
    "SELECT (COUNT(*) AS ?n) { ?a ((:0|:1|:2|:3|:4|:5|:6)/(!:none)?)* ?b OPTIONAL { ?b ?p ?c . ?d ?q ?e } }",
    "SELECT (SUM(STRLEN(REPLACE(STR(?a), '(.)', '$1$1'))) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
];

/// A ring of a thousand nodes.
fn ring() -> Store {
    let store = QuadStore::open(quadrille_backend::InMemoryBackend::new()).unwrap();
    let node = |n: u32| NamedNode::new_unchecked(format!("http://example.com/{n}"));
    let quad = |n| {
        Quad::new(
            node(n),
            node(n % 7),
            node((n + 1) % 1000),
            GraphName::DefaultGraph,
        )
    };
    store.extend((0..1000).map(quad)).unwrap();
    store
}

/// The least time that a query took longer than it might, over some tries.
fn least_lateness(mut ended_after: impl FnMut() -> Duration) -> Duration {
    let mut least = Duration::MAX;
    for _ in 0..TRIES {
        least = least.min(ended_after().saturating_sub(STOP));
        if least < LATE_MAX {
            break;
        }
    }
    least
}

#[test]
fn a_runaway_query_ends_soon_after_its_deadline() {
    let store = ring();
    for query in RUNAWAYS {
        let late = least_lateness(|| {
            let options = QueryOptions::new().with_timeout(STOP);
            let start = Instant::now();
            let answer = answer_with(&store, query, &options);
            assert!(
                matches!(answer, Err(QueryError::Timeout)),
                "{query}: {answer:?}"
            );
            start.elapsed()
        });
        assert!(late < LATE_MAX, "{query}: {late:?}");
    }
}

#[test]
fn a_runaway_query_ends_soon_after_it_was_cancelled() {
    let store = ring();
    for query in RUNAWAYS {
        let late = least_lateness(|| {
            let token = CancelToken::new();
            let options = QueryOptions::new().with_cancel_token(token.clone());
            let canceller = thread::spawn(move || {
                thread::sleep(STOP);
                token.cancel();
                Instant::now()
            });
            let answer = answer_with(&store, query, &options);
            let end = Instant::now();
            assert!(
                matches!(answer, Err(QueryError::Cancelled)),
                "{query}: {answer:?}"
            );
            STOP + end.saturating_duration_since(canceller.join().unwrap())
        });
        assert!(late < LATE_MAX, "{query}: {late:?}");
    }
}

#[test]
fn texts_that_would_fill_the_memory_are_an_error() {
    let store = store(":s :p 'x' .");
    let letters = "a".repeat(1000);
    let replaced = |inner: &str| format!("REPLACE({inner}, 'a', '{letters}')");
    let thrice = replaced(&replaced(&replaced(&format!("CONCAT(?x, '{letters}')"))));
    let groups = format!(
        "REPLACE(CONCAT(?x, '{letters}'), '(a+)', '{}')",
        "$1".repeat(1_000_000)
    );
    let doubled = |n: usize| format!("BIND(CONCAT(?v{n}, ?v{n}) AS ?v{}) ", n + 1);
    let doubled: String = (0..40).map(doubled).collect();
    let joined = "GROUP_CONCAT(?y; separator='')";
    let long = format!("BIND(CONCAT(?x, '{}') AS ?y)", "b".repeat(1 << 20));
    for query in [
        format!("SELECT (STRLEN({thrice}) AS ?n) {{ ?s ?p ?x }}"),
        format!("SELECT ?s {{ ?s ?p ?x FILTER(STRLEN({groups}) > 3) }}"),
        format!("SELECT ?v40 {{ ?s ?p ?v0 {doubled} }}"),
        format!("SELECT ({joined} AS ?n) {{ ?s ?p ?x {long} VALUES ?z {{ 1 2 3 4 5 6 7 8 9 }} }}"),
    ] {
        let options = QueryOptions::new().with_memory(1 << 23);
        let answer = answer_with(&store, &query, &options);
        let is_memory = matches!(answer, Err(QueryError::Memory { .. }));
        assert!(
            is_memory,
            "{}…: {:?}",
            &query[..40],
            answer.map(|rows| rows.len())
        );
    }
    let short = "SELECT (REPLACE(CONCAT(?x, 'ay'), '(a)(y)', '$2$1') AS ?y) { ?s ?p ?x }";
    assert_eq!(answer(&store, short).unwrap(), ["\"xya\""]);
}

#[test]
fn many_rows_without_a_bound_column_meet_all_that_one_look_up_finds() {
    let triples: String = (0..3000)
        .map(|n| format!(":s{n} :p {n} . :t{n} :r :u{n} ."))
        .collect();
    let store = store(&triples);
    let query = "SELECT (COUNT(*) AS ?n) { ?a :p ?x OPTIONAL { ?a :q ?c } OPTIONAL { ?c :r ?d } }";
    assert_eq!(answer(&store, query).unwrap(), ["9000000"]);
}
