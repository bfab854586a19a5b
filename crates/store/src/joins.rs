//! What joins read a snapshot through: look-ups of many probes, and tries.
//!
//! What flows in: raw ids, best ascending, so that neighbours in a block are found without the backend. What flows out:
//! columns of raw ids, in batches of a bounded size. What always holds: both own their view, give what the snapshot holds
//! with its changes merged in, and stop when their context says so.

use crate::context::ReadContext;
use crate::index::lookup::{LookupPlan, Part, ProbedRows, RowLookup};
use crate::index::trie::RowTrie;
use crate::permutation::{IdPattern, Permutation};
use crate::snapshot::Snapshot;
use crate::term::TermId;
use quadrille_backend::{StorageBackend, StorageError, StorageResult};

/// What a position of a quad must be for a look-up to find it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LookupPosition {
    /// Anything.
    #[default]
    Open,
    /// One term.
    Constant(TermId),
    /// What the probe has in this one of its columns.
    Probe(usize),
}

/// Look-ups that differ in their probes only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LookupRequest {
    /// The order that is searched. The positions that it begins with and that are not open are the prefix: a search finds
    /// the rows that have it. Positions behind the first open one are compared row by row.
    pub permutation: Permutation,
    /// Subject, predicate, object, graph.
    pub positions: [LookupPosition; 4],
    /// The smallest and the largest raw id, both included, of the first column behind the prefix.
    pub range: Option<(u64, u64)>,
    /// The positions whose ids are wanted; the others are not decoded.
    pub columns: [bool; 4],
}

impl LookupRequest {
    fn plan(&self) -> StorageResult<LookupPlan> {
        let plan = LookupPlan {
            parts: self
                .permutation
                .permute(self.positions)
                .map(|position| match position {
                    LookupPosition::Open => Part::Open,
                    LookupPosition::Constant(id) => Part::Constant(id.raw()),
                    LookupPosition::Probe(column) => Part::Probe(column),
                }),
            range: self.range,
            wanted: self.permutation.permute(self.columns),
        };
        if plan.range.is_some() && plan.prefix() == 4 {
            return Err(StorageError::misuse(
                "a look-up of a range binds every column of its permutation",
            ));
        }
        Ok(plan)
    }

    /// The pattern of one probe.
    ///
    /// # Panics
    /// When the probes are not such that [`check_probes`](Self::check_probes) accepts them, or there are fewer.
    #[must_use]
    pub fn pattern_of(&self, columns: &[&[u64]], probe: usize) -> IdPattern {
        self.positions.map(|position| match position {
            LookupPosition::Open => None,
            LookupPosition::Constant(id) => Some(id),
            LookupPosition::Probe(column) => Some(TermId::from_raw(columns[column][probe])),
        })
    }

    /// The number of probes; one when the request needs none of their columns and there are none.
    ///
    /// # Errors
    /// `Misuse` when there are fewer columns than the request names, when they differ in length, or when there are 2^32
    /// probes.
    pub fn check_probes(&self, columns: &[&[u64]]) -> StorageResult<usize> {
        let probes = columns.first().map_or(1, |column| column.len());
        let lacks_column = self.positions.iter().any(|position| match position {
            LookupPosition::Probe(column) => *column >= columns.len(),
            _ => false,
        });
        if lacks_column || columns.iter().any(|column| column.len() != probes) {
            return Err(StorageError::misuse(
                "the probes of a look-up lack a column, or their columns differ in length",
            ));
        }
        if u32::try_from(probes).is_err() {
            return Err(StorageError::misuse("too many probes at once"));
        }
        Ok(probes)
    }
}

/// Rows that a look-up found, each with the number of its probe.
#[derive(Clone, Debug, Default)]
pub struct LookupBatch {
    rows: ProbedRows,
    permutation: Option<Permutation>,
}

impl LookupBatch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.probes.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.probes.is_empty()
    }

    /// Removes all rows.
    pub fn clear(&mut self) {
        self.rows.probes.clear();
        self.rows.rows.clear();
    }

    /// Appends a row with the ids of some positions: those that the batch has, which are the same for all its rows. For
    /// sources of rows other than a store.
    pub fn push(&mut self, probe: u32, quad: [TermId; 4], columns: [bool; 4]) {
        let permutation = *self.permutation.get_or_insert(Permutation::Spoc);
        let row = permutation.permute(quad.map(TermId::raw));
        self.rows.probes.push(probe);
        self.rows.rows.push(row, permutation.permute(columns));
    }

    /// The numbers of the rows' probes, ascending.
    #[must_use]
    pub fn probes(&self) -> &[u32] {
        &self.rows.probes
    }

    /// The raw ids of a position (0 subject, 1 predicate, 2 object, 3 graph), one a row; empty when it was not wanted.
    ///
    /// # Panics
    /// When the position is above 3.
    #[must_use]
    pub fn column(&self, position: usize) -> &[u64] {
        let permutation = self.permutation.unwrap_or(Permutation::Spoc);
        &self.rows.rows.columns[permutation.column_of(position)]
    }
}

/// Look-ups of many probes in one permutation. Owns its view; `Send + 'static`.
///
/// Probes may come in any order. What they cost depends on how close each is to the one before: within the same block it is
/// found in memory.
pub struct IdLookup<B: StorageBackend> {
    lookup: RowLookup<B::Snapshot>,
    request: LookupRequest,
}

