//! Cases about keyspaces: creating, dropping, listing, and that their keys are apart.

use crate::context::{Context, Factory, entries, fill_keys, owned, refused};
use quadrille_backend::{ErrorKind, Keyspace, StorageBackend, StorageResult, Transaction};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

pub(crate) fn they_are_listed_by_name<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let store = context.store()?;
    assert!(store.keyspaces()?.is_empty());
    let mut expected = Vec::new();
    for name in ["m", "a", "z", "a.b", "a-1", "a_1", "0"] {
        let keyspace = Keyspace::new(name)?;
        store.create_keyspace(&keyspace)?;
        expected.push(keyspace);
        expected.sort();
        assert_eq!(store.keyspaces()?, expected);
    }
    store.drop_keyspace(&expected.remove(2))?;
    assert_eq!(store.keyspaces()?, expected);
    Ok(())
}

pub(crate) fn an_existing_one_is_not_created_again<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu"])?;
    refused(store.create_keyspace(&birds), ErrorKind::Misuse);
    assert_eq!(entries(&*store, &birds)?, owned(&[(b"emu", b"emu")]));
    Ok(())
}

pub(crate) fn an_unknown_one_is_not_dropped<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let fish = Keyspace::new("fish")?;
    refused(store.drop_keyspace(&fish), ErrorKind::NotFound);
    store.drop_keyspace(&birds)?;
    refused(store.drop_keyspace(&birds), ErrorKind::NotFound);
    refused(store.get(&birds, b"emu"), ErrorKind::NotFound);
    Ok(())
}

pub(crate) fn their_keys_are_apart<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let store = context.store()?;
    let keyspaces = ["a", "aa", "ab", "b"].map(Keyspace::new);
    let keyspaces: Vec<Keyspace> = keyspaces.into_iter().collect::<StorageResult<_>>()?;
    for keyspace in &keyspaces {
        store.create_keyspace(keyspace)?;
        for key in [&b""[..], b"a", b"b", b"\xff\xff"] {
            store.put(keyspace, key, keyspace.as_str().as_bytes())?;
        }
    }
    store.delete(&keyspaces[1], b"a")?;
    for (nth, keyspace) in keyspaces.iter().enumerate() {
        let all = entries(&*store, keyspace)?;
        assert_eq!(all.len(), if nth == 1 { 3 } else { 4 });
        let name = keyspace.as_str().as_bytes();
        assert!(all.iter().all(|(_, value)| value == name));
    }
    Ok(())
}

pub(crate) fn a_recreated_one_is_empty<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu", b"kea"])?;
    store.drop_keyspace(&birds)?;
    store.create_keyspace(&birds)?;
    assert!(entries(&*store, &birds)?.is_empty());
    assert_eq!(store.keyspace_size(&birds)?, (0, 0));
    fill_keys(&*store, &birds, &[b"owl"])?;
    assert_eq!(entries(&*store, &birds)?, owned(&[(b"owl", b"owl")]));
    Ok(())
}

/// Generations come and go: thirteen keyspaces each, the last generation dropped when the next one is there.
pub(crate) fn many_come_and_go<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let store = context.store()?;
    let name = |generation: u32, nth: u32| Keyspace::new(&format!("g{generation}.{nth}"));
    for generation in 0..8 {
        for nth in 0..13 {
            let keyspace = name(generation, nth)?;
            store.create_keyspace(&keyspace)?;
            store.put(&keyspace, b"generation", &generation.to_le_bytes())?;
        }
        for nth in 0..13 {
            let value = store.get(&name(generation, nth)?, b"generation")?;
            assert_eq!(value, Some(generation.to_le_bytes().to_vec()));
            if generation > 0 {
                store.drop_keyspace(&name(generation - 1, nth)?)?;
            }
        }
        assert_eq!(store.keyspaces()?.len(), 13);
    }
    Ok(())
}

pub(crate) fn the_longest_name_is_legal<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let name = "x".repeat(Keyspace::LENGTH_MAX);
    let (store, keyspace) = context.store_with(&name)?;
    fill_keys(&*store, &keyspace, &[b"emu"])?;
    assert_eq!(store.keyspaces()?, std::slice::from_ref(&keyspace));
    assert_eq!(entries(&*store, &keyspace)?.len(), 1);
    Ok(())
}

/// It waits on another thread, and is there once it has returned, whatever the transaction does.
pub(crate) fn creating_waits_for_the_transaction<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let fish = Keyspace::new("fish")?;
    let mut transaction = store.begin()?;
    transaction.put(&birds, b"emu", b"")?;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            store.create_keyspace(&fish)?;
            done.store(true, Ordering::SeqCst);
            store.drop_keyspace(&birds)
        });
        thread::sleep(Duration::from_millis(20));
        assert!(!done.load(Ordering::SeqCst));
        assert_eq!(store.keyspaces()?, std::slice::from_ref(&birds));
        transaction.rollback();
        other.join().expect("no panic")
    })?;
    assert_eq!(store.keyspaces()?, std::slice::from_ref(&fish));
    store.put(&fish, b"eel", b"")
}
