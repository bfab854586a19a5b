//! What joins cost the store: look-ups of many probes, tries, values with counts, terms decoded by the thousand, each
//! beside what it replaces. In flow generated quads, out flow criterion's figures: the time of all probes, and how many
//! that makes a second. Always holds: every backend holds the same quads, all in blocks.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use quadrille_backend::InMemoryBackend;
use quadrille_backend_lmdb::LmdbBackend;
use quadrille_benches::engine::{CommitSync, Engine};
use quadrille_benches::quadrille::{BenchBackend, Quadrille};
use quadrille_io::generate::generate;
use quadrille_store::{
    ColumnBatch, LookupBatch, LookupPosition, LookupRequest, Permutation, ReadContext, ScanRequest,
    Snapshot, StorageBackend, TermId,
};
use std::hint::black_box;

const QUADS: u64 = 400_000;

fn loaded<B: BenchBackend>(folder: &std::path::Path) -> Quadrille<B> {
    let engine = Quadrille::<B>::open(folder, CommitSync::Never).expect("a new store opens");
    let mut load = engine.store().bulk_load().expect("a load begins");
    for quad in generate(QUADS, 1) {
        load.push(quad.as_ref()).expect("a quad is taken");
    }
    load.finish().expect("the load ends");
    engine
}

/// The distinct ids of a position in the quads of a request, ascending.
fn distinct<B: StorageBackend>(
    snapshot: &Snapshot<B>,
    request: &ScanRequest,
    position: usize,
) -> Vec<u64> {
    let scan = snapshot.scan_request(request, ReadContext::new());
    let quads = scan.expect("a scan begins");
    let mut ids: Vec<u64> = quads
        .map(|quad| quad.expect("a quad is read")[position].raw())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The predicate with the most quads.
fn largest_predicate<B: StorageBackend>(snapshot: &Snapshot<B>) -> TermId {
    let figures = snapshot.predicate_statistics().expect("figures");
    let largest = figures.into_iter().max_by_key(|figure| figure.quads);
    let predicate = largest.expect("there is a predicate").predicate;
    snapshot
        .encode(&predicate)
        .expect("a term is looked up")
        .expect("it is known")
}

fn probe<B: StorageBackend>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    snapshot: &Snapshot<B>,
    what: &str,
    request: &LookupRequest,
    probes: &[u64],
) {
    group.throughput(Throughput::Elements(probes.len() as u64));
    let open = || {
        let lookup = snapshot.lookup(request, ReadContext::new());
        lookup.expect("look-ups begin")
    };
    group.bench_function(format!("{what}, rows"), |bencher| {
        bencher.iter(|| {
            let (mut lookup, mut batch, mut rows) = (open(), LookupBatch::new(), 0);
            for probes in probes.chunks(1024) {
                lookup.set_probes(&[probes]).expect("probes are taken");
                while lookup.next_batch(&mut batch).expect("rows are read") {
                    rows += batch.len();
                }
            }
            rows
        });
    });
    group.bench_function(format!("{what}, whether any"), |bencher| {
        bencher.iter(|| {
            let (mut lookup, mut found) = (open(), Vec::new());
            for probes in probes.chunks(1024) {
                let read = lookup.contains(&[probes], &mut found);
                read.expect("rows are read");
            }
            found.len()
        });
    });
    group.bench_function(format!("{what}, a scan a probe"), |bencher| {
        bencher.iter(|| {
            let (mut batch, mut rows) = (ColumnBatch::new(), 0);
            for probe in 0..probes.len() {
                let scan = ScanRequest {
                    permutation: Some(request.permutation),
                    ..ScanRequest::new(request.pattern_of(&[probes], probe))
                };
                let scan = snapshot.scan_request(&scan, ReadContext::new());
                let mut scan = scan.expect("a scan begins");
                while scan.next_batch(&mut batch).expect("rows are read") {
                    rows += batch.len();
                }
            }
            rows
        });
    });
}

