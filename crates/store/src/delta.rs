//! The changes that stand in the commit log and not yet in the blocks, in memory.
//!
//! One persistent sorted set per permutation, one for the hash index, and the new terms. Cloning is O(1), so every
//! snapshot has its own. What always holds for each set on its own: a row is marked inserted only if the blocks lack it,
//! removed only if they hold it; so every count is blocks + inserted − removed.

use crate::permutation::{Permutation, Row};
use imbl::OrdMap;
use std::ops::Bound;
use std::sync::Arc;

/// Changes to the rows of one index: `true` for inserted, `false` for removed.
#[derive(Clone, Debug)]
pub(crate) struct ChangeSet<const N: usize> {
    changes: OrdMap<[u64; N], bool>,
}

impl<const N: usize> Default for ChangeSet<N> {
    fn default() -> Self {
        Self {
            changes: OrdMap::new(),
        }
    }
}

impl<const N: usize> ChangeSet<N> {
    pub(crate) fn len(&self) -> usize {
        self.changes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// What the set says of a row; `None` leaves it to the blocks.
    pub(crate) fn get(&self, row: &[u64; N]) -> Option<bool> {
        self.changes.get(row).copied()
    }

    /// Notes that a row which was absent is there now.
    pub(crate) fn insert(&mut self, row: [u64; N]) {
        self.change(row, true);
    }

    /// Notes that a row which was there is absent now.
    pub(crate) fn remove(&mut self, row: [u64; N]) {
        self.change(row, false);
    }

    fn change(&mut self, row: [u64; N], inserted: bool) {
        // A row with the opposite mark returns to what the blocks say.
        if self.changes.insert(row, inserted).is_some() {
            self.changes.remove(&row);
        }
    }

    /// Forgets rows that have been folded into the blocks.
    pub(crate) fn forget(&mut self, rows: impl IntoIterator<Item = [u64; N]>) {
        for row in rows {
            self.changes.remove(&row);
        }
    }

    /// The changes in `[start, end)`, ascending.
    pub(crate) fn range(
        &self,
        start: [u64; N],
        end: Option<[u64; N]>,
    ) -> impl Iterator<Item = ([u64; N], bool)> + use<'_, N> {
        // A range that is empty or reversed must not reach the map: it would panic.
        let end = match end {
            Some(end) if end <= start => Bound::Excluded(start),
            Some(end) => Bound::Excluded(end),
            None => Bound::Unbounded,
        };
        let is_empty = matches!(end, Bound::Excluded(end) if end == start);
        let start = if is_empty {
            Bound::Excluded([u64::MAX; N])
        } else {
            Bound::Included(start)
        };
        let end = if is_empty { Bound::Unbounded } else { end };
        self.changes
            .range((start, end))
            .map(|(row, inserted)| (*row, *inserted))
    }

    /// The first change at or above a row: one descent, where a [`range`](Self::range) takes two.
    pub(crate) fn first_from(&self, row: &[u64; N]) -> Option<([u64; N], bool)> {
        let (row, inserted) = self.changes.get_next(row)?;
        Some((*row, *inserted))
    }

    /// Whether there is a change in `[start, end)`.
    pub(crate) fn changes_within(&self, start: &[u64; N], end: Option<[u64; N]>) -> bool {
        let first = self.first_from(start);
        first.is_some_and(|(row, _)| end.is_none_or(|end| row < end))
    }

    /// Inserted minus removed rows in `[start, end)`.
    pub(crate) fn balance(&self, start: [u64; N], end: Option<[u64; N]>) -> i64 {
        self.range(start, end)
            .map(|(_, inserted)| if inserted { 1 } else { -1 })
            .sum()
    }
}

/// A new term: its bytes as the dictionary keeps them.
pub(crate) type TermBytes = Arc<[u8]>;

/// All changes since the blocks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delta {
    permutations: [ChangeSet<4>; 4],
    /// New terms by id.
    terms: OrdMap<u64, TermBytes>,
    /// The hash rows of new terms.
    pub(crate) hashes: ChangeSet<2>,
    /// The bytes of new terms.
    term_bytes: usize,
    /// The changes in the log, those that cancelled each other included.
    logged: usize,
}

impl Delta {
    pub(crate) fn permutation(&self, permutation: Permutation) -> &ChangeSet<4> {
        &self.permutations[permutation.rotation()]
    }

    pub(crate) fn permutation_mut(&mut self, permutation: Permutation) -> &mut ChangeSet<4> {
        &mut self.permutations[permutation.rotation()]
    }

    /// Notes that a quad which was absent is there now.
    pub(crate) fn insert(&mut self, quad: Row) {
        for permutation in Permutation::ALL {
            self.permutation_mut(permutation)
                .insert(permutation.permute(quad));
        }
    }

    /// Notes that a quad which was there is absent now.
    pub(crate) fn remove(&mut self, quad: Row) {
        for permutation in Permutation::ALL {
            self.permutation_mut(permutation)
                .remove(permutation.permute(quad));
        }
    }

    /// Adds the bytes of a new term; its hash row is added apart.
    pub(crate) fn add_term_bytes(&mut self, id: u64, bytes: TermBytes) {
        self.term_bytes += bytes.len();
        self.terms.insert(id, bytes);
    }

    pub(crate) fn term(&self, id: u64) -> Option<&TermBytes> {
        self.terms.get(&id)
    }

    pub(crate) fn terms(&self) -> &OrdMap<u64, TermBytes> {
        &self.terms
    }

    /// Forgets the terms, which are in chunks now.
    pub(crate) fn forget_terms(&mut self) {
        self.terms = OrdMap::new();
        self.term_bytes = 0;
    }

    /// The largest number of changes that one permutation holds.
    pub(crate) fn len(&self) -> usize {
        self.permutations
            .iter()
            .map(ChangeSet::len)
            .max()
            .unwrap_or(0)
    }

    /// Counts the changes of a log record; one without any counts as one.
    pub(crate) fn note_logged(&mut self, changes: usize) {
        self.logged += changes.max(1);
    }

    /// Takes away changes whose log records are no longer needed.
    pub(crate) fn forget_logged(&mut self, changes: usize) {
        self.logged = self.logged.saturating_sub(changes);
    }

    /// The changes in the log: never fewer than [`len`](Self::len).
    pub(crate) fn logged(&self) -> usize {
        self.logged
    }

    /// The bytes of the terms that are not in chunks.
    pub(crate) fn term_bytes(&self) -> usize {
        self.term_bytes
    }
}
