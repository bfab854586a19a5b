//! Labels of the form that the store gives its own blank nodes, written by others: they use up none of its numbers, equal
//! labels are one node, and no two nodes have one label.

use oxrdf::{BlankNode, GraphName, NamedNode, Quad, Term};
use proptest::prelude::*;
use quadrille_backend::{InMemoryBackend, StorageBackend};
use quadrille_store::{BlankNodes, QuadPattern, QuadStore, StoreOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

type Store = QuadStore<InMemoryBackend>;

/// Numbers from here on are inlined only when the store has given them.
const FREE: u64 = 1 << 40;
const LAST: u64 = (1 << 56) - 1;

fn store() -> Store {
    QuadStore::open(InMemoryBackend::new()).expect("memory opens")
}

fn label(number: u64) -> String {
    format!("qb{number:014x}")
}

/// A quad by which a test finds its node again.
fn quad(node: &str, mark: usize) -> Quad {
    let node = BlankNode::new(node).expect("a valid label");
    let iri = |name: String| NamedNode::new_unchecked(format!("http://example.org/{name}"));
    Quad::new(
        node,
        iri("p".into()),
        iri(format!("o{mark}")),
        GraphName::DefaultGraph,
    )
}

fn insert(store: &Store, node: &str, mark: usize) {
    store.insert(&quad(node, mark)).expect("there is room");
}

fn load(store: &Store, node: &str, mark: usize, scope: BlankNodes) {
    let mut batch = store.quad_batch().expect("a batch");
    let pushed = batch.push(quad(node, mark).as_ref(), scope);
    pushed.expect("a quad");
    let mut load = store.bulk_load().expect("nobody else writes");
    load.add(&batch).expect("there is room");
    load.finish().expect("there is room");
}

/// The label of each node, by the marks of its quads.
fn held<B: StorageBackend>(store: &QuadStore<B>) -> BTreeMap<usize, String> {
    let quads = store.match_quads(&QuadPattern::new()).expect("a scan");
    quads
        .map(|quad| {
            let quad = quad.expect("a quad");
            let Term::NamedNode(mark) = quad.object else {
                panic!("no mark: {}", quad.object);
            };
            let mark = mark.as_str().strip_prefix("http://example.org/o");
            let mark = mark.expect("a mark").parse().expect("a number");
            let label = quad.subject.to_string();
            (mark, label.strip_prefix("_:").expect("a label").to_owned())
        })
        .collect()
}

#[track_caller]
fn check_sound(store: &Store) {
    assert_eq!(store.verify().expect("it can be read").problems, []);
}

#[test]
fn a_label_of_the_largest_number_uses_up_nothing() {
    for by_load in [false, true] {
        let store = store();
        for number in [LAST, FREE, FREE - 1] {
            match by_load {
                true => load(&store, &label(number), 0, BlankNodes::AsWritten),
                false => insert(&store, &label(number), 0),
            }
            let given = number as usize;
            load(&store, "a", given, BlankNodes::OfSource(0));
            let held = held(&store);
            assert_ne!(held[&0], held[&given]);
            assert!(store.contains(&quad(&label(number), 0)).expect("a look-up"));
            assert!(store.remove(&quad(&label(number), 0)).expect("a removal"));
        }
        check_sound(&store);
    }
}

/// The numbers that the store goes on with are those whose labels are there.
#[test]
fn a_number_whose_label_is_kept_is_passed_over() {
    let store = store();
    for (mark, number) in (0..).zip([FREE, FREE + 1, FREE + 3]) {
        insert(&store, &label(number), mark);
    }
    // Now the next is the first of them.
    insert(&store, &label(FREE - 1), 3);
    let mut batch = store.quad_batch().expect("a batch");
    for node in 4..8 {
        let (node, mark) = (format!("n{node}"), node);
        let pushed = batch.push(quad(&node, mark).as_ref(), BlankNodes::OfSource(0));
        pushed.expect("a quad");
    }
    // In the same load, a label that it has not given yet, and one that it has.
    for (mark, number) in [(8, FREE + 7), (9, FREE + 2)] {
        let pushed = batch.push(quad(&label(number), mark).as_ref(), BlankNodes::AsWritten);
        pushed.expect("a quad");
    }
    let pushed = batch.push(quad("n10", 10).as_ref(), BlankNodes::OfSource(0));
    pushed.expect("a quad");
    let mut load = store.bulk_load().expect("nobody else writes");
    load.add(&batch).expect("there is room");
    load.finish().expect("there is room");
    let expected = [0, 1, 3, u64::MAX, 2, 4, 5, 6, 7, 2, 8];
    let expected = (0..).zip(expected.map(|number| label(FREE.wrapping_add(number))));
    assert_eq!(held(&store), expected.collect());
    check_sound(&store);
}

/// A load of a node of its own source beside transactions that write labels, into a store that holds others; whether it is
/// folded into the blocks there are.
fn load_beside(before: &[u64], beside: &[u64], folds: bool) {
    let backend = Arc::new(InMemoryBackend::new());
    let options = StoreOptions {
        block_bytes: Some(StoreOptions::BLOCK_BYTES_MIN),
        ..StoreOptions::default()
    };
    let store = QuadStore::open_with(Arc::clone(&backend), options).expect("memory opens");
    let mut filling = store.bulk_load().expect("nobody else writes");
    let others = if folds { 3000 } else { 0 };
    for mark in 1000..1000 + others {
        let quad = quad(&format!("other{mark}"), mark);
        filling.push(quad.as_ref()).expect("there is room");
    }
    filling.finish().expect("there is room");
    let insert = |number: u64, mark: usize| {
        let quad = quad(&label(number), mark);
        assert!(store.insert(&quad).expect("there is room"));
    };
    for (mark, &number) in (0..).zip(before) {
        insert(number, mark);
    }
    let mut batch = store.quad_batch().expect("a batch");
    let pushed = batch.push(quad("own", 900).as_ref(), BlankNodes::OfSource(0));
    pushed.expect("a quad");
    let mut load = store.bulk_load().expect("nobody else writes");
    load.add(&batch).expect("there is room");
    for (mark, &number) in (before.len()..).zip(beside) {
        insert(number, mark);
    }
    let generation = |backend: &InMemoryBackend| backend.keyspaces().expect("a list");
    let at_first = generation(&backend);
    load.finish().expect("there is room");
    assert_eq!(generation(&backend) == at_first, folds);
    let held = held(&store);
    let nodes = before.len() + beside.len() + 1 + others;
    assert_eq!(held.len(), nodes);
    let labels: BTreeSet<&String> = held.values().collect();
    assert_eq!(labels.len(), nodes, "{before:?} {beside:?}: {held:?}");
    assert_eq!(store.verify().expect("it can be read").problems, []);
}

/// The load's node is the first of all; whichever of the two is named anew passes over the label that is kept.
#[test]
fn who_is_named_anew_beside_a_load_gets_no_label_that_is_kept() {
    for folds in [false, true] {
        load_beside(&[FREE], &[1, FREE - 1], folds);
        load_beside(&[FREE, FREE + 1], &[FREE - 1, 1], folds);
        load_beside(&[], &[FREE, 1, FREE - 1], folds);
        load_beside(&[], &[1, FREE - 1, FREE], folds);
    }
}

/// The load's node has the number of the label that a transaction writes meanwhile.
#[test]
fn a_large_label_written_beside_a_load_is_not_the_load_s_node() {
    for folds in [false, true] {
        load_beside(&[FREE - 1], &[FREE], folds);
        load_beside(&[FREE - 1], &[FREE, FREE + 1], folds);
        load_beside(&[FREE - 1, FREE + 1], &[FREE], folds);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u64),
    LoadAsWritten(u64),
    LoadNew,
    Remove(u64),
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..6_u64, FREE - 3..FREE + 6, Just(LAST - 1), Just(LAST),]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        number().prop_map(Step::Insert),
        number().prop_map(Step::LoadAsWritten),
        Just(Step::LoadNew),
        number().prop_map(Step::Remove),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn equal_labels_are_one_node_and_new_nodes_have_new_labels(
        steps in prop::collection::vec(step(), 1..14),
    ) {
        let store = store();
        let mut expected: BTreeMap<usize, String> = BTreeMap::new();
        let mut used: BTreeSet<String> = BTreeSet::new();
        for (mark, step) in steps.into_iter().enumerate() {
            match step {
                Step::Insert(number) => {
                    insert(&store, &label(number), mark);
                    expected.insert(mark, label(number));
                }
                Step::LoadAsWritten(number) => {
                    load(&store, &label(number), mark, BlankNodes::AsWritten);
                    expected.insert(mark, label(number));
                }
                Step::LoadNew => {
                    load(&store, "a", mark, BlankNodes::OfSource(0));
                    let label = held(&store)[&mark].clone();
                    prop_assert!(used.insert(label.clone()), "{label} was given before");
                    expected.insert(mark, label);
                }
                Step::Remove(number) => {
                    let label = label(number);
                    for (&mark, _) in expected.iter().filter(|(_, other)| **other == label) {
                        prop_assert!(store.remove(&quad(&label, mark)).expect("a removal"));
                    }
                    expected.retain(|_, other| *other != label);
                }
            }
            used.extend(expected.values().cloned());
            prop_assert_eq!(held(&store), expected.clone());
            for (mark, label) in &expected {
                prop_assert!(store.contains(&quad(label, *mark)).expect("a look-up"));
            }
        }
        store.compact().expect("it can be written anew");
        prop_assert_eq!(held(&store), expected);
        check_sound(&store);
    }
}
