//! The store against a model: random operations on a store and on a plain set of quads give the same answers.

use super::support::{matching, open, reopen, sorted};
use super::{Home, StoreContext};
use crate::Factory;
use oxrdf::{GraphName, Literal, NamedNode, Quad, Term, Triple};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use quadrille_store::{QuadPattern, QuadStore, Snapshot, StorageBackend, StoreOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

fn node(number: u8) -> NamedNode {
    NamedNode::new(format!("http://example.org/node/{number}")).unwrap()
}

fn object(number: u8) -> Term {
    match number % 8 {
        0 => Literal::from(i64::from(number)).into(),
        1 => Literal::new_simple_literal(format!("a longer text, number {number}")).into(),
        2 => Literal::new_language_tagged_literal(format!("nom {number}"), "fr")
            .unwrap()
            .into(),
        3 => Literal::new_simple_literal("x".repeat(usize::from(number) * 40)).into(),
        4 => oxrdf::BlankNode::new(format!("b{number}")).unwrap().into(),
        5 => Triple::new(node(number), node(1), Literal::from(i64::from(number))).into(),
        _ => node(number).into(),
    }
}

fn quad(parts: [u8; 4]) -> Quad {
    let graph = match parts[3] {
        0 => GraphName::DefaultGraph,
        number => node(number).into(),
    };
    Quad::new(node(parts[0]), node(parts[1]), object(parts[2]), graph)
}

/// All sixteen patterns of a quad give what the model says, as rows and as counts.
fn check_patterns<B: StorageBackend>(snapshot: &Snapshot<B>, quads: &[Quad], probe: &Quad) {
    assert_eq!(snapshot.len(), quads.len() as u64);
    assert_eq!(snapshot.contains(probe).unwrap(), quads.contains(probe));
    for bound in 0..16 {
        let mut pattern = QuadPattern::from(probe.clone());
        if bound & 8 == 0 {
            pattern.subject = None;
        }
        if bound & 4 == 0 {
            pattern.predicate = None;
        }
        if bound & 2 == 0 {
            pattern.object = None;
        }
        if bound & 1 == 0 {
            pattern.graph = None;
        }
        let matches = |quad: &&Quad| pattern.matches(quad.as_ref());
        let expected = sorted(quads.iter().filter(matches).cloned());
        assert_eq!(matching(snapshot, &pattern), expected, "{pattern:?}");
        assert_eq!(
            snapshot.count(&pattern).unwrap(),
            expected.len() as u64,
            "{pattern:?}"
        );
    }
}

fn check_graphs<B: StorageBackend>(snapshot: &Snapshot<B>, quads: &[Quad]) {
    let mut expected = BTreeMap::new();
    for quad in quads {
        *expected.entry(quad.graph_name.to_string()).or_insert(0) += 1;
    }
    let found: BTreeMap<String, u64> = snapshot
        .graphs()
        .unwrap()
        .map(|graph| graph.unwrap())
        .map(|(graph, count)| (graph.to_string(), count))
        .collect();
    assert_eq!(found, expected);
}

/// Quads that are inserted (`true`) or removed.
type Changes = Vec<([u8; 4], bool)>;

#[derive(Clone, Debug)]
enum Operation {
    Insert([u8; 4]),
    Remove([u8; 4]),
    Transaction(Changes, bool),
    Extend(Vec<[u8; 4]>),
    /// A load, the transactions that are committed while it is under way, and whether it finishes.
    Load(Vec<[u8; 4]>, Vec<Changes>, bool),
    ClearGraph(u8),
    Clear,
    Compact,
    Reopen,
}

fn parts() -> impl Strategy<Value = [u8; 4]> {
    (0..12_u8, 0..4_u8, 0..40_u8, 0..4_u8).prop_map(|(s, p, o, c)| [s, p, o, c])
}

fn changes() -> impl Strategy<Value = Changes> {
    prop::collection::vec((parts(), any::<bool>()), 0..40)
}

/// Few quads, which are folded into blocks, or many, which are written as a new generation.
fn loaded() -> impl Strategy<Value = Vec<[u8; 4]>> {
    prop_oneof![
        prop::collection::vec(parts(), 0..4),
        prop::collection::vec(parts(), 0..120),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => parts().prop_map(Operation::Insert),
        4 => parts().prop_map(Operation::Remove),
        6 => (changes(), prop::bool::weighted(0.8))
            .prop_map(|(changes, commits)| Operation::Transaction(changes, commits)),
        2 => prop::collection::vec(parts(), 0..60).prop_map(Operation::Extend),
        4 => (loaded(), prop::collection::vec(changes(), 0..4), prop::bool::weighted(0.8))
            .prop_map(|(quads, beside, finishes)| Operation::Load(quads, beside, finishes)),
        1 => (0..4_u8).prop_map(Operation::ClearGraph),
        1 => Just(Operation::Clear),
        1 => Just(Operation::Compact),
        2 => Just(Operation::Reopen),
    ]
}

struct Run<F: Factory> {
    home: Home<F>,
    options: StoreOptions,
    /// `None` only while it is opened again.
    store: Option<QuadStore<Arc<F::Backend>>>,
    model: BTreeSet<[u8; 4]>,
}

impl<F: Factory> Run<F> {
    fn new(context: &StoreContext<F>, options: StoreOptions) -> Self {
        let home = context.home();
        Self {
            store: Some(open(&home, &options)),
            home,
            options,
            model: BTreeSet::new(),
        }
    }

    fn store(&self) -> &QuadStore<Arc<F::Backend>> {
        self.store.as_ref().unwrap()
    }

    fn reopen(&mut self) {
        let store = self.store.take().unwrap();
        self.store = Some(reopen(&self.home, store, &self.options));
    }

    fn apply(&mut self, operation: Operation) {
        let store = self.store.clone().unwrap();
        match operation {
            Operation::Insert(parts) => {
                assert_eq!(
                    store.insert(&quad(parts)).unwrap(),
                    self.model.insert(parts)
                );
            }
            Operation::Remove(parts) => {
                assert_eq!(
                    store.remove(&quad(parts)).unwrap(),
                    self.model.remove(&parts)
                );
            }
            Operation::Transaction(changes, commits) => self.transaction(changes, commits),
            Operation::Extend(quads) => {
                let before = self.model.len();
                self.model.extend(quads.iter().copied());
                let new = store.extend(quads.into_iter().map(quad)).unwrap();
                assert_eq!(new as usize, self.model.len() - before);
            }
            Operation::Load(quads, beside, finishes) => self.load(quads, beside, finishes),
            Operation::ClearGraph(number) => {
                let graph = quad([0, 0, 0, number]).graph_name;
                let before = self.model.len();
                self.model.retain(|parts| parts[3] != number);
                let removed = store.clear_graph(&graph).unwrap();
                assert_eq!(removed as usize, before - self.model.len());
            }
            Operation::Clear => {
                store.clear().unwrap();
                self.model.clear();
            }
            Operation::Compact => store.compact().unwrap(),
            Operation::Reopen => {
                drop(store);
                self.reopen();
            }
        }
    }

    fn transaction(&mut self, changes: Changes, commits: bool) {
        let mut model = self.model.clone();
        let store = self.store();
        let mut transaction = store.transaction().unwrap();
        for (parts, inserts) in changes {
            let (changed, expected) = if inserts {
                (transaction.insert(&quad(parts)), model.insert(parts))
            } else {
                (transaction.remove(&quad(parts)), model.remove(&parts))
            };
            assert_eq!(changed.unwrap(), expected);
        }
        let quads: Vec<Quad> = model.iter().copied().map(quad).collect();
        check_patterns(&transaction.snapshot(), &quads, &quad([1, 1, 1, 1]));
        if commits {
            transaction.commit().unwrap();
            self.model = model;
        }
    }

    /// It is as if its quads were inserted when it finishes, whatever transactions did meanwhile.
    fn load(&mut self, quads: Vec<[u8; 4]>, beside: Vec<Changes>, finishes: bool) {
        let store = self.store.clone().unwrap();
        let mut load = store.bulk_load().unwrap();
        let piece = quads.len() / (beside.len() + 1) + 1;
        let mut pieces = quads.chunks(piece);
        for changes in beside {
            for parts in pieces.next().unwrap_or_default() {
                load.push(quad(*parts).as_ref()).unwrap();
            }
            self.transaction(changes, true);
        }
        for parts in pieces.flatten() {
            load.push(quad(*parts).as_ref()).unwrap();
        }
        if finishes {
            let before = self.model.len();
            self.model.extend(quads);
            let report = load.finish().unwrap();
            assert_eq!(report.quads_new as usize, self.model.len() - before);
        }
    }

    fn check(&self, probe: [u8; 4]) {
        let quads: Vec<Quad> = self.model.iter().copied().map(quad).collect();
        let snapshot = self.store().snapshot().unwrap();
        check_patterns(&snapshot, &quads, &quad(probe));
        check_graphs(&snapshot, &quads);
        assert_eq!(snapshot.verify().unwrap().problems, []);
    }
}

/// Quads in blocks, in the log and removed from both: each pattern of every seventh gives what a filter over all gives.
pub(crate) fn all_sixteen_patterns_of_a_loaded_and_changed_store<F: Factory>(
    context: &StoreContext<F>,
) {
    let numbered = |number: u8| [number % 11, number % 3, number % 37, number % 4];
    let mut run = Run::new(context, super::support::tiny());
    run.load((0..200).map(numbered).collect(), Vec::new(), true);
    let changes = (100..255).map(|number| (numbered(number), number % 5 != 0));
    run.transaction(changes.collect(), true);
    let kept: Vec<[u8; 4]> = run.model.iter().copied().collect();
    assert!(kept.len() > 100, "{} quads", kept.len());
    for probe in kept.into_iter().step_by(7) {
        run.check(probe);
    }
    run.reopen();
    run.check(numbered(3));
    run.check([200; 4]);
}

/// Inserts, removals, transactions, loads and the rest, in any order, with tiny blocks and small deltas; checked after
/// each of them.
pub(crate) fn random_operations_agree_with_the_model<F: Factory>(context: &StoreContext<F>) {
    let strategy = (
        prop::collection::vec(operation(), 1..40),
        prop::collection::vec(parts(), 4),
        prop_oneof![Just(128_u32), Just(300), Just(2000)],
        prop_oneof![Just(1_usize), Just(10), Just(50), Just(10_000)],
        prop_oneof![Just(1_usize << 16), Just(1 << 30)],
    );
    let mut runner = TestRunner::new(ProptestConfig {
        cases: context.random_cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let result = runner.run(
        &strategy,
        |(operations, probes, block_bytes, delta_quads_max, memory_bytes)| {
            let options = StoreOptions {
                block_bytes: Some(block_bytes),
                chunk_bytes: Some(block_bytes),
                delta_quads_max,
                memory_bytes,
                temporary_folder: None,
            };
            agree(context, options, operations, &probes);
            Ok(())
        },
    );
    result.unwrap();
}

fn agree<F: Factory>(
    context: &StoreContext<F>,
    options: StoreOptions,
    operations: Vec<Operation>,
    probes: &[[u8; 4]],
) {
    let mut run = Run::new(context, options);
    for (number, operation) in operations.into_iter().enumerate() {
        let before = run.store().snapshot().unwrap();
        let held = run.model.clone();
        let stays = !matches!(operation, Operation::Reopen | Operation::Compact);
        let before = stays.then_some(before);
        run.apply(operation);
        run.check(probes[number % probes.len()]);
        // A snapshot does not see what came after it.
        if let Some(before) = before {
            let held = sorted(held.into_iter().map(quad));
            assert_eq!(before.len(), held.len() as u64);
            assert_eq!(matching(&before, &QuadPattern::new()), held);
        }
    }
    run.apply(Operation::Reopen);
    for probe in probes {
        run.check(*probe);
    }
}
