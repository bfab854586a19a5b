//! Cases about what is in the way: no room, no permission, a bad path, a store for reading only, damaged files.

use crate::context::{
    Context, Entries, Factory, SMALL_BYTES, Store, check_figures, delete, entries, fill_keys,
    owned, put, refused, temporary,
};
use crate::sample;
use crate::tasks::{Task, verdict};
use quadrille_backend::{
    Entry, ErrorKind, Keyspace, StorageBackend, StorageError, StorageResult, Transaction,
};
use std::fs;
use std::path::{Path, PathBuf};

/// A transaction that writes more than a small store has room for; the first error.
fn write_too_much<B: StorageBackend>(backend: &B, keyspace: &Keyspace) -> StorageResult<()> {
    let mut transaction = backend.begin()?;
    for n in 0..(SMALL_BYTES / 1000 * 3) as u32 {
        transaction.put(keyspace, &n.to_be_bytes(), &[n as u8; 1000])?;
    }
    transaction.commit()
}

pub(crate) fn what_finds_no_room_is_full<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, numbers) = context.small_store_with("numbers")?;
    refused(write_too_much(&*store, &numbers), ErrorKind::Full);
    let puts: Vec<_> = (0..(SMALL_BYTES / 1000 * 3) as u32)
        .map(|n| put(&numbers, &n.to_be_bytes(), &[n as u8; 1000]))
        .collect();
    refused(store.batch(&puts), ErrorKind::Full);
    let large = vec![1; SMALL_BYTES * 3];
    refused(store.put(&numbers, b"large", &large), ErrorKind::Full);
    let error = store.put(&numbers, b"large", &large).expect_err("no room");
    assert!(error.to_string().starts_with("full: "), "{error}");
    Ok(())
}

pub(crate) fn nothing_of_a_full_transaction_is_visible<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, numbers) = context.small_store_with("numbers")?;
    fill_keys(&*store, &numbers, &[b"kept", b"too"])?;
    refused(write_too_much(&*store, &numbers), ErrorKind::Full);
    let kept = owned(&[(b"kept", b"kept"), (b"too", b"too")]);
    assert_eq!(entries(&*store, &numbers)?, kept);
    check_figures(&*store);
    store.put(&numbers, b"more", b"goes on")?;
    assert_eq!(entries(&*store, &numbers)?.len(), 3);
    Ok(())
}

pub(crate) fn after_full_only_rolling_back_is_left<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, numbers) = context.small_store_with("numbers")?;
    let mut transaction = store.begin()?;
    let full = (0..(SMALL_BYTES / 1000 * 3) as u32)
        .try_for_each(|n| transaction.put(&numbers, &n.to_be_bytes(), &[n as u8; 1000]));
    // An engine may also notice at the end.
    if full.is_err() {
        refused(full, ErrorKind::Full);
        assert!(transaction.put(&numbers, b"small", b"").is_err());
        assert!(transaction.commit().is_err());
    } else {
        refused(transaction.commit(), ErrorKind::Full);
    }
    assert!(entries(&*store, &numbers)?.is_empty());
    let mut transaction = store.begin()?;
    transaction.put(&numbers, b"small", b"")?;
    transaction.commit()
}

/// Fills a store to the brim, makes room and fills it again, several times over.
pub(crate) fn deleting_makes_room_again<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    let (store, numbers) = context.small_store_with("numbers")?;
    let key = |n: u32| n.to_be_bytes();
    for round in 0..3_u8 {
        let mut count = 0_u32;
        let full = loop {
            let puts: Vec<_> = (count..count + 64)
                .map(|n| put(&numbers, &key(n), &[round; 1000]))
                .collect();
            match store.batch(&puts) {
                Ok(()) => count += 64,
                Err(error) => break error,
            }
        };
        assert_eq!(full.kind(), ErrorKind::Full, "{full}");
        assert!(count as usize * 1000 > SMALL_BYTES / 4, "{count} entries");
        assert_eq!(store.keyspace_size(&numbers)?.0, u64::from(count));
        for some in (0..count).collect::<Vec<_>>().chunks(16) {
            let deletes: Vec<_> = some.iter().map(|n| delete(&numbers, &key(*n))).collect();
            store.batch(&deletes)?;
        }
        check_figures(&*store);
        assert_eq!(store.stats()?.key_count, 0);
    }
    store.put(&numbers, b"more", b"goes on")
}

