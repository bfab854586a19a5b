//! From batches of id columns to single rows, for an evaluator that takes one row at a time.
//!
//! What flows in: a scan. What flows out: its quads of ids, in the scan's order. What always holds: after an error the
//! iterator is at its end.

use crate::source::QuadScan;
use quadrille_store::{ColumnBatch, IdQuad, Permutation, StorageResult};

/// The rows of a scan, one by one.
pub(crate) struct Rows {
    scan: Box<dyn QuadScan>,
    batch: ColumnBatch,
    position: usize,
    done: bool,
}

impl Rows {
    pub(crate) fn new(scan: Box<dyn QuadScan>) -> Self {
        Self {
            scan,
            batch: ColumnBatch::default(),
            position: 0,
            done: false,
        }
    }

    /// The order of the rows.
    pub(crate) fn permutation(&self) -> Permutation {
        self.scan.permutation()
    }

    fn refill(&mut self) -> StorageResult<bool> {
        self.position = 0;
        let filled = self.scan.next_batch(&mut self.batch);
        self.done = !matches!(filled, Ok(true));
        filled
    }
}

impl Iterator for Rows {
    type Item = StorageResult<IdQuad>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.position >= self.batch.len() {
            if self.done {
                return None;
            }
            match self.refill() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.batch.clear();
                    return Some(Err(error));
                }
            }
        }
        let row = self.batch.quad(self.position);
        self.position += 1;
        Some(Ok(row))
    }
}
