//! The check of pages: silent about what LMDB wrote, whatever it went through; loud about bits that changed since.

use proptest::prelude::*;
use quadrille_backend::{
    Durability, ErrorKind, Keyspace, StorageBackend, StorageResult, Transaction,
};
use quadrille_backend_lmdb::{LmdbBackend, LmdbOptions, PagesReport, check_pages};
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn keyspace(name: &str) -> Keyspace {
    Keyspace::new(name).expect("a legal name")
}

fn data_file(folder: &Path) -> PathBuf {
    folder.join("data.mdb")
}

fn open(folder: &Path) -> StorageResult<LmdbBackend> {
    let options = LmdbOptions::new().durability(Durability::Unsafe);
    LmdbBackend::open_with(folder, options)
}

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

/// Writes values of all sizes under scattered keys, and deletes some.
fn change(backend: &LmdbBackend, keyspace: &Keyspace, numbers: &mut Numbers) -> StorageResult<()> {
    let mut transaction = backend.begin()?;
    for _ in 0..numbers.below(400) {
        let mut key = numbers.below(3000).to_be_bytes().to_vec();
        key.resize(8 + numbers.below(60) as usize, 7);
        match numbers.below(5) {
            0 | 1 => transaction.delete(keyspace, &key)?,
            2 => {
                let value = vec![1; numbers.below(20_000) as usize];
                transaction.put(keyspace, &key, &value)?;
            }
            _ => transaction.put(keyspace, &key, &vec![2; numbers.below(300) as usize])?,
        }
    }
    transaction.commit()
}

#[track_caller]
fn sound(folder: &Path) -> PagesReport {
    let report = check_pages(folder).expect("the check reads the file");
    assert!(report.is_sound(), "{:#?}", report.faults);
    report
}

#[test]
fn what_lmdb_writes_is_sound() -> StorageResult<()> {
    let folder = folder();
    let numbers = &mut Numbers(1);
    let mut backend = open(folder.path())?;
    sound(folder.path());
    let mut snapshots = Vec::new();
    for round in 0..40 {
        let name = keyspace(&format!("k{}", round % 7));
        if !backend.keyspaces()?.contains(&name) {
            backend.create_keyspace(&name)?;
        } else if numbers.below(8) == 0 {
            backend.drop_keyspace(&name)?;
            backend.create_keyspace(&name)?;
        }
        change(&backend, &name, numbers)?;
        match numbers.below(6) {
            0 => snapshots.push(backend.snapshot()?),
            1 => snapshots.clear(),
            2 => {
                snapshots.clear();
                backend.close()?;
                drop(backend);
                backend = open(folder.path())?;
            }
            3 => {
                snapshots.clear();
                backend.compact()?;
            }
            _ => {}
        }
        let report = sound(folder.path());
        assert!(report.pages_checked > 20, "{report:?}");
    }
    Ok(())
}

/// The file grows and its metas change between any two reads of a check. A check that commits overtake too often is
/// `Busy`; what it must never do is to take the file for a shorter one.
#[test]
fn a_file_that_grows_meanwhile_is_not_taken_for_one_cut_off() -> StorageResult<()> {
    const COMMITS: u32 = 3000;
    let folder = folder();
    let birds = keyspace("birds");
    let backend = open(folder.path())?;
    backend.create_keyspace(&birds)?;
    std::thread::scope(|scope| {
        let write =
            || (0..COMMITS).try_for_each(|n| backend.put(&birds, &n.to_be_bytes(), &[1; 8000]));
        let writer = scope.spawn(write);
        while !writer.is_finished() {
            match check_pages(folder.path()) {
                Ok(report) => assert!(report.is_sound(), "{:#?}", report.faults),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Busy, "{error}"),
            }
            // The file is looked at before it is found to be open already.
            for _ in 0..20 {
                let opened = LmdbBackend::open_read_only(folder.path());
                let error = opened.expect_err("one process opens a store once");
                assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
            }
        }
        writer.join().expect("a writer that does not panic")
    })?;
    assert_eq!(backend.keyspace_size(&birds)?.0, u64::from(COMMITS));
    Ok(())
}

/// Pages that a transaction allocated and freed again are in the free list and may not be in the file.
#[test]
fn free_pages_at_the_end_may_be_missing() -> StorageResult<()> {
    let folder = folder();
    let birds = keyspace("birds");
    let backend = open(folder.path())?;
    backend.create_keyspace(&birds)?;
    // Free pages to begin with: without them, LMDB writes its list of free pages to the end of the file.
    for n in 0..6_u8 {
        backend.put(&birds, b"again", &[n; 10])?;
    }
    let mut transaction = backend.begin()?;
    for n in 0..200_u32 {
        transaction.put(&birds, &n.to_be_bytes(), &[3; 1900])?;
    }
    for n in (1..200_u32).rev() {
        transaction.delete(&birds, &n.to_be_bytes())?;
    }
    transaction.commit()?;
    let report = sound(folder.path());
    assert!(report.pages_free > 50, "{report:?}");
    let in_file = fs::metadata(data_file(folder.path()))
        .expect("the file")
        .len()
        / 4096;
    assert!(
        in_file < report.pages_checked + report.pages_free,
        "{in_file}: {report:?}"
    );
    backend.close()?;
    drop(backend);
    assert!(open(folder.path())?.contains(&birds, &0_u32.to_be_bytes())?);
    assert!(LmdbBackend::open_read_only(folder.path())?.contains(&birds, &0_u32.to_be_bytes())?);
    Ok(())
}

