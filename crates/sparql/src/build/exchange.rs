//! Pipelines that several threads run, each from a part of the rows that they begin with.
//!
//! What flows in: the plan of a pipeline. What flows out: an operator that gives the rows of all parts. What always holds: the
//! parts have all rows together, each once; the right side of a hash join is built once, and outside of the threads.

use super::leaves::{join_patterns, positions, scan_of};
use super::{Builder, Built, Environment};
use crate::algebra::Slot;
use crate::error::QueryError;
use crate::expression::IdRange;
use crate::operators::exchange::{Exchange, ExchangeParts};
use crate::operators::hash_table::SharedTable;
use crate::operators::leapfrog::{ALL_VALUES, SharedTries, first_cuts};
use crate::operators::scan::ScanPart;
use crate::plan::{Cut, Node, Plan, cut_of, input_of_pipeline};
use std::sync::{Arc, Mutex, PoisonError};

/// Into how many parts the rows are cut for each thread: some are sooner done with than others.
const PARTS_PER_THREAD: usize = 4;

/// Of what a pipeline begins with, the part of one thread.
#[derive(Clone, Copy)]
pub(super) enum PartRows {
    Scan(ScanPart),
    /// Values of the slot that all scans and the multiway joins are sorted by first.
    Values(IdRange),
}

/// What a pipeline is built within that begins with some of the rows only.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) rows: PartRows,
    /// Builds what all pipelines share.
    outer: Arc<Builder>,
    tables: Arc<Mutex<Vec<Shared>>>,
    tries: Arc<Mutex<Vec<Tries>>>,
}

/// What a multiway join within the pipelines keeps in memory, with the place of the join's plan.
type Tries = (usize, Arc<SharedTries>);

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

    /// What the multiway joins of a plan keep, which is the same in all pipelines.
    pub(super) fn tries(&self, multiway: &Plan) -> Arc<SharedTries> {
        let place = std::ptr::from_ref(multiway).addr();
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = tries.iter().find(|(known, _)| *known == place) {
            return Arc::clone(known);
        }
        let new = Arc::default();
        tries.push((place, Arc::clone(&new)));
        new
    }
}

impl Builder {
    /// The rows of a pipeline; on one thread if what it begins with cannot be cut, or what is around has values that it depends on.
    pub(super) fn exchange(
        &self,
        pipeline: &Plan,
        environment: &Environment,
    ) -> Result<Built, QueryError> {
        let threads = self.execution.threads;
        let is_whole = environment.parameters.is_empty() && environment.part.is_none();
        let parts = match is_whole && threads > 1 {
            true => self.parts(pipeline, threads * PARTS_PER_THREAD, environment)?,
            false => Vec::new(),
        };
        if parts.len() < 2 {
            return self.build(pipeline, environment);
        }
        let (within, stop) = self.execution.stoppable();
        let mut inner = self.clone();
        inner.execution = Arc::new(within);
        let outer = Arc::new(self.clone());
        let tables: Arc<Mutex<Vec<Shared>>> = Arc::default();
        let tries: Arc<Mutex<Vec<Tries>>> = Arc::default();
        let (mut pipelines, mut columns) = (Vec::with_capacity(parts.len()), Vec::new());
        for rows in parts {
            let part = Part {
                rows,
                outer: Arc::clone(&outer),
                tables: Arc::clone(&tables),
                tries: Arc::clone(&tries),
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

    /// The parts of what a pipeline begins with; none if it cannot be cut.
    fn parts(
        &self,
        pipeline: &Plan,
        parts: usize,
        environment: &Environment,
    ) -> Result<Vec<PartRows>, QueryError> {
        let mut begin = pipeline;
        while let Some(input) = input_of_pipeline(begin) {
            begin = input;
        }
        match cut_of(pipeline) {
            Some(Cut::Rows) => {
                let (shape, _) = scan_of(begin, environment);
                let parts = shape.map(|shape| shape.split(&self.execution, parts));
                let parts = parts.transpose()?.unwrap_or_default();
                Ok(parts.into_iter().map(PartRows::Scan).collect())
            }
            Some(Cut::Values) => {
                let cuts = self.cuts(begin, parts, environment)?.unwrap_or_default();
                Ok(ranges_between(cuts))
            }
            None => Ok(Vec::new()),
        }
    }

    /// Where to cut the values of the slot that scans and multiway joins are sorted by: at those of the one with most cuts.
    /// `None` when one of them cannot be cut.
    fn cuts(
        &self,
        plan: &Plan,
        parts: usize,
        environment: &Environment,
    ) -> Result<Option<Vec<u64>>, QueryError> {
        let execution = &self.execution;
        if let Node::Multiway {
            patterns,
            variables,
        } = &plan.node
        {
            let patterns = join_patterns(patterns, variables);
            return first_cuts(&patterns, variables.len(), parts, execution).map(Some);
        }
        if let (Some(shape), _) = scan_of(plan, environment) {
            let position = leading_position(plan);
            return position.map_or(Ok(None), |position| {
                shape.leading_cuts(execution, position, parts)
            });
        }
        let mut most = Vec::new();
        let below = match input_of_pipeline(plan) {
            Some(input) => vec![input],
            None => plan.children(),
        };
        for plan in below {
            match self.cuts(plan, parts, environment)? {
                None => return Ok(None),
                Some(cuts) if cuts.len() > most.len() => most = cuts,
                Some(_) => {}
            }
        }
        Ok(Some(most))
    }
}

#[cfg(test)]
impl Builder {
    /// Into how many parts the first pipeline of a plan is cut that threads share.
    pub(crate) fn parts_of(&self, plan: &Plan) -> Result<usize, QueryError> {
        let mut open = vec![plan];
        while let Some(plan) = open.pop() {
            if let Node::Exchange(input) = &plan.node {
                return Ok(self.parts(input, 8, &Environment::default())?.len());
            }
            open.extend(plan.children());
        }
        Ok(0)
    }
}

/// The position of the slot that a scan is sorted by first.
fn leading_position(scan: &Plan) -> Option<usize> {
    let (Node::Scan { quads, .. }, Some(slot)) = (&scan.node, scan.order.first()) else {
        return None;
    };
    let mut places = positions(quads);
    let place = places.find(|(_, place)| place.slot() == Some(*slot));
    place.map(|(position, _)| position)
}

/// The ranges that begin with these values, and all before the first; none if nothing is cut.
fn ranges_between(mut cuts: Vec<u64>) -> Vec<PartRows> {
    let (mut low, high) = ALL_VALUES;
    cuts.retain(|cut| *cut > low);
    let mut ranges = Vec::with_capacity(cuts.len() + 1);
    for cut in cuts {
        ranges.push(PartRows::Values((low, cut - 1)));
        low = cut;
    }
    ranges.push(PartRows::Values((low, high)));
    ranges
}
