//! Joins with several properties of a subject at once, whose quads lie together in an index.
//!
//! What flows in: left rows, their subject, the properties. What flows out: each left row with each combination of one object
//! for each property. What always holds: subjects are looked up once for all rows that are gathered, in ascending order, and
//! their rows come in this order; a subject without one of the properties gives none.

use super::gathered::GatheredRows;
use super::join::Side;
use super::lookup_join::Probe;
use super::{BoxedOperator, Operator};
use crate::batch::{BATCH_ROWS, Batch, UNBOUND};
use crate::error::QueryError;
use crate::execution::{Account, Execution};
use crate::source::QuadLookup;
use quadrille_store::{
    LookupBatch, LookupPosition, LookupRequest, Permutation, StorageResult, TermId,
};
use std::ops::Range;
use std::sync::Arc;

/// A property: its predicate, and its object if that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StarArm {
    pub(crate) predicate: u64,
    pub(crate) object: Option<u64>,
}

/// What a star is made of.
pub(crate) struct StarJoinParts {
    pub(crate) left: BoxedOperator,
    pub(crate) subject: Probe,
    /// `None` where there is no such graph.
    pub(crate) graph: Option<u64>,
    pub(crate) arms: Vec<StarArm>,
    /// Columns of the left rows, and on the right the objects by the numbers of the arms.
    pub(crate) output: Vec<Side>,
}

/// A star join.
pub(crate) struct StarJoin {
    execution: Arc<Execution>,
    parts: StarJoinParts,
    lookup: Option<Box<dyn QuadLookup>>,
    left_rows: Batch,
    gathered: GatheredRows,
    /// The left rows, sorted by their subjects, and where those of each subject begin.
    rows: Vec<usize>,
    starts: Vec<usize>,
    found: LookupBatch,
    next_found: usize,
    /// Whether subjects are being looked up.
    is_open: bool,
    /// The objects of the subject at hand, by arm.
    objects: Vec<Vec<u64>>,
    account: Account,
    product: Option<Product>,
}

/// The combinations that are still to be given of the subject at hand.
struct Product {
    /// Of the sorted left rows, those still to be given.
    left: Range<usize>,
    /// The next object of each arm.
    next: Vec<usize>,
}

impl StarJoin {
    pub(crate) fn new(execution: Arc<Execution>, parts: StarJoinParts) -> Self {
        Self {
            lookup: None,
            left_rows: Batch::default(),
            gathered: GatheredRows::new(&execution),
            rows: Vec::new(),
            starts: Vec::new(),
            found: LookupBatch::new(),
            next_found: 0,
            is_open: false,
            objects: vec![Vec::new(); parts.arms.len()],
            account: execution.memory.account(),
            product: None,
            execution,
            parts,
        }
    }

    /// Opens the look-ups of subjects: the quads of their properties, and of those between them.
    fn open(&self, graph: u64) -> StorageResult<Box<dyn QuadLookup>> {
        let subject = match self.parts.subject {
            Probe::Constant(id) => LookupPosition::Constant(TermId::from_raw(id)),
            Probe::Column(_) | Probe::Free => LookupPosition::Probe(0),
        };
        let predicates = self.parts.arms.iter().map(|arm| arm.predicate);
        let range = predicates.clone().min().zip(predicates.max());
        let request = LookupRequest {
            permutation: Permutation::Cspo,
            positions: [
                subject,
                LookupPosition::Open,
                LookupPosition::Open,
                LookupPosition::Constant(TermId::from_raw(graph)),
            ],
            range,
            columns: [false, true, true, false],
        };
        let context = self.execution.dataset.limits.context();
        self.execution.source().lookup(&request, context)
    }

    /// Sorts the left rows by their subjects, and looks these up.
    fn start(&mut self, graph: u64) -> StorageResult<()> {
        self.rows.clear();
        self.rows.extend(0..self.left_rows.len());
        self.starts.clear();
        let mut lookup = match self.lookup.take() {
            Some(lookup) => lookup,
            None => self.open(graph)?,
        };
        match self.parts.subject {
            Probe::Column(column) => {
                let subjects = self.left_rows.column(column);
                self.rows.sort_by_key(|row| subjects[*row]);
                let mut probes = Vec::new();
                for (index, row) in self.rows.iter().enumerate() {
                    if probes.last() != Some(&subjects[*row]) {
                        probes.push(subjects[*row]);
                        self.starts.push(index);
                    }
                }
                lookup.set_probes(&[&probes])?;
            }
            Probe::Constant(_) | Probe::Free => {
                self.starts.push(0);
                lookup.set_probes(&[])?;
            }
        }
        self.lookup = Some(lookup);
        self.found.clear();
        self.next_found = 0;
        self.is_open = true;
        Ok(())
    }

