//! What holds of any term and any id: exactness both ways, order by value within a tag, no panic.

use super::tests::{inline, literal, round_trip};
use super::*;
use oxrdf::NamedNodeRef;
use oxrdf::vocab::xsd;
use oxsdatatypes::{Date, DateTime, Decimal, Double, Float, GYear, GYearMonth};
use proptest::prelude::*;
use std::cmp::Ordering;
use std::fmt::Debug;
use std::str::FromStr;

const DOUBLE: &str = "-?(0|[1-9][0-9]{0,8})(\\.[0-9]{1,5})?|-?[1-9]\\.[0-9]{0,11}[1-9][eE]-?([1-9]|[12][0-9]|3[0-2])|-?[1-9][eE]-?[1-9]|-?INF|NaN";

/// Within a tag, ids must order as the values do; equal values may come in any order.
fn assert_order<V: FromStr<Err: Debug>>(
    first: &str,
    second: &str,
    datatype: NamedNodeRef<'_>,
    compare: impl Fn(V, V) -> Option<Ordering>,
) {
    let (Some(a), Some(b)) = (
        round_trip(&literal(first, datatype)),
        round_trip(&literal(second, datatype)),
    ) else {
        return;
    };
    assert_eq!(a == b, first == second);
    if a.tag() != b.tag() {
        return;
    }
    match compare(first.parse().unwrap(), second.parse().unwrap()) {
        Some(Ordering::Less) => assert!(a < b, "{first} {second}"),
        Some(Ordering::Greater) => assert!(a > b, "{first} {second}"),
        _ => (),
    }
}

const ZONE: &str = "(Z|[+-]00:00|[+-](0[0-9]|1[0-3]):(00|15|30|45|[0-5][0-9])|[+-]14:00)?";
const DATE: &str = "-?[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-9]|3[01])";
const TIME: &str = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]";

fn pair(pattern: &str) -> impl Strategy<Value = (String, String)> {
    let values = || proptest::string::string_regex(pattern).unwrap();
    (values(), values())
}

