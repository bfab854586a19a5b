//! The values of solutions as numbers, texts and dates.
//!
//! What flows in: a solution and one of its variables, by name or by position. What flows out: the value of a type that the
//! caller names, or an error that tells what stands there instead. What always holds: no value is bent: a number is given as
//! a type that holds each of its kind, as arithmetic in SPARQL would take it, and nothing else is a number.

use crate::expression::{Temporal, Value};
use oxrdf::vocab::{rdf, xsd};
use oxrdf::{NamedNode, Term, Variable};
use oxsdatatypes::{Date, DateTime, Decimal, Double, Integer};
use sparesults::QuerySolution;
use std::fmt;

/// A variable of a solution: its name without the question mark, or its position, from 0 on.
pub trait SolutionColumn: Copy + fmt::Debug {
    /// Where the variable stands in the solution; `None` when there is no such variable.
    fn position(self, solution: &QuerySolution) -> Option<usize>;

    /// What errors call it, where the solution does not have it.
    fn name(self) -> String;
}

impl SolutionColumn for usize {
    fn position(self, solution: &QuerySolution) -> Option<usize> {
        (self < solution.len()).then_some(self)
    }

    fn name(self) -> String {
        format!("column {self}")
    }
}

impl SolutionColumn for &str {
    fn position(self, solution: &QuerySolution) -> Option<usize> {
        let mut variables = solution.variables().iter();
        variables.position(|variable| variable.as_str() == self)
    }

    fn name(self) -> String {
        format!("?{self}")
    }
}

impl SolutionColumn for &Variable {
    fn position(self, solution: &QuerySolution) -> Option<usize> {
        self.as_str().position(solution)
    }

    fn name(self) -> String {
        self.to_string()
    }
}

/// Why a solution has no value of a type.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The query does not select the variable, or not so many.
    #[error("the solution has no {variable}")]
    NoVariable {
        /// The variable, or its position.
        variable: String,
    },
    /// The variable is not bound.
    #[error("{variable} is not bound, {wanted} was asked for")]
    Unbound {
        /// The variable.
        variable: Variable,
        /// What was asked for, in words.
        wanted: &'static str,
    },
    /// The value is of another type, or its lexical form is not one of its type.
    #[error("{variable} is {found}, not {wanted}")]
    OtherType {
        /// The variable.
        variable: Variable,
        /// What was asked for, in words.
        wanted: &'static str,
        /// What the variable is bound to.
        found: Box<Term>,
    },
}

/// Typed access to the values of a solution.
///
/// ```
/// use quadrille_sparql::{QuerySolution, SolutionValues, ValueError};
/// use oxrdf::{Literal, Variable};
///
/// let variables = ["name", "age", "spouse"].map(Variable::new_unchecked);
/// let values = [Some(Literal::from("Ada").into()), Some(Literal::from(36).into()), None];
/// let solution = QuerySolution::from((variables.to_vec(), values.to_vec()));
///
/// assert_eq!(solution.string("name")?, "Ada");
/// assert_eq!(i64::from(solution.integer(1)?), 36);
/// assert!(matches!(solution.iri("spouse"), Err(ValueError::Unbound { .. })));
/// let error = solution.boolean("age").expect_err("a number");
/// assert!(error.to_string().starts_with("?age is \"36\""));
/// # Ok::<(), ValueError>(())
/// ```
///
/// All fail with [`ValueError`] where the variable is not there, not bound or bound to something else.
pub trait SolutionValues {
    /// The value as a term.
    ///
    /// # Errors
    /// [`ValueError`], but `OtherType`.
    fn term(&self, column: impl SolutionColumn) -> Result<&Term, ValueError>;

    /// The IRI.
    ///
    /// # Errors
    /// [`ValueError`].
    fn iri(&self, column: impl SolutionColumn) -> Result<&NamedNode, ValueError>;

    /// The text of a string, with a language tag or without.
    ///
    /// # Errors
    /// [`ValueError`].
    fn string(&self, column: impl SolutionColumn) -> Result<&str, ValueError>;

    /// The truth of an `xsd:boolean`.
    ///
    /// # Errors
    /// [`ValueError`].
    fn boolean(&self, column: impl SolutionColumn) -> Result<bool, ValueError>;

