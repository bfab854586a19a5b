//! What a load left out, in a file that can be mended and loaded.
//!
//! What flows in: faulty lines, and what is wrong with each. What flows out: an N-Quads file, in which every line follows a
//! comment `# file:line:column: message`. What always holds: lines are as they were, byte by byte; a comment is one line;
//! without a rejected line there is no file, and an earlier one is left alone.

use crate::failure::{Exit, Failure};
use crate::output::{self, Output};
use quadrille::io::LoadError;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where rejected lines go unless a file is named.
pub(crate) const DEFAULT: &str = "rejects.nq";

/// The file of what was left out.
pub(crate) struct Rejects {
    path: PathBuf,
    output: Output,
    rejected: u64,
}

impl Rejects {
    /// Begins a file, which gets its name at the end. The default one must not be there: it might not be mended yet.
    pub(crate) fn create(path: Option<&Path>) -> Result<Self, Failure> {
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
        })
    }

    /// Adds what was left out.
    pub(crate) fn push(&mut self, error: &LoadError, line: &[u8]) -> Result<(), LoadError> {
        self.rejected += 1;
        write(&mut self.output, error, line).map_err(|error| LoadError::Io {
            name: self.path.display().to_string(),
            error,
        })
    }

    /// How much was left out, and where it is; `None` when nothing was.
    pub(crate) fn finish(self) -> Result<Option<(u64, PathBuf)>, Failure> {
        if self.rejected == 0 {
            return Ok(None);
        }
        output::finish(self.output)?;
        Ok(Some((self.rejected, self.path)))
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
