//! Writes generated quads as N-Quads to standard output, for benches and large tests.
//!
//! ```text
//! cargo run --release -p quadrille-io --example generate -- [QUADS] [--graphs N] [--seed S] > file.nq
//! ```
//!
//! Without a number it writes a thousand quads. The same arguments give the same bytes. `--graphs N` spreads the quads
//! evenly over N named graphs; without it they stand in a hundred graphs of very different sizes, and some in the
//! default graph.

use quadrille_io::generate::generate;
use std::process::ExitCode;

const USAGE: &str = "usage: generate [QUADS] [--graphs N] [--seed S]";

struct Arguments {
    quads: u64,
    graphs: Option<u64>,
    seed: u64,
}

fn main() -> ExitCode {
    let Some(arguments) = arguments(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let mut generator = generate(arguments.quads, arguments.seed);
    if let Some(graphs) = arguments.graphs {
        generator = generator.with_graphs(graphs);
    }
    match generator.write_n_quads(std::io::stdout().lock()) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("generate: {error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments(mut words: impl Iterator<Item = String>) -> Option<Arguments> {
    let mut arguments = Arguments {
        quads: words.next().map_or(Some(1_000), |word| number(&word))?,
        graphs: None,
        seed: 1,
    };
    while let Some(word) = words.next() {
        let value = number(&words.next()?)?;
        match word.as_str() {
            "--graphs" => arguments.graphs = Some(value),
            "--seed" => arguments.seed = value,
            _ => return None,
        }
    }
    Some(arguments)
}

/// A number, which may have `_` between its digits.
fn number(word: &str) -> Option<u64> {
    word.replace('_', "").parse().ok()
}