    /// Reads the objects of the next subject; `None` when there is no other.
    fn next_subject(&mut self) -> Result<Option<u32>, QueryError> {
        self.objects.iter_mut().for_each(Vec::clear);
        let mut subject = None;
        while self.is_open {
            if self.next_found == self.found.len() {
                self.execution.check()?;
                let bytes = self.objects.iter().map(|objects| 8 * objects.capacity());
                self.account.require(bytes.sum())?;
                let Some(lookup) = &mut self.lookup else {
                    break;
                };
                let more = lookup.next_batch(&mut self.found);
                self.is_open = more.map_err(|error| self.execution.explain(error))?;
                self.next_found = 0;
                continue;
            }
            let probe = self.found.probes()[self.next_found];
            if *subject.get_or_insert(probe) != probe {
                break;
            }
            let predicate = self.found.column(1)[self.next_found];
            let object = self.found.column(2)[self.next_found];
            for (arm, objects) in self.parts.arms.iter().zip(&mut self.objects) {
                if arm.predicate == predicate && arm.object.is_none_or(|wanted| wanted == object) {
                    objects.push(object);
                }
            }
            self.next_found += 1;
        }
        Ok(subject)
    }

    /// Goes on to the next subject that has all properties; false when there is no other.
    fn advance(&mut self) -> Result<bool, QueryError> {
        while let Some(subject) = self.next_subject()? {
            if self.objects.iter().any(Vec::is_empty) {
                continue;
            }
            let subject = subject as usize;
            let Some(start) = self.starts.get(subject).copied() else {
                continue;
            };
            let end = self.starts.get(subject + 1).copied();
            self.product = Some(Product {
                left: start..end.unwrap_or(self.rows.len()),
                next: vec![0; self.objects.len()],
            });
            return Ok(true);
        }
        Ok(false)
    }

    /// Appends combinations of the subject at hand until the batch is full.
    fn give(&mut self, batch: &mut Batch) {
        let Some(product) = &mut self.product else {
            return;
        };
        let mut left = Vec::new();
        let mut right = vec![Vec::new(); self.objects.len()];
        let room = BATCH_ROWS.saturating_sub(batch.len()).max(1);
        while left.len() < room && !product.left.is_empty() {
            left.push(self.rows[product.left.start]);
            let arms = self.objects.iter().zip(&product.next);
            for (column, (objects, next)) in right.iter_mut().zip(arms) {
                column.push(objects[*next]);
            }
            product.step(&self.objects);
        }
        let left_rows = &self.left_rows;
        let output = &self.parts.output;
        batch.append_with(left.len(), |column, values| match output[column] {
            Side::Left(column) | Side::Either(column, _) => {
                let source = left_rows.column(column);
                values.extend(left.iter().map(|row| source[*row]));
            }
            Side::Right(arm) => values.extend_from_slice(&right[arm]),
            // A star marks no rows.
            Side::Mark => values.resize(values.len() + left.len(), UNBOUND),
        });
        if product.left.is_empty() {
            self.product = None;
        }
    }
}

impl Product {
    /// Goes on to the next combination: the last arm first, the left row last.
    fn step(&mut self, objects: &[Vec<u64>]) {
        for (next, objects) in self.next.iter_mut().zip(objects).rev() {
            *next += 1;
            if *next < objects.len() {
                return;
            }
            *next = 0;
        }
        self.left.start += 1;
    }
}

impl Operator for StarJoin {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        batch.reset(self.parts.output.len());
        let Some(graph) = self.parts.graph else {
            return Ok(false);
        };
        loop {
            self.execution.check()?;
            self.give(batch);
            if batch.is_full() {
                return Ok(true);
            }
            if self.product.is_some() || self.advance()? {
                continue;
            }
            if !self
                .gathered
                .gather(&mut self.parts.left, &mut self.left_rows)?
            {
                return Ok(!batch.is_empty());
            }
            let started = self.start(graph);
            started.map_err(|error| self.execution.explain(error))?;
        }
    }
}
