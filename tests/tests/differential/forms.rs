//! Random queries as a whole: their forms, datasets, grouping and modifiers; subqueries.

use crate::data::{GRAPHS, NODES, PREDICATES, one_of};
use crate::grammar::{Grammar, MADE};
use crate::tree::{Kind, Piece, Tree, pieces};

/// What every query begins with.
pub(crate) const PROLOGUE: &str =
    "PREFIX : <http://example.com/> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>";

/// What may stand behind the SELECT of a query, and of a subquery: how many of equal rows a REDUCED one gives is open.
const WORDS: [&str; 8] = ["DISTINCT", "DISTINCT", "REDUCED", "", "", "", "", ""];
const INNER_WORDS: [&str; 4] = ["DISTINCT", "", "", ""];

/// How deep the groups of a query nest.
const DEPTH: u8 = 2;

impl Grammar<'_> {
    /// A query of any form.
    pub(crate) fn query(&mut self) -> Tree {
        let parts = match self.rng.u8(..100) {
            0..60 => self.select(DEPTH),
            60..80 => self.grouped(DEPTH),
            80..88 => pieces!["ASK", self.dataset(), self.group(DEPTH)],
            88..98 => self.construct(),
            _ => self.describe(),
        };
        Tree::new(Kind::Fixed, parts)
    }

    fn construct(&mut self) -> Vec<Piece> {
        let mut parts = pieces!["CONSTRUCT {"];
        for _ in 0..self.rng.u8(1..3) {
            let subject = self.end(false);
            let predicate = if self.chance(20) {
                "?p"
            } else {
                one_of(self.rng, &PREDICATES)
            };
            let triple = pieces![subject, predicate, self.end(true), "."];
            parts.push(Tree::new(Kind::Optional, triple).into());
        }
        parts.extend(pieces!["}", self.dataset(), "WHERE", self.group(DEPTH)]);
        parts
    }

    fn describe(&mut self) -> Vec<Piece> {
        let node = one_of(self.rng, &NODES);
        if self.rng.bool() {
            return pieces![format!("DESCRIBE {node}")];
        }
        let variable = self.variable();
        // Which resources a pattern finds is asked for elsewhere.
        pieces![format!("DESCRIBE {variable} WHERE {{ {variable} ?p ?o }}")]
    }

    /// FROM and FROM NAMED, now and then.
    fn dataset(&mut self) -> Tree {
        let mut parts = Vec::new();
        if self.chance(12) {
            for _ in 0..self.rng.u8(1..4) {
                let named = if self.rng.bool() { "NAMED " } else { "" };
                let graph = if self.chance(10) {
                    ":nowhere"
                } else {
                    one_of(self.rng, &GRAPHS)
                };
                let clause = pieces![format!("FROM {named}{graph}")];
                parts.push(Tree::new(Kind::Optional, clause).into());
            }
        }
        Tree::new(Kind::Optional, parts)
    }

    fn select(&mut self, depth: u8) -> Vec<Piece> {
        let mut parts = pieces!["SELECT", self.distinct(&WORDS)];
        if self.chance(35) {
            parts.push("*".into());
        } else {
            parts.extend(self.projected(depth));
        }
        if depth == DEPTH {
            parts.push(self.dataset().into());
        }
        parts.extend(pieces!["WHERE", self.group(depth)]);
        parts.extend(self.order_and_slice());
        if self.chance(5) {
            parts.push(self.values().into());
        }
        parts
    }

    fn distinct(&mut self, words: &[&str]) -> Tree {
        let word = one_of(self.rng, words);
        Tree::new(Kind::Optional, pieces![word])
    }

    /// Variables, and expressions under a name.
    fn projected(&mut self, depth: u8) -> Vec<Piece> {
        let mut names: Vec<&str> = Vec::new();
        let mut parts = Vec::new();
        for _ in 0..self.rng.u8(1..5) {
            let name = self.variable();
            if names.contains(&name) {
                continue;
            }
            names.push(name);
            let part = if MADE.contains(&name) && self.chance(70) {
                pieces!["(", self.expression(depth.max(1)), format!("AS {name})")]
            } else {
                pieces![name]
            };
            parts.push(Tree::new(Kind::Optional, part).into());
        }
        parts
    }

    /// A query with GROUP BY, or with aggregates over all rows.
    fn grouped(&mut self, depth: u8) -> Vec<Piece> {
        let mut keys: Vec<&str> = Vec::new();
        let mut by = Vec::new();
        for _ in 0..self.rng.u8(..3) {
            let name = self.variable();
            if keys.contains(&name) {
                continue;
            }
            keys.push(name);
            let part = if MADE.contains(&name) {
                pieces!["(", self.expression(1), format!("AS {name})")]
            } else {
                pieces![name]
            };
            by.push(Piece::from(Tree::new(Kind::Optional, part)));
        }
        let words: &[&str] = if depth == DEPTH { &WORDS } else { &INNER_WORDS };
        let mut parts = pieces!["SELECT", self.distinct(words)];
        for key in &keys {
            parts.push(Tree::new(Kind::Optional, pieces![*key]).into());
        }
        for name in ["?m", "?n"].into_iter().take(self.rng.usize(1..3)) {
            let part = pieces!["(", self.of_group(&keys), format!("AS {name})")];
            parts.push(Tree::new(Kind::Optional, part).into());
        }
        if depth == DEPTH {
            parts.push(self.dataset().into());
        }
        parts.extend(pieces!["WHERE", self.group(depth)]);
        if !by.is_empty() {
            let mut clause = pieces!["GROUP BY"];
            clause.append(&mut by);
            parts.push(Tree::new(Kind::Optional, clause).into());
        }
        if self.chance(20) {
            let having = pieces!["HAVING (", self.of_group(&keys), "> 1 )"];
            parts.push(Tree::new(Kind::Optional, having).into());
        }
        parts
    }

    /// An expression of aggregates.
    fn of_group(&mut self, keys: &[&str]) -> Tree {
        let parts = match self.rng.u8(..10) {
            0 => pieces!["(", self.aggregate(keys), "+", self.aggregate(keys), ")"],
            1 => pieces!["COALESCE(", self.aggregate(keys), ", \"none\")"],
            _ => return self.aggregate(keys),
        };
        Tree::new(Kind::Expression, parts)
    }

    /// An aggregate whose value does not depend on the order of the rows: concatenations are measured, least and greatest
    /// are asked for within one type.
    fn aggregate(&mut self, keys: &[&str]) -> Tree {
        let distinct = if self.chance(30) { "DISTINCT " } else { "" };
        let argument = self.expression(1);
        let parts = match self.rng.u8(..14) {
            0..2 => pieces![format!("COUNT({distinct}*)")],
            2..5 => pieces![format!("COUNT({distinct}"), argument, ")"],
            5..7 => pieces![format!("SUM({distinct}"), argument, ")"],
            7..9 => pieces![format!("AVG({distinct}"), argument, ")"],
            9..12 => {
                let name = one_of(self.rng, &["MIN", "MAX"]);
                let cast = one_of(self.rng, &["STR", "xsd:decimal", "xsd:integer", "STRLEN"]);
                pieces![format!("{name}({distinct}{cast}("), argument, "))"]
            }
            12 => pieces![
                format!("STRLEN(GROUP_CONCAT({distinct}"),
                argument,
                "; SEPARATOR = '--'))"
            ],
            _ => match keys.first() {
                Some(key) => pieces![format!("SAMPLE({distinct}{key})")],
                None => pieces![format!("SAMPLE({distinct}1)")],
            },
        };
        Tree::new(Kind::Expression, parts)
    }

    /// ORDER BY, LIMIT and OFFSET of a query.
    fn order_and_slice(&mut self) -> Vec<Piece> {
        let mut parts = Vec::new();
        if self.chance(25) {
            let mut clause = pieces!["ORDER BY"];
            for _ in 0..self.rng.u8(1..4) {
                let direction = one_of(self.rng, &["ASC", "DESC"]);
                let key = self.order_key();
                let key = pieces![format!("{direction}("), key, ")"];
                clause.push(Tree::new(Kind::Optional, key).into());
            }
            parts.push(Tree::new(Kind::Optional, clause).into());
        }
        if self.chance(15) {
            let limit = pieces![format!("LIMIT {}", self.rng.u8(..12))];
            parts.push(Tree::new(Kind::Optional, limit).into());
        }
        if self.chance(10) {
            let offset = pieces![format!("OFFSET {}", self.rng.u8(..6))];
            parts.push(Tree::new(Kind::Optional, offset).into());
        }
        parts
    }

    fn order_key(&mut self) -> Tree {
        if self.chance(25) {
            return self.expression(1);
        }
        let variable = self.variable();
        Tree::new(Kind::Expression, pieces![variable])
    }

    /// A subquery; one with a slice has a total order, or which rows it keeps would not be for SPARQL to say.
    pub(crate) fn subquery(&mut self, depth: u8) -> Tree {
        let depth = depth.min(DEPTH - 1);
        let parts = match self.rng.u8(..10) {
            0..3 => self.grouped(depth),
            3..5 => self.sliced_subquery(depth),
            _ => {
                let mut parts = pieces!["SELECT", self.distinct(&INNER_WORDS)];
                if self.chance(30) {
                    parts.push("*".into());
                } else {
                    parts.extend(self.projected(0));
                }
                parts.extend(pieces!["WHERE", self.group(depth)]);
                parts
            }
        };
        Tree::new(Kind::Fixed, parts)
    }

    /// The first rows of an order in which only equal rows tie. Blank nodes have no such order, and are left out.
    fn sliced_subquery(&mut self, depth: u8) -> Vec<Piece> {
        let name = self.variable();
        let slice = format!("LIMIT {} OFFSET {}", self.rng.u8(1..6), self.rng.u8(..3));
        pieces![
            format!("SELECT {name} WHERE {{"),
            self.group(depth),
            format!(
                "FILTER(!isBLANK({name})) }} ORDER BY STR({name}) isIRI({name}) \
                 STR(DATATYPE({name})) LANG({name}) {slice}"
            ),
        ]
    }
}
