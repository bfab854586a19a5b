//! What tests of operators share: an execution, inputs of given rows, random rows.

use super::{BoxedOperator, Operator};
use crate::batch::Batch;
use crate::dataset::{DefaultGraph, QueryDataset};
use crate::error::QueryError;
use crate::execution::{Execution, Memory};
use crate::options::QueryOptions;
use crate::query_terms::QueryTerms;
use quadrille_backend::InMemoryBackend;
use quadrille_store::QuadStore;
use std::sync::{Arc, OnceLock};

/// An execution over a store, with a memory budget in bytes.
pub(crate) fn execution_over(
    store: &QuadStore<InMemoryBackend>,
    budget: usize,
    options: &QueryOptions,
) -> Execution {
    let source = Arc::new(store.snapshot().expect("a snapshot"));
    let memory = Memory::new(budget);
    Execution {
        dataset: QueryDataset {
            source: source.clone(),
            limits: options.limits(),
            default_graph: DefaultGraph::Stored,
            named_graphs: None,
        },
        terms: Arc::new(QueryTerms::new(source, Arc::clone(&memory))),
        memory,
        now: OnceLock::new(),
        base_iri: None,
        extensions: Arc::clone(options.extensions()),
        as_written: false,
        threads: options.threads().get(),
        parts: 10,
    }
}

/// An execution over no quads.
pub(crate) fn execution(budget: usize) -> Arc<Execution> {
    let store = QuadStore::open(InMemoryBackend::new()).expect("an empty store");
    Arc::new(execution_over(&store, budget, &QueryOptions::new()))
}

/// Random numbers, the same for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below a bound.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// Rows of ids below a bound; some values are unbound.
    pub(crate) fn rows(&mut self, rows: usize, width: usize, bound: u64) -> Vec<Vec<u64>> {
        let mut row = || (0..width).map(|_| self.below(bound)).collect();
        std::iter::repeat_with(&mut row).take(rows).collect()
    }
}

/// Gives rows in batches of uneven sizes, none empty.
struct Rows {
    rows: Vec<Vec<u64>>,
    width: usize,
    next: usize,
    random: Random,
}

impl Operator for Rows {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.width);
        let most = [1, 7, 300, 2_000][self.random.below(4) as usize];
        let count = 1 + self.random.below(most) as usize;
        let end = self.rows.len().min(self.next + count);
        for row in &self.rows[self.next..end] {
            batch.push(row.iter().copied());
        }
        self.next = end;
        Ok(!batch.is_empty())
    }
}

/// An operator that gives these rows.
pub(crate) fn input(rows: &[Vec<u64>], width: usize) -> BoxedOperator {
    Box::new(Rows {
        rows: rows.to_vec(),
        width,
        next: 0,
        random: Random(rows.len() as u64),
    })
}

/// All rows of an operator, which must keep the contract of operators.
pub(crate) fn collect(
    operator: &mut dyn Operator,
    width: usize,
) -> Result<Vec<Vec<u64>>, QueryError> {
    let mut rows = Vec::new();
    let mut batch = Batch::default();
    while operator.next(&mut batch)? {
        assert_eq!(width, batch.width());
        assert!(!batch.is_empty(), "an empty batch before the end");
        rows.extend((0..batch.len()).map(|row| batch.row(row).collect::<Vec<_>>()));
    }
    assert!(batch.is_empty() && batch.width() == width);
    assert!(!operator.next(&mut batch)?, "rows behind the end");
    Ok(rows)
}
