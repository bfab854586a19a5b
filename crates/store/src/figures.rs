//! Figures for planning: how many quads, distinct subjects and distinct objects a predicate, a graph or the store has.
//!
//! What flows in: ids. What flows out: figures, from the statistics rows where there are any, from a look at some quads where
//! there are none. What always holds: the number of quads is exact, the others lie between one and it unless there are no
//! quads; the snapshots of a commit remember what they were asked for.

use crate::context::ReadContext;
use crate::permutation::{IdPattern, Permutation};
use crate::quads::ColumnBatch;
use crate::request::ScanRequest;
use crate::snapshot::Snapshot;
use crate::statistics_rows::Subject;
use crate::term::TermId;
use dashmap::DashMap;
use quadrille_backend::{StorageBackend, StorageResult};
use std::hash::Hash;
use std::sync::OnceLock;

/// So many quads without a statistics row are read through; of more, so many are.
const QUADS_READ_MAX: u64 = 2048;

/// How many parts of a range are looked at, and how many batches of each, to estimate its distinct values.
const PARTS_SAMPLED: usize = 16;
const BATCHES_SAMPLED: usize = 2;

/// Distinct values that seem to be fewer than this are counted.
const VALUES_COUNTED_MAX: u64 = 128;

/// How many figures the snapshots of a commit remember.
const REMEMBERED_MAX: usize = 4096;

/// The figures of some quads, for planning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QuadFigures {
    /// Quads; exact.
    pub quads: u64,
    /// Distinct subjects; an estimate.
    pub subjects: u64,
    /// Distinct objects; an estimate.
    pub objects: u64,
}

impl QuadFigures {
    /// The same with the estimates within what is possible.
    fn bounded(self) -> Self {
        let least = u64::from(self.quads > 0);
        Self {
            quads: self.quads,
            subjects: self.subjects.clamp(least, self.quads),
            objects: self.objects.clamp(least, self.quads),
        }
    }
}

/// What figures are about.
type About = Option<(Subject, TermId)>;

/// What the snapshots of one commit were asked for.
#[derive(Default)]
pub(crate) struct Figures {
    about: Remembered<About, QuadFigures>,
    /// Estimates of patterns that bind no subject and no object: there are few, and every plan asks for some.
    estimates: Remembered<IdPattern, u64>,
    /// Those of patterns that bind an object and no subject.
    of_objects: Remembered<IdPattern, u64>,
    /// Distinct values that permutations of all quads begin with.
    leading: Remembered<Permutation, u64>,
}

impl Figures {
    /// The estimate of a pattern, which is made if it is not known.
    pub(crate) fn estimate(
        &self,
        pattern: IdPattern,
        estimate: impl FnOnce() -> StorageResult<u64>,
    ) -> StorageResult<u64> {
        match pattern {
            [None, _, None, _] => self.estimates.get_or_make(pattern, estimate),
            [None, _, Some(_), _] => self.of_objects.get_or_make(pattern, estimate),
            _ => estimate(),
        }
    }
}

/// Answers by what was asked.
struct Remembered<K, V>(OnceLock<DashMap<K, V>>);

impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<K: Copy + Eq + Hash, V: Copy> Remembered<K, V> {
    fn get_or_make(&self, key: K, make: impl FnOnce() -> StorageResult<V>) -> StorageResult<V> {
        let known = self.0.get().and_then(|all| all.get(&key).map(|it| *it));
        if let Some(value) = known {
            return Ok(value);
        }
        let value = make()?;
        let remembered = self.0.get_or_init(DashMap::new);
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(key, value);
        Ok(value)
    }
}

