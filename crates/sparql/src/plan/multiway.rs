//! Which parts of a join are worth joining all at once, variable by variable, and in which order of the variables.
//!
//! What flows in: the parts of a join with their estimates. What flows out: multiway joins of some of them, with what each
//! is thought to cost. What always holds: every part of such a join can be walked as a trie in the order of its variables;
//! parts without a cycle are left to joins of two, which then never make many more rows than they give. That goes for stars
//! whose objects are given too: their subjects are sorted lists, which merge joins read once and no list of which grows.
//!
//! A cycle is what the reduction of M. Graham, C. Yu and M. Özsoyoğlu leaves of the parts ("On the universal relation", 1979):
//! again and again, a part is taken away whose slots are, as far as others have them too, all in one other part.

use super::group::JoinPart;
use super::price;
use crate::algebra::{Slot, SlotSet};

/// Up to so many parts in cycles, every cycle among them is considered; of more, only what is connected.
const CYCLE_PARTS_MAX: usize = 8;

/// Among more parts no cycle is looked for: the reduction takes time by the third power of their number.
const PARTS_MAX: usize = 64;

/// How many variables a multiway join may have.
const VARIABLES_MAX: usize = 10;

/// Some parts that are joined at once.
pub(super) struct Multiway {
    pub(super) parts: Vec<usize>,
    /// All their slots, in the order in which they get their values.
    pub(super) variables: Vec<Slot>,
    /// What it costs, without the rows that it gives.
    pub(super) cost: f64,
}

/// The multiway joins that are worth considering: of each cycle, with and without the other parts over its slots.
pub(super) fn multiway_joins(parts: &[JoinPart]) -> Vec<Multiway> {
    let usable = (0..parts.len()).filter(|part| !parts[*part].tries.is_empty());
    if usable.clone().count() > PARTS_MAX {
        return Vec::new();
    }
    let cyclic = without_ears(parts, usable.clone().collect());
    let mut sets: Vec<Vec<usize>> = Vec::new();
    for cycle in cycles(parts, &cyclic) {
        let slots = slots_of(parts, &cycle);
        let is_within = |part: &usize| parts[*part].possible.is_subset(&slots);
        let all = usable.clone().filter(is_within).collect();
        for set in [cycle, all] {
            if !sets.contains(&set) {
                sets.push(set);
            }
        }
    }
    sets.into_iter()
        .filter_map(|set| best_order(parts, set))
        .collect()
}

/// The sets of parts that are connected and cyclic in all of their parts.
fn cycles(parts: &[JoinPart], cyclic: &[usize]) -> Vec<Vec<usize>> {
    if cyclic.len() > CYCLE_PARTS_MAX {
        return components(parts, cyclic);
    }
    (1_usize..1 << cyclic.len())
        .filter(|set| set.count_ones() >= 3)
        .map(|set| {
            let members = cyclic.iter().enumerate();
            let chosen = members.filter(|(index, _)| set >> index & 1 == 1);
            chosen.map(|(_, part)| *part).collect::<Vec<_>>()
        })
        .filter(|set| components(parts, set).len() == 1)
        .filter(|set| without_ears(parts, set.clone()).len() == set.len())
        .collect()
}

fn slots_of(parts: &[JoinPart], set: &[usize]) -> SlotSet {
    let mut slots = SlotSet::default();
    set.iter()
        .for_each(|part| slots.add_all(&parts[*part].possible));
    slots
}

/// What is left of some parts when all that hang on one other have been taken away; nothing if they form no cycle.
fn without_ears(parts: &[JoinPart], mut set: Vec<usize>) -> Vec<usize> {
    let is_ear = |part: usize, set: &[usize]| {
        let others: Vec<usize> = set.iter().copied().filter(|other| *other != part).collect();
        let shared = parts[part].possible.intersection(&slots_of(parts, &others));
        shared.is_empty()
            || others
                .iter()
                .any(|other| shared.is_subset(&parts[*other].possible))
    };
    while let Some(place) = set.iter().position(|part| is_ear(*part, &set)) {
        set.remove(place);
    }
    set
}

/// Parts that share no slot apart.
fn components(parts: &[JoinPart], set: &[usize]) -> Vec<Vec<usize>> {
    let mut components: Vec<Vec<usize>> = Vec::new();
    for part in set {
        let touches = |component: &Vec<usize>| {
            let slots = slots_of(parts, component);
            slots.meets(&parts[*part].possible)
        };
        let (touched, mut others): (Vec<_>, Vec<_>) = components.into_iter().partition(touches);
        let mut joined: Vec<usize> = touched.into_iter().flatten().collect();
        joined.push(*part);
        others.push(joined);
        components = others;
    }
    components
}

