//! Operators without an input: tables, the names of graphs.

use super::{BoxedOperator, Operator};
use crate::batch::{BATCH_ROWS, Batch};
use crate::error::QueryError;
use crate::execution::Execution;
use quadrille_store::{StorageResult, TermId};
use std::sync::Arc;

/// Rows that are given with the query.
pub(crate) struct Table {
    rows: std::vec::IntoIter<Vec<u64>>,
    width: usize,
}

impl Table {
    pub(crate) fn new(rows: Vec<Vec<u64>>, width: usize) -> Self {
        Self {
            rows: rows.into_iter(),
            width,
        }
    }
}

impl Operator for Table {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.width);
        for row in self.rows.by_ref().take(BATCH_ROWS) {
            batch.push(row);
        }
        Ok(!batch.is_empty())
    }
}

/// The names of the named graphs, each once; or a single one, if there is such a graph.
pub(crate) struct NamedGraphs {
    execution: Arc<Execution>,
    wanted: Option<u64>,
    names: Option<Box<dyn Iterator<Item = StorageResult<TermId>> + Send>>,
    done: bool,
}

impl NamedGraphs {
    pub(crate) fn new(execution: Arc<Execution>, wanted: Option<u64>) -> Self {
        Self {
            execution,
            wanted,
            names: None,
            done: false,
        }
    }

    fn fill(&mut self, batch: &mut Batch) -> StorageResult<()> {
        if let Some(wanted) = self.wanted {
            self.done = true;
            let graph = TermId::from_raw(wanted);
            if self.execution.dataset.contains_named_graph(graph)? {
                batch.push([wanted]);
            }
            return Ok(());
        }
        let names = match &mut self.names {
            Some(names) => names,
            None => self.names.insert(self.execution.dataset.named_graph_ids()?),
        };
        for name in names.by_ref().take(BATCH_ROWS) {
            batch.push([name?.raw()]);
        }
        self.done = batch.len() < BATCH_ROWS;
        Ok(())
    }
}

impl Operator for NamedGraphs {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(1);
        if !self.done {
            self.execution.check()?;
            self.fill(batch)
                .map_err(|error| self.execution.explain(error))?;
        }
        Ok(!batch.is_empty())
    }
}

/// One row without columns.
pub(crate) fn one_row() -> BoxedOperator {
    Box::new(Table::new(vec![Vec::new()], 0))
}
