//! Where the text of a source cannot be cut any more, one parser takes what is left of it.
//!
//! What flows in: a pipeline whose text is cut, and the first part that is not to be. What flows out: a pipeline whose
//! text is all that follows. What always holds: quads and errors are those of a parser that began at the source's start.

use super::fault::{ChunkStart, Following, moved};
use super::{Buffers, Channels, Pipeline, Way, read, threads, unchanged};
use crate::error::{LoadError, SyntaxError};
use crate::input::Input;
use crate::read::{QuadReader, ReadOptions};
use crate::turtle::Scope;
use quadrille_store::{QuadStore, StorageBackend};

impl Pipeline {
    /// Goes on with one parser from the start of a part on, in a scope.
    pub(super) fn go_on_uncut<B: StorageBackend>(
        self,
        store: &QuadStore<B>,
        mut part: Buffers,
        scope: &Scope,
        start: ChunkStart,
        options: &ReadOptions,
    ) -> Result<Self, LoadError> {
        let Way::Statements(format) = self.way else {
            return Ok(self);
        };
        let mut text = scope.opening().into_bytes();
        let (opening_lines, opening_bytes) = (u64::from(!text.is_empty()), text.len() as u64);
        text.append(&mut part.text);
        self.give_back(part);
        let following = Following::new(text, self.ordered, self.empty, options);
        let options = ReadOptions {
            base: scope.base().map(str::to_owned),
            ..unchanged(options)
        };
        let text = Input::plain(self.input.name().to_owned(), following);
        let reader = QuadReader::over_with(text, format.format(), &options, scope.prefixes())?
            .with_labels_as_written();
        let channels = Channels::new(store)?;
        read::spawn_quads(reader, self.input.clone(), channels.buffers, channels.work)?;
        channels
            .parsers
            .spawn(threads(), Way::Uncut, &self.taking)?;
        Ok(Self {
            input: self.input,
            way: Way::Uncut,
            taking: self.taking,
            ordered: channels.ordered,
            empty: channels.empty,
            start: ChunkStart {
                lines: start.lines.wrapping_sub(opening_lines),
                offset: start.offset.wrapping_sub(opening_bytes),
            },
        })
    }

    /// What a parser said, with its place in the source.
    pub(super) fn placed(&self, error: LoadError) -> LoadError {
        match moved(error, self.start) {
            LoadError::Syntax(error) => LoadError::from(SyntaxError {
                excerpt: (error.excerpt.clone()).or_else(|| self.input.excerpt(error.offset)),
                ..*error
            }),
            error => error,
        }
    }
}
