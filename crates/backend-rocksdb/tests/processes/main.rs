//! Several processes and one store: what a killed writer leaves under each durability, what readers see, and what
//! happens when the system runs out of files or of space.
//!
//! The program starts itself, see `child`.

mod child;

use child::{be_the_other_process, does, opened, spawn, start, start_by};
use libtest_mimic::{Arguments, Failed, Trial};
use quadrille_backend::{ErrorKind, Keyspace, StorageBackend, StorageResult};
use quadrille_backend_rocksdb::RocksDbBackend;
use quadrille_backend_testkit::child::{Process, role};
use quadrille_backend_testkit::small_disk;
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

/// Kills the other process; the last number that it said.
fn last_said(other: Process) -> Option<u64> {
    other.kill().pop()?.parse().ok()
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
    start(folder.path(), "unsafe")?.kill();
    assert_eq!(RocksDbBackend::open(folder.path())?.keyspaces()?, []);
    for _ in 0..2 {
        let mut other = start(folder.path(), "unsafe")?;
        if RocksDbBackend::open_read_only(folder.path())?
            .keyspaces()?
            .is_empty()
        {
            does(&mut other, "create-many 3");
        }
        does(&mut other, "commits 1 5 100");
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
        let mut other = start(folder.path(), "unsafe")?;
        if kill == 0 {
            does(&mut other, "create-many 3");
        }
        does(&mut other, &format!("commit {} 100", flushed + 1));
        does(&mut other, "flush");
        // Some megabytes a second: buffers of half a megabyte reach the disk several times on the way.
        other.tell(&format!("commit-on {} 5000", flushed + 2))?;
        std::thread::sleep(Duration::from_millis(60 + 20 * kill));
        let said = last_said(other).unwrap_or(flushed + 1);
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
            let mut other = start(folder.path(), role)?;
            if kill == 0 {
                does(&mut other, "create-many 3");
            }
            other.tell(&format!("commit-on {} 3000", last + 1))?;
            std::thread::sleep(Duration::from_millis(40 + 20 * kill));
            let said = last_said(other).unwrap_or(last);
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
        let mut other = start(folder.path(), role)?;
        does(&mut other, "create-many 2");
        does(&mut other, "create other");
        does(&mut other, "commits 1 5 100");
        does(&mut other, "drop other");
        other.kill();
        let backend = RocksDbBackend::open(folder.path())?;
        assert_eq!(last_commit(&backend)?, 5, "{role}");
        drop(backend);
        let mut other = start(folder.path(), role)?;
        does(&mut other, "drop k000");
        does(&mut other, "create k000");
        does(&mut other, "drop k001");
        does(&mut other, "create k001");
        does(&mut other, "create rows");
        does(&mut other, "ingest rows 0 5000");
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

/// How many rows a keyspace has, which the catalogue must know, and that the first one has this number.
#[track_caller]
fn has_rows(backend: &RocksDbBackend, first: u64, count: u64) -> StorageResult<()> {
    let rows = Keyspace::new("rows")?;
    let keys = backend
        .range_scan(&rows, &[], None, None)?
        .map(|entry| Ok(entry?.0))
        .collect::<StorageResult<Vec<_>>>()?;
    assert_eq!(keys.len() as u64, count);
    assert_eq!(keys.first(), Some(&first.to_be_bytes().to_vec()));
    assert_eq!(backend.keyspace_size(&rows)?, (count, count * 108));
    Ok(())
}

/// What was deleted to make room for an ingest stays deleted, also where nobody had flushed.
fn an_ingest_brings_earlier_deletions_along() -> StorageResult<()> {
    let folder = temporary();
    let mut other = start(folder.path(), "unsafe")?;
    does(&mut other, "create rows");
    does(&mut other, "ingest rows 0 100");
    does(&mut other, "clear rows");
    // Far from the keys that were deleted, so that RocksDB has no reason of its own to write these deletions.
    does(&mut other, "ingest rows 1000 1200");
    other.kill();
    has_rows(&RocksDbBackend::open(folder.path())?, 1000, 200)
}

/// A crash between the move of an ingest's files into the database and the row that says how much they hold.
fn the_rows_of_an_interrupted_ingest_are_counted() -> StorageResult<()> {
    let folder = temporary();
    let mut other = start(folder.path(), "durable")?;
    does(&mut other, "create rows");
    does(&mut other, "ingest rows 0 5000");
    other.kill();
    // The last record of the log is that row.
    let [log] = &logs(folder.path())[..] else {
        panic!("one log");
    };
    let whole = fs::read(log).expect("a log");
    fs::write(log, &whole[..whole.len() - 7]).expect("a log");
    has_rows(&RocksDbBackend::open_read_only(folder.path())?, 0, 5000)?;
    let backend = RocksDbBackend::open(folder.path())?;
    has_rows(&backend, 0, 5000)?;
    backend.put(&Keyspace::new("rows")?, &5000_u64.to_be_bytes(), &[1; 100])?;
    has_rows(&backend, 0, 5001)?;
    backend.close()?;
    drop(backend);
    has_rows(&RocksDbBackend::open(folder.path())?, 0, 5001)
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
    let mut other = start(folder.path(), "durable")?;
    does(&mut other, "create-many 3");
    does(&mut other, "commits 1 20 100");
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
    let mut other = start(folder.path(), "prefix")?;
    does(&mut other, "create-many 3");
    does(&mut other, "commits 1 20 100");
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
    let mut writer = start(folder.path(), "durable")?;
    does(&mut writer, "create-many 3");
    does(&mut writer, "commits 1 5 100");
    let mut reader = start(folder.path(), "read")?;
    let pid = writer.id();
    let message = refused(RocksDbBackend::open(folder.path()), ErrorKind::Locked);
    assert!(message.contains(&format!("pid {pid} ")), "{message}");
    // Buffers are written into files, and files merged and deleted, below the reader.
    does(&mut writer, "commits 6 60 20000");
    does(&mut writer, "compact");
    does(&mut writer, "create later");
    assert_eq!(reader.ask("last k000")?, "5");
    assert_eq!(reader.ask("count")?, "18");
    assert!(reader.ask("last later")?.starts_with("not found"));
    assert!(reader.ask("create mine")?.starts_with("read-only"));
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
    assert_eq!(reader.ask("count")?, "18");
    Ok(())
}

/// A script that sets a limit and runs a program, which gets no signal when a file is too large for it.
fn limited(limit: &str) -> String {
    format!("trap '' XFSZ; {limit}; exec \"$0\"")
}

fn shell(script: &str) -> [&str; 3] {
    ["sh", "-c", script]
}

fn start_limited(limit: &str, path: &Path, role: &str) -> StorageResult<Process> {
    start_by(&shell(&limited(limit)), path, role)
}

/// Hundreds of files, in more keyspaces than the process may open files.
fn many_files_are_read_and_written_under_a_low_limit() -> StorageResult<()> {
    let folder = temporary();
    let mut other = start(folder.path(), "durable")?;
    does(&mut other, "create-many 60");
    for round in 1..=3 {
        does(&mut other, &format!("commit {round} 2000"));
        // Closing writes each keyspace into a file of its own.
        does(&mut other, "close");
        drop(other);
        other = start(folder.path(), "durable")?;
    }
    let files: u64 = other.ask("files")?.parse().expect("a number");
    assert!(files > 180, "{files}");
    does(&mut other, "close");
    drop(other);
    let mut low = start_limited("ulimit -n 96", folder.path(), "durable")?;
    assert_eq!(low.ask("count")?, (60 * 4).to_string());
    does(&mut low, "commits 4 8 20000");
    does(&mut low, "create rows");
    does(&mut low, "ingest rows 0 300000");
    does(&mut low, "compact");
    does(&mut low, "drop rows");
    assert_eq!(low.ask("errors")?, "0");
    does(&mut low, "close");
    drop(low);
    let mut reader = start_limited("ulimit -n 96", folder.path(), "read")?;
    assert_eq!(reader.ask("count")?, (60 * 9).to_string());
    drop(reader);
    assert_eq!(last_commit(&RocksDbBackend::open(folder.path())?)?, 8);
    Ok(())
}

/// Below what RocksDB itself needs, opening says so.
fn too_low_a_limit_of_files_is_told_when_opening() -> StorageResult<()> {
    let folder = temporary();
    let mut other = start(folder.path(), "durable")?;
    does(&mut other, "create-many 3");
    does(&mut other, "close");
    drop(other);
    for role in ["durable", "read"] {
        let command = limited("ulimit -n 60");
        let message = spawn(&shell(&command), folder.path(), role).line("the error")?;
        assert!(
            message.starts_with("full: the process may have 60 files"),
            "{message}"
        );
    }
    Ok(())
}

/// Commits until one fails; gives how many did not, and the error.
fn commit_until_it_fails(
    other: &mut Process,
    first: u64,
    bytes: usize,
) -> StorageResult<(u64, String)> {
    for number in first..1000 {
        let answer = other.ask(&format!("commit {number} {bytes}"))?;
        if answer != "done" {
            return Ok((number - 1, answer));
        }
    }
    panic!("a thousand commits fit");
}

/// A commit fails when its log cannot be written; nothing is lost, and all can be read.
fn a_log_at_its_limit_fails_the_commit() -> StorageResult<()> {
    let folder = temporary();
    let mut other = start_limited("ulimit -f 400", folder.path(), "durable")?;
    does(&mut other, "create-many 3");
    let (said, error) = commit_until_it_fails(&mut other, 1, 30_000)?;
    assert!(said > 0 && error.starts_with("full: "), "{error}");
    assert!(error.contains("too large"), "{error}");
    assert_eq!(other.ask("last k001")?, said.to_string());
    assert_eq!(other.ask("count")?, (3 * (said + 1)).to_string());
    assert!(other.ask(&format!("commit {} 10", said + 1))? != "done");
    assert_eq!(other.ask("last k001")?, said.to_string());
    other.kill();
    assert_eq!(last_commit(&RocksDbBackend::open(folder.path())?)?, said);
    Ok(())
}

/// What fails in the background is told by the next commits, with how often; what had reached files is there.
fn a_flush_that_fails_in_the_background_fails_later_commits() -> StorageResult<()> {
    let folder = temporary();
    let mut other = start_limited("ulimit -f 400", folder.path(), "unsafe")?;
    does(&mut other, "create-many 3");
    does(&mut other, "commit 1 100");
    does(&mut other, "flush");
    let (said, error) = commit_until_it_fails(&mut other, 2, 500_000)?;
    assert!(
        error.starts_with("full: ") && error.contains("too large"),
        "{error}"
    );
    assert!(
        error.contains("failed in the background 1 times"),
        "{error}"
    );
    assert_ne!(other.ask("errors")?, "0");
    assert_eq!(other.ask("last k002")?, said.to_string());
    assert_eq!(other.ask("count")?, (3 * (said + 1)).to_string());
    other.kill();
    let backend = RocksDbBackend::open(folder.path())?;
    let left = last_commit(&backend)?;
    assert!((1..=said).contains(&left), "{left}");
    backend.put(&Keyspace::new("k000")?, b"again", b"works")
}

/// A full disk fails commits, and nothing else; with space again the store goes on where it was.
fn a_full_disk_fails_commits_and_loses_none() -> StorageResult<()> {
    for role in ["durable", "prefix", "unsafe"] {
        let folder = temporary();
        let mut other = opened(small_disk::start(role, folder.path(), 8 << 20))?;
        does(&mut other, "create-many 3");
        let (said, error) = commit_until_it_fails(&mut other, 1, 50_000)?;
        assert!(said > 0 && error.starts_with("full: "), "{role}: {error}");
        assert!(error.contains("No space left"), "{role}: {error}");
        assert_eq!(other.ask("last k001")?, said.to_string(), "{role}");
        assert_eq!(other.ask("count")?, (3 * (said + 1)).to_string());
        let ballast = folder.path().join(small_disk::BALLAST);
        does(&mut other, &format!("free {}", ballast.display()));
        does(&mut other, "reopen");
        let left: u64 = other.ask("last k001")?.parse().expect("a number");
        assert!(
            left <= said && (role == "unsafe" || left == said),
            "{role}: {left}, {said}"
        );
        assert_eq!(other.ask("count")?, (3 * (left + 1)).to_string());
        does(&mut other, &format!("commit {} 1000", left + 1));
        does(&mut other, "close");
    }
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
    if let Some((role, path)) = role() {
        be_the_other_process(&role, &path).expect("the other process works");
        return;
    }
    let mut trials = trials![
        an_unsafe_store_killed_before_its_first_flush_opens_again,
        an_unsafe_store_loses_whole_commits_since_its_last_flush,
        a_log_loses_no_commit_to_a_kill,
        changes_of_keyspaces_last_and_bring_earlier_commits_along,
        an_ingest_brings_earlier_deletions_along,
        the_rows_of_an_interrupted_ingest_are_counted,
        a_damaged_log_is_refused_and_a_torn_one_is_not,
        a_log_that_was_not_waited_for_ends_at_its_first_hole,
        a_reader_sees_one_state_and_is_in_nobodys_way,
        many_files_are_read_and_written_under_a_low_limit,
        too_low_a_limit_of_files_is_told_when_opening,
        a_log_at_its_limit_fails_the_commit,
        a_flush_that_fails_in_the_background_fails_later_commits,
    ];
    let full_disk = trials![a_full_disk_fails_commits_and_loses_none];
    let skip = !small_disk::can_mount();
    trials.extend(
        full_disk
            .into_iter()
            .map(|trial| trial.with_ignored_flag(skip)),
    );
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
