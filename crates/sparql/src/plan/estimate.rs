//! How many rows a part has, and how many distinct values a slot in them.
//!
//! What flows in: patterns, the source's counts. What flows out: an [`Estimate`]. What always holds: asking twice costs
//! once; a pattern of a term that the source does not hold has no rows.

use crate::algebra::{GraphPlace, Path, Place, Quads, Slot, SlotSet};
use crate::dataset::{DefaultGraph, GraphSelection};
use crate::error::QueryError;
use crate::execution::Execution;
use oxrdf::vocab::rdf;
use quadrille_store::{IdPattern, Permutation, ScanRequest, TermId};
use std::collections::HashMap;

/// Rows and distinct values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Estimate {
    pub(crate) rows: f64,
    /// The distinct values of each slot; a slot that is not listed has one a row.
    pub(crate) values: Vec<Values>,
}

/// About how many distinct values a slot has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values {
    pub(crate) slot: Slot,
    pub(crate) distinct: f64,
    /// How many there would be without the other constants of the pattern: those that it has are some of these.
    pub(crate) domain: f64,
}

impl Values {
    fn new(slot: Slot, distinct: f64) -> Self {
        Self {
            slot,
            distinct,
            domain: distinct,
        }
    }

    /// The same of rows that nothing is known of: at most so many.
    pub(crate) fn unknown(self) -> Self {
        Self {
            domain: 0.0,
            ..self
        }
    }

    /// How many distinct values two sides share one with the other, about: those of the side with more, unless nothing is
    /// known of it.
    pub(crate) fn most(self, other: Self) -> f64 {
        let most = match (self.domain > 0.0, other.domain > 0.0) {
            (false, true) => other.distinct,
            (true, false) => self.distinct,
            _ => self.distinct.max(other.distinct),
        };
        most.max(1.0)
    }
}

impl Estimate {
    /// About how many distinct values a slot has in these rows.
    pub(crate) fn distinct_of(&self, slot: Slot) -> f64 {
        self.values_of(slot).distinct
    }

    /// The distinct values of a slot in these rows.
    pub(crate) fn values_of(&self, slot: Slot) -> Values {
        let known = self.values.iter().find(|known| known.slot == slot);
        let values = known.copied().unwrap_or(Values::new(slot, self.rows));
        let distinct = values.distinct.min(self.rows).max(1.0);
        Values {
            slot,
            distinct,
            domain: values.domain.max(distinct),
        }
    }
}

/// How many values each position of a predicate's quads has.
#[derive(Clone, Copy)]
struct Spread {
    quads: f64,
    subjects: f64,
    objects: f64,
}

/// Asks the source, and remembers.
pub(super) struct Estimator<'a> {
    pub(super) execution: &'a Execution,
    counts: HashMap<IdPattern, f64>,
    spreads: HashMap<u64, Spread>,
    named_graphs: Option<f64>,
    type_predicate: Option<Option<TermId>>,
}

impl<'a> Estimator<'a> {
    pub(super) fn new(execution: &'a Execution) -> Self {
        Self {
            execution,
            counts: HashMap::new(),
            spreads: HashMap::new(),
            named_graphs: None,
            type_predicate: None,
        }
    }

    /// About how many quads match.
    pub(super) fn count(&mut self, pattern: IdPattern) -> Result<f64, QueryError> {
        if pattern.iter().flatten().any(|id| id.is_query_local()) {
            return Ok(0.0);
        }
        if let Some(count) = self.counts.get(&pattern) {
            return Ok(*count);
        }
        let count = self
            .execution
            .source()
            .estimate(pattern)
            .map_err(|error| self.execution.explain(error))? as f64;
        self.counts.insert(pattern, count);
        Ok(count)
    }

