//! `OFFSET` and `LIMIT`.
//!
//! What flows in: rows in any order. What flows out: the same rows without the first ones, and no more than a number of
//! them. What always holds: the input is dropped with the last row that is given, and never asked again.

use super::{BoxedOperator, Operator};
use crate::batch::Batch;
use crate::error::QueryError;

/// Some of the rows of its input, by their place.
pub(crate) struct Slice {
    /// `None` when no more rows are wanted of it.
    input: Option<BoxedOperator>,
    width: usize,
    to_skip: u64,
    to_give: Option<u64>,
}

impl Slice {
    /// The rows from the `offset`-th on, counted from 0, at most `limit`; `None` is all.
    pub(crate) fn new(input: BoxedOperator, width: usize, offset: u64, limit: Option<u64>) -> Self {
        Self {
            input: Some(input).filter(|_| limit != Some(0)),
            width,
            to_skip: offset,
            to_give: limit,
        }
    }

    /// Takes from a batch what lies before the slice and behind it.
    fn cut(&mut self, batch: &mut Batch) {
        let skipped = count(self.to_skip, batch.len());
        batch.drop_first(skipped);
        self.to_skip -= skipped as u64;
        if let Some(to_give) = &mut self.to_give {
            batch.truncate(count(*to_give, batch.len()));
            *to_give -= batch.len() as u64;
        }
    }
}

/// The smaller of a number of rows wanted and those at hand.
fn count(wanted: u64, at_hand: usize) -> usize {
    usize::try_from(wanted).map_or(at_hand, |wanted| wanted.min(at_hand))
}

impl Operator for Slice {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        while let Some(input) = &mut self.input {
            if !input.next(batch)? {
                self.input = None;
                break;
            }
            self.cut(batch);
            if self.to_give == Some(0) {
                self.input = None;
            }
            if !batch.is_empty() {
                return Ok(true);
            }
        }
        batch.reset(self.width);
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::Slice;
    use crate::batch::Batch;
    use crate::error::QueryError;
    use crate::operators::Operator;

    /// Counts up, in batches of a hundred, and fails when it is asked for more than it should be.
    struct Numbers {
        next: u64,
        end: u64,
        may_end: bool,
    }

    impl Operator for Numbers {
        fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
            batch.reset(1);
            if self.next == self.end && !self.may_end {
                return Err(QueryError::Cancelled);
            }
            let end = self.end.min(self.next + 100);
            (self.next..end).for_each(|number| batch.push([number]));
            self.next = end;
            Ok(!batch.is_empty())
        }
    }

    fn slice(offset: u64, limit: Option<u64>, numbers: Numbers) -> Vec<u64> {
        let mut slice = Slice::new(Box::new(numbers), 1, offset, limit);
        let mut rows = Vec::new();
        let mut batch = Batch::default();
        while slice.next(&mut batch).expect("no more is asked for") {
            assert!(!batch.is_empty());
            rows.extend_from_slice(batch.column(0));
        }
        assert!(batch.is_empty() && batch.width() == 1);
        rows
    }

    #[test]
    fn gives_the_rows_of_the_range() {
        for offset in [0, 1, 99, 100, 101, 250, 999, 1_000, 1_001, u64::MAX] {
            for limit in [0, 1, 99, 100, 101, 350, 1_000, u64::MAX] {
                let numbers = Numbers {
                    next: 0,
                    end: 1_000,
                    may_end: true,
                };
                let end = offset.saturating_add(limit).min(1_000);
                let expected: Vec<_> = (offset..end).collect();
                assert_eq!(expected, slice(offset, Some(limit), numbers));
            }
        }
        let numbers = Numbers {
            next: 0,
            end: 1_000,
            may_end: true,
        };
        assert_eq!((990..1_000).collect::<Vec<_>>(), slice(990, None, numbers));
    }

    #[test]
    fn asks_for_no_row_behind_it() {
        for (offset, limit) in [(0, 0), (0, 100), (50, 250), (299, 1)] {
            let numbers = Numbers {
                next: 0,
                end: 300,
                may_end: false,
            };
            let rows = slice(offset, Some(limit), numbers);
            assert_eq!(limit, rows.len() as u64);
        }
    }
}
