//! Integers and decimals inside ids: canonical digits in, a signed payload out, and back to the same digits.
//! What would not come back digit for digit (leading zeros, `-0`, `.5`, too many digits) is refused.

use super::id::TermId;
use super::tag::Tag;

/// More digits than this can overflow the payload in any case.
const MAX_DIGITS: usize = 17;
/// The most digits after the point that an inlined decimal has.
pub(super) const MAX_DECIMAL_SCALE: usize = 7;

const DECIMALS: [Tag; MAX_DECIMAL_SCALE + 1] = [
    Tag::Decimal0,
    Tag::Decimal1,
    Tag::Decimal2,
    Tag::Decimal3,
    Tag::Decimal4,
    Tag::Decimal5,
    Tag::Decimal6,
    Tag::Decimal7,
];
const PLUS_DECIMALS: [Tag; MAX_DECIMAL_SCALE + 1] = [
    Tag::PlusDecimal0,
    Tag::PlusDecimal1,
    Tag::PlusDecimal2,
    Tag::PlusDecimal3,
    Tag::PlusDecimal4,
    Tag::PlusDecimal5,
    Tag::PlusDecimal6,
    Tag::PlusDecimal7,
];

/// The value of decimal digits, at most 19 of them; `None` for anything else, nothing at all included.
#[inline]
pub(super) fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    text.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| value * 10 + u64::from(digit))
    })
}

/// Whether an integer part is written as short as can be: `0`, or a first digit that is not 0.
#[inline]
pub(super) fn is_short(integer: &[u8]) -> bool {
    integer.len() == 1 || integer.first().is_some_and(|first| *first != b'0')
}

/// The value of an integer in canonical form: no plus sign, no leading zeros, no `-0`.
#[inline]
fn canonical_integer(text: &str) -> Option<i64> {
    let text = text.as_bytes();
    let (negative, integer) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    if integer.len() > MAX_DIGITS || !is_short(integer) {
        return None;
    }
    let value = digits(integer)? as i64;
    match (negative, value) {
        (true, 0) => None,
        (true, value) => Some(-value),
        (false, value) => Some(value),
    }
}

/// The id of an integer of one of the integer types, if it is canonical and within its type's range.
#[inline]
pub(super) fn encode_integer(tag: Tag, text: &str) -> Option<TermId> {
    let value = canonical_integer(text)?;
    let (min, max) = integer_range(tag)?;
    (min..=max)
        .contains(&value)
        .then(|| TermId::from_signed(tag, value))?
}

/// The least and greatest value of an integer type; `None` for other tags.
fn integer_range(tag: Tag) -> Option<(i64, i64)> {
    Some(match tag {
        Tag::Integer | Tag::Long => (i64::MIN, i64::MAX),
        Tag::Int => (i64::from(i32::MIN), i64::from(i32::MAX)),
        Tag::Short => (i64::from(i16::MIN), i64::from(i16::MAX)),
        Tag::Byte => (i64::from(i8::MIN), i64::from(i8::MAX)),
        Tag::NonNegativeInteger | Tag::UnsignedLong => (0, i64::MAX),
        Tag::PositiveInteger => (1, i64::MAX),
        Tag::NonPositiveInteger => (i64::MIN, 0),
        Tag::NegativeInteger => (i64::MIN, -1),
        Tag::UnsignedInt => (0, i64::from(u32::MAX)),
        Tag::UnsignedShort => (0, i64::from(u16::MAX)),
        Tag::UnsignedByte => (0, i64::from(u8::MAX)),
        _ => return None,
    })
}

/// The digits of an integer; `None` when it is out of its type's range.
pub(super) fn decode_integer(tag: Tag, id: TermId) -> Option<String> {
    let (min, max) = integer_range(tag)?;
    let value = id.signed_payload();
    (min..=max).contains(&value).then(|| value.to_string())
}

/// The id of a decimal: a sign or none, an integer part as short as can be, and up to seven digits after a point or neither.
#[inline]
pub(super) fn encode_decimal(text: &str) -> Option<TermId> {
    let text = text.as_bytes();
    let (sign, unsigned) = match text.split_first()? {
        (sign @ (b'-' | b'+'), rest) => (Some(*sign), rest),
        _ => (None, text),
    };
    if unsigned.len() > MAX_DIGITS + 1 {
        return None;
    }
    let (integer, fraction) = match unsigned.iter().position(|byte| *byte == b'.') {
        Some(point) => {
            let fraction = &unsigned[point + 1..];
            if fraction.is_empty() {
                return None;
            }
            (&unsigned[..point], fraction)
        }
        None => (unsigned, &[][..]),
    };
    if !is_short(integer)
        || fraction.len() > MAX_DECIMAL_SCALE
        || integer.len() + fraction.len() > MAX_DIGITS
    {
        return None;
    }
    let mut value = digits(integer)? as i64;
    if !fraction.is_empty() {
        value = value * POWERS_OF_TEN[fraction.len()] + digits(fraction)? as i64;
    }
    match sign {
        None => TermId::from_signed(DECIMALS[fraction.len()], value),
        Some(b'+') => TermId::from_signed(PLUS_DECIMALS[fraction.len()], value),
        Some(_) if value == 0 => None,
        Some(_) => TermId::from_signed(DECIMALS[fraction.len()], -value),
    }
}

const POWERS_OF_TEN: [i64; MAX_DECIMAL_SCALE + 1] =
    [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000];

/// The lexical form of a decimal; `None` for a negative number under a plus sign.
pub(super) fn decode_decimal(tag: Tag, id: TermId) -> Option<String> {
    let plus = tag >= Tag::PlusDecimal0;
    let scale = usize::from(
        tag.byte()
            - if plus {
                Tag::PlusDecimal0
            } else {
                Tag::Decimal0
            }
            .byte(),
    );
    let value = id.signed_payload();
    if plus && value < 0 {
        return None;
    }
    let mut text = String::with_capacity(24);
    if plus {
        text.push('+');
    } else if value < 0 {
        text.push('-');
    }
    let power = *POWERS_OF_TEN.get(scale)? as u64;
    push_number(&mut text, value.unsigned_abs() / power, 1);
    if scale > 0 {
        text.push('.');
        push_number(&mut text, value.unsigned_abs() % power, scale);
    }
    Some(text)
}

/// Appends a number with at least `width` digits.
pub(super) fn push_number(text: &mut String, mut number: u64, width: usize) {
    let mut buffer = [b'0'; 20];
    let mut start = buffer.len();
    while number > 0 {
        start -= 1;
        buffer[start] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    start = start.min(buffer.len() - width.min(buffer.len()));
    text.extend(buffer[start..].iter().map(|digit| char::from(*digit)));
}
