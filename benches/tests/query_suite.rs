//! The query suite does what its heads say. In flow generated quads and all queries, evaluated on a store in memory; out
//! flows the golden file `queries/golden.txt`. Always holds: a query finds something unless its head says that it may not;
//! the numbers of rows and their hashes are those of the golden file.
//!
//! `QUADRILLE_BLESS=1 cargo test -p quadrille-benches --test query_suite` writes the golden file anew.

use quadrille_backend::InMemoryBackend;
use quadrille_benches::engine::{CommitSync, Engine};
use quadrille_benches::quadrille::Quadrille;
use quadrille_benches::queries::{self, Comparison, SuiteQuery};
use quadrille_benches::query_step::digest;
use quadrille_benches::stages::stages;
use quadrille_sparql::Query;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

const SEED: u64 = 1;
const SCALES: [u64; 2] = [1_000, 20_000];
/// Far more than any query needs on so few quads.
const LIMIT: Duration = Duration::from_secs(120);

fn suite() -> Vec<SuiteQuery> {
    queries::read(&queries::folder(), &[]).expect("the suite is read")
}

fn loaded(quads: u64) -> Quadrille<InMemoryBackend> {
    let engine = Quadrille::open(Path::new(""), CommitSync::Never).expect("a store opens");
    let mut load = engine.store().bulk_load().expect("a load begins");
    for quad in stages(quads, SEED) {
        load.push(quad.as_ref()).expect("a quad is taken");
    }
    load.finish().expect("the load ends");
    engine
}

#[test]
fn every_query_finds_the_rows_of_the_golden_file() {
    let path = queries::folder().join("golden.txt");
    let mut empty = Vec::new();
    let mut found = format!("# quads, query, rows, hash of the rows; seed {SEED}\n");
    for quads in SCALES {
        let engine = loaded(quads);
        for query in suite() {
            let digest = digest(&engine, &query, LIMIT);
            let digest = digest.unwrap_or_else(|error| panic!("{}: {error:?}", query.name));
            let (rows, hash) = (digest.rows, digest.hash());
            if rows == 0 && quads > query.empty_up_to {
                empty.push(format!("{} in {quads} quads", query.name));
            }
            writeln!(found, "{quads} {} {rows} {hash:013x}", query.name)
                .expect("a String takes it");
        }
    }
    if std::env::var_os("QUADRILLE_BLESS").is_some() {
        std::fs::write(&path, &found).expect("the golden file is written");
    }
    assert!(empty.is_empty(), "nothing is found by {}", empty.join(", "));
    let golden = std::fs::read_to_string(&path).expect("the golden file is there");
    for (golden, found) in golden.lines().zip(found.lines()) {
        assert_eq!(golden, found);
    }
    assert_eq!(golden.lines().count(), found.lines().count());
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
