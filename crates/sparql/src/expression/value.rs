//! The values that expressions compute with.
//!
//! What flows in: terms. What flows out: values, compared and combined by the operators of SPARQL (section 17.3), and terms
//! again. What always holds: a literal whose lexical form its datatype does not allow is a value of no known type.

use oxrdf::vocab::xsd;
use oxrdf::{
    BaseDirection, BlankNode, Literal, NamedNode, NamedNodeRef, NamedOrBlankNode, Term, Triple,
};
use oxsdatatypes::{
    Boolean, Date, DateTime, DayTimeDuration, Decimal, Double, Duration, Float, GDay, GMonth,
    GMonthDay, GYear, GYearMonth, Integer, Time, YearMonthDuration,
};
use std::cmp::Ordering;
use std::mem::discriminant;
use std::str::FromStr;

/// What stands between a language tag and a base direction.
pub(super) const DIRECTION: &str = "--";

/// A value of a row or of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Iri(String),
    BlankNode(String),
    String(String),
    /// With a language tag, to which a base direction is added behind [`DIRECTION`].
    Tagged(String, String),
    Boolean(bool),
    Integer(Integer),
    Decimal(Decimal),
    Float(Float),
    Double(Double),
    Temporal(Temporal),
    /// A literal of another datatype, or of an invalid lexical form.
    Other(Literal),
    Triple(Box<Triple>),
}

impl Value {
    /// About how many bytes of text it holds.
    pub(super) fn text_bytes(&self) -> usize {
        match self {
            Self::Iri(text) | Self::BlankNode(text) | Self::String(text) => text.len(),
            Self::Tagged(text, tag) => text.len() + tag.len(),
            Self::Other(literal) => literal.value().len(),
            // Its terms may be long; it is counted as if they were.
            Self::Triple(_) => TRIPLE_TEXT,
            _ => 0,
        }
    }
}

/// What a triple term is counted as, in bytes of text.
const TRIPLE_TEXT: usize = 1024;

/// Dates, times and durations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Temporal {
    DateTime(DateTime),
    Date(Date),
    Time(Time),
    Year(GYear),
    YearMonth(GYearMonth),
    Month(GMonth),
    MonthDay(GMonthDay),
    Day(GDay),
    Duration(Duration),
    YearMonthDuration(YearMonthDuration),
    DayTimeDuration(DayTimeDuration),
}

impl Temporal {
    /// The value of a lexical form, if the datatype is one of these.
    pub(super) fn parse(datatype: NamedNodeRef<'_>, form: &str) -> Option<Self> {
        fn of<T: FromStr>(form: &str, make: impl Fn(T) -> Temporal) -> Option<Temporal> {
            form.parse().ok().map(make)
        }
        match datatype {
            xsd::DATE_TIME | xsd::DATE_TIME_STAMP => of(form, Self::DateTime),
            xsd::DATE => of(form, Self::Date),
            xsd::TIME => of(form, Self::Time),
            xsd::G_YEAR => of(form, Self::Year),
            xsd::G_YEAR_MONTH => of(form, Self::YearMonth),
            xsd::G_MONTH => of(form, Self::Month),
            xsd::G_MONTH_DAY => of(form, Self::MonthDay),
            xsd::G_DAY => of(form, Self::Day),
            xsd::DURATION => of(form, Self::Duration),
            xsd::YEAR_MONTH_DURATION => of(form, Self::YearMonthDuration),
            xsd::DAY_TIME_DURATION => of(form, Self::DayTimeDuration),
            _ => None,
        }
    }

