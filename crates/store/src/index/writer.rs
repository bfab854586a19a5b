//! Builds an index from sorted rows: a source of block entries for the backend's ingest, which notes the summaries.
//! Segments of the rows are packed by all cores at once, and handed to the backend in their order.

use super::summary::{BlockInfo, GROUP_BLOCKS, encode_groups, ranges_of};
use crate::block::{BLOCK_ROWS_MAX, encode_prefix, hint_after};
use crate::build::spill::Prepared;
use crate::bytes::RowKey;
use crate::checksum;
use crate::keyspaces::IndexPlaces;
use quadrille_backend::{EntrySource, StorageBackend, StorageError, StorageResult};
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, sync_channel};

/// The rows that one thread packs at a time. The last block of each such segment is not full, one in several hundred.
const SEGMENT_ROWS: usize = 1 << 17;

/// A source of strictly ascending rows.
pub(crate) trait RowSource<const N: usize> {
    /// Appends some more rows; false when there are no more, and then nothing was appended.
    fn fill(&mut self, rows: &mut Vec<[u64; N]>) -> StorageResult<bool>;
}

/// How large the values of an index are to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockSize {
    /// The largest block or summary value, its checksum included, in bytes.
    pub(crate) bytes_max: usize,
}

impl BlockSize {
    /// The bytes left for the block itself.
    pub(crate) fn payload(self) -> usize {
        self.bytes_max.saturating_sub(checksum::CHECKSUM_BYTES)
    }
}

/// Packs a segment of rows into blocks; the blocks of a segment depend on its rows alone.
struct Segment<const N: usize> {
    /// The sealed values, one after the other.
    bytes: Vec<u8>,
    /// The blocks, each with where its value ends.
    blocks: Vec<(BlockInfo<N>, usize)>,
}

impl<const N: usize> Segment<N> {
    /// Packs `rows`; the last block of the last segment is under the largest key of all.
    fn encode(role: &str, size: BlockSize, mut rows: &[[u64; N]], is_last: bool) -> Self {
        let mut segment = Self {
            bytes: Vec::with_capacity(rows.len() * N * 2),
            blocks: Vec::new(),
        };
        let mut value = Vec::with_capacity(size.bytes_max);
        let mut hint = 0;
        while !rows.is_empty() {
            let window = &rows[..rows.len().min(BLOCK_ROWS_MAX)];
            value.clear();
            let count = encode_prefix(window, size.payload(), hint, &mut value);
            hint = hint_after(count, value.len(), size.payload());
            let (block, rest) = rows.split_at(count);
            rows = rest;
            let separator = match block.last() {
                Some(&row) if !(is_last && rest.is_empty()) => row,
                _ => [u64::MAX; N],
            };
            checksum::seal(role, &RowKey::new(&separator), &mut value);
            segment.bytes.extend_from_slice(&value);
            let info = BlockInfo {
                separator,
                rows: block.len() as u64,
                ranges: ranges_of(block),
            };
            segment.blocks.push((info, segment.bytes.len()));
        }
        segment
    }
}

/// A segment that a thread of the pool is at work on.
type Pending<const N: usize> = Receiver<Segment<N>>;

struct BlockWriter<'a, const N: usize, S> {
    role: &'static str,
    summary_role: &'static str,
    size: BlockSize,
    source: &'a mut S,
    exhausted: bool,
    /// Rows that came with those of the last segment.
    rest: Vec<[u64; N]>,
    pending: VecDeque<Pending<N>>,
    current: Segment<N>,
    /// The next block of the current segment, and where its value begins.
    next: usize,
    start: usize,
    key: RowKey,
    rows: u64,
    group: Vec<BlockInfo<N>>,
    summaries: Vec<(Vec<u8>, Vec<u8>)>,
}

