//! What a query answers, as a number that two engines can be compared by. In flow decoded rows, out flows their count and a
//! hash. Always holds: the hash of rows in any order does not depend on the order; what engines may write in different
//! ways, but mean alike, hashes alike.
//!
//! A row hashes as the XXH3 of its terms in the form below, each followed by a line feed. The rows' hashes are summed up;
//! those of ordered answers with their place in them. `benches/peers` makes the same hash in Python.
//!
//! | term | form |
//! |---|---|
//! | IRI | `<…>` |
//! | blank node | `_:`, as its label is the engine's own |
//! | integer of any type | `i` and the number: engines drop leading zeros and derived types |
//! | decimal | `d` and the number, of the fraction nine digits at most, no zeros at its end |
//! | double, float | `e` and the number with nine digits after the point: sums depend on their order |
//! | boolean | `b1` or `b0` |
//! | other literal | `"…"`, and the language in lower case after `@`, or the datatype after `^^` |
//! | nothing | `-` |

use crate::queries::Comparison;
use oxrdf::vocab::xsd;
use oxrdf::{Literal, NamedNodeRef, Term, Triple};
use std::fmt::Write as _;
use xxhash_rust::xxh3::xxh3_64;

/// The integer types.
const INTEGERS: [NamedNodeRef<'static>; 13] = [
    xsd::INTEGER,
    xsd::BYTE,
    xsd::SHORT,
    xsd::INT,
    xsd::LONG,
    xsd::UNSIGNED_BYTE,
    xsd::UNSIGNED_SHORT,
    xsd::UNSIGNED_INT,
    xsd::UNSIGNED_LONG,
    xsd::POSITIVE_INTEGER,
    xsd::NEGATIVE_INTEGER,
    xsd::NON_POSITIVE_INTEGER,
    xsd::NON_NEGATIVE_INTEGER,
];
/// How many digits of a fraction count.
const FRACTION_DIGITS: usize = 9;
/// How many bits a hash has: so many that an `f64` holds it exactly.
const HASH_BITS: u32 = 52;

/// One row of an answer, decoded.
#[derive(Clone, Copy, Debug)]
pub enum Row<'a> {
    /// A solution: the values of the selected variables, in their order.
    Solution(&'a [Option<Term>]),
    /// A triple of a graph.
    Triple(&'a Triple),
    /// The one answer of an `ASK`.
    Boolean(bool),
}

/// Count and hash of rows.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Digest {
    /// How many rows there were.
    pub rows: u64,
    sum: u64,
}

impl Digest {
    /// Adds the next row.
    pub fn add(&mut self, row: Row<'_>, comparison: Comparison) {
        let mut text = String::new();
        match row {
            Row::Solution(values) => {
                for value in values {
                    push(&mut text, value.as_ref());
                }
            }
            Row::Triple(triple) => {
                push(&mut text, Some(&triple.subject.clone().into()));
                push(&mut text, Some(&triple.predicate.clone().into()));
                push(&mut text, Some(&triple.object));
            }
            Row::Boolean(value) => push(&mut text, Some(&Literal::from(value).into())),
        }
        match comparison {
            Comparison::Rows => {}
            Comparison::Ordered => text.push_str(&self.rows.to_string()),
            Comparison::Count => text.clear(),
        }
        self.rows += 1;
        self.sum = self.sum.wrapping_add(xxh3_64(text.as_bytes()));
    }

    /// The hash, below 2^52, so that an `f64` holds it.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.sum >> (u64::BITS - HASH_BITS)
    }
}

fn push(text: &mut String, term: Option<&Term>) {
    match term {
        None => text.push('-'),
        Some(Term::BlankNode(_)) => text.push_str("_:"),
        Some(Term::Literal(literal)) => push_literal(text, literal),
        Some(term) => {
            let _ = write!(text, "{term}");
        }
    }
    text.push('\n');
}

