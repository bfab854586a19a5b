//! Any number of quads for benches and large tests, the same on every machine.
//!
//! What flows in: a number of quads, a seed, a number of graphs. What flows out: quads, or N-Quads text. What always
//! holds: memory does not grow with the number of quads; no quad comes twice; the first n quads of a longer run with
//! the same seed are the quads of a run of n, but for what [`Generator::with_graphs`] does to their graphs.
//!
//! The data resembles what stores hold: six classes of subjects with their own properties, some eight to twelve quads a
//! subject; links and concepts of which few are popular and most are rare; names, labels in several languages, texts
//! of a word to a hundred; integers, decimals, dates and instants. A subject's quads stand mostly in one of a hundred
//! graphs, of which the largest are many times the smallest, and some in the default graph.

mod classes;
mod random;
mod row;
mod values;
mod words;

pub use random::Random;

use classes::{CLASSES, Class, Kind, Property, class_of};
use oxrdf::Quad;
use row::Row;
use std::fmt::Write as _;
use std::io::{self, Write};
use words::WORDS;

/// The number of named graphs, unless another is asked for.
const GRAPHS: u64 = 100;

/// How much text is gathered before it is written, in bytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// What kind of term the object is.
#[derive(Clone, Copy, Default)]
enum Object {
    Iri,
    #[default]
    Plain,
    Tagged(&'static str),
    Typed(&'static str),
}

/// Generates `quads` quads; the same `seed` gives the same quads.
///
/// ```
/// let quads: Vec<oxrdf::Quad> = quadrille_io::generate::generate(1_000, 7).collect();
/// assert_eq!(quads.len(), 1_000);
/// ```
#[must_use]
pub fn generate(quads: u64, seed: u64) -> Generator {
    Generator {
        quads,
        seed,
        even_graphs: None,
        generated: 0,
        subject: 0,
        class: class_of(0),
        home_graph: 0,
        properties_done: 0,
        random: Random::new(0),
        value: None,
        row: Row::default(),
    }
    .at_subject(0)
}

/// Generated quads: an iterator, or text by [`write_n_quads`](Self::write_n_quads).
pub struct Generator {
    quads: u64,
    seed: u64,
    even_graphs: Option<u64>,
    generated: u64,
    subject: u64,
    class: &'static Class,
    home_graph: u64,
    properties_done: usize,
    /// The random numbers of this subject: no subject's quads depend on another's.
    random: Random,
    value: Option<Value>,
    row: Row,
}

/// The values of one property of one subject, while they come.
#[derive(Clone, Copy)]
struct Value {
    property: &'static Property,
    /// How many there are in all, and how many have come.
    count: u64,
    index: u64,
    /// The rank of the linked subject or concept; it grows, so that none comes twice.
    rank: u64,
}

impl Generator {
    /// Spreads the quads evenly over this many named graphs, in order: with as many graphs as quads, each has one.
    /// Subjects, predicates and objects stay as they are.
    #[must_use]
    pub fn with_graphs(mut self, graphs: u64) -> Self {
        self.even_graphs = Some(graphs.max(1));
        self
    }

    /// Writes all quads as N-Quads; returns the number of bytes.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write_n_quads(mut self, mut writer: impl Write) -> io::Result<u64> {
        let mut buffer = Vec::with_capacity(BUFFER_BYTES + 64 * 1024);
        let mut bytes = 0;
        loop {
            let more = self.advance();
            if more {
                self.row.push_line(&mut buffer);
            }
            if !more || buffer.len() >= BUFFER_BYTES {
                writer.write_all(&buffer)?;
                bytes += buffer.len() as u64;
                buffer.clear();
            }
            if !more {
                writer.flush()?;
                return Ok(bytes);
            }
        }
    }

    fn at_subject(mut self, subject: u64) -> Self {
        self.begin_subject(subject);
        self
    }

    fn begin_subject(&mut self, subject: u64) {
        self.subject = subject;
        self.class = class_of(subject);
        self.random = Random::new(Random::new(self.seed ^ (subject << 20)).bits());
        self.home_graph = self.random.skewed_below(GRAPHS);
        self.properties_done = 0;
        self.value = None;
        self.row.subject.clear();
        push_subject_iri(&mut self.row.subject, subject);
    }

    /// Puts the next quad into the row; false when all have come.
    fn advance(&mut self) -> bool {
        if self.generated == self.quads {
            return false;
        }
        while !self.next_value() {
            let Some(property) = self.class.properties.get(self.properties_done) else {
                self.begin_subject(self.subject + 1);
                continue;
            };
            self.properties_done += 1;
            if self.random.below(100) < property.percent {
                self.value = Some(self.first_value(property));
            }
        }
        self.choose_graph();
        self.generated += 1;
        true
    }

    fn first_value(&mut self, property: &'static Property) -> Value {
        let count = match property.kind {
            Kind::Labels(languages) => languages as u64,
            _ => 1 + self.random.below(property.values_max),
        };
        let rank = match property.kind {
            Kind::Link(class) => {
                let known = self.subject / classes::SUBJECTS_PER_BLOCK + 1;
                self.random.skewed_below(known * CLASSES[class].weight)
            }
            Kind::Concept(_, concepts) => self.random.skewed_below(concepts),
            _ => 0,
        };
        Value {
            property,
            count,
            index: 0,
            rank,
        }
    }

    /// Puts the next value of the property at hand into the row; false when there is none.
    fn next_value(&mut self) -> bool {
        let Some(value) = self.value.filter(|value| value.index < value.count) else {
            return false;
        };
        let Self { row, random, .. } = self;
        row.predicate = value.property.predicate;
        row.object.clear();
        row.object_kind = values::push_value(
            &mut row.object,
            value.property.kind,
            value.index,
            value.rank,
            random,
        );
        let step = 1 + random.skewed_below(50);
        self.value = Some(Value {
            index: value.index + 1,
            rank: value.rank + step,
            ..value
        });
        true
    }

    fn choose_graph(&mut self) {
        let chance = self.random.below(100);
        let other = self.random.skewed_below(GRAPHS);
        self.row.graph.clear();
        let number = match self.even_graphs {
            Some(graphs) => {
                let place =
                    u128::from(self.generated) * u128::from(graphs) / u128::from(self.quads);
                place as u64
            }
            None => match chance {
                0..84 => self.home_graph,
                84..94 => return,
                _ => other,
            },
        };
        push(
            &mut self.row.graph,
            format_args!("http://data.example.org/graph/source-{number:03}"),
        );
    }
}

impl Iterator for Generator {
    type Item = Quad;

