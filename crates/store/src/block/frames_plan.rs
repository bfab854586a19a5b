//! Plans and writes a column of frames (see [`super::frames`]): groups by the column before and by tag. Deterministic.

use super::bits::{BitWriter, Parts, bit_width, bytes_of, mask, pack, uint_bytes};
use super::distinct::Distinct;
use super::frames::{
    GROUPS_PER_SAMPLE, PAYLOAD_BITS, ROWS_PER_SAMPLE, WIDTH_BITS, base_sample_count, base_shift,
    descriptor_bits, sample_count,
};
use super::sequence_plan::SequencePlan;

/// More groups than this are not worth trying.
pub(super) const GROUPS_MAX: usize = 255;

/// What the base of a group takes, about, in bits.
const BASE_BITS: usize = 10;

/// What a group takes beside its values, about, in bits.
pub(super) const GROUP_BITS: usize = 12 + BASE_BITS;

/// Chosen groups and the exact size of the column.
#[derive(Debug)]
pub(super) struct FramesPlan {
    /// The group of each row.
    pub(super) codes: Vec<u64>,
    /// The value in the column before that each group has.
    pub(super) keys: Vec<u64>,
    /// How the codes are written; within this column when `own_codes`.
    pub(super) codes_plan: SequencePlan,
    own_codes: bool,
    pub(super) groups: Vec<GroupPlan>,
    values: Vec<u64>,
    min: u64,
    max: u64,
    tag_min: u8,
    tag_width: u8,
    base_bits: usize,
    data_bits: usize,
    /// Of this column.
    pub(super) bytes: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct GroupPlan {
    tag: u8,
    width: u32,
    base: u64,
}

impl GroupPlan {
    /// The smallest width, and the base rounded down as that width says, for payloads from `min` to `max`.
    fn new(tag: u8, min: u64, max: u64) -> Self {
        let mut width = bit_width(max - min);
        loop {
            let base = min >> base_shift(width) << base_shift(width);
            if bit_width(max - base) <= width {
                return Self { tag, width, base };
            }
            width += 1;
        }
    }

    fn base_width(&self) -> u32 {
        bit_width(self.base >> base_shift(self.width))
    }
}

impl FramesPlan {
    /// Groups `values` by the key of each, by tag and by magnitude. The keys are those of the column `before`, or, without
    /// one, tags, and the groups are then the column's own. `None` when the groups are too many to be worth it, or when the
    /// column surely takes `bytes_max` or more.
    pub(super) fn new(
        keys: Distinct,
        before: Option<&[u64]>,
        values: &[u64],
        bytes_max: usize,
    ) -> Option<Self> {
        let own_codes = before.is_none();
        let (sorted, ends) = sort_by_key(&keys, values);
        let cutter = Cutter::new(values.len(), before);
        let mut groups: Vec<GroupPlan> = Vec::with_capacity(64);
        let mut plan_keys = Vec::with_capacity(64);
        // For each key the first of its groups, and for each group its first value.
        let mut first_groups = Vec::with_capacity(ends.len() + 1);
        let mut first_values = Vec::with_capacity(64);
        // There are two groups at least, so that the codes take a bit a row.
        let (mut data_bits, bits_max) =
            (0, bytes_max.saturating_mul(8).saturating_sub(values.len()));
        let mut start = 0;
        for (&key, &end) in keys.values.iter().zip(&ends) {
            first_groups.push(groups.len());
            cutter.each_group(&sorted[start..end], &mut |members| {
                let (first, last) = (members[0], members[members.len() - 1]);
                let tag = (first >> PAYLOAD_BITS) as u8;
                let group = GroupPlan::new(tag, first << 8 >> 8, last << 8 >> 8);
                data_bits += members.len() * group.width as usize;
                groups.push(group);
                first_values.push(first);
                plan_keys.push(key);
            });
            let least = data_bits + groups.len() * descriptor_bits(0);
            if groups.len() > cutter.groups_max || least >= bits_max {
                return None;
            }
            start = end;
        }
        first_groups.push(groups.len());
        let codes = codes_of(&keys, values, &first_groups, &first_values);
        let min = first_values.iter().copied().min()?;
        let max = ends.iter().map(|end| sorted[end - 1]).max()?;
        let tag_min = groups.iter().map(|group| group.tag).min()?;
        let tag_max = groups.iter().map(|group| group.tag).max()?;
        let mut plan = Self {
            codes_plan: SequencePlan::new(&codes),
            data_bits,
            base_bits: groups.iter().map(|group| group.base_width() as usize).sum(),
            keys: plan_keys,
            codes,
            own_codes,
            groups,
            values: values.to_vec(),
            min,
            max,
            tag_min,
            tag_width: bit_width(u64::from(tag_max - tag_min)) as u8,
            bytes: 0,
        };
        plan.bytes = plan.size();
        (plan.data_bits < 1 << 24).then_some(plan)
    }

