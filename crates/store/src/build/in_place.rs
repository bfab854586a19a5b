//! Folds a load into the blocks that the store has, when it touches few of them: then it costs what changed.
//!
//! What flows in: the rows of a load in memory, its new terms, and the commit that it began at. What flows out: one commit
//! of the same generation. What always holds: transactions wait for that commit alone, whose size is bounded; it is as if
//! all quads of the load were inserted then. Where transactions have given ids meanwhile, those of the load are given
//! anew, the transactions' where they have the term.
//!
//! The rows are in no log record, as the blocks hold them. But what the log says was removed would be removed again when
//! it is replayed, so the commit's record mentions those rows that the log does.

use super::named_blanks::NamedBlanks;
use super::progress::{LoadStage, Watch};
use super::sorter::SortedRows;
use crate::context::ReadContext;
use crate::delta::{Delta, TermBytes};
use crate::dictionary::reader::{TermReader, index_hash};
use crate::dictionary::writer::fold_terms;
use crate::index::fold::{Change, fold};
use crate::index::reader::SummaryCursor;
use crate::index::writer::BlockSize;
use crate::keyspaces::{IndexPlaces, Places};
use crate::log::{LogRecord, log_key};
use crate::permutation::{Permutation, Row};
use crate::replay::{each_record, for_differences};
use crate::root::Root;
use crate::snapshot::Snapshot;
use crate::store::{QuadStore, State, put_root};
use crate::term::{
    SERIAL_BLANK_FREE, Tag, TermId, serial_blank, triple_term_bytes, triple_term_ids,
};
use crate::view::View;
use quadrille_backend::{
    StorageBackend, StorageError, StorageResult, StorageSnapshot, Transaction, Wait,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Transactions wait while so many bytes of blocks are read and written anew, and no more: some seconds at the most.
const BYTES_MAX: u64 = 64 << 20;

/// A block that is written anew is read, and its group's summary entry written: so many operations at most, as a
/// summary entry stands for several blocks.
const OPERATIONS_PER_BLOCK: u64 = 3;

/// What is to be folded, in figures.
pub(crate) struct Amount {
    /// New terms.
    pub(crate) terms: u64,
    /// The bytes of the new terms.
    pub(crate) term_bytes: u64,
}

/// Whether rows touch so few blocks that these are better written anew than all. The rows are in the order SPOC before
/// and after.
pub(crate) fn suits<B: StorageBackend>(
    store: &QuadStore<B>,
    base: &Snapshot<B>,
    rows: &mut SortedRows<4>,
    amount: &Amount,
    context: &ReadContext,
) -> StorageResult<bool> {
    let added = rows.rows().len() as u64;
    if added > base.len() {
        return Ok(false);
    }
    let inner = &*base.inner;
    let backend = &store.inner.backend;
    let (mut blocks, mut bytes) = (0, 0);
    let (hash_blocks, hash_bytes) = backend.keyspace_size(&inner.places.hashes.blocks.keyspace)?;
    for index in &inner.places.permutations {
        let (more_blocks, more_bytes) = backend.keyspace_size(&index.blocks.keyspace)?;
        blocks += more_blocks;
        bytes += more_bytes;
    }
    // Hashes are scattered, wherever the terms belong.
    let mut touched = amount.terms.min(hash_blocks);
    let block_bytes = (bytes + hash_bytes) / (blocks + hash_blocks).max(1);
    let row_bytes = (bytes + hash_bytes) / base.len().max(1) + 1;
    let new_bytes = (added * row_bytes).saturating_add(amount.term_bytes);
    let memory = store.inner.options.memory_bytes as u64 / 4;
    let operations = backend.capabilities().batch_operations_max;
    let fits = |touched: u64| {
        let bytes = new_bytes.saturating_add(touched * block_bytes);
        let written = (bytes / block_bytes.max(1)).saturating_mul(OPERATIONS_PER_BLOCK);
        touched < (blocks + hash_blocks) / 2
            && bytes <= memory.min(BYTES_MAX)
            && operations.is_none_or(|most| written <= most as u64)
    };
    let mut suits = fits(touched);
    for permutation in Permutation::ALL {
        if suits {
            let index = inner.places.permutation(permutation);
            touched += blocks_touched(&inner.view, index, rows.rows())?;
            suits = fits(touched);
        } else if permutation == Permutation::Spoc {
            return Ok(false);
        }
        // After the last one they are in the order of the first again.
        rows.rotate(context)?;
    }
    Ok(suits)
}

/// How many blocks ascending rows fall into.
fn blocks_touched<S: StorageSnapshot, const N: usize>(
    view: &View<S>,
    index: &IndexPlaces,
    rows: &[[u64; N]],
) -> StorageResult<u64> {
    let mut cursor = SummaryCursor::<S, N>::new(view, index)?;
    let mut rest = rows;
    let mut touched = 0;
    while let Some(first) = rest.first() {
        if !cursor.seek(first)? {
            return Ok(touched + 1);
        }
        for separator in cursor.summary()?.separators {
            let here = rest.partition_point(|row| *row <= separator);
            touched += u64::from(here > 0);
            rest = &rest[here..];
            if rest.is_empty() {
                break;
            }
        }
    }
    Ok(touched)
}

/// A load that is to be folded in.
pub(crate) struct Loaded<'a, B: StorageBackend> {
    pub(crate) store: &'a QuadStore<B>,
    /// The commit that it began at.
    pub(crate) base: Snapshot<B>,
    /// The ids that it gave.
    pub(crate) root: Root,
    /// Its new terms, ascending by id.
    pub(crate) terms: Vec<(u64, TermBytes)>,
    /// Its blank nodes that are named after none of the user's.
    pub(crate) blanks: NamedBlanks,
    /// Its quads, in the order SPOC.
    pub(crate) rows: SortedRows<4>,
}

