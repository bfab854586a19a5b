//! Cases about scans of `[start, end)`.

use crate::context::{Context, Factory, Random, delete, fill_keys, ingest, put, refused};
use quadrille_backend::{ErrorKind, Keyspace, StorageBackend, StorageResult, StorageSnapshot};
use std::collections::BTreeMap;
use std::thread;

const KEYS: [&[u8]; 5] = [b"a", b"b", b"ba", b"c", b"d"];

fn keys<B: StorageBackend>(
    backend: &B,
    keyspace: &Keyspace,
    start: &[u8],
    end: Option<&[u8]>,
    limit: Option<usize>,
) -> StorageResult<Vec<String>> {
    let scan = backend.range_scan(keyspace, start, end, limit)?;
    scan.map(|entry| entry.map(|(key, _)| String::from_utf8_lossy(&key).into_owned()))
        .collect()
}

pub(crate) fn the_start_is_in_and_the_end_is_out<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, letters) = context.store_with("letters")?;
    fill_keys(&*store, &letters, &KEYS)?;
    let found = keys(&*store, &letters, b"b", Some(b"d"), None)?;
    assert_eq!(found, ["b", "ba", "c"]);
    Ok(())
}

pub(crate) fn no_end_is_unbounded<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, letters) = context.store_with("letters")?;
    fill_keys(&*store, &letters, &KEYS)?;
    assert_eq!(keys(&*store, &letters, b"", None, None)?.len(), KEYS.len());
    assert_eq!(keys(&*store, &letters, b"c", None, None)?, ["c", "d"]);
    assert!(keys(&*store, &letters, b"dd", None, None)?.is_empty());
    Ok(())
}

pub(crate) fn an_end_at_or_below_the_start_is_empty<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, letters) = context.store_with("letters")?;
    fill_keys(&*store, &letters, &KEYS)?;
    for end in [&b"b"[..], b"a", b""] {
        assert!(keys(&*store, &letters, b"b", Some(end), None)?.is_empty());
    }
    Ok(())
}

pub(crate) fn the_limit_is_kept<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, letters) = context.store_with("letters")?;
    fill_keys(&*store, &letters, &KEYS)?;
    for limit in 0..7 {
        let found = keys(&*store, &letters, b"b", None, Some(limit))?;
        assert_eq!(found.len(), limit.min(4));
    }
    Ok(())
}

pub(crate) fn bounds_need_not_be_keys<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, letters) = context.store_with("letters")?;
    fill_keys(&*store, &letters, &KEYS)?;
    let found = keys(&*store, &letters, b"aa", Some(b"cc"), None)?;
    assert_eq!(found, ["b", "ba", "c"]);
    let found = keys(&*store, &letters, b"b\0", Some(b"ba\0"), None)?;
    assert_eq!(found, ["ba"]);
    Ok(())
}

pub(crate) fn random_ranges_agree_with_a_model<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, keyspace) = context.store_with("random")?;
    let (mut random, mut model) = (Random::new(1), BTreeMap::new());
    for _ in 0..400 {
        let (key, value) = (random.key(), random.value());
        store.put(&keyspace, &key, &value)?;
        model.insert(key, value);
    }
    for _ in 0..500 {
        let (start, end) = (random.key(), random.key());
        let limit = random.below(20) as usize;
        let found: Vec<_> = store
            .range_scan(&keyspace, &start, Some(&end), Some(limit))?
            .collect::<StorageResult<_>>()?;
        let above = model.range(start..).take_while(|(key, _)| **key < end);
        let expected: Vec<_> = above
            .take(limit)
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        assert_eq!(found, expected);
    }
    Ok(())
}

pub(crate) fn an_empty_keyspace_has_no_ranges<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, letters) = context.store_with("letters")?;
    let ends: [Option<&[u8]>; 3] = [None, Some(b"z"), Some(b"")];
    for end in ends {
        assert!(keys(&*store, &letters, b"", end, None)?.is_empty());
    }
    Ok(())
}

pub(crate) fn one_key_can_be_a_range<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, letters) = context.store_with("letters")?;
    fill_keys(&*store, &letters, &KEYS)?;
    assert_eq!(keys(&*store, &letters, b"b", Some(b"b\0"), None)?, ["b"]);
    assert_eq!(keys(&*store, &letters, b"d", Some(b"\xff"), None)?, ["d"]);
    assert!(keys(&*store, &letters, b"bb", Some(b"c"), None)?.is_empty());
    Ok(())
}

pub(crate) fn the_empty_key_is_in_ranges_from_the_start<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, letters) = context.store_with("letters")?;
    fill_keys(&*store, &letters, &[b"", b"\0", b"a"])?;
    assert_eq!(keys(&*store, &letters, b"", Some(b"a"), None)?, ["", "\0"]);
    assert_eq!(keys(&*store, &letters, b"", Some(b"\0"), None)?, [""]);
    assert_eq!(keys(&*store, &letters, b"\0", None, None)?, ["\0", "a"]);
    Ok(())
}

pub(crate) fn bounds_longer_than_any_key_are_legal<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, letters) = context.store_with("letters")?;
    fill_keys(&*store, &letters, &KEYS)?;
    let longest = store.capabilities().key_bytes_max;
    let bound = |first: u8| vec![first; longest + 10];
    let found = keys(&*store, &letters, &bound(b'a'), Some(&bound(b'c')), None)?;
    assert_eq!(found, ["b", "ba", "c"]);
    assert!(keys(&*store, &letters, &bound(b'd'), None, None)?.is_empty());
    Ok(())
}

