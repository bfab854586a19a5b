//! What cases about stores share: terms, opening and closing, and the contents of a snapshot or of a backend.

use super::Home;
use crate::Factory;
use oxrdf::{NamedNode, Quad};
use quadrille_backend::{Keyspace, StorageBackend};
use quadrille_store::{QuadPattern, QuadStore, Snapshot, StoreOptions};
use std::sync::Arc;

/// An IRI of some kind of thing.
///
/// # Panics
/// When the kind cannot stand in an IRI.
pub fn node(kind: &str, number: usize) -> NamedNode {
    NamedNode::new(format!("http://example.org/{kind}/{number}")).unwrap()
}

/// Settings that make blocks and chunks of a few quads and terms.
#[must_use]
pub fn tiny() -> StoreOptions {
    StoreOptions {
        block_bytes: Some(300),
        chunk_bytes: Some(300),
        ..StoreOptions::default()
    }
}

/// Opens the store of a place.
///
/// # Panics
/// When it does not open.
pub fn open<F: Factory>(home: &Home<F>, options: &StoreOptions) -> QuadStore<Arc<F::Backend>> {
    QuadStore::open_with(home.open().unwrap(), options.clone()).unwrap()
}

/// Closes the store and its backend, and opens both again. What is kept in memory has no files to be opened again; its
/// backend stays.
///
/// # Panics
/// When it does not close or open.
pub fn reopen<F: Factory>(
    home: &Home<F>,
    store: QuadStore<Arc<F::Backend>>,
    options: &StoreOptions,
) -> QuadStore<Arc<F::Backend>> {
    close(store);
    open(home, options)
}

/// Closes a store, unless closing would be the end of what it holds.
///
/// # Panics
/// When it does not close.
pub fn close<B: StorageBackend>(store: QuadStore<B>) {
    if store.backend().capabilities().persistent {
        store.close().unwrap();
    }
}

/// The quads that match a pattern, sorted as text.
///
/// # Panics
/// When they cannot be read.
pub fn matching<B: StorageBackend>(snapshot: &Snapshot<B>, pattern: &QuadPattern) -> Vec<String> {
    sorted(
        snapshot
            .match_quads(pattern)
            .unwrap()
            .map(|quad| quad.unwrap()),
    )
}

/// Quads as sorted text.
pub fn sorted(quads: impl IntoIterator<Item = Quad>) -> Vec<String> {
    let mut lines: Vec<String> = quads.into_iter().map(|quad| quad.to_string()).collect();
    lines.sort_unstable();
    lines
}

/// The entries of a keyspace.
///
/// # Panics
/// When they cannot be read.
pub fn entries<B: StorageBackend>(backend: &B, keyspace: &Keyspace) -> Vec<(Vec<u8>, Vec<u8>)> {
    backend
        .range_scan(keyspace, &[], None, None)
        .unwrap()
        .map(Result::unwrap)
        .collect()
}
