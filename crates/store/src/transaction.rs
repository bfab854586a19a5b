//! The write transaction of a store.

use crate::build::generation;
use crate::build::in_place::{self, Amount};
use crate::build::sorter::SortedRows;
use crate::build::turn::BuildTurn;
use crate::context::ReadContext;
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

/// How a commit folds what stands in the log.
#[derive(Clone, Copy)]
enum How {
    /// As much of it as the commit's own size allows.
    Piecewise,
    /// All of it.
    Whole,
    /// Later commits will.
    NotYet,
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

    fn commit_changes(self) -> StorageResult<()> {
        if self.changes.is_empty() && self.terms.is_empty() {
            return Ok(());
        }
        if self.changes.len() > self.store.inner.options.delta_quads_max {
            return self.commit_large();
        }
        self.commit_logged(How::Piecewise)
    }

    /// Appends the changes to the log, and folds some or all of them.
    fn commit_logged(mut self, how: How) -> StorageResult<()> {
        let places = Arc::clone(&self.base.inner.places);
        let mut folding = self.guard.folding.clone();
        self.root.epoch += 1;
        let record = self.record().encode(self.root.epoch);
        let changes = self.changes.len();
        let mut transaction = self.store.inner.backend.begin()?;
        transaction.put(&places.log.keyspace, &log_key(self.root.epoch), &record)?;
        let mut target = FoldTarget {
            transaction: &mut transaction,
            places: &places,
            hasher: &self.base.inner.hasher,
            log_needed_from: self.store.log_needed_from(),
        };
        let (delta, root) = (&mut self.delta, &mut self.root);
        match how {
            How::Piecewise => {
                let most = self.store.inner.options.delta_quads_max;
                folding.step(&mut target, delta, root, changes, most)?;
            }
            How::Whole => folding.fold_all(&mut target, delta, root, changes)?,
            How::NotYet => delta.note_logged(changes),
        }
        put_root(&mut transaction, &places, &self.root)?;
        transaction.commit()?;
        self.guard.folding = folding;
        let state = State::new(self.root, places, self.delta);
        self.store.publish(self.guard, state);
        Ok(())
    }

    /// Folds the changes at once, or writes a generation if they touch most blocks and nobody else is at that.
    fn commit_large(self) -> StorageResult<()> {
        let turn = BuildTurn::try_begin(self.store);
        let how = self.how(turn.is_some())?;
        match (how, turn) {
            (None, Some(turn)) => {
                let next = generation::of_transaction(&turn, self.store, self.snapshot())?;
                self.store.publish_generation(self.guard, next);
                Ok(())
            }
            (how, _) => self.commit_logged(how.unwrap_or(How::NotYet)),
        }
    }

    /// How a large change is folded into the blocks there are; `None` when it had better not be.
    fn how(&self, may_build: bool) -> StorageResult<Option<How>> {
        let rows = self.changes.range([0; 4], None).map(|(row, _)| row);
        let mut rows = SortedRows::of(rows.collect());
        let amount = Amount {
            terms: self.terms.len() as u64,
            term_bytes: self.terms.iter().map(|(_, term)| term.len() as u64).sum(),
        };
        if in_place::suits(
            self.store,
            &self.base,
            &mut rows,
            &amount,
            &ReadContext::new(),
        )? {
            return Ok(Some(How::Whole));
        }
        let operations = self.store.inner.backend.capabilities().batch_operations_max;
        // Another one builds a generation: all it takes is memory of the backend's.
        Ok((!may_build && operations.is_none()).then_some(How::Whole))
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
