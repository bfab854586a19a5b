//! Compressed files: told by their first bytes when read, by their name when written.
//!
//! What flows in: bytes, compressed or not. What flows out: the text in them, or compressed bytes. What always holds: a
//! stream that ends too early or is damaged is an error that says so, never a short text; memory is bounded by the
//! window of the compression, at most [`WINDOW_BYTES_MAX`]. All of it is Rust: no library is linked.

mod zstd;

use bzip2::read::MultiBzDecoder;
use bzip2::write::BzEncoder;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use lzma_rust2::{XzOptions, XzReader, XzWriter};
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most memory that decompression may ask for, in bytes: four times what `xz -9` needs.
const WINDOW_BYTES_MAX: u32 = 256 * 1024 * 1024;

/// How many of the first bytes tell a compression.
const MAGIC_BYTES_MAX: usize = 10;

/// How strongly xz compresses, as its own default.
const XZ_PRESET: u32 = 6;

/// How much compressed data is read at a time, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// A way in which a file is compressed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Compression {
    /// gzip, of one member or several.
    Gzip,
    /// Zstandard, of one frame or several.
    Zstd,
    /// bzip2, of one stream or several.
    Bzip2,
    /// xz, of one stream or several.
    Xz,
}

impl Compression {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Gzip, Self::Zstd, Self::Bzip2, Self::Xz];

    /// Its name: `gzip`, `zstd`, `bzip2`, `xz`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
        }
    }

    /// The extension of its files, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Gzip => "gz",
            Self::Zstd => "zst",
            Self::Bzip2 => "bz2",
            Self::Xz => "xz",
        }
    }

    /// The compression that a path's last extension names, in any case.
    #[must_use]
    pub fn from_path(path: impl AsRef<Path>) -> Option<Self> {
        let extension = path.as_ref().extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "gz" | "gzip" => Some(Self::Gzip),
            "zst" | "zstd" => Some(Self::Zstd),
            "bz2" | "bzip2" => Some(Self::Bzip2),
            "xz" => Some(Self::Xz),
            _ => None,
        }
    }

    /// The compression that the first bytes of a stream tell. Ten bytes are enough, and no RDF text begins like this.
    #[must_use]
    pub fn from_magic_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x1f, 0x8b, 0x08, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            // The header, then the mark of a block or, in an empty stream, of the end.
            [
                b'B',
                b'Z',
                b'h',
                b'1'..=b'9',
                0x31,
                0x41,
                0x59,
                0x26,
                0x53,
                0x59,
                ..,
            ]
            | [
                b'B',
                b'Z',
                b'h',
                b'1'..=b'9',
                0x17,
                0x72,
                0x45,
                0x38,
                0x50,
                0x90,
                ..,
            ] => Some(Self::Bzip2),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            _ => None,
        }
    }
}

/// What is known of the compressed bytes under a text.
#[derive(Debug, Default)]
pub(crate) struct RawBytes {
    read: AtomicU64,
    /// A failure of the reader itself, which decoders would dress up as one of their own.
    failure: Mutex<Option<io::Error>>,
}

impl RawBytes {
    /// How many have been read.
    pub(crate) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    fn failure(&self) -> MutexGuard<'_, Option<io::Error>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What text is read from.
pub(crate) type Text = Box<dyn Read + Send>;

/// The bytes of a stream as they are, or decompressed when its first bytes tell a compression. In that case the count of
/// the compressed bytes comes with them.
///
/// `named` is the compression that the name tells: a stream of that name too short to begin is cut off.
pub(crate) fn decompress(
    mut reader: Box<dyn Read + Send>,
    named: Option<Compression>,
) -> io::Result<(Text, Option<Arc<RawBytes>>)> {
    let mut head = Vec::with_capacity(MAGIC_BYTES_MAX);
    (&mut reader)
        .take(MAGIC_BYTES_MAX as u64)
        .read_to_end(&mut head)?;
    let told = Compression::from_magic_bytes(&head);
    if let Some(named) = named.filter(|named| named.is_cut_off_in(&head)) {
        return Err(named.cut_off());
    }
    let Some(compression) = told else {
        return Ok((Box::new(io::Cursor::new(head).chain(reader)), None));
    };
    let raw = Arc::new(RawBytes::default());
    let counted = Counted {
        reader: io::Cursor::new(head).chain(reader),
        raw: Arc::clone(&raw),
    };
    let decoder = Decoder {
        decoder: compression.decoder(BufReader::with_capacity(BUFFER_BYTES, counted)),
        compression,
        raw: Arc::clone(&raw),
    };
    Ok((Box::new(decoder), Some(raw)))
}

impl Compression {
    /// Whether a stream of these first bytes, and no more, ended before it could tell its compression.
    fn is_cut_off_in(self, head: &[u8]) -> bool {
        let magic_bytes: &[u8] = match self {
            Self::Gzip => &[0x1f, 0x8b, 0x08],
            Self::Zstd => &[0x28, 0xb5, 0x2f, 0xfd],
            Self::Bzip2 => b"BZh",
            Self::Xz => &[0xfd, b'7', b'z', b'X', b'Z', 0],
        };
        head.len() < MAGIC_BYTES_MAX
            && (magic_bytes.starts_with(head) || head.starts_with(magic_bytes))
    }

