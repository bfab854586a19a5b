//! The command line: which commands there are, and what `--help` says of all of them together.
//!
//! What flows in: arguments. What flows out: one command, run. What always holds: each command lives in the file of its
//! name and has examples in its help.

mod bench;
mod check_files;
mod compact;
mod count;
mod dump;
mod inspect;
mod load;
#[path = "match.rs"]
mod match_quads;
mod query;
mod stats;
mod verify;

use crate::failure::{EXIT_CODES_HELP, Failure};
use clap::{Parser, Subcommand};

const ABOUT: &str = "\
Loads, matches, queries and checks RDF quad stores.

A store is `lmdb:PATH`, `rocksdb:PATH` (in builds with the cargo feature `rocksdb`) or `memory:`. Data goes to \
standard output, messages go to standard error.";

/// The whole command line.
#[derive(Parser, Debug)]
#[command(
    name = "quadrille",
    version,
    about = "Loads, matches, queries and checks RDF quad stores",
    long_about = ABOUT,
    after_long_help = EXIT_CODES_HELP,
    max_term_width = 110
)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Load(load::Arguments),
    Query(query::Arguments),
    Match(match_quads::Arguments),
    Count(count::Arguments),
    Dump(dump::Arguments),
    Stats(stats::Arguments),
    Verify(verify::Arguments),
    Compact(compact::Arguments),
    Inspect(inspect::Arguments),
    Bench(bench::Arguments),
    #[command(hide = true)]
    CheckFiles(check_files::Arguments),
}

impl CommandLine {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Load(arguments) => load::run(&arguments),
            Command::Query(arguments) => query::run(&arguments),
            Command::Match(arguments) => match_quads::run(arguments),
            Command::Count(arguments) => count::run(arguments),
            Command::Dump(arguments) => dump::run(arguments),
            Command::Stats(arguments) => stats::run(&arguments),
            Command::Verify(arguments) => verify::run(&arguments),
            Command::Compact(arguments) => compact::run(&arguments),
            Command::Inspect(arguments) => inspect::run(&arguments),
            Command::Bench(arguments) => bench::run(&arguments),
            Command::CheckFiles(arguments) => check_files::run(&arguments),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples_in_its_help() {
        for command in CommandLine::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string);
            let example = format!("quadrille {} ", command.get_name());
            assert!(
                help.is_some_and(|help| help.contains(&example)),
                "{}",
                command.get_name()
            );
        }
    }
}
