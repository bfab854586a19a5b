//! Cases about threads: readers beside a writer, writers beside one another, and all of it at once.

use crate::context::{
    Context, Factory, delete, entries, fill_keys, ingest, put, read_beside, refused,
    snapshot_entries,
};
use quadrille_backend::{
    ErrorKind, Keyspace, StorageBackend, StorageCursor, StorageResult, StorageSnapshot, Transaction,
};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

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
    let check = || {
        let snapshot = store.snapshot()?;
        let sum = amount(snapshot.get(&accounts, b"balance")?)
            + amount(snapshot.get(&other, b"balance")?);
        assert_eq!(sum, 0);
        Ok(())
    };
    read_beside(3, check, || {
        (1..=150_i64).try_for_each(|n| {
            let mut transaction = store.begin()?;
            transaction.put(&accounts, b"balance", &n.to_le_bytes())?;
            transaction.put(&other, b"balance", &(-n).to_le_bytes())?;
            transaction.commit()
        })
    })
}

/// A keyspace that a commit speaks of is in every snapshot that shows the commit.
pub(crate) fn snapshots_have_the_keyspaces_of_their_commit<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, index) = context.store_with("index")?;
    let named = |n: u8| Keyspace::new(&format!("keyspace-{n}"));
    let check = || {
        let snapshot = store.snapshot()?;
        if let Some(&[last]) = snapshot.get(&index, b"last")?.as_deref() {
            let number = snapshot.get(&named(last)?, b"number")?;
            assert_eq!(number.as_deref(), Some(&[last][..]));
        }
        Ok(())
    };
    read_beside(3, check, || {
        (0..60).try_for_each(|n| {
            let keyspace = named(n)?;
            store.create_keyspace(&keyspace)?;
            store.batch(&[put(&index, b"last", &[n]), put(&keyspace, b"number", &[n])])
        })
    })
}

pub(crate) fn commits_of_many_threads_all_arrive<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, counters) = context.store_with("counters")?;
    thread::scope(|scope| {
        let (backend, keyspace) = (&*store, &counters);
        let add = move || -> StorageResult<()> {
            for _ in 0..20 {
                let mut transaction = backend.begin()?;
                let old = transaction.get(keyspace, b"sum")?;
                let old: [u8; 4] = old.and_then(|v| v.try_into().ok()).unwrap_or_default();
                let new = u32::from_le_bytes(old) + 1;
                transaction.put(keyspace, b"sum", &new.to_le_bytes())?;
                transaction.commit()?;
            }
            Ok(())
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(add)).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().expect("no panic"))
    })?;
    let sum = store.get(&counters, b"sum")?;
    assert_eq!(sum, Some(80_u32.to_le_bytes().to_vec()));
    Ok(())
}

/// Each batch gives all keys one value; every scan finds one value alone.
pub(crate) fn scans_beside_batches_see_whole_commits<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, numbers) = context.store_with("numbers")?;
    let batch = |round: u8| -> Vec<_> {
        let keys = 0..200_u32;
        keys.map(|n| put(&numbers, &n.to_be_bytes(), &[round; 20]))
            .collect()
    };
    store.batch(&batch(0))?;
    let check = || {
        let all = entries(&*store, &numbers)?;
        assert_eq!(all.len(), 200);
        assert!(all.iter().all(|(_, value)| *value == all[0].1));
        Ok(())
    };
    read_beside(3, check, || {
        (1..=40).try_for_each(|round| store.batch(&batch(round)))
    })
}

/// Threads that wait for the transaction all get it, and each but once at a time.
pub(crate) fn all_who_wait_get_their_turn<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let inside = AtomicBool::new(false);
    let held = store.begin()?;
    let write = |n: u8| -> StorageResult<()> {
        let mut transaction = store.begin()?;
        assert!(!inside.swap(true, Ordering::SeqCst));
        transaction.put(&birds, &[n], b"")?;
        inside.store(false, Ordering::SeqCst);
        transaction.commit()
    };
    thread::scope(|scope| {
        let write = &write;
        let threads: Vec<_> = (0..12).map(|n| scope.spawn(move || write(n))).collect();
        held.rollback();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().expect("no panic"))
    })?;
    assert_eq!(entries(&*store, &birds)?.len(), 12);
    Ok(())
}

pub(crate) fn one_of_many_creates_a_keyspace<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let store = context.store()?;
    let birds = Keyspace::new("birds")?;
    let start = Barrier::new(8);
    let results: Vec<StorageResult<()>> = thread::scope(|scope| {
        let create = || {
            start.wait();
            store.create_keyspace(&birds)
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(create)).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.map(|result| result.expect("no panic")).collect()
    });
    let (created, others): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(created.len(), 1);
    for other in others {
        refused(other, ErrorKind::Misuse);
    }
    assert_eq!(store.keyspaces()?, [birds]);
    Ok(())
}

