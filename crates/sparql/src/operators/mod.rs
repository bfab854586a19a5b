//! The operators that a plan is run with. Each takes batches from those below it and gives batches to the one above.
//!
//! What flows in: batches of ids. What flows out: batches of ids. What always holds: an operator knows columns by their
//! position and nothing of variables; it gives no empty batch but at its end, and none after it; after an error it gives
//! nothing more.

pub(crate) mod aggregate;
pub(crate) mod columns;
pub(crate) mod correlated;
pub(crate) mod distinct;
pub(crate) mod distinct_values;
pub(crate) mod exchange;
pub(crate) mod filter;
pub(crate) mod gathered;
pub(crate) mod group;
#[cfg(test)]
mod group_tests;
pub(crate) mod hash_join;
pub(crate) mod hash_passes;
pub(crate) mod hash_table;
pub(crate) mod join;
#[cfg(test)]
mod join_tests;
pub(crate) mod leapfrog;
pub(crate) mod leaves;
pub(crate) mod lookup_join;
pub(crate) mod merge_join;
pub(crate) mod row_table;
pub(crate) mod scan;
pub(crate) mod service;
pub(crate) mod slice;
pub(crate) mod slice_of_each;
pub(crate) mod sort;
pub(crate) mod sort_keys;
#[cfg(test)]
mod sort_tests;
pub(crate) mod spill;
pub(crate) mod star;
#[cfg(test)]
pub(crate) mod test_support;
pub(crate) mod top;
pub(crate) mod unpack;

use crate::batch::Batch;
use crate::error::QueryError;

/// A part of a running query.
pub(crate) trait Operator: Send {
    /// Clears the batch, gives it the operator's width and fills it with the next rows; false, and an empty batch, when
    /// there are no more.
    ///
    /// # Errors
    /// Every error of an evaluation; the operator is of no use then.
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError>;
}

/// An operator of any sort.
pub(crate) type BoxedOperator = Box<dyn Operator>;
