//! Pipelines that several threads run, each from a part of the rows of their scan.
//!
//! What flows in: the plan of a pipeline. What flows out: an operator that gives the rows of all parts. What always holds: the
//! parts have all rows of the scan together, each once; the right side of a join is built once, and outside of the threads.

use super::leaves::scan_of;
use super::{Builder, Built, Environment};
use crate::algebra::Slot;
use crate::error::QueryError;
use crate::operators::exchange::{Exchange, ExchangeParts};
use crate::operators::hash_table::SharedTable;
use crate::operators::scan::ScanPart;
use crate::plan::{Node, Plan};
use std::sync::{Arc, Mutex, PoisonError};

/// Into how many parts a scan is cut for each thread: some are sooner done with than others.
const PARTS_PER_THREAD: usize = 4;

/// What a pipeline is built within, whose scan reads some of the rows only.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) scan: ScanPart,
    /// Builds what all pipelines share.
    outer: Arc<Builder>,
    tables: Arc<Mutex<Vec<Shared>>>,
}

/// The right side of a join within the pipelines.
#[derive(Clone)]
pub(super) struct Shared {
    /// The place of the join's plan in memory.
    join: usize,
    pub(super) columns: Vec<Slot>,
    pub(super) table: Arc<SharedTable>,
}

impl Part {
    /// The right side of a join: as an earlier pipeline has it, or built now. The columns that it is joined by are asked of
    /// its columns.
    pub(super) fn shared(
        &self,
        join: &Plan,
        right: &Plan,
        keys: impl FnOnce(&[Slot]) -> Vec<usize>,
    ) -> Result<Shared, QueryError> {
        let place = std::ptr::from_ref(join).addr();
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = tables.iter().find(|known| known.join == place) {
            return Ok(known.clone());
        }
        let built = self.outer.build(right, &Environment::default())?;
        let keys = keys(&built.columns);
        let shared = Shared {
            join: place,
            columns: built.columns,
            table: Arc::new(SharedTable::new(built.operator, keys)),
        };
        tables.push(shared.clone());
        Ok(shared)
    }
}

impl Builder {
    /// The rows of a pipeline; on one thread if its scan cannot be cut, or what is around has values that it depends on.
    pub(super) fn exchange(
        &self,
        pipeline: &Plan,
        environment: &Environment,
    ) -> Result<Built, QueryError> {
        let threads = self.execution.threads;
        let is_whole = environment.parameters.is_empty() && environment.part.is_none();
        let parts = match scan_below(pipeline) {
            Some(scan) if is_whole && threads > 1 => {
                let (shape, _) = scan_of(scan, environment);
                shape.map_or(Ok(Vec::new()), |shape| {
                    shape.split(&self.execution, threads * PARTS_PER_THREAD)
                })?
            }
            _ => Vec::new(),
        };
        if parts.len() < 2 {
            return self.build(pipeline, environment);
        }
        let (within, stop) = self.execution.stoppable();
        let mut inner = self.clone();
        inner.execution = Arc::new(within);
        let outer = Arc::new(self.clone());
        let tables: Arc<Mutex<Vec<Shared>>> = Arc::default();
        let (mut pipelines, mut columns) = (Vec::with_capacity(parts.len()), Vec::new());
        for scan in parts {
            let part = Part {
                scan,
                outer: Arc::clone(&outer),
                tables: Arc::clone(&tables),
            };
            let mut environment = environment.clone();
            environment.part = Some(part);
            let built = inner.build(pipeline, &environment)?;
            columns = built.columns;
            pipelines.push(built.operator);
        }
        let tables = tables.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = ExchangeParts {
            pipelines,
            width: columns.len(),
            stop,
            tables: tables
                .iter()
                .map(|shared| Arc::clone(&shared.table))
                .collect(),
            threads,
        };
        Ok(Built {
            operator: Box::new(Exchange::new(Arc::clone(&self.execution), parts)),
            columns,
        })
    }
}

/// The scan that a pipeline begins with.
fn scan_below(pipeline: &Plan) -> Option<&Plan> {
    let mut plan = pipeline;
    loop {
        plan = match &plan.node {
            Node::Scan { .. } => return Some(plan),
            Node::Join { left, .. } | Node::Lookup { left, .. } => left,
            Node::Filter { input, .. }
            | Node::Extend { input, .. }
            | Node::Unpack { input, .. }
            | Node::Project(input) => input,
            _ => return None,
        };
    }
}
