//! Compares Quadrille with Oxigraph on generated data: `quadrille-compare measure`.
//!
//! In flow sizes and a choice of engines and steps; out flow tables and, if wanted, a JSON file. Always holds: each
//! engine runs each step in a process of its own (`quadrille-compare run ENGINE STEP …`), the rounds interleave the
//! engines, and the figures are medians over the rounds.

mod driver;
mod growth;
mod oxigraph;
mod query_driver;
mod query_growth;
mod query_report;
mod report;

use crate::driver::MeasureArguments;
use crate::oxigraph::Oxigraph;
use clap::Parser;
use quadrille_benches::Outcome;
use quadrille_benches::child::{self, RunArguments};

#[derive(Parser)]
#[command(about = "Compares Quadrille with its peers, each engine in a process of its own")]
enum Arguments {
    /// Generates data, runs all steps on all engines and prints the figures side by side.
    Measure(MeasureArguments),
    /// Runs one step on one engine and prints a JSON line for each figure.
    Run(RunArguments),
}

fn run(arguments: &RunArguments) -> Outcome<()> {
    match arguments.engine.as_str() {
        "oxigraph-memory" => child::run::<Oxigraph<false>>(arguments),
        "oxigraph-rocksdb" => child::run::<Oxigraph<true>>(arguments),
        _ if child::run_quadrille(arguments)? => Ok(()),
        engine => Err(format!("no engine {engine} in this program").into()),
    }
}

fn main() -> Outcome<()> {
    match Arguments::parse() {
        Arguments::Measure(arguments) => driver::measure(&arguments),
        Arguments::Run(arguments) => run(&arguments),
    }
}
