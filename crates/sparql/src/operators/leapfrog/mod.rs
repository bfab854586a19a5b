//! Joins of many patterns at once, variable by variable: what cycles are answered by without large rows in between.
//!
//! What flows in: quad patterns over numbered variables, as [tries](mod@tries). What flows out: a row for each assignment of
//! values that all patterns have, sorted by the variables in the order of their numbers. What always holds: the value of a
//! variable is one that each of its patterns has below the values before it. Patterns are kept in memory as far as the
//! budget has room for them; the others are walked in their indexes, which takes longer and no memory.

mod cursor;
mod kept;
#[cfg(test)]
mod tests;
pub(crate) mod tries;

use super::Operator;
use super::scan::leading_cuts;
use crate::batch::Batch;
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use crate::expression::IdRange;
use crate::source::QuadTrie;
use cursor::{Cursor, Trie};
use kept::{KeptLevels, KeptTrie};
use quadrille_store::ScanRequest;
use std::sync::{Arc, Mutex, PoisonError};
use tries::{JoinPattern, TriePlan, tries};

/// How many values are sought between two questions whether to go on.
const STEPS_UNCHECKED: usize = 1024;

/// What a leapfrog join is made of.
pub(crate) struct LeapfrogParts {
    pub(crate) patterns: Vec<JoinPattern>,
    /// How many variables there are. They are bound in the order of their numbers.
    pub(crate) variables: usize,
    /// The variables of the output columns.
    pub(crate) columns: Vec<usize>,
    /// The values that the first variable may have.
    pub(crate) first: IdRange,
    /// The patterns as far as they are kept in memory; joins of the same patterns may share them.
    pub(crate) kept: Arc<SharedTries>,
}

/// All values that a variable may have.
pub(crate) const ALL_VALUES: IdRange = (1, u64::MAX);

/// The patterns of a join that are kept in memory. The first join that is run makes them.
#[derive(Default)]
pub(crate) struct SharedTries(Mutex<Option<KeptTries>>);

/// For each pattern its levels, if there was room for them; with the account of all.
type KeptTries = (Vec<Option<Arc<KeptLevels>>>, Account);

/// A variable with the patterns that it is in.
#[derive(Default)]
struct Level {
    cursors: Vec<Cursor>,
    /// The cursor that is to move next.
    turn: usize,
}

/// A leapfrog join.
pub(crate) struct Leapfrog {
    execution: Arc<Execution>,
    columns: Vec<usize>,
    plans: Vec<TriePlan>,
    tries: Vec<Trie>,
    kept: Arc<SharedTries>,
    /// The last value that the first variable may have.
    last: u64,
    levels: Vec<Level>,
    /// The values of the variables before the one that is being sought.
    values: Vec<u64>,
    /// The least value that the variable being sought may have; `None` when there is none left.
    least: Option<u64>,
    state: State,
    steps: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unopened,
    Running,
    Ended,
}

impl Leapfrog {
    /// A join of these patterns; nothing is read yet.
    ///
    /// # Errors
    /// `Evaluation` for patterns that have no [tries](tries::tries), and for columns that are no variables.
    pub(crate) fn new(execution: Arc<Execution>, parts: LeapfrogParts) -> Result<Self, QueryError> {
        let is_known = |column: &usize| *column < parts.variables;
        let plans = tries(&execution.dataset, &parts.patterns, parts.variables)
            .filter(|_| parts.columns.iter().all(is_known))
            .ok_or_else(|| QueryError::Evaluation("no indexes for a multiway join".to_owned()))?;
        let mut levels: Vec<Level> = Vec::new();
        levels.resize_with(parts.variables, Level::default);
        for (trie, plan) in plans.iter().enumerate() {
            for (depth, variable) in plan.variables.iter().enumerate() {
                levels[*variable]
                    .cursors
                    .push(Cursor::new(trie, plan.variables[..depth].to_vec()));
            }
        }
        let is_empty = plans.iter().any(|plan| plan.is_empty);
        let (low, high) = parts.first;
        Ok(Self {
            execution,
            columns: parts.columns,
            plans,
            tries: Vec::new(),
            kept: parts.kept,
            last: high,
            levels,
            values: Vec::new(),
            least: Some(low),
            state: if is_empty {
                State::Ended
            } else {
                State::Unopened
            },
            steps: 0,
        })
    }

    /// Makes the tries.
    fn open(&mut self) -> Result<(), QueryError> {
        let mut shared = self.kept.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (kept, _) = match &mut *shared {
            Some(kept) => kept,
            unread => unread.insert(read(&self.plans, &self.execution)?),
        };
        let kept = kept.clone();
        drop(shared);
        for (plan, levels) in self.plans.iter().zip(kept) {
            self.tries.push(match levels {
                Some(levels) => Trie::Kept(KeptTrie::new(levels)),
                None => Trie::Stored(self.stored(plan)?),
            });
        }
        self.state = State::Running;
        Ok(())
    }

