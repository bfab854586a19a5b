//! Checks the dictionary: no id without a term, no term that its hash does not find, no stray segment.

use super::{Findings, Fingerprint, apply_changes, index};
use crate::dictionary::ChunkEntry;
use crate::dictionary::reader::{ChunkCursor, SEGMENT_BYTES, digest, index_hash, read_segments};
use crate::root::FIRST_PAYLOAD;
use crate::snapshot::Snapshot;
use crate::term::{Tag, TagKind, TermId, term_from_bytes, triple_term_ids};
use quadrille_backend::{StorageBackend, StorageCursor, StorageError, StorageResult};
use std::collections::BTreeMap;

/// What the chunks and the delta hold, as rows of the hash index.
pub(super) struct Terms {
    hashes: Fingerprint,
}

/// Walks all chunks. Every dictionary id that the root record counts as folded must be in one.
pub(super) fn verify_terms<B: StorageBackend>(
    snapshot: &Snapshot<B>,
    findings: &mut Findings,
) -> StorageResult<Terms> {
    let mut walk = Walk {
        snapshot,
        hashes: Fingerprint::default(),
        segments: 0,
        bytes: Vec::new(),
    };
    for tag in Tag::all().filter(|tag| tag.kind() == TagKind::Dictionary) {
        walk.tag(tag, findings)?;
    }
    walk.log_terms(findings)?;
    walk.count_segments(findings)?;
    Ok(Terms {
        hashes: walk.hashes,
    })
}

struct Walk<'a, B: StorageBackend> {
    snapshot: &'a Snapshot<B>,
    hashes: Fingerprint,
    segments: u64,
    bytes: Vec<u8>,
}

