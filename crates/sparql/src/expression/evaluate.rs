//! The evaluation of compiled expressions, row by row of a batch.
//!
//! What flows in: batches. What flows out: masks and ids. What always holds: terms are decoded only where their ids do not
//! tell enough, and then those of the next rows with them; what is remembered has a bound.

use super::Compiled;
use super::arithmetic::{calculate, negated, signed};
use super::functions::Functions;
use super::ids::{Exact, IdMap, IdSet, ids_compare, ids_equal};
use super::labels::RowLabels;
use super::value::Value;
use crate::batch::{Batch, UNBOUND};
use crate::error::QueryError;
use crate::execution::Execution;
use oxrdf::Term;
use oxsdatatypes::DateTime;
use quadrille_store::TermId;
use std::sync::Arc;

/// How many decoded values are remembered.
const VALUES_MAX: usize = 4096;

/// How many ids are remembered with what a part gives for them.
const RESULTS_MAX: usize = 64 * 1024;

/// Longer values are not remembered with the ids that they were made of.
const RESULT_TEXT_MAX: usize = 256;

/// How many bytes of text the decoded values may have before they are forgotten.
const VALUES_TEXT_MAX: usize = 8 << 20;

/// After how many rows it is asked whether the run may go on.
const ROWS_BETWEEN_CHECKS: usize = 64;

/// How many rows ahead values are decoded.
const AHEAD: usize = 512;

/// The value of a part of an expression.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    /// A term by its id, which may not be decoded yet.
    Id(u64),
    Value(Value),
}

/// Evaluates one expression.
pub(crate) struct Evaluator {
    compiled: Compiled,
    context: Context,
    /// Whether the labels of a batch are those of another expression below.
    keeps_labels: bool,
}

/// What the evaluation of all parts shares.
pub(super) struct Context {
    pub(super) execution: Arc<Execution>,
    values: IdMap<Value>,
    /// How many bytes of text they have.
    values_text: usize,
    /// What the parts gave that are remembered, by their numbers.
    results: Vec<Results>,
    pub(super) functions: Functions,
    /// The blank nodes that labels stand for in the rows of the batch at hand.
    pub(super) labels: RowLabels,
    /// The row at hand.
    pub(super) row: usize,
}

/// What a part gave, by the ids of the column that it depends on.
#[derive(Default)]
struct Results {
    truths: IdMap<Option<bool>>,
    operands: IdMap<Option<Operand>>,
}

impl Evaluator {
    /// Prepares the evaluation of an expression.
    ///
    /// # Errors
    /// What reading and encoding constants fails with.
    pub(crate) fn new(
        mut compiled: Compiled,
        execution: Arc<Execution>,
    ) -> Result<Self, QueryError> {
        let mut context = Context {
            execution,
            values: IdMap::default(),
            values_text: 0,
            results: Vec::new(),
            functions: Functions::default(),
            labels: RowLabels::default(),
            row: 0,
        };
        if !context.execution.as_written {
            compiled.prepare(&mut context)?;
        }
        Ok(Self {
            compiled,
            context,
            keeps_labels: false,
        })
    }

    /// Shares the nodes of labels with other expressions over the same rows. One that is not the first of them is evaluated
    /// after them for each batch, and `keeps` what they left.
    pub(crate) fn with_labels(mut self, labels: RowLabels, keeps: bool) -> Self {
        self.context.labels = labels;
        self.keeps_labels = keeps;
        self
    }

    fn begin_batch(&self) {
        if !self.keeps_labels {
            self.context.labels.clear();
        }
    }

    /// The id that the expression gives for each row, if it reads no row.
    pub(super) fn constant(&self) -> Option<u64> {
        match self.compiled {
            Compiled::Constant(id) => Some(id),
            _ => None,
        }
    }

