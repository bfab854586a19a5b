//! Ids for all terms of a query: those of the store, and those that the query makes.
//!
//! What flows in: terms, raw ids. What flows out: raw ids, terms. What always holds: equal terms have equal ids, within one
//! run of a query and from all its threads.

use crate::batch::UNBOUND;
use crate::erased::SharedSource;
use crate::error::QueryError;
use crate::execution::{Account, Memory};
use crate::local_terms::LocalTerms;
use oxrdf::Term;
use quadrille_store::{StorageResult, TermId};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The terms of one run of a query.
pub(crate) struct QueryTerms {
    source: SharedSource,
    local: Mutex<Local>,
    memory: Arc<Memory>,
    /// Whether the query's own terms are more than its memory has room for.
    is_over: AtomicBool,
}

/// The query's own terms with the account of their bytes.
struct Local {
    terms: LocalTerms,
    account: Account,
}

impl QueryTerms {
    pub(crate) fn new(source: SharedSource, memory: Arc<Memory>) -> Self {
        Self::with_own(source, memory, LocalTerms::default())
    }

    /// As [`new`](Self::new), with the terms that an earlier run had made: they have the ids that they had there.
    pub(crate) fn with_own(source: SharedSource, memory: Arc<Memory>, terms: LocalTerms) -> Self {
        let mut account = memory.account();
        let is_over = account.require(terms.bytes()).is_err();
        Self {
            source,
            local: Mutex::new(Local { terms, account }),
            memory,
            is_over: AtomicBool::new(is_over),
        }
    }

    /// Whether the terms that the query made fit into its memory. Asked once a batch, not at each term.
    ///
    /// # Errors
    /// `Memory`, with the budget.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        if self.is_over.load(Ordering::Relaxed) {
            return Err(self.memory.exceeded());
        }
        Ok(())
    }

    /// The terms that the query has made so far.
    pub(crate) fn own(&self) -> LocalTerms {
        self.local().terms.clone()
    }

    fn local(&self) -> MutexGuard<'_, Local> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn intern(&self, term: Term) -> TermId {
        let mut local = self.local();
        let id = local.terms.intern(term);
        let bytes = local.terms.bytes();
        if local.account.require(bytes).is_err() {
            self.is_over.store(true, Ordering::Relaxed);
        }
        id
    }

    /// The id of a term: the source's, or one of this query.
    ///
    /// # Errors
    /// What reading the store fails with.
    pub(crate) fn encode(&self, term: Term) -> StorageResult<u64> {
        let id = match self.source.encode(term.as_ref())? {
            Some(id) => id,
            None => self.intern(term),
        };
        Ok(id.raw())
    }

    /// The term of an id; `None` for [`UNBOUND`].
    ///
    /// # Errors
    /// What reading the store fails with.
    pub(crate) fn decode(&self, id: u64) -> StorageResult<Option<Term>> {
        if id == UNBOUND {
            return Ok(None);
        }
        let id = TermId::from_raw(id);
        if id.is_query_local() {
            return self.local().terms.term(id).map(Some);
        }
        self.source.decode(id).map(Some)
    }

    /// The terms of many ids, in their order.
    ///
    /// # Errors
    /// What reading the store fails with.
    pub(crate) fn decode_all(&self, ids: &[u64]) -> StorageResult<Vec<Option<Term>>> {
        let is_stored = |id: &u64| *id != UNBOUND && !TermId::from_raw(*id).is_query_local();
        let mut stored: Vec<TermId> = Vec::with_capacity(ids.len());
        for (row, id) in ids.iter().enumerate() {
            // Equal ids often follow each other.
            if is_stored(id) && (row == 0 || ids[row - 1] != *id) {
                stored.push(TermId::from_raw(*id));
            }
        }
        let mut decoded = Vec::with_capacity(stored.len());
        self.source.decode_all(&stored, &mut decoded)?;
        let mut decoded = decoded.into_iter();
        let mut terms: Vec<Option<Term>> = Vec::with_capacity(ids.len());
        for (row, id) in ids.iter().enumerate() {
            let term = if row > 0 && ids[row - 1] == *id {
                terms[row - 1].clone()
            } else if is_stored(id) {
                decoded.next()
            } else {
                self.decode(*id)?
            };
            terms.push(term);
        }
        Ok(terms)
    }
}
