//! Cuts a range of rows into parts of about the same number of rows, by summaries.
//!
//! What flows in: a range, and how many parts are wanted. What flows out: the rows at which parts begin. What always holds:
//! they ascend, lie within the range, and none is its first row; there may be fewer than were wanted, for a part is a block
//! at least.

use super::reader::SummaryCursor;
use super::successor;
use crate::keyspaces::IndexPlaces;
use crate::permutation::Row;
use crate::view::View;
use quadrille_backend::{StorageResult, StorageSnapshot};

/// With so many groups of blocks for a part, parts end where groups do.
const GROUPS_PER_PART: usize = 16;

/// Where the parts after the first begin.
pub(crate) fn split_range<S: StorageSnapshot>(
    view: &View<S>,
    places: &IndexPlaces,
    start: &Row,
    end: Option<Row>,
    parts: usize,
) -> StorageResult<Vec<Row>> {
    let parts = parts.max(1);
    let groups = groups_of(view, places, start, end)?;
    let pieces = if groups.len() >= parts.saturating_mul(GROUPS_PER_PART) {
        groups
    } else {
        blocks_of(view, places, start, end)?
    };
    let total: u64 = pieces.iter().map(|(_, rows)| rows).sum();
    let (mut begins, mut passed) = (Vec::new(), 0);
    for (separator, rows) in pieces {
        passed += rows;
        let next = begins.len() as u64 + 1;
        let due = u128::from(total) * u128::from(next) / parts as u128;
        if next < parts as u64
            && u128::from(passed) >= due
            && let Some(begin) = successor(separator)
            && begin > *start
            && end.is_none_or(|end| begin < end)
        {
            begins.push(begin);
        }
    }
    Ok(begins)
}

/// The last row and the number of rows of each group of blocks that the range touches.
fn groups_of<S: StorageSnapshot>(
    view: &View<S>,
    places: &IndexPlaces,
    start: &Row,
    end: Option<Row>,
) -> StorageResult<Vec<(Row, u64)>> {
    pieces_of(view, places, start, end, |group| {
        Ok(vec![(group.separator()?, group.header()?.0)])
    })
}

/// The same of each block.
fn blocks_of<S: StorageSnapshot>(
    view: &View<S>,
    places: &IndexPlaces,
    start: &Row,
    end: Option<Row>,
) -> StorageResult<Vec<(Row, u64)>> {
    pieces_of(view, places, start, end, |group| {
        let summary = group.summary()?;
        Ok(summary.separators.into_iter().zip(summary.counts).collect())
    })
}

/// The pieces of each group that the range touches, as far as it touches them.
fn pieces_of<S: StorageSnapshot>(
    view: &View<S>,
    places: &IndexPlaces,
    start: &Row,
    end: Option<Row>,
    of_group: impl Fn(&SummaryCursor<S, 4>) -> StorageResult<Vec<(Row, u64)>>,
) -> StorageResult<Vec<(Row, u64)>> {
    let mut cursor = SummaryCursor::<S, 4>::new(view, places)?;
    let mut pieces = Vec::new();
    let mut found = cursor.seek(start)?;
    while found {
        for (separator, rows) in of_group(&cursor)? {
            if separator < *start {
                continue;
            }
            pieces.push((separator, rows));
            if end.is_some_and(|end| end <= separator) {
                return Ok(pieces);
            }
        }
        found = cursor.next()?;
    }
    Ok(pieces)
}
