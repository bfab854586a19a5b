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
    backend.put(&birds(), b"emu", b"unharmed")?;
    backend.close()?;
    drop(backend);
    let reading = LmdbBackend::open_read_only(folder.path())?;
    let again = LmdbBackend::open_read_only(folder.path());
    refused(again, ErrorKind::Locked);
    refused(LmdbBackend::open(folder.path()), ErrorKind::Locked);
    assert!(reading.contains(&birds(), b"emu")?);
    Ok(())
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
    let folder = folder();
    filled(folder.path())?;
    let data = folder.path().join("data.mdb");
    let whole = fs::read(&data).expect("the file");
    let length = whole.len();
    for keep in [
        length - 1,
        length * 3 / 4,
        length / 2,
        8192,
        8191,
        4096,
        1,
        0,
    ] {
        fs::write(&data, &whole[..keep]).expect("a shorter file");
        refused(LmdbBackend::open(folder.path()), ErrorKind::Corrupted);
        refused(
            LmdbBackend::open_read_only(folder.path()),
            ErrorKind::Corrupted,
        );
        let left = fs::metadata(&data).expect("still there").len();
        assert_eq!(left, keep as u64, "an attempt to open changes nothing");
    }
    fs::remove_file(&data).expect("the file");
    refused(LmdbBackend::open(folder.path()), ErrorKind::Corrupted);
    assert!(!data.exists());
    fs::write(&data, &whole).expect("the file");
    assert_eq!(
        LmdbBackend::open(folder.path())?.keyspace_size(&birds())?.0,
        2000
    );
    Ok(())
}

