//! `quadrille stats`: how much a store holds and what it takes.
//!
//! What flows in: a store. What flows out: figures, as text for people or as JSON. What always holds: counts are exact;
//! sizes are bytes.

use crate::failure::Failure;
use crate::output;
use crate::source::DataSource;
use clap::Args;
use indicatif::HumanCount;
use oxrdf::GraphName;
use quadrille::{AnyBackend, QuadStore, StoreStatistics};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// The predicates and graphs that the text shows.
const LISTED_MAX: usize = 10;

/// Show how many quads, terms and graphs there are, and the bytes they take
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  quadrille stats --store lmdb:./museum
  quadrille stats --store lmdb:./museum --json | jq .bytes_per_quad

Both forms list the ten largest graphs; the text lists the ten most frequent predicates, JSON lists all. \
disk_bytes counts the disk blocks that the files of the store occupy. open_snapshots are those of this process; \
pinned_bytes are what the oldest snapshot of any process keeps from being used again, where the backend tells.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: DataSource,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let store = arguments.source.open()?;
    let figures = Figures::of(&store)?;
    let mut out = output::open();
    let written = if arguments.json {
        writeln!(out, "{:#}", figures.as_json())
    } else {
        figures.write_text(&mut out)
    };
    written.map_err(output::write_failed)?;
    output::finish(out)
}

/// What is shown, in both forms.
struct Figures {
    store: StoreStatistics,
    /// Quads and IRI of each predicate, the most frequent first.
    predicates: Vec<(u64, String)>,
    /// Quads and name of the largest graphs, the largest first.
    largest_graphs: Vec<(u64, String)>,
}

impl Figures {
    fn of(store: &QuadStore<AnyBackend>) -> Result<Self, Failure> {
        let figures = store.statistics()?;
        let snapshot = store.snapshot()?;
        let rows = snapshot.predicate_statistics()?;
        let mut predicates: Vec<_> = rows
            .into_iter()
            .map(|row| (row.quads, row.predicate.into_string()))
            .collect();
        sort(&mut predicates);
        // There may be millions of graphs: no more of them are kept than are shown.
        let mut largest_graphs = Vec::new();
        for graph in snapshot.graphs()? {
            let (graph, quads) = graph?;
            largest_graphs.push((quads, graph_name(&graph)));
            if largest_graphs.len() == 2 * LISTED_MAX {
                sort(&mut largest_graphs);
                largest_graphs.truncate(LISTED_MAX);
            }
        }
        sort(&mut largest_graphs);
        largest_graphs.truncate(LISTED_MAX);
        Ok(Self {
            store: figures,
            predicates,
            largest_graphs,
        })
    }

    /// Bytes for each quad; `None` for an empty store.
    fn per_quad(&self, bytes: u64) -> Option<f64> {
        let quads = self.store.quads;
        (quads > 0).then(|| bytes as f64 / quads as f64)
    }

    fn as_json(&self) -> Value {
        let keyspaces: Map<String, Value> = self
            .store
            .keyspaces
            .iter()
            .map(|keyspace| {
                let figures = json!({ "entries": keyspace.entries, "bytes": keyspace.bytes });
                (keyspace.role.to_owned(), figures)
            })
            .collect();
        let list = |rows: &[(u64, String)], key: &str| -> Vec<Value> {
            rows.iter()
                .map(|(quads, name)| json!({ key: name, "quads": quads }))
                .collect()
        };
        json!({
            "quads": self.store.quads,
            "terms": self.store.terms,
            "graphs": self.store.graphs,
            "disk_bytes": self.store.disk_bytes,
            "open_snapshots": self.store.open_snapshots,
            "oldest_snapshot_seconds": self.store.oldest_snapshot_age.map(|age| age.as_secs_f64()),
            "pinned_bytes": self.store.pinned_bytes,
            "bytes_per_quad": self.per_quad(self.store.disk_bytes),
            "keyspaces": keyspaces,
            "predicates": list(&self.predicates, "predicate"),
            "largest_graphs": list(&self.largest_graphs, "graph"),
        })
    }

    fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        for (name, count) in [
            ("quads", self.store.quads),
            ("terms", self.store.terms),
            ("graphs", self.store.graphs),
            ("disk_bytes", self.store.disk_bytes),
        ] {
            writeln!(out, "{name:<16} {:>14}", HumanCount(count).to_string())?;
        }
        if let Some(bytes) = self.per_quad(self.store.disk_bytes) {
            writeln!(out, "{:<16} {bytes:>14.1}", "bytes_per_quad")?;
        }
        self.write_snapshots(out)?;
        self.write_keyspaces(out)?;
        write_largest(
            "predicates",
            self.predicates.len() as u64,
            &self.predicates,
            out,
        )?;
        write_largest("graphs", self.store.graphs, &self.largest_graphs, out)
    }

    /// What snapshots keep; lines without a figure are left out.
    fn write_snapshots(&self, out: &mut impl Write) -> io::Result<()> {
        let open = HumanCount(self.store.open_snapshots).to_string();
        writeln!(out, "{:<16} {open:>14}", "open_snapshots")?;
        if let Some(age) = self.store.oldest_snapshot_age {
            let seconds = format!("{:.1} s", age.as_secs_f64());
            writeln!(out, "{:<16} {seconds:>14}", "oldest_snapshot")?;
        }
        if let Some(bytes) = self.store.pinned_bytes {
            let bytes = HumanCount(bytes).to_string();
            writeln!(out, "{:<16} {bytes:>14}", "pinned_bytes")?;
        }
        Ok(())
    }

    fn write_keyspaces(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "\n{:<16} {:>14} {:>14} {:>10}",
            "keyspace", "entries", "bytes", "a quad"
        )?;
        for keyspace in &self.store.keyspaces {
            writeln!(
                out,
                "{:<16} {:>14} {:>14} {:>10.2}",
                keyspace.role,
                HumanCount(keyspace.entries).to_string(),
                HumanCount(keyspace.bytes).to_string(),
                self.per_quad(keyspace.bytes).unwrap_or(0.0)
            )?;
        }
        Ok(())
    }
}

/// The largest first, equal ones by name.
fn sort(rows: &mut [(u64, String)]) {
    rows.sort_by(|left, right| right.0.cmp(&left.0).then_with(|| left.1.cmp(&right.1)));
}

/// A graph as the option `--graph` takes it.
fn graph_name(graph: &GraphName) -> String {
    match graph {
        GraphName::NamedNode(iri) => iri.as_str().to_owned(),
        GraphName::BlankNode(node) => node.to_string(),
        GraphName::DefaultGraph => "default".to_owned(),
    }
}

fn write_largest(
    title: &str,
    total: u64,
    rows: &[(u64, String)],
    out: &mut impl Write,
) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let shown = rows.len().min(LISTED_MAX);
    writeln!(out, "\n{title} by quads ({shown} of {})", HumanCount(total))?;
    for (quads, name) in rows.iter().take(LISTED_MAX) {
        writeln!(out, "{:>14}  {name}", HumanCount(*quads).to_string())?;
    }
    Ok(())
}
