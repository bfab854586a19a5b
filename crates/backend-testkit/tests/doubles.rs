//! The test doubles of the kit: a mirror that sees every difference, a faulty backend that fails as told.
#![expect(
    clippy::unwrap_used,
    reason = "what cannot be prepared is a failed test"
)]

use quadrille_backend::{
    Entry, EntrySource, ErrorKind, InMemoryBackend, Keyspace, StorageBackend, StorageCursor,
    StorageError, StorageResult, StorageSnapshot, Transaction,
};
use quadrille_backend_testkit::{Fault, Faulty, Mirror, Moment, Operation};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

type Backend = Mirror<InMemoryBackend, Faulty<InMemoryBackend>>;

fn birds() -> Keyspace {
    Keyspace::new("birds").unwrap()
}

/// A mirror that holds `emu` and `kea`.
fn mirror() -> Backend {
    let mirror = Mirror::new(InMemoryBackend::new(), Faulty::new(InMemoryBackend::new()));
    fill(&mirror);
    mirror
}

fn fill<B: StorageBackend>(backend: &B) {
    backend.create_keyspace(&birds()).unwrap();
    backend.put(&birds(), b"emu", b"big").unwrap();
    backend.put(&birds(), b"kea", b"green").unwrap();
}

/// A difference was told, with the operation and all the words.
#[track_caller]
fn differ<T>(result: StorageResult<T>, operation: &str, words: &[&str]) {
    let error = result.map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupted, "{error}");
    assert_eq!(error.operation(), Some(operation), "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "{error} without {word}");
    }
}

struct Numbers(u8, [u8; 1]);

impl Numbers {
    fn up_to(end: u8) -> Self {
        Self(end, [0])
    }
}

impl EntrySource for Numbers {
    fn next_entry(&mut self) -> StorageResult<Option<(&[u8], &[u8])>> {
        if self.1[0] == self.0 {
            return Ok(None);
        }
        self.1[0] += 1;
        Ok(Some((&self.1, b"")))
    }
}

// ---- Mirror

#[test]
fn a_mirror_sees_another_value_key_or_count() {
    let mirror = mirror();
    // 0x626967 is "big".
    mirror.right().put(&birds(), b"emu", b"tiny").unwrap();
    let words = ["0x626967", "0x74696e79", "keyspace birds", "key 656d75"];
    differ(mirror.get(&birds(), b"emu"), "get", &words);
    let mut cursor = mirror.snapshot().unwrap().cursor(&birds()).unwrap();
    differ(cursor.seek(b"e"), "seek", &["0x656d75 = 0x74696e79"]);
    let transaction = mirror.begin().unwrap();
    let got = transaction.get(&birds(), b"emu");
    differ(got, "get of a transaction", &["0x626967"]);
    let found = transaction.seek(&birds(), b"a");
    differ(found, "seek of a transaction", &["0x626967"]);
    let found = transaction.range_scan(&birds(), b"", None, None);
    differ(found, "range_scan of a transaction", &["2 entries"]);
    drop(transaction);
    assert_eq!(mirror.get(&birds(), b"kea").unwrap().unwrap(), b"green");

    mirror.right().put(&birds(), b"emu", b"big").unwrap();
    mirror.left().put(&birds(), b"owl", b"").unwrap();
    differ(
        mirror.contains(&birds(), b"owl"),
        "contains",
        &["true", "false"],
    );
    let mut cursor = mirror.snapshot().unwrap().cursor(&birds()).unwrap();
    assert!(cursor.seek(b"").unwrap() && cursor.next().unwrap());
    differ(cursor.next(), "next", &["true", "false", "key 6b6561"]);
    let size = mirror.keyspace_size(&birds());
    differ(size, "keyspace_size", &["(3, 17)", "(2, 14)"]);
    differ(mirror.stats(), "stats", &["(3, 17)", "(2, 14)"]);
}

