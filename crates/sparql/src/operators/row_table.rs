//! A set of rows in memory, each with a number: what DISTINCT has seen, the groups of GROUP BY.
//!
//! What flows in: rows of ids, one after the other in a slice. What flows out: the number of each row, in the order of
//! first sight. What always holds: the rows lie in one vector, and a table of their numbers beside it, so that a row takes
//! its ids and some five bytes; room is accounted for before it is taken.

use crate::batch::{BATCH_ROWS, Batch};
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use hashbrown::HashTable;
use std::hash::{BuildHasher, RandomState};

/// Hashes of rows, with a key of the process's choice: nobody can prepare terms whose ids collide.
#[derive(Clone, Copy)]
pub(crate) struct RowHasher {
    key: u64,
}

impl RowHasher {
    pub(crate) fn new() -> Self {
        Self {
            key: RandomState::new().hash_one(0),
        }
    }

    #[inline]
    pub(crate) fn hash(self, row: &[u64]) -> u64 {
        self.hash_values(row.iter().copied())
    }

    /// The hash of a row of these values.
    #[inline]
    pub(crate) fn hash_values(self, row: impl Iterator<Item = u64>) -> u64 {
        let mixed = row.fold(self.key, |hash, value| {
            fold_multiply(hash ^ value, 0x9E37_79B9_7F4A_7C15)
        });
        fold_multiply(mixed, self.key | 1)
    }
}

/// Both halves of the product, one over the other: each bit of the factors weighs on all bits.
#[inline]
fn fold_multiply(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Whether two rows are the same. Rows are short: a call of `memcmp` would cost more than their comparison.
#[inline]
fn is_same(left: &[u64], right: &[u64]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left == right)
}

/// Puts some columns of the rows `start..end` of a batch row by row.
pub(crate) fn gather(
    batch: &Batch,
    columns: &[usize],
    (start, end): (usize, usize),
    rows: &mut Vec<u64>,
) {
    rows.clear();
    match columns {
        [column] => rows.extend_from_slice(&batch.column(*column)[start..end]),
        _ => {
            rows.resize(columns.len() * (end - start), 0);
            for (place, &column) in columns.iter().enumerate() {
                let places = rows.iter_mut().skip(place).step_by(columns.len());
                for (value, place) in batch.column(column)[start..end].iter().zip(places) {
                    *place = *value;
                }
            }
        }
    }
}

/// Distinct rows of one width.
pub(crate) struct RowTable {
    width: usize,
    rows: Vec<u64>,
    count: usize,
    numbers: HashTable<u32>,
    hasher: RowHasher,
    account: Account,
}

