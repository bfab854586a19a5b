//! Reads of blocks that were changed and sealed again: they end, with an error or with any rows, and never panic.

use crate::checksum::{self, CHECKSUM_BYTES};
use crate::keyspaces::{IndexPlaces, Places};
use crate::{
    ColumnBatch, LookupBatch, LookupPosition, LookupRequest, Permutation, QuadStore, ReadContext,
    ScanRequest, Snapshot, StoreOptions, TermId,
};
use oxrdf::{GraphName, Literal, NamedNode, Quad};
use quadrille_backend::{InMemoryBackend, StorageBackend, StorageResult};
use std::sync::Arc;

type Backend = Arc<InMemoryBackend>;

fn quad(number: usize) -> Quad {
    let node = |kind: &str, number: usize| {
        NamedNode::new_unchecked(format!("http://example.org/{kind}/{number}"))
    };
    let graph = match number % 2 {
        0 => GraphName::DefaultGraph,
        _ => node("graph", 1).into(),
    };
    Quad::new(
        node("thing", number / 3),
        node("predicate", number % 3),
        Literal::from((number % 70) as i64),
        graph,
    )
}

/// Blocks of some dozens of rows, and changes beside them.
fn sample() -> (Backend, Places) {
    let backend = Arc::new(InMemoryBackend::new());
    let options = StoreOptions {
        block_bytes: Some(300),
        ..StoreOptions::default()
    };
    let store = QuadStore::open_with(Arc::clone(&backend), options).expect("it is created");
    let mut load = store.bulk_load().expect("nobody else writes");
    for number in 0..900 {
        load.push(quad(number).as_ref()).expect("it fits");
    }
    load.finish().expect("it fits");
    store.extend((900..930).map(quad)).expect("it fits");
    let snapshot = store.snapshot().expect("it is read");
    let generation = snapshot.inner.root.generation;
    (backend, Places::new(generation).expect("legal names"))
}

/// Changes a few bytes of one block, or of one summary entry.
fn damage(backend: &Backend, index: &IndexPlaces, random: &mut impl FnMut(usize) -> usize) {
    let place = if random(4) == 0 {
        &index.summaries
    } else {
        &index.blocks
    };
    let scan = backend.range_scan(&place.keyspace, &[], None, None);
    let entries = scan.expect("the keyspace is there");
    let mut entries: Vec<_> = entries.map(|entry| entry.expect("it is read")).collect();
    let (key, value) = entries.swap_remove(random(entries.len()));
    let mut payload = value[..value.len() - CHECKSUM_BYTES].to_vec();
    for _ in 0..1 + random(3) {
        let place = random(payload.len());
        payload[place] ^= 1 << random(8);
    }
    checksum::seal(place.role, &key, &mut payload);
    let put = backend.put(&place.keyspace, &key, &payload);
    put.expect("it is put");
}

fn scan(snapshot: &Snapshot<Backend>, request: &ScanRequest) -> StorageResult<()> {
    let mut batch = ColumnBatch::new();
    for part in snapshot.split(request, 3)? {
        let mut scan = snapshot.scan_request(&part, ReadContext::new())?;
        while scan.next_batch(&mut batch)? {}
    }
    snapshot.count_request(request, &ReadContext::new())?;
    let (mut values, mut counts) = (Vec::new(), Vec::new());
    let mut distinct = snapshot.values(request, true, ReadContext::new())?;
    while distinct.next_batch(&mut values, &mut counts)? {}
    snapshot.estimate_values(request)?;
    snapshot.figures()?;
    Ok(())
}

fn look_up(
    snapshot: &Snapshot<Backend>,
    permutation: Permutation,
    position: usize,
    probes: &[u64],
) -> StorageResult<()> {
    let mut positions = [LookupPosition::Open; 4];
    positions[position] = LookupPosition::Probe(0);
    let request = LookupRequest {
        permutation,
        positions,
        range: None,
        columns: [true; 4],
    };
    let mut lookup = snapshot.lookup(&request, ReadContext::new())?;
    lookup.set_probes(&[probes])?;
    let mut batch = LookupBatch::new();
    while lookup.next_batch(&mut batch)? {}
    lookup.count(&[probes], &mut Vec::new())
}

fn walk(snapshot: &Snapshot<Backend>, permutation: Permutation, id: u64) -> StorageResult<()> {
    for pattern in [[None; 4], [None, Some(TermId::from_raw(id)), None, None]] {
        let mut trie = snapshot.trie(permutation, &pattern, ReadContext::new())?;
        let mut from = 0;
        while let Some(found) = trie.seek(&[], from)? {
            trie.run()?;
            let below = trie.seek(&[found], 0)?;
            trie.run()?;
            if let Some(below) = below {
                trie.seek(&[found, below], 0)?;
            }
            let Some(next) = found.max(from).checked_add(1) else {
                break;
            };
            from = next;
        }
    }
    Ok(())
}

#[test]
fn reads_of_damaged_blocks_end() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 20) as usize % below.max(1)
    };
    let mut errors = 0;
    for _ in 0..60 {
        let (backend, places) = sample();
        let store = QuadStore::open(Arc::clone(&backend)).expect("it is sound");
        let sound = store.snapshot().expect("it is read");
        let quads = sound.scan([None; 4], ReadContext::new());
        let quads: Vec<[u64; 4]> = quads
            .expect("it is sound")
            .step_by(5)
            .map(|quad| quad.expect("it is sound").map(TermId::raw))
            .collect();
        drop((sound, store));
        let permutation = Permutation::ALL[random(4)];
        damage(&backend, places.permutation(permutation), &mut random);
        // The replay of the log reads blocks, too.
        let Ok(store) = QuadStore::open(backend) else {
            continue;
        };
        let snapshot = store.snapshot().expect("no block is read");
        let position = permutation.position_of(0);
        let probes: Vec<u64> = quads.iter().map(|quad| quad[position]).collect();
        let whole = ScanRequest::new([None; 4]).in_order(permutation);
        let predicate = quads[random(quads.len())][1];
        let results = [
            scan(&snapshot, &whole),
            look_up(&snapshot, permutation, position, &probes),
            look_up(
                &snapshot,
                permutation,
                permutation.position_of(2),
                &probes[..5],
            ),
            walk(&snapshot, permutation, predicate),
        ];
        errors += results.iter().filter(|result| result.is_err()).count();
    }
    assert!(errors > 0, "no damage was ever noticed");
}
