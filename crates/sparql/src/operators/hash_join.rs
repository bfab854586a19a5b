//! Joins of two inputs, of which the right one is kept in a table by the columns that both share.
//!
//! What flows in: two inputs. What flows out: joined rows, or left rows that have a partner or none. What always holds: two
//! rows are partners when each shared column is equal or unbound on a side; the left rows stream in their order.

use super::filter::BoxedFilter;
use super::join::{Output, PairFilter};
use super::row_table::RowHasher;
use super::{BoxedOperator, Operator};
use crate::batch::{BATCH_ROWS, Batch, UNBOUND};
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use crate::plan::JoinKind;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What a hash join is made of.
pub(crate) struct HashJoinParts {
    pub(crate) left: BoxedOperator,
    pub(crate) right: HashRight,
    /// The shared columns that hold a value in each row of both sides.
    pub(crate) keys: Vec<(usize, usize)>,
    /// The shared columns that may be unbound.
    pub(crate) loose: Vec<(usize, usize)>,
    pub(crate) output: Output,
    /// The condition on a pair: over all left columns and then all right ones.
    pub(crate) filter: Option<BoxedFilter>,
}

/// Where the right rows come from.
pub(crate) enum HashRight {
    Own(BoxedOperator),
    /// Several joins have the same ones.
    Shared(Arc<SharedTable>),
}

/// The rows of the right side.
struct Table {
    rows: Batch,
    hasher: RowHasher,
    /// The first row of each bucket, plus one.
    buckets: Vec<u32>,
    /// The next row of the same bucket, plus one.
    next: Vec<u32>,
    account: Account,
}

impl Table {
    fn new(execution: &Execution) -> Self {
        Self {
            rows: Batch::default(),
            hasher: RowHasher::new(),
            buckets: Vec::new(),
            next: Vec::new(),
            account: execution.memory.account(),
        }
    }

    /// All rows of an operator, by these columns.
    fn of(
        mut right: BoxedOperator,
        columns: &[usize],
        execution: &Execution,
    ) -> Result<Self, QueryError> {
        let mut table = Self::new(execution);
        let mut batch = Batch::default();
        let mut started = false;
        while right.next(&mut batch)? {
            if !started {
                table.rows.reset(batch.width());
                started = true;
            }
            table.rows.append(&batch);
            let rows = table.rows.len();
            let bytes = table.rows.bytes() + rows.next_power_of_two() * 12;
            table.account.require(bytes)?;
            execution.check()?;
        }
        let rows = table.rows.len();
        table.next = vec![0; rows];
        table.buckets = vec![0; (rows + rows / 2).next_power_of_two().max(1)];
        // From the last row on, so that each bucket begins with its first.
        for row in (0..rows).rev() {
            if row % BATCH_ROWS == 0 {
                execution.check()?;
            }
            let bucket = table.bucket(&table.rows, row, columns.iter().copied());
            table.next[row] = table.buckets[bucket];
            table.buckets[bucket] = row as u32 + 1;
        }
        Ok(table)
    }

    fn bucket(&self, rows: &Batch, row: usize, columns: impl Iterator<Item = usize>) -> usize {
        let hash = self
            .hasher
            .hash_values(columns.map(|column| rows.value(row, column)));
        hash as usize & (self.buckets.len() - 1)
    }
}

/// The right rows of several joins, which run side by side. Whoever runs these fills it first.
pub(crate) struct SharedTable {
    right: Mutex<Option<BoxedOperator>>,
    columns: Vec<usize>,
    table: OnceLock<Arc<Table>>,
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
    /// What the operator fails with; `Memory`.
    pub(crate) fn fill(&self, execution: &Execution) -> Result<(), QueryError> {
        let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(right) = right.take() {
            let table = Table::of(right, &self.columns, execution)?;
            self.table.get_or_init(|| Arc::new(table));
        }
        Ok(())
    }
}

/// A hash join.
pub(crate) struct HashJoin {
    execution: Arc<Execution>,
    left: BoxedOperator,
    right: Option<HashRight>,
    keys: Vec<(usize, usize)>,
    loose: Vec<(usize, usize)>,
    output: Output,
    filter: PairFilter,
    table: Arc<Table>,
    left_rows: Batch,
    matched: Vec<bool>,
    /// The left row that is being joined, and the right row to look at next, plus one.
    position: Option<(usize, u32)>,
    pairs: Vec<(usize, usize)>,
}