    fn size(&self) -> usize {
        let header = bounds_bytes(self.min, self.max) + 2 + 1 + 1 + 2 + 3;
        header
            + if self.own_codes {
                self.codes_plan.bytes
            } else {
                0
            }
            + bytes_of(self.groups.len() * descriptor_bits(self.tag_width))
            + bytes_of(
                base_sample_count(self.groups.len()) * bit_width(self.base_bits as u64) as usize,
            )
            + bytes_of(self.base_bits)
            + bytes_of(sample_count(self.values.len()) * bit_width(self.data_bits as u64) as usize)
            + bytes_of(self.data_bits)
    }

    /// Appends the column.
    pub(super) fn write(&self, out: &mut Parts) {
        let start = out.len();
        write_bounds(self.min, self.max, out);
        out.short(self.groups.len());
        out.header
            .extend_from_slice(&[self.tag_min, self.tag_width]);
        out.short(self.base_bits);
        out.header
            .extend_from_slice(&(self.data_bits as u32).to_le_bytes()[..3]);
        if self.own_codes {
            self.codes_plan.write(&self.codes, out);
        }
        let descriptors = self.groups.iter().map(|group| {
            let tag = u64::from(group.tag - self.tag_min) << (2 * WIDTH_BITS);
            u64::from(group.width) | u64::from(group.base_width()) << WIDTH_BITS | tag
        });
        pack(
            descriptors,
            descriptor_bits(self.tag_width) as u32,
            &mut out.data,
        );
        let starts = self.base_starts();
        pack(
            starts.into_iter(),
            bit_width(self.base_bits as u64),
            &mut out.data,
        );
        let mut writer = BitWriter::new(&mut out.data);
        for group in &self.groups {
            writer.push(group.base >> base_shift(group.width), group.base_width());
        }
        writer.finish();
        self.write_values(out);
        debug_assert_eq!(out.len() - start, self.bytes);
    }

    /// The bit at which the base of each group that is a multiple of [`GROUPS_PER_SAMPLE`], but the first, begins.
    fn base_starts(&self) -> Vec<u64> {
        let mut bit = 0;
        let mut starts = vec![];
        for (index, group) in self.groups.iter().enumerate() {
            if index > 0 && index % GROUPS_PER_SAMPLE == 0 {
                starts.push(bit);
            }
            bit += u64::from(group.base_width());
        }
        starts
    }

    fn write_values(&self, out: &mut Parts) {
        let mut bit = 0;
        let mut samples = vec![];
        for (row, &code) in self.codes.iter().enumerate() {
            if row > 0 && row % ROWS_PER_SAMPLE == 0 {
                samples.push(bit);
            }
            bit += u64::from(self.groups[code as usize].width);
        }
        pack(
            samples.into_iter(),
            bit_width(self.data_bits as u64),
            &mut out.data,
        );
        let mut writer = BitWriter::new(&mut out.data);
        for (&code, &value) in self.codes.iter().zip(&self.values) {
            let group = self.groups[code as usize];
            writer.push((value << 8 >> 8) - group.base, group.width);
        }
        writer.finish();
    }
}

/// The group of each row: for each key, its groups begin at these values.
fn codes_of(
    keys: &Distinct,
    values: &[u64],
    first_groups: &[usize],
    first_values: &[u64],
) -> Vec<u64> {
    // The first groups of keys have surely begun, so only those behind are asked.
    let others: Vec<(u64, &[u64])> = first_groups
        .windows(2)
        .map(|pair| (pair[0] as u64, &first_values[pair[0] + 1..pair[1]]))
        .collect();
    let group_of = |(&key, &value): (&u64, &u64)| {
        let (first, others) = others[key as usize];
        match others {
            [] => first,
            others => first + others_begun(others, value) as u64,
        }
    };
    keys.codes.iter().zip(values).map(group_of).collect()
}

/// How many of the ascending values at which groups begin are not above a value.
#[inline]
fn others_begun(begins: &[u64], value: u64) -> usize {
    if begins.len() < 8 {
        begins.iter().filter(|begin| **begin <= value).count()
    } else {
        begins.partition_point(|&begin| begin <= value)
    }
}

/// The values of each key in ascending order, key after key, and where each key's end.
fn sort_by_key(keys: &Distinct, values: &[u64]) -> (Vec<u64>, Vec<usize>) {
    let mut ends = vec![0; keys.values.len()];
    keys.codes.iter().for_each(|&code| ends[code as usize] += 1);
    let mut places = Vec::with_capacity(ends.len());
    let mut end = 0;
    for count in &mut ends {
        places.push(end);
        end += *count;
        *count = end;
    }
    let mut sorted = vec![0; values.len()];
    for (&code, &value) in keys.codes.iter().zip(values) {
        let place = &mut places[code as usize];
        sorted[*place] = value;
        *place += 1;
    }
    let mut start = 0;
    for &end in &ends {
        sorted[start..end].sort_unstable();
        start = end;
    }
    (sorted, ends)
}

/// Cuts sorted values into groups.
struct Cutter {
    /// The bits that a group more costs.
    group_bits: usize,
    groups_max: usize,
}

impl Cutter {
    fn new(rows: usize, before: Option<&[u64]>) -> Self {
        // Codes ascend in laps, one a fall of the column before; one code more is a bit more in each lap.
        let laps = before.map_or(rows, |keys| {
            keys.windows(2).filter(|pair| pair[1] < pair[0]).count() + 1
        });
        let group_bits = descriptor_bits(4) + BASE_BITS + laps.min(rows / 10);
        Self {
            group_bits,
            groups_max: GROUPS_MAX.min(rows / 4),
        }
    }

