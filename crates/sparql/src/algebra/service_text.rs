//! A pattern as the text of a query that means the same.
//!
//! What flows in: the pattern of a `SERVICE`. What flows out: `SELECT … WHERE { … }`. What always holds: parsed again, the
//! text has the solutions of the pattern. The writer of the parser's crate puts no brackets where operators bind the other way,
//! and none around a filter whose scope is less than the group that it then stands in: both are put so that it must.

use oxrdf::Variable;
use spargebra::algebra::{AggregateExpression, Expression, GraphPattern, OrderExpression};

/// The pattern as a query that selects these variables, all that it has in scope.
pub(super) fn text_of(pattern: &GraphPattern, variables: Vec<Variable>) -> String {
    let is_query = matches!(
        pattern,
        GraphPattern::Project { .. }
            | GraphPattern::Slice { .. }
            | GraphPattern::Distinct { .. }
            | GraphPattern::Reduced { .. }
    );
    let pattern = guarded(pattern);
    let pattern = if is_query {
        pattern
    } else {
        GraphPattern::Project {
            inner: Box::new(pattern),
            variables,
        }
    };
    let query = spargebra::Query::Select {
        dataset: None,
        pattern,
        base_iri: None,
    };
    query.to_string()
}

/// The pattern with brackets where it needs some.
#[allow(
    unreachable_patterns,
    reason = "whether spargebra has more patterns depends on the other crates of the build"
)]
fn guarded(pattern: &GraphPattern) -> GraphPattern {
    use GraphPattern as P;
    match pattern {
        P::Join { .. } => joined(pattern),
        P::LeftJoin {
            left,
            right,
            expression,
        } => P::LeftJoin {
            left: begun(left),
            // A filter within the group would be the condition of the join.
            right: begun(right),
            expression: expression.as_ref().map(bracketed),
        },
        P::Minus { left, right } => P::Minus {
            left: begun(left),
            right: Box::new(guarded(right)),
        },
        P::Union { left, right } => P::Union {
            left: Box::new(guarded(left)),
            right: Box::new(guarded(right)),
        },
        P::Filter { expr, inner } => P::Filter {
            expr: bracketed(expr),
            inner: Box::new(guarded(inner)),
        },
        P::Extend {
            inner,
            variable,
            expression,
        } => P::Extend {
            inner: match **inner {
                P::Filter { .. } => begun(inner),
                _ => below(inner),
            },
            variable: variable.clone(),
            expression: bracketed(expression),
        },
        P::Graph { name, inner } => P::Graph {
            name: name.clone(),
            inner: Box::new(guarded(inner)),
        },
        P::Service {
            name,
            inner,
            silent,
        } => P::Service {
            name: name.clone(),
            inner: Box::new(guarded(inner)),
            silent: *silent,
        },
        modifier => guarded_modifier(modifier),
    }
}

/// The joins of joins one after the other, without brackets: blank nodes are those of a whole group of triples and paths.
fn joined(pattern: &GraphPattern) -> GraphPattern {
    let mut open = vec![pattern];
    let mut whole: Option<GraphPattern> = None;
    while let Some(part) = open.pop() {
        if let GraphPattern::Join { left, right } = part {
            open.extend([right.as_ref(), left.as_ref()]);
            continue;
        }
        whole = Some(match whole {
            None => *begun(part),
            Some(left) => GraphPattern::Join {
                left: Box::new(left),
                right: enclosed(part),
            },
        });
    }
    whole.unwrap_or_default()
}

/// What works on whole solutions.
fn guarded_modifier(pattern: &GraphPattern) -> GraphPattern {
    use GraphPattern as P;
    match pattern {
        P::Group {
            inner,
            variables,
            aggregates,
        } => P::Group {
            inner: below(inner),
            variables: variables.clone(),
            aggregates: aggregates
                .iter()
                .map(|(variable, aggregate)| (variable.clone(), bracketed_aggregate(aggregate)))
                .collect(),
        },
        P::OrderBy { inner, expression } => P::OrderBy {
            inner: below(inner),
            expression: expression
                .iter()
                .map(|key| match key {
                    OrderExpression::Asc(key) => OrderExpression::Asc(bracketed(key)),
                    OrderExpression::Desc(key) => OrderExpression::Desc(bracketed(key)),
                })
                .collect(),
        },
        P::Project { inner, variables } => P::Project {
            inner: below(inner),
            variables: variables.clone(),
        },
        P::Distinct { inner } => P::Distinct {
            inner: Box::new(guarded(inner)),
        },
        P::Reduced { inner } => P::Reduced {
            inner: Box::new(guarded(inner)),
        },
        P::Slice {
            inner,
            start,
            length,
        } => P::Slice {
            inner: Box::new(guarded(inner)),
            start: *start,
            length: *length,
        },
        leaf => leaf.clone(),
    }
}

