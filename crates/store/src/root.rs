//! The root record: the one value that says what the store is and which state it is in.
//!
//! Each commit rewrites it atomically together with its log record. Its layout, all integers little-endian:
//!
//! | field | bytes | meaning |
//! |---|---|---|
//! | magic | 8 | `QUADRILL` |
//! | major, minor | 2 + 2 | format version; another major version refuses |
//! | compatible, read-only, incompatible | 3 × 8 | feature bits: unknown compatible bits are ignored, unknown read-only bits refuse writing, unknown incompatible bits refuse opening |
//! | store id | 16 | random, made once |
//! | hash algorithm, key | 1 + 16 | 1 is SipHash-1-3 with 128-bit key |
//! | tag table | 2 | version of the term id tags |
//! | block codec, chunk codec | 1 + 1 | versions of the two encodings |
//! | block bytes, chunk bytes | 4 + 4 | size targets of new blocks and chunks |
//! | permutations | 1 + n | their number and rotations |
//! | generation | 8 | which keyspaces belong to the store |
//! | epoch | 8 | commit sequence number |
//! | log start | 8 | the log holds one record for each epoch above this one |
//! | folds | 8 | grows whenever blocks or chunks of the generation change in place |
//! | quads | 8 | how many there are |
//! | statistics | 8 + 8 | rows of the statistics keyspace, and quads when they were taken |
//! | next ids | 1 + n × 9 | tag and next payload, per dictionary tag, ascending |
//! | folded ids | 1 + n × 9 | the same for the terms that are in chunks; those between stand in the log |
//! | checksum | 4 | see the checksum module |

use crate::bytes::Reader;
use crate::checksum;
use crate::keyspaces::ROOT;
use crate::permutation::Permutation;
use crate::term::{SERIAL_BLANK_FREE, Tag, TermId, serial_blank, serial_blank_of_bytes};
use quadrille_backend::{ErrorKind, StorageError, StorageResult};
use std::collections::BTreeMap;

/// The key of the record in the keyspace `root`.
pub(crate) const ROOT_KEY: &[u8] = b"root";

const MAGIC: &[u8; 8] = b"QUADRILL";
const MAJOR: u16 = 1;
const MINOR: u16 = 0;
const HASH_SIPHASH_1_3: u8 = 1;
const TAG_TABLE: u16 = 1;
const BLOCK_CODEC: u8 = 1;
const CHUNK_CODEC: u8 = 1;

/// The next free payload of each dictionary tag; a tag that is absent starts at [`FIRST_PAYLOAD`].
pub(crate) type NextIds = BTreeMap<u8, u64>;

/// No store comes near this generation, epoch or number of quads; so adding to one cannot overflow.
const COUNT_MAX: u64 = 1 << 56;

/// The payload of the first term of each dictionary tag.
pub(crate) const FIRST_PAYLOAD: u64 = 1;

/// The decoded root record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Root {
    pub(crate) minor: u16,
    pub(crate) compatible: u64,
    pub(crate) read_only: u64,
    pub(crate) store_id: [u8; 16],
    pub(crate) hash_key: [u8; 16],
    pub(crate) block_bytes: u32,
    pub(crate) chunk_bytes: u32,
    pub(crate) generation: u64,
    pub(crate) epoch: u64,
    pub(crate) log_start: u64,
    pub(crate) folds: u64,
    pub(crate) quads: u64,
    pub(crate) statistics_rows: u64,
    pub(crate) statistics_quads: u64,
    pub(crate) next_ids: NextIds,
    pub(crate) folded_ids: NextIds,
}

impl Root {
    /// The root of a new, empty store.
    pub(crate) fn new(
        store_id: [u8; 16],
        hash_key: [u8; 16],
        block_bytes: u32,
        chunk_bytes: u32,
    ) -> Self {
        Self {
            minor: MINOR,
            compatible: 0,
            read_only: 0,
            store_id,
            hash_key,
            block_bytes,
            chunk_bytes,
            generation: 1,
            epoch: 0,
            log_start: 0,
            folds: 0,
            quads: 0,
            statistics_rows: 0,
            statistics_quads: 0,
            next_ids: NextIds::new(),
            folded_ids: NextIds::new(),
        }
    }

    /// The next free payload of a dictionary tag.
    pub(crate) fn next_payload(&self, tag: u8) -> u64 {
        self.next_ids.get(&tag).copied().unwrap_or(FIRST_PAYLOAD)
    }

    /// The first payload of a dictionary tag that is not in a chunk.
    pub(crate) fn folded_payload(&self, tag: u8) -> u64 {
        self.folded_ids.get(&tag).copied().unwrap_or(FIRST_PAYLOAD)
    }

