//! `+`, `-`, `*`, `/` and signs, over numbers, dates, times and durations.
//!
//! What flows in: values. What flows out: a value, or `None` for an error: an overflow, a division of decimals by zero,
//! operands that do not go together.

use super::value::{Numbers, Temporal, Value};
use oxsdatatypes::{Decimal, Duration};

/// An operator of two operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// The value of an operator.
pub(crate) fn calculate(operator: Arithmetic, left: &Value, right: &Value) -> Option<Value> {
    if let (Value::Temporal(left), Value::Temporal(right)) = (left, right) {
        return temporal(operator, *left, *right).map(Value::Temporal);
    }
    use Arithmetic as A;
    Some(match (Numbers::of(left, right)?, operator) {
        (Numbers::Integers(left, right), A::Add) => Value::Integer(left.checked_add(right)?),
        (Numbers::Integers(left, right), A::Subtract) => Value::Integer(left.checked_sub(right)?),
        (Numbers::Integers(left, right), A::Multiply) => Value::Integer(left.checked_mul(right)?),
        (Numbers::Integers(left, right), A::Divide) => {
            Value::Decimal(Decimal::from(left).checked_div(right)?)
        }
        (Numbers::Decimals(left, right), A::Add) => Value::Decimal(left.checked_add(right)?),
        (Numbers::Decimals(left, right), A::Subtract) => Value::Decimal(left.checked_sub(right)?),
        (Numbers::Decimals(left, right), A::Multiply) => Value::Decimal(left.checked_mul(right)?),
        (Numbers::Decimals(left, right), A::Divide) => Value::Decimal(left.checked_div(right)?),
        (Numbers::Floats(left, right), A::Add) => Value::Float(left + right),
        (Numbers::Floats(left, right), A::Subtract) => Value::Float(left - right),
        (Numbers::Floats(left, right), A::Multiply) => Value::Float(left * right),
        (Numbers::Floats(left, right), A::Divide) => Value::Float(left / right),
        (Numbers::Doubles(left, right), A::Add) => Value::Double(left + right),
        (Numbers::Doubles(left, right), A::Subtract) => Value::Double(left - right),
        (Numbers::Doubles(left, right), A::Multiply) => Value::Double(left * right),
        (Numbers::Doubles(left, right), A::Divide) => Value::Double(left / right),
    })
}

fn temporal(operator: Arithmetic, left: Temporal, right: Temporal) -> Option<Temporal> {
    match operator {
        Arithmetic::Add => added(left, right),
        Arithmetic::Subtract => subtracted(left, right),
        Arithmetic::Multiply | Arithmetic::Divide => None,
    }
}

fn added(left: Temporal, right: Temporal) -> Option<Temporal> {
    use Temporal as T;
    let duration = right.duration()?;
    Some(match left {
        T::DateTime(value) => T::DateTime(value.checked_add_duration(duration)?),
        T::Date(value) => T::Date(value.checked_add_duration(duration)?),
        T::Time(value) => T::Time(value.checked_add_duration(time_of_day(right)?)?),
        T::YearMonthDuration(value) => match right {
            T::YearMonthDuration(right) => T::YearMonthDuration(value.checked_add(right)?),
            _ => T::Duration(Duration::from(value).checked_add(duration)?),
        },
        T::DayTimeDuration(value) => match right {
            T::DayTimeDuration(right) => T::DayTimeDuration(value.checked_add(right)?),
            _ => T::Duration(Duration::from(value).checked_add(duration)?),
        },
        T::Duration(value) => T::Duration(value.checked_add(duration)?),
        _ => return None,
    })
}

fn subtracted(left: Temporal, right: Temporal) -> Option<Temporal> {
    use Temporal as T;
    match (left, right) {
        (T::DateTime(left), T::DateTime(right)) => {
            return Some(T::DayTimeDuration(left.checked_sub(right)?));
        }
        (T::Date(left), T::Date(right)) => {
            return Some(T::DayTimeDuration(left.checked_sub(right)?));
        }
        (T::Time(left), T::Time(right)) => {
            return Some(T::DayTimeDuration(left.checked_sub(right)?));
        }
        _ => {}
    }
    let duration = right.duration()?;
    Some(match left {
        T::DateTime(value) => T::DateTime(value.checked_sub_duration(duration)?),
        T::Date(value) => T::Date(value.checked_sub_duration(duration)?),
        T::Time(value) => T::Time(value.checked_sub_duration(time_of_day(right)?)?),
        T::YearMonthDuration(value) => match right {
            T::YearMonthDuration(right) => T::YearMonthDuration(value.checked_sub(right)?),
            _ => T::Duration(Duration::from(value).checked_sub(duration)?),
        },
        T::DayTimeDuration(value) => match right {
            T::DayTimeDuration(right) => T::DayTimeDuration(value.checked_sub(right)?),
            _ => T::Duration(Duration::from(value).checked_sub(duration)?),
        },
        T::Duration(value) => T::Duration(value.checked_sub(duration)?),
        _ => return None,
    })
}

/// What can be added to a time: nothing of months.
fn time_of_day(duration: Temporal) -> Option<Duration> {
    match duration {
        Temporal::Duration(value) => Some(value),
        Temporal::DayTimeDuration(value) => Some(value.into()),
        _ => None,
    }
}

/// The value with its sign turned.
pub(crate) fn negated(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Integer(value) => Value::Integer(value.checked_neg()?),
        Value::Decimal(value) => Value::Decimal(value.checked_neg()?),
        Value::Float(value) => Value::Float(-*value),
        Value::Double(value) => Value::Double(-*value),
        Value::Temporal(Temporal::Duration(value)) => {
            Value::Temporal(Temporal::Duration(value.checked_neg()?))
        }
        Value::Temporal(Temporal::YearMonthDuration(value)) => {
            Value::Temporal(Temporal::YearMonthDuration(value.checked_neg()?))
        }
        Value::Temporal(Temporal::DayTimeDuration(value)) => {
            Value::Temporal(Temporal::DayTimeDuration(value.checked_neg()?))
        }
        _ => return None,
    })
}

/// The value itself, if it has a sign.
pub(crate) fn signed(value: Value) -> Option<Value> {
    let has_sign = match &value {
        Value::Temporal(value) => value.duration().is_some(),
        value => value.is_numeric(),
    };
    has_sign.then_some(value)
}
