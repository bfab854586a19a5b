//! Runs the conformance suite on every backend: one test for each case and backend, named `backend::group::case`.
//!
//! What a backend cannot run is listed as ignored.

use libtest_mimic::{Arguments, Failed, Trial};
use quadrille_backend::{StorageBackend, StorageError};
use quadrille_backend_testkit::{Factory, cases};

fn add<F: Factory>(trials: &mut Vec<Trial>, name: &str, factory: F) {
    let capabilities = match open(&factory) {
        Ok(capabilities) => capabilities,
        Err(error) => {
            let failure = error.to_string();
            trials.push(Trial::test(format!("{name}::opens"), || {
                Err(Failed::from(failure))
            }));
            return;
        }
    };
    for case in cases::<F>() {
        let factory = factory.clone();
        let skipped = case.skipped(&capabilities).is_some();
        let trial = Trial::test(format!("{name}::{}", case.name()), move || {
            case.run(factory).map_err(Failed::from)
        });
        trials.push(trial.with_ignored_flag(skipped));
    }
}

fn open<F: Factory>(factory: &F) -> Result<quadrille_backend::Capabilities, StorageError> {
    let folder =
        tempfile::tempdir().map_err(|error| StorageError::from_io("no temporary folder", error))?;
    Ok(factory.open(&folder.path().join("store"))?.capabilities())
}

fn main() {
    let mut trials = Vec::new();
    add(&mut trials, "memory", quadrille_tests::Memory);
    #[cfg(feature = "lmdb")]
    add(&mut trials, "lmdb", quadrille_tests::Lmdb);
    #[cfg(feature = "rocksdb")]
    add(&mut trials, "rocksdb", quadrille_tests::RocksDb);
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
