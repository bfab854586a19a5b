//! What was parsed, in the order of the text.

use super::{Parsed, Receiver};
use crate::error::LoadError;
use quadrille_store::{ReadContext, StorageError};
use std::collections::BTreeMap;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// How long a cancel token may go unnoticed while nothing comes.
const WAIT: Duration = Duration::from_millis(50);

/// Parsed parts as they come, given out in their order.
pub(super) struct Ordered {
    parsed: Receiver<Parsed>,
    early: BTreeMap<u64, Parsed>,
    next: u64,
}

impl Ordered {
    pub(super) fn new(parsed: Receiver<Parsed>) -> Self {
        Self {
            parsed,
            early: BTreeMap::new(),
            next: 0,
        }
    }

    /// The next part; `None` at the end.
    pub(super) fn next(&mut self, context: &ReadContext) -> Result<Option<Parsed>, LoadError> {
        loop {
            context.check()?;
            if let Some(parsed) = self.early.remove(&self.next) {
                self.next += 1;
                return Ok(Some(parsed));
            }
            match self.parsed.recv_timeout(WAIT) {
                Ok(parsed) => {
                    self.early.insert(parsed.number, parsed);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) if self.early.is_empty() => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => {
                    let error = StorageError::misuse("a thread that parses has stopped");
                    return Err(LoadError::Store(error));
                }
            }
        }
    }
}
