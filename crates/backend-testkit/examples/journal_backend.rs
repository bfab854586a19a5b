//! A storage backend of one's own, whole and small: ordered maps in memory, and a journal on disk that brings them back.
//!
//! Run as a program it checks itself with the conformance suite, alone and mirrored by the in-memory backend:
//! `cargo run -p quadrille-backend-testkit --example journal_backend`. It is made to be copied: `backend` is the
//! backend, the rest is what a test program of yours would be.
//!
//! The journal is one file. Each commit is one record in it: the length of its changes, their checksum, the changes.
//! What always holds: the maps that a snapshot holds are never changed, a commit copies those that it touches; a
//! record is whole or is not there, since what opening finds behind the last whole one is cut off.

use quadrille_backend::{InMemoryBackend, StorageResult};
use quadrille_backend_testkit::{Factory, Mirror, Suite, run_all};
use std::path::Path;
use std::process::ExitCode;

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

fn main() -> ExitCode {
    run_all([
        Suite::new("journal", Journal),
        Suite::new("mirror-memory-journal", Mirrored),
    ])
}
