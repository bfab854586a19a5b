//! Many graphs: all are listed with their counts, one is cleared, and what a look at them costs does not grow with
//! their number. Costs are keys read, as the backend counts them.

use crate::support::{node, open, reopen};
use oxrdf::{GraphName, Literal, NamedNode, Quad};
use quadrille_backend::StorageBackend;
use quadrille_backend_testkit::Factory;
use quadrille_backend_testkit::store::{Home, StoreContext};
use quadrille_store::{QuadPattern, QuadStore, StoreOptions};
use std::collections::HashMap;
use std::sync::Arc;

const QUADS: usize = 20_000;

fn graph(number: usize) -> GraphName {
    node("graph", number).into()
}

fn quads(quads: usize, graphs: usize) -> impl Iterator<Item = Quad> {
    (0..quads).map(move |number| {
        Quad::new(
            node("thing", number),
            node("predicate", number % 7),
            Literal::from(number as i64),
            graph(number % graphs),
        )
    })
}

fn load<B: StorageBackend>(store: &QuadStore<B>, quads: impl Iterator<Item = Quad>) {
    let mut load = store.bulk_load().unwrap();
    for quad in quads {
        load.push(quad.as_ref()).unwrap();
    }
    load.finish().unwrap();
}

fn listed<B: StorageBackend>(store: &QuadStore<B>) -> HashMap<GraphName, u64> {
    let graphs = store.snapshot().unwrap().graphs().unwrap();
    let mut found = HashMap::new();
    for graph in graphs {
        let (name, count) = graph.unwrap();
        assert_eq!(found.insert(name, count), None, "a graph is listed twice");
    }
    found
}

/// Twenty thousand graphs of one quad; then one is cleared, one gets a second quad, one is dropped.
pub(crate) fn many_graphs_are_listed_and_cleared<F: Factory>(context: &StoreContext<F>) {
    let home = context.home();
    let options = StoreOptions::default();
    let mut store = open(&home, &options);
    load(&store, quads(QUADS, QUADS));
    let mut expected: HashMap<GraphName, u64> =
        (0..QUADS).map(|number| (graph(number), 1)).collect();
    assert!(listed(&store) == expected);

    assert_eq!(store.clear_graph(&graph(77)).unwrap(), 1);
    assert_eq!(store.clear_graph(&graph(77)).unwrap(), 0);
    assert_eq!(store.drop_graph(&graph(QUADS - 1)).unwrap(), 1);
    assert_eq!(store.clear_graph(&GraphName::DefaultGraph).unwrap(), 0);
    assert_eq!(store.clear_graph(&graph(QUADS)).unwrap(), 0);
    let second = Quad::new(node("a", 1), node("a", 2), node("a", 3), graph(5));
    store.insert(&second).unwrap();
    let in_none = Quad::new(
        node("a", 1),
        node("a", 2),
        node("a", 3),
        GraphName::DefaultGraph,
    );
    store.insert(&in_none).unwrap();
    expected.remove(&graph(77));
    expected.remove(&graph(QUADS - 1));
    expected.insert(graph(5), 2);
    expected.insert(GraphName::DefaultGraph, 1);

    for _ in 0..2 {
        assert!(listed(&store) == expected);
        let snapshot = store.snapshot().unwrap();
        assert_eq!(snapshot.len(), QUADS as u64);
        for (name, exists) in [(77, false), (QUADS - 1, false), (5, true), (78, true)] {
            assert_eq!(snapshot.contains_graph(&graph(name)).unwrap(), exists);
            let pattern = QuadPattern::new().with_graph(graph(name));
            let count = expected.get(&graph(name)).copied().unwrap_or(0);
            assert_eq!(snapshot.count(&pattern).unwrap(), count);
        }
        assert_eq!(snapshot.verify().unwrap().problems, []);
        drop(snapshot);
        store = reopen(&home, store, &options);
    }
}

