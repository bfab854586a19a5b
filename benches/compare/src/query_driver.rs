//! Runs the query suite: data, then rounds of processes, each with one engine and all queries. In flow the command line,
//! out flow tables. Always holds: a process that goes silent, or dies, loses the query that it was at, and another one goes
//! on with the next; a peer that cannot be run is left out, and this is said.

use crate::driver::MeasureArguments;
use crate::query_growth::QueryGrowth;
use crate::query_report::{QueryHeader, QueryReport};
use quadrille_benches::data::Files;
use quadrille_benches::queries::{self, SuiteQuery};
use quadrille_benches::query_step::{FAILURE_UNIT, PREFIX, READY, TIME_UNIT, TIMEOUT_UNIT};
use quadrille_benches::{Measurement, Outcome};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// How long a process may be silent above the time that a query may take twice: once hashed and once timed.
const GRACE: Duration = Duration::from_secs(30);
/// How long a load may take: as good as for ever.
const LOAD: Duration = Duration::from_secs(24 * 3_600);

/// Runs the suite and prints it.
///
/// # Errors
/// When a file cannot be written, an engine of this repository does not start, or engines disagree on the rows.
pub fn measure(arguments: &MeasureArguments) -> Outcome<()> {
    let mut reports = Vec::new();
    for &quads in &arguments.quads {
        let report = measure_quads(arguments, quads)?;
        println!("{}\n", report.to_text());
        reports.push(report);
        if let Some(path) = &arguments.json {
            let all: serde_json::Value = reports.iter().map(QueryReport::to_json).collect();
            std::fs::write(path, all.to_string())?;
        }
    }
    if let Some(growth) = QueryGrowth::new(&reports) {
        println!("exponents of growth\n\n{}\n", growth.to_text());
        if let Some(path) = &arguments.plot {
            growth.plot(path)?;
        }
    }
    reports.iter().try_for_each(QueryReport::check_rows)
}

fn measure_quads(arguments: &MeasureArguments, quads: u64) -> Outcome<QueryReport> {
    let data = arguments.folder.join("data");
    std::fs::create_dir_all(&data)?;
    eprintln!("generating {quads} quads");
    let files = Files::within(&data);
    let quads_by_property = files.write_stages(quads, arguments.seed)?;
    let engines = arguments.query_engines();
    for engine in &engines {
        let store = store(arguments, engine);
        if store.exists() {
            std::fs::remove_dir_all(store)?;
        }
    }
    let suite = queries::read(&arguments.queries(), &arguments.only)?;
    let header = QueryHeader {
        quads,
        quads_by_property,
        seed: arguments.seed,
        rounds: arguments.rounds,
        limit_seconds: arguments.limit,
    };
    let mut report = QueryReport::new(header, &engines, suite);
    for round in 1..=arguments.rounds {
        for engine in &engines {
            eprintln!("round {round}: {engine}, queries");
            run_engine(arguments, engine, &data, &mut report)?;
        }
    }
    Ok(report)
}

fn store(arguments: &MeasureArguments, engine: &str) -> std::path::PathBuf {
    arguments.folder.join(format!("{engine}-stages"))
}

