//! The operators of `SERVICE`.

use super::joins::output_columns;
use super::{Builder, Built, Environment};
use crate::algebra::{Place, Service, Slot};
use crate::batch::{Batch, UNBOUND};
use crate::error::QueryError;
use crate::operators::BoxedOperator;
use crate::operators::correlated::OneBatch;
use crate::operators::hash_join::{HashJoin, HashJoinParts, HashRight};
use crate::operators::service::{EndpointName, KeptAnswer, ServiceCall, ServiceJoin};
use crate::plan::{Node, Plan};
use std::sync::Arc;

impl Builder {
    /// The rows of an endpoint that the query names, or a constant of the environment.
    pub(super) fn service(
        &self,
        service: &Service,
        environment: &Environment,
    ) -> (BoxedOperator, Vec<Slot>) {
        let endpoint = constant(service.name, environment).unwrap_or(UNBOUND);
        let call = self.call(service, environment);
        let operator = crate::operators::service::Service::new(call, endpoint);
        (Box::new(operator), service.columns())
    }

    fn call(&self, service: &Service, environment: &Environment) -> ServiceCall {
        let columns = service.columns();
        let known = columns.iter().enumerate().filter_map(|(column, slot)| {
            let id = environment.parameters.get(slot)?;
            Some((column, *id))
        });
        let is_certain = |column: &usize| service.certain.contains(columns[*column]);
        ServiceCall {
            execution: Arc::clone(&self.execution),
            query: service.query.clone(),
            variables: service
                .variables
                .iter()
                .map(|(variable, _)| variable.clone())
                .collect(),
            known: known.collect(),
            certain: (0..columns.len()).filter(is_certain).collect(),
            silent: service.silent,
        }
    }

    /// The rows of a plan with those of the endpoints that they name.
    pub(super) fn service_join(
        &self,
        plan: &Plan,
        environment: &Environment,
    ) -> Result<Built, QueryError> {
        let Node::ServiceJoin {
            kind,
            left,
            service,
            filters,
        } = &plan.node
        else {
            return self.build(plan, environment);
        };
        let left = self.build(left, environment)?;
        let left = self.with_parameters(left, filters, environment);
        let name = match (constant(service.name, environment), service.name) {
            (None, Place::Slot(slot)) => left
                .place(slot)
                .map_or(EndpointName::Constant(UNBOUND), EndpointName::Column),
            (id, _) => EndpointName::Constant(id.unwrap_or(UNBOUND)),
        };
        let right = service.columns();
        let columns = output_columns(plan, &left.columns, &right, *kind);
        let width = columns.len();
        let shared: Vec<(usize, usize)> = left
            .columns
            .iter()
            .enumerate()
            .filter_map(|(column, slot)| {
                let other = right.iter().position(|known| known == slot)?;
                Some((column, other))
            })
            .collect();
        let (builder, kind, filters) = (self.clone(), *kind, filters.clone());
        let (left_columns, output_columns) = (left.columns, columns.clone());
        let factory =
            move |rows: Batch, answer: &KeptAnswer| -> Result<BoxedOperator, QueryError> {
                let is_certain = |(left, right): &(usize, usize)| {
                    answer.bound.contains(right) && !rows.column(*left).contains(&UNBOUND)
                };
                let (keys, loose): (Vec<_>, Vec<_>) = shared.iter().copied().partition(is_certain);
                let parts = HashJoinParts {
                    output: builder.output(&output_columns, &left_columns, &right, kind, &loose),
                    filter: builder.pair_filter(&filters, &left_columns, &right)?,
                    left: Box::new(OneBatch::whole(rows)),
                    right: HashRight::Own(Box::new(OneBatch::whole(answer.rows.clone()))),
                    keys,
                    loose,
                };
                let execution = Arc::clone(&builder.execution);
                Ok(Box::new(HashJoin::new(execution, parts)))
            };
        let call = self.call(service, environment);
        let operator = ServiceJoin::new(call, name, left.operator, Box::new(factory), width);
        Ok(Built {
            operator: Box::new(operator),
            columns,
        })
    }
}

fn constant(place: Place, environment: &Environment) -> Option<u64> {
    match place {
        Place::Constant(id) => Some(id),
        Place::Slot(slot) => environment.parameters.get(&slot).copied(),
    }
}
