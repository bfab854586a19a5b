//! A case, its answers by the engine and by spareval, and whether they are the same.
//!
//! What flows in: quads and a query. What flows out: a verdict. What always holds: answers are compared as multisets of
//! rows, their terms as N-Triples; a slice by its size and as a part of the whole; an order row by row, ties free.

use crate::data;
use crate::forms::PROLOGUE;
use crate::reference::{Graphs, Reading, Reference};
use crate::{oracle, ordering};
use oxrdf::{BlankNode, Dataset, GraphName, NamedOrBlankNode, Quad, Term, Triple, Variable};
#[cfg(any(feature = "lmdb", feature = "rocksdb"))]
use quadrille_backend::Durability;
use quadrille_backend::{InMemoryBackend, StorageBackend};
#[cfg(feature = "lmdb")]
use quadrille_backend_lmdb::{LmdbBackend, LmdbOptions};
#[cfg(feature = "rocksdb")]
use quadrille_backend_rocksdb::{RocksDbBackend, RocksDbOptions};
use quadrille_sparql::{QueryError, QueryOptions, QueryResults, SparqlExt};
use quadrille_store::{QuadPattern, QuadStore};
use spargebra::algebra::GraphPattern;
use spargebra::term::{NamedNodePattern, TermPattern, TriplePattern};
use spargebra::{Query, SparqlParser};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
#[cfg(any(feature = "lmdb", feature = "rocksdb"))]
use tempfile::TempDir;

/// How many rows an answer has at most; cases with more are passed over.
const ROWS_MAX: usize = 20_000;
/// Memory for some hundred rows.
const NARROW_BYTES: usize = 32 * 1024;
/// How long the engine may take over what the reference finds small.
const ENGINE_PATIENCE: Duration = Duration::from_secs(20);

/// Quads and a query.
#[derive(Clone)]
pub(crate) struct Case {
    /// Statements of TriG, one a quad.
    pub(crate) data: Vec<String>,
    /// The query, without prefixes.
    pub(crate) query: String,
    /// Whether all graphs are the default graph.
    pub(crate) union_default_graph: bool,
}

/// What came of a case.
pub(crate) enum Verdict {
    /// Both gave the same, so many rows.
    Same { rows: usize },
    /// It says nothing: no SPARQL, or too large.
    Passed(&'static str),
    /// What the engine gave and what was expected.
    Differs { engine: String, expected: String },
}

/// A row: the bound variables with their terms.
pub(crate) type Row = BTreeMap<String, Term>;

/// An answer in the order in which it was given.
#[derive(Clone)]
pub(crate) enum Answer {
    Solutions {
        variables: Vec<String>,
        rows: Vec<Row>,
    },
    Boolean(bool),
    Graph(Vec<String>),
}

/// Why there is no answer.
pub(crate) enum Failure {
    TooLarge,
    /// SPARQL does not say what the query means.
    Undefined,
    /// The engine had too little memory.
    Memory,
    Error(String),
}

impl Failure {
    fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge => "too large",
            Self::Undefined => "undefined",
            Self::Memory => "out of memory",
            Self::Error(_) => "refused",
        }
    }
}

impl Answer {
    /// The rows as text, in their order.
    fn lines(&self) -> Vec<String> {
        match self {
            Self::Boolean(value) => vec![value.to_string()],
            Self::Graph(triples) => triples.clone(),
            Self::Solutions { rows, .. } => rows.iter().map(line).collect(),
        }
    }

    /// The rows as text, sorted, under the variables.
    fn sorted(&self) -> Vec<String> {
        let mut lines = self.lines();
        lines.sort();
        if let Self::Solutions { variables, .. } = self {
            lines.insert(0, format!("?{}", variables.join(" ?")));
        }
        lines
    }
}

fn line(row: &Row) -> String {
    let mut text = String::new();
    for (name, term) in row {
        let _ = write!(text, "?{name} = {term}  ");
    }
    text
}

