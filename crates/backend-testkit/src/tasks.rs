//! What the other process of a case does: it works on a store and is killed, or opens one that may be damaged, which
//! could end a process by a signal.
//!
//! What flows in: the name of a suite and a [`Task`]. What flows out: lines for the case. What always holds: a process
//! with nothing more to do ends when the program that started it is killed.

use crate::cases::{errors, room};
use crate::child::{Process, say};
use crate::context::Factory;
use crate::sample;
use quadrille_backend::{Keyspace, StorageBackend, StorageError, StorageResult, Transaction};
use std::io::{sink, stdin};
use std::path::Path;
use std::time::Duration;

/// How long a process may take to open a store and read all of it.
const TIME_MAX: Duration = Duration::from_secs(60);

/// The keyspace that the other process writes into; the case creates it.
pub(crate) const NUMBERS: &str = "numbers";
/// How many numbers are committed before the flush.
pub(crate) const FLUSHED: u32 = 20;

/// What the other process is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Task {
    /// Open the sample and say what it finds.
    Read,
    /// Commit the numbers from 0 on, one by one, and print each once its commit has returned.
    Commit,
    /// Commit some numbers, flush, say so, and wait.
    Flush,
    /// Begin a transaction, write into it, say so, and wait.
    Hold,
    /// Fill the disk, make room, go on, and say what went wrong.
    Fill,
    /// Open a folder that is closed to it, and one below, and say what went wrong.
    OpenClosed,
}

impl Task {
    const ALL: [Self; 6] = [
        Self::Read,
        Self::Commit,
        Self::Flush,
        Self::Hold,
        Self::Fill,
        Self::OpenClosed,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Commit => "commit",
            Self::Flush => "flush",
            Self::Hold => "hold",
            Self::Fill => "fill",
            Self::OpenClosed => "open-closed",
        }
    }
}

/// Starts this program again to do a task of a suite, in some way to start it in a role over a folder.
pub(crate) fn start(
    suite: &str,
    task: Task,
    folder: &Path,
    start: impl FnOnce(&str, &Path) -> Process,
) -> Process {
    start(&format!("{suite} {}", task.name()), folder).patience(TIME_MAX)
}

/// Waits for the end of a process, and gives back what it said, or how it ended otherwise.
pub(crate) fn verdict(mut process: Process) -> Result<String, String> {
    let status = process.end().map_err(|error| error.to_string())?;
    if !status.success() {
        return Err(format!("the process ended with {status}"));
    }
    let said = process.line("what it finds");
    said.map_err(|error| error.to_string())
}

/// Does the task; in the other process.
pub(crate) fn obey<F: Factory>(factory: &F, task: &str, folder: &Path) -> StorageResult<()> {
    match Task::ALL.into_iter().find(|known| known.name() == task) {
        Some(Task::Read) => {
            say(&sample::verdict(factory, folder));
            Ok(())
        }
        Some(Task::Commit) => {
            let backend = factory.open(folder)?;
            commit_numbers(&backend, u32::MAX, |number| say(&number.to_string()))
        }
        Some(Task::Flush) => {
            let backend = factory.open(folder)?;
            commit_numbers(&backend, FLUSHED, |_| ())?;
            backend.flush()?;
            say("flushed");
            wait_for_the_end()
        }
        Some(Task::Hold) => {
            let backend = factory.open(folder)?;
            let mut transaction = backend.begin()?;
            transaction.put(&Keyspace::new(NUMBERS)?, b"held", b"never committed")?;
            say("begun");
            wait_for_the_end()
        }
        Some(Task::Fill) => {
            let filled = room::fill_the_disk(factory, folder);
            say(&filled.unwrap_or_else(|error| format!("failed with {error}")));
            Ok(())
        }
        Some(Task::OpenClosed) => {
            say(&errors::opened_closed(factory, folder));
            Ok(())
        }
        None => Err(StorageError::misuse(format!("no task is named {task:?}"))),
    }
}

/// Commits so many numbers, one by one.
fn commit_numbers<B: StorageBackend>(
    backend: &B,
    count: u32,
    committed: impl Fn(u32),
) -> StorageResult<()> {
    let numbers = Keyspace::new(NUMBERS)?;
    for number in 0..count {
        backend.put(&numbers, &number.to_be_bytes(), &[7; 500])?;
        committed(number);
    }
    Ok(())
}

/// Waits to be killed. The input, of which nothing comes, ends with the program that started this one.
fn wait_for_the_end() -> ! {
    // Ended or unreadable: either way nobody is there any more.
    let _ = std::io::copy(&mut stdin(), &mut sink());
    std::process::exit(1)
}