    /// Calls `visit` with each group of the sorted values of one key.
    fn each_group(&self, sorted: &[u64], visit: &mut impl FnMut(&[u64])) {
        for members in sorted.chunk_by(|a, b| a >> PAYLOAD_BITS == b >> PAYLOAD_BITS) {
            self.cut(members, visit);
        }
    }

    /// Cuts `members` in two where that saves most, and each part again.
    fn cut(&self, members: &[u64], visit: &mut impl FnMut(&[u64])) {
        let (first, last) = (members[0], members[members.len() - 1]);
        let whole = members.len() * bit_width(last - first) as usize;
        let mut best = (whole, 0);
        if whole > self.group_bits {
            best = best.min(cheapest_cut(members));
        }
        let (bits, at) = best;
        if at > 0 && bits + self.group_bits < whole {
            self.cut(&members[..at], visit);
            self.cut(&members[at..], visit);
        } else {
            visit(members);
        }
    }
}

/// So few members are tried one by one.
const FEW: usize = 32;

/// The fewest bits that two parts of ascending members take, and the place of the cut; the first such place.
///
/// While the widths of both parts stay, the bits change evenly with the place, so the least are at one of the ends of such
/// a stretch, and within it members are only compared with where it ends.
fn cheapest_cut(members: &[u64]) -> (usize, usize) {
    let (first, last) = (members[0], members[members.len() - 1]);
    let widths = |at: usize| {
        let below = bit_width(members[at - 1] - first);
        (below, bit_width(last - members[at]))
    };
    let bits = |at: usize, (below, above): (u32, u32)| {
        (
            at * below as usize + (members.len() - at) * above as usize,
            at,
        )
    };
    let mut best = (usize::MAX, 0);
    let mut at = 1;
    while at < members.len() {
        let stretch = widths(at);
        best = best.min(bits(at, stretch));
        if members.len() >= FEW {
            let (below, above) = stretch;
            let narrow_below = first.saturating_add(mask(below));
            // No part is wide above when the width is 0: all its members are the last.
            let wide_above = last - (1_u64 << above >> 1);
            while at + 1 < members.len()
                && members[at] <= narrow_below
                && members[at + 1] <= wide_above
            {
                at += 1;
            }
            best = best.min(bits(at, stretch));
        }
        at += 1;
    }
    best
}

/// The bytes of [`write_bounds`].
pub(super) fn bounds_bytes(min: u64, max: u64) -> usize {
    1 + uint_bytes(min.rotate_left(8)) + uint_bytes(max.rotate_left(8))
}

/// Appends the smallest and largest value of a column.
pub(super) fn write_bounds(min: u64, max: u64, out: &mut Parts) {
    let (min, max) = (min.rotate_left(8), max.rotate_left(8));
    out.header
        .push(uint_bytes(min) as u8 | (uint_bytes(max) as u8) << 4);
    out.uint(min);
    out.uint(max);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn by_trying_all(members: &[u64]) -> (usize, usize) {
        let (first, last) = (members[0], members[members.len() - 1]);
        (1..members.len())
            .map(|at| {
                let below = at * bit_width(members[at - 1] - first) as usize;
                let above = (members.len() - at) * bit_width(last - members[at]) as usize;
                (below + above, at)
            })
            .min()
            .unwrap_or((usize::MAX, 0))
    }

    proptest! {
        #[test]
        fn the_cheapest_cut_is_found(
            // Payloads with a tag: 56 bits of range within one tag.
            mut members in prop::collection::vec(prop_oneof![0..20_u64, 0..5_000_u64, 0..1_u64 << 56], 1..300),
        ) {
            members.sort_unstable();
            prop_assert_eq!(cheapest_cut(&members), by_trying_all(&members));
        }
    }
}
