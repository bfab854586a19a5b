//! Which terms live inside their id: the dispatch over term sorts and datatypes, both ways.
//! [`classify`] and [`TermId::decode_inline`] are exact inverses: an id decodes to the very term it was made of. Only blank
//! nodes with large numbers are not found here, and are for those to tell who know what the store has given:
//! [`serial_blank_of_bytes`].

use super::floating::{decode_floating, encode_floating};
use super::id::TermId;
use super::number::{decode_decimal, decode_integer, encode_decimal, encode_integer};
use super::tag::Tag;
use super::temporal;
use oxrdf::vocab::xsd;
use oxrdf::{BlankNode, Literal, LiteralRef, NamedNodeRef, Term, TermRef};

/// Labels of serial blank nodes: this prefix and 14 hexadecimal digits, small letters, zeros kept.
pub(crate) const SERIAL_BLANK_PREFIX: &str = "qb";
const SERIAL_BLANK_DIGITS: usize = 14;

/// The serial blank nodes below this number are inlined whoever wrote their labels, and the store goes on behind them. A
/// label of a larger number is inlined only once the store has given that number; until then it is a label like any other,
/// which the dictionary keeps. So no label uses up the numbers that the store can give.
pub(crate) const SERIAL_BLANK_FREE: u64 = 1 << 40;

/// The most significant digits of a float that two numbers never share.
const FLOAT_DIGITS: usize = 6;
/// The most significant digits of a double that fit.
const DOUBLE_DIGITS: usize = 13;

/// Longer strings are never inlined.
const SHORT_STRING_MAX: usize = 7;
/// Shorter strings keep their length in the last byte, which therefore cannot be one of a full one's that is so small.
const LENGTH_BYTE_MAX: u8 = 6;

/// Where a term's id comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TermClass {
    /// The id says everything.
    Inline(TermId),
    /// The dictionary numbers the terms of this tag. Triple terms are among them.
    Dictionary(Tag),
}

/// Where the id of a term comes from: the one function that the encoding of every term begins with.
#[inline]
pub(crate) fn classify(term: TermRef<'_>) -> TermClass {
    match term {
        TermRef::NamedNode(_) => TermClass::Dictionary(Tag::Iri),
        TermRef::BlankNode(node) => match serial_number(node.as_str().as_bytes()) {
            Some(number) if number < SERIAL_BLANK_FREE => {
                TermClass::Inline(TermId::from_parts(Tag::SerialBlank, number))
            }
            _ => TermClass::Dictionary(Tag::LabelledBlank),
        },
        TermRef::Literal(literal) => classify_literal(literal),
        TermRef::Triple(_) => TermClass::Dictionary(Tag::TripleTerm),
    }
}

/// What an XML Schema datatype's literals are tried as, and where the dictionary keeps the others.
#[derive(Clone, Copy)]
enum Codec {
    Integer(Tag),
    Decimal,
    Double,
    Float,
    Boolean,
    Date,
    DateTime,
    Year,
    YearMonth,
    /// Never inlined.
    Temporal,
}

/// The codec of a local name in the XML Schema namespace.
#[inline]
fn codec(local_name: &str) -> Option<Codec> {
    Some(match local_name {
        "integer" => Codec::Integer(Tag::Integer),
        "decimal" => Codec::Decimal,
        "double" => Codec::Double,
        "float" => Codec::Float,
        "boolean" => Codec::Boolean,
        "date" => Codec::Date,
        "dateTime" => Codec::DateTime,
        "gYear" => Codec::Year,
        "gYearMonth" => Codec::YearMonth,
        "long" => Codec::Integer(Tag::Long),
        "int" => Codec::Integer(Tag::Int),
        "short" => Codec::Integer(Tag::Short),
        "byte" => Codec::Integer(Tag::Byte),
        "nonNegativeInteger" => Codec::Integer(Tag::NonNegativeInteger),
        "positiveInteger" => Codec::Integer(Tag::PositiveInteger),
        "nonPositiveInteger" => Codec::Integer(Tag::NonPositiveInteger),
        "negativeInteger" => Codec::Integer(Tag::NegativeInteger),
        "unsignedLong" => Codec::Integer(Tag::UnsignedLong),
        "unsignedInt" => Codec::Integer(Tag::UnsignedInt),
        "unsignedShort" => Codec::Integer(Tag::UnsignedShort),
        "unsignedByte" => Codec::Integer(Tag::UnsignedByte),
        "time" | "gDay" | "gMonth" | "gMonthDay" | "dateTimeStamp" | "duration"
        | "dayTimeDuration" | "yearMonthDuration" => Codec::Temporal,
        _ => return None,
    })
}

