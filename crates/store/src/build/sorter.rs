//! Sorts more rows than fit into memory: sorted runs in temporary files, merged as they are read.

use super::checkpoint::{RunRecord, SpillFolder};
use super::merge::MergedRows;
use super::progress::sorted;
use super::spill::{SpillFile, SpillReader, SpillWriter};
use crate::context::ReadContext;
use crate::index::writer::RowSource;
use quadrille_backend::StorageResult;
use rayon::iter::ParallelIterator;
use rayon::slice::ParallelSliceMut;
use std::rc::Rc;

const READ_ROWS: usize = 4096;

/// As many runs of one level are merged into one of the next: each open run takes a file and its buffers.
const RUNS_MAX: usize = 32;

/// Collects rows in any order; gives them back ascending and without duplicates.
pub(crate) struct Sorter<const N: usize> {
    buffer: Vec<[u64; N]>,
    rows_max: usize,
    /// Sorted runs with their levels, which never rise.
    runs: Vec<(u32, SpillFile)>,
    folder: SpillFolder,
    /// What stops it.
    context: ReadContext,
}

impl<const N: usize> Sorter<N> {
    /// A sorter that keeps at most `memory_bytes` of rows in memory.
    pub(crate) fn new(memory_bytes: usize, folder: SpillFolder, context: ReadContext) -> Self {
        Self {
            buffer: Vec::new(),
            rows_max: (memory_bytes / (N * 8)).max(READ_ROWS),
            runs: Vec::new(),
            folder,
            context,
        }
    }

    /// Takes the rows of a checkpoint, as its first. What the files hold is compared when they are read.
    ///
    /// # Errors
    /// `Corrupted` when a file is missing.
    pub(crate) fn resume(&mut self, runs: &[RunRecord]) -> StorageResult<()> {
        for run in runs {
            let file = SpillFile::resume(&self.folder, &run.file)?;
            self.runs.push((run.level, file));
        }
        Ok(())
    }

    /// Brings all rows to the disk; the runs that hold them.
    pub(crate) fn checkpoint(&mut self) -> StorageResult<Vec<RunRecord>> {
        if !self.buffer.is_empty() {
            self.spill()?;
        }
        let record = |(level, file): &mut (u32, SpillFile)| {
            Ok(RunRecord {
                level: *level,
                file: file.record()?,
            })
        };
        self.runs.iter_mut().map(record).collect()
    }

    pub(crate) fn push(&mut self, row: [u64; N]) -> StorageResult<()> {
        if self.buffer.len() == self.rows_max {
            self.spill()?;
        }
        self.buffer.push(row);
        Ok(())
    }

    fn sort(&mut self) -> StorageResult<()> {
        self.buffer = sorted(std::mem::take(&mut self.buffer), &self.context)?;
        self.buffer.dedup();
        Ok(())
    }

    fn spill(&mut self) -> StorageResult<()> {
        self.sort()?;
        let mut run = SpillWriter::new(&self.folder)?;
        self.write_rows(&mut run, &self.buffer)?;
        self.buffer.clear();
        self.runs.push((0, run.finish()?));
        let mut level = 0;
        while self.runs.iter().filter(|run| run.0 == level).count() == RUNS_MAX {
            let merged = self.merge_last()?;
            level += 1;
            self.runs.push((level, merged));
        }
        Ok(())
    }

    /// Takes the runs of the last level out and makes one of them.
    fn merge_last(&mut self) -> StorageResult<SpillFile> {
        let last = self.runs.split_off(self.runs.len() - RUNS_MAX);
        let mut merged = MergedRows::<N>::new(sources_of(last)?);
        let mut run = SpillWriter::new(&self.folder)?;
        let mut rows = Vec::new();
        while merged.fill(&mut rows)? {
            self.write_rows(&mut run, &rows)?;
            rows.clear();
        }
        run.finish()
    }

    fn write_rows(&self, run: &mut SpillWriter, rows: &[[u64; N]]) -> StorageResult<()> {
        let mut bytes = Vec::with_capacity(READ_ROWS * N * 8);
        for rows in rows.chunks(READ_ROWS) {
            self.context.check()?;
            bytes.clear();
            for word in rows.as_flattened() {
                bytes.extend_from_slice(&word.to_le_bytes());
            }
            run.write(&bytes)?;
        }
        Ok(())
    }

    /// The rows, ascending and distinct.
    pub(crate) fn finish(self) -> StorageResult<Box<dyn RowSource<N>>> {
        Ok(match self.finish_sorted()? {
            Sorted::InMemory(rows) => Box::new(rows.source()),
            Sorted::Spilled(source) => source,
        })
    }

    /// The rows, ascending and distinct, and whether they are all in memory.
    pub(crate) fn finish_sorted(mut self) -> StorageResult<Sorted<N>> {
        self.sort()?;
        let rows = SortedRows(Rc::new(std::mem::take(&mut self.buffer)));
        if self.runs.is_empty() {
            return Ok(Sorted::InMemory(rows));
        }
        let mut sources: Vec<Box<dyn RowSource<N>>> = vec![Box::new(rows.source())];
        sources.extend(sources_of(self.runs)?);
        Ok(Sorted::Spilled(Box::new(MergedRows::new(sources))))
    }
}

