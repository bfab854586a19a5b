//! What a RocksDB store does when something is wrong: paths, foreign or damaged files, read-only openings; and that
//! every setting keeps what it promises.
//!
//! Each case asserts the kind of the error, and that what was there is untouched and still works.

mod damage;
mod settings;
mod support;

use quadrille_backend::{
    Durability, Entry, EntrySource, ErrorKind, Keyspace, StorageBackend, StorageResult,
};
use quadrille_backend_rocksdb::{Compression, RocksDbBackend, RocksDbOptions};
use std::fs;
use support::{birds, files, filled, folder, refused, table_bytes};

#[test]
fn a_file_in_the_way_is_an_error_and_stays() {
    let folder = folder();
    let path = folder.path().join("store");
    fs::write(&path, b"mine").expect("a file");
    refused(RocksDbBackend::open(&path), ErrorKind::Io);
    refused(RocksDbBackend::open(path.join("below")), ErrorKind::Io);
    assert_eq!(fs::read(&path).expect("still there"), b"mine");
}

#[test]
fn a_folder_that_cannot_be_created_is_an_error() {
    let error = RocksDbBackend::open("/proc/quadrille/store").expect_err("nobody may write there");
    assert!(matches!(error.kind(), ErrorKind::Io | ErrorKind::NotFound));
    assert!(error.to_string().contains("/proc/quadrille/store"));
}

#[test]
fn reading_an_absent_store_creates_nothing() {
    let folder = folder();
    let path = folder.path().join("store");
    refused(RocksDbBackend::open_read_only(&path), ErrorKind::NotFound);
    assert!(!path.exists());
    refused(
        RocksDbBackend::open_read_only(folder.path()),
        ErrorKind::NotFound,
    );
    assert!(files(folder.path()).is_empty());
}

#[test]
fn a_read_only_backend_reads_and_changes_nothing() -> StorageResult<()> {
    let folder = folder();
    filled(folder.path(), RocksDbOptions::new())?;
    let before = files(folder.path());
    let backend = RocksDbBackend::open_read_only(folder.path())?;
    assert_eq!(backend.keyspace_size(&birds())?, (2000, 2_008_000));
    let value = backend.get(&birds(), &7_u32.to_be_bytes())?;
    assert_eq!(value, Some(vec![7; 1000]));
    let fish = Keyspace::new("fish")?;
    refused(backend.begin().map(drop), ErrorKind::ReadOnly);
    refused(backend.put(&birds(), b"a", b""), ErrorKind::ReadOnly);
    refused(backend.create_keyspace(&fish), ErrorKind::ReadOnly);
    refused(backend.drop_keyspace(&birds()), ErrorKind::ReadOnly);
    refused(backend.compact(), ErrorKind::ReadOnly);
    refused(backend.destroy(), ErrorKind::ReadOnly);
    backend.flush()?;
    backend.close()?;
    assert!(files(folder.path()) == before);
    Ok(())
}

#[test]
fn one_process_writes_a_store_once() -> StorageResult<()> {
    let folder = folder();
    let backend = RocksDbBackend::open(folder.path())?;
    let error = refused(RocksDbBackend::open(folder.path()), ErrorKind::Locked);
    assert!(error.message().contains("this process"), "{error}");
    backend.create_keyspace(&birds())?;
    backend.put(&birds(), b"emu", b"unharmed")
}

#[test]
fn a_database_of_another_program_is_refused() -> StorageResult<()> {
    let folder = folder();
    let theirs = folder.path().join("rocksdb");
    fs::create_dir(&theirs).expect("a folder");
    let mut options = rocksdb::Options::default();
    options.create_if_missing(true);
    let database = rocksdb::DB::open(&options, &theirs).expect("a fresh database");
    database.put(b"theirs", b"kept").expect("a write");
    drop(database);
    refused(RocksDbBackend::open(folder.path()), ErrorKind::Corrupted);
    let database = rocksdb::DB::open(&options, &theirs).expect("their database");
    let kept = database.get(b"theirs").expect("a read");
    assert_eq!(kept.as_deref(), Some(&b"kept"[..]));
    Ok(())
}

/// A process that died before it could mark the new database as a store leaves an empty one.
#[test]
fn a_creation_that_was_interrupted_goes_on() -> StorageResult<()> {
    let folder = folder();
    let database = folder.path().join("rocksdb");
    drop(rocksdb::DB::open_default(&database).expect("a database"));
    let backend = RocksDbBackend::open(folder.path())?;
    backend.create_keyspace(&birds())?;
    backend.put(&birds(), b"emu", b"tall")?;
    backend.close()?;
    drop(backend);
    let backend = RocksDbBackend::open(folder.path())?;
    let value = backend.get(&birds(), b"emu")?;
    assert_eq!(value.as_deref(), Some(&b"tall"[..]));
    Ok(())
}