    /// The number of an `xsd:integer` or a type derived from it; `i64::from` makes it a number of Rust.
    ///
    /// # Errors
    /// [`ValueError`], also for an integer of more than 64 bits.
    fn integer(&self, column: impl SolutionColumn) -> Result<Integer, ValueError>;

    /// The number of an `xsd:decimal` or an integer.
    ///
    /// # Errors
    /// [`ValueError`], also for a number beyond the 18 digits behind the point that `Decimal` has.
    fn decimal(&self, column: impl SolutionColumn) -> Result<Decimal, ValueError>;

    /// The number of any numeric type, as precisely as a double holds it; `f64::from` makes it a number of Rust.
    ///
    /// # Errors
    /// [`ValueError`].
    fn double(&self, column: impl SolutionColumn) -> Result<Double, ValueError>;

    /// The day of an `xsd:date`.
    ///
    /// # Errors
    /// [`ValueError`].
    fn date(&self, column: impl SolutionColumn) -> Result<Date, ValueError>;

    /// The time of an `xsd:dateTime` or an `xsd:dateTimeStamp`.
    ///
    /// # Errors
    /// [`ValueError`].
    fn date_time(&self, column: impl SolutionColumn) -> Result<DateTime, ValueError>;
}

impl SolutionValues for QuerySolution {
    fn term(&self, column: impl SolutionColumn) -> Result<&Term, ValueError> {
        found(self, column, "a term").map(|(_, term)| term)
    }

    fn iri(&self, column: impl SolutionColumn) -> Result<&NamedNode, ValueError> {
        read(self, column, "an IRI", |term| match term {
            Term::NamedNode(node) => Some(node),
            _ => None,
        })
    }

    fn string(&self, column: impl SolutionColumn) -> Result<&str, ValueError> {
        read(self, column, "a string", |term| match term {
            Term::Literal(literal) => {
                let is_text = [xsd::STRING, rdf::LANG_STRING, rdf::DIR_LANG_STRING]
                    .contains(&literal.datatype());
                is_text.then(|| literal.value())
            }
            _ => None,
        })
    }

    fn boolean(&self, column: impl SolutionColumn) -> Result<bool, ValueError> {
        read(self, column, "a boolean", |term| match value_of(term)? {
            Value::Boolean(value) => Some(value),
            _ => None,
        })
    }

    fn integer(&self, column: impl SolutionColumn) -> Result<Integer, ValueError> {
        read(self, column, "an integer", |term| match value_of(term)? {
            Value::Integer(value) => Some(value),
            _ => None,
        })
    }

    fn decimal(&self, column: impl SolutionColumn) -> Result<Decimal, ValueError> {
        read(self, column, "a decimal", |term| {
            value_of(term)?.as_decimal()
        })
    }

    fn double(&self, column: impl SolutionColumn) -> Result<Double, ValueError> {
        read(self, column, "a number", |term| value_of(term)?.as_double())
    }

    fn date(&self, column: impl SolutionColumn) -> Result<Date, ValueError> {
        read(self, column, "a date", |term| match value_of(term)? {
            Value::Temporal(Temporal::Date(value)) => Some(value),
            _ => None,
        })
    }

    fn date_time(&self, column: impl SolutionColumn) -> Result<DateTime, ValueError> {
        read(self, column, "a dateTime", |term| match value_of(term)? {
            Value::Temporal(Temporal::DateTime(value)) => Some(value),
            _ => None,
        })
    }
}

fn value_of(term: &Term) -> Option<Value> {
    match term {
        Term::Literal(literal) => Some(Term::from(literal.clone()).into()),
        _ => None,
    }
}

/// The variable and what it is bound to.
fn found<'a>(
    solution: &'a QuerySolution,
    column: impl SolutionColumn,
    wanted: &'static str,
) -> Result<(&'a Variable, &'a Term), ValueError> {
    let position = column.position(solution);
    let variable = position.and_then(|position| solution.variables().get(position));
    let (Some(position), Some(variable)) = (position, variable) else {
        let variable = column.name();
        return Err(ValueError::NoVariable { variable });
    };
    match solution.get(position) {
        Some(term) => Ok((variable, term)),
        None => Err(ValueError::Unbound {
            variable: variable.clone(),
            wanted,
        }),
    }
}

