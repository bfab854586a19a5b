//! What was parsed, in the order of the text.

use super::parse::stopped;
use super::{Parsed, Receiver};
use crate::error::LoadError;
use quadrille_store::ReadContext;
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
    is_over: bool,
}

impl Ordered {
    pub(super) fn new(parsed: Receiver<Parsed>) -> Self {
        Self {
            parsed,
            early: BTreeMap::new(),
            next: 0,
            is_over: false,
        }
    }

    /// The next part; `None` at the end.
    pub(super) fn next(&mut self, context: &ReadContext) -> Result<Option<Parsed>, LoadError> {
        loop {
            context.check()?;
            if self.is_over {
                return Ok(None);
            }
            if let Some(parsed) = self.early.remove(&self.next) {
                self.next += 1;
                self.is_over = parsed.is_end;
                return Ok((!parsed.is_end).then_some(parsed));
            }
            match self.parsed.recv_timeout(WAIT) {
                Ok(parsed) => {
                    self.early.insert(parsed.number, parsed);
                }
                Err(RecvTimeoutError::Timeout) => {}
                // The end would have come as a part of its own.
                Err(RecvTimeoutError::Disconnected) => return Err(stopped()),
            }
        }
    }
}
