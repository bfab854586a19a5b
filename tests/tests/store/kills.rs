//! A writer that is killed at any moment leaves the state after some commit, and no returned commit is lost.
//!
//! The program starts itself: in a role it is the writer, which opens the store of a folder and says on
//! standard output how far it is. The backends have their default settings, which wait for the disk.

use crate::support::{matching, node, sorted};
use oxrdf::{GraphName, Literal, Quad};
use quadrille_backend_testkit::child::{Process, say};
use quadrille_backend_testkit::{Factory, Faults, Faulty, Moment, Operation};
use quadrille_store::{QuadPattern, QuadStore, StorageBackend, StoreOptions};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const KILLS: u64 = 10;
/// Every so many commits one is so large that it is written as a new generation.
const LARGE_EVERY: usize = 9;
const LOAD_QUADS: usize = 4000;
/// A load that is killed at each of its writes is small: some two blocks an index.
const SWEPT_QUADS: usize = 12;
/// What a load calls on its backend to write.
const WRITES: [Operation; 9] = [
    Operation::CreateKeyspace,
    Operation::DropKeyspace,
    Operation::Begin,
    Operation::Put,
    Operation::Delete,
    Operation::Commit,
    Operation::Ingest,
    Operation::IngestEntry,
    Operation::Flush,
];

fn options(folder: &Path) -> StoreOptions {
    StoreOptions {
        block_bytes: Some(300),
        chunk_bytes: Some(300),
        delta_quads_max: 60,
        memory_bytes: 1 << 16,
        temporary_folder: Some(folder.to_owned()),
    }
}

fn quad(kind: &str, commit: usize, number: usize) -> Quad {
    let object = Literal::new_simple_literal(format!("the name of {kind} {commit}/{number}"));
    let graph = match number % 2 {
        0 => GraphName::DefaultGraph,
        _ => node("graph", commit).into(),
    };
    Quad::new(
        node(kind, commit),
        node("predicate", number % 5),
        object,
        graph,
    )
}

/// The quads that a commit inserts.
fn inserted(commit: usize) -> impl Iterator<Item = Quad> {
    let count = if commit.is_multiple_of(LARGE_EVERY) {
        90
    } else {
        6
    };
    (0..count).map(move |number| quad("commit", commit, number))
}

/// The quads that a commit removes: some of those that the third one before it inserted.
fn removed(commit: usize) -> impl Iterator<Item = Quad> {
    commit
        .checked_sub(3)
        .into_iter()
        .flat_map(|earlier| inserted(earlier).take(2))
}

/// Everything after so many commits.
fn state(commits: usize) -> Vec<String> {
    let gone: Vec<Quad> = (1..=commits).flat_map(removed).collect();
    let all = (1..=commits).flat_map(inserted);
    sorted(all.filter(|quad| !gone.contains(quad)))
}

/// Commits without end, after so many that were made before.
fn commit<B: StorageBackend>(store: &QuadStore<B>, before: usize) {
    for commit in before + 1.. {
        let mut transaction = store.transaction().unwrap();
        for quad in inserted(commit) {
            transaction.insert(&quad).unwrap();
        }
        for quad in removed(commit) {
            transaction.remove(&quad).unwrap();
        }
        transaction.commit().unwrap();
        say(&commit.to_string());
    }
}

/// The writer whose process ends at the n-th call that writes, from 0; it says `finished` when its load needs fewer.
fn load_until<F: Factory>(factory: &F, calls: usize, folder: &Path) {
    let backend = Faulty::new(factory.open(&folder.join("store")).unwrap());
    let faults = Arc::clone(backend.faults());
    let store = QuadStore::open_with(backend, options(folder)).unwrap();
    let mut load = store.bulk_load().unwrap();
    for quad in swept_quads() {
        load.push(quad.as_ref()).unwrap();
    }
    abort_at(&faults, calls as u64);
    load.finish().unwrap();
    say("finished");
    std::thread::park();
}

fn swept_quads() -> impl Iterator<Item = Quad> {
    (0..SWEPT_QUADS).map(|nth| quad("swept", 0, nth))
}

fn abort_at(faults: &Faults, call: u64) {
    let calls = Arc::new(AtomicU64::new(0));
    for operation in WRITES {
        let calls = Arc::clone(&calls);
        faults.call(Moment::Before, operation, move || {
            if calls.fetch_add(1, Ordering::SeqCst) == call {
                std::process::abort();
            }
        });
    }
}

fn load<B: StorageBackend>(store: &QuadStore<B>, number: usize) {
    let mut load = store.bulk_load().unwrap();
    for quad in loaded(number) {
        load.push(quad.as_ref()).unwrap();
    }
    say("pushed");
    load.finish().unwrap();
    say("finished");
}

/// The quads of a load.
fn loaded(number: usize) -> impl Iterator<Item = Quad> {
    (0..LOAD_QUADS).map(move |nth| quad("load", number, nth))
}

