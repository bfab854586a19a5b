//! A storage backend of one's own, whole and small: ordered maps in memory, and a journal on disk that brings them back.
//!
//! Run as a program it checks itself with the conformance suite, alone and mirrored by the in-memory backend:
//! `cargo run -p quadrille-backend-testkit --example journal_backend`. It is made to be copied: `backend` is the
//! backend, the rest is what a test program of yours would be.
//!
//! The journal is one file. Each commit is one record in it: the length of its changes, their checksum, the changes.
//! What always holds: the maps that a snapshot holds are never changed, a commit copies those that it touches; a
//! record is whole or is not there, since what opening finds behind the last whole one is cut off.

use libtest_mimic::{Arguments, Failed, Trial};
use quadrille_backend::{InMemoryBackend, StorageBackend, StorageResult};
use quadrille_backend_testkit::{Factory, Mirror, cases};
use std::path::Path;

#[path = "journal_backend/backend.rs"]
mod backend;
#[path = "journal_backend/journal.rs"]
mod journal;

use backend::JournalBackend;

#[derive(Clone, Copy)]
struct Journal;

impl Factory for Journal {
    type Backend = JournalBackend;

    fn open(&self, folder: &Path) -> StorageResult<JournalBackend> {
        JournalBackend::open(folder)
    }
}

/// Whatever the one answers, the reference must answer as well.
#[derive(Clone, Copy)]
struct Mirrored;

impl Factory for Mirrored {
    type Backend = Mirror<InMemoryBackend, JournalBackend>;

    fn open(&self, folder: &Path) -> StorageResult<Self::Backend> {
        Mirror::open(folder, |_| Ok(InMemoryBackend::new()), JournalBackend::open)
    }
}

/// A test for each case of the suite; those that the backend cannot run are shown as ignored.
fn trials<F: Factory>(name: &str, factory: F) -> StorageResult<Vec<Trial>> {
    let folder = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
    let backend = factory.open(&folder)?;
    let capabilities = backend.capabilities();
    backend.destroy()?;
    let trial = |case: quadrille_backend_testkit::Case<F>| {
        let skipped = case.skipped(&capabilities).is_some();
        let (name, factory) = (format!("{name}::{}", case.name()), factory.clone());
        let trial = Trial::test(name, move || case.run(factory).map_err(Failed::from));
        trial.with_ignored_flag(skipped)
    };
    Ok(cases::<F>().into_iter().map(trial).collect())
}

fn main() -> StorageResult<()> {
    let mut all = trials("journal", Journal)?;
    all.extend(trials("mirror-memory-journal", Mirrored)?);
    libtest_mimic::run(&Arguments::from_args(), all).exit()
}