/// What a selection, its values, groups or order are made from: `DISTINCT` or a limit there is that of a query within.
fn below(pattern: &GraphPattern) -> Box<GraphPattern> {
    use GraphPattern as P;
    match pattern {
        P::Distinct { .. } | P::Reduced { .. } | P::Slice { .. } => Box::new(P::Join {
            left: Box::default(),
            right: Box::new(guarded(pattern)),
        }),
        _ => Box::new(guarded(pattern)),
    }
}

/// A pattern that a group begins with: its filters must not become those of the group.
fn begun(pattern: &GraphPattern) -> Box<GraphPattern> {
    match pattern {
        GraphPattern::Filter { .. } => subquery(pattern),
        _ => Box::new(guarded(pattern)),
    }
}

/// A pattern that stands behind another: what it is made of must not take the other in.
fn enclosed(pattern: &GraphPattern) -> Box<GraphPattern> {
    use GraphPattern as P;
    match pattern {
        P::LeftJoin { .. } | P::Minus { .. } | P::Extend { .. } | P::Filter { .. } => {
            subquery(pattern)
        }
        _ => Box::new(guarded(pattern)),
    }
}

/// The same solutions by a query of its own, which is written in brackets.
fn subquery(pattern: &GraphPattern) -> Box<GraphPattern> {
    let mut variables = Vec::new();
    pattern.on_in_scope_variable(|variable| {
        if !variables.contains(variable) {
            variables.push(variable.clone());
        }
    });
    Box::new(GraphPattern::Project {
        inner: Box::new(guarded(pattern)),
        variables,
    })
}

fn bracketed_aggregate(aggregate: &AggregateExpression) -> AggregateExpression {
    match aggregate {
        AggregateExpression::FunctionCall {
            name,
            expr,
            distinct,
        } => AggregateExpression::FunctionCall {
            name: name.clone(),
            expr: bracketed(expr),
            distinct: *distinct,
        },
        AggregateExpression::CountSolutions { .. } => aggregate.clone(),
    }
}

/// The expression, with the operands that would be torn apart in brackets.
fn bracketed(expression: &Expression) -> Expression {
    use Expression as E;
    let of = |inner: &Expression| Box::new(bracketed(inner));
    let all = |list: &[Expression]| list.iter().map(bracketed).collect();
    match expression {
        E::Or(left, right) => E::Or(of(left), of(right)),
        E::And(left, right) => E::And(of(left), of(right)),
        E::Equal(left, right) => E::Equal(of(left), of(right)),
        E::SameTerm(left, right) => E::SameTerm(of(left), of(right)),
        E::Greater(left, right) => E::Greater(of(left), of(right)),
        E::GreaterOrEqual(left, right) => E::GreaterOrEqual(of(left), of(right)),
        E::Less(left, right) => E::Less(of(left), of(right)),
        E::LessOrEqual(left, right) => E::LessOrEqual(of(left), of(right)),
        E::Add(left, right) => E::Add(operand(left), operand(right)),
        E::Subtract(left, right) => E::Subtract(operand(left), operand(right)),
        E::Multiply(left, right) => E::Multiply(operand(left), operand(right)),
        E::Divide(left, right) => E::Divide(operand(left), operand(right)),
        E::UnaryPlus(inner) => E::UnaryPlus(operand(inner)),
        E::UnaryMinus(inner) => E::UnaryMinus(operand(inner)),
        E::Not(inner) => E::Not(operand(inner)),
        E::In(left, list) => E::In(of(left), all(list)),
        E::If(condition, then, otherwise) => E::If(of(condition), of(then), of(otherwise)),
        E::Coalesce(list) => E::Coalesce(all(list)),
        E::FunctionCall(function, list) => E::FunctionCall(function.clone(), all(list)),
        E::Exists(pattern) => E::Exists(Box::new(guarded(pattern))),
        E::NamedNode(_) | E::Literal(_) | E::Variable(_) | E::Bound(_) => expression.clone(),
    }
}

/// An operand of an operator that is written without brackets. `COALESCE` of one expression is that expression.
fn operand(expression: &Expression) -> Box<Expression> {
    use Expression as E;
    let inner = bracketed(expression);
    Box::new(match expression {
        E::Add(..)
        | E::Subtract(..)
        | E::Multiply(..)
        | E::Divide(..)
        | E::UnaryPlus(_)
        | E::UnaryMinus(_) => E::Coalesce(vec![inner]),
        _ => inner,
    })
}
