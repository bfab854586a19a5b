//! Every file of a store is damaged in every way that a disk or a careless hand may: what comes of it is an error, or
//! the entries as they were.

use crate::support::{files, folder, refused};
use quadrille_backend::{
    Durability, ErrorKind, Keyspace, StorageBackend, StorageResult, Transaction,
};
use quadrille_backend_rocksdb::{RocksDbBackend, RocksDbOptions};
use std::fs;
use std::path::{Path, PathBuf};

const KEYSPACES: u32 = 3;
const ROUNDS: u32 = 2;
const ENTRIES: u32 = 40;

fn keyspace(nth: u32) -> StorageResult<Keyspace> {
    Keyspace::new(&format!("k{nth}"))
}

/// The value of a key after the last of so many rounds.
fn value(nth: u32, rounds: u32) -> Vec<u8> {
    (0..200_u32)
        .map(|byte| (byte.wrapping_mul(nth + rounds) >> 2) as u8)
        .collect()
}

/// Several keyspaces, each written several times, so that there are several files and edits of the manifest.
fn fill(path: &Path, options: RocksDbOptions, rounds: u32) -> StorageResult<RocksDbBackend> {
    let backend = RocksDbBackend::open_with(path, options)?;
    for nth in 0..KEYSPACES {
        backend.create_keyspace(&keyspace(nth)?)?;
    }
    for round in 1..=rounds {
        write_round(&backend, round)?;
        backend.flush()?;
    }
    Ok(backend)
}

fn write_round(backend: &RocksDbBackend, round: u32) -> StorageResult<()> {
    let mut transaction = backend.begin()?;
    for nth in 0..KEYSPACES {
        for key in 0..ENTRIES {
            transaction.put(&keyspace(nth)?, &key.to_be_bytes(), &value(key, round))?;
        }
    }
    transaction.commit()
}

/// Whether a store holds what `rounds` rounds wrote; an error where its damage shows.
fn holds(path: &Path, rounds: u32, read_only: bool) -> StorageResult<bool> {
    let backend = match read_only {
        true => RocksDbBackend::open_read_only(path)?,
        false => RocksDbBackend::open(path)?,
    };
    let mut right = backend.keyspaces()?.len() == KEYSPACES as usize;
    for nth in 0..KEYSPACES {
        let keyspace = keyspace(nth)?;
        let mut count = 0;
        for (key, entry) in backend.range_scan(&keyspace, &[], None, None)?.enumerate() {
            let (found, bytes) = entry?;
            right &= found == (key as u32).to_be_bytes() && bytes == value(key as u32, rounds);
            count += 1;
        }
        right &= count == ENTRIES && backend.keyspace_size(&keyspace)?.0 == u64::from(ENTRIES);
        for key in 0..ENTRIES {
            let found = backend.get(&keyspace, &key.to_be_bytes())?;
            right &= found == Some(value(key, rounds));
        }
    }
    Ok(right)
}

fn copy(from: &[(PathBuf, Vec<u8>)], source: &Path, target: &Path) {
    for (path, contents) in from {
        let path = target.join(path.strip_prefix(source).expect("a file of the store"));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, contents).expect("a copy");
    }
}

/// What a file becomes, and the name of what happened to it; `None` when it is gone.
fn damages(contents: &[u8]) -> Vec<(String, Option<Vec<u8>>)> {
    let length = contents.len();
    let mut damages = vec![("removed".to_owned(), None)];
    let mut cuts = vec![0, length / 2, length.saturating_sub(1)];
    cuts.retain(|&cut| cut < length);
    cuts.dedup();
    for cut in cuts {
        damages.push((format!("cut to {cut}"), Some(contents[..cut].to_vec())));
    }
    // The first byte, the last, and some between.
    let places = (0..11).map(|nth| length.saturating_sub(1) * nth / 10);
    for place in places.take(length) {
        let mut flipped = contents.to_vec();
        flipped[place] ^= 1 << (place % 8);
        damages.push((format!("flipped at {place}"), Some(flipped)));
    }
    damages
}

/// Damages each file in each way; gives the damages that went unnoticed and changed what is read.
fn unnoticed(source: &Path, rounds: u32) -> StorageResult<Vec<String>> {
    let original = files(source);
    let mut unnoticed = Vec::new();
    for (path, contents) in &original {
        let name = path.strip_prefix(source).expect("a file of the store");
        for (what, damaged) in damages(contents) {
            let folder = folder();
            copy(&original, source, folder.path());
            match &damaged {
                Some(bytes) => fs::write(folder.path().join(name), bytes).expect("a file"),
                None => fs::remove_file(folder.path().join(name)).expect("a file"),
            }
            // Reading changes nothing, so that what it did not mind is then opened for writing.
            let right = [true, false].map(|read_only| holds(folder.path(), rounds, read_only));
            if right.iter().any(|right| matches!(right, Ok(false))) {
                unnoticed.push(format!("{} {what}: {right:?}", name.display()));
            }
        }
    }
    Ok(unnoticed)
}

#[test]
fn damage_to_any_file_of_a_closed_store_is_an_error_or_harmless() -> StorageResult<()> {
    for durability in [Durability::Durable, Durability::Unsafe] {
        let folder = folder();
        let options = RocksDbOptions::new().durability(durability);
        fill(folder.path(), options, ROUNDS)?.close()?;
        assert!(holds(folder.path(), ROUNDS, true)?);
        let unnoticed = unnoticed(folder.path(), ROUNDS)?;
        assert!(unnoticed.is_empty(), "{durability:?}: {unnoticed:#?}");
    }
    Ok(())
}

/// The log holds everything when nobody closed the store.
#[test]
fn damage_to_any_file_of_a_dropped_store_is_an_error_or_harmless() -> StorageResult<()> {
    let folder = folder();
    drop(fill(folder.path(), RocksDbOptions::new(), ROUNDS)?);
    assert!(holds(folder.path(), ROUNDS, true)?);
    let unnoticed = unnoticed(folder.path(), ROUNDS)?;
    assert!(unnoticed.is_empty(), "{unnoticed:#?}");
    Ok(())
}

/// Without its first file a store is not taken for an empty folder, whose files would then be swept.
#[test]
fn a_store_without_its_first_file_is_not_begun_anew() -> StorageResult<()> {
    let folder = folder();
    fill(folder.path(), RocksDbOptions::new(), 1)?.close()?;
    let current = folder.path().join("rocksdb/CURRENT");
    let contents = fs::read(&current).expect("a file");
    fs::remove_file(&current).expect("a file");
    refused(RocksDbBackend::open(folder.path()), ErrorKind::Corrupted);
    refused(
        RocksDbBackend::open_read_only(folder.path()),
        ErrorKind::Corrupted,
    );
    fs::write(&current, contents).expect("a file");
    assert!(holds(folder.path(), 1, false)?);
    Ok(())
}
