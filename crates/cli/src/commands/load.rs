//! `quadrille load`: RDF files into a store, in one commit.
//!
//! What flows in: files or standard input. What flows out: a store that holds their quads, made when there was none, and
//! a summary. What always holds: all of a load is in the store, or nothing of it; with `--batch` each file is a load.

use crate::backend_options::{DurabilityOption, value};
use crate::checkpoint::{self, CheckpointOptions};
use crate::failure::{Exit, Failure};
use crate::load_progress::LoadProgress;
use crate::load_summary::Totals;
use crate::rejects::Rejects;
use crate::source::{StoreOption, SyntaxOptions};
use crate::{interrupt, output, pattern, rejects};
use clap::{Args, ValueEnum};
use oxrdf::GraphName;
use quadrille::backend::StorageBackend;
use quadrille::io::{
    LoadCheckpoints, LoadError, LoadObserver, LoadSummary, OnError, Progress, ReadOptions,
    ResumedFrom, Source,
};
use quadrille::{AnyBackend, OpenMode, OpenOptions, QuadStore, StageProgress};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// Load RDF files into a store, all or nothing
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  quadrille load --store lmdb:./museum data/museum.nq
  quadrille load --store lmdb:./museum loans.ttl.gz exports/ 'archive/**/*.jsonld'
  quadrille load --store lmdb:./museum --graph http://example.org/2024 loans.ttl
  quadrille load --store lmdb:./museum --on-error skip --rejects broken.nq museum.nq
  quadrille load --store lmdb:./museum --durability unsafe --backend-option map_bytes=1TiB museum.nq
  quadrille load --store lmdb:./museum --resume data/museum.nq
  curl -s https://example.org/feed | quadrille load --store lmdb:./museum --input-format turtle -

The store is made when it is not there. All files are loaded by one commit: after an error, Ctrl-C or a crash nothing \
of them is in the store. Blank nodes belong to their file, unless --keep-blank-node-labels is given.

A load of more than a minute makes checkpoints. Whatever ends it, a crash, a full disk, Ctrl-C or an error, the last \
checkpoint stays, and the same command with --resume goes on from there, to the store that it would have made without the \
interruption; --restart begins anew. Files that were begun to be read must not change meanwhile, nor the store; a load \
that a fault in N-Triples or N-Quads ended can go on behind it with --on-error skip. Files of N-Triples, N-Quads, Turtle and TriG are resumed in \
their midst (Turtle and TriG not with --on-error skip), all others, and all of them with --lenient, from their start, \
and so is standard input. With --batch, files that are committed already are passed over.

Of a folder, all files are read whose names tell the syntax, in its folders too; others are left out. A pattern is best \
quoted. Files may be compressed by gzip, zstd, bzip2 or xz, which their first bytes tell, on standard input too. \
JSON-LD must hold its context; N3 may hold no formulas and variables.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: StoreOption,
    #[command(flatten)]
    durability: DurabilityOption,
    /// Put every quad into this graph, whatever graph the file says: an IRI, `_:label` or `default`
    #[arg(short, long, value_name = "GRAPH", value_parser = pattern::parse_graph)]
    graph: Option<GraphName>,
    #[command(flatten)]
    syntax: SyntaxOptions,
    /// What to do with text that is not of its syntax: `skip` leaves out the line, in Turtle, TriG and N3 the statement, and
    /// ends with exit code 11; RDF/XML and JSON-LD cannot be read on
    #[arg(long, value_name = "WORD", default_value = "stop")]
    on_error: OnErrorWord,
    /// The N-Quads file for what `--on-error skip` leaves out, each line below a comment with its place and what is wrong,
    /// to be mended and loaded; of Turtle, TriG and N3 there is the comment alone. Unless set it is rejects.nq in the
    /// current folder, which must not be there yet. No file is written when nothing is left out
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// The memory that the load may use for ids, quads and their sorting, such as 512MiB; beyond it there are temporary
    /// files. Buffers are not counted: 24 MiB, 16 MiB for each core and what the backend keeps. No data set is too large for
    /// it; past 70 million new terms for each GiB, finding their ids takes more and more reads of files. Unless set it is a
    /// quarter of the machine's memory, or of the container's
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    memory: Option<usize>,
    /// The folder for temporary files, which take up to 200 bytes a quad. Unless set they are in the folder of the
    /// checkpoints; of a store in memory, and with `--checkpoint-every off`, in the system's
    #[arg(long, value_name = "DIR")]
    temporary_folder: Option<PathBuf>,
    #[command(flatten)]
    checkpoints: CheckpointOptions,
    /// Commit file by file: after an error the files before it stay. Each commit writes the indexes anew
    #[arg(long)]
    batch: bool,
    /// Write a line about the progress every so often, 5s unless said, where there is no terminal to show a bar on
    #[arg(
        long,
        value_name = "DURATION",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "5s",
        value_parser = humantime::parse_duration
    )]
    progress: Option<Duration>,
    /// Write the summary as JSON, to standard output
    #[arg(long)]
    json: bool,
    /// Files, folders, patterns, `-` for standard input; extensions tell the syntax: .nq, .nt, .ttl, .trig, .rdf, .jsonld,
    /// .n3, with .gz, .zst, .bz2 or .xz behind them or not
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum OnErrorWord {
    /// End the load, and nothing of it stays
    Stop,
    /// Leave it out, and go on
    Skip,
}

