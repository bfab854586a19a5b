//! Quads on their way into a load, by the batch: which terms a batch holds, and its quads by them.
//!
//! What flows in: terms, each once or more often, and quads of them. What flows out: to [`BulkLoad::add`], the hash and
//! bytes of each term and the quads as numbers. What always holds: a batch knows the store's hash key and nothing else of
//! the store, so any thread makes one while another adds; ids are given when it is added, in the order of its terms.
//!
//! [`BulkLoad::add`]: super::bulk::BulkLoad::add

use crate::permutation::Row;
use crate::term::{
    Tag, TermClass, TermHasher, TermId, classify, term_bytes, triple_term_bytes, triple_term_ids,
};
use crate::terms::check_nesting;
use oxrdf::{GraphNameRef, NamedOrBlankNodeRef, QuadRef, TermRef};
use quadrille_backend::{StorageError, StorageResult};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Whose blank nodes a batch holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BlankNodes {
    /// Those of one source of the load, by its number: the store names them, and equal labels of one number are one node.
    OfSource(u64),
    /// Labels mean what they mean in the store: a label that it knows is the node that it knows.
    AsWritten,
}

/// A term of a [`QuadBatch`]: good for that batch, until it is cleared.
///
/// It is an id where the term is inlined. An id of a query is never stored, so its tag is free to mark what has no id
/// yet: below it stand the tag that the id will have and, in 32 bits, the place among the batch's terms.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct BatchTerm(u64);

/// The bits of a place among the batch's terms.
const PLACE_BITS: u32 = 32;

impl BatchTerm {
    /// The place for the graph of quads in the default graph.
    pub const DEFAULT_GRAPH: Self = Self(TermId::DEFAULT_GRAPH.raw());

    fn entry(tag: Tag, place: usize) -> StorageResult<Self> {
        match u32::try_from(place) {
            Ok(place) => {
                let payload = u64::from(tag.byte()) << PLACE_BITS | u64::from(place);
                Ok(Self(TermId::from_parts(Tag::QueryLocal, payload).raw()))
            }
            Err(_) => Err(StorageError::misuse("a batch of 2^32 terms is too large")),
        }
    }

    /// The place among the batch's terms, of one that has no id yet.
    #[inline]
    fn place(self) -> Option<usize> {
        let id = TermId::from_raw(self.0);
        (id.tag_byte() == Tag::QueryLocal.byte()).then_some(id.payload() as u32 as usize)
    }

    /// The tag of the id that the term has or will have.
    #[inline]
    fn tag_byte(self) -> u8 {
        match self.place() {
            Some(_) => (self.0 >> PLACE_BITS) as u8,
            None => TermId::from_raw(self.0).tag_byte(),
        }
    }
}

/// In which of the four positions of a quad the terms of a tag may stand, a bit each.
const POSITIONS: [u8; 256] = {
    const OBJECT: u8 = 1 << 2;
    let mut positions = [OBJECT; 256];
    positions[Tag::Iri.byte() as usize] = 0b1111;
    positions[Tag::SerialBlank.byte() as usize] = 0b1101;
    positions[Tag::LabelledBlank.byte() as usize] = 0b1101;
    positions[Tag::DefaultGraph.byte() as usize] = 0b1000;
    positions
};

/// How much a batch held at some time; made by [`QuadBatch::mark`].
#[derive(Clone, Copy, Debug)]
pub struct BatchMark {
    entries: usize,
    bytes: usize,
    quads: usize,
    blank_node_max: Option<TermId>,
}

/// A term that gets its id when the batch is added.
#[derive(Clone, Debug)]
pub(crate) struct BatchEntry {
    /// Stands for the term; of a triple term nothing, as its parts have no ids yet.
    pub(crate) hash: u128,
    pub(crate) tag: Tag,
    /// The term's byte form, in the batch's bytes; of a blank node that the store names there is none.
    pub(crate) bytes: Range<usize>,
}

/// Quads by their terms, ready to be added to a load.
///
/// ```
/// use oxrdf::{GraphNameRef, NamedNodeRef, QuadRef};
/// use quadrille_backend::InMemoryBackend;
/// use quadrille_store::{BlankNodes, QuadStore};
///
/// let store = QuadStore::open(InMemoryBackend::new())?;
/// let mut batch = store.quad_batch()?;
/// let node = NamedNodeRef::new_unchecked("http://example.org/a");
/// batch.push(QuadRef::new(node, node, node, GraphNameRef::DefaultGraph), BlankNodes::AsWritten)?;
/// let mut load = store.bulk_load()?;
/// load.add(&batch)?;
/// assert_eq!(load.finish()?.quads_new, 1);
/// # Ok::<(), quadrille_store::StorageError>(())
/// ```
pub struct QuadBatch {
    hasher: TermHasher,
    entries: Vec<BatchEntry>,
    bytes: Vec<u8>,
    quads: Vec<Row>,
    /// Terms by quick hashes, for those who do not tell terms apart themselves. Of terms that share one, the last is known.
    known: HashMap<u64, BatchTerm, BuildHasherDefault<Identity>>,
    /// The seed of the quick hashes, secret as the key is.
    seed: u64,
    /// The largest inlined id of a blank node.
    blank_node_max: Option<TermId>,
    scratch: Vec<u8>,
}

