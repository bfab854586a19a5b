//! The parser alone: what a load cannot be quicker than, if one thread parses. In flows the file of the step `load`, out
//! flow the figures of reading it. Always holds: one thread parses, and nothing is kept.

use crate::engine::Outcome;
use crate::steps::{Emit, Work, named};
use oxrdf::GraphName;
use oxttl::{NQuadsParser, NTriplesParser, TriGParser, TurtleParser};
use quadrille_io::RdfFormat;
use quadrille_measure::Measurement;
use std::fs::File;
use std::hint::black_box;
use std::io::BufReader;
use std::time::Instant;

/// How much text is read at a time, in bytes.
const BUFFER_BYTES: usize = 1 << 20;

/// Parses the file once by oxttl.
///
/// # Errors
/// When the file cannot be read, is not of its format, or of a format that oxttl does not know.
pub fn load(work: &Work, emit: Emit<'_>) -> Outcome<()> {
    let file = File::open(work.files.in_format(work.format))?;
    let text = BufReader::with_capacity(BUFFER_BYTES, file);
    let start = Instant::now();
    let quads = match work.format {
        RdfFormat::NQuads => counted(NQuadsParser::new().for_reader(text)),
        RdfFormat::NTriples => counted(in_graph(NTriplesParser::new().for_reader(text))),
        RdfFormat::Turtle => counted(in_graph(TurtleParser::new().for_reader(text))),
        RdfFormat::TriG => counted(TriGParser::new().for_reader(text)),
        format => return Err(format!("oxttl does not parse {}", format.name()).into()),
    }?;
    let rate = quads as f64 / start.elapsed().as_secs_f64();
    emit(Measurement::new(
        named("bulk load", work.format),
        "quads/s",
        rate,
    ));
    Ok(())
}

fn in_graph<E>(
    triples: impl Iterator<Item = Result<oxrdf::Triple, E>>,
) -> impl Iterator<Item = Result<oxrdf::Quad, E>> {
    triples.map(|triple| triple.map(|triple| triple.in_graph(GraphName::DefaultGraph)))
}

fn counted<E>(quads: impl Iterator<Item = Result<oxrdf::Quad, E>>) -> Result<u64, E> {
    let mut count = 0;
    for quad in quads {
        black_box(quad?);
        count += 1;
    }
    Ok(count)
}
