//! Values that were changed and sealed again, as a fault in a program would leave them: checksums hold, so the contents
//! themselves must give the fault away.

use crate::block::{Block, encode_block};
use crate::bytes::{Reader, RowKey, put_varint, row_of};
use crate::checksum::{self, CHECKSUM_BYTES};
use crate::index::summary::{BlockInfo, Summary, encode_groups};
use crate::keyspaces::{IndexPlaces, Place, Places};
use crate::log::LogRecord;
use crate::root::{ROOT_KEY, Root};
use crate::{QuadStore, StoreOptions};
use oxrdf::{GraphName, Literal, NamedNode, Quad};
use quadrille_backend::{ErrorKind, InMemoryBackend, Keyspace, StorageBackend};
use std::sync::Arc;

type Backend = Arc<InMemoryBackend>;
/// The keyspace and the key of a problem.
type Named = (String, Option<Vec<u8>>);

fn quad(number: usize) -> Quad {
    let node = |kind: &str, number: usize| {
        NamedNode::new_unchecked(format!("http://example.org/{kind}/{number}"))
    };
    let text = match number % 50 {
        0 => format!("{number} {}", "long ".repeat(600)),
        _ => format!("the name of thing number {number}"),
    };
    let graph = match number % 2 {
        0 => GraphName::DefaultGraph,
        _ => node("graph", 1).into(),
    };
    let object = Literal::new_simple_literal(text);
    Quad::new(
        node("thing", number / 3),
        node("predicate", 0),
        object,
        graph,
    )
}

/// A store with something in every keyspace; the last commits stand in the log.
fn sample() -> (Backend, Places) {
    let backend = Arc::new(InMemoryBackend::new());
    let options = StoreOptions {
        block_bytes: Some(300),
        chunk_bytes: Some(300),
        ..StoreOptions::default()
    };
    let store = QuadStore::open_with(Arc::clone(&backend), options).expect("it is created");
    let mut load = store.bulk_load().expect("nobody else writes");
    for number in 0..900 {
        load.push(quad(number).as_ref()).expect("it fits");
    }
    load.finish().expect("it fits");
    for numbers in [900..905, 905..910] {
        store.extend(numbers.map(quad)).expect("it fits");
    }
    assert_eq!(found(&backend), []);
    let root = root(&backend);
    (backend, Places::new(root.generation).expect("legal names"))
}

fn root(backend: &Backend) -> Root {
    let keyspace = Keyspace::new("root").expect("a legal name");
    let record = backend.get(&keyspace, ROOT_KEY).expect("it is read");
    Root::decode(&record.expect("it is there")).expect("it is sound")
}

fn entries(backend: &Backend, place: &Place) -> Vec<(Vec<u8>, Vec<u8>)> {
    let scan = backend.range_scan(&place.keyspace, &[], None, None);
    let entries = scan.expect("the keyspace is there");
    entries.map(|entry| entry.expect("it is read")).collect()
}

/// An entry in the middle, or the last of two.
fn middle(backend: &Backend, place: &Place) -> (Vec<u8>, Vec<u8>) {
    let mut entries = entries(backend, place);
    let middle = entries.len() / 2;
    entries.swap_remove(middle)
}

/// Puts a value without its checksum under a key, sealed.
fn put(backend: &Backend, place: &Place, key: &[u8], mut payload: Vec<u8>) {
    checksum::seal(place.role, key, &mut payload);
    backend
        .put(&place.keyspace, key, &payload)
        .expect("it is put");
}

fn payload(value: &[u8]) -> Vec<u8> {
    value[..value.len() - CHECKSUM_BYTES].to_vec()
}

/// What a fresh look finds: opening fails, or `verify` names problems.
fn found(backend: &Backend) -> Vec<Named> {
    match QuadStore::open(Arc::clone(backend)) {
        Err(error) => {
            let keyspace = error.keyspace().map(Keyspace::to_string);
            vec![(
                keyspace.unwrap_or_default(),
                error.key().map(<[u8]>::to_vec),
            )]
        }
        Ok(store) => {
            let report = store.verify().expect("damage is no error");
            let problems = report.problems.into_iter();
            problems
                .map(|problem| (problem.keyspace, problem.key))
                .collect()
        }
    }
}

