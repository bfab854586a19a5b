//! Chooses the encoding of a column by exact size, and writes it. Deterministic.

use super::bits::{Parts, bit_width, bytes_of, pack, pack_bitmap};
use super::column::{DICTIONARY, FRAMES, FRAMES_OWN_CODES};
use super::distinct::{Distinct, Seen};
use super::frames::PAYLOAD_BITS;
use super::frames_plan::{FramesPlan, GROUP_BITS, GROUPS_MAX};
use super::runs::{ROWS_PER_RANK, RUN_BITMAP, RUN_STARTS, rank_count};
use super::sequence::Kind;
use super::sequence_plan::{Outline, SequencePlan};

/// A dictionary of so few entries is tried however they were stored before.
const FEW_ENTRIES: usize = 64;

/// A chosen encoding of one column, holding what [`ColumnPlan::write`] needs, and its exact size.
#[derive(Debug)]
pub(super) struct ColumnPlan {
    layers: Layers,
    pub(super) bytes: usize,
}

/// How a column is stored, as far as it takes time to find out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Layout {
    /// With an entry a run or a row, and with or without a dictionary.
    Plain { runs: bool, dictionary: bool },
    /// In frames by tag.
    FramesByTag,
    /// In frames by the column before, which is a dictionary then.
    FramesByColumn,
}

#[derive(Debug)]
enum Layers {
    Plain {
        runs: Option<RunsPlan>,
        entries: Entries,
    },
    Frames {
        plan: FramesPlan,
        own_codes: bool,
    },
}

#[derive(Debug)]
struct RunsPlan {
    /// The first row of each run but the first.
    starts: Vec<u64>,
    rows: usize,
    /// `None`: as a bitmap.
    as_sequence: Option<SequencePlan>,
    bytes: usize,
}

/// The values of rows or runs: as they are, or as codes into a dictionary.
#[derive(Debug)]
struct Entries {
    values: Vec<u64>,
    plan: SequencePlan,
    dictionary: Option<(Vec<u64>, SequencePlan)>,
    bytes: usize,
}

impl ColumnPlan {
    /// Plans a column of at least one row by itself.
    pub(super) fn plain(values: &[u64]) -> Self {
        let starts = starts_of(values);
        let with_runs = || Self::with_runs(values, starts, Entries::new);
        let without = || Self::layers(None, Entries::new(values.to_vec()));
        match runs_pay(starts, values.len()) {
            Some(true) => with_runs(),
            Some(false) => without(),
            None => {
                let (with_runs, without) = (with_runs(), without());
                if with_runs.bytes < without.bytes {
                    with_runs
                } else {
                    without
                }
            }
        }
    }

    /// Plans a column of at least one row by itself, in doubt in a given layout.
    pub(super) fn plain_like(values: &[u64], layout: Layout) -> Self {
        let starts = starts_of(values);
        let (runs, dictionary) = match layout {
            Layout::Plain { runs, dictionary } => (runs, dictionary),
            Layout::FramesByTag | Layout::FramesByColumn => (false, false),
        };
        let entries = |entries: Vec<u64>| {
            if dictionary || entries.len() <= FEW_ENTRIES {
                Entries::new(entries)
            } else {
                Entries::without_dictionary(entries)
            }
        };
        if runs_pay(starts, values.len()).unwrap_or(runs) {
            Self::with_runs(values, starts, entries)
        } else {
            Self::layers(None, entries(values.to_vec()))
        }
    }

    /// The layout that was chosen.
    pub(super) fn layout(&self) -> Layout {
        match &self.layers {
            Layers::Plain { runs, entries } => Layout::Plain {
                runs: runs.is_some(),
                dictionary: entries.dictionary.is_some(),
            },
            Layers::Frames { own_codes, .. } if *own_codes => Layout::FramesByTag,
            Layers::Frames { .. } => Layout::FramesByColumn,
        }
    }

