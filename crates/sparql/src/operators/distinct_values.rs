//! The distinct values of a position of the quads that match a pattern, with the number of quads of each.
//!
//! What flows in: where they are read. What flows out: a column of values, and one of their counts if they are wanted. What
//! always holds: values ascend; a value without a quad in the narrower pattern is left out, and so is the default graph,
//! which has no name.

use super::Operator;
use super::aggregate::id_of_count;
use crate::batch::{BATCH_ROWS, Batch, UNBOUND};
use crate::error::QueryError;
use crate::execution::Execution;
use crate::plan::ValuesReading;
use crate::source::QuadValues;
use quadrille_store::{ColumnBatch, ScanRequest, StorageResult, TermId};
use std::sync::Arc;

/// Running values.
pub(crate) struct DistinctValues {
    execution: Arc<Execution>,
    reading: ValuesReading,
    with_counts: bool,
    values: Box<dyn QuadValues>,
    found: Vec<u64>,
    counts: Vec<u64>,
    /// The next of the values found.
    at: usize,
}

impl DistinctValues {
    /// # Errors
    /// What reading the store fails with.
    pub(crate) fn new(
        execution: Arc<Execution>,
        reading: ValuesReading,
        with_counts: bool,
    ) -> Result<Self, QueryError> {
        let counts_values = with_counts && reading.narrowed.is_none();
        let context = execution.dataset.limits.context();
        let values = execution
            .source()
            .values(&reading.request, counts_values, context)
            .map_err(|error| execution.explain(error))?;
        Ok(Self {
            execution,
            reading,
            with_counts,
            values,
            found: Vec::new(),
            counts: Vec::new(),
            at: 0,
        })
    }

    /// Whether a quad has a value; of those found in a narrower pattern one is looked for.
    fn is_there(&self, index: usize) -> StorageResult<bool> {
        let Some(mut pattern) = self.reading.narrowed else {
            return Ok(true);
        };
        pattern[self.reading.position] = Some(TermId::from_raw(self.found[index]));
        let context = self.execution.dataset.limits.context();
        let request = ScanRequest::new(pattern).with_columns([false; 4]);
        let mut scan = self.execution.source().scan_request(&request, context)?;
        scan.next_batch(&mut ColumnBatch::new())
    }

    /// How many quads have a value; of those found in a narrower pattern it is asked for.
    fn count(&self, index: usize) -> Result<u64, QueryError> {
        let Some(mut pattern) = self.reading.narrowed else {
            return Ok(self.counts.get(index).copied().unwrap_or(1));
        };
        pattern[self.reading.position] = Some(TermId::from_raw(self.found[index]));
        let context = self.execution.dataset.limits.context();
        let count = self.execution.source().count(pattern, context);
        count.map_err(|error| self.execution.explain(error))
    }

    fn give(&mut self, index: usize, batch: &mut Batch) -> Result<(), QueryError> {
        let value = self.found[index];
        if self.reading.position == 3 && value == UNBOUND {
            return Ok(());
        }
        if !self.with_counts {
            let is_there = self.is_there(index);
            if is_there.map_err(|error| self.execution.explain(error))? {
                batch.push([value]);
            }
            return Ok(());
        }
        let count = self.count(index)?;
        if count == 0 {
            return Ok(());
        }
        batch.push([value, id_of_count(count, &self.execution)?]);
        Ok(())
    }
}

impl Operator for DistinctValues {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(1 + usize::from(self.with_counts));
        while batch.len() < BATCH_ROWS {
            self.execution.check()?;
            if self.at == self.found.len() {
                self.at = 0;
                let more = self.values.next_batch(&mut self.found, &mut self.counts);
                if !more.map_err(|error| self.execution.explain(error))? {
                    self.found.clear();
                    break;
                }
                continue;
            }
            self.at += 1;
            self.give(self.at - 1, batch)?;
        }
        Ok(!batch.is_empty())
    }
}
