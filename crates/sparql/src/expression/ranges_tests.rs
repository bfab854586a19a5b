//! Ranges against the values of terms and against spareval, for constants and terms near each other.

use super::*;
use crate::operators::test_support::{Random, execution_over};
use crate::options::QueryOptions;
use oxrdf::vocab::xsd;
use oxrdf::{Dataset, GraphName, Literal, NamedNode, NamedNodeRef, Quad, Term};
use quadrille_backend::InMemoryBackend;
use quadrille_store::QuadStore;
use spareval::{QueryEvaluator, QueryResults};
use spargebra::SparqlParser;
use std::collections::BTreeSet;

const OPERATORS: [(&str, Relation); 6] = [
    ("<", Relation::Compare(Comparison::Less)),
    ("<=", Relation::Compare(Comparison::LessOrEqual)),
    (">", Relation::Compare(Comparison::Greater)),
    (">=", Relation::Compare(Comparison::GreaterOrEqual)),
    ("=", Relation::Equal),
    ("sameTerm", Relation::SameTerm),
];

const INTEGERS: [NamedNodeRef<'_>; 13] = [
    xsd::INTEGER,
    xsd::INT,
    xsd::BYTE,
    xsd::SHORT,
    xsd::LONG,
    xsd::UNSIGNED_INT,
    xsd::UNSIGNED_BYTE,
    xsd::UNSIGNED_SHORT,
    xsd::UNSIGNED_LONG,
    xsd::POSITIVE_INTEGER,
    xsd::NEGATIVE_INTEGER,
    xsd::NON_POSITIVE_INTEGER,
    xsd::NON_NEGATIVE_INTEGER,
];

/// A number as an integer, a decimal, a double or a float, in one of many forms; some are no numbers.
fn number(random: &mut Random) -> Term {
    let centre =
        [0, 5, 100, -7, 1 << 24, 1 << 53, 36_028_797_018_963_967][random.below(7) as usize];
    let near = centre + random.below(5) as i64 - 2;
    let sign = if near < 0 { "-" } else { "" };
    let size = near.unsigned_abs();
    let zeros = ["", "0", "00"][random.below(3) as usize];
    let fraction =
        ["", ".0", ".5", ".00", ".25", ".4999999", ".50000001"][random.below(7) as usize];
    let exponent = ["", "e0", "E0", "E1", "e-1", "E2"][random.below(6) as usize];
    let special = ["NaN", "INF", "-INF", "-0", "+0", "", "x", "+5"][random.below(8) as usize];
    let floating = [xsd::DOUBLE, xsd::FLOAT][random.below(2) as usize];
    let integer = INTEGERS[random.below(13) as usize];
    let (form, datatype) = match random.below(12) {
        0..3 => (format!("{near}"), integer),
        3 => (format!("{sign}{zeros}{size}"), integer),
        4..6 => (format!("{sign}{size}{fraction}"), xsd::DECIMAL),
        6 => (format!("{sign}{zeros}{size}{fraction}"), xsd::DECIMAL),
        7..10 => (format!("{sign}{size}{fraction}{exponent}"), floating),
        10 => (special.to_owned(), floating),
        _ => (
            special.to_owned(),
            [integer, xsd::DECIMAL][random.below(2) as usize],
        ),
    };
    Literal::new_typed_literal(form, datatype).into()
}

