//! What all operators of one run of a query share: the view, the dataset, the terms, the limits.
//!
//! What flows in: a prepared query's options and a source. What flows out: reads, ids, terms, leave to go on. What always
//! holds: one execution sees one view and one `NOW`; whatever waits or loops asks [`Execution::check`] at least once a batch;
//! whatever keeps rows has [accounted](Account) for their bytes first.

use crate::dataset::QueryDataset;
use crate::erased::ErasedSource;
use crate::error::QueryError;
use crate::extensions::Extensions;
use crate::query_terms::QueryTerms;
use oxsdatatypes::DateTime;
use quadrille_store::{CancelToken, StorageError};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// One run of a query.
pub(crate) struct Execution {
    pub(crate) dataset: QueryDataset,
    pub(crate) terms: Arc<QueryTerms>,
    pub(crate) memory: Arc<Memory>,
    /// What `NOW` gives, once it was asked for: the same for all rows.
    pub(crate) now: OnceLock<DateTime>,
    /// The base that `IRI` resolves against: the query's, or else the options'.
    pub(crate) base_iri: Option<String>,
    pub(crate) extensions: Arc<Extensions>,
    /// Whether the query is planned as it is written.
    pub(crate) as_written: bool,
    /// On how many threads it may run.
    pub(crate) threads: usize,
    /// How many parts of the query can lie in each other.
    pub(crate) parts: usize,
}

/// How much of the stack a part of a query may take, with all calls that it is behind, and what there is besides; with room
/// for builds that are not optimised.
const STACK_OF_PART: usize = 16 << 10;
const STACK_BESIDES: usize = 256 << 10;

impl Execution {
    pub(crate) fn source(&self) -> &dyn ErasedSource {
        self.dataset.source.as_ref()
    }

    /// Does what goes as deep as the query, on a stack of its own if the thread's has too little left.
    pub(crate) fn with_stack<T>(&self, work: impl FnOnce() -> T) -> T {
        let bytes = self.stack_bytes();
        stacker::maybe_grow(bytes, bytes, work)
    }

    /// How large the stack of a thread has to be that does such work.
    pub(crate) fn stack_bytes(&self) -> usize {
        STACK_BESIDES + self.parts * STACK_OF_PART
    }

    /// Whether the run may go on.
    ///
    /// # Errors
    /// `Cancelled` or `Timeout`; `Memory` when the query has made too many terms.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        self.dataset
            .limits
            .check()
            .map_err(|error| self.explain(error))?;
        self.terms.check()
    }

    /// The same run, for a part of it that a token can stop.
    pub(crate) fn stoppable(&self) -> (Self, CancelToken) {
        let (limits, stop) = self.dataset.limits.stoppable();
        let part = Self {
            dataset: QueryDataset {
                limits,
                ..self.dataset.clone()
            },
            terms: Arc::clone(&self.terms),
            memory: Arc::clone(&self.memory),
            now: OnceLock::from(*self.now.get_or_init(DateTime::now)),
            base_iri: self.base_iri.clone(),
            extensions: Arc::clone(&self.extensions),
            threads: 1,
            parts: self.parts,
            as_written: self.as_written,
        };
        (part, stop)
    }

    /// What to report for a failed read.
    pub(crate) fn explain(&self, error: StorageError) -> QueryError {
        self.dataset.limits.explain(error)
    }
}

/// One part in so many of a budget is for operators that cannot spill.
const KEPT_FROM_SPILLERS: usize = 4;

/// The bytes that the operators of one run keep, against their budget.
#[derive(Debug)]
pub(crate) struct Memory {
    used: AtomicUsize,
    budget: usize,
}

impl Memory {
    /// A budget in bytes.
    pub(crate) fn new(budget: usize) -> Arc<Self> {
        Arc::new(Self {
            used: AtomicUsize::new(0),
            budget,
        })
    }

    /// The bytes that a text which an expression makes may have: no row needs more than a few at a time.
    pub(crate) fn text_max(&self) -> usize {
        self.budget / KEPT_FROM_SPILLERS
    }

    /// The error of who cannot do with less.
    pub(crate) fn exceeded(&self) -> QueryError {
        QueryError::Memory {
            budget: self.budget,
        }
    }

    /// An account without bytes yet.
    pub(crate) fn account(self: &Arc<Self>) -> Account {
        Account {
            memory: Arc::clone(self),
            bytes: 0,
        }
    }
}

/// The bytes that one operator keeps. They are given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Account {
    memory: Arc<Memory>,
    bytes: usize,
}

impl Account {
    /// The bytes that the operator keeps.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sets the bytes that the operator keeps. False when the budget does not have them, less the share of those who cannot
    /// spill: the operator then spills or gives up, and the account stays as it was.
    #[must_use]
    pub(crate) fn set(&mut self, bytes: usize) -> bool {
        let budget = self.memory.budget;
        self.set_within(bytes, budget - budget / KEPT_FROM_SPILLERS)
    }

    fn set_within(&mut self, bytes: usize, budget: usize) -> bool {
        if bytes > self.bytes {
            let more = bytes - self.bytes;
            let before = self.memory.used.fetch_add(more, Ordering::Relaxed);
            if before.saturating_add(more) > budget {
                self.memory.used.fetch_sub(more, Ordering::Relaxed);
                return false;
            }
        } else {
            let less = self.bytes - bytes;
            self.memory.used.fetch_sub(less, Ordering::Relaxed);
        }
        self.bytes = bytes;
        true
    }

    /// As [`set`](Self::set), for an operator that cannot spill.
    ///
    /// # Errors
    /// `Memory`, with the budget.
    pub(crate) fn require(&mut self, bytes: usize) -> Result<(), QueryError> {
        if self.set_within(bytes, self.memory.budget) {
            return Ok(());
        }
        Err(self.memory.exceeded())
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
