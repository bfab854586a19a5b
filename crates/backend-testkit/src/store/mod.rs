//! The second storey: cases that run a quad store on the backend under test, with the cargo feature `store`.
//!
//! What flows in: the [`Factory`] that the first storey takes. What flows out: a test for each
//! [`StoreCase`], named `suite::group::case`, which fails when the store does not do what it should. What always holds:
//! what a case says about a store also holds after the store was closed and opened again; a case that a backend cannot
//! run is shown as ignored, with the reason.
//!
//! ```no_run
//! # use quadrille_backend::{InMemoryBackend, StorageResult};
//! # fn open(_folder: &std::path::Path) -> StorageResult<InMemoryBackend> {
//! #     Ok(InMemoryBackend::new())
//! # }
//! use quadrille_backend_testkit::store::StoreSuite;
//!
//! fn main() -> std::process::ExitCode {
//!     StoreSuite::new("mine", open).run()
//! }
//! ```
#![allow(
    clippy::unwrap_used,
    reason = "what cannot be prepared is a failed test"
)]

mod damage;
mod faults;
mod home;
mod model;
mod suite;
pub mod support;
mod terms;

pub use home::Home;
pub use suite::{StoreCase, StoreContext, StoreSuite};

use crate::context::Factory;

macro_rules! list {
    ($($needs:ident $group:ident { $($case:ident),* $(,)? })*) => {
        vec![$($(case!(
            $needs,
            StoreCase::new(concat!(stringify!($group), "::", stringify!($case)), $group::$case)
        ),)*)*]
    };
}

macro_rules! case {
    (Nothing, $case:expr) => {
        $case
    };
    (Files, $case:expr) => {
        $case.needs_files()
    };
}

/// Every case of the second storey.
#[must_use]
pub fn store_cases<F: Factory>() -> Vec<StoreCase<F>> {
    list! {
        Nothing model {
            all_sixteen_patterns_of_a_loaded_and_changed_store,
            random_operations_agree_with_the_model,
        }
        Nothing terms {
            a_literal_of_ten_megabytes,
            very_long_iris,
            literals_of_every_size,
            odd_unicode,
            nested_triple_terms,
            base_directions,
        }
        Nothing damage {
            every_keyspace_of_the_sample_holds_entries,
            a_flipped_byte_is_found_and_named,
            a_dropped_entry_is_found_and_named,
            an_entry_under_another_key_or_in_another_keyspace_is_found,
            inspecting_a_damaged_store_goes_on,
        }
        Files damage {
            damage_is_found_after_reopening,
        }
        Nothing faults {
            a_load_is_whole_or_not_there,
            a_transaction_is_whole_or_not_there,
            a_fold_changes_nothing,
            a_compaction_changes_nothing,
            an_opening_can_be_done_again,
        }
    }
}
