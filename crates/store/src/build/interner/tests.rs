//! The ids of a load's terms against a map that forgets nothing.

use super::*;
use std::collections::HashMap;
use xxhash_rust::xxh3::xxh3_128;

fn hash(number: u64) -> u128 {
    xxh3_128(&number.to_le_bytes())
}

/// Terms come again after their table went to a file, and after the files were merged.
#[test]
fn a_term_keeps_its_id_however_small_the_memory_is() {
    let mut ids = Ids::new(0, None, ReadContext::new());
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
    let mut ids = Ids::new(0, None, ReadContext::new());
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
