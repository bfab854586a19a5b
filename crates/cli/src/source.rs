//! What a reading command reads: a store, or files loaded into memory for the occasion.
//!
//! What flows in: `--store`, `--data` and how to read RDF. What flows out: an open store, filled. What always holds: a
//! store that is not there is an error, never made; what is wrong with the file names is said before anything is opened.

use crate::backend_options::{BackendOptions, DurabilityOption};
use crate::failure::{Exit, Failure, exit_of, exit_of_io};
use crate::load_progress::LoadProgress;
use crate::{interrupt, pattern};
use clap::Args;
use oxrdf::{GraphName, NamedNode};
use quadrille::io::{
    BlankNodeScope, GraphTarget, LoadError, LoadObserver, Progress, RdfFormat, ReadOptions, Source,
};
use quadrille::{
    AnyBackend, Location, OpenMode, OpenOptions, QuadStore, ReadContext, StageProgress,
};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The store that a command works on.
#[derive(Args, Debug)]
pub(crate) struct StoreOption {
    /// The store: `lmdb:PATH`, `rocksdb:PATH`, or `memory:` for an empty one
    #[arg(long, value_name = "LOCATION")]
    pub(crate) store: Location,
    #[command(flatten)]
    backend: BackendOptions,
}

impl StoreOption {
    /// Opens the store for reading; it must be there.
    pub(crate) fn open_for_reading(&self) -> Result<QuadStore<AnyBackend>, Failure> {
        let options = self.backend.for_store(&self.store, OpenMode::ReadOnly)?;
        Ok(options.open(&self.store)?)
    }

    /// Opens the store for writing.
    pub(crate) fn open_for_writing(
        &self,
        mode: OpenMode,
        durability: DurabilityOption,
        set: impl FnOnce(OpenOptions) -> OpenOptions,
    ) -> Result<QuadStore<AnyBackend>, Failure> {
        let options = self.backend.for_store(&self.store, mode)?;
        let options = set(options.durability(durability.durability()));
        Ok(options.open(&self.store)?)
    }
}

/// A store, or files.
#[derive(Args, Debug)]
pub(crate) struct DataSource {
    /// The store to read: `lmdb:PATH` or `rocksdb:PATH`
    #[arg(
        long,
        value_name = "LOCATION",
        required_unless_present = "data",
        conflicts_with = "data"
    )]
    store: Option<Location>,
    #[command(flatten)]
    backend: BackendOptions,
    /// RDF to read instead of a store: a file, a folder, a pattern such as `*.ttl.gz`, or `-` for standard input; can be
    /// given several times
    #[arg(long, value_name = "FILE")]
    data: Vec<PathBuf>,
    #[command(flatten)]
    syntax: SyntaxOptions,
}

/// How RDF files are read.
#[derive(Args, Debug)]
pub(crate) struct SyntaxOptions {
    /// The syntax of the data, when file names do not tell: nquads, ntriples, turtle, trig, rdfxml, jsonld or n3, an
    /// extension or a media type
    #[arg(long, value_name = "SYNTAX")]
    input_format: Option<RdfFormat>,
    /// What relative IRIs are relative to
    #[arg(long, value_name = "IRI", value_parser = pattern::parse_iri)]
    base: Option<NamedNode>,
    /// Skip the checks of IRIs and language tags: faster, and accepts data that is not quite valid
    #[arg(long)]
    lenient: bool,
    /// Leave the labels of blank nodes as they are written, instead of making new nodes for each file: to load what was
    /// dumped from this store or a copy of it
    #[arg(long)]
    keep_blank_node_labels: bool,
}

impl DataSource {
    /// Opens the store, or loads the files into a new one in memory.
    pub(crate) fn open(&self) -> Result<QuadStore<AnyBackend>, Failure> {
        if let Some(location) = &self.store {
            let options = self.backend.for_store(location, OpenMode::ReadOnly)?;
            return Ok(options.open(location)?);
        }
        let sources = self.syntax.sources(&self.data)?;
        let memory = Location::Memory;
        let options = self.backend.for_store(&memory, OpenMode::CreateOrOpen)?;
        let store = options.open(&memory)?;
        load(&store, sources, &self.syntax.options(None))?;
        Ok(store)
    }

