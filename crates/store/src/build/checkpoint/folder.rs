//! The folder of a checkpoint, and the files in it.
//!
//! What flows in: files to be made, and manifests. What flows out: the last manifest, and the files that it names. What
//! always holds: a file goes away when nobody uses it and the last manifest does not name it; one process has the folder
//! at a time; only files of these names are ever deleted; without a manifest nothing stays of the folder.

use super::manifest::{CommitMark, FileRecord, Manifest};
use crate::options::StoreOptions;
use crate::root::Root;
use quadrille_backend::{ErrorKind, StorageError, StorageResult};
use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const MANIFEST: &str = "checkpoint";
const NEW_MANIFEST: &str = "checkpoint.new";
const LOCK: &str = "lock";
const EXTENSION: &str = "part";

/// Where the temporary files of a build are made.
#[derive(Clone)]
pub(crate) enum SpillFolder {
    /// Without names, in this folder or the system's.
    Unnamed(Option<PathBuf>),
    /// With names, which a checkpoint can tell.
    Named(Arc<CheckpointFolder>),
}

impl SpillFolder {
    /// Where a store's options say.
    pub(crate) fn of(options: &StoreOptions) -> Self {
        Self::Unnamed(options.temporary_folder.clone())
    }

    /// Makes a file.
    pub(crate) fn create(&self) -> StorageResult<(File, Option<OwnFile>)> {
        match self {
            Self::Unnamed(folder) => Ok((temporary_file(folder.as_deref())?, None)),
            Self::Named(folder) => {
                let (file, own) = CheckpointFolder::create_file(folder)?;
                Ok((file, Some(own)))
            }
        }
    }

    /// Opens a file that the checkpoint names.
    ///
    /// # Errors
    /// `Corrupted` when it is not there, or shorter than it was.
    pub(crate) fn open(&self, record: &FileRecord) -> StorageResult<(File, OwnFile)> {
        match self {
            Self::Unnamed(_) => Err(StorageError::misuse("files without a name are not resumed")),
            Self::Named(folder) => CheckpointFolder::open_file(folder, record),
        }
    }

    /// The same place for files that no checkpoint tells of.
    pub(crate) fn unnamed(&self) -> Self {
        match self {
            Self::Unnamed(folder) => Self::Unnamed(folder.clone()),
            Self::Named(folder) => Self::Unnamed(Some(folder.path.clone())),
        }
    }
}

/// An unnamed temporary file, in the given folder or the system's.
fn temporary_file(folder: Option<&Path>) -> StorageResult<File> {
    let folder = folder.map_or_else(std::env::temp_dir, Path::to_path_buf);
    tempfile::tempfile_in(&folder).map_err(|error| {
        let message = format!("no temporary file could be made in {}", folder.display());
        StorageError::from_io(message, error)
    })
}

/// A file of a checkpoint folder that is in use. Dropping it deletes the file, unless the last manifest names it.
pub(crate) struct OwnFile {
    number: u64,
    folder: Arc<CheckpointFolder>,
}

impl OwnFile {
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path_of(self.number)
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        let mut state = self.folder.state();
        state.in_use.remove(&self.number);
        if !state.named.contains(&self.number) {
            // What cannot be deleted now goes with the folder.
            let _ = fs::remove_file(self.folder.path_of(self.number));
        }
    }
}

/// A folder that this process has to itself.
pub(crate) struct CheckpointFolder {
    path: PathBuf,
    /// Locked as long as it is open.
    lock: Option<File>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The number of the next file.
    next: u64,
    in_use: BTreeSet<u64>,
    /// The files of the last manifest.
    named: BTreeSet<u64>,
    manifest: Option<Manifest>,
}

