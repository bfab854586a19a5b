//! Cases about snapshots: they never change, never block, outlive what they show, and serve many threads.

use crate::context::{Context, Factory, delete, fill_keys, owned, put, refused, snapshot_entries};
use quadrille_backend::{
    ErrorKind, Keyspace, StorageBackend, StorageCursor, StorageResult, StorageSnapshot, Transaction,
};

pub(crate) fn a_snapshot_never_changes<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu", b"kea"])?;
    let snapshot = store.snapshot()?;
    let before = snapshot_entries(&snapshot, &birds)?;
    store.batch(&[
        put(&birds, b"emu", b"changed"),
        delete(&birds, b"kea"),
        put(&birds, b"owl", b"new"),
    ])?;
    assert_eq!(snapshot_entries(&snapshot, &birds)?, before);
    assert_eq!(snapshot.get(&birds, b"emu")?.as_deref(), Some(&b"emu"[..]));
    assert!(snapshot.contains(&birds, b"kea")?);
    assert!(!snapshot.contains(&birds, b"owl")?);
    let after = store.snapshot()?;
    let expected: [(&[u8], &[u8]); 2] = [(b"emu", b"changed"), (b"owl", b"new")];
    assert_eq!(snapshot_entries(&after, &birds)?, owned(&expected));
    Ok(())
}

pub(crate) fn neither_side_waits_for_the_other<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu"])?;
    let before = store.snapshot()?;
    let mut transaction = store.begin()?;
    transaction.put(&birds, b"kea", b"")?;
    // All on one thread: waiting for one another would never end.
    let during = store.snapshot()?;
    assert_eq!(snapshot_entries(&during, &birds)?.len(), 1);
    transaction.commit()?;
    assert_eq!(snapshot_entries(&before, &birds)?.len(), 1);
    let after = store.snapshot()?;
    assert_eq!(snapshot_entries(&after, &birds)?.len(), 2);
    Ok(())
}

pub(crate) fn many_commits_are_kept_apart<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, numbers) = context.store_with("numbers")?;
    let mut snapshots = Vec::new();
    for n in 0..100_u32 {
        store.batch(&[
            put(&numbers, &n.to_be_bytes(), b""),
            put(&numbers, b"last", &n.to_le_bytes()),
        ])?;
        snapshots.push(store.snapshot()?);
    }
    for (n, snapshot) in snapshots.iter().enumerate().rev() {
        assert_eq!(snapshot_entries(snapshot, &numbers)?.len(), n + 2);
        let last = snapshot.get(&numbers, b"last")?;
        assert_eq!(last, Some((n as u32).to_le_bytes().to_vec()));
    }
    Ok(())
}

pub(crate) fn a_dropped_keyspace_stays_readable<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu", b"kea"])?;
    let snapshot = store.snapshot()?;
    let mut cursor = snapshot.cursor(&birds)?;
    assert!(cursor.seek(b"")?);
    store.drop_keyspace(&birds)?;
    assert_eq!(snapshot_entries(&snapshot, &birds)?.len(), 2);
    assert!(cursor.next()?);
    assert_eq!(cursor.entry().map(|(key, _)| key), Some(&b"kea"[..]));
    refused(store.snapshot()?.cursor(&birds), ErrorKind::NotFound);
    Ok(())
}

pub(crate) fn a_recreated_keyspace_is_another_one<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let mut snapshots = Vec::new();
    for round in 0..5_u8 {
        for key in 0..=round {
            store.put(&birds, &[key], &[round; 500])?;
        }
        snapshots.push(store.snapshot()?);
        store.drop_keyspace(&birds)?;
        // Another keyspace may take over the place that the dropped one had.
        let other = Keyspace::new(&format!("other-{round}"))?;
        store.create_keyspace(&other)?;
        store.put(&other, &[0], b"other")?;
        store.create_keyspace(&birds)?;
    }
    for (round, snapshot) in snapshots.iter().enumerate() {
        let expected: Vec<_> = (0..=round as u8)
            .map(|key| (vec![key], vec![round as u8; 500]))
            .collect();
        assert_eq!(snapshot_entries(snapshot, &birds)?, expected);
    }
    Ok(())
}

pub(crate) fn a_keyspace_created_later_is_not_found<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let store = context.store()?;
    let birds = Keyspace::new("birds")?;
    let snapshot = store.snapshot()?;
    store.create_keyspace(&birds)?;
    fill_keys(&*store, &birds, &[b"emu"])?;
    refused(snapshot.cursor(&birds), ErrorKind::NotFound);
    refused(snapshot.get(&birds, b"emu"), ErrorKind::NotFound);
    assert_eq!(snapshot_entries(&store.snapshot()?, &birds)?.len(), 1);
    Ok(())
}

pub(crate) fn a_snapshot_outlives_close<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu", b"kea"])?;
    let snapshot = store.snapshot()?;
    let mut cursor = snapshot.cursor(&birds)?;
    assert!(cursor.seek(b"")?);
    store.close()?;
    assert!(cursor.next()?);
    assert_eq!(cursor.entry().map(|(key, _)| key), Some(&b"kea"[..]));
    assert_eq!(snapshot_entries(&snapshot, &birds)?.len(), 2);
    Ok(())
}

/// The most snapshots that the case opens when the engine refuses none.
const MANY: usize = 3000;

pub(crate) fn a_hundred_are_open_at_once<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu"])?;
    let mut open = Vec::new();
    while open.len() < MANY {
        match store.snapshot() {
            Ok(snapshot) => open.push(snapshot),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
                break;
            }
        }
    }
    assert!(open.len() >= 100, "{} snapshots", open.len());
    for snapshot in open.iter().step_by(50) {
        assert!(snapshot.contains(&birds, b"emu")?);
    }
    // Writing goes on, and where one goes another finds room.
    store.put(&birds, b"kea", b"")?;
    open.pop();
    let last = store.snapshot()?;
    assert!(last.contains(&birds, b"kea")?);
    assert!(!open[0].contains(&birds, b"kea")?);
    Ok(())
}
