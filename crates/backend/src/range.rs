//! Scans over a range of keys, built on a cursor.

use crate::{StorageCursor, StorageResult};

/// An owned key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// The smallest key above every key with this prefix; `None` when there is none (the prefix is empty or all 0xff).
#[must_use]
pub fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != 0xff)?;
    let mut end = prefix.get(..=last)?.to_vec();
    if let Some(byte) = end.last_mut() {
        *byte += 1;
    }
    Some(end)
}

/// A lazy scan of the keys in `[start, end)`, ascending; made by `range_scan` and `prefix_scan`.
///
/// It owns its cursor, and so its snapshot. After an error it ends.
#[derive(Debug)]
pub struct RangeScan<C> {
    cursor: C,
    start: Option<Vec<u8>>,
    end: Option<Vec<u8>>,
    left: usize,
}

impl<C: StorageCursor> RangeScan<C> {
    /// A scan of `[start, end)` over a cursor, of at most `limit` entries; `None` is unbounded.
    pub fn new(cursor: C, start: &[u8], end: Option<&[u8]>, limit: Option<usize>) -> Self {
        Self {
            cursor,
            start: Some(start.to_vec()),
            end: end.map(<[u8]>::to_vec),
            left: limit.unwrap_or(usize::MAX),
        }
    }

    fn advance(&mut self) -> StorageResult<Option<Entry>> {
        let found = match self.start.take() {
            Some(start) => self.cursor.seek(&start)?,
            None => self.cursor.next()?,
        };
        let Some((key, value)) = self.cursor.entry().filter(|_| found) else {
            return Ok(None);
        };
        if self.end.as_deref().is_some_and(|end| key >= end) {
            return Ok(None);
        }
        Ok(Some((key.to_vec(), value.to_vec())))
    }
}

impl<C: StorageCursor> Iterator for RangeScan<C> {
    type Item = StorageResult<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        match self.advance().transpose() {
            Some(Ok(entry)) => Some(Ok(entry)),
            ended => {
                self.left = 0;
                ended
            }
        }
    }
}
