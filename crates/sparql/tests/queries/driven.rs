//! Unions, optional parts, subqueries and groups that begin with the few rows that they are joined with.

use crate::common::{Store, answer, answer_with, explained, loaded};
use quadrille_sparql::{Explanation, Query, QueryOptions};
use std::fmt::Write as _;
use std::sync::OnceLock;

/// Many nodes with an edge to some others, a colour, and a size for every second.
fn network() -> &'static Store {
    static STORE: OnceLock<Store> = OnceLock::new();
    STORE.get_or_init(|| {
        let mut data = String::new();
        for node in 0..30_000 {
            let to = |step: usize| (node * step + 11) % 30_000;
            writeln!(data, ":n{node} :to :n{} , :n{} .", to(7), to(13)).unwrap();
            writeln!(data, ":n{node} :colour :c{} .", node % 9).unwrap();
            if node % 2 == 0 {
                writeln!(data, ":n{node} :size {} .", node % 100).unwrap();
            }
            if node < 5 {
                writeln!(data, ":n{node} :chosen true .").unwrap();
            }
        }
        loaded(&data)
    })
}

/// What reads a part of the blocks only, since a few nodes are known before.
const BEGUN: &[&str] = &[
    "?x :chosen true { ?x :to ?y } UNION { ?y :to ?x }",
    "VALUES ?x { :n1 :n2 :none } { ?x :to ?y } UNION { ?y :to ?x } UNION { ?x :colour ?c }",
    "?x :chosen true { ?x :to ?y FILTER(?y != ?x) } UNION { ?y :to ?x . ?y :size ?s }",
    "?x :chosen true OPTIONAL { { ?x :to ?y } UNION { ?y :to ?x } }",
    "?x :chosen true OPTIONAL { ?x :to ?y OPTIONAL { ?y :size ?s } }",
    "?x :chosen true OPTIONAL { ?x :to ?y MINUS { ?y :size 4 } }",
    "?x :chosen true OPTIONAL { ?x :to ?y BIND(STR(?y) AS ?t) FILTER(?t != ?x) }",
    "?x :chosen true FILTER NOT EXISTS { { ?x :to :n18 } UNION { :n18 :to ?x } }",
    "?x :chosen true FILTER EXISTS { ?x :to ?y FILTER NOT EXISTS { ?y :size ?s } }",
    "?x :chosen true MINUS { { ?x :size 2 } UNION { ?x :to :n25 } }",
    "?x :chosen true { SELECT ?x (COUNT(*) AS ?n) { ?x :to ?y . ?y :colour ?c } GROUP BY ?x }",
    "?x :chosen true { SELECT ?x ?c (SUM(?s) AS ?sum) { ?x :to ?y . ?y :colour ?c OPTIONAL { ?y :size ?s } } GROUP BY ?x ?c }",
    "?x :chosen true { SELECT DISTINCT ?x ?c { ?x :to ?y . ?y :colour ?c } }",
    "?x :chosen true OPTIONAL { SELECT ?x (MAX(?s) AS ?max) { ?x :to ?y . ?y :size ?s } GROUP BY ?x }",
    "?x :chosen true { { SELECT ?x ?y { ?x :to ?y } } UNION { ?x :size ?y OPTIONAL { ?x :none ?z } } }",
    "?x :chosen true . ?x :to ?y { ?y :size ?z } UNION { ?y :to ?z { ?z :size ?a } UNION { ?z :colour ?a } }",
    "?x :chosen true BIND(?x AS ?w) { ?x :to ?y } UNION { ?w :to ?y }",
];

/// What is not the same when it begins with other rows: it is read by itself.
const BY_ITSELF: &[&str] = &[
    "?x :chosen true { SELECT ?x ?y { ?x :to ?y } ORDER BY ?x LIMIT 1 }",
    "?x :chosen true { SELECT (COUNT(?x) AS ?n) { ?x :to ?y } }",
    "?x :chosen true { SELECT DISTINCT ?x { { ?x :to ?y } UNION { ?y :size 4 } } }",
    "?x :chosen true { SELECT ?x (COUNT(*) AS ?n) { { ?x :to ?y } UNION { ?y :size 4 } } GROUP BY ?x }",
    "?x :chosen true { ?y :to ?z FILTER(BOUND(?x)) } UNION { ?y :size 4 }",
    "?x :chosen true OPTIONAL { { ?y :size 4 OPTIONAL { ?x :to ?y } } }",
    "?x :chosen true { SELECT ?y { ?x :to ?y } }",
    "?x :chosen true OPTIONAL { ?x :size ?w } { ?w :none ?y } UNION { ?w :to :n25 }",
    "?x :chosen true { SELECT ?x (SAMPLE(?y) AS ?any) { ?x :colour ?y . ?w :size 4 } GROUP BY ?x HAVING (COUNT(*) > 3) }",
];

