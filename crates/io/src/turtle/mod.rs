//! Turtle and TriG on all cores: the text is cut between statements, and every cut is proven afterwards.
//!
//! What flows in: the text of a source. What flows out: chunks of whole statements, each with the [`Scope`] that it begins
//! in, and their quads in a batch. What always holds: the quads are those of one parser over the whole text. `scan` only
//! proposes cuts, and may be wrong. A chunk counts when its parser, begun in the scope that was proposed, comes to the
//! end of the chunk between two statements, without an error and in the scope that the next chunk begins in; then the
//! parser of the whole text stands there in the same way, since a line end, which ends every chunk, ends every token too
//! or is part of one that is not closed. Where a chunk does not count, one parser takes all the text from its start on:
//! it goes on if the cut was wrong, and says what is wrong if the text is.

mod parse;
mod plain;
mod scan;
mod scope;
mod splitter;
#[cfg(test)]
mod tests;

use crate::format::RdfFormat;
pub(crate) use parse::ChunkParser;
pub(crate) use scope::{Prefixes, Scope};
pub(crate) use splitter::{CHUNK_BYTES, Piece, Splitter};

/// Which of the two languages a text is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TurtleFormat {
    Turtle,
    TriG,
}

impl TurtleFormat {
    /// The language of a format, if it is one of the two.
    pub(crate) fn of(format: RdfFormat) -> Option<Self> {
        match format {
            RdfFormat::Turtle => Some(Self::Turtle),
            RdfFormat::TriG => Some(Self::TriG),
            _ => None,
        }
    }

    pub(crate) fn format(self) -> RdfFormat {
        match self {
            Self::Turtle => RdfFormat::Turtle,
            Self::TriG => RdfFormat::TriG,
        }
    }
}

/// What lies between two cuts.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// What its text is to be read in.
    pub(crate) start: Scope,
    /// What the text behind it is to be read in; `None` behind the last chunk.
    pub(crate) end: Option<Scope>,
}
