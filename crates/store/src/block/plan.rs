//! Plans all columns of a block: each by itself, then, where a column is dear, with the help of the one before it.

use super::BLOCK_ROWS_MAX;
use super::bits::Parts;
use super::column_plan::ColumnPlan;

/// A column that costs fewer bits a row than this by itself is left as it is.
const DEAR_BITS_PER_ROW: usize = 4;

/// A block ready to be written, and its exact size.
pub(super) struct BlockPlan {
    rows: usize,
    pub(super) columns: Vec<ColumnPlan>,
    pub(super) bytes: usize,
}

impl BlockPlan {
    /// Plans a block of these rows, at least one.
    pub(super) fn new<const N: usize>(rows: &[[u64; N]]) -> Self {
        let mut columns: Vec<ColumnPlan> = Vec::with_capacity(N);
        let (mut values, mut before) = (
            Vec::with_capacity(rows.len()),
            Vec::with_capacity(rows.len()),
        );
        for column in 0..N {
            std::mem::swap(&mut values, &mut before);
            values.clear();
            values.extend(rows.iter().map(|row| row[column]));
            columns.push(ColumnPlan::plain(&values));
            improve(&mut columns, &before, &values);
        }
        let bytes = 4 + columns.iter().map(|column| column.bytes).sum::<usize>();
        Self {
            rows: rows.len(),
            columns,
            bytes,
        }
    }

    /// Plans as many of `rows`, from the front, as fit `bytes_max`, but at least one; `hint` is a guess, 0 for none.
    pub(super) fn that_fits<const N: usize>(
        rows: &[[u64; N]],
        bytes_max: usize,
        hint: usize,
    ) -> Self {
        let enough = bytes_max - bytes_max / 33;
        // A little below full, so that the next guess is seldom just too large.
        let aim = bytes_max - bytes_max / 128;
        let (mut fits, mut too_many) = (None, rows.len().min(BLOCK_ROWS_MAX) + 1);
        let mut least = 1;
        let mut probe = if hint == 0 { bytes_max / 4 } else { hint };
        while least < too_many {
            probe = probe.clamp(least, too_many - 1);
            let plan = Self::new(&rows[..probe]);
            let guess = probe * aim / plan.bytes;
            if plan.bytes <= bytes_max {
                let full = plan.bytes >= enough;
                least = probe + 1;
                fits = Some(plan);
                if full {
                    break;
                }
            } else {
                too_many = probe;
            }
            probe = if (least..too_many).contains(&guess) {
                guess
            } else {
                least + too_many.saturating_sub(least) / 2
            };
        }
        fits.unwrap_or_else(|| Self::new(&rows[..1]))
    }

    /// The number of rows.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// Appends the block.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let mut parts = Parts::default();
        for column in &self.columns {
            column.write(&mut parts);
        }
        out.extend_from_slice(&(self.rows as u16).to_le_bytes());
        out.extend_from_slice(&(parts.header.len() as u16).to_le_bytes());
        out.extend_from_slice(&parts.header);
        out.extend_from_slice(&parts.data);
        debug_assert_eq!(out.len() - start, self.bytes);
    }
}

/// Replaces the last plan, of `values`, and perhaps the one before it by smaller ones.
fn improve(plans: &mut [ColumnPlan], before: &[u64], values: &[u64]) {
    let Some((plan, plans)) = plans.split_last_mut() else {
        return;
    };
    if plan.bytes * 8 < values.len() * DEAR_BITS_PER_ROW {
        return;
    }
    let mixed_tags = values.iter().any(|value| value >> 56 != values[0] >> 56);
    if mixed_tags {
        let frames = ColumnPlan::frames_by_tag(values, plan.bytes);
        keep_smaller(plan, frames);
    }
    let Some(plan_before) = plans.last_mut() else {
        return;
    };
    if before.iter().all(|&value| value == before[0]) {
        return;
    }
    let bytes_max = plan_before.bytes + plan.bytes;
    let column = (values, plan.bytes);
    if let Some((dictionary, frames)) = ColumnPlan::frames_by_column(before, column, bytes_max)
        && dictionary.bytes + frames.bytes < bytes_max
    {
        (*plan_before, *plan) = (dictionary, frames);
    }
}

fn keep_smaller(plan: &mut ColumnPlan, other: Option<ColumnPlan>) {
    if let Some(other) = other
        && other.bytes < plan.bytes
    {
        *plan = other;
    }
}