#[test]
fn a_mirror_sees_writes_that_were_counted_otherwise() {
    let mirror = mirror();
    mirror.left().put(&birds(), b"emu", b"big").unwrap();
    differ(mirror.stats(), "stats", &["(3, 0)", "(2, 0)"]);
}

#[test]
fn a_mirror_sees_other_keyspaces_and_other_errors() {
    let mirror = mirror();
    let fish = Keyspace::new("fish").unwrap();
    mirror.left().create_keyspace(&fish).unwrap();
    differ(mirror.keyspaces(), "keyspaces", &["fish"]);
    let words = ["misuse", "success"];
    differ(mirror.create_keyspace(&fish), "create_keyspace", &words);
    mirror.left().drop_keyspace(&fish).unwrap();
    let words = ["not found", "success"];
    differ(mirror.drop_keyspace(&fish), "drop_keyspace", &words);
    let error = mirror.drop_keyspace(&fish).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn a_mirror_sees_what_fails_in_one_alone() {
    for (operation, name) in [
        (Operation::Put, "put"),
        (Operation::Delete, "delete"),
        (Operation::Commit, "commit"),
        (Operation::Begin, "begin"),
        (Operation::Ingest, "ingest"),
        (Operation::Flush, "flush"),
        (Operation::Compact, "compact"),
        (Operation::Snapshot, "snapshot"),
        (Operation::Close, "close"),
    ] {
        let mirror = mirror();
        let fish = Keyspace::new("fish").unwrap();
        mirror.create_keyspace(&fish).unwrap();
        mirror.right().faults().add(Fault::on(operation));
        let result = mirror
            .put(&birds(), b"owl", b"")
            .and_then(|()| mirror.delete(&birds(), b"owl"))
            .and_then(|()| mirror.ingest(&fish, &mut Numbers::up_to(9)).map(drop))
            .and_then(|()| mirror.snapshot().map(drop))
            .and_then(|()| mirror.flush())
            .and_then(|()| mirror.compact())
            .and_then(|()| mirror.close());
        differ(result, name, &["success", "full"]);
    }
}

#[test]
fn a_mirror_sees_an_ingest_that_loses_entries() {
    let mirror = mirror();
    let fish = Keyspace::new("fish").unwrap();
    mirror.create_keyspace(&fish).unwrap();
    let fault = Fault::on(Operation::IngestEntry).after(5);
    mirror.right().faults().add(fault);
    let result = mirror.ingest(&fish, &mut Numbers::up_to(200));
    differ(result, "ingest", &["success", "full"]);
    // What a failed ingest leaves behind is not compared, and is to be dropped.
    assert_eq!(mirror.keyspace_size(&fish).unwrap(), (200, 200));
    assert!(mirror.contains(&fish, &[100]).unwrap());
    let again = mirror.ingest(&fish, &mut Numbers::up_to(3)).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Misuse);
    mirror.drop_keyspace(&fish).unwrap();
    mirror.create_keyspace(&fish).unwrap();
    assert_eq!(mirror.ingest(&fish, &mut Numbers::up_to(3)).unwrap(), 3);
    assert_eq!(mirror.keyspace_size(&fish).unwrap(), (3, 3));
}

#[test]
fn a_mirror_is_busy_when_one_of_both_is() {
    let mirror = mirror();
    let busy = |operation| Fault::on(operation).with_kind(ErrorKind::Busy);
    for operation in [Operation::Snapshot, Operation::Compact, Operation::Destroy] {
        mirror.right().faults().add(busy(operation));
    }
    let kind = |result: StorageResult<()>| result.map_err(|error| error.kind());
    assert_eq!(kind(mirror.snapshot().map(drop)), Err(ErrorKind::Busy));
    assert_eq!(kind(mirror.compact()), Err(ErrorKind::Busy));
    assert_eq!(kind(mirror.destroy()), Err(ErrorKind::Busy));
    // The second attempt finds the first backend gone already.
    assert_eq!(kind(mirror.destroy()), Ok(()));
    assert_eq!(kind(mirror.destroy()), Err(ErrorKind::Closed));
}

