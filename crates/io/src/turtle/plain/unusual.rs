//! What is not plain in a chunk: shown to oxttl by the statement, each time with the proof that it ends as one.
//!
//! What flows in: the place of a statement in a chunk. What flows out: the place behind it and perhaps others, whose quads
//! are in the batch, or a refusal. What always holds: without a refusal, oxttl has come from the one place to the other
//! in the scope that is in force, and stood between two statements there. A triple that is put behind the text proves it:
//! it is a syntax error at any other place, and no quad inside a string or a comment.

use super::{PlainParser, Walk};
use crate::parse::dismantle;
use crate::read::is_too_deep;
use crate::turtle::scan::statement_end;
use crate::turtle::scope::{MARK, MARK_TRIPLE, is_mark};
use oxrdf::{GraphName, Quad};
use oxttl::TurtleSyntaxError;
use quadrille_store::{BlankNodes, StorageResult};

/// What the parser of a part of a chunk needs.
#[derive(Default)]
pub(super) struct Unusual {
    /// The part, with what proves that it ends between two statements.
    framed: Vec<u8>,
}

impl PlainParser {
    /// Takes about so many statements; the place behind them. `None`, when they are not proven to be some.
    ///
    /// # Errors
    /// When the batch is full.
    pub(super) fn unusual(
        &mut self,
        walk: &mut Walk<'_>,
        start: usize,
        statements: usize,
    ) -> StorageResult<Option<usize>> {
        let mut end = start;
        for _ in 0..statements {
            match statement_end(walk.text, end) {
                Some(next) => end = next,
                None => break,
            }
        }
        let part = &walk.text[start..end];
        if part.is_empty() {
            return Ok(None);
        }
        let is_taken = match walk.block {
            None => self.outside(walk, part)?,
            Some(_) => self.inside(walk, part)?,
        };
        Ok(is_taken.then_some(end))
    }

    /// Takes statements and directives outside of graph blocks.
    pub(super) fn outside(&mut self, walk: &mut Walk<'_>, part: &[u8]) -> StorageResult<bool> {
        let Some(parser) = walk.scope.turtle_parser() else {
            return Ok(false);
        };
        // The bytes that stand behind the part end its last token as this space does.
        let framed = framed(
            &mut self.unusual.framed,
            &[part, b" ", MARK_TRIPLE.as_bytes()],
        );
        let mut triples = parser.for_slice(framed);
        let quads = triples.by_ref();
        let quads =
            quads.map(|triple| triple.map(|triple| triple.in_graph(GraphName::DefaultGraph)));
        if !take_all(walk, quads, self.blank_nodes)? {
            return Ok(false);
        }
        if !walk.scope.is_of(triples.base_iri(), triples.prefixes()) {
            walk.scope
                .declare_all(triples.base_iri(), triples.prefixes());
            return Ok(self.terms.begin(&walk.scope).is_some());
        }
        Ok(true)
    }

    /// Takes statements inside of a graph block.
    pub(super) fn inside(&mut self, walk: &mut Walk<'_>, part: &[u8]) -> StorageResult<bool> {
        // So that the block in which the proof stands is the one that is opened here.
        let opens = |at| part.get(at + 1) != Some(&b'|');
        if memchr::memchr_iter(b'{', part).any(opens) {
            return Ok(false);
        }
        let Some(parser) = walk.scope.trig_parser() else {
            return Ok(false);
        };
        let framed = framed(
            &mut self.unusual.framed,
            &[b"{ ", part, b" ", MARK.as_bytes()],
        );
        take_all(walk, parser.for_slice(framed), self.blank_nodes)
    }
}

fn framed<'a>(buffer: &'a mut Vec<u8>, parts: &[&[u8]]) -> &'a [u8] {
    buffer.clear();
    parts.iter().for_each(|part| buffer.extend_from_slice(part));
    buffer
}

/// Takes all quads but the mark, which is to be the last; false if it is not, or if something is wrong.
fn take_all(
    walk: &mut Walk<'_>,
    quads: impl Iterator<Item = Result<Quad, TurtleSyntaxError>>,
    blank_nodes: BlankNodes,
) -> StorageResult<bool> {
    let mut last: Option<Quad> = None;
    for quad in quads {
        let Ok(quad) = quad else {
            return Ok(false);
        };
        if is_too_deep(&quad.object) {
            dismantle(quad.object);
            return Ok(false);
        }
        if let Some(quad) = last.replace(quad) {
            walk.batch.push_in(quad.as_ref(), blank_nodes, walk.graph)?;
        }
    }
    Ok(last.is_some_and(|quad| is_mark(&quad)))
}
