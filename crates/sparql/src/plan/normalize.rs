//! Rewrites that pay whatever the data: filters as deep as they may go, what may wait as late as it may, and all graphs at
//! once where each would be matched by itself.
//!
//! What flows in: an [`Algebra`]. What flows out: one of the same meaning. What always holds: a part is moved past another
//! only if neither sees a slot change by it: all that both may bind is bound for certain before the two meet.

use crate::algebra::{Algebra, Scalar, Slices, Slot, SlotSet, at_once};

/// The algebra rewritten, from the bottom up.
pub(super) fn normalize(algebra: Algebra) -> Algebra {
    match algebra {
        Algebra::Join { parts, filters } => {
            join(parts.into_iter().map(normalize).collect(), filters)
        }
        Algebra::LeftJoin {
            left,
            right,
            filters,
        } => Algebra::LeftJoin {
            left: Box::new(normalize(*left)),
            right: Box::new(normalize(*right)),
            filters,
        },
        Algebra::Minus { left, right } => Algebra::Minus {
            left: Box::new(normalize(*left)),
            right: Box::new(normalize(*right)),
        },
        Algebra::Union(parts) => Algebra::Union(parts.into_iter().map(normalize).collect()),
        Algebra::Quads(_)
        | Algebra::Path(_)
        | Algebra::NamedGraphs(_)
        | Algebra::Values { .. }
        | Algebra::Service(_) => algebra,
        one => around_one(one),
    }
}

/// A part around a single other, which is rewritten.
fn around_one(algebra: Algebra) -> Algebra {
    match algebra {
        Algebra::Unpack {
            inner,
            triple,
            parts,
        } => Algebra::Unpack {
            inner: Box::new(normalize(*inner)),
            triple,
            parts,
        },
        Algebra::Extend { inner, slot, value } => Algebra::Extend {
            inner: Box::new(normalize(*inner)),
            slot,
            value,
        },
        Algebra::Project { inner, slots } => Algebra::Project {
            inner: Box::new(normalize(*inner)),
            slots,
        },
        Algebra::Distinct(inner) => Algebra::Distinct(Box::new(normalize(*inner))),
        Algebra::Reduced(inner) => Algebra::Reduced(Box::new(normalize(*inner))),
        Algebra::Slice {
            inner,
            start,
            length,
        } => Algebra::Slice {
            inner: Box::new(normalize(*inner)),
            start,
            length,
        },
        Algebra::SliceOfEach {
            inner,
            slot,
            start,
            length,
        } => Algebra::SliceOfEach {
            inner: Box::new(normalize(*inner)),
            slot,
            start,
            length,
        },
        Algebra::Sort { inner, keys } => Algebra::Sort {
            inner: Box::new(normalize(*inner)),
            keys,
        },
        Algebra::Group {
            inner,
            keys,
            aggregates,
        } => Algebra::Group {
            inner: Box::new(normalize(*inner)),
            keys,
            aggregates,
        },
        Algebra::EachGraph {
            graph,
            inner,
            bound,
        } => match at_once(graph, &inner, bound, Slices::NotTaken) {
            Some(joined) => normalize(joined),
            None => Algebra::EachGraph {
                graph,
                inner: Box::new(normalize(*inner)),
                bound,
            },
        },
        other => other,
    }
}

/// What waits until the parts of a join are joined.
enum Late {
    Optional(Algebra, Vec<Scalar>),
    Minus(Algebra),
    Bind(Slot, Scalar),
}

impl Late {
    /// The slots that it may bind, of those that are not bound for certain before.
    fn binds(&self, certain: &SlotSet) -> SlotSet {
        match self {
            Self::Optional(right, _) => right.possible().difference(certain),
            Self::Minus(_) => SlotSet::default(),
            Self::Bind(slot, _) => std::iter::once(*slot).collect(),
        }
    }

    fn around(self, inner: Algebra) -> Algebra {
        let inner = Box::new(inner);
        match self {
            Self::Optional(right, filters) => Algebra::LeftJoin {
                left: inner,
                right: Box::new(right),
                filters,
            },
            Self::Minus(right) => Algebra::Minus {
                left: inner,
                right: Box::new(right),
            },
            Self::Bind(slot, value) => Algebra::Extend { inner, slot, value },
        }
    }
}

/// A join of rewritten parts.
fn join(parts: Vec<Algebra>, filters: Vec<Scalar>) -> Algebra {
    let mut joined = Algebra::unit();
    let mut late = Vec::new();
    let mut rest: Vec<Algebra> = parts;
    // From the last part on: what is taken off a part must be able to wait for all other parts, and for what waits already.
    let mut index = rest.len();
    while index > 0 {
        index -= 1;
        let part = std::mem::replace(&mut rest[index], Algebra::unit());
        let others = others(&rest, index, &late);
        rest[index] = take_off(part, &others, &mut late);
    }
    for part in rest {
        joined = joined.join(part);
    }
    with_filters(joined, late, filters)
}