#[test]
fn what_is_no_store_is_a_fault_or_not_found() {
    let folder = folder();
    let kind = check_pages(folder.path()).map_err(|error| error.kind());
    assert_eq!(kind.map(drop), Err(ErrorKind::NotFound));
    for contents in [&b""[..], b"a diary", &[0; 100_000], &[255; 100_000]] {
        fs::write(data_file(folder.path()), contents).expect("a file");
        let report = check_pages(folder.path()).expect("the check reads the file");
        assert!(!report.is_sound() && !report.faults[0].what.is_empty());
    }
}

/// A small store with branch pages, large values, several keyspaces and free pages, as the bytes of its file.
fn sample() -> &'static [u8] {
    static SAMPLE: OnceLock<Vec<u8>> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let folder = folder();
        let numbers = &mut Numbers(2);
        let backend = open(folder.path()).expect("a fresh store");
        for name in ["birds", "fish"] {
            let name = keyspace(name);
            backend.create_keyspace(&name).expect("a new keyspace");
            for _ in 0..3 {
                change(&backend, &name, numbers).expect("a commit");
            }
        }
        backend.close().expect("an orderly end");
        assert!(sound(folder.path()).pages_free > 0);
        fs::read(data_file(folder.path())).expect("the file")
    })
}

/// What the check says of these bytes.
fn check_bytes(folder: &Path, bytes: &[u8]) -> PagesReport {
    fs::write(data_file(folder), bytes).expect("a file");
    check_pages(folder).expect("the check reads the file")
}

/// Writes one byte of the data file.
fn flip(folder: &Path, place: usize, byte: u8) {
    let file = fs::File::options().write(true).open(data_file(folder));
    let mut file = file.expect("the file");
    file.seek(SeekFrom::Start(place as u64)).expect("a place");
    file.write_all(&[byte]).expect("a byte");
}

/// The heads of pages in use, by what the pages say of themselves: branch and leaf pages, and the first of each value
/// on pages of its own. Free pages look the same, and a flip there does no harm.
#[test]
fn every_flipped_bit_in_the_head_of_a_used_page_is_reported() {
    let folder = folder();
    let sample = sample();
    let whole = check_bytes(folder.path(), sample);
    let flipped = |place: usize, bit: u8| {
        flip(folder.path(), place, sample[place] ^ bit);
        let report = check_pages(folder.path()).expect("the check reads the file");
        flip(folder.path(), place, sample[place]);
        !report.is_sound()
    };
    let (mut reported, mut values) = (0, 0);
    for page in (0..sample.len() / 4096).skip(2) {
        let head = page * 4096;
        if !flipped(head, 1) {
            continue;
        }
        reported += 1;
        if sample[head + 10] == 4 {
            let pages = sample[head + 12..head + 16].try_into().expect("four bytes");
            values += u32::from_le_bytes(pages) - 1;
        }
        // The two bytes in between are padding.
        for byte in (0..8).chain(10..16) {
            let bit = 1 << ((page + byte) % 8);
            assert!(
                flipped(head + byte, bit),
                "byte {byte}, bit {bit} of page {page}"
            );
        }
    }
    assert_eq!(reported + u64::from(values), whole.pages_checked - 2);
    assert!(values > 0);
}

#[test]
fn a_flipped_bit_in_a_meta_is_reported() {
    let folder = folder();
    let mut bytes = sample().to_vec();
    let transaction = |bytes: &[u8], meta: usize| bytes[meta * 4096 + 144];
    let newest = usize::from(transaction(&bytes, 1) > transaction(&bytes, 0));
    // Magic and version, both records, the last page, the transaction; in between stand address and size of the map.
    for byte in (16..24).chain(40..152) {
        for meta in [newest, 1 - newest] {
            // The roots and counts of the older commit are not followed.
            if meta != newest && (48..144).contains(&byte) {
                continue;
            }
            // Flags of the environment, and padding of the main record.
            if byte == 45 || (88..92).contains(&byte) || (meta != newest && byte > 43 && byte < 48)
            {
                continue;
            }
            let place = meta * 4096 + byte;
            bytes[place] ^= 0x10;
            let report = check_bytes(folder.path(), &bytes);
            // The environment's flag for a map at a fixed address shares its byte with those of the keys.
            assert!(!report.is_sound(), "byte {byte} of meta {meta}");
            bytes[place] ^= 0x10;
        }
    }
}

#[test]
fn a_truncated_file_is_reported() {
    let folder = folder();
    let sample = sample();
    for length in [
        sample.len() - 1,
        sample.len() - 4096,
        sample.len() / 2,
        9000,
        8192,
        4100,
        100,
    ] {
        let report = check_bytes(folder.path(), &sample[..length]);
        assert!(!report.is_sound(), "{length} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Any bytes are looked at to the end; a panic or an endless loop would fail here.
    #[test]
    fn the_check_ends_on_any_damage(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..64_usize, any::<u8>()), 1..12),
        kept in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let folder = folder();
        let mut bytes = sample().to_vec();
        let pages = bytes.len() / 4096;
        for (page, byte, change) in flips {
            // Where the numbers that hold the pages together stand, the metas among them.
            bytes[page.index(pages) * 4096 + byte * 3] ^= change;
        }
        if let Some(kept) = kept {
            bytes.truncate(kept.index(sample().len()));
        }
        let report = check_bytes(folder.path(), &bytes);
        prop_assert!(report.pages_checked <= pages as u64 + 2);
    }
}
