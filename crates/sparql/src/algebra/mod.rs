//! The algebra of a query in our own words: variables are slots, constants are ids, scopes are resolved.
//!
//! What flows in: what spargebra parsed. What flows out: a tree that the planner may reorder. What always holds: a slot
//! means one variable throughout the tree; a condition mentions no slot that the rows below it cannot bind, since such a
//! variable is unbound whatever is joined later; `EXISTS` stands beside a condition and not in it.

mod each_graph;
mod given;
mod graph_variable;
mod parts;
mod rename;
mod service;
mod service_text;
mod slots;
mod translate;

pub(crate) use each_graph::{Slices, at_once};
pub(crate) use parts::parts_of;
pub(crate) use slots::{Slot, SlotSet};
pub(crate) use translate::{HIDDEN, Translator};

use spargebra::algebra::{AggregateExpression, Expression, PropertyPathExpression};

/// A position of a pattern.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// Bound to whatever matches.
    Slot(Slot),
    /// A raw id; that of a term which the source does not hold is local to the query and matches nothing.
    Constant(u64),
}

impl Place {
    pub(crate) fn slot(self) -> Option<Slot> {
        match self {
            Self::Slot(slot) => Some(slot),
            Self::Constant(_) => None,
        }
    }
}

/// The graph that a pattern is matched in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum GraphPlace {
    /// The default graph of the query.
    Default,
    /// A named graph, or every named graph with its name in the slot.
    Named(Place),
}

impl GraphPlace {
    pub(crate) fn slot(self) -> Option<Slot> {
        match self {
            Self::Default => None,
            Self::Named(place) => place.slot(),
        }
    }
}

/// A triple pattern within a graph.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Quads {
    pub(crate) triple: [Place; 3],
    pub(crate) graph: GraphPlace,
}

/// A property path with a closure around it; others are joins and unions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Path {
    pub(crate) subject: Place,
    pub(crate) path: PropertyPathExpression,
    pub(crate) object: Place,
    pub(crate) graph: GraphPlace,
}

/// An expression over slots: its variables are those of [`Slot::variable`].
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Scalar {
    pub(crate) expression: Expression,
    /// The slots that it mentions, those of the marks of `exists` included.
    pub(crate) slots: SlotSet,
    /// The `EXISTS` in it, each of which is a slot of the expression that holds a boolean.
    pub(crate) exists: Vec<Exists>,
}

impl Scalar {
    /// Whether the expression has a value in each row that binds these slots: most others may be errors.
    pub(crate) fn is_bound(&self, certain: &SlotSet) -> bool {
        match &self.expression {
            Expression::Variable(name) => {
                Slot::of_variable(name).is_some_and(|slot| certain.contains(slot))
            }
            Expression::NamedNode(_) | Expression::Literal(_) => true,
            _ => false,
        }
    }
}

/// An `EXISTS` whose answer a slot holds.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Exists {
    pub(crate) mark: Slot,
    pub(crate) pattern: Box<Algebra>,
    /// The slots of the pattern that the row outside may bind.
    pub(crate) shared: SlotSet,
}

/// A key of `ORDER BY`.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct SortBy {
    pub(crate) key: Scalar,
    pub(crate) descending: bool,
}

/// An aggregate and the slot of its value.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Aggregate {
    pub(crate) slot: Slot,
    /// The aggregate as parsed; of its expression only `input` is used.
    pub(crate) function: AggregateExpression,
    /// What is aggregated; `None` is `*`.
    pub(crate) input: Option<Scalar>,
}

/// A part of a query.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Algebra {
    /// The rows that match all of the parts and pass all of the filters; without a part, one row without values.
    Join {
        parts: Vec<Self>,
        filters: Vec<Scalar>,
    },
    Quads(Quads),
    Path(Box<Path>),
    /// The names of all named graphs.
    NamedGraphs(Slot),
    /// The parts of a triple term, as far as they match; rows whose slot holds something else go away.
    Unpack {
        inner: Box<Self>,
        triple: Slot,
        parts: [Place; 3],
    },
    LeftJoin {
        left: Box<Self>,
        right: Box<Self>,
        filters: Vec<Scalar>,
    },
    Minus {
        left: Box<Self>,
        right: Box<Self>,
    },
    Union(Vec<Self>),
    Extend {
        inner: Box<Self>,
        slot: Slot,
        value: Scalar,
    },
    /// Rows of raw ids, one for each slot.
    Values {
        slots: Vec<Slot>,
        rows: Vec<Vec<u64>>,
    },
    /// The inner rows with these slots only.
    Project {
        inner: Box<Self>,
        slots: Vec<Slot>,
    },
    Distinct(Box<Self>),
    Reduced(Box<Self>),
    Slice {
        inner: Box<Self>,
        start: usize,
        length: Option<usize>,
    },
    /// Of the inner rows of each value of a slot the same slice.
    SliceOfEach {
        inner: Box<Self>,
        slot: Slot,
        start: usize,
        length: Option<usize>,
    },
    Sort {
        inner: Box<Self>,
        keys: Vec<SortBy>,
    },
    Group {
        inner: Box<Self>,
        keys: Vec<Slot>,
        aggregates: Vec<Aggregate>,
    },
    /// The inner rows once for each named graph, whose name is a constant in them.
    EachGraph {
        graph: Slot,
        inner: Box<Self>,
        /// The slot that the name is joined with in the end.
        bound: Slot,
    },
    Service(Box<Service>),
}

