//! The codec of a block: sorted distinct rows of `N` numbers, packed column by column, read in place.
//! Rows go in through [`encode_prefix`] or [`encode_block`]; [`Block::parse`] reads the header, and any value, run or bound
//! is then found in the bytes without decoding the rest. A block's bytes depend on its rows alone, and those that
//! [`encode_prefix`] cuts off on its arguments. Damaged bytes give
//! [`ErrorKind::Corrupted`](crate::ErrorKind::Corrupted) or arbitrary values, never a panic.
//!
//! # Byte layout (normative)
//!
//! A block is `rows` (2 bytes, 1 to 8192), `header length` (2), the header, the data. All numbers are little-endian; the
//! columns follow each other in the header, and their data in the same order, each piece of data beginning at a whole byte.
//! *Bits of x* is the position of its highest set bit plus one, 0 for 0. An *array* of w-bit numbers lies in
//! `ceil(count · w / 8)` bytes, the lowest bit of the lowest byte first. A *rotated* number is one rotated left by 8 bits,
//! so that the tag of a term id is its lowest byte, and stored in as many bytes as it needs, up to 8.
//!
//! A column begins with a byte of flags:
//!
//! | flags | header | data |
//! |---|---|---|
//! | 0 to 7, not 6 or 7 | runs, if any; a sequence with an entry a row or a run; a dictionary, if any | |
//! | … 1: dictionary | after the sequence of codes: count (2), the sequence of the values, ascending, that codes mean | |
//! | … 2: run starts | runs in number (2), the sequence of the first row of each run but the first | |
//! | … 4: run bitmap | runs in number (2) | array of run starts before row 256, 512, … (bits of the number of runs); a bit a row, set where a run but the first starts |
//! | 8: frames | as below; groups are the codes of the column before: flags 1, which may name a value several times | |
//! | 16: frames | as below, then the sequence of the group of each row | |
//!
//! A sequence of `n` numbers begins with a byte: 0 to 8, the bytes of the rotated base that follows it (the smallest
//! number), and 16 times its kind. The number at an index is the base plus
//!
//! | kind | is | header after the base | data |
//! |---|---|---|---|
//! | 0 constant | 0 | | |
//! | 1 packed | the index-th of an array | length of range (1), range: the largest number less the base | array (bits of the range) |
//! | 2 laps | `bucket · 2^w + low` | length of range (1), range, w (1), laps (2) | array of samples; high bits; array of lows (w) |
//!
//! Laps are Elias-Fano lists: a lap ends where the bucket, a number's difference from the base shifted right by `w`, falls.
//! A lap has `B = (range >> w) + 1` buckets, and `high = lap · B + bucket` never falls. Among the `n + laps · B` high bits,
//! bit `high + index` is set for each index. A sample is the position of the bit of index 128, 256, … (bits of `n + laps · B`).
//!
//! Frames give each group of rows (those that share the value of the column before, the tag, and often the magnitude) a
//! base and a width. The header: a byte with the length of the rotated smallest value and 16 times that of the largest,
//! both values, groups in number (2), smallest tag (1), t: bits of the largest tag less the smallest (1), bits of all bases
//! together (2), bits of all rows together (3). The data: array of group descriptors (12 + t bits: width 6, bits of the
//! base 6, tag less the smallest t); array of where the base of group 8, 16, … begins (bits of the bits of all bases); the
//! bases one after the other, each shifted right by `max(width, 3) − 3`; array of where row 32, 64, … begins (bits of the
//! bits of all rows); the rows one after the other, each in its group's width. The payload of a value is its group's base
//! plus its bits.

mod bits;
mod column;
mod column_plan;
mod distinct;
mod frames;
mod frames_plan;
mod plan;
mod runs;
mod sequence;
mod sequence_plan;
#[cfg(test)]
mod tests;

use bits::Reader;
use column::Column;
use plan::{BlockPlan, Model};
use quadrille_backend::{StorageError, StorageResult};
use std::ops::Range;

/// The most rows that a block holds.
pub(crate) const BLOCK_ROWS_MAX: usize = 8192;

/// Appends the block of `rows`: ascending, distinct, at least 1 and at most [`BLOCK_ROWS_MAX`] of them.
/// The checksum is the caller's.
pub(crate) fn encode_block<const N: usize>(rows: &[[u64; N]], out: &mut Vec<u8>) {
    debug_assert!((1..=BLOCK_ROWS_MAX).contains(&rows.len()) && rows.is_sorted());
    BlockPlan::new(rows).write(out);
}

/// How many rows from the front fit a block of at most `bytes_max` encoded bytes: at least 1, even if that one does not fit.
/// `hint` is the answer for the block before, 0 for none. Does a few size computations and stops within some 3 % of full.
pub(crate) fn rows_that_fit<const N: usize>(
    rows: &[[u64; N]],
    bytes_max: usize,
    hint: usize,
) -> usize {
    BlockPlan::that_fits(rows, bytes_max, hint, BlockPlan::new).len()
}

