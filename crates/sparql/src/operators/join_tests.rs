//! Hash joins of random rows with unbound values, and merge joins of sorted ones, against looking at every pair.

use super::hash_join::{HashJoin, HashJoinParts, HashRight};
use super::hash_table::SharedTable;
use super::join::{Output, Side};
use super::merge_join::{MergeJoin, MergeJoinParts};
use super::test_support::{Random, collect, execution, input};
use crate::batch::{Batch, UNBOUND};
use crate::error::QueryError;
use crate::operators::filter::RowFilter;
use crate::plan::JoinKind;
use std::sync::Arc;

/// Keeps the pairs whose last values are not both the same parity.
struct Parity;

fn passes(left: u64, right: u64) -> bool {
    (left + right) % 2 == 1
}

impl RowFilter for Parity {
    fn keep(&mut self, batch: &Batch, mask: &mut Vec<bool>) -> Result<(), QueryError> {
        mask.clear();
        mask.extend((0..batch.len()).map(|row| passes(batch.value(row, 2), batch.value(row, 5))));
        Ok(())
    }
}

/// Both sides have three columns: the first two are shared.
fn reference(
    left: &[Vec<u64>],
    right: &[Vec<u64>],
    kind: JoinKind,
    filtered: bool,
) -> Vec<Vec<u64>> {
    let mut rows = Vec::new();
    for first in left {
        let mut found = false;
        for second in right {
            let shared = || first[..2].iter().zip(&second[..2]);
            let compatible = shared().all(|(a, b)| *a == UNBOUND || *b == UNBOUND || a == b);
            let shares = shared().any(|(a, b)| *a != UNBOUND && *b != UNBOUND);
            let due = compatible
                && (kind != JoinKind::Minus || shares)
                && (!filtered || passes(first[2], second[2]));
            found |= due;
            if due && matches!(kind, JoinKind::Inner | JoinKind::Left) {
                rows.push(vec![
                    first[0].max(second[0]),
                    first[1].max(second[1]),
                    first[2],
                    second[2],
                ]);
            }
        }
        match kind {
            JoinKind::Left if !found => rows.push(vec![first[0], first[1], first[2], UNBOUND]),
            JoinKind::Semi if found => rows.push(first.clone()),
            JoinKind::Anti | JoinKind::Minus if !found => rows.push(first.clone()),
            JoinKind::Mark(_) => {
                rows.push(vec![first[0], first[1], first[2], 100 + u64::from(found)]);
            }
            _ => {}
        }
    }
    rows.sort();
    rows
}

const KINDS: [JoinKind; 6] = [
    JoinKind::Inner,
    JoinKind::Left,
    JoinKind::Semi,
    JoinKind::Anti,
    JoinKind::Minus,
    JoinKind::Mark(crate::algebra::Slot(0)),
];

/// What the reference gives of a kind.
fn output(kind: JoinKind) -> Output {
    let mut columns = vec![Side::Left(0), Side::Left(1), Side::Left(2)];
    match kind {
        JoinKind::Inner | JoinKind::Left => {
            columns = vec![Side::Either(0, 0), Side::Either(1, 1)];
            columns.extend([Side::Left(2), Side::Right(2)]);
        }
        JoinKind::Mark(_) => columns.push(Side::Mark),
        _ => {}
    }
    Output {
        kind,
        columns,
        marks: [100, 101],
    }
}

