//! Cases about snapshots: they never change, never block, outlive what they show, and serve many threads.

use crate::context::{
    Context, Factory, delete, fill_keys, ingest, owned, put, refused, snapshot_entries,
};
use quadrille_backend::{
    ErrorKind, Keyspace, StorageBackend, StorageCursor, StorageResult, StorageSnapshot, Transaction,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

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

/// Eight threads seek and scan one snapshot at once, each with cursors of its own, while a writer changes everything.
pub(crate) fn eight_threads_share_one<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, numbers) = context.store_with("numbers")?;
    let filled: Vec<_> = (0..5000_u32)
        .map(|n| (n.to_be_bytes().to_vec(), vec![n as u8; 100]))
        .collect();
    ingest(&*store, &numbers, &filled)?;
    let snapshot = store.snapshot()?;
    let read = |seed: u32| -> StorageResult<()> {
        let mut cursor = snapshot.cursor(&numbers)?;
        for round in 0..400_u32 {
            let start = (round.wrapping_mul(7919) ^ seed.wrapping_mul(613)) % 5000;
            let mut found = cursor.seek(&start.to_be_bytes())?;
            for (key, value) in filled.iter().skip(start as usize).take(50) {
                assert!(found);
                assert_eq!(cursor.entry(), Some((key.as_slice(), value.as_slice())));
                found = cursor.next()?;
            }
            let value = snapshot.get(&numbers, &start.to_be_bytes())?;
            assert_eq!(value, Some(vec![start as u8; 100]));
        }
        Ok(())
    };
    thread::scope(|scope| {
        let read = &read;
        let threads: Vec<_> = (0..8).map(|n| scope.spawn(move || read(n))).collect();
        for n in (0..5000_u32).step_by(250) {
            store.batch(&[
                delete(&numbers, &n.to_be_bytes()),
                put(&numbers, &(n + 1).to_be_bytes(), b"changed"),
            ])?;
        }
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().expect("no panic"))
    })
}

/// A writer moves an amount between two keys, in each commit; whoever reads finds the sum unchanged.
pub(crate) fn readers_beside_a_writer_see_whole_commits<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, accounts) = context.store_with("accounts")?;
    let other = Keyspace::new("other-accounts")?;
    store.create_keyspace(&other)?;
    let amount = |bytes: Option<Vec<u8>>| -> i64 {
        let bytes: Option<[u8; 8]> = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, i64::from_le_bytes)
    };
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let (backend, done) = (&*store, &done);
        let (left, right) = (&accounts, &other);
        let check = move || -> StorageResult<u64> {
            let mut rounds = 0;
            while !done.load(Ordering::Relaxed) || rounds == 0 {
                let snapshot = backend.snapshot()?;
                let sum = amount(snapshot.get(left, b"balance")?)
                    + amount(snapshot.get(right, b"balance")?);
                assert_eq!(sum, 0);
                rounds += 1;
            }
            Ok(rounds)
        };
        let readers: Vec<_> = (0..3).map(|_| scope.spawn(check)).collect();
        let written = (1..=150_i64).try_for_each(|n| {
            let mut transaction = backend.begin()?;
            transaction.put(left, b"balance", &n.to_le_bytes())?;
            transaction.put(right, b"balance", &(-n).to_le_bytes())?;
            transaction.commit()
        });
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.join().expect("no panic")? > 0);
        }
        written
    })
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