/// Some variables with values, and the best order to give them these.
#[derive(Clone)]
struct Way {
    order: Vec<Slot>,
    /// About how many combinations of values there are.
    rows: f64,
    cost: f64,
}

/// The cheapest order of the variables, by dynamic programming over the sets of those that have values; `None` when there
/// is no order in which all parts can be walked.
fn best_order(parts: &[JoinPart], mut set: Vec<usize>) -> Option<Multiway> {
    set.sort_unstable();
    let variables: Vec<Slot> = slots_of(parts, &set).iter().collect();
    if variables.len() > VARIABLES_MAX {
        return None;
    }
    let members: Vec<&JoinPart> = set.iter().map(|part| &parts[*part]).collect();
    let mut ways: Vec<Option<Way>> = vec![None; 1 << variables.len()];
    ways[0] = Some(Way {
        order: Vec::new(),
        rows: 1.0,
        cost: members.iter().map(|part| kept_cost(part)).sum(),
    });
    for known in 0..ways.len() {
        let Some(way) = ways[known].take() else {
            continue;
        };
        for (index, variable) in variables.iter().enumerate() {
            if known >> index & 1 == 1 {
                continue;
            }
            let next = &mut ways[known | 1 << index];
            if let Some(more) = extended(&members, &way, *variable)
                && next.as_ref().is_none_or(|best| more.cost < best.cost)
            {
                *next = Some(more);
            }
        }
        ways[known] = Some(way);
    }
    let best = ways.pop()??;
    Some(Multiway {
        parts: set,
        variables: best.order,
        cost: best.cost * price::MULTIWAY,
    })
}

/// What it costs to read all rows of a part into a trie.
fn kept_cost(part: &JoinPart) -> f64 {
    price::SCAN_START + part.estimate.rows * (price::SCANNED + price::TRIE_KEPT)
}

/// One variable more: each part that has it is sought below the values that it has already. `None` when a part cannot be
/// walked so, or when nothing connects the variable with those before it.
fn extended(parts: &[&JoinPart], way: &Way, variable: Slot) -> Option<Way> {
    let is_before = |part: &JoinPart| way.order.iter().any(|slot| part.possible.contains(*slot));
    let mut levels: Vec<(bool, f64)> = Vec::new();
    let mut domain = 1.0_f64;
    for part in parts.iter().filter(|part| part.possible.contains(variable)) {
        let values = values_below(part, &way.order, variable)?;
        domain = domain.max(part.estimate.distinct_of(variable));
        levels.push((is_before(part), values));
    }
    let is_connected = way.order.is_empty() || levels.iter().any(|(is_before, _)| *is_before);
    // What lies below values that are known already gives the values; the others say which of these stay.
    levels.sort_by(|left, right| right.0.cmp(&left.0).then(left.1.total_cmp(&right.1)));
    let (first, others) = levels.split_first().filter(|_| is_connected)?;
    let fewest = others
        .iter()
        .fold(first.1, |fewest, (_, values)| fewest.min(*values));
    // A value below others depends on them, as far as the search for other joins assumes it too.
    let share = |(is_before, values): &(bool, f64)| {
        let domain = if *is_before { domain.sqrt() } else { domain };
        (values / domain).min(1.0)
    };
    let rows = way.rows * first.1 * others.iter().map(share).product::<f64>();
    let visits = way.rows.max(1.0) * levels.len() as f64;
    let mut order = way.order.clone();
    order.push(variable);
    Some(Way {
        order,
        rows,
        cost: way.cost + visits * (price::TRIE_ENTERED + fewest * price::TRIE_SOUGHT),
    })
}

/// About how many values of a variable a part has below one combination of those before it; `None` when it cannot be
/// walked in this order.
fn values_below(part: &JoinPart, order: &[Slot], variable: Slot) -> Option<f64> {
    let before = order.iter().filter(|slot| part.possible.contains(**slot));
    let path: Vec<Slot> = before.copied().chain([variable]).collect();
    if !part.tries.iter().any(|order| order.starts_with(&path)) {
        return None;
    }
    let above = path.iter().take(path.len() - 1);
    let above = above.map(|slot| part.estimate.distinct_of(*slot));
    let values = part.estimate.rows / above.product::<f64>();
    Some(values.min(part.estimate.distinct_of(variable)))
}
