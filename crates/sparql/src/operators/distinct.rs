//! `DISTINCT` and `REDUCED`.
//!
//! What flows in: rows. What flows out: each row once, at its first sight. What always holds: rows that cannot be told new
//! or old within the memory budget wait in temporary files, divided by their hashes; every pass over such a part gives
//! some rows and divides the rest further, so it ends.

use super::row_table::{RowHasher, RowTable, gather};
use super::spill::{Partitions, RunReader};
use super::{BoxedOperator, Operator};
use crate::batch::Batch;
use crate::error::QueryError;
use crate::execution::Execution;
use std::sync::Arc;

/// Tells new rows from old ones, and keeps those aside that it cannot tell yet.
///
/// First all rows are [shown](Self::mark_new) to it; then what it kept aside [comes back](Self::next_kept).
pub(crate) struct DistinctRows {
    seen: RowTable,
    width: usize,
    execution: Arc<Execution>,
    /// What no memory was left for, of the rows of this pass.
    kept: Option<Partitions>,
    /// The parts still to be passed over, and how often their rows were divided.
    parts: Vec<(RunReader, u32)>,
    /// The part that is being passed over.
    current: Option<RunReader>,
    level: u32,
}

impl DistinctRows {
    pub(crate) fn new(width: usize, execution: Arc<Execution>) -> Self {
        Self {
            seen: RowTable::new(width, RowHasher::new(), &execution),
            width,
            execution,
            kept: None,
            parts: Vec::new(),
            current: None,
            level: 0,
        }
    }

    /// Marks the rows that are new for certain; `rows` are `mask.len()` of them, one after the other.
    ///
    /// # Errors
    /// `Memory` when the budget has no room for a single batch, `TemporaryFile`, and a stop.
    pub(crate) fn mark_new(&mut self, rows: &[u64], mask: &mut [bool]) -> Result<(), QueryError> {
        self.execution.check()?;
        let (width, hasher) = (self.width, self.seen.hasher());
        let row_at = |index: usize| &rows[index * width..(index + 1) * width];
        if self.kept.is_none() && !self.seen.make_room(mask.len(), &self.execution)? {
            self.kept = Some(Partitions::new(width, self.level)?);
        }
        for (index, mark) in mask.iter_mut().enumerate() {
            let row = row_at(index);
            let hash = hasher.hash(row);
            *mark = match &mut self.kept {
                None => self.seen.insert(hash, row).1,
                Some(kept) => {
                    if self.seen.find(hash, row).is_none() {
                        kept.push(hash, row.iter().copied())?;
                    }
                    false
                }
            };
        }
        Ok(())
    }

    /// Forgets all rows: none that was shown so far comes again. Only for rows of which none are kept aside.
    fn forget(&mut self) {
        self.seen.clear();
    }

    /// Whether rows are kept aside.
    fn has_kept(&self) -> bool {
        self.kept.is_some() || self.current.is_some() || !self.parts.is_empty()
    }

    /// The next new rows among those kept aside; false when there are no more, and then nothing was seen.
    ///
    /// # Errors
    /// As [`mark_new`](Self::mark_new).
    pub(crate) fn next_kept(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        let columns: Vec<_> = (0..self.width).collect();
        let (mut rows, mut mask) = (Vec::new(), Vec::new());
        loop {
            let Some(part) = &mut self.current else {
                if !self.next_part()? {
                    self.seen.release();
                    self.level = 0;
                    batch.reset(self.width);
                    return Ok(false);
                }
                continue;
            };
            if !part.next(batch)? {
                self.current = None;
                continue;
            }
            gather(batch, &columns, (0, batch.len()), &mut rows);
            mask.clear();
            mask.resize(batch.len(), false);
            self.mark_new(&rows, &mut mask)?;
            batch.keep(&mask);
            if !batch.is_empty() {
                return Ok(true);
            }
        }
    }

