//! The conformance suite of the storage contract: one list of named cases, run on any backend.
//!
//! What flows in: a [`Factory`] that opens stores of the backend under test. What flows out: [`Case`]s, each a name
//! `group::case` and a function that panics or fails when the backend breaks its obligation. What always holds: the
//! list in this file is the only one; a case that a backend cannot run says why, and its runner is to show it as
//! ignored, never to leave it out.
//!
//! Beside the suite stand two doubles over any backend: [`Mirror`], which compares two, and [`Faulty`], which fails when
//! told to. With the cargo feature `store` there is a second storey, `store`, which runs quad stores on the backend. How
//! to write a backend and what to run on it is told in the [`guide`].
//!
//! ```
//! use quadrille_backend::{InMemoryBackend, StorageResult};
//! use quadrille_backend_testkit::{Factory, cases};
//!
//! #[derive(Clone, Copy)]
//! struct Memory;
//!
//! impl Factory for Memory {
//!     type Backend = InMemoryBackend;
//!     fn open(&self, _folder: &std::path::Path) -> StorageResult<InMemoryBackend> {
//!         Ok(InMemoryBackend::new())
//!     }
//! }
//!
//! let capabilities = quadrille_backend::Capabilities::volatile();
//! for case in cases::<Memory>() {
//!     if case.skipped(&capabilities).is_none() && case.name().starts_with("single_keys") {
//!         case.run(Memory)?;
//!     }
//! }
//! # Ok::<(), quadrille_backend::StorageError>(())
//! ```

#[doc = include_str!("../guide.md")]
pub mod guide {}

mod cases;
mod context;
mod faulty;
mod mirror;
#[cfg(feature = "store")]
pub mod store;

pub use context::{Context, Factory};
pub use faulty::{
    Fault, Faults, Faulty, FaultyCursor, FaultySnapshot, FaultyTransaction, Moment, Operation,
};
pub use mirror::{Mirror, MirrorCursor, MirrorSnapshot, MirrorTransaction};

use quadrille_backend::{Capabilities, StorageResult};

type Body<F> = fn(&Context<F>) -> StorageResult<()>;

/// What a group of cases needs of a backend.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Needs {
    Nothing,
    Files,
}

/// One obligation of the contract and how to check it.
#[derive(Debug)]
pub struct Case<F> {
    name: &'static str,
    needs: Needs,
    body: Body<F>,
}

impl<F: Factory> Case<F> {
    /// The name, `group::case`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Why a backend with these capabilities cannot run it, if so.
    #[must_use]
    pub fn skipped(&self, capabilities: &Capabilities) -> Option<&'static str> {
        (self.needs == Needs::Files && !capabilities.persistent)
            .then_some("the backend keeps no files")
    }

    /// Runs it on fresh stores.
    ///
    /// # Errors
    /// What the backend failed with where it should not have.
    ///
    /// # Panics
    /// When the backend answers otherwise than the contract says.
    pub fn run(&self, factory: F) -> StorageResult<()> {
        (self.body)(&Context::new(factory))
    }
}

macro_rules! list {
    ($($needs:ident $group:ident { $($case:ident),* $(,)? })*) => {
        vec![$($(Case {
            name: concat!(stringify!($group), "::", stringify!($case)),
            needs: Needs::$needs,
            body: cases::$group::$case::<F>,
        },)*)*]
    };
}

