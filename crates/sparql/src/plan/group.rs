//! The order in which the parts of a join are joined, and how.
//!
//! What flows in: the parts with their estimates, the filters on their join. What flows out: a [`Tree`] of joins. Up to
//! [`EXHAUSTIVE_MAX`] parts, dynamic programming over the connected subsets (P. Selinger and others, "Access path selection
//! in a relational database management system", 1979; bushy trees as in G. Moerkotte and T. Neumann, "Analysis of two
//! existing and one new dynamic programming algorithm", 2006) keeps the cheapest way for each set and each leading sort
//! column; more parts are joined greedily. What always holds: each part is joined once, each filter is applied once, when
//! nothing that comes later can bind a slot of it; a product is taken only where nothing connects.

use super::driven::Driving;
use super::estimate::{Estimate, Values};
use super::multiway::{Multiway, multiway_joins};
use super::price;
use super::sorted::Wanted;
use super::star::{Arm, stars};
use super::ways::{Figures, joined_rows};
use crate::algebra::{Slot, SlotSet};
use crate::operators::gathered::GATHERED_MAX;
use quadrille_store::Permutation;
use std::collections::HashMap;
use std::rc::Rc;

/// Up to so many parts, every order is considered.
const EXHAUSTIVE_MAX: usize = 10;

/// With more parts, so many multiway joins are begun with at most, the cheapest.
const BEGINNINGS_MAX: usize = 4;

/// Up to so many parts, joins of joins are considered too.
const BUSHY_MAX: usize = 8;

/// Dear filters are tried at the end where they are more than this part of the cost.
const DEAR_PART: f64 = 0.4;

/// How many ways to the same set are kept, each with another leading sort column.
const KEPT_MAX: usize = 4;

/// About how many rows a block has.
const BLOCK_ROWS: f64 = 1_000.0;

/// A part of a join.
pub(super) struct JoinPart {
    pub(super) estimate: Estimate,
    pub(super) possible: SlotSet,
    pub(super) certain: SlotSet,
    /// The ways to read it by itself: what each costs and how its rows are sorted.
    pub(super) accesses: Vec<Access>,
    /// The orders in which a multiway join can bind its slots.
    pub(super) tries: Vec<Vec<Slot>>,
    /// Whether it can be looked up row by row.
    pub(super) can_probe: bool,
    /// What look-ups go through, if they go through an index.
    pub(super) probing: Option<Probing>,
    /// What it costs to begin it with other rows, by what these bind; without any, it cannot begin so.
    pub(super) driving: Vec<Driving>,
    /// Whether looking it up row by row in some order gives the rows in this order.
    pub(super) keeps_order: bool,
    /// What it is to a star, if it can be an arm of one.
    pub(super) arm: Option<Arm>,
}

impl JoinPart {
    /// About how many distinct values each slot has.
    pub(super) fn values(&self) -> Vec<Values> {
        let slots = self.possible.iter();
        slots.map(|slot| self.estimate.values_of(slot)).collect()
    }
}

/// A way to read a part by itself.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) permutation: Option<Permutation>,
    pub(super) order: Vec<Slot>,
    pub(super) cost: f64,
    /// What of the cost comes before the first row.
    pub(super) begin: f64,
}

/// The indexes in which a pattern is looked up.
pub(super) struct Probing {
    /// The slots by position.
    pub(super) slots: [Option<Slot>; 4],
    /// Which positions are constants.
    pub(super) bound: [bool; 4],
    /// By permutation, how many quads begin with the constants that it begins with.
    pub(super) regions: [f64; 4],
}

impl Probing {
    /// How many quads the look-ups go through that have values for these slots.
    fn region(&self, probed: &SlotSet) -> f64 {
        let is_probed = |slot: Option<Slot>| slot.is_some_and(|slot| probed.contains(slot));
        let bound =
            std::array::from_fn(|position| self.bound[position] || is_probed(self.slots[position]));
        let permutation = Permutation::candidates(bound).first();
        permutation.map_or(1.0, |permutation| self.regions[permutation.rotation()])
    }

    /// What so many look-ups by these slots cost, so many of them distinct, if all are gathered or their order is that of
    /// the index.
    pub(super) fn cost(
        &self,
        probed: &SlotSet,
        (probes, distinct): (f64, f64),
        in_order: bool,
    ) -> f64 {
        let gathered = match in_order {
            true => probes,
            false => probes.min(GATHERED_MAX as f64),
        };
        let rounds = (probes / gathered.max(1.0)).max(1.0);
        let found = distinct.min(gathered);
        let opened = found.min(1.0 + self.region(probed) / BLOCK_ROWS);
        let each_round = opened * price::OPENED + found * price::FOUND;
        rounds * each_round + probes * price::SORTED
    }
}

