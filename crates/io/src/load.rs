//! From sources into a store: one load, all or nothing.
//!
//! What flows in: sources and a store. What flows out: the quads in the store and a [`LoadSummary`]. What always holds:
//! either every quad of every source is in the store by one commit, or the store is as it was.

use crate::error::LoadError;
use crate::pipeline::{NoKeeper, SourceLoad, load_source};
use crate::read::{Progress, ReadOptions};
use crate::resume::ResumedFrom;
use crate::source::Source;
use crate::turtle::CHUNK_BYTES;
use quadrille_store::{LoadReport, QuadStore, StageProgress, StorageBackend};
use std::time::{Duration, Instant};

/// What a load did.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LoadSummary {
    /// The number of sources.
    pub sources: u64,
    /// The bytes read from them.
    pub bytes_read: u64,
    /// The lines and statements that were left out, with [`OnError::Skip`](crate::OnError::Skip).
    pub rejected: u64,
    /// What the store counted.
    pub report: LoadReport,
    /// How long it took; of a load that was resumed, since then.
    pub duration: Duration,
    /// Where it was resumed, if it was.
    pub resumed: Option<ResumedFrom>,
}

/// Who hears of a load as it goes on.
pub trait LoadObserver {
    /// Some more was read.
    fn progress(&mut self, progress: &Progress<'_>);

    /// Something was left out, with [`OnError::Skip`](crate::OnError::Skip): what is wrong with it, and the line as it is
    /// written, its end included. In formats that are not parsed by lines there is no text beside the error's excerpt.
    ///
    /// # Errors
    /// What is to end the load.
    fn rejected(&mut self, error: &LoadError, line: &[u8]) -> Result<(), LoadError> {
        let _ = (error, line);
        Ok(())
    }

    /// All sources are read, and some more was sorted and written.
    fn stage(&mut self, progress: &StageProgress) {
        let _ = progress;
    }

    /// A commit was made: the one of the load, or one of several. Comes from [`load_resumable`](crate::load_resumable).
    fn committed(&mut self, summary: &LoadSummary) {
        let _ = summary;
    }

    /// A checkpoint is made next. What the observer has kept so far must be on the disk when this returns; what it gives
    /// back, [`resumed`](Self::resumed) is told.
    ///
    /// # Errors
    /// What is to end the load.
    fn checkpoint(&mut self) -> Result<Vec<u8>, LoadError> {
        Ok(Vec::new())
    }

    /// The load goes on from a checkpoint; with what [`checkpoint`](Self::checkpoint) gave then. Whatever the observer has
    /// kept since then will come again.
    ///
    /// # Errors
    /// What is to end the load.
    fn resumed(&mut self, from: &ResumedFrom, kept: &[u8]) -> Result<(), LoadError> {
        let _ = (from, kept);
        Ok(())
    }
}

/// A function that hears of the progress.
struct Reporting<F>(F);

impl<F: FnMut(&Progress<'_>)> LoadObserver for Reporting<F> {
    fn progress(&mut self, progress: &Progress<'_>) {
        self.0(progress);
    }
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
    report: impl FnMut(&Progress<'_>),
) -> Result<LoadSummary, LoadError> {
    load_observed(store, sources, options, &mut Reporting(report))
}

/// Loads sources as [`load_into`] does, for an observer, which hears of what is left out too.
///
/// # Errors
/// The first error of a source, of the store or of the observer. Nothing of the load stays.
pub fn load_observed<B: StorageBackend>(
    store: &QuadStore<B>,
    sources: impl IntoIterator<Item = Source>,
    options: &ReadOptions,
    observer: &mut impl LoadObserver,
) -> Result<LoadSummary, LoadError> {
    let start = Instant::now();
    let mut summary = LoadSummary::default();
    let mut load = store.bulk_load_within(options.context.clone())?;
    for source in sources {
        let how = SourceLoad {
            store,
            options,
            number: summary.sources,
            from: None,
            chunk_bytes: CHUNK_BYTES,
        };
        let totals = load_source(&mut load, source, how, observer, &mut NoKeeper)?;
        summary.bytes_read += totals.bytes_read;
        summary.rejected += totals.rejected;
        summary.sources += 1;
    }
    options.context.check()?;
    summary.report = load.finish_observed(&mut |progress| observer.stage(progress))?;
    summary.duration = start.elapsed();
    Ok(summary)
}
