//! Dates and times inside ids: fixed-width fields in, an instant that sorts by time out, and back to the same text.
//! What would not come back character for character (`24:00:00`, `-0000`, odd fractions) is refused.

use super::calendar::CivilDate;
use super::id::TermId;
use super::number::digits;
use super::tag::Tag;
use std::fmt::Write;

const DAY_SECONDS: i64 = 86_400;
const DAY_MINUTES: i64 = 1_440;
/// The largest zone offset, in minutes.
const OFFSET_MAX: i64 = 840;

/// A zone as written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Zone {
    None,
    Utc,
    /// `-00:00`.
    MinusZero,
    /// Minutes east, `+00:00` included.
    Offset(i64),
}

impl Zone {
    /// How far local time is ahead of UTC, in minutes; a time without a zone is taken as UTC.
    fn minutes(self) -> i64 {
        match self {
            Self::Offset(minutes) => minutes,
            _ => 0,
        }
    }

    fn parse(text: &[u8]) -> Option<Self> {
        match text {
            b"" => Some(Self::None),
            b"Z" => Some(Self::Utc),
            [sign @ (b'+' | b'-'), hours @ .., b':', _, _] if hours.len() == 2 => {
                let minutes = digits(&text[4..])?;
                let total = (digits(hours)? * 60 + minutes) as i64;
                if minutes > 59 || total > OFFSET_MAX {
                    return None;
                }
                Some(match (sign, total) {
                    (b'-', 0) => Self::MinusZero,
                    (b'-', _) => Self::Offset(-total),
                    _ => Self::Offset(total),
                })
            }
            _ => None,
        }
    }

    fn write(self, text: &mut String) {
        let (sign, total) = match self {
            Self::None => return,
            Self::Utc => return text.push('Z'),
            Self::MinusZero => ('-', 0),
            Self::Offset(minutes) => (if minutes < 0 { '-' } else { '+' }, minutes.unsigned_abs()),
        };
        text.push(sign);
        push_two(text, total / 60);
        text.push(':');
        push_two(text, total % 60);
    }
}

fn push_two(text: &mut String, number: u64) {
    text.push(char::from(b'0' + (number / 10 % 10) as u8));
    text.push(char::from(b'0' + (number % 10) as u8));
}

/// Takes a year of four digits, with or without a minus sign, off the front.
fn take_year(text: &[u8]) -> Option<(i64, &[u8])> {
    let (negative, text) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    let (year, rest) = text.split_at_checked(4)?;
    match (negative, digits(year)? as i64) {
        (true, 0) => None,
        (true, year) => Some((-year, rest)),
        (false, year) => Some((year, rest)),
    }
}

/// Takes a separator and two digits off the front.
fn take_two(text: &[u8], separator: u8) -> Option<(u64, &[u8])> {
    match text {
        [first, tens, ones, rest @ ..] if *first == separator => {
            Some((digits(&[*tens, *ones])?, rest))
        }
        _ => None,
    }
}

fn take_date(text: &[u8]) -> Option<(i64, &[u8])> {
    let (year, rest) = take_year(text)?;
    let (month, rest) = take_two(rest, b'-')?;
    let (day, rest) = take_two(rest, b'-')?;
    let date = CivilDate { year, month, day };
    date.is_valid().then(|| (date.days(), rest))
}

/// Whether years of four digits can write the day.
fn write_date(text: &mut String, days: i64) -> Option<()> {
    let date = CivilDate::from_days(days);
    write_year(text, date.year)?;
    text.push('-');
    push_two(text, date.month);
    text.push('-');
    push_two(text, date.day);
    Some(())
}

fn write_year(text: &mut String, year: i64) -> Option<()> {
    if year.abs() > 9999 {
        return None;
    }
    if year < 0 {
        text.push('-');
    }
    push_two(text, year.unsigned_abs() / 100);
    push_two(text, year.unsigned_abs() % 100);
    Some(())
}

/// The days that any year of four digits can hold, with a margin for zones.
fn is_day(days: i64) -> bool {
    days.abs() < 5_000_000
}

pub(super) fn encode_year(text: &str) -> Option<TermId> {
    let (year, rest) = take_year(text.as_bytes())?;
    rest.is_empty()
        .then(|| TermId::from_signed(Tag::Year, year))?
}

pub(super) fn decode_year(id: TermId) -> Option<String> {
    let mut text = String::with_capacity(5);
    write_year(&mut text, id.signed_payload())?;
    Some(text)
}