/// Readers hold on to what they have seen of keyspaces that are dropped under them.
pub(crate) fn scans_beside_keyspaces_that_come_and_go<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, stable) = context.store_with("stable")?;
    fill_keys(&*store, &stable, &[b"emu", b"kea"])?;
    let fleeting = Keyspace::new("fleeting")?;
    let check = || {
        let snapshot = store.snapshot()?;
        assert_eq!(snapshot_entries(&snapshot, &stable)?.len(), 2);
        match snapshot_entries(&snapshot, &fleeting) {
            Ok(all) => assert!(all.is_empty() || all.len() == 50, "{}", all.len()),
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{error}"),
        }
        Ok(())
    };
    read_beside(3, check, || {
        (0..12_u8).try_for_each(|round| {
            store.create_keyspace(&fleeting)?;
            let puts: Vec<_> = (0..50).map(|n| put(&fleeting, &[n], &[round])).collect();
            store.batch(&puts)?;
            store.drop_keyspace(&fleeting)
        })
    })
}

/// Threads take, keep and drop snapshots while commits go on; each shows one commit for as long as it lives.
pub(crate) fn snapshots_come_and_go_in_many_threads<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, numbers) = context.store_with("numbers")?;
    store.put(&numbers, b"count", &0_u32.to_be_bytes())?;
    let check = || {
        let mut kept = Vec::new();
        for _ in 0..16 {
            let snapshot = store.snapshot()?;
            let count = snapshot.get(&numbers, b"count")?;
            kept.push((snapshot, count));
            for (snapshot, count) in &kept {
                assert_eq!(snapshot.get(&numbers, b"count")?, *count);
            }
            if kept.len() == 8 {
                kept.drain(..5);
            }
        }
        Ok(())
    };
    read_beside(4, check, || {
        (1..=80_u32).try_for_each(|count| store.put(&numbers, b"count", &count.to_be_bytes()))
    })
}

/// The figures are of one commit also while commits go on: every entry has the same size.
pub(crate) fn figures_beside_a_writer_are_of_one_commit<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, numbers) = context.store_with("numbers")?;
    let check = || {
        let (count, bytes) = store.keyspace_size(&numbers)?;
        assert_eq!((count % 3, bytes), (0, count * 10));
        let stats = store.stats()?;
        assert_eq!(stats.total_bytes, stats.key_count * 10);
        Ok(())
    };
    read_beside(2, check, || {
        (0..60_u32).try_for_each(|round| {
            let three = (0..3).map(|n| put(&numbers, &(round * 3 + n).to_be_bytes(), &[0; 6]));
            store.batch(&three.collect::<Vec<_>>())
        })
    })
}

/// Four threads write their own keys in batches, one rolls back what it wrote, two read: all of it at once.
pub(crate) fn writers_and_readers_at_once<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, numbers) = context.store_with("numbers")?;
    let write = |thread: u8| -> StorageResult<()> {
        for round in 0..12_u8 {
            let both = [
                put(&numbers, &[thread, round, 0], b"left"),
                put(&numbers, &[thread, round, 1], b"right"),
            ];
            store.batch(&both)?;
            store.batch(&[delete(&numbers, &[thread, round, 1])])?;
        }
        Ok(())
    };
    let roll_back = || -> StorageResult<()> {
        for round in 0..20 {
            let mut transaction = store.begin()?;
            transaction.put(&numbers, &[255, round], b"never")?;
            transaction.rollback();
        }
        Ok(())
    };
    let read = || {
        for (key, value) in entries(&*store, &numbers)? {
            let left = key.ends_with(&[0]);
            assert_eq!(value, if left { &b"left"[..] } else { b"right" }, "{key:?}");
            assert_ne!(key[0], 255);
        }
        Ok(())
    };
    read_beside(2, read, || {
        thread::scope(|scope| {
            let (write, roll_back) = (&write, &roll_back);
            let writers: Vec<_> = (0..4).map(|n| scope.spawn(move || write(n))).collect();
            let written = writers.into_iter().chain([scope.spawn(roll_back)]);
            let written: Vec<_> = written.map(|writer| writer.join()).collect();
            let mut written = written.into_iter();
            written.try_for_each(|result| result.expect("no panic"))
        })
    })?;
    assert_eq!(entries(&*store, &numbers)?.len(), 48);
    Ok(())
}

/// Whoever comes before the close is answered, whoever comes after it is told.
pub(crate) fn closing_beside_readers<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu"])?;
    let start = Barrier::new(4);
    let read = || {
        start.wait();
        loop {
            match store.get(&birds, b"emu") {
                Ok(value) => assert_eq!(value.as_deref(), Some(&b"emu"[..])),
                Err(error) => return error.kind(),
            }
        }
    };
    thread::scope(|scope| {
        let readers: Vec<_> = (0..3).map(|_| scope.spawn(read)).collect();
        start.wait();
        store.close()?;
        for reader in readers {
            assert_eq!(reader.join().expect("no panic"), ErrorKind::Closed);
        }
        Ok(())
    })
}
