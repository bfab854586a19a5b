//! What a loss of power can leave of the data file under each durability, built from images of the file.
//!
//! A commit writes its pages, waits for the disk and writes its meta. With `Prefix` nobody waits for the meta, so that the
//! disk may have got it or not until the next commit has waited: the metas of the last two commits, or of the two before,
//! beside any of the pages that the next commit was writing. All of these must be stores as some commit left them.

use quadrille_backend::{
    Durability, Entry, Keyspace, StorageBackend, StorageResult, StorageSnapshot, Transaction,
};
use quadrille_backend_lmdb::{LmdbBackend, LmdbOptions, check_pages};
use std::fs;
use std::path::Path;

const PAGE_BYTES: usize = 4096;
const COMMITS: u64 = 60;

fn birds() -> Keyspace {
    Keyspace::new("birds").expect("a legal name")
}

/// The file and what the store held, after a commit.
struct Image {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

fn entries(backend: &LmdbBackend) -> StorageResult<Vec<Entry>> {
    backend.snapshot()?.prefix_scan(&birds(), b"")?.collect()
}

fn data_file(folder: &Path) -> std::path::PathBuf {
    folder.join("data.mdb")
}

/// Commits changes that free pages all over the file and use them again, and takes an image after each.
fn images(folder: &Path) -> StorageResult<Vec<Image>> {
    let options = LmdbOptions::new().durability(Durability::Prefix);
    let backend = LmdbBackend::open_with(folder, options)?;
    backend.create_keyspace(&birds())?;
    let mut images = Vec::new();
    for commit in 0..COMMITS {
        let mut transaction = backend.begin()?;
        for n in 0..12_u64 {
            let key = (commit * 7 + n * n * 31) % 300;
            let value = vec![commit as u8; 200 + (key as usize * 37) % 9000];
            match (commit + n) % 5 {
                0 => transaction.delete(&birds(), &key.to_be_bytes())?,
                _ => transaction.put(&birds(), &key.to_be_bytes(), &value)?,
            }
        }
        transaction.commit()?;
        images.push(Image {
            bytes: fs::read(data_file(folder)).expect("the file"),
            entries: entries(&backend)?,
        });
    }
    Ok(images)
}

/// The pages of `next`, or of `last` where `old` says so, under the metas of `metas`.
fn cut(metas: &Image, last: &Image, next: &Image, old: impl Fn(usize) -> bool) -> Vec<u8> {
    let mut bytes = next.bytes.clone();
    for (page, place) in bytes.chunks_mut(PAGE_BYTES).enumerate().skip(2) {
        if let Some(before) = last.bytes.chunks(PAGE_BYTES).nth(page)
            && old(page)
        {
            place.copy_from_slice(before);
        }
    }
    bytes[..2 * PAGE_BYTES].copy_from_slice(&metas.bytes[..2 * PAGE_BYTES]);
    bytes
}

/// What a store with this file holds; `None` when it is damaged.
fn held(folder: &Path, bytes: &[u8]) -> StorageResult<Option<Vec<Entry>>> {
    fs::write(data_file(folder), bytes).expect("a file");
    if !check_pages(folder)?.is_sound() {
        return Ok(None);
    }
    entries(&LmdbBackend::open(folder)?).map(Some)
}

/// Which of the pages that were being written are as before: all, none, every other, every third but one.
const OLD: [fn(usize) -> bool; 4] = [
    |_| true,
    |_| false,
    |page| page % 2 == 0,
    |page| page % 3 != 0,
];

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    ignore = "pages may have another size"
)]
fn power_lost_under_prefix_leaves_one_of_the_last_two_commits() -> StorageResult<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let images = images(&folder.path().join("store"))?;
    let place = folder.path().join("cut");
    fs::create_dir(&place).expect("a folder");
    for around in images.windows(3) {
        let [before, last, next] = around else {
            continue;
        };
        for old in OLD {
            // The meta of the last commit has not reached the disk.
            let cut_early = cut(before, last, next, old);
            assert!(held(&place, &cut_early)?.as_ref() == Some(&before.entries));
            // It has.
            let cut_late = cut(last, last, next, old);
            assert!(held(&place, &cut_late)?.as_ref() == Some(&last.entries));
        }
    }
    Ok(())
}

/// Without waiting for pages and metas in turn, two commits may be under way at once, and the older one is overwritten.
#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    ignore = "pages may have another size"
)]
fn power_lost_under_unsafe_can_leave_nothing() -> StorageResult<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let images = images(&folder.path().join("store"))?;
    let place = folder.path().join("cut");
    fs::create_dir(&place).expect("a folder");
    let mut damaged = 0;
    for around in images.windows(4) {
        let [older, _, last, next] = around else {
            continue;
        };
        let left = held(&place, &cut(older, last, next, |_| false))?;
        damaged += usize::from(left.as_ref() != Some(&older.entries));
    }
    assert!(damaged > 0);
    Ok(())
}
