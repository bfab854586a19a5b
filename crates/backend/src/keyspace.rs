//! Names of keyspaces: the partitions of a backend, each with its own ordered keys.

use crate::{ErrorKind, StorageError, StorageResult};
use std::fmt;
use std::sync::Arc;

/// The name of a keyspace: 1 to [`Keyspace::LENGTH_MAX`] of the characters `a-z`, `0-9`, `.`, `_` and `-`.
///
/// Cloning is cheap: the name is shared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Keyspace(Arc<str>);

impl Keyspace {
    /// The longest name, in bytes.
    pub const LENGTH_MAX: usize = 64;

    /// Checks a name and makes it a keyspace's.
    ///
    /// # Errors
    /// [`ErrorKind::Misuse`] when the name is empty, too long or holds another character.
    pub fn new(name: &str) -> StorageResult<Self> {
        let legal = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
        if name.is_empty() || name.len() > Self::LENGTH_MAX || !name.bytes().all(legal) {
            return Err(StorageError::new(
                ErrorKind::Misuse,
                format!("{name:?} is not a keyspace name (1 to 64 of a-z, 0-9, '.', '_', '-')"),
            ));
        }
        Ok(Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Keyspace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Keyspace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Keyspace({})", self.0)
    }
}
