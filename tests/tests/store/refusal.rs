//! What is not a store of this version is refused, and not a byte of it is changed.

use crate::support::{entries, node, open, tiny};
use oxrdf::{GraphName, Quad};
use quadrille_backend::{Keyspace, StorageBackend};
use quadrille_backend_testkit::Factory;
use quadrille_backend_testkit::store::{Home, StoreContext};
use quadrille_store::{ErrorKind, QuadStore, StorageResult};
use std::collections::BTreeMap;
#[cfg(any(feature = "lmdb", feature = "rocksdb"))]
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the root record has the major number of its version.
const MAJOR: usize = 8;

type Contents = BTreeMap<Keyspace, Vec<(Vec<u8>, Vec<u8>)>>;

fn contents<B: StorageBackend>(backend: &B) -> Contents {
    let keyspaces = backend.keyspaces().unwrap().into_iter();
    let with_entries = keyspaces.map(|keyspace| (keyspace.clone(), entries(backend, &keyspace)));
    with_entries.collect()
}

fn refused<T>(outcome: StorageResult<T>, kind: ErrorKind, words: &str) {
    match outcome {
        Ok(_) => panic!("it opened; expected {kind:?} with {words:?}"),
        Err(error) => {
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}

/// Neither way of opening takes it, and all is as before, also for a backend that was closed and opened again.
fn stays_untouched<F: Factory>(
    home: &Home<F>,
    backend: Arc<F::Backend>,
    kind: ErrorKind,
    words: &str,
) {
    let backend = Arc::new(backend);
    let before = contents(&backend);
    let changes = |backend: &Arc<Arc<F::Backend>>| {
        let stats = backend.stats().unwrap();
        (stats.writes, stats.deletes)
    };
    let changes_before = changes(&backend);
    refused(QuadStore::open(Arc::clone(&backend)), kind, words);
    refused(
        QuadStore::open_with(Arc::clone(&backend), tiny()),
        kind,
        words,
    );
    assert_eq!(contents(&backend), before);
    assert_eq!(changes(&backend), changes_before);
    if backend.capabilities().persistent {
        backend.close().unwrap();
    }
    drop(backend);
    let backend = Arc::new(home.open().unwrap());
    refused(QuadStore::open(Arc::clone(&backend)), kind, words);
    assert_eq!(contents(&backend), before);
}

fn keyspace(name: &str) -> Keyspace {
    Keyspace::new(name).unwrap()
}

/// A store with a quad, its root record changed as told.
fn with_root<F: Factory>(
    context: &StoreContext<F>,
    change: impl FnOnce(&mut Vec<u8>),
) -> (Home<F>, Arc<F::Backend>) {
    let home = context.home();
    let store = open(&home, &tiny());
    let quad = Quad::new(
        node("s", 1),
        node("p", 1),
        node("o", 1),
        GraphName::DefaultGraph,
    );
    store.insert(&quad).unwrap();
    if store.backend().capabilities().persistent {
        store.close().unwrap();
    }
    drop(store);
    let backend = home.open().unwrap();
    let mut root = backend.get(&keyspace("root"), b"root").unwrap().unwrap();
    change(&mut root);
    backend.put(&keyspace("root"), b"root", &root).unwrap();
    (home, backend)
}

pub(crate) fn keyspaces_of_another_program<F: Factory>(context: &StoreContext<F>) {
    for name in ["birds", "data", "spoc"] {
        let home = context.home();
        let backend = home.open().unwrap();
        backend.create_keyspace(&keyspace(name)).unwrap();
        backend.put(&keyspace(name), b"emu", b"tall").unwrap();
        stays_untouched(&home, backend, ErrorKind::Unsupported, name);
    }
}

pub(crate) fn another_programs_keyspace_beside_a_store<F: Factory>(context: &StoreContext<F>) {
    let (home, backend) = with_root(context, |_| {});
    backend.create_keyspace(&keyspace("birds")).unwrap();
    backend.put(&keyspace("birds"), b"emu", b"tall").unwrap();
    stays_untouched(&home, backend, ErrorKind::Unsupported, "birds");
}

/// Another program may call its keyspaces as the store does.
pub(crate) fn keyspaces_with_the_names_of_ours<F: Factory>(context: &StoreContext<F>) {
    let home = context.home();
    let backend = home.open().unwrap();
    for name in ["root", "log", "g00000001.spoc"] {
        backend.create_keyspace(&keyspace(name)).unwrap();
    }
    backend
        .put(&keyspace("root"), b"root", b"of a tree, not of a store")
        .unwrap();
    stays_untouched(
        &home,
        backend,
        ErrorKind::Unsupported,
        "not a Quadrille store",
    );

    let home = context.home();
    let backend = home.open().unwrap();
    for name in ["root", "log"] {
        backend.create_keyspace(&keyspace(name)).unwrap();
    }
    backend.put(&keyspace("log"), b"1", b"of a ship").unwrap();
    stays_untouched(&home, backend, ErrorKind::Corrupted, "log is not empty");
}

pub(crate) fn a_root_of_another_version<F: Factory>(context: &StoreContext<F>) {
    for major in [0, 2, 0xff] {
        let (home, backend) = with_root(context, |root| root[MAJOR] = major);
        let words = format!("format version {major}.0");
        stays_untouched(&home, backend, ErrorKind::Unsupported, &words);
    }
}

pub(crate) fn a_root_of_another_program<F: Factory>(context: &StoreContext<F>) {
    let (home, backend) = with_root(context, |root| root[0] ^= 1);
    stays_untouched(
        &home,
        backend,
        ErrorKind::Unsupported,
        "not a Quadrille store",
    );
    let (home, backend) = with_root(context, |root| root.truncate(5));
    stays_untouched(
        &home,
        backend,
        ErrorKind::Unsupported,
        "not a Quadrille store",
    );
    let (home, backend) = with_root(context, |root| root.truncate(60));
    stays_untouched(&home, backend, ErrorKind::Corrupted, "root");
}

#[cfg(any(feature = "lmdb", feature = "rocksdb"))]
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for item in std::fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

/// Files that are named as the engine's and hold something else.
#[cfg(any(feature = "lmdb", feature = "rocksdb"))]
pub(crate) fn files_of_another_program<F: Factory>(context: &StoreContext<F>) {
    let home = context.home();
    let folder = home.folder();
    let text = b"the diary of another program, longer than a page\n".repeat(300);
    std::fs::write(folder.join("data.mdb"), &text).unwrap();
    std::fs::create_dir(folder.join("rocksdb")).unwrap();
    for name in ["CURRENT", "MANIFEST-000005", "IDENTITY"] {
        std::fs::write(folder.join("rocksdb").join(name), &text).unwrap();
    }
    let before = files(folder);
    for _ in 0..2 {
        let error = home.open().map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupted, "{error}");
        let after = files(folder);
        for (path, bytes) in &before {
            assert!(after.get(path) == Some(bytes), "{} changed", path.display());
        }
    }
}