const XML_SCHEMA: &str = "http://www.w3.org/2001/XMLSchema#";

#[inline]
fn classify_literal(literal: LiteralRef<'_>) -> TermClass {
    if literal.language().is_some() {
        return TermClass::Dictionary(Tag::LanguageString);
    }
    let Some(local_name) = literal.datatype().as_str().strip_prefix(XML_SCHEMA) else {
        return TermClass::Dictionary(Tag::OtherLiteral);
    };
    let value = literal.value();
    if local_name == "string" {
        return short_string(value).map_or(TermClass::Dictionary(Tag::String), TermClass::Inline);
    }
    let Some(codec) = codec(local_name) else {
        return TermClass::Dictionary(Tag::OtherLiteral);
    };
    codec.encode(value).map_or(
        TermClass::Dictionary(codec.dictionary_tag()),
        TermClass::Inline,
    )
}

impl Codec {
    #[inline]
    fn encode(self, value: &str) -> Option<TermId> {
        match self {
            Self::Integer(tag) => encode_integer(tag, value),
            Self::Decimal => encode_decimal(value),
            Self::Double => encode_floating(value, DOUBLE_DIGITS)
                .map(|payload| TermId::from_parts(Tag::Double, payload)),
            Self::Float => encode_floating(value, FLOAT_DIGITS)
                .map(|payload| TermId::from_parts(Tag::Float, payload)),
            Self::Boolean => BOOLEANS
                .iter()
                .position(|form| *form == value)
                .map(|payload| TermId::from_parts(Tag::Boolean, payload as u64)),
            Self::Date => temporal::encode_date(value),
            Self::DateTime => temporal::encode_date_time(value),
            Self::Year => temporal::encode_year(value),
            Self::YearMonth => temporal::encode_year_month(value),
            Self::Temporal => None,
        }
    }

    fn dictionary_tag(self) -> Tag {
        match self {
            Self::Integer(_) | Self::Decimal | Self::Double | Self::Float => Tag::Number,
            Self::Boolean => Tag::OtherLiteral,
            Self::Date | Self::DateTime | Self::Year | Self::YearMonth | Self::Temporal => {
                Tag::Temporal
            }
        }
    }
}

/// The forms of `xsd:boolean`, by value.
const BOOLEANS: [&str; 4] = ["false", "0", "true", "1"];

#[inline]
fn short_string(value: &str) -> Option<TermId> {
    let text = value.as_bytes();
    if text.len() > SHORT_STRING_MAX {
        return None;
    }
    let mut bytes = [0; 8];
    bytes[1..=text.len()].copy_from_slice(text);
    if text.len() < SHORT_STRING_MAX {
        bytes[SHORT_STRING_MAX] = text.len() as u8;
    } else if bytes[SHORT_STRING_MAX] <= LENGTH_BYTE_MAX {
        return None;
    }
    Some(TermId::from_parts(
        Tag::ShortString,
        u64::from_be_bytes(bytes),
    ))
}

fn decode_short_string(id: TermId) -> Option<String> {
    let bytes = id.payload().to_be_bytes();
    let length = match bytes[SHORT_STRING_MAX] {
        length @ 0..=LENGTH_BYTE_MAX => usize::from(length),
        _ => SHORT_STRING_MAX,
    };
    let (text, padding) = bytes[1..].split_at(length);
    let is_padded = padding
        .split_last()
        .is_none_or(|(_, zeros)| zeros.iter().all(|byte| *byte == 0));
    is_padded.then(|| std::str::from_utf8(text).ok().map(str::to_owned))?
}

/// The n-th blank node that the store names itself; n < 2^56, higher bits are dropped.
pub(crate) fn serial_blank(n: u64) -> BlankNode {
    const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";
    let mut label = String::with_capacity(SERIAL_BLANK_PREFIX.len() + SERIAL_BLANK_DIGITS);
    label.push_str(SERIAL_BLANK_PREFIX);
    label.extend(
        (0..SERIAL_BLANK_DIGITS)
            .rev()
            .map(|digit| char::from(HEXADECIMAL[(n >> (4 * digit) & 0xf) as usize])),
    );
    BlankNode::new_unchecked(label)
}

