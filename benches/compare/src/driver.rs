//! Runs the comparison: data, then rounds of processes. In flow the command line, out flow figures for the report.
//! Always holds: within a round every engine does a step before any does the next, so that a slow minute of the machine
//! hits all alike.

use crate::growth::Growth;
use crate::query_driver;
use crate::report::{Header, Report};
use quadrille_benches::data::Files;
use quadrille_benches::queries;
use quadrille_benches::steps::Step;
use quadrille_benches::{Measurement, Outcome, RdfFormat};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const STEPS: [Step; 5] = [
    Step::Load,
    Step::Read,
    Step::Write,
    Step::Durable,
    Step::Graphs,
];
const ENGINES: [&str; 6] = [
    "quadrille-memory",
    "quadrille-lmdb",
    "oxigraph-memory",
    "oxigraph-rocksdb",
    "oxttl",
    "raw-lmdb",
];
/// Engines that are in the other program only, because they bring another RocksDB than Oxigraph's.
const ENGINES_APART: [&str; 2] = ["quadrille-rocksdb", "raw-rocksdb"];

/// What to compare.
#[derive(Clone, Debug, clap::Args)]
pub struct MeasureArguments {
    /// How many quads to generate; of several numbers, each is measured by itself, and the loads are set side by side.
    #[arg(long, value_delimiter = ',', default_value = "5000000")]
    pub(crate) quads: Vec<u64>,
    /// The formats to load, by their extensions: nq, nt, ttl, trig. All steps but `load` work on N-Quads.
    #[arg(long, value_delimiter = ',', default_value = "nq")]
    pub(crate) formats: Vec<RdfFormat>,
    /// How many graphs of one quad to make for the step `graphs`.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) graphs: u64,
    /// The seed of the generator.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How many times every step is run on every engine.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// How many look-ups to time.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) lookups: usize,
    /// The folder for data and stores; it should be on the disk that is to be measured.
    #[arg(long)]
    pub(crate) folder: PathBuf,
    /// Only these engines.
    #[arg(long, value_delimiter = ',')]
    pub(crate) engines: Vec<String>,
    /// Only these steps; `read`, `write` and `durable` need the stores of an earlier `load`. `query`, the query suite, has
    /// data and stores of its own, and runs only when it is named.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) steps: Vec<Step>,
    /// The program `quadrille-engine`, built with the feature `rocksdb`: adds the engines on RocksDB.
    #[arg(long)]
    pub(crate) quadrille_engine: Option<PathBuf>,
    /// Writes all figures into this file, too.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// The folder of the queries; that of the source tree unless given.
    #[arg(long)]
    pub(crate) queries: Option<PathBuf>,
    /// Only queries of these names and shapes.
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// How long a query may take, in seconds.
    #[arg(long, default_value_t = 60)]
    pub(crate) limit: u64,
    /// Another engine for the queries, as NAME=PROGRAM ARGUMENT…; the programs of `benches/peers` are such.
    #[arg(long = "peer", value_parser = parse_peer)]
    pub(crate) peers: Vec<(String, Vec<String>)>,
    /// Draws the times of the cyclic queries at all scales, with their bounds, into this SVG file.
    #[arg(long)]
    pub(crate) plot: Option<PathBuf>,
}

/// A name and the words of a command.
fn parse_peer(text: &str) -> Result<(String, Vec<String>), String> {
    let (name, command) = text.split_once('=').ok_or("no = after the name")?;
    let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    match words[..] {
        [] => Err("no program after the =".to_owned()),
        _ => Ok((name.to_owned(), words)),
    }
}

impl MeasureArguments {
    fn engines(&self) -> Vec<String> {
        if !self.engines.is_empty() {
            return self.engines.clone();
        }
        let apart = ENGINES_APART
            .iter()
            .filter(|_| self.quadrille_engine.is_some());
        ENGINES
            .iter()
            .chain(apart)
            .map(|&name| name.to_owned())
            .collect()
    }

    /// The engines that run queries, the peers last.
    pub(crate) fn query_engines(&self) -> Vec<String> {
        let mut engines = self.engines();
        engines.retain(|engine| engine != "oxttl" && !engine.starts_with("raw-"));
        let peers = self.peers.iter().map(|(name, _)| name);
        let more: Vec<String> = peers
            .filter(|name| !engines.contains(name))
            .cloned()
            .collect();
        engines.extend(more);
        engines
    }

    /// The folder of the queries.
    pub(crate) fn queries(&self) -> PathBuf {
        self.queries.clone().unwrap_or_else(queries::folder)
    }

    /// Whether an engine is one of the peers of the command line.
    pub(crate) fn is_peer(&self, engine: &str) -> bool {
        self.peers.iter().any(|(name, _)| name == engine)
    }

    /// All steps that are wanted, but for the queries.
    fn steps(&self) -> Vec<Step> {
        if self.steps.is_empty() {
            return STEPS.to_vec();
        }
        let steps = self.steps.iter().copied();
        steps.filter(|step| *step != Step::Query).collect()
    }

