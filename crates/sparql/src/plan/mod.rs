//! Plans: which operators answer a query, in which order, and what that is thought to cost.
//!
//! What flows in: an [`Algebra`](crate::algebra::Algebra). What flows out: a [`Plan`]. The way there: `normalize` moves
//! filters down and what may wait up, `joins` and `group` order joins, `partners` has optional parts and conditions,
//! `driven` begins parts with the rows that they are joined with, `ranges` has scans read what conditions leave, `planner`
//! does the rest, `prune` drops columns that nobody reads. What always holds: a plan gives the same multiset of rows as the
//! algebra that it was made of; a figure in it is a guess and decides only how fast that is.

mod driven;
mod early;
mod estimate;
mod group;
mod joins;
mod multiway;
mod nodes;
mod normalize;
mod parallel;
#[cfg(test)]
mod parallel_tests;
mod partners;
mod paths;
mod planner;
mod price;
mod prune;
mod ranges;
mod reused;
mod services;
mod sorted;
mod star;
mod values;
mod ways;

pub(crate) use nodes::lie_together;
pub(crate) use parallel::{Cut, cut_of, input_of_pipeline};
pub(crate) use paths::PathPlan;
pub(crate) use planner::Planner;
pub(crate) use values::ValuesReading;

use crate::algebra::{Place, Quads, Scalar, Service, Slot, SlotSet};
use crate::expression::IdRange;
use quadrille_store::Permutation;
use spargebra::algebra::AggregateExpression;
use std::sync::Arc;

/// A part of a plan: an operator and those below it.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) node: Node,
    /// What the columns of its rows hold.
    pub(crate) columns: Vec<Slot>,
    /// The columns that hold a value in each row.
    pub(crate) certain: SlotSet,
    /// The columns that the rows are sorted by, ascending by id, the most significant first.
    pub(crate) order: Vec<Slot>,
    /// About how many rows there are.
    pub(crate) rows: f64,
    /// About how long all of them take, in nanoseconds.
    pub(crate) cost: f64,
}

/// Which rows a join gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum JoinKind {
    /// Pairs that are compatible.
    Inner,
    /// Those, and left rows without a partner.
    Left,
    /// Left rows that have a partner.
    Semi,
    /// Left rows that have none.
    Anti,
    /// Left rows that have no partner with which they share a value.
    Minus,
    /// Left rows, and in a slot whether they have a partner.
    Mark(Slot),
}

/// How two inputs are joined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum JoinMethod {
    Hash,
    Merge,
}

/// What a look-up join looks up.
#[derive(Clone, Debug)]
pub(crate) enum Probed {
    Quads(Quads),
    Path(Box<PathPlan>),
    /// Several properties of one subject.
    Star(Vec<Quads>),
}

impl Probed {
    /// The slots that it names.
    fn slots(&self) -> SlotSet {
        let mut slots = SlotSet::default();
        match self {
            Self::Quads(quads) => slots.add_all(&quads.slots()),
            Self::Path(walked) => slots.add_all(&walked.path.slots()),
            Self::Star(arms) => arms.iter().for_each(|arm| slots.add_all(&arm.slots())),
        }
        slots
    }
}

/// An aggregate over an input column; `None` counts rows.
#[derive(Clone, Debug)]
pub(crate) struct AggregatePlan {
    pub(crate) slot: Slot,
    pub(crate) function: AggregateExpression,
    pub(crate) input: Option<Slot>,
    /// The columns of a row, where rows are compared.
    pub(crate) row: Vec<Slot>,
}

/// A sort key: a column, and whether the largest comes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SortKeyPlan {
    pub(crate) slot: Slot,
    pub(crate) descending: bool,
}

