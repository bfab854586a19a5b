//! What a load left out, in a file that can be mended and loaded.
//!
//! What flows in: faulty lines, and what is wrong with each. What flows out: an N-Quads file, in which every line follows a
//! comment `# file:line:column: message`. What always holds: lines are as they were, byte by byte; a comment is one line;
//! without a rejected line there is no file, and an earlier one is left alone. A load that makes checkpoints gathers them
//! beside these, so that what it left out before one is not lost, and what it left out after one comes once.

use crate::failure::{Exit, Failure};
use crate::output::{self, Output};
use quadrille::io::LoadError;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Where rejected lines go unless a file is named.
pub(crate) const DEFAULT: &str = "rejects.nq";

/// The file beside the checkpoints.
const GATHERED: &str = "rejects";

/// The file of what was left out.
pub(crate) struct Rejects {
    path: PathBuf,
    output: Output,
    rejected: u64,
    gathered: Option<Gathered>,
}

/// What was left out so far, beside the checkpoints.
struct Gathered {
    path: PathBuf,
    /// `None` as long as nothing was left out.
    file: Option<BufWriter<File>>,
}

impl Rejects {
    /// Begins a file, which gets its name at the end. The default one must not be there: it might not be mended yet. With a
    /// folder of checkpoints, what it is to hold is gathered there.
    pub(crate) fn create(path: Option<&Path>, checkpoints: Option<&Path>) -> Result<Self, Failure> {
        let path = match path {
            Some(path) => path.to_owned(),
            None if Path::new(DEFAULT).exists() => {
                let message =
                    format!("{DEFAULT} is there already; load or remove it, or say --rejects FILE");
                return Err(Failure::new(Exit::Usage, message));
            }
            None => PathBuf::from(DEFAULT),
        };
        let output = output::create(&path)?;
        Ok(Self {
            path,
            output,
            rejected: 0,
            gathered: checkpoints.map(|folder| Gathered {
                path: folder.join(GATHERED),
                file: None,
            }),
        })
    }

    /// Adds what was left out.
    pub(crate) fn push(&mut self, error: &LoadError, line: &[u8]) -> Result<(), LoadError> {
        self.rejected += 1;
        match &mut self.gathered {
            None => write(&mut self.output, error, line).map_err(failed(&self.path)),
            Some(gathered) => gathered
                .file()
                .and_then(|file| write(file, error, line))
                .map_err(failed(&gathered.path)),
        }
    }

    /// Brings all to the disk; what [`resume`](Self::resume) wants to know.
    pub(crate) fn checkpoint(&mut self) -> Result<Vec<u8>, LoadError> {
        let mut kept = self.rejected.to_le_bytes().to_vec();
        if let Some(Gathered {
            path,
            file: Some(file),
        }) = &mut self.gathered
        {
            let bytes = bytes_on_disk(file).map_err(failed(path))?;
            kept.extend_from_slice(&bytes.to_le_bytes());
        }
        Ok(kept)
    }

    /// Goes on behind what was left out before a checkpoint.
    pub(crate) fn resume(&mut self, kept: &[u8]) -> Result<(), LoadError> {
        let (Some(gathered), Some((rejected, bytes))) =
            (&mut self.gathered, kept.split_first_chunk())
        else {
            return Ok(());
        };
        self.rejected = u64::from_le_bytes(*rejected);
        if let Ok(bytes) = bytes.try_into() {
            let bytes = u64::from_le_bytes(bytes);
            let file = cut(&gathered.path, bytes).map_err(failed(&gathered.path))?;
            gathered.file = Some(BufWriter::new(file));
        }
        Ok(())
    }

    /// How much was left out, and where it is; `None` when nothing was. What was gathered stays until [`clear`]: as long as
    /// the checkpoint does, since whoever goes on from it wants it again.
    pub(crate) fn finish(mut self) -> Result<Option<(u64, PathBuf)>, Failure> {
        if let Some(gathered) = self.gathered.take() {
            let read =
                |error| Failure::io(format!("cannot read {}", gathered.path.display()), error);
            if let Some(file) = gathered.file {
                let mut file = file
                    .into_inner()
                    .map_err(|error| read(error.into_error()))?;
                file.seek(SeekFrom::Start(0)).map_err(read)?;
                copy(&mut file, &mut self.output).map_err(read)??;
            }
        }
        if self.rejected == 0 {
            return Ok(None);
        }
        output::finish(self.output)?;
        Ok(Some((self.rejected, self.path)))
    }

    /// Forgets what was gathered.
    pub(crate) fn forget(self) {
        if let Some(gathered) = self.gathered {
            drop(gathered.file);
            remove(&gathered.path);
        }
    }
}