impl Case {
    /// The text of the query, with its prefixes.
    pub(crate) fn text(&self) -> String {
        format!("{PROLOGUE}\n{}", self.query)
    }

    /// Answers the query by the engine, in every way, and by the reference, and compares.
    pub(crate) fn verdict(&self) -> Verdict {
        let Ok(query) = SparqlParser::new().parse_query(&self.text()) else {
            return Verdict::Passed("no SPARQL");
        };
        let quads = data::parse(&self.data);
        let graphs = self.graphs(&quads, &query);
        // The ways whose answers no reading gave so far, each with its answer once there is one.
        let mut open: Vec<(Way, Option<Result<Answer, Failure>>)> =
            Way::ALL.iter().map(|way| (*way, None)).collect();
        let mut differs = None;
        let mut rows = 0;
        for reading in Reading::all() {
            let expected = match expected(&without_slice(&query).0, &graphs, reading) {
                Ok(expected) => expected,
                Err(failure) => return Verdict::Passed(failure.reason()),
            };
            open.retain_mut(|(way, answer)| {
                let asked = || {
                    let engine = AssertUnwindSafe(|| self.engine(*way, &quads));
                    let panics = |_| Err(Failure::Error("it panics".to_owned()));
                    catch_unwind(engine).unwrap_or_else(panics)
                };
                let difference = match answer.get_or_insert_with(asked) {
                    Ok(answer) => compare(answer, &expected, &query),
                    Err(Failure::Error(error)) => Err(error.clone()),
                    Err(failure) => Err(failure.reason().to_owned()),
                };
                match difference {
                    Ok(same) => rows = same,
                    Err(engine) => {
                        let expected = expected.sorted().join("\n");
                        let engine = format!("{engine}\n({way:?})");
                        differs.get_or_insert((*way, engine, expected));
                        return true;
                    }
                }
                if differs.as_ref().is_some_and(|(known, _, _)| known == way) {
                    differs = None;
                }
                false
            });
            if open.is_empty() {
                return Verdict::Same { rows };
            }
        }
        match differs {
            Some((_, engine, expected)) => Verdict::Differs { engine, expected },
            None => Verdict::Passed("without a reading"),
        }
    }

    /// Whether spareval answers as the engine does; nothing where one of them gives no answer.
    pub(crate) fn spareval_agrees(&self) -> Option<bool> {
        let query = SparqlParser::new().parse_query(&self.text()).ok()?;
        let quads = data::parse(&self.data);
        let dataset = dataset(&self.graphs(&quads, &query));
        let answer = self.engine(Way::Planned, &quads).ok()?;
        let agrees = |optimize| {
            let expected = oracle::answer(&without_slice(&query).0, &dataset, optimize).ok()?;
            Some(compare(&answer, &expected, &query).is_ok())
        };
        Some(agrees(false)? && agrees(true)?)
    }

    /// The dataset of the query: FROM clauses and the option are applied here, as merges that keep each triple once.
    fn graphs(&self, quads: &[Quad], query: &Query) -> Graphs {
        let clauses = query.dataset();
        let named = clauses.map(|clauses| clauses.named.clone().unwrap_or_default());
        let mut graphs = Graphs::default();
        for name in named.iter().flatten() {
            graphs.named.insert(name.clone(), Vec::new());
        }
        for quad in quads {
            let triple = Triple::from(quad.clone());
            let in_default = match (&quad.graph_name, clauses) {
                (GraphName::NamedNode(name), Some(clauses)) => clauses.default.contains(name),
                (_, Some(_)) => false,
                (graph, None) => graph.is_default_graph() || self.union_default_graph,
            };
            if in_default && !graphs.default.contains(&triple) {
                graphs.default.push(triple.clone());
            }
            if let GraphName::NamedNode(name) = &quad.graph_name
                && named.as_ref().is_none_or(|named| named.contains(name))
            {
                graphs.named.entry(name.clone()).or_default().push(triple);
            }
        }
        graphs
    }

