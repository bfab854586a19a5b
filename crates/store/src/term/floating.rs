//! Floating-point literals inside ids: the decimal digits as written, in a payload that sorts by value.
//! Payload: 7 bits for sign and exponent, 44 for 13 significant digits (complemented when negative), 5 for the form.
//! Decimals of so few digits never round to the same number, so the order of ids is the order of values.

use super::number::{digits, is_short, push_number};

/// How many significant digits fit.
const DIGITS: usize = 13;
/// The least significand that is not zero, and one more than the greatest.
const SIGNIFICAND_MIN: u64 = 1_000_000_000_000;
const SIGNIFICAND_END: u64 = 10_000_000_000_000;
/// The exponents of the first digit that fit.
const EXPONENT_MIN: i64 = -31;
const EXPONENT_MAX: i64 = 30;

const SIGNIFICAND_SHIFT: u32 = 5;
const RANK_SHIFT: u32 = 49;
/// The ranks (sign and exponent together): −∞, 62 negative exponents, zero, 62 positive ones, ∞ and not-a-number.
const RANK_MINUS_INFINITY: u64 = 0;
const RANK_ZERO: u64 = 64;
const RANK_INFINITY: u64 = 127;

/// How the number is written: below this, without an exponent and with so many digits after the point.
const FORM_EXPONENT: u64 = 16;
/// Bits of an exponent's form: a small `e`, and a single digit without a point.
const FORM_SMALL: u64 = 1;
const FORM_NO_POINT: u64 = 2;

/// A number taken apart.
struct Parts {
    negative: bool,
    /// 0, or 13 digits of which the first is not 0.
    significand: u64,
    /// The power of ten that the first digit stands for.
    exponent: i64,
    form: u64,
}

/// The payload of a floating-point number of at most `max_digits` (≤ 13) significant digits; `None` when the text would not come back.
pub(super) fn encode_floating(text: &str, max_digits: usize) -> Option<u64> {
    match text {
        "INF" => return Some(RANK_INFINITY << RANK_SHIFT),
        "NaN" => return Some(RANK_INFINITY << RANK_SHIFT | 1 << SIGNIFICAND_SHIFT),
        "-INF" => return Some(RANK_MINUS_INFINITY << RANK_SHIFT),
        _ => (),
    }
    let text = text.as_bytes();
    let (negative, unsigned) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    let parts = match unsigned.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(mark) => parse_exponent(negative, unsigned, mark, max_digits)?,
        None => parse_plain(negative, unsigned, max_digits)?,
    };
    parts.payload()
}

/// Splits a mantissa at its point; a point must have digits after it.
fn split_point(mantissa: &[u8]) -> Option<(&[u8], &[u8])> {
    match mantissa.iter().position(|byte| *byte == b'.') {
        Some(point) if point + 1 < mantissa.len() => {
            Some((&mantissa[..point], &mantissa[point + 1..]))
        }
        Some(_) => None,
        None => Some((mantissa, &[])),
    }
}

/// The significand of a run of digits that does not begin with 0.
fn significand(run: impl Iterator<Item = u8>, max_digits: usize) -> Option<u64> {
    let (mut value, mut count, mut zeros) = (0_u64, 0, 0);
    for byte in run {
        match byte {
            b'0' => zeros += 1,
            b'1'..=b'9' => {
                count += zeros + 1;
                if count > max_digits {
                    return None;
                }
                value = value * 10_u64.pow(zeros as u32 + 1) + u64::from(byte - b'0');
                zeros = 0;
            }
            _ => return None,
        }
    }
    Some(value * 10_u64.pow((DIGITS - count) as u32))
}

