//! A property path as an automaton: walking it edge by edge, in either direction.
//!
//! What flows in: a path as parsed. What flows out: states with steps between them. What always holds: two nodes are
//! related by the path, as a set of pairs, exactly when a walk from the one to the other follows steps from the first state
//! to an accepting one; states from which the same walks are accepted in the same way are one.

use crate::error::QueryError;
use crate::execution::Execution;
use oxrdf::NamedNode;
use spargebra::algebra::PropertyPathExpression;
use std::collections::{BTreeMap, BTreeSet};

/// Which edges a step may take.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Label {
    /// Those of one predicate.
    Predicate(u64),
    /// Those of all predicates but these, which are sorted.
    NoneOf(Vec<u64>),
}

/// Edges and the direction in which they are walked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Step {
    pub(crate) label: Label,
    /// From object to subject.
    pub(crate) inverse: bool,
}

impl Step {
    /// The step along any edge.
    pub(crate) fn any(inverse: bool) -> Self {
        Self {
            label: Label::NoneOf(Vec::new()),
            inverse,
        }
    }
}

/// A state: whether a walk may end here, and how it goes on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct State {
    pub(crate) is_accepting: bool,
    /// Steps, by number, and the states that they lead to.
    pub(crate) transitions: Vec<(usize, usize)>,
}

/// A path to be walked in one direction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Automaton {
    pub(crate) steps: Vec<Step>,
    /// The first one is the state that walks begin in.
    pub(crate) states: Vec<State>,
}

impl Automaton {
    /// The automaton of a path, from subject to object or, if `backward`, from object to subject.
    ///
    /// # Errors
    /// What looking up the predicates fails with.
    pub(crate) fn new(
        path: &PropertyPathExpression,
        backward: bool,
        execution: &Execution,
    ) -> Result<Self, QueryError> {
        let mut positions = Positions {
            execution,
            steps: Vec::new(),
            follow: Vec::new(),
        };
        let part = positions.part(path, backward)?;
        Ok(positions.into_automaton(&part))
    }

    /// The same states and edges, each walked the other way round: a walk from an accepting state of this one to the first
    /// is a walk of the path from its end. Where it is in a state, this one may be in the same, and what is left is what the
    /// other has behind it. The steps are those of the automaton made backward.
    pub(crate) fn reversed(&self) -> Self {
        let inverted = self.steps.iter().map(|step| Step {
            label: step.label.clone(),
            inverse: !step.inverse,
        });
        let inverted: Vec<_> = inverted.collect();
        let mut steps = inverted.clone();
        steps.sort_unstable();
        let numbers = inverted.iter().map(|step| {
            let (Ok(number) | Err(number)) = steps.binary_search(step);
            number
        });
        let numbers: Vec<_> = numbers.collect();
        let states = (0..self.states.len()).map(|place| State {
            is_accepting: place == 0,
            transitions: Vec::new(),
        });
        let mut states: Vec<_> = states.collect();
        for (from, state) in self.states.iter().enumerate() {
            for (step, target) in &state.transitions {
                states[*target].transitions.push((numbers[*step], from));
            }
        }
        Self { steps, states }
    }

    /// Whether every node is related to itself.
    pub(crate) fn accepts_nothing(&self) -> bool {
        self.states.first().is_some_and(|state| state.is_accepting)
    }

    /// The steps that a walk may begin with.
    pub(crate) fn first_steps(&self) -> impl Iterator<Item = &Step> {
        let numbers: BTreeSet<_> = self
            .states
            .first()
            .into_iter()
            .flat_map(|state| state.transitions.iter().map(|(step, _)| *step))
            .collect();
        numbers.into_iter().filter_map(|step| self.steps.get(step))
    }
}

/// The places of steps in a path (the construction is Glushkov's: a state for each place, beside the first one).
struct Positions<'a> {
    execution: &'a Execution,
    steps: Vec<Step>,
    /// For each place, those that may come next.
    follow: Vec<BTreeSet<usize>>,
}

