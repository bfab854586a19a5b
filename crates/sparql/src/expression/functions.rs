//! The functions of SPARQL (section 17.4).
//!
//! What flows in: values. What flows out: a value, or `None` for an error.

use super::made::{digest, encoded_for_uri};
use super::temporal::{adjusted, part};
use super::value::{DIRECTION, Value};
use oxrdf::vocab::xsd;
use oxrdf::{BaseDirection, Literal, NamedNode, Term};
use oxsdatatypes::{Decimal, Integer};
use regex::{Regex, RegexBuilder};
use spargebra::algebra::Function;

/// The most bytes that a compiled pattern may take.
const PATTERN_BYTES_MAX: usize = 1_000_000;

/// How many compiled patterns are kept.
const PATTERNS_MAX: usize = 16;

/// A text that a function would make is longer than it may be.
pub(super) struct TooLong;

/// The functions of patterns, with those that were compiled.
#[derive(Default)]
pub(super) struct Functions {
    patterns: Vec<Pattern>,
}

/// A pattern with its flags; compiled, if it can be.
struct Pattern {
    text: String,
    flags: String,
    compiled: Option<Regex>,
}

impl Functions {
    /// `REGEX`.
    pub(super) fn matches(&mut self, values: &[Value]) -> Option<Value> {
        let (text, _) = values.first()?.text()?;
        let pattern = self.pattern(values.get(1)?, values.get(2))?;
        Some(Value::Boolean(pattern.is_match(text)))
    }

    /// `REPLACE`.
    ///
    /// # Errors
    /// When the text would have more bytes.
    pub(super) fn replaced(
        &mut self,
        values: &[Value],
        text_max: usize,
    ) -> Result<Option<Value>, TooLong> {
        let [text, pattern, Value::String(replacement), flags @ ..] = values else {
            return Ok(None);
        };
        let Some((text, language)) = text.text() else {
            return Ok(None);
        };
        let Some(pattern) = self.pattern(pattern, flags.first()) else {
            return Ok(None);
        };
        let replaced = with_replacements(text, pattern, replacement, text_max)?;
        Ok(Some(Value::of_text(replaced, language)))
    }

    /// A compiled pattern with flags.
    fn pattern(&mut self, pattern: &Value, flags: Option<&Value>) -> Option<&Regex> {
        let Value::String(pattern) = pattern else {
            return None;
        };
        let flags = match flags {
            None => "",
            Some(Value::String(flags)) => flags,
            Some(_) => return None,
        };
        let is_this = |known: &Pattern| known.text == *pattern && known.flags == flags;
        let place = match self.patterns.iter().position(is_this) {
            Some(place) => place,
            None => {
                if self.patterns.len() == PATTERNS_MAX {
                    self.patterns.clear();
                }
                self.patterns.push(Pattern {
                    text: pattern.clone(),
                    flags: flags.to_owned(),
                    compiled: compile(pattern, flags),
                });
                self.patterns.len() - 1
            }
        };
        self.patterns.get(place)?.compiled.as_ref()
    }
}

