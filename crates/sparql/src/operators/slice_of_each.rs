//! `OFFSET` and `LIMIT` within each value of a column: the rows of each graph, where those of all graphs come together.
//!
//! What flows in: rows in any order, the column bound in each. What flows out: of the rows of each value those at some places,
//! in their order. What always holds: the values are told apart in memory, which is accounted for before it is taken; a
//! number a value is kept.

use super::row_table::{RowHasher, RowTable};
use super::{BoxedOperator, Operator};
use crate::batch::Batch;
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use std::ops::Range;
use std::sync::Arc;

/// The same slice of the rows of each value.
pub(crate) struct SliceOfEach {
    execution: Arc<Execution>,
    input: BoxedOperator,
    column: usize,
    places: Range<usize>,
    values: RowTable,
    /// How many rows of each value have come.
    counts: Vec<usize>,
    account: Account,
    mask: Vec<bool>,
}

impl SliceOfEach {
    /// The rows at these places among those of each value of a column, counted from 0.
    pub(crate) fn new(
        execution: &Arc<Execution>,
        input: BoxedOperator,
        column: usize,
        places: Range<usize>,
    ) -> Self {
        Self {
            execution: Arc::clone(execution),
            input,
            column,
            places,
            values: RowTable::new(1, RowHasher::new(), execution),
            counts: Vec::new(),
            account: execution.memory.account(),
            mask: Vec::new(),
        }
    }

    /// Makes room for the values of a batch.
    fn make_room(&mut self, rows: usize) -> Result<(), QueryError> {
        let counts = (self.counts.len() + rows).next_power_of_two();
        self.account.require(counts * size_of::<usize>())?;
        self.counts.reserve_exact(counts - self.counts.len());
        match self.values.make_room(rows, &self.execution)? {
            true => Ok(()),
            false => Err(self.execution.memory.exceeded()),
        }
    }

    /// Marks the rows of a batch that are at the wanted places.
    fn mark(&mut self, batch: &Batch) {
        let hasher = self.values.hasher();
        self.mask.clear();
        for value in batch.column(self.column) {
            let row = [*value];
            let (number, is_new) = self.values.insert(hasher.hash(&row), &row);
            if is_new {
                self.counts.push(0);
            }
            let place = &mut self.counts[number];
            self.mask.push(self.places.contains(place));
            *place = place.saturating_add(1);
        }
    }
}

impl Operator for SliceOfEach {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        while self.input.next(batch)? {
            self.execution.check()?;
            self.make_room(batch.len())?;
            self.mark(batch);
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
    use super::SliceOfEach;
    use crate::error::QueryError;
    use crate::operators::test_support::{Random, collect, execution, input};
    use std::collections::HashMap;

    #[test]
    fn gives_the_places_of_each_value() {
        let execution = execution(1 << 20);
        let rows = Random(3).rows(5_000, 2, 400);
        for places in [0..1, 3..7, 2..usize::MAX, 0..0, 11..12] {
            let mut counts: HashMap<u64, usize> = HashMap::new();
            let expected = rows.iter().filter(|row| {
                let count = counts.entry(row[1]).or_default();
                *count += 1;
                places.contains(&(*count - 1))
            });
            let expected: Vec<Vec<u64>> = expected.cloned().collect();
            let mut slices = SliceOfEach::new(&execution, input(&rows, 2), 1, places);
            assert_eq!(collect(&mut slices, 2).unwrap(), expected);
        }
    }

    #[test]
    fn ends_with_an_error_where_the_values_are_more_than_there_is_memory_for() {
        let execution = execution(64 << 10);
        let rows: Vec<Vec<u64>> = (1..20_000).map(|value| vec![value]).collect();
        let mut slices = SliceOfEach::new(&execution, input(&rows, 1), 0, 0..1);
        let error = collect(&mut slices, 1).unwrap_err();
        assert!(matches!(error, QueryError::Memory { .. }), "{error}");
    }
}
