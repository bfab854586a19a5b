//! Reads an index block by block.

use super::summary::{Summary, SummaryBlocks};
use crate::block::Block;
use crate::bytes::{RowKey, row_of};
use crate::checksum::CHECKSUM_BYTES;
use crate::context::count_block;
use crate::keyspaces::{IndexPlaces, Place};
use crate::view::{PooledCursor, View};
use quadrille_backend::{StorageCursor, StorageError, StorageResult, StorageSnapshot};

/// A cursor over the blocks of an index.
pub(crate) struct BlockCursor<S: StorageSnapshot, const N: usize> {
    cursor: PooledCursor<S>,
    place: Place,
    /// Whether `block` is that of the cursor's entry.
    loaded: bool,
    block: Block<N>,
}

impl<S: StorageSnapshot, const N: usize> BlockCursor<S, N> {
    pub(crate) fn new(view: &View<S>, place: &Place) -> StorageResult<Self> {
        Ok(Self {
            cursor: view.cursor(place)?,
            place: place.clone(),
            loaded: false,
            block: Block::default(),
        })
    }

    /// Moves to the block that holds `row` if any does: the first whose key is at or above it.
    pub(crate) fn seek(&mut self, row: &[u64; N]) -> StorageResult<bool> {
        self.loaded = false;
        let found = self.cursor.seek(&RowKey::new(row))?;
        self.load(found)
    }

    /// Moves to the next block.
    pub(crate) fn next(&mut self) -> StorageResult<bool> {
        self.loaded = false;
        let found = self.cursor.next()?;
        self.load(found)
    }

    /// Moves to the block that holds `row` if any does; it lies behind the one at the position, perhaps right behind. Whether
    /// there is one, and whether it was the next.
    pub(crate) fn next_or_seek(&mut self, row: &[u64; N]) -> StorageResult<(bool, bool)> {
        self.loaded = false;
        let key = RowKey::new(row);
        if !self.cursor.next()? {
            return Ok((false, true));
        }
        if self
            .cursor
            .entry()
            .is_some_and(|(next, _)| *next >= key[..])
        {
            return Ok((self.load(true)?, true));
        }
        let found = self.cursor.seek(&key)?;
        Ok((self.load(found)?, false))
    }

    fn load(&mut self, found: bool) -> StorageResult<bool> {
        let Some((key, value)) = self.cursor.entry().filter(|_| found) else {
            return Ok(false);
        };
        let bytes = self.cursor.view().open(&self.place, key, value)?;
        self.block
            .load(bytes)
            .map_err(|error| error.in_keyspace(&self.place.keyspace).at_key(key))?;
        self.loaded = true;
        count_block();
        Ok(true)
    }

    /// The block at the position and its bytes.
    pub(crate) fn block(&self) -> Option<(&Block<N>, &[u8])> {
        let (_, value) = self.cursor.entry().filter(|_| self.loaded)?;
        Some((&self.block, value.get(..value.len() - CHECKSUM_BYTES)?))
    }

    /// The upper bound of the block at the position.
    ///
    /// # Errors
    /// `Corrupted` when the key is no row, or when there is no position.
    pub(crate) fn separator(&self) -> StorageResult<[u64; N]> {
        self.cursor
            .entry()
            .and_then(|(key, _)| row_of(key))
            .ok_or_else(|| {
                StorageError::corrupted("a block stands under a key of the wrong length")
                    .in_keyspace(&self.place.keyspace)
            })
    }
}

/// A cursor over the summary entries of an index.
pub(crate) struct SummaryCursor<S: StorageSnapshot, const N: usize> {
    cursor: PooledCursor<S>,
    place: Place,
}

impl<S: StorageSnapshot, const N: usize> SummaryCursor<S, N> {
    pub(crate) fn new(view: &View<S>, places: &IndexPlaces) -> StorageResult<Self> {
        Ok(Self {
            cursor: view.cursor(&places.summaries)?,
            place: places.summaries.clone(),
        })
    }

    /// Moves to the group that would hold `row`.
    pub(crate) fn seek(&mut self, row: &[u64; N]) -> StorageResult<bool> {
        self.cursor.seek(&RowKey::new(row))
    }

    pub(crate) fn next(&mut self) -> StorageResult<bool> {
        self.cursor.next()
    }

    fn entry(&self) -> StorageResult<(&[u8], &[u8])> {
        self.cursor
            .entry()
            .ok_or_else(|| StorageError::misuse("a cursor was read before it found an entry"))
    }

    /// The upper bound of the group.
    pub(crate) fn separator(&self) -> StorageResult<[u64; N]> {
        let (key, _) = self.entry()?;
        row_of(key).ok_or_else(|| {
            StorageError::corrupted("a summary stands under a key of the wrong length")
                .in_keyspace(&self.place.keyspace)
        })
    }

    pub(crate) fn summary(&self) -> StorageResult<Summary<N>> {
        let (key, value) = self.entry()?;
        let payload = self.cursor.view().open(&self.place, key, value)?;
        Summary::decode_payload(key, payload)
            .map_err(|error| error.in_keyspace(&self.place.keyspace).at_key(key))
    }

    /// The blocks of the group, to be looked at in place.
    pub(crate) fn blocks(&self) -> StorageResult<SummaryBlocks<'_, N>> {
        let (key, value) = self.entry()?;
        let payload = self.cursor.view().open(&self.place, key, value)?;
        SummaryBlocks::of_payload(key, payload)
            .map_err(|error| error.in_keyspace(&self.place.keyspace).at_key(key))
    }

    /// The rows and column ranges of the group.
    pub(crate) fn header(&self) -> StorageResult<(u64, [super::summary::ColumnRange; N])> {
        let (key, value) = self.entry()?;
        let payload = self.cursor.view().open(&self.place, key, value)?;
        Summary::decode_header(payload)
            .map_err(|error| error.in_keyspace(&self.place.keyspace).at_key(key))
    }
}
