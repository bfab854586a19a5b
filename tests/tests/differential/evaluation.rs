//! Values of single expressions.
//!
//! What flows in: an expression of the parser, and rows. What flows out: a term, or nothing for an error. What always
//! holds: spareval computes functions and operators, of values alone. It sees no pattern: an EXISTS is a variable to it,
//! whose value the caller gives. And what keeps a term as it is, where spareval would write its value anew (`"01"` as
//! `1`), is computed here: variables, IF, COALESCE, STR, DATATYPE, sameTerm, triple terms, with the logic around them.

use crate::compare::Row;
use oxrdf::vocab::xsd;
use oxrdf::{Literal, NamedOrBlankNode, Term, Triple, Variable};
use spareval::QueryEvaluator;
use spargebra::algebra::{Expression, Function, GraphPattern};
use sparopt::algebra::{Expression as Evaluated, GraphPattern as Converted};

/// An expression that is ready for any number of rows.
pub(crate) struct Prepared {
    expression: Expression,
    /// The whole expression for spareval, where its terms are not needed as they are.
    whole: Option<Evaluated>,
    /// The patterns of EXISTS, each under the name of a variable.
    pub(crate) exists: Vec<(String, GraphPattern)>,
    /// Whether boolean and numeric literals of no value are false, as SPARQL 1.1 says; else they are errors.
    ill_typed_is_false: bool,
}

impl Prepared {
    pub(crate) fn new(expression: &Expression, ill_typed_is_false: bool) -> Self {
        let mut expression = expression.clone();
        let mut exists = Vec::new();
        take_exists(&mut expression, &mut exists);
        let whole = (!keeps_terms(&mut expression)).then(|| converted(expression.clone()));
        Self {
            expression,
            whole,
            exists,
            ill_typed_is_false,
        }
    }

    /// The value for a row, in which the variables of `exists` are bound to booleans.
    pub(crate) fn value(&self, row: &Row) -> Option<Term> {
        match &self.whole {
            Some(whole) => by_spareval(whole, row),
            None => self.term(&self.expression, row),
        }
    }

    /// The effective boolean value for such a row; false for an error.
    pub(crate) fn holds(&self, row: &Row) -> bool {
        self.truth(self.value(row)) == Some(true)
    }

    fn term(&self, expression: &Expression, row: &Row) -> Option<Term> {
        let term = |expression: &Expression| self.term(expression, row);
        match expression {
            Expression::NamedNode(node) => Some(node.clone().into()),
            Expression::Literal(literal) => Some(literal.clone().into()),
            Expression::Variable(name) => row.get(name.as_str()).cloned(),
            Expression::Bound(name) => Some(boolean(row.contains_key(name.as_str()))),
            Expression::If(condition, one, other) => match self.truth(term(condition))? {
                true => term(one),
                false => term(other),
            },
            Expression::Coalesce(members) => members.iter().find_map(term),
            Expression::SameTerm(left, right) => Some(boolean(term(left)? == term(right)?)),
            Expression::Or(left, right) => {
                let (left, right) = (self.truth(term(left)), self.truth(term(right)));
                any([left, right]).map(boolean)
            }
            Expression::And(left, right) => {
                let not = |operand| self.truth(term(operand)).map(|truth| !truth);
                any([not(left), not(right)]).map(|either| boolean(!either))
            }
            Expression::Not(inner) => Some(boolean(!self.truth(term(inner))?)),
            Expression::In(first, members) => {
                let first = term(first)?;
                let equal = |member: &Expression| {
                    let equal = equal(first.clone(), term(member)?)?;
                    self.truth(Some(equal))
                };
                any(members.iter().map(equal)).map(boolean)
            }
            Expression::FunctionCall(Function::Str, operands) => lexical(term(operands.first()?)?),
            Expression::FunctionCall(Function::Datatype, operands) => {
                match term(operands.first()?)? {
                    Term::Literal(literal) => Some(literal.datatype().into_owned().into()),
                    _ => None,
                }
            }
            Expression::FunctionCall(Function::Triple, operands) => {
                let terms: Option<Vec<Term>> = operands.iter().map(term).collect();
                triple(terms?)
            }
            Expression::FunctionCall(
                part @ (Function::Subject | Function::Predicate | Function::Object),
                operands,
            ) => match term(operands.first()?)? {
                Term::Triple(triple) => Some(match part {
                    Function::Subject => triple.subject.into(),
                    Function::Predicate => triple.predicate.into(),
                    _ => triple.object,
                }),
                _ => None,
            },
            Expression::Less(left, right)
            | Expression::LessOrEqual(left, right)
            | Expression::Greater(left, right)
            | Expression::GreaterOrEqual(left, right)
                if are_unordered_numbers(&term(left)?, &term(right)?) =>
            {
                Some(boolean(false))
            }
            Expression::Equal(left, right) => equal(term(left)?, term(right)?),
            other => self.of_operands(other, row),
        }
    }

