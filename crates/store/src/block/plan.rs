//! Plans all columns of a block: each by itself, then, where a column is dear, with the help of the one before it.

use super::BLOCK_ROWS_MAX;
use super::bits::Parts;
use super::column_plan::{ColumnPlan, Layout};

/// A column that costs fewer bits a row than this by itself is left as it is.
const DEAR_BITS_PER_ROW: usize = 4;

/// Most headers are shorter.
const HEADER_BYTES: usize = 256;

/// Rows that are fewer or more by less than one in so many are best stored as the others are.
const LIKENESS: usize = 8;

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
        Self::of_columns(rows.len(), columns)
    }

    fn of_columns(rows: usize, columns: Vec<ColumnPlan>) -> Self {
        let bytes = 4 + columns.iter().map(|column| column.bytes).sum::<usize>();
        Self {
            rows,
            columns,
            bytes,
        }
    }

    /// Plans rows in given layouts, which takes half the time. `None` when a column has too few or too many groups for its
    /// own.
    fn in_layouts<const N: usize>(rows: &[[u64; N]], layouts: &[Layout; N]) -> Option<Self> {
        let mut columns: Vec<ColumnPlan> = Vec::with_capacity(N);
        let values = |column: usize| -> Vec<u64> { rows.iter().map(|row| row[column]).collect() };
        while let Some(&layout) = layouts.get(columns.len()) {
            let column = columns.len();
            let (here, next) = (values(column), layouts.get(column + 1));
            match layout {
                _ if next == Some(&Layout::FramesByColumn) => {
                    let framed = (&values(column + 1)[..], usize::MAX);
                    let both = ColumnPlan::frames_by_column(&here, framed, usize::MAX)?;
                    columns.extend(<[ColumnPlan; 2]>::from(both));
                }
                Layout::FramesByTag => {
                    columns.push(ColumnPlan::frames_by_tag(&here, usize::MAX)?);
                }
                layout => columns.push(ColumnPlan::plain_like(&here, layout)),
            }
        }
        Some(Self::of_columns(rows.len(), columns))
    }

    /// Plans as many of `rows`, from the front, as fit `bytes_max`, but at least one; `hint` is a guess, 0 for none, and
    /// `plan_of` plans a beginning of the rows.
    pub(super) fn that_fits<const N: usize>(
        rows: &[[u64; N]],
        bytes_max: usize,
        hint: usize,
        mut plan_of: impl FnMut(&[[u64; N]]) -> Self,
    ) -> Self {
        let enough = bytes_max - bytes_max / 33;
        let aim = aim(bytes_max);
        let (mut fits, mut too_many) = (None, rows.len().min(BLOCK_ROWS_MAX) + 1);
        let mut least = 1;
        let mut probe = if hint == 0 { bytes_max / 4 } else { hint };
        while least < too_many {
            probe = probe.clamp(least, too_many - 1);
            let plan = plan_of(&rows[..probe]);
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
        fits.unwrap_or_else(|| plan_of(&rows[..1]))
    }

    /// The number of rows.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// Appends the block.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let mut parts = Parts {
            header: Vec::with_capacity(HEADER_BYTES),
            data: Vec::with_capacity(self.bytes),
        };
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

/// The bytes to aim at: a little below full, so that a guess is seldom just too large.
pub(super) fn aim(bytes_max: usize) -> usize {
    bytes_max - bytes_max / 128
}

/// What the layouts were of a block of so many rows, each the best of all.
pub(super) struct Model<const N: usize> {
    rows: usize,
    layouts: [Layout; N],
}

impl<const N: usize> Model<N> {
    fn of(plan: &BlockPlan) -> Option<Self> {
        let layouts: Vec<Layout> = plan.columns.iter().map(ColumnPlan::layout).collect();
        Some(Self {
            rows: plan.rows,
            layouts: layouts.try_into().ok()?,
        })
    }

    /// Plans rows in the layouts of a model, if it has the same beginning and nearly as many. Other rows are a model anew.
    pub(super) fn plan(model: &mut Option<Self>, rows: &[[u64; N]]) -> BlockPlan {
        let alike = |model: &&Self| model.rows.abs_diff(rows.len()) <= model.rows / LIKENESS;
        let known = model.as_ref().filter(alike);
        let plan = known.and_then(|model| BlockPlan::in_layouts(rows, &model.layouts));
        plan.unwrap_or_else(|| {
            let plan = BlockPlan::new(rows);
            *model = Self::of(&plan);
            plan
        })
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
