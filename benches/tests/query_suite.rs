//! The query suite does what its heads say. In flow generated quads and all queries, evaluated on each backend; out flows
//! the golden file `queries/golden.txt`. Always holds: a query finds something unless its head says that it may not; the
//! numbers of rows and their hashes are those of the golden file.
//!
//! `QUADRILLE_BLESS=1 cargo test -p quadrille-benches --test query_suite memory` writes the golden file anew.

use quadrille_backend::InMemoryBackend;
use quadrille_backend_lmdb::LmdbBackend;
use quadrille_benches::engine::{CommitSync, Engine};
use quadrille_benches::quadrille::{BenchBackend, Quadrille};
use quadrille_benches::queries::{self, Comparison, SuiteQuery};
use quadrille_benches::query_step::digest;
use quadrille_benches::stages::stages;
use quadrille_sparql::Query;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

const SEED: u64 = 1;
const SCALES: [u64; 2] = [1_000, 20_000];
/// Far more than any query needs on so few quads.
const LIMIT: Duration = Duration::from_secs(120);

fn suite() -> Vec<SuiteQuery> {
    queries::read(&queries::folder(), &[]).expect("the suite is read")
}

fn loaded<B: BenchBackend>(folder: &Path, quads: u64) -> Quadrille<B> {
    let engine = Quadrille::<B>::open(folder, CommitSync::Never).expect("a store opens");
    let mut load = engine.store().bulk_load().expect("a load begins");
    for quad in stages(quads, SEED) {
        load.push(quad.as_ref()).expect("a quad is taken");
    }
    load.finish().expect("the load ends");
    engine
}

/// The rows of one query, and their hash; they are as its head says.
fn answer<B: BenchBackend>(engine: &Quadrille<B>, query: &SuiteQuery, quads: u64) -> (u64, u64) {
    let digest = digest(engine, query, LIMIT);
    let digest = digest.unwrap_or_else(|error| panic!("{}: {error:?}", query.name));
    let said = query.rows.iter().find(|(scale, _)| *scale == quads);
    if let Some((_, rows)) = said {
        assert_eq!(digest.rows, *rows, "{}: rows in {quads} quads", query.name);
    }
    assert!(
        digest.rows > 0 || quads <= query.empty_up_to,
        "{} finds nothing in {quads} quads",
        query.name
    );
    (digest.rows, digest.hash())
}

/// What the golden file is to hold.
fn answers<B: BenchBackend>() -> String {
    let mut found = format!("# quads, query, rows, hash of the rows; seed {SEED}\n");
    for quads in SCALES {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let engine = loaded::<B>(folder.path(), quads);
        for query in suite() {
            let (rows, hash) = answer(&engine, &query, quads);
            let line = writeln!(found, "{quads} {} {rows} {hash:013x}", query.name);
            line.expect("a String takes it");
        }
    }
    found
}

fn golden() -> PathBuf {
    queries::folder().join("golden.txt")
}

fn check<B: BenchBackend>() {
    let found = answers::<B>();
    let golden = std::fs::read_to_string(golden()).expect("the golden file is there");
    for (golden, found) in golden.lines().zip(found.lines()) {
        assert_eq!(golden, found);
    }
    assert_eq!(golden.lines().count(), found.lines().count());
}

mod memory {
    use super::*;

    #[test]
    fn every_query_finds_the_rows_of_the_golden_file() {
        if std::env::var_os("QUADRILLE_BLESS").is_some() {
            let found = answers::<InMemoryBackend>();
            std::fs::write(golden(), found).expect("the golden file is written");
        }
        check::<InMemoryBackend>();
    }
}

mod lmdb {
    use super::*;

    #[test]
    fn every_query_finds_the_rows_of_the_golden_file() {
        check::<LmdbBackend>();
    }
}

#[cfg(feature = "rocksdb")]
mod rocksdb {
    use super::*;

    #[test]
    fn every_query_finds_the_rows_of_the_golden_file() {
        check::<quadrille_backend_rocksdb::RocksDbBackend>();
    }
}

/// `SELECT *` leaves the order of the columns to the engine, and an order that is asked for must be compared.
#[test]
fn texts_say_what_is_compared() {
    for query in suite() {
        let name = &query.name;
        let parsed = Query::parse(&query.text, None);
        assert!(parsed.is_ok(), "{name}: {parsed:?}");
        assert!(!query.text.contains("SELECT *"), "{name}");
        let last = query.text.lines().last().unwrap_or_default();
        let is_ordered = query.comparison == Comparison::Ordered;
        assert_eq!(last.contains("ORDER BY"), is_ordered, "{name}");
        let is_cut = last.contains("LIMIT") && !is_ordered;
        assert_eq!(is_cut, query.comparison == Comparison::Count, "{name}");
    }
}
