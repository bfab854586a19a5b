//! Folds sorted changes into the blocks of an index, within a backend transaction.
//!
//! Only the blocks that a change falls into are read and written again, and the summary entries of their groups. A block
//! that grew too large is cut, one that shrank joins the next block of its group, an empty one is removed.

use super::summary::{BlockInfo, Summary, encode_groups, ranges_of};
use super::writer::BlockSize;
use crate::block::{BLOCK_ROWS_MAX, Block, encode_block, encode_prefix};
use crate::bytes::RowKey;
use crate::checksum;
use crate::keyspaces::IndexPlaces;
use quadrille_backend::{StorageError, StorageResult, Transaction};
use std::cmp::Ordering;

/// A row and whether it is inserted (`true`) or removed.
pub(crate) type Change<const N: usize> = ([u64; N], bool);

/// A block is joined with the next one when it has fewer than one part in this many of its group's average.
const JOIN_BELOW: usize = 4;

/// Applies ascending changes, each of which must be one: an insertion of a row that is absent or a removal of one that
/// is there.
pub(crate) fn fold<T: Transaction, const N: usize>(
    transaction: &mut T,
    places: &IndexPlaces,
    size: BlockSize,
    mut changes: &[Change<N>],
) -> StorageResult<()> {
    let keyspace = &places.summaries.keyspace;
    while let Some((first, _)) = changes.first() {
        let group = Group {
            transaction: &mut *transaction,
            places,
            size,
            blocks: Vec::new(),
            value: Vec::new(),
        };
        let Some((key, value)) = group.transaction.seek(keyspace, &RowKey::new(first))? else {
            return group.append(changes);
        };
        let summary = Summary::<N>::decode(&places.summaries, &key, &value)?;
        let upper = summary.separators.last().copied().unwrap_or([u64::MAX; N]);
        let count = changes.partition_point(|(row, _)| *row <= upper);
        let (here, rest) = changes.split_at(count);
        group.rewrite(&key, &summary, here)?;
        changes = rest;
    }
    Ok(())
}

/// A group of blocks on its way to its new form.
struct Group<'a, T: Transaction, const N: usize> {
    transaction: &'a mut T,
    places: &'a IndexPlaces,
    size: BlockSize,
    blocks: Vec<BlockInfo<N>>,
    value: Vec<u8>,
}

