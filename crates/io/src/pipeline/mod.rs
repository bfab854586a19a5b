//! From one source into a load, on all cores: one thread reads, some parse, the caller adds.
//!
//! What flows in: a source. What flows out: its quads in the load, in their order, or its first error. What always holds:
//! the load is the same as if one thread had done all, since batches are added in the order of the text; as many buffers
//! go round as [`Buffers`] were made, which bounds the memory; nobody is waited for after an error, so a reader that hangs
//! on a silent pipe does not hold up the message.

mod fault;
mod ordered;
mod parse;
mod read;
mod uncut;

use crate::blank_nodes::BlankNodeScope;
use crate::error::{LoadError, SyntaxError};
use crate::format::RdfFormat;
use crate::input::Input;
use crate::lines::{ChunkReport, LineFormat};
use crate::load::LoadObserver;
use crate::position::PlaceInSource;
use crate::read::{GraphTarget, OnError, Progress, QuadReader, ReadOptions, Totals};
use crate::source::Source;
use crate::turtle::{Chunk, Scope, Splitter, TurtleFormat};
use fault::ChunkStart;
use ordered::Ordered;
use oxrdf::Quad;
use parse::Parsers;
use quadrille_store::{BlankNodes, BulkLoad, QuadBatch, QuadStore, StorageBackend};
use std::io;
use std::num::NonZero;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

/// What goes round: text, and the batch that it is parsed into.
struct Buffers {
    text: Vec<u8>,
    batch: QuadBatch,
}

/// What the reading thread hands to those that parse.
struct Work {
    number: u64,
    /// The bytes of the source that were read when this was.
    bytes_read: u64,
    buffers: Buffers,
    /// The byte of the source at which the text of the buffers begins.
    offset: u64,
    content: Content,
}

enum Content {
    /// The text of the buffers is whole lines.
    Lines,
    /// The text of the buffers is whole statements.
    Statements(Box<Chunk>),
    /// From the text of the buffers on, the source cannot be cut.
    Uncut(Box<Scope>),
    /// The text of the buffers is more of such.
    MoreUncut,
    /// Quads that are parsed already, and what was left out between them.
    Quads {
        quads: Vec<Quad>,
        skipped: Vec<SyntaxError>,
    },
    /// Nothing but an error.
    Failed(LoadError),
    /// Nothing: the source is at its end. Without this item a thread has stopped early.
    End,
}

/// What comes of it.
struct Parsed {
    number: u64,
    bytes_read: u64,
    buffers: Buffers,
    offset: u64,
    report: ChunkReport,
    /// What was left out, beside faulty lines.
    rejected: Vec<SyntaxError>,
    /// What is wrong with it, beside faulty lines.
    error: Option<LoadError>,
    /// What the text is to be read in, from here on by one parser.
    uncut: Option<Box<Scope>>,
    /// What the text behind it is to be read in, where it can be read from there on without what comes before.
    end: Option<Scope>,
    /// Whether the source is at its end.
    is_end: bool,
}

/// The way that a source goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Lines are parsed on all cores.
    Lines(LineFormat),
    /// Chunks of statements are parsed on all cores.
    Statements(TurtleFormat),
    /// One thread parses.
    Uncut,
}

/// How the quads of a source are to be taken.
#[derive(Clone)]
struct Taking {
    graph: GraphTarget,
    blank_nodes: BlankNodes,
    /// Whether faulty lines are left out.
    skips: bool,
}

/// A source on its way into a load.
struct Pipeline {
    input: Input,
    way: Way,
    taking: Taking,
    ordered: Ordered,
    /// Where empty buffers go.
    empty: Sender<Buffers>,
    /// Where in the source the text begins that a parser's errors count from.
    start: ChunkStart,
}

/// What threads are to be connected by.
struct Channels {
    empty: Sender<Buffers>,
    buffers: Receiver<Buffers>,
    work: SyncSender<Work>,
    parsers: Parsers,
    ordered: Ordered,
}