#[test]
fn every_kind_gives_what_looking_at_each_pair_gives() {
    let mut random = Random(21);
    for round in 0..300 {
        let bound = 2 + random.below(12);
        let most = if round % 15 == 0 { 3000 } else { 40 };
        let counts = [random.below(most), random.below(most)];
        let [mut left, mut right] = counts.map(|count| random.rows(count as usize, 3, bound));
        let certain = random.below(3) as usize;
        // Some share one column alone.
        let shared = if certain == 1 && round % 2 == 0 { 1 } else { 2 };
        for row in left.iter_mut().chain(&mut right) {
            row[..certain].iter_mut().for_each(|value| *value += 1);
            row[shared..2].fill(UNBOUND);
        }
        for kind in KINDS {
            let filtered = random.below(2) == 0 && kind != JoinKind::Minus;
            let output = output(kind);
            let width = output.columns.len();
            // The larger right sides take several passes.
            let execution = execution([usize::MAX, 100_000][random.below(2) as usize]);
            let right_rows = input(&right, 3);
            let parts = HashJoinParts {
                left: input(&left, 3),
                right: if random.below(2) == 0 {
                    let shared = SharedTable::new(right_rows, (0..certain).collect());
                    shared.fill(&execution).expect("a part fits");
                    HashRight::Shared(Arc::new(shared))
                } else {
                    HashRight::Own(right_rows)
                },
                keys: (0..certain).map(|column| (column, column)).collect(),
                loose: (certain..shared).map(|column| (column, column)).collect(),
                output,
                filter: filtered.then(|| Box::new(Parity) as _),
            };
            let mut join = HashJoin::new(execution, parts);
            let mut rows = collect(&mut join, width).expect("a part fits");
            if !matches!(kind, JoinKind::Inner | JoinKind::Left) {
                let mut rest = left.iter();
                let follows = |row: &Vec<u64>| rest.any(|other| *other == row[..3]);
                assert!(rows.iter().all(follows), "the order of the left rows");
            }
            rows.sort();
            let expected = reference(&left, &right, kind, filtered);
            assert!(
                expected == rows,
                "{kind:?} {certain} {filtered} {left:?} {right:?}"
            );
        }
    }
}

fn merge_join(
    left: &[Vec<u64>],
    right: &[Vec<u64>],
    kind: JoinKind,
    filtered: bool,
    budget: usize,
) -> Result<Vec<Vec<u64>>, QueryError> {
    let output = output(kind);
    let width = output.columns.len();
    let parts = MergeJoinParts {
        left: input(left, 3),
        right: input(right, 3),
        keys: vec![(0, 0), (1, 1)],
        output,
        filter: filtered.then(|| Box::new(Parity) as _),
    };
    collect(&mut MergeJoin::new(execution(budget), parts), width)
}

#[test]
fn every_kind_of_merge_join_gives_what_looking_at_each_pair_gives() {
    let mut random = Random(22);
    for round in 0..300 {
        // Of few values, runs are longer than batches.
        let bound = if round % 3 == 0 {
            2
        } else {
            3 + random.below(60)
        };
        let most = if round % 10 == 0 { 3000 } else { 60 };
        let sorted = [(); 2].map(|()| {
            let count = random.below(most);
            let mut rows = random.rows(count as usize, 3, bound);
            rows.iter_mut().flatten().for_each(|value| *value += 1);
            rows.sort();
            rows
        });
        let [left, mut right] = sorted;
        right.truncate(most as usize / 3);
        for kind in KINDS {
            let filtered = random.below(2) == 0;
            let rows = merge_join(&left, &right, kind, filtered, usize::MAX);
            let mut rows = rows.expect("no limit");
            if kind == JoinKind::Inner {
                assert!(rows.is_sorted_by_key(|row| (row[0], row[1])));
            }
            rows.sort();
            let expected = reference(&left, &right, kind, filtered);
            assert!(expected == rows, "{kind:?} {filtered} {left:?} {right:?}");
        }
    }
}

#[test]
fn a_merge_join_needs_memory_for_one_key_and_only_where_it_gives_pairs() {
    let (left, right) = (vec![vec![1, 1, 1]; 3], vec![vec![1, 1, 1]; 5_000]);
    let error = merge_join(&left, &right, JoinKind::Inner, false, 50_000);
    assert!(matches!(error, Err(QueryError::Memory { budget: 50_000 })));
    let kept = merge_join(&left, &right, JoinKind::Semi, false, 50_000);
    assert_eq!(left, kept.expect("one row is kept"));
    let ascending: Vec<_> = (1..20_000).map(|key| vec![key, 1, key]).collect();
    let rows = merge_join(&ascending, &ascending, JoinKind::Inner, false, 200_000);
    assert_eq!(19_999, rows.expect("a batch is kept").len());
}
