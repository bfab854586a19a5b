//! Which encodings the columns of the indexes have, and how much each contributes to their size.
//!
//! What flows in: the blocks of a snapshot. What flows out: a table for people. What always holds: the bytes of all
//! encodings of an index are those of its blocks, but for what heads a block and its checksum.

use crate::block::Block;
use crate::checksum;
use crate::keyspaces::Place;
use crate::permutation::Permutation;
use crate::snapshot::Snapshot;
use quadrille_backend::{StorageBackend, StorageCursor, StorageResult};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The bytes of an id that is not encoded.
const ID_BYTES: u64 = 8;

/// What an encoding of a column takes in all blocks that have it.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    blocks: u64,
    rows: u64,
    bytes: u64,
}

/// By the column's place in the permutation and the encoding's name.
type Encodings = BTreeMap<(usize, &'static str), Taken>;

impl<B: StorageBackend> Snapshot<B> {
    /// A line for each column of each permutation and each of its encodings: the blocks, rows and bytes that have it. Quads
    /// that are in no block yet are left out.
    ///
    /// # Errors
    /// `Corrupted`, and what the backend fails with.
    pub(crate) fn describe_encodings(&self) -> StorageResult<String> {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{:<16} {:<30} {:>10} {:>14} {:>14} {:>10} {:>10}",
            "column", "encoding", "blocks", "rows", "bytes", "bytes/row", "of 8 bytes"
        );
        for permutation in Permutation::ALL {
            let place = &self.inner.places.permutation(permutation).blocks;
            for ((column, encoding), taken) in self.encodings_of(place)? {
                let Taken {
                    blocks,
                    rows,
                    bytes,
                } = taken;
                let column = format!("{} {}", place.role, name_of(place, column));
                let each = bytes as f64 / rows.max(1) as f64;
                let share = each / ID_BYTES as f64 * 100.0;
                let _ = writeln!(
                    text,
                    "{column:<16} {encoding:<30} {blocks:>10} {rows:>14} {bytes:>14} {each:>10.3} {share:>9.1}%"
                );
            }
        }
        Ok(text)
    }

    fn encodings_of(&self, place: &Place) -> StorageResult<Encodings> {
        let mut encodings = Encodings::new();
        let mut block = Block::<4>::default();
        let mut columns = Vec::with_capacity(4);
        let mut cursor = self.inner.view.cursor(place)?;
        let mut found = cursor.seek(&[])?;
        while let Some((key, value)) = cursor.entry().filter(|_| found) {
            columns.clear();
            let bytes = checksum::open(place.role, key, value)?;
            block.load_observed(bytes, |column, encoding, bytes| {
                columns.push((column, encoding, bytes));
            })?;
            for &(column, encoding, bytes) in &columns {
                let taken = encodings.entry((column, encoding)).or_default();
                taken.blocks += 1;
                taken.rows += block.len() as u64;
                taken.bytes += bytes as u64;
            }
            found = cursor.next()?;
        }
        Ok(encodings)
    }
}

/// The position that a column of an index has in a quad.
fn name_of(place: &Place, column: usize) -> &'static str {
    match place.role.as_bytes().get(column) {
        Some(b's') => "subject",
        Some(b'p') => "predicate",
        Some(b'o') => "object",
        _ => "graph",
    }
}
