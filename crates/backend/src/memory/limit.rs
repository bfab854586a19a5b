//! The limits of an [`InMemoryBackend`](crate::InMemoryBackend), and the account kept of what it may hold.
//!
//! What always holds: the account is what the keyspaces of the transaction hold, to the byte; once a write was refused,
//! every later one and the commit are.

use crate::{ErrorKind, StorageError, StorageResult};

/// Settings of an [`InMemoryBackend`](crate::InMemoryBackend).
#[derive(Clone, Debug, Default)]
pub struct InMemoryOptions {
    bytes_max: Option<u64>,
    pub(super) batch_operations_max: Option<usize>,
}

impl InMemoryOptions {
    /// The default settings: no limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The most bytes of keys and values that the store may hold, over all keyspaces; unlimited unless set.
    ///
    /// A write past it is refused with [`ErrorKind::Full`], and its transaction can only be rolled back. Deleting,
    /// replacing by less and dropping keyspaces make room. What the tree needs beside the entries, some 40 bytes each,
    /// is not counted, nor what only older snapshots hold.
    #[must_use]
    pub fn bytes_max(mut self, bytes: u64) -> Self {
        self.bytes_max = Some(bytes);
        self
    }

    /// The most puts and deletes in one transaction, as other engines bound it; unlimited unless set. One more is
    /// refused with [`ErrorKind::Misuse`].
    #[must_use]
    pub fn batch_operations_max(mut self, operations: usize) -> Self {
        self.batch_operations_max = Some(operations);
        self
    }
}

/// How much of the limit one transaction has used.
#[derive(Debug)]
pub(super) struct Room {
    bytes_max: Option<u64>,
    used: u64,
    /// What the first write that found no room would have made of `used`.
    refused: Option<u64>,
}

impl Room {
    /// The account of a store that holds `used` bytes.
    pub(super) fn new(options: &InMemoryOptions, used: u64) -> Self {
        Self {
            bytes_max: options.bytes_max,
            used,
            refused: None,
        }
    }

    /// Whether there is a limit; without one nothing need be accounted.
    pub(super) fn is_limited(&self) -> bool {
        self.bytes_max.is_some()
    }

    /// Accounts for an entry of `added` bytes in place of one of `removed`; `Full` when it does not fit.
    pub(super) fn replace(&mut self, removed: usize, added: usize) -> StorageResult<()> {
        self.check()?;
        let needed = (self.used + added as u64).saturating_sub(removed as u64);
        // A store above its limit may shrink.
        if added > removed && self.bytes_max.is_some_and(|most| needed > most) {
            self.refused = Some(needed);
        } else {
            self.used = needed;
        }
        self.check()
    }

    /// Accounts for a new entry.
    pub(super) fn take(&mut self, added: usize) -> StorageResult<()> {
        self.replace(0, added)
    }

    /// `Full` once a write was refused.
    pub(super) fn check(&self) -> StorageResult<()> {
        match (self.refused, self.bytes_max) {
            (Some(needed), Some(most)) => Err(StorageError::new(
                ErrorKind::Full,
                format!(
                    "the store may hold {most} bytes of keys and values, and this needs {needed}"
                ),
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InMemoryBackend, Keyspace, StorageBackend, Transaction};

    #[test]
    fn the_account_is_exact_to_the_byte() -> StorageResult<()> {
        let backend = InMemoryBackend::with_options(InMemoryOptions::new().bytes_max(20));
        let (birds, fish) = (Keyspace::new("birds")?, Keyspace::new("fish")?);
        backend.create_keyspace(&birds)?;
        backend.create_keyspace(&fish)?;
        let full = |result: StorageResult<()>, needed: &str| {
            let error = result.expect_err("no room");
            assert_eq!(error.kind(), ErrorKind::Full);
            let text = error.to_string();
            assert!(text.contains("20 bytes") && text.contains(needed), "{text}");
        };
        backend.put(&birds, b"emu", &[0; 7])?;
        backend.put(&fish, b"eel", &[0; 7])?;
        full(backend.put(&fish, b"", b"1"), "needs 21");
        full(backend.put(&fish, b"eel", &[0; 8]), "needs 21");
        backend.put(&fish, b"", b"")?;
        backend.put(&fish, b"eel", &[0; 5])?;
        backend.put(&birds, b"emu", &[0; 9])?;
        full(backend.put(&birds, b"", b"1"), "needs 21");
        backend.delete(&fish, b"cod")?;
        backend.delete(&fish, b"eel")?;
        backend.put(&birds, b"owl", &[0; 5])?;
        full(backend.put(&birds, b"", b"1"), "needs 21");
        backend.drop_keyspace(&birds)?;
        assert_eq!(backend.stats()?.total_bytes, 0);
        backend.put(&fish, b"eel", &[0; 17])
    }

    #[test]
    fn after_a_refusal_only_rolling_back_is_left() -> StorageResult<()> {
        let backend = InMemoryBackend::with_options(InMemoryOptions::new().bytes_max(10));
        let birds = Keyspace::new("birds")?;
        backend.create_keyspace(&birds)?;
        let mut transaction = backend.begin()?;
        transaction.put(&birds, b"emu", b"1234567")?;
        for _ in 0..2 {
            let refused = transaction.put(&birds, b"kea", b"");
            assert_eq!(refused.map_err(|e| e.kind()), Err(ErrorKind::Full));
        }
        let refused = transaction.delete(&birds, b"emu");
        assert_eq!(refused.map_err(|e| e.kind()), Err(ErrorKind::Full));
        let refused = transaction.commit();
        assert_eq!(refused.map_err(|e| e.kind()), Err(ErrorKind::Full));
        assert_eq!(backend.keyspace_size(&birds)?, (0, 0));
        backend.put(&birds, b"kea", b"1234567")
    }
}
