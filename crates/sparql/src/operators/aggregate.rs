//! The aggregates of groups: for each aggregate, what it has gathered for each group.
//!
//! What flows in: rows of values, each with the number of its group. What flows out: an id for each group. What always
//! holds: groups are numbered from 0 on without gaps; counts are plain numbers, one a group; distinct values are told by
//! one set for all groups, which may keep some aside until the [end](AggregateState::settle).

use super::distinct::DistinctRows;
use crate::batch::{Batch, UNBOUND};
use crate::error::QueryError;
use crate::execution::Execution;
use oxrdf::Literal;
use quadrille_store::TermId;
use std::sync::Arc;

/// What an aggregate has gathered for one group.
pub(crate) trait Accumulator: Send {
    /// Adds a value; [`UNBOUND`] stands for one that could not be computed.
    ///
    /// # Errors
    /// What decoding the term fails with.
    fn add(&mut self, id: u64) -> Result<(), QueryError>;

    /// The aggregate, [`UNBOUND`] when there is none.
    ///
    /// # Errors
    /// What encoding the term fails with.
    fn finish(&mut self) -> Result<u64, QueryError>;

    /// The bytes that it takes.
    fn bytes(&self) -> usize;
}

/// Makes an empty accumulator for each group.
pub(crate) type MakeAccumulator = Box<dyn Fn() -> Box<dyn Accumulator> + Send>;

/// An aggregate of `GROUP BY`.
pub(crate) struct GroupAggregate {
    pub(crate) function: AggregateFunction,
    /// Whether equal values of a group count once.
    pub(crate) distinct: bool,
    /// The columns of the values. `COUNT(*)` has none, `COUNT(DISTINCT *)` has all that are in scope, any other has one.
    pub(crate) columns: Vec<usize>,
}

/// How values become an aggregate.
pub(crate) enum AggregateFunction {
    /// The number of values that are bound; that of all rows when there is not one column of values.
    Count,
    Other(MakeAccumulator),
}

/// The state of one aggregate for all groups.
pub(crate) struct AggregateState {
    values: Values,
    distinct: Option<Box<Distinct>>,
    width: usize,
}

enum Values {
    Counts(Vec<u64>),
    Other {
        make: MakeAccumulator,
        accumulators: Vec<Box<dyn Accumulator>>,
        /// What an accumulator takes without values.
        empty_bytes: usize,
        /// What the values have added to that, in all groups.
        gathered_bytes: usize,
    },
}

struct Distinct {
    /// The group, then the values.
    seen: DistinctRows,
    rows: Vec<u64>,
    mask: Vec<bool>,
}

impl AggregateState {
    pub(crate) fn new(
        function: AggregateFunction,
        distinct: bool,
        width: usize,
        execution: &Arc<Execution>,
    ) -> Self {
        let values = match function {
            AggregateFunction::Count => Values::Counts(Vec::new()),
            AggregateFunction::Other(make) => Values::Other {
                empty_bytes: make().bytes(),
                make,
                accumulators: Vec::new(),
                gathered_bytes: 0,
            },
        };
        let distinct = distinct.then(|| {
            Box::new(Distinct {
                seen: DistinctRows::new(1 + width, Arc::clone(execution)),
                rows: Vec::new(),
                mask: Vec::new(),
            })
        });
        Self {
            values,
            distinct,
            width,
        }
    }

    /// Takes room for so many groups.
    pub(crate) fn reserve(&mut self, groups: usize) {
        match &mut self.values {
            Values::Counts(counts) => {
                counts.reserve_exact(groups.saturating_sub(counts.len()));
            }
            Values::Other { accumulators, .. } => {
                accumulators.reserve_exact(groups.saturating_sub(accumulators.len()));
            }
        }
    }

    /// Has this many groups from now on; never fewer than before.
    pub(crate) fn resize(&mut self, groups: usize) {
        match &mut self.values {
            Values::Counts(counts) => counts.resize(groups, 0),
            Values::Other {
                make, accumulators, ..
            } => accumulators.resize_with(groups, make),
        }
    }

    /// The bytes that so many groups take before any row; the set of distinct values has an account of its own.
    pub(crate) fn bytes_of_groups(&self, groups: usize) -> usize {
        let one = match &self.values {
            Values::Counts(_) => size_of::<u64>(),
            Values::Other { empty_bytes, .. } => size_of::<Box<dyn Accumulator>>() + empty_bytes,
        };
        groups.saturating_mul(one)
    }

    /// What has come to the groups since by their rows.
    pub(crate) fn gathered_bytes(&self) -> usize {
        match &self.values {
            Values::Counts(_) => 0,
            Values::Other { gathered_bytes, .. } => *gathered_bytes,
        }
    }

    /// Adds the rows of a batch from `start` on, whose groups are given; [`NO_GROUP`] is no group's row.
    pub(crate) fn add(
        &mut self,
        batch: &Batch,
        start: usize,
        columns: &[usize],
        groups: &[u32],
    ) -> Result<(), QueryError> {
        let Some(distinct) = &mut self.distinct else {
            let column = match columns {
                [column] => Some(&batch.column(*column)[start..]),
                _ => None,
            };
            return self.values.add(column, groups);
        };
        distinct.mark(batch, start, columns, groups)?;
        let rows = distinct.rows.chunks_exact(1 + self.width);
        for (row, _) in rows.zip(&distinct.mask).filter(|(_, new)| **new) {
            self.values.add_row(row)?;
        }
        Ok(())
    }

