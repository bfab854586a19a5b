//! Reading a chunk: the terms of consecutive ids of one tag, any of them without decoding the others.
//! The layout, all integers little-endian; it is part of the file format:
//!
//! | part | bytes |
//! |---|---|
//! | flags | 1: bit 0 texts are coded by the symbol table, bit 1 there are long terms, bit 2 offsets take 4 bytes |
//! | p | 1: the number of prefixes |
//! | w | 1: bits of a length |
//! | n | 2: the number of terms |
//! | offsets | 2 or 4 for each group of 16 entries but the first: where its texts begin |
//! | directory | for each entry, packed: the length of its text (w bits) and its prefix (as many bits as the largest needs) |
//! | texts | one behind the other |
//!
//! Entries are the prefixes, then the terms. An entry's bytes are those of its prefix, then its text. Prefix 0 is empty,
//! prefix k is entry k − 1, and a prefix refers only to smaller ones. A long term's prefix is p + 1 and its text is
//! the length of the term (8 bytes) and its digest (16): the term itself lies elsewhere.

use super::packed::{bytes_of, sum_of_low_bits, unpack, width_of};
use super::symbols::{SYMBOL_BYTES_MAX, SymbolTable};
use quadrille_backend::{StorageError, StorageResult};

pub(super) const FLAG_SYMBOLS: u8 = 1;
pub(super) const FLAG_LONG: u8 = 2;
pub(super) const FLAG_WIDE: u8 = 4;
pub(super) const HEADER_BYTES: usize = 5;
/// Entries of which one offset is kept.
pub(super) const GROUP: usize = 16;
/// The widest length.
pub(super) const LENGTH_BITS_MAX: u32 = 31;
/// The longest chain of prefixes.
pub(super) const DEPTH_MAX: usize = 8;
/// The text of a long term: its length and its digest.
pub(super) const LONG_TEXT_BYTES: usize = 24;

/// A term of a chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ChunkEntry {
    /// The term's bytes were appended.
    Inline,
    /// The term lies elsewhere.
    Long {
        /// How many bytes it has.
        length: u64,
        /// The digest of its bytes.
        digest: [u8; 16],
    },
}

/// Takes a term's bytes piece by piece.
pub(super) trait Pieces {
    /// Takes the next piece; false when no more are wanted.
    fn piece(&mut self, bytes: &[u8]) -> bool;

    /// Takes the bytes behind the codes of a symbol table; false when no more are wanted.
    fn coded(&mut self, codes: &[u8], symbols: &SymbolTable) -> StorageResult<bool>;
}

impl Pieces for Vec<u8> {
    #[inline]
    fn piece(&mut self, bytes: &[u8]) -> bool {
        self.extend_from_slice(bytes);
        true
    }

    #[inline]
    fn coded(&mut self, codes: &[u8], symbols: &SymbolTable) -> StorageResult<bool> {
        let mut end = self.len();
        // A copy of eight bytes, whatever the length, is one instruction.
        self.resize(end + codes.len() * SYMBOL_BYTES_MAX, 0);
        symbols.decode(codes, |bytes, length| {
            if let Some(room) = self.get_mut(end..end + SYMBOL_BYTES_MAX) {
                room.copy_from_slice(bytes);
            }
            end += length;
            true
        })?;
        self.truncate(end);
        Ok(true)
    }
}

/// Compares pieces with the front of what is left of a candidate.
struct Comparison<'a> {
    rest: &'a [u8],
}

impl Pieces for Comparison<'_> {
    #[inline]
    fn piece(&mut self, bytes: &[u8]) -> bool {
        match self.rest.strip_prefix(bytes) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    #[inline]
    fn coded(&mut self, codes: &[u8], symbols: &SymbolTable) -> StorageResult<bool> {
        symbols.decode(codes, |bytes, length| {
            let length = length.min(SYMBOL_BYTES_MAX);
            let Some(front) = self.rest.first_chunk::<SYMBOL_BYTES_MAX>() else {
                return self.piece(&bytes[..length]);
            };
            let mask = u64::MAX >> (64 - 8 * length.max(1));
            let differs = (u64::from_le_bytes(*front) ^ u64::from_le_bytes(*bytes)) & mask;
            self.rest = &self.rest[length..];
            differs == 0
        })
    }
}

/// The parts of a chunk. It keeps no reference to the bytes; every method must be given the very bytes that were parsed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chunk {
    flags: u8,
    prefixes: usize,
    terms: usize,
    length_bits: u32,
    entry_bits: u32,
    directory: usize,
    texts: usize,
}

fn corrupted(message: &'static str) -> StorageError {
    StorageError::corrupted(format!("a dictionary chunk is damaged: {message}"))
}

impl Chunk {
    /// Reads the parts of a chunk. Each entry is checked when it is read.
    pub(crate) fn parse(bytes: &[u8]) -> StorageResult<Self> {
        let Some([flags, prefixes, length_bits, low, high]) = bytes.first_chunk::<HEADER_BYTES>()
        else {
            return Err(corrupted("no header"));
        };
        let (prefixes, length_bits) = (usize::from(*prefixes), u32::from(*length_bits));
        let terms = usize::from(u16::from_le_bytes([*low, *high]));
        if flags & !(FLAG_SYMBOLS | FLAG_LONG | FLAG_WIDE) != 0 {
            return Err(StorageError::new(
                quadrille_backend::ErrorKind::Unsupported,
                "a dictionary chunk is of a form that this version does not know",
            ));
        }
        if length_bits > LENGTH_BITS_MAX {
            return Err(corrupted("lengths too wide"));
        }
        let entries = prefixes + terms;
        let largest_prefix = prefixes as u64 + u64::from(flags & FLAG_LONG != 0);
        let entry_bits = length_bits + width_of(largest_prefix);
        let offset_bytes = if flags & FLAG_WIDE != 0 { 4 } else { 2 };
        let directory = HEADER_BYTES + offset_bytes * entries.div_ceil(GROUP).saturating_sub(1);
        let texts = directory + bytes_of(entries, entry_bits);
        if texts > bytes.len() {
            return Err(corrupted("cut short"));
        }
        Ok(Self {
            flags: *flags,
            prefixes,
            terms,
            length_bits,
            entry_bits,
            directory,
            texts,
        })
    }