    /// How many terms the dictionary holds, those that still stand in the log included.
    pub(crate) fn terms(&self) -> u64 {
        self.next_ids
            .iter()
            .filter(|&(&tag, _)| tag != Tag::SerialBlank.byte())
            .map(|(_, next)| next.saturating_sub(FIRST_PAYLOAD))
            .sum()
    }

    /// The next id of a dictionary tag, or of the blank nodes that the store names itself.
    ///
    /// # Errors
    /// `Full` when all are given.
    pub(crate) fn allocate(&mut self, tag: Tag) -> StorageResult<TermId> {
        let payload = self.next_payload(tag.byte());
        if payload >> 56 != 0 {
            return Err(StorageError::new(
                ErrorKind::Full,
                format!("all ids of the kind {} are given", tag.name()),
            ));
        }
        self.next_ids.insert(tag.byte(), payload + 1);
        Ok(TermId::from_parts(tag, payload))
    }

    /// The next blank node that the store names itself: one whose label is not held, as the dictionary may hold those of
    /// large numbers.
    ///
    /// # Errors
    /// As [`allocate`](Self::allocate), and what `is_held` fails with.
    pub(crate) fn allocate_blank_node(
        &mut self,
        mut is_held: impl FnMut(&[u8]) -> StorageResult<bool>,
    ) -> StorageResult<TermId> {
        loop {
            let id = self.allocate(Tag::SerialBlank)?;
            if id.payload() < SERIAL_BLANK_FREE
                || !is_held(serial_blank(id.payload()).as_str().as_bytes())?
            {
                return Ok(id);
            }
        }
    }

    /// The blank node of a label that the dictionary does not hold, if it is a number that the store has given.
    pub(crate) fn given_blank_node(&self, tag: Tag, bytes: &[u8]) -> Option<TermId> {
        let next = self.next_payload(Tag::SerialBlank.byte());
        serial_blank_of_bytes(tag, bytes).filter(|id| id.payload() < next)
    }

    /// Notes an inlined id that a quad uses: the store must not name another blank node so.
    pub(crate) fn note_inlined(&mut self, id: TermId) {
        let tag = Tag::SerialBlank.byte();
        if id.tag_byte() == tag && id.payload() >= self.next_payload(tag) {
            self.next_ids.insert(tag, id.payload() + 1);
        }
    }

    /// Whether a newer program marked the store as not to be written by this one.
    pub(crate) fn refuses_writing(&self) -> bool {
        self.read_only != 0
    }

