//! The command line of a process that runs one step on one engine. In flow its arguments, out flow one JSON line for
//! each figure, on standard output. Always holds: one process, one engine, one step, so that nothing of one measures
//! into another.

use crate::data::Files;
use crate::engine::{Engine, Outcome};
use crate::quadrille::Quadrille;
use crate::queries;
use crate::query_step::QueryWork;
use crate::steps::{self, Step, Work};
use crate::{Measurement, parser, raw};
use quadrille_backend::InMemoryBackend;
use quadrille_backend_lmdb::LmdbBackend;
use quadrille_io::RdfFormat;
use std::path::PathBuf;
use std::time::Duration;

/// What a process is told to run.
#[derive(Clone, Debug, clap::Args)]
pub struct RunArguments {
    /// The engine, such as `quadrille-lmdb`.
    pub engine: String,
    /// What to measure.
    #[arg(value_enum)]
    pub step: Step,
    /// The folder of the engine's store.
    #[arg(long)]
    pub store: PathBuf,
    /// The folder of the data files.
    #[arg(long)]
    pub data: PathBuf,
    /// How many look-ups to time.
    #[arg(long, default_value_t = 10_000)]
    pub lookups: usize,
    /// The format of the file that the step `load` loads, by its extension.
    #[arg(long, default_value = "nq")]
    pub format: RdfFormat,
    /// The folder of the queries of the step `query`; that of the source tree unless given.
    #[arg(long)]
    pub queries: Option<PathBuf>,
    /// Only queries of these names and shapes.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// How long a query may take, in seconds.
    #[arg(long, default_value_t = 60)]
    pub limit: u64,
}

impl RunArguments {
    /// What the step works on.
    #[must_use]
    pub fn work(&self) -> Work {
        Work {
            store: self.store.clone(),
            files: Files::within(&self.data),
            lookups: self.lookups,
            format: self.format,
            query: QueryWork {
                queries: self.queries.clone().unwrap_or_else(queries::folder),
                only: self.only.clone(),
                limit: Duration::from_secs(self.limit),
            },
        }
    }
}

fn print(measurement: Measurement) {
    println!("{}", measurement.to_line());
}

/// Runs the step on an engine and prints its figures.
///
/// # Errors
/// What the engine fails with.
pub fn run<E: Engine>(arguments: &RunArguments) -> Outcome<()> {
    steps::run::<E>(arguments.step, &arguments.work(), &mut print)
}

/// Runs the step when the engine is one of Quadrille's, a bare storage engine or the bare parser; whether it was.
///
/// # Errors
/// What the engine fails with.
pub fn run_quadrille(arguments: &RunArguments) -> Outcome<bool> {
    let raw_store = arguments.store.join("raw");
    match arguments.engine.as_str() {
        "quadrille-memory" => run::<Quadrille<InMemoryBackend>>(arguments)?,
        "quadrille-lmdb" => run::<Quadrille<LmdbBackend>>(arguments)?,
        "oxttl" => parser::load(&arguments.work(), &mut print)?,
        "raw-lmdb" => raw::lmdb(&raw_store, &mut print)?,
        #[cfg(feature = "rocksdb")]
        "quadrille-rocksdb" => {
            run::<Quadrille<quadrille_backend_rocksdb::RocksDbBackend>>(arguments)?;
        }
        #[cfg(feature = "rocksdb")]
        "raw-rocksdb" => raw::rocksdb(&raw_store, &mut print)?,
        _ => return Ok(false),
    }
    Ok(true)
}
