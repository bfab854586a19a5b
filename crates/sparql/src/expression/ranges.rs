//! Which ids the terms can have that compare with a constant in some way.
//!
//! What flows in: an operator and a constant. What flows out: ranges of ids. What always holds: every term for which the
//! comparison is true has its id in one of the ranges, whatever its datatype and its form. The ranges may hold other ids
//! too, those of all terms in the dictionary that may have such a value among them: the comparison stays to be made.

use super::order::since_epoch;
use super::value::{Temporal, Value};
use super::{Comparison, Compiled, Evaluator};
use crate::error::QueryError;
use crate::execution::Execution;
use oxrdf::Variable;
use oxsdatatypes::{DateTime, Decimal};
use quadrille_store::{Tag, TermId};
use spargebra::algebra::Expression;
use std::sync::Arc;

/// The first and the last of some ids.
pub(crate) type IdRange = (u64, u64);

/// How a term is compared with a constant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Relation {
    Compare(Comparison),
    Equal,
    SameTerm,
}

impl Relation {
    fn has_low(self) -> bool {
        !matches!(
            self,
            Self::Compare(Comparison::Less | Comparison::LessOrEqual)
        )
    }

    fn has_high(self) -> bool {
        !matches!(
            self,
            Self::Compare(Comparison::Greater | Comparison::GreaterOrEqual)
        )
    }

    /// The ends of what is near a value, open where the relation leaves them open.
    fn around<T>(self, (low, high): (T, T), (least, greatest): (T, T)) -> (T, T) {
        (
            if self.has_low() { low } else { least },
            if self.has_high() { high } else { greatest },
        )
    }
}

