//! Eight threads read one snapshot while a writer commits: what they see is the state that the snapshot was taken of.

use crate::support::{matching, node, open, sorted};
use oxrdf::{GraphName, Literal, Quad};
use quadrille_backend_testkit::Factory;
use quadrille_backend_testkit::store::StoreContext;
use quadrille_store::{QuadPattern, Snapshot, StorageBackend, StoreOptions};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const THREADS: usize = 8;
/// Full scans a thread makes at least, and the commits that the writer makes at least.
const ROUNDS: usize = 6;

fn quad(number: usize) -> Quad {
    let graph = match number % 3 {
        0 => GraphName::DefaultGraph,
        graph => node("graph", graph).into(),
    };
    let object = Literal::new_simple_literal(format!("the name of thing number {number}"));
    Quad::new(
        node("thing", number / 4),
        node("predicate", number % 5),
        object,
        graph,
    )
}

/// What a snapshot must go on saying.
struct Expected {
    quads: Vec<String>,
    of_predicate: usize,
}

fn look<B: StorageBackend>(snapshot: &Snapshot<B>, expected: &Expected) {
    assert_eq!(snapshot.len(), expected.quads.len() as u64);
    assert!(matching(snapshot, &QuadPattern::new()) == expected.quads);
    let pattern = QuadPattern::new().with_predicate(node("predicate", 3));
    assert_eq!(
        snapshot.count(&pattern).unwrap(),
        expected.of_predicate as u64
    );
    let rows = snapshot.match_quads(&pattern).unwrap();
    assert_eq!(rows.map(Result::unwrap).count(), expected.of_predicate);
    let graphs: u64 = snapshot
        .graphs()
        .unwrap()
        .map(|graph| graph.unwrap().1)
        .sum();
    assert_eq!(graphs, snapshot.len());
}

/// Tells the readers that the writer has ended, also when it panics.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// The writer inserts, removes, loads and compacts; small deltas are folded into blocks all the while.
pub(crate) fn eight_threads_read_one_snapshot_beside_a_writer<F: Factory>(
    context: &StoreContext<F>,
) {
    let home = context.home();
    let options = StoreOptions {
        block_bytes: Some(300),
        chunk_bytes: Some(300),
        delta_quads_max: 60,
        ..StoreOptions::default()
    };
    let store = open(&home, &options);
    store.extend((0..1500).map(quad)).unwrap();
    // Some of it stands in the log, and some is removed there.
    store.extend((1500..1540).map(quad)).unwrap();
    store.remove(&quad(3)).unwrap();
    let snapshot = store.snapshot().unwrap();
    let held: Vec<Quad> = (0..1540).filter(|number| *number != 3).map(quad).collect();
    let of_predicate = held
        .iter()
        .filter(|quad| quad.predicate == node("predicate", 3));
    let expected = Expected {
        of_predicate: of_predicate.count(),
        quads: sorted(held),
    };
    let written = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut rounds = 0;
                while rounds < ROUNDS || !written.load(Ordering::Acquire) {
                    look(&snapshot, &expected);
                    rounds += 1;
                }
            });
        }
        let _ends = Ends(&written);
        for commits in 0..ROUNDS {
            let first = 2000 + commits * 100;
            store.extend((first..first + 50).map(quad)).unwrap();
            store.extend((first + 50..first + 130).map(quad)).unwrap();
            for number in commits * 7..commits * 7 + 7 {
                store.remove(&quad(number)).unwrap();
            }
        }
    });
    look(&snapshot, &expected);
    drop(snapshot);
    let now: Vec<Quad> = (7 * ROUNDS..1540)
        .chain(2000..2000 + ROUNDS * 100 + 30)
        .map(quad)
        .collect();
    let after = store.snapshot().unwrap();
    assert!(matching(&after, &QuadPattern::new()) == sorted(now));
    assert_eq!(after.verify().unwrap().problems, []);
}

/// Threads that take a snapshot of their own at each turn see whole commits only: both halves of a pair, or none.
pub(crate) fn new_snapshots_show_whole_commits<F: Factory>(context: &StoreContext<F>) {
    let home = context.home();
    let options = StoreOptions {
        delta_quads_max: 10,
        ..crate::support::tiny()
    };
    let store = open(&home, &options);
    // Most commits are appended to the log; each tenth is large enough to become a new generation.
    let pairs = |number: usize| {
        let count = if number.is_multiple_of(10) { 8 } else { 1 };
        (0..count).flat_map(move |nth| {
            let number = number * 100 + nth;
            [quad(number), quad(number + 10_000)]
        })
    };
    let written = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut last = 0;
                while !written.load(Ordering::Acquire) {
                    let snapshot = store.snapshot().unwrap();
                    assert!(snapshot.epoch() >= last, "a snapshot went back in time");
                    last = snapshot.epoch();
                    assert_eq!(snapshot.len() % 2, 0);
                    let rows = snapshot.match_quads(&QuadPattern::new()).unwrap();
                    assert_eq!(rows.map(Result::unwrap).count() as u64, snapshot.len());
                }
            });
        }
        let _ends = Ends(&written);
        for number in 0..60 {
            store.extend(pairs(number)).unwrap();
        }
    });
    let all = (0..60).flat_map(pairs);
    let snapshot = store.snapshot().unwrap();
    assert_eq!(matching(&snapshot, &QuadPattern::new()), sorted(all));
    assert_eq!(store.verify().unwrap().problems, []);
}
