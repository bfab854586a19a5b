//! `GRAPH ?g { … }` where the evaluator would let `?g` leak into the braces.
//!
//! What flows in: the algebra of a query, the named graphs. What flows out: the algebra to evaluate. SPARQL evaluates the
//! inner pattern within each named graph, and only then joins the graph's name. The evaluator binds the name first, which
//! is faster and gives the same rows unless the inner pattern mentions the variable itself, is a subquery, or subtracts a
//! pattern that shares no variable. What always holds: those, and no others, are written out as one part a graph.

use crate::outline::Outline;
use oxrdf::{NamedNode, Variable};
use spargebra::algebra::GraphPattern;
use spargebra::term::{GroundTerm, NamedNodePattern};
use std::collections::HashSet;

/// Whether some part of the pattern has to be written out graph by graph.
pub(crate) fn leaks(pattern: &mut GraphPattern) -> bool {
    leaking_variable(pattern).is_some() || children(pattern).into_iter().any(leaks)
}

/// Writes out the parts that have to be; inner ones first.
pub(crate) fn write_out(pattern: &mut GraphPattern, graphs: &[NamedNode]) {
    for child in children(pattern) {
        write_out(child, graphs);
    }
    let Some(variable) = leaking_variable(pattern) else {
        return;
    };
    if let GraphPattern::Graph { inner, .. } = pattern {
        *pattern = each_graph(&variable, inner, graphs);
    }
}

/// The variable of `GRAPH ?g { … }` when it would leak.
fn leaking_variable(pattern: &mut GraphPattern) -> Option<Variable> {
    let GraphPattern::Graph {
        name: NamedNodePattern::Variable(variable),
        inner,
    } = pattern
    else {
        return None;
    };
    let mentioned = Outline::of(&inner.to_string()).variables;
    let leaks = mentioned.iter().any(|name| name == variable.as_str()) || has_own_scope(inner);
    leaks.then(|| variable.clone())
}

/// Whether the pattern holds a subquery, or subtracts something that shares no variable with what it is subtracted from.
fn has_own_scope(pattern: &mut GraphPattern) -> bool {
    let own = match pattern {
        GraphPattern::Project { .. } | GraphPattern::Group { .. } => true,
        GraphPattern::Minus { left, right } => in_scope(left).is_disjoint(&in_scope(right)),
        _ => false,
    };
    own || children(pattern).into_iter().any(has_own_scope)
}

fn in_scope(pattern: &GraphPattern) -> HashSet<Variable> {
    let mut variables = HashSet::new();
    pattern.on_in_scope_variable(|variable| {
        variables.insert(variable.clone());
    });
    variables
}

/// The union of the pattern within each graph, joined with the graph's name; halved again and again to stay shallow.
fn each_graph(variable: &Variable, inner: &GraphPattern, graphs: &[NamedNode]) -> GraphPattern {
    match graphs {
        [] => GraphPattern::Values {
            variables: vec![variable.clone()],
            bindings: Vec::new(),
        },
        [graph] => GraphPattern::Join {
            left: Box::new(GraphPattern::Graph {
                name: graph.clone().into(),
                inner: Box::new(inner.clone()),
            }),
            right: Box::new(GraphPattern::Values {
                variables: vec![variable.clone()],
                bindings: vec![vec![Some(GroundTerm::NamedNode(graph.clone()))]],
            }),
        },
        _ => {
            let (left, right) = graphs.split_at(graphs.len() / 2);
            GraphPattern::Union {
                left: Box::new(each_graph(variable, inner, left)),
                right: Box::new(each_graph(variable, inner, right)),
            }
        }
    }
}

/// The patterns that a pattern is made of, those inside expressions apart.
///
/// Cargo adds up the features of spargebra over a whole build: with a crate in it that asks for proposals beyond SPARQL 1.1,
/// such as Oxigraph, the algebra has patterns more. This crate must compile then too, and leaves those to the evaluator.
#[allow(
    unreachable_patterns,
    reason = "whether there are more patterns depends on the other crates of the build"
)]
fn children(pattern: &mut GraphPattern) -> Vec<&mut GraphPattern> {
    match pattern {
        GraphPattern::Bgp { .. } | GraphPattern::Path { .. } | GraphPattern::Values { .. } => {
            Vec::new()
        }
        GraphPattern::Join { left, right }
        | GraphPattern::LeftJoin { left, right, .. }
        | GraphPattern::Union { left, right }
        | GraphPattern::Minus { left, right } => vec![left, right],
        GraphPattern::Filter { inner, .. }
        | GraphPattern::Graph { inner, .. }
        | GraphPattern::Extend { inner, .. }
        | GraphPattern::OrderBy { inner, .. }
        | GraphPattern::Project { inner, .. }
        | GraphPattern::Distinct { inner }
        | GraphPattern::Reduced { inner }
        | GraphPattern::Slice { inner, .. }
        | GraphPattern::Group { inner, .. }
        | GraphPattern::Service { inner, .. } => vec![inner],
        _ => Vec::new(),
    }
}
