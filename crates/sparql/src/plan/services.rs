//! `SERVICE` in plans: by itself, or joined with the rows that name the endpoint.
//!
//! What flows in: services among the parts of a join. What flows out: plans around the other parts. What always holds: a
//! service whose endpoint a variable names is asked only behind what may bind the variable.

use super::nodes::{join_columns, join_rows, leaf};
use super::planner::Planner;
use super::price;
use super::{JoinKind, Node, Plan};
use crate::algebra::{Algebra, Place, Scalar, Service, SlotSet};
use crate::error::QueryError;

/// About how many rows a service gives.
const ROWS: f64 = 100.0;
/// About how long asking one takes, in nanoseconds.
const ASKED: f64 = 1e7;

impl Planner<'_> {
    /// Whether a service is joined with the rows of others: where these name the endpoint, and where a failure is one row
    /// that joins with all of them.
    fn needs_rows(&self, service: &Service) -> bool {
        let is_open = |name| match name {
            Place::Slot(slot) => !self.parameters.contains(slot),
            Place::Constant(_) => false,
        };
        service.silent || is_open(service.name)
    }

    /// The service that is all of a pattern and must be joined with rows.
    pub(super) fn sole_service(&self, pattern: &Algebra) -> Option<Service> {
        let mut pattern = pattern;
        while let Algebra::Join { parts, filters } = pattern {
            match parts.as_slice() {
                [part] if filters.is_empty() => pattern = part,
                _ => return None,
            }
        }
        match pattern {
            Algebra::Service(service) if self.needs_rows(service) => Some(service.as_ref().clone()),
            _ => None,
        }
    }

    /// The services that must be joined with the rows of the other parts, and these; `None` without such a service.
    pub(super) fn split_services(&self, parts: &[Algebra]) -> Option<(Vec<Service>, Vec<Algebra>)> {
        let mut services = Vec::new();
        let mut others = Vec::new();
        for part in parts {
            match part {
                Algebra::Service(service) if self.needs_rows(service) => {
                    services.push(service.as_ref().clone());
                }
                other => others.push(other.clone()),
            }
        }
        (!services.is_empty()).then_some((services, others))
    }

    /// The join of some parts and then, one by one, of services whose endpoints are known by then.
    pub(super) fn join_services(
        &mut self,
        parts: Vec<Algebra>,
        mut services: Vec<Service>,
        filters: Vec<Scalar>,
        start: Option<Plan>,
    ) -> Result<Plan, QueryError> {
        let mut later = SlotSet::default();
        services
            .iter()
            .for_each(|service| later.add_all(&service.slots()));
        let (late, early): (Vec<_>, Vec<_>) = filters
            .into_iter()
            .partition(|filter| filter.slots.meets(&later));
        let mut plan = self.join(parts, early, start)?;
        while !services.is_empty() {
            let known = plan.possible();
            let is_named = |service: &Service| {
                let name = service.name.slot();
                name.is_none_or(|slot| known.contains(slot))
            };
            let next = services.iter().position(is_named).unwrap_or(0);
            plan = service_join(plan, services.remove(next), JoinKind::Inner, Vec::new());
        }
        self.filtered(plan, late)
    }
}

/// A service by itself.
pub(super) fn service_leaf(service: Service) -> Plan {
    let (columns, certain) = (service.columns(), service.certain.clone());
    let mut plan = leaf(Node::Service(Box::new(service)), columns, certain, ROWS);
    plan.cost += ASKED;
    plan
}

/// The left rows with those of the endpoints that they name, or whether there are any.
pub(super) fn service_join(
    left: Plan,
    service: Service,
    kind: JoinKind,
    filters: Vec<Scalar>,
) -> Plan {
    let right = service_leaf(service.clone());
    let (columns, certain) = join_columns(&left, &right, kind);
    Plan {
        columns,
        certain,
        order: Vec::new(),
        rows: join_rows(&left, left.rows, kind),
        cost: left.cost + right.cost + left.rows * (price::PROBED + price::GIVEN),
        node: Node::ServiceJoin {
            kind,
            left: Box::new(left),
            service: Box::new(service),
            filters,
        },
    }
}