    fn cut_off(self) -> io::Error {
        let name = self.name();
        io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("the {name} data is cut off: it ends before its end is marked"),
        )
    }

    fn decoder(self, reader: impl io::BufRead + Send + 'static) -> Box<dyn Read + Send> {
        match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(reader)),
            Self::Zstd => Box::new(zstd::Decoder::new(reader)),
            Self::Bzip2 => Box::new(MultiBzDecoder::new(reader)),
            Self::Xz => {
                let memory_kib_max = WINDOW_BYTES_MAX / 1024;
                Box::new(XzReader::new_mem_limit(reader, true, memory_kib_max))
            }
        }
    }
}

/// A reader whose bytes are counted and whose failure is kept.
struct Counted<R> {
    reader: R,
    raw: Arc<RawBytes>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.reader.read(buffer) {
            Ok(count) => {
                self.raw.read.fetch_add(count as u64, Ordering::Relaxed);
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kept = io::Error::new(error.kind(), error.to_string());
                *self.raw.failure() = Some(kept);
                Err(error)
            }
        }
    }
}

/// A decoder whose errors say what is wrong with the stream.
struct Decoder {
    decoder: Box<dyn Read + Send>,
    compression: Compression,
    raw: Arc<RawBytes>,
}

impl Read for Decoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.decoder
            .read(buffer)
            .map_err(|error| self.explain(&error))
    }
}

impl Decoder {
    fn explain(&self, error: &io::Error) -> io::Error {
        if let Some(failure) = self.raw.failure().take() {
            return failure;
        }
        let name = self.compression.name();
        match error.kind() {
            io::ErrorKind::UnexpectedEof => self.compression.cut_off(),
            io::ErrorKind::Interrupted | io::ErrorKind::OutOfMemory => {
                io::Error::new(error.kind(), error.to_string())
            }
            _ => io::Error::new(
                io::ErrorKind::InvalidData,
                format!("the {name} data is damaged: {error}"),
            ),
        }
    }
}

/// A writer that compresses what is written. It has to be [finished](Self::finish): what is only dropped is cut off.
///
/// ```
/// use quadrille_io::{Compression, CompressedWriter};
/// use std::io::Write;
///
/// let mut writer = CompressedWriter::new(Vec::new(), Some(Compression::Gzip))?;
/// writer.write_all(b"<a> <b> <c> .\n")?;
/// assert!(writer.finish()?.starts_with(b"\x1f\x8b"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct CompressedWriter<W: Write> {
    encoder: Encoder<W>,
}

enum Encoder<W: Write> {
    Plain(W),
    Gzip(GzEncoder<W>),
    Zstd(zstd::Encoder<W>),
    Bzip2(BzEncoder<W>),
    Xz(Box<XzWriter<W>>),
}

impl<W: Write> CompressedWriter<W> {
    /// Compresses into a writer; without a compression the bytes pass as they are.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn new(writer: W, compression: Option<Compression>) -> io::Result<Self> {
        let encoder = match compression {
            None => Encoder::Plain(writer),
            Some(Compression::Gzip) => {
                Encoder::Gzip(GzEncoder::new(writer, flate2::Compression::default()))
            }
            Some(Compression::Zstd) => Encoder::Zstd(zstd::Encoder::new(writer)),
            Some(Compression::Bzip2) => {
                Encoder::Bzip2(BzEncoder::new(writer, bzip2::Compression::default()))
            }
            Some(Compression::Xz) => {
                let options = XzOptions::with_preset(XZ_PRESET);
                Encoder::Xz(Box::new(XzWriter::new(writer, options)?))
            }
        };
        Ok(Self { encoder })
    }

    /// Ends the compressed stream and gives the writer back.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(self) -> io::Result<W> {
        match self.encoder {
            Encoder::Plain(writer) => Ok(writer),
            Encoder::Gzip(encoder) => encoder.finish(),
            Encoder::Zstd(encoder) => encoder.finish(),
            Encoder::Bzip2(encoder) => encoder.finish(),
            Encoder::Xz(encoder) => encoder.finish(),
        }
    }

    fn writer(&mut self) -> &mut dyn Write {
        match &mut self.encoder {
            Encoder::Plain(writer) => writer,
            Encoder::Gzip(encoder) => encoder,
            Encoder::Zstd(encoder) => encoder,
            Encoder::Bzip2(encoder) => encoder,
            Encoder::Xz(encoder) => encoder,
        }
    }
}

