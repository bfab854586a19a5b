//! Running one test: load its data, ask its query, compare.
//!
//! What flows in: a test and an empty backend. What flows out: nothing, or what went wrong. What always holds: the answer
//! is compared as iterated and as written in each of SPARQL's formats, so that the suites test the writers too.

use crate::answer::Answer;
use crate::compare::{Cardinality, compare};
use crate::expected;
use crate::manifest::{Kind, SuiteFile, Test};
use oxrdf::{BlankNode, GraphName, NamedNode, NamedOrBlankNode, Quad, Term, Triple};
use quadrille_backend::{InMemoryBackend, StorageBackend};
use quadrille_sparql::{
    Query, QueryOptions, QueryResults, ResultFormat, ResultWriter, ServiceError, ServiceHandler,
    ServiceRequest, ServiceRows, SparqlExt,
};
use quadrille_store::QuadStore;
use sparesults::QueryResultsFormat;
use spargebra::SparqlParser;
use spargebra::algebra::GraphPattern;
use std::collections::HashMap;
use std::sync::Arc;

/// Parses the query of a syntax test.
pub(crate) fn check_syntax(test: &Test) -> Result<(), String> {
    let parsed = Query::parse(&test.query.read(), Some(&test.query.url));
    match (&test.kind, parsed) {
        (Kind::PositiveSyntax, Err(error)) => Err(error.to_string()),
        (Kind::NegativeSyntax, Ok(query)) => Err(format!("parsed as {query}")),
        (Kind::PositiveSyntax, Ok(_)) | (Kind::NegativeSyntax, Err(_)) => Ok(()),
        (kind, _) => Err(format!("{kind:?} is no query test")),
    }
}

/// Runs an evaluation test on a fresh store.
pub(crate) fn evaluate<B: StorageBackend>(test: &Test, backend: B) -> Result<(), String> {
    let text = test.query.read();
    let parser = SparqlParser::new().with_base_iri(&test.query.url).unwrap();
    let algebra = parser
        .parse_query(&text)
        .map_err(|error| error.to_string())?;
    let store = QuadStore::open(backend).map_err(|error| error.to_string())?;
    store
        .extend(dataset(test, &algebra)?)
        .map_err(|error| error.to_string())?;
    let options = Federation::new(test)?.options();
    let ask = || -> Result<QueryResults, String> {
        Query::parse(&text, Some(&test.query.url))
            .and_then(|query| query.prepare(options.clone()).execute(&store))
            .map_err(|error| error.to_string())
    };
    let result = test.result.as_ref().ok_or("the test has no result")?;
    if test.kind == Kind::CsvResult {
        return compare_csv(&result.read(), &write(ask()?, ResultFormat::Csv)?);
    }
    let expected = expected::read(result, is_sorted(&algebra))?;
    let cardinality = if test.lax {
        Cardinality::Lax
    } else {
        Cardinality::Exact
    };
    let got = Answer::of(ask()?).map_err(|error| error.to_string())?;
    compare(&expected, &got, cardinality)?;
    for format in written_formats(&got) {
        let written = write(ask()?, format)?;
        let read = read_back(&written, format).map_err(|error| format!("{format}: {error}"))?;
        compare(&expected, &read, cardinality)
            .map_err(|error| format!("written as {format}: {error}"))?;
    }
    Ok(())
}

/// The endpoints of a test, each with a store; they may ask each other.
#[derive(Clone)]
struct Federation(Arc<HashMap<NamedNode, QuadStore<InMemoryBackend>>>);

impl Federation {
    fn new(test: &Test) -> Result<Self, String> {
        let mut stores = HashMap::new();
        for (endpoint, files) in &test.services {
            let store =
                QuadStore::open(InMemoryBackend::new()).map_err(|error| error.to_string())?;
            for file in files {
                store
                    .extend(load(file, &GraphName::DefaultGraph)?)
                    .map_err(|error| error.to_string())?;
            }
            stores.insert(endpoint.clone(), store);
        }
        Ok(Self(Arc::new(stores)))
    }

    fn options(&self) -> QueryOptions {
        QueryOptions::new().with_default_service(self.clone())
    }
}

impl ServiceHandler for Federation {
    fn answer(&self, request: &ServiceRequest) -> Result<ServiceRows, ServiceError> {
        let store = self.0.get(request.endpoint()).ok_or("no such endpoint")?;
        match store.query_with(request.query(), &self.options())? {
            QueryResults::Solutions(solutions) => {
                let rows = solutions.map(|solution| Ok(solution?.values().to_vec()));
                Ok(Box::new(rows))
            }
            _ => Err("a service is asked for solutions".into()),
        }
    }
}

fn write(results: QueryResults, format: ResultFormat) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    ResultWriter::new(format)
        .write(results, &mut out)
        .map_err(|error| error.to_string())?;
    Ok(out)
}

