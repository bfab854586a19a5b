//! Joins that look the rows of their input up in an index, batch by batch.
//!
//! What flows in: left rows, a quad pattern some of whose positions are columns of theirs. What flows out: joined rows, or
//! left rows that have a partner or none. What always holds: equal probes of a batch are looked up once and in ascending
//! order, so that neighbours in a block are found together; a probe that is unbound leaves its position open.

use super::BoxedOperator;
use super::Operator;
use super::filter::BoxedFilter;
use super::gathered::GatheredRows;
use super::join::{Output, PairFilter};
use crate::batch::{BATCH_ROWS, Batch, UNBOUND};
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use crate::probed_graphs::ProbedGraphs;
use crate::source::QuadLookup;
use quadrille_store::{
    LookupBatch, LookupPosition, LookupRequest, Permutation, StorageResult, TermId,
};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// How many pairs are made before they are given on: many left rows may have one probe.
const PAIRS_AT_ONCE: usize = 8 * BATCH_ROWS;

/// What a position of the pattern is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Probe {
    Constant(u64),
    /// A column of the left rows.
    Column(usize),
    Free,
}

/// What a look-up join is made of.
pub(crate) struct LookupJoinParts {
    pub(crate) left: BoxedOperator,
    /// Subject, predicate, object.
    pub(crate) triple: [Probe; 3],
    pub(crate) graphs: ProbedGraphs,
    /// Pairs of positions that must be equal.
    pub(crate) equal: Vec<(usize, usize)>,
    /// The positions of the right columns that the output and the filter name.
    pub(crate) right: Vec<usize>,
    pub(crate) output: Output,
    /// The condition on a pair: over all left columns and then the right ones.
    pub(crate) filter: Option<BoxedFilter>,
}

/// A look-up join.
pub(crate) struct LookupJoin {
    execution: Arc<Execution>,
    parts: LookupJoinParts,
    /// The columns that probes are made of.
    columns: Vec<usize>,
    /// The look-ups, by which of these columns are bound.
    lookups: HashMap<u32, Box<dyn QuadLookup>>,
    left_rows: Batch,
    gathered: GatheredRows,
    matched: Vec<bool>,
    /// The left rows that are still to be looked up, by which of the columns are bound, the next last.
    open: Vec<(u32, Vec<usize>)>,
    current: Option<Current>,
    found: LookupBatch,
    right_rows: Batch,
    pairs: Vec<(usize, usize)>,
    filter: PairFilter,
    /// The triples that the graphs tell apart.
    account: Account,
}

/// Probes that are being looked up.
struct Current {
    mask: u32,
    /// The left rows, sorted by their probes, and where those of each probe begin.
    rows: Vec<usize>,
    starts: Vec<usize>,
    /// The found rows that are still to be paired, and which of the left rows the one before them has still to meet.
    unread: Range<usize>,
    unpaired: Range<usize>,
}

impl Current {
    /// The left rows of a probe, as places among the sorted ones.
    fn of_probe(&self, probe: usize) -> Range<usize> {
        let end = self.starts.get(probe + 1);
        self.starts[probe]..end.copied().unwrap_or(self.rows.len())
    }
}

impl LookupJoin {
    pub(crate) fn new(execution: Arc<Execution>, mut parts: LookupJoinParts) -> Self {
        let mut columns: Vec<usize> = Vec::new();
        let probes = parts.triple.iter().copied().chain(parts.graphs.probe());
        for probe in probes {
            if let Probe::Column(column) = probe
                && !columns.contains(&column)
            {
                columns.push(column);
            }
        }
        Self {
            gathered: GatheredRows::new(&execution),
            account: execution.memory.account(),
            execution,
            filter: PairFilter::new(parts.filter.take()),
            parts,
            columns,
            lookups: HashMap::new(),
            left_rows: Batch::default(),
            matched: Vec::new(),
            open: Vec::new(),
            current: None,
            found: LookupBatch::new(),
            right_rows: Batch::default(),
            pairs: Vec::new(),
        }
    }

