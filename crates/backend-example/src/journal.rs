//! The file: a record for each commit, appended; read whole when the store is opened.
//!
//! A record is the place where it begins, the length of the changes, they themselves, and their checksum. A commit waits
//! for the disk before the next begins, so that a crash leaves at most one record that is not whole, at the end: it was
//! never committed, and is cut off. One with a whole record behind it is damaged. While the store is closed a second file
//! holds the length of the first, which must be so long: after a crash it is missing, and damage to the last record then
//! passes for a commit that never was.

use quadrille_backend::{
    ErrorKind, Keyspace, StorageError, StorageResult, sync_folder, sync_with_parent,
};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

/// The entries of one keyspace.
pub(crate) type Entries = BTreeMap<Vec<u8>, Arc<[u8]>>;
/// All keyspaces at one commit.
pub(crate) type Keyspaces = BTreeMap<Keyspace, Arc<Entries>>;

const JOURNAL: &str = "journal";
const LENGTH: &str = "journal.length";
const NEW: &str = "journal.new";
/// All that may lie in the folder: the journal, its length, and what is to replace one of them.
pub(crate) const FILES: [&str; 3] = [JOURNAL, LENGTH, NEW];

/// What is done to a keyspace, or to a key of it; written as its number.
#[derive(Clone, Copy)]
pub(crate) enum Change {
    Create,
    Drop,
    Put,
    Delete,
}

/// The error of the operating system, with what was tried and where.
pub(crate) fn cannot(what: &str, path: &Path) -> impl FnOnce(std::io::Error) -> StorageError {
    let message = format!("cannot {what} {}", path.display());
    move |error| StorageError::from_io(message, error)
}

fn missing(at: &Keyspace) -> StorageError {
    StorageError::new(ErrorKind::NotFound, "there is no such keyspace").in_keyspace(at)
}

/// The entries of a keyspace.
pub(crate) fn find<'a>(state: &'a Keyspaces, at: &Keyspace) -> StorageResult<&'a Arc<Entries>> {
    state.get(at).ok_or_else(|| missing(at))
}

/// Makes a change; one of a whole keyspace has neither key nor value.
pub(crate) fn apply(
    state: &mut Keyspaces,
    (change, at, key, value): (Change, &Keyspace, &[u8], &[u8]),
) -> StorageResult<()> {
    match (change, state.get_mut(at)) {
        (Change::Create, None) => drop(state.insert(at.clone(), Arc::default())),
        (Change::Create, Some(_)) => {
            return Err(StorageError::misuse("the keyspace exists already").in_keyspace(at));
        }
        (_, None) => return Err(missing(at)),
        (Change::Drop, Some(_)) => drop(state.remove(at)),
        (Change::Put, Some(entries)) => {
            drop(Arc::make_mut(entries).insert(key.to_vec(), value.into()));
        }
        (Change::Delete, Some(entries)) => drop(Arc::make_mut(entries).remove(key)),
    }
    Ok(())
}

/// Writes a change behind others: its number, then the length and the bytes of the name, the key and the value.
pub(crate) fn add(
    changes: &mut Vec<u8>,
    (change, at, key, value): (Change, &Keyspace, &[u8], &[u8]),
) {
    changes.push(change as u8);
    for part in [at.as_str().as_bytes(), key, value] {
        changes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        changes.extend_from_slice(part);
    }
}

/// Cuts a length and so many bytes off the front.
fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let part;
    (part, *rest) = after.split_at_checked(length)?;
    Some(part)
}

/// Makes the first of some written changes; `None` when it is none, or cannot be made.
fn redo(state: &mut Keyspaces, rest: &mut &[u8]) -> Option<()> {
    let number;
    (number, *rest) = rest.split_first()?;
    let all = [Change::Create, Change::Drop, Change::Put, Change::Delete];
    let change = *all.get(usize::from(*number))?;
    let at = Keyspace::new(std::str::from_utf8(take(rest)?).ok()?).ok()?;
    apply(state, (change, &at, take(rest)?, take(rest)?)).ok()
}

/// The 64-bit FNV-1a hash: enough to know a record that was not written to its end.
fn checksum(bytes: &[u8]) -> [u8; 8] {
    let add = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, add);
    hash.to_le_bytes()
}

