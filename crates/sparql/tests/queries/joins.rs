//! How joins are planned: which method answers which shape, and that it answers right.

use crate::common::{Store, answer, answer_with, store};
use quadrille_sparql::{Query, QueryError, QueryOptions};
use std::fmt::Write as _;

/// The plan of a query, without limits.
fn plan(store: &Store, query: &str) -> String {
    let query: Query = format!("PREFIX : <http://example.com/>\n{query}")
        .parse()
        .unwrap();
    let plan = query.prepare(QueryOptions::new()).explain(store);
    plan.unwrap().to_string()
}

/// Spokes to and from one hub, `count` of each, with a cycle from each pair of them over the hub.
fn wheel(count: usize) -> Store {
    let mut edges = String::new();
    for spoke in 0..count {
        writeln!(edges, ":hub :p :out{spoke} . :in{spoke} :p :hub .").unwrap();
        writeln!(edges, ":out{spoke} :p :in{spoke} .").unwrap();
    }
    store(&edges)
}

const TRIANGLES: &str = "SELECT ?a ?b ?c { ?a :p ?b . ?b :p ?c . ?c :p ?a }";

#[test]
fn a_cycle_is_joined_at_once_and_makes_no_pairs_of_spokes() {
    let store = wheel(1500);
    let plan = plan(&store, TRIANGLES);
    assert!(plan.contains("multiway join"), "{plan}");
    // Of the more than two million pairs, one in 1500 closes.
    let options = QueryOptions::new().with_memory(1 << 20);
    let rows = answer_with(&store, TRIANGLES, &options).unwrap();
    assert_eq!(3 * 1500, rows.len());
}

#[test]
fn a_cycle_for_which_there_is_no_memory_is_joined_in_the_indexes() {
    let store = wheel(40);
    let options = QueryOptions::new().with_memory(0);
    let rows: Result<_, QueryError> = answer_with(&store, TRIANGLES, &options);
    assert_eq!(answer(&store, TRIANGLES).unwrap(), rows.unwrap());
}

#[test]
fn what_hangs_on_a_cycle_is_joined_after_it_and_chains_are_not_joined_at_once() {
    let mut edges = String::new();
    for node in 0..300 {
        for step in [1, 7, 50] {
            writeln!(edges, ":n{node} :p :n{} .", (node * step + 3) % 300).unwrap();
        }
        writeln!(edges, ":n{node} :name \"{node}\" .").unwrap();
    }
    let store = store(&edges);
    let named = plan(
        &store,
        "SELECT * { ?a :p ?b . ?b :p ?c . ?a :p ?c . ?c :name ?n }",
    );
    let multiway = named.lines().find(|line| line.contains("multiway join"));
    assert!(
        multiway.is_some_and(|line| !line.contains("name")),
        "{named}"
    );
    for acyclic in [
        "SELECT * { ?a :p ?b . ?b :p ?c . ?c :p ?d }",
        "SELECT * { ?a :p ?b . ?a :name ?n . ?a :p ?c }",
        "SELECT * { ?a :p ?b . ?b :p ?a }",
    ] {
        let plan = plan(&store, acyclic);
        assert!(!plan.contains("multiway join"), "{plan}");
    }
}

#[test]
fn inputs_that_are_sorted_alike_are_merged() {
    let mut quads = String::new();
    for node in 0..500 {
        writeln!(quads, ":n{node} :kind :{} .", node % 2).unwrap();
        writeln!(quads, ":n{node} :colour :{} .", node % 3).unwrap();
    }
    let store = store(&quads);
    for (query, words, rows) in [
        ("{ ?a :kind :1 . ?a :colour :2 }", "merge join", 83),
        (
            "{ ?a :kind :1 OPTIONAL { ?a :colour :2 } }",
            "optional, merge join",
            250,
        ),
        (
            "{ ?a :kind :1 FILTER EXISTS { ?a :colour :2 } }",
            "exists, merge join",
            83,
        ),
        (
            "{ ?a :kind :1 MINUS { ?a :colour :2 } }",
            "not exists, merge join",
            167,
        ),
    ] {
        let query = format!("SELECT DISTINCT ?a {query}");
        let plan = plan(&store, &query);
        assert!(plan.contains(words), "{plan}");
        assert_eq!(rows, answer(&store, &query).unwrap().len(), "{query}");
    }
}