    /// An entry for each run; but for the first, so many begin.
    fn with_runs(values: &[u64], starts: usize, entries: impl FnOnce(Vec<u64>) -> Entries) -> Self {
        let mut rows = Vec::with_capacity(starts);
        let mut heads = Vec::with_capacity(starts + 1);
        heads.extend(values.first());
        for (row, pair) in (1..).zip(values.windows(2)) {
            if pair[0] != pair[1] {
                rows.push(row);
                heads.push(pair[1]);
            }
        }
        Self::layers(RunsPlan::new(rows, values.len()), entries(heads))
    }

    fn layers(runs: Option<RunsPlan>, entries: Entries) -> Self {
        let bytes = 1 + runs.as_ref().map_or(0, |runs| runs.bytes) + entries.bytes;
        Self {
            layers: Layers::Plain { runs, entries },
            bytes,
        }
    }

    /// Frames of `values` by their tags, if they can take less than `bytes_max`.
    pub(super) fn frames_by_tag(values: &[u64], bytes_max: usize) -> Option<Self> {
        let tags = Distinct::new(
            values.iter().map(|value| value >> PAYLOAD_BITS),
            GROUPS_MAX.min(values.len() / 4),
        )?;
        if tags.values.len() < 2 {
            return None;
        }
        let plan = FramesPlan::new(tags, None, values, bytes_max)?;
        Some(Self {
            bytes: 1 + plan.bytes,
            layers: Layers::Frames {
                plan,
                own_codes: true,
            },
        })
    }

    /// The column `before` as a dictionary that tells the groups, and `values`, which take so many bytes by themselves, as
    /// frames in those groups, if both can take less than `bytes_max`.
    pub(super) fn frames_by_column(
        before: &[u64],
        (values, bytes): (&[u64], usize),
        bytes_max: usize,
    ) -> Option<(Self, Self)> {
        let keys = Distinct::new(before.iter().copied(), GROUPS_MAX.min(values.len() / 4))?;
        if keys.values.len() < 2 || is_hopeless(&keys, values, bytes) {
            return None;
        }
        let mut plan = FramesPlan::new(keys, Some(before), values, bytes_max)?;
        let keys_plan = SequencePlan::new(&plan.keys);
        let codes = std::mem::take(&mut plan.keys);
        let entries = Entries {
            values: plan.codes.clone(),
            plan: plan.codes_plan,
            bytes: 2 + plan.codes_plan.bytes + keys_plan.bytes,
            dictionary: Some((codes, keys_plan)),
        };
        let frames = Self {
            bytes: 1 + plan.bytes,
            layers: Layers::Frames {
                plan,
                own_codes: false,
            },
        };
        Some((Self::layers(None, entries), frames))
    }

    /// Appends the column.
    pub(super) fn write(&self, out: &mut Parts) {
        let start = out.len();
        match &self.layers {
            Layers::Plain { runs, entries } => write_plain(runs.as_ref(), entries, out),
            Layers::Frames { plan, own_codes } => {
                out.header
                    .push(if *own_codes { FRAMES_OWN_CODES } else { FRAMES });
                plan.write(out);
            }
        }
        debug_assert_eq!(out.len() - start, self.bytes);
    }
}

/// How many runs begin behind the first row.
fn starts_of(values: &[u64]) -> usize {
    let later = values.get(1..).unwrap_or_default();
    let changes = values.iter().zip(later);
    changes
        .map(|(value, next)| usize::from(value != next))
        .sum()
}

/// Long runs pay for sure and short ones surely not; between, it is to be tried.
fn runs_pay(starts: usize, rows: usize) -> Option<bool> {
    if starts * 16 < rows {
        Some(true)
    } else if starts * 4 > rows * 3 {
        Some(false)
    } else {
        None
    }
}

/// Whether groups by key alone take `bytes` or more, while there is one tag: cutting them further mostly helps where
/// tags or magnitudes are mixed, so the work of sorting them is saved.
fn is_hopeless(keys: &Distinct, values: &[u64], bytes: usize) -> bool {
    let tag = values[0] >> PAYLOAD_BITS;
    if values.iter().any(|value| value >> PAYLOAD_BITS != tag) {
        return false;
    }
    let mut groups = vec![(u64::MAX, 0, 0); keys.values.len()];
    for (&code, &value) in keys.codes.iter().zip(values) {
        let (min, max, count) = &mut groups[code as usize];
        (*min, *max) = (value.min(*min), value.max(*max));
        *count += 1;
    }
    let bits: usize = groups
        .iter()
        .map(|(min, max, count)| count * bit_width(max - min) as usize)
        .sum();
    bytes_of(bits + groups.len() * GROUP_BITS) >= bytes
}

