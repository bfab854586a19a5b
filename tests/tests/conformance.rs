//! Runs the conformance suite on every backend: one test for each case and backend, named `backend::group::case`.
//!
//! The doubles of the kit run it too, over each pair of backends and over each backend, under names that begin with
//! `mirror-` and `faulty-`. What a backend cannot run is listed as ignored, with the reason.

use quadrille_backend_testkit::{FaultyOf, MirrorOf, Suite, run_all};
#[cfg(feature = "rocksdb")]
use quadrille_tests::RocksDb;
use quadrille_tests::{BoundedMemory, Memory};
#[cfg(feature = "lmdb")]
use quadrille_tests::{Lmdb, LmdbPrefix};
use std::process::ExitCode;

fn main() -> ExitCode {
    run_all(backends().into_iter().chain(doubles()))
}

fn backends() -> Vec<Suite> {
    vec![
        Suite::new("memory", Memory),
        Suite::new("bounded_memory", BoundedMemory),
        #[cfg(feature = "lmdb")]
        Suite::new("lmdb", Lmdb),
        #[cfg(feature = "lmdb")]
        Suite::new("lmdb_prefix", LmdbPrefix),
        #[cfg(feature = "rocksdb")]
        Suite::new("rocksdb", RocksDb),
    ]
}

fn doubles() -> Vec<Suite> {
    vec![
        Suite::new("mirror-memory-memory", MirrorOf(Memory, Memory)),
        Suite::new("faulty-memory", FaultyOf(Memory)),
        #[cfg(feature = "lmdb")]
        without_full_transactions(Suite::new("mirror-memory-lmdb", MirrorOf(Memory, Lmdb))),
        #[cfg(feature = "lmdb")]
        Suite::new("faulty-lmdb", FaultyOf(Lmdb)),
        #[cfg(feature = "rocksdb")]
        without_full_transactions(Suite::new(
            "mirror-memory-rocksdb",
            MirrorOf(Memory, RocksDb),
        )),
        #[cfg(feature = "rocksdb")]
        Suite::new("faulty-rocksdb", FaultyOf(RocksDb)),
        #[cfg(all(feature = "lmdb", feature = "rocksdb"))]
        without_full_transactions(Suite::new("mirror-lmdb-rocksdb", MirrorOf(Lmdb, RocksDb)))
            .without(
                "reopening::a_killed_process_keeps_its_commits",
                "the process can be killed between the commits of the two",
            )
            .without(
                "errors::a_full_disk_loses_no_commit",
                "the disk can be full for one of the two",
            ),
    ]
}

/// Of what one transaction writes two backends take unlike amounts, or refuse it sooner and later, which a mirror tells as
/// a difference.
#[cfg(any(feature = "lmdb", feature = "rocksdb"))]
fn without_full_transactions(suite: Suite) -> Suite {
    [
        "room::what_finds_no_room_is_full",
        "room::nothing_of_a_full_transaction_is_visible",
        "room::deleting_makes_room_again",
        "room::after_full_only_rolling_back_is_left",
    ]
    .into_iter()
    .fold(suite, |suite, case| {
        suite.without(
            case,
            "the two find unlike amounts full, or at other moments",
        )
    })
}