    /// The plan of the engine.
    ///
    /// # Panics
    /// If the query has none.
    pub(crate) fn plan(&self) -> String {
        let query: quadrille_sparql::Query = self.text().parse().expect("a query");
        let store = store(&data::parse(&self.data));
        let plan = query.prepare(self.options()).explain(&store);
        plan.expect("a plan").to_string()
    }

    fn options(&self) -> QueryOptions {
        QueryOptions::new()
            .with_timeout(ENGINE_PATIENCE)
            .with_union_default_graph(self.union_default_graph)
    }

    fn engine(&self, way: Way, quads: &[Quad]) -> Result<Answer, Failure> {
        let options = match way {
            Way::AsWritten => self.options().as_written(),
            _ => self.options(),
        };
        match way {
            Way::Planned | Way::AsWritten => self.answered(&new_store(), quads, &options),
            Way::Narrow => {
                let narrow = self.options().with_memory(NARROW_BYTES);
                match self.answered(&new_store(), quads, &narrow) {
                    // What cannot spill is not about a narrow memory.
                    Err(Failure::Memory) => self.answered(&new_store(), quads, &options),
                    answer => answer,
                }
            }
            #[cfg(feature = "lmdb")]
            Way::Lmdb => LMDB.with(|(_, store)| self.answered(store, quads, &options)),
            #[cfg(feature = "rocksdb")]
            Way::RocksDb => ROCKSDB.with(|(_, store)| self.answered(store, quads, &options)),
        }
    }

    /// What a store answers once it holds the quads and no others.
    fn answered<B: StorageBackend>(
        &self,
        store: &QuadStore<B>,
        quads: &[Quad],
        options: &QueryOptions,
    ) -> Result<Answer, Failure> {
        empty(store);
        store.extend(quads.iter().cloned()).expect("the quads");
        let failed = |error: QueryError| match error {
            QueryError::Memory { .. } => Failure::Memory,
            error => Failure::Error(error.to_string()),
        };
        match store.query_with(&self.text(), options).map_err(failed)? {
            QueryResults::Boolean(value) => Ok(Answer::Boolean(value)),
            QueryResults::Solutions(solutions) => {
                let variables = names(solutions.variables());
                let rows =
                    at_most(solutions.map(|row| row.map(|row| row_of(&row)).map_err(failed)))?;
                Ok(Answer::Solutions { variables, rows })
            }
            QueryResults::Graph(triples) => Ok(graph(at_most(
                triples.map(|triple| triple.map_err(failed)),
            )?)),
        }
    }
}

/// Removes all quads one by one: RocksDB takes a tenth of a second to clear a store, however little is in it.
fn empty<B: StorageBackend>(store: &QuadStore<B>) {
    let snapshot = store.snapshot().expect("a snapshot");
    let quads = snapshot.match_quads(&QuadPattern::new());
    let quads: Vec<Quad> = quads
        .and_then(Iterator::collect)
        .expect("the quads of the case before");
    drop(snapshot);
    let mut transaction = store.transaction().expect("a transaction");
    for quad in &quads {
        transaction.remove(quad).expect("a quad that is there");
    }
    transaction.commit().expect("a store without quads");
}

fn new_store() -> QuadStore<InMemoryBackend> {
    QuadStore::open(InMemoryBackend::new()).expect("an empty store")
}

fn store(quads: &[Quad]) -> QuadStore<InMemoryBackend> {
    let store = new_store();
    store
        .extend(quads.iter().cloned())
        .expect("quads in memory");
    store
}

/// How the engine is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Planned,
    /// With the plan that the text of the query spells out.
    AsWritten,
    /// With so little memory that what can spill does.
    Narrow,
    /// On LMDB. The store is the same for all cases of a thread, so ids come in other orders, and the dictionary holds more
    /// than the data.
    #[cfg(feature = "lmdb")]
    Lmdb,
    /// On RocksDB, likewise.
    #[cfg(feature = "rocksdb")]
    RocksDb,
}

impl Way {
    const ALL: &[Self] = &[
        Self::Planned,
        Self::AsWritten,
        Self::Narrow,
        #[cfg(feature = "lmdb")]
        Self::Lmdb,
        #[cfg(feature = "rocksdb")]
        Self::RocksDb,
    ];
}