/// What a record holds beside the changes.
const RECORD_BYTES: usize = 24;

/// The changes of the record that begins at a place; `None` without a whole one. Few other bytes tell their own place, not
/// even those of a journal that somebody keeps in the store.
fn record(bytes: &[u8], place: usize) -> Option<&[u8]> {
    let (told, mut rest) = bytes.get(place..)?.split_first_chunk()?;
    if *told != (place as u64).to_le_bytes() {
        return None;
    }
    let changes = take(&mut rest)?;
    let (sum, _) = rest.split_first_chunk()?;
    (*sum == checksum(changes)).then_some(changes)
}

/// The state after all whole records, and the bytes that those take.
fn replay(bytes: &[u8]) -> StorageResult<(Keyspaces, u64)> {
    let (mut state, mut end) = (Keyspaces::new(), 0);
    while let Some(mut changes) = record(bytes, end) {
        end += changes.len() + RECORD_BYTES;
        while !changes.is_empty() {
            let damaged = || StorageError::corrupted("the journal holds what is no change");
            redo(&mut state, &mut changes).ok_or_else(damaged)?;
        }
    }
    if (end + 1..bytes.len()).any(|place| record(bytes, place).is_some()) {
        let message = "the journal has commits behind one that is damaged";
        return Err(StorageError::corrupted(message));
    }
    Ok((state, end as u64))
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
        let (path, sealed) = (folder.join(JOURNAL), folder.join(LENGTH));
        let fresh = !path.exists();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&path).map_err(cannot("open", &path))?;
        let (state, end) = replay(&fs::read(&path).map_err(cannot("read", &path))?)?;
        if sealed.exists() {
            let length = fs::read(&sealed).map_err(cannot("read", &sealed))?;
            if length != end.to_le_bytes() {
                let message = "the journal is not as long as when the store was closed";
                return Err(StorageError::corrupted(message));
            }
            fs::remove_file(&sealed).map_err(cannot("remove", &sealed))?;
        }
        file.set_len(end).map_err(cannot("cut", &path))?;
        match fresh {
            true => sync_with_parent(folder)?,
            false => sync_folder(folder)?,
        }
        Ok((Self { file, end }, state))
    }

    /// Appends the changes of one commit, and waits for the disk.
    pub(crate) fn append(&mut self, changes: &[u8]) -> StorageResult<()> {
        let length = (changes.len() as u64).to_le_bytes();
        let place = self.end.to_le_bytes();
        let record = [&place, &length, changes, &checksum(changes)].concat();
        let written = self
            .file
            .seek(SeekFrom::Start(self.end))
            .and_then(|_| self.file.write_all(&record))
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // A part must not be taken for a commit later; where even this fails, the next commit overwrites it.
            let _ = self.file.set_len(self.end);
            return Err(cannot("write", Path::new(JOURNAL))(error));
        }
        self.end += record.len() as u64;
        Ok(())
    }

    /// Notes the length of what is whole, when the store is closed.
    pub(crate) fn seal(&self, folder: &Path) -> StorageResult<()> {
        // Under its name there is never a part of it, for which the store would be refused.
        let path = folder.join(NEW);
        let written = File::create(&path).and_then(|mut file| {
            file.write_all(&self.end.to_le_bytes())?;
            file.sync_all()
        });
        written.map_err(cannot("write", &path))?;
        fs::rename(&path, folder.join(LENGTH)).map_err(cannot("rename", &path))?;
        sync_folder(folder)
    }

    /// Writes a journal of nothing but a state, in the place of the one in the folder, if there is one.
    pub(crate) fn write_anew(folder: &Path, state: &Keyspaces) -> StorageResult<Self> {
        let mut changes = Vec::new();
        for (at, entries) in state {
            add(&mut changes, (Change::Create, at, &[], &[]));
            for (key, value) in entries.iter() {
                add(&mut changes, (Change::Put, at, key, value));
            }
        }
        let path = folder.join(NEW);
        let file = File::create(&path).map_err(cannot("create", &path))?;
        let mut journal = Self { file, end: 0 };
        journal.append(&changes)?;
        fs::rename(&path, folder.join(JOURNAL)).map_err(cannot("rename", &path))?;
        Ok(journal)
    }
}
