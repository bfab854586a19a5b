//! The RDF dataset of one query: which quads its default graph and its named graphs hold.
//!
//! What flows in: a source, the query's `FROM` and `FROM NAMED`, the union option. What flows out: the quads of ids that
//! match within one of the query's graphs. What always holds: a default graph put together from several graphs is their
//! RDF merge, a triple that many of them hold comes once; `FROM` alone leaves no named graph, as SPARQL says.

use crate::erased::SharedSource;
use crate::options::Limits;
use crate::rows::Rows;
use quadrille_store::{IdPattern, IdQuad, Permutation, StorageResult, TermId};
use std::collections::HashSet;

/// What the query calls its default graph.
pub(crate) enum DefaultGraph {
    /// The store's default graph.
    Stored,
    /// All graphs of the store together.
    Union,
    /// The graphs of the `FROM` clauses; without any, an empty graph.
    Merge(Vec<TermId>),
}

/// The graph that a pattern is matched in.
#[derive(Clone, Copy)]
pub(crate) enum GraphSelection {
    /// The query's default graph.
    Default,
    /// One graph by name.
    Named(TermId),
    /// Every named graph.
    EveryNamed,
}

/// The dataset of one execution.
pub(crate) struct QueryDataset {
    pub(crate) source: SharedSource,
    pub(crate) limits: Limits,
    pub(crate) default_graph: DefaultGraph,
    /// The graphs of the `FROM NAMED` clauses; `None` is every named graph of the source.
    pub(crate) named_graphs: Option<Vec<TermId>>,
}

impl QueryDataset {
    /// The quads that match a pattern of subject, predicate and object within a selection of graphs.
    pub(crate) fn quads(
        &self,
        [subject, predicate, object]: [Option<TermId>; 3],
        selection: GraphSelection,
    ) -> StorageResult<Quads> {
        let triple = [subject, predicate, object];
        if triple.iter().flatten().any(|id| id.is_query_local()) {
            return Ok(self.scans(Vec::new(), Filter::Every));
        }
        let within = |graph| [subject, predicate, object, graph];
        Ok(match (selection, &self.default_graph) {
            (GraphSelection::Default, DefaultGraph::Stored) => {
                self.scans(vec![within(Some(TermId::DEFAULT_GRAPH))], Filter::Every)
            }
            (GraphSelection::Default, DefaultGraph::Union) => {
                self.scans(vec![within(None)], Filter::distinct())
            }
            (GraphSelection::Default, DefaultGraph::Merge(graphs)) => {
                let filter = match graphs.len() {
                    0 | 1 => Filter::Every,
                    _ => Filter::distinct(),
                };
                self.scans(graphs.iter().map(|graph| within(Some(*graph))), filter)
            }
            (GraphSelection::Named(graph), _) => {
                let graph = Some(graph).filter(|graph| self.may_name(*graph));
                self.scans(graph.map(|graph| within(Some(graph))), Filter::Every)
            }
            (GraphSelection::EveryNamed, _) => self.every_named(triple)?,
        })
    }

    /// One scan over all graphs, except that a scan of everything goes graph by graph when the default graph holds quads:
    /// it could be most of the store, to be skipped row by row.
    fn every_named(&self, triple: [Option<TermId>; 3]) -> StorageResult<Quads> {
        let [subject, predicate, object] = triple;
        let within = move |graph| [subject, predicate, object, graph];
        if let Some(graphs) = &self.named_graphs {
            return Ok(self.scans(
                graphs.iter().map(|graph| within(Some(*graph))),
                Filter::Every,
            ));
        }
        let open = triple.iter().all(Option::is_none);
        if !open || !self.source.contains_graph(TermId::DEFAULT_GRAPH)? {
            return Ok(self.scans(vec![within(None)], Filter::Named));
        }
        let graphs = self.named_graph_ids()?;
        Ok(Quads::new(
            self,
            Box::new(graphs.map(move |graph| Ok(within(Some(graph?))))),
            Filter::Every,
        ))
    }

    /// The names of the query's named graphs, each once.
    pub(crate) fn named_graph_ids(
        &self,
    ) -> StorageResult<Box<dyn Iterator<Item = StorageResult<TermId>>>> {
        if let Some(graphs) = &self.named_graphs {
            return Ok(Box::new(graphs.clone().into_iter().map(Ok)));
        }
        let graphs = self.source.graphs()?;
        Ok(Box::new(graphs.filter_map(|graph| match graph {
            Ok((TermId::DEFAULT_GRAPH, _)) => None,
            Ok((graph, _)) => Some(Ok(graph)),
            Err(error) => Some(Err(error)),
        })))
    }