impl QuadBatch {
    pub(crate) fn new(hasher: TermHasher) -> Self {
        Self {
            hasher,
            entries: Vec::new(),
            bytes: Vec::new(),
            quads: Vec::new(),
            known: HashMap::default(),
            seed: hasher.hash128(Tag::QueryLocal, b"terms of a batch") as u64,
            blank_node_max: None,
            scratch: Vec::new(),
        }
    }

    /// Forgets all quads and terms, and keeps the memory they took.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.bytes.clear();
        self.quads.clear();
        self.known.clear();
        self.blank_node_max = None;
    }

    /// What the batch holds now, to go back to.
    #[must_use]
    #[inline]
    pub fn mark(&self) -> BatchMark {
        BatchMark {
            entries: self.entries.len(),
            bytes: self.bytes.len(),
            quads: self.quads.len(),
            blank_node_max: self.blank_node_max,
        }
    }

    /// Forgets the quads and terms that came after a mark of this batch, which was not cleared since. These terms are no
    /// longer good.
    pub fn go_back_to(&mut self, mark: &BatchMark) {
        self.entries.truncate(mark.entries);
        self.bytes.truncate(mark.bytes);
        self.quads.truncate(mark.quads);
        self.blank_node_max = mark.blank_node_max;
        // What is known of them stays: whoever finds it compares it with the entry that stands there then.
    }

    /// The number of quads.
    #[must_use]
    pub fn len(&self) -> usize {
        self.quads.len()
    }

    /// Whether there is no quad.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.quads.is_empty()
    }

    /// Adds a term that is neither a blank node of a source nor a triple term. It may have been added before: the load
    /// then looks it up once more, which is all the harm.
    ///
    /// # Errors
    /// `Misuse` for a triple term, and from 2^32 terms on.
    #[inline]
    pub fn term(&mut self, term: TermRef<'_>) -> StorageResult<BatchTerm> {
        match classify(term) {
            TermClass::Inline(id) => Ok(self.inlined(id)),
            TermClass::Dictionary(Tag::TripleTerm) => Err(StorageError::misuse(
                "a triple term is pushed with its quad",
            )),
            TermClass::Dictionary(tag) => {
                let start = self.bytes.len();
                term_bytes(term, &mut self.bytes);
                let hash = self.hasher.hash128(tag, &self.bytes[start..]);
                self.entry(hash, tag, start)
            }
        }
    }

    /// Adds a blank node by its label.
    ///
    /// # Errors
    /// As [`term`](Self::term).
    pub fn blank_node(&mut self, label: &str, scope: BlankNodes) -> StorageResult<BatchTerm> {
        match scope {
            BlankNodes::AsWritten => self.term(oxrdf::BlankNodeRef::new_unchecked(label).into()),
            BlankNodes::OfSource(source) => {
                let hash = self.hash_of_blank_node(label, source);
                self.entry(hash, Tag::SerialBlank, self.bytes.len())
            }
        }
    }

    /// Adds a quad of terms of this batch: subject, predicate, object and graph.
    ///
    /// # Errors
    /// `Misuse` when a term cannot stand where it does, such as a literal as a subject, or [`BatchTerm::DEFAULT_GRAPH`]
    /// elsewhere than for the graph.
    #[inline]
    pub fn quad(&mut self, terms: [BatchTerm; 4]) -> StorageResult<()> {
        let [subject, predicate, object, graph] =
            terms.map(|term| POSITIONS[usize::from(term.tag_byte())]);
        if (subject & 1) & (predicate >> 1) & (object >> 2) & (graph >> 3) == 0 {
            return Err(misplaced(terms));
        }
        self.quads.push(terms.map(|term| term.0));
        Ok(())
    }

    /// Adds a quad with its terms, each kept once.
    ///
    /// # Errors
    /// `Misuse` when the object is a triple term nested more than 128 deep, and from 2^32 terms on.
    pub fn push(&mut self, quad: QuadRef<'_>, scope: BlankNodes) -> StorageResult<()> {
        let graph = match quad.graph_name {
            GraphNameRef::DefaultGraph => BatchTerm::DEFAULT_GRAPH,
            GraphNameRef::NamedNode(node) => self.known(node.into(), scope)?,
            GraphNameRef::BlankNode(node) => self.known(node.into(), scope)?,
        };
        self.push_in(quad, scope, graph)
    }

    /// Adds a quad as [`push`](Self::push) does, but in another graph than its own.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_in(
        &mut self,
        quad: QuadRef<'_>,
        scope: BlankNodes,
        graph: BatchTerm,
    ) -> StorageResult<()> {
        check_nesting(quad.object)?;
        let subject = self.known(quad.subject.into(), scope)?;
        let predicate = self.known(quad.predicate.into(), scope)?;
        let object = self.known(quad.object, scope)?;
        self.quad([subject, predicate, object, graph])
    }

    /// Adds a term unless it is there. Triple terms recurse; their depth was checked.
    fn known(&mut self, term: TermRef<'_>, scope: BlankNodes) -> StorageResult<BatchTerm> {
        if let TermRef::Triple(triple) = term {
            let subject: NamedOrBlankNodeRef<'_> = triple.subject.as_ref();
            let parts = [
                self.known(subject.into(), scope)?,
                self.known(triple.predicate.as_ref().into(), scope)?,
                self.known(triple.object.as_ref(), scope)?,
            ];
            return self.triple_term(parts);
        }
        if let (TermRef::BlankNode(node), BlankNodes::OfSource(source)) = (term, scope) {
            let hash = self.hash_of_blank_node(node.as_str(), source);
            return self.known_by_hash(Tag::SerialBlank, hash);
        }
        let tag = match classify(term) {
            TermClass::Inline(id) => return Ok(self.inlined(id)),
            TermClass::Dictionary(tag) => tag,
        };
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        term_bytes(term, &mut bytes);
        let found = self.known_by_bytes(tag, &bytes);
        self.scratch = bytes;
        found
    }

    /// Told apart by their bytes, so that the keyed hash is taken of each term once. Whoever finds terms that share a quick
    /// hash has won nothing: they are added again, as if they were not known.
    fn known_by_bytes(&mut self, tag: Tag, bytes: &[u8]) -> StorageResult<BatchTerm> {
        let quick = xxh3_64_with_seed(bytes, self.seed ^ u64::from(tag.byte()));
        if let Some(&term) = self.known.get(&quick)
            && let Some(entry) = self.entry_of(term)
            && entry.tag == tag
            && self.bytes_of(entry) == bytes
        {
            return Ok(term);
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        let term = self.entry(self.hasher.hash128(tag, bytes), tag, start)?;
        self.known.insert(quick, term);
        Ok(term)
    }

    fn known_by_hash(&mut self, tag: Tag, hash: u128) -> StorageResult<BatchTerm> {
        if let Some(&term) = self.known.get(&(hash as u64))
            && let Some(entry) = self.entry_of(term)
            && (entry.tag, entry.hash) == (tag, hash)
        {
            return Ok(term);
        }
        let term = self.entry(hash, tag, self.bytes.len())?;
        self.known.insert(hash as u64, term);
        Ok(term)
    }

    /// A triple term of terms of this batch. Its bytes are, until the parts have ids, those of their places.
    fn triple_term(&mut self, parts: [BatchTerm; 3]) -> StorageResult<BatchTerm> {
        let start = self.bytes.len();
        let parts = parts.map(|part| TermId::from_raw(part.0));
        triple_term_bytes(parts, &mut self.bytes);
        self.entry(0, Tag::TripleTerm, start)
    }

    fn inlined(&mut self, id: TermId) -> BatchTerm {
        if id.tag_byte() == Tag::SerialBlank.byte() {
            self.blank_node_max = self.blank_node_max.max(Some(id));
        }
        BatchTerm(id.raw())
    }

    fn entry(&mut self, hash: u128, tag: Tag, start: usize) -> StorageResult<BatchTerm> {
        let term = BatchTerm::entry(tag, self.entries.len())?;
        self.entries.push(BatchEntry {
            hash,
            tag,
            bytes: start..self.bytes.len(),
        });
        Ok(term)
    }

    fn hash_of_blank_node(&mut self, label: &str, source: u64) -> u128 {
        self.scratch.clear();
        self.scratch.extend_from_slice(&source.to_le_bytes());
        self.scratch.extend_from_slice(label.as_bytes());
        self.hasher.hash128(Tag::SerialBlank, &self.scratch)
    }

    fn entry_of(&self, term: BatchTerm) -> Option<&BatchEntry> {
        self.entries.get(term.place()?)
    }

    /// The terms that need ids, parts before what they are part of.
    pub(crate) fn entries(&self) -> &[BatchEntry] {
        &self.entries
    }

    pub(crate) fn bytes_of(&self, entry: &BatchEntry) -> &[u8] {
        &self.bytes[entry.bytes.clone()]
    }

    /// The largest blank node of the store's naming that the quads mention.
    pub(crate) fn blank_node_max(&self) -> Option<TermId> {
        self.blank_node_max
    }

    /// The quads as ids, once all entries have theirs; `Misuse` for one of terms that the batch does not have any more.
    pub(crate) fn rows<'a>(
        &'a self,
        ids: &'a [TermId],
    ) -> impl Iterator<Item = StorageResult<Row>> + 'a {
        self.quads.iter().map(move |quad| {
            let mut row = *quad;
            for term in &mut row {
                *term = resolve(*term, ids)?.raw();
            }
            Ok(row)
        })
    }

    pub(crate) fn is_of(&self, hasher: &TermHasher) -> bool {
        // A keyed hash of anything tells the keys apart.
        self.hasher.hash128(Tag::Iri, b"") == hasher.hash128(Tag::Iri, b"")
    }
}

