//! Ids that did not fit into memory: sorted runs in temporary files, each with a filter and a sparse index in memory.
//!
//! What flows in: hashes with their ids, ascending, a table's worth at a time. What flows out: the id of a hash, by one
//! read of a file for nearly every hash that is there, and by none for nearly every one that is not. What always holds:
//! the newest run that knows a hash answers, though all that know it say the same; runs of a level are merged when there
//! are [`RUNS_MAX`], so that few files are open and few filters asked. Filters and indexes stay within a budget: past it
//! filters are halved, then dropped, then indexes are thinned, which costs reads and never an answer.

use super::filter::Filter;
use crate::build::checkpoint::{RunRecord, SpillFolder};
use crate::build::spill::{SpillFile, SpillReader, SpillWriter};
use crate::context::ReadContext;
use crate::term::TermId;
use quadrille_backend::{StorageError, StorageResult};

/// The bytes of a hash and its id in a file.
const ENTRY_BYTES: usize = 24;

/// The entries between two of the index: as many as one read brings.
const STEP: usize = 128;

/// Indexes are not thinned beyond this step: a read of it is 96 KiB, and its entry of the index is a five hundredth of a
/// byte for each hash.
const STEP_MAX: usize = 4096;

const RUNS_MAX: usize = 8;

type Entry = (u128, u64);

pub(super) struct Runs {
    folder: SpillFolder,
    /// What stops it.
    context: ReadContext,
    /// What filters and indexes may take.
    bytes_max: usize,
    runs: Vec<Run>,
    buffer: Vec<u8>,
}

struct Run {
    level: u32,
    file: SpillFile,
    entries: usize,
    guide: Guide,
}

/// What is in memory of a run.
struct Guide {
    filter: Option<Filter>,
    /// The entries between two of the index.
    step: usize,
    /// The first hash of each step, its upper half.
    index: Vec<u64>,
}

/// How large a guide is to be.
#[derive(Clone, Copy, Default)]
struct Fineness {
    /// How often the filter is halved; beyond [`Filter`]'s limit there is none.
    halvings: u32,
    /// How often the index is.
    thinnings: u32,
}

impl Fineness {
    fn step(self) -> usize {
        STEP << self.thinnings
    }

    fn bytes(self, entries: usize) -> usize {
        let index = entries.div_ceil(self.step()) * size_of::<u64>();
        index + Filter::bytes_for(entries, self.halvings)
    }
}

impl Runs {
    pub(super) fn new(bytes_max: usize, folder: SpillFolder, context: ReadContext) -> Self {
        Self {
            folder,
            context,
            bytes_max,
            runs: Vec::new(),
            buffer: Vec::new(),
        }
    }

    /// The runs of a checkpoint, read once.
    ///
    /// # Errors
    /// `Corrupted` when the files are not what they were.
    pub(super) fn resume(&mut self, records: &[RunRecord]) -> StorageResult<()> {
        for record in records {
            let file = SpillFile::resume(&self.folder, &record.file)?;
            let entries = usize::try_from(record.file.bytes / ENTRY_BYTES as u64)
                .map_err(|_| StorageError::corrupted("a file of a checkpoint is too long"))?;
            let mut guide = self.guide(entries);
            let mut reader = RunReader::new(file.reader()?)?;
            let mut place = 0;
            while let Some((hash, _)) = reader.head {
                if place % STEP == 0 {
                    self.context.check()?;
                }
                guide.push(place, hash);
                place += 1;
                reader.advance()?;
            }
            self.runs.push(Run {
                level: record.level,
                file,
                entries,
                guide,
            });
        }
        Ok(())
    }

