//! The contract between the store and a storage engine.
//!
//! Every method takes `&self`, so that one backend serves many threads. The bullets under `# Behaviour` are
//! obligations: each has its cases in the conformance suite, which lists them under the words of the bullet. What
//! `# Errors` lists are the kinds that a caller may meet. The required methods are few; what can be built on them is
//! provided.

use crate::range::{Entry, RangeScan, prefix_end};
use crate::{Keyspace, StorageResult, StorageStats};
use std::path::Path;
use std::time::Duration;

/// What survives a crash once `commit` has returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Durability {
    /// A returned commit survives the death of the process and loss of power.
    #[default]
    Durable,
    /// A crash may lose the last commits, but what is left is the state after some commit, whole.
    Prefix,
    /// A crash of the machine may leave the store unusable. Named so, to be chosen knowingly.
    Unsafe,
}

/// What a backend can do and how it likes to be used.
///
/// # Behaviour
/// * What is declared is kept: keys of `key_bytes_max` bytes, values of `value_bytes_preferred` bytes, and at least the
///   sizes that the fields promise.
/// * A backend that is not `persistent` is empty when opened again, takes no disk, and promises `Unsafe` only.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Capabilities {
    /// Whether entries outlive the process.
    pub persistent: bool,
    /// The longest key, in bytes; at least 64.
    pub key_bytes_max: usize,
    /// The longest value, in bytes; at least 1 GiB.
    pub value_bytes_max: usize,
    /// The size up to which a value with a 32-byte key is stored without waste, in bytes.
    pub value_bytes_preferred: usize,
    /// The most operations in one transaction; `None` when only memory bounds it.
    pub batch_operations_max: Option<usize>,
    /// Whether other processes can read while this one writes.
    pub concurrent_reader_processes: bool,
    /// What a returned commit survives.
    pub durability: Durability,
}

impl Capabilities {
    /// The capabilities of a backend that keeps nothing and bounds nothing.
    #[must_use]
    pub fn volatile() -> Self {
        Self {
            persistent: false,
            key_bytes_max: 65_535,
            value_bytes_max: usize::MAX,
            value_bytes_preferred: 4096,
            batch_operations_max: None,
            concurrent_reader_processes: false,
            durability: Durability::Unsafe,
        }
    }
}

/// How long `begin` may wait for the transaction of another thread to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    /// Until the other transaction ends.
    Forever,
    /// Not at all.
    No,
    /// At most this long.
    AtMost(Duration),
}

/// One operation of an atomic batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BatchOperation {
    /// Writes a value, replacing the one that was there.
    Put {
        /// Where.
        keyspace: Keyspace,
        /// Under which key.
        key: Vec<u8>,
        /// What.
        value: Vec<u8>,
    },
    /// Removes a key; removing one that is absent is no error.
    Delete {
        /// Where.
        keyspace: Keyspace,
        /// Which key.
        key: Vec<u8>,
    },
}

/// A source of ascending entries for [`StorageBackend::ingest`]; lends each entry until the next call.
pub trait EntrySource {
    /// The next entry, `None` after the last.
    ///
    /// # Errors
    /// What the source failed with; the ingest ends with it.
    fn next_entry(&mut self) -> StorageResult<Option<(&[u8], &[u8])>>;
}

