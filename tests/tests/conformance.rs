//! Runs the conformance suite on every backend: one test for each case and backend, named `backend::group::case`.
//!
//! What a backend cannot run is listed as ignored, with the reason.

use quadrille_backend_testkit::{Suite, run_all};
use std::process::ExitCode;

fn main() -> ExitCode {
    run_all([
        Suite::new("memory", quadrille_tests::Memory),
        Suite::new("bounded_memory", quadrille_tests::BoundedMemory),
        #[cfg(feature = "lmdb")]
        Suite::new("lmdb", quadrille_tests::Lmdb),
        #[cfg(feature = "rocksdb")]
        Suite::new("rocksdb", quadrille_tests::RocksDb),
    ])
}
