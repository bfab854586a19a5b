//! Options of storage backends on the command line: `--backend-option NAME=VALUE` and `--durability`.
//!
//! What flows in: names and values as typed, and the location of a store. What flows out: the settings of its backend.
//! What always holds: an option has the name that the library gives it, so that the library's words about its range fit
//! what was typed; each backend has one table, in the file of its name, which parsing, errors and help are made from; an
//! option that would have no effect is refused.

#[cfg(feature = "lmdb")]
mod lmdb;
mod memory;
#[cfg(feature = "rocksdb")]
mod rocksdb;
mod table;
pub(crate) mod value;

use crate::failure::Failure;
use clap::{Args, ValueEnum};
use quadrille::backend::Durability;
use quadrille::{InMemoryOptions, Location, OpenMode, OpenOptions};
use std::fmt::Write;
use std::str::FromStr;
use table::set_all;

/// The options of a store's backend.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct BackendOptions {
    /// Set an option of the storage backend, such as map_bytes=64GiB (--help lists them); can be given several times
    #[arg(long = "backend-option", value_name = "NAME=VALUE", long_help = long_help())]
    settings: Vec<Setting>,
}

/// What was typed for one option.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Setting {
    name: String,
    value: String,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err("an option is written NAME=VALUE, such as map_bytes=64GiB".to_owned()),
        }
    }
}

impl BackendOptions {
    /// How to open the store at a location.
    pub(crate) fn for_store(
        &self,
        location: &Location,
        mode: OpenMode,
    ) -> Result<OpenOptions, Failure> {
        let options = OpenOptions::new().mode(mode);
        let settings = &self.settings;
        Ok(match location {
            Location::Memory => {
                let own = set_all(memory::OPTIONS, settings, mode, InMemoryOptions::new())?;
                options.memory(own)
            }
            #[cfg(feature = "lmdb")]
            Location::Lmdb(_) => {
                let own = set_all(lmdb::OPTIONS, settings, mode, quadrille::LmdbOptions::new())?;
                options.lmdb(own)
            }
            #[cfg(feature = "rocksdb")]
            Location::RocksDb(_) => {
                let own = quadrille::RocksDbOptions::new();
                options.rocksdb(set_all(rocksdb::OPTIONS, settings, mode, own)?)
            }
            // Not in this build, as opening will say.
            _ => options,
        })
    }
}

/// What `--help` says: all options of all backends of this build.
fn long_help() -> String {
    let mut text = "Set an option of the storage backend, such as map_bytes=64GiB; can be given several times, the last \
         one of a name counts."
        .to_owned();
    let mut add = |table: String| {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n\n{table}");
    };
    add(memory::OPTIONS.help());
    #[cfg(feature = "lmdb")]
    add(lmdb::OPTIONS.help());
    #[cfg(feature = "rocksdb")]
    add(rocksdb::OPTIONS.help());
    text.push_str(
        "\n\nA SIZE is written as 512MiB or 64GiB, a DURATION as 500ms or 2s. What has * matters when the store is \
         written only, and is refused elsewhere.",
    );
    text
}

/// What commits survive.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct DurabilityOption {
    /// What a commit of this command survives
    #[arg(long, value_name = "WORD", default_value = "durable")]
    durability: Word,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Word {
    /// Loss of power
    Durable,
    /// Loss of power may cost the last commits, but what is left is whole
    Prefix,
    /// A crash may cost commits, and on LMDB the store: for what can be loaded again
    Unsafe,
}

impl DurabilityOption {
    /// In the words of the library.
    pub(crate) fn durability(self) -> Durability {
        match self.durability {
            Word::Durable => Durability::Durable,
            Word::Prefix => Durability::Prefix,
            Word::Unsafe => Durability::Unsafe,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_a_name_and_a_value() {
        let setting = |name: &str, value: &str| Setting {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        for (text, expected) in [
            ("map_bytes=64GiB", setting("map_bytes", "64GiB")),
            ("a=b=c", setting("a", "b=c")),
            ("a=", setting("a", "")),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for text in ["", "map_bytes", "=64GiB"] {
            let error = text.parse::<Setting>().expect_err(text);
            assert!(error.contains("NAME=VALUE"), "{error}");
        }
    }

    #[test]
    fn help_lists_every_backend() {
        let help = long_help();
        assert!(help.contains("memory:\n"), "{help}");
        assert_eq!(help.contains("map_bytes_max"), cfg!(feature = "lmdb"));
        assert_eq!(help.contains("compression"), cfg!(feature = "rocksdb"));
    }
}
