//! Transactions: all or nothing, own writes, one at a time.

use crate::support::{matching, node, open, reopen, sorted, tiny};
use oxrdf::{GraphName, Literal, Quad};
use quadrille_backend::Wait;
use quadrille_backend_testkit::Factory;
use quadrille_backend_testkit::store::StoreContext;
use quadrille_store::{ErrorKind, QuadPattern, QuadStore, StorageBackend, StoreOptions};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

fn quad(number: usize) -> Quad {
    let object = Literal::new_simple_literal(format!("the name of thing number {number}"));
    Quad::new(
        node("thing", number),
        node("predicate", number % 3),
        object,
        GraphName::DefaultGraph,
    )
}

fn assert_holds<B: StorageBackend>(store: &QuadStore<B>, numbers: impl Iterator<Item = usize>) {
    let snapshot = store.snapshot().unwrap();
    let expected = sorted(numbers.map(quad));
    assert_eq!(matching(&snapshot, &QuadPattern::new()), expected);
    assert_eq!(snapshot.len(), expected.len() as u64);
    assert_eq!(snapshot.verify().unwrap().problems, []);
}

/// Dropped, rolled back by name, or lost in a panic: nothing stays, its terms neither, and the next one works.
pub(crate) fn what_is_not_committed_leaves_nothing<F: Factory>(context: &StoreContext<F>) {
    let home = context.home();
    let mut store = open(&home, &tiny());
    store.extend((0..20).map(quad)).unwrap();
    let epoch = store.snapshot().unwrap().epoch();
    for ending in 0..3 {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut transaction = store.transaction().unwrap();
            for number in 20..40 {
                assert!(transaction.insert(&quad(number)).unwrap());
            }
            for number in 0..10 {
                assert!(transaction.remove(&quad(number)).unwrap());
            }
            match ending {
                0 => drop(transaction),
                1 => transaction.rollback(),
                _ => std::panic::resume_unwind(Box::new("with the transaction open")),
            }
        }));
        assert_eq!(outcome.is_err(), ending == 2);
        assert_eq!(store.snapshot().unwrap().epoch(), epoch);
        let term = quad(30).subject;
        assert_eq!(store.snapshot().unwrap().encode(&term).unwrap(), None);
        assert_holds(&store, 0..20);
        store = reopen(&home, store, &tiny());
        assert_holds(&store, 0..20);
    }
    store.insert(&quad(50)).unwrap();
    assert_eq!(store.snapshot().unwrap().epoch(), epoch + 1);
    assert_holds(&store, (0..20).chain([50]));
}

/// A transaction reads what it wrote, in every form of reading; others do not before the commit.
pub(crate) fn own_writes_are_read<F: Factory>(context: &StoreContext<F>) {
    let home = context.home();
    let store = open(&home, &tiny());
    let mut load = store.bulk_load().unwrap();
    for number in 0..100 {
        load.push(quad(number).as_ref()).unwrap();
    }
    load.finish().unwrap();
    let mut transaction = store.transaction().unwrap();
    let pattern = QuadPattern::new().with_predicate(node("predicate", 1));
    assert!(transaction.insert(&quad(100)).unwrap());
    assert!(!transaction.insert(&quad(100)).unwrap());
    assert!(transaction.remove(&quad(1)).unwrap());
    assert!(!transaction.remove(&quad(1)).unwrap());
    assert!(!transaction.remove(&quad(500)).unwrap());
    let between = transaction.snapshot();
    assert!(transaction.remove(&quad(100)).unwrap());
    assert!(transaction.insert(&quad(1)).unwrap());
    assert!(transaction.remove(&quad(4)).unwrap());

    let numbers_between = (0..101).filter(|number| *number != 1);
    let expected = sorted(
        numbers_between
            .map(quad)
            .filter(|quad| pattern.matches(quad.as_ref())),
    );
    assert_eq!(matching(&between, &pattern), expected);
    assert_eq!(between.count(&pattern).unwrap(), expected.len() as u64);
    assert_eq!(between.len(), 100);

    let now = transaction.snapshot();
    assert_eq!((now.len(), transaction.len()), (99, 99));
    assert!(transaction.contains(&quad(1)).unwrap());
    assert!(!transaction.contains(&quad(100)).unwrap());
    assert!(!now.contains(&quad(4)).unwrap());
    assert_eq!(now.count(&pattern).unwrap(), 32);
    assert_eq!(transaction.match_quads(&pattern).unwrap().count(), 32);
    assert_eq!(store.count(&pattern).unwrap(), 33);
    assert_holds(&store, 0..100);
    transaction.commit().unwrap();
    assert_holds(&store, (0..100).filter(|number| *number != 4));
    // The transaction's own views stay what they were.
    assert_eq!(matching(&between, &pattern), expected);
}

/// A thread that would wait for itself is told so, by whatever way it asks.
pub(crate) fn a_second_transaction_of_the_same_thread_is_refused<F: Factory>(
    context: &StoreContext<F>,
) {
    let home = context.home();
    let store = open(&home, &tiny());
    let mut transaction = store.transaction().unwrap();
    transaction.insert(&quad(1)).unwrap();
    let refused = [
        store.transaction().err(),
        store.transaction_with(Wait::No).err(),
        store.bulk_load().err(),
        store.insert(&quad(2)).err(),
        store.clone().remove(&quad(2)).err(),
        store.clear().err(),
        store.compact().err(),
    ];
    for error in refused {
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::Misuse));
    }
    transaction.commit().unwrap();
    store.insert(&quad(2)).unwrap();
    assert_holds(&store, 1..3);
}

