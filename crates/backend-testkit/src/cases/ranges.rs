//! Cases about scans of `[start, end)`.

use crate::context::{Context, Factory, Random, fill_keys};
use quadrille_backend::{Keyspace, StorageBackend, StorageResult};
use std::collections::BTreeMap;

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
