//! Sorting against the standard library's, with an order that is not that of the ids.

use super::sort::Sort;
use super::sort_keys::{SortColumn, TermOrder};
use super::test_support::{Random, collect, execution, input};
use super::top::Top;
use crate::error::QueryError;
use std::cmp::{Ordering, Reverse};
use std::sync::Arc;
use std::sync::atomic::{self, AtomicUsize};

/// Orders ids by a text of them, of which many are equal; counts the keys that it makes.
#[derive(Clone, Default)]
struct TextOrder {
    keys_made: Arc<AtomicUsize>,
}

fn text(id: u64) -> String {
    format!("{}", (id / 2).wrapping_mul(7_919) % 10_007)
}

impl TermOrder for TextOrder {
    type Key = String;

    fn key(&self, id: u64) -> Result<String, QueryError> {
        self.keys_made.fetch_add(1, atomic::Ordering::Relaxed);
        Ok(text(id))
    }

    fn heap_bytes(key: &String) -> usize {
        key.capacity()
    }
}

fn sorted(rows: &[Vec<u64>], columns: &[SortColumn]) -> Vec<Vec<u64>> {
    let mut rows = rows.to_vec();
    rows.sort_by(|left, right| {
        let compared = columns.iter().map(|key| {
            let [left, right] = [left, right].map(|row| text(row[key.column]));
            if key.descending {
                Reverse(left).cmp(&Reverse(right))
            } else {
                left.cmp(&right)
            }
        });
        compared.fold(Ordering::Equal, Ordering::then)
    });
    rows
}

fn columns() -> Vec<Vec<SortColumn>> {
    let key = |column, descending| SortColumn { column, descending };
    vec![
        vec![key(0, false)],
        vec![key(1, true)],
        vec![key(2, true), key(0, false)],
        vec![key(2, false), key(1, true), key(0, true)],
        Vec::new(),
    ]
}

#[test]
fn rows_are_sorted_stably_in_memory() {
    let mut random = Random(1);
    for columns in columns() {
        for (count, bound) in [(0, 1), (1, 5), (5_000, 9), (40_000, 50_000)] {
            let mut rows = random.rows(count, 4, bound);
            rows.iter_mut().for_each(|row| row[2] %= 3);
            let order = TextOrder::default();
            let mut sort = Sort::new(
                execution(usize::MAX),
                input(&rows, 4),
                4,
                columns.clone(),
                order.clone(),
            );
            assert!(sorted(&rows, &columns) == collect(&mut sort, 4).expect("sorted"));
            let made = order.keys_made.load(atomic::Ordering::Relaxed);
            assert!(made <= columns.len() * bound as usize, "keys are made once");
        }
    }
}

#[test]
fn rows_beyond_the_budget_are_sorted_stably() {
    let mut random = Random(2);
    for columns in columns() {
        for budget in [300_000, 1_000_000, 4_000_000] {
            let mut rows = random.rows(60_000, 3, 50_000);
            rows.iter_mut().for_each(|row| row[2] %= 3);
            let execution = execution(budget);
            let mut sort = Sort::new(
                Arc::clone(&execution),
                input(&rows, 3),
                3,
                columns.clone(),
                TextOrder::default(),
            );
            assert!(sorted(&rows, &columns) == collect(&mut sort, 3).expect("sorted"));
            drop(sort);
            let all = execution.memory.account().require(budget);
            assert!(all.is_ok(), "memory is kept");
        }
    }
}

#[test]
fn a_budget_without_room_for_a_batch_is_an_error() {
    let rows = Random(3).rows(3_000, 3, 100);
    let columns = vec![SortColumn {
        column: 0,
        descending: false,
    }];
    let mut sort = Sort::new(
        execution(1_000),
        input(&rows, 3),
        3,
        columns,
        TextOrder::default(),
    );
    let error = collect(&mut sort, 3);
    assert!(matches!(error, Err(QueryError::Memory { budget: 1_000 })));
}

#[test]
fn the_top_is_the_beginning_of_the_sorted_rows() {
    let mut random = Random(4);
    for columns in columns() {
        for (count, bound) in [(0, 1), (3, 5), (5_000, 9), (20_000, 50_000)] {
            let mut rows = random.rows(count, 3, bound);
            rows.iter_mut().for_each(|row| row[2] %= 3);
            let expected = sorted(&rows, &columns);
            for wanted in [0, 1, 10, 1_500, 100_000] {
                let mut top = Top::new(
                    execution(usize::MAX),
                    input(&rows, 3),
                    3,
                    columns.clone(),
                    TextOrder::default(),
                    wanted,
                );
                let found = collect(&mut top, 3).expect("sorted");
                assert!(expected[..wanted.min(count)] == found);
            }
        }
    }
}

#[test]
fn the_top_needs_memory_for_its_rows_only() {
    let rows = Random(5).rows(100_000, 3, 1_000_000);
    let columns = columns().remove(2);
    let mut top = Top::new(
        execution(20_000),
        input(&rows, 3),
        3,
        columns.clone(),
        TextOrder::default(),
        100,
    );
    assert!(sorted(&rows, &columns)[..100] == collect(&mut top, 3).expect("sorted"));
}
