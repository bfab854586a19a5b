//! Runs the conformance suite on every backend: one test for each case and backend, named `backend::group::case`.
//!
//! The doubles of the kit run it too, over each pair of backends and over each backend, under names that begin with
//! `mirror-` and `faulty-`. What a backend cannot run is listed as ignored.

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

fn add_doubles(trials: &mut Vec<Trial>) {
    use quadrille_tests::{FaultyOf, Memory, MirrorOf};
    add(trials, "mirror-memory-memory", MirrorOf(Memory, Memory));
    add(trials, "faulty-memory", FaultyOf(Memory));
    #[cfg(feature = "lmdb")]
    {
        use quadrille_tests::Lmdb;
        add(trials, "mirror-memory-lmdb", MirrorOf(Memory, Lmdb));
        add(trials, "faulty-lmdb", FaultyOf(Lmdb));
    }
    #[cfg(feature = "rocksdb")]
    {
        use quadrille_tests::RocksDb;
        add(trials, "mirror-memory-rocksdb", MirrorOf(Memory, RocksDb));
        add(trials, "faulty-rocksdb", FaultyOf(RocksDb));
        #[cfg(feature = "lmdb")]
        add(
            trials,
            "mirror-lmdb-rocksdb",
            MirrorOf(quadrille_tests::Lmdb, RocksDb),
        );
    }
}

fn main() {
    let mut trials = Vec::new();
    add(&mut trials, "memory", quadrille_tests::Memory);
    #[cfg(feature = "lmdb")]
    add(&mut trials, "lmdb", quadrille_tests::Lmdb);
    #[cfg(feature = "rocksdb")]
    add(&mut trials, "rocksdb", quadrille_tests::RocksDb);
    add_doubles(&mut trials);
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
