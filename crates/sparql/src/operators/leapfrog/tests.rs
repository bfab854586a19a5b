//! Random patterns over random quads, against trying every quad for every pattern.

use super::tries::{JoinGraph, JoinPattern, JoinPosition, orders};
use super::{ALL_VALUES, Leapfrog, LeapfrogParts, SharedTries};
use crate::dataset::DefaultGraph;
use crate::error::QueryError;
use crate::execution::{Execution, Memory};
use crate::operators::Operator;
use crate::operators::test_support::{Random, collect, execution_over};
use crate::options::QueryOptions;
use oxrdf::{GraphName, NamedNode, Quad};
use quadrille_backend::InMemoryBackend;
use quadrille_store::{CancelToken, QuadStore, TermId};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

type Store = QuadStore<InMemoryBackend>;

fn node(name: impl std::fmt::Display) -> NamedNode {
    NamedNode::new_unchecked(format!("http://example.com/{name}"))
}

/// Quads in the default graph and two others, some in blocks and some in the delta.
fn random_store(random: &mut Random, nodes: u64, quads: u64) -> Store {
    let store = QuadStore::open(InMemoryBackend::new()).expect("an empty store");
    for part in 0..2 {
        let rows = (0..quads / 2).map(|_| {
            let graph = match random.below(4) {
                graph @ 0..2 => GraphName::NamedNode(node(format!("g{graph}"))),
                _ => GraphName::DefaultGraph,
            };
            let subject = node(format!("n{}", random.below(nodes)));
            let predicate = node(format!("p{}", random.below(2)));
            let object = node(format!("n{}", random.below(nodes)));
            Quad::new(subject, predicate, object, graph)
        });
        let rows: Vec<Quad> = rows.collect();
        if part == 0 {
            store.extend(rows).expect("loaded");
        } else {
            for quad in &rows {
                store.insert(quad).expect("inserted");
            }
        }
    }
    store
}

fn id(execution: &Execution, name: &str) -> TermId {
    TermId::from_raw(execution.terms.encode(node(name).into()).expect("encoded"))
}

/// All quads as raw ids.
fn quads(execution: &Execution) -> Vec<[u64; 4]> {
    let dataset = &execution.dataset;
    let scan = dataset.source.scan([None; 4], dataset.limits.context());
    let mut scan = scan.expect("a scan");
    let (mut rows, mut batch) = (Vec::new(), quadrille_store::ColumnBatch::new());
    while scan.next_batch(&mut batch).expect("a batch") {
        rows.extend((0..batch.len()).map(|row| batch.quad(row).map(TermId::raw)));
    }
    rows
}

/// The quads that a pattern may match, each triple once where the graph does not matter.
fn candidates(execution: &Execution, all: &[[u64; 4]], graph: JoinGraph) -> BTreeSet<[u64; 4]> {
    let named = &execution.dataset.named_graphs;
    let is_named = |graph: u64| {
        let names = named.as_ref();
        graph != 0 && names.is_none_or(|names| names.contains(&TermId::from_raw(graph)))
    };
    let quads = all.iter().copied();
    let triple = |[subject, predicate, object, _]: [u64; 4]| [subject, predicate, object, 0];
    match (graph, &execution.dataset.default_graph) {
        (JoinGraph::Named(_), _) => quads.filter(|quad| is_named(quad[3])).collect(),
        (JoinGraph::Default, DefaultGraph::Stored) => quads.filter(|quad| quad[3] == 0).collect(),
        (JoinGraph::Default, DefaultGraph::Union) => quads.map(triple).collect(),
        (JoinGraph::Default, DefaultGraph::Merge(graphs)) => quads
            .filter(|quad| graphs.contains(&TermId::from_raw(quad[3])))
            .map(triple)
            .collect(),
    }
}