proptest! {
    #[test]
    fn any_term_comes_back(
        value in prop_oneof!["\\PC*", "[-+]?[0-9]{0,20}(\\.[0-9]{0,9})?([eE][-+]?[0-9]{0,3})?", "[ -~]{0,8}", ".{0,8}", "(-?[0-9]{0,5}[-T:.Z+]){0,7}"],
        datatype in prop::sample::select(vec![
            xsd::STRING, xsd::INTEGER, xsd::DECIMAL, xsd::DOUBLE, xsd::FLOAT, xsd::BOOLEAN, xsd::DATE, xsd::DATE_TIME,
            xsd::G_YEAR, xsd::G_YEAR_MONTH, xsd::TIME, xsd::INT, xsd::UNSIGNED_LONG, xsd::ANY_URI,
        ]),
    ) {
        round_trip(&literal(&value, datatype));
    }

    #[test]
    fn any_id_is_exact(tag in prop::sample::select(Tag::all().filter(|tag| tag.kind() == TagKind::Inlined).collect::<Vec<_>>()), payload in any::<u64>(), shift in 0_u32..64, flip in any::<bool>()) {
        let payload = if flip { (1 << 55) ^ (payload >> shift) } else { payload >> shift };
        let id = TermId::from_parts(tag, payload);
        let shown = id.to_string();
        prop_assert!(shown.starts_with(tag.name()));
        if let Some(term) = id.decode_inline() {
            // A label of that form and a large number is the user's, until the store has given the number.
            let is_large = tag == Tag::SerialBlank && id.payload() >= SERIAL_BLANK_FREE;
            prop_assert_eq!(inline(term.as_ref()), (!is_large).then_some(id), "{}", term);
        }
    }

    #[test]
    fn any_bytes_decode_or_fail(tag in prop::sample::select(Tag::all().collect::<Vec<_>>()), bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(term) = term_from_bytes(tag, &bytes) {
            prop_assert!(term.to_string().len() < 1000);
        }
    }

    #[test]
    fn integers_sort((a, b) in (any::<i64>(), any::<i64>(), 0_u32..64).prop_map(|(a, b, shift)| (a >> shift, b >> shift))) {
        assert_order::<i64>(&a.to_string(), &b.to_string(), xsd::INTEGER, |a, b| a.partial_cmp(&b));
        assert_order::<i64>(&a.to_string(), &b.to_string(), xsd::LONG, |a, b| a.partial_cmp(&b));
    }

    #[test]
    fn decimals_sort((a, b) in pair("[-+]?(0|[1-9][0-9]{0,8})(\\.[0-9]{1,3})?")) {
        assert_order::<Decimal>(&a, &b, xsd::DECIMAL, |a, b| a.partial_cmp(&b));
    }

    #[test]
    fn doubles_sort((a, b) in pair("-?(0|[1-9][0-9]{0,8})(\\.[0-9]{1,5})?|-?[1-9]\\.[1-9]{1,12}[eE]-?([1-9]|[12][0-9])|-?[1-9][eE]-?[1-9]|-?INF")) {
        assert_order::<Double>(&a, &b, xsd::DOUBLE, |a, b| a.partial_cmp(&b));
        assert_order::<Float>(&a, &b, xsd::FLOAT, |a, b| a.partial_cmp(&b));
    }

    #[test]
    fn dates_sort((a, b) in pair(&format!("{DATE}{ZONE}"))) {
        if a.parse::<Date>().is_ok() && b.parse::<Date>().is_ok() {
            assert_order::<Date>(&a, &b, xsd::DATE, |a, b| a.partial_cmp(&b));
        }
        round_trip(&literal(&a, xsd::DATE));
    }

    #[test]
    fn date_times_sort((a, b) in pair(&format!("{DATE}T{TIME}(\\.([0-9]{{1,3}}|[0-9]{{6}}))?{ZONE}"))) {
        if a.parse::<DateTime>().is_ok() && b.parse::<DateTime>().is_ok() {
            assert_order::<DateTime>(&a, &b, xsd::DATE_TIME, |a, b| a.partial_cmp(&b));
        }
        round_trip(&literal(&a, xsd::DATE_TIME));
    }

    #[test]
    fn a_date_is_what_its_text_writes((text, _) in pair(&format!("{DATE}(T{TIME}(\\.([0-9]{{1,3}}|[0-9]{{6}}))?)?{ZONE}"))) {
        let is_date = !text.contains('T');
        let Some(id) = round_trip(&literal(&text, if is_date { xsd::DATE } else { xsd::DATE_TIME })) else { return Ok(()) };
        let found = id.date().unwrap();
        let time = found.time.map_or_else(String::new, |(hours, minutes)| format!("T{hours:02}:{minutes:02}"));
        let sign = if found.year < 0 { "-" } else { "" };
        let written = format!("{sign}{:04}-{:02}-{:02}{time}", found.year.abs(), found.month, found.day);
        prop_assert!(text.starts_with(&written), "{} {}", text, written);
        prop_assert_eq!(found.time.is_none(), is_date);
    }

    #[test]
    fn years_sort((a, b) in pair("-?[0-9]{4}"), (c, d) in pair("-?[0-9]{4}-(0[1-9]|1[0-2])")) {
        assert_order::<GYear>(&a, &b, xsd::G_YEAR, |a, b| a.partial_cmp(&b));
        assert_order::<GYearMonth>(&c, &d, xsd::G_YEAR_MONTH, |a, b| a.partial_cmp(&b));
    }

    #[test]
    fn short_strings_sort((a, b) in pair("[a-c\\x00-\\x08é]{0,7}")) {
        if let (Some(first), Some(second)) = (round_trip(&literal(&a, xsd::STRING)), round_trip(&literal(&b, xsd::STRING))) {
            prop_assert_eq!(first.cmp(&second), a.as_bytes().cmp(b.as_bytes()));
        }
    }

    #[test]
    fn short_strings_and_serial_blanks_never_meet(number in 0..SERIAL_BLANK_FREE, text in "[ -~]{0,7}") {
        let blank = round_trip(&serial_blank(number).into()).unwrap();
        prop_assert_ne!(round_trip(&literal(&text, xsd::STRING)), Some(blank));
    }

    #[test]
    fn a_number_is_what_its_text_parses_to((double, float) in pair(DOUBLE), decimal in "[-+]?(0|[1-9][0-9]{0,8})(\\.[0-9]{1,7})?", integer in any::<i64>(), shift in 0_u32..64) {
        if let Some(id) = round_trip(&literal(&double, xsd::DOUBLE)) {
            let expected: f64 = double.replace("INF", "inf").parse().unwrap();
            let Some(InlinedNumber::Double(number)) = id.number() else { panic!("{double}") };
            prop_assert_eq!(number.to_bits(), expected.to_bits(), "{}", double);
        }
        if let Some(id) = round_trip(&literal(&float, xsd::FLOAT)) {
            let expected: f32 = float.replace("INF", "inf").parse().unwrap();
            let Some(InlinedNumber::Float(number)) = id.number() else { panic!("{float}") };
            prop_assert_eq!(number.to_bits(), expected.to_bits(), "{}", float);
        }
        if let Some(id) = round_trip(&literal(&decimal, xsd::DECIMAL)) {
            let Some(InlinedNumber::Decimal { units, scale }) = id.number() else { panic!("{decimal}") };
            prop_assert_eq!(Decimal::new(units.into(), scale).unwrap(), decimal.parse().unwrap());
        }
        let integer = integer >> shift;
        let id = inline(literal(&integer.to_string(), xsd::INTEGER).as_ref());
        prop_assert_eq!(TermId::of_integer(integer), id);
        prop_assert!(id.is_none_or(|id| id.number() == Some(InlinedNumber::Integer(integer))));
        for value in [true, false] {
            prop_assert_eq!(Some(TermId::of_boolean(value)), inline(oxrdf::Literal::from(value).as_ref().into()));
        }
    }

    #[test]
    fn ranges_of_units_hold_exactly_what_lies_between(value in -3000_i64..3000, low in -3000_i64..3000, length in 0_i64..50, far in any::<bool>()) {
        let (low, high) = if far { (i128::MIN, i128::from(low)) } else { (i128::from(low), i128::from(low + length)) };
        for (tag, term) in [
            (Tag::Integer, literal(&value.to_string(), xsd::INTEGER)),
            (Tag::Decimal2, literal(&format!("{}{}.{:02}", if value < 0 { "-" } else { "" }, value.abs() / 100, value.abs() % 100), xsd::DECIMAL)),
            (Tag::Year, literal(&format!("{}{:04}", if value < 0 { "-" } else { "" }, value.abs()), xsd::G_YEAR)),
        ] {
            let Some(id) = round_trip(&term) else { continue };
            prop_assert_eq!(id.tag(), Some(tag));
            let (first, last) = TermId::unit_range(tag, low, high).unwrap();
            prop_assert_eq!((first..=last).contains(&id), (low..=high).contains(&value.into()), "{}", id);
        }
    }

    #[test]
    fn ranges_of_floating_numbers_hold_what_lies_between((text, other) in pair(DOUBLE), low in any::<f64>(), near in any::<bool>(), exponent in -40_i32..40) {
        for (tag, datatype) in [(Tag::Double, xsd::DOUBLE), (Tag::Float, xsd::FLOAT)] {
            let Some(id) = round_trip(&literal(&text, datatype)) else { continue };
            let value = match id.number() {
                Some(InlinedNumber::Double(value)) => value,
                Some(InlinedNumber::Float(value)) => value.into(),
                other => panic!("{other:?}"),
            };
            let other: f64 = other.replace("INF", "inf").parse().unwrap();
            let bound = if near { value.next_up() } else { low };
            for (low, high) in [(other, bound), (bound, other), (value, value), (value, f64::INFINITY), (f64::NEG_INFINITY, value), (10_f64.powi(exponent), other), (-10_f64.powi(exponent), other)] {
                let range = TermId::floating_range(tag, low, high);
                let holds = range.is_some_and(|(first, last)| (first..=last).contains(&id));
                prop_assert!(holds || !(low <= value && value <= high), "{} in {} {}", id, low, high);
                let is_far = value.is_nan() || (tag == Tag::Double && (value < low - low.abs() * 1e-11 || value > high + high.abs() * 1e-11) && value.abs() > 1e-29 && value.abs() < 1e29);
                prop_assert!(!(holds && is_far), "{} in {} {}", id, low, high);
            }
        }
        if let Some(id) = round_trip(&literal(&text, xsd::DOUBLE))
            && let Some(InlinedNumber::Double(value)) = id.number()
            && !value.is_nan()
        {
            // One number is one number, whatever its forms.
            let (first, last) = TermId::floating_range(Tag::Double, value, value).unwrap();
            prop_assert!(last.payload() - first.payload() < 32, "{}", id);
        }
    }

    #[test]
    fn ranges_of_instants_hold_what_lies_between((text, _) in pair(&format!("{DATE}(T{TIME}(\\.([0-9]{{1,3}}|[0-9]{{6}}))?)?{ZONE}")), before in 0_i64..200_000, after in 0_i64..200_000, miss in 1_i64..200_000) {
        let is_date = !text.contains('T');
        let Some(id) = round_trip(&literal(&text, if is_date { xsd::DATE } else { xsd::DATE_TIME })) else { return Ok(()) };
        let Ok(parsed) = (if is_date { text.parse::<Date>().map(|date| DateTime::try_from(date).unwrap()) } else { text.parse() }) else { return Ok(()) };
        let epoch: DateTime = if parsed.timezone_offset().is_some() { "1970-01-01T00:00:00Z" } else { "1970-01-01T00:00:00" }.parse().unwrap();
        let Some(passed) = parsed.checked_sub(epoch) else { return Ok(()) };
        let whole = (passed.days() * 24 + passed.hours()) * 60 + passed.minutes();
        let seconds = whole * 60 + oxsdatatypes::Integer::try_from(passed.seconds().checked_floor().unwrap()).map(i64::from).unwrap();
        let tag = id.tag().unwrap();
        let (first, last) = TermId::instant_range(tag, seconds - before, seconds + after).unwrap();
        prop_assert!((first..=last).contains(&id), "{}", text);
        for (low, high) in [(seconds + miss, seconds + miss + 100), (seconds - miss - 100, seconds - miss)] {
            let holds = TermId::instant_range(tag, low, high).is_some_and(|(first, last)| (first..=last).contains(&id));
            prop_assert!(!holds || (tag == Tag::ZonedDate && miss < 60), "{} {}", text, miss);
        }
    }
}