fn lookups<B: StorageBackend>(criterion: &mut Criterion, name: &str, snapshot: &Snapshot<B>) {
    let mut group = criterion.benchmark_group(format!("joins/{name}"));
    group.sample_size(10);
    let predicate = largest_predicate(snapshot);
    let of_predicate = ScanRequest::new([None, Some(predicate), None, None]);
    let subjects = distinct(snapshot, &of_predicate, 0);
    let sparse: Vec<u64> = subjects.iter().copied().step_by(97).collect();
    let constant = LookupPosition::Constant(predicate);
    let of_subjects = LookupRequest {
        permutation: Permutation::Spoc,
        positions: [
            LookupPosition::Probe(0),
            constant,
            LookupPosition::Open,
            LookupPosition::Open,
        ],
        range: None,
        columns: [false, false, true, false],
    };
    probe(
        &mut group,
        snapshot,
        "all subjects",
        &of_subjects,
        &subjects,
    );
    probe(
        &mut group,
        snapshot,
        "one subject in 97",
        &of_subjects,
        &sparse,
    );
    let objects = distinct(snapshot, &of_predicate, 2);
    let of_objects = LookupRequest {
        permutation: Permutation::Pocs,
        positions: [
            LookupPosition::Open,
            constant,
            LookupPosition::Probe(0),
            LookupPosition::Open,
        ],
        range: None,
        columns: [true, false, false, false],
    };
    probe(&mut group, snapshot, "objects", &of_objects, &objects);
    let trie_pattern = [None, Some(predicate), None, None];
    group.throughput(Throughput::Elements(objects.len() as u64));
    group.bench_function("objects, sought in a trie", |bencher| {
        bencher.iter(|| {
            let trie = snapshot.trie(Permutation::Pocs, &trie_pattern, ReadContext::new());
            let mut trie = trie.expect("a trie is opened");
            let found = |object: &&u64| trie.seek(&[], **object).expect("a seek").is_some();
            objects.iter().filter(found).count()
        });
    });
    group.finish();
}

fn values_and_terms<B: StorageBackend>(
    criterion: &mut Criterion,
    name: &str,
    snapshot: &Snapshot<B>,
) {
    let mut group = criterion.benchmark_group(format!("values/{name}"));
    group.sample_size(10);
    for permutation in Permutation::ALL {
        let request = ScanRequest::new([None; 4]).in_order(permutation);
        group.bench_function(format!("{permutation}, first column"), |bencher| {
            bencher.iter(|| {
                let values = snapshot.values(&request, true, ReadContext::new());
                let mut rows = values.expect("values are read");
                let (mut values, mut counts, mut number) = (Vec::new(), Vec::new(), 0);
                while rows.next_batch(&mut values, &mut counts).expect("values") {
                    number += values.len();
                }
                number
            });
        });
    }
    let pattern = [None, Some(largest_predicate(snapshot)), None, None];
    let scan = snapshot.scan(pattern, ReadContext::new());
    let ids: Vec<TermId> = scan
        .expect("a scan begins")
        .map(|quad| quad.expect("a quad is read")[2])
        .collect();
    // As a join leaves them: in no order.
    let ids: Vec<TermId> = (0..ids.len()).map(|n| ids[n * 7_919 % ids.len()]).collect();
    group.throughput(Throughput::Elements(ids.len() as u64));
    group.bench_function("terms decoded by 1 024", |bencher| {
        bencher.iter(|| {
            let mut terms = Vec::new();
            for ids in ids.chunks(1024) {
                snapshot.decode_all(ids, &mut terms).expect("terms");
            }
        });
    });
    group.bench_function("terms decoded one by one", |bencher| {
        bencher.iter(|| {
            for id in &ids {
                black_box(snapshot.decode(*id).expect("a term"));
            }
        });
    });
    group.finish();
}

fn joins(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let memory = loaded::<InMemoryBackend>(folder.path());
    let snapshot = memory.store().snapshot().expect("a snapshot");
    lookups(criterion, "memory", &snapshot);
    values_and_terms(criterion, "memory", &snapshot);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lmdb = loaded::<LmdbBackend>(folder.path());
    let snapshot = lmdb.store().snapshot().expect("a snapshot");
    lookups(criterion, "lmdb", &snapshot);
    values_and_terms(criterion, "lmdb", &snapshot);
}

criterion_group!(benches, joins);
criterion_main!(benches);