/// The bytes of a triple term, its parts being resolved.
pub(crate) fn resolved_triple_term(
    bytes: &[u8],
    ids: &[TermId],
    out: &mut Vec<u8>,
) -> StorageResult<()> {
    out.clear();
    let mut parts = triple_term_ids(bytes)?;
    for part in &mut parts {
        *part = resolve(part.raw(), ids)?;
    }
    triple_term_bytes(parts, out);
    Ok(())
}

#[inline]
fn resolve(term: u64, ids: &[TermId]) -> StorageResult<TermId> {
    let Some(place) = BatchTerm(term).place() else {
        return Ok(TermId::from_raw(term));
    };
    let known = ids.get(place).copied();
    known.ok_or_else(|| StorageError::misuse("a term is of another batch"))
}

/// Says which term of a quad cannot stand where it does.
#[cold]
fn misplaced(terms: [BatchTerm; 4]) -> StorageError {
    let names = ["subject", "predicate", "object", "graph"];
    let at = (0..4).find(|&at| POSITIONS[usize::from(terms[at].tag_byte())] >> at & 1 == 0);
    let (name, term) = at.map_or(("part", terms[0]), |at| (names[at], terms[at]));
    let tag = Tag::from_byte(term.tag_byte()).map_or("unknown", Tag::name);
    StorageError::misuse(format!(
        "a term of the kind {tag} cannot be the {name} of a quad"
    ))
}