#[track_caller]
fn assert_named(backend: &Backend, place: &Place, key: Option<&[u8]>) {
    let found = found(backend);
    let expected = (place.keyspace.to_string(), key.map(<[u8]>::to_vec));
    assert!(
        found.contains(&expected),
        "{expected:?} is not in {found:?}"
    );
}

/// A block of one row less: its index is named, and by the summary's count the block.
fn lose_a_row<const N: usize>(index: impl Fn(&Places) -> &IndexPlaces) {
    let (backend, places) = sample();
    let index = index(&places);
    let (key, value) = middle(&backend, &index.blocks);
    let bytes = payload(&value);
    let block = Block::<N>::parse(&bytes).expect("it is sound");
    let rows: Vec<[u64; N]> = (1..block.len()).map(|row| block.row(&bytes, row)).collect();
    let mut fewer = Vec::new();
    encode_block(&rows, &mut fewer);
    put(&backend, &index.blocks, &key, fewer);
    assert_named(&backend, &index.blocks, None);
    assert_named(&backend, &index.summaries, Some(&key));
}

/// A summary entry whose total contradicts its counts; one whose counts are wrong all the same; one whose ranges are
/// too narrow.
fn miscount_in_a_summary<const N: usize>(index: impl Fn(&Places) -> &IndexPlaces) {
    let (backend, places) = sample();
    let place = &index(&places).summaries;
    let (key, value) = middle(&backend, place);
    let mut total = payload(&value);
    total[0] ^= 1;
    put(&backend, place, &key, total);
    assert_named(&backend, place, Some(&key));

    let summary = Summary::<N>::decode(place, &key, &value).expect("it is sound");
    let mut blocks: Vec<BlockInfo<N>> = summary.blocks().collect();
    blocks[0].rows += 1;
    put_group(&backend, place, &blocks);
    let block = RowKey::new(&blocks[0].separator);
    assert_named(&backend, place, Some(&block));

    blocks[0].rows -= 1;
    for block in &mut blocks {
        // The column that varies most comes first in none of the permutations alone, so all are narrowed.
        block.ranges = block.ranges.map(|(min, _)| (min, min));
    }
    put_group(&backend, place, &blocks);
    let names = found(&backend);
    assert!(
        names
            .iter()
            .any(|(name, key)| *name == place.keyspace.as_str() && key.is_some())
    );
    backend
        .put(&place.keyspace, &key, &value)
        .expect("it is put");
    assert_eq!(found(&backend), []);
}

fn put_group<const N: usize>(backend: &Backend, place: &Place, blocks: &[BlockInfo<N>]) {
    let mut groups = Vec::new();
    encode_groups(place.role, blocks, 1 << 20, &mut groups);
    for (key, value) in groups {
        backend
            .put(&place.keyspace, &key, &value)
            .expect("it is put");
    }
}

#[test]
fn a_wrong_count_in_a_permutation_is_named() {
    for permutation in 0..4 {
        lose_a_row::<4>(|places| &places.permutations[permutation]);
        miscount_in_a_summary::<4>(|places| &places.permutations[permutation]);
    }
}

#[test]
fn a_wrong_count_in_the_hash_index_is_named() {
    lose_a_row::<2>(|places| &places.hashes);
    miscount_in_a_summary::<2>(|places| &places.hashes);
}

#[test]
fn a_wrong_count_in_the_dictionary_is_named() {
    let (backend, places) = sample();
    // The number of terms stands behind flags, prefixes and widths.
    let (key, value) = middle(&backend, &places.terms);
    for count in [-1, 1] {
        let mut chunk = payload(&value);
        let terms = i16::from_le_bytes([chunk[3], chunk[4]]);
        chunk[3..5].copy_from_slice(&(terms + count).to_le_bytes());
        put(&backend, &places.terms, &key, chunk);
        let names = found(&backend);
        assert!(
            names
                .iter()
                .any(|(name, _)| *name == places.terms.keyspace.as_str()),
            "{names:?}"
        );
    }
    backend
        .put(&places.terms.keyspace, &key, &value)
        .expect("it is put");
    assert_eq!(found(&backend), []);

    let (key, value) = middle(&backend, &places.segments);
    let mut shorter = payload(&value);
    shorter.pop();
    put(&backend, &places.segments, &key, shorter);
    assert_named(&backend, &places.segments, Some(&key));
}