/// An ordered store of opaque keys and values in named keyspaces, with snapshots and atomic commits.
///
/// # Behaviour
/// * Keys are ordered bytewise, as `[u8]` is. Empty keys and empty values are legal.
/// * What is put is got back byte by byte, until a later put replaces it or a delete removes it.
/// * Keys longer than `key_bytes_max` are refused with `Misuse`; nothing is written. To read, scan or delete one is
///   legal, and finds nothing.
/// * Values longer than `value_bytes_max` are refused with `Misuse`; nothing is written.
/// * An operation on a keyspace that does not exist is `NotFound`, and the error names the keyspace.
/// * An operation on a closed backend is `Closed`; snapshots and cursors taken before stay readable.
/// * What finds no room is `Full`; nothing of it is visible, what was there stays, and deleting makes room again.
/// * What was opened for reading only answers writes with `ReadOnly`, and changes nothing.
/// * A place that cannot be used, such as a file or a folder without permission, is an error at opening, and stays as
///   it is.
/// * A store with files has one writer: opening it again is `Locked` until the backend is closed or dropped and its
///   snapshots are gone.
/// * What was committed is there after closing and opening, or dropping and opening, when the backend is `persistent`.
/// * Files that are cut off or missing are an error at opening or reading, or do no harm: never wrong entries, a panic
///   or the death of the process.
/// * However commits, rollbacks, snapshots, keyspaces, ingests and reopenings follow one another, the entries are those
///   that sorted maps would hold.
/// * Threads may do all of this at once, and every commit stays whole.
pub trait StorageBackend: Send + Sync + 'static {
    /// An owned view of one commit.
    type Snapshot: StorageSnapshot;
    /// The write transaction.
    type Transaction<'a>: Transaction
    where
        Self: 'a;

    /// What this backend can do.
    fn capabilities(&self) -> Capabilities;

    /// The keyspaces that exist.
    ///
    /// # Behaviour
    /// * They are sorted by name; their keys are apart.
    ///
    /// # Errors
    /// `Closed`, `Io`.
    fn keyspaces(&self) -> StorageResult<Vec<Keyspace>>;

    /// Creates an empty keyspace.
    ///
    /// # Behaviour
    /// * Is its own atomic, lasting operation; it waits for a running transaction to end.
    /// * A keyspace that exists is `Misuse`, and stays as it is.
    /// * From the thread that holds the transaction it is `Misuse`, not a deadlock.
    ///
    /// # Errors
    /// `Misuse`, `Closed`, `ReadOnly`, `Full`, `Io`.
    fn create_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()>;

    /// Removes a keyspace and its entries, giving its space back to the engine.
    ///
    /// # Behaviour
    /// * Snapshots and cursors taken before go on reading it.
    /// * The name can be created again, and is then empty.
    ///
    /// # Errors
    /// `Misuse` (this thread holds the transaction), `NotFound`, `Closed`, `ReadOnly`, `Io`.
    fn drop_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()>;

    /// A view of the last commit.
    ///
    /// # Behaviour
    /// * Is owned, cheap, `Send + Sync`, and never changes.
    /// * Never blocks a writer and is never blocked by one.
    /// * At least a hundred can be open at once; one more than the engine can hold is `Busy`, until another goes.
    ///
    /// # Errors
    /// `Closed`, `Busy` (no reader slot left), `Io`.
    fn snapshot(&self) -> StorageResult<Self::Snapshot>;

    /// Begins the one write transaction, waiting for another to end as long as told.
    ///
    /// # Behaviour
    /// * While one is open, another thread waits; past its time it gets `Busy`. All who wait get their turn.
    /// * The thread that holds the transaction gets `Misuse` at once, whatever the wait: it would wait for itself.
    ///
    /// # Errors
    /// `Busy`, `Misuse`, `Closed`, `ReadOnly`, `Io`.
    fn begin_with(&self, wait: Wait) -> StorageResult<Self::Transaction<'_>>;

    /// Writes ascending entries into a keyspace that is empty: the bulk path.
    ///
    /// It takes as long as the source does, and a store loads beside its transactions. So a backend should let these in
    /// while the source makes entries, and keep them out for no longer than it takes to write a part; where it cannot,
    /// they wait until the ingest ends.
    ///
    /// # Behaviour
    /// * The keyspace must exist and be empty, else `Misuse`; keys must ascend strictly, else `Misuse`.
    /// * Is not atomic: after an error or a crash the keyspace may hold some of the entries, and is to be dropped.
    /// * When it returns `Ok`, all entries are there, and as durable as a commit.
    /// * Returns the number of entries.
    /// * An error of the source comes back as it is.
    ///
    /// # Errors
    /// `Misuse`, `NotFound`, `Closed`, `ReadOnly`, `Full`, `Io`, and what the source fails with.
    fn ingest(&self, keyspace: &Keyspace, entries: &mut dyn EntrySource) -> StorageResult<u64>;

    /// Makes every returned commit as durable as the backend can.
    ///
    /// # Behaviour
    /// * A commit before it survives the death of the process, whatever the durability, when the backend is
    ///   `persistent`.
    ///
    /// # Errors
    /// `Closed`, `Full`, `Io`.
    fn flush(&self) -> StorageResult<()>;

    /// Gives space that deleted entries held back to the operating system, where the engine can.
    ///
    /// # Behaviour
    /// * Changes no entry, also when it is `Busy`; snapshots taken before stay readable.
    /// * Gives most of the space of a dropped keyspace back.
    ///
    /// # Errors
    /// `Busy` (other processes or snapshots hold the old files), `Closed`, `ReadOnly`, `Full`, `Io`.
    fn compact(&self) -> StorageResult<()>;

    /// What the backend holds and has done.
    ///
    /// # Behaviour
    /// * Entries and bytes are exactly those of the last commit, whatever was done, reopening included.
    /// * Operations are counted as [`StorageStats`] says; those of a transaction that was rolled back are not.
    /// * `disk_bytes` is what the files take.
    /// * Counts the snapshots that are open, those that only a cursor keeps alive included, and tells the oldest's age.
    ///
    /// # Errors
    /// `Closed`, `Io`.
    fn stats(&self) -> StorageResult<StorageStats>;

    /// Entries, and bytes of keys and values, of one keyspace.
    ///
    /// # Behaviour
    /// * They are exactly those of the last commit.
    ///
    /// # Errors
    /// `NotFound`, `Closed`, `Io`.
    fn keyspace_size(&self, keyspace: &Keyspace) -> StorageResult<(u64, u64)> {
        let (mut count, mut bytes) = (0, 0);
        let mut cursor = self.snapshot()?.cursor(keyspace)?;
        let mut found = cursor.seek(&[])?;
        while let Some((key, value)) = cursor.entry().filter(|_| found) {
            count += 1;
            bytes += (key.len() + value.len()) as u64;
            found = cursor.next()?;
        }
        Ok((count, bytes))
    }

    /// Writes a copy of the last commit into an empty or absent folder.
    ///
    /// # Behaviour
    /// * The copy opens as a store of its own, with everything in it.
    /// * A folder that holds something is `Misuse`, and stays as it is.
    /// * A backend that is not `persistent` has nothing to write files with: it is `Unsupported`.
    ///
    /// # Errors
    /// `Misuse`, `Unsupported`, `Closed`, `Full`, `Io`.
    fn checkpoint(&self, folder: &Path) -> StorageResult<()>;

    /// Flushes and closes.
    ///
    /// # Behaviour
    /// * Closing again is no error.
    /// * While a transaction is open, closing and destroying are `Busy`; the transaction goes on.
    ///
    /// # Errors
    /// `Busy`, `Full`, `Io`.
    fn close(&self) -> StorageResult<()>;

    /// Closes and deletes everything, the files included.
    ///
    /// # Behaviour
    /// * Nothing is left; what is opened in the same place is a new store.
    ///
    /// # Errors
    /// `Busy` when a transaction is open, or a snapshot that cannot be served without the files; `Closed`,
    /// `ReadOnly`, `Io`.
    fn destroy(&self) -> StorageResult<()>;

    /// Begins the write transaction, waiting as long as it takes.
    ///
    /// # Errors
    /// As [`begin_with`](Self::begin_with).
    fn begin(&self) -> StorageResult<Self::Transaction<'_>> {
        self.begin_with(Wait::Forever)
    }

    /// Begins the write transaction, or is `Busy` at once.
    ///
    /// # Errors
    /// As [`begin_with`](Self::begin_with).
    fn try_begin(&self) -> StorageResult<Self::Transaction<'_>> {
        self.begin_with(Wait::No)
    }

    /// The value of a key in the last commit.
    ///
    /// # Errors
    /// `NotFound` (no such keyspace), `Closed`, `Io`.
    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        self.snapshot()?.get(keyspace, key)
    }

    /// Whether a key is in the last commit.
    ///
    /// # Behaviour
    /// * Agrees with [`get`](Self::get).
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn contains(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<bool> {
        self.snapshot()?.contains(keyspace, key)
    }

    /// Writes one entry as a transaction of its own.
    ///
    /// # Errors
    /// As [`Transaction::put`] and [`Transaction::commit`].
    fn put(&self, keyspace: &Keyspace, key: &[u8], value: &[u8]) -> StorageResult<()> {
        let mut transaction = self.begin()?;
        transaction.put(keyspace, key, value)?;
        transaction.commit()
    }

    /// Removes one key as a transaction of its own.
    ///
    /// # Behaviour
    /// * Removing an absent key is no error.
    ///
    /// # Errors
    /// As [`Transaction::delete`] and [`Transaction::commit`].
    fn delete(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<()> {
        let mut transaction = self.begin()?;
        transaction.delete(keyspace, key)?;
        transaction.commit()
    }

    /// Applies puts and deletes as one transaction.
    ///
    /// # Behaviour
    /// * They apply in their order, over all keyspaces: the later operation on a key wins.
    /// * All or none: after an error nothing of the batch is there.
    /// * As many as `batch_operations_max` are taken, however many that is; one more is `Misuse`.
    ///
    /// # Errors
    /// As [`Transaction`]'s methods.
    fn batch(&self, operations: &[BatchOperation]) -> StorageResult<()> {
        let mut transaction = self.begin()?;
        for operation in operations {
            match operation {
                BatchOperation::Put {
                    keyspace,
                    key,
                    value,
                } => transaction.put(keyspace, key, value)?,
                BatchOperation::Delete { keyspace, key } => transaction.delete(keyspace, key)?,
            }
        }
        transaction.commit()
    }

    /// The entries of the last commit with keys in `[start, end)`, ascending, at most `limit`.
    ///
    /// # Behaviour
    /// * The start is in, the end is out, and neither need be a key; no end is unbounded, an end at or below the start
    ///   gives nothing.
    /// * The scan shows the commit at which it began, whatever is written or dropped meanwhile.
    ///
    /// # Errors
    /// `NotFound`, `Closed`, `Io`.
    fn range_scan(
        &self,
        keyspace: &Keyspace,
        start: &[u8],
        end: Option<&[u8]>,
        limit: Option<usize>,
    ) -> StorageResult<RangeScan<<Self::Snapshot as StorageSnapshot>::Cursor>> {
        self.snapshot()?.range_scan(keyspace, start, end, limit)
    }

    /// The entries of the last commit whose keys start with `prefix`, ascending.
    ///
    /// # Behaviour
    /// * All keys with the prefix and no others, also where the prefix is empty or ends in 0xff.
    ///
    /// # Errors
    /// `NotFound`, `Closed`, `Io`.
    fn prefix_scan(
        &self,
        keyspace: &Keyspace,
        prefix: &[u8],
    ) -> StorageResult<RangeScan<<Self::Snapshot as StorageSnapshot>::Cursor>> {
        self.snapshot()?.prefix_scan(keyspace, prefix)
    }
}

/// An owned view of one commit: never changes, never blocks, usable from many threads at once.
///
/// Dropping it releases what it pins.
pub trait StorageSnapshot: Send + Sync + 'static {
    /// A position in one keyspace of this snapshot.
    type Cursor: StorageCursor;

    /// A cursor over a keyspace, not yet positioned. It keeps the snapshot alive.
    ///
    /// # Errors
    /// `NotFound` when the keyspace did not exist at this commit, `Io`.
    fn cursor(&self, keyspace: &Keyspace) -> StorageResult<Self::Cursor>;

    /// The value of a key.
    ///
    /// # Errors
    /// `NotFound` (no such keyspace), `Io`.
    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        let mut cursor = self.cursor(keyspace)?;
        let found = cursor.seek(key)?;
        let entry = cursor.entry().filter(|entry| found && entry.0 == key);
        Ok(entry.map(|(_, value)| value.to_vec()))
    }

    /// Whether a key is there.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn contains(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<bool> {
        let mut cursor = self.cursor(keyspace)?;
        let found = cursor.seek(key)?;
        Ok(cursor.entry().is_some_and(|entry| found && entry.0 == key))
    }

    /// The entries with keys in `[start, end)`, ascending, at most `limit`.
    ///
    /// # Errors
    /// `NotFound`, `Io`.
    fn range_scan(
        &self,
        keyspace: &Keyspace,
        start: &[u8],
        end: Option<&[u8]>,
        limit: Option<usize>,
    ) -> StorageResult<RangeScan<Self::Cursor>> {
        Ok(RangeScan::new(self.cursor(keyspace)?, start, end, limit))
    }

    /// The entries whose keys start with `prefix`, ascending.
    ///
    /// # Errors
    /// `NotFound`, `Io`.
    fn prefix_scan(
        &self,
        keyspace: &Keyspace,
        prefix: &[u8],
    ) -> StorageResult<RangeScan<Self::Cursor>> {
        self.range_scan(keyspace, prefix, prefix_end(prefix).as_deref(), None)
    }
}

