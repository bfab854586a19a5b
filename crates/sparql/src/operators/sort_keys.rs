//! By what rows are sorted: key columns, their directions, and the order of terms.
//!
//! What flows in: ids of key columns. What flows out: keys that compare as `ORDER BY` has it, and rows in their order. What
//! always holds: the key of an id is made once for all rows that are sorted together; rows that compare equal stay in the
//! order in which they came.

use crate::batch::Batch;
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use std::cmp::{Ordering, Reverse};

/// How many values are sorted at once, without a look at the clock: some milliseconds' work.
const SORTED_AT_ONCE: usize = 16 * 1024;

/// The order of terms.
pub(crate) trait TermOrder: Send {
    /// What stands for a term when it is compared.
    type Key: Ord + Clone + Send;

    /// The key of an id; [`UNBOUND`](crate::batch::UNBOUND) has one too.
    ///
    /// # Errors
    /// What decoding the term fails with.
    fn key(&self, id: u64) -> Result<Self::Key, QueryError>;

    /// The bytes that a key takes beside its own size.
    fn heap_bytes(key: &Self::Key) -> usize;
}

/// A column to sort by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SortColumn {
    pub(crate) column: usize,
    pub(crate) descending: bool,
}

/// A key with its direction. Only keys of one column are compared with each other.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DirectedKey<K> {
    Ascending(K),
    Descending(Reverse<K>),
}

impl<K> DirectedKey<K> {
    pub(crate) fn new(key: K, descending: bool) -> Self {
        if descending {
            Self::Descending(Reverse(key))
        } else {
            Self::Ascending(key)
        }
    }
}

/// The bytes that sorting takes for each row beside the row itself and the keys of its distinct terms.
pub(crate) fn sorting_bytes(keys: usize) -> usize {
    2 * size_of::<u32>() + keys * (size_of::<u32>() + 2 * size_of::<u64>())
}

/// The rows `start..end` of a batch in their order, by number; `None` when the budget has no room for the keys.
///
/// # Errors
/// What decoding fails with, and a stop.
pub(crate) fn sorted_rows<O: TermOrder>(
    batch: &Batch,
    (start, end): (usize, usize),
    columns: &[SortColumn],
    order: &O,
    execution: &Execution,
) -> Result<Option<Vec<u32>>, QueryError> {
    let mut ranks = Vec::with_capacity(columns.len());
    for column in columns {
        let values = &batch.column(column.column)[start..end];
        let mut account = execution.memory.account();
        let Some(mut column_ranks) = rank(values, order, &mut account, execution)? else {
            return Ok(None);
        };
        if column.descending {
            column_ranks.iter_mut().for_each(|rank| *rank = !*rank);
        }
        ranks.push(column_ranks);
    }
    let mut rows: Vec<u32> = (0..(end - start) as u32).collect();
    let by_ranks = |left: &u32, right: &u32| {
        let compare = |ranks: &Vec<u32>| ranks[*left as usize].cmp(&ranks[*right as usize]);
        let mut compared = ranks.iter().map(compare);
        compared
            .find(|ordering| ordering.is_ne())
            .unwrap_or(Ordering::Equal)
    };
    sort_stable(&mut rows, by_ranks, execution)?;
    rows.iter_mut().for_each(|row| *row += start as u32);
    Ok(Some(rows))
}

/// For each value, how many different keys lie before its own; `None` when the budget has no room for the keys.
fn rank<O: TermOrder>(
    values: &[u64],
    order: &O,
    account: &mut Account,
    execution: &Execution,
) -> Result<Option<Vec<u32>>, QueryError> {
    let mut ids = values.to_vec();
    sort_stable(&mut ids, u64::cmp, execution)?;
    ids.dedup();
    let mut keys = Vec::new();
    let mut heap_bytes = 0;
    for chunk in ids.chunks(1_000) {
        execution.check()?;
        keys.reserve(chunk.len());
        for id in chunk {
            let key = order.key(*id)?;
            heap_bytes += O::heap_bytes(&key);
            keys.push(key);
        }
        if !account.set(keys.capacity() * size_of::<O::Key>() + heap_bytes) {
            return Ok(None);
        }
    }
    let mut by_key: Vec<u32> = (0..keys.len() as u32).collect();
    let compare = |left: &u32, right: &u32| keys[*left as usize].cmp(&keys[*right as usize]);
    sort_stable(&mut by_key, compare, execution)?;
    let mut rank_of_id = vec![0; ids.len()];
    let mut rank = 0;
    for (place, &index) in by_key.iter().enumerate() {
        if place % SORTED_AT_ONCE == 0 {
            execution.check()?;
        }
        if place > 0 && compare(&by_key[place - 1], &index).is_ne() {
            rank += 1;
        }
        rank_of_id[index as usize] = rank;
    }
    let mut ranks = Vec::with_capacity(values.len());
    for chunk in values.chunks(SORTED_AT_ONCE) {
        execution.check()?;
        // Each value is among the ids.
        ranks.extend(chunk.iter().map(|value| {
            let (Ok(index) | Err(index)) = ids.binary_search(value);
            rank_of_id[index]
        }));
    }
    Ok(Some(ranks))
}

/// A stable sort that a stop of the execution reaches soon: parts are sorted, then merged.
///
/// # Errors
/// A stop.
pub(crate) fn sort_stable<T: Copy>(
    items: &mut Vec<T>,
    compare: impl Fn(&T, &T) -> Ordering,
    execution: &Execution,
) -> Result<(), QueryError> {
    for part in items.chunks_mut(SORTED_AT_ONCE) {
        execution.check()?;
        part.sort_by(&compare);
    }
    let mut length = SORTED_AT_ONCE;
    let mut merged = Vec::new();
    while length < items.len() {
        merged.clear();
        merged.reserve_exact(items.len());
        for pair in items.chunks(length.saturating_mul(2)) {
            let (left, right) = pair.split_at(length.min(pair.len()));
            merge(left, right, &mut merged, &compare, execution)?;
        }
        std::mem::swap(items, &mut merged);
        length = length.saturating_mul(2);
    }
    Ok(())
}

fn merge<T: Copy>(
    mut left: &[T],
    mut right: &[T],
    merged: &mut Vec<T>,
    compare: impl Fn(&T, &T) -> Ordering,
    execution: &Execution,
) -> Result<(), QueryError> {
    let mut until_check = SORTED_AT_ONCE;
    while let ([first_left, left_rest @ ..], [first_right, right_rest @ ..]) = (left, right) {
        if compare(first_left, first_right).is_le() {
            merged.push(*first_left);
            left = left_rest;
        } else {
            merged.push(*first_right);
            right = right_rest;
        }
        until_check -= 1;
        if until_check == 0 {
            execution.check()?;
            until_check = SORTED_AT_ONCE;
        }
    }
    merged.extend_from_slice(left);
    merged.extend_from_slice(right);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::sort_stable;
    use crate::operators::test_support::{Random, execution};

    #[test]
    fn long_sorts_are_stable() {
        let mut random = Random(1);
        for length in [0, 1, 16_384, 16_385, 100_000, 131_072] {
            let mut items: Vec<_> = (0..length)
                .map(|place| (random.below(100), place))
                .collect();
            let mut expected = items.clone();
            expected.sort_by_key(|(key, _)| *key);
            sort_stable(
                &mut items,
                |left, right| left.0.cmp(&right.0),
                &execution(usize::MAX),
            )
            .expect("sorted");
            assert!(expected == items);
        }
    }
}