/// How much was new.
pub(crate) struct Added {
    pub(crate) quads: u64,
    pub(crate) terms: u64,
}

impl<B: StorageBackend> Loaded<'_, B> {
    /// Folds it in, for a caller whose turn it is to build and who does not hold the writer lock.
    ///
    /// # Errors
    /// `Misuse` when this thread has a transaction open; what the backend fails with. The store is as it was then.
    pub(crate) fn fold_in(mut self, watch: &Watch<'_>) -> StorageResult<Added> {
        let store = self.store;
        let (guard, now) = store.begin(Wait::Forever)?;
        self.reconcile(&now, watch.context())?;
        let quads = new_rows(&now, self.rows.rows())?;
        let added = Added {
            quads: quads.len() as u64,
            terms: self.terms.len() as u64,
        };
        if quads.is_empty() && self.terms.is_empty() {
            return Ok(added);
        }
        let step = Step {
            store,
            base: &now,
            root: self.root,
            delta: now.inner.delta.clone(),
        };
        match step.commit(quads, self.terms, watch) {
            Ok(state) => {
                drop(now);
                store.publish(guard, state);
                Ok(added)
            }
            Err(error) => {
                store.forget_snapshot();
                Err(error)
            }
        }
    }

    /// Makes the ids those of the last commit, and such as follow them.
    fn reconcile(&mut self, now: &Snapshot<B>, context: &ReadContext) -> StorageResult<()> {
        let inner = &*now.inner;
        let given = std::mem::replace(&mut self.root, Root::clone(&inner.root)).next_ids;
        let before = &self.base.inner.root.next_ids;
        if *before == inner.root.next_ids {
            self.root.next_ids = given;
            return Ok(());
        }
        let mut ids = HashMap::new();
        self.rename_blanks(now, &given, &mut ids)?;
        let known = self.terms_since(now)?;
        let mut terms = Vec::new();
        for (id, bytes) in std::mem::take(&mut self.terms) {
            let tag = TermId::from_raw(id).tag().ok_or_else(no_such_tag)?;
            let bytes = match tag {
                Tag::TripleTerm => with_ids(&bytes, &ids)?,
                _ => bytes,
            };
            let here = match known.get(&(tag, Arc::clone(&bytes))) {
                Some(&here) => here,
                None => {
                    let here = self.root.allocate(tag)?.raw();
                    terms.push((here, bytes));
                    here
                }
            };
            ids.insert(id, here);
        }
        self.terms = terms;
        let rows = std::mem::replace(&mut self.rows, SortedRows::of(Vec::new()));
        self.rows = rows.mapped(|id| ids.get(&id).copied().unwrap_or(id), context)?;
        Ok(())
    }

    /// Names the blank nodes of sources anew if transactions have used their names.
    fn rename_blanks(
        &mut self,
        now: &Snapshot<B>,
        given: &BTreeMap<u8, u64>,
        ids: &mut HashMap<u64, u64>,
    ) -> StorageResult<()> {
        let tag = Tag::SerialBlank;
        let next = self.root.next_payload(tag.byte());
        let own = given.get(&tag.byte()).copied().unwrap_or(0);
        self.root.next_ids.insert(tag.byte(), next.max(own));
        let are_all = next > self.base.inner.root.next_payload(tag.byte());
        let is_label = |id: u64| TermId::from_raw(id).tag() == Some(Tag::LabelledBlank);
        let labels = self.terms.iter().filter(|(id, _)| is_label(*id));
        let labels: HashSet<&[u8]> = labels.map(|(_, label)| &**label).collect();
        let inner = &*now.inner;
        let mut reader = TermReader::new(&inner.view, &inner.places);
        let mut is_held = |label: &[u8]| {
            let found = reader.find(&inner.delta, &inner.hasher, Tag::LabelledBlank, label)?;
            Ok(found.is_some() || labels.contains(label))
        };
        for number in self.blanks.iter() {
            // Large numbers are the user's as long as nobody has given them.
            let is_taken = are_all
                || number >= SERIAL_BLANK_FREE
                    && is_held(serial_blank(number).as_str().as_bytes())?;
            if is_taken {
                let here = self.root.allocate_blank_node(&mut is_held)?;
                ids.insert(TermId::from_parts(tag, number).raw(), here.raw());
            }
        }
        Ok(())
    }

    /// The terms that transactions have added since the load began.
    fn terms_since(&self, now: &Snapshot<B>) -> StorageResult<HashMap<(Tag, TermBytes), u64>> {
        let inner = &*now.inner;
        let mut known = HashMap::new();
        let epochs = self.base.epoch() + 1..=now.epoch();
        each_record(&inner.view, &inner.places, epochs, |_, record| {
            for (id, bytes) in record.terms {
                let tag = TermId::from_raw(id).tag().ok_or_else(no_such_tag)?;
                known.insert((tag, bytes), id);
            }
            Ok(())
        })?;
        Ok(known)
    }
}