    /// The expression as it is evaluated.
    #[cfg(test)]
    pub(super) fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// Takes the mark off rows that do not pass: their effective boolean value is not true. Others are not looked at.
    ///
    /// # Errors
    /// What reading terms fails with.
    pub(crate) fn filter(&mut self, batch: &Batch, mask: &mut [bool]) -> Result<(), QueryError> {
        self.begin_batch();
        for (row, kept) in mask.iter_mut().enumerate() {
            if row % ROWS_BETWEEN_CHECKS == 0 {
                self.context.execution.check()?;
            }
            if *kept {
                self.context.row = row;
                let truth = self.context.truth(&self.compiled, batch, row)?;
                *kept = truth == Some(true);
            }
        }
        Ok(())
    }

    /// Sets the values to the ids of the results, unbound where there is an error.
    ///
    /// # Errors
    /// What reading terms fails with.
    pub(crate) fn values(
        &mut self,
        batch: &Batch,
        values: &mut Vec<u64>,
    ) -> Result<(), QueryError> {
        self.begin_batch();
        values.clear();
        for row in 0..batch.len() {
            if row % ROWS_BETWEEN_CHECKS == 0 {
                self.context.execution.check()?;
            }
            self.context.row = row;
            values.push(self.context.encoded(&self.compiled, batch, row)?);
        }
        Ok(())
    }
}

impl Context {
    /// The effective boolean value of an expression; `None` is an error.
    fn truth(
        &mut self,
        compiled: &Compiled,
        batch: &Batch,
        row: usize,
    ) -> Result<Option<bool>, QueryError> {
        Ok(match compiled {
            Compiled::Or(left, right) => {
                let left = self.truth(left, batch, row)?;
                if left == Some(true) {
                    return Ok(left);
                }
                match (left, self.truth(right, batch, row)?) {
                    (_, Some(true)) => Some(true),
                    (Some(false), right) => right,
                    _ => None,
                }
            }
            Compiled::And(left, right) => {
                let left = self.truth(left, batch, row)?;
                if left == Some(false) {
                    return Ok(left);
                }
                match (left, self.truth(right, batch, row)?) {
                    (_, Some(false)) => Some(false),
                    (Some(true), right) => right,
                    _ => None,
                }
            }
            Compiled::Not(inner) => self.truth(inner, batch, row)?.map(|truth| !truth),
            Compiled::Equal(left, right) | Compiled::SameTerm(left, right) => {
                self.compared(compiled, left, right, batch, row)?
            }
            Compiled::Compare(_, left, right) => {
                self.compared(compiled, left, right, batch, row)?
            }
            Compiled::In { left, list, exact } => self.is_in((left, list, exact), batch, row)?,
            Compiled::Remembered {
                column,
                number,
                inner,
            } => self.remembered_truth((*column, *number), inner, batch, row)?,
            Compiled::Bound(column) => {
                Some(column.is_some_and(|column| batch.value(row, column) != UNBOUND))
            }
            other => match self.operand(other, batch, row)? {
                Some(operand) => self.value(&operand)?.truth(),
                None => None,
            },
        })
    }