/// What a part of a path accepts.
struct Part {
    /// Whether it accepts the walk without steps.
    nothing: bool,
    first: BTreeSet<usize>,
    last: BTreeSet<usize>,
}

impl Positions<'_> {
    /// The nesting of paths is limited by the parser's guard, and so is the depth here.
    fn part(&mut self, path: &PropertyPathExpression, inverse: bool) -> Result<Part, QueryError> {
        use PropertyPathExpression as P;
        Ok(match path {
            P::NamedNode(node) => {
                let label = Label::Predicate(self.encode(node)?);
                self.step(label, inverse)
            }
            P::NegatedPropertySet(nodes) => {
                let ids = nodes.iter().map(|node| self.encode(node));
                let mut ids: Vec<_> = ids.collect::<Result<_, _>>()?;
                ids.sort_unstable();
                ids.dedup();
                self.step(Label::NoneOf(ids), inverse)
            }
            P::Reverse(inner) => self.part(inner, !inverse)?,
            P::Sequence(first, second) => {
                let (first, second) = if inverse {
                    (second, first)
                } else {
                    (first, second)
                };
                let first = self.part(first, inverse)?;
                let second = self.part(second, inverse)?;
                self.sequence(first, second)
            }
            P::Alternative(left, right) => {
                let mut left = self.part(left, inverse)?;
                let right = self.part(right, inverse)?;
                left.nothing |= right.nothing;
                left.first.extend(right.first);
                left.last.extend(right.last);
                left
            }
            P::ZeroOrMore(inner) => {
                let inner = self.part(inner, inverse)?;
                Part {
                    nothing: true,
                    ..self.repeated(inner)
                }
            }
            P::OneOrMore(inner) => {
                let inner = self.part(inner, inverse)?;
                self.repeated(inner)
            }
            P::ZeroOrOne(inner) => Part {
                nothing: true,
                ..self.part(inner, inverse)?
            },
        })
    }

    fn encode(&self, node: &NamedNode) -> Result<u64, QueryError> {
        let id = self.execution.terms.encode(node.clone().into());
        id.map_err(|error| self.execution.explain(error))
    }

    fn step(&mut self, label: Label, inverse: bool) -> Part {
        let place = BTreeSet::from([self.steps.len()]);
        self.steps.push(Step { label, inverse });
        self.follow.push(BTreeSet::new());
        Part {
            nothing: false,
            first: place.clone(),
            last: place,
        }
    }

    fn sequence(&mut self, mut first: Part, mut second: Part) -> Part {
        for &last in &first.last {
            self.follow[last].extend(&second.first);
        }
        if first.nothing {
            first.first.extend(second.first);
        }
        if second.nothing {
            second.last.extend(first.last);
        }
        Part {
            nothing: first.nothing && second.nothing,
            first: first.first,
            last: second.last,
        }
    }

    fn repeated(&mut self, inner: Part) -> Part {
        for &last in &inner.last {
            self.follow[last].extend(&inner.first);
        }
        inner
    }

    /// A state for nothing walked yet, and one for each place just walked.
    fn into_automaton(self, whole: &Part) -> Automaton {
        let distinct: BTreeSet<_> = self.steps.iter().cloned().collect();
        let distinct: Vec<_> = distinct.into_iter().collect();
        let number = |place: &usize| {
            let (Ok(number) | Err(number)) = distinct.binary_search(&self.steps[*place]);
            number
        };
        let transitions = |places: &BTreeSet<usize>| {
            places
                .iter()
                .map(|place| (number(place), 1 + place))
                .collect()
        };
        let mut states = vec![State {
            is_accepting: whole.nothing,
            transitions: transitions(&whole.first),
        }];
        states.extend(self.follow.iter().enumerate().map(|(place, next)| State {
            is_accepting: whole.last.contains(&place),
            transitions: transitions(next),
        }));
        Automaton {
            states: merge_equal(states),
            steps: distinct,
        }
    }
}