pub(super) fn encode_year_month(text: &str) -> Option<TermId> {
    let (year, rest) = take_year(text.as_bytes())?;
    match take_two(rest, b'-')? {
        (month @ 1..=12, []) => TermId::from_signed(Tag::YearMonth, year * 12 + month as i64 - 1),
        _ => None,
    }
}

pub(super) fn decode_year_month(id: TermId) -> Option<String> {
    let months = id.signed_payload();
    let mut text = String::with_capacity(8);
    write_year(&mut text, months.div_euclid(12))?;
    text.push('-');
    push_two(&mut text, months.rem_euclid(12) as u64 + 1);
    Some(text)
}

/// Bits of the zone in a date with a zone, and what is added to the instant above it.
const DATE_ZONE_BITS: u32 = 11;
const DATE_BIAS: i64 = 1 << 44;
/// The zone codes of such a date: `Z`, `-00:00`, then minutes from −840.
const DATE_OFFSET_CODE: i64 = 2 + OFFSET_MAX;

pub(super) fn encode_date(text: &str) -> Option<TermId> {
    let (days, rest) = take_date(text.as_bytes())?;
    let zone = Zone::parse(rest)?;
    let code = match zone {
        Zone::None => return TermId::from_signed(Tag::Date, days),
        Zone::Utc => 0,
        Zone::MinusZero => 1,
        Zone::Offset(minutes) => minutes + DATE_OFFSET_CODE,
    };
    let instant = days * DAY_MINUTES - zone.minutes() + DATE_BIAS;
    Some(TermId::from_parts(
        Tag::ZonedDate,
        (instant << DATE_ZONE_BITS | code) as u64,
    ))
}

pub(super) fn decode_date(id: TermId) -> Option<String> {
    let days = id.signed_payload();
    let mut text = String::with_capacity(11);
    is_day(days).then(|| write_date(&mut text, days))??;
    Some(text)
}

/// The local day of a date with a zone, and the zone.
fn zoned_day(id: TermId) -> Option<(i64, Zone)> {
    let payload = id.payload() as i64;
    let zone = match payload & ((1 << DATE_ZONE_BITS) - 1) {
        0 => Zone::Utc,
        1 => Zone::MinusZero,
        code if code <= DATE_OFFSET_CODE + OFFSET_MAX => Zone::Offset(code - DATE_OFFSET_CODE),
        _ => return None,
    };
    let local = (payload >> DATE_ZONE_BITS) - DATE_BIAS + zone.minutes();
    if local % DAY_MINUTES != 0 || !is_day(local / DAY_MINUTES) {
        return None;
    }
    Some((local / DAY_MINUTES, zone))
}

pub(super) fn decode_zoned_date(id: TermId) -> Option<String> {
    let (day, zone) = zoned_day(id)?;
    let mut text = String::with_capacity(17);
    write_date(&mut text, day)?;
    zone.write(&mut text);
    Some(text)
}

/// A date and time as written.
struct DateTime<'a> {
    /// Local seconds since 1970.
    local: i64,
    /// The digits after the point.
    fraction: &'a [u8],
    zone: Zone,
}

fn parse_date_time(text: &[u8]) -> Option<DateTime<'_>> {
    let (days, rest) = take_date(text)?;
    let (hours, rest) = take_two(rest, b'T')?;
    let (minutes, rest) = take_two(rest, b':')?;
    let (seconds, rest) = take_two(rest, b':')?;
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let (fraction, rest) = match rest.split_first() {
        Some((b'.', after)) => {
            let length = after
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            if length == 0 {
                return None;
            }
            after.split_at(length)
        }
        _ => (&[][..], rest),
    };
    let local = days * DAY_SECONDS + (hours * 3600 + minutes * 60 + seconds) as i64;
    Some(DateTime {
        local,
        fraction,
        zone: Zone::parse(rest)?,
    })
}

/// Bits below the seconds of a dateTime with milliseconds: the zone, the number of decimals, the milliseconds.
const ZONE_BITS: u32 = 7;
const SCALE_BITS: u32 = 2;
const MILLISECOND_BITS: u32 = 10;
const SECONDS_SHIFT: u32 = ZONE_BITS + SCALE_BITS + MILLISECOND_BITS;
const SECONDS_END: i64 = 1 << 37;
/// Seconds from -0001-12-31T00:00Z, a day before year 0, to 1970.
const SECONDS_BIAS: i64 = 719_529 * DAY_SECONDS;
/// The zone codes of such a dateTime: none, `Z`, `-00:00`, then quarter hours from −14:00.
const QUARTER_CODE: i64 = 3 + OFFSET_MAX / 15;

