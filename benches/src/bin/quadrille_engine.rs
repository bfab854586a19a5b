//! Runs one step on one of Quadrille's backends, or on a bare storage engine: `quadrille-engine run ENGINE STEP …`.
//!
//! In flow arguments, out flow JSON lines. Always holds: with the feature `rocksdb` this is the only program that has
//! RocksDB in it; the comparison cannot, because Oxigraph brings a RocksDB of its own and cargo links only one.

use clap::Parser;
use quadrille_benches::Outcome;
use quadrille_benches::child::{RunArguments, run_quadrille};

#[derive(Parser)]
#[command(about = "Runs one step of the comparison on one engine")]
enum Arguments {
    /// Runs a step and prints a JSON line for each figure.
    Run(RunArguments),
}

fn main() -> Outcome<()> {
    let Arguments::Run(arguments) = Arguments::parse();
    if run_quadrille(&arguments)? {
        return Ok(());
    }
    Err(format!("no engine {} in this program", arguments.engine).into())
}
