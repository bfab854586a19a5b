//! An answer to a query in the one form in which answers are compared.
//!
//! What flows in: results from the engine, or from a file. What flows out: rows of optional terms under named columns.
//! What always holds: columns are sorted by name, so that rows of two answers line up.

use oxrdf::{Term, Triple, Variable};
use quadrille_sparql::{QueryError, QueryResults};
use sparesults::{QueryResultsFormat, QueryResultsParser, SliceQueryResultsParserOutput};
use std::collections::BTreeMap;

/// One row, in the order of the columns.
pub(crate) type Row = Vec<Option<Term>>;

/// An answer.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Boolean(bool),
    Solutions {
        columns: Vec<String>,
        rows: Vec<Row>,
        /// Whether the order of the rows is part of the answer.
        ordered: bool,
    },
    Graph(Vec<Row>),
}

impl Answer {
    /// Solutions from rows of bound variables.
    pub(crate) fn solutions(
        variables: &[Variable],
        bindings: Vec<BTreeMap<String, Term>>,
        ordered: bool,
    ) -> Self {
        let mut columns: Vec<String> = variables
            .iter()
            .map(|variable| variable.as_str().to_owned())
            .collect();
        columns.sort();
        let rows = bindings
            .into_iter()
            .map(|mut row| columns.iter().map(|column| row.remove(column)).collect())
            .collect();
        Self::Solutions {
            columns,
            rows,
            ordered,
        }
    }

    /// A graph: each triple once.
    pub(crate) fn graph(triples: impl IntoIterator<Item = Triple>) -> Self {
        let mut rows: Vec<Row> = triples
            .into_iter()
            .map(|triple| {
                vec![
                    Some(triple.subject.into()),
                    Some(triple.predicate.into()),
                    Some(triple.object),
                ]
            })
            .collect();
        rows.sort_by_cached_key(|row| format!("{row:?}"));
        rows.dedup();
        Self::Graph(rows)
    }

    /// The engine's answer.
    pub(crate) fn of(results: QueryResults) -> Result<Self, QueryError> {
        Ok(match results {
            QueryResults::Boolean(value) => Self::Boolean(value),
            QueryResults::Graph(triples) => Self::graph(triples.collect::<Result<Vec<_>, _>>()?),
            QueryResults::Solutions(solutions) => {
                let variables = solutions.variables().to_vec();
                let mut bindings = Vec::new();
                for solution in solutions {
                    bindings.push(bindings_of(&solution?));
                }
                Self::solutions(&variables, bindings, true)
            }
        })
    }

    /// An answer written in one of SPARQL's result formats.
    pub(crate) fn parse(text: &[u8], format: QueryResultsFormat) -> Result<Self, String> {
        let parsed = QueryResultsParser::from_format(format)
            .for_slice(text)
            .map_err(|error| error.to_string())?;
        Ok(match parsed {
            SliceQueryResultsParserOutput::Boolean(value) => Self::Boolean(value),
            SliceQueryResultsParserOutput::Solutions(solutions) => {
                let variables = solutions.variables().to_vec();
                let mut bindings = Vec::new();
                for solution in solutions {
                    bindings.push(bindings_of(&solution.map_err(|error| error.to_string())?));
                }
                Self::solutions(&variables, bindings, true)
            }
        })
    }
}

fn bindings_of(solution: &quadrille_sparql::QuerySolution) -> BTreeMap<String, Term> {
    solution
        .iter()
        .map(|(variable, term)| (variable.as_str().to_owned(), term.clone()))
        .collect()
}
