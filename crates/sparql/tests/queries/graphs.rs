//! Which graphs a query sees: the default graph, named graphs, `FROM`, `FROM NAMED`, the union.

use crate::common::{Store, answer, answer_with, explained, loaded, store};
use quadrille_sparql::QueryOptions;

/// One triple in all three graphs, one of its own in each.
fn three_graphs() -> Store {
    store(
        ":s :p :shared . :s :p :default .
         :g1 { :s :p :shared . :s :p :one }
         :g2 { :s :p :shared . :s :p :two }",
    )
}

fn union() -> QueryOptions {
    QueryOptions::new().with_union_default_graph(true)
}

#[test]
fn the_default_graph_is_the_stored_one() {
    let rows = answer(&three_graphs(), "SELECT ?o { ?s ?p ?o }").unwrap();
    assert_eq!(rows, ["<:default>", "<:shared>"]);
}

#[test]
fn the_union_holds_each_triple_once_for_every_shape_of_pattern() {
    let store = three_graphs();
    for pattern in ["?s ?p ?o", ":s ?p ?o", "?s :p ?o", ":s :p ?o"] {
        let query = format!("SELECT ?o {{ {pattern} }}");
        let rows = answer_with(&store, &query, &union()).unwrap();
        assert_eq!(
            rows,
            ["<:default>", "<:one>", "<:shared>", "<:two>"],
            "{pattern}"
        );
    }
    for pattern in ["?s ?p :shared", "?s :p :shared", ":s ?p :shared"] {
        let query = format!("SELECT (COUNT(*) AS ?n) {{ {pattern} }}");
        let rows = answer_with(&store, &query, &union()).unwrap();
        assert_eq!(rows, ["1"], "{pattern}");
    }
}

#[test]
fn from_merges_its_graphs_and_hides_the_rest() {
    let store = three_graphs();
    let rows = answer(&store, "SELECT ?o FROM :g1 FROM :g2 FROM :g1 { :s :p ?o }").unwrap();
    assert_eq!(rows, ["<:one>", "<:shared>", "<:two>"]);
    let rows = answer_with(&store, "SELECT ?o FROM :g1 { ?s ?p ?o }", &union()).unwrap();
    assert_eq!(rows, ["<:one>", "<:shared>"], "FROM goes before the option");
    let rows = answer(&store, "SELECT ?g FROM :g1 { GRAPH ?g { ?s ?p ?o } }").unwrap();
    assert!(rows.is_empty(), "FROM alone names no graph");
    let rows = answer(&store, "SELECT ?o FROM :unknown { ?s ?p ?o }").unwrap();
    assert!(rows.is_empty());
}

#[test]
fn from_named_limits_the_named_graphs_and_empties_the_default_graph() {
    let store = three_graphs();
    let query = "SELECT ?g ?o FROM NAMED :g1 { GRAPH ?g { ?s ?p ?o } }";
    assert_eq!(
        answer(&store, query).unwrap(),
        ["<:g1>\t<:one>", "<:g1>\t<:shared>"]
    );
    let query = "SELECT ?o FROM NAMED :g1 { GRAPH :g2 { ?s ?p ?o } }";
    assert!(answer(&store, query).unwrap().is_empty());
    let query = "SELECT ?o FROM NAMED :g1 { ?s ?p ?o }";
    assert!(answer(&store, query).unwrap().is_empty());
    // Values and counts that headers know are those of the dataset, too.
    for query in [
        "SELECT DISTINCT ?s FROM NAMED :g1 { GRAPH :g2 { ?s ?p ?o } }",
        "SELECT ?s (COUNT(*) AS ?n) FROM NAMED :g1 { GRAPH :g2 { ?s ?p ?o } } GROUP BY ?s",
    ] {
        assert!(answer(&store, query).unwrap().is_empty(), "{query}");
    }
    let query = "SELECT (COUNT(DISTINCT ?s) AS ?n) FROM :g1 { GRAPH :g2 { ?s ?p ?o } }";
    assert_eq!(answer(&store, query).unwrap(), ["0"]);
}

