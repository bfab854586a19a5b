//! Property paths: from which end they are walked, and that they relate what they should.

use crate::common::{Store, answer, answer_with, store};
use quadrille_sparql::{Query, QueryOptions};
use std::fmt::Write as _;

/// The plan of a query, without limits.
fn plan(store: &Store, query: &str) -> String {
    let query: Query = format!("PREFIX : <http://example.com/>\n{query}")
        .parse()
        .unwrap();
    let plan = query.prepare(QueryOptions::new()).explain(store);
    plan.unwrap().to_string()
}

/// A tree in which each node but the last ones is the parent of two, 2 and 3 those of 1; some live in one another.
fn tree(nodes: u32) -> Store {
    let mut edges = String::new();
    for node in 2..=nodes {
        writeln!(edges, ":n{node} :parent :n{} .", node / 2).unwrap();
    }
    for node in 2..=nodes / 8 {
        writeln!(edges, ":n{node} :near :n1 .").unwrap();
    }
    store(&edges)
}

#[test]
fn a_plan_tells_from_which_end_a_path_is_walked() {
    let store = tree(100);
    for (pattern, words) in [
        (":n9 :parent+ ?b", "path from the subject: "),
        ("?a :parent+ :n1", "path from the object: "),
        (":n9 :parent+ :n1", "path from both ends: "),
        // A node has one parent and up to two children.
        ("?a :parent+ ?b", "path from the subject: "),
        ("?a (^:parent)+ ?b", "path from the object: "),
        ("?a (:near/^:near)+ ?b", "path from the subject: "),
        ("?a :near ?b . ?a :parent+ ?b", "path from both ends: "),
    ] {
        let plan = plan(&store, &format!("SELECT * {{ {pattern} }}"));
        assert!(plan.contains(words), "{pattern}: {plan}");
    }
}

#[test]
fn either_end_and_both_lead_to_the_same() {
    let store = tree(100);
    let rows = |pattern: &str| {
        let query = format!("SELECT ?a ?b {{ {pattern} }}");
        answer(&store, &query).unwrap().len()
    };
    let pairs = rows("?a :parent+ ?b");
    assert_eq!(pairs, rows("?b (^:parent)+ ?a"));
    // Each pair once more, by the rows that bind both.
    assert_eq!(pairs, rows("?a :parent+ ?b . ?b (^:parent)+ ?a"));
    assert_eq!(11, rows("?a :near ?b . ?a :parent+ ?b"));
    assert_eq!(
        1,
        rows("VALUES (?a ?b) { (:n9 :n1) (:n1 :n9) (:n4 :n5) } ?a :parent+ ?b")
    );
    assert_eq!(
        3,
        rows("VALUES (?a ?b) { (:n9 :n1) (:n1 :n9) (:n4 :n5) } ?a (:parent|^:parent)+ ?b")
    );
}

#[test]
fn ends_that_no_graph_holds_are_related_to_themselves_by_no_steps_only() {
    let store = tree(10);
    for (pattern, rows) in [
        (":nowhere :parent* :nowhere", 1),
        (":nowhere :parent? :nowhere", 1),
        (":nowhere :parent+ :nowhere", 0),
        (":nowhere :parent* :n1", 0),
        (":n1 :parent* :nowhere", 0),
        (":n1 :unheard* :n1", 1),
        (":n2 (:unheard|:parent)+ :n1", 1),
    ] {
        let query = format!("SELECT * {{ {pattern} }}");
        assert_eq!(rows, answer(&store, &query).unwrap().len(), "{pattern}");
    }
}

#[test]
fn what_is_far_off_the_way_between_two_ends_is_not_visited() {
    let store = tree(30_000);
    // All that is below the root does not fit.
    let options = QueryOptions::new().with_memory(50_000);
    for (pattern, rows) in [
        (":n1 (^:parent)+ :n30000", 1),
        (":n30000 :parent+ :n1", 1),
        (":n2 (^:parent)* :n30000", 0),
    ] {
        let query = format!("SELECT * {{ {pattern} }}");
        let found = answer_with(&store, &query, &options).unwrap();
        assert_eq!(rows, found.len(), "{pattern}");
    }
    let query = "SELECT * { :n1 (^:parent)+ ?b }";
    assert!(answer_with(&store, query, &options).is_err());
}

/// Two ways from one node to another, one of them in two graphs too.
fn two_ways() -> Store {
    store(
        ":a :p :b . :a :q :b . :b :r :a . :b :p :b .
         GRAPH :one { :a :p :b . :a :q :b . :a :r :c }
         GRAPH :two { :a :p :b . :c :p :c }",
    )
}

#[test]
fn a_negated_set_gives_its_ends_once_for_each_triple() {
    let store = two_ways();
    for (query, rows) in [
        ("SELECT ?b { :a !(:r) ?b }", 2),
        ("SELECT ?a { ?a !(:p) :b }", 1),
        ("SELECT * { ?a !(:r) ?b }", 3),
        ("SELECT * { ?a !:unheard ?b }", 4),
        ("SELECT * { :a !(:p) :b }", 1),
        ("SELECT * { :a !(:p|:q) :b }", 0),
        ("SELECT * { :a !(^:p) ?b }", 1),
        ("SELECT * { :a !(:p|^:p) ?b }", 2),
        ("SELECT * { ?a !(:q) ?a }", 1),
        ("SELECT * { ?a :r ?b . ?b !(:p) ?a }", 1),
        ("SELECT ?b FROM :one FROM :two { :a !(:r) ?b }", 2),
        ("SELECT * { GRAPH ?g { ?a !(:r) ?b } }", 4),
        ("SELECT * { GRAPH :two { ?a !(:q) ?b } }", 2),
        ("SELECT * { GRAPH ?g { ?a (!(:r)/:p)? :c } }", 2),
        ("SELECT DISTINCT ?g { GRAPH ?g { :a (!:r)+ ?b } }", 2),
    ] {
        let found = answer(&store, query).unwrap();
        assert_eq!(rows, found.len(), "{query}: {found:?}");
    }
}

#[test]
fn a_negated_set_is_a_scan_with_a_condition() {
    let plan = plan(&two_ways(), "SELECT * { :a !(:p|:q) ?b }");
    assert!(plan.contains("scan"), "{plan}");
    assert!(!plan.contains("path"), "{plan}");
}
