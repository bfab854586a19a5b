//! Whether two answers are the same, up to the labels of blank nodes.
//!
//! What flows in: the expected answer and the one that was got. What flows out: nothing, or how they differ. What always
//! holds: one expected blank node stands for one got blank node, throughout the answer.

use crate::answer::{Answer, Row};
use oxrdf::vocab::xsd;
use oxrdf::{BlankNode, Literal, NamedOrBlankNode, Term};
use oxsdatatypes::{Decimal, Double, Float};
use std::collections::HashMap;
use std::str::FromStr;

/// How the rows of two answers are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cardinality {
    /// As many equal rows here as there.
    Exact,
    /// Each row at least once and no more rows than expected: `REDUCED`.
    Lax,
}

/// Compares an answer with the expected one.
pub(crate) fn compare(
    expected: &Answer,
    got: &Answer,
    cardinality: Cardinality,
) -> Result<(), String> {
    let same = match (expected, got) {
        (Answer::Boolean(expected), Answer::Boolean(got)) => expected == got,
        (Answer::Graph(expected), Answer::Graph(got)) => same_rows(expected, got),
        (
            Answer::Solutions {
                columns,
                rows,
                ordered,
            },
            Answer::Solutions {
                columns: got_columns,
                rows: got_rows,
                ..
            },
        ) => {
            columns == got_columns
                && match (ordered, cardinality) {
                    (true, _) => same_sequence(rows, got_rows),
                    (false, Cardinality::Exact) => same_rows(rows, got_rows),
                    (false, Cardinality::Lax) => {
                        got_rows.len() <= rows.len()
                            && same_rows(&distinct(rows), &distinct(got_rows))
                    }
                }
        }
        _ => false,
    };
    if same {
        Ok(())
    } else {
        Err(format!("expected\n{}\ngot\n{}", show(expected), show(got)))
    }
}

fn show(answer: &Answer) -> String {
    let lines = |rows: &[Row]| {
        let cell = |term: &Option<Term>| term.as_ref().map_or("-".to_owned(), Term::to_string);
        let line = |row: &Row| row.iter().map(cell).collect::<Vec<_>>().join("  ");
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    match answer {
        Answer::Boolean(value) => value.to_string(),
        Answer::Graph(rows) => lines(rows),
        Answer::Solutions {
            columns,
            rows,
            ordered,
        } => {
            let order = if *ordered { "in order" } else { "in any order" };
            format!("{} ({order})\n{}", columns.join("  "), lines(rows))
        }
    }
}

fn distinct(rows: &[Row]) -> Vec<Row> {
    let mut distinct: Vec<Row> = Vec::new();
    for row in rows {
        if !distinct.contains(row) {
            distinct.push(row.clone());
        }
    }
    distinct
}

/// Which got blank node each expected one stands for, and the other way round.
#[derive(Clone, Default)]
struct Matching {
    forth: HashMap<BlankNode, BlankNode>,
    back: HashMap<BlankNode, BlankNode>,
}

impl Matching {
    fn row(&mut self, expected: &Row, got: &Row) -> bool {
        expected.len() == got.len()
            && expected.iter().zip(got).all(|pair| match pair {
                (Some(expected), Some(got)) => self.term(expected, got),
                (None, None) => true,
                _ => false,
            })
    }

    fn term(&mut self, expected: &Term, got: &Term) -> bool {
        match (expected, got) {
            (Term::BlankNode(expected), Term::BlankNode(got)) => {
                self.forth
                    .entry(expected.clone())
                    .or_insert_with(|| got.clone())
                    == got
                    && self
                        .back
                        .entry(got.clone())
                        .or_insert_with(|| expected.clone())
                        == expected
            }
            (Term::Literal(expected), Term::Literal(got)) => same_literal(expected, got),
            (Term::Triple(expected), Term::Triple(got)) => {
                expected.predicate == got.predicate
                    && self.subject(&expected.subject, &got.subject)
                    && self.term(&expected.object, &got.object)
            }
            _ => expected == got,
        }
    }

    fn subject(&mut self, expected: &NamedOrBlankNode, got: &NamedOrBlankNode) -> bool {
        self.term(&expected.clone().into(), &got.clone().into())
    }
}

/// SPARQL fixes the value of a computed number, not how it is written: `"2.0"` and `"2"` are the same decimal.
fn same_literal(expected: &Literal, got: &Literal) -> bool {
    if expected == got {
        return true;
    }
    let (value, other) = (expected.value(), got.value());
    let datatype = expected.datatype();
    if datatype != got.datatype() {
        false
    } else if datatype == xsd::DECIMAL {
        same_number::<Decimal>(value, other)
    } else if datatype == xsd::DOUBLE {
        same_number::<Double>(value, other)
    } else {
        datatype == xsd::FLOAT && same_number::<Float>(value, other)
    }
}

fn same_number<N: FromStr + PartialEq>(value: &str, other: &str) -> bool {
    matches!((value.parse::<N>(), other.parse::<N>()), (Ok(value), Ok(other)) if value == other)
}

fn same_sequence(expected: &[Row], got: &[Row]) -> bool {
    let mut matching = Matching::default();
    expected.len() == got.len()
        && expected
            .iter()
            .zip(got)
            .all(|(expected, got)| matching.row(expected, got))
}

fn same_rows(expected: &[Row], got: &[Row]) -> bool {
    // Rows with few blank nodes first: they fix what the others may stand for.
    let mut expected: Vec<&Row> = expected.iter().collect();
    expected.sort_by_key(|row| {
        row.iter()
            .flatten()
            .filter(|term| term.is_blank_node())
            .count()
    });
    let mut free: Vec<&Row> = got.iter().collect();
    expected.len() == free.len() && assign(&expected, &mut free, &Matching::default())
}

/// Finds a row of its own for each expected row, going back where a choice of blank nodes leads nowhere.
fn assign(expected: &[&Row], free: &mut Vec<&Row>, matching: &Matching) -> bool {
    let Some((first, rest)) = expected.split_first() else {
        return true;
    };
    for position in 0..free.len() {
        let mut attempt = matching.clone();
        if !attempt.row(first, free[position]) {
            continue;
        }
        let row = free.swap_remove(position);
        if assign(rest, free, &attempt) {
            return true;
        }
        free.push(row);
        let last = free.len() - 1;
        free.swap(position, last);
        if attempt.forth.len() == matching.forth.len() {
            // No blank node was chosen: another equal row cannot do better.
            return false;
        }
    }
    false
}
