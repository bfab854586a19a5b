//! What another process does between two steps of this one.
//!
//! The other process is this program again, told by its environment to run one test and there to be the other one.

use super::{Engine, Mode, SLOT_COUNT_KEY, open_environment, open_first_handles};
use crate::map::Map;
use crate::read::{Commit, KeptCommits};
use crate::{LmdbBackend, LmdbOptions};
use heed::EnvFlags;
use quadrille_backend::{Durability, ErrorKind, Keyspace, StorageBackend, StorageResult, Wait};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

const FOLDER: &str = "QUADRILLE_LMDB_FOLDER";
/// The map of the process that reads, at first.
const SMALL_BYTES: usize = 1 << 20;

fn birds() -> Keyspace {
    Keyspace::new("birds").expect("a legal name")
}

/// A small store in a folder of its own.
fn small_store() -> StorageResult<TempDir> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let backend = LmdbBackend::open(folder.path())?;
    backend.create_keyspace(&birds())?;
    backend.put(&birds(), b"emu", b"tall")?;
    backend.close()?;
    Ok(folder)
}

/// The folder that this process is to work in, when it is the other one.
fn order() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Runs a test of this file as the other process, to its end.
fn run_other(test: &str, folder: &Path) {
    let program = std::env::current_exe().expect("this program has a path");
    let ended = Command::new(program)
        .args(["--exact", &format!("engine::tests::{test}")])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .status();
    assert!(ended.expect("a process").success());
}

/// Adds more keyspaces than there are slots, and more data than the reader maps.
fn outgrow(folder: &Path) -> StorageResult<()> {
    let backend = LmdbBackend::open(folder)?;
    for nth in 0..20 {
        backend.create_keyspace(&Keyspace::new(&format!("k{nth}"))?)?;
    }
    backend.put(&birds(), b"emu", &vec![1; 2 * SMALL_BYTES])?;
    backend.close()
}

fn small_map() -> LmdbOptions {
    LmdbOptions::new().map_bytes(SMALL_BYTES)
}

fn check(engine: &Engine) -> StorageResult<()> {
    assert_eq!(engine.slot_count(), 32);
    let commit = Commit::new(engine.begin_read()?);
    let bytes = commit.get(engine, &birds(), b"emu", <[u8]>::len)?;
    assert_eq!(bytes, Some(2 * SMALL_BYTES));
    Ok(())
}

/// A commit that shows new slots is followed by one that outgrows the map before their handles are opened.
#[test]
fn the_map_is_outgrown_before_new_slots_are_opened() -> StorageResult<()> {
    if let Some(folder) = order() {
        return outgrow(&folder);
    }
    let folder = small_store()?;
    let engine = Engine::open(folder.path(), &small_map(), Mode::Read)?;
    assert_eq!(engine.slot_count(), 16);
    run_other(
        "the_map_is_outgrown_before_new_slots_are_opened",
        folder.path(),
    );
    engine.open_new_slots()?;
    check(&engine)
}

/// The same, while the store is opened.
#[test]
fn the_map_is_outgrown_before_the_first_handles_are_opened() -> StorageResult<()> {
    if let Some(folder) = order() {
        return outgrow(&folder);
    }
    let folder = small_store()?;
    let (environment, _) = open_environment(folder.path(), &small_map(), Mode::Read, None)?;
    let map = Map::new(&environment, &small_map());
    let kept = KeptCommits::new(&environment);
    run_other(
        "the_map_is_outgrown_before_the_first_handles_are_opened",
        folder.path(),
    );
    let handles = open_first_handles(&environment, &map, &kept)?;
    assert_eq!(handles.slots.len(), 32);
    Ok(())
}

/// A catalogue that tells of more slots than there are is an error, and nobody looks for them for ever.
#[test]
fn slots_that_are_not_there_are_damage() -> StorageResult<()> {
    let folder = small_store()?;
    let engine = Arc::new(Engine::open(folder.path(), &small_map(), Mode::Write)?);
    let mut transaction = engine.begin_write(Wait::Forever)?;
    let main = engine.main();
    let written = main.put(&mut transaction, SLOT_COUNT_KEY, &99_u32.to_le_bytes());
    written.expect("room for a row");
    transaction.commit()?;
    drop(engine);
    let engine = Engine::open(folder.path(), &small_map(), Mode::Read)?;
    let error = engine
        .begin_read()
        .map(drop)
        .expect_err("83 slots are missing");
    assert_eq!(error.kind(), ErrorKind::Corrupted, "{error}");
    Ok(())
}

/// What LMDB is told to wait for.
#[test]
fn each_durability_has_its_waits() -> StorageResult<()> {
    let waits = |options: LmdbOptions| {
        let folder = small_store()?;
        let engine = Engine::open(folder.path(), &options, Mode::Write)?;
        let flags = engine.environment.get_flags().expect("an open environment");
        let told = |flag: EnvFlags| flags & flag.bits() != 0;
        StorageResult::Ok((told(EnvFlags::NO_META_SYNC), told(EnvFlags::NO_SYNC)))
    };
    let of = |durability| LmdbOptions::new().durability(durability);
    assert_eq!(waits(LmdbOptions::new())?, (false, false));
    assert_eq!(waits(of(Durability::Durable))?, (false, false));
    assert_eq!(waits(of(Durability::Prefix))?, (true, false));
    assert_eq!(waits(of(Durability::Unsafe))?, (false, true));
    Ok(())
}