    /// Turns to the next part; false when there is none.
    fn next_part(&mut self) -> Result<bool, QueryError> {
        if let Some(kept) = self.kept.take() {
            let level = self.level + 1;
            let parts = kept.finish()?.into_iter().filter(|part| part.rows() > 0);
            self.parts.extend(parts.map(|part| (part, level)));
        }
        self.seen.clear();
        let Some((part, level)) = self.parts.pop() else {
            return Ok(false);
        };
        self.current = Some(part);
        self.level = level;
        Ok(true)
    }
}

/// Each row of the input once.
pub(crate) struct Distinct {
    input: Option<BoxedOperator>,
    /// All columns: rows are compared as a whole.
    columns: Vec<usize>,
    /// The columns by whose values equal rows lie together.
    grouped: Vec<usize>,
    group: Vec<u64>,
    distinct: DistinctRows,
    rows: Vec<u64>,
    mask: Vec<bool>,
}

impl Distinct {
    /// The distinct rows of an input of so many columns. Rows with equal values in the `grouped` columns must lie
    /// together, as they do when the input is sorted by these columns before others: what was seen before is then
    /// forgotten whenever a value in them changes. Without any, nothing is known of the order.
    pub(crate) fn new(
        execution: Arc<Execution>,
        input: BoxedOperator,
        width: usize,
        grouped: Vec<usize>,
    ) -> Self {
        Self {
            input: Some(input),
            columns: (0..width).collect(),
            grouped,
            group: Vec::new(),
            distinct: DistinctRows::new(width, execution),
            rows: Vec::new(),
            mask: Vec::new(),
        }
    }

    /// Marks the new rows of a batch.
    fn mark(&mut self, batch: &Batch) -> Result<(), QueryError> {
        gather(batch, &self.columns, (0, batch.len()), &mut self.rows);
        self.mask.clear();
        self.mask.resize(batch.len(), false);
        let width = self.columns.len();
        let mut start = 0;
        while start < batch.len() {
            let end = self.group_end(batch, start);
            let rows = &self.rows[start * width..end * width];
            self.distinct.mark_new(rows, &mut self.mask[start..end])?;
            start = end;
        }
        Ok(())
    }

    /// The end of the rows of one group. A group is not left while rows of it are kept aside.
    fn group_end(&mut self, batch: &Batch, start: usize) -> usize {
        if self.grouped.is_empty() || self.distinct.has_kept() {
            return batch.len();
        }
        let group = self
            .grouped
            .iter()
            .map(|&column| batch.value(start, column));
        if !group.clone().eq(self.group.iter().copied()) {
            self.group.clear();
            self.group.extend(group);
            self.distinct.forget();
        }
        let differs = |row: &usize| {
            let columns = self.grouped.iter().zip(&self.group);
            columns
                .into_iter()
                .any(|(&column, value)| batch.value(*row, column) != *value)
        };
        (start + 1..batch.len())
            .find(differs)
            .unwrap_or(batch.len())
    }
}

impl Operator for Distinct {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        while let Some(input) = &mut self.input {
            if !input.next(batch)? {
                self.input = None;
                break;
            }
            self.mark(batch)?;
            batch.keep(&self.mask);
            if !batch.is_empty() {
                return Ok(true);
            }
        }
        self.distinct.next_kept(batch)
    }
}

/// The rows of the input without those that equal the row before them: all that `REDUCED` needs, and `DISTINCT` where the
/// input is sorted by all of its columns.
pub(crate) struct Reduced {
    input: BoxedOperator,
    last: Option<Vec<u64>>,
    mask: Vec<bool>,
}

impl Reduced {
    pub(crate) fn new(input: BoxedOperator) -> Self {
        Self {
            input,
            last: None,
            mask: Vec::new(),
        }
    }
}

