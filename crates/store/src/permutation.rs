//! The permutations of a quad and the table that says which one answers which pattern.
//!
//! A permutation is one of the four rotations of subject, predicate, object and graph. It is data: everything else
//! iterates [`Permutation::ALL`] and asks the table, and nothing assumes that there are four.

use crate::term::TermId;
use std::fmt;

/// Subject, predicate, object, graph: a quad as ids.
pub type IdQuad = [TermId; 4];

/// A pattern of ids in the order subject, predicate, object, graph; `None` is open, and an open graph is any graph.
pub type IdPattern = [Option<TermId>; 4];

/// A quad as raw ids, in the order of some permutation.
pub(crate) type Row = [u64; 4];

/// An order in which the store keeps all quads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Permutation {
    /// Subject, predicate, object, graph.
    Spoc,
    /// Predicate, object, graph, subject.
    Pocs,
    /// Object, graph, subject, predicate.
    Ocsp,
    /// Graph, subject, predicate, object.
    Cspo,
}

impl Permutation {
    /// Every permutation that a store keeps.
    pub const ALL: [Self; 4] = [Self::Spoc, Self::Pocs, Self::Ocsp, Self::Cspo];

    /// How far the quad is rotated to the left; also the permutation's code on disk.
    #[must_use]
    pub const fn rotation(self) -> usize {
        self as usize
    }

    /// The name: the letters of the positions, in order.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spoc => "spoc",
            Self::Pocs => "pocs",
            Self::Ocsp => "ocsp",
            Self::Cspo => "cspo",
        }
    }

    /// The quad position (0 subject, 1 predicate, 2 object, 3 graph) that stands in a column of this order.
    #[must_use]
    pub const fn position_of(self, column: usize) -> usize {
        (column + self.rotation()) % 4
    }

    /// The column in which a quad position stands.
    #[must_use]
    pub const fn column_of(self, position: usize) -> usize {
        (position + 4 - self.rotation()) % 4
    }

    /// Brings something per position into this order.
    #[must_use]
    pub fn permute<T: Copy>(self, quad: [T; 4]) -> [T; 4] {
        std::array::from_fn(|column| quad[self.position_of(column)])
    }

    /// Brings something in this order back to subject, predicate, object, graph.
    #[must_use]
    pub fn restore<T: Copy>(self, row: [T; 4]) -> [T; 4] {
        std::array::from_fn(|position| row[self.column_of(position)])
    }

    /// The permutations that can answer a pattern with these positions bound, best first.
    ///
    /// 14 of the 16 combinations have one answer: the first permutation that begins with exactly the bound positions,
    /// so that the matches are one run. The other two, subject and object (`S O`) and predicate and graph (`P C`),
    /// have two candidates with one leading bound column each; the reader takes the one with fewer quads behind that
    /// column and skips through it.
    ///
    /// | bound | order | bound | order |
    /// |---|---|---|---|
    /// | none | SPOC | S C | CSPO |
    /// | S | SPOC | O C | OCSP |
    /// | P | POCS | S P O | SPOC |
    /// | O | OCSP | P O C | POCS |
    /// | C | CSPO | S O C | OCSP |
    /// | S P | SPOC | S P C | CSPO |
    /// | P O | POCS | S P O C | SPOC |
    /// | S O | SPOC or OCSP, skipping | P C | POCS or CSPO, skipping |
    #[must_use]
    pub fn candidates(bound: [bool; 4]) -> &'static [Self] {
        const TABLE: [&[Permutation]; 16] = {
            use Permutation::{Cspo, Ocsp, Pocs, Spoc};
            // The index has bit 3 for the subject, bit 2 for the predicate, bit 1 for the object, bit 0 for the graph.
            [
                &[Spoc],
                &[Cspo],
                &[Ocsp],
                &[Ocsp],
                &[Pocs],
                &[Pocs, Cspo],
                &[Pocs],
                &[Pocs],
                &[Spoc],
                &[Cspo],
                &[Spoc, Ocsp],
                &[Ocsp],
                &[Spoc],
                &[Cspo],
                &[Spoc],
                &[Spoc],
            ]
        };
        let index = bound
            .iter()
            .fold(0, |index, &bound| index << 1 | usize::from(bound));
        TABLE[index]
    }

    /// How many leading columns of this order are bound.
    #[must_use]
    pub fn bound_prefix(self, bound: [bool; 4]) -> usize {
        self.permute(bound)
            .iter()
            .take_while(|&&bound| bound)
            .count()
    }
}

impl fmt::Display for Permutation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.as_str().to_uppercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_patterns_choose_the_longest_bound_prefix() {
        for index in 0..16_usize {
            let bound: [bool; 4] = std::array::from_fn(|position| index >> (3 - position) & 1 == 1);
            let number = bound.iter().filter(|&&bound| bound).count();
            let candidates = Permutation::candidates(bound);
            let longest = Permutation::ALL
                .iter()
                .map(|permutation| permutation.bound_prefix(bound))
                .max();
            for candidate in candidates {
                assert_eq!(Some(candidate.bound_prefix(bound)), longest, "{bound:?}");
            }
            let skips = bound == [true, false, true, false] || bound == [false, true, false, true];
            assert_eq!(candidates.len(), if skips { 2 } else { 1 }, "{bound:?}");
            assert_eq!(longest == Some(number), !skips, "{bound:?}");
        }
    }

    #[test]
    fn restoring_undoes_permuting() {
        for permutation in Permutation::ALL {
            let row = permutation.permute([10, 11, 12, 13]);
            assert_eq!(permutation.restore(row), [10, 11, 12, 13]);
            assert_eq!(row[0], 10 + permutation.rotation());
        }
    }
}
