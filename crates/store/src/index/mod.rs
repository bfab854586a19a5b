//! A sorted set of rows over a keyspace: blocks of rows, and a summary level above them.
//!
//! What flows in: sorted rows of ids ([`writer`] builds an index, [`fold`] changes one). What flows out: blocks by
//! position ([`reader`]), counts ([`count`]) and rows merged with changes that are not in the blocks yet: all of a range
//! ([`scan`]), or a few from here and there for joins ([`lookup`], [`trie`]), which keep a part in hand ([`window`]).
//!
//! What always holds:
//! * The key of a block is an upper bound of its rows and a lower bound, exclusive, of the next block's. So the first
//!   key at or above a row is the key of the only block that can hold it.
//! * The key of the last block is all 0xff when the index was built by the writer.
//! * A summary entry describes up to [`summary::GROUP_BLOCKS`] consecutive blocks and stands under the key of the last
//!   of them; every block belongs to exactly one entry.

pub(crate) mod count;
pub(crate) mod fold;
pub(crate) mod lookup;
pub(crate) mod reader;
pub(crate) mod rows;
pub(crate) mod scan;
pub(crate) mod split;
pub(crate) mod summary;
pub(crate) mod trie;
pub(crate) mod values;
pub(crate) mod window;
pub(crate) mod writer;

/// The smallest row above a row; `None` above the largest.
pub(crate) fn successor<const N: usize>(mut row: [u64; N]) -> Option<[u64; N]> {
    for word in row.iter_mut().rev() {
        *word = word.wrapping_add(1);
        if *word != 0 {
            return Some(row);
        }
    }
    None
}

/// The rows that begin with a prefix, as `[start, end)`; an `end` of `None` is open.
pub(crate) fn prefix_range<const N: usize>(prefix: &[u64]) -> ([u64; N], Option<[u64; N]>) {
    let mut start = [0; N];
    let mut last = [u64::MAX; N];
    for (column, &word) in prefix.iter().enumerate() {
        start[column] = word;
        last[column] = word;
    }
    (start, successor(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_prefixes_carry() {
        assert_eq!(prefix_range::<2>(&[5]), ([5, 0], Some([6, 0])));
        assert_eq!(
            prefix_range::<2>(&[5, u64::MAX]),
            ([5, u64::MAX], Some([6, 0]))
        );
        assert_eq!(prefix_range::<2>(&[u64::MAX]), ([u64::MAX, 0], None));
        assert_eq!(prefix_range::<2>(&[]), ([0, 0], None));
    }
}
