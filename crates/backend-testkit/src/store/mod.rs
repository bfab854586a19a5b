//! The second storey: cases that run a quad store on the backend under test, with the cargo feature `store`.
//!
//! What flows in: a [`Home`], a place where one store lives from one opening to the next. What flows out: [`StoreCase`]s,
//! each a name `group::case` and a function that panics when the store does not do what it should. What always holds:
//! what a case says about a store also holds after the store was closed and opened again.
//!
//! ```
//! use quadrille_backend::{InMemoryBackend, StorageResult};
//! use quadrille_backend_testkit::store::{Home, store_cases};
//! use std::{path::Path, sync::Arc};
//!
//! struct Mine(Arc<InMemoryBackend>);
//!
//! impl Home for Mine {
//!     type Backend = Arc<InMemoryBackend>;
//!     const NAME: &'static str = "mine";
//!     const CASES: u32 = 20;
//!
//!     fn empty() -> StorageResult<Self> {
//!         Ok(Self(Arc::default()))
//!     }
//!
//!     fn open(&self) -> StorageResult<Self::Backend> {
//!         Ok(Arc::clone(&self.0))
//!     }
//!
//!     fn folder(&self) -> Option<&Path> {
//!         None
//!     }
//! }
//!
//! for case in store_cases::<Mine>() {
//!     if case.name() == "terms::odd_unicode" {
//!         case.run();
//!     }
//! }
//! ```
#![allow(
    clippy::unwrap_used,
    reason = "what cannot be prepared is a failed test"
)]

mod faults;
mod model;
pub mod support;
mod terms;

use quadrille_backend::{StorageBackend, StorageResult};
use std::path::Path;

/// A place where one store lives from one opening to the next.
pub trait Home: Send + 'static {
    /// The backend that keeps the store.
    type Backend: StorageBackend;
    /// The first part of the names of its tests.
    const NAME: &'static str;
    /// How many random cases fit the time of a test run: opening and changing keyspaces costs each backend differently.
    const CASES: u32;

    /// A place with nothing in it.
    ///
    /// # Errors
    /// `Io` when there is no temporary folder.
    fn empty() -> StorageResult<Self>
    where
        Self: Sized;

    /// Opens the backend; the one opened before must be gone. Commits do not wait for the disk.
    ///
    /// # Errors
    /// What the backend fails with.
    fn open(&self) -> StorageResult<Self::Backend>;

    /// The folder of a backend that keeps files.
    fn folder(&self) -> Option<&Path>;
}

/// One thing that a store must do on every backend, and how to check it.
#[derive(Clone, Copy, Debug)]
pub struct StoreCase {
    name: &'static str,
    body: fn(),
}

impl StoreCase {
    /// The name, `group::case`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs it in places of its own.
    ///
    /// # Panics
    /// When the store does otherwise than it should.
    pub fn run(&self) {
        (self.body)();
    }
}

macro_rules! list {
    ($home:ty, $($group:ident { $($case:ident),* $(,)? })*) => {
        vec![$($(StoreCase {
            name: concat!(stringify!($group), "::", stringify!($case)),
            body: $group::$case::<$home>,
        },)*)*]
    };
}

/// Every case of the second storey.
#[must_use]
pub fn store_cases<H: Home>() -> Vec<StoreCase> {
    list! { H,
        faults {
            a_load_is_whole_or_not_there,
            a_transaction_is_whole_or_not_there,
            a_fold_changes_nothing,
            a_compaction_changes_nothing,
            an_opening_can_be_done_again,
        }
        model {
            random_operations_agree_with_the_model,
        }
        terms {
            a_literal_of_ten_megabytes,
            very_long_iris,
            literals_of_every_size,
            odd_unicode,
            nested_triple_terms,
            base_directions,
        }
    }
}
