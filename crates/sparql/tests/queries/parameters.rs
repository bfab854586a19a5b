//! Values that are given with a query for its variables: what they do in every form of query, and where they do nothing.
//!
//! What flows in: queries with parameters. What flows out: answers, compared with those of the same text with `VALUES`.

use crate::common::{Store, store, written};
use oxrdf::{Literal, NamedNode, Term, Variable};
use quadrille_sparql::{PreparedQuery, Query, QueryError, QueryOptions};

const ROOMS: &str = "
    :hall :name 'Hall' ; :holds :vase, :bust ; :area 90 .
    :attic :name 'Attic' ; :holds :chest ; :area 20 ; :above :hall .
    :vase :year 1700 . :bust :year 1800 . :chest :year 1900 .
    :g { :hall :open 9 . :attic :open 10 }";

fn node(name: &str) -> Term {
    NamedNode::new_unchecked(format!("http://example.com/{name}")).into()
}

fn prepared(text: &str) -> PreparedQuery {
    let text = format!("PREFIX : <http://example.com/>\n{text}");
    let query = Query::parse(&text, None).unwrap();
    query.prepare(QueryOptions::new())
}

fn with(query: &PreparedQuery, name: &str, value: impl Into<Term>) -> PreparedQuery {
    let variable = Variable::new_unchecked(name);
    query.clone().with_binding(variable, value)
}

/// The rows in their order, as TSV or N-Triples.
fn ordered(store: &Store, query: &PreparedQuery) -> Result<Vec<String>, QueryError> {
    written(query.execute(store)?)
}

fn rows(store: &Store, query: &PreparedQuery) -> Vec<String> {
    let mut rows = ordered(store, query).unwrap();
    rows.sort();
    rows
}

#[test]
fn a_variable_that_is_not_selected_may_have_a_value() {
    let store = store(ROOMS);
    let query = prepared("SELECT ?o { ?room ?p ?o }");
    assert_eq!(
        rows(&store, &with(&query, "room", node("attic"))),
        ["\"Attic\"", "20", "<:chest>", "<:hall>"]
    );
    assert_eq!(rows(&store, &with(&query, "room", node("hall"))).len(), 4);
    assert!(rows(&store, &with(&query, "room", node("nowhere"))).is_empty());
}

#[test]
fn a_value_is_that_of_a_row_of_values_at_the_beginning() {
    let store = store(ROOMS);
    for (head, body, tail) in [
        ("SELECT (COUNT(*) AS ?n)", "?room ?p ?o", ""),
        ("SELECT (COUNT(?room) AS ?n)", "?s :above ?o", ""),
        (
            "SELECT ?p (COUNT(*) AS ?n)",
            "?room ?p ?o",
            "GROUP BY ?p HAVING (COUNT(*) > 1)",
        ),
        (
            "SELECT ?room (COUNT(*) AS ?n)",
            "?room ?p ?o",
            "GROUP BY ?room",
        ),
        (
            "SELECT (COUNT(?room) AS ?n)",
            "{ ?s :above ?o } UNION { ?room :holds ?o }",
            "",
        ),
        ("SELECT DISTINCT ?p", "?room ?p ?o", ""),
        ("SELECT ?s", "?s :above ?o OPTIONAL { ?s :holds ?room }", ""),
        (
            "SELECT ?s ?x",
            "?s :area ?a OPTIONAL { ?s :holds ?x FILTER(?s = ?room) }",
            "",
        ),
        ("SELECT ?s", "?s :area ?a MINUS { ?t :above ?room }", ""),
        (
            "SELECT ?s",
            "?s :area ?a FILTER NOT EXISTS { ?s :above ?room }",
            "",
        ),
        ("SELECT ?s", "?s :area ?a FILTER(?s != ?room)", ""),
        ("SELECT ?x", "GRAPH ?g { ?room :open ?x }", ""),
        ("SELECT ?x", "?room :above*/:holds ?x", ""),
        ("SELECT ?n", "?s :area ?a BIND(?room AS ?n)", ""),
        ("SELECT (STR(?room) AS ?n)", "?s :area ?a", ""),
        ("SELECT ?s", "VALUES (?room ?s) { (:hall 1) (UNDEF 2) }", ""),
        ("ASK", "?room :above ?x", ""),
        ("ASK", "{ SELECT ?x { ?room :above ?x } }", ""),
        (
            "CONSTRUCT { ?room :has ?x . :a :b ?room }",
            "?room :holds ?x",
            "",
        ),
        ("CONSTRUCT { ?room :has ?x }", "?s :holds ?x", ""),
        (
            "CONSTRUCT { ?room :has ?s } ",
            "?s :holds ?x",
            "ORDER BY ?s LIMIT 1",
        ),
        ("DESCRIBE ?x", "?room :holds ?x", ""),
        ("DESCRIBE *", "?room :holds ?x", ""),
    ] {
        for name in ["hall", "attic", "nowhere"] {
            let given = with(
                &prepared(&format!("{head} {{ {body} FILTER(BOUND(?room)) }} {tail}")),
                "room",
                node(name),
            );
            let written = format!("{head} {{ VALUES ?room {{ :{name} }} {body} }} {tail}");
            assert_eq!(
                rows(&store, &given),
                rows(&store, &prepared(&written)),
                "{written}"
            );
        }
    }
}

