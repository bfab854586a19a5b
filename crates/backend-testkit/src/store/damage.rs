//! Damage is found and named: for every keyspace, a flipped byte, a dropped entry, an entry out of place.
//!
//! Each case damages one entry after another, has a fresh look at the store through the same backend, and repairs it.

use super::support::{entries, node, tiny};
use super::{Home, StoreContext};
use crate::Factory;
use oxrdf::{GraphName, Literal, Quad, Term, Triple};
use quadrille_backend::{Keyspace, StorageBackend};
use quadrille_store::{InspectTarget, Problem, QuadStore};
use std::collections::BTreeSet;
use std::sync::Arc;

fn quads() -> Vec<Quad> {
    let mut quads = Vec::new();
    for number in 0..1200 {
        let object = match number % 4 {
            0 => Term::from(node("thing", number % 50)),
            1 => Literal::new_simple_literal(format!("the name of thing number {number}")).into(),
            2 => Literal::new_simple_literal("long ".repeat(500 + number % 3)).into(),
            _ => Triple::new(
                node("thing", number),
                node("predicate", 0),
                Literal::from(7),
            )
            .into(),
        };
        let graph = match number % 3 {
            0 => GraphName::DefaultGraph,
            graph => node("graph", graph).into(),
        };
        quads.push(Quad::new(
            node("thing", number / 5),
            node("predicate", number % 2),
            object,
            graph,
        ));
    }
    quads
}

/// A store whose every keyspace holds something: loaded, then changed by small commits.
struct Sample<F: Factory> {
    backend: Arc<F::Backend>,
    home: Home<F>,
}

impl<F: Factory> Sample<F> {
    fn new(context: &StoreContext<F>) -> Self {
        let home = context.home();
        let backend = home.open().unwrap();
        let store = QuadStore::open_with(Arc::clone(&backend), tiny()).unwrap();
        let mut load = store.bulk_load().unwrap();
        for quad in quads() {
            load.push(quad.as_ref()).unwrap();
        }
        load.finish().unwrap();
        for number in 0..5 {
            let object = Literal::new_simple_literal(format!("a later addition, number {number}"));
            let quad = Quad::new(
                node("new", number),
                node("predicate", 1),
                object,
                GraphName::DefaultGraph,
            );
            store.insert(&quad).unwrap();
        }
        store.remove(&quads()[7]).unwrap();
        let sample = Self { backend, home };
        assert_eq!(sample.findings(), []);
        sample
    }

    /// What a fresh look at the store finds: opening it fails, or `verify` names problems.
    fn findings(&self) -> Vec<(String, Option<Vec<u8>>)> {
        findings_of(Arc::clone(&self.backend))
    }

    fn keyspaces(&self) -> Vec<Keyspace> {
        self.backend.keyspaces().unwrap()
    }

    fn entries(&self, keyspace: &Keyspace) -> Vec<(Vec<u8>, Vec<u8>)> {
        entries(&self.backend, keyspace)
    }

    /// Calls back for the first, a middle and the last entry of each keyspace.
    fn for_some_entries(&self, mut each: impl FnMut(&Keyspace, usize, &[u8], &[u8])) {
        for keyspace in self.keyspaces() {
            let entries = self.entries(&keyspace);
            for which in BTreeSet::from([0, entries.len() / 2, entries.len() - 1]) {
                let (key, value) = &entries[which];
                each(&keyspace, which, key, value);
                self.backend.put(&keyspace, key, value).unwrap();
            }
        }
        assert_eq!(self.findings(), [], "after repairing everything");
    }
}

fn findings_of<B: StorageBackend>(backend: B) -> Vec<(String, Option<Vec<u8>>)> {
    match QuadStore::open(backend) {
        Err(error) => {
            let keyspace = error
                .keyspace()
                .map(Keyspace::to_string)
                .unwrap_or_default();
            vec![(keyspace, error.key().map(<[u8]>::to_vec))]
        }
        Ok(store) => {
            let problems = store.verify().unwrap().problems;
            let named = |problem: Problem| (problem.keyspace, problem.key);
            problems.into_iter().map(named).collect()
        }
    }
}

pub(crate) fn every_keyspace_of_the_sample_holds_entries<F: Factory>(context: &StoreContext<F>) {
    let sample = Sample::new(context);
    let keyspaces = sample.keyspaces();
    assert_eq!(keyspaces.len(), 15);
    for keyspace in keyspaces {
        assert!(!sample.entries(&keyspace).is_empty(), "{keyspace}");
    }
}