#[test]
fn a_wrong_figure_in_the_statistics_is_named() {
    let (backend, places) = sample();
    for (key, value) in entries(&backend, &places.statistics) {
        let sealed = payload(&value);
        let mut reader = Reader::new(&sealed, "statistics row");
        let figures = [(); 3].map(|()| reader.varint().expect("three figures"));
        for wrong in 0..3 {
            let mut row = Vec::new();
            for (nth, figure) in figures.into_iter().enumerate() {
                put_varint(&mut row, figure + u64::from(nth == wrong));
            }
            put(&backend, &places.statistics, &key, row);
            assert_named(&backend, &places.statistics, Some(&key));
        }
        backend
            .put(&places.statistics.keyspace, &key, &value)
            .expect("it is put");
    }
    assert_eq!(found(&backend), []);
}

#[test]
fn a_wrong_count_in_the_root_is_named() {
    let (backend, places) = sample();
    let intact = root(&backend);
    let put_root = |root: &Root| {
        let record = root.encode();
        backend
            .put(&places.root.keyspace, ROOT_KEY, &record)
            .expect("it is put");
    };
    let with = |change: fn(&mut Root)| {
        let mut root = intact.clone();
        change(&mut root);
        put_root(&root);
    };
    with(|root| root.quads += 1);
    assert_named(&backend, &places.root, Some(ROOT_KEY));
    with(|root| root.quads -= 1);
    assert_named(&backend, &places.root, Some(ROOT_KEY));
    with(|root| root.statistics_rows += 1);
    assert_named(&backend, &places.statistics, None);
    with(|root| root.epoch += 1);
    assert_named(
        &backend,
        &places.log,
        Some(&(intact.epoch + 1).to_be_bytes()),
    );
    with(|root| root.epoch -= 1);
    assert!(
        !found(&backend).is_empty(),
        "a commit that the root does not know"
    );
    for tag in intact.folded_ids.keys() {
        for of_folded in [false, true] {
            let mut root = intact.clone();
            *root.next_ids.entry(*tag).or_default() += 1;
            if of_folded {
                *root.folded_ids.entry(*tag).or_default() += 1;
            }
            put_root(&root);
            assert!(
                !found(&backend).is_empty(),
                "an id of tag {tag} without a term"
            );
        }
    }
    put_root(&intact);
    assert_eq!(found(&backend), []);
}

#[test]
fn a_log_record_that_lost_something_is_noticed() {
    let (backend, places) = sample();
    let (key, value) = middle(&backend, &places.log);
    let [epoch] = row_of::<1>(&key).expect("a log key");
    let intact = LogRecord::decode(epoch, &value).expect("it is sound");
    let with = |change: &dyn Fn(&mut LogRecord)| {
        let mut record = intact.clone();
        change(&mut record);
        let value = record.encode(epoch);
        backend
            .put(&places.log.keyspace, &key, &value)
            .expect("it is put");
    };
    with(&|record| record.inserted.truncate(record.inserted.len() - 1));
    assert_named(&backend, &places.root, Some(ROOT_KEY));
    for term in 0..intact.terms.len() {
        with(&|record| drop(record.terms.remove(term)));
        assert_named(&backend, &places.log, None);
    }
    with(&|_| {});
    assert_eq!(found(&backend), []);
}

#[test]
fn features_that_are_unknown_refuse_and_change_nothing() {
    let (backend, places) = sample();
    let all = || -> Vec<_> {
        let places = places.all().into_iter();
        places.map(|place| entries(&backend, place)).collect()
    };
    let record = root(&backend).encode();
    let with_bit = |position: usize| {
        let mut root = payload(&record);
        root[position] |= 0x40;
        put(&backend, &places.root, ROOT_KEY, root);
        let before = all();
        let kinds = [
            QuadStore::open(Arc::clone(&backend)).map(drop),
            QuadStore::open_read_only(Arc::clone(&backend)).map(drop),
        ]
        .map(|outcome| outcome.map_err(|error| error.kind()));
        (kinds, before)
    };
    let refused = Err(ErrorKind::Unsupported);
    for byte in 0..8 {
        // Compatible: taken. Read-only: taken for reading. Incompatible: not at all.
        for (set, expected) in [
            (12, [Ok(()); 2]),
            (20, [refused, Ok(())]),
            (28, [refused; 2]),
        ] {
            let (kinds, before) = with_bit(set + byte);
            assert_eq!(kinds, expected, "byte {byte} of the set at {set}");
            assert_eq!(all(), before);
        }
    }
}
