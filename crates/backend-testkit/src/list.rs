//! The one list of all cases, each under the obligation of the contract that it checks.
//!
//! What always holds: the obligations are, word for word and in their order, the bullets under `# Behaviour` in the
//! contract's source; a test of the project compares the two. So no bullet is without a case, and no case without one.

use crate::cases as groups;
use crate::context::{Context, Factory, SMALL_BYTES, temporary};
use crate::{nobody, small_disk};
use quadrille_backend::{StorageBackend, StorageResult};

type Body<F> = fn(&Context<F>) -> StorageResult<()>;

/// What a case needs of a backend, a machine or the runner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Needs {
    Nothing,
    Files,
    NoFiles,
    SmallStore,
    ReadOnly,
    Permissions,
    Processes,
    SmallDisk,
    BatchLimit,
    ValueLimit,
}

/// How a case ended that did not fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The backend does what the contract says.
    Passed,
    /// The case could not be run, for this reason.
    Skipped(&'static str),
}

/// One case: a way to check an obligation.
#[derive(Debug)]
pub struct Case<F> {
    obligation: &'static str,
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

    /// The bullet of the contract that it checks, in the words of the contract.
    #[must_use]
    pub fn obligation(&self) -> &'static str {
        self.obligation
    }

    /// Runs it on fresh stores, or says why it cannot be run. Cases that need other processes are skipped here; a
    /// [`Suite`](crate::Suite) runs them.
    ///
    /// # Errors
    /// What the backend failed with where it should not have.
    ///
    /// # Panics
    /// When the backend answers otherwise than the contract says.
    pub fn run(&self, factory: F) -> StorageResult<Outcome> {
        self.run_in(factory, None)
    }

    /// Runs it as part of the suite of a name, whose program can be started again.
    pub(crate) fn run_in(&self, factory: F, suite: Option<String>) -> StorageResult<Outcome> {
        let context = Context::new(factory, suite);
        if let Some(reason) = self.needs.missing(&context)? {
            return Ok(Outcome::Skipped(reason));
        }
        (self.body)(&context)?;
        Ok(Outcome::Passed)
    }
}

impl Needs {
    /// What is missing, if something is.
    fn missing<F: Factory>(self, context: &Context<F>) -> StorageResult<Option<&'static str>> {
        if self == Self::Nothing {
            return Ok(None);
        }
        let capabilities = context.store()?.capabilities();
        let files = capabilities.persistent;
        let needs_files = matches!(
            self,
            Self::Files | Self::Permissions | Self::Processes | Self::SmallDisk
        );
        if needs_files && !files {
            return Ok(Some("the backend keeps no files"));
        }
        let folder = temporary()?;
        let absent = folder.path().join("absent");
        let factory = context.factory();
        let (missing, reason) = match self {
            Self::Nothing | Self::Files => return Ok(None),
            Self::NoFiles => (files, "the backend keeps files"),
            Self::SmallStore => (
                factory.open_small(&absent, SMALL_BYTES).is_none(),
                "the factory opens no small store",
            ),
            Self::ReadOnly => (
                factory.open_read_only(&absent).is_none(),
                "the factory opens no store for reading only",
            ),
            Self::Permissions => (
                !(groups::errors::permissions_hold()?
                    || (context.has_processes() && nobody::can_be())),
                "permissions do not hold for this user, who cannot be nobody",
            ),
            Self::SmallDisk => (
                !(context.has_processes() && small_disk::can_mount()),
                "no process can be given a small disk",
            ),
            Self::Processes => (
                !context.has_processes(),
                "only the runner of a suite starts processes",
            ),
            Self::BatchLimit => (
                capabilities.batch_operations_max.is_none(),
                "the backend bounds no batch",
            ),
            Self::ValueLimit => (
                // No allocation is longer than that, and so no value.
                isize::try_from(capabilities.value_bytes_max)
                    .map_or(true, |most| most == isize::MAX),
                "the backend bounds no value",
            ),
        };
        Ok(missing.then_some(reason))
    }
}

