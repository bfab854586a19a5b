//! How the address space grows beside snapshots: which of them a writer waits for, and that no wait is paid in vain twice.

use quadrille_backend::{
    Durability, ErrorKind, Keyspace, StorageBackend, StorageError, StorageResult, StorageSnapshot,
    Transaction, Wait,
};
use quadrille_backend_lmdb::{LmdbBackend, LmdbOptions, check_pages};
use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A map that is full soon, and a wait that is told from none on a busy machine.
const MAP_BYTES: usize = 4 << 20;
const WAIT: Duration = Duration::from_secs(2);
/// Longer than any test takes: who waits so long has failed.
const LONG_WAIT: Duration = Duration::from_secs(60);

fn birds() -> Keyspace {
    Keyspace::new("birds").expect("a legal name")
}

fn opened(folder: &TempDir, wait: Duration) -> StorageResult<LmdbBackend> {
    let options = LmdbOptions::new()
        .map_bytes(MAP_BYTES)
        .growth_wait(wait)
        .durability(Durability::Unsafe);
    let backend = LmdbBackend::open_with(folder.path(), options)?;
    backend.create_keyspace(&birds())?;
    backend.put(&birds(), b"kept", b"yes")?;
    Ok(backend)
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A transaction that needs more than the map has.
fn fill(backend: &LmdbBackend) -> StorageResult<()> {
    let mut transaction = backend.begin()?;
    for n in 0..8000_u32 {
        transaction.put(&birds(), &n.to_be_bytes(), &[0; 1000])?;
    }
    transaction.commit()
}

#[track_caller]
fn full(result: StorageResult<()>) -> StorageError {
    let error = result.expect_err("the map is too small");
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    error
}

fn timed<T>(work: impl FnOnce() -> StorageResult<T>) -> StorageResult<Duration> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}

/// A snapshot that was waited for in vain is not waited for again; what fits is written meanwhile, also by callers that
/// hold a snapshot of their own, and the map grows with the end of the snapshot.
#[test]
fn a_snapshot_that_outlasted_a_wait_is_not_waited_for_again() -> StorageResult<()> {
    let folder = folder();
    let backend = opened(&folder, WAIT)?;
    let old = backend.snapshot()?;
    full(fill(&backend));
    let waited = timed(|| backend.put(&birds(), b"kept", b"after the wait"))?;
    assert!(waited >= WAIT, "{waited:?}");
    let start = Instant::now();
    for n in 0..20_u8 {
        let own = backend.snapshot()?;
        backend.put(&birds(), b"kept", &[n])?;
        assert_ne!(own.get(&birds(), b"kept")?, Some(vec![n]));
        drop(own);
        full(fill(&backend));
    }
    let waited = start.elapsed();
    assert!(waited < 10 * WAIT, "{waited:?}");
    assert_eq!(old.get(&birds(), b"kept")?.as_deref(), Some(&b"yes"[..]));
    drop(old);
    fill(&backend)?;
    assert_eq!(backend.get(&birds(), b"kept")?, Some(vec![19]));
    assert_eq!(backend.keyspace_size(&birds())?.0, 8001);
    Ok(())
}

/// Transactions that fit do not wait for anybody once one of them has, whoever comes and goes.
#[test]
fn one_full_map_costs_one_wait() -> StorageResult<()> {
    let folder = folder();
    let backend = opened(&folder, WAIT)?;
    let mut last = backend.snapshot()?;
    full(fill(&backend));
    let start = Instant::now();
    for n in 0..20_u8 {
        backend.put(&birds(), b"kept", &[n])?;
        // One snapshot is always open, and none of them stays.
        last = backend.snapshot()?;
        assert_eq!(last.get(&birds(), b"kept")?, Some(vec![n]));
    }
    let waited = start.elapsed();
    assert!(waited >= WAIT && waited < 10 * WAIT, "{waited:?}");
    drop(last);
    fill(&backend)
}

/// Once the snapshots that stayed are gone, those that came later are waited for.
#[test]
fn a_writer_waits_again_when_those_that_stayed_are_gone() -> StorageResult<()> {
    let folder = folder();
    let backend = opened(&folder, WAIT)?;
    let old = backend.snapshot()?;
    full(fill(&backend));
    // Waits in vain.
    full(fill(&backend));
    let short = backend.snapshot()?;
    drop(old);
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(100));
            drop(short);
        });
        fill(&backend)
    })
}

