//! Counts the rows of a range from summaries and, for the exact count, the two blocks at its edges.

use super::reader::{BlockCursor, SummaryCursor};
use crate::delta::ChangeSet;
use crate::keyspaces::IndexPlaces;
use crate::view::View;
use quadrille_backend::{StorageError, StorageResult, StorageSnapshot};

/// How many rows lie in `[start, end)`, changes included; exact.
pub(crate) fn count_rows<S: StorageSnapshot, const N: usize>(
    view: &View<S>,
    places: &IndexPlaces,
    delta: &ChangeSet<N>,
    start: &[u64; N],
    end: Option<[u64; N]>,
) -> StorageResult<u64> {
    let blocks = count_range(view, places, start, end.as_ref())?;
    let balance = delta.balance(*start, end);
    blocks.checked_add_signed(balance).ok_or_else(|| {
        StorageError::corrupted("more quads are removed than the blocks hold")
            .in_keyspace(&places.blocks.keyspace)
    })
}

/// How many rows of the blocks lie in `[start, end)`; exact.
pub(crate) fn count_range<S: StorageSnapshot, const N: usize>(
    view: &View<S>,
    places: &IndexPlaces,
    start: &[u64; N],
    end: Option<&[u64; N]>,
) -> StorageResult<u64> {
    if end.is_some_and(|end| start >= end) {
        return Ok(0);
    }
    let mut cursor = BlockCursor::<S, N>::new(view, &places.blocks)?;
    if !cursor.seek(start)? {
        return Ok(0);
    }
    let first = cursor.separator()?;
    let (first_rows, before) = rows_and_rank(&cursor, Some(start));
    let within = |separator: &[u64; N]| end.is_some_and(|end| end <= separator);
    if within(&first) {
        let (_, up_to) = rows_and_rank(&cursor, end);
        return Ok(up_to.saturating_sub(before));
    }
    let (middle, last) = count_blocks_after(view, places, &first, end)?;
    let mut count = middle.saturating_add(first_rows.saturating_sub(before));
    if last
        && let Some(end) = end
        && cursor.seek(end)?
    {
        count = count.saturating_add(rows_and_rank(&cursor, Some(end)).1);
    }
    Ok(count)
}

/// The rows of the block at the cursor, and how many of them are below `bound` (none without a bound).
fn rows_and_rank<S: StorageSnapshot, const N: usize>(
    cursor: &BlockCursor<S, N>,
    bound: Option<&[u64; N]>,
) -> (u64, u64) {
    cursor.block().map_or((0, 0), |(block, bytes)| {
        let rank = bound.map_or(0, |bound| block.lower_bound(bytes, bound));
        (block.len() as u64, rank as u64)
    })
}

/// The rows of the blocks after the one with the separator `after` that end below `end`, and whether another block
/// follows them.
fn count_blocks_after<S: StorageSnapshot, const N: usize>(
    view: &View<S>,
    places: &IndexPlaces,
    after: &[u64; N],
    end: Option<&[u64; N]>,
) -> StorageResult<(u64, bool)> {
    let mut cursor = SummaryCursor::<S, N>::new(view, places)?;
    let mut count = 0;
    let mut found = cursor.seek(after)?;
    while found {
        let separator = cursor.separator()?;
        let whole = end.is_none_or(|end| separator < *end);
        let first = separator >= *after && count == 0;
        if whole && !first {
            count = cursor.header()?.0.saturating_add(count);
        } else {
            let blocks = cursor.blocks()?;
            let first = blocks.up_to(after);
            let last = end.map_or(blocks.len(), |end| blocks.below(end));
            count = blocks.rows(first..last.max(first)).saturating_add(count);
            if last < blocks.len() {
                return Ok((count, true));
            }
        }
        found = cursor.next()?;
    }
    Ok((count, false))
}

/// About how many rows of the blocks lie in `[start, end)`, from summaries: half of each edge block is counted. What lies in
/// one block is counted exactly there.
pub(crate) fn estimate_range<S: StorageSnapshot, const N: usize>(
    view: &View<S>,
    places: &IndexPlaces,
    start: &[u64; N],
    end: Option<&[u64; N]>,
) -> StorageResult<u64> {
    let mut cursor = SummaryCursor::<S, N>::new(view, places)?;
    let mut estimate = 0;
    let mut found = cursor.seek(start)?;
    let mut first = true;
    while found {
        let separator = cursor.separator()?;
        if !first && end.is_none_or(|end| separator < *end) {
            estimate = cursor.header()?.0.saturating_add(estimate);
            found = cursor.next()?;
            continue;
        }
        let blocks = cursor.blocks()?;
        let mut next = blocks.below(start);
        let last = end.map_or(blocks.len(), |end| blocks.below(end));
        if first && next < blocks.len() {
            first = false;
            estimate = blocks.rows_of(next).div_ceil(2).saturating_add(estimate);
            if last <= next {
                // All in one block, in which a few rows are told from many by a look.
                return count_range(view, places, start, end);
            }
            next += 1;
        }
        estimate = blocks.rows(next..last.max(next)).saturating_add(estimate);
        if last < blocks.len() {
            return Ok(blocks.rows_of(last).div_ceil(2).saturating_add(estimate));
        }
        found = cursor.next()?;
    }
    Ok(estimate)
}
