//! `GRAPH ?g` as a join: the name of the graph is a column of the rows, instead of each graph being matched by itself.
//!
//! What flows in: an [`Algebra`] whose patterns are matched in the graph that a slot names. What flows out: one whose rows
//! bind the slot, all graphs at once. What always holds: those rows are the rows of each graph with its name; where that
//! is not clear, nothing flows out. Sets are told apart, groups made and `MINUS` and `EXISTS` answered within each graph,
//! since its name is among what they compare (C. Galindo-Legaria and M. Joshi, "Orthogonal optimization of subqueries and
//! aggregation", 2001, do the same to subqueries); slices are cut of the rows of each name.

use super::{Aggregate, Algebra, GraphPlace, Path, Place, Quads, Scalar, Slot, SlotSet};
use oxrdf::Literal;
use spargebra::algebra::{AggregateExpression, AggregateFunction, Expression};

/// What becomes of `LIMIT` and `OFFSET` within each graph.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slices {
    /// All rows are read, and counted by graph. Each graph by itself can end early, which is better where graphs are large.
    Counted,
    NotTaken,
}

/// The rows of all named graphs for what is matched in each, if they can be had at once.
pub(crate) fn at_once(
    graph: Slot,
    inner: &Algebra,
    bound: Slot,
    slices: Slices,
) -> Option<Algebra> {
    let is_apart = !inner.mentioned().contains(bound);
    if !is_apart && !inner.certain().contains(bound) {
        return None;
    }
    let lifting = Lifting {
        graph,
        name: if is_apart { bound } else { graph },
        spare: is_apart.then_some(graph),
        slices,
    };
    let lifted = lifting.lifted(inner)?;
    if is_apart {
        return Some(lifted);
    }
    let [name, own] = [graph, bound].map(|slot| Box::new(Expression::Variable(slot.variable())));
    Some(Algebra::Join {
        parts: vec![lifted],
        filters: vec![Scalar {
            expression: Expression::SameTerm(name, own),
            slots: [graph, bound].into_iter().collect(),
            exists: Vec::new(),
        }],
    })
}

/// How the graph becomes a column.
struct Lifting {
    /// The slot that names the graph in the patterns.
    graph: Slot,
    /// The slot of the column.
    name: Slot,
    /// A slot that nothing uses any more.
    spare: Option<Slot>,
    slices: Slices,
}

impl Lifting {
    fn is_matched_in(&self, algebra: &Algebra) -> bool {
        algebra.mentioned().contains(self.graph)
    }

    /// The part with the name of the graph in each row.
    fn lifted(&self, algebra: &Algebra) -> Option<Algebra> {
        Some(match algebra {
            Algebra::Quads(Quads { triple, graph }) => self.named(Algebra::Quads(Quads {
                triple: *triple,
                graph: self.graph_place(*graph),
            })),
            Algebra::Path(path) => self.named(Algebra::Path(Box::new(Path {
                graph: self.graph_place(path.graph),
                ..Path::clone(path)
            }))),
            Algebra::Join { parts, filters } => {
                let parts: Option<Vec<_>> = parts.iter().map(|part| self.beside(part)).collect();
                let mut parts = parts?;
                // Beside the parts, since the conditions on these may look into the graph.
                if !parts.iter().any(|part| self.is_named(part)) {
                    parts.push(Algebra::NamedGraphs(self.name));
                }
                Algebra::Join {
                    parts,
                    filters: self.scalars(filters)?,
                }
            }
            Algebra::Union(parts) => {
                let parts: Option<Vec<_>> = parts.iter().map(|part| self.lifted(part)).collect();
                Algebra::Union(parts?)
            }
            Algebra::LeftJoin {
                left,
                right,
                filters,
            } => Algebra::LeftJoin {
                left: Box::new(self.lifted(left)?),
                right: Box::new(self.beside(right)?),
                filters: self.scalars(filters)?,
            },
            Algebra::Minus { left, right } => self.minus(left, right)?,
            Algebra::NamedGraphs(_)
            | Algebra::Values { .. }
            | Algebra::Service(_)
            | Algebra::EachGraph { .. }
                if !self.is_matched_in(algebra) =>
            {
                self.named(algebra.clone())
            }
            _ => self.around_one(algebra)?,
        })
    }

