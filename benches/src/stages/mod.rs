//! The data of the query suite: a made-up network of theatres, any number of quads, the same on every machine.
//!
//! In flow a number of quads and a seed; out flow quads. Always holds: memory does not grow with the number of quads; no
//! quad comes twice; the first n quads of a longer run with the same seed are the quads of a run of n.
//!
//! The quads come in *towns* of some 490, each with a place and its house (a theatre), 4 works, 6 productions, 6
//! performances, 4 reviews, 16 persons, and reports and notes in named graphs. Only genres come before them. What a town
//! links to lies in it or in an earlier one, so that what is named by a low number is there at every scale.
//!
//! | shape | what has it |
//! |---|---|
//! | skewed | all links out of a town: the target of rank r is chosen about as often as 1/r says |
//! | cyclic | `follows`: in a town everybody follows a fifth of the others, and some persons of great fame besides; `rivalOf`: two persons of each town, each against two of the first four persons, in both directions |
//! | star | persons, houses, productions, performances: up to fourteen properties of every datatype, none of the rarer ones always there |
//! | chain | `sequelOf` (runs of 32 works), `after` (one chain through all performances), review to production to work to author |
//! | hierarchy | `subClassOf` of the genres, `partOf` of places, `reportsTo` of persons: trees of logarithmic depth |
//! | named graphs | reports in a graph a house, notes in the graphs of few journals, of which some are huge |
//!
//! In a town `follows` has some nine directed triangles and as many squares as persons, whatever the number of towns, so
//! the results of cyclic queries grow as the data do, far below their AGM bounds. A plan that joins in pairs passes
//! through the persons of great fame: their pairs of followers grow as the square of the data.

mod culture;
mod graphs;
mod people;
mod places;
mod terms;
mod words;

pub use people::{PERSONS_PER_TOWN, RIVAL_HUBS};

use oxrdf::{GraphName, NamedNode, NamedOrBlankNode, Quad, Term};
use quadrille_io::generate::Random;

/// What the IRIs of all resources begin with.
const BASE: &str = "http://stages.example.org/";
/// What the IRIs of the network's own classes and properties begin with.
const VOCABULARY: &str = "http://stages.example.org/vocabulary#";

/// Generates `quads` quads of the network; the same `seed` gives the same quads.
///
/// ```
/// let quads: Vec<oxrdf::Quad> = quadrille_benches::stages::stages(1_000, 7).collect();
/// assert_eq!(quads.len(), 1_000);
/// ```
pub fn stages(quads: u64, seed: u64) -> impl Iterator<Item = Quad> {
    let towns = (0..).flat_map(move |town| Town::new(seed, town).quads());
    let quads = usize::try_from(quads).unwrap_or(usize::MAX);
    culture::genres().chain(towns).take(quads)
}

/// One town in the making.
struct Town {
    seed: u64,
    number: u64,
    quads: Vec<Quad>,
}

impl Town {
    fn new(seed: u64, number: u64) -> Self {
        Self {
            seed,
            number,
            quads: Vec::with_capacity(640),
        }
    }

    fn quads(mut self) -> Vec<Quad> {
        places::add(&mut self);
        culture::add(&mut self);
        graphs::add(&mut self);
        people::add(&mut self);
        self.quads
    }

    /// The random numbers of one resource: no resource's quads depend on another's.
    fn random(&self, kind: &str, number: u64) -> Random {
        let kind = xxhash_rust::xxh3::xxh3_64(kind.as_bytes());
        Random::new(Random::new(self.seed ^ kind.wrapping_add(number)).bits())
    }

    /// A resource of this kind that this town or an earlier one has, of `per_town` a town; the first much more likely.
    fn famous(&self, per_town: u64, random: &mut Random) -> u64 {
        random.skewed_below((self.number + 1) * per_town)
    }

    /// Begins a resource in the default graph.
    fn describe(&mut self, subject: impl Into<NamedOrBlankNode>) -> Description<'_> {
        self.describe_in(subject, GraphName::DefaultGraph)
    }

    fn describe_in(
        &mut self,
        subject: impl Into<NamedOrBlankNode>,
        graph: GraphName,
    ) -> Description<'_> {
        Description {
            quads: &mut self.quads,
            subject: subject.into(),
            graph,
        }
    }
}

/// Quads of one subject in one graph.
struct Description<'a> {
    quads: &'a mut Vec<Quad>,
    subject: NamedOrBlankNode,
    graph: GraphName,
}

