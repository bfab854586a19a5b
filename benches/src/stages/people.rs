//! The persons of a town and what holds between them. In flows the town, out flow their quads. Always holds: everybody but
//! the first person reports to one of lower number; nobody follows themselves.

use super::Town;
use super::terms::{
    date, date_time, decimal, language, name, plain, resource, tagged, text, typed, vocabulary,
};
use oxrdf::vocab::{rdf, xsd};
use quadrille_io::generate::Random;

/// How many persons a town has.
pub const PERSONS_PER_TOWN: u64 = 16;
/// The first so many persons are rivals of each other, and of somebody in every town.
pub const RIVAL_HUBS: u64 = 4;
/// How many towns report to one.
const TOWNS_BELOW: u64 = 4;
/// Which persons of a town have rivals.
const RIVALS: [u64; 2] = [5, 11];

pub(super) fn add(town: &mut Town) {
    let first = town.number * PERSONS_PER_TOWN;
    for number in first..first + PERSONS_PER_TOWN {
        person(town, number);
    }
    for place in RIVALS {
        rivalry(town, first + place);
    }
    if town.number == 0 {
        for hub in 0..RIVAL_HUBS {
            let others = (0..RIVAL_HUBS).filter(|&other| other != hub);
            town.describe(resource("person", hub))
                .link("rivalOf", "person", others);
        }
    }
}

fn person(town: &mut Town, number: u64) {
    let mut random = town.random("person", number);
    let follows = followed(town, number, &mut random);
    let home = match random.below(2) {
        0 => town.number,
        _ => town.famous(1, &mut random),
    };
    let mut person = town.describe(resource("person", number));
    person.add_with(rdf::TYPE.into_owned(), vocabulary("Person"));
    person.add("name", plain(name(&mut random)));
    person.link("livesIn", "place", [home]);
    person.link("reportsTo", "person", superior(number));
    person.link("follows", "person", follows);
    let mut happens = |percent| random.below(100) < percent;
    let (born, email, active) = (happens(90), happens(70), happens(30));
    let (salary, rating, seen, biography) = (happens(60), happens(40), happens(50), happens(5));
    if born {
        person.add("born", date(1930, 80, &mut random));
    }
    if email {
        person.add("email", plain(format!("p{number}@mail.stages.example.org")));
    }
    if active {
        person.add("active", typed("true", xsd::BOOLEAN));
    }
    if salary {
        person.add("salary", decimal(120_000 + random.skewed_below(900_000)));
    }
    if rating {
        person.add("rating", rating_of(&mut random));
    }
    if seen {
        person.add("lastSeen", date_time(2020, 5, &mut random));
    }
    if biography {
        let words = 40 + random.skewed_below(500);
        person.add("biography", tagged(text(words, &mut random), "en"));
    }
    person.add("speaks", plain(language(&mut random)));
}

/// A double, one in four with an exponent, and one in eight a float.
fn rating_of(random: &mut Random) -> oxrdf::Literal {
    let rating = random.below(1_000) as f64 / 100.0;
    match random.below(8) {
        0 => typed(format!("{rating}"), xsd::FLOAT),
        1 | 2 => typed(format!("{rating:e}").to_uppercase(), xsd::DOUBLE),
        _ => typed(format!("{rating}"), xsd::DOUBLE),
    }
}

/// Within a town all report to its first person, who reports to the one of the town above.
fn superior(number: u64) -> Option<u64> {
    let (town, place) = (number / PERSONS_PER_TOWN, number % PERSONS_PER_TOWN);
    match place {
        0 => Some(town.checked_sub(1)? / TOWNS_BELOW * PERSONS_PER_TOWN),
        _ => Some(town * PERSONS_PER_TOWN),
    }
}

/// A fifth of the others of the town, and up to two persons from anywhere before, mostly famous ones.
fn followed(town: &Town, number: u64, random: &mut Random) -> Vec<u64> {
    let first = town.number * PERSONS_PER_TOWN;
    let mut follows: Vec<u64> = (first..first + PERSONS_PER_TOWN)
        .filter(|_| random.below(5) == 0)
        .collect();
    for _ in 0..random.below(3) {
        follows.push(town.famous(PERSONS_PER_TOWN, random));
    }
    follows.retain(|&other| other != number);
    follows
}

/// Both directions between somebody and two of the hubs.
fn rivalry(town: &mut Town, number: u64) {
    let hubs =
        [number / PERSONS_PER_TOWN, number / PERSONS_PER_TOWN + 1].map(|hub| hub % RIVAL_HUBS);
    town.describe(resource("person", number))
        .link("rivalOf", "person", hubs);
    for hub in hubs {
        town.describe(resource("person", hub))
            .link("rivalOf", "person", [number]);
    }
}
