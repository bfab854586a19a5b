//! The thread that reads: text by the chunk, or quads that only one thread can parse.

use super::{Buffers, Content, Receiver, SyncSender, Work, not_started};
use crate::error::LoadError;
use crate::input::Input;
use crate::lines::Chunks;
use crate::read::QuadReader;
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
    let mut number = 0;
    let mut error = None;
    let mut ended = false;
    while !ended {
        let Ok(buffers) = buffers.recv() else {
            return;
        };
        let content = match error.take() {
            Some(error) => {
                ended = true;
                Content::Failed(error)
            }
            None => {
                let mut quads = Vec::with_capacity(QUADS);
                let result = reader.by_ref().take(QUADS).try_for_each(|quad| {
                    quads.push(quad?);
                    Ok(())
                });
                error = result.err();
                ended = error.is_none() && quads.len() < QUADS;
                Content::Quads(quads)
            }
        };
        let item = Work {
            number,
            bytes_read: reader.progress().bytes_read,
            buffers,
            content,
        };
        if work.send(item).is_err() {
            return;
        }
        number += 1;
    }
}
