//! Random queries over random data: the engine answers as SPARQL 1.1 defines.
//!
//! What flows in: `QUADRILLE_DIFFERENTIAL_SEED`, `QUADRILLE_DIFFERENTIAL_CASES` and `QUADRILLE_DIFFERENTIAL_FAILURES` (how
//! many to shrink and show), each a number. What flows out: the first cases that differ, shrunk, as text that can be put
//! into `kept` as it is. What always holds: the same seed makes the same cases; whatever is in `kept` runs every time.
//!
//! Each case is drawn (`data`, `grammar`; `cycles` for joins of cyclic patterns), answered by a plain evaluator of the
//! algebra (`reference`) and by the engine, with its plan and as the query is written, with hardly any memory, and on each
//! backend that is built in, compared (`compare`, `ordering`), and shrunk if they differ (`shrink`, `tree`). spareval computes the values
//! of functions and operators for the reference. As a whole it is asked too, and must agree nearly always. Where it differs
//! from SPARQL 1.1, and so from the reference:
//!
//! - COUNT of an expression that is an error for some row is an error; it is the number of rows without error.
//! - `a|b` and `!(a|^b)` give a pair once that both sides give; it is a union, and gives it twice.
//! - A constant that the graph lacks has no path of no length to itself; it has.
//! - `GRAPH ?g` binds `?g` inside its braces, and finds no graph for `{}`; `{}` matches in each graph, and `?g` is joined.
//! - IF, COALESCE, STR, BIND and the like write numbers and dates anew (`"01"^^xsd:integer` as `1`); terms are kept.
//! - Dates and times with and without a zone are different; where the zone decides that it is an error.
//! - NaN is equal to NaN for `<=` and `>=`, else an error; it is not less, equal or greater.
//! - `x IN ()` is an error where `x` has no truth value; it is false.
//!
//! Not drawn, as SPARQL leaves the answer open: MIN, MAX and GROUP_CONCAT where it depends on the order of rows, slices
//! of subqueries without a total order, SAMPLE of different values, RAND, UUID, STRUUID, NOW and BNODE. What a row outside
//! EXISTS means within it is open too; any reading of `reference` will do.

mod aggregation;
mod compare;
mod cycles;
mod data;
mod evaluation;
mod expressions;
mod forms;
mod grammar;
mod oracle;
mod ordering;
mod paths;
mod reference;
mod services;
mod shrink;
mod tree;
mod walking;

use compare::{Case, Verdict};
use fastrand::Rng;
use grammar::Grammar;
use std::collections::BTreeMap;
use std::path::Path;

/// Cases of a run where the environment names no other number.
const CASES: u64 = 4000;
/// How many failures are shrunk and shown.
const FAILURES_MAX: u64 = 5;
/// Between the parts of a kept case.
const RULE: &str = "---";

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{variable}={text} is no number"))
    })
}

/// The case of a number, the same whenever it is made.
fn draw(seed: u64) -> (tree::Tree, Case) {
    let mut rng = Rng::with_seed(seed);
    let data = data::quads(&mut rng);
    let tree = Grammar::new(&mut rng, &data).query();
    let case = Case {
        data: data.iter().map(ToString::to_string).collect(),
        query: tree.to_string(),
        union_default_graph: rng.u8(..10) == 0,
    };
    (tree, case)
}

/// A case as a file of `kept`, with the answers below.
fn written(case: &Case) -> String {
    let union = if case.union_default_graph {
        "# union default graph\n"
    } else {
        ""
    };
    let answers = match case.verdict() {
        Verdict::Differs { engine, expected } => {
            format!("{RULE} engine\n{engine}\n{RULE} expected\n{expected}\n")
        }
        _ => String::new(),
    };
    format!(
        "{union}{}\n{RULE}\n{}\n{answers}",
        case.data.join("\n"),
        case.query
    )
}