/// The formats that keep all of an answer.
fn written_formats(answer: &Answer) -> Vec<ResultFormat> {
    match answer {
        Answer::Boolean(_) => vec![ResultFormat::Json, ResultFormat::Xml],
        Answer::Solutions { .. } => vec![ResultFormat::Json, ResultFormat::Xml, ResultFormat::Tsv],
        Answer::Graph(_) => vec![ResultFormat::NTriples, ResultFormat::Turtle],
    }
}

fn read_back(written: &[u8], format: ResultFormat) -> Result<Answer, String> {
    let format = match format {
        ResultFormat::Json => QueryResultsFormat::Json,
        ResultFormat::Xml => QueryResultsFormat::Xml,
        ResultFormat::Tsv => QueryResultsFormat::Tsv,
        _ => {
            let triples: Result<Vec<_>, _> =
                oxttl::TurtleParser::new().for_slice(written).collect();
            return triples
                .map(Answer::graph)
                .map_err(|error| error.to_string());
        }
    };
    Answer::parse(written, format)
}

/// Whether the rows of a query come in an order of their own.
fn is_sorted(query: &spargebra::Query) -> bool {
    let spargebra::Query::Select { pattern, .. } = query else {
        return false;
    };
    let mut pattern = pattern;
    loop {
        pattern = match pattern {
            GraphPattern::OrderBy { .. } => return true,
            GraphPattern::Project { inner, .. }
            | GraphPattern::Distinct { inner }
            | GraphPattern::Reduced { inner }
            | GraphPattern::Slice { inner, .. } => inner,
            _ => return false,
        };
    }
}

/// The quads of a test: its data; without any, the graphs that the query names in its dataset clauses.
fn dataset(test: &Test, query: &spargebra::Query) -> Result<Vec<Quad>, String> {
    let mut quads = Vec::new();
    for file in &test.data {
        quads.extend(load(file, &GraphName::DefaultGraph)?);
    }
    let clauses = query
        .dataset()
        .filter(|_| test.data.is_empty() && test.graph_data.is_empty());
    let named_by_query = clauses.into_iter().flat_map(|clauses| {
        let named = clauses.named.iter().flatten();
        clauses
            .default
            .iter()
            .chain(named)
            .map(|name| SuiteFile::new(name.as_str(), &test.suites))
    });
    let mut named: Vec<SuiteFile> = test
        .graph_data
        .iter()
        .cloned()
        .chain(named_by_query)
        .collect();
    named.sort_by(|left, right| left.url.cmp(&right.url));
    named.dedup_by(|left, right| left.url == right.url);
    for file in named {
        let graph = NamedNode::new(&file.url).map_err(|error| error.to_string())?;
        quads.extend(load(&file, &graph.into())?);
    }
    Ok(quads)
}

/// The triples of a file as quads, its blank nodes kept apart from those of other files.
fn load(file: &SuiteFile, graph: &GraphName) -> Result<Vec<Quad>, String> {
    if file.url.ends_with("/data-empty.nt") && !file.path.exists() {
        // The published suites name this file of no triples and do not contain it.
        return Ok(Vec::new());
    }
    let mut labels = HashMap::new();
    let triples = expected::triples(file)?.into_iter();
    Ok(triples
        .map(|triple| relabel_triple(triple, &mut labels).in_graph(graph.clone()))
        .collect())
}

fn relabel_triple(triple: Triple, labels: &mut HashMap<BlankNode, BlankNode>) -> Triple {
    let subject = match triple.subject {
        NamedOrBlankNode::BlankNode(node) => labels.entry(node).or_default().clone().into(),
        subject => subject,
    };
    let object = match triple.object {
        Term::BlankNode(node) => labels.entry(node).or_default().clone().into(),
        Term::Triple(triple) => relabel_triple(*triple, labels).into(),
        object => object,
    };
    Triple::new(subject, triple.predicate, object)
}

/// CSV has no types to parse by: the lines are compared as they are, in any order after the first. The label of a blank
/// node is free; no test has two of them.
fn compare_csv(expected: &str, got: &[u8]) -> Result<(), String> {
    let lines = |text: &str| -> Vec<String> {
        let mut lines: Vec<String> = text
            .lines()
            .map(|line| {
                line.split(',')
                    .map(without_label)
                    .collect::<Vec<_>>()
                    .join(",")
            })
            .collect();
        if let Some(rows) = lines.get_mut(1..) {
            rows.sort();
        }
        lines
    };
    let got = String::from_utf8_lossy(got);
    if lines(expected) == lines(&got) {
        Ok(())
    } else {
        Err(format!("expected\n{expected}\ngot\n{got}"))
    }
}

fn without_label(cell: &str) -> &str {
    if cell.starts_with("_:") {
        "_:"
    } else {
        cell.trim_end()
    }
}
