//! `GROUP BY` with aggregates.
//!
//! What flows in: rows with key columns and columns of values. What flows out: for each combination of keys a row, the
//! keys and then the aggregates. What always holds: once the memory budget has no room for another group, rows of new
//! groups go to temporary files, divided by the hashes of their keys, and each part is grouped after all groups before it
//! were given; without keys there is one group, even without rows.

use super::aggregate::{AggregateState, GroupAggregate, NO_GROUP};
use super::row_table::{RowHasher, RowTable, gather};
use super::spill::{Partitions, RunReader};
use super::{BoxedOperator, Operator};
use crate::batch::Batch;
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use std::sync::Arc;

/// How many times the bytes that groups have gathered must be free for another group to be added: they may gather more.
const GATHERED_AHEAD: usize = 3;

/// The groups of its input, with aggregates.
pub(crate) struct Group {
    execution: Arc<Execution>,
    input: Option<BoxedOperator>,
    /// Where the input has the columns that are used: the keys, then the values of each aggregate.
    from_input: Vec<usize>,
    keys: Vec<usize>,
    /// The keys, by place, by whose values the rows of a group lie together in the input.
    grouped: Vec<usize>,
    /// The values of these in the rows that are being grouped.
    run: Vec<u64>,
    /// A batch of the input.
    from: Batch,
    /// Rows of the used columns, of which those from `at` on are still to be grouped.
    batch: Batch,
    at: usize,
    groups: Groups,
    /// Whether the rows of each group lie together.
    is_whole: bool,
    /// Whether they lie together and are counted only, so that batches may be added as a whole: all groups
    /// but the last are complete then.
    is_in_runs: bool,
    /// The next group to be given, and the first that is not complete.
    giving: Option<(usize, usize)>,
    /// Parts of rows whose groups had no room, and how often they were divided.
    parts: Vec<(RunReader, u32)>,
}

impl Group {
    /// The groups of an input by its key columns. The rows of equal values in the `grouped` ones among the keys, by place
    /// in `keys`, must lie together in the input: all groups before are then given as soon as a value in them changes.
    pub(crate) fn new(
        execution: Arc<Execution>,
        input: BoxedOperator,
        keys: Vec<usize>,
        aggregates: Vec<GroupAggregate>,
        grouped: Vec<usize>,
    ) -> Self {
        let key_count = keys.len();
        let mut from_input = keys;
        let mut states = Vec::with_capacity(aggregates.len());
        for aggregate in aggregates {
            let start = from_input.len();
            from_input.extend(&aggregate.columns);
            let columns: Vec<_> = (start..from_input.len()).collect();
            let (function, distinct) = (aggregate.function, aggregate.distinct);
            let state = AggregateState::new(function, distinct, columns.len(), &execution);
            states.push((state, columns));
        }
        let is_count = |(state, _): &(AggregateState, _)| state.is_plain_count();
        let is_whole = (0..key_count).all(|key| grouped.contains(&key));
        let is_in_runs = key_count > 0 && is_whole && states.iter().all(is_count);
        let groups = Groups {
            execution: Arc::clone(&execution),
            keys: RowTable::new(key_count, RowHasher::new(), &execution),
            states,
            account: execution.memory.account(),
            room: 0,
            kept: None,
            level: 0,
            rows: Vec::new(),
            numbers: Vec::new(),
            row: Vec::new(),
        };
        Self {
            execution,
            input: Some(input),
            batch: Batch::new(from_input.len()),
            at: 0,
            from_input,
            keys: (0..key_count).collect(),
            grouped,
            run: Vec::new(),
            from: Batch::default(),
            groups,
            is_whole,
            is_in_runs,
            giving: None,
            parts: Vec::new(),
        }
    }

    /// Reads and groups rows until some groups are complete, and says how many; 0 when there are no more.
    fn complete_groups(&mut self) -> Result<usize, QueryError> {
        if let Some((part, level)) = self.parts.pop() {
            self.add_part(part, level)?;
            return Ok(self.groups.keys.len());
        }
        if self.keys.is_empty() && self.input.is_some() {
            self.groups.add_only()?;
        }
        while self.at < self.batch.len() || self.read()? {
            if self.add_batch()? {
                if self.groups.keys.len() > 1 {
                    return Ok(self.groups.keys.len() - 1);
                }
                continue;
            }
            let run = self
                .grouped
                .iter()
                .map(|&key| self.batch.value(self.at, key));
            if !self.groups.is_empty() && !run.clone().eq(self.run.iter().copied()) {
                return Ok(self.groups.keys.len());
            }
            self.run.clear();
            self.run.extend(run);
            let end = self.run_end();
            let groups = match self.is_whole {
                true => usize::from(self.groups.is_empty()),
                false => end - self.at,
            };
            self.groups
                .add(&self.keys, &self.batch, (self.at, end), groups)?;
            self.at = end;
        }
        Ok(self.groups.keys.len())
    }

