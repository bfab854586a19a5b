//! A pattern's quads as a trie in memory: values sought there cost nanoseconds, where an index is asked for microseconds.
//!
//! What flows in: the quads of a pattern, scanned once in whatever order is the quickest. What flows out: the values of
//! each level. What always holds: the values below one value ascend, each once; what is kept has been accounted for first,
//! and a pattern for which the budget has no room is not kept.

use super::tries::TriePlan;
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use quadrille_store::{ColumnBatch, ScanRequest};
use std::sync::Arc;

/// How many rows are sorted, merged or put into levels between two questions whether to go on.
const ROWS_UNCHECKED: usize = 1 << 15;

/// The values of one level.
#[derive(Default)]
struct KeptLevel {
    values: Vec<u64>,
    /// Where the values below each value begin in the next level, and where the last of them end; empty in the last level.
    starts: Vec<u32>,
}

/// The levels of a pattern.
pub(super) struct KeptLevels {
    levels: Vec<KeptLevel>,
    bytes: usize,
}

impl KeptLevels {
    /// Reads the quads of a pattern. `None` when the account has no room for them beside what it has already.
    ///
    /// # Errors
    /// What scanning fails with; `Cancelled`, `Timeout`.
    pub(super) fn load(
        plan: &TriePlan,
        execution: &Execution,
        account: &mut Account,
        kept: usize,
    ) -> Result<Option<Self>, QueryError> {
        let loading = Loading {
            plan,
            execution,
            account,
            kept,
        };
        match plan.variables.len() {
            1 => loading.levels::<1>(),
            2 => loading.levels::<2>(),
            3 => loading.levels::<3>(),
            _ => loading.levels::<4>(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// A pattern that is being read.
struct Loading<'a> {
    plan: &'a TriePlan,
    execution: &'a Execution,
    account: &'a mut Account,
    kept: usize,
}

impl Loading<'_> {
    fn levels<const N: usize>(mut self) -> Result<Option<KeptLevels>, QueryError> {
        let Some(mut rows) = self.rows::<N>()? else {
            return Ok(None);
        };
        if !rows.is_sorted() {
            sort(&mut rows, self.execution)?;
        }
        let mut levels = KeptLevels {
            levels: put_into_levels(&rows, self.execution)?,
            bytes: 0,
        };
        for level in &mut levels.levels {
            level.values.shrink_to_fit();
            level.starts.shrink_to_fit();
            levels.bytes += level.values.len() * size_of::<u64>();
            levels.bytes += level.starts.len() * size_of::<u32>();
        }
        drop(rows);
        // Less than while the rows were there.
        let is_granted = self.account.set(self.kept + levels.bytes);
        Ok(is_granted.then_some(levels))
    }

    /// The rows by level, in the order of the scan.
    fn rows<const N: usize>(&mut self) -> Result<Option<Vec<[u64; N]>>, QueryError> {
        let TriePlan {
            permutation,
            pattern,
            ..
        } = *self.plan;
        let mut columns = [false; 4];
        let mut positions = [0; N];
        let order = (0..4).map(|column| permutation.position_of(column));
        let open = order.filter(|position| pattern[*position].is_none());
        for (place, position) in positions.iter_mut().zip(open) {
            *place = position;
            columns[position] = true;
        }
        let request = ScanRequest::new(pattern).with_columns(columns);
        let context = self.execution.dataset.limits.context();
        let explain = |error| self.execution.explain(error);
        let scan = self.execution.source().scan_request(&request, context);
        let mut scan = scan.map_err(explain)?;
        let (mut rows, mut batch) = (Vec::new(), ColumnBatch::new());
        while scan.next_batch(&mut batch).map_err(explain)? {
            rows.reserve(batch.len());
            let columns = positions.map(|position| batch.column(position));
            rows.extend((0..batch.len()).map(|row| columns.map(|column| column[row])));
            // The rows, as many again to sort them or to make levels of them, and where these begin.
            let each = 2 * size_of::<[u64; N]>() + (N - 1) * size_of::<u32>();
            let bytes = rows.capacity().saturating_mul(each);
            let is_countable = u32::try_from(rows.len()).is_ok();
            if !is_countable || !self.account.set(self.kept.saturating_add(bytes)) {
                // Less than before is always granted.
                let _granted = self.account.set(self.kept);
                return Ok(None);
            }
        }
        Ok(Some(rows))
    }
}

/// Sorts rows by runs that are then merged, so that it can be stopped between any of them.
fn sort<const N: usize>(rows: &mut Vec<[u64; N]>, execution: &Execution) -> Result<(), QueryError> {
    for run in rows.chunks_mut(ROWS_UNCHECKED) {
        execution.check()?;
        run.sort_unstable();
    }
    let mut length = ROWS_UNCHECKED;
    let mut merged = Vec::new();
    while length < rows.len() {
        merged.reserve_exact(rows.len());
        for runs in rows.chunks(2 * length) {
            let (left, right) = runs.split_at(length.min(runs.len()));
            merge(left, right, &mut merged, execution)?;
        }
        std::mem::swap(rows, &mut merged);
        merged.clear();
        length *= 2;
    }
    Ok(())
}

fn merge<const N: usize>(
    left: &[[u64; N]],
    right: &[[u64; N]],
    merged: &mut Vec<[u64; N]>,
    execution: &Execution,
) -> Result<(), QueryError> {
    let (mut first, mut second) = (left, right);
    while let ([row, left @ ..], [other, right @ ..]) = (first, second) {
        if merged.len().is_multiple_of(ROWS_UNCHECKED) {
            execution.check()?;
        }
        if other < row {
            merged.push(*other);
            second = right;
        } else {
            merged.push(*row);
            first = left;
        }
    }
    merged.extend_from_slice(first);
    merged.extend_from_slice(second);
    Ok(())
}

/// The levels of sorted rows, of which some may be equal.
fn put_into_levels<const N: usize>(
    rows: &[[u64; N]],
    execution: &Execution,
) -> Result<Vec<KeptLevel>, QueryError> {
    let mut levels: Vec<KeptLevel> = Vec::new();
    levels.resize_with(N, KeptLevel::default);
    let mut before: Option<&[u64; N]> = None;
    for (number, row) in rows.iter().enumerate() {
        if number.is_multiple_of(ROWS_UNCHECKED) {
            execution.check()?;
        }
        let differs = |before: &[u64; N]| (0..N).find(|level| before[*level] != row[*level]);
        let first = before.map_or(Some(0), differs).unwrap_or(N);
        for level in first..N {
            if let Some(start) = levels.get(level + 1).map(|next| next.values.len()) {
                levels[level].starts.push(start as u32);
            }
            levels[level].values.push(row[level]);
        }
        before = Some(row);
    }
    for level in 1..N {
        let end = levels[level].values.len() as u32;
        levels[level - 1].starts.push(end);
    }
    Ok(levels)
}

/// Where a level is being read.
#[derive(Clone, Copy, Default)]
struct Place {
    at: usize,
    end: usize,
}

/// A walk through the levels of a pattern.
pub(super) struct KeptTrie {
    levels: Arc<KeptLevels>,
    places: Vec<Place>,
}

impl KeptTrie {
    pub(super) fn new(levels: Arc<KeptLevels>) -> Self {
        Self {
            places: vec![Place::default(); levels.levels.len()],
            levels,
        }
    }

    /// Begins with the values of a level that are below the value which the level before it is at.
    pub(super) fn enter(&mut self, level: usize) {
        let levels = &self.levels.levels;
        self.places[level] = match level.checked_sub(1) {
            None => Place {
                at: 0,
                end: levels[0].values.len(),
            },
            Some(parent) => {
                let (starts, at) = (&levels[parent].starts, self.places[parent].at);
                Place {
                    at: starts[at] as usize,
                    end: starts[at + 1] as usize,
                }
            }
        };
    }

    /// The first value of a level at or above one, which is not below those sought before; by steps that double.
    pub(super) fn seek(&mut self, level: usize, value: u64) -> Option<u64> {
        let place = &mut self.places[level];
        let rest = &self.levels.levels[level].values[place.at..place.end];
        let mut step = 1;
        while rest.get(step).is_some_and(|found| *found < value) {
            step *= 2;
        }
        let (from, to) = (step / 2, rest.len().min(step + 1));
        let window = &rest[from.min(to)..to];
        let passed = from.min(to) + window.partition_point(|found| *found < value);
        place.at += passed;
        rest.get(passed).copied()
    }
}