fn parse_plain(negative: bool, unsigned: &[u8], max_digits: usize) -> Option<Parts> {
    let (integer, fraction) = split_point(unsigned)?;
    if !is_short(integer) || fraction.len() >= FORM_EXPONENT as usize {
        return None;
    }
    let form = fraction.len() as u64;
    let run = integer.iter().chain(fraction).copied();
    let Some(first) = run.clone().position(|byte| byte != b'0') else {
        return (!negative).then_some(Parts {
            negative,
            significand: 0,
            exponent: 0,
            form,
        });
    };
    let significand = significand(run.skip(first), max_digits)?;
    Some(Parts {
        negative,
        significand,
        exponent: integer.len() as i64 - 1 - first as i64,
        form,
    })
}

fn parse_exponent(
    negative: bool,
    unsigned: &[u8],
    mark: usize,
    max_digits: usize,
) -> Option<Parts> {
    let (integer, fraction) = split_point(&unsigned[..mark])?;
    let exponent = match unsigned[mark + 1..].split_first()? {
        (b'-', rest) if is_short(rest) && rest != b"0" => -(digits(rest)? as i64),
        _ if is_short(&unsigned[mark + 1..]) => digits(&unsigned[mark + 1..])? as i64,
        _ => return None,
    };
    let zero = integer == b"0";
    // One digit before the point; after it no trailing zeros, but for a lone one.
    if integer.len() != 1
        || (zero && (negative || exponent != 0 || !matches!(fraction, b"" | b"0")))
    {
        return None;
    }
    if fraction.len() > 1 && fraction.last() == Some(&b'0') {
        return None;
    }
    let form = FORM_EXPONENT
        | if unsigned[mark] == b'e' {
            FORM_SMALL
        } else {
            0
        }
        | if fraction.is_empty() {
            FORM_NO_POINT
        } else {
            0
        };
    let significand = if zero {
        0
    } else {
        significand(integer.iter().chain(fraction).copied(), max_digits)?
    };
    Some(Parts {
        negative,
        significand,
        exponent,
        form,
    })
}

impl Parts {
    fn payload(&self) -> Option<u64> {
        if self.significand == 0 {
            return Some(RANK_ZERO << RANK_SHIFT | self.form);
        }
        if !(EXPONENT_MIN..=EXPONENT_MAX).contains(&self.exponent) {
            return None;
        }
        let magnitude = (self.exponent - EXPONENT_MIN) as u64 + 1;
        let (rank, significand) = if self.negative {
            (RANK_ZERO - magnitude, SIGNIFICAND_END - self.significand)
        } else {
            (RANK_ZERO + magnitude, self.significand)
        };
        Some(rank << RANK_SHIFT | significand << SIGNIFICAND_SHIFT | self.form)
    }

    fn from_payload(payload: u64) -> Option<Self> {
        let rank = payload >> RANK_SHIFT;
        let stored = payload >> SIGNIFICAND_SHIFT & ((1 << (RANK_SHIFT - SIGNIFICAND_SHIFT)) - 1);
        let form = payload & ((1 << SIGNIFICAND_SHIFT) - 1);
        let negative = rank < RANK_ZERO;
        if rank == RANK_ZERO {
            return (stored == 0).then_some(Self {
                negative,
                significand: 0,
                exponent: 0,
                form,
            });
        }
        let significand = if negative {
            SIGNIFICAND_END.checked_sub(stored)?
        } else {
            stored
        };
        let exponent = rank.abs_diff(RANK_ZERO) as i64 - 1 + EXPONENT_MIN;
        let fits = (SIGNIFICAND_MIN..SIGNIFICAND_END).contains(&significand)
            && (EXPONENT_MIN..=EXPONENT_MAX).contains(&exponent);
        fits.then_some(Self {
            negative,
            significand,
            exponent,
            form,
        })
    }
}

/// The powers of ten that a double has exactly.
const DOUBLE_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];
/// The powers of ten that a float has exactly.
const FLOAT_POWERS: [f32; 11] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10];

