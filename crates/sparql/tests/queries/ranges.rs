//! Conditions on objects narrow the scan of their pattern, and nothing else of the answer.

use crate::common::{Store, answer, explained, store};
use quadrille_sparql::Explanation;

/// A thousand numbers and dates, with some of other forms and types between them.
fn numbers() -> Store {
    let each = |n: usize| {
        let second = format!("2000-01-01T{:02}:{:02}:00Z", n / 60, n % 60);
        format!(
            ":s{n} :value {n} ; :half {}.{} ; :float \"{n}\"^^xsd:double ; :name \"n{n}\" ; :at \"{second}\"^^xsd:dateTime .\n",
            n / 2,
            n % 2 * 5
        )
    };
    let all: String = (0..1000).map(each).collect();
    store(&format!(
        "@prefix xsd: <http://www.w3.org/2001/XMLSchema#> . {all}
        :t :value \"0500\"^^xsd:integer, 500.0, 500e0, \"500\"^^xsd:short, \"five hundred\", :s500 ."
    ))
}

/// The scans of a plan: their details, and how many rows each gave.
fn scans(explanation: &Explanation) -> Vec<(String, u64)> {
    let mut scans = Vec::new();
    let mut open = vec![explanation];
    while let Some(explanation) = open.pop() {
        if explanation.operator == "scan" {
            let rows = explanation.actual.unwrap().rows;
            scans.push((explanation.details.clone(), rows));
        }
        open.extend(&explanation.children);
    }
    scans
}

#[test]
fn a_range_is_read_and_no_more() {
    let store = numbers();
    for (condition, rows) in [
        ("?s :value ?x FILTER(?x < 10)", 12),
        ("?s :value ?x FILTER(10 > ?x)", 12),
        ("?s :value ?x FILTER(?x >= 100 && ?x <= 109)", 12),
        ("?s :value ?x FILTER(?x > 100) FILTER(?x < 110.5)", 12),
        ("?s :value ?x FILTER(?x < 3 || ?x > 996)", 8),
        ("?s :value ?x FILTER(?x IN (3, 7, 2000))", 4),
        ("?s :value ?x FILTER(?x = 500)", 5),
        ("?s :value ?x FILTER(?x > 10 && ?x < 2)", 2),
        ("?s :half ?x FILTER(?x > 10 && ?x < 12e0)", 6),
        ("?s :at ?x FILTER(YEAR(?x) > 2000)", 0),
        ("?s :at ?x FILTER(2000.5 <= YEAR(?x))", 0),
        ("?s :at ?x FILTER(YEAR(?x) = 2000)", 1000),
        ("?s :float ?x FILTER(?x >= 990)", 10),
        ("?s :name ?x FILTER(?x = \"n7\")", 1),
        ("?s :name ?x FILTER(?x = \"no name of these\")", 0),
        (
            "?s :at ?x FILTER(?x < \"2000-01-01T00:10:00Z\"^^xsd:dateTime)",
            11,
        ),
        (
            "?s :at ?x FILTER(?x < \"2000-01-01T00:00:00Z\"^^xsd:dateTime + \"PT10M\"^^xsd:dayTimeDuration)",
            11,
        ),
    ] {
        let explanation = explained(&store, &format!("SELECT * {{ {condition} }}"));
        let scanned: u64 = scans(&explanation).iter().map(|(_, rows)| rows).sum();
        assert!(
            scanned <= rows,
            "{condition}: {scanned} rows\n{explanation}"
        );
    }
}

#[test]
fn equal_numbers_are_found_in_every_form() {
    let store = numbers();
    let found = answer(&store, "SELECT ?s ?x { ?s :value ?x FILTER(?x = 500) }").unwrap();
    assert_eq!(found.len(), 5, "{found:?}");
    let found = answer(
        &store,
        "SELECT ?s ?x { ?s :value ?x FILTER(sameTerm(?x, 500)) }",
    )
    .unwrap();
    assert_eq!(found, ["<:s500>\t500"]);
    let found = answer(&store, "SELECT ?s ?x { ?s :value ?x FILTER(?x = :s500) }").unwrap();
    assert_eq!(found, ["<:t>\t<:s500>"]);
    let found = answer(
        &store,
        "SELECT ?p { ?s ?p 7 FILTER(?s = :s7) FILTER(?p = :value) }",
    )
    .unwrap();
    assert_eq!(found, ["<:value>"]);
    let nothing = answer(&store, "SELECT ?s { ?s :value ?x FILTER(?x = :nowhere) }").unwrap();
    assert_eq!(nothing.len(), 0);
}

#[test]
fn explanations_name_the_ranges() {
    let store = numbers();
    let explanation = explained(&store, "SELECT * { ?s :value ?x FILTER(?x >= 990) }");
    let [(details, rows)] = &scans(&explanation)[..] else {
        panic!("{explanation}");
    };
    assert!(details.contains("with ?x in integer 990 to"), "{details}");
    assert_eq!(*rows, 12, "{explanation}");
}

#[test]
fn a_scan_of_most_of_a_pattern_stays_one_of_all() {
    let explanation = explained(&numbers(), "SELECT * { ?s :value ?x FILTER(?x >= 10) }");
    assert!(!scans(&explanation)[0].0.contains("with"), "{explanation}");
}

#[test]
fn ranges_of_several_graphs() {
    let inside = |n: usize| format!(":s{n} :value {n} . :t{n} :other {} .", n ^ 1);
    let [even, odd] = [0, 1].map(|first| (first..200).step_by(2).map(inside).collect::<String>());
    let store = store(&format!(
        "{even} GRAPH :even {{ {even} }} GRAPH :odd {{ {odd} }}"
    ));
    for (from, group, rows) in [
        ("", "?s :value ?x FILTER(?x < 20)", 10),
        ("FROM :even FROM :odd", "?s :value ?x FILTER(?x < 20)", 20),
        (
            "FROM :even FROM :odd",
            "?s :value ?x . ?t :other ?x FILTER(?x < 20)",
            20,
        ),
        ("FROM :even FROM :odd", "?s :value ?x . ?t :other ?x", 200),
        ("", "GRAPH ?g { ?s :value ?x FILTER(?x < 20) }", 20),
        (
            "",
            "GRAPH ?g { ?s :value ?x } FILTER(?g = :odd && ?x < 20)",
            10,
        ),
        (
            "FROM NAMED :odd",
            "GRAPH ?g { ?s :value ?x FILTER(?x < 20) }",
            10,
        ),
    ] {
        let query = format!("SELECT * {from} {{ {group} }}");
        assert_eq!(answer(&store, &query).unwrap().len(), rows, "{query}");
    }
}
