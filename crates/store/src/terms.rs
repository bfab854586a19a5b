//! Turns ids into terms, and remembers the ones that come again.

use crate::delta::Delta;
use crate::dictionary::reader::TermReader;
use crate::keyspaces::Places;
use crate::snapshot::Snapshot;
use crate::term::{Tag, TermId, term_from_bytes, triple_term_ids};
use crate::view::View;
use oxrdf::{NamedNode, NamedOrBlankNode, Term, TermRef, Triple};
use quadrille_backend::{StorageBackend, StorageError, StorageResult, StorageSnapshot};
use std::sync::Arc;

/// Slots of the cache of decoded terms; a power of two.
const CACHE_SLOTS: usize = 1024;

/// How many terms are decoded in the order of their ids at once: few enough to stay in the processor's cache.
const DECODED_AT_ONCE: usize = 4096;

/// A cache is not worth making for fewer terms than this.
const DECODED_BEFORE_CACHE: usize = 64;

/// Longer terms are not kept: a clone would cost as much as decoding.
const CACHED_BYTES_MAX: usize = 256;

/// A buffer with room for more than this is not kept.
const IDLE_BYTES_MAX: usize = 1 << 16;

/// Triple terms nested deeper than this are refused: decoding recurses.
const NESTING_MAX: usize = 128;

/// Refuses a triple term that is nested too deeply to be read back.
pub(crate) fn check_nesting(mut term: TermRef<'_>) -> StorageResult<()> {
    let mut depth = 0;
    while let TermRef::Triple(triple) = term {
        depth += 1;
        if depth > NESTING_MAX {
            return Err(StorageError::misuse(format!(
                "a triple term is nested more than {NESTING_MAX} deep"
            )));
        }
        term = triple.object.as_ref();
    }
    Ok(())
}

/// What one reader of terms needs, and remembers; a snapshot lends it from a pool.
pub(crate) struct TermAccess<S: StorageSnapshot> {
    pub(crate) reader: TermReader<S>,
    /// By slot, the last id that was decoded there, and its term once the id came a second time.
    cache: Vec<(TermId, Option<Term>)>,
    decoded: usize,
    bytes: Vec<u8>,
}

impl<S: StorageSnapshot> TermAccess<S> {
    pub(crate) fn new(view: &View<S>, places: &Arc<Places>) -> Self {
        Self {
            reader: TermReader::new(view, places),
            cache: Vec::new(),
            decoded: 0,
            bytes: Vec::new(),
        }
    }

    /// Gives back what a long term took.
    pub(crate) fn shrink(&mut self) {
        if self.bytes.capacity() > IDLE_BYTES_MAX {
            self.bytes = Vec::new();
        }
    }

    /// The term of an id that is not inlined.
    fn decode(&mut self, delta: &Delta, id: TermId) -> StorageResult<Term> {
        self.decoded += 1;
        if self.cache.is_empty() && self.decoded > DECODED_BEFORE_CACHE {
            self.cache
                .resize(CACHE_SLOTS, (TermId::DEFAULT_GRAPH, None));
        }
        let slot = slot_of(id);
        let again = match self.cache.get(slot) {
            Some((cached, Some(term))) if *cached == id => return Ok(term.clone()),
            Some((cached, _)) => *cached == id,
            None => false,
        };
        self.bytes.clear();
        let term = decode_stored(&mut self.reader, delta, id, &mut self.bytes, 0)?;
        if let Some(cached) = self.cache.get_mut(slot) {
            let keeps = again && self.bytes.len() <= CACHED_BYTES_MAX;
            *cached = (id, keeps.then(|| term.clone()));
        }
        Ok(term)
    }
}

/// Decodes ids for one iterator.
pub(crate) struct TermDecoder<B: StorageBackend> {
    snapshot: Snapshot<B>,
    /// There until the decoder is dropped.
    access: Option<Box<TermAccess<B::Snapshot>>>,
}

impl<B: StorageBackend> TermDecoder<B> {
    pub(crate) fn new(snapshot: Snapshot<B>) -> Self {
        let access = Some(snapshot.borrow_access());
        Self { snapshot, access }
    }

    /// The term of an id.
    pub(crate) fn decode(&mut self, id: TermId) -> StorageResult<Term> {
        if let Some(term) = id.decode_inline() {
            return Ok(term);
        }
        match &mut self.access {
            Some(access) => access.decode(&self.snapshot.inner.delta, id),
            None => Err(StorageError::misuse("a decoder was used after its end")),
        }
    }
}

impl<B: StorageBackend> Drop for TermDecoder<B> {
    fn drop(&mut self) {
        if let Some(access) = self.access.take() {
            self.snapshot.return_access(access);
        }
    }
}

