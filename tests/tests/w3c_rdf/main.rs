//! The W3C's RDF 1.1 suites for N-Triples, N-Quads, Turtle, TriG and RDF/XML, through our loader into a store and back,
//! on every backend.
//!
//! What flows in: the suites beside the project, at `../shared/w3c/rdf/rdf11`; three of them are archives, which are
//! unpacked into a temporary folder. What flows out: one named case a test and backend, such as
//! `memory::rdf-turtle/bareword_integer`. What always holds: a test that is not run, or only in part, says why, and
//! every reason stands in `left_out.rs`.
#![allow(clippy::unwrap_used, reason = "a broken suite is a failed test")]

mod check;
mod left_out;
mod own_results;
mod suite;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use quadrille_backend_testkit::Factory;
use std::process::ExitCode;
use std::sync::Arc;
use suite::Test;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // What a case does at the disk takes longer than what it computes.
    arguments.test_threads.get_or_insert(16);
    let suites = match quadrille_tests::w3c_suites("rdf/rdf11") {
        Ok(suites) => suites,
        Err(skipped) => return skipped,
    };
    let unpacked = tempfile::tempdir().unwrap();
    let tests: Vec<Arc<Test>> = suite::read_all(&suites, unpacked.path())
        .into_iter()
        .map(Arc::new)
        .collect();
    let mut trials = vec![left_out_list(&tests)];
    trials.extend(on_backend(&tests, "memory", quadrille_tests::Memory));
    #[cfg(feature = "lmdb")]
    trials.extend(on_backend(&tests, "lmdb", quadrille_tests::UnsyncedLmdb));
    #[cfg(feature = "rocksdb")]
    trials.extend(on_backend(
        &tests,
        "rocksdb",
        quadrille_tests::UnsyncedRocksDb,
    ));
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(unpacked);
    conclusion.exit_code()
}

/// One case for each test, each in a fresh store.
fn on_backend<F: Factory>(tests: &[Arc<Test>], backend: &str, factory: F) -> Vec<Trial> {
    let trial = |test: &Arc<Test>| {
        let (test, factory) = (Arc::clone(test), factory.clone());
        let name = format!("{backend}::{}/{}", test.suite.folder(), test.name);
        Trial::ignorable_test(name, move || run(&test, &factory))
    };
    tests.iter().map(trial).collect()
}

fn run(test: &Test, factory: &impl Factory) -> Result<Completion, Failed> {
    if test.action.is_none() {
        return Ok(Completion::ignored_with(left_out::FILE_ABSENT));
    }
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let backend = factory.open(&folder.path().join("store"));
    check::check(test, backend.map_err(|error| error.to_string())?)?;
    Ok(Completion::Completed)
}

/// The lists of tests left out name exactly those whose files the suites lack.
fn left_out_list(tests: &[Arc<Test>]) -> Trial {
    let tests = tests.to_vec();
    Trial::test("left_out::the_lists_are_exact", move || {
        left_out::compare(&tests).map_err(Failed::from)
    })
}
