//! Loads that make checkpoints, and go on from the last one after whatever interrupted them.
//!
//! What flows in: sources, a store and a folder. What flows out: the quads in the store. What always holds: the store holds
//! what it would hold without the interruption, down to its ids; after the load nothing is left in the folder; without
//! the load's end the last checkpoint is, whatever ended it.

use crate::error::LoadError;
use crate::load::{LoadObserver, LoadSummary};
use crate::pipeline::{PlaceKeeper, SourceLoad, load_source};
use crate::position::{PlaceInSource, Position};
use crate::read::ReadOptions;
use crate::source::Source;
use crate::turtle::CHUNK_BYTES;
use quadrille_store::{BulkLoad, Checkpoint, LoadReport, QuadStore, ResumedLoad, StorageBackend};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

/// What is done about the checkpoint of a load that was interrupted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum AfterInterruption {
    /// Nothing is loaded: [`LoadError::Interrupted`].
    #[default]
    Refuse,
    /// The load goes on from there; it begins at its start where there is no checkpoint.
    Resume,
    /// The checkpoint is deleted, and the load begins at its start.
    Restart,
}

/// Where and how often a load makes checkpoints.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoadCheckpoints {
    /// The folder for checkpoints and temporary files. It is made for the load and goes away with it; it is to be on a disk
    /// with room for the temporary files, and of this store alone.
    pub folder: PathBuf,
    /// How much time passes between two checkpoints, and before the first: a minute unless set. A load that takes less
    /// makes none.
    pub interval: Duration,
    /// What is done about a checkpoint that is there.
    pub after_interruption: AfterInterruption,
    /// Whether each source is a commit of its own, instead of one of all.
    pub commits_each: bool,
    /// Whether the checkpoint stays when the load has ended well, until [`Checkpoint::remove`]: a caller that is killed
    /// before it has told anybody of the end learns of it by resuming.
    pub stays_when_done: bool,
}

impl LoadCheckpoints {
    /// Checkpoints in a folder, a minute apart.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            interval: Duration::from_secs(60),
            after_interruption: AfterInterruption::default(),
            commits_each: false,
            stays_when_done: false,
        }
    }

    /// Sets how much time passes between two.
    #[must_use]
    pub fn every(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets what is done about a checkpoint that is there.
    #[must_use]
    pub fn after_interruption(mut self, what: AfterInterruption) -> Self {
        self.after_interruption = what;
        self
    }

    /// Sets whether each source is a commit of its own.
    #[must_use]
    pub fn committing_each(mut self, commits_each: bool) -> Self {
        self.commits_each = commits_each;
        self
    }

    /// Sets whether the checkpoint stays when the load has ended well.
    #[must_use]
    pub fn staying_when_done(mut self, stays: bool) -> Self {
        self.stays_when_done = stays;
        self
    }
}

/// Where a load was resumed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ResumedFrom {
    /// When the checkpoint was made.
    pub made: SystemTime,
    /// The quads that the load had read.
    pub quads_read: u64,
    /// The source that is read next, and the lines of it that are read already; `None` when all are.
    pub next: Option<(String, u64)>,
    /// The sources that were committed before, of a load that commits each.
    pub sources_committed: u64,
    /// Whether the load had committed before it was interrupted.
    pub is_committed: bool,
}

/// Loads sources as [`load_observed`](crate::load_observed) does, with checkpoints: after a crash, a full disk or a cancel,
/// the same call with [`AfterInterruption::Resume`] goes on from the last one.
///
/// N-Triples, N-Quads, and Turtle and TriG where they are read by chunks, are resumed in mid-file: a compressed file is
/// decompressed up to there. The other formats, and all of them with [`ReadOptions::lenient`] or a
/// [scope](ReadOptions::blank_nodes) that renames, are resumed where a source begins. What can be read once only, such as
/// standard input, has no checkpoint within: a load that is resumed before its end wants it from its start.
///
/// Files that the load had begun to read must be as they were, by length and time of change, and the options that decide
/// upon quads the same. [`OnError::Stop`](crate::OnError::Stop) may become [`OnError::Skip`](crate::OnError::Skip): so a
/// load that a fault ended goes on behind it. Turtle and TriG that a checkpoint has cut in mid-file cannot: only a parser of
/// the whole text knows where a faulty statement ends, so this is [`LoadError::NotResumable`], the checkpoint stays, and the
/// store is as it was.
///
/// Between two checkpoints a load does nothing more than without. What a checkpoint costs, [`BulkLoad::checkpoint`] tells.
///
/// # Errors
/// As [`load_observed`](crate::load_observed); a checkpoint that was made stays. [`LoadError::Interrupted`] and
/// [`LoadError::NotResumable`]; what [`QuadStore::resume_bulk_load`] fails with.
pub fn load_resumable<B: StorageBackend, O: LoadObserver>(
    store: &QuadStore<B>,
    sources: impl IntoIterator<Item = Source>,
    options: &ReadOptions,
    checkpoints: &LoadCheckpoints,
    observer: &mut O,
) -> Result<LoadSummary, LoadError> {
    let sources: Vec<Source> = sources.into_iter().collect();
    let session = Session {
        store,
        options,
        checkpoints,
        keeper: Keeper {
            interval: checkpoints.interval,
            last: Instant::now(),
            position: Position::start(&sources, options, checkpoints.commits_each),
        },
        sources: sources.into_iter().map(Some).collect(),
        resumed: None,
        summary: LoadSummary::default(),
    };
    session.run(observer)
}