    /// The program of an engine, with the words that come before the step.
    pub(crate) fn program(&self, engine: &str) -> Outcome<(PathBuf, &[String])> {
        if let Some((_, words)) = self.peers.iter().find(|(name, _)| name == engine) {
            let (program, words) = words.split_first().ok_or("a peer without a program")?;
            return Ok((program.into(), words));
        }
        if !ENGINES_APART.contains(&engine) {
            return Ok((std::env::current_exe()?, &[]));
        }
        let program = self.quadrille_engine.clone();
        let program = program.ok_or_else(|| format!("{engine} needs --quadrille-engine"))?;
        Ok((program, &[]))
    }
}

/// What one process does.
#[derive(Clone, Copy)]
struct Task {
    step: Step,
    format: RdfFormat,
}

impl Task {
    /// All of them, in their order.
    fn all(arguments: &MeasureArguments) -> Vec<Self> {
        let formats = |step| match step {
            Step::Load => arguments.formats.clone(),
            _ => vec![RdfFormat::NQuads],
        };
        let tasks = |step| {
            let task = move |format| Self { step, format };
            formats(step).into_iter().map(task)
        };
        arguments.steps().into_iter().flat_map(tasks).collect()
    }

    /// The parser only reads, a bare engine has nothing but commits, one in memory and Oxigraph cannot wait for the disk.
    fn can_be_done_by(self, engine: &str) -> bool {
        match self.step {
            Step::Load => !engine.starts_with("raw-"),
            _ if engine == "oxttl" => false,
            Step::Durable => !engine.ends_with("-memory") && !engine.starts_with("oxigraph-"),
            _ => !engine.starts_with("raw-"),
        }
    }

    /// The folder of an engine's store. The one with the N-Quads stays for the steps after the load.
    fn store(self, folder: &Path, engine: &str) -> PathBuf {
        match (self.step, self.format) {
            (Step::Graphs, _) => folder.join(format!("{engine}-graphs")),
            (_, RdfFormat::NQuads) => folder.join(engine),
            (_, format) => folder.join(format!("{engine}-{}", format.extension())),
        }
    }
}

/// Runs the comparison and prints it.
///
/// # Errors
/// When a file cannot be written, a process fails, or the engines disagree on the rows.
pub fn measure(arguments: &MeasureArguments) -> Outcome<()> {
    if !arguments.steps().is_empty() {
        measure_steps(arguments)?;
    }
    if arguments.steps.contains(&Step::Query) {
        query_driver::measure(arguments)?;
    }
    Ok(())
}

fn measure_steps(arguments: &MeasureArguments) -> Outcome<()> {
    let mut reports = Vec::new();
    for &quads in &arguments.quads {
        let report = measure_quads(arguments, quads)?;
        println!("{}\n", report.to_text());
        reports.push(report);
        if let Some(path) = &arguments.json {
            std::fs::write(path, json_of(&reports).to_string())?;
        }
    }
    if let [_, _, ..] = &reports[..] {
        println!("{}", Growth::new(&reports).to_text());
    }
    reports.iter().try_for_each(Report::check_rows)
}

/// One object for one number of quads, an array for several.
fn json_of(reports: &[Report]) -> serde_json::Value {
    match reports {
        [report] => report.to_json(),
        reports => reports.iter().map(Report::to_json).collect(),
    }
}

fn measure_quads(arguments: &MeasureArguments, quads: u64) -> Outcome<Report> {
    let data = arguments.folder.join("data");
    let header = write_data(arguments, &data, quads)?;
    let engines = arguments.engines();
    let mut report = Report::new(header, &engines);
    for round in 1..=arguments.rounds {
        for task in Task::all(arguments) {
            let able = engines.iter().filter(|engine| task.can_be_done_by(engine));
            for engine in able {
                let Task { step, format } = task;
                eprintln!("round {round}: {engine}, {step:?}, {}", format.extension());
                run_child(arguments, engine, task, &data, |figure| {
                    report.add(engine, figure)
                })?;
            }
        }
    }
    Ok(report)
}

fn write_data(arguments: &MeasureArguments, data: &Path, quads: u64) -> Outcome<Header> {
    std::fs::create_dir_all(data)?;
    eprintln!("generating {quads} quads");
    let files = Files::within(data);
    let floor = files.write(quads, arguments.graphs, arguments.seed)?;
    let others = arguments.formats.iter();
    for &format in others.filter(|format| **format != RdfFormat::NQuads) {
        files.write_format(format, quads, arguments.seed)?;
    }
    Ok(Header {
        quads: floor.quads(),
        quad_bits: floor.quad_bits(),
        floor_bytes: floor.index_bytes_per_quad(),
        rounds: arguments.rounds,
        seed: arguments.seed,
    })
}

fn run_child(
    arguments: &MeasureArguments,
    engine: &str,
    task: Task,
    data: &Path,
    mut found: impl FnMut(Measurement),
) -> Outcome<()> {
    let step = format!("{:?}", task.step).to_lowercase();
    let (program, first) = arguments.program(engine)?;
    let mut child = Command::new(program)
        .args(first)
        .args(["run", engine, &step])
        .arg("--store")
        .arg(task.store(&arguments.folder, engine))
        .arg("--data")
        .arg(data)
        .args(["--lookups", &arguments.lookups.to_string()])
        .args(["--format", task.format.extension()])
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().ok_or("a child without output")?;
    for line in BufReader::new(output).lines() {
        if let Some(figure) = Measurement::from_line(&line?) {
            found(figure);
        }
    }
    let status = child.wait()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{engine}, {step}: {status}").into())
}
