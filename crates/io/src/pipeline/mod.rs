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
use crate::read::{GraphTarget, OnError, Progress, QuadReader, ReadOptions, Totals};
use crate::source::Source;
use crate::turtle::{CHUNK_BYTES, Chunk, Scope, Splitter, TurtleFormat};
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

/// Adds the quads of the source with this number, from 0, to a load, and tells the observer how far it is.
pub(crate) fn load_source<B: StorageBackend>(
    store: &QuadStore<B>,
    load: &mut BulkLoad<'_, B>,
    numbered: (u64, Source),
    options: &ReadOptions,
    observer: &mut impl LoadObserver,
) -> Result<Totals, LoadError> {
    load_by_chunks(store, load, numbered, options, observer, CHUNK_BYTES)
}

/// Does so with chunks of statements of about so many bytes.
pub(crate) fn load_by_chunks<B: StorageBackend>(
    store: &QuadStore<B>,
    load: &mut BulkLoad<'_, B>,
    (number, source): (u64, Source),
    options: &ReadOptions,
    observer: &mut impl LoadObserver,
    chunk_bytes: usize,
) -> Result<Totals, LoadError> {
    let mut pipeline = Pipeline::start(store, number, source, options, chunk_bytes)?;
    let mut totals = Totals::default();
    let mut lines = 0;
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
        pipeline.give_back(parsed.buffers);
    }
    totals.bytes_read = pipeline.input.bytes_read();
    observer.progress(&pipeline.progress(&totals));
    Ok(totals)
}

impl Pipeline {
    fn start<B: StorageBackend>(
        store: &QuadStore<B>,
        number: u64,
        source: Source,
        options: &ReadOptions,
        chunk_bytes: usize,
    ) -> Result<Self, LoadError> {
        let taking = Taking {
            graph: options.graph.clone(),
            // A scope renames blank nodes before they come here.
            blank_nodes: match options.blank_nodes {
                Some(_) => BlankNodes::AsWritten,
                None => BlankNodes::OfSource(number),
            },
            skips: options.on_error == OnError::Skip
                && source.format().is_some_and(RdfFormat::can_be_read_on),
        };
        let way = Way::of(&source, options);
        let channels = Channels::new(store)?;
        let (buffers, work) = (channels.buffers, channels.work);
        let input = match way {
            Way::Lines(_) => {
                let input = source.open()?;
                read::spawn_lines(input.clone(), buffers, work)?;
                input
            }
            Way::Statements(format) => {
                let input = source.open()?;
                let scope = Scope::at_start(options.base.as_deref())?;
                let splitter = Splitter::new(input.clone(), format, scope, chunk_bytes);
                read::spawn_statements(splitter, input.clone(), buffers, work)?;
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
