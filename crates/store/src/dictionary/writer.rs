//! Writes terms into chunks: by a fold, within a backend transaction, or for a new generation, through temporary files.

use super::reader::{LONG_TERM_BYTES, SEGMENT_BYTES, digest, segment_key};
use super::tables::{SymbolTables, table_value};
use super::{Chunk, ChunkBuilder, ChunkEntry, SymbolTable};
use crate::build::checkpoint::{PendingTerm, SpillFolder, TagRecord, WriterRecord};
use crate::build::progress::{LoadStage, Watch, Watched};
use crate::build::spill::{Chained, Prepared, SpillReader, SpillWriter, SpilledEntries};
use crate::checksum::{self, CHECKSUM_BYTES};
use crate::delta::TermBytes;
use crate::keyspaces::{Place, Places};
use crate::root::Root;
use crate::term::{Tag, TermHasher, TermId};
use crate::view::{PooledCursor, View};
use quadrille_backend::{
    EntrySource, StorageBackend, StorageCursor, StorageError, StorageResult, StorageSnapshot,
    Transaction,
};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// Where the chunks and segments that a [`ChunkWriter`] completes go.
trait ChunkSink {
    fn put_chunk(&mut self, key: &[u8], value: &[u8]) -> StorageResult<()>;
    fn put_segment(&mut self, key: &[u8], value: &[u8]) -> StorageResult<()>;
}

/// Packs the consecutive terms of one tag into sealed chunks.
struct ChunkWriter {
    builder: ChunkBuilder,
    /// The id that the next term gets.
    next: u64,
    value: Vec<u8>,
}

impl ChunkWriter {
    fn new(chunk_bytes: u32, next: u64, symbols: Option<Arc<SymbolTable>>) -> Self {
        let bytes_max = (chunk_bytes as usize).saturating_sub(CHECKSUM_BYTES);
        Self {
            builder: ChunkBuilder::new(bytes_max, symbols),
            next,
            value: Vec::new(),
        }
    }

    /// A writer whose open chunk holds what it held at a checkpoint.
    fn resume(
        chunk_bytes: u32,
        record: &WriterRecord,
        symbols: Option<Arc<SymbolTable>>,
    ) -> StorageResult<Self> {
        let mut writer = Self::new(chunk_bytes, record.first, symbols);
        for term in &record.terms {
            let fits = match term {
                PendingTerm::Inline(bytes) => writer.builder.push(bytes),
                PendingTerm::Long { length, digest } => writer.builder.push_long(*length, *digest),
            };
            if !fits {
                return Err(StorageError::corrupted(
                    "a checkpoint has more terms in a chunk than fit",
                ));
            }
            writer.next += 1;
        }
        Ok(writer)
    }

    fn push(
        &mut self,
        hasher: &TermHasher,
        tag: Tag,
        bytes: &[u8],
        sink: &mut impl ChunkSink,
    ) -> StorageResult<()> {
        let digest = (bytes.len() > LONG_TERM_BYTES).then(|| digest(hasher, tag, bytes));
        if let Some(digest) = digest {
            for (number, segment) in (0..).zip(bytes.chunks(SEGMENT_BYTES)) {
                let key = segment_key(self.next, number);
                let mut value = segment.to_vec();
                checksum::seal(crate::keyspaces::SEGMENTS, &key, &mut value);
                sink.put_segment(&key, &value)?;
            }
            self.push_long(bytes.len() as u64, digest, sink)
        } else {
            if !self.builder.push(bytes) {
                self.complete(sink)?;
                if !self.builder.push(bytes) {
                    return Err(refused());
                }
            }
            self.next += 1;
            Ok(())
        }
    }

    fn push_long(
        &mut self,
        length: u64,
        digest: [u8; 16],
        sink: &mut impl ChunkSink,
    ) -> StorageResult<()> {
        if !self.builder.push_long(length, digest) {
            self.complete(sink)?;
            if !self.builder.push_long(length, digest) {
                return Err(refused());
            }
        }
        self.next += 1;
        Ok(())
    }

