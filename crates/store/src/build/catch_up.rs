//! Brings what transactions committed while a generation was written into that generation.
//!
//! What flows in: a generation that holds what some commit held, and what a load added; the log records of the commits
//! since. What flows out: the generation as the store's, holding what the last commit held, and what the load added. What
//! always holds: it is as if the load had come last, so a quad that was removed meanwhile and that the load holds is there.
//!
//! The load and the transactions gave ids without knowing of each other: one number may be two terms, and one term may
//! have two numbers. As ids are of a generation, the terms of the transactions get theirs anew: that of the load when it
//! has the term, else one behind the load's.

use super::generation::{Replaced, Written, commit};
use super::merge::Duplicates;
use super::named_blanks::NamedBlanks;
use crate::delta::{Delta, TermBytes};
use crate::dictionary::reader::{TermReader, index_hash};
use crate::folding::{FoldTarget, Folding, TERM_BYTES_MAX};
use crate::keyspaces::Places;
use crate::log::{LogRecord, log_key};
use crate::permutation::{Permutation, Row};
use crate::replay::{each_record, for_differences};
use crate::root::Root;
use crate::snapshot::Snapshot;
use crate::store::{State, put_root, trim_log};
use crate::term::{
    Tag, TagKind, TermId, serial_blank_of_bytes, triple_term_bytes, triple_term_ids,
};
use crate::view::View;
use quadrille_backend::{StorageBackend, StorageError, StorageResult, Transaction};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

/// Makes a generation the store's, for a caller whose turn it is to build.
///
/// # Errors
/// `Misuse` when this thread has a transaction open; what the backend fails with. The store is as it was then.
pub(super) fn publish<B: StorageBackend>(written: Written<'_, B>) -> StorageResult<Replaced> {
    let store = written.store;
    let since = written.base.epoch();
    let mut catch_up = None;
    // Most of it while writers go on.
    let early = store.snapshot()?;
    if early.epoch() > since {
        catch_up.insert(CatchUp::new(&written)?).take(&early)?;
    }
    drop(early);
    let (guard, now) = store.begin(quadrille_backend::Wait::Forever)?;
    let before = Arc::clone(&now.inner.root);
    let cleared = match written.without_graph {
        Some(graph) => now.count_ids([None, None, None, Some(TermId::from_raw(graph))])?,
        None => 0,
    };
    if catch_up.is_none() && before.epoch > since {
        catch_up = Some(CatchUp::new(&written)?);
    }
    let state = match catch_up {
        Some(mut catch_up) => {
            catch_up.take(&now)?;
            catch_up.commit(written, &before)?
        }
        None => commit(store, written.places, written.root, &before)?,
    };
    drop(now);
    let after = Arc::clone(&state.root);
    store.publish_generation(guard, state);
    Ok(Replaced {
        before,
        after,
        cleared,
    })
}

/// What the transactions changed, in the ids of the new generation.
struct CatchUp<B: StorageBackend> {
    base: Snapshot<B>,
    /// The commits up to this one are in it.
    epoch: u64,
    places: Arc<Places>,
    view: View<B::Snapshot>,
    reader: TermReader<B::Snapshot>,
    blanks: NamedBlanks,
    /// The new generation's root, with the ids given here.
    root: Root,
    /// The terms that the new generation lacked, and their hashes.
    delta: Delta,
    terms: Vec<(u64, TermBytes)>,
    /// The ids of the transactions that are not those here.
    ids: HashMap<u64, u64>,
    /// The quads that the transactions left there (`true`) or absent.
    outcome: BTreeMap<Row, bool>,
}

impl<B: StorageBackend> CatchUp<B> {
    fn new(written: &Written<'_, B>) -> StorageResult<Self> {
        let snapshot = written.store.inner.backend.snapshot()?;
        let places = Arc::new(written.places.clone());
        let view = View::new(snapshot, Arc::clone(&places.checked));
        Ok(Self {
            base: written.base.clone(),
            epoch: written.base.epoch(),
            reader: TermReader::new(&view, &places),
            places,
            view,
            blanks: written.blanks.clone(),
            root: written.root.clone(),
            delta: Delta::default(),
            terms: Vec::new(),
            ids: HashMap::new(),
            outcome: BTreeMap::new(),
        })
    }

    /// Takes the commits up to a snapshot's.
    fn take(&mut self, now: &Snapshot<B>) -> StorageResult<()> {
        let inner = &*now.inner;
        let blank = Tag::SerialBlank.byte();
        // Blank nodes are named anew behind those that anybody has named.
        let next = inner.root.next_payload(blank);
        let next = next.max(self.root.next_payload(blank));
        self.root.next_ids.insert(blank, next);
        let epochs = self.epoch + 1..=inner.root.epoch;
        each_record(&inner.view, &inner.places, epochs, |epoch, record| {
            self.epoch = epoch;
            self.take_record(record)
        })
    }

    fn take_record(&mut self, record: LogRecord) -> StorageResult<()> {
        // The parts of a triple term come before it: their tags are lower, or they got their ids earlier.
        for (id, bytes) in record.terms {
            let here = self.intern(TermId::from_raw(id), bytes)?;
            self.ids.insert(id, here);
        }
        for (rows, present) in [(record.inserted, true), (record.removed, false)] {
            for mut row in rows {
                for word in &mut row {
                    *word = self.translate(*word)?;
                }
                self.outcome.insert(row, present);
            }
        }
        Ok(())
    }

