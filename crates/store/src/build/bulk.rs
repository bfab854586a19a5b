//! The load: quads in any order become a new generation, in bounded memory.
//!
//! Each term is looked up once and gets its id; new terms go straight into chunks, in temporary files. Quads are sorted
//! as ids, in runs that spill to temporary files. What stays in memory for the whole load is one entry of some 40 bytes
//! for each distinct term.

use super::generation::{Additions, Plan, spill_of};
use super::sorter::Sorter;
use crate::dictionary::reader::{TermReader, index_hash};
use crate::dictionary::writer::TermSpill;
use crate::index::writer::RowSource;
use crate::permutation::{Permutation, Row};
use crate::root::Root;
use crate::snapshot::Snapshot;
use crate::store::{QuadStore, Writer};
use crate::term::{TermClass, TermId, classify, serial_blank, term_bytes, triple_term_bytes};
use crate::terms::check_nesting;
use crate::writer_lock::WriterGuard;
use oxrdf::{BlankNode, GraphNameRef, QuadRef, TermRef};
use quadrille_backend::{StorageBackend, StorageResult};
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

/// A load under way; made by [`QuadStore::bulk_load`]. Dropping it leaves no trace.
pub struct BulkLoad<'a, B: StorageBackend> {
    store: &'a QuadStore<B>,
    guard: WriterGuard<'a, Writer>,
    base: Snapshot<B>,
    interner: Interner<B>,
    quads: Sorter<4>,
    read: u64,
}

/// What a load did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadReport {
    /// Quads that were pushed.
    pub quads_read: u64,
    /// Quads that the store did not hold before; the others were duplicates.
    pub quads_new: u64,
    /// Terms that the store did not hold before; inlined ones do not count.
    pub terms_new: u64,
}

impl<'a, B: StorageBackend> BulkLoad<'a, B> {
    pub(crate) fn new(
        store: &'a QuadStore<B>,
        guard: WriterGuard<'a, Writer>,
        base: Snapshot<B>,
    ) -> StorageResult<Self> {
        let options = &store.inner.options;
        Ok(Self {
            store,
            guard,
            interner: Interner::new(store, &base)?,
            base,
            quads: Sorter::new(options.memory_bytes / 2, options.temporary_folder.clone()),
            read: 0,
        })
    }

    /// Adds a quad; one that is there already changes nothing.
    ///
    /// # Errors
    /// `Misuse` when the object is a triple term nested more than 128 deep, `Full` when the disk of the temporary files
    /// is full, `Corrupted`, what the backend fails with.
    pub fn push(&mut self, quad: QuadRef<'_>) -> StorageResult<()> {
        check_nesting(quad.object)?;
        self.read += 1;
        let interner = &mut self.interner;
        let subject = interner.intern(quad.subject.into(), 0)?;
        let predicate = interner.intern(quad.predicate.into(), 1)?;
        let object = interner.intern(quad.object, 2)?;
        let graph = match quad.graph_name {
            GraphNameRef::DefaultGraph => TermId::DEFAULT_GRAPH,
            GraphNameRef::NamedNode(node) => interner.intern(node.into(), 3)?,
            GraphNameRef::BlankNode(node) => interner.intern(node.into(), 3)?,
        };
        self.quads
            .push([subject, predicate, object, graph].map(TermId::raw))
    }

    /// A blank node that no quad of the store uses. It needs no place in the dictionary.
    ///
    /// # Errors
    /// `Full` when all are given.
    pub fn fresh_blank_node(&mut self) -> StorageResult<BlankNode> {
        let id = self.interner.root.allocate(crate::term::Tag::SerialBlank)?;
        Ok(serial_blank(id.payload()))
    }

    /// Writes the indexes and makes all quads visible at once.
    ///
    /// # Errors
    /// As [`push`](Self::push); nothing of the load is visible then.
    pub fn finish(self) -> StorageResult<LoadReport> {
        let Interner {
            root,
            terms,
            hashes,
            ..
        } = self.interner;
        let terms_new = root.terms() - self.base.inner.root.terms();
        let options = &self.store.inner.options;
        // Together with what SPOC's sorter (a half) and the hashes' (an eighth) still hold: all of it.
        let others = [(); 3].map(|()| {
            Some(Sorter::new(
                options.memory_bytes / 8,
                options.temporary_folder.clone(),
            ))
        });
        let mut sorted = SortedQuads {
            spoc: Some(self.quads.finish()?),
            others: Rc::new(RefCell::new(others)),
            hashes: Some(hashes),
        };
        let plan = Plan {
            store: self.store,
            base: &self.base,
            root,
            terms,
            without_graph: None,
        };
        let state = plan.carry_out(&mut sorted)?;
        let report = LoadReport {
            quads_read: self.read,
            quads_new: state.root.quads.saturating_sub(self.base.len()),
            terms_new,
        };
        drop(self.base);
        self.store.publish_generation(self.guard, state);
        Ok(report)
    }
}

type Sorters = Rc<RefCell<[Option<Sorter<4>>; 3]>>;

