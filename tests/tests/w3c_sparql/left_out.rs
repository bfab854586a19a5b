//! The one list of tests that are not run as they stand, each with its reason.
//!
//! What flows in: a test. What flows out: the reason, or that it is run. What always holds: a deviation is run all the
//! same, and must go on failing: once it passes, its line has to go.

use crate::manifest::{Kind, Test};
use std::sync::Arc;

/// Why a test is not run as it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reason {
    /// It tests something that is not the evaluation of a query.
    OutOfScope(&'static str),
    /// Our answer is another one, and we know why.
    Deviation(&'static str),
}

use Reason::{Deviation, OutOfScope};

/// Whole classes of tests.
const KINDS: &[(&str, Reason)] = &[
    (
        "UpdateEvaluationTest",
        OutOfScope("SPARQL Update, not a query"),
    ),
    (
        "PositiveUpdateSyntaxTest11",
        OutOfScope("SPARQL Update, not a query"),
    ),
    (
        "NegativeUpdateSyntaxTest11",
        OutOfScope("SPARQL Update, not a query"),
    ),
    (
        "ProtocolTest",
        OutOfScope("the SPARQL protocol, which needs a server"),
    ),
    (
        "GraphStoreProtocolTest",
        OutOfScope("the graph store protocol, which needs a server"),
    ),
    (
        "ServiceDescriptionTest",
        OutOfScope("service descriptions, which need a server"),
    ),
];

/// Single tests, or groups, by the start of their name.
const TESTS: &[(&str, Reason)] = &[
    (
        "sparql11/entailment/",
        OutOfScope("asks for entailment; answers are under simple entailment"),
    ),
    (
        "sparql10/sort/dawg-sort-11",
        OutOfScope("tells simple literals from xsd:string; in RDF 1.1 they are one"),
    ),
    (
        "sparql10/syntax-sparql3/syn-bad-26",
        Deviation(
            "`?x<?a&&?b>?y` is one IRI by the longest match; the parser takes it as comparisons",
        ),
    ),
    (
        "sparql10/expr-builtin/case-insensitive-booleans",
        Deviation("the parser takes `true` and `false` in lower case only"),
    ),
];

/// Why a test is not run as it stands, if it is not.
pub(crate) fn reason(test: &Test) -> Option<Reason> {
    let of_kind = KINDS.iter().find(|(class, _)| is_of(test, class));
    let of_name = TESTS.iter().find(|(start, _)| names(test, start));
    of_kind.or(of_name).map(|(_, reason)| *reason)
}

/// The lines that are about no test.
pub(crate) fn stale_lines(tests: &[Arc<Test>]) -> Vec<&'static str> {
    let of_kind = KINDS
        .iter()
        .filter(|(class, _)| !tests.iter().any(|test| is_of(test, class)));
    let of_name = TESTS
        .iter()
        .filter(|(start, _)| !tests.iter().any(|test| names(test, start)));
    of_kind.chain(of_name).map(|(line, _)| *line).collect()
}

fn is_of(test: &Test, class: &str) -> bool {
    matches!(&test.kind, Kind::Other(other) if other == class)
}

fn names(test: &Test, start: &str) -> bool {
    test.name == start || (start.ends_with('/') && test.name.starts_with(start))
}
