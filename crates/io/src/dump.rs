//! From a snapshot to text: everything, or what a pattern matches.
//!
//! What flows in: a snapshot and a pattern. What flows out: text of one format. What always holds: quads stream, so
//! memory does not grow with the store; a dump that would lose which graph a triple is in is refused before the first
//! byte, unless merging was asked for.

use crate::error::DumpError;
use crate::format::RdfFormat;
use crate::sort::{Order, QuadSorter};
use crate::write::QuadWriter;
use oxrdf::{GraphName, QuadRef};
use quadrille_store::{QuadPattern, ReadContext, Snapshot, StorageBackend};
use std::io::Write;

/// How many quads pass between two calls of the progress callback.
const QUADS_PER_REPORT: u64 = 1024;

/// How much text is sorted in memory, in bytes.
const SORT_MEMORY_BYTES: usize = 64 * 1024 * 1024;

/// How quads are written.
#[derive(Clone, Debug)]
pub struct DumpOptions {
    /// The format.
    pub format: RdfFormat,
    /// Whether the triples of all graphs may be written together in a format without graphs. A triple that stands in
    /// several graphs is then written several times, which means the same as once.
    pub merge_graphs: bool,
    /// Whether quads are written in the order of their N-Quads lines, so that equal stores give equal bytes on any
    /// backend. In TriG and JSON-LD they are sorted by graph first. What does not fit into 64 MiB is sorted in
    /// temporary files, which take as much room as the dump.
    pub sorted: bool,
    /// Prefixes for Turtle, TriG, N3 and RDF/XML: names and IRIs.
    pub prefixes: Vec<(String, String)>,
    /// What stops the dump: a cancel token, a deadline.
    pub context: ReadContext,
}

impl DumpOptions {
    /// A format, without prefixes; graphs are not merged.
    #[must_use]
    pub fn new(format: RdfFormat) -> Self {
        Self {
            format,
            merge_graphs: false,
            sorted: false,
            prefixes: Vec::new(),
            context: ReadContext::default(),
        }
    }
}

/// Writes the quads of a snapshot that match a pattern; returns how many. `report` hears that number now and then.
///
/// A pattern bound to one graph can be written in any format: that graph is known to who asked. An open graph needs
/// N-Quads, TriG or JSON-LD, or [`DumpOptions::merge_graphs`], unless all that matches is in the default graph.
///
/// # Errors
/// [`DumpError::NamedGraphs`] before anything is written; later those of the store and of the writer.
pub fn dump<B: StorageBackend, W: Write>(
    snapshot: &Snapshot<B>,
    pattern: &QuadPattern,
    writer: W,
    options: &DumpOptions,
    mut report: impl FnMut(u64),
) -> Result<u64, DumpError> {
    refuse_loss_of_graphs(snapshot, pattern, options)?;
    let mut writer = QuadWriter::new(options.format, writer, &options.prefixes)?;
    let mut quads_written = 0;
    let write = |quad: QuadRef<'_>| {
        writer.write(quad)?;
        quads_written += 1;
        if quads_written % QUADS_PER_REPORT == 0 {
            report(quads_written);
        }
        Ok(())
    };
    if options.sorted {
        write_sorted(snapshot, pattern, options, write)?;
    } else {
        write_in_order_of_index(snapshot, pattern, options, write)?;
    }
    writer.finish()?;
    Ok(quads_written)
}

fn write_in_order_of_index<B: StorageBackend>(
    snapshot: &Snapshot<B>,
    pattern: &QuadPattern,
    options: &DumpOptions,
    mut write: impl FnMut(QuadRef<'_>) -> Result<(), DumpError>,
) -> Result<(), DumpError> {
    let mut write_matches = |pattern: &QuadPattern| -> Result<(), DumpError> {
        for quad in snapshot.match_quads_with(pattern, options.context.clone())? {
            write(quad?.as_ref())?;
        }
        Ok(())
    };
    if options.format.has_graph_blocks() && is_everything(pattern) {
        // TriG is short when the quads of a graph stand together.
        for graph in snapshot.graphs()? {
            write_matches(&QuadPattern::new().with_graph(graph?.0))?;
        }
        return Ok(());
    }
    write_matches(pattern)
}

fn write_sorted<B: StorageBackend>(
    snapshot: &Snapshot<B>,
    pattern: &QuadPattern,
    options: &DumpOptions,
    mut write: impl FnMut(QuadRef<'_>) -> Result<(), DumpError>,
) -> Result<(), DumpError> {
    let order = match options.format {
        format if format.has_graph_blocks() => Order::GraphThenLine,
        format if format.has_named_graphs() => Order::Line,
        _ => Order::LineWithoutGraph,
    };
    let mut sorter = QuadSorter::new(order, SORT_MEMORY_BYTES);
    for quad in snapshot.match_quads_with(pattern, options.context.clone())? {
        sorter.push(quad?.as_ref())?;
    }
    sorter.finish(|quad| {
        options.context.check()?;
        write(quad.as_ref())
    })
}

fn is_everything(pattern: &QuadPattern) -> bool {
    *pattern == QuadPattern::new()
}

fn refuse_loss_of_graphs<B: StorageBackend>(
    snapshot: &Snapshot<B>,
    pattern: &QuadPattern,
    options: &DumpOptions,
) -> Result<(), DumpError> {
    if options.format.has_named_graphs() || options.merge_graphs || pattern.graph.is_some() {
        return Ok(());
    }
    let in_default_graph = pattern.clone().with_graph(GraphName::DefaultGraph);
    let quads = snapshot.count(pattern)? - snapshot.count(&in_default_graph)?;
    if quads == 0 {
        return Ok(());
    }
    Err(DumpError::NamedGraphs {
        format: options.format,
        quads,
    })
}