pub(crate) fn a_flipped_byte_is_found_and_named<F: Factory>(context: &StoreContext<F>) {
    let sample = Sample::new(context);
    sample.for_some_entries(|keyspace, which, key, value| {
        for part in 0..3 {
            let position = part * (value.len() - 1) / 2;
            let mut damaged = value.to_vec();
            damaged[position] ^= 0x04;
            sample.backend.put(keyspace, key, &damaged).unwrap();
            let found = sample.findings();
            assert!(
                found.contains(&(keyspace.to_string(), Some(key.to_vec()))),
                "byte {position} of entry {which} in {keyspace}: {found:?}"
            );
        }
    });
}

pub(crate) fn a_dropped_entry_is_found_and_named<F: Factory>(context: &StoreContext<F>) {
    let sample = Sample::new(context);
    sample.for_some_entries(|keyspace, which, key, _| {
        sample.backend.delete(keyspace, key).unwrap();
        let found = sample.findings();
        let is_summary = keyspace.as_str().ends_with(".summary");
        let is_named = found.iter().any(|(name, found_key)| {
            // The blocks of a lost summary entry are named one by one; a lost symbol table shows in its chunks.
            let any_key = is_summary || key.len() == 1;
            name == keyspace.as_str() && (any_key || found_key.as_deref() == Some(key))
        });
        assert!(
            is_named,
            "entry {which} in {keyspace}, key {key:?}: {found:?}"
        );
    });
}

pub(crate) fn an_entry_under_another_key_or_in_another_keyspace_is_found<F: Factory>(
    context: &StoreContext<F>,
) {
    let sample = Sample::new(context);
    let keyspaces = sample.keyspaces();
    for pair in keyspaces.windows(2) {
        let (_, from_elsewhere) = &sample.entries(&pair[0])[0];
        let here = sample.entries(&pair[1]);
        let (key, value) = &here[0];
        let of_another_key = here.last().filter(|_| here.len() > 1);
        for moved in [Some(from_elsewhere), of_another_key.map(|(_, value)| value)] {
            let Some(moved) = moved else { continue };
            sample.backend.put(&pair[1], key, moved).unwrap();
            let found = sample.findings();
            assert!(
                found.contains(&(pair[1].to_string(), Some(key.clone()))),
                "{pair:?}: {found:?}"
            );
        }
        sample.backend.put(&pair[1], key, value).unwrap();
    }
    assert_eq!(sample.findings(), [], "after repairing everything");
}

/// One damaged entry a keyspace, looked at by a backend that was closed and opened again.
pub(crate) fn damage_is_found_after_reopening<F: Factory>(context: &StoreContext<F>) {
    let Sample { mut backend, home } = Sample::new(context);
    for keyspace in backend.keyspaces().unwrap() {
        let (key, value) = entries(&backend, &keyspace).swap_remove(0);
        let mut damaged = value.clone();
        *damaged.last_mut().unwrap() ^= 1;
        backend.put(&keyspace, &key, &damaged).unwrap();
        backend.close().unwrap();
        drop(backend);
        backend = home.open().unwrap();
        let found = findings_of(Arc::clone(&backend));
        assert!(
            found.contains(&(keyspace.to_string(), Some(key.clone()))),
            "{keyspace}: {found:?}"
        );
        backend.put(&keyspace, &key, &value).unwrap();
    }
    assert_eq!(findings_of(backend), []);
}

pub(crate) fn inspecting_a_damaged_store_goes_on<F: Factory>(context: &StoreContext<F>) {
    let sample = Sample::new(context);
    let backend = &sample.backend;
    let keyspace = Keyspace::new("g00000002.pocs").unwrap();
    let (key, mut value) = sample.entries(&keyspace)[1].clone();
    value[5] ^= 1;
    backend.put(&keyspace, &key, &value).unwrap();
    let store = QuadStore::open(Arc::clone(backend)).unwrap();
    for role in [
        "spoc",
        "pocs",
        "pocs.summary",
        "hashes",
        "terms",
        "segments",
        "log",
        "statistics",
        "root",
    ] {
        let mut out = Vec::new();
        let target = InspectTarget::Entries {
            role: role.into(),
            limit: 10,
        };
        store.inspect(&target, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().count() > 0, "{role}");
        assert_eq!(text.contains("DAMAGED"), role == "pocs", "{role}: {text}");
    }
    let mut out = Vec::new();
    store.inspect(&InspectTarget::Root, &mut out).unwrap();
    assert!(
        String::from_utf8(out)
            .unwrap()
            .contains("format version 1.0")
    );
}
