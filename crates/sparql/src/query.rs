//! From text to results: parsing, the query's dataset, evaluation.
//!
//! What flows in: query text, options, a source. What flows out: [`QueryResults`]. What always holds: a parsed query is
//! immutable and can run any number of times, on any source, from any thread.

use crate::dataset::{DefaultGraph, QueryDataset};
use crate::erased::SharedSource;
use crate::error::{QueryError, SyntaxError};
use crate::evaluate::{Planned, evaluate, explain};
use crate::execution::{Execution, Memory};
use crate::explain::Explanation;
use crate::extension::SparqlExt;
use crate::options::{Limits, QueryOptions};
use crate::outline::Outline;
use crate::plans::{KeptPlan, KeptPlans};
use crate::query_terms::QueryTerms;
use crate::results::QueryResults;
use oxrdf::{NamedNode, Term, Variable};
use quadrille_store::TermId;
use spargebra::SparqlParser;
use spargebra::algebra::GraphPattern;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

/// How deep the brackets of a query may nest. The parser takes up to 8 KiB of stack a level.
const NESTING_MAX: usize = 100;
/// How many parts of a query may be chained. Walking the algebra takes up to 1 KiB of stack a part.
const CHAINED_MAX: usize = 1000;

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
    /// How many parts can lie in each other: what planning and running it takes of the stack grows with them.
    parts: usize,
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
        Self::parsed(text, SparqlParser::new(), base_iri)
    }

    /// As [`parse`](Self::parse), with the base IRI and the [aggregates](QueryOptions::with_aggregate) of options.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with(text: &str, options: &QueryOptions) -> Result<Self, QueryError> {
        let names = options.extensions().aggregate_names();
        let parser = names.fold(SparqlParser::new(), |parser, name| {
            parser.with_custom_aggregate_function(name.clone())
        });
        Self::parsed(text, parser, options.base_iri())
    }

    fn parsed(
        text: &str,
        mut parser: SparqlParser,
        base_iri: Option<&str>,
    ) -> Result<Self, QueryError> {
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
            algebra: Arc::new(algebra),
            parts: outline.nesting + outline.chained,
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

    /// Makes the query ready to run, again and again, with these options. The text was resolved when it was parsed: their base
    /// IRI serves `IRI()` only, where the query has no `BASE` and was parsed without one.
    #[must_use]
    pub fn prepare(&self, options: QueryOptions) -> PreparedQuery {
        PreparedQuery {
            query: self.clone(),
            options,
            bindings: Vec::new(),
            plans: Arc::default(),
        }
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
///
/// It keeps its plans, which its clones share: run again on a state of a store that it was run on before, it is not planned
/// again. That goes for other values of its variables as well where the query reads a single pattern, or properties of one
/// subject that is a constant or has such a value; any other join is planned for the values that it is run with, and the plans
/// for the last few are kept.
#[derive(Clone, Debug)]
pub struct PreparedQuery {
    query: Query,
    options: QueryOptions,
    bindings: Vec<(Variable, Term)>,
    plans: Arc<KeptPlans>,
}

impl PreparedQuery {
    /// Gives a variable its value before the query runs; a value given earlier is replaced. The answer is that of the query
    /// with a row of `VALUES` at the beginning of its outermost group, which conditions in the groups within see too.
    ///
    /// The variable may be any that the query mentions, selected or not. A subquery sees the value if it selects the variable;
    /// else a variable of that name within is another. A name that is nowhere else is an error when the query runs. Where the
    /// query computes the variable, rows on which it is another value go away.
    ///
    /// ```
    /// # fn example<B: quadrille_store::StorageBackend>(store: &quadrille_store::QuadStore<B>) -> Result<(), Box<dyn std::error::Error>> {
    /// use oxrdf::{NamedNode, Variable};
    /// use quadrille_sparql::{Query, QueryOptions};
    ///
    /// let count = Query::parse("SELECT (COUNT(*) AS ?n) { ?room ?p ?o }", None)?.prepare(QueryOptions::new());
    /// let room = NamedNode::new("http://example.com/room/1")?;
    /// count.with_binding(Variable::new("room")?, room).execute(store)?;
    /// # Ok(())
    /// # }
    /// ```
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

    /// The plan that the query would run with on a store, a snapshot or a transaction, as it stands now.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub fn explain<T: SparqlExt + ?Sized>(&self, target: &T) -> Result<Explanation, QueryError> {
        self.explained(target, false)
    }

    /// Runs the query to its end and shows its plan with what each operator did: every row of a `SELECT` is decoded, every
    /// triple of a `CONSTRUCT` or `DESCRIBE` made. An `ASK` ends with its first row, as it does when it is run.
    ///
    /// # Errors
    /// As [`execute`](Self::execute), those of the results too.
    pub fn explain_analyze<T: SparqlExt + ?Sized>(
        &self,
        target: &T,
    ) -> Result<Explanation, QueryError> {
        self.explained(target, true)
    }

    fn explained<T: SparqlExt + ?Sized>(
        &self,
        target: &T,
        is_run: bool,
    ) -> Result<Explanation, QueryError> {
        let execution = Arc::new(self.execution(Arc::new(target.query_source()?))?);
        execution.with_stack(|| explain(&self.query.algebra, &self.bindings, &execution, is_run))
    }

    fn execute_on(&self, source: SharedSource) -> Result<QueryResults, QueryError> {
        let Some(view) = source.identity() else {
            let execution = Arc::new(self.execution(source)?);
            let planned = self.planned(&execution)?;
            return self.run(&planned, execution);
        };
        if let Some((kept, is_same)) = self.plans.find(&view, &self.bindings) {
            let execution = Arc::new(self.execution_like(SharedSource::clone(&source), &kept));
            if is_same {
                return self.run(&kept.planned, execution);
            }
            if let Some(planned) = self.planned_like(&kept, &execution)? {
                return self.run(&planned, execution);
            }
        }
        let execution = Arc::new(self.execution(source)?);
        let kept = Arc::new(KeptPlan {
            planned: self.planned(&execution)?,
            view,
            given: self.bindings.clone(),
            own_terms: execution.terms.own(),
            default_graph: execution.dataset.default_graph.clone(),
            named_graphs: execution.dataset.named_graphs.clone(),
        });
        self.plans.keep(Arc::clone(&kept));
        self.run(&kept.planned, execution)
    }

    fn planned(&self, execution: &Arc<Execution>) -> Result<Planned, QueryError> {
        execution.with_stack(|| Planned::new(&self.query.algebra, &self.bindings, execution, false))
    }

    fn run(
        &self,
        planned: &Planned,
        execution: Arc<Execution>,
    ) -> Result<QueryResults, QueryError> {
        let shared = Arc::clone(&execution);
        shared.with_stack(|| evaluate(&self.query.algebra, planned, execution))
    }

    /// The plan that was kept, with the values of this query in it, if it is one for any values.
    fn planned_like(
        &self,
        kept: &KeptPlan,
        execution: &Execution,
    ) -> Result<Option<Planned>, QueryError> {
        let mut given = Vec::with_capacity(self.bindings.len());
        for (_, term) in &self.bindings {
            let id = execution.terms.encode(term.clone());
            given.push(id.map_err(|error| execution.explain(error))?);
        }
        Ok(execution.with_stack(|| kept.planned.with_given(&given)))
    }

    /// What a run that starts now shares, with the dataset of a kept plan.
    fn execution_like(&self, source: SharedSource, kept: &KeptPlan) -> Execution {
        let memory = Memory::new(self.options.memory());
        let own_terms = kept.own_terms.clone();
        let terms =
            QueryTerms::with_own(SharedSource::clone(&source), Arc::clone(&memory), own_terms);
        self.execution_of(
            memory,
            terms,
            QueryDataset {
                source,
                limits: self.options.limits(),
                default_graph: kept.default_graph.clone(),
                named_graphs: kept.named_graphs.clone(),
            },
        )
    }

    /// What a run that starts now shares.
    fn execution(&self, source: SharedSource) -> Result<Execution, QueryError> {
        let limits = self.options.limits();
        let memory = Memory::new(self.options.memory());
        let terms = QueryTerms::new(SharedSource::clone(&source), Arc::clone(&memory));
        let ids = |names: &[NamedNode]| graph_ids(names, &terms, &limits);
        let (default_graph, named_graphs) = match self.query.algebra.dataset() {
            Some(clauses) => (
                DefaultGraph::Merge(ids(&clauses.default)?),
                Some(ids(clauses.named.as_deref().unwrap_or_default())?),
            ),
            None if self.options.union_default_graph() => (DefaultGraph::Union, None),
            None => (DefaultGraph::Stored, None),
        };
        let dataset = QueryDataset {
            source,
            limits,
            default_graph,
            named_graphs,
        };
        Ok(self.execution_of(memory, terms, dataset))
    }

    fn execution_of(
        &self,
        memory: Arc<Memory>,
        terms: QueryTerms,
        dataset: QueryDataset,
    ) -> Execution {
        let base_iri = self.query.algebra.base_iri();
        let base_iri = base_iri
            .map(|base| base.as_str())
            .or(self.options.base_iri());
        Execution {
            dataset,
            terms: Arc::new(terms),
            memory,
            parts: self.query.parts,
            threads: self.options.threads().get(),
            extensions: Arc::clone(self.options.extensions()),
            as_written: self.options.is_as_written(),
            now: OnceLock::new(),
            base_iri: base_iri.map(str::to_owned),
        }
    }
}

/// The ids of graphs, each once.
fn graph_ids(
    names: &[NamedNode],
    terms: &QueryTerms,
    limits: &Limits,
) -> Result<Vec<TermId>, QueryError> {
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        let id = terms
            .encode(name.clone().into())
            .map_err(|error| limits.explain(error))?;
        let id = TermId::from_raw(id);
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}
