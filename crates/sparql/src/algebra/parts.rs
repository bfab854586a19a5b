//! The parts of an expression.
//!
//! What flows in: an expression. What flows out: those that it is made of directly. What always holds: none is left out, but
//! for the pattern of an `EXISTS`, which is no expression.

use spargebra::algebra::Expression;

/// The expressions that an expression is made of directly.
pub(crate) fn parts_of(expression: &Expression) -> Vec<&Expression> {
    use Expression as E;
    match expression {
        E::NamedNode(_) | E::Literal(_) | E::Variable(_) | E::Bound(_) | E::Exists(_) => Vec::new(),
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
        | E::Divide(left, right) => vec![left, right],
        E::UnaryPlus(inner) | E::UnaryMinus(inner) | E::Not(inner) => vec![inner],
        E::If(condition, then, otherwise) => vec![condition, then, otherwise],
        E::In(left, list) => std::iter::once(&**left).chain(list).collect(),
        E::Coalesce(list) | E::FunctionCall(_, list) => list.iter().collect(),
    }
}
