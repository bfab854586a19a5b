//! The one error type of all storage: a coarse kind, a message, where it happened, and the cause.

use crate::Keyspace;
use std::error::Error;
use std::fmt;

/// The result of a storage operation.
pub type StorageResult<T> = Result<T, StorageError>;

/// What sort of failure it was, for callers that decide by it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller asked for something that the contract does not allow.
    Misuse,
    /// The named thing (a keyspace, a path) does not exist.
    NotFound,
    /// The backend has been closed.
    Closed,
    /// A write was asked of something opened for reading.
    ReadOnly,
    /// Another writer, or a reader that must finish first, is in the way; trying again later may succeed.
    Busy,
    /// No space is left: a disk, an address space or a configured limit.
    Full,
    /// Another process owns the store.
    Locked,
    /// A deadline passed or a cancel token was set.
    Cancelled,
    /// Stored bytes are not what was written, or not of this format.
    Corrupted,
    /// The operating system or the engine reported an error.
    Io,
    /// This backend, or this version of the program, cannot do it.
    Unsupported,
}

impl ErrorKind {
    /// The kind in words, as error messages show it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Misuse => "misuse",
            Self::NotFound => "not found",
            Self::Closed => "closed",
            Self::ReadOnly => "read-only",
            Self::Busy => "busy",
            Self::Full => "full",
            Self::Locked => "locked",
            Self::Cancelled => "cancelled",
            Self::Corrupted => "corrupted",
            Self::Io => "input/output",
            Self::Unsupported => "unsupported",
        }
    }
}

/// A failed storage operation.
#[derive(Debug)]
pub struct StorageError {
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    keyspace: Option<Keyspace>,
    key: Option<Vec<u8>>,
    operation: Option<&'static str>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StorageError {
    /// An error of a kind, with a message for people.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                message: message.into(),
                keyspace: None,
                key: None,
                operation: None,
                source: None,
            }),
        }
    }

    /// [`ErrorKind::Corrupted`] with a message.
    pub fn corrupted(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupted, message)
    }

    /// [`ErrorKind::Misuse`] with a message.
    pub fn misuse(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Misuse, message)
    }

    /// An operating system error; "no space left", also for a user or in one file, becomes [`ErrorKind::Full`],
    /// "not found" [`ErrorKind::NotFound`].
    pub fn from_io(message: impl Into<String>, source: std::io::Error) -> Self {
        let kind = match source.kind() {
            std::io::ErrorKind::StorageFull
            | std::io::ErrorKind::QuotaExceeded
            | std::io::ErrorKind::FileTooLarge => ErrorKind::Full,
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        Self::new(kind, message).with_source(source)
    }

    /// Adds the keyspace in which it happened.
    #[must_use]
    pub fn in_keyspace(mut self, keyspace: &Keyspace) -> Self {
        self.inner.keyspace.get_or_insert_with(|| keyspace.clone());
        self
    }

    /// Adds the key at which it happened.
    #[must_use]
    pub fn at_key(mut self, key: &[u8]) -> Self {
        self.inner.key.get_or_insert_with(|| key.to_vec());
        self
    }

    /// Adds the operation that failed.
    #[must_use]
    pub fn during(mut self, operation: &'static str) -> Self {
        self.inner.operation.get_or_insert(operation);
        self
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// What sort of failure it was.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The message without context.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// The keyspace in which it happened, if known.
    #[must_use]
    pub fn keyspace(&self) -> Option<&Keyspace> {
        self.inner.keyspace.as_ref()
    }

    /// The key at which it happened, if known.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.inner.key.as_deref()
    }

    /// The operation that failed, if known.
    #[must_use]
    pub fn operation(&self) -> Option<&'static str> {
        self.inner.operation
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.inner;
        write!(formatter, "{}: {}", inner.kind.as_str(), inner.message)?;
        if let Some(operation) = inner.operation {
            write!(formatter, ", during {operation}")?;
        }
        if let Some(keyspace) = &inner.keyspace {
            write!(formatter, ", in keyspace {keyspace}")?;
        }
        if let Some(key) = &inner.key {
            formatter.write_str(", at key ")?;
            for byte in key.iter().take(40) {
                write!(formatter, "{byte:02x}")?;
            }
            if key.len() > 40 {
                write!(formatter, "… ({} bytes)", key.len())?;
            }
        }
        if let Some(source) = &inner.source {
            write!(formatter, ": {source}")?;
        }
        Ok(())
    }
}

impl Error for StorageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.inner.source.as_deref().map(|source| {
            let source: &(dyn Error + 'static) = source;
            source
        })
    }
}