    /// Hands the chunk over, if there is one.
    fn complete(&mut self, sink: &mut impl ChunkSink) -> StorageResult<()> {
        if self.builder.is_empty() {
            return Ok(());
        }
        self.value.clear();
        self.builder.finish(&mut self.value);
        let key = (self.next - 1).to_be_bytes();
        checksum::seal(crate::keyspaces::TERMS, &key, &mut self.value);
        sink.put_chunk(&key, &self.value)
    }
}

fn refused() -> StorageError {
    StorageError::misuse("a term does not fit an empty chunk")
}

struct TransactionSink<'a, T> {
    transaction: &'a mut T,
    places: &'a Places,
}

impl<T: Transaction> ChunkSink for TransactionSink<'_, T> {
    fn put_chunk(&mut self, key: &[u8], value: &[u8]) -> StorageResult<()> {
        self.transaction
            .put(&self.places.terms.keyspace, key, value)
    }

    fn put_segment(&mut self, key: &[u8], value: &[u8]) -> StorageResult<()> {
        self.transaction
            .put(&self.places.segments.keyspace, key, value)
    }
}

/// Writes new terms, ascending by id, behind the chunks that are there. The last chunk of a tag is filled up first.
pub(crate) fn fold_terms<'a, T: Transaction>(
    transaction: &mut T,
    places: &Places,
    hasher: &TermHasher,
    chunk_bytes: u32,
    terms: impl Iterator<Item = (&'a u64, &'a TermBytes)>,
) -> StorageResult<()> {
    let mut sink = TransactionSink {
        transaction,
        places,
    };
    let mut current: Option<(Tag, ChunkWriter)> = None;
    for (&id, bytes) in terms {
        let tag = TermId::from_raw(id)
            .tag()
            .ok_or_else(|| StorageError::corrupted("a new term's id has no known tag"))?;
        if current.as_ref().is_none_or(|(other, _)| *other != tag) {
            if let Some((_, writer)) = &mut current {
                writer.complete(&mut sink)?;
            }
            current = Some((tag, resume(&mut sink, chunk_bytes, id)?));
        }
        if let Some((tag, writer)) = &mut current {
            writer.push(hasher, *tag, bytes, &mut sink)?;
        }
    }
    if let Some((_, writer)) = &mut current {
        writer.complete(&mut sink)?;
    }
    Ok(())
}

/// A writer for the terms from `next` on, filled with the terms of the chunk before, which is taken out.
fn resume<T: Transaction>(
    sink: &mut TransactionSink<'_, T>,
    chunk_bytes: u32,
    next: u64,
) -> StorageResult<ChunkWriter> {
    let place = &sink.places.terms;
    let symbols = TermId::from_raw(next)
        .tag()
        .and_then(|tag| sink.places.symbols.of(tag).cloned());
    let key = (next - 1).to_be_bytes();
    let Some(value) = sink.transaction.get(&place.keyspace, &key)? else {
        return Ok(ChunkWriter::new(chunk_bytes, next, symbols));
    };
    let located = |error: StorageError| error.in_keyspace(&place.keyspace).at_key(&key);
    let bytes = checksum::open(place.role, &key, &value).map_err(located)?;
    let chunk = Chunk::parse(bytes).map_err(located)?;
    let first = next - chunk.len() as u64;
    let mut writer = ChunkWriter::new(chunk_bytes, first, symbols.clone());
    let mut term = Vec::new();
    for index in 0..chunk.len() {
        term.clear();
        let fits = match chunk
            .get(bytes, index, symbols.as_deref(), &mut term)
            .map_err(located)?
        {
            ChunkEntry::Long { length, digest } => writer.builder.push_long(length, digest),
            ChunkEntry::Inline => writer.builder.push(&term),
        };
        if !fits {
            // The chunk is full as it is, so nothing is to be resumed.
            return Ok(ChunkWriter::new(chunk_bytes, next, symbols));
        }
        writer.next += 1;
    }
    sink.transaction.delete(&place.keyspace, &key)?;
    Ok(writer)
}

/// Bytes of terms that are collected before a symbol table is trained on them.
const SAMPLE_BYTES: usize = 1 << 17;