fn with_ids(bytes: &[u8], ids: &HashMap<u64, u64>) -> StorageResult<TermBytes> {
    let parts = triple_term_ids(bytes)?;
    let parts = parts.map(|part| TermId::from_raw(*ids.get(&part.raw()).unwrap_or(&part.raw())));
    let mut translated = Vec::with_capacity(bytes.len());
    triple_term_bytes(parts, &mut translated);
    Ok(translated.into())
}

fn no_such_tag() -> StorageError {
    StorageError::corrupted("a term's id has no known tag")
}

/// The rows that a commit lacks; all are in the order SPOC.
fn new_rows<B: StorageBackend>(now: &Snapshot<B>, rows: &[Row]) -> StorageResult<Vec<Row>> {
    let inner = &*now.inner;
    let changes = inner.delta.permutation(Permutation::Spoc);
    let places = inner.places.permutation(Permutation::Spoc);
    let mut new = Vec::new();
    let wanted = rows.iter().map(|row| (*row, true));
    for_differences(&inner.view, places, wanted, |row, _| {
        if changes.get(&row) != Some(true) {
            new.push(row);
        }
    })?;
    // The blocks hold them, and they were removed since.
    let removed = changes.range([0; 4], None).filter(|(_, there)| !there);
    let removed = removed.map(|(row, _)| row);
    new.extend(removed.filter(|row| rows.binary_search(row).is_ok()));
    new.sort_unstable();
    Ok(new)
}

/// The commit.
struct Step<'a, B: StorageBackend> {
    store: &'a QuadStore<B>,
    base: &'a Snapshot<B>,
    root: Root,
    delta: Delta,
}

