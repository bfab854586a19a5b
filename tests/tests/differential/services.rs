//! A query asked of a service must have the answer that it has by itself.
//!
//! What flows in: a case. What flows out: whether it said something, or how the answers differ. What always holds: the
//! service answers from the same quads, and only from the text that it is asked.

use crate::compare::Case;
use crate::data;
use crate::forms::PROLOGUE;
use oxrdf::Term;
use quadrille_backend::InMemoryBackend;
use quadrille_sparql::{
    Query, QueryError, QueryForm, QueryOptions, QueryResults, ServiceRequest, ServiceRows,
    SparqlExt,
};
use quadrille_store::{QuadStore, Snapshot};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long an answer may take; cases that take longer are passed over.
const PATIENCE: Duration = Duration::from_secs(2);
/// What an answer depends on beside the multiset of the rows: cases with such are passed over.
const FREE: [&str; 5] = ["LIMIT", "OFFSET", "SAMPLE", "GROUP_CONCAT", "REDUCED"];

/// Whether a case says something; its answers are then the same.
///
/// # Errors
/// The case with both answers.
pub(crate) fn compared(case: &Case) -> Result<bool, String> {
    let upper = case.query.to_uppercase();
    let is_free = FREE.iter().any(|word| upper.contains(word)) || upper.contains("FROM");
    let text = format!("{PROLOGUE}{}", case.query);
    let is_select = Query::parse(&text, None).is_ok_and(|query| query.form() == QueryForm::Select);
    if is_free || !is_select {
        return Ok(false);
    }
    let store = QuadStore::open(InMemoryBackend::new()).expect("a store in memory opens");
    store
        .extend(data::parse(&case.data))
        .expect("quads are taken");
    let snapshot = store.snapshot().expect("a snapshot");
    let options = QueryOptions::new()
        .with_union_default_graph(case.union_default_graph)
        .with_timeout(PATIENCE);
    let Ok(direct) = rows(&snapshot, &text, &options) else {
        return Ok(false);
    };
    let asked = Arc::new(Mutex::new(String::new()));
    let (remote, remote_options) = (snapshot.clone(), options.clone());
    let seen = Arc::clone(&asked);
    let handler = move |request: &ServiceRequest| {
        request
            .query()
            .clone_into(&mut seen.lock().expect("nobody panicked"));
        let QueryResults::Solutions(solutions) =
            remote.query_with(request.query(), &remote_options)?
        else {
            return Err("no solutions".into());
        };
        let rows = solutions.map(|solution| Ok(solution?.values().to_vec()));
        Ok(Box::new(rows) as ServiceRows)
    };
    let federated = format!(
        "{PROLOGUE}SELECT * {{ SERVICE <urn:there> {{ {} }} }}",
        case.query
    );
    let answer = rows(
        &snapshot,
        &federated,
        &options.with_default_service(handler),
    );
    if matches!(&answer, Ok(rows) if *rows == direct) {
        return Ok(true);
    }
    let asked = asked.lock().expect("nobody panicked");
    // A key of GROUP BY that names a variable bound before has no other way to be written.
    let names_key = upper
        .split("GROUP BY")
        .skip(1)
        .any(|rest| rest.contains(" AS ?"));
    if names_key && Query::parse(&asked, None).is_err() {
        return Ok(false);
    }
    Err(format!(
        "{}\n{}\nasked: {asked}\ndirectly {direct:#?}\nby the service {answer:#?}",
        case.data.join("\n"),
        case.query
    ))
}

/// The rows in an order of their own, each variable with its value; blank nodes are all alike.
fn rows(
    snapshot: &Snapshot<InMemoryBackend>,
    text: &str,
    options: &QueryOptions,
) -> Result<Vec<String>, QueryError> {
    let QueryResults::Solutions(solutions) = snapshot.query_with(text, options)? else {
        return Ok(Vec::new());
    };
    let mut rows = Vec::new();
    for solution in solutions {
        let solution = solution?;
        let mut values: Vec<String> = solution
            .iter()
            .map(|(variable, term)| match term {
                Term::BlankNode(_) => format!("{variable} _:"),
                term => format!("{variable} {}", without_labels(term)),
            })
            .collect();
        values.sort();
        rows.push(values.join(" "));
    }
    rows.sort();
    Ok(rows)
}

/// A term as text, the labels of blank nodes within triple terms left out.
fn without_labels(term: &Term) -> String {
    let text = term.to_string();
    let words = text.split(' ').map(|word| match word.starts_with("_:") {
        true => "_:",
        false => word,
    });
    words.collect::<Vec<_>>().join(" ")
}