    /// Adds a whole batch of rows whose groups lie together, if there is room for as many groups.
    fn add_batch(&mut self) -> Result<bool, QueryError> {
        if !self.is_in_runs || self.at > 0 {
            return Ok(false);
        }
        let (end, runs) = (self.batch.len(), self.runs());
        if !self.groups.has_room(runs)? {
            return Ok(false);
        }
        self.groups.add(&self.keys, &self.batch, (0, end), runs)?;
        self.at = end;
        let last = self.grouped.iter();
        let last = last.map(|&key| self.batch.value(end - 1, key));
        self.run.clear();
        self.run.extend(last);
        Ok(true)
    }

    /// How many runs of equal keys the batch has.
    fn runs(&self) -> usize {
        let differs = |row: &usize| {
            let mut keys = self.keys.iter().map(|&key| self.batch.column(key));
            keys.any(|values| values[*row] != values[*row - 1])
        };
        1 + (1..self.batch.len()).filter(differs).count()
    }

    fn add_part(&mut self, mut part: RunReader, level: u32) -> Result<(), QueryError> {
        self.groups.level = level;
        let mut batch = Batch::default();
        while part.next(&mut batch)? {
            let rows = batch.len();
            self.groups.add(&self.keys, &batch, (0, rows), rows)?;
        }
        Ok(())
    }

    /// Reads the used columns of the next batch; false at the end.
    fn read(&mut self) -> Result<bool, QueryError> {
        self.batch.clear();
        self.at = 0;
        let Some(input) = &mut self.input else {
            return Ok(false);
        };
        if !input.next(&mut self.from)? {
            self.input = None;
            return Ok(false);
        }
        let (from, columns) = (&self.from, &self.from_input);
        self.batch.append_with(from.len(), |column, values| {
            values.extend_from_slice(from.column(columns[column]));
        });
        Ok(true)
    }

    /// The end of the rows that have the grouped keys of the run.
    fn run_end(&self) -> usize {
        let mut end = self.batch.len();
        for (&key, value) in self.grouped.iter().zip(&self.run) {
            let values = &self.batch.column(key)[self.at..end];
            let same = values.iter().position(|other| other != value);
            end = same.map_or(end, |same| self.at + same);
        }
        end
    }

    /// Appends complete groups to a batch, from one to another; gives those to go on with, `None` when all are given.
    fn give(
        &mut self,
        (from, end): (usize, usize),
        batch: &mut Batch,
    ) -> Result<Option<(usize, usize)>, QueryError> {
        for group in from..end {
            if batch.is_full() {
                return Ok(Some((group, end)));
            }
            self.groups.give(group, batch)?;
        }
        if end < self.groups.keys.len() {
            self.groups.keep_last()?;
            return Ok(None);
        }
        let level = self.groups.level + 1;
        for part in self.groups.clear()? {
            self.parts.push((part, level));
        }
        self.groups.level = 0;
        Ok(None)
    }
}

impl Operator for Group {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.keys.len() + self.groups.states.len());
        while !batch.is_full() {
            self.execution.check()?;
            if let Some(groups) = self.giving {
                self.giving = self.give(groups, batch)?;
                continue;
            }
            let complete = self.complete_groups()?;
            if complete == 0 {
                break;
            }
            self.groups.settle()?;
            self.giving = Some((0, complete));
        }
        Ok(!batch.is_empty())
    }
}

/// The groups at hand.
struct Groups {
    execution: Arc<Execution>,
    keys: RowTable,
    /// The aggregates, each with the columns of its values.
    states: Vec<(AggregateState, Vec<usize>)>,
    account: Account,
    /// How many groups the account has room for.
    room: usize,
    /// Rows of groups that there was no room for.
    kept: Option<Partitions>,
    /// How often the rows were divided.
    level: u32,
    rows: Vec<u64>,
    numbers: Vec<u32>,
    row: Vec<u64>,
}

impl Groups {
    fn is_empty(&self) -> bool {
        self.keys.len() == 0
    }

    /// Adds the group without keys.
    fn add_only(&mut self) -> Result<(), QueryError> {
        if self.is_empty() {
            self.make_room(1)?;
            self.keys.insert(self.keys.hasher().hash(&[]), &[]);
            self.resize();
        }
        Ok(())
    }

    fn resize(&mut self) {
        let groups = self.keys.len();
        self.states
            .iter_mut()
            .for_each(|(state, _)| state.resize(groups));
    }

    /// Adds some rows of a batch of used columns, which are of at most so many new groups.
    fn add(
        &mut self,
        keys: &[usize],
        batch: &Batch,
        (start, end): (usize, usize),
        groups: usize,
    ) -> Result<(), QueryError> {
        self.execution.check()?;
        if self.kept.is_none() && !self.make_room(groups)? {
            self.kept = Some(Partitions::new(batch.width(), self.level)?);
        }
        self.find_groups(keys, batch, (start, end))?;
        self.resize();
        for (state, columns) in &mut self.states {
            state.add(batch, start, columns, &self.numbers)?;
        }
        self.account_for_gathered(batch.width())
    }