    fn next(&mut self) -> Option<Quad> {
        self.advance().then(|| self.row.quad())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.quads - self.generated).ok();
        (left.unwrap_or(usize::MAX), left)
    }
}

/// Appends formatted text; a `String` takes whatever it is given.
fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments)
        .expect("writing to a String does not fail");
}

/// Appends the IRI of a subject, which its number alone decides.
fn push_subject_iri(text: &mut String, subject: u64) {
    let class = class_of(subject);
    text.push_str(class.namespace);
    let mut random = Random::new(subject);
    for _ in 0..class.words_in_iri {
        text.push_str(WORDS[random.below(WORDS.len() as u64) as usize]);
        text.push('-');
    }
    push(text, format_args!("{subject}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{QuadWriter, RdfFormat};
    use oxrdf::{GraphName, Term};
    use std::collections::{HashMap, HashSet};

    const QUADS: u64 = 50_000;

    #[test]
    fn text_and_quads_say_the_same() {
        let mut text = Vec::new();
        let bytes = generate(QUADS, 1).write_n_quads(&mut text).expect("writes");
        assert_eq!(bytes, text.len() as u64);
        let mut writer = QuadWriter::new(RdfFormat::NQuads, Vec::new(), &[]).expect("a writer");
        for quad in generate(QUADS, 1) {
            writer.write(quad.as_ref()).expect("writes");
        }
        assert!(writer.finish().expect("writes") == text);
    }

    #[test]
    fn the_quads_never_change() {
        let mut text = Vec::new();
        generate(QUADS, 1).write_n_quads(&mut text).expect("writes");
        let hash = xxhash_rust::xxh3::xxh3_64(&text);
        assert_eq!(
            hash, 8_092_306_848_103_386_578,
            "benches of different days must load the same quads"
        );
    }

    #[test]
    fn a_shorter_run_is_the_beginning_of_a_longer_one() {
        let long: Vec<Quad> = generate(2_000, 3).take(1_000).collect();
        assert_eq!(generate(1_000, 3).collect::<Vec<_>>(), long);
        assert_ne!(generate(1_000, 4).collect::<Vec<_>>(), long);
    }

    #[test]
    fn no_quad_comes_twice() {
        let triples: HashSet<_> = generate(QUADS, 1)
            .map(|quad| (quad.subject, quad.predicate, quad.object))
            .collect();
        assert_eq!(triples.len() as u64, QUADS);
    }

    #[test]
    fn the_data_is_as_skewed_as_promised() {
        let mut terms = HashSet::new();
        let mut subjects = HashSet::new();
        let mut graphs: HashMap<GraphName, u64> = HashMap::new();
        let mut objects: HashMap<Term, u64> = HashMap::new();
        let mut count = 0;
        for quad in generate(6 * QUADS, 1) {
            count += 1;
            subjects.insert(quad.subject.clone());
            terms.insert(Term::from(quad.subject));
            terms.insert(Term::from(quad.predicate));
            terms.insert(quad.object.clone());
            *graphs.entry(quad.graph_name).or_default() += 1;
            *objects.entry(quad.object).or_default() += 1;
        }
        let quads_per_subject = f64::from(count) / subjects.len() as f64;
        assert!(
            (8.0..12.0).contains(&quads_per_subject),
            "{quads_per_subject}"
        );
        let quads_per_term = f64::from(count) / terms.len() as f64;
        assert!((4.0..8.0).contains(&quads_per_term), "{quads_per_term}");
        assert_eq!(graphs.len() as u64, GRAPHS + 1);
        let in_default = graphs[&GraphName::DefaultGraph] as f64 / f64::from(count);
        assert!((0.08..0.12).contains(&in_default), "{in_default}");
        let largest = graphs.values().max().expect("graphs");
        let smallest = graphs.values().min().expect("graphs");
        assert!(largest > &(smallest * 20), "{largest} {smallest}");
        assert!(objects.values().max() > Some(&(QUADS / 20)));
    }

    #[test]
    fn graphs_can_be_spread_evenly() {
        let triple = |quad: &Quad| (quad.subject.clone(), quad.object.clone());
        let skewed: Vec<_> = generate(5_000, 1).map(|quad| triple(&quad)).collect();
        for graphs in [1, 7, 5_000] {
            let quads: Vec<Quad> = generate(5_000, 1).with_graphs(graphs).collect();
            assert!(quads.iter().map(triple).eq(skewed.iter().cloned()));
            let mut sizes: HashMap<GraphName, u64> = HashMap::new();
            for quad in quads {
                *sizes.entry(quad.graph_name).or_default() += 1;
            }
            assert_eq!(sizes.len() as u64, graphs);
            let even = 5_000_u64.div_ceil(graphs);
            assert!(sizes.values().all(|&size| size == even || size == even - 1));
        }
    }
}
