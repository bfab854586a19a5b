//! What has a partner in a pattern, or is joined with it if it has: `OPTIONAL`, `MINUS`, `EXISTS`.
//!
//! What flows in: the plan of the left side, the algebra of the right. What flows out: a plan of both. What always holds: a
//! pattern is run from the rows of another only where it then means the same as by itself.

use super::nodes::{filter, input_of, joined, looked_up, method_for, per_batch, per_row};
use super::normalize::normalize;
use super::planner::Planner;
use super::prune::prune;
use super::services::service_join;
use super::{JoinKind, JoinMethod, Plan, Probed, price};
use crate::algebra::{Algebra, Exists, Quads, Scalar, Slot, SlotSet};
use crate::error::QueryError;
use spargebra::algebra::Expression;

impl Planner<'_> {
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
        let shared = left.possible().intersection(&right.possible());
        let alone = self.plan(right.clone())?;
        if self.execution.as_written {
            return Ok(joined(left, alone, kind, JoinMethod::Hash, filters));
        }
        let method = method_for(&left, &alone);
        let whole = joined(left.clone(), alone, kind, method, filters.clone());
        let begun = match shared.is_empty() {
            true => None,
            false => self.begun(left, right, kind, filters, &shared)?,
        };
        Ok(match begun {
            Some(way) if way.cost < whole.cost => way,
            _ => whole,
        })
    }

    /// The same by looking up, or by running the pattern from each batch, where it then means the same.
    fn begun(
        &mut self,
        left: Plan,
        right: Algebra,
        kind: JoinKind,
        filters: Vec<Scalar>,
        shared: &SlotSet,
    ) -> Result<Option<Plan>, QueryError> {
        let is_certain = shared.is_subset(&left.certain);
        let quads = match &right {
            Algebra::Quads(quads) => Some((*quads, Vec::new())),
            Algebra::Join { parts, filters } => match parts.as_slice() {
                [Algebra::Quads(quads)] => Some((*quads, filters.clone())),
                _ => None,
            },
            _ => None,
        };
        if let Some((quads, mut all)) = quads
            && is_self_contained(&right, &left.possible())
        {
            all.extend(filters.iter().cloned());
            if all.iter().all(|filter| filter.exists.is_empty()) {
                return self
                    .quads_looked_up(left, quads, kind, all, shared)
                    .map(Some);
            }
        }
        if is_certain && self.may_begin(&right, &left.possible()) {
            return self.driven_by(left, right, kind, filters).map(Some);
        }
        Ok(None)
    }

    fn quads_looked_up(
        &mut self,
        left: Plan,
        quads: Quads,
        kind: JoinKind,
        filters: Vec<Scalar>,
        shared: &SlotSet,
    ) -> Result<Plan, QueryError> {
        let probing = self.probing(&quads, f64::INFINITY)?;
        let mut way = looked_up(left.clone(), Probed::Quads(quads), kind, filters);
        if shared.meets(&left.certain) {
            let leading = left.order.first();
            let in_order = leading.is_some_and(|slot| shared.contains(*slot));
            let looked_up = probing.cost(shared, (left.rows, left.rows), in_order);
            way.cost = left.cost + looked_up + left.rows * price::GIVEN;
        }
        Ok(way)
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

/// Whether a pattern gives, joined with the row outside, what it gives with that row's values in place of these slots.
pub(super) fn is_self_contained(algebra: &Algebra, shared: &SlotSet) -> bool {
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
        Algebra::Slice { .. } | Algebra::SliceOfEach { .. } | Algebra::EachGraph { .. } => false,
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
