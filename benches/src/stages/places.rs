//! A town's place and its house. In flows the town, out flow their quads. Always holds: every place but the first is part
//! of an earlier one, six of them of each.

use super::Town;
use super::terms::{
    date, decimal, integer, plain, resource, tagged, text, title, typed, vocabulary,
};
use super::words::LANGUAGES;
use oxrdf::BlankNode;
use oxrdf::vocab::{rdf, rdfs, xsd};

/// How many places are parts of one.
const PARTS: u64 = 6;

pub(super) fn add(town: &mut Town) {
    place(town);
    house(town);
}

fn place(town: &mut Town) {
    let number = town.number;
    let mut random = town.random("place", number);
    let mut place = town.describe(resource("place", number));
    place.add_with(rdf::TYPE.into_owned(), vocabulary("Place"));
    let name = title(&mut random);
    for language in &LANGUAGES[..3] {
        let label = format!("{name} ({language})");
        place.add_with(rdfs::LABEL.into_owned(), tagged(label, language));
    }
    if let Some(before) = number.checked_sub(1) {
        place.add("partOf", resource("place", before / PARTS));
    }
    let inhabitants = 200 + random.skewed_below(3_000_000);
    place.add("inhabitants", integer(inhabitants, &mut random));
    for property in ["latitude", "longitude"] {
        let degrees = random.below(90_000_000) as f64 / 1e6;
        place.add(property, typed(degrees.to_string(), xsd::DOUBLE));
    }
}

fn house(town: &mut Town) {
    let number = town.number;
    let mut random = town.random("house", number);
    let partners = [(); 2].map(|()| town.famous(1, &mut random));
    let director = town.famous(super::PERSONS_PER_TOWN, &mut random);
    let address = BlankNode::new_unchecked(format!("address{number}"));
    let mut house = town.describe(resource("house", number));
    house.add_with(rdf::TYPE.into_owned(), vocabulary("House"));
    let name = title(&mut random);
    for language in &LANGUAGES[..2] {
        let label = format!("{name} ({language})");
        house.add_with(rdfs::LABEL.into_owned(), tagged(label, language));
    }
    house.add("place", resource("place", number));
    house.add(
        "seats",
        integer(40 + random.skewed_below(4_000), &mut random),
    );
    house.add("opened", date(1850, 170, &mut random));
    house.add(
        "founded",
        typed((1800 + random.below(200)).to_string(), xsd::G_YEAR),
    );
    house.add("rent", decimal(random.skewed_below(9_000_000)));
    house.add("address", address.clone());
    house.link("director", "person", [director]);
    let partners = partners.into_iter().filter(|&partner| partner != number);
    house.link("partnerOf", "house", partners);
    if random.below(3) > 0 {
        house.add("accessible", typed("true", xsd::BOOLEAN));
    }
    let mut address = town.describe(address);
    address.add(
        "street",
        plain(format!(
            "{} street {}",
            text(1, &mut random),
            random.below(200)
        )),
    );
    address.add("postcode", plain(format!("{:05}", random.below(100_000))));
}
