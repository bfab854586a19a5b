//! Random property paths.

use crate::data::{PREDICATES, one_of};
use crate::grammar::Grammar;
use crate::tree::{Kind, Tree, pieces};

impl Grammar<'_> {
    /// A path of every kind, nesting at most so deep.
    pub(crate) fn path(&mut self, depth: u8) -> Tree {
        let choice = self.rng.u8(if depth == 0 { ..5 } else { ..20 });
        let parts = match choice {
            0..4 => pieces![one_of(self.rng, &PREDICATES)],
            4 => pieces![self.negated_set()],
            5..8 => pieces!["(", self.path(depth - 1), ")*"],
            8..11 => pieces!["(", self.path(depth - 1), ")+"],
            11..13 => pieces!["(", self.path(depth - 1), ")?"],
            13..15 => pieces!["^(", self.path(depth - 1), ")"],
            15..18 => pieces!["(", self.path(depth - 1), "/", self.path(depth - 1), ")"],
            _ => pieces!["(", self.path(depth - 1), "|", self.path(depth - 1), ")"],
        };
        Tree::new(Kind::Path, parts)
    }

    fn negated_set(&mut self) -> String {
        let mut members = Vec::new();
        for _ in 0..self.rng.u8(1..4) {
            let predicate = one_of(self.rng, &PREDICATES);
            let inverse = if self.chance(30) { "^" } else { "" };
            members.push(format!("{inverse}{predicate}"));
        }
        format!("!({})", members.join("|"))
    }
}
