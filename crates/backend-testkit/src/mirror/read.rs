//! The read side of a mirror: snapshots and cursors in pairs.

use super::Unsettled;
use super::compare::{Answer, Question};
use quadrille_backend::{Keyspace, StorageCursor, StorageResult, StorageSnapshot};

/// Snapshots of one commit of both backends of a [`Mirror`](super::Mirror).
#[derive(Debug)]
pub struct MirrorSnapshot<A, B> {
    pub(super) left: A,
    pub(super) right: B,
    pub(super) unsettled: Unsettled,
}

impl<A: StorageSnapshot, B: StorageSnapshot> StorageSnapshot for MirrorSnapshot<A, B> {
    type Cursor = MirrorCursor<A::Cursor, B::Cursor>;

    fn cursor(&self, keyspace: &Keyspace) -> StorageResult<Self::Cursor> {
        let question = Question::of("cursor", keyspace);
        let (left, right) =
            question.both(self.left.cursor(keyspace), self.right.cursor(keyspace))?;
        let cursor = MirrorCursor {
            left,
            right: (!self.unsettled.contains(keyspace)).then_some(right),
            keyspace: keyspace.clone(),
        };
        cursor.compare_entries(question)?;
        Ok(cursor)
    }

    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        let left = self.left.get(keyspace, key);
        if self.unsettled.contains(keyspace) {
            return left;
        }
        let question = Question::of("get", keyspace).at(key);
        question.agree(left, self.right.get(keyspace, key))
    }

    fn contains(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<bool> {
        let left = self.left.contains(keyspace, key);
        if self.unsettled.contains(keyspace) {
            return left;
        }
        let question = Question::of("contains", keyspace).at(key);
        question.agree(left, self.right.contains(keyspace, key))
    }
}

/// Cursors of both backends of a [`Mirror`](super::Mirror) that move together.
#[derive(Debug)]
pub struct MirrorCursor<A, B> {
    left: A,
    /// `None` in a keyspace whose entries are not settled: there only the first backend is read.
    right: Option<B>,
    keyspace: Keyspace,
}

impl<A: StorageCursor, B: StorageCursor> MirrorCursor<A, B> {
    fn compare_entries(&self, question: Question<'_>) -> StorageResult<()> {
        let left = self.left.entry();
        match &self.right {
            Some(right) if right.entry() != left => {
                Err(question.difference(&left.shown(), &right.entry().shown()))
            }
            _ => Ok(()),
        }
    }
}

impl<A: StorageCursor, B: StorageCursor> StorageCursor for MirrorCursor<A, B> {
    fn seek(&mut self, key: &[u8]) -> StorageResult<bool> {
        let left = self.left.seek(key);
        let Some(right) = &mut self.right else {
            return left;
        };
        let question = Question::of("seek", &self.keyspace).at(key);
        let found = question.agree(left, right.seek(key))?;
        self.compare_entries(question)?;
        Ok(found)
    }

    fn next(&mut self) -> StorageResult<bool> {
        let Some(right) = &mut self.right else {
            return self.left.next();
        };
        // The entry that the step starts from tells where it went wrong.
        let from = self.left.entry().map(|(key, _)| key.to_vec());
        let question = Question::of("next", &self.keyspace);
        let question = match &from {
            Some(key) => question.at(key),
            None => question,
        };
        let found = question.agree(self.left.next(), right.next())?;
        self.compare_entries(question)?;
        Ok(found)
    }

    fn entry(&self) -> Option<(&[u8], &[u8])> {
        self.left.entry()
    }
}
