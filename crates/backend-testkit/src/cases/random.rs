//! Random operations against a model, a sorted map for each keyspace, with shrinking.
//!
//! Seeds are fixed, so that every run is the same; `PROPTEST_CASES` and `PROPTEST_RNG_SEED` ask for more, or others.

use crate::context::snapshot_entries;
use crate::context::{
    Context, Factory, Store, check_figures, delete, entries, ingest, put, refused,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{RngSeed, TestCaseError, TestRunner};
use quadrille_backend::{
    BatchOperation, Entry, ErrorKind, Keyspace, StorageBackend, StorageResult, Transaction,
};
use std::collections::BTreeMap;

/// How many histories a backend in memory gets, and one with files, where opening and waiting for the disk cost time.
const HISTORIES: u32 = 120;
const HISTORIES_WITH_FILES: u32 = 12;
const STEPS_MAX: usize = 50;

type Sorted = BTreeMap<Vec<u8>, Vec<u8>>;
type Model = BTreeMap<Keyspace, Sorted>;
/// A put, or a delete, in the keyspace of that number.
type Write = (usize, Vec<u8>, Option<Vec<u8>>);

#[derive(Clone, Debug)]
enum Step {
    Write(Write),
    Batch(Vec<Write>),
    Transaction { writes: Vec<Write>, commits: bool },
    Ingest(usize, Sorted),
    Create(usize),
    Drop(usize),
    Keep,
    Compare,
    Forget,
    Compact,
    Reopen { closes: bool },
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    // Few bytes and lengths, so that keys meet, nest and border on 0x00 and 0xff.
    prop_oneof![
        8 => vec(select(&[0, 1, 0x7f, 0xfe, 0xff][..]), 0..4),
        1 => vec(any::<u8>(), 30..64),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let lengths = prop_oneof![6 => 0..40_usize, 2 => 300..2500_usize, 1 => 8000..9000_usize];
    (any::<u8>(), lengths).prop_map(|(byte, length)| vec![byte; length])
}

fn write() -> impl Strategy<Value = Write> {
    let value = prop_oneof![3 => value().prop_map(Some), 1 => Just(None)];
    (0..3_usize, key(), value)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => write().prop_map(Step::Write),
        4 => vec(write(), 0..12).prop_map(Step::Batch),
        6 => (vec(write(), 0..12), any::<bool>())
            .prop_map(|(writes, commits)| Step::Transaction { writes, commits }),
        2 => (0..3_usize, btree_map(key(), value(), 0..30))
            .prop_map(|(nth, entries)| Step::Ingest(nth, entries)),
        3 => (0..3_usize).prop_map(Step::Create),
        1 => (0..3_usize).prop_map(Step::Drop),
        2 => Just(Step::Keep),
        2 => Just(Step::Compare),
        1 => Just(Step::Forget),
        1 => Just(Step::Compact),
        1 => any::<bool>().prop_map(|closes| Step::Reopen { closes }),
    ]
}

fn configuration(persistent: bool) -> ProptestConfig {
    let mut configuration = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        configuration.cases = if persistent {
            HISTORIES_WITH_FILES
        } else {
            HISTORIES
        };
    }
    if configuration.rng_seed == RngSeed::Random {
        configuration.rng_seed = RngSeed::Fixed(1);
    }
    // A case is no source file beside which failures could be kept; the output has the shrunk history.
    configuration.failure_persistence = None;
    configuration.max_shrink_time = 60_000;
    configuration
}

pub(crate) fn histories_agree_with_sorted_maps<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let persistent = context.store()?.capabilities().persistent;
    let mut runner = TestRunner::new(configuration(persistent));
    let result = runner.run(&vec(step(), 1..STEPS_MAX), |steps| {
        let failed = |error| TestCaseError::fail(format!("{error}"));
        let mut history = History::new(context).map_err(failed)?;
        for step in steps {
            history.apply(step, persistent).map_err(failed)?;
            history.check().map_err(failed)?;
        }
        history.compare().map_err(failed)
    });
    match result {
        Ok(()) => Ok(()),
        Err(error) => panic!("{error}"),
    }
}

/// A store, what it should hold, and snapshots with what they should show.
struct History<F: Factory> {
    // Dropped before the store: an open snapshot would keep it from being opened again.
    kept: Vec<(<F::Backend as StorageBackend>::Snapshot, Model)>,
    store: Option<Store<F>>,
    model: Model,
    names: [Keyspace; 3],
}

impl<F: Factory> History<F> {
    fn new(context: &Context<F>) -> StorageResult<Self> {
        let store = context.store()?;
        let names = [
            Keyspace::new("a")?,
            Keyspace::new("b")?,
            Keyspace::new("c")?,
        ];
        store.create_keyspace(&names[0])?;
        Ok(Self {
            kept: Vec::new(),
            store: Some(store),
            model: Model::from([(names[0].clone(), Sorted::new())]),
            names,
        })
    }

    fn store(&self) -> &Store<F> {
        self.store.as_ref().expect("open between steps")
    }

