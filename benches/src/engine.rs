//! What a step asks of an engine. In flow patterns and quads, out flow numbers of rows. Always holds: an engine decodes
//! every row it counts in [`Engine::scan`] to an [`oxrdf::Quad`], and does what a user of it would do to be fast.

use crate::answers::Row;
use oxrdf::Quad;
use quadrille_store::QuadPattern;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

/// The result of anything an engine does.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Why a query gave no answer.
#[derive(Debug)]
pub enum QueryStop {
    /// It took longer than it may.
    Timeout,
    /// The engine failed, or cannot do it.
    Failure(Box<dyn Error + Send + Sync>),
}

impl<E: Error + Send + Sync + 'static> From<E> for QueryStop {
    fn from(error: E) -> Self {
        Self::Failure(Box::new(error))
    }
}

/// What takes the rows of a query.
pub type OnRow<'a> = &'a mut dyn FnMut(Row<'_>);

/// What a commit is to survive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitSync {
    /// Loss of power: the engine waits for the disk at each commit.
    EachCommit,
    /// The death of the process: nothing waits for the disk.
    Never,
}

/// The size of one keyspace of a store.
#[derive(Clone, Debug)]
pub struct KeyspaceSize {
    /// Its name.
    pub name: String,
    /// The bytes of its keys and values.
    pub bytes: u64,
}

/// A quad store under test.
pub trait Engine: Sized {
    /// Opens the store in a folder, or a new one; engines in memory ignore the folder.
    ///
    /// # Errors
    /// When the engine cannot open it.
    fn open(folder: &Path, sync: CommitSync) -> Outcome<Self>;

    /// Whether its content outlives the process.
    fn is_persistent(&self) -> bool;

    /// Loads a file, whose extension tells its format, by the fastest way the engine has.
    ///
    /// # Errors
    /// What the engine fails with, as in all methods below.
    fn load(&self, file: &Path) -> Outcome<()>;

    /// Brings the store into the form in which it is smallest.
    ///
    /// # Errors
    /// What the engine fails with.
    fn compact(&self) -> Outcome<()>;

    /// The number of quads that match, each decoded to an [`oxrdf::Quad`]; stops at `limit`.
    ///
    /// # Errors
    /// What the engine fails with.
    fn scan(&self, pattern: &QuadPattern, limit: usize) -> Outcome<u64>;

    /// The number of quads that match, read as ids alone; `None` when the engine has no such thing.
    ///
    /// # Errors
    /// What the engine fails with.
    fn scan_ids(&self, pattern: &QuadPattern) -> Outcome<Option<u64>>;

    /// The number of quads that match, by the engine's fastest way to count.
    ///
    /// # Errors
    /// What the engine fails with.
    fn count(&self, pattern: &QuadPattern) -> Outcome<u64>;

    /// Runs a SPARQL query from its text to its last row, each decoded to `oxrdf` terms.
    ///
    /// # Errors
    /// When it fails, and when it takes longer than `limit`.
    fn query(&self, text: &str, limit: Duration, on_row: OnRow<'_>) -> Result<(), QueryStop>;

    /// The number of quads.
    ///
    /// # Errors
    /// What the engine fails with.
    fn quad_count(&self) -> Outcome<u64>;

    /// The first graph with its first quad, both decoded: the first row of `GRAPH ?g { ?s ?p ?o }`.
    ///
    /// # Errors
    /// What the engine fails with, and a store without named graphs.
    fn first_graph_row(&self) -> Outcome<Quad>;

    /// Inserts quads by one commit.
    ///
    /// # Errors
    /// What the engine fails with.
    fn insert(&self, quads: &[Quad]) -> Outcome<()>;

    /// Removes quads by one commit.
    ///
    /// # Errors
    /// What the engine fails with.
    fn remove(&self, quads: &[Quad]) -> Outcome<()>;

    /// The sizes of the engine's keyspaces, where it can tell.
    ///
    /// # Errors
    /// What the engine fails with.
    fn keyspaces(&self) -> Outcome<Vec<KeyspaceSize>>;

    /// Closes the store, everything written.
    ///
    /// # Errors
    /// What the engine fails with.
    fn close(self) -> Outcome<()>;
}
