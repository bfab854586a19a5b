//! All rows of an index in order, its changes merged in: what a rebuild reads.

use super::reader::BlockCursor;
use super::writer::RowSource;
use crate::delta::ChangeSet;
use crate::keyspaces::Place;
use crate::view::View;
use quadrille_backend::{StorageResult, StorageSnapshot};

/// A source of every row of an index as a snapshot sees it.
pub(crate) struct IndexRows<S: StorageSnapshot, const N: usize> {
    cursor: BlockCursor<S, N>,
    /// The changes above `position` are still to be merged.
    delta: ChangeSet<N>,
    position: Option<[u64; N]>,
    started: bool,
    columns: [Vec<u64>; N],
}

impl<S: StorageSnapshot, const N: usize> IndexRows<S, N> {
    /// Compares every checksum: what is read here is written again under a new one.
    pub(crate) fn new(view: &View<S>, place: &Place, delta: ChangeSet<N>) -> StorageResult<Self> {
        Ok(Self {
            cursor: BlockCursor::new(&view.to_distrusting(), place)?,
            delta,
            position: Some([0; N]),
            started: false,
            columns: std::array::from_fn(|_| Vec::new()),
        })
    }

    fn decode_block(&mut self) -> usize {
        for values in &mut self.columns {
            values.clear();
        }
        let Some((block, bytes)) = self.cursor.block() else {
            return 0;
        };
        for (column, values) in self.columns.iter_mut().enumerate() {
            block.decode_column(bytes, column, 0..block.len(), values);
        }
        block.len()
    }

    fn merge(
        &self,
        stored: usize,
        start: [u64; N],
        end: Option<[u64; N]>,
        rows: &mut Vec<[u64; N]>,
    ) {
        let row = |index: usize| -> [u64; N] {
            std::array::from_fn(|column| self.columns[column][index])
        };
        let mut next = 0;
        for (change, inserted) in self.delta.range(start, end) {
            while next < stored && row(next) < change {
                rows.push(row(next));
                next += 1;
            }
            if inserted {
                rows.push(change);
            } else if next < stored && row(next) == change {
                next += 1;
            }
        }
        rows.extend((next..stored).map(row));
    }
}

impl<S: StorageSnapshot, const N: usize> RowSource<N> for IndexRows<S, N> {
    fn fill(&mut self, rows: &mut Vec<[u64; N]>) -> StorageResult<bool> {
        let before = rows.len();
        while let Some(position) = self.position {
            let found = if self.started {
                self.cursor.next()?
            } else {
                self.cursor.seek(&position)?
            };
            self.started = true;
            let end = if found {
                super::successor(self.cursor.separator()?)
            } else {
                None
            };
            let stored = if found { self.decode_block() } else { 0 };
            self.merge(stored, position, end, rows);
            self.position = end;
            if rows.len() > before {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
