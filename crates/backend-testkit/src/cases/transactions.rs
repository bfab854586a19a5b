//! Cases about the one write transaction: what it sees, what others see, who waits.

use crate::context::{
    Context, Entries, Factory, Random, entries, fill_keys, owned, refused, snapshot_entries,
};
use quadrille_backend::{
    Entry, ErrorKind, Keyspace, StorageBackend, StorageResult, Transaction, Wait,
};
use std::collections::BTreeMap;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) fn own_writes_are_read<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu"])?;
    let mut transaction = store.begin()?;
    transaction.put(&birds, b"emu", b"changed")?;
    transaction.put(&birds, b"kea", b"new")?;
    let emu = transaction.get(&birds, b"emu")?;
    assert_eq!(emu.as_deref(), Some(&b"changed"[..]));
    assert!(transaction.contains(&birds, b"kea")?);
    transaction.delete(&birds, b"emu")?;
    assert_eq!(transaction.get(&birds, b"emu")?, None);
    assert!(!transaction.contains(&birds, b"emu")?);
    transaction.put(&birds, b"emu", b"again")?;
    let emu = transaction.get(&birds, b"emu")?;
    assert_eq!(emu.as_deref(), Some(&b"again"[..]));
    transaction.commit()
}

pub(crate) fn own_deletes_are_skipped<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"auk", b"emu", b"kea", b"owl"])?;
    let mut transaction = store.begin()?;
    transaction.delete(&birds, b"emu")?;
    transaction.delete(&birds, b"kea")?;
    let found = transaction.seek(&birds, b"b")?;
    assert_eq!(found.map(|(key, _)| key).as_deref(), Some(&b"owl"[..]));
    transaction.delete(&birds, b"owl")?;
    assert_eq!(transaction.seek(&birds, b"b")?, None);
    transaction.put(&birds, b"kea", b"back")?;
    let found = transaction.seek(&birds, b"b")?;
    assert_eq!(found, Some((b"kea".to_vec(), b"back".to_vec())));
    Ok(())
}

pub(crate) fn scans_see_own_writes<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"auk", b"emu", b"owl"])?;
    let mut transaction = store.begin()?;
    transaction.put(&birds, b"kea", b"new")?;
    transaction.delete(&birds, b"emu")?;
    transaction.put(&birds, b"owl", b"changed")?;
    let scanned = transaction.range_scan(&birds, b"", None, None)?;
    let expected: [(&[u8], &[u8]); 3] = [(b"auk", b"auk"), (b"kea", b"new"), (b"owl", b"changed")];
    assert_eq!(scanned, owned(&expected));
    let scanned = transaction.range_scan(&birds, b"b", Some(b"owl"), Some(5))?;
    assert_eq!(scanned, owned(&expected[1..2]));
    let scanned = transaction.range_scan(&birds, b"", None, Some(2))?;
    assert_eq!(scanned, owned(&expected[..2]));
    transaction.commit()?;
    assert_eq!(entries(&*store, &birds)?, owned(&expected));
    Ok(())
}

pub(crate) fn nothing_is_visible_before_commit<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu"])?;
    let mut transaction = store.begin()?;
    transaction.put(&birds, b"kea", b"new")?;
    transaction.delete(&birds, b"emu")?;
    let during = store.snapshot()?;
    assert_eq!(
        snapshot_entries(&during, &birds)?,
        owned(&[(b"emu", b"emu")])
    );
    assert!(store.contains(&birds, b"emu")?);
    transaction.commit()?;
    assert_eq!(
        snapshot_entries(&during, &birds)?,
        owned(&[(b"emu", b"emu")])
    );
    assert_eq!(entries(&*store, &birds)?, owned(&[(b"kea", b"new")]));
    Ok(())
}

pub(crate) fn dropping_rolls_back<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu"])?;
    let mut transaction = store.begin()?;
    transaction.put(&birds, b"kea", b"new")?;
    transaction.delete(&birds, b"emu")?;
    drop(transaction);
    assert_eq!(entries(&*store, &birds)?, owned(&[(b"emu", b"emu")]));
    store.put(&birds, b"owl", b"the next writer is let through")
}

pub(crate) fn rollback_forgets<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let mut transaction = store.begin()?;
    transaction.put(&birds, b"kea", b"new")?;
    transaction.rollback();
    assert!(entries(&*store, &birds)?.is_empty());
    let transaction = store.begin()?;
    assert_eq!(transaction.get(&birds, b"kea")?, None);
    Ok(())
}

pub(crate) fn an_empty_commit_is_legal<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu"])?;
    store.begin()?.commit()?;
    assert_eq!(entries(&*store, &birds)?.len(), 1);
    Ok(())
}