/// Another thread may not wait, wait some time, or wait until it is its turn.
pub(crate) fn other_threads_wait_as_long_as_they_say<F: Factory>(context: &StoreContext<F>) {
    let home = context.home();
    let store = &open(&home, &tiny());
    let kind = |wait: Wait| {
        let refused = store.transaction_with(wait).err();
        refused.map(|error| error.kind())
    };
    let (began, is_begun) = mpsc::channel();
    let (ends, end) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let holder = scope.spawn(move || {
            let mut transaction = store.transaction().unwrap();
            transaction.insert(&quad(1)).unwrap();
            began.send(()).unwrap();
            end.recv().unwrap();
            transaction.commit().unwrap();
        });
        is_begun.recv().unwrap();
        assert_eq!(kind(Wait::No), Some(ErrorKind::Busy));
        let start = Instant::now();
        let wait = Duration::from_millis(30);
        assert_eq!(kind(Wait::AtMost(wait)), Some(ErrorKind::Busy));
        assert!(start.elapsed() >= wait);
        // Readers do not wait.
        assert_eq!(store.len().unwrap(), 0);
        let waiting = scope.spawn(|| store.insert(&quad(1)).unwrap());
        ends.send(()).unwrap();
        holder.join().unwrap();
        assert!(!waiting.join().unwrap(), "it sees the other's commit");
    });
    assert_eq!(kind(Wait::No), None);
    assert_holds(store, 1..2);
}

/// `extend` whose quads end in a panic, on its way through a commit and through a load.
pub(crate) fn a_broken_extend_leaves_nothing<F: Factory>(context: &StoreContext<F>) {
    let home = context.home();
    let options = StoreOptions {
        delta_quads_max: 50,
        ..tiny()
    };
    let mut store = open(&home, &options);
    store.extend((0..10).map(quad)).unwrap();
    for quads_before_the_break in [5, 49, 50, 51, 400] {
        let broken = (5..).map(|number| {
            if number == 5 + quads_before_the_break {
                std::panic::resume_unwind(Box::new("the source breaks"));
            }
            quad(number)
        });
        let outcome = catch_unwind(AssertUnwindSafe(|| store.extend(broken)));
        assert!(outcome.is_err());
        assert_holds(&store, 0..10);
        store = reopen(&home, store, &options);
        assert_holds(&store, 0..10);
    }
    assert_eq!(store.extend((5..400).map(quad)).unwrap(), 390);
    assert_holds(&store, 0..400);
}

/// A transaction of more changes than the log may hold becomes a new generation, whole.
pub(crate) fn a_large_transaction_is_whole<F: Factory>(context: &StoreContext<F>) {
    let home = context.home();
    let options = StoreOptions {
        delta_quads_max: 50,
        ..tiny()
    };
    let mut store = open(&home, &options);
    store.extend((0..40).map(quad)).unwrap();
    let before = store.snapshot().unwrap();
    let mut transaction = store.transaction().unwrap();
    for number in 40..500 {
        assert!(transaction.insert(&quad(number)).unwrap());
    }
    for number in 0..20 {
        assert!(transaction.remove(&quad(number)).unwrap());
    }
    assert_holds(&store, 0..40);
    transaction.commit().unwrap();
    assert_holds(&store, 20..500);
    assert_eq!(before.len(), 40);
    let held = sorted((0..40).map(quad));
    assert_eq!(matching(&before, &QuadPattern::new()), held);
    drop(before);
    store = reopen(&home, store, &options);
    assert_holds(&store, 20..500);
}

/// A disk that is full in the middle of `extend`: nothing stays, and what fits goes on to be written.
#[cfg(feature = "lmdb")]
pub(crate) fn a_full_disk_leaves_nothing() {
    use quadrille_backend_lmdb::{LmdbBackend, LmdbOptions};
    let folder = tempfile::tempdir().unwrap();
    let map = LmdbOptions::new().map_bytes(2 << 20).map_bytes_max(2 << 20);
    let store = QuadStore::open(LmdbBackend::open_with(folder.path(), map).unwrap()).unwrap();
    store.extend((0..10).map(quad)).unwrap();
    let long = |number: usize| Quad {
        object: Literal::new_simple_literal("long ".repeat(20_000) + &number.to_string()).into(),
        ..quad(number)
    };
    for _ in 0..2 {
        let error = store.extend((10..60).map(long)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full, "{error}");
        assert_holds(&store, 0..10);
        let mut load = store.bulk_load().unwrap();
        for number in 10..60 {
            load.push(long(number).as_ref()).unwrap();
        }
        assert_eq!(load.finish().unwrap_err().kind(), ErrorKind::Full);
        assert_holds(&store, 0..10);
    }
    store.insert(&quad(10)).unwrap();
    assert_holds(&store, 0..11);
    store.close().unwrap();
    drop(store);
    let store = QuadStore::open(LmdbBackend::open(folder.path()).unwrap()).unwrap();
    assert_holds(&store, 0..11);
}

/// A map that is full in the middle of `extend` grows for the next one, and before small commits meet its end.
#[cfg(feature = "lmdb")]
pub(crate) fn a_full_map_grows() {
    use quadrille_backend_lmdb::{LmdbBackend, LmdbOptions};
    let folder = tempfile::tempdir().unwrap();
    let map = LmdbOptions::new().map_bytes(2 << 20);
    let store = QuadStore::open(LmdbBackend::open_with(folder.path(), map).unwrap()).unwrap();
    store.extend((0..10).map(quad)).unwrap();
    assert_holds(&store, 0..10);
    let long = |number: usize| Quad {
        object: Literal::new_simple_literal("long ".repeat(20_000) + &number.to_string()).into(),
        ..quad(number)
    };
    let error = store.extend((10..60).map(long)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    assert_holds(&store, 0..10);
    store.extend((10..60).map(long)).unwrap();
    assert_eq!(store.len().unwrap(), 60);
}
