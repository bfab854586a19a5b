//! `quadrille query`: a SPARQL query over a store or over files.
//!
//! What flows in: the text of a query. What flows out: its result in the format asked for. What always holds: the query
//! is read before data is loaded, so that a slip in it costs no time; rows are written as they are found.

use crate::failure::{Exit, Failure, exit_of, exit_of_io};
use crate::source::DataSource;
use crate::{interrupt, output};
use clap::Args;
use quadrille::AnyBackend;
use quadrille::QuadStore;
use quadrille::model::{Term, Variable};
use quadrille::sparql::{
    PreparedQuery, Query, QueryError, QueryForm, QueryOptions, QueryTimings, ResultFormat,
    ResultWriter, run_prepared,
};
use std::io::{Read, Write};
use std::num::NonZeroU32;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

/// How much of a line an error shows on each side of the place.
const EXCERPT_CHARACTERS: usize = 50;

/// Run a SPARQL query over a store, or over files without one
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  quadrille query --data data/museum.nq 'SELECT ?g (COUNT(*) AS ?quads) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g'
  quadrille query --store lmdb:./museum --file rooms.rq --format csv
  quadrille query --store lmdb:./museum --timeout 10s --timing 'ASK { ?s ?p ?o }'
  quadrille query --store lmdb:./museum --param 'room=<http://example.com/room/1>' 'SELECT ?o { ?room ?p ?o }'
  quadrille query --store lmdb:./museum --explain=analyze 'SELECT (COUNT(*) AS ?n) { ?s ?p ?o }'

Without --format, solutions and booleans are written as a table and graphs as Turtle. A table is for reading: on a \
terminal, cells that do not fit are cut. The other formats write every value whole.

--timing writes one line of JSON for each run to standard error, behind everything else: the microseconds spent on \
parsing (parse_us), on planning (plan_us) and until the last row was decoded and written (execute_us), and the number of \
rows. With several files there is a line for each run of each, in their order; --repeat writes these lines too. A query \
keeps its plan: from its second run on, plan_us is the time of finding it again. What runs before a failure took is told \
before the failure is.")]
pub(crate) struct Arguments {
    /// The query
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    text: Option<String>,
    /// A file that holds the query, `-` for standard input; several files run one after the other in this process
    #[arg(long, value_name = "FILE")]
    file: Vec<PathBuf>,
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
    /// The memory that the query may use for sorting, grouping and joining, such as 512MiB; beyond it there are temporary
    /// files, or the query fails
    #[arg(long, value_name = "SIZE", value_parser = super::load::parse_size)]
    memory: Option<usize>,
    /// On how many threads large scans and joins may run; the number of processors unless set
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Fail when the result has more rows than this
    #[arg(long, value_name = "N")]
    max_rows: Option<u64>,
    /// The value of a variable of the query, selected or not, as NAME=TERM with the term as N-Triples writes it, or a
    /// number, true or false
    #[arg(long, value_name = "NAME=TERM", value_parser = parameter)]
    param: Vec<(Variable, Term)>,
    /// Show the plan instead of running the query; with `=analyze`, run it and show what each operator did. As JSON with
    /// --format json
    #[arg(long, value_name = "MODE", num_args = 0..=1, require_equals = true, default_missing_value = "plan")]
    explain: Option<Explain>,
    /// Run each query so many times, with a line of --timing for each run; its result is written once
    #[arg(long, value_name = "N", conflicts_with = "explain")]
    repeat: Option<NonZeroU32>,
    /// Write a line of JSON with the time that each step took to standard error
    #[arg(long, conflicts_with = "explain")]
    timing: bool,
}

/// What `--explain` shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Explain {
    /// The plan.
    Plan,
    /// The plan and what its operators did.
    Analyze,
}

/// A query of the command line.
struct Text {
    text: String,
    query: Query,
    parse_us: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    interrupt::install()?;
    let options = arguments.options();
    let mut texts = Vec::new();
    for text in arguments.query_texts()? {
        let started = Instant::now();
        let query =
            Query::parse(&text, options.base_iri()).map_err(|error| explain(error, &text))?;
        let parse_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        texts.push(Text {
            text,
            query,
            parse_us,
        });
    }
    let store = arguments.source.open()?;
    let mut out = output::open();
    let mut timings = Vec::new();
    let mut ran = Ok(());
    for text in &texts {
        ran = arguments.run_text(&store, text, &options, &mut out, &mut timings);
        if ran.is_err() {
            break;
        }
    }
    // Rows that were found before a failure are worth having, and so are the times.
    let finished = output::finish(out);
    if arguments.timing || arguments.repeat.is_some() {
        timings.iter().for_each(report_timings);
    }
    finished?;
    ran
}

/// The value of a variable: `NAME=TERM`.
fn parameter(text: &str) -> Result<(Variable, Term), String> {
    let (name, term) = text
        .split_once('=')
        .ok_or("there is no = between name and term")?;
    let name = name.trim_start_matches(['?', '$']);
    let variable = Variable::new(name).map_err(|_| format!("{name:?} is no name of a variable"))?;
    let term = Term::from_str(term).map_err(|error| format!("{term:?} is no term: {error}"))?;
    Ok((variable, term))
}

impl Arguments {
    /// Runs one query as often as asked, or explains it.
    fn run_text(
        &self,
        store: &QuadStore<AnyBackend>,
        text: &Text,
        options: &QueryOptions,
        out: &mut impl Write,
        timings: &mut Vec<QueryTimings>,
    ) -> Result<(), Failure> {
        let mut prepared = text.query.prepare(options.clone());
        for (variable, term) in &self.param {
            prepared = prepared.with_binding(variable.clone(), term.clone());
        }
        if let Some(mode) = self.explain {
            return self.explained(store, &prepared, mode, out);
        }
        for run in 0..self.repeat.map_or(1, NonZeroU32::get) {
            let writer = self.writer(text.query.form());
            let timing = if run == 0 {
                run_prepared(store, &prepared, &writer, &mut *out)
            } else {
                run_prepared(store, &prepared, &writer, std::io::sink())
            };
            let mut timing = timing.map_err(|error| explain(error, &text.text))?;
            timing.parse_us = text.parse_us;
            timings.push(timing);
        }
        Ok(())
    }

    fn explained(
        &self,
        store: &QuadStore<AnyBackend>,
        prepared: &PreparedQuery,
        mode: Explain,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        let explanation = match mode {
            Explain::Plan => prepared.explain(store),
            Explain::Analyze => prepared.explain_analyze(store),
        }?;
        let written = match self.format {
            Some(ResultFormat::Json) => writeln!(out, "{}", explanation.to_json()),
            _ => write!(out, "{explanation}"),
        };
        written.map_err(output::write_failed)
    }

    /// The texts of the queries, in their order.
    fn query_texts(&self) -> Result<Vec<String>, Failure> {
        match &self.text {
            Some(text) => Ok(vec![text.clone()]),
            None => self.file.iter().map(|file| self.read(file)).collect(),
        }
    }

    fn read(&self, file: &Path) -> Result<String, Failure> {
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
        if let Some(bytes) = self.memory {
            options = options.with_memory(bytes);
        }
        if let Some(threads) = self.threads {
            options = options.with_threads(threads);
        }
        if let Some(rows) = self.max_rows {
            options = options.with_max_rows(rows);
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
