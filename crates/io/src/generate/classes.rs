//! What the generated data is about: classes of subjects, and the properties of each.
//!
//! What flows in: nothing. What flows out: tables. What always holds: the weights of the classes add up to
//! [`SUBJECTS_PER_BLOCK`], so that a subject's number alone tells its class.

use super::words::LANGUAGES;

/// Each run of this many subjects holds every class as often as its weight says.
pub(super) const SUBJECTS_PER_BLOCK: u64 = 20;

/// A class of subjects.
pub(super) struct Class {
    /// How many of [`SUBJECTS_PER_BLOCK`] subjects are of it.
    pub(super) weight: u64,
    /// What the IRIs of its subjects begin with.
    pub(super) namespace: &'static str,
    /// How many words follow in them, before the number.
    pub(super) words_in_iri: u64,
    pub(super) properties: &'static [Property],
}

/// A property that subjects of a class may have.
pub(super) struct Property {
    pub(super) predicate: &'static str,
    /// In how many of a hundred subjects it occurs.
    pub(super) percent: u64,
    /// The most values a subject has.
    pub(super) values_max: u64,
    pub(super) kind: Kind,
}

/// What the values of a property are.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Always the same IRI.
    Iri(&'static str),
    /// A subject of a class, by its position in [`CLASSES`]; some are far more popular than others.
    Link(usize),
    /// One of a fixed number of IRIs, some far more popular than others.
    Concept(&'static str, u64),
    /// A person's name.
    Name,
    /// A few words, as a plain text.
    Words(u64),
    /// A few words in each of this many languages.
    Labels(usize),
    /// Some sentences in English.
    Description,
    /// An integer below a limit, small ones more likely.
    Integer(u64),
    /// A decimal with two places.
    Decimal(u64),
    /// A date of some sixty years.
    Date,
    /// An instant of some ten years, at a full hour, in UTC.
    DateTime,
    /// A year.
    Year,
    /// Mostly true.
    Boolean,
}

const fn property(predicate: &'static str, percent: u64, values_max: u64, kind: Kind) -> Property {
    Property {
        predicate,
        percent,
        values_max,
        kind,
    }
}

const TYPE: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type";
const LABEL: &str = "http://www.w3.org/2000/01/rdf-schema#label";
const MODIFIED: &str = "http://purl.org/dc/terms/modified";
const SUBJECT: &str = "http://purl.org/dc/terms/subject";

const ORGANISATION: usize = 4;
const PLACE: usize = 5;

/// All classes.
pub(super) const CLASSES: [Class; 6] = [
    Class {
        weight: 7,
        namespace: "http://data.example.org/person/p",
        words_in_iri: 0,
        properties: PERSON,
    },
    Class {
        weight: 5,
        namespace: "http://articles.example.org/doi/10.5555/",
        words_in_iri: 0,
        properties: ARTICLE,
    },
    Class {
        weight: 3,
        namespace: "http://shop.example.com/catalogue/product/",
        words_in_iri: 2,
        properties: PRODUCT,
    },
    Class {
        weight: 3,
        namespace: "http://sensors.example.net/observation/",
        words_in_iri: 0,
        properties: OBSERVATION,
    },
    Class {
        weight: 1,
        namespace: "http://data.example.org/organisation/",
        words_in_iri: 1,
        properties: ORGANISATIONS,
    },
    Class {
        weight: 1,
        namespace: "http://places.example.org/id/",
        words_in_iri: 1,
        properties: PLACES,
    },
];

const PERSON: &[Property] = &[
    property(TYPE, 100, 1, Kind::Iri("http://xmlns.com/foaf/0.1/Person")),
    property(LABEL, 100, 1, Kind::Name),
    property(
        "http://data.example.org/schema#publications",
        70,
        1,
        Kind::Integer(400),
    ),
    property("http://xmlns.com/foaf/0.1/knows", 90, 7, Kind::Link(0)),
    property("http://schema.org/birthDate", 55, 1, Kind::Date),
    property("http://schema.org/birthPlace", 60, 1, Kind::Link(PLACE)),
    property(
        "http://schema.org/worksFor",
        65,
        2,
        Kind::Link(ORGANISATION),
    ),
    property(
        "http://schema.org/knowsLanguage",
        50,
        3,
        Kind::Concept("http://data.example.org/language/", 60),
    ),
    property("http://schema.org/active", 40, 1, Kind::Boolean),
    property(
        "http://purl.org/dc/terms/description",
        8,
        1,
        Kind::Description,
    ),
];

const ARTICLE: &[Property] = &[
    property(
        TYPE,
        100,
        1,
        Kind::Iri("http://schema.org/ScholarlyArticle"),
    ),
    property("http://purl.org/dc/terms/title", 100, 1, Kind::Words(9)),
    property("http://purl.org/dc/terms/creator", 100, 4, Kind::Link(0)),
    property("http://schema.org/citation", 85, 8, Kind::Link(1)),
    property(
        SUBJECT,
        95,
        4,
        Kind::Concept("http://data.example.org/subject/", 2_000),
    ),
    property("http://purl.org/dc/terms/issued", 90, 1, Kind::Date),
    property("http://schema.org/pageStart", 70, 1, Kind::Integer(900)),
    property(
        "http://purl.org/dc/terms/abstract",
        25,
        1,
        Kind::Description,
    ),
];

const PRODUCT: &[Property] = &[
    property(TYPE, 100, 1, Kind::Iri("http://schema.org/Product")),
    property(LABEL, 100, 1, Kind::Labels(2)),
    property("http://schema.org/price", 100, 1, Kind::Decimal(300)),
    property(
        "http://schema.org/manufacturer",
        95,
        1,
        Kind::Link(ORGANISATION),
    ),
    property(
        "http://schema.org/category",
        100,
        3,
        Kind::Concept("http://shop.example.com/category/", 400),
    ),
    property("http://schema.org/weight", 60, 1, Kind::Decimal(90)),
    property(
        "http://schema.org/inventoryLevel",
        80,
        1,
        Kind::Integer(1_000),
    ),
    property("http://schema.org/reviewedBy", 60, 4, Kind::Link(0)),
    property("http://schema.org/description", 25, 1, Kind::Description),
    property(MODIFIED, 50, 1, Kind::DateTime),
];

const OBSERVATION: &[Property] = &[
    property(
        TYPE,
        100,
        1,
        Kind::Iri("http://www.w3.org/ns/sosa/Observation"),
    ),
    property(
        "http://www.w3.org/ns/sosa/madeBySensor",
        100,
        1,
        Kind::Concept("http://sensors.example.net/station/", 800),
    ),
    property(
        "http://www.w3.org/ns/sosa/observedProperty",
        100,
        1,
        Kind::Concept("http://sensors.example.net/property/", 24),
    ),
    property(
        "http://www.w3.org/ns/sosa/resultTime",
        100,
        1,
        Kind::DateTime,
    ),
    property(
        "http://www.w3.org/ns/sosa/hasSimpleResult",
        100,
        1,
        Kind::Decimal(120),
    ),
    property(
        "http://www.w3.org/ns/sosa/hasFeatureOfInterest",
        90,
        1,
        Kind::Link(PLACE),
    ),
    property(
        "http://sensors.example.net/schema#quality",
        80,
        1,
        Kind::Integer(5),
    ),
    property(
        "http://sensors.example.net/schema#checked",
        60,
        1,
        Kind::Boolean,
    ),
    property(
        "http://sensors.example.net/schema#operator",
        70,
        1,
        Kind::Link(0),
    ),
];

const ORGANISATIONS: &[Property] = &[
    property(TYPE, 100, 1, Kind::Iri("http://schema.org/Organization")),
    property(LABEL, 100, 1, Kind::Labels(3)),
    property("http://schema.org/foundingYear", 80, 1, Kind::Year),
    property("http://schema.org/location", 95, 2, Kind::Link(PLACE)),
    property(
        "http://schema.org/numberOfEmployees",
        75,
        1,
        Kind::Integer(20_000),
    ),
    property(
        "http://schema.org/parentOrganization",
        40,
        1,
        Kind::Link(ORGANISATION),
    ),
    property("http://schema.org/description", 40, 1, Kind::Description),
    property(MODIFIED, 70, 1, Kind::DateTime),
];

const PLACES: &[Property] = &[
    property(TYPE, 100, 1, Kind::Iri("http://schema.org/Place")),
    property(LABEL, 100, 1, Kind::Labels(LANGUAGES.len())),
    property("http://schema.org/latitude", 90, 1, Kind::Decimal(90)),
    property("http://schema.org/longitude", 90, 1, Kind::Decimal(180)),
    property(
        "http://schema.org/containedInPlace",
        90,
        1,
        Kind::Link(PLACE),
    ),
    property(
        "http://schema.org/population",
        60,
        1,
        Kind::Integer(4_000_000),
    ),
];

/// The class of a subject, by its number.
pub(super) fn class_of(subject: u64) -> &'static Class {
    let mut place = subject % SUBJECTS_PER_BLOCK;
    for class in &CLASSES {
        match place.checked_sub(class.weight) {
            None => return class,
            Some(rest) => place = rest,
        }
    }
    &CLASSES[0]
}

/// The number of a subject of a class: the one at `place`, below the class's weight, in a block.
pub(super) fn subject_of(class: usize, block: u64, place: u64) -> u64 {
    let before: u64 = CLASSES[..class].iter().map(|class| class.weight).sum();
    block * SUBJECTS_PER_BLOCK + before + place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_fill_a_block() {
        let weights: u64 = CLASSES.iter().map(|class| class.weight).sum();
        assert_eq!(weights, SUBJECTS_PER_BLOCK);
        for (number, class) in CLASSES.iter().enumerate() {
            for place in 0..class.weight {
                let subject = subject_of(number, 3, place);
                assert_eq!(class_of(subject).namespace, class.namespace);
            }
        }
    }
}