impl Description<'_> {
    /// Adds a quad whose predicate is the network's own.
    fn add(&mut self, property: &str, object: impl Into<Term>) {
        self.add_with(terms::vocabulary(property), object);
    }

    fn add_with(&mut self, predicate: NamedNode, object: impl Into<Term>) {
        let graph = self.graph.clone();
        self.quads
            .push(Quad::new(self.subject.clone(), predicate, object, graph));
    }

    /// Adds a link to each of some numbered resources of a kind, once each.
    fn link(&mut self, property: &str, kind: &str, numbers: impl IntoIterator<Item = u64>) {
        let mut numbers: Vec<u64> = numbers.into_iter().collect();
        numbers.sort_unstable();
        numbers.dedup();
        for number in numbers {
            self.add(property, terms::resource(kind, number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    const QUADS: u64 = 50_000;

    fn number_of(term: &str, kind: &str) -> Option<u64> {
        let rest = term.strip_prefix(BASE)?.strip_prefix(kind)?;
        rest.strip_prefix('/')?.parse().ok()
    }

    /// The edges of a predicate between persons.
    fn edges(quads: u64, property: &str) -> Vec<(u64, u64)> {
        let predicate = terms::vocabulary(property);
        let quads = stages(quads, 1).filter(|quad| quad.predicate == predicate);
        let edges = quads.map(|quad| {
            let ends = (&quad.subject, &quad.object);
            let (NamedOrBlankNode::NamedNode(from), Term::NamedNode(to)) = ends else {
                panic!("{quad} is no edge");
            };
            let number = |iri: &NamedNode| number_of(iri.as_str(), "person");
            number(from).zip(number(to)).expect("both are persons")
        });
        edges.collect()
    }

    #[test]
    fn no_quad_comes_twice_and_all_are_valid() {
        let mut seen = HashSet::new();
        for quad in stages(QUADS, 1) {
            let parsed = oxttl::NQuadsParser::new()
                .for_slice(&format!("{quad} ."))
                .next();
            let parsed = parsed.expect("one quad").expect("it is valid");
            assert_eq!(parsed.object, quad.object);
            assert!(seen.insert(quad.to_string()), "{quad} comes twice");
        }
        assert_eq!(seen.len() as u64, QUADS);
    }

    #[test]
    fn a_shorter_run_is_the_beginning_of_a_longer_one() {
        let long: Vec<Quad> = stages(2_000, 3).take(1_000).collect();
        assert_eq!(stages(1_000, 3).collect::<Vec<_>>(), long);
        assert_ne!(stages(1_000, 4).collect::<Vec<_>>(), long);
    }

    #[test]
    fn the_quads_never_change() {
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        for quad in stages(QUADS, 1) {
            hash.update(quad.to_string().as_bytes());
        }
        assert_eq!(
            hash.digest(),
            2_863_418_433_372_959_754,
            "queries of different days must run on the same quads"
        );
    }

    #[test]
    fn cycles_grow_as_the_data_and_fame_is_skewed() {
        let triangles = |quads: u64| {
            let mut follows: HashMap<u64, HashSet<u64>> = HashMap::new();
            for (from, to) in edges(quads, "follows") {
                follows.entry(from).or_default().insert(to);
            }
            let of = |person: &u64| follows.get(person).into_iter().flatten();
            let closed = |a: &u64, c: &u64| follows.get(c).is_some_and(|to| to.contains(a));
            let paths = follows
                .keys()
                .flat_map(|a| of(a).flat_map(move |b| of(b).map(move |c| (a, c))));
            paths.filter(|(a, c)| closed(a, c)).count()
        };
        let (small, large) = (triangles(QUADS), triangles(4 * QUADS));
        assert!(small > 1_000, "{small} triangles");
        assert!(
            (3 * small..5 * small).contains(&large),
            "{small} triangles grow to {large}"
        );
        let mut followers: HashMap<u64, usize> = HashMap::new();
        let edges = edges(QUADS, "follows");
        for (_, to) in &edges {
            *followers.entry(*to).or_default() += 1;
        }
        let most = followers.values().max().copied().unwrap_or_default();
        assert!(
            most > edges.len() / 40,
            "{most} of {} edges lead to the most famous",
            edges.len()
        );
    }

    #[test]
    fn every_town_of_rivals_meets_two_hubs_in_both_directions() {
        let edges: HashSet<(u64, u64)> = edges(QUADS, "rivalOf").into_iter().collect();
        let complete = |&&(from, to): &&(u64, u64)| from >= RIVAL_HUBS && to < RIVAL_HUBS;
        let outward: Vec<_> = edges.iter().filter(complete).collect();
        assert!(outward.len() as u64 > QUADS / 490);
        let missing = outward
            .iter()
            .filter(|(from, to)| !edges.contains(&(*to, *from)));
        assert!(missing.count() <= 1, "only the last town may be cut");
    }

    #[test]
    fn graphs_grow_in_number_and_differ_in_size() {
        let mut graphs: HashMap<GraphName, usize> = HashMap::new();
        for quad in stages(QUADS, 1) {
            *graphs.entry(quad.graph_name).or_default() += 1;
        }
        assert!(graphs.len() as u64 > QUADS / 490);
        let named = graphs
            .iter()
            .filter(|(graph, _)| **graph != GraphName::DefaultGraph);
        let sizes: Vec<usize> = named.map(|(_, &size)| size).collect();
        assert!(sizes.iter().max() > sizes.iter().min().map(|size| size * 20).as_ref());
        assert!(graphs[&GraphName::DefaultGraph] as u64 > QUADS * 4 / 5);
    }
}
