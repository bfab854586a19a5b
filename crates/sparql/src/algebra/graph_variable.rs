//! The variable of `GRAPH ?g { … }`, and when it may stand for the graph in the patterns themselves.
//!
//! What flows in: a pattern and the variable. What flows out: whether matching all graphs at once, with the graph as one more
//! column, gives the rows of matching each graph by itself. What always holds: where that is not clear, the answer is no.

use oxrdf::Variable;
use spargebra::algebra::{Expression, GraphPattern};

/// Whether the variable of a `GRAPH` may be that of the patterns in it. Not where it is mentioned itself, nor where rows are
/// counted, cut or compared: that would then happen across the graphs and not within each.
#[allow(
    unreachable_patterns,
    reason = "whether spargebra has more patterns depends on the other crates of the build"
)]
pub(super) fn may_share(pattern: &GraphPattern, variable: &Variable) -> bool {
    let mut open = vec![pattern];
    while let Some(pattern) = open.pop() {
        match pattern {
            GraphPattern::Bgp { .. } | GraphPattern::Path { .. } => {
                if mentions(pattern, variable) {
                    return false;
                }
            }
            GraphPattern::Join { left, right } | GraphPattern::Union { left, right } => {
                open.extend([left.as_ref(), right.as_ref()]);
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
                open.extend([left.as_ref(), right.as_ref()]);
            }
            GraphPattern::Filter { expr, inner } => {
                if is_own_scope(expr, variable) {
                    return false;
                }
                open.push(inner);
            }
            GraphPattern::Extend {
                inner,
                variable: bound,
                expression,
            } => {
                if bound == variable || is_own_scope(expression, variable) {
                    return false;
                }
                open.push(inner);
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
    use Expression as E;
    let mut open = vec![expression];
    while let Some(expression) = open.pop() {
        match expression {
            E::NamedNode(_) | E::Literal(_) => {}
            E::Variable(name) | E::Bound(name) => {
                if name == variable {
                    return true;
                }
            }
            E::Exists(_) => return true,
            E::Or(left, right)
            | E::And(left, right)
            | E::Equal(left, right)
            | E::SameTerm(left, right)
            | E::Greater(left, right)
            | E::GreaterOrEqual(left, right)
            | E::Less(left, right)
            | E::LessOrEqual(left, right)
            | E::Add(left, right)
            | E::Subtract(left, right)
            | E::Multiply(left, right)
            | E::Divide(left, right) => open.extend([left.as_ref(), right.as_ref()]),
            E::UnaryPlus(inner) | E::UnaryMinus(inner) | E::Not(inner) => open.push(inner),
            E::If(condition, then, otherwise) => {
                open.extend([condition.as_ref(), then.as_ref(), otherwise.as_ref()]);
            }
            E::In(left, list) => {
                open.push(left);
                open.extend(list);
            }
            E::Coalesce(list) | E::FunctionCall(_, list) => open.extend(list),
        }
    }
    false
}
