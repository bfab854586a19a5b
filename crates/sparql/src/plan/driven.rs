//! Parts of a join that begin with the rows of another: unions, optional parts, subqueries, groups.
//!
//! What flows in: an algebra, rows to begin with. What flows out: the plan of their join, in which the rows stand where the
//! algebra reads its first patterns, so that these are looked up. What always holds: the rows are those of joining the
//! algebra with the others in the end: that is the sideways passing of information of magic sets (C. Beeri and R.
//! Ramakrishnan, "On the power of magic", 1987), a batch of rows at a time.

use super::early::is_plain;
use super::nodes::{distinct, input_of, joined, per_batch, project, united, unpack, wrapped};
use super::partners::is_self_contained;
use super::planner::Planner;
use super::{JoinKind, JoinMethod, Node, Plan, price};
use crate::algebra::{Algebra, Scalar, Slot, SlotSet};
use crate::batch::BATCH_ROWS;
use crate::error::QueryError;
use crate::operators::gathered::GATHERED_MAX;

/// Within so many parts that begin with other rows it is not asked again what else might.
const DEPTH_MAX: usize = 2;

/// So many slots are tried that other rows may bind, each by itself.
const SLOTS_MAX: usize = 2;

/// The numbers of rows that the cost of beginning with them is asked for.
const ROWS_TRIED: [f64; 2] = [1.0, 1_000.0];

/// What it costs to begin a part with rows that bind some slots.
#[derive(Clone)]
pub(super) struct Driving {
    pub(super) slots: SlotSet,
    /// Once for each batch of rows.
    batch: f64,
    /// Once for each row.
    each: f64,
}

impl Driving {
    pub(super) fn cost(&self, rows: f64) -> f64 {
        self.batch * batches(rows) + self.each * rows
    }
}

/// How many batches so many rows are gathered to: the first is small, each next one twice as large, up to the greatest.
fn batches(rows: f64) -> f64 {
    let (first, most) = (BATCH_ROWS as f64, GATHERED_MAX as f64);
    (rows.min(most) / first + 1.0).log2().max(1.0) + ((rows - most) / most).max(0.0)
}

/// What a plan that begins with a batch costs apart from its rows: whatever does not begin with them is read again.
fn apart(plan: &Plan) -> f64 {
    match &plan.node {
        Node::PerBatch { left, .. } if begins(left) => apart(left),
        _ if begins(plan) => plan.children().into_iter().map(apart).sum(),
        _ => plan.cost,
    }
}

/// Whether a plan begins with the batch at hand. The right side of one that runs for each batch begins with another.
fn begins(plan: &Plan) -> bool {
    match &plan.node {
        Node::Input => true,
        Node::PerBatch { left, .. } => begins(left),
        _ => plan.children().into_iter().any(begins),
    }
}

/// What parts were found to cost, by what they are asked for.
#[derive(Default)]
pub(super) struct KnownDriving(Vec<(usize, Algebra, SlotSet, Vec<Driving>)>);

