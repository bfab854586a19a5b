//! Cases about what is there again after closing and opening, about owners, copies and deletion.

use crate::context::{Context, Factory, entries, fill_keys, ingest, owned, refused};
use quadrille_backend::{
    Entry, ErrorKind, Keyspace, StorageBackend, StorageResult, StorageSnapshot, Transaction,
};

pub(crate) fn commits_are_there_again<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"auk", b"emu", b"kea"])?;
    store.delete(&birds, b"emu")?;
    store.put(&birds, b"kea", b"changed")?;
    let store = store.reopen()?;
    let expected: [(&[u8], &[u8]); 2] = [(b"auk", b"auk"), (b"kea", b"changed")];
    assert_eq!(entries(&*store, &birds)?, owned(&expected));
    Ok(())
}

pub(crate) fn rolled_back_writes_are_not<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let mut transaction = store.begin()?;
    transaction.put(&birds, b"emu", b"")?;
    transaction.rollback();
    let store = store.reopen()?;
    assert!(entries(&*store, &birds)?.is_empty());
    Ok(())
}

pub(crate) fn ingested_entries_are_there_again<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, numbers) = context.store_with("numbers")?;
    let filled: Vec<Entry> = (0..3000_u32)
        .map(|n| (n.to_be_bytes().to_vec(), vec![n as u8; 200]))
        .collect();
    ingest(&*store, &numbers, &filled)?;
    let store = store.reopen()?;
    assert_eq!(entries(&*store, &numbers)?, filled);
    store.put(&numbers, b"\xff", b"more")?;
    let store = store.reopen()?;
    assert_eq!(entries(&*store, &numbers)?.len(), 3001);
    Ok(())
}

pub(crate) fn keyspaces_are_there_again<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let (fish, cats) = (Keyspace::new("fish")?, Keyspace::new("cats")?);
    store.create_keyspace(&fish)?;
    store.create_keyspace(&cats)?;
    fill_keys(&*store, &cats, &[b"lynx"])?;
    store.drop_keyspace(&fish)?;
    let store = store.reopen()?;
    assert_eq!(store.keyspaces()?, [birds.clone(), cats.clone()]);
    store.create_keyspace(&fish)?;
    assert!(entries(&*store, &fish)?.is_empty());
    assert!(entries(&*store, &birds)?.is_empty());
    assert_eq!(entries(&*store, &cats)?.len(), 1);
    Ok(())
}

pub(crate) fn dropping_the_backend_loses_nothing<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu"])?;
    let store = store.drop_and_open()?;
    assert_eq!(entries(&*store, &birds)?.len(), 1);
    Ok(())
}

pub(crate) fn a_second_writer_is_locked_out<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    refused(store.open_again().map(drop), ErrorKind::Locked);
    fill_keys(&*store, &birds, &[b"emu"])?;
    store.close()?;
    let second = store.open_again()?;
    assert_eq!(entries(&second, &birds)?.len(), 1);
    Ok(())
}

pub(crate) fn an_open_snapshot_holds_the_store<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu"])?;
    let snapshot = store.snapshot()?;
    store.close()?;
    refused(store.open_again().map(drop), ErrorKind::Locked);
    assert!(snapshot.contains(&birds, b"emu")?);
    drop(snapshot);
    store.open_again().map(drop)
}

pub(crate) fn destroying_leaves_nothing<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu"])?;
    store.destroy()?;
    assert!(!store.path().exists());
    refused(store.get(&birds, b"emu"), ErrorKind::Closed);
    let store = store.drop_and_open()?;
    assert!(store.keyspaces()?.is_empty());
    Ok(())
}

pub(crate) fn a_checkpoint_is_a_store_of_its_own<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu", b"kea"])?;
    store.checkpoint(&store.path().with_file_name("copy"))?;
    store.put(&birds, b"owl", b"later")?;
    let copy = store.open_beside("copy")?;
    assert_eq!(entries(&copy, &birds)?.len(), 2);
    copy.delete(&birds, b"emu")?;
    copy.close()?;
    assert_eq!(entries(&*store, &birds)?.len(), 3);
    Ok(())
}

pub(crate) fn a_checkpoint_wants_an_empty_folder<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu"])?;
    let folder = store.path().with_file_name("copy");
    std::fs::create_dir(&folder).expect("a folder beside the store");
    let file = folder.join("mine.txt");
    std::fs::write(&file, b"mine").expect("a file in it");
    refused(store.checkpoint(&folder), ErrorKind::Misuse);
    refused(store.checkpoint(&file), ErrorKind::Misuse);
    assert_eq!(std::fs::read(&file).expect("still there"), b"mine");
    std::fs::remove_file(&file).expect("the file goes");
    store.checkpoint(&folder)?;
    assert_eq!(entries(&store.open_beside("copy")?, &birds)?.len(), 1);
    Ok(())
}

pub(crate) fn compacting_gives_space_back<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, numbers) = context.store_with("numbers")?;
    let kept = Keyspace::new("kept")?;
    store.create_keyspace(&kept)?;
    fill_keys(&*store, &kept, &[b"emu"])?;
    // Values that no engine can compress away.
    let mut random = crate::context::Random::new(4);
    let mut value = || -> Vec<u8> { (0..1000).map(|_| random.below(256) as u8).collect() };
    let filled: Vec<Entry> = (0..4000_u32)
        .map(|n| (n.to_be_bytes().to_vec(), value()))
        .collect();
    ingest(&*store, &numbers, &filled)?;
    store.flush()?;
    let before = store.stats()?.disk_bytes;
    assert!(before > 4_000_000);
    store.drop_keyspace(&numbers)?;
    store.compact()?;
    let store = store.reopen()?;
    let after = store.stats()?.disk_bytes;
    assert!(after < before / 4, "{before} bytes became {after}");
    assert_eq!(entries(&*store, &kept)?.len(), 1);
    Ok(())
}

pub(crate) fn it_can_be_done_many_times<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (mut store, numbers) = context.store_with("numbers")?;
    for n in 0..12_u32 {
        store.put(&numbers, &n.to_be_bytes(), b"")?;
        store = store.reopen()?;
        assert_eq!(entries(&*store, &numbers)?.len(), n as usize + 1);
    }
    Ok(())
}
