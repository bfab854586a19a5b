//! From a parsed query to its results: algebra, plan, operators.
//!
//! What flows in: a query, the values given with it, what its run shares. What flows out: [`QueryResults`]. What always
//! holds: nothing but constants and counts has been read when this returns, except for `ASK`, which reads up to its first
//! row.

use crate::algebra::{Algebra, Slot, Translator};
use crate::build::Builder;
use crate::construct::{Description, Template};
use crate::error::QueryError;
use crate::execution::Execution;
use crate::explain::{Analysis, Explainer, Explanation};
use crate::plan::{Plan, Planner};
use crate::results::{QueryResults, Solutions, TripleSource, Triples};
use crate::rows::{IdRows, TermRows};
use oxrdf::{Term, Variable};
use quadrille_store::TermId;
use spargebra::Query;
use spargebra::algebra::GraphPattern;
use spargebra::term::{NamedNodePattern, TermPattern, TriplePattern};
use std::sync::Arc;

/// Runs a planned query.
///
/// # Errors
/// Every error of an evaluation.
pub(crate) fn evaluate(
    query: &Query,
    planned: &Planned,
    execution: Arc<Execution>,
) -> Result<QueryResults, QueryError> {
    let rows = planned.rows(&Builder::new(Arc::clone(&execution))?, &execution)?;
    results(query, planned, rows, execution)
}

/// The rows of a query as its form wants them.
fn results(
    query: &Query,
    planned: &Planned,
    mut rows: IdRows,
    execution: Arc<Execution>,
) -> Result<QueryResults, QueryError> {
    let count = execution.dataset.limits.row_count();
    match query {
        Query::Select { .. } => {
            let variables = Arc::clone(&planned.variables);
            let rows = TermRows::new(rows);
            Ok(QueryResults::Solutions(Solutions::new(
                variables, rows, count,
            )))
        }
        Query::Ask { .. } => Ok(QueryResults::Boolean(rows.next_row()?.is_some())),
        Query::Construct { template, .. } => {
            let rows = TermRows::new(rows);
            let template = Template::new(template, &planned.variables, rows, &execution)?;
            let source = TripleSource::Template(Box::new(template));
            Ok(QueryResults::Graph(Triples::new(source, count)))
        }
        Query::Describe { .. } => {
            let source = TripleSource::Description(Box::new(Description::new(execution, rows)));
            Ok(QueryResults::Graph(Triples::new(source, count)))
        }
    }
}

/// A plan with the names of its slots. It is that of one view and one dataset.
pub(crate) struct Planned {
    plan: Plan,
    names: Arc<[String]>,
    /// The columns that are wanted of the rows.
    variables: Arc<[Variable]>,
    /// Their slots.
    slots: Arc<[Option<Slot>]>,
    /// The ids of the given values, in their order.
    given: Vec<u64>,
    /// Whether the plan is as good for other given values.
    is_reusable: bool,
}

impl Planned {
    /// Plans a query, some of whose variables have their values already; with all figures if the plan is to be shown.
    ///
    /// # Errors
    /// Every error of an evaluation.
    pub(crate) fn new(
        query: &Query,
        given: &[(Variable, Term)],
        execution: &Arc<Execution>,
        is_shown: bool,
    ) -> Result<Self, QueryError> {
        let (pattern, variables) = match query {
            Query::Select { pattern, .. } | Query::Describe { pattern, .. } => {
                (pattern, selected(pattern))
            }
            Query::Ask { pattern, .. } => (pattern, Vec::new()),
            Query::Construct {
                template, pattern, ..
            } => (pattern, template_variables(template)),
        };
        let mut translation = Translator::new(execution)
            .showing(&variables)
            .translate(pattern, given)?;
        let slots: Arc<[_]> = variables
            .iter()
            .map(|variable| translation.scope.get(variable).copied())
            .collect();
        let wanted: Vec<_> = slots.iter().flatten().copied().collect();
        if matches!(query, Query::Ask { .. }) {
            // One row is enough, and is all that is read ahead.
            translation.algebra = Algebra::Slice {
                inner: Box::new(translation.algebra),
                start: 0,
                length: Some(1),
            };
        }
        // A condition may have become a constant of the plan, which could not be told from a value that was given.
        let may_fix_constants = translation.algebra.may_fix_constants();
        let planner = Planner::new(execution, &mut translation.names).shown(is_shown);
        let plan = planner.plan_query(translation.algebra, &wanted)?;
        let given: Vec<u64> = translation.given.iter().map(|(_, id)| *id).collect();
        let given_slots = translation.given.iter().map(|(slot, _)| *slot).collect();
        // Otherwise one place could not be told from the other by its id.
        let is_told = |(index, id): (usize, &u64)| {
            !translation.constants.contains(id) && !given[..index].contains(id)
        };
        Ok(Self {
            is_reusable: !may_fix_constants
                && given.iter().copied().all(is_stored)
                && given.iter().enumerate().all(is_told)
                && plan.is_reusable(&given_slots),
            plan,
            names: translation.names.into(),
            variables: variables.into(),
            slots,
            given,
        })
    }

