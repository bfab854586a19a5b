//! Another process on the same store: a test program starts itself again in a role, and talks with it in lines.
//!
//! What flows in: a role and a folder, then lines. What flows out: the lines that the other process says. What always
//! holds: who waits for a line waits a bounded time and learns what was missing; the process is gone when its
//! [`Process`] is dropped, and one that reads its input ends soon after the program that started it is killed.
//!
//! ```no_run
//! use quadrille_backend_testkit::child::{Process, role, say, serve};
//! use std::path::Path;
//!
//! // At the beginning of `main`: what this program does when it is the other process.
//! if let Some((role, folder)) = role() {
//!     say("ready");
//!     serve(|line| Ok(format!("{role} in {}: {line}", folder.display())))?;
//!     return Ok(());
//! }
//! // And in a test:
//! let mut other = Process::start("parrot", Path::new("/tmp"));
//! assert_eq!(other.line("the beginning")?, "ready");
//! assert_eq!(other.ask("hello")?, "parrot in /tmp: hello");
//! other.kill();
//! # Ok::<(), quadrille_backend::StorageError>(())
//! ```

use quadrille_backend::{ErrorKind, StorageError, StorageResult};
use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

const ROLE: &str = "QUADRILLE_CHILD";
const FOLDER: &str = "QUADRILLE_CHILD_FOLDER";
/// How long a line or the end may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// How long the pipe of a dead process is read for what it had said.
const HEARD_AFTER_DEATH: Duration = Duration::from_secs(10);

/// The role and the folder that this process was started with, if it is the other one.
#[must_use]
pub fn role() -> Option<(String, PathBuf)> {
    let role = std::env::var(ROLE).ok()?;
    Some((role, PathBuf::from(std::env::var_os(FOLDER)?)))
}

/// Says a line, in the other process; ends it when nobody listens any more.
pub fn say(line: &str) {
    let mut out = stdout();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        // Nobody is there any more to kill this process.
        std::process::exit(1);
    }
}

/// Answers each line of the input, in the other process, until there are no more; errors are answers.
///
/// # Errors
/// `Io` when the input cannot be read.
pub fn serve(mut answer: impl FnMut(&str) -> StorageResult<String>) -> StorageResult<()> {
    for line in stdin().lines() {
        let line = line.map_err(|error| StorageError::from_io("no line", error))?;
        say(&answer(&line).unwrap_or_else(|error| error.to_string()));
    }
    Ok(())
}

/// The other process, seen from the test.
#[derive(Debug)]
pub struct Process {
    role: String,
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    patience: Duration,
}

impl Process {
    /// Starts this program again in a role, over a folder.
    ///
    /// # Panics
    /// When the system starts no process.
    #[must_use]
    pub fn start(role: &str, folder: &Path) -> Self {
        Self::start_by(role, folder, |command| command)
    }

    /// Starts it by another command, made of the one that runs this program: with other rights, or within a shell.
    ///
    /// # Panics
    /// When the system starts no process.
    #[must_use]
    pub fn start_by(role: &str, folder: &Path, by: impl FnOnce(Command) -> Command) -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let mut child = by(Command::new(program))
            .env(ROLE, role)
            .env(FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        // It ends with the process, or when nobody wants the lines any more.
        thread::spawn(move || {
            let lines = output.lines().map_while(Result::ok);
            lines
                .map(|line| sender.send(line))
                .take_while(Result::is_ok)
                .for_each(drop);
        });
        Self {
            role: role.to_owned(),
            child,
            input,
            lines,
            patience: PATIENCE,
        }
    }

    /// Waits so long for a line or the end, and no longer; some minutes when not told.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The number of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line it says; `what` is what it should be about, for the error.
    ///
    /// # Errors
    /// `Io` when the time is over or the process has ended, with what was waited for.
    pub fn line(&mut self, what: &str) -> StorageResult<String> {
        self.lines.recv_timeout(self.patience).map_err(|error| {
            let how = match error {
                RecvTimeoutError::Timeout => format!("said nothing in {:?}", self.patience),
                RecvTimeoutError::Disconnected => "has ended".to_owned(),
            };
            let message = format!("waited for {what}: the process {:?} {how}", self.role);
            StorageError::new(ErrorKind::Io, message)
        })
    }

