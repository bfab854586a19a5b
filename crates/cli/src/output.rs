//! Where data goes: standard output or a file.
//!
//! What flows in: bytes. What flows out: the same bytes, in large writes, compressed if the file's name says so. What
//! always holds: when the reader of a pipe goes away, that is remembered, so that the program ends as quietly as other
//! tools do; a file takes its name when it is whole, so that a command that fails leaves what was there.

use crate::failure::Failure;
use quadrille::io::{CompressedWriter, Compression};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempPath;

/// Bytes gathered before a write.
const BUFFER_BYTES: usize = 64 * 1024;

/// Whether a write met a pipe that nobody reads. Errors pass through many hands; this does not get lost on the way.
static PIPE_CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether the reader of our output has gone away.
pub(crate) fn pipe_was_closed() -> bool {
    PIPE_CLOSED.load(Ordering::Relaxed)
}

/// The buffered output.
pub(crate) type Output = BufWriter<Sink>;

/// Opens standard output.
pub(crate) fn open() -> Output {
    let sink = Sink::StandardOutput(StandardOutput(io::stdout()));
    BufWriter::with_capacity(BUFFER_BYTES, sink)
}

/// Makes a file, compressed as its name tells. It is there when it is [finished](finish).
pub(crate) fn create(path: &Path) -> Result<Output, Failure> {
    let writer = NewFile::create(path)
        .and_then(|file| CompressedWriter::new(file, Compression::from_path(path)))
        .map_err(write_failed)?;
    let sink = Sink::File(Box::new(writer));
    Ok(BufWriter::with_capacity(BUFFER_BYTES, sink))
}

/// Writes out what is still buffered, and gives a file its name. To be called at the end: dropping the output would hide
/// an error, and drop the file.
pub(crate) fn finish(output: Output) -> Result<(), Failure> {
    let finished = match output.into_inner() {
        Ok(Sink::StandardOutput(mut output)) => output.flush(),
        Ok(Sink::File(writer)) => writer.finish().and_then(NewFile::finish),
        Err(error) => Err(error.into_error()),
    };
    finished.map_err(write_failed)
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
pub(crate) struct StandardOutput(io::Stdout);

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

/// Standard output, or a file.
pub(crate) enum Sink {
    StandardOutput(StandardOutput),
    File(Box<CompressedWriter<NewFile>>),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::StandardOutput(output) => output.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::StandardOutput(output) => output.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

/// A file under a temporary name beside its own, which it takes when it is whole. What is there under its name and is no
/// ordinary file, such as a pipe, is written directly.
pub(crate) struct NewFile {
    path: PathBuf,
    writer: BufWriter<File>,
    temporary: Option<TempPath>,
}

impl NewFile {
    fn create(path: &Path) -> io::Result<Self> {
        let named = |error: io::Error| with_path(path, &error);
        // A link is followed, so that it stays a link.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let (file, temporary) = match File::options().write(true).open(&path) {
            Ok(existing) => {
                let metadata = existing.metadata().map_err(named)?;
                if metadata.is_file() {
                    let (file, temporary) = temporary_beside(&path).map_err(named)?;
                    file.set_permissions(metadata.permissions())
                        .map_err(named)?;
                    (file, Some(temporary))
                } else {
                    (existing, None)
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (file, temporary) = temporary_beside(&path).map_err(named)?;
                (file, Some(temporary))
            }
            Err(error) => return Err(named(error)),
        };
        Ok(Self {
            path,
            writer: BufWriter::with_capacity(BUFFER_BYTES, file),
            temporary,
        })
    }

    /// Writes all to the disk and gives the file its name.
    fn finish(self) -> io::Result<()> {
        let named = |error: io::Error| with_path(&self.path, &error);
        let file = self
            .writer
            .into_inner()
            .map_err(|error| named(error.into_error()))?;
        let Some(temporary) = self.temporary else {
            return Ok(());
        };
        file.sync_all().map_err(named)?;
        temporary
            .persist(&self.path)
            .map_err(|error| named(error.error))
    }
}

/// A new file in the folder of a path, with the rights that files get there.
fn temporary_beside(path: &Path) -> io::Result<(File, TempPath)> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".quadrille-").suffix(".part");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    Ok(builder.tempfile_in(folder)?.into_parts())
}

/// The error with the file's name.
fn with_path(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer
            .write(bytes)
            .map_err(|error| with_path(&self.path, &error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer
            .flush()
            .map_err(|error| with_path(&self.path, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_left_alone_until_it_is_whole() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("out.nq");
        std::fs::write(&path, "before").expect("a file");
        let mut output = create(&path).expect("an output");
        output.write_all(&[b'x'; 1 << 20]).expect("a write");
        drop(output);
        assert_eq!(std::fs::read_to_string(&path).expect("text"), "before");
        let mut output = create(&path).expect("an output");
        output.write_all(b"after").expect("a write");
        finish(output).expect("an end");
        assert_eq!(std::fs::read_to_string(&path).expect("text"), "after");
        finish(create(&path).expect("an output")).expect("an end");
        assert_eq!(std::fs::read_to_string(&path).expect("text"), "");
        let files = std::fs::read_dir(folder.path()).expect("a folder");
        assert_eq!(files.count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_keeps_its_rights_and_a_link_stays_one() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, link) = (folder.path().join("out.nq"), folder.path().join("link.nq"));
        std::fs::write(&path, "before").expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("rights");
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        let mut output = create(&link).expect("an output");
        output.write_all(b"after").expect("a write");
        finish(output).expect("an end");
        assert_eq!(std::fs::read_to_string(&path).expect("text"), "after");
        let mode = std::fs::metadata(&path).expect("a file").permissions();
        assert_eq!(mode.mode() & 0o777, 0o640);
        assert!(link.is_symlink());
        finish(create(Path::new("/dev/null")).expect("a device")).expect("an end");
    }

    #[test]
    fn an_error_names_the_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("absent").join("out.nq");
        let failure = create(&path).err().expect("no such folder");
        assert_eq!(failure.exit(), crate::failure::Exit::NotFound);
    }
}
