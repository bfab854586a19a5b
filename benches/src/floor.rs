//! How small the quads could be: the information floor of a data set, given its dictionary.
//!
//! In flow quads, out flow bits and bytes. Always holds: nothing here knows how a store encodes quads.
//!
//! `N` quads drawn from a distribution of entropy `H` bits take `N · H` bits as a sequence. A store keeps a *set*: the
//! order, `log2(N!) ≈ N · log2(N/e)` bits, need not be kept. So each index needs at least `H − log2(N/e)` bits a quad.
//!
//! `H` is estimated from the data, not read off the generator. All quads of a set differ, so their joint frequencies
//! say nothing; the entropies of single positions and pairs do:
//!
//! `H ≈ H(S, P) + H(O | P) + min(H(C | S), H(C | P))`
//!
//! Each term is an entropy of observed frequencies, with the terms that occur in the data taken as known (they are in
//! the dictionary). Leaving out how O and C depend on the rest makes the sum too high; where pairs are nearly all
//! different, their frequencies show less entropy than the distribution has, which makes it too low. It is a yardstick,
//! not a proof.

use oxrdf::QuadRef;
use std::collections::HashMap;
use xxhash_rust::xxh3::xxh3_64;

/// How often each value, by its hash, has been seen.
#[derive(Default)]
struct Frequencies {
    counts: HashMap<u64, u32>,
}

impl Frequencies {
    fn add(&mut self, value: u64) {
        let count = self.counts.entry(value).or_default();
        *count = count.saturating_add(1);
    }

    /// Bits of a value drawn by these frequencies.
    fn entropy(&self) -> f64 {
        let total: f64 = self.counts.values().map(|&count| f64::from(count)).sum();
        if total == 0.0 {
            return 0.0;
        }
        let weighted = |count: f64| count * count.log2();
        let sum: f64 = self
            .counts
            .values()
            .map(|&count| weighted(f64::from(count)))
            .sum();
        total.log2() - sum / total
    }
}

/// The estimate in the making; every quad of the data is [added](Self::add), once.
#[derive(Default)]
pub struct Floor {
    quads: u64,
    subjects: Frequencies,
    predicates: Frequencies,
    subject_predicates: Frequencies,
    predicate_objects: Frequencies,
    predicate_graphs: Frequencies,
    subject_graphs: Frequencies,
}

fn pair(left: u64, right: u64) -> u64 {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&left.to_le_bytes());
    bytes[8..].copy_from_slice(&right.to_le_bytes());
    xxh3_64(&bytes)
}

impl Floor {
    /// Counts a quad.
    pub fn add(&mut self, quad: QuadRef<'_>) {
        self.quads += 1;
        let subject = xxh3_64(quad.subject.to_string().as_bytes());
        let predicate = xxh3_64(quad.predicate.as_str().as_bytes());
        let object = xxh3_64(quad.object.to_string().as_bytes());
        let graph = xxh3_64(quad.graph_name.to_string().as_bytes());
        self.subjects.add(subject);
        self.predicates.add(predicate);
        self.subject_predicates.add(pair(subject, predicate));
        self.predicate_objects.add(pair(predicate, object));
        self.predicate_graphs.add(pair(predicate, graph));
        self.subject_graphs.add(pair(subject, graph));
    }

    /// The number of quads.
    #[must_use]
    pub fn quads(&self) -> u64 {
        self.quads
    }

    /// The estimated entropy of one quad, in bits.
    #[must_use]
    pub fn quad_bits(&self) -> f64 {
        let object_given_predicate = self.predicate_objects.entropy() - self.predicates.entropy();
        let graph_given_subject = self.subject_graphs.entropy() - self.subjects.entropy();
        let graph_given_predicate = self.predicate_graphs.entropy() - self.predicates.entropy();
        let graph = graph_given_subject.min(graph_given_predicate);
        self.subject_predicates.entropy() + object_given_predicate + graph
    }

    /// The floor in bytes a quad, of one index.
    #[must_use]
    pub fn index_bytes_per_quad(&self) -> f64 {
        let order_bits = (self.quads as f64 / std::f64::consts::E).log2();
        ((self.quad_bits() - order_bits) / 8.0).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Floor;
    use oxrdf::{GraphName, NamedNode, Quad};

    fn node(kind: char, number: u32) -> NamedNode {
        NamedNode::new_unchecked(format!("http://example.org/{kind}{number}"))
    }

    #[test]
    fn independent_positions_add_up() {
        let mut floor = Floor::default();
        for number in 0..256 {
            let (subject, object) = (node('s', number % 16), node('o', number / 16));
            let quad = Quad::new(subject, node('p', 0), object, GraphName::DefaultGraph);
            floor.add(quad.as_ref());
        }
        assert_eq!(floor.quads(), 256);
        // 4 bits of subject and 4 of object, nothing else; a full grid needs nothing but itself, up to Stirling's slack.
        assert!((floor.quad_bits() - 8.0).abs() < 1e-9);
        let bits = floor.index_bytes_per_quad() * 8.0;
        assert!((bits - std::f64::consts::E.log2()).abs() < 1e-9);
    }

    #[test]
    fn a_graph_that_the_subject_decides_costs_nothing() {
        let mut floor = Floor::default();
        for number in 0..64 {
            let graph = node('g', number % 8);
            floor.add(Quad::new(node('s', number), node('p', 0), node('o', 0), graph).as_ref());
        }
        assert!((floor.quad_bits() - 6.0).abs() < 1e-9);
    }
}
