//! The parts of an expression, and whether it gives the same each time.
//!
//! What flows in: an expression. What flows out: those that it is made of directly. What always holds: none is left out, but
//! for the pattern of an `EXISTS`, which is no expression.

use super::{Algebra, Scalar};
use spargebra::algebra::{Expression, Function};

impl Scalar {
    /// Whether it is the same wherever and however often the expression is evaluated; its `EXISTS` are not looked at.
    pub(crate) fn is_repeatable(&self) -> bool {
        let mut open = vec![&self.expression];
        while let Some(expression) = open.pop() {
            match expression {
                Expression::FunctionCall(
                    Function::Rand
                    | Function::Uuid
                    | Function::StrUuid
                    | Function::BNode
                    | Function::Custom(_),
                    _,
                )
                | Expression::Exists(_) => return false,
                other => open.extend(parts_of(other)),
            }
        }
        true
    }
}

impl Algebra {
    /// Whether its rows are the same however often it is evaluated: it asks nobody else, and its expressions give the same
    /// each time.
    pub(crate) fn is_repeatable(&self) -> bool {
        let mut is_repeatable = !matches!(self, Self::Service(_));
        self.scalars(&mut |scalar| {
            let mut patterns = scalar.exists.iter().map(|exists| &exists.pattern);
            is_repeatable &=
                scalar.is_repeatable() && patterns.all(|pattern| pattern.is_repeatable());
        });
        is_repeatable && self.children().into_iter().all(Self::is_repeatable)
    }
}

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
