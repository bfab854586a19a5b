//! Look-ups of many prefixes in one index: the inner side of a join.
//!
//! What flows in: probes, best ascending: values for some columns of a prefix, constants for the others. What flows out:
//! the rows that begin so, each with the number of its probe, in batches of a bounded size; or only whether there are any,
//! or how many. What always holds: rows come probe by probe, ascending within each; a batch ends wherever it is full, and
//! the next one goes on there.

use super::count::count_rows;
use super::scan::RowBatch;
use super::window::{Found, Wanted, Window, WindowOptions};
use super::{prefix_range, successor};
use crate::context::ReadContext;
use crate::delta::ChangeSet;
use crate::keyspaces::IndexPlaces;
use crate::permutation::Row;
use crate::view::View;
use quadrille_backend::{StorageResult, StorageSnapshot};
use std::ops::Range;

/// The most rows of a batch.
pub(crate) const BATCH_ROWS_MAX: usize = 1024;

/// What a column must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Open,
    Constant(u64),
    /// The value of the probe, in one of its columns.
    Probe(usize),
}

/// What look-ups have in common.
#[derive(Clone, Debug)]
pub(crate) struct LookupPlan {
    /// By column of the permutation.
    pub(crate) parts: [Part; 4],
    /// Bounds, both included, of the first column behind the prefix.
    pub(crate) range: Option<(u64, u64)>,
    pub(crate) wanted: [bool; 4],
}

impl LookupPlan {
    /// How many leading columns a probe binds.
    pub(crate) fn prefix(&self) -> usize {
        let bound = |part: &&Part| **part != Part::Open;
        self.parts.iter().take_while(bound).count()
    }

    /// The constants that it begins with.
    fn constants(&self) -> Vec<u64> {
        let constant = |part: &Part| match part {
            Part::Constant(value) => Some(*value),
            _ => None,
        };
        self.parts.iter().map_while(constant).collect()
    }

    /// The columns that are searched or read.
    fn needed(&self) -> [bool; 4] {
        let prefix = self.prefix();
        std::array::from_fn(|column| {
            self.wanted[column]
                || self.parts[column] != Part::Open
                || (column == prefix && self.range.is_some())
        })
    }
}

/// Rows with the numbers of their probes.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProbedRows {
    pub(crate) probes: Vec<u32>,
    pub(crate) rows: RowBatch,
}

/// Running look-ups.
pub(crate) struct RowLookup<S: StorageSnapshot> {
    window: Window<S>,
    view: View<S>,
    places: IndexPlaces,
    delta: ChangeSet<4>,
    context: ReadContext,
    plan: LookupPlan,
    prefix: usize,
    /// Columns behind the prefix that must be something.
    filters: Vec<(usize, Part)>,
    /// The probes by column, and their number.
    probes: Vec<Vec<u64>>,
    len: usize,
    /// The probe at hand, and what of it is still to be given.
    probe: usize,
    rest: Option<Found>,
    values: Vec<u64>,
}

impl<S: StorageSnapshot> RowLookup<S> {
    pub(crate) fn new(
        view: &View<S>,
        places: &IndexPlaces,
        delta: ChangeSet<4>,
        plan: LookupPlan,
        context: ReadContext,
    ) -> StorageResult<Self> {
        let options = WindowOptions {
            constants: &plan.constants(),
            needed: plan.needed(),
            context: context.clone(),
        };
        let prefix = plan.prefix();
        let filters = plan.parts.into_iter().enumerate().skip(prefix);
        Ok(Self {
            window: Window::new(view, &places.blocks, delta.clone(), options)?,
            view: view.clone(),
            places: places.clone(),
            delta,
            context,
            prefix,
            filters: filters.filter(|(_, part)| *part != Part::Open).collect(),
            plan,
            probes: Vec::new(),
            len: 0,
            probe: 0,
            rest: None,
            values: Vec::new(),
        })
    }

    /// Takes new probes, by column, and forgets those before; all columns are `len` long.
    pub(crate) fn set_probes(&mut self, columns: &[&[u64]], len: usize) {
        self.probes.resize_with(columns.len(), Vec::new);
        for (probes, column) in self.probes.iter_mut().zip(columns) {
            probes.clear();
            probes.extend_from_slice(column);
        }
        self.len = len;
        self.probe = 0;
        self.rest = None;
    }

    fn value_of(&self, part: Part) -> u64 {
        match part {
            Part::Open => 0,
            Part::Constant(value) => value,
            Part::Probe(column) => self.probes[column][self.probe],
        }
    }

