//! The summary level: one entry for a group of consecutive blocks.
//!
//! An entry is: the number of rows in the group (8 bytes), the smallest and the largest value of each column (16 bytes a
//! column), then one block of rows `[separator, padded to four words, rows]` – a block like any other, so that an entry
//! of 128 blocks stays below 2 KB. All little-endian, sealed under the key of the group's last block. The column
//! ranges may be wider than the group's rows, never narrower.

use crate::block::{Block, encode_block, rows_that_fit};
use crate::bytes::{Reader, RowKey, row_of};
use crate::checksum;
use crate::keyspaces::Place;
use quadrille_backend::{StorageError, StorageResult};
use std::ops::Range;

/// The most blocks in a group.
pub(crate) const GROUP_BLOCKS: usize = 128;

/// The smallest and the largest value of a column.
pub(crate) type ColumnRange = (u64, u64);

/// The column ranges of rows; of no rows, ranges that hold nothing.
pub(crate) fn ranges_of<const N: usize>(rows: &[[u64; N]]) -> [ColumnRange; N] {
    let mut ranges = [(u64::MAX, 0); N];
    for row in rows {
        for (range, &value) in ranges.iter_mut().zip(row) {
            *range = (range.0.min(value), range.1.max(value));
        }
    }
    ranges
}

/// What the summary knows of one block.
#[derive(Clone, Debug)]
pub(crate) struct BlockInfo<const N: usize> {
    /// The block's key.
    pub(crate) separator: [u64; N],
    /// The number of rows.
    pub(crate) rows: u64,
    /// A range around each column.
    pub(crate) ranges: [ColumnRange; N],
}

/// A decoded summary entry.
#[derive(Clone, Debug)]
pub(crate) struct Summary<const N: usize> {
    pub(crate) rows: u64,
    pub(crate) ranges: [ColumnRange; N],
    pub(crate) separators: Vec<[u64; N]>,
    pub(crate) counts: Vec<u64>,
}

impl<const N: usize> Summary<N> {
    /// Reads an entry as it stands under its key.
    pub(crate) fn decode(place: &Place, key: &[u8], value: &[u8]) -> StorageResult<Self> {
        Self::decode_payload(key, checksum::open(place.role, key, value)?)
            .map_err(|error| error.in_keyspace(&place.keyspace).at_key(key))
    }

    pub(crate) fn decode_payload(key: &[u8], payload: &[u8]) -> StorageResult<Self> {
        let (rows, ranges, bytes) = header(payload)?;
        let block = Block::<5>::parse(bytes)?;
        let mut columns: [Vec<u64>; 5] = Default::default();
        for (column, values) in columns.iter_mut().enumerate() {
            block.decode_column(bytes, column, 0..block.len(), values);
        }
        let [.., counts] = &columns;
        let separators: Vec<[u64; N]> = (0..block.len())
            .map(|row| std::array::from_fn(|column| columns[column][row]))
            .collect();
        let sound = separators.is_sorted_by(|a, b| a < b)
            && separators.last().copied() == row_of(key)
            && counts
                .iter()
                .try_fold(0_u64, |sum, &count| sum.checked_add(count))
                == Some(rows);
        if !sound {
            return Err(StorageError::corrupted(
                "a summary entry contradicts itself",
            ));
        }
        let [.., counts] = columns;
        Ok(Self {
            rows,
            ranges,
            separators,
            counts,
        })
    }

    /// The number of rows and the column ranges of an entry, without the blocks.
    pub(crate) fn decode_header(payload: &[u8]) -> StorageResult<(u64, [ColumnRange; N])> {
        let (rows, ranges, _) = header(payload)?;
        Ok((rows, ranges))
    }

    /// What the entry knows of its blocks; each has the ranges of the whole group.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = BlockInfo<N>> {
        self.separators
            .iter()
            .zip(&self.counts)
            .map(|(&separator, &rows)| BlockInfo {
                separator,
                rows,
                ranges: self.ranges,
            })
    }
}

/// An entry that is looked at in place: to find a few blocks among many takes no decoding.
pub(crate) struct SummaryBlocks<'a, const N: usize> {
    block: Block<5>,
    bytes: &'a [u8],
}

