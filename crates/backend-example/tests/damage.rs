//! What becomes of a journal that nobody sealed, when it ends too early and when a bit of it is wrong.

use quadrille_backend::{ErrorKind, Keyspace, StorageBackend, StorageResult};
use quadrille_backend_example::JournalBackend;
use std::fs;
use std::path::Path;

const COMMITS: usize = 4;

fn birds() -> StorageResult<Keyspace> {
    Keyspace::new("birds")
}

/// A journal as a crash leaves it, and its length after each commit, of which the first creates the keyspace.
fn unsealed() -> StorageResult<(Vec<u8>, Vec<usize>)> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let backend = JournalBackend::open(folder.path())?;
    backend.create_keyspace(&birds()?)?;
    let read = || fs::read(folder.path().join("journal")).expect("a journal");
    let mut lengths = vec![read().len()];
    for nth in 1..COMMITS {
        // The value is a journal itself.
        backend.put(&birds()?, &[nth as u8], &read())?;
        lengths.push(read().len());
    }
    Ok((read(), lengths))
}

/// How many commits a store with such a journal shows.
fn commits(journal: &[u8]) -> StorageResult<usize> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = folder.path().join("store");
    fs::create_dir(&store).expect("a folder");
    fs::write(store.join("journal"), journal).expect("a journal");
    let found = shown(&store)?;
    // Opened once more, it shows the same.
    assert_eq!(shown(&store)?, found);
    Ok(found)
}

fn shown(store: &Path) -> StorageResult<usize> {
    let backend = JournalBackend::open(store)?;
    if backend.keyspaces()?.is_empty() {
        return Ok(0);
    }
    Ok(1 + backend.keyspace_size(&birds()?)?.0 as usize)
}

#[test]
fn a_journal_that_ends_too_early_loses_what_was_never_committed() -> StorageResult<()> {
    let (journal, lengths) = unsealed()?;
    for kept in 0..=journal.len() {
        let whole = lengths.iter().filter(|length| **length <= kept).count();
        assert_eq!(commits(&journal[..kept])?, whole, "{kept} bytes");
    }
    Ok(())
}

#[test]
fn a_wrong_bit_costs_no_commit_behind_it_unseen() -> StorageResult<()> {
    let (journal, lengths) = unsealed()?;
    for at in 0..journal.len() {
        let mut damaged = journal.clone();
        damaged[at] ^= 1 << (at % 8);
        let behind = lengths.iter().filter(|length| **length > at).count() - 1;
        match commits(&damaged) {
            // The last one looks like one that was being written.
            Ok(found) => assert_eq!((behind, found), (0, COMMITS - 1), "byte {at}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupted, "{error}");
                assert!(behind > 0, "byte {at}");
            }
        }
    }
    Ok(())
}
