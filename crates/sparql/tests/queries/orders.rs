//! What is in order already is not sorted, and what is enough ends the work below: as plans and as answers.

use crate::common::{Store, answer, answer_with, explained, loaded, store};
use oxrdf::{NamedNode, Term, Variable};
use quadrille_sparql::{Explanation, Query, QueryOptions, QueryResults, Solutions, SparqlExt};
use std::fmt::Write;
use std::sync::OnceLock;

/// How many subjects there are, with a quad of each of some predicates.
const SUBJECTS: usize = 30_000;

/// Many subjects in blocks: more than ten for each predicate.
fn many() -> &'static Store {
    static MANY: OnceLock<Store> = OnceLock::new();
    MANY.get_or_init(|| {
        let mut trig = String::from("@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .\n");
        for n in 0..SUBJECTS {
            let value = n * 7_919 % SUBJECTS;
            let (kind, group) = (n % 7, n % 3);
            writeln!(
                trig,
                ":s{n} :value {value} ; :name \"the name of {value}\" ; :kind :k{kind} ; :next {} .\n\
                 GRAPH :g{group} {{ :s{n} :in {value} }}",
                value + 1
            )
            .unwrap();
        }
        loaded(&trig)
    })
}

/// What a plan may do.
struct Bounds {
    query: &'static str,
    /// An operator that is in the plan.
    operator: &'static str,
    /// How many rows all leaves of the plan give at most.
    rows: u64,
    blocks: u64,
}

const fn bounds(query: &'static str, operator: &'static str, rows: u64, blocks: u64) -> Bounds {
    Bounds {
        query,
        operator,
        rows,
        blocks,
    }
}

/// The operators of a plan, and the rows of its leaves.
fn operators(explanation: &Explanation) -> (Vec<&str>, u64) {
    let (mut operators, mut rows) = (Vec::new(), 0);
    let mut open = vec![explanation];
    while let Some(explanation) = open.pop() {
        operators.push(explanation.operator.as_str());
        if explanation.children.is_empty() {
            rows += explanation.actual.unwrap().rows;
        }
        open.extend(&explanation.children);
    }
    (operators, rows)
}

fn holds(bounds: &Bounds) {
    holds_of(many(), bounds);
}

fn holds_of(store: &Store, bounds: &Bounds) {
    let explanation = explained(store, bounds.query);
    let (operators, rows) = operators(&explanation);
    let blocks = explanation.actual.unwrap().blocks;
    let is_within = rows <= bounds.rows && blocks <= bounds.blocks;
    assert!(
        is_within && operators.contains(&bounds.operator),
        "{}: {rows} rows, {blocks} blocks\n{explanation}",
        bounds.query
    );
}

/// About the rows of a block: scans give no fewer.
const BLOCK: u64 = 8_000;

#[test]
fn rows_in_order_are_not_sorted() {
    for query in [
        bounds(
            "SELECT * { ?s :value ?v } ORDER BY ?v LIMIT 10",
            "sorted already",
            BLOCK,
            2,
        ),
        bounds(
            "SELECT ?s { ?s :value ?v } ORDER BY ASC(?v) LIMIT 10",
            "sorted already",
            BLOCK,
            2,
        ),
        bounds(
            "SELECT * { ?s :value ?v FILTER(?v >= 15000) } ORDER BY ?v LIMIT 10",
            "sorted already",
            BLOCK,
            2,
        ),
        bounds(
            "SELECT * { ?s :value ?v . ?t :next ?v } ORDER BY ?v LIMIT 10",
            "sorted already",
            2 * BLOCK,
            4,
        ),
        bounds(
            "SELECT * { GRAPH ?g { ?s :in ?v } } ORDER BY ?v LIMIT 10",
            "sorted already",
            BLOCK,
            2,
        ),
        bounds(
            "SELECT DISTINCT ?v { ?s :value ?v } ORDER BY ?v LIMIT 10",
            "sorted already",
            BLOCK,
            2,
        ),
        bounds(
            "SELECT ?v (?v + 1 AS ?w) { ?s :value ?v } ORDER BY ?v LIMIT 10",
            "sorted already",
            BLOCK,
            2,
        ),
    ] {
        holds(&query);
    }
}