    fn around_one(&self, algebra: &Algebra) -> Option<Algebra> {
        let lifted = |inner: &Algebra| self.lifted(inner).map(Box::new);
        Some(match algebra {
            Algebra::Unpack {
                inner,
                triple,
                parts,
            } => Algebra::Unpack {
                inner: lifted(inner)?,
                triple: *triple,
                parts: *parts,
            },
            Algebra::Extend { inner, slot, value } => Algebra::Extend {
                inner: lifted(inner)?,
                slot: *slot,
                value: self.scalar(value)?,
            },
            Algebra::Project { inner, slots } => Algebra::Project {
                inner: lifted(inner)?,
                slots: self.with_name(slots),
            },
            Algebra::Distinct(inner) => Algebra::Distinct(lifted(inner)?),
            Algebra::Reduced(inner) => Algebra::Reduced(lifted(inner)?),
            Algebra::Sort { inner, keys } => {
                let mut keys = keys.clone();
                for sort in &mut keys {
                    sort.key = self.scalar(&sort.key)?;
                }
                Algebra::Sort {
                    inner: lifted(inner)?,
                    keys,
                }
            }
            Algebra::Group {
                inner,
                keys,
                aggregates,
            } => self.group(lifted(inner)?, keys, aggregates)?,
            // The first rows of each graph are not the first of all.
            Algebra::Slice {
                inner,
                start,
                length,
            } if self.slices == Slices::Counted => Algebra::SliceOfEach {
                inner: lifted(inner)?,
                slot: self.name,
                start: *start,
                length: *length,
            },
            _ => return None,
        })
    }

    /// A part of a join whose other parts may tell the name of the graph. What is something else each time is so in each graph.
    fn beside(&self, algebra: &Algebra) -> Option<Algebra> {
        match self.is_matched_in(algebra) || !algebra.is_repeatable() {
            true => self.lifted(algebra),
            false => Some(algebra.clone()),
        }
    }

    /// The part, beside the names of all graphs if its rows do not tell the name.
    fn named(&self, algebra: Algebra) -> Algebra {
        match self.is_named(&algebra) {
            true => algebra,
            false => Algebra::NamedGraphs(self.name).join(algebra),
        }
    }

    fn is_named(&self, algebra: &Algebra) -> bool {
        algebra.certain().contains(self.name)
    }

    fn graph_place(&self, graph: GraphPlace) -> GraphPlace {
        match graph {
            GraphPlace::Named(Place::Slot(slot)) if slot == self.graph => {
                GraphPlace::Named(Place::Slot(self.name))
            }
            other => other,
        }
    }

    fn with_name(&self, slots: &[Slot]) -> Vec<Slot> {
        slots.iter().copied().chain([self.name]).collect()
    }

    fn scalars(&self, scalars: &[Scalar]) -> Option<Vec<Scalar>> {
        scalars.iter().map(|scalar| self.scalar(scalar)).collect()
    }

    /// An expression whose `EXISTS` look into the graph of the row.
    fn scalar(&self, scalar: &Scalar) -> Option<Scalar> {
        let mut scalar = scalar.clone();
        for exists in &mut scalar.exists {
            if self.is_matched_in(&exists.pattern) {
                *exists.pattern = self.lifted(&exists.pattern)?;
                exists.shared.insert(self.name);
                scalar.slots.insert(self.name);
            }
        }
        Some(scalar)
    }

    /// `MINUS`, which takes away only what shares a variable beside the name of the graph.
    fn minus(&self, left: &Algebra, right: &Algebra) -> Option<Algebra> {
        let without_graph = |mut slots: SlotSet| {
            slots.remove(self.graph);
            slots
        };
        let shared = without_graph(left.possible().intersection(&right.possible()));
        let in_each_row = without_graph(left.certain().intersection(&right.certain()));
        let lifted = self.lifted(left)?;
        if shared.is_empty() {
            return Some(lifted);
        }
        if in_each_row.is_empty() && self.is_matched_in(right) {
            return None;
        }
        Some(Algebra::Minus {
            left: Box::new(lifted),
            right: Box::new(self.beside(right)?),
        })
    }

