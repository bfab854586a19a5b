//! The variable of `GRAPH ?g { … }`, and when it may stand for the graph in the patterns themselves.
//!
//! What flows in: a pattern and the variable. What flows out: whether matching all graphs at once, with the graph as one more
//! column, gives the rows of matching each graph by itself. What always holds: where that is not clear, the answer is no.

use super::parts_of;
use oxrdf::Variable;
use spargebra::algebra::{Expression, GraphPattern};

/// Whether the variable of a `GRAPH` may be that of the patterns in it. Not where an expression, a table or a path mentions it
/// itself, nor where rows are counted, cut or compared: that would then happen across the graphs and not within each. A
/// triple pattern may mention it, where all of its rows are joined with the name of the graph in the end.
#[allow(
    unreachable_patterns,
    reason = "whether spargebra has more patterns depends on the other crates of the build"
)]
pub(super) fn may_share(pattern: &GraphPattern, variable: &Variable) -> bool {
    let mut open = vec![(pattern, true)];
    while let Some((pattern, may_mention)) = open.pop() {
        match pattern {
            GraphPattern::Bgp { .. } if may_mention => {}
            GraphPattern::Bgp { .. } | GraphPattern::Path { .. } => {
                if mentions(pattern, variable) {
                    return false;
                }
            }
            GraphPattern::Join { left, right } | GraphPattern::Union { left, right } => {
                open.extend([(left.as_ref(), may_mention), (right.as_ref(), may_mention)]);
            }
            GraphPattern::LeftJoin {
                left,
                right,
                expression,
            } => {
                if expression
                    .as_ref()
                    .is_some_and(|it| is_own_scope(it, variable))
                {
                    return false;
                }
                // A right row with another name would have left the left row with a partner, and then without any.
                open.extend([(left.as_ref(), may_mention), (right.as_ref(), false)]);
            }
            GraphPattern::Filter { expr, inner } => {
                if is_own_scope(expr, variable) {
                    return false;
                }
                open.push((inner, may_mention));
            }
            GraphPattern::Extend {
                inner,
                variable: bound,
                expression,
            } => {
                if bound == variable || is_own_scope(expression, variable) {
                    return false;
                }
                open.push((inner, may_mention));
            }
            GraphPattern::Values { variables, .. } => {
                if variables.contains(variable) {
                    return false;
                }
            }
            _ => return false,
        }
    }
    true
}

fn mentions(pattern: &GraphPattern, variable: &Variable) -> bool {
    let mut mentioned = false;
    pattern.on_in_scope_variable(|name| mentioned |= name == variable);
    mentioned
}

/// Whether an expression mentions the variable, or holds an `EXISTS`.
pub(super) fn is_own_scope(expression: &Expression, variable: &Variable) -> bool {
    let mut open = vec![expression];
    while let Some(expression) = open.pop() {
        match expression {
            Expression::Variable(name) | Expression::Bound(name) if name == variable => {
                return true;
            }
            Expression::Exists(_) => return true,
            other => open.extend(parts_of(other)),
        }
    }
    false
}
