//! Cases about cursors: where they start, what seek and next find, what they keep alive.

use crate::context::{Context, Factory, Random, fill_keys};
use quadrille_backend::{Entry, StorageBackend, StorageCursor, StorageResult, StorageSnapshot};
use std::collections::BTreeMap;
use std::thread;

const KEYS: [&[u8]; 4] = [b"b", b"d", b"dd", b"f"];

fn key<C: StorageCursor>(cursor: &C) -> Option<&[u8]> {
    cursor.entry().map(|(key, _)| key)
}

pub(crate) fn a_cursor_starts_unpositioned<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, letters) = context.store_with("letters")?;
    fill_keys(&*store, &letters, &KEYS)?;
    let mut cursor = store.snapshot()?.cursor(&letters)?;
    assert_eq!(cursor.entry(), None);
    assert!(!cursor.next()?);
    assert_eq!(cursor.entry(), None);
    Ok(())
}

pub(crate) fn seek_finds_the_first_at_or_above<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, letters) = context.store_with("letters")?;
    fill_keys(&*store, &letters, &KEYS)?;
    let mut cursor = store.snapshot()?.cursor(&letters)?;
    let cases: [(&[u8], &[u8]); 6] = [
        (b"", b"b"),
        (b"a", b"b"),
        (b"b", b"b"),
        (b"b\0", b"d"),
        (b"dd", b"dd"),
        (b"e", b"f"),
    ];
    for (sought, expected) in cases {
        assert!(cursor.seek(sought)?);
        assert_eq!(cursor.entry(), Some((expected, expected)));
    }
    Ok(())
}

pub(crate) fn next_walks_in_ascending_order<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, numbers) = context.store_with("numbers")?;
    let keys: Vec<[u8; 2]> = (0..1000_u16).map(u16::to_be_bytes).collect();
    let keys: Vec<&[u8]> = keys.iter().map(|key| &key[..]).collect();
    fill_keys(&*store, &numbers, &keys)?;
    let mut cursor = store.snapshot()?.cursor(&numbers)?;
    for start in [0, 1, 500, 999] {
        let mut found = cursor.seek(keys[start])?;
        for expected in &keys[start..] {
            assert!(found);
            assert_eq!(cursor.entry(), Some((*expected, *expected)));
            found = cursor.next()?;
        }
        assert!(!found);
    }
    Ok(())
}

pub(crate) fn past_the_end_a_new_seek_works<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, letters) = context.store_with("letters")?;
    fill_keys(&*store, &letters, &KEYS)?;
    let mut cursor = store.snapshot()?.cursor(&letters)?;
    assert!(!cursor.seek(b"g")?);
    assert_eq!(cursor.entry(), None);
    assert!(!cursor.next()?);
    assert!(cursor.seek(b"f")?);
    assert!(!cursor.next()?);
    assert_eq!(cursor.entry(), None);
    assert!(!cursor.next()?);
    assert!(cursor.seek(b"c")?);
    assert_eq!(key(&cursor), Some(&b"d"[..]));
    assert!(cursor.next()?);
    assert_eq!(key(&cursor), Some(&b"dd"[..]));
    Ok(())
}

pub(crate) fn seeks_may_go_backwards<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, letters) = context.store_with("letters")?;
    fill_keys(&*store, &letters, &KEYS)?;
    let mut cursor = store.snapshot()?.cursor(&letters)?;
    for sought in KEYS.iter().rev() {
        assert!(cursor.seek(sought)?);
        assert_eq!(key(&cursor), Some(*sought));
    }
    Ok(())
}

pub(crate) fn a_cursor_keeps_its_snapshot_alive<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, letters) = context.store_with("letters")?;
    fill_keys(&*store, &letters, &KEYS)?;
    let snapshot = store.snapshot()?;
    let mut cursor = snapshot.cursor(&letters)?;
    drop(snapshot);
    for key in KEYS {
        store.delete(&letters, key)?;
    }
    store.drop_keyspace(&letters)?;
    let mut found = cursor.seek(b"")?;
    for expected in KEYS {
        assert!(found);
        assert_eq!(key(&cursor), Some(expected));
        found = cursor.next()?;
    }
    assert!(!found);
    Ok(())
}

pub(crate) fn a_cursor_moves_between_threads<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, letters) = context.store_with("letters")?;
    fill_keys(&*store, &letters, &KEYS)?;
    let mut cursor = store.snapshot()?.cursor(&letters)?;
    assert!(cursor.seek(b"b")?);
    let moved = thread::spawn(move || {
        assert_eq!(key(&cursor), Some(&b"b"[..]));
        cursor.next().map(|found| (found, cursor))
    });
    let (found, cursor) = moved.join().expect("the thread does not panic")?;
    assert!(found);
    assert_eq!(key(&cursor), Some(&b"d"[..]));
    Ok(())
}

pub(crate) fn cursors_of_one_snapshot_are_independent<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, letters) = context.store_with("letters")?;
    fill_keys(&*store, &letters, &KEYS)?;
    let snapshot = store.snapshot()?;
    let mut first = snapshot.cursor(&letters)?;
    let mut second = snapshot.cursor(&letters)?;
    assert!(first.seek(b"b")?);
    assert!(second.seek(b"f")?);
    assert!(first.next()?);
    assert!(!second.next()?);
    drop(second);
    assert_eq!(key(&first), Some(&b"d"[..]));
    assert!(first.next()?);
    assert_eq!(key(&first), Some(&b"dd"[..]));
    Ok(())
}

pub(crate) fn seeks_beyond_the_longest_key_are_legal<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, long) = context.store_with("long")?;
    let longest = store.capabilities().key_bytes_max;
    let keys = [vec![5; longest], vec![6; longest]];
    fill_keys(&*store, &long, &[&keys[0], &keys[1]])?;
    let mut cursor = store.snapshot()?.cursor(&long)?;
    for more in [1, 2, 1000] {
        assert!(cursor.seek(&vec![5; longest + more])?);
        assert_eq!(key(&cursor), Some(keys[1].as_slice()));
        assert!(cursor.seek(&vec![0; longest + more])?);
        assert_eq!(key(&cursor), Some(keys[0].as_slice()));
        assert!(!cursor.seek(&vec![6; longest + more])?);
        assert!(cursor.seek(&vec![4; longest + more])?);
        assert!(cursor.next()?);
        assert_eq!(key(&cursor), Some(keys[1].as_slice()));
    }
    Ok(())
}

pub(crate) fn random_walks_agree_with_a_model<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, keyspace) = context.store_with("random")?;
    let (mut random, mut model) = (Random::new(2), BTreeMap::new());
    for _ in 0..300 {
        let (key, value) = (random.key(), random.value());
        store.put(&keyspace, &key, &value)?;
        model.insert(key, value);
    }
    let mut cursor = store.snapshot()?.cursor(&keyspace)?;
    for _ in 0..300 {
        let sought = random.key();
        let mut expected = model.range(sought.clone()..);
        let mut found = cursor.seek(&sought)?;
        for _ in 0..random.below(70) {
            let entry: Option<Entry> = expected.next().map(|(k, v)| (k.clone(), v.clone()));
            let present = cursor.entry().map(|(k, v)| (k.to_vec(), v.to_vec()));
            assert_eq!(found, entry.is_some());
            assert_eq!(present, entry);
            found = cursor.next()?;
        }
    }
    Ok(())
}
