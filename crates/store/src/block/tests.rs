//! Blocks against the plain rows that they were made from: every accessor, sizes, determinism, damage.

use super::*;
use proptest::prelude::*;

fn value() -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => 0..20u64,
        3 => (0..9u64, 0..2000u64).prop_map(|(tag, payload)| tag << 56 | payload),
        2 => (0..9u64, 0..1u64 << 56).prop_map(|(tag, payload)| tag << 56 | payload),
        1 => any::<u64>(),
        1 => prop_oneof![Just(0), Just(u64::MAX), Just(1 << 63), Just(u64::MAX - 1)],
    ]
}

fn column_values(len: usize) -> impl Strategy<Value = Vec<u64>> {
    prop_oneof![
        value().prop_map(move |value| vec![value; len]),
        prop::collection::vec(value(), len),
        prop::collection::vec(0..50u64, len),
        prop::collection::vec(any::<u64>(), len),
        (value(), prop::collection::vec(0..300u64, len)).prop_map(|(start, steps)| {
            steps
                .iter()
                .scan(start, |at, step| {
                    *at = at.wrapping_add(*step);
                    Some(*at)
                })
                .collect()
        }),
        (prop::collection::vec((value(), 1..90usize), len)).prop_map(move |runs| {
            runs.into_iter()
                .flat_map(|(value, times)| std::iter::repeat_n(value, times))
                .take(len)
                .collect()
        }),
    ]
}

/// Rows like those of real data: few keys, and values whose tag and range depend on the key beside them.
fn related_rows<const N: usize>() -> impl Strategy<Value = Vec<[u64; N]>> {
    let keys = prop::collection::vec((value(), 0..7u64, any::<u64>(), 0..57u32), 1..40);
    (keys, 1..1500usize, any::<u64>(), 1..60u64).prop_map(|(keys, len, seed, run)| {
        let mut state = seed | 1;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let mut rows: Vec<[u64; N]> = (0..len as u64)
            .map(|row| {
                let (key, tag, base, bits) = keys[(random() >> 32) as usize % keys.len()];
                let spread = if random() % 5 == 0 { bits } else { bits / 3 };
                let related =
                    tag << 56 | (base.wrapping_add(random() % (1 << spread)) & (u64::MAX >> 8));
                std::array::from_fn(|column| match (column + seed as usize) % 4 {
                    0 => row / run,
                    1 => key,
                    2 => related,
                    _ => row / run / 7,
                })
            })
            .collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    })
}

fn sorted_rows<const N: usize>() -> impl Strategy<Value = Vec<[u64; N]>> {
    prop_oneof![related_rows(), unrelated_rows()]
}

fn unrelated_rows<const N: usize>() -> impl Strategy<Value = Vec<[u64; N]>> {
    prop_oneof![Just(1usize), 2..6usize, 2..700usize, 600..1500usize]
        .prop_flat_map(|len| prop::collection::vec(column_values(len), N))
        .prop_map(|columns| {
            let mut rows: Vec<[u64; N]> = (0..columns[0].len())
                .map(|row| std::array::from_fn(|column| columns[column][row]))
                .collect();
            rows.sort_unstable();
            rows.dedup();
            rows
        })
}

fn encoded<const N: usize>(rows: &[[u64; N]]) -> Vec<u8> {
    let mut bytes = vec![];
    encode_block(rows, &mut bytes);
    bytes
}

fn check_values<const N: usize>(rows: &[[u64; N]], range: Range<usize>) {
    let bytes = encoded(rows);
    assert_eq!(bytes, encoded(rows));
    assert_eq!(bytes.len(), BlockPlan::new(rows).bytes);
    let block = Block::<N>::parse(&bytes).expect("just encoded");
    assert_eq!(block.len(), rows.len());
    for column in 0..N {
        let plain: Vec<u64> = rows.iter().map(|row| row[column]).collect();
        assert_eq!(Some(block.min(column)), plain.iter().copied().min());
        assert_eq!(Some(block.max(column)), plain.iter().copied().max());
        let mut decoded = vec![7];
        block.decode_column(&bytes, column, 0..rows.len(), &mut decoded);
        assert_eq!(decoded[1..], plain, "column {column}");
        decoded.clear();
        block.decode_column(&bytes, column, range.clone(), &mut decoded);
        let end = range.end.min(plain.len());
        assert_eq!(decoded, plain[range.start.min(end)..end]);
    }
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(block.row(&bytes, index), *row);
    }
}

fn check_searches<const N: usize>(rows: &[[u64; N]], bounds: &[[u64; N]]) {
    let bytes = encoded(rows);
    let block = Block::<N>::parse(&bytes).expect("just encoded");
    let near = rows.iter().step_by(rows.len() / 20 + 1).flat_map(|row| {
        let column = (row[0] % N as u64) as usize;
        let (mut below, mut above) = (*row, *row);
        below[column] = below[column].wrapping_sub(1);
        above[column] = above[column].wrapping_add(1);
        [*row, below, above]
    });
    for bound in bounds.iter().copied().chain(near) {
        let expected = rows.partition_point(|row| *row < bound);
        assert_eq!(block.lower_bound(&bytes, &bound), expected);
        for columns in 0..=N {
            let prefix = &bound[..columns];
            let start = rows.partition_point(|row| row[..columns] < *prefix);
            let end = rows.partition_point(|row| row[..columns] <= *prefix);
            assert_eq!(block.prefix_range(&bytes, prefix), start..end);
        }
    }
}