    /// The sealed record.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(320);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&MAJOR.to_le_bytes());
        out.extend_from_slice(&self.minor.to_le_bytes());
        for features in [self.compatible, self.read_only, 0] {
            out.extend_from_slice(&features.to_le_bytes());
        }
        out.extend_from_slice(&self.store_id);
        out.push(HASH_SIPHASH_1_3);
        out.extend_from_slice(&self.hash_key);
        out.extend_from_slice(&TAG_TABLE.to_le_bytes());
        out.extend_from_slice(&[BLOCK_CODEC, CHUNK_CODEC]);
        out.extend_from_slice(&self.block_bytes.to_le_bytes());
        out.extend_from_slice(&self.chunk_bytes.to_le_bytes());
        out.push(Permutation::ALL.len() as u8);
        out.extend(Permutation::ALL.map(|permutation| permutation.rotation() as u8));
        for number in [
            self.generation,
            self.epoch,
            self.log_start,
            self.folds,
            self.quads,
            self.statistics_rows,
            self.statistics_quads,
        ] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for ids in [&self.next_ids, &self.folded_ids] {
            out.push(ids.len() as u8);
            for (&tag, next) in ids {
                out.push(tag);
                out.extend_from_slice(&next.to_le_bytes());
            }
        }
        checksum::seal(ROOT, ROOT_KEY, &mut out);
        out
    }

    /// Reads a sealed record.
    ///
    /// # Errors
    /// `Unsupported` for a record of another program or version, or with features that this program does not know;
    /// `Corrupted` when the checksum or the layout does not hold.
    pub(crate) fn decode(record: &[u8]) -> StorageResult<Self> {
        let unsupported = |what: String| StorageError::new(ErrorKind::Unsupported, what);
        let mut head = Reader::new(record, "root record");
        if head.array::<8>().ok().as_ref() != Some(MAGIC) {
            return Err(unsupported("this is not a Quadrille store".into()));
        }
        let (major, minor) = (head.u16()?, head.u16()?);
        if major != MAJOR {
            return Err(unsupported(format!(
                "the store has format version {major}.{minor}; this program reads version {MAJOR}"
            )));
        }
        let mut reader = Reader::new(
            checksum::open(ROOT, ROOT_KEY, record)?
                .get(12..)
                .unwrap_or_default(),
            "root record",
        );
        let (compatible, read_only, incompatible) = (reader.u64()?, reader.u64()?, reader.u64()?);
        if incompatible != 0 {
            return Err(unsupported(format!(
                "the store uses features that this program does not know (incompatible set {incompatible:#x})"
            )));
        }
        let store_id = reader.array()?;
        let hash_algorithm = reader.u8()?;
        let hash_key = reader.array()?;
        let codecs = (hash_algorithm, reader.u16()?, reader.u8()?, reader.u8()?);
        if codecs != (HASH_SIPHASH_1_3, TAG_TABLE, BLOCK_CODEC, CHUNK_CODEC) {
            return Err(unsupported(format!(
                "the store uses codecs {codecs:?} (hash, tag table, block, chunk) that this program does not know"
            )));
        }
        let (block_bytes, chunk_bytes) = (reader.u32()?, reader.u32()?);
        let permutations = usize::from(reader.u8()?);
        let rotations = reader.take(permutations)?;
        if rotations != Permutation::ALL.map(|permutation| permutation.rotation() as u8) {
            return Err(unsupported(format!(
                "the store keeps the permutations {rotations:?}, which this program does not"
            )));
        }
        Self::decode_state(
            reader,
            minor,
            (compatible, read_only),
            store_id,
            hash_key,
            (block_bytes, chunk_bytes),
        )
    }

    fn decode_state(
        mut reader: Reader<'_>,
        minor: u16,
        (compatible, read_only): (u64, u64),
        store_id: [u8; 16],
        hash_key: [u8; 16],
        (block_bytes, chunk_bytes): (u32, u32),
    ) -> StorageResult<Self> {
        let root = Self {
            minor,
            compatible,
            read_only,
            store_id,
            hash_key,
            block_bytes,
            chunk_bytes,
            generation: reader.u64()?,
            epoch: reader.u64()?,
            log_start: reader.u64()?,
            folds: reader.u64()?,
            quads: reader.u64()?,
            statistics_rows: reader.u64()?,
            statistics_quads: reader.u64()?,
            next_ids: decode_ids(&mut reader)?,
            folded_ids: decode_ids(&mut reader)?,
        };
        let counts = [root.generation, root.epoch, root.folds, root.quads];
        if counts.iter().any(|&count| count > COUNT_MAX) || root.log_start > root.epoch {
            return Err(StorageError::corrupted(
                "the root record holds a number out of range",
            ));
        }
        // A later minor version may append fields, which this one leaves alone.
        if minor == MINOR {
            reader.end()?;
        }
        Ok(root)
    }
}

fn decode_ids(reader: &mut Reader<'_>) -> StorageResult<NextIds> {
    let mut ids = NextIds::new();
    for _ in 0..reader.u8()? {
        let (tag, next) = (reader.u8()?, reader.u64()?);
        if ids.last_key_value().is_some_and(|(&last, _)| last >= tag) {
            return Err(StorageError::corrupted(
                "the root record's ids are not in order",
            ));
        }
        ids.insert(tag, next);
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Root {
        let mut root = Root::new([7; 16], [9; 16], 1994, 1994);
        root.epoch = 42;
        root.quads = 5;
        root.next_ids = NextIds::from([(3, 17), (9, 2)]);
        root
    }

    #[test]
    fn the_record_round_trips() {
        let root = sample();
        assert_eq!(Root::decode(&root.encode()).expect("it is intact"), root);
    }

    #[test]
    fn other_programs_versions_and_features_are_refused() {
        let kind = |position: usize, value: u8, seal_again: bool| {
            let mut record = sample().encode();
            record[position] = value;
            if seal_again {
                record.truncate(record.len() - checksum::CHECKSUM_BYTES);
                checksum::seal(ROOT, ROOT_KEY, &mut record);
            }
            Root::decode(&record)
                .map(drop)
                .map_err(|error| error.kind())
        };
        assert_eq!(kind(0, b'X', false), Err(ErrorKind::Unsupported));
        assert_eq!(kind(8, 2, false), Err(ErrorKind::Unsupported));
        assert_eq!(kind(28, 1, true), Err(ErrorKind::Unsupported));
        assert_eq!(kind(52, 9, true), Err(ErrorKind::Unsupported));
        // Unknown compatible and read-only features do not hinder reading.
        assert_eq!(kind(12, 1, true), Ok(()));
        assert_eq!(kind(20, 1, true), Ok(()));
    }

    #[test]
    fn damage_is_corruption_and_never_a_panic() {
        let record = sample().encode();
        for length in 0..record.len() {
            assert!(Root::decode(&record[..length]).is_err());
        }
        for position in 12..record.len() {
            let mut damaged = record.clone();
            damaged[position] ^= 0x10;
            let error = Root::decode(&damaged).expect_err("a flipped byte is noticed");
            assert_eq!(error.kind(), ErrorKind::Corrupted);
        }
    }
}
