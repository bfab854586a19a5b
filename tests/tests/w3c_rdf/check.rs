//! One test: load its file into a store, look at what the store gives back.
//!
//! What flows in: a test and an empty backend. What flows out: nothing, or what is wrong. What always holds: data is
//! compared up to the names of blank nodes, and with what the parser alone reads, so that our loader, the store and our
//! writers are checked even where the suite says no more than "accepted".

use crate::left_out;
use crate::suite::{Expectation, Test};
use oxrdf::dataset::{CanonicalizationAlgorithm, CanonicalizationHashAlgorithm};
use oxrdf::{Dataset, GraphName, NamedNode, Quad};
use oxrdfxml::RdfXmlParser;
use oxttl::{NQuadsParser, NTriplesParser, TriGParser, TurtleParser};
use quadrille_backend::{InMemoryBackend, StorageBackend};
use quadrille_io::{DumpOptions, LoadError, RdfFormat, ReadOptions, Source, dump, load_into};
use quadrille_store::{QuadPattern, QuadStore};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read};

/// Runs a test whose file is there.
pub(crate) fn check<B: StorageBackend>(test: &Test, backend: B) -> Result<(), String> {
    let path = test.action.as_deref().ok_or("the file is absent")?;
    let store = QuadStore::open(backend).map_err(text)?;
    let source = Source::path(path).with_format(test.suite.format());
    let options = ReadOptions {
        base: Some(test.base.clone()),
        ..ReadOptions::default()
    };
    if test.expectation == Expectation::Refused {
        return refused(&store, source, &options);
    }
    load_into(&store, [source], &options, |_| {}).map_err(text)?;
    let loaded = quads_of(&store)?;
    same(
        "what the parser alone reads",
        &loaded,
        &parse(
            File::open(path).map_err(text)?,
            test.suite.format(),
            &test.base,
        )?,
    )?;
    let lenient = left_out::is_read_back_leniently(test);
    round_trips(&store, &loaded, lenient)?;
    match &test.expectation {
        Expectation::Accepted | Expectation::Refused | Expectation::ResultAbsent => Ok(()),
        Expectation::Result(file) => {
            let expected = result_quads(File::open(file).map_err(text)?, lenient)?;
            let compared = same("the suite's result", &loaded, &expected);
            match left_out::deviates(test) {
                true if compared.is_ok() => {
                    Err("deviates no more: take it off the list".to_owned())
                }
                true => Ok(()),
                false => compared,
            }
        }
        Expectation::OwnResult(quads) => same(
            "our result",
            &loaded,
            &result_quads(quads.as_bytes(), lenient)?,
        ),
        Expectation::EachGraph(file) => {
            let expected = result_quads(File::open(file).map_err(text)?, lenient)?;
            each_graph(loaded, &expected)
        }
    }
}

/// A refused file leaves what was there, and nothing else.
fn refused<B: StorageBackend>(
    store: &QuadStore<B>,
    source: Source,
    options: &ReadOptions,
) -> Result<(), String> {
    let iri = NamedNode::new_unchecked("http://example.org/before");
    let before = Quad::new(iri.clone(), iri.clone(), iri, GraphName::DefaultGraph);
    store.insert(&before).map_err(text)?;
    match load_into(store, [source], options, |_| {}) {
        Ok(_) => return Err("accepted, but should be refused".to_owned()),
        Err(LoadError::Syntax(_)) => {}
        Err(other) => return Err(format!("not a syntax error: {other}")),
    }
    match quads_of(store)? == [before] {
        true => Ok(()),
        false => Err("something of the refused file stayed".to_owned()),
    }
}