    /// Groups within each graph.
    fn group(
        &self,
        inner: Box<Algebra>,
        keys: &[Slot],
        aggregates: &[Aggregate],
    ) -> Option<Algebra> {
        let mut aggregates = aggregates.to_vec();
        for aggregate in &mut aggregates {
            if let Some(input) = &mut aggregate.input {
                *input = self.scalar(input)?;
            }
        }
        let slots: Vec<Slot> = aggregates.iter().map(|aggregate| aggregate.slot).collect();
        if !keys.is_empty() {
            return Some(Algebra::Group {
                inner,
                keys: self.with_name(keys),
                aggregates,
            });
        }
        let defaults: Option<Vec<_>> = aggregates.iter().map(default_of).collect();
        let is_marked = aggregates
            .iter()
            .zip(defaults.iter().flatten())
            .any(|(aggregate, default)| default.is_some() && may_fail(aggregate));
        let mark = self.spare.filter(|_| is_marked);
        if is_marked && mark.is_none() {
            return None;
        }
        aggregates.extend(mark.map(|slot| Aggregate {
            slot,
            function: AggregateExpression::CountSolutions { distinct: false },
            input: None,
        }));
        let groups = Algebra::Group {
            inner,
            keys: vec![self.name],
            aggregates,
        };
        Some(self.with_defaults(groups, &slots, defaults?, mark))
    }

    /// The groups, and the values of no rows at all for the graphs that have no group.
    fn with_defaults(
        &self,
        groups: Algebra,
        slots: &[Slot],
        defaults: Vec<Option<Literal>>,
        mark: Option<Slot>,
    ) -> Algebra {
        let mut algebra = Algebra::LeftJoin {
            left: Box::new(Algebra::NamedGraphs(self.name)),
            right: Box::new(groups),
            filters: Vec::new(),
        };
        for (slot, default) in slots.iter().zip(defaults) {
            let Some(default) = default else {
                continue;
            };
            let own = Expression::Variable(slot.variable());
            let mut known: SlotSet = std::iter::once(*slot).collect();
            let expression = match mark {
                Some(mark) => {
                    known.insert(mark);
                    Expression::If(
                        Box::new(Expression::Bound(mark.variable())),
                        Box::new(own),
                        Box::new(default.into()),
                    )
                }
                None => Expression::Coalesce(vec![own, default.into()]),
            };
            algebra = Algebra::Extend {
                inner: Box::new(algebra),
                slot: *slot,
                value: Scalar {
                    expression,
                    slots: known,
                    exists: Vec::new(),
                },
            };
        }
        Algebra::Project {
            inner: Box::new(algebra),
            slots: self.with_name(slots),
        }
    }
}

/// What an aggregate is of no rows: some are then unbound. `None` where only the aggregate itself knows.
fn default_of(aggregate: &Aggregate) -> Option<Option<Literal>> {
    Some(match &aggregate.function {
        AggregateExpression::CountSolutions { .. } => Some(Literal::from(0)),
        AggregateExpression::FunctionCall { name, .. } => match name {
            AggregateFunction::Count | AggregateFunction::Sum | AggregateFunction::Avg => {
                Some(Literal::from(0))
            }
            AggregateFunction::GroupConcat { .. } => Some(Literal::from("")),
            AggregateFunction::Min | AggregateFunction::Max | AggregateFunction::Sample => None,
            AggregateFunction::Custom(_) => return None,
        },
    })
}

/// Whether an aggregate of some rows may have no value.
fn may_fail(aggregate: &Aggregate) -> bool {
    !matches!(
        aggregate.function,
        AggregateExpression::CountSolutions { .. }
            | AggregateExpression::FunctionCall {
                name: AggregateFunction::Count,
                ..
            }
    )
}
