//! The seal: what the files of a database were when a process put it down in good order.
//!
//! A log or a manifest that lost its end looks to RocksDB like one whose last record was being written in a crash, and
//! it leaves that record out. The seal tells the two apart: whoever has the store open for writing leaves it behind as
//! the last act, and takes it away before the first. After a crash there is none, and RocksDB recovers by its own rules.
//!
//! It holds a line for each file that counts: name, length and, but for tables, which carry checksums of their own,
//! an XXH3 of the contents; then a line with the XXH3 of all lines before. One that is not whole says nothing.

use quadrille_backend::{StorageError, StorageResult, sync_folder};
use std::fs;
use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

/// The name of the seal in the folder of a store.
pub(crate) const SEAL_FILE: &str = "files.seal";

/// Leaves a seal behind when dropped, unless something went wrong before.
#[derive(Debug)]
pub(crate) struct SealOnDrop {
    folder: PathBuf,
    database: PathBuf,
    /// Whether all that was written is on the disk; a seal must never outlive what it speaks of.
    pub(crate) synced: bool,
}

impl SealOnDrop {
    pub(crate) fn new(folder: &Path, database: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            database: database.to_owned(),
            synced: false,
        }
    }
}

impl Drop for SealOnDrop {
    fn drop(&mut self) {
        // Without a seal the store is as after a crash, which is no reason to fail.
        if self.synced
            && let Ok(text) = describe(&self.database)
        {
            let _ = fs::write(self.folder.join(SEAL_FILE), text);
        }
    }
}

/// The lines of a seal for the files as they are.
fn describe(database: &Path) -> std::io::Result<String> {
    let mut lines = Vec::new();
    for item in fs::read_dir(database)? {
        let item = item?;
        let name = item.file_name().to_string_lossy().into_owned();
        let table = name.ends_with(".sst");
        let counts =
            table || name == "CURRENT" || name.starts_with("MANIFEST-") || name.ends_with(".log");
        if !counts {
            continue;
        }
        let length = item.metadata()?.len();
        let checksum = match table {
            true => 0,
            false => xxh3_64(&fs::read(item.path())?),
        };
        lines.push(format!("{name} {length} {checksum:016x}\n"));
    }
    lines.sort();
    let text = lines.concat();
    let checksum = xxh3_64(text.as_bytes());
    Ok(format!("{text}seal {checksum:016x}\n"))
}

/// The seal of a folder, if there is a whole one.
fn read(folder: &Path) -> StorageResult<Option<String>> {
    let path = folder.join(SEAL_FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let message = format!("cannot read {}", path.display());
            return Err(StorageError::from_io(message, error));
        }
    };
    let whole = String::from_utf8(bytes).ok().filter(|text| {
        let Some((lines, last)) = text.rsplit_once("seal ") else {
            return false;
        };
        last == format!("{:016x}\n", xxh3_64(lines.as_bytes()))
    });
    Ok(whole)
}

/// Refuses files that are not as they were when the store was put down.
pub(crate) fn check(folder: &Path, database: &Path) -> StorageResult<()> {
    let Some(sealed) = read(folder)? else {
        return Ok(());
    };
    let found = describe(database);
    if found.as_ref().is_ok_and(|found| *found == sealed) {
        return Ok(());
    }
    // A process that opened the store meanwhile took the seal away first.
    if read(folder)?.is_none_or(|now| now != sealed) {
        return Ok(());
    }
    let found = found.map_err(|error| {
        StorageError::from_io(format!("cannot read {}", database.display()), error)
    })?;
    let gone = sealed
        .lines()
        .find(|line| !found.lines().any(|l| l == *line));
    let new = found
        .lines()
        .find(|line| !sealed.lines().any(|l| l == *line));
    let name = gone.or(new).and_then(|line| line.split(' ').next());
    let message = format!(
        "{} in {} is not as it was when the store was closed (who means to open it as it is removes {SEAL_FILE})",
        name.unwrap_or_default(),
        database.display()
    );
    Err(StorageError::corrupted(message))
}

/// Takes the seal away, before anything is changed.
pub(crate) fn remove(folder: &Path) -> StorageResult<()> {
    let path = folder.join(SEAL_FILE);
    match fs::remove_file(&path) {
        Ok(()) => sync_folder(folder),
        Err(error) if error.kind() == IoErrorKind::NotFound => Ok(()),
        Err(error) => {
            let message = format!("cannot remove {}", path.display());
            Err(StorageError::from_io(message, error))
        }
    }
}