pub(crate) fn an_ingest_without_room_is_full<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, numbers) = context.small_store_with("numbers")?;
    let kept = Keyspace::new("kept")?;
    store.create_keyspace(&kept)?;
    fill_keys(&*store, &kept, &[b"emu"])?;
    let many = (0..(SMALL_BYTES / 1000 * 3) as u32)
        .map(|n| Ok((n.to_be_bytes().to_vec(), vec![n as u8; 1000])));
    let ingested = store.ingest(&numbers, &mut Entries::new(many));
    refused(ingested, ErrorKind::Full);
    store.drop_keyspace(&numbers)?;
    assert_eq!(entries(&*store, &kept)?, owned(&[(b"emu", b"emu")]));
    store.create_keyspace(&numbers)?;
    store.put(&numbers, b"more", b"goes on")
}

/// Names and contents of all files below a folder.
fn files(folder: &Path) -> std::io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut files = Vec::new();
    for item in fs::read_dir(folder)? {
        let path = item?.path();
        if path.is_dir() {
            files.extend(self::files(&path)?);
        } else {
            files.push((path.clone(), fs::read(&path)?));
        }
    }
    files.sort();
    Ok(files)
}

fn read_files(folder: &Path) -> StorageResult<Vec<(PathBuf, Vec<u8>)>> {
    files(folder).map_err(|error| StorageError::from_io("cannot read the files", error))
}

/// That opening a place is an error which says where, of one of the kinds that speak of places.
#[track_caller]
fn not_opened<B>(opened: StorageResult<B>, path: &Path) {
    let Err(error) = opened else {
        panic!("{} was opened", path.display());
    };
    let kinds = [
        ErrorKind::Io,
        ErrorKind::NotFound,
        ErrorKind::Misuse,
        ErrorKind::ReadOnly,
    ];
    assert!(kinds.contains(&error.kind()), "{error}");
    assert!(
        error.to_string().contains("store"),
        "it says where: {error}"
    );
}

pub(crate) fn a_file_in_place_of_the_folder_stays<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let folder = temporary()?;
    let path = folder.path().join("store");
    fs::write(&path, b"mine").expect("a file");
    not_opened(context.factory().open(&path), &path);
    assert_eq!(fs::read(&path).expect("still there"), b"mine");
    Ok(())
}

pub(crate) fn a_path_below_a_file_is_an_error<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let folder = temporary()?;
    let file = folder.path().join("store");
    fs::write(&file, b"mine").expect("a file");
    for below in ["a", "a/b"] {
        let path = file.join(below);
        not_opened(context.factory().open(&path), &path);
    }
    assert_eq!(fs::read(&file).expect("still there"), b"mine");
    Ok(())
}

pub(crate) fn a_folder_without_permission_is_an_error<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let folder = temporary()?;
    let closed = folder.path().join("store");
    fs::create_dir(&closed).expect("a folder");
    set_read_only(&closed, true);
    let below = closed.join("below");
    let opened = [
        context.factory().open(&closed),
        context.factory().open(&below),
    ];
    set_read_only(&closed, false);
    for opened in opened {
        not_opened(opened, &closed);
    }
    assert!(read_files(&closed)?.is_empty());
    Ok(())
}

fn set_read_only(path: &Path, read_only: bool) {
    let mut permissions = fs::metadata(path).expect("it is there").permissions();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        permissions.set_mode(if read_only { 0o555 } else { 0o755 });
    }
    #[cfg(not(unix))]
    permissions.set_readonly(read_only);
    fs::set_permissions(path, permissions).expect("it is ours");
}

/// Whether permissions hold for this user: not for root, nor where the file system knows none.
pub(crate) fn permissions_hold() -> StorageResult<bool> {
    let folder = temporary()?;
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).expect("a folder");
    set_read_only(&closed, true);
    let written = fs::write(closed.join("file"), b"");
    set_read_only(&closed, false);
    Ok(written.is_err())
}