/// Bits of the zone of a dateTime with microseconds, and what is added to the instant above it.
const MICROSECOND_ZONE_BITS: u32 = 2;
const MICROSECOND_BIAS: i64 = 1 << 53;

pub(super) fn encode_date_time(text: &str) -> Option<TermId> {
    let parsed = parse_date_time(text.as_bytes())?;
    match (parsed.fraction.len(), parsed.zone) {
        (0, Zone::None) => TermId::from_signed(Tag::DateTime, parsed.local),
        (0, Zone::Utc) => TermId::from_signed(Tag::UtcDateTime, parsed.local),
        (0..=3, _) => encode_milliseconds(&parsed),
        (6, _) => encode_microseconds(&parsed),
        _ => None,
    }
}

fn encode_milliseconds(parsed: &DateTime<'_>) -> Option<TermId> {
    let zone = match parsed.zone {
        Zone::None => 0,
        Zone::Utc => 1,
        Zone::MinusZero => 2,
        Zone::Offset(minutes) if minutes % 15 == 0 => minutes / 15 + QUARTER_CODE,
        Zone::Offset(_) => return None,
    };
    let scale = parsed.fraction.len();
    let milliseconds = match scale {
        0 => 0,
        _ => digits(parsed.fraction)? * [1, 100, 10, 1].get(scale)?,
    };
    let seconds = parsed.local - parsed.zone.minutes() * 60 + SECONDS_BIAS;
    let payload = (seconds as u64) << SECONDS_SHIFT
        | milliseconds << (ZONE_BITS + SCALE_BITS)
        | (scale as u64) << ZONE_BITS
        | zone as u64;
    (0..SECONDS_END)
        .contains(&seconds)
        .then(|| TermId::from_parts(Tag::MillisecondDateTime, payload))
}

fn encode_microseconds(parsed: &DateTime<'_>) -> Option<TermId> {
    let zone = match parsed.zone {
        Zone::None => 0,
        Zone::Utc => 1,
        Zone::Offset(0) => 2,
        _ => return None,
    };
    let instant = parsed.local * 1_000_000 + digits(parsed.fraction)? as i64;
    let fits = (-MICROSECOND_BIAS..MICROSECOND_BIAS).contains(&instant);
    let payload = ((instant + MICROSECOND_BIAS) << MICROSECOND_ZONE_BITS | zone) as u64;
    fits.then(|| TermId::from_parts(Tag::MicrosecondDateTime, payload))
}

/// The least and the greatest payload of a tag's dates or times from one second since 1970 to another.
pub(super) fn instant_payloads(tag: Tag, low: i64, high: i64) -> Option<(u64, u64)> {
    // Far beyond all years of four digits, and far from an overflow.
    const SECONDS_MAX: i64 = 1 << 39;
    const SIGN_BIAS: i64 = 1 << 55;
    let (low, high) = (
        low.clamp(-SECONDS_MAX, SECONDS_MAX),
        high.clamp(-SECONDS_MAX, SECONDS_MAX),
    );
    let above = |seconds: i64, unit: i64| -(-seconds).div_euclid(unit);
    let (low, high) = match tag {
        Tag::Date => (
            above(low, DAY_SECONDS) + SIGN_BIAS,
            high.div_euclid(DAY_SECONDS) + SIGN_BIAS,
        ),
        Tag::ZonedDate => (
            (above(low, 60) + DATE_BIAS).max(0) << DATE_ZONE_BITS,
            ((high.div_euclid(60) + DATE_BIAS + 1) << DATE_ZONE_BITS) - 1,
        ),
        Tag::DateTime | Tag::UtcDateTime => (low + SIGN_BIAS, high + SIGN_BIAS),
        Tag::MillisecondDateTime => (
            (low + SECONDS_BIAS).clamp(0, SECONDS_END - 1) << SECONDS_SHIFT,
            (((high + SECONDS_BIAS).clamp(0, SECONDS_END - 1) + 1) << SECONDS_SHIFT) - 1,
        ),
        Tag::MicrosecondDateTime => {
            let payload = |instant: i64| {
                (instant.clamp(-MICROSECOND_BIAS, MICROSECOND_BIAS - 1) + MICROSECOND_BIAS)
                    << MICROSECOND_ZONE_BITS
            };
            let last = (high + 1).saturating_mul(1_000_000) - 1;
            (
                payload(low.saturating_mul(1_000_000)),
                payload(last) | ((1 << MICROSECOND_ZONE_BITS) - 1),
            )
        }
        _ => return None,
    };
    Some((u64::try_from(low).ok()?, u64::try_from(high).ok()?))
}

