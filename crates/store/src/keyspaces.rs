//! Which keyspaces a store consists of, and how they are named.
//!
//! Two keyspaces belong to the store for good: `root` and `log`. All others belong to a generation, and their names
//! begin with its number: `g00000001.spoc`. A generation is built aside and becomes the store's by one commit of the
//! root record; keyspaces of any other generation are orphans, and opening the store for writing drops them.

use crate::checksum::Checked;
use crate::dictionary::SymbolTable;
use crate::dictionary::tables::SymbolTables;
use crate::permutation::Permutation;
use crate::snapshot::Names;
use crate::term::TermId;
use quadrille_backend::{Keyspace, StorageBackend, StorageResult};
use std::sync::Arc;

/// The role of the keyspace that holds the root record.
pub(crate) const ROOT: &str = "root";
/// The role of the commit log.
pub(crate) const LOG: &str = "log";
/// The role of the dictionary's chunks: id to term.
pub(crate) const TERMS: &str = "terms";
/// The role of the terms that are too long for a chunk.
pub(crate) const SEGMENTS: &str = "segments";
/// The role of the hash index: term to id.
pub(crate) const HASHES: &str = "hashes";
/// The role of the statistics rows.
pub(crate) const STATISTICS: &str = "statistics";

/// How many keyspaces a store has.
pub(crate) const PLACES: usize = 15;

const INDEX_ROLES: [[&str; 2]; 5] = [
    ["spoc", "spoc.summary"],
    ["pocs", "pocs.summary"],
    ["ocsp", "ocsp.summary"],
    ["cspo", "cspo.summary"],
    [HASHES, "hashes.summary"],
];

/// A keyspace with the role that its checksums are bound to.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) role: &'static str,
    /// A small number of its own within [`Places`], below [`PLACES`].
    pub(crate) slot: usize,
    pub(crate) keyspace: Keyspace,
}

impl Place {
    fn global(role: &'static str, slot: usize) -> StorageResult<Self> {
        Ok(Self {
            role,
            slot,
            keyspace: Keyspace::new(role)?,
        })
    }

    fn of_generation(role: &'static str, slot: usize, generation: u64) -> StorageResult<Self> {
        Ok(Self {
            role,
            slot,
            keyspace: Keyspace::new(&format!("g{generation:08x}.{role}"))?,
        })
    }
}

/// The two keyspaces of a block index: its blocks and their summaries.
#[derive(Clone, Debug)]
pub(crate) struct IndexPlaces {
    pub(crate) blocks: Place,
    pub(crate) summaries: Place,
}

/// All keyspaces of a store at one generation, and the generation's symbol tables.
#[derive(Clone)]
pub(crate) struct Places {
    pub(crate) generation: u64,
    pub(crate) root: Place,
    pub(crate) log: Place,
    pub(crate) permutations: [IndexPlaces; 4],
    pub(crate) hashes: IndexPlaces,
    pub(crate) terms: Place,
    pub(crate) segments: Place,
    pub(crate) statistics: Place,
    pub(crate) symbols: SymbolTables,
    /// Which values are known to match their checksums.
    pub(crate) checked: Arc<Checked>,
    /// The ids of predicates and graph names that commits of the generation were asked for.
    pub(crate) names: Arc<Names>,
}

impl Places {
    pub(crate) fn new(generation: u64) -> StorageResult<Self> {
        let index = |number: usize| -> StorageResult<IndexPlaces> {
            let [blocks, summaries] = INDEX_ROLES[number];
            Ok(IndexPlaces {
                blocks: Place::of_generation(blocks, number * 2, generation)?,
                summaries: Place::of_generation(summaries, number * 2 + 1, generation)?,
            })
        };
        Ok(Self {
            generation,
            root: Place::global(ROOT, 10)?,
            log: Place::global(LOG, 11)?,
            permutations: [index(0)?, index(1)?, index(2)?, index(3)?],
            hashes: index(4)?,
            terms: Place::of_generation(TERMS, 12, generation)?,
            segments: Place::of_generation(SEGMENTS, 13, generation)?,
            statistics: Place::of_generation(STATISTICS, 14, generation)?,
            symbols: SymbolTables::default(),
            checked: Arc::default(),
            names: Arc::default(),
        })
    }

    /// The keyspaces of a generation after this one: the next, or one of those some steps behind it.
    pub(crate) fn after(&self, steps: u16) -> StorageResult<Self> {
        let mut next = Self::new(self.generation + 1 + u64::from(steps))?;
        next.checked = Arc::new(self.checked.anew());
        Ok(next)
    }

    pub(crate) fn permutation(&self, permutation: Permutation) -> &IndexPlaces {
        &self.permutations[permutation.rotation()]
    }

    /// The symbol table of a term's tag.
    pub(crate) fn symbols_of(&self, id: u64) -> Option<&SymbolTable> {
        let tag = TermId::from_raw(id).tag()?;
        self.symbols.of(tag).map(Arc::as_ref)
    }

    /// The keyspaces that belong to this generation.
    pub(crate) fn of_this_generation(&self) -> Vec<&Place> {
        let mut places = Vec::new();
        for index in self.permutations.iter().chain([&self.hashes]) {
            places.push(&index.blocks);
            places.push(&index.summaries);
        }
        places.extend([&self.terms, &self.segments, &self.statistics]);
        places
    }

    /// Every keyspace of the store.
    pub(crate) fn all(&self) -> Vec<&Place> {
        let mut places = vec![&self.root, &self.log];
        places.extend(self.of_this_generation());
        places
    }
}

/// Whether a keyspace name is one that some version of a store could have made.
pub(crate) fn is_ours(keyspace: &Keyspace) -> bool {
    let name = keyspace.as_str();
    name == ROOT || name == LOG || generation_of(name).is_some()
}

fn generation_of(name: &str) -> Option<u64> {
    let (number, role) = name.strip_prefix('g')?.split_once('.')?;
    let known = INDEX_ROLES.iter().flatten().any(|&known| known == role)
        || [TERMS, SEGMENTS, STATISTICS].contains(&role);
    if !known {
        return None;
    }
    u64::from_str_radix(number, 16).ok()
}

/// Creates the keyspaces of a generation, dropping what an earlier, interrupted build left under their names.
pub(crate) fn create_generation<B: StorageBackend>(
    backend: &B,
    places: &Places,
) -> StorageResult<()> {
    let existing = backend.keyspaces()?;
    for place in places.of_this_generation() {
        if existing.contains(&place.keyspace) {
            backend.drop_keyspace(&place.keyspace)?;
        }
        backend.create_keyspace(&place.keyspace)?;
    }
    Ok(())
}

/// Drops the keyspaces of every generation but the given one.
pub(crate) fn sweep_orphans<B: StorageBackend>(backend: &B, generation: u64) -> StorageResult<()> {
    for keyspace in backend.keyspaces()? {
        if generation_of(keyspace.as_str()).is_some_and(|number| number != generation) {
            backend.drop_keyspace(&keyspace)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_their_generation() {
        let places = Places::new(0x2a).expect("the names are legal");
        for place in places.of_this_generation() {
            assert_eq!(generation_of(place.keyspace.as_str()), Some(0x2a));
        }
        assert!(places.all().iter().all(|place| is_ours(&place.keyspace)));
        for foreign in ["data", "g1.unknown", "gx.spoc", "spoc"] {
            assert!(
                !is_ours(&Keyspace::new(foreign).expect("legal")),
                "{foreign}"
            );
        }
    }
}