/// A special value, by its payload.
fn special(payload: u64) -> Option<f64> {
    const INFINITY: u64 = RANK_INFINITY << RANK_SHIFT;
    match payload {
        RANK_MINUS_INFINITY => Some(f64::NEG_INFINITY),
        INFINITY => Some(f64::INFINITY),
        _ if payload > INFINITY => Some(f64::NAN),
        _ => None,
    }
}

/// The significand without trailing zeros, and the power of ten that its last digit stands for.
fn shortened(parts: &Parts) -> (u64, i64) {
    let (mut significand, mut power) = (parts.significand, parts.exponent - DIGITS as i64 + 1);
    while significand != 0 && significand.is_multiple_of(10) {
        significand /= 10;
        power += 1;
    }
    (significand, power)
}

/// The double that a payload means: one rounding of the decimal digits, as parsing them does.
#[inline]
pub(super) fn double_of(payload: u64) -> Option<f64> {
    if let Some(special) = special(payload) {
        return Some(special);
    }
    let parts = Parts::from_payload(payload)?;
    let (significand, power) = shortened(&parts);
    // Both operands are exact, so that the one operation rounds as the text would.
    let magnitude = match DOUBLE_POWERS.get(power.unsigned_abs() as usize) {
        None => return decode_floating(payload, DIGITS)?.parse().ok(),
        Some(scale) if power < 0 => significand as f64 / scale,
        Some(scale) => significand as f64 * scale,
    };
    Some(if parts.negative {
        -magnitude
    } else {
        magnitude
    })
}

/// The float that a payload means, of at most six digits.
#[inline]
pub(super) fn float_of(payload: u64) -> Option<f32> {
    if let Some(special) = special(payload) {
        return Some(special as f32);
    }
    let parts = Parts::from_payload(payload)?;
    let (significand, power) = shortened(&parts);
    let magnitude = match FLOAT_POWERS.get(power.unsigned_abs() as usize) {
        None => return decode_floating(payload, DIGITS)?.parse().ok(),
        Some(scale) if power < 0 => significand as f32 / scale,
        Some(scale) => significand as f32 * scale,
    };
    Some(if parts.negative {
        -magnitude
    } else {
        magnitude
    })
}

/// A payload that no number above or equal to `value` lies below, but for not-a-number.
pub(super) fn floating_payload_down(value: f64) -> u64 {
    payload_near(value, false)
}

/// A payload that no number below or equal to `value` lies above.
pub(super) fn floating_payload_up(value: f64) -> u64 {
    payload_near(value, true)
}

/// The payload of the next number of 13 digits, at or above the value or at or below it; of its least or greatest form.
fn payload_near(value: f64, up: bool) -> u64 {
    const FORMS: u64 = (1 << SIGNIFICAND_SHIFT) - 1;
    let form = if up { FORMS } else { 0 };
    let zero = RANK_ZERO << RANK_SHIFT | form;
    if value == 0.0 || value.is_nan() {
        return zero;
    }
    if value.is_infinite() {
        return if value > 0.0 {
            RANK_INFINITY << RANK_SHIFT
        } else {
            0
        };
    }
    let negative = value < 0.0;
    let text = format!("{:.*e}", DIGITS - 1, value.abs());
    let rounded = text.parse().unwrap_or(value.abs());
    let Some((mut significand, mut exponent)) = split_scientific(&text) else {
        return if up { RANK_INFINITY << RANK_SHIFT } else { 0 };
    };
    // Which way the magnitude has to go, if rounding took it the wrong way.
    if up != negative && rounded < value.abs() {
        significand += 1;
    } else if up == negative && rounded > value.abs() {
        significand -= 1;
    }
    if significand == SIGNIFICAND_END {
        (significand, exponent) = (SIGNIFICAND_MIN, exponent + 1);
    } else if significand < SIGNIFICAND_MIN {
        (significand, exponent) = (SIGNIFICAND_END - 1, exponent - 1);
    }
    let parts = Parts {
        negative,
        significand,
        exponent,
        form,
    };
    parts
        .payload()
        .unwrap_or(match (exponent < EXPONENT_MIN, negative, up) {
            // Nothing is inlined between the smallest numbers and zero, nor between the largest and infinity.
            (true, false, _) | (true, true, false) => zero,
            (true, true, true) => (RANK_ZERO << RANK_SHIFT) - 1,
            (false, false, false) => RANK_INFINITY << RANK_SHIFT,
            (false, false, true) => (RANK_INFINITY << RANK_SHIFT) - 1,
            (false, true, false) => 1,
            (false, true, true) => 0,
        })
}