/// Every case of the suite, in the order of the contract.
#[must_use]
pub fn cases<F: Factory>() -> Vec<Case<F>> {
    list! {
        Nothing single_keys {
            what_is_put_is_got,
            an_absent_key_is_none,
            put_replaces,
            delete_removes,
            deleting_an_absent_key_is_no_error,
            contains_agrees_with_get,
            the_empty_key_and_the_empty_value_are_legal,
            keys_of_zero_bytes_are_told_apart,
            every_byte_can_be_a_key,
            the_longest_key_is_kept,
            a_key_too_long_is_refused_and_not_written,
            values_of_many_lengths_are_kept,
            a_value_of_ten_megabytes_is_kept,
            an_unknown_keyspace_is_not_found,
        }
        Nothing ranges {
            the_start_is_in_and_the_end_is_out,
            no_end_is_unbounded,
            an_end_at_or_below_the_start_is_empty,
            the_limit_is_kept,
            bounds_need_not_be_keys,
            random_ranges_agree_with_a_model,
        }
        Nothing prefixes {
            only_keys_with_the_prefix_are_found,
            the_empty_prefix_is_everything,
            prefixes_of_0xff_reach_the_end,
            a_prefix_that_ends_in_0xff_stops_in_time,
            a_prefix_longer_than_every_key_is_empty,
        }
        Nothing cursors {
            a_cursor_starts_unpositioned,
            seek_finds_the_first_at_or_above,
            next_walks_in_ascending_order,
            past_the_end_a_new_seek_works,
            seeks_may_go_backwards,
            a_cursor_keeps_its_snapshot_alive,
            a_cursor_moves_between_threads,
            cursors_of_one_snapshot_are_independent,
            seeks_beyond_the_longest_key_are_legal,
            random_walks_agree_with_a_model,
        }
        Nothing batches {
            puts_and_deletes_mix,
            the_later_operation_wins,
            a_batch_spans_keyspaces,
            a_failed_batch_leaves_nothing,
            an_empty_batch_is_legal,
            a_large_batch_is_atomic,
        }
        Nothing transactions {
            own_writes_are_read,
            own_deletes_are_skipped,
            scans_see_own_writes,
            nothing_is_visible_before_commit,
            dropping_rolls_back,
            rollback_forgets,
            an_empty_commit_is_legal,
            it_goes_on_after_a_refused_put,
            another_thread_gets_busy,
            a_time_out_is_kept,
            a_waiting_thread_gets_its_turn,
            its_own_thread_gets_misuse,
            commits_of_many_threads_all_arrive,
            random_histories_agree_with_a_model,
        }
        Nothing snapshots {
            a_snapshot_never_changes,
            eight_threads_share_one,
            readers_beside_a_writer_see_whole_commits,
            neither_side_waits_for_the_other,
            many_commits_are_kept_apart,
            a_dropped_keyspace_stays_readable,
            a_recreated_keyspace_is_another_one,
            a_keyspace_created_later_is_not_found,
            a_snapshot_outlives_close,
        }
        Nothing ingest {
            all_entries_arrive,
            no_entries_are_legal,
            a_filled_keyspace_is_refused,
            keys_that_do_not_ascend_are_refused,
            an_unknown_keyspace_is_not_found,
            a_key_too_long_is_refused,
            an_error_of_the_source_comes_back,
            writes_go_on_after_it,
            many_entries_keep_their_order,
            older_snapshots_do_not_see_it,
        }
        Nothing keyspaces {
            they_are_listed_by_name,
            an_existing_one_is_not_created_again,
            an_unknown_one_is_not_dropped,
            their_keys_are_apart,
            a_recreated_one_is_empty,
            many_come_and_go,
            the_longest_name_is_legal,
        }
        Nothing closing {
            later_calls_are_closed,
            closing_twice_is_no_error,
            an_open_transaction_is_in_the_way,
            compacting_changes_no_entry,
        }
        Files reopening {
            commits_are_there_again,
            rolled_back_writes_are_not,
            ingested_entries_are_there_again,
            keyspaces_are_there_again,
            dropping_the_backend_loses_nothing,
            a_second_writer_is_locked_out,
            an_open_snapshot_holds_the_store,
            destroying_leaves_nothing,
            a_checkpoint_is_a_store_of_its_own,
            a_checkpoint_wants_an_empty_folder,
            compacting_gives_space_back,
            it_can_be_done_many_times,
        }
        Nothing stats {
            entries_and_bytes_are_exact,
            sizes_of_keyspaces_are_exact,
            operations_are_counted,
            rolled_back_operations_are_not_counted,
        }
        Files stored_stats {
            they_are_exact_after_reopening,
            disk_bytes_are_what_the_files_take,
        }
    }
}