/// The text of a dateTime of whole seconds, local time given.
pub(super) fn decode_seconds(id: TermId) -> Option<String> {
    let mut text = String::with_capacity(21);
    write_date_time(&mut text, id.signed_payload())?;
    if id.tag_byte() == Tag::UtcDateTime.byte() {
        text.push('Z');
    }
    Some(text)
}

fn write_date_time(text: &mut String, local: i64) -> Option<()> {
    let days = local.div_euclid(DAY_SECONDS);
    is_day(days).then(|| write_date(text, days))??;
    let seconds = local.rem_euclid(DAY_SECONDS) as u64;
    text.push('T');
    push_two(text, seconds / 3600);
    text.push(':');
    push_two(text, seconds / 60 % 60);
    text.push(':');
    push_two(text, seconds % 60);
    Some(())
}

/// A dateTime with milliseconds: local seconds since 1970, the digits of the fraction as a number, how many they are, the zone.
fn milliseconds(id: TermId) -> Option<(i64, u64, usize, Zone)> {
    let payload = id.payload();
    let zone = match (payload & ((1 << ZONE_BITS) - 1)) as i64 {
        0 => Zone::None,
        1 => Zone::Utc,
        2 => Zone::MinusZero,
        code if code <= QUARTER_CODE + OFFSET_MAX / 15 => Zone::Offset((code - QUARTER_CODE) * 15),
        _ => return None,
    };
    let scale = (payload >> ZONE_BITS & ((1 << SCALE_BITS) - 1)) as usize;
    let milliseconds = payload >> (ZONE_BITS + SCALE_BITS) & ((1 << MILLISECOND_BITS) - 1);
    let unit = *[1000, 100, 10, 1].get(scale)?;
    // Whole seconds without a zone or with `Z` have tags of their own.
    if milliseconds >= 1000
        || !milliseconds.is_multiple_of(unit)
        || (scale == 0 && matches!(zone, Zone::None | Zone::Utc))
    {
        return None;
    }
    let local = (payload >> SECONDS_SHIFT) as i64 - SECONDS_BIAS + zone.minutes() * 60;
    Some((local, milliseconds / unit, scale, zone))
}

pub(super) fn decode_milliseconds(id: TermId) -> Option<String> {
    let (local, fraction, scale, zone) = milliseconds(id)?;
    let mut text = String::with_capacity(30);
    write_date_time(&mut text, local)?;
    if scale > 0 {
        write!(text, ".{fraction:0scale$}").ok()?;
    }
    zone.write(&mut text);
    Some(text)
}

/// A dateTime with microseconds: those since 1970, local, and the zone.
fn microseconds(id: TermId) -> Option<(i64, Zone)> {
    let payload = id.payload() as i64;
    let zone = match payload & ((1 << MICROSECOND_ZONE_BITS) - 1) {
        0 => Zone::None,
        1 => Zone::Utc,
        2 => Zone::Offset(0),
        _ => return None,
    };
    Some(((payload >> MICROSECOND_ZONE_BITS) - MICROSECOND_BIAS, zone))
}

pub(super) fn decode_microseconds(id: TermId) -> Option<String> {
    let (instant, zone) = microseconds(id)?;
    let mut text = String::with_capacity(33);
    write_date_time(&mut text, instant.div_euclid(1_000_000))?;
    write!(text, ".{:06}", instant.rem_euclid(1_000_000)).ok()?;
    zone.write(&mut text);
    Some(text)
}

/// The day and, of a dateTime, the second of the day that an inlined date or time writes, whatever its zone.
pub(super) fn local_time(id: TermId) -> Option<(CivilDate, Option<i64>)> {
    let (day, second) = match id.tag()? {
        Tag::Date => (id.signed_payload(), None),
        Tag::ZonedDate => (zoned_day(id)?.0, None),
        tag => {
            let local = match tag {
                Tag::DateTime | Tag::UtcDateTime => id.signed_payload(),
                Tag::MillisecondDateTime => milliseconds(id)?.0,
                Tag::MicrosecondDateTime => microseconds(id)?.0.div_euclid(1_000_000),
                _ => return None,
            };
            let second = local.rem_euclid(DAY_SECONDS);
            (local.div_euclid(DAY_SECONDS), Some(second))
        }
    };
    is_day(day).then(|| (CivilDate::from_days(day), second))
}
