//! Loads into stores that hold data: commits beside them, and what they cost.

use crate::support::{close, matching, node, open, reopen, sorted};
use oxrdf::{GraphName, Literal, Quad, Term};
use quadrille_backend::StorageBackend;
use quadrille_backend_testkit::Factory;
use quadrille_backend_testkit::store::StoreContext;
use quadrille_store::{LoadStage, QuadPattern, StoreOptions};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const HELD: usize = 100_000;
const LOADED: usize = 100_000;

/// A stage of a load may wait so long for a commit of another thread; one that must not go on never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ten quads a subject, with values that are scattered over all.
fn quad(number: usize) -> Quad {
    let scattered = number.wrapping_mul(0x9e37_79b9) % 50_021;
    let object: Term = match number % 3 {
        0 => Literal::from(scattered as i64).into(),
        1 => Literal::new_simple_literal(format!("the name of thing {scattered}")).into(),
        _ => node("thing", scattered).into(),
    };
    let graph = match number % 4 {
        0 => node("graph", number % 20).into(),
        _ => GraphName::DefaultGraph,
    };
    Quad::new(
        node("thing", number / 10),
        node("predicate", number % 10),
        object,
        graph,
    )
}

/// What the nth commit beside the load inserts: terms of the load among them, and such as nobody else has.
fn inserted(nth: usize) -> [Quad; 3] {
    let new = Quad {
        subject: node("new", nth).into(),
        ..quad(HELD + nth)
    };
    let shared = quad(HELD + LOADED - 1 - nth * 7 % LOADED);
    [quad(HELD + LOADED + nth), new, shared]
}

/// Each stage of a load goes on only when another thread has committed within it.
pub(crate) fn commits_go_on_in_every_stage_of_a_load<F: Factory>(context: &StoreContext<F>) {
    let home = context.home();
    let options = StoreOptions::default();
    let store = open(&home, &options);
    assert_eq!(store.extend((0..HELD).map(quad)).unwrap(), HELD as u64);
    let (commits, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut stages: Vec<LoadStage> = Vec::new();
    let report = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                let nth = commits.load(Ordering::SeqCst);
                let mut transaction = store.transaction().unwrap();
                for quad in inserted(nth) {
                    transaction.insert(&quad).unwrap();
                }
                assert!(transaction.remove(&quad(nth * 3)).unwrap());
                transaction.commit().unwrap();
                commits.store(nth + 1, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(1));
            }
        });
        let mut load = store.bulk_load().unwrap();
        for number in HELD..HELD + LOADED {
            load.push(quad(number).as_ref()).unwrap();
        }
        let finished = load.finish_observed(&mut |progress| {
            if stages.last() == Some(&progress.stage) {
                return;
            }
            stages.push(progress.stage);
            let (before, start) = (commits.load(Ordering::SeqCst), Instant::now());
            while commits.load(Ordering::SeqCst) < before + 2 {
                assert!(
                    start.elapsed() < PATIENCE,
                    "nobody commits in {:?}",
                    progress.stage
                );
                thread::sleep(Duration::from_millis(1));
            }
        });
        is_over.store(true, Ordering::SeqCst);
        writer.join().unwrap();
        finished.unwrap()
    });
    assert_eq!(report.quads_read, LOADED as u64);
    assert!(stages.len() >= 10, "{stages:?}");
    let commits = commits.into_inner();
    let mut expected = sorted(
        (0..HELD + LOADED)
            .map(quad)
            .chain((0..commits).flat_map(inserted)),
    );
    expected.dedup();
    for gone in (0..commits).map(|nth| quad(nth * 3)) {
        let place = expected.binary_search(&gone.to_string()).unwrap();
        expected.remove(place);
    }
    let snapshot = store.snapshot().unwrap();
    assert!(matching(&snapshot, &QuadPattern::new()) == expected);
    assert_eq!(snapshot.verify().unwrap().problems, []);
    drop(snapshot);
    let store = reopen(&home, store, &options);
    let snapshot = store.snapshot().unwrap();
    assert!(matching(&snapshot, &QuadPattern::new()) == expected);
    assert_eq!(snapshot.verify().unwrap().problems, []);
    drop(snapshot);
    close(store);
}

/// One quad in a hundred, about neighbouring subjects and with values of their own: less than a tenth of the entries is written.
pub(crate) fn additions_that_belong_together_rewrite_few_blocks<F: Factory>(
    context: &StoreContext<F>,
) {
    let home = context.home();
    let options = StoreOptions {
        block_bytes: Some(300),
        ..StoreOptions::default()
    };
    let about = |number: usize| {
        Quad::new(
            node("thing", number / 10),
            node("predicate", number % 10),
            Literal::from((number / 3) as i64),
            GraphName::DefaultGraph,
        )
    };
    let store = open(&home, &options);
    assert_eq!(store.extend((0..HELD).map(about)).unwrap(), HELD as u64);
    let entries = store.backend().stats().unwrap().key_count;
    let before = store.backend().stats().unwrap().writes;
    let mut load = store.bulk_load().unwrap();
    for number in 0..HELD / 100 {
        let again = Quad {
            object: Literal::from((HELD + number / 3) as i64).into(),
            ..about(number)
        };
        load.push(again.as_ref()).unwrap();
    }
    assert_eq!(load.finish().unwrap().quads_new, HELD as u64 / 100);
    let written = store.backend().stats().unwrap().writes - before;
    assert!(
        written * 10 < entries,
        "{written} entries written, of {entries}"
    );
    assert_eq!(store.verify().unwrap().problems, []);
    close(store);
}