#[test]
fn joins_of_the_first_rows_begin_with_the_order() {
    for query in [
        bounds(
            "SELECT * { ?s :value ?v ; :name ?n } ORDER BY ?v LIMIT 10",
            "sorted already",
            BLOCK,
            160,
        ),
        bounds(
            "SELECT * { ?s :value ?v ; :kind :k3 } ORDER BY ?v LIMIT 10",
            "sorted already",
            BLOCK,
            160,
        ),
        bounds(
            "SELECT * { ?s :value ?v OPTIONAL { ?s :name ?n } } ORDER BY ?v LIMIT 10",
            "sorted already",
            BLOCK,
            160,
        ),
        bounds(
            "SELECT * { ?s :value ?v ; :name ?n ; :next ?w FILTER(?v >= 200) } ORDER BY ?v LIMIT 10",
            "sorted already",
            BLOCK,
            160,
        ),
    ] {
        holds(&query);
    }
}

#[test]
fn other_orders_are_sorted() {
    for query in [
        "SELECT * { ?s :value ?v } ORDER BY DESC(?v) LIMIT 10",
        "SELECT * { ?s :value ?v } ORDER BY ?s LIMIT 10",
        "SELECT * { ?s :name ?v } ORDER BY ?v LIMIT 10",
        "SELECT * { ?s :kind ?v } ORDER BY ?v LIMIT 10",
        "SELECT * { ?s ?p ?v } ORDER BY ?v LIMIT 10",
        "SELECT * { ?s :value ?v } ORDER BY (?v + 1) LIMIT 10",
    ] {
        let explanation = explained(many(), query);
        assert!(operators(&explanation).0.contains(&"top"), "{explanation}");
    }
}

#[test]
fn distinct_and_groups_use_the_order_of_scans() {
    for query in [
        bounds(
            "SELECT DISTINCT ?v ?s { ?s :value ?v } LIMIT 10",
            "distinct in order",
            BLOCK,
            2,
        ),
        bounds(
            "SELECT DISTINCT ?k ?s { ?s :kind ?k } LIMIT 10",
            "distinct in order",
            BLOCK,
            2,
        ),
        bounds(
            "SELECT DISTINCT ?s ?o { ?s ?p ?o } LIMIT 10",
            "distinct in runs",
            BLOCK,
            2,
        ),
        bounds(
            "SELECT ?s ?o (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?s ?o LIMIT 10",
            "group in runs",
            BLOCK,
            2,
        ),
        bounds(
            "SELECT ?v (MIN(?s) AS ?m) { ?s :value ?v } GROUP BY ?v LIMIT 10",
            "group in order",
            2 * BLOCK,
            3,
        ),
        bounds(
            "SELECT ?v (COUNT(?s) AS ?n) { ?s :value ?v } GROUP BY ?v LIMIT 10",
            "group in order",
            2 * BLOCK,
            3,
        ),
        bounds(
            "SELECT (COUNT(DISTINCT ?v) AS ?n) { ?s :value ?v FILTER(?v < 100) }",
            "distinct in order",
            BLOCK,
            3,
        ),
        bounds(
            "SELECT ?v (COUNT(DISTINCT ?s) AS ?n) { ?s :value ?v } GROUP BY ?v LIMIT 10",
            "distinct in order",
            2 * BLOCK,
            3,
        ),
    ] {
        holds(&query);
    }
}

#[test]
fn counts_and_distinct_values_are_read_of_headers() {
    for query in [
        bounds("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }", "count", 1, 2),
        bounds("SELECT (COUNT(*) AS ?n) { ?s :value ?o }", "count", 1, 4),
        bounds(
            "SELECT (COUNT(*) AS ?n) { GRAPH :g1 { ?s ?p ?o } }",
            "count",
            1,
            2,
        ),
        bounds(
            "SELECT (COUNT(DISTINCT ?o) AS ?n) { ?s :kind ?o }",
            "values",
            7,
            24,
        ),
        bounds("SELECT DISTINCT ?p { ?s ?p ?o }", "values", 4, 40),
        bounds(
            "SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p",
            "values",
            4,
            200,
        ),
        bounds(
            "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g",
            "values",
            4,
            24,
        ),
        bounds(
            "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }",
            "values",
            4,
            24,
        ),
    ] {
        holds(&query);
    }
}

