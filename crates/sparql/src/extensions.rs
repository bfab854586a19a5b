//! What a caller adds to the language: functions, aggregates, answers to `SERVICE`.
//!
//! What flows in: implementations by their IRIs. What flows out: the one for an IRI. What always holds: options that are cloned
//! share them.

use crate::service::ServiceHandler;
use oxrdf::{NamedNode, Term};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

type Function = dyn Fn(&[Term]) -> Option<Term> + Send + Sync;

/// A function of terms; `None` is an error of the expression.
#[derive(Clone)]
pub(crate) struct CustomFunction(Arc<Function>);

impl CustomFunction {
    pub(crate) fn new(function: impl Fn(&[Term]) -> Option<Term> + Send + Sync + 'static) -> Self {
        Self(Arc::new(function))
    }

    pub(crate) fn call(&self, terms: &[Term]) -> Option<Term> {
        (self.0)(terms)
    }
}

impl fmt::Debug for CustomFunction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CustomFunction")
    }
}

/// Makes an accumulator for each group.
pub(crate) type CustomAggregate = Arc<dyn Fn() -> Box<dyn AggregateAccumulator> + Send + Sync>;

/// What an aggregate of the caller's own gathers for one group.
pub trait AggregateAccumulator: Send {
    /// Adds the value of a row; `None` is one that is not bound or could not be computed.
    fn add(&mut self, value: Option<Term>);

    /// The aggregate, asked for once at the end; `None` is an error, which leaves the variable unbound.
    fn finish(&mut self) -> Option<Term>;

    /// About how many bytes it takes, which count against the memory budget of the query. Accumulators that gather more than
    /// a few values should tell.
    fn bytes(&self) -> usize {
        64
    }
}

/// The extensions of one query.
#[derive(Clone, Default)]
pub(crate) struct Extensions {
    functions: HashMap<NamedNode, CustomFunction>,
    aggregates: HashMap<NamedNode, CustomAggregate>,
    services: HashMap<NamedNode, Arc<dyn ServiceHandler>>,
    /// Asked for all other endpoints.
    default_service: Option<Arc<dyn ServiceHandler>>,
}

impl Extensions {
    pub(crate) fn set_function(&mut self, name: NamedNode, function: CustomFunction) {
        self.functions.insert(name, function);
    }

    pub(crate) fn function(&self, name: &NamedNode) -> Option<&CustomFunction> {
        self.functions.get(name)
    }

    pub(crate) fn set_aggregate(&mut self, name: NamedNode, aggregate: CustomAggregate) {
        self.aggregates.insert(name, aggregate);
    }

    pub(crate) fn aggregate(&self, name: &NamedNode) -> Option<&CustomAggregate> {
        self.aggregates.get(name)
    }

    /// The names of the aggregates: to parsers, calls of them are no calls of functions.
    pub(crate) fn aggregate_names(&self) -> impl Iterator<Item = &NamedNode> {
        self.aggregates.keys()
    }

    /// Answers one endpoint, or all that have no handler of their own.
    pub(crate) fn set_service(
        &mut self,
        endpoint: Option<NamedNode>,
        handler: Arc<dyn ServiceHandler>,
    ) {
        match endpoint {
            Some(endpoint) => {
                self.services.insert(endpoint, handler);
            }
            None => self.default_service = Some(handler),
        }
    }

    /// Who answers for an endpoint.
    pub(crate) fn service(&self, endpoint: &NamedNode) -> Option<&Arc<dyn ServiceHandler>> {
        self.services
            .get(endpoint)
            .or(self.default_service.as_ref())
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Extensions")
            .field("functions", &self.functions.keys())
            .field("aggregates", &self.aggregates.keys())
            .field("services", &self.services.keys())
            .field("default_service", &self.default_service.is_some())
            .finish()
    }
}
