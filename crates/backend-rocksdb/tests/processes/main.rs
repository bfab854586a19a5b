//! Several processes and one store: what a killed writer leaves under each durability, what readers see, and what
//! happens when the system runs out of files or of space.
//!
//! The program starts itself, see `child`.

mod child;

use child::Other;
use libtest_mimic::{Arguments, Failed, Trial};
use quadrille_backend::{ErrorKind, Keyspace, StorageBackend, StorageResult};
use quadrille_backend_rocksdb::RocksDbBackend;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

fn temporary() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// So many keyspaces, by name.
fn keyspaces(count: u64) -> StorageResult<Vec<Keyspace>> {
    (0..count)
        .map(|nth| Keyspace::new(&format!("k{nth:03}")))
        .collect()
}

#[track_caller]
fn refused<T>(result: StorageResult<T>, kind: ErrorKind) -> String {
    match result {
        Ok(_) => panic!("expected an error of kind {kind:?}"),
        Err(error) => {
            assert_eq!(error.kind(), kind, "{error}");
            error.to_string()
        }
    }
}

/// The number of the last commit, which must be the same in all keyspaces and there with all commits before it; the
/// catalogue must know how much there is.
fn last_commit(backend: &RocksDbBackend) -> StorageResult<u64> {
    let mut lasts = Vec::new();
    for keyspace in backend.keyspaces()? {
        let last = backend.get(&keyspace, b"last")?;
        let last = last.and_then(|bytes| bytes.try_into().ok());
        let last = last.map_or(0, u64::from_be_bytes);
        let (mut count, mut bytes) = (0, 0);
        for entry in backend.range_scan(&keyspace, &[], None, None)? {
            let (key, value) = entry?;
            count += 1;
            bytes += (key.len() + value.len()) as u64;
        }
        assert_eq!(count, if last == 0 { 0 } else { last + 1 }, "{keyspace}");
        assert_eq!(backend.keyspace_size(&keyspace)?, (count, bytes));
        lasts.push(last);
    }
    lasts.dedup();
    assert_eq!(lasts.len(), 1, "{lasts:?}");
    Ok(lasts[0])
}

/// All that lasts of a store that nobody flushed is that it is one, and its keyspaces.
fn an_unsafe_store_killed_before_its_first_flush_opens_again() -> StorageResult<()> {
    let folder = temporary();
    Other::start(folder.path(), "unsafe").kill();
    assert_eq!(RocksDbBackend::open(folder.path())?.keyspaces()?, []);
    for _ in 0..2 {
        let mut other = Other::start(folder.path(), "unsafe");
        if RocksDbBackend::open_read_only(folder.path())?
            .keyspaces()?
            .is_empty()
        {
            other.does("create-many 3");
        }
        other.does("commits 1 5 100");
        other.kill();
        for reading in [
            RocksDbBackend::open_read_only(folder.path())?,
            RocksDbBackend::open(folder.path())?,
        ] {
            assert_eq!(last_commit(&reading)?, 0);
            assert_eq!(reading.keyspaces()?, keyspaces(3)?);
        }
    }
    Ok(())
}

/// What is left is the state after some commit, whole over all keyspaces, and not before the last flush.
fn an_unsafe_store_loses_whole_commits_since_its_last_flush() -> StorageResult<()> {
    let folder = temporary();
    let mut flushed = 0;
    for kill in 0..6 {
        let mut other = Other::start(folder.path(), "unsafe");
        if kill == 0 {
            other.does("create-many 3");
        }
        other.does(&format!("commit {} 100", flushed + 1));
        other.does("flush");
        // Some megabytes a second: buffers of half a megabyte reach the disk several times on the way.
        other.tell(&format!("commit-on {} 5000", flushed + 2));
        std::thread::sleep(Duration::from_millis(60 + 20 * kill));
        let said = other.kill().parse().unwrap_or(flushed + 1);
        let backend = RocksDbBackend::open(folder.path())?;
        let left = last_commit(&backend)?;
        assert!((flushed + 1..=said + 1).contains(&left), "{left}, {said}");
        backend.close()?;
        flushed = left;
    }
    Ok(())
}

/// The death of the process takes no returned commit with it when there is a log.
fn a_log_loses_no_commit_to_a_kill() -> StorageResult<()> {
    for role in ["durable", "prefix"] {
        let folder = temporary();
        let mut last = 0;
        for kill in 0..4 {
            let mut other = Other::start(folder.path(), role);
            if kill == 0 {
                other.does("create-many 3");
            }
            other.tell(&format!("commit-on {} 3000", last + 1));
            std::thread::sleep(Duration::from_millis(40 + 20 * kill));
            let said = other.kill().parse().unwrap_or(last);
            let left = last_commit(&RocksDbBackend::open(folder.path())?)?;
            assert!((said..=said + 1).contains(&left), "{role}: {left}, {said}");
            last = left;
        }
    }
    Ok(())
}

