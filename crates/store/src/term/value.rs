//! What ids tell by themselves of the values of inlined terms: numbers, and which ids hold the values between two.
//!
//! In flow ids and values, out flow numbers and ranges of ids. What always holds: a number is the value of the id's lexical
//! form, rounded as parsing it rounds; a range holds every id of its tag whose value lies between the two that were given,
//! and none far from them.

use super::floating::{double_of, float_of, floating_payload_down, floating_payload_up};
use super::id::{PAYLOAD_MAX, TermId};
use super::tag::Tag;
use super::temporal::{instant_payloads, local_time};

/// How far a float is at most from the digits that it was read from, as a part of it: with some room.
const FLOAT_SLACK: f64 = 1e-6;

/// The number that an inlined term of a numeric datatype means.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub enum InlinedNumber {
    /// Of `xsd:integer` or a type derived from it.
    Integer(i64),
    /// Of `xsd:decimal`: so many units, of which ten to the power of the scale are one.
    Decimal {
        /// The digits, as a number.
        units: i64,
        /// How many of the digits stand behind the point.
        scale: u32,
    },
    /// Of `xsd:float`.
    Float(f32),
    /// Of `xsd:double`.
    Double(f64),
}

/// What an inlined `xsd:date` or `xsd:dateTime` writes: local time, whatever its zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct InlinedDate {
    /// The year; there is a year 0.
    pub year: i64,
    /// The month, from 1.
    pub month: u8,
    /// The day of the month, from 1.
    pub day: u8,
    /// Hours and minutes, of `xsd:dateTime`.
    pub time: Option<(u8, u8)>,
}

impl TermId {
    /// The local date that the id means; `None` for ids of all other terms, also where the dictionary has the date.
    #[must_use]
    pub fn date(self) -> Option<InlinedDate> {
        let (date, second) = local_time(self)?;
        Some(InlinedDate {
            year: date.year,
            month: date.month as u8,
            day: date.day as u8,
            time: second.map(|second| ((second / 3600) as u8, (second / 60 % 60) as u8)),
        })
    }

    /// The number that the id means; `None` for ids of all other terms, also where the dictionary has the number.
    #[must_use]
    #[inline]
    pub fn number(self) -> Option<InlinedNumber> {
        let tag = self.tag()?;
        match tag {
            Tag::Double => double_of(self.payload()).map(InlinedNumber::Double),
            Tag::Float => float_of(self.payload()).map(InlinedNumber::Float),
            _ if (Tag::Integer..=Tag::UnsignedByte).contains(&tag) => {
                Some(InlinedNumber::Integer(self.signed_payload()))
            }
            _ => tag.decimal_scale().map(|scale| InlinedNumber::Decimal {
                units: self.signed_payload(),
                scale,
            }),
        }
    }

    /// The id of an `xsd:integer` in its canonical form; `None` where it does not fit into an id.
    #[must_use]
    #[inline]
    pub fn of_integer(value: i64) -> Option<Self> {
        Self::from_signed(Tag::Integer, value)
    }

    /// The id of `true` or `false`, the canonical forms of `xsd:boolean`.
    #[must_use]
    #[inline]
    pub const fn of_boolean(value: bool) -> Self {
        Self::from_parts(Tag::Boolean, if value { 2 } else { 0 })
    }

    /// The first and the last id that the integers, decimals, years or months from `low` to `high` can have under a tag, in
    /// the units of the tag; `None` where there are none, and for tags of other values.
    ///
    /// ```
    /// use quadrille_store::{Tag, TermId};
    ///
    /// // From 1.5 to 2.5, with two digits behind the point.
    /// let (low, high) = TermId::unit_range(Tag::Decimal2, 150, 250).unwrap();
    /// assert!(low < high);
    /// ```
    #[must_use]
    pub fn unit_range(tag: Tag, low: i128, high: i128) -> Option<(Self, Self)> {
        let is_signed = (Tag::Integer..=Tag::UnsignedByte).contains(&tag)
            || tag.decimal_scale().is_some()
            || matches!(tag, Tag::Year | Tag::YearMonth);
        let bias = i128::from(PAYLOAD_MAX / 2 + 1);
        let low = u64::try_from(low.saturating_add(bias).max(0)).ok()?;
        let high = high.saturating_add(bias).min(PAYLOAD_MAX.into());
        let high = u64::try_from(high).ok()?;
        (is_signed && low <= high)
            .then(|| (Self::from_parts(tag, low), Self::from_parts(tag, high)))
    }

    /// The first and the last id that the floating-point numbers from `low` to `high` can have under [`Tag::Double`] or
    /// [`Tag::Float`]; `None` where there are none, and for other tags. Not-a-number is never among them.
    #[must_use]
    pub fn floating_range(tag: Tag, low: f64, high: f64) -> Option<(Self, Self)> {
        if !matches!(tag, Tag::Double | Tag::Float) || low.is_nan() || high.is_nan() {
            return None;
        }
        // A float is not the number that its digits write, but one near it.
        let slack = |value: f64| match tag {
            Tag::Float if value.is_finite() => value.abs() * FLOAT_SLACK,
            _ => 0.0,
        };
        let low = floating_payload_down(low - slack(low));
        let high = floating_payload_up(high + slack(high));
        (low <= high).then(|| (Self::from_parts(tag, low), Self::from_parts(tag, high)))
    }

    /// The first and the last id that the dates or times from `low` to `high` can have under a tag of `xsd:date` or
    /// `xsd:dateTime`, in seconds since 1970, those without a zone as if they were of UTC; `None` where there are none, and
    /// for other tags.
    #[must_use]
    pub fn instant_range(tag: Tag, low: i64, high: i64) -> Option<(Self, Self)> {
        let (low, high) = instant_payloads(tag, low, high)?;
        (low <= high).then(|| (Self::from_parts(tag, low), Self::from_parts(tag, high)))
    }
}

impl Tag {
    /// How many digits behind the point the decimals of a tag have; `None` for tags of other terms.
    #[must_use]
    #[inline]
    pub fn decimal_scale(self) -> Option<u32> {
        (Self::Decimal0..=Self::PlusDecimal7)
            .contains(&self)
            .then(|| u32::from(self.byte() - Self::Decimal0.byte()) % 8)
    }
}
