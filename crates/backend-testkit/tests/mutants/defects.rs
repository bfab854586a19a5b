//! The defects: what each mutant does wrong, which words of the contract it breaks, and which cases must notice.
//!
//! To add one, add a line to the list, and an `if` on it where [`Mutant`](crate::mutant::Mutant) forwards the call.

/// One line of the list.
pub(crate) struct Row {
    pub(crate) defect: Defect,
    pub(crate) name: &'static str,
    /// The item of the contract, `Trait` or `Trait::method`.
    pub(crate) item: &'static str,
    /// Words of that item's documentation that the defect breaks.
    pub(crate) breaks: &'static str,
    /// The cases that must fail.
    pub(crate) cases: &'static [&'static str],
    /// Whether they fail by never coming to an end.
    pub(crate) hangs: bool,
}

macro_rules! defects {
    ($($item:literal : $breaks:literal { $($defect:ident $($hangs:ident)? => [$($case:literal),+ $(,)?];)+ })*) => {
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
            hangs: [$(stringify!($hangs),)? ""][0].len() == "hangs".len(),
        },)+)*];
    };
}

defects! {
    "StorageBackend": "Keys are ordered bytewise" {
        BytesAreSigned => ["single_keys::every_byte_can_be_a_key"];
        EmptyKeysAreLost => ["single_keys::the_empty_key_and_the_empty_value_are_legal"];
        EmptyValuesAreDeletions => ["single_keys::the_empty_key_and_the_empty_value_are_legal"];
        ZerosAtTheEndAreCut => ["single_keys::keys_of_zero_bytes_are_told_apart"];
    }
    "StorageBackend": "Keys longer than `key_bytes_max` are refused" {
        LongKeysAreAccepted => ["single_keys::a_key_too_long_is_refused_and_not_written"];
        LongKeysAreRefusedAndWritten => ["single_keys::a_key_too_long_is_refused_and_not_written"];
    }
    "StorageBackend": "An operation on a keyspace that does not exist is `NotFound`" {
        UnknownKeyspacesAreEmpty => ["single_keys::an_unknown_keyspace_is_not_found"];
    }
    "StorageBackend": "An operation on a closed backend is `Closed`" {
        ClosedStillAnswers => ["closing::later_calls_are_closed"];
        SnapshotsEndWithTheBackend => ["snapshots::a_snapshot_outlives_close"];
    }
    "StorageBackend::keyspaces": "sorted by name" {
        KeyspacesAreListedBackwards => ["keyspaces::they_are_listed_by_name"];
    }
    "StorageBackend::create_keyspace": "Is its own atomic, lasting operation" {
        NewKeyspacesDoNotLast => ["reopening::keyspaces_are_there_again"];
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
    "StorageBackend::begin_with": "While one is open, another thread waits" {
        NobodyWaits => ["transactions::a_waiting_thread_gets_its_turn", "transactions::a_time_out_is_kept"];
        TimeOutsAreForgotten hangs => ["transactions::a_time_out_is_kept"];
    }
    "StorageBackend::begin_with": "The thread that holds the transaction gets `Misuse` at once" {
        BeginningInsideIsBusy => ["transactions::its_own_thread_gets_misuse"];
        BeginningWaitsForItself hangs => ["transactions::its_own_thread_gets_misuse"];
    }
    "StorageBackend::ingest": "The keyspace must exist and be empty" {
        UnknownKeyspacesAreFilled => ["ingest::an_unknown_keyspace_is_not_found"];
        FilledKeyspacesAreFilledMore => ["ingest::a_filled_keyspace_is_refused"];
        KeysNeedNotAscend => ["ingest::keys_that_do_not_ascend_are_refused"];
    }
    "StorageBackend::ingest": "is to be dropped" {
        HalfFilledKeyspacesStay => ["ingest::an_error_of_the_source_comes_back"];
    }
    "StorageBackend::ingest": "When it returns `Ok`, all entries are there" {
        TheLastEntryIsLost => ["ingest::all_entries_arrive", "ingest::many_entries_keep_their_order"];
        IngestsDoNotLast => ["reopening::ingested_entries_are_there_again"];
    }
    "StorageBackend::ingest": "Returns the number of entries" {
        EntriesAreMiscounted => ["ingest::all_entries_arrive"];
    }
    "StorageBackend::compact": "Changes no entry" {
        CompactingLosesAnEntry => ["closing::compacting_changes_no_entry"];
    }
    "StorageBackend::stats": "exact" {
        StatsAreOffByOne => ["stats::entries_and_bytes_are_exact"];
        ReadsAreNotCounted => ["stats::operations_are_counted"];
    }
    "StorageBackend::keyspace_size": "exact" {
        SizesAreOffByOne => ["stats::sizes_of_keyspaces_are_exact"];
    }
    "StorageBackend::close": "`Busy` when a transaction is open" {
        ClosingCutsTheTransactionOff => ["closing::an_open_transaction_is_in_the_way"];
    }
    "StorageBackend::close": "closing again is no error" {
        ClosingTwiceFails => ["closing::closing_twice_is_no_error"];
    }
    "StorageBackend::batch": "all or none" {
        BatchesAreOneByOne => ["batches::a_failed_batch_leaves_nothing"];
    }
    "StorageBackend::batch": "the later entry for a key wins" {
        TheEarlierOperationWins => ["batches::the_later_operation_wins"];
    }
    "StorageSnapshot::range_scan": "[start, end)" {
        TheEndIsIncluded => ["ranges::the_start_is_in_and_the_end_is_out"];
    }
    "StorageSnapshot::range_scan": "at most `limit`" {
        LimitsAreIgnored => ["ranges::the_limit_is_kept"];
    }
    "StorageSnapshot::prefix_scan": "whose keys start with `prefix`" {
        PrefixesOf0xffAreEmpty => ["prefixes::prefixes_of_0xff_reach_the_end"];
        PrefixesThatEndIn0xffHaveNoEnd => ["prefixes::a_prefix_that_ends_in_0xff_stops_in_time"];
    }
    "StorageSnapshot::contains": "Whether a key is there" {
        ContainsLooksAbove => ["single_keys::contains_agrees_with_get"];
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
        SeeksGoForwardOnly => ["cursors::seeks_may_go_backwards"];
    }
    "StorageCursor::next": "the entry after the present one" {
        StepsAreOfTwo => ["cursors::next_walks_in_ascending_order"];
    }
    "Transaction": "Dropping it rolls back" {
        DroppedTransactionsCommit => ["transactions::dropping_rolls_back"];
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
