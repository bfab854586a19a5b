//! Dumping: what is written reads back as what was stored, and graphs are not lost by accident.
#![allow(clippy::unwrap_used)]

use oxrdf::dataset::{CanonicalizationAlgorithm, CanonicalizationHashAlgorithm};
use oxrdf::{
    BaseDirection, BlankNode, Dataset, GraphName, Literal, NamedNode, Quad, Triple, vocab::xsd,
};
use quadrille_backend::InMemoryBackend;
use quadrille_io::{
    DumpError, DumpOptions, GraphTarget, RdfFormat, ReadOptions, Source, dump, load_into,
};
use quadrille_store::{QuadPattern, QuadStore};
use std::io;

fn iri(name: &str) -> NamedNode {
    NamedNode::new(format!("http://example.org/{name}")).unwrap()
}

/// Quads with every kind of term, in the default graph and in named ones.
fn quads() -> Vec<Quad> {
    let node = BlankNode::new("n1.x").unwrap();
    let inner = Triple::new(node.clone(), iri("p"), Literal::from("\"quoted\"\n"));
    let objects: Vec<oxrdf::Term> = vec![
        iri("o#a").into(),
        node.clone().into(),
        Literal::from("plain \t \\ \u{1}\u{7f} é 𝄞").into(),
        Literal::from("").into(),
        Literal::new_language_tagged_literal("hello", "en-gb")
            .unwrap()
            .into(),
        Literal::new_directional_language_tagged_literal("سلام", "ar", BaseDirection::Rtl)
            .unwrap()
            .into(),
        Literal::new_typed_literal("01", xsd::INTEGER).into(),
        Literal::new_typed_literal("1.", xsd::DECIMAL).into(),
        Literal::new_typed_literal("1.5e3", xsd::DOUBLE).into(),
        Literal::new_typed_literal("true", xsd::BOOLEAN).into(),
        Literal::new_typed_literal("x", iri("type")).into(),
        Triple::new(iri("s"), iri("p"), inner).into(),
    ];
    let graphs = [
        GraphName::DefaultGraph,
        iri("g").into(),
        node.clone().into(),
    ];
    let mut quads = Vec::new();
    for object in objects {
        for graph in &graphs {
            let graph = graph.clone();
            quads.push(Quad::new(iri("s"), iri("p"), object.clone(), graph.clone()));
            quads.push(Quad::new(
                node.clone(),
                iri("q-1/x.y"),
                object.clone(),
                graph,
            ));
        }
    }
    quads
}

fn store(quads: &[Quad]) -> QuadStore<InMemoryBackend> {
    let store = QuadStore::open(InMemoryBackend::new()).unwrap();
    store.extend(quads.iter().cloned()).unwrap();
    store
}

fn text(
    store: &QuadStore<InMemoryBackend>,
    pattern: &QuadPattern,
    options: &DumpOptions,
) -> Result<String, DumpError> {
    let mut bytes = Vec::new();
    let count = dump(&store.snapshot()?, pattern, &mut bytes, options, |_| {})?;
    assert_eq!(count, store.count(pattern)?);
    Ok(String::from_utf8(bytes).unwrap())
}

fn canonical(quads: impl IntoIterator<Item = Quad>) -> Dataset {
    let mut dataset: Dataset = quads.into_iter().collect();
    dataset.canonicalize(CanonicalizationAlgorithm::Rdfc10 {
        hash_algorithm: CanonicalizationHashAlgorithm::Sha256,
    });
    dataset
}

