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
    /// Reads the header of a sequence of `len` numbers and passes over its data.
    #[inline]
    pub(super) fn parse(reader: &mut Reader<'_>, len: usize) -> Self {
        let (control, base) = reader.counted();
        let mut sequence = Self {
            kind: Kind::Constant,
            width: 0,
            sample_width: 0,
            len: len as u32,
            data: 0,
            upper: 0,
            samples: 0,
            upper_bits: 0,
            buckets: 1,
            base: base.rotate_right(8),
            range: 0,
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
        let (upper, end, buckets) = (
            self.upper as usize,
            self.upper_bits as usize,
            self.buckets as usize,
        );
        let position = self.position(bytes, range.start);
        let mut lap_start = position.wrapping_sub(range.start) / buckets * buckets;
        let mut byte = position >> 3;
        let mut word = load(bytes, upper + byte) & (u64::MAX << (position & 7));
        for index in range {
            while word == 0 {
                byte += 8;
                if byte * 8 >= end {
                    return;
                }
                word = load(bytes, upper + byte);
            }
            let high = (byte * 8 + word.trailing_zeros() as usize).wrapping_sub(index);
            word &= word - 1;
            if high.wrapping_sub(lap_start) >= buckets {
                lap_start = high / buckets * buckets;
            }
            visit(high.wrapping_sub(lap_start) as u64);
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
        if self.kind == Kind::Laps && range.len() <= 24 {
            let (mut low, mut high) = (range.start, range.start);
            self.for_each(bytes, range, |number| {
                low += usize::from(number < least);
                high += usize::from(above.is_none_or(|above| number < above));
            });
            return low..high.max(low);
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

    /// [`Self::lower_bound`] for laps: the range lies in one lap since it ascends, and a difference from the base.
    fn lower_bound_in_lap(&self, bytes: &[u8], range: Range<usize>, bound: u64) -> usize {
        let (upper, end, buckets) = (
            self.upper as usize,
            self.upper_bits as usize,
            self.buckets as usize,
        );
        let (mut index, mut position) = (range.start, self.position(bytes, range.start));
        let lap_start = position.wrapping_sub(index) / buckets * buckets;
        let wanted = lap_start.wrapping_add((bound >> self.width) as usize);
        // Pass over whole samples, then look at every set bit.
        let (mut low, mut high) = (
            index / ONES_PER_SAMPLE + 1,
            (range.end - 1) / ONES_PER_SAMPLE + 1,
        );
        while low < high {
            let middle = low + (high - low) / 2;
            let sample = self.sample(bytes, middle);
            if sample.wrapping_sub(middle * ONES_PER_SAMPLE) < wanted {
                (index, position) = (middle * ONES_PER_SAMPLE, sample);
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let mut byte = position >> 3;
        let mut word = load(bytes, upper + byte) & (u64::MAX << (position & 7));
        let low_bound = bound & mask(u32::from(self.width));
        // Whole words whose numbers are all too small: what comes right after one has at most this high part.
        loop {
            let after = index + word.count_ones() as usize;
            if (byte * 8 + 64).wrapping_sub(after) >= wanted || after >= range.end {
                break;
            }
            index = after;
            byte += 8;
            if byte * 8 >= end {
                return range.end;
            }
            word = load(bytes, upper + byte);
        }
        // Within the word: past the zero that begins the high part looked for.
        let zeros_before = (byte * 8).wrapping_sub(index);
        if let Some(zero) = wanted.checked_sub(zeros_before.wrapping_add(1)) {
            let passed = select_in_word(!word, zero).map_or(u64::MAX, |at| mask(at as u32));
            index += (word & passed).count_ones() as usize;
            word &= !passed;
        }
        while index < range.end {
            while word == 0 {
                byte += 8;
                if byte * 8 >= end {
                    return range.end;
                }
                word = load(bytes, upper + byte);
            }
            let high = (byte * 8 + word.trailing_zeros() as usize).wrapping_sub(index);
            if high > wanted || high == wanted && self.low(bytes, index) >= low_bound {
                return index;
            }
            word &= word - 1;
            index += 1;
        }
        range.end
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
