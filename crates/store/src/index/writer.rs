//! Builds an index from sorted rows: a source of block entries for the backend's ingest, which notes the summaries.

use super::summary::{BlockInfo, GROUP_BLOCKS, encode_groups, ranges_of};
use crate::block::{BLOCK_ROWS_MAX, encode_prefix};
use crate::build::spill::Prepared;
use crate::bytes::RowKey;
use crate::checksum;
use crate::keyspaces::IndexPlaces;
use quadrille_backend::{EntrySource, StorageBackend, StorageResult};

const BUFFER_ROWS: usize = 2 * BLOCK_ROWS_MAX;

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

struct BlockWriter<'a, const N: usize, S> {
    role: &'static str,
    summary_role: &'static str,
    size: BlockSize,
    source: &'a mut S,
    exhausted: bool,
    buffer: Vec<[u64; N]>,
    start: usize,
    last_rows: usize,
    key: RowKey,
    value: Vec<u8>,
    rows: u64,
    group: Vec<BlockInfo<N>>,
    summaries: Vec<(Vec<u8>, Vec<u8>)>,
}

impl<const N: usize, S: RowSource<N>> BlockWriter<'_, N, S> {
    fn refill(&mut self) -> StorageResult<()> {
        if self.buffer.len() - self.start > BLOCK_ROWS_MAX || self.exhausted {
            return Ok(());
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        while self.buffer.len() < BUFFER_ROWS && !self.exhausted {
            self.exhausted = !self.source.fill(&mut self.buffer)?;
        }
        Ok(())
    }

    fn note(&mut self, block: BlockInfo<N>, last: bool) {
        self.group.push(block);
        if self.group.len() == GROUP_BLOCKS || last {
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
        self.refill()?;
        let left = self.buffer.get(self.start..).unwrap_or_default();
        if left.is_empty() {
            return Ok(None);
        }
        let window = &left[..left.len().min(BLOCK_ROWS_MAX)];
        self.value.clear();
        let payload = self.size.payload();
        let count = encode_prefix(window, payload, self.last_rows, &mut self.value);
        let rows = &window[..count];
        let is_last = self.exhausted && count == left.len();
        let separator = match rows.last() {
            Some(&row) if !is_last => row,
            _ => [u64::MAX; N],
        };
        self.key = RowKey::new(&separator);
        checksum::seal(self.role, &self.key, &mut self.value);
        let info = BlockInfo {
            separator,
            rows: count as u64,
            ranges: ranges_of(rows),
        };
        self.last_rows = count;
        self.rows += count as u64;
        self.start += count;
        self.note(info, is_last);
        Ok(Some((&self.key, &self.value)))
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
        buffer: Vec::with_capacity(BUFFER_ROWS + BLOCK_ROWS_MAX),
        start: 0,
        last_rows: 0,
        key: RowKey::new(&[0; N]),
        value: Vec::with_capacity(size.bytes_max),
        rows: 0,
        group: Vec::with_capacity(GROUP_BLOCKS),
        summaries: Vec::new(),
    };
    backend.ingest(&places.blocks.keyspace, &mut writer)?;
    let (rows, summaries) = (writer.rows, writer.summaries);
    backend.ingest(&places.summaries.keyspace, &mut Prepared::new(summaries))?;
    Ok(rows)
}
