//! A column whose rows fall into groups (by the column before, by tag, by magnitude), each group with a base and a width
//! of its own. The values lie in row order; where every 32nd begins is kept, the widths of the rows between are added up.
//! What tells a row's group is a code: the dictionary code of the column before, or a sequence of the column's own.

use super::bits::{Reader, bit_width, load, mask, read};
use super::sequence::Sequence;
use std::ops::Range;

/// The place of one row in this many is kept.
pub(super) const ROWS_PER_SAMPLE: usize = 32;
/// The place of the base of one group in this many is kept.
pub(super) const GROUPS_PER_SAMPLE: usize = 8;
/// The bits of a payload: a value without its tag.
pub(super) const PAYLOAD_BITS: u32 = 56;
/// The bits of a group's width, and of the length of its base.
pub(super) const WIDTH_BITS: u32 = 6;

/// The parsed header of such a column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frames {
    /// The group of each row; `None`: the codes of the column before.
    pub(super) own_codes: Option<Sequence>,
    pub(super) min: u64,
    pub(super) max: u64,
    groups: u16,
    tag_min: u8,
    tag_width: u8,
    sample_width: u8,
    base_sample_width: u8,
    /// Byte offsets.
    descriptors: u32,
    base_samples: u32,
    bases: u32,
    samples: u32,
    data: u32,
}

/// What is added to the bits of a row, and how many bits it has.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    base: u64,
    width: u32,
}

/// How far a base is rounded down: the lowest bits that it has as zeros, which are not stored.
pub(super) fn base_shift(width: u32) -> u32 {
    width.saturating_sub(3)
}

impl Frames {
    /// Reads the header of a column of `rows` rows and passes over its data.
    #[inline]
    pub(super) fn parse(reader: &mut Reader<'_>, rows: usize, own_codes: bool) -> Self {
        let lengths = reader.byte();
        let (min, max) = (
            reader.uint(lengths & 15).rotate_right(8),
            reader.uint(lengths >> 4).rotate_right(8),
        );
        let groups = reader.short();
        let tag_min = reader.byte();
        let tag_width = reader.byte();
        reader.damaged |= tag_width > 8 || groups == 0;
        let tag_width = tag_width.min(8);
        let base_bits = reader.short();
        let data_bits = reader.uint(3) as usize;
        let own_codes = own_codes.then(|| Sequence::parse(reader, rows));
        let sample_width = bit_width(data_bits as u64) as u8;
        let base_sample_width = bit_width(base_bits as u64) as u8;
        Self {
            own_codes,
            min,
            max,
            groups: groups as u16,
            tag_min,
            tag_width,
            sample_width,
            base_sample_width,
            descriptors: reader.skip(groups * descriptor_bits(tag_width)),
            base_samples: reader.skip(base_sample_count(groups) * usize::from(base_sample_width)),
            bases: reader.skip(base_bits),
            samples: reader.skip(sample_count(rows) * usize::from(sample_width)),
            data: reader.skip(data_bits),
        }
    }

    /// The width of a group, the stored bits of its base, and its tag above the smallest.
    #[inline(always)]
    fn descriptor(&self, bytes: &[u8], group: usize) -> (u32, u32, u64) {
        let bit = self.descriptors as usize * 8 + group * descriptor_bits(self.tag_width);
        let word = read(bytes, bit, 2 * WIDTH_BITS + u32::from(self.tag_width));
        let field = |shift: u32| (word >> shift & mask(WIDTH_BITS)) as u32;
        (
            field(0).min(PAYLOAD_BITS),
            field(WIDTH_BITS).min(PAYLOAD_BITS),
            word >> (2 * WIDTH_BITS),
        )
    }

    /// The width alone, for adding up many.
    #[inline(always)]
    fn width(&self, bytes: &[u8], group: usize) -> usize {
        let bit = group * descriptor_bits(self.tag_width);
        let word = load(bytes, self.descriptors as usize + (bit >> 3)) >> (bit & 7);
        (word & mask(WIDTH_BITS)).min(u64::from(PAYLOAD_BITS)) as usize
    }

    /// A group whose base begins at bit `base_at` of the bases, and where the next base begins.
    #[inline]
    fn group_at(&self, bytes: &[u8], group: usize, base_at: usize) -> (Group, usize) {
        let (width, base_width, tag) = self.descriptor(bytes, group);
        let base = read(bytes, self.bases as usize * 8 + base_at, base_width) << base_shift(width);
        let tag = tag.wrapping_add(u64::from(self.tag_min)) << PAYLOAD_BITS;
        (
            Group {
                base: base.wrapping_add(tag),
                width,
            },
            base_at + base_width as usize,
        )
    }

    #[inline]
    fn group(&self, bytes: &[u8], code: u64) -> Group {
        let group = (code as usize).min(usize::from(self.groups) - 1);
        let sample = group / GROUPS_PER_SAMPLE;
        let base_at = kept_place(bytes, self.base_samples, self.base_sample_width, sample);
        let between = sample * GROUPS_PER_SAMPLE..group;
        let base_at = base_at
            + between
                .map(|group| self.descriptor(bytes, group).1 as usize)
                .sum::<usize>();
        self.group_at(bytes, group, base_at).0
    }

