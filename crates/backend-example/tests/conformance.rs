//! The conformance suite on the journal backend: alone, behind a double, and beside the reference, where whatever the one
//! answers the other must answer as well.

use quadrille_backend::{InMemoryBackend, StorageResult};
use quadrille_backend_example::JournalBackend;
use quadrille_backend_testkit::{FaultyOf, MirrorOf, Suite, run_all};
use std::path::Path;
use std::process::ExitCode;

fn reference(_folder: &Path) -> StorageResult<InMemoryBackend> {
    Ok(InMemoryBackend::new())
}

fn main() -> ExitCode {
    run_all([
        Suite::new("journal", JournalBackend::open),
        Suite::new("faulty-journal", FaultyOf(JournalBackend::open)),
        Suite::new(
            "mirror-memory-journal",
            MirrorOf(reference, JournalBackend::open),
        ),
    ])
}
