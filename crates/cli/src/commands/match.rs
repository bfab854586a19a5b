//! `quadrille match`: the quads that a pattern matches.
//!
//! What flows in: a pattern. What flows out: its quads as RDF text, N-Quads unless told otherwise. What always holds:
//! they stream from the index that fits the pattern, in its order.

use super::dump::TextOptions;
use crate::failure::Failure;
use crate::interrupt;
use crate::pattern::PatternOptions;
use crate::source::DataSource;
use clap::Args;

/// Write the quads that match a pattern
#[derive(Args, Debug)]
#[command(after_help = r#"Examples:
  quadrille match --store lmdb:./museum --predicate http://www.w3.org/2000/01/rdf-schema#label
  quadrille match --store lmdb:./museum --object '"chat"@fr' --graph default
  quadrille match --data data/museum.nq --subject http://example.org/room/1 --format trig

Terms are bare IRIs, or written as in N-Triples: <iri>, "text"@en, "7"^^<datatype>, _:label."#)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: DataSource,
    #[command(flatten)]
    pattern: PatternOptions,
    #[command(flatten)]
    text: TextOptions,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    interrupt::install()?;
    let pattern = arguments.pattern.pattern();
    let snapshot = arguments.source.open()?.snapshot()?;
    arguments.text.write(&snapshot, &pattern)
}
