//! What commits of several sizes cost, nothing waiting for the disk. In flow generated quads, out flow criterion's
//! figures. Always holds: each timed commit inserts quads that the store lacks, and they are removed untimed.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use oxrdf::Quad;
use quadrille_backend::InMemoryBackend;
use quadrille_backend_lmdb::LmdbBackend;
use quadrille_benches::engine::{CommitSync, Engine};
use quadrille_benches::quadrille::{BenchBackend, Quadrille};
use quadrille_io::generate::generate;

const QUADS: usize = 100_000;
const COMMIT_QUADS: [usize; 4] = [1, 10, 100, 1_000];

fn commits<B: BenchBackend>(criterion: &mut Criterion, name: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let engine = Quadrille::<B>::open(folder.path(), CommitSync::Never).expect("a new store opens");
    let quads: Vec<Quad> = generate(QUADS as u64 * 2, 1).collect();
    let (present, absent) = quads.split_at(QUADS);
    engine.insert(present).expect("the first half goes in");
    let mut group = criterion.benchmark_group(format!("insert/{name}"));
    group.sample_size(10);
    for size in COMMIT_QUADS {
        let mut chunks = absent.chunks_exact(size).cycle();
        let mut next = || {
            let chunk = chunks.next().expect("an endless cycle");
            engine.remove(chunk).expect("they can be removed");
            chunk
        };
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(format!("{size} a commit"), |bencher| {
            bencher.iter_batched(
                &mut next,
                |chunk| engine.insert(chunk),
                BatchSize::PerIteration,
            );
        });
        engine.remove(absent).expect("all of them can be removed");
    }
    group.finish();
}

fn write(criterion: &mut Criterion) {
    commits::<InMemoryBackend>(criterion, "memory");
    commits::<LmdbBackend>(criterion, "lmdb");
    #[cfg(feature = "rocksdb")]
    commits::<quadrille_backend_rocksdb::RocksDbBackend>(criterion, "rocksdb");
}

criterion_group!(benches, write);
criterion_main!(benches);