/// Reads everything there is to read from bytes that may be damaged; only panics and lengths count.
fn exercise<const N: usize>(bytes: &[u8], bound: &[u64; N]) {
    let Ok(block) = Block::<N>::parse(bytes) else {
        return;
    };
    let mut out = vec![];
    for column in 0..N {
        out.clear();
        block.decode_column(bytes, column, 0..block.len(), &mut out);
        assert_eq!(out.len(), block.len());
        out.clear();
        block.decode_column(bytes, column, block.len() / 2..usize::MAX, &mut out);
        assert_eq!(out.len(), block.len() - block.len() / 2);
        let _ = (block.min(column), block.max(column));
    }
    for row in (0..block.len())
        .step_by(block.len() / 50 + 1)
        .chain([usize::MAX])
    {
        let row = block.row(bytes, row);
        assert!(block.lower_bound(bytes, &row) <= block.len());
    }
    let from = block.lower_bound(bytes, bound);
    assert!(from <= block.len());
    let range = block.prefix_range(bytes, &bound[..N / 2]);
    assert!(range.start <= range.end && range.end <= block.len());
}

/// The tests above are worth little if their rows never take some encoding.
#[test]
fn every_encoding_is_met() {
    use super::column::Column;
    use super::runs::Runs;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut met: std::collections::BTreeSet<String> = std::collections::BTreeSet::new();
    for _ in 0..300 {
        let rows = sorted_rows::<4>()
            .new_tree(&mut runner)
            .expect("a strategy without filters")
            .current();
        let block = Block::<4>::parse(&encoded(&rows)).expect("just encoded");
        for column in &block.columns {
            match column {
                Column::Frames(frames) if frames.own_codes.is_some() => {
                    met.insert("frames by codes of their own".into())
                }
                Column::Frames(_) => met.insert("frames by the column before".into()),
                Column::Plain {
                    runs,
                    sequence,
                    dictionary,
                } => {
                    let runs = match runs {
                        Runs::None => "rows",
                        Runs::Starts { .. } => "starts",
                        Runs::Bitmap { .. } => "bitmap",
                    };
                    met.insert(format!(
                        "{runs} {:?} {}",
                        sequence.kind,
                        dictionary.is_some()
                    ))
                }
            };
        }
    }
    for runs in ["rows", "starts", "bitmap"] {
        for layer in ["Packed", "Laps", "true", "false"] {
            let is_met = met
                .iter()
                .any(|name| name.starts_with(runs) && name.contains(layer));
            assert!(is_met, "{runs} with {layer} is missing in {met:?}");
        }
    }
    assert!(met.contains("rows Constant false"));
    assert!(met.contains("frames by the column before"));
    assert!(met.contains("frames by codes of their own"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn quads_come_back(rows in sorted_rows::<4>(), start in 0..1500usize, count in 0..600usize) {
        check_values(&rows, start..start + count);
    }

    #[test]
    fn pairs_come_back(rows in sorted_rows::<2>(), start in 0..1500usize, count in 0..600usize) {
        check_values(&rows, start..start + count);
    }

    #[test]
    fn summaries_come_back(rows in sorted_rows::<5>(), start in 0..1500usize, count in 0..600usize) {
        check_values(&rows, start..start + count);
    }

    #[test]
    fn searches_agree(rows in sorted_rows::<4>(), bounds in prop::collection::vec(prop::array::uniform4(value()), 10)) {
        check_searches(&rows, &bounds);
    }

    #[test]
    fn searches_of_pairs_agree(rows in sorted_rows::<2>(), bounds in prop::collection::vec(prop::array::uniform2(value()), 10)) {
        check_searches(&rows, &bounds);
    }

    #[test]
    fn damage_never_panics(
        rows in sorted_rows::<4>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8u8, any::<bool>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
        bound in prop::array::uniform4(value()),
    ) {
        let mut bytes = encoded(&rows);
        for (index, bit, in_front) in flips {
            let reach = if in_front { bytes.len().min(120) } else { bytes.len() };
            bytes[index.index(reach)] ^= 1 << bit;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        exercise::<4>(&bytes, &bound);
        exercise::<2>(&bytes, &[bound[0], bound[1]]);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), bound in prop::array::uniform5(value())) {
        exercise::<5>(&bytes, &bound);
    }

    #[test]
    fn blocks_fit(rows in sorted_rows::<4>(), bytes_max in 60..4000usize, hint in 0..2000usize) {
        let count = rows_that_fit(&rows, bytes_max, hint);
        prop_assert!((1..=rows.len()).contains(&count));
        prop_assert!(count == 1 || encoded(&rows[..count]).len() <= bytes_max);
    }

    #[test]
    fn blocks_cut_off_fit_and_hold_their_rows(
        rows in sorted_rows::<4>(),
        bytes_max in 60..4000usize,
        hint in 0..2000usize,
    ) {
        let mut bytes = vec![];
        let count = encode_prefix(&rows, bytes_max, hint, &mut bytes);
        prop_assert!((1..=rows.len()).contains(&count));
        prop_assert!(count == 1 || bytes.len() <= bytes_max);
        let block = Block::<4>::parse(&bytes).expect("a block that was just written");
        let decoded: Vec<[u64; 4]> = (0..block.len()).map(|row| block.row(&bytes, row)).collect();
        prop_assert_eq!(&decoded[..], &rows[..count]);
        let mut again = vec![];
        encode_prefix(&rows, bytes_max, hint, &mut again);
        prop_assert_eq!(bytes, again);
    }
}
