//! The commit log: one record for each commit that is not wholly in the blocks yet.
//!
//! A record stands under its epoch (8 bytes, big-endian). Its payload:
//!
//! | part | content |
//! |---|---|
//! | new terms | varint number of runs; each run: tag (1 byte), first payload (varint), number of terms (varint), then per term a varint length and its bytes |
//! | inserted | varint number of blocks; each a varint length and a block of quads in the order SPOC |
//! | removed | the same |
//!
//! The blocks are those of the block module; the record is sealed under its key. The same log is the change feed.

use crate::block::{BLOCK_ROWS_MAX, Block, encode_block};
use crate::bytes::{Reader, put_bytes, put_varint};
use crate::checksum;
use crate::delta::TermBytes;
use crate::keyspaces::LOG;
use crate::permutation::Row;
use crate::term::TermId;
use quadrille_backend::{StorageError, StorageResult};

/// The decoded record of one commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogRecord {
    /// New terms, ascending by id; the ids of one tag are consecutive.
    pub(crate) terms: Vec<(u64, TermBytes)>,
    /// Quads that the commit inserted, ascending.
    pub(crate) inserted: Vec<Row>,
    /// Quads that the commit removed, ascending.
    pub(crate) removed: Vec<Row>,
}

/// The key of a commit's record.
pub(crate) fn log_key(epoch: u64) -> [u8; 8] {
    epoch.to_be_bytes()
}

impl LogRecord {
    /// The sealed record of an epoch.
    pub(crate) fn encode(&self, epoch: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        let runs: Vec<&[(u64, TermBytes)]> = self
            .terms
            .chunk_by(|(before, _), (after, _)| before + 1 == *after)
            .collect();
        put_varint(&mut out, runs.len() as u64);
        for run in runs {
            let first = TermId::from_raw(run.first().map_or(0, |(id, _)| *id));
            out.push(first.raw().to_be_bytes()[0]);
            put_varint(&mut out, first.payload());
            put_varint(&mut out, run.len() as u64);
            for (_, bytes) in run {
                put_bytes(&mut out, bytes);
            }
        }
        let mut block = Vec::with_capacity(256);
        for rows in [&self.inserted, &self.removed] {
            put_varint(&mut out, rows.len().div_ceil(BLOCK_ROWS_MAX) as u64);
            for rows in rows.chunks(BLOCK_ROWS_MAX) {
                block.clear();
                encode_block(rows, &mut block);
                put_bytes(&mut out, &block);
            }
        }
        checksum::seal(LOG, &log_key(epoch), &mut out);
        out
    }

    /// Reads the sealed record of an epoch.
    ///
    /// # Errors
    /// `Corrupted` when the checksum or the layout does not hold.
    pub(crate) fn decode(epoch: u64, value: &[u8]) -> StorageResult<Self> {
        let payload = checksum::open(LOG, &log_key(epoch), value)?;
        let mut reader = Reader::new(payload, "log record");
        let record = Self {
            terms: decode_terms(&mut reader)?,
            inserted: decode_rows(&mut reader)?,
            removed: decode_rows(&mut reader)?,
        };
        reader.end()?;
        Ok(record)
    }
}

fn decode_terms(reader: &mut Reader<'_>) -> StorageResult<Vec<(u64, TermBytes)>> {
    let mut terms = Vec::new();
    for _ in 0..reader.varint()? {
        let tag = u64::from(reader.u8()?);
        let first = reader.varint()?;
        let count = reader.varint()?;
        if first.checked_add(count).is_none_or(|end| end >> 56 != 0) {
            return Err(StorageError::corrupted(
                "a log record holds term ids out of range",
            ));
        }
        for payload in first..first + count {
            terms.push((tag << 56 | payload, reader.bytes()?.into()));
        }
    }
    Ok(terms)
}

fn decode_rows(reader: &mut Reader<'_>) -> StorageResult<Vec<Row>> {
    let mut rows = Vec::new();
    for _ in 0..reader.varint()? {
        let bytes = reader.bytes()?;
        let block = Block::<4>::parse(bytes)?;
        rows.extend((0..block.len()).map(|row| block.row(bytes, row)));
    }
    Ok(rows)
}
