//! Tries: every value of every level, random seeks, and runs.

use crate::model::{Model, Random, Row};
use quadrille_backend::StorageBackend;
use quadrille_store::{IdPattern, IdTrie, Permutation, ReadContext, Snapshot};
use std::collections::BTreeSet;

/// How many values below one prefix are gone through.
const VALUES_MAX: usize = 12;

struct Expected {
    /// All rows, in the permutation's order.
    rows: Vec<Row>,
    constants: [Option<u64>; 4],
    levels: Vec<usize>,
}

impl Expected {
    fn new(model: &Model, permutation: Permutation, pattern: &IdPattern) -> Self {
        let constants = permutation.permute(pattern.map(|id| id.map(|id| id.raw())));
        Self {
            rows: model.sorted(permutation, |_| true),
            constants,
            levels: (0..4)
                .filter(|column| constants[*column].is_none())
                .collect(),
        }
    }

    /// The values of the level behind a prefix.
    fn values(&self, prefix: &[u64]) -> BTreeSet<u64> {
        let column = self.levels[prefix.len()];
        let constants = &self.constants;
        let behind = (column + 1..4).take_while(|other| constants[*other].is_some());
        let compared: Vec<usize> = (0..column).chain(behind).collect();
        let mut wanted = constants.map(Option::unwrap_or_default);
        for (level, value) in self.levels.iter().zip(prefix) {
            wanted[*level] = *value;
        }
        let rows = self.rows.iter();
        rows.filter(|row| compared.iter().all(|other| row[*other] == wanted[*other]))
            .map(|row| row[column])
            .collect()
    }
}

/// The last seek has found a value: the run holds the values from it on, without a gap.
fn check_run<B: StorageBackend>(trie: &mut IdTrie<B>, found: u64, values: &BTreeSet<u64>) {
    let run = trie.run().unwrap();
    assert_eq!(run.first(), Some(&found));
    assert!(run.is_sorted());
    let distinct: BTreeSet<u64> = run.iter().copied().collect();
    assert!(
        distinct
            .iter()
            .eq(values.range(found..).take(distinct.len()))
    );
}

fn walk<B: StorageBackend>(
    trie: &mut IdTrie<B>,
    expected: &Expected,
    prefix: &mut Vec<u64>,
    random: &mut Random,
) {
    if prefix.len() == expected.levels.len() {
        return;
    }
    let values = expected.values(prefix);
    let mut from = 0;
    for _ in 0..VALUES_MAX {
        let found = trie.seek(prefix, from).unwrap();
        assert_eq!(
            found,
            values.range(from..).next().copied(),
            "{prefix:?} {from}"
        );
        let Some(value) = found else {
            break;
        };
        if random.percent(50) {
            check_run(trie, value, &values);
        }
        prefix.push(value);
        walk(trie, expected, prefix, random);
        prefix.pop();
        let Some(next) = value.checked_add(1) else {
            break;
        };
        from = match values.range(next..).nth(random.below(3)) {
            Some(further) if random.percent(50) => *further,
            _ => next,
        };
    }
}

pub(crate) fn check<B: StorageBackend>(snapshot: &Snapshot<B>, model: &Model, random: &mut Random) {
    for _ in 0..8 {
        let (permutation, pattern) = (random.permutation(), random.pattern(model, 45));
        let expected = Expected::new(model, permutation, &pattern);
        let mut trie = snapshot
            .trie(permutation, &pattern, ReadContext::new())
            .unwrap();
        assert_eq!(trie.levels(), expected.levels.len());
        if expected.levels.len() < 4 {
            walk(&mut trie, &expected, &mut Vec::new(), random);
        }
        assert!(trie.seek(&vec![1; trie.levels()], 0).is_err());
        for _ in 0..20 {
            let Some(row) = model.rows.iter().nth(random.below(model.rows.len().max(1))) else {
                break;
            };
            let row = permutation.permute(*row);
            let Some(depth) = expected.levels.len().checked_sub(1) else {
                break;
            };
            let depth = random.below(depth + 1);
            let prefix: Vec<u64> = expected.levels[..depth].iter().map(|c| row[*c]).collect();
            let position = permutation.position_of(expected.levels[depth]);
            let from = random.pick(&model.ids[position]);
            let values = expected.values(&prefix);
            let found = trie.seek(&prefix, from).unwrap();
            assert_eq!(found, values.range(from..).next().copied());
            if let Some(found) = found {
                check_run(&mut trie, found, &values);
            }
        }
    }
}
