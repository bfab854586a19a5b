//! Writes the network of theatres that the query suite is about, to standard output.
//!
//! In flow a number of quads, a seed and a format, out flows text. Always holds: the same arguments give the same bytes.

use clap::Parser;
use quadrille_benches::stages::stages;
use quadrille_benches::{Outcome, RdfFormat};
use quadrille_io::QuadWriter;
use std::io::BufWriter;

#[derive(Parser)]
#[command(about = "Writes the data of the query suite to standard output")]
struct Arguments {
    /// How many quads.
    #[arg(default_value_t = 1_000)]
    quads: u64,
    /// The seed of the generator.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The format, by its extension; formats without graphs hold the triples.
    #[arg(long, default_value = "nq")]
    format: RdfFormat,
}

fn main() -> Outcome<()> {
    let Arguments {
        quads,
        seed,
        format,
    } = Arguments::parse();
    let mut writer = QuadWriter::new(format, BufWriter::new(std::io::stdout().lock()), &[])?;
    for quad in stages(quads, seed) {
        writer.write(quad.as_ref())?;
    }
    writer.finish()?;
    Ok(())
}
