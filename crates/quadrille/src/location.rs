//! Where a store is: `memory:`, `lmdb:PATH` or `rocksdb:PATH`.
//!
//! What flows in: the text a person typed. What flows out: a [`Location`], or an error that says what to type. What
//! always holds: every location parses in every build; whether its backend is compiled in is asked when it is opened.

use quadrille_backend::StorageError;
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A storage engine that keeps its store in a folder.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Engine {
    Lmdb,
    RocksDb,
}

impl Engine {
    const ALL: [Self; 2] = [Self::Lmdb, Self::RocksDb];

    /// The word before the colon in a location, which is also the name of the cargo feature.
    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::Lmdb => "lmdb",
            Self::RocksDb => "rocksdb",
        }
    }

    /// The engine's name as people write it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Lmdb => "LMDB",
            Self::RocksDb => "RocksDB",
        }
    }

    /// The file that every store of this engine has, and none of the other.
    fn marker(self) -> &'static str {
        match self {
            Self::Lmdb => "data.mdb",
            Self::RocksDb => "rocksdb/CURRENT",
        }
    }

    /// The engine whose files a folder holds, if any.
    pub(crate) fn found_in(folder: &Path) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|engine| folder.join(engine.marker()).is_file())
    }
}

/// Where a store is and which backend keeps it.
///
/// ```
/// use quadrille::Location;
///
/// let location: Location = "lmdb:./museum".parse()?;
/// assert_eq!(location.path(), Some(std::path::Path::new("./museum")));
/// assert_eq!(location.to_string(), "lmdb:./museum");
/// assert!("./museum".parse::<Location>().is_err());
/// # Ok::<(), quadrille::LocationError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Location {
    /// `memory:`, a store that is empty when opened and gone with the process.
    Memory,
    /// `lmdb:PATH`, an LMDB environment in a folder.
    Lmdb(PathBuf),
    /// `rocksdb:PATH`, a RocksDB database in a folder.
    RocksDb(PathBuf),
}

impl Location {
    /// The folder of the store; `None` for a store in memory.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Memory => None,
            Self::Lmdb(path) | Self::RocksDb(path) => Some(path),
        }
    }

    /// Whether its backend is compiled into this program.
    #[must_use]
    pub fn is_available(&self) -> bool {
        match self {
            Self::Memory => true,
            Self::Lmdb(_) => cfg!(feature = "lmdb"),
            Self::RocksDb(_) => cfg!(feature = "rocksdb"),
        }
    }

    pub(crate) fn engine(&self) -> Option<Engine> {
        match self {
            Self::Memory => None,
            Self::Lmdb(_) => Some(Engine::Lmdb),
            Self::RocksDb(_) => Some(Engine::RocksDb),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.engine(), self.path()) {
            (Some(engine), Some(path)) => {
                write!(formatter, "{}:{}", engine.scheme(), path.display())
            }
            _ => formatter.write_str("memory:"),
        }
    }
}

/// A text that is no location, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocationError(String);

impl fmt::Display for LocationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for LocationError {}

impl From<LocationError> for StorageError {
    fn from(error: LocationError) -> Self {
        Self::misuse(error.0)
    }
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        let Some((scheme, path)) = text.split_once(':') else {
            return Err(without_scheme(text));
        };
        match (scheme, path) {
            ("memory", "") => Ok(Self::Memory),
            ("memory", path) => Err(LocationError(format!(
                "a store in memory has no path: write `memory:` instead of `memory:{path}`"
            ))),
            ("lmdb" | "rocksdb", "") => Err(LocationError(format!(
                "`{scheme}:` needs the path of a folder behind it, such as `{scheme}:./museum`"
            ))),
            ("lmdb", path) => Ok(Self::Lmdb(path.into())),
            ("rocksdb", path) => Ok(Self::RocksDb(path.into())),
            _ => Err(LocationError(format!(
                "no backend is called `{scheme}`: a location is `memory:`, `lmdb:PATH` or `rocksdb:PATH`"
            ))),
        }
    }
}

/// The error for a bare path, with a guess from what lies there.
fn without_scheme(text: &str) -> LocationError {
    let hint = match Engine::found_in(Path::new(text)) {
        Some(engine) => format!(
            "; that folder holds a {} store: write `{}:{text}`",
            engine.title(),
            engine.scheme()
        ),
        None => String::new(),
    };
    LocationError(format!(
        "`{text}` does not say which backend: a location is `memory:`, `lmdb:PATH` or `rocksdb:PATH`{hint}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_parse_and_print_alike() {
        for text in ["memory:", "lmdb:./museum", "rocksdb:/var/lib/a:b"] {
            let location: Location = text.parse().expect(text);
            assert_eq!(location.to_string(), text);
        }
        let parsed: Location = "rocksdb:/var/lib/a:b".parse().expect("a path with a colon");
        assert_eq!(parsed, Location::RocksDb("/var/lib/a:b".into()));
    }

    #[test]
    fn what_is_no_location_says_what_to_write() {
        for (text, expected) in [
            ("museum", "`lmdb:PATH`"),
            ("", "does not say which backend"),
            ("lmdb:", "`lmdb:./museum`"),
            ("rocksdb:", "`rocksdb:./museum`"),
            ("memory:x", "no path"),
            ("sled:x", "no backend is called `sled`"),
            ("LMDB:x", "no backend is called `LMDB`"),
        ] {
            let error = text.parse::<Location>().expect_err(text);
            assert!(error.to_string().contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_bare_path_that_holds_a_store_is_recognised() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("rocksdb")).expect("a folder");
        std::fs::write(folder.path().join("rocksdb/CURRENT"), "").expect("a file");
        let text = folder.path().to_str().expect("a UTF-8 path");
        let error = text.parse::<Location>().expect_err("a bare path");
        assert!(
            error.to_string().contains(&format!("`rocksdb:{text}`")),
            "{error}"
        );
    }
}
