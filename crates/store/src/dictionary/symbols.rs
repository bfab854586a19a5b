//! A symbol table: up to 255 byte strings of one to eight bytes, each standing behind a code of one byte.
//! It is trained on samples once, stored beside the chunks, and shared by many of them.
//! Encoding takes the longest symbol at each place; a byte without one is written after the escape code.

use quadrille_backend::{StorageError, StorageResult};

/// The code after which a byte stands for itself.
const ESCAPE: u8 = 255;
/// The longest symbol.
pub(super) const SYMBOL_BYTES_MAX: usize = 8;
/// Slots by the hash of three bytes.
const SLOT_BITS: u32 = 10;
/// How often training counts the symbols in use and takes the best for the next round; more no longer changes much.
const TRAINING_ROUNDS: usize = 8;
/// No further slot.
const END: u8 = ESCAPE;

/// A symbol of three bytes or more, as the encoder looks for it.
#[derive(Clone, Copy)]
struct Slot {
    value: u64,
    mask: u64,
    length: u8,
    code: u8,
    /// The position in `more` of the next symbol with this hash.
    next: u8,
}

/// Fits no word.
const EMPTY_SLOT: Slot = Slot {
    value: 1,
    mask: 0,
    length: 0,
    code: 0,
    next: END,
};

/// The symbols, by code and by first bytes.
pub(crate) struct SymbolTable {
    count: usize,
    values: [[u8; SYMBOL_BYTES_MAX]; 256],
    /// 0 for codes without a symbol.
    lengths: [u8; 256],
    /// The codes of single bytes, or the escape.
    singles: [u8; 256],
    /// The codes of two bytes, or the escape.
    pairs: Box<[u8]>,
    /// The longest symbol of each hash of three bytes; shorter ones follow in `more`.
    slots: Box<[Slot]>,
    more: Vec<Slot>,
}

#[inline]
fn slot_of(word: u64) -> usize {
    ((word as u32) << 8).wrapping_mul(0x9e37_79b1) as usize >> (u32::BITS - SLOT_BITS)
}

/// A symbol's bytes, filled up with zeros, and their number.
type Symbol = ([u8; SYMBOL_BYTES_MAX], u8);

fn symbol(bytes: &[u8]) -> Symbol {
    let mut value = [0; SYMBOL_BYTES_MAX];
    value[..bytes.len()].copy_from_slice(bytes);
    (value, bytes.len() as u8)
}

/// What one use of a symbol is worth: the bytes that it stands for.
/// A single byte counts for more, as without a symbol it takes two.
fn gain_of_use((_, length): Symbol) -> usize {
    match length {
        1 => 3,
        length => usize::from(length),
    }
}

/// The symbols that are worth the most, given one entry for each use.
fn best_symbols(mut uses: Vec<Symbol>) -> Vec<Symbol> {
    // As the bytes are in order, compared as numbers, which is quicker.
    uses.sort_unstable_by_key(|(value, length)| (u64::from_be_bytes(*value), *length));
    let mut gains: Vec<(usize, Symbol)> = uses
        .chunk_by(|first, second| first == second)
        .map(|run| (run.len() * gain_of_use(run[0]), run[0]))
        .collect();
    gains.sort_unstable_by_key(|(gain, symbol)| (std::cmp::Reverse(*gain), *symbol));
    gains.truncate(usize::from(ESCAPE));
    gains.into_iter().map(|(_, symbol)| symbol).collect()
}

/// Writes a code and, after an escape, the byte; returns where the next code goes.
#[inline]
fn write_code(out: &mut [u8], end: usize, code: u8, byte: u8) -> usize {
    out[end] = code;
    if code == ESCAPE {
        out[end + 1] = byte;
        return end + 2;
    }
    end + 1
}

impl SymbolTable {
    /// Trains a table on samples: terms in the order in which chunks hold them.
    ///
    /// A hundred runs of neighbours from all over the terms, a kilobyte each, are plenty. The time grows with their
    /// bytes, some 30 ms for a hundred kilobytes. Equal samples give equal tables.
    pub(crate) fn train(samples: &[&[u8]]) -> Self {
        let pieces = super::builder::pieces(samples);
        let mut table = Self::from_symbols(std::iter::empty());
        for round in (0..TRAINING_ROUNDS).rev() {
            let mut uses = Vec::new();
            for piece in &pieces {
                table.count_uses(piece, round > 0, &mut uses);
            }
            table = Self::from_symbols(best_symbols(uses).into_iter());
        }
        table
    }

    /// Notes each symbol (or single byte) of a text's encoding, and each two neighbours as a symbol to come.
    fn count_uses(&self, text: &[u8], with_pairs: bool, uses: &mut Vec<Symbol>) {
        let mut rest = text;
        let mut previous = 0;
        while !rest.is_empty() {
            let mut word = [0; SYMBOL_BYTES_MAX];
            let left = rest.len().min(SYMBOL_BYTES_MAX);
            word[..left].copy_from_slice(&rest[..left]);
            let (_, length) = self.longest(u64::from_le_bytes(word), left);
            let end = text.len() - rest.len() + length;
            uses.push(symbol(&text[end - length..end]));
            if with_pairs && previous > 0 && previous + length <= SYMBOL_BYTES_MAX {
                uses.push(symbol(&text[end - length - previous..end]));
            }
            previous = length;
            rest = &rest[length..];
        }
    }

