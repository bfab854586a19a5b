//! What the tests share: a store in memory from TriG text, and answers as text.

use oxrdf::Quad;
use oxttl::TriGParser;
use quadrille_backend::InMemoryBackend;
use quadrille_sparql::{
    Explanation, Query, QueryError, QueryOptions, QueryResults, ResultFormat, ResultWriter,
    SparqlExt,
};
use quadrille_store::QuadStore;

/// The store that the tests query.
pub(crate) type Store = QuadStore<InMemoryBackend>;

/// A store that holds the quads of a TriG document, in which `:` is `http://example.com/`.
pub(crate) fn store(trig: &str) -> Store {
    let store = QuadStore::open(InMemoryBackend::new()).unwrap();
    store.extend(quads(trig)).unwrap();
    store
}

/// The same, all of it in blocks.
pub(crate) fn loaded(trig: &str) -> Store {
    let store = QuadStore::open(InMemoryBackend::new()).unwrap();
    let mut load = store.bulk_load().unwrap();
    for quad in quads(trig) {
        load.push(quad.as_ref()).unwrap();
    }
    load.finish().unwrap();
    store
}

fn quads(trig: &str) -> Vec<Quad> {
    let parser = TriGParser::new()
        .with_prefix("", "http://example.com/")
        .unwrap();
    parser.for_slice(trig).map(Result::unwrap).collect()
}

/// The answer in TSV, N-Triples or, for a boolean, TSV; the rows sorted.
pub(crate) fn answer<T: SparqlExt>(target: &T, query: &str) -> Result<Vec<String>, QueryError> {
    answer_with(target, query, &QueryOptions::new())
}

/// As [`answer`], with options.
pub(crate) fn answer_with<T: SparqlExt>(
    target: &T,
    query: &str,
    options: &QueryOptions,
) -> Result<Vec<String>, QueryError> {
    let query = format!("PREFIX : <http://example.com/>\n{query}");
    let mut rows = written(target.query_with(&query, options)?)?;
    rows.sort();
    Ok(rows)
}

/// The rows of results in their order, in TSV, N-Triples or, for a boolean, TSV.
pub(crate) fn written(results: QueryResults) -> Result<Vec<String>, QueryError> {
    let (format, header) = match &results {
        QueryResults::Graph(_) => (ResultFormat::NTriples, 0),
        QueryResults::Boolean(_) => (ResultFormat::Tsv, 0),
        QueryResults::Solutions(_) => (ResultFormat::Tsv, 1),
    };
    let mut out = Vec::new();
    ResultWriter::new(format).write(results, &mut out)?;
    let text = String::from_utf8(out).unwrap();
    let text = text.replace("http://example.com/", ":");
    Ok(text.lines().skip(header).map(str::to_owned).collect())
}

/// The plan of a query that was run.
pub(crate) fn explained(store: &Store, query: &str) -> Explanation {
    let query = format!(
        "PREFIX : <http://example.com/> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> {query}"
    );
    let query = Query::parse(&query, None).unwrap();
    query
        .prepare(QueryOptions::new())
        .explain_analyze(store)
        .unwrap()
}
