//! The byte stream under a parser: buffered, counted, and with its last part kept for error messages.
//!
//! What flows in: the bytes of a source. What flows out: the same bytes to the parser; the count of those handed over;
//! and the text around a position. What always holds: two buffers of [`BUFFER_BYTES`] are all the memory it takes, and
//! the bytes of the last two are at hand.

use crate::compression::{Compression, RawBytes, decompress};
use crate::error::{EXCERPT_CHARACTERS_MAX, Excerpt, LoadError};
use quadrille_store::ReadContext;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How much is read at a time, in bytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// How far around a position the text is looked at, in bytes: an excerpt's characters at four bytes each.
const EXCERPT_BYTES: usize = EXCERPT_CHARACTERS_MAX * 4;

/// A place in a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    /// The line, from 1.
    pub(crate) line: u64,
    /// The column in characters, from 1.
    pub(crate) column: u64,
    /// The position in bytes, from 0.
    pub(crate) offset: u64,
}

impl Place {
    /// Where a text begins.
    pub(crate) const START: Self = Self {
        line: 1,
        column: 1,
        offset: 0,
    };

    /// Goes on to the next byte.
    pub(crate) fn pass(&mut self, byte: u8) {
        self.offset += 1;
        match byte {
            b'\n' => {
                self.line += 1;
                self.column = 1;
            }
            // The further bytes of a character.
            0x80..=0xbf => {}
            _ => self.column += 1,
        }
    }
}

/// A source being read. Clones share the stream: one belongs to the parser, one to who reports on it.
#[derive(Clone)]
pub(crate) struct Input {
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    bytes_total: Option<u64>,
    /// The compressed bytes under the text, if it is compressed: progress counts those.
    raw: Option<Arc<RawBytes>>,
    /// The path, if the file can be opened once more.
    again: Option<PathBuf>,
    stream: Mutex<Stream>,
}

struct Stream {
    reader: Box<dyn Read + Send>,
    /// What was read last; `taken` bytes of it have been handed over.
    current: Vec<u8>,
    taken: usize,
    /// What was read before that.
    previous: Vec<u8>,
    /// The position of `current` in the text.
    current_offset: u64,
    /// The ends of lines before `previous`.
    lines_before: u64,
}

impl Input {
    /// A stream that is read for the first time; what is compressed is decompressed.
    pub(crate) fn new(
        name: String,
        reader: Box<dyn Read + Send>,
        bytes_total: Option<u64>,
        again: Option<PathBuf>,
    ) -> io::Result<Self> {
        let (reader, raw) = decompress(reader, Compression::from_path(&name))?;
        Ok(Self::with_text(name, reader, bytes_total, again, raw))
    }

    /// A file whose text is read from a place on, which must be there; one that is compressed is decompressed from its start.
    pub(crate) fn of_file_from(
        name: String,
        path: PathBuf,
        offset: u64,
        context: &ReadContext,
    ) -> Result<Self, LoadError> {
        let failed = |error| LoadError::Io {
            name: name.clone(),
            error,
        };
        let file = File::open(&path).map_err(failed)?;
        let bytes_total = file.metadata().map_err(failed)?.len();
        let (mut reader, raw) =
            decompress(Box::new(file), Compression::from_path(&name)).map_err(failed)?;
        if raw.is_none() {
            let mut file = File::open(&path).map_err(failed)?;
            file.seek(SeekFrom::Start(offset)).map_err(failed)?;
            reader = Box::new(file);
        } else {
            let mut left = offset;
            while left > 0 {
                context.check()?;
                let part = left.min(BUFFER_BYTES as u64);
                let mut part = (&mut reader).take(part);
                match io::copy(&mut part, &mut io::sink()).map_err(failed)? {
                    0 => return Err(failed(io::ErrorKind::UnexpectedEof.into())),
                    count => left -= count,
                }
            }
        }
        let input = Self::with_text(name, reader, Some(bytes_total), Some(path), raw);
        input.stream().current_offset = offset;
        Ok(input)
    }

    /// A text that is not compressed, whatever it begins with.
    pub(crate) fn plain(name: String, text: impl Read + Send + 'static) -> Self {
        Self::with_text(name, Box::new(text), None, None, None)
    }

