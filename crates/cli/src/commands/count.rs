//! `quadrille count`: how many quads a pattern matches.
//!
//! What flows in: a pattern. What flows out: one number. What always holds: it is exact, and read off the index's
//! summaries rather than counted quad by quad where the pattern is one range.

use crate::failure::Failure;
use crate::output;
use crate::pattern::PatternOptions;
use crate::source::DataSource;
use clap::Args;
use std::io::Write;

/// Count the quads that match a pattern
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  quadrille count --store lmdb:./museum
  quadrille count --store lmdb:./museum --predicate http://www.w3.org/2000/01/rdf-schema#label
  quadrille count --data data/museum.nq --graph default")]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: DataSource,
    #[command(flatten)]
    pattern: PatternOptions,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let pattern = arguments.pattern.pattern();
    let count = arguments.source.open()?.count(&pattern)?;
    let mut out = output::open();
    writeln!(out, "{count}").map_err(output::write_failed)?;
    output::finish(out)
}
