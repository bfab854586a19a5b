//! The write transaction of a store.

use crate::build::generation;
use crate::delta::{ChangeSet, Delta, TermBytes};
use crate::dictionary::reader::{TermReader, index_hash};
use crate::folding::FoldTarget;
use crate::log::{LogRecord, log_key};
use crate::pattern::QuadPattern;
use crate::permutation::{Permutation, Row};
use crate::quads::QuadIter;
use crate::root::{ROOT_KEY, Root};
use crate::snapshot::Snapshot;
use crate::store::{QuadStore, State, Writer, put_root};
use crate::term::{TermClass, TermHasher, TermId, classify, term_bytes, triple_term_bytes};
use crate::terms::{TermAccess, check_nesting};
use crate::writer_lock::WriterGuard;
use oxrdf::{GraphNameRef, QuadRef, TermRef};
use quadrille_backend::{StorageBackend, StorageError, StorageResult, Transaction};
use std::sync::Arc;

/// The one write transaction of a store. It reads its own writes; nothing is visible to others before
/// [`commit`](Self::commit) returns, and then all of it is. Dropping it rolls back.
///
/// Changes are kept in memory until the commit, some 300 bytes a quad; for more than some hundred thousand quads use
/// [`QuadStore::bulk_load`].
pub struct StoreTransaction<'a, B: StorageBackend> {
    store: &'a QuadStore<B>,
    guard: WriterGuard<'a, Writer>,
    base: Snapshot<B>,
    access: Option<Box<TermAccess<B::Snapshot>>>,
    root: Root,
    delta: Delta,
    /// What this transaction changes against its base, in the order SPOC.
    changes: ChangeSet<4>,
    terms: Vec<(u64, TermBytes)>,
}

impl<'a, B: StorageBackend> StoreTransaction<'a, B> {
    pub(crate) fn new(
        store: &'a QuadStore<B>,
        guard: WriterGuard<'a, Writer>,
        base: Snapshot<B>,
    ) -> Self {
        Self {
            store,
            guard,
            access: None,
            root: Root::clone(&base.inner.root),
            delta: base.inner.delta.clone(),
            base,
            changes: ChangeSet::default(),
            terms: Vec::new(),
        }
    }

    pub(crate) fn into_parts(self) -> (WriterGuard<'a, Writer>, Snapshot<B>) {
        (self.guard, self.base)
    }

