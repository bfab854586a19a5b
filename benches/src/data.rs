//! The data that steps work on: generated quads in files of several formats, and a sample that look-ups are made from.
//!
//! In flow a number of quads and a seed; out flow files and, from them, samples. Always holds: the same numbers give
//! the same files, and every engine reads the same ones.

use crate::engine::Outcome;
use crate::floor::Floor;
use crate::stages::stages;
use oxrdf::{Literal, NamedNode, NamedNodeRef, NamedOrBlankNode, Quad, Term};
use quadrille_io::generate::{Random, generate};
use quadrille_io::{QuadReader, QuadWriter, RdfFormat, ReadOptions, Source};
use quadrille_store::QuadPattern;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// How many quads the sample holds at most.
const SAMPLE_QUADS: usize = 20_000;
/// How many graphs the quads of the step with many graphs are put into for comparison.
const FEW_GRAPHS: u64 = 100;
/// What Turtle and TriG are shortened by, as whoever writes such files does.
const PREFIXES: [(&str, &str); 10] = [
    ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
    ("dcterms", "http://purl.org/dc/terms/"),
    ("foaf", "http://xmlns.com/foaf/0.1/"),
    ("schema", "http://data.example.org/schema#"),
    ("person", "http://data.example.org/person/"),
    ("org", "http://data.example.org/organisation/"),
    ("place", "http://places.example.org/id/"),
    ("graph", "http://data.example.org/graph/"),
];

/// The files of one data set.
#[derive(Clone, Debug)]
pub struct Files {
    /// The folder that all of them are in.
    folder: PathBuf,
    /// All quads.
    pub quads: PathBuf,
    /// Some of them, drawn evenly.
    pub sample: PathBuf,
    /// Other quads, each in a graph of its own.
    pub many_graphs: PathBuf,
    /// The same, in 100 graphs.
    pub few_graphs: PathBuf,
    /// The network of theatres that the query suite is about.
    pub stages: PathBuf,
}

impl Files {
    /// The names of the files in a folder.
    #[must_use]
    pub fn within(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            quads: folder.join("quads.nq"),
            sample: folder.join("sample.nq"),
            many_graphs: folder.join("many-graphs.nq"),
            few_graphs: folder.join("few-graphs.nq"),
            stages: folder.join("stages.nq"),
        }
    }

    /// All quads in a format; those without graphs hold the triples.
    #[must_use]
    pub fn in_format(&self, format: RdfFormat) -> PathBuf {
        self.folder.join(format!("quads.{}", format.extension()))
    }

    /// Writes all quads in a format.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_format(&self, format: RdfFormat, quads: u64, seed: u64) -> Outcome<()> {
        let prefixes = PREFIXES.map(|(name, iri)| (name.to_owned(), iri.to_owned()));
        let file = BufWriter::new(File::create(self.in_format(format))?);
        let mut writer = QuadWriter::new(format, file, &prefixes)?;
        for quad in generate(quads, seed) {
            writer.write(quad.as_ref())?;
        }
        writer.finish()?;
        Ok(())
    }

    /// Writes the network; returns how many quads each of its own properties has, by its local name.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_stages(&self, quads: u64, seed: u64) -> Outcome<BTreeMap<String, u64>> {
        let mut counts = BTreeMap::new();
        let file = BufWriter::new(File::create(&self.stages)?);
        let mut writer = QuadWriter::new(RdfFormat::NQuads, file, &[])?;
        for quad in stages(quads, seed) {
            writer.write(quad.as_ref())?;
            let name = quad.predicate.as_str().rsplit('#').next();
            let name = name.unwrap_or_default();
            match counts.get_mut(name) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(name.to_owned(), 1);
                }
            }
        }
        writer.finish()?;
        Ok(counts)
    }

    /// Writes all files but those of other formats and the network; returns the information floor of the quads.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, quads: u64, graphs: u64, seed: u64) -> Outcome<Floor> {
        let mut floor = Floor::default();
        let mut sampler = Sampler::new(seed);
        for quad in generate(quads, seed) {
            floor.add(quad.as_ref());
            sampler.offer(quad);
        }
        let mut sample = QuadWriter::new(RdfFormat::NQuads, File::create(&self.sample)?, &[])?;
        for quad in &sampler.quads {
            sample.write(quad.as_ref())?;
        }
        sample.finish()?;
        generate(quads, seed).write_n_quads(File::create(&self.quads)?)?;
        let in_graphs = |count| generate(graphs, seed).with_graphs(count);
        in_graphs(graphs).write_n_quads(File::create(&self.many_graphs)?)?;
        in_graphs(FEW_GRAPHS).write_n_quads(File::create(&self.few_graphs)?)?;
        Ok(floor)
    }
}

