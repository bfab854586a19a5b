//! What an LMDB store does when something is wrong: paths, foreign or damaged files, limits, read-only openings.
//!
//! Each case asserts the kind of the error, and that what was there is untouched and still works.

use quadrille_backend::{
    Durability, ErrorKind, Keyspace, StorageBackend, StorageError, StorageResult, StorageSnapshot,
    Transaction,
};
use quadrille_backend_lmdb::{LmdbBackend, LmdbOptions};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn birds() -> Keyspace {
    Keyspace::new("birds").expect("a legal name")
}

/// A closed store with some megabytes in it.
fn filled(path: &Path) -> StorageResult<()> {
    let backend = LmdbBackend::open(path)?;
    backend.create_keyspace(&birds())?;
    let mut transaction = backend.begin()?;
    for n in 0..2000_u32 {
        transaction.put(&birds(), &n.to_be_bytes(), &[n as u8; 1000])?;
    }
    transaction.commit()?;
    backend.close()
}

#[track_caller]
fn refused<T>(result: StorageResult<T>, kind: ErrorKind) -> StorageError {
    let error = match result {
        Ok(_) => panic!("expected an error of kind {kind:?}"),
        Err(error) => error,
    };
    assert_eq!(error.kind(), kind, "{error}");
    error
}

/// Names, lengths and contents of the files in a folder, but LMDB's table of readers.
fn files(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let items = fs::read_dir(path).expect("a folder");
    let mut files: Vec<_> = items
        .map(|item| item.expect("an item").path())
        .filter(|path| !path.ends_with("lock.mdb"))
        .map(|path| (path.clone(), fs::read(&path).expect("a file")))
        .collect();
    files.sort();
    files
}

#[test]
fn a_file_in_the_way_is_an_error_and_stays() {
    let folder = folder();
    let path = folder.path().join("store");
    fs::write(&path, b"mine").expect("a file");
    refused(LmdbBackend::open(&path), ErrorKind::Io);
    refused(LmdbBackend::open(path.join("below")), ErrorKind::Io);
    assert_eq!(fs::read(&path).expect("still there"), b"mine");
}

#[test]
fn a_folder_that_cannot_be_created_is_an_error() {
    let error = LmdbBackend::open("/proc/quadrille/store").expect_err("nobody may write there");
    assert!(matches!(error.kind(), ErrorKind::Io | ErrorKind::NotFound));
    assert!(error.to_string().contains("/proc/quadrille/store"));
}

#[test]
fn reading_an_absent_store_creates_nothing() {
    let folder = folder();
    let path = folder.path().join("store");
    refused(LmdbBackend::open_read_only(&path), ErrorKind::NotFound);
    assert!(!path.exists());
    refused(
        LmdbBackend::open_read_only(folder.path()),
        ErrorKind::NotFound,
    );
    assert!(files(folder.path()).is_empty());
}

#[test]
fn a_read_only_backend_reads_and_changes_nothing() -> StorageResult<()> {
    let folder = folder();
    filled(folder.path())?;
    let before = files(folder.path());
    let backend = LmdbBackend::open_read_only(folder.path())?;
    assert_eq!(backend.keyspace_size(&birds())?, (2000, 2_008_000));
    assert_eq!(
        backend.get(&birds(), &7_u32.to_be_bytes())?,
        Some(vec![7; 1000])
    );
    let fish = Keyspace::new("fish")?;
    refused(backend.begin().map(drop), ErrorKind::ReadOnly);
    refused(backend.put(&birds(), b"a", b""), ErrorKind::ReadOnly);
    refused(backend.create_keyspace(&fish), ErrorKind::ReadOnly);
    refused(backend.drop_keyspace(&birds()), ErrorKind::ReadOnly);
    refused(backend.compact(), ErrorKind::ReadOnly);
    refused(backend.destroy(), ErrorKind::ReadOnly);
    backend.flush()?;
    backend.close()?;
    assert!(files(folder.path()) == before);
    Ok(())
}

#[test]
fn one_process_opens_a_store_once() -> StorageResult<()> {
    let folder = folder();
    let backend = LmdbBackend::open(folder.path())?;
    let error = refused(LmdbBackend::open(folder.path()), ErrorKind::Locked);
    assert!(error.message().contains("this process"), "{error}");
    let reading = LmdbBackend::open_read_only(folder.path());
    refused(reading, ErrorKind::Locked);
    backend.create_keyspace(&birds())?;
    backend.put(&birds(), b"emu", b"unharmed")
}

#[test]
fn a_file_that_is_not_lmdbs_is_refused_untouched() {
    let folder = folder();
    let data = folder.path().join("data.mdb");
    let contents = b"a diary, not a database ".repeat(1000);
    fs::write(&data, &contents).expect("a file");
    refused(LmdbBackend::open(folder.path()), ErrorKind::Corrupted);
    refused(
        LmdbBackend::open_read_only(folder.path()),
        ErrorKind::Corrupted,
    );
    assert!(fs::read(&data).expect("still there") == contents);
}

#[test]
fn an_environment_of_another_program_is_refused_untouched() {
    let folder = folder();
    {
        #[expect(unsafe_code, reason = "heed marks opening an environment so")]
        // SAFETY: the folder is fresh and nobody else has the file.
        let environment = unsafe { heed::EnvOpenOptions::new().open(folder.path()) };
        let environment = environment.expect("a fresh environment");
        let transaction = environment.write_txn().expect("a transaction");
        let written = environment.create_databases_and_commit(
            transaction,
            |opener, transaction| -> heed::Result<heed::CommitOrAbort<(), ()>> {
                let main = opener
                    .create_database::<heed::types::Str, heed::types::Str>(transaction, None)?;
                main.put(transaction, "theirs", "kept")?;
                Ok(heed::CommitOrAbort::Commit(()))
            },
        );
        written.expect("a commit");
    }
    let before = fs::read(folder.path().join("data.mdb")).expect("the file");
    refused(LmdbBackend::open(folder.path()), ErrorKind::Corrupted);
    let after = fs::read(folder.path().join("data.mdb")).expect("the file");
    assert!(before == after);
}

