//! The storage engine alone: bare keys and values through the contract, as the store uses it.

use super::timing::{Latencies, seconds};
use super::{BackendName, Emit};
use crate::failure::Failure;
use quadrille::backend::{
    BatchOperation, Durability, EntrySource, Keyspace, StorageBackend, StorageResult,
};
use quadrille::io::generate::Random;
use quadrille::{AnyBackend, OpenOptions};
use quadrille_measure::Measurement;
use std::path::Path;
use std::time::Duration;

/// Entries that are there before anything is timed.
const ENTRIES: u64 = 100_000;
/// The length of a value, in bytes. Keys have 32, as those of blocks do.
const VALUE_BYTES: usize = 100;
/// Entries of a short scan.
const SCANNED: usize = 1000;
/// Puts of a batch.
const BATCH: u64 = 10_000;
/// How often each operation is timed, and how long at most.
const GETS: usize = 20_000;
const SCANS: usize = 1000;
const PUTS: usize = 2000;
const DURABLE_PUTS: usize = 100;
const BATCHES: usize = 20;
const TIME_MAX: Duration = Duration::from_secs(5);

/// Measures gets, scans, puts and batches.
pub(crate) fn measure(name: BackendName, folder: &Path, emit: Emit<'_>) -> Result<(), Failure> {
    let unsynced = match name {
        // Without waiting for the disk, LMDB promises nothing.
        BackendName::Memory | BackendName::Lmdb => Durability::Unsafe,
        BackendName::RocksDb => Durability::Prefix,
    };
    let engine = Engine::open(name, &folder.join("engine"), unsynced)?;
    engine.reads(emit)?;
    engine.writes("not synced", PUTS, emit)?;
    let persistent = engine.backend.capabilities().persistent;
    engine.backend.destroy()?;
    if persistent {
        let engine = Engine::open(name, &folder.join("engine"), Durability::Durable)?;
        engine.writes("durable", DURABLE_PUTS, emit)?;
        engine.backend.destroy()?;
    }
    Ok(())
}

struct Engine {
    backend: AnyBackend,
    keyspace: Keyspace,
}

impl Engine {
    /// A new backend with entries in it.
    fn open(name: BackendName, folder: &Path, durability: Durability) -> Result<Self, Failure> {
        let location = name.within(folder);
        let options = OpenOptions::new().durability(durability);
        let backend = options.open_backend(&location)?;
        let keyspace = Keyspace::new("bench")?;
        backend.create_keyspace(&keyspace)?;
        backend.ingest(&keyspace, &mut Numbered::default())?;
        Ok(Self { backend, keyspace })
    }

    fn reads(&self, emit: Emit<'_>) -> Result<(), Failure> {
        let mut random = Random::new(1);
        let mut gets = Latencies::default();
        gets.repeat(GETS, TIME_MAX, |_| {
            let key = key_of(random.below(ENTRIES));
            Ok(self.backend.get(&self.keyspace, &key)?)
        })?;
        gets.emit("engine: get", emit);
        let mut scans = Latencies::default();
        scans.repeat(SCANS, TIME_MAX, |_| {
            let start = key_of(random.below(ENTRIES - SCANNED as u64));
            self.scan(&start, Some(SCANNED))
        })?;
        scans.emit("engine: scan of 1,000", emit);
        self.scan(&[], None)?;
        let ((entries, bytes), seconds) = seconds(|| self.scan(&[], None))?;
        let rate = |name: &str, unit: &str, amount: f64| {
            Measurement::new(format!("engine: {name}"), unit, amount / seconds)
        };
        emit(rate("full scan, entries", "entries/s", entries as f64));
        emit(rate("full scan, bytes", "MB/s", bytes as f64 / 1e6));
        Ok(())
    }

    /// Entries and their bytes from a key on.
    fn scan(&self, start: &[u8], limit: Option<usize>) -> Result<(u64, usize), Failure> {
        let (mut entries, mut total) = (0, 0);
        let scan = self
            .backend
            .range_scan(&self.keyspace, start, None, limit)?;
        for entry in scan {
            let (key, value) = entry?;
            entries += 1;
            total += key.len() + value.len();
        }
        Ok((entries, total))
    }

    fn writes(&self, how: &str, puts: usize, emit: Emit<'_>) -> Result<(), Failure> {
        let mut random = Random::new(2);
        let mut latencies = Latencies::default();
        latencies.repeat(puts, TIME_MAX, |_| {
            let (key, value) = (scattered_key(&mut random), value_of(random.bits()));
            Ok(self.backend.put(&self.keyspace, &key, &value)?)
        })?;
        latencies.emit(&format!("engine: put, {how}"), emit);
        let mut latencies = Latencies::default();
        latencies.repeat(BATCHES, TIME_MAX, |_| {
            let puts: Vec<_> = (0..BATCH)
                .map(|_| BatchOperation::Put {
                    keyspace: self.keyspace.clone(),
                    key: scattered_key(&mut random).to_vec(),
                    value: value_of(random.bits()),
                })
                .collect();
            Ok(self.backend.batch(&puts)?)
        })?;
        latencies.emit(&format!("engine: batch of 10,000, {how}"), emit);
        Ok(())
    }
}

/// The key of a number: keys ascend as numbers do.
fn key_of(number: u64) -> [u8; 32] {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&number.to_be_bytes());
    key
}

/// A key anywhere among and behind those that are there.
fn scattered_key(random: &mut Random) -> [u8; 32] {
    let mut key = key_of(random.below(2 * ENTRIES));
    key[8..16].copy_from_slice(&random.bits().to_be_bytes());
    key
}

/// A value that differs from others and does not shrink well.
fn value_of(seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let words = (0..VALUE_BYTES.div_ceil(8)).flat_map(|_| random.bits().to_le_bytes());
    words.take(VALUE_BYTES).collect()
}

/// The entries to begin with.
#[derive(Default)]
struct Numbered {
    next: u64,
    key: [u8; 32],
    value: Vec<u8>,
}

impl EntrySource for Numbered {
    fn next_entry(&mut self) -> StorageResult<Option<(&[u8], &[u8])>> {
        if self.next == ENTRIES {
            return Ok(None);
        }
        self.key = key_of(self.next);
        self.value = value_of(self.next);
        self.next += 1;
        Ok(Some((&self.key, &self.value)))
    }
}