    /// The base IRI, which serves queries too.
    pub(crate) fn base(&self) -> Option<&NamedNode> {
        self.syntax.base.as_ref()
    }

    /// Whether the data comes from standard input.
    pub(crate) fn is_standard_input(&self) -> bool {
        self.data.iter().any(|path| path == Path::new("-"))
    }
}

impl SyntaxOptions {
    /// The sources that arguments name, each there and of a known syntax.
    pub(crate) fn sources(&self, arguments: &[PathBuf]) -> Result<Vec<Source>, Failure> {
        let is_standard_input = |argument: &&PathBuf| *argument == Path::new("-");
        if arguments.iter().filter(is_standard_input).count() > 1 {
            return Err(Failure::new(
                Exit::Usage,
                "standard input (`-`) can be read once only",
            ));
        }
        let mut sources = Vec::new();
        for argument in arguments {
            for source in Source::argument(argument)? {
                sources.push(self.source(source, argument)?);
            }
        }
        Ok(sources)
    }

    fn source(&self, mut source: Source, argument: &Path) -> Result<Source, Failure> {
        if let Some(format) = self.input_format {
            source = source.with_format(format);
        }
        if source.format().is_none() {
            return Err(Failure::new(
                Exit::Usage,
                format!(
                    "{}: the name does not tell the RDF syntax; say it with --input-format",
                    source.name()
                ),
            ));
        }
        // What a folder or a pattern names has been seen to be there.
        if source.name() == argument.to_string_lossy() && argument != Path::new("-") {
            std::fs::metadata(argument).map_err(|error| {
                Failure::io(format!("cannot read {}", argument.display()), error)
            })?;
        }
        Ok(source)
    }

    /// The options of reading, with everything put into `graph` if there is one.
    pub(crate) fn options(&self, graph: Option<GraphName>) -> ReadOptions {
        ReadOptions {
            graph: graph.map_or(GraphTarget::AsWritten, GraphTarget::AllInto),
            base: self.base.clone().map(NamedNode::into_string),
            lenient: self.lenient,
            blank_nodes: self.keep_blank_node_labels.then(BlankNodeScope::as_written),
            context: ReadContext::new().with_cancel_token(interrupt::token()),
            ..ReadOptions::default()
        }
    }
}

/// Loads sources in one commit, with a progress bar.
fn load(
    store: &QuadStore<AnyBackend>,
    sources: Vec<Source>,
    options: &ReadOptions,
) -> Result<(), Failure> {
    let mut shown = Shown(LoadProgress::start(None));
    quadrille::io::load_observed(store, sources, options, &mut shown)?;
    Ok(())
}

/// A load whose progress is all that is wanted.
struct Shown(LoadProgress);

impl LoadObserver for Shown {
    fn progress(&mut self, progress: &Progress<'_>) {
        self.0.read(progress);
    }

    fn stage(&mut self, progress: &StageProgress) {
        self.0.at(progress);
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        let exit = match &error {
            LoadError::Syntax(_) | LoadError::Document { .. } | LoadError::TooDeep { .. } => {
                Exit::BadData
            }
            LoadError::NoFiles { .. } => Exit::NotFound,
            LoadError::Io { error, .. } => match error.kind() {
                // Compressed data that is cut off or damaged.
                ErrorKind::UnexpectedEof | ErrorKind::InvalidData => Exit::BadData,
                kind => exit_of_io(kind),
            },
            LoadError::UnknownFormat { .. }
            | LoadError::InvalidBase { .. }
            | LoadError::Interrupted { .. }
            | LoadError::NotResumable { .. } => Exit::Usage,
            LoadError::Cancelled(error) | LoadError::Store(error) => exit_of(error.kind()),
            _ => Exit::Failed,
        };
        Self::new(exit, error.to_string()).caused_by(error)
    }
}
