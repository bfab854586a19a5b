//! Joins of two inputs, of which the right one is kept in a table by the columns that both share.
//!
//! What flows in: two inputs. What flows out: joined rows, or left rows that have a partner or none. What always holds: two
//! rows are partners when each shared column is equal or unbound on a side; the left rows stream, again and again where the
//! right ones are more than there is memory for.

use super::filter::BoxedFilter;
use super::hash_passes::Passes;
use super::hash_table::{Overflow, SharedTable, Table};
use super::join::{Output, PairFilter};
use super::{BoxedOperator, Operator};
use crate::batch::{BATCH_ROWS, Batch, UNBOUND};
use crate::error::QueryError;
use crate::execution::Execution;
use crate::plan::JoinKind;
use std::sync::Arc;

/// Into how many parts the memory of a table is divided for the passes of joins that run side by side.
const PASSES_AT_ONCE: usize = 8;

/// What a hash join is made of.
pub(crate) struct HashJoinParts {
    pub(crate) left: BoxedOperator,
    pub(crate) right: HashRight,
    /// The shared columns that hold a value in each row of both sides.
    pub(crate) keys: Vec<(usize, usize)>,
    /// The shared columns that may be unbound.
    pub(crate) loose: Vec<(usize, usize)>,
    pub(crate) output: Output,
    /// The condition on a pair: over all left columns and then all right ones.
    pub(crate) filter: Option<BoxedFilter>,
}

/// Where the right rows come from.
pub(crate) enum HashRight {
    Own(BoxedOperator),
    /// Several joins have the same ones.
    Shared(Arc<SharedTable>),
}

/// A hash join.
pub(crate) struct HashJoin {
    execution: Arc<Execution>,
    left: BoxedOperator,
    right: Option<HashRight>,
    keys: Vec<(usize, usize)>,
    left_keys: Vec<usize>,
    loose: Vec<(usize, usize)>,
    output: Output,
    filter: PairFilter,
    table: Arc<Table>,
    /// What follows the rows of the table, if these are not all.
    passes: Option<Passes>,
    left_rows: Batch,
    /// Where to look for partners of each left row, plus one; 0 where there are none.
    firsts: Vec<u32>,
    matched: Vec<bool>,
    /// Whether left rows are at hand that have not been given.
    is_open: bool,
    /// The left row that is being joined, and the right row to look at next, plus one.
    position: Option<(usize, u32)>,
    pairs: Vec<(usize, usize)>,
}

impl HashJoin {
    pub(crate) fn new(execution: Arc<Execution>, parts: HashJoinParts) -> Self {
        Self {
            table: Arc::new(Table::new(&execution)),
            execution,
            left: parts.left,
            right: Some(parts.right),
            left_keys: parts.keys.iter().map(|(left, _)| *left).collect(),
            keys: parts.keys,
            loose: parts.loose,
            output: parts.output,
            filter: PairFilter::new(parts.filter),
            passes: None,
            left_rows: Batch::default(),
            firsts: Vec::new(),
            matched: Vec::new(),
            is_open: false,
            position: None,
            pairs: Vec::new(),
        }
    }

    fn build(&mut self) -> Result<(), QueryError> {
        match self.right.take() {
            None => Ok(()),
            Some(HashRight::Own(right)) => {
                let (table, overflow) =
                    Table::of(right, &self.right_keys(), false, &self.execution)?;
                self.table = Arc::new(table);
                self.plan_passes(overflow.as_ref(), usize::MAX)
            }
            Some(HashRight::Shared(shared)) => {
                let filled = shared.filled().ok_or_else(|| {
                    QueryError::Evaluation("a join began before its table was filled".to_owned())
                })?;
                self.table = filled.table;
                // The other joins have passes of their own at the same time.
                let part = self.table.rows.len() / PASSES_AT_ONCE;
                self.plan_passes(filled.overflow.as_deref(), part.max(1))
            }
        }
    }

    fn right_keys(&self) -> Vec<usize> {
        self.keys.iter().map(|(_, right)| *right).collect()
    }

    fn plan_passes(
        &mut self,
        overflow: Option<&Overflow>,
        rows_max: usize,
    ) -> Result<(), QueryError> {
        if let Some(overflow) = overflow {
            let remembers = self.output.kind != JoinKind::Inner;
            let passes = Passes::new(overflow, rows_max, remembers, &self.execution)?;
            self.passes = Some(passes);
        }
        Ok(())
    }