/// Makes states one that accept alike and have the same transitions, until no two are left.
fn merge_equal(mut states: Vec<State>) -> Vec<State> {
    loop {
        let mut numbers: BTreeMap<&State, usize> = BTreeMap::new();
        let mut kept = Vec::new();
        let mut number_of = Vec::with_capacity(states.len());
        for state in &states {
            let number = *numbers.entry(state).or_insert_with(|| {
                kept.push(state.clone());
                kept.len() - 1
            });
            number_of.push(number);
        }
        let is_done = kept.len() == states.len();
        for (_, target) in kept.iter_mut().flat_map(|state| &mut state.transitions) {
            *target = number_of[*target];
        }
        for state in &mut kept {
            state.transitions.sort_unstable();
            state.transitions.dedup();
        }
        states = kept;
        if is_done {
            return states;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Automaton;
    use crate::operators::test_support::execution;
    use oxrdf::NamedNode;
    use spargebra::algebra::PropertyPathExpression as P;

    fn step(name: &str) -> Box<P> {
        Box::new(P::NamedNode(NamedNode::new_unchecked(name)))
    }

    /// The numbers of states, of steps, of accepting states, and whether nothing is accepted.
    fn shape(path: &P) -> (usize, usize, usize, bool) {
        let automaton = Automaton::new(path, false, &execution(0)).expect("compiled");
        let accepting = automaton.states.iter().filter(|state| state.is_accepting);
        (
            automaton.states.len(),
            automaton.steps.len(),
            accepting.count(),
            automaton.accepts_nothing(),
        )
    }

    #[test]
    fn plain_closures_have_one_state_or_two() {
        assert_eq!((1, 1, 1, true), shape(&P::ZeroOrMore(step("a"))));
        assert_eq!((2, 1, 1, false), shape(&P::OneOrMore(step("a"))));
        assert_eq!((2, 1, 2, true), shape(&P::ZeroOrOne(step("a"))));
        let either = Box::new(P::Alternative(step("a"), step("b")));
        assert_eq!((1, 2, 1, true), shape(&P::ZeroOrMore(either.clone())));
        assert_eq!(
            (1, 2, 1, true),
            shape(&P::ZeroOrMore(Box::new(P::OneOrMore(either))))
        );
        let both = Box::new(P::Sequence(step("a"), step("b")));
        assert_eq!((2, 2, 1, true), shape(&P::ZeroOrMore(both.clone())));
        assert_eq!((3, 2, 1, false), shape(&P::OneOrMore(both)));
    }

    #[test]
    fn reversed_twice_has_the_same_transitions() {
        let execution = execution(0);
        let inner = P::Sequence(step("a"), Box::new(P::Reverse(step("b"))));
        let path = P::OneOrMore(Box::new(P::Alternative(Box::new(inner), step("c"))));
        let [forward, backward] = [false, true]
            .map(|backward| Automaton::new(&path, backward, &execution).expect("compiled"));
        let reversed = forward.reversed();
        assert_eq!(backward.steps, reversed.steps);
        let again = reversed.reversed();
        assert_eq!(forward.steps, again.steps);
        for (state, other) in forward.states.iter().zip(&again.states) {
            let mut transitions = other.transitions.clone();
            transitions.sort_unstable();
            assert_eq!(state.transitions, transitions);
        }
    }

    #[test]
    fn backward_is_the_reversed_path() {
        let execution = execution(0);
        let forward = P::OneOrMore(Box::new(P::Sequence(
            step("a"),
            Box::new(P::Reverse(step("b"))),
        )));
        let reversed = P::OneOrMore(Box::new(P::Sequence(
            step("b"),
            Box::new(P::Reverse(step("a"))),
        )));
        assert_eq!(
            Automaton::new(&forward, true, &execution).expect("compiled"),
            Automaton::new(&reversed, false, &execution).expect("compiled")
        );
    }
}