impl HashJoin {
    pub(crate) fn new(execution: Arc<Execution>, parts: HashJoinParts) -> Self {
        Self {
            table: Arc::new(Table::new(&execution)),
            execution,
            left: parts.left,
            right: Some(parts.right),
            keys: parts.keys,
            loose: parts.loose,
            output: parts.output,
            filter: PairFilter::new(parts.filter),
            left_rows: Batch::default(),
            matched: Vec::new(),
            position: None,
            pairs: Vec::new(),
        }
    }

    fn build(&mut self) -> Result<(), QueryError> {
        match self.right.take() {
            None => {}
            Some(HashRight::Own(right)) => {
                let columns: Vec<usize> = self.keys.iter().map(|(_, right)| *right).collect();
                self.table = Arc::new(Table::of(right, &columns, &self.execution)?);
            }
            Some(HashRight::Shared(shared)) => {
                let table = shared.table.get().cloned();
                self.table = table.ok_or_else(|| {
                    QueryError::Evaluation("a join began before its table was filled".to_owned())
                })?;
            }
        }
        Ok(())
    }

    fn are_partners(&self, left: usize, right: usize) -> bool {
        let rows = &self.table.rows;
        let equal = |(first, second): &(usize, usize)| {
            self.left_rows.value(left, *first) == rows.value(right, *second)
        };
        let compatible = |pair: &(usize, usize)| {
            let (first, second) = (
                self.left_rows.value(left, pair.0),
                rows.value(right, pair.1),
            );
            first == UNBOUND || second == UNBOUND || first == second
        };
        let shares = || {
            let both = |(first, second): &(usize, usize)| {
                self.left_rows.value(left, *first) != UNBOUND
                    && rows.value(right, *second) != UNBOUND
            };
            self.keys.iter().chain(&self.loose).any(both)
        };
        self.keys.iter().all(equal)
            && self.loose.iter().all(compatible)
            && (self.output.kind != JoinKind::Minus || shares())
    }

    /// Gathers pairs, as many as fit into a batch.
    fn gather(&mut self) -> Result<(), QueryError> {
        self.pairs.clear();
        let mut steps = 0_usize;
        while let Some((left, mut candidate)) = self.position {
            while candidate != 0 {
                steps += 1;
                if steps.is_multiple_of(BATCH_ROWS) {
                    self.execution.check()?;
                }
                let right = candidate as usize - 1;
                candidate = self.table.next[right];
                if self.are_partners(left, right) {
                    self.pairs.push((left, right));
                    if !self.output.gives_pairs() && !self.filter.is_some() {
                        break;
                    }
                    if self.pairs.len() >= BATCH_ROWS {
                        self.position = Some((left, candidate));
                        return Ok(());
                    }
                }
            }
            self.position = self.start(left + 1);
        }
        Ok(())
    }

    /// Where to begin with a left row, if there is such a row.
    fn start(&self, left: usize) -> Option<(usize, u32)> {
        if left >= self.left_rows.len() {
            return None;
        }
        let columns = self.keys.iter().map(|(left, _)| *left);
        let bucket = self.table.bucket(&self.left_rows, left, columns);
        Some((left, self.table.buckets[bucket]))
    }
}

impl Operator for HashJoin {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.output.columns.len());
        self.build()?;
        if self.table.rows.is_empty()
            && matches!(self.output.kind, JoinKind::Inner | JoinKind::Semi)
        {
            return Ok(false);
        }
        loop {
            self.execution.check()?;
            while self.position.is_some() {
                self.gather()?;
                self.filter
                    .apply(&self.left_rows, &self.table.rows, &mut self.pairs)?;
                for (left, _) in &self.pairs {
                    self.matched[*left] = true;
                }
                if self.output.gives_pairs() && !self.pairs.is_empty() {
                    self.output
                        .give_pairs(&self.left_rows, &self.table.rows, &self.pairs, batch);
                    return Ok(true);
                }
            }
            if !self.left_rows.is_empty() {
                self.output.give_left(&self.left_rows, &self.matched, batch);
                self.left_rows.clear();
                if !batch.is_empty() {
                    return Ok(true);
                }
            }
            if !self.left.next(&mut self.left_rows)? {
                return Ok(false);
            }
            self.matched.clear();
            self.matched.resize(self.left_rows.len(), false);
            self.position = self.start(0);
        }
    }
}