#[test]
fn parts_that_begin_with_a_few_rows_read_no_more_than_they_need() {
    for body in BEGUN {
        let query = format!("SELECT * {{ {body} }}");
        let plan = explained(network(), &query);
        assert!(most_rows(&plan) < 500, "{query}\n{plan}");
    }
}

/// The most rows that a part of a plan gave.
fn most_rows(plan: &Explanation) -> u64 {
    let own = plan.actual.map_or(0, |actual| actual.rows);
    let below = plan.children.iter().map(most_rows);
    below.fold(own, u64::max)
}

#[test]
fn parts_that_begin_with_other_rows_mean_the_same() {
    let as_written = QueryOptions::new().as_written();
    let narrow = QueryOptions::new().with_memory(1 << 20);
    for body in BEGUN.iter().chain(BY_ITSELF) {
        for query in [
            format!("SELECT * {{ {body} }}"),
            format!("SELECT (COUNT(*) AS ?rows) {{ {body} }}"),
            format!("SELECT DISTINCT ?x {{ {body} }}"),
        ] {
            let expected = answer_with(network(), &query, &as_written).unwrap();
            assert!(!expected.is_empty(), "{query}");
            assert_eq!(answer(network(), &query).unwrap(), expected, "{query}");
            let found = answer_with(network(), &query, &narrow).unwrap();
            assert_eq!(found, expected, "{query}");
        }
    }
}

#[test]
fn what_is_something_else_each_time_is_evaluated_as_often_as_it_is_written() {
    for body in [
        "?x :to :n11 . ?x :colour ?c . ?c :is ?k { SELECT ?k (UUID() AS ?u) { ?k :of ?m } }",
        "?c :is ?k { ?k :of ?m BIND(UUID() AS ?u) }",
        "?c :is ?k OPTIONAL { ?k :of ?m BIND(BNODE() AS ?u) }",
        "?c :is ?k { { ?k :of ?m BIND(RAND() AS ?u) } UNION { ?k :none ?u } }",
    ] {
        let mut data = ":n0 :to :n11 ; :colour :c0 . :n1 :to :n11 ; :colour :c1 . ".to_owned();
        data.push_str(":c0 :is :k0 . :c1 :is :k0 . ");
        for kind in 0..3_000 {
            write!(data, ":k{kind} :of :m{kind} . ").unwrap();
        }
        let query = format!("SELECT (COUNT(*) AS ?n) (COUNT(DISTINCT ?u) AS ?m) {{ {body} }}");
        let store = loaded(&data);
        assert_eq!(answer(&store, &query).unwrap(), ["2\t1"], "{body}");
    }
}

#[test]
fn conditions_within_conditions_are_planned() {
    // Ways that double with each level would never be through.
    let depth = 40;
    let mut query = "ASK { ?x0 :to ?x1 ".to_owned();
    for level in 1..depth {
        write!(query, "FILTER EXISTS {{ ?x{level} :to ?x{} ", level + 1).unwrap();
    }
    query.push_str(&"}".repeat(depth));
    assert_eq!(answer(network(), &query).unwrap(), ["true"]);
    let mut query = "SELECT * { ?a :to ?b . ?c :size ?d ".to_owned();
    for _ in 1..depth {
        query.push_str("{ SELECT * { ?a :to ?b . ?c :size ?d ");
    }
    query.push_str(&"}".repeat(2 * depth - 1));
    let query: Query = format!("PREFIX : <http://example.com/> {query}")
        .parse()
        .unwrap();
    query
        .prepare(QueryOptions::new())
        .explain(network())
        .unwrap();
}

#[test]
fn a_group_of_many_rows_a_value_is_made_once_for_all() {
    let query = "SELECT * { ?x :to :n11 , ?y . ?x :colour ?c . ?z :colour ?c
        { SELECT ?c (COUNT(*) AS ?n) { ?w :colour ?c . ?w :to ?v } GROUP BY ?c } }";
    let plan = explained(network(), query);
    assert!(most_rows(&plan) < 70_000, "{plan}");
}

#[test]
fn options_within_options_are_planned() {
    // Ways that double with each level would never be through.
    let depth = 40;
    let mut query = "SELECT * { ?x :chosen true ".to_owned();
    for level in 0..depth {
        write!(
            query,
            "OPTIONAL {{ {{ ?x :to ?y{level} }} UNION {{ ?x :size ?y{level} }} "
        )
        .unwrap();
    }
    query.push_str(&"}".repeat(depth + 1));
    let query: Query = format!("PREFIX : <http://example.com/> {query}")
        .parse()
        .unwrap();
    let plan = query.prepare(QueryOptions::new()).explain(network());
    assert!(plan.unwrap().to_string().contains("the batch"));
}