fn read<'a, T>(
    solution: &'a QuerySolution,
    column: impl SolutionColumn,
    wanted: &'static str,
    read: impl FnOnce(&'a Term) -> Option<T>,
) -> Result<T, ValueError> {
    let (variable, term) = found(solution, column, wanted)?;
    read(term).ok_or_else(|| ValueError::OtherType {
        variable: variable.clone(),
        wanted,
        found: Box::new(term.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::{SolutionValues, ValueError};
    use oxrdf::vocab::xsd;
    use oxrdf::{Literal, NamedNode, NamedNodeRef, Term, Variable};
    use sparesults::QuerySolution;

    fn typed(form: &str, datatype: NamedNodeRef<'_>) -> Term {
        Literal::new_typed_literal(form, datatype).into()
    }

    fn solution(value: Option<Term>) -> QuerySolution {
        QuerySolution::from((vec![Variable::new_unchecked("x")], vec![value]))
    }

    #[test]
    fn numbers_are_read_as_the_types_that_hold_them() {
        let read = |form, datatype| {
            let solution = solution(Some(typed(form, datatype)));
            let integer = solution.integer("x").ok().map(|value| value.to_string());
            let decimal = solution.decimal("x").ok().map(|value| value.to_string());
            let double = solution.double("x").ok().map(f64::from);
            (integer, decimal, double)
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(read("007", xsd::INTEGER), (text("7"), text("7"), Some(7.0)));
        assert_eq!(read("-7", xsd::SHORT), (text("-7"), text("-7"), Some(-7.0)));
        assert_eq!(read("1.50", xsd::DECIMAL), (None, text("1.5"), Some(1.5)));
        assert_eq!(read("15e-1", xsd::DOUBLE), (None, None, Some(1.5)));
        assert_eq!(read("1.5", xsd::FLOAT), (None, None, Some(1.5)));
        assert_eq!(
            read("99999999999999999999", xsd::INTEGER),
            (None, None, None)
        );
        assert_eq!(read("7", xsd::STRING), (None, None, None));
        assert_eq!(read("seven", xsd::INTEGER), (None, None, None));
    }

    #[test]
    fn texts_iris_truth_and_days_are_told_apart() {
        let tagged = Literal::new_language_tagged_literal_unchecked("Saal", "de");
        let tagged = solution(Some(tagged.into()));
        assert_eq!(tagged.string(0), Ok("Saal"));
        assert!(tagged.iri(0).is_err() && tagged.boolean(0).is_err());
        let node = NamedNode::new_unchecked("http://example.com/a");
        let iri = solution(Some(node.clone().into()));
        assert_eq!(iri.iri(&Variable::new_unchecked("x")), Ok(&node));
        assert!(iri.string("x").is_err() && iri.integer("x").is_err());
        assert_eq!(
            solution(Some(typed("1", xsd::BOOLEAN))).boolean("x"),
            Ok(true)
        );
        let day = solution(Some(typed("2020-02-29", xsd::DATE)));
        assert_eq!(day.date("x").map(|date| date.day()), Ok(29));
        assert!(day.date_time("x").is_err());
        let time = solution(Some(typed("2020-02-29T12:30:00Z", xsd::DATE_TIME)));
        assert_eq!(time.date_time("x").map(|time| time.minute()), Ok(30));
        assert!(time.date("x").is_err());
        let none = solution(Some(typed("2021-02-29", xsd::DATE)));
        assert!(matches!(none.date("x"), Err(ValueError::OtherType { .. })));
    }

    #[test]
    fn errors_say_the_variable_and_what_was_found() {
        let unbound = solution(None);
        let text = |error: ValueError| error.to_string();
        assert_eq!(
            unbound.integer(0).map_err(text),
            Err("?x is not bound, an integer was asked for".to_owned())
        );
        assert_eq!(
            unbound.integer("y").map_err(text),
            Err("the solution has no ?y".to_owned())
        );
        assert_eq!(
            unbound.term(1).map_err(text),
            Err("the solution has no column 1".to_owned())
        );
        let word = solution(Some(Literal::from("word").into()));
        assert_eq!(
            word.double("x").map_err(text),
            Err("?x is \"word\", not a number".to_owned())
        );
    }
}