fn push_literal(text: &mut String, literal: &Literal) {
    let (value, datatype) = (literal.value(), literal.datatype());
    if INTEGERS.contains(&datatype) {
        push_integer(text, value);
    } else if datatype == xsd::DECIMAL {
        push_decimal(text, value);
    } else if datatype == xsd::BOOLEAN {
        let is_true = matches!(value, "true" | "1");
        text.push_str(if is_true { "b1" } else { "b0" });
    } else if let Some(number) = double(value, datatype) {
        let _ = write!(text, "e{number:.FRACTION_DIGITS$e}");
    } else {
        let _ = write!(text, "\"{value}\"");
        match literal.language() {
            Some(language) => {
                let _ = write!(text, "@{}", language.to_ascii_lowercase());
            }
            None if datatype == xsd::STRING => {}
            None => {
                let _ = write!(text, "^^{}", datatype.as_str());
            }
        }
    }
}

fn double(value: &str, datatype: NamedNodeRef<'_>) -> Option<f64> {
    let is_double = [xsd::DOUBLE, xsd::FLOAT].contains(&datatype);
    is_double.then(|| value.parse().ok()).flatten()
}

/// The sign, if it is a minus, and the rest without leading zeros.
fn sign_and_digits(value: &str) -> (&str, &str) {
    let (sign, digits) = match value.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", value.strip_prefix('+').unwrap_or(value)),
    };
    (sign, digits.trim_start_matches('0'))
}

fn push_integer(text: &mut String, value: &str) {
    let (sign, digits) = sign_and_digits(value);
    let _ = match digits {
        "" => write!(text, "i0"),
        _ => write!(text, "i{sign}{digits}"),
    };
}

fn push_decimal(text: &mut String, value: &str) {
    let (sign, digits) = sign_and_digits(value);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.get(..FRACTION_DIGITS).unwrap_or(fraction);
    let fraction = fraction.trim_end_matches('0');
    let _ = match (whole, fraction) {
        ("", "") => write!(text, "d0"),
        (whole, "") => write!(text, "d{sign}{whole}"),
        (whole, fraction) => write!(text, "d{sign}{whole}.{fraction}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(literal: Literal) -> String {
        let mut text = String::new();
        push(&mut text, Some(&literal.into()));
        text
    }

    #[test]
    fn what_means_alike_hashes_alike() {
        let typed = |value: &str, datatype| form(Literal::new_typed_literal(value, datatype));
        assert_eq!(typed("007", xsd::INT), "i7\n");
        assert_eq!(typed("-0", xsd::INTEGER), "i0\n");
        assert_eq!(typed("+1.500", xsd::DECIMAL), "d1.5\n");
        assert_eq!(typed("0.1234567899", xsd::DECIMAL), "d.123456789\n");
        assert_eq!(typed("-12.0", xsd::DECIMAL), "d-12\n");
        assert_eq!(typed("-0.0", xsd::DECIMAL), "d0\n");
        assert_eq!(typed("1.5E1", xsd::DOUBLE), "e1.500000000e1\n");
        assert_eq!(typed("15", xsd::FLOAT), "e1.500000000e1\n");
        assert_eq!(typed("1", xsd::BOOLEAN), typed("true", xsd::BOOLEAN));
        let unparsed = "\"x\"^^http://www.w3.org/2001/XMLSchema#double\n";
        assert_eq!(typed("x", xsd::DOUBLE), unparsed);
        assert_eq!(form(Literal::new_simple_literal("a")), "\"a\"\n");
        let tagged = Literal::new_language_tagged_literal_unchecked("a", "pt-BR");
        assert_eq!(form(tagged), "\"a\"@pt-br\n");
    }

    fn digest(rows: &[i32], comparison: Comparison) -> Digest {
        let mut digest = Digest::default();
        for &row in rows {
            digest.add(
                Row::Solution(&[Some(Literal::from(row).into()), None]),
                comparison,
            );
        }
        digest
    }

    #[test]
    fn the_order_of_rows_counts_where_it_is_asked_for() {
        let same = |left: &[i32], right: &[i32], comparison| {
            digest(left, comparison).hash() == digest(right, comparison).hash()
        };
        assert!(same(&[1, 2, 2], &[2, 1, 2], Comparison::Rows));
        assert!(!same(&[1, 2, 2], &[1, 1, 2], Comparison::Rows));
        assert!(!same(&[1, 2, 2], &[2, 1, 2], Comparison::Ordered));
        assert!(same(&[1, 2, 2], &[1, 2, 2], Comparison::Ordered));
        assert!(same(&[1, 2], &[3, 4], Comparison::Count));
        assert!(!same(&[1, 2], &[3], Comparison::Count));
    }
}