    /// Tells it a line.
    ///
    /// # Errors
    /// `Io` when it does not listen any more.
    pub fn tell(&mut self, line: &str) -> StorageResult<()> {
        writeln!(self.input, "{line}").map_err(|error| {
            let message = format!("the process {:?} was not told {line:?}", self.role);
            StorageError::from_io(message, error)
        })
    }

    /// Tells it a line and waits for the answer.
    ///
    /// # Errors
    /// As [`tell`](Self::tell) and [`line`](Self::line).
    pub fn ask(&mut self, line: &str) -> StorageResult<String> {
        self.tell(line)?;
        self.line(&format!("the answer to {line:?}"))
    }

    /// Kills it, and gives the lines that it has said and nobody has read. A process of its own that lives on and could say
    /// more is listened to for some seconds, and no longer.
    ///
    /// # Panics
    /// When the system does not let it be killed.
    pub fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("the process is there");
        self.child.wait().expect("and ends");
        let deadline = Instant::now() + HEARD_AFTER_DEATH.min(self.patience);
        let next = || {
            let left = deadline.saturating_duration_since(Instant::now());
            self.lines.recv_timeout(left).ok()
        };
        std::iter::from_fn(next).collect()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// `Io` when the time is over.
    ///
    /// # Panics
    /// When the system does not tell of the process.
    pub fn end(&mut self) -> StorageResult<ExitStatus> {
        let deadline = Instant::now() + self.patience;
        loop {
            match self.child.try_wait().expect("the process is there") {
                Some(status) => return Ok(status),
                None if Instant::now() > deadline => {
                    let (role, patience) = (&self.role, self.patience);
                    let message = format!("the process {role:?} did not end in {patience:?}");
                    return Err(StorageError::new(ErrorKind::Io, message));
                }
                None => thread::sleep(Duration::from_millis(2)),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already ended, where a test waited for it or killed it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// A program of the system in the place of this one.
    fn system(program: &str, arguments: &[&str]) -> Process {
        Process::start_by("a stranger", Path::new("/"), |_| {
            let mut command = Command::new(program);
            command.args(arguments);
            command
        })
    }

    #[test]
    fn what_is_told_is_answered() {
        let mut other = system("cat", &[]);
        assert_eq!(other.ask("hello").expect("an echo"), "hello");
        other.tell("unread").expect("it listens");
        assert_eq!(other.line("the echo").expect("an echo"), "unread");
        assert!(other.kill().is_empty());
    }

    #[test]
    fn silence_ends_the_wait_with_what_was_waited_for() {
        let mut other = system("sleep", &["60"]).patience(Duration::from_millis(50));
        let started = Instant::now();
        let error = other.line("the open store").expect_err("it sleeps");
        assert_eq!(error.kind(), ErrorKind::Io);
        for part in ["waited for the open store", "a stranger", "50ms"] {
            assert!(error.to_string().contains(part), "{error}");
        }
        let error = other.end().expect_err("it still sleeps");
        assert!(error.to_string().contains("did not end in 50ms"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_child_of_the_process_that_lives_on_holds_nobody_up() {
        let mut other = system(
            "sh",
            &["-c", "echo one; echo two; sleep 60 & echo $!; wait"],
        );
        assert_eq!(other.line("the first").expect("a line"), "one");
        assert_eq!(other.line("the second").expect("a line"), "two");
        let orphan = other.line("the child").expect("a line");
        let started = Instant::now();
        let rest = other.patience(Duration::from_millis(100)).kill();
        assert!(rest.is_empty(), "{rest:?}");
        assert!(started.elapsed() < Duration::from_secs(30));
        let killed = Command::new("kill").arg(orphan).status();
        assert!(killed.expect("a status").success());
    }

    #[test]
    fn the_end_of_the_process_ends_the_wait_as_well() {
        let mut other = system("sh", &["-c", "echo one; echo two; exit 3"]);
        assert_eq!(other.line("the first").expect("a line"), "one");
        assert_eq!(other.end().expect("it ends").code(), Some(3));
        assert_eq!(other.line("the second").expect("a line"), "two");
        let error = other.line("the third").expect_err("there is none");
        let message = error.to_string();
        assert!(message.contains("waited for the third"), "{message}");
        assert!(message.contains("has ended"), "{message}");
    }
}
