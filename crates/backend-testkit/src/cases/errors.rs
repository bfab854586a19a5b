//! Cases about what is in the way: no permission, a bad path, a store for reading only, damaged files.

pub(crate) use super::room::a_full_disk_loses_no_commit;
use crate::context::{
    Context, Entries, Factory, Store, check_figures, entries, fill_keys, refused, temporary,
};
use crate::nobody;
use crate::sample;
use crate::tasks::{Task, verdict};
use quadrille_backend::{Entry, ErrorKind, Keyspace, StorageBackend, StorageError, StorageResult};
use std::fs;
use std::path::{Path, PathBuf};

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

/// What is wrong about opening a place that cannot be: it is an error which says where, of one of the kinds that speak of
/// places.
fn wrongly_opened<B>(opened: StorageResult<B>, path: &Path) -> Option<String> {
    let Err(error) = opened else {
        return Some(format!("{} was opened", path.display()));
    };
    let kinds = [
        ErrorKind::Io,
        ErrorKind::NotFound,
        ErrorKind::Misuse,
        ErrorKind::ReadOnly,
    ];
    let right = kinds.contains(&error.kind()) && error.to_string().contains("store");
    (!right).then(|| format!("not an error of a kind about places, or not where: {error}"))
}

#[track_caller]
fn not_opened<B>(opened: StorageResult<B>, path: &Path) {
    assert_eq!(wrongly_opened(opened, path), None);
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

/// What comes of opening a folder that is closed to this process, and one below: `right`, or what is wrong.
pub(crate) fn opened_closed<F: Factory>(factory: &F, closed: &Path) -> String {
    let paths = [closed.to_owned(), closed.join("below")];
    let mut wrong = paths
        .iter()
        .filter_map(|path| wrongly_opened(factory.open(path), path));
    wrong.next().unwrap_or_else(|| "right".to_owned())
}

/// Root may write everywhere, so as root it is another process that tries, as nobody.
pub(crate) fn a_folder_without_permission_is_an_error<F: Factory>(
    context: &Context<F>,
) -> StorageResult<()> {
    let folder = temporary()?;
    let closed = folder.path().join("store");
    fs::create_dir(&closed).expect("a folder");
    set_read_only(&closed, true);
    let opened = match permissions_hold()? {
        true => opened_closed(context.factory(), &closed),
        false => {
            let start = |role: &str, closed: &Path| nobody::start(role, closed, folder.path());
            let other = context.start_by(Task::OpenClosed, &closed, start);
            verdict(other).unwrap_or_else(|error| error)
        }
    };
    set_read_only(&closed, false);
    assert_eq!(opened, "right");
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