    /// The value of an operator or function that is an error as soon as one of its operands is.
    fn of_operands(&self, expression: &Expression, row: &Row) -> Option<Term> {
        let mut expression = expression.clone();
        let is_substring = matches!(expression, Expression::FunctionCall(Function::SubStr, _));
        let mut operands = Row::new();
        for (place, operand) in children(&mut expression).into_iter().enumerate() {
            let name = format!("operand{place}");
            let value = self.term(operand, row)?;
            let value = if is_substring {
                countable(value)
            } else {
                value
            };
            operands.insert(name.clone(), value);
            *operand = Variable::new_unchecked(name).into();
        }
        by_spareval(&converted(expression), &operands)
    }

    /// The effective boolean value of a term.
    fn truth(&self, term: Option<Term>) -> Option<bool> {
        let term = term?;
        let name = Variable::new_unchecked("term");
        let value = QueryEvaluator::new().evaluate_effective_boolean_value_expression(
            &Evaluated::from(name.clone()),
            [(&name, term.clone())],
        );
        match term {
            Term::Literal(literal) if value.is_none() && self.ill_typed_is_false => {
                let datatype = literal.datatype();
                let typed = datatype == xsd::BOOLEAN || is_numeric(datatype.as_str());
                typed.then_some(false)
            }
            _ => value,
        }
    }
}

/// Whether one of the truth values is true; an error only matters where none is.
fn any(truths: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(false);
    for truth in truths {
        match truth {
            Some(true) => return Some(true),
            Some(false) => {}
            None => result = None,
        }
    }
    result
}

fn equal(left: Term, right: Term) -> Option<Term> {
    let operands = [left, right];
    let equal = of_two(Expression::Equal, &operands)?;
    let is_open = equal == boolean(false)
        && are_of_one_sort_in_time(&operands)
        && of_two(Expression::Less, &operands).is_none();
    (!is_open).then_some(equal)
}

fn of_two(
    make: impl Fn(Box<Expression>, Box<Expression>) -> Expression,
    operands: &[Term; 2],
) -> Option<Term> {
    let make = |mut operands: Vec<Expression>| {
        let right = operands.pop().expect("two operands");
        let left = operands.pop().expect("two operands");
        make(Box::new(left), Box::new(right))
    };
    apply(make, operands)
}

/// Whether two terms are dates, times or instants, both the same: then one may have a zone and the other none.
fn are_of_one_sort_in_time(operands: &[Term; 2]) -> bool {
    let sort = |term: &Term| match term {
        Term::Literal(literal) => {
            let name = literal.datatype().as_str();
            let name = name.strip_prefix("http://www.w3.org/2001/XMLSchema#")?;
            let is_in_time = name.starts_with('g') || ["dateTime", "date", "time"].contains(&name);
            is_in_time.then(|| name.to_owned())
        }
        _ => None,
    };
    // A form that is none has no order to itself either.
    let has_value = |term: &Term| {
        let twice = [term.clone(), term.clone()];
        of_two(Expression::LessOrEqual, &twice).is_some()
    };
    let [left, right] = operands;
    sort(left).is_some() && sort(left) == sort(right) && has_value(left) && has_value(right)
}

/// A place in a text, none of which is that long: spareval cannot add to the greatest integer.
fn countable(term: Term) -> Term {
    match &term {
        Term::Literal(literal) if literal.value() == i64::MAX.to_string() => {
            Literal::from(1_000_000).into()
        }
        _ => term,
    }
}

/// The triple term of three terms, if they may stand in these places.
fn triple(terms: Vec<Term>) -> Option<Term> {
    let [subject, predicate, object] = <[Term; 3]>::try_from(terms).ok()?;
    let subject: NamedOrBlankNode = match subject {
        Term::NamedNode(node) => node.into(),
        Term::BlankNode(node) => node.into(),
        Term::Literal(_) | Term::Triple(_) => return None,
    };
    let Term::NamedNode(predicate) = predicate else {
        return None;
    };
    Some(Triple::new(subject, predicate, object).into())
}

fn lexical(term: Term) -> Option<Term> {
    match term {
        Term::NamedNode(node) => Some(Literal::new_simple_literal(node.as_str()).into()),
        Term::Literal(literal) => Some(Literal::new_simple_literal(literal.value()).into()),
        Term::BlankNode(_) | Term::Triple(_) => None,
    }
}

/// Whether two terms are numbers and one of them is not a number: neither is less then (XPath, section 4.3.2).
fn are_unordered_numbers(left: &Term, right: &Term) -> bool {
    let number = |term: &Term| match term {
        Term::Literal(literal) if is_numeric(literal.datatype().as_str()) => {
            let plus =
                |operands: Vec<Expression>| Expression::UnaryPlus(Box::new(operands[0].clone()));
            apply(plus, std::slice::from_ref(term))
        }
        _ => None,
    };
    let is_nan = |term: &Term| matches!(term, Term::Literal(literal) if literal.value() == "NaN");
    match (number(left), number(right)) {
        (Some(left), Some(right)) => is_nan(&left) || is_nan(&right),
        _ => false,
    }
}