/// A date or time around the turn of a year, with a zone or without.
fn date_or_time(random: &mut Random) -> Term {
    let zone = [
        "", "", "Z", "Z", "+00:00", "-00:00", "+14:00", "-14:00", "+05:30", "+01:07",
    ][random.below(10) as usize];
    let date = [
        "1999-12-31",
        "2000-01-01",
        "2000-01-02",
        "1970-01-01",
        "-0001-01-01",
        "12000-01-01",
    ][random.below(6) as usize];
    let time = [
        "00:00:00", "00:00:01", "23:59:59", "10:00:00", "14:00:00", "24:00:00",
    ][random.below(6) as usize];
    let fraction = ["", "", ".0", ".5", ".999", ".000001", ".12345"][random.below(7) as usize];
    let other = [
        "00:00:00Z",
        "P1Y",
        "P1D",
        "--01",
        "---01",
        "--01-01",
        "x",
        "",
    ][random.below(8) as usize];
    let others = [
        xsd::TIME,
        xsd::DURATION,
        xsd::G_DAY,
        xsd::DATE,
        xsd::DATE_TIME,
        xsd::G_YEAR,
        xsd::DATE_TIME_STAMP,
    ];
    let (form, datatype) = match random.below(10) {
        0..3 => (format!("{date}{zone}"), xsd::DATE),
        3..6 => (format!("{date}T{time}{fraction}{zone}"), xsd::DATE_TIME),
        6 => (format!("{date}T{time}{fraction}Z"), xsd::DATE_TIME_STAMP),
        7 => (format!("{}{zone}", &date[..date.len() - 6]), xsd::G_YEAR),
        8 => (
            format!("{}{zone}", &date[..date.len() - 3]),
            xsd::G_YEAR_MONTH,
        ),
        _ => (other.to_owned(), others[random.below(7) as usize]),
    };
    Literal::new_typed_literal(form, datatype).into()
}

fn other(random: &mut Random) -> Term {
    let text = ["a", "b", "", "true", "0", "a longer text", "2000"][random.below(7) as usize];
    match random.below(6) {
        0 => Literal::new_typed_literal(text, xsd::BOOLEAN).into(),
        1 => Literal::new_typed_literal(
            ["true", "1", "false", "0"][random.below(4) as usize],
            xsd::BOOLEAN,
        )
        .into(),
        2 => Literal::new_language_tagged_literal_unchecked(text, "en").into(),
        3 => Literal::new_typed_literal(text, xsd::ANY_URI).into(),
        4 => NamedNode::new_unchecked(format!("http://example.org/{text}")).into(),
        _ => Literal::new_simple_literal(text).into(),
    }
}

fn any(random: &mut Random) -> Term {
    match random.below(9) {
        0..4 => number(random),
        4..8 => date_or_time(random),
        _ => other(random),
    }
}

#[test]
fn ranges_hold_all_ids_for_which_the_comparison_is_true() {
    let mut random = Random(7);
    let (mut outside, mut inside) = (0_u64, 0_u64);
    for _ in 0..60 {
        let terms: BTreeSet<String> = (0..80).map(|_| any(&mut random).to_string()).collect();
        let data: String = terms
            .iter()
            .map(|term| format!("<s:s> <p:p> {term} .\n"))
            .collect();
        let quads: Vec<Quad> = oxttl::NQuadsParser::new()
            .lenient()
            .for_slice(data.as_bytes())
            .map(Result::unwrap)
            .collect();
        let store = QuadStore::open(InMemoryBackend::new()).unwrap();
        store.extend(quads.iter().cloned()).unwrap();
        let execution = execution_over(&store, 1 << 20, &QueryOptions::new());
        let ids: Vec<(u64, &Term)> = quads
            .iter()
            .map(|quad| {
                (
                    execution.terms.encode(quad.object.clone()).unwrap(),
                    &quad.object,
                )
            })
            .collect();
        for _ in 0..40 {
            let constant = any(&mut random);
            let constant_id = execution.terms.encode(constant.clone()).unwrap();
            let constant_value = Value::from(constant.clone());
            for (name, relation) in OPERATORS {
                let Some(ranges) = id_ranges(relation, constant_id, &execution).unwrap() else {
                    continue;
                };
                for (id, term) in &ids {
                    let value = Value::from((*term).clone());
                    let holds = match relation {
                        Relation::Compare(comparison) => value
                            .compare(&constant_value)
                            .is_some_and(|ordering| comparison.holds(ordering)),
                        Relation::Equal => value.equals(&constant_value) == Some(true),
                        Relation::SameTerm => **term == constant,
                    };
                    let found = ranges.iter().any(|(low, high)| (low..=high).contains(&id));
                    assert!(found || !holds, "{term} {name} {constant}: {ranges:x?}");
                    outside += u64::from(!found);
                    inside += u64::from(holds);
                }
            }
        }
    }
    assert!(outside > inside && inside > 10_000, "{inside} {outside}");
}