    fn literal(self) -> Literal {
        let (form, datatype) = match self {
            Self::DateTime(value) => (value.to_string(), xsd::DATE_TIME),
            Self::Date(value) => (value.to_string(), xsd::DATE),
            Self::Time(value) => (value.to_string(), xsd::TIME),
            Self::Year(value) => (value.to_string(), xsd::G_YEAR),
            Self::YearMonth(value) => (value.to_string(), xsd::G_YEAR_MONTH),
            Self::Month(value) => (value.to_string(), xsd::G_MONTH),
            Self::MonthDay(value) => (value.to_string(), xsd::G_MONTH_DAY),
            Self::Day(value) => (value.to_string(), xsd::G_DAY),
            Self::Duration(value) => (value.to_string(), xsd::DURATION),
            Self::YearMonthDuration(value) => (value.to_string(), xsd::YEAR_MONTH_DURATION),
            Self::DayTimeDuration(value) => (value.to_string(), xsd::DAY_TIME_DURATION),
        };
        Literal::new_typed_literal(form, datatype)
    }

    pub(super) fn duration(self) -> Option<Duration> {
        match self {
            Self::Duration(value) => Some(value),
            Self::YearMonthDuration(value) => Some(value.into()),
            Self::DayTimeDuration(value) => Some(value.into()),
            _ => None,
        }
    }

    /// How two compare; `None` where it is not known, or where they are of different sorts.
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        if let (Some(left), Some(right)) = (self.duration(), other.duration()) {
            return left.partial_cmp(&right);
        }
        match (self, other) {
            (Self::DateTime(left), Self::DateTime(right)) => left.partial_cmp(&right),
            (Self::Date(left), Self::Date(right)) => left.partial_cmp(&right),
            (Self::Time(left), Self::Time(right)) => left.partial_cmp(&right),
            (Self::Year(left), Self::Year(right)) => left.partial_cmp(&right),
            (Self::YearMonth(left), Self::YearMonth(right)) => left.partial_cmp(&right),
            (Self::Month(left), Self::Month(right)) => left.partial_cmp(&right),
            (Self::MonthDay(left), Self::MonthDay(right)) => left.partial_cmp(&right),
            (Self::Day(left), Self::Day(right)) => left.partial_cmp(&right),
            _ => None,
        }
    }

    /// Whether two are equal; `None` where that depends on a zone that one of them does not have.
    pub(super) fn equals(self, other: Self) -> Option<bool> {
        if let (Some(left), Some(right)) = (self.duration(), other.duration()) {
            return Some(left == right);
        }
        match self.compare(other) {
            Some(ordering) => Some(ordering == Ordering::Equal),
            None => (discriminant(&self) != discriminant(&other)).then_some(false),
        }
    }
}

impl From<Term> for Value {
    fn from(term: Term) -> Self {
        match term {
            Term::NamedNode(node) => Self::Iri(node.into_string()),
            Term::BlankNode(node) => Self::BlankNode(node.into_string()),
            Term::Literal(literal) => Self::of_literal(literal),
            Term::Triple(triple) => Self::Triple(triple),
        }
    }
}

impl Value {
    fn of_literal(literal: Literal) -> Self {
        if literal.language().is_some() {
            let (value, _, language, direction) = literal.destruct();
            let mut language = language.unwrap_or_default();
            if let Some(direction) = direction {
                language.push_str(DIRECTION);
                language.push_str(&direction.to_string());
            }
            return Self::Tagged(value, language);
        }
        let datatype = literal.datatype();
        let form = literal.value();
        let value = match datatype {
            xsd::STRING => Some(Self::String(form.to_owned())),
            xsd::BOOLEAN => form
                .parse::<Boolean>()
                .ok()
                .map(|value| Self::Boolean(value.into())),
            xsd::DECIMAL => form.parse().ok().map(Self::Decimal),
            xsd::FLOAT => form.parse().ok().map(Self::Float),
            xsd::DOUBLE => form.parse().ok().map(Self::Double),
            xsd::INTEGER
            | xsd::BYTE
            | xsd::SHORT
            | xsd::INT
            | xsd::LONG
            | xsd::UNSIGNED_BYTE
            | xsd::UNSIGNED_SHORT
            | xsd::UNSIGNED_INT
            | xsd::UNSIGNED_LONG
            | xsd::POSITIVE_INTEGER
            | xsd::NEGATIVE_INTEGER
            | xsd::NON_POSITIVE_INTEGER
            | xsd::NON_NEGATIVE_INTEGER => form.parse().ok().map(Self::Integer),
            _ => Temporal::parse(datatype, form).map(Self::Temporal),
        };
        value.unwrap_or(Self::Other(literal))
    }

