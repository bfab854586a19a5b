//! Cyclic groups of patterns over small dense graphs, for joins of many patterns at once.
//!
//! What flows in: a random generator. What flows out: cases. What always holds: each query has a cycle of three to five
//! patterns; data are dense enough for most of them to have answers, and small enough for the reference.

use crate::compare::Case;
use crate::data::{GRAPHS, one_of};
use fastrand::Rng;
use std::collections::BTreeSet;

const NODES: u8 = 7;
const VARIABLES: [&str; 5] = ["?a", "?b", "?c", "?d", "?e"];

/// A query with a cycle, and edges for it.
pub(crate) fn draw(rng: &mut Rng) -> Case {
    Case {
        data: edges(rng),
        query: query(rng),
        union_default_graph: rng.u8(..6) == 0,
    }
}

/// Edges between few nodes. Many of them meet in the first one; some are in named graphs, or in several.
fn edges(rng: &mut Rng) -> Vec<String> {
    let count = rng.usize(20..50);
    let node = |rng: &mut Rng| match rng.u8(..4) {
        0 => 0,
        _ => rng.u8(..NODES),
    };
    let edge = |rng: &mut Rng| {
        let (subject, object) = (node(rng), node(rng));
        let predicate = ["p", "p", "p", "q"][rng.usize(..4)];
        let triple = format!(":n{subject} :{predicate} :n{object}");
        match rng.u8(..3) {
            0 => format!("{} {{ {triple} }}", one_of(rng, &GRAPHS[..2])),
            _ => format!("{triple} ."),
        }
    };
    // The reference takes an edge that comes twice for two.
    let edges: BTreeSet<String> = (0..count).map(|_| edge(rng)).collect();
    edges.into_iter().collect()
}

fn query(rng: &mut Rng) -> String {
    let length = rng.usize(3..=5);
    let mut patterns: Vec<String> = (0..length)
        .map(|at| pattern(rng, at, (at + 1) % length))
        .collect();
    for _ in 0..rng.usize(..3) {
        let (from, to) = (rng.usize(..length), rng.usize(..length));
        patterns.push(pattern(rng, from, to));
    }
    if rng.u8(..4) == 0 {
        let node = rng.u8(..NODES);
        patterns.push(format!("?a ?x :n{node} ."));
    }
    rng.shuffle(&mut patterns);
    let patterns = patterns.join(" ");
    let group = match rng.u8(..8) {
        0 => format!("GRAPH {} {{ {patterns} }}", one_of(rng, &GRAPHS[..2])),
        1 => format!("GRAPH ?g {{ {patterns} }}"),
        2 => format!("{patterns} FILTER (?a != ?b)"),
        3 => format!("{patterns} OPTIONAL {{ ?a :q ?y }}"),
        _ => patterns,
    };
    match rng.u8(..6) {
        0 => format!("SELECT (COUNT(*) AS ?n) WHERE {{ {group} }}"),
        1 => format!("SELECT ?a (COUNT(*) AS ?n) WHERE {{ {group} }} GROUP BY ?a"),
        2 => format!("SELECT DISTINCT ?a ?b WHERE {{ {group} }}"),
        3 => format!("SELECT ?c ?b WHERE {{ {group} }} ORDER BY ?c"),
        _ => format!("SELECT * WHERE {{ {group} }}"),
    }
}

/// An edge between two variables, in either direction; now and then of any predicate.
fn pattern(rng: &mut Rng, from: usize, to: usize) -> String {
    let predicate = match rng.u8(..12) {
        0 => "?p",
        1 => ":q",
        _ => ":p",
    };
    let (from, to) = if rng.u8(..3) == 0 {
        (to, from)
    } else {
        (from, to)
    };
    format!("{} {predicate} {} .", VARIABLES[from], VARIABLES[to])
}