    /// The next left rows, of the next pass where one has ended; false at the end of all.
    fn next_left(&mut self) -> Result<bool, QueryError> {
        let Some(passes) = &mut self.passes else {
            return self.left.next(&mut self.left_rows);
        };
        while !passes.next_left(self.left.as_mut(), &mut self.left_rows)? {
            self.left_rows.clear();
            self.table = Arc::new(Table::new(&self.execution));
            let columns: Vec<usize> = self.keys.iter().map(|(_, right)| *right).collect();
            match passes.advance(&columns, &self.execution)? {
                Some(table) => self.table = Arc::new(table),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Gives the left rows at hand that are due without a partner, or for having one, once all passes know.
    fn give_left(&mut self, batch: &mut Batch) -> Result<(), QueryError> {
        match &mut self.passes {
            Some(passes) if !passes.is_last() => return passes.remember(&self.matched),
            Some(passes) => passes.remembered(self.left_rows.len(), &mut self.matched),
            None => {}
        }
        self.output.give_left(&self.left_rows, &self.matched, batch);
        Ok(())
    }

    fn are_partners(&self, left: usize, right: usize) -> bool {
        let rows = &self.table.rows;
        let equal = |(first, second): &(usize, usize)| {
            self.left_rows.value(left, *first) == rows.value(right, *second)
        };
        let compatible = |pair: &(usize, usize)| {
            let (first, second) = (
                self.left_rows.value(left, pair.0),
                rows.value(right, pair.1),
            );
            first == UNBOUND || second == UNBOUND || first == second
        };
        let shares = || {
            let both = |(first, second): &(usize, usize)| {
                self.left_rows.value(left, *first) != UNBOUND
                    && rows.value(right, *second) != UNBOUND
            };
            self.keys.iter().chain(&self.loose).any(both)
        };
        self.keys.iter().all(equal)
            && self.loose.iter().all(compatible)
            && (self.output.kind != JoinKind::Minus || shares())
    }

    /// The values of both sides, if they are partners exactly when these are equal.
    fn only_keys(&self) -> Option<(&[u64], &[u64])> {
        match (self.keys.as_slice(), self.loose.as_slice()) {
            ([(left, right)], []) => {
                Some((self.left_rows.column(*left), self.table.rows.column(*right)))
            }
            _ => None,
        }
    }

    /// Gathers pairs, as many as fit into a batch.
    fn gather(&mut self) -> Result<(), QueryError> {
        let mut pairs = std::mem::take(&mut self.pairs);
        pairs.clear();
        let position = self.gather_from(self.position, &mut pairs);
        self.pairs = pairs;
        self.position = position?;
        Ok(())
    }

    /// Gathers pairs from a position on, and gives the one to go on from.
    fn gather_from(
        &self,
        mut position: Option<(usize, u32)>,
        pairs: &mut Vec<(usize, usize)>,
    ) -> Result<Option<(usize, u32)>, QueryError> {
        let needs_one = !self.output.gives_pairs() && !self.filter.is_some();
        let only_keys = self.only_keys();
        let mut steps = 0_usize;
        while let Some((left, mut candidate)) = position {
            while candidate != 0 {
                steps += 1;
                if steps.is_multiple_of(BATCH_ROWS) {
                    self.execution.check()?;
                }
                let right = candidate as usize - 1;
                candidate = self.table.after(right);
                let are_partners = match only_keys {
                    Some((lefts, rights)) => lefts[left] == rights[right],
                    None => self.are_partners(left, right),
                };
                if !are_partners {
                    continue;
                }
                pairs.push((left, right));
                if needs_one {
                    break;
                }
                if pairs.len() >= BATCH_ROWS {
                    return Ok(Some((left, candidate)));
                }
            }
            position = self.start(left + 1);
        }
        Ok(None)
    }

    /// The first left row from this one on that may have a partner, and where to look for it.
    fn start(&self, left: usize) -> Option<(usize, u32)> {
        let rest = self.firsts.get(left..)?;
        let passed = rest.iter().position(|first| *first != 0)?;
        Some((left + passed, rest[passed]))
    }
}

impl Operator for HashJoin {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.output.columns.len());
        self.build()?;
        if self.table.rows.is_empty()
            && self.passes.is_none()
            && matches!(self.output.kind, JoinKind::Inner | JoinKind::Semi)
        {
            return Ok(false);
        }
        loop {
            self.execution.check()?;
            while self.position.is_some() {
                self.gather()?;
                self.filter
                    .apply(&self.left_rows, &self.table.rows, &mut self.pairs)?;
                for (left, _) in &self.pairs {
                    self.matched[*left] = true;
                }
                if self.output.gives_pairs() && !self.pairs.is_empty() {
                    self.output
                        .give_pairs(&self.left_rows, &self.table.rows, &self.pairs, batch);
                    return Ok(true);
                }
            }
            if self.is_open {
                self.is_open = false;
                self.give_left(batch)?;
                if !batch.is_empty() {
                    return Ok(true);
                }
            }
            if !self.next_left()? {
                return Ok(false);
            }
            self.is_open = true;
            self.matched.clear();
            self.matched.resize(self.left_rows.len(), false);
            self.table
                .firsts(&self.left_rows, &self.left_keys, &mut self.firsts);
            self.position = self.start(0);
        }
    }
}
