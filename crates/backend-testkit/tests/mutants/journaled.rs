//! [`JournaledMutant`]: the journal backend of the example crate with one defect, or none, for what only files can break.
//!
//! What flows in: calls of the contract. What flows out: what the journal backend says, but for the one [`Defect`]. What
//! always holds: without a defect it is the journal backend.

use crate::defects::Defect;
use quadrille_backend::{
    Capabilities, Durability, EntrySource, Keyspace, StorageBackend, StorageError, StorageResult,
    StorageStats, Wait,
};
use quadrille_backend_example::{JournalBackend, JournalSnapshot, JournalTransaction};
use quadrille_backend_testkit::Factory;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The files of the journal backend.
const JOURNAL: &str = "journal";
const LENGTH: &str = "journal.length";
const LOCK: &str = "lock";

/// Opens mutants with one defect, or sound ones.
#[derive(Clone, Copy)]
pub(crate) struct JournaledMutants {
    pub(crate) defect: Option<Defect>,
}

/// A journal backend with one defect, or none.
pub(crate) struct JournaledMutant {
    inner: JournalBackend,
    folder: PathBuf,
    defect: Option<Defect>,
}

fn failed(error: std::io::Error) -> StorageError {
    StorageError::from_io("the mutant itself failed", error)
}

/// Removes a file that may be there.
fn remove(path: &Path) -> StorageResult<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
        _ => Ok(()),
    }
}

/// Beside the store of a mutant that forgets: the length of its journal that a killed process leaves behind.
fn kept_length(folder: &Path) -> PathBuf {
    folder.with_extension("kept")
}

/// Cuts the journal to what a process that was killed is to leave of it.
fn forget(folder: &Path) -> StorageResult<()> {
    let Ok(kept) = fs::read_to_string(kept_length(folder)) else {
        return Ok(());
    };
    let journal = File::options().write(true).open(folder.join(JOURNAL));
    let length = kept.parse().unwrap_or(0);
    journal
        .and_then(|journal| journal.set_len(length))
        .map_err(failed)
}

impl Factory for JournaledMutants {
    type Backend = JournaledMutant;

    fn open(&self, folder: &Path) -> StorageResult<JournaledMutant> {
        match self.defect {
            Some(Defect::FilesInTheWayAreReplaced) if folder.is_file() => remove(folder)?,
            Some(Defect::EverybodyIsTheWriter) => remove(&folder.join(LOCK))?,
            Some(Defect::CutOffFilesAreBelieved) => remove(&folder.join(LENGTH))?,
            Some(Defect::KilledProcessesLoseTheirCommits | Defect::FlushesDoNothing) => {
                forget(folder)?;
            }
            _ => {}
        }
        let inner = match JournalBackend::open(folder) {
            Err(_) if self.defect == Some(Defect::DamagedFilesEndTheProcess) => {
                std::process::exit(1)
            }
            inner => inner?,
        };
        let mutant = JournaledMutant {
            inner,
            folder: folder.to_owned(),
            defect: self.defect,
        };
        mutant.keep_what_is_there()?;
        Ok(mutant)
    }
}

impl JournaledMutant {
    fn is(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    fn forgets(&self) -> bool {
        self.is(Defect::KilledProcessesLoseTheirCommits) || self.is(Defect::FlushesDoNothing)
    }

    /// Notes how much of the journal outlives the process, where that is the defect.
    fn keep_what_is_there(&self) -> StorageResult<()> {
        if !self.forgets() {
            return Ok(());
        }
        let length = fs::metadata(self.folder.join(JOURNAL)).map_err(failed)?;
        let length = length.len().to_string();
        fs::write(kept_length(&self.folder), length).map_err(failed)
    }
}

impl StorageBackend for JournaledMutant {
    type Snapshot = JournalSnapshot;
    type Transaction<'a> = JournalTransaction<'a>;

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.inner.capabilities();
        if self.is(Defect::FlushesDoNothing) {
            // So that only flushing is promised, and nothing but the promise of a flush is broken.
            capabilities.durability = Durability::Prefix;
        }
        capabilities
    }

    fn keyspaces(&self) -> StorageResult<Vec<Keyspace>> {
        self.inner.keyspaces()
    }

    fn create_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        self.inner.create_keyspace(keyspace)
    }

    fn drop_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        self.inner.drop_keyspace(keyspace)
    }

    fn snapshot(&self) -> StorageResult<JournalSnapshot> {
        self.inner.snapshot()
    }

    fn begin_with(&self, wait: Wait) -> StorageResult<JournalTransaction<'_>> {
        self.inner.begin_with(wait)
    }

    fn ingest(&self, keyspace: &Keyspace, entries: &mut dyn EntrySource) -> StorageResult<u64> {
        self.inner.ingest(keyspace, entries)
    }

    fn flush(&self) -> StorageResult<()> {
        self.inner.flush()?;
        match self.is(Defect::FlushesDoNothing) {
            true => Ok(()),
            false => self.keep_what_is_there(),
        }
    }

    fn compact(&self) -> StorageResult<()> {
        match self.is(Defect::CompactingKeepsAllSpace) {
            true => self.inner.flush(),
            false => self.inner.compact(),
        }
    }

    fn stats(&self) -> StorageResult<StorageStats> {
        let mut stats = self.inner.stats()?;
        if self.is(Defect::DiskBytesAreNone) {
            stats.disk_bytes = 0;
        }
        if self.is(Defect::DiskBytesAreThoseOfTwo) {
            stats.disk_bytes *= 2;
        }
        Ok(stats)
    }

    fn keyspace_size(&self, keyspace: &Keyspace) -> StorageResult<(u64, u64)> {
        self.inner.keyspace_size(keyspace)
    }

    fn checkpoint(&self, folder: &Path) -> StorageResult<()> {
        if self.is(Defect::CheckpointsMakeRoom) && folder.is_dir() {
            fs::remove_dir_all(folder).map_err(failed)?;
        }
        self.inner.checkpoint(folder)?;
        if self.is(Defect::CheckpointsAreEmpty) {
            File::create(folder.join(JOURNAL)).map_err(failed)?;
        }
        Ok(())
    }

    fn close(&self) -> StorageResult<()> {
        self.inner.close()?;
        if self.is(Defect::SnapshotsLetTheStoreGo) {
            remove(&self.folder.join(LOCK))?;
        }
        match self.forgets() {
            true => remove(&kept_length(&self.folder)),
            false => Ok(()),
        }
    }

    fn destroy(&self) -> StorageResult<()> {
        match self.is(Defect::DestroyingLeavesTheFiles) {
            true => {
                self.inner.flush()?;
                self.close()
            }
            false => self.inner.destroy(),
        }
    }
}
