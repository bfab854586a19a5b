//! The kit itself under test: backends that break one promise of the contract each, and the cases that must notice.
//!
//! What flows in: the list of defects and the text of the contract. What flows out: for each mutant, whether the cases
//! named for it fail on it and pass on the sound backend. What always holds: a mutant that no named case catches fails
//! the program, and so does a bullet of the contract that no mutant breaks.

mod bullets;
mod defects;
mod mutant;
mod reading;

use defects::{Defect, ROWS, Row};
use libtest_mimic::{Arguments, Failed, Trial};
use mutant::Mutants;
use quadrille_backend::{Keyspace, StorageBackend, StorageError, StorageResult};
use quadrille_backend_testkit::{self as kit, Factory};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Threads with this name may panic without a word: that is how a case tells that it noticed.
const CASE_THREAD: &str = "case";

/// How long a case may take that is to come to an end, and one that is to hang.
const PATIENCE: Duration = Duration::from_secs(120);
const PATIENCE_WITH_HANGING: Duration = Duration::from_secs(3);

/// What every mutant can do: it does one thing wrong, not everything.
fn works(defect: Defect) -> StorageResult<bool> {
    let folder =
        tempfile::tempdir().map_err(|error| StorageError::from_io("no temporary folder", error))?;
    let backend = Mutants::with(Some(defect)).open(folder.path())?;
    let birds = Keyspace::new("birds")?;
    backend.create_keyspace(&birds)?;
    backend.put(&birds, b"wren", b"small")?;
    Ok(backend.get(&birds, b"wren")?.as_deref() == Some(b"small"))
}

#[derive(PartialEq, Eq, Debug)]
enum Outcome {
    Passed,
    Failed,
    Hung,
}

/// Runs one case on a thread of its own, which is left behind if it hangs.
fn run(name: &'static str, defect: Option<Defect>, patience: Duration) -> Result<Outcome, Failed> {
    let case = kit::cases::<Mutants>()
        .into_iter()
        .find(|case| case.name() == name);
    let case = case.ok_or_else(|| format!("there is no case {name}"))?;
    let (sender, receiver) = channel();
    let thread = std::thread::Builder::new().name(CASE_THREAD.to_owned());
    thread.spawn(move || {
        let result = case.run(Mutants::with(defect));
        let passed = result.is_ok_and(|outcome| outcome == kit::Outcome::Passed);
        // Nobody waits any more when the case was given up.
        let _ = sender.send(passed);
    })?;
    Ok(match receiver.recv_timeout(patience) {
        Ok(true) => Outcome::Passed,
        // A panic drops the sender.
        Ok(false) | Err(RecvTimeoutError::Disconnected) => Outcome::Failed,
        Err(RecvTimeoutError::Timeout) => Outcome::Hung,
    })
}

fn check(row: &Row) -> Result<(), Failed> {
    let (expected, patience) = match row.hangs {
        true => (Outcome::Hung, PATIENCE_WITH_HANGING),
        false => (Outcome::Failed, PATIENCE),
    };
    if !works(row.defect)? {
        return Err(format!("{} does more wrong than it says", row.name).into());
    }
    for case in row.cases {
        let sound = run(case, None, PATIENCE)?;
        if sound != Outcome::Passed {
            return Err(format!("{case} on the sound backend: {sound:?}").into());
        }
        let outcome = run(case, Some(row.defect), patience)?;
        if outcome != expected {
            let name = row.name;
            return Err(format!("{case} on {name}: {outcome:?}, not {expected:?}").into());
        }
    }
    Ok(())
}

/// A mutant that its case does not notice is a failure.
fn check_survivor() -> Result<(), Failed> {
    let unnoticed = Row {
        defect: Defect::KeyspacesAreListedBackwards,
        name: "KeyspacesAreListedBackwards",
        item: "",
        breaks: "",
        cases: &["single_keys::put_replaces"],
        hangs: false,
    };
    match check(&unnoticed) {
        Ok(()) => Err("a mutant that survived went unseen".into()),
        Err(_) => Ok(()),
    }
}

/// Each mutant breaks what the contract says, word for word, and each bullet of it has a mutant.
fn check_bullets() -> Result<(), Failed> {
    let items = bullets::items();
    if items.iter().map(|item| item.bullets.len()).sum::<usize>() < 20 {
        return Err("the bullets of the contract are not found".into());
    }
    let mut problems = Vec::new();
    for row in ROWS {
        let item = items.iter().find(|item| item.name == row.item);
        if !item.is_some_and(|item| item.text.contains(row.breaks)) {
            let (name, item, breaks) = (row.name, row.item, row.breaks);
            problems.push(format!("{name}: {item} does not say {breaks:?}"));
        }
    }
    for item in &items {
        for bullet in &item.bullets {
            let breaks = |row: &&Row| row.item == item.name && bullet.contains(row.breaks);
            if !ROWS.iter().any(|row| breaks(&row)) {
                problems.push(format!("no mutant breaks {}: {bullet}", item.name));
            }
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(problems.join("\n").into()),
    }
}

fn main() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // Cases start threads without names of their own.
        let quiet = [None, Some(CASE_THREAD)];
        if !quiet.contains(&std::thread::current().name()) {
            usual(panic);
        }
    }));
    let mut trials = vec![
        Trial::test("mutants::every_bullet_has_one", check_bullets),
        Trial::test("mutants::a_survivor_is_seen", check_survivor),
    ];
    for row in ROWS {
        let name = format!("mutants::{}::{}", row.item.replace("::", "."), row.name);
        trials.push(Trial::test(name, || check(row)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
