//! Quadrille as an engine under test, over any backend. In flow patterns and quads, out flow numbers of rows. Always
//! holds: only the public API of the store is used, as a user would.

use crate::answers::Row;
use crate::engine::{CommitSync, Engine, KeyspaceSize, OnRow, Outcome, QueryStop};
use oxrdf::{GraphName, Quad};
use quadrille_backend::{Durability, InMemoryBackend};
use quadrille_backend_lmdb::{LmdbBackend, LmdbOptions};
use quadrille_io::{ReadOptions, Source, load_into};
use quadrille_sparql::{QueryError, QueryOptions, QueryResults, SparqlExt};
use quadrille_store::{ColumnBatch, QuadPattern, QuadStore, ReadContext, StorageBackend};
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

/// A backend that the benchmarks can open.
pub trait BenchBackend: StorageBackend + Sized {
    /// Opens the backend's store in a folder.
    ///
    /// # Errors
    /// When the backend cannot open it.
    fn open_in(folder: &Path, sync: CommitSync) -> Outcome<Self>;
}

impl BenchBackend for InMemoryBackend {
    fn open_in(_: &Path, _: CommitSync) -> Outcome<Self> {
        Ok(Self::new())
    }
}

impl BenchBackend for LmdbBackend {
    fn open_in(folder: &Path, sync: CommitSync) -> Outcome<Self> {
        // LMDB without sync is unsafe, not prefix, for which it waits once a commit.
        let durability = match sync {
            CommitSync::EachCommit => Durability::Durable,
            CommitSync::Never => Durability::Unsafe,
        };
        let options = LmdbOptions::new().durability(durability);
        Ok(Self::open_with(folder, options)?)
    }
}

#[cfg(feature = "rocksdb")]
impl BenchBackend for quadrille_backend_rocksdb::RocksDbBackend {
    fn open_in(folder: &Path, sync: CommitSync) -> Outcome<Self> {
        let durability = match sync {
            CommitSync::EachCommit => Durability::Durable,
            CommitSync::Never => Durability::Prefix,
        };
        let options = quadrille_backend_rocksdb::RocksDbOptions::new().durability(durability);
        Ok(Self::open_with(folder, options)?)
    }
}

/// A Quadrille store under test.
pub struct Quadrille<B: BenchBackend> {
    store: QuadStore<B>,
}

impl<B: BenchBackend> Quadrille<B> {
    /// The store itself.
    #[must_use]
    pub fn store(&self) -> &QuadStore<B> {
        &self.store
    }
}

fn drain(results: QueryResults, on_row: OnRow<'_>) -> Result<(), QueryError> {
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

impl<B: BenchBackend> Engine for Quadrille<B> {
    fn open(folder: &Path, sync: CommitSync) -> Outcome<Self> {
        let store = QuadStore::open(B::open_in(folder, sync)?)?;
        Ok(Self { store })
    }

    fn is_persistent(&self) -> bool {
        self.store.backend().capabilities().persistent
    }

    fn load(&self, file: &Path) -> Outcome<()> {
        load_into(
            &self.store,
            [Source::path(file)],
            &ReadOptions::default(),
            |_| {},
        )?;
        Ok(())
    }

    fn compact(&self) -> Outcome<()> {
        Ok(self.store.compact()?)
    }

    fn scan(&self, pattern: &QuadPattern, limit: usize) -> Outcome<u64> {
        let mut rows = 0;
        for quad in self.store.snapshot()?.match_quads(pattern)?.take(limit) {
            black_box(quad?);
            rows += 1;
        }
        Ok(rows)
    }

    fn scan_ids(&self, pattern: &QuadPattern) -> Outcome<Option<u64>> {
        let snapshot = self.store.snapshot()?;
        let Some(ids) = snapshot.encode_pattern(pattern)? else {
            return Ok(Some(0));
        };
        let mut scan = snapshot.scan(ids, ReadContext::default())?;
        let mut batch = ColumnBatch::default();
        let mut rows = 0;
        while scan.next_batch(&mut batch)? {
            rows += black_box(&batch).len() as u64;
        }
        Ok(Some(rows))
    }

    fn count(&self, pattern: &QuadPattern) -> Outcome<u64> {
        Ok(self.store.count(pattern)?)
    }

    fn query(&self, text: &str, limit: Duration, on_row: OnRow<'_>) -> Result<(), QueryStop> {
        let options = QueryOptions::new().with_timeout(limit);
        let answered = self.store.query_with(text, &options);
        answered
            .and_then(|results| drain(results, on_row))
            .map_err(|error| match error {
                QueryError::Timeout => QueryStop::Timeout,
                error => error.into(),
            })
    }

    fn quad_count(&self) -> Outcome<u64> {
        Ok(self.store.len()?)
    }

    fn first_graph_row(&self) -> Outcome<Quad> {
        let snapshot = self.store.snapshot()?;
        for graph in snapshot.graphs()? {
            let (graph, _) = graph?;
            if graph != GraphName::DefaultGraph {
                let mut quads = snapshot.match_quads(&QuadPattern::new().with_graph(graph))?;
                return Ok(quads.next().ok_or("a graph without a quad")??);
            }
        }
        Err("no named graph".into())
    }

    fn insert(&self, quads: &[Quad]) -> Outcome<()> {
        let mut transaction = self.store.transaction()?;
        for quad in quads {
            transaction.insert(quad)?;
        }
        Ok(transaction.commit()?)
    }

    fn remove(&self, quads: &[Quad]) -> Outcome<()> {
        let mut transaction = self.store.transaction()?;
        for quad in quads {
            transaction.remove(quad)?;
        }
        Ok(transaction.commit()?)
    }

    fn keyspaces(&self) -> Outcome<Vec<KeyspaceSize>> {
        let sizes = self.store.statistics()?.keyspaces;
        let sizes = sizes.into_iter().map(|size| KeyspaceSize {
            name: size.name,
            bytes: size.bytes,
        });
        Ok(sizes.collect())
    }

    fn close(self) -> Outcome<()> {
        Ok(self.store.close()?)
    }
}
