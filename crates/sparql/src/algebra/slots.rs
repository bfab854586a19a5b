//! Variables as numbers, and sets of them.
//!
//! What flows in: names, in their scopes. What flows out: slots. What always holds: two variables of one query have the same
//! slot exactly when a solution binds them together; a variable that a subquery does not select is another one than that
//! of the same name outside.

use oxrdf::Variable;
use smallvec::SmallVec;
use std::fmt;

/// A variable of a query, whatever it is called: the n-th that was met.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot(pub(crate) u32);

impl Slot {
    /// The variable that stands for the slot within expressions.
    pub(crate) fn variable(self) -> Variable {
        Variable::new_unchecked(self.0.to_string())
    }

    /// The slot that a variable of an expression stands for.
    pub(crate) fn of_variable(variable: &Variable) -> Option<Self> {
        variable.as_str().parse().ok().map(Self)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "#{}", self.0)
    }
}

/// A set of slots. That of a query with few variables takes no memory elsewhere: the search for joins makes thousands.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct SlotSet {
    words: SmallVec<[u64; 2]>,
}

impl SlotSet {
    pub(crate) fn insert(&mut self, slot: Slot) {
        let word = slot.0 as usize / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (slot.0 % 64);
    }

    pub(crate) fn remove(&mut self, slot: Slot) {
        if let Some(word) = self.words.get_mut(slot.0 as usize / 64) {
            *word &= !(1 << (slot.0 % 64));
        }
    }

    pub(crate) fn contains(&self, slot: Slot) -> bool {
        self.words
            .get(slot.0 as usize / 64)
            .is_some_and(|word| word >> (slot.0 % 64) & 1 == 1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    pub(crate) fn len(&self) -> usize {
        self.words
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }

    /// The slots, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Slot> + '_ {
        self.words.iter().enumerate().flat_map(|(index, word)| {
            (0..64)
                .filter(move |bit| word >> bit & 1 == 1)
                .map(move |bit| Slot(index as u32 * 64 + bit))
        })
    }

    pub(crate) fn add_all(&mut self, other: &Self) {
        if other.words.len() > self.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut union = self.clone();
        union.add_all(other);
        union
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        Self {
            words: self
                .words
                .iter()
                .zip(&other.words)
                .map(|(left, right)| left & right)
                .collect(),
        }
    }

    pub(crate) fn difference(&self, other: &Self) -> Self {
        let mut words = self.words.clone();
        for (word, less) in words.iter_mut().zip(&other.words) {
            *word &= !less;
        }
        Self { words }
    }

    pub(crate) fn is_subset(&self, other: &Self) -> bool {
        let others = other.words.iter().copied().chain(std::iter::repeat(0));
        self.words
            .iter()
            .zip(others)
            .all(|(word, other)| word & !other == 0)
    }

    pub(crate) fn meets(&self, other: &Self) -> bool {
        let mut both = self.words.iter().zip(&other.words);
        both.any(|(left, right)| left & right != 0)
    }
}

impl FromIterator<Slot> for SlotSet {
    fn from_iter<I: IntoIterator<Item = Slot>>(slots: I) -> Self {
        let mut set = Self::default();
        slots.into_iter().for_each(|slot| set.insert(slot));
        set
    }
}

impl fmt::Debug for SlotSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter()).finish()
    }
}
