//! What the storage contract costs: the same reads by the bare engine, by its backend, and by `AnyBackend` over that.
//!
//! In flow generated entries, out flow tables of times and allocations. What always holds: all sides hold the same
//! entries under like settings, in one process; rounds of them alternate, so that what slows the machine slows all; a
//! cost is the median over the rounds of the ratio to the bare engine's time in the same round.
//!
//! `--quick` makes fewer rounds over fewer entries.

mod allocations;
mod sides;

use quadrille::AnyBackend;
use quadrille_backend::{Keyspace, StorageBackend};
use quadrille_backend_lmdb::{LmdbBackend, LmdbOptions};
use quadrille_benches::Outcome;
use sides::{Contract, Lmdb, Side};
use std::path::Path;
use std::time::Instant;

/// The bytes of a key, as in the indexes of a store.
const KEY_BYTES: usize = 32;

/// How much is read.
#[derive(Clone, Copy)]
struct Plan {
    entries: usize,
    value_bytes: usize,
    reads_per_round: usize,
    rounds: usize,
}

/// The entries, ascending, and the keys that are looked up, scattered.
struct Data {
    entries: Vec<(Vec<u8>, Vec<u8>)>,
    wanted: Vec<Vec<u8>>,
}

impl Data {
    fn generate(plan: Plan) -> Self {
        let mut state = 1_u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize
        };
        let entries: Vec<(Vec<u8>, Vec<u8>)> = (0..plan.entries)
            .map(|number| {
                let mut key = vec![0; KEY_BYTES];
                key[..8].copy_from_slice(&(number as u64 * 7).to_be_bytes());
                let value = (0..plan.value_bytes).map(|_| next() as u8).collect();
                (key, value)
            })
            .collect();
        let wanted = (0..plan.reads_per_round).map(|_| entries[next() % plan.entries].0.clone());
        let wanted = wanted.collect();
        Self { entries, wanted }
    }
}

/// Does a sort of read; gives how many there were and a sum of what was read.
type Read = fn(&dyn Side, &[Vec<u8>]) -> Outcome<(usize, u64)>;

/// The reads that are timed.
const READS: [(&str, Read); 6] = [
    ("get, snapshot held", |side, keys| {
        Ok((keys.len(), side.gets(keys)?))
    }),
    ("get, each of the last commit", |side, keys| {
        Ok((keys.len(), side.fresh_gets(keys)?))
    }),
    ("seek, cursor held", |side, keys| {
        Ok((keys.len(), side.seeks(keys)?))
    }),
    ("cursor and seek", |side, keys| {
        Ok((keys.len(), side.fresh_seeks(keys)?))
    }),
    ("scan, an entry", |side, _| side.scan(false)),
    ("scan, an entry, value read", |side, _| side.scan(true)),
];

