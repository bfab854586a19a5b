//! Rows beyond the memory budget, in temporary files.
//!
//! What flows in: batches of ids, each for one of the runs of a file. What flows out: the batches of a run again, in the
//! order in which they were written. What always holds: a file has no name that anybody could find it by, and is gone with
//! its last reader, even when the process is killed; chunks of many runs lie in one file, so that the number of open files
//! does not grow with the rows; a disk that is full or fails is an error, never fewer rows.
//!
//! A chunk holds its columns one after the other, each as its smallest value (8 bytes, little-endian), the number of bytes
//! that the largest difference to it takes, and the differences in so many bytes each.

use super::Operator;
use crate::batch::{BATCH_ROWS, Batch};
use crate::error::QueryError;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Into how many parts rows are divided by their hashes.
pub(crate) const PARTITIONS: usize = 16;

/// How many bits of a hash one division takes.
const PARTITION_BITS: u32 = PARTITIONS.trailing_zeros();

/// A temporary file of chunks.
pub(crate) struct SpillFile {
    state: Mutex<State>,
}

struct State {
    file: File,
    end: u64,
    /// The bytes of the chunk that is being written or read.
    bytes: Vec<u8>,
}

/// What belongs together in a file: the places of its chunks.
#[derive(Clone, Default)]
pub(crate) struct Run {
    chunks: Vec<Chunk>,
    rows: u64,
}

impl Run {
    /// How many rows it has.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }
}

#[derive(Clone)]
struct Chunk {
    start: u64,
    bytes: usize,
    rows: usize,
}

impl SpillFile {
    /// An empty file in the system's folder for temporary files.
    ///
    /// # Errors
    /// `TemporaryFile` when it cannot be made.
    pub(crate) fn new() -> Result<Arc<Self>, QueryError> {
        let file = tempfile::tempfile().map_err(failed)?;
        let state = State {
            file,
            end: 0,
            bytes: Vec::new(),
        };
        Ok(Arc::new(Self {
            state: Mutex::new(state),
        }))
    }