    fn from_symbols(symbols: impl Iterator<Item = ([u8; SYMBOL_BYTES_MAX], u8)>) -> Self {
        let mut table = Self {
            count: 0,
            values: [[0; SYMBOL_BYTES_MAX]; 256],
            lengths: [0; 256],
            singles: [ESCAPE; 256],
            pairs: vec![ESCAPE; 1 << 16].into_boxed_slice(),
            slots: vec![EMPTY_SLOT; 1 << SLOT_BITS].into_boxed_slice(),
            more: Vec::new(),
        };
        let mut long = Vec::new();
        for (code, (value, length)) in (0..ESCAPE).zip(symbols) {
            table.count += 1;
            table.values[usize::from(code)] = value;
            table.lengths[usize::from(code)] = length;
            let word = u64::from_le_bytes(value);
            match length {
                1 => table.singles[usize::from(word as u8)] = code,
                2 => table.pairs[usize::from(word as u16)] = code,
                _ => {
                    let mask = u64::MAX >> (64 - 8 * u32::from(length));
                    long.push(Slot {
                        value: word & mask,
                        mask,
                        length,
                        code,
                        next: END,
                    });
                }
            }
        }
        long.sort_by_key(|slot| slot.length);
        for mut slot in long {
            let first = &mut table.slots[slot_of(slot.value)];
            if first.length > 0 {
                slot.next = table.more.len() as u8;
                table.more.push(*first);
            }
            *first = slot;
        }
        table
    }

    /// The table as bytes: for each symbol its length and its bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.count * 4);
        for (value, length) in self.values.iter().zip(self.lengths).take(self.count) {
            out.push(length);
            out.extend_from_slice(&value[..usize::from(length)]);
        }
        out
    }

    /// The table that [`to_bytes`](Self::to_bytes) wrote.
    pub(crate) fn from_bytes(mut bytes: &[u8]) -> StorageResult<Self> {
        let mut symbols = Vec::new();
        while let Some((length, rest)) = bytes.split_first() {
            let parts = rest.split_at_checked(usize::from(*length));
            let (symbol, rest) =
                parts.ok_or_else(|| StorageError::corrupted("a symbol is cut short"))?;
            let mut value = [0; SYMBOL_BYTES_MAX];
            match value.get_mut(..symbol.len()) {
                Some(room) if !symbol.is_empty() => room.copy_from_slice(symbol),
                _ => return Err(StorageError::corrupted("a symbol is empty or too long")),
            }
            symbols.push((value, *length));
            bytes = rest;
        }
        if symbols.len() > usize::from(ESCAPE) {
            return Err(StorageError::corrupted(
                "a symbol table has too many symbols",
            ));
        }
        Ok(Self::from_symbols(symbols.into_iter()))
    }

    /// Appends the codes of bytes.
    pub(super) fn encode(&self, mut bytes: &[u8], out: &mut Vec<u8>) {
        let mut end = out.len();
        // Room for the worst case, an escape a byte, so that every step can write a code and a byte.
        out.resize(end + 2 * bytes.len(), 0);
        while let Some(word) = bytes.first_chunk::<SYMBOL_BYTES_MAX>() {
            let (code, length) = self.longest(u64::from_le_bytes(*word), SYMBOL_BYTES_MAX);
            end = write_code(out, end, code, word[0]);
            bytes = &bytes[length..];
        }
        let mut last = [0; SYMBOL_BYTES_MAX];
        last[..bytes.len()].copy_from_slice(bytes);
        let (mut word, mut left) = (u64::from_le_bytes(last), bytes.len());
        while left > 0 {
            let (code, length) = self.longest(word, left);
            end = write_code(out, end, code, word as u8);
            left -= length;
            word = word.checked_shr(8 * length as u32).unwrap_or(0);
        }
        out.truncate(end);
    }

    /// The code and the length of the longest symbol at the front of a word of which `left` bytes count.
    #[inline]
    fn longest(&self, word: u64, left: usize) -> (u8, usize) {
        let mut slot = &self.slots[slot_of(word)];
        loop {
            if word & slot.mask == slot.value && usize::from(slot.length) <= left {
                return (slot.code, usize::from(slot.length));
            }
            match self.more.get(usize::from(slot.next)) {
                Some(next) => slot = next,
                None => break,
            }
        }
        match self.pairs[usize::from(word as u16)] {
            code if code != ESCAPE && left > 1 => (code, 2),
            _ => (self.singles[usize::from(word as u8)], 1),
        }
    }

    /// Hands what each code stands for to `symbol`: eight bytes, and how many of them count. False as soon as it does not
    /// want more.
    #[inline]
    pub(super) fn decode(
        &self,
        codes: &[u8],
        mut symbol: impl FnMut(&[u8; SYMBOL_BYTES_MAX], usize) -> bool,
    ) -> StorageResult<bool> {
        let mut codes = codes.iter();
        while let Some(code) = codes.next() {
            let code = usize::from(*code);
            let wanted = match self.lengths[code] {
                0 if code == usize::from(ESCAPE) => match codes.next() {
                    Some(byte) => symbol(&u64::from(*byte).to_le_bytes(), 1),
                    None => return Err(StorageError::corrupted("an escape ends a term")),
                },
                0 => return Err(StorageError::corrupted("a code has no symbol")),
                length => symbol(&self.values[code], usize::from(length)),
            };
            if !wanted {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
