//! Looks terms up, both ways: id → term in the chunks, term → id by its hash.
//!
//! Terms of the last commits stand in the log and are in the delta; all others are in the keyspaces of the generation.

use super::{Chunk, ChunkEntry};
use crate::bytes::row_of;
use crate::checksum::{self, CHECKSUM_BYTES};
use crate::delta::Delta;
use crate::index::reader::BlockCursor;
use crate::keyspaces::{Place, Places};
use crate::term::{
    Tag, TermClass, TermHasher, TermId, classify, serial_blank_of_bytes, term_bytes,
    triple_term_bytes,
};
use crate::view::{PooledCursor, View};
use oxrdf::TermRef;
use quadrille_backend::{StorageCursor, StorageError, StorageResult, StorageSnapshot};
use std::sync::Arc;

/// Terms of more bytes than this live in segments, outside the chunks.
pub(crate) const LONG_TERM_BYTES: usize = 2048;

/// The bytes of one segment of a long term.
pub(crate) const SEGMENT_BYTES: usize = 1 << 16;

/// How many bits of a term's hash the index keeps; each costs a bit a term. Among a thousand million terms, a look-up
/// meets another one than the term it wants once in four times.
const HASH_BITS: u32 = 32;

/// The hash of a term as the index keeps it.
pub(crate) fn index_hash(hasher: &TermHasher, tag: Tag, bytes: &[u8]) -> u64 {
    hasher.hash64(tag, bytes) >> (64 - HASH_BITS)
}

/// The digest that a chunk keeps of a long term.
pub(crate) fn digest(hasher: &TermHasher, tag: Tag, bytes: &[u8]) -> [u8; 16] {
    hasher.hash128(tag, bytes).to_le_bytes()
}

/// The key of a segment: the term's id and the segment's number.
pub(crate) fn segment_key(id: u64, number: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&id.to_be_bytes());
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

/// A position in the chunks. Reading terms whose ids are close costs one seek for many.
pub(crate) struct ChunkCursor<S: StorageSnapshot> {
    cursor: PooledCursor<S>,
    place: Place,
    /// The chunk at the position, its first and its last id.
    current: Option<(Chunk, u64, u64)>,
    /// Whether the entry at the position is a chunk that does not hold.
    damaged: bool,
}

impl<S: StorageSnapshot> ChunkCursor<S> {
    pub(crate) fn new(view: &View<S>, places: &Places) -> StorageResult<Self> {
        Ok(Self {
            cursor: view.cursor(&places.terms)?,
            place: places.terms.clone(),
            current: None,
            damaged: false,
        })
    }

    /// Moves to the chunk that holds an id; its place in the chunk, or `None` when no chunk holds it.
    pub(crate) fn seek(&mut self, id: u64) -> StorageResult<Option<usize>> {
        if let Some((_, first, last)) = &self.current
            && (*first..=*last).contains(&id)
        {
            return Ok(usize::try_from(id - first).ok());
        }
        // Also when the seek fails, there is no chunk at the position any more.
        self.current = None;
        let found = self.cursor.seek(&id.to_be_bytes())?;
        self.damaged = true;
        self.load(found)?;
        self.damaged = false;
        Ok(match &self.current {
            Some((_, first, last)) if (*first..=*last).contains(&id) => {
                usize::try_from(id - first).ok()
            }
            _ => None,
        })
    }

    /// The last id of the chunk at the cursor when the chunk itself is not to be read.
    pub(crate) fn damaged_key(&self) -> Option<u64> {
        let (key, _) = self.cursor.entry()?;
        row_of::<1>(key).map(|[last]| last).filter(|_| self.damaged)
    }

    /// Reads the chunk at the cursor, unless the entry is a symbol table.
    fn load(&mut self, found: bool) -> StorageResult<()> {
        self.current = None;
        let entry = self
            .cursor
            .entry()
            .filter(|(key, _)| found && key.len() > 1);
        let Some((key, value)) = entry else {
            return Ok(());
        };
        let located = |error: StorageError| error.in_keyspace(&self.place.keyspace).at_key(key);
        let bytes = self.cursor.view().open(&self.place, key, value)?;
        let chunk = Chunk::parse(bytes).map_err(located)?;
        let [last] = row_of::<1>(key)
            .ok_or_else(|| located(StorageError::corrupted("a chunk's key is not an id")))?;
        let first = last
            .checked_add(1)
            .and_then(|behind| behind.checked_sub(chunk.len() as u64))
            .filter(|first| !chunk.is_empty() && first >> 56 == last >> 56)
            .ok_or_else(|| located(StorageError::corrupted("a chunk holds too many terms")))?;
        self.current = Some((chunk, first, last));
        Ok(())
    }

    /// The chunk at the position, its bytes, and its first and last id.
    pub(crate) fn chunk(&self) -> Option<(&Chunk, &[u8], u64, u64)> {
        let (chunk, first, last) = self.current.as_ref()?;
        let (_, value) = self.cursor.entry()?;
        let bytes = value.get(..value.len() - CHECKSUM_BYTES)?;
        Some((chunk, bytes, *first, *last))
    }
}

