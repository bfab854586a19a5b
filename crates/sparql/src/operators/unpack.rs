//! The parts of triple terms.
//!
//! What flows in: rows with triple terms in a column. What flows out: those rows whose triple term has the wanted parts,
//! with the parts that were asked for. What always holds: a part that a column holds already is compared with it.

use super::{BoxedOperator, Operator};
use crate::batch::{Batch, UNBOUND};
use crate::error::QueryError;
use crate::execution::Execution;
use oxrdf::Term;
use std::sync::Arc;

/// What a part of a triple term must be, or where it goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// This id.
    Constant(u64),
    /// What stands in this column of the input.
    Column(usize),
    /// What the part before it with this number is: the same variable twice.
    Same(usize),
    /// A new value.
    New,
}

/// Unpacks the triple terms of a column.
pub(crate) struct Unpack {
    execution: Arc<Execution>,
    input: BoxedOperator,
    triple: usize,
    parts: [Part; 3],
    /// The columns of the output: of the input, or the numbers of parts.
    columns: Vec<Unpacked>,
    rows: Batch,
}

/// Where a column comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unpacked {
    Input(usize),
    Part(usize),
}

impl Unpack {
    pub(crate) fn new(
        execution: Arc<Execution>,
        input: BoxedOperator,
        triple: usize,
        parts: [Part; 3],
        columns: Vec<Unpacked>,
    ) -> Self {
        Self {
            execution,
            input,
            triple,
            parts,
            columns,
            rows: Batch::default(),
        }
    }

    /// The parts of the triple term of a row, if they are as wanted.
    fn unpacked(&self, row: usize) -> Result<Option<[u64; 3]>, QueryError> {
        let id = self.rows.value(row, self.triple);
        let explain = |error| self.execution.explain(error);
        let Some(Term::Triple(triple)) = self.execution.terms.decode(id).map_err(explain)? else {
            return Ok(None);
        };
        let terms = [
            triple.subject.into(),
            triple.predicate.into(),
            triple.object,
        ];
        let mut ids = [UNBOUND; 3];
        for (index, term) in terms.into_iter().enumerate() {
            let id = self.execution.terms.encode(term).map_err(explain)?;
            let fits = match self.parts[index] {
                Part::Constant(wanted) => wanted == id,
                Part::Column(column) => self.rows.value(row, column) == id,
                Part::Same(part) => ids[part] == id,
                Part::New => true,
            };
            if !fits {
                return Ok(None);
            }
            ids[index] = id;
        }
        Ok(Some(ids))
    }
}

impl Operator for Unpack {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.columns.len());
        while self.input.next(&mut self.rows)? {
            self.execution.check()?;
            for row in 0..self.rows.len() {
                let Some(parts) = self.unpacked(row)? else {
                    continue;
                };
                batch.push(self.columns.iter().map(|column| match column {
                    Unpacked::Input(column) => self.rows.value(row, *column),
                    Unpacked::Part(part) => parts[*part],
                }));
            }
            if !batch.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
