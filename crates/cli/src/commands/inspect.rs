//! `quadrille inspect`: what a store is made of, below quads and terms.
//!
//! What flows in: a store, and a keyspace if one is asked for. What flows out: text about the root record, the keyspaces,
//! the entries of one keyspace or the encodings of the indexes. What always holds: nothing is written to the store.

use crate::failure::Failure;
use crate::output;
use crate::source::StoreOption;
use clap::Args;
use quadrille::{AnyBackend, InspectTarget, QuadStore};
use std::io::Write;

/// Show the root record and the keyspaces of a store, the entries of one keyspace or the encodings of the indexes
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  quadrille inspect --store lmdb:./museum
  quadrille inspect --store lmdb:./museum --keyspace spoc --limit 5
  quadrille inspect --store lmdb:./museum --encodings

A keyspace is named by its role (spoc, spoc.summary, terms, log, ...) or by its full name, as the list shows it. \
Entries that are damaged are shown as such.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: StoreOption,
    /// Show the entries of this keyspace
    #[arg(long, value_name = "NAME")]
    keyspace: Option<String>,
    /// Show how each column of the indexes is encoded, and how many bytes that takes
    #[arg(long, conflicts_with = "keyspace")]
    encodings: bool,
    /// Show at most so many entries
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    limit: usize,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let store = arguments.store.open_for_reading()?;
    let targets = match &arguments.keyspace {
        Some(name) => vec![InspectTarget::Entries {
            role: role_of(&store, name)?,
            limit: arguments.limit,
        }],
        None if arguments.encodings => vec![InspectTarget::Encodings],
        None => vec![InspectTarget::Root, InspectTarget::Keyspaces],
    };
    let mut out = output::open();
    for (number, target) in targets.iter().enumerate() {
        if number > 0 {
            writeln!(out).map_err(output::write_failed)?;
        }
        store.inspect(target, &mut out)?;
    }
    output::finish(out)
}

/// The role of the keyspace with this full name; any other name is taken for a role.
fn role_of(store: &QuadStore<AnyBackend>, name: &str) -> Result<String, Failure> {
    let keyspaces = store.statistics()?.keyspaces;
    let named = keyspaces.iter().find(|keyspace| keyspace.name == name);
    Ok(named.map_or(name, |keyspace| keyspace.role).to_owned())
}