impl CheckpointFolder {
    /// Takes the folder, which is made when it is not there (the one around it must be), with the manifest in it.
    ///
    /// # Errors
    /// `Locked` when another process has it; `Corrupted` when the manifest is damaged, `Unsupported` when it is one of
    /// another version of this program.
    pub(crate) fn open(path: &Path) -> StorageResult<Arc<Self>> {
        match fs::create_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(path, error));
            }
            _ => {}
        }
        let lock = locked(path)?;
        let manifest = read_manifest(path)?;
        let mut state = State {
            named: manifest.as_ref().map(Manifest::files).unwrap_or_default(),
            manifest,
            ..State::default()
        };
        for (number, path) in files_in(path)? {
            state.next = state.next.max(number + 1);
            if !state.named.contains(&number) {
                fs::remove_file(&path).map_err(|error| failed(&path, error))?;
            }
        }
        Ok(Arc::new(Self {
            path: path.to_path_buf(),
            lock: Some(lock),
            state: Mutex::new(state),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the sets whole: each change is one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path_of(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:012}.{EXTENSION}"))
    }

    fn create_file(folder: &Arc<Self>) -> StorageResult<(File, OwnFile)> {
        let mut state = folder.state();
        let number = state.next;
        let path = folder.path_of(number);
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|error| failed(&path, error))?;
        state.next += 1;
        state.in_use.insert(number);
        let folder = Arc::clone(folder);
        Ok((file, OwnFile { number, folder }))
    }

    fn open_file(folder: &Arc<Self>, record: &FileRecord) -> StorageResult<(File, OwnFile)> {
        let path = folder.path_of(record.number);
        let file = match File::options().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(damaged(path)),
            Err(error) => return Err(failed(&path, error)),
        };
        let metadata = file.metadata().map_err(|error| failed(&path, error))?;
        if metadata.len() < record.bytes {
            return Err(damaged(path));
        }
        folder.state().in_use.insert(record.number);
        let own = OwnFile {
            number: record.number,
            folder: Arc::clone(folder),
        };
        Ok((file, own))
    }

    /// The last manifest.
    pub(crate) fn manifest(&self) -> Option<Manifest> {
        self.state().manifest.clone()
    }

    /// Whether there is a manifest.
    pub(crate) fn has_manifest(&self) -> bool {
        self.state().manifest.is_some()
    }

    /// Puts a manifest in the place of the last one, and deletes what only that one named.
    pub(crate) fn replace(&self, manifest: Manifest) -> StorageResult<()> {
        self.write(&manifest)?;
        let mut state = self.state();
        let named = manifest.files();
        let before = std::mem::replace(&mut state.named, named);
        for number in &before {
            if !state.named.contains(number) && !state.in_use.contains(number) {
                let _ = fs::remove_file(self.path_of(*number));
            }
        }
        state.manifest = Some(manifest);
        Ok(())
    }

    fn write(&self, manifest: &Manifest) -> StorageResult<()> {
        let (aside, path) = (self.path.join(NEW_MANIFEST), self.path.join(MANIFEST));
        // The names of the files must be on the disk before the manifest that tells them.
        self.sync()?;
        let written = File::create(&aside).and_then(|mut file| {
            file.write_all(&manifest.encode())?;
            file.sync_all()?;
            fs::rename(&aside, &path)
        });
        if let Err(error) = written {
            let _ = fs::remove_file(&aside);
            return Err(failed(&path, error));
        }
        self.sync()
    }

    /// Brings the names of files to the disk, where a system knows of that.
    fn sync(&self) -> StorageResult<()> {
        if cfg!(unix) {
            let synced = File::open(&self.path).and_then(|folder| folder.sync_all());
            synced.map_err(|error| failed(&self.path, error))?;
        }
        Ok(())
    }

    /// Notes, before a load commits, what the store is then: if the process ends before the folder is gone, that tells
    /// that the load was not in vain.
    pub(crate) fn note_commit(&self, root: &Root, quads_read: u64) -> StorageResult<()> {
        let Some(mut manifest) = self.manifest() else {
            return Ok(());
        };
        manifest.commit = Some(CommitMark::of(root, quads_read));
        self.replace(manifest)
    }

    /// Lets the checkpoint go.
    pub(crate) fn forget(&self) -> StorageResult<()> {
        let path = self.path.join(MANIFEST);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(&path, error)),
        }
        self.sync()?;
        let mut state = self.state();
        state.manifest = None;
        let before = std::mem::take(&mut state.named);
        for number in before.difference(&state.in_use) {
            let _ = fs::remove_file(self.path_of(*number));
        }
        Ok(())
    }
}

impl Drop for CheckpointFolder {
    fn drop(&mut self) {
        if self.has_manifest() {
            return;
        }
        // Nobody has a file of it any more. The folder stays when others have put something into it.
        let _ = fs::remove_file(self.path.join(LOCK));
        drop(self.lock.take());
        let _ = fs::remove_dir(&self.path);
    }
}

fn locked(folder: &Path) -> StorageResult<File> {
    let path = folder.join(LOCK);
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| failed(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StorageError::new(
            ErrorKind::Locked,
            format!("another load is using the folder {}", folder.display()),
        )),
        Err(TryLockError::Error(error)) => Err(failed(&path, error)),
    }
}

