//! Plans that are run again and again, from the rows of another: once a batch, once a row, once a graph.
//!
//! What flows in: left rows, and a way to make the right operator from them. What flows out: rows of both, or left rows
//! that have a partner or none. What always holds: a right operator is made when it is needed and dropped at its end.

use super::gathered::GatheredRows;
use super::join::Output;
use super::{BoxedOperator, Operator};
use crate::batch::{Batch, UNBOUND};
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use std::collections::HashMap;
use std::sync::Arc;

/// Some columns of one batch that others read too, and then no more.
pub(crate) struct OneBatch {
    batch: Option<Arc<Batch>>,
    columns: Vec<usize>,
}

impl OneBatch {
    pub(crate) fn new(batch: Arc<Batch>, columns: Vec<usize>) -> Self {
        Self {
            batch: Some(batch),
            columns,
        }
    }

    pub(crate) fn whole(batch: Batch) -> Self {
        let columns = (0..batch.width()).collect();
        Self::new(Arc::new(batch), columns)
    }
}

impl Operator for OneBatch {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.columns.len());
        if let Some(rows) = self.batch.take() {
            batch.append_with(rows.len(), |column, values| {
                values.extend_from_slice(rows.column(self.columns[column]));
            });
        }
        Ok(!batch.is_empty())
    }
}

/// Makes the right operator for a batch of left rows; their numbers are for the operator to carry along.
pub(crate) type BatchFactory = Box<dyn FnMut(&Batch) -> Result<BoxedOperator, QueryError> + Send>;

/// The right operator once for each batch of left rows.
pub(crate) struct PerBatch {
    execution: Arc<Execution>,
    left: BoxedOperator,
    factory: BatchFactory,
    /// The columns of the rows that come from the right operator.
    of_right: Vec<usize>,
    /// What is given of left rows.
    output: Output,
    /// The column of the right rows with the number of the left row.
    number: usize,
    left_batch: Batch,
    gathered: GatheredRows,
    matched: Vec<bool>,
    right: Option<BoxedOperator>,
    right_batch: Batch,
}

/// What a [`PerBatch`] is made of.
pub(crate) struct PerBatchParts {
    pub(crate) left: BoxedOperator,
    pub(crate) factory: BatchFactory,
    pub(crate) of_right: Vec<usize>,
    pub(crate) output: Output,
    pub(crate) number: usize,
    /// How many left rows there are in the first batch at most, if few may be enough.
    pub(crate) first: Option<usize>,
}

impl PerBatch {
    pub(crate) fn new(execution: Arc<Execution>, parts: PerBatchParts) -> Self {
        let gathered = GatheredRows::new(&execution);
        Self {
            gathered: match parts.first {
                Some(first) => gathered.beginning_with(first),
                None => gathered,
            },
            execution,
            left: parts.left,
            factory: parts.factory,
            of_right: parts.of_right,
            output: parts.output,
            number: parts.number,
            left_batch: Batch::default(),
            matched: Vec::new(),
            right: None,
            right_batch: Batch::default(),
        }
    }

    /// Takes the next batch of the right operator; false at its end.
    fn advance_right(&mut self) -> Result<bool, QueryError> {
        let Some(right) = &mut self.right else {
            return Ok(false);
        };
        if !right.next(&mut self.right_batch)? {
            self.right = None;
            return Ok(false);
        }
        for number in self.right_batch.column(self.number) {
            if let Some(matched) = self.matched.get_mut(*number as usize) {
                *matched = true;
            }
        }
        if !self.output.gives_pairs() && self.matched.iter().all(|matched| *matched) {
            self.right = None;
        }
        Ok(true)
    }
}

impl Operator for PerBatch {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.output.columns.len());
        loop {
            self.execution.check()?;
            while self.advance_right()? {
                if self.output.gives_pairs() {
                    let (right, columns) = (&self.right_batch, &self.of_right);
                    batch.append_with(right.len(), |column, values| {
                        values.extend_from_slice(right.column(columns[column]));
                    });
                    return Ok(true);
                }
            }
            if !self.left_batch.is_empty() {
                self.output
                    .give_left(&self.left_batch, &self.matched, batch);
                self.left_batch.clear();
                if !batch.is_empty() {
                    return Ok(true);
                }
            }
            let more = self.gathered.gather(&mut self.left, &mut self.left_batch)?;
            if !more {
                return Ok(false);
            }
            self.matched.clear();
            self.matched.resize(self.left_batch.len(), false);
            self.right = Some((self.factory)(&self.left_batch)?);
        }
    }
}

/// Makes the right operator for the values of the shared columns of a left row.
pub(crate) type RowFactory = Box<dyn FnMut(&[u64]) -> Result<BoxedOperator, QueryError> + Send>;

/// About how many bytes a remembered answer takes, beside its values.
const ANSWER_BYTES: usize = 64;