/// Calls any other function.
pub(super) fn call(function: &Function, values: &[Value]) -> Option<Value> {
    let first = values.first();
    match function {
        Function::Lang => language_of(first?),
        Function::IsIri => Some(Value::Boolean(matches!(first?, Value::Iri(_)))),
        Function::IsBlank => Some(Value::Boolean(matches!(first?, Value::BlankNode(_)))),
        Function::IsNumeric => Some(Value::Boolean(first?.is_numeric())),
        Function::IsLiteral => Some(Value::Boolean(!matches!(
            first?,
            Value::Iri(_) | Value::BlankNode(_) | Value::Triple(_)
        ))),
        Function::Abs | Function::Ceil | Function::Floor | Function::Round => {
            rounded(function, first?)
        }
        Function::Year
        | Function::Month
        | Function::Day
        | Function::Hours
        | Function::Minutes
        | Function::Seconds
        | Function::Timezone
        | Function::Tz => match first? {
            Value::Temporal(value) => part(function, *value),
            _ => None,
        },
        Function::Md5 | Function::Sha1 | Function::Sha256 | Function::Sha384 | Function::Sha512 => {
            digest(function, first?)
        }
        Function::EncodeForUri => Some(Value::String(encoded_for_uri(first?.text()?.0))),
        Function::IsTriple => Some(Value::Boolean(matches!(first?, Value::Triple(_)))),
        Function::LangDir | Function::HasLang | Function::HasLangDir => direction(function, first?),
        Function::StrLangDir => directed(first?, values.get(1)?, values.get(2)?),
        Function::SubStr => substring(first?, values.get(1)?, values.get(2)),
        Function::StrLen => {
            let (text, _) = first?.text()?;
            let length = i64::try_from(text.chars().count()).ok()?;
            Some(Value::Integer(length.into()))
        }
        Function::UCase | Function::LCase => {
            let (text, language) = first?.text()?;
            let changed = match function {
                Function::UCase => text.to_uppercase(),
                _ => text.to_lowercase(),
            };
            Some(Value::of_text(changed, language))
        }
        _ => of_two(function, first?, values.get(1)?),
    }
}

/// The text with each match of the pattern replaced.
fn with_replacements(
    text: &str,
    pattern: &Regex,
    replacement: &str,
    text_max: usize,
) -> Result<String, TooLong> {
    let groups = replacement.matches('$').count();
    let mut replaced = String::new();
    let mut end = 0;
    for captures in pattern.captures_iter(text) {
        let Some(whole) = captures.get(0) else {
            continue;
        };
        replaced.push_str(&text[end..whole.start()]);
        // Each group is a part of the match.
        let added = whole
            .len()
            .saturating_mul(groups)
            .saturating_add(replacement.len());
        if added.saturating_add(replaced.len()) > text_max {
            return Err(TooLong);
        }
        captures.expand(replacement, &mut replaced);
        end = whole.end();
    }
    replaced.push_str(&text[end..]);
    Ok(replaced)
}

fn compile(pattern: &str, flags: &str) -> Option<Regex> {
    let is_literal = flags.contains('q');
    let mut builder = if is_literal {
        RegexBuilder::new(&regex::escape(pattern))
    } else {
        RegexBuilder::new(pattern)
    };
    builder.size_limit(PATTERN_BYTES_MAX);
    for flag in flags.chars() {
        match flag {
            's' => builder.dot_matches_new_line(true),
            'm' => builder.multi_line(true),
            'i' => builder.case_insensitive(true),
            'x' => builder.ignore_whitespace(true),
            'q' => &mut builder,
            _ => return None,
        };
    }
    builder.build().ok()
}

fn of_two(function: &Function, left: &Value, right: &Value) -> Option<Value> {
    match function {
        Function::Adjust => match (left, right) {
            (Value::Temporal(value), Value::Temporal(zone)) => {
                adjusted(*value, *zone).map(Value::Temporal)
            }
            _ => None,
        },
        Function::LangMatches => {
            let (Value::String(tag), Value::String(range)) = (left, right) else {
                return None;
            };
            Some(Value::Boolean(language_matches(tag, range)))
        }
        Function::StrLang => {
            let (Value::String(text), Value::String(language)) = (left, right) else {
                return None;
            };
            let literal = Literal::new_language_tagged_literal(text.clone(), language).ok()?;
            Some(Value::from(Term::from(literal)))
        }
        _ => compared_text(function, left, right),
    }
}

/// `STRDT`.
pub(super) fn typed_literal(text: &Value, datatype: Value) -> Option<Term> {
    let (Value::String(text), Value::Iri(datatype)) = (text, datatype) else {
        return None;
    };
    let datatype = NamedNode::new_unchecked(datatype);
    Some(Literal::new_typed_literal(text.clone(), datatype).into())
}

