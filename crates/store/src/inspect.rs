//! Shows what a store is made of, as text. Never writes, and goes on behind damage.

use crate::block::Block;
use crate::bytes::row_of;
use crate::checksum;
use crate::dictionary::Chunk;
use crate::index::summary::Summary;
use crate::keyspaces::{HASHES, LOG, Place, ROOT, SEGMENTS, STATISTICS, TERMS};
use crate::log::LogRecord;
use crate::root::Root;
use crate::snapshot::Snapshot;
use crate::statistics_rows::{StatisticsRow, Subject};
use crate::store::QuadStore;
use crate::term::TermId;
use quadrille_backend::{StorageBackend, StorageCursor, StorageError, StorageResult};
use std::fmt::Write as _;
use std::io;

/// What to show.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InspectTarget {
    /// The root record.
    Root,
    /// All keyspaces with their sizes.
    Keyspaces,
    /// How each column of the indexes is encoded, and what that takes.
    Encodings,
    /// The entries of one keyspace, by role: `spoc`, `spoc.summary`, `terms`, `log` and so on.
    Entries {
        /// The keyspace's role.
        role: String,
        /// How many entries at most.
        limit: usize,
    },
}

impl<B: StorageBackend> QuadStore<B> {
    /// Writes what is asked for as text, a line an entry.
    ///
    /// # Errors
    /// `NotFound` for a role that no keyspace has; what the backend or the writer fails with. Damage is written, too, but
    /// for [`Encodings`](InspectTarget::Encodings), where it is `Corrupted`.
    pub fn inspect(&self, target: &InspectTarget, out: &mut dyn io::Write) -> StorageResult<()> {
        let snapshot = self.snapshot()?;
        let text = match target {
            InspectTarget::Root => describe_root(&snapshot.inner.root),
            InspectTarget::Keyspaces => self.describe_keyspaces()?,
            InspectTarget::Encodings => snapshot.describe_encodings()?,
            InspectTarget::Entries { role, limit } => {
                return snapshot.inspect_entries(role, *limit, out);
            }
        };
        write_text(out, &text)
    }

    fn describe_keyspaces(&self) -> StorageResult<String> {
        let mut text = String::new();
        for keyspace in self.statistics()?.keyspaces {
            let (name, entries, bytes) = (keyspace.name, keyspace.entries, keyspace.bytes);
            let _ = writeln!(text, "{name}: {entries} entries, {bytes} bytes");
        }
        Ok(text)
    }
}

impl<B: StorageBackend> Snapshot<B> {
    fn inspect_entries(
        &self,
        role: &str,
        limit: usize,
        out: &mut dyn io::Write,
    ) -> StorageResult<()> {
        let places = &self.inner.places;
        let place = places
            .all()
            .into_iter()
            .find(|place| place.role == role)
            .ok_or_else(|| {
                let kind = quadrille_backend::ErrorKind::NotFound;
                StorageError::new(kind, format!("no keyspace has the role {role}"))
            })?;
        let mut cursor = self.inner.view.cursor(place)?;
        let mut found = cursor.seek(&[])?;
        let mut shown = 0;
        while let Some((key, value)) = cursor.entry().filter(|_| found && shown < limit) {
            let described = describe_entry(place, key, value)
                .unwrap_or_else(|error| format!("DAMAGED: {}", error.message()));
            let line = format!(
                "{}: {} bytes, {described}\n",
                describe_key(place, key),
                value.len()
            );
            write_text(out, &line)?;
            shown += 1;
            found = cursor.next()?;
        }
        Ok(())
    }
}

fn write_text(out: &mut dyn io::Write, text: &str) -> StorageResult<()> {
    out.write_all(text.as_bytes())
        .map_err(|error| StorageError::from_io("the description could not be written", error))
}