impl<W: Write> Write for CompressedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.encoder {
            Encoder::Plain(writer) => writer.flush(),
            // What compresses well is held back until there is enough of it, or the end.
            Encoder::Gzip(_) | Encoder::Zstd(_) | Encoder::Bzip2(_) | Encoder::Xz(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Vec<u8> {
        let line = |number: u32| format!("<http://e/{number}> <http://e/p> \"{number}\" .\n");
        (0..20_000).map(line).collect::<String>().into_bytes()
    }

    fn compress(text: &[u8], compression: Compression) -> Vec<u8> {
        let mut writer = CompressedWriter::new(Vec::new(), Some(compression)).expect("a writer");
        writer.write_all(text).expect("a write");
        writer.finish().expect("an end")
    }

    fn read(bytes: Vec<u8>, named: Option<Compression>) -> io::Result<(Vec<u8>, Option<u64>)> {
        let (mut reader, raw) = decompress(Box::new(io::Cursor::new(bytes)), named)?;
        let mut text = Vec::new();
        reader.read_to_end(&mut text)?;
        Ok((text, raw.map(|raw| raw.read())))
    }

    #[test]
    fn every_compression_reads_back_and_is_told_by_its_first_bytes() {
        for compression in Compression::ALL {
            for text in [text(), Vec::new()] {
                let bytes = compress(&text, compression);
                assert_eq!(Compression::from_magic_bytes(&bytes), Some(compression));
                let length = bytes.len() as u64;
                let (back, raw) = read(bytes, None).expect("readable");
                assert!(back == text, "{compression:?}");
                assert_eq!(raw, Some(length), "{compression:?}");
            }
            let name = format!("a.nq.{}", compression.extension());
            assert_eq!(Compression::from_path(name), Some(compression));
        }
    }

    #[test]
    fn several_streams_in_one_file_are_all_read() {
        for compression in Compression::ALL {
            let parts = [&b"one\n"[..], b"", &text(), b"end\n"];
            let bytes = parts.map(|part| compress(part, compression)).concat();
            let (back, _) = read(bytes, None).expect("readable");
            assert!(back == parts.concat(), "{compression:?}");
        }
    }

    #[test]
    fn plain_text_passes_whatever_its_name_says() {
        for plain in [&b"<a> <b> <c> .\n"[..], b"#", b"BZh: <b> <c> ."] {
            let (back, raw) = read(plain.to_vec(), Some(Compression::Gzip)).expect("readable");
            assert_eq!((back.as_slice(), raw), (plain, None));
        }
    }

    #[test]
    fn a_stream_cut_off_anywhere_is_an_error() {
        for compression in Compression::ALL {
            let bytes = compress(&text(), compression);
            let step = bytes.len() / 10 + 1;
            let near_the_end = bytes.len().saturating_sub(12)..bytes.len();
            for length in (0..20)
                .chain((0..bytes.len()).step_by(step))
                .chain(near_the_end)
            {
                let error = read(bytes[..length].to_vec(), Some(compression))
                    .expect_err(&format!("{compression:?} cut off at {length} is read"));
                let message = error.to_string();
                assert!(message.contains(compression.name()), "{length}: {message}");
            }
        }
    }

    #[test]
    fn a_damaged_stream_is_an_error_or_the_text_itself() {
        for compression in Compression::ALL {
            let text = text();
            let bytes = compress(&text, compression);
            for place in (12..bytes.len()).step_by(bytes.len() / 15 + 1) {
                let mut damaged = bytes.clone();
                damaged[place] ^= 0x10;
                match read(damaged, None) {
                    Ok((back, _)) => assert!(back == text, "{compression:?} at {place}"),
                    Err(error) => assert!(error.to_string().contains(compression.name())),
                }
            }
        }
    }

    #[test]
    fn a_failure_of_the_reader_stays_what_it_is() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the cable was pulled",
                ))
            }
        }
        for compression in Compression::ALL {
            let bytes = compress(&text(), compression);
            let head = io::Cursor::new(bytes[..bytes.len() / 2].to_vec());
            let (mut reader, _) = decompress(Box::new(head.chain(Broken)), None).expect("a head");
            let error = reader.read_to_end(&mut Vec::new()).expect_err("broken");
            assert_eq!(error.to_string(), "the cable was pulled", "{compression:?}");
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
    }
}
