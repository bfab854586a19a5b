//! The RDF dataset of one query: which quads its default graph and its named graphs hold.
//!
//! What flows in: a source, the query's `FROM` and `FROM NAMED`, the union option. What flows out: the quads of ids that
//! match within one of the query's graphs. What always holds: a default graph put together from several graphs is their
//! RDF merge, a triple that many of them hold comes once; `FROM` alone leaves no named graph, as SPARQL says.

use crate::erased::SharedSource;
use crate::options::Limits;
use crate::scan_rows::Rows;
use crate::seen::SeenTriples;
use quadrille_store::{
    ColumnBatch, IdPattern, IdQuad, Permutation, ScanRequest, StorageResult, TermId,
};

/// So many rows are skipped in about the time in which a graph is opened.
const ROWS_A_GRAPH: u64 = 400;

/// What the query calls its default graph.
#[derive(Clone)]
pub(crate) enum DefaultGraph {
    /// The store's default graph.
    Stored,
    /// All graphs of the store together.
    Union,
    /// The graphs of the `FROM` clauses; without any, an empty graph.
    Merge(Vec<TermId>),
}

/// The graph that a pattern is matched in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum GraphSelection {
    /// The query's default graph.
    Default,
    /// One graph by name.
    Named(TermId),
    /// Every named graph.
    EveryNamed,
}

/// The dataset of one execution.
#[derive(Clone)]
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
        triple: [Option<TermId>; 3],
        selection: GraphSelection,
    ) -> StorageResult<Quads> {
        let (patterns, filter) = self.parts(triple, selection)?;
        Ok(Quads::new(self, patterns, filter))
    }

    /// The patterns of the store that a pattern within a selection of graphs is made of, and which of their quads belong
    /// to it.
    pub(crate) fn parts(
        &self,
        [subject, predicate, object]: [Option<TermId>; 3],
        selection: GraphSelection,
    ) -> StorageResult<(Patterns, Filter)> {
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

    /// Whether a pattern is read by one scan at most: several come one after the other, in no order together.
    pub(crate) fn is_one_scan(
        &self,
        triple: [Option<TermId>; 3],
        selection: GraphSelection,
    ) -> StorageResult<bool> {
        let (patterns, _) = self.parts(triple, selection)?;
        Ok(patterns.size_hint().1.is_some_and(|most| most <= 1))
    }

    /// One scan over all graphs, except that a scan of everything goes graph by graph when the default graph holds so many
    /// quads that to skip them row by row is more than to open each graph.
    fn every_named(&self, triple: [Option<TermId>; 3]) -> StorageResult<(Patterns, Filter)> {
        let [subject, predicate, object] = triple;
        let within = move |graph| [subject, predicate, object, graph];
        if let Some(graphs) = &self.named_graphs {
            return Ok(self.scans(
                graphs.iter().map(|graph| within(Some(*graph))),
                Filter::Every,
            ));
        }
        let open = triple.iter().all(Option::is_none);
        if !open || !self.goes_by_graph()? {
            return Ok(self.scans(vec![within(None)], Filter::Named));
        }
        let graphs = self.named_graph_ids()?;
        Ok((
            Box::new(graphs.map(move |graph| Ok(within(Some(graph?))))),
            Filter::Every,
        ))
    }

    fn goes_by_graph(&self) -> StorageResult<bool> {
        let unnamed = self
            .source
            .estimate([None, None, None, Some(TermId::DEFAULT_GRAPH)])?;
        if unnamed <= self.source.estimate([None; 4])? / 2 {
            return Ok(false);
        }
        let names = ScanRequest::new([None; 4]).in_order(Permutation::Cspo);
        Ok(unnamed / ROWS_A_GRAPH > self.source.estimate_values(&names)?)
    }

    /// The names of the query's named graphs, each once.
    pub(crate) fn named_graph_ids(
        &self,
    ) -> StorageResult<Box<dyn Iterator<Item = StorageResult<TermId>> + Send>> {
        if let Some(graphs) = &self.named_graphs {
            return Ok(Box::new(graphs.clone().into_iter().map(Ok)));
        }
        let graphs = self.source.graphs()?;
        let limits = self.limits.clone();
        Ok(Box::new(graphs.filter_map(move |graph| match graph {
            Ok((TermId::DEFAULT_GRAPH, _)) => None,
            // There may be millions.
            Ok((graph, _)) => Some(limits.check().map(|()| graph)),
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
    pub(crate) fn may_name(&self, graph: TermId) -> bool {
        graph != TermId::DEFAULT_GRAPH
            && !graph.is_query_local()
            && self
                .named_graphs
                .as_ref()
                .is_none_or(|graphs| graphs.contains(&graph))
    }

    fn scans(
        &self,
        patterns: impl IntoIterator<Item = IdPattern>,
        filter: Filter,
    ) -> (Patterns, Filter) {
        let patterns: Vec<_> = patterns
            .into_iter()
            .filter(|pattern| !pattern[3].is_some_and(TermId::is_query_local))
            .map(Ok)
            .collect();
        (Box::new(patterns.into_iter()), filter)
    }
}

/// Patterns of the store, one after the other.
pub(crate) type Patterns = Box<dyn Iterator<Item = StorageResult<IdPattern>> + Send>;

/// Which rows of the scans belong to the answer.
pub(crate) enum Filter {
    Every,
    /// Rows outside the default graph.
    Named,
    /// Each triple once, whatever its graph.
    Distinct(SeenInRun),
}

impl Filter {
    fn distinct() -> Self {
        Self::Distinct(SeenInRun::default())
    }

    /// The positions that it looks at.
    pub(crate) fn needs(&self) -> [bool; 4] {
        match self {
            Self::Every => [false; 4],
            Self::Named => [false, false, false, true],
            Self::Distinct(_) => [true, true, true, false],
        }
    }

    /// Whether a row of a batch belongs to the answer; the batch has the positions that [are needed](Self::needs).
    pub(crate) fn keeps_row(
        &mut self,
        rows: &ColumnBatch,
        row: usize,
        order: Permutation,
        single_scan: bool,
    ) -> bool {
        match self {
            Self::Every => true,
            Self::Named => rows.column(3)[row] != TermId::DEFAULT_GRAPH.raw(),
            Self::Distinct(seen) => {
                let [subject, predicate, object] =
                    [0, 1, 2].map(|position| TermId::from_raw(rows.column(position)[row]));
                let quad = [subject, predicate, object, TermId::DEFAULT_GRAPH];
                seen.insert(&quad, single_scan.then_some(order))
            }
        }
    }

    /// About how many bytes it keeps to tell triples apart.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Every | Self::Named => 0,
            Self::Distinct(seen) => seen.triples.bytes(),
        }
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
pub(crate) struct SeenInRun {
    triples: SeenTriples,
    run: Option<[Option<TermId>; 3]>,
}

impl SeenInRun {
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
        self.triples
            .insert([subject, predicate, object].map(TermId::raw))
    }
}

/// Matching quads of ids, scan after scan; each scan is opened when the one before has ended.
pub(crate) struct Quads {
    source: SharedSource,
    limits: Limits,
    patterns: Patterns,
    single_scan: bool,
    rows: Option<Rows>,
    filter: Filter,
    /// Set at the end and after an error: an evaluator that counts errors must come to an end.
    done: bool,
}

impl Quads {
    fn new(dataset: &QueryDataset, patterns: Patterns, filter: Filter) -> Self {
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
