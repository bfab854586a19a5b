//! Loads whose text is cut far more often than programs want, for fuzzers: no part of what programs may use.

use crate::error::LoadError;
use crate::load::LoadObserver;
use crate::pipeline::{NoKeeper, SourceLoad, load_source};
use crate::read::{Progress, ReadOptions};
use crate::source::Source;
use quadrille_store::{LoadReport, QuadStore, StorageBackend};

struct Silent;

impl LoadObserver for Silent {
    fn progress(&mut self, _: &Progress<'_>) {}
}

/// Loads a source whose statements are cut into chunks of about so many bytes.
///
/// # Errors
/// As those of [`load_into`](crate::load_into).
pub fn load_in_chunks<B: StorageBackend>(
    store: &QuadStore<B>,
    source: Source,
    options: &ReadOptions,
    chunk_bytes: usize,
) -> Result<LoadReport, LoadError> {
    let mut load = store.bulk_load_within(options.context.clone())?;
    let how = SourceLoad {
        store,
        options,
        number: 0,
        from: None,
        chunk_bytes,
    };
    load_source(&mut load, source, how, &mut Silent, &mut NoKeeper)?;
    Ok(load.finish()?)
}
