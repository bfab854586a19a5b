//! Ids that did not fit into memory: sorted runs in temporary files, each with a filter and a sparse index in memory.
//!
//! What flows in: hashes with their ids, ascending, a table's worth at a time. What flows out: the id of a hash, by one
//! read of a file for nearly every hash that is there, and by none for nearly every one that is not. What always holds:
//! the newest run that knows a hash answers, though all that know it say the same; runs of a level are merged when there
//! are [`RUNS_MAX`], so that few files are open and few filters asked.

use super::filter::Filter;
use crate::build::spill::temporary_file;
use crate::context::ReadContext;
use crate::term::TermId;
use quadrille_backend::{StorageError, StorageResult};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// The bytes of a hash and its id in a file.
const ENTRY_BYTES: usize = 24;

/// The entries between two of the index: as many as one read brings.
const STEP: usize = 128;

const RUNS_MAX: usize = 8;

const BUFFER_BYTES: usize = 1 << 16;

type Entry = (u128, u64);

pub(super) struct Runs {
    folder: Option<PathBuf>,
    /// What stops it.
    context: ReadContext,
    runs: Vec<Run>,
    buffer: Vec<u8>,
}

struct Run {
    level: u32,
    file: File,
    entries: usize,
    filter: Filter,
    /// The first hash of each step, its upper half.
    index: Vec<u64>,
}

impl Runs {
    pub(super) fn new(folder: Option<PathBuf>, context: ReadContext) -> Self {
        Self {
            folder,
            context,
            runs: Vec::new(),
            buffer: vec![0; STEP * ENTRY_BYTES],
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    pub(super) fn get(&mut self, hash: u128) -> StorageResult<Option<TermId>> {
        for run in self.runs.iter_mut().rev() {
            if run.filter.may_hold(hash)
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
            self.runs.push(self.merged(level, last)?);
        }
        Ok(())
    }

    fn writer(&self, level: u32, entries: usize) -> StorageResult<RunWriter> {
        let file = temporary_file(self.folder.as_deref())?;
        Ok(RunWriter::new(level, entries, file, self.context.clone()))
    }

    fn merged(&self, level: u32, runs: Vec<Run>) -> StorageResult<Run> {
        let entries = runs.iter().map(|run| run.entries).sum();
        let mut writer = self.writer(level, entries)?;
        let mut inputs = Vec::with_capacity(runs.len());
        for run in runs {
            inputs.push(RunReader::new(run)?);
        }
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

impl Run {
    fn get(&mut self, hash: u128, buffer: &mut [u8]) -> StorageResult<Option<TermId>> {
        let upper = (hash >> 64) as u64;
        // Hashes with equal upper halves may lie across a step; so the search goes on while a step begins with it.
        let mut step = self.index.partition_point(|&first| first < upper);
        step = step.saturating_sub(1);
        while step < self.index.len() && self.index[step] <= upper {
            let start = step * STEP;
            let count = STEP.min(self.entries - start);
            let bytes = &mut buffer[..count * ENTRY_BYTES];
            self.file
                .seek(SeekFrom::Start((start * ENTRY_BYTES) as u64))
                .and_then(|_| self.file.read_exact(bytes))
                .map_err(failed)?;
            let entries = bytes.as_chunks::<ENTRY_BYTES>().0;
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
    file: BufWriter<File>,
    entries: usize,
    filter: Filter,
    index: Vec<u64>,
    context: ReadContext,
}

impl RunWriter {
    fn new(level: u32, entries: usize, file: File, context: ReadContext) -> Self {
        Self {
            level,
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            entries: 0,
            filter: Filter::new(entries),
            index: Vec::with_capacity(entries.div_ceil(STEP)),
            context,
        }
    }

    fn push(&mut self, hash: u128, id: u64) -> StorageResult<()> {
        if self.entries.is_multiple_of(STEP) {
            self.context.check()?;
            self.index.push((hash >> 64) as u64);
        }
        self.entries += 1;
        self.filter.insert(hash);
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..16].copy_from_slice(&hash.to_le_bytes());
        bytes[16..].copy_from_slice(&id.to_le_bytes());
        self.file.write_all(&bytes).map_err(failed)
    }

    fn finish(self) -> StorageResult<Run> {
        Ok(Run {
            level: self.level,
            file: self
                .file
                .into_inner()
                .map_err(|error| failed(error.into_error()))?,
            entries: self.entries,
            filter: self.filter,
            index: self.index,
        })
    }
}

struct RunReader {
    file: BufReader<File>,
    left: usize,
    head: Option<Entry>,
}

impl RunReader {
    fn new(run: Run) -> StorageResult<Self> {
        let mut file = run.file;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut reader = Self {
            file: BufReader::with_capacity(BUFFER_BYTES, file),
            left: run.entries,
            head: None,
        };
        reader.advance()?;
        Ok(reader)
    }

    fn advance(&mut self) -> StorageResult<()> {
        self.head = None;
        if self.left > 0 {
            self.left -= 1;
            let mut bytes = [0; ENTRY_BYTES];
            self.file.read_exact(&mut bytes).map_err(failed)?;
            self.head = Some(decode(&bytes));
        }
        Ok(())
    }
}

fn decode(bytes: &[u8; ENTRY_BYTES]) -> Entry {
    let mut hash = [0; 16];
    let mut id = [0; 8];
    hash.copy_from_slice(&bytes[..16]);
    id.copy_from_slice(&bytes[16..]);
    (u128::from_le_bytes(hash), u64::from_le_bytes(id))
}

fn failed(error: std::io::Error) -> StorageError {
    StorageError::from_io("a temporary file of the load's terms failed", error)
}