/// How a process ended.
enum End {
    /// With its last query.
    Whole,
    /// Before the first: with the exit status.
    NotStarted(String),
    /// Within a query, so many of them done: by itself, or because it was silent for too long.
    Broken { done: usize, unit: &'static str },
}

/// All queries on one engine, in as many processes as that takes.
fn run_engine(
    arguments: &MeasureArguments,
    engine: &str,
    data: &Path,
    report: &mut QueryReport,
) -> Outcome<()> {
    let queries = report.queries().to_vec();
    let mut left = &queries[..];
    while !left.is_empty() {
        match run_child(arguments, engine, data, left, report)? {
            End::Whole => break,
            End::NotStarted(reason) if arguments.is_peer(engine) => {
                eprintln!("{engine} is left out: {reason}");
                break;
            }
            End::NotStarted(reason) => return Err(format!("{engine}: {reason}").into()),
            End::Broken { done, unit } => {
                let (query, rest) = left[done..].split_first().ok_or("no query is left")?;
                eprintln!("{engine} is lost in {}: {unit}", query.name);
                let name = format!("{PREFIX}{}", query.name);
                report.add(engine, &Measurement::new(name, unit, 0.0));
                left = rest;
            }
        }
    }
    Ok(())
}

fn run_child(
    arguments: &MeasureArguments,
    engine: &str,
    data: &Path,
    queries: &[SuiteQuery],
    report: &mut QueryReport,
) -> Outcome<End> {
    let mut child = match start(arguments, engine, data, queries) {
        Ok(child) => child,
        Err(error) => return Ok(End::NotStarted(error.to_string())),
    };
    let output = child.stdout.take().ok_or("a child without output")?;
    let (sender, lines) = channel();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let patience = Duration::from_secs(arguments.limit) * 2 + GRACE;
    let progress = follow(&lines, patience, |figure| report.add(engine, figure));
    if progress.is_silent {
        child.kill()?;
    }
    let status = child.wait()?;
    drop(lines);
    reader
        .join()
        .map_err(|_| "the reader of a child panicked")?;
    Ok(match progress {
        Progress {
            is_ready: false, ..
        } => End::NotStarted(status.to_string()),
        Progress {
            is_silent: true,
            done,
            ..
        } => End::Broken {
            done,
            unit: TIMEOUT_UNIT,
        },
        Progress { done, .. } if done < queries.len() => End::Broken {
            done,
            unit: FAILURE_UNIT,
        },
        Progress { .. } => End::Whole,
    })
}

fn start(
    arguments: &MeasureArguments,
    engine: &str,
    data: &Path,
    queries: &[SuiteQuery],
) -> Outcome<Child> {
    let (program, first) = arguments.program(engine)?;
    let names: Vec<&str> = queries.iter().map(|query| query.name.as_str()).collect();
    let child = Command::new(program)
        .args(first)
        .args(["run", engine, "query"])
        .arg("--store")
        .arg(store(arguments, engine))
        .arg("--data")
        .arg(data)
        .arg("--queries")
        .arg(arguments.queries())
        .args(["--only", &names.join(",")])
        .args(["--limit", &arguments.limit.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    Ok(child)
}

/// How far a process came.
#[derive(Default)]
struct Progress {
    is_ready: bool,
    is_silent: bool,
    done: usize,
}

/// Takes the figures of a process as they come; a query is done with its time, or with why there is none.
fn follow(
    lines: &Receiver<String>,
    patience: Duration,
    mut found: impl FnMut(&Measurement),
) -> Progress {
    let mut progress = Progress::default();
    loop {
        let wait = if progress.is_ready { patience } else { LOAD };
        let line = match lines.recv_timeout(wait) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => return progress,
            Err(RecvTimeoutError::Timeout) => {
                progress.is_silent = true;
                return progress;
            }
        };
        let Some(figure) = Measurement::from_line(&line) else {
            continue;
        };
        if figure.name == READY {
            progress.is_ready = true;
            continue;
        }
        found(&figure);
        let is_last = [TIME_UNIT, TIMEOUT_UNIT, FAILURE_UNIT].contains(&&*figure.unit);
        if figure.name.starts_with(PREFIX) && is_last {
            progress.done += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(figures: &[(&str, &str)]) -> Vec<String> {
        let line = |&(name, unit): &(&str, &str)| Measurement::new(name, unit, 1.0).to_line();
        figures.iter().map(line).collect()
    }

    #[test]
    fn a_query_is_done_with_its_last_figure() {
        let (sender, receiver) = channel();
        let output = [
            (READY, "queries"),
            ("query a", "rows"),
            ("query a", TIME_UNIT),
            ("query b", TIMEOUT_UNIT),
            ("query c", "rows"),
        ];
        for line in lines(&output) {
            sender.send(line).expect("it is received");
        }
        let mut figures = 0;
        let progress = follow(&receiver, Duration::from_millis(20), |_| figures += 1);
        assert!(progress.is_ready && progress.is_silent);
        assert_eq!((progress.done, figures), (2, 4));
        drop(sender);
        let progress = follow(&receiver, Duration::from_millis(20), |_| {});
        assert!(!progress.is_ready && !progress.is_silent);
    }
}
