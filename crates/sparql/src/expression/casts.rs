//! Casts: the constructor functions of XML Schema datatypes (section 17.5).
//!
//! What flows in: a value. What flows out: a value of the datatype, or `None` where there is no such cast.

use super::value::{Temporal, Value};
use oxrdf::vocab::xsd;
use oxrdf::{NamedNodeRef, Term};
use oxsdatatypes::{Boolean, DateTime, Integer};
use std::str::FromStr;

/// Whether a function is a cast.
pub(super) fn is_cast(name: NamedNodeRef<'_>) -> bool {
    matches!(
        name,
        xsd::STRING
            | xsd::BOOLEAN
            | xsd::INTEGER
            | xsd::DECIMAL
            | xsd::FLOAT
            | xsd::DOUBLE
            | xsd::DATE_TIME
            | xsd::DATE
            | xsd::TIME
            | xsd::DURATION
            | xsd::YEAR_MONTH_DURATION
            | xsd::DAY_TIME_DURATION
            | xsd::G_YEAR
            | xsd::G_YEAR_MONTH
            | xsd::G_MONTH
            | xsd::G_MONTH_DAY
            | xsd::G_DAY
    )
}

/// Casts a value. A string is made of its canonical form.
pub(super) fn cast(name: NamedNodeRef<'_>, value: Value) -> Option<Value> {
    if name == xsd::STRING {
        return match value.into_term() {
            Term::NamedNode(node) => Some(Value::String(node.into_string())),
            Term::Literal(literal) => Some(Value::String(literal.destruct().0)),
            Term::BlankNode(_) | Term::Triple(_) => None,
        };
    }
    match name {
        xsd::BOOLEAN => boolean(value),
        xsd::INTEGER => integer(value),
        xsd::DECIMAL => decimal(value),
        xsd::FLOAT => float(value),
        xsd::DOUBLE => double(value),
        _ => temporal(name, value).map(Value::Temporal),
    }
}

fn parsed<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn boolean(value: Value) -> Option<Value> {
    Some(Value::Boolean(match value {
        Value::Boolean(value) => value,
        Value::String(text) => parsed::<Boolean>(&text)?.into(),
        value if value.is_numeric() => value.truth()?,
        _ => return None,
    }))
}

fn integer(value: Value) -> Option<Value> {
    Some(Value::Integer(match value {
        Value::Integer(value) => value,
        Value::Boolean(value) => i64::from(value).into(),
        Value::Decimal(value) => Integer::try_from(value).ok()?,
        Value::Float(value) => Integer::try_from(value).ok()?,
        Value::Double(value) => Integer::try_from(value).ok()?,
        Value::String(text) => parsed(&text)?,
        _ => return None,
    }))
}

fn decimal(value: Value) -> Option<Value> {
    Some(Value::Decimal(match value {
        Value::Decimal(value) => value,
        Value::Integer(value) => value.into(),
        Value::Boolean(value) => i64::from(value).into(),
        Value::Float(value) => value.try_into().ok()?,
        Value::Double(value) => value.try_into().ok()?,
        Value::String(text) => parsed(&text)?,
        _ => return None,
    }))
}

fn float(value: Value) -> Option<Value> {
    Some(Value::Float(match value {
        Value::Float(value) => value,
        Value::Double(value) => value.into(),
        Value::Integer(value) => value.into(),
        Value::Decimal(value) => value.into(),
        Value::Boolean(value) => Integer::from(i64::from(value)).into(),
        Value::String(text) => parsed(&text)?,
        _ => return None,
    }))
}

fn double(value: Value) -> Option<Value> {
    Some(Value::Double(match value {
        Value::Boolean(value) => Integer::from(i64::from(value)).into(),
        Value::String(text) => parsed(&text)?,
        value => value.as_double()?,
    }))
}

fn temporal(name: NamedNodeRef<'_>, value: Value) -> Option<Temporal> {
    use Temporal as T;
    let value = match value {
        Value::String(text) => return T::parse(name, &text),
        Value::Temporal(value) => value,
        _ => return None,
    };
    let same = matches!(
        (name, value),
        (xsd::DATE_TIME, T::DateTime(_))
            | (xsd::DATE, T::Date(_))
            | (xsd::TIME, T::Time(_))
            | (xsd::DURATION, T::Duration(_))
            | (xsd::YEAR_MONTH_DURATION, T::YearMonthDuration(_))
            | (xsd::DAY_TIME_DURATION, T::DayTimeDuration(_))
            | (xsd::G_YEAR, T::Year(_))
            | (xsd::G_YEAR_MONTH, T::YearMonth(_))
            | (xsd::G_MONTH, T::Month(_))
            | (xsd::G_MONTH_DAY, T::MonthDay(_))
            | (xsd::G_DAY, T::Day(_))
    );
    if same {
        return Some(value);
    }
    match value {
        T::DateTime(value) => of_date_time(name, value),
        T::Date(value) => match name {
            xsd::DATE_TIME => Some(T::DateTime(value.try_into().ok()?)),
            _ => of_date_time(name, DateTime::try_from(value).ok()?)
                .filter(|it| !matches!(it, T::Time(_))),
        },
        T::YearMonth(value) => match name {
            xsd::G_YEAR => Some(T::Year(value.try_into().ok()?)),
            xsd::G_MONTH => Some(T::Month(value.into())),
            _ => None,
        },
        T::MonthDay(value) => match name {
            xsd::G_MONTH => Some(T::Month(value.into())),
            xsd::G_DAY => Some(T::Day(value.into())),
            _ => None,
        },
        _ => {
            let duration = value.duration()?;
            match name {
                xsd::DURATION => Some(T::Duration(duration)),
                xsd::YEAR_MONTH_DURATION => Some(T::YearMonthDuration(duration.try_into().ok()?)),
                xsd::DAY_TIME_DURATION => Some(T::DayTimeDuration(duration.try_into().ok()?)),
                _ => None,
            }
        }
    }
}

fn of_date_time(name: NamedNodeRef<'_>, value: DateTime) -> Option<Temporal> {
    use Temporal as T;
    Some(match name {
        xsd::DATE => T::Date(value.try_into().ok()?),
        xsd::TIME => T::Time(value.into()),
        xsd::G_YEAR => T::Year(value.try_into().ok()?),
        xsd::G_YEAR_MONTH => T::YearMonth(value.try_into().ok()?),
        xsd::G_MONTH => T::Month(value.into()),
        xsd::G_MONTH_DAY => T::MonthDay(value.into()),
        xsd::G_DAY => T::Day(value.into()),
        _ => return None,
    })
}
