//! Unsigned integers of a fixed width in bits, one after the other, low bits first.

use std::ops::Range;

/// The widest integer that can be read back.
pub(super) const WIDTH_MAX: u32 = 56;

/// How many bits a value needs; 0 for 0.
pub(super) fn width_of(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}

/// How many bytes a number of integers takes.
pub(super) fn bytes_of(count: usize, width: u32) -> usize {
    (count * width as usize).div_ceil(8)
}

/// Appends integers to bytes.
pub(super) struct Packer<'a> {
    out: &'a mut Vec<u8>,
    pending: u64,
    pending_bits: u32,
}

impl<'a> Packer<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            pending: 0,
            pending_bits: 0,
        }
    }

    /// Appends the low `width` (≤ [`WIDTH_MAX`]) bits of a value that has no others.
    pub(super) fn push(&mut self, value: u64, width: u32) {
        debug_assert!(width <= WIDTH_MAX && width_of(value) <= width);
        self.pending |= value << self.pending_bits;
        self.pending_bits += width;
        while self.pending_bits >= 8 {
            self.out.push(self.pending as u8);
            self.pending >>= 8;
            self.pending_bits -= 8;
        }
    }

    /// Writes the last bits, filled up with zeros.
    pub(super) fn finish(self) {
        if self.pending_bits > 0 {
            self.out.push(self.pending as u8);
        }
    }
}

/// The integer at a position, of `width` (≤ [`WIDTH_MAX`]) bits. What lies past the end reads as zeros.
#[inline]
pub(super) fn unpack(bytes: &[u8], position: usize, width: u32) -> u64 {
    word_at(bytes, position * width as usize) & ((1 << width) - 1)
}

/// The sum of the low `low` bits of each integer at some positions. There must be few of them.
#[inline]
pub(super) fn sum_of_low_bits(bytes: &[u8], positions: Range<usize>, width: u32, low: u32) -> u64 {
    let mask = (1 << low) - 1;
    let at_once = (WIDTH_MAX / width.max(1)) as usize;
    let (mut sum, mut position) = (0, positions.start);
    while position < positions.end {
        let mut word = word_at(bytes, position * width as usize);
        for _ in 0..at_once.min(positions.end - position) {
            sum += word & mask;
            word >>= width;
        }
        position += at_once;
    }
    sum
}

/// At least [`WIDTH_MAX`] bits from a position in bits on.
#[inline]
fn word_at(bytes: &[u8], bit: usize) -> u64 {
    let rest = bytes.get(bit / 8..).unwrap_or_default();
    let word = match rest.first_chunk::<8>() {
        Some(word) => u64::from_le_bytes(*word),
        None => last_word(rest),
    };
    word >> (bit % 8)
}

#[cold]
fn last_word(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn integers_come_back(values in prop::collection::vec(any::<u64>(), 0..100), width in 0..=WIDTH_MAX, low in 0..=WIDTH_MAX) {
            let values: Vec<u64> = values.into_iter().map(|value| value & ((1 << width) - 1)).collect();
            let mut bytes = Vec::new();
            let mut packer = Packer::new(&mut bytes);
            values.iter().for_each(|value| packer.push(*value, width));
            packer.finish();
            prop_assert_eq!(bytes.len(), bytes_of(values.len(), width));
            let low = low.min(width);
            let mut sum = 0;
            for (position, value) in values.iter().enumerate() {
                prop_assert_eq!(unpack(&bytes, position, width), *value);
                prop_assert_eq!(sum_of_low_bits(&bytes, 0..position, width, low), sum);
                sum += value & ((1 << low) - 1);
            }
        }
    }
}
