//! The table of readers, read from LMDB's lock file: which commit the oldest snapshot of any process sees.
//!
//! What flows in: the lock file. What flows out: the commit, or that it cannot be told. What always holds:
//! nothing is written, and the file stays open for as long as the environment; a table of another layout than the one known here is not guessed at.
//!
//! ```text
//! 0 magic · 4 format · 8 last commit · 16 slots in use · … · 128 slots of 64 bytes: 0 commit · 8 process · …
//! ```

use crate::pages::{MAGIC, u32_at, u64_at};
use quadrille_backend::{StorageError, StorageResult};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// LMDB's signature of the layout on 64-bit x86 Linux: it names the sizes of locks, processes and slots.
const FORMAT: u32 = 0x2c2f_6002;
const HEAD_BYTES: usize = 128;
const SLOT_BYTES: usize = 64;
/// More slots than anybody sets; what a damaged table says is not believed.
const SLOTS_MAX: u32 = 1 << 20;
/// The commit of a slot whose process has no snapshot open.
const IDLE: u64 = u64::MAX;

/// Who reads, as far as the table tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Readers {
    /// The layout is not known, or there is no table.
    Unknown,
    /// No snapshot is open.
    None,
    /// The oldest snapshot sees this commit.
    Oldest(u64),
}

/// The lock file, open for as long as the environment: when a process closes any descriptor of a file, the operating
/// system drops all its locks on it, and by those LMDB knows who lives.
#[derive(Debug)]
pub(crate) struct Table(Option<Mutex<File>>);

impl Table {
    /// Opens the table of an environment that is open, to be dropped after it.
    pub(crate) fn open(lock_file: &Path) -> Self {
        // A process that may not read it, or a store without, cannot tell.
        Self(File::open(lock_file).ok().map(Mutex::new))
    }

    /// Reads the table.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) fn oldest(&self) -> StorageResult<Readers> {
        let Some(file) = &self.0 else {
            return Ok(Readers::Unknown);
        };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        oldest(&mut file)
            .map_err(|error| StorageError::from_io("cannot read the table of readers", error))
    }
}

fn oldest(file: &mut File) -> std::io::Result<Readers> {
    file.seek(SeekFrom::Start(0))?;
    let mut table = vec![0; HEAD_BYTES];
    if !filled(file, &mut table)? {
        return Ok(Readers::Unknown);
    }
    let slots = u32_at(&table, 16).filter(|slots| *slots <= SLOTS_MAX);
    let known = u32_at(&table, 0) == Some(MAGIC) && u32_at(&table, 4) == Some(FORMAT);
    let (true, Some(slots)) = (known, slots) else {
        return Ok(Readers::Unknown);
    };
    let mut oldest = Readers::None;
    let mut slot = [0; SLOT_BYTES];
    for _ in 0..slots {
        if !filled(file, &mut slot)? {
            return Ok(Readers::Unknown);
        }
        let commit = u64_at(&slot, 0).filter(|commit| *commit != IDLE);
        let process = u32_at(&slot, 8).filter(|process| *process != 0);
        let (Some(commit), Some(_)) = (commit, process) else {
            continue;
        };
        oldest = match oldest {
            Readers::Oldest(before) => Readers::Oldest(before.min(commit)),
            _ => Readers::Oldest(commit),
        };
    }
    Ok(oldest)
}

/// Fills the buffer; whether the file was long enough.
fn filled(file: &mut File, buffer: &mut [u8]) -> std::io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