/// A filter on the join.
pub(super) struct JoinFilter {
    pub(super) slots: SlotSet,
    pub(super) selectivity: f64,
    /// What it costs a row.
    pub(super) price: f64,
}

/// A tree of joins with its figures.
pub(super) struct Tree {
    pub(super) step: Step,
    /// The filters that are applied to its rows, by number.
    pub(super) filters: Vec<usize>,
    pub(super) order: Vec<Slot>,
    pub(super) rows: f64,
    pub(super) cost: f64,
    /// What of the cost comes before the first row.
    pub(super) begin: f64,
}

impl Tree {
    /// The slot that the rows are sorted by first.
    pub(super) fn leading(&self) -> Option<Slot> {
        self.order.first().copied()
    }
}

/// How the rows of a tree come about.
pub(super) enum Step {
    /// The rows that the join begins with.
    Start,
    Read {
        part: usize,
        permutation: Option<Permutation>,
    },
    /// All of these parts at once.
    Multiway {
        parts: Vec<usize>,
        variables: Vec<Slot>,
    },
    Lookup {
        left: Rc<Tree>,
        part: usize,
    },
    /// Several properties of a subject, which is a constant if there is no left side.
    Star {
        left: Option<Rc<Tree>>,
        parts: Vec<usize>,
    },
    /// The right side is kept, the left streams.
    Hash {
        left: Rc<Tree>,
        right: Rc<Tree>,
    },
    Merge {
        left: Rc<Tree>,
        right: Rc<Tree>,
    },
}

/// A set of joined parts and the best way to it, or one of the best.
#[derive(Clone)]
pub(super) struct State {
    pub(super) tree: Rc<Tree>,
    pub(super) members: SlotSet,
    pub(super) applied: SlotSet,
    pub(super) possible: SlotSet,
    pub(super) certain: SlotSet,
    /// The fewest distinct values of each slot in a part.
    pub(super) values: Vec<Values>,
}

impl State {
    /// The rows, and the distinct values of each slot.
    pub(super) fn figures(&self) -> (f64, &[Values]) {
        (self.tree.rows, &self.values)
    }
}

/// What the join begins with, if it does not begin with a part.
pub(super) struct Start {
    pub(super) estimate: Estimate,
    pub(super) possible: SlotSet,
    pub(super) certain: SlotSet,
    pub(super) order: Vec<Slot>,
    pub(super) cost: f64,
}

/// The search for the cheapest tree.
pub(super) struct Search<'a> {
    pub(super) parts: &'a [JoinPart],
    pub(super) filters: &'a [JoinFilter],
    /// For each slot of a filter, the parts that may bind it.
    pub(super) binders: HashMap<Slot, SlotSet>,
    /// Which share of the rows is wanted.
    share: f64,
    /// The slot by whose order they are the first.
    sorted_by: Option<Slot>,
    /// Tells that the query has to end.
    is_over: &'a dyn Fn() -> bool,
    /// Whether dear filters wait until all is joined.
    pub(super) is_late: bool,
    /// The parts that are properties of the same subject.
    pub(super) stars: Vec<Vec<usize>>,
}

/// The cheapest tree that was found for the wanted rows, with the sort that they need if it has them in another order. There
/// is a part or a start. `None` when the query was over before a tree was found.
pub(super) fn best_tree(
    parts: &[JoinPart],
    filters: &[JoinFilter],
    start: Option<&Start>,
    wanted: Wanted,
    is_over: &dyn Fn() -> bool,
) -> Option<Rc<Tree>> {
    let mut binders: HashMap<Slot, SlotSet> = HashMap::new();
    for (index, part) in parts.iter().enumerate() {
        for slot in part.possible.iter() {
            binders.entry(slot).or_default().insert(member(index));
        }
    }
    let mut search = Search {
        parts,
        filters,
        binders,
        share: 1.0,
        sorted_by: wanted.sorted_by,
        is_over,
        is_late: false,
        stars: stars(parts),
    };
    let whole = search.best_of_both(start)?;
    match wanted.first {
        // How many rows there are does not depend on the way to them.
        Some(first) if first < whole.rows => {
            search.share = first / whole.rows;
            search.best_of_both(start)
        }
        _ => Some(whole),
    }
}

