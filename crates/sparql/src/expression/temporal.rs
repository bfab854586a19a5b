//! The functions of dates and times (section 17.4.5).

use super::value::{Temporal, Value};
use oxsdatatypes::{DayTimeDuration, Integer, TimezoneOffset};
use spargebra::algebra::Function;

/// A part of a date or time.
pub(super) fn part(function: &Function, value: Temporal) -> Option<Value> {
    use Temporal as T;
    let number = match (function, value) {
        (Function::Year, T::DateTime(value)) => value.year(),
        (Function::Year, T::Date(value)) => value.year(),
        (Function::Year, T::Year(value)) => value.year(),
        (Function::Year, T::YearMonth(value)) => value.year(),
        (Function::Month, T::DateTime(value)) => value.month().into(),
        (Function::Month, T::Date(value)) => value.month().into(),
        (Function::Month, T::YearMonth(value)) => value.month().into(),
        (Function::Month, T::MonthDay(value)) => value.month().into(),
        (Function::Month, T::Month(value)) => value.month().into(),
        (Function::Day, T::DateTime(value)) => value.day().into(),
        (Function::Day, T::Date(value)) => value.day().into(),
        (Function::Day, T::MonthDay(value)) => value.day().into(),
        (Function::Day, T::Day(value)) => value.day().into(),
        (Function::Hours, T::DateTime(value)) => value.hour().into(),
        (Function::Hours, T::Time(value)) => value.hour().into(),
        (Function::Minutes, T::DateTime(value)) => value.minute().into(),
        (Function::Minutes, T::Time(value)) => value.minute().into(),
        (Function::Seconds, T::DateTime(value)) => return Some(Value::Decimal(value.second())),
        (Function::Seconds, T::Time(value)) => return Some(Value::Decimal(value.second())),
        (Function::Timezone, value) => {
            let zone = DayTimeDuration::from(offset(value)??);
            return Some(Value::Temporal(T::DayTimeDuration(zone)));
        }
        (Function::Tz, value) => {
            let zone = offset(value)?.map_or_else(String::new, |zone| zone.to_string());
            return Some(Value::String(zone));
        }
        _ => return None,
    };
    Some(Value::Integer(Integer::from(number)))
}

/// The zone of a date or time, if it may have one.
fn offset(value: Temporal) -> Option<Option<TimezoneOffset>> {
    use Temporal as T;
    Some(match value {
        T::DateTime(value) => value.timezone_offset(),
        T::Date(value) => value.timezone_offset(),
        T::Time(value) => value.timezone_offset(),
        T::Year(value) => value.timezone_offset(),
        T::YearMonth(value) => value.timezone_offset(),
        T::Month(value) => value.timezone_offset(),
        T::MonthDay(value) => value.timezone_offset(),
        T::Day(value) => value.timezone_offset(),
        T::Duration(_) | T::YearMonthDuration(_) | T::DayTimeDuration(_) => return None,
    })
}

/// The same instant in another zone.
pub(super) fn adjusted(value: Temporal, zone: Temporal) -> Option<Temporal> {
    use Temporal as T;
    let zone = match zone {
        T::DayTimeDuration(value) => TimezoneOffset::try_from(value).ok(),
        T::Duration(value) => TimezoneOffset::try_from(value).ok(),
        _ => None,
    };
    let zone = Some(zone?);
    Some(match value {
        T::DateTime(value) => T::DateTime(value.adjust(zone)?),
        T::Date(value) => T::Date(value.adjust(zone)?),
        T::Time(value) => T::Time(value.adjust(zone)?),
        T::Year(value) => T::Year(value.adjust(zone)?),
        T::YearMonth(value) => T::YearMonth(value.adjust(zone)?),
        T::Month(value) => T::Month(value.adjust(zone)?),
        T::MonthDay(value) => T::MonthDay(value.adjust(zone)?),
        T::Day(value) => T::Day(value.adjust(zone)?),
        T::Duration(_) | T::YearMonthDuration(_) | T::DayTimeDuration(_) => return None,
    })
}