    /// Appends the rows of a batch to a run of this file.
    ///
    /// # Errors
    /// `TemporaryFile`.
    pub(crate) fn write(&self, batch: &Batch, run: &mut Run) -> Result<(), QueryError> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut state = self.lock();
        let State { file, end, bytes } = &mut *state;
        bytes.clear();
        for column in 0..batch.width() {
            pack(batch.column(column), bytes);
        }
        file.seek(SeekFrom::Start(*end)).map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        run.chunks.push(Chunk {
            start: *end,
            bytes: bytes.len(),
            rows: batch.len(),
        });
        run.rows += batch.len() as u64;
        *end += bytes.len() as u64;
        Ok(())
    }

    /// Appends the rows of a chunk to a batch of the width that they were written with.
    fn read(&self, chunk: &Chunk, batch: &mut Batch) -> Result<(), QueryError> {
        let mut state = self.lock();
        let State { file, bytes, .. } = &mut *state;
        bytes.resize(chunk.bytes, 0);
        file.seek(SeekFrom::Start(chunk.start)).map_err(failed)?;
        file.read_exact(bytes).map_err(failed)?;
        let mut rest = Some(bytes.as_slice());
        batch.append_with(chunk.rows, |_, column| {
            rest = rest.and_then(|bytes| unpack(bytes, chunk.rows, column));
            column.resize(
                column.len() + if rest.is_none() { chunk.rows } else { 0 },
                0,
            );
        });
        match rest {
            Some([]) => Ok(()),
            _ => Err(failed(io::ErrorKind::InvalidData.into())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(source: io::Error) -> QueryError {
    QueryError::TemporaryFile { source }
}

/// Appends a column to the bytes of a chunk.
fn pack(values: &[u64], bytes: &mut Vec<u8>) {
    let least = values.iter().copied().min().unwrap_or_default();
    let most = values.iter().copied().max().unwrap_or_default();
    let width = (u64::BITS - (most - least).leading_zeros()).div_ceil(8);
    bytes.extend_from_slice(&least.to_le_bytes());
    bytes.push(width as u8);
    match width {
        0 => {}
        1 => pack_as::<1>(values, least, bytes),
        2 => pack_as::<2>(values, least, bytes),
        3 => pack_as::<3>(values, least, bytes),
        4 => pack_as::<4>(values, least, bytes),
        5 => pack_as::<5>(values, least, bytes),
        6 => pack_as::<6>(values, least, bytes),
        7 => pack_as::<7>(values, least, bytes),
        _ => pack_as::<8>(values, least, bytes),
    }
}

fn pack_as<const WIDTH: usize>(values: &[u64], least: u64, bytes: &mut Vec<u8>) {
    bytes.reserve(values.len() * WIDTH);
    for value in values {
        let difference = (value - least).to_le_bytes();
        if let Some(low) = difference.first_chunk::<WIDTH>() {
            bytes.extend_from_slice(low);
        }
    }
}

/// Appends so many values of a column, and gives the bytes behind it; `None` when the bytes are no column.
fn unpack<'a>(bytes: &'a [u8], rows: usize, column: &mut Vec<u64>) -> Option<&'a [u8]> {
    let (least, bytes) = bytes.split_first_chunk()?;
    let least = u64::from_le_bytes(*least);
    let (width, bytes) = bytes.split_first()?;
    let (packed, rest) = bytes.split_at_checked(rows.checked_mul(usize::from(*width))?)?;
    match width {
        0 => column.extend(std::iter::repeat_n(least, rows)),
        1 => unpack_as::<1>(packed, least, column),
        2 => unpack_as::<2>(packed, least, column),
        3 => unpack_as::<3>(packed, least, column),
        4 => unpack_as::<4>(packed, least, column),
        5 => unpack_as::<5>(packed, least, column),
        6 => unpack_as::<6>(packed, least, column),
        7 => unpack_as::<7>(packed, least, column),
        8 => unpack_as::<8>(packed, least, column),
        _ => return None,
    }
    Some(rest)
}

fn unpack_as<const WIDTH: usize>(packed: &[u8], least: u64, column: &mut Vec<u64>) {
    let (values, _) = packed.as_chunks::<WIDTH>();
    column.extend(values.iter().map(|low| {
        let mut difference = [0; 8];
        if let Some(place) = difference.first_chunk_mut::<WIDTH>() {
            *place = *low;
        }
        least.wrapping_add(u64::from_le_bytes(difference))
    }));
}

/// The rows of a run, chunk by chunk.
pub(crate) struct RunReader {
    file: Arc<SpillFile>,
    run: Run,
    width: usize,
    next: usize,
}

impl RunReader {
    /// The rows of a run of this file, which were written with this width.
    pub(crate) fn new(file: Arc<SpillFile>, run: Run, width: usize) -> Self {
        Self {
            file,
            run,
            width,
            next: 0,
        }
    }

    /// How many rows the run has, those read included.
    pub(crate) fn rows(&self) -> u64 {
        self.run.rows()
    }
}

impl Operator for RunReader {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.width);
        let Some(chunk) = self.run.chunks.get(self.next) else {
            return Ok(false);
        };
        self.next += 1;
        self.file.read(chunk, batch)?;
        Ok(true)
    }
}

/// Rows on their way into a file, divided by their hashes: equal rows come into one part.
pub(crate) struct Partitions {
    file: Arc<SpillFile>,
    parts: Vec<(Batch, Run)>,
    width: usize,
    level: u32,
}

impl Partitions {
    /// Parts for rows of a width. Rows of a part that is divided again, at the next level, part by other bits of their hash.
    ///
    /// # Errors
    /// `TemporaryFile`.
    pub(crate) fn new(width: usize, level: u32) -> Result<Self, QueryError> {
        let part = || (Batch::new(width), Run::default());
        Ok(Self {
            file: SpillFile::new()?,
            parts: std::iter::repeat_with(part).take(PARTITIONS).collect(),
            width,
            level,
        })
    }

    /// The part that a row of this hash belongs to.
    pub(crate) fn part_of(&self, hash: u64) -> usize {
        let shift = (self.level % (u64::BITS / PARTITION_BITS)) * PARTITION_BITS;
        (hash.rotate_right(shift) as usize) % PARTITIONS
    }

    /// Adds a row to the part of its hash.
    ///
    /// # Errors
    /// `TemporaryFile`.
    pub(crate) fn push(
        &mut self,
        hash: u64,
        row: impl IntoIterator<Item = u64>,
    ) -> Result<(), QueryError> {
        let part = self.part_of(hash);
        if let Some((batch, run)) = self.parts.get_mut(part) {
            batch.push(row);
            if batch.len() >= BATCH_ROWS {
                self.file.write(batch, run)?;
                batch.clear();
            }
        }
        Ok(())
    }