/// A load, or one after the other.
struct Session<'a, B: StorageBackend> {
    store: &'a QuadStore<B>,
    options: &'a ReadOptions,
    checkpoints: &'a LoadCheckpoints,
    keeper: Keeper,
    /// Taken one after the other.
    sources: Vec<Option<Source>>,
    resumed: Option<ResumedFrom>,
    /// The sums of all commits.
    summary: LoadSummary,
}

/// Makes checkpoints when it is time.
struct Keeper {
    interval: Duration,
    last: Instant,
    position: Position,
}

impl<'a, B: StorageBackend> Session<'a, B> {
    fn run<O: LoadObserver>(mut self, observer: &mut O) -> Result<LoadSummary, LoadError> {
        let mut under_way = self.begin(observer)?;
        // Without any source there is one commit, of nothing.
        while under_way.is_some()
            || self.keeper.position.first < self.sources.len()
            || self.sources.is_empty() && self.summary.sources == 0
        {
            let start = Instant::now();
            let mut load = match under_way.take() {
                Some(load) => *load,
                None => self.begin_anew(observer)?,
            };
            self.read(&mut load, observer)?;
            let end = self.keeper.position.next;
            if self.checkpoints.stays_when_done || end < self.sources.len() {
                load.keep_checkpoint();
            }
            self.options.context.check()?;
            let report = load.finish_observed(&mut |progress| observer.stage(progress))?;
            self.committed(report, start.elapsed(), observer);
            if self.sources.is_empty() {
                break;
            }
        }
        Ok(self.summary)
    }

