//! What joins and plans read a snapshot through, against a sorted set of rows: stores of blocks, of changes, and of both.
//!
//! What flows in: random quads that are loaded, inserted and removed. What flows out: random requests, each answered by the
//! snapshot and by the set. What always holds: both give the same, on every backend that is tried.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod figures;
mod lookups;
mod model;
mod scans;
mod stopping;
mod tries;
mod values;

use model::{Model, Numbers, Random};
use proptest::prelude::*;
use quadrille_backend::{InMemoryBackend, StorageBackend};
use quadrille_backend_lmdb::LmdbBackend;
use quadrille_store::{QuadStore, Snapshot, StoreOptions};

/// What is done to a store, and how large its blocks are.
#[derive(Clone, Debug)]
struct History {
    loaded: Vec<Numbers>,
    inserted: Vec<Numbers>,
    /// Places among the loaded ones.
    removed: Vec<usize>,
    block_bytes: u32,
    seed: u64,
}

fn numbers() -> impl Strategy<Value = Numbers> {
    // Few predicates and graphs, so that runs are long; more objects than subjects.
    (0..40_u16, 0..5_u16, 0..120_u16, 0..3_u16).prop_map(|(s, p, o, g)| [s, p, o, g])
}

fn histories() -> impl Strategy<Value = History> {
    let loaded = prop_oneof![
        1 => Just(Vec::new()),
        3 => prop::collection::vec(numbers(), 0..200),
        3 => prop::collection::vec(numbers(), 1000..3000),
    ];
    let inserted = prop_oneof![
        2 => Just(Vec::new()),
        3 => prop::collection::vec(numbers(), 0..100),
        1 => prop::collection::vec(numbers(), 1000..2000),
    ];
    let removed = prop_oneof![
        2 => Just(Vec::new()),
        3 => prop::collection::vec(any::<usize>(), 0..200),
        1 => prop::collection::vec(any::<usize>(), 700..1500),
    ];
    let block_bytes = prop_oneof![Just(128_u32), Just(400), Just(1998)];
    (loaded, inserted, removed, block_bytes, any::<u64>()).prop_map(
        |(loaded, inserted, removed, block_bytes, seed)| History {
            loaded,
            inserted,
            removed,
            block_bytes,
            seed,
        },
    )
}

fn made<B: StorageBackend>(backend: B, history: &History) -> QuadStore<B> {
    let options = StoreOptions {
        block_bytes: Some(history.block_bytes),
        ..StoreOptions::default()
    };
    let store = QuadStore::open_with(backend, options).unwrap();
    let mut load = store.bulk_load().unwrap();
    for numbers in &history.loaded {
        load.push(model::quad(*numbers).as_ref()).unwrap();
    }
    load.finish().unwrap();
    store
        .extend(history.inserted.iter().map(|numbers| model::quad(*numbers)))
        .unwrap();
    let mut transaction = store.transaction().unwrap();
    for place in &history.removed {
        if let Some(numbers) = history.loaded.get(place % history.loaded.len().max(1)) {
            transaction.remove(&model::quad(*numbers)).unwrap();
        }
    }
    transaction.commit().unwrap();
    store
}

/// A check of one snapshot.
type Check<B> = fn(&Snapshot<B>, &Model, &mut Random);

fn checked<B: StorageBackend>(backend: B, history: &History, check: Check<B>) {
    let store = made(backend, history);
    let snapshot = store.snapshot().unwrap();
    let model = Model::of(&snapshot, history);
    check(&snapshot, &model, &mut Random::new(history.seed));
}

macro_rules! cases {
    ($($name:ident: $module:ident::$case:ident;)*) => {
        mod memory {
            use super::*;

            proptest! {
                #![proptest_config(ProptestConfig::with_cases(48))]
                $(#[test]
                fn $name(history in histories()) {
                    checked(InMemoryBackend::new(), &history, $module::$case);
                })*
            }
        }

        mod lmdb {
            use super::*;

            proptest! {
                #![proptest_config(ProptestConfig::with_cases(16))]
                $(#[test]
                fn $name(history in histories()) {
                    let folder = tempfile::tempdir().unwrap();
                    checked(LmdbBackend::open(folder.path()).unwrap(), &history, $module::$case);
                })*
            }
        }
    };
}

cases! {
    scans_give_what_they_are_asked_for: scans::check;
    look_ups_give_the_rows_of_their_probes: lookups::check;
    look_ups_refuse_probes_that_do_not_fit: lookups::check_probes;
    tries_give_the_values_of_their_levels: tries::check;
    reads_stop_when_they_are_told_to: stopping::check;
    distinct_values_are_counted: values::check;
    figures_are_near_what_they_are_of: figures::check;
    many_ids_are_decoded_as_each_is: figures::check_decoding;
    parts_of_a_request_are_the_whole: scans::check_split;
}