/// What changes keyspaces lasts at once; nothing that commits before it did may be lost then, nor outlive a keyspace.
fn changes_of_keyspaces_last_and_bring_earlier_commits_along() -> StorageResult<()> {
    for role in ["unsafe", "prefix"] {
        let folder = temporary();
        let mut other = Other::start(folder.path(), role);
        other.does("create-many 2");
        other.does("create other");
        other.does("commits 1 5 100");
        other.does("drop other");
        other.kill();
        let backend = RocksDbBackend::open(folder.path())?;
        assert_eq!(last_commit(&backend)?, 5, "{role}");
        drop(backend);
        let mut other = Other::start(folder.path(), role);
        other.does("drop k000");
        other.does("create k000");
        other.does("drop k001");
        other.does("create k001");
        other.does("create rows");
        other.does("ingest rows 5000");
        other.kill();
        let backend = RocksDbBackend::open(folder.path())?;
        for keyspace in keyspaces(2)? {
            assert_eq!(backend.keyspace_size(&keyspace)?, (0, 0), "{role}");
        }
        let rows = Keyspace::new("rows")?;
        assert_eq!(backend.keyspace_size(&rows)?, (5000, 5000 * 108));
        assert_eq!(backend.range_scan(&rows, &[], None, None)?.count(), 5000);
    }
    Ok(())
}

fn logs(folder: &Path) -> Vec<PathBuf> {
    let items = fs::read_dir(folder.join("rocksdb")).expect("a folder");
    let paths = items.map(|item| item.expect("a file").path());
    let log = |path: &PathBuf| {
        let length = fs::metadata(path).expect("a file").len();
        path.extension().is_some_and(|extension| extension == "log") && length > 0
    };
    paths.filter(log).collect()
}

/// After a kill the log is all there is. Where it was written without gaps, one is damage; its end may be missing.
fn a_damaged_log_is_refused_and_a_torn_one_is_not() -> StorageResult<()> {
    let folder = temporary();
    let mut other = Other::start(folder.path(), "durable");
    other.does("create-many 3");
    other.does("commits 1 20 100");
    other.kill();
    let [log] = &logs(folder.path())[..] else {
        panic!("one log");
    };
    let whole = fs::read(log).expect("a log");
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 4;
    fs::write(log, &damaged).expect("a log");
    for _ in 0..2 {
        refused(
            RocksDbBackend::open_read_only(folder.path()),
            ErrorKind::Corrupted,
        );
        refused(RocksDbBackend::open(folder.path()), ErrorKind::Corrupted);
    }
    fs::write(log, &whole[..whole.len() - 7]).expect("a log");
    let backend = RocksDbBackend::open(folder.path())?;
    assert_eq!(last_commit(&backend)?, 19);
    Ok(())
}

/// Loss of power leaves a log that was not waited for with holes: what is before them is a state after some commit.
fn a_log_that_was_not_waited_for_ends_at_its_first_hole() -> StorageResult<()> {
    let folder = temporary();
    let mut other = Other::start(folder.path(), "prefix");
    other.does("create-many 3");
    other.does("commits 1 20 100");
    other.kill();
    let [log] = &logs(folder.path())[..] else {
        panic!("one log");
    };
    let mut holed = fs::read(log).expect("a log");
    let middle = holed.len() / 2;
    holed[middle..middle + 512].fill(0);
    fs::write(log, &holed).expect("a log");
    // Whoever opens it next need not know how it was written.
    let backend = RocksDbBackend::open(folder.path())?;
    let last = last_commit(&backend)?;
    assert!((5..15).contains(&last), "{last}");
    Ok(())
}

/// What a reader sees is what there was when it opened; it keeps nobody out, and writes nothing.
fn a_reader_sees_one_state_and_is_in_nobodys_way() -> StorageResult<()> {
    let folder = temporary();
    let mut writer = Other::start(folder.path(), "durable");
    writer.does("create-many 3");
    writer.does("commits 1 5 100");
    let mut reader = Other::start(folder.path(), "read");
    let pid = writer.id();
    let message = refused(RocksDbBackend::open(folder.path()), ErrorKind::Locked);
    assert!(message.contains(&format!("pid {pid} ")), "{message}");
    // Buffers are written into files, and files merged and deleted, below the reader.
    writer.does("commits 6 60 20000");
    writer.does("compact");
    writer.does("create later");
    assert_eq!(reader.ask("last k000"), "5");
    assert_eq!(reader.ask("count"), "18");
    assert!(reader.ask("last later").starts_with("not found"));
    assert!(reader.ask("create mine").starts_with("read-only"));
    let now = RocksDbBackend::open_read_only(folder.path())?;
    assert_eq!(
        now.get(&keyspaces(1)?[0], b"last")?,
        Some(60_u64.to_be_bytes().to_vec())
    );
    assert!(!now.capabilities().concurrent_reader_processes);
    writer.kill();
    // The reader holds no lock.
    let backend = RocksDbBackend::open(folder.path())?;
    backend.drop_keyspace(&Keyspace::new("later")?)?;
    assert_eq!(last_commit(&backend)?, 60);
    assert_eq!(reader.ask("count"), "18");
    Ok(())
}

fn trial(name: &str, case: fn() -> StorageResult<()>) -> Trial {
    Trial::test(name, move || case().map_err(Failed::from))
}

macro_rules! trials {
    ($($case:ident),* $(,)?) => {
        vec![$(trial(stringify!($case), $case)),*]
    };
}

fn main() {
    if let Ok(role) = std::env::var(child::ROLE) {
        child::be_the_other_process(&role).expect("the other process works");
        return;
    }
    let trials = trials![
        an_unsafe_store_killed_before_its_first_flush_opens_again,
        an_unsafe_store_loses_whole_commits_since_its_last_flush,
        a_log_loses_no_commit_to_a_kill,
        changes_of_keyspaces_last_and_bring_earlier_commits_along,
        a_damaged_log_is_refused_and_a_torn_one_is_not,
        a_log_that_was_not_waited_for_ends_at_its_first_hole,
        a_reader_sees_one_state_and_is_in_nobodys_way,
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