/// A wait ends with the last snapshot, not with its time.
#[test]
fn a_writer_waits_no_longer_than_the_snapshots_live() -> StorageResult<()> {
    let folder = folder();
    let backend = opened(&folder, LONG_WAIT)?;
    let short = backend.snapshot()?;
    full(fill(&backend));
    let waited = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(100));
            drop(short);
        });
        timed(|| fill(&backend))
    })?;
    assert!(waited < LONG_WAIT, "{waited:?}");
    Ok(())
}

/// Who may not wait, or not for long, does not wait for growth either; the next who may still does.
#[test]
fn a_writer_waits_no_longer_than_it_may() -> StorageResult<()> {
    let folder = folder();
    let backend = opened(&folder, LONG_WAIT)?;
    let short = backend.snapshot()?;
    full(fill(&backend));
    let brief = Duration::from_millis(50);
    for wait in [Wait::No, Wait::AtMost(brief), Wait::No] {
        let waited = timed(|| {
            let mut transaction = backend.begin_with(wait)?;
            transaction.put(&birds(), b"kept", b"it fits")?;
            transaction.commit()
        })?;
        assert!(waited < LONG_WAIT / 2, "{wait:?}: {waited:?}");
        assert!(wait == Wait::No || waited >= brief, "{wait:?}: {waited:?}");
    }
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(brief);
            drop(short);
        });
        fill(&backend)
    })
}

/// A snapshot taken after a transaction found no room finds a map that has grown, though others looked up between.
#[test]
fn look_ups_beside_a_transaction_that_fails_keep_no_map_small() -> StorageResult<()> {
    let folder = folder();
    let backend = opened(&folder, Duration::ZERO)?;
    let mut transaction = backend.begin()?;
    let filled = (0..8000_u32).try_for_each(|n| {
        assert!(!backend.contains(&birds(), b"nobody")?);
        transaction.put(&birds(), &n.to_be_bytes(), &[0; 1000])
    });
    full(filled);
    assert!(backend.contains(&birds(), b"kept")?);
    drop(transaction);
    let own = backend.snapshot()?;
    fill(&backend)?;
    assert!(own.contains(&birds(), b"kept")?);
    Ok(())
}

/// Transactions of all sizes on a map that cannot grow: each that found it full left nothing, each that returned is there.
#[test]
fn no_transaction_is_lost_to_a_full_map() -> StorageResult<()> {
    let folder = folder();
    let options = LmdbOptions::new()
        .map_bytes(1 << 20)
        .map_bytes_max(1 << 20)
        .durability(Durability::Unsafe);
    let backend = LmdbBackend::open_with(folder.path(), options)?;
    backend.create_keyspace(&birds())?;
    let mut model = BTreeMap::new();
    let (mut refused, mut committed) = (0, 0);
    for round in 0..600_u32 {
        let mut changed = model.clone();
        let snapshot = backend.snapshot()?;
        let result = change(&backend, &mut changed, round);
        match result {
            Ok(()) => {
                committed += 1;
                model = changed;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Full, "{error}");
                refused += 1;
            }
        }
        drop(snapshot);
        let held: StorageResult<Vec<_>> = backend.snapshot()?.prefix_scan(&birds(), b"")?.collect();
        assert!(held?.into_iter().eq(model.clone()), "round {round}");
    }
    assert!(refused > 20 && committed > 20, "{refused}, {committed}");
    backend.close()?;
    drop(backend);
    assert!(check_pages(folder.path())?.is_sound());
    let backend = LmdbBackend::open(folder.path())?;
    assert_eq!(backend.keyspace_size(&birds())?.0, model.len() as u64);
    fill(&backend)
}

/// Puts and deletes some entries, in the store and in the model.
fn change(
    backend: &LmdbBackend,
    model: &mut BTreeMap<Vec<u8>, Vec<u8>>,
    round: u32,
) -> StorageResult<()> {
    let mut transaction = backend.begin()?;
    for n in 0..(round * 13) % 90 {
        let key = ((round * 31 + n * 17) % 400).to_be_bytes().to_vec();
        if (round + n).is_multiple_of(4) {
            transaction.delete(&birds(), &key)?;
            model.remove(&key);
        } else {
            let value = vec![round as u8; ((round + n) * 37 % 6000) as usize];
            transaction.put(&birds(), &key, &value)?;
            model.insert(key, value);
        }
    }
    transaction.commit()
}
