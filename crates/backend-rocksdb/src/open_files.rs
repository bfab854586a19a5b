//! How many files a database may hold open, so that the process never runs out of them.
//!
//! What always holds: the budget given to RocksDB fits the limit of the process beside the files it has open already
//! and a reserve; the soft limit is raised for it as far as the hard one allows, and is never lowered.

use quadrille_backend::{ErrorKind, StorageError, StorageResult};
use std::fs;
use std::path::Path;

/// Files beside tables: logs, manifests, folders, those being written, and some for the program itself.
const RESERVE: u64 = 64;
/// Below this RocksDB would open and close files all the time.
const LEAST: u64 = 20;

/// The most table files that may be open at once, when `wanted` are asked for.
pub(crate) fn budget(wanted: u32) -> StorageResult<i32> {
    let used = open_now();
    let limit = raised_limit(used + RESERVE + u64::from(wanted));
    let free = limit.saturating_sub(used + RESERVE);
    if free < LEAST {
        let message = format!(
            "the process may have {limit} files open and has {used}; a RocksDB store needs {} more",
            RESERVE + LEAST
        );
        return Err(StorageError::new(ErrorKind::Full, message).during("open"));
    }
    Ok(i32::try_from(free.min(wanted.into())).unwrap_or(i32::MAX))
}

/// The same for a process that only reads: -1, all files from the start, unless there are too many.
///
/// Files that a writer deletes stay readable only while open.
pub(crate) fn budget_of_reader(database: &Path, wanted: u32) -> StorageResult<i32> {
    let items = fs::read_dir(database).into_iter().flatten().flatten();
    let tables = items.filter(|item| item.file_name().to_string_lossy().ends_with(".sst"));
    let tables = u32::try_from(tables.count()).unwrap_or(u32::MAX);
    let budget = budget(wanted.max(tables))?;
    let all = u32::try_from(budget).is_ok_and(|budget| budget >= tables);
    Ok(if all { -1 } else { budget })
}

/// How many files the process has open; none where the system does not tell.
fn open_now() -> u64 {
    fs::read_dir("/dev/fd").map_or(0, |items| items.count() as u64)
}

/// The limit of the process, which is first raised to `needed` where it is lower and may be raised.
#[cfg(unix)]
fn raised_limit(needed: u64) -> u64 {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limits = getrlimit(Resource::Nofile);
    let Some(soft) = limits.current else {
        return u64::MAX;
    };
    let raised = needed.min(limits.maximum.unwrap_or(u64::MAX));
    limits.current = Some(raised);
    if raised > soft && setrlimit(Resource::Nofile, limits).is_ok() {
        raised
    } else {
        soft
    }
}

/// Elsewhere the system's limit is far above any budget.
#[cfg(not(unix))]
fn raised_limit(_needed: u64) -> u64 {
    u64::MAX
}