impl<B: StorageBackend> Snapshot<B> {
    /// The terms of many ids, in their order, in place of what the vector held. Some thousands of ids at a time are looked up
    /// in ascending order, each once, so that terms which share a chunk of the dictionary are found together, however they
    /// are mixed.
    ///
    /// # Errors
    /// As [`decode`](Self::decode) for an id that it fails for; the vector is empty then.
    pub fn decode_all(&self, ids: &[TermId], terms: &mut Vec<Term>) -> StorageResult<()> {
        terms.clear();
        terms.reserve(ids.len());
        let mut access = self.borrow_access();
        let mut parts = ids.chunks(DECODED_AT_ONCE);
        let decoded = parts.try_for_each(|part| self.decode_part(&mut access, part, terms));
        self.return_access(access);
        if decoded.is_err() {
            terms.clear();
        }
        decoded
    }

    fn decode_part(
        &self,
        access: &mut TermAccess<B::Snapshot>,
        ids: &[TermId],
        terms: &mut Vec<Term>,
    ) -> StorageResult<()> {
        let mut found: Vec<Option<Term>> = ids.iter().map(|id| id.decode_inline()).collect();
        let missing = ids.iter().copied().zip(0..);
        let mut places: Vec<(TermId, usize)> = missing
            .filter(|(_, place)| found.get(*place).is_some_and(Option::is_none))
            .collect();
        places.sort_unstable();
        self.decode_ascending(access, &places, &mut found)?;
        terms.extend(found.into_iter().flatten());
        Ok(())
    }

    /// Puts the terms of ids, which ascend, to their places.
    fn decode_ascending(
        &self,
        access: &mut TermAccess<B::Snapshot>,
        places: &[(TermId, usize)],
        found: &mut [Option<Term>],
    ) -> StorageResult<()> {
        for alike in places.chunk_by(|a, b| a.0 == b.0) {
            let Some(((id, first), others)) = alike.split_first() else {
                continue;
            };
            // Without the cache: what comes again comes at once here.
            let TermAccess { reader, bytes, .. } = access;
            bytes.clear();
            let term = decode_stored(reader, &self.inner.delta, *id, bytes, 0)?;
            for (_, place) in others {
                found[*place] = Some(term.clone());
            }
            found[*first] = Some(term);
        }
        Ok(())
    }
}

/// The term of an id, without a cache.
pub(crate) fn decode_term<S: StorageSnapshot>(
    reader: &mut TermReader<S>,
    delta: &Delta,
    id: TermId,
) -> StorageResult<Term> {
    decode_nested(reader, delta, id, 0)
}

fn slot_of(id: TermId) -> usize {
    (id.raw().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize % CACHE_SLOTS
}

fn decode_nested<S: StorageSnapshot>(
    reader: &mut TermReader<S>,
    delta: &Delta,
    id: TermId,
    depth: usize,
) -> StorageResult<Term> {
    match id.decode_inline() {
        Some(term) => Ok(term),
        None => decode_stored(reader, delta, id, &mut Vec::with_capacity(64), depth),
    }
}

fn decode_stored<S: StorageSnapshot>(
    reader: &mut TermReader<S>,
    delta: &Delta,
    id: TermId,
    bytes: &mut Vec<u8>,
    depth: usize,
) -> StorageResult<Term> {
    let tag = match id.tag() {
        Some(Tag::DefaultGraph | Tag::QueryLocal) => {
            return Err(StorageError::misuse(format!(
                "the id {id} is no stored term"
            )));
        }
        Some(tag) if !id.is_inlined() => tag,
        _ => {
            return Err(StorageError::corrupted(format!(
                "no term has the id {:#018x}",
                id.raw()
            )));
        }
    };
    reader.bytes(delta, id.raw(), bytes)?;
    if tag != Tag::TripleTerm {
        return term_from_bytes(tag, bytes);
    }
    if depth >= NESTING_MAX {
        return Err(StorageError::corrupted(
            "a triple term is nested too deeply",
        ));
    }
    let mut part = |id| decode_nested(reader, delta, id, depth + 1);
    let [subject, predicate, object] = triple_term_ids(bytes)?;
    Ok(Triple::new(
        subject_of(part(subject)?)?,
        predicate_of(part(predicate)?)?,
        part(object)?,
    )
    .into())
}

/// A term that stands where a subject or a graph name does.
pub(crate) fn subject_of(term: Term) -> StorageResult<NamedOrBlankNode> {
    match term {
        Term::NamedNode(node) => Ok(node.into()),
        Term::BlankNode(node) => Ok(node.into()),
        other => Err(StorageError::corrupted(format!(
            "{other} stands where an IRI or a blank node must"
        ))),
    }
}

/// A term that stands where a predicate does.
pub(crate) fn predicate_of(term: Term) -> StorageResult<NamedNode> {
    match term {
        Term::NamedNode(node) => Ok(node),
        other => Err(StorageError::corrupted(format!(
            "{other} stands where an IRI must"
        ))),
    }
}
