//! Which graph a quad goes to, whatever graph it is written in.
//!
//! What flows in: quads and a [`GraphTarget`]. What flows out: the quads in a batch. What always holds: a blank node that
//! the user names as a graph is the store's, not one of a source.

use crate::read::GraphTarget;
use oxrdf::{GraphName, Quad};
use quadrille_store::{BatchTerm, BlankNodes, QuadBatch, StorageResult};

/// The graphs of a target as terms of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Directions {
    /// Where quads of the default graph go.
    pub(crate) default_graph: BatchTerm,
    /// Where all quads go.
    pub(crate) of_all: Option<BatchTerm>,
}

impl Directions {
    pub(crate) fn new(batch: &mut QuadBatch, target: &GraphTarget) -> StorageResult<Self> {
        let mut directions = Self {
            default_graph: BatchTerm::DEFAULT_GRAPH,
            of_all: None,
        };
        match target {
            GraphTarget::AsWritten => {}
            GraphTarget::DefaultInto(graph) => directions.default_graph = term(batch, graph)?,
            GraphTarget::AllInto(graph) => directions.of_all = Some(term(batch, graph)?),
        }
        Ok(directions)
    }

    /// Adds a quad to the batch that these are of.
    pub(crate) fn push(
        self,
        batch: &mut QuadBatch,
        quad: &Quad,
        blank_nodes: BlankNodes,
    ) -> StorageResult<()> {
        match self.of_all {
            Some(graph) => batch.push_in(quad.as_ref(), blank_nodes, graph),
            None if quad.graph_name.is_default_graph() => {
                batch.push_in(quad.as_ref(), blank_nodes, self.default_graph)
            }
            None => batch.push(quad.as_ref(), blank_nodes),
        }
    }
}

fn term(batch: &mut QuadBatch, graph: &GraphName) -> StorageResult<BatchTerm> {
    match graph {
        GraphName::DefaultGraph => Ok(BatchTerm::DEFAULT_GRAPH),
        GraphName::NamedNode(node) => batch.term(node.as_ref().into()),
        GraphName::BlankNode(node) => batch.blank_node(node.as_str(), BlankNodes::AsWritten),
    }
}
