//! What one backend dumps, another loads as the same quads, in every format and compression.
//!
//! What flows in: quads drawn at random, in a store in memory. What flows out: the same quads in a store of the backend
//! under test. What always holds: the quads are the same up to the names of blank nodes, and the very same when labels
//! are kept; sorted dumps of both stores are the same bytes.
#![allow(clippy::unwrap_used)]

use oxrdf::dataset::{CanonicalizationAlgorithm, CanonicalizationHashAlgorithm};
use oxrdf::{BaseDirection, BlankNode, Dataset, GraphName, Literal, NamedNode, Quad, Term, Triple};
use proptest::prelude::*;
use quadrille_backend::{InMemoryBackend, StorageBackend};
use quadrille_backend_testkit::Factory;
use quadrille_io::{
    BlankNodeScope, CompressedWriter, Compression, DumpOptions, RdfFormat, ReadOptions, Source,
    dump, load_into,
};
use quadrille_store::{QuadPattern, QuadStore};
use std::collections::BTreeSet;
use std::io::Cursor;

fn iri() -> impl Strategy<Value = NamedNode> {
    "[a-d]".prop_map(|name| NamedNode::new_unchecked(format!("http://example.org/{name}")))
}

fn node() -> impl Strategy<Value = BlankNode> {
    prop_oneof![
        Just("b0"),
        Just("x.y-z"),
        Just("7up"),
        Just("qb00000000000007"),
        Just("é")
    ]
    .prop_map(BlankNode::new_unchecked)
}

fn literal() -> impl Strategy<Value = Literal> {
    let text = r#"[ -~\t\n\ré𝄞<>&"'\\]{0,12}"#;
    prop_oneof![
        text.prop_map(Literal::from),
        (text, Just("en-gb")).prop_map(|(text, language)| {
            Literal::new_language_tagged_literal(text, language).unwrap()
        }),
        text.prop_map(|text| {
            Literal::new_directional_language_tagged_literal(text, "ar", BaseDirection::Rtl)
                .unwrap()
        }),
        any::<i32>().prop_map(Literal::from),
        any::<bool>().prop_map(Literal::from),
        (text, iri()).prop_map(|(text, datatype)| Literal::new_typed_literal(text, datatype)),
    ]
}

fn term(format: RdfFormat) -> BoxedStrategy<Term> {
    let plain = prop_oneof![
        iri().prop_map(Term::from),
        node().prop_map(Term::from),
        literal().prop_map(Term::from),
    ]
    .boxed();
    match format {
        RdfFormat::JsonLd => return plain,
        RdfFormat::N3 => {
            let has_direction = |term: &Term| matches!(term, Term::Literal(literal) if literal.direction().is_some());
            let no_direction = move |term: &Term| !has_direction(term);
            return plain
                .prop_filter("N3 has no directions", no_direction)
                .boxed();
        }
        _ => {}
    }
    let triple = (node(), iri(), plain.clone());
    let triple = triple.prop_map(|(subject, predicate, object)| {
        Term::from(Triple::new(subject, predicate, object))
    });
    prop_oneof![4 => plain, 1 => triple].boxed()
}

/// A format with quads that it can hold.
fn dataset() -> impl Strategy<Value = (RdfFormat, Vec<Quad>)> {
    prop::sample::select(&RdfFormat::ALL[..]).prop_flat_map(|format| {
        let graph = match format.has_named_graphs() {
            true => prop_oneof![
                Just(GraphName::DefaultGraph),
                iri().prop_map(GraphName::from),
                node().prop_map(GraphName::from),
            ]
            .boxed(),
            false => Just(GraphName::DefaultGraph).boxed(),
        };
        let subject = prop_oneof![iri().prop_map(Term::from), node().prop_map(Term::from)];
        let quad = (subject, iri(), term(format), graph);
        let quad = quad.prop_map(|(subject, predicate, object, graph)| match subject {
            Term::NamedNode(subject) => Quad::new(subject, predicate, object, graph),
            Term::BlankNode(subject) => Quad::new(subject, predicate, object, graph),
            _ => unreachable!("subjects are nodes"),
        });
        (Just(format), prop::collection::vec(quad, 0..20))
    })
}