    /// The number of terms.
    pub(crate) fn len(&self) -> usize {
        self.terms
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.terms == 0
    }

    /// Appends the bytes of the i-th term to `out`, or says that it lies elsewhere.
    ///
    /// `symbols` is the table that the chunk was built with; a chunk built without one ignores it.
    #[inline]
    pub(crate) fn get(
        &self,
        bytes: &[u8],
        i: usize,
        symbols: Option<&SymbolTable>,
        out: &mut Vec<u8>,
    ) -> StorageResult<ChunkEntry> {
        if let Some(long) = self.long(bytes, i)? {
            return Ok(long);
        }
        self.write(bytes, self.prefixes + i, DEPTH_MAX, symbols, out)?;
        Ok(ChunkEntry::Inline)
    }

    /// Whether the i-th term is the candidate; never true of a long term.
    #[inline]
    pub(crate) fn equals(
        &self,
        bytes: &[u8],
        i: usize,
        symbols: Option<&SymbolTable>,
        candidate: &[u8],
    ) -> StorageResult<bool> {
        if self.long(bytes, i)?.is_some() {
            return Ok(false);
        }
        let mut comparison = Comparison { rest: candidate };
        Ok(self.write(
            bytes,
            self.prefixes + i,
            DEPTH_MAX,
            symbols,
            &mut comparison,
        )? && comparison.rest.is_empty())
    }

    /// The reference that stands for the i-th term, if it is a long one.
    #[inline]
    fn long(&self, bytes: &[u8], i: usize) -> StorageResult<Option<ChunkEntry>> {
        if i >= self.terms {
            return Err(StorageError::misuse(format!(
                "a dictionary chunk of {} terms has no term {i}",
                self.terms
            )));
        }
        if self.flags & FLAG_LONG == 0 {
            return Ok(None);
        }
        let (prefix, text) = self.entry(bytes, self.prefixes + i)?;
        if prefix != self.prefixes + 1 {
            return Ok(None);
        }
        let (Ok(length), Ok(digest)) = (
            text[..text.len().min(8)].try_into(),
            text[text.len().min(8)..].try_into(),
        ) else {
            return Err(corrupted("the reference to a long term is not 24 bytes"));
        };
        Ok(Some(ChunkEntry::Long {
            length: u64::from_le_bytes(length),
            digest,
        }))
    }

    /// Hands the bytes of an entry to `pieces`; false when it did not want them all.
    fn write(
        &self,
        bytes: &[u8],
        entry: usize,
        depth_left: usize,
        symbols: Option<&SymbolTable>,
        pieces: &mut impl Pieces,
    ) -> StorageResult<bool> {
        let (prefix, text) = self.entry(bytes, entry)?;
        if prefix > self.prefixes.min(entry) {
            return Err(corrupted("a prefix does not come before its entry"));
        }
        if prefix > 0 {
            let depth_left = depth_left
                .checked_sub(1)
                .ok_or_else(|| corrupted("prefixes nest too deep"))?;
            if !self.write(bytes, prefix - 1, depth_left, symbols, pieces)? {
                return Ok(false);
            }
        }
        if self.flags & FLAG_SYMBOLS == 0 {
            return Ok(pieces.piece(text));
        }
        let symbols = symbols.ok_or_else(|| {
            StorageError::misuse("a dictionary chunk was read without its symbol table")
        })?;
        pieces.coded(text, symbols)
    }

    /// The prefix and the text of an entry.
    #[inline]
    fn entry<'a>(&self, bytes: &'a [u8], entry: usize) -> StorageResult<(usize, &'a [u8])> {
        let directory = bytes.get(self.directory..).unwrap_or_default();
        let group = entry / GROUP;
        let first = group * GROUP;
        let before = sum_of_low_bits(directory, first..entry, self.entry_bits, self.length_bits);
        let start = self.texts + self.group_offset(bytes, group)? + before as usize;
        let packed = unpack(directory, entry, self.entry_bits);
        let length = (packed & ((1 << self.length_bits) - 1)) as usize;
        let text = bytes.get(start..).and_then(|rest| rest.get(..length));
        let text = text.ok_or_else(|| corrupted("a text reaches past the end"))?;
        Ok(((packed >> self.length_bits) as usize, text))
    }

    #[inline]
    fn group_offset(&self, bytes: &[u8], group: usize) -> StorageResult<usize> {
        let Some(position) = group.checked_sub(1) else {
            return Ok(0);
        };
        let offsets = bytes.get(HEADER_BYTES..self.directory).unwrap_or_default();
        let offset = if self.flags & FLAG_WIDE != 0 {
            offsets
                .as_chunks::<4>()
                .0
                .get(position)
                .map(|offset| u32::from_le_bytes(*offset) as usize)
        } else {
            offsets
                .as_chunks::<2>()
                .0
                .get(position)
                .map(|offset| usize::from(u16::from_le_bytes(*offset)))
        };
        offset.ok_or_else(|| corrupted("no offset for an entry"))
    }
}