/// Who is told where in a source a load has come to.
pub(crate) trait PlaceKeeper<B: StorageBackend, O> {
    /// All quads before this place are added.
    fn passed(
        &mut self,
        load: &mut BulkLoad<'_, B>,
        observer: &mut O,
        place: impl FnOnce() -> PlaceInSource,
    ) -> Result<(), LoadError>;
}

/// Nobody.
pub(crate) struct NoKeeper;

impl<B: StorageBackend, O> PlaceKeeper<B, O> for NoKeeper {
    fn passed(
        &mut self,
        _: &mut BulkLoad<'_, B>,
        _: &mut O,
        _: impl FnOnce() -> PlaceInSource,
    ) -> Result<(), LoadError> {
        Ok(())
    }
}

/// A source on its way into a store's load.
pub(crate) struct SourceLoad<'a, B: StorageBackend> {
    pub(crate) store: &'a QuadStore<B>,
    pub(crate) options: &'a ReadOptions,
    /// The number of the source in the load, from 0.
    pub(crate) number: u64,
    /// Where its text is read from.
    pub(crate) from: Option<PlaceInSource>,
    /// About how many bytes a chunk of statements has.
    pub(crate) chunk_bytes: usize,
}

/// Adds the quads of a source to a load, tells the observer how far it is, and the keeper where.
pub(crate) fn load_source<B: StorageBackend, O: LoadObserver>(
    load: &mut BulkLoad<'_, B>,
    source: Source,
    how: SourceLoad<'_, B>,
    observer: &mut O,
    keeper: &mut impl PlaceKeeper<B, O>,
) -> Result<Totals, LoadError> {
    let (store, options) = (how.store, how.options);
    let mut pipeline = Pipeline::start(source, &how)?;
    let (mut lines, mut totals) = match &how.from {
        Some(from) => (from.lines, from.totals()),
        None => (0, Totals::default()),
    };
    while let Some(mut parsed) = pipeline.ordered.next(&options.context)? {
        let start = ChunkStart {
            lines,
            offset: parsed.offset,
        };
        if let Some(scope) = parsed.uncut.take() {
            pipeline = pipeline.go_on_uncut(store, parsed.buffers, &scope, start, options)?;
            continue;
        }
        let text = &parsed.buffers.text;
        for line in &parsed.report.faulty {
            if options.on_error == OnError::Stop {
                return Err(pipeline.fault_of(line, text, start, options));
            }
            let error = pipeline.fault_alone(line, text, start, options);
            observer.rejected(&error, &text[line.range.clone()])?;
            totals.rejected += 1;
        }
        for error in std::mem::take(&mut parsed.rejected) {
            observer.rejected(&error.into(), b"")?;
            totals.rejected += 1;
        }
        if let Some(error) = parsed.error.take() {
            return Err(pipeline.placed(error));
        }
        load.add(&parsed.buffers.batch)?;
        lines += parsed.report.lines;
        totals.quads_read += parsed.buffers.batch.len() as u64;
        totals.bytes_read = parsed.bytes_read;
        observer.progress(&pipeline.progress(&totals));
        if let Some(scope) = parsed.end.take() {
            let offset = start.offset + text.len() as u64;
            keeper.passed(load, observer, || {
                PlaceInSource::new(offset, lines, &totals, pipeline.way.name(), &scope)
            })?;
        }
        pipeline.give_back(parsed.buffers);
    }
    totals.bytes_read = pipeline.input.bytes_read();
    observer.progress(&pipeline.progress(&totals));
    Ok(totals)
}

