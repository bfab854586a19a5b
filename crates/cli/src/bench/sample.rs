//! Some quads of a store, drawn evenly, and the patterns made of them.
//!
//! What flows in: an open store. What flows out: quads in random order. What always holds: every backend that holds the
//! same load gives the same sample.

use crate::failure::Failure;
use oxrdf::Quad;
use quadrille::io::generate::Random;
use quadrille::{AnyBackend, QuadPattern, QuadStore};

/// How many quads a sample has at most.
const QUADS: usize = 1000;

/// The quads.
pub(crate) struct Sample {
    pub(crate) quads: Vec<Quad>,
}

impl Sample {
    /// Draws a sample; this reads the whole store, and warms what reading warms.
    pub(crate) fn draw(store: &QuadStore<AnyBackend>) -> Result<Self, Failure> {
        let mut random = Random::new(1);
        let mut quads: Vec<Quad> = Vec::new();
        for (offered, quad) in (0_u64..).zip(store.match_quads(&QuadPattern::new())?) {
            let quad = quad?;
            if quads.len() < QUADS {
                quads.push(quad);
                continue;
            }
            let place = random.below(offered + 1) as usize;
            if let Some(slot) = quads.get_mut(place) {
                *slot = quad;
            }
        }
        for place in (1..quads.len()).rev() {
            quads.swap(place, random.below(place as u64 + 1) as usize);
        }
        Ok(Self { quads })
    }
}

/// The 16 kinds of patterns, as bits: subject 1, predicate 2, object 4, graph 8.
pub(crate) const KINDS: std::ops::Range<u8> = 0..16;

/// The pattern of a kind that a quad matches.
pub(crate) fn pattern(quad: &Quad, kind: u8) -> QuadPattern {
    let mut pattern = QuadPattern::new();
    if kind & 1 != 0 {
        pattern = pattern.with_subject(quad.subject.clone());
    }
    if kind & 2 != 0 {
        pattern = pattern.with_predicate(quad.predicate.clone());
    }
    if kind & 4 != 0 {
        pattern = pattern.with_object(quad.object.clone());
    }
    if kind & 8 != 0 {
        pattern = pattern.with_graph(quad.graph_name.clone());
    }
    pattern
}

/// A kind as people write it, such as `S P ? ?`.
pub(crate) fn kind_name(kind: u8) -> String {
    let letters = [(1, "S"), (2, "P"), (4, "O"), (8, "G")];
    let places = letters.map(|(bit, letter)| if kind & bit != 0 { letter } else { "?" });
    places.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_are_the_sixteen_patterns() {
        let names: std::collections::BTreeSet<_> = KINDS.map(kind_name).collect();
        assert_eq!(names.len(), 16);
        assert_eq!(kind_name(0b0011), "S P ? ?");
        assert_eq!(kind_name(0b1010), "? P ? G");
    }
}