/// A position among the entries of one keyspace, at one commit.
///
/// # Behaviour
/// * Starts unpositioned: [`entry`](Self::entry) is `None` until a seek finds something.
/// * After a `seek` or `next` that found nothing, `entry` is `None`; `next` from there finds nothing; a new `seek` works.
/// * `seek` may go anywhere, backwards and beyond the longest key too; `next` ascends.
/// * Keeps its snapshot alive on its own.
/// * Moves between threads, and is independent of other cursors of its snapshot.
pub trait StorageCursor: Send + 'static {
    /// Moves to the first entry whose key is at or above `key`; whether there is one.
    ///
    /// # Errors
    /// `Io`, `Corrupted`.
    fn seek(&mut self, key: &[u8]) -> StorageResult<bool>;

    /// Moves to the entry after the present one; whether there is one.
    ///
    /// # Errors
    /// `Io`, `Corrupted`.
    fn next(&mut self) -> StorageResult<bool>;

    /// The key and the value at the position, borrowed from the engine where it can lend them.
    fn entry(&self) -> Option<(&[u8], &[u8])>;
}

/// The one write transaction of a backend. Dropping it rolls back.
///
/// # Behaviour
/// * Reads see the transaction's own writes over the commit it began at.
/// * Nothing is visible to others before `commit` returns; then all of it is, to new snapshots.
/// * Rolled back or dropped, it leaves no trace, and lets the next writer through, whatever ended its thread.
/// * After a `put` or `delete` that was `Misuse` or `NotFound` the transaction goes on without that write.
/// * After `Full` or `Io` it can only be rolled back: a commit is an error, and changes nothing.
/// * A returned commit survives the death of the process as `durability` says; what was not committed is gone.
pub trait Transaction {
    /// The value of a key, own writes included.
    ///
    /// # Errors
    /// `NotFound` (no such keyspace), `Io`.
    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>>;