fn open_read_only<F: Factory>(context: &Context<F>, path: &Path) -> StorageResult<F::Backend> {
    let opened = context.factory().open_read_only(path);
    opened.expect("asked for beforehand")
}

pub(crate) fn what_is_read_only_refuses_writes<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let (store, birds) = context.store_with("birds")?;
    fill_keys(&*store, &birds, &[b"emu", b"kea"])?;
    let path = store.path();
    store.close()?;
    let backend = open_read_only(context, &path)?;
    let fish = Keyspace::new("fish")?;
    assert_eq!(entries(&backend, &birds)?.len(), 2);
    check_figures(&backend);
    refused(backend.begin().map(drop), ErrorKind::ReadOnly);
    refused(backend.try_begin().map(drop), ErrorKind::ReadOnly);
    refused(backend.put(&birds, b"owl", b""), ErrorKind::ReadOnly);
    refused(backend.delete(&birds, b"emu"), ErrorKind::ReadOnly);
    refused(backend.batch(&[]), ErrorKind::ReadOnly);
    refused(backend.create_keyspace(&fish), ErrorKind::ReadOnly);
    refused(backend.drop_keyspace(&birds), ErrorKind::ReadOnly);
    let none: [StorageResult<Entry>; 0] = [];
    let ingested = backend.ingest(&birds, &mut Entries::new(none));
    refused(ingested, ErrorKind::ReadOnly);
    refused(backend.compact(), ErrorKind::ReadOnly);
    refused(backend.destroy(), ErrorKind::ReadOnly);
    backend.flush()?;
    backend.close()?;
    drop(backend);
    assert_eq!(entries(&store.open_again()?, &birds)?.len(), 2);
    Ok(())
}

pub(crate) fn reading_an_absent_store_creates_nothing<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let folder = temporary()?;
    let path = folder.path().join("store");
    refused(open_read_only(context, &path), ErrorKind::NotFound);
    assert!(!path.exists());
    refused(open_read_only(context, folder.path()), ErrorKind::NotFound);
    assert!(read_files(folder.path())?.is_empty());
    Ok(())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for item in fs::read_dir(from)? {
        let path = item?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            fs::copy(&path, &target)?;
        }
    }
    Ok(())
}

/// Damages each file of a closed store in turn, and has another process open and read what is left.
fn damage_each_file<F: Factory>(
    context: &Context<F>,
    damage: fn(&Path) -> std::io::Result<()>,
) -> StorageResult<()> {
    let store: Store<F> = context.store()?;
    sample::write(&*store)?;
    let whole = verdict(context.start(Task::Read, &store.path()));
    assert_eq!(whole.as_deref(), Ok("right"), "the sample itself");
    let mut wrong = Vec::new();
    let folder = temporary()?;
    for (nth, (file, _)) in read_files(&store.path())?.into_iter().enumerate() {
        let name = file.strip_prefix(store.path()).unwrap_or(&file).to_owned();
        let copied = folder.path().join(nth.to_string());
        let made = copy(&store.path(), &copied).and_then(|()| damage(&copied.join(&name)));
        made.map_err(|error| StorageError::from_io("cannot damage a copy", error))?;
        match verdict(context.start(Task::Read, &copied)) {
            Ok(verdict) if verdict == "right" || verdict.starts_with("error: ") => {}
            Ok(other) | Err(other) => wrong.push(format!("{}: {other}", name.display())),
        }
    }
    assert!(wrong.is_empty(), "damaged in turn:\n{}", wrong.join("\n"));
    Ok(())
}

fn cut(path: &Path, length: impl Fn(u64) -> u64) -> std::io::Result<()> {
    let file = fs::File::options().write(true).open(path)?;
    file.set_len(length(file.metadata()?.len()))
}

pub(crate) fn files_cut_off_to_nothing<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    damage_each_file(context, |path| cut(path, |_| 0))
}

pub(crate) fn files_cut_off_in_half<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    damage_each_file(context, |path| cut(path, |length| length / 2))
}

pub(crate) fn files_short_of_one_byte<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    damage_each_file(context, |path| cut(path, |length| length.saturating_sub(1)))
}

pub(crate) fn missing_files<F: Factory>(context: &Context<F>) -> StorageResult<()> {
    damage_each_file(context, |path| fs::remove_file(path))
}
