//! Which index each pattern of a multiway join is read in, if there is one for each.
//!
//! What flows in: patterns over numbered variables, the query's dataset. What flows out: a trie a pattern. What always holds:
//! the variables of a trie ascend from level to level, and only levels behind all of them are left out: so each triple
//! comes once, whatever graphs hold it.
//!
//! There are four orders of quads, all rotations of one, so not every order of variables can be had: within one graph, or
//! with a constant predicate, subject before object and object before subject both can; in the union of all graphs only
//! subject, predicate, object.

use crate::algebra::{GraphPlace, Place, Quads, Slot};
use crate::dataset::{DefaultGraph, QueryDataset};
use quadrille_store::{IdPattern, Permutation, TermId};

/// What a position of a pattern is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum JoinPosition {
    Constant(TermId),
    /// A variable by its number.
    Variable(usize),
}

/// The graph that a pattern is matched in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum JoinGraph {
    /// The query's default graph.
    Default,
    /// One of its named graphs.
    Named(JoinPosition),
}

/// A pattern of a multiway join.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct JoinPattern {
    /// Subject, predicate, object.
    pub(crate) triple: [JoinPosition; 3],
    pub(crate) graph: JoinGraph,
}

/// A pattern of a multiway join whose variables have these numbers.
pub(crate) fn join_pattern(quads: &Quads, number: impl Fn(Slot) -> usize) -> JoinPattern {
    let position = |place: Place| match place {
        Place::Constant(id) => JoinPosition::Constant(TermId::from_raw(id)),
        Place::Slot(slot) => JoinPosition::Variable(number(slot)),
    };
    JoinPattern {
        triple: quads.triple.map(position),
        graph: match quads.graph {
            GraphPlace::Default => JoinGraph::Default,
            GraphPlace::Named(place) => JoinGraph::Named(position(place)),
        },
    }
}

/// A pattern as a trie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct TriePlan {
    pub(super) permutation: Permutation,
    pub(super) pattern: IdPattern,
    /// The variables of the levels; levels behind them are of no interest.
    pub(super) variables: Vec<usize>,
    /// Whether the dataset cannot have a match.
    pub(super) is_empty: bool,
}

/// A graph within the dataset.
enum Resolved {
    Position(JoinPosition),
    /// All graphs, each triple once.
    All,
    /// A graph that the dataset does not have.
    None,
}

/// The tries of the patterns for a multiway join that binds the variables in the order of their numbers; `None` when it
/// cannot: when a pattern has a variable twice or none at all, when a variable is in no pattern, when no index sorts a
/// pattern so, when the default graph is put together from several `FROM` graphs, and when the graph is a variable and
/// `FROM NAMED` restricts it.
pub(super) fn tries(
    dataset: &QueryDataset,
    patterns: &[JoinPattern],
    variables: usize,
) -> Option<Vec<TriePlan>> {
    let plans: Vec<TriePlan> = patterns
        .iter()
        .map(|pattern| trie(dataset, pattern))
        .collect::<Option<_>>()?;
    let is_used = |variable| plans.iter().any(|plan| plan.variables.contains(&variable));
    let is_known = |plan: &TriePlan| plan.variables.iter().all(|number| *number < variables);
    let fits = variables > 0 && (0..variables).all(is_used) && plans.iter().all(is_known);
    fits.then_some(plans)
}

/// The orders in which some index has the variables of a pattern; none when tries cannot have the pattern.
pub(crate) fn orders(dataset: &QueryDataset, pattern: &JoinPattern) -> Vec<Vec<usize>> {
    let Some(graph) = resolve(dataset, pattern.graph) else {
        return Vec::new();
    };
    let positions = positions(pattern, &graph);
    Permutation::ALL
        .into_iter()
        .filter_map(|permutation| levels(permutation.permute(positions)))
        .collect()
}

/// The positions of a pattern's quads; `None` is one that is not asked for.
fn positions(pattern: &JoinPattern, graph: &Resolved) -> [Option<JoinPosition>; 4] {
    let graph = match graph {
        Resolved::Position(position) => Some(*position),
        Resolved::All => None,
        Resolved::None => Some(JoinPosition::Constant(TermId::DEFAULT_GRAPH)),
    };
    let [subject, predicate, object] = pattern.triple.map(Some);
    [subject, predicate, object, graph]
}

fn trie(dataset: &QueryDataset, pattern: &JoinPattern) -> Option<TriePlan> {
    let graph = resolve(dataset, pattern.graph)?;
    let positions = positions(pattern, &graph);
    let constant = |position| match position {
        Some(JoinPosition::Constant(id)) => Some(id),
        _ => None,
    };
    let ids = positions.map(constant);
    let fitting = Permutation::ALL.into_iter().filter_map(|permutation| {
        let variables = levels(permutation.permute(positions))?;
        variables.is_sorted().then_some((permutation, variables))
    });
    // The order with the longest prefix of constants has the least to skip.
    let bound = ids.map(|id| id.is_some());
    let (permutation, variables) =
        fitting.max_by_key(|(permutation, _)| permutation.bound_prefix(bound))?;
    Some(TriePlan {
        permutation,
        pattern: ids,
        variables,
        is_empty: matches!(graph, Resolved::None)
            || ids.iter().flatten().any(|id| id.is_query_local()),
    })
}

/// The variables of a row's columns, if none comes twice and nothing is left out between them or before a constant.
fn levels(columns: [Option<JoinPosition>; 4]) -> Option<Vec<usize>> {
    let mut variables: Vec<usize> = Vec::new();
    let named = columns.iter().map_while(|column| *column);
    let count = named.clone().count();
    for position in named {
        if let JoinPosition::Variable(number) = position {
            if variables.contains(&number) {
                return None;
            }
            variables.push(number);
        }
    }
    let is_rest_open = columns[count..].iter().all(Option::is_none);
    (is_rest_open && !variables.is_empty()).then_some(variables)
}

/// The graph of a pattern within the dataset; `None` when tries cannot have it.
fn resolve(dataset: &QueryDataset, graph: JoinGraph) -> Option<Resolved> {
    let constant = |id| Resolved::Position(JoinPosition::Constant(id));
    match (graph, &dataset.default_graph, &dataset.named_graphs) {
        (JoinGraph::Default, DefaultGraph::Stored, _) => Some(constant(TermId::DEFAULT_GRAPH)),
        (JoinGraph::Default, DefaultGraph::Union, _) => Some(Resolved::All),
        (JoinGraph::Default, DefaultGraph::Merge(graphs), _) => match graphs.as_slice() {
            [] => Some(Resolved::None),
            [graph] => Some(constant(*graph)),
            _ => None,
        },
        (JoinGraph::Named(JoinPosition::Constant(id)), _, names) => {
            let is_named = id != TermId::DEFAULT_GRAPH
                && names.as_ref().is_none_or(|names| names.contains(&id));
            Some(if is_named {
                constant(id)
            } else {
                Resolved::None
            })
        }
        // The default graph is not among the values: its id is below the first that a variable may have.
        (JoinGraph::Named(position), _, None) => Some(Resolved::Position(position)),
        (JoinGraph::Named(_), _, Some(_)) => None,
    }
}
