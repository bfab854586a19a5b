//! Cuts a stream of text into chunks of whole statements.
//!
//! What flows in: bytes. What flows out: the same bytes in pieces. What always holds: a piece is of about
//! [`CHUNK_BYTES`], and never much longer than [`STATEMENT_BYTES_MAX`], for then the text is no longer cut.

use super::scan::{Scanned, Scanner};
use super::{Chunk, Scope, TurtleFormat};
use std::io::{self, Read};

/// How much text a chunk holds, in bytes: some ten thousand statements, which take far longer to parse than a parser to
/// begin.
pub(crate) const CHUNK_BYTES: usize = 1 << 20;

/// How much is read at a time, in bytes.
const READ_BYTES: usize = 1 << 18;

/// Behind so many bytes without a cut, no more are looked for: a token of this length is an error of oxttl's.
const STATEMENT_BYTES_MAX: usize = 16 << 20;

/// What was taken from a stream.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Whole statements.
    Chunk(Box<Chunk>),
    /// The start of all the text that cannot be cut, and what it is to be read in.
    Rest(Box<Scope>),
    /// More of it.
    More,
}

/// The pieces of a stream, one after the other.
pub(crate) struct Splitter<R> {
    reader: R,
    scanner: Scanner,
    chunk_bytes: usize,
    /// What is in force at the start of the next chunk.
    scope: Scope,
    /// What was read of it.
    rest: Vec<u8>,
    state: State,
}

/// How a stream is gone on with.
enum State {
    Cutting,
    /// As it comes: no more cuts are looked for.
    Uncut,
    /// Not at all: it has ended.
    Ended,
    /// Not at all, which is told once what was read before is taken.
    Failed(io::Error),
}

impl<R: Read> Splitter<R> {
    /// Cuts a stream that begins in a scope into chunks of about so many bytes.
    pub(crate) fn new(reader: R, format: TurtleFormat, scope: Scope, chunk_bytes: usize) -> Self {
        Self {
            reader,
            scanner: Scanner::new(format, scope.clone()),
            chunk_bytes,
            scope,
            rest: Vec::new(),
            state: State::Cutting,
        }
    }

    /// Replaces `text` by the next piece; `None` at the end.
    pub(crate) fn next(&mut self, text: &mut Vec<u8>) -> io::Result<Option<Piece>> {
        text.clear();
        text.append(&mut self.rest);
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Cutting => self.state = State::Cutting,
            State::Uncut => {
                let read = self.read(text, READ_BYTES)?;
                self.state = State::Uncut;
                return Ok((read > 0).then_some(Piece::More));
            }
            State::Ended => return Ok(None),
            State::Failed(failure) => return Err(failure),
        }
        self.cut(text)
    }

    fn cut(&mut self, text: &mut Vec<u8>) -> io::Result<Option<Piece>> {
        loop {
            match self.scanner.scan(text, self.chunk_bytes) {
                Scanned::Cut(at, scope) => {
                    self.rest.extend_from_slice(&text[at..]);
                    text.truncate(at);
                    return Ok(Some(self.chunk(Some(scope))));
                }
                Scanned::End if text.len() <= STATEMENT_BYTES_MAX => {
                    match self.read(text, self.chunk_bytes.min(READ_BYTES)) {
                        Ok(0) => {
                            self.state = State::Ended;
                            // A graph block that is open here is to be missed by a parser.
                            let is_missed = !text.is_empty() || self.scope.is_in_graph();
                            return Ok(is_missed.then(|| self.chunk(None)));
                        }
                        Ok(_) => {}
                        // What came before it may be wrong too, and is told of first.
                        Err(failure) => {
                            return Ok(Some(self.give_up(State::Failed(failure))));
                        }
                    }
                }
                Scanned::End | Scanned::Lost => return Ok(Some(self.give_up(State::Uncut))),
            }
        }
    }

    fn chunk(&mut self, end: Option<Scope>) -> Piece {
        let start = std::mem::take(&mut self.scope);
        self.scope = end.clone().unwrap_or_default();
        Piece::Chunk(Box::new(Chunk { start, end }))
    }

    fn give_up(&mut self, state: State) -> Piece {
        self.state = state;
        Piece::Rest(Box::new(std::mem::take(&mut self.scope)))
    }

    fn read(&mut self, text: &mut Vec<u8>, bytes: usize) -> io::Result<usize> {
        let limit = bytes.max(1) as u64;
        self.reader.by_ref().take(limit).read_to_end(text)
    }
}
