//! Cases about what is there again after closing and opening, about owners, copies and deletion.

use crate::context::{Context, Factory, check_figures, entries, fill_keys, ingest, owned, refused};
use crate::tasks::{FLUSHED, NUMBERS, Task};
use quadrille_backend::{
    Durability, Entry, ErrorKind, Keyspace, StorageBackend, StorageResult, StorageSnapshot,
    Transaction,
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

/// What the process that was killed had said it committed is there, and nothing is half there.
pub(crate) fn a_killed_process_keeps_its_commits<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, numbers) = context.store_with(NUMBERS)?;
    let durability = store.capabilities().durability;
    store.close()?;
    for round in 1..=3 {
        let mut other = context.start(Task::Commit, &store.path());
        let first = (0..round * 7).map(|_| other.line("the next commit"));
        let mut said: Vec<String> = first.collect::<StorageResult<_>>()?;
        said.extend(other.kill());
        let said = said
            .iter()
            .filter_map(|line| line.parse::<u32>().ok())
            .max();
        let backend = store.open_again()?;
        let all = entries(&backend, &numbers)?;
        check_figures(&backend);
        for (nth, (key, value)) in all.iter().enumerate() {
            assert_eq!(key, &(nth as u32).to_be_bytes());
            assert_eq!(value.len(), 500);
        }
        if durability == Durability::Durable {
            let said = said.map_or(0, |last| last as usize + 1);
            assert!(
                all.len() >= said,
                "{} of {said} commits are there",
                all.len()
            );
        }
        backend.put(&numbers, &0_u32.to_be_bytes(), &[7; 500])?;
        backend.close()?;
    }
    Ok(())
}

pub(crate) fn a_killed_process_leaves_no_open_transaction<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, numbers) = context.store_with(NUMBERS)?;
    store.put(&numbers, b"before", b"committed")?;
    store.close()?;
    let mut other = context.start(Task::Hold, &store.path());
    assert_eq!(other.line("the open transaction")?, "begun");
    refused(store.open_again().map(drop), ErrorKind::Locked);
    other.kill();
    let backend = store.open_again()?;
    let expected = owned(&[(b"before", b"committed")]);
    assert_eq!(entries(&backend, &numbers)?, expected);
    backend.try_begin()?.commit()
}

pub(crate) fn a_killed_process_keeps_what_it_flushed<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, numbers) = context.store_with(NUMBERS)?;
    store.close()?;
    let mut other = context.start(Task::Flush, &store.path());
    assert_eq!(other.line("the flush")?, "flushed");
    other.kill();
    let backend = store.open_again()?;
    assert_eq!(backend.keyspace_size(&numbers)?.0, u64::from(FLUSHED));
    check_figures(&backend);
    Ok(())
}

pub(crate) fn large_values_are_there_again<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, values) = context.store_with("values")?;
    let value = |n: u32| vec![n as u8; (n * 150_000) as usize];
    for n in 0..8_u32 {
        store.put(&values, &n.to_be_bytes(), &value(n))?;
    }
    store.delete(&values, &7_u32.to_be_bytes())?;
    let store = store.reopen()?;
    let expected = (0..7_u32).map(|n| (n.to_be_bytes().to_vec(), value(n)));
    assert!(entries(&*store, &values)?.into_iter().eq(expected));
    Ok(())
}

pub(crate) fn what_is_not_persistent_is_empty_again<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu"])?;
    let declared = store.capabilities();
    assert_eq!(declared.durability, Durability::Unsafe);
    assert!(!declared.concurrent_reader_processes);
    assert_eq!(store.stats()?.disk_bytes, 0);
    let store = store.reopen()?;
    assert!(store.keyspaces()?.is_empty());
    Ok(())
}

pub(crate) fn without_files_there_is_no_checkpoint<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu"])?;
    let copy = store.path().with_file_name("copy");
    refused(store.checkpoint(&copy), ErrorKind::Unsupported);
    assert!(!copy.exists());
    assert_eq!(entries(&*store, &birds)?.len(), 1);
    Ok(())
}