impl Operator for Reduced {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        while self.input.next(batch)? {
            let repeats = self
                .last
                .as_ref()
                .is_some_and(|last| batch.row(0).eq(last.iter().copied()));
            self.mask.clear();
            // A batch without columns has rows that are all equal.
            self.mask.resize(batch.len(), false);
            self.mask[0] = !repeats;
            for column in 0..batch.width() {
                let pairs = batch.column(column).windows(2);
                for (mark, pair) in self.mask[1..].iter_mut().zip(pairs) {
                    *mark |= pair[0] != pair[1];
                }
            }
            self.last = Some(batch.row(batch.len() - 1).collect());
            batch.keep(&self.mask);
            if !batch.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::{Distinct, Reduced};
    use crate::error::QueryError;
    use crate::operators::test_support::{Random, collect, execution, input};
    use std::collections::HashSet;

    /// Each row once, in the order of first sight.
    fn naive(rows: &[Vec<u64>]) -> Vec<Vec<u64>> {
        let mut seen = HashSet::new();
        let new = rows.iter().filter(|row| seen.insert((*row).clone()));
        new.cloned().collect()
    }

    #[test]
    fn in_memory_rows_come_at_their_first_sight() {
        let mut random = Random(1);
        for width in 0..5 {
            for bound in [2, 10, 100_000] {
                let rows = random.rows(5_000, width, bound);
                let mut distinct = Distinct::new(
                    execution(usize::MAX),
                    input(&rows, width),
                    width,
                    Vec::new(),
                );
                let found = collect(&mut distinct, width).expect("distinct");
                assert_eq!(naive(&rows), found);
            }
        }
    }

    #[test]
    fn beyond_the_budget_all_rows_come_once() {
        let mut random = Random(2);
        for budget in [250_000, 500_000, 1_000_000] {
            for width in 1..4 {
                let rows = random.rows(200_000, width, 150_000);
                let execution = execution(budget);
                let mut distinct =
                    Distinct::new(execution.clone(), input(&rows, width), width, Vec::new());
                let mut found = collect(&mut distinct, width).expect("distinct");
                let mut expected = naive(&rows);
                found.sort_unstable();
                expected.sort_unstable();
                assert!(expected == found, "budget {budget}, width {width}");
                let all = execution.memory.account().require(budget);
                assert!(all.is_ok(), "memory is kept");
            }
        }
    }

    #[test]
    fn a_budget_without_room_for_a_batch_is_an_error() {
        let rows = Random(3).rows(5_000, 3, 1_000);
        let mut distinct = Distinct::new(execution(1_000), input(&rows, 3), 3, Vec::new());
        assert!(matches!(
            collect(&mut distinct, 3),
            Err(QueryError::Memory { budget: 1_000 })
        ));
    }

    #[test]
    fn grouped_rows_need_memory_for_a_group_only() {
        let mut random = Random(4);
        for (bound, budget) in [(30_000, 100_000), (8, 300_000)] {
            let mut rows = random.rows(100_000, 3, bound);
            rows.sort_by_key(|row| (row[2], row[0]));
            let mut distinct = Distinct::new(execution(budget), input(&rows, 3), 3, vec![2, 0]);
            let found = collect(&mut distinct, 3).expect("distinct");
            assert!(naive(&rows) == found);
        }
    }

    #[test]
    fn groups_beyond_the_budget_are_kept_apart() {
        let mut random = Random(5);
        let mut rows = random.rows(100_000, 3, 100_000);
        rows.iter_mut().for_each(|row| row[0] %= 3);
        rows.extend_from_within(..20_000);
        rows.sort_by_key(|row| row[0]);
        let mut distinct = Distinct::new(execution(250_000), input(&rows, 3), 3, vec![0]);
        let mut found = collect(&mut distinct, 3).expect("distinct");
        let mut expected = naive(&rows);
        found.sort_unstable();
        expected.sort_unstable();
        assert!(expected == found);
    }

    #[test]
    fn reduced_drops_neighbours_alone() {
        let mut random = Random(6);
        for width in 0..4 {
            let rows = random.rows(20_000, width, 2);
            let mut expected = rows.clone();
            expected.dedup();
            let mut reduced = Reduced::new(input(&rows, width));
            assert_eq!(expected, collect(&mut reduced, width).expect("reduced"));
        }
    }
}