#[test]
fn a_graph_variable_ranges_over_the_named_graphs_alone() {
    let store = three_graphs();
    for pattern in ["?s ?p ?o", ":s ?p ?o", "?s :p ?o", "?s ?p :shared", ""] {
        let query = format!("SELECT DISTINCT ?g {{ GRAPH ?g {{ {pattern} }} }}");
        assert_eq!(
            answer(&store, &query).unwrap(),
            ["<:g1>", "<:g2>"],
            "{pattern}"
        );
        assert_eq!(
            answer_with(&store, &query, &union()).unwrap(),
            ["<:g1>", "<:g2>"]
        );
    }
    let without_default = self::store(":g1 { :s :p :one } :g2 { :s :p :two }");
    let query = "SELECT ?g ?o { GRAPH ?g { ?s ?p ?o } }";
    assert_eq!(
        answer(&without_default, query).unwrap(),
        ["<:g1>\t<:one>", "<:g2>\t<:two>"]
    );
}

#[test]
fn a_graph_that_is_not_there_matches_nothing() {
    let store = three_graphs();
    for query in [
        "ASK { GRAPH :unknown { ?s ?p ?o } }",
        "ASK { GRAPH :unknown {} }",
        "ASK { VALUES ?g { :unknown 5 } GRAPH ?g {} }",
    ] {
        assert_eq!(answer(&store, query).unwrap(), ["false"], "{query}");
    }
    assert_eq!(answer(&store, "ASK { GRAPH :g1 {} }").unwrap(), ["true"]);
}

#[test]
fn describe_and_construct_read_the_query_s_default_graph() {
    let store = three_graphs();
    let query = "CONSTRUCT WHERE { ?s ?p ?o }";
    assert_eq!(
        answer(&store, query).unwrap(),
        ["<:s> <:p> <:default> .", "<:s> <:p> <:shared> ."]
    );
    let query = "DESCRIBE :s FROM :g2";
    assert_eq!(
        answer(&store, query).unwrap(),
        ["<:s> <:p> <:shared> .", "<:s> <:p> <:two> ."]
    );
}

#[test]
fn a_graph_s_variable_is_bound_after_its_braces() {
    let store = store(
        ":default :p :o . :g1 { :a :p :o . :b :p :o } :g2 { :a :p 1 ; :q :g2 } _:g3 { :c :p :o }",
    );
    let count = |query: &str| answer(&store, query).unwrap().len();
    let per_graph = "SELECT ?n { GRAPH ?g { SELECT (COUNT(*) AS ?n) { ?s :p :o } } }";
    assert_eq!(answer(&store, per_graph).unwrap(), ["0", "1", "2"]);
    assert_eq!(
        count("SELECT ?g { GRAPH ?g { SELECT ?s { ?s :p :o } } FILTER(isBLANK(?g)) }"),
        1
    );
    assert_eq!(
        count("SELECT * { GRAPH ?g { ?s :p ?o OPTIONAL { ?s :q ?g } } }"),
        4
    );
    assert_eq!(
        count("SELECT * { GRAPH ?g { ?s :p :o MINUS { :a :p 1 } } }"),
        3
    );
    assert_eq!(count("SELECT * { GRAPH ?g { FILTER(BOUND(?g)) } }"), 0);
    assert_eq!(
        answer(
            &store,
            "SELECT ?s FROM NAMED :g1 { GRAPH ?g { SELECT ?s { ?s :p ?o } } }"
        )
        .unwrap(),
        ["<:a>", "<:b>"]
    );
}

#[test]
fn a_subquery_within_each_of_many_graphs() {
    let data: String = (0..1001)
        .map(|n| format!(":g{n} {{ :s :p {n} }} "))
        .collect();
    let store = store(&data);
    let query = "SELECT ?g ?n { GRAPH ?g { SELECT (COUNT(*) AS ?n) { ?s :p ?o } } }";
    assert_eq!(answer(&store, query).unwrap().len(), 1001);
}

