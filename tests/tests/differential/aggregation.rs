//! GROUP BY and its aggregates.
//!
//! What flows in: rows, keys, aggregates, and how an expression is evaluated. What flows out: a row a group. What always
//! holds: COUNT and SAMPLE pass over errors, every other aggregate of an error is one; without keys there is one group.

use crate::compare::{Failure, Row};
use crate::evaluation::apply;
use crate::ordering;
use oxrdf::{Literal, Term, Variable};
use spargebra::algebra::{AggregateExpression, AggregateFunction, Expression, Function};
use std::cmp::Ordering;

type Value = Result<Option<Term>, Failure>;

pub(crate) fn group(
    rows: &[Row],
    keys: &[Variable],
    aggregates: &[(Variable, AggregateExpression)],
    value: impl Fn(&Expression, &Row) -> Value,
) -> Result<Vec<Row>, Failure> {
    let mut groups: Vec<(Row, Vec<&Row>)> = Vec::new();
    if keys.is_empty() {
        groups.push((Row::new(), Vec::new()));
    }
    for row in rows {
        let mut key = row.clone();
        key.retain(|name, _| keys.iter().any(|variable| variable.as_str() == name));
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(row),
            None => groups.push((key, vec![row])),
        }
    }
    let mut answer = Vec::new();
    for (mut row, members) in groups {
        for (name, aggregate) in aggregates {
            if let Some(term) = of_group(&members, aggregate, &value)? {
                row.insert(name.as_str().to_owned(), term);
            }
        }
        answer.push(row);
    }
    Ok(answer)
}

fn of_group(
    members: &[&Row],
    aggregate: &AggregateExpression,
    value: &impl Fn(&Expression, &Row) -> Value,
) -> Value {
    let (name, expression, distinct) = match aggregate {
        AggregateExpression::CountSolutions { distinct } => {
            let mut rows: Vec<Row> = members.iter().map(|row| (*row).clone()).collect();
            if *distinct {
                rows.iter_mut()
                    .for_each(|row| row.retain(|name, _| !name.starts_with("_:")));
                let mut seen = std::collections::HashSet::new();
                rows.retain(|row| seen.insert(format!("{row:?}")));
            }
            return Ok(Some(count(rows.len())));
        }
        AggregateExpression::FunctionCall {
            name,
            expr,
            distinct,
        } => (name, expr, *distinct),
    };
    let mut values = Vec::new();
    let mut errors = false;
    for row in members {
        match value(expression, row)? {
            Some(term) if distinct && values.contains(&term) => {}
            Some(term) => values.push(term),
            None => errors = true,
        }
    }
    Ok(match name {
        AggregateFunction::Count => Some(count(values.len())),
        AggregateFunction::Sample => values.into_iter().next(),
        _ if errors => None,
        AggregateFunction::Sum => sum(&values),
        AggregateFunction::Avg if values.is_empty() => Some(count(0)),
        AggregateFunction::Avg => sum(&values).and_then(|sum| divided(sum, count(values.len()))),
        AggregateFunction::Min => extreme(values, Ordering::Less),
        AggregateFunction::Max => extreme(values, Ordering::Greater),
        AggregateFunction::GroupConcat { separator } => {
            concatenation(&values, separator.as_deref().unwrap_or(" "))
        }
        AggregateFunction::Custom(_) => None,
    })
}

fn count(count: usize) -> Term {
    Literal::from(count as u64).into()
}

fn sum(values: &[Term]) -> Option<Term> {
    values.iter().try_fold(count(0), |sum, value| {
        binary(Expression::Add, sum, value.clone())
    })
}

fn divided(sum: Term, by: Term) -> Option<Term> {
    binary(Expression::Divide, sum, by)
}

fn binary(
    operator: impl FnOnce(Box<Expression>, Box<Expression>) -> Expression,
    left: Term,
    right: Term,
) -> Option<Term> {
    let make = |mut operands: Vec<Expression>| {
        let right = operands.pop().expect("two operands");
        let left = operands.pop().expect("two operands");
        operator(Box::new(left), Box::new(right))
    };
    apply(make, &[left, right])
}

fn extreme(values: Vec<Term>, wanted: Ordering) -> Option<Term> {
    values.into_iter().reduce(|best, value| {
        let better = ordering::compare(Some(&value), Some(&best)) == Some(wanted);
        if better { value } else { best }
    })
}

fn concatenation(values: &[Term], separator: &str) -> Option<Term> {
    let separator = Term::from(Literal::new_simple_literal(separator));
    let mut parts = Vec::new();
    for value in values {
        if !parts.is_empty() {
            parts.push(separator.clone());
        }
        parts.push(value.clone());
    }
    apply(
        |operands| Expression::FunctionCall(Function::Concat, operands),
        &parts,
    )
}