    fn with_text(
        name: String,
        reader: Box<dyn Read + Send>,
        bytes_total: Option<u64>,
        again: Option<PathBuf>,
        raw: Option<Arc<RawBytes>>,
    ) -> Self {
        let stream = Mutex::new(Stream {
            reader,
            current: Vec::new(),
            taken: 0,
            previous: Vec::new(),
            current_offset: 0,
            lines_before: 0,
        });
        Self {
            shared: Arc::new(Shared {
                name,
                bytes_total,
                raw,
                again,
                stream,
            }),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.shared.name
    }

    /// The length of the source as it is stored, if it is known.
    pub(crate) fn bytes_total(&self) -> Option<u64> {
        self.shared.bytes_total
    }

    /// How many bytes of the source have been read: of text, those handed to the parser.
    pub(crate) fn bytes_read(&self) -> u64 {
        if let Some(raw) = &self.shared.raw {
            return raw.read();
        }
        let stream = self.stream();
        stream.current_offset + stream.taken as u64
    }

    /// Appends up to so many bytes to a text, and keeps none of them for messages; how many there were. Less than so many
    /// come only at the end.
    pub(crate) fn read_on(&self, bytes: usize, text: &mut Vec<u8>) -> io::Result<usize> {
        let mut stream = self.stream();
        let count = stream
            .reader
            .by_ref()
            .take(bytes as u64)
            .read_to_end(text)?;
        stream.current_offset += count as u64;
        Ok(count)
    }

    /// The line around a position, if its text can still be had.
    pub(crate) fn excerpt(&self, offset: u64) -> Option<Excerpt> {
        let kept = self.stream().excerpt(offset);
        kept.or_else(|| self.excerpt_of_file(offset).ok().flatten())
    }

    /// The line around a position that is no longer kept: a long text that is not closed begins far back.
    fn excerpt_of_file(&self, offset: u64) -> io::Result<Option<Excerpt>> {
        let Some(path) = &self.shared.again else {
            return Ok(None);
        };
        let mut file = File::open(path)?;
        let start = offset.saturating_sub(EXCERPT_BYTES as u64);
        let mut text: Box<dyn Read> = if self.shared.raw.is_some() {
            let (mut text, _) = decompress(Box::new(file), None)?;
            io::copy(&mut (&mut text).take(start), &mut io::sink())?;
            text
        } else {
            file.seek(SeekFrom::Start(start))?;
            Box::new(file)
        };
        let mut bytes = Vec::new();
        let wanted = offset - start + EXCERPT_BYTES as u64;
        (&mut text).take(wanted).read_to_end(&mut bytes)?;
        let split = usize::try_from(offset - start).unwrap_or(usize::MAX);
        Ok(bytes
            .split_at_checked(split)
            .map(|(before, after)| Excerpt::new(before, after)))
    }

    /// The place of the last such byte before a position, if the text there is still kept.
    pub(crate) fn place_of_last(&self, byte: u8, offset: u64) -> Option<Place> {
        let stream = self.stream();
        let start = stream.current_offset - stream.previous.len() as u64;
        let length = usize::try_from(offset.checked_sub(start)?).ok()?;
        let kept = || stream.previous.iter().chain(&stream.current).take(length);
        let before = kept()
            .enumerate()
            .filter(|(_, other)| **other == byte)
            .last()
            .map_or(0, |(index, _)| index);
        let mut place = Place {
            line: 1 + stream.lines_before,
            column: 1,
            offset: start,
        };
        kept().take(before).for_each(|byte| place.pass(*byte));
        Some(place)
    }

    fn stream(&self) -> MutexGuard<'_, Stream> {
        // A panic elsewhere leaves the buffers whole: each step below ends in a valid state.
        self.shared
            .stream
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream().read(buffer)
    }
}

impl Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.current.len() {
            self.refill()?;
        }
        let rest = &self.current[self.taken..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        Ok(count)
    }

    fn refill(&mut self) -> io::Result<()> {
        let mut next = std::mem::take(&mut self.previous);
        self.lines_before += next.iter().filter(|byte| **byte == b'\n').count() as u64;
        next.clear();
        let limit = BUFFER_BYTES as u64;
        let result = self.reader.by_ref().take(limit).read_to_end(&mut next);
        if result.is_err() || next.is_empty() {
            // At the end, and after an error, what was read last stays at hand for messages.
            return result.map(|_| ());
        }
        self.current_offset += self.current.len() as u64;
        self.previous = std::mem::replace(&mut self.current, next);
        self.taken = 0;
        Ok(())
    }

    fn excerpt(&self, offset: u64) -> Option<Excerpt> {
        let start = self.current_offset - self.previous.len() as u64;
        let at = usize::try_from(offset.checked_sub(start)?).ok()?;
        if at > self.previous.len() + self.current.len() {
            return None;
        }
        let from = at.saturating_sub(EXCERPT_BYTES);
        if from == 0 && start > 0 {
            return None;
        }
        let kept = || self.previous.iter().chain(&self.current).copied();
        let before: Vec<u8> = kept().skip(from).take(at - from).collect();
        let after: Vec<u8> = kept().skip(at).take(EXCERPT_BYTES).collect();
        Some(Excerpt::new(&before, &after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out at most seven bytes at a time.
    struct Trickle(io::Cursor<Vec<u8>>);

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let end = buffer.len().min(7);
            self.0.read(&mut buffer[..end])
        }
    }

    fn input(bytes: Vec<u8>) -> Input {
        let reader = Box::new(Trickle(io::Cursor::new(bytes)));
        Input::new("test".to_owned(), reader, None, None).expect("a stream that begins")
    }

    #[test]
    fn all_bytes_arrive_and_are_counted() {
        let bytes: Vec<u8> = (0..10_000_u32).flat_map(u32::to_be_bytes).collect();
        let mut reader = input(bytes.clone());
        let mut arrived = Vec::new();
        reader.read_to_end(&mut arrived).expect("reads");
        assert_eq!(arrived, bytes);
        assert_eq!(reader.bytes_read(), bytes.len() as u64);
    }

    #[test]
    fn the_text_around_the_last_bytes_is_at_hand() {
        let mut reader = input(b"one\ntwo here\nthree".to_vec());
        let mut arrived = [0; 9];
        reader.read_exact(&mut arrived).expect("reads");
        let excerpt = reader.excerpt(6).expect("kept");
        assert_eq!(excerpt.text, "two here");
        assert_eq!(excerpt.mark, 2);
        assert!(reader.excerpt(100).is_none());
    }
}
