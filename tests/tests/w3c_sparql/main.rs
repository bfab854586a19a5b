//! The SPARQL 1.0 and 1.1 query suites of the W3C, through a quad store on every backend.
//!
//! What flows in: the suites' manifests, beside the project at `../shared/w3c/sparql`. What flows out: one named case a
//! test and backend, such as `lmdb::sparql11/aggregates/agg01`; syntax tests touch no store and come once, as `syntax::…`.
//! What always holds: a test that is not run says why, and every reason stands in `left_out.rs`.
#![allow(clippy::unwrap_used, reason = "a broken suite is a failed test")]

mod answer;
mod compare;
mod evaluate;
mod expected;
mod left_out;
mod manifest;

use left_out::Reason;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use manifest::Test;
use quadrille_backend_testkit::Factory;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Done, left out with a reason, or failed.
type Outcome = Result<Completion, Failed>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let suites = match quadrille_tests::w3c_suites("sparql") {
        Ok(suites) => suites,
        Err(skipped) => return skipped,
    };
    let tests: Vec<Arc<Test>> = manifest::read(&suites).into_iter().map(Arc::new).collect();
    let mut trials = vec![left_out_list(&tests)];
    trials.extend(
        tests
            .iter()
            .filter(|test| !test.kind.needs_store())
            .map(syntax_trial),
    );
    trials.extend(on_backend(&tests, "memory", quadrille_tests::Memory));
    #[cfg(feature = "lmdb")]
    trials.extend(on_backend(&tests, "lmdb", quadrille_tests::Lmdb));
    #[cfg(feature = "rocksdb")]
    trials.extend(on_backend(&tests, "rocksdb", quadrille_tests::RocksDb));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// One case for each test that needs a store, each in a fresh store of the factory in an empty folder.
fn on_backend<F: Factory + Copy + Send + 'static>(
    tests: &[Arc<Test>],
    backend: &str,
    factory: F,
) -> Vec<Trial> {
    let needing_store = tests.iter().filter(|test| test.kind.needs_store());
    let trial = |test: &Arc<Test>| {
        let test = Arc::clone(test);
        Trial::ignorable_test(format!("{backend}::{}", test.name), move || {
            run(&test, || {
                let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
                let backend = factory
                    .open(folder.path())
                    .map_err(|error| error.to_string())?;
                evaluate::evaluate(&test, backend)
            })
        })
    };
    needing_store.map(trial).collect()
}

fn syntax_trial(test: &Arc<Test>) -> Trial {
    let test = Arc::clone(test);
    Trial::ignorable_test(format!("syntax::{}", test.name), move || {
        run(&test, || evaluate::check_syntax(&test))
    })
}

/// Runs a test as the list of tests left out says: not at all, or expecting a deviation.
fn run(test: &Test, body: impl FnOnce() -> Result<(), String>) -> Outcome {
    match left_out::reason(test) {
        Some(Reason::OutOfScope(reason)) => Ok(Completion::ignored_with(reason)),
        Some(Reason::Deviation(reason)) => match body() {
            Err(_) => Ok(Completion::ignored_with(reason)),
            Ok(()) => Err("passes: take it off the list of deviations".into()),
        },
        None => body().map(|()| Completion::Completed).map_err(Failed::from),
    }
}

/// Every line of the list is about a test that exists.
fn left_out_list(tests: &[Arc<Test>]) -> Trial {
    let tests = tests.to_vec();
    Trial::test("left_out::every_line_is_about_a_test", move || {
        let stale = left_out::stale_lines(&tests);
        if stale.is_empty() {
            Ok(())
        } else {
            Err(format!("no such test: {}", stale.join(", ")).into())
        }
    })
}

/// The file that a URL of a suite stands for.
fn path_of(url: &str, suites: &Path) -> PathBuf {
    let (suite, rest) = manifest::SUITES
        .iter()
        .find_map(|(folder, base)| Some((folder, url.strip_prefix(base)?)))
        .unwrap_or_else(|| panic!("{url} is outside the suites"));
    suites.join(suite).join(rest)
}