pub(crate) fn a_scan_that_ended_has_ended<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, letters) = context.store_with("letters")?;
    fill_keys(&*store, &letters, &KEYS)?;
    let mut scan = store.range_scan(&letters, b"c", Some(b"d"), None)?;
    assert!(scan.next().transpose()?.is_some());
    for _ in 0..3 {
        assert!(scan.next().is_none());
    }
    Ok(())
}

pub(crate) fn a_scan_can_be_left_midway<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, letters) = context.store_with("letters")?;
    fill_keys(&*store, &letters, &KEYS)?;
    let firsts: Vec<_> = store
        .range_scan(&letters, b"", None, None)?
        .take(2)
        .collect::<StorageResult<_>>()?;
    assert_eq!(firsts.len(), 2);
    store.delete(&letters, b"a")?;
    assert_eq!(keys(&*store, &letters, b"", None, Some(1))?, ["b"]);
    Ok(())
}

pub(crate) fn a_scan_does_not_see_later_writes<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, letters) = context.store_with("letters")?;
    fill_keys(&*store, &letters, &KEYS)?;
    let mut scan = store.range_scan(&letters, b"", None, None)?;
    let first = scan.next().transpose()?;
    assert_eq!(first.map(|(key, _)| key), Some(b"a".to_vec()));
    store.batch(&[
        delete(&letters, b"b"),
        put(&letters, b"bb", b"new"),
        put(&letters, b"d", b"changed"),
        put(&letters, b"e", b"new"),
    ])?;
    let rest: Vec<_> = scan.collect::<StorageResult<_>>()?;
    let expected: Vec<_> = KEYS[1..].iter().map(|k| (k.to_vec(), k.to_vec())).collect();
    assert_eq!(rest, expected);
    assert_eq!(keys(&*store, &letters, b"b", None, None)?.len(), 5);
    Ok(())
}

/// Each entry is deleted as soon as the scan has reached it, and another written ahead of the scan.
pub(crate) fn a_scan_goes_on_while_its_entries_are_changed<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, numbers) = context.store_with("numbers")?;
    let filled: Vec<_> = (0..200_u32)
        .map(|n| ((n * 2).to_be_bytes().to_vec(), vec![n as u8; 50]))
        .collect();
    ingest(&*store, &numbers, &filled)?;
    let mut seen = Vec::new();
    for entry in store.range_scan(&numbers, &[], None, None)? {
        let (key, value) = entry?;
        if seen.len() % 10 == 0 {
            let ahead = (seen.len() as u32 * 2 + 21).to_be_bytes();
            store.batch(&[delete(&numbers, &key), put(&numbers, &ahead, b"ahead")])?;
        }
        seen.push((key, value));
    }
    assert_eq!(seen, filled);
    assert_eq!(store.keyspace_size(&numbers)?.0, 200);
    Ok(())
}

pub(crate) fn a_scan_outlives_its_keyspace<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, letters) = context.store_with("letters")?;
    fill_keys(&*store, &letters, &KEYS)?;
    let mut scan = store.range_scan(&letters, b"b", None, None)?;
    assert!(scan.next().transpose()?.is_some());
    store.drop_keyspace(&letters)?;
    store.create_keyspace(&letters)?;
    store.put(&letters, b"z", b"of another keyspace")?;
    let rest: Vec<_> = scan.collect::<StorageResult<_>>()?;
    assert_eq!(rest.len(), 3);
    assert_eq!(rest[2].0, b"d");
    Ok(())
}

/// A thread writes all the while; every scan shows the whole of one commit.
pub(crate) fn scans_during_writes_show_one_commit<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, numbers) = context.store_with("numbers")?;
    thread::scope(|scope| {
        let (backend, keyspace) = (&*store, &numbers);
        let writer = scope.spawn(move || {
            (1..=60_u32).try_for_each(|round| {
                let puts = (0..round % 20 + 5).map(|n| put(keyspace, &n.to_be_bytes(), &[1; 9]));
                let deletes = (0..40_u32).map(|n| delete(keyspace, &n.to_be_bytes()));
                let last = put(keyspace, b"\xff", &(round % 20 + 5).to_be_bytes());
                backend.batch(&deletes.chain(puts).chain([last]).collect::<Vec<_>>())
            })
        });
        while !writer.is_finished() {
            let mut all: Vec<_> = backend
                .range_scan(keyspace, &[], None, None)?
                .collect::<StorageResult<_>>()?;
            if let Some((_, count)) = all.pop() {
                assert_eq!(count, (all.len() as u32).to_be_bytes());
            }
        }
        writer.join().expect("no panic")
    })
}

pub(crate) fn an_unknown_keyspace_has_no_ranges<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, letters) = context.store_with("letters")?;
    let absent = Keyspace::new("absent")?;
    refused(
        store.range_scan(&absent, b"", None, None),
        ErrorKind::NotFound,
    );
    let snapshot = store.snapshot()?;
    refused(
        snapshot.range_scan(&absent, b"", None, None),
        ErrorKind::NotFound,
    );
    assert!(keys(&*store, &letters, b"", None, Some(0))?.is_empty());
    Ok(())
}
