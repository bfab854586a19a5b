//! The distinct values of a column behind a prefix, with how many rows have each.
//!
//! What flows in: a range of rows. What flows out: values and counts, block by block. What always holds: values ascend, and
//! counts are exact; a value that fills more than the next block is counted by summaries, and passed over.

use super::count::count_rows;
use super::prefix_range;
use super::scan::{RowBatch, RowScan, ScanRange};
use super::window::{Wanted, Window, WindowOptions};
use crate::context::ReadContext;
use crate::delta::ChangeSet;
use crate::keyspaces::IndexPlaces;
use crate::permutation::Row;
use crate::view::View;
use quadrille_backend::{StorageResult, StorageSnapshot};

/// The values of a column in a range of rows.
pub(crate) struct RowValues<S: StorageSnapshot> {
    rows: Rows<S>,
    column: usize,
    /// A value whose rows may go on, and how many have been counted.
    pending: Option<(u64, u64)>,
    with_counts: bool,
}

/// Where rows come from.
enum Rows<S: StorageSnapshot> {
    /// Rows that are all meant: runs of a value can be passed over.
    Whole(Box<WholeRows<S>>),
    /// Rows of which some columns are compared.
    Filtered(Box<RowScan<S>>, RowBatch),
}

struct WholeRows<S: StorageSnapshot> {
    window: Window<S>,
    view: View<S>,
    places: IndexPlaces,
    delta: ChangeSet<4>,
    end: Option<Row>,
    /// The first row not looked at; `None` at the end.
    position: Option<Row>,
}

impl<S: StorageSnapshot> RowValues<S> {
    /// The values of a column: the first behind those that are the same in all rows of the range but for this column.
    pub(crate) fn new(
        view: &View<S>,
        places: &IndexPlaces,
        delta: ChangeSet<4>,
        (mut range, column): (ScanRange, usize),
        with_counts: bool,
        context: ReadContext,
    ) -> StorageResult<Self> {
        let mut needed = [false; 4];
        if let Some(needed) = needed.get_mut(column) {
            *needed = true;
        }
        range.wanted = needed;
        let rows = if range.filters().next().is_some() {
            let scan = RowScan::new(view, places, delta, range, context)?;
            Rows::Filtered(Box::new(scan), RowBatch::default())
        } else {
            let options = WindowOptions {
                constants: &range.start[..column],
                needed: searched(&range, column),
                context,
            };
            Rows::Whole(Box::new(WholeRows {
                window: Window::new(view, &places.blocks, delta.clone(), options)?,
                view: view.clone(),
                places: places.clone(),
                delta,
                end: range.end,
                position: Some(range.start),
            }))
        };
        Ok(Self {
            rows,
            column,
            pending: None,
            with_counts,
        })
    }

    /// Clears the vectors and fills them with the next values and, if they are wanted, counts; false when there are no more.
    /// After an error there are none.
    pub(crate) fn fill(
        &mut self,
        values: &mut Vec<u64>,
        counts: &mut Vec<u64>,
    ) -> StorageResult<bool> {
        values.clear();
        counts.clear();
        let filled = self.fill_or_fail(values, counts);
        if filled.is_err() {
            self.end();
            values.clear();
            counts.clear();
        }
        filled
    }

    fn end(&mut self) {
        self.pending = None;
        if let Rows::Whole(rows) = &mut self.rows {
            rows.position = None;
        }
    }

    fn fill_or_fail(
        &mut self,
        values: &mut Vec<u64>,
        counts: &mut Vec<u64>,
    ) -> StorageResult<bool> {
        let (column, with_counts) = (self.column, self.with_counts);
        let mut give = |(value, count): (u64, u64)| {
            values.push(value);
            if with_counts {
                counts.push(count);
            }
        };
        let mut given = false;
        while !given {
            let pending = &mut self.pending;
            let mut add = |run: &[u64]| {
                let Some(&value) = run.first() else {
                    return;
                };
                match pending {
                    Some((before, count)) if *before == value => *count += run.len() as u64,
                    _ => {
                        if let Some(complete) = pending.replace((value, run.len() as u64)) {
                            give(complete);
                            given = true;
                        }
                    }
                }
            };
            let goes_on = match &mut self.rows {
                Rows::Filtered(scan, batch) => {
                    let goes_on = scan.fill(batch)?;
                    batch.columns[column]
                        .chunk_by(|a, b| a == b)
                        .for_each(&mut add);
                    goes_on
                }
                Rows::Whole(rows) => rows.fill(column, &mut add)?,
            };
            if !goes_on {
                let last = pending.take();
                given = given || last.is_some();
                last.into_iter().for_each(&mut give);
                break;
            }
            if let Rows::Whole(rows) = &mut self.rows {
                rows.pass(column, with_counts, pending)?;
            }
        }
        Ok(given)
    }
}

/// The columns in which a range is searched: those up to the last in which its bounds are anything, and the one that is read.
fn searched(range: &ScanRange, column: usize) -> [bool; 4] {
    let end = range.end.unwrap_or_default();
    let last = (0..4).rfind(|&other| range.start[other] != 0 || end[other] != 0);
    let last = last.unwrap_or(0).max(column);
    std::array::from_fn(|other| other <= last)
}

impl<S: StorageSnapshot> WholeRows<S> {
    /// Gives the runs of the next rows in hand; false at the end.
    fn fill(&mut self, column: usize, add: impl FnMut(&[u64])) -> StorageResult<bool> {
        let Some(start) = self.position else {
            return Ok(false);
        };
        let found = self.window.find_to_decode(&Wanted {
            start,
            end: self.end,
            prefix: 0,
            first_only: false,
        })?;
        self.position = found.next;
        let values = self.window.decoded_column(column);
        let values = values.get(found.rows).unwrap_or_default();
        values.chunk_by(|a, b| a == b).for_each(add);
        Ok(true)
    }

    /// Passes over the rest of a value whose rows have filled more than the rows in hand.
    fn pass(
        &mut self,
        column: usize,
        with_counts: bool,
        pending: &mut Option<(u64, u64)>,
    ) -> StorageResult<()> {
        let (Some(position), Some((value, count))) = (self.position, pending) else {
            return Ok(());
        };
        let in_hand = self.window.decoded_column(column);
        // All that was in hand is the value, and the rows to come begin with it, too.
        if in_hand.first() != Some(value) || position[column] != *value {
            return Ok(());
        }
        let mut prefix = position;
        prefix[column] = *value;
        let mut behind = prefix_range::<4>(&prefix[..=column]).1;
        if let Some(end) = self.end {
            behind = Some(behind.map_or(end, |behind| behind.min(end)));
        }
        if with_counts {
            let (view, places) = (&self.view, &self.places);
            *count += count_rows(view, places, &self.delta, &position, behind)?;
        }
        self.position = behind.filter(|behind| self.end.is_none_or(|end| *behind < end));
        Ok(())
    }
}