/// Every quad tried for every pattern, one pattern after the other.
fn reference(execution: &Execution, patterns: &[JoinPattern], variables: usize) -> Vec<Vec<u64>> {
    let all = quads(execution);
    let mut rows = vec![vec![0; variables]];
    for pattern in patterns {
        let candidates = candidates(execution, &all, pattern.graph);
        let mut joined = Vec::new();
        for (row, quad) in rows
            .iter()
            .flat_map(|row| candidates.iter().map(move |quad| (row, quad)))
        {
            let mut row = row.clone();
            let graph = match pattern.graph {
                JoinGraph::Default => None,
                JoinGraph::Named(position) => Some(position),
            };
            let mut positions = pattern.triple.iter().chain(&graph).zip(quad);
            let fits = positions.all(|(position, value)| match position {
                JoinPosition::Constant(id) => id.raw() == *value,
                JoinPosition::Variable(variable) => {
                    let known = std::mem::replace(&mut row[*variable], *value);
                    known == 0 || known == *value
                }
            });
            joined.extend(fits.then_some(row));
        }
        rows = joined;
    }
    rows.sort();
    rows
}

fn join(
    execution: &Arc<Execution>,
    patterns: &[JoinPattern],
    variables: usize,
) -> Result<Vec<Vec<u64>>, QueryError> {
    let rows = |first, kept: &Arc<SharedTries>| {
        let parts = LeapfrogParts {
            patterns: patterns.to_vec(),
            variables,
            columns: (0..variables).collect(),
            first,
            kept: Arc::clone(kept),
        };
        collect(&mut Leapfrog::new(Arc::clone(execution), parts)?, variables)
    };
    let all = rows(ALL_VALUES, &Arc::default())?;
    // The same in parts, which share what is kept.
    let kept = Arc::default();
    let cut = all.get(all.len() / 2).map_or(9, |row| row[0]);
    let mut parts = rows((1, cut - 1), &kept)?;
    parts.extend(rows((cut, cut), &kept)?);
    parts.extend(rows((cut + 1, u64::MAX), &kept)?);
    assert!(parts == all, "parts have other rows");
    Ok(all)
}

/// Whether each pattern can be walked by ascending variables, and each variable is in one.
fn are_walked(execution: &Execution, patterns: &[JoinPattern], variables: usize) -> bool {
    let orders = |pattern| orders(&execution.dataset, pattern);
    let is_walked = |pattern| orders(pattern).iter().any(|order| order.is_sorted());
    let is_used = |variable| {
        let mut orders = patterns.iter().flat_map(orders);
        orders.any(|order| order.contains(&variable))
    };
    patterns.iter().all(is_walked) && (0..variables).all(is_used)
}

fn edge(subject: usize, predicate: TermId, object: usize) -> JoinPattern {
    JoinPattern {
        triple: [
            JoinPosition::Variable(subject),
            JoinPosition::Constant(predicate),
            JoinPosition::Variable(object),
        ],
        graph: JoinGraph::Default,
    }
}

fn random_pattern(random: &mut Random, execution: &Execution, variables: usize) -> JoinPattern {
    let mut position = |name: &str, most: u64, constants: u64| {
        if random.below(100) < constants {
            JoinPosition::Constant(id(execution, &format!("{name}{}", random.below(most))))
        } else {
            JoinPosition::Variable(random.below(variables as u64) as usize)
        }
    };
    // Of graphs and nodes there are more names than things, so that some have no quad.
    let triple = [
        position("n", 9, 20),
        position("p", 2, 80),
        position("n", 9, 20),
    ];
    let graph = position("g", 3, 50);
    let is_default = random.below(2) == 0;
    JoinPattern {
        triple,
        graph: if is_default {
            JoinGraph::Default
        } else {
            JoinGraph::Named(graph)
        },
    }
}

