//! Several processes and one store: who may write, what a killed writer leaves, what readers see.
//!
//! The program starts itself: in a role, `backend how`, it is the other process, which opens a store and then obeys the
//! lines it reads, answering each with a line. Tests are named `backend::case`.

use libtest_mimic::{Arguments, Failed, Trial};
use quadrille_backend::{
    ErrorKind, Keyspace, StorageBackend, StorageError, StorageResult, StorageSnapshot, Transaction,
};
use quadrille_backend_testkit::child::{Process, role, say, serve};
use std::path::Path;

/// How a backend with files is opened.
trait Files: Clone + Copy + Send + 'static {
    type Backend: StorageBackend;
    const NAME: &'static str;

    fn open(path: &Path) -> StorageResult<Self::Backend>;
    fn open_read_only(path: &Path) -> StorageResult<Self::Backend>;
}

macro_rules! files {
    ($type:ident, $name:literal, $backend:ty) => {
        #[derive(Clone, Copy)]
        struct $type;

        impl Files for $type {
            type Backend = $backend;
            const NAME: &'static str = $name;

            fn open(path: &Path) -> StorageResult<Self::Backend> {
                <$backend>::open(path)
            }

            fn open_read_only(path: &Path) -> StorageResult<Self::Backend> {
                <$backend>::open_read_only(path)
            }
        }
    };
}

#[cfg(feature = "lmdb")]
files!(Lmdb, "lmdb", quadrille_backend_lmdb::LmdbBackend);
#[cfg(feature = "rocksdb")]
files!(
    RocksDb,
    "rocksdb",
    quadrille_backend_rocksdb::RocksDbBackend
);

fn birds() -> StorageResult<Keyspace> {
    Keyspace::new("birds")
}

/// Starts the other process, which opens the store of a folder; `how` is `write` or `read`.
fn start<F: Files>(path: &Path, how: &str) -> StorageResult<Process> {
    opened(Process::start(&format!("{} {how}", F::NAME), path))
}

/// It, once the store is open.
fn opened(mut other: Process) -> StorageResult<Process> {
    assert_eq!(other.line("the open store")?, "open");
    Ok(other)
}

/// The other process, seen from itself.
fn obey<F: Files>(path: &Path, how: &str) -> StorageResult<()> {
    obey_on(match how {
        "read" => F::open_read_only(path)?,
        _ => F::open(path)?,
    })
}

fn obey_on<B: StorageBackend>(backend: B) -> StorageResult<()> {
    let mut held = Vec::new();
    say("open");
    serve(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["create", name] => {
                backend.create_keyspace(&Keyspace::new(name)?)?;
                Ok("done".to_owned())
            }
            ["put", key, value] => {
                backend.put(&birds()?, key.as_bytes(), value.as_bytes())?;
                Ok("done".to_owned())
            }
            ["get", name, key] => {
                let value = backend.get(&Keyspace::new(name)?, key.as_bytes())?;
                Ok(String::from_utf8_lossy(&value.unwrap_or_default()).into_owned())
            }
            ["begin", key, value] => {
                let mut transaction = backend.begin()?;
                transaction.put(&birds()?, key.as_bytes(), value.as_bytes())?;
                // To be killed with the transaction open.
                say("begun");
                std::thread::park();
                transaction.commit().map(|()| "done".to_owned())
            }
            ["commit-on"] => {
                // To be killed in the middle of a commit.
                say("committing");
                loop {
                    backend.put(&birds()?, b"emu", b"tall")?;
                }
            }
            ["hold", count] => {
                for _ in 0..number(count)? {
                    held.push(backend.snapshot()?);
                }
                Ok("held".to_owned())
            }
            ["held", key] => {
                let oldest = held
                    .first()
                    .ok_or_else(|| StorageError::misuse("nothing is held"))?;
                oldest
                    .get(&birds()?, key.as_bytes())
                    .map(|value| String::from_utf8_lossy(&value.unwrap_or_default()).into_owned())
            }
            ["release"] => {
                held.clear();
                Ok("released".to_owned())
            }
            ["watch", last] => watch(&backend, number(last)?).map(|seen| seen.to_string()),
            _ => Err(StorageError::misuse(format!("what is {line:?}?"))),
        }
    })?;
    drop(held);
    backend.close()
}

fn number(text: &str) -> StorageResult<u32> {
    let number = text.parse();
    number.map_err(|_| StorageError::misuse(format!("{text} is no number")))
}

/// How many keys each commit of the watched writer changes.
const WATCHED: u32 = 20;

