//! `quadrille verify`: whether a store is whole.
//!
//! What flows in: a store. What flows out: one line a problem on standard output, a summary on standard error. What
//! always holds: nothing is written to the store; a store with problems ends with an exit code of its own.

use crate::failure::{Exit, Failure};
use crate::output;
use crate::source::StoreOption;
use clap::Args;
use indicatif::HumanCount;
use std::io::Write;

/// Check that a store is whole: indexes agree, checksums hold, every term is there
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  quadrille verify --store lmdb:./museum
  quadrille verify --store lmdb:./museum > problems.txt || echo \"exit code $?\"

Each problem is one line that names the keyspace and the key. Exit code 8 when there are any, 7 when the store is too \
damaged to be opened.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: StoreOption,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let report = arguments.store.open_for_reading()?.verify()?;
    let mut out = output::open(None);
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
