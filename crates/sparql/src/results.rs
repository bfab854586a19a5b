//! What a query answers: solutions, a boolean, or triples.
//!
//! What flows in: the evaluator's iterators. What flows out: the same rows, with every failure turned into a
//! [`QueryError`]. What always holds: results own the view they read; an iterator that ends without an error has given the
//! whole answer; after an error it is at its end.

use crate::adapter::Faults;
use crate::error::QueryError;
use crate::options::Limits;
use oxrdf::{Triple, Variable};
use sparesults::QuerySolution;
use spareval::{QueryEvaluationError, QuerySolutionIter, QueryTripleIter};

/// The answer to a query.
pub enum QueryResults {
    /// Of `SELECT`.
    Solutions(Solutions),
    /// Of `ASK`.
    Boolean(bool),
    /// Of `CONSTRUCT` and `DESCRIBE`.
    Graph(Triples),
}

impl QueryResults {
    pub(crate) fn new(
        results: Result<spareval::QueryResults<'static>, QueryEvaluationError>,
        limits: Limits,
        faults: Faults,
    ) -> Result<Self, QueryError> {
        let guard = Guard {
            limits,
            faults,
            done: false,
        };
        Ok(match guard.check(results)? {
            spareval::QueryResults::Solutions(rows) => Self::Solutions(Solutions { rows, guard }),
            spareval::QueryResults::Graph(rows) => Self::Graph(Triples { rows, guard }),
            spareval::QueryResults::Boolean(value) => Self::Boolean(value),
        })
    }

    /// The kind of result, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Solutions(_) => "solutions",
            Self::Boolean(_) => "a boolean",
            Self::Graph(_) => "a graph",
        }
    }
}

/// Stands between the evaluator and the caller: no row passes after a failure or past a limit.
struct Guard {
    limits: Limits,
    faults: Faults,
    done: bool,
}

impl Guard {
    /// The failure that was kept aside, if any. In an expression it has only made a value "unbound" for the evaluator, so
    /// that the row in hand, or the end of the rows, may be wrong.
    fn failure(&self) -> Result<(), QueryError> {
        match self.faults.take() {
            Some(error) => Err(self.limits.explain(error)),
            None => Ok(()),
        }
    }

    fn check<T>(&self, row: Result<T, QueryEvaluationError>) -> Result<T, QueryError> {
        self.failure()?;
        let row = row.map_err(QueryError::from_evaluation)?;
        self.limits
            .check()
            .map_err(|error| self.limits.explain(error))?;
        Ok(row)
    }

    fn next<T>(
        &mut self,
        rows: &mut impl Iterator<Item = Result<T, QueryEvaluationError>>,
    ) -> Option<Result<T, QueryError>> {
        if self.done {
            return None;
        }
        let row = match rows.next() {
            Some(row) => Some(self.check(row)),
            None => self.failure().err().map(Err),
        };
        self.done = !matches!(row, Some(Ok(_)));
        row
    }
}

/// The solutions of a `SELECT`, evaluated as they are asked for.
pub struct Solutions {
    rows: QuerySolutionIter<'static>,
    guard: Guard,
}

impl Solutions {
    /// The selected variables, in their order.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        self.rows.variables()
    }
}

impl Iterator for Solutions {
    type Item = Result<QuerySolution, QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.guard.next(&mut self.rows)
    }
}

/// The triples of a `CONSTRUCT` or `DESCRIBE`, each once, evaluated as they are asked for.
pub struct Triples {
    rows: QueryTripleIter<'static>,
    guard: Guard,
}

impl Iterator for Triples {
    type Item = Result<Triple, QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.guard.next(&mut self.rows)
    }
}
