//! What is wrong with a faulty line, in the words of the parser of the whole grammar.

use super::{Buffers, Ordered, Pipeline, Sender, Way};
use crate::error::{Excerpt, LoadError, SyntaxError};
use crate::input::Input;
use crate::lines::FaultyLine;
use crate::read::{QuadReader, ReadOptions};
use quadrille_store::{ReadContext, StorageError};
use std::io::{self, Cursor, Read};

/// The text from a place on.
pub(super) struct Following {
    ordered: Ordered,
    empty: Sender<Buffers>,
    context: ReadContext,
    text: Cursor<Vec<u8>>,
}

impl Following {
    /// A text, and then what a pipeline has not given out yet.
    pub(super) fn new(
        text: Vec<u8>,
        ordered: Ordered,
        empty: Sender<Buffers>,
        options: &ReadOptions,
    ) -> Self {
        Self {
            ordered,
            empty,
            context: options.context.clone(),
            text: Cursor::new(text),
        }
    }
}

impl Read for Following {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.text.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            match self.ordered.next(&self.context) {
                Ok(Some(mut parsed)) => {
                    if let Some(LoadError::Io { error, .. }) = parsed.error {
                        return Err(error);
                    }
                    self.text = Cursor::new(std::mem::take(&mut parsed.buffers.text));
                    parsed.buffers.batch.clear();
                    // A reader that has come to its end wants no more.
                    let _ = self.empty.send(parsed.buffers);
                }
                Ok(None) => return Ok(0),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

/// Where a chunk begins.
#[derive(Clone, Copy, Default)]
pub(super) struct ChunkStart {
    /// The ends of lines before it.
    pub(super) lines: u64,
    /// The bytes of text before it.
    pub(super) offset: u64,
}

impl ChunkStart {
    /// Where a line of the chunk begins.
    fn of_line(self, line: &FaultyLine) -> Self {
        Self {
            lines: self.lines + line.lines_before,
            offset: self.offset + line.range.start as u64,
        }
    }
}

impl Pipeline {
    /// What the parser says that reads on from a faulty line of a chunk: its first token may go beyond the line.
    pub(super) fn fault_of(
        self,
        line: &FaultyLine,
        text: &[u8],
        start: ChunkStart,
        options: &ReadOptions,
    ) -> LoadError {
        let following = Following::new(
            text[line.range.start..].to_vec(),
            self.ordered,
            self.empty,
            options,
        );
        let name = self.input.name().to_owned();
        let place = (&text[line.range.start..], start.of_line(line));
        said_of(Input::plain(name, following), self.way, place, options)
    }

    /// What the parser says of a faulty line by itself.
    pub(super) fn fault_alone(
        &self,
        line: &FaultyLine,
        text: &[u8],
        start: ChunkStart,
        options: &ReadOptions,
    ) -> LoadError {
        let alone = Cursor::new(text[line.range.clone()].to_vec());
        let name = self.input.name().to_owned();
        let place = (&text[line.range.start..], start.of_line(line));
        said_of(Input::plain(name, alone), self.way, place, options)
    }
}

/// The first error of an input, whose text begins with this one, at this place of the source.
fn said_of(
    input: Input,
    way: Way,
    (text, start): (&[u8], ChunkStart),
    options: &ReadOptions,
) -> LoadError {
    let Way::Lines(format) = way else {
        return nothing_wrong();
    };
    let error = match QuadReader::over(input, format.format(), options) {
        Ok(mut reader) => reader.find_map(Result::err),
        Err(error) => Some(error),
    };
    error.map_or_else(nothing_wrong, |error| moved(shown_from(error, text), start))
}

/// The error of a text, with what stands at its place: a reader keeps the last it has read, which a long text that is not
/// closed goes beyond.
fn shown_from(error: LoadError, text: &[u8]) -> LoadError {
    match error {
        LoadError::Syntax(error) if error.excerpt.is_none() => {
            let offset = usize::try_from(error.offset).ok();
            let split = offset.and_then(|offset| text.split_at_checked(offset));
            LoadError::from(SyntaxError {
                excerpt: split.map(|(before, after)| Excerpt::new(before, after)),
                ..*error
            })
        }
        error => error,
    }
}

/// The error of a text that begins at a place, as one of the whole text. The numbers of a place that is before the start
/// of the whole have wrapped around, and do so once more.
pub(super) fn moved(error: LoadError, start: ChunkStart) -> LoadError {
    match error {
        LoadError::Syntax(error) => LoadError::from(SyntaxError {
            line: error.line.wrapping_add(start.lines),
            offset: error.offset.wrapping_add(start.offset),
            ..*error
        }),
        error => error,
    }
}

/// A line is only called faulty when a parser has refused it.
fn nothing_wrong() -> LoadError {
    LoadError::Store(StorageError::misuse("a line was refused without a reason"))
}
