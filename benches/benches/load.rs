//! What a bulk load costs, and how much of it is the parser's. In flow generated N-Quads text, out flow criterion's
//! figures. Always holds: each load is into a new store.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use quadrille_backend::InMemoryBackend;
use quadrille_backend_lmdb::LmdbBackend;
use quadrille_benches::engine::{CommitSync, Engine};
use quadrille_benches::quadrille::{BenchBackend, Quadrille};
use quadrille_io::generate::generate;
use quadrille_io::{QuadReader, ReadOptions, Source};
use std::path::Path;

const QUADS: u64 = 20_000;

fn load_into<B: BenchBackend>(criterion: &mut Criterion, name: &str, file: &Path) {
    let mut group = criterion.benchmark_group("load");
    group.sample_size(10);
    group.throughput(Throughput::Elements(QUADS));
    let new_store = || {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let engine =
            Quadrille::<B>::open(folder.path(), CommitSync::Never).expect("a new store opens");
        (folder, engine)
    };
    group.bench_function(name, |bencher| {
        bencher.iter_batched(
            new_store,
            |(folder, engine)| {
                engine.load(file).expect("the file loads");
                (folder, engine)
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn parse(criterion: &mut Criterion, file: &Path) {
    let mut group = criterion.benchmark_group("load");
    group.throughput(Throughput::Elements(QUADS));
    group.bench_function("parse alone", |bencher| {
        bencher.iter(|| {
            let reader = QuadReader::open(Source::path(file), &ReadOptions::default());
            reader
                .expect("the file opens")
                .filter(Result::is_ok)
                .count()
        });
    });
    group.finish();
}

fn load(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("quads.nq");
    let file = std::fs::File::create(&path).expect("a new file");
    generate(QUADS, 1)
        .write_n_quads(file)
        .expect("the file is written");
    parse(criterion, &path);
    load_into::<InMemoryBackend>(criterion, "memory", &path);
    load_into::<LmdbBackend>(criterion, "lmdb", &path);
    #[cfg(feature = "rocksdb")]
    load_into::<quadrille_backend_rocksdb::RocksDbBackend>(criterion, "rocksdb", &path);
}

criterion_group!(benches, load);
criterion_main!(benches);