    /// Brings all runs to the disk, and tells where they are.
    pub(super) fn checkpoint(&mut self) -> StorageResult<Vec<RunRecord>> {
        let record = |run: &mut Run| {
            Ok(RunRecord {
                level: run.level,
                file: run.file.record()?,
            })
        };
        self.runs.iter_mut().map(record).collect()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    /// The memory of filters and indexes, in bytes.
    pub(super) fn guide_bytes(&self) -> usize {
        self.runs.iter().map(|run| run.guide.bytes()).sum()
    }

    pub(super) fn get(&mut self, hash: u128) -> StorageResult<Option<TermId>> {
        for run in self.runs.iter_mut().rev() {
            let filter = run.guide.filter.as_ref();
            if filter.is_none_or(|filter| filter.may_hold(hash))
                && let Some(id) = run.get(hash, &mut self.buffer)?
            {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// Takes over ascending entries: `fill` hands each of them to the function that it is given.
    pub(super) fn add(
        &mut self,
        entries: usize,
        fill: impl FnOnce(&mut dyn FnMut(u128, u64) -> StorageResult<()>) -> StorageResult<()>,
    ) -> StorageResult<()> {
        let mut writer = self.writer(0, entries)?;
        fill(&mut |hash, id| writer.push(hash, id))?;
        self.runs.push(writer.finish()?);
        let mut level = 0;
        while self.runs.iter().filter(|run| run.level == level).count() == RUNS_MAX {
            let last = self.runs.split_off(self.runs.len() - RUNS_MAX);
            level += 1;
            let merged = self.merged(level, last)?;
            self.runs.push(merged);
        }
        Ok(())
    }

    fn writer(&mut self, level: u32, entries: usize) -> StorageResult<RunWriter> {
        Ok(RunWriter {
            level,
            file: SpillWriter::new(&self.folder)?,
            entries: 0,
            guide: self.guide(entries),
            context: self.context.clone(),
        })
    }

    /// An empty guide for so many entries, for which the others make room: the finest gives way first, of equally fine
    /// ones the largest.
    fn guide(&mut self, entries: usize) -> Guide {
        let mut fineness = Fineness::default();
        while self.guide_bytes() + fineness.bytes(entries) > self.bytes_max {
            let key = |run: &Run| run.guide.fineness().key(run.entries);
            let runs = self.runs.iter_mut();
            let finest = runs
                .filter(|run| !run.guide.fineness().is_coarsest())
                .max_by_key(|run| key(run));
            match finest {
                Some(run) if fineness.is_coarsest() || key(run) > fineness.key(entries) => {
                    run.guide.shrink();
                }
                _ if fineness.is_coarsest() => break,
                _ => fineness = fineness.coarser(),
            }
        }
        Guide {
            filter: Filter::new(entries, fineness.halvings),
            step: fineness.step(),
            index: Vec::with_capacity(entries.div_ceil(fineness.step())),
        }
    }

    fn merged(&mut self, level: u32, runs: Vec<Run>) -> StorageResult<Run> {
        let entries = runs.iter().map(|run| run.entries).sum();
        let mut inputs = Vec::with_capacity(runs.len());
        for run in runs {
            // Its guide is gone with this.
            inputs.push(RunReader::new(run.file.into_reader()?)?);
        }
        let mut writer = self.writer(level, entries)?;
        let mut last = None;
        loop {
            let heads = inputs.iter_mut().filter(|input| input.head.is_some());
            let Some(input) = heads.min_by_key(|input| input.head) else {
                return writer.finish();
            };
            if let Some((hash, id)) = input.head
                && last.replace(hash) != Some(hash)
            {
                writer.push(hash, id)?;
            }
            input.advance()?;
        }
    }
}

impl Fineness {
    /// Orders guides by which is to give way first.
    fn key(self, entries: usize) -> (std::cmp::Reverse<u32>, usize) {
        (std::cmp::Reverse(self.halvings + self.thinnings), entries)
    }

    fn is_coarsest(self) -> bool {
        Filter::bytes_for(1, self.halvings) == 0 && self.step() >= STEP_MAX
    }

    fn coarser(self) -> Self {
        if Filter::bytes_for(1, self.halvings) > 0 {
            Self {
                halvings: self.halvings + 1,
                ..self
            }
        } else {
            Self {
                thinnings: self.thinnings + 1,
                ..self
            }
        }
    }
}

impl Guide {
    fn bytes(&self) -> usize {
        let filter = self.filter.as_ref().map_or(0, Filter::bytes);
        filter + self.index.capacity() * size_of::<u64>()
    }

    fn fineness(&self) -> Fineness {
        Fineness {
            halvings: self
                .filter
                .as_ref()
                .map_or(Filter::HALVINGS_NONE, Filter::halvings),
            thinnings: (self.step / STEP).ilog2(),
        }
    }

    /// Takes less memory from now on.
    fn shrink(&mut self) {
        if let Some(filter) = self.filter.take() {
            self.filter = filter.halved();
        } else {
            let mut place = 0;
            self.index.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.index.shrink_to_fit();
            self.step *= 2;
        }
    }

    /// Takes the hash at the next place.
    fn push(&mut self, place: usize, hash: u128) {
        if place.is_multiple_of(self.step) {
            self.index.push((hash >> 64) as u64);
        }
        if let Some(filter) = &mut self.filter {
            filter.insert(hash);
        }
    }
}

impl Run {
    fn get(&mut self, hash: u128, buffer: &mut Vec<u8>) -> StorageResult<Option<TermId>> {
        let upper = (hash >> 64) as u64;
        let (index, length) = (&self.guide.index, self.guide.step);
        // Hashes with equal upper halves may lie across a step; so the search goes on while a step begins with it.
        let mut step = index.partition_point(|&first| first < upper);
        step = step.saturating_sub(1);
        while step < index.len() && index[step] <= upper {
            let start = step * length;
            let count = length.min(self.entries - start);
            buffer.resize(count * ENTRY_BYTES, 0);
            self.file.read_at((start * ENTRY_BYTES) as u64, buffer)?;
            let entries = buffer.as_chunks::<ENTRY_BYTES>().0;
            if let Ok(place) = entries.binary_search_by_key(&hash, |bytes| decode(bytes).0) {
                return Ok(Some(TermId::from_raw(decode(&entries[place]).1)));
            }
            step += 1;
        }
        Ok(None)
    }
}

struct RunWriter {
    level: u32,
    file: SpillWriter,
    entries: usize,
    guide: Guide,
    context: ReadContext,
}

impl RunWriter {
    fn push(&mut self, hash: u128, id: u64) -> StorageResult<()> {
        if self.entries.is_multiple_of(STEP) {
            self.context.check()?;
        }
        self.guide.push(self.entries, hash);
        self.entries += 1;
        self.file.write(&encode(hash, id))
    }

    fn finish(self) -> StorageResult<Run> {
        Ok(Run {
            level: self.level,
            file: self.file.finish()?,
            entries: self.entries,
            guide: self.guide,
        })
    }
}

/// Reads entries, ascending in a run.
pub(super) struct RunReader {
    reader: SpillReader,
    pub(super) head: Option<Entry>,
}

impl RunReader {
    pub(super) fn new(reader: SpillReader) -> StorageResult<Self> {
        let mut reader = Self { reader, head: None };
        reader.advance()?;
        Ok(reader)
    }

    pub(super) fn advance(&mut self) -> StorageResult<()> {
        let mut bytes = [0; ENTRY_BYTES];
        self.head = match self.reader.read_up_to(&mut bytes)? {
            ENTRY_BYTES => Some(decode(&bytes)),
            _ => None,
        };
        Ok(())
    }
}

/// An entry as a file holds it.
pub(super) fn encode(hash: u128, id: u64) -> [u8; ENTRY_BYTES] {
    let mut bytes = [0; ENTRY_BYTES];
    bytes[..16].copy_from_slice(&hash.to_le_bytes());
    bytes[16..].copy_from_slice(&id.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8; ENTRY_BYTES]) -> Entry {
    let mut hash = [0; 16];
    let mut id = [0; 8];
    hash.copy_from_slice(&bytes[..16]);
    id.copy_from_slice(&bytes[16..]);
    (u128::from_le_bytes(hash), u64::from_le_bytes(id))
}
