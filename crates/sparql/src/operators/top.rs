//! `ORDER BY` with a `LIMIT`.
//!
//! What flows in: rows, among whose columns are the keys. What flows out: the first of them in the order of the keys, those
//! of equal keys as they came. What always holds: no more rows are kept than are wanted, however many come.

use super::sort_keys::{DirectedKey, SortColumn, TermOrder};
use super::{BoxedOperator, Operator};
use crate::batch::Batch;
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

/// How many rows are kept at most; more are sorted sooner as a whole, and spill.
pub(crate) const TOP_ROWS_MAX: usize = 16 * 1024;

/// How many keys of ids are remembered, and how many bytes of them.
const REMEMBERED_KEYS: usize = 4 * 1024;
const REMEMBERED_BYTES: usize = 4 << 20;

/// The first rows of its input, sorted.
pub(crate) struct Top<O: TermOrder> {
    execution: Arc<Execution>,
    input: Option<BoxedOperator>,
    width: usize,
    columns: Vec<SortColumn>,
    count: usize,
    keys: KeyCache<O>,
    /// The first rows so far, the last of them on top.
    heap: BinaryHeap<Entry<O::Key>>,
    account: Account,
    /// What the keys of the kept rows take beside their own size.
    heap_bytes: usize,
    rows_seen: u64,
    /// The rows in their order, the last one first.
    sorted: Vec<Entry<O::Key>>,
}

impl<O: TermOrder> Top<O> {
    /// The first `count` rows of an input of so many columns, in the order of some of these, the first weighing most.
    pub(crate) fn new(
        execution: Arc<Execution>,
        input: BoxedOperator,
        width: usize,
        columns: Vec<SortColumn>,
        order: O,
        count: usize,
    ) -> Self {
        Self {
            account: execution.memory.account(),
            execution,
            input: Some(input).filter(|_| count > 0),
            width,
            columns,
            count,
            keys: KeyCache {
                order,
                keys: HashMap::new(),
                bytes: 0,
            },
            heap: BinaryHeap::new(),
            heap_bytes: 0,
            rows_seen: 0,
            sorted: Vec::new(),
        }
    }

    fn take(&mut self, batch: &Batch) -> Result<(), QueryError> {
        self.execution.check()?;
        for row in 0..batch.len() {
            self.rows_seen += 1;
            if self.heap.len() == self.count {
                if !self.comes_before_last(batch, row)? {
                    continue;
                }
                if let Some(entry) = self.heap.pop() {
                    self.heap_bytes -= entry.heap_bytes::<O>();
                }
            }
            let mut keys = Vec::with_capacity(self.columns.len());
            for column in &self.columns {
                let key = self.keys.get(batch.value(row, column.column))?.clone();
                keys.push(DirectedKey::new(key, column.descending));
            }
            let entry = Entry {
                keys,
                number: self.rows_seen,
                row: batch.row(row).collect(),
            };
            self.heap_bytes += entry.heap_bytes::<O>();
            self.heap.push(entry);
        }
        let entry_bytes = size_of::<Entry<O::Key>>()
            + self.columns.len() * size_of::<DirectedKey<O::Key>>()
            + self.width * size_of::<u64>();
        self.account
            .require(self.heap.len() * entry_bytes + self.heap_bytes)
    }

    /// Whether a row comes before the last of those kept. A row of equal keys does not: it came later.
    fn comes_before_last(&mut self, batch: &Batch, row: usize) -> Result<bool, QueryError> {
        let Some(last) = self.heap.peek() else {
            return Ok(true);
        };
        for (column, last_key) in self.columns.iter().zip(&last.keys) {
            let id = batch.value(row, column.column);
            if last.row.get(column.column) == Some(&id) {
                continue;
            }
            let key = self.keys.get(id)?;
            let ordering = match last_key {
                DirectedKey::Ascending(last) => key.cmp(last),
                DirectedKey::Descending(last) => last.0.cmp(key),
            };
            if ordering.is_ne() {
                return Ok(ordering.is_lt());
            }
        }
        Ok(false)
    }
}

impl<O: TermOrder> Operator for Top<O> {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        if let Some(mut input) = self.input.take() {
            while input.next(batch)? {
                self.take(batch)?;
            }
            self.sorted = std::mem::take(&mut self.heap).into_sorted_vec();
            self.sorted.reverse();
        }
        batch.reset(self.width);
        while !batch.is_full() {
            let Some(entry) = self.sorted.pop() else {
                break;
            };
            batch.push(entry.row.iter().copied());
        }
        Ok(!batch.is_empty())
    }
}

/// The keys of the ids that were met last.
struct KeyCache<O: TermOrder> {
    order: O,
    keys: HashMap<u64, O::Key>,
    /// What the keys take beside their own size.
    bytes: usize,
}

impl<O: TermOrder> KeyCache<O> {
    fn get(&mut self, id: u64) -> Result<&O::Key, QueryError> {
        let is_full = self.keys.len() >= REMEMBERED_KEYS || self.bytes >= REMEMBERED_BYTES;
        if is_full && !self.keys.contains_key(&id) {
            self.keys.clear();
            self.bytes = 0;
        }
        Ok(match self.keys.entry(id) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let key = self.order.key(id)?;
                self.bytes += O::heap_bytes(&key);
                entry.insert(key)
            }
        })
    }
}

/// A row that is kept.
struct Entry<K> {
    keys: Vec<DirectedKey<K>>,
    /// The how manieth row of the input it is.
    number: u64,
    row: Box<[u64]>,
}

impl<K: Ord> Entry<K> {
    fn heap_bytes<O: TermOrder<Key = K>>(&self) -> usize {
        let keys = self.keys.iter().map(|key| match key {
            DirectedKey::Ascending(key) => O::heap_bytes(key),
            DirectedKey::Descending(key) => O::heap_bytes(&key.0),
        });
        keys.sum()
    }
}

impl<K: Ord> Ord for Entry<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.keys
            .cmp(&other.keys)
            .then(self.number.cmp(&other.number))
    }
}

impl<K: Ord> PartialOrd for Entry<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Ord> PartialEq for Entry<K> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<K: Ord> Eq for Entry<K> {}