#[cfg(feature = "rocksdb")]
thread_local! {
    static ROCKSDB: (TempDir, QuadStore<RocksDbBackend>) = {
        let folder = tempfile::tempdir().expect("a folder");
        let options = RocksDbOptions::new().durability(Durability::Unsafe);
        let backend = RocksDbBackend::open_with(folder.path(), options).expect("a database");
        (folder, QuadStore::open(backend).expect("an empty store"))
    };
}

#[cfg(feature = "lmdb")]
thread_local! {
    static LMDB: (TempDir, QuadStore<LmdbBackend>) = {
        let folder = tempfile::tempdir().expect("a folder");
        let options = LmdbOptions::new().durability(Durability::Unsafe);
        let backend = LmdbBackend::open_with(folder.path(), options).expect("an environment");
        (folder, QuadStore::open(backend).expect("an empty store"))
    };
}

pub(crate) fn names(variables: &[Variable]) -> Vec<String> {
    let mut names: Vec<_> = variables
        .iter()
        .map(|name| name.as_str().to_owned())
        .collect();
    names.sort();
    names
}

pub(crate) fn row_of<'a>(row: impl IntoIterator<Item = (&'a Variable, &'a Term)>) -> Row {
    row.into_iter()
        .map(|(name, term)| (name.as_str().to_owned(), term.clone()))
        .collect()
}

/// Triples as text. Blank nodes that the template made have names of their own, so they all get the same one.
pub(crate) fn graph(triples: Vec<Triple>) -> Answer {
    let mut lines: Vec<String> = triples
        .iter()
        .map(|triple| {
            let parts = triple.to_string();
            let parts = parts.split(' ').map(|part| match part.strip_prefix("_:") {
                Some(label) if label.len() > 1 => "_:made",
                _ => part,
            });
            parts.collect::<Vec<_>>().join(" ")
        })
        .collect();
    lines.sort();
    lines.dedup_by(|one, other| one == other && !one.contains("_:made"));
    Answer::Graph(lines)
}

/// All items, if there are not too many.
pub(crate) fn at_most<T>(
    items: impl Iterator<Item = Result<T, Failure>>,
) -> Result<Vec<T>, Failure> {
    let mut all = Vec::new();
    for item in items {
        all.push(item?);
        if all.len() > ROWS_MAX {
            return Err(Failure::TooLarge);
        }
    }
    Ok(all)
}

/// The slice of a SELECT, and the query without it.
fn without_slice(query: &Query) -> (Query, Option<(usize, Option<usize>)>) {
    let mut query = query.clone();
    let mut slice = None;
    if let Query::Select { pattern, .. } = &mut query
        && let GraphPattern::Slice {
            inner,
            start,
            length,
        } = pattern
    {
        slice = Some((*start, *length));
        *pattern = std::mem::take(inner);
    }
    (query, slice)
}

/// What the reference answers to a query without a slice; what spareval does for a DESCRIBE, which SPARQL leaves open.
fn expected(query: &Query, graphs: &Graphs, reading: Reading) -> Result<Answer, Failure> {
    let reference = Reference::new(graphs, reading);
    match query {
        Query::Select { pattern, .. } => {
            let mut variables = Vec::new();
            pattern.on_in_scope_variable(|name| variables.push(name.clone()));
            let mut variables = names(&variables);
            variables.dedup();
            let rows = reference.rows(pattern)?;
            Ok(Answer::Solutions { variables, rows })
        }
        Query::Ask { pattern, .. } => Ok(Answer::Boolean(!reference.rows(pattern)?.is_empty())),
        Query::Construct {
            template, pattern, ..
        } => {
            let rows = reference.rows(pattern)?;
            let made = |row| {
                template
                    .iter()
                    .filter_map(move |triple| instance(triple, row))
            };
            Ok(graph(rows.iter().flat_map(made).collect()))
        }
        Query::Describe { .. } => oracle::answer(query, &dataset(graphs), false),
    }
}