pub(crate) fn it_goes_on_after_a_refused_put<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let fish = Keyspace::new("fish")?;
    let too_long = vec![1; store.capabilities().key_bytes_max + 1];
    let mut transaction = store.begin()?;
    transaction.put(&birds, b"emu", b"")?;
    refused(transaction.put(&birds, &too_long, b""), ErrorKind::Misuse);
    refused(transaction.put(&fish, b"eel", b""), ErrorKind::NotFound);
    refused(transaction.delete(&fish, b"eel"), ErrorKind::NotFound);
    refused(transaction.get(&fish, b"eel"), ErrorKind::NotFound);
    refused(transaction.seek(&fish, b"eel"), ErrorKind::NotFound);
    transaction.put(&birds, b"kea", b"")?;
    transaction.commit()?;
    assert_eq!(entries(&*store, &birds)?.len(), 2);
    Ok(())
}

pub(crate) fn another_thread_gets_busy<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let transaction = store.begin()?;
    thread::scope(|scope| {
        let backend = &*store;
        let other = scope.spawn(move || backend.try_begin().map(drop));
        refused(other.join().expect("no panic"), ErrorKind::Busy);
    });
    drop(transaction);
    thread::scope(|scope| {
        let backend = &*store;
        let keyspace = &birds;
        let other = scope.spawn(move || {
            let mut transaction = backend.try_begin()?;
            transaction.put(keyspace, b"emu", b"")?;
            transaction.commit()
        });
        other.join().expect("no panic")
    })
}

pub(crate) fn a_time_out_is_kept<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let store = context.store()?;
    let _transaction = store.begin()?;
    thread::scope(|scope| {
        let backend = &*store;
        let other = scope.spawn(move || {
            let started = Instant::now();
            let result = backend.begin_with(Wait::AtMost(Duration::from_millis(30)));
            (result.map(drop), started.elapsed())
        });
        let (result, waited) = other.join().expect("no panic");
        refused(result, ErrorKind::Busy);
        assert!(waited >= Duration::from_millis(30), "{waited:?}");
    });
    Ok(())
}

pub(crate) fn a_waiting_thread_gets_its_turn<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let mut transaction = store.begin()?;
    transaction.put(&birds, b"emu", b"first")?;
    thread::scope(|scope| {
        let (backend, keyspace) = (&*store, &birds);
        let (about_to_wait, waits) = mpsc::channel();
        let other = scope.spawn(move || {
            about_to_wait.send(()).expect("the test waits for it");
            let mut transaction = backend.begin()?;
            let seen = transaction.get(keyspace, b"emu")?;
            assert_eq!(seen.as_deref(), Some(&b"first"[..]));
            transaction.put(keyspace, b"emu", b"second")?;
            transaction.commit()
        });
        waits.recv().expect("the thread runs");
        thread::sleep(Duration::from_millis(5));
        transaction.commit()?;
        other.join().expect("no panic")
    })?;
    assert_eq!(entries(&*store, &birds)?, owned(&[(b"emu", b"second")]));
    Ok(())
}

pub(crate) fn its_own_thread_gets_misuse<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let fish = Keyspace::new("fish")?;
    let mut transaction = store.begin()?;
    transaction.put(&birds, b"emu", b"kept")?;
    refused(store.begin().map(drop), ErrorKind::Misuse);
    refused(store.try_begin().map(drop), ErrorKind::Misuse);
    let wait = Wait::AtMost(Duration::from_secs(60));
    refused(store.begin_with(wait).map(drop), ErrorKind::Misuse);
    refused(store.put(&birds, b"kea", b""), ErrorKind::Misuse);
    refused(store.batch(&[]), ErrorKind::Misuse);
    refused(store.create_keyspace(&fish), ErrorKind::Misuse);
    refused(store.drop_keyspace(&birds), ErrorKind::Misuse);
    let none: [StorageResult<Entry>; 0] = [];
    let ingested = store.ingest(&birds, &mut Entries::new(none));
    refused(ingested, ErrorKind::Misuse);
    transaction.commit()?;
    assert_eq!(entries(&*store, &birds)?, owned(&[(b"emu", b"kept")]));
    store.create_keyspace(&fish)
}

/// Commits and rollbacks of random changes in two keyspaces, each read back through the transaction and after it.
pub(crate) fn random_histories_agree_with_a_model<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let store = context.store()?;
    let keyspaces = [Keyspace::new("first")?, Keyspace::new("second")?];
    let mut models: [BTreeMap<Vec<u8>, Vec<u8>>; 2] = Default::default();
    for keyspace in &keyspaces {
        store.create_keyspace(keyspace)?;
    }
    let mut random = Random::new(3);
    for _ in 0..60 {
        let mut transaction = store.begin()?;
        let mut changed = models.clone();
        for _ in 0..random.below(40) {
            let nth = random.below(2) as usize;
            let key = random.key();
            if random.below(3) > 0 {
                let value = random.value();
                transaction.put(&keyspaces[nth], &key, &value)?;
                changed[nth].insert(key, value);
            } else {
                transaction.delete(&keyspaces[nth], &key)?;
                changed[nth].remove(&key);
            }
            let sought = random.key();
            let found = transaction.seek(&keyspaces[nth], &sought)?;
            let expected = changed[nth].range(sought..).next();
            assert_eq!(found, expected.map(|(k, v)| (k.clone(), v.clone())));
        }
        if random.below(4) > 0 {
            transaction.commit()?;
            models = changed;
        } else {
            transaction.rollback();
        }
        for (keyspace, model) in keyspaces.iter().zip(&models) {
            let expected: Vec<_> = model.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            assert_eq!(entries(&*store, keyspace)?, expected);
        }
    }
    Ok(())
}

