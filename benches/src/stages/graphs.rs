//! What stands in named graphs: a house's reports, and the notes of journals. In flows the town, out flow their quads.
//! Always holds: each house has a graph of its own; the journals' graphs grow in number as the towns do, slowly, and the
//! first ones hold most notes.

use super::terms::{
    date, date_time, decimal, integer, language, resource, tagged, text, vocabulary,
};
use super::{PERSONS_PER_TOWN, Town, culture};
use oxrdf::vocab::rdf;

const REPORTS: u64 = 5;
const NOTES: u64 = 6;
/// How many journals there are before the first town, and how many towns bring another.
const JOURNALS: u64 = 16;
const TOWNS_PER_JOURNAL: u64 = 8;

pub(super) fn add(town: &mut Town) {
    let house = resource("house", town.number);
    let graph = resource("graph/house", town.number);
    // A house's type stands in its own graph, too: the same triple in two graphs.
    town.describe_in(house, graph.into())
        .add_with(rdf::TYPE.into_owned(), vocabulary("House"));
    for number in town.number * REPORTS..(town.number + 1) * REPORTS {
        report(town, number);
    }
    for number in town.number * NOTES..(town.number + 1) * NOTES {
        note(town, number);
    }
}

fn report(town: &mut Town, number: u64) {
    let mut random = town.random("report", number);
    let first = town.number * culture::PERFORMANCES;
    let performance = first + random.below(culture::PERFORMANCES);
    let graph = resource("graph/house", town.number);
    let mut report = town.describe_in(resource("report", number), graph.into());
    report.add_with(rdf::TYPE.into_owned(), vocabulary("Report"));
    report.link("reportOn", "performance", [performance]);
    report.add("tickets", integer(random.skewed_below(1_500), &mut random));
    report.add("revenue", decimal(random.skewed_below(5_000_000)));
    report.add("filed", date_time(2018, 7, &mut random));
}

fn note(town: &mut Town, number: u64) {
    let mut random = town.random("note", number);
    let journal = random.skewed_below(JOURNALS + town.number / TOWNS_PER_JOURNAL);
    let persons: Vec<u64> = (0..1 + random.below(3))
        .map(|_| town.famous(PERSONS_PER_TOWN, &mut random))
        .collect();
    let graph = resource("graph/journal", journal);
    let mut note = town.describe_in(resource("note", number), graph.into());
    note.add_with(rdf::TYPE.into_owned(), vocabulary("Note"));
    note.link("mentions", "person", persons);
    let language = language(&mut random);
    note.add("headline", tagged(text(6, &mut random), language));
    note.add("dated", date(2015, 10, &mut random));
}
