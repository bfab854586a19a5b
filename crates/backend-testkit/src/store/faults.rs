//! Fault sweeps: every operation that some work asks of the backend fails in turn, whatever it is.
//!
//! After each fault the store holds what it held before the work, or what it holds after it, when the work said that it
//! was done; so it does after it was opened again, where it is verified, and goes on to be written.

use super::support::{close, matching, node, sorted};
use super::{Home, StoreContext};
use crate::{Factory, Fault, Faults, Faulty};
use oxrdf::{GraphName, Literal, Quad};
use quadrille_backend::{ErrorKind, StorageResult};
use quadrille_store::{QuadPattern, QuadStore, StoreOptions};
use std::collections::BTreeSet;
use std::sync::Arc;

type Store<F> = QuadStore<Faulty<Arc<<F as Factory>::Backend>>>;

/// Changes that fit into the log before some of them are folded into blocks.
const DELTA_QUADS_MAX: usize = 6;

fn options() -> StoreOptions {
    StoreOptions {
        delta_quads_max: DELTA_QUADS_MAX,
        ..super::support::tiny()
    }
}

fn quad(number: usize) -> Quad {
    let object = Literal::new_simple_literal(format!("the name of thing number {number}"));
    let graph = match number % 3 {
        0 => GraphName::DefaultGraph,
        _ => node("graph", number % 3).into(),
    };
    Quad::new(
        node("thing", number),
        node("predicate", number % 4),
        object,
        graph,
    )
}

/// A store under faults, and the numbers of the quads that it should hold.
struct Sweep<F: Factory> {
    home: Home<F>,
    faults: Arc<Faults>,
    /// `None` only while it is opened again.
    store: Option<Store<F>>,
    numbers: BTreeSet<usize>,
    /// The first number that was never used.
    fresh: usize,
    /// Operations that pass before the one that fails.
    passing: u64,
}

impl<F: Factory> Sweep<F> {
    /// A store with quads in blocks and in the log.
    fn new(context: &StoreContext<F>) -> Self {
        let mut sweep = Self {
            home: context.home(),
            faults: Arc::default(),
            store: None,
            numbers: BTreeSet::new(),
            fresh: 0,
            passing: 0,
        };
        sweep.store = Some(sweep.open().unwrap());
        sweep.load(60).unwrap();
        sweep.insert_one().unwrap();
        sweep
    }

    fn open(&self) -> StorageResult<Store<F>> {
        let backend = Faulty::sharing(self.home.open()?, Arc::clone(&self.faults));
        QuadStore::open_with(backend, options())
    }

    fn store(&self) -> &Store<F> {
        self.store.as_ref().unwrap()
    }

    fn take_fresh(&mut self, count: usize) -> std::ops::Range<usize> {
        let first = self.fresh;
        self.fresh += count;
        first..self.fresh
    }

    fn load(&mut self, count: usize) -> StorageResult<()> {
        let new = self.take_fresh(count);
        let mut load = self.store().bulk_load()?;
        for number in new.clone() {
            load.push(quad(number).as_ref())?;
        }
        load.finish()?;
        self.numbers.extend(new);
        Ok(())
    }

    fn insert_one(&mut self) -> StorageResult<()> {
        let new = self.take_fresh(1);
        assert!(self.store().insert(&quad(new.start))?);
        self.numbers.extend(new);
        Ok(())
    }

    /// Inserts some and removes some, old ones and one of its own.
    fn change(&mut self) -> StorageResult<()> {
        let new = self.take_fresh(6);
        let mut numbers = self.numbers.clone();
        let store = self.store();
        let mut transaction = store.transaction()?;
        for number in new {
            assert!(transaction.insert(&quad(number))?);
            numbers.insert(number);
        }
        let removed: Vec<usize> = numbers.iter().rev().step_by(7).take(3).copied().collect();
        for number in removed {
            assert!(transaction.remove(&quad(number))?);
            numbers.remove(&number);
        }
        transaction.commit()?;
        self.numbers = numbers;
        Ok(())
    }

    fn reopen(&mut self) {
        close(self.store.take().unwrap());
        self.store = Some(self.open().unwrap());
    }

    fn check(&self) {
        let snapshot = self.store().snapshot().unwrap();
        let expected = sorted(self.numbers.iter().copied().map(quad));
        assert_eq!(matching(&snapshot, &QuadPattern::new()), expected);
        assert_eq!(snapshot.verify().unwrap().problems, []);
    }

    /// From now on counts operations, and makes the one fail whose turn it is.
    fn arm(&self) {
        self.faults.reset_counts();
        let fault = Fault::on_any().after(self.passing);
        self.faults.add(fault.with_kind(ErrorKind::Io));
    }

    /// Does some work with one operation failing, and looks at what is left; whether there was an operation to fail.
    fn fails(mut self, passing: u64, work: Work<F>) -> bool {
        self.passing = passing;
        self.arm();
        let result = work(&mut self);
        let struck = self.faults.count_all() > passing;
        self.faults.clear();
        if let Err(error) = &result {
            assert!(struck, "without a fault: {error}");
        }
        self.check();
        self.reopen();
        self.check();
        self.insert_one().unwrap();
        self.load(3).unwrap();
        self.check();
        struck
    }
}

type Work<F> = fn(&mut Sweep<F>) -> StorageResult<()>;

/// Repeats some work on fresh stores, each time with a later operation failing, until it passes without a fault.
fn sweep<F: Factory>(context: &StoreContext<F>, work: Work<F>) {
    let mut passing = 0;
    while Sweep::new(context).fails(passing, work) {
        passing += context.fault_step;
    }
    assert!(passing > 5, "only {passing} operations");
}

pub(crate) fn a_load_is_whole_or_not_there<F: Factory>(context: &StoreContext<F>) {
    sweep(context, |sweep| sweep.load(30));
}

pub(crate) fn a_transaction_is_whole_or_not_there<F: Factory>(context: &StoreContext<F>) {
    sweep(context, Sweep::change);
}

/// Commits past what the log may hold, each whole by itself: at some of them changes are folded into blocks.
pub(crate) fn a_fold_changes_nothing<F: Factory>(context: &StoreContext<F>) {
    sweep(context, |sweep| {
        (0..2 * DELTA_QUADS_MAX).try_for_each(|_| sweep.insert_one())
    });
}

pub(crate) fn a_compaction_changes_nothing<F: Factory>(context: &StoreContext<F>) {
    sweep(context, |sweep| sweep.store().compact());
}

/// Opening fails at each of its operations, and leaves a store that opens.
pub(crate) fn an_opening_can_be_done_again<F: Factory>(context: &StoreContext<F>) {
    sweep(context, |sweep| {
        sweep.faults.clear();
        close(sweep.store.take().unwrap());
        sweep.arm();
        let (opened, failed) = match sweep.open() {
            Ok(store) => (store, Ok(())),
            Err(error) => {
                sweep.faults.clear();
                (sweep.open().unwrap(), Err(error))
            }
        };
        sweep.store = Some(opened);
        failed
    });
}
