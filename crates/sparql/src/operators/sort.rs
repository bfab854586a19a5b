//! `ORDER BY`.
//!
//! What flows in: rows, among whose columns are the keys. What flows out: the same rows in the order of the keys, those of
//! equal keys as they came. What always holds: rows beyond the memory budget lie in temporary files as sorted runs, in the
//! order of the input, and are merged; a run is merged with its neighbours only, which keeps the sort stable.

use super::sort_keys::{DirectedKey, SortColumn, TermOrder, sorted_rows, sorting_bytes};
use super::spill::{Run, RunReader, SpillFile};
use super::{BoxedOperator, Operator};
use crate::batch::{BATCH_ROWS, Batch};
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

/// How many runs are merged at once, at most.
const MERGED_AT_ONCE: usize = 64;

/// A run of fewer rows is not made for want of memory.
const FEWEST_ROWS: usize = 64;

/// The bytes of a text that most keys are not longer than.
const SHORT_TEXT: usize = 32;

/// The rows of its input, sorted.
pub(crate) struct Sort<O: TermOrder> {
    execution: Arc<Execution>,
    columns: Vec<SortColumn>,
    order: O,
    width: usize,
    account: Account,
    state: State<O>,
}

enum State<O: TermOrder> {
    /// Nothing was asked for yet.
    Unsorted(BoxedOperator),
    /// All rows are in memory; the numbers of those from `next` on are still to be given.
    InMemory {
        rows: Batch,
        sorted: Vec<u32>,
        next: usize,
    },
    Merging(Merge<O>),
    Ended,
}

impl<O: TermOrder> Sort<O> {
    /// The rows of an input of so many columns, in the order of some of these, the first weighing most.
    pub(crate) fn new(
        execution: Arc<Execution>,
        input: BoxedOperator,
        width: usize,
        columns: Vec<SortColumn>,
        order: O,
    ) -> Self {
        Self {
            account: execution.memory.account(),
            execution,
            columns,
            order,
            width,
            state: State::Unsorted(input),
        }
    }

    /// Reads the whole input.
    fn sort(&mut self, mut input: BoxedOperator) -> Result<State<O>, QueryError> {
        let mut rows = Batch::new(self.width);
        let mut capacity = 0;
        let mut runs = Runs::default();
        let mut batch = Batch::default();
        while input.next(&mut batch)? {
            self.execution.check()?;
            if !self.make_room(&mut capacity, rows.len(), batch.len()) {
                self.write_runs(&rows, &mut runs)?;
                (rows, capacity) = (Batch::new(self.width), 0);
                if !self.make_room(&mut capacity, 0, batch.len()) {
                    capacity = batch.len();
                    self.account.require(self.bytes(capacity))?;
                }
            }
            let more = capacity - rows.len();
            rows.append_with(0, |_, values| values.reserve_exact(more));
            rows.append(&batch);
        }
        drop(input);
        if runs.runs.is_empty() {
            self.free_for_keys(rows.len());
            let all = (0, rows.len());
            let sorted = sorted_rows(&rows, all, &self.columns, &self.order, &self.execution)?;
            if let Some(sorted) = sorted {
                return Ok(State::InMemory {
                    rows,
                    sorted,
                    next: 0,
                });
            }
        }
        self.write_runs(&rows, &mut runs)?;
        drop(rows);
        self.merge(runs)
    }

    /// The bytes of so many rows and of sorting them, without the keys.
    fn bytes(&self, rows: usize) -> usize {
        rows.saturating_mul(self.width * size_of::<u64>() + sorting_bytes(self.columns.len()))
    }

    /// The bytes to be left free for the keys of so many rows: those of one column are made at a time.
    fn key_bytes(&self, rows: usize) -> usize {
        let columns = self.columns.len().min(1);
        rows.saturating_mul(columns * (size_of::<O::Key>() + SHORT_TEXT))
    }