impl Pipeline {
    fn start<B: StorageBackend>(
        source: Source,
        how: &SourceLoad<'_, B>,
    ) -> Result<Self, LoadError> {
        let options = how.options;
        let taking = Taking {
            graph: options.graph.clone(),
            // A scope renames blank nodes before they come here.
            blank_nodes: match options.blank_nodes {
                Some(_) => BlankNodes::AsWritten,
                None => BlankNodes::OfSource(how.number),
            },
            skips: options.on_error == OnError::Skip
                && source.format().is_some_and(RdfFormat::can_be_read_on),
        };
        let way = Way::of(&source, options);
        let from = how.from.as_ref();
        if let Some(from) = from {
            from.check_way(way.name(), source.name())?;
        }
        let offset = from.map_or(0, |from| from.offset);
        let channels = Channels::new(how.store)?;
        let (buffers, work) = (channels.buffers, channels.work);
        let input = match way {
            Way::Lines(_) => {
                let input = source.open_from(offset, &options.context)?;
                read::spawn_lines(input.clone(), buffers, work, offset)?;
                input
            }
            Way::Statements(format) => {
                let scope = match from {
                    Some(from) => from.scope()?,
                    None => Scope::at_start(options.base.as_deref())?,
                };
                let input = source.open_from(offset, &options.context)?;
                let splitter = Splitter::new(input.clone(), format, scope, how.chunk_bytes);
                read::spawn_statements(splitter, input.clone(), buffers, work, offset)?;
                input
            }
            Way::Uncut => {
                let reader = QuadReader::open(source, &unchanged(options))?.going_on(taking.skips);
                let reader = match options.blank_nodes {
                    Some(_) => reader,
                    None => reader.with_labels_as_written(),
                };
                let input = reader.input().clone();
                read::spawn_quads(reader, input.clone(), buffers, work)?;
                input
            }
        };
        channels.parsers.spawn(threads(), way, &taking)?;
        Ok(Self {
            input,
            way,
            taking,
            ordered: channels.ordered,
            empty: channels.empty,
            start: ChunkStart::default(),
        })
    }

    fn progress(&self, totals: &Totals) -> Progress<'_> {
        Progress {
            name: self.input.name(),
            bytes_read: totals.bytes_read,
            bytes_total: self.input.bytes_total(),
            quads_read: totals.quads_read,
        }
    }

    fn give_back(&self, mut buffers: Buffers) {
        buffers.batch.clear();
        // A reader that has come to its end wants no more.
        let _ = self.empty.send(buffers);
    }
}

impl Channels {
    /// Makes the channels between reading, parsing and adding. Buffers bound how much is on its way, not the channels.
    fn new<B: StorageBackend>(store: &QuadStore<B>) -> Result<Self, LoadError> {
        let (empty, buffers) = channel();
        for _ in 0..2 * threads() + 2 {
            let fresh = Buffers {
                text: Vec::new(),
                batch: store.quad_batch()?,
            };
            // The other end is at hand.
            let _ = empty.send(fresh);
        }
        let (work, to_parse) = sync_channel(threads());
        let (done, parsed) = channel();
        Ok(Self {
            empty,
            buffers,
            work,
            parsers: Parsers::new(to_parse, done),
            ordered: Ordered::new(parsed),
        })
    }
}

/// How many threads parse.
fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

impl Way {
    /// What a place in a source calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Lines(_) => "lines",
            Self::Statements(_) => "statements",
            Self::Uncut => "whole",
        }
    }

    /// The quickest way that a source can go.
    fn of(source: &Source, options: &ReadOptions) -> Self {
        // Without checks, IRIs and strings may hold line ends; and a scope that renames wants to see every blank node.
        let renames = |scope: &BlankNodeScope| !scope.is_as_written();
        let format = match source.format() {
            Some(format)
                if !options.lenient && !options.blank_nodes.as_ref().is_some_and(renames) =>
            {
                format
            }
            _ => return Self::Uncut,
        };
        // Only the parser of the whole text knows where a statement ends that is at fault.
        let statements = || match options.on_error {
            OnError::Stop => TurtleFormat::of(format).map(Self::Statements),
            OnError::Skip => None,
        };
        let lines = LineFormat::of(format).map(Self::Lines);
        lines.or_else(statements).unwrap_or(Self::Uncut)
    }
}

/// The options for a reader whose quads are directed later.
fn unchanged(options: &ReadOptions) -> ReadOptions {
    ReadOptions {
        graph: GraphTarget::AsWritten,
        ..options.clone()
    }
}

fn not_started(name: &str) -> impl FnOnce(io::Error) -> LoadError + use<> {
    let name = name.to_owned();
    move |error| LoadError::Io { name, error }
}