fn describe_root(root: &Root) -> String {
    let mut text = String::new();
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    };
    let _ = writeln!(
        text,
        "store {}, format version 1.{}",
        hex(&root.store_id),
        root.minor
    );
    let _ = writeln!(text, "generation {}, epoch {}", root.generation, root.epoch);
    let _ = writeln!(text, "{} quads, {} terms", root.quads, root.terms());
    let log = root.epoch - root.log_start.min(root.epoch);
    let _ = writeln!(
        text,
        "{log} commits in the log, {} folds in place",
        root.folds
    );
    let _ = writeln!(
        text,
        "blocks of up to {} bytes, chunks of up to {} bytes",
        root.block_bytes, root.chunk_bytes
    );
    let _ = writeln!(
        text,
        "{} rows of statistics, taken at {} quads",
        root.statistics_rows, root.statistics_quads
    );
    for (&tag, next) in &root.next_ids {
        let id = TermId::from_raw(u64::from(tag) << 56);
        let name = id.tag().map_or("unknown", |tag| tag.name());
        let folded = root.folded_payload(tag);
        let _ = writeln!(
            text,
            "next id of {name}: {next} (in chunks: below {folded})"
        );
    }
    text
}

fn describe_row<const N: usize>(row: &[u64; N]) -> String {
    let words: Vec<String> = row
        .iter()
        .map(|&word| match word {
            u64::MAX => "∞".into(),
            _ => TermId::from_raw(word).to_string(),
        })
        .collect();
    format!("[{}]", words.join(" "))
}

fn describe_key(place: &Place, key: &[u8]) -> String {
    match (place.role, key.len()) {
        (ROOT, _) => String::from_utf8_lossy(key).into_owned(),
        (LOG, 8) => row_of::<1>(key).map_or_else(String::new, |[epoch]| format!("commit {epoch}")),
        (TERMS, 1) => "symbol table".into(),
        (TERMS, 8) => row_of::<1>(key).map_or_else(String::new, |row| describe_row(&row)),
        (HASHES | "hashes.summary", 16) => row_of::<2>(key)
            .map_or_else(String::new, |[hash, id]| {
                format!("[{hash:#x} {}]", TermId::from_raw(id))
            }),
        (STATISTICS, _) => Subject::of_key(key).map_or_else(String::new, |(subject, id)| {
            format!("{subject:?} {}", TermId::from_raw(id))
        }),
        (_, 32) => row_of::<4>(key).map_or_else(String::new, |row| describe_row(&row)),
        _ => key
            .iter()
            .fold(String::new(), |text, byte| format!("{text}{byte:02x}")),
    }
}

fn describe_entry(place: &Place, key: &[u8], value: &[u8]) -> StorageResult<String> {
    match place.role {
        ROOT => Root::decode(value).map(|root| describe_root(&root).replace('\n', "; ")),
        LOG => {
            let epoch = row_of::<1>(key).map_or(0, |[epoch]| epoch);
            let record = LogRecord::decode(epoch, value)?;
            Ok(format!(
                "{} new terms, {} quads inserted, {} removed",
                record.terms.len(),
                record.inserted.len(),
                record.removed.len()
            ))
        }
        TERMS if key.len() == 1 => checksum::open(TERMS, key, value).map(|_| "of the tag".into()),
        TERMS => {
            let chunk = Chunk::parse(checksum::open(TERMS, key, value)?)?;
            Ok(format!("{} terms up to this one", chunk.len()))
        }
        SEGMENTS => checksum::open(SEGMENTS, key, value).map(|_| "a segment of a long term".into()),
        STATISTICS => StatisticsRow::decode(key, value).map(|row| format!("{row:?}")),
        HASHES => describe_block::<2>(place, key, value),
        "hashes.summary" => describe_summary::<2>(place, key, value),
        role if role.ends_with(".summary") => describe_summary::<4>(place, key, value),
        _ => describe_block::<4>(place, key, value),
    }
}

fn describe_block<const N: usize>(
    place: &Place,
    key: &[u8],
    value: &[u8],
) -> StorageResult<String> {
    let bytes = checksum::open(place.role, key, value)?;
    let block = Block::<N>::parse(bytes)?;
    let first = block.row(bytes, 0);
    Ok(format!(
        "{} rows from {}",
        block.len(),
        describe_row(&first)
    ))
}

fn describe_summary<const N: usize>(
    place: &Place,
    key: &[u8],
    value: &[u8],
) -> StorageResult<String> {
    let summary = Summary::<N>::decode(place, key, value)?;
    Ok(format!(
        "{} rows in {} blocks",
        summary.rows,
        summary.separators.len()
    ))
}
