//! What persistent backends share about their folders: who owns one, what it takes on disk, whether it is empty.
//!
//! What always holds: ownership is a lock of the operating system on an open file, so it ends with the process that
//! holds it, however that ends; what the file says serves people who read the error.

use crate::{ErrorKind, StorageError, StorageResult};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind as IoErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// A lock on a file, held until dropped.
#[derive(Debug)]
pub struct StoreLock {
    file: File,
    exclusive: bool,
}

impl StoreLock {
    /// Takes the exclusive lock of a file, which is created when absent, and writes the owner into it.
    ///
    /// What a dead owner left in the file is overwritten: its lock ended with it.
    ///
    /// # Errors
    /// `Locked` when somebody holds it, naming the process; `Io` when the file cannot be opened.
    pub fn exclusive(path: &Path) -> StorageResult<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(|error| cannot(path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(locked(path, &mut file)),
            Err(TryLockError::Error(error)) => return Err(cannot(path, error)),
        }
        write_owner(&mut file).map_err(|error| cannot(path, error))?;
        Ok(Self {
            file,
            exclusive: true,
        })
    }

    /// Takes a shared lock of a file that exists; nothing is written.
    ///
    /// # Errors
    /// `Locked` when somebody holds it exclusively; `NotFound`, `Io` when the file cannot be opened.
    pub fn shared(path: &Path) -> StorageResult<Self> {
        let mut file = File::open(path).map_err(|error| cannot(path, error))?;
        match file.try_lock_shared() {
            Ok(()) => Ok(Self {
                file,
                exclusive: false,
            }),
            Err(TryLockError::WouldBlock) => Err(locked(path, &mut file)),
            Err(TryLockError::Error(error)) => Err(cannot(path, error)),
        }
    }
}

impl Drop for StoreLock {
    fn drop(&mut self) {
        // An empty file means "nobody"; whether emptying it succeeds changes nothing about the lock.
        if self.exclusive {
            let _ = self.file.set_len(0);
        }
        let _ = self.file.unlock();
    }
}

fn cannot(path: &Path, error: std::io::Error) -> StorageError {
    StorageError::from_io(format!("cannot lock {}", path.display()), error)
}

fn locked(path: &Path, file: &mut File) -> StorageError {
    let mut owner = String::new();
    let _ = file.take(1024).read_to_string(&mut owner);
    let own = format!("pid {} ", std::process::id());
    let message = match owner.trim() {
        "" => format!("{} is in use by another process", path.display()),
        owner if owner.starts_with(&own) && owner.contains(&host()) => format!(
            "{} is in use by this process already: its backend, or a snapshot or cursor of it",
            path.display()
        ),
        owner => format!("{} is in use by {owner}", path.display()),
    };
    StorageError::new(ErrorKind::Locked, message)
}

fn write_owner(file: &mut File) -> std::io::Result<()> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(
        file,
        "pid {} on host {}, since {since} seconds after 1970",
        std::process::id(),
        host()
    )
}

fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = name.or_else(|| std::env::var("HOSTNAME").ok());
    let name = name.or_else(|| std::env::var("COMPUTERNAME").ok());
    name.map_or_else(|| "unknown".to_owned(), |name| name.trim().to_owned())
}

/// Bytes of the disk blocks that the files in a folder occupy, its sub-folders included.
///
/// Sparse files count with what is allocated; where the operating system does not tell, with their length. A file
/// that vanishes meanwhile counts nothing.
///
/// # Errors
/// `NotFound`, `Io`.
pub fn allocated_bytes(folder: &Path) -> StorageResult<u64> {
    fn sum(folder: &Path) -> std::io::Result<u64> {
        let mut bytes = 0;
        for item in fs::read_dir(folder)? {
            let item = item?;
            match item.metadata() {
                Ok(metadata) if metadata.is_dir() => bytes += sum(&item.path())?,
                Ok(metadata) => bytes += allocated(&metadata),
                Err(error) if error.kind() == IoErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(bytes)
    }
    sum(folder)
        .map_err(|error| StorageError::from_io(format!("cannot read {}", folder.display()), error))
}

#[cfg(unix)]
fn allocated(metadata: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    metadata.blocks() * 512
}

#[cfg(not(unix))]
fn allocated(metadata: &fs::Metadata) -> u64 {
    metadata.len()
}

/// Makes the names in a folder durable, so that a file created there is found after loss of power.
///
/// Only Unix can, and needs to.
///
/// # Errors
/// `NotFound`, `Io`.
pub fn sync_folder(folder: &Path) -> StorageResult<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    File::open(folder)
        .and_then(|opened| opened.sync_all())
        .map_err(|error| StorageError::from_io(format!("cannot sync {}", folder.display()), error))
}

/// Makes the names in a folder durable, and its own, as a new store needs.
///
/// # Errors
/// `NotFound`, `Io`.
pub fn sync_with_parent(folder: &Path) -> StorageResult<()> {
    sync_folder(folder)?;
    let parent = folder
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    sync_folder(parent.unwrap_or(Path::new(".")))
}

/// Creates a folder, and its parents, or accepts one that is empty.
///
/// # Errors
/// `Misuse` when it holds something or is a file, `Full`, `Io`.
pub fn prepare_empty_folder(folder: &Path) -> StorageResult<()> {
    let cannot =
        |error| StorageError::from_io(format!("cannot create {}", folder.display()), error);
    if folder.exists() {
        let holds_something = match fs::read_dir(folder) {
            Ok(mut items) => items.next().is_some(),
            Err(error) if error.kind() == IoErrorKind::NotADirectory => true,
            Err(error) => return Err(cannot(error)),
        };
        if holds_something {
            let message = format!("{} is not an empty folder", folder.display());
            return Err(StorageError::misuse(message));
        }
    }
    fs::create_dir_all(folder).map_err(cannot)
}
