//! The thread that reads: text by the chunk, or quads that only one thread can parse.

use super::{Buffers, Content, Receiver, SyncSender, Work, not_started};
use crate::error::{LoadError, SyntaxError};
use crate::input::Input;
use crate::lines::Chunks;
use crate::read::QuadReader;
use crate::turtle::{Piece, Splitter};
use oxrdf::{Quad, Term};
use std::io;
use std::thread;

/// As many quads are handed on at a time.
const QUADS: usize = 4096;

/// Fewer are when their objects are longer together, in bytes.
const BYTES: usize = 1 << 20;

/// Reads whole lines for the parsers, from where the input is: a place of the source's text.
pub(super) fn spawn_lines(
    input: Input,
    buffers: Receiver<Buffers>,
    work: SyncSender<Work>,
    offset: u64,
) -> Result<(), LoadError> {
    let mut chunks = Chunks::new(input.clone());
    spawn_text(input, buffers, work, offset, move |text| {
        Ok(chunks.next(text)?.then_some(Content::Lines))
    })
}

/// Reads whole statements for the parsers, as far as there are ends of statements to be found.
pub(super) fn spawn_statements(
    mut splitter: Splitter<Input>,
    input: Input,
    buffers: Receiver<Buffers>,
    work: SyncSender<Work>,
    offset: u64,
) -> Result<(), LoadError> {
    spawn_text(input, buffers, work, offset, move |text| {
        Ok(splitter.next(text)?.map(|piece| match piece {
            Piece::Chunk(chunk) => Content::Statements(chunk),
            Piece::Rest(scope) => Content::Uncut(scope),
            Piece::More => Content::MoreUncut,
        }))
    })
}

/// Hands on text as a function takes it from an input.
fn spawn_text(
    input: Input,
    buffers: Receiver<Buffers>,
    work: SyncSender<Work>,
    offset: u64,
    mut next: impl FnMut(&mut Vec<u8>) -> io::Result<Option<Content>> + Send + 'static,
) -> Result<(), LoadError> {
    let failed = not_started(input.name());
    thread::Builder::new()
        .name("quadrille-read".to_owned())
        .spawn(move || read_text(&input, &buffers, &work, offset, &mut next))
        .map(drop)
        .map_err(failed)
}

fn read_text(
    input: &Input,
    buffers: &Receiver<Buffers>,
    work: &SyncSender<Work>,
    mut offset: u64,
    next: &mut impl FnMut(&mut Vec<u8>) -> io::Result<Option<Content>>,
) {
    // Without a sender of buffers or a taker of work, nobody waits for more.
    for (number, mut buffers) in (0..).zip(buffers) {
        let content = match next(&mut buffers.text) {
            Ok(Some(content)) => content,
            Ok(None) => Content::End,
            Err(error) => Content::Failed(LoadError::Io {
                name: input.name().to_owned(),
                error,
            }),
        };
        let ended = matches!(content, Content::Failed(_) | Content::End);
        let item = Work {
            number,
            bytes_read: input.bytes_read(),
            offset,
            buffers,
            content,
        };
        offset += item.buffers.text.len() as u64;
        if work.send(item).is_err() || ended {
            return;
        }
    }
}

/// Parses, where a text cannot be cut, and hands the quads on. How far it is, the input tells.
pub(super) fn spawn_quads(
    reader: QuadReader,
    input: Input,
    buffers: Receiver<Buffers>,
    work: SyncSender<Work>,
) -> Result<(), LoadError> {
    let failed = not_started(input.name());
    thread::Builder::new()
        .name("quadrille-read".to_owned())
        .spawn(move || read_quads(reader, &input, &buffers, &work))
        .map(drop)
        .map_err(failed)
}

fn read_quads(
    mut reader: QuadReader,
    input: &Input,
    buffers: &Receiver<Buffers>,
    work: &SyncSender<Work>,
) {
    let mut last = None;
    for (number, buffers) in (0..).zip(buffers) {
        let is_last = last.is_some();
        let content = last.take().unwrap_or_else(|| {
            let (mut quads, mut skipped) = (Vec::with_capacity(QUADS), Vec::new());
            last = match fill(&mut reader, &mut quads, &mut skipped) {
                Ok(true) => None,
                Ok(false) => Some(Content::End),
                Err(failure) => Some(Content::Failed(failure)),
            };
            Content::Quads { quads, skipped }
        });
        let item = Work {
            number,
            bytes_read: input.bytes_read(),
            offset: 0,
            buffers,
            content,
        };
        if work.send(item).is_err() || is_last {
            return;
        }
    }
}

/// Takes quads until there are enough, and what is left out of a source that is read on; false at the end.
fn fill(
    reader: &mut QuadReader,
    quads: &mut Vec<Quad>,
    skipped: &mut Vec<SyntaxError>,
) -> Result<bool, LoadError> {
    let mut bytes = 0;
    while quads.len() < QUADS && skipped.len() < QUADS && bytes < BYTES {
        match reader.next() {
            Some(Ok(quad)) => {
                bytes += text_bytes(&quad.object);
                quads.push(quad);
            }
            Some(Err(LoadError::Syntax(error))) if reader.is_going_on() => skipped.push(*error),
            Some(Err(error)) => return Err(error),
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// The text of an object, which alone is often long.
fn text_bytes(object: &Term) -> usize {
    match object {
        Term::Literal(literal) => literal.value().len(),
        Term::NamedNode(node) => node.as_str().len(),
        _ => 0,
    }
}
