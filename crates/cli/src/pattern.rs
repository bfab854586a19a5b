//! The options of a quad pattern: `--subject`, `--predicate`, `--object`, `--graph`.
//!
//! What flows in: terms as a person types them, bare IRIs or N-Triples. What flows out: a [`QuadPattern`]. What always
//! holds: a text that is no term is refused before a store is opened.

use clap::Args;
use oxrdf::{BlankNode, GraphName, NamedNode, NamedOrBlankNode, Term};
use quadrille::QuadPattern;
use std::str::FromStr;

/// A quad pattern; what is not given is open.
#[derive(Args, Debug)]
#[command(next_help_heading = "Pattern")]
pub(crate) struct PatternOptions {
    /// The subject: an IRI, or `_:label`
    #[arg(short, long, value_name = "TERM", value_parser = parse_subject)]
    subject: Option<NamedOrBlankNode>,
    /// The predicate: an IRI
    #[arg(short, long, value_name = "IRI", value_parser = parse_iri)]
    predicate: Option<NamedNode>,
    /// The object: an IRI, `_:label`, or a literal as N-Triples writes it, such as '"chat"@fr'
    #[arg(short, long, value_name = "TERM", value_parser = parse_term)]
    object: Option<Term>,
    /// The graph: an IRI, `_:label`, or `default` for the default graph alone [default: any graph]
    #[arg(short, long, value_name = "GRAPH", value_parser = parse_graph)]
    graph: Option<GraphName>,
}

impl PatternOptions {
    /// The pattern that the options spell.
    pub(crate) fn pattern(self) -> QuadPattern {
        let mut pattern = QuadPattern::new();
        pattern.subject = self.subject;
        pattern.predicate = self.predicate;
        pattern.object = self.object;
        pattern.graph = self.graph;
        pattern
    }
}

/// Reads an IRI, bare or in angle brackets.
pub(crate) fn parse_iri(text: &str) -> Result<NamedNode, String> {
    if text.starts_with('<') {
        return NamedNode::from_str(text).map_err(|error| error.to_string());
    }
    NamedNode::new(text).map_err(|error| {
        format!("{error}; an IRI is absolute, such as http://example.org/, and a literal stands in double quotes")
    })
}

/// Reads a graph: `default`, an IRI or a blank node.
pub(crate) fn parse_graph(text: &str) -> Result<GraphName, String> {
    match text {
        "default" => Ok(GraphName::DefaultGraph),
        _ => parse_subject(text).map(GraphName::from),
    }
}

fn parse_subject(text: &str) -> Result<NamedOrBlankNode, String> {
    if text.starts_with("_:") {
        return BlankNode::from_str(text)
            .map(NamedOrBlankNode::from)
            .map_err(|error| error.to_string());
    }
    parse_iri(text).map(NamedOrBlankNode::from)
}

fn parse_term(text: &str) -> Result<Term, String> {
    if text.starts_with('"') || text.starts_with("<<") {
        return Term::from_str(text).map_err(|error| error.to_string());
    }
    parse_subject(text).map(Term::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxrdf::Literal;

    fn iri(text: &str) -> NamedNode {
        NamedNode::new(text).expect("an IRI")
    }

    #[test]
    fn iris_are_read_bare_and_in_brackets() {
        assert_eq!(parse_iri("http://a/b"), Ok(iri("http://a/b")));
        assert_eq!(parse_iri("<http://a/b>"), Ok(iri("http://a/b")));
        for wrong in ["", "label", "<http://a/b", "http://a/ b"] {
            assert!(parse_iri(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn objects_are_any_term() {
        let typed = "\"7\"^^<http://www.w3.org/2001/XMLSchema#integer>";
        for (text, expected) in [
            ("urn:x", Term::from(iri("urn:x"))),
            ("_:b1", BlankNode::new("b1").expect("a label").into()),
            ("\"a b\"", Literal::new_simple_literal("a b").into()),
            (
                "\"chat\"@fr",
                Literal::new_language_tagged_literal("chat", "fr")
                    .expect("a tag")
                    .into(),
            ),
            (typed, Literal::from(7).into()),
        ] {
            assert_eq!(parse_term(text), Ok(expected), "{text}");
        }
        for wrong in ["7", "\"open", "\"a\"@", "_:", "_:a b"] {
            assert!(parse_term(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_default_graph_has_a_word() {
        assert_eq!(parse_graph("default"), Ok(GraphName::DefaultGraph));
        assert_eq!(parse_graph("urn:g"), Ok(iri("urn:g").into()));
        assert!(parse_graph("\"g\"").is_err());
    }
}