fn random_dataset(random: &mut Random, execution: &mut Execution) {
    let mut graphs = |most: u64| -> Vec<TermId> {
        let count = random.below(most);
        (0..count)
            .map(|graph| id(execution, &format!("g{graph}")))
            .collect()
    };
    let (merged, named) = (graphs(3), graphs(3));
    execution.dataset.default_graph = match random.below(4) {
        0 | 1 => DefaultGraph::Stored,
        2 => DefaultGraph::Union,
        _ => DefaultGraph::Merge(merged),
    };
    execution.dataset.named_graphs = (random.below(4) == 0).then_some(named);
}

#[test]
fn random_patterns_give_what_trying_every_quad_gives() {
    let mut random = Random(11);
    let (mut joined, mut rows) = (0, 0);
    for _ in 0..12 {
        let store = random_store(&mut random, 8, 60);
        for _ in 0..500 {
            let mut execution = execution_over(&store, usize::MAX, &QueryOptions::new());
            random_dataset(&mut random, &mut execution);
            let variables = 1 + random.below(3) as usize;
            let patterns: Vec<_> = (0..1 + random.below(3))
                .map(|_| random_pattern(&mut random, &execution, variables))
                .collect();
            if random.below(2) == 0 {
                // Without memory, no pattern is kept.
                execution.memory = Memory::new(0);
            }
            let execution = Arc::new(execution);
            let result = join(&execution, &patterns, variables);
            assert_eq!(are_walked(&execution, &patterns, variables), result.is_ok());
            if let Ok(result) = result {
                let expected = reference(&execution, &patterns, variables);
                assert!(expected == result, "{patterns:?}");
                joined += 1;
                rows += result.len();
            }
        }
    }
    assert!(joined > 100 && rows > 1_000, "{joined} joins, {rows} rows");
}

#[test]
fn cycles_are_joined_in_one_graph_and_forward_ones_in_the_union() {
    let mut random = Random(5);
    let store = random_store(&mut random, 12, 200);
    let mut execution = execution_over(&store, usize::MAX, &QueryOptions::new());
    let predicate = id(&execution, "p0");
    let cycle = [
        edge(0, predicate, 1),
        edge(1, predicate, 2),
        edge(2, predicate, 0),
    ];
    let forward = [
        edge(0, predicate, 1),
        edge(1, predicate, 2),
        edge(0, predicate, 2),
    ];
    let shared = Arc::new(execution_over(&store, usize::MAX, &QueryOptions::new()));
    for patterns in [cycle, forward] {
        let rows = join(&shared, &patterns, 3).expect("joined");
        assert!(!rows.is_empty());
        assert_eq!(reference(&shared, &patterns, 3), rows);
    }
    execution.dataset.default_graph = DefaultGraph::Union;
    let execution = Arc::new(execution);
    assert!(join(&execution, &cycle, 3).is_err());
    let rows = join(&execution, &forward, 3).expect("joined");
    assert_eq!(reference(&execution, &forward, 3), rows);
}

#[test]
fn a_long_join_is_cancelled() {
    let mut random = Random(9);
    let store = random_store(&mut random, 60, 6_000);
    let token = CancelToken::new();
    let options = QueryOptions::new().with_cancel_token(token.clone());
    let execution = Arc::new(execution_over(&store, usize::MAX, &options));
    let predicate = id(&execution, "p0");
    // Walks of eight steps: far too many to be counted.
    let patterns: Vec<_> = (0..8).map(|at| edge(at, predicate, at + 1)).collect();
    let parts = LeapfrogParts {
        patterns,
        variables: 9,
        columns: vec![8],
        first: ALL_VALUES,
        kept: Arc::default(),
    };
    let mut join = Leapfrog::new(execution, parts).expect("joined");
    let mut batch = crate::batch::Batch::default();
    assert!(join.next(&mut batch).expect("rows"));
    token.cancel();
    let start = Instant::now();
    assert!(matches!(join.next(&mut batch), Err(QueryError::Cancelled)));
    assert!(start.elapsed() < Duration::from_millis(50));
}
