//! The ids of a load's terms against a map that forgets nothing.

use super::*;
use std::collections::HashMap;
use xxhash_rust::xxh3::xxh3_128;

fn hash(number: u64) -> u128 {
    xxh3_128(&number.to_le_bytes())
}

fn ids(bytes_max: usize) -> Ids {
    let folder = SpillFolder::Unnamed(None);
    Ids::new(bytes_max, folder, ReadContext::new(), &NextIds::new())
}

/// Terms come again after their table went to a file, and after the files were merged.
#[test]
fn a_term_keeps_its_id_however_small_the_memory_is() {
    let mut ids = ids(0);
    let mut model: HashMap<u64, TermId> = HashMap::new();
    let mut state = 1_u64;
    for round in 0..60_000_u64 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        // Half of the terms are of a few, half are of many, so that files are asked for both.
        let number = if state >> 63 == 0 {
            state >> 54
        } else {
            state >> 47
        };
        let expected = *model
            .entry(number)
            .or_insert_with(|| TermId::from_parts(Tag::Iri, round + 1));
        match ids.get(hash(number)).expect("temporary files can be read") {
            Some(found) => assert_eq!(found, expected, "round {round}"),
            None => {
                assert_eq!(expected.payload(), round + 1, "a term was forgotten");
                ids.insert(hash(number), expected)
                    .expect("temporary files can be written");
            }
        }
    }
    assert!(ids.runs.len() > 0, "no file was written");
}

#[test]
fn hashes_that_share_their_upper_half_are_told_apart() {
    let mut ids = ids(0);
    let same_upper = |number: u64| u128::from(u64::MAX / 3) << 64 | u128::from(number);
    for number in 0..5_000 {
        ids.insert(same_upper(number), TermId::from_parts(Tag::Iri, number + 1))
            .expect("temporary files can be written");
    }
    for number in 0..5_000 {
        let found = ids
            .get(same_upper(number))
            .expect("temporary files can be read");
        assert_eq!(found, Some(TermId::from_parts(Tag::Iri, number + 1)));
    }
    assert_eq!(
        ids.get(same_upper(5_000))
            .expect("temporary files can be read"),
        None
    );
}

/// However many ids there are: what is said of them costs reads, and no memory beyond the budget.
#[test]
fn filters_and_indexes_stay_within_the_budget() {
    for bytes_max in [3 << 10, 48 << 10, 384 << 10, 12 << 20] {
        let mut ids = ids(bytes_max);
        let mut finest = 0;
        for number in 0..300_000 {
            assert_eq!(ids.get(hash(number)).expect("files can be read"), None);
            let id = TermId::from_parts(Tag::Iri, number + 1);
            ids.insert(hash(number), id).expect("files can be written");
            finest = finest.max(ids.runs.guide_bytes());
            assert!(finest <= bytes_max / 3, "{finest} of {bytes_max} bytes");
            if number % 97 == 0 {
                let known = number / 2;
                let found = ids.get(hash(known)).expect("files can be read");
                assert_eq!(found, Some(TermId::from_parts(Tag::Iri, known + 1)));
            }
            if bytes_max < 48 << 10 && number == 40_000 {
                // Each hash is looked for in a dozen files.
                break;
            }
        }
        assert!(
            finest > bytes_max / 16 || ids.runs.len() < 2,
            "{finest} of {bytes_max}"
        );
    }
}