/// What is matched in each graph, as the body of `GRAPH ?g`.
const IN_EACH_GRAPH: &[&str] = &[
    "?g :p ?o",
    "?s :q ?g . ?s :p ?o",
    "?g :p ?o OPTIONAL { ?s :q ?o }",
    "{ ?g :p ?o } UNION { ?s :q ?o }",
    "?s :p ?o MINUS { ?s :q ?x }",
    "?s :p ?o MINUS { ?x :q ?y }",
    "?s :p ?o MINUS { VALUES ?s { :a :b } }",
    "?s :p ?o FILTER NOT EXISTS { ?s :q ?o }",
    "?s :p ?o FILTER EXISTS { ?s :q ?x MINUS { ?s :q :c } }",
    "?s :p ?o BIND(EXISTS { ?s :q ?x } AS ?has)",
    "OPTIONAL { ?s :q ?o FILTER NOT EXISTS { ?o :p ?s } }",
    "{ SELECT DISTINCT ?s { ?s ?p ?o } }",
    "{ SELECT DISTINCT ?s { ?s ?p ?g } }",
    "{ SELECT ?s (COUNT(*) AS ?n) (SUM(?o) AS ?sum) { ?s :p ?o } GROUP BY ?s }",
    "{ SELECT (COUNT(*) AS ?n) (COUNT(DISTINCT ?o) AS ?m) { ?s :q ?o } }",
    "{ SELECT (SUM(?o) AS ?sum) (MAX(?o) AS ?max) (GROUP_CONCAT(?x) AS ?all) { ?s :q ?o } }",
    "{ SELECT (AVG(?o) AS ?mean) (COUNT(*) AS ?n) { ?s :p ?o } } { SELECT (SUM(?o) AS ?sum) { ?s :q ?o } }",
    "{ SELECT ?s { ?s :p ?o } ORDER BY ?o } ?s :q ?x",
    "?s :p ?o . ?s :p+ ?x FILTER NOT EXISTS { ?x :q ?y }",
    "VALUES ?s { :a :b } FILTER EXISTS { ?s :q ?x }",
    "?s :p ?o . GRAPH ?h { ?s :q ?x FILTER NOT EXISTS { ?s :p ?x } }",
];

/// The same with slices of the rows of each graph, which either way can give.
const SLICED: &[&str] = &[
    "{ SELECT ?s { ?s :p ?o } ORDER BY ?s LIMIT 1 }",
    "{ SELECT ?s ?o { ?s :p ?o } ORDER BY ?s DESC(?o) LIMIT 1 OFFSET 1 }",
    "{ SELECT ?s { ?s :p ?o } ORDER BY DESC(?s) ?o OFFSET 1 } ?s :q ?x",
    "{ SELECT ?s { ?s :p ?o } LIMIT 0 }",
    "{ SELECT (COUNT(*) AS ?n) { ?s :p ?o } LIMIT 1 } ?s :q ?o",
    "{ SELECT DISTINCT ?s { ?s ?p ?o } ORDER BY ?s LIMIT 2 } FILTER EXISTS { ?s :q ?o }",
    "{ SELECT ?s { ?s :p ?o } ORDER BY ?s LIMIT 2 } MINUS { SELECT ?s { ?s :q ?o } ORDER BY ?s LIMIT 1 }",
    "{ SELECT (COUNT(*) AS ?n) { { SELECT * { ?s ?p ?o } LIMIT 2 } } }",
    "{ SELECT ?g ?s { ?s :p ?o } ORDER BY ?s LIMIT 1 }",
];

/// The same, where each graph is matched by itself in the end.
const GRAPH_BY_GRAPH: &[&str] = &[
    "?s :p ?o OPTIONAL { ?s :q ?g }",
    "?s :p ?o OPTIONAL { ?x :q ?o } MINUS { ?y :p ?x }",
];

