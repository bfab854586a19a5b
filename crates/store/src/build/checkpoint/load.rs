//! Loads that make checkpoints, and loads that go on from one.
//!
//! What flows in: a folder, and what the caller needs to know to go on. What flows out: a load in the state of the last
//! checkpoint, and what the caller gave then. What always holds: a load only goes on over the very commit that it began
//! on; the same calls after the checkpoint give the store that they would have given without the interruption.

use super::folder::{self, CheckpointFolder};
use super::manifest::{CommitMark, Manifest};
use crate::build::bulk::{BulkLoad, LoadReport, Shares};
use crate::build::generation::{empty_spill_of, spill_of};
use crate::build::interner::Record;
use crate::build::turn::BuildTurn;
use crate::context::ReadContext;
use crate::root::Root;
use crate::snapshot::Snapshot;
use crate::store::QuadStore;
use quadrille_backend::{ErrorKind, StorageBackend, StorageError, StorageResult};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What the last checkpoint in a folder tells.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Checkpoint {
    /// When it was made.
    pub made: SystemTime,
    /// The quads that had been added.
    pub quads_read: u64,
    /// What the caller gave to [`BulkLoad::checkpoint`].
    pub position: Vec<u8>,
}

/// What [`QuadStore::resume_bulk_load`] finds.
#[non_exhaustive]
pub enum ResumedLoad<'a, B: StorageBackend> {
    /// The folder holds no checkpoint.
    NoCheckpoint,
    /// The load, as it was when the checkpoint was made.
    UnderWay(Box<BulkLoad<'a, B>>, Checkpoint),
    /// The load had committed before it was interrupted: there is nothing left to do.
    Committed(LoadReport, Checkpoint),
}

impl Checkpoint {
    /// The last checkpoint in a folder, if there is one. Reads the manifest alone.
    ///
    /// # Errors
    /// `Corrupted` when it is damaged, `Unsupported` when another version of this program made it.
    pub fn read(folder: impl AsRef<Path>) -> StorageResult<Option<Self>> {
        let manifest = folder::read_manifest(folder.as_ref())?;
        Ok(manifest.as_ref().map(Self::of))
    }

    /// Deletes the checkpoint in a folder, damaged or not, and the folder with it unless it holds something else. Does
    /// nothing when there is none.
    ///
    /// # Errors
    /// `Locked` when a load is using it; what the file system fails with.
    pub fn remove(folder: impl AsRef<Path>) -> StorageResult<()> {
        folder::remove(folder.as_ref())
    }

    fn of(manifest: &Manifest) -> Self {
        let made = UNIX_EPOCH.checked_add(Duration::from_secs(manifest.made));
        Self {
            made: made.unwrap_or(UNIX_EPOCH),
            quads_read: manifest.quads_read,
            position: manifest.position.clone(),
        }
    }
}

impl<B: StorageBackend> QuadStore<B> {
    /// Begins a load as [`bulk_load_within`](Self::bulk_load_within) does, which can make checkpoints: its temporary files
    /// are in this folder, which is made in one that is there, and [`BulkLoad::checkpoint`] writes down which of them hold
    /// what has been added. If the process ends before the load does, [`resume_bulk_load`](Self::resume_bulk_load) goes on
    /// from the last checkpoint.
    ///
    /// A checkpoint that is in the folder already stays until this load makes one or ends. A load that ends well takes the
    /// folder away; one that is dropped does if it has made no checkpoint.
    ///
    /// # Errors
    /// As [`bulk_load`](Self::bulk_load); `Locked` when another load is using the folder; `Unsupported` for a store in
    /// memory, which ends with its process.
    pub fn bulk_load_in(
        &self,
        folder: impl AsRef<Path>,
        context: ReadContext,
    ) -> StorageResult<BulkLoad<'_, B>> {
        let begun = self.begin_in(folder.as_ref())?;
        BulkLoad::begin_in(self, begun, context)
    }

    /// Goes on with a load from the last checkpoint in a folder, whatever its memory or the number of cores were. The
    /// caller adds what came after; the same quads in the same order give the same store as if nothing had happened.
    ///
    /// # Errors
    /// As [`bulk_load_in`](Self::bulk_load_in). `Misuse` when the checkpoint is of a load into another store, or this one
    /// was written to since: [`Checkpoint::remove`] and a new load are what is left then. `Corrupted` when the checkpoint
    /// is damaged; damage to sorted quads is only found by [`BulkLoad::finish`]. `Unsupported` for the checkpoint of
    /// another version of this program.
    pub fn resume_bulk_load(
        &self,
        folder: impl AsRef<Path>,
        context: ReadContext,
    ) -> StorageResult<ResumedLoad<'_, B>> {
        if !folder.as_ref().exists() {
            return Ok(ResumedLoad::NoCheckpoint);
        }
        let begun = self.begin_in(folder.as_ref())?;
        let Some(manifest) = begun.folder.manifest() else {
            return Ok(ResumedLoad::NoCheckpoint);
        };
        let checkpoint = Checkpoint::of(&manifest);
        if let Some(report) = begun.committed(&manifest)? {
            return Ok(ResumedLoad::Committed(report, checkpoint));
        }
        let load = BulkLoad::resume(self, begun, context, manifest)?;
        Ok(ResumedLoad::UnderWay(Box::new(load), checkpoint))
    }

    fn begin_in(&self, folder: &Path) -> StorageResult<Begun<'_, B>> {
        if !self.inner.backend.capabilities().persistent {
            return Err(StorageError::new(
                ErrorKind::Unsupported,
                "a store in memory ends with its process, so a load into it cannot be resumed",
            ));
        }
        let (turn, base) = BuildTurn::begin(self)?;
        let folder = CheckpointFolder::open(folder)?;
        Ok(Begun { turn, base, folder })
    }
}