/// Takes snapshots until one shows the last commit; each must show one commit whole, and none an older one than before.
fn watch<B: StorageBackend>(backend: &B, last: u32) -> StorageResult<u32> {
    let (mut before, mut seen) = (0, 0);
    while before < last {
        let snapshot = backend.snapshot()?;
        let mut commits = Vec::new();
        for entry in snapshot.prefix_scan(&birds()?, b"")? {
            let (_, value) = entry?;
            commits.push(number(&String::from_utf8_lossy(&value))?);
        }
        let commit = commits.first().copied().unwrap_or_default();
        if commits.len() != WATCHED as usize || commits.iter().any(|other| *other != commit) {
            return Err(StorageError::corrupted(format!("torn: {commits:?}")));
        }
        if commit < before {
            return Err(StorageError::corrupted(format!("{commit} after {before}")));
        }
        seen += u32::from(commit > before);
        before = commit;
    }
    Ok(seen)
}

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
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

/// The error names the process that writes; when it is gone, the store opens.
fn a_second_writer_learns_who_writes<F: Files>() -> StorageResult<()> {
    let folder = temporary();
    let mut other = start::<F>(folder.path(), "write")?;
    let pid = other.id();
    let message = refused(F::open(folder.path()), ErrorKind::Locked);
    assert!(message.contains(&format!("pid {pid} ")), "{message}");
    assert_eq!(other.ask("create birds")?, "done");
    other.kill();
    assert_eq!(F::open(folder.path())?.keyspaces()?, [birds()?]);
    Ok(())
}

/// What was committed is there, what was not is not, and the store can be written again.
fn a_killed_writer_loses_only_what_was_open<F: Files>() -> StorageResult<()> {
    let folder = temporary();
    let mut other = start::<F>(folder.path(), "write")?;
    assert_eq!(other.ask("create birds")?, "done");
    assert_eq!(other.ask("put emu tall")?, "done");
    assert_eq!(other.ask("begin kea green")?, "begun");
    other.kill();
    let backend = F::open(folder.path())?;
    assert_eq!(
        backend.get(&birds()?, b"emu")?.as_deref(),
        Some(&b"tall"[..])
    );
    assert_eq!(backend.get(&birds()?, b"kea")?, None);
    assert_eq!(backend.keyspace_size(&birds()?)?, (1, 7));
    backend.put(&birds()?, b"owl", b"grey")
}

/// A writer that is killed anywhere in a commit is in nobody's way: not in that of a process that has the store open, nor
/// of the next writer.
fn a_writer_killed_in_a_commit_holds_up_nobody<F: Files>() -> StorageResult<()> {
    let folder = temporary();
    let backend = F::open(folder.path())?;
    backend.create_keyspace(&birds()?)?;
    backend.put(&birds()?, b"emu", b"tall")?;
    backend.close()?;
    drop(backend);
    let mut reader = start::<F>(folder.path(), "read")?;
    let begin = std::time::Instant::now();
    for round in 0..12 {
        let mut writer = start::<F>(folder.path(), "write")?;
        assert_eq!(writer.ask("commit-on")?, "committing");
        std::thread::sleep(std::time::Duration::from_millis(10 + round * 3));
        writer.kill();
        assert_eq!(reader.ask("get birds emu")?, "tall");
        let backend = F::open(folder.path())?;
        backend.put(&birds()?, b"owl", b"grey")?;
        backend.close()?;
        assert_eq!(reader.ask("get birds owl")?, "grey");
    }
    assert!(begin.elapsed().as_secs() < 60, "{:?}", begin.elapsed());
    Ok(())
}

/// A process that reads follows the commits of the one that writes, with keyspaces that were not there when it opened.
fn a_reader_process_follows_the_writer<F: Files>() -> StorageResult<()> {
    let folder = temporary();
    let backend = F::open(folder.path())?;
    backend.create_keyspace(&birds()?)?;
    backend.put(&birds()?, b"emu", b"tall")?;
    let mut other = start::<F>(folder.path(), "read")?;
    assert_eq!(other.ask("get birds emu")?, "tall");
    backend.put(&birds()?, b"emu", b"taller")?;
    assert_eq!(other.ask("get birds emu")?, "taller");
    for nth in 0..40 {
        let keyspace = Keyspace::new(&format!("k{nth}"))?;
        backend.create_keyspace(&keyspace)?;
        backend.put(&keyspace, b"nth", nth.to_string().as_bytes())?;
    }
    for nth in [39, 0, 17] {
        assert_eq!(other.ask(&format!("get k{nth} nth"))?, nth.to_string());
    }
    assert!(other.ask("put owl grey")?.starts_with("read-only"));
    Ok(())
}

