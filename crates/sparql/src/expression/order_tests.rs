//! Ids that ascend are held against the keys of their terms.

use super::*;
use crate::operators::test_support::{Random, execution_over};
use crate::options::QueryOptions;
use oxrdf::vocab::xsd;
use oxrdf::{GraphName, Literal, NamedNode, NamedNodeRef, Quad};
use quadrille_backend::InMemoryBackend;
use quadrille_store::QuadStore;
use std::collections::BTreeMap;

/// A number, near others or far, of any size that ids hold.
fn integer(random: &mut Random) -> i64 {
    let size = random.below(56) as u32;
    let number = random.below(1 << size) as i64;
    let power = [0_i64, 1 << 24, 1 << 53, 1 << 54][random.below(4) as usize];
    let near = power + random.below(9) as i64 - 4;
    [number, -number, near, -near][random.below(4) as usize]
}

fn number(random: &mut Random) -> (String, NamedNodeRef<'static>) {
    let near = integer(random);
    let sign = if near < 0 {
        "-"
    } else {
        ["", "+"][random.below(2) as usize]
    };
    let size = near.unsigned_abs();
    let digits = format!("{size:08}");
    let (whole, fraction) = digits.split_at(digits.len() - random.below(8) as usize);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let decimal = match fraction {
        "" => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{fraction}"),
    };
    let exponent = random.below(60) as i64 - 30;
    let size = random.below(36);
    let mantissa = random.below(1 << size);
    let sign = ["", "-"][random.below(2) as usize];
    let floating = format!("{sign}{}.{}e{exponent}", mantissa % 10, mantissa / 10 + 1);
    match random.below(8) {
        0 => (near.to_string(), xsd::INTEGER),
        1 => (near.to_string(), xsd::SHORT),
        2 | 3 => (decimal, xsd::DECIMAL),
        4 => (floating, xsd::DOUBLE),
        5 => (floating, xsd::FLOAT),
        6 => (decimal, [xsd::DOUBLE, xsd::FLOAT][random.below(2) as usize]),
        _ => {
            let special = ["INF", "-INF", "NaN", "0", "0.0", "-0", "0e0"];
            let special = special[random.below(7) as usize];
            (
                special.to_owned(),
                [xsd::DOUBLE, xsd::FLOAT][random.below(2) as usize],
            )
        }
    }
}

fn date_or_time(random: &mut Random) -> (String, NamedNodeRef<'static>) {
    let years = [1, 2, 4, 100, 1582, 1969, 1970, 2000, 9999];
    let year = match random.below(3) {
        0 => random.below(9999) + 1,
        _ => years[random.below(9) as usize],
    };
    let sign = ["", "", "", "-"][random.below(4) as usize];
    let (month, day) = (random.below(12) + 1, random.below(28) + 1);
    let zones = [
        "", "Z", "+00:00", "-00:00", "+14:00", "-14:00", "+05:30", "+01:07",
    ];
    let zone = zones[random.below(8) as usize];
    let fractions = [
        "", "", ".0", ".5", ".50", ".999", ".001", ".000001", ".999999",
    ];
    let fraction = fractions[random.below(9) as usize];
    let (hour, minute) = (random.below(24), random.below(60));
    let date = format!("{sign}{year:04}-{month:02}-{day:02}");
    match random.below(6) {
        0 => (format!("{date}{zone}"), xsd::DATE),
        1 => (format!("{sign}{year:04}"), xsd::G_YEAR),
        2 => (format!("{sign}{year:04}-{month:02}"), xsd::G_YEAR_MONTH),
        _ => (
            format!("{date}T{hour:02}:{minute:02}:59{fraction}{zone}"),
            xsd::DATE_TIME,
        ),
    }
}

fn text(random: &mut Random) -> (String, NamedNodeRef<'static>) {
    if random.below(4) == 0 {
        let form = ["true", "false", "1", "0"][random.below(4) as usize];
        return (form.to_owned(), xsd::BOOLEAN);
    }
    let letters = ['\0', '\u{1}', '\u{6}', '\u{7}', 'a', 'b', 'é', '\u{ffff}'];
    let length = random.below(8);
    let form = (0..length).map(|_| letters[random.below(8) as usize]);
    (form.collect(), xsd::STRING)
}

#[test]
fn ids_that_are_said_to_ascend_do() {
    let mut random = Random(11);
    let mut seen: BTreeMap<Tag, u64> = BTreeMap::new();
    for _ in 0..20 {
        let object = |number_of: u32| {
            let (form, datatype) = match number_of % 3 {
                0 => number(&mut random),
                1 => date_or_time(&mut random),
                _ => text(&mut random),
            };
            Term::from(Literal::new_typed_literal(form, datatype))
        };
        let objects: Vec<Term> = (0..3_000).map(object).collect();
        let node = NamedNode::new_unchecked("p:p");
        let graph = GraphName::DefaultGraph;
        let quad =
            |object: &Term| Quad::new(node.clone(), node.clone(), object.clone(), graph.clone());
        let store = QuadStore::open(InMemoryBackend::new()).unwrap();
        store.extend(objects.iter().map(quad)).unwrap();
        let execution = Arc::new(execution_over(&store, 1 << 20, &QueryOptions::new()));
        let encode = |term: &Term| execution.terms.encode(term.clone()).unwrap();
        let mut ids: Vec<TermId> = objects.iter().map(encode).map(TermId::from_raw).collect();
        ids.sort_unstable_by_key(|id| id.raw());
        let ordering = TermOrdering::new(Arc::clone(&execution));
        let mut last: Option<(Tag, TermId, OrderKey)> = None;
        for id in ids {
            let tag = id.tag().unwrap();
            let is_ordered = |(low, high): IdRange| (low..=high).contains(&id.raw());
            if !ordered_ids(tag).is_some_and(is_ordered) {
                continue;
            }
            *seen.entry(tag).or_default() += 1;
            let key = ordering.key(id.raw()).unwrap();
            if let Some((of, before, least)) = &last {
                let terms = (before.decode_inline(), id.decode_inline());
                assert!(*of != tag || *least <= key, "{terms:?}");
            }
            last = Some((tag, id, key));
        }
    }
    let wanted = [
        Tag::Integer,
        Tag::Short,
        Tag::Decimal0,
        Tag::Decimal7,
        Tag::PlusDecimal3,
        Tag::Double,
        Tag::Float,
        Tag::Boolean,
        Tag::ShortString,
        Tag::Date,
        Tag::ZonedDate,
        Tag::DateTime,
        Tag::UtcDateTime,
        Tag::MillisecondDateTime,
        Tag::MicrosecondDateTime,
        Tag::Year,
        Tag::YearMonth,
    ];
    for tag in wanted {
        assert!(
            seen.get(&tag).is_some_and(|seen| *seen > 50),
            "{tag}: {seen:?}"
        );
    }
    let is_out = |tag: &Tag| [Tag::Number, Tag::Temporal, Tag::String].contains(tag);
    assert!(!seen.keys().any(is_out));
}
