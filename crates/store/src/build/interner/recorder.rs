//! The thread that puts the new terms of a load into chunks, while other threads read on.
//!
//! What flows in: new terms with their ids, by the batch. What flows out, at the end: the chunks in temporary files and
//! the rows of the hash index; now and then what a checkpoint is to tell of these. What always holds: at most [`BATCHES_WAITING`] batches wait; an error of the thread is
//! reported by the next call.

use crate::build::checkpoint::{RunRecord, TagRecord};
use crate::build::sorter::Sorter;
use crate::dictionary::reader::index_hash;
use crate::dictionary::writer::TermSpill;
use crate::term::{Tag, TermHasher, TermId};
use quadrille_backend::{StorageError, StorageResult};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

const BATCHES_WAITING: usize = 4;

/// So many bytes of terms make a batch.
const BATCH_BYTES: usize = 1 << 18;

/// New terms one after the other.
#[derive(Default)]
struct NewTerms {
    /// The id of each, and where its bytes end.
    ids: Vec<(TermId, Tag, usize)>,
    bytes: Vec<u8>,
}

/// What a thread is asked to do.
enum Message {
    Record(NewTerms),
    /// Bring all to the disk, and tell of it.
    Checkpoint(SyncSender<RecordState>),
}

/// What a checkpoint tells of a [`Record`].
pub(crate) struct RecordState {
    pub(crate) hashes: Vec<RunRecord>,
    pub(crate) terms: Vec<TagRecord>,
}

/// What the thread works on.
pub(crate) struct Record {
    pub(crate) terms: TermSpill,
    pub(crate) hashes: Sorter<2>,
}

/// Hands new terms over to its thread.
pub(crate) struct Recorder {
    batch: NewTerms,
    sender: Option<SyncSender<Message>>,
    thread: Option<JoinHandle<StorageResult<Record>>>,
}

impl Recorder {
    pub(crate) fn new(record: Record, hasher: TermHasher) -> StorageResult<Self> {
        let (sender, receiver) = sync_channel(BATCHES_WAITING);
        let thread = thread::Builder::new()
            .name("quadrille-terms".to_owned())
            .spawn(move || record_all(record, &hasher, &receiver))
            .map_err(|error| StorageError::from_io("a thread could not be started", error))?;
        Ok(Self {
            batch: NewTerms::default(),
            sender: Some(sender),
            thread: Some(thread),
        })
    }

    /// Adds a term; the ids of one tag must be consecutive.
    pub(crate) fn push(&mut self, id: TermId, tag: Tag, bytes: &[u8]) -> StorageResult<()> {
        self.batch.bytes.extend_from_slice(bytes);
        self.batch.ids.push((id, tag, self.batch.bytes.len()));
        if self.batch.bytes.len() < BATCH_BYTES {
            return Ok(());
        }
        self.send()
    }

    fn send(&mut self) -> StorageResult<()> {
        let batch = std::mem::take(&mut self.batch);
        self.tell(Message::Record(batch))
    }

    fn tell(&mut self, message: Message) -> StorageResult<()> {
        match &self.sender {
            Some(sender) if sender.send(message).is_ok() => Ok(()),
            // The thread has stopped, which it only does after an error.
            _ => self.join().and(Err(stopped())),
        }
    }

    fn join(&mut self) -> StorageResult<Record> {
        drop(self.sender.take());
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Err(stopped()),
        }
    }

    /// Brings all that was recorded to the disk.
    pub(crate) fn checkpoint(&mut self) -> StorageResult<RecordState> {
        self.send()?;
        let (sender, receiver) = sync_channel(1);
        self.tell(Message::Checkpoint(sender))?;
        match receiver.recv() {
            Ok(state) => Ok(state),
            // The thread has stopped, as above.
            Err(_) => Err(self.join().err().unwrap_or_else(stopped)),
        }
    }

    /// All that was recorded.
    pub(crate) fn finish(mut self) -> StorageResult<Record> {
        self.send()?;
        self.join()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(thread) = self.thread.take() {
            // Nobody wants what it has; it is only not to outlive the load.
            let _ = thread.join();
        }
    }
}

/// What a load says that has failed before.
pub(crate) fn stopped() -> StorageError {
    StorageError::misuse("a load that has failed goes no further")
}

fn record_all(
    mut record: Record,
    hasher: &TermHasher,
    messages: &Receiver<Message>,
) -> StorageResult<Record> {
    for message in messages {
        match message {
            Message::Record(batch) => record.push_all(hasher, batch)?,
            Message::Checkpoint(sender) => {
                let state = RecordState {
                    hashes: record.hashes.checkpoint()?,
                    terms: record.terms.checkpoint()?,
                };
                // Whoever asked waits.
                let _ = sender.send(state);
            }
        }
    }
    Ok(record)
}

impl Record {
    fn push_all(&mut self, hasher: &TermHasher, batch: NewTerms) -> StorageResult<()> {
        let mut start = 0;
        for (id, tag, end) in batch.ids {
            let bytes = &batch.bytes[start..end];
            self.hashes
                .push([index_hash(hasher, tag, bytes), id.raw()])?;
            self.terms.push(id, tag, bytes)?;
            start = end;
        }
        Ok(())
    }
}