impl<B: StorageBackend> Walk<'_, B> {
    fn tag(&mut self, tag: Tag, findings: &mut Findings) -> StorageResult<()> {
        let inner = &*self.snapshot.inner;
        let place = &inner.places.terms;
        let end = TermId::from_parts(tag, inner.root.folded_payload(tag.byte())).raw();
        let mut id = TermId::from_parts(tag, FIRST_PAYLOAD).raw();
        let mut chunks = ChunkCursor::new(&inner.view, &inner.places)?;
        while id < end {
            let sought = chunks.seek(id);
            let found = findings.check(place, sought)?;
            // Behind the last chunk of a tag, the seek ends at another tag's.
            let of_this_tag = |last: &u64| TermId::from_raw(*last).tag_byte() == tag.byte();
            let Some((chunk, bytes, first, last)) =
                chunks.chunk().filter(|(.., last)| of_this_tag(last))
            else {
                let (key, behind) = match chunks.damaged_key().filter(of_this_tag) {
                    Some(last) => (last, last + 1),
                    None => (end - 1, end),
                };
                if found.is_some() {
                    let message = format!("no chunk holds the terms from {}", TermId::from_raw(id));
                    findings.add(place, Some(&key.to_be_bytes()), message);
                }
                id = behind;
                continue;
            };
            if first != id {
                let message = format!("the terms from {} are missing", TermId::from_raw(id));
                findings.add(place, Some(&(first - 1).to_be_bytes()), message);
            }
            for index in 0..chunk.len() {
                self.bytes.clear();
                let id = first + index as u64;
                let symbols = inner.places.symbols_of(id);
                let entry = chunk.get(bytes, index, symbols, &mut self.bytes);
                let checked = entry.and_then(|entry| self.term(tag, id, entry));
                let located = checked.map_err(|error| error.at_key(&last.to_be_bytes()));
                findings.check(place, located)?;
                findings.report.terms += 1;
            }
            id = last + 1;
        }
        self.stray_chunks(tag, end, findings)
    }

    /// The terms that stand in the log: one for each id that the root record gave away and did not fold yet.
    fn log_terms(&mut self, findings: &mut Findings) -> StorageResult<()> {
        let inner = &*self.snapshot.inner;
        let place = &inner.places.log;
        let mut counts: BTreeMap<u8, u64> = BTreeMap::new();
        for (&id, bytes) in inner.delta.terms() {
            let id = TermId::from_raw(id);
            let given =
                inner.root.folded_payload(id.tag_byte())..inner.root.next_payload(id.tag_byte());
            let tag = id.tag().filter(|tag| tag.kind() == TagKind::Dictionary);
            let Some(tag) = tag.filter(|_| given.contains(&id.payload())) else {
                let message = format!(
                    "the log holds a term under the id {id}, which the root record did not give"
                );
                findings.add(place, None, message);
                continue;
            };
            *counts.entry(tag.byte()).or_default() += 1;
            findings.check(place, self.check_bytes(tag, id, bytes))?;
            let row = [index_hash(&inner.hasher, tag, bytes), id.raw()];
            self.hashes.add(&row);
        }
        for tag in Tag::all().filter(|tag| tag.kind() == TagKind::Dictionary) {
            let folded = inner.root.folded_payload(tag.byte());
            let expected = inner.root.next_payload(tag.byte()).saturating_sub(folded);
            let found = counts.get(&tag.byte()).copied().unwrap_or(0);
            if found != expected {
                let message = format!(
                    "the log holds {found} terms of the kind {}; the root record counts {expected}",
                    tag.name()
                );
                findings.add(place, None, message);
            }
        }
        Ok(())
    }

    /// Whether the bytes are those of a term of the tag.
    fn check_bytes(&self, tag: Tag, id: TermId, bytes: &[u8]) -> StorageResult<()> {
        if tag != Tag::TripleTerm {
            return term_from_bytes(tag, bytes).map(drop);
        }
        for part in triple_term_ids(bytes)? {
            if !self.snapshot.is_known(part) {
                return Err(StorageError::corrupted(format!(
                    "the triple term {id} holds an unknown id"
                )));
            }
        }
        Ok(())
    }

    /// Chunks behind the last id that the root record knows.
    fn stray_chunks(&self, tag: Tag, end: u64, findings: &mut Findings) -> StorageResult<()> {
        let inner = &*self.snapshot.inner;
        let place = &inner.places.terms;
        let mut cursor = inner.view.cursor(place)?;
        let found = cursor.seek(&end.to_be_bytes())?;
        if let Some((key, _)) = cursor
            .entry()
            .filter(|(key, _)| found && key.len() > 1 && key.first() == Some(&tag.byte()))
        {
            findings.add(
                place,
                Some(key),
                "a chunk holds terms that the root record does not know",
            );
        }
        Ok(())
    }

    fn term(&mut self, tag: Tag, id: u64, entry: ChunkEntry) -> StorageResult<()> {
        let inner = &*self.snapshot.inner;
        if let ChunkEntry::Long {
            length,
            digest: kept,
        } = entry
        {
            read_segments(&inner.view, &inner.places, id, length, &mut self.bytes)?;
            self.segments += length.div_ceil(SEGMENT_BYTES as u64);
            if digest(&inner.hasher, tag, &self.bytes) != kept {
                return Err(StorageError::corrupted(format!(
                    "the digest of the long term {} does not match",
                    TermId::from_raw(id)
                )));
            }
        }
        self.check_bytes(tag, TermId::from_raw(id), &self.bytes)?;
        self.hashes
            .add(&[index_hash(&inner.hasher, tag, &self.bytes), id]);
        Ok(())
    }

    fn count_segments(&self, findings: &mut Findings) -> StorageResult<()> {
        let place = &self.snapshot.inner.places.segments;
        let mut cursor = self.snapshot.inner.view.cursor(place)?;
        let mut count = 0;
        let mut found = cursor.seek(&[])?;
        while found {
            count += 1;
            found = cursor.next()?;
        }
        if count != self.segments {
            let message = format!(
                "{count} segments are there; the chunks name {}",
                self.segments
            );
            findings.add(place, None, message);
        }
        Ok(())
    }
}

/// The hash index must hold one row for each term, and no other.
pub(super) fn verify_hashes<B: StorageBackend>(
    snapshot: &Snapshot<B>,
    terms: Terms,
    findings: &mut Findings,
) -> StorageResult<()> {
    let inner = &*snapshot.inner;
    let places = &inner.places.hashes;
    let mut sum = Fingerprint::default();
    index::verify_index(&inner.view, places, findings, |_, _, rows: &[[u64; 2]]| {
        for row in rows {
            sum.add(row);
        }
    })?;
    apply_changes(&mut sum, &inner.delta.hashes, |row| *row);
    if sum != terms.hashes {
        let message = format!(
            "the hash index holds {} rows that are not those of the {} terms",
            sum.rows, terms.hashes.rows
        );
        findings.add(&places.blocks, None, message);
    }
    Ok(())
}
