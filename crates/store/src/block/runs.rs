//! Runs of equal rows: which run a row lies in, where a run begins. Stored as the rows where runs begin, or a bit a row.

use super::bits::{Reader, bit_width, count_ones, read, select};
use super::sequence::Sequence;
use std::ops::Range;

/// Set in a column's first byte: runs, given by the row at which each run but the first begins.
pub(super) const RUN_STARTS: u8 = 2;
/// Set in a column's first byte: runs, given by a bit a row, set where a run but the first begins.
pub(super) const RUN_BITMAP: u8 = 4;

/// One count of run starts is kept for this many rows.
pub(super) const ROWS_PER_RANK: usize = 256;

/// The runs of a column.
#[derive(Clone, Copy, Debug)]
pub(super) enum Runs {
    /// Every row is its own.
    None,
    /// The first row of each run but the first.
    Starts { starts: Sequence, rows: u32 },
    /// Byte offsets of the bits and of the counts before each [`ROWS_PER_RANK`] rows; the bits of a count; runs in number.
    Bitmap {
        bits: u32,
        ranks: u32,
        rank_width: u32,
        count: u32,
        rows: u32,
    },
}

impl Runs {
    /// The runs and their number.
    #[inline]
    pub(super) fn parse(reader: &mut Reader<'_>, flags: u8, rows: usize) -> (Self, usize) {
        let which = flags & (RUN_STARTS | RUN_BITMAP);
        if which == 0 {
            return (Self::None, rows);
        }
        let count = reader.short();
        reader.damaged |= count == 0 || count > rows || which == RUN_STARTS | RUN_BITMAP;
        let runs = if which == RUN_STARTS {
            let starts = Sequence::parse(reader, count.saturating_sub(1));
            reader.damaged |= starts.max() >= rows as u64 || starts.max() < starts.min();
            Self::Starts {
                starts,
                rows: rows as u32,
            }
        } else {
            let rank_width = bit_width(count as u64);
            let ranks = reader.skip(rank_count(rows) * rank_width as usize);
            let bits = reader.skip(rows);
            Self::Bitmap {
                bits,
                ranks,
                rank_width,
                count: count as u32,
                rows: rows as u32,
            }
        };
        (runs, count)
    }

    /// The run that a row lies in.
    #[inline]
    pub(super) fn run_of(&self, bytes: &[u8], row: usize) -> usize {
        match self {
            Self::None => row,
            Self::Starts { starts, .. } => {
                starts.lower_bound(bytes, 0..starts.len as usize, row as u64 + 1)
            }
            Self::Bitmap {
                bits,
                ranks,
                rank_width,
                count,
                ..
            } => {
                let sample = row / ROWS_PER_RANK;
                let mut run = 0;
                if sample > 0 {
                    run = read(
                        bytes,
                        *ranks as usize * 8 + (sample - 1) * *rank_width as usize,
                        *rank_width,
                    ) as usize;
                }
                run += count_ones(bytes, *bits as usize, sample * ROWS_PER_RANK, row + 1);
                run.min(*count as usize - 1)
            }
        }
    }

    /// The runs that `rows`, not empty, lie in.
    #[inline]
    pub(super) fn covering(&self, bytes: &[u8], rows: Range<usize>) -> Range<usize> {
        let (count, all) = match self {
            Self::None => return rows,
            Self::Starts { starts, rows } => (starts.len as usize + 1, *rows as usize),
            Self::Bitmap { count, rows, .. } => (*count as usize, *rows as usize),
        };
        let first = if rows.start == 0 {
            0
        } else {
            self.run_of(bytes, rows.start)
        };
        let end = if rows.end >= all {
            count
        } else {
            self.run_of(bytes, rows.end - 1) + 1
        };
        first..end.max(first + 1)
    }