/// Whether a filter is so dear that it may pay to join first and to apply it to fewer rows.
pub(super) fn is_dear(filter: &JoinFilter) -> bool {
    filter.price >= price::CALLED
}

/// Parts are numbered as slots are, to share their sets.
pub(super) fn member(index: usize) -> Slot {
    Slot(index as u32)
}

/// The parts of a state as a set of bits.
fn set_of(state: &State) -> usize {
    state.members.iter().map(|part| 1 << part.0).sum()
}

impl Search<'_> {
    /// The best tree with dear filters as early as can be, or with all of them at the end.
    fn best_of_both(&mut self, start: Option<&Start>) -> Option<Rc<Tree>> {
        self.is_late = false;
        let early = self.best(start)?;
        if self.paid_for_dear(&early) < early.cost * DEAR_PART {
            return Some(early);
        }
        self.is_late = true;
        let late = self.best(start)?;
        let is_cheaper = self.finished(&late) < self.finished(&early);
        Some(if is_cheaper { late } else { early })
    }

    /// What of the cost of a tree is that of dear filters.
    fn paid_for_dear(&self, tree: &Tree) -> f64 {
        let filters = tree.filters.iter().map(|filter| &self.filters[*filter]);
        let left: f64 = filters.clone().map(|filter| filter.selectivity).product();
        let dear = filters.filter(|filter| is_dear(filter));
        let own = dear.map(|filter| filter.price).sum::<f64>() * tree.rows / left.max(1e-6);
        let below = match &tree.step {
            Step::Start
            | Step::Read { .. }
            | Step::Multiway { .. }
            | Step::Star { left: None, .. } => 0.0,
            Step::Lookup { left, .. }
            | Step::Star {
                left: Some(left), ..
            } => self.paid_for_dear(left),
            Step::Hash { left, right } | Step::Merge { left, right } => {
                self.paid_for_dear(left) + self.paid_for_dear(right)
            }
        };
        own + below
    }

    fn best(&self, start: Option<&Start>) -> Option<Rc<Tree>> {
        let state = match start {
            Some(start) => Some(self.begun(start)),
            None if self.parts.len() <= EXHAUSTIVE_MAX => self.exhaustive(),
            None => self.greedy_beginnings(),
        };
        let state = match state {
            Some(state) if state.members.len() < self.parts.len() => self.greedy(Some(state)),
            state => state,
        };
        state.map(|state| state.tree)
    }

    /// What the wanted rows of a tree cost.
    fn price(&self, state: &State) -> f64 {
        self.price_of_tree(&state.tree)
    }

    fn price_of_tree(&self, tree: &Tree) -> f64 {
        self.price_of(tree.leading(), (tree.rows, tree.cost, tree.begin))
    }

    /// The same of rows that are sorted by a slot first.
    pub(super) fn price_of(&self, leading: Option<Slot>, (_, cost, begin): Figures) -> f64 {
        let share = if self.is_in_order(leading) {
            self.share
        } else {
            1.0
        };
        begin + (cost - begin) * share
    }

    /// Whether rows come in the order that they are wanted in.
    fn is_in_order(&self, leading: Option<Slot>) -> bool {
        self.sorted_by.is_none() || self.sorted_by == leading
    }

    /// Whether they have to be in an order, and are.
    fn is_sought(&self, tree: &Tree) -> bool {
        self.sorted_by.is_some() && self.is_in_order(tree.leading())
    }

    /// What the wanted rows of a tree of all parts cost, put in order.
    fn finished(&self, tree: &Tree) -> f64 {
        let sorted = if self.is_in_order(tree.leading()) {
            0.0
        } else {
            tree.rows * price::ORDERED
        };
        self.price_of_tree(tree) + sorted
    }

    fn cheaper(&self, left: State, right: State) -> State {
        if self.price(&right) < self.price(&left) {
            right
        } else {
            left
        }
    }

    /// Whether a state of these figures, or of more cost, would be kept. States are many, and most of them are dear.
    pub(super) fn may_keep(
        &self,
        states: &[State],
        leading: Option<Slot>,
        figures: Figures,
    ) -> bool {
        let known = states.iter().find(|known| known.tree.leading() == leading);
        known.is_none_or(|known| self.price_of(leading, figures) < self.price(known))
    }

    /// Keeps a state if no other of its leading column is cheaper; of too many, one in the wanted order stays.
    pub(super) fn keep(&self, states: &mut Vec<State>, state: State) {
        let leading = |state: &State| state.tree.leading();
        let price = self.price(&state);
        if let Some(known) = states
            .iter_mut()
            .find(|known| leading(known) == leading(&state))
        {
            if price < self.price(known) {
                *known = state;
            }
            return;
        }
        if states.len() < KEPT_MAX {
            states.push(state);
            return;
        }
        let dearest = states
            .iter_mut()
            .filter(|state| !self.is_sought(&state.tree))
            .max_by(|left, right| self.price(left).total_cmp(&self.price(right)));
        if let Some(dearest) = dearest
            && (price < self.price(dearest) || self.is_sought(&state.tree))
        {
            *dearest = state;
        }
    }

    fn begun(&self, start: &Start) -> State {
        let mut state = State {
            tree: Rc::new(Tree {
                step: Step::Start,
                filters: Vec::new(),
                order: start.order.clone(),
                rows: start.estimate.rows,
                cost: start.cost,
                begin: 0.0,
            }),
            members: SlotSet::default(),
            applied: SlotSet::default(),
            values: start
                .possible
                .iter()
                .map(|slot| start.estimate.values_of(slot).unknown())
                .collect(),
            possible: start.possible.clone(),
            certain: start.certain.clone(),
        };
        self.apply_filters(&mut state);
        state
    }

    /// The ways to read a part by itself.
    fn reads(&self, index: usize) -> Vec<State> {
        let part = &self.parts[index];
        let mut states = Vec::with_capacity(part.accesses.len());
        for access in &part.accesses {
            let mut state = State {
                tree: Rc::new(Tree {
                    step: Step::Read {
                        part: index,
                        permutation: access.permutation,
                    },
                    filters: Vec::new(),
                    order: access.order.clone(),
                    rows: part.estimate.rows,
                    cost: access.cost,
                    begin: access.begin,
                }),
                members: std::iter::once(member(index)).collect(),
                applied: SlotSet::default(),
                values: part.values(),
                possible: part.possible.clone(),
                certain: part.certain.clone(),
            };
            self.apply_filters(&mut state);
            states.push(state);
        }
        states
    }

    /// Parts that are joined at once.
    fn multiway(&self, multiway: Multiway) -> State {
        let (mut rows, mut values) = (1.0, Vec::new());
        let mut slots = SlotSet::default();
        for part in multiway.parts.iter().map(|part| &self.parts[*part]) {
            let own = part.values();
            (rows, values) = joined_rows((rows, &values), (part.estimate.rows, &own));
            slots.add_all(&part.possible);
        }
        let members = multiway.parts.iter().map(|part| member(*part)).collect();
        let order = multiway.variables.clone();
        let cost = multiway.cost + rows * price::GIVEN;
        let step = Step::Multiway {
            parts: multiway.parts,
            variables: multiway.variables,
        };
        let none = SlotSet::default();
        self.made(
            step,
            order,
            (rows, cost, cost - rows * price::GIVEN),
            [(&members, &none)],
            (&none, &none),
            (slots.clone(), slots),
            values,
        )
    }

    /// Dynamic programming over the sets of parts.
    fn exhaustive(&self) -> Option<State> {
        let number = self.parts.len();
        let mut table: Vec<Vec<State>> = vec![Vec::new(); 1 << number];
        for index in 0..number {
            for state in self.reads(index) {
                self.keep(&mut table[1 << index], state);
            }
        }
        for multiway in multiway_joins(self.parts) {
            let set: usize = multiway.parts.iter().map(|part| 1 << part).sum();
            self.keep(&mut table[set], self.multiway(multiway));
        }
        for state in self.constant_stars() {
            self.keep(&mut table[set_of(&state)], state);
        }
        for set in 1_usize..1 << number {
            if table[set].is_empty() {
                continue;
            }
            let states = std::mem::take(&mut table[set]);
            for state in states.iter().flat_map(|left| self.stars_of(left)) {
                self.keep(&mut table[set_of(&state)], state);
            }
            for index in (0..number).filter(|index| set >> index & 1 == 0) {
                let mut kept = std::mem::take(&mut table[set | 1 << index]);
                for left in &states {
                    self.extend(left, index, &table[1 << index], &mut kept);
                }
                table[set | 1 << index] = kept;
            }
            table[set] = states;
            if number <= BUSHY_MAX {
                self.join_sets(set, &mut table);
            }
        }
        let whole = table.pop()?;
        let finished = |state: &State| self.finished(&state.tree);
        let best = whole
            .into_iter()
            .min_by(|left, right| finished(left).total_cmp(&finished(right)));
        best.or_else(|| self.product(table))
    }

    /// Joins a set with those below it in the table that share a slot and no part with it; both of several parts.
    fn join_sets(&self, set: usize, table: &mut [Vec<State>]) {
        if set.count_ones() < 2 {
            return;
        }
        for other in 1..set {
            if set & other != 0 || other.count_ones() < 2 || table[other].is_empty() {
                continue;
            }
            let mut kept = std::mem::take(&mut table[set | other]);
            for left in &table[set] {
                for right in &table[other] {
                    if left.possible.meets(&right.possible) {
                        self.join(left, right, &mut kept);
                    }
                }
            }
            table[set | other] = kept;
        }
    }

    /// Without a connection between all parts: the cheapest of each connected set, and their product, the smallest first.
    fn product(&self, table: Vec<Vec<State>>) -> Option<State> {
        let mut left = (1_usize << self.parts.len()) - 1;
        let mut components = Vec::new();
        while left != 0 {
            let set = (1..=left)
                .rev()
                .filter(|set| set & left == *set)
                .filter(|set| table.get(*set).is_some_and(|states| !states.is_empty()))
                .max_by_key(|set| set.count_ones())?;
            components.push(
                table[set]
                    .iter()
                    .cloned()
                    .reduce(|left, right| self.cheaper(left, right))?,
            );
            left &= !set;
        }
        self.multiplied(components)
    }

    fn multiplied(&self, mut components: Vec<State>) -> Option<State> {
        components.sort_by(|left, right| left.tree.rows.total_cmp(&right.tree.rows));
        components.into_iter().reduce(|left, right| {
            // The larger side streams.
            self.hash(&right, &left)
        })
    }

    /// The cheapest of the ways that begin with the smallest part or with a multiway join.
    fn greedy_beginnings(&self) -> Option<State> {
        let mut joins = multiway_joins(self.parts);
        joins.sort_by(|left, right| left.cost.total_cmp(&right.cost));
        joins.truncate(BEGINNINGS_MAX);
        let joins = joins.into_iter();
        let begun = joins.filter_map(|multiway| self.greedy(Some(self.multiway(multiway))));
        begun
            .chain(self.greedy(None))
            .reduce(|left, right| self.cheaper(left, right))
    }

    /// From some rows, or the smallest part, always to the cheapest next part.
    fn greedy(&self, start: Option<State>) -> Option<State> {
        let reads: Vec<Vec<State>> = (0..self.parts.len())
            .map(|index| self.reads(index))
            .collect();
        let mut open: Vec<usize> = (0..self.parts.len()).collect();
        let mut state = match start {
            Some(state) => state,
            None => {
                let first = *open.iter().min_by(|left, right| {
                    self.parts[**left]
                        .estimate
                        .rows
                        .total_cmp(&self.parts[**right].estimate.rows)
                })?;
                reads[first]
                    .iter()
                    .cloned()
                    .reduce(|left, right| self.cheaper(left, right))?
            }
        };
        open.retain(|index| !state.members.contains(member(*index)));
        while !open.is_empty() {
            if (self.is_over)() {
                return None;
            }
            let next = open
                .iter()
                .filter_map(|index| {
                    let mut ways = Vec::new();
                    self.extend(&state, *index, &reads[*index], &mut ways);
                    ways.into_iter()
                        .reduce(|left, right| self.cheaper(left, right))
                        .map(|way| (*index, way))
                })
                .min_by(|(_, left), (_, right)| {
                    let key = |way: &State| self.price(way) + way.tree.rows * price::LOOKED_UP;
                    key(left).total_cmp(&key(right))
                });
            match next {
                Some((index, joined)) => {
                    open.retain(|other| *other != index);
                    state = joined;
                }
                None => {
                    let index = open.pop()?;
                    let other = reads[index]
                        .iter()
                        .cloned()
                        .reduce(|left, right| self.cheaper(left, right))?;
                    state = self.hash(&state, &other);
                }
            }
        }
        Some(state)
    }

    /// Keeps the ways to join one part more that are among the best, if it shares a slot.
    fn extend(&self, left: &State, index: usize, reads: &[State], kept: &mut Vec<State>) {
        let part = &self.parts[index];
        if !left.possible.meets(&part.possible) {
            return;
        }
        if part.can_probe || self.driving(left, part).is_some() {
            self.look_up(left, index, kept);
        }
        for right in reads {
            self.join(left, right, kept);
        }
    }
}
