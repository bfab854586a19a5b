//! The defects: what each mutant does wrong, which words of the contract it breaks, and which cases must notice.
//!
//! To add one, add a line to the list, and an `if` on it where [`Mutant`](crate::mutant::Mutant) forwards the call, or,
//! for a line with `files` or `processes`, [`JournaledMutant`](crate::journaled::JournaledMutant).

/// One line of the list.
pub(crate) struct Row {
    pub(crate) defect: Defect,
    pub(crate) name: &'static str,
    /// The item of the contract, `Trait`, `Structure` or `Trait::method`.
    pub(crate) item: &'static str,
    /// Words of that item's documentation that the defect breaks.
    pub(crate) breaks: &'static str,
    /// The cases that must fail.
    pub(crate) cases: &'static [&'static str],
    pub(crate) base: Base,
}

/// What a mutant is made of, and how its cases are run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Base {
    /// A backend in memory that outlives closing.
    Memory,
    /// The same; its cases fail by never coming to an end.
    Hanging,
    /// A backend in memory that keeps nothing.
    Volatile,
    /// The journal backend of the example crate.
    Files,
    /// The same, in a suite that can start processes.
    Processes,
}

macro_rules! base {
    () => {
        Base::Memory
    };
    (hangs) => {
        Base::Hanging
    };
    (volatile) => {
        Base::Volatile
    };
    (files) => {
        Base::Files
    };
    (processes) => {
        Base::Processes
    };
}

macro_rules! defects {
    ($($item:literal : $breaks:literal { $($defect:ident $($base:ident)? => [$($case:literal),+ $(,)?];)+ })*) => {
        /// What a mutant does wrong.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum Defect {
            $($($defect,)+)*
        }

        /// Every mutant.
        pub(crate) const ROWS: &[Row] = &[$($(Row {
            defect: Defect::$defect,
            name: stringify!($defect),
            item: $item,
            breaks: $breaks,
            cases: &[$($case),+],
            base: base!($($base)?),
        },)+)*];
    };
}