/// A graph of more quads than a commit may change is left out of a new generation.
pub(crate) fn a_large_graph_is_cleared<F: Factory>(context: &StoreContext<F>) {
    let home = context.home();
    let options = StoreOptions {
        delta_quads_max: 500,
        ..StoreOptions::default()
    };
    let mut store = open(&home, &options);
    load(&store, quads(6000, 3));
    assert_eq!(store.clear_graph(&graph(1)).unwrap(), 2000);
    for _ in 0..2 {
        let expected = HashMap::from([(graph(0), 2000), (graph(2), 2000)]);
        assert_eq!(listed(&store), expected);
        assert_eq!(store.len().unwrap(), 4000);
        assert_eq!(store.verify().unwrap().problems, []);
        store = reopen(&home, store, &options);
    }
}

/// The keys that a look reads, beyond those that opening the store reads. Cursors count when they are dropped.
fn reads<B: StorageBackend>(backend: &Arc<B>, look: impl FnOnce(&QuadStore<Arc<B>>)) -> u64 {
    let counted = |look: Option<_>| {
        let before = backend.stats().unwrap().reads;
        let store = QuadStore::open(Arc::clone(backend)).unwrap();
        if let Some(look) = look {
            let look: &mut dyn FnMut(&QuadStore<Arc<B>>) = look;
            look(&store);
        }
        drop(store);
        backend.stats().unwrap().reads - before
    };
    let opening = counted(None);
    let mut look = Some(look);
    let mut once = |store: &QuadStore<Arc<B>>| {
        if let Some(look) = look.take() {
            look(store);
        }
    };
    counted(Some(&mut once)) - opening
}

fn loaded<F: Factory>(home: &Home<F>, count: usize, graphs: usize) -> Arc<F::Backend> {
    let backend = home.open().unwrap();
    let store = QuadStore::open(Arc::clone(&backend)).unwrap();
    load(&store, quads(count, graphs));
    backend
}

/// The first row of `GRAPH ?g`, and of the quads of any graph, whether the graphs are many or few.
pub(crate) fn the_first_row_costs_few_reads<F: Factory>(context: &StoreContext<F>) {
    for graphs in [QUADS, 100] {
        let home = context.home();
        let backend = loaded(&home, QUADS, graphs);
        let first_graph = reads(&backend, |store| {
            let mut listed = store.snapshot().unwrap().graphs().unwrap();
            let (_, count) = listed.next().unwrap().unwrap();
            assert_eq!(count, (QUADS / graphs) as u64);
        });
        assert!((1..=40).contains(&first_graph), "{graphs}: {first_graph}");
        let first_quad = reads(&backend, |store| {
            let pattern = QuadPattern::new().with_predicate(node("predicate", 3));
            let mut rows = store.match_quads(&pattern).unwrap();
            assert_eq!(
                rows.next().unwrap().unwrap().predicate,
                node("predicate", 3)
            );
        });
        assert!((1..=40).contains(&first_quad), "{graphs}: {first_quad}");
        let whole = reads(&backend, |store| {
            let rows = store.match_quads(&QuadPattern::new()).unwrap();
            assert_eq!(rows.map(Result::unwrap).count(), QUADS);
        });
        assert!(whole > 40, "reads are counted: {whole}");
    }
}

/// Counts read summaries and edge blocks: ten times the data, the same reads, up to a level of the engine's own.
pub(crate) fn counts_cost_the_same_whatever_the_data<F: Factory>(context: &StoreContext<F>) {
    let cost = |quads: usize| {
        let home = context.home();
        let backend = loaded(&home, quads, quads);
        let of_predicate = |predicate: NamedNode| {
            reads(&backend, |store| {
                let pattern = QuadPattern::new().with_predicate(predicate);
                let count = store.count(&pattern).unwrap();
                assert!(count.abs_diff(quads as u64 / 7) <= 1, "{count}");
            })
        };
        let costs = [
            of_predicate(node("predicate", 0)),
            of_predicate(node("predicate", 6)),
        ];
        let len = reads(&backend, |store| {
            assert_eq!(store.len().unwrap(), quads as u64);
        });
        assert_eq!(len, 0, "the length is known");
        costs
    };
    let (small, large) = (cost(QUADS / 10), cost(QUADS));
    for (small, large) in small.into_iter().zip(large) {
        assert!(large <= 40, "{large} reads");
        assert!(large <= small + 8, "{small} reads, then {large}");
    }
}
