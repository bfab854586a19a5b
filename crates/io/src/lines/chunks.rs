//! Cuts a stream into chunks of whole lines.

use crate::input::Input;
use std::io;

/// How much text a chunk holds, in bytes: a few thousand lines.
const CHUNK_BYTES: usize = 1 << 20;

/// A line of more bytes is an error, as it is one of oxttl's: a file without line ends must not fill the memory.
const LINE_BYTES_MAX: usize = 16 << 20;

/// The chunks of a source, one after the other.
pub(crate) struct Chunks {
    input: Input,
    /// The start of a line whose end was not read yet.
    rest: Vec<u8>,
    ended: bool,
}

impl Chunks {
    pub(crate) fn new(input: Input) -> Self {
        Self {
            input,
            rest: Vec::new(),
            ended: false,
        }
    }

    /// Replaces `text` by the next chunk; false at the end. Each chunk ends with a line, the last perhaps without its end.
    pub(crate) fn next(&mut self, text: &mut Vec<u8>) -> io::Result<bool> {
        text.clear();
        text.append(&mut self.rest);
        loop {
            let before = text.len();
            if !self.ended {
                self.ended = self.input.read_on(CHUNK_BYTES, text)? == 0;
            }
            if self.ended {
                return Ok(!text.is_empty());
            }
            // A `\r` at the end of what was read before is now known to be followed by something.
            let from = before.saturating_sub(1);
            if let Some(end) = behind_last_line(&text[from..]) {
                self.rest.extend_from_slice(&text[from + end..]);
                text.truncate(from + end);
                return Ok(true);
            }
            if text.len() > LINE_BYTES_MAX {
                let message = format!("a line is longer than {} MiB", LINE_BYTES_MAX >> 20);
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
    }
}

/// Where the last line ends that surely does: a `\r` at the end of a text may be half of a `\r\n`.
fn behind_last_line(text: &[u8]) -> Option<usize> {
    let sure = text.strip_suffix(b"\r").unwrap_or(text);
    memchr::memrchr2(b'\n', b'\r', sure).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn chunks_of(reader: impl Read + Send + 'static) -> Chunks {
        Chunks::new(Input::plain("text".to_owned(), reader))
    }

    #[test]
    fn chunks_are_whole_lines_and_together_the_text() {
        let line = format!("{}\n", "x".repeat(700_000));
        let text = format!("{}last", line.repeat(9));
        let mut chunks = chunks_of(io::Cursor::new(text.clone()));
        let (mut chunk, mut all) = (Vec::new(), Vec::new());
        while chunks.next(&mut chunk).expect("memory can be read") {
            assert!(chunk.ends_with(b"\n") || chunk.ends_with(b"last"));
            all.extend_from_slice(&chunk);
        }
        assert!(all == text.as_bytes());
    }

    /// Far more than a line may have, cut where no `\n` is; and a `\r\n` lies across the end of each read.
    #[test]
    fn a_lone_carriage_return_ends_a_line_and_one_before_a_line_feed_does_not() {
        let lone = format!("{}\r", "x".repeat(999)).repeat(20_000);
        let pairs = format!("{}\r\n", "x".repeat(CHUNK_BYTES - 1)).repeat(3);
        for text in [
            lone,
            pairs.clone(),
            format!("x{pairs}"),
            format!("{pairs}\r"),
        ] {
            let mut chunks = chunks_of(io::Cursor::new(text.clone()));
            let (mut chunk, mut all) = (Vec::new(), Vec::new());
            while chunks.next(&mut chunk).expect("lines are short") {
                all.extend_from_slice(&chunk);
                assert!(chunk.ends_with(b"\r") || chunk.ends_with(b"\n"));
                assert!(!chunk.ends_with(b"\r") || text.as_bytes().get(all.len()) != Some(&b'\n'));
            }
            assert!(all == text.as_bytes());
        }
    }

    #[test]
    fn a_text_without_lines_is_refused_before_it_fills_the_memory() {
        let mut chunks = chunks_of(io::repeat(b'x'));
        let error = chunks.next(&mut Vec::new()).expect_err("it has no end");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