#[test]
fn counts_of_a_graph_that_is_all_are_those_of_the_store() {
    let each = |n: usize| format!(":s{n} :p{} {n} ; :q :o{} .\n", n % 3, n % 5);
    let store = loaded(&(0..SUBJECTS).map(each).collect::<String>());
    for query in [
        bounds("SELECT DISTINCT ?p { ?s ?p ?o }", "values", 4, 24),
        bounds(
            "SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p",
            "values",
            4,
            24,
        ),
    ] {
        holds_of(&store, &query);
    }
    let counts = "SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p";
    let counted = answer(&store, counts).unwrap();
    let third = SUBJECTS / 3;
    let expected = [
        format!("<:p0>\t{third}"),
        format!("<:p1>\t{third}"),
        format!("<:p2>\t{third}"),
        format!("<:q>\t{SUBJECTS}"),
    ];
    assert_eq!(counted, expected);
}

#[test]
fn what_is_enough_ends_the_work() {
    for query in [
        bounds("SELECT * { ?s :name ?o } LIMIT 10", "slice", BLOCK, 2),
        bounds("SELECT * { ?s ?p ?o } OFFSET 5 LIMIT 5", "slice", BLOCK, 2),
        bounds(
            "SELECT * { ?s :name ?o ; :value ?v } LIMIT 10",
            "slice",
            2 * BLOCK,
            8,
        ),
        bounds("ASK { ?s :name ?o }", "slice", BLOCK, 2),
        bounds(
            "SELECT DISTINCT ?s { ?s :kind :k3 } LIMIT 10",
            "slice",
            BLOCK,
            2,
        ),
        bounds(
            "SELECT * { { ?s :name ?o } UNION { ?s :value ?o } } LIMIT 10",
            "slice",
            BLOCK,
            2,
        ),
        bounds(
            "SELECT * { VALUES ?s { :s17 :s8000 } ?s :value ?v . ?s :kind ?k }",
            "table",
            2,
            4,
        ),
        bounds(
            "SELECT * { VALUES ?v { 17 8000 } ?s :value ?v . ?s :name ?n }",
            "table",
            2,
            8,
        ),
    ] {
        holds(&query);
    }
}

/// Random numbers, always the same.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

/// Predicates each of whose objects are of one sort and form, and the objects.
const SORTS: [&str; 8] = [
    ":integer", ":short", ":decimal", ":double", ":date", ":zoned", ":text", ":mixed",
];

fn object(sort: &str, random: &mut Random) -> String {
    let number = random.below(60) as i64 - 30;
    let (month, hour) = (random.below(12) + 1, random.below(24));
    match sort {
        ":integer" => number.to_string(),
        ":short" => format!("\"{number}\"^^xsd:short"),
        ":decimal" => format!("{number}.{:02}", random.below(100)),
        ":double" => format!("{number}.5e{}", random.below(3)),
        ":date" => format!("\"2001-{month:02}-11\"^^xsd:date"),
        ":zoned" => format!(
            "\"2001-{month:02}-11T{hour:02}:00:00.5+0{}:00\"^^xsd:dateTime",
            month % 10
        ),
        ":text" => format!(
            "\"{}\"",
            "abcdefgh"
                .get(number.unsigned_abs() as usize % 8..)
                .unwrap_or("")
        ),
        _ => match random.below(9) {
            0 => object(":decimal", random),
            1 => object(":double", random),
            2 => object(":text", random),
            3 => object(":date", random),
            4 => format!(":node{number}"),
            5 => format!("{number}99999999999999999999"),
            6 => "\"NaN\"^^xsd:double".to_owned(),
            7 => format!("\"0{}\"^^xsd:integer", number.unsigned_abs()),
            _ => number.to_string(),
        },
    }
}

/// Quads of all sorts of objects in three graphs, and of more subjects than a batch has rows.
fn sorts() -> Store {
    let mut random = Random(5);
    let mut trig = String::from("@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .\n");
    for sort in SORTS {
        for graph in ["", "GRAPH :g1", "GRAPH :g2"] {
            writeln!(trig, "{graph} {{").unwrap();
            for subject in 0..500 {
                let object = object(sort, &mut random);
                writeln!(
                    trig,
                    ":s{subject} {sort} {object} ; :of :k{} .",
                    subject % 5
                )
                .unwrap();
            }
            trig.push_str("}\n");
        }
    }
    store(&trig)
}