    pub(super) fn operand(
        &mut self,
        compiled: &Compiled,
        batch: &Batch,
        row: usize,
    ) -> Result<Option<Operand>, QueryError> {
        Ok(match compiled {
            Compiled::Constant(id) => Some(Operand::Id(*id)),
            Compiled::Column(column) => Some(batch.value(row, *column))
                .filter(|id| *id != UNBOUND)
                .map(Operand::Id),
            Compiled::Unbound => None,
            Compiled::Or(..)
            | Compiled::And(..)
            | Compiled::Not(_)
            | Compiled::Equal(..)
            | Compiled::SameTerm(..)
            | Compiled::Compare(..)
            | Compiled::In { .. }
            | Compiled::Bound(_) => self
                .truth(compiled, batch, row)?
                .map(|truth| Operand::Value(Value::Boolean(truth))),
            Compiled::Arithmetic(operator, left, right) => {
                let Some((left, right)) = self.two(left, right, batch, row)? else {
                    return Ok(None);
                };
                let (left, right) = (self.value(&left)?, self.value(&right)?);
                calculate(*operator, &left, &right).map(Operand::Value)
            }
            Compiled::Signed(inner) => match self.operand(inner, batch, row)? {
                Some(operand) => signed(self.value(&operand)?).map(Operand::Value),
                None => None,
            },
            Compiled::Negated(inner) => match self.operand(inner, batch, row)? {
                Some(operand) => negated(&self.value(&operand)?).map(Operand::Value),
                None => None,
            },
            Compiled::If(condition, then, otherwise) => match self.truth(condition, batch, row)? {
                Some(true) => self.operand(then, batch, row)?,
                Some(false) => self.operand(otherwise, batch, row)?,
                None => None,
            },
            Compiled::Coalesce(list) => {
                for part in list {
                    let operand = self.operand(part, batch, row)?;
                    if operand.is_some() {
                        return Ok(operand);
                    }
                }
                None
            }
            Compiled::Call(function, arguments) => self.call(function, arguments, batch, row)?,
            Compiled::Remembered {
                column,
                number,
                inner,
            } => self.remembered_operand((*column, *number), inner, batch, row)?,
            Compiled::Custom(function, arguments) => {
                self.custom_call(function, arguments, batch, row)?
            }
        })
    }

    /// Whether two parts compare as a comparison has it.
    fn compared(
        &mut self,
        comparison: &Compiled,
        left: &Compiled,
        right: &Compiled,
        batch: &Batch,
        row: usize,
    ) -> Result<Option<bool>, QueryError> {
        let Some(operands) = self.two(left, right, batch, row)? else {
            return Ok(None);
        };
        let pair = (&operands.0, &operands.1);
        Ok(match comparison {
            Compiled::Compare(comparison, ..) => match told(pair, ids_compare) {
                Some(ordering) => Some(ordering.is_some_and(|it| comparison.holds(it))),
                None => {
                    self.decode_ahead([left, right], batch, row)?;
                    let (left, right) = (self.value(pair.0)?, self.value(pair.1)?);
                    match left.compare(&right) {
                        Some(ordering) => Some(comparison.holds(ordering)),
                        // What is not a number is neither less nor more than a number (XPath, section 4.3.2).
                        None => (left.is_numeric() && right.is_numeric()).then_some(false),
                    }
                }
            },
            Compiled::Equal(..) => match told(pair, ids_equal) {
                None => {
                    self.decode_ahead([left, right], batch, row)?;
                    self.equals(pair.0, pair.1)?
                }
                told => told,
            },
            _ => Some(self.id(operands.0)? == self.id(operands.1)?),
        })
    }

    /// The truth value of a part that is remembered by a column's ids, under a number.
    fn remembered_truth(
        &mut self,
        (column, number): (usize, usize),
        inner: &Compiled,
        batch: &Batch,
        row: usize,
    ) -> Result<Option<bool>, QueryError> {
        let id = batch.value(row, column);
        if TermId::from_raw(id).is_inlined() {
            // To compute it again costs less than to remember it.
            return self.truth(inner, batch, row);
        }
        if let Some(truth) = self.results(number).truths.get(&id) {
            return Ok(*truth);
        }
        self.decode_column_ahead(column, Some(number), batch, row)?;
        let truth = self.truth(inner, batch, row)?;
        let truths = &mut self.results(number).truths;
        if truths.len() >= RESULTS_MAX {
            truths.clear();
        }
        truths.insert(id, truth);
        Ok(truth)
    }

