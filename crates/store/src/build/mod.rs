//! Builds the next generation of a store aside, and publishes it by one commit of the root record.
//!
//! What flows in: quads in any order ([`bulk`]), or a snapshot to be written anew ([`generation`]). What flows out: a
//! new set of keyspaces, filled by ingest alone, that has [caught up](catch_up) with the commits made meanwhile; or, for
//! quads that touch few blocks, those blocks, folded [in place](in_place). What always holds: until the root is committed
//! nothing of the build is visible, and an interrupted build leaves orphans that the next writer drops; builds have
//! [turns](turn).

pub(crate) mod batch;
pub(crate) mod bulk;
mod catch_up;
pub(crate) mod checkpoint;
pub(crate) mod generation;
pub(crate) mod in_place;
mod interner;
pub(crate) mod merge;
mod named_blanks;
pub(crate) mod progress;
pub(crate) mod sorter;
pub(crate) mod spill;
pub(crate) mod turn;