impl Planner<'_> {
    /// What it costs to begin a part with rows from outside, by what they bind: one of the shared slots, or all of them.
    pub(super) fn driving(
        &mut self,
        part: &Algebra,
        outside: &SlotSet,
    ) -> Result<Vec<Driving>, QueryError> {
        let slots = part.possible().intersection(outside);
        let slots = slots.difference(&self.parameters);
        if slots.is_empty() || !self.may_begin(part, outside) {
            return Ok(Vec::new());
        }
        let depth = self.driven_depth;
        let known = self.known_driving.0.iter();
        let is_same = |(at, other, sets, _): &&(usize, Algebra, SlotSet, Vec<Driving>)| {
            *at == depth && *sets == slots && other == part
        };
        if let Some((.., driving)) = known.clone().find(is_same) {
            return Ok(driving.clone());
        }
        let mut sets: Vec<SlotSet> = slots
            .iter()
            .take(SLOTS_MAX)
            .map(|slot| [slot].into_iter().collect())
            .collect();
        if !sets.contains(&slots) {
            sets.push(slots.clone());
        }
        let driving = sets.into_iter().map(|set| self.cost_by_rows(part, set));
        let driving = driving.collect::<Result<Vec<_>, _>>()?;
        let asked = (depth, part.clone(), slots, driving.clone());
        self.known_driving.0.push(asked);
        Ok(driving)
    }

    fn cost_by_rows(&mut self, part: &Algebra, slots: SlotSet) -> Result<Driving, QueryError> {
        let [few, many] = ROWS_TRIED;
        let (cost_of_few, apart) = self.cost_of_beginning(part, &slots, few)?;
        let (cost_of_many, _) = self.cost_of_beginning(part, &slots, many)?;
        Ok(Driving {
            slots,
            batch: apart + price::STARTED,
            each: ((cost_of_many - cost_of_few) / (many - few)).max(0.0),
        })
    }

    /// What the plan of a part that begins with rows costs, and what of it does not depend on the rows.
    fn cost_of_beginning(
        &mut self,
        part: &Algebra,
        slots: &SlotSet,
        rows: f64,
    ) -> Result<(f64, f64), QueryError> {
        let input = Plan {
            node: Node::Input,
            columns: slots.iter().collect(),
            certain: slots.clone(),
            order: Vec::new(),
            rows,
            cost: 0.0,
        };
        let named = self.names.len();
        let plan = self.driven_within(part.clone(), input)?;
        // Nobody else knows the slots that were made for it.
        self.names.truncate(named);
        Ok((plan.cost, apart(&plan)))
    }

    /// Whether an algebra means the same when it begins with rows that may bind some slots, and may read less then.
    pub(super) fn may_begin(&self, algebra: &Algebra, outside: &SlotSet) -> bool {
        if self.driven_depth >= DEPTH_MAX && !is_plain(algebra) {
            return false;
        }
        let outside = outside.union(&self.parameters);
        may_begin(algebra, &outside)
            && is_self_contained(algebra, &outside)
            && algebra.is_repeatable()
    }

    /// Left rows with what an algebra that begins with them gives.
    pub(super) fn driven_by(
        &mut self,
        left: Plan,
        right: Algebra,
        kind: JoinKind,
        filters: Vec<Scalar>,
    ) -> Result<Plan, QueryError> {
        let number = self.hidden();
        let mut input = input_of(&left, number);
        input.certain.insert(number);
        let batches = batches(left.rows);
        let right = self.driven_within(right, input)?;
        let again = apart(&right) * (batches - 1.0) + price::STARTED * batches;
        let mut plan = per_batch(left, right, kind, number, filters);
        plan.cost += again;
        Ok(plan)
    }

    /// The join of some rows with an algebra that begins with them, one level deeper.
    fn driven_within(&mut self, algebra: Algebra, input: Plan) -> Result<Plan, QueryError> {
        self.driven_depth += 1;
        let plan = self.driven(algebra, input);
        self.driven_depth -= 1;
        plan
    }

    /// The join of some rows with an algebra, which begins with them where it can.
    fn driven(&mut self, algebra: Algebra, input: Plan) -> Result<Plan, QueryError> {
        if !may_begin(&algebra, &input.possible()) {
            let right = self.plan(algebra)?;
            return Ok(joined(
                input,
                right,
                JoinKind::Inner,
                JoinMethod::Hash,
                Vec::new(),
            ));
        }
        match algebra {
            Algebra::Join { parts, filters } => self.join(parts, filters, Some(input)),
            Algebra::Union(branches) => {
                let mut plans = Vec::with_capacity(branches.len());
                for branch in branches {
                    plans.push(self.driven(branch, input.clone())?);
                }
                Ok(united(plans))
            }
            Algebra::LeftJoin {
                left,
                right,
                filters,
            } => {
                let left = self.driven(*left, input)?;
                self.left_join(left, *right, filters)
            }
            Algebra::Minus { left, right } => {
                let left = self.driven(*left, input)?;
                self.minus(left, *right)
            }
            Algebra::Extend { inner, slot, value } => {
                let inner = self.driven(*inner, input)?;
                self.extend(inner, slot, value)
            }
            other => self.driven_whole(other, input),
        }
    }

    /// The same of what gives other columns or fewer rows: all columns of the input are among what it tells rows apart by.
    fn driven_whole(&mut self, algebra: Algebra, input: Plan) -> Result<Plan, QueryError> {
        let mut slots = input.columns.clone();
        let mut more = |others: &[Slot]| {
            let new: Vec<Slot> = others
                .iter()
                .copied()
                .filter(|it| !slots.contains(it))
                .collect();
            slots.extend(new);
        };
        Ok(match algebra {
            Algebra::Unpack {
                inner,
                triple,
                parts,
            } => unpack(self.driven(*inner, input)?, triple, parts),
            Algebra::Project {
                inner,
                slots: selected,
            } => {
                more(&selected);
                project(self.driven(*inner, input)?, slots)
            }
            Algebra::Distinct(inner) => distinct(self.driven(*inner, input)?),
            Algebra::Reduced(inner) => wrapped(self.driven(*inner, input)?, |input| {
                Node::Reduced(Box::new(input))
            }),
            Algebra::Group {
                inner,
                keys,
                aggregates,
            } => {
                more(&keys);
                let rows = self.driven(*inner, input)?;
                self.grouped(rows, slots, aggregates)?
            }
            leaf => self.join(vec![leaf], Vec::new(), Some(input))?,
        })
    }
}

/// Whether the rows that an algebra begins with, which may bind some slots, stand where it reads its first patterns, and
/// what it does with its rows is the same for these with them as without.
fn may_begin(algebra: &Algebra, outside: &SlotSet) -> bool {
    let seen = |inner: &Algebra| inner.mentioned().intersection(outside);
    match algebra {
        Algebra::Quads(_) | Algebra::Path(_) => true,
        Algebra::Join { parts, .. } => parts.iter().any(|part| may_begin(part, outside)),
        Algebra::Union(branches) => branches.iter().any(|branch| may_begin(branch, outside)),
        Algebra::LeftJoin { left, .. } | Algebra::Minus { left, .. } => may_begin(left, outside),
        Algebra::Unpack { inner, .. } | Algebra::Extend { inner, .. } => may_begin(inner, outside),
        Algebra::Project { inner, slots } => {
            seen(inner).is_subset(&slots.iter().copied().collect()) && may_begin(inner, outside)
        }
        // Rows that differ only in whether a slot has a value become the same when it has one.
        Algebra::Distinct(inner) | Algebra::Reduced(inner) => {
            let bound = inner.possible().intersection(outside);
            bound.is_subset(&inner.certain()) && may_begin(inner, outside)
        }
        Algebra::Group { inner, keys, .. } => {
            let keys: SlotSet = keys.iter().copied().collect();
            let by_keys = seen(inner).is_subset(&keys.intersection(&inner.certain()));
            !keys.is_empty() && by_keys && may_begin(inner, outside)
        }
        Algebra::NamedGraphs(_)
        | Algebra::Values { .. }
        | Algebra::Slice { .. }
        | Algebra::SliceOfEach { .. }
        | Algebra::Sort { .. }
        | Algebra::EachGraph { .. }
        | Algebra::Service(_) => false,
    }
}
