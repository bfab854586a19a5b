//! Bits in byte slices: unaligned little-endian loads, a bit writer, and the position of the k-th set bit.
//! Every read is total: what lies past the end of the slice reads as zero, so damaged offsets can never panic.

use std::ops::Range;

/// The 8 bytes at `at`, little-endian; bytes past the end read as zero.
#[inline(always)]
pub(super) fn load(bytes: &[u8], at: usize) -> u64 {
    match bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => load_tail(bytes, at),
    }
}

#[cold]
#[inline(never)]
fn load_tail(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    let mut chunk = [0; 8];
    for (to, from) in chunk.iter_mut().zip(rest) {
        *to = *from;
    }
    u64::from_le_bytes(chunk)
}

/// The lowest `width` bits set; `width` is at most 64.
#[inline(always)]
pub(super) fn mask(width: u32) -> u64 {
    u64::MAX.checked_shr(64 - width).unwrap_or(0)
}

/// How many bits `value` needs.
#[inline(always)]
pub(super) fn bit_width(value: u64) -> u32 {
    64 - value.leading_zeros()
}

/// The bytes that hold `bits`.
#[inline(always)]
pub(super) fn bytes_of(bits: usize) -> usize {
    bits.div_ceil(8)
}

/// The `width` (at most 64) bits from bit `bit` of the slice on.
#[inline(always)]
pub(super) fn read(bytes: &[u8], bit: usize, width: u32) -> u64 {
    let shift = (bit & 7) as u32;
    let mut word = load(bytes, bit >> 3) >> shift;
    if width + shift > 64 {
        word |= load(bytes, (bit >> 3) + 8) << (64 - shift);
    }
    word & mask(width)
}

/// Appends `base` + the values at `range` of the array of `width`-bit values that begins at byte `data`.
#[inline]
pub(super) fn unpack(
    bytes: &[u8],
    data: usize,
    width: u32,
    base: u64,
    range: Range<usize>,
    out: &mut Vec<u64>,
) {
    if width > 57 {
        out.extend(
            range.map(|i| base.wrapping_add(read(bytes, data * 8 + i * width as usize, width))),
        );
        return;
    }
    let (mask, width) = (mask(width), width as usize);
    out.extend(range.map(|i| {
        let bit = i * width;
        base.wrapping_add((load(bytes, data + (bit >> 3)) >> (bit & 7)) & mask)
    }));
}

/// The lowest bit of each byte.
const BYTES: u64 = 0x0101_0101_0101_0101;

/// For each byte of `word`, the set bits in it and in the bytes below it; the highest byte has all.
#[inline(always)]
fn ones_up_to_bytes(word: u64) -> u64 {
    let pairs = word - (word >> 1 & (u64::MAX / 3));
    let fours = (pairs & (u64::MAX / 5)) + (pairs >> 2 & (u64::MAX / 5));
    ((fours + (fours >> 4)) & (u64::MAX / 17)).wrapping_mul(BYTES)
}

/// The position, counted from bit 0 of byte `start`, of the `k`-th (from 0) set bit at or after position `from`;
/// `end` (a position) when there are too few before it.
#[inline]
pub(super) fn select(bytes: &[u8], start: usize, from: usize, end: usize, k: usize) -> usize {
    let mut byte = from >> 3;
    let mut k = k as u64;
    let mut word = load(bytes, start + byte) & (u64::MAX << (from & 7));
    loop {
        let ones = ones_up_to_bytes(word);
        if k < ones >> 56 {
            return (byte * 8 + place_in_word(word, ones, k)).min(end);
        }
        k -= ones >> 56;
        byte += 8;
        if byte * 8 >= end {
            return end;
        }
        word = load(bytes, start + byte);
    }
}

/// The position of the `k`-th (from 0) set bit of `word`; `None` when it has too few.
#[inline(always)]
pub(super) fn select_in_word(word: u64, k: usize) -> Option<usize> {
    let ones = ones_up_to_bytes(word);
    ((k as u64) < ones >> 56).then(|| place_in_word(word, ones, k as u64))
}

/// The same, when `ones`, its sums by byte, show that there are enough.
#[inline(always)]
fn place_in_word(word: u64, ones: u64, k: u64) -> usize {
    // The bytes up to which there are at most k set bits: passed over.
    let passed = (((k * BYTES) | (BYTES << 7)) - ones) & (BYTES << 7);
    let shift = ((passed >> 7).wrapping_mul(BYTES) >> 56) * 8;
    let mut rest = word >> shift;
    for _ in 0..k - (ones << 8 >> shift & 0xff) {
        rest &= rest - 1;
    }
    shift as usize + rest.trailing_zeros() as usize
}

/// The number of set bits at positions `from..to`, counted from bit 0 of byte `start`.
#[inline]
pub(super) fn count_ones(bytes: &[u8], start: usize, from: usize, to: usize) -> usize {
    let mut ones = 0;
    let mut at = from;
    while at < to {
        let take = (to - at).min(64);
        ones += read(bytes, start * 8 + at, take as u32).count_ones() as usize;
        at += take;
    }
    ones
}

