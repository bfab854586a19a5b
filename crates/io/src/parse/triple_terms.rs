//! Watches for triple terms nested so deep that the parser could not even free them.
//!
//! What flows in: text of a format with triple terms, and word of every quad that the parser has made of it. What flows
//! out: the same text. What always holds: no more than [`OPENED_MAX`] triple terms begin without a quad coming out, so
//! none is deeper. Where triple terms begin, text is handed out in pieces so small that what lies
//! ahead of the last quad is little.

use super::guard::TooFar;
use crate::input::{Input, Place};
use crate::read::TRIPLE_TERM_DEPTH_MAX;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many times `<<(` may come without a quad. Far more than the depth that is accepted, as it may also stand in a
/// literal; far less than what exhausts a stack.
pub(crate) const OPENED_MAX: usize = 3_000;

/// How much text in which triple terms begin is handed out at a time, in bytes.
const PIECE_BYTES: usize = 4096;

/// A reader that stops where triple terms nest too deep.
pub(super) struct Watched {
    input: Input,
    opened: Opened,
    /// How many `<` stand just before.
    brackets: u8,
    offset: u64,
    /// What has been read and not yet handed out, backwards.
    rest: Vec<u8>,
}

/// How many triple terms have begun since the last quad.
#[derive(Clone, Default)]
pub(super) struct Opened(Arc<AtomicUsize>);

impl Opened {
    /// Notes that a quad has come: whatever was nested is at its end.
    pub(super) fn quad_came(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

impl Watched {
    pub(super) fn new(input: Input, opened: &Opened) -> Self {
        Self {
            input,
            opened: opened.clone(),
            brackets: 0,
            offset: 0,
            rest: Vec::new(),
        }
    }
}

impl Watched {
    /// How many triple terms begin in the next bytes.
    fn count_opened(&mut self, bytes: &[u8]) -> usize {
        let mut opened = 0;
        for byte in bytes {
            self.brackets = match byte {
                b'<' => self.brackets.saturating_add(1),
                b'(' if self.brackets >= 2 => {
                    opened += 1;
                    0
                }
                _ => 0,
            };
        }
        opened
    }

    /// Reads into the buffer, where triple terms begin in it a small piece.
    fn read_piece(&mut self, buffer: &mut [u8]) -> io::Result<(usize, usize)> {
        if !self.rest.is_empty() {
            let count = self.rest.len().min(buffer.len()).min(PIECE_BYTES);
            let (from, to) = (self.rest.len() - count, &mut buffer[..count]);
            // The rest lies backwards, so that its beginning is taken off its end.
            to.copy_from_slice(&self.rest[from..]);
            to.reverse();
            self.rest.truncate(from);
            let opened = self.count_opened(&buffer[..count]);
            return Ok((count, opened));
        }
        let count = self.input.read(buffer)?;
        let brackets = self.brackets;
        let opened = self.count_opened(&buffer[..count]);
        if opened == 0 || count <= PIECE_BYTES {
            return Ok((count, opened));
        }
        self.brackets = brackets;
        self.rest.extend(buffer[PIECE_BYTES..count].iter().rev());
        let opened = self.count_opened(&buffer[..PIECE_BYTES]);
        Ok((PIECE_BYTES, opened))
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (count, opened) = self.read_piece(buffer)?;
        self.offset += count as u64;
        if opened > 0 && self.opened.0.fetch_add(opened, Ordering::Relaxed) + opened > OPENED_MAX {
            let place = self.input.place_of_last(b'<', self.offset);
            let message = format!("a triple term is nested more than {TRIPLE_TERM_DEPTH_MAX} deep");
            let place = place.unwrap_or(Place::START);
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                TooFar { place, message },
            ));
        }
        Ok(count)
    }
}