/// The values in the first column of an answer, in its order; equal numbers are one value.
fn keys(store: &Store, query: &str, options: &QueryOptions) -> Vec<String> {
    let query = format!("PREFIX : <http://example.com/>\n{query}");
    let QueryResults::Solutions(rows) = store.query_with(&query, options).unwrap() else {
        panic!("{query}");
    };
    keys_of(rows)
}

fn keys_of(rows: Solutions) -> Vec<String> {
    let key = |term: &Term| match term {
        Term::Literal(literal) => match literal.value().parse::<f64>() {
            Ok(number) => format!("{}", number + 0.0),
            Err(_) => literal.value().to_owned(),
        },
        other => other.to_string(),
    };
    rows.map(|row| row.unwrap().get(0).map_or_else(String::new, key))
        .collect()
}

#[test]
fn rows_in_order_are_those_of_a_sort() {
    let store = sorts();
    let as_written = QueryOptions::new().as_written();
    let mut without_sort = 0;
    for sort in SORTS {
        for (query, is_whole) in [
            (format!("SELECT ?v ?s {{ ?s {sort} ?v }} ORDER BY ?v"), true),
            (
                format!("SELECT ?v ?s {{ ?s {sort} ?v }} ORDER BY DESC(?v)"),
                true,
            ),
            (
                format!("SELECT ?v ?s {{ ?s {sort} ?v }} ORDER BY ?v OFFSET 7 LIMIT 90"),
                false,
            ),
            (
                format!("SELECT DISTINCT ?v {{ ?s {sort} ?v }} ORDER BY ?v LIMIT 9"),
                false,
            ),
            (
                format!("SELECT ?v {{ ?s {sort} ?v FILTER(?v > 3) }} ORDER BY ?v LIMIT 40"),
                false,
            ),
            (
                format!(
                    "SELECT ?v {{ ?s :mixed ?v FILTER(?v < 9) . ?t {sort} ?v }} ORDER BY ?v LIMIT 40"
                ),
                false,
            ),
            (
                format!("SELECT ?v ?k {{ ?s {sort} ?v ; :of ?k }} ORDER BY ?v LIMIT 600"),
                false,
            ),
            (
                format!(
                    "SELECT ?v ?k {{ ?s {sort} ?v OPTIONAL {{ ?s :of ?k }} }} ORDER BY ?v LIMIT 40"
                ),
                false,
            ),
            (
                format!("SELECT ?v ?s {{ GRAPH ?g {{ ?s {sort} ?v }} }} ORDER BY ?v"),
                true,
            ),
            (
                format!("SELECT ?v ?s FROM :g1 {{ ?s {sort} ?v }} ORDER BY ?v"),
                true,
            ),
            (
                format!("SELECT ?v ?s FROM :g1 FROM :g2 {{ ?s {sort} ?v }} ORDER BY ?v"),
                true,
            ),
            (format!("SELECT ?v {{ :s7 {sort} ?v }} ORDER BY ?v"), true),
            (
                format!("SELECT ?v (COUNT(*) AS ?n) {{ ?s {sort} ?v }} GROUP BY ?v ORDER BY ?v"),
                false,
            ),
        ] {
            let found = keys(&store, &query, &QueryOptions::new());
            assert_eq!(found, keys(&store, &query, &as_written), "{query}");
            if is_whole {
                let expected = answer_with(&store, &query, &as_written).unwrap();
                assert_eq!(answer(&store, &query).unwrap(), expected, "{query}");
            }
            let plan = explained(&store, &query).to_string();
            without_sort += usize::from(plan.contains("sorted already"));
        }
    }
    assert!(without_sort > 40, "{without_sort}");
}

#[test]
fn a_plan_without_a_sort_is_not_used_for_other_values() {
    let store = sorts();
    let query = "PREFIX : <http://example.com/> SELECT ?v ?p { ?s ?p ?v } ORDER BY ?v";
    let prepared = Query::parse(query, None)
        .unwrap()
        .prepare(QueryOptions::new());
    for sort in [":integer", ":mixed", ":integer", ":date"] {
        let name = format!("http://example.com/{}", &sort[1..]);
        let name = NamedNode::new_unchecked(name);
        let bound = prepared
            .clone()
            .with_binding(Variable::new_unchecked("p"), name);
        let QueryResults::Solutions(rows) = bound.execute(&store).unwrap() else {
            panic!("{sort}");
        };
        let query = format!("SELECT ?v {{ ?s {sort} ?v }} ORDER BY ?v");
        let expected = keys(&store, &query, &QueryOptions::new().as_written());
        assert_eq!(keys_of(rows), expected, "{sort}");
    }
}

