//! The joins of a plan.
//!
//! What flows in: the parts of a join and its filters. What flows out: a plan. What always holds: each part is read with the
//! figures by which the search for the order chose it.

use super::estimate::{Estimate, places_of};
use super::group::{Access, JoinFilter, JoinPart, Probing, Start, Step, Tree, best_tree};
use super::nodes::with_constants as nodes_with_constants;
use super::nodes::{filter_price, joined, leaf, looked_up, multiway, scan, selectivity, unit};
use super::planner::Planner;
use super::star::Arm;
use super::{JoinKind, JoinMethod, Node, PathPlan, Plan, Probed, price};
use crate::algebra::{Algebra, GraphPlace, Path, Place, Quads, Scalar, Slot, SlotSet};
use crate::batch::UNBOUND;
use crate::error::QueryError;
use crate::expression::IdRange;
use crate::operators::leapfrog::tries::{join_pattern, orders};
use quadrille_store::Permutation;
use std::sync::Arc;

/// Up to so many matches of a pattern, it does not matter what look-ups in it go through.
const FEW_ROWS: f64 = 64.0;

/// What a part of a join is read with.
pub(super) enum Reading {
    /// The ranges of ids that a scan by objects reads them from, if not all.
    Quads(Quads, Option<Arc<[IdRange]>>),
    Path(Box<Path>),
    /// What it was planned from, if it can begin with the rows of another.
    Plan(Box<Plan>, Option<Box<Algebra>>),
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
        let outside = outside_of(&parts, start.as_ref());
        for (part, outside) in parts.into_iter().zip(outside) {
            let (reading, mut join_part) = self.part(part, &outside)?;
            readings.push(match reading {
                Reading::Quads(quads, _) => {
                    self.narrowed(quads, &mut join_part, &filters, &mut counted)?
                }
                other => other,
            });
            join_parts.push(join_part);
        }
        let join_filters = self.join_filters(&filters, &counted);
        let start_state = start.as_ref().map(|plan| Start {
            estimate: Estimate {
                rows: plan.rows,
                values: Vec::new(),
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

    /// The conditions of a join with their figures, some of them counted with their patterns already.
    fn join_filters(&self, filters: &[Scalar], counted: &[usize]) -> Vec<JoinFilter> {
        filters
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
            .collect()
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

    /// The plan of a single pattern that can be scanned in one way, all of it, or of the patterns of one subject, if figures
    /// are of no use.
    fn only_way(
        &mut self,
        parts: &[Algebra],
        filters: &[Scalar],
        start: Option<&Plan>,
    ) -> Result<Option<Plan>, QueryError> {
        let [Algebra::Quads(quads)] = parts else {
            return self.only_star(parts, start);
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

    /// A part with its estimates, beside others that may bind some slots.
    pub(super) fn part(
        &mut self,
        part: Algebra,
        outside: &SlotSet,
    ) -> Result<(Reading, JoinPart), QueryError> {
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
                    driving: Vec::new(),
                    keeps_order: true,
                    arm: self.arm(&quads)?,
                };
                Ok((Reading::Quads(quads, None), part))
            }
            Algebra::Path(path) => self.path_part(path, &parameters),
            other => self.planned_part(other, &parameters, outside),
        }
    }

    fn path_part(
        &mut self,
        path: Box<Path>,
        parameters: &SlotSet,
    ) -> Result<(Reading, JoinPart), QueryError> {
        let estimate = self.estimator.path(&path, parameters)?;
        let slots = path.slots().difference(parameters);
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
            driving: Vec::new(),
            // A path is walked from all nodes of a batch at once.
            keeps_order: false,
            arm: None,
        };
        Ok((Reading::Path(path), part))
    }

    /// A part that is planned by itself, and perhaps begun with other rows instead.
    fn planned_part(
        &mut self,
        part: Algebra,
        parameters: &SlotSet,
        outside: &SlotSet,
    ) -> Result<(Reading, JoinPart), QueryError> {
        let driving = self.driving(&part, outside)?;
        let algebra = (!driving.is_empty()).then(|| Box::new(part.clone()));
        let plan = self.plan(part)?;
        let join_part = JoinPart {
            estimate: Estimate {
                rows: plan.rows,
                values: Vec::new(),
            },
            possible: plan.possible().difference(parameters),
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
            driving,
            keeps_order: false,
            arm: None,
        };
        Ok((Reading::Plan(Box::new(plan), algebra), join_part))
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
    pub(super) fn arm(&mut self, quads: &Quads) -> Result<Option<Arm>, QueryError> {
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
    pub(super) fn probing(&mut self, quads: &Quads, rows: f64) -> Result<Probing, QueryError> {
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
                self.looked_up(left, &readings[*part])?
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

    /// Some rows joined with a part that is looked up or begins with them.
    fn looked_up(&mut self, left: Plan, reading: &Reading) -> Result<Plan, QueryError> {
        let probed = match reading {
            Reading::Quads(quads, _) => Probed::Quads(*quads),
            Reading::Path(path) => Probed::Path(Box::new(self.path(path, Some(&left))?)),
            Reading::Plan(_, Some(algebra)) => {
                return self.driven_by(left, Algebra::clone(algebra), JoinKind::Inner, Vec::new());
            }
            Reading::Plan(_, None) => {
                return Err(QueryError::Evaluation(
                    "a part that cannot be looked up was planned so".to_owned(),
                ));
            }
        };
        Ok(looked_up(left, probed, JoinKind::Inner, Vec::new()))
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
            Reading::Plan(plan, _) => Plan::clone(plan),
        })
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

/// For each part, what the others may bind.
fn outside_of(parts: &[Algebra], start: Option<&Plan>) -> Vec<SlotSet> {
    let own: Vec<SlotSet> = parts.iter().map(Algebra::possible).collect();
    let begun = start.map(Plan::possible).unwrap_or_default();
    let outside = |part: usize| {
        let mut slots = begun.clone();
        let others = own.iter().enumerate().filter(|(other, _)| *other != part);
        others.for_each(|(_, own)| slots.add_all(own));
        slots
    };
    (0..parts.len()).map(outside).collect()
}

/// The patterns among some parts.
fn patterns_of(parts: &[usize], readings: &[Reading]) -> Vec<Quads> {
    let patterns = parts.iter().filter_map(|part| match &readings[*part] {
        Reading::Quads(quads, _) => Some(*quads),
        Reading::Path(_) | Reading::Plan(..) => None,
    });
    patterns.collect()
}
