//! Checkpoints: what a load under way has come to, in a folder, so that another process goes on from there.
//!
//! What flows in: the state of a load now and then, and its temporary files. What flows out: that state again. What always
//! holds: a [`manifest`] names the files that belong to a checkpoint, how long they were and what was in them; it takes
//! the place of the one before in one step, after all it names has reached the disk, so a kill at any instant leaves the
//! last checkpoint whole. Bytes that are not those that were written are an error, before anything of them is committed.

mod folder;
mod load;
mod manifest;

pub use load::{Checkpoint, ResumedLoad};

pub(crate) use folder::{CheckpointFolder, OwnFile, SpillFolder, damaged};
pub(crate) use manifest::{FileRecord, PendingTerm, RunRecord, TagRecord, WriterRecord};