    /// The value of such a part.
    fn remembered_operand(
        &mut self,
        (column, number): (usize, usize),
        inner: &Compiled,
        batch: &Batch,
        row: usize,
    ) -> Result<Option<Operand>, QueryError> {
        let id = batch.value(row, column);
        if TermId::from_raw(id).is_inlined() {
            return self.operand(inner, batch, row);
        }
        if let Some(operand) = self.results(number).operands.get(&id) {
            return Ok(operand.clone());
        }
        self.decode_column_ahead(column, Some(number), batch, row)?;
        let operand = self.operand(inner, batch, row)?;
        self.remember(number, id, operand.clone());
        Ok(operand)
    }

    /// The id of a value, unbound for an error.
    fn encoded(
        &mut self,
        compiled: &Compiled,
        batch: &Batch,
        row: usize,
    ) -> Result<u64, QueryError> {
        let id = match self.operand(compiled, batch, row)? {
            None => return Ok(UNBOUND),
            Some(Operand::Id(id)) => return Ok(id),
            Some(operand) => self.id(operand)?,
        };
        // From now on the id is given, not made anew.
        if let Compiled::Remembered { column, number, .. } = compiled {
            let read = batch.value(row, *column);
            if TermId::from_raw(read).is_inlined() {
                return Ok(id);
            }
            self.remember(*number, read, Some(Operand::Id(id)));
        }
        Ok(id)
    }

    fn results(&mut self, number: usize) -> &mut Results {
        if self.results.len() <= number {
            self.results.resize_with(number + 1, Results::default);
        }
        &mut self.results[number]
    }

    fn remember(&mut self, number: usize, id: u64, operand: Option<Operand>) {
        if let Some(Operand::Value(value)) = &operand
            && value.text_bytes() > RESULT_TEXT_MAX
        {
            return;
        }
        let operands = &mut self.results(number).operands;
        if operands.len() >= RESULTS_MAX {
            operands.clear();
        }
        operands.insert(id, operand);
    }

    /// Decodes the values of the columns among two parts, from a row on.
    fn decode_ahead(
        &mut self,
        parts: [&Compiled; 2],
        batch: &Batch,
        row: usize,
    ) -> Result<(), QueryError> {
        for part in parts {
            if let Compiled::Column(column) = part {
                self.decode_column_ahead(*column, None, batch, row)?;
            }
        }
        Ok(())
    }

    /// Decodes the values of a column from a row on, if that of the row is not known: those for which a part's result is not
    /// remembered either.
    fn decode_column_ahead(
        &mut self,
        column: usize,
        number: Option<usize>,
        batch: &Batch,
        row: usize,
    ) -> Result<(), QueryError> {
        let column = batch.column(column);
        let needs = |id: u64| id != UNBOUND && Value::of_id(id).is_none();
        if !column
            .get(row)
            .is_some_and(|id| needs(*id) && !self.values.contains_key(id))
        {
            return Ok(());
        }
        let results = number.and_then(|number| self.results.get(number));
        let is_known = |id: u64| {
            results.is_some_and(|results| {
                results.truths.contains_key(&id) || results.operands.contains_key(&id)
            })
        };
        let mut ids: Vec<u64> = column[row..]
            .iter()
            .take(AHEAD)
            .copied()
            .filter(|id| needs(*id) && !self.values.contains_key(id) && !is_known(*id))
            .collect();
        ids.sort_unstable();
        ids.dedup();
        let terms = self.execution.terms.decode_all(&ids);
        let terms = terms.map_err(|error| self.execution.explain(error))?;
        self.make_room(ids.len());
        for (id, term) in ids.into_iter().zip(terms) {
            if let Some(term) = term {
                self.keep_value(id, Value::from(term));
            }
        }
        Ok(())
    }

    /// Forgets the decoded values, if there is no room for so many more.
    fn make_room(&mut self, more: usize) {
        if self.values.len() + more > VALUES_MAX || self.values_text > VALUES_TEXT_MAX {
            self.values.clear();
            self.values_text = 0;
        }
    }

    fn keep_value(&mut self, id: u64, value: Value) {
        self.values_text += value.text_bytes();
        self.values.insert(id, value);
    }