    /// The first rows of two runs, the second not before the first.
    #[inline]
    pub(super) fn starts_of(&self, bytes: &[u8], runs: Range<usize>) -> Range<usize> {
        if let Self::Starts { starts, .. } = self
            && runs.len() == 1
            && runs.start > 0
            && runs.end <= starts.len as usize
        {
            let (mut first, mut second) = (None, 0);
            starts.for_each(bytes, runs.start - 1..runs.end, |start| {
                first.get_or_insert(start);
                second = start;
            });
            return first.unwrap_or_default() as usize..second as usize;
        }
        self.start_of(bytes, runs.start)..self.start_of(bytes, runs.end)
    }

    /// The first row of a run; the number of rows for the run after the last.
    #[inline]
    fn start_of(&self, bytes: &[u8], run: usize) -> usize {
        match self {
            _ if run == 0 => 0,
            Self::None => run,
            Self::Starts { starts, rows } if run > starts.len as usize => *rows as usize,
            Self::Starts { starts, .. } => starts.get(bytes, run - 1) as usize,
            Self::Bitmap { bits, rows, .. } => {
                select(bytes, *bits as usize, 0, *rows as usize, run - 1)
            }
        }
    }

    /// Whether all of `rows`, the first of which lies in `run`, lie in it; false for many rows, too.
    #[inline]
    fn lie_in_run(&self, bytes: &[u8], run: usize, rows: &Range<usize>) -> bool {
        match self {
            Self::None => rows.len() == 1,
            Self::Starts { starts, .. } if run >= starts.len as usize => true,
            Self::Starts { starts, .. } => starts.get(bytes, run) >= rows.end as u64,
            Self::Bitmap { bits, .. } => {
                rows.len() <= 64 && count_ones(bytes, *bits as usize, rows.start + 1, rows.end) == 0
            }
        }
    }

    /// Appends, for each row of `range` (not empty, within the rows), the entry of its run.
    pub(super) fn decode(
        &self,
        bytes: &[u8],
        entries: &Sequence,
        range: Range<usize>,
        out: &mut Vec<u64>,
    ) {
        if matches!(self, Self::None) {
            return entries.decode(bytes, range, out);
        }
        let (first, last) = (out.len(), out.len() + range.len());
        let run = self.run_of(bytes, range.start);
        if self.lie_in_run(bytes, run, &range) {
            return out.resize(last, entries.get(bytes, run));
        }
        let runs = run..self.run_of(bytes, range.end - 1) + 1;
        let mut values = Vec::with_capacity(runs.len());
        entries.decode(bytes, runs.clone(), &mut values);
        let mut values = values.into_iter();
        self.for_each_end(bytes, runs, range.clone(), |end| {
            let filled = first + end.saturating_sub(range.start);
            out.resize(
                filled.clamp(out.len(), last),
                values.next().unwrap_or_default(),
            );
        });
        out.resize(last, values.next().unwrap_or_default());
    }

    /// Calls `visit` with the end of each of `runs` but the last; these runs cover `rows`.
    #[inline]
    fn for_each_end(
        &self,
        bytes: &[u8],
        runs: Range<usize>,
        rows: Range<usize>,
        mut visit: impl FnMut(usize),
    ) {
        match self {
            Self::None => {}
            Self::Starts { starts, .. } => {
                let end = (runs.end - 1).min(starts.len as usize);
                starts.for_each(bytes, runs.start.min(end)..end, |start| {
                    visit(start as usize)
                });
            }
            Self::Bitmap { bits, .. } => {
                let mut at = rows.start + 1;
                while at < rows.end {
                    let taken = (rows.end - at).min(64);
                    let mut word = read(bytes, *bits as usize * 8 + at, taken as u32);
                    while word != 0 {
                        visit(at + word.trailing_zeros() as usize);
                        word &= word - 1;
                    }
                    at += taken;
                }
            }
        }
    }
}

/// How many counts of run starts a bitmap of `rows` rows has.
pub(super) fn rank_count(rows: usize) -> usize {
    rows.saturating_sub(1) / ROWS_PER_RANK
}
