//! `quadrille query`: a SPARQL query over a store or over files.
//!
//! What flows in: the text of a query. What flows out: its result in the format asked for. What always holds: the query
//! is read before data is loaded, so that a slip in it costs no time; rows are written as they are found.

use crate::failure::{Exit, Failure, exit_of, exit_of_io};
use crate::source::DataSource;
use crate::{interrupt, output};
use clap::Args;
use quadrille::sparql::{
    Query, QueryError, QueryForm, QueryOptions, QueryTimings, ResultFormat, ResultWriter, run_query,
};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a query may take to notice that its time is up.
const STOPPING_TIME_MAX: Duration = Duration::from_secs(1);

/// How much of a line an error shows on each side of the place.
const EXCERPT_CHARACTERS: usize = 50;

/// Run a SPARQL query over a store, or over files without one
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  quadrille query --data data/museum.nq 'SELECT ?g (COUNT(*) AS ?quads) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g'
  quadrille query --store lmdb:./museum --file rooms.rq --format csv
  quadrille query --store lmdb:./museum --timeout 10s --timing 'ASK { ?s ?p ?o }'

Without --format, solutions and booleans are written as a table and graphs as Turtle. A table is for reading: on a \
terminal, cells that do not fit are cut. The other formats write every value whole.

--timing writes one line of JSON to standard error: the microseconds spent on parsing (parse_us), on planning \
(plan_us) and until the last row was decoded and written (execute_us), and the number of rows.")]
pub(crate) struct Arguments {
    /// The query
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    text: Option<String>,
    /// A file that holds the query, `-` for standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    source: DataSource,
    /// The format of the result: table, tsv, csv, json or xml; for graphs ntriples, turtle or table
    #[arg(long, value_name = "FORMAT")]
    format: Option<ResultFormat>,
    /// Let the default graph of the query be the union of all graphs
    #[arg(long)]
    union_default_graph: bool,
    /// Give up when the query runs longer than this, such as 500ms, 30s or 2m
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// Write a line of JSON with the time that each step took to standard error
    #[arg(long)]
    timing: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    interrupt::install()?;
    let text = arguments.query_text()?;
    let options = arguments.options();
    Query::parse(&text, options.base_iri()).map_err(|error| explain(error, &text))?;
    let store = arguments.source.open()?;
    if let Some(timeout) = arguments.timeout {
        interrupt::end_after(timeout.saturating_add(STOPPING_TIME_MAX));
    }
    let mut out = output::open();
    let timings = run_query(
        &store,
        &text,
        &options,
        |form| arguments.writer(form),
        &mut out,
    );
    // Rows that were found before a failure are worth having.
    output::finish(out)?;
    if arguments.timing {
        report_timings(&timings?);
    } else {
        timings?;
    }
    Ok(())
}

impl Arguments {
    fn query_text(&self) -> Result<String, Failure> {
        let (Some(file), None) = (&self.file, &self.text) else {
            return Ok(self.text.clone().unwrap_or_default());
        };
        let failed = |error| Failure::io(format!("cannot read {}", file.display()), error);
        if file != Path::new("-") {
            return std::fs::read_to_string(file).map_err(failed);
        }
        if self.source.is_standard_input() {
            return Err(Failure::new(
                Exit::Usage,
                "the query and the data cannot both come from standard input",
            ));
        }
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(failed)?;
        Ok(text)
    }

    fn options(&self) -> QueryOptions {
        let mut options = QueryOptions::new()
            .with_union_default_graph(self.union_default_graph)
            .with_cancel_token(interrupt::token());
        if let Some(timeout) = self.timeout {
            options = options.with_timeout(timeout);
        }
        if let Some(base) = self.source.base() {
            options = options.with_base_iri(base.as_str());
        }
        options
    }

    fn writer(&self, form: QueryForm) -> ResultWriter {
        let format = self.format.unwrap_or(match form {
            QueryForm::Select | QueryForm::Ask => ResultFormat::Table,
            QueryForm::Construct | QueryForm::Describe => ResultFormat::Turtle,
        });
        let writer = ResultWriter::new(format);
        match output::terminal_width() {
            Some(width) => writer.with_table_width(width),
            None => writer,
        }
    }
}

fn report_timings(timings: &QueryTimings) {
    output::note(serde_json::json!({
        "parse_us": timings.parse_us,
        "plan_us": timings.plan_us,
        "execute_us": timings.execute_us,
        "rows": timings.rows,
    }));
}

/// A syntax error with the place in the text shown, any other error as it is.
fn explain(error: QueryError, text: &str) -> Failure {
    if let QueryError::Syntax(error) = &error
        && let (Some(line), Some(column)) = (error.line(), error.column())
        && let Some(excerpt) = excerpt(text, line, column)
    {
        let message = format!(
            "not a SPARQL query: line {line}, column {column}\n{excerpt}\n{}",
            error.message()
        );
        return Failure::new(Exit::BadQuery, message);
    }
    error.into()
}

/// The part of a line around a column, and a mark below it; both count from 1, columns in characters.
fn excerpt(text: &str, line: u64, column: u64) -> Option<String> {
    let line = text
        .lines()
        .nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
    let place = usize::try_from(column).ok()?.checked_sub(1)?;
    let start = place.saturating_sub(EXCERPT_CHARACTERS);
    let shown = line.chars().skip(start).take(2 * EXCERPT_CHARACTERS);
    let shown: String = shown
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    Some(format!(
        "  {shown}\n  {:>mark$}",
        '^',
        mark = place - start + 1
    ))
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        let exit = match &error {
            QueryError::Storage(error) => exit_of(error.kind()),
            QueryError::Cancelled => Exit::Interrupted,
            QueryError::Timeout => Exit::TimedOut,
            QueryError::Format { .. } => Exit::Usage,
            QueryError::Output(error) => exit_of_io(error.kind()),
            _ => Exit::BadQuery,
        };
        Self::new(exit, error.to_string()).caused_by(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_under_the_place() {
        assert_eq!(
            excerpt("SELECT *\n\t{ ?s ?p }", 2, 9).as_deref(),
            Some("   { ?s ?p }\n          ^")
        );
        let long = format!("{}HERE{}", "é".repeat(200), "x".repeat(200));
        let shown = excerpt(&long, 1, 201).expect("a place in the text");
        let lines: Vec<Vec<char>> = shown.lines().map(|line| line.chars().collect()).collect();
        assert_eq!(lines[0][lines[1].len() - 1], 'H');
        assert_eq!(lines[0].len(), 2 + 2 * EXCERPT_CHARACTERS);
    }

    #[test]
    fn a_place_outside_the_text_shows_nothing() {
        assert_eq!(excerpt("one line", 3, 1), None);
        assert_eq!(excerpt("one line", 0, 1), None);
        assert_eq!(excerpt("one line", 1, 0), None);
    }
}