#[test]
fn a_dear_condition_is_asked_of_the_rows_that_a_join_leaves() {
    let mut data = String::new();
    for number in 0..20_000 {
        let tag = ["en", "fr"][number % 2];
        writeln!(data, ":s{number} :label \"name {number}\"@{tag} .").unwrap();
        if number % 1000 < 2 {
            writeln!(data, ":s{number} :rare {number} .").unwrap();
        }
    }
    let store = store(&data);
    let rare = "SELECT * { ?s :label ?l ; :rare ?n FILTER(LANG(?l) = \"en\") }";
    let rare_plan = plan(&store, rare);
    let [outer, inner, ..] = rare_plan.lines().collect::<Vec<_>>()[1..] else {
        panic!("{rare_plan}");
    };
    assert!(outer.contains("filter"), "{rare_plan}");
    assert!(!inner.contains("scan"), "{rare_plan}");
    assert_eq!(answer(&store, rare).unwrap().len(), 20);
    // Where the join leaves no fewer rows, the condition may as well come first.
    let all = "SELECT * { ?s :label ?l ; ?p ?o FILTER(LANG(?l) = \"fr\") }";
    assert_eq!(answer(&store, all).unwrap().len(), 10_020);
}

/// Twenty houses with some of four properties, one of them a hub, and the same in a graph.
fn houses() -> Store {
    let mut text = String::new();
    for house in 0..20 {
        writeln!(
            text,
            ":h{house} :label \"house {house}\" ; :seats {} .",
            house % 4
        )
        .unwrap();
        if house % 3 > 0 {
            writeln!(text, ":h{house} :opened {} .", 1900 + house).unwrap();
        }
        writeln!(
            text,
            ":h{house} :near :h{} , :h{} .",
            (house + 1) % 20,
            (house + 7) % 20
        )
        .unwrap();
    }
    for guest in 0..3000 {
        writeln!(text, ":h4 :guest :g{guest} .").unwrap();
    }
    store(&format!(
        "{text} :g {{ :h1 :label \"other\" ; :seats 9 ; :opened 3 . {text} }}"
    ))
}

#[test]
fn properties_of_a_subject_are_found_at_once() {
    let store = houses();
    for (query, is_star) in [
        ("SELECT * { :h1 :label ?l ; :seats ?s ; :opened ?o }", true),
        ("SELECT * { :h1 :label ?l ; :seats 1 ; :opened ?o }", true),
        ("SELECT * { :h1 :label ?l ; :seats 2 ; :opened ?o }", true),
        ("SELECT * { :h3 :label ?l ; :opened ?o ; :near ?n }", true),
        ("SELECT * { :h1 :near ?m ; :near ?n ; :label ?l }", true),
        ("SELECT * { :h4 :guest ?a ; :near ?n ; :near ?m }", true),
        ("SELECT * { :nobody :label ?l ; :seats ?s }", true),
        ("SELECT * { :h1 :label ?l ; :colour ?c }", true),
        (
            "SELECT * { GRAPH :g { :h1 :label ?l ; :seats ?s ; :opened ?o } }",
            true,
        ),
        (
            "SELECT * { GRAPH :no { :h1 :label ?l ; :seats ?s ; :opened ?o } }",
            true,
        ),
        (
            "SELECT * { :g7 ^:guest ?h . ?h :label ?l ; :seats ?s ; :opened ?o }",
            true,
        ),
        (
            "SELECT * { ?h :seats 3 ; :label ?l ; :opened ?o ; :near ?n . ?n :label ?m }",
            false,
        ),
        ("SELECT * { :h1 :near ?n ; :label ?n }", false),
        (
            "SELECT * FROM NAMED :x { GRAPH :g { :h1 :label ?l ; :seats ?s } }",
            false,
        ),
        ("SELECT * FROM :g { :h1 :label ?l ; :seats ?s }", true),
        (
            "SELECT * FROM :g FROM :x { :h1 :label ?l ; :seats ?s }",
            false,
        ),
        ("SELECT * { GRAPH ?g { :h1 :label ?l ; :seats ?s } }", false),
        (
            "SELECT * { :h1 :label ?l ; :seats ?s OPTIONAL { :h1 :opened ?o ; :near ?n } }",
            true,
        ),
        (
            "SELECT * { ?h :opened 1901 OPTIONAL { ?h :label ?l ; :seats ?s } }",
            false,
        ),
    ] {
        let plan = plan(&store, query);
        assert!(plan.contains("star") || !is_star, "{query}\n{plan}");
        let options = QueryOptions::new().as_written();
        let expected = answer_with(&store, query, &options).unwrap();
        assert_eq!(answer(&store, query).unwrap(), expected, "{query}\n{plan}");
    }
}

