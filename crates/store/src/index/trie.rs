//! An index as a trie, for joins that go value by value: the values of a column below those of the columns before it.
//!
//! What flows in: the values of some levels, and a value of the next one. What flows out: the first value of that level at
//! or above it, and the decoded values that follow. What always holds: levels are the open columns of the index, in its
//! order; a value is given only if a row has it, together with the constants of the columns right behind it.

use super::window::{Wanted, Window, WindowOptions};
use crate::context::ReadContext;
use crate::delta::ChangeSet;
use crate::keyspaces::IndexPlaces;
use crate::permutation::Row;
use crate::view::View;
use quadrille_backend::{StorageError, StorageResult, StorageSnapshot};
use std::ops::Range;

/// How many rows are compared with constants to find out how many values can be given at once.
const RUN_COMPARED_MAX: usize = 64;

/// A trie over the rows of an index that have some constants.
pub(crate) struct RowTrie<S: StorageSnapshot> {
    window: Window<S>,
    context: ReadContext,
    constants: [Option<u64>; 4],
    /// The columns of the levels.
    levels: Vec<usize>,
    /// The level and the row that were found last.
    found: Option<(usize, Row)>,
}

impl<S: StorageSnapshot> RowTrie<S> {
    /// The trie of the rows with these constants, by column.
    pub(crate) fn new(
        view: &View<S>,
        places: &IndexPlaces,
        delta: ChangeSet<4>,
        constants: [Option<u64>; 4],
        context: ReadContext,
    ) -> StorageResult<Self> {
        let leading: Vec<u64> = constants.iter().map_while(|value| *value).collect();
        let options = WindowOptions {
            constants: &leading,
            needed: [true; 4],
            context: context.clone(),
        };
        let open = |column: &usize| constants[*column].is_none();
        Ok(Self {
            window: Window::new(view, &places.blocks, delta, options)?,
            context,
            constants,
            levels: (0..4).filter(open).collect(),
            found: None,
        })
    }

    /// How many levels there are.
    pub(crate) fn levels(&self) -> usize {
        self.levels.len()
    }

    /// The first value of the level behind the prefix that is at or above a value; `None` when there is none.
    pub(crate) fn seek(&mut self, prefix: &[u64], value: u64) -> StorageResult<Option<u64>> {
        self.found = None;
        let Some(&column) = self.levels.get(prefix.len()) else {
            return Err(StorageError::misuse("a trie has no level of that number"));
        };
        let mut target = self.constants.map(Option::unwrap_or_default);
        for (level, value) in self.levels.iter().zip(prefix) {
            target[*level] = *value;
        }
        target[column] = value;
        // What is compared: the column of the level, and the constants right behind it.
        let compared = self.constants[column + 1..].iter();
        let behind = column + 1 + compared.take_while(|value| value.is_some()).count();
        target[behind..].fill(0);
        let mut steps = 0_u32;
        while let Some(row) = self.first_from(&target, behind)? {
            if row[..behind] < target[..behind] {
                // Only in a damaged block, which must not be searched for ever.
                return Err(StorageError::corrupted("the rows of a block do not ascend"));
            }
            if row[..column] != target[..column] {
                break;
            }
            if row[column + 1..behind] == target[column + 1..behind] {
                target[column] = row[column];
                self.found = Some((column, target));
                return Ok(Some(row[column]));
            }
            let is_past = row[column + 1..behind] > target[column + 1..behind];
            let Some(next) = row[column].checked_add(u64::from(is_past)) else {
                break;
            };
            target[column] = next;
            steps = steps.wrapping_add(1);
            if steps.is_multiple_of(1024) {
                self.context.check()?;
            }
        }
        Ok(None)
    }

    /// The first row at or above one, whose columns before `columns` are wanted.
    fn first_from(&mut self, target: &Row, columns: usize) -> StorageResult<Option<Row>> {
        let (_, end) = self.window.limits();
        let mut start = *target;
        loop {
            let found = self.window.find(&Wanted {
                start,
                end,
                prefix: 0,
                first_only: true,
            })?;
            if !found.rows.is_empty() {
                let mut row = [0; 4];
                for (column, value) in row.iter_mut().enumerate().take(columns) {
                    *value = self.window.value(column, found.rows.start);
                }
                return Ok(Some(row));
            }
            match found.next {
                Some(next) => start = next,
                None => return Ok(None),
            }
        }
    }

    /// Values of the level that the last seek was about, from the one that it found on: ascending, perhaps several times
    /// each, at least one. After a seek that found nothing, none.
    pub(crate) fn run(&mut self) -> StorageResult<&[u64]> {
        let Some((column, target)) = self.found else {
            return Ok(&[]);
        };
        let (_, end) = self.window.limits();
        let mut start = target;
        let rows = loop {
            let found = self.window.find_to_decode(&Wanted {
                start,
                end,
                prefix: 0,
                first_only: true,
            })?;
            match found.next {
                _ if !found.rows.is_empty() => break found.rows,
                Some(next) => start = next,
                None => break found.rows,
            }
        };
        let rows = self.rows_alike(rows, column, &target);
        Ok(self
            .window
            .decoded_column(column)
            .get(rows)
            .unwrap_or_default())
    }

    /// The rows from the first on that share the columns before `column` with it, and the constants behind.
    fn rows_alike(&self, rows: Range<usize>, column: usize, target: &Row) -> Range<usize> {
        let constants = self.constants[column + 1..].iter();
        let constants = column + 1..column + 1 + constants.take_while(|v| v.is_some()).count();
        let leading = self.constants.iter().take_while(|v| v.is_some()).count();
        let mut end = rows.end;
        // Each column ascends as long as those before it stay the same.
        for (before, wanted) in target.iter().enumerate().take(column).skip(leading) {
            let values = self.window.decoded_column(before);
            let alike = values.get(rows.start..end).unwrap_or_default();
            end = rows.start + alike.partition_point(|value| value == wanted);
        }
        if !constants.is_empty() {
            end = end.min(rows.start + RUN_COMPARED_MAX);
        }
        for constant in constants {
            let values = self.window.decoded_column(constant);
            let alike = values.get(rows.start..end).unwrap_or_default();
            let alike = alike.iter().take_while(|value| **value == target[constant]);
            end = rows.start + alike.count();
        }
        rows.start..end
    }
}
