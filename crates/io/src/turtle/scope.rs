//! What a text means depends on this: the base, the prefixes and the graph block that are in force where it begins.
//!
//! What flows in: directives and the labels of graph blocks, as text. What flows out: what they say. What always holds:
//! oxttl itself reads them, so that IRIs are resolved exactly as in a parse of the whole text.

use super::TurtleFormat;
use crate::error::LoadError;
use oxrdf::{GraphName, Quad};
use oxttl::{TriGParser, TurtleParser};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The IRIs of prefixes.
pub(crate) type Prefixes = BTreeMap<String, String>;

/// The IRI of the three terms of [`MARK`].
const MARK_IRI: &str = "urn:x-quadrille:mark";

/// A triple that is put where statements may begin. At any other place of a statement it is a syntax error.
pub(super) const MARK_TRIPLE: &str =
    "<urn:x-quadrille:mark> <urn:x-quadrille:mark> <urn:x-quadrille:mark> .";

/// That triple where it is put in a graph block, and the block's end: its quad tells which graph the block is of.
pub(super) const MARK: &str =
    "<urn:x-quadrille:mark> <urn:x-quadrille:mark> <urn:x-quadrille:mark> . }";

/// Whether this is the quad of a mark, in any graph.
pub(super) fn is_mark(quad: &Quad) -> bool {
    let Quad {
        subject,
        predicate,
        object,
        ..
    } = quad;
    predicate.as_str() == MARK_IRI
        && *subject == predicate.clone().into()
        && *object == predicate.clone().into()
}

/// What is in force at a place between two statements.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Scope {
    base: Option<Arc<str>>,
    prefixes: Arc<Prefixes>,
    /// The graph of the block around the place.
    graph: Option<GraphName>,
}

/// A parser, of either language, that begins with the base and the prefixes of a scope.
macro_rules! in_scope {
    ($scope:expr, $parser:expr) => {{
        let mut parser = $parser;
        if let Some(base) = $scope.base() {
            parser = parser.with_base_iri(base).ok()?;
        }
        $scope
            .prefixes
            .iter()
            .try_fold(parser, |parser, (name, iri)| parser.with_prefix(name, iri))
            .ok()
    }};
}

impl Scope {
    /// The scope at the start of a source.
    ///
    /// # Errors
    /// When the base is not valid.
    pub(crate) fn at_start(base: Option<&str>) -> Result<Self, LoadError> {
        if let Some(base) = base
            && let Err(error) = TurtleParser::new().with_base_iri(base)
        {
            return Err(LoadError::InvalidBase {
                base: base.to_owned(),
                message: error.to_string(),
            });
        }
        Ok(Self {
            base: base.map(Arc::from),
            ..Self::default()
        })
    }

    /// The scope of these parts, as [`base`](Self::base), [`prefixes`](Self::prefixes) and
    /// [`graph_label`](Self::graph_label) give them. `None`, when they are of no scope.
    pub(crate) fn of_parts(
        base: Option<&str>,
        prefixes: Prefixes,
        graph_label: Option<&str>,
    ) -> Option<Self> {
        let scope = Self {
            base: base.map(Arc::from),
            prefixes: Arc::new(prefixes),
            graph: None,
        };
        // It refuses what is not valid.
        drop(scope.turtle_parser()?);
        match graph_label {
            None => Some(scope),
            Some(label) => scope.in_graph(label.as_bytes()),
        }
    }

    /// The text before the `{` of the graph block around the place.
    pub(crate) fn graph_label(&self) -> Option<String> {
        let graph = self.graph.as_ref()?;
        Some(match graph {
            GraphName::DefaultGraph => String::new(),
            graph => format!("GRAPH {graph} "),
        })
    }

    pub(crate) fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    pub(crate) fn prefixes(&self) -> &Prefixes {
        &self.prefixes
    }

    /// Whether the place is inside a graph block.
    pub(super) fn is_in_graph(&self) -> bool {
        self.graph.is_some()
    }

