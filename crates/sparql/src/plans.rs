//! The plans that a prepared query keeps.
//!
//! What flows in: the view that a run reads, the values that are given with the query. What flows out: the plan of an earlier
//! run. What always holds: a plan is used for the view that it was made for and no other, in which a term has the id that it
//! had then; the terms of the query that the view lacks keep their ids with the plan.

use crate::dataset::DefaultGraph;
use crate::evaluate::Planned;
use crate::local_terms::LocalTerms;
use oxrdf::{Term, Variable};
use quadrille_store::{TermId, ViewIdentity};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// How many plans are kept: for other values of parameters, and other views.
const KEPT_MAX: usize = 8;

/// A plan with all that it rests on.
pub(crate) struct KeptPlan {
    pub(crate) view: ViewIdentity,
    pub(crate) given: Vec<(Variable, Term)>,
    pub(crate) planned: Planned,
    /// The terms of the query that the view lacks.
    pub(crate) own_terms: LocalTerms,
    pub(crate) default_graph: DefaultGraph,
    pub(crate) named_graphs: Option<Vec<TermId>>,
}

impl KeptPlan {
    /// Whether it was made for values of the same variables, in the same order.
    fn has_same_parameters(&self, given: &[(Variable, Term)]) -> bool {
        let mut pairs = self.given.iter().zip(given);
        self.given.len() == given.len() && pairs.all(|((known, _), (name, _))| known == name)
    }
}

/// The plans of one prepared query, the last used first.
#[derive(Default)]
pub(crate) struct KeptPlans {
    plans: Mutex<Vec<Arc<KeptPlan>>>,
}

impl KeptPlans {
    /// The plan for a view and given values; without one, that for other values of the same variables, if it
    /// may be used for these.
    pub(crate) fn find(
        &self,
        view: &ViewIdentity,
        given: &[(Variable, Term)],
    ) -> Option<(Arc<KeptPlan>, bool)> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |plan: &Arc<KeptPlan>| plan.view == *view && plan.given == given;
        if let Some(place) = plans.iter().position(is_same) {
            plans[..=place].rotate_right(1);
            return plans.first().map(|plan| (Arc::clone(plan), true));
        }
        let is_like = |plan: &&Arc<KeptPlan>| {
            plan.view == *view && plan.planned.is_reusable() && plan.has_same_parameters(given)
        };
        let plan = plans.iter().find(is_like)?;
        Some((Arc::clone(plan), false))
    }

    /// Keeps a plan, and forgets the one that was not used for longest.
    pub(crate) fn keep(&self, plan: Arc<KeptPlan>) {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        plans.truncate(KEPT_MAX - 1);
        plans.insert(0, plan);
    }
}

impl fmt::Debug for KeptPlans {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KeptPlans").finish_non_exhaustive()
    }
}