macro_rules! list {
    ($($obligation:literal { $($needs:ident $group:ident { $($case:ident),* $(,)? })* })*) => {
        vec![$($($(Case {
            obligation: $obligation,
            name: concat!(stringify!($group), "::", stringify!($case)),
            needs: Needs::$needs,
            body: groups::$group::$case::<F>,
        },)*)*)*]
    };
}

/// Every case of the suite, in the order of the contract.
#[must_use]
pub fn cases<F: Factory>() -> Vec<Case<F>> {
    list! {
        "What is declared is kept: keys of `key_bytes_max` bytes, values of `value_bytes_preferred` bytes, and at \
         least the sizes that the fields promise." {
            Nothing single_keys {
                the_longest_key_is_kept,
                what_is_declared_is_enough,
            }
        }
        "A backend that is not `persistent` is empty when opened again, takes no disk, and promises `Unsafe` only." {
            NoFiles reopening {
                what_is_not_persistent_is_empty_again,
            }
        }
        "Keys are ordered bytewise, as `[u8]` is. Empty keys and empty values are legal." {
            Nothing single_keys {
                the_empty_key_and_the_empty_value_are_legal,
                keys_of_zero_bytes_are_told_apart,
                every_byte_can_be_a_key,
                unicode_keys_are_bytes_in_order,
                keys_of_every_length_are_kept,
                long_keys_that_differ_in_the_last_byte,
            }
        }
        "What is put is got back byte by byte, until a later put replaces it or a delete removes it." {
            Nothing single_keys {
                what_is_put_is_got,
                an_absent_key_is_none,
                put_replaces,
                delete_removes,
                values_of_many_lengths_are_kept,
                a_value_of_ten_megabytes_is_kept,
                values_need_not_be_text,
                a_value_grows_and_shrinks,
                many_keys_come_and_go_one_by_one,
            }
        }
        "Keys longer than `key_bytes_max` are refused with `Misuse`; nothing is written. To read, scan or delete one \
         is legal, and finds nothing." {
            Nothing single_keys {
                a_key_too_long_is_refused_and_not_written,
            }
            Nothing ranges {
                bounds_longer_than_any_key_are_legal,
            }
            Nothing prefixes {
                a_prefix_longer_than_every_key_is_empty,
            }
            Nothing transactions {
                keys_too_long_are_sought_and_not_found,
            }
            Nothing ingest {
                a_key_too_long_is_refused,
            }
        }
        "Values longer than `value_bytes_max` are refused with `Misuse`; nothing is written." {
            ValueLimit single_keys {
                a_value_too_long_is_refused_and_not_written,
            }
        }
        "An operation on a keyspace that does not exist is `NotFound`, and the error names the keyspace." {
            Nothing single_keys {
                an_unknown_keyspace_is_not_found,
                errors_name_the_keyspace,
            }
            Nothing ranges {
                an_unknown_keyspace_has_no_ranges,
            }
            Nothing snapshots {
                a_keyspace_created_later_is_not_found,
            }
            Nothing ingest {
                an_unknown_keyspace_is_not_found,
            }
            Nothing keyspaces {
                an_unknown_one_is_not_dropped,
            }
        }
        "An operation on a closed backend is `Closed`; snapshots and cursors taken before stay readable." {
            Nothing closing {
                later_calls_are_closed,
            }
            Nothing snapshots {
                a_snapshot_outlives_close,
            }
            Nothing concurrency {
                closing_beside_readers,
            }
        }
        "What finds no room is `Full`; nothing of it is visible, what was there stays, and deleting makes room again." {
            SmallStore room {
                what_finds_no_room_is_full,
                nothing_of_a_full_transaction_is_visible,
                deleting_makes_room_again,
                an_ingest_without_room_is_full,
            }
            SmallDisk errors {
                a_full_disk_loses_no_commit,
            }
        }
        "What was opened for reading only answers writes with `ReadOnly`, and changes nothing." {
            ReadOnly errors {
                what_is_read_only_refuses_writes,
                reading_an_absent_store_creates_nothing,
            }
        }
        "A place that cannot be used, such as a file or a folder without permission, is an error at opening, and \
         stays as it is." {
            Files errors {
                a_file_in_place_of_the_folder_stays,
                a_path_below_a_file_is_an_error,
            }
            Permissions errors {
                a_folder_without_permission_is_an_error,
            }
        }
        "A store with files has one writer: opening it again is `Locked` until the backend is closed or dropped and \
         its snapshots are gone." {
            Files reopening {
                a_second_writer_is_locked_out,
                an_open_snapshot_holds_the_store,
            }
        }
        "What was committed is there after closing and opening, or dropping and opening, when the backend is \
         `persistent`." {
            Files reopening {
                commits_are_there_again,
                rolled_back_writes_are_not,
                keyspaces_are_there_again,
                dropping_the_backend_loses_nothing,
                large_values_are_there_again,
                it_can_be_done_many_times,
            }
        }
        "Files that are cut off or missing are an error at opening or reading, or do no harm: never wrong entries, a \
         panic or the death of the process." {
            Processes errors {
                files_cut_off_to_nothing,
                files_cut_off_in_half,
                files_short_of_one_byte,
                missing_files,
            }
        }
        "However commits, rollbacks, snapshots, keyspaces, ingests and reopenings follow one another, the entries are \
         those that sorted maps would hold." {
            Nothing random {
                histories_agree_with_sorted_maps,
            }
            Nothing transactions {
                random_histories_agree_with_a_model,
            }
        }
        "Threads may do all of this at once, and every commit stays whole." {
            Nothing concurrency {
                commits_of_many_threads_all_arrive,
                readers_beside_a_writer_see_whole_commits,
                scans_beside_batches_see_whole_commits,
                scans_beside_keyspaces_that_come_and_go,
                one_of_many_creates_a_keyspace,
                writers_and_readers_at_once,
            }
        }
        "They are sorted by name; their keys are apart." {
            Nothing keyspaces {
                they_are_listed_by_name,
                their_keys_are_apart,
                many_come_and_go,
                the_longest_name_is_legal,
            }
        }
        "Is its own atomic, lasting operation; it waits for a running transaction to end." {
            Nothing keyspaces {
                creating_waits_for_the_transaction,
            }
        }
        "A keyspace that exists is `Misuse`, and stays as it is." {
            Nothing keyspaces {
                an_existing_one_is_not_created_again,
            }
        }
        "From the thread that holds the transaction it is `Misuse`, not a deadlock." {
            Nothing transactions {
                its_own_thread_gets_misuse,
            }
        }
        "Snapshots and cursors taken before go on reading it." {
            Nothing snapshots {
                a_dropped_keyspace_stays_readable,
            }
        }
        "The name can be created again, and is then empty." {
            Nothing keyspaces {
                a_recreated_one_is_empty,
            }
            Nothing snapshots {
                a_recreated_keyspace_is_another_one,
            }
        }
        "Is owned, cheap, `Send + Sync`, and never changes." {
            Nothing snapshots {
                a_snapshot_never_changes,
                many_commits_are_kept_apart,
            }
            Nothing concurrency {
                eight_threads_share_one,
                snapshots_come_and_go_in_many_threads,
                snapshots_have_the_keyspaces_of_their_commit,
            }
        }
        "Never blocks a writer and is never blocked by one." {
            Nothing snapshots {
                neither_side_waits_for_the_other,
            }
        }
        "At least a hundred can be open at once; one more than the engine can hold is `Busy`, until another goes." {
            Nothing snapshots {
                a_hundred_are_open_at_once,
            }
        }
        "While one is open, another thread waits; past its time it gets `Busy`. All who wait get their turn." {
            Nothing transactions {
                another_thread_gets_busy,
                a_time_out_is_kept,
                a_waiting_thread_gets_its_turn,
            }
            Nothing concurrency {
                all_who_wait_get_their_turn,
            }
        }
        "The thread that holds the transaction gets `Misuse` at once, whatever the wait: it would wait for itself." {
            Nothing transactions {
                a_refused_second_one_changes_nothing,
            }
        }
        "The keyspace must exist and be empty, else `Misuse`; keys must ascend strictly, else `Misuse`." {
            Nothing ingest {
                a_filled_keyspace_is_refused,
                keys_that_do_not_ascend_are_refused,
            }
        }
        "Is not atomic: after an error or a crash the keyspace may hold some of the entries, and is to be dropped." {
            Nothing ingest {
                what_a_failed_one_leaves_can_be_dropped,
            }
        }
        "When it returns `Ok`, all entries are there, and as durable as a commit." {
            Nothing ingest {
                all_entries_arrive,
                many_entries_keep_their_order,
                writes_go_on_after_it,
                older_snapshots_do_not_see_it,
            }
            Files reopening {
                ingested_entries_are_there_again,
            }
        }
        "Returns the number of entries." {
            Nothing ingest {
                no_entries_are_legal,
            }
        }
        "An error of the source comes back as it is." {
            Nothing ingest {
                an_error_of_the_source_comes_back,
            }
        }
        "A commit before it survives the death of the process, whatever the durability, when the backend is \
         `persistent`." {
            Processes reopening {
                a_killed_process_keeps_what_it_flushed,
            }
        }
        "Changes no entry, also when it is `Busy`; snapshots taken before stay readable." {
            Nothing closing {
                compacting_changes_no_entry,
                compacting_beside_a_snapshot,
            }
        }
        "Gives most of the space of a dropped keyspace back." {
            Files reopening {
                compacting_gives_space_back,
            }
        }
        "Entries and bytes are exactly those of the last commit, whatever was done, reopening included." {
            Nothing stats {
                entries_and_bytes_are_exact,
            }
            Files stored_stats {
                they_are_exact_after_reopening,
            }
            Nothing concurrency {
                figures_beside_a_writer_are_of_one_commit,
            }
        }
        "Operations are counted as [`StorageStats`] says; those of a transaction that was rolled back are not." {
            Nothing stats {
                operations_are_counted,
                rolled_back_operations_are_not_counted,
            }
        }
        "`disk_bytes` is what the files take." {
            Files stored_stats {
                disk_bytes_are_what_the_files_take,
            }
        }
        "Counts the snapshots that are open, those that only a cursor keeps alive included, and tells the oldest's age." {
            Nothing stats {
                open_snapshots_are_counted,
            }
        }
        "They are exactly those of the last commit." {
            Nothing stats {
                sizes_of_keyspaces_are_exact,
            }
        }
        "The copy opens as a store of its own, with everything in it." {
            Files reopening {
                a_checkpoint_is_a_store_of_its_own,
            }
        }
        "A folder that holds something is `Misuse`, and stays as it is." {
            Files reopening {
                a_checkpoint_wants_an_empty_folder,
            }
        }
        "A backend that is not `persistent` has nothing to write files with: it is `Unsupported`." {
            NoFiles reopening {
                without_files_there_is_no_checkpoint,
            }
        }
        "Closing again is no error." {
            Nothing closing {
                closing_twice_is_no_error,
            }
        }
        "While a transaction is open, closing and destroying are `Busy`; the transaction goes on." {
            Nothing closing {
                an_open_transaction_is_in_the_way,
            }
        }
        "Nothing is left; what is opened in the same place is a new store." {
            Files reopening {
                destroying_leaves_nothing,
            }
        }
        "Agrees with [`get`](Self::get)." {
            Nothing single_keys {
                contains_agrees_with_get,
            }
        }
        "Removing an absent key is no error." {
            Nothing single_keys {
                deleting_an_absent_key_is_no_error,
            }
            Nothing batches {
                deletes_alone_are_legal,
            }
        }
        "They apply in their order, over all keyspaces: the later operation on a key wins." {
            Nothing batches {
                puts_and_deletes_mix,
                the_later_operation_wins,
                every_order_on_one_key,
                many_writes_of_one_key_keep_the_last,
                a_batch_spans_keyspaces,
                one_key_in_two_keyspaces_is_two,
                large_and_small_values_mix,
            }
        }
        "All or none: after an error nothing of the batch is there." {
            Nothing batches {
                a_failed_batch_leaves_nothing,
                a_large_batch_is_atomic,
            }
        }
        "As many as `batch_operations_max` are taken, however many that is; one more is `Misuse`." {
            Nothing batches {
                an_empty_batch_is_legal,
                a_batch_of_1,
                a_batch_of_100,
                a_batch_of_10_000,
                a_batch_of_100_000,
            }
            BatchLimit batches {
                a_batch_past_the_limit_is_refused,
            }
        }
        "The start is in, the end is out, and neither need be a key; no end is unbounded, an end at or below the \
         start gives nothing." {
            Nothing ranges {
                the_start_is_in_and_the_end_is_out,
                no_end_is_unbounded,
                an_end_at_or_below_the_start_is_empty,
                the_limit_is_kept,
                bounds_need_not_be_keys,
                an_empty_keyspace_has_no_ranges,
                one_key_can_be_a_range,
                the_empty_key_is_in_ranges_from_the_start,
                a_scan_that_ended_has_ended,
                a_scan_can_be_left_midway,
                random_ranges_agree_with_a_model,
            }
        }
        "The scan shows the commit at which it began, whatever is written or dropped meanwhile." {
            Nothing ranges {
                a_scan_does_not_see_later_writes,
                a_scan_goes_on_while_its_entries_are_changed,
                a_scan_outlives_its_keyspace,
                scans_during_writes_show_one_commit,
            }
            Nothing prefixes {
                a_prefix_scan_does_not_see_later_writes,
            }
        }
        "All keys with the prefix and no others, also where the prefix is empty or ends in 0xff." {
            Nothing prefixes {
                only_keys_with_the_prefix_are_found,
                the_empty_prefix_is_everything,
                prefixes_of_0xff_reach_the_end,
                a_prefix_that_ends_in_0xff_stops_in_time,
                prefixes_around_runs_of_0xff,
                a_key_is_its_own_prefix,
                every_byte_can_be_a_prefix,
                random_prefixes_agree_with_a_model,
            }
        }
        "Starts unpositioned: [`entry`](Self::entry) is `None` until a seek finds something." {
            Nothing cursors {
                a_cursor_starts_unpositioned,
            }
        }
        "After a `seek` or `next` that found nothing, `entry` is `None`; `next` from there finds nothing; a new `seek` \
         works." {
            Nothing cursors {
                past_the_end_a_new_seek_works,
            }
        }
        "`seek` may go anywhere, backwards and beyond the longest key too; `next` ascends." {
            Nothing cursors {
                seek_finds_the_first_at_or_above,
                next_walks_in_ascending_order,
                seeks_may_go_backwards,
                seeks_beyond_the_longest_key_are_legal,
                random_walks_agree_with_a_model,
            }
        }
        "Keeps its snapshot alive on its own." {
            Nothing cursors {
                a_cursor_keeps_its_snapshot_alive,
            }
        }
        "Moves between threads, and is independent of other cursors of its snapshot." {
            Nothing cursors {
                a_cursor_moves_between_threads,
                cursors_of_one_snapshot_are_independent,
            }
        }
        "Reads see the transaction's own writes over the commit it began at." {
            Nothing transactions {
                own_writes_are_read,
                own_deletes_are_skipped,
                scans_see_own_writes,
                it_reads_the_empty_key,
            }
        }
        "Nothing is visible to others before `commit` returns; then all of it is, to new snapshots." {
            Nothing transactions {
                nothing_is_visible_before_commit,
                a_commit_spans_keyspaces,
                an_empty_commit_is_legal,
            }
        }
        "Rolled back or dropped, it leaves no trace, and lets the next writer through, whatever ended its thread." {
            Nothing transactions {
                dropping_rolls_back,
                rollback_forgets,
                replaced_and_deleted_entries_come_back,
                a_panic_rolls_back,
            }
        }
        "After a `put` or `delete` that was `Misuse` or `NotFound` the transaction goes on without that write." {
            Nothing transactions {
                it_goes_on_after_a_refused_put,
            }
        }
        "After `Full` or `Io` it can only be rolled back: a commit is an error, and changes nothing." {
            SmallStore room {
                after_full_only_rolling_back_is_left,
            }
        }
        "A returned commit survives the death of the process as `durability` says; what was not committed is gone." {
            Processes reopening {
                a_killed_process_keeps_its_commits,
                a_killed_process_leaves_no_open_transaction,
            }
        }
    }
}