/// What a sorter collected.
pub(crate) enum Sorted<const N: usize> {
    InMemory(SortedRows<N>),
    Spilled(Box<dyn RowSource<N>>),
}

/// Ascending rows in memory.
pub(crate) struct SortedRows<const N: usize>(Rc<Vec<[u64; N]>>);

impl<const N: usize> SortedRows<N> {
    pub(crate) fn source(&self) -> impl RowSource<N> + use<N> {
        InMemory {
            rows: Rc::clone(&self.0),
            next: 0,
        }
    }

    /// Rows that are ascending and distinct.
    pub(crate) fn of(rows: Vec<[u64; N]>) -> Self {
        Self(Rc::new(rows))
    }

    pub(crate) fn rows(&self) -> &[[u64; N]] {
        &self.0
    }

    /// The rows with other values, which stay distinct, in their new order.
    pub(crate) fn mapped(
        self,
        value: impl Fn(u64) -> u64 + Sync,
        context: &ReadContext,
    ) -> StorageResult<Self> {
        let mut rows = Rc::unwrap_or_clone(self.0);
        rows.par_chunks_mut(READ_ROWS).for_each(|rows| {
            rows.iter_mut()
                .flatten()
                .for_each(|word| *word = value(*word))
        });
        Ok(Self::of(sorted(rows, context)?))
    }

    /// The same rows with their first column moved to the end, in their new order. Sorts in place, unless a source is
    /// still in use.
    pub(crate) fn rotate(&mut self, context: &ReadContext) -> StorageResult<()> {
        let mut rows = Rc::unwrap_or_clone(std::mem::take(&mut self.0));
        rows.par_chunks_mut(READ_ROWS)
            .for_each(|rows| rows.iter_mut().for_each(|row| row.rotate_left(1)));
        self.0 = Rc::new(sorted(rows, context)?);
        Ok(())
    }
}

fn sources_of<const N: usize>(
    runs: Vec<(u32, SpillFile)>,
) -> StorageResult<Vec<Box<dyn RowSource<N>>>> {
    let source = |(_, run): (u32, SpillFile)| -> StorageResult<Box<dyn RowSource<N>>> {
        Ok(Box::new(Run {
            reader: run.into_reader()?,
            bytes: vec![0; READ_ROWS * N * 8],
        }))
    };
    runs.into_iter().map(source).collect()
}

struct InMemory<const N: usize> {
    rows: Rc<Vec<[u64; N]>>,
    next: usize,
}

impl<const N: usize> RowSource<N> for InMemory<N> {
    fn fill(&mut self, rows: &mut Vec<[u64; N]>) -> StorageResult<bool> {
        let end = self.rows.len().min(self.next + READ_ROWS);
        rows.extend_from_slice(&self.rows[self.next..end]);
        Ok(std::mem::replace(&mut self.next, end) < end)
    }
}

struct Run<const N: usize> {
    reader: SpillReader,
    bytes: Vec<u8>,
}

impl<const N: usize> RowSource<N> for Run<N> {
    fn fill(&mut self, rows: &mut Vec<[u64; N]>) -> StorageResult<bool> {
        let filled = self.reader.read_up_to(&mut self.bytes)?;
        for bytes in self.bytes[..filled].chunks_exact(N * 8) {
            let mut row = [0; N];
            for (word, bytes) in row.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *word = u64::from_le_bytes(*bytes);
            }
            rows.push(row);
        }
        Ok(filled > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_files_stay_few_however_many_rows_there_are() {
        let mut sorter = Sorter::<1>::new(0, SpillFolder::Unnamed(None), ReadContext::new());
        let rows = (READ_ROWS * (RUNS_MAX * 5 + 3)) as u64;
        for number in 0..rows {
            sorter
                .push([number.reverse_bits()])
                .expect("temporary files can be written");
            assert!(sorter.runs.len() < 2 * RUNS_MAX);
        }
        let mut source = sorter.finish().expect("temporary files can be read");
        let mut sorted = Vec::new();
        while source
            .fill(&mut sorted)
            .expect("temporary files can be read")
        {}
        assert_eq!(sorted.len() as u64, rows);
        assert!(sorted.is_sorted());
    }

    #[test]
    fn rows_come_back_sorted_and_distinct_with_and_without_runs() {
        let rows: Vec<[u64; 2]> = (0..30_000_u64)
            .map(|number| [number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50, number % 3])
            .collect();
        let mut expected = rows.clone();
        expected.sort_unstable();
        expected.dedup();
        for memory_bytes in [0, 1 << 30] {
            let mut sorter =
                Sorter::new(memory_bytes, SpillFolder::Unnamed(None), ReadContext::new());
            for &row in &rows {
                sorter.push(row).expect("temporary files can be written");
            }
            let mut source = sorter.finish().expect("temporary files can be read");
            let mut sorted = Vec::new();
            while source
                .fill(&mut sorted)
                .expect("temporary files can be read")
            {}
            assert!(sorted == expected, "with {memory_bytes} bytes");
        }
    }
}