#[test]
fn rows_are_ordered_and_cut_after_a_value_is_given() {
    let store = store(ROOMS);
    for (text, expected) in [
        (
            "SELECT ?x { ?room :holds ?x } ORDER BY DESC(?x)",
            vec!["<:vase>", "<:bust>"],
        ),
        (
            "SELECT ?x { ?room :holds ?x } ORDER BY ?x LIMIT 1",
            vec!["<:bust>"],
        ),
        (
            "SELECT ?s { ?s :area ?a OPTIONAL { ?s :above ?room } } ORDER BY ?a",
            vec!["<:attic>", "<:hall>"],
        ),
        (
            "SELECT ?s { ?s :area ?a } ORDER BY (?s = ?room) LIMIT 1",
            vec!["<:attic>"],
        ),
        (
            "CONSTRUCT { ?s :is ?room } { ?s :area ?a OPTIONAL { ?s :above ?room } } ORDER BY ?a LIMIT 1",
            vec!["<:attic> <:is> <:hall> ."],
        ),
    ] {
        let query = with(&prepared(text), "room", node("hall"));
        assert_eq!(ordered(&store, &query).unwrap(), expected, "{text}");
    }
}

#[test]
fn a_subquery_sees_a_value_where_it_selects_the_variable() {
    let store = store(ROOMS);
    let count = |text: &str| rows(&store, &with(&prepared(text), "room", node("attic"))).len();
    let unseen = "SELECT ?x ?o { ?room :above ?o { SELECT ?x { ?room :holds ?x } } }";
    assert_eq!(count(unseen), 3, "another variable of the same name");
    let seen = "SELECT ?x { { SELECT ?room ?x { ?room :holds ?x } } }";
    assert_eq!(count(seen), 1);
    let counted =
        "SELECT ?n { { SELECT ?room (COUNT(*) AS ?n) { ?room :holds ?x } GROUP BY ?room } }";
    assert_eq!(count(counted), 1);
    for text in [
        "SELECT ?x { { SELECT ?x { ?room :holds ?x } } }",
        "ASK { SELECT ?x { ?room :holds ?x } }",
        "ASK { SELECT ?x { ?room :holds ?x } LIMIT 1 }",
        "SELECT ?x { ?x :holds ?y }",
        "SELECT (COUNT(*) AS ?n) { ?x :holds ?y }",
    ] {
        let error = ordered(&store, &with(&prepared(text), "room", node("attic"))).unwrap_err();
        assert!(error.to_string().contains("?room"), "{text}: {error}");
    }
}

#[test]
fn a_computed_variable_has_to_have_the_value_that_is_given() {
    let store = store(ROOMS);
    let run = |text: &str, value: i32| {
        let query = with(&prepared(text), "n", Literal::from(value));
        ordered(&store, &query)
    };
    let bound = "SELECT ?s { ?s :area ?a BIND(?a + 1 AS ?n) }";
    assert_eq!(run(bound, 21).unwrap(), ["<:attic>"]);
    assert!(run(bound, 22).unwrap().is_empty());
    let asked = "SELECT ?s { ?s :area ?a BIND(EXISTS { ?s :above ?x } AS ?n) }";
    assert!(run(asked, 1).unwrap().is_empty());
    let aggregate = "SELECT ?s (COUNT(*) AS ?n) { ?s :holds ?x } GROUP BY ?s";
    assert_eq!(run(aggregate, 2).unwrap().len(), 1);
    let used = "SELECT ?s { { ?s :area ?a FILTER(?a > ?n) } BIND(1 AS ?n) }";
    assert!(run(used, 1).unwrap_err().to_string().contains("?n"));
}

#[test]
fn kept_plans_serve_values_of_variables_that_are_not_selected() {
    let store = store(ROOMS);
    for text in [
        "SELECT ?o { ?room ?p ?o }",
        "SELECT ?o { ?room ?p ?o } ORDER BY (?o = ?room) ?o",
        "SELECT ?o { ?room :name ?o ; :area ?a }",
        "SELECT ?o { ?o :name ?n FILTER(?o != ?room) }",
        "SELECT (STR(?room) AS ?o) { ?room :area ?a }",
        "SELECT (COUNT(*) AS ?o) { ?room :holds ?x }",
        "SELECT ?o { ?room :holds ?o . ?o :year ?y }",
        "CONSTRUCT { ?room :has ?o } { ?room :holds ?o }",
        "DESCRIBE ?room { ?room :area ?a }",
        "ASK { ?room :above ?o }",
    ] {
        let kept = prepared(text);
        for name in ["hall", "attic", "name", "nowhere", "hall", "elsewhere"] {
            let given = rows(&store, &with(&kept, "room", node(name)));
            let fresh = rows(&store, &with(&prepared(text), "room", node(name)));
            assert_eq!(given, fresh, "{text} {name}");
        }
    }
}

#[test]
fn a_plan_that_is_shown_with_its_figures_was_run_as_its_query_is() {
    let store = store(ROOMS);
    let run = |text: &str, limit| {
        let text = format!("PREFIX : <http://example.com/>\n{text}");
        let options = QueryOptions::new().with_max_rows(limit);
        let query = Query::parse(&text, None).unwrap().prepare(options);
        query.explain_analyze(&store)
    };
    for text in [
        "SELECT ?x { ?s :holds ?x }",
        "CONSTRUCT { ?x :in ?s } { ?s :holds ?x }",
        "DESCRIBE ?x { :hall :holds ?x } LIMIT 3",
    ] {
        assert!(run(text, 3).is_ok(), "{text}");
        let error = run(text, 1).unwrap_err();
        assert!(
            matches!(error, QueryError::Rows { limit: 1 }),
            "{text}: {error}"
        );
    }
    let asked = run("ASK { ?s :holds ?x }", 0).unwrap();
    assert!(
        asked.actual.is_some_and(|actual| actual.rows == 1),
        "{asked}"
    );
}
