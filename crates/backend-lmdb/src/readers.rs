//! The table of readers, read from LMDB's lock file: which commit the oldest snapshot of any process sees.
//!
//! What flows in: the lock file. What flows out: the commit, or that it cannot be told. What always holds: the file is
//! read by position and nothing is written; a table of another layout than the one known here is not guessed at.
//!
//! ```text
//! 0 magic · 4 format · 8 last commit · 16 slots in use · … · 128 slots of 64 bytes: 0 commit · 8 process · …
//! ```

use crate::pages::{MAGIC, u32_at, u64_at};
use quadrille_backend::{StorageError, StorageResult};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

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

/// Reads the table.
///
/// # Errors
/// `Io`.
pub(crate) fn oldest(lock_file: &Path) -> StorageResult<Readers> {
    let failed = |error| StorageError::from_io("cannot read the table of readers", error);
    let mut file = match File::open(lock_file) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Readers::Unknown),
        Err(error) => return Err(failed(error)),
    };
    let mut table = vec![0; HEAD_BYTES];
    if !filled(&mut file, &mut table).map_err(failed)? {
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
        if !filled(&mut file, &mut slot).map_err(failed)? {
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
