//! `quadrille compact`: a store rewritten without what deletions and small commits left behind.
//!
//! What flows in: a store. What flows out: the same quads in less space, and one line on standard error. What always
//! holds: the store is whole at every moment; a crash leaves it as it was.

use crate::backend_options::DurabilityOption;
use crate::failure::Failure;
use crate::output;
use crate::source::StoreOption;
use clap::Args;
use indicatif::HumanBytes;
use quadrille::OpenMode;
use quadrille::backend::StorageBackend;

/// Rewrite a store in as little space as it needs
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  quadrille compact --store lmdb:./museum

The store needs about its own size of free space while this runs.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: StoreOption,
    #[command(flatten)]
    durability: DurabilityOption,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let location = &arguments.store;
    let store =
        location.open_for_writing(OpenMode::MustExist, arguments.durability, |options| options)?;
    let before = store.backend().stats()?.disk_bytes;
    store.compact()?;
    let after = store.backend().stats()?.disk_bytes;
    store.close()?;
    output::note(format_args!(
        "compacted {}: {} on disk before, {} after",
        arguments.store.store,
        HumanBytes(before),
        HumanBytes(after)
    ));
    Ok(())
}