/// Appends a block of about as many rows from the front as [`rows_that_fit`] finds, and says how many. It takes less time
/// than that: columns may be stored as was best for some rows more or less, rarely to the cost of some bytes.
pub(crate) fn encode_prefix<const N: usize>(
    rows: &[[u64; N]],
    bytes_max: usize,
    hint: usize,
    out: &mut Vec<u8>,
) -> usize {
    let mut model = None;
    let plan = BlockPlan::that_fits(rows, bytes_max, hint, |rows| Model::plan(&mut model, rows));
    plan.write(out);
    plan.len()
}

/// The hint for the block behind one of so many rows and bytes.
pub(crate) fn hint_after(rows: usize, bytes: usize, bytes_max: usize) -> usize {
    (rows * plan::aim(bytes_max) / bytes.max(1)).max(1)
}

/// The parsed header of a block: offsets and parameters, no borrow of the bytes. Every method that takes bytes wants
/// those that were parsed.
#[derive(Clone, Debug)]
pub(crate) struct Block<const N: usize> {
    rows: usize,
    columns: [Column; N],
}

impl<const N: usize> Default for Block<N> {
    /// No block: to be loaded before it is read.
    fn default() -> Self {
        Self {
            rows: 0,
            columns: [Column::EMPTY; N],
        }
    }
}

impl<const N: usize> Block<N> {
    /// Parses the header and checks every offset and length in it against the bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupted`](crate::ErrorKind::Corrupted) when the bytes cannot be a block of `N` columns.
    pub(crate) fn parse(bytes: &[u8]) -> StorageResult<Self> {
        let mut block = Self::default();
        block.load(bytes)?;
        Ok(block)
    }

    /// [`parse`](Self::parse) in place: a header is some hundred words long. After an error nothing must be read.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub(crate) fn load(&mut self, bytes: &[u8]) -> StorageResult<()> {
        self.load_observed(bytes, |_, _, _| {})
    }

    /// [`load`](Self::load), and tells of each column its encoding and bytes; after an error that counts for nothing.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    #[inline]
    pub(crate) fn load_observed(
        &mut self,
        bytes: &[u8],
        mut observe: impl FnMut(usize, &'static str, usize),
    ) -> StorageResult<()> {
        self.rows = bits::read(bytes, 0, 16) as usize;
        let mut reader = Reader::new(bytes, 2);
        reader.damaged |= self.rows == 0 || self.rows > BLOCK_ROWS_MAX;
        let mut before_has_codes = false;
        for (number, column) in self.columns.iter_mut().enumerate() {
            let start = reader.place();
            *column = Column::parse(&mut reader, self.rows, before_has_codes);
            before_has_codes = column.row_codes().is_some();
            let bytes = reader.place().saturating_sub(start);
            observe(number, column.encoding(), bytes);
        }
        if !reader.is_whole() {
            return Err(damaged());
        }
        Ok(())
    }

    /// The number of rows, at least 1.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// The smallest value of a column (below `N`).
    #[must_use]
    pub(crate) fn min(&self, column: usize) -> u64 {
        self.columns[column].min()
    }

    /// The largest value of a column (below `N`).
    #[must_use]
    pub(crate) fn max(&self, column: usize) -> u64 {
        self.columns[column].max()
    }

    /// One value. A row past the end is taken for the last.
    #[must_use]
    pub(crate) fn get(&self, bytes: &[u8], row: usize, column: usize) -> u64 {
        self.columns[column].get(&self.columns[..column], bytes, row.min(self.rows - 1))
    }

    /// One row. A row past the end is taken for the last.
    #[must_use]
    pub(crate) fn row(&self, bytes: &[u8], row: usize) -> [u64; N] {
        std::array::from_fn(|column| self.get(bytes, row, column))
    }

    /// The index of the first row that is at least `bound`; [`len`](Self::len) when there is none.
    #[must_use]
    pub(crate) fn lower_bound(&self, bytes: &[u8], bound: &[u64; N]) -> usize {
        self.prefix_range(bytes, bound).start
    }

    /// The rows that begin with `prefix` (at most `N` values); an empty range where they would be, if there are none.
    #[must_use]
    pub(crate) fn prefix_range(&self, bytes: &[u8], prefix: &[u64]) -> Range<usize> {
        let mut rows = 0..self.rows;
        for (index, (column, &value)) in self.columns.iter().zip(prefix).enumerate() {
            rows = column.equal_range(&self.columns[..index], bytes, rows, value);
            if rows.is_empty() {
                break;
            }
        }
        rows
    }

    /// Appends the values of one column at `range`, cut to the rows there are.
    pub(crate) fn decode_column(
        &self,
        bytes: &[u8],
        column: usize,
        range: Range<usize>,
        out: &mut Vec<u64>,
    ) {
        let end = range.end.min(self.rows);
        self.columns[column].decode(
            &self.columns[..column],
            bytes,
            range.start.min(end)..end,
            out,
        );
    }
}

#[cold]
fn damaged() -> StorageError {
    StorageError::corrupted("the header of a block does not describe its bytes")
}