    /// The rows that the probe at hand asks for; `None` when its range is empty.
    fn wanted_rows(&self) -> Option<Wanted> {
        let mut start: Row = [0; 4];
        for (value, part) in start.iter_mut().zip(&self.plan.parts[..self.prefix]) {
            *value = self.value_of(*part);
        }
        let Some((low, high)) = self.plan.range else {
            let (start, end) = prefix_range::<4>(&start[..self.prefix]);
            return Some(Wanted {
                start,
                end,
                prefix: self.prefix,
                first_only: false,
            });
        };
        let mut last = start;
        last[self.prefix] = high;
        last[self.prefix + 1..].fill(u64::MAX);
        start[self.prefix] = low;
        Some(Wanted {
            start,
            end: successor(last),
            prefix: 0,
            first_only: false,
        })
        .filter(|_| low <= high)
    }

    /// The next part of the probe at hand.
    fn find(&mut self, wanted: &Wanted, from: Option<Row>) -> StorageResult<Found> {
        let wanted = match from {
            Some(start) => Wanted {
                start,
                end: wanted.end,
                prefix: 0,
                first_only: false,
            },
            None => *wanted,
        };
        self.window.find(&wanted)
    }

    /// Clears the batch and fills it with the next rows; false when the probes have no more. After an error there are none.
    pub(crate) fn fill(&mut self, out: &mut ProbedRows) -> StorageResult<bool> {
        out.probes.clear();
        out.rows.clear();
        let filled = self.fill_or_fail(out);
        if filled.is_err() {
            self.len = 0;
            out.probes.clear();
            out.rows.clear();
        }
        filled
    }

    fn fill_or_fail(&mut self, out: &mut ProbedRows) -> StorageResult<bool> {
        if self.probe < self.len {
            self.context.check()?;
        }
        while self.probe < self.len && out.rows.len() < BATCH_ROWS_MAX {
            let Some(wanted) = self.wanted_rows() else {
                self.probe = self.len;
                break;
            };
            let mut found = match self.rest.take() {
                Some(rest) if !rest.rows.is_empty() => rest,
                Some(rest) => self.find(&wanted, rest.next)?,
                None => self.find(&wanted, None)?,
            };
            let taken = found.rows.len().min(BATCH_ROWS_MAX - out.rows.len());
            let behind = found.rows.start + taken;
            self.append(found.rows.start..behind, out);
            found.rows.start = behind;
            if found.rows.is_empty() && found.next.is_none() {
                self.probe += 1;
            } else {
                self.rest = Some(found);
            }
        }
        Ok(!out.rows.is_empty())
    }

    fn append(&mut self, rows: Range<usize>, out: &mut ProbedRows) {
        if rows.is_empty() {
            return;
        }
        if self.filters.is_empty() {
            return self.append_all(rows, out);
        }
        for run in self.matching(rows) {
            self.append_all(run, out);
        }
    }

    fn append_all(&self, rows: Range<usize>, out: &mut ProbedRows) {
        let probes = out.probes.len() + rows.len();
        out.probes.resize(probes, self.probe as u32);
        out.rows
            .append_with(rows.len(), self.plan.wanted, |column, values| {
                self.window.append(column, rows.clone(), values);
            });
    }

    /// The parts of some rows that have the values of the filters.
    fn matching(&mut self, rows: Range<usize>) -> Vec<Range<usize>> {
        let mut runs = vec![rows];
        let mut values = std::mem::take(&mut self.values);
        for (column, part) in &self.filters {
            let wanted = self.value_of(*part);
            if self.window.excludes(*column, wanted) {
                runs.clear();
            }
            let mut kept = Vec::new();
            for run in runs {
                values.clear();
                self.window.append(*column, run.clone(), &mut values);
                let mut start = run.start;
                for equal in values.chunk_by(|a, b| (*a == wanted) == (*b == wanted)) {
                    if equal.first() == Some(&wanted) {
                        kept.push(start..start + equal.len());
                    }
                    start += equal.len();
                }
            }
            runs = kept;
        }
        self.values = values;
        runs
    }

    /// Calls `visit` for each probe with the number of its rows, or 1 for any number when `any` is enough.
    pub(crate) fn count(&mut self, any: bool, mut visit: impl FnMut(u64)) -> StorageResult<()> {
        self.context.check()?;
        self.rest = None;
        self.probe = 0;
        while self.probe < self.len {
            visit(self.count_probe(any)?);
            self.probe += 1;
        }
        Ok(())
    }

    fn count_probe(&mut self, any: bool) -> StorageResult<u64> {
        let Some(wanted) = self.wanted_rows() else {
            return Ok(0);
        };
        let (mut count, mut next) = (0, None);
        loop {
            let found = self.find(&wanted, next)?;
            let rows = if self.filters.is_empty() {
                found.rows.len()
            } else {
                self.matching(found.rows).iter().map(Range::len).sum()
            };
            count += rows as u64;
            if any && count > 0 {
                return Ok(1);
            }
            let Some(row) = found.next else {
                return Ok(count);
            };
            if next.is_some() && !any && self.filters.is_empty() {
                // More than two blocks: the summaries know the rest.
                let (view, places) = (&self.view, &self.places);
                let rest = count_rows(view, places, &self.delta, &row, wanted.end)?;
                return Ok(count.saturating_add(rest));
            }
            next = Some(row);
        }
    }
}
