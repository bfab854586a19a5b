//! Read transactions that are used again: they never show an older commit, and they are in nobody's way.

use quadrille_backend::{Keyspace, StorageBackend, StorageResult, StorageSnapshot, Transaction};
use quadrille_backend_lmdb::{LmdbBackend, LmdbOptions};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tempfile::TempDir;

const KEY: &[u8] = b"wren";

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn birds() -> Keyspace {
    Keyspace::new("birds").expect("a legal name")
}

fn opened(folder: &TempDir, options: LmdbOptions) -> StorageResult<LmdbBackend> {
    let backend = LmdbBackend::open_with(folder.path(), options)?;
    backend.create_keyspace(&birds())?;
    backend.put(&birds(), KEY, &0_u64.to_be_bytes())?;
    Ok(backend)
}

fn number(backend: &LmdbBackend) -> StorageResult<u64> {
    let value = backend.get(&birds(), KEY)?.unwrap_or_default();
    Ok(value.try_into().map_or(0, u64::from_be_bytes))
}

/// Looks up as long as `work` runs, from some threads.
fn while_reading<T>(
    backend: &LmdbBackend,
    threads: usize,
    work: impl FnOnce() -> StorageResult<T>,
) -> StorageResult<T> {
    /// Ends the readers, also when the work panics.
    struct End<'a>(&'a AtomicBool);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let ended = AtomicBool::new(false);
    let read = || {
        let mut last = 0;
        while !ended.load(Ordering::Relaxed) {
            let next = number(backend)?;
            assert!(next >= last, "{next} after {last}");
            last = next;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let readers: Vec<_> = (0..threads).map(|_| scope.spawn(read)).collect();
        let end = End(&ended);
        let result = work();
        drop(end);
        for reader in readers {
            reader.join().expect("a reader that does not panic")?;
        }
        result
    })
}

#[test]
fn look_ups_see_every_commit_and_never_go_back() -> StorageResult<()> {
    let folder = folder();
    let backend = opened(&folder, LmdbOptions::default())?;
    while_reading(&backend, 4, || {
        for n in 1..=300_u64 {
            backend.put(&birds(), KEY, &n.to_be_bytes())?;
            assert_eq!(number(&backend)?, n);
            let snapshot = backend.snapshot()?;
            assert_eq!(
                snapshot.get(&birds(), KEY)?.as_deref(),
                Some(&n.to_be_bytes()[..])
            );
        }
        Ok(())
    })
}

#[test]
fn a_keyspace_that_was_dropped_or_created_anew_is_seen_so() -> StorageResult<()> {
    let folder = folder();
    let backend = opened(&folder, LmdbOptions::default())?;
    let owls = Keyspace::new("owls")?;
    assert_eq!(number(&backend)?, 0);
    let before = backend.snapshot()?;
    backend.drop_keyspace(&birds())?;
    assert!(backend.get(&birds(), KEY).is_err());
    backend.create_keyspace(&owls)?;
    backend.create_keyspace(&birds())?;
    backend.put(&owls, KEY, b"owl")?;
    assert_eq!(backend.get(&birds(), KEY)?, None);
    assert_eq!(backend.get(&owls, KEY)?.as_deref(), Some(&b"owl"[..]));
    assert!(before.contains(&birds(), KEY)?);
    assert!(before.get(&owls, KEY).is_err());
    Ok(())
}

#[test]
fn what_is_kept_leaves_all_reader_slots_to_snapshots() -> StorageResult<()> {
    let folder = folder();
    let backend = opened(&folder, LmdbOptions::default().readers_max(32))?;
    let slots = || {
        let taken = std::iter::from_fn(|| backend.snapshot().ok());
        taken.collect::<Vec<_>>().len()
    };
    backend.put(&birds(), KEY, &1_u64.to_be_bytes())?;
    let all = slots();
    assert!(all >= 31, "{all}");
    // The first of these snapshots have left what is kept.
    assert_eq!(slots(), all);
    assert_eq!(number(&backend)?, 1);
    assert_eq!(slots(), all);
    Ok(())
}

/// Another process cannot ask for the slots that are kept here.
#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    ignore = "the table of readers has another layout"
)]
fn a_small_table_of_readers_is_left_to_snapshots() -> StorageResult<()> {
    let folder = folder();
    let backend = opened(&folder, LmdbOptions::default().readers_max(4))?;
    while_reading(&backend, 4, || {
        backend.put(&birds(), KEY, &1_u64.to_be_bytes())
    })?;
    let table = fs::read(folder.path().join("lock.mdb")).expect("the table of readers");
    // After a head of 128 bytes, slots of 64: the process is told at byte 8, 0 when the slot is free.
    let slots = table[128..].chunks_exact(64).take(4);
    let taken = slots.filter(|slot| slot[8..12] != [0; 4]).count();
    assert_eq!(taken, 0);
    Ok(())
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    ignore = "the table of readers has another layout"
)]
fn what_is_kept_pins_nothing() -> StorageResult<()> {
    let folder = folder();
    let backend = opened(&folder, LmdbOptions::default())?;
    let mut disk_bytes = Vec::new();
    for n in 0..200_u64 {
        let mut transaction = backend.begin()?;
        let value = [&n.to_be_bytes()[..], &[1; 100_000]].concat();
        transaction.put(&birds(), b"large", &value)?;
        // Sees the commit before, which ends to be the last one.
        assert!(backend.contains(&birds(), KEY)?);
        transaction.commit()?;
        assert_eq!(backend.stats()?.pinned_bytes, Some(0));
        disk_bytes.push(backend.stats()?.disk_bytes);
    }
    assert!(disk_bytes[199] <= disk_bytes[20], "{disk_bytes:?}");
    Ok(())
}

#[test]
fn the_map_grows_while_others_look_up() -> StorageResult<()> {
    let folder = folder();
    let backend = opened(&folder, LmdbOptions::default().map_bytes(4 << 20))?;
    let fill = || {
        let mut transaction = backend.begin()?;
        for n in 0..10_000_u32 {
            transaction.put(&birds(), &n.to_be_bytes(), &[0; 1000])?;
        }
        transaction.commit()
    };
    while_reading(&backend, 1, || {
        let mut attempts = 0;
        while let Err(error) = fill() {
            attempts += 1;
            assert!(attempts < 20, "{error}");
        }
        assert!(attempts > 0, "the map was large enough from the start");
        Ok(())
    })
}

#[test]
fn compacting_and_destroying_go_on_after_look_ups() -> StorageResult<()> {
    let folder = folder();
    let backend = opened(&folder, LmdbOptions::default())?;
    assert_eq!(number(&backend)?, 0);
    backend.compact()?;
    assert_eq!(number(&backend)?, 0);
    drop(backend.snapshot()?);
    backend.destroy()?;
    assert!(LmdbBackend::open_read_only(folder.path()).is_err());
    Ok(())
}
