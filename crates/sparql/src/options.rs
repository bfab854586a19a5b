//! How a query runs: which default graph it sees, and what stops it.
//!
//! What flows in: a caller's settings. What flows out: the limits of one execution. What always holds: a timeout counts
//! from the start of the execution, not from the making of the options.

use crate::error::QueryError;
use crate::extensions::{AggregateAccumulator, CustomFunction, Extensions};
use crate::service::ServiceHandler;
use oxrdf::{NamedNode, Term};
use quadrille_store::{CancelToken, ErrorKind, ReadContext, StorageError, StorageResult};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The memory budget of a query whose options name none.
const MEMORY_DEFAULT: usize = 1 << 30;

/// Settings of a query. The default has no limits but 1 GiB of memory, and takes the store's default graph as it is.
///
/// ```
/// use quadrille_sparql::QueryOptions;
/// use std::time::Duration;
///
/// let options = QueryOptions::new()
///     .with_union_default_graph(true)
///     .with_timeout(Duration::from_secs(10));
/// assert!(options.union_default_graph());
/// ```
#[derive(Clone, Debug, Default)]
pub struct QueryOptions {
    union_default_graph: bool,
    timeout: Option<Duration>,
    deadline: Option<Instant>,
    cancel: Option<CancelToken>,
    base_iri: Option<String>,
    memory: Option<usize>,
    threads: Option<NonZeroUsize>,
    max_rows: Option<u64>,
    extensions: Arc<Extensions>,
    as_written: bool,
}

impl QueryOptions {
    /// No limits but 1 GiB of memory, the default graph as stored, no base IRI.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a query without `FROM` sees the union of all graphs, the default graph included, as its default graph. A
    /// triple that several graphs hold is there once.
    #[must_use]
    pub fn with_union_default_graph(mut self, union: bool) -> Self {
        self.union_default_graph = union;
        self
    }

    /// Stops the query some time after its execution starts.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Stops the query at an instant; with a timeout too, the earlier of the two.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Stops the query when the token is cancelled.
    #[must_use]
    pub fn with_cancel_token(mut self, token: CancelToken) -> Self {
        self.cancel = Some(token);
        self
    }

    /// The IRI that relative IRIs of the query text are resolved against, until a `BASE` of its own.
    #[must_use]
    pub fn with_base_iri(mut self, base_iri: impl Into<String>) -> Self {
        self.base_iri = Some(base_iri.into());
        self
    }

