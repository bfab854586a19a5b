//! Building a chunk: terms are taken one by one until the chunk is full, its size known exactly at every step.
//! The terms so far are kept in byte order as well, which gives the longest prefix that a new term shares with any of
//! them. A shared prefix that saves bytes becomes an entry of its own.

use super::chunk::{
    DEPTH_MAX, FLAG_LONG, FLAG_SYMBOLS, FLAG_WIDE, GROUP, HEADER_BYTES, LENGTH_BITS_MAX,
    LONG_TEXT_BYTES,
};
use super::packed::{Packer, bytes_of, width_of};
use super::symbols::SymbolTable;
use crate::build::checkpoint::PendingTerm;
use std::ops::Range;
use std::sync::Arc;

/// Prefixes are numbered by a byte, and one number is for long terms.
const PREFIXES_MAX: usize = 254;
/// In the place of a prefix: the term lies elsewhere.
const LONG: u8 = u8::MAX;
/// The number of terms is stored in two bytes, and small chunks are quick to search.
const TERMS_MAX: usize = 4096;
/// A shared prefix must be longer by so much than the one at hand, to be worth a look.
const PREFIX_GAIN_MIN: usize = 2;
/// The bytes that an entry takes in the directory, about.
const ENTRY_BYTES: usize = 2;

/// A prefix or a term: its bytes, its prefix and its text, which is what comes after the prefix.
#[derive(Clone)]
struct Entry {
    /// In `bytes`.
    whole: Range<usize>,
    prefix: u8,
    prefix_length: usize,
    /// The text in codes, in `coded`.
    coded: Range<usize>,
}

/// What the size of a chunk depends on, the texts as they are or in codes.
#[derive(Clone, Copy, Default)]
struct TextSizes {
    total: usize,
    /// How many texts there are of each width of their length.
    widths: [u16; LENGTH_BITS_MAX as usize + 1],
}

impl TextSizes {
    fn width(length: usize) -> usize {
        width_of(length as u64).min(LENGTH_BITS_MAX) as usize
    }

    fn add(&mut self, length: usize) {
        self.total += length;
        self.widths[Self::width(length)] += 1;
    }

    fn remove(&mut self, length: usize) {
        self.total -= length;
        self.widths[Self::width(length)] -= 1;
    }

    fn widest(&self) -> u32 {
        self.widths
            .iter()
            .rposition(|count| *count > 0)
            .unwrap_or(0) as u32
    }
}

/// Both ways to store the texts.
#[derive(Clone, Copy, Default)]
struct Sizes {
    plain: TextSizes,
    coded: TextSizes,
}

/// A shared prefix that is to become an entry.
struct NewPrefix {
    length: usize,
    parent: u8,
    parent_length: usize,
    /// Its text in codes.
    coded: Range<usize>,
    /// What is left of the new term, in codes.
    rest: Range<usize>,
    /// The terms that are to use it, by position, with their texts in codes.
    users: Vec<(usize, Range<usize>)>,
}

