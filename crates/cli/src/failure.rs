//! How a command fails: a message for people and an exit code for scripts.
//!
//! What flows in: the errors of the store, of files and of queries. What flows out: text on standard error and the
//! exit code. What always holds: one cause, one code, as `quadrille --help` lists them; the reader of our output going
//! away is no failure worth a message.

use quadrille::{ErrorKind, StorageError};
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

/// The exit codes, each with one meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// Anything that has no code of its own: a failed read or write, mostly.
    Failed = 1,
    /// The command line is wrong, or asks for what cannot be.
    Usage = 2,
    /// The RDF data is not well formed.
    BadData = 3,
    /// The query is not well formed, or fails as it runs.
    BadQuery = 4,
    /// A store or a file is not there.
    NotFound = 5,
    /// Another process holds the store.
    Locked = 6,
    /// Stored bytes are damaged, or not a store of this version.
    Corrupted = 7,
    /// `verify` found problems.
    ProblemsFound = 8,
    /// No space is left.
    Full = 9,
    /// This build or this backend cannot do it.
    Unsupported = 10,
    /// A load left out what was not well formed, as `--on-error skip` asks.
    Rejected = 11,
    /// `--timeout` passed.
    TimedOut = 124,
    /// Ctrl-C.
    Interrupted = 130,
    /// The reader of our output went away: what a shell reports for a program that SIGPIPE ended.
    BrokenPipe = 141,
}

impl Exit {
    const ALL: [Self; 14] = [
        Self::Failed,
        Self::Usage,
        Self::BadData,
        Self::BadQuery,
        Self::NotFound,
        Self::Locked,
        Self::Corrupted,
        Self::ProblemsFound,
        Self::Full,
        Self::Unsupported,
        Self::Rejected,
        Self::TimedOut,
        Self::Interrupted,
        Self::BrokenPipe,
    ];

    /// The failure that a process of this program ended with.
    pub(crate) fn from_code(code: i32) -> Self {
        let exit = Self::ALL.into_iter().find(|exit| *exit as i32 == code);
        exit.unwrap_or(Self::Failed)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What the end of `quadrille --help` says about exit codes.
pub(crate) const EXIT_CODES_HELP: &str = "\
Exit codes:
    0  done
    1  failed: reading or writing went wrong
    2  the command line is wrong, or asks for what cannot be
    3  the RDF data is not well formed
    4  the query is not well formed, or failed as it ran
    5  a store or a file is not there
    6  another process holds the store
    7  the store is damaged, or not one of this version
    8  `verify` found problems
    9  no space is left
   10  this build or this backend cannot do it
   11  loaded, but for what `--on-error skip` left out
  124  `--timeout` passed
  130  interrupted by Ctrl-C
  141  the reader of the output went away (`quadrille dump … | head`)";

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure with a message.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            source: None,
        }
    }

    /// A failed read or write of a file, its code chosen by what went wrong.
    pub(crate) fn io(message: impl Into<String>, source: io::Error) -> Self {
        Self::new(exit_of_io(source.kind()), message).caused_by(source)
    }

    /// Adds the error behind this one.
    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Says something more, below the message.
    pub(crate) fn adding(mut self, text: impl std::fmt::Display) -> Self {
        self.message = format!("{}\n  {text}", self.message);
        self
    }

    /// The code to end with.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Writes the message and its causes to standard error, saying nothing twice.
    pub(crate) fn report(&self) {
        let mut text = self.message.clone();
        let mut cause: Option<&dyn Error> = self.source.as_deref().map(|source| {
            let source: &dyn Error = source;
            source
        });
        while let Some(error) = cause {
            let words = error.to_string();
            if !text.contains(&words) {
                text.push_str("\n  caused by: ");
                text.push_str(&words);
            }
            cause = error.source();
        }
        // Nobody is left to tell when standard error is closed.
        let _ = writeln!(io::stderr(), "error: {text}");
    }
}

/// The exit code for a failed read or write of a file.
pub(crate) fn exit_of_io(kind: io::ErrorKind) -> Exit {
    match kind {
        io::ErrorKind::NotFound => Exit::NotFound,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Exit::Full,
        _ => Exit::Failed,
    }
}

/// The exit code for a kind of storage error.
pub(crate) fn exit_of(kind: ErrorKind) -> Exit {
    match kind {
        ErrorKind::Misuse | ErrorKind::ReadOnly => Exit::Usage,
        ErrorKind::NotFound => Exit::NotFound,
        ErrorKind::Busy | ErrorKind::Locked => Exit::Locked,
        ErrorKind::Full => Exit::Full,
        ErrorKind::Corrupted => Exit::Corrupted,
        ErrorKind::Unsupported => Exit::Unsupported,
        ErrorKind::Cancelled if crate::interrupt::is_interrupted() => Exit::Interrupted,
        ErrorKind::Cancelled => Exit::TimedOut,
        _ => Exit::Failed,
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self::new(exit_of(error.kind()), error.to_string()).caused_by(error)
    }
}
