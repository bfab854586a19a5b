//! From a plan to operators.
//!
//! What flows in: a [`Plan`], the values of slots that are constants in it. What flows out: an operator, and which slot
//! each of its columns holds. What always holds: slots end here; operators know positions only. A slot that has become a
//! constant is no column, unless an expression reads it; then it is one of equal values.

mod exchange;
mod joins;
mod leaves;
mod modifiers;
mod scalars;
mod service;
mod star;

use crate::algebra::Slot;
use crate::batch::Batch;
use crate::error::QueryError;
use crate::execution::Execution;
use crate::explain::Analysis;
use crate::expression::RowLabels;
use crate::operators::BoxedOperator;
use crate::plan::{Node, Plan};
use exchange::Part;
use oxrdf::Literal;
use std::collections::HashMap;
use std::sync::Arc;

/// An operator and what its columns hold.
pub(crate) struct Built {
    pub(crate) operator: BoxedOperator,
    pub(crate) columns: Vec<Slot>,
}

impl Built {
    /// Where a slot stands.
    fn place(&self, slot: Slot) -> Option<usize> {
        self.columns.iter().position(|column| *column == slot)
    }

    fn width(&self) -> usize {
        self.columns.len()
    }
}

/// What a plan is built within.
#[derive(Clone, Default)]
struct Environment {
    /// The slots that are constants, with their ids.
    parameters: Arc<HashMap<Slot, u64>>,
    /// The batch that inputs give, and what its columns hold.
    input: Option<(Arc<[Slot]>, Arc<Batch>)>,
    /// Of a pipeline that threads share: which part of the rows that it begins with this one is for.
    part: Option<Part>,
    /// Below an expression that computes a column: the labels that it shares with others right below.
    labels: Option<RowLabels>,
}

/// Makes the operators of one run.
#[derive(Clone)]
pub(crate) struct Builder {
    execution: Arc<Execution>,
    analysis: Option<Arc<Analysis>>,
    /// The ids of false and true.
    marks: [u64; 2],
}

impl Builder {
    /// A builder for one run.
    ///
    /// # Errors
    /// What encoding a term fails with.
    pub(crate) fn new(execution: Arc<Execution>) -> Result<Self, QueryError> {
        let encode = |value: bool| {
            let id = execution.terms.encode(Literal::from(value).into());
            id.map_err(|error| execution.explain(error))
        };
        let marks = [encode(false)?, encode(true)?];
        Ok(Self {
            execution,
            analysis: None,
            marks,
        })
    }

    /// A builder whose operators count what they do.
    pub(crate) fn with_analysis(mut self, analysis: Arc<Analysis>) -> Self {
        self.analysis = Some(analysis);
        self
    }

    /// The operator of a whole plan.
    ///
    /// # Errors
    /// What the first reads fail with.
    pub(crate) fn build_root(&self, plan: &Plan) -> Result<Built, QueryError> {
        self.build(plan, &Environment::default())
    }

    fn build(&self, plan: &Plan, environment: &Environment) -> Result<Built, QueryError> {
        let built = match &plan.node {
            Node::Exchange(input) => self.exchange(input, environment)?,
            Node::Join { .. }
            | Node::Lookup { .. }
            | Node::ServiceJoin { .. }
            | Node::PerBatch { .. }
            | Node::PerRow { .. }
            | Node::EachGraph { .. } => self.join(plan, environment)?,
            Node::Filter { .. }
            | Node::Extend { .. }
            | Node::Unpack { .. }
            | Node::Constants { .. }
            | Node::Union(_)
            | Node::Project(_)
            | Node::Distinct { .. }
            | Node::Reduced(_)
            | Node::Slice { .. }
            | Node::SliceOfEach { .. }
            | Node::Sort { .. }
            | Node::Group { .. } => self.modifier(plan, environment)?,
            Node::Unit
            | Node::Input
            | Node::Scan { .. }
            | Node::Multiway { .. }
            | Node::Path(_)
            | Node::NamedGraphs(_)
            | Node::Values(_)
            | Node::Count { .. }
            | Node::DistinctValues { .. }
            | Node::Service(_) => self.leaf(plan, environment)?,
        };
        Ok(match &self.analysis {
            Some(analysis) => Built {
                operator: analysis.counted(plan, built.operator),
                columns: built.columns,
            },
            None => built,
        })
    }
}