/// Takes terms until a chunk is full, then writes it.
pub(crate) struct ChunkBuilder {
    target_bytes: usize,
    symbols: Option<Arc<SymbolTable>>,
    bytes: Vec<u8>,
    coded: Vec<u8>,
    prefixes: Vec<Entry>,
    depths: Vec<u8>,
    terms: Vec<Entry>,
    /// The terms that are not long, by their bytes.
    sorted: Vec<u16>,
    long_terms: usize,
    sizes: Sizes,
}

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let (a_words, b_words) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
    let mut length = 0;
    for (first, second) in a_words.iter().zip(b_words) {
        let difference = u64::from_le_bytes(*first) ^ u64::from_le_bytes(*second);
        if difference != 0 {
            return length + difference.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let tails = a[length..].iter().zip(&b[length..]);
    length + tails.take_while(|(first, second)| first == second).count()
}

impl ChunkBuilder {
    /// A builder of chunks of at most `target_bytes` bytes (more only for a single term), coded by a symbol table if there is one.
    pub(crate) fn new(target_bytes: usize, symbols: Option<Arc<SymbolTable>>) -> Self {
        Self {
            target_bytes,
            symbols,
            bytes: Vec::new(),
            coded: Vec::new(),
            prefixes: Vec::new(),
            depths: Vec::new(),
            terms: Vec::new(),
            sorted: Vec::new(),
            long_terms: 0,
            sizes: Sizes::default(),
        }
    }

    /// Whether no term was taken yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Takes a term; false, and nothing taken, when the chunk is full. An empty chunk takes any term under 1 GB.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> bool {
        if self.terms.len() == TERMS_MAX {
            return false;
        }
        let (position, shared) = self.locate(bytes);
        let (prefix, prefix_length) = self.best_prefix(position, bytes, shared);
        let coded_before = self.coded.len();
        let coded = self.encode(&bytes[prefix_length..]);
        let new_prefix = self.new_prefix(bytes, position, shared, prefix, prefix_length, &coded);
        let (added_prefixes, coded, prefix_length, mut sizes) = match &new_prefix {
            None => (0, coded, prefix_length, self.sizes),
            Some(new) => (1, new.rest.clone(), new.length, self.sizes_with(new)),
        };
        sizes.plain.add(bytes.len() - prefix_length);
        sizes.coded.add(coded.len());
        let size = self.size(
            self.prefixes.len() + added_prefixes,
            self.terms.len() + 1,
            self.long_terms,
            sizes,
        );
        if size > self.target_bytes && !self.terms.is_empty() {
            self.coded.truncate(coded_before);
            return false;
        }
        let prefix = match new_prefix {
            None => prefix,
            Some(new) => self.add_prefix(new, bytes),
        };
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.sorted.insert(position, self.terms.len() as u16);
        self.terms.push(Entry {
            whole: start..self.bytes.len(),
            prefix,
            prefix_length,
            coded,
        });
        self.sizes = sizes;
        true
    }

    /// The terms so far, in their order. To take them again into an empty builder gives the same state.
    pub(crate) fn terms(&self) -> impl Iterator<Item = PendingTerm> + '_ {
        self.terms.iter().map(|entry| {
            let bytes = &self.bytes[entry.whole.clone()];
            match bytes.split_first_chunk() {
                Some((length, digest)) if entry.prefix == LONG => PendingTerm::Long {
                    length: u64::from_le_bytes(*length),
                    digest: digest.try_into().unwrap_or_default(),
                },
                _ => PendingTerm::Inline(bytes.to_vec()),
            }
        })
    }

    /// Takes a term that lies elsewhere, by its length in bytes and the digest of its bytes; false when the chunk is full.
    pub(crate) fn push_long(&mut self, length: u64, digest: [u8; 16]) -> bool {
        let mut sizes = self.sizes;
        sizes.plain.add(LONG_TEXT_BYTES);
        sizes.coded.add(LONG_TEXT_BYTES);
        let size = self.size(
            self.prefixes.len(),
            self.terms.len() + 1,
            self.long_terms + 1,
            sizes,
        );
        if self.terms.len() == TERMS_MAX || (size > self.target_bytes && !self.terms.is_empty()) {
            return false;
        }
        let (start, coded_start) = (self.bytes.len(), self.coded.len());
        for text in [&mut self.bytes, &mut self.coded] {
            text.extend_from_slice(&length.to_le_bytes());
            text.extend_from_slice(&digest);
        }
        let (whole, coded) = (start..self.bytes.len(), coded_start..self.coded.len());
        // The number of its prefix is known when all prefixes are.
        self.terms.push(Entry {
            whole,
            prefix: LONG,
            prefix_length: 0,
            coded,
        });
        self.long_terms += 1;
        self.sizes = sizes;
        true
    }

    /// Where a term belongs among the sorted ones, and how much it shares with its neighbours there.
    fn locate(&self, bytes: &[u8]) -> (usize, usize) {
        let position = self
            .sorted
            .partition_point(|term| self.term_bytes(*term) < bytes);
        let before = position
            .checked_sub(1)
            .and_then(|before| self.sorted.get(before));
        let shared = [before, self.sorted.get(position)].into_iter().flatten();
        (
            position,
            shared
                .map(|term| common_prefix(self.term_bytes(*term), bytes))
                .max()
                .unwrap_or(0),
        )
    }

    fn term_bytes(&self, term: u16) -> &[u8] {
        &self.bytes[self.terms[usize::from(term)].whole.clone()]
    }

    /// The longest prefix of the table that a new term has, and its length.
    ///
    /// Some term of the chunk has it too, so it is no longer than `shared`, and a neighbour that shares so much has it:
    /// it is the neighbour's prefix or one of that one's prefixes.
    fn best_prefix(&self, position: usize, bytes: &[u8], shared: usize) -> (u8, usize) {
        let neighbours = [
            position
                .checked_sub(1)
                .and_then(|before| self.sorted.get(before)),
            self.sorted.get(position),
        ];
        let nearest = neighbours
            .into_iter()
            .flatten()
            .find(|term| self.term_bytes(**term).starts_with(&bytes[..shared]));
        let Some(nearest) = nearest else {
            return (0, 0);
        };
        let entry = &self.terms[usize::from(*nearest)];
        let (mut prefix, mut length) = (entry.prefix, entry.prefix_length);
        while length > shared {
            let entry = &self.prefixes[usize::from(prefix) - 1];
            (prefix, length) = (entry.prefix, entry.prefix_length);
        }
        (prefix, length)
    }

    /// The prefix to add for a new term: what it shares with neighbours, if an entry for it saves bytes.
    fn new_prefix(
        &mut self,
        bytes: &[u8],
        position: usize,
        shared: usize,
        parent: u8,
        parent_length: usize,
        coded: &Range<usize>,
    ) -> Option<NewPrefix> {
        let depth = parent
            .checked_sub(1)
            .map_or(0, |parent| self.depths[usize::from(parent)])
            + 1;
        if shared < parent_length + PREFIX_GAIN_MIN
            || self.prefixes.len() == PREFIXES_MAX
            || usize::from(depth) >= DEPTH_MAX
        {
            return None;
        }
        let shares = |term: &&u16| self.term_bytes(**term).starts_with(&bytes[..shared]);
        let before = self.sorted[..position].iter().rev().take_while(shares);
        let users = before.chain(self.sorted[position..].iter().take_while(shares));
        let users: Vec<usize> = users
            .map(|term| usize::from(*term))
            .filter(|term| self.terms[*term].prefix == parent)
            .collect();
        let own = self.encode(&bytes[parent_length..shared]);
        let rest = self.encode(&bytes[shared..]);
        let mut cost = own.len() + ENTRY_BYTES + rest.len();
        let mut saved = coded.len();
        let mut recoded = Vec::with_capacity(users.len());
        for term in users {
            let whole = self.terms[term].whole.clone();
            let range = self.encode_stored(whole.start + shared..whole.end);
            cost += range.len();
            saved += self.terms[term].coded.len();
            recoded.push((term, range));
        }
        (cost < saved).then_some(NewPrefix {
            length: shared,
            parent,
            parent_length,
            coded: own,
            rest,
            users: recoded,
        })
    }

    /// The sizes once a prefix is added and its users are changed.
    fn sizes_with(&self, new: &NewPrefix) -> Sizes {
        let mut sizes = self.sizes;
        sizes.plain.add(new.length - new.parent_length);
        sizes.coded.add(new.coded.len());
        for (term, coded) in &new.users {
            let entry = &self.terms[*term];
            sizes.plain.remove(entry.whole.len() - entry.prefix_length);
            sizes.plain.add(entry.whole.len() - new.length);
            sizes.coded.remove(entry.coded.len());
            sizes.coded.add(coded.len());
        }
        sizes
    }

    /// Adds a prefix that begins `bytes`, and gives it to its users.
    fn add_prefix(&mut self, new: NewPrefix, bytes: &[u8]) -> u8 {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..new.length]);
        let whole = start..self.bytes.len();
        let depth = new
            .parent
            .checked_sub(1)
            .map_or(0, |parent| self.depths[usize::from(parent)])
            + 1;
        self.depths.push(depth);
        self.prefixes.push(Entry {
            whole,
            prefix: new.parent,
            prefix_length: new.parent_length,
            coded: new.coded,
        });
        let prefix = self.prefixes.len() as u8;
        for (term, coded) in new.users {
            let entry = &mut self.terms[term];
            (entry.prefix, entry.prefix_length, entry.coded) = (prefix, new.length, coded);
        }
        prefix
    }

    /// Appends the codes of a text; the text itself when there is no symbol table.
    fn encode(&mut self, text: &[u8]) -> Range<usize> {
        let start = self.coded.len();
        match &self.symbols {
            Some(symbols) => symbols.encode(text, &mut self.coded),
            None => self.coded.extend_from_slice(text),
        }
        start..self.coded.len()
    }

    fn encode_stored(&mut self, text: Range<usize>) -> Range<usize> {
        let start = self.coded.len();
        match &self.symbols {
            Some(symbols) => symbols.encode(&self.bytes[text], &mut self.coded),
            None => self.coded.extend_from_slice(&self.bytes[text]),
        }
        start..self.coded.len()
    }

    /// The bytes of a chunk of so many entries, its texts stored the smaller way.
    fn size(&self, prefixes: usize, terms: usize, long_terms: usize, sizes: Sizes) -> usize {
        let one_way = |texts: TextSizes| {
            Layout::new(prefixes, terms, long_terms > 0, texts).size(texts.total)
        };
        one_way(sizes.plain).min(one_way(sizes.coded))
    }

    /// Appends the chunk to `out` and begins the next one.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        let layout = |texts: TextSizes| {
            Layout::new(
                self.prefixes.len(),
                self.terms.len(),
                self.long_terms > 0,
                texts,
            )
        };
        let (plain, coded) = (layout(self.sizes.plain), layout(self.sizes.coded));
        let use_codes = coded.size(self.sizes.coded.total) < plain.size(self.sizes.plain.total);
        let (layout, flag) = if use_codes {
            (coded, FLAG_SYMBOLS)
        } else {
            (plain, 0)
        };
        self.write(&layout, flag, out);
        self.clear();
    }

    fn write(&self, layout: &Layout, symbols_flag: u8, out: &mut Vec<u8>) {
        let long_flag = if self.long_terms > 0 { FLAG_LONG } else { 0 };
        let wide_flag = if layout.offset_bytes == 4 {
            FLAG_WIDE
        } else {
            0
        };
        out.extend_from_slice(&[
            symbols_flag | long_flag | wide_flag,
            self.prefixes.len() as u8,
            layout.length_bits as u8,
        ]);
        out.extend_from_slice(&(self.terms.len() as u16).to_le_bytes());
        let text_of = |entry: &Entry| match symbols_flag {
            0 => &self.bytes[entry.whole.start + entry.prefix_length..entry.whole.end],
            _ => &self.coded[entry.coded.clone()],
        };
        let entries = || self.prefixes.iter().chain(&self.terms);
        let mut offset = 0_u32;
        for (position, entry) in entries().enumerate() {
            if position > 0 && position % GROUP == 0 {
                out.extend_from_slice(&offset.to_le_bytes()[..layout.offset_bytes]);
            }
            offset += text_of(entry).len() as u32;
        }
        let mut packer = Packer::new(out);
        for entry in entries() {
            let prefix = usize::from(entry.prefix).min(self.prefixes.len() + 1);
            packer.push(
                (prefix as u64) << layout.length_bits | text_of(entry).len() as u64,
                layout.entry_bits,
            );
        }
        packer.finish();
        entries().for_each(|entry| out.extend_from_slice(text_of(entry)));
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.coded.clear();
        self.prefixes.clear();
        self.depths.clear();
        self.terms.clear();
        self.sorted.clear();
        self.long_terms = 0;
        self.sizes = Sizes::default();
    }
}

