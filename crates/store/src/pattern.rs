//! What a caller asks for: a quad with some positions bound.

use oxrdf::{GraphName, NamedNode, NamedOrBlankNode, Quad, QuadRef, Term};

/// A quad pattern: each position is bound to a term or open.
///
/// An open graph means *any graph*, the default graph included; a graph bound to [`GraphName::DefaultGraph`] means the
/// default graph alone.
///
/// ```
/// use oxrdf::{GraphName, NamedNode};
/// use quadrille_store::QuadPattern;
///
/// let label = NamedNode::new("http://www.w3.org/2000/01/rdf-schema#label")?;
/// let anywhere = QuadPattern::new().with_predicate(label.clone());
/// let in_the_default_graph = anywhere.clone().with_graph(GraphName::DefaultGraph);
/// assert_ne!(anywhere, in_the_default_graph);
/// # Ok::<(), oxrdf::IriParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct QuadPattern {
    /// The subject, if bound.
    pub subject: Option<NamedOrBlankNode>,
    /// The predicate, if bound.
    pub predicate: Option<NamedNode>,
    /// The object, if bound.
    pub object: Option<Term>,
    /// The graph, if bound; `None` is any graph.
    pub graph: Option<GraphName>,
}

impl QuadPattern {
    /// The pattern that matches every quad.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Binds the subject.
    #[must_use]
    pub fn with_subject(mut self, subject: impl Into<NamedOrBlankNode>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Binds the predicate.
    #[must_use]
    pub fn with_predicate(mut self, predicate: impl Into<NamedNode>) -> Self {
        self.predicate = Some(predicate.into());
        self
    }

    /// Binds the object.
    #[must_use]
    pub fn with_object(mut self, object: impl Into<Term>) -> Self {
        self.object = Some(object.into());
        self
    }

    /// Binds the graph: a named one, or [`GraphName::DefaultGraph`].
    #[must_use]
    pub fn with_graph(mut self, graph: impl Into<GraphName>) -> Self {
        self.graph = Some(graph.into());
        self
    }

    /// Whether a quad matches.
    #[must_use]
    pub fn matches(&self, quad: QuadRef<'_>) -> bool {
        self.subject
            .as_ref()
            .is_none_or(|term| term.as_ref() == quad.subject)
            && self
                .predicate
                .as_ref()
                .is_none_or(|term| term.as_ref() == quad.predicate)
            && self
                .object
                .as_ref()
                .is_none_or(|term| term.as_ref() == quad.object)
            && self
                .graph
                .as_ref()
                .is_none_or(|term| term.as_ref() == quad.graph_name)
    }
}

impl From<Quad> for QuadPattern {
    fn from(quad: Quad) -> Self {
        Self {
            subject: Some(quad.subject),
            predicate: Some(quad.predicate),
            object: Some(quad.object),
            graph: Some(quad.graph_name),
        }
    }
}