    fn apply(&mut self, step: Step, persistent: bool) -> StorageResult<()> {
        match step {
            Step::Write(write) => self.write(write),
            Step::Batch(writes) => self.batch(&writes),
            Step::Transaction { writes, commits } => self.transaction(&writes, commits),
            Step::Ingest(nth, filled) => self.ingest(nth, filled),
            Step::Create(nth) => self.create(nth),
            Step::Drop(nth) => self.drop_keyspace(nth),
            Step::Keep => {
                let snapshot = self.store().snapshot()?;
                self.kept.push((snapshot, self.model.clone()));
                Ok(())
            }
            Step::Compare => self.compare(),
            Step::Forget => {
                self.kept.pop();
                Ok(())
            }
            Step::Compact => match self.store().compact() {
                Err(error) if error.kind() == ErrorKind::Busy && !self.kept.is_empty() => Ok(()),
                compacted => compacted,
            },
            Step::Reopen { closes } if persistent => self.reopen(closes),
            Step::Reopen { .. } => self.store().flush(),
        }
    }

    fn write(&mut self, write: Write) -> StorageResult<()> {
        let store = self.store();
        let name = &self.names[write.0];
        let written = match &write.2 {
            Some(value) => store.put(name, &write.1, value),
            None => store.delete(name, &write.1),
        };
        self.expect(written, std::slice::from_ref(&write))
    }

    fn batch(&mut self, writes: &[Write]) -> StorageResult<()> {
        let operation = |(nth, key, value): &Write| -> BatchOperation {
            match value {
                Some(value) => put(&self.names[*nth], key, value),
                None => delete(&self.names[*nth], key),
            }
        };
        let operations: Vec<_> = writes.iter().map(operation).collect();
        let written = self.store().batch(&operations);
        self.expect(written, writes)
    }

    /// Writes apply to the model when all their keyspaces are there; otherwise they are `NotFound` and nothing is done.
    fn expect(&mut self, written: StorageResult<()>, writes: &[Write]) -> StorageResult<()> {
        let there = |write: &Write| self.model.contains_key(&self.names[write.0]);
        if !writes.iter().all(there) {
            refused(written, ErrorKind::NotFound);
            return Ok(());
        }
        written?;
        apply_all(&mut self.model, &self.names, writes);
        Ok(())
    }

    fn transaction(&mut self, writes: &[Write], commits: bool) -> StorageResult<()> {
        let mut changed = self.model.clone();
        let mut transaction = self.store().begin()?;
        for write in writes {
            let (name, key) = (&self.names[write.0], &write.1);
            let written = match &write.2 {
                Some(value) => transaction.put(name, key, value),
                None => transaction.delete(name, key),
            };
            if !changed.contains_key(name) {
                refused(written, ErrorKind::NotFound);
                continue;
            }
            written?;
            apply_all(&mut changed, &self.names, std::slice::from_ref(write));
            assert_eq!(transaction.get(name, key)?, write.2);
        }
        for (name, map) in &changed {
            assert_eq!(transaction.range_scan(name, &[], None, None)?, listed(map));
        }
        // Nobody else sees any of it.
        self.check()?;
        if commits {
            transaction.commit()?;
            self.model = changed;
        } else {
            transaction.rollback();
        }
        Ok(())
    }

    fn ingest(&mut self, nth: usize, filled: Sorted) -> StorageResult<()> {
        let name = self.names[nth].clone();
        let ingested = ingest(&**self.store(), &name, &listed(&filled));
        match self.model.get_mut(&name) {
            None => refused(ingested, ErrorKind::NotFound),
            Some(map) if !map.is_empty() => refused(ingested, ErrorKind::Misuse),
            Some(map) => {
                assert_eq!(ingested?, filled.len() as u64);
                *map = filled;
            }
        }
        Ok(())
    }

    fn create(&mut self, nth: usize) -> StorageResult<()> {
        let name = self.names[nth].clone();
        let created = self.store().create_keyspace(&name);
        if self.model.contains_key(&name) {
            refused(created, ErrorKind::Misuse);
            return Ok(());
        }
        self.model.insert(name, Sorted::new());
        created
    }

    fn drop_keyspace(&mut self, nth: usize) -> StorageResult<()> {
        let name = &self.names[nth];
        let dropped = self.store().drop_keyspace(name);
        if self.model.remove(name).is_none() {
            refused(dropped, ErrorKind::NotFound);
            return Ok(());
        }
        dropped
    }

    fn reopen(&mut self, closes: bool) -> StorageResult<()> {
        self.compare()?;
        self.kept.clear();
        let store = self.store.take().expect("open between steps");
        let store = if closes {
            store.reopen()?
        } else {
            store.drop_and_open()?
        };
        self.store = Some(store);
        Ok(())
    }

    /// The last commit is the model, in keyspaces, entries and figures.
    fn check(&self) -> StorageResult<()> {
        let store = self.store();
        assert!(store.keyspaces()?.iter().eq(self.model.keys()));
        for (name, map) in &self.model {
            assert_eq!(entries(&**store, name)?, listed(map), "{name}");
        }
        check_figures(&**store);
        Ok(())
    }

    /// Every snapshot shows what it showed.
    fn compare(&self) -> StorageResult<()> {
        for (snapshot, model) in &self.kept {
            for name in &self.names {
                match model.get(name) {
                    Some(map) => assert_eq!(snapshot_entries(snapshot, name)?, listed(map)),
                    None => refused(snapshot_entries(snapshot, name), ErrorKind::NotFound),
                }
            }
        }
        Ok(())
    }
}

fn apply_all(model: &mut Model, names: &[Keyspace; 3], writes: &[Write]) {
    for (nth, key, value) in writes {
        let Some(map) = model.get_mut(&names[*nth]) else {
            continue;
        };
        match value {
            Some(value) => map.insert(key.clone(), value.clone()),
            None => map.remove(key),
        };
    }
}

fn listed(map: &Sorted) -> Vec<Entry> {
    let pairs = map.iter();
    pairs
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