/// The manifest of a folder, if there is one.
pub(crate) fn read_manifest(folder: &Path) -> StorageResult<Option<Manifest>> {
    let path = folder.join(MANIFEST);
    match fs::read(&path) {
        Ok(bytes) => Manifest::decode(&bytes).map(Some).map_err(|error| {
            let message = format!("{}: {error}", path.display());
            StorageError::new(error.kind(), message)
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(&path, error)),
    }
}

/// Deletes a checkpoint, whatever state it is in, and the folder if nothing else is in it.
pub(crate) fn remove(folder: &Path) -> StorageResult<()> {
    if !folder.exists() {
        return Ok(());
    }
    let lock = locked(folder)?;
    let mut paths = vec![folder.join(MANIFEST), folder.join(NEW_MANIFEST)];
    paths.extend(files_in(folder)?.into_iter().map(|(_, path)| path));
    paths.push(folder.join(LOCK));
    for path in paths {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed(&path, error));
            }
            _ => {}
        }
    }
    drop(lock);
    let _ = fs::remove_dir(folder);
    Ok(())
}

/// The files that loads have put into a folder, with their numbers.
fn files_in(folder: &Path) -> StorageResult<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder).map_err(|error| failed(folder, error))?;
    for entry in entries {
        let path = entry.map_err(|error| failed(folder, error))?.path();
        let is_ours = path.extension().is_some_and(|other| other == EXTENSION);
        let number = path.file_stem().and_then(|stem| stem.to_str());
        if let Some(number) = number
            .filter(|number| is_ours && number.len() == 12)
            .and_then(|number| number.parse().ok())
        {
            files.push((number, path));
        }
    }
    Ok(files)
}

/// The error for bytes of a checkpoint that are not those that were written.
pub(crate) fn damaged(path: impl AsRef<Path>) -> StorageError {
    let path = path.as_ref().display();
    StorageError::corrupted(format!(
        "{path} is not what the load's checkpoint says; the load must begin anew"
    ))
}

fn failed(path: &Path, error: io::Error) -> StorageError {
    StorageError::from_io(
        format!("{}: the load's checkpoint failed", path.display()),
        error,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(position: &[u8]) -> Manifest {
        Manifest {
            made: 1,
            base_root: Vec::new(),
            next_ids: Default::default(),
            blanks: Default::default(),
            quads_read: 0,
            position: position.to_vec(),
            commit: None,
            quads: Vec::new(),
            hashes: Vec::new(),
            ids: Vec::new(),
            tables: Vec::new(),
            terms: Vec::new(),
        }
    }

    fn files(folder: &Path) -> usize {
        files_in(folder).expect("a folder").len()
    }

    #[test]
    fn a_manifest_that_cannot_be_written_leaves_the_one_before() {
        let parent = tempfile::tempdir().expect("a folder");
        let path = parent.path().join("load");
        let folder = CheckpointFolder::open(&path).expect("a folder");
        folder.replace(manifest(b"first")).expect("it is written");
        fs::create_dir(path.join(NEW_MANIFEST)).expect("a folder in the way");
        folder.replace(manifest(b"second")).expect_err("it is not");
        assert_eq!(folder.manifest(), Some(manifest(b"first")));
        assert_eq!(read_manifest(&path).expect("it reads"), folder.manifest());
    }

    #[test]
    fn files_stay_as_long_as_they_are_used_or_named() {
        let parent = tempfile::tempdir().expect("a folder");
        let path = parent.path().join("load");
        let folder = CheckpointFolder::open(&path).expect("a folder");
        let create = || CheckpointFolder::create_file(&folder).expect("a file").1;
        let (named, other) = (create(), create());
        let record = |own: &OwnFile| FileRecord {
            number: own.number(),
            bytes: 0,
            digest: 0,
        };
        let tables = vec![record(&named)];
        folder
            .replace(Manifest {
                tables,
                ..manifest(b"")
            })
            .expect("it is written");
        assert_eq!(files(&path), 2);
        drop(other);
        drop(named);
        assert_eq!(files(&path), 1);
        // A manifest that names nothing lets the last one go.
        folder.replace(manifest(b"")).expect("it is written");
        assert_eq!(files(&path), 0);
        assert!(CheckpointFolder::open(&path).is_err(), "it is locked");
        folder.forget().expect("it goes");
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn what_others_have_put_there_stays() {
        let parent = tempfile::tempdir().expect("a folder");
        let path = parent.path().join("load");
        fs::create_dir(&path).expect("a folder");
        fs::write(path.join("notes.part"), "mine").expect("a file");
        drop(CheckpointFolder::open(&path).expect("a folder"));
        remove(&path).expect("it goes");
        let text = fs::read_to_string(path.join("notes.part"));
        assert_eq!(text.expect("it stays"), "mine");
    }
}