/// A hasher for keys that are hashes already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 ^= u64::from_le_bytes(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxrdf::{BlankNodeRef, LiteralRef, NamedNodeRef};

    fn batch() -> QuadBatch {
        QuadBatch::new(TermHasher::new(&[7; 16]))
    }

    #[test]
    fn a_term_of_pushed_quads_is_kept_once() {
        let mut batch = batch();
        let node = NamedNodeRef::new_unchecked("http://example.org/node");
        let text = LiteralRef::new_simple_literal("http://example.org/node");
        let blank = BlankNodeRef::new_unchecked("b");
        for source in [0, 0, 1] {
            for object in [TermRef::from(node), text.into(), blank.into()] {
                let quad = QuadRef::new(node, node, object, GraphNameRef::DefaultGraph);
                let scope = BlankNodes::OfSource(source);
                batch.push(quad, scope).expect("few terms");
            }
        }
        let tags: Vec<Tag> = batch.entries().iter().map(|entry| entry.tag).collect();
        let blank = Tag::SerialBlank;
        assert_eq!(tags[..1], [Tag::Iri]);
        assert_eq!(tags.len(), 4, "an IRI, a text, a blank node of each source");
        assert_eq!(tags.iter().filter(|tag| **tag == blank).count(), 2);
    }

    #[test]
    fn terms_that_share_a_quick_hash_are_told_apart() {
        let mut batch = batch();
        let first = batch
            .known_by_bytes(Tag::Iri, b"http://example.org/1")
            .expect("few terms");
        let shared = *batch.known.keys().next().expect("it is known");
        let second = batch
            .known_by_bytes(Tag::Iri, b"http://example.org/2")
            .expect("few terms");
        batch.known.insert(shared, second);
        let again = batch
            .known_by_bytes(Tag::Iri, b"http://example.org/1")
            .expect("few terms");
        let bytes = batch.bytes_of(batch.entry_of(again).expect("it has no id yet"));
        assert_eq!(bytes, b"http://example.org/1");
        assert!(first != second && again != second);
    }
}