/// The writer: commits without end, one load, or both at once.
fn write<F: Factory>(factory: &F, task: &str, number: usize, folder: &Path) {
    if task == "load-until" {
        return load_until(factory, number, folder);
    }
    let backend = factory.open(&folder.join("store")).unwrap();
    let store = QuadStore::open_with(backend, options(folder)).unwrap();
    say("open");
    match task {
        "load" => {
            load(&store, number);
            std::thread::park();
        }
        "beside" => {
            let other = store.clone();
            std::thread::spawn(move || load(&other, number));
            commit(&store, number);
        }
        _ => commit(&store, number),
    }
}

/// What this program does when it is the writer; `what` is the backend, the task and its number.
pub(crate) fn be_the_writer(what: &str, folder: &Path) {
    let words: Vec<&str> = what.split(' ').collect();
    let [backend, task, number] = words[..] else {
        panic!("the writer was told {what:?}");
    };
    let number = number.parse().unwrap();
    match backend {
        #[cfg(feature = "lmdb")]
        "lmdb" => write(&quadrille_tests::Lmdb, task, number, folder),
        #[cfg(feature = "rocksdb")]
        "rocksdb" => write(&quadrille_tests::RocksDb, task, number, folder),
        _ => panic!(
            "no backend {backend} for {task} {number} in {}",
            folder.display()
        ),
    }
}

/// Starts the writer of a backend.
fn spawn(backend: &str, task: &str, number: usize, folder: &Path) -> Process {
    Process::start(&format!("{backend} {task} {number}"), folder)
}

/// Starts it, and waits until it has opened the store.
fn start(backend: &str, task: &str, number: usize, folder: &Path) -> Process {
    let mut writer = spawn(backend, task, number, folder);
    assert_eq!(writer.line("the open store").unwrap(), "open");
    writer
}

/// Kills it, and gives the last thing it said before; `last` when that is known already.
fn last_said(writer: Process, last: &str) -> String {
    writer.kill().pop().unwrap_or_else(|| last.to_owned())
}

/// The quads of a store that a killed writer left, which must be sound and without remains of unfinished generations.
fn left<F: Factory>(factory: &F, folder: &Path) -> Vec<String> {
    let backend = factory.open(&folder.join("store")).unwrap();
    let store = QuadStore::open_with(backend, options(folder)).unwrap();
    assert_eq!(store.verify().unwrap().problems, []);
    assert_eq!(store.backend().keyspaces().unwrap().len(), 15);
    let snapshot = store.snapshot().unwrap();
    let quads = matching(&snapshot, &QuadPattern::new());
    assert_eq!(snapshot.len(), quads.len() as u64);
    quads
}

/// Numbers that look random and are the same in each run.
fn scattered(seed: u64) -> u64 {
    let mixed = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33
}

/// Small and large commits, one after another; each writer goes on from what the one before it left.
pub(crate) fn a_killed_writer_leaves_a_prefix_of_its_commits<F: Factory>(
    backend: &str,
    factory: &F,
) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut commits = 0;
    for kill in 0..KILLS {
        let mut writer = start(backend, "commit", commits, folder);
        let mut last = commits.to_string();
        for _ in 0..scattered(kill) % 12 {
            last = writer.line("the next commit").unwrap();
        }
        std::thread::sleep(Duration::from_micros(scattered(kill + 100) % 20_000));
        let last: usize = last_said(writer, &last).parse().unwrap();
        let found = left(factory, folder);
        // The commit that was under way may be there, if all of it is.
        commits = match found == state(last) {
            true => last,
            false => last + 1,
        };
        assert!(found == state(commits), "kill {kill} after commit {last}");
    }
    assert!(commits > 0, "the writers wrote something");
}

/// Killed at moments spread over the time that a load takes: the load is there, or nothing of it is.
pub(crate) fn a_killed_load_leaves_all_or_nothing<F: Factory>(backend: &str, factory: &F) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut writer = start(backend, "load", 0, folder);
    let started = Instant::now();
    while writer.line("the end of the load").unwrap() != "finished" {}
    let duration = started.elapsed();
    writer.kill();
    let mut held: Vec<Quad> = loaded(0).collect();
    assert!(left(factory, folder) == sorted(held.clone()));
    for kill in 0..KILLS {
        let number = kill as usize + 1;
        let writer = start(backend, "load", number, folder);
        std::thread::sleep(duration.mul_f64((kill as f64 + 0.5) / KILLS as f64));
        let last = last_said(writer, "open");
        let found = left(factory, folder);
        let with_it: Vec<Quad> = held.iter().cloned().chain(loaded(number)).collect();
        if found == sorted(with_it.clone()) {
            held = with_it;
        } else {
            assert!(found == sorted(held.clone()), "kill {kill} after {last:?}");
            assert_ne!(last, "finished", "a finished load is lost");
        }
    }
}

