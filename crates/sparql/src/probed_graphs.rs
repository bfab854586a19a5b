//! The graphs that look-ups find their quads in.
//!
//! What flows in: the query's dataset, a selection of graphs. What flows out: the graph to look up, or which of the quads
//! that were found belong to the selection. What always holds: the same quads as [`QueryDataset::parts`] gives.

use crate::dataset::{DefaultGraph, QueryDataset};
use crate::operators::lookup_join::Probe;
use crate::seen::SeenTriples;
use quadrille_store::{LookupBatch, TermId};
use std::collections::HashSet;

/// Which graphs are looked up, and what is kept of them.
pub(crate) enum ProbedGraphs {
    /// One graph, whose quads all belong.
    One(u64),
    /// No graph at all.
    None,
    /// The default graph that is made of all graphs.
    Union(Seen),
    /// The default graph that is made of some.
    Merge(HashSet<u64>, Seen),
    /// Named graphs, all or some; their name may be that in a column of the left rows.
    Named(Option<HashSet<u64>>, Option<usize>),
}

/// The triples that one probe has found.
#[derive(Default)]
pub(crate) struct Seen {
    probe: usize,
    triples: SeenTriples,
}

impl Seen {
    /// Whether the triple of a row is new for its probe; probes come in order.
    fn insert(&mut self, found: &LookupBatch, row: usize, probe: usize) -> bool {
        if self.probe != probe {
            self.probe = probe;
            self.triples.clear();
        }
        let triple = [0, 1, 2].map(|position| found.column(position)[row]);
        self.triples.insert(triple)
    }
}

impl ProbedGraphs {
    /// The default graph of a dataset.
    pub(crate) fn default(dataset: &QueryDataset) -> Self {
        match &dataset.default_graph {
            DefaultGraph::Stored => Self::One(TermId::DEFAULT_GRAPH.raw()),
            DefaultGraph::Union => Self::Union(Seen::default()),
            DefaultGraph::Merge(graphs) => match graphs.as_slice() {
                [] => Self::None,
                [graph] => Self::One(graph.raw()),
                graphs => Self::Merge(
                    graphs.iter().map(|graph| graph.raw()).collect(),
                    Seen::default(),
                ),
            },
        }
    }

    /// A named graph, if the dataset has it among its named graphs.
    pub(crate) fn named(dataset: &QueryDataset, graph: u64) -> Self {
        if dataset.may_name(TermId::from_raw(graph)) {
            Self::One(graph)
        } else {
            Self::None
        }
    }

    /// Every named graph, or that which a column names.
    pub(crate) fn every_named(dataset: &QueryDataset, column: Option<usize>) -> Self {
        let names = dataset
            .named_graphs
            .as_ref()
            .map(|graphs| graphs.iter().map(|graph| graph.raw()).collect());
        Self::Named(names, column)
    }

    /// The column of the left rows that names the graph.
    pub(crate) fn probe(&self) -> Option<Probe> {
        match self {
            Self::Named(_, Some(column)) => Some(Probe::Column(*column)),
            _ => None,
        }
    }

    /// What the graph must be when it is looked up.
    pub(crate) fn fixed(&self) -> Option<Probe> {
        match self {
            Self::One(graph) => Some(Probe::Constant(*graph)),
            _ => self.probe(),
        }
    }

    /// The positions that it looks at.
    pub(crate) fn needs(&self) -> [bool; 4] {
        match self {
            Self::One(_) | Self::None => [false; 4],
            Self::Union(_) => [true, true, true, false],
            Self::Merge(..) => [true; 4],
            Self::Named(..) => [false, false, false, true],
        }
    }

    /// About how many bytes it keeps to tell triples apart.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Union(seen) | Self::Merge(_, seen) => seen.triples.bytes(),
            Self::One(_) | Self::None | Self::Named(..) => 0,
        }
    }

    /// Begins with the first of some probes.
    pub(crate) fn start(&mut self) {
        if let Self::Union(seen) | Self::Merge(_, seen) = self {
            seen.probe = 0;
            seen.triples.clear();
        }
    }

    /// Whether a row that was found belongs to the selection.
    pub(crate) fn keeps(&mut self, found: &LookupBatch, row: usize, probe: usize) -> bool {
        match self {
            Self::One(_) => true,
            Self::None => false,
            Self::Union(seen) => seen.insert(found, row, probe),
            Self::Merge(graphs, seen) => {
                graphs.contains(&found.column(3)[row]) && seen.insert(found, row, probe)
            }
            Self::Named(names, _) => {
                let graph = found.column(3)[row];
                graph != TermId::DEFAULT_GRAPH.raw()
                    && names.as_ref().is_none_or(|names| names.contains(&graph))
            }
        }
    }
}
