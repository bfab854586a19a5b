//! The file: records of changes, appended; read whole when the store is opened.
//!
//! Beside it, while the store is closed, lies a second file with the length of the first. After a crash it is missing,
//! and a record that is not whole was never committed; where it is there, the journal must be as long as it says.

use quadrille_backend::{Keyspace, StorageError, StorageResult, sync_folder};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

/// The entries of one keyspace.
pub(crate) type Entries = BTreeMap<Vec<u8>, Arc<[u8]>>;
/// All keyspaces at one commit.
pub(crate) type Keyspaces = BTreeMap<Keyspace, Arc<Entries>>;

const FILE: &str = "journal";
const FILE_NEW: &str = "journal.new";
const FILE_LENGTH: &str = "journal.length";
/// A record begins with the checksum of its changes, then come their length, in eight bytes, and they themselves.
const CHECKSUM_BYTES: usize = 8;

/// The sorts of changes, each with its parts: the keyspace, then the key, then the value.
pub(crate) const CREATE: u8 = 1;
pub(crate) const DROP: u8 = 2;
pub(crate) const DELETE: u8 = 3;
pub(crate) const PUT: u8 = 4;

/// Adds a change to those of a commit.
pub(crate) fn add_change(changes: &mut Vec<u8>, sort: u8, parts: &[&[u8]]) {
    changes.push(sort);
    for part in parts {
        changes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        changes.extend_from_slice(part);
    }
}

/// The error of the operating system, with what was tried.
pub(crate) fn cannot(what: &'static str) -> impl Fn(std::io::Error) -> StorageError {
    move |error| StorageError::from_io(format!("cannot {what} the journal"), error)
}

/// The 64-bit FNV-1a hash: enough to know a record that was not written to its end.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Cuts a length and so many bytes off the front.
fn take_part<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (part, after) = after.split_at_checked(length)?;
    *rest = after;
    Some(part)
}

/// Does one change; `None` when the bytes are no change.
fn redo(state: &mut Keyspaces, rest: &mut &[u8]) -> Option<()> {
    let (sort, after) = rest.split_first()?;
    *rest = after;
    let name = std::str::from_utf8(take_part(rest)?).ok()?;
    let keyspace = Keyspace::new(name).ok()?;
    match *sort {
        CREATE => drop(state.insert(keyspace, Arc::default())),
        DROP => drop(state.remove(&keyspace)),
        DELETE => drop(Arc::make_mut(state.get_mut(&keyspace)?).remove(take_part(rest)?)),
        PUT => {
            let key = take_part(rest)?.to_vec();
            Arc::make_mut(state.get_mut(&keyspace)?).insert(key, take_part(rest)?.into());
        }
        _ => return None,
    }
    Some(())
}

/// The changes of the record that the bytes begin with, if it is whole.
fn first_record(bytes: &[u8]) -> Option<&[u8]> {
    let (sum, mut rest) = bytes.split_first_chunk::<CHECKSUM_BYTES>()?;
    let changes = take_part(&mut rest)?;
    (checksum(changes) == u64::from_le_bytes(*sum)).then_some(changes)
}

/// The state after all whole records, and the bytes that those take.
fn replay(bytes: &[u8]) -> StorageResult<(Keyspaces, u64)> {
    let (mut state, mut end) = (Keyspaces::new(), 0);
    while let Some(mut changes) = first_record(&bytes[end..]) {
        end += record_bytes(changes);
        while !changes.is_empty() {
            let damaged = || StorageError::corrupted("the journal holds what is no change");
            redo(&mut state, &mut changes).ok_or_else(damaged)?;
        }
    }
    Ok((state, end as u64))
}

fn record_bytes(changes: &[u8]) -> usize {
    CHECKSUM_BYTES + 8 + changes.len()
}

/// Compares the journal with the length that was noted when the store was closed, and removes the note.
fn check_length(folder: &Path, end: u64) -> StorageResult<()> {
    let path = folder.join(FILE_LENGTH);
    match fs::read(&path) {
        Ok(noted) if noted == end.to_le_bytes() => {
            fs::remove_file(&path).map_err(cannot("begin to write"))
        }
        Ok(_) => Err(StorageError::corrupted(
            "the journal is not as long as when the store was closed",
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(cannot("read the length of")(error)),
    }
}

/// The open file.
pub(crate) struct Journal {
    file: File,
    /// Where the next record goes. What a failed commit left there is overwritten.
    end: u64,
}

impl Journal {
    /// Opens the journal in a folder, or begins one; what it holds.
    pub(crate) fn open(folder: &Path) -> StorageResult<(Self, Keyspaces)> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let path = folder.join(FILE);
        let file = options.open(&path).map_err(cannot("open"))?;
        let bytes = fs::read(&path).map_err(cannot("read"))?;
        let (state, end) = replay(&bytes)?;
        check_length(folder, end)?;
        file.set_len(end).map_err(cannot("cut"))?;
        sync_folder(folder)?;
        Ok((Self { file, end }, state))
    }

    /// Appends the changes of one commit, and waits for the disk.
    pub(crate) fn append(&mut self, changes: &[u8]) -> StorageResult<()> {
        let mut record = checksum(changes).to_le_bytes().to_vec();
        record.extend_from_slice(&(changes.len() as u64).to_le_bytes());
        record.extend_from_slice(changes);
        let written = self
            .file
            .seek(SeekFrom::Start(self.end))
            .and_then(|_| self.file.write_all(&record))
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // What was written in part must not be taken for a commit later; if even this fails, the next overwrites it.
            let _ = self.file.set_len(self.end);
            return Err(cannot("write")(error));
        }
        self.end += record.len() as u64;
        Ok(())
    }

    /// Notes the length, so that a journal that is cut off or lost while the store is closed is told from a crash.
    pub(crate) fn seal(&self, folder: &Path) -> StorageResult<()> {
        fs::write(folder.join(FILE_LENGTH), self.end.to_le_bytes())
            .map_err(cannot("note the length of"))?;
        sync_folder(folder)
    }

    /// Writes a journal of nothing but a state, in the place of the one in the folder.
    pub(crate) fn write_anew(folder: &Path, state: &Keyspaces) -> StorageResult<Self> {
        let mut changes = Vec::new();
        for (keyspace, entries) in state {
            let name = keyspace.as_str().as_bytes();
            add_change(&mut changes, CREATE, &[name]);
            for (key, value) in entries.iter() {
                add_change(&mut changes, PUT, &[name, key, value]);
            }
        }
        let path = folder.join(FILE_NEW);
        let file = File::create(&path).map_err(cannot("create"))?;
        let mut journal = Self { file, end: 0 };
        journal.append(&changes)?;
        fs::rename(&path, folder.join(FILE)).map_err(cannot("replace"))?;
        sync_folder(folder)?;
        Ok(journal)
    }
}

/// Removes the files of a journal.
pub(crate) fn remove(folder: &Path) -> StorageResult<()> {
    for name in [FILE, FILE_NEW, FILE_LENGTH] {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(cannot("remove")(error));
            }
            _ => {}
        }
    }
    Ok(())
}
