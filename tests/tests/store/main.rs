//! The quad store on every backend: one test for each case and backend, named `backend::module::case`.
//!
//! What flows in: the kit's cases about stores, and those of the modules, each a function over a [`quadrille_tests::Home`]. What flows out: the outcome
//! of each. What always holds: a case runs on every backend that is compiled in, or is listed as ignored; what it
//! says about a store also holds after the store was closed and opened again.
#![allow(
    clippy::unwrap_used,
    reason = "what cannot be prepared is a failed test"
)]

mod damage;
#[cfg(feature = "lmdb")]
mod fixture;
mod graphs;
#[cfg(any(feature = "lmdb", feature = "rocksdb"))]
mod kills;
mod refusal;
mod snapshots;
mod transactions;

use libtest_mimic::{Arguments, Trial};
#[cfg(any(feature = "lmdb", feature = "rocksdb"))]
use quadrille_backend_testkit::Factory;
use quadrille_backend_testkit::store::{store_cases, support};
use quadrille_tests::Home;

macro_rules! list {
    ($home:ty, $trials:ident, $($module:ident { $($case:ident),* $(,)? })*) => {
        $($($trials.push(Trial::test(
            format!("{}::{}::{}", <$home>::NAME, stringify!($module), stringify!($case)),
            || {
                $module::$case::<$home>();
                Ok(())
            },
        ));)*)*
    };
}

/// Every case that runs on all backends, those of the kit first.
fn add<H: Home>(trials: &mut Vec<Trial>) {
    trials.extend(store_cases::<H>().into_iter().map(|case| {
        Trial::test(format!("{}::{}", H::NAME, case.name()), move || {
            case.run();
            Ok(())
        })
    }));
    list! { H, trials,
        damage {
            every_keyspace_of_the_sample_holds_entries,
            a_flipped_byte_is_found_and_named,
            a_dropped_entry_is_found_and_named,
            an_entry_under_another_key_or_in_another_keyspace_is_found,
            damage_is_found_after_reopening,
            inspecting_a_damaged_store_goes_on,
        }
        graphs {
            many_graphs_are_listed_and_cleared,
            a_large_graph_is_cleared,
            the_first_row_costs_few_reads,
            counts_cost_the_same_whatever_the_data,
        }
        refusal {
            keyspaces_of_another_program,
            another_programs_keyspace_beside_a_store,
            keyspaces_with_the_names_of_ours,
            a_root_of_another_version,
            a_root_of_another_program,
        }
        snapshots {
            eight_threads_read_one_snapshot_beside_a_writer,
            new_snapshots_show_whole_commits,
        }
        transactions {
            what_is_not_committed_leaves_nothing,
            own_writes_are_read,
            a_second_transaction_of_the_same_thread_is_refused,
            other_threads_wait_as_long_as_they_say,
            a_broken_extend_leaves_nothing,
            a_large_transaction_is_whole,
        }
    }
}

/// A case about killed writers, told the backend and how to open it.
#[cfg(any(feature = "lmdb", feature = "rocksdb"))]
type KillCase<F> = fn(&str, &F);

/// The cases that need a backend with files; the killed writers open it with its default settings.
#[cfg(any(feature = "lmdb", feature = "rocksdb"))]
fn add_with_files<H: Home, F: Factory>(trials: &mut Vec<Trial>, factory: F) {
    let backend = H::NAME;
    list! { H, trials,
        refusal { files_of_another_program }
    }
    let cases: [(&str, KillCase<F>); 3] = [
        (
            "a_killed_writer_leaves_a_prefix_of_its_commits",
            kills::a_killed_writer_leaves_a_prefix_of_its_commits,
        ),
        (
            "a_killed_creation_can_be_done_again",
            kills::a_killed_creation_can_be_done_again,
        ),
        (
            "a_killed_load_leaves_all_or_nothing",
            kills::a_killed_load_leaves_all_or_nothing,
        ),
    ];
    for (name, case) in cases {
        let factory = factory.clone();
        trials.push(Trial::test(
            format!("{backend}::kills::{name}"),
            move || {
                case(backend, &factory);
                Ok(())
            },
        ));
    }
}

/// The cases that LMDB alone can run.
#[cfg(feature = "lmdb")]
fn add_lmdb(trials: &mut Vec<Trial>) {
    let cases: [(&str, fn()); 4] = [
        (
            "fixture::a_store_of_version_1_opens",
            fixture::a_store_of_version_1_opens,
        ),
        (
            "fixture::the_fixture_is_what_the_generator_makes",
            fixture::the_fixture_is_what_the_generator_makes,
        ),
        (
            "transactions::a_full_disk_leaves_nothing",
            transactions::a_full_disk_leaves_nothing,
        ),
        (
            "transactions::a_full_map_grows",
            transactions::a_full_map_grows,
        ),
    ];
    for (name, case) in cases {
        trials.push(Trial::test(format!("lmdb::{name}"), move || {
            case();
            Ok(())
        }));
    }
}

fn main() {
    #[cfg(any(feature = "lmdb", feature = "rocksdb"))]
    if let Ok(what) = std::env::var("QUADRILLE_CHILD") {
        kills::be_the_writer(&what);
        return;
    }
    #[cfg(feature = "lmdb")]
    if let Some(folder) = std::env::var_os("QUADRILLE_WRITE_FIXTURE") {
        fixture::write_to(folder.as_ref());
        return;
    }
    let mut trials = Vec::new();
    add::<quadrille_tests::MemoryHome>(&mut trials);
    #[cfg(feature = "lmdb")]
    {
        add::<quadrille_tests::LmdbHome>(&mut trials);
        add_with_files::<quadrille_tests::LmdbHome, _>(&mut trials, quadrille_tests::Lmdb);
        add_lmdb(&mut trials);
    }
    #[cfg(feature = "rocksdb")]
    {
        add::<quadrille_tests::RocksDbHome>(&mut trials);
        add_with_files::<quadrille_tests::RocksDbHome, _>(&mut trials, quadrille_tests::RocksDb);
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