    /// Whether the plan is as good for other given values.
    pub(crate) fn is_reusable(&self) -> bool {
        self.is_reusable
    }

    /// The same for other values of the variables that have one, if it does not rest on them.
    pub(crate) fn with_given(&self, given: &[u64]) -> Option<Self> {
        let fits = self.is_reusable && given.len() == self.given.len();
        if !fits {
            return None;
        }
        let other = |id: u64| {
            let place = self.given.iter().position(|known| *known == id);
            place.map_or(id, |place| given[place])
        };
        let mut plan = self.plan.clone();
        plan.replace_ids(&other).then(|| Self {
            plan,
            names: Arc::clone(&self.names),
            variables: Arc::clone(&self.variables),
            slots: Arc::clone(&self.slots),
            given: given.to_vec(),
            is_reusable: true,
        })
    }

    fn rows(&self, builder: &Builder, execution: &Arc<Execution>) -> Result<IdRows, QueryError> {
        let built = builder.build_root(&self.plan)?;
        let place = |slot: &Option<Slot>| {
            built
                .columns
                .iter()
                .position(|column| Some(*column) == *slot)
        };
        let columns = self.slots.iter().map(place).collect();
        Ok(IdRows::new(Arc::clone(execution), built.operator, columns))
    }
}

/// Whether an id is that of a term of the source: another may get an id of its own with the next commit.
fn is_stored(id: u64) -> bool {
    !TermId::from_raw(id).is_query_local()
}

/// The plan of a query; run to its end and counted if that is asked for.
///
/// # Errors
/// Every error of an evaluation.
pub(crate) fn explain(
    query: &Query,
    given: &[(Variable, Term)],
    execution: &Arc<Execution>,
    is_run: bool,
) -> Result<Explanation, QueryError> {
    let planned = Planned::new(query, given, execution, true)?;
    let analysis = Arc::new(Analysis::default());
    if is_run {
        let builder = Builder::new(Arc::clone(execution))?.with_analysis(Arc::clone(&analysis));
        let rows = planned.rows(&builder, execution)?;
        run_out(results(query, &planned, rows, Arc::clone(execution))?)?;
    }
    let analysis = is_run.then_some(analysis.as_ref());
    Ok(Explainer::new(execution, &planned.names, analysis).explain(&planned.plan))
}

/// Takes results to their end.
fn run_out(results: QueryResults) -> Result<(), QueryError> {
    match results {
        QueryResults::Solutions(mut solutions) => solutions.try_for_each(|row| row.map(drop)),
        QueryResults::Graph(mut triples) => triples.try_for_each(|triple| triple.map(drop)),
        QueryResults::Boolean(_) => Ok(()),
    }
}

/// The variables that a pattern selects, in their order.
fn selected(pattern: &GraphPattern) -> Vec<Variable> {
    let mut pattern = pattern;
    loop {
        pattern = match pattern {
            GraphPattern::Project { variables, .. } => return variables.clone(),
            GraphPattern::Distinct { inner }
            | GraphPattern::Reduced { inner }
            | GraphPattern::Slice { inner, .. }
            | GraphPattern::OrderBy { inner, .. } => inner,
            other => {
                let mut variables = Vec::new();
                other.on_in_scope_variable(|variable| {
                    if !variables.contains(variable) {
                        variables.push(variable.clone());
                    }
                });
                return variables;
            }
        };
    }
}

/// The variables of a template, each once.
fn template_variables(template: &[TriplePattern]) -> Vec<Variable> {
    let mut variables = Vec::new();
    let mut open: Vec<&TriplePattern> = template.iter().collect();
    while let Some(triple) = open.pop() {
        let mut add = |variable: &Variable| {
            if !variables.contains(variable) {
                variables.push(variable.clone());
            }
        };
        if let NamedNodePattern::Variable(variable) = &triple.predicate {
            add(variable);
        }
        for term in [&triple.subject, &triple.object] {
            match term {
                TermPattern::Variable(variable) => add(variable),
                TermPattern::Triple(triple) => open.push(triple),
                TermPattern::NamedNode(_) | TermPattern::BlankNode(_) | TermPattern::Literal(_) => {
                }
            }
        }
    }
    variables
}