impl<B: StorageBackend> IdLookup<B> {
    /// The order of the rows of one probe.
    #[must_use]
    pub fn permutation(&self) -> Permutation {
        self.request.permutation
    }

    /// Takes probes, by column, for [`next_batch`](Self::next_batch), and forgets those before.
    ///
    /// # Errors
    /// `Misuse` for [probes that the request does not fit](LookupRequest::check_probes).
    pub fn set_probes(&mut self, columns: &[&[u64]]) -> StorageResult<()> {
        let probes = self.request.check_probes(columns)?;
        self.lookup.set_probes(columns, probes);
        Ok(())
    }

    /// Clears the batch and fills it with the next rows, at most 1 024; false when the probes have no more, or after an
    /// error. Rows come in the order of the probes, and those of one probe in the order of the permutation.
    ///
    /// # Errors
    /// `Cancelled` when the context says so, `Corrupted`, what the backend fails with.
    pub fn next_batch(&mut self, batch: &mut LookupBatch) -> StorageResult<bool> {
        batch.permutation = Some(self.request.permutation);
        self.lookup.fill(&mut batch.rows)
    }

    /// Which of some probes have a row: one value for each, in place of what the vector held.
    ///
    /// # Errors
    /// As [`set_probes`](Self::set_probes) and [`next_batch`](Self::next_batch).
    pub fn contains(&mut self, columns: &[&[u64]], found: &mut Vec<bool>) -> StorageResult<()> {
        found.clear();
        self.set_probes(columns)?;
        self.lookup.count(true, |count| found.push(count > 0))
    }

    /// How many rows each of some probes has, exactly, in place of what the vector held. Rows that fill several blocks are
    /// counted by summaries.
    ///
    /// # Errors
    /// As [`contains`](Self::contains).
    pub fn count(&mut self, columns: &[&[u64]], counts: &mut Vec<u64>) -> StorageResult<()> {
        counts.clear();
        self.set_probes(columns)?;
        self.lookup.count(false, |count| counts.push(count))
    }
}

/// A permutation as a trie, for joins that go value by value. Owns its view; `Send + 'static`.
///
/// Its levels are the positions that its pattern leaves open, in the order of the permutation. A join that takes several
/// tries along reads the next values of each as a slice, [`run`](Self::run), and asks the trie only when a slice is at its
/// end.
pub struct IdTrie<B: StorageBackend> {
    trie: RowTrie<B::Snapshot>,
    permutation: Permutation,
}

impl<B: StorageBackend> IdTrie<B> {
    /// The order of the levels.
    #[must_use]
    pub fn permutation(&self) -> Permutation {
        self.permutation
    }

    /// How many levels there are.
    #[must_use]
    pub fn levels(&self) -> usize {
        self.trie.levels()
    }

    /// The first value at or above `value` of the level behind `prefix`, which has the values of all levels before it;
    /// `None` when there is none. Constants of the pattern that stand right behind the level's column are taken into
    /// account; those behind a deeper level are when that one is sought.
    ///
    /// # Errors
    /// `Misuse` when there is no level behind the prefix; `Cancelled` when the context says so, `Corrupted`, what the
    /// backend fails with.
    pub fn seek(&mut self, prefix: &[u64], value: u64) -> StorageResult<Option<u64>> {
        self.trie.seek(prefix, value)
    }

    /// The values of the level that the last [`seek`](Self::seek) was about, from the one that it found on, below the same
    /// prefix: ascending, each perhaps several times in a row, as far as they are in hand. Not empty when that seek has found
    /// a value. What comes behind the last of them only a further seek tells.
    ///
    /// # Errors
    /// As [`seek`](Self::seek).
    pub fn run(&mut self) -> StorageResult<&[u64]> {
        self.trie.run()
    }
}

impl<B: StorageBackend> Snapshot<B> {
    /// Opens look-ups of many probes.
    ///
    /// # Errors
    /// `Misuse` for a request that contradicts itself; what the backend fails with.
    pub fn lookup(
        &self,
        request: &LookupRequest,
        context: ReadContext,
    ) -> StorageResult<IdLookup<B>> {
        let (inner, permutation) = (&*self.inner, request.permutation);
        let lookup = RowLookup::new(
            &inner.view,
            inner.places.permutation(permutation),
            inner.delta.permutation(permutation).clone(),
            request.plan()?,
            context,
        )?;
        Ok(IdLookup {
            lookup,
            request: *request,
        })
    }

    /// Opens the quads that match a pattern as a trie, in the order of a permutation.
    ///
    /// # Errors
    /// What the backend fails with.
    pub fn trie(
        &self,
        permutation: Permutation,
        pattern: &IdPattern,
        context: ReadContext,
    ) -> StorageResult<IdTrie<B>> {
        let inner = &*self.inner;
        let constants = permutation.permute(pattern.map(|id| id.map(TermId::raw)));
        let trie = RowTrie::new(
            &inner.view,
            inner.places.permutation(permutation),
            inner.delta.permutation(permutation).clone(),
            constants,
            context,
        )?;
        Ok(IdTrie { trie, permutation })
    }
}
