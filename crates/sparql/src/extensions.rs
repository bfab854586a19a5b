//! What a caller adds to the language: answers to `SERVICE`.
//!
//! What flows in: handlers by their IRIs. What flows out: the one for an IRI. What always holds: options that are cloned
//! share them.

use crate::service::ServiceHandler;
use oxrdf::NamedNode;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// The extensions of one query.
#[derive(Clone, Default)]
pub(crate) struct Extensions {
    services: HashMap<NamedNode, Arc<dyn ServiceHandler>>,
    /// Asked for all other endpoints.
    default_service: Option<Arc<dyn ServiceHandler>>,
}

impl Extensions {
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
            .field("services", &self.services.keys())
            .field("default_service", &self.default_service.is_some())
            .finish()
    }
}