impl<const N: usize, S: RowSource<N>> BlockWriter<'_, N, S> {
    /// The rows of the next segment, and whether it is the last.
    fn next_rows(&mut self) -> StorageResult<(Vec<[u64; N]>, bool)> {
        let mut rows = std::mem::take(&mut self.rest);
        // One row more tells that there is another segment.
        while rows.len() <= SEGMENT_ROWS && !self.exhausted {
            self.exhausted = !self.source.fill(&mut rows)?;
        }
        if rows.len() > SEGMENT_ROWS {
            self.rest.extend_from_slice(&rows[SEGMENT_ROWS..]);
            rows.truncate(SEGMENT_ROWS);
        }
        let is_last = self.exhausted && self.rest.is_empty();
        Ok((rows, is_last))
    }

    /// Gives segments to the pool, so that it has one for each thread and one to go on with.
    fn hand_out(&mut self) -> StorageResult<()> {
        while self.pending.len() <= rayon::current_num_threads()
            && !(self.exhausted && self.rest.is_empty())
        {
            let (rows, is_last) = self.next_rows()?;
            let (role, size) = (self.role, self.size);
            let (sender, receiver) = sync_channel(1);
            let encode = move || {
                // Whoever asked may have failed meanwhile, and then nobody wants it.
                let _ = sender.send(Segment::encode(role, size, &rows, is_last));
            };
            if (is_last && self.pending.is_empty()) || rayon::current_thread_index().is_some() {
                // Nothing is to be gained from a thread for one small segment; and a thread of the pool itself must not wait
                // for the others, which may all be waiting like it.
                encode();
            } else {
                rayon::spawn(encode);
            }
            self.pending.push_back(receiver);
        }
        Ok(())
    }

    /// Makes the next segment the current one; false when there is none.
    fn advance(&mut self) -> StorageResult<bool> {
        self.hand_out()?;
        let Some(pending) = self.pending.pop_front() else {
            return Ok(false);
        };
        self.current = pending
            .recv()
            .map_err(|_| StorageError::misuse("a thread that packs blocks has stopped"))?;
        (self.next, self.start) = (0, 0);
        Ok(true)
    }

    fn note(&mut self, block: BlockInfo<N>) {
        let is_last = block.separator == [u64::MAX; N];
        self.group.push(block);
        if self.group.len() == GROUP_BLOCKS || is_last {
            let bytes_max = self.size.bytes_max;
            encode_groups(
                self.summary_role,
                &self.group,
                bytes_max,
                &mut self.summaries,
            );
            self.group.clear();
        }
    }
}

impl<const N: usize, S: RowSource<N>> EntrySource for BlockWriter<'_, N, S> {
    fn next_entry(&mut self) -> StorageResult<Option<(&[u8], &[u8])>> {
        while self.next == self.current.blocks.len() {
            if !self.advance()? {
                return Ok(None);
            }
        }
        let (info, end) = self.current.blocks[self.next].clone();
        let start = std::mem::replace(&mut self.start, end);
        self.next += 1;
        self.key = RowKey::new(&info.separator);
        self.rows += info.rows;
        self.note(info);
        Ok(Some((&self.key, &self.current.bytes[start..end])))
    }
}

/// Writes an index into two empty keyspaces; the number of rows.
pub(crate) fn write_index<const N: usize, B: StorageBackend, S: RowSource<N>>(
    backend: &B,
    places: &IndexPlaces,
    size: BlockSize,
    source: &mut S,
) -> StorageResult<u64> {
    let mut writer = BlockWriter {
        role: places.blocks.role,
        summary_role: places.summaries.role,
        size,
        source,
        exhausted: false,
        rest: Vec::new(),
        pending: VecDeque::new(),
        current: Segment {
            bytes: Vec::new(),
            blocks: Vec::new(),
        },
        next: 0,
        start: 0,
        key: RowKey::new(&[0; N]),
        rows: 0,
        group: Vec::with_capacity(GROUP_BLOCKS),
        summaries: Vec::new(),
    };
    backend.ingest(&places.blocks.keyspace, &mut writer)?;
    let (rows, summaries) = (writer.rows, writer.summaries);
    backend.ingest(&places.summaries.keyspace, &mut Prepared::new(summaries))?;
    Ok(rows)
}
