//! The joins of a plan: basic patterns, `OPTIONAL`, `MINUS`, `EXISTS`.
//!
//! What flows in: the parts of a join and its filters. What flows out: a plan. What always holds: a pattern is run from the
//! rows of another only where it then means the same as by itself.

use super::estimate::{Estimate, places_of};
use super::group::{Access, JoinFilter, JoinPart, Probing, Start, Step, Tree, best_tree};
use super::nodes::with_constants as nodes_with_constants;
use super::nodes::{
    filter, filter_price, input_of, joined, leaf, looked_up, method_for, multiway, per_batch,
    per_row, scan, selectivity, unit,
};
use super::normalize::normalize;
use super::planner::Planner;
use super::prune::prune;
use super::services::service_join;
use super::star::Arm;
use super::{JoinKind, JoinMethod, Node, PathPlan, Plan, Probed, price};
use crate::algebra::{Algebra, Exists, GraphPlace, Path, Place, Quads, Scalar, Slot, SlotSet};
use crate::batch::UNBOUND;
use crate::error::QueryError;
use crate::expression::IdRange;
use crate::operators::leapfrog::tries::{join_pattern, orders};
use quadrille_store::Permutation;
use spargebra::algebra::Expression;
use std::sync::Arc;

/// Up to so many matches of a pattern, it does not matter what look-ups in it go through.
const FEW_ROWS: f64 = 64.0;

/// What a part of a join is read with.
pub(super) enum Reading {
    /// The ranges of ids that a scan by objects reads them from, if not all.
    Quads(Quads, Option<Arc<[IdRange]>>),
    Path(Box<Path>),
    Plan(Box<Plan>),
}