/// A part that somebody else answers.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Service {
    pub(crate) name: Place,
    /// The pattern, as a query that selects its variables.
    pub(crate) query: String,
    /// The variables of the pattern and their slots.
    pub(crate) variables: Vec<(oxrdf::Variable, Slot)>,
    /// The slots that each row binds.
    pub(crate) certain: SlotSet,
    /// Whether a failure is one row without values.
    pub(crate) silent: bool,
}

impl Algebra {
    /// Whether there is a condition anywhere in it that a plan may make a constant of.
    pub(crate) fn may_fix_constants(&self) -> bool {
        let fixes = |filter: &Scalar| {
            matches!(
                filter.expression,
                Expression::Equal(..)
                    | Expression::SameTerm(..)
                    | Expression::In(..)
                    | Expression::And(..)
                    | Expression::Or(..)
            )
        };
        let own = match self {
            Self::Join { filters, .. } | Self::LeftJoin { filters, .. } => {
                filters.iter().any(fixes)
            }
            _ => false,
        };
        own || self.children().into_iter().any(Self::may_fix_constants)
    }

    /// One row without values.
    pub(crate) fn unit() -> Self {
        Self::Join {
            parts: Vec::new(),
            filters: Vec::new(),
        }
    }

    /// The join of two parts. Joins among them are taken apart, unless one of their filters would then see more.
    pub(crate) fn join(self, other: Self) -> Self {
        let may_come_later = |side: &Self, beside: &Self| {
            let Self::Join { filters, .. } = side else {
                return false;
            };
            let (bound, more) = (side.certain(), beside.possible());
            filters
                .iter()
                .all(|filter| filter.slots.intersection(&more).is_subset(&bound))
        };
        let apart = [may_come_later(&self, &other), may_come_later(&other, &self)];
        let mut parts = Vec::new();
        let mut filters = Vec::new();
        for (side, apart) in [self, other].into_iter().zip(apart) {
            match side {
                Self::Join {
                    parts: more,
                    filters: more_filters,
                } if apart => {
                    parts.extend(more);
                    filters.extend(more_filters);
                }
                side => parts.push(side),
            }
        }
        Self::Join { parts, filters }
    }

    /// Every slot that the part mentions, those of its conditions included.
    pub(crate) fn mentioned(&self) -> SlotSet {
        let mut mentioned = SlotSet::default();
        let mut open = vec![self];
        while let Some(part) = open.pop() {
            mentioned.add_all(&part.possible());
            part.scalars(&mut |scalar| {
                mentioned.add_all(&scalar.slots);
                for exists in &scalar.exists {
                    mentioned.add_all(&exists.pattern.mentioned());
                }
            });
            open.extend(part.children());
        }
        mentioned
    }

    /// The parts that the part is made of.
    pub(crate) fn children(&self) -> Vec<&Self> {
        match self {
            Self::Join { parts, .. } | Self::Union(parts) => parts.iter().collect(),
            Self::LeftJoin { left, right, .. } | Self::Minus { left, right } => vec![left, right],
            Self::Unpack { inner, .. }
            | Self::Extend { inner, .. }
            | Self::Project { inner, .. }
            | Self::Distinct(inner)
            | Self::Reduced(inner)
            | Self::Slice { inner, .. }
            | Self::SliceOfEach { inner, .. }
            | Self::Sort { inner, .. }
            | Self::Group { inner, .. }
            | Self::EachGraph { inner, .. } => vec![inner],
            Self::Quads(_)
            | Self::Path(_)
            | Self::NamedGraphs(_)
            | Self::Values { .. }
            | Self::Service(_) => Vec::new(),
        }
    }

    /// Shows the conditions and values of the part itself.
    pub(crate) fn scalars(&self, visit: &mut impl FnMut(&Scalar)) {
        match self {
            Self::Join { filters, .. } | Self::LeftJoin { filters, .. } => {
                filters.iter().for_each(visit);
            }
            Self::Extend { value, .. } => visit(value),
            Self::Sort { keys, .. } => keys.iter().for_each(|sort| visit(&sort.key)),
            Self::Group { aggregates, .. } => aggregates
                .iter()
                .filter_map(|aggregate| aggregate.input.as_ref())
                .for_each(visit),
            _ => {}
        }
    }