/// The significand and the exponent of 13 digits in scientific notation.
fn split_scientific(text: &str) -> Option<(u64, i64)> {
    let (mantissa, exponent) = text.split_once('e')?;
    let (integer, fraction) = split_point(mantissa.as_bytes())?;
    let significand = digits(integer)? * SIGNIFICAND_MIN + digits(fraction)?;
    Some((significand, exponent.parse().ok()?))
}

/// The text of a payload; `None` when [`encode_floating`] never makes such a payload.
pub(super) fn decode_floating(payload: u64, max_digits: usize) -> Option<String> {
    const INFINITY: u64 = RANK_INFINITY << RANK_SHIFT;
    const NOT_A_NUMBER: u64 = INFINITY | 1 << SIGNIFICAND_SHIFT;
    match payload {
        RANK_MINUS_INFINITY => return Some("-INF".to_owned()),
        INFINITY => return Some("INF".to_owned()),
        NOT_A_NUMBER => return Some("NaN".to_owned()),
        _ => (),
    }
    let parts = Parts::from_payload(payload)?;
    let mut digits = String::with_capacity(20);
    push_number(&mut digits, parts.significand, 1);
    let digits = match digits.trim_end_matches('0') {
        "" => "0",
        significant => significant,
    };
    if digits.len() > max_digits {
        return None;
    }
    let mut text = String::with_capacity(24);
    if parts.negative {
        text.push('-');
    }
    if parts.form >= FORM_EXPONENT {
        write_exponent(&mut text, &parts, digits)?;
    } else {
        write_plain(&mut text, &parts, digits)?;
    }
    Some(text)
}

fn write_exponent(text: &mut String, parts: &Parts, digits: &str) -> Option<()> {
    let (first, rest) = digits.split_at_checked(1)?;
    text.push_str(first);
    match parts.form & !FORM_SMALL {
        FORM_EXPONENT => {
            text.push('.');
            text.push_str(if rest.is_empty() { "0" } else { rest });
        }
        form if form == FORM_EXPONENT | FORM_NO_POINT && rest.is_empty() => (),
        _ => return None,
    }
    text.push(if parts.form & FORM_SMALL != 0 {
        'e'
    } else {
        'E'
    });
    if parts.exponent < 0 {
        text.push('-');
    }
    push_number(text, parts.exponent.unsigned_abs(), 1);
    Some(())
}

fn write_plain(text: &mut String, parts: &Parts, digits: &str) -> Option<()> {
    let scale = parts.form as usize;
    let integer_digits = usize::try_from(parts.exponent + 1).unwrap_or(0);
    let (integer, rest) = digits.split_at(integer_digits.min(digits.len()));
    let leading_zeros = if digits == "0" {
        0
    } else {
        usize::try_from(-1 - parts.exponent).unwrap_or(0)
    };
    if leading_zeros + rest.len() > scale {
        return None;
    }
    text.push_str(if integer.is_empty() { "0" } else { integer });
    push_zeros(text, integer_digits.saturating_sub(digits.len()));
    if scale > 0 {
        text.push('.');
        push_zeros(text, leading_zeros);
        text.push_str(rest);
        push_zeros(text, scale - leading_zeros - rest.len());
    }
    Some(())
}

fn push_zeros(text: &mut String, count: usize) {
    text.extend(std::iter::repeat_n('0', count));
}
