//! What the engine reads a store through: batches in their order, counts, estimates, graphs, terms.

use crate::common::store;
use oxrdf::{NamedNode, NamedNodeRef};
use quadrille_sparql::{QuadScan, QuadSource};
use quadrille_store::{ColumnBatch, Permutation, ReadContext, TermId};

#[test]
fn a_snapshot_scans_in_the_order_it_says_and_counts_exactly() {
    let data: String = (0..700)
        .map(|n| format!(":s{} :p{} {n} .", n % 50, n % 3))
        .collect();
    let snapshot = store(&data).snapshot().unwrap();
    let predicate = NamedNodeRef::new_unchecked("http://example.com/p1");
    let predicate = snapshot.encode(predicate).unwrap().unwrap();
    for pattern in [[None; 4], [None, Some(predicate), None, None]] {
        let mut scan = QuadSource::scan(&snapshot, pattern, &ReadContext::new()).unwrap();
        let order = match QuadScan::permutation(&scan) {
            Permutation::Spoc => [0, 1, 2, 3],
            Permutation::Pocs => [1, 2, 3, 0],
            Permutation::Ocsp => [2, 3, 0, 1],
            Permutation::Cspo => [3, 0, 1, 2],
        };
        let mut batch = ColumnBatch::new();
        let mut keys: Vec<[TermId; 4]> = Vec::new();
        while QuadScan::next_batch(&mut scan, &mut batch).unwrap() {
            keys.extend(
                (0..batch.len()).map(|row| order.map(|position| batch.quad(row)[position])),
            );
        }
        assert!(keys.is_sorted(), "{order:?}");
        assert_eq!(
            keys.len() as u64,
            QuadSource::count(&snapshot, pattern).unwrap()
        );
        assert!(QuadSource::estimate(&snapshot, pattern).unwrap() > 0);
    }
}

#[test]
fn graphs_are_listed_with_their_counts_and_found() {
    let snapshot = store(":s :p 1, 2 . :g { :s :p 1 }").snapshot().unwrap();
    let graph = NamedNode::new_unchecked("http://example.com/g");
    let graph = QuadSource::encode(&snapshot, graph.as_ref().into())
        .unwrap()
        .unwrap();
    let mut graphs: Vec<_> = QuadSource::graphs(&snapshot)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    graphs.sort();
    assert_eq!(graphs, [(TermId::DEFAULT_GRAPH, 2), (graph, 1)]);
    assert!(QuadSource::contains_graph(&snapshot, graph).unwrap());
    assert_eq!(
        QuadSource::decode(&snapshot, graph).unwrap().to_string(),
        "<http://example.com/g>"
    );
    assert!(QuadSource::decode(&snapshot, TermId::DEFAULT_GRAPH).is_err());
}
