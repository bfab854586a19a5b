//! The write side of a mirror: the transaction, and the one source of entries that feeds two ingests.

use super::compare::Question;
use super::{Limits, Mirror, Unsettled};
use quadrille_backend::{
    Entry, EntrySource, Keyspace, StorageBackend, StorageError, StorageResult, Transaction,
    WriterPermit,
};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// The entries that the first ingest may be ahead of the second.
const AHEAD_MAX: usize = 64;

/// The write transactions of both backends of a [`Mirror`].
pub struct MirrorTransaction<'a, A: StorageBackend, B: StorageBackend> {
    pub(super) left: A::Transaction<'a>,
    pub(super) right: B::Transaction<'a>,
    pub(super) mirror: &'a Mirror<A, B>,
    pub(super) unsettled: Unsettled,
    pub(super) limits: Limits,
    // Dropped last: the next writer finds both backends free.
    pub(super) _permit: WriterPermit<'a>,
}

impl<A: StorageBackend, B: StorageBackend> std::fmt::Debug for MirrorTransaction<'_, A, B> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("MirrorTransaction")
            .finish_non_exhaustive()
    }
}

impl<A: StorageBackend, B: StorageBackend> Transaction for MirrorTransaction<'_, A, B> {
    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        let left = self.left.get(keyspace, key);
        if self.unsettled.contains(keyspace) {
            return left;
        }
        let question = Question::of("get of a transaction", keyspace).at(key);
        question.agree(left, self.right.get(keyspace, key))
    }

    fn seek(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Entry>> {
        let left = self.left.seek(keyspace, key);
        if self.unsettled.contains(keyspace) {
            return left;
        }
        let question = Question::of("seek of a transaction", keyspace).at(key);
        question.agree(left, self.right.seek(keyspace, key))
    }

    fn put(&mut self, keyspace: &Keyspace, key: &[u8], value: &[u8]) -> StorageResult<()> {
        self.limits.check(keyspace, key, value)?;
        let left = self.left.put(keyspace, key, value);
        let question = Question::of("put", keyspace).at(key);
        question.agree(left, self.right.put(keyspace, key, value))
    }

    fn delete(&mut self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<()> {
        let left = self.left.delete(keyspace, key);
        let question = Question::of("delete", keyspace).at(key);
        question.agree(left, self.right.delete(keyspace, key))
    }

    fn commit(self) -> StorageResult<()> {
        let Self {
            left,
            right,
            mirror,
            _permit,
            ..
        } = self;
        // No snapshot is taken between the two commits.
        let _visible = mirror.visible_mut();
        Question::new("commit").agree(left.commit(), right.commit())
    }

    fn contains(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<bool> {
        let left = self.left.contains(keyspace, key);
        if self.unsettled.contains(keyspace) {
            return left;
        }
        let question = Question::of("contains of a transaction", keyspace).at(key);
        question.agree(left, self.right.contains(keyspace, key))
    }

    fn range_scan(
        &self,
        keyspace: &Keyspace,
        start: &[u8],
        end: Option<&[u8]>,
        limit: Option<usize>,
    ) -> StorageResult<Vec<Entry>> {
        let left = self.left.range_scan(keyspace, start, end, limit);
        if self.unsettled.contains(keyspace) {
            return left;
        }
        let right = self.right.range_scan(keyspace, start, end, limit);
        let question = Question::of("range_scan of a transaction", keyspace).at(start);
        question.agree(left, right)
    }
}

type Fed = StorageResult<Option<Entry>>;

/// Feeds one source to an ingest of each backend, the second on a thread of its own; what both said, and whether the
/// source was asked for anything.
pub(super) fn ingest_both<A: StorageBackend, B: StorageBackend>(
    mirror: &Mirror<A, B>,
    keyspace: &Keyspace,
    entries: &mut dyn EntrySource,
) -> (StorageResult<u64>, StorageResult<u64>, bool) {
    let (sender, receiver) = sync_channel(AHEAD_MAX);
    let mut tee = Tee {
        entries,
        sender: Some(sender),
        limits: mirror.limits(),
        keyspace,
        present: None,
        asked: false,
        ended: false,
    };
    thread::scope(|scope| {
        let right = scope.spawn(move || mirror.right.ingest(keyspace, &mut Feed::new(receiver)));
        let left = mirror.left.ingest(keyspace, &mut tee);
        let asked = tee.asked;
        tee.feed_the_rest();
        drop(tee);
        match right.join() {
            Ok(right) => (left, right, asked),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// The source as the first ingest sees it; what it hands out is sent to the second as well.
struct Tee<'a> {
    entries: &'a mut dyn EntrySource,
    /// `None` once the second ingest wants no more.
    sender: Option<SyncSender<Fed>>,
    limits: Limits,
    keyspace: &'a Keyspace,
    present: Option<Entry>,
    asked: bool,
    ended: bool,
}

impl Tee<'_> {
    fn send(&mut self, fed: Fed) {
        let refused = |sender: &SyncSender<Fed>| sender.send(fed).is_err();
        if self.sender.as_ref().is_some_and(refused) {
            self.sender = None;
        }
    }

    /// When the first ingest gave up early, the second still gets everything: so it shows whether it gives up as well.
    fn feed_the_rest(&mut self) {
        while self.sender.is_some() && !self.ended {
            // An error was sent on, and ends it.
            if self.next_entry().is_err() {
                return;
            }
        }
    }
}

impl EntrySource for Tee<'_> {
    fn next_entry(&mut self) -> StorageResult<Option<(&[u8], &[u8])>> {
        self.asked = true;
        let copy = match self.entries.next_entry() {
            Ok(Some((key, value))) => {
                let checked = self.limits.check(self.keyspace, key, value);
                checked.map(|()| Some((key.to_vec(), value.to_vec())))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        self.ended = !matches!(copy, Ok(Some(_)));
        self.send(match &copy {
            Ok(entry) => Ok(entry.clone()),
            Err(error) => Err(StorageError::new(error.kind(), error.message())),
        });
        self.present = copy?;
        let present = self.present.as_ref();
        Ok(present.map(|(key, value)| (key.as_slice(), value.as_slice())))
    }
}

/// The source as the second ingest sees it.
struct Feed {
    receiver: Receiver<Fed>,
    present: Entry,
}

impl Feed {
    fn new(receiver: Receiver<Fed>) -> Self {
        Self {
            receiver,
            present: Entry::default(),
        }
    }
}

impl EntrySource for Feed {
    fn next_entry(&mut self) -> StorageResult<Option<(&[u8], &[u8])>> {
        // A sender that is gone means that the first ingest panicked; then nobody asks for the outcome.
        let Some(entry) = self.receiver.recv().unwrap_or(Ok(None))? else {
            return Ok(None);
        };
        self.present = entry;
        Ok(Some((&self.present.0, &self.present.1)))
    }
}