/// `part` of `whole`, of a number.
fn scaled(number: u64, part: u64, whole: u64) -> u64 {
    let scaled = u128::from(number) * u128::from(part) / u128::from(whole.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

impl<B: StorageBackend> Snapshot<B> {
    /// The figures of all quads.
    ///
    /// # Errors
    /// As [`match_quads`](Self::match_quads).
    pub fn figures(&self) -> StorageResult<QuadFigures> {
        self.figures_about(None, || {
            let all = |permutation| ScanRequest::new([None; 4]).in_order(permutation);
            Ok(QuadFigures {
                quads: self.len(),
                subjects: self.estimate_values(&all(Permutation::Spoc))?,
                objects: self.estimate_values(&all(Permutation::Ocsp))?,
            })
        })
    }

    /// The figures of the quads of a predicate. Distinct counts are those of the last load or compaction, in proportion to
    /// the quads of today; those of a predicate that had few quads are counted.
    ///
    /// # Errors
    /// As [`match_quads`](Self::match_quads).
    pub fn predicate_figures(&self, predicate: TermId) -> StorageResult<QuadFigures> {
        self.figures_about(Some((Subject::Predicate, predicate)), || {
            let pattern = [None, Some(predicate), None, None];
            let quads = self.count_ids(pattern)?;
            match self.statistics_row(Subject::Predicate, predicate)? {
                Some(row) => Ok(QuadFigures {
                    quads,
                    subjects: scaled(row.subjects, quads, row.quads),
                    objects: scaled(row.objects, quads, row.quads),
                }),
                None => self.read_figures(pattern, quads),
            }
        })
    }

    /// The figures of the quads of a graph, likewise. Objects of a graph with many quads are in proportion to those of the
    /// store.
    ///
    /// # Errors
    /// As [`match_quads`](Self::match_quads).
    pub fn graph_figures(&self, graph: TermId) -> StorageResult<QuadFigures> {
        self.figures_about(Some((Subject::Graph, graph)), || {
            let pattern = [None, None, None, Some(graph)];
            let quads = self.count_ids(pattern)?;
            let Some(row) = self.statistics_row(Subject::Graph, graph)? else {
                return self.read_figures(pattern, quads);
            };
            let all = self.figures()?;
            Ok(QuadFigures {
                quads,
                subjects: scaled(row.subjects, quads, row.quads),
                objects: scaled(all.objects, quads, all.quads),
            })
        })
    }

    fn figures_about(
        &self,
        about: About,
        figures: impl FnOnce() -> StorageResult<QuadFigures>,
    ) -> StorageResult<QuadFigures> {
        let remembered = &self.inner.figures.about;
        remembered.get_or_make(about, || Ok(figures()?.bounded()))
    }

    /// The figures of the quads of a pattern, from the first of them.
    fn read_figures(&self, pattern: IdPattern, quads: u64) -> StorageResult<QuadFigures> {
        let request = ScanRequest::new(pattern).with_columns([true, false, true, false]);
        let mut scan = self.scan_request(&request, ReadContext::new())?;
        let (mut subjects, mut objects) = (Vec::new(), Vec::new());
        let mut batch = ColumnBatch::new();
        while (subjects.len() as u64) < QUADS_READ_MAX && scan.next_batch(&mut batch)? {
            subjects.extend_from_slice(batch.column(0));
            objects.extend_from_slice(batch.column(2));
        }
        let read = subjects.len() as u64;
        let distinct = |mut ids: Vec<u64>| {
            ids.sort_unstable();
            ids.dedup();
            scaled(ids.len() as u64, quads, read)
        };
        Ok(QuadFigures {
            quads,
            subjects: distinct(subjects),
            objects: distinct(objects),
        })
    }

    /// About how many distinct values [`values`](Self::values) gives: exact when the request asks for few rows or the values
    /// are few, else how often the value changes in some blocks of the rows, in proportion.
    ///
    /// # Errors
    /// As [`values`](Self::values).
    pub fn estimate_values(&self, request: &ScanRequest) -> StorageResult<u64> {
        let quads = self.estimate_request(request)?;
        let Some(permutation) = request.permutation.filter(|_| quads > QUADS_READ_MAX) else {
            return self.count_values(request, ReadContext::new());
        };
        if request.pattern == [None; 4] && request.is_whole() {
            let remembered = &self.inner.figures.leading;
            return remembered.get_or_make(permutation, || self.sample_values(request, quads));
        }
        self.sample_values(request, quads)
    }

    /// The same from some blocks of a request of so many quads.
    fn sample_values(&self, request: &ScanRequest, quads: u64) -> StorageResult<u64> {
        let position = self.values(request, false, ReadContext::new())?.position();
        let wanted = std::array::from_fn(|other| other == position);
        let (mut rows, mut changes) = (0, 0);
        let mut batch = ColumnBatch::new();
        for part in self.split(&request.with_columns(wanted), PARTS_SAMPLED)? {
            let mut scan = self.scan_request(&part, ReadContext::new())?;
            for _ in 0..BATCHES_SAMPLED {
                if !scan.next_batch(&mut batch)? {
                    break;
                }
                let values = batch.column(position);
                rows += values.len() as u64 - 1;
                changes += values.windows(2).filter(|pair| pair[0] != pair[1]).count() as u64;
            }
        }
        let estimate = scaled(changes, quads, rows).saturating_add(1);
        if estimate < VALUES_COUNTED_MAX {
            // So few, each of many rows, are passed over quickly, and blocks here and there hardly tell their number.
            return self.count_values(request, ReadContext::new());
        }
        Ok(estimate)
    }
}
