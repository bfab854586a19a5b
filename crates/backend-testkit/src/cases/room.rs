//! Cases about having no room: in a store with little of it, and on a disk that is full.

use crate::context::{
    Context, Entries, Factory, SMALL_BYTES, check_figures, delete, entries, fill_keys, owned, put,
    refused, temporary,
};
use crate::small_disk;
use crate::tasks::{NUMBERS, Task, verdict};
use quadrille_backend::{
    Durability, ErrorKind, Keyspace, StorageBackend, StorageError, StorageResult, Transaction,
};
use std::fs;
use std::path::Path;

/// A transaction that writes more than a small store has room for; the first error.
fn write_too_much<B: StorageBackend>(backend: &B, keyspace: &Keyspace) -> StorageResult<()> {
    let mut transaction = backend.begin()?;
    for n in 0..(SMALL_BYTES / 1000 * 3) as u32 {
        transaction.put(keyspace, &n.to_be_bytes(), &[n as u8; 1000])?;
    }
    transaction.commit()
}

pub(crate) fn what_finds_no_room_is_full<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, numbers) = context.small_store_with("numbers")?;
    refused(write_too_much(&*store, &numbers), ErrorKind::Full);
    let puts: Vec<_> = (0..(SMALL_BYTES / 1000 * 3) as u32)
        .map(|n| put(&numbers, &n.to_be_bytes(), &[n as u8; 1000]))
        .collect();
    refused(store.batch(&puts), ErrorKind::Full);
    let large = vec![1; SMALL_BYTES * 3];
    refused(store.put(&numbers, b"large", &large), ErrorKind::Full);
    let error = store.put(&numbers, b"large", &large).expect_err("no room");
    assert!(error.to_string().starts_with("full: "), "{error}");
    Ok(())
}

pub(crate) fn nothing_of_a_full_transaction_is_visible<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, numbers) = context.small_store_with("numbers")?;
    fill_keys(&*store, &numbers, &[b"kept", b"too"])?;
    refused(write_too_much(&*store, &numbers), ErrorKind::Full);
    let kept = owned(&[(b"kept", b"kept"), (b"too", b"too")]);
    assert_eq!(entries(&*store, &numbers)?, kept);
    check_figures(&*store);
    store.put(&numbers, b"more", b"goes on")?;
    assert_eq!(entries(&*store, &numbers)?.len(), 3);
    Ok(())
}

pub(crate) fn after_full_only_rolling_back_is_left<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, numbers) = context.small_store_with("numbers")?;
    let mut transaction = store.begin()?;
    let full = (0..(SMALL_BYTES / 1000 * 3) as u32)
        .try_for_each(|n| transaction.put(&numbers, &n.to_be_bytes(), &[n as u8; 1000]));
    // An engine may also notice at the end.
    if full.is_err() {
        refused(full, ErrorKind::Full);
        assert!(transaction.put(&numbers, b"small", b"").is_err());
        assert!(transaction.commit().is_err());
    } else {
        refused(transaction.commit(), ErrorKind::Full);
    }
    assert!(entries(&*store, &numbers)?.is_empty());
    let mut transaction = store.begin()?;
    transaction.put(&numbers, b"small", b"")?;
    transaction.commit()
}

/// Fills a store to the brim, makes room and fills it again, several times over.
pub(crate) fn deleting_makes_room_again<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, numbers) = context.small_store_with("numbers")?;
    let key = |n: u32| n.to_be_bytes();
    for round in 0..3_u8 {
        let mut count = 0_u32;
        let full = loop {
            let puts: Vec<_> = (count..count + 64)
                .map(|n| put(&numbers, &key(n), &[round; 1000]))
                .collect();
            match store.batch(&puts) {
                Ok(()) => count += 64,
                Err(error) => break error,
            }
        };
        assert_eq!(full.kind(), ErrorKind::Full, "{full}");
        assert!(count as usize * 1000 > SMALL_BYTES / 4, "{count} entries");
        assert_eq!(store.keyspace_size(&numbers)?.0, u64::from(count));
        for some in (0..count).collect::<Vec<_>>().chunks(16) {
            let deletes: Vec<_> = some.iter().map(|n| delete(&numbers, &key(*n))).collect();
            store.batch(&deletes)?;
        }
        check_figures(&*store);
        assert_eq!(store.stats()?.key_count, 0);
    }
    store.put(&numbers, b"more", b"goes on")
}

