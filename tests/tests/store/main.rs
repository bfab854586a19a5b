//! The quad store on every backend: one test for each case and backend, named `backend::module::case`.
//!
//! What flows in: the kit's cases about stores, and those of the modules, each a function over a [`StoreContext`]. What
//! flows out: the outcome of each. What always holds: a case runs on every backend that is compiled in, or is listed as
//! ignored; what it says about a store also holds after the store was closed and opened again.
//!
//! [`StoreContext`]: quadrille_backend_testkit::store::StoreContext
#![allow(
    clippy::unwrap_used,
    reason = "what cannot be prepared is a failed test"
)]

#[cfg(feature = "lmdb")]
mod fixture;
mod graphs;
#[cfg(any(feature = "lmdb", feature = "rocksdb"))]
mod kills;
mod loads;
mod refusal;
mod snapshots;
mod transactions;

use quadrille_backend_testkit::store::{StoreCase, StoreSuite, support};
use quadrille_backend_testkit::{Factory, Suite, run_all};
use std::process::ExitCode;

macro_rules! list {
    ($($module:ident { $($case:ident),* $(,)? })*) => {
        vec![$($(StoreCase::new(
            concat!(stringify!($module), "::", stringify!($case)),
            $module::$case,
        ),)*)*]
    };
}

/// The cases beside those of the kit that run on all backends.
fn cases<F: Factory>() -> Vec<StoreCase<F>> {
    list! {
        graphs {
            many_graphs_are_listed_and_cleared,
            a_large_graph_is_cleared,
            the_first_row_costs_few_reads,
            counts_cost_the_same_whatever_the_data,
        }
        loads {
            commits_go_on_in_every_stage_of_a_load,
            additions_that_belong_together_rewrite_few_blocks,
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

/// The cases that need the files of a backend of ours; the killed writers open it by its name, with the default
/// settings that `synced` gives it.
#[cfg(any(feature = "lmdb", feature = "rocksdb"))]
fn cases_with_files<F: Factory, S: Factory>(backend: &'static str, synced: S) -> Vec<StoreCase<F>> {
    let mut cases = list! {
        refusal { files_of_another_program }
    };
    let kills: [(&str, KillCase<S>); 5] = [
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
        (
            "a_load_killed_at_each_write_leaves_all_or_nothing",
            kills::a_load_killed_at_each_write_leaves_all_or_nothing,
        ),
        (
            "a_killed_load_beside_commits_leaves_all_or_nothing",
            kills::a_killed_load_beside_commits_leaves_all_or_nothing,
        ),
    ];
    for (name, case) in kills {
        let synced = synced.clone();
        let body = move |_: &_| case(backend, &synced);
        cases.push(StoreCase::new(format!("kills::{name}"), body));
    }
    cases
}

/// The cases that LMDB alone can run.
#[cfg(feature = "lmdb")]
fn cases_of_lmdb<F: Factory>() -> Vec<StoreCase<F>> {
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
    cases
        .map(|(name, case)| StoreCase::new(name, move |_| case()))
        .into()
}

/// The whole suite of each backend: as many random histories and faults as its speed allows.
fn suites() -> Vec<Suite> {
    vec![
        StoreSuite::new("memory", quadrille_tests::Memory)
            .random_cases(200)
            .with(cases())
            .into(),
        #[cfg(feature = "lmdb")]
        StoreSuite::new("lmdb", quadrille_tests::UnsyncedLmdb)
            .random_cases(60)
            .with(cases())
            .with(cases_with_files("lmdb", quadrille_tests::Lmdb))
            .with(cases_of_lmdb())
            .into(),
        #[cfg(feature = "rocksdb")]
        StoreSuite::new("rocksdb", quadrille_tests::UnsyncedRocksDb)
            .random_cases(4)
            .fault_step(61)
            .with(cases())
            .with(cases_with_files("rocksdb", quadrille_tests::RocksDb))
            .into(),
    ]
}

fn main() -> ExitCode {
    #[cfg(any(feature = "lmdb", feature = "rocksdb"))]
    if let Some((what, folder)) = quadrille_backend_testkit::child::role() {
        kills::be_the_writer(&what, &folder);
        return ExitCode::SUCCESS;
    }
    #[cfg(feature = "lmdb")]
    if let Some(folder) = std::env::var_os("QUADRILLE_WRITE_FIXTURE") {
        fixture::write_to(folder.as_ref());
        return ExitCode::SUCCESS;
    }
    run_all(suites())
}
