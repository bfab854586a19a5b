//! Plans that are run again and again, from the rows of another: once a batch, once a row, once a graph.
//!
//! What flows in: left rows, and a way to make the right operator from them. What flows out: rows of both, or left rows
//! that have a partner or none. What always holds: a right operator is made when it is needed and dropped at its end.

use super::{BoxedOperator, Operator};
use crate::batch::{Batch, UNBOUND};
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use crate::plan::JoinKind;
use std::collections::HashMap;
use std::sync::Arc;

/// The rows of one batch, and then no more.
pub(crate) struct OneBatch {
    batch: Option<Batch>,
    width: usize,
}

impl OneBatch {
    pub(crate) fn new(batch: Batch) -> Self {
        Self {
            width: batch.width(),
            batch: Some(batch),
        }
    }
}

impl Operator for OneBatch {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.width);
        if let Some(rows) = self.batch.take() {
            *batch = rows;
        }
        Ok(!batch.is_empty())
    }
}

/// Makes the right operator for a batch of left rows; their numbers are for the operator to carry along.
pub(crate) type BatchFactory = Box<dyn FnMut(&Batch) -> Result<BoxedOperator, QueryError> + Send>;

/// Where a column of the joined rows comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin {
    /// A column of the left rows.
    Left(usize),
    /// The right rows: unbound in left rows without a partner.
    Right,
    /// Whether the left row has a partner.
    Mark,
}

/// The right operator once for each batch of left rows.
pub(crate) struct PerBatch {
    execution: Arc<Execution>,
    kind: JoinKind,
    left: BoxedOperator,
    factory: BatchFactory,
    /// The columns of the rows that come from the right operator, and then those of left rows.
    of_right: Vec<usize>,
    of_left: Vec<Origin>,
    /// The column of the right rows with the number of the left row.
    number: usize,
    /// The ids of false and true.
    marks: [u64; 2],
    left_batch: Batch,
    matched: Vec<bool>,
    right: Option<BoxedOperator>,
    right_batch: Batch,
}

/// What a [`PerBatch`] is made of.
pub(crate) struct PerBatchParts {
    pub(crate) kind: JoinKind,
    pub(crate) left: BoxedOperator,
    pub(crate) factory: BatchFactory,
    pub(crate) of_right: Vec<usize>,
    pub(crate) of_left: Vec<Origin>,
    pub(crate) number: usize,
    pub(crate) marks: [u64; 2],
}

impl PerBatch {
    pub(crate) fn new(execution: Arc<Execution>, parts: PerBatchParts) -> Self {
        Self {
            execution,
            kind: parts.kind,
            left: parts.left,
            factory: parts.factory,
            of_right: parts.of_right,
            of_left: parts.of_left,
            number: parts.number,
            marks: parts.marks,
            left_batch: Batch::default(),
            matched: Vec::new(),
            right: None,
            right_batch: Batch::default(),
        }
    }

    /// Whether the rows of the right operator are given.
    fn gives_right(&self) -> bool {
        matches!(self.kind, JoinKind::Inner | JoinKind::Left)
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
        if !self.gives_right() && self.matched.iter().all(|matched| *matched) {
            self.right = None;
        }
        Ok(true)
    }

    /// Gives the left rows that are due when the right operator has ended.
    fn give_left(&self, batch: &mut Batch) {
        let wanted = |matched: bool| match self.kind {
            JoinKind::Inner => false,
            JoinKind::Left | JoinKind::Anti | JoinKind::Minus => !matched,
            JoinKind::Semi => matched,
            JoinKind::Mark(_) => true,
        };
        let rows: Vec<usize> = (0..self.left_batch.len())
            .filter(|row| wanted(self.matched[*row]))
            .collect();
        batch.append_with(rows.len(), |column, values| match self.of_left[column] {
            Origin::Left(column) => {
                let source = self.left_batch.column(column);
                values.extend(rows.iter().map(|row| source[*row]));
            }
            Origin::Right => values.extend(rows.iter().map(|_| UNBOUND)),
            Origin::Mark => {
                let mark = |row: &usize| self.marks[usize::from(self.matched[*row])];
                values.extend(rows.iter().map(mark));
            }
        });
    }
}

impl Operator for PerBatch {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.of_left.len());
        loop {
            self.execution.check()?;
            while self.advance_right()? {
                if self.gives_right() {
                    let (right, columns) = (&self.right_batch, &self.of_right);
                    batch.append_with(right.len(), |column, values| {
                        values.extend_from_slice(right.column(columns[column]));
                    });
                    return Ok(true);
                }
            }
            if !self.left_batch.is_empty() {
                self.give_left(batch);
                self.left_batch.clear();
                if !batch.is_empty() {
                    return Ok(true);
                }
            }
            if !self.left.next(&mut self.left_batch)? {
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
    kind: JoinKind,
    left: BoxedOperator,
    shared: Vec<usize>,
    factory: RowFactory,
    /// Where each column comes from; none from the right.
    columns: Vec<Origin>,
    marks: [u64; 2],
    answers: HashMap<Vec<u64>, bool>,
    account: Account,
    left_batch: Batch,
    right_batch: Batch,
}

/// What a [`PerRow`] is made of.
pub(crate) struct PerRowParts {
    pub(crate) kind: JoinKind,
    pub(crate) left: BoxedOperator,
    pub(crate) shared: Vec<usize>,
    pub(crate) factory: RowFactory,
    pub(crate) columns: Vec<Origin>,
    pub(crate) marks: [u64; 2],
}

impl PerRow {
    pub(crate) fn new(execution: Arc<Execution>, parts: PerRowParts) -> Self {
        Self {
            account: execution.memory.account(),
            execution,
            kind: parts.kind,
            left: parts.left,
            shared: parts.shared,
            factory: parts.factory,
            columns: parts.columns,
            marks: parts.marks,
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
        batch.reset(self.columns.len());
        while self.left.next(&mut self.left_batch)? {
            let mut rows = Vec::with_capacity(self.left_batch.len());
            let mut marks = Vec::new();
            for row in 0..self.left_batch.len() {
                let partner = self.has_partner(row)?;
                let wanted = match self.kind {
                    JoinKind::Semi | JoinKind::Inner | JoinKind::Left => partner,
                    JoinKind::Anti | JoinKind::Minus => !partner,
                    JoinKind::Mark(_) => true,
                };
                if wanted {
                    rows.push(row);
                    marks.push(self.marks[usize::from(partner)]);
                }
            }
            let left = &self.left_batch;
            batch.append_with(rows.len(), |column, values| match self.columns[column] {
                Origin::Left(column) => {
                    let source = left.column(column);
                    values.extend(rows.iter().map(|row| source[*row]));
                }
                Origin::Right => values.extend(rows.iter().map(|_| UNBOUND)),
                Origin::Mark => values.extend_from_slice(&marks),
            });
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
