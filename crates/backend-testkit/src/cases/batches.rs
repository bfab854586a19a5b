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

/// A scattered batch of some entries, read back, replaced by another and deleted by a third.
fn a_batch_of<F: Factory>(context: &Context<F>, count: u32) -> StorageResult<()> {
    let (store, numbers) = context.store_with("numbers")?;
    let most = store.capabilities().batch_operations_max;
    let count = count.min(most.map_or(u32::MAX, |most| most as u32));
    let key = |n: u32| n.wrapping_mul(0x9e37_79b1).to_be_bytes();
    for round in 0..2_u8 {
        let value = |n: u32| [n as u8, round, 7];
        let puts = (0..count).map(|n| put(&numbers, &key(n), &value(n)));
        store.batch(&puts.collect::<Vec<_>>())?;
        let size = u64::from(count);
        assert_eq!(store.keyspace_size(&numbers)?, (size, size * 7));
        for n in [0, count / 2, count - 1] {
            assert_eq!(store.get(&numbers, &key(n))?, Some(value(n).to_vec()));
        }
    }
    let deletes: Vec<_> = (0..count).map(|n| delete(&numbers, &key(n))).collect();
    store.batch(&deletes)?;
    assert_eq!(store.keyspace_size(&numbers)?, (0, 0));
    assert!(entries(&*store, &numbers)?.is_empty());
    Ok(())
}

pub(crate) fn a_batch_of_1<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    a_batch_of(context, 1)
}

pub(crate) fn a_batch_of_100<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    a_batch_of(context, 100)
}

pub(crate) fn a_batch_of_10_000<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    a_batch_of(context, 10_000)
}

pub(crate) fn a_batch_of_100_000<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    a_batch_of(context, 100_000)
}

pub(crate) fn a_batch_past_the_limit_is_refused<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, numbers) = context.store_with("numbers")?;
    let most = store.capabilities().batch_operations_max;
    let most = most.expect("asked for beforehand") as u32;
    let puts = |count: u32| -> Vec<_> {
        let numbered = (0..count).map(|n| put(&numbers, &n.to_be_bytes(), b""));
        numbered.collect()
    };
    refused(store.batch(&puts(most + 1)), ErrorKind::Misuse);
    assert!(entries(&*store, &numbers)?.is_empty());
    store.batch(&puts(most))?;
    assert_eq!(store.keyspace_size(&numbers)?.0, u64::from(most));
    Ok(())
}

/// Every order of a put, another put and a delete of one key, over a key that is there and one that is not.
pub(crate) fn every_order_on_one_key<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    for there in [false, true] {
        for order in [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ] {
            store.delete(&birds, b"emu")?;
            if there {
                store.put(&birds, b"emu", b"before")?;
            }
            let operation = |nth: usize| match nth {
                0 => put(&birds, b"emu", b"a longer value than before"),
                1 => put(&birds, b"emu", b""),
                _ => delete(&birds, b"emu"),
            };
            store.batch(&order.map(operation))?;
            let expected: Option<&[u8]> = match order[2] {
                0 => Some(b"a longer value than before"),
                1 => Some(b""),
                _ => None,
            };
            assert_eq!(store.get(&birds, b"emu")?.as_deref(), expected, "{order:?}");
            let count = u64::from(expected.is_some());
            assert_eq!(store.keyspace_size(&birds)?.0, count, "{order:?}");
        }
    }
    Ok(())
}

pub(crate) fn many_writes_of_one_key_keep_the_last<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let puts: Vec<_> = (0..1000_u32)
        .map(|n| put(&birds, b"emu", &vec![1; (n * 37 % 500) as usize]))
        .collect();
    store.batch(&puts)?;
    let last = (999 * 37 % 500) as usize;
    assert_eq!(store.get(&birds, b"emu")?, Some(vec![1; last]));
    assert_eq!(store.keyspace_size(&birds)?, (1, 3 + last as u64));
    Ok(())
}

pub(crate) fn deletes_alone_are_legal<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"auk", b"emu", b"kea"])?;
    store.batch(&[
        delete(&birds, b"auk"),
        delete(&birds, b"absent"),
        delete(&birds, b"auk"),
        delete(&birds, b"kea"),
        delete(&birds, b""),
    ])?;
    assert_eq!(entries(&*store, &birds)?, owned(&[(b"emu", b"emu")]));
    Ok(())
}

pub(crate) fn one_key_in_two_keyspaces_is_two<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let fish = Keyspace::new("fish")?;
    store.create_keyspace(&fish)?;
    store.batch(&[
        put(&birds, b"skate", b"no bird"),
        put(&fish, b"skate", b"a ray"),
        delete(&birds, b"skate"),
    ])?;
    assert!(entries(&*store, &birds)?.is_empty());
    assert_eq!(entries(&*store, &fish)?, owned(&[(b"skate", b"a ray")]));
    Ok(())
}

pub(crate) fn large_and_small_values_mix<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, values) = context.store_with("values")?;
    let value = |n: u32| vec![n as u8; [0, 3, 900, 70_000, 20][(n % 5) as usize]];
    let puts: Vec<_> = (0..100_u32)
        .map(|n| put(&values, &n.to_be_bytes(), &value(n)))
        .collect();
    store.batch(&puts)?;
    let all = entries(&*store, &values)?;
    let expected = (0..100_u32).map(|n| (n.to_be_bytes().to_vec(), value(n)));
    assert!(all.into_iter().eq(expected));
    Ok(())
}