    /// Accounts for more rows. False when the budget has no room for them.
    fn make_room(&mut self, capacity: &mut usize, rows: usize, more: usize) -> bool {
        let needed = rows + more;
        if needed <= *capacity {
            return true;
        }
        if needed > u32::MAX as usize {
            return false;
        }
        for wanted in [
            needed.max(2 * *capacity),
            needed.max(*capacity + *capacity / 4),
        ] {
            if self
                .account
                .set(self.bytes(wanted) + self.key_bytes(wanted))
            {
                *capacity = wanted;
                return true;
            }
        }
        false
    }

    /// Gives back what was left free for keys. Less than before is always granted.
    fn free_for_keys(&mut self, rows: usize) {
        let _granted = self.account.set(self.bytes(rows));
    }

    /// Sorts rows and writes them as a run, or as several when the budget has no room for all of their keys at once.
    fn write_runs(&mut self, rows: &Batch, runs: &mut Runs) -> Result<(), QueryError> {
        self.free_for_keys(rows.len());
        let file = runs.file()?;
        let mut open = vec![(0, rows.len())];
        while let Some((start, end)) = open.pop() {
            let sorted = sorted_rows(
                rows,
                (start, end),
                &self.columns,
                &self.order,
                &self.execution,
            )?;
            match sorted {
                Some(sorted) => {
                    let mut run = Run::default();
                    let mut batch = Batch::new(self.width);
                    for numbers in sorted.chunks(BATCH_ROWS) {
                        self.execution.check()?;
                        batch.clear();
                        append_numbered(rows, numbers, &mut batch);
                        file.write(&batch, &mut run)?;
                    }
                    runs.runs.push(run);
                }
                None if end - start > FEWEST_ROWS => {
                    let middle = start + (end - start) / 2;
                    open.extend([(middle, end), (start, middle)]);
                }
                None => return Err(self.no_memory()),
            }
        }
        Ok(())
    }

    /// Merges runs until few enough are left to be merged while they are read.
    fn merge(&mut self, mut runs: Runs) -> Result<State<O>, QueryError> {
        let at_once = self.merged_at_once(runs.runs.len())?;
        while runs.runs.len() > at_once {
            let mut merged = Runs::default();
            let into = merged.file()?;
            let from = runs.file()?;
            let mut open = runs.runs.into_iter();
            loop {
                let some: Vec<_> = open.by_ref().take(at_once).collect();
                if some.is_empty() {
                    break;
                }
                let mut merge = Merge::default();
                self.open_runs(&from, some, &mut merge)?;
                let mut run = Run::default();
                let mut batch = Batch::new(self.width);
                while self.next_merged(&mut merge, &mut batch)? {
                    into.write(&batch, &mut run)?;
                }
                merged.runs.push(run);
            }
            runs = merged;
        }
        let mut merge = Merge::default();
        let file = runs.file()?;
        self.open_runs(&file, runs.runs, &mut merge)?;
        Ok(State::Merging(merge))
    }

    /// How many runs can be merged at once: each takes a batch of memory.
    fn merged_at_once(&mut self, runs: usize) -> Result<usize, QueryError> {
        let bytes = |runs: usize| runs * BATCH_ROWS * self.width * size_of::<u64>();
        let mut at_once = runs.clamp(2, MERGED_AT_ONCE);
        while at_once > 2 && !self.account.set(bytes(at_once)) {
            at_once = (at_once / 2).max(2);
        }
        if at_once == 2 {
            self.account.require(bytes(2))?;
        }
        Ok(at_once)
    }

    fn open_runs(
        &self,
        file: &Arc<SpillFile>,
        runs: Vec<Run>,
        merge: &mut Merge<O>,
    ) -> Result<(), QueryError> {
        for (number, run) in runs.into_iter().enumerate() {
            let mut head = Head {
                keys: Vec::new(),
                number,
                rows: RunReader::new(Arc::clone(file), run, self.width),
                batch: Batch::default(),
                row: 0,
            };
            if head.rows.next(&mut head.batch)? {
                self.read_keys(&mut head, None)?;
                merge.heads.push(Reverse(head));
            }
        }
        Ok(())
    }