    /// The parts, in the order of [`part_of`](Self::part_of), the empty ones too.
    ///
    /// # Errors
    /// `TemporaryFile`.
    pub(crate) fn finish(self) -> Result<Vec<RunReader>, QueryError> {
        let Self {
            file, parts, width, ..
        } = self;
        let read = |(batch, mut run)| {
            file.write(&batch, &mut run)?;
            Ok(RunReader::new(Arc::clone(&file), run, width))
        };
        parts.into_iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{PARTITIONS, Partitions, Run, RunReader, SpillFile, pack, unpack};
    use crate::batch::Batch;
    use crate::operators::Operator;
    use std::sync::Arc;

    #[test]
    fn columns_of_every_width_come_back() {
        for bits in 0..=64_u32 {
            let most = u64::MAX.checked_shr(64 - bits).unwrap_or(0);
            for least in [0, u64::MAX - most] {
                let values = [least, least + most, least + most / 3, least + most / 2];
                let mut bytes = Vec::new();
                pack(&values, &mut bytes);
                assert_eq!(9 + 4 * bits.div_ceil(8) as usize, bytes.len());
                bytes.push(7);
                let mut column = Vec::new();
                assert_eq!(Some([7].as_slice()), unpack(&bytes, 4, &mut column));
                assert_eq!(values.as_slice(), column);
            }
        }
    }

    #[test]
    fn bytes_that_are_no_column_are_refused() {
        let mut bytes = Vec::new();
        pack(&[1, 1 << 40, 3], &mut bytes);
        for end in 0..bytes.len() {
            assert_eq!(None, unpack(&bytes[..end], 3, &mut Vec::new()));
        }
        bytes[8] = 9;
        assert_eq!(None, unpack(&bytes, 3, &mut Vec::new()));
        assert_eq!(None, unpack(&bytes, usize::MAX, &mut Vec::new()));
    }

    #[test]
    fn runs_of_one_file_are_read_apart() {
        let file = SpillFile::new().expect("a temporary file");
        let mut runs = [Run::default(), Run::default()];
        for number in 0..100_u64 {
            let mut batch = Batch::new(2);
            for row in 0..number {
                batch.push([number, row << number.min(50)]);
            }
            file.write(&batch, &mut runs[number as usize % 2])
                .expect("written");
        }
        for (odd, run) in runs.into_iter().enumerate() {
            let mut reader = RunReader::new(Arc::clone(&file), run, 2);
            let mut batch = Batch::default();
            for number in (1..100).filter(|number| number % 2 == odd as u64) {
                assert!(reader.next(&mut batch).expect("read"));
                assert_eq!(number as usize, batch.len());
                for row in 0..number {
                    assert_eq!(row << number.min(50), batch.value(row as usize, 1));
                }
            }
            assert!(!reader.next(&mut batch).expect("read"));
            assert!(batch.is_empty());
        }
    }

    #[test]
    fn rows_without_columns_are_counted() {
        let file = SpillFile::new().expect("a temporary file");
        let mut run = Run::default();
        let mut batch = Batch::new(0);
        batch.push([]);
        batch.push([]);
        file.write(&batch, &mut run).expect("written");
        let mut reader = RunReader::new(file, run, 0);
        assert!(reader.next(&mut batch).expect("read"));
        assert_eq!(2, batch.len());
        assert!(!reader.next(&mut batch).expect("read"));
    }

    #[test]
    fn a_part_has_the_rows_of_its_hashes() {
        let mut parts = Partitions::new(1, 3).expect("a temporary file");
        let hash = |row: u64| row.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let expected: Vec<_> = (0..50_000).map(|row| parts.part_of(hash(row))).collect();
        for row in 0..50_000 {
            parts.push(hash(row), [row]).expect("written");
        }
        let readers = parts.finish().expect("written");
        assert_eq!(PARTITIONS, readers.len());
        let mut rows = 0;
        for (part, mut reader) in readers.into_iter().enumerate() {
            let mut batch = Batch::default();
            while reader.next(&mut batch).expect("read") {
                for value in batch.column(0) {
                    assert_eq!(part, expected[*value as usize]);
                    rows += 1;
                }
            }
        }
        assert_eq!(50_000, rows);
    }
}
