//! A sequence: numbers stored by one of the simple encodings, read in place. Everything in a block is made of sequences.
//! The byte layout is in the page of the parent module; [`super::sequence_plan`] chooses and writes.

use super::bits::{Reader, bit_width, bytes_of, load, mask, read, select, select_in_word, unpack};
use std::ops::Range;

/// How the numbers of a sequence are stored; the discriminants are the format's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// All the same: the base.
    Constant = 0,
    /// Differences from the base, each in the bits that the range needs.
    Packed = 1,
    /// Ascending laps: low bits packed, high bits in unary (Elias-Fano), a new lap wherever they fall.
    Laps = 2,
}

/// How many numbers are passed over one by one before a search is made.
const WALKED_MAX: usize = 32;

/// One position is kept for this many set bits of the high bits.
pub(super) const ONES_PER_SAMPLE: usize = 128;

/// The parsed header of a sequence: what a read needs, no borrow of the bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sequence {
    pub(super) kind: Kind,
    /// Bits of one packed number, or of its low part.
    width: u8,
    sample_width: u8,
    pub(super) len: u32,
    /// Byte offset of the packed numbers (or low parts), of the high bits, of the samples.
    data: u32,
    upper: u32,
    samples: u32,
    /// The high bits in number, and the values that the high part has in a lap.
    upper_bits: u32,
    buckets: u32,
    base: u64,
    range: u64,
}

impl Sequence {
    /// No numbers.
    pub(super) const EMPTY: Self = Self {
        kind: Kind::Constant,
        width: 0,
        sample_width: 0,
        len: 0,
        data: 0,
        upper: 0,
        samples: 0,
        upper_bits: 0,
        buckets: 1,
        base: 0,
        range: 0,
    };

    /// Reads the header of a sequence of `len` numbers and passes over its data.
    #[inline]
    pub(super) fn parse(reader: &mut Reader<'_>, len: usize) -> Self {
        let (control, base) = reader.counted();
        let mut sequence = Self {
            len: len as u32,
            base: base.rotate_right(8),
            ..Self::EMPTY
        };
        match control >> 4 {
            0 => {}
            1 => {
                sequence.kind = Kind::Packed;
                sequence.parse_range(reader);
                sequence.width = bit_width(sequence.range) as u8;
                sequence.data = reader.skip(len * sequence.width as usize);
            }
            2 => sequence.parse_laps(reader),
            _ => reader.damaged = true,
        }
        sequence
    }

    #[inline]
    fn parse_range(&mut self, reader: &mut Reader<'_>) {
        let (length, range) = reader.counted();
        reader.damaged |= length > 8;
        self.range = range;
    }

    #[inline]
    fn parse_laps(&mut self, reader: &mut Reader<'_>) {
        self.kind = Kind::Laps;
        self.parse_range(reader);
        self.width = reader.byte();
        let laps = reader.short();
        reader.damaged |= self.width > 63;
        self.width = self.width.min(63);
        let len = self.len as usize;
        let limit = reader.bits_max();
        let buckets = (self.range >> self.width)
            .saturating_add(1)
            .min(limit as u64) as usize;
        let upper_bits = laps.saturating_mul(buckets).saturating_add(len).min(limit);
        self.buckets = buckets as u32;
        self.upper_bits = upper_bits as u32;
        self.sample_width = bit_width(upper_bits as u64) as u8;
        self.samples = reader.skip(sample_count(len) * self.sample_width as usize);
        self.upper = reader.skip(upper_bits);
        self.data = reader.skip(len * self.width as usize);
    }

    /// The smallest number.
    #[inline]
    pub(super) fn min(&self) -> u64 {
        self.base
    }

    /// The largest number.
    #[inline]
    pub(super) fn max(&self) -> u64 {
        self.base.wrapping_add(self.range)
    }