    /// Adds the distinct values that were kept aside. After it no row may be added before the groups are
    /// [cleared](Self::clear).
    pub(crate) fn settle(&mut self) -> Result<(), QueryError> {
        let Some(distinct) = &mut self.distinct else {
            return Ok(());
        };
        let mut batch = Batch::default();
        let mut row = Vec::new();
        while distinct.seen.next_kept(&mut batch)? {
            for number in 0..batch.len() {
                row.clear();
                row.extend(batch.row(number));
                self.values.add_row(&row)?;
            }
        }
        Ok(())
    }

    /// The aggregate of a group.
    pub(crate) fn finish(
        &mut self,
        group: usize,
        execution: &Execution,
    ) -> Result<u64, QueryError> {
        match &mut self.values {
            Values::Counts(counts) => {
                id_of_count(counts.get(group).copied().unwrap_or_default(), execution)
            }
            Values::Other { accumulators, .. } => match accumulators.get_mut(group) {
                Some(accumulator) => accumulator.finish(),
                None => Ok(UNBOUND),
            },
        }
    }

    /// Whether it counts, without telling values apart: what it keeps of a group does not grow with its rows.
    pub(crate) fn is_plain_count(&self) -> bool {
        self.distinct.is_none() && matches!(self.values, Values::Counts(_))
    }

    /// Forgets all groups but the last, which is the first from now on; of a [plain count](Self::is_plain_count).
    pub(crate) fn keep_last(&mut self) {
        if let Values::Counts(counts) = &mut self.values {
            counts.drain(..counts.len().saturating_sub(1));
        }
    }

    /// Forgets all groups.
    pub(crate) fn clear(&mut self) {
        match &mut self.values {
            Values::Counts(counts) => counts.clear(),
            Values::Other {
                accumulators,
                gathered_bytes,
                ..
            } => {
                accumulators.clear();
                *gathered_bytes = 0;
            }
        }
    }
}

/// The id of a number of rows.
///
/// # Errors
/// What encoding the term fails with.
pub(crate) fn id_of_count(count: u64, execution: &Execution) -> Result<u64, QueryError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    match TermId::of_integer(count) {
        Some(id) => Ok(id.raw()),
        None => {
            let id = execution.terms.encode(Literal::from(count).into());
            id.map_err(|error| execution.explain(error))
        }
    }
}

/// The group of a row that belongs to none.
pub(crate) const NO_GROUP: u32 = u32::MAX;

impl Values {
    fn add(&mut self, column: Option<&[u64]>, groups: &[u32]) -> Result<(), QueryError> {
        match (self, column) {
            (Self::Counts(counts), None) => {
                for group in groups {
                    if let Some(count) = counts.get_mut(*group as usize) {
                        *count += 1;
                    }
                }
            }
            (Self::Counts(counts), Some(values)) => {
                for (group, value) in groups.iter().zip(values) {
                    if let Some(count) = counts.get_mut(*group as usize) {
                        *count += u64::from(*value != UNBOUND);
                    }
                }
            }
            (values, Some(column)) => {
                for (group, value) in groups.iter().zip(column) {
                    values.add_one(Some(*value), *group as usize)?;
                }
            }
            (values, None) => {
                for group in groups {
                    values.add_one(None, *group as usize)?;
                }
            }
        }
        Ok(())
    }

    /// Adds a row of a group and its values.
    fn add_row(&mut self, row: &[u64]) -> Result<(), QueryError> {
        match row {
            [group, value] => self.add_one(Some(*value), *group as usize),
            [group, ..] => self.add_one(None, *group as usize),
            [] => Ok(()),
        }
    }

    #[inline]
    fn add_one(&mut self, value: Option<u64>, group: usize) -> Result<(), QueryError> {
        match self {
            Self::Counts(counts) => {
                if let Some(count) = counts.get_mut(group) {
                    *count += u64::from(value != Some(UNBOUND));
                }
            }
            Self::Other {
                accumulators,
                gathered_bytes,
                ..
            } => {
                if let Some(accumulator) = accumulators.get_mut(group) {
                    let before = accumulator.bytes();
                    accumulator.add(value.unwrap_or(UNBOUND))?;
                    *gathered_bytes =
                        (*gathered_bytes + accumulator.bytes()).saturating_sub(before);
                }
            }
        }
        Ok(())
    }
}

impl Distinct {
    /// Takes the rows that belong to a group, and marks those whose values are new in it.
    fn mark(
        &mut self,
        batch: &Batch,
        start: usize,
        columns: &[usize],
        groups: &[u32],
    ) -> Result<(), QueryError> {
        self.rows.clear();
        self.mask.clear();
        for (row, group) in groups.iter().enumerate() {
            if *group != NO_GROUP {
                self.rows.push(u64::from(*group));
                let values = columns
                    .iter()
                    .map(|&column| batch.value(start + row, column));
                self.rows.extend(values);
                self.mask.push(false);
            }
        }
        self.seen.mark_new(&self.rows, &mut self.mask)
    }
}
