//! A query as a tree of text that knows what can be taken out of it.
//!
//! What flows in: pieces of text and smaller trees, from the grammar. What flows out: the text, and every tree that is one
//! step smaller. What always holds: a smaller tree has fewer nodes or shorter text, so shrinking ends; whether it still is
//! a query is for the parser to say.

use std::fmt;

/// What a part of a query is, which says how it can be made smaller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Stays as long as what is around it.
    Fixed,
    /// Can be left out: a pattern of a group, a clause, a member of a list.
    Optional,
    /// A group in braces; a group within it can take its place.
    Group,
    /// An expression; an expression within it, or a constant, can take its place.
    Expression,
    /// A property path; a path within it can take its place.
    Path,
}

/// A node with its pieces, in the order of the text.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    kind: Kind,
    pieces: Vec<Piece>,
}

/// Text, or a smaller tree.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Text(String),
    Tree(Tree),
}

impl From<&str> for Piece {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Piece {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Tree> for Piece {
    fn from(tree: Tree) -> Self {
        Self::Tree(tree)
    }
}

/// The pieces of a tree: anything that turns into a [`Piece`].
macro_rules! pieces {
    ($($piece:expr),* $(,)?) => {
        vec![$($crate::tree::Piece::from($piece)),*]
    };
}
pub(crate) use pieces;

/// What can take the place of an expression when nothing within it can.
const PLAIN_EXPRESSIONS: [&str; 3] = ["true", "1", "?a"];

impl Tree {
    pub(crate) fn new(kind: Kind, pieces: Vec<Piece>) -> Self {
        Self { kind, pieces }
    }

    /// Every tree that is one step smaller than this one, the boldest steps first.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        let mut paths = Vec::new();
        self.walk(&mut Vec::new(), &mut |path, _| paths.push(path.to_vec()));
        paths.sort_by_key(Vec::len);
        let mut smaller = Vec::new();
        for path in &paths {
            let Some(node) = self.at(path) else { continue };
            if node.kind == Kind::Optional {
                smaller.push(self.with(path, None));
            }
        }
        for path in &paths {
            let Some(node) = self.at(path) else { continue };
            for replacement in node.replacements() {
                smaller.push(self.with(path, Some(&replacement)));
            }
        }
        smaller
    }

    /// What can take this node's place.
    fn replacements(&self) -> Vec<Self> {
        if matches!(self.kind, Kind::Fixed | Kind::Optional) {
            return Vec::new();
        }
        let mut within = Vec::new();
        self.walk(&mut Vec::new(), &mut |path, node| {
            if !path.is_empty() && node.kind == self.kind {
                within.push(node.clone());
            }
        });
        if self.kind == Kind::Expression {
            let length = self.to_string().trim().len();
            for plain in PLAIN_EXPRESSIONS {
                if plain.len() < length {
                    within.push(Self::new(Kind::Expression, pieces![plain]));
                }
            }
        }
        within
    }

    fn walk<'a>(&'a self, path: &mut Vec<usize>, visit: &mut impl FnMut(&[usize], &'a Self)) {
        visit(path, self);
        for (place, piece) in self.pieces.iter().enumerate() {
            if let Piece::Tree(tree) = piece {
                path.push(place);
                tree.walk(path, visit);
                path.pop();
            }
        }
    }

    fn at(&self, path: &[usize]) -> Option<&Self> {
        let Some((place, rest)) = path.split_first() else {
            return Some(self);
        };
        match self.pieces.get(*place)? {
            Piece::Tree(tree) => tree.at(rest),
            Piece::Text(_) => None,
        }
    }

    /// This tree with the node at a path replaced, or taken out.
    fn with(&self, path: &[usize], replacement: Option<&Self>) -> Self {
        let mut whole = self.clone();
        let Some((last, above)) = path.split_last() else {
            return replacement.cloned().unwrap_or(whole);
        };
        let mut node = &mut whole;
        for place in above {
            let Some(Piece::Tree(next)) = node.pieces.get_mut(*place) else {
                return whole;
            };
            node = next;
        }
        node.pieces[*last] = match replacement {
            Some(tree) => Piece::Tree(tree.clone()),
            None => Piece::Text(String::new()),
        };
        whole
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut after = false;
        for piece in &self.pieces {
            let text = match piece {
                Piece::Text(text) => text.clone(),
                Piece::Tree(tree) => tree.to_string(),
            };
            if text.is_empty() {
                continue;
            }
            if after {
                formatter.write_str(" ")?;
            }
            formatter.write_str(&text)?;
            after = true;
        }
        Ok(())
    }
}
