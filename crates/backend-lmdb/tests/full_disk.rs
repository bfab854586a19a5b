//! What a full disk does to an LMDB store: the commit that meets it is `Full`, and nothing else happens.
//!
//! The program starts itself, on a small disk or under a limit on the length of files, and is then the other process: it
//! opens a store and obeys the lines it reads.

use libtest_mimic::{Arguments, Failed, Trial};
use quadrille_backend::{Durability, Keyspace, StorageBackend, StorageError, StorageResult};
use quadrille_backend_lmdb::{LmdbBackend, LmdbOptions, check_pages};
use quadrille_backend_testkit::child::{Process, role, say, serve};
use quadrille_backend_testkit::small_disk;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Half of it is ballast.
const DISK_BYTES: usize = 2 << 20;

fn numbers() -> StorageResult<Keyspace> {
    Keyspace::new("numbers")
}

fn open(role: &str, folder: &Path) -> StorageResult<LmdbBackend> {
    let durability = match role {
        "durable" => Durability::Durable,
        "prefix" => Durability::Prefix,
        "unsafe" => Durability::Unsafe,
        _ => return Err(StorageError::misuse(format!("no role {role:?}"))),
    };
    LmdbBackend::open_with(folder, LmdbOptions::new().durability(durability))
}

/// Commits values of so many bytes under numbers from `first` on, until one fails; how many did not, and the error.
fn fill(backend: &LmdbBackend, first: u32, bytes: usize) -> StorageResult<String> {
    for number in first.. {
        let put = backend.put(
            &numbers()?,
            &number.to_be_bytes(),
            &vec![number as u8; bytes],
        );
        if let Err(error) = put {
            return Ok(format!("{number} {error}"));
        }
    }
    Err(StorageError::misuse("all of it fits"))
}

/// Deletes one by one, as a transaction that deletes much needs pages that a full disk does not have.
fn delete(backend: &LmdbBackend, count: u32) -> StorageResult<()> {
    (0..count).try_for_each(|number| backend.delete(&numbers()?, &number.to_be_bytes()))
}

fn be_the_other_process(role: &str, folder: &Path) -> StorageResult<()> {
    let store = folder.join("store");
    let mut backend = open(role, &store)?;
    backend.create_keyspace(&numbers()?)?;
    say("open");
    serve(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |word: &str| word.parse::<u32>().map_err(|_| StorageError::misuse(line));
        match words[..] {
            ["fill", first, bytes] => {
                return fill(&backend, number(first)?, number(bytes)? as usize);
            }
            ["count"] => return Ok(backend.keyspace_size(&numbers()?)?.0.to_string()),
            ["delete", count] => delete(&backend, number(count)?)?,
            ["free"] => fs::remove_file(folder.join(small_disk::BALLAST))
                .map_err(|error| StorageError::from_io("no ballast", error))?,
            ["reopen"] => {
                backend.close()?;
                backend = open(role, &store)?;
            }
            ["pages"] => {
                backend.close()?;
                return Ok(check_pages(&store)?.is_sound().to_string());
            }
            _ => return Err(StorageError::misuse(line)),
        }
        Ok("done".to_owned())
    })
}

/// Fills the store from a number on; the number that found no room.
fn fill_up(other: &mut Process, first: u32, bytes: usize) -> StorageResult<u32> {
    let answer = other.ask(&format!("fill {first} {bytes}"))?;
    let (number, error) = answer.split_once(' ').unwrap_or_default();
    assert!(error.starts_with("full: "), "{answer}");
    assert!(error.contains("rolled back"), "{answer}");
    Ok(number.parse().expect("a number"))
}

#[track_caller]
fn does(other: &mut Process, line: &str) {
    assert_eq!(other.ask(line).expect("an answer"), "done", "{line}");
}

/// With values that take pages of their own, which LMDB writes by themselves, and with small ones.
fn a_full_disk_fails_commits_and_loses_none() -> StorageResult<()> {
    for role in ["durable", "prefix", "unsafe"] {
        for bytes in [20_000, 1000] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let mut other = small_disk::start(role, folder.path(), DISK_BYTES);
            assert_eq!(other.line("the open store")?, "open");
            let mut end = fill_up(&mut other, 0, bytes)?;
            assert!(end > 10, "{role}: {end}");
            // Again, as the first time.
            assert_eq!(fill_up(&mut other, end, bytes)?, end, "{role}");
            does(&mut other, "reopen");
            assert_eq!(other.ask("count")?, end.to_string(), "{role}");
            if bytes > 4096 {
                // What is deleted makes room. Of small values, the pages that this itself needs may have none.
                does(&mut other, "delete 5");
                let more = fill_up(&mut other, end, bytes)?;
                assert!(more > end, "{role}: {end}, {more}");
                assert_eq!(other.ask("count")?, (more - 5).to_string(), "{role}");
                end = more;
            }
            does(&mut other, "free");
            does(&mut other, &format!("delete {end}"));
            assert_eq!(other.ask("count")?, "0", "{role}");
            let more = fill_up(&mut other, end, bytes)? - end;
            assert!(more > end, "{role}: {end}, {more}");
            assert_eq!(other.ask("count")?, more.to_string(), "{role}");
            assert_eq!(other.ask("pages")?, "true", "{role}");
        }
    }
    Ok(())
}

/// A limit on the length of files cuts writes short as a full disk does.
fn a_file_at_its_limit_fails_commits_and_loses_none() -> StorageResult<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut other = Process::start_by("durable", folder.path(), |program| {
        let mut command = Command::new("sh");
        // A signal would end the process otherwise.
        command.args(["-c", "trap '' XFSZ; ulimit -f 1001; exec \"$0\""]);
        command.arg(program.get_program());
        command
    });
    assert_eq!(other.line("the open store")?, "open");
    let count = fill_up(&mut other, 0, 20_000)?;
    assert_eq!(fill_up(&mut other, count, 20_000)?, count);
    assert_eq!(other.ask("pages")?, "true");
    Ok(())
}

fn trial(name: &str, case: fn() -> StorageResult<()>) -> Trial {
    Trial::test(name, move || case().map_err(Failed::from))
}

fn main() -> std::process::ExitCode {
    if let Some((role, folder)) = role() {
        be_the_other_process(&role, &folder).expect("the other process works");
        return std::process::ExitCode::SUCCESS;
    }
    let trials = vec![
        trial(
            "a_full_disk_fails_commits_and_loses_none",
            a_full_disk_fails_commits_and_loses_none,
        )
        .with_ignored_flag(!small_disk::can_mount()),
        trial(
            "a_file_at_its_limit_fails_commits_and_loses_none",
            a_file_at_its_limit_fails_commits_and_loses_none,
        )
        .with_ignored_flag(!cfg!(unix)),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
