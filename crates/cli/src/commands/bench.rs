//! `quadrille bench`: compares backends on the user's own data.
//!
//! What flows in: data and the names of backends. What flows out: a table or JSON. What always holds: stores are made in
//! a temporary folder and deleted; nothing else is written.

use crate::bench::data::Data;
use crate::bench::rounds::{self, Plan};
use crate::bench::{BackendName, Work, measure, report};
use crate::failure::{Exit, Failure};
use crate::progress::Progress;
use crate::source::SyntaxOptions;
use crate::{interrupt, output};
use clap::Args;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Compare backends on your own data
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  quadrille bench --data data/museum.nq
  quadrille bench --data generated:1000000 --backends memory,lmdb --rounds 5
  quadrille bench --data mine.ttl --query report.rq --folder /mnt/disk --json > figures.json

Each backend is measured in a process of its own, in an order that is shuffled in each round. A figure is the middle one \
of its rounds; p50, p95 and p99 are percentiles of the times of single calls. `engine` is the storage engine alone, with \
100,000 entries of 32 + 100 bytes; all else is the quad store on it, loaded with the data, rows decoded, at most 1,000 of \
them a look-up. Patterns stand for quads of the data: `S P ? ?` has subject and predicate given.")]
pub(crate) struct Arguments {
    /// An RDF file, or `generated:` and a number of quads
    #[arg(long, value_name = "FILE|generated:N")]
    data: Data,
    /// The backends, separated by commas: memory, lmdb, rocksdb; all that this build has unless given
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    backends: Vec<BackendName>,
    /// How many times each backend is measured
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// How many rounds are run before those that count
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=1000))]
    warm_up: u32,
    /// A file with a query to time, too; can be given several times
    #[arg(long, value_name = "FILE")]
    query: Vec<PathBuf>,
    /// The folder for the stores, on the disk that is to be measured; the system's temporary folder unless given
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Write JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    syntax: SyntaxOptions,
    /// Measure this backend in this process, and write its figures a line each
    #[arg(long, hide = true, requires = "work_folder")]
    measure_one: Option<BackendName>,
    /// Where that process keeps its stores
    #[arg(long, hide = true)]
    work_folder: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if let (Some(backend), Some(folder)) = (arguments.measure_one, &arguments.work_folder) {
        return measure_one(arguments, backend, folder);
    }
    interrupt::install()?;
    let plan = arguments.plan()?;
    // What is wrong with the files is said before anything is measured.
    arguments.queries()?;
    let folder = arguments.folder()?;
    arguments.data.prepare(folder.path())?;
    arguments.source(folder.path())?;
    let runs = u64::from(plan.warm_up + plan.rounds) * plan.backends.len() as u64;
    let bar = Progress::of_steps("bench", runs);
    let rows = rounds::run(&plan, folder.path(), |number, step| {
        bar.begin_step(number, step)
    })?;
    drop(bar);
    let mut out = output::open();
    let written = if arguments.json {
        let data = arguments.data.to_string();
        writeln!(out, "{:#}", report::as_json(&data, &plan, &rows))
    } else {
        report::write_table(&plan, &rows, &mut out)
    };
    written.map_err(output::write_failed)?;
    output::finish(out)
}

impl Arguments {
    fn plan(&self) -> Result<Plan, Failure> {
        let mut backends = self.backends.clone();
        if backends.is_empty() {
            backends = BackendName::available();
        }
        if let Some(missing) = backends.iter().find(|name| !name.is_available()) {
            let message = format!("this build has no backend {missing}");
            return Err(Failure::new(Exit::Unsupported, message));
        }
        let mut plan = Plan {
            backends: Vec::new(),
            rounds: self.rounds,
            warm_up: self.warm_up,
        };
        for name in backends {
            if !plan.backends.contains(&name) {
                plan.backends.push(name);
            }
        }
        Ok(plan)
    }

    /// The queries of the user's files, by file name.
    fn queries(&self) -> Result<Vec<(String, String)>, Failure> {
        let names: BTreeSet<_> = self.query.iter().map(|path| path.file_name()).collect();
        let names_differ = names.len() == self.query.len();
        let read = |path: &PathBuf| {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::io(format!("cannot read {}", path.display()), error))?;
            quadrille::sparql::Query::parse(&text, None)?;
            let name = path.file_name().filter(|_| names_differ);
            let name = name.unwrap_or(path.as_os_str());
            Ok((name.to_string_lossy().into_owned(), text))
        };
        self.query.iter().map(read).collect()
    }

    fn folder(&self) -> Result<tempfile::TempDir, Failure> {
        let made = match &self.folder {
            Some(folder) => tempfile::tempdir_in(folder),
            None => tempfile::tempdir(),
        };
        made.map_err(|error| Failure::io("cannot make a folder for the stores", error))
    }

    /// The source of the data; what is generated lies in the folder.
    fn source(&self, folder: &Path) -> Result<quadrille::io::Source, Failure> {
        let mut sources = self.syntax.sources(&[self.data.file(folder)])?;
        match (sources.pop(), sources.is_empty()) {
            (Some(source), true) => Ok(source),
            _ => Err(Failure::new(Exit::Usage, "the data must be one file")),
        }
    }
}

/// What a measuring process does. Its folder lies in that of the data.
fn measure_one(arguments: &Arguments, backend: BackendName, folder: &Path) -> Result<(), Failure> {
    let work = Work {
        backend,
        folder: folder.to_owned(),
        source: arguments.source(folder.parent().unwrap_or(folder))?,
        options: arguments.syntax.options(None),
        queries: arguments.queries()?,
    };
    let mut figures = Vec::new();
    measure(work, &mut |figure| figures.push(figure))?;
    let mut out = output::open();
    for figure in figures {
        writeln!(out, "{}", figure.to_line()).map_err(output::write_failed)?;
    }
    output::finish(out)
}
