//! Ids for all terms of a query: those of the store, and those that the query makes.
//!
//! What flows in: terms, raw ids. What flows out: raw ids, terms. What always holds: equal terms have equal ids, within one
//! run of a query and from all its threads.

use crate::batch::UNBOUND;
use crate::erased::SharedSource;
use crate::local_terms::LocalTerms;
use oxrdf::Term;
use quadrille_store::{StorageResult, TermId};
use std::sync::{Mutex, PoisonError};

/// The terms of one run of a query.
pub(crate) struct QueryTerms {
    source: SharedSource,
    local: Mutex<LocalTerms>,
}

impl QueryTerms {
    pub(crate) fn new(source: SharedSource) -> Self {
        Self {
            source,
            local: Mutex::default(),
        }
    }

    /// The id of a term: the source's, or one of this query.
    ///
    /// # Errors
    /// What reading the store fails with.
    pub(crate) fn encode(&self, term: Term) -> StorageResult<u64> {
        let id = match self.source.encode(term.as_ref())? {
            Some(id) => id,
            None => self
                .local
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .intern(term),
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
            return self
                .local
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .term(id)
                .map(Some);
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