/// Whether the right operator gives a row, once for each distinct value of some left columns.
pub(crate) struct PerRow {
    execution: Arc<Execution>,
    left: BoxedOperator,
    shared: Vec<usize>,
    factory: RowFactory,
    /// What is given of left rows.
    output: Output,
    answers: HashMap<Vec<u64>, bool>,
    account: Account,
    left_batch: Batch,
    right_batch: Batch,
}

/// What a [`PerRow`] is made of.
pub(crate) struct PerRowParts {
    pub(crate) left: BoxedOperator,
    pub(crate) shared: Vec<usize>,
    pub(crate) factory: RowFactory,
    pub(crate) output: Output,
}

impl PerRow {
    pub(crate) fn new(execution: Arc<Execution>, parts: PerRowParts) -> Self {
        Self {
            account: execution.memory.account(),
            execution,
            left: parts.left,
            shared: parts.shared,
            factory: parts.factory,
            output: parts.output,
            answers: HashMap::new(),
            left_batch: Batch::default(),
            right_batch: Batch::default(),
        }
    }

    fn has_partner(&mut self, row: usize) -> Result<bool, QueryError> {
        let key: Vec<u64> = self
            .shared
            .iter()
            .map(|column| self.left_batch.value(row, *column))
            .collect();
        if let Some(answer) = self.answers.get(&key) {
            return Ok(*answer);
        }
        self.execution.check()?;
        let mut right = (self.factory)(&key)?;
        let answer = right.next(&mut self.right_batch)?;
        let each = ANSWER_BYTES + key.len() * size_of::<u64>();
        if !self.account.set((self.answers.len() + 1) * each * 2) {
            self.answers.clear();
        }
        self.answers.insert(key, answer);
        Ok(answer)
    }
}

impl Operator for PerRow {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.output.columns.len());
        while self.left.next(&mut self.left_batch)? {
            let mut matched = Vec::with_capacity(self.left_batch.len());
            for row in 0..self.left_batch.len() {
                matched.push(self.has_partner(row)?);
            }
            self.output.give_left(&self.left_batch, &matched, batch);
            if !batch.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Makes the operator of one graph.
pub(crate) type GraphFactory = Box<dyn FnMut(u64) -> Result<BoxedOperator, QueryError> + Send>;

/// An operator once for each named graph.
pub(crate) struct EachGraph {
    execution: Arc<Execution>,
    /// The names of the graphs, in a single column.
    graphs: BoxedOperator,
    factory: GraphFactory,
    /// The column of the inner rows that the name is joined with, if they have it.
    bound: Option<usize>,
    /// Where each column comes from; `None` is the name.
    columns: Vec<Option<usize>>,
    names: Batch,
    next_name: usize,
    current: Option<(u64, BoxedOperator)>,
    inner: Batch,
}

impl EachGraph {
    pub(crate) fn new(
        execution: Arc<Execution>,
        graphs: BoxedOperator,
        factory: GraphFactory,
        bound: Option<usize>,
        columns: Vec<Option<usize>>,
    ) -> Self {
        Self {
            execution,
            graphs,
            factory,
            bound,
            columns,
            names: Batch::default(),
            next_name: 0,
            current: None,
            inner: Batch::default(),
        }
    }

    /// Goes on to the next graph; false when there are no more.
    fn advance(&mut self) -> Result<bool, QueryError> {
        if self.next_name >= self.names.len() {
            self.next_name = 0;
            if !self.graphs.next(&mut self.names)? {
                return Ok(false);
            }
        }
        let name = self.names.value(self.next_name, 0);
        self.next_name += 1;
        self.current = Some((name, (self.factory)(name)?));
        Ok(true)
    }

    /// Gives the rows of a graph whose own idea of its name does not differ.
    fn give(&self, name: u64, batch: &mut Batch) {
        let agrees = |row: &usize| {
            self.bound
                .map(|column| self.inner.value(*row, column))
                .is_none_or(|value| value == UNBOUND || value == name)
        };
        let rows: Vec<usize> = (0..self.inner.len()).filter(agrees).collect();
        batch.append_with(rows.len(), |column, values| match self.columns[column] {
            Some(column) => {
                let source = self.inner.column(column);
                values.extend(rows.iter().map(|row| source[*row]));
            }
            None => values.extend(rows.iter().map(|_| name)),
        });
    }
}

impl Operator for EachGraph {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.columns.len());
        loop {
            self.execution.check()?;
            let Some((name, inner)) = &mut self.current else {
                if !self.advance()? {
                    return Ok(false);
                }
                continue;
            };
            let name = *name;
            if !inner.next(&mut self.inner)? {
                self.current = None;
                continue;
            }
            self.give(name, batch);
            if !batch.is_empty() {
                return Ok(true);
            }
        }
    }
}