    /// The term; the canonical one of its value where the value does not keep the lexical form.
    pub(crate) fn into_term(self) -> Term {
        match self {
            Self::Iri(iri) => NamedNode::new_unchecked(iri).into(),
            Self::BlankNode(label) => BlankNode::new_unchecked(label).into(),
            Self::String(text) => Literal::new_simple_literal(text).into(),
            Self::Tagged(text, language) => match language.split_once(DIRECTION) {
                Some((language, direction)) => {
                    let direction = match direction {
                        "rtl" => BaseDirection::Rtl,
                        _ => BaseDirection::Ltr,
                    };
                    Literal::new_directional_language_tagged_literal_unchecked(
                        text, language, direction,
                    )
                    .into()
                }
                None => Literal::new_language_tagged_literal_unchecked(text, language).into(),
            },
            Self::Boolean(value) => Literal::from(value).into(),
            Self::Integer(value) => {
                Literal::new_typed_literal(value.to_string(), xsd::INTEGER).into()
            }
            Self::Decimal(value) => {
                Literal::new_typed_literal(value.to_string(), xsd::DECIMAL).into()
            }
            Self::Float(value) => Literal::new_typed_literal(value.to_string(), xsd::FLOAT).into(),
            Self::Double(value) => {
                Literal::new_typed_literal(value.to_string(), xsd::DOUBLE).into()
            }
            Self::Temporal(value) => value.literal().into(),
            Self::Other(literal) => literal.into(),
            Self::Triple(triple) => triple.into(),
        }
    }

    /// The effective boolean value (section 17.2.2).
    pub(crate) fn truth(&self) -> Option<bool> {
        Some(match self {
            Self::Boolean(value) => *value,
            Self::String(text) => !text.is_empty(),
            Self::Integer(value) => *value != Integer::from(0),
            Self::Decimal(value) => *value != Decimal::from(0),
            Self::Float(value) => !value.is_nan() && *value != Float::from(0.0_f32),
            Self::Double(value) => !value.is_nan() && *value != Double::from(0.0_f64),
            _ => return None,
        })
    }

    /// `=`; `None` is an error: literals of a datatype that is not known may be equal whatever they look like.
    pub(crate) fn equals(&self, other: &Self) -> Option<bool> {
        if let Some(numbers) = Numbers::of(self, other) {
            return Some(numbers.compare() == Some(Ordering::Equal));
        }
        match (self, other) {
            (Self::Triple(left), Self::Triple(right)) => triples_equal(left, right),
            (Self::Other(left), Self::Other(right)) if left == right => Some(true),
            // A literal of a datatype that is not known may be equal to one of another, but not to a tagged string.
            (Self::Other(_), other) | (other, Self::Other(_)) => {
                let is_apart = matches!(
                    other,
                    Self::Tagged(..) | Self::Iri(_) | Self::BlankNode(_) | Self::Triple(_)
                );
                is_apart.then_some(false)
            }
            (Self::Temporal(left), Self::Temporal(right)) => left.equals(*right),
            _ => Some(self == other),
        }
    }

