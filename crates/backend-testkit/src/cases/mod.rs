//! The cases, a file for each group of the contract. The list of them is in the crate's root.

pub(crate) mod batches;
pub(crate) mod closing;
pub(crate) mod cursors;
pub(crate) mod ingest;
pub(crate) mod keyspaces;
pub(crate) mod prefixes;
pub(crate) mod ranges;
pub(crate) mod reopening;
pub(crate) mod single_keys;
pub(crate) mod snapshots;
pub(crate) mod stats;
pub(crate) mod stored_stats;
pub(crate) mod transactions;