/// Draws an even sample of a stream of unknown length.
struct Sampler {
    quads: Vec<Quad>,
    offered: u64,
    random: Random,
}

impl Sampler {
    fn new(seed: u64) -> Self {
        Self {
            quads: Vec::new(),
            offered: 0,
            random: Random::new(seed),
        }
    }

    fn offer(&mut self, quad: Quad) {
        self.offered += 1;
        if self.quads.len() < SAMPLE_QUADS {
            self.quads.push(quad);
            return;
        }
        let place = usize::try_from(self.random.below(self.offered)).ok();
        if let Some(slot) = place.and_then(|place| self.quads.get_mut(place)) {
            *slot = quad;
        }
    }
}

/// Some quads of the data, in random order, and the patterns that steps make of them.
pub struct Sample {
    quads: Vec<Quad>,
}

impl Sample {
    /// Reads a sample.
    ///
    /// # Errors
    /// When the file cannot be read, or holds nothing.
    pub fn read(file: &Path) -> Outcome<Self> {
        let reader = QuadReader::open(Source::path(file), &ReadOptions::default())?;
        let mut quads = reader.collect::<Result<Vec<_>, _>>()?;
        if quads.is_empty() {
            return Err("the sample is empty".into());
        }
        let mut random = Random::new(1);
        for place in (1..quads.len()).rev() {
            let other = random.below(place as u64 + 1) as usize;
            quads.swap(place, other);
        }
        Ok(Self { quads })
    }

    /// `count` patterns `S P ? ?`, of quads that are not blank nodes' (those are renamed by a load).
    #[must_use]
    pub fn subject_predicate(&self, count: usize) -> Vec<QuadPattern> {
        let named = self
            .quads
            .iter()
            .filter(|quad| quad.subject.is_named_node());
        let patterns = named.cycle().take(count).map(|quad| {
            QuadPattern::new()
                .with_subject(quad.subject.clone())
                .with_predicate(quad.predicate.clone())
        });
        patterns.collect()
    }

    /// Predicates from the most frequent to a rare one, `count` of them, spread over the ranks.
    #[must_use]
    pub fn predicates(&self, count: usize) -> Vec<QuadPattern> {
        let mut counts: HashMap<NamedNodeRef<'_>, usize> = HashMap::new();
        for quad in &self.quads {
            *counts.entry(quad.predicate.as_ref()).or_default() += 1;
        }
        let mut ranked: Vec<_> = counts.into_iter().collect();
        ranked.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(&right.0)));
        let step = ranked.len().div_ceil(count.max(1)).max(1);
        let chosen = ranked.into_iter().step_by(step);
        chosen
            .map(|(predicate, _)| QuadPattern::new().with_predicate(predicate.into_owned()))
            .collect()
    }

    /// `count` different patterns `? P ? C` with a named graph.
    #[must_use]
    pub fn predicate_graph(&self, count: usize) -> Vec<QuadPattern> {
        let mut patterns: Vec<QuadPattern> = Vec::new();
        for quad in self
            .quads
            .iter()
            .filter(|quad| quad.graph_name.is_named_node())
        {
            let pattern = QuadPattern::new()
                .with_predicate(quad.predicate.clone())
                .with_graph(quad.graph_name.clone());
            if !patterns.contains(&pattern) {
                patterns.push(pattern);
            }
            if patterns.len() == count {
                break;
            }
        }
        patterns
    }

    /// An endless run of quads that no store has seen: subject and object new, predicate and graph from the data.
    pub fn fresh_quads(&self) -> impl Iterator<Item = Quad> {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        let tag = since_epoch.map_or(0, |duration| duration.as_nanos());
        self.quads
            .iter()
            .cycle()
            .enumerate()
            .map(move |(number, quad)| {
                let subject =
                    NamedNode::new_unchecked(format!("http://bench.example/{tag}/{number}"));
                let object = Literal::new_simple_literal(format!("new text {tag} {number}"));
                Quad::new(
                    NamedOrBlankNode::from(subject),
                    quad.predicate.clone(),
                    Term::from(object),
                    quad.graph_name.clone(),
                )
            })
    }
}