/// One side in one sort of read: nanoseconds and allocations a read, of each round.
#[derive(Default)]
struct Figures {
    nanoseconds: Vec<f64>,
    allocations: Vec<f64>,
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn compare(name: &str, plan: Plan, data: &Data, sides: &[(&str, &dyn Side)]) -> Outcome<()> {
    println!(
        "\n{name}: {} entries, values of {} bytes",
        plan.entries, plan.value_bytes
    );
    println!(
        "| {:28} | {:12} | {:>8} | {:>7} | {:>11} |",
        "read", "side", "ns", "cost", "allocations"
    );
    println!("|---|---|---|---|---|");
    for (read, run) in READS {
        let mut figures: Vec<Figures> = sides.iter().map(|_| Figures::default()).collect();
        let expected = run(sides[0].1, &data.wanted)?;
        // The first two rounds warm the caches.
        for round in 0..plan.rounds + 2 {
            for nth in 0..sides.len() {
                // Each side is first as often as the others.
                let nth = (nth + round) % sides.len();
                let before = allocations::count();
                let started = Instant::now();
                let found = run(sides[nth].1, &data.wanted)?;
                let elapsed = started.elapsed().as_nanos() as f64;
                let allocated = allocations::count() - before;
                if found != expected {
                    return Err(format!("{} reads something else", sides[nth].0).into());
                }
                if round >= 2 {
                    figures[nth].nanoseconds.push(elapsed / found.0 as f64);
                    figures[nth]
                        .allocations
                        .push(allocated as f64 / found.0 as f64);
                }
            }
        }
        report(read, sides, &figures);
    }
    Ok(())
}

fn report(read: &str, sides: &[(&str, &dyn Side)], figures: &[Figures]) {
    for ((side, _), of_side) in sides.iter().zip(figures) {
        let bare = &figures[0].nanoseconds;
        let ratios = of_side
            .nanoseconds
            .iter()
            .zip(bare)
            .map(|(own, bare)| own / bare);
        let cost = (median(ratios.collect()) - 1.0) * 100.0;
        println!(
            "| {read:28} | {side:12} | {:8.1} | {cost:+6.1}% | {:11.3} |",
            median(of_side.nanoseconds.clone()),
            median(of_side.allocations.clone()),
        );
    }
}

fn blocks() -> Outcome<Keyspace> {
    Ok(Keyspace::new("blocks")?)
}

fn filled<B: StorageBackend>(backend: B, data: &Data) -> Outcome<Contract<B>> {
    let keyspace = blocks()?;
    backend.create_keyspace(&keyspace)?;
    backend.ingest(&keyspace, &mut sides::Entries::new(&data.entries))?;
    Ok(Contract::new(backend, keyspace))
}

fn lmdb(folder: &Path, plan: Plan, data: &Data) -> Outcome<()> {
    // Small enough for tools that watch a process's memory.
    let open = |name: &str| {
        let options = LmdbOptions::new().map_bytes(sides::MAP_BYTES);
        LmdbBackend::open_with(folder.join(name), options)
    };
    let bare = Lmdb::create(&folder.join("bare"), &data.entries)?;
    let backend = filled(open("backend")?, data)?;
    let any = filled(AnyBackend::from(open("any")?), data)?;
    let sides: [(&str, &dyn Side); 3] = [
        ("heed", &bare),
        ("LmdbBackend", &backend),
        ("AnyBackend", &any),
    ];
    compare("LMDB", plan, data, &sides)
}

#[cfg(feature = "rocksdb")]
fn rocksdb(folder: &Path, plan: Plan, data: &Data) -> Outcome<()> {
    use quadrille_backend_rocksdb::RocksDbBackend;
    let bare = sides::RocksDb::create(&folder.join("bare"), &data.entries)?;
    let backend = filled(RocksDbBackend::open(folder.join("backend"))?, data)?;
    let any = AnyBackend::from(RocksDbBackend::open(folder.join("any"))?);
    let any = filled(any, data)?;
    let sides: [(&str, &dyn Side); 3] = [
        ("rocksdb", &bare),
        ("RocksDbBackend", &backend),
        ("AnyBackend", &any),
    ];
    compare("RocksDB", plan, data, &sides)
}

fn main() -> Outcome<()> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    for value_bytes in [100, 2000] {
        let plan = Plan {
            entries: if quick { 2000 } else { 20_000 },
            value_bytes,
            reads_per_round: if quick { 1000 } else { 10_000 },
            rounds: if quick { 5 } else { 41 },
        };
        let data = Data::generate(plan);
        let folder = tempfile::tempdir()?;
        measure(folder.path(), plan, &data)?;
    }
    Ok(())
}

fn measure(folder: &Path, plan: Plan, data: &Data) -> Outcome<()> {
    std::fs::create_dir_all(folder)?;
    lmdb(&folder.join("lmdb"), plan, data)?;
    #[cfg(feature = "rocksdb")]
    rocksdb(&folder.join("rocksdb"), plan, data)?;
    Ok(())
}
