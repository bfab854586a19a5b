//! Settings are checked when a store is opened, and those that shape files are kept.

use crate::support::{birds, files, filled, folder, refused, table_bytes};
use quadrille_backend::{EntrySource, ErrorKind, Keyspace, StorageBackend, StorageResult};
use quadrille_backend_rocksdb::{Compression, RocksDbBackend, RocksDbOptions};
use std::fs;
use std::path::Path;

#[test]
fn settings_out_of_range_are_refused_by_name_and_nothing_is_created() {
    let new = RocksDbOptions::new;
    let illegal = [
        ("block_bytes", "1024 to 16777216", new().block_bytes(1023)),
        (
            "block_bytes",
            "1024 to 16777216",
            new().block_bytes((16 << 20) + 1),
        ),
        (
            "filter_bits_per_key",
            "0 to 32",
            new().filter_bits_per_key(33),
        ),
        (
            "write_buffer_bytes",
            "524288 to",
            new().write_buffer_bytes(0),
        ),
        (
            "cache_bytes",
            "0 to 1099511627776",
            new().cache_bytes(usize::MAX),
        ),
        ("background_jobs", "1 to 64", new().background_jobs(0)),
        ("open_files_max", "64 to 1000000", new().open_files_max(63)),
        (
            "open_files_max",
            "64 to 1000000",
            new().open_files_max(u32::MAX),
        ),
    ];
    for (name, range, options) in illegal {
        let folder = folder();
        let path = folder.path().join("store");
        let opened = RocksDbBackend::open_with(&path, options);
        let error = refused(opened, ErrorKind::Misuse).to_string();
        assert!(error.contains(name) && error.contains(range), "{error}");
        assert!(!path.exists());
    }
}

#[test]
fn settings_at_the_ends_of_their_ranges_work() -> StorageResult<()> {
    let small = RocksDbOptions::new()
        .block_bytes(1 << 10)
        .filter_bits_per_key(0)
        .cache_bytes(0)
        .write_buffer_bytes(512 << 10)
        .background_jobs(1)
        .open_files_max(64);
    let large = RocksDbOptions::new()
        .block_bytes(16 << 20)
        .filter_bits_per_key(32)
        .write_buffer_bytes(1 << 30)
        .background_jobs(64)
        .open_files_max(1_000_000);
    for options in [small, large] {
        let folder = folder();
        filled(folder.path(), options.clone())?;
        let backend = RocksDbBackend::open_with(folder.path(), options)?;
        let value = backend.get(&birds(), &7_u32.to_be_bytes())?;
        assert_eq!(value, Some(vec![7; 1000]));
        backend.compact()?;
        assert_eq!(backend.keyspace_size(&birds())?.0, 2000);
    }
    Ok(())
}

fn bytes_after_compaction(path: &Path, options: RocksDbOptions) -> StorageResult<usize> {
    let backend = RocksDbBackend::open_with(path, options)?;
    backend.compact()?;
    backend.close()?;
    Ok(table_bytes(path))
}

/// Who opens a store without naming its compression does not undo the choice.
#[test]
fn settings_that_shape_files_hold_until_set_anew() -> StorageResult<()> {
    let folder = folder();
    let plain = RocksDbOptions::new().compression(Compression::None);
    filled(folder.path(), plain.clone())?;
    let uncompressed = bytes_after_compaction(folder.path(), RocksDbOptions::new())?;
    assert!(uncompressed > 2_000_000, "{uncompressed}");
    let zstd = RocksDbOptions::new().compression(Compression::Zstd);
    let compressed = bytes_after_compaction(folder.path(), zstd)?;
    assert!(compressed < 1_000_000, "{compressed}");
    let still = bytes_after_compaction(folder.path(), RocksDbOptions::new())?;
    assert!(still < 1_000_000, "{still}");
    // A checkpoint is a store like its original.
    let copy = folder.path().join("copy");
    RocksDbBackend::open(folder.path())?.checkpoint(&copy)?;
    let copied = bytes_after_compaction(&copy, RocksDbOptions::new())?;
    assert!(copied < 1_000_000, "{copied}");
    let back = bytes_after_compaction(&copy, plain)?;
    assert!(back > 2_000_000, "{back}");
    Ok(())
}

/// Filters are in the files or not, as set.
#[test]
fn filters_are_written_as_set() -> StorageResult<()> {
    for bits in [0, 10] {
        let folder = folder();
        let options = RocksDbOptions::new().filter_bits_per_key(bits);
        filled(folder.path(), options)?;
        let filtered = files(folder.path()).iter().any(|(path, contents)| {
            path.extension().is_some_and(|extension| extension == "sst")
                && contents.windows(10).any(|part| part == b"fullfilter")
        });
        assert_eq!(filtered, bits > 0);
    }
    Ok(())
}

#[test]
fn stored_settings_that_make_no_sense_are_an_error_and_stay() -> StorageResult<()> {
    let folder = folder();
    filled(folder.path(), RocksDbOptions::new())?;
    let path = folder.path().join("settings");
    let before = fs::read_to_string(&path).expect("the settings");
    for wrong in ["", "compression lzma", &before.replace("4096", "1")] {
        fs::write(&path, wrong).expect("other settings");
        let error = refused(RocksDbBackend::open(folder.path()), ErrorKind::Corrupted);
        assert!(error.to_string().contains("settings"), "{error}");
        assert_eq!(fs::read_to_string(&path).expect("a file"), wrong);
    }
    fs::remove_file(&path).expect("the file");
    assert_eq!(RocksDbBackend::open(folder.path())?.keyspaces()?, [birds()]);
    Ok(())
}