/// Functions of two strings that go together (section 17.4.3.1.2).
fn compared_text(function: &Function, left: &Value, right: &Value) -> Option<Value> {
    let (text, language) = left.text()?;
    let (part, part_language) = right.text()?;
    if part_language.is_some() && part_language != language {
        return None;
    }
    Some(match function {
        Function::Contains => Value::Boolean(text.contains(part)),
        Function::StrStarts => Value::Boolean(text.starts_with(part)),
        Function::StrEnds => Value::Boolean(text.ends_with(part)),
        Function::StrBefore => match text.find(part) {
            Some(place) => Value::of_text(&text[..place], language),
            None => Value::String(String::new()),
        },
        Function::StrAfter => match text.find(part) {
            Some(place) => Value::of_text(&text[place + part.len()..], language),
            None => Value::String(String::new()),
        },
        _ => return None,
    })
}

/// The extended matching of RFC 4647 that `LANGMATCHES` asks for: the range is a prefix, by subtags.
fn language_matches(tag: &str, range: &str) -> bool {
    if range == "*" {
        return !tag.is_empty();
    }
    let mut subtags = tag.split('-');
    range.split('-').all(|wanted| {
        subtags
            .next()
            .is_some_and(|subtag| subtag.eq_ignore_ascii_case(wanted))
    })
}

/// `CONCAT`.
///
/// # Errors
/// When the text would have more bytes.
pub(super) fn concatenated(values: &[Value], text_max: usize) -> Result<Option<Value>, TooLong> {
    let mut text = String::new();
    let mut language: Option<Option<&str>> = None;
    for value in values {
        let Some((part, own)) = value.text() else {
            return Ok(None);
        };
        if part.len().saturating_add(text.len()) > text_max {
            return Err(TooLong);
        }
        text.push_str(part);
        language = match language {
            Some(common) if common != own => Some(None),
            Some(common) => Some(common),
            None => Some(own),
        };
    }
    Ok(Some(Value::of_text(text, language.flatten())))
}

/// `STR` and `DATATYPE`, which are about the term and not its value: `"01"` and `"1"` are the same number.
pub(super) fn of_term(function: &Function, term: Term) -> Option<Value> {
    match (function, term) {
        (Function::Str, Term::NamedNode(node)) => Some(Value::String(node.into_string())),
        (Function::Str, Term::Literal(literal)) => Some(Value::String(literal.destruct().0)),
        (Function::Datatype, Term::Literal(literal)) => {
            Some(Value::Iri(literal.datatype().as_str().to_owned()))
        }
        _ => None,
    }
}

/// The same, where the value has kept what the term says.
pub(super) fn of_value(function: &Function, value: &Value) -> Option<Value> {
    match (function, value) {
        (Function::Str, Value::Iri(text) | Value::String(text) | Value::Tagged(text, _)) => {
            Some(Value::String(text.clone()))
        }
        (Function::Str, Value::Other(literal)) => Some(Value::String(literal.value().to_owned())),
        (Function::Datatype, Value::String(_)) => Some(Value::Iri(xsd::STRING.as_str().to_owned())),
        (Function::Datatype, Value::Other(literal)) => {
            Some(Value::Iri(literal.datatype().as_str().to_owned()))
        }
        _ => None,
    }
}

fn language_of(value: &Value) -> Option<Value> {
    match value {
        Value::Tagged(_, language) => {
            let language = language.split(DIRECTION).next().unwrap_or_default();
            Some(Value::String(language.to_owned()))
        }
        Value::Iri(_) | Value::BlankNode(_) | Value::Triple(_) => None,
        _ => Some(Value::String(String::new())),
    }
}

