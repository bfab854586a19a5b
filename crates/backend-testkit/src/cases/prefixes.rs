//! Cases about scans of all keys with a prefix, above all where the prefix has no successor of its own length.

use crate::context::{Context, Factory, Random, delete, fill_keys, put};
use quadrille_backend::{Keyspace, StorageBackend, StorageResult};
use std::collections::BTreeSet;

const KEYS: [&[u8]; 10] = [
    b"",
    b"a",
    b"a\0",
    b"a\xff",
    b"a\xff\0",
    b"a\xff\xff",
    b"b",
    b"\xff",
    b"\xff\xfe\xff",
    b"\xff\xff\xff",
];

fn check<B: StorageBackend>(backend: &B, keyspace: &Keyspace, prefix: &[u8]) -> StorageResult<()> {
    let scan = backend.prefix_scan(keyspace, prefix)?;
    let found: Vec<_> = scan.collect::<StorageResult<_>>()?;
    let found: Vec<&[u8]> = found.iter().map(|(key, _)| key.as_slice()).collect();
    let expected: Vec<&[u8]> = KEYS
        .into_iter()
        .filter(|key| key.starts_with(prefix))
        .collect();
    assert_eq!(found, expected, "prefix {prefix:?}");
    Ok(())
}

fn check_all<F: Factory>(context: &Context<F>, prefixes: &[&[u8]]) -> StorageResult<()> {
    let (store, keyspace) = context.store_with("prefixes")?;
    fill_keys(&*store, &keyspace, &KEYS)?;
    for prefix in prefixes {
        check(&*store, &keyspace, prefix)?;
    }
    Ok(())
}

pub(crate) fn only_keys_with_the_prefix_are_found<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    check_all(context, &[b"a", b"a\0", b"b", b"c", b"\0"])
}

pub(crate) fn the_empty_prefix_is_everything<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    check_all(context, &[b""])
}

pub(crate) fn prefixes_of_0xff_reach_the_end<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    check_all(
        context,
        &[b"\xff", b"\xff\xff", b"\xff\xff\xff", b"\xff\xfe"],
    )
}

pub(crate) fn a_prefix_that_ends_in_0xff_stops_in_time<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    check_all(context, &[b"a\xff", b"a\xff\xff", b"\xff\xfe\xff"])
}

pub(crate) fn a_prefix_longer_than_every_key_is_empty<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    check_all(context, &[b"a\xff\xff\xff\xff", &[0xff; 600], &[0; 600]])
}

pub(crate) fn a_key_is_its_own_prefix<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    check_all(context, &KEYS)
}

pub(crate) fn every_byte_can_be_a_prefix<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let bytes: Vec<[u8; 1]> = (0..=255).map(|byte| [byte]).collect();
    let prefixes: Vec<&[u8]> = bytes.iter().map(|byte| &byte[..]).collect();
    check_all(context, &prefixes)
}

pub(crate) fn prefixes_around_runs_of_0xff<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    check_all(
        context,
        &[
            b"\xfe",
            b"\xfe\xff",
            b"\xff\0",
            b"\xff\xff\xff\xff",
            b"`\xff",
            b"a\xfe\xff",
        ],
    )
}

pub(crate) fn a_prefix_scan_does_not_see_later_writes<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, keyspace) = context.store_with("prefixes")?;
    fill_keys(&*store, &keyspace, &KEYS)?;
    let scan = store.prefix_scan(&keyspace, b"a\xff")?;
    store.batch(&[
        delete(&keyspace, b"a\xff\0"),
        put(&keyspace, b"a\xff\x01", b""),
    ])?;
    let found: Vec<_> = scan.collect::<StorageResult<_>>()?;
    assert_eq!(found.len(), 3);
    assert_eq!(found[1].0, b"a\xff\0");
    Ok(())
}

pub(crate) fn random_prefixes_agree_with_a_model<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, keyspace) = context.store_with("random")?;
    let mut random = Random::new(6);
    let keys: BTreeSet<Vec<u8>> = (0..250).map(|_| random.key()).collect();
    let puts: Vec<_> = keys.iter().map(|key| put(&keyspace, key, key)).collect();
    store.batch(&puts)?;
    for _ in 0..300 {
        let prefix = random.key();
        let found: Vec<_> = store
            .prefix_scan(&keyspace, &prefix)?
            .collect::<StorageResult<_>>()?;
        let found: Vec<_> = found.into_iter().map(|(key, _)| key).collect();
        let expected = keys.iter().filter(|key| key.starts_with(&prefix));
        assert!(found.iter().eq(expected), "prefix {prefix:?}");
    }
    Ok(())
}