impl Planner<'_> {
    /// The join of parts, which begins with a plan if there is one.
    pub(super) fn join(
        &mut self,
        parts: Vec<Algebra>,
        filters: Vec<Scalar>,
        start: Option<Plan>,
    ) -> Result<Plan, QueryError> {
        if self.execution.as_written {
            return self.join_as_written(parts, filters, start);
        }
        let wanted = std::mem::take(&mut self.wanted);
        let (parts, filters) = self.with_fixed(parts, filters)?;
        let mut parts = with_constants(parts);
        let constants = self.constant_slots(&mut parts, start.as_ref());
        if !constants.is_empty() {
            self.wanted = wanted;
            return self.join_constants(parts, constants, filters, start);
        }
        if let Some((services, parts)) = self.split_services(&parts) {
            return self.join_services(parts, services, filters, start);
        }
        if let Some(plan) = self.only_way(&parts, &filters, start.as_ref())? {
            return self.filtered(plan, filters);
        }
        let mut readings = Vec::with_capacity(parts.len());
        let mut join_parts = Vec::with_capacity(parts.len());
        let mut counted = Vec::new();
        for part in parts {
            let (reading, mut join_part) = self.part(part)?;
            readings.push(match reading {
                Reading::Quads(quads, _) => {
                    self.narrowed(quads, &mut join_part, &filters, &mut counted)?
                }
                other => other,
            });
            join_parts.push(join_part);
        }
        let join_filters: Vec<_> = filters
            .iter()
            .enumerate()
            .map(|(number, filter)| JoinFilter {
                slots: filter.slots.difference(&self.parameters),
                price: filter_price(&filter.expression),
                // What a condition on objects leaves was counted with their pattern.
                selectivity: if counted.contains(&number) {
                    1.0
                } else {
                    selectivity(&filter.expression)
                },
            })
            .collect();
        let start_state = start.as_ref().map(|plan| Start {
            estimate: Estimate {
                rows: plan.rows,
                distinct: Vec::new(),
            },
            possible: plan.possible(),
            certain: plan.certain.clone(),
            order: plan.order.clone(),
            cost: plan.cost,
        });
        let execution = &self.estimator.execution;
        let is_over = || execution.check().is_err();
        let start_state = start_state.as_ref();
        let tree = best_tree(&join_parts, &join_filters, start_state, wanted, &is_over);
        execution.check()?;
        let Some(tree) = tree else {
            return self.filtered(unit(), filters);
        };
        self.made(&tree, &readings, &filters, start.as_ref())
    }

    /// The join of parts one after the other, and then the filters.
    fn join_as_written(
        &mut self,
        parts: Vec<Algebra>,
        filters: Vec<Scalar>,
        start: Option<Plan>,
    ) -> Result<Plan, QueryError> {
        let mut whole = start;
        for part in parts {
            let plan = match part {
                Algebra::Quads(quads) => scan(quads, None, None),
                Algebra::Path(path) => {
                    let slots = path.slots();
                    let walked = Box::new(PathPlan::as_written(*path));
                    leaf(Node::Path(walked), slots.iter().collect(), slots, 0.0)
                }
                other => self.plan(other)?,
            };
            whole = Some(match whole {
                Some(left) => joined(left, plan, JoinKind::Inner, JoinMethod::Hash, Vec::new()),
                None => plan,
            });
        }
        self.filtered(whole.unwrap_or_else(unit), filters)
    }

    /// How a pattern is read where conditions leave some of its objects only, with its estimates; the conditions that are
    /// counted in these are noted.
    fn narrowed(
        &mut self,
        quads: Quads,
        part: &mut JoinPart,
        filters: &[Scalar],
        counted: &mut Vec<usize>,
    ) -> Result<Reading, QueryError> {
        let Some(ranged) = self.ranged(&quads, filters)? else {
            return Ok(Reading::Quads(quads, None));
        };
        if let Some(object) = quads.triple[2].slot() {
            ranged.narrow(&mut part.estimate, object);
            counted.extend(&ranged.counted);
        }
        let by_objects = part
            .accesses
            .iter_mut()
            .find(|access| access.permutation == Some(Permutation::Pocs));
        match by_objects {
            Some(access) if ranged.pays() => {
                access.cost = price::SCAN_START * ranged.ranges.len().max(1) as f64
                    + ranged.rows * price::SCANNED;
                Ok(Reading::Quads(quads, Some(ranged.ranges)))
            }
            _ => Ok(Reading::Quads(quads, None)),
        }
    }

    /// The join of some parts, with slots of one value beside them.
    fn join_constants(
        &mut self,
        parts: Vec<Algebra>,
        constants: Vec<(Slot, u64)>,
        filters: Vec<Scalar>,
        start: Option<Plan>,
    ) -> Result<Plan, QueryError> {
        let slots: SlotSet = constants.iter().map(|(slot, _)| *slot).collect();
        let (late, early): (Vec<_>, Vec<_>) = filters
            .into_iter()
            .partition(|filter| filter.slots.meets(&slots));
        if !late.is_empty() {
            // What is asked for first comes behind these.
            self.wanted.first = None;
        }
        let input = self.join(parts, early, start)?;
        self.filtered(nodes_with_constants(input, constants), late)
    }

    /// The plan of a single pattern that can be scanned in one way, all of it, if its figures are of no use.
    fn only_way(
        &self,
        parts: &[Algebra],
        filters: &[Scalar],
        start: Option<&Plan>,
    ) -> Result<Option<Plan>, QueryError> {
        let [Algebra::Quads(quads)] = parts else {
            return Ok(None);
        };
        let bound = self.estimator.pattern(quads).map(|id| id.is_some());
        let [permutation] = Permutation::candidates(bound) else {
            return Ok(None);
        };
        if !self.needs_no_figures || start.is_some() || self.left(quads, filters)?.is_some() {
            return Ok(None);
        }
        let mut plan = scan(*quads, Some(*permutation), None);
        if self.estimator.is_one_scan(quads)? {
            plan.order = scan_order(quads, bound, *permutation);
        }
        Ok(Some(plan))
    }

    /// Takes away the tables of one row whose slots are nowhere else.
    fn constant_slots(&self, parts: &mut Vec<Algebra>, start: Option<&Plan>) -> Vec<(Slot, u64)> {
        let mut constants = Vec::new();
        let mut index = 0;
        while index < parts.len() {
            let row = match &parts[index] {
                Algebra::Values { slots, rows } => match rows.as_slice() {
                    [row] if !row.contains(&UNBOUND) => Some((slots, row)),
                    _ => None,
                },
                _ => None,
            };
            let apart = row.filter(|(slots, _)| {
                let own: SlotSet = slots.iter().copied().collect();
                let is_apart = |(other, part): (usize, &Algebra)| {
                    other == index || !part.possible().meets(&own)
                };
                own.len() == slots.len()
                    && !own.meets(&self.parameters)
                    && start.is_none_or(|start| !start.possible().meets(&own))
                    && parts.iter().enumerate().all(is_apart)
            });
            match apart {
                Some((slots, row)) => {
                    constants.extend(slots.iter().copied().zip(row.iter().copied()));
                    parts.remove(index);
                }
                None => index += 1,
            }
        }
        constants
    }

    /// A part with its estimates.
    pub(super) fn part(&mut self, part: Algebra) -> Result<(Reading, JoinPart), QueryError> {
        let parameters = self.parameters.clone();
        match part {
            Algebra::Quads(quads) => {
                let estimate = self.estimator.quads(&quads, &parameters)?;
                let slots = quads.slots().difference(&parameters);
                let accesses = self.accesses(&quads, &estimate)?;
                let probing = self.probing(&quads, estimate.rows)?;
                let tries = self.tries(&quads);
                let part = JoinPart {
                    estimate,
                    possible: slots.clone(),
                    certain: slots,
                    accesses,
                    tries,
                    can_probe: true,
                    probing: Some(probing),
                    keeps_order: true,
                    arm: self.arm(&quads)?,
                };
                Ok((Reading::Quads(quads, None), part))
            }
            Algebra::Path(path) => {
                let estimate = self.estimator.path(&path, &parameters)?;
                let slots = path.slots().difference(&parameters);
                let access = Access {
                    permutation: None,
                    order: Vec::new(),
                    cost: price::SCAN_START + estimate.rows * price::LOOKED_UP,
                    begin: price::SCAN_START,
                };
                let part = JoinPart {
                    estimate,
                    possible: slots.clone(),
                    certain: slots,
                    accesses: vec![access],
                    tries: Vec::new(),
                    can_probe: true,
                    probing: None,
                    // A path is walked from all nodes of a batch at once.
                    keeps_order: false,
                    arm: None,
                };
                Ok((Reading::Path(path), part))
            }
            other => {
                let plan = self.plan(other)?;
                let part = JoinPart {
                    estimate: Estimate {
                        rows: plan.rows,
                        distinct: Vec::new(),
                    },
                    possible: plan.possible().difference(&parameters),
                    certain: plan.certain.clone(),
                    accesses: vec![Access {
                        permutation: None,
                        order: plan.order.clone(),
                        cost: plan.cost,
                        begin: plan.cost,
                    }],
                    tries: Vec::new(),
                    can_probe: false,
                    probing: None,
                    keeps_order: false,
                    arm: None,
                };
                Ok((Reading::Plan(Box::new(plan)), part))
            }
        }
    }

    /// The ways to scan a pattern: the permutations that begin with what is bound, or with some of it; then the quads behind
    /// that are passed over.
    pub(super) fn accesses(
        &mut self,
        quads: &Quads,
        estimate: &Estimate,
    ) -> Result<Vec<Access>, QueryError> {
        let pattern = self.estimator.pattern(quads);
        let bound = pattern.map(|id| id.is_some());
        let bound_count = bound.iter().filter(|bound| **bound).count();
        let is_one_scan = self.estimator.is_one_scan(quads)?;
        let mut accesses = Vec::new();
        for &permutation in Permutation::candidates(bound) {
            let mut cost = price::SCAN_START + estimate.rows * price::SCANNED;
            if permutation.bound_prefix(bound) < bound_count {
                let region = self.estimator.region(pattern, permutation)?;
                let passed = (region - estimate.rows).max(0.0);
                cost += passed * price::PASSED + passed.min(estimate.rows) * price::SKIPPED_TO;
            }
            accesses.push(Access {
                permutation: Some(permutation),
                order: if is_one_scan {
                    scan_order(quads, bound, permutation)
                } else {
                    Vec::new()
                },
                cost,
                begin: price::SCAN_START,
            });
        }
        Ok(accesses)
    }

    /// What a pattern is to a star. A parameter may turn out to have no value: such patterns are no arms.
    fn arm(&mut self, quads: &Quads) -> Result<Option<Arm>, QueryError> {
        let is_apart = !quads.slots().meets(&self.parameters);
        if !is_apart || !self.estimator.is_one_scan(quads)? {
            return Ok(None);
        }
        let [subject, _, _, graph @ Some(_)] = self.estimator.pattern(quads) else {
            return Ok(None);
        };
        let rows = match subject {
            Some(_) => Some(self.estimator.count([subject, None, None, graph])?),
            None => None,
        };
        Ok(Arm::new(quads, rows))
    }

    /// What look-ups of a pattern go through.
    fn probing(&mut self, quads: &Quads, rows: f64) -> Result<Probing, QueryError> {
        let pattern = self.estimator.pattern(quads);
        let mut regions = [rows; 4];
        if rows > FEW_ROWS {
            for permutation in Permutation::ALL {
                regions[permutation.rotation()] = self.estimator.region(pattern, permutation)?;
            }
        }
        Ok(Probing {
            slots: places_of(quads).map(|place| place.and_then(Place::slot)),
            bound: pattern.map(|id| id.is_some()),
            regions,
        })
    }

    /// The orders in which a multiway join can bind the slots of a pattern. A parameter may turn out to have no value, and so
    /// to be a variable: such patterns have none.
    fn tries(&self, quads: &Quads) -> Vec<Vec<Slot>> {
        if quads.slots().meets(&self.parameters) {
            return Vec::new();
        }
        let pattern = join_pattern(quads, |slot| slot.0 as usize);
        let orders = orders(&self.estimator.execution.dataset, &pattern);
        let slots = |order: Vec<usize>| order.into_iter().map(|slot| Slot(slot as u32)).collect();
        orders.into_iter().map(slots).collect()
    }

    /// The plan of a tree.
    pub(super) fn made(
        &mut self,
        tree: &Tree,
        readings: &[Reading],
        filters: &[Scalar],
        start: Option<&Plan>,
    ) -> Result<Plan, QueryError> {
        let mut plan = match &tree.step {
            Step::Start => start.cloned().unwrap_or_else(unit),
            Step::Read { part, permutation } => {
                self.read(&readings[*part], *permutation, tree.rows)?
            }
            Step::Multiway { parts, variables } => {
                multiway(patterns_of(parts, readings), variables.clone())
            }
            Step::Lookup { left, part } => {
                let left = self.made(left, readings, filters, start)?;
                let probed = match &readings[*part] {
                    Reading::Quads(quads, _) => Probed::Quads(*quads),
                    Reading::Path(path) => Probed::Path(Box::new(self.path(path, Some(&left))?)),
                    Reading::Plan(_) => {
                        return Err(QueryError::Evaluation(
                            "a part that cannot be looked up was planned so".to_owned(),
                        ));
                    }
                };
                looked_up(left, probed, JoinKind::Inner, Vec::new())
            }
            Step::Star { left, parts } => {
                let left = match left {
                    Some(left) => self.made(left, readings, filters, start)?,
                    None => unit(),
                };
                let arms = Probed::Star(patterns_of(parts, readings));
                looked_up(left, arms, JoinKind::Inner, Vec::new())
            }
            Step::Hash { left, right } => {
                let left = self.made(left, readings, filters, start)?;
                let right = self.made(right, readings, filters, start)?;
                joined(left, right, JoinKind::Inner, JoinMethod::Hash, Vec::new())
            }
            Step::Merge { left, right } => {
                let left = self.made(left, readings, filters, start)?;
                let right = self.made(right, readings, filters, start)?;
                joined(left, right, JoinKind::Inner, JoinMethod::Merge, Vec::new())
            }
        };
        let own: Vec<_> = tree
            .filters
            .iter()
            .map(|index| filters[*index].clone())
            .collect();
        plan.order.clone_from(&tree.order);
        // What the filters are given: by it they choose how an `EXISTS` is joined.
        let kept = own.iter().map(|filter| selectivity(&filter.expression));
        plan.rows = tree.rows / kept.product::<f64>().max(0.001);
        plan.cost = tree.cost;
        let mut plan = self.filtered(plan, own)?;
        plan.rows = tree.rows;
        plan.cost = tree.cost;
        Ok(plan)
    }

    /// The plan of a part that is read by itself.
    fn read(
        &mut self,
        reading: &Reading,
        permutation: Option<Permutation>,
        rows: f64,
    ) -> Result<Plan, QueryError> {
        Ok(match reading {
            Reading::Quads(quads, objects) => {
                let by_objects = permutation == Some(Permutation::Pocs);
                scan(*quads, permutation, objects.clone().filter(|_| by_objects))
            }
            Reading::Path(path) => leaf(
                Node::Path(Box::new(self.path(path, None)?)),
                path.slots().iter().collect(),
                path.slots(),
                rows,
            ),
            Reading::Plan(plan) => Plan::clone(plan),
        })
    }

    /// The rows that pass some filters; a filter that is an `EXISTS` is a join.
    pub(super) fn filtered(
        &mut self,
        mut plan: Plan,
        filters: Vec<Scalar>,
    ) -> Result<Plan, QueryError> {
        let mut plain = Vec::new();
        let mut joins = Vec::new();
        for filter in filters {
            match whole_exists(&filter) {
                Some(kind) => joins.extend(filter.exists.into_iter().map(|exists| (exists, kind))),
                None => plain.push(filter),
            }
        }
        let (plain, marked): (Vec<_>, Vec<_>) = plain
            .into_iter()
            .partition(|filter| filter.exists.is_empty());
        if !plain.is_empty() {
            plan = filter(plan, plain);
        }
        for (exists, kind) in joins {
            plan = self.exists(plan, exists, kind)?;
        }
        for mut condition in marked {
            plan = self.with_marks(plan, &mut condition)?;
            plan = filter(plan, vec![condition]);
        }
        Ok(plan)
    }

    /// Adds the columns that hold the answers of the `EXISTS` of an expression.
    pub(super) fn with_marks(
        &mut self,
        mut plan: Plan,
        scalar: &mut Scalar,
    ) -> Result<Plan, QueryError> {
        for exists in std::mem::take(&mut scalar.exists) {
            let kind = JoinKind::Mark(exists.mark);
            plan = self.exists(plan, exists, kind)?;
        }
        Ok(plan)
    }

    /// The rows that have a partner in the pattern of an `EXISTS`, or none, or a mark that tells.
    pub(super) fn exists(
        &mut self,
        left: Plan,
        exists: Exists,
        kind: JoinKind,
    ) -> Result<Plan, QueryError> {
        let pattern = match self.execution.as_written {
            true => *exists.pattern,
            false => normalize(*exists.pattern),
        };
        let shared = exists.shared.intersection(&left.possible());
        if let Some(service) = self.sole_service(&pattern) {
            return Ok(service_join(left, service, kind, Vec::new()));
        }
        let joins = pattern.possible().intersection(&shared);
        if !joins.is_empty() && is_self_contained(&pattern, &shared.union(&self.parameters)) {
            return self.partner(left, pattern, kind, Vec::new());
        }
        let outer = self.parameters.clone();
        self.parameters.add_all(&shared);
        let right = self.plan(pattern);
        self.parameters = outer;
        let mut right = right?;
        if !self.execution.as_written {
            // A table agrees with the row outside by the columns that they share.
            prune(&mut right, &shared);
        }
        Ok(per_row(left, right, kind, shared.iter().collect()))
    }

    /// The left rows with what a pattern adds to them, or whether it adds anything: the cheapest of looking up, running the
    /// pattern from each batch, and running it by itself.
    pub(super) fn partner(
        &mut self,
        left: Plan,
        right: Algebra,
        kind: JoinKind,
        filters: Vec<Scalar>,
    ) -> Result<Plan, QueryError> {
        if let Some(service) = self.sole_service(&right) {
            return Ok(service_join(left, service, kind, filters));
        }
        let (parts, own) = match right {
            Algebra::Join { parts, filters } => (parts, filters),
            other => (vec![other], Vec::new()),
        };
        let right = Algebra::Join {
            parts: parts.clone(),
            filters: own.clone(),
        };
        let (possible, certain) = (right.possible(), right.certain());
        let alone = self.plan(right)?;
        if self.execution.as_written {
            return Ok(joined(left, alone, kind, JoinMethod::Hash, filters));
        }
        let method = method_for(&left, &alone);
        let whole = joined(left.clone(), alone, kind, method, filters.clone());
        let shared = left.possible().intersection(&possible);
        let sees_same = own.iter().all(|filter| {
            filter
                .slots
                .intersection(&left.possible())
                .is_subset(&certain)
        });
        let is_plain = parts
            .iter()
            .all(|part| matches!(part, Algebra::Quads(_) | Algebra::Path(_)));
        if !is_plain || parts.is_empty() || shared.is_empty() || !sees_same {
            return Ok(whole);
        }
        let mut all_filters = own.clone();
        all_filters.extend(filters.iter().cloned());
        let has_exists = all_filters.iter().any(|filter| !filter.exists.is_empty());
        let looked_up = match parts.as_slice() {
            [Algebra::Quads(quads)] if !has_exists => {
                let probing = self.probing(quads, f64::INFINITY)?;
                let mut way = looked_up(left.clone(), Probed::Quads(*quads), kind, all_filters);
                if shared.meets(&left.certain) {
                    let in_order = left
                        .order
                        .first()
                        .is_some_and(|slot| shared.contains(*slot));
                    let looked_up = probing.cost(&shared, (left.rows, left.rows), in_order);
                    way.cost = left.cost + looked_up + left.rows * price::GIVEN;
                }
                Some(way)
            }
            _ if shared.is_subset(&left.certain) => {
                let number = self.hidden();
                let input = input_of(&left, number);
                let pipeline = self.join(parts, own, Some(input))?;
                Some(per_batch(left.clone(), pipeline, kind, number, filters))
            }
            _ => None,
        };
        Ok(match looked_up {
            Some(way) if way.cost < whole.cost => way,
            _ => whole,
        })
    }

    pub(super) fn left_join(
        &mut self,
        left: Plan,
        right: Algebra,
        filters: Vec<Scalar>,
    ) -> Result<Plan, QueryError> {
        let (marked, plain): (Vec<_>, Vec<_>) = filters
            .into_iter()
            .partition(|filter| !filter.exists.is_empty());
        if marked.is_empty() {
            return self.partner(left, right, JoinKind::Left, plain);
        }
        // The joined rows that pass, and then the left rows that are not among them.
        let number = self.hidden();
        let input = input_of(&left, number);
        let plan = match self.sole_service(&right) {
            Some(service) => service_join(input, service, JoinKind::Inner, Vec::new()),
            None => {
                let right = self.plan(right)?;
                joined(input, right, JoinKind::Inner, JoinMethod::Hash, Vec::new())
            }
        };
        let plan = self.filtered(plan, plain)?;
        let plan = self.filtered(plan, marked)?;
        Ok(per_batch(left, plan, JoinKind::Left, number, Vec::new()))
    }

    pub(super) fn minus(&mut self, left: Plan, right: Algebra) -> Result<Plan, QueryError> {
        let shared = left.possible().intersection(&right.possible());
        if shared.is_empty() {
            return Ok(left);
        }
        let is_certain = shared.is_subset(&left.certain) && shared.is_subset(&right.certain());
        if is_certain {
            return self.partner(left, right, JoinKind::Anti, Vec::new());
        }
        let right = self.plan(right)?;
        Ok(joined(
            left,
            right,
            JoinKind::Minus,
            JoinMethod::Hash,
            Vec::new(),
        ))
    }
}