fn write_plain(runs: Option<&RunsPlan>, entries: &Entries, out: &mut Parts) {
    let flags = match runs {
        None => 0,
        Some(RunsPlan {
            as_sequence: Some(_),
            ..
        }) => RUN_STARTS,
        Some(_) => RUN_BITMAP,
    };
    out.header.push(
        flags
            | if entries.dictionary.is_some() {
                DICTIONARY
            } else {
                0
            },
    );
    if let Some(runs) = runs {
        runs.write(out);
    }
    entries.plan.write(&entries.values, out);
    if let Some((distinct, plan)) = &entries.dictionary {
        out.short(distinct.len());
        plan.write(distinct, out);
    }
}

impl RunsPlan {
    /// `None` when all is one run.
    fn new(starts: Vec<u64>, rows: usize) -> Option<Self> {
        if starts.is_empty() {
            return None;
        }
        let sequence = SequencePlan::new(&starts);
        let rank_width = bit_width(starts.len() as u64 + 1) as usize;
        let bitmap = bytes_of(rank_count(rows) * rank_width) + bytes_of(rows);
        let as_sequence = (sequence.bytes < bitmap).then_some(sequence);
        Some(Self {
            starts,
            rows,
            as_sequence,
            bytes: 2 + sequence.bytes.min(bitmap),
        })
    }

    fn write(&self, out: &mut Parts) {
        let runs = self.starts.len() + 1;
        out.short(runs);
        match &self.as_sequence {
            Some(plan) => plan.write(&self.starts, out),
            None => {
                let ranks = (1..=rank_count(self.rows)).map(|sample| {
                    self.starts
                        .partition_point(|&row| row < (sample * ROWS_PER_RANK) as u64)
                        as u64
                });
                pack(ranks, bit_width(runs as u64), &mut out.data);
                pack_bitmap(
                    self.starts.iter().map(|&row| row as usize),
                    self.rows,
                    &mut out.data,
                );
            }
        }
    }
}

impl Entries {
    fn without_dictionary(values: Vec<u64>) -> Self {
        Self::of(Outline::of(&values), values)
    }

    fn of(outline: Outline, values: Vec<u64>) -> Self {
        let plan = SequencePlan::of(outline, &values);
        Self {
            bytes: plan.bytes,
            values,
            plan,
            dictionary: None,
        }
    }

    fn new(values: Vec<u64>) -> Self {
        let outline = Outline::of(&values);
        let plain = Self::of(outline, values);
        match Self::by_dictionary(&plain, outline) {
            Some(entries) => entries,
            None => plain,
        }
    }

    /// The same entries as codes, if these and what they mean are smaller.
    fn by_dictionary(plain: &Self, outline: Outline) -> Option<Self> {
        // The one value would only be written elsewhere.
        if plain.plan.kind == Kind::Constant {
            return None;
        }
        // More distinct values than half the rows cannot pay.
        let most = plain.values.len() / 2;
        let (distinct, dictionary) = if outline.is_ascending() {
            let distinct = Distinct::of_ascending(&plain.values, most)?;
            let dictionary = SequencePlan::ascending(outline.of_distinct(distinct.values.len()));
            (distinct, dictionary)
        } else {
            let seen = Seen::new(plain.values.iter().copied(), most)?;
            let dictionary = SequencePlan::ascending(outline.of_distinct(seen.len()));
            let codes = outline.least_bytes_of_codes(seen.len());
            if 2 + codes + dictionary.bytes >= plain.bytes {
                return None;
            }
            (seen.sorted(), dictionary)
        };
        let plan = SequencePlan::new(&distinct.codes);
        let bytes = 2 + plan.bytes + dictionary.bytes;
        (bytes < plain.bytes).then_some(Self {
            values: distinct.codes,
            plan,
            dictionary: Some((distinct.values, dictionary)),
            bytes,
        })
    }
}
