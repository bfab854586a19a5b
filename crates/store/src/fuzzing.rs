//! The decoding of whatever a backend may hold, for fuzzers: no part of what programs may use.
//!
//! What flows in: any bytes as the key and the value of an entry. What flows out: the error that a reader would get, or
//! how much was decoded. What always holds: everything that the store could ask of the entry is asked, the checksum being
//! made to match, as a fuzzer would not guess it.

use crate::block::Block;
use crate::bytes::{RowKey, row_of};
use crate::checksum::{self, CHECKSUM_BYTES};
use crate::dictionary::{Chunk, ChunkEntry, SymbolTable};
use crate::index::summary::Summary;
use crate::log::LogRecord;
use crate::root::{ROOT_KEY, Root};
use crate::statistics_rows::{StatisticsRow, Subject};
use crate::term::{Tag, TagKind, TermId, term_from_bytes, triple_term_ids};
use quadrille_backend::{StorageError, StorageResult};

/// What an entry is decoded as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry {
    /// A block of one of the permutations.
    Quads,
    /// A block of the hash index.
    Hashes,
    /// A summary of blocks of a permutation.
    QuadsSummary,
    /// A summary of blocks of the hash index.
    HashesSummary,
    /// A chunk of the dictionary, whose symbols are the key.
    Chunk,
    /// A record of the commit log.
    LogRecord,
    /// The root record.
    Root,
    /// A row of the statistics.
    Statistics,
    /// The byte form of a term, whose tag is the first byte of the key.
    Term,
}

impl Entry {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Quads,
        Self::Hashes,
        Self::QuadsSummary,
        Self::HashesSummary,
        Self::Chunk,
        Self::LogRecord,
        Self::Root,
        Self::Statistics,
        Self::Term,
    ];

    /// Decodes a value without its checksum; how many rows or terms it holds.
    ///
    /// # Errors
    /// What a reader of the entry would fail with.
    pub fn decode(self, key: &[u8], payload: &[u8]) -> StorageResult<usize> {
        match self {
            Self::Quads => block::<4>(key, payload),
            Self::Hashes => block::<2>(key, payload),
            Self::QuadsSummary => summary::<4>(key, payload),
            Self::HashesSummary => summary::<2>(key, payload),
            Self::Chunk => chunk(key, payload),
            Self::LogRecord => log_record(key, payload),
            Self::Root => root(payload),
            Self::Statistics => {
                let value = sealed("statistics", key, payload);
                let row = StatisticsRow::decode(key, &value)?;
                let _ = (row, Subject::of_key(key));
                Ok(1)
            }
            Self::Term => {
                let tag = key.first().copied().and_then(Tag::from_byte);
                term(tag.unwrap_or(Tag::Iri), payload).map(|()| 1)
            }
        }
    }
}

fn sealed(role: &str, key: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut value = payload.to_vec();
    checksum::seal(role, key, &mut value);
    value
}

/// All rows by all the ways there are. Of a block that contradicts itself under a checksum that matches, they may tell
/// different things.
fn block<const N: usize>(key: &[u8], bytes: &[u8]) -> StorageResult<usize> {
    let block = Block::<N>::parse(bytes)?;
    for column in 0..N {
        let mut values = Vec::new();
        block.decode_column(bytes, column, 0..block.len(), &mut values);
        assert_eq!(values.len(), block.len());
        let _ = (block.min(column), block.max(column));
    }
    for row in 0..block.len() {
        let values = block.row(bytes, row);
        assert!(block.lower_bound(bytes, &values) <= block.len());
    }
    let mut padded = key.to_vec();
    padded.resize(8 * N, 0);
    if let Some(bound) = row_of::<N>(&padded) {
        for length in 0..=N {
            let range = block.prefix_range(bytes, &bound[..length]);
            assert!(range.start <= range.end && range.end <= block.len());
        }
    }
    Ok(block.len())
}

fn summary<const N: usize>(key: &[u8], payload: &[u8]) -> StorageResult<usize> {
    Summary::<N>::decode_header(payload)?;
    // The key that the separators ask for, where there are some.
    let behind = payload.get(8 + 16 * N..).unwrap_or_default();
    let own_key = Block::<5>::parse(behind).ok().map(|block| {
        let last = block.row(behind, block.len() - 1);
        let row: [u64; N] = std::array::from_fn(|column| last[column]);
        RowKey::new(&row).to_vec()
    });
    let summary = Summary::<N>::decode_payload(own_key.as_deref().unwrap_or(key), payload)?;
    Ok(summary.blocks().count())
}

fn chunk(symbols: &[u8], payload: &[u8]) -> StorageResult<usize> {
    let table = SymbolTable::from_bytes(symbols).ok();
    let chunk = Chunk::parse(payload)?;
    let mut bytes = Vec::new();
    for index in 0..chunk.len() {
        bytes.clear();
        // One that is damaged does not hinder the others.
        let Ok(ChunkEntry::Inline) = chunk.get(payload, index, table.as_ref(), &mut bytes) else {
            continue;
        };
        let _ = chunk.equals(payload, index, table.as_ref(), &bytes);
    }
    Ok(chunk.len())
}

fn log_record(key: &[u8], payload: &[u8]) -> StorageResult<usize> {
    let mut padded = key.to_vec();
    padded.resize(8, 0);
    let epoch = row_of::<1>(&padded).map_or(0, |[epoch]| epoch);
    let value = sealed("log", &epoch.to_be_bytes(), payload);
    let record = LogRecord::decode(epoch, &value)?;
    for (id, bytes) in &record.terms {
        if let Some(tag) = TermId::from_raw(*id).tag() {
            // What is wrong with a term is told when it is read.
            let _ = term(tag, bytes);
        }
    }
    Ok(record.terms.len() + record.inserted.len() + record.removed.len())
}

fn root(payload: &[u8]) -> StorageResult<usize> {
    let value = sealed("root", ROOT_KEY, payload);
    let root = Root::decode(&value)?;
    let again = root.encode();
    // Fields that a later version appended are not kept.
    if again.len() == value.len() {
        assert_eq!(Root::decode(&again)?, root);
    }
    let _ = root.terms();
    Ok(value.len() - CHECKSUM_BYTES)
}

fn term(tag: Tag, bytes: &[u8]) -> StorageResult<()> {
    match tag.kind() {
        TagKind::Dictionary if tag == Tag::TripleTerm => triple_term_ids(bytes).map(drop),
        TagKind::Dictionary => term_from_bytes(tag, bytes).map(drop),
        TagKind::Inlined => {
            let id = bytes.iter().fold(0, |id, byte| id << 8 | u64::from(*byte));
            let term = TermId::from_parts(tag, id).decode_inline();
            term.map(drop)
                .ok_or_else(|| StorageError::corrupted("no term has this id"))
        }
        TagKind::DefaultGraph | TagKind::QueryLocal => Ok(()),
    }
}