/// A triple of a template with the values of a row, if that is a triple.
fn instance(template: &TriplePattern, row: &Row) -> Option<Triple> {
    let term = |pattern: &TermPattern| match pattern {
        TermPattern::NamedNode(node) => Some(Term::from(node.clone())),
        TermPattern::Literal(literal) => Some(literal.clone().into()),
        TermPattern::BlankNode(_) => Some(BlankNode::new_unchecked("made").into()),
        TermPattern::Variable(name) => row.get(name.as_str()).cloned(),
        TermPattern::Triple(triple) => Some(instance(triple, row)?.into()),
    };
    let predicate = match &template.predicate {
        NamedNodePattern::NamedNode(node) => node.clone(),
        NamedNodePattern::Variable(name) => match row.get(name.as_str())? {
            Term::NamedNode(node) => node.clone(),
            _ => return None,
        },
    };
    let subject: NamedOrBlankNode = match term(&template.subject)? {
        Term::NamedNode(node) => node.into(),
        Term::BlankNode(node) => node.into(),
        _ => return None,
    };
    Some(Triple::new(subject, predicate, term(&template.object)?))
}

fn dataset(graphs: &Graphs) -> Dataset {
    let mut dataset = Dataset::new();
    for triple in &graphs.default {
        dataset.insert(&triple.clone().in_graph(GraphName::DefaultGraph));
    }
    for (name, triples) in &graphs.named {
        for triple in triples {
            dataset.insert(&triple.clone().in_graph(name.clone()));
        }
    }
    dataset
}

/// Compares an answer with the expected one, which has no slice, and tells the number of its rows. An error is the answer
/// with what is wrong about it.
fn compare(answer: &Answer, expected: &Answer, query: &Query) -> Result<usize, String> {
    let (unsliced, slice) = without_slice(query);
    let wrong = |note: String| format!("{}\n({note})", answer.lines().join("\n"));
    let reduced = is_reduced(&unsliced);
    match slice {
        Some((start, length)) => {
            part(answer, expected, start, length, reduced).map_err(wrong)?;
        }
        None => whole(answer, expected, reduced).map_err(wrong)?,
    }
    let start = slice.map_or(0, |(start, _)| start);
    match (answer, expected, &unsliced) {
        (
            Answer::Solutions { rows, .. },
            Answer::Solutions { rows: all, .. },
            Query::Select { pattern, .. },
        ) if !reduced => ordering::check(rows, all, start, pattern).map_err(wrong)?,
        _ => {}
    }
    Ok(match answer {
        Answer::Boolean(value) => usize::from(*value),
        other => other.lines().len(),
    })
}

fn whole(answer: &Answer, expected: &Answer, reduced: bool) -> Result<(), String> {
    let (mut one, mut other) = (answer.sorted(), expected.sorted());
    if reduced {
        one.dedup();
        other.dedup();
    }
    if one != other {
        return Err("not the same rows".to_owned());
    }
    Ok(())
}

/// Whether an answer is as long as it must be, and of rows that the whole one has.
fn part(
    answer: &Answer,
    whole: &Answer,
    start: usize,
    length: Option<usize>,
    reduced: bool,
) -> Result<(), String> {
    let (lines, mut all) = (answer.lines(), whole.lines());
    let left = all.len().saturating_sub(start);
    let due = length.map_or(left, |length| left.min(length));
    if lines.len() != due && !(reduced && lines.len() < due) {
        return Err(format!("{} rows of {due}", lines.len()));
    }
    for line in lines {
        let Some(place) = all.iter().position(|known| *known == line) else {
            return Err(format!("the whole answer lacks {line}"));
        };
        all.swap_remove(place);
    }
    Ok(())
}

/// Whether the query itself is a REDUCED one; subqueries never are.
fn is_reduced(query: &Query) -> bool {
    matches!(
        query,
        Query::Select {
            pattern: GraphPattern::Reduced { .. },
            ..
        }
    )
}