/// Keys and values of all keyspaces count, to the byte, and a store above the limit may shrink.
#[test]
fn a_store_holds_no_more_than_its_limit() -> StorageResult<()> {
    let folder = folder();
    let limited =
        |bytes| RocksDbBackend::open_with(folder.path(), RocksDbOptions::new().bytes_max(bytes));
    let backend = limited(20)?;
    let fish = Keyspace::new("fish")?;
    backend.create_keyspace(&birds())?;
    backend.create_keyspace(&fish)?;
    backend.put(&birds(), b"emu", &[0; 7])?;
    backend.put(&fish, b"eel", &[0; 6])?;
    let error = refused(backend.put(&fish, b"cod", b""), ErrorKind::Full);
    assert!(error.to_string().contains("room for 1 bytes"), "{error}");
    backend.put(&fish, b"eel", &[0; 7])?;
    refused(backend.put(&fish, b"", b"1"), ErrorKind::Full);
    backend.put(&fish, b"eel", &[0; 5])?;
    backend.put(&birds(), b"emu", &[0; 9])?;
    assert_eq!(backend.stats()?.total_bytes, 20);
    backend.close()?;
    drop(backend);
    let backend = limited(10)?;
    refused(backend.put(&fish, b"", b"1"), ErrorKind::Full);
    backend.put(&fish, b"eel", b"")?;
    backend.drop_keyspace(&birds())?;
    backend.put(&fish, b"ray", &[0; 4])?;
    refused(backend.put(&fish, b"", b"1"), ErrorKind::Full);
    backend.close()?;
    drop(backend);
    RocksDbBackend::open(folder.path())?.put(&fish, b"cod", &[0; 100])
}

/// What the contract forbids is `Misuse` also where there would be no room for it.
#[test]
fn an_ingest_of_what_is_illegal_is_misuse_without_room_too() -> StorageResult<()> {
    struct Two<'a>(std::array::IntoIter<&'a [u8], 2>);
    impl EntrySource for Two<'_> {
        fn next_entry(&mut self) -> StorageResult<Option<(&[u8], &[u8])>> {
            Ok(self.0.next().map(|key| (key, &b"value"[..])))
        }
    }
    let folder = folder();
    let options = RocksDbOptions::new().bytes_max(10);
    let backend = RocksDbBackend::open_with(folder.path(), options)?;
    backend.create_keyspace(&birds())?;
    let long = vec![255; backend.capabilities().key_bytes_max + 1];
    let ingest = |keys: [&[u8]; 2]| backend.ingest(&birds(), &mut Two(keys.into_iter()));
    refused(ingest([b"emu", &long]), ErrorKind::Misuse);
    refused(ingest([b"kea", b"emu"]), ErrorKind::Misuse);
    refused(ingest([b"emu", b"kea"]), ErrorKind::Full);
    assert_eq!(backend.stats()?.key_count, 0);
    Ok(())
}

/// Who only reads checks its settings too, and changes none of those that are stored.
#[test]
fn a_reader_has_settings_of_its_own() -> StorageResult<()> {
    let folder = folder();
    filled(folder.path(), RocksDbOptions::new())?;
    let before = files(folder.path());
    let tight = RocksDbOptions::new().cache_bytes(0).open_files_max(64);
    let tight = tight.compression(Compression::Zstd);
    let backend = RocksDbBackend::open_read_only_with(folder.path(), tight)?;
    let value = backend.get(&birds(), &7_u32.to_be_bytes())?;
    assert_eq!(value, Some(vec![7; 1000]));
    // RocksDB counts what it holds beside blocks as well.
    let cached = backend.figures()?.cache_bytes;
    assert!(cached < 1000, "{cached}");
    backend.close()?;
    assert!(files(folder.path()) == before);
    let wrong = RocksDbOptions::new().open_files_max(1);
    let opened = RocksDbBackend::open_read_only_with(folder.path(), wrong);
    refused(opened, ErrorKind::Misuse);
    Ok(())
}

#[test]
fn properties_are_text_and_numbers() -> StorageResult<()> {
    let folder = folder();
    filled(folder.path(), RocksDbOptions::new())?;
    let backend = RocksDbBackend::open(folder.path())?;
    let levels = backend.property(None, "rocksdb.stats")?;
    assert!(levels.is_some_and(|text| text.contains("Level")));
    let keys = backend.property(Some(&birds()), "rocksdb.estimate-num-keys")?;
    assert_eq!(keys.as_deref(), Some("2000"));
    assert_eq!(backend.property(None, "rocksdb.no-such-thing")?, None);
    let fish = Keyspace::new("fish")?;
    refused(
        backend.property(Some(&fish), "rocksdb.stats"),
        ErrorKind::NotFound,
    );
    refused(backend.property(None, "rocksdb.\0"), ErrorKind::Misuse);
    let before = backend.figures()?;
    assert_eq!(before.background_errors, 0);
    assert!(
        before.table_files >= 2 && before.table_bytes > 1000,
        "{before:?}"
    );
    backend.put(&birds(), b"emu", &[7; 3_000_000])?;
    let after = backend.figures()?;
    assert!(after.write_buffer_bytes > before.write_buffer_bytes + 3_000_000);
    backend.close()?;
    refused(backend.figures(), ErrorKind::Closed);
    Ok(())
}
