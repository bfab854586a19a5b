//! Cases about one key at a time.

use crate::context::{Context, Factory, entries, put, refused};
use quadrille_backend::{
    ErrorKind, Keyspace, StorageBackend, StorageResult, StorageSnapshot, Transaction,
};

pub(crate) fn what_is_put_is_got<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    store.put(&birds, b"wren", b"small")?;
    store.put(&birds, b"rhea", b"tall")?;
    assert_eq!(store.get(&birds, b"wren")?.as_deref(), Some(&b"small"[..]));
    assert_eq!(store.get(&birds, b"rhea")?.as_deref(), Some(&b"tall"[..]));
    Ok(())
}

pub(crate) fn an_absent_key_is_none<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    assert_eq!(store.get(&birds, b"wren")?, None);
    store.put(&birds, b"wren", b"small")?;
    for near in [&b"wre"[..], b"wren\0", b"wreo", b"", b"\xff"] {
        assert_eq!(store.get(&birds, near)?, None, "{near:?}");
        assert!(!store.contains(&birds, near)?, "{near:?}");
    }
    Ok(())
}

pub(crate) fn put_replaces<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    for value in [&b"small"[..], b"very small indeed", b"", b"s"] {
        store.put(&birds, b"wren", value)?;
        assert_eq!(store.get(&birds, b"wren")?.as_deref(), Some(value));
    }
    assert_eq!(entries(&*store, &birds)?.len(), 1);
    Ok(())
}

pub(crate) fn delete_removes<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    store.put(&birds, b"wren", b"small")?;
    store.put(&birds, b"rhea", b"tall")?;
    store.delete(&birds, b"wren")?;
    assert_eq!(store.get(&birds, b"wren")?, None);
    assert_eq!(store.get(&birds, b"rhea")?.as_deref(), Some(&b"tall"[..]));
    store.put(&birds, b"wren", b"back")?;
    assert_eq!(store.get(&birds, b"wren")?.as_deref(), Some(&b"back"[..]));
    Ok(())
}

pub(crate) fn deleting_an_absent_key_is_no_error<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    store.delete(&birds, b"wren")?;
    store.delete(&birds, b"")?;
    let too_long = vec![7; store.capabilities().key_bytes_max + 1];
    store.delete(&birds, &too_long)?;
    assert!(entries(&*store, &birds)?.is_empty());
    Ok(())
}

pub(crate) fn contains_agrees_with_get<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    for name in [&b"wren"[..], b"rhea", b""] {
        store.put(&birds, name, b"")?;
    }
    for name in [&b"wren"[..], b"rhea", b"", b"ruff", b"w", b"\0"] {
        let got = store.get(&birds, name)?.is_some();
        assert_eq!(store.contains(&birds, name)?, got, "{name:?}");
    }
    Ok(())
}

pub(crate) fn the_empty_key_and_the_empty_value_are_legal<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    store.put(&birds, b"", b"nameless")?;
    store.put(&birds, b"wren", b"")?;
    assert_eq!(store.get(&birds, b"")?.as_deref(), Some(&b"nameless"[..]));
    assert_eq!(store.get(&birds, b"wren")?.as_deref(), Some(&b""[..]));
    let all = entries(&*store, &birds)?;
    assert_eq!(all.first().map(|(key, _)| key.len()), Some(0));
    store.delete(&birds, b"")?;
    assert_eq!(store.get(&birds, b"")?, None);
    assert_eq!(entries(&*store, &birds)?.len(), 1);
    Ok(())
}

pub(crate) fn keys_of_zero_bytes_are_told_apart<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, zeros) = context.store_with("zeros")?;
    for length in [3_usize, 0, 5, 1, 4, 2] {
        store.put(&zeros, &vec![0; length], &[length as u8])?;
    }
    store.put(&zeros, &[0, 1], b"other")?;
    let keys: Vec<_> = entries(&*store, &zeros)?;
    let keys: Vec<&[u8]> = keys.iter().map(|(key, _)| key.as_slice()).collect();
    let expected: [&[u8]; 7] = [
        &[],
        &[0],
        &[0, 0],
        &[0, 0, 0],
        &[0, 0, 0, 0],
        &[0, 0, 0, 0, 0],
        &[0, 1],
    ];
    assert_eq!(keys, expected);
    store.delete(&zeros, &[0, 0])?;
    assert_eq!(store.get(&zeros, &[0, 0])?, None);
    assert_eq!(store.get(&zeros, &[0, 0, 0])?.as_deref(), Some(&[3][..]));
    Ok(())
}

pub(crate) fn every_byte_can_be_a_key<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, bytes) = context.store_with("bytes")?;
    for byte in (0..=255_u8).rev() {
        store.put(&bytes, &[byte], &[byte, byte])?;
    }
    let all = entries(&*store, &bytes)?;
    let expected: Vec<_> = (0..=255_u8).map(|b| (vec![b], vec![b, b])).collect();
    assert_eq!(all, expected);
    Ok(())
}

