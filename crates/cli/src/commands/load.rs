//! `quadrille load`: RDF files into a store, in one commit.
//!
//! What flows in: files or standard input. What flows out: a store that holds their quads, made when there was none, and
//! one line on standard error. What always holds: all of the load is in the store, or nothing of it.

use crate::backend_options::DurabilityOption;
use crate::failure::Failure;
use crate::source::{self, StoreOption, SyntaxOptions};
use crate::{interrupt, output, pattern};
use clap::Args;
use indicatif::{HumanCount, HumanDuration};
use oxrdf::GraphName;
use quadrille::OpenMode;
use std::path::PathBuf;

/// Load RDF files into a store, all or nothing
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  quadrille load --store lmdb:./museum data/museum.nq
  quadrille load --store lmdb:./museum loans.ttl.gz exports/ 'archive/**/*.jsonld'
  quadrille load --store lmdb:./museum --graph http://example.org/2024 loans.ttl
  quadrille load --store lmdb:./museum --durability unsafe --backend-option map_bytes=1TiB museum.nq
  curl -s https://example.org/feed | quadrille load --store lmdb:./museum --input-format turtle -

The store is made when it is not there. All files are loaded by one commit: after an error, Ctrl-C or a crash nothing \
of them is in the store. Blank nodes belong to their file, unless --keep-blank-node-labels is given.

Of a folder, all files are read whose names tell the syntax, in its folders too; others are left out. A pattern is best \
quoted. Files may be compressed by gzip, zstd, bzip2 or xz, which their first bytes tell, on standard input too. \
JSON-LD must hold its context; N3 may hold no formulas and variables.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: StoreOption,
    #[command(flatten)]
    durability: DurabilityOption,
    /// Put every quad into this graph, whatever graph the file says: an IRI, `_:label` or `default`
    #[arg(short, long, value_name = "GRAPH", value_parser = pattern::parse_graph)]
    graph: Option<GraphName>,
    #[command(flatten)]
    syntax: SyntaxOptions,
    /// Files, folders, patterns, `-` for standard input; extensions tell the syntax: .nq, .nt, .ttl, .trig, .rdf, .jsonld,
    /// .n3, with .gz, .zst, .bz2 or .xz behind them or not
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    interrupt::install()?;
    let sources = arguments.syntax.sources(&arguments.files)?;
    let location = &arguments.store;
    let store = location.open_for_writing(OpenMode::CreateOrOpen, arguments.durability)?;
    let options = arguments.syntax.options(arguments.graph.clone());
    let summary = source::load(&store, sources, &options)?;
    let report = &summary.report;
    let quads = store.len()?;
    store.close()?;
    output::note(format_args!(
        "loaded {} quads ({} new) in {}; {} now holds {}",
        HumanCount(report.quads_read),
        HumanCount(report.quads_new),
        duration(summary.duration),
        arguments.store.store,
        HumanCount(quads),
    ));
    Ok(())
}

/// A duration in the words that fit its length.
fn duration(duration: std::time::Duration) -> String {
    if duration.as_secs() < 60 {
        format!("{:.2} s", duration.as_secs_f64())
    } else {
        HumanDuration(duration).to_string()
    }
}
