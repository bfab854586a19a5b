//! Random queries: groups of patterns. Whole queries are in `forms`, expressions in `expressions`, paths in `paths`.
//!
//! What flows in: a random generator. What flows out: queries as trees of text, with the terms of `data`. What always
//! holds: a query is deterministic (no RAND, UUID, NOW, BNODE), and asks of SPARQL only what has one answer; a few are no
//! SPARQL, as a variable is bound twice, and the caller draws again.

use crate::data::{GRAPHS, NODES, PREDICATES, Statement, literal, one_of};
use crate::tree::{Kind, Piece, Tree, pieces};
use fastrand::Rng;

/// Variables of subjects and objects.
const VARIABLES: [&str; 5] = ["?a", "?b", "?c", "?d", "?e"];
/// Variables that BIND and projected expressions name.
pub(crate) const MADE: [&str; 4] = ["?v", "?w", "?x", "?y"];
/// Patterns of triple terms.
const TRIPLE_PATTERNS: [&str; 6] = [
    "<<( ?a :p ?b )>>",
    "<<( ?c ?p ?d )>>",
    "<<( :b :q ?e )>>",
    "<<( ?a ?p ?a )>>",
    "<<( ?a :p <<( ?c :r ?d )>> )>>",
    "<<( :a :p :b )>>",
];
/// A name that no data has.
const ABSENT: &str = ":nowhere";

/// Draws queries.
///
/// Most triple patterns are made of a quad of the data, by variables in place of its terms, the same one for the same term.
/// So a query mostly has a solution, until filters and the like are done with it.
pub(crate) struct Grammar<'a> {
    pub(crate) rng: &'a mut Rng,
    data: &'a [Statement],
    /// What the variables stand for.
    meant: Vec<(&'static str, &'static str)>,
    /// The named graph in which patterns are matched.
    graph: Option<&'static str>,
}

impl<'a> Grammar<'a> {
    pub(crate) fn new(rng: &'a mut Rng, data: &'a [Statement]) -> Self {
        let (meant, graph) = (Vec::new(), None);
        Self {
            rng,
            data,
            meant,
            graph,
        }
    }
}

