//! The queries that are timed: some made of the data, and those of the user's files.

use super::Emit;
use super::sample::Sample;
use super::timing::Latencies;
use crate::failure::Failure;
use crate::interrupt;
use oxrdf::{Quad, Term};
use quadrille::sparql::{QueryError, QueryOptions, ResultFormat, ResultWriter, run_query};
use quadrille::{AnyBackend, QuadPattern, QuadStore};
use std::io;
use std::time::Duration;

/// How often a query is timed, and how long at most.
const RUNS: usize = 20;
const TIME_MAX: Duration = Duration::from_secs(3);
/// How long one run may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Times queries; one that runs out of time has no figure.
pub(crate) fn measure(
    store: &QuadStore<AnyBackend>,
    sample: &Sample,
    given: &[(String, String)],
    emit: Emit<'_>,
) -> Result<(), Failure> {
    let made = made_of_data(store, sample)?;
    let made = made.iter().map(|(name, text)| (*name, text.as_str()));
    let given = given
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()));
    for (name, text) in made.chain(given) {
        let mut latencies = Latencies::default();
        let mut in_time = true;
        latencies.repeat(RUNS, TIME_MAX, |_| {
            if in_time {
                in_time = run(store, text)?;
            }
            Ok(())
        })?;
        if in_time {
            latencies.emit_median(&format!("queries: {name}"), emit);
        } else {
            crate::output::note(format_args!(
                "the query `{name}` took more than {} s",
                TIMEOUT.as_secs()
            ));
        }
    }
    Ok(())
}

/// Runs a query and throws its result away; whether it ended in time.
fn run(store: &QuadStore<AnyBackend>, text: &str) -> Result<bool, Failure> {
    let options = QueryOptions::new()
        .with_union_default_graph(true)
        .with_cancel_token(interrupt::token())
        .with_timeout(TIMEOUT);
    let writer = |_| ResultWriter::new(ResultFormat::Table);
    match run_query(store, text, &options, writer, &mut io::sink()) {
        Ok(_) => Ok(true),
        Err(QueryError::Timeout) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A look at a subject, a star, a path, a count and a grouping, as far as the data has what they need.
fn made_of_data(
    store: &QuadStore<AnyBackend>,
    sample: &Sample,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let mut queries = Vec::new();
    let named = |quad: &&Quad| quad.subject.is_named_node();
    let Some(quad) = sample.quads.iter().find(named) else {
        return Ok(queries);
    };
    let (subject, predicate) = (&quad.subject, &quad.predicate);
    queries.push((
        "all of a subject",
        format!("SELECT ?p ?o {{ {subject} ?p ?o }}"),
    ));
    let other = store
        .match_quads(&QuadPattern::new().with_subject(subject.clone()))?
        .map(|other| other.map(|other| other.predicate))
        .find(|other| other.as_ref().is_ok_and(|other| other != predicate));
    if let Some(other) = other.transpose()? {
        queries.push((
            "a star of two, 1,000 rows",
            format!("SELECT * {{ ?s {predicate} ?a ; {other} ?b }} LIMIT 1000"),
        ));
    }
    let link = |quad: &&Quad| named(quad) && matches!(quad.object, Term::NamedNode(_));
    if let Some(quad) = sample.quads.iter().find(link) {
        queries.push((
            "a path of two",
            format!(
                "SELECT * {{ {} ?p ?o . ?o ?q ?x }} LIMIT 1000",
                quad.subject
            ),
        ));
    }
    queries.push((
        "count of a predicate",
        format!("SELECT (COUNT(*) AS ?n) {{ ?s {predicate} ?o }}"),
    ));
    queries.push((
        "distinct predicates of 10,000 quads",
        "SELECT DISTINCT ?p { { SELECT ?p { ?s ?p ?o } LIMIT 10000 } }".to_owned(),
    ));
    Ok(queries)
}