impl RowTable {
    /// An empty table, which keeps its bytes in an account of this execution.
    pub(crate) fn new(width: usize, hasher: RowHasher, execution: &Execution) -> Self {
        Self {
            width,
            rows: Vec::new(),
            count: 0,
            numbers: HashTable::new(),
            hasher,
            account: execution.memory.account(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn hasher(&self) -> RowHasher {
        self.hasher
    }

    /// The row of a number that the table gave.
    pub(crate) fn row(&self, number: usize) -> &[u64] {
        &self.rows[number * self.width..(number + 1) * self.width]
    }

    /// Makes room for so many rows more. False when the budget does not have it, and in an empty table, which must take
    /// some rows for anything to go on, an error.
    ///
    /// # Errors
    /// `Memory`, and a stop.
    pub(crate) fn make_room(
        &mut self,
        more: usize,
        execution: &Execution,
    ) -> Result<bool, QueryError> {
        if self.try_room(more, execution)? {
            return Ok(true);
        }
        if self.count > 0 {
            return Ok(false);
        }
        // What others leave to those who cannot spill is there for the first rows.
        self.account
            .require(more * self.width * size_of::<u64>() + self.table_bytes(more))?;
        self.grow(more, more, execution)?;
        Ok(true)
    }

    /// What the numbers of so many rows take.
    fn table_bytes(&self, rows: usize) -> usize {
        table_capacity(rows.max(self.numbers.capacity())) * (size_of::<u32>() + 1)
    }

    /// Makes room for so many rows more, if the budget has it.
    ///
    /// # Errors
    /// A stop.
    pub(crate) fn try_room(
        &mut self,
        more: usize,
        execution: &Execution,
    ) -> Result<bool, QueryError> {
        let needed = self.count + more;
        if needed >= u32::MAX as usize {
            return Ok(false);
        }
        let table_bytes = self.table_bytes(needed);
        let capacity = self.rows.capacity() / self.width.max(1);
        if needed <= self.numbers.capacity() && (needed <= capacity || self.width == 0) {
            return Ok(true);
        }
        // In steps, so that a budget is used up to its last quarter.
        for wanted in [
            needed.max(2 * capacity),
            needed.max(capacity + capacity / 4),
        ] {
            let wanted = if needed <= capacity { capacity } else { wanted };
            let bytes = wanted * self.width * size_of::<u64>() + table_bytes;
            if self.account.set(bytes) {
                self.grow(needed, wanted, execution)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The numbers get a table of twice the size from the rows in their order, which a stop reaches soon and which reads the
    /// rows one after the other; the old table would give them in an order of its own.
    fn grow(
        &mut self,
        needed: usize,
        wanted: usize,
        execution: &Execution,
    ) -> Result<(), QueryError> {
        let (rows, width, hasher) = (&mut self.rows, self.width, self.hasher);
        rows.reserve_exact((wanted * width).saturating_sub(rows.len()));
        if needed <= self.numbers.capacity() {
            return Ok(());
        }
        let hash = |number: &u32| {
            let start = *number as usize * width;
            hasher.hash(&rows[start..start + width])
        };
        let mut numbers = HashTable::with_capacity(needed);
        for number in 0..self.count as u32 {
            if (number as usize).is_multiple_of(BATCH_ROWS) {
                execution.check()?;
            }
            numbers.insert_unique(hash(&number), number, hash);
        }
        self.numbers = numbers;
        Ok(())
    }

    /// The number of a row, and whether it is new. There must be [room](Self::make_room) for it.
    #[inline]
    pub(crate) fn insert(&mut self, hash: u64, row: &[u64]) -> (usize, bool) {
        use hashbrown::hash_table::Entry;
        let (rows, width, hasher) = (&mut self.rows, self.width, self.hasher);
        let stored = |number: u32| number as usize * width..(number as usize + 1) * width;
        let entry = self.numbers.entry(
            hash,
            |number| is_same(&rows[stored(*number)], row),
            |number| hasher.hash(&rows[stored(*number)]),
        );
        match entry {
            Entry::Occupied(entry) => (*entry.get() as usize, false),
            Entry::Vacant(entry) => {
                let number = self.count;
                entry.insert(number as u32);
                rows.extend_from_slice(row);
                self.count += 1;
                (number, true)
            }
        }
    }

    /// The number of a row, if the table has it.
    #[inline]
    pub(crate) fn find(&self, hash: u64, row: &[u64]) -> Option<usize> {
        self.numbers
            .find(hash, |number| is_same(self.row(*number as usize), row))
            .map(|number| *number as usize)
    }

    /// Removes all rows, and keeps the room if it is not much more than they took.
    pub(crate) fn clear(&mut self) {
        if self.numbers.capacity() > 8 * self.count.max(BATCH_ROWS) {
            self.release();
        }
        self.rows.clear();
        self.numbers.clear();
        self.count = 0;
    }

    /// Removes all rows and gives their memory back.
    pub(crate) fn release(&mut self) {
        self.rows = Vec::new();
        self.numbers = HashTable::new();
        self.count = 0;
        // Less than before is always granted.
        let _granted = self.account.set(0);
    }
}

/// The buckets of a table with room for so many entries: a power of two, of which seven in eight are used.
fn table_capacity(entries: usize) -> usize {
    (entries.saturating_mul(8) / 7 + 1)
        .next_power_of_two()
        .max(8)
}

#[cfg(test)]
mod tests {
    use super::{RowHasher, RowTable};
    use crate::operators::test_support::execution;

    #[test]
    fn an_empty_table_takes_the_first_rows_as_long_as_the_budget_has_them() {
        let mut taken = 0;
        for budget in (0..32 * 1024).step_by(64) {
            let execution = execution(budget);
            let mut table = RowTable::new(1, RowHasher::new(), &execution);
            match table.make_room(300, &execution) {
                Ok(has_room) => {
                    assert!(has_room, "{budget}");
                    let inserted =
                        (0..300).all(|row| table.insert(table.hasher().hash(&[row]), &[row]).1);
                    assert!(inserted && table.len() == 300);
                    taken += 1;
                }
                Err(_) => assert_eq!(taken, 0, "{budget}"),
            }
        }
        assert!(taken > 0);
    }
}