/// The id that a term has which the dictionary does not hold, if the store has given it: that of a blank node with a large
/// number. Whether the store has is for the caller to see.
#[inline]
pub(crate) fn serial_blank_of_bytes(tag: Tag, bytes: &[u8]) -> Option<TermId> {
    match tag {
        Tag::LabelledBlank => {
            serial_number(bytes).map(|number| TermId::from_parts(Tag::SerialBlank, number))
        }
        _ => None,
    }
}

/// The number of a serial blank node's label.
#[inline]
fn serial_number(label: &[u8]) -> Option<u64> {
    let digits = label.strip_prefix(SERIAL_BLANK_PREFIX.as_bytes())?;
    if digits.len() != SERIAL_BLANK_DIGITS {
        return None;
    }
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u64::from(value))
    })
}

impl TermId {
    /// The term of an id whose payload says everything; `None` for all other ids,
    /// and for payloads that no term has (the id is then damaged, see [`is_inlined`](Self::is_inlined)).
    #[must_use]
    pub fn decode_inline(self) -> Option<Term> {
        let (value, datatype) = self.decode_literal()?;
        Some(match datatype {
            None => serial_blank(self.payload()).into(),
            Some(xsd::STRING) => Literal::new_simple_literal(value).into(),
            Some(datatype) => Literal::new_typed_literal(value, datatype).into(),
        })
    }

    /// The lexical form and the datatype of an inlined literal; an empty form and no datatype for a blank node.
    fn decode_literal(self) -> Option<(String, Option<NamedNodeRef<'static>>)> {
        let tag = self.tag()?;
        let (value, datatype) = match tag {
            Tag::SerialBlank => return Some((String::new(), None)),
            Tag::ShortString => (decode_short_string(self)?, xsd::STRING),
            Tag::Boolean => (
                BOOLEANS
                    .get(usize::try_from(self.payload()).ok()?)?
                    .to_string(),
                xsd::BOOLEAN,
            ),
            Tag::Double => (decode_floating(self.payload(), DOUBLE_DIGITS)?, xsd::DOUBLE),
            Tag::Float => (decode_floating(self.payload(), FLOAT_DIGITS)?, xsd::FLOAT),
            Tag::Date => (temporal::decode_date(self)?, xsd::DATE),
            Tag::ZonedDate => (temporal::decode_zoned_date(self)?, xsd::DATE),
            Tag::DateTime | Tag::UtcDateTime => (temporal::decode_seconds(self)?, xsd::DATE_TIME),
            Tag::MillisecondDateTime => (temporal::decode_milliseconds(self)?, xsd::DATE_TIME),
            Tag::MicrosecondDateTime => (temporal::decode_microseconds(self)?, xsd::DATE_TIME),
            Tag::Year => (temporal::decode_year(self)?, xsd::G_YEAR),
            Tag::YearMonth => (temporal::decode_year_month(self)?, xsd::G_YEAR_MONTH),
            _ if (Tag::Decimal0..=Tag::PlusDecimal7).contains(&tag) => {
                (decode_decimal(tag, self)?, xsd::DECIMAL)
            }
            _ => (decode_integer(tag, self)?, integer_datatype(tag)?),
        };
        Some((value, Some(datatype)))
    }
}

fn integer_datatype(tag: Tag) -> Option<NamedNodeRef<'static>> {
    Some(match tag {
        Tag::Integer => xsd::INTEGER,
        Tag::Long => xsd::LONG,
        Tag::Int => xsd::INT,
        Tag::Short => xsd::SHORT,
        Tag::Byte => xsd::BYTE,
        Tag::NonNegativeInteger => xsd::NON_NEGATIVE_INTEGER,
        Tag::PositiveInteger => xsd::POSITIVE_INTEGER,
        Tag::NonPositiveInteger => xsd::NON_POSITIVE_INTEGER,
        Tag::NegativeInteger => xsd::NEGATIVE_INTEGER,
        Tag::UnsignedLong => xsd::UNSIGNED_LONG,
        Tag::UnsignedInt => xsd::UNSIGNED_INT,
        Tag::UnsignedShort => xsd::UNSIGNED_SHORT,
        Tag::UnsignedByte => xsd::UNSIGNED_BYTE,
        _ => return None,
    })
}
