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

use crate::blank_nodes::BlankNodeScope;
use crate::error::{LoadError, SyntaxError};
use crate::format::RdfFormat;
use crate::input::Input;
use crate::lines::{ChunkReport, LineFormat};
use crate::load::LoadObserver;
use crate::read::{GraphTarget, OnError, Progress, QuadReader, ReadOptions, Totals};
use crate::source::Source;
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
    content: Content,
}

enum Content {
    /// The text of the buffers, which begins at this byte of the source.
    Lines { offset: u64 },
    /// Quads that are parsed already, and what was left out between them.
    Quads {
        quads: Vec<Quad>,
        skipped: Vec<SyntaxError>,
    },
    /// Nothing but the end.
    Failed(LoadError),
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
    /// The language of its lines, if it is parsed by lines.
    lines: Option<LineFormat>,
    ordered: Ordered,
    /// Where empty buffers go.
    empty: Sender<Buffers>,
}

/// Adds the quads of the source with this number, from 0, to a load, and tells the observer how far it is.
pub(crate) fn load_source<B: StorageBackend>(
    store: &QuadStore<B>,
    load: &mut BulkLoad<'_, B>,
    (number, source): (u64, Source),
    options: &ReadOptions,
    observer: &mut impl LoadObserver,
) -> Result<Totals, LoadError> {
    let mut pipeline = Pipeline::start(store, number, source, options)?;
    let mut totals = Totals::default();
    let mut lines = 0;
    while let Some(mut parsed) = pipeline.ordered.next(&options.context)? {
        let start = ChunkStart {
            lines,
            offset: parsed.offset,
        };
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
            return Err(error);
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
        let lines = line_format(&source, options);
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let (empty, buffers) = channel();
        for _ in 0..2 * threads + 2 {
            let fresh = Buffers {
                text: Vec::new(),
                batch: store.quad_batch()?,
            };
            // The other end is at hand.
            let _ = empty.send(fresh);
        }
        let (work, parsers, ordered) = self::channels(threads);
        let input = match lines {
            Some(_) => {
                let input = source.open()?;
                read::spawn_lines(input.clone(), buffers, work)?;
                input
            }
            None => {
                let reader = QuadReader::open(source, &unchanged(options))?.going_on(taking.skips);
                let reader = match options.blank_nodes {
                    Some(_) => reader,
                    None => reader.with_labels_as_written(),
                };
                let input = reader.input().clone();
                read::spawn_quads(reader, buffers, work)?;
                input
            }
        };
        parsers.spawn(threads, lines, &taking)?;
        Ok(Self {
            input,
            lines,
            ordered,
            empty,
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

/// The channels between reading, parsing and adding. Buffers bound how much is on its way, not the channels.
fn channels(threads: usize) -> (SyncSender<Work>, Parsers, Ordered) {
    let (work, to_parse) = sync_channel(threads);
    let (done, parsed) = channel();
    (work, Parsers::new(to_parse, done), Ordered::new(parsed))
}

/// The language of lines, if the source can go the short way.
fn line_format(source: &Source, options: &ReadOptions) -> Option<LineFormat> {
    // Without checks, IRIs and strings may hold line ends; and a scope that renames wants to see every blank node.
    let renames = |scope: &BlankNodeScope| !scope.is_as_written();
    if options.lenient || options.blank_nodes.as_ref().is_some_and(renames) {
        return None;
    }
    LineFormat::of(source.format()?)
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
