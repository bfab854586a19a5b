//! How fast a loaded store is read: look-ups, scans, counts. In flow generated quads, out flow criterion's figures.
//! Always holds: every backend holds the same quads, and a scan decodes each row unless its name says `ids`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use oxrdf::Quad;
use quadrille_backend::InMemoryBackend;
use quadrille_backend_lmdb::LmdbBackend;
use quadrille_benches::engine::{CommitSync, Engine};
use quadrille_benches::quadrille::{BenchBackend, Quadrille};
use quadrille_io::generate::generate;
use quadrille_store::QuadPattern;
use std::hint::black_box;

const QUADS: u64 = 100_000;

fn loaded<B: BenchBackend>(folder: &std::path::Path) -> (Quadrille<B>, Vec<Quad>) {
    let quads: Vec<Quad> = generate(QUADS, 1).collect();
    let engine = Quadrille::<B>::open(folder, CommitSync::Never).expect("a new store opens");
    let mut load = engine.store().bulk_load().expect("a load begins");
    for quad in &quads {
        load.push(quad.as_ref()).expect("a quad is taken");
    }
    load.finish().expect("the load ends");
    (engine, quads)
}

fn lookups<B: BenchBackend>(criterion: &mut Criterion, name: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (engine, quads) = loaded::<B>(folder.path());
    let mut group = criterion.benchmark_group(format!("read/{name}"));
    let mut places = (0..quads.len()).step_by(7_919).cycle();
    let mut next = || &quads[places.next().expect("an endless cycle")];
    group.bench_function("contains", |bencher| {
        bencher.iter(|| engine.store().contains(black_box(next())));
    });
    let pattern = |quad: &Quad| {
        QuadPattern::new()
            .with_subject(quad.subject.clone())
            .with_predicate(quad.predicate.clone())
    };
    let patterns: Vec<QuadPattern> = quads.iter().step_by(7_919).map(pattern).collect();
    let mut patterns = patterns.iter().cycle();
    group.bench_function("look-up S P ? ?", |bencher| {
        bencher.iter(|| engine.scan(patterns.next().expect("an endless cycle"), usize::MAX));
    });
    let snapshot = engine.store().snapshot().expect("a snapshot");
    group.bench_function("encode a term", |bencher| {
        bencher.iter(|| snapshot.encode(black_box(&next().object)));
    });
    let ids = quads
        .iter()
        .step_by(7_919)
        .filter_map(|quad| snapshot.encode(&quad.object).ok()?);
    let ids: Vec<_> = ids.collect();
    let mut ids = ids.iter().cycle();
    group.bench_function("decode a term", |bencher| {
        bencher.iter(|| snapshot.decode(*ids.next().expect("an endless cycle")));
    });
    group.finish();
}

fn scans<B: BenchBackend>(criterion: &mut Criterion, name: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (engine, quads) = loaded::<B>(folder.path());
    let predicate = QuadPattern::new().with_predicate(quads[0].predicate.clone());
    let in_graph = predicate.clone().with_graph(quads[0].graph_name.clone());
    let patterns = [
        ("all", QuadPattern::new()),
        ("of a predicate", predicate),
        ("of a predicate in a graph", in_graph),
    ];
    let mut group = criterion.benchmark_group(format!("scan/{name}"));
    group.sample_size(10);
    for (what, pattern) in &patterns {
        let rows = engine.count(pattern).expect("the pattern is counted");
        group.throughput(Throughput::Elements(rows));
        group.bench_function(format!("{what}, decoded"), |bencher| {
            bencher.iter(|| engine.scan(pattern, usize::MAX));
        });
        group.bench_function(format!("{what}, ids"), |bencher| {
            bencher.iter(|| engine.scan_ids(pattern));
        });
        group.bench_function(format!("{what}, counted"), |bencher| {
            bencher.iter(|| engine.count(pattern));
        });
    }
    group.finish();
}

fn read(criterion: &mut Criterion) {
    lookups::<InMemoryBackend>(criterion, "memory");
    scans::<InMemoryBackend>(criterion, "memory");
    lookups::<LmdbBackend>(criterion, "lmdb");
    scans::<LmdbBackend>(criterion, "lmdb");
    #[cfg(feature = "rocksdb")]
    {
        lookups::<quadrille_backend_rocksdb::RocksDbBackend>(criterion, "rocksdb");
        scans::<quadrille_backend_rocksdb::RocksDbBackend>(criterion, "rocksdb");
    }
}

criterion_group!(benches, read);
criterion_main!(benches);
