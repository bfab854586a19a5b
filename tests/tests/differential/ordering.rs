//! Whether rows stand in the order that a query asks for.
//!
//! What flows in: rows of an answer, the pattern of the query. What flows out: the first two rows that stand wrongly. What
//! always holds: only what SPARQL orders counts: unbound, blank nodes, IRIs, literals; IRIs as strings; literals where `<`
//! has a value. Keys that the answer does not show cannot be checked.

use crate::compare::Row;
use crate::evaluation::{self, Prepared};
use oxrdf::{Term, Variable};
use spareval::QueryEvaluator;
use spargebra::algebra::{Expression, GraphPattern, OrderExpression};
use sparopt::algebra::Expression as Evaluated;
use std::cmp::Ordering;

/// Checks the place of each row, the first of which stands at `start` among all: no fewer rows come before it than must.
pub(crate) fn check(
    rows: &[Row],
    all: &[Row],
    start: usize,
    pattern: &GraphPattern,
) -> Result<(), String> {
    let keys = shown_keys(pattern);
    if keys.is_empty() {
        return Ok(());
    }
    let prepared: Vec<Prepared> = keys
        .iter()
        .map(|key| Prepared::new(expression(key), true))
        .collect();
    let values = |row: &Row| {
        prepared
            .iter()
            .map(|key| key.value(row))
            .collect::<Vec<_>>()
    };
    let all: Vec<_> = all.iter().map(values).collect();
    for (place, row) in rows.iter().enumerate() {
        let own = values(row);
        let count = |wanted| {
            let orders = all.iter().map(|other| compare_keys(other, &own, &keys));
            orders.filter(|order| *order == Some(wanted)).count()
        };
        let (before, after) = (count(Ordering::Less), count(Ordering::Greater));
        if start + place < before || start + place + after >= all.len() {
            return Err(format!("not the place of {row:?} by the order"));
        }
    }
    Ok(())
}

/// The order of two rows by the values of their keys, if SPARQL gives them one.
pub(crate) fn compare_keys(
    left: &[Option<Term>],
    right: &[Option<Term>],
    keys: &[OrderExpression],
) -> Option<Ordering> {
    for (place, key) in keys.iter().enumerate() {
        let order = compare(left[place].as_ref(), right[place].as_ref())?;
        let order = match key {
            OrderExpression::Asc(_) => order,
            OrderExpression::Desc(_) => order.reverse(),
        };
        if order != Ordering::Equal {
            return Some(order);
        }
    }
    Some(Ordering::Equal)
}

fn expression(key: &OrderExpression) -> &Expression {
    match key {
        OrderExpression::Asc(key) | OrderExpression::Desc(key) => key,
    }
}

/// The keys of the order, as long as they can be seen in the answer.
fn shown_keys(pattern: &GraphPattern) -> Vec<OrderExpression> {
    let mut pattern = pattern;
    let mut shown: &[Variable] = &[];
    let order = loop {
        match pattern {
            GraphPattern::Project { inner, variables } => {
                shown = variables;
                pattern = inner;
            }
            GraphPattern::Distinct { inner } | GraphPattern::Reduced { inner } => pattern = inner,
            GraphPattern::OrderBy { expression, .. } => break expression,
            _ => return Vec::new(),
        }
    };
    let is_shown = |key: &&OrderExpression| {
        let key = expression(key);
        let mut names = evaluation::variables(key).into_iter();
        names.all(|name| shown.iter().any(|variable| variable.as_str() == name))
            && Prepared::new(key, true).exists.is_empty()
    };
    order.iter().take_while(is_shown).cloned().collect()
}

/// The order of two terms, if SPARQL gives them one.
pub(crate) fn compare(left: Option<&Term>, right: Option<&Term>) -> Option<Ordering> {
    let rank = |term: Option<&Term>| match term {
        None => 0,
        Some(Term::BlankNode(_)) => 1,
        Some(Term::NamedNode(_)) => 2,
        Some(Term::Literal(_)) => 3,
        Some(Term::Triple(_)) => 4,
    };
    if left == right {
        return Some(Ordering::Equal);
    }
    match (left, right) {
        (Some(Term::NamedNode(left)), Some(Term::NamedNode(right))) => {
            Some(left.as_str().cmp(right.as_str()))
        }
        (Some(left @ Term::Literal(_)), Some(right @ Term::Literal(_))) => {
            if holds(left, right, Comparison::Less) {
                Some(Ordering::Less)
            } else if holds(left, right, Comparison::Greater) {
                Some(Ordering::Greater)
            } else if holds(left, right, Comparison::Equal) {
                Some(Ordering::Equal)
            } else {
                None
            }
        }
        _ => match rank(left).cmp(&rank(right)) {
            Ordering::Equal => None,
            order => Some(order),
        },
    }
}

#[derive(Clone, Copy)]
enum Comparison {
    Less,
    Equal,
    Greater,
}

fn holds(left: &Term, right: &Term, comparison: Comparison) -> bool {
    let operand = |name: &str| Box::new(Evaluated::Variable(Variable::new_unchecked(name)));
    let (one, other) = (operand("left"), operand("right"));
    let expression = match comparison {
        Comparison::Less => Evaluated::Less(one, other),
        Comparison::Equal => Evaluated::Equal(one, other),
        Comparison::Greater => Evaluated::Greater(one, other),
    };
    let names = [
        Variable::new_unchecked("left"),
        Variable::new_unchecked("right"),
    ];
    let values = names.iter().zip([left.clone(), right.clone()]);
    QueryEvaluator::new().evaluate_effective_boolean_value_expression(&expression, values)
        == Some(true)
}
