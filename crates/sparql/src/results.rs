//! What a query answers: solutions, a boolean, or triples.
//!
//! What flows in: batches of ids. What flows out: terms, row by row. What always holds: results own the view they read; an
//! iterator that ends without an error has given the whole answer; after an error it is at its end.

use crate::construct::{Description, Template};
use crate::error::QueryError;
use crate::options::RowCount;
use crate::rows::TermRows;
use oxrdf::{Triple, Variable};
use sparesults::QuerySolution;
use std::sync::Arc;

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
    /// The kind of result, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Solutions(_) => "solutions",
            Self::Boolean(_) => "a boolean",
            Self::Graph(_) => "a graph",
        }
    }
}

/// The solutions of a `SELECT`, evaluated as they are asked for.
pub struct Solutions {
    variables: Arc<[Variable]>,
    rows: TermRows,
    count: RowCount,
    done: bool,
}

impl Solutions {
    pub(crate) fn new(variables: Arc<[Variable]>, rows: TermRows, count: RowCount) -> Self {
        Self {
            variables,
            rows,
            count,
            done: false,
        }
    }

    /// The selected variables, in their order.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }
}

impl Iterator for Solutions {
    type Item = Result<QuerySolution, QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let row = counted(self.rows.next_row(), &mut self.count);
        self.done = !matches!(row, Ok(Some(_)));
        let variables = &self.variables;
        let solution = row.map(|row| row.map(|terms| (Arc::clone(variables), terms).into()));
        solution.transpose()
    }
}

/// The triples of a `CONSTRUCT` or `DESCRIBE`, each once, evaluated as they are asked for.
pub struct Triples {
    source: TripleSource,
    count: RowCount,
    done: bool,
}

/// Where the triples come from.
pub(crate) enum TripleSource {
    Template(Box<Template>),
    Description(Box<Description>),
}

impl Triples {
    pub(crate) fn new(source: TripleSource, count: RowCount) -> Self {
        Self {
            source,
            count,
            done: false,
        }
    }
}

impl Iterator for Triples {
    type Item = Result<Triple, QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let triple = match &mut self.source {
            TripleSource::Template(template) => template.next_triple(),
            TripleSource::Description(description) => description.next_triple(),
        };
        let triple = counted(triple, &mut self.count);
        self.done = !matches!(triple, Ok(Some(_)));
        triple.transpose()
    }
}

/// A row, if there is one and there may be one more.
fn counted<T>(
    row: Result<Option<T>, QueryError>,
    count: &mut RowCount,
) -> Result<Option<T>, QueryError> {
    let row = row?;
    if row.is_some() {
        count.add()?;
    }
    Ok(row)
}