impl<T: Transaction, const N: usize> Group<'_, T, N> {
    fn rewrite(
        mut self,
        key: &[u8],
        summary: &Summary<N>,
        mut changes: &[Change<N>],
    ) -> StorageResult<()> {
        let blocks = summary.separators.len();
        let small = summary.rows as usize / blocks.max(1) / JOIN_BELOW;
        let mut carried: Vec<[u64; N]> = Vec::new();
        for (number, info) in summary.blocks().enumerate() {
            let count = changes.partition_point(|(row, _)| *row <= info.separator);
            let (here, rest) = changes.split_at(count);
            changes = rest;
            if here.is_empty() && carried.is_empty() {
                self.blocks.push(info);
                continue;
            }
            let stored = self.read(&info.separator)?;
            let appending = matches!((stored.last(), here.first()), (Some(last), Some((first, _))) if first > last);
            merge_into(&mut carried, &stored, here).map_err(|error| {
                error
                    .in_keyspace(&self.places.blocks.keyspace)
                    .at_key(&RowKey::new(&info.separator))
            })?;
            if carried.len() < small && number + 1 < blocks {
                self.delete(&info.separator)?;
                continue;
            }
            self.write(&carried, info.separator, appending)?;
            carried.clear();
        }
        self.finish(Some(key))
    }

    /// Starts a new last group: the changes lie above every block.
    fn append(mut self, changes: &[Change<N>]) -> StorageResult<()> {
        let mut rows = Vec::with_capacity(changes.len());
        merge_into(&mut rows, &[], changes)
            .map_err(|error| error.in_keyspace(&self.places.blocks.keyspace))?;
        self.write(&rows, [u64::MAX; N], true)?;
        self.finish(None)
    }

    fn finish(self, old_key: Option<&[u8]>) -> StorageResult<()> {
        let keyspace = &self.places.summaries.keyspace;
        let mut entries = Vec::new();
        encode_groups(
            self.places.summaries.role,
            &self.blocks,
            self.size.bytes_max,
            &mut entries,
        );
        if let Some(old_key) = old_key
            && entries.last().is_none_or(|(key, _)| key != old_key)
        {
            self.transaction.delete(keyspace, old_key)?;
        }
        for (key, value) in entries {
            self.transaction.put(keyspace, &key, &value)?;
        }
        Ok(())
    }

    fn read(&self, separator: &[u64; N]) -> StorageResult<Vec<[u64; N]>> {
        let place = &self.places.blocks;
        let key = RowKey::new(separator);
        let located = |error: StorageError| error.in_keyspace(&place.keyspace).at_key(&key);
        let value = self
            .transaction
            .get(&place.keyspace, &key)?
            .ok_or_else(|| {
                located(StorageError::corrupted(
                    "a block that the summary names is missing",
                ))
            })?;
        let bytes = checksum::open(place.role, &key, &value).map_err(located)?;
        let block = Block::<N>::parse(bytes).map_err(located)?;
        let mut columns: [Vec<u64>; N] = std::array::from_fn(|_| Vec::new());
        for (column, values) in columns.iter_mut().enumerate() {
            block.decode_column(bytes, column, 0..block.len(), values);
        }
        Ok((0..block.len())
            .map(|row| std::array::from_fn(|column| columns[column][row]))
            .collect())
    }

    fn delete(&mut self, separator: &[u64; N]) -> StorageResult<()> {
        self.transaction
            .delete(&self.places.blocks.keyspace, &RowKey::new(separator))
    }

    /// Writes rows as blocks, the last of them under `separator`. Rows that no longer fit one block are cut evenly, so
    /// that both halves can grow, unless they grew at their end.
    fn write(
        &mut self,
        mut rows: &[[u64; N]],
        separator: [u64; N],
        appending: bool,
    ) -> StorageResult<()> {
        if rows.is_empty() {
            return self.delete(&separator);
        }
        let mut hint = 0;
        while !rows.is_empty() {
            let window = &rows[..rows.len().min(BLOCK_ROWS_MAX)];
            self.value.clear();
            let fit = encode_prefix(window, self.size.payload(), hint, &mut self.value);
            let halves = fit < rows.len() && rows.len() < fit * 2 && !appending;
            let count = if halves {
                rows.len().div_ceil(2).min(fit)
            } else {
                fit
            };
            if count < fit {
                self.value.clear();
                encode_block(&window[..count], &mut self.value);
            }
            hint = count;
            let (head, tail) = rows.split_at(count);
            let upper = match head.last() {
                Some(&last) if !tail.is_empty() => last,
                _ => separator,
            };
            let key = RowKey::new(&upper);
            checksum::seal(self.places.blocks.role, &key, &mut self.value);
            self.transaction
                .put(&self.places.blocks.keyspace, &key, &self.value)?;
            self.blocks.push(BlockInfo {
                separator: upper,
                rows: head.len() as u64,
                ranges: ranges_of(head),
            });
            rows = tail;
        }
        Ok(())
    }
}

/// Appends the rows of a block with changes applied.
fn merge_into<const N: usize>(
    rows: &mut Vec<[u64; N]>,
    stored: &[[u64; N]],
    changes: &[Change<N>],
) -> StorageResult<()> {
    let contradiction =
        || StorageError::corrupted("a change that stands in the log contradicts the blocks");
    let mut stored = stored.iter().copied().peekable();
    for &(row, inserted) in changes {
        while let Some(before) = stored.next_if(|stored| *stored < row) {
            rows.push(before);
        }
        let is_stored = stored.peek().map(|stored| stored.cmp(&row)) == Some(Ordering::Equal);
        if is_stored == inserted {
            return Err(contradiction());
        }
        if inserted {
            rows.push(row);
        } else {
            stored.next();
        }
    }
    rows.extend(stored);
    Ok(())
}
