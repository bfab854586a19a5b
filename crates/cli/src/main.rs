//! The `quadrille` program: loading, matching, querying and checking quad stores from a shell.
//!
//! What flows in: a command line, files, standard input. What flows out: data on standard output, words for people on
//! standard error, an exit code. What always holds: one file per command; a command that reads never makes a store;
//! nothing but data is written to standard output.

mod backend_options;
mod bench;
mod checkpoint;
mod commands;
mod failure;
mod interrupt;
mod load_progress;
mod load_summary;
mod output;
mod pattern;
mod progress;
mod rejects;
mod source;

use clap::Parser;
use failure::Exit;
use std::process::ExitCode;

fn main() -> ExitCode {
    let command_line = match commands::CommandLine::try_parse() {
        Ok(command_line) => command_line,
        Err(error) => return show(&error),
    };
    let result = command_line.run();
    if output::pipe_was_closed() {
        return Exit::BrokenPipe.into();
    }
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report();
            failure.exit().into()
        }
    }
}

/// Shows help on standard output, or what is wrong with the command line on standard error.
fn show(error: &clap::Error) -> ExitCode {
    let is_help = !error.use_stderr();
    match error.print() {
        Err(error) if is_help && error.kind() == std::io::ErrorKind::BrokenPipe => {
            Exit::BrokenPipe.into()
        }
        _ if is_help => ExitCode::SUCCESS,
        _ => Exit::Usage.into(),
    }
}
