//! The texts of generated objects.
//!
//! What flows in: a kind of value and random numbers. What flows out: the object's text, appended, and what kind of
//! term it is. What always holds: the text is a valid lexical form of its datatype.

use super::classes::{CLASSES, Kind, subject_of};
use super::words::{FAMILY_NAMES, GIVEN_NAMES, LANGUAGES, WORDS};
use super::{Object, Random, push, push_subject_iri};

const INTEGER: Object = Object::Typed("http://www.w3.org/2001/XMLSchema#integer");
const DECIMAL: Object = Object::Typed("http://www.w3.org/2001/XMLSchema#decimal");
const DATE: Object = Object::Typed("http://www.w3.org/2001/XMLSchema#date");
const DATE_TIME: Object = Object::Typed("http://www.w3.org/2001/XMLSchema#dateTime");
const YEAR: Object = Object::Typed("http://www.w3.org/2001/XMLSchema#gYear");
const BOOLEAN: Object = Object::Typed("http://www.w3.org/2001/XMLSchema#boolean");

/// Appends a value: the `index`-th of its property, for links and concepts that of a rank.
pub(super) fn push_value(
    text: &mut String,
    kind: Kind,
    index: u64,
    rank: u64,
    random: &mut Random,
) -> Object {
    match kind {
        Kind::Iri(iri) => text.push_str(iri),
        Kind::Link(class) => {
            let weight = CLASSES[class].weight;
            push_subject_iri(text, subject_of(class, rank / weight, rank % weight));
        }
        Kind::Concept(namespace, _) => push(text, format_args!("{namespace}{rank}")),
        _ => return push_literal(text, kind, index, random),
    }
    Object::Iri
}

fn push_literal(text: &mut String, kind: Kind, index: u64, random: &mut Random) -> Object {
    match kind {
        Kind::Name => push_name(text, random),
        Kind::Words(words_max) => {
            let count = 3 + random.below(words_max - 2);
            push_words(text, count, random);
        }
        Kind::Labels(_) => {
            let (language, article) = LANGUAGES[index as usize % LANGUAGES.len()];
            text.push_str(article);
            text.push(' ');
            push_words(text, 2, random);
            return Object::Tagged(language);
        }
        Kind::Description => {
            push_description(text, random);
            return Object::Tagged("en");
        }
        _ => return push_typed(text, kind, random),
    }
    Object::Plain
}

fn push_typed(text: &mut String, kind: Kind, random: &mut Random) -> Object {
    match kind {
        Kind::Integer(limit) => {
            push(text, format_args!("{}", random.skewed_below(limit)));
            INTEGER
        }
        Kind::Decimal(limit) => {
            let hundredths = random.skewed_below(limit * 100);
            let sign = if random.below(8) == 0 { "-" } else { "" };
            let (whole, rest) = (hundredths / 100, hundredths % 100);
            push(text, format_args!("{sign}{whole}.{rest:02}"));
            DECIMAL
        }
        Kind::Date => {
            push_date(text, 60, random);
            DATE
        }
        Kind::DateTime => {
            push_date(text, 10, random);
            let hour = random.below(24);
            push(text, format_args!("T{hour:02}:00:00Z"));
            DATE_TIME
        }
        Kind::Year => {
            push(text, format_args!("{}", 2024 - random.skewed_below(200)));
            YEAR
        }
        _ => {
            text.push_str(if random.below(5) == 0 {
                "false"
            } else {
                "true"
            });
            BOOLEAN
        }
    }
}

/// A date of the last `years` years, the later ones more likely.
fn push_date(text: &mut String, years: u64, random: &mut Random) {
    let year = 2024 - random.skewed_below(years);
    let (month, day) = (1 + random.below(12), 1 + random.below(28));
    push(text, format_args!("{year}-{month:02}-{day:02}"));
}

fn push_name(text: &mut String, random: &mut Random) {
    text.push_str(GIVEN_NAMES[random.skewed_below(GIVEN_NAMES.len() as u64) as usize]);
    text.push(' ');
    if random.below(4) == 0 {
        text.push(char::from(b'A' + random.below(26) as u8));
        text.push_str(". ");
    }
    text.push_str(FAMILY_NAMES[random.skewed_below(FAMILY_NAMES.len() as u64) as usize]);
}

fn push_words(text: &mut String, count: u64, random: &mut Random) {
    for at in 0..count {
        if at > 0 {
            text.push(' ');
        }
        text.push_str(WORDS[random.skewed_below(WORDS.len() as u64) as usize]);
    }
}

/// One to six sentences; some quote a word or begin a new line.
fn push_description(text: &mut String, random: &mut Random) {
    for sentence in 0..=random.below(6) {
        if sentence > 0 {
            text.push(if random.below(8) == 0 { '\n' } else { ' ' });
        }
        text.push_str("The ");
        let count = 5 + random.below(14);
        push_words(text, count, random);
        if random.below(8) == 0 {
            text.push_str(" \"");
            push_words(text, 1, random);
            text.push('"');
        }
        text.push('.');
    }
}
