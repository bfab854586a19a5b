//! What joins share: where the columns of joined rows come from, and which left rows are due without a partner.

use super::filter::BoxedFilter;
use crate::batch::{Batch, UNBOUND};
use crate::error::QueryError;
use crate::plan::JoinKind;

/// Where a column of the joined rows comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Left(usize),
    Right(usize),
    /// A column of both, which may be unbound on one side.
    Either(usize, usize),
    /// Whether the left row has a partner.
    Mark,
}

/// The columns of the joined rows, and the ids of false and true.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub(crate) kind: JoinKind,
    pub(crate) columns: Vec<Side>,
    pub(crate) marks: [u64; 2],
}

impl Output {
    /// Whether pairs of rows are given.
    pub(crate) fn gives_pairs(&self) -> bool {
        matches!(self.kind, JoinKind::Inner | JoinKind::Left)
    }

    /// Appends pairs of rows.
    pub(crate) fn give_pairs(
        &self,
        left: &Batch,
        right: &Batch,
        pairs: &[(usize, usize)],
        batch: &mut Batch,
    ) {
        batch.append_with(pairs.len(), |column, values| match self.columns[column] {
            Side::Left(column) => {
                let source = left.column(column);
                values.extend(pairs.iter().map(|(left, _)| source[*left]));
            }
            Side::Right(column) => {
                let source = right.column(column);
                values.extend(pairs.iter().map(|(_, right)| source[*right]));
            }
            Side::Either(first, second) => {
                let (first, second) = (left.column(first), right.column(second));
                let value = |(left, right): &(usize, usize)| match first[*left] {
                    UNBOUND => second[*right],
                    value => value,
                };
                values.extend(pairs.iter().map(value));
            }
            Side::Mark => values.resize(values.len() + pairs.len(), self.marks[1]),
        });
    }

    /// Appends the left rows that are due by what is known of their partners.
    pub(crate) fn give_left(&self, left: &Batch, matched: &[bool], batch: &mut Batch) {
        let wanted = |matched: bool| match self.kind {
            JoinKind::Inner => false,
            JoinKind::Left | JoinKind::Anti | JoinKind::Minus => !matched,
            JoinKind::Semi => matched,
            JoinKind::Mark(_) => true,
        };
        let rows: Vec<usize> = (0..left.len())
            .filter(|row| wanted(matched[*row]))
            .collect();
        batch.append_with(rows.len(), |column, values| match self.columns[column] {
            Side::Left(column) | Side::Either(column, _) => {
                let source = left.column(column);
                values.extend(rows.iter().map(|row| source[*row]));
            }
            Side::Right(_) => values.resize(values.len() + rows.len(), UNBOUND),
            Side::Mark => {
                let mark = |row: &usize| self.marks[usize::from(matched[*row])];
                values.extend(rows.iter().map(mark));
            }
        });
    }
}

/// A condition on pairs of rows, over all columns of the left row and then all of the right one.
pub(crate) struct PairFilter {
    filter: Option<BoxedFilter>,
    joined: Batch,
    mask: Vec<bool>,
}

impl PairFilter {
    /// Without a condition, every pair passes.
    pub(crate) fn new(filter: Option<BoxedFilter>) -> Self {
        Self {
            filter,
            joined: Batch::default(),
            mask: Vec::new(),
        }
    }

    /// Whether there is a condition.
    pub(crate) fn is_some(&self) -> bool {
        self.filter.is_some()
    }

    /// Drops the pairs that do not pass.
    ///
    /// # Errors
    /// What reading terms fails with.
    pub(crate) fn apply(
        &mut self,
        left: &Batch,
        right: &Batch,
        pairs: &mut Vec<(usize, usize)>,
    ) -> Result<(), QueryError> {
        let Some(filter) = self.filter.as_mut().filter(|_| !pairs.is_empty()) else {
            return Ok(());
        };
        self.joined.reset(left.width() + right.width());
        let of_pairs: &[(usize, usize)] = pairs;
        self.joined.append_with(of_pairs.len(), |column, values| {
            match column.checked_sub(left.width()) {
                None => {
                    let source = left.column(column);
                    values.extend(of_pairs.iter().map(|(row, _)| source[*row]));
                }
                Some(column) => {
                    let source = right.column(column);
                    values.extend(of_pairs.iter().map(|(_, row)| source[*row]));
                }
            }
        });
        filter.keep(&self.joined, &mut self.mask)?;
        let mut row = 0;
        pairs.retain(|_| {
            row += 1;
            self.mask[row - 1]
        });
        Ok(())
    }
}