impl<B: StorageBackend> Step<'_, B> {
    fn commit(
        mut self,
        quads: Vec<Row>,
        terms: Vec<(u64, TermBytes)>,
        watch: &Watch<'_>,
    ) -> StorageResult<State> {
        let places = Arc::clone(&self.base.inner.places);
        self.root.epoch += 1;
        self.root.folds += 1;
        self.root.quads += quads.len() as u64;
        let record = self.record(&quads)?;
        self.delta.note_logged(record.inserted.len());
        let mut transaction = self.store.inner.backend.begin()?;
        let (key, record) = (log_key(self.root.epoch), record.encode(self.root.epoch));
        transaction.put(&places.log.keyspace, &key, &record)?;
        self.fold_terms(&mut transaction, &places, terms, watch)?;
        self.fold_quads(&mut transaction, &places, quads, watch)?;
        watch.at(LoadStage::Committing, 0, None)?;
        put_root(&mut transaction, &places, &self.root)?;
        transaction.commit()?;
        Ok(State::new(self.root, places, self.delta))
    }

    /// The record of the commit: the rows of which the log says something else.
    fn record(&self, quads: &[Row]) -> StorageResult<LogRecord> {
        let inner = &*self.base.inner;
        let mut mentioned = BTreeSet::new();
        let epochs = inner.root.log_start + 1..=inner.root.epoch;
        each_record(&inner.view, &inner.places, epochs, |_, record| {
            let removed = record.removed.into_iter();
            mentioned.extend(removed.filter(|row| quads.binary_search(row).is_ok()));
            Ok(())
        })?;
        Ok(LogRecord {
            inserted: mentioned.into_iter().collect(),
            ..LogRecord::default()
        })
    }

    /// Puts the terms into chunks, behind those that stand in the log, and their hashes into blocks.
    fn fold_terms<T: Transaction>(
        &mut self,
        transaction: &mut T,
        places: &Places,
        terms: Vec<(u64, TermBytes)>,
        watch: &Watch<'_>,
    ) -> StorageResult<()> {
        let hasher = &self.base.inner.hasher;
        let mut hashes: Vec<Change<2>> = Vec::with_capacity(terms.len());
        for (id, bytes) in &terms {
            let tag = TermId::from_raw(*id).tag().ok_or_else(no_such_tag)?;
            hashes.push(([index_hash(hasher, tag, bytes), *id], true));
        }
        hashes.sort_unstable();
        watch.at(LoadStage::WritingHashes, 0, Some(hashes.len() as u64))?;
        fold(transaction, &places.hashes, self.block_size(), &hashes)?;
        watch.at(LoadStage::WritingTerms, 0, None)?;
        let logged = self.delta.terms().iter();
        let mut all: BTreeMap<u64, TermBytes> =
            logged.map(|(id, bytes)| (*id, Arc::clone(bytes))).collect();
        all.extend(terms);
        let chunk_bytes = self.root.chunk_bytes;
        fold_terms(transaction, places, hasher, chunk_bytes, all.iter())?;
        self.delta.forget_terms();
        self.root.folded_ids.clone_from(&self.root.next_ids);
        Ok(())
    }

    fn fold_quads<T: Transaction>(
        &mut self,
        transaction: &mut T,
        places: &Places,
        quads: Vec<Row>,
        watch: &Watch<'_>,
    ) -> StorageResult<()> {
        let total = Some(quads.len() as u64);
        let mut rows = SortedRows::of(quads);
        for permutation in Permutation::ALL {
            if permutation != Permutation::Spoc {
                rows.rotate(watch.context())?;
            }
            watch.at(LoadStage::WritingIndex(permutation), 0, total)?;
            let delta = self.delta.permutation_mut(permutation);
            let mut changes: Vec<Change<4>> = Vec::with_capacity(rows.rows().len());
            let mut there = Vec::new();
            for &row in rows.rows() {
                // A pass of folding may have removed it from the blocks of some permutations, and not yet of others.
                match delta.get(&row) {
                    Some(false) => there.push(row),
                    _ => changes.push((row, true)),
                }
            }
            delta.forget(there);
            let index = places.permutation(permutation);
            fold(transaction, index, self.block_size(), &changes)?;
        }
        Ok(())
    }

    fn block_size(&self) -> BlockSize {
        BlockSize {
            bytes_max: self.root.block_bytes as usize,
        }
    }
}