    /// Divides the left rows by which of their probes are bound.
    fn start_batch(&mut self) {
        self.matched.clear();
        self.matched.resize(self.left_rows.len(), false);
        let mut masks = vec![0_u32; self.left_rows.len()];
        for (index, column) in self.columns.iter().enumerate() {
            let values = self.left_rows.column(*column);
            for (mask, value) in masks.iter_mut().zip(values) {
                *mask |= u32::from(*value != UNBOUND) << index;
            }
        }
        let mut distinct = masks.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let rows_of = |mask: &u32| {
            let rows = masks.iter().enumerate();
            rows.filter(|(_, of_row)| *of_row == mask)
                .map(|(row, _)| row)
                .collect()
        };
        self.open = distinct.iter().map(|mask| (*mask, rows_of(mask))).collect();
    }

    /// Goes on to the next rows to be looked up; false when all are.
    fn advance(&mut self) -> StorageResult<bool> {
        let Some((mask, mut rows)) = self.open.pop() else {
            return Ok(false);
        };
        let columns: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .filter(|(index, _)| mask >> index & 1 == 1)
            .map(|(_, column)| *column)
            .collect();
        let left = &self.left_rows;
        let key = |row: usize| columns.iter().map(move |column| left.value(row, *column));
        sort_by_key(&mut rows, left, &columns);
        let mut starts = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            if index == 0 || !key(rows[index - 1]).eq(key(*row)) {
                starts.push(index);
            }
        }
        let probes: Vec<Vec<u64>> = columns
            .iter()
            .map(|column| {
                starts
                    .iter()
                    .map(|start| left.value(rows[*start], *column))
                    .collect()
            })
            .collect();
        if !self.lookups.contains_key(&mask) {
            let lookup = self.lookup(mask)?;
            self.lookups.insert(mask, lookup);
        }
        if let Some(lookup) = self.lookups.get_mut(&mask) {
            let probes: Vec<&[u64]> = probes.iter().map(Vec::as_slice).collect();
            lookup.set_probes(&probes)?;
        }
        self.parts.graphs.start();
        self.current = Some(Current {
            mask,
            rows,
            starts,
            unread: 0..0,
            unpaired: 0..0,
        });
        Ok(true)
    }

    /// The look-ups for rows of which these columns are bound.
    fn lookup(&self, mask: u32) -> StorageResult<Box<dyn QuadLookup>> {
        let mut number = 0;
        let mut numbers: HashMap<usize, usize> = HashMap::new();
        for (index, column) in self.columns.iter().enumerate() {
            if mask >> index & 1 == 1 {
                numbers.insert(*column, number);
                number += 1;
            }
        }
        let position = |probe: Probe| match probe {
            Probe::Constant(id) => LookupPosition::Constant(TermId::from_raw(id)),
            Probe::Column(column) => match numbers.get(&column) {
                Some(number) => LookupPosition::Probe(*number),
                None => LookupPosition::Open,
            },
            Probe::Free => LookupPosition::Open,
        };
        let [subject, predicate, object] = self.parts.triple.map(position);
        let graph = self
            .parts
            .graphs
            .fixed()
            .map_or(LookupPosition::Open, position);
        let positions = [subject, predicate, object, graph];
        let bound = positions.map(|position| position != LookupPosition::Open);
        let mut columns = self.parts.graphs.needs();
        for position in &self.parts.right {
            columns[*position] = true;
        }
        for (first, second) in &self.parts.equal {
            columns[*first] = true;
            columns[*second] = true;
        }
        let request = LookupRequest {
            permutation: Permutation::candidates(bound)
                .first()
                .copied()
                .unwrap_or(Permutation::Spoc),
            positions,
            range: None,
            columns,
        };
        let context = self.execution.dataset.limits.context();
        self.execution.source().lookup(&request, context)
    }

    /// Finds the next pairs; false when the current probes have no more.
    fn find(&mut self) -> StorageResult<bool> {
        let Some(current) = &mut self.current else {
            return Ok(false);
        };
        if current.unpaired.is_empty() && current.unread.is_empty() {
            let Some(lookup) = self.lookups.get_mut(&current.mask) else {
                return Ok(false);
            };
            if !lookup.next_batch(&mut self.found)? {
                self.current = None;
                return Ok(false);
            }
            current.unread = 0..self.found.len();
            let found = &self.found;
            self.right_rows.reset(self.parts.right.len());
            let right = &self.parts.right;
            self.right_rows.append_with(found.len(), |column, values| {
                values.extend_from_slice(found.column(right[column]));
            });
        }
        self.pair_up();
        Ok(true)
    }

    /// Makes the next pairs of what was found, up to [`PAIRS_AT_ONCE`].
    fn pair_up(&mut self) {
        let (found, parts) = (&self.found, &mut self.parts);
        self.pairs.clear();
        let Some(current) = &mut self.current else {
            return;
        };
        while self.pairs.len() < PAIRS_AT_ONCE {
            if current.unpaired.is_empty() {
                let Some(row) = current.unread.next() else {
                    return;
                };
                let probe = found.probes()[row] as usize;
                let mut equal = parts.equal.iter();
                let is_equal = equal
                    .all(|(first, second)| found.column(*first)[row] == found.column(*second)[row]);
                if !is_equal || !parts.graphs.keeps(found, row, probe) {
                    continue;
                }
                current.unpaired = current.of_probe(probe);
            }
            let row = current.unread.start - 1;
            let part = (PAIRS_AT_ONCE - self.pairs.len()).min(current.unpaired.len());
            let start = current.unpaired.start;
            let left = &current.rows[start..start + part];
            self.pairs.extend(left.iter().map(|left| (*left, row)));
            current.unpaired.start += part;
        }
    }
}