impl Gathered {
    fn file(&mut self) -> io::Result<&mut BufWriter<File>> {
        if self.file.is_none() {
            // One that is there is of a load that left no checkpoint.
            let mut options = File::options();
            options.read(true).write(true).create(true).truncate(true);
            self.file = Some(BufWriter::new(options.open(&self.path)?));
        }
        self.file
            .as_mut()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> LoadError + use<> {
    let name = path.display().to_string();
    move |error| LoadError::Io { name, error }
}

fn bytes_on_disk(file: &mut BufWriter<File>) -> io::Result<u64> {
    file.flush()?;
    file.get_ref().sync_data()?;
    file.stream_position()
}

/// Opens a file to be written on behind so many bytes.
fn cut(path: &Path, bytes: u64) -> io::Result<File> {
    let mut file = File::options().read(true).write(true).open(path)?;
    if file.metadata()?.len() < bytes {
        let message = "it is shorter than it was when the checkpoint was made";
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    file.set_len(bytes)?;
    file.seek(SeekFrom::End(0))?;
    Ok(file)
}

/// Copies all; an error of the reader outside, one of the output inside.
fn copy(from: &mut File, to: &mut Output) -> io::Result<Result<(), Failure>> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(Ok(()));
        }
        if let Err(error) = to.write_all(&buffer[..count]) {
            return Ok(Err(output::write_failed(error)));
        }
    }
}

/// Removes what loads have gathered, and the folder of checkpoints if nothing else is in it.
pub(crate) fn clear(checkpoints: &Path) {
    remove(&checkpoints.join(GATHERED));
}

/// Removes the file of what was gathered, and the folder if nothing else is in it.
fn remove(path: &Path) {
    let _ = fs::remove_file(path);
    if let Some(folder) = path.parent() {
        let _ = fs::remove_dir(folder);
    }
}

fn write(out: &mut impl Write, error: &LoadError, line: &[u8]) -> io::Result<()> {
    let comment = |out: &mut dyn Write, text: &str| writeln!(out, "# {}", on_one_line(text));
    match error {
        LoadError::Syntax(error) => {
            let place = format!("{}:{}:{}", error.name, error.line, error.column);
            comment(out, &format!("{place}: {}", error.message))?;
            // Where a format has no lines of its own, the text around the place is all there is.
            if let (true, Some(excerpt)) = (line.is_empty(), &error.excerpt) {
                comment(out, &format!("  {}", excerpt.text))?;
            }
        }
        error => comment(out, &error.to_string())?,
    }
    out.write_all(line)?;
    if line.last().is_some_and(|last| *last != b'\n') {
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn on_one_line(text: &str) -> String {
    text.replace(|character: char| character.is_control(), " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As when the process ends behind the file, and before the checkpoint goes.
    #[test]
    fn what_is_told_at_the_end_can_be_told_once_more() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, checkpoints) = (folder.path().join("rejects.nq"), folder.path().join("load"));
        fs::create_dir(&checkpoints).expect("a folder");
        let create = || Rejects::create(Some(&path), Some(&checkpoints)).expect("a file");
        let error = LoadError::Document {
            name: "a.nt".to_owned(),
            message: "wrong".to_owned(),
        };
        let mut rejects = create();
        rejects.push(&error, b"oops\n").expect("a file");
        let kept = rejects.checkpoint().expect("a file");
        let told = |rejects: Rejects| {
            let (count, path) = rejects.finish().expect("a file").expect("one");
            (count, fs::read(path).expect("a file"))
        };
        let first = told(rejects);
        let mut rejects = create();
        rejects.resume(&kept).expect("a file");
        assert_eq!(told(rejects), first);
        assert_eq!(first, (1, b"# a.nt: wrong\noops\n".to_vec()));
        clear(&checkpoints);
        assert!(!checkpoints.exists());
    }

    #[test]
    fn a_comment_is_one_line_and_the_line_is_as_it_was() {
        let error = LoadError::Document {
            name: "a\nb.nt".to_owned(),
            message: "wrong\r\n<a> <b> <c> .".to_owned(),
        };
        let mut out = Vec::new();
        write(&mut out, &error, b"<a> \xff .").expect("memory");
        assert_eq!(out, b"# a b.nt: wrong  <a> <b> <c> .\n<a> \xff .\n");
        out.clear();
        write(&mut out, &error, b"oops\r\n").expect("memory");
        assert!(out.ends_with(b".\noops\r\n"));
        out.clear();
        write(&mut out, &error, b"").expect("memory");
        assert_eq!(out, b"# a b.nt: wrong  <a> <b> <c> .\n");
    }
}