/// Names and contents of the files of a store, but for LMDB's table of readers.
fn files(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let items = std::fs::read_dir(folder).expect("a folder");
    let mut files: Vec<_> = items
        .map(|item| item.expect("an item").path())
        .filter(|path| !path.ends_with("lock.mdb"))
        .map(|path| (path.clone(), std::fs::read(&path).expect("a file")))
        .collect();
    files.sort();
    files
}

/// Who reads takes no lock that a writer needs, and waits for none that a writer has; each snapshot shows the last commit
/// when it was taken.
fn readers_and_the_writer_take_no_lock_of_each_other<F: Files>() -> StorageResult<()> {
    let folder = temporary();
    let backend = F::open(folder.path())?;
    backend.create_keyspace(&birds()?)?;
    backend.put(&birds()?, b"emu", b"tall")?;
    backend.close()?;
    drop(backend);
    let before = files(folder.path());
    let mut early = start::<F>(folder.path(), "read")?;
    assert_eq!(early.ask("get birds emu")?, "tall");
    assert!(files(folder.path()) == before);
    let backend = F::open(folder.path())?;
    let mut transaction = backend.begin()?;
    transaction.put(&birds()?, b"emu", b"taller")?;
    let before = files(folder.path());
    let mut late = start::<F>(folder.path(), "read")?;
    for reader in [&mut early, &mut late] {
        assert_eq!(reader.ask("hold 1")?, "held");
        assert_eq!(reader.ask("get birds emu")?, "tall");
        assert!(reader.ask("put owl grey")?.starts_with("read-only"));
    }
    assert!(files(folder.path()) == before);
    transaction.commit()?;
    for reader in [&mut early, &mut late] {
        assert_eq!(reader.ask("get birds emu")?, "taller");
        assert_eq!(reader.ask("held emu")?, "tall");
    }
    Ok(())
}

/// The file cannot be replaced under a reader in another process.
fn compacting_is_busy_beside_a_reader_process<F: Files>() -> StorageResult<()> {
    let folder = temporary();
    let backend = F::open(folder.path())?;
    backend.create_keyspace(&birds()?)?;
    backend.put(&birds()?, b"emu", b"tall")?;
    let mut other = start::<F>(folder.path(), "read")?;
    refused(backend.compact(), ErrorKind::Busy);
    backend.put(&birds()?, b"emu", b"taller")?;
    assert_eq!(other.ask("get birds emu")?, "taller");
    other.kill();
    backend.compact()?;
    let value = backend.get(&birds()?, b"emu")?;
    assert_eq!(value.as_deref(), Some(&b"taller"[..]));
    Ok(())
}

/// Each of eight processes sees whole commits, in their order.
fn eight_readers_see_whole_commits_in_order<F: Files>() -> StorageResult<()> {
    const COMMITS: u32 = 300;
    let folder = temporary();
    let backend = F::open(folder.path())?;
    backend.create_keyspace(&birds()?)?;
    let commit = |number: u32| {
        let mut transaction = backend.begin()?;
        for key in 0..WATCHED {
            transaction.put(&birds()?, &key.to_be_bytes(), number.to_string().as_bytes())?;
        }
        transaction.commit()
    };
    commit(0)?;
    let readers = (0..8).map(|_| start::<F>(folder.path(), "read"));
    let mut readers = readers.collect::<StorageResult<Vec<Process>>>()?;
    for reader in &mut readers {
        reader.tell(&format!("watch {COMMITS}"))?;
    }
    for number in 1..=COMMITS {
        commit(number)?;
    }
    for reader in &mut readers {
        let seen = reader.line("the end of the watch")?;
        assert!(seen.parse::<u32>().is_ok_and(|seen| seen > 0), "{seen}");
    }
    Ok(())
}

/// What a snapshot of a process that was killed kept is used again, and its slots are free.
fn a_killed_reader_pins_nothing<F: Files>() -> StorageResult<()> {
    const SNAPSHOTS: usize = 1000;
    let folder = temporary();
    let backend = F::open(folder.path())?;
    backend.create_keyspace(&birds()?)?;
    let rewrite = || {
        let mut transaction = backend.begin()?;
        for n in 0..500_u32 {
            transaction.put(&birds()?, &n.to_be_bytes(), &[0; 1000])?;
        }
        transaction.commit()
    };
    rewrite()?;
    let mut other = start::<F>(folder.path(), "read")?;
    assert_eq!(other.ask(&format!("hold {SNAPSHOTS}"))?, "held");
    for _ in 0..4 {
        rewrite()?;
    }
    let pinned = backend.stats()?.pinned_bytes;
    assert!(pinned.is_none_or(|bytes| bytes > 400_000), "{pinned:?}");
    other.kill();
    // The writer looks for dead processes at most once a second.
    std::thread::sleep(std::time::Duration::from_millis(1200));
    rewrite()?;
    rewrite()?;
    let before = backend.stats()?.disk_bytes;
    for _ in 0..10 {
        rewrite()?;
    }
    let after = backend.stats()?;
    assert_eq!(after.disk_bytes, before);
    assert!(
        after.pinned_bytes.is_none_or(|bytes| bytes == 0),
        "{after:?}"
    );
    let mut other = start::<F>(folder.path(), "read")?;
    assert_eq!(other.ask(&format!("hold {SNAPSHOTS}"))?, "held");
    other.kill();
    let snapshots = (0..SNAPSHOTS).map(|_| backend.snapshot());
    snapshots.collect::<StorageResult<Vec<_>>>().map(drop)
}