    /// The first entry whose key is at or above `key`, own writes included.
    ///
    /// # Errors
    /// `NotFound`, `Io`.
    fn seek(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Entry>>;

    /// Writes an entry, replacing the value that was there.
    ///
    /// # Errors
    /// `Misuse` (key too long), `NotFound`, `Full`, `Io`.
    fn put(&mut self, keyspace: &Keyspace, key: &[u8], value: &[u8]) -> StorageResult<()>;

    /// Removes a key; an absent one is no error.
    ///
    /// # Errors
    /// `NotFound` (no such keyspace), `Io`.
    fn delete(&mut self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<()>;

    /// Makes all writes visible, and durable as the backend promises; all or nothing.
    ///
    /// # Errors
    /// `Full`, `Io`; nothing of the transaction is visible then.
    fn commit(self) -> StorageResult<()>;

    /// Forgets all writes. The same as dropping.
    fn rollback(self)
    where
        Self: Sized,
    {
        drop(self);
    }

    /// Whether a key is there, own writes included.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn contains(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<bool> {
        Ok(self.get(keyspace, key)?.is_some())
    }

    /// The entries with keys in `[start, end)`, own writes included, ascending, at most `limit`, collected.
    ///
    /// # Errors
    /// As [`seek`](Self::seek).
    fn range_scan(
        &self,
        keyspace: &Keyspace,
        start: &[u8],
        end: Option<&[u8]>,
        limit: Option<usize>,
    ) -> StorageResult<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut from = start.to_vec();
        while entries.len() < limit.unwrap_or(usize::MAX) {
            let Some((key, value)) = self.seek(keyspace, &from)? else {
                break;
            };
            if end.is_some_and(|end| key.as_slice() >= end) {
                break;
            }
            from.clone_from(&key);
            from.push(0);
            entries.push((key, value));
        }
        Ok(entries)
    }
}