impl Operator for LookupJoin {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.parts.output.columns.len());
        loop {
            self.execution.check()?;
            while self.current.is_some() {
                self.execution.check()?;
                let found = self.find();
                if !found.map_err(|error| self.execution.explain(error))? {
                    break;
                }
                self.account.require(self.parts.graphs.bytes())?;
                self.filter
                    .apply(&self.left_rows, &self.right_rows, &mut self.pairs)?;
                for (left, _) in &self.pairs {
                    self.matched[*left] = true;
                }
                if self.parts.output.gives_pairs() && !self.pairs.is_empty() {
                    let (left, right) = (&self.left_rows, &self.right_rows);
                    self.parts
                        .output
                        .give_pairs(left, right, &self.pairs, batch);
                    return Ok(true);
                }
            }
            let more = self.advance();
            if more.map_err(|error| self.execution.explain(error))? {
                continue;
            }
            if !self.left_rows.is_empty() {
                self.parts
                    .output
                    .give_left(&self.left_rows, &self.matched, batch);
                self.left_rows.clear();
                if !batch.is_empty() {
                    return Ok(true);
                }
            }
            let left = &mut self.parts.left;
            if !self.gathered.gather(left, &mut self.left_rows)? {
                return Ok(false);
            }
            self.start_batch();
        }
    }
}

/// Sorts the numbers of rows by the values of some columns, those of equal values by themselves.
fn sort_by_key(rows: &mut Vec<usize>, batch: &Batch, columns: &[usize]) {
    if let [column] = columns {
        let values = batch.column(*column);
        if rows.is_sorted_by_key(|row| values[*row]) {
            return;
        }
        let mut pairs: Vec<(u64, usize)> = rows.iter().map(|row| (values[*row], *row)).collect();
        pairs.sort_unstable();
        rows.clear();
        rows.extend(pairs.into_iter().map(|(_, row)| row));
        return;
    }
    let key = |row: usize| columns.iter().map(move |column| batch.value(row, *column));
    rows.sort_by(|first, second| key(*first).cmp(key(*second)));
}