pub(crate) fn the_longest_key_is_kept<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, long) = context.store_with("long")?;
    let longest = store.capabilities().key_bytes_max;
    assert!(longest >= 64);
    for byte in [0, 1, 0xff] {
        let key = vec![byte; longest];
        store.put(&long, &key, b"here")?;
        assert_eq!(store.get(&long, &key)?.as_deref(), Some(&b"here"[..]));
        assert_eq!(store.get(&long, &vec![byte; longest - 1])?, None);
    }
    let lengths: Vec<_> = entries(&*store, &long)?;
    assert!(lengths.iter().all(|(key, _)| key.len() == longest));
    Ok(())
}

pub(crate) fn a_key_too_long_is_refused_and_not_written<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, long) = context.store_with("long")?;
    let key = vec![7; store.capabilities().key_bytes_max + 1];
    refused(store.put(&long, &key, b"here"), ErrorKind::Misuse);
    assert!(entries(&*store, &long)?.is_empty());
    assert_eq!(store.get(&long, &key)?, None);
    assert!(!store.contains(&long, &key)?);
    Ok(())
}

pub(crate) fn values_of_many_lengths_are_kept<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, values) = context.store_with("values")?;
    let preferred = store.capabilities().value_bytes_preferred;
    let lengths = [
        0,
        1,
        2,
        255,
        256,
        preferred - 1,
        preferred,
        preferred + 1,
        4095,
        4096,
        4097,
        65_535,
        65_536,
        1 << 20,
    ];
    let value = |length: usize| -> Vec<u8> { (0..length).map(|n| (n * 31) as u8).collect() };
    for length in lengths {
        store.put(&values, &(length as u32).to_be_bytes(), &value(length))?;
    }
    for length in lengths {
        let got = store.get(&values, &(length as u32).to_be_bytes())?;
        assert!(got == Some(value(length)), "a value of {length} bytes");
    }
    Ok(())
}

pub(crate) fn a_value_of_ten_megabytes_is_kept<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, values) = context.store_with("values")?;
    let value: Vec<u8> = (0..10_u32 << 20).map(|n| (n ^ (n >> 8)) as u8).collect();
    store.put(&values, b"large", &value)?;
    store.put(&values, b"small", b"beside it")?;
    assert!(store.get(&values, b"large")?.as_deref() == Some(value.as_slice()));
    store.put(&values, b"large", b"no more")?;
    assert_eq!(
        store.get(&values, b"large")?.as_deref(),
        Some(&b"no more"[..])
    );
    Ok(())
}

pub(crate) fn an_unknown_keyspace_is_not_found<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let store = context.store()?;
    let fish = Keyspace::new("fish")?;
    refused(store.get(&fish, b"eel"), ErrorKind::NotFound);
    refused(store.contains(&fish, b"eel"), ErrorKind::NotFound);
    refused(store.put(&fish, b"eel", b"long"), ErrorKind::NotFound);
    refused(store.delete(&fish, b"eel"), ErrorKind::NotFound);
    refused(store.prefix_scan(&fish, b""), ErrorKind::NotFound);
    refused(store.keyspace_size(&fish), ErrorKind::NotFound);
    assert!(store.keyspaces()?.is_empty());
    Ok(())
}

pub(crate) fn unicode_keys_are_bytes_in_order<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, words) = context.store_with("words")?;
    // Composed and decomposed forms, right to left, beyond the basic plane: each is its own bytes.
    let mut keys = [
        "\u{e9}t\u{e9}",
        "e\u{301}te\u{301}",
        "\u{fb01}n",
        "fin",
        "\u{5e9}\u{5dc}\u{5d5}\u{5dd}",
        "\u{9db4}",
        "\u{1f426}\u{200d}\u{2b1b}",
        "\u{10ffff}",
        "ÄPFEL",
        "äpfel",
    ];
    for key in keys {
        store.put(&words, key.as_bytes(), key.as_bytes())?;
    }
    keys.sort_by_key(|key| key.as_bytes());
    let expected: Vec<_> = keys.map(|key| (key.into(), key.into())).into();
    assert_eq!(entries(&*store, &words)?, expected);
    assert!(!store.contains(&words, "\u{e9}te\u{301}".as_bytes())?);
    Ok(())
}

pub(crate) fn values_need_not_be_text<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, values) = context.store_with("values")?;
    let all: Vec<u8> = (0..=255).collect();
    for value in [&all[..], b"\xff\xfe\0", b"\xc3\x28", "\u{1f426}".as_bytes()] {
        store.put(&values, b"key", value)?;
        assert_eq!(store.get(&values, b"key")?.as_deref(), Some(value));
    }
    Ok(())
}

