//! Measuring backends on data of the user's own: what `quadrille bench` does.
//!
//! What flows in: an RDF file, or the number of quads to generate, and the names of backends. What flows out: the same
//! figures for each backend. What always holds: each backend is measured in a process of its own, which does the same
//! work in the same order; inputs are made, and what is to be warm is warmed, before the clock starts.
//!
//! * `data` names the data; `rounds` runs the processes, in shuffled order, and gathers their figures.
//! * `engine` and `store` are what such a process does: bare keys and values, then quads.
//! * `timing` times calls; `report` shows all of it as a table or as JSON.

pub(crate) mod data;
mod engine;
mod queries;
pub(crate) mod report;
pub(crate) mod rounds;
mod sample;
mod store;
mod timing;

use crate::failure::Failure;
use quadrille::Location;
use quadrille::io::{ReadOptions, Source};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A backend to measure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BackendName {
    Memory,
    Lmdb,
    RocksDb,
}

impl BackendName {
    const ALL: [Self; 3] = [Self::Memory, Self::Lmdb, Self::RocksDb];

    /// The backends of this build.
    pub(crate) fn available() -> Vec<Self> {
        Self::ALL
            .into_iter()
            .filter(|name| name.is_available())
            .collect()
    }

    /// Whether this build has it.
    pub(crate) fn is_available(self) -> bool {
        self.within(Path::new("store")).is_available()
    }

    /// The location of a store of this backend in a folder.
    fn within(self, folder: &Path) -> Location {
        match self {
            Self::Memory => Location::Memory,
            Self::Lmdb => Location::Lmdb(folder.to_owned()),
            Self::RocksDb => Location::RocksDb(folder.to_owned()),
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Lmdb => "lmdb",
            Self::RocksDb => "rocksdb",
        }
    }
}

impl fmt::Display for BackendName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for BackendName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|name| name.as_str() == text);
        found.ok_or_else(|| {
            format!("no backend is called `{text}`: there are memory, lmdb and rocksdb")
        })
    }
}

/// What one process is to measure.
pub(crate) struct Work {
    pub(crate) backend: BackendName,
    /// Where its stores go; it is empty, and deleted afterwards.
    pub(crate) folder: PathBuf,
    /// The source of the data, opened once.
    pub(crate) source: Source,
    pub(crate) options: ReadOptions,
    /// Texts of queries, with the names of their files.
    pub(crate) queries: Vec<(String, String)>,
}

/// Where figures go, one by one.
type Emit<'a> = &'a mut dyn FnMut(quadrille_measure::Measurement);

/// Measures one backend in this process.
pub(crate) fn measure(work: Work, emit: Emit<'_>) -> Result<(), Failure> {
    let (backend, folder) = (work.backend, work.folder.clone());
    // The store first: what the bare engine leaves in the process would count as the store's memory.
    store::measure(work, emit)?;
    engine::measure(backend, &folder, emit)
}