    /// Inserts a quad; whether it is new.
    ///
    /// # Errors
    /// `Misuse` when the object is a triple term nested more than 128 deep, `Corrupted`, `Full` when the ids of a kind of term are used up, what the backend fails with.
    pub fn insert<'q>(&mut self, quad: impl Into<QuadRef<'q>>) -> StorageResult<bool> {
        let quad = quad.into();
        check_nesting(quad.object)?;
        let mut is_new = false;
        let row = self.row_of(quad, |transaction, term| {
            transaction.intern(term, &mut is_new).map(Some)
        })?;
        let Some(row) = row else {
            return Ok(false);
        };
        // A quad with a term that was unknown cannot be there.
        if !is_new && self.contains_row(&row)? {
            return Ok(false);
        }
        self.delta.insert(row);
        self.changes.insert(row);
        self.root.quads += 1;
        Ok(true)
    }

    /// Removes a quad; whether it was there.
    ///
    /// # Errors
    /// `Corrupted`, what the backend fails with.
    pub fn remove<'q>(&mut self, quad: impl Into<QuadRef<'q>>) -> StorageResult<bool> {
        let row = self.row_of(quad.into(), |transaction, term| transaction.find(term))?;
        match row {
            Some(row) => self.remove_row(row),
            None => Ok(false),
        }
    }

    pub(crate) fn remove_row(&mut self, row: Row) -> StorageResult<bool> {
        if !self.contains_row(&row)? {
            return Ok(false);
        }
        self.root.quads = self.root.quads.checked_sub(1).ok_or_else(|| {
            StorageError::corrupted("the root record counts fewer quads than there are")
                .in_keyspace(&self.base.inner.places.root.keyspace)
                .at_key(ROOT_KEY)
        })?;
        self.delta.remove(row);
        self.changes.remove(row);
        Ok(true)
    }

    fn contains_row(&self, row: &Row) -> StorageResult<bool> {
        match self.delta.permutation(Permutation::Spoc).get(row) {
            Some(inserted) => Ok(inserted),
            None => self.base.blocks_contain(Permutation::Spoc, row),
        }
    }

    fn row_of(
        &mut self,
        quad: QuadRef<'_>,
        mut id_of: impl FnMut(&mut Self, TermRef<'_>) -> StorageResult<Option<TermId>>,
    ) -> StorageResult<Option<Row>> {
        let graph: Option<TermRef<'_>> = match quad.graph_name {
            GraphNameRef::DefaultGraph => None,
            GraphNameRef::NamedNode(node) => Some(node.into()),
            GraphNameRef::BlankNode(node) => Some(node.into()),
        };
        let terms = [
            Some(quad.subject.into()),
            Some(quad.predicate.into()),
            Some(quad.object),
            graph,
        ];
        let mut row = [TermId::DEFAULT_GRAPH.raw(); 4];
        for (position, (word, term)) in row.iter_mut().zip(terms).enumerate() {
            let Some(term) = term else {
                continue;
            };
            let name = match term {
                TermRef::NamedNode(node) if position % 2 == 1 => Some(node),
                _ => None,
            };
            if let Some(id) = name.and_then(|name| self.base.remembered(name)) {
                *word = id.raw();
                continue;
            }
            let Some(id) = id_of(self, term)? else {
                return Ok(None);
            };
            *word = id.raw();
            if let Some(name) = name {
                self.base.remember(name, id);
            }
        }
        Ok(Some(row))
    }

    fn find(&mut self, term: TermRef<'_>) -> StorageResult<Option<TermId>> {
        self.with_reader(|reader, delta, hasher| reader.find_term(delta, hasher, term))
    }

    fn find_bytes(&mut self, tag: crate::term::Tag, bytes: &[u8]) -> StorageResult<Option<TermId>> {
        let found =
            self.with_reader(|reader, delta, hasher| reader.find(delta, hasher, tag, bytes));
        Ok(found?.map(TermId::from_raw))
    }

    /// Looks something up among the base's terms and the transaction's own; the reader is kept for the next look-up.
    fn with_reader<T>(
        &mut self,
        look_up: impl FnOnce(&mut TermReader<B::Snapshot>, &Delta, &TermHasher) -> StorageResult<T>,
    ) -> StorageResult<T> {
        let inner = &self.base.inner;
        let base = &self.base;
        let access = self.access.get_or_insert_with(|| base.borrow_access());
        look_up(&mut access.reader, &self.delta, &inner.hasher)
    }

    /// The id of a term, a new one if need be; sets `is_new` then.
    fn intern(&mut self, term: TermRef<'_>, is_new: &mut bool) -> StorageResult<TermId> {
        let tag = match classify(term) {
            TermClass::Inline(id) => {
                self.root.note_inlined(id);
                return Ok(id);
            }
            TermClass::Dictionary(tag) => tag,
        };
        let mut bytes = Vec::with_capacity(64);
        if let TermRef::Triple(triple) = term {
            let subject = self.intern(triple.subject.as_ref().into(), is_new)?;
            let predicate = self.intern(triple.predicate.as_ref().into(), is_new)?;
            let object = self.intern(triple.object.as_ref(), is_new)?;
            triple_term_bytes([subject, predicate, object], &mut bytes);
        } else {
            term_bytes(term, &mut bytes);
        }
        let found = self.find_bytes(tag, &bytes)?;
        if let Some(id) = found.or_else(|| self.root.given_blank_node(tag, &bytes)) {
            return Ok(id);
        }
        *is_new = true;
        let id = self.root.allocate(tag)?;
        let hash = index_hash(&self.base.inner.hasher, tag, &bytes);
        let bytes: TermBytes = bytes.into();
        self.delta.add_term_bytes(id.raw(), Arc::clone(&bytes));
        self.delta.hashes.insert([hash, id.raw()]);
        self.terms.push((id.raw(), bytes));
        Ok(id)
    }

    /// A view of the transaction as it stands: its own writes over the commit that it began at. Later writes do not
    /// show in it.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<B> {
        let inner = &self.base.inner;
        Snapshot::new(
            inner.view.clone(),
            Arc::clone(&inner.places),
            Arc::new(self.root.clone()),
            self.delta.clone(),
            Arc::default(),
        )
    }

    /// Whether a quad is there, own writes included.
    ///
    /// # Errors
    /// As [`Snapshot::contains`].
    pub fn contains<'q>(&self, quad: impl Into<QuadRef<'q>>) -> StorageResult<bool> {
        self.snapshot().contains(quad)
    }

    /// The quads that match a pattern, own writes included.
    ///
    /// # Errors
    /// As [`Snapshot::match_quads`].
    pub fn match_quads(&self, pattern: &QuadPattern) -> StorageResult<QuadIter<B>> {
        self.snapshot().match_quads(pattern)
    }

    /// How many quads match a pattern, own writes included; exact.
    ///
    /// # Errors
    /// As [`Snapshot::count`].
    pub fn count(&self, pattern: &QuadPattern) -> StorageResult<u64> {
        self.snapshot().count(pattern)
    }

    /// The number of quads, own writes included.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.root.quads
    }

    /// Whether there is no quad, own writes included.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes all changes visible and durable at once. A transaction that changes nothing writes nothing.
    ///
    /// # Errors
    /// What the backend fails with; nothing of the transaction is visible then, and the store goes on as before.
    pub fn commit(self) -> StorageResult<()> {
        let store = self.store;
        let result = self.commit_changes();
        if result.is_err() {
            store.forget_snapshot();
        }
        result
    }

    fn commit_changes(mut self) -> StorageResult<()> {
        if self.changes.is_empty() && self.terms.is_empty() {
            return Ok(());
        }
        let delta_quads_max = self.store.inner.options.delta_quads_max;
        if self.changes.len() > delta_quads_max {
            return self.commit_generation();
        }
        let places = Arc::clone(&self.base.inner.places);
        let mut folding = self.guard.folding.clone();
        self.root.epoch += 1;
        let record = self.record().encode(self.root.epoch);
        let mut transaction = self.store.inner.backend.begin()?;
        transaction.put(&places.log.keyspace, &log_key(self.root.epoch), &record)?;
        folding.step(
            &mut FoldTarget {
                transaction: &mut transaction,
                places: &places,
                hasher: &self.base.inner.hasher,
            },
            &mut self.delta,
            &mut self.root,
            self.changes.len(),
            delta_quads_max,
        )?;
        put_root(&mut transaction, &places, &self.root)?;
        transaction.commit()?;
        self.guard.folding = folding;
        let state = State {
            root: Arc::new(self.root),
            places,
            delta: self.delta,
        };
        self.store.publish(self.guard, state);
        Ok(())
    }

    fn commit_generation(self) -> StorageResult<()> {
        let snapshot = self.snapshot();
        let next = generation::rewrite(self.store, &snapshot)?;
        self.store.publish_generation(self.guard, next);
        Ok(())
    }

    fn record(&mut self) -> LogRecord {
        let mut record = LogRecord {
            terms: std::mem::take(&mut self.terms),
            ..LogRecord::default()
        };
        record.terms.sort_unstable_by_key(|(id, _)| *id);
        for (row, inserted) in self.changes.range([0; 4], None) {
            if inserted {
                record.inserted.push(row);
            } else {
                record.removed.push(row);
            }
        }
        record
    }

    /// Forgets all changes. The same as dropping the transaction.
    pub fn rollback(self) {
        drop(self);
    }
}