/// Fewer bytes of terms than this are not worth a symbol table.
const SAMPLE_BYTES_MIN: usize = 1 << 14;

/// Collects the new terms of a generation in temporary files, chunk by chunk.
pub(crate) struct TermSpill {
    hasher: TermHasher,
    chunk_bytes: u32,
    folder: SpillFolder,
    /// The tables of the old generation, and those trained here.
    symbols: SymbolTables,
    tags: BTreeMap<Tag, TagSpill>,
    /// The bytes of all terms.
    bytes: u64,
}

struct TagSpill {
    tag: Tag,
    first: u64,
    /// The first terms of a tag that has no symbol table yet.
    samples: Vec<Vec<u8>>,
    sample_bytes: usize,
    writer: Option<ChunkWriter>,
    /// A table that is not in the old generation.
    new_table: Option<Arc<SymbolTable>>,
    files: SpillFiles,
}

struct SpillFiles {
    chunks: SpillWriter,
    segments: Option<SpillWriter>,
    folder: SpillFolder,
}

impl ChunkSink for SpillFiles {
    fn put_chunk(&mut self, key: &[u8], value: &[u8]) -> StorageResult<()> {
        self.chunks.write_entry(key, value)
    }

    fn put_segment(&mut self, key: &[u8], value: &[u8]) -> StorageResult<()> {
        let file = match &mut self.segments {
            Some(file) => file,
            None => self.segments.insert(SpillWriter::new(&self.folder)?),
        };
        file.write_entry(key, value)
    }
}

impl TagSpill {
    fn checkpoint(&mut self) -> StorageResult<TagRecord> {
        let segments = self.files.segments.as_mut();
        Ok(TagRecord {
            tag: self.tag.byte(),
            first: self.first,
            samples: self.samples.clone(),
            table: self.new_table.as_ref().map(|table| table.to_bytes()),
            writer: self.writer.as_ref().map(|writer| WriterRecord {
                first: writer.next - writer.builder.terms().count() as u64,
                terms: writer.builder.terms().collect(),
            }),
            chunks: self.files.chunks.record()?,
            segments: segments.map(SpillWriter::record).transpose()?,
        })
    }

    fn push(&mut self, hasher: &TermHasher, chunk_bytes: u32, bytes: &[u8]) -> StorageResult<()> {
        if let Some(writer) = &mut self.writer {
            return writer.push(hasher, self.tag, bytes, &mut self.files);
        }
        self.sample_bytes += bytes.len();
        self.samples.push(bytes.to_vec());
        if self.sample_bytes >= SAMPLE_BYTES {
            self.start(hasher, chunk_bytes)?;
        }
        Ok(())
    }

    /// Trains a table on the samples, if there are enough, and begins to write chunks.
    fn start(&mut self, hasher: &TermHasher, chunk_bytes: u32) -> StorageResult<()> {
        let samples = std::mem::take(&mut self.samples);
        let short: Vec<&[u8]> = samples
            .iter()
            .map(Vec::as_slice)
            .filter(|bytes| bytes.len() <= LONG_TERM_BYTES)
            .collect();
        if short.iter().map(|bytes| bytes.len()).sum::<usize>() >= SAMPLE_BYTES_MIN {
            self.new_table = Some(Arc::new(SymbolTable::train(&short)));
        }
        let symbols = self.new_table.clone();
        let writer = self
            .writer
            .insert(ChunkWriter::new(chunk_bytes, self.first, symbols));
        for bytes in &samples {
            writer.push(hasher, self.tag, bytes, &mut self.files)?;
        }
        Ok(())
    }
}

