//! Cases about the figures of a store: exact, whatever was done to it.

use crate::context::{Context, Factory, delete, entries, fill_keys, ingest, put};
use quadrille_backend::{
    Keyspace, StorageBackend, StorageCursor, StorageResult, StorageSnapshot, Transaction,
};

pub(crate) fn entries_and_bytes_are_exact<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let fish = Keyspace::new("fish")?;
    store.create_keyspace(&fish)?;
    let check = |count: u64, bytes: u64| -> StorageResult<()> {
        let stats = store.stats()?;
        assert_eq!((stats.key_count, stats.total_bytes), (count, bytes));
        Ok(())
    };
    check(0, 0)?;
    store.put(&birds, b"emu", b"big")?;
    check(1, 6)?;
    store.put(&birds, b"emu", b"very big")?;
    check(1, 11)?;
    store.put(&fish, b"", b"")?;
    check(2, 11)?;
    store.delete(&birds, b"kea")?;
    check(2, 11)?;
    store.batch(&[
        put(&birds, b"kea", b"1"),
        put(&birds, b"kea", b"22"),
        delete(&birds, b"emu"),
        put(&fish, b"eel", b"long"),
    ])?;
    check(3, 12)?;
    store.drop_keyspace(&fish)?;
    check(1, 5)?;
    store.create_keyspace(&fish)?;
    let filled: Vec<_> = (0..100_u8).map(|n| (vec![n], vec![n; 9])).collect();
    ingest(&*store, &fish, &filled)?;
    check(101, 1005)?;
    store.delete(&fish, &[50])?;
    check(100, 995)
}

pub(crate) fn sizes_of_keyspaces_are_exact<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let fish = Keyspace::new("fish")?;
    store.create_keyspace(&fish)?;
    assert_eq!(store.keyspace_size(&birds)?, (0, 0));
    fill_keys(&*store, &birds, &[b"emu", b"kea"])?;
    store.put(&fish, b"eel", b"")?;
    assert_eq!(store.keyspace_size(&birds)?, (2, 12));
    assert_eq!(store.keyspace_size(&fish)?, (1, 3));
    let mut transaction = store.begin()?;
    transaction.put(&birds, b"owl", b"not committed")?;
    assert_eq!(store.keyspace_size(&birds)?, (2, 12));
    transaction.rollback();
    assert_eq!(store.keyspace_size(&birds)?, (2, 12));
    Ok(())
}

pub(crate) fn operations_are_counted<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let before = store.stats()?;
    fill_keys(&*store, &birds, &[b"auk", b"emu", b"kea"])?;
    store.delete(&birds, b"emu")?;
    store.delete(&birds, b"absent")?;
    store.get(&birds, b"auk")?;
    store.get(&birds, b"absent")?;
    store.contains(&birds, b"kea")?;
    assert_eq!(entries(&*store, &birds)?.len(), 2);
    let mut cursor = store.snapshot()?.cursor(&birds)?;
    assert!(cursor.seek(b"")?);
    assert!(cursor.next()?);
    assert!(!cursor.next()?);
    drop(cursor);
    let after = store.stats()?;
    assert_eq!(after.writes - before.writes, 3);
    assert_eq!(after.deletes - before.deletes, 2);
    assert_eq!(after.reads - before.reads, 7);
    let fish = Keyspace::new("fish")?;
    store.create_keyspace(&fish)?;
    ingest(&*store, &fish, &[(vec![1], vec![]), (vec![2], vec![])])?;
    assert_eq!(store.stats()?.writes - after.writes, 2);
    Ok(())
}

pub(crate) fn rolled_back_operations_are_not_counted<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu"])?;
    let before = store.stats()?;
    let mut transaction = store.begin()?;
    transaction.put(&birds, b"kea", b"")?;
    transaction.delete(&birds, b"emu")?;
    transaction.rollback();
    assert_eq!(store.stats()?, before);
    Ok(())
}

pub(crate) fn open_snapshots_are_counted<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let open = || -> StorageResult<(u64, bool)> {
        let stats = store.stats()?;
        Ok((stats.open_snapshots, stats.oldest_snapshot_age.is_some()))
    };
    assert_eq!(open()?, (0, false));
    let snapshot = store.snapshot()?;
    let second = store.snapshot()?;
    assert_eq!(open()?, (2, true));
    drop(second);
    let cursor = snapshot.cursor(&birds)?;
    assert_eq!(open()?, (1, true));
    drop(snapshot);
    assert_eq!(open()?, (1, true));
    drop(cursor);
    assert_eq!(open()?, (0, false));
    Ok(())
}