/// Puts constants where a table of one row fixes a slot.
pub(super) fn with_constants(parts: Vec<Algebra>) -> Vec<Algebra> {
    let mut fixed: Vec<(Slot, u64)> = Vec::new();
    for part in &parts {
        if let Algebra::Values { slots, rows } = part
            && let [row] = rows.as_slice()
        {
            let bound = slots.iter().zip(row).filter(|(_, id)| **id != UNBOUND);
            fixed.extend(bound.map(|(slot, id)| (*slot, *id)));
        }
    }
    if fixed.is_empty() {
        return parts;
    }
    let place = |place: Place| match place {
        Place::Slot(slot) => fixed
            .iter()
            .find(|(known, _)| *known == slot)
            .map_or(place, |(_, id)| Place::Constant(*id)),
        constant @ Place::Constant(_) => constant,
    };
    let graph = |graph: GraphPlace| match graph {
        GraphPlace::Named(name) => GraphPlace::Named(place(name)),
        GraphPlace::Default => GraphPlace::Default,
    };
    parts
        .into_iter()
        .map(|part| match part {
            Algebra::Quads(quads) => Algebra::Quads(Quads {
                triple: quads.triple.map(place),
                graph: graph(quads.graph),
            }),
            // A path of no steps starts at any term that stands in the query, but only at those values that are nodes.
            other => other,
        })
        .collect()
}