impl TagSpill {
    /// Calls back for each term, ascending by id.
    fn read_back(
        mut self,
        old_table: Option<&SymbolTable>,
        mut each: impl FnMut(u64, &[u8]),
    ) -> StorageResult<()> {
        let Some(mut writer) = self.writer else {
            (self.first..)
                .zip(&self.samples)
                .for_each(|(id, bytes)| each(id, bytes));
            return Ok(());
        };
        writer.complete(&mut self.files)?;
        let symbols = self.new_table.as_deref().or(old_table);
        let mut chunks = self.files.chunks.into_reader()?;
        let mut segments = match self.files.segments {
            Some(file) => Some(file.into_reader()?),
            None => None,
        };
        let (mut key, mut value, mut term) = (Vec::new(), Vec::new(), Vec::new());
        let mut id = self.first;
        while chunks.read_entry(&mut key, &mut value)? {
            let bytes = checksum::open(crate::keyspaces::TERMS, &key, &value)?;
            let chunk = Chunk::parse(bytes)?;
            for index in 0..chunk.len() {
                term.clear();
                let entry = chunk.get(bytes, index, symbols, &mut term)?;
                if let (ChunkEntry::Long { length, .. }, Some(file)) = (entry, &mut segments) {
                    read_spilled_segments(file, length, &mut term)?;
                }
                each(id, &term);
                id += 1;
            }
        }
        Ok(())
    }
}

/// Appends the segments of the next long term of a spilled file.
fn read_spilled_segments(
    file: &mut SpillReader,
    length: u64,
    term: &mut Vec<u8>,
) -> StorageResult<()> {
    let (mut key, mut value) = (Vec::new(), Vec::new());
    for _ in 0..length.div_ceil(SEGMENT_BYTES as u64) {
        if !file.read_entry(&mut key, &mut value)? {
            return Err(StorageError::corrupted("a temporary file was cut short"));
        }
        let segment = checksum::open(crate::keyspaces::SEGMENTS, &key, &value)?;
        term.extend_from_slice(segment);
    }
    Ok(())
}

