//! Results as text: the formats of SPARQL, RDF syntaxes for graphs, a table for people.
//!
//! What flows in: results, a format, an output. What flows out: bytes, written row by row, and how long it took. What
//! always holds: a format that cannot hold the result is refused before the first byte; memory does not grow with the
//! number of rows.

use crate::error::QueryError;
use crate::extension::SparqlExt;
use crate::options::QueryOptions;
use crate::query::{PreparedQuery, Query, QueryForm};
use crate::results::{QueryResults, Solutions, Triples};
use crate::table::TableWriter;
use oxrdf::Term;
use oxttl::{NTriplesSerializer, TurtleSerializer};
use sparesults::{QueryResultsFormat, QueryResultsSerializer};
use std::fmt;
use std::io::{BufWriter, Write};
use std::str::FromStr;
use std::time::{Duration, Instant};

/// Bytes gathered before they are handed to the output.
const BUFFER_BYTES: usize = 64 * 1024;

/// How a result is written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ResultFormat {
    /// Aligned columns; holds every kind of result.
    Table,
    /// SPARQL Query Results JSON: solutions and booleans.
    Json,
    /// SPARQL Query Results XML: solutions and booleans.
    Xml,
    /// SPARQL Query Results CSV, which loses the types of terms: solutions and booleans.
    Csv,
    /// SPARQL Query Results TSV: solutions and booleans.
    Tsv,
    /// N-Triples: graphs.
    NTriples,
    /// Turtle: graphs.
    Turtle,
}

impl ResultFormat {
    /// Every format.
    pub const ALL: [Self; 7] = [
        Self::Table,
        Self::Json,
        Self::Xml,
        Self::Csv,
        Self::Tsv,
        Self::NTriples,
        Self::Turtle,
    ];

    /// The name that [`FromStr`] reads.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Xml => "xml",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::NTriples => "ntriples",
            Self::Turtle => "turtle",
        }
    }

    /// The format of sparesults that this is, unless it is one of our own or of RDF.
    fn of_solutions(self) -> Option<QueryResultsFormat> {
        match self {
            Self::Json => Some(QueryResultsFormat::Json),
            Self::Xml => Some(QueryResultsFormat::Xml),
            Self::Csv => Some(QueryResultsFormat::Csv),
            Self::Tsv => Some(QueryResultsFormat::Tsv),
            Self::Table | Self::NTriples | Self::Turtle => None,
        }
    }
}

impl fmt::Display for ResultFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for ResultFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| {
                let names = Self::ALL.map(Self::name).join(", ");
                format!("no result format {name:?}; there are {names}")
            })
    }
}

/// Writes results in one format.
#[derive(Clone, Copy, Debug)]
pub struct ResultWriter {
    format: ResultFormat,
    table_width: Option<usize>,
}

impl ResultWriter {
    /// A writer of this format; a table is as wide as its cells.
    #[must_use]
    pub fn new(format: ResultFormat) -> Self {
        Self {
            format,
            table_width: None,
        }
    }

    /// Cuts the cells of a table so that its lines are at most this wide, as long as its columns leave room.
    #[must_use]
    pub fn with_table_width(mut self, width: usize) -> Self {
        self.table_width = Some(width);
        self
    }

