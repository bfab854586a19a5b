//! What a store reads from its backend, changed and with a checksum that matches: an error at most, never a panic.

use oxrdf::{GraphName, Literal, NamedNode, Quad};
use proptest::prelude::*;
use quadrille_backend::{InMemoryBackend, StorageBackend};
use quadrille_store::fuzzing::Entry;
use quadrille_store::{QuadStore, StoreOptions};
use std::sync::{Arc, OnceLock};

const CHECKSUM_BYTES: usize = 4;

/// An entry of a store: what it is, its key and its value without the checksum.
type Sample = (Entry, Vec<u8>, Vec<u8>);

fn entry_of(keyspace: &str) -> Option<Entry> {
    let role = keyspace.split_once('.').map_or(keyspace, |(_, role)| role);
    Some(match role {
        "root" => Entry::Root,
        "log" => Entry::LogRecord,
        "terms" => Entry::Chunk,
        "hashes" => Entry::Hashes,
        "hashes.summary" => Entry::HashesSummary,
        "statistics" => Entry::Statistics,
        "segments" => return None,
        role if role.ends_with(".summary") => Entry::QuadsSummary,
        _ => Entry::Quads,
    })
}

fn quad(number: usize) -> Quad {
    let node = |kind: &str, number: usize| {
        NamedNode::new_unchecked(format!("http://example.org/{kind}/{number}"))
    };
    let object = Literal::new_simple_literal(format!("the name of thing number {number}"));
    let graph = match number % 2 {
        0 => GraphName::DefaultGraph,
        _ => node("graph", number % 7).into(),
    };
    Quad::new(
        node("thing", number / 3),
        node("predicate", 0),
        object,
        graph,
    )
}

/// Entries of all kinds.
fn samples() -> &'static [Sample] {
    static SAMPLES: OnceLock<Vec<Sample>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let backend = Arc::new(InMemoryBackend::new());
        let options = StoreOptions {
            block_bytes: Some(500),
            ..StoreOptions::default()
        };
        let store = QuadStore::open_with(Arc::clone(&backend), options).expect("memory opens");
        let mut load = store.bulk_load().expect("nobody else writes");
        for number in 0..600 {
            load.push(quad(number).as_ref()).expect("there is room");
        }
        load.finish().expect("there is room");
        store.extend((600..610).map(quad)).expect("there is room");
        let mut samples = Vec::new();
        for keyspace in backend.keyspaces().expect("a list") {
            let Some(kind) = entry_of(&keyspace.to_string()) else {
                continue;
            };
            let entries = backend.range_scan(&keyspace, &[], None, None);
            for entry in entries.expect("a scan").take(4) {
                let (key, value) = entry.expect("an entry");
                let payload = value[..value.len() - CHECKSUM_BYTES].to_vec();
                // A table of symbols stands under the tag alone.
                if kind != Entry::Chunk || key.len() > 1 {
                    samples.push((kind, key, payload));
                }
            }
        }
        samples
    })
}

#[test]
fn what_a_store_has_written_is_decoded() {
    for kind in Entry::ALL.into_iter().filter(|kind| *kind != Entry::Term) {
        let samples = samples().iter().filter(|(other, ..)| *other == kind);
        let decoded = samples.map(|(_, key, payload)| kind.decode(key, payload));
        let decoded: Result<Vec<usize>, _> = decoded.collect();
        let rows = decoded.expect("it is whole");
        assert!(
            !rows.is_empty() && rows.iter().all(|rows| *rows > 0),
            "{kind:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn changed_bytes_are_an_error_at_most(
        sample in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let (kind, key, payload) = sample.get(samples());
        let mut payload = payload.clone();
        for (at, byte) in changes {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        if is_cut {
            payload.truncate(cut.index(payload.len()));
        }
        // An error is an answer.
        let _ = kind.decode(key, &payload);
    }

    #[test]
    fn any_bytes_are_an_error_at_most(
        kind in prop::sample::select(&Entry::ALL[..]),
        key in prop::collection::vec(any::<u8>(), 0..40),
        payload in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = kind.decode(&key, &payload);
    }
}
