//! What can go wrong while quads are read and written, told so that a person finds the place in the file.
//!
//! What flows in: errors of the parsers, of the operating system and of the store. What flows out: [`LoadError`] and
//! [`DumpError`].
//! What always holds: lines and columns count from 1 and from the start of the file; the shown text is at most
//! [`EXCERPT_CHARACTERS_MAX`] characters and holds no control characters, so printing it is safe.

use crate::format::RdfFormat;
use quadrille_store::{ErrorKind, StorageError};
use std::fmt;
use std::io;

/// The most characters of a line that an error shows.
pub const EXCERPT_CHARACTERS_MAX: usize = 160;

/// Why reading or loading stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The text is not of the format.
    #[error(transparent)]
    Syntax(Box<SyntaxError>),
    /// The document is not valid as a whole, in a way that has no one place: JSON-LD is read by objects.
    #[error("{name}: {message}")]
    Document {
        /// The file's name.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// The file cannot be opened or read.
    #[error("{name}: {error}")]
    Io {
        /// The file's name.
        name: String,
        /// What the operating system said.
        #[source]
        error: io::Error,
    },
    /// A triple term is nested deeper than the store accepts.
    #[error("{name}: a triple term is nested more than {depth_max} deep")]
    TooDeep {
        /// The file's name.
        name: String,
        /// The depth that is accepted.
        depth_max: usize,
    },
    /// The file's name does not tell its format, and none was given.
    #[error("{name}: cannot tell the RDF format from the name; say which it is")]
    UnknownFormat {
        /// The file's name.
        name: String,
    },
    /// A folder or a pattern names no file to read.
    #[error("{name}: {reason}")]
    NoFiles {
        /// The folder or the pattern.
        name: String,
        /// Why there is none.
        reason: String,
    },
    /// The base IRI is not an absolute IRI.
    #[error("the base IRI <{base}> is not valid: {message}")]
    InvalidBase {
        /// The base IRI as given.
        base: String,
        /// What is wrong with it.
        message: String,
    },
    /// A load was interrupted in this folder, and neither to be resumed nor to be begun anew.
    #[error(
        "a load was interrupted after {quads_read} quads; its checkpoint is in {}", folder.display()
    )]
    Interrupted {
        /// The folder of the checkpoint.
        folder: std::path::PathBuf,
        /// When the checkpoint was made.
        made: std::time::SystemTime,
        /// The quads that had been read.
        quads_read: u64,
    },
    /// A load cannot go on from its checkpoint with these sources and options.
    #[error("the load cannot be resumed: {reason}")]
    NotResumable {
        /// Why not.
        reason: String,
    },
    /// The cancel token was set or the deadline passed.
    #[error("stopped: {0}")]
    Cancelled(StorageError),
    /// The store could not take the quads.
    #[error(transparent)]
    Store(StorageError),
}

/// Why writing stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DumpError {
    /// The format has no named graphs, and what is to be written is in some. Nothing has been written.
    #[error(
        "{format} holds the triples of one graph, but {quads} of the quads are in named graphs; \
         choose one graph, or nquads or trig, or ask to merge the graphs"
    )]
    NamedGraphs {
        /// The format.
        format: RdfFormat,
        /// The number of quads in named graphs.
        quads: u64,
    },
    /// The format cannot say it. What was written before it stays written.
    #[error("{format} cannot hold {what}")]
    NotExpressible {
        /// The format.
        format: RdfFormat,
        /// What it cannot say.
        what: String,
    },
    /// The IRI of a prefix is not valid.
    #[error("the prefix {name}: <{iri}> is not valid: {message}")]
    InvalidPrefix {
        /// The prefix's name.
        name: String,
        /// Its IRI as given.
        iri: String,
        /// What is wrong with it.
        message: String,
    },
    /// The writer failed; a broken pipe too comes this way.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The store could not give the quads, or the read was cancelled.
    #[error(transparent)]
    Store(#[from] StorageError),
}

impl DumpError {
    pub(crate) fn not_expressible(format: RdfFormat, what: impl Into<String>) -> Self {
        let what = what.into();
        Self::NotExpressible { format, what }
    }

    pub(crate) fn invalid_prefix(name: &str, iri: &str, error: &impl fmt::Display) -> Self {
        Self::InvalidPrefix {
            name: name.to_owned(),
            iri: iri.to_owned(),
            message: error.to_string(),
        }
    }
}

