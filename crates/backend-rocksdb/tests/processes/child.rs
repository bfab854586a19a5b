//! The other process: this program again, which opens a store and obeys the lines it reads, answering each with one.

use crate::keyspaces;
use quadrille_backend::{
    Durability, EntrySource, Keyspace, StorageBackend, StorageError, StorageResult, Transaction,
};
use quadrille_backend_rocksdb::{RocksDbBackend, RocksDbOptions};
use std::fs;
use std::io::{BufRead, BufReader, Write, stdin};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What names the role of this program when it is the other process.
pub(crate) const ROLE: &str = "QUADRILLE_CHILD";
const STORE: &str = "QUADRILLE_CHILD_STORE";

/// The other process, seen from the test.
pub(crate) struct Other {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Other {
    /// Starts it; `role` is `read`, or a word for the durability. It opens the store with the smallest buffers.
    pub(crate) fn start(path: &Path, role: &str) -> Self {
        Self::start_by(&[], path, role)
    }

    /// Starts it by a command that ends in running another.
    pub(crate) fn start_by(command: &[&str], path: &Path, role: &str) -> Self {
        let mut other = Self::spawn(command, path, role);
        assert_eq!(other.answer(), "open");
        other
    }

    /// The same, without waiting for it to open the store.
    pub(crate) fn spawn(command: &[&str], path: &Path, role: &str) -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let mut start = match command.split_first() {
            Some((first, rest)) => {
                let mut start = Command::new(first);
                start.args(rest).arg(program);
                start
            }
            None => Command::new(program),
        };
        let mut child = start
            .env(ROLE, role)
            .env(STORE, path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        Self {
            child,
            input,
            output,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn answer(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("the process listens");
    }

    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.tell(line);
        self.answer()
    }

    #[track_caller]
    pub(crate) fn does(&mut self, line: &str) {
        assert_eq!(self.ask(line), "done", "{line}");
    }

    /// Kills it, and gives the last line that it said.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().expect("the process is there");
        self.child.wait().expect("and ends");
        let lines = (&mut self.output).lines().map_while(Result::ok);
        lines.last().unwrap_or_default()
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // Already ended, where a test killed it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The settings of a role; `None` for one that only reads.
fn options(role: &str) -> StorageResult<Option<RocksDbOptions>> {
    let small = RocksDbOptions::new().write_buffer_bytes(512 << 10);
    Ok(Some(match role {
        "read" => return Ok(None),
        "durable" => small.durability(Durability::Durable),
        "prefix" => small.durability(Durability::Prefix),
        "unsafe" => small.durability(Durability::Unsafe),
        _ => return Err(StorageError::misuse(format!("no role {role:?}"))),
    }))
}

/// Ascending keys of eight bytes with values of a hundred.
struct Rows {
    next: u64,
    end: u64,
    key: [u8; 8],
}

impl EntrySource for Rows {
    fn next_entry(&mut self) -> StorageResult<Option<(&[u8], &[u8])>> {
        self.key = self.next.to_be_bytes();
        self.next += 1;
        Ok((self.next <= self.end).then_some((&self.key, &[1; 100])))
    }
}

fn incompressible(seed: u64) -> impl Iterator<Item = u8> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    })
}

/// Writes `number` as the last commit of every keyspace, and an entry of its own that is `bytes` long.
fn commit(backend: &RocksDbBackend, number: u64, bytes: usize) -> StorageResult<()> {
    let mut transaction = backend.begin()?;
    for keyspace in backend.keyspaces()? {
        transaction.put(&keyspace, b"last", &number.to_be_bytes())?;
        let value: Vec<u8> = incompressible(number).take(bytes).collect();
        transaction.put(&keyspace, format!("commit {number:06}").as_bytes(), &value)?;
    }
    transaction.commit()
}

/// Deletes all entries of a keyspace by one commit.
fn clear(backend: &RocksDbBackend, keyspace: &Keyspace) -> StorageResult<()> {
    let mut transaction = backend.begin()?;
    for (key, _) in transaction.range_scan(keyspace, &[], None, None)? {
        transaction.delete(keyspace, &key)?;
    }
    transaction.commit()
}

fn obey(backend: &RocksDbBackend, line: &str) -> StorageResult<String> {
    let illegal = || StorageError::misuse(format!("what is {line:?}?"));
    let words: Vec<&str> = line.split(' ').collect();
    let count = |word: &str| word.parse::<u64>().map_err(|_| illegal());
    match words[..] {
        ["create", name] => backend.create_keyspace(&Keyspace::new(name)?)?,
        ["create-many", many] => {
            for keyspace in keyspaces(count(many)?)? {
                backend.create_keyspace(&keyspace)?;
            }
        }
        ["drop", name] => backend.drop_keyspace(&Keyspace::new(name)?)?,
        ["ingest", name, first, end] => {
            let (next, end, key) = (count(first)?, count(end)?, [0; 8]);
            backend.ingest(&Keyspace::new(name)?, &mut Rows { next, end, key })?;
        }
        ["clear", name] => clear(backend, &Keyspace::new(name)?)?,
        ["flush"] => backend.flush()?,
        ["compact"] => backend.compact()?,
        ["commit", number, bytes] => commit(backend, count(number)?, count(bytes)? as usize)?,
        ["commits", first, last, bytes] => {
            for number in count(first)?..=count(last)? {
                commit(backend, number, count(bytes)? as usize)?;
            }
        }
        ["commit-on", first, bytes] => {
            for number in count(first)?.. {
                commit(backend, number, count(bytes)? as usize)?;
                println!("{number}");
            }
        }
        ["last", name] => {
            let last = backend.get(&Keyspace::new(name)?, b"last")?;
            let number = last.and_then(|bytes| bytes.try_into().ok());
            return Ok(number.map_or(0, u64::from_be_bytes).to_string());
        }
        ["count"] => {
            let mut entries = 0;
            for keyspace in backend.keyspaces()? {
                for entry in backend.range_scan(&keyspace, &[], None, None)? {
                    entry?;
                    entries += 1;
                }
            }
            return Ok(entries.to_string());
        }
        ["files"] => return Ok(backend.figures()?.table_files.to_string()),
        ["errors"] => return Ok(backend.figures()?.background_errors.to_string()),
        ["free", path] => fs::remove_file(path)
            .map_err(|error| StorageError::from_io("nothing to remove", error))?,
        ["close"] => backend.close()?,
        _ => return Err(illegal()),
    }
    Ok("done".to_owned())
}

fn answer(result: Result<String, &StorageError>) -> String {
    result.unwrap_or_else(|error| error.to_string())
}

/// What this program does when it is the other process.
pub(crate) fn be_the_other_process(role: &str) -> StorageResult<()> {
    let path = std::env::var_os(STORE).unwrap_or_default();
    let options = options(role)?;
    let open = || match &options {
        Some(options) => RocksDbBackend::open_with(&path, options.clone()),
        None => RocksDbBackend::open_read_only(&path),
    };
    let mut backend = open();
    println!("{}", answer(backend.as_ref().map(|_| "open".to_owned())));
    for line in stdin().lines() {
        let line = line.map_err(|error| StorageError::from_io("no line", error))?;
        if line == "reopen" {
            // Errors of what is closed have been told.
            drop(backend);
            backend = open();
            println!("{}", answer(backend.as_ref().map(|_| "done".to_owned())));
        } else if let Ok(backend) = &backend {
            println!(
                "{}",
                answer(obey(backend, &line).as_ref().map(String::clone))
            );
        }
    }
    Ok(())
}