pub(super) fn parse_size(text: &str) -> Result<usize, String> {
    value::size(text).ok_or_else(|| "it must be a size such as 512MiB or 64GiB".to_owned())
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    interrupt::install()?;
    let skips = arguments.on_error == OnErrorWord::Skip;
    if arguments.rejects.is_some() && !skips {
        let message = "--rejects needs --on-error skip";
        return Err(Failure::new(Exit::Usage, message));
    }
    let sources = arguments.syntax.sources(&arguments.files)?;
    let checkpoints = arguments.checkpoints()?;
    let folder = checkpoints.as_ref().map(|it| it.folder.as_path());
    let rejects = skips
        .then(|| Rejects::create(arguments.rejects.as_deref(), folder))
        .transpose()?;
    let mut options = arguments.syntax.options(arguments.graph.clone());
    if skips {
        options.on_error = OnError::Skip;
    }
    let location = &arguments.store;
    let store =
        location.open_for_writing(OpenMode::CreateOrOpen, arguments.durability, |options| {
            arguments.set(options)
        })?;
    let mut observer = Observer {
        progress: LoadProgress::start(arguments.progress),
        rejects,
        totals: Totals::default(),
        sources_before: 0,
    };
    let names: Vec<String> = sources
        .iter()
        .map(|source| source.name().to_owned())
        .collect();
    let loaded = match &checkpoints {
        Some(checkpoints) => {
            checkpoint::tell_where_none_is(checkpoints);
            quadrille::io::load_resumable(&store, sources, &options, checkpoints, &mut observer)
                .map(drop)
                .map_err(|error| checkpoint::failure(error, checkpoints))
        }
        None => arguments.load(&store, sources, &options, &mut observer),
    };
    let loaded = loaded.map_err(|failure| arguments.adding_what_stays(failure, &observer, &names));
    let rejected = observer.finish_rejects(&loaded, checkpoints.as_ref())?;
    loaded?;
    let mut totals = observer.totals;
    totals.stages = observer.progress.finish();
    arguments.summarize(&store, totals)?;
    if let Some(checkpoints) = &checkpoints {
        checkpoint::remove(checkpoints)?;
    }
    match rejected {
        Some((count, path)) => Err(Failure::new(
            Exit::Rejected,
            format!("{count} rejected, which {} holds", path.display()),
        )),
        None => Ok(()),
    }
}

impl Arguments {
    fn set(&self, mut options: OpenOptions) -> OpenOptions {
        if let Some(bytes) = self.memory {
            options = options.load_memory_bytes(bytes);
        }
        if let Some(folder) = &self.temporary_folder {
            options = options.temporary_folder(folder);
        }
        options
    }

    /// Where and how checkpoints are made; `None` for a load without any.
    fn checkpoints(&self) -> Result<Option<LoadCheckpoints>, Failure> {
        let temporary_folder = self.temporary_folder.as_deref();
        let checkpoints = self.checkpoints.of(&self.store.store, temporary_folder)?;
        Ok(checkpoints.map(|checkpoints| checkpoints.committing_each(self.batch)))
    }

