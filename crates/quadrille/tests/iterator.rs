//! The iterator of a match owns what it reads: it outlives the snapshot, the store handle and the thread.

use quadrille::model::{GraphName, Literal, NamedNode, Quad};
use quadrille::{AnyBackend, InMemoryBackend, QuadIter, QuadPattern, QuadStore, StorageResult};

fn label() -> NamedNode {
    NamedNode::new("http://www.w3.org/2000/01/rdf-schema#label").expect("an IRI")
}

fn store_with_labels(count: usize) -> QuadStore<InMemoryBackend> {
    let store = QuadStore::open(InMemoryBackend::new()).expect("an empty store");
    let quads = (0..count).map(|number| {
        let subject = NamedNode::new(format!("http://example.org/{number}")).expect("an IRI");
        let name = Literal::new_simple_literal(number.to_string());
        Quad::new(subject, label(), name, GraphName::DefaultGraph)
    });
    store.extend(quads).expect("quads go in");
    store
}

#[test]
fn the_iterator_outlives_the_snapshot_and_the_store() {
    let store = store_with_labels(1000);
    let quads = {
        let snapshot = store.snapshot().expect("a snapshot");
        let pattern = QuadPattern::new().with_predicate(label());
        snapshot.match_quads(&pattern).expect("an iterator")
    };
    // What happens to the store now is not what the snapshot saw.
    store.clear().expect("an empty store");
    drop(store);
    let quads: Vec<Quad> = quads.collect::<StorageResult<_>>().expect("quads");
    assert_eq!(quads.len(), 1000);
}

#[test]
fn the_iterator_moves_to_another_thread() {
    fn is_send_and_owned<T: Send + 'static>(value: T) -> T {
        value
    }
    let store = store_with_labels(1000);
    let quads: QuadIter<InMemoryBackend> =
        is_send_and_owned(store.match_quads(&QuadPattern::new()).expect("an iterator"));
    let counted = std::thread::spawn(move || quads.filter(Result::is_ok).count());
    assert_eq!(counted.join().expect("the thread ends"), 1000);

    let any: QuadStore<AnyBackend> = quadrille::open("memory:").expect("a store");
    let quads = is_send_and_owned(any.match_quads(&QuadPattern::new()).expect("an iterator"));
    assert_eq!(quads.count(), 0);
}

#[cfg(feature = "lmdb")]
#[test]
fn the_first_program_works() -> Result<(), Box<dyn std::error::Error>> {
    use quadrille::LmdbBackend;

    let folder = tempfile::tempdir()?;
    let museum = folder.path().join("museum");
    let vase = NamedNode::new("http://example.org/vase")?;
    let name = Literal::new_language_tagged_literal("Vase", "en")?;
    let quad = Quad::new(vase, label(), name, GraphName::DefaultGraph);
    let store = QuadStore::open(LmdbBackend::open(&museum)?)?;
    store.insert(&quad)?;
    store.close()?;
    drop(store);

    let store = QuadStore::open(LmdbBackend::open(&museum)?)?;
    let label = label();
    let mut found = Vec::new();
    for quad in store
        .snapshot()?
        .match_quads(&QuadPattern::new().with_predicate(label))?
    {
        let quad: oxrdf::Quad = quad?;
        found.push(quad);
    }
    assert_eq!(found, [quad]);
    Ok(())
}
