//! The manifest of a checkpoint: all that a load needs to go on, and which files hold the rest.
//!
//! Its layout, integers little-endian or varints, byte strings with their length before them:
//!
//! | field | meaning |
//! |---|---|
//! | magic, format | `QUADLOAD`, two bytes; another format is refused |
//! | made | when, in seconds since 1970 |
//! | base root | the root record that the load builds upon |
//! | next ids | tag and next payload, per tag, ascending |
//! | blank nodes | runs of numbers that the load gave: first and length, from the end of the run before, ascending |
//! | quads read | how many were added |
//! | position | what the caller needs to know to go on |
//! | commit | 0, or 1 and the generation, epoch, quads and terms that the load was about to commit, and quads read |
//! | quads, hash rows, ids | runs: level and file each |
//! | tables of ids | files |
//! | terms | per tag: first id, samples, symbol table, open chunk, files of chunks and segments |
//! | checksum | see the checksum module |
//!
//! A file is told by its number, its length and the XXH3-64 of its bytes. The format number changes whenever this layout
//! or that of one of the files does.

use crate::build::named_blanks::NamedBlanks;
use crate::bytes::{Reader, put_bytes, put_varint};
use crate::checksum;
use crate::root::{NextIds, Root};
use quadrille_backend::{ErrorKind, StorageError, StorageResult};
use std::collections::BTreeSet;

const MAGIC: &[u8; 8] = b"QUADLOAD";
const FORMAT: u16 = 1;

/// What the checksum binds the manifest to.
const ROLE: &str = "load checkpoint";
const KEY: &[u8] = b"manifest";

/// A file of a checkpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FileRecord {
    pub(crate) number: u64,
    /// How long it was; it may have grown since.
    pub(crate) bytes: u64,
    pub(crate) digest: u64,
}

/// A sorted run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RunRecord {
    pub(crate) level: u32,
    pub(crate) file: FileRecord,
}

/// The new terms of a tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TagRecord {
    pub(crate) tag: u8,
    /// The id of the first.
    pub(crate) first: u64,
    /// The first terms of a tag whose symbol table is not trained yet.
    pub(crate) samples: Vec<Vec<u8>>,
    /// The symbol table that was trained in this load.
    pub(crate) table: Option<Vec<u8>>,
    pub(crate) writer: Option<WriterRecord>,
    pub(crate) chunks: FileRecord,
    pub(crate) segments: Option<FileRecord>,
}

/// A chunk that is not complete.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct WriterRecord {
    /// The id of its first term.
    pub(crate) first: u64,
    pub(crate) terms: Vec<PendingTerm>,
}

/// A term of a chunk that is not complete.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum PendingTerm {
    Inline(Vec<u8>),
    Long { length: u64, digest: [u8; 16] },
}

/// What a store is once the load has committed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CommitMark {
    pub(crate) generation: u64,
    pub(crate) epoch: u64,
    pub(crate) quads: u64,
    /// The terms in the dictionary.
    pub(crate) terms: u64,
    /// How many quads the load had read in all.
    pub(crate) quads_read: u64,
}

impl CommitMark {
    pub(crate) fn of(root: &Root, quads_read: u64) -> Self {
        Self {
            generation: root.generation,
            epoch: root.epoch,
            quads: root.quads,
            terms: root.terms(),
            quads_read,
        }
    }

    /// Whether a root shows that the commit was made. Later commits leave the generation and the quads it began with.
    pub(crate) fn is_seen_in(&self, root: &Root) -> bool {
        root.generation == self.generation
            && root.epoch >= self.epoch
            && root.statistics_quads == self.quads
    }
}

/// A checkpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Manifest {
    pub(crate) made: u64,
    pub(crate) base_root: Vec<u8>,
    pub(crate) next_ids: NextIds,
    pub(crate) blanks: NamedBlanks,
    pub(crate) quads_read: u64,
    pub(crate) position: Vec<u8>,
    pub(crate) commit: Option<CommitMark>,
    pub(crate) quads: Vec<RunRecord>,
    pub(crate) hashes: Vec<RunRecord>,
    pub(crate) ids: Vec<RunRecord>,
    pub(crate) tables: Vec<FileRecord>,
    pub(crate) terms: Vec<TagRecord>,
}

impl Manifest {
    /// The numbers of the files that it names.
    pub(crate) fn files(&self) -> BTreeSet<u64> {
        let runs = [&self.quads, &self.hashes, &self.ids];
        let runs = runs.into_iter().flatten().map(|run| run.file.number);
        let tables = self.tables.iter().map(|file| file.number);
        let terms = self.terms.iter().flat_map(|tag| {
            std::iter::once(tag.chunks.number).chain(tag.segments.map(|file| file.number))
        });
        runs.chain(tables).chain(terms).collect()
    }