    pub(super) fn execution(&self) -> &'a Execution {
        self.execution
    }

    /// About how many distinct values a request has.
    pub(super) fn values(&self, request: &ScanRequest) -> Result<f64, QueryError> {
        let values = self.execution.source().estimate_values(request);
        Ok(values.map_err(|error| self.execution.explain(error))? as f64)
    }

    /// About how many named graphs there are.
    pub(super) fn named_graphs(&mut self) -> Result<f64, QueryError> {
        if let Some(graphs) = &self.execution.dataset.named_graphs {
            return Ok(graphs.len() as f64);
        }
        if let Some(graphs) = self.named_graphs {
            return Ok(graphs);
        }
        let names = ScanRequest::new([None; 4]).in_order(Permutation::Cspo);
        let graphs = self.values(&names)?;
        self.named_graphs = Some(graphs);
        Ok(graphs)
    }

    /// About how many quads have the constants of a pattern that a permutation begins with.
    pub(super) fn region(
        &mut self,
        pattern: IdPattern,
        permutation: Permutation,
    ) -> Result<f64, QueryError> {
        let prefix = permutation.bound_prefix(pattern.map(|id| id.is_some()));
        let mut leading = [None; 4];
        for column in 0..prefix {
            let position = permutation.position_of(column);
            leading[position] = pattern[position];
        }
        self.count(leading)
    }

    fn spread(&mut self, predicate: TermId) -> Result<Spread, QueryError> {
        if let Some(spread) = self.spreads.get(&predicate.raw()) {
            return Ok(*spread);
        }
        let quads = self.count([None, Some(predicate), None, None])?;
        let figures = self
            .execution
            .source()
            .predicate_figures(predicate)
            .map_err(|error| self.execution.explain(error))?;
        let spread = Spread {
            quads,
            subjects: figures.subjects as f64,
            objects: figures.objects as f64,
        };
        self.spreads.insert(predicate.raw(), spread);
        Ok(spread)
    }

    /// The rows of a pattern, of which the slots in `fixed` have one value that is not known yet.
    pub(super) fn quads(&mut self, quads: &Quads, fixed: &SlotSet) -> Result<Estimate, QueryError> {
        let pattern = self.pattern(quads);
        let mut rows = self.count(pattern)?;
        let distinct = self.distinct_by_position(pattern, rows)?;
        let domains = self.domains(pattern, distinct)?;
        let mut estimate = Estimate {
            rows,
            values: Vec::new(),
        };
        let places = places_of(quads);
        for (position, place) in places.iter().enumerate() {
            let Some(slot) = place.and_then(Place::slot) else {
                continue;
            };
            if fixed.contains(slot) {
                rows /= distinct[position].max(1.0);
            } else if estimate.values.iter().any(|known| known.slot == slot) {
                // The same variable twice.
                rows /= distinct[position].max(1.0);
            } else {
                estimate.values.push(Values {
                    slot,
                    distinct: distinct[position],
                    domain: domains[position],
                });
            }
        }
        estimate.rows = rows;
        Ok(estimate)
    }

    /// About how many distinct values each position has among the quads of a pattern.
    fn distinct_by_position(
        &mut self,
        pattern: IdPattern,
        rows: f64,
    ) -> Result<[f64; 4], QueryError> {
        let [subject, predicate, object, _] = pattern;
        let mut distinct = [rows; 4];
        match predicate {
            Some(predicate) if !predicate.is_query_local() => {
                let spread = self.spread(predicate)?;
                let part = (rows / spread.quads.max(1.0)).min(1.0);
                distinct[0] = spread.subjects * part.max(rows / spread.quads.max(rows).max(1.0));
                distinct[2] = spread.objects;
                if object.is_some() {
                    distinct[0] = rows;
                }
                if subject.is_some() {
                    distinct[2] = rows;
                }
            }
            _ => {
                distinct[0] = if subject.is_some() { 1.0 } else { rows / 8.0 };
                distinct[1] = rows.sqrt().min(100.0);
                distinct[2] = if object.is_some() { 1.0 } else { rows / 2.0 };
            }
        }
        distinct[3] = rows.sqrt();
        Ok(distinct.map(|values| values.clamp(1.0, rows.max(1.0))))
    }

    /// How many distinct values each position has among the quads of a pattern's predicate. What has a certain type has the
    /// properties of this type: there, the constant does not choose by chance.
    fn domains(
        &mut self,
        [subject, predicate, object, _]: IdPattern,
        distinct: [f64; 4],
    ) -> Result<[f64; 4], QueryError> {
        let mut domains = distinct;
        let Some(predicate) = predicate.filter(|id| !id.is_query_local()) else {
            return Ok(domains);
        };
        if subject.is_none() && object.is_some() && Some(predicate) != self.type_predicate()? {
            domains[0] = self.spread(predicate)?.subjects.max(distinct[0]);
        }
        if subject.is_some() && object.is_none() {
            domains[2] = self.spread(predicate)?.objects.max(distinct[2]);
        }
        Ok(domains)
    }

    /// `rdf:type`, if the source has it.
    fn type_predicate(&mut self) -> Result<Option<TermId>, QueryError> {
        if let Some(known) = self.type_predicate {
            return Ok(known);
        }
        let source = self.execution.source();
        let id = source.encode(rdf::TYPE.into());
        let id = id.map_err(|error| self.execution.explain(error))?;
        self.type_predicate = Some(id);
        Ok(id)
    }

    /// The rows of a path, as a multiple of what its steps have.
    pub(super) fn path(&mut self, path: &Path, fixed: &SlotSet) -> Result<Estimate, QueryError> {
        let total = self.count([None; 4])?;
        let is_bound = |place: Place| place.slot().is_none_or(|slot| fixed.contains(slot));
        let rows = match (is_bound(path.subject), is_bound(path.object)) {
            (true, true) => 1.0,
            (true, false) | (false, true) => total.sqrt().clamp(1.0, 1000.0),
            (false, false) => (total * 4.0).max(1.0),
        };
        let slots = path.slots();
        let values = slots.iter().map(|slot| Values::new(slot, rows.sqrt()));
        Ok(Estimate {
            rows,
            values: values.collect(),
        })
    }

    /// Whether a quad pattern is read by one scan, and so in the order of an index.
    pub(super) fn is_one_scan(&self, quads: &Quads) -> Result<bool, QueryError> {
        let id = |place: Place| match place {
            Place::Constant(id) => Some(TermId::from_raw(id)),
            Place::Slot(_) => None,
        };
        let graphs = match quads.graph {
            GraphPlace::Default => GraphSelection::Default,
            GraphPlace::Named(place) => {
                id(place).map_or(GraphSelection::EveryNamed, GraphSelection::Named)
            }
        };
        let dataset = &self.execution.dataset;
        let is_one = dataset.is_one_scan(quads.triple.map(id), graphs);
        is_one.map_err(|error| self.execution.explain(error))
    }

    /// The pattern of ids that a quad pattern reads in this dataset.
    pub(super) fn pattern(&self, quads: &Quads) -> IdPattern {
        let id = |place: Place| match place {
            Place::Constant(id) => Some(TermId::from_raw(id)),
            Place::Slot(_) => None,
        };
        let [subject, predicate, object] = quads.triple.map(id);
        let graph = match (quads.graph, &self.execution.dataset.default_graph) {
            (GraphPlace::Default, DefaultGraph::Stored) => Some(TermId::DEFAULT_GRAPH),
            (GraphPlace::Default, DefaultGraph::Merge(graphs)) if graphs.len() == 1 => {
                graphs.first().copied()
            }
            (GraphPlace::Default, _) => None,
            (GraphPlace::Named(place), _) => id(place),
        };
        [subject, predicate, object, graph]
    }
}

/// The places of a pattern by position; the default graph has none.
pub(super) fn places_of(quads: &Quads) -> [Option<Place>; 4] {
    let [subject, predicate, object] = quads.triple.map(Some);
    let graph = match quads.graph {
        GraphPlace::Default => None,
        GraphPlace::Named(place) => Some(place),
    };
    [subject, predicate, object, graph]
}
