//! What spareval answers.
//!
//! What flows in: a query and its dataset. What flows out: the answer, or why there is none. What always holds: it stops
//! after a while, and its panics are caught.

use crate::compare::{Answer, Failure, at_most, graph, names, row_of};
use oxrdf::Dataset;
use spareval::{CancellationToken, QueryDatasetSpecification, QueryEvaluator};
use spargebra::Query;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// How long spareval may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// What spareval answers.
pub(crate) fn answer(query: &Query, dataset: &Dataset, optimize: bool) -> Result<Answer, Failure> {
    let (done, alarm) = std::sync::mpsc::channel::<()>();
    let token = CancellationToken::new();
    let cancel = token.clone();
    let watch = std::thread::spawn(move || {
        if alarm.recv_timeout(PATIENCE).is_err() {
            cancel.cancel();
        }
    });
    let mut evaluator = QueryEvaluator::new().with_cancellation_token(token);
    if !optimize {
        evaluator = evaluator.without_optimizations();
    }
    // Its sort panics where its order of terms is none.
    let answer =
        std::panic::catch_unwind(AssertUnwindSafe(|| evaluate(&evaluator, query, dataset)));
    let _ = done.send(());
    let _ = watch.join();
    answer.unwrap_or_else(|_| Err(Failure::Error("spareval panics".to_owned())))
}

fn evaluate(
    evaluator: &QueryEvaluator,
    query: &Query,
    dataset: &Dataset,
) -> Result<Answer, Failure> {
    let failed = |error: spareval::QueryEvaluationError| match error {
        spareval::QueryEvaluationError::Cancelled => Failure::TooLarge,
        error => Failure::Error(error.to_string()),
    };
    let mut prepared = evaluator.prepare(query);
    *prepared.dataset_mut() = QueryDatasetSpecification::new();
    match prepared.execute(dataset).map_err(failed)? {
        spareval::QueryResults::Boolean(value) => Ok(Answer::Boolean(value)),
        spareval::QueryResults::Solutions(solutions) => {
            let variables = names(solutions.variables());
            let rows = at_most(solutions.map(|row| row.map(|row| row_of(&row)).map_err(failed)))?;
            Ok(Answer::Solutions { variables, rows })
        }
        spareval::QueryResults::Graph(triples) => Ok(graph(at_most(
            triples.map(|triple| triple.map_err(failed)),
        )?)),
    }
}
