//! From a chunk to a batch, and the proof that the chunk was cut rightly.
//!
//! What flows in: the text of a [`Chunk`]. What flows out: its quads in a batch, or a refusal. What always holds: without
//! a refusal, the parser has come to the chunk's end between two statements, and in the scope that the chunk promised.
//! The parser is that of `plain` where this can prove it, else one of oxttl, from the chunk's start on.

use super::plain::PlainParser;
use super::{Chunk, Scope, TurtleFormat};
use crate::directions::Directions;
use crate::parse::{OPENED_MAX, dismantle};
use crate::read::{GraphTarget, is_too_deep};
use oxrdf::{GraphName, Quad};
use oxttl::TurtleSyntaxError;
use quadrille_store::{BlankNodes, QuadBatch, StorageResult};

/// Parses chunks, one after the other.
pub(crate) struct ChunkParser {
    format: TurtleFormat,
    graph: GraphTarget,
    blank_nodes: BlankNodes,
    /// A chunk that begins or ends in a graph block, with what opens and closes the block around it.
    framed: Vec<u8>,
    plain: PlainParser,
}

impl ChunkParser {
    pub(crate) fn new(format: TurtleFormat, graph: GraphTarget, blank_nodes: BlankNodes) -> Self {
        Self {
            plain: PlainParser::new(format, graph.clone(), blank_nodes),
            format,
            graph,
            blank_nodes,
            framed: Vec::new(),
        }
    }

    /// Adds the quads of a chunk to a batch. False, when the chunk does not count; the batch is of no use then.
    ///
    /// # Errors
    /// When the batch is full.
    pub(crate) fn parse(
        &mut self,
        chunk: &Chunk,
        text: &[u8],
        batch: &mut QuadBatch,
    ) -> StorageResult<bool> {
        let is_whole = chunk.end.is_none() || text.ends_with(b"\n");
        if !is_whole || memchr::memmem::find_iter(text, b"<<(").count() > OPENED_MAX {
            return Ok(false);
        }
        let before = batch.mark();
        if self.plain.parse(chunk, text, batch)? {
            return Ok(true);
        }
        batch.go_back_to(&before);
        self.parse_whole(chunk, text, batch)
    }

    /// The same by one parser of oxttl.
    pub(super) fn parse_whole(
        &mut self,
        chunk: &Chunk,
        text: &[u8],
        batch: &mut QuadBatch,
    ) -> StorageResult<bool> {
        let mut framed = std::mem::take(&mut self.framed);
        let text = framed_text(chunk, text, &mut framed);
        let mut taken = Taken {
            directions: Directions::new(batch, &self.graph)?,
            blank_nodes: self.blank_nodes,
            marked: chunk.end.as_ref().filter(|end| end.is_in_graph()),
            batch,
            last: None,
        };
        let counts = match self.format {
            TurtleFormat::Turtle => {
                let Some(parser) = chunk.start.turtle_parser() else {
                    return Ok(false);
                };
                let mut triples = parser.for_slice(text);
                let in_graph = |triple: Result<oxrdf::Triple, _>| {
                    triple.map(|triple| triple.in_graph(GraphName::DefaultGraph))
                };
                let counts = taken.take_all(triples.by_ref().map(in_graph))?;
                counts && ends_in(chunk, triples.base_iri(), triples.prefixes())
            }
            TurtleFormat::TriG => {
                let Some(parser) = chunk.start.trig_parser() else {
                    return Ok(false);
                };
                let mut quads = parser.for_slice(text);
                let counts = taken.take_all(quads.by_ref())?;
                counts && ends_in(chunk, quads.base_iri(), quads.prefixes())
            }
        };
        self.framed = framed;
        Ok(counts)
    }
}

/// The chunk with its graph block around it.
fn framed_text<'a>(chunk: &Chunk, text: &'a [u8], framed: &'a mut Vec<u8>) -> &'a [u8] {
    let opening = chunk.start.opening();
    let closing = chunk.end.as_ref().map_or("", Scope::closing);
    if opening.is_empty() && closing.is_empty() {
        return text;
    }
    framed.clear();
    framed.extend_from_slice(opening.as_bytes());
    framed.extend_from_slice(text);
    framed.extend_from_slice(closing.as_bytes());
    framed
}

/// Whether a parser at the end of a chunk is in the scope that the next chunk begins in.
fn ends_in<'a>(
    chunk: &Chunk,
    base: Option<&str>,
    prefixes: impl Iterator<Item = (&'a str, &'a str)>,
) -> bool {
    chunk
        .end
        .as_ref()
        .is_none_or(|end| end.is_of(base, prefixes))
}

/// A batch being filled.
struct Taken<'a> {
    directions: Directions,
    blank_nodes: BlankNodes,
    batch: &'a mut QuadBatch,
    /// The scope whose mark is to be the last quad.
    marked: Option<&'a Scope>,
    /// The quad that came last, where it may be the mark.
    last: Option<Quad>,
}

impl Taken<'_> {
    /// Takes all quads; false at the first that is wrong.
    fn take_all(
        &mut self,
        quads: impl Iterator<Item = Result<Quad, TurtleSyntaxError>>,
    ) -> StorageResult<bool> {
        for quad in quads {
            let Ok(quad) = quad else {
                return Ok(false);
            };
            if is_too_deep(&quad.object) {
                dismantle(quad.object);
                return Ok(false);
            }
            if self.marked.is_none() {
                self.push(&quad)?;
            } else if let Some(quad) = self.last.replace(quad) {
                self.push(&quad)?;
            }
        }
        let Some(scope) = self.marked else {
            return Ok(true);
        };
        Ok(self
            .last
            .take()
            .is_some_and(|quad| scope.is_marked_by(&quad)))
    }

    fn push(&mut self, quad: &Quad) -> StorageResult<()> {
        self.directions.push(self.batch, quad, self.blank_nodes)
    }
}
