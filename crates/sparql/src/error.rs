//! What can go wrong with a query, told apart so that callers can decide by it.
//!
//! What flows in: errors of the parser, the evaluation, the store and the output. What flows out: one [`QueryError`]. What
//! always holds: no type of the parser shows in it.

use crate::service::ServiceError;
use crate::write::ResultFormat;
use quadrille_store::StorageError;
use spargebra::SparqlSyntaxError;
use std::fmt;
use std::io;

/// A query that is not SPARQL, with the place where it stops being so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyntaxError {
    message: String,
    position: Option<(u64, u64)>,
}

impl SyntaxError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            position: None,
        }
    }

    /// The parser shows its position only in its message, as `error at LINE:COLUMN: …`.
    pub(crate) fn from_parser(error: &SparqlSyntaxError) -> Self {
        let text = error.to_string();
        let parts = text
            .strip_prefix("error at ")
            .and_then(|rest| rest.split_once(": "))
            .and_then(|(place, message)| {
                let (line, column) = place.split_once(':')?;
                Some((line.parse().ok()?, column.parse().ok()?, message))
            });
        match parts {
            Some((line, column, message)) => Self {
                message: message.to_owned(),
                position: Some((line, column)),
            },
            None => Self::new(text),
        }
    }

    /// What is wrong, without the position.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The line, counted from 1, if known.
    #[must_use]
    pub fn line(&self) -> Option<u64> {
        self.position.map(|(line, _)| line)
    }

    /// The column in characters, counted from 1, if known.
    #[must_use]
    pub fn column(&self) -> Option<u64> {
        self.position.map(|(_, column)| column)
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some((line, column)) => {
                write!(formatter, "line {line}, column {column}: {}", self.message)
            }
            None => formatter.write_str(&self.message),
        }
    }
}

impl std::error::Error for SyntaxError {}

/// Why a query gave no answer, or stopped within it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The text is not a SPARQL query.
    #[error("not a SPARQL query: {0}")]
    Syntax(#[from] SyntaxError),
    /// The query nests deeper, or chains more parts, than is safe to walk; it was not parsed.
    #[error("the query is too complex: {what} {count}, at most {limit}")]
    TooComplex {
        /// What there is too much of.
        what: &'static str,
        /// How much of it there is.
        count: usize,
        /// How much there may be.
        limit: usize,
    },
    /// The query is well formed and cannot be evaluated.
    #[error("cannot evaluate the query: {0}")]
    Evaluation(String),
    /// A `SERVICE` that is not `SILENT` could not be asked, or failed.
    #[error("cannot ask the service {endpoint}: {source}")]
    Service {
        /// The endpoint, or what stands in its place.
        endpoint: String,
        /// What its handler failed with, or why it was not asked.
        source: ServiceError,
    },
    /// Reading the store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The cancel token was set.
    #[error("the query was cancelled")]
    Cancelled,
    /// The timeout or the deadline passed.
    #[error("the query ran out of time")]
    Timeout,
    /// The rows that the query must keep at once do not fit into its memory budget.
    #[error("the query needs more memory than its budget of {budget} bytes")]
    Memory {
        /// The budget, in bytes.
        budget: usize,
    },
    /// The query has more rows than it may give; so many were given.
    #[error("the query gives more than {limit} rows, its limit")]
    Rows {
        /// The limit.
        limit: u64,
    },
    /// Rows beyond the memory budget could not be kept in a temporary file: its disk is full, or fails.
    #[error("cannot keep rows in a temporary file in {folder}: {source}", folder = std::env::temp_dir().display())]
    TemporaryFile {
        /// What creating, writing or reading the file failed with.
        source: io::Error,
    },
    /// The result is of a kind that the format cannot hold; nothing was written.
    #[error("{kind} cannot be written as {format}")]
    Format {
        /// The kind of result, in words.
        kind: &'static str,
        /// The format that was asked for.
        format: ResultFormat,
    },
    /// Writing the result failed.
    #[error("cannot write the result: {0}")]
    Output(#[from] io::Error),
}
