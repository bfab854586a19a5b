//! Triples that several graphs may hold, told apart.
//!
//! What flows in: triples of ids. What flows out: whether each is new. What always holds: forgetting costs no more than
//! what was there to forget; a set that was large once and has few triples now gives its room back.

use crate::operators::row_table::RowHasher;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// A set with so much room is emptied whatever it holds.
const SMALL: usize = 1024;

/// A set of triples.
pub(crate) struct SeenTriples {
    triples: HashTable<[u64; 3]>,
    hasher: RowHasher,
}

impl Default for SeenTriples {
    fn default() -> Self {
        Self {
            triples: HashTable::new(),
            hasher: RowHasher::new(),
        }
    }
}

impl SeenTriples {
    /// Whether the triple is new.
    pub(crate) fn insert(&mut self, triple: [u64; 3]) -> bool {
        let hasher = self.hasher;
        let entry = self.triples.entry(
            hasher.hash(&triple),
            |other| *other == triple,
            |other| hasher.hash(other),
        );
        match entry {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert(triple);
                true
            }
        }
    }

    /// Forgets all triples.
    pub(crate) fn clear(&mut self) {
        if self.triples.capacity() > 8 * self.triples.len().max(SMALL) {
            self.triples = HashTable::new();
        } else {
            self.triples.clear();
        }
    }

    /// How many bytes the set takes.
    pub(crate) fn bytes(&self) -> usize {
        self.triples.allocation_size()
    }
}

#[cfg(test)]
mod tests {
    use super::SeenTriples;

    #[test]
    fn a_set_that_was_large_gives_its_room_back() {
        let mut seen = SeenTriples::default();
        let filled = (0..100_000).all(|number| seen.insert([number, 1, 2]));
        assert!(filled && !seen.insert([7, 1, 2]));
        let large = seen.bytes();
        seen.clear();
        assert!(seen.insert([7, 1, 2]));
        assert_eq!(large, seen.bytes(), "room that was needed is kept at first");
        seen.clear();
        assert!(seen.bytes() < large / 100);
        assert!(seen.insert([7, 1, 2]) && !seen.insert([7, 1, 2]));
    }
}
