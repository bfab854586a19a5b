//! What stops a command: Ctrl-C and time. The first Ctrl-C cancels what runs, the second one ends the program at once.
//!
//! What flows in: the signal, a time limit. What flows out: a cancelled token, which every long read carries, or the end
//! of the program. What always holds: ending at once is safe, because commits are atomic.

use crate::failure::{Exit, Failure};
use quadrille::CancelToken;
use std::sync::OnceLock;
use std::time::Duration;

static TOKEN: OnceLock<CancelToken> = OnceLock::new();

/// The token that Ctrl-C cancels.
pub(crate) fn token() -> CancelToken {
    TOKEN.get_or_init(CancelToken::new).clone()
}

/// Whether Ctrl-C was pressed.
pub(crate) fn is_interrupted() -> bool {
    token().is_cancelled()
}

/// Ends the program when it still runs after this time.
///
/// A query looks at its deadline whenever it reads the store; joining rows that are in memory already can go on for long
/// without a read.
pub(crate) fn end_after(limit: Duration) {
    std::thread::spawn(move || {
        std::thread::sleep(limit);
        crate::output::note("error: the query ran out of time and did not stop");
        std::process::exit(Exit::TimedOut as i32);
    });
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