/// The quads of a load. The other permutations are sorted while SPOC is written, from its distinct rows.
struct SortedQuads {
    spoc: Option<Box<dyn RowSource<4>>>,
    others: Sorters,
    hashes: Option<Sorter<2>>,
}

impl Additions for SortedQuads {
    fn rows(&mut self, permutation: Permutation) -> StorageResult<Option<Box<dyn RowSource<4>>>> {
        if permutation == Permutation::Spoc {
            return Ok(self.spoc.take().map(|source| -> Box<dyn RowSource<4>> {
                Box::new(Distributed {
                    source,
                    others: Rc::clone(&self.others),
                })
            }));
        }
        let sorter = self.others.borrow_mut()[permutation.rotation() - 1].take();
        sorter.map(Sorter::finish).transpose()
    }

    fn hash_rows(&mut self) -> StorageResult<Option<Box<dyn RowSource<2>>>> {
        self.hashes.take().map(Sorter::finish).transpose()
    }
}

/// Rows in the order SPOC, which are also given to the sorters of the other permutations.
struct Distributed {
    source: Box<dyn RowSource<4>>,
    others: Sorters,
}

impl RowSource<4> for Distributed {
    fn fill(&mut self, rows: &mut Vec<Row>) -> StorageResult<bool> {
        let before = rows.len();
        if !self.source.fill(rows)? {
            return Ok(false);
        }
        let [_, permutations @ ..] = Permutation::ALL;
        let mut others = self.others.borrow_mut();
        for (sorter, permutation) in others.iter_mut().flatten().zip(permutations) {
            for &row in &rows[before..] {
                sorter.push(permutation.permute(row))?;
            }
        }
        Ok(true)
    }
}

/// A hasher for keys that are hashes already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 ^= u64::from_le_bytes(word);
        }
    }
}

/// Gives every term of a load its id.
struct Interner<B: StorageBackend> {
    base: Snapshot<B>,
    reader: TermReader<B::Snapshot>,
    base_has_terms: bool,
    root: Root,
    /// The ids by the 128-bit keyed hash of tag and bytes: wide enough to stand for the term.
    ids: HashMap<u128, TermId, BuildHasherDefault<Identity>>,
    terms: TermSpill,
    hashes: Sorter<2>,
    bytes: Vec<u8>,
    /// The hash and id of the last term in each position: it often comes again.
    last: [Option<(Vec<u8>, crate::term::Tag, TermId)>; 4],
}

impl<B: StorageBackend> Interner<B> {
    fn new(store: &QuadStore<B>, base: &Snapshot<B>) -> StorageResult<Self> {
        let options = &store.inner.options;
        let inner = &*base.inner;
        Ok(Self {
            reader: TermReader::new(&inner.view, &inner.places),
            base_has_terms: inner.root.terms() > 0,
            root: Root::clone(&inner.root),
            ids: HashMap::default(),
            terms: spill_of(store, base)?,
            hashes: Sorter::new(options.memory_bytes / 8, options.temporary_folder.clone()),
            bytes: Vec::new(),
            last: [const { None }; 4],
            base: base.clone(),
        })
    }

    fn intern(&mut self, term: TermRef<'_>, position: usize) -> StorageResult<TermId> {
        let tag = match classify(term) {
            TermClass::Inline(id) => {
                self.root.note_inlined(id);
                return Ok(id);
            }
            TermClass::Dictionary(tag) => tag,
        };
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        if let TermRef::Triple(triple) = term {
            let subject = self.intern(triple.subject.as_ref().into(), 0)?;
            let predicate = self.intern(triple.predicate.as_ref().into(), 1)?;
            let object = self.intern(triple.object.as_ref(), 2)?;
            triple_term_bytes([subject, predicate, object], &mut bytes);
        } else {
            term_bytes(term, &mut bytes);
        }
        let id = match &self.last[position] {
            Some((last, last_tag, id)) if *last_tag == tag && *last == bytes => *id,
            _ => {
                let id = self.intern_bytes(tag, &bytes)?;
                let mut kept = self.last[position]
                    .take()
                    .map_or_else(Vec::new, |(kept, ..)| kept);
                kept.clear();
                kept.extend_from_slice(&bytes);
                self.last[position] = Some((kept, tag, id));
                id
            }
        };
        self.bytes = bytes;
        Ok(id)
    }

    fn intern_bytes(&mut self, tag: crate::term::Tag, bytes: &[u8]) -> StorageResult<TermId> {
        let hasher = &self.base.inner.hasher;
        let hash = hasher.hash128(tag, bytes);
        if let Some(&id) = self.ids.get(&hash) {
            return Ok(id);
        }
        if self.base_has_terms {
            let delta = &self.base.inner.delta;
            if let Some(id) = self.reader.find(delta, hasher, tag, bytes)? {
                let id = TermId::from_raw(id);
                self.ids.insert(hash, id);
                return Ok(id);
            }
        }
        let id = self.root.allocate(tag)?;
        self.hashes
            .push([index_hash(hasher, tag, bytes), id.raw()])?;
        self.terms.push(id, tag, bytes)?;
        self.ids.insert(hash, id);
        Ok(id)
    }
}
