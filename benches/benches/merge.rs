//! What it costs to load one quad in a hundred more into a store: quads that lie together in every index, as those of a
//! data set of its own do; quads that are generated behind those of the store, whose subjects are new and whose objects
//! are anybody's; and quads about subjects all over the store. In flow generated quads, as many as `QUADRILLE_MERGE_QUADS` says, a million unless set; out
//! flow, by backend and kind, the seconds, the bytes that the process wrote for each byte of the additions' own index
//! entries, and how long small commits waited that another thread made meanwhile. Always holds: bytes are counted while
//! nobody else writes, and the disk is waited for.

use oxrdf::{GraphName, Literal, NamedNode, Quad};
use quadrille_backend_lmdb::LmdbBackend;
use quadrille_io::generate::generate;
use quadrille_store::{QuadStore, StorageBackend, StorageResult};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const QUADS: u64 = 1_000_000;

/// Bytes that the process gave to the system to write, those of temporary files included; `None` where it does not tell.
fn written_bytes() -> Option<u64> {
    let figures = std::fs::read_to_string("/proc/self/io").ok()?;
    let line = figures.lines().find(|line| line.starts_with("wchar:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn load<B: StorageBackend>(
    store: &QuadStore<B>,
    quads: impl Iterator<Item = Quad>,
) -> StorageResult<u64> {
    let mut load = store.bulk_load()?;
    for quad in quads {
        load.push(quad.as_ref())?;
    }
    Ok(load.finish()?.quads_new)
}

/// Quads of subjects, objects and a graph of their own.
fn together(quads: u64, part: u64) -> impl Iterator<Item = Quad> {
    let node = move |kind: &str, number: u64| {
        NamedNode::new_unchecked(format!("http://example.org/part/{part}/{kind}/{number}"))
    };
    (0..quads / 100).map(move |number| {
        let predicate = node("predicate", number % 10);
        let object = node("object", number / 3);
        Quad::new(
            node("thing", number / 10),
            predicate,
            object,
            node("graph", 0),
        )
    })
}

/// Generated quads that the store lacks: those behind its own, in their order.
fn behind(quads: u64, part: u64) -> impl Iterator<Item = Quad> {
    let share = quads / 100;
    let all = generate(quads + share * (part + 1), 1);
    all.skip((quads + share * part) as usize)
}

/// Quads about every hundredth quad's subject.
fn scattered(quads: u64, part: u64) -> impl Iterator<Item = Quad> {
    let some = generate(quads, 1).step_by(100);
    some.zip(0..).map(move |(quad, number): (Quad, u64)| Quad {
        object: Literal::from((number * 7919 % (quads + 1) * 2 + part) as i64).into(),
        ..quad
    })
}

/// The bytes of the entries of the four indexes, of one quad.
fn entry_bytes<B: StorageBackend>(store: &QuadStore<B>) -> StorageResult<f64> {
    let statistics = store.statistics()?;
    let roles = ["spoc", "pocs", "ocsp", "cspo"];
    let keyspaces = statistics.keyspaces.iter();
    let bytes: u64 = keyspaces
        .filter(|keyspace| roles.contains(&keyspace.role))
        .map(|keyspace| keyspace.bytes)
        .sum();
    Ok(bytes as f64 / statistics.quads as f64)
}

/// Loads while another thread makes small commits; how many it made, and how long the slowest took.
fn beside<B: StorageBackend>(
    store: &QuadStore<B>,
    quads: impl Iterator<Item = Quad>,
    kind: &str,
) -> StorageResult<(u64, Duration)> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| -> StorageResult<(u64, Duration)> {
            let (mut commits, mut slowest) = (0, Duration::ZERO);
            while !is_over.load(Ordering::SeqCst) {
                let node = NamedNode::new_unchecked(format!("http://example.org/{kind}"));
                let object = Literal::from(commits as i64);
                let quad = Quad::new(node.clone(), node, object, GraphName::DefaultGraph);
                let start = Instant::now();
                store.insert(&quad)?;
                slowest = slowest.max(start.elapsed());
                commits += 1;
                thread::sleep(Duration::from_millis(1));
            }
            Ok((commits, slowest))
        });
        let loaded = load(store, quads);
        is_over.store(true, Ordering::SeqCst);
        let figures = writer.join().expect("the writer does not panic");
        loaded.and(figures)
    })
}

fn merge<B: StorageBackend>(backend: B, name: &str, quads: u64) -> StorageResult<()> {
    let store = QuadStore::open(backend)?;
    load(&store, generate(quads, 1))?;
    let own_bytes = entry_bytes(&store)?;
    type Part = fn(u64, u64) -> Box<dyn Iterator<Item = Quad>>;
    let kinds: [(&str, Part); 3] = [
        ("together", |quads, part| Box::new(together(quads, part))),
        ("behind", |quads, part| Box::new(behind(quads, part))),
        ("scattered", |quads, part| Box::new(scattered(quads, part))),
    ];
    for (kind, part) in kinds {
        let (before, start) = (written_bytes(), Instant::now());
        let added = load(&store, part(quads, 0))?;
        let seconds = start.elapsed().as_secs_f64();
        let written = written_bytes()
            .zip(before)
            .map(|(after, before)| after - before);
        let amplification =
            written.map_or(f64::NAN, |bytes| bytes as f64 / (own_bytes * added as f64));
        let (commits, slowest) = beside(&store, part(quads, 1), kind)?;
        println!(
            "{name:8} {kind:10} {added:>9} quads {seconds:>8.3} s {:>8.1} MB written {amplification:>7.1} times \
             {commits:>6} commits beside it, the slowest {:>6.1} ms",
            written.unwrap_or(0) as f64 / 1e6,
            slowest.as_secs_f64() * 1e3,
        );
    }
    Ok(())
}

fn main() -> StorageResult<()> {
    let quads = std::env::var("QUADRILLE_MERGE_QUADS").ok();
    let quads = quads.map_or(QUADS, |text| {
        text.parse()
            .expect("QUADRILLE_MERGE_QUADS is a number of quads")
    });
    let folder = tempfile::tempdir().expect("a temporary folder");
    merge(
        LmdbBackend::open(folder.path().join("lmdb"))?,
        "lmdb",
        quads,
    )?;
    #[cfg(feature = "rocksdb")]
    merge(
        quadrille_backend_rocksdb::RocksDbBackend::open(folder.path().join("rocksdb"))?,
        "rocksdb",
        quads,
    )?;
    Ok(())
}