impl Grammar<'_> {
    /// Whether something happens, in so many of a hundred cases.
    pub(crate) fn chance(&mut self, percent: u8) -> bool {
        self.rng.u8(..100) < percent
    }

    /// A variable, mostly one that patterns bind.
    pub(crate) fn variable(&mut self) -> &'static str {
        match self.rng.u8(..20) {
            0 => "?p",
            1 => "?g",
            2 | 3 => one_of(self.rng, &MADE),
            _ => one_of(self.rng, &VARIABLES),
        }
    }

    /// A group in braces, nesting at most so deep.
    pub(crate) fn group(&mut self, depth: u8) -> Tree {
        let mut parts = pieces!["{"];
        let count = match self.rng.u8(..10) {
            0..3 => 1,
            3..7 => 2,
            7..9 => 3,
            _ => 4,
        };
        if self.chance(80) {
            parts.push(self.triples().into());
        }
        for _ in 1..count {
            parts.push(self.element(depth).into());
        }
        parts.push("}".into());
        Tree::new(Kind::Group, parts)
    }

    /// A part of a group other than its first triples.
    fn element(&mut self, depth: u8) -> Tree {
        let choice = self.rng.u8(if depth == 0 { ..45 } else { ..100 });
        let parts = match choice {
            0..12 => return self.triples(),
            12..30 => pieces!["FILTER (", self.condition(2), ")"],
            30..37 => {
                let name = one_of(self.rng, &MADE);
                pieces!["BIND (", self.expression(2), format!("AS {name})")]
            }
            37..45 => return self.values(),
            45..62 => pieces!["OPTIONAL", self.group(depth - 1)],
            62..71 => self.union(depth - 1),
            71..79 => pieces!["MINUS", self.group(depth - 1)],
            79..89 => self.in_graph(depth - 1),
            89..95 => pieces!["{", self.subquery(depth - 1), "}"],
            _ => pieces![self.group(depth - 1)],
        };
        Tree::new(Kind::Optional, parts)
    }

    fn union(&mut self, depth: u8) -> Vec<Piece> {
        let mut parts = pieces![self.group(depth)];
        for _ in 0..self.rng.u8(1..3) {
            let branch = pieces!["UNION", self.group(depth)];
            parts.push(Tree::new(Kind::Optional, branch).into());
        }
        parts
    }

    fn in_graph(&mut self, depth: u8) -> Vec<Piece> {
        let around = self.graph;
        self.graph = Some(one_of(self.rng, &GRAPHS));
        let name = match self.rng.u8(..20) {
            0..11 => "?g",
            11 => one_of(self.rng, &VARIABLES),
            12 => ABSENT,
            _ => self.graph.unwrap_or(ABSENT),
        };
        let group = self.group(depth);
        self.graph = around;
        pieces![format!("GRAPH {name}"), group]
    }

    /// One to five triple patterns, a path now and then.
    fn triples(&mut self) -> Tree {
        let count = match self.rng.u8(..20) {
            0..8 => 1,
            8..15 => 2,
            15..18 => 3,
            18 => 4,
            _ => 5,
        };
        let mut parts = Vec::new();
        for _ in 0..count {
            let [subject, predicate, object] = self.triple();
            let triple = if self.chance(15) {
                pieces![subject, self.path(2), object, "."]
            } else {
                pieces![subject, predicate, object, "."]
            };
            parts.push(Tree::new(Kind::Optional, triple).into());
        }
        Tree::new(Kind::Optional, parts)
    }

    /// A triple pattern that a quad of the data matches, or any.
    fn triple(&mut self) -> [&'static str; 3] {
        let fits: Vec<_> = self
            .data
            .iter()
            .filter(|quad| quad.graph == self.graph)
            .collect();
        if fits.is_empty() || self.chance(15) {
            return [self.end(false), self.predicate(), self.end(true)];
        }
        let quad = fits[self.rng.usize(..fits.len())];
        let subject = self.standing_for(quad.subject);
        let predicate = if self.chance(85) {
            quad.predicate
        } else {
            "?p"
        };
        [subject, predicate, self.standing_for(quad.object)]
    }

    /// A variable that means a term, or now and then the term.
    fn standing_for(&mut self, term: &'static str) -> &'static str {
        if term.starts_with("<<") && self.chance(60) {
            return one_of(self.rng, &TRIPLE_PATTERNS);
        }
        if self.chance(12) && !term.starts_with("_:") {
            return term;
        }
        if let Some((variable, _)) = self.meant.iter().find(|(_, meant)| *meant == term) {
            return variable;
        }
        let is_free = |name: &&str| self.meant.iter().all(|(known, _)| known != name);
        let free: Vec<&str> = VARIABLES.into_iter().filter(is_free).collect();
        if free.is_empty() {
            return one_of(self.rng, &VARIABLES);
        }
        let variable = one_of(self.rng, &free);
        self.meant.push((variable, term));
        variable
    }

    fn predicate(&mut self) -> &'static str {
        match self.rng.u8(..40) {
            0..6 => "?p",
            6 => one_of(self.rng, &VARIABLES),
            7 => ABSENT,
            _ => one_of(self.rng, &PREDICATES),
        }
    }

    /// A subject or object.
    pub(crate) fn end(&mut self, object: bool) -> &'static str {
        match self.rng.u8(..40) {
            0..5 => one_of(self.rng, &NODES),
            5 => ABSENT,
            6 => "[]",
            7 => "_:n",
            8 => "?p",
            9 => "?g",
            10..12 => one_of(self.rng, &MADE),
            12..14 if object => literal(self.rng),
            14 if object => one_of(self.rng, &TRIPLE_PATTERNS),
            _ => one_of(self.rng, &VARIABLES),
        }
    }

    /// VALUES for one or two variables, UNDEF among the values.
    pub(crate) fn values(&mut self) -> Tree {
        let mut names = vec![self.variable()];
        let second = self.variable();
        if self.chance(50) && !names.contains(&second) {
            names.push(second);
        }
        let mut parts = pieces![format!("VALUES ({}) {{", names.join(" "))];
        for _ in 0..self.rng.u8(..5) {
            let row: Vec<&str> = names.iter().map(|name| self.value(name)).collect();
            let row = format!("({})", row.join(" "));
            parts.push(Tree::new(Kind::Optional, pieces![row]).into());
        }
        parts.push("}".into());
        Tree::new(Kind::Optional, parts)
    }

    fn value(&mut self, name: &str) -> &'static str {
        let meant = self.meant.iter().find(|(known, _)| *known == name);
        match (self.rng.u8(..10), meant) {
            (5.., Some((_, term))) if !term.starts_with("_:") => term,
            (0, _) => "UNDEF",
            (1..5, _) => literal(self.rng),
            (5, _) => one_of(self.rng, &PREDICATES),
            (6, _) => one_of(self.rng, &GRAPHS),
            _ => one_of(self.rng, &NODES),
        }
    }
}
