//! The store of format version 1 that is kept in `tests/fixtures`: it must open, hold the quads that are listed beside
//! it, and be sound, for as long as version 1 is read. `tests/fixtures/README.md` says how it is made.

use crate::support::{matching, node, sorted};
use oxrdf::vocab::xsd;
use oxrdf::{BaseDirection, BlankNode, GraphName, Literal, Quad, Term, Triple};
use quadrille_backend::StorageBackend;
use quadrille_backend_lmdb::LmdbBackend;
use quadrille_store::{QuadPattern, QuadStore, StoreOptions};
use std::path::{Path, PathBuf};

/// Quads that are loaded, and in all.
const LOADED: usize = 320;
const ALL: usize = 340;
/// Removed again: two that were loaded, one that stands in the log.
const REMOVED: [usize; 3] = [3, 300, 325];

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/store-v1-lmdb")
}

fn object(number: usize) -> Term {
    let typed = |text: &str, datatype| Literal::new_typed_literal(text, datatype);
    let text = format!("the name of thing number {number}");
    let directed = |direction| {
        Literal::new_directional_language_tagged_literal(text.clone(), "ar", direction).unwrap()
    };
    let literal = match number % 18 {
        0 => Literal::new_simple_literal(text),
        1 => Literal::new_simple_literal("short"),
        2 => Literal::new_language_tagged_literal(text, "de-CH").unwrap(),
        3 => typed(&number.to_string(), xsd::INTEGER),
        4 => typed("007", xsd::INTEGER),
        5 => typed("-12.50", xsd::DECIMAL),
        6 => typed("1.5e3", xsd::DOUBLE),
        7 => typed("2026-11-21", xsd::DATE),
        8 => typed("2026-11-21T10:00:00.25+01:00", xsd::DATE_TIME),
        9 => typed("true", xsd::BOOLEAN),
        10 => typed("1998", xsd::G_YEAR),
        11 => typed("P1Y2M", xsd::DURATION),
        12 => Literal::new_simple_literal(format!("{} {number}", "long ".repeat(420))),
        13 => directed(BaseDirection::Ltr),
        14 => directed(BaseDirection::Rtl),
        15 => return BlankNode::new(format!("b{number}")).unwrap().into(),
        16 => {
            let inner = Triple::new(node("thing", 1), node("predicate", 2), Literal::from(7));
            return Triple::new(node("thing", number), node("predicate", 1), inner).into();
        }
        _ => return node("thing", number / 2).into(),
    };
    literal.into()
}

fn quad(number: usize) -> Quad {
    let graph = match number % 5 {
        0 | 1 => GraphName::DefaultGraph,
        2 => BlankNode::new("graph").unwrap().into(),
        _ => node("graph", number % 4).into(),
    };
    // One of many quads, so that it has statistics, and some of few.
    let predicate = match number % 8 {
        0 => number % 5,
        _ => 0,
    };
    Quad::new(
        node("thing", number / 3),
        node("predicate", predicate),
        object(number),
        graph,
    )
}

/// Makes the fixture anew in a folder: a load, then commits that stay in the log, removals among them.
pub(crate) fn write_to(folder: &Path) {
    if folder.exists() {
        std::fs::remove_dir_all(folder).unwrap();
    }
    let work = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        block_bytes: Some(400),
        chunk_bytes: Some(400),
        ..StoreOptions::default()
    };
    let backend = LmdbBackend::open(work.path()).unwrap();
    let store = QuadStore::open_with(backend, options).unwrap();
    let mut load = store.bulk_load().unwrap();
    for quad in (0..LOADED).map(quad) {
        load.push(quad.as_ref()).unwrap();
    }
    load.finish().unwrap();
    store.extend((LOADED..ALL).map(quad)).unwrap();
    for number in REMOVED {
        assert!(store.remove(&quad(number)).unwrap());
    }
    // Without the pages that are free; the log stays as it is.
    store.backend().compact().unwrap();
    let quads = matching(&store.snapshot().unwrap(), &QuadPattern::new());
    store.close().unwrap();
    drop(store);
    std::fs::create_dir_all(folder).unwrap();
    std::fs::copy(work.path().join("data.mdb"), folder.join("data.mdb")).unwrap();
    let lines: String = quads.iter().map(|quad| format!("{quad} .\n")).collect();
    std::fs::write(folder.join("quads.nq"), lines).unwrap();
}

fn copied() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let copy = std::fs::copy(fixture().join("data.mdb"), folder.path().join("data.mdb"));
    copy.unwrap();
    folder
}

fn listed() -> Vec<String> {
    let text = std::fs::read_to_string(fixture().join("quads.nq")).unwrap();
    let lines = text.lines().map(|line| line.strip_suffix(" .").unwrap());
    lines.map(str::to_owned).collect()
}

/// It holds what is listed, read-only and for writing, and goes on to be written.
pub(crate) fn a_store_of_version_1_opens() {
    let folder = copied();
    let expected = listed();
    assert_eq!(expected.len(), ALL - REMOVED.len());
    let reader = LmdbBackend::open_read_only(folder.path()).unwrap();
    let store = QuadStore::open_read_only(reader).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(matching(&snapshot, &QuadPattern::new()), expected);
    assert_eq!(snapshot.verify().unwrap().problems, []);
    drop((snapshot, store));

    let store = QuadStore::open(LmdbBackend::open(folder.path()).unwrap()).unwrap();
    assert_eq!(store.len().unwrap(), expected.len() as u64);
    assert!(store.insert(&quad(3)).unwrap());
    store.compact().unwrap();
    let snapshot = store.snapshot().unwrap();
    let with_it = expected.into_iter().chain([quad(3).to_string()]);
    let mut with_it: Vec<String> = with_it.collect();
    with_it.sort_unstable();
    assert_eq!(matching(&snapshot, &QuadPattern::new()), with_it);
    assert_eq!(snapshot.verify().unwrap().problems, []);
}

/// The list is what the generator makes: what is checked in was not edited by hand.
pub(crate) fn the_fixture_is_what_the_generator_makes() {
    let numbers = (0..ALL).filter(|number| !REMOVED.contains(number));
    assert_eq!(listed(), sorted(numbers.map(quad)));
}
