//! The order of terms that `ORDER BY`, `MIN` and `MAX` go by.
//!
//! What flows in: ids. What flows out: keys. What always holds: the order is total. SPARQL (section 15.1) orders unbound
//! values, blank nodes, IRIs and literals in this sequence, and literals of one sort by value; sorts of literals follow each
//! other here, and triple terms come last.

use super::ranges::{IdRange, raw, whole};
use super::value::{Temporal, Value};
use crate::error::QueryError;
use crate::execution::Execution;
use crate::operators::sort_keys::TermOrder;
use oxrdf::{Term, Triple};
use oxsdatatypes::{DateTime, DayTimeDuration, Decimal, Double, Duration, Time, TimezoneOffset};
use quadrille_store::{Tag, TermId};
use std::cmp::Ordering;
use std::str::FromStr;
use std::sync::Arc;

/// What a term is compared by.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum OrderKey {
    Unbound,
    BlankNode(String),
    Iri(String),
    /// A number: as a double, and what an integer or decimal is more than that.
    Number(f64, Decimal),
    Boolean(bool),
    /// A date or time, by its sort: as seconds, as if its zone was UTC if it has none.
    Temporal(u8, Decimal),
    /// A string, and its language tag or nothing.
    Text(String, String),
    Other(String, String),
    Triple(Box<[OrderKey; 3]>),
}

impl OrderKey {
    fn rank(&self) -> u8 {
        match self {
            Self::Unbound => 0,
            Self::BlankNode(_) => 1,
            Self::Iri(_) => 2,
            Self::Number(..) => 3,
            Self::Boolean(_) => 4,
            Self::Temporal(..) => 5,
            Self::Text(..) => 6,
            Self::Other(..) => 7,
            Self::Triple(_) => 8,
        }
    }

    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::BlankNode(label) => Self::BlankNode(label.clone()),
            Value::Iri(iri) => Self::Iri(iri.clone()),
            Value::Boolean(value) => Self::Boolean(*value),
            Value::String(text) => Self::Text(text.clone(), String::new()),
            Value::Tagged(text, language) => Self::Text(text.clone(), language.clone()),
            Value::Other(literal) => Self::Other(
                literal.value().to_owned(),
                literal.datatype().as_str().to_owned(),
            ),
            Value::Temporal(value) => temporal_key(*value),
            Value::Triple(triple) => Self::Triple(Box::new(triple_key(triple))),
            Value::Integer(_) | Value::Decimal(_) | Value::Float(_) | Value::Double(_) => {
                number_key(value)
            }
        }
    }

    /// What the key takes beside its own size.
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::BlankNode(text) | Self::Iri(text) => text.capacity(),
            Self::Text(text, more) | Self::Other(text, more) => text.capacity() + more.capacity(),
            Self::Triple(parts) => {
                let each = |part: &Self| size_of::<Self>() + part.heap_bytes();
                parts.iter().map(each).sum()
            }
            _ => 0,
        }
    }
}

fn number_key(value: &Value) -> OrderKey {
    let double = value.as_double().map_or(f64::NAN, f64::from);
    let more = value.as_decimal().and_then(|exact| {
        let rounded = Decimal::try_from(Double::from(double)).ok()?;
        exact.checked_sub(rounded)
    });
    // There is one zero, and one NaN.
    let double = if double == 0.0 {
        0.0
    } else if double.is_nan() {
        f64::NAN
    } else {
        double
    };
    OrderKey::Number(double, more.unwrap_or_default())
}

/// Dates and times as seconds, durations too, a month as a twelfth of a year of 365.2425 days; parts of dates as numbers.
fn temporal_key(value: Temporal) -> OrderKey {
    let (sort, number) = match value {
        Temporal::DateTime(value) => (0, since_epoch(value)),
        Temporal::Date(value) => (1, DateTime::try_from(value).ok().and_then(since_epoch)),
        Temporal::Time(value) => (2, since_midnight(value)),
        Temporal::Year(value) => (3, Some(value.year().into())),
        Temporal::YearMonth(value) => {
            let months = value.year().checked_mul(12);
            let months = months.and_then(|months| months.checked_add(value.month().into()));
            (4, months.map(Decimal::from))
        }
        Temporal::MonthDay(value) => {
            let number = i64::from(value.month()) * 100 + i64::from(value.day());
            (5, Some(number.into()))
        }
        Temporal::Month(value) => (6, Some(i64::from(value.month()).into())),
        Temporal::Day(value) => (7, Some(i64::from(value.day()).into())),
        Temporal::Duration(_) | Temporal::YearMonthDuration(_) | Temporal::DayTimeDuration(_) => {
            (8, value.duration().and_then(length_of))
        }
    };
    OrderKey::Temporal(sort, number.unwrap_or_default())
}

