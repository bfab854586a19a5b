//! One pattern's values of one variable, of which some are kept in hand.
//!
//! What flows in: values to be sought, ascending below one prefix. What flows out: the first value at or above each. What
//! always holds: the values in hand belong to the prefix that the cursor was last restarted for; more of them are taken the
//! longer a prefix lasts, so that a short visit costs little and a long one is read by the block.

use super::kept::KeptTrie;
use crate::source::QuadTrie;
use quadrille_store::StorageResult;

/// How many values are taken at the first visit of a prefix, and how many at most.
const TAKEN_FIRST: usize = 8;
const TAKEN_MAX: usize = 1024;

/// A pattern, by its levels.
pub(super) enum Trie {
    /// In memory.
    Kept(KeptTrie),
    /// In an index.
    Stored(Box<dyn QuadTrie>),
}

/// A position in a level of a trie.
pub(super) struct Cursor {
    trie: usize,
    /// The variables of the trie's levels before this one.
    prefix: Vec<usize>,
    prefix_values: Vec<u64>,
    is_restarted: bool,
    taken: usize,
    values: Vec<u64>,
    next: usize,
}

impl Cursor {
    pub(super) fn new(trie: usize, prefix: Vec<usize>) -> Self {
        Self {
            trie,
            prefix,
            prefix_values: Vec::new(),
            is_restarted: true,
            taken: TAKEN_FIRST,
            values: Vec::new(),
            next: 0,
        }
    }

    /// Tells it that variables before this one have other values now.
    pub(super) fn restart(&mut self) {
        self.is_restarted = true;
    }

    /// The first value at or above one; `None` when there is none.
    pub(super) fn seek(
        &mut self,
        tries: &mut [Trie],
        values: &[u64],
        value: u64,
    ) -> StorageResult<Option<u64>> {
        match tries.get_mut(self.trie) {
            None => Ok(None),
            Some(Trie::Kept(trie)) => {
                let level = self.prefix.len();
                if std::mem::take(&mut self.is_restarted) {
                    trie.enter(level);
                }
                Ok(trie.seek(level, value))
            }
            Some(Trie::Stored(trie)) => self.seek_stored(trie.as_mut(), values, value),
        }
    }

    fn seek_stored(
        &mut self,
        trie: &mut dyn QuadTrie,
        values: &[u64],
        value: u64,
    ) -> StorageResult<Option<u64>> {
        if std::mem::take(&mut self.is_restarted) {
            self.enter(values);
        }
        if let Some(found) = self.in_hand(value) {
            return Ok(Some(found));
        }
        self.values.clear();
        self.next = 0;
        let found = trie.seek(&self.prefix_values, value)?;
        if found.is_some() {
            let run = trie.run()?;
            self.values
                .extend_from_slice(&run[..run.len().min(self.taken)]);
            self.taken = (self.taken * 2).min(TAKEN_MAX);
        }
        Ok(found)
    }

    /// Takes the prefix from the values of all variables. What is in hand is forgotten: values in it may lie above those
    /// that are sought first.
    fn enter(&mut self, values: &[u64]) {
        self.prefix_values.clear();
        self.prefix_values.extend(
            self.prefix
                .iter()
                .filter_map(|variable| values.get(*variable)),
        );
        self.values.clear();
        self.next = 0;
        self.taken = TAKEN_FIRST;
    }

    /// The first value in hand at or above one, by steps that double.
    fn in_hand(&mut self, value: u64) -> Option<u64> {
        let rest = self.values.get(self.next..)?;
        let mut step = 1;
        while rest.get(step).is_some_and(|found| *found < value) {
            step *= 2;
        }
        let window = &rest[..rest.len().min(step + 1)];
        self.next += window.partition_point(|found| *found < value);
        self.values.get(self.next).copied()
    }
}