#[test]
fn what_is_matched_in_each_graph_is_matched_in_all_at_once() {
    let store = store(
        ":a :p 1 ; :q 2 . :g :p 3 .
         :g { :a :p 1 ; :q :b . :b :p 2 ; :q :g . :g :p 5 ; :q 5 . }
         :h { :a :p 1 ; :q :c , 1 . :c :p :a , 7 . :g :p :h . :h :p :h . }
         :k { :a :q 2 . }
         :l { :x :y :z . }",
    );
    let as_written = QueryOptions::new().as_written();
    let mut sliced = 0;
    for (bodies, at_once) in [
        (IN_EACH_GRAPH, Some(true)),
        (GRAPH_BY_GRAPH, Some(false)),
        (SLICED, None),
    ] {
        for body in bodies {
            for around in [
                format!("SELECT * {{ GRAPH ?g {{ {body} }} }}"),
                format!("SELECT * {{ ?a :p ?b . GRAPH ?g {{ {body} }} FILTER(?g != :k) }}"),
                format!("SELECT * FROM NAMED :g FROM NAMED :h {{ GRAPH ?g {{ {body} }} }}"),
                format!("SELECT * {{ VALUES ?g {{ :h :k }} GRAPH ?g {{ {body} }} }}"),
                format!(
                    "SELECT * {{ GRAPH ?g {{ ?a ?b ?c }} FILTER EXISTS {{ GRAPH ?g {{ {body} }} }} }}"
                ),
                format!(
                    "SELECT * {{ GRAPH ?i {{ ?g :p ?v }} OPTIONAL {{ GRAPH ?g {{ {body} }} }} }}"
                ),
            ] {
                let expected = answer_with(&store, &around, &as_written).unwrap();
                assert_eq!(answer(&store, &around).unwrap(), expected, "{around}");
                let plan = explained(&store, &around).to_string();
                let is_at_once = !plan.contains("for each graph");
                sliced += usize::from(plan.contains("slice of each"));
                let is_expected = at_once.is_none_or(|expected| expected == is_at_once);
                assert!(is_expected, "{around}\n{plan}");
            }
        }
    }
    assert!(
        sliced > SLICED.len() * 3,
        "cut of all rows in {sliced} only"
    );
}

#[test]
fn slices_of_many_small_graphs_are_cut_from_all_rows_and_those_of_few_large_ones_end_early() {
    let data = |graphs: u32, quads: u32| -> String {
        let quad = |n| format!(":s{n} :p {n} . ");
        let quads: String = (0..quads).map(quad).collect();
        (0..graphs)
            .map(|n| format!(":g{n} {{ {quads} }} "))
            .collect()
    };
    let query = |slice: &str, around: &str| {
        format!("SELECT * {{ GRAPH ?g {{ SELECT ?s {{ ?s :p ?o }} {slice} }} }} {around}")
    };
    let (many, few) = (loaded(&data(2_000, 3)), loaded(&data(2, 3_000)));
    let as_written = QueryOptions::new().as_written();
    for (store, slice, around, is_apart, rows) in [
        (&many, "LIMIT 2", "", false, 4_000),
        (
            &many,
            "ORDER BY DESC(?o) LIMIT 2 OFFSET 1",
            "",
            false,
            4_000,
        ),
        (&many, "ORDER BY DESC(?o) LIMIT 2", "LIMIT 10", true, 10),
        (&few, "LIMIT 1000", "", true, 2_000),
        (&few, "LIMIT 2 OFFSET 5", "", true, 4),
        (&few, "ORDER BY DESC(?o) LIMIT 2 OFFSET 7", "", true, 4),
    ] {
        let query = query(slice, around);
        let given = answer(store, &query).unwrap();
        assert_eq!(given.len(), rows, "{query}");
        if slice.contains("ORDER") && around.is_empty() {
            assert_eq!(given, answer_with(store, &query, &as_written).unwrap());
        }
        let plan = explained(store, &query).to_string();
        assert_eq!(plan.contains("for each graph"), is_apart, "{plan}");
        assert_eq!(plan.contains("slice of each (?g)"), !is_apart, "{plan}");
    }
}