fn is_numeric(datatype: &str) -> bool {
    let name = datatype.strip_prefix("http://www.w3.org/2001/XMLSchema#");
    name.is_some_and(|name| {
        let suffixes = [
            "nteger", "int", "short", "byte", "long", "Int", "Short", "Byte", "Long",
        ];
        suffixes.iter().any(|suffix| name.ends_with(suffix))
            || ["decimal", "double", "float"].contains(&name)
    })
}

/// Whether somewhere a term counts as it is written.
fn keeps_terms(expression: &mut Expression) -> bool {
    match expression {
        Expression::NamedNode(_)
        | Expression::Literal(_)
        | Expression::Variable(_)
        | Expression::If(..)
        | Expression::Coalesce(_)
        | Expression::SameTerm(..)
        | Expression::In(..)
        | Expression::Or(..)
        | Expression::And(..)
        | Expression::Not(_)
        | Expression::Equal(..)
        | Expression::Less(..)
        | Expression::LessOrEqual(..)
        | Expression::Greater(..)
        | Expression::GreaterOrEqual(..)
        | Expression::FunctionCall(
            Function::Str
            | Function::Datatype
            | Function::SubStr
            | Function::Triple
            | Function::Subject
            | Function::Predicate
            | Function::Object,
            _,
        ) => true,
        other => children(other).into_iter().any(|child| {
            let leaf = matches!(
                child,
                Expression::NamedNode(_) | Expression::Literal(_) | Expression::Variable(_)
            );
            !leaf && keeps_terms(child)
        }),
    }
}

fn by_spareval(expression: &Evaluated, row: &Row) -> Option<Term> {
    let names: Vec<_> = row.keys().map(Variable::new_unchecked).collect();
    QueryEvaluator::new().evaluate_expression(expression, names.iter().zip(row.values().cloned()))
}

/// The value of an operator or function over terms.
pub(crate) fn apply(
    make: impl FnOnce(Vec<Expression>) -> Expression,
    terms: &[Term],
) -> Option<Term> {
    // Names in the order of the terms, however many there are.
    let row: Row = terms
        .iter()
        .enumerate()
        .map(|(place, term)| (format!("operand{place:06}"), term.clone()))
        .collect();
    let operands = row.keys().map(|name| Variable::new_unchecked(name).into());
    by_spareval(&converted(make(operands.collect())), &row)
}

/// A boolean as a term.
pub(crate) fn boolean(value: bool) -> Term {
    Literal::from(value).into()
}

/// The form that spareval evaluates. Only whole patterns are converted, so the expression goes there and back in one.
fn converted(expression: Expression) -> Evaluated {
    let pattern = GraphPattern::Extend {
        inner: Box::default(),
        variable: Variable::new_unchecked("value"),
        expression,
    };
    match Converted::from(&pattern) {
        Converted::Extend { expression, .. } => expression,
        other => panic!("{other:?} is no BIND"),
    }
}

fn take_exists(expression: &mut Expression, exists: &mut Vec<(String, GraphPattern)>) {
    if let Expression::Exists(pattern) = expression {
        let name = format!("exists{}", exists.len());
        exists.push((name.clone(), std::mem::take(pattern)));
        *expression = Variable::new_unchecked(name).into();
    }
    for child in children(expression) {
        take_exists(child, exists);
    }
}

/// The names of the variables in an expression, those of its patterns apart.
pub(crate) fn variables(expression: &Expression) -> Vec<String> {
    fn collect(expression: &mut Expression, names: &mut Vec<String>) {
        if let Expression::Variable(name) | Expression::Bound(name) = expression {
            names.push(name.as_str().to_owned());
        }
        for child in children(expression) {
            collect(child, names);
        }
    }
    let mut names = Vec::new();
    collect(&mut expression.clone(), &mut names);
    names
}

fn children(expression: &mut Expression) -> Vec<&mut Expression> {
    match expression {
        Expression::Or(left, right)
        | Expression::And(left, right)
        | Expression::Equal(left, right)
        | Expression::SameTerm(left, right)
        | Expression::Greater(left, right)
        | Expression::GreaterOrEqual(left, right)
        | Expression::Less(left, right)
        | Expression::LessOrEqual(left, right)
        | Expression::Add(left, right)
        | Expression::Subtract(left, right)
        | Expression::Multiply(left, right)
        | Expression::Divide(left, right) => vec![left, right],
        Expression::In(first, others) => std::iter::once(&mut **first)
            .chain(others.iter_mut())
            .collect(),
        Expression::UnaryPlus(inner) | Expression::UnaryMinus(inner) | Expression::Not(inner) => {
            vec![inner]
        }
        Expression::If(first, second, third) => vec![first, second, third],
        Expression::Coalesce(members) | Expression::FunctionCall(_, members) => {
            members.iter_mut().collect()
        }
        Expression::NamedNode(_)
        | Expression::Literal(_)
        | Expression::Variable(_)
        | Expression::Bound(_)
        | Expression::Exists(_) => Vec::new(),
    }
}
