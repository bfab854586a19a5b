//! `quadrille dump`: all quads, or those of one graph, as RDF text.
//!
//! What flows in: a store. What flows out: a file or standard output. What always holds: quads stream, so memory does not
//! grow with the store; a format that would lose the graphs is refused before a file is made or a byte is written.

use crate::failure::{Exit, Failure, exit_of};
use crate::progress::Progress;
use crate::source::DataSource;
use crate::{interrupt, output, pattern};
use clap::Args;
use oxrdf::GraphName;
use quadrille::io::{DumpError, DumpOptions, RdfFormat};
use quadrille::{AnyBackend, QuadPattern, ReadContext, Snapshot};
use std::path::{Path, PathBuf};

/// Write all quads, or those of one graph, as RDF text
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  quadrille dump --store lmdb:./museum --output museum.nq.zst
  quadrille dump --store lmdb:./museum --graph http://example.org/rooms --output-format turtle
  quadrille dump --store lmdb:./museum --output-format ntriples --merge-graphs | sort -u | wc -l
  quadrille dump --data museum.trig --sorted | sha256sum

N-Triples, Turtle, RDF/XML and N3 hold the triples of one graph: quads in named graphs are refused before anything is \
written, unless --graph chooses one graph or --merge-graphs puts all of them together.

A file is compressed when its name ends in .gz, .zst, .bz2 or .xz. It takes its name when it is whole: a dump that fails \
leaves what was there. --keep-blank-node-labels loads a dump with the blank nodes it was written with.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: DataSource,
    /// The graph: an IRI, `_:label`, or `default` for the default graph alone [default: all graphs]
    #[arg(short, long, value_name = "GRAPH", value_parser = pattern::parse_graph)]
    graph: Option<GraphName>,
    #[command(flatten)]
    text: TextOptions,
}

/// How quads are written; `match` has the same options.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct TextOptions {
    /// The syntax: nquads, ntriples, turtle, trig, rdfxml, jsonld or n3, an extension or a media type [default: by the
    /// output's extension, else nquads]
    #[arg(
        long = "output-format",
        visible_alias = "format",
        value_name = "SYNTAX"
    )]
    format: Option<RdfFormat>,
    /// Put the triples of all graphs together, for a syntax without graphs
    #[arg(long)]
    merge_graphs: bool,
    /// Write in the order of N-Quads lines (trig and jsonld: by graph, then so), so that equal stores give equal bytes on
    /// any backend; more than 64 MiB are sorted in temporary files
    #[arg(long)]
    sorted: bool,
    /// Shorten IRIs in turtle, trig, n3 and rdfxml, such as `ex=http://example.org/`; can be given several times
    #[arg(long = "prefix", value_name = "NAME=IRI", value_parser = parse_prefix)]
    prefixes: Vec<(String, String)>,
    /// The file to write, compressed if it ends in .gz, .zst, .bz2 or .xz [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    interrupt::install()?;
    let mut pattern = QuadPattern::new();
    pattern.graph = arguments.graph;
    let snapshot = arguments.source.open()?.snapshot()?;
    arguments.text.write(&snapshot, &pattern)
}

impl TextOptions {
    /// Writes what matches.
    pub(crate) fn write(
        self,
        snapshot: &Snapshot<AnyBackend>,
        pattern: &QuadPattern,
    ) -> Result<(), Failure> {
        let path = self
            .output
            .as_deref()
            .filter(|path| *path != Path::new("-"));
        let mut options = DumpOptions::new(self.format_for(path));
        options.merge_graphs = self.merge_graphs;
        options.sorted = self.sorted;
        options.prefixes.clone_from(&self.prefixes);
        options.context = ReadContext::new().with_cancel_token(interrupt::token());
        let progress = match path {
            Some(path) => {
                let name = path.display().to_string();
                Some(Progress::of_quads(&name, snapshot.count(pattern)?))
            }
            None => None,
        };
        let mut out = match path {
            Some(path) => output::create(path)?,
            None => output::open(),
        };
        let report = |quads| {
            if let Some(progress) = &progress {
                progress.update_count(quads);
            }
        };
        quadrille::io::dump(snapshot, pattern, &mut out, &options, report)?;
        output::finish(out)
    }

    fn format_for(&self, path: Option<&Path>) -> RdfFormat {
        self.format
            .or_else(|| path.and_then(RdfFormat::from_path))
            .unwrap_or(RdfFormat::NQuads)
    }
}

fn parse_prefix(text: &str) -> Result<(String, String), String> {
    let (name, iri) = text
        .split_once('=')
        .ok_or("a prefix is written NAME=IRI, such as ex=http://example.org/")?;
    let iri = pattern::parse_iri(iri)?;
    Ok((name.to_owned(), iri.into_string()))
}

impl From<DumpError> for Failure {
    fn from(error: DumpError) -> Self {
        match error {
            DumpError::NamedGraphs { format, quads } => Self::new(
                Exit::Usage,
                format!(
                    "{quads} of the quads are in named graphs, which {format} cannot say: choose one graph with \
                     --graph, or --output-format nquads, trig or jsonld, or put the graphs together with --merge-graphs"
                ),
            ),
            DumpError::Io(error) => output::write_failed(error),
            DumpError::Store(error) => Self::new(exit_of(error.kind()), error.to_string()),
            other => Self::new(Exit::Usage, other.to_string()),
        }
    }
}