    /// The id of a transaction's term in the new generation.
    fn intern(&mut self, id: TermId, mut bytes: TermBytes) -> StorageResult<u64> {
        let tag = id.tag().ok_or_else(unknown)?;
        if tag == Tag::TripleTerm {
            let mut parts = triple_term_ids(&bytes)?;
            for part in &mut parts {
                *part = TermId::from_raw(self.translate(part.raw())?);
            }
            let mut translated = Vec::with_capacity(bytes.len());
            triple_term_bytes(parts, &mut translated);
            bytes = translated.into();
        }
        let hasher = &self.base.inner.hasher;
        if let Some(id) = self.reader.find(&self.delta, hasher, tag, &bytes)? {
            return Ok(id);
        }
        if serial_blank_of_bytes(tag, &bytes).is_some_and(|node| self.is_of_load(node)) {
            return self.name_anew();
        }
        let hash = index_hash(hasher, tag, &bytes);
        let id = self.root.allocate(tag)?.raw();
        self.delta.add_term_bytes(id, Arc::clone(&bytes));
        self.delta.hashes.insert([hash, id]);
        self.terms.push((id, bytes));
        Ok(id)
    }

    fn translate(&mut self, id: u64) -> StorageResult<u64> {
        let term = TermId::from_raw(id);
        let is_old = term.payload() < self.base.inner.root.next_payload(term.tag_byte());
        match term.tag() {
            Some(tag) if tag.kind() == TagKind::Dictionary && !is_old => {
                self.ids.get(&id).copied().ok_or_else(unknown)
            }
            Some(Tag::SerialBlank) if self.is_of_load(term) => {
                if let Some(&here) = self.ids.get(&id) {
                    return Ok(here);
                }
                let here = self.name_anew()?;
                self.ids.insert(id, here);
                Ok(here)
            }
            _ => Ok(id),
        }
    }

    /// Whether a name that the user gave to a node is one that the load gave to a node of its own.
    fn is_of_load(&self, node: TermId) -> bool {
        self.blanks.contains(node.payload())
    }

    /// Another name for a node of the user's.
    fn name_anew(&mut self) -> StorageResult<u64> {
        let (reader, delta) = (&mut self.reader, &self.delta);
        let hasher = &self.base.inner.hasher;
        let here = self.root.allocate_blank_node(|label| {
            let found = reader.find(delta, hasher, Tag::LabelledBlank, label)?;
            Ok(found.is_some())
        })?;
        self.blanks.note(here.payload());
        Ok(here.raw())
    }

    /// The quads that the generation holds and should not, or the reverse.
    fn differences(
        &mut self,
        duplicates: Option<Duplicates<4>>,
        without_graph: Option<u64>,
    ) -> StorageResult<LogRecord> {
        let mut rows = Vec::new();
        for (row, present) in std::mem::take(&mut self.outcome) {
            let counts = match present {
                true => Some(row[3]) != without_graph,
                // What the base lacked is there only if the load holds it.
                false => self.base.contains_row(&row)?,
            };
            if counts {
                rows.push((row, present));
            }
        }
        if rows.iter().any(|(_, present)| !present)
            && let Some(duplicates) = duplicates
        {
            keep_duplicates(&mut rows, duplicates)?;
        }
        let mut changes = LogRecord::default();
        let places = self.places.permutation(Permutation::Spoc);
        for_differences(&self.view, places, rows, |row, present| match present {
            true => changes.inserted.push(row),
            false => changes.removed.push(row),
        })?;
        Ok(changes)
    }

    /// Commits the generation with the changes, as the state after `old`.
    fn commit(mut self, written: Written<'_, B>, old: &Root) -> StorageResult<State> {
        let store = written.store;
        let mut record = self.differences(written.duplicates, written.without_graph)?;
        record.terms = std::mem::take(&mut self.terms);
        record.terms.sort_unstable_by_key(|(id, _)| *id);
        let (mut root, mut delta) = (self.root, self.delta);
        record.inserted.iter().for_each(|row| delta.insert(*row));
        record.removed.iter().for_each(|row| delta.remove(*row));
        root.quads = root.quads + record.inserted.len() as u64 - record.removed.len() as u64;
        root.epoch = old.epoch + 1;
        root.log_start = root.epoch;
        let changes = record.inserted.len() + record.removed.len();
        let mut transaction = store.inner.backend.begin()?;
        trim_log(&mut transaction, &self.places, old.log_start, old.epoch)?;
        let is_large =
            changes >= store.inner.options.delta_quads_max || delta.term_bytes() >= TERM_BYTES_MAX;
        if is_large {
            let mut target = FoldTarget {
                transaction: &mut transaction,
                places: &self.places,
                hasher: &self.base.inner.hasher,
                log_needed_from: 0,
            };
            Folding::default().fold_all(&mut target, &mut delta, &mut root, changes)?;
        } else if changes > 0 || !record.terms.is_empty() {
            let record = record.encode(root.epoch);
            let key = log_key(root.epoch);
            transaction.put(&self.places.log.keyspace, &key, &record)?;
            root.log_start -= 1;
            delta.note_logged(changes);
        }
        put_root(&mut transaction, &self.places, &root)?;
        transaction.commit()?;
        Ok(State::new(root, self.places, delta))
    }
}

/// Takes the removals of quads out that the load holds.
fn keep_duplicates(rows: &mut [(Row, bool)], duplicates: Duplicates<4>) -> StorageResult<()> {
    let Some(duplicates) = Rc::into_inner(duplicates) else {
        return Err(StorageError::misuse("a merge is still under way"));
    };
    let mut source = duplicates.into_inner().finish()?;
    let mut batch = Vec::new();
    while source.fill(&mut batch)? {
        for row in batch.drain(..) {
            if let Ok(place) = rows.binary_search_by_key(&row, |(row, _)| *row) {
                rows[place].1 = true;
            }
        }
    }
    Ok(())
}

fn unknown() -> StorageError {
    StorageError::corrupted("the log mentions a term that it does not hold")
}
