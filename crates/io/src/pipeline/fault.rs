//! What is wrong with a faulty line, as the parser says that reads on from it.

use super::{Parsed, Pipeline};
use crate::error::{Excerpt, LoadError, SyntaxError};
use crate::lines::{Fault, FaultyLine, LineFormat};
use crate::read::{ReadOptions, TRIPLE_TERM_DEPTH_MAX};
use oxttl::{NQuadsParser, NTriplesParser, TurtleParseError, TurtleSyntaxError};
use quadrille_store::ReadContext;
use std::io::{self, Read};

/// The text from a faulty line on.
struct Following<'a> {
    pipeline: &'a mut Pipeline,
    context: &'a ReadContext,
    text: io::Cursor<Vec<u8>>,
}

impl Read for Following<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.text.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            match self.pipeline.ordered.next(self.context) {
                Ok(Some(mut parsed)) => {
                    self.text = io::Cursor::new(std::mem::take(&mut parsed.buffers.text));
                    self.pipeline.give_back(parsed.buffers);
                }
                Ok(None) => return Ok(0),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

impl Pipeline {
    /// The error of the first faulty line of a chunk that begins after so many lines.
    pub(super) fn fault_of(
        mut self,
        parsed: Parsed,
        lines: u64,
        options: &ReadOptions,
    ) -> LoadError {
        let Parsed {
            buffers,
            offset,
            report,
            ..
        } = parsed;
        let Some(line) = report.faulty.into_iter().next() else {
            return LoadError::Store(quadrille_store::StorageError::misuse("no line is at fault"));
        };
        let FaultyLine {
            start,
            lines_before,
            fault,
            ..
        } = line;
        let alone = match fault {
            Fault::TooDeep => {
                return LoadError::TooDeep {
                    name: self.input.name().to_owned(),
                    depth_max: TRIPLE_TERM_DEPTH_MAX,
                };
            }
            Fault::Batch(error) => return error.into(),
            Fault::Syntax(error) => error,
        };
        let rest = buffers.text[start..].to_vec();
        let error = self.first_error(rest, options).unwrap_or(alone);
        let position = error.location().start;
        let place = start + usize::try_from(position.offset).unwrap_or(usize::MAX - start);
        let in_chunk = buffers.text.split_at_checked(place);
        let absolute = offset + start as u64 + position.offset;
        LoadError::from(SyntaxError {
            name: self.input.name().to_owned(),
            line: lines + lines_before + position.line + 1,
            column: position.column + 1,
            offset: absolute,
            message: error.message().to_owned(),
            excerpt: match in_chunk {
                Some((before, after)) => Some(Excerpt::new(before, after)),
                None => self.input.excerpt(absolute),
            },
        })
    }

    /// What the parser says that reads on from a faulty line: its first token may go beyond the line.
    fn first_error(&mut self, rest: Vec<u8>, options: &ReadOptions) -> Option<TurtleSyntaxError> {
        let lines = self.lines?;
        let following = Following {
            pipeline: self,
            context: &options.context,
            text: io::Cursor::new(rest),
        };
        let error = match lines {
            LineFormat::NQuads => NQuadsParser::new()
                .for_reader(following)
                .find_map(Result::err),
            LineFormat::NTriples => NTriplesParser::new()
                .for_reader(following)
                .find_map(Result::err),
        };
        match error? {
            TurtleParseError::Syntax(error) => Some(error),
            TurtleParseError::Io(_) => None,
        }
    }
}