#[test]
fn slices_within_graphs_within_graphs_are_planned_in_time() {
    // Without a graph nothing is run within one.
    let store = store(":a :p 1 .");
    let mut inner = String::new();
    for depth in 0..40 {
        inner = format!("GRAPH ?g{depth} {{ {{ SELECT ?s {{ ?s :p ?o }} LIMIT 1 }} {inner} }}");
    }
    let start = std::time::Instant::now();
    let query = format!("SELECT (COUNT(*) AS ?n) {{ {inner} }}");
    assert_eq!(answer(&store, &query).unwrap(), ["0"]);
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

#[test]
fn what_is_something_else_each_time_is_so_in_each_graph() {
    let store = store(":g { :a :p 1 , 2 } :h { :a :p 1 }");
    let query = "SELECT (COUNT(*) AS ?n) (COUNT(DISTINCT ?u) AS ?m) {
        GRAPH ?g { ?s :p ?o { SELECT (UUID() AS ?u) {} } } }";
    assert_eq!(answer(&store, query).unwrap(), ["3\t2"]);
}

#[test]
fn a_default_graph_beside_many_small_graphs_is_passed_over() {
    let unnamed: String = (0..3_000).map(|n| format!(":s{n} :p {n} . ")).collect();
    let named: String = (0..50).map(|n| format!(":g{n} {{ :s :p {n} }} ")).collect();
    let store = loaded(&format!("{unnamed} {named}"));
    let query = "SELECT ?g ?s ?o { GRAPH ?g { ?s ?p ?o } }";
    assert_eq!(answer(&store, query).unwrap().len(), 50);
    let plan = explained(&store, query);
    let blocks = plan.actual.unwrap().blocks;
    assert!(blocks < 50, "each graph is opened by itself: {blocks}");
}

#[test]
fn graphs_that_are_scanned_one_after_the_other_are_in_no_order_together() {
    let store =
        store(":g { :a :p 1 . :b :p 2 . :c :p :d } :h { :a :p 3 . :b :p 4 . :c :p :d } :a :p 5 .");
    let merged = "SELECT DISTINCT ?s FROM :g FROM :h { ?s ?p ?o }";
    assert_eq!(
        [":a", ":b", ":c"],
        tidy(answer(&store, merged).unwrap()).as_slice()
    );
    let grouped = "SELECT ?s (COUNT(*) AS ?n) FROM :g FROM :h { ?s ?p ?o } GROUP BY ?s";
    assert_eq!(3, answer(&store, grouped).unwrap().len());
    for named in [
        "SELECT DISTINCT ?s FROM NAMED :g FROM NAMED :h { GRAPH ?g { ?s ?p ?o } }",
        "SELECT DISTINCT ?s { GRAPH ?g { ?s ?p ?o } }",
    ] {
        assert_eq!(3, answer(&store, named).unwrap().len(), "{named}");
    }
}

/// Without the angle brackets.
fn tidy(rows: Vec<String>) -> Vec<String> {
    let tidy = |row: String| row.replace(['<', '>'], "");
    rows.into_iter().map(tidy).collect()
}

#[test]
fn several_graphs_after_each_other_are_not_in_order() {
    let inside = |graph: &str| -> String {
        let triple = |n: usize| format!(":{graph}{n} :p {n} ; :q {} .\n", n ^ 1);
        let triples: String = (0..100).map(triple).collect();
        format!("GRAPH :{graph} {{ {triples} }} ")
    };
    let store = store(&format!("{} {}", inside("a"), inside("b")));
    for (query, rows) in [
        ("SELECT DISTINCT ?x FROM :a FROM :b { ?s :p ?x }", 100),
        (
            "SELECT ?x (COUNT(*) AS ?n) FROM :a FROM :b { ?s :p ?x } GROUP BY ?x",
            100,
        ),
        ("SELECT * FROM :a FROM :b { ?s :p ?x . ?t :q ?x }", 400),
        (
            "SELECT DISTINCT ?x FROM NAMED :a FROM NAMED :b { GRAPH ?g { ?s :p ?x } }",
            100,
        ),
        (
            "SELECT * FROM NAMED :a FROM NAMED :b { GRAPH ?g { ?s :p ?x } GRAPH ?h { ?t :q ?x } }",
            400,
        ),
    ] {
        assert_eq!(answer(&store, query).unwrap().len(), rows, "{query}");
    }
}