    /// The sealed manifest.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&FORMAT.to_le_bytes());
        out.extend_from_slice(&self.made.to_le_bytes());
        put_bytes(&mut out, &self.base_root);
        put_varint(&mut out, self.next_ids.len() as u64);
        for (&tag, &next) in &self.next_ids {
            out.push(tag);
            put_varint(&mut out, next);
        }
        self.blanks.encode(&mut out);
        put_varint(&mut out, self.quads_read);
        put_bytes(&mut out, &self.position);
        out.push(u8::from(self.commit.is_some()));
        if let Some(mark) = &self.commit {
            let numbers = [
                mark.generation,
                mark.epoch,
                mark.quads,
                mark.terms,
                mark.quads_read,
            ];
            for number in numbers {
                put_varint(&mut out, number);
            }
        }
        for runs in [&self.quads, &self.hashes, &self.ids] {
            put_all(&mut out, runs, |out, run| {
                put_varint(out, u64::from(run.level));
                put_file(out, &run.file);
            });
        }
        put_all(&mut out, &self.tables, put_file);
        put_all(&mut out, &self.terms, put_tag);
        checksum::seal(ROLE, KEY, &mut out);
        out
    }

    /// Reads a sealed manifest.
    ///
    /// # Errors
    /// `Unsupported` for one of another format; `Corrupted` when the checksum or the layout does not hold.
    pub(crate) fn decode(bytes: &[u8]) -> StorageResult<Self> {
        let mut head = Reader::new(bytes, "checkpoint");
        let magic = head.array::<8>()?;
        let format = head.u16()?;
        if &magic == MAGIC && format != FORMAT {
            return Err(StorageError::new(
                ErrorKind::Unsupported,
                format!("the checkpoint is of format {format}; this program reads format {FORMAT}"),
            ));
        }
        let payload = checksum::open(ROLE, KEY, bytes)
            .map_err(|_| StorageError::corrupted("the checkpoint is damaged"))?;
        let mut reader = Reader::new(payload.get(10..).unwrap_or_default(), "checkpoint");
        let manifest = Self {
            made: reader.u64()?,
            base_root: reader.bytes()?.to_vec(),
            next_ids: all(&mut reader, |reader| Ok((reader.u8()?, reader.varint()?)))?
                .into_iter()
                .collect(),
            blanks: NamedBlanks::decode(&mut reader)?,
            quads_read: reader.varint()?,
            position: reader.bytes()?.to_vec(),
            commit: option(&mut reader, |reader| {
                Ok(CommitMark {
                    generation: reader.varint()?,
                    epoch: reader.varint()?,
                    quads: reader.varint()?,
                    terms: reader.varint()?,
                    quads_read: reader.varint()?,
                })
            })?,
            quads: all(&mut reader, run)?,
            hashes: all(&mut reader, run)?,
            ids: all(&mut reader, run)?,
            tables: all(&mut reader, file)?,
            terms: all(&mut reader, tag)?,
        };
        reader.end()?;
        Ok(manifest)
    }
}

fn put_all<T>(out: &mut Vec<u8>, items: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
    put_varint(out, items.len() as u64);
    items.iter().for_each(|item| put(out, item));
}

fn put_file(out: &mut Vec<u8>, file: &FileRecord) {
    put_varint(out, file.number);
    put_varint(out, file.bytes);
    out.extend_from_slice(&file.digest.to_le_bytes());
}

fn put_tag(out: &mut Vec<u8>, tag: &TagRecord) {
    out.push(tag.tag);
    out.extend_from_slice(&tag.first.to_le_bytes());
    put_all(out, &tag.samples, |out, sample| put_bytes(out, sample));
    out.push(u8::from(tag.table.is_some()));
    if let Some(table) = &tag.table {
        put_bytes(out, table);
    }
    out.push(u8::from(tag.writer.is_some()));
    if let Some(writer) = &tag.writer {
        out.extend_from_slice(&writer.first.to_le_bytes());
        put_all(out, &writer.terms, put_term);
    }
    put_file(out, &tag.chunks);
    out.push(u8::from(tag.segments.is_some()));
    if let Some(file) = &tag.segments {
        put_file(out, file);
    }
}

fn put_term(out: &mut Vec<u8>, term: &PendingTerm) {
    match term {
        PendingTerm::Inline(bytes) => {
            out.push(0);
            put_bytes(out, bytes);
        }
        PendingTerm::Long { length, digest } => {
            out.push(1);
            put_varint(out, *length);
            out.extend_from_slice(digest);
        }
    }
}