pub(crate) fn an_ingest_without_room_is_full<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, numbers) = context.small_store_with("numbers")?;
    let kept = Keyspace::new("kept")?;
    store.create_keyspace(&kept)?;
    fill_keys(&*store, &kept, &[b"emu"])?;
    let many = (0..(SMALL_BYTES / 1000 * 3) as u32)
        .map(|n| Ok((n.to_be_bytes().to_vec(), vec![n as u8; 1000])));
    let ingested = store.ingest(&numbers, &mut Entries::new(many));
    refused(ingested, ErrorKind::Full);
    store.drop_keyspace(&numbers)?;
    assert_eq!(entries(&*store, &kept)?, owned(&[(b"emu", b"emu")]));
    store.create_keyspace(&numbers)?;
    store.put(&numbers, b"more", b"goes on")
}

/// Enough for what engines lay out beforehand.
const DISK_BYTES: usize = 16 << 20;

pub(crate) fn a_full_disk_loses_no_commit<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let folder = temporary()?;
    let start = |role: &str, folder: &Path| small_disk::start(role, folder, DISK_BYTES);
    let said = verdict(context.start_by(Task::Fill, folder.path(), start));
    assert_eq!(said.as_deref(), Ok("right"));
    Ok(())
}

/// Commits entries from a number on, until one finds no room; its number.
fn fill_up<B: StorageBackend>(backend: &B, numbers: &Keyspace, first: u32) -> StorageResult<u32> {
    for number in first.. {
        let put = backend.put(numbers, &number.to_be_bytes(), &[number as u8; 20_000]);
        match put {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Full => return Ok(number),
            Err(error) => return Err(error),
        }
    }
    Err(StorageError::misuse("everything found room"))
}

/// Whether a store holds the entries with the numbers below one, and no others.
fn holds<B: StorageBackend>(backend: &B, numbers: &Keyspace, end: u32) -> StorageResult<bool> {
    let all = entries(backend, numbers)?;
    let right = |(number, (key, value)): (u32, &(Vec<u8>, Vec<u8>))| {
        *key == number.to_be_bytes() && *value == [number as u8; 20_000]
    };
    Ok(all.len() == end as usize && (0..end).zip(&all).all(right))
}

/// Fills a store on a small disk, closes it there, makes room and goes on: `right`, or what was wrong. In the other
/// process, which alone sees the disk.
pub(crate) fn fill_the_disk<F: Factory>(factory: &F, disk: &Path) -> StorageResult<String> {
    let wrong = |what: &str| Ok(what.to_owned());
    let (path, numbers) = (disk.join("store"), Keyspace::new(NUMBERS)?);
    let backend = factory.open(&path)?;
    let durability = backend.capabilities().durability;
    backend.create_keyspace(&numbers)?;
    let end = fill_up(&backend, &numbers, 0)?;
    if end == 0 || !holds(&backend, &numbers, end)? {
        return wrong("the full store holds something else");
    }
    if fill_up(&backend, &numbers, end)? < end || !holds(&backend, &numbers, end)? {
        return wrong("a second attempt has changed something");
    }
    // It may want to write, and fail; that must lose nothing either.
    let closed = backend.close();
    drop(backend);
    let ballast = fs::remove_file(disk.join(small_disk::BALLAST));
    ballast.map_err(|error| StorageError::from_io("there was no ballast", error))?;
    let backend = factory.open(&path)?;
    if closed.is_err() && durability == Durability::Unsafe {
        return wrong("right");
    }
    if !holds(&backend, &numbers, end)? {
        return wrong("something is lost once there is room again");
    }
    backend.put(&numbers, &end.to_be_bytes(), &[end as u8; 20_000])?;
    backend.close()?;
    drop(backend);
    match holds(&factory.open(&path)?, &numbers, end + 1)? {
        true => wrong("right"),
        false => wrong("what was written after that is lost"),
    }
}
