//! What stops a command: Ctrl-C and time. The first Ctrl-C cancels what runs, the second one ends the program at once.
//!
//! What flows in: the signal, a time limit. What flows out: a cancelled token, which every long read carries, or the end
//! of the program. What always holds: ending at once is safe, because commits are atomic.

use crate::failure::{Exit, Failure};
use quadrille::CancelToken;
use std::sync::OnceLock;

static TOKEN: OnceLock<CancelToken> = OnceLock::new();

/// The token that Ctrl-C cancels.
pub(crate) fn token() -> CancelToken {
    TOKEN.get_or_init(CancelToken::new).clone()
}

/// Whether Ctrl-C was pressed.
pub(crate) fn is_interrupted() -> bool {
    token().is_cancelled()
}

/// Installs the handler; called once, by commands whose work carries the token.
pub(crate) fn install() -> Result<(), Failure> {
    let token = token();
    ctrlc::set_handler(move || {
        if token.is_cancelled() {
            std::process::exit(Exit::Interrupted as i32);
        }
        token.cancel();
        crate::output::note("stopping; press Ctrl-C again to end at once");
    })
    .map_err(|error| Failure::new(Exit::Failed, "cannot listen for Ctrl-C").caused_by(error))
}