fn read_back(format: RdfFormat, text: String, graph: GraphTarget) -> Vec<Quad> {
    let store = QuadStore::open(InMemoryBackend::new()).unwrap();
    let source = Source::reader("dump", io::Cursor::new(text.into_bytes())).with_format(format);
    let options = ReadOptions {
        graph,
        ..ReadOptions::default()
    };
    load_into(&store, [source], &options, |_| {}).unwrap();
    let all = store.match_quads(&QuadPattern::new()).unwrap();
    all.collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_dump_reads_back_as_the_same_quads() {
    let quads = quads();
    let store = store(&quads);
    for format in [RdfFormat::NQuads, RdfFormat::TriG] {
        for prefixes in [
            vec![],
            vec![("e".to_owned(), "http://example.org/".to_owned())],
        ] {
            let mut options = DumpOptions::new(format);
            options.prefixes = prefixes;
            let text = text(&store, &QuadPattern::new(), &options).unwrap();
            let back = read_back(format, text, GraphTarget::AsWritten);
            assert_eq!(
                canonical(back),
                canonical(quads.iter().cloned()),
                "{format}"
            );
        }
    }
}

#[test]
fn one_graph_reads_back_from_formats_without_graphs() {
    let quads = quads();
    let store = store(&quads);
    for format in [RdfFormat::NTriples, RdfFormat::Turtle] {
        for graph in [GraphName::DefaultGraph, GraphName::from(iri("g"))] {
            let pattern = QuadPattern::new().with_graph(graph.clone());
            let text = text(&store, &pattern, &DumpOptions::new(format)).unwrap();
            let back = read_back(format, text, GraphTarget::AllInto(graph.clone()));
            let expected = quads
                .iter()
                .filter(|quad| quad.graph_name == graph)
                .cloned();
            assert_eq!(canonical(back), canonical(expected), "{format}");
        }
    }
}

#[test]
fn named_graphs_are_refused_before_the_first_byte() {
    let quads = quads();
    let named = quads
        .iter()
        .filter(|quad| !quad.graph_name.is_default_graph());
    let named = named.count() as u64;
    let store = store(&quads);
    for format in [
        RdfFormat::NTriples,
        RdfFormat::Turtle,
        RdfFormat::RdfXml,
        RdfFormat::N3,
    ] {
        let mut bytes = Vec::new();
        let error = dump(
            &store.snapshot().unwrap(),
            &QuadPattern::new(),
            &mut bytes,
            &DumpOptions::new(format),
            |_| {},
        )
        .unwrap_err();
        assert!(
            matches!(error, DumpError::NamedGraphs { quads, .. } if quads == named),
            "{error}"
        );
        assert!(bytes.is_empty());
    }
}

#[test]
fn merging_writes_the_triples_of_all_graphs() {
    let quads = quads();
    let store = store(&quads);
    let mut options = DumpOptions::new(RdfFormat::NTriples);
    options.merge_graphs = true;
    let text = text(&store, &QuadPattern::new(), &options).unwrap();
    let merged = quads.iter().map(|quad| Quad {
        graph_name: GraphName::DefaultGraph,
        ..quad.clone()
    });
    let back = read_back(RdfFormat::NTriples, text, GraphTarget::AsWritten);
    assert_eq!(canonical(back), canonical(merged));
}

#[test]
fn a_store_without_named_graphs_needs_no_merging() {
    let quads: Vec<_> = quads()
        .into_iter()
        .filter(|quad| quad.graph_name.is_default_graph())
        .collect();
    let store = store(&quads);
    let text = text(
        &store,
        &QuadPattern::new(),
        &DumpOptions::new(RdfFormat::Turtle),
    )
    .unwrap();
    let back = read_back(RdfFormat::Turtle, text, GraphTarget::AsWritten);
    assert_eq!(canonical(back), canonical(quads));
}

#[test]
fn a_failing_writer_ends_the_dump() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let store = store(&quads());
    for format in [RdfFormat::NQuads, RdfFormat::TriG] {
        let error = dump(
            &store.snapshot().unwrap(),
            &QuadPattern::new(),
            Full,
            &DumpOptions::new(format),
            |_| {},
        )
        .unwrap_err();
        assert!(
            matches!(&error, DumpError::Io(error) if error.kind() == io::ErrorKind::BrokenPipe),
            "{error}"
        );
    }
}

#[test]
fn sorted_dumps_of_equal_stores_are_the_same_bytes() {
    let quads = quads();
    let one = store(&quads);
    let other = QuadStore::open(InMemoryBackend::new()).unwrap();
    for quad in quads.iter().rev() {
        other.insert(quad).unwrap();
    }
    for format in [RdfFormat::NQuads, RdfFormat::TriG, RdfFormat::NTriples] {
        let mut options = DumpOptions::new(format);
        options.sorted = true;
        options.merge_graphs = true;
        let sorted = text(&one, &QuadPattern::new(), &options).unwrap();
        assert_eq!(
            sorted,
            text(&other, &QuadPattern::new(), &options).unwrap(),
            "{format}"
        );
        if format == RdfFormat::NQuads {
            assert!(sorted.lines().is_sorted());
        }
    }
}