pub(crate) fn keys_of_every_length_are_kept<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, long) = context.store_with("long")?;
    let longest = store.capabilities().key_bytes_max.min(1200);
    for lengths in (0..=longest).collect::<Vec<_>>().chunks(100) {
        let puts: Vec<_> = lengths
            .iter()
            .map(|&length| put(&long, &vec![b'k'; length], &length.to_le_bytes()))
            .collect();
        store.batch(&puts)?;
    }
    let all = entries(&*store, &long)?;
    assert_eq!(all.len(), longest + 1);
    for (length, (key, value)) in all.iter().enumerate() {
        assert_eq!(
            (key.len(), value.as_slice()),
            (length, &length.to_le_bytes()[..])
        );
    }
    Ok(())
}

pub(crate) fn long_keys_that_differ_in_the_last_byte<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, long) = context.store_with("long")?;
    let longest = store.capabilities().key_bytes_max;
    let key = |last: u8| [vec![0x61; longest - 1], vec![last]].concat();
    for last in [9, 0, 255, 3] {
        store.put(&long, &key(last), &[last; 3000])?;
    }
    store.delete(&long, &key(3))?;
    let expected: Vec<_> = [0, 9, 255].map(|n| (key(n), vec![n; 3000])).into();
    assert!(entries(&*store, &long)? == expected);
    assert_eq!(store.get(&long, &key(1))?, None);
    Ok(())
}

pub(crate) fn a_value_grows_and_shrinks<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, values) = context.store_with("values")?;
    store.put(&values, b"beside", b"it")?;
    for length in [1, 100_000, 0, 5000, 3, 300_000, 2] {
        store.put(&values, b"key", &vec![length as u8; length])?;
        let found = store.get(&values, b"key")?;
        assert!(found == Some(vec![length as u8; length]), "{length} bytes");
        let size = store.keyspace_size(&values)?;
        assert_eq!(size, (2, (6 + 2 + 3 + length) as u64));
    }
    Ok(())
}

pub(crate) fn many_keys_come_and_go_one_by_one<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, numbers) = context.store_with("numbers")?;
    let scattered = |n: u32| n.wrapping_mul(0x9e37_79b1).to_be_bytes();
    for n in 0..300 {
        store.put(&numbers, &scattered(n), &n.to_le_bytes())?;
        if n >= 20 {
            store.delete(&numbers, &scattered(n - 20))?;
        }
        assert_eq!(
            store.get(&numbers, &scattered(n))?,
            Some(n.to_le_bytes().into())
        );
    }
    assert_eq!(entries(&*store, &numbers)?.len(), 20);
    assert!(store.contains(&numbers, &scattered(280))?);
    assert!(!store.contains(&numbers, &scattered(279))?);
    Ok(())
}

pub(crate) fn a_value_too_long_is_refused_and_not_written<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, values) = context.store_with("values")?;
    let length = store.capabilities().value_bytes_max + 1;
    // Zeroed memory takes address space alone until it is written to, but where even that is short, says so.
    let room = Vec::<u8>::new().try_reserve_exact(length);
    assert!(
        room.is_ok(),
        "no {length} bytes of address space for this case"
    );
    let value = vec![0; length];
    let mut transaction = store.begin()?;
    refused(transaction.put(&values, b"long", &value), ErrorKind::Misuse);
    transaction.put(&values, b"short", b"goes on")?;
    transaction.commit()?;
    refused(store.put(&values, b"long", &value), ErrorKind::Misuse);
    assert_eq!(entries(&*store, &values)?.len(), 1);
    Ok(())
}

pub(crate) fn what_is_declared_is_enough<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, values) = context.store_with("values")?;
    let declared = store.capabilities();
    assert!(declared.key_bytes_max >= 64, "{declared:?}");
    assert!(declared.value_bytes_max >= 1 << 30, "{declared:?}");
    assert!(declared.value_bytes_preferred <= declared.value_bytes_max);
    let (key, value) = ([7; 32], vec![1; declared.value_bytes_preferred]);
    store.put(&values, &key, &value)?;
    assert_eq!(store.get(&values, &key)?, Some(value));
    assert_eq!(store.capabilities(), declared, "they do not change");
    Ok(())
}

pub(crate) fn errors_name_the_keyspace<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let store = context.store()?;
    let fish = Keyspace::new("fish")?;
    let transaction = store.begin()?;
    let found = [
        transaction.get(&fish, b"eel").map(drop),
        transaction.seek(&fish, b"eel").map(drop),
        store.keyspace_size(&fish).map(drop),
        store.snapshot()?.get(&fish, b"eel").map(drop),
    ];
    drop(transaction);
    let dropped = store.drop_keyspace(&fish);
    for result in found.into_iter().chain([dropped]) {
        let error = result.expect_err("there is no such keyspace");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.keyspace(), Some(&fish), "{error}");
    }
    Ok(())
}
