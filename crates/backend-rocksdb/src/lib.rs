//! The RocksDB backend of Quadrille: [`RocksDbBackend`], on `rocksdb`.
//!
//! What flows in: keyspaces, keys and values by the contract of `quadrille-backend`. What flows out: the same, lent
//! from RocksDB's iterators. What always holds: a keyspace is a column family; one process writes; RocksDB's own types
//! show in no public signature.
//!
//! On disk, a store is a folder with
//!
//! | name | what it holds |
//! |---|---|
//! | `rocksdb/` | the database: a column family for each keyspace, and `default` with the catalogue |
//! | `settings` | the settings that the store keeps, as text |
//! | `files.seal` | what the files were when the store was closed; absent while it is open, and after a crash |
//! | `ingest/` | files on their way into the database, while an ingest runs |
//! | `writer.lock` | who writes |
//!
//! What may be set, and what each word of durability may lose, is told at [`RocksDbOptions`]; who may open a store
//! beside whom, at [`RocksDbBackend`].
//!
//! | file | what it is for |
//! |---|---|
//! | `config` | what a user may set |
//! | `settings` | what of it a store keeps |
//! | `seal` | what the files were when the store was closed |
//! | `open_files` | how many files it may hold open |
//! | `engine` | the open database, its lock, its column families |
//! | `catalogue` | how many entries and bytes each keyspace holds |
//! | `backend` | the contract, on these |
//! | `ingest` | the bulk path |
//! | `snapshot`, `transaction` | reading and writing |
//! | `figures` | RocksDB's own properties |
//! | `error` | RocksDB's errors in the words of the contract |

mod backend;
mod catalogue;
mod config;
mod engine;
mod error;
mod figures;
mod ingest;
mod open_files;
mod seal;
mod settings;
mod snapshot;
mod transaction;

pub use backend::RocksDbBackend;
pub use config::{Compression, RocksDbOptions};
pub use figures::RocksDbFigures;
pub use snapshot::{RocksDbCursor, RocksDbSnapshot};
pub use transaction::RocksDbTransaction;
