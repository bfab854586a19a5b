//! Distinct values of a column, with and without their counts.

use crate::model::{Model, Random};
use crate::scans::{expected, request};
use quadrille_backend::StorageBackend;
use quadrille_store::{ReadContext, Snapshot};
use std::collections::BTreeMap;

pub(crate) fn check<B: StorageBackend>(snapshot: &Snapshot<B>, model: &Model, random: &mut Random) {
    for _ in 0..40 {
        let request = request(model, random);
        let context = ReadContext::new;
        let bound = request.pattern.map(|id| id.is_some());
        let Some(permutation) = request.permutation else {
            assert!(snapshot.values(&request, true, context()).is_err());
            continue;
        };
        let column = permutation.bound_prefix(bound);
        if column == 4 {
            assert!(snapshot.values(&request, true, context()).is_err());
            continue;
        }
        let mut numbers: BTreeMap<u64, u64> = BTreeMap::new();
        for row in expected(model, &request, permutation) {
            *numbers.entry(row[column]).or_default() += 1;
        }
        let with_counts = random.percent(60);
        let mut values = snapshot.values(&request, with_counts, context()).unwrap();
        assert_eq!(values.position(), permutation.position_of(column));
        let (mut batch, mut counts) = (vec![7], vec![7]);
        let (mut all, mut all_counts) = (Vec::<u64>::new(), Vec::<u64>::new());
        while values.next_batch(&mut batch, &mut counts).unwrap() {
            assert!(!batch.is_empty());
            all.extend(&batch);
            all_counts.extend(&counts);
        }
        assert!(batch.is_empty() && counts.is_empty());
        assert!(all.iter().eq(numbers.keys()), "{request:?}");
        if with_counts {
            assert!(all_counts.iter().eq(numbers.values()), "{request:?}");
        } else {
            assert!(all_counts.is_empty());
        }
        let distinct = snapshot.count_values(&request, context()).unwrap();
        assert_eq!(distinct, numbers.len() as u64);
    }
}
