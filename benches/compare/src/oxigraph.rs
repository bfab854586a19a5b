//! Oxigraph as an engine under test, through its Rust API. In flow patterns and quads, out flow numbers of rows. Always
//! holds: each operation uses the fastest public call that Oxigraph has for it.

use oxigraph::io::RdfFormat;
use oxigraph::model::{GraphName, Quad};
use oxigraph::sparql::{CancellationToken, QueryEvaluationError, QueryResults, SparqlEvaluator};
use oxigraph::store::{QuadIter, Store};
use quadrille_benches::answers::Row;
use quadrille_benches::engine::{CommitSync, Engine, KeyspaceSize, OnRow, Outcome, QueryStop};
use quadrille_store::QuadPattern;
use std::hint::black_box;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

fn matching(store: &Store, pattern: &QuadPattern) -> QuadIter<'static> {
    store.quads_for_pattern(
        pattern.subject.as_ref().map(|subject| subject.as_ref()),
        pattern
            .predicate
            .as_ref()
            .map(|predicate| predicate.as_ref()),
        pattern.object.as_ref().map(|object| object.as_ref()),
        pattern.graph.as_ref().map(|graph| graph.as_ref()),
    )
}

fn drain(quads: QuadIter<'_>, limit: usize) -> Outcome<u64> {
    let mut rows = 0;
    for quad in quads.take(limit) {
        black_box(quad?);
        rows += 1;
    }
    Ok(rows)
}

fn load(store: &Store, file: &Path) -> Outcome<()> {
    let extension = file.extension().and_then(|extension| extension.to_str());
    let format = extension.and_then(RdfFormat::from_extension);
    let format = format.ok_or("a file of a format that Oxigraph does not know")?;
    let mut loader = store.bulk_loader();
    loader.parallel_load_from_file(format, file)?;
    Ok(loader.commit()?)
}

fn first_graph_row(store: &Store) -> Outcome<Quad> {
    let graph = store.named_graphs().next().ok_or("no named graph")??;
    let graph = GraphName::from(graph);
    let mut quads = store.quads_for_pattern(None, None, None, Some(graph.as_ref()));
    Ok(quads.next().ok_or("a graph without a quad")??)
}

fn remove(store: &Store, quads: &[Quad]) -> Outcome<()> {
    let mut transaction = store.start_transaction()?;
    for quad in quads {
        transaction.remove(quad);
    }
    Ok(transaction.commit()?)
}

/// Runs a query; a thread beside it cancels the token when the time is over.
fn query(store: &Store, text: &str, limit: Duration, on_row: OnRow<'_>) -> Result<(), QueryStop> {
    let token = CancellationToken::new();
    let (done, is_done) = channel::<()>();
    let watched = token.clone();
    let watch = std::thread::spawn(move || {
        if is_done.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            watched.cancel();
        }
    });
    let evaluator = SparqlEvaluator::new().with_cancellation_token(token.clone());
    let answered = evaluator
        .parse_query(text)
        .map_err(QueryStop::from)
        .and_then(|query| Ok(drain_rows(query.on_store(store).execute()?, on_row)?));
    drop(done);
    let _ = watch.join();
    match answered {
        Err(_) if token.is_cancelled() => Err(QueryStop::Timeout),
        answered => answered,
    }
}

fn drain_rows(results: QueryResults<'_>, on_row: OnRow<'_>) -> Result<(), QueryEvaluationError> {
    match results {
        QueryResults::Solutions(solutions) => {
            for solution in solutions {
                on_row(Row::Solution(solution?.values()));
            }
        }
        QueryResults::Graph(triples) => {
            for triple in triples {
                on_row(Row::Triple(&triple?));
            }
        }
        QueryResults::Boolean(value) => on_row(Row::Boolean(value)),
    }
    Ok(())
}

/// What differs between Oxigraph's two storages is how they are opened; `PERSISTENT` tells which one this is.
pub struct Oxigraph<const PERSISTENT: bool> {
    store: Store,
}

impl<const PERSISTENT: bool> Engine for Oxigraph<PERSISTENT> {
    fn open(folder: &Path, _never_syncs: CommitSync) -> Outcome<Self> {
        let store = if PERSISTENT {
            Store::open(folder)?
        } else {
            Store::new()?
        };
        Ok(Self { store })
    }

    fn is_persistent(&self) -> bool {
        PERSISTENT
    }

    fn load(&self, file: &Path) -> Outcome<()> {
        load(&self.store, file)
    }

    fn compact(&self) -> Outcome<()> {
        Ok(self.store.optimize()?)
    }

    fn scan(&self, pattern: &QuadPattern, limit: usize) -> Outcome<u64> {
        drain(matching(&self.store, pattern), limit)
    }

    fn scan_ids(&self, _: &QuadPattern) -> Outcome<Option<u64>> {
        Ok(None)
    }

    /// Oxigraph has no call that counts: its iterator is drained.
    fn count(&self, pattern: &QuadPattern) -> Outcome<u64> {
        drain(matching(&self.store, pattern), usize::MAX)
    }

    fn query(&self, text: &str, limit: Duration, on_row: OnRow<'_>) -> Result<(), QueryStop> {
        query(&self.store, text, limit, on_row)
    }

    fn quad_count(&self) -> Outcome<u64> {
        Ok(self.store.len()? as u64)
    }

    fn first_graph_row(&self) -> Outcome<Quad> {
        first_graph_row(&self.store)
    }

    /// `extend` is the write transaction without the reads that `start_transaction` prepares for.
    fn insert(&self, quads: &[Quad]) -> Outcome<()> {
        Ok(self.store.extend(quads.iter().cloned())?)
    }

    fn remove(&self, quads: &[Quad]) -> Outcome<()> {
        match quads {
            [quad] => Ok(self.store.remove(quad)?),
            quads => remove(&self.store, quads),
        }
    }

    fn keyspaces(&self) -> Outcome<Vec<KeyspaceSize>> {
        Ok(Vec::new())
    }

    fn close(self) -> Outcome<()> {
        Ok(self.store.flush()?)
    }
}
