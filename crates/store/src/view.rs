//! A backend snapshot with its idle cursors: opening a cursor can cost more than the look-up it serves.

use crate::checksum::{self, Checked};
use crate::keyspaces::{PLACES, Place};
use quadrille_backend::{StorageCursor, StorageResult, StorageSnapshot};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

/// The cursors that a pool keeps for each keyspace; more than threads usually read at once.
const IDLE_MAX: usize = 16;

/// Buffers with room for more rows than this are not kept.
const IDLE_ROWS_MAX: usize = 4096;

/// The ids of rows by column.
pub(crate) type Columns = [Vec<u64>; 4];

/// A backend snapshot, a pool of its cursors per keyspace, and what is known of its values. Cloning shares them.
pub(crate) struct View<S: StorageSnapshot>(Arc<Inner<S>>);

struct Inner<S: StorageSnapshot> {
    snapshot: Arc<S>,
    idle: [Mutex<Vec<S::Cursor>>; PLACES],
    /// The buffers of scans that have ended: making them anew costs as much as a look-up of a few rows.
    columns: Mutex<Vec<Columns>>,
    /// `None`: every read checks.
    checked: Option<Arc<Checked>>,
}

impl<S: StorageSnapshot> Clone for View<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: StorageSnapshot> View<S> {
    /// A view whose reads compare the checksum of a value unless `checked` knows that one did.
    pub(crate) fn new(snapshot: S, checked: Arc<Checked>) -> Self {
        Self::over(Arc::new(snapshot), Some(checked))
    }

    /// The same snapshot, every read of which compares checksums: for checks, and for what is written again under a new
    /// checksum.
    pub(crate) fn to_distrusting(&self) -> Self {
        Self::over(Arc::clone(&self.0.snapshot), None)
    }

    fn over(snapshot: Arc<S>, checked: Option<Arc<Checked>>) -> Self {
        Self(Arc::new(Inner {
            snapshot,
            idle: std::array::from_fn(|_| Mutex::default()),
            columns: Mutex::default(),
            checked,
        }))
    }

    /// Empty buffers for the rows of a scan.
    pub(crate) fn lend_columns(&self) -> Columns {
        let mut idle = self
            .0
            .columns
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        idle.pop().unwrap_or_default()
    }

    /// Keeps buffers for the next scan, unless there are plenty or they are large.
    pub(crate) fn take_back_columns(&self, mut columns: Columns) {
        if columns
            .iter()
            .any(|column| column.capacity() > IDLE_ROWS_MAX)
        {
            return;
        }
        columns.iter_mut().for_each(Vec::clear);
        let mut idle = self
            .0
            .columns
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(columns);
        }
    }

    /// A value of a keyspace without its checksum, which is compared if need be.
    ///
    /// # Errors
    /// `Corrupted`, with the keyspace and the key, when it does not match.
    #[inline]
    pub(crate) fn open<'a>(
        &self,
        place: &Place,
        key: &[u8],
        value: &'a [u8],
    ) -> StorageResult<&'a [u8]> {
        let opened = match &self.0.checked {
            Some(checked) => checked.open(place, key, value),
            None => checksum::open(place.role, key, value),
        };
        opened.map_err(|error| error.in_keyspace(&place.keyspace))
    }

    /// A cursor over a keyspace, taken from the pool or made; dropping it puts it back. Its position is arbitrary.
    pub(crate) fn cursor(&self, place: &Place) -> StorageResult<PooledCursor<S>> {
        let idle = self.0.idle[place.slot]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let cursor = match idle {
            Some(cursor) => cursor,
            None => self.0.snapshot.cursor(&place.keyspace)?,
        };
        Ok(PooledCursor {
            view: self.clone(),
            slot: place.slot,
            cursor: Some(cursor),
        })
    }

    /// The value of a key.
    pub(crate) fn get(&self, place: &Place, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        let mut cursor = self.cursor(place)?;
        let found = cursor.seek(key)?;
        let entry = cursor.entry().filter(|entry| found && entry.0 == key);
        Ok(entry.map(|(_, value)| value.to_vec()))
    }
}

/// A cursor on loan from a [`View`], which it keeps alive.
pub(crate) struct PooledCursor<S: StorageSnapshot> {
    view: View<S>,
    slot: usize,
    cursor: Option<S::Cursor>,
}

impl<S: StorageSnapshot> PooledCursor<S> {
    /// The view that the cursor belongs to.
    pub(crate) fn view(&self) -> &View<S> {
        &self.view
    }
}

impl<S: StorageSnapshot> Deref for PooledCursor<S> {
    type Target = S::Cursor;

    fn deref(&self) -> &S::Cursor {
        self.cursor
            .as_ref()
            .expect("the cursor is there until the loan is dropped")
    }
}

impl<S: StorageSnapshot> DerefMut for PooledCursor<S> {
    fn deref_mut(&mut self) -> &mut S::Cursor {
        self.cursor
            .as_mut()
            .expect("the cursor is there until the loan is dropped")
    }
}

impl<S: StorageSnapshot> Drop for PooledCursor<S> {
    fn drop(&mut self) {
        let mut idle = self.view.0.idle[self.slot]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(cursor) = self.cursor.take().filter(|_| idle.len() < IDLE_MAX) {
            idle.push(cursor);
        }
    }
}
