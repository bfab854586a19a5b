//! Rebuilds the delta from the commit log when a store is opened.
//!
//! The log says which quads ended present and which absent. A fold that was under way may have put some of them into
//! the blocks of some permutations already. So each permutation is asked what its blocks hold, and only what differs
//! goes into its delta: whatever was folded when, the outcome is the state after the last commit.

use crate::bytes::row_of;
use crate::delta::Delta;
use crate::dictionary::reader::index_hash;
use crate::index::reader::BlockCursor;
use crate::keyspaces::{IndexPlaces, Places};
use crate::log::{LogRecord, log_key};
use crate::permutation::{Permutation, Row};
use crate::root::Root;
use crate::term::{TermHasher, TermId};
use crate::view::View;
use quadrille_backend::{
    StorageBackend, StorageCursor, StorageError, StorageResult, StorageSnapshot,
};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// The delta of the commit that a view shows.
pub(crate) fn replay<B: StorageBackend>(
    view: &View<B::Snapshot>,
    places: &Places,
    root: &Root,
) -> StorageResult<Delta> {
    let mut delta = Delta::default();
    let mut outcome: BTreeMap<Row, bool> = BTreeMap::new();
    let hasher = TermHasher::new(&root.hash_key);
    let mut hash_rows = Vec::new();
    each_record(
        view,
        places,
        root.log_start + 1..=root.epoch,
        |_, record| {
            for (id, bytes) in record.terms {
                let id = TermId::from_raw(id);
                let tag = id.tag().ok_or_else(|| {
                    StorageError::corrupted("the log holds a term of an unknown tag")
                })?;
                let row = [index_hash(&hasher, tag, &bytes), id.raw()];
                hash_rows.push(row);
                if id.payload() >= root.folded_payload(tag.byte()) {
                    delta.add_term_bytes(id.raw(), bytes);
                }
            }
            delta.note_logged(record.inserted.len() + record.removed.len());
            outcome.extend(record.inserted.into_iter().map(|row| (row, true)));
            outcome.extend(record.removed.into_iter().map(|row| (row, false)));
            Ok(())
        },
    )?;
    for permutation in Permutation::ALL {
        let mut rows: Vec<(Row, bool)> = outcome
            .iter()
            .map(|(row, &present)| (permutation.permute(*row), present))
            .collect();
        rows.sort_unstable();
        let changes = delta.permutation_mut(permutation);
        for_differences(
            view,
            places.permutation(permutation),
            rows,
            |row, present| {
                if present {
                    changes.insert(row);
                } else {
                    changes.remove(row);
                }
            },
        )?;
    }
    hash_rows.sort_unstable();
    let hash_rows = hash_rows.into_iter().map(|row| (row, true));
    for_differences(view, &places.hashes, hash_rows, |row, _| {
        delta.hashes.insert(row)
    })?;
    Ok(delta)
}

/// Reads the records of some commits that the log holds, in order.
///
/// # Errors
/// `Corrupted` when one is missing or does not hold; what `each` fails with.
pub(crate) fn each_record<S: StorageSnapshot>(
    view: &View<S>,
    places: &Places,
    epochs: RangeInclusive<u64>,
    mut each: impl FnMut(u64, LogRecord) -> StorageResult<()>,
) -> StorageResult<()> {
    let place = &places.log;
    let mut cursor = view.cursor(place)?;
    let mut found = None;
    for epoch in epochs {
        let key = log_key(epoch);
        let located = |error: StorageError| error.in_keyspace(&place.keyspace).at_key(&key);
        let is_found = match found {
            None => cursor.seek(&key)?,
            Some(()) => cursor.next()?,
        };
        found = Some(());
        let value = cursor
            .entry()
            .filter(|(key, _)| is_found && row_of::<1>(key) == Some([epoch]))
            .map(|(_, value)| value)
            .ok_or_else(|| {
                located(StorageError::corrupted(format!(
                    "the log record of commit {epoch} is missing"
                )))
            })?;
        let record = LogRecord::decode(epoch, value).map_err(located)?;
        each(epoch, record)?;
    }
    Ok(())
}

/// Calls back for each of the ascending rows whose presence in the blocks is not as given.
pub(crate) fn for_differences<S: StorageSnapshot, const N: usize>(
    view: &View<S>,
    places: &IndexPlaces,
    rows: impl IntoIterator<Item = ([u64; N], bool)>,
    mut each: impl FnMut([u64; N], bool),
) -> StorageResult<()> {
    let mut cursor = BlockCursor::<S, N>::new(view, &places.blocks)?;
    let mut upper: Option<[u64; N]> = None;
    for (row, present) in rows {
        if upper.is_none_or(|upper| row > upper) {
            upper = if cursor.seek(&row)? {
                Some(cursor.separator()?)
            } else {
                Some([u64::MAX; N])
            };
        }
        let stored = cursor
            .block()
            .is_some_and(|(block, bytes)| !block.prefix_range(bytes, &row).is_empty());
        if stored != present {
            each(row, present);
        }
    }
    Ok(())
}
