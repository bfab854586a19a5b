//! Cases about closing, and about compacting, which is nobody's business but the backend's.

use crate::context::{Context, Entries, Factory, entries, fill_keys, refused, snapshot_entries};
use quadrille_backend::{Entry, ErrorKind, Keyspace, StorageBackend, StorageResult, Transaction};

pub(crate) fn later_calls_are_closed<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    store.close()?;
    let fish = Keyspace::new("fish")?;
    refused(store.keyspaces(), ErrorKind::Closed);
    refused(store.create_keyspace(&fish), ErrorKind::Closed);
    refused(store.drop_keyspace(&birds), ErrorKind::Closed);
    refused(store.snapshot().map(drop), ErrorKind::Closed);
    refused(store.begin().map(drop), ErrorKind::Closed);
    refused(store.try_begin().map(drop), ErrorKind::Closed);
    refused(store.get(&birds, b"emu"), ErrorKind::Closed);
    refused(store.put(&birds, b"emu", b""), ErrorKind::Closed);
    refused(store.batch(&[]), ErrorKind::Closed);
    refused(store.flush(), ErrorKind::Closed);
    refused(store.compact(), ErrorKind::Closed);
    refused(store.stats(), ErrorKind::Closed);
    refused(store.keyspace_size(&birds), ErrorKind::Closed);
    let beside = store.path().with_extension("copy");
    refused(store.checkpoint(&beside), ErrorKind::Closed);
    refused(store.destroy(), ErrorKind::Closed);
    let none: [StorageResult<Entry>; 0] = [];
    let ingested = store.ingest(&birds, &mut Entries::new(none));
    refused(ingested, ErrorKind::Closed);
    Ok(())
}

pub(crate) fn closing_twice_is_no_error<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let store = context.store()?;
    store.close()?;
    store.close()
}

pub(crate) fn an_open_transaction_is_in_the_way<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let mut transaction = store.begin()?;
    transaction.put(&birds, b"emu", b"")?;
    refused(store.close(), ErrorKind::Busy);
    refused(store.destroy(), ErrorKind::Busy);
    transaction.put(&birds, b"kea", b"")?;
    transaction.commit()?;
    assert_eq!(entries(&*store, &birds)?.len(), 2);
    store.close()
}

pub(crate) fn compacting_changes_no_entry<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    let keys: Vec<[u8; 2]> = (0..500_u16).map(u16::to_be_bytes).collect();
    let keys: Vec<&[u8]> = keys.iter().map(|key| &key[..]).collect();
    fill_keys(&*store, &birds, &keys)?;
    for key in keys.iter().step_by(3) {
        store.delete(&birds, key)?;
    }
    let before = entries(&*store, &birds)?;
    store.flush()?;
    store.compact()?;
    assert_eq!(entries(&*store, &birds)?, before);
    store.put(&birds, b"and", b"it goes on")?;
    assert_eq!(entries(&*store, &birds)?.len(), before.len() + 1);
    Ok(())
}

pub(crate) fn compacting_beside_a_snapshot<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu", b"kea"])?;
    let snapshot = store.snapshot()?;
    store.delete(&birds, b"kea")?;
    if let Err(error) = store.compact() {
        assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    }
    assert_eq!(snapshot_entries(&snapshot, &birds)?.len(), 2);
    assert_eq!(entries(&*store, &birds)?.len(), 1);
    drop(snapshot);
    store.compact()?;
    assert_eq!(entries(&*store, &birds)?.len(), 1);
    Ok(())
}
