//! What a store holds, in figures.

use crate::keyspaces::Place;
use crate::permutation::Permutation;
use crate::snapshot::Snapshot;
use crate::statistics_rows::{StatisticsRow, Subject};
use crate::store::QuadStore;
use crate::term::TermId;
use crate::terms::{TermDecoder, predicate_of};
use oxrdf::{GraphName, NamedNode};
use quadrille_backend::{StorageBackend, StorageResult};
use std::time::Duration;

/// The figures of a store.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct StoreStatistics {
    /// Quads; exact.
    pub quads: u64,
    /// Terms in the dictionary; inlined ones do not count.
    pub terms: u64,
    /// Graphs that hold a quad, the default graph included.
    pub graphs: u64,
    /// Bytes of the disk blocks that the backend's files occupy.
    pub disk_bytes: u64,
    /// Snapshots that the backend has open in this process; a store may keep one of its own for the next reader.
    pub open_snapshots: u64,
    /// How long the oldest of them has been open; `None` when there is none.
    pub oldest_snapshot_age: Option<Duration>,
    /// Bytes of the files that only the oldest open snapshot of any process keeps from being used again; `None` where
    /// the backend does not tell.
    pub pinned_bytes: Option<u64>,
    /// The keyspaces, in the order of the architecture: indexes, dictionary, the rest.
    pub keyspaces: Vec<KeyspaceStatistics>,
}

/// The figures of one keyspace.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeyspaceStatistics {
    /// Its role: `spoc`, `spoc.summary`, `terms` and so on.
    pub role: &'static str,
    /// Its name in the backend.
    pub name: String,
    /// Entries; exact.
    pub entries: u64,
    /// Bytes of keys and values; exact.
    pub bytes: u64,
}

/// The figures of one predicate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PredicateStatistics {
    /// The predicate.
    pub predicate: NamedNode,
    /// Its quads; exact.
    pub quads: u64,
    /// Distinct subjects when the generation was written; `None` for a predicate that had less than a block of quads.
    pub subjects: Option<u64>,
    /// Distinct objects, likewise.
    pub objects: Option<u64>,
}

/// The figures of one graph.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GraphStatistics {
    /// The graph.
    pub graph: GraphName,
    /// Its quads; exact.
    pub quads: u64,
    /// Distinct subjects when the generation was written; `None` for a graph that had less than a block of quads.
    pub subjects: Option<u64>,
}

impl<B: StorageBackend> QuadStore<B> {
    /// The figures of the last commit. Counting the entries of the keyspaces may read their keys.
    ///
    /// # Errors
    /// What the backend fails with.
    pub fn statistics(&self) -> StorageResult<StoreStatistics> {
        let backend = self.backend().stats()?;
        let snapshot = self.snapshot()?;
        let inner = &*snapshot.inner;
        let mut graphs = 0;
        for graph in snapshot.graph_ids()? {
            graph?;
            graphs += 1;
        }
        let keyspaces = inner
            .places
            .all()
            .into_iter()
            .map(|place| self.keyspace_statistics(place))
            .collect::<StorageResult<_>>()?;
        Ok(StoreStatistics {
            quads: snapshot.len(),
            terms: inner.root.terms(),
            graphs,
            disk_bytes: backend.disk_bytes,
            open_snapshots: backend.open_snapshots,
            oldest_snapshot_age: backend.oldest_snapshot_age,
            pinned_bytes: backend.pinned_bytes,
            keyspaces,
        })
    }

    fn keyspace_statistics(&self, place: &Place) -> StorageResult<KeyspaceStatistics> {
        let (entries, bytes) = self.backend().keyspace_size(&place.keyspace)?;
        Ok(KeyspaceStatistics {
            role: place.role,
            name: place.keyspace.to_string(),
            entries,
            bytes,
        })
    }
}

impl<B: StorageBackend> Snapshot<B> {
    /// The figures of every predicate, ascending by id. One look-up for each.
    ///
    /// # Errors
    /// `Corrupted`, what the backend fails with.
    pub fn predicate_statistics(&self) -> StorageResult<Vec<PredicateStatistics>> {
        let mut figures = Vec::new();
        let mut decoder = TermDecoder::new(self.clone());
        let mut next = Some(TermId::DEFAULT_GRAPH);
        while let Some(from) = next {
            let Some(id) = self.first_predicate_from(from)? else {
                break;
            };
            let row = self.statistics_row(Subject::Predicate, id)?;
            figures.push(PredicateStatistics {
                predicate: predicate_of(decoder.decode(id)?)?,
                quads: self.count_ids([None, Some(id), None, None])?,
                subjects: row.map(|row| row.subjects),
                objects: row.map(|row| row.objects),
            });
            next = id.raw().checked_add(1).map(TermId::from_raw);
        }
        Ok(figures)
    }

    /// The figures of every graph that holds a quad, ascending by id. One look-up for each.
    ///
    /// # Errors
    /// `Corrupted`, what the backend fails with.
    pub fn graph_statistics(&self) -> StorageResult<Vec<GraphStatistics>> {
        let mut figures = Vec::new();
        for graph in self.graph_ids()? {
            let (id, quads) = graph?;
            let row = self.statistics_row(Subject::Graph, id)?;
            figures.push(GraphStatistics {
                graph: self.decode_graph(id)?,
                quads,
                subjects: row.map(|row| row.subjects),
            });
        }
        Ok(figures)
    }

    pub(crate) fn statistics_row(
        &self,
        subject: Subject,
        id: TermId,
    ) -> StorageResult<Option<StatisticsRow>> {
        let place = &self.inner.places.statistics;
        let key = subject.key(id.raw());
        let value = self.inner.view.get(place, &key)?;
        value
            .map(|value| StatisticsRow::decode(&key, &value))
            .transpose()
            .map_err(|error| error.in_keyspace(&place.keyspace).at_key(&key))
    }

    fn first_predicate_from(&self, from: TermId) -> StorageResult<Option<TermId>> {
        let row = self.first_row_from(Permutation::Pocs, [from.raw(), 0, 0, 0])?;
        Ok(row.map(|row| TermId::from_raw(row[0])))
    }
}