/// What a load needs that makes checkpoints.
struct Begun<'a, B: StorageBackend> {
    turn: BuildTurn<'a, B>,
    base: Snapshot<B>,
    folder: Arc<CheckpointFolder>,
}

impl<B: StorageBackend> Begun<'_, B> {
    /// What the load did, if it has committed; `None` when it is to go on.
    fn committed(&self, manifest: &Manifest) -> StorageResult<Option<LoadReport>> {
        let (now, before) = (&*self.base.inner.root, Root::decode(&manifest.base_root)?);
        if now.store_id != before.store_id {
            return Err(StorageError::misuse(
                "the checkpoint is of a load into another store",
            ));
        }
        if now.encode() == manifest.base_root {
            return Ok(None);
        }
        let is_seen = |mark: &&CommitMark| mark.is_seen_in(now);
        let Some(mark) = manifest.commit.as_ref().filter(is_seen) else {
            return Err(StorageError::misuse(
                "the store was written to after the load was interrupted, so the load cannot go on; it must begin anew",
            ));
        };
        Ok(Some(LoadReport {
            quads_read: mark.quads_read,
            quads_new: mark.quads.saturating_sub(before.quads),
            terms_new: mark.terms.saturating_sub(before.terms()),
        }))
    }
}

impl<'a, B: StorageBackend> BulkLoad<'a, B> {
    fn begin_in(
        store: &'a QuadStore<B>,
        begun: Begun<'a, B>,
        context: ReadContext,
    ) -> StorageResult<Self> {
        let shares = Shares::of(store, Some(&begun.folder));
        let record = Record {
            terms: spill_of(&begun.base, &shares.folder)?,
            hashes: shares.hashes(&context),
        };
        let quads = shares.quads(&context);
        let place = (begun.turn, begun.base);
        Self::over(store, place, context, shares, (record, quads))
    }

    fn resume(
        store: &'a QuadStore<B>,
        begun: Begun<'a, B>,
        context: ReadContext,
        manifest: Manifest,
    ) -> StorageResult<Self> {
        let shares = Shares::of(store, Some(&begun.folder));
        let mut record = Record {
            terms: empty_spill_of(&begun.base, shares.folder.clone()),
            hashes: shares.hashes(&context),
        };
        record.terms.resume(&manifest.terms)?;
        record.hashes.resume(&manifest.hashes)?;
        let mut quads = shares.quads(&context);
        quads.resume(&manifest.quads)?;
        let place = (begun.turn, begun.base);
        let mut load = Self::over(store, place, context, shares, (record, quads))?;
        load.interner.resume(
            manifest.next_ids,
            manifest.blanks,
            &manifest.ids,
            &manifest.tables,
        )?;
        load.read = manifest.quads_read;
        Ok(load)
    }

    /// Brings all that was added to the disk and writes down where it is, in the place of the checkpoint before. `position`
    /// is given back by [`QuadStore::resume_bulk_load`]; it is to tell the caller which quads come next.
    ///
    /// It costs writing and syncing what was added since the checkpoint before: 32 bytes a quad, 40 for a new term
    /// and its text, compressed; most of that goes to temporary files in a load that does not fit into its memory anyway.
    /// Later quads are sorted by themselves and merged at the end.
    ///
    /// # Errors
    /// As [`push`](Self::push); `Full` when the disk is full, and the checkpoint before stays; `Misuse` for a load that was
    /// not begun by [`QuadStore::bulk_load_in`] or [`QuadStore::resume_bulk_load`].
    pub fn checkpoint(&mut self, position: &[u8]) -> StorageResult<()> {
        self.add_pushed()?;
        self.unless_failed(|load| load.try_to_checkpoint(position))
    }

    fn try_to_checkpoint(&mut self, position: &[u8]) -> StorageResult<()> {
        let Some(folder) = self.checkpoints.clone() else {
            return Err(StorageError::misuse("this load makes no checkpoints"));
        };
        let state = self.interner.checkpoint()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        folder.replace(Manifest {
            made: now.map_or(0, |since| since.as_secs()),
            base_root: self.base.inner.root.encode(),
            next_ids: state.next_ids,
            blanks: state.blanks,
            quads_read: self.read,
            position: position.to_vec(),
            commit: None,
            quads: self.quads.checkpoint()?,
            hashes: state.record.hashes,
            ids: state.runs,
            tables: state.tables,
            terms: state.record.terms,
        })
    }

    /// Whether there is a checkpoint in the load's folder, of this load or of one before.
    #[must_use]
    pub fn has_checkpoint(&self) -> bool {
        let folder = self.checkpoints.as_ref();
        folder.is_some_and(|folder| folder.has_manifest())
    }

    /// Lets the last checkpoint stay when the load has ended well, which [`QuadStore::resume_bulk_load`] then tells: for
    /// callers whose load is one of several. [`Checkpoint::remove`] takes it away.
    pub fn keep_checkpoint(&mut self) {
        self.keeps_checkpoint = true;
    }
}
