//! `SERVICE`: parts of a query that others answer, through handlers that the caller of the query brings.
//!
//! What flows in: a [`ServiceRequest`], which is a query of its own. What flows out: rows of terms, one by one. What always
//! holds: this crate asks nobody itself; without a handler for an endpoint there is an error, and a handler is asked from
//! the thread that pulls the rows of the query.

use oxrdf::{NamedNode, Term, Variable};
use quadrille_store::CancelToken;
use std::error::Error;
use std::time::Instant;

/// Why a service gave no answer, or stopped within it.
pub type ServiceError = Box<dyn Error + Send + Sync>;

/// The rows of a service's answer: a value, or none, for each of the [variables](ServiceRequest::variables) in their order.
pub type ServiceRows = Box<dyn Iterator<Item = Result<Vec<Option<Term>>, ServiceError>> + Send>;

/// Answers the `SERVICE` patterns of queries: over HTTP, from another store, from whatever can be seen as RDF. Closures are
/// handlers.
///
/// ```
/// # fn example<B: quadrille_store::StorageBackend>(
/// #     store: &quadrille_store::QuadStore<B>, remote: quadrille_store::Snapshot<B>,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// use oxrdf::NamedNode;
/// use quadrille_sparql::{QueryOptions, QueryResults, ServiceRequest, ServiceRows, SparqlExt};
///
/// let endpoint = NamedNode::new("http://example.com/sparql")?;
/// let options = QueryOptions::new().with_service(endpoint, move |request: &ServiceRequest| {
///     let QueryResults::Solutions(solutions) = remote.query(request.query())? else {
///         return Err("no solutions".into());
///     };
///     let rows = solutions.map(|solution| Ok(solution?.values().to_vec()));
///     Ok(Box::new(rows) as ServiceRows)
/// });
/// let text = "SELECT * { ?s ?p ?o SERVICE <http://example.com/sparql> { ?o ?q ?r } }";
/// store.query_with(text, &options)?;
/// # Ok(())
/// # }
/// ```
pub trait ServiceHandler: Send + Sync {
    /// Asks the service. It may be asked several times in a query: once for each `SERVICE` pattern and endpoint, and again
    /// where the pattern is evaluated again, as within an `EXISTS` that knows the row outside.
    ///
    /// Rows may come lazily; those of a pattern that is not `SILENT` are taken as the query needs them. The limits of the
    /// query are checked between rows: a handler that may wait long for one should heed the
    /// [deadline](ServiceRequest::deadline) and the [cancel token](ServiceRequest::cancel_token) itself. Blank nodes are
    /// those of this answer, whatever their labels.
    ///
    /// # Errors
    /// What the service fails with. The query then ends with [`QueryError::Service`](crate::QueryError::Service), unless the
    /// pattern is `SILENT`: it then has a single solution that binds nothing.
    fn answer(&self, request: &ServiceRequest) -> Result<ServiceRows, ServiceError>;
}

impl<F> ServiceHandler for F
where
    F: Fn(&ServiceRequest) -> Result<ServiceRows, ServiceError> + Send + Sync,
{
    fn answer(&self, request: &ServiceRequest) -> Result<ServiceRows, ServiceError> {
        self(request)
    }
}

/// What a service is asked.
#[derive(Clone, Debug)]
pub struct ServiceRequest {
    pub(crate) endpoint: NamedNode,
    pub(crate) query: String,
    pub(crate) variables: Vec<Variable>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) cancel: Option<CancelToken>,
}

impl ServiceRequest {
    /// Whom to ask.
    #[must_use]
    pub fn endpoint(&self) -> &NamedNode {
        &self.endpoint
    }

    /// The pattern as a query, `SELECT … WHERE { … }`, without prefixes and relative IRIs.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// The variables of the pattern, which are those that the query selects, in its order. Rows have a value for each.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// When the query that asks must end, if it has a deadline or a timeout.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The token that stops the query that asks, if it has one.
    #[must_use]
    pub fn cancel_token(&self) -> Option<&CancelToken> {
        self.cancel.as_ref()
    }
}