    /// What is done about a checkpoint; the load that goes on, if one does.
    fn begin(
        &mut self,
        observer: &mut impl LoadObserver,
    ) -> Result<Option<Box<BulkLoad<'a, B>>>, LoadError> {
        let folder = &self.checkpoints.folder;
        match self.checkpoints.after_interruption {
            AfterInterruption::Refuse => match Checkpoint::read(folder)? {
                Some(checkpoint) => Err(LoadError::Interrupted {
                    folder: folder.clone(),
                    made: checkpoint.made,
                    quads_read: checkpoint.quads_read,
                }),
                None => Ok(None),
            },
            AfterInterruption::Restart => {
                Checkpoint::remove(folder)?;
                Ok(None)
            }
            AfterInterruption::Resume => self.resume(observer),
        }
    }

    fn resume(
        &mut self,
        observer: &mut impl LoadObserver,
    ) -> Result<Option<Box<BulkLoad<'a, B>>>, LoadError> {
        let Some(checkpoint) = Checkpoint::read(&self.checkpoints.folder)? else {
            return Ok(None);
        };
        // What cannot go on is to be told before gigabytes are read.
        let position = self.keeper.position.resume(&checkpoint.position)?;
        let context = self.options.context.clone();
        let resumed = self
            .store
            .resume_bulk_load(&self.checkpoints.folder, context)?;
        self.keeper.position = position;
        match resumed {
            ResumedLoad::UnderWay(load, checkpoint) => {
                self.tell(&checkpoint, false, observer)?;
                Ok(Some(load))
            }
            ResumedLoad::Committed(report, checkpoint) => {
                self.tell(&checkpoint, true, observer)?;
                let position = &mut self.keeper.position;
                position.next = match self.checkpoints.commits_each {
                    true => position.first + 1,
                    false => self.sources.len(),
                };
                self.committed(report, Duration::ZERO, observer);
                let is_done = self.keeper.position.first == self.sources.len();
                if is_done && !self.checkpoints.stays_when_done {
                    Checkpoint::remove(&self.checkpoints.folder)?;
                }
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn tell(
        &mut self,
        checkpoint: &Checkpoint,
        is_committed: bool,
        observer: &mut impl LoadObserver,
    ) -> Result<(), LoadError> {
        let position = &self.keeper.position;
        let lines = position.place.as_ref().map_or(0, |place| place.lines);
        let next = position.sources.get(position.next);
        let from = ResumedFrom {
            made: checkpoint.made,
            quads_read: checkpoint.quads_read,
            next: next.map(|source| (source.name().to_owned(), lines)),
            sources_committed: position.first as u64,
            is_committed,
        };
        observer.resumed(&from, &position.observer)?;
        self.resumed = Some(from);
        Ok(())
    }

    /// A load of the next sources. The checkpoint of the one before, which has committed, is replaced at once.
    fn begin_anew(
        &mut self,
        observer: &mut impl LoadObserver,
    ) -> Result<BulkLoad<'a, B>, LoadError> {
        let context = self.options.context.clone();
        let folder = &self.checkpoints.folder;
        let mut load = self.store.bulk_load_in(folder, context)?;
        if load.has_checkpoint() {
            self.keeper.make(&mut load, observer, None)?;
        }
        Ok(load)
    }

    /// Reads what the commit under way is of.
    fn read<O: LoadObserver>(
        &mut self,
        load: &mut BulkLoad<'a, B>,
        observer: &mut O,
    ) -> Result<(), LoadError> {
        let first = self.keeper.position.first;
        let end = match self.checkpoints.commits_each {
            true => first + 1,
            false => self.sources.len(),
        };
        let mut has_read = false;
        while self.keeper.position.next < end {
            let number = self.keeper.position.next;
            let Some(source) = self.sources.get_mut(number).and_then(Option::take) else {
                break;
            };
            let how = SourceLoad {
                store: self.store,
                options: self.options,
                number: (number - first) as u64,
                from: self.keeper.position.place.take(),
                chunk_bytes: CHUNK_BYTES,
            };
            let totals = load_source(load, source, how, observer, &mut self.keeper)?;
            let position = &mut self.keeper.position;
            position.bytes_read += totals.bytes_read;
            position.rejected += totals.rejected;
            position.next += 1;
            has_read = true;
            if position.next < end && self.keeper.is_due() {
                self.keeper.make(load, observer, None)?;
            }
        }
        // The indexes take long, and need nothing of the sources.
        if has_read && (load.has_checkpoint() || self.keeper.is_due()) {
            self.keeper.make(load, observer, None)?;
        }
        Ok(())
    }

    /// Counts a commit, and passes to the sources behind it.
    fn committed(
        &mut self,
        report: LoadReport,
        duration: Duration,
        observer: &mut impl LoadObserver,
    ) {
        let position = &mut self.keeper.position;
        let summary = LoadSummary {
            sources: (position.next - position.first) as u64,
            bytes_read: std::mem::take(&mut position.bytes_read),
            rejected: std::mem::take(&mut position.rejected),
            report,
            duration,
            resumed: self.resumed.take(),
        };
        position.first = position.next;
        position.place = None;
        observer.committed(&summary);
        self.summary.add(summary);
    }
}

impl LoadSummary {
    fn add(&mut self, other: Self) {
        self.sources += other.sources;
        self.bytes_read += other.bytes_read;
        self.rejected += other.rejected;
        self.report.quads_read += other.report.quads_read;
        self.report.quads_new += other.report.quads_new;
        self.report.terms_new += other.report.terms_new;
        self.duration += other.duration;
        self.resumed = self.resumed.take().or(other.resumed);
    }
}

impl Keeper {
    fn is_due(&self) -> bool {
        self.last.elapsed() >= self.interval
    }

    fn make<B: StorageBackend>(
        &mut self,
        load: &mut BulkLoad<'_, B>,
        observer: &mut impl LoadObserver,
        place: Option<PlaceInSource>,
    ) -> Result<(), LoadError> {
        let position = Position {
            place,
            observer: observer.checkpoint()?,
            ..self.position.clone()
        };
        load.checkpoint(&position.encode()?)?;
        self.last = Instant::now();
        Ok(())
    }
}

impl<B: StorageBackend, O: LoadObserver> PlaceKeeper<B, O> for Keeper {
    fn passed(
        &mut self,
        load: &mut BulkLoad<'_, B>,
        observer: &mut O,
        place: impl FnOnce() -> PlaceInSource,
    ) -> Result<(), LoadError> {
        let position = &self.position;
        let is_file = |source: &crate::position::Fingerprint| source.is_file();
        if !self.is_due() || !position.sources.get(position.next).is_some_and(is_file) {
            return Ok(());
        }
        self.make(load, observer, Some(place()))
    }
}
