//! What makes two answers the same, and the error that says where they are not.

use quadrille_backend::{Entry, Keyspace, StorageError, StorageResult};
use std::fmt::Write;

/// The most bytes of a key or value that an error shows.
const BYTES_SHOWN_MAX: usize = 40;

/// What was asked of both backends.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    operation: &'static str,
    keyspace: Option<&'a Keyspace>,
    key: Option<&'a [u8]>,
}

impl<'a> Question<'a> {
    pub(super) fn new(operation: &'static str) -> Self {
        Self {
            operation,
            keyspace: None,
            key: None,
        }
    }

    pub(super) fn of(operation: &'static str, keyspace: &'a Keyspace) -> Self {
        Self {
            keyspace: Some(keyspace),
            ..Self::new(operation)
        }
    }

    pub(super) fn at(self, key: &'a [u8]) -> Self {
        Self {
            key: Some(key),
            ..self
        }
    }

    /// Two answers that are the same: the first of them.
    pub(super) fn agree<T: Answer + PartialEq>(
        self,
        left: StorageResult<T>,
        right: StorageResult<T>,
    ) -> StorageResult<T> {
        let (left, right) = self.both(left, right)?;
        if left == right {
            return Ok(left);
        }
        Err(self.difference(&left.shown(), &right.shown()))
    }

    /// Two successes, or two errors of one kind; what succeeded is not compared.
    pub(super) fn both<L, R>(
        self,
        left: StorageResult<L>,
        right: StorageResult<R>,
    ) -> StorageResult<(L, R)> {
        match (left, right) {
            (Ok(left), Ok(right)) => Ok((left, right)),
            (Err(left), Err(right)) if left.kind() == right.kind() => Err(left),
            (left, right) => Err(self.difference(&outcome(&left), &outcome(&right))),
        }
    }

    /// The error that names the question and both answers.
    pub(super) fn difference(self, left: &str, right: &str) -> StorageError {
        let message = format!("the mirrored backends differ: {left} against {right}");
        let mut error = StorageError::corrupted(message).during(self.operation);
        if let Some(keyspace) = self.keyspace {
            error = error.in_keyspace(keyspace);
        }
        if let Some(key) = self.key {
            error = error.at_key(key);
        }
        error
    }
}

fn outcome<T>(result: &StorageResult<T>) -> String {
    match result {
        Ok(_) => "success".to_owned(),
        Err(error) => format!("the error \"{error}\""),
    }
}

fn bytes(bytes: &[u8]) -> String {
    let mut text = String::from("0x");
    for byte in bytes.iter().take(BYTES_SHOWN_MAX) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    if bytes.len() > BYTES_SHOWN_MAX {
        let _ = write!(text, "… ({} bytes)", bytes.len());
    }
    text
}

/// An answer that an error can show.
pub(super) trait Answer {
    fn shown(&self) -> String;
}

macro_rules! answers_shown_whole {
    ($($answer:ty),*) => {
        $(impl Answer for $answer {
            fn shown(&self) -> String {
                format!("{self:?}")
            }
        })*
    };
}

answers_shown_whole!((), bool, u64, (u64, u64), Vec<Keyspace>);

impl Answer for Option<Vec<u8>> {
    fn shown(&self) -> String {
        self.as_ref()
            .map_or("no value".to_owned(), |value| bytes(value))
    }
}

impl Answer for Option<(&[u8], &[u8])> {
    fn shown(&self) -> String {
        self.map_or("no entry".to_owned(), |(key, value)| {
            format!("{} = {}", bytes(key), bytes(value))
        })
    }
}

impl Answer for Option<Entry> {
    fn shown(&self) -> String {
        let entry = self.as_ref();
        entry
            .map(|(key, value)| (key.as_slice(), value.as_slice()))
            .shown()
    }
}

impl Answer for Vec<Entry> {
    fn shown(&self) -> String {
        let first = self.first().cloned();
        format!("{} entries, the first {}", self.len(), first.shown())
    }
}
