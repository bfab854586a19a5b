//! Opening by location: what is made, what must be there, what is refused; and a store over each backend chosen so.

use quadrille::backend::{Durability, StorageBackend};
use quadrille::model::{GraphName, Literal, NamedNode, Quad};
use quadrille::{
    AnyBackend, ErrorKind, InMemoryOptions, OpenMode, OpenOptions, QuadPattern, QuadStore,
    StorageError,
};
use std::path::Path;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A location in the folder for each backend of this build that keeps its quads.
fn locations(folder: &Path) -> Vec<String> {
    let schemes: &[&str] = &[
        #[cfg(feature = "lmdb")]
        "lmdb",
        #[cfg(feature = "rocksdb")]
        "rocksdb",
    ];
    schemes
        .iter()
        .map(|scheme| format!("{scheme}:{}", folder.join(scheme).display()))
        .collect()
}

fn quad(number: i64) -> Quad {
    let subject = NamedNode::new(format!("http://example.org/{number}")).expect("an IRI");
    let predicate = NamedNode::new("http://example.org/number").expect("an IRI");
    let graph = match number % 2 {
        0 => GraphName::DefaultGraph,
        _ => NamedNode::new("http://example.org/odd")
            .expect("an IRI")
            .into(),
    };
    Quad::new(subject, predicate, Literal::from(number), graph)
}

#[track_caller]
fn refused(result: Result<QuadStore<AnyBackend>, StorageError>, kind: ErrorKind) -> String {
    match result {
        Ok(_) => panic!("opened"),
        Err(error) => {
            assert_eq!(error.kind(), kind, "{error}");
            error.to_string()
        }
    }
}

#[test]
fn a_store_is_made_once_and_found_again() {
    let folder = folder();
    for location in locations(folder.path()) {
        let store = quadrille::open(&location).expect("a new store");
        let name = store.backend().name();
        assert!(location.starts_with(&format!("{name}:")), "{location}");
        assert_eq!(store.extend((0..500).map(quad)).expect("quads"), 500);
        store.close().expect("closed");
        drop(store);

        let store = quadrille::open_existing(&location).expect("the store");
        assert_eq!(store.len().expect("a length"), 500);
        assert!(store.remove(&quad(7)).expect("removed"));
        store.close().expect("closed");
        drop(store);

        let store = quadrille::open_read_only(&location).expect("the store");
        let odd = NamedNode::new("http://example.org/odd").expect("an IRI");
        let pattern = QuadPattern::new().with_graph(odd);
        assert_eq!(store.count(&pattern).expect("a count"), 249);
        let error = store.insert(&quad(7)).expect_err("opened for reading");
        assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
    }
}

#[test]
fn what_must_be_there_is_not_made() {
    let folder = folder();
    for location in locations(folder.path()) {
        refused(quadrille::open_existing(&location), ErrorKind::NotFound);
        refused(quadrille::open_read_only(&location), ErrorKind::NotFound);
    }
    let left = std::fs::read_dir(folder.path())
        .expect("the folder")
        .count();
    assert_eq!(left, 0, "nothing was made");
}

/// Settings reach the backend of the location, whichever was set last.
#[test]
fn options_are_those_of_the_backend() {
    let folder = folder();
    for location in locations(folder.path()) {
        let options = OpenOptions::new().durability(Durability::Unsafe);
        #[cfg(feature = "lmdb")]
        let options = options.lmdb(quadrille::LmdbOptions::new().readers_max(0));
        #[cfg(feature = "rocksdb")]
        let options = options.rocksdb(quadrille::RocksDbOptions::new().background_jobs(0));
        let location = location.parse().expect("a location");
        let words = refused(options.open(&location), ErrorKind::Misuse);
        assert!(words.contains("is 0"), "{words}");
        #[cfg(feature = "lmdb")]
        let options = options.lmdb(quadrille::LmdbOptions::new());
        #[cfg(feature = "rocksdb")]
        let options = options.rocksdb(quadrille::RocksDbOptions::new());
        let store = options.open(&location).expect("a store");
        let durability = store.backend().capabilities().durability;
        assert_eq!(durability, Durability::Unsafe);
        assert!(store.insert(&quad(1)).expect("inserted"));
        store.close().expect("closed");
        drop(store);
        let reading = options.mode(OpenMode::ReadOnly).open(&location);
        assert_eq!(reading.expect("the store").len().expect("a length"), 1);
    }
    let bounded = OpenOptions::new().memory(InMemoryOptions::new().bytes_max(100));
    refused(
        bounded.open(&"memory:".parse().expect("a location")),
        ErrorKind::Full,
    );
}

#[test]
fn a_store_in_memory_is_new_and_writable() {
    for open in [
        quadrille::open,
        quadrille::open_existing,
        quadrille::open_read_only,
    ] {
        let store = open("memory:").expect("a store");
        assert_eq!(store.backend().name(), "memory");
        assert!(store.insert(&quad(1)).expect("inserted"));
        assert_eq!(store.len().expect("a length"), 1);
    }
}

#[test]
fn the_store_of_another_engine_is_refused_with_its_location() {
    let folder = folder();
    let path = folder.path().display();
    std::fs::create_dir(folder.path().join("rocksdb")).expect("a folder");
    for (file, holds, other) in [
        ("rocksdb/CURRENT", "rocksdb", "lmdb"),
        ("data.mdb", "lmdb", "rocksdb"),
    ] {
        let marker = folder.path().join(file);
        std::fs::write(&marker, "not opened").expect("a file");
        let words = refused(
            quadrille::open(&format!("{other}:{path}")),
            ErrorKind::Misuse,
        );
        assert!(words.contains(&format!("`{holds}:{path}`")), "{words}");
        let left = std::fs::read_to_string(&marker).expect("the file");
        assert_eq!(left, "not opened");
        std::fs::remove_file(&marker).expect("removed");
    }
}

#[test]
fn a_file_is_no_store() {
    let folder = folder();
    let path = folder.path().join("file");
    std::fs::write(&path, "text").expect("a file");
    for scheme in ["lmdb", "rocksdb"] {
        let location = format!("{scheme}:{}", path.display());
        let words = refused(quadrille::open(&location), ErrorKind::Misuse);
        assert!(words.contains("is a file"), "{words}");
    }
}

#[test]
fn a_text_that_is_no_location_is_misuse() {
    for text in ["museum", "lmdb:", "sled:museum"] {
        refused(quadrille::open(text), ErrorKind::Misuse);
    }
}

#[cfg(not(feature = "rocksdb"))]
#[test]
fn a_backend_that_is_not_compiled_in_names_its_feature() {
    let folder = folder();
    let location = format!("rocksdb:{}", folder.path().display());
    let words = refused(quadrille::open(&location), ErrorKind::Unsupported);
    assert!(words.contains("cargo feature `rocksdb`"), "{words}");
}
