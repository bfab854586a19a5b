//! The short way from Turtle and TriG to a batch: plain statements without an allocation, others by oxttl.
//!
//! What flows in: the text of a chunk. What flows out: its quads in a batch, or a refusal. What always holds: without a
//! refusal they are the quads that one parser of oxttl gives, begun in the scope of the chunk, and at the chunk's end it
//! stands between two statements in the scope that the chunk promised. A plain statement is made of tokens that oxttl
//! reads as they are read here, and begins and ends where it does; what is not plain is shown to it, with the proof
//! that it too came to an end between two statements.

mod scan;
mod terms;
#[cfg(test)]
mod tests;
mod unusual;

use super::{Chunk, Scope, TurtleFormat};
use crate::directions::Directions;
use crate::read::GraphTarget;
use oxrdf::GraphName;
use quadrille_store::{BatchTerm, BlankNodes, QuadBatch, StorageResult};
use scan::{graph_keyword_end, node_end, object_end, skip, verb_end};
use terms::Terms;
use unusual::Unusual;

/// Parses chunks, one after the other.
pub(super) struct PlainParser {
    format: TurtleFormat,
    graph: GraphTarget,
    blank_nodes: BlankNodes,
    terms: Terms,
    unusual: Unusual,
}

/// A chunk under way.
struct Walk<'a> {
    text: &'a [u8],
    batch: &'a mut QuadBatch,
    directions: Directions,
    /// The base and the prefixes that are in force.
    scope: Scope,
    /// The graph block that is open.
    block: Option<GraphName>,
    /// Where quads go.
    graph: BatchTerm,
}

impl Walk<'_> {
    /// Opens or closes a graph block.
    ///
    /// # Errors
    /// When the batch is full.
    fn enter(&mut self, block: Option<GraphName>, blank_nodes: BlankNodes) -> StorageResult<()> {
        self.graph = match (self.directions.of_all, &block) {
            (Some(graph), _) => graph,
            (None, None | Some(GraphName::DefaultGraph)) => self.directions.default_graph,
            (None, Some(GraphName::NamedNode(node))) => self.batch.term(node.as_ref().into())?,
            (None, Some(GraphName::BlankNode(node))) => {
                self.batch.blank_node(node.as_str(), blank_nodes)?
            }
        };
        self.block = block;
        Ok(())
    }

    /// Whether this is the scope of a place between two statements, here.
    fn is_in(&self, scope: Option<&Scope>) -> bool {
        match scope {
            Some(scope) => scope.graph() == self.block.as_ref() && scope.is_like(&self.scope),
            None => self.block.is_none(),
        }
    }
}

impl PlainParser {
    pub(super) fn new(format: TurtleFormat, graph: GraphTarget, blank_nodes: BlankNodes) -> Self {
        Self {
            format,
            graph,
            blank_nodes,
            terms: Terms::new(blank_nodes),
            unusual: Unusual::default(),
        }
    }

    /// Adds the quads of a chunk to a batch. False, when it is refused; what came into the batch does not count then.
    ///
    /// # Errors
    /// When the batch is full.
    pub(super) fn parse(
        &mut self,
        chunk: &Chunk,
        text: &[u8],
        batch: &mut QuadBatch,
    ) -> StorageResult<bool> {
        let directions = Directions::new(batch, &self.graph)?;
        let mut walk = Walk {
            text,
            directions,
            batch,
            scope: chunk.start.without_graph(),
            block: None,
            graph: directions.default_graph,
        };
        walk.enter(chunk.start.graph().cloned(), self.blank_nodes)?;
        if self.terms.begin(&walk.scope).is_none() {
            return Ok(false);
        }
        let mut at = skip(text, 0);
        // How many statements oxttl is given at a time: it takes a while to begin.
        let mut unusual = 1;
        while at < text.len() {
            let before = walk.batch.mark();
            let next = match self.statement(&mut walk, at) {
                Some(next) => {
                    unusual = 1;
                    next
                }
                None => {
                    // What some of its tokens seemed to be may not be what the text says, if it says anything.
                    self.terms.forget_from(at);
                    walk.batch.go_back_to(&before);
                    let Some(next) = self.unusual(&mut walk, at, unusual)? else {
                        return Ok(false);
                    };
                    unusual *= 2;
                    next
                }
            };
            at = skip(text, next);
        }
        Ok(walk.is_in(chunk.end.as_ref()))
    }

    /// Takes a plain statement, or what opens or closes a graph block; the place behind it. `None` for all else, of which
    /// some may be taken.
    #[inline]
    fn statement(&mut self, walk: &mut Walk<'_>, start: usize) -> Option<usize> {
        let text = walk.text;
        match text.get(start)? {
            b'}' if walk.block.is_some() => {
                walk.enter(None, self.blank_nodes).ok()?;
                return Some(start + 1);
            }
            b'{' => return self.open(walk, None, start),
            _ => {}
        }
        let Some(end) = node_end(text, start) else {
            let label = skip(text, graph_keyword_end(text, start)?);
            let end = node_end(text, label)?;
            return self.open(walk, Some(&text[label..end]), skip(text, end));
        };
        let subject = &text[start..end];
        let next = skip(text, end);
        if text.get(next)? == &b'{' {
            return self.open(walk, Some(subject), next);
        }
        self.predicates(walk, subject, next)
    }

    /// Opens the graph block whose `{` is here.
    fn open(&mut self, walk: &mut Walk<'_>, label: Option<&[u8]>, brace: usize) -> Option<usize> {
        let is_block = walk.block.is_none() && self.format.has_graphs();
        if !is_block || walk.text.get(brace)? != &b'{' || walk.text.get(brace + 1)? == &b'|' {
            return None;
        }
        let graph = match label {
            Some(label) => self.terms.graph(label)?,
            None => GraphName::DefaultGraph,
        };
        walk.enter(Some(graph), self.blank_nodes).ok()?;
        Some(brace + 1)
    }

    /// Takes the predicates and objects of a subject, up to the end of the statement. A batch that is full refuses the
    /// statement once more when all of it is parsed.
    #[inline]
    fn predicates(&mut self, walk: &mut Walk<'_>, subject: &[u8], start: usize) -> Option<usize> {
        let Walk { text, batch, .. } = walk;
        let terms = &mut self.terms;
        let subject = terms.term(batch, text, subject, 0).ok()??;
        let mut at = start;
        loop {
            let end = verb_end(text, at)?;
            let predicate = terms.term(batch, text, &text[at..end], 1).ok()??;
            loop {
                // Behind the verb, and behind a comma.
                at = skip(text, if at < end { end } else { at + 1 });
                let object_end = object_end(text, at)?;
                let object = terms.term(batch, text, &text[at..object_end], 2).ok()??;
                batch.quad([subject, predicate, object, walk.graph]).ok()?;
                at = skip(text, object_end);
                if text.get(at)? != &b',' {
                    break;
                }
            }
            let mut is_over = true;
            while text.get(at)? == &b';' {
                at = skip(text, at + 1);
                is_over = false;
            }
            match text.get(at)? {
                // With a digit behind it, it is a number.
                b'.' => {
                    return (!text.get(at + 1).is_some_and(u8::is_ascii_digit)).then_some(at + 1);
                }
                b'}' if walk.block.is_some() => return Some(at),
                _ if is_over => return None,
                _ => {}
            }
        }
    }
}