#[test]
fn random_queries_have_the_same_answers() {
    let seed = number("QUADRILLE_DIFFERENTIAL_SEED", 1);
    let cases = number("QUADRILLE_DIFFERENTIAL_CASES", CASES);
    let failures_max = number("QUADRILLE_DIFFERENTIAL_FAILURES", FAILURES_MAX);
    let mut passed: BTreeMap<&str, u64> = BTreeMap::new();
    let mut failures = Vec::new();
    for number in 0..cases {
        let (tree, case) = draw(seed.wrapping_add(number));
        match case.verdict() {
            Verdict::Same { rows } => {
                *passed.entry("compared").or_default() += 1;
                if rows > 0 {
                    *passed.entry("with rows").or_default() += 1;
                }
                let agrees = match case.spareval_agrees() {
                    Some(true) => "as spareval",
                    Some(false) => "not as spareval",
                    None => "without spareval",
                };
                *passed.entry(agrees).or_default() += 1;
            }
            Verdict::Passed(reason) => *passed.entry(reason).or_default() += 1,
            Verdict::Differs { .. } => {
                let case = shrink::shrink(tree, case);
                failures.push(format!(
                    "case {}\n{}",
                    seed.wrapping_add(number),
                    written(&case)
                ));
            }
        }
        if failures.len() as u64 == failures_max {
            break;
        }
    }
    println!("{passed:?}");
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    let count = |what| passed.get(what).copied().unwrap_or_default();
    assert!(
        count("compared") * 10 >= cases * 8,
        "many cases say nothing: {passed:?}"
    );
    assert!(
        count("with rows") * 10 >= cases * 3,
        "many answers are empty: {passed:?}"
    );
    assert!(
        count("not as spareval") * 20 <= cases,
        "is the reference right? {passed:?}"
    );
}

#[test]
fn cycles_have_the_same_answers() {
    let seed = number("QUADRILLE_DIFFERENTIAL_SEED", 1);
    let cases = number("QUADRILLE_DIFFERENTIAL_CASES", CASES) / 10;
    let (mut with_rows, mut joined_at_once) = (0, 0);
    for number in 0..cases {
        let case = cycles::draw(&mut Rng::with_seed(seed.wrapping_add(number)));
        match case.verdict() {
            Verdict::Same { rows } => with_rows += u64::from(rows > 0),
            Verdict::Passed(_) => {}
            Verdict::Differs { .. } => panic!("{}", written(&case)),
        }
        joined_at_once += u64::from(case.plan().contains("multiway join"));
    }
    assert!(with_rows * 2 >= cases, "{with_rows} of {cases} have rows");
    assert!(
        joined_at_once * 4 >= cases,
        "{joined_at_once} of {cases} are multiway joins"
    );
}

#[test]
fn random_queries_have_the_same_answers_when_a_service_is_asked() {
    let seed = number("QUADRILLE_DIFFERENTIAL_SEED", 1);
    let cases = number("QUADRILLE_DIFFERENTIAL_CASES", CASES);
    let mut compared = 0;
    let mut failures = Vec::new();
    for number in 0..cases {
        let (_, case) = draw(seed.wrapping_add(number));
        match services::compared(&case) {
            Ok(true) => compared += 1,
            Ok(false) => {}
            Err(difference) => {
                failures.push(format!("case {}\n{difference}", seed.wrapping_add(number)))
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert!(
        compared * 4 >= cases,
        "few queries are compared: {compared}"
    );
}

#[test]
fn kept_cases_have_the_same_answers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/kept");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut failures = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let (data, rest) = text.split_once(&format!("{RULE}\n")).unwrap();
        let query = rest.split_once(RULE).map_or(rest, |(query, _)| query);
        let case = Case {
            data: data.lines().map(str::to_owned).collect(),
            query: query.to_owned(),
            union_default_graph: data.starts_with("# union default graph"),
        };
        match case.verdict() {
            Verdict::Same { .. } => {}
            Verdict::Passed(reason) => failures.push(format!("{}: {reason}", file.display())),
            Verdict::Differs { .. } => {
                failures.push(format!("{}\n{}", file.display(), written(&case)));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
