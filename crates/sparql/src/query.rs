//! From text to results: parsing, the query's dataset, evaluation.
//!
//! What flows in: query text, options, a source. What flows out: [`QueryResults`]. What always holds: a parsed query is
//! immutable and can run any number of times, on any source, from any thread.

use crate::adapter::{EvaluatorDataset, Faults, encode};
use crate::dataset::{DefaultGraph, QueryDataset};
use crate::erased::SharedSource;
use crate::error::{QueryError, SyntaxError};
use crate::extension::SparqlExt;
use crate::graph_variables;
use crate::local_terms::LocalTerms;
use crate::options::{Limits, QueryOptions};
use crate::outline::Outline;
use crate::results::QueryResults;
use oxrdf::{NamedNode, Term, Variable};
use quadrille_store::{StorageResult, TermId};
use spareval::{QueryDatasetSpecification, QueryEvaluator};
use spargebra::SparqlParser;
use spargebra::algebra::GraphPattern;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// How deep the brackets of a query may nest. The parser takes up to 8 KiB of stack a level.
const NESTING_MAX: usize = 100;
/// How many parts of a query may be chained. Walking the algebra takes up to 1 KiB of stack a part.
const CHAINED_MAX: usize = 1000;

/// For how many graphs a part of a query is written out.
const GRAPHS_WRITTEN_OUT_MAX: usize = 1000;

/// What is evaluated.
enum Written {
    /// The query as it was parsed.
    AsParsed,
    /// The query with parts written out for each graph.
    Out(Box<spargebra::Query>),
    /// Nothing: there are more graphs than a part is written out for, at least so many.
    TooLong(usize),
}

/// The four forms of a query.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum QueryForm {
    /// Gives solutions.
    Select,
    /// Gives a boolean.
    Ask,
    /// Gives the triples of a template.
    Construct,
    /// Gives triples about resources.
    Describe,
}

/// A parsed SPARQL query. Cloning shares it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Query {
    algebra: Arc<spargebra::Query>,
    /// Whether the evaluator would let the variable of a `GRAPH` leak into its braces.
    graph_variable_leaks: bool,
}

impl Query {
    /// Parses SPARQL 1.1 Query, with the triple terms of SPARQL 1.2.
    ///
    /// # Errors
    /// [`QueryError::Syntax`], with the position; also for a base that is not an absolute IRI. [`QueryError::TooComplex`]
    /// past a depth of 100 brackets or 1000 chained parts.
    ///
    /// ```
    /// use quadrille_sparql::{Query, QueryError};
    ///
    /// let query = Query::parse("SELECT * WHERE { <a> ?p ?o }", Some("http://example.com/"))?;
    /// assert!(query.to_string().contains("<http://example.com/a>"));
    ///
    /// let Err(QueryError::Syntax(error)) = Query::parse("SELECT *\nWHERE { FILTER(1 +) }", None) else {
    ///     panic!("an operand is missing");
    /// };
    /// assert_eq!((error.line(), error.column()), (Some(2), Some(22)));
    /// # Ok::<(), QueryError>(())
    /// ```
    pub fn parse(text: &str, base_iri: Option<&str>) -> Result<Self, QueryError> {
        let mut parser = SparqlParser::new();
        if let Some(base_iri) = base_iri {
            parser = parser.with_base_iri(base_iri).map_err(|error| {
                SyntaxError::new(format!("the base <{base_iri}> is not an IRI: {error}"))
            })?;
        }
        let outline = Outline::of(text);
        within("levels of brackets", outline.nesting, NESTING_MAX)?;
        within("chained parts", outline.chained, CHAINED_MAX)?;
        let mut algebra = parser
            .parse_query(text)
            .map_err(|error| SyntaxError::from_parser(&error))?;
        if outline.selects_all {
            order_columns(&mut algebra, &outline.variables);
        }
        Ok(Self {
            graph_variable_leaks: graph_variables::leaks(pattern_mut(&mut algebra)),
            algebra: Arc::new(algebra),
        })
    }

    /// Which form of query it is.
    #[must_use]
    pub fn form(&self) -> QueryForm {
        match *self.algebra {
            spargebra::Query::Select { .. } => QueryForm::Select,
            spargebra::Query::Ask { .. } => QueryForm::Ask,
            spargebra::Query::Construct { .. } => QueryForm::Construct,
            spargebra::Query::Describe { .. } => QueryForm::Describe,
        }
    }

    /// Makes the query ready to run, again and again, with these options. Their base IRI is of no more use: it served parsing.
    #[must_use]
    pub fn prepare(&self, options: QueryOptions) -> PreparedQuery {
        PreparedQuery {
            query: self.clone(),
            options,
            bindings: Vec::new(),
        }
    }
}

/// The pattern of a query of any form.
fn pattern_mut(query: &mut spargebra::Query) -> &mut GraphPattern {
    match query {
        spargebra::Query::Select { pattern, .. }
        | spargebra::Query::Construct { pattern, .. }
        | spargebra::Query::Describe { pattern, .. }
        | spargebra::Query::Ask { pattern, .. } => pattern,
    }
}

/// Refuses what would be walked by a recursion too deep for the stack of a thread.
fn within(what: &'static str, count: usize, limit: usize) -> Result<(), QueryError> {
    if count > limit {
        return Err(QueryError::TooComplex { what, count, limit });
    }
    Ok(())
}

