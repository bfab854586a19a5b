//! The other process of a case: the test program starts itself, and is then told to work on a store and be killed, or
//! to open one that may be damaged, which could end a process by a signal.
//!
//! What always holds: a process that may be damaged is given a bounded time, and each is gone when its [`Process`] is dropped, or soon after the
//! program that started it is killed.

use crate::context::Factory;
use crate::sample;
use quadrille_backend::{Keyspace, StorageBackend, StorageError, StorageResult, Transaction};
use std::io::{BufRead, BufReader, Read, Write, sink, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const SUITE: &str = "QUADRILLE_TESTKIT_SUITE";
const TASK: &str = "QUADRILLE_TESTKIT_TASK";
const FOLDER: &str = "QUADRILLE_TESTKIT_FOLDER";
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
}

impl Task {
    const ALL: [Self; 4] = [Self::Read, Self::Commit, Self::Flush, Self::Hold];

    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Commit => "commit",
            Self::Flush => "flush",
            Self::Hold => "hold",
        }
    }
}

/// The suite of which this process is the other one, and what it is told, if it is.
pub(crate) fn order() -> Option<(String, String, PathBuf)> {
    let suite = std::env::var(SUITE).ok()?;
    let task = std::env::var(TASK).ok()?;
    Some((suite, task, PathBuf::from(std::env::var_os(FOLDER)?)))
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

fn say(line: &str) {
    let mut out = stdout();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        // Nobody is there any more to kill this process.
        std::process::exit(1);
    }
}

/// The other process, seen from the case.
pub(crate) struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts this program again as the other process of a suite.
    pub(crate) fn start(suite: &str, task: Task, folder: &Path) -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(program)
            .env(SUITE, suite)
            .env(TASK, task.name())
            .env(FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let output = child.stdout.take().expect("piped");
        Self {
            child,
            output: BufReader::new(output),
        }
    }

    /// The next line it says.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    /// Kills it, and gives back what it has said and nobody has read.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().expect("the process is there");
        self.child.wait().expect("and ends");
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).expect("text");
        rest
    }

    /// Waits for its end, and gives back what it said, or how it ended otherwise.
    pub(crate) fn verdict(mut self) -> Result<String, String> {
        let deadline = Instant::now() + TIME_MAX;
        let status = loop {
            match self.child.try_wait().expect("the process is there") {
                Some(status) => break status,
                None if Instant::now() > deadline => {
                    return Err(format!("it took more than {TIME_MAX:?}"));
                }
                None => thread::sleep(Duration::from_millis(2)),
            }
        };
        if !status.success() {
            return Err(format!("the process ended with {status}"));
        }
        Ok(self.line())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already ended, where a case waited for it or killed it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
