//! The conformance suite of the storage contract on [`AnyBackend`], once for each backend behind it: whatever the
//! forwarding enum leaves out or mixes up, a case notices.

use libtest_mimic::{Arguments, Failed, Trial};
use quadrille::backend::{Capabilities, StorageBackend, StorageResult};
use quadrille::{AnyBackend, Location, OpenMode, StorageError};
use quadrille_backend_testkit::{Factory, cases};
use std::path::Path;

/// Makes the location of a folder.
type Locate = fn(&Path) -> Location;

/// Opens backends by location.
#[derive(Clone, Copy)]
struct Any(Locate);

impl Factory for Any {
    type Backend = AnyBackend;

    fn open(&self, folder: &Path) -> StorageResult<AnyBackend> {
        quadrille::open_backend(&(self.0)(folder), OpenMode::CreateOrOpen)
    }
}

fn capabilities(factory: Any) -> Result<Capabilities, StorageError> {
    let folder =
        tempfile::tempdir().map_err(|error| StorageError::from_io("no temporary folder", error))?;
    Ok(factory.open(&folder.path().join("store"))?.capabilities())
}

fn main() -> Result<(), StorageError> {
    let backends: &[(&str, Locate)] = &[
        ("memory", |_| Location::Memory),
        #[cfg(feature = "lmdb")]
        ("lmdb", |folder| Location::Lmdb(folder.to_owned())),
        #[cfg(feature = "rocksdb")]
        ("rocksdb", |folder| Location::RocksDb(folder.to_owned())),
    ];
    let mut trials = Vec::new();
    for (name, locate) in backends {
        let factory = Any(*locate);
        let capabilities = capabilities(factory)?;
        for case in cases::<Any>() {
            let skipped = case.skipped(&capabilities).is_some();
            let trial = Trial::test(format!("any::{name}::{}", case.name()), move || {
                case.run(factory).map_err(Failed::from)
            });
            trials.push(trial.with_ignored_flag(skipped));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit()
}
