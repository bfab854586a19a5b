//! The conformance suite of the storage contract: one list of named cases, run on any backend.
//!
//! What flows in: a [`Factory`] that opens stores of the backend under test. What flows out: a test for each [`Case`],
//! named `suite::group::case`, which fails when the backend breaks the obligation that the case checks. What always
//! holds: the obligations are the bullets of the contract; a case that a backend cannot run is shown as ignored, with
//! the reason, never left out.
//!
//! # Five lines for a backend of one's own
//!
//! In `Cargo.toml`, a test `conformance` with `harness = false`; in `tests/conformance.rs`, for a backend with a function
//! `open` that takes a folder:
//!
//! ```no_run
//! # struct MyBackend;
//! # impl MyBackend {
//! #     fn open(_folder: &std::path::Path) -> quadrille_backend::StorageResult<quadrille_backend::InMemoryBackend> {
//! #         Ok(quadrille_backend::InMemoryBackend::new())
//! #     }
//! # }
//! use quadrille_backend_testkit::Suite;
//!
//! fn main() -> std::process::ExitCode {
//!     Suite::new("mine", MyBackend::open).run()
//! }
//! ```
//!
//! Beside the suite stand two doubles over any backend: [`Mirror`], which compares two, and [`Faulty`], which fails when
//! told to. With the cargo feature `store` there is a second storey, `store`, which runs quad stores on the backend in as
//! many lines. How to write a backend and what to run on it is told in the [`guide`].
//!
//! A type that implements [`Factory`] tells two ways more to open the backend, which not every backend has, and gives the
//! cases about them something to run on:
//!
//! ```
//! use quadrille_backend::{InMemoryBackend, InMemoryOptions, StorageResult};
//! use quadrille_backend_testkit::{Factory, Outcome, cases};
//! use std::path::Path;
//!
//! #[derive(Clone, Copy)]
//! struct MyFactory;
//!
//! impl Factory for MyFactory {
//!     type Backend = InMemoryBackend;
//!
//!     fn open(&self, _folder: &Path) -> StorageResult<InMemoryBackend> {
//!         Ok(InMemoryBackend::new())
//!     }
//!
//!     fn open_small(&self, _: &Path, bytes: usize) -> Option<StorageResult<InMemoryBackend>> {
//!         let options = InMemoryOptions::new().bytes_max(bytes as u64);
//!         Some(Ok(InMemoryBackend::with_options(options)))
//!     }
//! }
//!
//! // A case can also be run on its own.
//! let cases = cases::<MyFactory>();
//! let case = cases.iter().find(|case| case.name() == "room::what_finds_no_room_is_full");
//! let outcome = case.expect("it is in the list").run(MyFactory)?;
//! assert_eq!(outcome, Outcome::Passed);
//! # Ok::<(), quadrille_backend::StorageError>(())
//! ```
//!
//! The arguments are those of any test program: a part of a name runs the cases that have it, `--list` shows all.
//! Random cases have fixed seeds; `PROPTEST_CASES` and `PROPTEST_RNG_SEED` change their number and their course.

#[doc = include_str!("../guide.md")]
pub mod guide {}

mod cases;
pub mod child;
mod context;
mod doubles;
mod faulty;
mod list;
mod mirror;
mod nobody;
mod sample;
pub mod small_disk;
#[cfg(feature = "store")]
pub mod store;
mod suite;
mod tasks;

pub use context::Factory;
pub use doubles::{FaultyOf, MirrorOf};
pub use faulty::{
    Fault, Faults, Faulty, FaultyCursor, FaultySnapshot, FaultyTransaction, Moment, Operation,
};
pub use list::{Case, Outcome, cases};
pub use mirror::{Mirror, MirrorCursor, MirrorSnapshot, MirrorTransaction};
pub use suite::{Suite, run_all};
