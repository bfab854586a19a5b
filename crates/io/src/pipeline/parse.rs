//! The threads that parse: text to batches, or quads to batches.

use super::{Buffers, Content, Parsed, Receiver, Sender, Taking, Way, Work, not_started};
use crate::directions::Directions;
use crate::error::LoadError;
use crate::lines::{ChunkReport, LineParser, line_ends};
use crate::turtle::{ChunkParser, Scope};
use oxrdf::Quad;
use quadrille_store::{QuadBatch, StorageError, StorageResult};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What the parsing threads share.
pub(super) struct Parsers {
    work: Arc<Mutex<Receiver<Work>>>,
    done: Sender<Parsed>,
}

impl Parsers {
    pub(super) fn new(work: Receiver<Work>, done: Sender<Parsed>) -> Self {
        Self {
            work: Arc::new(Mutex::new(work)),
            done,
        }
    }

    /// Starts the threads. They end with the work, or when nobody wants what they parse.
    pub(super) fn spawn(self, threads: usize, way: Way, taking: &Taking) -> Result<(), LoadError> {
        for _ in 0..threads {
            let (work, done, taking) = (Arc::clone(&self.work), self.done.clone(), taking.clone());
            thread::Builder::new()
                .name("quadrille-parse".to_owned())
                .spawn(move || parse_all(&work, &done, way, &taking))
                .map_err(not_started("a thread could not be started"))?;
        }
        Ok(())
    }
}

fn parse_all(work: &Mutex<Receiver<Work>>, done: &Sender<Parsed>, way: Way, taking: &Taking) {
    let mut parser = Parser::new(way, taking);
    loop {
        // The guard is gone before the parsing begins.
        let item = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(item) = item else {
            return;
        };
        if done.send(parsed_of(item, &mut parser, taking)).is_err() {
            return;
        }
    }
}

/// What comes of an item. A panic of a parser, which is a mistake of the program and no less an end of the load, is an
/// error of that item: who waits for it would wait for ever.
fn parsed_of(work: Work, parser: &mut Parser, taking: &Taking) -> Parsed {
    let mut parsed = Parsed {
        number: work.number,
        bytes_read: work.bytes_read,
        buffers: work.buffers,
        offset: work.offset,
        report: ChunkReport::default(),
        rejected: Vec::new(),
        error: None,
        uncut: None,
        end: None,
        is_end: false,
    };
    let parse = AssertUnwindSafe(|| parser.parse(work.content, &mut parsed, taking));
    if catch_unwind(parse).is_err() {
        parsed.error = Some(stopped());
    }
    parsed
}

/// A thread has stopped where it must not.
pub(super) fn stopped() -> LoadError {
    LoadError::Store(StorageError::misuse(
        "a thread that reads or parses has stopped",
    ))
}

/// What a thread parses with.
struct Parser {
    lines: Option<LineParser>,
    statements: Option<ChunkParser>,
}

impl Parser {
    fn new(way: Way, taking: &Taking) -> Self {
        let (graph, blank_nodes) = (taking.graph.clone(), taking.blank_nodes);
        let (mut lines, mut statements) = (None, None);
        match way {
            Way::Lines(format) => {
                lines = Some(LineParser::new(format, graph, blank_nodes, taking.skips));
            }
            Way::Statements(format) => {
                statements = Some(ChunkParser::new(format, graph, blank_nodes));
            }
            Way::Uncut => {}
        }
        Self { lines, statements }
    }

    fn parse(&mut self, content: Content, parsed: &mut Parsed, taking: &Taking) {
        let Buffers { text, batch } = &mut parsed.buffers;
        let result = match content {
            Content::Lines => match self.lines.as_mut() {
                Some(parser) => parser.parse(text, batch).map(|report| {
                    parsed.report = report;
                    // A `\r` that ends a chunk is not half of a `\r\n`.
                    let is_whole = matches!(text.last(), Some(b'\n' | b'\r'));
                    parsed.end = is_whole.then(Scope::default);
                }),
                None => Ok(()),
            },
            Content::Statements(chunk) => match self.statements.as_mut() {
                Some(parser) => parser.parse(&chunk, text, batch).map(|counts| {
                    parsed.report.lines = line_ends(text);
                    if counts {
                        parsed.end = chunk.end;
                    } else {
                        parsed.uncut = Some(Box::new(chunk.start));
                    }
                }),
                None => Ok(()),
            },
            Content::Uncut(scope) => {
                parsed.uncut = Some(scope);
                Ok(())
            }
            Content::MoreUncut => Ok(()),
            Content::Quads { quads, skipped } => {
                parsed.rejected = skipped;
                push_all(batch, &quads, taking)
            }
            Content::Failed(failure) => {
                parsed.error = Some(failure);
                Ok(())
            }
            Content::End => {
                parsed.is_end = true;
                Ok(())
            }
        };
        if let Err(full) = result {
            parsed.error = Some(full.into());
        }
    }
}

fn push_all(batch: &mut QuadBatch, quads: &[Quad], taking: &Taking) -> StorageResult<()> {
    let directions = Directions::new(batch, &taking.graph)?;
    quads
        .iter()
        .try_for_each(|quad| directions.push(batch, quad, taking.blank_nodes))
}
