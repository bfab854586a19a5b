//! A backend snapshot with its idle cursors: opening a cursor can cost more than the look-up it serves.

use crate::keyspaces::{PLACES, Place};
use quadrille_backend::{StorageCursor, StorageResult, StorageSnapshot};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

/// The cursors that a pool keeps for each keyspace; more than threads usually read at once.
const IDLE_MAX: usize = 16;

/// A backend snapshot and a pool of its cursors per keyspace. Cloning shares both.
pub(crate) struct View<S: StorageSnapshot>(Arc<Inner<S>>);

struct Inner<S: StorageSnapshot> {
    snapshot: S,
    idle: [Mutex<Vec<S::Cursor>>; PLACES],
}

impl<S: StorageSnapshot> Clone for View<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: StorageSnapshot> View<S> {
    pub(crate) fn new(snapshot: S) -> Self {
        Self(Arc::new(Inner {
            snapshot,
            idle: std::array::from_fn(|_| Mutex::default()),
        }))
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