    /// The bit at which the value of a row begins.
    #[inline]
    fn place(&self, bytes: &[u8], codes: &Sequence, row: usize) -> usize {
        let sample = row / ROWS_PER_SAMPLE;
        let mut bit = kept_place(bytes, self.samples, self.sample_width, sample);
        let last = u64::from(self.groups) - 1;
        codes.for_each(bytes, sample * ROWS_PER_SAMPLE..row, |code| {
            bit += self.width(bytes, code.min(last) as usize);
        });
        self.data as usize * 8 + bit
    }

    /// The value at a row; `codes` are the groups of all rows.
    pub(super) fn get(&self, bytes: &[u8], codes: &Sequence, row: usize) -> u64 {
        let mut found = 0;
        self.for_each(bytes, codes, row..row + 1, |value| found = value);
        found
    }

    /// Appends the values at `range`, which is not empty and lies within the rows.
    pub(super) fn decode(
        &self,
        bytes: &[u8],
        codes: &Sequence,
        range: Range<usize>,
        out: &mut Vec<u64>,
    ) {
        if range.len() < usize::from(self.groups) {
            return self.for_each(bytes, codes, range, |value| out.push(value));
        }
        let groups = self.all_groups(bytes);
        let mut bit = self.place(bytes, codes, range.start);
        codes.for_each(bytes, range, |code| {
            let group = groups.get(code as usize).copied().unwrap_or_default();
            out.push(group.base.wrapping_add(read(bytes, bit, group.width)));
            bit += group.width as usize;
        });
    }

    fn all_groups(&self, bytes: &[u8]) -> Vec<Group> {
        let mut base_at = 0;
        let next = |group| {
            let (group, next) = self.group_at(bytes, group, base_at);
            base_at = next;
            group
        };
        (0..usize::from(self.groups)).map(next).collect()
    }

    /// Those of `rows`, in which the column ascends, whose value is `wanted`; where they would be, if there are none.
    pub(super) fn equal_range(
        &self,
        bytes: &[u8],
        codes: &Sequence,
        rows: Range<usize>,
        wanted: u64,
    ) -> Range<usize> {
        let (mut low, mut high) = (rows.start, rows.end);
        while high - low > ROWS_PER_SAMPLE / 2 {
            let middle = low + (high - low) / 2;
            if self.get(bytes, codes, middle) < wanted {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        // Few rows are read faster one after the other; rows beyond `high` are at least `wanted`.
        let (mut start, mut end) = (low, low);
        self.for_each(bytes, codes, low..high, |value| {
            start += usize::from(value < wanted);
            end += usize::from(value <= wanted);
        });
        if end < high {
            return start..end;
        }
        while end < rows.end {
            let chunk = end..(end + ROWS_PER_SAMPLE).min(rows.end);
            let before = end;
            self.for_each(bytes, codes, chunk.clone(), |value| {
                end += usize::from(value <= wanted)
            });
            if end < chunk.end || end == before {
                break;
            }
        }
        start..end.max(start)
    }

    /// Calls `visit` with the value of each of `rows`, which are few.
    #[inline]
    fn for_each(
        &self,
        bytes: &[u8],
        codes: &Sequence,
        rows: Range<usize>,
        mut visit: impl FnMut(u64),
    ) {
        // One pass over the codes: those before the rows, from the last kept place on, only add up widths.
        let sample = rows.start / ROWS_PER_SAMPLE;
        let first = sample * ROWS_PER_SAMPLE;
        let mut passed = rows.start - first;
        let mut bit =
            self.data as usize * 8 + kept_place(bytes, self.samples, self.sample_width, sample);
        let last = u64::from(self.groups) - 1;
        let mut known = (u64::MAX, Group::default());
        codes.for_each(bytes, first..rows.end, |code| {
            if passed > 0 {
                passed -= 1;
                bit += self.width(bytes, code.min(last) as usize);
                return;
            }
            if known.0 != code {
                known = (code, self.group(bytes, code));
            }
            visit(known.1.base.wrapping_add(read(bytes, bit, known.1.width)));
            bit += known.1.width as usize;
        });
    }
}

/// The `sample`-th kept place, the 0th being 0 and not stored.
#[inline(always)]
fn kept_place(bytes: &[u8], start: u32, width: u8, sample: usize) -> usize {
    if sample == 0 {
        return 0;
    }
    read(
        bytes,
        start as usize * 8 + (sample - 1) * usize::from(width),
        u32::from(width),
    ) as usize
}

/// How many places the values of `rows` rows have kept.
pub(super) fn sample_count(rows: usize) -> usize {
    rows.saturating_sub(1) / ROWS_PER_SAMPLE
}

/// How many places the bases of `groups` groups have kept.
pub(super) fn base_sample_count(groups: usize) -> usize {
    groups.saturating_sub(1) / GROUPS_PER_SAMPLE
}

/// The bits of a group's descriptor.
pub(super) fn descriptor_bits(tag_width: u8) -> usize {
    2 * WIDTH_BITS as usize + usize::from(tag_width)
}