fn all<T>(
    reader: &mut Reader<'_>,
    mut item: impl FnMut(&mut Reader<'_>) -> StorageResult<T>,
) -> StorageResult<Vec<T>> {
    let mut items = Vec::new();
    for _ in 0..reader.varint()? {
        items.push(item(reader)?);
    }
    Ok(items)
}

fn option<T>(
    reader: &mut Reader<'_>,
    item: impl FnOnce(&mut Reader<'_>) -> StorageResult<T>,
) -> StorageResult<Option<T>> {
    match reader.u8()? {
        0 => Ok(None),
        1 => item(reader).map(Some),
        _ => Err(unknown()),
    }
}

fn unknown() -> StorageError {
    StorageError::corrupted("the checkpoint holds a word that is not known")
}

fn file(reader: &mut Reader<'_>) -> StorageResult<FileRecord> {
    Ok(FileRecord {
        number: reader.varint()?,
        bytes: reader.varint()?,
        digest: reader.u64()?,
    })
}

fn run(reader: &mut Reader<'_>) -> StorageResult<RunRecord> {
    Ok(RunRecord {
        level: u32::try_from(reader.varint()?).map_err(|_| unknown())?,
        file: file(reader)?,
    })
}

fn tag(reader: &mut Reader<'_>) -> StorageResult<TagRecord> {
    Ok(TagRecord {
        tag: reader.u8()?,
        first: reader.u64()?,
        samples: all(reader, |reader| Ok(reader.bytes()?.to_vec()))?,
        table: option(reader, |reader| Ok(reader.bytes()?.to_vec()))?,
        writer: option(reader, |reader| {
            Ok(WriterRecord {
                first: reader.u64()?,
                terms: all(reader, term)?,
            })
        })?,
        chunks: file(reader)?,
        segments: option(reader, file)?,
    })
}

fn term(reader: &mut Reader<'_>) -> StorageResult<PendingTerm> {
    match reader.u8()? {
        0 => Ok(PendingTerm::Inline(reader.bytes()?.to_vec())),
        1 => Ok(PendingTerm::Long {
            length: reader.varint()?,
            digest: reader.array()?,
        }),
        _ => Err(unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(number: u64) -> FileRecord {
        FileRecord {
            number,
            bytes: number * 1000,
            digest: u64::MAX - number,
        }
    }

    fn sample() -> Manifest {
        let run = |number| RunRecord {
            level: number as u32,
            file: file(number),
        };
        let tag = |tag, number| TagRecord {
            tag,
            first: 7,
            samples: vec![vec![1; 300], Vec::new()],
            table: (number > 7).then(|| vec![9; 40]),
            writer: (number > 7).then(|| WriterRecord {
                first: 8,
                terms: vec![
                    PendingTerm::Inline(b"term".to_vec()),
                    PendingTerm::Long {
                        length: 1 << 40,
                        digest: [5; 16],
                    },
                ],
            }),
            chunks: file(number),
            segments: (number > 7).then(|| file(number + 1)),
        };
        Manifest {
            made: 1_700_000_000,
            base_root: Root::new([1; 16], [2; 16], 1994, 1994).encode(),
            next_ids: NextIds::from([(3, 17), (9, 1 << 40)]),
            blanks: [3, 4, 9].into_iter().collect(),
            quads_read: 12_345,
            position: b"line 5".to_vec(),
            commit: Some(CommitMark {
                generation: 2,
                epoch: 4,
                quads: 100,
                terms: 70,
                quads_read: 120,
            }),
            quads: vec![run(1), run(0)],
            hashes: vec![run(2)],
            ids: vec![run(3)],
            tables: vec![file(4), file(5), file(6)],
            terms: vec![tag(3, 7), tag(4, 8)],
        }
    }

    #[test]
    fn a_manifest_round_trips_and_names_its_files() {
        let manifest = sample();
        let decoded = Manifest::decode(&manifest.encode()).expect("it is intact");
        assert_eq!(decoded, manifest);
        assert_eq!(decoded.files(), (0..10).collect());
    }

    #[test]
    fn damage_is_an_error_wherever_it_is() {
        let bytes = sample().encode();
        for length in 0..bytes.len() {
            assert!(Manifest::decode(&bytes[..length]).is_err(), "{length}");
        }
        for position in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[position] ^= 0x10;
            assert!(Manifest::decode(&damaged).is_err(), "{position}");
        }
    }

    /// A checksum that matches is no proof: each byte may be of another meaning than it should.
    #[test]
    fn a_manifest_that_was_sealed_anew_is_refused_or_read_and_never_a_panic() {
        let bytes = sample().encode();
        let payload = &bytes[..bytes.len() - checksum::CHECKSUM_BYTES];
        for position in 0..payload.len() {
            for value in [0, 1, 2, 0x7f, 0x80, 0xff] {
                let mut changed = payload.to_vec();
                changed[position] = value;
                checksum::seal(ROLE, KEY, &mut changed);
                drop(Manifest::decode(&changed));
            }
        }
    }
}