    /// The number at `index`, below the length.
    #[inline]
    pub(super) fn get(&self, bytes: &[u8], index: usize) -> u64 {
        match self.kind {
            Kind::Constant => self.base,
            Kind::Packed => self.base.wrapping_add(self.low(bytes, index)),
            Kind::Laps => {
                let position = self.position(bytes, index);
                let high = position.wrapping_sub(index) as u32;
                let bucket = if high < self.buckets {
                    high
                } else {
                    high % self.buckets
                };
                self.base
                    .wrapping_add(u64::from(bucket) << self.width | self.low(bytes, index))
            }
        }
    }

    #[inline(always)]
    fn low(&self, bytes: &[u8], index: usize) -> u64 {
        if self.width == 0 {
            return 0;
        }
        read(
            bytes,
            self.data as usize * 8 + index * self.width as usize,
            u32::from(self.width),
        )
    }

    /// Where the set bit of `index` is among the high bits.
    #[inline]
    fn position(&self, bytes: &[u8], index: usize) -> usize {
        let from = self.sample(bytes, index / ONES_PER_SAMPLE);
        select(
            bytes,
            self.upper as usize,
            from,
            self.upper_bits as usize,
            index % ONES_PER_SAMPLE,
        )
    }

    /// Where the set bit of every [`ONES_PER_SAMPLE`]-th index is.
    #[inline]
    fn sample(&self, bytes: &[u8], sample: usize) -> usize {
        if sample == 0 {
            return 0;
        }
        let width = usize::from(self.sample_width);
        read(
            bytes,
            self.samples as usize * 8 + (sample - 1) * width,
            width as u32,
        ) as usize
    }

    /// Appends the numbers at `range`, which lies within the length.
    pub(super) fn decode(&self, bytes: &[u8], range: Range<usize>, out: &mut Vec<u64>) {
        match self.kind {
            Kind::Constant => out.resize(out.len() + range.len(), self.base),
            Kind::Packed => unpack(
                bytes,
                self.data as usize,
                u32::from(self.width),
                self.base,
                range,
                out,
            ),
            Kind::Laps => self.decode_laps(bytes, range, out),
        }
    }

    fn decode_laps(&self, bytes: &[u8], range: Range<usize>, out: &mut Vec<u64>) {
        let (first, width) = (out.len(), u32::from(self.width));
        unpack(
            bytes,
            self.data as usize,
            width,
            self.base,
            range.clone(),
            out,
        );
        let mut values = out[first..].iter_mut();
        self.for_each_bucket(bytes, range, |bucket| {
            if let Some(value) = values.next() {
                *value = value.wrapping_add(bucket << width);
            }
        });
    }

    /// Calls `visit` with the high part of each number of `range`; stops short when the bits run out.
    #[inline]
    fn for_each_bucket(&self, bytes: &[u8], range: Range<usize>, mut visit: impl FnMut(u64)) {
        if range.is_empty() {
            return;
        }
        let mut walk = Walk::to(self, bytes, range.start);
        for _ in range {
            let Some(high) = walk.high() else {
                return;
            };
            visit(walk.bucket(high));
            walk.pass();
        }
    }

    /// Calls `visit` with each number of `range`; meant for few of them.
    #[inline]
    pub(super) fn for_each(&self, bytes: &[u8], range: Range<usize>, mut visit: impl FnMut(u64)) {
        match self.kind {
            Kind::Constant => range.for_each(|_| visit(self.base)),
            Kind::Packed => {
                range.for_each(|index| visit(self.base.wrapping_add(self.low(bytes, index))))
            }
            Kind::Laps => {
                let mut index = range.start;
                self.for_each_bucket(bytes, range, |bucket| {
                    visit(
                        self.base
                            .wrapping_add(bucket << self.width | self.low(bytes, index)),
                    );
                    index += 1;
                });
            }
        }
    }

