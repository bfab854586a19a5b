//! `quadrille verify`: whether a store is whole.
//!
//! The files are checked first, by a process of its own that runs the hidden command `check-files`: a store whose pages
//! are damaged is not opened here, because opening it could end this process.
//!
//! What flows in: a store. What flows out: one line a problem on standard output, a summary on standard error. What
//! always holds: nothing is written to the store; a store with problems ends with an exit code of its own.

use crate::failure::{Exit, Failure};
use crate::output;
use crate::source::StoreOption;
use clap::Args;
use indicatif::HumanCount;
use quadrille::Location;
use std::io::Write;
use std::process::{Command, Stdio};

/// Check that a store is whole: indexes agree, checksums hold, every term is there
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  quadrille verify --store lmdb:./museum
  quadrille verify --store lmdb:./museum > problems.txt || echo \"exit code $?\"

Each problem is one line that names the keyspace and the key, or the file and the page. Exit code 8 when there are any, 7 when the store is too \
damaged to be opened.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: StoreOption,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    check_files(&arguments.store.store)?;
    let report = arguments.store.open_for_reading()?.verify()?;
    let mut out = output::open();
    for problem in &report.problems {
        writeln!(out, "{problem}").map_err(output::write_failed)?;
    }
    output::finish(out)?;
    let location = &arguments.store.store;
    if !report.is_sound() {
        return Err(Failure::new(
            Exit::ProblemsFound,
            format!("{location} has {} problems", report.problems.len()),
        ));
    }
    output::note(format_args!(
        "{location} is whole: {} quads, {} terms, {} blocks",
        HumanCount(report.quads),
        HumanCount(report.terms),
        HumanCount(report.blocks)
    ));
    Ok(())
}

/// Has another process check the files, whose problems go to standard output as our own do.
fn check_files(location: &Location) -> Result<(), Failure> {
    let cannot = |error| Failure::io("cannot start the check of the files", error);
    let checked = Command::new(std::env::current_exe().map_err(cannot)?)
        .args(["check-files", "--store"])
        .arg(location.to_string())
        .stdin(Stdio::null())
        .output()
        .map_err(cannot)?;
    let mut out = output::open();
    out.write_all(&checked.stdout)
        .map_err(output::write_failed)?;
    output::finish(out)?;
    if checked.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&checked.stderr);
    let words = words.trim_end().trim_start_matches("error: ");
    Err(match checked.status.code() {
        Some(code) => Failure::new(Exit::from_code(code), words),
        None => Failure::new(
            Exit::ProblemsFound,
            format!(
                "the check of the files of {location} was killed: {}",
                checked.status
            ),
        ),
    })
}
