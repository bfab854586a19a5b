//! The cases, a file for each group. The list of them, under the obligations that they check, is in `list`.

pub(crate) mod batches;
pub(crate) mod closing;
pub(crate) mod concurrency;
pub(crate) mod cursors;
pub(crate) mod errors;
pub(crate) mod ingest;
pub(crate) mod keyspaces;
pub(crate) mod prefixes;
pub(crate) mod random;
pub(crate) mod ranges;
pub(crate) mod reopening;
pub(crate) mod room;
pub(crate) mod single_keys;
pub(crate) mod snapshots;
pub(crate) mod stats;
pub(crate) mod stored_stats;
pub(crate) mod transactions;