    /// Sets the number of the group of each row; new groups are added, or their rows kept aside.
    fn find_groups(
        &mut self,
        keys: &[usize],
        batch: &Batch,
        (start, end): (usize, usize),
    ) -> Result<(), QueryError> {
        let hasher = self.keys.hasher();
        gather(batch, keys, (start, end), &mut self.rows);
        self.numbers.clear();
        for row in 0..end - start {
            let key = &self.rows[row * keys.len()..(row + 1) * keys.len()];
            let hash = hasher.hash(key);
            let number = match &mut self.kept {
                None => Some(self.keys.insert(hash, key).0),
                Some(kept) => {
                    let number = self.keys.find(hash, key);
                    if number.is_none() {
                        kept.push(hash, batch.row(start + row))?;
                    }
                    number
                }
            };
            self.numbers
                .push(number.map_or(NO_GROUP, |number| number as u32));
        }
        Ok(())
    }

    /// Makes room for so many groups more. False when the budget does not have it.
    fn make_room(&mut self, more: usize) -> Result<bool, QueryError> {
        if !self.keys.make_room(more, &self.execution)? {
            return Ok(false);
        }
        if self.try_room(more) {
            return Ok(true);
        }
        if self.is_empty() {
            self.account.require(self.bytes(more, 1))?;
            self.take_room(more);
            return Ok(true);
        }
        Ok(false)
    }

    /// Makes room in the aggregates for so many groups more, if the budget has it.
    fn try_room(&mut self, more: usize) -> bool {
        let needed = self.keys.len() + more;
        if needed <= self.room {
            return true;
        }
        for wanted in [
            needed.max(2 * self.room),
            needed.max(self.room + self.room / 4),
        ] {
            if self.account.set(self.bytes(wanted, GATHERED_AHEAD)) {
                self.take_room(wanted);
                return true;
            }
        }
        false
    }

    /// Whether there is room for so many groups more, and no rows are kept aside.
    fn has_room(&mut self, more: usize) -> Result<bool, QueryError> {
        let is_free = self.kept.is_none() && self.keys.try_room(more, &self.execution)?;
        Ok(is_free && self.try_room(more))
    }

    fn take_room(&mut self, groups: usize) {
        self.room = groups;
        self.states
            .iter_mut()
            .for_each(|(state, _)| state.reserve(groups));
    }

    /// The bytes of the aggregates of so many groups, with several times what their rows have brought so far.
    fn bytes(&self, groups: usize, times: usize) -> usize {
        let bytes = |(state, _): &(AggregateState, Vec<usize>)| {
            state.bytes_of_groups(groups) + times * state.gathered_bytes()
        };
        self.states.iter().map(bytes).sum()
    }

    /// Accounts for what rows have brought to the aggregates. Groups that grow leave no room for others.
    fn account_for_gathered(&mut self, width: usize) -> Result<(), QueryError> {
        if self.kept.is_none() {
            if self.account.set(self.bytes(self.room, GATHERED_AHEAD)) {
                return Ok(());
            }
            self.kept = Some(Partitions::new(width, self.level)?);
        }
        self.account.require(self.bytes(self.room, 1))
    }

    /// Adds the values to the aggregates that these have kept aside.
    fn settle(&mut self) -> Result<(), QueryError> {
        self.states
            .iter_mut()
            .try_for_each(|(state, _)| state.settle())
    }

    /// Appends the keys and the aggregates of a group.
    fn give(&mut self, group: usize, batch: &mut Batch) -> Result<(), QueryError> {
        self.row.clear();
        self.row.extend_from_slice(self.keys.row(group));
        for (state, _) in &mut self.states {
            self.row.push(state.finish(group, &self.execution)?);
        }
        batch.push(self.row.iter().copied());
        Ok(())
    }

    /// Forgets all groups but the last, which is the first from now on; no rows are kept aside.
    fn keep_last(&mut self) -> Result<(), QueryError> {
        let last = self.keys.len().saturating_sub(1);
        self.row.clear();
        self.row.extend_from_slice(self.keys.row(last));
        self.keys.clear();
        // There was room for more.
        self.keys.make_room(1, &self.execution)?;
        let hash = self.keys.hasher().hash(&self.row);
        self.keys.insert(hash, &self.row);
        self.states
            .iter_mut()
            .for_each(|(state, _)| state.keep_last());
        self.kept = None;
        Ok(())
    }

    /// Forgets the groups; gives the parts of the rows that were kept aside.
    fn clear(&mut self) -> Result<Vec<RunReader>, QueryError> {
        self.keys.clear();
        self.states.iter_mut().for_each(|(state, _)| state.clear());
        let Some(kept) = self.kept.take() else {
            return Ok(Vec::new());
        };
        let mut parts = kept.finish()?;
        parts.retain(|part| part.rows() > 0);
        Ok(parts)
    }
}
