//! Gives every term of a load its id, in bounded memory.
//!
//! What flows in: batches, one after the other. What flows out: the id of each of their terms, and the new terms to the
//! [`recorder`]. What always holds: a term gets one id, in the order in which terms first come, however many threads made
//! the batches. Ids that are at hand lie in a [`table`]; when it has taken its share of the memory, all of them go to a
//! sorted file ([`runs`]) and the table begins anew, so a load of any number of terms goes on, each term that comes again
//! after that costing one read of a file that the system most likely has in its cache. A checkpoint names the runs, and
//! files of what came into the table since the checkpoint before; the table itself stays as it is.

mod filter;
mod recorder;
mod runs;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use recorder::{Record, RecordState, Recorder, stopped};

use super::batch::{BatchEntry, QuadBatch, resolved_triple_term};
use super::checkpoint::{FileRecord, RunRecord, SpillFolder};
use super::named_blanks::NamedBlanks;
use super::spill::{SpillFile, SpillWriter};
use crate::context::ReadContext;
use crate::dictionary::reader::TermReader;
use crate::root::{FIRST_PAYLOAD, NextIds, Root};
use crate::snapshot::Snapshot;
use crate::term::{Tag, TermId};
use quadrille_backend::{StorageBackend, StorageError, StorageResult};
use runs::{RunReader, Runs, encode};
use table::Table;

/// As many slots of the table are brought near at a time.
const TOUCHED: usize = 64;

/// Gives every term of a load its id.
pub(crate) struct Interner<B: StorageBackend> {
    base: Snapshot<B>,
    reader: TermReader<B::Snapshot>,
    base_has_terms: bool,
    root: Root,
    ids: Ids,
    recorder: Recorder,
    /// The blank nodes of sources.
    blanks: NamedBlanks,
    /// The ids of the batch's terms.
    resolved: Vec<TermId>,
    scratch: Vec<u8>,
}

/// The ids that terms have, by the 128-bit keyed hash of tag and bytes: wide enough to stand for the term.
struct Ids {
    table: Table,
    runs: Runs,
    folder: SpillFolder,
    /// What checkpoints have written of the table as it is now.
    written: Vec<SpillFile>,
    /// The next ids when they last did: those before are written, or the base knows them.
    written_up_to: NextIds,
    /// What stops it.
    context: ReadContext,
}

/// More files of a table are made one.
const WRITTEN_MAX: usize = 32;

/// What a checkpoint tells of an interner.
pub(crate) struct InternerState {
    pub(crate) next_ids: NextIds,
    pub(crate) blanks: NamedBlanks,
    pub(crate) runs: Vec<RunRecord>,
    pub(crate) tables: Vec<FileRecord>,
    pub(crate) record: RecordState,
}

impl Ids {
    fn new(bytes_max: usize, folder: SpillFolder, context: ReadContext, base: &NextIds) -> Self {
        Self {
            // While it grows, the old table stands beside the new one, which is twice as large. It does not grow any more
            // when there are runs: what it leaves is theirs.
            table: Table::new(bytes_max / 3 * 2),
            runs: Runs::new(bytes_max / 3, folder.clone(), context.clone()),
            folder,
            written: Vec::new(),
            written_up_to: base.clone(),
            context,
        }
    }

    /// Takes the ids of a checkpoint.
    fn resume(&mut self, runs: &[RunRecord], tables: &[FileRecord]) -> StorageResult<()> {
        self.runs.resume(runs)?;
        for table in tables {
            let file = SpillFile::resume(&self.folder, table)?;
            let mut entries = RunReader::new(file.into_reader()?)?;
            while let Some((hash, id)) = entries.head {
                // Files of a table may repeat what a merged one holds.
                if self.table.get(hash).is_none() {
                    self.insert(hash, TermId::from_raw(id))?;
                }
                entries.advance()?;
            }
        }
        Ok(())
    }

    /// Brings all ids to the disk that are not of the base, which has those before `base`.
    fn checkpoint(
        &mut self,
        base: &NextIds,
        next: &NextIds,
    ) -> StorageResult<(Vec<RunRecord>, Vec<FileRecord>)> {
        if self.written.len() == WRITTEN_MAX {
            self.written.clear();
            self.written_up_to.clone_from(base);
        }
        let before = std::mem::replace(&mut self.written_up_to, next.clone());
        let is_new = |id: TermId| {
            let first = before.get(&id.tag_byte()).copied();
            id.payload() >= first.unwrap_or(FIRST_PAYLOAD)
        };
        let mut file = None;
        for (hash, id) in self.table.entries().filter(|(_, id)| is_new(*id)) {
            let file = match &mut file {
                Some(file) => file,
                None => file.insert(SpillWriter::new(&self.folder)?),
            };
            file.write(&encode(hash, id.raw()))?;
        }
        if let Some(file) = file {
            self.written.push(file.finish()?);
        }
        let tables = self.written.iter_mut().map(SpillFile::record);
        Ok((
            self.runs.checkpoint()?,
            tables.collect::<StorageResult<_>>()?,
        ))
    }

    fn get(&mut self, hash: u128) -> StorageResult<Option<TermId>> {
        if let Some(id) = self.table.get(hash) {
            return Ok(Some(id));
        }
        let found = self.runs.get(hash)?;
        if let Some(id) = found {
            self.insert(hash, id)?;
        }
        Ok(found)
    }

    fn insert(&mut self, hash: u128, id: TermId) -> StorageResult<()> {
        if !self.table.has_room() {
            let (table, context) = (&mut self.table, &self.context);
            self.runs
                .add(table.len(), |visit| table.drain_sorted(context, visit))?;
            // The runs hold it now.
            self.written.clear();
        }
        self.table.insert(hash, id);
        Ok(())
    }
}

