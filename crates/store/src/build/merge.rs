//! Merges sorted row sources into one, without duplicates.

use super::sorter::Sorter;
use crate::index::writer::RowSource;
use quadrille_backend::StorageResult;
use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;

/// How many rows a merge yields at once.
const BATCH_ROWS: usize = 4096;

struct Input<const N: usize> {
    source: Box<dyn RowSource<N>>,
    rows: Vec<[u64; N]>,
    next: usize,
}

impl<const N: usize> Input<N> {
    fn next_row(&mut self) -> StorageResult<Option<[u64; N]>> {
        if self.next == self.rows.len() {
            self.rows.clear();
            self.next = 0;
            self.source.fill(&mut self.rows)?;
        }
        let row = self.rows.get(self.next).copied();
        self.next += 1;
        Ok(row)
    }
}

/// The rows that several sources hold.
pub(crate) type Duplicates<const N: usize> = Rc<RefCell<Sorter<N>>>;

/// The union of ascending sources.
pub(crate) struct MergedRows<const N: usize> {
    inputs: Vec<Input<N>>,
    heap: BinaryHeap<Reverse<([u64; N], usize)>>,
    last: Option<[u64; N]>,
    started: bool,
    /// The last input that has rows: nothing is left to merge it with.
    only: Option<usize>,
    duplicates: Option<Duplicates<N>>,
}

impl<const N: usize> MergedRows<N> {
    pub(crate) fn new(sources: Vec<Box<dyn RowSource<N>>>) -> Self {
        let inputs = sources
            .into_iter()
            .map(|source| Input {
                source,
                rows: Vec::new(),
                next: 0,
            })
            .collect();
        Self {
            inputs,
            heap: BinaryHeap::new(),
            last: None,
            started: false,
            only: None,
            duplicates: None,
        }
    }

    /// The union, which also gives away what several sources hold.
    pub(crate) fn noting(sources: Vec<Box<dyn RowSource<N>>>, duplicates: Duplicates<N>) -> Self {
        Self {
            duplicates: Some(duplicates),
            ..Self::new(sources)
        }
    }

    fn push(&mut self, row: [u64; N], rows: &mut Vec<[u64; N]>) -> StorageResult<()> {
        if self.last != Some(row) {
            rows.push(row);
            self.last = Some(row);
        } else if let Some(duplicates) = &self.duplicates {
            duplicates.borrow_mut().push(row)?;
        }
        Ok(())
    }

    /// Appends all rows at hand of the last input that has some, of which `row` is the first.
    fn take_rest_of(
        &mut self,
        number: usize,
        row: [u64; N],
        rows: &mut Vec<[u64; N]>,
    ) -> StorageResult<()> {
        self.push(row, rows)?;
        let input = &mut self.inputs[number];
        rows.extend(input.rows.drain(..).skip(input.next));
        self.only = Some(number);
        Ok(())
    }

    fn advance(&mut self, number: usize) -> StorageResult<()> {
        if let Some(row) = self.inputs[number].next_row()? {
            self.heap.push(Reverse((row, number)));
        }
        Ok(())
    }
}

impl<const N: usize> RowSource<N> for MergedRows<N> {
    fn fill(&mut self, rows: &mut Vec<[u64; N]>) -> StorageResult<bool> {
        if !self.started {
            self.started = true;
            for number in 0..self.inputs.len() {
                self.advance(number)?;
            }
        }
        if let Some(only) = self.only {
            return self.inputs[only].source.fill(rows);
        }
        let before = rows.len();
        while rows.len() - before < BATCH_ROWS {
            let is_alone = self.heap.len() == 1;
            let Some(Reverse((row, number))) = self.heap.pop() else {
                break;
            };
            if is_alone {
                self.take_rest_of(number, row, rows)?;
                break;
            }
            self.push(row, rows)?;
            self.advance(number)?;
        }
        if rows.len() == before
            && let Some(only) = self.only
        {
            return self.inputs[only].source.fill(rows);
        }
        Ok(rows.len() > before)
    }
}