impl TermSpill {
    /// A spill for a generation after the one with these symbol tables.
    pub(crate) fn new(
        hasher: TermHasher,
        chunk_bytes: u32,
        symbols: SymbolTables,
        folder: SpillFolder,
    ) -> Self {
        Self {
            hasher,
            chunk_bytes,
            folder,
            symbols,
            tags: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// The bytes of the terms that were added.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds a term; the ids of one tag must be consecutive.
    pub(crate) fn push(&mut self, id: TermId, tag: Tag, bytes: &[u8]) -> StorageResult<()> {
        let spill = match self.tags.entry(tag) {
            Entry::Occupied(spill) => spill.into_mut(),
            Entry::Vacant(entry) => {
                let table = self.symbols.of(tag).cloned();
                entry.insert(TagSpill {
                    tag,
                    first: id.raw(),
                    samples: Vec::new(),
                    sample_bytes: 0,
                    writer: table
                        .map(|table| ChunkWriter::new(self.chunk_bytes, id.raw(), Some(table))),
                    new_table: None,
                    files: SpillFiles {
                        chunks: SpillWriter::new(&self.folder)?,
                        segments: None,
                        folder: self.folder.clone(),
                    },
                })
            }
        };
        self.bytes += bytes.len() as u64;
        spill.push(&self.hasher, self.chunk_bytes, bytes)
    }

    /// The terms themselves, ascending by id, those left out that a root has given ids to.
    pub(crate) fn into_terms(self, known: &Root) -> StorageResult<Vec<(u64, TermBytes)>> {
        let mut terms = Vec::new();
        for (tag, spill) in self.tags {
            let from = TermId::from_parts(tag, known.next_payload(tag.byte())).raw();
            let old_table = self.symbols.of(tag);
            spill.read_back(old_table.map(Arc::as_ref), |id, bytes| {
                if id >= from {
                    terms.push((id, bytes.into()));
                }
            })?;
        }
        Ok(terms)
    }

    /// Brings all terms to the disk; where they are.
    pub(crate) fn checkpoint(&mut self) -> StorageResult<Vec<TagRecord>> {
        self.tags.values_mut().map(TagSpill::checkpoint).collect()
    }

    /// Takes the terms of a checkpoint, as its first.
    ///
    /// # Errors
    /// `Corrupted` when the files are not what they were.
    pub(crate) fn resume(&mut self, records: &[TagRecord]) -> StorageResult<()> {
        for record in records {
            let tag = Tag::from_byte(record.tag)
                .ok_or_else(|| StorageError::corrupted("a checkpoint has terms of no known tag"))?;
            let new_table = match &record.table {
                Some(bytes) => Some(Arc::new(SymbolTable::from_bytes(bytes)?)),
                None => None,
            };
            let symbols = new_table.clone().or_else(|| self.symbols.of(tag).cloned());
            let writer = record.writer.as_ref();
            let writer =
                writer.map(|writer| ChunkWriter::resume(self.chunk_bytes, writer, symbols));
            let segments = record.segments.as_ref();
            let segments = segments.map(|file| SpillWriter::resume(&self.folder, file));
            let spill = TagSpill {
                tag,
                first: record.first,
                samples: record.samples.clone(),
                sample_bytes: record.samples.iter().map(Vec::len).sum(),
                writer: writer.transpose()?,
                new_table,
                files: SpillFiles {
                    chunks: SpillWriter::resume(&self.folder, &record.chunks)?,
                    segments: segments.transpose()?,
                    folder: self.folder.clone(),
                },
            };
            self.tags.insert(tag, spill);
        }
        Ok(())
    }

    /// Ingests the chunks and segments of the old generation, and behind those of each tag the new ones; the symbol
    /// tables of the new generation.
    pub(crate) fn ingest<B: StorageBackend>(
        self,
        backend: &B,
        new: &Places,
        (view, places): (&View<B::Snapshot>, &Places),
        watch: &Watch<'_>,
    ) -> StorageResult<SymbolTables> {
        let mut chunks: Vec<Box<dyn EntrySource>> = Vec::new();
        let mut segments: Vec<Box<dyn EntrySource>> = Vec::new();
        let mut symbols = self.symbols;
        let mut spills = self.tags;
        for tag in Tag::all() {
            let mut spill = spills.remove(&tag);
            if let Some(spill) = &mut spill {
                if spill.writer.is_none() {
                    spill.start(&self.hasher, self.chunk_bytes)?;
                }
                if let Some(table) = spill.new_table.take() {
                    let entry = (vec![tag.byte()], table_value(tag, &table));
                    chunks.push(Box::new(Prepared::new(vec![entry])));
                    symbols.insert(tag, table);
                }
            }
            chunks.push(Box::new(TagEntries::new(view, &places.terms, tag)?));
            segments.push(Box::new(TagEntries::new(view, &places.segments, tag)?));
            if let Some(TagSpill {
                writer: Some(mut writer),
                mut files,
                ..
            }) = spill
            {
                writer.complete(&mut files)?;
                chunks.push(Box::new(SpilledEntries::new(files.chunks.into_reader()?)));
                if let Some(file) = files.segments {
                    segments.push(Box::new(SpilledEntries::new(file.into_reader()?)));
                }
            }
        }
        for (place, entries) in [(&new.terms, chunks), (&new.segments, segments)] {
            let mut watched = Watched {
                source: Chained::new(entries),
                watch,
                stage: LoadStage::WritingTerms,
                done: 0,
                total: None,
            };
            backend.ingest(&place.keyspace, &mut watched)?;
        }
        Ok(symbols)
    }
}

/// The entries of one tag in a keyspace whose keys begin with an id.
struct TagEntries<S: StorageSnapshot> {
    cursor: PooledCursor<S>,
    tag: Tag,
    started: bool,
}

impl<S: StorageSnapshot> TagEntries<S> {
    fn new(view: &View<S>, place: &Place, tag: Tag) -> StorageResult<Self> {
        Ok(Self {
            cursor: view.cursor(place)?,
            tag,
            started: false,
        })
    }
}

impl<S: StorageSnapshot> EntrySource for TagEntries<S> {
    fn next_entry(&mut self) -> StorageResult<Option<(&[u8], &[u8])>> {
        let found = if self.started {
            self.cursor.next()?
        } else {
            self.cursor.seek(&[self.tag.byte()])?
        };
        self.started = true;
        let first = self.tag.byte();
        Ok(self
            .cursor
            .entry()
            .filter(|(key, _)| found && key.first() == Some(&first)))
    }
}
