//! The sample data: the committed file is what the generator writes, and it shows what the README promises.
#![allow(clippy::unwrap_used)]

#[allow(dead_code, unreachable_pub)]
#[path = "../examples/write_museum.rs"]
mod museum;

use oxrdf::vocab::{rdfs, xsd};
use oxrdf::{GraphName, NamedNodeRef, Quad, Term};
use quadrille_io::{ReadOptions, Source, read_quads};
use std::collections::HashSet;
use std::path::PathBuf;

fn sample() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data/museum.nq")
}

#[test]
fn the_committed_file_is_what_the_generator_writes() {
    let written = museum::write_museum(Vec::new()).unwrap();
    let committed = std::fs::read(sample()).unwrap();
    assert!(
        written == committed,
        "data/museum.nq is stale: cargo run -p quadrille-io --example write_museum > data/museum.nq"
    );
}

#[test]
fn the_sample_has_every_kind_of_term_and_several_graphs() {
    let mut quads: Vec<Quad> = Vec::new();
    let count = read_quads(
        Source::path(sample()),
        &ReadOptions::default(),
        |quad| {
            quads.push(quad);
            Ok(())
        },
        |_| {},
    )
    .unwrap();
    assert!((3_000..6_000).contains(&count), "{count}");
    assert_eq!(quads.iter().collect::<HashSet<_>>().len(), quads.len());

    let graphs: HashSet<_> = quads.iter().map(|quad| &quad.graph_name).collect();
    assert_eq!(graphs.len(), 8);
    assert!(graphs.contains(&GraphName::DefaultGraph));
    assert!(quads.iter().any(|quad| quad.subject.is_blank_node()));

    let literals = quads.iter().filter_map(|quad| match &quad.object {
        Term::Literal(literal) => Some((quad.predicate.as_ref(), literal)),
        _ => None,
    });
    let mut languages = HashSet::new();
    let mut datatypes = HashSet::new();
    for (predicate, literal) in literals {
        datatypes.insert(literal.datatype());
        if predicate == rdfs::LABEL {
            languages.extend(literal.language());
        }
    }
    assert_eq!(languages, HashSet::from(["en", "de", "fr", "ja"]));
    let expected: [NamedNodeRef<'_>; 6] = [
        xsd::STRING,
        xsd::INTEGER,
        xsd::DECIMAL,
        xsd::DATE,
        xsd::DATE_TIME,
        xsd::G_YEAR,
    ];
    for datatype in expected {
        assert!(datatypes.contains(&datatype), "{datatype}");
    }
}