impl From<StorageError> for LoadError {
    fn from(error: StorageError) -> Self {
        match error.kind() {
            ErrorKind::Cancelled => Self::Cancelled(error),
            _ => Self::Store(error),
        }
    }
}

impl From<SyntaxError> for LoadError {
    fn from(error: SyntaxError) -> Self {
        Self::Syntax(Box::new(error))
    }
}

/// A place in a file where the text is not of its format.
///
/// Shown as `museum.nq:12:34: message`, then the line and a mark under the column.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SyntaxError {
    /// The file's name, `-` for standard input.
    pub name: String,
    /// The line, from 1.
    pub line: u64,
    /// The column in characters, from 1.
    pub column: u64,
    /// The position in bytes, from 0.
    pub offset: u64,
    /// What the parser says.
    pub message: String,
    /// The text of the line around the place, if it could be had.
    pub excerpt: Option<Excerpt>,
}

impl std::error::Error for SyntaxError {}

impl fmt::Display for SyntaxError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            line,
            column,
            message,
            ..
        } = self;
        write!(formatter, "{name}:{line}:{column}: {message}")?;
        if let Some(excerpt) = &self.excerpt {
            let mark = excerpt.mark + 1;
            write!(formatter, "\n  {}\n  {:>mark$}", excerpt.text, "^")?;
        }
        Ok(())
    }
}

/// The part of a line around an error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Excerpt {
    /// The text, `…` standing for what was cut off, control characters replaced.
    pub text: String,
    /// The number of characters of `text` before the place.
    pub mark: usize,
}

impl Excerpt {
    /// Cuts the line around a place out of the bytes before and after it.
    pub(crate) fn new(before: &[u8], after: &[u8]) -> Self {
        let is_line_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let start = before.iter().rposition(is_line_end).map_or(0, |at| at + 1);
        let end = after.iter().position(is_line_end).unwrap_or(after.len());
        let before = String::from_utf8_lossy(&before[start..]);
        let after = String::from_utf8_lossy(&after[..end]);

        let room_before = EXCERPT_CHARACTERS_MAX / 2 - 1;
        let characters_before = before.chars().count();
        let mut text = String::new();
        if characters_before > room_before {
            text.push('…');
        }
        text.extend(
            before
                .chars()
                .skip(characters_before.saturating_sub(room_before)),
        );
        let mark = text.chars().count();
        let room_after = EXCERPT_CHARACTERS_MAX - mark - 1;
        text.extend(after.chars().take(room_after));
        if after.chars().nth(room_after).is_some() {
            text.push('…');
        }
        let text = text
            .chars()
            .map(|character| match character {
                '\t' => ' ',
                _ if character.is_control() => char::REPLACEMENT_CHARACTER,
                _ => character,
            })
            .collect();
        Self { text, mark }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_the_line_alone() {
        let excerpt = Excerpt::new(b"<a> <b> <c> .\n<d> ", b"oops .\r\n<e> <f> <g> .");
        assert_eq!(excerpt.text, "<d> oops .");
        assert_eq!(excerpt.mark, 4);
    }

    #[test]
    fn a_long_line_is_cut_on_both_sides() {
        let line = "é".repeat(1_000);
        let excerpt = Excerpt::new(line.as_bytes(), line.as_bytes());
        assert_eq!(excerpt.text.chars().count(), EXCERPT_CHARACTERS_MAX);
        assert!(excerpt.text.starts_with("…é") && excerpt.text.ends_with("é…"));
        assert_eq!(excerpt.mark, EXCERPT_CHARACTERS_MAX / 2);
    }

    #[test]
    fn what_is_shown_holds_no_control_characters() {
        let excerpt = Excerpt::new(b"\x1b[31m\t\xff", b"\x07end");
        assert!(
            excerpt
                .text
                .chars()
                .all(|character| !character.is_control())
        );
    }

    #[test]
    fn the_mark_stands_under_the_place() {
        let error = SyntaxError {
            name: "museum.nq".to_owned(),
            line: 12,
            column: 5,
            offset: 300,
            message: "an IRI is expected".to_owned(),
            excerpt: Some(Excerpt::new(b"<d> ", b"oops .")),
        };
        assert_eq!(
            error.to_string(),
            "museum.nq:12:5: an IRI is expected\n  <d> oops .\n      ^"
        );
    }
}
