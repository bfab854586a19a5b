//! Cases about the bulk path.

use crate::context::{
    Context, Entries, Factory, check_figures, delete, entries, fill_keys, ingest, put, refused,
    snapshot_entries,
};
use quadrille_backend::{Entry, ErrorKind, Keyspace, StorageBackend, StorageError, StorageResult};

fn numbers(count: u32) -> Vec<Entry> {
    (0..count)
        .map(|n| (n.to_be_bytes().to_vec(), vec![n as u8; (n % 97) as usize]))
        .collect()
}

pub(crate) fn all_entries_arrive<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, keyspace) = context.store_with("numbers")?;
    let filled = numbers(1000);
    assert_eq!(ingest(&*store, &keyspace, &filled)?, 1000);
    assert_eq!(entries(&*store, &keyspace)?, filled);
    assert_eq!(
        store.get(&keyspace, &7_u32.to_be_bytes())?,
        Some(vec![7; 7])
    );
    Ok(())
}

pub(crate) fn no_entries_are_legal<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, keyspace) = context.store_with("numbers")?;
    assert_eq!(ingest(&*store, &keyspace, &[])?, 0);
    assert!(entries(&*store, &keyspace)?.is_empty());
    assert_eq!(ingest(&*store, &keyspace, &numbers(3))?, 3);
    Ok(())
}

pub(crate) fn a_filled_keyspace_is_refused<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, keyspace) = context.store_with("numbers")?;
    fill_keys(&*store, &keyspace, &[b"a"])?;
    refused(ingest(&*store, &keyspace, &numbers(3)), ErrorKind::Misuse);
    assert_eq!(entries(&*store, &keyspace)?.len(), 1);
    store.delete(&keyspace, b"a")?;
    assert_eq!(ingest(&*store, &keyspace, &numbers(3))?, 3);
    refused(ingest(&*store, &keyspace, &numbers(3)), ErrorKind::Misuse);
    assert_eq!(entries(&*store, &keyspace)?, numbers(3));
    Ok(())
}

pub(crate) fn keys_that_do_not_ascend_are_refused<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    for bad in [&b"b"[..], b"a", b""] {
        let (store, keyspace) = context.store_with("letters")?;
        let filled = [
            (b"a".to_vec(), vec![]),
            (b"b".to_vec(), vec![]),
            (bad.to_vec(), vec![]),
        ];
        refused(ingest(&*store, &keyspace, &filled), ErrorKind::Misuse);
        store.drop_keyspace(&keyspace)?;
        store.create_keyspace(&keyspace)?;
        assert!(entries(&*store, &keyspace)?.is_empty());
    }
    Ok(())
}

pub(crate) fn an_unknown_keyspace_is_not_found<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let store = context.store()?;
    let fish = Keyspace::new("fish")?;
    refused(ingest(&*store, &fish, &numbers(3)), ErrorKind::NotFound);
    Ok(())
}

pub(crate) fn a_key_too_long_is_refused<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, keyspace) = context.store_with("long")?;
    let longest = store.capabilities().key_bytes_max;
    let legal = vec![1; longest];
    let filled = [(legal.clone(), vec![]), (vec![2; longest + 1], vec![])];
    refused(ingest(&*store, &keyspace, &filled), ErrorKind::Misuse);
    store.drop_keyspace(&keyspace)?;
    store.create_keyspace(&keyspace)?;
    assert_eq!(ingest(&*store, &keyspace, &filled[..1])?, 1);
    assert!(store.contains(&keyspace, &legal)?);
    Ok(())
}

pub(crate) fn an_error_of_the_source_comes_back<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, keyspace) = context.store_with("numbers")?;
    let cancelled = || StorageError::new(ErrorKind::Cancelled, "enough");
    let source = numbers(100).into_iter().map(Ok).chain([Err(cancelled())]);
    let result = store.ingest(&keyspace, &mut Entries::new(source));
    let error = result.expect_err("the source failed");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(error.message(), "enough");
    store.drop_keyspace(&keyspace)?;
    store.create_keyspace(&keyspace)?;
    assert_eq!(ingest(&*store, &keyspace, &numbers(100))?, 100);
    assert_eq!(entries(&*store, &keyspace)?, numbers(100));
    Ok(())
}

pub(crate) fn writes_go_on_after_it<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, keyspace) = context.store_with("numbers")?;
    let mut filled = numbers(2000);
    ingest(&*store, &keyspace, &filled)?;
    store.batch(&[
        put(&keyspace, &500_u32.to_be_bytes(), b"changed"),
        delete(&keyspace, &1000_u32.to_be_bytes()),
        put(&keyspace, b"\xff", b"last"),
        put(&keyspace, b"", b"first"),
    ])?;
    filled[500].1 = b"changed".to_vec();
    filled.remove(1000);
    filled.push((b"\xff".to_vec(), b"last".to_vec()));
    filled.insert(0, (vec![], b"first".to_vec()));
    assert_eq!(entries(&*store, &keyspace)?, filled);
    Ok(())
}

/// Some 40 MB, more than a backend would buffer in one piece.
pub(crate) fn many_entries_keep_their_order<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, keyspace) = context.store_with("numbers")?;
    let value = |n: u32| vec![(n >> 3) as u8; 1900];
    let source = (0..20_000_u32).map(|n| Ok((n.to_be_bytes().to_vec(), value(n))));
    assert_eq!(store.ingest(&keyspace, &mut Entries::new(source))?, 20_000);
    let mut expected = 0;
    for entry in store.range_scan(&keyspace, &[], None, None)? {
        let (key, found) = entry?;
        assert_eq!(key, expected_key(expected));
        assert!(found == value(expected));
        expected += 1;
    }
    assert_eq!(expected, 20_000);
    Ok(())
}

fn expected_key(n: u32) -> Vec<u8> {
    n.to_be_bytes().to_vec()
}

pub(crate) fn older_snapshots_do_not_see_it<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, keyspace) = context.store_with("numbers")?;
    let before = store.snapshot()?;
    ingest(&*store, &keyspace, &numbers(100))?;
    assert!(snapshot_entries(&before, &keyspace)?.is_empty());
    assert_eq!(
        snapshot_entries(&store.snapshot()?, &keyspace)?,
        numbers(100)
    );
    Ok(())
}

/// What is there after a failure is the beginning of what was ingested, counted exactly, and goes with its keyspace.
pub(crate) fn what_a_failed_one_leaves_can_be_dropped<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, keyspace) = context.store_with("numbers")?;
    let kept = Keyspace::new("kept")?;
    store.create_keyspace(&kept)?;
    fill_keys(&*store, &kept, &[b"emu"])?;
    let mut filled = numbers(5000);
    filled.push((vec![], vec![]));
    refused(ingest(&*store, &keyspace, &filled), ErrorKind::Misuse);
    let left = entries(&*store, &keyspace)?;
    assert!(filled.starts_with(&left));
    check_figures(&*store);
    store.drop_keyspace(&keyspace)?;
    assert_eq!(store.keyspaces()?, [kept]);
    assert_eq!(store.stats()?.key_count, 1);
    Ok(())
}
