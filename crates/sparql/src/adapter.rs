//! The bridge to `spareval`, which evaluates row by row: a [`QueryDataset`] as its `QueryableDataset`.
//!
//! What flows in: the evaluator's patterns and terms. What flows out: quads of ids and decoded terms. What always holds:
//! ids are equal exactly when the terms are; and since the evaluator treats an error inside an expression as "unbound", the
//! first failure is kept aside in [`Faults`], which whoever reads the results must look at before trusting them.

use crate::dataset::{GraphSelection, QueryDataset};
use crate::erased::ErasedSource;
use crate::local_terms::LocalTerms;
use oxrdf::Term;
use quadrille_store::{StorageError, StorageResult, TermId};
use spareval::{CancellationToken, InternalQuad, QueryableDataset};
use std::cell::RefCell;
use std::rc::Rc;

/// The first failed read of an execution. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Faults {
    first: Rc<RefCell<Option<StorageError>>>,
    stop: CancellationToken,
}

impl Faults {
    /// The switch that makes the evaluator stop; thrown at the first failure.
    pub(crate) fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Takes the failure, if there was one.
    pub(crate) fn take(&self) -> Option<StorageError> {
        self.first.borrow_mut().take()
    }

    /// Keeps the first failure aside and gives the evaluator a copy in words.
    fn keep(&self, error: StorageError) -> StorageError {
        let copy = StorageError::new(error.kind(), error.message());
        self.first.borrow_mut().get_or_insert(error);
        self.stop.cancel();
        copy
    }
}

/// The dataset as the evaluator sees it.
pub(crate) struct EvaluatorDataset {
    dataset: QueryDataset,
    local_terms: RefCell<LocalTerms>,
    faults: Faults,
}

impl EvaluatorDataset {
    pub(crate) fn new(dataset: QueryDataset, local_terms: LocalTerms, faults: Faults) -> Self {
        Self {
            dataset,
            local_terms: RefCell::new(local_terms),
            faults,
        }
    }

    fn keep<T>(&self, result: StorageResult<T>) -> StorageResult<T> {
        result.map_err(|error| self.faults.keep(error))
    }

    fn decode(&self, id: TermId) -> StorageResult<Term> {
        self.dataset.limits.check()?;
        if id.is_query_local() {
            self.local_terms.borrow().term(id)
        } else {
            self.dataset.source.decode(id)
        }
    }

    fn encode(&self, term: Term) -> StorageResult<TermId> {
        self.dataset.limits.check()?;
        encode(
            self.dataset.source.as_ref(),
            &mut self.local_terms.borrow_mut(),
            term,
        )
    }
}

/// The id of a term: the source's, or a query-local one when no quad can hold it.
pub(crate) fn encode(
    source: &dyn ErasedSource,
    local_terms: &mut LocalTerms,
    term: Term,
) -> StorageResult<TermId> {
    Ok(match source.encode(term.as_ref())? {
        Some(id) => id,
        None => local_terms.intern(term),
    })
}

impl QueryableDataset<'static> for EvaluatorDataset {
    type InternalTerm = TermId;
    type Error = StorageError;

    fn internal_quads_for_pattern(
        &self,
        subject: Option<&TermId>,
        predicate: Option<&TermId>,
        object: Option<&TermId>,
        graph_name: Option<Option<&TermId>>,
    ) -> impl Iterator<Item = StorageResult<InternalQuad<TermId>>> + use<> {
        let selection = match graph_name {
            Some(None) => GraphSelection::Default,
            Some(Some(graph)) => GraphSelection::Named(*graph),
            None => GraphSelection::EveryNamed,
        };
        let in_default_graph = matches!(selection, GraphSelection::Default);
        let pattern = [subject.copied(), predicate.copied(), object.copied()];
        let (quads, failed) = match self.keep(self.dataset.quads(pattern, selection)) {
            Ok(quads) => (Some(quads), None),
            Err(error) => (None, Some(Err(error))),
        };
        let faults = self.faults.clone();
        let quads = quads.into_iter().flatten().map(move |quad| {
            let [subject, predicate, object, graph] = quad.map_err(|error| faults.keep(error))?;
            Ok(InternalQuad {
                subject,
                predicate,
                object,
                graph_name: (!in_default_graph).then_some(graph),
            })
        });
        failed.into_iter().chain(quads)
    }

    fn internal_named_graphs(&self) -> impl Iterator<Item = StorageResult<TermId>> + use<> {
        let (graphs, failed) = match self.keep(self.dataset.named_graph_ids()) {
            Ok(graphs) => (Some(graphs), None),
            Err(error) => (None, Some(Err(error))),
        };
        let (faults, limits) = (self.faults.clone(), self.dataset.limits.clone());
        let graphs = graphs.into_iter().flatten().map(move |graph| {
            limits
                .check()
                .and(graph)
                .map_err(|error| faults.keep(error))
        });
        failed.into_iter().chain(graphs)
    }

    fn contains_internal_graph_name(&self, graph_name: &TermId) -> StorageResult<bool> {
        self.keep(self.dataset.contains_named_graph(*graph_name))
    }

    fn internalize_term(&self, term: Term) -> StorageResult<TermId> {
        self.keep(self.encode(term))
    }

    fn externalize_term(&self, term: TermId) -> StorageResult<Term> {
        self.keep(self.decode(term))
    }
}