    fn two(
        &mut self,
        left: &Compiled,
        right: &Compiled,
        batch: &Batch,
        row: usize,
    ) -> Result<Option<(Operand, Operand)>, QueryError> {
        let Some(left) = self.operand(left, batch, row)? else {
            return Ok(None);
        };
        let right = self.operand(right, batch, row)?;
        Ok(right.map(|right| (left, right)))
    }

    fn is_in(
        &mut self,
        (left, list, exact): (&Compiled, &[Compiled], &IdSet),
        batch: &Batch,
        row: usize,
    ) -> Result<Option<bool>, QueryError> {
        let Some(left) = self.operand(left, batch, row)? else {
            return Ok(None);
        };
        if let Operand::Id(id) = left
            && !exact.is_empty()
            && Exact::of(id).is_some()
        {
            return Ok(Some(exact.contains(&id)));
        }
        let mut failed = false;
        for part in list {
            let equals = match self.operand(part, batch, row)? {
                Some(right) => self.equals(&left, &right)?,
                None => None,
            };
            match equals {
                Some(true) => return Ok(Some(true)),
                Some(false) => {}
                None => failed = true,
            }
        }
        Ok(if failed { None } else { Some(false) })
    }

    fn equals(&mut self, left: &Operand, right: &Operand) -> Result<Option<bool>, QueryError> {
        if let told @ Some(_) = told((left, right), ids_equal) {
            return Ok(told);
        }
        let (left, right) = (self.value(left)?, self.value(right)?);
        Ok(left.equals(&right))
    }

    pub(super) fn value(&mut self, operand: &Operand) -> Result<Value, QueryError> {
        match operand {
            Operand::Value(value) => Ok(value.clone()),
            Operand::Id(id) => self.value_of_id(*id),
        }
    }

    /// The value of a term by its id.
    pub(super) fn value_of_id(&mut self, id: u64) -> Result<Value, QueryError> {
        if let Some(value) = Value::of_id(id) {
            return Ok(value);
        }
        if let Some(value) = self.values.get(&id) {
            return Ok(value.clone());
        }
        let term = self.execution.terms.decode(id);
        let term = term.map_err(|error| self.execution.explain(error))?;
        let value = term.map_or_else(|| Value::String(String::new()), Value::from);
        self.make_room(1);
        self.keep_value(id, value.clone());
        Ok(value)
    }

    /// What `NOW` gives.
    pub(super) fn now(&self) -> DateTime {
        *self.execution.now.get_or_init(DateTime::now)
    }

    /// What `IRI` resolves against.
    pub(super) fn base_iri(&self) -> Option<&str> {
        self.execution.base_iri.as_deref()
    }

    /// The term as it stands in the store, not its value.
    pub(super) fn term(&self, operand: Operand) -> Result<Term, QueryError> {
        let id = match operand {
            Operand::Value(value) => return Ok(value.into_term()),
            Operand::Id(id) => id,
        };
        let term = self.execution.terms.decode(id);
        let term = term.map_err(|error| self.execution.explain(error))?;
        Ok(term.unwrap_or_else(|| Value::String(String::new()).into_term()))
    }

    pub(super) fn id(&self, operand: Operand) -> Result<u64, QueryError> {
        match operand {
            Operand::Id(id) => Ok(id),
            Operand::Value(value) => match value.inlined_id() {
                Some(id) => Ok(id),
                None => self.encode(value.into_term()),
            },
        }
    }

    pub(super) fn encode(&self, term: Term) -> Result<u64, QueryError> {
        self.execution
            .terms
            .encode(term)
            .map_err(|error| self.execution.explain(error))
    }
}

/// What the ids of two operands tell.
fn told<T>(operands: (&Operand, &Operand), tell: impl Fn(u64, u64) -> Option<T>) -> Option<T> {
    match operands {
        (Operand::Id(left), Operand::Id(right)) => tell(*left, *right),
        _ => None,
    }
}