impl<B: StorageBackend> Interner<B> {
    /// An interner that begins with what a snapshot holds, and keeps at most so many bytes of ids at hand.
    pub(crate) fn new(
        base: &Snapshot<B>,
        bytes_max: usize,
        folder: SpillFolder,
        record: Record,
        context: ReadContext,
    ) -> StorageResult<Self> {
        let inner = &*base.inner;
        Ok(Self {
            reader: TermReader::new(&inner.view, &inner.places),
            base_has_terms: inner.root.terms() > 0,
            root: Root::clone(&inner.root),
            ids: Ids::new(bytes_max, folder, context, &inner.root.next_ids),
            recorder: Recorder::new(record, inner.hasher)?,
            blanks: NamedBlanks::default(),
            resolved: Vec::new(),
            scratch: Vec::new(),
            base: base.clone(),
        })
    }

    /// Takes the ids of a checkpoint, before any batch.
    ///
    /// # Errors
    /// `Corrupted` when the files are not what they were.
    pub(crate) fn resume(
        &mut self,
        next_ids: NextIds,
        blanks: NamedBlanks,
        runs: &[RunRecord],
        tables: &[FileRecord],
    ) -> StorageResult<()> {
        self.root.next_ids = next_ids;
        self.blanks = blanks;
        self.ids.resume(runs, tables)
    }

    /// Brings all ids and terms to the disk; where they are.
    pub(crate) fn checkpoint(&mut self) -> StorageResult<InternerState> {
        let next_ids = self.root.next_ids.clone();
        let base = &self.base.inner.root.next_ids;
        let (runs, tables) = self.ids.checkpoint(base, &next_ids)?;
        Ok(InternerState {
            next_ids,
            blanks: self.blanks.clone(),
            runs,
            tables,
            record: self.recorder.checkpoint()?,
        })
    }

    /// The ids of a batch's terms, in their order.
    pub(crate) fn resolve(&mut self, batch: &QuadBatch) -> StorageResult<&[TermId]> {
        if !batch.is_of(&self.base.inner.hasher) {
            return Err(StorageError::misuse("the batch is one of another store"));
        }
        if let Some(id) = batch.blank_node_max() {
            self.root.note_inlined(id);
        }
        self.resolved.clear();
        for entries in batch.entries().chunks(TOUCHED) {
            let hashes = entries.iter().map(|entry| entry.hash);
            self.ids.table.touch(hashes);
            for entry in entries {
                let id = self.intern(batch, entry)?;
                self.resolved.push(id);
            }
        }
        Ok(&self.resolved)
    }

    fn intern(&mut self, batch: &QuadBatch, entry: &BatchEntry) -> StorageResult<TermId> {
        let bytes = batch.bytes_of(entry);
        if entry.tag != Tag::TripleTerm {
            return self.intern_bytes(entry.hash, entry.tag, bytes);
        }
        let mut resolved = std::mem::take(&mut self.scratch);
        resolved_triple_term(bytes, &self.resolved, &mut resolved)?;
        let hash = self.base.inner.hasher.hash128(entry.tag, &resolved);
        let id = self.intern_bytes(hash, entry.tag, &resolved);
        self.scratch = resolved;
        id
    }

    #[inline]
    fn intern_bytes(&mut self, hash: u128, tag: Tag, bytes: &[u8]) -> StorageResult<TermId> {
        if let Some(id) = self.ids.get(hash)? {
            return Ok(id);
        }
        let found = self.find_in_base(tag, bytes)?;
        let id = match found.or_else(|| self.root.given_blank_node(tag, bytes)) {
            Some(id) => id,
            None => self.allocate(tag, bytes)?,
        };
        self.ids.insert(hash, id)?;
        Ok(id)
    }

    /// The id that the store had given before the load. Blank nodes of a source are new.
    fn find_in_base(&mut self, tag: Tag, bytes: &[u8]) -> StorageResult<Option<TermId>> {
        if !self.base_has_terms || tag == Tag::SerialBlank {
            return Ok(None);
        }
        let inner = &self.base.inner;
        let found = self.reader.find(&inner.delta, &inner.hasher, tag, bytes)?;
        Ok(found.map(TermId::from_raw))
    }

    fn allocate(&mut self, tag: Tag, bytes: &[u8]) -> StorageResult<TermId> {
        if tag == Tag::SerialBlank {
            let id = self.allocate_blank_node()?;
            self.blanks.note(id.payload());
            return Ok(id);
        }
        let id = self.root.allocate(tag)?;
        self.recorder.push(id, tag, bytes)?;
        Ok(id)
    }

    fn allocate_blank_node(&mut self) -> StorageResult<TermId> {
        const LABELLED: Tag = Tag::LabelledBlank;
        let inner = &self.base.inner;
        let (ids, reader) = (&mut self.ids, &mut self.reader);
        self.root.allocate_blank_node(|label| {
            let hash = inner.hasher.hash128(LABELLED, label);
            if ids.get(hash)?.is_some() {
                return Ok(true);
            }
            let found = reader.find(&inner.delta, &inner.hasher, LABELLED, label)?;
            Ok(found.is_some())
        })
    }

    /// The root with its next ids, the new terms, and the new blank nodes of sources.
    pub(crate) fn finish(self) -> StorageResult<(Root, Record, NamedBlanks)> {
        Ok((self.root, self.recorder.finish()?, self.blanks))
    }
}