    /// The bytes that the operators of the query may keep in memory together; 1 GiB unless set. Those that sort, group and
    /// join go on in temporary files beyond it, and what cannot ends with [`QueryError::Memory`].
    #[must_use]
    pub fn with_memory(mut self, bytes: usize) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// The solutions or triples that the query may give. Where it has more, the iterator gives so many and then ends with
    /// [`QueryError::Rows`]: unlike `LIMIT`, nobody takes a part for the whole.
    ///
    /// ```
    /// # fn example<B: quadrille_store::StorageBackend>(store: &quadrille_store::QuadStore<B>) -> Result<(), quadrille_sparql::QueryError> {
    /// use quadrille_sparql::{QueryError, QueryOptions, QueryResults, SparqlExt};
    ///
    /// let options = QueryOptions::new().with_max_rows(1000);
    /// if let QueryResults::Solutions(solutions) = store.query_with("SELECT * { ?s ?p ?o }", &options)? {
    ///     match solutions.collect::<Result<Vec<_>, _>>() {
    ///         Err(QueryError::Rows { limit }) => println!("more than {limit} rows"),
    ///         rows => println!("{} rows", rows?.len()),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_max_rows(mut self, rows: u64) -> Self {
        self.max_rows = Some(rows);
        self
    }

    /// How many rows the query may give, if that is limited.
    #[must_use]
    pub fn max_rows(&self) -> Option<u64> {
        self.max_rows
    }

    /// Adds a function that expressions call by its IRI; one given earlier is replaced. It gets the terms of its arguments
    /// as they are, and is not called where one of them is unbound or an error. `None` is an error of the expression. It should
    /// give equal terms for equal terms: how often it is called for a row is not told.
    ///
    /// ```
    /// # fn example<B: quadrille_store::StorageBackend>(store: &quadrille_store::QuadStore<B>) -> Result<(), Box<dyn std::error::Error>> {
    /// use oxrdf::{Literal, NamedNode, Term};
    /// use quadrille_sparql::{QueryOptions, SparqlExt};
    ///
    /// let reversed = |terms: &[Term]| match terms {
    ///     [Term::Literal(text)] => {
    ///         let reversed: String = text.value().chars().rev().collect();
    ///         Some(Literal::new_simple_literal(reversed).into())
    ///     }
    ///     _ => None,
    /// };
    /// let options = QueryOptions::new().with_function(NamedNode::new("http://example.com/reversed")?, reversed);
    /// store.query_with("SELECT (<http://example.com/reversed>(?o) AS ?r) { ?s ?p ?o }", &options)?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_function(
        mut self,
        name: impl Into<NamedNode>,
        function: impl Fn(&[Term]) -> Option<Term> + Send + Sync + 'static,
    ) -> Self {
        Arc::make_mut(&mut self.extensions)
            .set_function(name.into(), CustomFunction::new(function));
        self
    }

    /// Adds an aggregate that `SELECT`, `HAVING` and `ORDER BY` call by its IRI; one given earlier is replaced. The parser
    /// takes one argument, without `DISTINCT`. The query must be parsed with these options, by [`Query::parse_with`](crate::Query::parse_with) or
    /// [`query_with`](crate::SparqlExt::query_with).
    ///
    /// ```
    /// # fn example<B: quadrille_store::StorageBackend>(store: &quadrille_store::QuadStore<B>) -> Result<(), Box<dyn std::error::Error>> {
    /// use oxrdf::{Literal, NamedNode, Term};
    /// use quadrille_sparql::{AggregateAccumulator, QueryOptions, SparqlExt};
    ///
    /// /// The length of the longest text.
    /// #[derive(Default)]
    /// struct Longest(usize);
    ///
    /// impl AggregateAccumulator for Longest {
    ///     fn add(&mut self, value: Option<Term>) {
    ///         if let Some(Term::Literal(text)) = value {
    ///             self.0 = self.0.max(text.value().len());
    ///         }
    ///     }
    ///
    ///     fn finish(&mut self) -> Option<Term> {
    ///         Some(Literal::from(self.0 as i64).into())
    ///     }
    /// }
    ///
    /// let longest = NamedNode::new("http://example.com/longest")?;
    /// let options = QueryOptions::new().with_aggregate(longest, || Box::new(Longest::default()));
    /// store.query_with("SELECT ?p (<http://example.com/longest>(?o) AS ?l) { ?s ?p ?o } GROUP BY ?p", &options)?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_aggregate(
        mut self,
        name: impl Into<NamedNode>,
        accumulator: impl Fn() -> Box<dyn AggregateAccumulator> + Send + Sync + 'static,
    ) -> Self {
        Arc::make_mut(&mut self.extensions).set_aggregate(name.into(), Arc::new(accumulator));
        self
    }

    /// Answers the `SERVICE` patterns that name this endpoint; a handler given earlier is replaced. See [`ServiceHandler`].
    #[must_use]
    pub fn with_service(
        mut self,
        endpoint: impl Into<NamedNode>,
        handler: impl ServiceHandler + 'static,
    ) -> Self {
        let endpoint = Some(endpoint.into());
        Arc::make_mut(&mut self.extensions).set_service(endpoint, Arc::new(handler));
        self
    }

    /// Answers the `SERVICE` patterns whose endpoint has no [handler of its own](Self::with_service). See
    /// [`ServiceHandler`].
    #[must_use]
    pub fn with_default_service(mut self, handler: impl ServiceHandler + 'static) -> Self {
        Arc::make_mut(&mut self.extensions).set_service(None, Arc::new(handler));
        self
    }

    /// What the caller adds to the language.
    pub(crate) fn extensions(&self) -> &Arc<Extensions> {
        &self.extensions
    }

    /// Plans the query as it is written: patterns in their order, hash joins, nothing moved, narrowed or counted ahead. For
    /// tests, which compare the answers of such plans with those of others.
    #[doc(hidden)]
    #[must_use]
    pub fn as_written(mut self) -> Self {
        self.as_written = true;
        self
    }

    /// Whether the plan is to be as the query is written.
    pub(crate) fn is_as_written(&self) -> bool {
        self.as_written
    }

    /// On how many threads large scans and joins may run beside the caller's own; 1 is on the caller's alone. Unless set, it
    /// is the number of processors that the process may use. Whatever it is, the rows are the same; without `ORDER BY` their
    /// order may differ from run to run on more than one.
    #[must_use]
    pub fn with_threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// On how many threads large scans and joins may run.
    #[must_use]
    pub fn threads(&self) -> NonZeroUsize {
        static PROCESSORS: OnceLock<NonZeroUsize> = OnceLock::new();
        let processors = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.threads
            .unwrap_or_else(|| *PROCESSORS.get_or_init(processors))
    }

    /// The memory budget in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.memory.unwrap_or(MEMORY_DEFAULT)
    }

    /// Whether the union of all graphs is the default graph.
    #[must_use]
    pub fn union_default_graph(&self) -> bool {
        self.union_default_graph
    }

    /// The base IRI, if set.
    #[must_use]
    pub fn base_iri(&self) -> Option<&str> {
        self.base_iri.as_deref()
    }

    /// The limits of an execution that starts now. A timeout too long for the clock is none.
    pub(crate) fn limits(&self) -> Limits {
        let timeout = self
            .timeout
            .and_then(|timeout| Instant::now().checked_add(timeout));
        let deadline = [timeout, self.deadline].into_iter().flatten().min();
        let mut context = ReadContext::new();
        if let Some(token) = &self.cancel {
            context = context.with_cancel_token(token.clone());
        }
        if let Some(deadline) = deadline {
            context = context.with_deadline(deadline);
        }
        Limits {
            cancel: self.cancel.clone(),
            context,
            deadline,
            max_rows: self.max_rows,
        }
    }
}