    /// Writes all of a result and returns its number of rows: solutions, triples, or one for a boolean.
    ///
    /// # Errors
    /// [`QueryError::Format`] before the first byte when the format cannot hold the result, [`QueryError::Output`], and
    /// what evaluating the rest of the query fails with; some rows may have been written then.
    pub fn write(&self, results: QueryResults, out: impl Write) -> Result<u64, QueryError> {
        let misfit = QueryError::Format {
            kind: results.kind(),
            format: self.format,
        };
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, out);
        let rows = match (results, self.format, self.format.of_solutions()) {
            (QueryResults::Solutions(rows), ResultFormat::Table, _) => {
                self.table(rows, &mut out)?
            }
            (QueryResults::Solutions(rows), _, Some(format)) => solutions(rows, format, &mut out)?,
            (QueryResults::Boolean(value), ResultFormat::Table, _) => {
                writeln!(out, "{value}")?;
                1
            }
            (QueryResults::Boolean(value), _, Some(format)) => {
                QueryResultsSerializer::from_format(format)
                    .serialize_boolean_to_writer(&mut out, value)?;
                1
            }
            (QueryResults::Graph(rows), ResultFormat::Table, _) => {
                self.triple_table(rows, &mut out)?
            }
            (QueryResults::Graph(rows), ResultFormat::NTriples, _) => n_triples(rows, &mut out)?,
            (QueryResults::Graph(rows), ResultFormat::Turtle, _) => turtle(rows, &mut out)?,
            _ => return Err(misfit),
        };
        out.flush()?;
        Ok(rows)
    }

    fn table(&self, solutions: Solutions, out: impl Write) -> Result<u64, QueryError> {
        let header = solutions
            .variables()
            .iter()
            .map(|variable| variable.as_str().to_owned());
        let mut table = TableWriter::new(out, header.collect(), self.table_width);
        let mut rows = 0;
        for solution in solutions {
            table.push(solution?.values().iter().map(Option::as_ref))?;
            rows += 1;
        }
        table.finish()?;
        Ok(rows)
    }

    fn triple_table(&self, triples: Triples, out: impl Write) -> Result<u64, QueryError> {
        let header = ["subject", "predicate", "object"].map(str::to_owned);
        let mut table = TableWriter::new(out, header.to_vec(), self.table_width);
        let mut rows = 0;
        for triple in triples {
            let triple = triple?;
            let terms: [Term; 3] = [
                triple.subject.into(),
                triple.predicate.into(),
                triple.object,
            ];
            table.push(terms.iter().map(Some))?;
            rows += 1;
        }
        table.finish()?;
        Ok(rows)
    }
}

fn solutions(
    solutions: Solutions,
    format: QueryResultsFormat,
    out: impl Write,
) -> Result<u64, QueryError> {
    let mut serializer = QueryResultsSerializer::from_format(format)
        .serialize_solutions_to_writer(out, solutions.variables().to_vec())?;
    let mut rows = 0;
    for solution in solutions {
        serializer.serialize(&solution?)?;
        rows += 1;
    }
    serializer.finish()?;
    Ok(rows)
}

fn n_triples(triples: Triples, out: impl Write) -> Result<u64, QueryError> {
    let mut serializer = NTriplesSerializer::new().for_writer(out);
    let mut rows = 0;
    for triple in triples {
        serializer.serialize_triple(&triple?)?;
        rows += 1;
    }
    serializer.finish();
    Ok(rows)
}

fn turtle(triples: Triples, out: impl Write) -> Result<u64, QueryError> {
    let mut serializer = TurtleSerializer::new().for_writer(out);
    let mut rows = 0;
    for triple in triples {
        serializer.serialize_triple(&triple?)?;
        rows += 1;
    }
    serializer.finish()?;
    Ok(rows)
}

/// How long the parts of a query took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct QueryTimings {
    /// Parsing the text, in microseconds.
    pub parse_us: u64,
    /// From the parsed query to results that can be iterated, in microseconds. For `ASK` the answer is within this.
    pub plan_us: u64,
    /// Until the last row was decoded and written, in microseconds.
    pub execute_us: u64,
    /// Rows written, as [`ResultWriter::write`] counts them.
    pub rows: u64,
}

/// Parses and runs a query, writes its result, and says how long each part took. The writer is chosen once the form of
/// the query is known.
///
/// # Errors
/// Every [`QueryError`].
pub fn run_query<T: SparqlExt + ?Sized>(
    target: &T,
    text: &str,
    options: &QueryOptions,
    writer: impl FnOnce(QueryForm) -> ResultWriter,
    out: impl Write,
) -> Result<QueryTimings, QueryError> {
    let started = Instant::now();
    let query = Query::parse_with(text, options)?;
    let parse_us = microseconds(started.elapsed());
    let prepared = query.prepare(options.clone());
    let timings = run_prepared(target, &prepared, &writer(query.form()), out)?;
    Ok(QueryTimings {
        parse_us,
        ..timings
    })
}

/// Runs a query that was parsed before, writes its result, and says how long planning and execution took.
///
/// # Errors
/// Every [`QueryError`] but those of the syntax.
pub fn run_prepared<T: SparqlExt + ?Sized>(
    target: &T,
    query: &PreparedQuery,
    writer: &ResultWriter,
    out: impl Write,
) -> Result<QueryTimings, QueryError> {
    let started = Instant::now();
    let results = query.execute(target)?;
    let plan_us = microseconds(started.elapsed());
    let started = Instant::now();
    let rows = writer.write(results, out)?;
    Ok(QueryTimings {
        parse_us: 0,
        plan_us,
        execute_us: microseconds(started.elapsed()),
        rows,
    })
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