#[test]
fn a_join_for_which_there_is_no_memory_goes_on_in_files() {
    let mut data = String::new();
    for number in 0..30_000 {
        writeln!(data, ":s{number} :p {} .", number % 17).unwrap();
        if number % 3 > 0 {
            writeln!(data, ":s{number} :q {} .", number % 19).unwrap();
        }
    }
    let store = store(&data);
    for query in [
        "SELECT ?s ?a ?b { ?s :p ?a . ?s :q ?b }",
        "SELECT ?s ?a ?b { ?s :p ?a OPTIONAL { ?s :q ?b FILTER(?a != ?b) } }",
        "SELECT ?s ?a { ?s :p ?a FILTER NOT EXISTS { ?s :q ?b } }",
        "SELECT ?s ?a { ?s :p ?a MINUS { ?s :q ?b } }",
    ] {
        let plan = plan(&store, query);
        assert!(plan.contains("hash"), "{plan}");
        let options = QueryOptions::new().with_memory(300_000);
        let expected = answer(&store, query).unwrap();
        let found = answer_with(&store, query, &options).unwrap();
        assert!(found == expected, "{query}: {} rows", found.len());
    }
}

#[test]
fn several_properties_of_one_subject() {
    let many: String = (0..100).map(|n| format!(":large :p {n} . ")).collect();
    let store = store(&format!(
        ":a :p 1 , 2 ; :q 1 , :b ; :r :a . :large :q 3 ; :r 4 . {many}
         :g {{ :a :p 5 ; :q 6 . }} :h {{ :a :q 7 . }}"
    ));
    let as_written = QueryOptions::new().as_written();
    for body in [
        ":a :p ?x ; :q ?y ; :r ?z",
        ":a :p ?x ; :q ?x",
        ":a :p ?x ; :p ?y",
        ":a :p 1 ; :q ?y",
        ":a :p 1 ; :q 1",
        ":a :p 1 ; :q 2",
        ":a ?p ?x ; :q ?y",
        ":a :p ?x ; :none ?y",
        ":none :p ?x ; :q ?y",
        ":large :p ?x ; :q ?y ; :r ?z",
        ":a :p ?x ; :q ?y . :large :q ?z",
        "GRAPH :g { :a :p ?x ; :q ?y }",
        "GRAPH ?g { :a :p ?x ; :q ?y }",
        "GRAPH :g { :a :p ?x } :a :q ?y",
        ":a :p ?x ; :q ?y FILTER(?x > 1)",
        ":a :p ?x ; :q ?y BIND(?x + 1 AS ?z)",
        "VALUES ?s { :a } ?s :p ?x ; :q ?y",
    ] {
        for query in [
            format!("SELECT * {{ {body} }}"),
            format!("SELECT ?y {{ {body} }} ORDER BY ?y ?x"),
        ] {
            let expected = answer_with(&store, &query, &as_written).unwrap();
            assert_eq!(answer(&store, &query).unwrap(), expected, "{query}");
        }
    }
}
