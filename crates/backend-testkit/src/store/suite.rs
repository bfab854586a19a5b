//! The runner of the second storey: a backend by its factory, and all cases about stores on it.

use super::Home;
use crate::context::Factory;
use crate::list::Outcome;
use crate::suite::{Suite, run_all};
use libtest_mimic::{Completion, Trial};
use quadrille_backend::{StorageBackend, StorageError};
use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;

/// Random histories that a suite runs when it is not told how many.
const RANDOM_CASES: u32 = 20;

/// What a case about stores works with: places for stores of one backend, and how thorough it is to be.
#[derive(Clone, Debug)]
pub struct StoreContext<F> {
    factory: F,
    pub(crate) random_cases: u32,
    pub(crate) fault_step: u64,
}

impl<F: Factory> StoreContext<F> {
    fn new(factory: F) -> Self {
        Self {
            factory,
            random_cases: RANDOM_CASES,
            fault_step: 1,
        }
    }

    /// A place with nothing in it.
    ///
    /// # Panics
    /// When there is no temporary folder.
    #[must_use]
    pub fn home(&self) -> Home<F> {
        Home::new(self.factory.clone())
    }
}

type Body<F> = Arc<dyn Fn(&StoreContext<F>) + Send + Sync>;

/// One thing that a store must do on every backend, and how to check it.
pub struct StoreCase<F> {
    name: String,
    needs_files: bool,
    body: Body<F>,
}

impl<F> fmt::Debug for StoreCase<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StoreCase")
            .field("name", &self.name)
            .field("needs_files", &self.needs_files)
            .finish_non_exhaustive()
    }
}

impl<F: Factory> StoreCase<F> {
    /// A case of one's own, beside those of [`store_cases`](super::store_cases): a name `group::case`, and a function
    /// that panics when the store does otherwise than it should.
    pub fn new(
        name: impl Into<String>,
        body: impl Fn(&StoreContext<F>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            needs_files: false,
            body: Arc::new(body),
        }
    }

    /// Skips it on a backend that keeps no files.
    #[must_use]
    pub fn needs_files(mut self) -> Self {
        self.needs_files = true;
        self
    }

    /// The name, `group::case`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs it in places of its own, or says why it cannot be run.
    ///
    /// # Errors
    /// What opening the backend failed with, where the case depends on what that can do.
    ///
    /// # Panics
    /// When the store does otherwise than it should.
    pub fn run(&self, context: &StoreContext<F>) -> Result<Outcome, StorageError> {
        if self.needs_files && !context.home().open()?.capabilities().persistent {
            return Ok(Outcome::Skipped("the backend keeps no files"));
        }
        (self.body)(context);
        Ok(Outcome::Passed)
    }
}

/// All cases about stores on one backend, named `name::group::case`.
///
/// ```no_run
/// # use quadrille_backend::{InMemoryBackend, StorageResult};
/// # fn open(_folder: &std::path::Path) -> StorageResult<InMemoryBackend> {
/// #     Ok(InMemoryBackend::new())
/// # }
/// fn main() -> std::process::ExitCode {
///     quadrille_backend_testkit::store::StoreSuite::new("mine", open).run()
/// }
/// ```
#[derive(Debug)]
pub struct StoreSuite<F> {
    name: String,
    context: StoreContext<F>,
    cases: Vec<StoreCase<F>>,
}

impl<F: Factory> StoreSuite<F> {
    /// The suite of a backend. Commits may wait for the disk or not, as the factory opens it.
    pub fn new(name: impl Into<String>, factory: F) -> Self {
        Self {
            name: name.into(),
            context: StoreContext::new(factory),
            cases: super::store_cases(),
        }
    }

    /// Runs so many random histories, 20 when not told: opening and changing keyspaces costs each backend differently.
    #[must_use]
    pub fn random_cases(mut self, count: u32) -> Self {
        self.context.random_cases = count;
        self
    }

    /// Makes one of so many operations fail in the sweeps over faults, each when not told: where a fresh store takes a
    /// second, a sample must do. 0 is taken for 1.
    #[must_use]
    pub fn fault_step(mut self, operations: u64) -> Self {
        self.context.fault_step = operations.max(1);
        self
    }

    /// Runs cases of one's own as well.
    #[must_use]
    pub fn with(mut self, cases: impl IntoIterator<Item = StoreCase<F>>) -> Self {
        self.cases.extend(cases);
        self
    }

    /// Runs it as the test program that this process is; as [`Suite::run`].
    #[must_use]
    pub fn run(self) -> ExitCode {
        run_all([self])
    }
}

impl<F: Factory> From<StoreSuite<F>> for Suite {
    fn from(suite: StoreSuite<F>) -> Self {
        let StoreSuite {
            name,
            context,
            cases,
        } = suite;
        let trial = |case: StoreCase<F>| {
            let context = context.clone();
            Trial::ignorable_test(format!("{name}::{}", case.name), move || {
                match case.run(&context)? {
                    Outcome::Passed => Ok(Completion::Completed),
                    Outcome::Skipped(reason) => Ok(Completion::ignored_with(reason)),
                }
            })
        };
        let trials = cases.into_iter().map(trial).collect();
        Self::of_trials(name, trials)
    }
}