#[test]
fn a_mirror_has_the_smaller_capabilities() {
    let mirror = mirror();
    let capabilities = mirror.capabilities();
    assert_eq!(capabilities, mirror.left().capabilities());
    assert!(!capabilities.persistent);
}

// ---- Faulty

/// Does every operation but the deletion of all once or more; the first error ends it.
fn everything<B: StorageBackend>(backend: &B) -> StorageResult<()> {
    let folder = tempfile::tempdir().unwrap();
    let fish = Keyspace::new("fish")?;
    backend.create_keyspace(&birds())?;
    backend.create_keyspace(&fish)?;
    let mut transaction = backend.begin()?;
    transaction.put(&birds(), b"emu", b"big")?;
    transaction.put(&birds(), b"kea", b"")?;
    transaction.delete(&birds(), b"kea")?;
    transaction.get(&birds(), b"emu")?;
    transaction.commit()?;
    backend.ingest(&fish, &mut Numbers::up_to(4))?;
    let snapshot = backend.snapshot()?;
    let mut cursor = snapshot.cursor(&fish)?;
    assert!(cursor.seek(&[2])? && cursor.next()?);
    backend.keyspaces()?;
    backend.stats()?;
    backend.drop_keyspace(&fish)?;
    backend.flush()?;
    backend.compact()?;
    match backend.checkpoint(&folder.path().join("copy")) {
        Err(error) if error.kind() == ErrorKind::Unsupported => {}
        result => result?,
    }
    backend.close()
}

#[test]
fn every_operation_fails_when_told_to_and_only_then() {
    for operation in Operation::ALL {
        let backend = Faulty::new(InMemoryBackend::new());
        let fault = Fault::on(*operation).with_kind(ErrorKind::Io);
        backend.faults().add(fault);
        let work = match operation {
            Operation::Destroy => StorageBackend::destroy,
            _ => everything,
        };
        let result = work(&backend);
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        assert_eq!(error.operation(), Some(operation.as_str()));
        assert!(backend.faults().count(*operation) >= 1);
    }
    let backend = Faulty::new(InMemoryBackend::new());
    everything(&backend).unwrap();
}

#[test]
fn a_sweep_fails_each_operation_in_turn() {
    let sound = Faulty::new(InMemoryBackend::new());
    everything(&sound).unwrap();
    let operations = sound.faults().count_all();
    assert!(operations > 20, "{operations}");
    assert_eq!(sound.faults().count(Operation::IngestEntry), 4);
    let mut failed = Vec::new();
    for passing in 0..operations {
        let backend = Faulty::new(InMemoryBackend::new());
        backend.faults().add(Fault::on_any().after(passing));
        failed.push(everything(&backend).unwrap_err().to_string());
        assert_eq!(backend.faults().count_all(), passing + 1, "{failed:?}");
    }
    let backend = Faulty::new(InMemoryBackend::new());
    backend.faults().add(Fault::on_any().after(operations));
    everything(&backend).unwrap();
    backend.faults().reset_counts();
    assert_eq!(backend.faults().count_all(), 0);
}

#[test]
fn a_fault_strikes_once_or_from_then_on() {
    let backend = Faulty::new(InMemoryBackend::new());
    fill(&backend);
    let put = || backend.put(&birds(), b"owl", b"").map_err(|e| e.kind());
    let fault = || Fault::on(Operation::Put).after(1);
    backend.faults().add(fault());
    assert_eq!(
        [put(), put(), put()],
        [Ok(()), Err(ErrorKind::Full), Ok(())]
    );
    backend.faults().add(fault().from_then_on());
    assert_eq!([put(), put()], [Ok(()), Err(ErrorKind::Full)]);
    assert_eq!([put(), put()], [Err(ErrorKind::Full); 2]);
    backend.faults().clear();
    assert_eq!(put(), Ok(()));
    backend.faults().add(
        fault()
            .after(0)
            .in_keyspaces(|keyspace| keyspace.as_str() == "fish"),
    );
    assert_eq!(put(), Ok(()));
    backend
        .create_keyspace(&Keyspace::new("fish").unwrap())
        .unwrap();
    let elsewhere = backend.put(&Keyspace::new("fish").unwrap(), b"eel", b"");
    let error = elsewhere.unwrap_err();
    assert_eq!(error.keyspace().map(Keyspace::as_str), Some("fish"));
}

