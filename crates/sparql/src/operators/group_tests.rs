//! Groups against maps.

use super::aggregate::{Accumulator, AggregateFunction, GroupAggregate};
use super::group::Group;
use super::test_support::{Random, collect, execution, input};
use crate::batch::UNBOUND;
use crate::error::QueryError;
use crate::execution::Execution;
use oxrdf::Literal;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Remembers all values, and gives their number mixed with their sum.
#[derive(Default)]
struct Gathered(Vec<u64>);

impl Accumulator for Gathered {
    fn add(&mut self, id: u64) -> Result<(), QueryError> {
        self.0.push(id);
        Ok(())
    }

    fn finish(&mut self) -> Result<u64, QueryError> {
        Ok(self.0.iter().sum::<u64>() * 1_000 + self.0.len() as u64)
    }

    fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<u64>()
    }
}

fn count(distinct: bool, columns: &[usize]) -> GroupAggregate {
    GroupAggregate {
        function: AggregateFunction::Count,
        distinct,
        columns: columns.to_vec(),
    }
}

fn gathered(distinct: bool, column: usize) -> GroupAggregate {
    GroupAggregate {
        function: AggregateFunction::Other(Box::new(|| Box::new(Gathered::default()))),
        distinct,
        columns: vec![column],
    }
}

fn all_aggregates() -> Vec<GroupAggregate> {
    vec![
        count(false, &[]),
        count(false, &[1]),
        count(true, &[1]),
        count(true, &[0, 1, 2]),
        gathered(false, 2),
        gathered(true, 2),
    ]
}

/// The rows that grouping by the keys must give with all aggregates, sorted.
fn naive(rows: &[Vec<u64>], keys: &[usize], execution: &Execution) -> Vec<Vec<u64>> {
    let mut groups: BTreeMap<Vec<u64>, Vec<&Vec<u64>>> = BTreeMap::new();
    if keys.is_empty() {
        groups.insert(Vec::new(), Vec::new());
    }
    for row in rows {
        let key = keys.iter().map(|&key| row[key]).collect();
        groups.entry(key).or_default().push(row);
    }
    let number = |count: usize| {
        let count = Literal::from(count as i64);
        execution.terms.encode(count.into()).expect("encoded")
    };
    let gathered = |values: Vec<u64>| values.iter().sum::<u64>() * 1_000 + values.len() as u64;
    let mut expected = Vec::new();
    for (mut row, rows) in groups {
        let bound = rows.iter().map(|row| row[1]).filter(|id| *id != UNBOUND);
        row.push(number(rows.len()));
        row.push(number(bound.clone().count()));
        row.push(number(bound.collect::<BTreeSet<_>>().len()));
        row.push(number(rows.iter().collect::<BTreeSet<_>>().len()));
        row.push(gathered(rows.iter().map(|row| row[2]).collect()));
        let distinct: BTreeSet<_> = rows.iter().map(|row| row[2]).collect();
        row.push(gathered(distinct.into_iter().collect()));
        expected.push(row);
    }
    expected
}

/// The aggregates among all that count rows, by place.
const COUNTS: [usize; 2] = [0, 1];

fn check(rows: &[Vec<u64>], keys: &[usize], grouped: &[usize], budget: usize) {
    check_some(rows, keys, grouped, budget, &[0, 1, 2, 3, 4, 5]);
    check_some(rows, keys, grouped, budget, &COUNTS);
}

/// Groups rows with the aggregates at some places.
fn check_some(
    rows: &[Vec<u64>],
    keys: &[usize],
    grouped: &[usize],
    budget: usize,
    places: &[usize],
) {
    let aggregates = all_aggregates().into_iter().enumerate();
    let aggregates = aggregates.filter(|(place, _)| places.contains(place));
    let execution = execution(budget);
    let mut group = Group::new(
        Arc::clone(&execution),
        input(rows, 3),
        keys.to_vec(),
        aggregates.map(|(_, aggregate)| aggregate).collect(),
        grouped.to_vec(),
    );
    let mut found = collect(&mut group, keys.len() + places.len()).expect("grouped");
    found.sort_unstable();
    let mut expected = naive(rows, keys, &execution);
    for row in &mut expected {
        let aggregates = row.split_off(keys.len());
        row.extend(places.iter().map(|place| aggregates[*place]));
    }
    assert!(
        expected == found,
        "{} rows by {keys:?}, {grouped:?} together, {places:?} within {budget} bytes",
        rows.len()
    );
    drop(group);
    let all = execution.memory.account().require(budget);
    assert!(all.is_ok(), "memory is kept");
}

#[test]
fn groups_are_complete_and_aggregates_right() {
    let mut random = Random(1);
    for keys in [&[][..], &[0], &[2, 0], &[1, 1], &[0, 1, 2]] {
        for (count, bound) in [
            (0, 1),
            (1, 3),
            (10_000, 4),
            (10_000, 100),
            (10_000, 100_000),
        ] {
            check(&random.rows(count, 3, bound), keys, &[], usize::MAX);
        }
    }
}

#[test]
fn groups_that_lie_together_are_given_early() {
    let mut random = Random(2);
    for bound in [4, 100, 100_000] {
        let mut rows = random.rows(10_000, 3, bound);
        rows.sort_by_key(|row| (row[2], row[0]));
        check(&rows, &[2], &[0], usize::MAX);
        // Whole batches, or run by run where there is no room for as many groups.
        for budget in [400_000, 200_000, 100_000, 60_000, 40_000] {
            check_some(&rows, &[2], &[0], budget, &COUNTS);
        }
        check(&rows, &[0, 2], &[1], usize::MAX);
        check(&rows, &[0, 2], &[0, 1], usize::MAX);
        check(&rows, &[1, 2], &[1], usize::MAX);
    }
}

#[test]
fn groups_beyond_the_budget_are_complete() {
    let mut random = Random(3);
    for budget in [4_000_000, 8_000_000] {
        for bound in [200, 20_000, 1_000_000] {
            let rows = random.rows(100_000, 3, bound);
            check(&rows, &[0], &[], budget);
            check(&rows, &[1, 2], &[], budget);
        }
    }
}

#[test]
fn distinct_values_of_one_group_may_be_many() {
    let rows = Random(4).rows(200_000, 3, 1_000_000);
    let execution = execution(500_000);
    let aggregates = vec![count(true, &[1]), count(true, &[0, 1, 2])];
    let mut group = Group::new(
        Arc::clone(&execution),
        input(&rows, 3),
        Vec::new(),
        aggregates,
        Vec::new(),
    );
    let found = collect(&mut group, 2).expect("grouped");
    drop(group);
    let expected = naive(&rows, &[], &execution);
    assert_eq!(vec![expected[0][2..4].to_vec()], found);
}

#[test]
fn an_aggregate_beyond_the_budget_is_an_error() {
    let rows = Random(5).rows(100_000, 3, 10);
    let mut group = Group::new(
        execution(300_000),
        input(&rows, 3),
        vec![0],
        vec![gathered(false, 1)],
        Vec::new(),
    );
    let error = collect(&mut group, 2);
    assert!(matches!(error, Err(QueryError::Memory { budget: 300_000 })));
}
