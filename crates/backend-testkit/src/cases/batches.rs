//! Cases about atomic batches.

use crate::context::{Context, Factory, delete, entries, fill_keys, owned, put, refused};
use quadrille_backend::{ErrorKind, Keyspace, StorageBackend, StorageResult};

pub(crate) fn puts_and_deletes_mix<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu", b"kea"])?;
    store.batch(&[
        delete(&birds, b"emu"),
        put(&birds, b"owl", b"night"),
        put(&birds, b"kea", b"alpine"),
        delete(&birds, b"auk"),
    ])?;
    let expected: [(&[u8], &[u8]); 2] = [(b"kea", b"alpine"), (b"owl", b"night")];
    assert_eq!(entries(&*store, &birds)?, owned(&expected));
    Ok(())
}

pub(crate) fn the_later_operation_wins<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    store.batch(&[
        put(&birds, b"emu", b"1"),
        put(&birds, b"emu", b"2"),
        put(&birds, b"kea", b"1"),
        delete(&birds, b"kea"),
        delete(&birds, b"owl"),
        put(&birds, b"owl", b"1"),
    ])?;
    let expected: [(&[u8], &[u8]); 2] = [(b"emu", b"2"), (b"owl", b"1")];
    assert_eq!(entries(&*store, &birds)?, owned(&expected));
    Ok(())
}

pub(crate) fn a_batch_spans_keyspaces<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let fish = Keyspace::new("fish")?;
    store.create_keyspace(&fish)?;
    store.batch(&[put(&birds, b"emu", b"big"), put(&fish, b"eel", b"long")])?;
    assert_eq!(entries(&*store, &birds)?, owned(&[(b"emu", b"big")]));
    assert_eq!(entries(&*store, &fish)?, owned(&[(b"eel", b"long")]));
    Ok(())
}

pub(crate) fn a_failed_batch_leaves_nothing<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu"])?;
    let fish = Keyspace::new("fish")?;
    let unknown = [
        put(&birds, b"kea", b""),
        delete(&birds, b"emu"),
        put(&fish, b"eel", b""),
    ];
    refused(store.batch(&unknown), ErrorKind::NotFound);
    let too_long = vec![1; store.capabilities().key_bytes_max + 1];
    let illegal = [put(&birds, b"kea", b""), put(&birds, &too_long, b"")];
    refused(store.batch(&illegal), ErrorKind::Misuse);
    assert_eq!(entries(&*store, &birds)?, owned(&[(b"emu", b"emu")]));
    Ok(())
}

pub(crate) fn an_empty_batch_is_legal<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    store.batch(&[])?;
    assert!(entries(&*store, &birds)?.is_empty());
    Ok(())
}

pub(crate) fn a_large_batch_is_atomic<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, numbers) = context.store_with("numbers")?;
    let count = store
        .capabilities()
        .batch_operations_max
        .unwrap_or(usize::MAX)
        .min(20_000) as u32;
    let before = store.snapshot()?;
    // A scattered order, so that the batch reaches everywhere at once.
    let puts: Vec<_> = (0..count)
        .map(|n| n.wrapping_mul(0x9e37_79b1))
        .map(|n| put(&numbers, &n.to_be_bytes(), &[n as u8; 40]))
        .collect();
    store.batch(&puts)?;
    assert_eq!(store.keyspace_size(&numbers)?.0, u64::from(count));
    assert!(crate::context::snapshot_entries(&before, &numbers)?.is_empty());
    let deletes: Vec<_> = (0..count)
        .map(|n| n.wrapping_mul(0x9e37_79b1))
        .map(|n| delete(&numbers, &n.to_be_bytes()))
        .collect();
    store.batch(&deletes)?;
    assert!(entries(&*store, &numbers)?.is_empty());
    Ok(())
}
