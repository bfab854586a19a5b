//! From a parsed query to its results: algebra, plan, operators.
//!
//! What flows in: a query, the values given with it, what its run shares. What flows out: [`QueryResults`]. What always
//! holds: nothing but constants and counts has been read when this returns, except for `ASK`, which reads up to its first
//! row.

use crate::algebra::{Slot, Translator};
use crate::build::Builder;
use crate::construct::{Description, Template};
use crate::error::QueryError;
use crate::execution::Execution;
use crate::explain::{Analysis, Explainer, Explanation};
use crate::plan::{Plan, Planner};
use crate::results::{QueryResults, Solutions, TripleSource, Triples};
use crate::rows::{IdRows, TermRows};
use oxrdf::{Term, Variable};
use spargebra::Query;
use spargebra::algebra::GraphPattern;
use spargebra::term::{NamedNodePattern, TermPattern, TriplePattern};
use std::sync::Arc;

/// Runs a query, some of whose variables have their values already.
///
/// # Errors
/// Every error of an evaluation.
pub(crate) fn evaluate(
    query: &Query,
    given: &[(Variable, Term)],
    execution: Execution,
) -> Result<QueryResults, QueryError> {
    let execution = Arc::new(execution);
    let count = execution.dataset.limits.row_count();
    match query {
        Query::Select { pattern, .. } => {
            let variables = selected(pattern);
            let rows = rows(pattern, &variables, given, &execution)?;
            Ok(QueryResults::Solutions(Solutions::new(
                variables,
                TermRows::new(rows),
                count,
            )))
        }
        Query::Ask { pattern, .. } => {
            let mut rows = rows(pattern, &[], given, &execution)?;
            Ok(QueryResults::Boolean(rows.next_row()?.is_some()))
        }
        Query::Construct {
            template, pattern, ..
        } => {
            let variables = template_variables(template);
            let rows = TermRows::new(rows(pattern, &variables, given, &execution)?);
            let template = Template::new(template, &variables, rows, &execution)?;
            let source = TripleSource::Template(Box::new(template));
            Ok(QueryResults::Graph(Triples::new(source, count)))
        }
        Query::Describe { pattern, .. } => {
            let variables = selected(pattern);
            let rows = rows(pattern, &variables, given, &execution)?;
            let source = TripleSource::Description(Box::new(Description::new(execution, rows)));
            Ok(QueryResults::Graph(Triples::new(source, count)))
        }
    }
}

/// The rows of a pattern, with these variables as columns.
fn rows(
    pattern: &GraphPattern,
    variables: &[Variable],
    given: &[(Variable, Term)],
    execution: &Arc<Execution>,
) -> Result<IdRows, QueryError> {
    let planned = planned(pattern, variables, given, execution)?;
    planned.rows(&Builder::new(Arc::clone(execution))?, execution)
}

/// A plan with the names of its slots.
struct Planned {
    plan: Plan,
    names: Vec<String>,
    /// The slots of the wanted variables.
    slots: Vec<Option<Slot>>,
}

impl Planned {
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

fn planned(
    pattern: &GraphPattern,
    variables: &[Variable],
    given: &[(Variable, Term)],
    execution: &Arc<Execution>,
) -> Result<Planned, QueryError> {
    for (variable, _) in given {
        let mut is_known = false;
        pattern.on_in_scope_variable(|name| is_known |= name == variable);
        if !is_known {
            return Err(QueryError::Evaluation(format!(
                "the query has no variable {variable} to give a value to"
            )));
        }
    }
    let mut translation = Translator::new(execution).translate(pattern, given)?;
    let slots: Vec<_> = variables
        .iter()
        .map(|variable| translation.scope.get(variable).copied())
        .collect();
    let wanted: Vec<_> = slots.iter().flatten().copied().collect();
    let plan =
        Planner::new(execution, &mut translation.names).plan_query(translation.algebra, &wanted)?;
    Ok(Planned {
        plan,
        names: translation.names,
        slots,
    })
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
    let (pattern, variables) = match query {
        Query::Select { pattern, .. } | Query::Describe { pattern, .. } => {
            (pattern, selected(pattern))
        }
        Query::Ask { pattern, .. } => (pattern, Vec::new()),
        Query::Construct {
            template, pattern, ..
        } => (pattern, template_variables(template)),
    };
    let planned = planned(pattern, &variables, given, execution)?;
    let analysis = Arc::new(Analysis::default());
    if is_run {
        let builder = Builder::new(Arc::clone(execution))?.with_analysis(Arc::clone(&analysis));
        let mut rows = TermRows::new(planned.rows(&builder, execution)?);
        let is_ask = matches!(query, Query::Ask { .. });
        let mut count = execution.dataset.limits.row_count();
        while rows.next_row()?.is_some() && !is_ask {
            if matches!(query, Query::Select { .. }) {
                count.add()?;
            }
        }
    }
    let analysis = is_run.then_some(analysis.as_ref());
    Ok(Explainer::new(execution, &planned.names, analysis).explain(&planned.plan))
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