#[test]
fn a_file_cut_off_is_corrupted_and_not_fatal() -> StorageResult<()> {
    for keep in [1, 2, 3] {
        let folder = folder();
        filled(folder.path())?;
        let data = folder.path().join("data.mdb");
        let length = fs::metadata(&data).expect("the file").len();
        let file = fs::File::options().write(true).open(&data);
        file.expect("the file")
            .set_len(length * keep / 4)
            .expect("a shorter file");
        refused(LmdbBackend::open(folder.path()), ErrorKind::Corrupted);
        refused(
            LmdbBackend::open_read_only(folder.path()),
            ErrorKind::Corrupted,
        );
    }
    Ok(())
}

#[test]
fn a_full_map_is_full_and_nothing_is_lost() -> StorageResult<()> {
    let folder = folder();
    let small = LmdbOptions::new().map_bytes(4 << 20);
    let backend = LmdbBackend::open_with(folder.path(), small)?;
    backend.create_keyspace(&birds())?;
    backend.put(&birds(), b"kept", b"yes")?;
    let mut transaction = backend.begin()?;
    let filled = (0..10_000_u32)
        .try_for_each(|n| transaction.put(&birds(), &n.to_be_bytes(), &[0; 1000]))
        .and_then(|()| transaction.commit());
    refused(filled, ErrorKind::Full);
    assert_eq!(backend.keyspace_size(&birds())?, (1, 7));
    backend.put(&birds(), b"more", b"yes")?;
    backend.close()?;
    let backend = LmdbBackend::open(folder.path())?;
    let mut transaction = backend.begin()?;
    for n in 0..10_000_u32 {
        transaction.put(&birds(), &n.to_be_bytes(), &[0; 1000])?;
    }
    transaction.commit()?;
    assert_eq!(backend.keyspace_size(&birds())?.0, 10_002);
    Ok(())
}

#[test]
fn too_many_snapshots_are_busy_until_one_goes() -> StorageResult<()> {
    let folder = folder();
    let few = LmdbOptions::new().readers_max(4);
    let backend = LmdbBackend::open_with(folder.path(), few)?;
    let mut snapshots = Vec::new();
    let error = loop {
        match backend.snapshot() {
            Ok(snapshot) => snapshots.push(snapshot),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    assert_eq!(snapshots.len(), 4);
    backend.create_keyspace(&birds())?;
    snapshots.pop();
    assert!(backend.snapshot()?.cursor(&birds()).is_ok());
    Ok(())
}

#[test]
fn a_weaker_promise_than_lmdb_can_keep_is_refused() -> StorageResult<()> {
    let folder = folder();
    let options = LmdbOptions::new().durability(Durability::Prefix);
    let opened = LmdbBackend::open_with(folder.path().join("store"), options);
    refused(opened, ErrorKind::Unsupported);
    assert!(!folder.path().join("store").exists());
    let options = LmdbOptions::new().durability(Durability::Unsafe);
    let backend = LmdbBackend::open_with(folder.path(), options)?;
    assert_eq!(backend.capabilities().durability, Durability::Unsafe);
    backend.create_keyspace(&birds())?;
    backend.put(&birds(), b"emu", b"there after an orderly end")?;
    backend.close()?;
    assert!(LmdbBackend::open(folder.path())?.contains(&birds(), b"emu")?);
    Ok(())
}

#[test]
fn compacting_waits_for_no_snapshot_but_says_busy() -> StorageResult<()> {
    let folder = folder();
    filled(folder.path())?;
    let backend = LmdbBackend::open(folder.path())?;
    let snapshot = backend.snapshot()?;
    refused(backend.compact(), ErrorKind::Busy);
    assert!(snapshot.contains(&birds(), &7_u32.to_be_bytes())?);
    let cursor = snapshot.cursor(&birds())?;
    drop(snapshot);
    refused(backend.compact(), ErrorKind::Busy);
    drop(cursor);
    backend.compact()?;
    assert_eq!(backend.keyspace_size(&birds())?.0, 2000);
    let error = refused(LmdbBackend::open(folder.path()), ErrorKind::Locked);
    assert!(error.message().contains("this process"), "{error}");
    Ok(())
}

#[test]
fn all_slots_can_be_taken_and_given_back() -> StorageResult<()> {
    let folder = folder();
    let options = LmdbOptions::new().durability(Durability::Unsafe);
    let backend = LmdbBackend::open_with(folder.path(), options)?;
    let mut taken = Vec::new();
    let error = loop {
        let keyspace = Keyspace::new(&format!("k{:03}", taken.len()))?;
        match backend.create_keyspace(&keyspace) {
            Ok(()) => taken.push(keyspace),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    assert!(taken.len() >= 200, "{}", taken.len());
    for (nth, keyspace) in taken.iter().enumerate() {
        backend.put(keyspace, b"nth", &(nth as u32).to_le_bytes())?;
    }
    backend.drop_keyspace(&taken[100])?;
    backend.create_keyspace(&birds())?;
    assert!(!backend.contains(&birds(), b"nth")?);
    for (nth, keyspace) in taken.iter().enumerate().filter(|(nth, _)| *nth != 100) {
        let value = backend.get(keyspace, b"nth")?;
        assert_eq!(value, Some((nth as u32).to_le_bytes().to_vec()));
    }
    Ok(())
}
