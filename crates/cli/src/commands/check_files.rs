//! `quadrille check-files`: whether the files of a store are sound, without opening it. `verify` runs it.
//!
//! What flows in: a store. What flows out: one line a problem on standard output, a summary on standard error. What
//! always holds: the store is not opened.

use crate::failure::{Exit, Failure};
use crate::output;
use clap::Args;
use indicatif::HumanCount;
use quadrille::Location;
use std::io::Write;

/// Check the files of a store by reading them, without opening it
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  quadrille check-files --store lmdb:./museum

`quadrille verify` does this first. Exit code 8 when there are problems.")]
pub(crate) struct Arguments {
    /// The store: `lmdb:PATH` or `rocksdb:PATH`
    #[arg(long, value_name = "LOCATION")]
    store: Location,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let location = &arguments.store;
    let Some(report) = quadrille::check_files(location)? else {
        output::note(format_args!(
            "{location}: this backend has no check of its files"
        ));
        return Ok(());
    };
    let mut out = output::open();
    for problem in &report.problems {
        writeln!(out, "{problem}").map_err(output::write_failed)?;
    }
    output::finish(out)?;
    if !report.is_sound() {
        let count = report.problems.len() as u64 + report.problems_left_out;
        return Err(Failure::new(
            Exit::ProblemsFound,
            format!("the files of {location} have {count} problems; it was not opened"),
        ));
    }
    output::note(format_args!(
        "the files of {location} are sound: {} pages, {} free",
        HumanCount(report.pages_checked),
        HumanCount(report.pages_free)
    ));
    Ok(())
}
