//! The set of rows that a snapshot is compared with, and random choices.

use crate::History;
use oxrdf::{GraphName, Literal, NamedNode, Quad, Term};
use quadrille_backend::StorageBackend;
use quadrille_store::{IdPattern, Permutation, Snapshot, TermId};
use std::collections::BTreeSet;

/// A quad as small numbers: subject, predicate, object, graph.
pub(crate) type Numbers = [u16; 4];

/// A row of raw ids.
pub(crate) type Row = [u64; 4];

fn node(kind: &str, number: u16) -> NamedNode {
    NamedNode::new(format!("http://example.org/{kind}/{number}")).unwrap()
}

/// Objects are IRIs and integers, so that their ids have two tags.
pub(crate) fn quad([subject, predicate, object, graph]: Numbers) -> Quad {
    let object: Term = if object.is_multiple_of(2) {
        node("thing", object).into()
    } else {
        Literal::from(i64::from(object)).into()
    };
    let graph = match graph {
        0 => GraphName::DefaultGraph,
        _ => node("graph", graph).into(),
    };
    Quad::new(
        node("thing", subject),
        node("predicate", predicate),
        object,
        graph,
    )
}

/// What the snapshot must hold: rows in the order subject, predicate, object, graph.
pub(crate) struct Model {
    pub(crate) rows: BTreeSet<Row>,
    /// For each position, ids that quads have there, and some that none has.
    pub(crate) ids: [Vec<u64>; 4],
}

impl Model {
    pub(crate) fn of<B: StorageBackend>(snapshot: &Snapshot<B>, history: &History) -> Self {
        let mut quads: BTreeSet<Numbers> = history.loaded.iter().copied().collect();
        quads.extend(&history.inserted);
        for place in &history.removed {
            if let Some(numbers) = history.loaded.get(place % history.loaded.len().max(1)) {
                quads.remove(numbers);
            }
        }
        let id = |term: &Term| snapshot.encode(term).unwrap().unwrap().raw();
        let rows: BTreeSet<Row> = quads
            .into_iter()
            .map(|numbers| {
                let quad = quad(numbers);
                let graph = snapshot.encode_graph(&quad.graph_name).unwrap().unwrap();
                [
                    id(&quad.subject.into()),
                    id(&quad.predicate.into()),
                    id(&quad.object),
                    graph.raw(),
                ]
            })
            .collect();
        let ids = std::array::from_fn(|position| {
            let mut ids: BTreeSet<u64> = rows.iter().map(|row| row[position]).collect();
            let middle = ids.iter().nth(ids.len() / 2).copied().unwrap_or(7);
            ids.extend([1, middle + 1, u64::MAX]);
            ids.into_iter().collect()
        });
        assert_eq!(snapshot.len(), rows.len() as u64);
        Self { rows, ids }
    }

    /// The rows that match, sorted in a permutation and written in it.
    pub(crate) fn sorted(
        &self,
        permutation: Permutation,
        matches: impl Fn(&Row) -> bool,
    ) -> Vec<Row> {
        let mut rows: Vec<Row> = self.rows.iter().copied().filter(matches).collect();
        for row in &mut rows {
            *row = permutation.permute(*row);
        }
        rows.sort_unstable();
        rows
    }
}

/// Whether a row has the ids that a pattern binds.
pub(crate) fn matches(pattern: &IdPattern, row: &Row) -> bool {
    let mut pairs = pattern.iter().zip(row);
    pairs.all(|(id, value)| id.is_none_or(|id| id.raw() == *value))
}

/// Random choices from a seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below a bound.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    /// True so many times in a hundred.
    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub(crate) fn permutation(&mut self) -> Permutation {
        self.pick(&Permutation::ALL)
    }

    pub(crate) fn columns(&mut self) -> [bool; 4] {
        std::array::from_fn(|_| self.percent(60))
    }

    /// A pattern that binds each position so many times in a hundred; often one that a row matches.
    pub(crate) fn pattern(&mut self, model: &Model, percent: usize) -> IdPattern {
        let row = model.rows.iter().nth(self.below(model.rows.len().max(1)));
        std::array::from_fn(|position| {
            let id = match row {
                Some(row) if self.percent(80) => row[position],
                _ => self.pick(&model.ids[position]),
            };
            self.percent(percent).then_some(TermId::from_raw(id))
        })
    }

    /// Bounds of a position's ids, rarely of none.
    pub(crate) fn range(&mut self, model: &Model, position: usize) -> (u64, u64) {
        let low = self.pick(&model.ids[position]);
        match self.below(4) {
            0 => (low, low),
            1 => (low, self.pick(&model.ids[position])),
            _ => {
                let high = self.pick(&model.ids[position]);
                (low.min(high), low.max(high).saturating_sub(1))
            }
        }
    }
}