    fn stored(&self, plan: &TriePlan) -> Result<Box<dyn QuadTrie>, QueryError> {
        let context = self.execution.dataset.limits.context();
        let source = self.execution.source();
        let trie = source.trie(plan.permutation, &plan.pattern, context);
        trie.map_err(|error| self.execution.explain(error))
    }

    /// The first value, from the least to the last one, that all patterns of the variable have.
    fn agree(&mut self) -> Result<Option<u64>, QueryError> {
        let (Some(mut value), Some(level)) = (self.least, self.levels.get_mut(self.values.len()))
        else {
            return Ok(None);
        };
        let mut agreed = 0;
        while agreed < level.cursors.len() {
            self.steps += 1;
            if self.steps.is_multiple_of(STEPS_UNCHECKED) {
                self.execution.check()?;
            }
            level.turn = (level.turn + 1) % level.cursors.len();
            let cursor = &mut level.cursors[level.turn];
            let found = cursor
                .seek(&mut self.tries, &self.values, value)
                .map_err(|error| self.execution.explain(error))?;
            match found {
                None => return Ok(None),
                Some(found) if self.values.is_empty() && found > self.last => return Ok(None),
                Some(found) if found == value => agreed += 1,
                Some(found) => {
                    value = found;
                    agreed = 1;
                }
            }
        }
        Ok(Some(value))
    }

    /// Goes to the next variable with a value for this one.
    fn descend(&mut self, value: u64) {
        self.values.push(value);
        self.least = Some(1);
        if let Some(level) = self.levels.get_mut(self.values.len()) {
            level.cursors.iter_mut().for_each(Cursor::restart);
        }
    }

    /// Goes back to the variable before; false when there is none.
    fn ascend(&mut self) -> bool {
        let value = self.values.pop();
        self.least = value.and_then(|value| value.checked_add(1));
        value.is_some()
    }

    fn fill(&mut self, batch: &mut Batch) -> Result<(), QueryError> {
        while !batch.is_full() {
            match self.agree()? {
                Some(value) if self.values.len() + 1 == self.levels.len() => {
                    let values = &self.values;
                    let columns = self.columns.iter();
                    batch.push(columns.map(|column| values.get(*column).map_or(value, |id| *id)));
                    self.least = value.checked_add(1);
                }
                Some(value) => self.descend(value),
                None => {
                    if !self.ascend() {
                        self.state = State::Ended;
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}

/// Reads the patterns. Those that are read in the same index, as many columns of it, are kept once.
fn read(plans: &[TriePlan], execution: &Execution) -> Result<KeptTries, QueryError> {
    let mut account = execution.memory.account();
    let mut kept: Vec<Option<Arc<KeptLevels>>> = Vec::with_capacity(plans.len());
    let mut bytes = 0;
    for plan in plans {
        let is_same = |known: &TriePlan| {
            (known.permutation, known.pattern) == (plan.permutation, plan.pattern)
                && known.variables.len() == plan.variables.len()
        };
        let mut known = plans.iter().zip(&kept);
        let levels = match known.find(|(known, levels)| is_same(known) && levels.is_some()) {
            Some((_, levels)) => levels.clone(),
            None => {
                let levels = KeptLevels::load(plan, execution, &mut account, bytes)?;
                bytes += levels.as_ref().map_or(0, KeptLevels::bytes);
                levels.map(Arc::new)
            }
        };
        kept.push(levels);
    }
    Ok((kept, account))
}

/// Where to cut the values of the first variable into at most so many parts: at those of the pattern with most cuts.
///
/// # Errors
/// What the source fails with.
pub(crate) fn first_cuts(
    patterns: &[JoinPattern],
    variables: usize,
    parts: usize,
    execution: &Execution,
) -> Result<Vec<u64>, QueryError> {
    let plans = tries(&execution.dataset, patterns, variables).unwrap_or_default();
    let mut most = Vec::new();
    for plan in plans
        .iter()
        .filter(|plan| plan.variables.first() == Some(&0))
    {
        let request = ScanRequest::new(plan.pattern).in_order(plan.permutation);
        let cuts = leading_cuts(&request, parts, execution)?;
        if cuts.len() > most.len() {
            most = cuts;
        }
    }
    Ok(most)
}

impl Operator for Leapfrog {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.columns.len());
        self.execution.check()?;
        if self.state == State::Unopened {
            self.open()?;
        }
        if self.state == State::Running {
            self.fill(batch)?;
        }
        Ok(!batch.is_empty())
    }
}
