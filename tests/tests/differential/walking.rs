//! Property paths, as SPARQL 1.1, section 18.4 and 18.5, defines them.
//!
//! What flows in: the triples of a graph, a path, its ends where they are constants. What flows out: pairs of ends, as
//! often as the path leads from one to the other; once for `*`, `+` and `?`. What always holds: a path of no length leads
//! from each node of the graph to itself, and from a constant, or what is reached from one, wherever it stands.

use crate::compare::Failure;
use oxrdf::{Term, Triple};
use spargebra::algebra::PropertyPathExpression as Path;

type Pairs = Vec<(Term, Term)>;
type Charge<'a> = &'a dyn Fn(usize) -> Result<(), Failure>;

/// The pairs of a path.
pub(crate) fn pairs(
    graph: &[Triple],
    path: &Path,
    start: Option<&Term>,
    goal: Option<&Term>,
    charge: Charge<'_>,
) -> Result<Pairs, Failure> {
    let step = |path: &Path, start: Option<&Term>, goal: Option<&Term>| {
        pairs(graph, path, start, goal, charge)
    };
    charge(graph.len() + 1)?;
    Ok(match path {
        Path::NamedNode(name) => edges(graph, start, goal, |predicate| predicate == name),
        Path::NegatedPropertySet(names) => {
            edges(graph, start, goal, |predicate| !names.contains(predicate))
        }
        Path::Reverse(inner) => flipped(step(inner, goal, start)?),
        Path::Alternative(left, right) => {
            let mut all = step(left, start, goal)?;
            all.extend(step(right, start, goal)?);
            all
        }
        Path::Sequence(left, right) if start.is_none() && goal.is_some() => {
            let mut all = Vec::new();
            for (middle, to) in step(right, None, goal)? {
                let from = step(left, None, Some(&middle))?;
                all.extend(from.into_iter().map(|(from, _)| (from, to.clone())));
            }
            all
        }
        Path::Sequence(left, right) => {
            let mut all = Vec::new();
            for (from, middle) in step(left, start, None)? {
                let to = step(right, Some(&middle), goal)?;
                all.extend(to.into_iter().map(|(_, to)| (from.clone(), to)));
            }
            all
        }
        Path::ZeroOrOne(inner) => {
            let mut all = standing(graph, start, goal);
            all.extend(step(inner, start, goal)?);
            once(all)
        }
        Path::ZeroOrMore(inner) => {
            let mut all = standing(graph, start, goal);
            all.extend(closure(graph, inner, start, goal, charge)?);
            once(all)
        }
        Path::OneOrMore(inner) => closure(graph, inner, start, goal, charge)?,
    })
}

fn edges(
    graph: &[Triple],
    start: Option<&Term>,
    goal: Option<&Term>,
    fits: impl Fn(&oxrdf::NamedNode) -> bool,
) -> Pairs {
    let along = graph.iter().filter(|triple| fits(&triple.predicate));
    along
        .map(|triple| (triple.subject.clone().into(), triple.object.clone()))
        .filter(|(from, to)| is(from, start) && is(to, goal))
        .collect()
}

fn is(term: &Term, wanted: Option<&Term>) -> bool {
    wanted.is_none_or(|wanted| wanted == term)
}

fn flipped(pairs: Pairs) -> Pairs {
    pairs.into_iter().map(|(from, to)| (to, from)).collect()
}

fn once(mut pairs: Pairs) -> Pairs {
    let mut seen = std::collections::HashSet::new();
    pairs.retain(|pair| seen.insert(pair.clone()));
    pairs
}

fn nodes(graph: &[Triple]) -> Vec<Term> {
    let mut nodes = Vec::new();
    for triple in graph {
        for node in [triple.subject.clone().into(), triple.object.clone()] {
            if !nodes.contains(&node) {
                nodes.push(node);
            }
        }
    }
    nodes
}

/// The pairs of the path of no length.
fn standing(graph: &[Triple], start: Option<&Term>, goal: Option<&Term>) -> Pairs {
    let same = |term: &Term| (term.clone(), term.clone());
    match (start, goal) {
        (Some(start), Some(goal)) if start != goal => Vec::new(),
        (Some(term), _) | (None, Some(term)) => vec![same(term)],
        (None, None) => nodes(graph).iter().map(same).collect(),
    }
}

/// The pairs of one step or more.
fn closure(
    graph: &[Triple],
    path: &Path,
    start: Option<&Term>,
    goal: Option<&Term>,
    charge: Charge<'_>,
) -> Result<Pairs, Failure> {
    if start.is_none() && goal.is_some() {
        let back = Path::Reverse(Box::new(path.clone()));
        return Ok(flipped(closure(graph, &back, goal, None, charge)?));
    }
    let starts = start.map_or_else(|| nodes(graph), |start| vec![start.clone()]);
    let mut all = Vec::new();
    for from in starts {
        let mut reached: Vec<Term> = Vec::new();
        let mut open = vec![from.clone()];
        while let Some(node) = open.pop() {
            for (_, to) in pairs(graph, path, Some(&node), None, charge)? {
                if !reached.contains(&to) {
                    reached.push(to.clone());
                    open.push(to);
                }
            }
        }
        let reached = reached.into_iter().filter(|to| is(to, goal));
        all.extend(reached.map(|to| (from.clone(), to)));
    }
    Ok(all)
}