#[test]
fn a_failed_commit_leaves_nothing_and_lets_the_next_writer_in() {
    let backend = Faulty::new(InMemoryBackend::new());
    fill(&backend);
    backend.faults().add(Fault::on(Operation::Commit));
    assert!(backend.put(&birds(), b"owl", b"").is_err());
    assert!(!backend.contains(&birds(), b"owl").unwrap());
    backend.put(&birds(), b"owl", b"").unwrap();
    assert!(backend.contains(&birds(), b"owl").unwrap());
}

#[test]
fn an_ingest_cut_off_leaves_the_entries_before() {
    let backend = Faulty::new(InMemoryBackend::new());
    backend.create_keyspace(&birds()).unwrap();
    let fault = Fault::on(Operation::IngestEntry).after(5);
    backend.faults().add(fault);
    let error = backend
        .ingest(&birds(), &mut Numbers::up_to(9))
        .unwrap_err();
    assert_eq!(error.operation(), Some("ingest_entry"));
    let left: Vec<Entry> = backend
        .range_scan(&birds(), &[], None, None)
        .unwrap()
        .collect::<StorageResult<_>>()
        .unwrap();
    let keys: Vec<u8> = left.iter().map(|(key, _)| key[0]).collect();
    assert_eq!(keys, [1, 2, 3, 4, 5]);
}

#[test]
fn snapshots_are_counted_while_they_or_their_cursors_live() {
    let backend = Faulty::new(InMemoryBackend::new());
    fill(&backend);
    let alive = || backend.faults().snapshots_alive();
    assert_eq!(alive(), 0);
    let first = backend.snapshot().unwrap();
    let second = backend.snapshot().unwrap();
    let cursor = second.cursor(&birds()).unwrap();
    assert_eq!(alive(), 2);
    drop((first, second));
    assert_eq!(alive(), 1);
    drop(cursor);
    assert_eq!(alive(), 0);
    backend.faults().add(Fault::on(Operation::Snapshot));
    assert!(backend.snapshot().is_err());
    assert_eq!(alive(), 0);
}

#[test]
fn callbacks_are_made_before_and_after() {
    let backend = Arc::new(Faulty::new(InMemoryBackend::new()));
    fill(&backend);
    let calls = Arc::new(AtomicU64::new(0));
    let (counter, same) = (Arc::clone(&calls), Arc::clone(&backend));
    backend
        .faults()
        .call(Moment::After, Operation::Snapshot, move || {
            // It takes a snapshot itself, and is not called for that one.
            let nth = counter.fetch_add(1, Ordering::SeqCst);
            assert!(same.contains(&birds(), b"emu").unwrap());
            same.put(&birds(), b"owl", &nth.to_le_bytes()).unwrap();
        });
    let snapshot = backend.snapshot().unwrap();
    assert!(!snapshot.contains(&birds(), b"owl").unwrap());
    assert!(backend.contains(&birds(), b"owl").unwrap());
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    backend.faults().add(Fault::on(Operation::Snapshot));
    assert!(backend.snapshot().is_err());
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    backend.faults().forget_calls();
    drop(backend.snapshot().unwrap());
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    let counter = Arc::clone(&calls);
    backend
        .faults()
        .call(Moment::Before, Operation::Close, move || {
            counter.fetch_add(10, Ordering::SeqCst);
        });
    backend.faults().add(Fault::on(Operation::Close));
    let failed: StorageError = backend.close().unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Full);
    assert_eq!(calls.load(Ordering::SeqCst), 12);
    assert!(backend.contains(&birds(), b"emu").unwrap());
}