/// What stops one execution.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    cancel: Option<CancelToken>,
    context: ReadContext,
    deadline: Option<Instant>,
    max_rows: Option<u64>,
}

impl Limits {
    /// The same limits, and a token that stops what has them.
    pub(crate) fn stoppable(&self) -> (Self, CancelToken) {
        let stop = self
            .cancel
            .as_ref()
            .map_or_else(CancelToken::new, CancelToken::child);
        let limits = Self {
            cancel: Some(stop.clone()),
            context: self.context.clone().with_cancel_token(stop.clone()),
            ..self.clone()
        };
        (limits, stop)
    }

    /// What the scans of this execution carry.
    pub(crate) fn context(&self) -> &ReadContext {
        &self.context
    }

    /// When the execution must end.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// What cancels it.
    pub(crate) fn cancel_token(&self) -> Option<&CancelToken> {
        self.cancel.as_ref()
    }

    /// A count of the rows that the execution gives.
    pub(crate) fn row_count(&self) -> RowCount {
        RowCount {
            limit: self.max_rows,
            given: 0,
        }
    }

    /// Whether the execution may go on.
    pub(crate) fn check(&self) -> StorageResult<()> {
        self.context.check()
    }

    /// The error to report for a failed read: a stop is told apart from a failure, and a cancel from a timeout.
    pub(crate) fn explain(&self, error: StorageError) -> QueryError {
        if error.kind() != ErrorKind::Cancelled {
            QueryError::Storage(error)
        } else if self.cancel.as_ref().is_some_and(CancelToken::is_cancelled) {
            QueryError::Cancelled
        } else {
            QueryError::Timeout
        }
    }
}

/// The rows that were given, and how many there may be.
#[derive(Debug)]
pub(crate) struct RowCount {
    limit: Option<u64>,
    given: u64,
}

impl RowCount {
    /// Counts a row that is about to be given.
    ///
    /// # Errors
    /// `Rows`, when it is one too many.
    pub(crate) fn add(&mut self) -> Result<(), QueryError> {
        if let Some(limit) = self.limit
            && self.given >= limit
        {
            return Err(QueryError::Rows { limit });
        }
        self.given += 1;
        Ok(())
    }
}
