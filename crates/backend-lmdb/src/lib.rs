//! The LMDB backend of Quadrille: [`LmdbBackend`], on `heed`.
//!
//! What flows in: keyspaces, keys and values by the contract of `quadrille-backend`. What flows out: the same, lent
//! from the memory map without copies. What always holds: one process writes, any number read; a snapshot is one LMDB
//! read transaction; LMDB's own types show in no public signature.
//!
//! | file | what it is for |
//! |---|---|
//! | `config` | what a user may set |
//! | `engine` | the open environment, its locks, its transactions |
//! | `catalogue` | which keyspace lives in which physical database |
//! | `backend` | the contract, on these |
//! | `ingest` | the bulk path |
//! | `snapshot`, `transaction` | reading and writing |
//! | `pages` | checking the file without the map |
//! | `key` | LMDB has no empty key; here is how there is one |
//! | `error` | LMDB's errors in the words of the contract |

mod backend;
mod catalogue;
mod config;
mod engine;
mod error;
mod ingest;
mod key;
mod pages;
mod snapshot;
mod transaction;

pub use backend::LmdbBackend;
pub use config::LmdbOptions;
pub use pages::{PageFault, PagesReport, check_pages};
pub use snapshot::{LmdbCursor, LmdbSnapshot};
pub use transaction::LmdbTransaction;
