//! The runner: suites, each a name and a factory, as one test program with the usual arguments and output.

use crate::child;
use crate::context::Factory;
use crate::list::{Outcome, cases};
use crate::tasks;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
#[cfg(feature = "store")]
use quadrille_backend::StorageError;
use quadrille_backend::StorageResult;
use std::fmt;
use std::path::Path;
use std::process::ExitCode;

type Obey = Box<dyn Fn(&str, &Path) -> StorageResult<()>>;

/// All cases on one backend, named `name::group::case`.
///
/// ```no_run
/// # use quadrille_backend::{InMemoryBackend, StorageResult};
/// # fn open(_folder: &std::path::Path) -> StorageResult<InMemoryBackend> {
/// #     Ok(InMemoryBackend::new())
/// # }
/// fn main() -> std::process::ExitCode {
///     quadrille_backend_testkit::Suite::new("mine", open).run()
/// }
/// ```
pub struct Suite {
    name: String,
    trials: Vec<Trial>,
    obey: Obey,
}

impl fmt::Debug for Suite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Suite")
            .field("name", &self.name)
            .field("cases", &self.trials.len())
            .finish_non_exhaustive()
    }
}

impl Suite {
    /// The suite of a backend. Names of suites in one program differ.
    pub fn new<F: Factory>(name: impl Into<String>, factory: F) -> Self {
        let name = name.into();
        let trial = |case: crate::Case<F>| {
            let (suite, factory) = (name.clone(), factory.clone());
            Trial::ignorable_test(format!("{suite}::{}", case.name()), move || {
                match case.run_in(factory, Some(suite)) {
                    Ok(Outcome::Passed) => Ok(Completion::Completed),
                    Ok(Outcome::Skipped(reason)) => Ok(Completion::ignored_with(reason)),
                    Err(error) => Err(Failed::from(error)),
                }
            })
        };
        let trials = cases::<F>().into_iter().map(trial).collect();
        Self {
            name,
            trials,
            obey: Box::new(move |task, folder| tasks::obey(&factory, task, folder)),
        }
    }

    /// A suite of tests that start no processes.
    #[cfg(feature = "store")]
    pub(crate) fn of_trials(name: String, trials: Vec<Trial>) -> Self {
        let obey = |task: &str, _: &Path| {
            let message = format!("no task {task:?} in a suite about stores");
            Err(StorageError::misuse(message))
        };
        Self {
            name,
            trials,
            obey: Box::new(obey),
        }
    }

    /// Leaves a case out, for a reason that holds for what is tested and not for backends at large; it is shown as ignored.
    ///
    /// # Panics
    /// When no case has this name.
    #[must_use]
    pub fn without(mut self, case: &str, reason: &'static str) -> Self {
        let name = format!("{}::{case}", self.name);
        let trial = self.trials.iter_mut().find(|trial| trial.name() == name);
        let trial = trial.unwrap_or_else(|| panic!("there is no case {case}"));
        *trial = Trial::ignorable_test(name, move || Ok(Completion::ignored_with(reason)));
        self
    }

    /// Runs it as the test program that this process is: reads the arguments, prints the outcomes.
    ///
    /// To be called first in the `main` of a test with `harness = false`: some cases start the program again, as a
    /// process that may be killed.
    #[must_use]
    pub fn run(self) -> ExitCode {
        run_all([self])
    }
}

/// Runs several suites, of backends or of stores on them, as one test program; as [`Suite::run`] otherwise.
#[must_use]
pub fn run_all(suites: impl IntoIterator<Item: Into<Suite>>) -> ExitCode {
    let suites: Vec<Suite> = suites.into_iter().map(Into::into).collect();
    if let Some((role, folder)) = child::role() {
        let (name, task) = role.rsplit_once(' ').unwrap_or_default();
        let done = match suites.iter().find(|suite| suite.name == name) {
            Some(suite) => (suite.obey)(task, &folder).map_err(|error| error.to_string()),
            None => Err(format!("no suite is named {name}")),
        };
        return match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let trials = suites.into_iter().flat_map(|suite| suite.trials).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