/// Puts the columns of a `SELECT *` in the order in which the text names them; the parser sorts them by name.
fn order_columns(query: &mut spargebra::Query, names: &[String]) {
    let spargebra::Query::Select { pattern, .. } = query else {
        return;
    };
    let mut pattern = pattern;
    loop {
        match pattern {
            GraphPattern::Project { variables, .. } => {
                let place = |variable: &Variable| {
                    let name = variable.as_str();
                    names
                        .iter()
                        .position(|known| known == name)
                        .unwrap_or(names.len())
                };
                variables.sort_by_key(place);
                return;
            }
            GraphPattern::Distinct { inner }
            | GraphPattern::Reduced { inner }
            | GraphPattern::Slice { inner, .. } => pattern = inner,
            _ => return,
        }
    }
}

impl FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        Self::parse(text, None)
    }
}

impl fmt::Display for Query {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.algebra.fmt(formatter)
    }
}

/// A query with its options and the values of some of its variables: parse once, run often.
#[derive(Clone, Debug)]
pub struct PreparedQuery {
    query: Query,
    options: QueryOptions,
    bindings: Vec<(Variable, Term)>,
}

impl PreparedQuery {
    /// Gives a variable its value before the query runs; a value given earlier is replaced. The variable must be one that
    /// the query selects.
    #[must_use]
    pub fn with_binding(mut self, variable: Variable, value: impl Into<Term>) -> Self {
        self.bindings.retain(|(bound, _)| *bound != variable);
        self.bindings.push((variable, value.into()));
        self
    }

    /// Runs the query on a store, a snapshot or a transaction, as it stands now.
    ///
    /// # Errors
    /// Every [`QueryError`] but syntax, format and output; most of the work, and so most errors, come with the results.
    pub fn execute<T: SparqlExt + ?Sized>(&self, target: &T) -> Result<QueryResults, QueryError> {
        self.execute_on(Arc::new(target.query_source()?))
    }

    fn execute_on(&self, source: SharedSource) -> Result<QueryResults, QueryError> {
        let limits = self.options.limits();
        let faults = Faults::default();
        let mut local_terms = LocalTerms::default();
        let dataset = self
            .dataset(source, limits.clone(), &mut local_terms)
            .map_err(|error| limits.explain(error))?;
        let algebra = self
            .written_out(&dataset, &mut local_terms)
            .map_err(|error| limits.explain(error))?;
        let algebra = match &algebra {
            Written::AsParsed => self.query.algebra.as_ref(),
            Written::Out(algebra) => algebra,
            Written::TooLong(graphs) => {
                return Err(QueryError::TooComplex {
                    what: "graphs for a part within GRAPH and a variable",
                    count: *graphs,
                    limit: GRAPHS_WRITTEN_OUT_MAX,
                });
            }
        };
        let evaluator = QueryEvaluator::new().with_cancellation_token(faults.stop_token());
        let mut prepared = evaluator.prepare(algebra);
        // The dataset itself knows the graphs of the query, and merges them as RDF asks.
        *prepared.dataset_mut() = QueryDatasetSpecification::new();
        for (variable, value) in &self.bindings {
            prepared = prepared.substitute_variable(variable.clone(), value.clone());
        }
        let dataset = EvaluatorDataset::new(dataset, local_terms, faults.clone());
        QueryResults::new(prepared.execute(dataset), limits, faults)
    }

    /// The algebra with what [`graph_variables`] describes written out.
    fn written_out(
        &self,
        dataset: &QueryDataset,
        local_terms: &mut LocalTerms,
    ) -> StorageResult<Written> {
        if !self.query.graph_variable_leaks {
            return Ok(Written::AsParsed);
        }
        let mut graphs = Vec::new();
        for graph in dataset.named_graph_ids()? {
            dataset.limits.check()?;
            let graph = graph?;
            if graphs.len() == GRAPHS_WRITTEN_OUT_MAX {
                return Ok(Written::TooLong(graphs.len() + 1));
            }
            graphs.push(local_terms.alias(graph));
        }
        let mut algebra = (*self.query.algebra).clone();
        graph_variables::write_out(pattern_mut(&mut algebra), &graphs);
        Ok(Written::Out(Box::new(algebra)))
    }

    fn dataset(
        &self,
        source: SharedSource,
        limits: Limits,
        local_terms: &mut LocalTerms,
    ) -> StorageResult<QueryDataset> {
        let mut ids = |names: &[NamedNode]| -> StorageResult<Vec<TermId>> {
            let mut ids = Vec::with_capacity(names.len());
            for name in names {
                let id = encode(source.as_ref(), local_terms, name.clone().into())?;
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
            Ok(ids)
        };
        let (default_graph, named_graphs) = match self.query.algebra.dataset() {
            Some(clauses) => (
                DefaultGraph::Merge(ids(&clauses.default)?),
                Some(ids(clauses.named.as_deref().unwrap_or_default())?),
            ),
            None if self.options.union_default_graph() => (DefaultGraph::Union, None),
            None => (DefaultGraph::Stored, None),
        };
        Ok(QueryDataset {
            source,
            limits,
            default_graph,
            named_graphs,
        })
    }
}