#[test]
fn rows_in_runs_are_told_apart_as_without_an_order() {
    let store = sorts();
    let as_written = QueryOptions::new().as_written();
    for query in [
        "SELECT DISTINCT ?s ?o { ?s ?p ?o }",
        "SELECT DISTINCT ?p { ?s ?p ?o }",
        "SELECT DISTINCT ?p { GRAPH :g1 { ?s ?p ?o } }",
        "SELECT ?s ?o (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?s ?o",
        "SELECT ?o ?s (COUNT(DISTINCT ?p) AS ?n) { ?s ?p ?o } GROUP BY ?o ?s",
        "SELECT DISTINCT ?v ?k { ?s :integer ?v ; :of ?k }",
        "SELECT ?s (COUNT(DISTINCT ?p) AS ?n) { ?s ?p ?o } GROUP BY ?s",
        "SELECT ?s (COUNT(DISTINCT ?p) AS ?n) { ?s ?p ?o } GROUP BY ?s ?s",
        "SELECT ?s (COUNT(DISTINCT ?p) AS ?n) { ?s ?p ?o } GROUP BY ?s HAVING(COUNT(DISTINCT ?p) > 2)",
        "SELECT (COUNT(DISTINCT ?s) AS ?n) { ?s ?p ?o }",
        "SELECT ?s (COUNT(?o) AS ?n) (COUNT(*) AS ?all) { ?s ?p ?o } GROUP BY ?s",
        "SELECT ?n (COUNT(*) AS ?all) { SELECT ?s (COUNT(?o) AS ?n) { ?s ?p ?o } GROUP BY ?s } GROUP BY ?n",
    ] {
        let expected = answer_with(&store, query, &as_written).unwrap();
        assert_eq!(answer(&store, query).unwrap(), expected, "{query}");
    }
}

/// A subject with more triples than a batch has rows, and many with few.
fn uneven() -> Store {
    let large = (0..20_000).map(|n| format!(":s :p {n} . "));
    let small = (0..3_000).map(|n| format!(":t{n} :p 1 , 2 ; :q 3 ; :r{} 4 . ", n % 3));
    loaded(&large.chain(small).collect::<String>())
}

#[test]
fn an_order_that_tells_rows_apart_stays_whatever_the_memory() {
    let store = uneven();
    for (query, operator) in [
        (
            "SELECT ?s (COUNT(DISTINCT ?p) AS ?n) { ?s ?p ?o } GROUP BY ?s",
            "distinct in order",
        ),
        (
            "SELECT ?s (COUNT(*) AS ?n) { SELECT DISTINCT ?s ?p { ?s ?p ?o } } GROUP BY ?s",
            "distinct in order",
        ),
        (
            "SELECT ?s (COUNT(?p) AS ?n) { ?s ?p ?o } GROUP BY ?s",
            "group in order",
        ),
    ] {
        let plan = explained(&store, query).to_string();
        assert!(plan.contains(operator), "{plan}");
        let as_written = QueryOptions::new().as_written();
        let expected = answer_with(&store, query, &as_written).unwrap();
        for memory in [256 << 10, 128 << 10, 64 << 10] {
            let little = QueryOptions::new().with_memory(memory);
            let found = answer_with(&store, query, &little).unwrap();
            assert!(found == expected, "{query} within {memory} bytes");
        }
    }
}

#[test]
fn any_number_of_first_rows_may_be_wanted() {
    let store = sorts();
    for limit in ["LIMIT 0", "LIMIT 18446744073709551615", "OFFSET 5 LIMIT 1"] {
        let query = format!("SELECT ?v ?k {{ ?s :integer ?v ; :of ?k }} ORDER BY ?v {limit}");
        let found = keys(&store, &query, &QueryOptions::new());
        let expected = keys(&store, &query, &QueryOptions::new().as_written());
        assert_eq!(found, expected, "{query}");
    }
}