/// The seconds since 1970, as if the zone was UTC if there is none.
pub(super) fn since_epoch(value: DateTime) -> Option<Decimal> {
    let epoch = DateTime::from_str("1970-01-01T00:00:00Z").ok()?;
    let zoned = match value.timezone_offset() {
        Some(_) => value,
        None => value.adjust(Some(TimezoneOffset::UTC))?,
    };
    whole_seconds(zoned.checked_sub(epoch)?)
}

fn since_midnight(value: Time) -> Option<Decimal> {
    let midnight = Time::from_str("00:00:00Z").ok()?;
    let zoned = match value.timezone_offset() {
        Some(_) => value,
        None => value.adjust(Some(TimezoneOffset::UTC))?,
    };
    whole_seconds(zoned.checked_sub(midnight)?)
}

fn length_of(value: Duration) -> Option<Decimal> {
    let months = Decimal::from(value.years())
        .checked_mul(12)?
        .checked_add(value.months())?;
    let seconds = Decimal::from(value.days())
        .checked_mul(24)?
        .checked_add(value.hours())?
        .checked_mul(60)?
        .checked_add(value.minutes())?
        .checked_mul(60)?
        .checked_add(value.seconds())?;
    months.checked_mul(2_629_746)?.checked_add(seconds)
}

fn whole_seconds(duration: DayTimeDuration) -> Option<Decimal> {
    let minutes = Decimal::from(duration.days())
        .checked_mul(24)?
        .checked_add(duration.hours())?
        .checked_mul(60)?
        .checked_add(duration.minutes())?;
    minutes.checked_mul(60)?.checked_add(duration.seconds())
}

fn triple_key(triple: &Triple) -> [OrderKey; 3] {
    let key = |term: Term| OrderKey::of(&Value::from(term));
    [
        key(triple.subject.clone().into()),
        key(triple.predicate.clone().into()),
        key(triple.object.clone()),
    ]
}

impl Eq for OrderKey {}

impl PartialOrd for OrderKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OrderKey {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::BlankNode(left), Self::BlankNode(right))
            | (Self::Iri(left), Self::Iri(right)) => left.cmp(right),
            (Self::Number(left, more), Self::Number(right, other)) => {
                left.total_cmp(right).then(more.cmp(other))
            }
            (Self::Boolean(left), Self::Boolean(right)) => left.cmp(right),
            (Self::Temporal(sort, left), Self::Temporal(other, right)) => {
                sort.cmp(other).then(left.cmp(right))
            }
            (Self::Text(left, language), Self::Text(right, other))
            | (Self::Other(left, language), Self::Other(right, other)) => {
                left.cmp(right).then_with(|| language.cmp(other))
            }
            (Self::Triple(left), Self::Triple(right)) => left.cmp(right),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

/// Integers up to this size are doubles, and what they are divided by a power of ten is the double next to it: a smaller
/// decimal never becomes a greater double.
const EXACT_UNITS: i128 = 1 << 53;

/// From the beginning of the year 1 to the end of the year 9999, in seconds since 1970.
const COMMON_ERA: (i64, i64) = (-62_135_596_800, 253_402_300_799);

/// The ids of a tag that ascend as `ORDER BY` orders their terms; `None` for tags of which that is not known. Equal values
/// of several forms may have several ids, which then follow each other.
pub(crate) fn ordered_ids(tag: Tag) -> Option<IdRange> {
    let is_integer = (Tag::Integer..=Tag::UnsignedByte).contains(&tag);
    let range = match tag {
        Tag::Boolean | Tag::ShortString => return Some(whole(tag)),
        _ if is_integer => return Some(whole(tag)),
        _ if tag.decimal_scale().is_some() => TermId::unit_range(tag, -EXACT_UNITS, EXACT_UNITS),
        // Not-a-number is outside.
        Tag::Double | Tag::Float => TermId::floating_range(tag, f64::NEG_INFINITY, f64::INFINITY),
        Tag::Year => TermId::unit_range(tag, 1, 9999),
        Tag::YearMonth => TermId::unit_range(tag, 12, 12 * 9999 + 11),
        _ => TermId::instant_range(tag, COMMON_ERA.0, COMMON_ERA.1),
    };
    range.map(raw)
}

/// The order of the terms of one run of a query.
pub(crate) struct TermOrdering {
    execution: Arc<Execution>,
}

impl TermOrdering {
    pub(crate) fn new(execution: Arc<Execution>) -> Self {
        Self { execution }
    }
}

impl TermOrder for TermOrdering {
    type Key = OrderKey;

    fn key(&self, id: u64) -> Result<OrderKey, QueryError> {
        if let Some(value) = Value::of_id(id) {
            return Ok(OrderKey::of(&value));
        }
        let term = self.execution.terms.decode(id);
        Ok(match term.map_err(|error| self.execution.explain(error))? {
            Some(term) => OrderKey::of(&Value::from(term)),
            None => OrderKey::Unbound,
        })
    }

    fn heap_bytes(key: &OrderKey) -> usize {
        key.heap_bytes()
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