/// The cursors of a reader: a number that divides the tags of dictionary terms with different remainders.
const CURSORS: usize = 18;

/// A cursor for each tag, so that the terms of a quad, each of which is often close to the same of the quad before, do not
/// take each other's place.
struct ChunkCursors<S: StorageSnapshot>([Option<Box<ChunkCursor<S>>>; CURSORS]);

/// A term in its chunk: the chunk, its bytes, the place in it.
type Found<'a> = (&'a Chunk, &'a [u8], usize);

impl<S: StorageSnapshot> ChunkCursors<S> {
    /// The chunk that holds an id.
    fn find(&mut self, view: &View<S>, places: &Places, id: u64) -> StorageResult<Found<'_>> {
        let slot = &mut self.0[usize::from(TermId::from_raw(id).tag_byte()) % CURSORS];
        let chunks = match slot {
            Some(chunks) => chunks,
            None => slot.insert(Box::new(ChunkCursor::new(view, places)?)),
        };
        let found = chunks.seek(id)?.zip(chunks.chunk());
        let (index, (chunk, bytes, ..)) = found.ok_or_else(|| {
            StorageError::corrupted(format!("no term has the id {}", TermId::from_raw(id)))
                .in_keyspace(&places.terms.keyspace)
                .at_key(&id.to_be_bytes())
        })?;
        Ok((chunk, bytes, index))
    }
}

/// Reads term bytes; keeps its cursors between look-ups.
pub(crate) struct TermReader<S: StorageSnapshot> {
    view: View<S>,
    places: Arc<Places>,
    chunks: ChunkCursors<S>,
    hashes: Option<BlockCursor<S, 2>>,
}

impl<S: StorageSnapshot> TermReader<S> {
    pub(crate) fn new(view: &View<S>, places: &Arc<Places>) -> Self {
        Self {
            view: view.clone(),
            places: Arc::clone(places),
            chunks: ChunkCursors([const { None }; CURSORS]),
            hashes: None,
        }
    }

    /// Appends the bytes of the term with a dictionary id.
    pub(crate) fn bytes(&mut self, delta: &Delta, id: u64, out: &mut Vec<u8>) -> StorageResult<()> {
        if let Some(bytes) = delta.term(id) {
            out.extend_from_slice(bytes);
            return Ok(());
        }
        let (chunk, bytes, index) = self.chunks.find(&self.view, &self.places, id)?;
        match chunk.get(bytes, index, self.places.symbols_of(id), out)? {
            ChunkEntry::Inline => Ok(()),
            ChunkEntry::Long { length, .. } => {
                read_segments(&self.view, &self.places, id, length, out)
            }
        }
    }

    /// The id of a term; `None` when neither the chunks nor the delta hold it.
    pub(crate) fn find_term(
        &mut self,
        delta: &Delta,
        hasher: &TermHasher,
        term: TermRef<'_>,
    ) -> StorageResult<Option<TermId>> {
        let tag = match classify(term) {
            TermClass::Inline(id) => return Ok(Some(id)),
            TermClass::Dictionary(tag) => tag,
        };
        let mut bytes = Vec::with_capacity(64);
        if let TermRef::Triple(triple) = term {
            let parts: [TermRef<'_>; 3] = [
                triple.subject.as_ref().into(),
                triple.predicate.as_ref().into(),
                triple.object.as_ref(),
            ];
            let mut ids = [TermId::DEFAULT_GRAPH; 3];
            for (id, part) in ids.iter_mut().zip(parts) {
                match self.find_term(delta, hasher, part)? {
                    Some(found) => *id = found,
                    None => return Ok(None),
                }
            }
            triple_term_bytes(ids, &mut bytes);
        } else {
            term_bytes(term, &mut bytes);
        }
        let found = self.find(delta, hasher, tag, &bytes)?.map(TermId::from_raw);
        // No quad holds a number that the store has not given.
        Ok(found.or_else(|| serial_blank_of_bytes(tag, &bytes)))
    }

