//! Quad stores on the journal backend: the second storey of the suite.

use quadrille_backend_example::JournalBackend;
use quadrille_backend_testkit::store::StoreSuite;

fn main() -> std::process::ExitCode {
    // Each commit waits for the disk: a sample of the faults, for the time that it takes.
    StoreSuite::new("journal", JournalBackend::open)
        .fault_step(5)
        .run()
}
