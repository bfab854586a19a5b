//! Zstandard: all frames of a stream one after the other, checksums compared.
//!
//! What flows in: frames, or text. What flows out: the text of all frames, or frames of [`FRAME_TEXT_BYTES`] of text.
//! What always holds: the end of the stream is the end of a frame, else it is an error.

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::io::{self, BufRead, Read, Write};

/// How much text goes into a frame, in bytes.
const FRAME_TEXT_BYTES: usize = 4 * 1024 * 1024;

/// Reads the frames of a stream.
pub(super) struct Decoder<R> {
    source: R,
    decoder: FrameDecoder,
    is_in_frame: bool,
}

impl<R: BufRead> Decoder<R> {
    pub(super) fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(u64::from(super::WINDOW_BYTES_MAX));
        Self {
            source,
            decoder,
            is_in_frame: false,
        }
    }

    /// Decodes until there is text or the frame is at its end.
    fn decode(&mut self) -> io::Result<()> {
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            let one_block = BlockDecodingStrategy::UptoBlocks(1);
            self.decoder
                .decode_blocks(&mut self.source, one_block)
                .map_err(|error| self.explain(error))?;
        }
        Ok(())
    }

    fn end_frame(&mut self) -> io::Result<()> {
        self.is_in_frame = false;
        let stored = self.decoder.get_checksum_from_data();
        if stored.is_some() && stored != self.decoder.get_calculated_checksum() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the checksum does not match",
            ));
        }
        Ok(())
    }

    /// Begins the next frame; `false` at the end of the stream.
    fn begin_frame(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => {
                    self.is_in_frame = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => self.skip(u64::from(length))?,
                Err(error) => return Err(self.explain(error)),
            }
        }
        Ok(false)
    }

    fn skip(&mut self, length: u64) -> io::Result<()> {
        let skipped = io::copy(&mut (&mut self.source).take(length), &mut io::sink())?;
        match skipped == length {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// The error of the decoder, told apart from the end of the stream: the decoder hides which it was.
    fn explain(&mut self, error: FrameDecoderError) -> io::Error {
        match self.source.fill_buf() {
            Ok([]) => io::ErrorKind::UnexpectedEof.into(),
            Ok(_) => io::Error::new(io::ErrorKind::InvalidData, error),
            Err(failure) => failure,
        }
    }
}

impl<R: BufRead> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.is_in_frame {
                self.decode()?;
                if self.decoder.can_collect() > 0 {
                    return self.decoder.read(buffer);
                }
                self.end_frame()?;
            }
            if !self.begin_frame()? {
                return Ok(0);
            }
        }
    }
}

/// Writes frames.
pub(super) struct Encoder<W> {
    writer: W,
    text: Vec<u8>,
    has_frames: bool,
}

impl<W: Write> Encoder<W> {
    pub(super) fn new(writer: W) -> Self {
        Self {
            writer,
            text: Vec::new(),
            has_frames: false,
        }
    }

    /// Writes the last frame; no text at all makes one, too, so that the stream is told from an empty file.
    pub(super) fn finish(mut self) -> io::Result<W> {
        if !self.text.is_empty() || !self.has_frames {
            self.write_frame()?;
        }
        Ok(self.writer)
    }

    fn write_frame(&mut self) -> io::Result<()> {
        let frame = compress_to_vec(self.text.as_slice(), CompressionLevel::Fastest);
        self.text.clear();
        self.has_frames = true;
        self.writer.write_all(&frame)
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = FRAME_TEXT_BYTES - self.text.len();
        let count = bytes.len().min(room);
        self.text.extend_from_slice(&bytes[..count]);
        if self.text.len() == FRAME_TEXT_BYTES {
            self.write_frame()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