    /// Whether each row stems from a quad of a graph.
    pub(crate) fn is_matched(&self, graph: GraphPlace) -> bool {
        match self {
            Self::Quads(quads) => quads.graph == graph,
            Self::Join { parts, .. } => parts.iter().any(|part| part.is_matched(graph)),
            Self::Union(parts) => parts.iter().all(|part| part.is_matched(graph)),
            Self::LeftJoin { left, .. } | Self::Minus { left, .. } => left.is_matched(graph),
            Self::Unpack { inner, .. }
            | Self::Extend { inner, .. }
            | Self::Project { inner, .. }
            | Self::Distinct(inner)
            | Self::Reduced(inner)
            | Self::Slice { inner, .. }
            | Self::SliceOfEach { inner, .. }
            | Self::Sort { inner, .. } => inner.is_matched(graph),
            Self::Path(_)
            | Self::NamedGraphs(_)
            | Self::Values { .. }
            | Self::Group { .. }
            | Self::EachGraph { .. }
            | Self::Service(_) => false,
        }
    }

    /// The slots that a row may bind.
    pub(crate) fn possible(&self) -> SlotSet {
        match self {
            Self::Join { parts, .. } | Self::Union(parts) => all_of(parts, Self::possible),
            Self::Quads(quads) => quads.slots(),
            Self::Path(path) => path.slots(),
            Self::NamedGraphs(slot) => std::iter::once(*slot).collect(),
            Self::Unpack { inner, parts, .. } => inner.possible().union(&slots_of(parts)),
            Self::LeftJoin { left, right, .. } => left.possible().union(&right.possible()),
            Self::Minus { left, .. } => left.possible(),
            Self::Extend { inner, slot, .. } => with(inner.possible(), *slot),
            Self::Values { slots, .. } | Self::Project { slots, .. } => {
                slots.iter().copied().collect()
            }
            Self::Distinct(inner)
            | Self::Reduced(inner)
            | Self::Slice { inner, .. }
            | Self::SliceOfEach { inner, .. }
            | Self::Sort { inner, .. } => inner.possible(),
            Self::Group {
                keys, aggregates, ..
            } => keys
                .iter()
                .copied()
                .chain(aggregates.iter().map(|aggregate| aggregate.slot))
                .collect(),
            Self::EachGraph { inner, bound, .. } => with(inner.possible(), *bound),
            Self::Service(service) => service.slots(),
        }
    }

    /// The slots that every row binds.
    pub(crate) fn certain(&self) -> SlotSet {
        match self {
            Self::Join { parts, .. } => all_of(parts, Self::certain),
            Self::Union(parts) => {
                let mut parts = parts.iter().map(Self::certain);
                let first = parts.next().unwrap_or_default();
                parts.fold(first, |all, part| all.intersection(&part))
            }
            Self::Quads(quads) => quads.slots(),
            Self::Path(path) => path.slots(),
            Self::NamedGraphs(slot) => std::iter::once(*slot).collect(),
            Self::Unpack { inner, parts, .. } => inner.certain().union(&slots_of(parts)),
            Self::LeftJoin { left, .. } | Self::Minus { left, .. } => left.certain(),
            Self::Extend { inner, slot, value } => {
                let certain = inner.certain();
                match value.is_bound(&certain) {
                    true => with(certain, *slot),
                    false => certain,
                }
            }
            Self::Values { slots, rows } => slots
                .iter()
                .enumerate()
                .filter(|(column, _)| {
                    rows.iter().all(|row| {
                        row.get(*column)
                            .is_some_and(|id| *id != crate::batch::UNBOUND)
                    })
                })
                .map(|(_, slot)| *slot)
                .collect(),
            Self::Project { inner, slots } => inner
                .certain()
                .intersection(&slots.iter().copied().collect()),
            Self::Distinct(inner)
            | Self::Reduced(inner)
            | Self::Slice { inner, .. }
            | Self::SliceOfEach { inner, .. }
            | Self::Sort { inner, .. } => inner.certain(),
            Self::Group { inner, keys, .. } => inner
                .certain()
                .intersection(&keys.iter().copied().collect()),
            Self::EachGraph { inner, bound, .. } => with(inner.certain(), *bound),
            Self::Service(service) => service.certain.clone(),
        }
    }
}

fn all_of(parts: &[Algebra], slots: impl Fn(&Algebra) -> SlotSet) -> SlotSet {
    let mut all = SlotSet::default();
    parts.iter().for_each(|part| all.add_all(&slots(part)));
    all
}

fn with(mut slots: SlotSet, slot: Slot) -> SlotSet {
    slots.insert(slot);
    slots
}

fn slots_of(places: &[Place]) -> SlotSet {
    places.iter().filter_map(|place| place.slot()).collect()
}

impl Quads {
    pub(crate) fn slots(&self) -> SlotSet {
        self.triple
            .iter()
            .filter_map(|place| place.slot())
            .chain(self.graph.slot())
            .collect()
    }
}

impl Path {
    pub(crate) fn slots(&self) -> SlotSet {
        [self.subject.slot(), self.object.slot(), self.graph.slot()]
            .into_iter()
            .flatten()
            .collect()
    }
}

impl Service {
    /// The slots of the variables of the pattern, in their order.
    pub(crate) fn columns(&self) -> Vec<Slot> {
        self.variables.iter().map(|(_, slot)| *slot).collect()
    }

    /// Those, and the slot of the name: it has to be bound before.
    pub(crate) fn slots(&self) -> SlotSet {
        let columns = self.columns().into_iter();
        columns.chain(self.name.slot()).collect()
    }
}