fn text<B: StorageBackend>(store: &QuadStore<B>, format: RdfFormat, sorted: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut options = DumpOptions::new(format);
    options.sorted = sorted;
    options.prefixes = vec![("e".to_owned(), "http://example.org/".to_owned())];
    let snapshot = store.snapshot().unwrap();
    dump(&snapshot, &QuadPattern::new(), &mut bytes, &options, |_| {}).unwrap();
    bytes
}

fn compressed(bytes: &[u8], compression: Option<Compression>) -> Vec<u8> {
    let mut writer = CompressedWriter::new(Vec::new(), compression).unwrap();
    std::io::Write::write_all(&mut writer, bytes).unwrap();
    writer.finish().unwrap()
}

fn load<B: StorageBackend>(
    store: &QuadStore<B>,
    bytes: Vec<u8>,
    format: RdfFormat,
    blank_nodes: Option<BlankNodeScope>,
) {
    let source = Source::reader("dump", Cursor::new(bytes)).with_format(format);
    let options = ReadOptions {
        blank_nodes,
        ..ReadOptions::default()
    };
    load_into(store, [source], &options, |_| {}).unwrap();
}

fn quads<B: StorageBackend>(store: &QuadStore<B>) -> Vec<Quad> {
    let all = store.match_quads(&QuadPattern::new()).unwrap();
    all.collect::<Result<_, _>>().unwrap()
}

fn canonical(quads: &[Quad]) -> Dataset {
    let mut dataset: Dataset = quads.iter().cloned().collect();
    dataset.canonicalize(CanonicalizationAlgorithm::Rdfc10 {
        hash_algorithm: CanonicalizationHashAlgorithm::Sha256,
    });
    dataset
}

fn lines(quads: &[Quad]) -> BTreeSet<String> {
    quads.iter().map(Quad::to_string).collect()
}

/// Whether a format can write every label as it is: RDF/XML has none that begins with a digit.
fn keeps_labels(format: RdfFormat) -> bool {
    format != RdfFormat::RdfXml
}

fn check<F: Factory>(
    factory: &F,
    format: RdfFormat,
    before: &[Quad],
    compression: Option<Compression>,
) -> Result<(), TestCaseError> {
    let store = QuadStore::open(InMemoryBackend::new()).unwrap();
    store.extend(before.iter().cloned()).unwrap();
    let bytes = text(&store, format, false);

    let folder = tempfile::tempdir().unwrap();
    let other = QuadStore::open(factory.open(folder.path()).unwrap()).unwrap();
    load(&other, compressed(&bytes, compression), format, None);
    prop_assert_eq!(canonical(&quads(&other)), canonical(before));

    let folder = tempfile::tempdir().unwrap();
    let other = QuadStore::open(factory.open(folder.path()).unwrap()).unwrap();
    load(&other, bytes, format, Some(BlankNodeScope::as_written()));
    if keeps_labels(format) {
        prop_assert_eq!(lines(&quads(&other)), lines(before));
        prop_assert_eq!(text(&store, format, true), text(&other, format, true));
    } else {
        prop_assert_eq!(canonical(&quads(&other)), canonical(before));
    }
    // Loading the same once more adds nothing, and a fresh node meets none of them.
    let count = other.len().unwrap();
    let again = text(&other, RdfFormat::NQuads, true);
    load(
        &other,
        again.clone(),
        RdfFormat::NQuads,
        Some(BlankNodeScope::as_written()),
    );
    prop_assert_eq!(other.len().unwrap(), count);
    load(
        &other,
        b"_:new <http://example.org/a> _:new .".to_vec(),
        RdfFormat::NTriples,
        None,
    );
    prop_assert_eq!(other.len().unwrap(), count + 1);
    Ok(())
}

macro_rules! on_backend {
    ($name:ident, $factory:expr, $cases:literal) => {
        mod $name {
            use super::*;

            proptest! {
                #![proptest_config(ProptestConfig {
                    cases: $cases,
                    failure_persistence: None,
                    ..ProptestConfig::default()
                })]

                #[test]
                fn a_dump_loads_as_the_same_quads(
                    (format, quads) in dataset(),
                    compression in prop::option::of(prop::sample::select(&Compression::ALL[..])),
                ) {
                    check(&$factory, format, &quads, compression)?;
                }
            }
        }
    };
}

on_backend!(memory, quadrille_tests::Memory, 200);
#[cfg(feature = "lmdb")]
on_backend!(lmdb, quadrille_tests::Lmdb, 40);
#[cfg(feature = "rocksdb")]
on_backend!(rocksdb, quadrille_tests::RocksDb, 10);
