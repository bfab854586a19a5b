//! Builds the next generation of a store aside, and publishes it by one commit of the root record.
//!
//! What flows in: quads in any order ([`bulk`]), or a snapshot to be written anew ([`generation`]). What flows out: a
//! new set of keyspaces, filled by ingest alone. What always holds: until the root is committed nothing of the build is
//! visible, and an interrupted build leaves orphans that the next writer drops.

pub(crate) mod batch;
pub(crate) mod bulk;
pub(crate) mod checkpoint;
pub(crate) mod generation;
mod interner;
pub(crate) mod merge;
pub(crate) mod progress;
pub(crate) mod sorter;
pub(crate) mod spill;