pub(crate) fn replaced_and_deleted_entries_come_back<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"auk", b"emu", b"kea"])?;
    let before = entries(&*store, &birds)?;
    for _ in 0..20 {
        let mut transaction = store.begin()?;
        transaction.put(&birds, b"auk", &[0; 10_000])?;
        transaction.delete(&birds, b"emu")?;
        transaction.put(&birds, b"zzz", b"new")?;
        transaction.rollback();
        assert_eq!(entries(&*store, &birds)?, before);
        assert_eq!(store.keyspace_size(&birds)?, (3, 18));
    }
    Ok(())
}

/// A thread that panics in the middle of a transaction rolls it back, and is in nobody's way.
pub(crate) fn a_panic_rolls_back<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu"])?;
    thread::scope(|scope| {
        let (backend, keyspace) = (&*store, &birds);
        let dies = scope.spawn(move || {
            let mut transaction = backend.begin().expect("free");
            transaction.put(keyspace, b"kea", b"").expect("room");
            // Without the message that `panic!` prints.
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        assert!(dies.join().is_err());
    });
    assert_eq!(entries(&*store, &birds)?, owned(&[(b"emu", b"emu")]));
    store.try_begin()?.commit()?;
    store.put(&birds, b"owl", b"the next writer is let through")
}

pub(crate) fn a_refused_second_one_changes_nothing<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let mut transaction = store.begin()?;
    transaction.put(&birds, b"emu", b"1")?;
    for _ in 0..3 {
        refused(store.begin().map(drop), ErrorKind::Misuse);
        thread::scope(|scope| {
            let backend = &*store;
            let other = scope.spawn(move || backend.try_begin().map(drop));
            refused(other.join().expect("no panic"), ErrorKind::Busy);
        });
    }
    let emu = transaction.get(&birds, b"emu")?;
    assert_eq!(emu.as_deref(), Some(&b"1"[..]));
    transaction.put(&birds, b"kea", b"2")?;
    transaction.commit()?;
    assert_eq!(entries(&*store, &birds)?.len(), 2);
    store.begin()?.commit()
}

pub(crate) fn a_commit_spans_keyspaces<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let fish = Keyspace::new("fish")?;
    store.create_keyspace(&fish)?;
    let mut transaction = store.begin()?;
    transaction.put(&birds, b"emu", b"1")?;
    transaction.put(&fish, b"eel", b"2")?;
    transaction.delete(&birds, b"emu")?;
    transaction.put(&birds, b"kea", b"3")?;
    assert_eq!(transaction.get(&fish, b"emu")?, None);
    transaction.commit()?;
    assert_eq!(entries(&*store, &birds)?, owned(&[(b"kea", b"3")]));
    assert_eq!(entries(&*store, &fish)?, owned(&[(b"eel", b"2")]));
    Ok(())
}

pub(crate) fn keys_too_long_are_sought_and_not_found<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, long) = context.store_with("long")?;
    let longest = store.capabilities().key_bytes_max;
    let mut transaction = store.begin()?;
    transaction.put(&long, &vec![5; longest], b"here")?;
    let too_long = vec![5; longest + 1];
    assert_eq!(transaction.get(&long, &too_long)?, None);
    assert!(!transaction.contains(&long, &too_long)?);
    assert_eq!(transaction.seek(&long, &too_long)?, None);
    let found = transaction.seek(&long, &vec![4; longest + 1])?;
    assert_eq!(found, Some((vec![5; longest], b"here".to_vec())));
    transaction.delete(&long, &too_long)?;
    transaction.commit()?;
    assert_eq!(entries(&*store, &long)?.len(), 1);
    Ok(())
}

pub(crate) fn it_reads_the_empty_key<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let mut transaction = store.begin()?;
    assert_eq!(transaction.seek(&birds, b"")?, None);
    assert!(transaction.range_scan(&birds, b"", None, None)?.is_empty());
    transaction.put(&birds, b"", b"nameless")?;
    transaction.put(&birds, b"\0", b"")?;
    let found = transaction.seek(&birds, b"")?;
    assert_eq!(found, Some((vec![], b"nameless".to_vec())));
    let all = transaction.range_scan(&birds, b"", None, None)?;
    assert_eq!(all, owned(&[(b"", b"nameless"), (b"\0", b"")]));
    transaction.delete(&birds, b"")?;
    assert_eq!(transaction.seek(&birds, b"")?, Some((vec![0], vec![])));
    transaction.commit()
}