/// What the store dumps reads back as the same quads, in all formats with graphs.
fn round_trips<B: StorageBackend>(
    store: &QuadStore<B>,
    loaded: &[Quad],
    lenient: bool,
) -> Result<(), String> {
    let options = ReadOptions {
        lenient,
        ..ReadOptions::default()
    };
    for format in [RdfFormat::NQuads, RdfFormat::TriG, RdfFormat::JsonLd] {
        let mut bytes = Vec::new();
        let snapshot = store.snapshot().map_err(text)?;
        let how = DumpOptions::new(format);
        dump(&snapshot, &QuadPattern::new(), &mut bytes, &how, |_| {}).map_err(text)?;
        let again = QuadStore::open(InMemoryBackend::new()).map_err(text)?;
        let source = Source::reader("dump", Cursor::new(bytes)).with_format(format);
        load_into(&again, [source], &options, |_| {}).map_err(text)?;
        let dumped = quads_of(&again)?;
        same(&format!("its own dump as {format}"), loaded, &dumped)?;
    }
    Ok(())
}

fn each_graph(loaded: Vec<Quad>, expected: &[Quad]) -> Result<(), String> {
    let mut graphs: BTreeMap<String, Vec<Quad>> = BTreeMap::new();
    for mut quad in loaded {
        let graph = std::mem::take(&mut quad.graph_name);
        graphs.entry(graph.to_string()).or_default().push(quad);
    }
    if graphs.is_empty() && !expected.is_empty() {
        return Err("nothing was loaded".to_owned());
    }
    for (graph, quads) in graphs {
        same(
            &format!("the result of the Turtle test, in graph {graph}"),
            &quads,
            expected,
        )?;
    }
    Ok(())
}

fn quads_of<B: StorageBackend>(store: &QuadStore<B>) -> Result<Vec<Quad>, String> {
    let all = store.match_quads(&QuadPattern::new()).map_err(text)?;
    all.collect::<Result<_, _>>().map_err(text)
}

/// The quads of a result, which is N-Triples or N-Quads.
fn result_quads(reader: impl Read, lenient: bool) -> Result<Vec<Quad>, String> {
    let parser = match lenient {
        true => NQuadsParser::new().lenient(),
        false => NQuadsParser::new(),
    };
    parser
        .for_reader(reader)
        .collect::<Result<_, _>>()
        .map_err(text)
}

/// The quads of a file, read without our code.
fn parse(file: File, format: RdfFormat, base: &str) -> Result<Vec<Quad>, String> {
    let in_default = |triple: oxrdf::Triple| triple.in_graph(GraphName::DefaultGraph);
    match format {
        RdfFormat::NTriples => NTriplesParser::new()
            .for_reader(file)
            .map(|triple| triple.map(in_default))
            .collect::<Result<_, _>>(),
        RdfFormat::Turtle => TurtleParser::new()
            .with_base_iri(base)
            .map_err(text)?
            .for_reader(file)
            .map(|triple| triple.map(in_default))
            .collect(),
        RdfFormat::TriG => TriGParser::new()
            .with_base_iri(base)
            .map_err(text)?
            .for_reader(file)
            .collect(),
        RdfFormat::RdfXml => {
            return RdfXmlParser::new()
                .with_base_iri(base)
                .map_err(text)?
                .for_reader(file)
                .map(|triple| triple.map(in_default).map_err(text))
                .collect();
        }
        _ => NQuadsParser::new().for_reader(file).collect(),
    }
    .map_err(text)
}

/// Compares two sets of quads up to the names of their blank nodes.
fn same(what: &str, loaded: &[Quad], other: &[Quad]) -> Result<(), String> {
    if canonical(loaded) == canonical(other) {
        return Ok(());
    }
    let lines =
        |quads: &[Quad]| -> String { quads.iter().map(|quad| format!("  {quad}\n")).collect() };
    Err(format!(
        "the store holds\n{}but {what} is\n{}",
        lines(loaded),
        lines(other)
    ))
}

fn canonical(quads: &[Quad]) -> Dataset {
    let mut dataset: Dataset = quads.iter().cloned().collect();
    dataset.canonicalize(CanonicalizationAlgorithm::Rdfc10 {
        hash_algorithm: CanonicalizationHashAlgorithm::Sha256,
    });
    dataset
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