/// The widths of a chunk's parts.
struct Layout {
    entries: usize,
    length_bits: u32,
    entry_bits: u32,
    offset_bytes: usize,
}

impl Layout {
    fn new(prefixes: usize, terms: usize, has_long: bool, texts: TextSizes) -> Self {
        let length_bits = texts.widest();
        Self {
            entries: prefixes + terms,
            length_bits,
            entry_bits: length_bits + width_of(prefixes as u64 + u64::from(has_long)),
            offset_bytes: if texts.total > usize::from(u16::MAX) {
                4
            } else {
                2
            },
        }
    }

    fn size(&self, texts: usize) -> usize {
        let groups = self.entries.div_ceil(GROUP).saturating_sub(1);
        HEADER_BYTES + self.offset_bytes * groups + bytes_of(self.entries, self.entry_bits) + texts
    }
}

/// The texts that chunks of these terms would hold: what a symbol table is to be trained on.
pub(super) fn pieces(samples: &[&[u8]]) -> Vec<Vec<u8>> {
    const SAMPLE_CHUNK_BYTES: usize = 4096;
    let mut builder = ChunkBuilder::new(SAMPLE_CHUNK_BYTES, None);
    let mut pieces = Vec::new();
    let mut drain = |builder: &mut ChunkBuilder| {
        pieces.extend(
            builder
                .prefixes
                .iter()
                .chain(&builder.terms)
                .map(|entry| builder.coded[entry.coded.clone()].to_vec()),
        );
        builder.clear();
    };
    for sample in samples {
        if !builder.push(sample) {
            drain(&mut builder);
            builder.push(sample);
        }
    }
    drain(&mut builder);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}