/// What the other parts and what waits may bind.
fn others(parts: &[Algebra], index: usize, late: &[Late]) -> SlotSet {
    let mut slots = SlotSet::default();
    for (other, part) in parts.iter().enumerate() {
        if other != index {
            slots.add_all(&part.possible());
        }
    }
    for late in late {
        match late {
            Late::Optional(right, filters) => {
                slots.add_all(&right.mentioned());
                filters
                    .iter()
                    .for_each(|filter| slots.add_all(&filter.slots));
            }
            Late::Minus(right) => slots.add_all(&right.mentioned()),
            Late::Bind(slot, value) => {
                slots.insert(*slot);
                slots.add_all(&value.slots);
            }
        }
    }
    slots
}

/// Takes off a part what may wait for the others; what is left of it.
fn take_off(mut part: Algebra, others: &SlotSet, late: &mut Vec<Late>) -> Algebra {
    let mut taken = Vec::new();
    loop {
        part = match part {
            Algebra::LeftJoin {
                left,
                right,
                filters,
            } => {
                let mut sees = right.mentioned();
                filters
                    .iter()
                    .for_each(|filter| sees.add_all(&filter.slots));
                if !sees.intersection(others).is_subset(&left.certain()) {
                    late.extend(taken.into_iter().rev());
                    return Algebra::LeftJoin {
                        left,
                        right,
                        filters,
                    };
                }
                taken.push(Late::Optional(*right, filters));
                *left
            }
            Algebra::Minus { left, right } => {
                if !right
                    .mentioned()
                    .intersection(others)
                    .is_subset(&left.certain())
                {
                    late.extend(taken.into_iter().rev());
                    return Algebra::Minus { left, right };
                }
                taken.push(Late::Minus(*right));
                *left
            }
            Algebra::Extend { inner, slot, value } => {
                let is_free = !others.contains(slot)
                    && value.is_repeatable()
                    && value.slots.intersection(others).is_subset(&inner.certain());
                if !is_free {
                    late.extend(taken.into_iter().rev());
                    return Algebra::Extend { inner, slot, value };
                }
                taken.push(Late::Bind(slot, value));
                *inner
            }
            // A join of one part and no filter is that part.
            Algebra::Join { mut parts, filters } if filters.is_empty() && parts.len() == 1 => {
                parts.remove(0)
            }
            other => {
                late.extend(taken.into_iter().rev());
                return other;
            }
        };
    }
}

/// The join, what waits around it, and each filter as deep as it may go.
fn with_filters(joined: Algebra, late: Vec<Late>, mut filters: Vec<Scalar>) -> Algebra {
    let certain = joined.certain();
    let bound_late: Vec<_> = late.iter().map(|late| late.binds(&certain)).collect();
    let mut waiting = SlotSet::default();
    bound_late.iter().for_each(|slots| waiting.add_all(slots));
    let mut algebra = filtered(
        joined,
        drain(&mut filters, |filter| !filter.slots.meets(&waiting)),
    );
    for (index, late) in late.into_iter().enumerate() {
        algebra = late.around(algebra);
        let mut waiting = SlotSet::default();
        bound_late[index + 1..]
            .iter()
            .for_each(|slots| waiting.add_all(slots));
        let ready = drain(&mut filters, |filter| !filter.slots.meets(&waiting));
        if !ready.is_empty() {
            algebra = Algebra::Join {
                parts: vec![algebra],
                filters: ready,
            };
        }
    }
    algebra
}

fn drain(filters: &mut Vec<Scalar>, is_ready: impl Fn(&Scalar) -> bool) -> Vec<Scalar> {
    filters.extract_if(.., |filter| is_ready(filter)).collect()
}

/// The algebra with filters, which go into the branches of a union that is the only part to bind their slots.
fn filtered(algebra: Algebra, filters: Vec<Scalar>) -> Algebra {
    if filters.is_empty() {
        return algebra;
    }
    let (mut parts, mut all) = match algebra {
        Algebra::Join { parts, filters } => (parts, filters),
        other => (vec![other], Vec::new()),
    };
    for filter in filters {
        let target = (0..parts.len()).find(|index| goes_into(&parts, *index, &filter));
        match target.map(|index| &mut parts[index]) {
            Some(Algebra::Union(branches)) => {
                for branch in branches {
                    let inner = std::mem::replace(branch, Algebra::unit());
                    *branch = join(vec![inner], vec![filter.clone()]);
                }
            }
            _ => all.push(filter),
        }
    }
    Algebra::Join {
        parts,
        filters: all,
    }
}

fn goes_into(parts: &[Algebra], index: usize, filter: &Scalar) -> bool {
    let part = &parts[index];
    if !matches!(part, Algebra::Union(_)) || !filter.exists.is_empty() {
        return false;
    }
    let own = part.possible();
    let certain = part.certain();
    filter.slots.meets(&own)
        && parts.iter().enumerate().all(|(other, beside)| {
            other == index
                || filter
                    .slots
                    .intersection(&beside.possible())
                    .is_subset(&certain)
        })
}
