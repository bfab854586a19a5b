//! The settings that a store keeps: those that shape its files, and how its log was last written.
//!
//! They lie in a small text file beside the database, because RocksDB must know them before it opens. A store without
//! the file has the default settings. What always holds: the file is replaced whole, and before the first commit that
//! is made by it.

use crate::config::{Compression, RocksDbOptions};
use quadrille_backend::{Durability, StorageError, StorageResult, sync_folder};
use std::fs::{self, File};
use std::io::{ErrorKind as IoErrorKind, Write};
use std::path::Path;

/// The name of the file in the folder of a store.
pub(crate) const SETTINGS_FILE: &str = "settings";
/// The name of the file that is about to replace it.
pub(crate) const NEW_SETTINGS_FILE: &str = "settings.new";

/// What is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Settings {
    pub(crate) compression: Compression,
    pub(crate) block_bytes: usize,
    pub(crate) filter_bits_per_key: u32,
    /// How the process that last opened the store for writing wrote its log.
    pub(crate) log: Durability,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            compression: Compression::default(),
            block_bytes: 4096,
            filter_bits_per_key: 10,
            log: Durability::Durable,
        }
    }
}

impl Settings {
    /// What a store has once it is opened with options: they replace what they name.
    pub(crate) fn with(self, options: &RocksDbOptions) -> Self {
        Self {
            compression: options.compression.unwrap_or(self.compression),
            block_bytes: options.block_bytes.unwrap_or(self.block_bytes),
            filter_bits_per_key: options
                .filter_bits_per_key
                .unwrap_or(self.filter_bits_per_key),
            log: options.durability,
        }
    }

    fn encode(self) -> String {
        format!(
            "compression {}\nblock_bytes {}\nfilter_bits_per_key {}\nlog {}\n",
            self.compression.name(),
            self.block_bytes,
            self.filter_bits_per_key,
            log_name(self.log),
        )
    }

    fn decode(text: &str) -> Option<Self> {
        let mut values = text
            .lines()
            .map(|line| line.split_once(' ').unwrap_or((line, "")));
        let mut value = |name| {
            values
                .next()
                .filter(|line| line.0 == name)
                .map(|line| line.1)
        };
        Some(Self {
            compression: Compression::from_name(value("compression")?)?,
            block_bytes: value("block_bytes")?.parse().ok()?,
            filter_bits_per_key: value("filter_bits_per_key")?.parse().ok()?,
            log: log_of_name(value("log")?)?,
        })
    }

    /// Reads those of a folder; the default where there is no file.
    pub(crate) fn read(folder: &Path) -> StorageResult<Self> {
        let path = folder.join(SETTINGS_FILE);
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                let message = format!("cannot read {}", path.display());
                return Err(StorageError::from_io(message, error));
            }
        };
        let checked = Self::decode(&text).filter(|settings| {
            let options = RocksDbOptions::new()
                .block_bytes(settings.block_bytes)
                .filter_bits_per_key(settings.filter_bits_per_key);
            options.check().is_ok()
        });
        checked.ok_or_else(|| {
            StorageError::corrupted(format!(
                "{} does not hold the settings of a store (without it, the defaults apply)",
                path.display()
            ))
        })
    }

    /// Stores them in a folder.
    pub(crate) fn write(self, folder: &Path) -> StorageResult<()> {
        let new = folder.join(NEW_SETTINGS_FILE);
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(self.encode().as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, folder.join(SETTINGS_FILE))
        };
        write().map_err(|error| {
            StorageError::from_io(format!("cannot write {}", new.display()), error)
        })?;
        sync_folder(folder)
    }
}

fn log_name(log: Durability) -> &'static str {
    match log {
        Durability::Durable => "durable",
        Durability::Prefix => "prefix",
        Durability::Unsafe => "unsafe",
    }
}

fn log_of_name(name: &str) -> Option<Durability> {
    let all = [Durability::Durable, Durability::Prefix, Durability::Unsafe];
    all.into_iter().find(|log| log_name(*log) == name)
}
