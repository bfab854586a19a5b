//! Runs the comparison: data, then rounds of processes. In flow the command line, out flow figures for the report.
//! Always holds: within a round every engine does a step before any does the next, so that a slow minute of the machine
//! hits all alike.

use crate::report::{Header, Report};
use quadrille_benches::data::Files;
use quadrille_benches::steps::Step;
use quadrille_benches::{Measurement, Outcome};
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
const ENGINES: [&str; 5] = [
    "quadrille-memory",
    "quadrille-lmdb",
    "oxigraph-memory",
    "oxigraph-rocksdb",
    "raw-lmdb",
];
/// Engines that are in the other program only, because they bring another RocksDB than Oxigraph's.
const ENGINES_APART: [&str; 2] = ["quadrille-rocksdb", "raw-rocksdb"];

/// What to compare.
#[derive(Clone, Debug, clap::Args)]
pub struct MeasureArguments {
    /// How many quads to generate.
    #[arg(long, default_value_t = 5_000_000)]
    quads: u64,
    /// How many graphs of one quad to make for the step `graphs`.
    #[arg(long, default_value_t = 1_000_000)]
    graphs: u64,
    /// The seed of the generator.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many times every step is run on every engine.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many look-ups to time.
    #[arg(long, default_value_t = 10_000)]
    lookups: usize,
    /// The folder for data and stores; it should be on the disk that is to be measured.
    #[arg(long)]
    folder: PathBuf,
    /// Only these engines.
    #[arg(long, value_delimiter = ',')]
    engines: Vec<String>,
    /// Only these steps; `read`, `write` and `durable` need the stores of an earlier `load`.
    #[arg(long, value_enum, value_delimiter = ',')]
    steps: Vec<Step>,
    /// The program `quadrille-engine`, built with the feature `rocksdb`: adds the engines on RocksDB.
    #[arg(long)]
    quadrille_engine: Option<PathBuf>,
    /// Writes all figures into this file, too.
    #[arg(long)]
    json: Option<PathBuf>,
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

    fn steps(&self) -> Vec<Step> {
        if self.steps.is_empty() {
            return STEPS.to_vec();
        }
        self.steps.clone()
    }

    fn program(&self, engine: &str) -> Outcome<PathBuf> {
        if !ENGINES_APART.contains(&engine) {
            return Ok(std::env::current_exe()?);
        }
        let program = self.quadrille_engine.clone();
        program.ok_or_else(|| format!("{engine} needs --quadrille-engine").into())
    }
}

/// A bare engine has nothing but commits, one in memory and Oxigraph cannot wait for the disk.
fn can_do(engine: &str, step: Step) -> bool {
    match step {
        Step::Durable => !engine.ends_with("-memory") && !engine.starts_with("oxigraph-"),
        _ => !engine.starts_with("raw-"),
    }
}

/// Runs the comparison and prints it.
///
/// # Errors
/// When a file cannot be written, a process fails, or the engines disagree on the rows.
pub fn measure(arguments: &MeasureArguments) -> Outcome<()> {
    let data = arguments.folder.join("data");
    std::fs::create_dir_all(&data)?;
    eprintln!("generating {} quads", arguments.quads);
    let floor = Files::within(&data).write(arguments.quads, arguments.graphs, arguments.seed)?;
    let header = Header {
        quads: floor.quads(),
        quad_bits: floor.quad_bits(),
        floor_bytes: floor.index_bytes_per_quad(),
        rounds: arguments.rounds,
        seed: arguments.seed,
    };
    drop(floor);
    let engines = arguments.engines();
    let mut report = Report::new(header, &engines);
    for round in 1..=arguments.rounds {
        for step in arguments.steps() {
            for engine in engines.iter().filter(|engine| can_do(engine, step)) {
                eprintln!("round {round}: {engine}, {step:?}");
                run_child(arguments, engine, step, &data, |figure| {
                    report.add(engine, figure)
                })?;
            }
        }
    }
    println!("{}", report.to_text());
    if let Some(path) = &arguments.json {
        std::fs::write(path, report.to_json().to_string())?;
    }
    report.check_rows()
}

fn run_child(
    arguments: &MeasureArguments,
    engine: &str,
    step: Step,
    data: &Path,
    mut found: impl FnMut(Measurement),
) -> Outcome<()> {
    // Many graphs are loaded into a store of their own, so that the one with the data stays for the next step.
    let store = match step {
        Step::Graphs => arguments.folder.join(format!("{engine}-graphs")),
        _ => arguments.folder.join(engine),
    };
    let mut child = Command::new(arguments.program(engine)?)
        .args(["run", engine, &format!("{step:?}").to_lowercase()])
        .arg("--store")
        .arg(store)
        .arg("--data")
        .arg(data)
        .args(["--lookups", &arguments.lookups.to_string()])
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
    Err(format!("{engine}, {step:?}: {status}").into())
}