    /// Whether a graph is one of the query's named graphs.
    pub(crate) fn contains_named_graph(&self, graph: TermId) -> StorageResult<bool> {
        match &self.named_graphs {
            Some(graphs) => Ok(graphs.contains(&graph)),
            None => Ok(self.may_name(graph) && self.source.contains_graph(graph)?),
        }
    }

    /// Whether quads of the source can be in this named graph of the query.
    fn may_name(&self, graph: TermId) -> bool {
        graph != TermId::DEFAULT_GRAPH
            && !graph.is_query_local()
            && self
                .named_graphs
                .as_ref()
                .is_none_or(|graphs| graphs.contains(&graph))
    }

    fn scans(&self, patterns: impl IntoIterator<Item = IdPattern>, filter: Filter) -> Quads {
        let patterns: Vec<_> = patterns
            .into_iter()
            .filter(|pattern| !pattern[3].is_some_and(TermId::is_query_local))
            .map(Ok)
            .collect();
        Quads::new(self, Box::new(patterns.into_iter()), filter)
    }
}

/// Which rows of the scans belong to the answer.
enum Filter {
    Every,
    /// Rows outside the default graph.
    Named,
    /// Each triple once, whatever its graph.
    Distinct(SeenTriples),
}

impl Filter {
    fn distinct() -> Self {
        Self::Distinct(SeenTriples::default())
    }

    fn keeps(&mut self, quad: &IdQuad, order: Permutation, single_scan: bool) -> bool {
        match self {
            Self::Every => true,
            Self::Named => quad[3] != TermId::DEFAULT_GRAPH,
            Self::Distinct(seen) => seen.insert(quad, if single_scan { Some(order) } else { None }),
        }
    }
}

/// The triples seen so far, of which only those that can come again are kept.
#[derive(Default)]
struct SeenTriples {
    triples: HashSet<[TermId; 3]>,
    run: Option<[Option<TermId>; 3]>,
}

impl SeenTriples {
    /// Whether the triple is new. Within one scan of a known order, all copies of a triple lie in one run of equal columns
    /// before the graph's: what was seen before the run is forgotten.
    fn insert(&mut self, quad: &IdQuad, order: Option<Permutation>) -> bool {
        let [subject, predicate, object, _] = *quad;
        let run = match order {
            Some(Permutation::Spoc) => [Some(subject), Some(predicate), Some(object)],
            Some(Permutation::Pocs) => [None, Some(predicate), Some(object)],
            Some(Permutation::Ocsp) => [None, None, Some(object)],
            Some(Permutation::Cspo) | None => [None; 3],
        };
        if self.run != Some(run) {
            self.run = Some(run);
            self.triples.clear();
        }
        self.triples.insert([subject, predicate, object])
    }
}

/// Matching quads of ids, scan after scan; each scan is opened when the one before has ended.
pub(crate) struct Quads {
    source: SharedSource,
    limits: Limits,
    patterns: Box<dyn Iterator<Item = StorageResult<IdPattern>>>,
    single_scan: bool,
    rows: Option<Rows>,
    filter: Filter,
    /// Set at the end and after an error: an evaluator that counts errors must come to an end.
    done: bool,
}

impl Quads {
    fn new(
        dataset: &QueryDataset,
        patterns: Box<dyn Iterator<Item = StorageResult<IdPattern>>>,
        filter: Filter,
    ) -> Self {
        Self {
            source: SharedSource::clone(&dataset.source),
            limits: dataset.limits.clone(),
            single_scan: patterns.size_hint().1 == Some(1),
            patterns,
            rows: None,
            filter,
            done: false,
        }
    }

    fn next_quad(&mut self) -> StorageResult<Option<IdQuad>> {
        loop {
            // Checked at each row, not at each batch: an evaluator may do much with one row.
            self.limits.check()?;
            if let Some(rows) = &mut self.rows {
                let order = rows.permutation();
                if let Some(quad) = rows.next().transpose()? {
                    if self.filter.keeps(&quad, order, self.single_scan) {
                        return Ok(Some(quad));
                    }
                    continue;
                }
            }
            let Some(pattern) = self.patterns.next().transpose()? else {
                return Ok(None);
            };
            self.rows = Some(Rows::new(self.source.scan(pattern, self.limits.context())?));
        }
    }
}

impl Iterator for Quads {
    type Item = StorageResult<IdQuad>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let quad = self.next_quad();
        self.done = !matches!(quad, Ok(Some(_)));
        quad.transpose()
    }
}