    /// Sets the keys of a head's row. Those whose ids are the same as in the row before stay.
    fn read_keys(&self, head: &mut Head<O>, before: Option<usize>) -> Result<(), QueryError> {
        for (place, column) in self.columns.iter().enumerate() {
            let id = head.batch.value(head.row, column.column);
            if before.is_some_and(|before| head.batch.value(before, column.column) == id) {
                continue;
            }
            let key = DirectedKey::new(self.order.key(id)?, column.descending);
            match head.keys.get_mut(place) {
                Some(old) => *old = key,
                None => head.keys.push(key),
            }
        }
        Ok(())
    }

    /// Fills a batch from runs; false when they are at their ends.
    fn next_merged(&self, merge: &mut Merge<O>, batch: &mut Batch) -> Result<bool, QueryError> {
        self.execution.check()?;
        batch.reset(self.width);
        while !batch.is_full() {
            let Some(mut least) = merge.heads.peek_mut() else {
                break;
            };
            let head = &mut least.0;
            batch.push(head.batch.row(head.row));
            head.row += 1;
            if head.row < head.batch.len() {
                let before = Some(head.row - 1);
                self.read_keys(head, before)?;
            } else if head.rows.next(&mut head.batch)? {
                head.row = 0;
                self.read_keys(head, None)?;
            } else {
                std::collections::binary_heap::PeekMut::pop(least);
            }
        }
        Ok(!batch.is_empty())
    }

    fn no_memory(&self) -> QueryError {
        let mut account = self.execution.memory.account();
        match account.require(usize::MAX) {
            Err(error) => error,
            Ok(()) => QueryError::Memory { budget: usize::MAX },
        }
    }
}

/// Appends the rows of these numbers.
fn append_numbered(rows: &Batch, numbers: &[u32], batch: &mut Batch) {
    batch.append_with(numbers.len(), |column, values| {
        let source = rows.column(column);
        values.extend(numbers.iter().map(|&number| source[number as usize]));
    });
}

impl<O: TermOrder> Operator for Sort<O> {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.width);
        let mut state = std::mem::replace(&mut self.state, State::Ended);
        if let State::Unsorted(input) = state {
            state = self.sort(input)?;
        }
        let filled = match &mut state {
            State::InMemory { rows, sorted, next } => {
                self.execution.check()?;
                let end = sorted.len().min(*next + BATCH_ROWS);
                append_numbered(rows, &sorted[*next..end], batch);
                *next = end;
                !batch.is_empty()
            }
            State::Merging(merge) => self.next_merged(merge, batch)?,
            State::Unsorted(_) | State::Ended => false,
        };
        if filled {
            self.state = state;
        }
        Ok(filled)
    }
}

/// Sorted runs, which lie in one file.
#[derive(Default)]
struct Runs {
    file: Option<Arc<SpillFile>>,
    runs: Vec<Run>,
}

impl Runs {
    fn file(&mut self) -> Result<Arc<SpillFile>, QueryError> {
        let file = match self.file.take() {
            Some(file) => file,
            None => SpillFile::new()?,
        };
        self.file = Some(Arc::clone(&file));
        Ok(file)
    }
}

/// Runs that are being merged.
struct Merge<O: TermOrder> {
    heads: BinaryHeap<Reverse<Head<O>>>,
}

impl<O: TermOrder> Default for Merge<O> {
    fn default() -> Self {
        Self {
            heads: BinaryHeap::new(),
        }
    }
}

/// The first row of a run that was not given yet.
struct Head<O: TermOrder> {
    keys: Vec<DirectedKey<O::Key>>,
    number: usize,
    rows: RunReader,
    batch: Batch,
    row: usize,
}

impl<O: TermOrder> Ord for Head<O> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.keys
            .cmp(&other.keys)
            .then(self.number.cmp(&other.number))
    }
}

impl<O: TermOrder> PartialOrd for Head<O> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<O: TermOrder> PartialEq for Head<O> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<O: TermOrder> Eq for Head<O> {}