#[test]
fn a_damaged_file_is_corrupted_and_not_fatal() -> StorageResult<()> {
    let folder = folder();
    filled(folder.path(), RocksDbOptions::new())?;
    let tables: Vec<_> = files(folder.path())
        .into_iter()
        .filter(|(path, contents)| {
            path.extension().is_some_and(|e| e == "sst") && contents.len() > 4000
        })
        .collect();
    assert!(!tables.is_empty());
    for (path, contents) in &tables {
        let mut damaged = contents.clone();
        let middle = damaged.len() / 4;
        damaged[middle] ^= 1;
        fs::write(path, &damaged).expect("a damaged file");
    }
    let read = || -> StorageResult<usize> {
        let backend = RocksDbBackend::open(folder.path())?;
        let entries: Vec<Entry> = backend
            .range_scan(&birds(), &[], None, None)?
            .collect::<StorageResult<_>>()?;
        Ok(entries.len())
    };
    refused(read(), ErrorKind::Corrupted);
    for (path, contents) in &tables {
        fs::write(path, &contents[..contents.len() / 2]).expect("a file cut off");
    }
    refused(read(), ErrorKind::Corrupted);
    for (path, contents) in &tables {
        fs::write(path, contents).expect("the file as it was");
    }
    assert_eq!(read()?, 2000);
    Ok(())
}

#[test]
fn every_durability_survives_an_orderly_end() -> StorageResult<()> {
    for durability in [Durability::Durable, Durability::Prefix, Durability::Unsafe] {
        let folder = folder();
        filled(folder.path(), RocksDbOptions::new().durability(durability))?;
        let backend = RocksDbBackend::open(folder.path())?;
        assert_eq!(backend.keyspace_size(&birds())?.0, 2000, "{durability:?}");
    }
    Ok(())
}

#[test]
fn a_flush_saves_what_was_not_logged() -> StorageResult<()> {
    let folder = folder();
    let unsafe_options = RocksDbOptions::new().durability(Durability::Unsafe);
    let backend = RocksDbBackend::open_with(folder.path(), unsafe_options)?;
    backend.create_keyspace(&birds())?;
    backend.put(&birds(), b"emu", b"kept")?;
    backend.flush()?;
    drop(backend);
    let backend = RocksDbBackend::open(folder.path())?;
    assert!(backend.contains(&birds(), b"emu")?);
    assert_eq!(backend.keyspace_size(&birds())?, (1, 7));
    Ok(())
}

#[test]
fn every_compression_is_read_back_under_any_other() -> StorageResult<()> {
    let all = [
        Compression::None,
        Compression::Lz4,
        Compression::Snappy,
        Compression::Zstd,
    ];
    for (nth, compression) in all.into_iter().enumerate() {
        let folder = folder();
        filled(
            folder.path(),
            RocksDbOptions::new().compression(compression),
        )?;
        let bytes = table_bytes(folder.path());
        let small = compression != Compression::None;
        assert_eq!(bytes < 1_000_000, small, "{compression:?}: {bytes}");
        let other = RocksDbOptions::new().compression(all[(nth + 1) % 4]);
        let backend = RocksDbBackend::open_with(folder.path(), other)?;
        backend.compact()?;
        let value = backend.get(&birds(), &7_u32.to_be_bytes())?;
        assert_eq!(value, Some(vec![7; 1000]));
    }
    Ok(())
}

/// Closing leaves no log with entries behind, no file of an ingest, and little beside the entries themselves.
#[test]
fn closing_leaves_no_garbage() -> StorageResult<()> {
    struct Ones(u32, [u8; 4]);
    impl EntrySource for Ones {
        fn next_entry(&mut self) -> StorageResult<Option<(&[u8], &[u8])>> {
            self.0 += 1;
            self.1 = self.0.to_be_bytes();
            Ok((self.0 <= 1000).then_some((&self.1[..], &[1; 100][..])))
        }
    }
    let folder = folder();
    filled(folder.path(), RocksDbOptions::new())?;
    let backend = RocksDbBackend::open(folder.path())?;
    let fish = Keyspace::new("fish")?;
    backend.create_keyspace(&fish)?;
    backend.ingest(&fish, &mut Ones(0, [0; 4]))?;
    backend.put(&birds(), b"emu", &[7; 100_000])?;
    backend.close()?;
    for (path, contents) in files(folder.path()) {
        let name = path.display().to_string();
        assert!(!name.contains("/ingest/"), "{name}");
        let log = path.extension().is_some_and(|extension| extension == "log");
        assert!(!log || contents.len() < 1000, "{name}: {}", contents.len());
    }
    Ok(())
}