    /// The text that brings a parser of this base and these prefixes into the graph block: empty, or one line.
    pub(crate) fn opening(&self) -> String {
        let label = self.graph_label();
        label.map_or_else(String::new, |label| format!("{label}{{\n"))
    }

    /// The text that proves, behind a chunk, that this scope was come to: empty outside of graph blocks.
    pub(super) fn closing(&self) -> &'static str {
        match self.graph {
            None => "",
            Some(_) => MARK,
        }
    }

    /// Whether this is the quad of [`Self::closing`], in the graph of this scope.
    pub(super) fn is_marked_by(&self, quad: &Quad) -> bool {
        self.graph.as_ref() == Some(&quad.graph_name) && is_mark(quad)
    }

    /// The graph of the block around the place.
    pub(super) fn graph(&self) -> Option<&GraphName> {
        self.graph.as_ref()
    }

    /// The same base and prefixes outside of graph blocks.
    pub(super) fn without_graph(&self) -> Self {
        Self {
            graph: None,
            ..self.clone()
        }
    }

    /// Whether the base and the prefixes of two scopes are the same.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.base == other.base && self.prefixes == other.prefixes
    }

    /// Takes a parser's base and prefixes.
    pub(super) fn declare_all<'a>(
        &mut self,
        base: Option<&str>,
        prefixes: impl Iterator<Item = (&'a str, &'a str)>,
    ) {
        let owned = prefixes.map(|(name, iri)| (name.to_owned(), iri.to_owned()));
        self.base = base.map(Arc::from);
        self.prefixes = Arc::new(owned.collect());
    }

    /// Whether a parser's base and prefixes are these.
    pub(super) fn is_of<'a>(
        &self,
        base: Option<&str>,
        prefixes: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> bool {
        // As many as these, each of them one of these.
        let mut count = 0;
        for (name, iri) in prefixes {
            count += 1;
            if self.prefixes.get(name).is_none_or(|known| known != iri) {
                return false;
            }
        }
        count == self.prefixes.len() && self.base() == base
    }

    pub(super) fn turtle_parser(&self) -> Option<TurtleParser> {
        in_scope!(self, TurtleParser::new())
    }

    pub(super) fn trig_parser(&self) -> Option<TriGParser> {
        in_scope!(self, TriGParser::new())
    }

    /// Takes a directive. `None`, when it is not one.
    pub(super) fn declare(&mut self, directive: &[u8]) -> Option<()> {
        let mut parser = TurtleParser::new();
        if let Some(base) = self.base() {
            parser = parser.with_base_iri(base).ok()?;
        }
        let mut parser = parser.for_slice(directive);
        if parser.next().is_some() {
            return None;
        }
        for (name, iri) in parser.prefixes() {
            if self.prefixes.get(name).is_none_or(|known| known != iri) {
                let prefixes = Arc::make_mut(&mut self.prefixes);
                prefixes.insert(name.to_owned(), iri.to_owned());
            }
        }
        let base = parser.base_iri();
        if base != self.base() {
            self.base = base.map(Arc::from);
        }
        Some(())
    }

    /// The scope inside a graph block with this text before its `{`. `None` where no other text names the same graph.
    pub(super) fn in_graph(&self, label: &[u8]) -> Option<Self> {
        // An anonymous node is another one wherever it is written.
        if label.contains(&b'[') {
            return None;
        }
        let graph = self.graph_of(&[label, b"{"].concat())?;
        let scope = Self {
            graph: Some(graph),
            ..self.clone()
        };
        // Read once more, as the next chunk's parser does: what is resolved already must stay as it is.
        (self.graph_of(scope.opening().as_bytes()) == scope.graph).then_some(scope)
    }

    /// The graph of the block that a text opens.
    fn graph_of(&self, opening: &[u8]) -> Option<GraphName> {
        let text = [opening, MARK.as_bytes()].concat();
        let mut quads = self.trig_parser()?.for_slice(&text);
        let quad = quads.next()?.ok()?;
        quads.next().is_none().then_some(quad.graph_name)
    }
}

impl TurtleFormat {
    /// Whether the language has graph blocks.
    pub(super) fn has_graphs(self) -> bool {
        self == Self::TriG
    }
}