    /// The first index of `range`, in which the numbers ascend, whose number is at least `bound`; its end if there is none.
    #[inline]
    pub(super) fn lower_bound(&self, bytes: &[u8], range: Range<usize>, bound: u64) -> usize {
        if bound <= self.base || range.is_empty() {
            return range.start;
        }
        if bound > self.max() {
            return range.end;
        }
        if self.kind == Kind::Laps {
            return self.lower_bound_in_lap(bytes, range, bound - self.base);
        }
        let (mut low, mut high) = (range.start, range.end);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(bytes, middle) < bound {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The indices of `range`, in which the numbers ascend, whose numbers are at least `least` and below `above`
    /// (`None`: any).
    #[inline]
    pub(super) fn between(
        &self,
        bytes: &[u8],
        range: Range<usize>,
        least: u64,
        above: Option<u64>,
    ) -> Range<usize> {
        if self.kind == Kind::Laps {
            return self.between_in_lap(bytes, range, least, above);
        }
        let first = self.lower_bound(bytes, range.clone(), least);
        let Some(above) = above else {
            return first..range.end;
        };
        // The end is likely near.
        let mut low = first;
        let mut step = 1;
        while low < range.end {
            let probe = (low + step).min(range.end) - 1;
            if self.get(bytes, probe) >= above {
                return first..self.lower_bound(bytes, low..probe, above);
            }
            low = probe + 1;
            step *= 4;
        }
        first..range.end
    }

    /// [`Self::between`] for laps: the end is likely near the start, where the search for the start has led.
    fn between_in_lap(
        &self,
        bytes: &[u8],
        range: Range<usize>,
        least: u64,
        above: Option<u64>,
    ) -> Range<usize> {
        if range.is_empty() || least > self.max() {
            return range.end..range.end;
        }
        let difference = least.saturating_sub(self.base);
        let mut walk = Walk::to(self, bytes, range.start);
        if range.len() > WALKED_MAX {
            walk.seek(range.end, difference);
        } else {
            walk.seek_step_by_step(range.end, difference);
        }
        let first = walk.index;
        let Some(above) = above else {
            return first..range.end;
        };
        let Some(difference) = above.checked_sub(self.base) else {
            return first..first;
        };
        let near = range.end.min(first.saturating_add(WALKED_MAX));
        walk.seek_step_by_step(near, difference);
        if walk.index < near || near == range.end {
            return first..walk.index;
        }
        first..self.lower_bound(bytes, near..range.end, above)
    }

    /// [`Self::lower_bound`] for laps: the range lies in one lap since it ascends, and a difference from the base.
    fn lower_bound_in_lap(&self, bytes: &[u8], range: Range<usize>, bound: u64) -> usize {
        let mut walk = Walk::to(self, bytes, range.start);
        walk.seek(range.end, bound);
        walk.index
    }
}

/// A position among the high bits of laps: the set bit of an index, the next one from the start of `word` on.
struct Walk<'a> {
    sequence: &'a Sequence,
    bytes: &'a [u8],
    index: usize,
    /// Where among the high bits `word` was loaded from; bits before the position are cleared in it.
    byte: usize,
    word: u64,
    lap_start: usize,
}

impl<'a> Walk<'a> {
    /// A walk that begins at an index.
    #[inline]
    fn to(sequence: &'a Sequence, bytes: &'a [u8], index: usize) -> Self {
        let position = sequence.position(bytes, index);
        let high = position.wrapping_sub(index);
        let buckets = sequence.buckets as usize;
        let mut walk = Self {
            sequence,
            bytes,
            index,
            byte: 0,
            word: 0,
            lap_start: if high < buckets {
                0
            } else {
                high / buckets * buckets
            },
        };
        walk.jump(index, position);
        walk
    }

    #[inline(always)]
    fn jump(&mut self, index: usize, position: usize) {
        self.index = index;
        self.byte = position >> 3;
        self.word = self.load() & (u64::MAX << (position & 7));
    }

    #[inline(always)]
    fn load(&self) -> u64 {
        load(self.bytes, self.sequence.upper as usize + self.byte)
    }

    /// Loads the next word; false behind the last.
    #[inline(always)]
    fn next_word(&mut self) -> bool {
        self.byte += 8;
        self.word = self.load();
        self.byte * 8 < self.sequence.upper_bits as usize
    }