/// Appends values of any width up to 64 bits, lowest bit first.
pub(super) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    pending: u64,
    filled: u32,
}

impl<'a> BitWriter<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            pending: 0,
            filled: 0,
        }
    }

    /// Appends the lowest `width` bits of `value`, which must hold no others.
    #[inline]
    pub(super) fn push(&mut self, value: u64, width: u32) {
        debug_assert!(value & !mask(width) == 0);
        self.pending |= value << self.filled;
        let before = self.filled;
        self.filled += width;
        if self.filled >= 64 {
            self.out.extend_from_slice(&self.pending.to_le_bytes());
            // Nothing is left of a value that began a word.
            self.pending = value.checked_shr(64 - before).unwrap_or(0);
            self.filled -= 64;
        }
    }

    /// Writes what is pending, the last byte filled up with zeros.
    pub(super) fn finish(self) {
        let rest = self.pending.to_le_bytes();
        self.out
            .extend_from_slice(&rest[..bytes_of(self.filled as usize)]);
    }
}

/// Appends an array of `width`-bit values.
pub(super) fn pack(values: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    let mut writer = BitWriter::new(out);
    for value in values {
        writer.push(value, width);
    }
    writer.finish();
}

/// Appends `count` bits of which those at `positions` are set.
pub(super) fn pack_bitmap(positions: impl Iterator<Item = usize>, count: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + bytes_of(count), 0);
    for position in positions {
        out[start + (position >> 3)] |= 1 << (position & 7);
    }
}

/// Reads a header front to back, and keeps the place in the data that the header describes piece by piece.
/// Reading past the end gives zeros and is found at the end.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    header_end: usize,
    data_at: usize,
    /// Set by whoever finds something that the encoder cannot have written.
    pub(super) damaged: bool,
}

impl<'a> Reader<'a> {
    /// Reads on from `at`, the length of the header being in the two bytes before.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        let header_end = at + 2 + (load(bytes, at) & mask(16)) as usize;
        Self {
            bytes,
            at: at + 2,
            header_end,
            data_at: header_end,
            damaged: u32::try_from(bytes.len()).is_err(),
        }
    }

    /// `length` bytes (at most 8) as a little-endian number.
    #[inline(always)]
    pub(super) fn uint(&mut self, length: u8) -> u64 {
        self.damaged |= length > 8;
        let length = length.min(8);
        let value = load(self.bytes, self.at) & mask(u32::from(length) * 8);
        self.at += length as usize;
        value
    }

    /// A byte and the number that follows it, as long as the byte's lowest four bits say.
    #[inline(always)]
    pub(super) fn counted(&mut self) -> (u8, u64) {
        let word = load(self.bytes, self.at);
        let length = word as u8 & 15;
        self.at += 1;
        if length < 8 {
            self.at += usize::from(length);
            let mask = (1 << (u32::from(length) * 8)) - 1;
            return (word as u8, word >> 8 & mask);
        }
        (word as u8, self.uint(length))
    }

    #[inline(always)]
    pub(super) fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied();
        self.at += 1;
        byte.unwrap_or_default()
    }

    #[inline(always)]
    pub(super) fn short(&mut self) -> usize {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += 2;
        match rest.first_chunk::<2>() {
            Some(pair) => usize::from(u16::from_le_bytes(*pair)),
            None => usize::from(rest.first().copied().unwrap_or_default()),
        }
    }

    /// Passes over `bits` bits of data, rounded up to bytes, and says where they begin.
    #[inline(always)]
    pub(super) fn skip(&mut self, bits: usize) -> u32 {
        let start = self.data_at;
        self.data_at = start.saturating_add(bytes_of(bits));
        start as u32
    }

    /// A place that moves on by the bytes of a piece, of header and data together.
    pub(super) fn place(&self) -> usize {
        self.at.saturating_add(self.data_at)
    }

    /// The bits that the block has, more than any part of it can have.
    #[inline(always)]
    pub(super) fn bits_max(&self) -> usize {
        self.bytes.len() * 8
    }

    /// Whether header and data were written by the encoder as far as lengths and flags tell.
    #[inline(always)]
    pub(super) fn is_whole(&self) -> bool {
        !self.damaged && self.at == self.header_end && self.data_at == self.bytes.len()
    }
}

/// A block being written: its header, and the data that the header describes.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) header: Vec<u8>,
    pub(super) data: Vec<u8>,
}

impl Parts {
    /// The bytes of both.
    pub(super) fn len(&self) -> usize {
        self.header.len() + self.data.len()
    }

    /// Appends two bytes to the header.
    pub(super) fn short(&mut self, value: usize) {
        self.header.extend_from_slice(&(value as u16).to_le_bytes());
    }

    /// Appends the `uint_bytes` of a number to the header, little-endian.
    pub(super) fn uint(&mut self, value: u64) {
        self.header
            .extend_from_slice(&value.to_le_bytes()[..uint_bytes(value)]);
    }
}

/// The bytes that a number takes in a header.
#[inline(always)]
pub(super) fn uint_bytes(value: u64) -> usize {
    bytes_of(bit_width(value) as usize)
}