    /// `<`, `=` or `>`; `None` is an error.
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        if let Some(numbers) = Numbers::of(self, other) {
            return numbers.compare();
        }
        match (self, other) {
            (Self::String(left), Self::String(right)) => Some(left.cmp(right)),
            (Self::Tagged(left, language), Self::Tagged(right, other)) => {
                (language == other).then(|| left.cmp(right))
            }
            (Self::Boolean(left), Self::Boolean(right)) => Some(left.cmp(right)),
            (Self::Temporal(left), Self::Temporal(right)) => left.compare(*right),
            (Self::Triple(left), Self::Triple(right)) => {
                if left.subject != right.subject || left.predicate != right.predicate {
                    return None;
                }
                let object = |triple: &Triple| Self::from(triple.object.clone());
                object(left).compare(&object(right))
            }
            _ if self == other => Some(Ordering::Equal),
            _ => None,
        }
    }

    /// The text of a string, and its language tag if it has one.
    pub(crate) fn text(&self) -> Option<(&str, Option<&str>)> {
        match self {
            Self::String(text) => Some((text, None)),
            Self::Tagged(text, language) => Some((text, Some(language))),
            _ => None,
        }
    }

    /// A string, with a language tag or without.
    pub(crate) fn of_text(text: impl Into<String>, language: Option<&str>) -> Self {
        match language {
            Some(language) => Self::Tagged(text.into(), language.to_owned()),
            None => Self::String(text.into()),
        }
    }

    pub(crate) fn is_numeric(&self) -> bool {
        matches!(
            self,
            Self::Integer(_) | Self::Decimal(_) | Self::Float(_) | Self::Double(_)
        )
    }
}

fn triples_equal(left: &Triple, right: &Triple) -> Option<bool> {
    let subject = |triple: &Triple| match &triple.subject {
        NamedOrBlankNode::NamedNode(node) => Value::Iri(node.as_str().to_owned()),
        NamedOrBlankNode::BlankNode(node) => Value::BlankNode(node.as_str().to_owned()),
    };
    if subject(left) != subject(right) || left.predicate != right.predicate {
        return Some(false);
    }
    Value::from(left.object.clone()).equals(&Value::from(right.object.clone()))
}

/// Two numbers of one type, to which the smaller of their types was promoted (XPath, section B.1).
pub(crate) enum Numbers {
    Integers(Integer, Integer),
    Decimals(Decimal, Decimal),
    Floats(Float, Float),
    Doubles(Double, Double),
}

impl Numbers {
    /// The two, if both are numbers.
    pub(crate) fn of(left: &Value, right: &Value) -> Option<Self> {
        use Value as V;
        Some(match (left, right) {
            (V::Integer(left), V::Integer(right)) => Self::Integers(*left, *right),
            (V::Double(_), other) | (other, V::Double(_)) if other.is_numeric() => {
                Self::Doubles(left.as_double()?, right.as_double()?)
            }
            (V::Float(_), other) | (other, V::Float(_)) if other.is_numeric() => {
                Self::Floats(left.as_float()?, right.as_float()?)
            }
            _ => Self::Decimals(left.as_decimal()?, right.as_decimal()?),
        })
    }

    fn compare(&self) -> Option<Ordering> {
        match self {
            Self::Integers(left, right) => Some(left.cmp(right)),
            Self::Decimals(left, right) => Some(left.cmp(right)),
            Self::Floats(left, right) => left.partial_cmp(right),
            Self::Doubles(left, right) => left.partial_cmp(right),
        }
    }
}

impl Value {
    pub(crate) fn as_double(&self) -> Option<Double> {
        Some(match self {
            Self::Integer(value) => (*value).into(),
            Self::Decimal(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::Double(value) => *value,
            _ => return None,
        })
    }

    fn as_float(&self) -> Option<Float> {
        Some(match self {
            Self::Integer(value) => (*value).into(),
            Self::Decimal(value) => (*value).into(),
            Self::Float(value) => *value,
            _ => return None,
        })
    }

    pub(crate) fn as_decimal(&self) -> Option<Decimal> {
        Some(match self {
            Self::Integer(value) => (*value).into(),
            Self::Decimal(value) => *value,
            _ => return None,
        })
    }
}