    /// The dictionary id of a term's bytes.
    pub(crate) fn find(
        &mut self,
        delta: &Delta,
        hasher: &TermHasher,
        tag: Tag,
        bytes: &[u8],
    ) -> StorageResult<Option<u64>> {
        let hash = index_hash(hasher, tag, bytes);
        let start = [hash, 0];
        let mut change = delta.hashes.first_from(&start);
        while let Some(([other, id], inserted)) = change.filter(|([other, _], _)| *other == hash) {
            if inserted && self.is_term(delta, hasher, id, tag, bytes)? {
                return Ok(Some(id));
            }
            let next = id.checked_add(1).map(|behind| [other, behind]);
            change = next.and_then(|next| delta.hashes.first_from(&next));
        }
        let mut hashes = match self.hashes.take() {
            Some(hashes) => hashes,
            None => BlockCursor::new(&self.view, &self.places.hashes.blocks)?,
        };
        let mut found = hashes.seek(&start)?;
        let mut result = None;
        'blocks: while found {
            let Some((block, bytes_of_block)) = hashes.block() else {
                break;
            };
            let rows = block.prefix_range(bytes_of_block, &[hash]);
            let goes_on = rows.end == block.len();
            for row in rows {
                let id = block.get(bytes_of_block, row, 1);
                if self.is_term(delta, hasher, id, tag, bytes)? {
                    result = Some(id);
                    break 'blocks;
                }
            }
            found = goes_on && hashes.next()?;
        }
        self.hashes = Some(hashes);
        Ok(result)
    }

    fn is_term(
        &mut self,
        delta: &Delta,
        hasher: &TermHasher,
        id: u64,
        tag: Tag,
        bytes: &[u8],
    ) -> StorageResult<bool> {
        if TermId::from_raw(id).tag() != Some(tag) {
            return Ok(false);
        }
        if let Some(term) = delta.term(id) {
            return Ok(**term == *bytes);
        }
        let (chunk, chunk_bytes, index) = self.chunks.find(&self.view, &self.places, id)?;
        let symbols = self.places.symbols_of(id);
        if bytes.len() <= LONG_TERM_BYTES {
            return chunk.equals(chunk_bytes, index, symbols, bytes);
        }
        let mut inline = Vec::new();
        Ok(match chunk.get(chunk_bytes, index, symbols, &mut inline)? {
            ChunkEntry::Inline => false,
            ChunkEntry::Long {
                length,
                digest: kept,
            } => length == bytes.len() as u64 && kept == digest(hasher, tag, bytes),
        })
    }
}

/// Appends a long term, segment by segment.
pub(crate) fn read_segments<S: StorageSnapshot>(
    view: &View<S>,
    places: &Places,
    id: u64,
    length: u64,
    out: &mut Vec<u8>,
) -> StorageResult<()> {
    let place = &places.segments;
    let mut cursor = view.cursor(place)?;
    let mut left = usize::try_from(length)
        .map_err(|_| StorageError::corrupted("a term is longer than memory"))?;
    let mut number = 0;
    while left > 0 {
        let key = segment_key(id, number);
        let located = |error: StorageError| error.in_keyspace(&place.keyspace).at_key(&key);
        let found = cursor.seek(&key)?;
        let (_, value) = cursor
            .entry()
            .filter(|entry| found && entry.0 == key)
            .ok_or_else(|| {
                located(StorageError::corrupted(
                    "a segment of a long term is missing",
                ))
            })?;
        let segment = checksum::open(place.role, &key, value).map_err(located)?;
        if segment.len() != left.min(SEGMENT_BYTES) {
            return Err(located(StorageError::corrupted(
                "a segment of a long term has the wrong length",
            )));
        }
        out.extend_from_slice(segment);
        left -= segment.len();
        number += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::QuadStore;
    use crate::term::{TagKind, term_bytes};
    use oxrdf::{GraphName, NamedNode, Quad};
    use quadrille_backend::InMemoryBackend;
    use std::collections::{BTreeSet, HashMap};

    #[test]
    fn every_dictionary_tag_has_a_cursor_of_its_own() {
        let tags: Vec<_> = Tag::all()
            .filter(|tag| tag.kind() == TagKind::Dictionary)
            .map(|tag| usize::from(tag.byte()) % CURSORS)
            .collect();
        assert_eq!(tags.iter().collect::<BTreeSet<_>>().len(), tags.len());
    }

    fn node(number: usize) -> NamedNode {
        NamedNode::new(format!("http://example.org/{number}")).unwrap()
    }

    /// Two nodes that the hash index cannot tell apart.
    fn colliding(hasher: &TermHasher) -> [NamedNode; 2] {
        let mut seen = HashMap::new();
        let mut bytes = Vec::new();
        for number in 0.. {
            let node = node(number);
            let TermClass::Dictionary(tag) = classify(node.as_ref().into()) else {
                continue;
            };
            bytes.clear();
            term_bytes(node.as_ref().into(), &mut bytes);
            if let Some(other) = seen.insert(index_hash(hasher, tag, &bytes), number) {
                return [self::node(other), node];
            }
        }
        unreachable!("there are more nodes than hashes")
    }

    #[test]
    fn terms_with_the_same_hash_are_told_apart() {
        let store = QuadStore::open(InMemoryBackend::new()).unwrap();
        let pair = colliding(&store.snapshot().unwrap().inner.hasher);
        let quad = |subject: &NamedNode| {
            Quad::new(
                subject.clone(),
                node(0),
                subject.clone(),
                GraphName::DefaultGraph,
            )
        };
        let quads = pair.each_ref().map(quad);
        let expect = |held: [bool; 2]| {
            assert_eq!(quads.each_ref().map(|q| store.contains(q).unwrap()), held);
            assert!(store.verify().unwrap().is_sound());
        };
        expect([false, false]);
        store.insert(&quads[0]).unwrap();
        expect([true, false]);
        store.flush().unwrap();
        expect([true, false]);
        store.insert(&quads[1]).unwrap();
        expect([true, true]);
        store.compact().unwrap();
        expect([true, true]);
        store.remove(&quads[0]).unwrap();
        expect([false, true]);
    }
}
