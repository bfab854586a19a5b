//! Scans that pass over groups of blocks still find the changes that lie there and are in no block yet.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use oxrdf::{NamedNode, Quad};
use quadrille_backend::InMemoryBackend;
use quadrille_store::{QuadPattern, QuadStore, StoreOptions};
use std::collections::BTreeSet;

fn node(kind: &str, number: usize) -> NamedNode {
    NamedNode::new(format!("http://example.org/{kind}/{number}")).unwrap()
}

fn quad(number: usize, predicate: usize, graph: usize) -> Quad {
    Quad::new(
        node("subject", number % 97),
        node("predicate", predicate),
        node("object", number),
        node("graph", graph),
    )
}

fn found(store: &QuadStore<InMemoryBackend>, pattern: &QuadPattern) -> BTreeSet<String> {
    let quads = store.match_quads(pattern).unwrap();
    quads.map(|quad| quad.unwrap().to_string()).collect()
}

/// One predicate in one graph, and more quads of another predicate in another graph: the first predicate within the second
/// graph is looked for among the quads of the predicate, none of whose blocks can hold it.
#[test]
fn changes_are_found_in_groups_that_are_passed_over() {
    const QUADS: usize = 12_000;
    let options = StoreOptions {
        block_bytes: Some(128),
        ..StoreOptions::default()
    };
    let store = QuadStore::open_with(InMemoryBackend::new(), options).unwrap();
    let mut load = store.bulk_load().unwrap();
    for number in 0..QUADS {
        load.push(quad(number, 1, 1).as_ref()).unwrap();
    }
    for number in 0..2 * QUADS {
        load.push(quad(number, 2, 2).as_ref()).unwrap();
    }
    load.finish().unwrap();
    let pattern = QuadPattern::new()
        .with_predicate(node("predicate", 1))
        .with_graph(node("graph", 2));
    assert_eq!(found(&store, &pattern), BTreeSet::new());

    let mut expected = BTreeSet::new();
    for number in [0, 1, 5_000, 5_001, 9_999, QUADS - 1] {
        let quad = quad(number, 1, 2);
        assert!(store.insert(&quad).unwrap());
        expected.insert(quad.to_string());
        assert_eq!(found(&store, &pattern), expected);
        assert_eq!(store.count(&pattern).unwrap(), expected.len() as u64);
    }
    for number in [1, 5_000, 9_999] {
        let quad = quad(number, 1, 2);
        assert!(store.remove(&quad).unwrap());
        expected.remove(&quad.to_string());
        assert_eq!(found(&store, &pattern), expected);
    }
}