impl<'a, const N: usize> SummaryBlocks<'a, N> {
    /// An entry as it stands under its key; that its blocks ascend is not looked at.
    pub(crate) fn of_payload(key: &[u8], payload: &'a [u8]) -> StorageResult<Self> {
        let (rows, _, bytes) = header::<N>(payload)?;
        let block = Block::<5>::parse(bytes)?;
        let blocks = Self { block, bytes };
        let last = blocks.len().checked_sub(1);
        let last = last.map(|last| blocks.block.row(bytes, last));
        let separator = last.map(|row| std::array::from_fn(|column| row[column]));
        if separator != row_of::<N>(key) || blocks.rows(0..blocks.len()) != rows {
            return Err(StorageError::corrupted(
                "a summary entry contradicts itself",
            ));
        }
        Ok(blocks)
    }

    pub(crate) fn len(&self) -> usize {
        self.block.len()
    }

    /// How many blocks end below a row.
    pub(crate) fn below(&self, row: &[u64; N]) -> usize {
        self.bounded_by(row, 0)
    }

    /// How many blocks end below a row or with it.
    pub(crate) fn up_to(&self, row: &[u64; N]) -> usize {
        self.bounded_by(row, u64::MAX)
    }

    fn bounded_by(&self, row: &[u64; N], rows: u64) -> usize {
        let mut bound = [0; 5];
        bound[..N].copy_from_slice(row);
        bound[4] = rows;
        self.block.lower_bound(self.bytes, &bound)
    }

    /// How many rows a block has.
    pub(crate) fn rows_of(&self, block: usize) -> u64 {
        self.block.get(self.bytes, block, 4)
    }

    /// How many rows some blocks have together.
    pub(crate) fn rows(&self, blocks: Range<usize>) -> u64 {
        let mut counts = Vec::with_capacity(blocks.len());
        self.block.decode_column(self.bytes, 4, blocks, &mut counts);
        counts.into_iter().fold(0, u64::saturating_add)
    }
}

fn header<const N: usize>(payload: &[u8]) -> StorageResult<(u64, [ColumnRange; N], &[u8])> {
    let mut reader = Reader::new(payload, "summary entry");
    let rows = reader.u64()?;
    let mut ranges = [(0, 0); N];
    for range in &mut ranges {
        *range = (reader.u64()?, reader.u64()?);
    }
    Ok((rows, ranges, reader.rest()))
}

/// Cuts consecutive blocks into groups and encodes an entry for each, sealed, with its key.
pub(crate) fn encode_groups<const N: usize>(
    role: &str,
    blocks: &[BlockInfo<N>],
    bytes_max: usize,
    out: &mut Vec<(Vec<u8>, Vec<u8>)>,
) {
    let rows: Vec<[u64; 5]> = blocks
        .iter()
        .map(|block| {
            let mut row = [0; 5];
            row[..N].copy_from_slice(&block.separator);
            row[4] = block.rows;
            row
        })
        .collect();
    let budget = bytes_max.saturating_sub(8 + 16 * N + checksum::CHECKSUM_BYTES);
    let mut start = 0;
    while start < blocks.len() {
        let candidates = &rows[start..rows.len().min(start + GROUP_BLOCKS)];
        let end = start + rows_that_fit(candidates, budget, candidates.len());
        out.push(encode_group(role, &blocks[start..end], &rows[start..end]));
        start = end;
    }
}

fn encode_group<const N: usize>(
    role: &str,
    blocks: &[BlockInfo<N>],
    rows: &[[u64; 5]],
) -> (Vec<u8>, Vec<u8>) {
    let mut ranges = [(u64::MAX, 0); N];
    let (mut total, mut last) = (0, [0; N]);
    for block in blocks {
        total += block.rows;
        last = block.separator;
        for (range, other) in ranges.iter_mut().zip(block.ranges) {
            *range = (range.0.min(other.0), range.1.max(other.1));
        }
    }
    let mut value = Vec::with_capacity(2048);
    value.extend_from_slice(&u64::to_le_bytes(total));
    for (min, max) in ranges {
        value.extend_from_slice(&min.to_le_bytes());
        value.extend_from_slice(&max.to_le_bytes());
    }
    encode_block(rows, &mut value);
    let key = RowKey::new(&last);
    checksum::seal(role, &key, &mut value);
    (key.to_vec(), value)
}
