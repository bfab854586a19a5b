//! The kit itself under test: backends that break one promise of the contract each, and the cases that must notice.
//!
//! What flows in: the list of defects and the text of the contract. What flows out: for each mutant, whether the cases
//! named for it fail on it and pass on the sound backend. What always holds: a mutant that no named case catches fails
//! the program, and so does a bullet of the contract that no mutant breaks.
//!
//! Cases that kill processes need a suite whose program can be started again: for them this program starts itself as the
//! suite of one mutant, and looks at how that ends.

mod bullets;
mod defects;
mod journaled;
mod mutant;
mod reading;
mod writing;

use defects::{Base, Defect, ROWS, Row};
use journaled::JournaledMutants;
use libtest_mimic::{Arguments, Failed, Trial};
use mutant::Mutants;
use quadrille_backend::{Keyspace, StorageBackend, StorageError, StorageResult};
use quadrille_backend_testkit::{self as kit, Factory, Suite};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Threads with this name may panic without a word: that is how a case tells that it noticed.
const CASE_THREAD: &str = "case";

/// How long a case may take that is to come to an end, and one that is to hang.
const PATIENCE: Duration = Duration::from_secs(120);
const PATIENCE_WITH_HANGING: Duration = Duration::from_secs(3);

/// Set in the processes that are the suite of one mutant: its name, or anything else for the sound backend.
const MUTANT: &str = "QUADRILLE_MUTANT";
const SUITE: &str = "mutant";

/// What every mutant can do: it does one thing wrong, not everything.
fn works(factory: &impl Factory) -> StorageResult<bool> {
    let folder =
        tempfile::tempdir().map_err(|error| StorageError::from_io("no temporary folder", error))?;
    let backend = factory.open(&folder.path().join("store"))?;
    let birds = Keyspace::new("birds")?;
    backend.create_keyspace(&birds)?;
    backend.put(&birds, b"wren", b"small")?;
    Ok(backend.get(&birds, b"wren")?.as_deref() == Some(b"small"))
}

#[derive(PartialEq, Eq, Debug)]
enum Outcome {
    Passed,
    Skipped,
    Failed,
    Hung,
}

/// Runs one case on a thread of its own, which is left behind if it hangs.
fn run_on<F: Factory>(
    factory: F,
    name: &'static str,
    patience: Duration,
) -> Result<Outcome, Failed> {
    let case = kit::cases::<F>()
        .into_iter()
        .find(|case| case.name() == name);
    let case = case.ok_or_else(|| format!("there is no case {name}"))?;
    let (sender, receiver) = channel();
    let thread = std::thread::Builder::new().name(CASE_THREAD.to_owned());
    thread.spawn(move || {
        let outcome = match case.run(factory) {
            Ok(kit::Outcome::Passed) => Outcome::Passed,
            Ok(kit::Outcome::Skipped(_)) => Outcome::Skipped,
            Err(_) => Outcome::Failed,
        };
        // Nobody waits any more when the case was given up.
        let _ = sender.send(outcome);
    })?;
    Ok(match receiver.recv_timeout(patience) {
        Ok(outcome) => outcome,
        // A panic drops the sender.
        Err(RecvTimeoutError::Disconnected) => Outcome::Failed,
        Err(RecvTimeoutError::Timeout) => Outcome::Hung,
    })
}

/// Runs one case in a process of its own, which is the suite of the mutant; killed if it hangs.
fn run_as_suite(mutant: &str, name: &str) -> Result<Outcome, Failed> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--exact", &format!("{SUITE}::{name}")])
        .env(MUTANT, mutant)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if !ends(&mut child)? {
        return Ok(Outcome::Hung);
    }
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    match output.status.success() {
        true if said.contains("1 passed") => Ok(Outcome::Passed),
        true if said.contains("1 ignored") => Ok(Outcome::Skipped),
        false if said.contains("1 failed") => Ok(Outcome::Failed),
        _ => Err(format!("the suite of {mutant} ended with {}: {said}", output.status).into()),
    }
}

