//! Where data goes: standard output or a file.
//!
//! What flows in: bytes. What flows out: the same bytes, in large writes. What always holds: when the reader of a pipe
//! goes away, that is remembered, so that the program ends as quietly as other tools do; a file is not touched before
//! the first write.

use crate::failure::Failure;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes gathered before a write.
const BUFFER_BYTES: usize = 64 * 1024;

/// Whether a write met a pipe that nobody reads. Errors pass through many hands; this does not get lost on the way.
static PIPE_CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether the reader of our output has gone away.
pub(crate) fn pipe_was_closed() -> bool {
    PIPE_CLOSED.load(Ordering::Relaxed)
}

/// The buffered output.
pub(crate) type Output = BufWriter<Box<dyn Write>>;

/// Opens the output: the file, or standard output when there is none.
///
/// A file is made, or emptied, by the first write: a command that is refused before it leaves the file as it was.
pub(crate) fn open(path: Option<&Path>) -> Output {
    let sink: Box<dyn Write> = match path {
        Some(path) => Box::new(LateFile {
            path: path.to_owned(),
            file: None,
        }),
        None => Box::new(StandardOutput(io::stdout())),
    };
    BufWriter::with_capacity(BUFFER_BYTES, sink)
}

/// Writes out what is still buffered. To be called at the end: dropping the buffer would hide an error.
pub(crate) fn finish(mut output: Output) -> Result<(), Failure> {
    output.flush().map_err(write_failed)
}

/// The failure of a write to the output.
pub(crate) fn write_failed(error: io::Error) -> Failure {
    Failure::io("cannot write the output", error)
}

/// The width of the terminal that shows standard output, in characters; `None` when none does.
pub(crate) fn terminal_width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
    Some(usize::from(width.0))
}

/// Writes a line for people to standard error; nobody is left to tell when that fails.
pub(crate) fn note(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Standard output, which remembers when its reader has gone.
struct StandardOutput(io::Stdout);

impl Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        remember(self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        remember(self.0.flush())
    }
}

fn remember<T>(result: io::Result<T>) -> io::Result<T> {
    if let Err(error) = &result
        && error.kind() == io::ErrorKind::BrokenPipe
    {
        PIPE_CLOSED.store(true, Ordering::Relaxed);
    }
    result
}

/// A file that is made by the first write to it, or by a flush at the end of nothing.
struct LateFile {
    path: PathBuf,
    file: Option<File>,
}

impl LateFile {
    fn file(&mut self) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => File::create(&self.path).map_err(|error| self.name(&error))?,
        };
        Ok(self.file.insert(file))
    }

    /// The error with the file's name.
    fn name(&self, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("{}: {error}", self.path.display()))
    }
}

impl Write for LateFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file()?.write(bytes).map_err(|error| self.name(&error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file()?.flush().map_err(|error| self.name(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_left_alone_until_something_is_written() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("out.nq");
        std::fs::write(&path, "before").expect("a file");
        drop(open(Some(&path)));
        assert_eq!(std::fs::read_to_string(&path).expect("text"), "before");
        let mut output = open(Some(&path));
        output.write_all(b"after").expect("a write");
        finish(output).expect("a flush");
        assert_eq!(std::fs::read_to_string(&path).expect("text"), "after");
        finish(open(Some(&path))).expect("a flush");
        assert_eq!(std::fs::read_to_string(&path).expect("text"), "");
    }

    #[test]
    fn an_error_names_the_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("absent").join("out.nq");
        let error = open(Some(&path)).flush().expect_err("no such folder");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("absent"), "{error}");
    }
}
