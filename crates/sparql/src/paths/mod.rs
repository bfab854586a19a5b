//! Property paths with closures; all others are joins and unions.
//!
//! What flows in: rows that may bind the ends of a path and its graph. What flows out: each row with the ends that the path
//! relates. What always holds: a path relates a pair once in each graph, as the specification's ALP does; every node is
//! related to itself by a path of no length, a constant even when the graph does not hold it.

mod automaton;
mod directions;
mod edges;
mod meeting;
mod operator;
mod reach;
mod scope;
#[cfg(test)]
mod tests;
mod visits;
mod walk;

pub(crate) use directions::{Directions, WalkFrom};
pub(crate) use operator::PathOperator;

use spargebra::algebra::PropertyPathExpression;

/// Where an end of a path, or its graph, comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PathEnd {
    /// A raw id that stands in the query.
    Constant(u64),
    /// A column of the rows that come in; a row in which it is unbound gets its value.
    Column(usize),
    /// A new column, which comes behind those of the rows that come in.
    New,
}

/// The graph that a path is walked in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PathGraph {
    /// The default graph of the query.
    Default,
    /// A named graph; each of them if nothing else binds it.
    Named(PathEnd),
}

/// A path between two ends.
#[derive(Clone, Debug)]
pub(crate) struct PathPattern {
    pub(crate) subject: PathEnd,
    /// A closure or an optional path. Others relate each pair once, too.
    pub(crate) path: PropertyPathExpression,
    pub(crate) object: PathEnd,
    pub(crate) graph: PathGraph,
    /// Whether both ends are [`New`](PathEnd::New) and one variable, which gets one column.
    pub(crate) is_loop: bool,
    /// From which end it is better walked where that is free to choose.
    pub(crate) directions: Directions,
}