/// The objects of all quads for which a comparison is true.
fn by_spareval(data: &Dataset, query: &str) -> BTreeSet<String> {
    let query = SparqlParser::new().parse_query(query).unwrap();
    let evaluator = QueryEvaluator::new();
    let QueryResults::Solutions(rows) = evaluator.prepare(&query).execute(data).unwrap() else {
        panic!("{query}");
    };
    rows.map(|row| row.unwrap().get("x").unwrap().to_string())
        .collect()
}

/// A comparison of the year of `?x`.
fn of_year(random: &mut Random) -> String {
    let years = [
        "1999",
        "2000",
        "1999.5",
        "2e3",
        "1970",
        "-1",
        "12000",
        "0",
        "1e9",
        "-1e9",
        "1999.9999999999999999",
        "2000.0000000000000001",
    ];
    let year = years[random.below(12) as usize];
    let operator = OPERATORS[random.below(5) as usize].0;
    match random.below(2) {
        0 => format!("YEAR(?x) {operator} {year}"),
        _ => format!("{year} {operator} YEAR(?x)"),
    }
}

#[test]
fn filters_give_what_spareval_gives() {
    use crate::SparqlExt;
    let mut random = Random(11);
    let node = NamedNode::new_unchecked("p:p");
    for round in 0..40 {
        let make = [number, date_or_time, any][round % 3];
        let quads: Vec<Quad> = (0..120)
            .map(|_| {
                Quad::new(
                    node.clone(),
                    node.clone(),
                    make(&mut random),
                    GraphName::DefaultGraph,
                )
            })
            .collect();
        let store = QuadStore::open(InMemoryBackend::new()).unwrap();
        store.extend(quads.iter().cloned()).unwrap();
        let data: Dataset = quads.iter().collect();
        for _ in 0..12 {
            let [first, second] = [make(&mut random), make(&mut random)];
            let is_about = |what: &str| {
                let mut constants = [&first, &second].into_iter();
                constants.any(|term| term.to_string().contains(what))
            };
            // spareval has no order of booleans.
            if is_about("boolean") {
                continue;
            }
            let condition = match random.below(10) {
                number @ 0..5 => format!("?x {} {first}", OPERATORS[number as usize].0),
                5 => format!("{first} < ?x && ?x <= {second}"),
                6 => format!("?x = {first} || ?x > {second}"),
                7 => format!("?x IN ({first}, {second})"),
                _ => of_year(&mut random),
            };
            let query = format!("SELECT ?x WHERE {{ ?s <p:p> ?x FILTER({condition}) }}");
            let crate::QueryResults::Solutions(rows) = store.query(&query).unwrap() else {
                panic!("{query}");
            };
            let own: BTreeSet<String> = rows
                .map(|row| row.unwrap().get("x").unwrap().to_string())
                .collect();
            let mut expected = by_spareval(&data, &query);
            // It has a NaN below or equal to the same NaN.
            expected.retain(|term| !is_about("NaN") || !term.contains("NaN"));
            assert_eq!(own, expected, "{query}");
        }
    }
}

#[test]
fn constants_are_the_same_in_every_run() {
    let store = QuadStore::open(InMemoryBackend::new()).unwrap();
    let execution = Arc::new(execution_over(&store, 1 << 20, &QueryOptions::new()));
    let literal = |form: &str, datatype: NamedNodeRef<'_>| {
        Expression::Literal(Literal::new_typed_literal(form, datatype))
    };
    let sum =
        |left: Expression, right: Expression| Expression::Add(Box::new(left), Box::new(right));
    let day = || literal("P1D", xsd::DAY_TIME_DURATION);
    let then = literal("2000-01-01T00:00:00Z", xsd::DATE_TIME);
    let now = Expression::FunctionCall(spargebra::algebra::Function::Now, Vec::new());
    let next_day = constant(&sum(then, day()), &execution).unwrap();
    let expected = Literal::new_typed_literal("2000-01-02T00:00:00Z", xsd::DATE_TIME);
    assert_eq!(
        next_day,
        Some(execution.terms.encode(expected.into()).unwrap())
    );
    assert_eq!(constant(&sum(now, day()), &execution).unwrap(), None);
    let variable = Expression::Variable(Variable::new_unchecked("0"));
    assert_eq!(constant(&sum(variable, day()), &execution).unwrap(), None);
}
