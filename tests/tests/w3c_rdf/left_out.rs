//! The tests of the suites that are not run, or not in full, and why.
//!
//! What always holds: the lists are exact. A file that turns up again, or another that goes missing, fails the case
//! `left_out::the_lists_are_exact`.

use crate::suite::{Expectation, Suite, Test};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Why the tests of [`NOT_RUN`] are not.
pub(crate) const FILE_ABSENT: &str =
    "the suite's archive is older than its manifest and lacks the file";

/// Not run: [`FILE_ABSENT`].
const NOT_RUN: &[(Suite, &str)] = &[
    (Suite::NTriples, "nt-syntax-bad-bnode-01"),
    (Suite::NTriples, "nt-syntax-bad-bnode-02"),
    (Suite::NQuads, "nt-syntax-bad-bnode-01"),
    (Suite::NQuads, "nt-syntax-bad-bnode-02"),
];

/// Loaded, compared with what the parser alone reads, dumped and loaded again; but not compared with the expected quads, because
/// the suite lacks the file that holds them, no Turtle test has the same data, and we wrote none.
const RESULT_ABSENT: &[(Suite, &str)] = &[
    (Suite::Turtle, "IRI-resolution-01"),
    (Suite::Turtle, "IRI-resolution-02"),
    (Suite::Turtle, "IRI-resolution-07"),
    (Suite::Turtle, "IRI-resolution-08"),
    (
        Suite::Turtle,
        "blankNodePropertyList_as_object_containing_objectList",
    ),
    (
        Suite::Turtle,
        "blankNodePropertyList_as_object_containing_objectList_of_two_objects",
    ),
    (
        Suite::Turtle,
        "predicateObjectList_with_blankNodePropertyList_as_object",
    ),
    (Suite::Turtle, "turtle-eval-lists-01"),
    (Suite::Turtle, "turtle-eval-lists-02"),
    (Suite::Turtle, "turtle-eval-lists-03"),
    (Suite::Turtle, "turtle-eval-lists-04"),
    (Suite::Turtle, "turtle-eval-lists-05"),
    (Suite::Turtle, "turtle-eval-lists-06"),
    (Suite::TriG, "IRI-resolution-01"),
    (Suite::TriG, "IRI-resolution-02"),
    (Suite::TriG, "IRI-resolution-07"),
    (Suite::TriG, "IRI-resolution-08"),
    (Suite::RdfXml, "rdf-node-element-test001"),
    (Suite::RdfXml, "rdfms-reification-required-test002"),
    (Suite::RdfXml, "rdfms-seq-representation-test002"),
    (Suite::RdfXml, "xml-canon-test002"),
];

/// Run, but what our writers wrote and what the suite expects are read leniently: the file names, as a prefixed name,
/// an IRI with the code point U+E01EF, which Turtle allows there and RFC 3987 nowhere. `oxttl` takes it in the prefixed
/// name and refuses it between `<` and `>`.
const READ_BACK_LENIENTLY: &[(Suite, &str)] = &[(
    Suite::Turtle,
    "localName_with_assigned_nfc_PN_CHARS_BASE_character_boundaries",
)];

/// Run, and the result must not be that of the suite: it wants exclusive canonicalisation of XML literals, in which
/// namespaces that are not used are left out. `oxrdfxml` writes out all that are in scope; RDF 1.1 leaves it to readers.
const DEVIATES: &[(Suite, &str)] = &[(Suite::RdfXml, "xml-canon-test001")];

/// Whether the test is known to give another result than the suite's.
pub(crate) fn deviates(test: &Test) -> bool {
    DEVIATES.contains(&(test.suite, test.name.as_str()))
}

/// Whether the test is one of those read back leniently.
pub(crate) fn is_read_back_leniently(test: &Test) -> bool {
    READ_BACK_LENIENTLY.contains(&(test.suite, test.name.as_str()))
}

/// Compares the lists with the tests.
pub(crate) fn compare(tests: &[Arc<Test>]) -> Result<(), String> {
    compare_list("NOT_RUN", NOT_RUN, tests, |test| test.action.is_none())?;
    compare_list("RESULT_ABSENT", RESULT_ABSENT, tests, |test| {
        test.action.is_some() && test.expectation == Expectation::ResultAbsent
    })
}

fn compare_list(
    name: &str,
    list: &[(Suite, &str)],
    tests: &[Arc<Test>],
    belongs: fn(&Test) -> bool,
) -> Result<(), String> {
    let listed: BTreeSet<(Suite, &str)> = list.iter().copied().collect();
    let found: BTreeSet<(Suite, &str)> = tests
        .iter()
        .filter(|test| belongs(test))
        .map(|test| (test.suite, test.name.as_str()))
        .collect();
    if listed == found {
        return Ok(());
    }
    let missing: Vec<_> = found.difference(&listed).collect();
    let stale: Vec<_> = listed.difference(&found).collect();
    Err(format!("{name}: add {missing:?}, take off {stale:?}"))
}