/// A load whose process ends before its first write, before its second, and so on until it passes: between any two
/// keyspaces that it fills, and around the commit that makes it visible. It is there, or nothing of it is. Each begins with
/// the same store, so that the next write of one is the next of the other.
pub(crate) fn a_load_killed_at_each_write_leaves_all_or_nothing<F: Factory>(
    backend: &str,
    factory: &F,
) {
    let home = tempfile::tempdir().unwrap();
    let beginning = home.path().join("beginning");
    let store = factory.open(&beginning).unwrap();
    let store = QuadStore::open_with(store, options(home.path())).unwrap();
    let held = || (0..SWEPT_QUADS).map(|nth| quad("held", 0, nth));
    store.extend(held()).unwrap();
    store.close().unwrap();
    drop(store);
    let (before, after) = (sorted(held()), sorted(held().chain(swept_quads())));
    let (mut nothing, mut all) = (0, 0);
    for call in 0.. {
        let folder = home.path().join("swept");
        copy_files(&beginning, &folder.join("store"));
        let mut writer = spawn(backend, "load-until", call, &folder);
        // Either it says that it has finished, or it has ended.
        let has_finished = writer.line("the end of the load").is_ok();
        drop(writer);
        let found = left(factory, &folder);
        if found == after {
            all += 1;
        } else {
            assert!(found == before, "killed at call {call}");
            assert!(
                !has_finished && all == 0,
                "call {call}: a visible load is lost"
            );
            nothing += 1;
        }
        std::fs::remove_dir_all(&folder).unwrap();
        if has_finished {
            break;
        }
    }
    // It fills 13 keyspaces, publishes them, and drops those before.
    assert!(nothing > 26 && all > 13, "{nothing} and {all}");
}

fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_files(&path, &copy);
        } else {
            std::fs::copy(&path, &copy).unwrap();
        }
    }
}

/// Commits beside a load, some so large that they are folded or written whole: of the commits a prefix is left, of the
/// load all or nothing.
pub(crate) fn a_killed_load_beside_commits_leaves_all_or_nothing<F: Factory>(
    backend: &str,
    factory: &F,
) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut commits = 0;
    let mut held: Vec<String> = Vec::new();
    let mut loads = 0;
    for kill in 0..KILLS {
        // A load is named by the commits before it.
        let mut writer = start(backend, "beside", commits, folder);
        let mut lines = Vec::new();
        let is_enough = |line: &String| match kill {
            0 => line == "finished",
            _ if kill.is_multiple_of(3) => line.parse::<usize>().is_ok(),
            _ => line == "pushed",
        };
        while !lines.last().is_some_and(is_enough) {
            lines.push(writer.line("the next commit").unwrap());
        }
        std::thread::sleep(Duration::from_micros(scattered(kill + 100) % 60_000));
        lines.extend(writer.kill());
        let last = lines.iter().rev().find_map(|line| line.parse().ok());
        let last: usize = last.unwrap_or(commits);
        let found = left(factory, folder);
        let with_it: Vec<String> = held
            .iter()
            .cloned()
            .chain(sorted(loaded(commits)))
            .collect();
        let after = [last, last + 1].map(|commits| (commits, state(commits)));
        let matching = |loads: &[String]| {
            let all = |state: &[String]| {
                let mut all = [state, loads].concat();
                all.sort_unstable();
                all
            };
            let fits = after.iter().find(|(_, state)| all(state) == found);
            fits.map(|(commits, _)| *commits)
        };
        commits = match (matching(&held), matching(&with_it)) {
            (Some(commits), _) => {
                assert!(!lines.contains(&"finished".to_owned()), "a load is lost");
                commits
            }
            (None, Some(commits)) => {
                held = with_it;
                loads += 1;
                commits
            }
            (None, None) => panic!("kill {kill} after commit {last}: {lines:?}"),
        };
    }
    assert!(commits > 0 && loads > 0, "{commits} commits, {loads} loads");
}

/// Killed at moments spread over the time that creating a store takes: what is left opens, and holds the commits that
/// were made, if any.
pub(crate) fn a_killed_creation_can_be_done_again<F: Factory>(backend: &str, factory: &F) {
    let started = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    drop(start(backend, "commit", 0, folder.path()));
    let duration = started.elapsed();
    for kill in 0..2 * KILLS {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let writer = spawn(backend, "commit", 0, folder);
        std::thread::sleep(duration.mul_f64((kill as f64 + 0.5) / (2 * KILLS) as f64));
        let last = last_said(writer, "").parse().unwrap_or(0);
        let found = left(factory, folder);
        let commits = if found == state(last) { last } else { last + 1 };
        assert!(found == state(commits), "kill {kill} after commit {last}");
    }
}
