//! Terms of the network. In flow numbers, out flow IRIs and literals. Always holds: a literal is a valid form of its
//! datatype, though not always the canonical one: data of many hands are not.

use super::words::{FAMILY_NAMES, GIVEN_NAMES, LANGUAGES, WORDS};
use super::{BASE, VOCABULARY};
use oxrdf::vocab::xsd;
use oxrdf::{Literal, NamedNode, NamedNodeRef};
use quadrille_io::generate::Random;

pub(super) fn resource(kind: &str, number: u64) -> NamedNode {
    NamedNode::new_unchecked(format!("{BASE}{kind}/{number}"))
}

/// A class or property of the network.
pub(super) fn vocabulary(name: &str) -> NamedNode {
    NamedNode::new_unchecked(format!("{VOCABULARY}{name}"))
}

pub(super) fn typed(text: impl Into<String>, datatype: NamedNodeRef<'static>) -> Literal {
    Literal::new_typed_literal(text, datatype)
}

pub(super) fn plain(text: impl Into<String>) -> Literal {
    Literal::new_simple_literal(text)
}

pub(super) fn tagged(text: impl Into<String>, language: &str) -> Literal {
    Literal::new_language_tagged_literal_unchecked(text, language)
}

/// An integer, one in ten of a derived type and one in fifty in a form that is not the canonical one.
pub(super) fn integer(value: u64, random: &mut Random) -> Literal {
    match random.below(50) {
        0 => typed(format!("0{value}"), xsd::INTEGER),
        1..3 => typed(value.to_string(), xsd::NON_NEGATIVE_INTEGER),
        3..6 => typed(value.to_string(), xsd::INT),
        _ => typed(value.to_string(), xsd::INTEGER),
    }
}

/// A decimal of so many hundredths.
pub(super) fn decimal(hundredths: u64) -> Literal {
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    typed(format!("{whole}.{rest:02}"), xsd::DECIMAL)
}

pub(super) fn date_text(first_year: u64, years: u64, random: &mut Random) -> String {
    let year = first_year + random.below(years);
    let (month, day) = (1 + random.below(12), 1 + random.below(28));
    format!("{year}-{month:02}-{day:02}")
}

pub(super) fn date(first_year: u64, years: u64, random: &mut Random) -> Literal {
    typed(date_text(first_year, years, random), xsd::DATE)
}

/// An instant, mostly in UTC, some in another zone.
pub(super) fn date_time(first_year: u64, years: u64, random: &mut Random) -> Literal {
    let date = date_text(first_year, years, random);
    let (hour, minute) = (random.below(24), random.below(60));
    let zone = match random.below(5) {
        0 => "+02:00",
        1 => "-05:00",
        _ => "Z",
    };
    typed(
        format!("{date}T{hour:02}:{minute:02}:00{zone}"),
        xsd::DATE_TIME,
    )
}

pub(super) fn name(random: &mut Random) -> String {
    let given = pick(&GIVEN_NAMES, random);
    format!("{given} {}", pick(&FAMILY_NAMES, random))
}

/// A title of two or three words.
pub(super) fn title(random: &mut Random) -> String {
    let words = 2 + random.below(2);
    let mut title = text(words, random);
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

/// Words in a row.
pub(super) fn text(words: u64, random: &mut Random) -> String {
    let mut text = String::new();
    for place in 0..words {
        if place > 0 {
            text.push_str(if random.below(12) == 0 { ". " } else { " " });
        }
        text.push_str(pick(&WORDS, random));
    }
    text
}

/// A language, the first ones much more likely.
pub(super) fn language(random: &mut Random) -> &'static str {
    pick(&LANGUAGES, random)
}

fn pick(from: &[&'static str], random: &mut Random) -> &'static str {
    let place = random.skewed_below(from.len() as u64) as usize;
    from.get(place).copied().unwrap_or_default()
}