fn rounded(function: &Function, value: &Value) -> Option<Value> {
    use Function as F;
    Some(match (function, value) {
        (F::Abs, Value::Integer(value)) => Value::Integer(value.checked_abs()?),
        (_, Value::Integer(value)) => Value::Integer(*value),
        (F::Abs, Value::Decimal(value)) => Value::Decimal(value.checked_abs()?),
        (F::Ceil, Value::Decimal(value)) => Value::Decimal(value.checked_ceil()?),
        (F::Floor, Value::Decimal(value)) => Value::Decimal(value.checked_floor()?),
        (_, Value::Decimal(value)) => Value::Decimal(value.checked_round()?),
        (F::Abs, Value::Float(value)) => Value::Float(value.abs()),
        (F::Ceil, Value::Float(value)) => Value::Float(value.ceil()),
        (F::Floor, Value::Float(value)) => Value::Float(value.floor()),
        (_, Value::Float(value)) => Value::Float(value.round()),
        (F::Abs, Value::Double(value)) => Value::Double(value.abs()),
        (F::Ceil, Value::Double(value)) => Value::Double(value.ceil()),
        (F::Floor, Value::Double(value)) => Value::Double(value.floor()),
        (_, Value::Double(value)) => Value::Double(value.round()),
        _ => return None,
    })
}

/// `LANGDIR`, `HASLANG`, `HASLANGDIR`.
fn direction(function: &Function, value: &Value) -> Option<Value> {
    let own = match value {
        Value::Tagged(_, language) => language.split_once(DIRECTION).map(|(_, own)| own),
        _ => None,
    };
    Some(match (function, value) {
        (Function::HasLang, value) => Value::Boolean(matches!(value, Value::Tagged(..))),
        (Function::HasLangDir, _) => Value::Boolean(own.is_some()),
        (_, Value::Iri(_) | Value::BlankNode(_) | Value::Triple(_)) => return None,
        _ => Value::String(own.unwrap_or_default().to_owned()),
    })
}

/// `STRLANGDIR`.
fn directed(text: &Value, language: &Value, direction: &Value) -> Option<Value> {
    let (Value::String(text), Value::String(language), Value::String(direction)) =
        (text, language, direction)
    else {
        return None;
    };
    let direction = match direction.as_str() {
        "ltr" => BaseDirection::Ltr,
        "rtl" => BaseDirection::Rtl,
        _ => return None,
    };
    let literal =
        Literal::new_directional_language_tagged_literal(text.clone(), language, direction).ok()?;
    Some(Value::from(Term::from(literal)))
}

/// `SUBSTR`: characters are counted from 1, and places outside the text are passed over.
fn substring(text: &Value, start: &Value, length: Option<&Value>) -> Option<Value> {
    let (text, language) = text.text()?;
    let Value::Integer(start) = start else {
        return None;
    };
    let start = i64::from(*start);
    let end = match length {
        None => i64::MAX,
        Some(Value::Integer(length)) => start.saturating_add(i64::from(*length)),
        Some(_) => return None,
    };
    let from = usize::try_from(start.saturating_sub(1).max(0)).ok()?;
    let to = usize::try_from(end.saturating_sub(1).max(0)).ok()?;
    let part: String = text
        .chars()
        .skip(from)
        .take(to.saturating_sub(from))
        .collect();
    Some(Value::of_text(part, language))
}

/// The sum of nothing, and other small numbers.
pub(super) fn integer(value: i64) -> Value {
    Value::Integer(value.into())
}

/// A mean of a sum.
pub(super) fn divided(sum: &Value, count: i64) -> Option<Value> {
    Some(match sum {
        Value::Integer(sum) => {
            Value::Decimal(Decimal::from(*sum).checked_div(Integer::from(count))?)
        }
        Value::Decimal(sum) => Value::Decimal(sum.checked_div(Integer::from(count))?),
        Value::Float(sum) => Value::Float(*sum / Integer::from(count).into()),
        Value::Double(sum) => Value::Double(*sum / Integer::from(count).into()),
        _ => return None,
    })
}
