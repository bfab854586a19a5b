//! The right rows of hash joins, by the columns that they are joined by.
//!
//! What flows in: an operator. What flows out: as many of its rows as there is memory for, to be found by their keys, and the
//! others in a file. What always holds: each row is in the table or in the file, and once; room is accounted for before it
//! is taken.

use super::row_table::RowHasher;
use super::spill::{Run, RunReader, SpillFile};
use super::{BoxedOperator, Operator};
use crate::batch::{BATCH_ROWS, Batch};
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A table of up to so many buckets has more of them than rows.
const BUCKETS_CACHED: usize = 1 << 15;

/// Rows that are found by some of their columns.
pub(super) struct Table {
    pub(super) rows: Batch,
    hasher: RowHasher,
    /// The first row of each bucket, plus one.
    buckets: Vec<u32>,
    /// The next row of the same bucket, plus one.
    next: Vec<u32>,
    /// For how many rows there is room.
    capacity: usize,
    account: Account,
}

impl Table {
    pub(super) fn new(execution: &Execution) -> Self {
        Self {
            rows: Batch::default(),
            hasher: RowHasher::new(),
            buckets: Vec::new(),
            next: Vec::new(),
            capacity: 0,
            account: execution.memory.account(),
        }
    }

    /// All rows of an operator, by these columns, as far as there is memory; the others are in the file that comes with them.
    /// For joins that run side by side, half of the memory stays for other parts of the file where rows go into it.
    pub(super) fn of(
        right: BoxedOperator,
        columns: &[usize],
        is_shared: bool,
        execution: &Execution,
    ) -> Result<(Self, Option<Overflow>), QueryError> {
        let (mut table, rest) = Self::read(right, execution)?;
        let mut file = None;
        if let Some((right, left_over)) = rest {
            let mut overflow = Overflow::new(left_over.width())?;
            if is_shared {
                table.move_half(&mut overflow, execution)?;
            }
            file = Some(overflow.with_all(right, left_over, execution)?);
        }
        table.index(columns, execution)?;
        Ok((table, file))
    }

    /// Reads what there is memory for. If there is more: the operator, and the rows that it gave last.
    fn read(
        mut right: BoxedOperator,
        execution: &Execution,
    ) -> Result<(Self, Option<(BoxedOperator, Batch)>), QueryError> {
        let mut table = Self::new(execution);
        let mut left_over = Batch::default();
        let is_all = table.fill(right.as_mut(), &mut left_over, usize::MAX, execution)?;
        Ok((table, (!is_all).then_some((right, left_over))))
    }

    /// Takes rows, those left over first, until there are as many or no memory is left for the next; what is over then is
    /// left over. Whether the operator has ended.
    pub(super) fn fill(
        &mut self,
        right: &mut dyn Operator,
        left_over: &mut Batch,
        rows_max: usize,
        execution: &Execution,
    ) -> Result<bool, QueryError> {
        loop {
            execution.check()?;
            if left_over.is_empty() && !right.next(left_over)? {
                return Ok(true);
            }
            if self.rows.is_empty() {
                self.rows.reset(left_over.width());
            }
            let part = left_over.len().min(BATCH_ROWS);
            let needed = self.rows.len() + part;
            if (needed > rows_max && !self.rows.is_empty()) || !self.make_room(needed)? {
                return Ok(false);
            }
            self.rows.append_first(left_over, part);
            left_over.drop_first(part);
        }
    }

    /// Makes room for so many rows. False when the budget does not have it, and in an empty table, which must take some rows
    /// for anything to go on, an error.
    fn make_room(&mut self, needed: usize) -> Result<bool, QueryError> {
        if needed <= self.capacity {
            return Ok(true);
        }
        if needed >= u32::MAX as usize {
            return Ok(false);
        }
        let width = self.rows.width();
        let bytes = |rows: usize| table_bytes(rows, width);
        // In steps, so that a budget is used up to its last quarter.
        let steps = [2 * self.capacity, self.capacity + self.capacity / 4];
        let mut wanted = steps.into_iter().map(|rows| rows.max(needed));
        let granted = wanted.find(|rows| self.account.set(bytes(*rows)));
        let capacity = match granted {
            Some(capacity) => capacity,
            None if self.rows.is_empty() => {
                self.account.require(bytes(needed))?;
                needed
            }
            None => return Ok(false),
        };
        self.capacity = capacity;
        self.rows.reserve(capacity);
        Ok(true)
    }

    /// Makes the rows be found by these columns.
    pub(super) fn index(
        &mut self,
        columns: &[usize],
        execution: &Execution,
    ) -> Result<(), QueryError> {
        let rows = self.rows.len();
        self.next = vec![0; rows];
        self.buckets = vec![0; bucket_count(rows)];
        // From the last row on, so that each bucket begins with its first.
        for row in (0..rows).rev() {
            if row % BATCH_ROWS == 0 {
                execution.check()?;
            }
            let bucket = self.bucket(&self.rows, row, columns.iter().copied());
            self.next[row] = self.buckets[bucket];
            self.buckets[bucket] = row as u32 + 1;
        }
        Ok(())
    }