/// An operator.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// One row without columns.
    Unit,
    /// The rows of the batch that a [`Node::PerBatch`] around is at.
    Input,
    Scan {
        quads: Quads,
        permutation: Option<Permutation>,
        /// The ranges of ids that the objects are read from, ascending; `None` is all. The permutation then has the objects
        /// right behind what the pattern binds.
        objects: Option<Arc<[IdRange]>>,
    },
    /// All patterns at once, variable by variable.
    Multiway {
        patterns: Vec<Quads>,
        /// The variables, in the order in which they get their values.
        variables: Vec<Slot>,
    },
    Path(Box<PathPlan>),
    NamedGraphs(Slot),
    Values(Vec<Vec<u64>>),
    Join {
        kind: JoinKind,
        method: JoinMethod,
        left: Box<Plan>,
        right: Box<Plan>,
        /// Conditions on the joined row that belong to the join.
        filters: Vec<Scalar>,
    },
    Lookup {
        kind: JoinKind,
        left: Box<Plan>,
        probed: Probed,
        filters: Vec<Scalar>,
    },
    /// The right plan once for each batch of the left, which it begins with.
    PerBatch {
        kind: JoinKind,
        /// The column of the right rows that tells the number of the left row that each began with.
        number: Slot,
        /// How many left rows the first batch has at most, where few may be enough; each next one has twice as many.
        first: Option<usize>,
        left: Box<Plan>,
        right: Arc<Plan>,
        filters: Vec<Scalar>,
    },
    /// The right plan once for each distinct value of the shared slots, which are constants in it.
    PerRow {
        kind: JoinKind,
        left: Box<Plan>,
        right: Arc<Plan>,
        shared: Vec<Slot>,
    },
    Filter {
        input: Box<Plan>,
        filters: Vec<Scalar>,
    },
    Extend {
        input: Box<Plan>,
        slot: Slot,
        value: Scalar,
    },
    Unpack {
        input: Box<Plan>,
        triple: Slot,
        parts: [Place; 3],
    },
    Union(Vec<Plan>),
    /// The rows with slots that hold the same value in each.
    Constants {
        input: Box<Plan>,
        values: Vec<(Slot, u64)>,
    },
    /// The same rows in any order, made by several threads.
    Exchange(Box<Plan>),
    Project(Box<Plan>),
    Distinct {
        input: Box<Plan>,
        /// The columns by which the rows come in order: equal ones lie where these are equal.
        grouped: Vec<Slot>,
    },
    Reduced(Box<Plan>),
    Slice {
        input: Box<Plan>,
        start: usize,
        length: Option<usize>,
    },
    /// Of the rows of each value of a slot the same slice.
    SliceOfEach {
        input: Box<Plan>,
        slot: Slot,
        start: usize,
        length: Option<usize>,
    },
    Sort {
        input: Box<Plan>,
        keys: Vec<SortKeyPlan>,
        /// How many of the first rows are wanted; `None` is all.
        first: Option<usize>,
        /// Whether the rows come in this order.
        sorted: bool,
    },
    Group {
        input: Box<Plan>,
        keys: Vec<Slot>,
        aggregates: Vec<AggregatePlan>,
        /// The keys by which the rows come in order.
        grouped: Vec<Slot>,
    },
    /// The number of quads that match, in a slot.
    Count {
        quads: Quads,
        slot: Slot,
    },
    /// The distinct values of a position, with the number of quads of each if there is a slot for it.
    DistinctValues {
        reading: ValuesReading,
        slot: Slot,
        counts: Option<Slot>,
    },
    /// The inner plan once for each named graph, which is a constant in it.
    EachGraph {
        graph: Slot,
        inner: Arc<Plan>,
        bound: Slot,
    },
    Service(Box<Service>),
    /// The left rows with those of the endpoints that they name, each of which is asked once.
    ServiceJoin {
        kind: JoinKind,
        left: Box<Plan>,
        service: Box<Service>,
        filters: Vec<Scalar>,
    },
}

impl Plan {
    /// The plans below.
    pub(crate) fn children(&self) -> Vec<&Self> {
        match &self.node {
            Node::Join { left, right, .. } => vec![left, right],
            Node::PerBatch { left, right, .. } | Node::PerRow { left, right, .. } => {
                vec![left, right]
            }
            Node::Lookup { left, .. } | Node::ServiceJoin { left, .. } => vec![left],
            Node::Filter { input, .. }
            | Node::Extend { input, .. }
            | Node::Unpack { input, .. }
            | Node::Constants { input, .. }
            | Node::Exchange(input)
            | Node::Project(input)
            | Node::Distinct { input, .. }
            | Node::Reduced(input)
            | Node::Slice { input, .. }
            | Node::SliceOfEach { input, .. }
            | Node::Sort { input, .. }
            | Node::Group { input, .. } => vec![input],
            Node::EachGraph { inner, .. } => vec![inner],
            Node::Union(parts) => parts.iter().collect(),
            Node::Unit
            | Node::Input
            | Node::Scan { .. }
            | Node::Multiway { .. }
            | Node::Path(_)
            | Node::NamedGraphs(_)
            | Node::Values(_)
            | Node::Count { .. }
            | Node::DistinctValues { .. }
            | Node::Service(_) => Vec::new(),
        }
    }

    pub(crate) fn possible(&self) -> SlotSet {
        self.columns.iter().copied().collect()
    }
}
