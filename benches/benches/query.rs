//! How long small queries take inside the process. In flow the network of theatres and some queries of the suite, out flow
//! criterion's figures. Always holds: every backend holds the same quads, every row is decoded, and a query finds some;
//! `from text` parses and plans each time, `prepared` is parsed once and given its subject as a term.

use criterion::{Criterion, criterion_group, criterion_main};
use oxrdf::{NamedNode, Variable};
use quadrille_backend::InMemoryBackend;
use quadrille_backend_lmdb::LmdbBackend;
use quadrille_benches::engine::{CommitSync, Engine};
use quadrille_benches::quadrille::{BenchBackend, Quadrille};
use quadrille_benches::queries;
use quadrille_benches::stages::stages;
use quadrille_sparql::{PreparedQuery, Query, QueryOptions, QueryResults};
use std::hint::black_box;
use std::time::Duration;

const QUADS: u64 = 100_000;
/// Queries of the suite that take microseconds.
const SMALL: [&str; 5] = [
    "point-name",
    "point-by-value",
    "point-ask",
    "star-one-subject",
    "path-up",
];
/// Far more than any of them takes.
const LIMIT: Duration = Duration::from_secs(10);
/// The persons that the prepared query is asked about.
const PERSONS: u64 = 1_000;

fn loaded<B: BenchBackend>(folder: &std::path::Path) -> Quadrille<B> {
    let engine = Quadrille::<B>::open(folder, CommitSync::Never).expect("a new store opens");
    let mut load = engine.store().bulk_load().expect("a load begins");
    for quad in stages(QUADS, 1) {
        load.push(quad.as_ref()).expect("a quad is taken");
    }
    load.finish().expect("the load ends");
    engine
}

fn rows_of_text<B: BenchBackend>(engine: &Quadrille<B>, text: &str) -> u64 {
    let mut rows = 0;
    let answered = engine.query(text, LIMIT, &mut |row| {
        black_box(row);
        rows += 1;
    });
    answered.expect("the query runs");
    rows
}

fn rows_of_prepared<B: BenchBackend>(engine: &Quadrille<B>, query: &PreparedQuery) -> u64 {
    let results = query.execute(engine.store()).expect("the query runs");
    let QueryResults::Solutions(solutions) = results else {
        return 0;
    };
    let decoded = solutions.map(|solution| black_box(solution.expect("a row comes")));
    decoded.count() as u64
}

fn small<B: BenchBackend>(criterion: &mut Criterion, name: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let engine = loaded::<B>(folder.path());
    let mut group = criterion.benchmark_group(format!("query/{name}"));
    let names = SMALL.map(str::to_owned);
    for query in queries::read(&queries::folder(), &names).expect("the suite has them") {
        assert!(rows_of_text(&engine, &query.text) > 0, "{}", query.name);
        group.bench_function(format!("{}, from text", query.name), |bencher| {
            bencher.iter(|| rows_of_text(&engine, black_box(&query.text)));
        });
    }
    let text = "SELECT ?person ?name { ?person <http://stages.example.org/vocabulary#name> ?name }";
    let query = Query::parse(text, None).expect("the query parses");
    let prepared = query.prepare(QueryOptions::new().with_timeout(LIMIT));
    let person = |number| format!("http://stages.example.org/person/{number}");
    let variable = Variable::new_unchecked("person");
    let bound = |number| {
        let person = NamedNode::new_unchecked(person(number));
        prepared.clone().with_binding(variable.clone(), person)
    };
    assert_eq!(rows_of_prepared(&engine, &bound(0)), 1);
    let mut persons = (0..PERSONS).cycle();
    group.bench_function("name of a person, prepared", |bencher| {
        bencher.iter(|| {
            let query = bound(persons.next().expect("an endless cycle"));
            rows_of_prepared(&engine, &query)
        });
    });
    group.finish();
}

fn query(criterion: &mut Criterion) {
    small::<InMemoryBackend>(criterion, "memory");
    small::<LmdbBackend>(criterion, "lmdb");
    #[cfg(feature = "rocksdb")]
    small::<quadrille_backend_rocksdb::RocksDbBackend>(criterion, "rocksdb");
}

criterion_group!(benches, query);
criterion_main!(benches);