#[test]
fn a_full_map_is_full_and_nothing_is_lost() -> StorageResult<()> {
    let folder = folder();
    let small = LmdbOptions::new().map_bytes(4 << 20).map_bytes_max(4 << 20);
    let backend = LmdbBackend::open_with(folder.path(), small)?;
    backend.create_keyspace(&birds())?;
    backend.put(&birds(), b"kept", b"yes")?;
    let mut transaction = backend.begin()?;
    let filled = (0..10_000_u32)
        .try_for_each(|n| transaction.put(&birds(), &n.to_be_bytes(), &[0; 1000]))
        .and_then(|()| transaction.commit());
    let error = refused(filled, ErrorKind::Full);
    assert!(error.message().contains("4194304"), "{error}");
    assert!(error.message().contains("map_bytes"), "{error}");
    assert_eq!(backend.keyspace_size(&birds())?, (1, 7));
    backend.put(&birds(), b"more", b"yes")?;
    backend.delete(&birds(), b"kept")?;
    backend.put(&birds(), b"kept", b"yes")?;
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
fn each_durability_is_given_and_told() -> StorageResult<()> {
    let folder = folder();
    for (nth, durability) in [Durability::Durable, Durability::Prefix, Durability::Unsafe]
        .into_iter()
        .enumerate()
    {
        let path = folder.path().join(nth.to_string());
        let options = LmdbOptions::new().durability(durability);
        let backend = LmdbBackend::open_with(&path, options)?;
        assert_eq!(backend.capabilities().durability, durability);
        backend.create_keyspace(&birds())?;
        backend.put(&birds(), b"emu", b"there after an orderly end")?;
        backend.flush()?;
        backend.put(&birds(), b"kea", b"this one as well")?;
        backend.close()?;
        assert_eq!(LmdbBackend::open(&path)?.keyspace_size(&birds())?.0, 2);
    }
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

/// The oldest snapshot and what it pins are told, and forgotten with it.
#[test]
fn what_the_oldest_snapshot_pins_is_told() -> StorageResult<()> {
    let folder = folder();
    filled(folder.path())?;
    let backend = LmdbBackend::open(folder.path())?;
    let stats = backend.stats()?;
    let tells = cfg!(all(target_os = "linux", target_arch = "x86_64"));
    assert_eq!(stats.pinned_bytes, tells.then_some(0));
    assert_eq!((stats.open_snapshots, stats.oldest_snapshot_age), (0, None));
    let snapshot = backend.snapshot()?;
    let mut transaction = backend.begin()?;
    for n in 0..1000_u32 {
        transaction.delete(&birds(), &n.to_be_bytes())?;
    }
    transaction.commit()?;
    let stats = backend.stats()?;
    assert!(stats.open_snapshots == 1 && stats.oldest_snapshot_age.is_some());
    assert!(!tells || stats.pinned_bytes > Some(1_000_000), "{stats:?}");
    let cursor = snapshot.cursor(&birds())?;
    drop(snapshot);
    assert_eq!(backend.stats()?.open_snapshots, 1);
    drop(cursor);
    let stats = backend.stats()?;
    assert_eq!((stats.open_snapshots, stats.oldest_snapshot_age), (0, None));
    assert_eq!(stats.pinned_bytes, tells.then_some(0));
    Ok(())
}

/// A transaction that finds the map full leaves nothing; the next finds a larger map, once no snapshot is open.
#[test]
fn a_full_map_grows_when_no_snapshot_is_open() -> StorageResult<()> {
    let folder = folder();
    let small = LmdbOptions::new().map_bytes(4 << 20);
    let backend = LmdbBackend::open_with(folder.path(), small)?;
    backend.create_keyspace(&birds())?;
    backend.put(&birds(), b"kept", b"yes")?;
    let fill = || {
        let mut transaction = backend.begin()?;
        for n in 0..10_000_u32 {
            transaction.put(&birds(), &n.to_be_bytes(), &[0; 1000])?;
        }
        transaction.commit()
    };
    let snapshot = backend.snapshot()?;
    for _ in 0..2 {
        let error = refused(fill(), ErrorKind::Full);
        assert!(error.message().contains("no snapshot is open"), "{error}");
        assert_eq!(backend.keyspace_size(&birds())?, (1, 7));
        backend.put(&birds(), b"kept", b"yes")?;
    }
    assert_eq!(
        snapshot.get(&birds(), b"kept")?.as_deref(),
        Some(&b"yes"[..])
    );
    drop(snapshot);
    fill()?;
    assert_eq!(backend.keyspace_size(&birds())?.0, 10_001);
    Ok(())
}

/// Small commits never meet a full map: it grows before.
#[test]
fn a_map_that_is_nearly_full_grows_between_commits() -> StorageResult<()> {
    let folder = folder();
    let small = LmdbOptions::new()
        .map_bytes(2 << 20)
        .durability(Durability::Unsafe);
    let backend = LmdbBackend::open_with(folder.path(), small)?;
    backend.create_keyspace(&birds())?;
    for n in 0..200_u32 {
        // As large as a tenth of the map at first.
        backend.put(&birds(), &n.to_be_bytes(), &[1; 100_000])?;
    }
    assert_eq!(backend.keyspace_size(&birds())?.0, 200);
    Ok(())
}

#[test]
fn settings_that_are_not_legal_are_named() {
    let folder = folder();
    let path = folder.path().join("store");
    let new = LmdbOptions::new;
    for (options, name) in [
        (new().map_bytes(1000), "map_bytes is 1000; 1048576 to "),
        (new().map_bytes(usize::MAX), "map_bytes is "),
        (
            new().map_bytes(8 << 20).map_bytes_max(4 << 20),
            "map_bytes_max is 4194304, below map_bytes, which is 8388608",
        ),
        (
            new().map_bytes_max(1 << 20),
            "map_bytes_max is 1048576, below map_bytes, which is ",
        ),
        (new().map_bytes_max(usize::MAX), "map_bytes_max is "),
        (new().readers_max(0), "readers_max is 0; 1 to 65536"),
        (new().readers_max(1 << 20), "readers_max is 1048576"),
        (
            new().ingest_commit_bytes(0),
            "ingest_commit_bytes is 0; 4096 to ",
        ),
        (
            new().growth_wait(std::time::Duration::MAX),
            "growth_wait, in milliseconds, is ",
        ),
    ] {
        let error = refused(
            LmdbBackend::open_with(&path, options.clone()),
            ErrorKind::Misuse,
        );
        assert!(error.message().starts_with(name), "{error}");
        let reading = LmdbBackend::open_read_only_with(&path, options);
        refused(reading, ErrorKind::Misuse);
        assert!(!path.exists());
    }
}

/// Reading ahead, or not, changes nothing that can be seen.
#[test]
fn a_store_opens_with_any_legal_settings() -> StorageResult<()> {
    let folder = folder();
    filled(folder.path())?;
    for options in [
        LmdbOptions::new().read_ahead(false).readers_max(1),
        LmdbOptions::new().map_bytes(1 << 20).map_bytes_max(1 << 20),
        LmdbOptions::new()
            .map_bytes(64 << 40)
            .durability(Durability::Unsafe),
    ] {
        let backend = LmdbBackend::open_with(folder.path(), options.clone())?;
        assert_eq!(backend.keyspace_size(&birds())?, (2000, 2_008_000));
        backend.close()?;
        drop(backend);
        let backend = LmdbBackend::open_read_only_with(folder.path(), options)?;
        assert_eq!(backend.keyspace_size(&birds())?, (2000, 2_008_000));
    }
    Ok(())
}

/// LMDB's own locks tell it who lives, and the system drops them all when the process closes any descriptor of the file.
#[cfg(target_os = "linux")]
#[test]
fn figures_leave_the_locks_alone() -> StorageResult<()> {
    use std::os::unix::fs::MetadataExt;
    let folder = folder();
    filled(folder.path())?;
    let backend = LmdbBackend::open(folder.path())?;
    let _snapshot = backend.snapshot()?;
    let lock_file = fs::metadata(folder.path().join("lock.mdb")).expect("the lock file");
    let of_file = format!(":{} ", lock_file.ino());
    let held = || {
        let locks = fs::read_to_string("/proc/locks").expect("the locks of the system");
        locks.lines().filter(|line| line.contains(&of_file)).count()
    };
    let before = held();
    assert!(before > 0);
    assert_eq!(backend.stats()?.open_snapshots, 1);
    assert_eq!(held(), before);
    Ok(())
}

/// Whoever reads a copy holds its readers' file, or a writer could replace the data under it.
#[test]
fn a_copy_has_the_files_of_a_store() -> StorageResult<()> {
    let folder = folder();
    filled(folder.path())?;
    let copy = folder.path().join("copy");
    LmdbBackend::open_read_only(folder.path())?.checkpoint(&copy)?;
    for file in ["data.mdb", "readers.lock", "store.created"] {
        assert!(copy.join(file).is_file(), "{file}");
    }
    assert_eq!(LmdbBackend::open(&copy)?.keyspace_size(&birds())?.0, 2000);
    Ok(())
}