    /// Lap times buckets plus bucket of the number at the position; `None` when the bits run out.
    #[inline(always)]
    fn high(&mut self) -> Option<usize> {
        while self.word == 0 {
            if !self.next_word() {
                return None;
            }
        }
        let position = self.byte * 8 + self.word.trailing_zeros() as usize;
        Some(position.wrapping_sub(self.index))
    }

    /// The bucket of the number at the position, which [`high`](Self::high) has found.
    #[inline(always)]
    fn bucket(&mut self, high: usize) -> u64 {
        let buckets = self.sequence.buckets as usize;
        if high.wrapping_sub(self.lap_start) >= buckets {
            self.lap_start = high / buckets * buckets;
        }
        high.wrapping_sub(self.lap_start) as u64
    }

    /// Moves behind the number at the position.
    #[inline(always)]
    fn pass(&mut self) {
        self.word &= self.word.wrapping_sub(1);
        self.index += 1;
    }

    /// Moves to the first number, of those in this lap before the index `end`, that is at least `bound`, a difference from
    /// the base; to `end` if there is none.
    #[inline]
    fn seek_step_by_step(&mut self, end: usize, bound: u64) {
        let sequence = self.sequence;
        let wanted = self
            .lap_start
            .wrapping_add((bound >> sequence.width) as usize);
        let low_bound = bound & mask(u32::from(sequence.width));
        while self.index < end {
            let Some(high) = self.high() else {
                self.index = end;
                return;
            };
            if high > wanted || high == wanted && sequence.low(self.bytes, self.index) >= low_bound
            {
                return;
            }
            self.pass();
        }
    }

    /// The same, for ranges of any length.
    fn seek(&mut self, end: usize, bound: u64) {
        let wanted = self
            .lap_start
            .wrapping_add((bound >> self.sequence.width) as usize);
        self.pass_samples(end, wanted);
        // Whole words whose numbers are all too small: what comes right after one has at most this high part.
        loop {
            let after = self.index + self.word.count_ones() as usize;
            if (self.byte * 8 + 64).wrapping_sub(after) >= wanted || after >= end {
                break;
            }
            self.index = after;
            if !self.next_word() {
                self.index = end;
                return;
            }
        }
        // Within the word: past the zero that begins the high part looked for.
        let zeros_before = (self.byte * 8).wrapping_sub(self.index);
        if let Some(zero) = wanted.checked_sub(zeros_before.wrapping_add(1)) {
            let passed = select_in_word(!self.word, zero).map_or(u64::MAX, |at| mask(at as u32));
            self.index += (self.word & passed).count_ones() as usize;
            self.word &= !passed;
        }
        self.index = self.index.min(end);
        self.seek_step_by_step(end, bound);
    }

    /// Passes over samples before the one in which the high part looked for begins.
    #[inline]
    fn pass_samples(&mut self, end: usize, wanted: usize) {
        let (mut low, mut high) = (
            self.index / ONES_PER_SAMPLE + 1,
            end.saturating_sub(1) / ONES_PER_SAMPLE + 1,
        );
        while low < high {
            let middle = low + (high - low) / 2;
            let sample = self.sequence.sample(self.bytes, middle);
            if sample.wrapping_sub(middle * ONES_PER_SAMPLE) < wanted {
                self.jump(middle * ONES_PER_SAMPLE, sample);
                low = middle + 1;
            } else {
                high = middle;
            }
        }
    }
}

/// How many samples the high bits of `len` numbers have.
pub(super) fn sample_count(len: usize) -> usize {
    len.saturating_sub(1) / ONES_PER_SAMPLE
}

/// The bytes of the three data sections of a lap-encoded sequence.
pub(super) fn laps_data_bytes(len: usize, low_width: u32, upper_bits: usize) -> usize {
    bytes_of(sample_count(len) * bit_width(upper_bits as u64) as usize)
        + bytes_of(upper_bits)
        + bytes_of(len * low_width as usize)
}

/// The low part of a difference from the base.
pub(super) fn low_part(difference: u64, low_width: u32) -> u64 {
    difference & mask(low_width)
}
