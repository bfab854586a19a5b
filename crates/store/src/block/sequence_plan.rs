//! Chooses the smallest encoding of a sequence by its exact size in bytes, and writes it. Deterministic.

use super::bits::{Parts, bit_width, bytes_of, pack, pack_bitmap, uint_bytes};
use super::sequence::{Kind, ONES_PER_SAMPLE, laps_data_bytes, low_part, sample_count};

/// A chosen encoding and its exact size.
#[derive(Clone, Copy, Debug)]
pub(super) struct SequencePlan {
    pub(super) kind: Kind,
    base: u64,
    range: u64,
    /// Of the low parts.
    low_width: u32,
    laps: usize,
    /// Header and data.
    pub(super) bytes: usize,
}

/// What the sizes of most encodings of a sequence depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outline {
    len: usize,
    min: u64,
    max: u64,
    /// How often a number is less than the one before.
    falls: usize,
}

impl Outline {
    /// The outline of `values`.
    pub(super) fn of(values: &[u64]) -> Self {
        let (mut min, mut max, mut falls, mut before) = (u64::MAX, 0, 0, 0);
        for &value in values {
            min = min.min(value);
            max = max.max(value);
            falls += usize::from(value < before);
            before = value;
        }
        Self {
            len: values.len(),
            min,
            max,
            falls,
        }
    }

    /// Whether no number is less than the one before.
    pub(super) fn is_ascending(&self) -> bool {
        self.falls == 0
    }

    /// The outline of the distinct numbers, `distinct` of them, in ascending order.
    pub(super) fn of_distinct(self, distinct: usize) -> Self {
        Self {
            len: distinct,
            falls: 0,
            ..self
        }
    }

    /// The fewest bytes that the places of the numbers among their distinct ones can take: those rise and fall as the
    /// numbers do. `distinct` is more than 1.
    pub(super) fn least_bytes_of_codes(&self, distinct: usize) -> usize {
        let range = distinct as u64 - 1;
        let header = 2 + uint_bytes(range);
        let packed = header + bytes_of(self.len * bit_width(range) as usize);
        if self.has_too_many_laps() {
            return packed;
        }
        // Without low bits every fall is a lap; with them they take a bit more each at least.
        let one_by_one = self.len + (self.falls + 1).saturating_mul(distinct);
        let laps = header + 3 + bytes_of(one_by_one.min(2 * self.len));
        packed.min(laps)
    }

    /// Whether the values fall so often that laps cannot pay.
    fn has_too_many_laps(&self) -> bool {
        self.falls > self.len / 3
    }
}

impl SequencePlan {
    /// Plans `values`; an empty sequence is a constant.
    pub(super) fn new(values: &[u64]) -> Self {
        Self::of(Outline::of(values), values)
    }

    /// Plans the ascending values of an outline.
    pub(super) fn ascending(outline: Outline) -> Self {
        debug_assert!(outline.is_ascending());
        Self::of(outline, &[])
    }

    /// Plans the values of an outline, which are not looked at if they ascend.
    pub(super) fn of(outline: Outline, values: &[u64]) -> Self {
        let Outline { len, min, max, .. } = outline;
        if min >= max {
            let base = if len == 0 { 0 } else { min };
            return Self {
                kind: Kind::Constant,
                base,
                range: 0,
                low_width: 0,
                laps: 0,
                bytes: 1 + base_bytes(base),
            };
        }
        let range = max - min;
        let header = 2 + base_bytes(min) + uint_bytes(range);
        let bytes = header + bytes_of(len * bit_width(range) as usize);
        let packed = Self {
            kind: Kind::Packed,
            base: min,
            range,
            low_width: 0,
            laps: 0,
            bytes,
        };
        if outline.has_too_many_laps() {
            return packed;
        }
        packed.or_laps(outline, values, header + 3)
    }

    /// The better of this and the best split into low bits and laps of high bits.
    fn or_laps(self, outline: Outline, values: &[u64], header: usize) -> Self {
        // falls[d]: places where the value falls and bit d is the highest that differs. A fall shows among the high parts,
        // and so begins a new lap, exactly when the low parts have at most d bits.
        let mut falls = [0u32; 64];
        let falling = |pair: &&[u64]| pair[1] < pair[0];
        for pair in values.windows(2).filter(falling).take(outline.falls) {
            let differing = (pair[0] - self.base) ^ (pair[1] - self.base) | 1;
            falls[bit_width(differing) as usize - 1] += 1;
        }
        let mut best = self;
        let mut laps = 1 + falls[63] as usize;
        for low_width in (0..bit_width(self.range).min(63)).rev() {
            laps += falls[low_width as usize] as usize;
            let buckets = (self.range >> low_width).saturating_add(1);
            let Some(upper_bits) = upper_bits(outline.len, laps, buckets) else {
                break;
            };
            let bytes = header + laps_data_bytes(outline.len, low_width, upper_bits);
            if bytes < best.bytes {
                best = Self {
                    kind: Kind::Laps,
                    low_width,
                    laps,
                    bytes,
                    ..self
                };
            }
        }
        best
    }

    /// Appends header and data of the planned `values`.
    pub(super) fn write(&self, values: &[u64], out: &mut Parts) {
        let start = out.len();
        out.header
            .push(base_bytes(self.base) as u8 | (self.kind as u8) << 4);
        out.uint(self.base.rotate_left(8));
        if self.kind != Kind::Constant {
            out.header.push(uint_bytes(self.range) as u8);
            out.uint(self.range);
        }
        match self.kind {
            Kind::Constant => {}
            Kind::Packed => pack(
                values.iter().map(|value| value - self.base),
                bit_width(self.range),
                &mut out.data,
            ),
            Kind::Laps => self.write_laps(values, out),
        }
        debug_assert_eq!(out.len() - start, self.bytes);
    }

    fn write_laps(&self, values: &[u64], out: &mut Parts) {
        out.header.push(self.low_width as u8);
        out.short(self.laps);
        let buckets = (self.range >> self.low_width) as usize + 1;
        let (mut lap_start, mut before) = (0, 0);
        let positions: Vec<usize> = values
            .iter()
            .enumerate()
            .map(|(index, value)| {
                let bucket = ((value - self.base) >> self.low_width) as usize;
                if bucket < before {
                    lap_start += buckets;
                }
                before = bucket;
                lap_start + bucket + index
            })
            .collect();
        let (upper_bits, out) = (self.laps * buckets + values.len(), &mut out.data);
        let samples = (1..=sample_count(values.len()))
            .map(|sample| positions[sample * ONES_PER_SAMPLE] as u64);
        pack(samples, bit_width(upper_bits as u64), out);
        pack_bitmap(positions.iter().copied(), upper_bits, out);
        pack(
            values
                .iter()
                .map(|value| low_part(value - self.base, self.low_width)),
            self.low_width,
            out,
        );
    }
}

/// The bytes of a base: rotated, so that the tag in its highest byte costs one byte and not eight.
fn base_bytes(base: u64) -> usize {
    uint_bytes(base.rotate_left(8))
}

/// The length of the high bits; `None` when it is too long to be worth counting.
fn upper_bits(len: usize, laps: usize, buckets: u64) -> Option<usize> {
    let buckets = usize::try_from(buckets).ok()?;
    let bits = laps.checked_mul(buckets)?.checked_add(len)?;
    (laps <= usize::from(u16::MAX) && bits <= len.checked_mul(64)?).then_some(bits)
}
