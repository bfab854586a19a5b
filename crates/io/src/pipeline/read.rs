//! The thread that reads: text by the chunk, or quads that only one thread can parse.

use super::{Buffers, Content, Receiver, SyncSender, Work, not_started};
use crate::error::{LoadError, SyntaxError};
use crate::input::Input;
use crate::lines::Chunks;
use crate::read::QuadReader;
use oxrdf::Quad;
use std::thread;

/// As many quads are handed on at a time.
const QUADS: usize = 4096;

/// Reads whole lines for the parsers.
pub(super) fn spawn_lines(
    input: Input,
    buffers: Receiver<Buffers>,
    work: SyncSender<Work>,
) -> Result<(), LoadError> {
    let failed = not_started(input.name());
    thread::Builder::new()
        .name("quadrille-read".to_owned())
        .spawn(move || read_lines(&input, &buffers, &work))
        .map(drop)
        .map_err(failed)
}

fn read_lines(input: &Input, buffers: &Receiver<Buffers>, work: &SyncSender<Work>) {
    let mut chunks = Chunks::new(input.clone());
    let mut offset = 0;
    // Without a sender of buffers or a taker of work, nobody waits for more.
    for (number, mut buffers) in (0..).zip(buffers) {
        let content = match chunks.next(&mut buffers.text) {
            Ok(true) => Content::Lines { offset },
            Ok(false) => return,
            Err(error) => Content::Failed(LoadError::Io {
                name: input.name().to_owned(),
                error,
            }),
        };
        offset += buffers.text.len() as u64;
        let ended = matches!(content, Content::Failed(_));
        let item = Work {
            number,
            bytes_read: input.bytes_read(),
            buffers,
            content,
        };
        if work.send(item).is_err() || ended {
            return;
        }
    }
}

/// Parses, where a text cannot be cut, and hands the quads on.
pub(super) fn spawn_quads(
    reader: QuadReader,
    buffers: Receiver<Buffers>,
    work: SyncSender<Work>,
) -> Result<(), LoadError> {
    let failed = not_started(reader.progress().name);
    thread::Builder::new()
        .name("quadrille-read".to_owned())
        .spawn(move || read_quads(reader, &buffers, &work))
        .map(drop)
        .map_err(failed)
}

fn read_quads(mut reader: QuadReader, buffers: &Receiver<Buffers>, work: &SyncSender<Work>) {
    let mut failure = None;
    for (number, buffers) in (0..).zip(buffers) {
        let (content, is_last) = match failure.take() {
            Some(failure) => (Content::Failed(failure), true),
            None => {
                let (mut quads, mut skipped) = (Vec::with_capacity(QUADS), Vec::new());
                failure = fill(&mut reader, &mut quads, &mut skipped).err();
                let is_last = failure.is_none() && quads.len() < QUADS;
                (Content::Quads { quads, skipped }, is_last)
            }
        };
        let item = Work {
            number,
            bytes_read: reader.progress().bytes_read,
            buffers,
            content,
        };
        if work.send(item).is_err() || is_last {
            return;
        }
    }
}

/// Takes quads until there are enough, and what is left out of a source that is read on.
fn fill(
    reader: &mut QuadReader,
    quads: &mut Vec<Quad>,
    skipped: &mut Vec<SyntaxError>,
) -> Result<(), LoadError> {
    while quads.len() < QUADS {
        match reader.next() {
            Some(Ok(quad)) => quads.push(quad),
            Some(Err(LoadError::Syntax(error))) if reader.is_going_on() => skipped.push(*error),
            Some(Err(error)) => return Err(error),
            None => return Ok(()),
        }
    }
    Ok(())
}
