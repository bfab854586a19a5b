//! Genres, works, productions, performances and reviews. In flows the town, out flow their quads. Always holds: a genre
//! other than the first is a subclass of an earlier one; a work's sequels stand in runs of 32; each performance but the
//! first comes after the one before it.

use super::terms::{
    date, date_time, decimal, integer, language, plain, resource, tagged, text, title, typed,
    vocabulary,
};
use super::words::LANGUAGES;
use super::{PERSONS_PER_TOWN, Town};
use oxrdf::vocab::{rdf, rdfs, xsd};
use oxrdf::{GraphName, Quad};
use quadrille_io::generate::Random;

const GENRES: u64 = 24;
/// How many genres are subclasses of one.
const SUBGENRES: u64 = 3;
const WORKS: u64 = 4;
const PRODUCTIONS: u64 = 6;
pub(super) const PERFORMANCES: u64 = 6;
const REVIEWS: u64 = 4;
/// How many reviews before it a review may reply to.
const RECENT: u64 = 20;
/// How many works are in a run of sequels.
const RUN: u64 = 32;

/// The quads of all genres.
pub(super) fn genres() -> impl Iterator<Item = Quad> {
    (0..GENRES).flat_map(|number| {
        let genre = resource("genre", number);
        let label = tagged(format!("genre {number}"), "en");
        let above = number.checked_sub(1).map(|before| {
            let above = resource("genre", before / SUBGENRES);
            Quad::new(
                genre.clone(),
                rdfs::SUB_CLASS_OF,
                above,
                GraphName::DefaultGraph,
            )
        });
        let label = Quad::new(genre, rdfs::LABEL, label, GraphName::DefaultGraph);
        std::iter::once(label).chain(above)
    })
}

pub(super) fn add(town: &mut Town) {
    let numbers = |per_town| town.number * per_town..(town.number + 1) * per_town;
    let (works, productions) = (numbers(WORKS), numbers(PRODUCTIONS));
    let (performances, reviews) = (numbers(PERFORMANCES), numbers(REVIEWS));
    works.for_each(|number| work(town, number));
    productions.for_each(|number| production(town, number));
    performances.for_each(|number| performance(town, number));
    reviews.for_each(|number| review(town, number));
}

fn work(town: &mut Town, number: u64) {
    let mut random = town.random("work", number);
    let authors = 1 + random.below(2);
    let authors: Vec<u64> = (0..authors)
        .map(|_| town.famous(PERSONS_PER_TOWN, &mut random))
        .collect();
    let source = town.famous(WORKS, &mut random);
    let mut work = town.describe(resource("work", number));
    work.add_with(rdf::TYPE.into_owned(), vocabulary("Work"));
    let name = title(&mut random);
    for language in LANGUAGES.iter().take(1 + random.below(3) as usize) {
        let label = format!("{name}, no. {number}");
        work.add_with(rdfs::LABEL.into_owned(), tagged(label, language));
    }
    work.link("author", "person", authors);
    let genres = [(); 2].map(|()| random.below(GENRES));
    work.link("genre", "genre", genres);
    work.add("premiere", date(1900, 124, &mut random));
    work.add("pages", integer(20 + random.skewed_below(600), &mut random));
    if !number.is_multiple_of(RUN) {
        work.add("sequelOf", resource("work", number - 1));
    }
    if source < number && random.below(3) == 0 {
        work.add("basedOn", resource("work", source));
    }
    let tags = [(); 2].map(|()| text(1, &mut random));
    work.add("tag", plain(&*tags[0]));
    if tags[0] != tags[1] {
        work.add("tag", plain(&*tags[1]));
    }
}

/// Most are of the town's house, and a third of the cast is of the town.
fn production(town: &mut Town, number: u64) {
    let mut random = town.random("production", number);
    let work = town.famous(WORKS, &mut random);
    let house = match random.below(5) {
        0 => town.famous(1, &mut random),
        _ => town.number,
    };
    let director = town.famous(PERSONS_PER_TOWN, &mut random);
    let cast: Vec<u64> = (0..2 + random.below(4))
        .map(|_| match random.below(3) {
            0 => town.famous(PERSONS_PER_TOWN, &mut random),
            _ => town.number * PERSONS_PER_TOWN + random.below(PERSONS_PER_TOWN),
        })
        .collect();
    let mut production = town.describe(resource("production", number));
    production.add_with(rdf::TYPE.into_owned(), vocabulary("Production"));
    production.link("of", "work", [work]);
    production.link("house", "house", [house]);
    production.link("directedBy", "person", [director]);
    production.link("cast", "person", cast);
    let season = 2024 - random.skewed_below(40);
    production.add("season", typed(season.to_string(), xsd::INTEGER));
    production.add("budget", decimal(random.skewed_below(50_000_000)));
    if random.below(4) > 0 {
        production.add("closes", date(1985, 40, &mut random));
    }
    let language = language(&mut random);
    production.add("title", tagged(title(&mut random), language));
}

fn performance(town: &mut Town, number: u64) {
    let mut random = town.random("performance", number);
    let production = match random.below(4) {
        0 => town.famous(PRODUCTIONS, &mut random),
        _ => town.number * PRODUCTIONS + random.below(PRODUCTIONS),
    };
    let mut performance = town.describe(resource("performance", number));
    performance.add_with(rdf::TYPE.into_owned(), vocabulary("Performance"));
    performance.link("production", "production", [production]);
    performance.add("startsAt", date_time(2015, 10, &mut random));
    performance.add("price", decimal(500 + random.skewed_below(20_000)));
    performance.add("sold", integer(random.skewed_below(2_000), &mut random));
    if let Some(before) = number.checked_sub(1) {
        performance.add("after", resource("performance", before));
    }
}

fn review(town: &mut Town, number: u64) {
    let mut random = town.random("review", number);
    let production = town.famous(PRODUCTIONS, &mut random);
    let critic = town.famous(PERSONS_PER_TOWN, &mut random);
    let answered = number.checked_sub(1 + random.below(RECENT));
    let mut review = town.describe(resource("review", number));
    review.add_with(rdf::TYPE.into_owned(), vocabulary("Review"));
    review.link("about", "production", [production]);
    review.link("by", "person", [critic]);
    review.add("stars", integer(1 + random.below(5), &mut random));
    let length = review_length(&mut random);
    let language = language(&mut random);
    review.add("text", tagged(text(length, &mut random), language));
    review.add("published", date_time(2015, 10, &mut random));
    if random.below(2) == 0 {
        review.link("replyTo", "review", answered);
    }
}

/// In words: one in fifty is longer than two kilobytes.
fn review_length(random: &mut Random) -> u64 {
    match random.below(50) {
        0 => 500 + random.below(1_000),
        _ => 15 + random.skewed_below(200),
    }
}