    /// Loads all sources in one commit, or in one each, without checkpoints.
    fn load(
        &self,
        store: &QuadStore<AnyBackend>,
        sources: Vec<Source>,
        options: &ReadOptions,
        observer: &mut Observer,
    ) -> Result<(), Failure> {
        if !self.batch {
            let summary = quadrille::io::load_observed(store, sources, options, observer)?;
            observer.committed(&summary);
            return Ok(());
        }
        for source in sources {
            let summary = quadrille::io::load_observed(store, [source], options, observer)?;
            observer.committed(&summary);
        }
        Ok(())
    }

    /// Says which files stay when not all of them do.
    fn adding_what_stays(
        &self,
        failure: Failure,
        observer: &Observer,
        names: &[String],
    ) -> Failure {
        let stay = observer.sources_before + observer.totals.sources();
        let next = usize::try_from(stay).ok().and_then(|stay| names.get(stay));
        match next {
            Some(name) if self.batch && failure.exit() != Exit::Usage => {
                let count = names.len();
                failure.adding(format_args!(
                    "{stay} of {count} files are loaded and stay; {name} and what follows it are not"
                ))
            }
            _ => failure,
        }
    }

    /// Closes the store and tells what was done.
    fn summarize(&self, store: &QuadStore<AnyBackend>, mut totals: Totals) -> Result<(), Failure> {
        totals.quads = store.len()?;
        let on_disk = store.backend().capabilities().persistent;
        let stats = on_disk.then(|| store.backend().stats()).transpose()?;
        totals.disk_bytes = stats.map(|stats| stats.disk_bytes);
        store.close()?;
        totals.peak_memory_bytes = quadrille_measure::memory_bytes("VmHWM");
        if !self.json {
            output::note(totals.text(&self.store.store.to_string()));
            return Ok(());
        }
        let mut out = output::open();
        writeln!(out, "{:#}", totals.as_json()).map_err(output::write_failed)?;
        output::finish(out)
    }
}

/// Shows how far the load is, and keeps what it leaves out.
struct Observer {
    progress: LoadProgress,
    rejects: Option<Rejects>,
    /// What the commits so far did.
    totals: Totals,
    /// The sources that were committed before the load was interrupted.
    sources_before: u64,
}

impl Observer {
    /// Ends the file of what was left out. What a load that failed left out is not lost to the store; if it can be resumed,
    /// it is kept for then.
    fn finish_rejects(
        &mut self,
        loaded: &Result<(), Failure>,
        checkpoints: Option<&LoadCheckpoints>,
    ) -> Result<Option<(u64, PathBuf)>, Failure> {
        let Some(rejects) = self.rejects.take() else {
            return Ok(None);
        };
        if loaded.is_err() && checkpoints.is_some_and(checkpoint::is_there) {
            return Ok(None);
        }
        if self.totals.sources() > 0 {
            let finished = rejects.finish()?;
            if let (true, Some(checkpoints)) = (loaded.is_err(), checkpoints) {
                rejects::clear(&checkpoints.folder);
            }
            return Ok(finished);
        }
        rejects.forget();
        Ok(None)
    }
}

impl LoadObserver for Observer {
    fn progress(&mut self, progress: &Progress<'_>) {
        self.progress.read(progress);
    }

    fn rejected(&mut self, error: &LoadError, line: &[u8]) -> Result<(), LoadError> {
        match &mut self.rejects {
            Some(rejects) => rejects.push(error, line),
            None => Ok(()),
        }
    }

    fn stage(&mut self, progress: &StageProgress) {
        self.progress.at(progress);
    }

    fn committed(&mut self, summary: &LoadSummary) {
        self.totals.add(summary);
    }

    fn checkpoint(&mut self) -> Result<Vec<u8>, LoadError> {
        let rejects = self.rejects.as_mut();
        rejects.map_or_else(|| Ok(Vec::new()), Rejects::checkpoint)
    }

    fn resumed(&mut self, from: &ResumedFrom, kept: &[u8]) -> Result<(), LoadError> {
        output::note(checkpoint::told(from));
        self.sources_before = from.sources_committed;
        match &mut self.rejects {
            Some(rejects) => rejects.resume(kept),
            None => Ok(()),
        }
    }
}