/// A process that may not write the files reads them and changes nothing, not even times.
#[cfg(all(unix, feature = "lmdb"))]
fn a_reader_without_the_right_to_write_reads() -> StorageResult<()> {
    use std::fs::{Permissions, metadata, read, read_dir, set_permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let folder = temporary();
    let backend = Lmdb::open(folder.path())?;
    backend.create_keyspace(&birds()?)?;
    backend.put(&birds()?, b"emu", b"tall")?;
    backend.close()?;
    drop(backend);
    let allow = |path: &Path, mode| {
        set_permissions(path, Permissions::from_mode(mode)).expect("our own file");
    };
    let paths = || {
        let items = read_dir(folder.path()).expect("a folder");
        let mut paths: Vec<_> = items.map(|item| item.expect("an item").path()).collect();
        paths.sort();
        paths
    };
    paths().iter().for_each(|path| allow(path, 0o444));
    allow(folder.path(), 0o555);
    let state = || {
        let state = |path: &std::path::PathBuf| {
            let metadata = metadata(path).expect("a file");
            let times = (metadata.mtime(), metadata.mtime_nsec(), metadata.len());
            (path.clone(), times, read(path).expect("readable"))
        };
        paths().iter().map(state).collect::<Vec<_>>()
    };
    let before = state();
    // Nothing is forbidden to root: its child is nobody, who must be able to run this program.
    let owner = metadata("/proc/self").map_or(0, |own| own.uid());
    let mut other = opened(Process::start_by(
        "lmdb read",
        folder.path(),
        |mut command| {
            if owner == 0 {
                command.uid(65_534);
            }
            command
        },
    ))?;
    assert_eq!(other.ask("get birds emu")?, "tall");
    assert!(other.ask("put owl grey")?.starts_with("read-only"));
    assert!(state() == before);
    // It could not enter itself as a reader, so it keeps writers out.
    allow(folder.path(), 0o755);
    paths().iter().for_each(|path| allow(path, 0o644));
    refused(Lmdb::open(folder.path()), ErrorKind::Locked);
    other.kill();
    Lmdb::open(folder.path())?.put(&birds()?, b"owl", b"grey")
}

/// A reader that holds a snapshot cannot take over a larger map; it is told so, and waits for that snapshot once.
#[cfg(feature = "lmdb")]
fn a_reader_process_is_busy_while_it_holds_the_smaller_map() -> StorageResult<()> {
    let folder = temporary();
    let backend = Lmdb::open(folder.path())?;
    backend.create_keyspace(&birds()?)?;
    backend.put(&birds()?, b"emu", b"tall")?;
    let mut other = start::<Lmdb>(folder.path(), "read-small")?;
    assert_eq!(other.ask("hold 1")?, "held");
    backend.put(&birds()?, b"large", &[0; 4 << 20])?;
    backend.put(&birds()?, b"emu", b"taller")?;
    let start = std::time::Instant::now();
    for _ in 0..20 {
        let answer = other.ask("get birds emu")?;
        assert!(answer.starts_with("busy"), "{answer}");
        assert_eq!(other.ask("held emu")?, "tall");
    }
    assert!(start.elapsed() < 10 * GROWTH_WAIT, "{:?}", start.elapsed());
    assert_eq!(other.ask("release")?, "released");
    assert_eq!(other.ask("get birds emu")?, "taller");
    Ok(())
}

/// A reader whose map became too small takes over the size that the writer gave it.
#[cfg(feature = "lmdb")]
fn a_reader_process_follows_a_growing_map() -> StorageResult<()> {
    let folder = temporary();
    let backend = Lmdb::open(folder.path())?;
    backend.create_keyspace(&birds()?)?;
    backend.put(&birds()?, b"emu", b"tall")?;
    let mut other = start::<Lmdb>(folder.path(), "read-small")?;
    assert_eq!(other.ask("get birds emu")?, "tall");
    for round in 0..3 {
        let mut transaction = backend.begin()?;
        for n in 0..10_000_u32 {
            let key = (round * 10_000 + n).to_be_bytes();
            transaction.put(&birds()?, &key, &[0; 1000])?;
        }
        transaction.put(&birds()?, b"emu", round.to_string().as_bytes())?;
        transaction.commit()?;
        assert_eq!(other.ask("get birds emu")?, round.to_string());
    }
    Ok(())
}

/// How long the reader with a small map waits for its own snapshots: told from no wait on a busy machine.
#[cfg(feature = "lmdb")]
const GROWTH_WAIT: std::time::Duration = std::time::Duration::from_secs(1);

fn trial<F: Files>(name: &str, case: fn() -> StorageResult<()>) -> Trial {
    Trial::test(format!("{}::{name}", F::NAME), move || {
        case().map_err(Failed::from)
    })
}

fn common<F: Files>(trials: &mut Vec<Trial>) {
    trials.push(trial::<F>(
        "a_second_writer_learns_who_writes",
        a_second_writer_learns_who_writes::<F>,
    ));
    trials.push(trial::<F>(
        "a_killed_writer_loses_only_what_was_open",
        a_killed_writer_loses_only_what_was_open::<F>,
    ));
    let skip = !concurrent_readers::<F>();
    let follows = trial::<F>(
        "a_reader_process_follows_the_writer",
        a_reader_process_follows_the_writer::<F>,
    );
    let compacting = trial::<F>(
        "compacting_is_busy_beside_a_reader_process",
        compacting_is_busy_beside_a_reader_process::<F>,
    );
    let eight = trial::<F>(
        "eight_readers_see_whole_commits_in_order",
        eight_readers_see_whole_commits_in_order::<F>,
    );
    let killed = trial::<F>(
        "a_killed_reader_pins_nothing",
        a_killed_reader_pins_nothing::<F>,
    );
    let killed_writer = trial::<F>(
        "a_writer_killed_in_a_commit_holds_up_nobody",
        a_writer_killed_in_a_commit_holds_up_nobody::<F>,
    );
    let locks = trial::<F>(
        "readers_and_the_writer_take_no_lock_of_each_other",
        readers_and_the_writer_take_no_lock_of_each_other::<F>,
    );
    trials.push(killed_writer.with_ignored_flag(skip));
    trials.push(locks.with_ignored_flag(skip));
    trials.push(eight.with_ignored_flag(skip));
    trials.push(killed.with_ignored_flag(skip));
    trials.push(follows.with_ignored_flag(skip));
    trials.push(compacting.with_ignored_flag(skip));
}

fn concurrent_readers<F: Files>() -> bool {
    let folder = temporary();
    let backend = F::open(folder.path()).expect("a fresh store opens");
    backend.capabilities().concurrent_reader_processes
}

fn be_the_other_process(child: &str, path: &Path) -> StorageResult<()> {
    match child.split_once(' ') {
        #[cfg(feature = "lmdb")]
        Some(("lmdb", "read-small")) => {
            let options = quadrille_backend_lmdb::LmdbOptions::new()
                .map_bytes(1 << 20)
                .growth_wait(GROWTH_WAIT);
            obey_on(quadrille_backend_lmdb::LmdbBackend::open_read_only_with(
                path, options,
            )?)
        }
        #[cfg(feature = "lmdb")]
        Some(("lmdb", how)) => obey::<Lmdb>(path, how),
        #[cfg(feature = "rocksdb")]
        Some(("rocksdb", how)) => obey::<RocksDb>(path, how),
        _ => Err(StorageError::misuse(format!("no backend for {child:?}"))),
    }
}

fn main() {
    if let Some((role, path)) = role() {
        be_the_other_process(&role, &path).expect("the other process works");
        return;
    }
    let mut trials = Vec::new();
    #[cfg(feature = "lmdb")]
    {
        common::<Lmdb>(&mut trials);
        trials.push(trial::<Lmdb>(
            "a_reader_process_follows_a_growing_map",
            a_reader_process_follows_a_growing_map,
        ));
        trials.push(trial::<Lmdb>(
            "a_reader_process_is_busy_while_it_holds_the_smaller_map",
            a_reader_process_is_busy_while_it_holds_the_smaller_map,
        ));
        #[cfg(unix)]
        trials.push(trial::<Lmdb>(
            "a_reader_without_the_right_to_write_reads",
            a_reader_without_the_right_to_write_reads,
        ));
    }
    #[cfg(feature = "rocksdb")]
    common::<RocksDb>(&mut trials);
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