defects! {
    "Capabilities": "What is declared is kept" {
        DeclaredKeysAreRefused => ["single_keys::the_longest_key_is_kept"];
        DeclarationsChange => ["single_keys::what_is_declared_is_enough"];
    }
    "Capabilities": "A backend that is not `persistent` is empty when opened again" {
        WhatIsNotPersistentIsThereAgain volatile => ["reopening::what_is_not_persistent_is_empty_again"];
    }
    "StorageBackend": "Keys are ordered bytewise" {
        BytesAreSigned => ["single_keys::every_byte_can_be_a_key"];
        EmptyKeysAreLost => ["single_keys::the_empty_key_and_the_empty_value_are_legal"];
        EmptyValuesAreDeletions => ["single_keys::the_empty_key_and_the_empty_value_are_legal"];
        ZerosAtTheEndAreCut => ["single_keys::keys_of_zero_bytes_are_told_apart"];
    }
    "StorageBackend": "What is put is got back byte by byte" {
        BytesThatAreNoTextAreReplaced => ["single_keys::values_need_not_be_text"];
        LargeValuesAreCut => ["single_keys::values_of_many_lengths_are_kept"];
    }
    "StorageBackend": "Keys longer than `key_bytes_max` are refused" {
        LongKeysAreAccepted => ["single_keys::a_key_too_long_is_refused_and_not_written"];
        LongKeysAreRefusedAndWritten => ["single_keys::a_key_too_long_is_refused_and_not_written"];
    }
    "StorageBackend": "Values longer than `value_bytes_max` are refused with `Misuse`" {
        LongValuesAreFull => ["single_keys::a_value_too_long_is_refused_and_not_written"];
        LongValuesAreRefusedAndWritten => ["single_keys::a_value_too_long_is_refused_and_not_written"];
    }
    "StorageBackend": "An operation on a keyspace that does not exist is `NotFound`" {
        UnknownKeyspacesAreEmpty => ["single_keys::an_unknown_keyspace_is_not_found"];
    }
    "StorageBackend": "An operation on a closed backend is `Closed`" {
        ClosedStillAnswers => ["closing::later_calls_are_closed"];
        SnapshotsEndWithTheBackend => ["snapshots::a_snapshot_outlives_close"];
    }
    "StorageBackend": "What finds no room is `Full`" {
        FullIsBusy => ["room::what_finds_no_room_is_full"];
        FullTransactionsLeaveTheirBeginning => ["room::nothing_of_a_full_transaction_is_visible"];
        DeletingMakesNoRoom => ["room::deleting_makes_room_again"];
        FullIngestsDropEverything => ["room::an_ingest_without_room_is_full"];
    }
    "StorageBackend": "What was opened for reading only answers writes with `ReadOnly`" {
        ReadOnlyIsWritten => ["errors::what_is_read_only_refuses_writes"];
        ReadingCreatesTheStore => ["errors::reading_an_absent_store_creates_nothing"];
    }
    "StorageBackend": "A place that cannot be used" {
        FilesInTheWayAreReplaced files => ["errors::a_file_in_place_of_the_folder_stays"];
    }
    "StorageBackend": "A store with files has one writer" {
        EverybodyIsTheWriter files => ["reopening::a_second_writer_is_locked_out"];
        SnapshotsLetTheStoreGo files => ["reopening::an_open_snapshot_holds_the_store"];
    }
    "StorageBackend": "What was committed is there after closing and opening, or dropping and opening" {
        WhatIsDroppedIsLost => ["reopening::dropping_the_backend_loses_nothing"];
        WhatIsClosedIsLost => ["reopening::commits_are_there_again"];
    }
    "StorageBackend": "Files that are cut off or missing" {
        CutOffFilesAreBelieved processes => ["errors::files_cut_off_in_half", "errors::missing_files"];
        DamagedFilesEndTheProcess processes => ["errors::files_cut_off_to_nothing"];
    }
    "StorageBackend": "the entries are those that sorted maps would hold" {
        IngestedEntriesAreNotDeleted => ["random::histories_agree_with_sorted_maps"];
    }
    "StorageBackend": "Threads may do all of this at once, and every commit stays whole" {
        WritersReadWhatWasBeforeTheyWaited => ["concurrency::commits_of_many_threads_all_arrive"];
        CommitsAreSeenHalfDone => ["concurrency::readers_beside_a_writer_see_whole_commits"];
    }
    "StorageBackend::keyspaces": "sorted by name" {
        KeyspacesAreListedBackwards => ["keyspaces::they_are_listed_by_name"];
    }
    "StorageBackend::create_keyspace": "Is its own atomic, lasting operation" {
        NewKeyspacesDoNotLast => ["reopening::keyspaces_are_there_again"];
        CreatingDoesNotWait => ["keyspaces::creating_waits_for_the_transaction"];
    }
    "StorageBackend::create_keyspace": "A keyspace that exists is `Misuse`" {
        CreatingAgainEmpties => ["keyspaces::an_existing_one_is_not_created_again"];
    }
    "StorageBackend::create_keyspace": "From the thread that holds the transaction it is `Misuse`" {
        CreatingWaitsForItself hangs => ["transactions::its_own_thread_gets_misuse"];
        CreatingInsideIsBusy => ["transactions::its_own_thread_gets_misuse"];
    }
    "StorageBackend::drop_keyspace": "Snapshots and cursors taken before go on reading it" {
        DroppingReachesSnapshots => ["snapshots::a_dropped_keyspace_stays_readable"];
    }
    "StorageBackend::drop_keyspace": "The name can be created again, and is then empty" {
        DroppedEntriesComeBack => ["keyspaces::a_recreated_one_is_empty"];
    }
    "StorageBackend::snapshot": "never changes" {
        SnapshotsSeeLaterCommits => ["snapshots::a_snapshot_never_changes"];
    }
    "StorageBackend::snapshot": "Never blocks a writer and is never blocked by one" {
        SnapshotsWaitForTheWriter hangs => ["snapshots::neither_side_waits_for_the_other"];
        CommitsWaitForSnapshots hangs => ["snapshots::neither_side_waits_for_the_other"];
    }
    "StorageBackend::snapshot": "At least a hundred can be open at once" {
        SnapshotsAreFew => ["snapshots::a_hundred_are_open_at_once"];
        OneSnapshotTooManyIsIo => ["snapshots::a_hundred_are_open_at_once"];
    }
    "StorageBackend::begin_with": "While one is open, another thread waits" {
        NobodyWaits => ["transactions::a_waiting_thread_gets_its_turn", "transactions::a_time_out_is_kept"];
        TimeOutsAreForgotten hangs => ["transactions::a_time_out_is_kept"];
    }
    "StorageBackend::begin_with": "The thread that holds the transaction gets `Misuse` at once" {
        BeginningInsideIsBusy => [
            "transactions::its_own_thread_gets_misuse",
            "transactions::a_refused_second_one_changes_nothing",
        ];
        BeginningWaitsForItself hangs => ["transactions::its_own_thread_gets_misuse"];
    }
    "StorageBackend::ingest": "The keyspace must exist and be empty" {
        UnknownKeyspacesAreFilled => ["ingest::an_unknown_keyspace_is_not_found"];
        FilledKeyspacesAreFilledMore => ["ingest::a_filled_keyspace_is_refused"];
        KeysNeedNotAscend => ["ingest::keys_that_do_not_ascend_are_refused"];
    }
    "StorageBackend::ingest": "is to be dropped" {
        HalfFilledKeyspacesStay => [
            "ingest::what_a_failed_one_leaves_can_be_dropped",
            "ingest::an_error_of_the_source_comes_back",
        ];
    }
    "StorageBackend::ingest": "When it returns `Ok`, all entries are there" {
        TheLastEntryIsLost => ["ingest::all_entries_arrive", "ingest::many_entries_keep_their_order"];
        IngestsDoNotLast => ["reopening::ingested_entries_are_there_again"];
    }
    "StorageBackend::ingest": "Returns the number of entries" {
        EntriesAreMiscounted => ["ingest::no_entries_are_legal", "ingest::all_entries_arrive"];
    }
    "StorageBackend::ingest": "An error of the source comes back as it is" {
        ErrorsOfTheSourceAreReplaced => ["ingest::an_error_of_the_source_comes_back"];
    }
    "StorageBackend::flush": "A commit before it survives the death of the process" {
        FlushesDoNothing processes => ["reopening::a_killed_process_keeps_what_it_flushed"];
    }
    "StorageBackend::compact": "Gives most of the space of a dropped keyspace back" {
        CompactingKeepsAllSpace files => ["reopening::compacting_gives_space_back"];
    }
    "StorageBackend::compact": "Changes no entry" {
        CompactingLosesAnEntry => ["closing::compacting_changes_no_entry"];
    }
    "StorageBackend::stats": "exact" {
        StatsAreOffByOne => ["stats::entries_and_bytes_are_exact"];
    }
    "StorageBackend::stats": "Operations are counted as [`StorageStats`] says; those of a transaction that was rolled" {
        ReadsAreNotCounted => ["stats::operations_are_counted"];
        RolledBackWritesAreCounted => ["stats::rolled_back_operations_are_not_counted"];
    }
    "StorageBackend::stats": "`disk_bytes` is what the files take" {
        DiskBytesAreNone files => ["stored_stats::disk_bytes_are_what_the_files_take"];
        DiskBytesAreThoseOfTwo files => ["stored_stats::disk_bytes_are_what_the_files_take"];
    }
    "StorageBackend::stats": "Counts the snapshots that are open, those that only a cursor keeps alive included" {
        SnapshotsAreNotCounted => ["stats::open_snapshots_are_counted"];
        CursorsKeepNoSnapshotCounted => ["stats::open_snapshots_are_counted"];
    }
    "StorageBackend::keyspace_size": "exact" {
        SizesAreOffByOne => ["stats::sizes_of_keyspaces_are_exact"];
    }
    "StorageBackend::checkpoint": "The copy opens as a store of its own, with everything in it" {
        CheckpointsAreEmpty files => ["reopening::a_checkpoint_is_a_store_of_its_own"];
    }
    "StorageBackend::checkpoint": "A folder that holds something is `Misuse`, and stays as it is" {
        CheckpointsMakeRoom files => ["reopening::a_checkpoint_wants_an_empty_folder"];
    }
    "StorageBackend::checkpoint": "it is `Unsupported`" {
        CheckpointsOfNothingSucceed volatile => ["reopening::without_files_there_is_no_checkpoint"];
    }
    "StorageBackend::close": "While a transaction is open, closing and destroying are `Busy`" {
        ClosingCutsTheTransactionOff => ["closing::an_open_transaction_is_in_the_way"];
    }
    "StorageBackend::close": "Closing again is no error" {
        ClosingTwiceFails => ["closing::closing_twice_is_no_error"];
    }
    "StorageBackend::destroy": "Nothing is left" {
        DestroyingLeavesTheFiles files => ["reopening::destroying_leaves_nothing"];
    }
    "StorageBackend::contains": "Agrees with [`get`](Self::get)" {
        ContainsLooksAbove => ["single_keys::contains_agrees_with_get"];
    }
    "StorageBackend::delete": "Removing an absent key is no error" {
        AbsentKeysAreNotFound => ["single_keys::deleting_an_absent_key_is_no_error"];
    }
    "StorageBackend::batch": "All or none: after an error nothing of the batch is there" {
        BatchesAreOneByOne => ["batches::a_failed_batch_leaves_nothing"];
    }
    "StorageBackend::batch": "the later operation on a key wins" {
        TheEarlierOperationWins => ["batches::the_later_operation_wins"];
    }
    "StorageBackend::batch": "As many as `batch_operations_max` are taken" {
        LongBatchesAreTaken => ["batches::a_batch_past_the_limit_is_refused"];
    }
    "StorageBackend::range_scan": "The scan shows the commit at which it began" {
        ScansSeeLaterWrites => ["ranges::a_scan_does_not_see_later_writes"];
    }
    "StorageBackend::range_scan": "the end is out" {
        TheEndIsIncluded => ["ranges::the_start_is_in_and_the_end_is_out"];
    }
    "StorageSnapshot::range_scan": "at most `limit`" {
        LimitsAreIgnored => ["ranges::the_limit_is_kept"];
    }
    "StorageBackend::prefix_scan": "All keys with the prefix and no others, also where the prefix is empty or ends in 0xff" {
        PrefixesOf0xffAreEmpty => ["prefixes::prefixes_of_0xff_reach_the_end"];
        PrefixesThatEndIn0xffHaveNoEnd => ["prefixes::a_prefix_that_ends_in_0xff_stops_in_time"];
    }
    "StorageCursor": "Starts unpositioned" {
        CursorsStartAtTheFirst => ["cursors::a_cursor_starts_unpositioned"];
    }
    "StorageCursor": "`next` from there finds nothing; a new `seek` works" {
        NextStartsAgain => ["cursors::past_the_end_a_new_seek_works"];
        TheLastEntryStays => ["cursors::past_the_end_a_new_seek_works"];
        TheEndIsForEver => ["cursors::past_the_end_a_new_seek_works"];
    }
    "StorageCursor": "Keeps its snapshot alive on its own" {
        CursorsEndWithTheirSnapshot => ["cursors::a_cursor_keeps_its_snapshot_alive"];
    }
    "StorageCursor::seek": "at or above" {
        SeeksGoAbove => ["cursors::seek_finds_the_first_at_or_above"];
    }
    "StorageCursor": "`seek` may go anywhere, backwards" {
        SeeksGoForwardOnly => ["cursors::seeks_may_go_backwards"];
    }
    "StorageCursor": "independent of other cursors of its snapshot" {
        CursorsShareAPosition => ["cursors::cursors_of_one_snapshot_are_independent"];
    }
    "StorageCursor::next": "the entry after the present one" {
        StepsAreOfTwo => ["cursors::next_walks_in_ascending_order"];
    }
    "Transaction": "Rolled back or dropped, it leaves no trace, and lets the next writer through" {
        DroppedTransactionsCommit => ["transactions::dropping_rolls_back", "transactions::rollback_forgets"];
        PanicsKeepTheTransaction => ["transactions::a_panic_rolls_back"];
    }
    "Transaction": "After `Full` or `Io` it can only be rolled back: a commit is an error" {
        CommitsAfterFullAreNoError => ["room::after_full_only_rolling_back_is_left"];
    }
    "Transaction": "A returned commit survives the death of the process" {
        KilledProcessesLoseTheirCommits processes => ["reopening::a_killed_process_keeps_its_commits"];
    }
    "Transaction": "Reads see the transaction's own writes" {
        OwnWritesAreNotRead => ["transactions::own_writes_are_read", "transactions::scans_see_own_writes"];
        OwnDeletesAreNotSeen => ["transactions::own_deletes_are_skipped"];
    }
    "Transaction": "Nothing is visible to others before `commit` returns" {
        PutsAreVisibleAtOnce => ["transactions::nothing_is_visible_before_commit"];
        DeletesAreNeverVisible => ["transactions::nothing_is_visible_before_commit"];
    }
    "Transaction": "the transaction goes on without that write" {
        ARefusedWriteEndsIt => ["transactions::it_goes_on_after_a_refused_put"];
    }
    "Transaction::put": "replacing the value that was there" {
        TheFirstValueStays => ["single_keys::put_replaces"];
    }
}