/// The id of an expression without variables; `None` for other expressions and where its value is an error, and for `NOW`:
/// a plan that rests on it may be run again later.
///
/// # Errors
/// What reading and encoding terms fails with.
pub(crate) fn constant(
    expression: &Expression,
    execution: &Arc<Execution>,
) -> Result<Option<u64>, QueryError> {
    let column_of = |_: &Variable| Some(0);
    let compiled = match Compiled::new(expression, &column_of, execution) {
        Ok(compiled) => compiled,
        // Whoever evaluates the expression tells what is wrong with it.
        Err(QueryError::Evaluation(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    // A plan outlives the run whose time it would hold.
    if compiled.is_of_run() {
        return Ok(None);
    }
    let evaluator = Evaluator::new(compiled, Arc::clone(execution))?;
    Ok(evaluator.constant())
}

/// Whether a relation to a constant holds for the very term only.
///
/// # Errors
/// What reading the constant fails with.
pub(crate) fn is_identity(
    relation: Relation,
    constant: u64,
    execution: &Execution,
) -> Result<bool, QueryError> {
    Ok(match relation {
        Relation::SameTerm => true,
        Relation::Equal => matches!(
            value_of(constant, execution)?,
            Some(
                Value::Iri(_)
                    | Value::BlankNode(_)
                    | Value::String(_)
                    | Value::Tagged(..)
                    | Value::Other(_)
            )
        ),
        Relation::Compare(_) => false,
    })
}

/// The ids of stored terms that may stand in a relation to a constant; `None` where these may be any.
///
/// # Errors
/// What reading the constant fails with.
pub(crate) fn id_ranges(
    relation: Relation,
    constant: u64,
    execution: &Execution,
) -> Result<Option<Vec<IdRange>>, QueryError> {
    if is_identity(relation, constant, execution)? {
        let is_stored = !TermId::from_raw(constant).is_query_local();
        let own = is_stored.then_some((constant, constant));
        return Ok(Some(own.into_iter().collect()));
    }
    let Some(value) = value_of(constant, execution)? else {
        return Ok(None);
    };
    Ok(Some(match value {
        Value::Integer(_) | Value::Decimal(_) | Value::Float(_) | Value::Double(_) => {
            numbers(relation, &value)
        }
        Value::Temporal(value) => match temporals(relation, value) {
            Some(ranges) => ranges,
            None => return Ok(None),
        },
        Value::Boolean(value) if relation == Relation::Equal => {
            let [low, high] = [u64::from(value) * 2, u64::from(value) * 2 + 1];
            let id = |payload| TermId::from_parts(Tag::Boolean, payload).raw();
            vec![(id(low), id(high))]
        }
        Value::Boolean(_) => vec![whole(Tag::Boolean)],
        Value::String(_) => vec![whole(Tag::ShortString), whole(Tag::String)],
        Value::Tagged(..) => vec![whole(Tag::LanguageString)],
        Value::Triple(_) => vec![whole(Tag::TripleTerm)],
        Value::Iri(_) | Value::BlankNode(_) | Value::Other(_) => return Ok(None),
    }))
}

/// The ids of stored terms whose year, as they write it, may stand in a relation to a constant; `None` where these may be
/// any.
///
/// # Errors
/// What reading the constant fails with.
pub(crate) fn ids_of_years(
    relation: Relation,
    constant: u64,
    execution: &Execution,
) -> Result<Option<Vec<IdRange>>, QueryError> {
    let Some(value) = value_of(constant, execution)? else {
        return Ok(None);
    };
    // Another number may have been rounded to a whole one: then its year may be one of those that are wanted.
    let step = f64::from(u8::from(matches!(value, Value::Integer(_))));
    let year = value.as_double();
    Ok(year.and_then(|year| years(relation, year.into(), step)))
}

/// All years that four digits write lie between these.
const YEARS: (f64, f64) = (-10_000.0, 10_000.0);

/// The ids of the years that may stand in a relation to a number, those that come after or before it a step away.
fn years(relation: Relation, year: f64, step: f64) -> Option<Vec<IdRange>> {
    // No year compares with what is no number.
    if year.is_nan() {
        return Some(Vec::new());
    }
    let near = match relation {
        Relation::Compare(Comparison::Greater) => (year.floor() + step, year),
        Relation::Compare(Comparison::Less) => (year, year.ceil() - step),
        _ => (year.ceil(), year.floor()),
    };
    let (first, last) = relation.around(near, YEARS);
    let (first, last) = (first.max(YEARS.0) as i64, last.min(YEARS.1) as i64);
    let mut ranges = vec![whole(Tag::Temporal)];
    if first > last {
        return Some(ranges);
    }
    let (low, high) = (start_of(first)? - ZONES, start_of(last + 1)? + ZONES);
    let tags = [
        Tag::Date,
        Tag::ZonedDate,
        Tag::DateTime,
        Tag::UtcDateTime,
        Tag::MillisecondDateTime,
        Tag::MicrosecondDateTime,
    ];
    let instants = tags.map(|tag| TermId::instant_range(tag, low, high));
    let (first, last) = (i128::from(first), i128::from(last));
    let years = TermId::unit_range(Tag::Year, first, last);
    let months = TermId::unit_range(Tag::YearMonth, first * 12, last * 12 + 11);
    let all = instants.into_iter().chain([years, months]);
    ranges.extend(all.flatten().map(raw));
    Some(ranges)
}

/// When a year begins, in seconds since 1970.
fn start_of(year: i64) -> Option<i64> {
    let sign = if year < 0 { "-" } else { "" };
    let start = format!("{sign}{:04}-01-01T00:00:00Z", year.unsigned_abs());
    whole_seconds(start.parse().ok()?)
}

fn value_of(id: u64, execution: &Execution) -> Result<Option<Value>, QueryError> {
    if let Some(value) = Value::of_id(id) {
        return Ok(Some(value));
    }
    let term = execution.terms.decode(id);
    let term = term.map_err(|error| execution.explain(error))?;
    Ok(term.map(Value::from))
}

/// All ids of a tag.
pub(super) fn whole(tag: Tag) -> IdRange {
    let end = |payload| TermId::from_parts(tag, payload).raw();
    (end(0), end(u64::MAX))
}

pub(super) fn raw((low, high): (TermId, TermId)) -> IdRange {
    (low.raw(), high.raw())
}

/// How far a number of the type of a double or a float may be from what it was rounded from, as a part of it, with room.
const DOUBLE_SLACK: f64 = 1e-14;
const FLOAT_SLACK: f64 = 1e-6;

fn numbers(relation: Relation, value: &Value) -> Vec<IdRange> {
    let Some(double) = value.as_double().map(f64::from) else {
        return Vec::new();
    };
    // Nothing compares with what is no number.
    if double.is_nan() {
        return Vec::new();
    }
    let slack = match value {
        Value::Float(_) => FLOAT_SLACK,
        _ => DOUBLE_SLACK,
    };
    let exact = value.as_decimal();
    let range_of = |tag: Tag| {
        let is_integer = (Tag::Integer..=Tag::UnsignedByte).contains(&tag);
        match tag {
            Tag::Number => Some(whole(tag)),
            Tag::Double | Tag::Float => {
                let (low, high) =
                    relation.around((double, double), (f64::NEG_INFINITY, f64::INFINITY));
                TermId::floating_range(tag, low, high).map(raw)
            }
            _ => {
                let scale = if is_integer { 0 } else { tag.decimal_scale()? };
                let (low, high) = match exact {
                    Some(exact) => units(relation, exact, scale),
                    None => units_near(relation, double, slack, scale),
                };
                TermId::unit_range(tag, low, high).map(raw)
            }
        }
    };
    Tag::all().filter_map(range_of).collect()
}

/// How many digits behind the point a decimal has.
const DECIMAL_DIGITS: u32 = 18;

/// The decimals of a scale that stand in a relation to another, in units of the scale: these and no others.
fn units(relation: Relation, value: Decimal, scale: u32) -> (i128, i128) {
    let value = i128::from_be_bytes(value.to_be_bytes());
    let unit = 10_i128.pow(DECIMAL_DIGITS.saturating_sub(scale));
    let below = value.div_euclid(unit);
    let above = below + i128::from(value.rem_euclid(unit) != 0);
    match relation {
        Relation::Compare(Comparison::Less) => (i128::MIN, above - 1),
        Relation::Compare(Comparison::LessOrEqual) => (i128::MIN, below),
        Relation::Compare(Comparison::Greater) => (below + 1, i128::MAX),
        Relation::Compare(Comparison::GreaterOrEqual) => (above, i128::MAX),
        Relation::Equal | Relation::SameTerm => (above, below),
    }
}

/// Integers below this in size are doubles.
const EXACT_DOUBLE: f64 = (1_u64 << 52) as f64;

/// The decimals of a scale that may stand in a relation to a floating-point number, in units of the scale.
fn units_near(relation: Relation, value: f64, slack: f64, scale: u32) -> (i128, i128) {
    let value = value * 10_f64.powi(scale as i32);
    let margin = match scale {
        0 if slack == DOUBLE_SLACK && value.abs() < EXACT_DOUBLE => 0.0,
        _ if value.is_infinite() => 0.0,
        _ => 1.0 + value.abs() * slack,
    };
    let near = (
        (value - margin).ceil() as i128,
        (value + margin).floor() as i128,
    );
    relation.around(near, (i128::MIN, i128::MAX))
}

/// How far times of two zones may be apart that are compared, one of them without a zone: in seconds, with one to spare.
const ZONES: i64 = 14 * 3600 + 1;

/// Dates and times; nothing where they are beyond what can be counted.
fn temporals(relation: Relation, value: Temporal) -> Option<Vec<IdRange>> {
    let mut ranges = match value {
        Temporal::DateTime(value) => {
            let [zoned, plain] = slacks(value.timezone_offset().is_some());
            instants(
                relation,
                value,
                &[
                    (Tag::DateTime, plain),
                    (Tag::UtcDateTime, zoned),
                    (Tag::MillisecondDateTime, ZONES),
                    (Tag::MicrosecondDateTime, ZONES),
                ],
            )?
        }
        Temporal::Date(value) => {
            let [zoned, plain] = slacks(value.timezone_offset().is_some());
            let start = DateTime::try_from(value).ok()?;
            let tags = [(Tag::Date, plain), (Tag::ZonedDate, zoned)];
            instants(relation, start, &tags)?
        }
        Temporal::Year(value) => {
            // The year of another zone may begin in the one before.
            let slack = i128::from(value.timezone_offset().is_some());
            let year = i128::from(value.year());
            spans(relation, Tag::Year, year, slack)
        }
        Temporal::YearMonth(value) => {
            let slack = i128::from(value.timezone_offset().is_some());
            let month = i128::from(value.year()) * 12 + i128::from(value.month()) - 1;
            spans(relation, Tag::YearMonth, month, slack)
        }
        Temporal::Time(_)
        | Temporal::Month(_)
        | Temporal::MonthDay(_)
        | Temporal::Day(_)
        | Temporal::Duration(_)
        | Temporal::YearMonthDuration(_)
        | Temporal::DayTimeDuration(_) => Vec::new(),
    };
    ranges.push(whole(Tag::Temporal));
    Some(ranges)
}

/// How far from a time, with a zone or without, those with a zone and those without lie that compare like it.
fn slacks(is_zoned: bool) -> [i64; 2] {
    if is_zoned { [0, ZONES] } else { [ZONES, 0] }
}

fn instants(relation: Relation, value: DateTime, tags: &[(Tag, i64)]) -> Option<Vec<IdRange>> {
    let second = whole_seconds(value)?;
    let range_of = |(tag, slack): &(Tag, i64)| {
        let near = (
            second.saturating_sub(*slack),
            second.saturating_add(*slack + 1),
        );
        let (low, high) = relation.around(near, (i64::MIN, i64::MAX));
        TermId::instant_range(*tag, low, high).map(raw)
    };
    Some(tags.iter().filter_map(range_of).collect())
}

/// The second of a time since 1970.
fn whole_seconds(value: DateTime) -> Option<i64> {
    let seconds = since_epoch(value)?.checked_floor()?;
    let seconds = i128::from_be_bytes(seconds.to_be_bytes());
    i64::try_from(seconds / 10_i128.pow(DECIMAL_DIGITS)).ok()
}

fn spans(relation: Relation, tag: Tag, value: i128, slack: i128) -> Vec<IdRange> {
    let near = (value - slack, value + slack);
    let (low, high) = relation.around(near, (i128::MIN, i128::MAX));
    TermId::unit_range(tag, low, high)
        .map(raw)
        .into_iter()
        .collect()
}

#[cfg(test)]
#[path = "ranges_tests.rs"]
mod tests;
