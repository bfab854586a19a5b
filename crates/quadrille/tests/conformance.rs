//! The conformance suite of the storage contract on [`AnyBackend`], once for each backend behind it: whatever the
//! forwarding enum leaves out or mixes up, a case notices.

use quadrille::backend::StorageResult;
use quadrille::{AnyBackend, InMemoryOptions, Location, OpenMode, OpenOptions};
use quadrille_backend_testkit::{Factory, Suite, run_all};
use std::path::Path;
use std::process::ExitCode;

/// Makes the location of a folder.
type Locate = fn(&Path) -> Location;

/// Opens backends by location.
#[derive(Clone, Copy)]
struct Any(Locate);

impl Factory for Any {
    type Backend = AnyBackend;

    fn open(&self, folder: &Path) -> StorageResult<AnyBackend> {
        OpenOptions::new().open_backend(&(self.0)(folder))
    }

    fn open_small(&self, folder: &Path, bytes: usize) -> Option<StorageResult<AnyBackend>> {
        let options = OpenOptions::new().memory(InMemoryOptions::new().bytes_max(bytes as u64));
        #[cfg(feature = "lmdb")]
        let options = options.lmdb(
            quadrille::LmdbOptions::new()
                .map_bytes(bytes)
                .map_bytes_max(bytes),
        );
        #[cfg(feature = "rocksdb")]
        let options = options.rocksdb(quadrille::RocksDbOptions::new().bytes_max(bytes as u64));
        Some(options.open_backend(&(self.0)(folder)))
    }

    fn open_read_only(&self, folder: &Path) -> Option<StorageResult<AnyBackend>> {
        match (self.0)(folder) {
            Location::Memory => None,
            location => {
                let options = OpenOptions::new().mode(OpenMode::ReadOnly);
                Some(options.open_backend(&location))
            }
        }
    }
}

fn main() -> ExitCode {
    let backends: &[(&str, Locate)] = &[
        ("memory", |_| Location::Memory),
        #[cfg(feature = "lmdb")]
        ("lmdb", |folder| Location::Lmdb(folder.to_owned())),
        #[cfg(feature = "rocksdb")]
        ("rocksdb", |folder| Location::RocksDb(folder.to_owned())),
    ];
    let suite = |(name, locate): &(&str, Locate)| Suite::new(format!("any::{name}"), Any(*locate));
    run_all(backends.iter().map(suite))
}