/// Runs one case on a mutant, or on the sound backend it is made of.
fn run(row: &Row, case: &'static str, sound: bool) -> Result<Outcome, Failed> {
    let defect = Some(row.defect).filter(|_| !sound);
    let hangs = row.base == Base::Hanging && !sound;
    let patience = if hangs {
        PATIENCE_WITH_HANGING
    } else {
        PATIENCE
    };
    match row.base {
        Base::Memory | Base::Hanging => run_on(Mutants::with(defect), case, patience),
        Base::Volatile => run_on(Mutants::volatile(defect), case, patience),
        Base::Files => run_on(JournaledMutants { defect }, case, patience),
        Base::Processes => run_as_suite(if sound { "" } else { row.name }, case),
    }
}

fn check(row: &Row) -> Result<(), Failed> {
    let expected = match row.base {
        Base::Hanging => Outcome::Hung,
        _ => Outcome::Failed,
    };
    let defect = Some(row.defect);
    let works = match row.base {
        Base::Files | Base::Processes => works(&JournaledMutants { defect })?,
        Base::Volatile => works(&Mutants::volatile(defect))?,
        Base::Memory | Base::Hanging => works(&Mutants::with(defect))?,
    };
    if !works {
        return Err(format!("{} does more wrong than it says", row.name).into());
    }
    for case in row.cases {
        let sound = run(row, case, true)?;
        if sound != Outcome::Passed {
            return Err(format!("{case} on the sound backend: {sound:?}").into());
        }
        let outcome = run(row, case, false)?;
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
        base: Base::Memory,
    };
    match check(&unnoticed) {
        Ok(()) => Err("a mutant that survived went unseen".into()),
        Err(_) => Ok(()),
    }
}

/// The other process of a case ends by itself when nobody listens to it any more, or nobody is left to kill it.
fn check_orphans() -> Result<(), Failed> {
    for (task, output) in [("commit", Stdio::piped()), ("hold", Stdio::null())] {
        let folder = tempfile::tempdir()?;
        let folder = folder.path().join("store");
        let store = JournaledMutants { defect: None }.open(&folder)?;
        store.create_keyspace(&Keyspace::new("numbers")?)?;
        store.close()?;
        let mut child = Command::new(std::env::current_exe()?)
            .env(MUTANT, "")
            .env("QUADRILLE_CHILD", format!("{SUITE} {task}"))
            .env("QUADRILLE_CHILD_FOLDER", &folder)
            .stdin(Stdio::null())
            .stdout(output)
            .spawn()?;
        drop(child.stdout.take());
        if !ends(&mut child)? {
            return Err(format!("an orphan that is to {task} goes on").into());
        }
    }
    Ok(())
}

/// Whether a process ends in time; killed if it does not.
fn ends(child: &mut Child) -> std::io::Result<bool> {
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait()?.is_none() {
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(true)
}

/// The bullets that a case of this name checks.
fn obligations(name: &str) -> Vec<&'static str> {
    let cases = kit::cases::<Mutants>().into_iter();
    let named = cases.filter(|case| case.name() == name);
    named.map(|case| case.obligation()).collect()
}

/// Each mutant breaks what the contract says, word for word, and each bullet of it has a mutant that the bullet's own
/// cases catch.
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
            let breaks = |row: &&Row| {
                let mut named = row.cases.iter().flat_map(|case| obligations(case));
                row.item == item.name
                    && bullet.contains(row.breaks)
                    && named.any(|obligation| obligation == bullet)
            };
            if !ROWS.iter().any(|row| breaks(&row)) {
                problems.push(format!(
                    "no case catches a mutant of {}: {bullet}",
                    item.name
                ));
            }
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(problems.join("\n").into()),
    }
}

fn main() -> ExitCode {
    if let Ok(mutant) = std::env::var(MUTANT) {
        let row = ROWS.iter().find(|row| row.name == mutant);
        let defect = row.map(|row| row.defect);
        return Suite::new(SUITE, JournaledMutants { defect }).run();
    }
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
        Trial::test("mutants::orphans_end", check_orphans),
    ];
    for row in ROWS {
        let name = format!("mutants::{}::{}", row.item.replace("::", "."), row.name);
        trials.push(Trial::test(name, || check(row)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