/// The columns that a scan is sorted by, in a permutation of which some positions are bound.
fn scan_order(quads: &Quads, bound: [bool; 4], permutation: Permutation) -> Vec<Slot> {
    let places = places_of(quads);
    let mut order = Vec::new();
    for column in 0..4 {
        let position = permutation.position_of(column);
        if bound[position] {
            continue;
        }
        match places[position].and_then(Place::slot) {
            Some(slot) if !order.contains(&slot) => order.push(slot),
            // A second look at a slot adds nothing; a graph that is not asked for varies and is not seen.
            Some(_) => {}
            None => break,
        }
    }
    order
}

/// Whether a pattern gives, joined with the row outside, what it gives with that row's values in place of these slots.
fn is_self_contained(algebra: &Algebra, shared: &SlotSet) -> bool {
    let seen = |slots: &SlotSet, certain: &SlotSet| slots.intersection(shared).is_subset(certain);
    let own = match algebra {
        Algebra::Join { filters, .. } => {
            let certain = algebra.certain();
            filters.iter().all(|filter| seen(&filter.slots, &certain))
        }
        Algebra::LeftJoin {
            left,
            right,
            filters,
        } => {
            let certain = left.certain();
            let both = certain.union(&right.certain());
            seen(&right.possible(), &certain)
                && filters.iter().all(|filter| seen(&filter.slots, &both))
        }
        Algebra::Minus { left, right } => seen(&right.mentioned(), &left.certain()),
        Algebra::Extend { inner, slot, value } => {
            !shared.contains(*slot) && seen(&value.slots, &inner.certain())
        }
        Algebra::Group { inner, keys, .. } => {
            !keys.is_empty() && seen(&inner.possible(), &keys.iter().copied().collect())
        }
        // Somebody else evaluates it, as it is written.
        Algebra::Service(service) => service
            .name
            .slot()
            .is_none_or(|name| !shared.contains(name)),
        Algebra::Slice { .. } | Algebra::EachGraph { .. } => false,
        Algebra::Quads(_)
        | Algebra::Path(_)
        | Algebra::NamedGraphs(_)
        | Algebra::Values { .. }
        | Algebra::Union(_)
        | Algebra::Unpack { .. }
        | Algebra::Project { .. }
        | Algebra::Distinct(_)
        | Algebra::Reduced(_)
        | Algebra::Sort { .. } => true,
    };
    own && algebra
        .children()
        .into_iter()
        .all(|child| is_self_contained(child, shared))
}

/// Whether a condition is a single `EXISTS`, or the negation of one: then it is a join.
fn whole_exists(condition: &Scalar) -> Option<JoinKind> {
    let [exists] = condition.exists.as_slice() else {
        return None;
    };
    let is_mark = |expression: &Expression| matches!(expression, Expression::Variable(name) if Slot::of_variable(name) == Some(exists.mark));
    match &condition.expression {
        expression if is_mark(expression) => Some(JoinKind::Semi),
        Expression::Not(inner) if is_mark(inner) => Some(JoinKind::Anti),
        _ => None,
    }
}

/// The patterns among some parts.
fn patterns_of(parts: &[usize], readings: &[Reading]) -> Vec<Quads> {
    let patterns = parts.iter().filter_map(|part| match &readings[*part] {
        Reading::Quads(quads, _) => Some(*quads),
        Reading::Path(_) | Reading::Plan(_) => None,
    });
    patterns.collect()
}
