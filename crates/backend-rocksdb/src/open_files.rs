//! How many files a database may hold open, so that its process does not run out of them.
//!
//! What always holds: the budgets of all databases of the process fit its limit together, beside the files it had open
//! when the last of them was opened and a reserve of 64 for it; the soft limit is raised for them as far as the hard one
//! allows, and is never lowered.

use quadrille_backend::{ErrorKind, StorageError, StorageResult};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Files beside tables: logs, manifests, folders, those being written, and some for the program itself.
const RESERVE: u64 = 64;
/// Below this RocksDB would open and close files all the time.
const LEAST: u64 = 20;

/// What databases of this process may open in all; some of it they have open already.
static GRANTED: AtomicU64 = AtomicU64::new(0);

/// The table files that one database may have open at once.
#[derive(Debug)]
pub(crate) struct Budget {
    /// As RocksDB takes it: -1 is all files from the start.
    pub(crate) files: i32,
    granted: u64,
}

impl Budget {
    fn of(files: i32, granted: u64) -> Self {
        GRANTED.fetch_add(granted, Ordering::Relaxed);
        Self { files, granted }
    }
}

impl Drop for Budget {
    fn drop(&mut self) {
        GRANTED.fetch_sub(self.granted, Ordering::Relaxed);
    }
}

/// The budget when `wanted` files are asked for.
pub(crate) fn budget(wanted: u32) -> StorageResult<Budget> {
    let files = granted(wanted)?;
    Ok(Budget::of(i32::try_from(files).unwrap_or(i32::MAX), files))
}

fn granted(wanted: u32) -> StorageResult<u64> {
    let used = open_now() + GRANTED.load(Ordering::Relaxed);
    let limit = raised_limit(used + RESERVE + u64::from(wanted));
    let free = limit.saturating_sub(used + RESERVE);
    if free < LEAST {
        let message = format!(
            "the process may have {limit} files open, and {used} are open or promised to stores; a RocksDB store needs \
             {} more",
            RESERVE + LEAST
        );
        return Err(StorageError::new(ErrorKind::Full, message).during("open"));
    }
    Ok(free.min(wanted.into()))
}

/// The same for a process that only reads: -1, all files from the start, unless there are too many.
///
/// Files that a writer deletes stay readable only while open.
pub(crate) fn budget_of_reader(database: &Path, wanted: u32) -> StorageResult<Budget> {
    let items = fs::read_dir(database).into_iter().flatten().flatten();
    let tables = items.filter(|item| item.file_name().to_string_lossy().ends_with(".sst"));
    let tables = u32::try_from(tables.count()).unwrap_or(u32::MAX);
    let files = granted(wanted.max(tables))?;
    let all = files >= u64::from(tables);
    let limit = i32::try_from(files).unwrap_or(i32::MAX);
    Ok(Budget::of(if all { -1 } else { limit }, files))
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

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn databases_of_one_process_share_its_limit() -> StorageResult<()> {
        let limits = || rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let (first, second) = (budget(3000)?, budget(3000)?);
        let both = first.granted + second.granted;
        let soft = limits().current.unwrap_or(u64::MAX);
        assert!(soft >= both + RESERVE, "{soft} files for {both}");
        let could = limits().maximum.unwrap_or(u64::MAX) >= 7000;
        assert!(both == 6000 || !could, "{both} of 6000");
        Ok(())
    }
}
