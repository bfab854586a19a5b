//! From sources into a store: one load, all or nothing.
//!
//! What flows in: sources and a store. What flows out: the quads in the store and a [`LoadSummary`]. What always holds:
//! either every quad of every source is in the store by one commit, or the store is as it was.

use crate::error::LoadError;
use crate::pipeline::load_source;
use crate::read::{Progress, ReadOptions};
use crate::source::Source;
use quadrille_store::{LoadReport, QuadStore, StorageBackend};
use std::time::{Duration, Instant};

/// What a load did.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LoadSummary {
    /// The number of sources.
    pub sources: u64,
    /// The bytes read from them.
    pub bytes_read: u64,
    /// What the store counted.
    pub report: LoadReport,
    /// How long it took.
    pub duration: Duration,
}

/// Loads sources into a store, in one commit.
///
/// Blank nodes are scoped to their source. `report` hears of the progress now and then.
///
/// # Errors
/// The first error of a source or of the store. Nothing of the load stays.
///
/// ```no_run
/// # fn load<B: quadrille_store::StorageBackend>(store: &quadrille_store::QuadStore<B>) -> Result<(), quadrille_io::LoadError> {
/// use quadrille_io::{ReadOptions, Source, load_into};
///
/// let summary = load_into(store, [Source::path("data/museum.nq")], &ReadOptions::default(), |_| {})?;
/// println!("{} quads, {} of them new", summary.report.quads_read, summary.report.quads_new);
/// # Ok(())
/// # }
/// ```
pub fn load_into<B: StorageBackend>(
    store: &QuadStore<B>,
    sources: impl IntoIterator<Item = Source>,
    options: &ReadOptions,
    mut report: impl FnMut(&Progress<'_>),
) -> Result<LoadSummary, LoadError> {
    let start = Instant::now();
    let mut summary = LoadSummary::default();
    let mut load = store.bulk_load()?;
    for source in sources {
        let numbered = (summary.sources, source);
        let totals = load_source(store, &mut load, numbered, options, &mut report)?;
        summary.bytes_read += totals.bytes_read;
        summary.sources += 1;
    }
    options.context.check()?;
    summary.report = load.finish()?;
    summary.duration = start.elapsed();
    Ok(summary)
}
