//! Cases about the figures of a store with files.

use crate::context::{Context, Factory, fill_keys, ingest};
use quadrille_backend::{Entry, Keyspace, StorageBackend, StorageResult};

pub(crate) fn they_are_exact_after_reopening<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let fish = Keyspace::new("fish")?;
    store.create_keyspace(&fish)?;
    let filled: Vec<Entry> = (0..1000_u16)
        .map(|n| (n.to_be_bytes().to_vec(), vec![1; 8]))
        .collect();
    ingest(&*store, &fish, &filled)?;
    fill_keys(&*store, &birds, &[b"emu", b"kea"])?;
    store.put(&birds, b"emu", b"")?;
    store.delete(&fish, &[0, 0])?;
    let store = store.reopen()?;
    let stats = store.stats()?;
    assert_eq!((stats.key_count, stats.total_bytes), (1001, 9999));
    assert_eq!(store.keyspace_size(&birds)?, (2, 9));
    assert_eq!(store.keyspace_size(&fish)?, (999, 9990));
    Ok(())
}

pub(crate) fn disk_bytes_are_what_the_files_take<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, numbers) = context.store_with("numbers")?;
    let mut random = crate::context::Random::new(5);
    let mut value = || -> Vec<u8> { (0..1900).map(|_| random.below(256) as u8).collect() };
    let filled: Vec<Entry> = (0..1000_u32)
        .map(|n| (n.to_be_bytes().to_vec(), value()))
        .collect();
    ingest(&*store, &numbers, &filled)?;
    let store = store.reopen()?;
    let stats = store.stats()?;
    assert!(stats.disk_bytes >= stats.total_bytes, "{stats:?}");
    // What an engine needs beside: pages of its own, a log, a lock.
    assert!(
        stats.disk_bytes < stats.total_bytes * 3 / 2 + 1_000_000,
        "{stats:?}"
    );
    Ok(())
}