    /// Writes half of the rows elsewhere, and gives their memory back.
    fn move_half(&mut self, to: &mut Overflow, execution: &Execution) -> Result<(), QueryError> {
        let half = self.rows.len().div_ceil(2);
        to.add(&self.rows, half, execution)?;
        self.rows.shrink(half);
        self.capacity = half;
        // Less than before is always granted.
        let _granted = self.account.set(table_bytes(half, self.rows.width()));
        Ok(())
    }

    /// For each of some rows, the first row that may have the keys in these columns, plus one; 0 if there is none.
    pub(super) fn firsts(&self, rows: &Batch, columns: &[usize], firsts: &mut Vec<u32>) {
        firsts.clear();
        if self.buckets.is_empty() {
            firsts.resize(rows.len(), 0);
            return;
        }
        let (hasher, buckets) = (self.hasher, self.buckets.as_slice());
        let mask = buckets.len() - 1;
        match columns {
            [column] => firsts.extend(rows.column(*column).iter().map(|value| {
                let hash = hasher.hash_values(std::iter::once(*value));
                buckets[hash as usize & mask]
            })),
            _ => firsts.extend((0..rows.len()).map(|row| {
                let bucket = self.bucket(rows, row, columns.iter().copied());
                buckets[bucket]
            })),
        }
    }

    /// The next row that may have the same keys as this one, plus one.
    pub(super) fn after(&self, row: usize) -> u32 {
        self.next[row]
    }

    fn bucket(&self, rows: &Batch, row: usize, columns: impl Iterator<Item = usize>) -> usize {
        let hash = self
            .hasher
            .hash_values(columns.map(|column| rows.value(row, column)));
        hash as usize & (self.buckets.len() - 1)
    }
}

/// What a table of so many rows of a width takes.
fn table_bytes(rows: usize, width: usize) -> usize {
    rows * (width * size_of::<u64>() + size_of::<u32>()) + bucket_count(rows) * size_of::<u32>()
}

/// So many buckets that at most two rows in three have one of their own; in a table that stays in the processor's caches so
/// many that a row without a partner seldom meets any.
fn bucket_count(rows: usize) -> usize {
    let sparse = (rows * 8).min(BUCKETS_CACHED);
    (rows + rows / 2).max(sparse).next_power_of_two()
}

/// The rows that a table had no memory for.
pub(super) struct Overflow {
    file: Arc<SpillFile>,
    run: Run,
    width: usize,
}

impl Overflow {
    fn new(width: usize) -> Result<Self, QueryError> {
        Ok(Self {
            file: SpillFile::new()?,
            run: Run::default(),
            width,
        })
    }

    /// Writes the rows of a batch from one on.
    fn add(&mut self, rows: &Batch, from: usize, execution: &Execution) -> Result<(), QueryError> {
        for part in rows.parts(from, BATCH_ROWS) {
            execution.check()?;
            self.file.write(&part, &mut self.run)?;
        }
        Ok(())
    }

    /// Writes the rows left over and all that an operator still has.
    fn with_all(
        mut self,
        mut right: BoxedOperator,
        mut left_over: Batch,
        execution: &Execution,
    ) -> Result<Self, QueryError> {
        loop {
            self.add(&left_over, 0, execution)?;
            execution.check()?;
            if !right.next(&mut left_over)? {
                return Ok(self);
            }
        }
    }

    pub(super) fn reader(&self) -> RunReader {
        RunReader::new(Arc::clone(&self.file), self.run.clone(), self.width)
    }
}

/// The right rows of several joins, which run side by side. Whoever runs these fills it first.
pub(crate) struct SharedTable {
    right: Mutex<Option<BoxedOperator>>,
    columns: Vec<usize>,
    table: OnceLock<Filled>,
}

/// A table with what it has no memory for.
#[derive(Clone)]
pub(super) struct Filled {
    pub(super) table: Arc<Table>,
    pub(super) overflow: Option<Arc<Overflow>>,
}

impl SharedTable {
    /// The rows of an operator, by these columns.
    pub(crate) fn new(right: BoxedOperator, columns: Vec<usize>) -> Self {
        Self {
            right: Mutex::new(Some(right)),
            columns,
            table: OnceLock::new(),
        }
    }

    /// Reads the rows, if that has not been done.
    ///
    /// # Errors
    /// What the operator fails with; `Memory`; `TemporaryFile`.
    pub(crate) fn fill(&self, execution: &Execution) -> Result<(), QueryError> {
        let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(right) = right.take() {
            let (table, overflow) = Table::of(right, &self.columns, true, execution)?;
            self.table.get_or_init(|| Filled {
                table: Arc::new(table),
                overflow: overflow.map(Arc::new),
            });
        }
        Ok(())
    }

    /// The rows, once they have been read.
    pub(super) fn filled(&self) -> Option<Filled> {
        self.table.get().cloned()
    }
}
